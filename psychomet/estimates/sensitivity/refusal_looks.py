"""What was asked, counted as refused, and answered: scale by scale, administration by administration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.schema import STATUSES
from psychomet.scores.key import Scale
from psychomet.scores.score import answers
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.outcomes import outcomes
from psychomet.table.responses import ResponseTable

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.intp]

ALL_ITEMS = "all items"


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Some items at all the administrations in which any of them was asked.

    Parameters
    ----------
    name : str
        The scale, or "all items".
    items : tuple of str
        Item ids.
    asked, counted : (n_rows, k) array of bool
        Whether the item was asked, and whether the answer is of the kind that is counted.
    administration : (n_rows,) array of int
        Position in the table's administrations.
    scale : Scale or None
        The scale; None where there is no key.
    values : (n_rows, k) array
        Keyed answers, NaN where there is none; empty without a scale.
    """

    name: str
    items: tuple[str, ...]
    asked: Bools
    counted: Bools
    administration: Codes
    scale: Scale | None
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some administrations: all of them, or those at a level.

    Parameters
    ----------
    label : str
        "facet = level", or empty.
    inside : (n_administrations,) array of bool
        Which.
    """

    label: str
    inside: Bools


def looks(table: ResponseTable, *, statuses: Sequence[str]) -> list[Looks]:
    """Return the outcomes of every scale; of all items where the table has no key.

    Parameters
    ----------
    table : ResponseTable
        The table, with the key to use.
    statuses : sequence of str
        What is counted.
    """
    wanted = [STATUSES.index(status) for status in statuses]
    never = STATUSES.index("not_administered")
    scales: list[Scale | None] = [None] if table.key is None else list(table.key.scales)
    made = []
    for scale in scales:
        items = tuple(table.items) if scale is None else scale.items
        found = outcomes(table, items=items)
        values = np.empty((0, 0)) if scale is None else answers(table, scale=scale.name).values
        made.append(
            Looks(
                name=ALL_ITEMS if scale is None else scale.name,
                items=items,
                asked=(found.codes >= 0) & (found.codes != never),
                counted=np.isin(found.codes, wanted),
                administration=found.administration,
                scale=scale,
                values=values,
            )
        )
    return made


def groups(table: ResponseTable, by: str | None) -> Iterator[Group]:
    """Yield the whole table, then each level of a facet."""
    yield Group("", np.ones(len(table.administrations), dtype=bool))
    if by is not None:
        for level, inside in levels(table, by):
            yield Group(f"{by} = {level}", inside)


def levels(table: ResponseTable, facet: str) -> Iterator[tuple[str, Bools]]:
    """Yield every level of a facet with the administrations at it."""
    column = table.administrations[facet].cat
    codes = column.codes.to_numpy()
    for code, level in enumerate(column.categories):
        if level != NOT_APPLICABLE and (codes == code).any():
            yield str(level), codes == code


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Answers counted and asked for, by unit.

    Parameters
    ----------
    counted, asked : (n,) array
        By unit; only units that were asked.
    unit : {"respondent", "item", "answer"}
        What a unit is: whatever there are two of at least, in this order.
    who : (n,) array of int
        Codes of the respondents, where they are the units; else empty.
    """

    counted: Floats
    asked: Floats
    unit: str
    who: Codes


def tally(respondent: Codes, parts: Sequence[tuple[Looks, Bools, Any]]) -> Tally:
    """Count by respondent; by item where there is one respondent; by answer where there is one item.

    Parameters
    ----------
    respondent : (n_administrations,) array of int
        Code of the respondent of each administration.
    parts : sequence of (Looks, array of bool, index)
        Outcomes, which of their rows, and which of their columns.
    """
    counted, asked, who, item = [], [], [], []
    offset = 0
    for block, rows, columns in parts:
        here = block.asked[rows][:, columns]
        row, column = np.nonzero(here)
        counted.append(block.counted[rows][:, columns][row, column])
        asked.append(np.ones(row.size))
        who.append(respondent[block.administration[rows]][row])
        item.append(column + offset)
        offset += here.shape[1]
    codes = {"respondent": _joined(who), "item": _joined(item)}
    kind, ones = np.concatenate([*counted, np.empty(0)]), np.concatenate([*asked, np.empty(0)])
    for unit, values in codes.items():
        present, position = np.unique(values, return_inverse=True)
        if present.size > 1:
            sums = [_sum(position, each, present.size) for each in (kind, ones)]
            return Tally(sums[0], sums[1], unit, present if unit == "respondent" else present[:0])
    return Tally(kind.astype(np.float64), ones, "answer", np.empty(0, dtype=np.intp))


