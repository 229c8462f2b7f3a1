r"""Crossed random effects taken apart into strata that the data can tell from each other.

The effects u_j ~ N(0, \sigma_j^2 I) of facets and interactions overlap: the row means of an interaction say the same as
the main effect, and the mean of every effect the same as the general mean. On the complete grid of levels each effect
is the sum of independent parts, one for every subset s of its facets, that sum to zero along each facet of s; parts of
several effects on the same subset add up to one stratum, whose coordinates are independent with variance

    \lambda_s = \sum_{j \supseteq s} \sigma_j^2 / \prod_{i \in j \setminus s} n_i .

The likelihood depends on the strata alone. This is exact whatever the counts of the cells: a level or a combination
without answers is drawn from its prior. Effects are divided again afterwards, from their conditional normal law.

An effect that fills little of its grid (a nested facet, a sparse interaction) is taken as one facet of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.variance.cells import combined

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Axes = tuple[int, ...]

FILLED = 0.5
"""Share of its grid that an effect must fill to be taken apart."""
WIDEST = 0.1
"""Strata are added up in one table of at most this many entries for every cell before they go to the cells."""


class Stratum(NamedTuple):
    """Coordinates that share a variance.

    Attributes
    ----------
    axes : tuple of int
        The facets, ascending.
    shape : tuple of int
        Levels of each; there is one coordinate less along each.
    start, stop : int
        Where its coordinates stand.
    """

    axes: Axes
    shape: tuple[int, ...]
    start: int
    stop: int


class Table(NamedTuple):
    """Strata whose values are added on one grid before they go to the cells.

    Attributes
    ----------
    axes, shape
        Of the grid.
    members : tuple of int
        The strata.
    code : ndarray, shape (cells,)
        Entry of the grid for every cell.
    """

    axes: Axes
    shape: tuple[int, ...]
    members: tuple[int, ...]
    code: Ints


class Crossed(NamedTuple):
    """Random effects of a table.

    Attributes
    ----------
    effects : tuple of Axes
        Facets of every effect; those taken as facets of their own have a number beyond the facets given.
    strata : tuple of Stratum
        Without that of the general mean.
    weight : ndarray, shape (strata, m)
        Variances of the strata are ``weight @ variance`` of the effects.
    mean_weight : ndarray, shape (m,)
        The variance that the effects add to the general mean.
    tables : tuple of Table
        How coordinates reach the cells.
    level : tuple of ndarray
        For every effect, the entries of its grid that occur, ascending.
    stratum : ndarray, shape (coordinates,)
        The stratum of every coordinate.
    """

    effects: tuple[Axes, ...]
    strata: tuple[Stratum, ...]
    weight: Floats
    mean_weight: Floats
    tables: tuple[Table, ...]
    level: tuple[Ints, ...]
    stratum: Ints


def crossed(codes: Sequence[Ints], *, effects: Sequence[Axes]) -> Crossed:
    """Take the random effects of a table apart.

    Parameters
    ----------
    codes : sequence of (cells,) array of int
        Level of each facet, 0, 1, ... without gaps.
    effects : sequence of Axes
        Facets of every effect.

    Returns
    -------
    Crossed
    """
    axes_codes = [np.asarray(code, dtype=np.intp) for code in codes]
    taken: list[Axes] = []
    for effect in effects:
        own = combined([axes_codes[axis] for axis in effect])
        grid = prod(int(axes_codes[axis].max()) + 1 for axis in effect)
        if len(effect) > 1 and own.max() + 1 < FILLED * grid:
            axes_codes.append(np.asarray(own, dtype=np.intp))
            taken.append((len(axes_codes) - 1,))
        else:
            taken.append(tuple(sorted(effect)))
    sizes = [int(code.max()) + 1 for code in axes_codes]
    subsets = {
        part for effect in taken for size in range(len(effect)) for part in combinations(effect, size + 1)
    }
    strata, start = [], 0
    for axes in sorted(subsets, key=lambda part: (len(part), part)):
        shape = tuple(sizes[axis] for axis in axes)
        stop = start + prod(n - 1 for n in shape)
        strata.append(Stratum(axes, shape, start, stop))
        start = stop
    weight = np.array([[_share(stratum.axes, effect, sizes) for effect in taken] for stratum in strata])
    level = []
    for effect in taken:
        flat = np.ravel_multi_index([axes_codes[axis] for axis in effect], [sizes[axis] for axis in effect])
        level.append(np.unique(flat))
    return Crossed(
        tuple(taken), tuple(strata), weight, np.array([_share((), effect, sizes) for effect in taken]),
        _tables(strata, axes_codes, sizes), tuple(level),
        np.repeat(np.arange(len(strata)), [stratum.stop - stratum.start for stratum in strata]),
    )  # fmt: skip


def at_cells(plan: Crossed, z: Floats) -> Floats:
    """Sum of the strata in every cell, (cells,), of their coordinates (coordinates,)."""
    parts = [_zero_sum(z[s.start : s.stop].reshape([n - 1 for n in s.shape])) for s in plan.strata]
    total: Floats | None = None
    for table in plan.tables:
        grid = np.zeros(table.shape)
        for member in table.members:
            grid += parts[member].reshape(_broad(plan.strata[member], table))
        found = grid.ravel()[table.code]
        total = found if total is None else np.add(total, found, out=total)
    if total is None:
        raise ValueError("there are no strata")
    return total


def at_coordinates(plan: Crossed, by_cell: Floats) -> Floats:
    """Take derivatives by cells to derivatives by coordinates: the transpose of :func:`at_cells`."""
    found = np.empty(plan.stratum.size)
    for table in plan.tables:
        grid = _gathered(table, by_cell)
        for member in table.members:
            stratum = plan.strata[member]
            found[stratum.start : stratum.stop] = _folded(_summed(grid, table, stratum)).ravel()
    return found


def own_information(plan: Crossed, by_cell: Floats) -> Floats:
    """Diagonal of the information about coordinates, of that about each cell: at_cells' diag(by_cell) at_cells."""
    found = np.empty(plan.stratum.size)
    for table in plan.tables:
        grid = _gathered(table, by_cell)
        for member in table.members:
            stratum = plan.strata[member]
            left = _summed(grid, table, stratum)
            for axis in range(left.ndim):
                left = _folded_square(left, axis)
            found[stratum.start : stratum.stop] = left.ravel()
    return found


