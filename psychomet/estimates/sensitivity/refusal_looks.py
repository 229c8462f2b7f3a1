"""What was asked, counted as refused, and answered: scale by scale, administration by administration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
Rows = slice | Codes

ALL_ITEMS, ITEM = "all items", "item"


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
    n_asked, n_counted : (n_rows,) array
        Their sums over the items.
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
    n_asked: Floats
    n_counted: Floats
    administration: Codes
    scale: Scale | None
    values: Floats


class Group(NamedTuple):
    """Some administrations: all of them, or those at a level.

    Attributes
    ----------
    label : str
        "facet = level", or empty.
    rows : tuple of slice or array of int
        The rows of each block of outcomes.
    """

    label: str
    rows: tuple[Rows, ...]


def looks(table: ResponseTable, *, statuses: Sequence[str]) -> list[Looks]:
    """Return the outcomes of every scale; of all items where the table has no key.

    Parameters
    ----------
    table : ResponseTable
        The table, with the key to use.
    statuses : sequence of str
        What is counted.
    """
    # The last place is that of -1, no row.
    kind = np.array([*(status in statuses for status in STATUSES), False])
    never = STATUSES.index("not_administered")
    scales: list[Scale | None] = [None] if table.key is None else list(table.key.scales)
    made = []
    for scale in scales:
        items = tuple(table.items) if scale is None else scale.items
        found = outcomes(table, items=items)
        asked, counted = (found.codes >= 0) & (found.codes != never), kind[found.codes]
        values = np.empty((0, 0)) if scale is None else answers(table, scale=scale.name).values
        made.append(
            Looks(
                name=ALL_ITEMS if scale is None else scale.name,
                items=items,
                asked=asked,
                counted=counted,
                n_asked=asked.sum(axis=1, dtype=np.float64),
                n_counted=counted.sum(axis=1, dtype=np.float64),
                administration=found.administration,
                scale=scale,
                values=values,
            )
        )
    return made


def groups(table: ResponseTable, blocks: Sequence[Looks], by: str | None) -> Iterator[Group]:
    """Yield the whole table, then each level of a facet."""
    yield Group("", (slice(None),) * len(blocks))
    if by is not None:
        names, code = levels(table, by)
        for name, rows in zip(names, rows_by_level(blocks, code, len(names)), strict=True):
            yield Group(f"{by} = {name}", rows)


def levels(table: ResponseTable, facet: str) -> tuple[list[str], Codes]:
    """Return the levels of a facet that occur, and which one each administration is at; -1 for none."""
    column = table.administrations[facet].cat
    codes = column.codes.to_numpy()
    there = np.bincount(codes, minlength=len(column.categories)) > 0
    there &= np.asarray(column.categories != NOT_APPLICABLE)
    number = np.where(there, np.cumsum(there) - 1, -1)
    return [str(column.categories[int(at)]) for at in np.flatnonzero(there)], number[codes]


def rows_by_level(blocks: Sequence[Looks], code: Codes, n_levels: int) -> Iterator[tuple[Codes, ...]]:
    """Yield for every level the rows of each block that are at it."""
    parts = []
    for block in blocks:
        at = code[block.administration]
        order = np.argsort(at, kind="stable")
        cuts = np.searchsorted(at[order], np.arange(n_levels + 1))
        parts.append((order, cuts))
    for level in range(n_levels):
        yield tuple(order[cuts[level] : cuts[level + 1]] for order, cuts in parts)


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


def tally(respondent: Codes, parts: Sequence[tuple[Looks, Rows, int | None]]) -> Tally:
    """Count by respondent; by item where there is one respondent; by answer where there is one item.

    Parameters
    ----------
    respondent : (n_administrations,) array of int
        Code of the respondent of each administration.
    parts : sequence of (Looks, rows, int or None)
        Outcomes, which of their rows, and which of their items (None for all).
    """
    n = int(respondent.max(initial=-1)) + 1
    counted, asked = np.zeros(n), np.zeros(n)
    for block, rows, item in parts:
        who = respondent[block.administration[rows]]
        counted += _sum(who, block.n_counted[rows] if item is None else block.counted[rows, item], n)
        asked += _sum(who, block.n_asked[rows] if item is None else block.asked[rows, item], n)
    return by_respondent(counted, asked) or _by_item(parts)


def by_respondent(counted: Floats, asked: Floats) -> Tally | None:
    """Return the counts of the respondents who were asked; None where there are fewer than two."""
    who = np.flatnonzero(asked)
    return Tally(counted[who], asked[who], "respondent", who) if who.size > 1 else None


def _by_item(parts: Sequence[tuple[Looks, Rows, int | None]]) -> Tally:
    """Count by item, or by answer where there is one item."""
    sums = [np.empty((2, 0))]
    for block, rows, item in parts:
        columns = slice(None) if item is None else [item]
        cells = (block.counted[rows][:, columns], block.asked[rows][:, columns])
        sums.append(np.stack([each.sum(axis=0, dtype=np.float64) for each in cells]))
    counted, asked = np.concatenate(sums, axis=1)
    counted, asked = counted[asked > 0], asked[asked > 0]
    nobody = np.empty(0, dtype=np.intp)
    if asked.size > 1:
        return Tally(counted, asked, "item", nobody)
    single = (np.arange(int(asked.sum())) < counted.sum()).astype(np.float64)
    return Tally(single, np.ones(single.size), "answer", nobody)


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


def standing(respondent: Codes, block: Looks, rows: Rows) -> Standing:
    """Return where respondents stand on the scale of a block, over some of its rows.

    A respondent's score is the mean over administrations of the mean over the items asked (for ``answered``:
    over the items answered, as the rule ``missing="available"`` has it).
    """
    scale = block.scale
    if scale is None:
        raise ValueError("without a key there is no score")
    used = np.arange(block.n_asked.size)[rows]
    used = used[block.n_asked[used] > 0]
    asked, values = block.asked[used], block.values[used]
    present, who = np.unique(respondent[block.administration[used]], return_inverse=True)
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
        rate=_share(_sum(who, block.n_counted[used], n), _sum(who, block.n_asked[used], n)),
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