def _joined(parts: Sequence[Codes]) -> Codes:
    return np.concatenate([np.empty(0, dtype=np.intp), *parts])


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Where each respondent stands on a scale, by what is made of the missing answers.

    Parameters
    ----------
    who : (n,) array of int
        Codes of the respondents who were asked.
    rate : (n,) array
        Share of the answers asked for that is counted as refused.
    answered : (n,) array
        Mean score over the answers given; NaN where there is none.
    level : (n,) array
        Mean over the answers given of the answer minus the item's mean: the standing with the items' means taken out.
    expected : (n,) array
        Mean score with each missing answer at the item's mean plus the respondent's level; NaN where there is none.
    lowest, highest : (n,) array
        Mean score with every missing answer at the lowest and at the highest keyed code.
    """

    who: Codes
    rate: Floats
    answered: Floats
    level: Floats
    expected: Floats
    lowest: Floats
    highest: Floats


def standing(respondent: Codes, block: Looks, rows: Bools) -> Standing:
    """Return where respondents stand on the scale of a block, over some of its rows.

    A respondent's score is the mean over administrations of the mean over the items asked (for ``answered``:
    over the items answered, as the rule ``missing="available"`` has it).
    """
    scale = block.scale
    if scale is None:
        raise ValueError("without a key there is no score")
    asked, values = block.asked[rows], block.values[rows]
    used = asked.any(axis=1)
    asked, values = asked[used], values[used]
    present, who = np.unique(respondent[block.administration[rows]][used], return_inverse=True)
    n = present.size
    there = np.isfinite(values)
    item_mean = _share(np.where(there, values, 0.0).sum(axis=0), there.sum(axis=0))
    centred = np.where(there, values - item_mean, 0.0).sum(axis=1)
    level = _share(_sum(who, centred, n), _sum(who, there.sum(axis=1), n))
    # An item that nobody answered has no mean: the scale's takes its place.
    whole = float(np.nanmean(item_mean)) if np.isfinite(item_mean).any() else np.nan
    stand_in = np.where(np.isfinite(item_mean), item_mean, whole)
    filled = np.where(there, values, stand_in + level[who][:, None])

    def averaged(cells: Floats, inside: Bools) -> Floats:
        row = _share(np.where(inside, cells, 0.0).sum(axis=1), inside.sum(axis=1))
        scored = np.isfinite(row)
        return _share(_sum(who[scored], row[scored], n), _sum(who[scored], np.ones(scored.sum()), n))

    missing = asked & ~there
    return Standing(
        who=present,
        rate=_share(
            _sum(who, (block.counted[rows][used] & asked).sum(axis=1), n), _sum(who, asked.sum(axis=1), n)
        ),
        answered=averaged(values, there),
        level=level,
        expected=averaged(filled, asked & np.isfinite(filled)),
        lowest=averaged(np.where(missing, scale.low, values), asked),
        highest=averaged(np.where(missing, scale.high, values), asked),
    )


def _sum(code: Codes, values: NDArray[Any], n: int) -> Floats:
    return np.bincount(code, values.astype(np.float64), minlength=n).astype(np.float64)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Quotient; NaN where there is nothing to divide by."""
    out = np.full(np.shape(part), np.nan)
    return np.divide(part, whole, out=out, where=whole > 0)