def effect_draws(
    plan: Crossed, z: Floats, *, variance: Floats, shift: Floats, rng: np.random.Generator
) -> list[Floats]:
    """Divide strata among the effects, one draw of effects for each draw of strata, from the exact conditional law.

    Parameters
    ----------
    plan : Crossed
        The table.
    z : (draws, coordinates) array
        Coordinates of the strata.
    variance : (draws, m) array
        Of the effects.
    shift : (draws,) array
        Sum of the means of all effects.
    rng : Generator
        Of the draws.

    Returns
    -------
    list of (draws, levels) array
        One per effect, the levels as in ``plan.level``.
    """
    draws = len(z)
    grids = [np.zeros((draws, *(_size(plan, axis) for axis in effect))) for effect in plan.effects]
    everyone = np.arange(len(plan.effects))
    for effect, own in zip(
        everyone, _divided(shift[:, None], plan.mean_weight * variance, everyone, rng), strict=True
    ):
        grids[effect] += own.reshape(draws, *[1] * (grids[effect].ndim - 1))
    for stratum, weight in zip(plan.strata, plan.weight, strict=True):
        members = np.flatnonzero(weight)
        parts = _divided(z[:, stratum.start : stratum.stop], (weight * variance)[:, members], members, rng)
        for effect, own in zip(members, parts, strict=True):
            values = _zero_sum(own.reshape(draws, *[n - 1 for n in stratum.shape]), batch=1)
            shape = [n if a in stratum.axes else 1 for a, n in _sides(plan, plan.effects[effect])]
            grids[effect] += values.reshape(draws, *shape)
    return [grid.reshape(draws, -1)[:, level] for grid, level in zip(grids, plan.level, strict=True)]


