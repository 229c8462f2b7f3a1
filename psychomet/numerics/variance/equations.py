r"""Henderson's mixed-model equations, solved by eliminating the largest effects block by block.

With V / s = N^{-1} + Z D Z' over cells (N their counts, D the ratios of the components to the residual s), all that
REML needs follows from A = I + D^{1/2} Z'NZ D^{1/2}. Effects that share one factor, the pivot, make A block-diagonal
by its levels; the few levels of the other effects are left over, as a dense Schur complement. Levels of the pivot
with the same pattern of cells share one block, so that a nearly complete table costs little more than a complete one.

References
----------
Henderson, C. R. (1984). Applications of Linear Models in Animal Breeding. University of Guelph.

Searle, Casella and McCulloch (1992). Variance Components. Wiley, chapter 7.
https://doi.org/10.1002/9780470316856
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from psychomet.numerics.variance.cells import Cells, combined, incidence
from psychomet.numerics.variance.work import elimination_cost

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

MOST_DENSE = 8000
DENSE_CROSS = 20_000_000


class Pattern(NamedTuple):
    """Pivot levels whose cells look alike.

    ``column`` (n, b) are their positions among the pivot effects, ``cross`` (b, b) is their common cross-product,
    ``effect`` (b,) the effect of each column.
    """

    column: Codes
    cross: Floats
    effect: Codes


class Equations(NamedTuple):
    """What does not change between iterations.

    ``number`` are the rows in every level, ``between`` and ``over`` the counts of pivot by rest and rest by rest.
    ``pivot`` and ``rest`` are the columns of Z eliminated first and last; ``patterns`` is empty when the
    pivot is a single effect, whose block of A is diagonal.
    """

    cells: Cells
    incidence: sparse.csr_matrix
    transposed: sparse.csr_matrix
    effect: Codes
    pivot: Codes
    rest: Codes
    number: Floats
    patterns: tuple[Pattern, ...]
    between: Floats | sparse.csr_matrix
    over: Floats


class Solved(NamedTuple):
    """A factorised at given components: log|A|, trace of its inverse by effect, and what solves with it."""

    log_det: float
    trace: Floats
    root: Floats
    blocks: tuple[Floats, ...]
    inverse: Floats


def equations(cells: Cells) -> Equations:
    """Set up the equations of a table.

    Parameters
    ----------
    cells : Cells
        From :func:`.cells.gather`.

    Returns
    -------
    Equations

    Raises
    ------
    ValueError
        If no choice of pivot leaves few enough levels for a dense remainder.
    """
    z = incidence(cells)
    effect = np.repeat(np.arange(cells.size.size), cells.size)
    together = _pivot_effects(cells)
    first = np.isin(effect, together)
    pivot, rest = np.flatnonzero(first), np.flatnonzero(~first)
    transposed = z.T.tocsr()
    weighted = sparse.diags(cells.weight) @ z
    between = (transposed[pivot] @ weighted[:, rest]).tocsr()
    if between.shape[0] * between.shape[1] <= DENSE_CROSS:
        between = between.toarray()
    patterns = _patterns(cells, together) if len(together) > 1 else ()
    return Equations(
        cells, z, transposed, effect, pivot, rest, transposed @ cells.weight, patterns, between,
        (transposed[rest] @ weighted[:, rest]).toarray(),
    )  # fmt: skip


def factorise(system: Equations, *, ratio: Floats) -> Solved | None:
    """Factorise A at the ratios of the components to the residual; None where V is not positive definite.

    Parameters
    ----------
    system : Equations
        The table.
    ratio : (m - 1,) array
        Components over the residual component; negative ones are allowed as long as V stays positive.

    Returns
    -------
    Solved or None
    """
    sign = np.where(ratio < 0, -1.0, 1.0)[system.effect]
    root = np.sqrt(np.abs(ratio))[system.effect]
    trace = np.zeros(ratio.size)
    outer = root[system.rest]
    schur = np.diag(sign[system.rest]) + outer[:, None] * system.over * outer
    parts = _eliminate(system, root, sign, schur, trace)
    if parts is None:
        return None
    log_det, blocks, folded = parts
    last = _inverted(schur, expected=int((sign[system.rest] < 0).sum()))
    if last is None:
        return None
    inverse, log_last = last
    trace += np.bincount(system.effect[system.rest], np.diag(inverse), minlength=ratio.size)
    for effect, matrix in folded.items():
        trace[effect] += float(np.vdot(matrix, inverse))
    return Solved(log_det + log_last, trace, root, blocks, inverse)


def solve(system: Equations, factors: Solved, *, right: Floats) -> Floats:
    """Return A^{-1} right.

    Parameters
    ----------
    system, factors
        The table and its factors.
    right : (q, c) array
        Right-hand sides, by level of every effect.

    Returns
    -------
    ndarray, shape (q, c)
    """
    root = factors.root
    outer, inner = root[system.rest][:, None], root[system.pivot][:, None]
    half = _apply_blocks(system, factors, right[system.pivot])
    rest = factors.inverse @ (right[system.rest] - outer * (system.between.T @ (inner * half)))
    out = np.empty_like(right)
    out[system.rest] = rest
    out[system.pivot] = half - _apply_blocks(system, factors, inner * (system.between @ (outer * rest)))
    return out


def _eliminate(
    system: Equations, root: Floats, sign: Floats, schur: Floats, trace: Floats
) -> tuple[float, tuple[Floats, ...], dict[int, Floats]] | None:
    """Take the pivot effects out of A: subtracts from ``schur``, adds to ``trace``, both in place.

    Also returns, for every pivot effect, the matrix whose product with the inverse of the Schur complement
    gives the rest of its trace.
    """
    inner, outer = root[system.pivot], root[system.rest]
    if not system.patterns:
        effect = int(system.effect[system.pivot[0]])
        diagonal = sign[system.pivot] + inner**2 * system.number[system.pivot]
        if ((diagonal < 0) != (sign[system.pivot] < 0)).any() or not diagonal.all():
            return None
        scaled = _scale(system.between, inner, outer)
        reduced = _scale(scaled, 1 / diagonal, np.ones(outer.size))
        schur -= _dense(scaled.T @ reduced)
        trace[effect] += (1 / diagonal).sum()
        return float(np.log(np.abs(diagonal)).sum()), (1 / diagonal,), {effect: _dense(reduced.T @ reduced)}
    log_det, blocks = 0.0, []
    folded = {int(e): np.zeros_like(schur) for e in np.unique(system.effect[system.pivot])}
    for pattern in system.patterns:
        column, times = pattern.column[0], pattern.column.shape[0]
        half = inner[column]
        block = np.diag(sign[system.pivot][column]) + half[:, None] * pattern.cross * half
        found = _inverted(block, expected=int((sign[system.pivot][column] < 0).sum()))
        if found is None:
            return None
        inverse, log_block = found
        log_det += times * log_block
        blocks.append(inverse)
        cross = half[:, None] * _dense(system.between[column]) * outer
        reduced = inverse @ cross
        schur -= times * (cross.T @ reduced)
        for effect, matrix in folded.items():
            own = reduced[pattern.effect == effect]
            matrix += times * (own.T @ own)
        trace += np.bincount(pattern.effect, np.diag(inverse), minlength=trace.size) * times
    return log_det, tuple(blocks), folded


def _apply_blocks(system: Equations, factors: Solved, right: Floats) -> Floats:
    """Multiply by the inverse of the block-diagonal part of A."""
    if not system.patterns:
        return factors.blocks[0][:, None] * right
    out = np.empty_like(right)
    for pattern, inverse in zip(system.patterns, factors.blocks, strict=True):
        out[pattern.column] = inverse @ right[pattern.column]
    return out


def _inverted(matrix: Floats, *, expected: int) -> tuple[Floats, float] | None:
    """Inverse and log |det| of a symmetric matrix with the given number of negative eigenvalues, or None."""
    if matrix.shape[0] == 0:
        return matrix, 0.0
    if expected:
        values = np.linalg.eigvalsh(matrix)
        if int((values < 0).sum()) != expected or not values.all():
            return None
        return np.asarray(np.linalg.inv(matrix), dtype=float), float(np.log(np.abs(values)).sum())
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.linalg.inv(matrix), dtype=float), 2 * float(np.log(np.diag(lower)).sum())


def _scale(matrix: Floats | sparse.csr_matrix, rows: Floats, columns: Floats) -> Floats | sparse.csr_matrix:
    """Scale rows and columns of a dense or sparse matrix."""
    if isinstance(matrix, np.ndarray):
        return rows[:, None] * matrix * columns
    return (sparse.diags(rows) @ matrix @ sparse.diags(columns)).tocsr()


def _dense(matrix: Floats | sparse.csr_matrix) -> Floats:
    """Return the matrix as an array."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _pivot_effects(cells: Cells) -> list[int]:
    """Effects to eliminate first: one alone, or all that share a factor, whichever costs least."""
    size = cells.size.astype(float)
    choices = [[j] for j in range(size.size)]
    cost = [elimination_cost(size.sum() - size[j], size[j], 1.0) for j in range(size.size)]
    for factor in range(cells.factor.shape[1]):
        together = [j for j, effect in enumerate(cells.effects) if factor in effect]
        if len(together) > 1:
            own = size[together].sum()
            levels = np.unique(cells.factor[:, factor]).size
            choices.append(together)
            cost.append(elimination_cost(size.sum() - own, own, own / levels))
    best = int(np.argmin(cost))
    left = size.sum() - size[choices[best]].sum()
    if left > MOST_DENSE:
        raise ValueError(
            f"{left:.0f} levels of crossed effects remain after the largest are eliminated; at most {MOST_DENSE} fit"
        )
    return choices[best]


