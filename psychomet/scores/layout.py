"""The layout of a scale's own rows: which facets vary, what is crossed, what is nested, what is complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.numerics.moments import group_means
from psychomet.numerics.variance.cells import combined, grid_counts
from psychomet.scores.key import Scale
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE, containers, find_facets, item_position
from psychomet.scores.score import Answers, Missing, answers
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

ITEM = "item"


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Answers of one scale by the axes that were varied.

    Parameters
    ----------
    scale : Scale
        The scale.
    group : str
        "facet = level", or empty for the whole table.
    axes : tuple of str
        What varies; ``respondent`` first where it is the object of measurement.
    sizes : tuple of int
        Levels of each axis; of a nested one the most levels within a cell of its containers.
    nested : mapping of int to tuple of int
        Axis -> the axes within which its levels differ.
    values : (N,) array
        Keyed answers, or means over what is fixed.
    codes : (d, N) array of int
        Level of each axis.
    ids : (n,) array of str
        Respondents, in the order of the codes of axis 0; empty without an object of measurement.
    found : mapping of str to str
        Facet -> how it was taken, in words.
    left_out : mapping of str to int
        What was left out and how much.
    cells : array of the sizes, or None
        The answers as an array where every cell has exactly one.
    doubts : tuple of str
        Nestings that all but a few answers follow, in words.
    """

    scale: Scale
    group: str
    axes: tuple[str, ...]
    sizes: tuple[int, ...]
    nested: Mapping[int, tuple[int, ...]]
    values: Floats
    codes: Codes
    ids: NDArray[Any]
    found: Mapping[str, str]
    left_out: Mapping[str, int] = field(default_factory=dict)
    cells: Floats | None = None
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Scale and group, for a sentence."""
        return f"{visible(self.scale.name)}{f' ({visible(self.group)})' if self.group else ''}"

    @property
    def numbers(self) -> tuple[float, ...]:
        """Conditions behind a score: levels of each axis but the object, harmonic means where they differ."""
        first = 1 if self.axes and self.axes[0] == RESPONDENT else 0
        if self.cells is not None or not first:
            return tuple(float(size) for size in self.sizes[first:])
        counts = []
        grid = grid_counts(self.codes)
        for axis in range(first, len(self.axes)):
            inside = [0, *(c for c in self.nested.get(axis, ()) if c)]
            per = _per_cell(self.codes, inside, axis) if grid is None else _per_grid(grid, inside, axis)
            alike = per.min() == per.max()
            counts.append(float(per[0] if alike else per.size / np.sum(1 / per)))
        return tuple(counts)


def _per_cell(codes: Codes, inside: Sequence[int], axis: int) -> Codes:
    """Number of levels of an axis in each cell of some others that occurs."""
    within = combined([codes[one] for one in inside])
    pair = combined([within, codes[axis]])
    host = np.empty(int(pair.max()) + 1, dtype=np.intp)
    host[pair] = within
    return np.bincount(host)


def _per_grid(grid: Floats, inside: Sequence[int], axis: int) -> Codes:
    """The same from the number of answers in every cell of the grid, the respondents its last axis."""
    others = [one - 1 for one in range(1, grid.ndim) if one != axis and one not in inside]
    per = (grid.sum(axis=tuple(others), keepdims=True) > 0).sum(axis=axis - 1).ravel()
    return np.asarray(per[per > 0])


def layouts(
    responses: ResponseTable,
    *,
    scale: str,
    missing: Missing,
    measured: bool = True,
    facets: Sequence[str] | None = None,
    fixed: Sequence[str] = (),
    by: str | None = None,
) -> Iterator[Layout]:
    """Yield the layout of a scale in the whole table, then at each level of a facet.

    Parameters
    ----------
    responses : ResponseTable
        The table, with the key to use.
    scale : str
        Name of the scale.
    missing : {"available", "complete"}
        Keep every answer, or only the respondents (administrations where respondents are not
        measured) with every answer in every condition that at least half of them have.
    measured : bool
        Whether respondents are the object of measurement; else each is one combination of facets.
    facets : sequence of str, optional
        The facets to tell apart; default all that vary. Administrations that they do not tell apart
        are replicate samples.
    fixed : sequence of str
        Facets, or ``item``, averaged over.
    by : str, optional
        The facet whose levels are taken one by one.
    """
    block = answers(responses, scale=scale)
    yield _layout(block, "", np.ones(block.respondent.size, dtype=bool), missing, measured, facets, fixed)
    if by is None:
        return
    column = block.cells[by].cat
    codes = column.codes.to_numpy()
    for code, level in enumerate(column.categories):
        here = codes == code
        if level != NOT_APPLICABLE and here.any():
            yield _layout(block, f"{by} = {level}", here, missing, measured, facets, fixed)


def check_layout(
    table: ResponseTable, *, facets: Sequence[str] | None, fixed: Sequence[str], by: str | None
) -> None:
    """Raise :class:`InputError` with every name that is no facet of the table."""
    there = ", ".join(map(visible, table.facets)) or "none"
    faults = []
    for argument, names in (("facets", facets or ()), ("fixed", fixed), ("by", () if by is None else (by,))):
        if isinstance(names, str):
            faults.append(Fault(argument, f"'{visible(names)}' is one text", "Pass a list of facets"))
            continue
        allowed = {*table.facets, ITEM} if argument == "fixed" else set(table.facets)
        strange = [name for name in names if name not in allowed]
        if strange:
            shown = ", ".join(f"'{visible(name)}'" for name in strange)
            faults.append(Fault(argument, f"no facet of the table: {shown}", f"The facets are: {there}"))
    if faults:
        raise InputError("the call", faults)


def _layout(
    block: Answers, group: str, here: NDArray[np.bool_], missing: Missing, measured: bool,
    facets: Sequence[str] | None, fixed: Sequence[str],
) -> Layout:  # fmt: skip
    """Find the axes of some administrations and put their answers on them."""
    keep = here & ~np.isnan(block.values).all(axis=1)
    left_out = {"administrations without an answer": int(np.count_nonzero(here & ~keep))}
    whole = ~np.isnan(block.values).any(axis=1)
    if missing == "complete" and not measured:
        left_out["administrations with an answer missing"] = int(np.count_nonzero(keep & ~whole))
        keep &= whole
    values = block.values[keep]
    cells = block.cells[keep].reset_index(drop=True)
    present, respondent = np.unique(block.respondent[keep], return_inverse=True)
    ids = block.respondents[present]
    counts = np.count_nonzero(~np.isnan(values), axis=1).astype(float)
    found, axes, doubts = find_facets(cells, respondent if measured else None, named=facets, answers=counts)
    base = {RESPONDENT: respondent} if measured else {}
    sample = _replicates({**base, **axes}, cells, respondent)
    if ITEM in fixed:
        values = _means(values, missing)[:, None]
        found[ITEM] = "fixed, averaged"
    averaged = [name for name in fixed if name in axes]
    found |= dict.fromkeys(averaged, "fixed, averaged")
    nesting = containers(axes, base)
    keys = {**base, **{name: codes for name, codes in axes.items() if name not in averaged}}
    if sample.max(initial=0):
        keys[SAMPLE] = sample
        found[SAMPLE] = f"replicates nested in {' x '.join(name for name in keys if name != SAMPLE)}"
    if averaged and values.size:
        values, keys = _average(values, keys)
    return _on_axes(
        block.scale, group, values, keys, nesting, ids if measured else np.empty(0, dtype=object),
        found, doubts, left_out, missing, measured,
    )  # fmt: skip


def _replicates(keys: Mapping[str, Codes], cells: pd.DataFrame, respondent: Codes) -> Codes:
    """Number the administrations under one combination of levels 0, 1, ... by sample label."""
    label = cells[SAMPLE].cat.codes.to_numpy() if SAMPLE in cells else np.zeros(len(cells), dtype=np.intp)
    if not len(cells):
        return np.zeros(0, dtype=np.intp)
    cell = combined(list(keys.values())) if keys else np.zeros(len(cells), dtype=np.intp)
    order = np.lexsort((respondent, label, cell))
    start = np.diff(cell[order], prepend=-1).astype(bool)
    place = np.arange(order.size)
    number = np.empty(order.size, dtype=np.intp)
    number[order] = place - np.maximum.accumulate(np.where(start, place, 0))
    return number


def _means(values: Floats, missing: Missing) -> Floats:
    """Scale scores: means of the items answered, or only where all were."""
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    needed = values.shape[1] if missing == "complete" else 1
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count >= needed)


def _average(values: Floats, keys: Mapping[str, Codes]) -> tuple[Floats, dict[str, Codes]]:
    """Mean of the rows that have the same levels."""
    unique, position = np.unique(np.stack(list(keys.values())), axis=1, return_inverse=True)
    means = group_means(values, np.ravel(position), unique.shape[1])
    return means, {name: unique[number] for number, name in enumerate(keys)}


def _on_axes(
    scale: Scale, group: str, values: Floats, keys: Mapping[str, Codes],
    nesting: Mapping[str, tuple[str, ...]], ids: NDArray[Any], found: Mapping[str, str],
    doubts: tuple[str, ...], left_out: dict[str, int], missing: Missing, measured: bool,
) -> Layout:  # fmt: skip
    """Put answers on axes: respondents, items, facets, samples."""
    names = [name for name in (RESPONDENT,) if name in keys]
    many_items = values.shape[1] > 1
    names += [ITEM] if many_items else []
    names += [name for name in keys if name not in (RESPONDENT, SAMPLE)]
    names += [SAMPLE] if SAMPLE in keys else []
    row, column = np.nonzero(~np.isnan(values))
    facets = {name: codes[row] for name, codes in keys.items() if name not in (RESPONDENT, SAMPLE)}
    position = item_position(column, facets) if many_items and column.size else ""
    if position:
        found = {**found, ITEM: position}
    codes = np.stack([column if name == ITEM else keys[name][row] for name in names]).astype(np.intp)
    answered = values[row, column]
    for axis, name in enumerate(names):
        # Labels of a respondent's own raters are shared with nobody: number them before looking for holes.
        if RESPONDENT in nesting.get(name, ()):
            codes[axis] = _local(codes, axis, {axis: (names.index(RESPONDENT),)})
    if measured and missing == "complete":
        codes, answered, ids = _whole(codes, answered, ids, left_out)
    elif measured:
        ids = ids[np.flatnonzero(np.bincount(codes[0]))]
    varied = [
        name == RESPONDENT or bool(level.size and np.ptp(level))
        for name, level in zip(names, codes, strict=True)
    ]
    names = [name for name, kept in zip(names, varied, strict=True) if kept]
    codes = codes[varied]
    at = {name: number for number, name in enumerate(names)}
    nested = {
        at[name]: tuple(at[other] for other in outer if other in at)
        for name, outer in nesting.items()
        if name in at and any(other in at for other in outer)
    }
    if SAMPLE in at:
        nested[at[SAMPLE]] = tuple(number for name, number in at.items() if name not in (ITEM, SAMPLE))
    for axis in range(len(names)):
        codes[axis] = _local(codes, axis, nested) if axis in nested else _dense(codes[axis])
    sizes = tuple(int(level.max(initial=-1)) + 1 for level in codes)
    layout = Layout(
        scale, group, tuple(names), sizes, nested, answered, codes, ids, found, left_out, doubts=doubts
    )
    return _filled(layout)


def _dense(codes: Codes) -> Codes:
    """Number the levels that occur 0, 1, ..."""
    return combined([codes]) if codes.size else codes


def _local(codes: Codes, axis: int, nested: Mapping[int, tuple[int, ...]]) -> Codes:
    """Number the levels of a nested axis 0, 1, ... within each cell of its containers."""
    if not codes.shape[1]:
        return codes[axis]
    cell = combined([codes[container] for container in nested[axis]])
    pair = combined([cell, codes[axis]])
    host = np.empty(int(pair.max()) + 1, dtype=np.intp)
    host[pair] = cell
    # Pairs are numbered cell by cell: the first of a cell comes after all those of the cells before.
    first = np.cumsum(np.bincount(host)) - np.bincount(host)
    return np.asarray(pair - first[cell])


def _whole(
    codes: Codes, answered: Floats, ids: NDArray[Any], left_out: dict[str, int]
) -> tuple[Codes, Floats, NDArray[Any]]:
    """Keep the respondents who have an answer in every condition that at least half of them have."""
    conditions, look = np.unique(codes[1:], axis=1, return_inverse=True)
    look = np.ravel(look)
    present, row = np.unique(codes[0], return_inverse=True)
    common = np.bincount(look, minlength=conditions.shape[1]) >= present.size / 2
    complete = np.bincount(row, common[look], minlength=present.size) == common.sum()
    keep = common[look] & complete[row]
    left_out["respondents with a condition missing"] = int(np.count_nonzero(~complete))
    left_out["conditions that fewer than half of the respondents have"] = int(np.count_nonzero(~common))
    return codes[:, keep], answered[keep], ids[present[complete]]


def _filled(layout: Layout) -> Layout:
    """Add the array of cells where every cell has exactly one answer."""
    if not layout.sizes or prod(layout.sizes) != layout.values.size or not layout.values.size:
        return layout
    flat = np.ravel_multi_index(tuple(layout.codes), layout.sizes)
    if np.unique(flat).size != flat.size:
        return layout
    cells = np.empty(layout.values.size)
    cells[flat] = layout.values
    return replace(layout, cells=cells.reshape(layout.sizes))
