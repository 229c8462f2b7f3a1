"""What covariances become without one row, in closed form, and the jackknife that follows.

Without row i the pairwise covariance of columns j and l is exactly c + c / (N - 2) - N u v / ((N - 1)(N - 2)),
N the rows of the pair and u, v the deviations of row i from the means of the pair; it stays c where row i lacks
one of them. Sums of these over columns are matrix products, so that nothing is refitted.

References
----------
Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 11. Chapman and Hall.
https://doi.org/10.1201/9780429246593
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.numerics.moments import Moments, centred

Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""What is left of a variance without a row counts as 0 below this share of it."""


class LeftOut(NamedTuple):
    """Sums of the covariance matrix without each row.

    Attributes
    ----------
    total : (n,) array
        Sum of all entries: the variance of the sum of the columns.
    own : (n, k) array
        Diagonals.
    row : (n, k) array
        Sums of the rows of the matrix, their diagonal entry included.
    """

    total: Floats
    own: Floats
    row: Floats


def left_out(values: Floats, sums: Moments, cov: Floats) -> LeftOut:
    """Return what is left of a covariance matrix without each row.

    Parameters
    ----------
    values : (n, k) array
        NaN where there is no value.
    sums : Moments
        ``moments(values)``.
    cov : (k, k) array
        ``covariance(sums)``.

    Returns
    -------
    LeftOut
        NaN where a pair of columns would be left with fewer than two rows.
    """
    deviation, there = centred(values, sums.origin)
    if there is None:
        there = np.ones_like(deviation)
    count = np.where(sums.count > 2, sums.count, np.nan)
    gain = cov / (count - 2)
    weight = count / ((count - 1) * (count - 2))
    mean = sums.total / count
    # The sum over l of gain - weight (x_j - m_jl)(x_l - m_lj), with what does not depend on x_l taken together.
    steady = there @ (gain - weight * mean * mean.T).T
    cross = deviation * (deviation @ weight.T) - deviation * (there @ (weight * mean.T).T)
    row = cov.sum(axis=1) + there * steady - cross + there * (deviation @ (weight * mean).T)
    at = np.diagonal
    grown = at(cov) + there * at(gain)
    own = grown - there * at(weight) * (deviation - at(mean)) ** 2
    return LeftOut(row.sum(axis=1), np.where(own > ROUNDING * grown, own, 0.0 * own), row)


def alpha_left_out(left: LeftOut) -> Floats:
    """Return raw alpha without each row, (n,); NaN where the sum does not vary."""
    k = left.own.shape[1]
    total = np.where(left.total > 0, left.total, np.nan)
    return np.asarray(k / (k - 1) * (1 - left.own.sum(axis=1) / total))


def item_rest_left_out(left: LeftOut) -> Floats:
    """Return the correlation of each item with the sum of the others without each row, (n, k).

    NaN where one of the two does not vary.
    """
    rest = left.total[:, None] - 2 * left.row + left.own
    varies = (left.own > 0) & (rest > ROUNDING * (left.total[:, None] + 2 * np.abs(left.row) + left.own))
    square = np.where(varies, left.own * rest, np.nan)
    return np.asarray((left.row - left.own) / np.sqrt(square))


def correlations_left_out(scores: Floats) -> Floats:
    """Return the correlation of every pair of columns without each row, (n, m (m - 1) / 2); no holes.

    Parameters
    ----------
    scores : (n, m) array
        More than two rows; pairs in the order of ``numpy.triu_indices``.
    """
    n, m = scores.shape
    first, second = np.triu_indices(m, 1)
    deviation = scores - scores.mean(axis=0)
    grown = deviation * np.sqrt(n / (n - 1))
    square = (deviation**2).sum(axis=0) - grown**2
    square = np.where(square > ROUNDING * (deviation**2).sum(axis=0), square, np.nan)
    cross = deviation.T @ deviation
    left = cross[first, second] - grown[:, first] * grown[:, second]
    return np.asarray(left / np.sqrt(square[:, first] * square[:, second]))


def pseudo_influence(without: Floats) -> Floats:
    """Return (n - 1)(mean - value without the row): its influence, as the jackknife sees it; mean 0.

    Parameters
    ----------
    without : (n, ...) array
        A statistic without each row.
    """
    return np.asarray((without.shape[0] - 1) * (without.mean(axis=0) - without))


def correlation_limits(
    r: Floats, without: Floats, *, n: Floats, conf_level: float
) -> tuple[Floats, Floats, Floats]:
    """Return standard error and limits of correlations: jackknife, t with n - 1, on the scale atanh.

    Parameters
    ----------
    r : (m,) array
        Correlations.
    without : (rows, m) array
        The same without each row.
    n : (m,) array
        Rows that had a part in each correlation.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    std_error, low, high : (m,) array
        NaN with n below 4, where r is 1 or beyond, or where a correlation without a row has no value.
    """
    rows = without.shape[0]
    inside = (np.abs(r) < 1 - ROUNDING) & (n > 3)
    z = np.arctanh(np.where(np.abs(without) < 1 - ROUNDING, without, np.nan))
    error = np.sqrt((pseudo_influence(z) ** 2).sum(axis=0) / max(rows * (rows - 1), 1))
    error = np.where(inside, error, np.nan)
    centre = np.arctanh(np.where(inside, r, np.nan))
    half = stdtrit(np.where(inside, n - 1, np.nan), (1 + conf_level) / 2) * error
    return error * (1 - np.tanh(centre) ** 2), np.tanh(centre - half), np.tanh(centre + half)
