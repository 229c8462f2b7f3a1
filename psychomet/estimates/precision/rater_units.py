"""The answers of one scale as units by raters: a unit is what several raters could have judged alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.scores.sample import groups_of
from psychomet.scores.score import Answers, Missing, answers
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

SAMPLE = "sample"


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Keyed answers of a scale, one row per unit and one column per rater.

    Parameters
    ----------
    scale : str
        The scale.
    raters : tuple of str
        Levels of the facet that plays the rater.
    values : (n_units, m) array
        Keyed answers, NaN where a rater gave none; every unit has one at least.
    respondent : (n_units,) array of int
        Position in ``ids`` of the respondent to whom the unit belongs, ascending.
    ids : (n,) array of str
        The respondents who have a unit.
    numbered : bool
        Whether replicates were matched by their place, because raters share no label.
    along : tuple of str
        Facets that change with the rater, so that they are part of it.
    left_out : int
        Units left out because a rating was missing (``missing="complete"``).
    group : str
        "facet = level", or empty for the whole table.
    silent : tuple of str
        Levels that were asked and gave no rating.
    """

    scale: str
    raters: tuple[str, ...]
    values: Floats
    respondent: Codes
    ids: NDArray[Any]
    numbered: bool = False
    along: tuple[str, ...] = ()
    left_out: int = 0
    group: str = ""
    silent: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Scale and group, for a sentence."""
        return f"{visible(self.scale)}{f' ({visible(self.group)})' if self.group else ''}"

    @property
    def obstacle(self) -> str:
        """Why there is no agreement to estimate; empty when there is."""
        if self.ids.size == 0:
            return "no unit has a rating"
        if len(self.raters) < 2:
            return "one rater: nothing to compare"
        if not (np.count_nonzero(~np.isnan(self.values), axis=1) > 1).any():
            return "no unit was rated by two of the raters"
        return ""


def ratings(
    responses: ResponseTable, *, scale: str, across: str, missing: Missing, by: str | None = None
) -> Iterator[Ratings]:
    """Yield the answers of a scale with the levels of one facet as raters: the whole table, then each level of ``by``.

    Parameters
    ----------
    responses : ResponseTable
        The table, with the key to use.
    scale : str
        Name of the scale.
    across : str
        A facet of the table, or ``sample``.
    missing : {"available", "complete"}
        Keep units with any rating, or those with a rating by every rater of the group.
    by : str, optional
        A facet of the table, not ``across``.

    Notes
    -----
    A unit is an item of a respondent at one combination of the other facets and samples. Where no unit
    would have two raters because sample labels are unique (random seeds), replicates of one respondent and
    condition are matched by the order of their labels.
    """
    block = answers(responses, scale=scale)
    for group, here in groups_of(block, by=by):
        yield _ratings(block, group, here, across, missing)


def _ratings(block: Answers, group: str, here: NDArray[np.bool_], across: str, missing: Missing) -> Ratings:
    """Put the answers of some administrations into units by raters."""
    asked = here & np.asarray(block.cells[across].astype(object) != NOT_APPLICABLE)
    applies = asked & ~np.isnan(block.values).all(axis=1)
    cells = block.cells[applies].reset_index(drop=True)
    values, respondent = block.values[applies], block.respondent[applies].astype(np.int64)
    levels = _codes(block.cells[across][asked])[0] if asked.any() else np.empty(0, dtype=object)
    if not len(cells):
        silent = tuple(map(str, levels)) if across != SAMPLE else ()
        return Ratings(block.scale.name, (), np.empty((0, 0)), np.empty(0, dtype=np.intp),
                       np.empty(0, dtype=object), group=group, silent=silent)  # fmt: skip
    names, rater = _codes(cells[across])
    silent = tuple(str(name) for name in levels if name not in set(names)) if across != SAMPLE else ()
    others = [name for name in cells.columns if name not in (across, SAMPLE)]
    along = tuple(name for name in others if _one_to_one(rater, _codes(cells[name])[1]))
    condition = _joined(respondent, *[_codes(cells[name])[1] for name in others if name not in along])
    numbered = False
    if across == SAMPLE:
        numbered = np.unique(condition).size * names.size > 2 * rater.size
        if numbered:
            rater = _place(condition, rater)
            names = np.array([str(number + 1) for number in range(int(rater.max()) + 1)], dtype=object)
    elif SAMPLE in cells.columns:
        label = _codes(cells[SAMPLE])[1]
        unit = _joined(condition, label)
        numbered = bool(np.bincount(unit).max() == 1 and _meet(condition, rater))
        condition = _joined(condition, _place(_joined(condition, rater), label)) if numbered else unit
    found = _filled(block.scale.name, values, respondent, condition, rater, names, block.respondents,
                    numbered=numbered, along=along, missing=missing)  # fmt: skip
    return replace(found, group=group, silent=silent)


def _filled(
    scale: str, values: Floats, respondent: Codes, condition: Codes, rater: Codes, names: NDArray[Any],
    respondents: NDArray[Any], *, numbered: bool, along: tuple[str, ...], missing: Missing,
) -> Ratings:  # fmt: skip
    """Put answers into units by raters, drop empty units, apply the rule for missing answers."""
    first, row = np.unique(condition, return_index=True)[1], condition
    k = values.shape[1]
    dense = np.full((first.size, names.size, k), np.nan)
    dense[row, rater] = values
    table = dense.transpose(0, 2, 1).reshape(-1, names.size)
    owner = np.repeat(respondent[first], k)
    count = np.count_nonzero(~np.isnan(table), axis=1)
    keep = count == names.size if missing == "complete" else count > 0
    order = np.flatnonzero(keep)[np.argsort(owner[keep], kind="stable")]
    present, position = np.unique(owner[order], return_inverse=True)
    return Ratings(
        scale, tuple(map(str, names)), table[order], position.astype(np.intp), respondents[present],
        numbered, along, int(np.count_nonzero(count > 0) - order.size),
    )  # fmt: skip


def _codes(column: pd.Series) -> tuple[NDArray[Any], Codes]:
    """Levels that occur and the position of each row's level."""
    present, code = np.unique(column.cat.codes.to_numpy(), return_inverse=True)
    return np.asarray(column.cat.categories, dtype=object)[present], code.astype(np.intp)


def _joined(*codes: Codes) -> Codes:
    """Number the combinations of several codes, in their order."""
    out = codes[0].astype(np.int64)
    for code in codes[1:]:
        out = np.unique(out * (int(code.max()) + 1) + code, return_inverse=True)[1]
    return np.unique(out, return_inverse=True)[1].astype(np.intp)


def _one_to_one(rater: Codes, other: Codes) -> bool:
    """Whether two facets of several levels change together."""
    many = int(other.max()) + 1
    return many > 1 and np.unique(rater * many + other).size == many == int(rater.max()) + 1


def _meet(condition: Codes, rater: Codes) -> bool:
    """Whether some condition was met by two raters."""
    both = np.unique(np.stack([condition, rater]), axis=1)[0]
    return bool(np.bincount(both).max() > 1)


def _place(group: Codes, label: Codes) -> Codes:
    """Number the rows of each group 0, 1, ... by label."""
    order = np.lexsort((label, group))
    new = np.diff(group[order], prepend=-1).astype(bool)
    at = np.arange(order.size)
    out = np.empty(order.size, dtype=np.intp)
    out[order] = at - np.maximum.accumulate(np.where(new, at, 0))
    return out