def _divided(
    total: Floats, variance: Floats, members: NDArray[np.intp], rng: np.random.Generator
) -> list[Floats]:
    """Independent normal parts given their sum: draws without the condition, then the difference shared out."""
    if len(members) == 1:
        return [total]
    free = [np.sqrt(variance[:, [at]]) * rng.standard_normal(total.shape) for at in range(len(members))]
    lacking = total - np.sum(free, axis=0)
    share = variance / variance.sum(axis=1, keepdims=True)
    return [part + share[:, [at]] * lacking for at, part in enumerate(free)]


def _share(axes: Axes, effect: Axes, sizes: Sequence[int]) -> float:
    """Variance of a stratum for an effect of variance 1."""
    if not set(axes) <= set(effect):
        return 0.0
    return 1 / prod(sizes[axis] for axis in effect if axis not in axes)


def _size(plan: Crossed, axis: int) -> int:
    """Levels of a facet: every facet of an effect is a stratum."""
    return next(stratum.shape[0] for stratum in plan.strata if stratum.axes == (axis,))


def _sides(plan: Crossed, axes: Axes) -> list[tuple[int, int]]:
    """Facets with their levels."""
    return [(axis, _size(plan, axis)) for axis in axes]


def _tables(strata: Sequence[Stratum], codes: Sequence[Ints], sizes: Sequence[int]) -> tuple[Table, ...]:
    """Gather strata on few grids: every grid costs one look-up for every cell."""
    grids: list[Axes] = []
    for axes in sorted((stratum.axes for stratum in strata), key=lambda part: (-len(part), part)):
        if any(set(axes) <= set(grid) for grid in grids):
            continue
        for at, grid in enumerate(grids):
            joint = tuple(sorted({*grid, *axes}))
            if prod(sizes[axis] for axis in joint) <= WIDEST * len(codes[0]):
                grids[at] = joint
                break
        else:
            grids.append(axes)
    home = [next(at for at, grid in enumerate(grids) if set(stratum.axes) <= set(grid)) for stratum in strata]
    tables = []
    for at, grid in enumerate(grids):
        shape = tuple(sizes[axis] for axis in grid)
        code = np.ravel_multi_index([codes[axis] for axis in grid], shape)
        members = tuple(number for number, place in enumerate(home) if place == at)
        tables.append(Table(grid, shape, members, np.asarray(code, dtype=np.intp)))
    return tuple(tables)


def _broad(stratum: Stratum, table: Table) -> list[int]:
    """Shape of a stratum among the axes of a table."""
    return [n if axis in stratum.axes else 1 for axis, n in zip(table.axes, table.shape, strict=True)]


def _gathered(table: Table, by_cell: Floats) -> Floats:
    """Sums over the cells of every entry of a grid."""
    found = np.bincount(table.code, weights=by_cell, minlength=prod(table.shape))
    return np.asarray(found, dtype=np.float64).reshape(table.shape)


def _summed(grid: Floats, table: Table, stratum: Stratum) -> Floats:
    """A grid summed over the axes that a stratum has not."""
    others = tuple(at for at, axis in enumerate(table.axes) if axis not in stratum.axes)
    return np.asarray(grid.sum(axis=others)) if others else grid


def _zero_sum(x: Floats, *, batch: int = 0) -> Floats:
    """Coordinates to values that sum to zero along every axis but the first ``batch``: an isometry (Householder)."""
    for axis in range(batch, x.ndim):
        root = np.sqrt(x.shape[axis] + 1)
        total = x.sum(axis=axis, keepdims=True)
        x = np.concatenate([x - total / (root * root + root), total / -root], axis=axis)
    return x


def _folded(g: Floats) -> Floats:
    """The transpose of :func:`_zero_sum`."""
    for axis in range(g.ndim):
        n = g.shape[axis]
        root = np.sqrt(n)
        first = g.take(range(n - 1), axis=axis) if axis else g[:-1]
        last = g.take([n - 1], axis=axis) if axis else g[-1:]
        g = first - first.sum(axis=axis, keepdims=True) / (n + root) - last / root
    return g


def _folded_square(g: Floats, axis: int) -> Floats:
    """As :func:`_folded` along one axis with the squares of its coefficients."""
    n = g.shape[axis]
    first, last = np.split(g, [n - 1], axis=axis)
    off = 1 / (n + np.sqrt(n))
    return (1 - 2 * off) * first + off**2 * first.sum(axis=axis, keepdims=True) + last / n
