"""Differences of two means, raw and standardised, with intervals.

With m and s the means and standard deviations of two sets of scores, x minus y throughout:

- independent: d = (m_x - m_y) / s_p, s_p the pooled standard deviation, with divisor n - 1 (the usual one) or n (as
  numpy's default gives it); g = J d, free of bias under normality; Glass' delta = (m_x - m_y) / s_y;
- paired: d_z = mean / sd of the differences; d_av = (m_x - m_y) / sqrt((s_x^2 + s_y^2) / 2).

J = Gamma(df / 2) / (sqrt(df / 2) Gamma((df - 1) / 2)).

References
----------
Hedges, L. V. (1981). Distribution theory for Glass's estimator of effect size and related estimators. Journal of
Educational Statistics, 6(2), 107-128. https://doi.org/10.3102/10769986006002107

Bonett, D. G. (2008). Confidence intervals for standardized linear contrasts of means. Psychological Methods,
13(2), 99-109. https://doi.org/10.1037/1082-989X.13.2.99

Viechtbauer, W. (2007). Approximate confidence intervals for standardized effect sizes in the two-independent and
two-dependent samples design. Journal of Educational and Behavioral Statistics, 32(1), 39-60.
https://doi.org/10.3102/1076998606298034
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri, stdtr, stdtrit

from psychomet.numerics.effects.noncentral_t import noncentral_t_limits

Floats = NDArray[np.float64]
Divisor = Literal["n - 1", "n"]
_NAN = math.nan
# A variance below this share of the squared scores is rounding, not variation.
_ROUNDING = (10 * float(np.finfo(np.float64).eps)) ** 2


class Effect(NamedTuple):
    """One estimate with its interval, and the test that there is no effect; NaN where there is none."""

    estimate: float
    std_error: float = _NAN
    low: float = _NAN
    high: float = _NAN
    statistic: float = _NAN
    df: float = _NAN
    p_value: float = _NAN


def small_sample_factor(df: float) -> float:
    """Return J, by which a standardised difference is multiplied to be free of bias; NaN for df <= 1."""
    if df <= 1:
        return _NAN
    return math.exp(float(gammaln(df / 2)) - float(gammaln((df - 1) / 2)) - math.log(df / 2) / 2)


def mean_difference(x: Floats, y: Floats, *, conf_level: float) -> Effect:
    """Return the difference of two independent means with Welch's interval and test.

    Parameters
    ----------
    x, y : (n_x,) and (n_y,) array
        Scores, at least two each.
    conf_level : float
        Nominal coverage.
    """
    difference = float(x.mean() - y.mean())
    a, b = (_variance(values) / values.size if values.size > 1 else _NAN for values in (x, y))
    if not a + b > 0:
        return Effect(difference)
    error = math.sqrt(a + b)
    df = (a + b) ** 2 / (a * a / (x.size - 1) + b * b / (y.size - 1))
    return _student(difference, error, df, conf_level)


def paired_difference(differences: Floats, *, conf_level: float) -> Effect:
    """Return the mean of (n,) differences with its t interval and test."""
    mean = float(differences.mean())
    n = differences.size
    spread = _variance(differences) if n > 1 else _NAN
    if not spread > 0:
        return Effect(mean)
    return _student(mean, math.sqrt(spread / n), n - 1.0, conf_level)


def cohen_d(x: Floats, y: Floats, *, conf_level: float, divisor: Divisor = "n - 1") -> Effect:
    """Return Cohen's d of independent groups with the interval of the noncentral t.

    With ``divisor="n"`` the variances that are pooled have divisor n and are still weighted by n - 1, as some
    published analyses do: sqrt(((n_x - 1) v_x + (n_y - 1) v_y) / (n_x + n_y - 2)), v = sum of squares / n. It is
    larger than the usual d by sqrt(n / (n - 1)) where the groups are equal; limits are those of the usual d
    times the same ratio. The standard error is the root of the unbiased variance of g, over J.

    Misleads where the two spreads differ (both the pooled unit and the interval assume one) and where the
    range of the scale cuts the scores off, as strong steering does: the spread then shrinks and d explodes.

    Parameters
    ----------
    x, y : (n_x,) and (n_y,) array
        Scores, at least two each.
    conf_level : float
        Nominal coverage.
    divisor : {"n - 1", "n"}
        Of the variances that are pooled.
    """
    df = float(x.size + y.size - 2)
    squares = [(values.size - 1) * _variance(values) for values in (x, y)]
    if min(x.size, y.size) < 2 or not sum(squares) > 0:
        return Effect(_NAN)
    usual = math.sqrt(sum(squares) / df)
    unit = usual
    if divisor == "n":
        shrunk = sum(
            square * (values.size - 1) / values.size for square, values in zip(squares, (x, y), strict=True)
        )
        unit = math.sqrt(shrunk / df)
    return _scaled(
        _standard(float(x.mean() - y.mean()) / usual, 1 / x.size + 1 / y.size, df, conf_level), usual / unit
    )


def hedges_g(x: Floats, y: Floats, *, conf_level: float) -> Effect:
    """Return Hedges' g = J d of independent groups; limits are J times those of d.

    The standard error is the root of the unbiased variance 1 / n_x + 1 / n_y + (1 - (df - 2) / (df J^2)) g^2
    (Hedges 1981; Viechtbauer 2007).
    """
    return _scaled(cohen_d(x, y, conf_level=conf_level), small_sample_factor(x.size + y.size - 2.0))


def glass_delta(x: Floats, y: Floats, *, conf_level: float) -> Effect:
    """Return Glass' delta: the difference in standard deviations of y, the reference.

    The interval is that of a noncentral t with n_y - 1 degrees of freedom and the scale
    h = 1 / n_y + s_x^2 / (n_x s_y^2), so that x may have another spread; the standard error is
    sqrt(h + delta^2 / (2 (n_y - 1))).
    """
    if min(x.size, y.size) < 2 or not _variance(y) > 0:
        return Effect(_NAN)
    delta = float(x.mean() - y.mean()) / math.sqrt(_variance(y))
    scale = 1 / y.size + _variance(x) / (x.size * _variance(y))
    low, high = noncentral_t_limits(delta / math.sqrt(scale), y.size - 1.0, conf_level=conf_level)
    error = math.sqrt(scale + delta * delta / (2 * (y.size - 1)))
    return Effect(delta, error, low * math.sqrt(scale), high * math.sqrt(scale))


def cohen_dz(differences: Floats, *, conf_level: float) -> Effect:
    """Return d_z = mean / sd of (n,) paired differences with the interval of the noncentral t.

    Misleads as a size of effect: its unit is the spread of the differences, which falls as the two sides
    correlate more. It is the effect size of the test, not of the scores.
    """
    n = differences.size
    if n < 2 or not _variance(differences) > 0:
        return Effect(_NAN)
    return _standard(
        float(differences.mean()) / math.sqrt(_variance(differences)), 1 / n, n - 1.0, conf_level
    )


def cohen_d_average(x: Floats, y: Floats, *, conf_level: float) -> Effect:
    """Return d_av of paired scores, in units of the average variance of both sides (Bonett 2008).

    The variance is d^2 (s_x^4 + s_y^4 + 2 s_xy^2) / (8 s^4 (n - 1)) + s_d^2 / (s^2 (n - 1)), the interval normal.

    Parameters
    ----------
    x, y : (n,) array
        Scores of the same respondents.
    conf_level : float
        Nominal coverage.
    """
    n = x.size
    if n < 2 or not _variance(x) + _variance(y) > 0:
        return Effect(_NAN)
    (a, c), (_, b) = np.cov(x, y)
    square = (a + b) / 2
    d = float(x.mean() - y.mean()) / math.sqrt(square)
    shape = d * d * (a * a + b * b + 2 * c * c) / (8 * square**2 * (n - 1))
    error = math.sqrt(shape + max(a + b - 2 * c, 0.0) / (square * (n - 1)))
    if not error > 0:
        return Effect(d)
    reach = float(ndtri((1 + conf_level) / 2)) * error
    return Effect(d, error, d - reach, d + reach)


def _variance(values: Floats) -> float:
    """Variance with divisor n - 1; exactly 0 where it is no more than rounding, NaN for one value."""
    if values.size < 2:
        return _NAN
    found = float(values.var(ddof=1))
    return found if found > _ROUNDING * float(np.max(np.abs(values))) ** 2 else 0.0


def _standard(d: float, scale: float, df: float, conf_level: float) -> Effect:
    """Noncentral t interval of d, whose d / sqrt(scale) is a t statistic; variance of g over J^2."""
    low, high = (
        limit * math.sqrt(scale)
        for limit in noncentral_t_limits(d / math.sqrt(scale), df, conf_level=conf_level)
    )
    factor = small_sample_factor(df)
    variance = scale + (1 - (df - 2) / (df * factor**2)) * (factor * d) ** 2
    return Effect(d, math.sqrt(max(variance, 0.0)) / factor if factor > 0 else _NAN, low, high)


def _scaled(effect: Effect, factor: float) -> Effect:
    return Effect._make([*(value * factor for value in effect[:4]), *effect[4:]])


def _student(estimate: float, error: float, df: float, conf_level: float) -> Effect:
    reach = float(stdtrit(df, (1 + conf_level) / 2)) * error
    t = estimate / error
    return Effect(estimate, error, estimate - reach, estimate + reach, t, df, float(2 * stdtr(df, -abs(t))))
