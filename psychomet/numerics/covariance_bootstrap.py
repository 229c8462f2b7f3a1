"""Bootstrap and influence of any smooth function of a covariance matrix, without refits.

A covariance matrix of a resample is a product of resample counts with the products of the columns of each
row, so that all resamples are one matrix product; a function of it is then taken for the whole stack.

References
----------
Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, sections 2.4, 2.7 and
5.2. Cambridge University Press. https://doi.org/10.1017/CBO9780511802843
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.moments import Moments, centred, column_means, negligible
from psychomet.numerics.resample import resample_weights

Floats = NDArray[np.float64]
Units = NDArray[np.integer]

_BLOCK_CELLS = 4_000_000


class Resampled(NamedTuple):
    """A block of resamples.

    Attributes
    ----------
    weights : (b, n) array
        How often each row stands in each resample.
    mean : (b, k) array
        Means of the columns, less :func:`psychomet.numerics.moments.column_means` of the data.
    cov : (b, k, k) array
        Covariances, divisor (rows - 1); pairwise where there are holes.
    cor : (b, k, k) array
        Correlations, likewise; NaN with a column that does not vary in the resample.
    """

    weights: Floats
    mean: Floats
    cov: Floats
    cor: Floats


def resampled_moments(
    values: Floats, *, n_boot: int, seed: int, unit: Units | None = None, keep_flat: bool = False
) -> Iterator[Resampled]:
    """Yield covariances and correlations of bootstrap resamples of the rows, or of units of rows.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses, NaN where there is none.
    n_boot, seed
        As in :func:`psychomet.numerics.resample.resample_weights`.
    unit : (n,) array of int, optional
        Code of the unit of each row, ascending; units are drawn whole.
    keep_flat : bool
        Whether a column that does not vary in a resample keeps its covariances of 0 there, as a sum of the
        columns needs them; by default they are NaN, as a model of the columns needs them.
    """
    deviation, there = centred(values, column_means(values))
    for weights in resample_weights(values.shape[0], n_boot=n_boot, seed=seed, unit=unit):
        block = _complete(weights, deviation) if there is None else _pairwise(weights, deviation, there)
        yield block if keep_flat else _without_flat(block)


def quadratic_errors(
    values: Floats, block: Resampled, gradient: Floats, *, unit: Units | None = None
) -> Floats:
    """Return the standard error, in each resample, of a function of the covariances; complete rows only.

    The influence of a row x on f(C) is (x - m)'G(x - m) - tr(G C), G the gradient of f.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses without holes.
    block : Resampled
        From :func:`resampled_moments` of the same values.
    gradient : (b, k, k) array
        Gradient of f in each resample.
    unit : (n,) array of int, optional
        As there.
    """
    deviation = values - column_means(values)
    rows, columns = np.triu_indices(values.shape[1])
    twice = np.where(rows == columns, 1.0, 2.0)
    slope = -2 * np.einsum("bj,bjl->bl", block.mean, gradient)
    coefficients = np.concatenate([gradient[:, rows, columns] * twice, slope], axis=1)
    felt = coefficients @ np.concatenate([deviation[:, rows] * deviation[:, columns], deviation], axis=1).T
    weights = block.weights
    total = weights.sum(axis=1)
    felt -= (np.einsum("bi,bi->b", weights, felt) / total)[:, None]
    if unit is not None:
        starts = np.flatnonzero(np.diff(unit, prepend=-1))
        felt = np.add.reduceat(felt, starts, axis=1)
        weights = weights[:, starts]
    felt *= felt
    drawn = weights.sum(axis=1)
    square = np.einsum("bi,bi->b", weights, felt) * drawn / np.maximum(drawn - 1, 1)
    return np.sqrt(square) / np.maximum(total - 1, 1)


def covariance_influence(values: Floats, sums: Moments, cov: Floats, gradient: Floats) -> Floats:
    """Return the empirical influence of each row on a function of the covariances; its mean is 0.

    With holes each pair of columns adds its own part, weighted by n / rows of the pair.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses, NaN where there is none.
    sums : Moments
        ``moments(values)``.
    cov : (k, k) array
        ``covariance(sums)``.
    gradient : (k, k) array
        Symmetric gradient of the function.
    """
    n = values.shape[0]
    deviation, there = centred(values, sums.origin)
    mean = sums.total / sums.count
    # R's divisor (rows - 1) stays in the weight, so that this is the influence on R's covariance.
    weight = gradient * n / (sums.count - 1)
    if there is None:
        felt = ((deviation @ weight) * deviation).sum(axis=1)
        return np.asarray(felt - felt.mean())
    constant = weight * (mean * mean.T - cov * (sums.count - 1) / sums.count)
    return np.asarray(
        (deviation * (deviation @ weight)).sum(axis=1)
        - 2 * (deviation * (there @ (weight * mean.T).T)).sum(axis=1)
        + (there * (there @ constant)).sum(axis=1)
    )


def correlation_influence(values: Floats, sums: Moments, cor: Floats, gradient: Floats) -> Floats:
    """Return the empirical influence of each row on a function of the correlations; its mean is 0.

    With z the standardised row a correlation has the influence z_j z_l - r (z_j^2 + z_l^2) / 2.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses of items that all vary, NaN where there is none.
    sums : Moments
        ``moments(values)``.
    cor : (k, k) array
        ``correlation(sums)``.
    gradient : (k, k) array
        Symmetric gradient of the function.
    """
    n, k = values.shape
    deviation, there = centred(values, sums.origin)
    off = np.where(np.eye(k, dtype=bool), 0.0, gradient)
    if there is None:
        z = deviation / np.sqrt((deviation**2).mean(axis=0))
        return np.asarray(((z @ off) * z).sum(axis=1) - (z**2) @ (off * cor).sum(axis=0))
    mean = sums.total / sums.count
    variance = sums.square / sums.count - mean**2
    scale = off * n / sums.count / np.sqrt(variance * variance.T)
    bend = off * n / sums.count * cor / variance
    linear = 2 * (bend * mean - scale * mean.T)
    return np.asarray(
        (deviation * (deviation @ scale)).sum(axis=1)
        - (deviation**2 * (there @ bend.T)).sum(axis=1)
        + (deviation * (there @ linear.T)).sum(axis=1)
        + (there * (there @ (scale * mean * mean.T - bend * mean**2).T)).sum(axis=1)
    )


def _complete(weights: Floats, deviation: Floats) -> Resampled:
    """Moments of resamples of complete rows."""
    k = deviation.shape[1]
    rows, columns = np.triu_indices(k)
    count = weights.sum(axis=1)
    sums, products = np.zeros((weights.shape[0], k)), np.zeros((weights.shape[0], rows.size))
    step = max(1, _BLOCK_CELLS // rows.size)
    for start in range(0, deviation.shape[0], step):
        part = deviation[start : start + step]
        drawn = weights[:, start : start + step]
        sums += drawn @ part
        products += drawn @ (part[:, rows] * part[:, columns])
    mean = sums / count[:, None]
    about = products - count[:, None] * mean[:, rows] * mean[:, columns]
    own = rows == columns
    flat = negligible(about[:, own], products[:, own], count[:, None])
    cov = _symmetric(about / np.maximum(count - 1, 1)[:, None], k)
    squares = np.where(flat, np.nan, about[:, own])
    cor = _symmetric(about / np.sqrt(squares[:, rows] * squares[:, columns]), k)
    return Resampled(weights, mean, cov, cor)


def _pairwise(weights: Floats, deviation: Floats, there: Floats) -> Resampled:
    """Moments of resamples of rows with holes, each pair over its own rows."""
    b, k = weights.shape[0], deviation.shape[1]
    rows, columns = np.triu_indices(k)
    parts = np.zeros((6, b, rows.size))
    step = max(1, _BLOCK_CELLS // (6 * rows.size))
    for start in range(0, deviation.shape[0], step):
        x, o = deviation[start : start + step], there[start : start + step]
        drawn = weights[:, start : start + step]
        first, second = x[:, rows], x[:, columns]
        mine, other = o[:, rows], o[:, columns]
        pieces = (
            mine * other,
            first * other,
            second * mine,
            first * second,
            first**2 * other,
            second**2 * mine,
        )
        for total, piece in zip(parts, pieces, strict=True):
            total += drawn @ piece
    count, left, right, cross, left_square, right_square = parts
    known = np.where(count > 1, count, np.nan)
    about = cross - left * right / known
    spread = []
    for square, total in ((left_square, left), (right_square, right)):
        around = square - total**2 / known
        spread.append(np.where(negligible(around, square, known), np.nan, around))
    own = rows == columns
    mean = left[:, own] / np.maximum(count[:, own], 1)
    cor = np.clip(about / np.sqrt(spread[0] * spread[1]), -1.0, 1.0)
    return Resampled(weights, mean, _symmetric(about / (known - 1), k), _symmetric(cor, k))


def _without_flat(block: Resampled) -> Resampled:
    """Take the covariances of columns that do not vary out of their resamples."""
    flat = np.isnan(np.diagonal(block.cor, axis1=1, axis2=2))
    if not flat.any():
        return block
    return block._replace(cov=np.where(flat[:, :, None] | flat[:, None, :], np.nan, block.cov))


def _symmetric(upper: Floats, k: int) -> Floats:
    """Fill symmetric matrices from their upper triangles, (b, k (k + 1) / 2)."""
    out = np.empty((upper.shape[0], k, k))
    rows, columns = np.triu_indices(k)
    out[:, rows, columns] = out[:, columns, rows] = upper
    return out
