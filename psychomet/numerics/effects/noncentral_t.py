"""The noncentral t distribution and the limits of its noncentrality.

References
----------
Cumming, G. and Finch, S. (2001). A primer on the understanding, use, and calculation of confidence intervals
that are based on central and noncentral distributions. Educational and Psychological Measurement, 61(4),
532-574. https://doi.org/10.1177/0013164401614002
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaincc, gammaln, ndtr, ndtri, stdtr

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(240)
# Standard deviations on either side of the mean; the rest weighs less than 1e-20.
_REACH = 10.0


def noncentral_t_cdf(t: float, df: float, noncentrality: float) -> float:
    """Return the probability of a t statistic of at most ``t``.

    T = (Z + delta) / s with Z standard normal and df s^2 chi-square. The probability is an integral over s
    of Phi(t s - delta) where the normal part is the wider of the two, and otherwise over Z of the
    chi-square's tail, both by Gauss-Legendre quadrature: accurate to about 1e-10 at any noncentrality, where the usual
    series fail beyond about 37.

    Parameters
    ----------
    t, noncentrality : float
    df : float
        Above 0.
    """
    if t < 0:
        return 1 - noncentral_t_cdf(-t, df, -noncentrality)
    if t < math.sqrt(2 * df):
        return _over_scale(t, df, noncentrality)
    left = max(-_REACH, -noncentrality)
    if left >= _REACH:
        return float(ndtr(-noncentrality))
    z = left + (_NODES + 1) / 2 * (_REACH - left)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    tail = gammaincc(df / 2, df / 2 * ((z + noncentrality) / t) ** 2)
    return float(ndtr(-noncentrality) + (_REACH - left) / 2 * np.sum(_WEIGHTS * density * tail))


def noncentral_t_limits(t: float, df: float, *, conf_level: float) -> tuple[float, float]:
    """Return the limits of the noncentrality of a t statistic.

    The lower limit is the noncentrality under which a statistic at least as large has probability
    (1 - conf_level) / 2, the upper one that under which one at most as large has.

    Parameters
    ----------
    t : float
        The statistic.
    df : float
        Its degrees of freedom.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    low, high : float
        NaN where the statistic is not finite or there are no degrees of freedom.
    """
    if not (math.isfinite(t) and df > 0):
        return math.nan, math.nan
    tail = (1 - conf_level) / 2
    return _solve(t, df, 1 - tail), _solve(t, df, tail)


def _solve(t: float, df: float, share: float) -> float:
    """Noncentrality under which ``t`` is the quantile of ``share``."""
    if t == 0:
        return -float(ndtri(share))
    width = 2 + abs(t) / math.sqrt(2 * df)
    low, high = t - 3 * width, t + 3 * width
    while noncentral_t_cdf(t, df, low) < share:
        low -= 2 * width
    while noncentral_t_cdf(t, df, high) > share:
        high += 2 * width
    return float(brentq(lambda at: noncentral_t_cdf(t, df, at) - share, low, high, xtol=1e-11, rtol=1e-13))


def _over_scale(t: float, df: float, noncentrality: float) -> float:
    """Integral over s, whose density is that of sqrt(chi-square / df)."""
    if noncentrality == 0:
        return float(stdtr(df, t))
    sd = 1 / math.sqrt(2 * df)
    low, high = max(0.0, 1 - _REACH * sd), 1 + (_REACH + 4) * sd
    # In the fourth root of s the density is smooth at 0 for few degrees of freedom too.
    low, high = low**0.25, high**0.25
    root = low + (_NODES + 1) / 2 * (high - low)
    s = root**4
    with np.errstate(divide="ignore"):
        log = (
            df / 2 * math.log(df / 2) + math.log(2) - gammaln(df / 2) + (df - 1) * np.log(s) - df * s * s / 2
        )
    return float(
        (high - low) / 2 * np.sum(_WEIGHTS * 4 * root**3 * np.exp(log) * ndtr(t * s - noncentrality))
    )
