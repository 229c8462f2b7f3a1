"""Refused answers: are they equally frequent, do they go with the trait, and what may they hide.

References
----------
Imbens, G. W. and Manski, C. F. (2004). Confidence intervals for partially identified parameters. Econometrica,
72(6), 1845-1857. https://doi.org/10.1111/j.1468-0262.2004.00555.x

Manski, C. F. (1989). Anatomy of the selection problem. Journal of Human Resources, 24(3), 343-360.
https://doi.org/10.2307/145818

Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered binary data. Biometrics, 48(2),
577-585. https://doi.org/10.2307/2532311

Stoye, J. (2009). More on confidence intervals for partially identified parameters. Econometrica, 77(4), 1299-1315.
https://doi.org/10.3982/ECTA7347
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from psychomet.numerics.resample import resample_weights

Floats = NDArray[np.float64]

# Variance of values of size 1; what is below it is rounding.
_FLAT = 1e-14


class LevelTest(NamedTuple):
    """F test with its degrees of freedom; NaN where there is none."""

    statistic: float
    df: float
    df2: float
    p_value: float


NO_TEST = LevelTest(*[float("nan")] * 4)


def equal_rates(counted: Floats, asked: Floats) -> LevelTest:
    """Test that a kind of answer is equally frequent at all levels of a facet.

    With p the rate over all answers and A_l the answers asked for at level l, respondent i contributes
    u_il = (s_il - p a_il) / A_l. The score statistic is W = d' (C V C')^-1 d, d the differences of the
    rates p_l, V = n / (n - 1) sum (u_i - mean u)(u_i - mean u)'. F = W (n - q) / (q (n - 1)) has q = L - 1 and
    n - q degrees of freedom. It holds whether a respondent met one level or all, and however the answers of
    one respondent depend on each other.

    Parameters
    ----------
    counted, asked : (n, L) array
        Answers of the kind, and answers asked for, by respondent and level.

    Returns
    -------
    LevelTest
        NaN with fewer than two levels, no more respondents than levels, or where nothing varies.

    Notes
    -----
    The error rate is that of large samples: with a rare kind of answer it is below the nominal one. As with every
    clustered test, few respondents make it rough (docs/validation/refusal.md).
    """
    there = asked.sum(axis=0) > 0
    counted, asked = counted[:, there], asked[:, there]
    n, q = asked.shape[0], asked.shape[1] - 1
    if q < 1 or n <= q + 1:
        return NO_TEST
    total = asked.sum(axis=0)
    rate = counted.sum() / asked.sum()
    parts = (counted - rate * asked) / total
    parts = parts[:, :-1] - parts[:, -1:]
    difference = parts.sum(axis=0)
    centred = parts - difference / n
    spread = n / (n - 1) * centred.T @ centred
    if not np.isfinite(spread).all() or np.linalg.matrix_rank(spread, hermitian=True) < q:
        return NO_TEST
    wald = float(difference @ np.linalg.solve(spread, difference))
    statistic = wald * (n - q) / (q * (n - 1))
    return LevelTest(statistic, float(q), float(n - q), float(stats.f.sf(statistic, q, n - q)))


class Identified(NamedTuple):
    """A mean of which only bounds are known.

    Attributes
    ----------
    low, high : float
        Mean with every missing value at its lowest and at its highest.
    low_error, high_error : float
        Their standard errors.
    conf_low, conf_high : float
        Interval that holds the mean itself, wherever between the bounds it lies.
    """

    low: float
    high: float
    low_error: float
    high_error: float
    conf_low: float
    conf_high: float


def identified_mean(lowest: Floats, highest: Floats, conf_level: float) -> Identified:
    """Bound a mean of values that are known up to an interval each, with Imbens and Manski's interval.

    The limits are low - c SE(low) and high + c SE(high), where c solves
    F(c + (high - low) / max(SE)) - F(-c) = conf_level and F is the t distribution with n - 1 degrees of freedom.
    Where nothing is missing it is the t interval of the mean; where much is, c is the one-sided quantile,
    because a mean cannot be near both bounds. Valid for bounds that are ordered in every sample (Stoye 2009).

    Parameters
    ----------
    lowest, highest : (n,) array
        Ends of what each unit's value may be.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Identified
        Errors and limits are NaN with fewer than two units.
    """
    n = lowest.size
    if n == 0:
        return Identified(*[float("nan")] * 6)
    low, high = float(lowest.mean()), float(highest.mean())
    if n < 2:
        return Identified(low, high, *[float("nan")] * 4)
    errors = float(lowest.std(ddof=1) / np.sqrt(n)), float(highest.std(ddof=1) / np.sqrt(n))
    largest = max(errors)
    two_sided = float(stats.t.isf((1 - conf_level) / 2, n - 1))
    if largest == 0:
        return Identified(low, high, *errors, low, high)
    apart = (high - low) / largest
    reach = two_sided
    if apart > 0:

        def excess(c: float) -> float:
            return float(stats.t.cdf(c + apart, n - 1) - stats.t.cdf(-c, n - 1)) - conf_level

        one_sided = float(stats.t.isf(1 - conf_level, n - 1))
        # Far apart the root is the one-sided quantile itself, from which rounding keeps the ends apart.
        reach = one_sided if excess(one_sided) >= 0 else float(brentq(excess, one_sided, two_sided))
    return Identified(low, high, *errors, low - reach * errors[0], high + reach * errors[1])


def resampled_pearson(x: Floats, y: Floats, *, n_boot: int, seed: int) -> Floats:
    """Return Pearson's r in resamples of the pairs, (n_boot,); NaN where x or y does not vary in one.

    Parameters
    ----------
    x, y : (n,) array
        Pairs.
    n_boot : int
        Number of resamples.
    seed : int
        Seed; the same seed and n give the same resamples.
    """
    x, y = x - x.mean(), y - y.mean()
    x, y = x / (np.abs(x).max() or 1.0), y / (np.abs(y).max() or 1.0)
    columns = np.stack([x, y, x * x, y * y, x * y], axis=1)
    parts = []
    for weights in resample_weights(x.size, n_boot=n_boot, seed=seed):
        mean_x, mean_y, xx, yy, xy = (weights @ columns / x.size).T
        xx, yy, cross = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
        varies = (xx > _FLAT) & (yy > _FLAT)
        scale = np.sqrt(np.where(varies, xx * yy, np.nan))
        parts.append(np.clip(cross / scale, -1.0, 1.0))
    return np.concatenate(parts)


def apart(values: Floats) -> int:
    """Return how many of (n,) values differ from the most frequent one.

    A correlation with a variable that nearly everyone has alike stands on the few who differ; with k of them few resamples see
    other than the same k.
    """
    return int(values.size - np.unique(values, return_counts=True)[1].max(initial=0))
