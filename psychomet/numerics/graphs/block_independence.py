r"""Tests of independence given others, for features that are blocks of columns, from one matrix of moments.

A number is one column, a nominal feature an indicator of each level but one, a circular one its cosine and sine, a
vector its coordinates. Taken as jointly normal (the degenerate Gaussian of Andrews, Ramsey and Cooper 2019), x and y are independent
given z where the partial covariance is zero; Wilks' likelihood ratio :math:`\Lambda = |S_{xx \cdot yz}| / |S_{xx \cdot z}|` is
turned into F by Rao's approximation, which is exact where either side has one or two columns.

The test keeps its size where the mean of x or of y is linear in the columns of z and the spread is even; it has no power
against dependence that leaves all means alone. Two nominal features given a number have shares that are not linear: hold its square
and cube, too. Ranks (normal scores) make it sturdy against tails.

References
----------
Andrews, B., Ramsey, J. and Cooper, G. F. (2019). Learning high-dimensional directed acyclic graphs with mixed data-types.
Proceedings of Machine Learning Research, 104, 4-21. https://proceedings.mlr.press/v104/andrews19a.html

Rao, C. R. (1951). An asymptotic expansion of the distribution of Wilks' criterion. Bulletin of the International Statistical
Institute, 33(2), 177-180.

Fisher, R. A. (1924). The distribution of the partial correlation coefficient. Metron, 3, 329-332.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SPARSE = 5.0
"""Smallest expected count at which a likelihood ratio is taken as chi-squared."""
_RANK = 1e-9  # directions with less of the largest variance are taken as none


class Rest(NamedTuple):
    """A covariance after other columns are held.

    Attributes
    ----------
    matrix : (p, p) array
        Partial covariance.
    held : int
        Rank of what was held.
    """

    matrix: Floats
    held: int


def partial_covariance(moments: Floats, columns: Ints, held: Ints) -> Rest:
    """Return the covariance of some columns with others held.

    Parameters
    ----------
    moments : (d, d) array
        Covariances of all columns.
    columns, held : (p,), (c,) array of int
        Positions.
    """
    own = moments[np.ix_(columns, columns)]
    if held.size == 0:
        return Rest(own, 0)
    across = moments[np.ix_(held, columns)]
    inner = moments[np.ix_(held, held)]
    try:
        factor = linalg.cholesky(inner, lower=True, check_finite=False)
        smallest = float(np.min(np.diagonal(factor) ** 2 / np.maximum(np.diagonal(inner), 1e-300)))
        if smallest > _RANK:
            half = linalg.solve_triangular(factor, across, lower=True, check_finite=False)
            return Rest(own - half.T @ half, held.size)
    except linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(inner)
    good = values > _RANK * max(values[-1], 0.0)
    half = (vectors[:, good] / np.sqrt(values[good])).T @ across
    return Rest(own - half.T @ half, int(good.sum()))


def log_determinant(matrix: Floats, scale: Floats) -> tuple[float, int]:
    """Return log determinant over the directions that vary, and their number.

    Parameters
    ----------
    matrix : (p, p) array
        A covariance.
    scale : (p,) array
        Variances of the columns before anything was held, against which "varies" is judged.
    """
    root = np.sqrt(np.where(scale > 0, scale, 1.0))
    values = np.linalg.eigvalsh(matrix / np.outer(root, root))
    good = values > _RANK
    return float(np.log(values[good]).sum()), int(good.sum())


def wilks_p(moments: Floats, x: Ints, *, y: Ints, z: Ints, n: int) -> float:
    """Return the p value of independence of two blocks given a third (Wilks, Rao's F).

    Parameters
    ----------
    moments : (d, d) array
        Covariances of all columns.
    x, y, z : arrays of int
        Positions of the columns of the three blocks.
    n : int
        Rows behind the covariances.

    Returns
    -------
    float
        1.0 where a block does not vary once z is held, or rows are too few: nothing speaks against independence.
    """
    both = np.concatenate([x, y])
    rest = partial_covariance(moments, both, z)
    scale = np.diagonal(moments)[both]
    p_x = x.size
    whole, rank = log_determinant(rest.matrix, scale)
    first, p = log_determinant(rest.matrix[:p_x, :p_x], scale[:p_x])
    second, q = log_determinant(rest.matrix[p_x:, p_x:], scale[p_x:])
    if p == 0 or q == 0:
        return 1.0
    if rank < p + q:
        return 0.0  # a direction of one block is a direction of the other
    root = np.sqrt((p * p * q * q - 4) / (p * p + q * q - 5)) if p * p + q * q > 5 else 1.0
    weight = n - 1 - rest.held - (p + q + 1) / 2
    df1, df2 = p * q, weight * root - (p * q - 2) / 2
    if df2 <= 0:
        return 1.0
    ratio = np.expm1(-(whole - first - second) / root)
    return float(special.fdtrc(df1, df2, max(ratio, 0.0) * df2 / df1))


def fisher_z_p(moments: Floats, x: int, *, y: int, z: Ints, n: int) -> float:
    """Return the p value of a partial correlation of two columns (Fisher's z).

    Parameters
    ----------
    moments : (d, d) array
        Covariances of all columns.
    x, y : int
        Positions of two columns.
    z : array of int
        Positions of those held.
    n : int
        Rows behind the covariances; 1.0 is returned where n - 3 is not more than what is held.
    """
    rest = partial_covariance(moments, np.array([x, y]), z)
    spread = np.diagonal(rest.matrix)
    if n - rest.held - 3 <= 0 or np.any(spread <= _RANK * np.diagonal(moments)[[x, y]]):
        return 1.0
    r = float(rest.matrix[0, 1] / np.sqrt(spread[0] * spread[1]))
    if abs(r) >= 1:
        return 0.0
    return float(2 * special.ndtr(-np.sqrt(n - rest.held - 3) * abs(np.arctanh(r))))


def g_square_p(x: Ints, y: Ints, *, strata: Sequence[Ints]) -> float:
    """Return the p value of independence of two sets of levels within strata (likelihood ratio, chi-square).

    Degrees of freedom are summed over strata from the rows and columns that occur in each. Where a count of less than 5 is
    expected, the likelihood ratio is not chi-squared, and Pearson's sum with its exact mean and variance over all
    tables of the same margins (:func:`pearson_p`) takes its place.

    Parameters
    ----------
    x, y : (n,) array of int
        Levels from 0.
    strata : sequence of (n,) arrays of int
        Levels that are held.
    """
    stratum = np.zeros(x.size, dtype=np.intp)
    for held in strata:
        _, stratum = np.unique(stratum * (int(held.max(initial=0)) + 1) + held, return_inverse=True)
    shape = (int(stratum.max(initial=0)) + 1, int(x.max(initial=0)) + 1, int(y.max(initial=0)) + 1)
    cells = np.bincount(
        np.ravel_multi_index((stratum, x, y), shape), minlength=int(np.prod(shape))
    ).reshape(shape).astype(float)  # fmt: skip
    rows, columns = cells.sum(axis=2), cells.sum(axis=1)
    total = rows.sum(axis=1)
    smallest = [np.min(np.where(one > 0, one, np.inf), axis=1) for one in (rows, columns)]
    if np.any(smallest[0] * smallest[1] < SPARSE * total):
        return pearson_p(cells)
    g = 2 * (
        special.xlogy(cells, cells).sum()
        - special.xlogy(rows, rows).sum()
        - special.xlogy(columns, columns).sum()
        + special.xlogy(total, total).sum()
    )
    df = int(np.sum(np.maximum((rows > 0).sum(axis=1) - 1, 0) * np.maximum((columns > 0).sum(axis=1) - 1, 0)))
    return float(special.chdtrc(df, max(g, 0.0))) if df else 1.0


def pearson_p(cells: Floats) -> float:
    r"""Return the p value of Pearson's sum over strata, from a gamma distribution with its exact mean and variance.

    Over all tables with the margins of a stratum of N rows, :math:`\mathrm E X^2 = N (r-1)(c-1)/(N-1)`, and the variance is
    that of the trace of two permuted projections (Kazi-Aoual et al. 1995).

    Parameters
    ----------
    cells : (s, r, c) array
        Counts in each stratum. Strata of fewer than four rows are left out.

    Returns
    -------
    float
        1.0 where the sum cannot vary.

    References
    ----------
    Kazi-Aoual, F., Hitier, S., Sabatier, R. and Lebreton, J.-D. (1995). Refined approximations to permutation
    tests for multivariate inference. Computational Statistics and Data Analysis, 20(6), 643-656.
    https://doi.org/10.1016/0167-9473(94)00064-2
    """
    cells = cells[cells.sum(axis=(1, 2)) >= 4]
    n = cells.sum(axis=(1, 2))
    margins = cells.sum(axis=2), cells.sum(axis=1)
    shares = [np.divide(1.0, one, out=np.zeros_like(one), where=one > 0) for one in margins]
    statistic = n * (np.einsum("sab,sa,sb->s", cells**2, *shares) - 1)
    ranks = [(one > 0).sum(axis=1) - 1.0 for one in margins]
    spread = [rank * (n - 1 - rank) for rank in ranks]
    tail = [
        n * (n + 1) * (share.sum(axis=1) - 2 * (rank + 1) / n + 1 / n) - (n - 1) * (rank**2 + 2 * rank)
        for share, rank in zip(shares, ranks, strict=True)
    ]
    mean = float(np.sum(n * ranks[0] * ranks[1] / (n - 1)))
    variance = float(
        np.sum(
            2 * n**2 * spread[0] * spread[1] / ((n + 1) * (n - 1) ** 2 * (n - 2))
            + n * tail[0] * tail[1] / ((n + 1) * (n - 1) * (n - 2) * (n - 3))
        )
    )
    if not variance > 1e-9 * mean:
        return 1.0
    return float(special.gammaincc(mean**2 / variance, max(float(statistic.sum()), 0.0) * mean / variance))