def _patterns(cells: Cells, together: list[int]) -> tuple[Pattern, ...]:
    """Gather the levels of the pivot factor whose cells and counts are alike."""
    shared = set.intersection(*(set(cells.effects[j]) for j in together))
    by_levels = {factor: np.unique(cells.factor[:, factor]).size for factor in shared}
    pivot = max(by_levels, key=lambda factor: by_levels[factor])
    level = combined([cells.factor[:, pivot]])
    others = [cells.factor[:, f] for f in range(cells.factor.shape[1]) if f != pivot]
    elsewhere = combined(others) if others else np.zeros_like(level)
    order = np.lexsort((elsewhere, level))
    bounds = np.flatnonzero(np.diff(level[order], prepend=-1, append=-1))
    mark = np.stack([elsewhere[order].astype(float), cells.weight[order]], axis=1)
    alike: dict[bytes, list[int]] = {}
    for number, (start, stop) in enumerate(pairwise(bounds)):
        alike.setdefault(mark[start:stop].tobytes(), []).append(number)
    offset = np.concatenate([[0], np.cumsum(cells.size[together])])
    found = []
    for members in alike.values():
        rows = [order[bounds[number] : bounds[number + 1]] for number in members]
        found.append(_pattern(cells, together, offset, rows))
    return tuple(found)


def _pattern(cells: Cells, together: list[int], offset: Codes, rows: list[Codes]) -> Pattern:
    """Columns and cross-product of pivot levels with like rows; the first stands for all."""
    local, effect, firsts, width = [], [], [], 0
    for number, j in enumerate(together):
        codes, first, inverse = np.unique(cells.level[rows[0], j], return_index=True, return_inverse=True)
        local.append(inverse.reshape(-1) + width)
        firsts += [(number, position) for position in first]
        effect += [j] * codes.size
        width += codes.size
    which, position = np.array(firsts).T
    every = np.stack(rows)
    column = cells.level[every[:, position], np.array(together)[which]] + offset[which]
    one_hot = np.zeros((rows[0].size, width))
    for place in local:
        one_hot[np.arange(place.size), place] = 1.0
    cross = one_hot.T @ (cells.weight[rows[0]][:, None] * one_hot)
    return Pattern(column, cross, np.array(effect))
