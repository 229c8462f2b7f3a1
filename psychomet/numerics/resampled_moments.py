"""Covariance and correlation matrices of bootstrap resamples, all as one stack.

Every entry is a sum over rows, so a block of resamples is one product of their weights with the products of
pairs of columns; the data are not drawn again.

References
----------
Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, section 2.4. Cambridge
University Press. https://doi.org/10.1017/CBO9780511802843
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.moments import centred, column_means, negligible
from psychomet.numerics.resample import resample_weights

Floats = NDArray[np.float64]

_ROW_CELLS = 2_000_000


class Resamples(NamedTuple):
    """A block of b resamples of n rows and k columns.

    Attributes
    ----------
    weights : (b, n) array
        How often each row stands in each.
    cov, cor : (b, k, k) array
        Covariances (divisor: rows - 1) and correlations, pairwise where there are holes; NaN for a column
        that does not vary in the resample.
    """

    weights: Floats
    cov: Floats
    cor: Floats


def resampled_moments(
    values: Floats, *, n_boot: int, seed: int, unit: NDArray[np.integer] | None = None
) -> Iterator[Resamples]:
    """Yield the matrices of bootstrap resamples of the rows, or of units of rows.

    Parameters
    ----------
    values : (n, k) array
        NaN where there is no value.
    n_boot, seed, unit
        As in :func:`psychomet.numerics.resample.resample_weights`.
    """
    deviation, there = centred(values, column_means(values))
    for weights in resample_weights(values.shape[0], n_boot=n_boot, seed=seed, unit=unit):
        made = _complete(weights, deviation) if there is None else _pairwise(weights, deviation, there)
        yield Resamples(weights, *made)


def _complete(weights: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Matrices of resamples of complete rows."""
    k = x.shape[1]
    left, right = np.triu_indices(k)
    cross = np.zeros((len(weights), k, k))
    step = max(1, _ROW_CELLS // left.size)
    for start in range(0, len(x), step):
        part = x[start : start + step]
        cross[:, left, right] += weights[:, start : start + step] @ (part[:, left] * part[:, right])
    cross[:, right, left] = cross[:, left, right]
    count = weights.sum(axis=1)[:, None, None]
    total = (weights @ x)[:, :, None]
    about = cross - total * total.swapaxes(1, 2) / count
    at = np.arange(k)
    flat = negligible(about[:, at, at], cross[:, at, at], count[:, :, 0])
    about[flat[:, :, None] | flat[:, None, :]] = np.nan
    sd = np.sqrt(about[:, at, at])
    return about / (count - 1), about / (sd[:, :, None] * sd[:, None, :])


def _pairwise(weights: Floats, x: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Matrices of resamples with holes: each pair from the rows that have both."""
    b, k = len(weights), x.shape[1]
    sums = np.zeros((4, b, k * k))
    step = max(1, _ROW_CELLS // (k * k))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        part, here = x[rows, :, None], there[rows, :, None]
        other, with_it = x[rows, None, :], there[rows, None, :]
        for place, product in enumerate((here * with_it, part * with_it, part**2 * with_it, part * other)):
            sums[place] += weights[:, rows] @ product.reshape(len(product), -1)
    count, total, square, cross = (part.reshape(b, k, k) for part in sums)
    enough = np.where(count > 1, count, np.nan)
    about = cross - total * total.swapaxes(1, 2) / enough
    squares = square - total**2 / enough
    squares = np.where(negligible(squares, square, count), np.nan, squares)
    varies = np.isfinite(np.diagonal(squares, axis1=1, axis2=2))
    both = varies[:, :, None] & varies[:, None, :]
    with np.errstate(invalid="ignore"):
        cor = np.clip(about / np.sqrt(squares * squares.swapaxes(1, 2)), -1.0, 1.0)
    return np.where(both, about / (enough - 1), np.nan), np.where(both, cor, np.nan)
