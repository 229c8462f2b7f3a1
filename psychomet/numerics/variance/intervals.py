r"""Intervals for variance components, for sums of them and for ratios of such sums.

Balanced layouts give independent mean squares, df MS / E[MS] ~ chi-square, and a component or a sum of components
is L = \sum_q c_q MS_q with some c_q negative. Modified large-sample limits L +- \sqrt{V} take V from the exact
quantiles of the chi-square and F distributions, so that they are exact for one mean square and for the ratio of two.
A ratio N / D has as its limits the values of \lambda at which a limit of N - \lambda D is zero.

Unbalanced layouts have no independent mean squares: Satterthwaite's chi-square for a component (its degrees of
freedom from the variance of the estimate) and the delta method on the logit scale for a share.

All misleads where random effects are far from normal: nominal 95 % intervals cover .70 to .80 of tables with exponential
effects, whatever the number of rows, because the kurtosis enters the variance of a mean square and is here
taken to be zero (docs/validation/variance.md). A bootstrap by respondent does not assume that.

References
----------
Graybill, F. A. and Wang, C.-M. (1980). Confidence intervals on nonnegative linear combinations of variances.
Journal of the American Statistical Association, 75(372), 869-873. https://doi.org/10.1080/01621459.1980.10477565

Ting, N., Burdick, R. K., Graybill, F. A., Jeyaratnam, S. and Lu, T.-F. C. (1990). Confidence intervals on linear
combinations of variance components that are unrestricted in sign. Journal of Statistical Computation and
Simulation, 35(1-2), 135-143. https://doi.org/10.1080/00949659008811240

Gui, R., Graybill, F. A., Burdick, R. K. and Ting, N. (1995). Confidence intervals on ratios of linear combinations
for non-disjoint sets of expected mean squares. Journal of Statistical Planning and Inference, 48(2), 215-227.
https://doi.org/10.1016/0378-3758(95)00003-8

Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. Biometrics
Bulletin, 2(6), 110-114. https://doi.org/10.2307/3002019
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import chi2, norm
from scipy.stats import f as f_distribution

from psychomet.numerics.variance.balanced import Balanced

Floats = NDArray[np.float64]

HALVINGS = 60


class Interval(NamedTuple):
    """Estimate, standard error and limits; arrays of the leading shape of the mean squares."""

    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats


class _Tables(NamedTuple):
    """Constants of Ting et al. (1990) for every mean square (own, other) and every pair (across, alike)."""

    own: Floats
    other: Floats
    across: Floats
    alike: Floats


def mean_square_weights(found: Balanced, *, component: ArrayLike) -> Floats:
    """Return the weights of the mean squares that estimate a linear combination of components.

    Parameters
    ----------
    found : Balanced
        The analysis of variance.
    component : (..., m) array
        Weight of every component: ``[1, 0, 0]`` for the first alone, ``[0, 1 / 8, 1 / 8]`` for an error.

    Returns
    -------
    ndarray, shape (..., m)
    """
    return np.asarray(component, dtype=float) @ np.linalg.inv(found.expected)


def modified_large_sample(
    mean_square: ArrayLike, *, df: ArrayLike, weight: ArrayLike, conf_level: float
) -> Interval:
    r"""Return the modified large-sample interval of a linear combination of expected mean squares.

    Parameters
    ----------
    mean_square : (..., m) array
        Independent mean squares.
    df : (m,) array
        Their degrees of freedom.
    weight : (..., m) array
        Weight of each, of any sign; see :func:`mean_square_weights`.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Interval
        A lower limit below zero says that a component may be zero; it is not cut off here.

    Notes
    -----
    Ting et al. (1990); where no weight is negative, Graybill and Wang (1980). ``std_error`` is
    \sqrt{\sum 2 (c MS)^2 / df}. Coverage: docs/validation/variance.md.
    """
    square, freedom = np.asarray(mean_square, dtype=float), np.asarray(df, dtype=float)
    signed = np.asarray(weight, dtype=float) * square
    tables = _tables(freedom, (1 - conf_level) / 2)
    error = np.sqrt((2 * signed**2 / freedom).sum(axis=-1))
    return Interval(signed.sum(axis=-1), error, _lower(signed, tables), -_lower(-signed, tables))


def ratio_interval(
    mean_square: ArrayLike,
    *,
    df: ArrayLike,
    top: ArrayLike,
    bottom: ArrayLike,
    conf_level: float,
    lowest: float = 0.0,
    highest: float = 1.0,
) -> Interval:
    r"""Return the interval of a ratio of two linear combinations of expected mean squares.

    Parameters
    ----------
    mean_square : (..., m) array
        Independent mean squares.
    df : (m,) array
        Their degrees of freedom.
    top, bottom : (m,) array
        Weights of the mean squares in numerator and denominator; see :func:`mean_square_weights`.
    conf_level : float
        Nominal coverage.
    lowest, highest : float
        The values that the ratio can take; limits are not sought beyond them.

    Returns
    -------
    Interval
        ``std_error`` by the delta method.

    Notes
    -----
    The limits are the \lambda at which a limit of top - \lambda bottom is zero (Gui et al., 1995), by bisection. For
    persons by items it is the exact F interval of Feldt for the generalizability coefficient.
    """
    square, freedom = np.asarray(mean_square, dtype=float), np.asarray(df, dtype=float)
    upper, lower = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    tables = _tables(freedom, (1 - conf_level) / 2)
    below = (lower * square).sum(axis=-1)
    estimate = np.divide(
        (upper * square).sum(axis=-1), below, out=np.full(np.shape(below), np.nan), where=below > 0
    )
    slope = (upper - estimate[..., None] * lower) * square
    error = np.sqrt((2 * slope**2 / freedom).sum(axis=-1)) / np.where(below > 0, below, np.nan)

    def positive(ratio: Floats, sign: float) -> NDArray[np.bool_]:
        return _lower(sign * (upper - ratio[..., None] * lower) * square, tables) > 0

    shape = square.shape[:-1]
    limits = []
    for sign in (1.0, -1.0):
        start, end = np.full(shape, lowest), np.full(shape, highest)
        # Below the interval top - ratio * bottom is surely positive, above it surely negative.
        for _ in range(HALVINGS):
            middle = (start + end) / 2
            outside = positive(middle, sign) if sign > 0 else ~positive(middle, sign)
            start, end = np.where(outside, middle, start), np.where(outside, end, middle)
        limits.append(start)
    return Interval(estimate, error, limits[0], limits[1])


def satterthwaite(estimate: ArrayLike, *, variance: ArrayLike, conf_level: float) -> Interval:
    """Return the chi-square interval of a variance component from the variance of its estimate.

    Parameters
    ----------
    estimate : array
        Positive components, or sums of components.
    variance : array
        Sampling variances of the estimates.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Interval
        NaN limits where the estimate is not positive, or its variance not known.

    Notes
    -----
    df = 2 estimate^2 / variance. Anti-conservative below for a component that is small beside its standard error;
    :func:`modified_large_sample` is the better interval wherever the layout is balanced.
    """
    value, spread = np.asarray(estimate, dtype=float), np.asarray(variance, dtype=float)
    usable = (value > 0) & (spread > 0)
    freedom = np.divide(2 * value**2, spread, out=np.full(np.shape(usable), np.nan), where=usable)
    tail = (1 - conf_level) / 2
    return Interval(
        value,
        np.sqrt(spread),
        freedom * value / chi2.isf(tail, freedom),
        freedom * value / chi2.ppf(tail, freedom),
    )


def delta_share(
    component: ArrayLike, *, covariance: ArrayLike, top: ArrayLike, bottom: ArrayLike, conf_level: float
) -> Interval:
    """Return the interval of a share of components, top / bottom, by the delta method on the logit scale.

    Parameters
    ----------
    component : (m,) array
        Variance components.
    covariance : (m, m) array
        Their sampling covariance.
    top, bottom : (m,) array
        Weights of the components; bottom holds all of top, so that the share is between 0 and 1.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Interval
        NaN limits where the share is 0, 1 or undefined.
    """
    value, spread = np.asarray(component, dtype=float), np.asarray(covariance, dtype=float)
    upper, lower = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    below = float(lower @ value)
    if not below > 0:
        return _scalars(np.nan, np.nan, np.nan, np.nan)
    share = float(upper @ value) / below
    slope = (upper - share * lower) / below
    error = float(np.sqrt(max(slope @ spread @ slope, 0.0)))
    if not 0 < share < 1:
        return _scalars(share, error, np.nan, np.nan)
    reach = float(norm.isf((1 - conf_level) / 2)) * error / (share * (1 - share))
    return _scalars(share, error, float(expit(logit(share) - reach)), float(expit(logit(share) + reach)))


def _scalars(*numbers: float) -> Interval:
    """An interval of arrays without axes."""
    return Interval(*(np.asarray(number, dtype=float) for number in numbers))


def _tables(df: Floats, tail: float) -> _Tables:
    """The constants for one-sided limits of the given tail."""
    own = 1 - df / chi2.isf(tail, df)
    other = df / chi2.ppf(tail, df) - 1
    rows, columns = df[:, None], df[None, :]
    quantile = f_distribution.isf(tail, rows, columns)
    across = ((quantile - 1) ** 2 - (own[:, None] * quantile) ** 2 - other[None, :] ** 2) / quantile
    both = rows + columns
    alike = (
        (1 - both / chi2.isf(tail, both)) ** 2 * both**2 / (rows * columns)
        - own[:, None] ** 2 * rows / columns
        - own[None, :] ** 2 * columns / rows
    )
    np.fill_diagonal(alike, 0.0)
    return _Tables(own, other, across, alike)


def _lower(signed: Floats, tables: _Tables) -> Floats:
    """Lower limit of the sum of weighted mean squares; the upper is minus that of minus the terms."""
    plus, minus = np.maximum(signed, 0.0), np.maximum(-signed, 0.0)
    spread = (tables.own**2 * plus**2).sum(axis=-1) + (tables.other**2 * minus**2).sum(axis=-1)
    spread = spread + np.einsum("...q,qr,...r->...", plus, tables.across, minus)
    among = (plus > 0).sum(axis=-1)
    alike = np.einsum("...q,qt,...t->...", plus, tables.alike, plus) / 2
    mixed = (among > 1) & (minus > 0).any(axis=-1)
    spread = spread + np.where(mixed, alike / np.maximum(among - 1, 1), 0.0)
    return signed.sum(axis=-1) - np.sqrt(np.maximum(spread, 0.0))
