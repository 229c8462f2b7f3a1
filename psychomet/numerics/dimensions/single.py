"""One minres factor of many correlation matrices, by Newton steps in its loadings.

With one factor, minres needs no eigenvalues: with S the sum of squared loadings and R0 the matrix without its
diagonal, the slope of a quarter of the sum of squared residuals off the diagonal is l (S - l^2) - R0 l, and the
Hessian is 2 l l' - R0 with S - l^2 on its diagonal. Each step solves one linear system of k equations.

References
----------
Harman, H. H. and Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). Psychometrika, 31, 351-368.
https://doi.org/10.1007/BF02289468
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factors.extraction import LEAST_UNIQUENESS, extract

Floats = NDArray[np.float64]

_BLOCK_CELLS = 120_000
"""Of the matrices worked on at once: they and their Hessians stay in the cache of a processor."""
_LANCZOS = 25
_MOST_STEPS = 40
_GRADIENT = 1e-10
_DAMPING = 1e-6
_LIFTED = 1e-2
_ROUNDING = 1e-13
_TOP = 1e-8


def one_factor_communalities(cor: Floats) -> Floats:
    """Return the communalities of one minres factor of every matrix of a stack, (b, k).

    Parameters
    ----------
    cor : (b, k, k) array
        Correlation matrices without NaN.

    Notes
    -----
    A minimum that :func:`~psychomet.numerics.factors.extraction.extract` may find as well; where there are several, as
    there may be where items have nothing in common, either may find the lower one. That function does the work where
    a communality passes .995 (Heywood case), the steps do not end, or the factor is not the largest.
    """
    size, k, _ = cor.shape
    out = np.full((size, k), np.nan)
    step = max(1, _BLOCK_CELLS // k**2)
    for first in range(0, size, step):
        out[first : first + step] = _descend(cor[first : first + step]) ** 2
    highest = np.nan_to_num(out, nan=np.inf).max(axis=1)
    again = np.flatnonzero(highest > 1 - LEAST_UNIQUENESS)
    if again.size:
        out[again] = 1 - extract(cor[again], 1).uniqueness
    return out


def reduced_eigenvalues(cor: Floats) -> Floats:
    """Return the eigenvalues of every matrix with the communalities of one minres factor on its diagonal.

    Parameters
    ----------
    cor : (b, k, k) array
        Correlation matrices without NaN.

    Returns
    -------
    (b, k) array
        Ascending.
    """
    reduced = cor.copy()
    at = np.arange(cor.shape[1])
    reduced[:, at, at] = common = one_factor_communalities(cor)
    values = np.linalg.eigvalsh(reduced)
    # The factor must be the largest, or these are loadings that no extraction finds.
    other = np.flatnonzero(values[:, -1] - common.sum(axis=1) > _TOP)
    if other.size:
        reduced[other[:, None], at, at] = 1 - extract(cor[other], 1).uniqueness
        values[other] = np.linalg.eigvalsh(reduced[other])
    return np.asarray(values)


def _descend(cor: Floats) -> Floats:
    """Loadings (b, k); NaN where the steps do not end."""
    size, k, _ = cor.shape
    at = np.arange(k)
    off = cor.copy()
    off[:, at, at] = 0.0
    x = _start(off, at)
    out = np.full((size, k), np.nan)
    places, damping = np.arange(size), np.full(size, _DAMPING)
    product = _times(off, x)
    value = _value(x, product)
    for _ in range(_MOST_STEPS):
        total = (x**2).sum(axis=1, keepdims=True)
        slope = x * (total - x**2) - product
        ended = np.abs(slope).max(axis=1) < _GRADIENT
        if ended.any():
            out[places[ended]] = x[ended]
            left = ~ended
            if not left.any():
                break
            places, x, product, value = places[left], x[left], product[left], value[left]
            off, total, slope, damping = off[left], total[left], slope[left], damping[left]
        hessian = 2 * x[:, :, None] * x[:, None, :]
        hessian -= off
        hessian[:, at, at] = total - x**2 + damping[:, None] * total
        move = np.linalg.solve(hessian, slope[:, :, None])[:, :, 0]
        trial = x - move
        ahead = _times(off, trial)
        reached = _value(trial, ahead)
        better = (reached <= value + _ROUNDING) & ((slope * move).sum(axis=1) >= 0)
        damping = np.where(better, damping / 10, np.maximum(damping * 10, _LIFTED))
        taken = better[:, None]
        x, product = np.where(taken, trial, x), np.where(taken, ahead, product)
        value = np.where(better, reached, value)
    return out


def _start(off: Floats, at: NDArray[np.intp]) -> Floats:
    """Largest eigenvector of the matrix reduced by 1 / (1 + sum r^2), which is 1 / diag(R^-1) to second order."""
    size, k, _ = off.shape
    steps = min(_LANCZOS, k)
    shared = (off**2).sum(axis=2)
    off[:, at, at] = shared / (1 + shared)
    basis = np.zeros((size, steps, k))
    small = np.zeros((size, steps, steps))
    q = off.sum(axis=2) + 1e-3 * np.cos(at)
    q /= np.sqrt((q**2).sum(axis=1, keepdims=True))
    for s in range(steps):
        basis[:, s] = q
        w = _times(off, q)
        along = _times(basis[:, : s + 1], w)
        w -= (along[:, None, :] @ basis[:, : s + 1])[:, 0]
        length = np.sqrt((w**2).sum(axis=1))
        small[:, s, s] = along[:, s]
        if s + 1 < steps:
            small[:, s + 1, s] = length
        q = w / np.maximum(length, 1e-300)[:, None]
    off[:, at, at] = 0.0
    values, vectors = np.linalg.eigh(small)
    return np.asarray((vectors[:, None, :, -1] @ basis)[:, 0] * np.sqrt(np.maximum(values[:, -1:], 1e-12)))


def _times(matrix: Floats, vector: Floats) -> Floats:
    """Product of each matrix with its vector."""
    return np.asarray((matrix @ vector[:, :, None])[:, :, 0])


def _value(x: Floats, product: Floats) -> Floats:
    """The criterion, less a quarter of the sum of squared correlations."""
    square = x**2
    return np.asarray(
        0.25 * (square.sum(axis=1) ** 2 - (square**2).sum(axis=1)) - 0.5 * (x * product).sum(axis=1)
    )
