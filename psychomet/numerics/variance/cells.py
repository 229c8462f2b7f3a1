"""Rows of an unbalanced table gathered into cells, and the incidence of random effects on them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from psychomet.numerics.variance.layout import Effect

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

KEY_LIMIT = 1 << 62
SPARSE = 4  # a grid with more cells than this many per row is not made


class Cells(NamedTuple):
    """Rows that share the levels of every factor, as one weighted mean each.

    Attributes
    ----------
    effects : tuple of Effect
        The random effects, without the residual.
    residual : Effect
        Name of the residual: all factors, and one number more (the replicate) where cells hold several rows.
    factor : ndarray of int, shape (C, n_factors)
        Level of every factor that takes part, by cell; other columns are 0.
    level : ndarray of int, shape (C, n_effects)
        Level of every effect, by cell.
    size : ndarray of int, shape (n_effects,)
        Number of levels of every effect.
    weight, mean : ndarray, shape (C,)
        Number of rows and their mean; means are deviations from ``centre``.
    within : float
        Sum of squares of the rows about the means of their cells.
    rows : int
        Number of rows.
    centre : float
        Mean of all rows.
    """

    effects: tuple[Effect, ...]
    residual: Effect
    factor: Codes
    level: Codes
    size: Codes
    weight: Floats
    mean: Floats
    within: float
    rows: int
    centre: float


def gather(y: ArrayLike, *, codes: Sequence[ArrayLike], effects: Sequence[Effect]) -> Cells:
    """Gather rows into cells and hold the effects against what can be told apart.

    Parameters
    ----------
    y : (N,) array
        Finite observations.
    codes : sequence of (N,) arrays of int
        Level of each factor; any integers from 0.
    effects : sequence of Effect
        Each a tuple of factor positions.

    Returns
    -------
    Cells

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, a code is negative, an effect names a factor that is not
        there, has one level, splits the rows as another does, or leaves no row to the residual.
    """
    values = np.asarray(y, dtype=float)
    factors = [np.asarray(code).astype(np.intp, copy=False) for code in codes]
    asked = tuple(dict.fromkeys(tuple(sorted(set(effect))) for effect in effects))
    _check(values, factors, asked)
    used = sorted({factor for effect in asked for factor in effect})
    cell = combined([factors[factor] for factor in used])
    count = int(cell.max()) + 1
    first = np.empty(count, dtype=np.intp)
    first[cell] = np.arange(cell.size)
    weight = np.bincount(cell, minlength=count).astype(float)
    centre = float(values.mean())
    deviation = values - centre
    mean = np.bincount(cell, deviation, minlength=count) / weight
    rest = deviation - mean[cell]
    everything = tuple(range(len(factors)))
    single = count == values.size
    kept = tuple(effect for effect in asked if not (single and effect == tuple(used)))
    factor = np.zeros((count, len(factors)), dtype=np.intp)
    for position in used:
        factor[:, position] = factors[position][first]
    level = np.empty((count, len(kept)), dtype=np.intp)
    for column, effect in enumerate(kept):
        level[:, column] = combined([factor[:, position] for position in effect])
    size = level.max(axis=0) + 1
    residual = everything if single else (*everything, len(factors))
    cells = Cells(
        kept, residual, factor, level, size, weight, mean, float(np.vdot(rest, rest)), values.size, centre
    )
    _tell_apart(cells)
    return cells


def combined(codes: Sequence[Codes]) -> Codes:
    """Number the combinations of several codes that occur 0, 1, 2, ... in ascending order."""
    found = _compact(codes[0])
    for code in codes[1:]:
        other = _compact(code)
        # Each step is compact, so the product stays below rows squared.
        found = _compact(found * (int(other.max()) + 1) + other)
    return found


def grid_counts(codes: ArrayLike) -> Floats | None:
    """Return how many rows every cell of the full grid has; None where the grid has many more cells than there are rows.

    Parameters
    ----------
    codes : (d, N) array of int
        Level of each factor, numbered from 0.

    Returns
    -------
    (n_1, ..., n_d, n_0) array or None
        Factor 0, which mostly has the most levels, as the last axis: sums along the others are quick then.
    """
    levels = np.asarray(codes)
    if not levels.size:
        return None
    sizes = (*(int(level.max()) + 1 for level in levels[1:]), int(levels[0].max()) + 1)
    if prod(sizes) > SPARSE * levels.shape[1]:
        return None
    flat = np.ravel_multi_index((*levels[1:], levels[0]), sizes)
    return np.bincount(flat, minlength=prod(sizes)).astype(float).reshape(sizes)


def incidence(cells: Cells) -> sparse.csr_matrix:
    """Return the C x q incidence of all effect levels, effects side by side."""
    start = np.concatenate([[0], np.cumsum(cells.size)[:-1]])
    column = (cells.level + start).ravel()
    count, effects = cells.level.shape
    pointer = np.arange(0, column.size + 1, effects)
    return sparse.csr_matrix((np.ones(column.size), column, pointer), shape=(count, int(cells.size.sum())))


def _compact(code: Codes) -> Codes:
    """Codes that occur, renumbered without gaps; by counting where that is cheaper than sorting."""
    highest = int(code.max())
    if highest < 8 * code.size + 1024:
        seen = np.zeros(highest + 1, dtype=bool)
        seen[code] = True
        return (np.cumsum(seen) - 1)[code]
    return np.unique(code, return_inverse=True)[1].reshape(-1).astype(np.intp, copy=False)


def _check(values: Floats, factors: list[Codes], effects: tuple[Effect, ...]) -> None:
    """Refuse what has the wrong shape."""
    if values.ndim != 1 or values.size < 2 or any(code.shape != values.shape for code in factors):
        raise ValueError("y and every code need one value per row, and at least two rows")
    if not np.isfinite(values).all():
        raise ValueError("y holds values that are not finite")
    if any(code.min() < 0 for code in factors):
        raise ValueError("a code is negative: levels are numbered from 0")
    if not effects or not all(effects):
        raise ValueError("no effect is named, or an effect names no factor")
    if any(factor not in range(len(factors)) for effect in effects for factor in effect):
        raise ValueError(f"effects {list(effects)} name a factor beyond the {len(factors)} given")


def _tell_apart(cells: Cells) -> None:
    """Refuse effects that the table cannot tell from the mean, from each other or from the residual."""
    pairs: dict[int, list[int]] = {}
    for column, effect in enumerate(cells.effects):
        size = int(cells.size[column])
        if size < 2:
            raise ValueError(f"effect {effect} has one level in this table: it is part of the mean")
        if size == cells.rows:
            raise ValueError(f"effect {effect} has one row in every level: it is the residual")
        for other in pairs.get(size, []):
            if int(combined([cells.level[:, column], cells.level[:, other]]).max()) + 1 == size:
                raise ValueError(
                    f"effects {effect} and {cells.effects[other]} split the rows in the same way: name one of them"
                )
        pairs.setdefault(size, []).append(column)
    if not cells.effects:
        raise ValueError("the only effect named has one row in every level: it is the residual")
