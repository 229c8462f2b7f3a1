"""Sums from which means, covariances and correlations follow, also where answers are missing.

Everything is kept per pair of columns, over the rows in which both are there, so that the two usual
rules are the same code: with complete rows all pairs share their rows; with holes each pair uses its
own (R's ``use = "pairwise.complete.obs"``). Two parts of a table can be added.

References
----------
Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983). Algorithms for computing the sample variance.
The American Statistician, 37(3), 242-247. https://doi.org/10.1080/00031305.1983.10483115
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK_CELLS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Pairwise sums of k columns, taken about an origin near the means.

    Parameters
    ----------
    origin : (k,) array
        What was subtracted from each column before summing; keeps large offsets harmless.
    count : (k, k) array
        Rows in which both columns are there.
    total : (k, k) array
        ``total[j, l]``: sum of column j over the rows in which j and l are there.
    square : (k, k) array
        ``square[j, l]``: sum of squares of column j over the rows in which j and l are there.
    cross : (k, k) array
        ``cross[j, l]``: sum of products of columns j and l.
    """

    origin: Floats
    count: Floats
    total: Floats
    square: Floats
    cross: Floats


def moments(values: Floats, *, origin: Floats | None = None) -> Moments:
    """Sum a matrix with holes into :class:`Moments`, block by block.

    Parameters
    ----------
    values : (n, k) array
        NaN where there is no value.
    origin : (k,) array, optional
        Origin of the sums; by default the column means. Parts to be added quickly share one.

    Returns
    -------
    Moments
    """
    k = values.shape[1]
    if origin is None:
        origin = column_means(values)
    count, total, square, cross = (np.zeros((k, k)) for _ in range(4))
    step = max(1, _BLOCK_CELLS // max(k, 1))
    for start in range(0, values.shape[0], step):
        deviation, there = centred(values[start : start + step], origin)
        if there is None:
            rows = deviation.shape[0]
            count += rows
            total += deviation.sum(axis=0)[:, None]
            square += (deviation**2).sum(axis=0)[:, None]
        else:
            count += there.T @ there
            total += deviation.T @ there
            square += (deviation**2).T @ there
        cross += deviation.T @ deviation
    return Moments(origin=origin, count=count, total=total, square=square, cross=cross)


def merge(first: Moments, second: Moments) -> Moments:
    """Add the sums of two parts of a table; the parts must not share rows.

    Parameters
    ----------
    first, second : Moments
        Sums over the same columns; origins may differ.

    Returns
    -------
    Moments
        About the origin of ``first``.
    """
    shift = (second.origin - first.origin)[:, None]
    total = second.total + shift * second.count
    square = second.square + 2 * shift * second.total + shift**2 * second.count
    cross = second.cross + shift * second.total.T + shift.T * second.total + shift * shift.T * second.count
    return Moments(
        origin=first.origin,
        count=first.count + second.count,
        total=first.total + total,
        square=first.square + square,
        cross=first.cross + cross,
    )


def column_means(values: Floats) -> Floats:
    """Return the mean of each column over its values; 0 for a column without any."""
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    total = np.where(there, values, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(count, 1))


def group_means(values: Floats, group: NDArray[np.integer], n_groups: int) -> Floats:
    """Return the mean of the values of each column within each group of rows; NaN where there is none.

    Parameters
    ----------
    values : (n, k) array
        NaN where there is no value.
    group : (n,) array of int
        Code 0 ... n_groups - 1 of each row.
    n_groups : int
        Rows of the answer.
    """
    k = values.shape[1]
    cell = (group[:, None] * k + np.arange(k)).ravel()
    flat = values.ravel()
    there = ~np.isnan(flat)
    count = np.bincount(cell[there], minlength=n_groups * k).astype(np.float64)
    total = np.asarray(np.bincount(cell[there], flat[there], minlength=n_groups * k), dtype=np.float64)
    return _ratio(total, count).reshape(n_groups, k)


def centred(values: Floats, origin: Floats) -> tuple[Floats, Floats | None]:
    """Subtract the origin; holes become 0 and are told by the second array (None without holes).

    Returns
    -------
    deviation : (n, k) array
        ``values - origin``, 0 in a hole.
    there : (n, k) array of 0.0 and 1.0, or None
        Where a value is; None when there is one everywhere.
    """
    deviation = values - origin
    holes = np.isnan(deviation)
    if not holes.any():
        return deviation, None
    deviation[holes] = 0.0
    return deviation, (~holes).astype(np.float64)


def means(sums: Moments) -> Floats:
    """Return the (k,) column means; NaN for a column without values."""
    count = np.diagonal(sums.count)
    return sums.origin + _ratio(np.diagonal(sums.total), count)


def covariance(sums: Moments) -> Floats:
    """Return the (k, k) pairwise covariances, divisor (rows of the pair - 1).

    The same numbers as R's ``cov(x, use = "pairwise.complete.obs")``. NaN where a pair shares fewer
    than two rows. With holes the matrix need not be positive semi-definite.
    """
    products = sums.cross - _ratio(sums.total * sums.total.T, sums.count)
    return _ratio(products, np.where(sums.count > 1, sums.count - 1, 0.0))


def correlation(sums: Moments) -> Floats:
    """Return the (k, k) pairwise correlations; each pair uses the spread in its own rows.

    The same numbers as R's ``cor(x, use = "pairwise.complete.obs")``; NaN where a column does not
    vary in the rows of the pair. See :func:`negligible` for what "does not vary" means in floats.
    """
    products = sums.cross - _ratio(sums.total * sums.total.T, sums.count)
    squares = sums.square - _ratio(sums.total**2, sums.count)
    flat = negligible(squares, sums.square, sums.count, sums.origin[:, None])
    squares = np.where(flat, 0.0, squares)
    found = np.clip(_ratio(products, np.sqrt(squares * squares.T)), -1.0, 1.0)
    varies = np.diagonal(squares) > 0
    found[varies, varies] = 1.0
    return found


def negligible(
    about_mean: Floats, about_origin: Floats, count: Floats, offset: Floats | float = 0.0
) -> NDArray[np.bool_]:
    """Say where a sum of squared deviations is no more than rounding error.

    Values that are all equal leave squares of the order of (eps x value)^2 when their rounded mean
    is subtracted; to call that variance would make an item out of noise.

    Parameters
    ----------
    about_mean : array
        Sums of squared deviations from the mean.
    about_origin : array
        The sums of squares from which the mean was taken out.
    count : array
        How many values were summed.
    offset : array or float
        Size of what was subtracted from the values before summing.
    """
    eps = np.finfo(np.float64).eps
    floor = 64 * eps * about_origin + np.maximum(count, 1) * (16 * eps * np.abs(offset)) ** 2
    return np.asarray(~(about_mean > floor))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is not above 0."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out
