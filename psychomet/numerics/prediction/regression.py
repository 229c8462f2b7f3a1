r"""Least squares of one sample: shares of variance, standardised slopes, and how much each respondent moves them.

A column's own part e_j is what the other columns do not explain of it (Frisch, Waugh, Lovell). Then, with u and v
standardised y and x_j,

    slope b_j = e_j'y / e_j'e_j,  standardised slope b_j s_j / s_y,  semi-partial correlation = r(e_j, y),
    variance inflation = x_j'x_j / e_j'e_j.

A standardised slope is not a slope of standardised scores with known spread: s_j and s_y vary from sample to sample, and
the usual standard error leaves that out. Yuan and Chan's, by the delta method under multivariate normality, does not:

    var = [s_j^2 c_j s_e^2 / s_y^2 + b_j^2 (s_j^2 (b'Sb - s_e^2) - s_jy^2) / s_y^4] / f

with c_j the diagonal of the inverse covariance matrix. They take f = n - 3; here f = n - p - 1, which is the same with two
predictors and makes the standard error of a slope of zero that of least squares. By the same method the semi-partial
correlation r has the variance [(1 - R^2)(1 - 2 r^2) + r^2 (1 - r^2)] / f.

References
----------
Yuan, K.-H. and Chan, W. (2011). Biases and standard errors of standardized regression coefficients. Psychometrika, 76(4),
670-690. https://doi.org/10.1007/s11336-011-9224-6

Jones, J. A. and Waller, N. G. (2013). Computing confidence intervals for standardized regression coefficients.
Psychological Methods, 18(4), 435-453. https://doi.org/10.1037/a0033269
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtr

Floats = NDArray[np.float64]

LEAST_SINGULAR = 1e-7
"""Relative to the largest: a smaller singular value of the standardised columns is rounding."""


class Explained(NamedTuple):
    """What some columns explain of a criterion.

    Attributes
    ----------
    r_squared : float
    rank : int
        Number of independent columns.
    residual : (n,) array
        Of the criterion.
    influence : (n,) array
        Empirical influence of each respondent on R squared, (1 - R^2) u^2 - e^2 / var(y); mean 0.
    """

    r_squared: float
    rank: int
    residual: Floats
    influence: Floats


class Own(NamedTuple):
    """What one column adds to the others.

    Attributes
    ----------
    slope : float
        Standardised.
    slope_error : float
        Its standard error after Yuan and Chan.
    statistic, df, p_value : float
        t test that it is 0.
    semipartial : float
    semipartial_error : float
        Its standard error by the delta method for normal scores.
    inflation : float
        Variance inflation factor.
    slope_influence, semipartial_influence : (n,) array
        Empirical influence of each respondent; mean 0.
    """

    slope: float
    slope_error: float
    statistic: float
    df: float
    p_value: float
    semipartial: float
    semipartial_error: float
    inflation: float
    slope_influence: Floats
    semipartial_influence: Floats


class FTest(NamedTuple):
    """F test that some columns add nothing: statistic, both degrees of freedom, p value."""

    statistic: float
    df: float
    df2: float
    p_value: float


def basis(columns: Floats) -> Floats:
    """Return orthonormal columns that span the centred ones, (n, rank)."""
    centred = columns - columns.mean(0)
    size = np.linalg.norm(centred, axis=0)
    floor = 1e-13 * np.sqrt(columns.shape[0]) * np.abs(columns).max(axis=0, initial=0.0)
    kept = centred[:, size > floor] / size[size > floor]
    if kept.shape[1] == 0:
        return np.zeros((columns.shape[0], 0))
    left, singular, _ = np.linalg.svd(kept, full_matrices=False)
    return left[:, singular > LEAST_SINGULAR * singular[0]]


def explained(y: Floats, *, span: Floats) -> Explained:
    """Return the share of the variance of y, (n,), that orthonormal columns, (n, rank), explain."""
    centred = y - y.mean()
    residual = centred - span @ (span.T @ centred)
    variance = float(np.mean(centred**2))
    unexplained = float(np.mean(residual**2)) / variance
    pull = unexplained * centred**2 / variance - residual**2 / variance
    return Explained(1 - unexplained, span.shape[1], residual, pull)


def f_test(r_squared: float, rank: int, *, n: int, base: float = 0.0, base_rank: int = 0) -> FTest:
    """Return the F test that a regression explains no more than a part of its columns does.

    F = (R^2 - R_0^2) / (r - r_0) / ((1 - R^2) / (n - r - 1)); NaN without degrees of freedom.
    """
    df, df2 = rank - base_rank, n - rank - 1
    if df < 1 or df2 < 1 or not r_squared < 1:
        return FTest(float("nan"), float(df), float(df2), float("nan"))
    statistic = max(r_squared - base, 0.0) / df / ((1 - r_squared) / df2)
    return FTest(statistic, float(df), float(df2), float(fdtrc(df, df2, statistic)))


def own_part(columns: Floats, *, at: int, y: Floats, whole: Explained) -> Own | None:
    """Return what one column adds to the others; None where they determine it, or no degrees of freedom are left.

    Parameters
    ----------
    columns : (n, m) array
    at : int
        The column.
    y : (n,) array
    whole : Explained
        Of all the columns.
    """
    n, x, df = y.size, columns[:, at] - columns[:, at].mean(), y.size - whole.rank - 1
    others = basis(np.delete(columns, at, axis=1))
    own = x - others @ (others.T @ x)
    left, size = float(own @ own), float(x @ x)
    if df < 1 or size == 0 or left < LEAST_SINGULAR**2 * n * size:
        return None
    u = y - y.mean()
    spread = float(u @ u)
    slope = float(own @ u) / left
    standard, semipartial = slope * np.sqrt(size / spread), float(own @ u) / np.sqrt(left * spread)
    unexplained = 1 - whole.r_squared
    r = float(x @ u) / np.sqrt(size * spread)
    variance = (unexplained * size / left + standard**2 * (2 * whole.r_squared - 1 - r * r)) / df
    error = np.sqrt(unexplained / df * size / left)
    part = unexplained * (1 - 2 * semipartial**2) + semipartial**2 * (1 - semipartial**2)
    statistic = standard / error if error > 0 else float("nan")
    squares = x**2 * n / size - u**2 * n / spread
    others_leave = u - others @ (others.T @ u)
    moves_slope = np.sqrt(size / spread) * own * whole.residual * n / left + standard * squares / 2
    moves_part = own * others_leave * n / np.sqrt(left * spread) - semipartial / 2 * (
        own**2 * n / left + u**2 * n / spread
    )
    return Own(
        slope=float(standard), slope_error=float(np.sqrt(max(variance, 0.0))), statistic=float(statistic),
        df=float(df), p_value=float(2 * stdtr(df, -abs(statistic))), semipartial=float(semipartial), semipartial_error=float(np.sqrt(max(part, 0.0) / df)),
        inflation=size / left, slope_influence=moves_slope, semipartial_influence=moves_part,
    )  # fmt: skip


def permutation_p_value(
    y: Floats, *, span: Floats, n_permutations: int, seed: int, cells: int = 2_000_000
) -> float:
    """Return the p value of R squared among those of the criterion shuffled over respondents.

    All shuffles share the columns, so that each is one product of the shuffled criterion with an orthonormal basis. The
    observed order counts as one of them, which makes the test exact where respondents are exchangeable under no relation.

    Parameters
    ----------
    y : (n,) array
    span : (n, rank) array
        Orthonormal columns.
    n_permutations, seed : int
        Number of shuffles, and the seed.
    cells : int
        Largest number of values shuffled at a time.
    """
    rng = np.random.default_rng(seed)
    centred = y - y.mean()
    seen = float(np.sum((span.T @ centred) ** 2)) * (1 - 1e-10)
    beyond, left = 1, n_permutations
    while left > 0:
        size = min(left, max(1, cells // y.size))
        shuffled = rng.permuted(np.broadcast_to(centred, (size, y.size)), axis=1)
        beyond += int(np.count_nonzero(np.sum((shuffled @ span) ** 2, axis=1) >= seen))
        left -= size
    return beyond / (n_permutations + 1)
