"""Random-effects meta-analysis: effects of several models or studies, pooled with their spread.

y_i = mu + u_i + e_i, var u_i = tau^2, var e_i = v_i known. tau^2 is estimated by REML; mu is the mean with weights
w_i = 1 / (v_i + tau^2). Hartung and Knapp's variance of it is sum w_i (y_i - mu)^2 / ((k - 1) sum w_i), with t of k - 1
degrees of freedom. A further effect of the same kind lies within mu -+ t sqrt(variance + tau^2).

Misleads with few effects (tau^2 is then hardly known, and the interval of a further effect with it), where the effects
share respondents, where only notable effects were kept, and for standardised differences of very small groups, whose v_i
depends on y_i.

References
----------
Hartung, J. and Knapp, G. (2001). A refined method for the meta-analysis of controlled clinical trials with binary
outcome. Statistics in Medicine, 20(24), 3875-3889. https://doi.org/10.1002/sim.1009

Viechtbauer, W. (2007). Confidence intervals for the amount of heterogeneity in meta-analysis. Statistics in Medicine,
26(1), 37-52. https://doi.org/10.1002/sim.2514

Higgins, J. P. T., Thompson, S. G. and Spiegelhalter, D. J. (2009). A re-evaluation of random-effects meta-analysis.
Journal of the Royal Statistical Society A, 172(1), 137-159. https://doi.org/10.1111/j.1467-985X.2008.00552.x

Nagashima, K., Noma, H. and Furukawa, T. A. (2019). Prediction intervals for random-effects meta-analysis: a confidence
distribution approach. Statistical Methods in Medical Research, 28(6), 1689-1702. https://doi.org/10.1177/0962280218773520

Viechtbauer, W. (2010). Conducting meta-analyses in R with the metafor package. Journal of Statistical Software, 36(3),
1-48. https://doi.org/10.18637/jss.v036.i03
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, ndtr, stdtr, stdtrit

Floats = NDArray[np.float64]

FEWEST = 2
_GRID = 80
_MIXTURE = 150
_STEPS = 50


class Pooled(NamedTuple):
    """Effects pooled under random effects.

    Attributes
    ----------
    estimate, std_error, low, high : float
        Mean effect with Hartung and Knapp's interval.
    statistic, df, p_value : float
        t test that the mean effect is 0.
    further_low, further_high : float
        Where a further effect of the same kind is expected (prediction interval).
    tau_squared, tau_squared_low, tau_squared_high : float
        Variance of the true effects, by REML, with the Q-profile interval.
    i_squared, i_squared_low, i_squared_high : float
        Share of the variance of the effects that is not sampling error.
    q, q_df, q_p_value : float
        Cochran's test that all true effects are equal.
    """

    estimate: float
    std_error: float
    low: float
    high: float
    statistic: float
    df: float
    p_value: float
    further_low: float
    further_high: float
    tau_squared: float
    tau_squared_low: float
    tau_squared_high: float
    i_squared: float
    i_squared_low: float
    i_squared_high: float
    q: float
    q_df: float
    q_p_value: float


def pool_effects(effects: Floats, variances: Floats, *, conf_level: float) -> Pooled:
    """Pool effects under random effects: REML, Hartung and Knapp, prediction interval.

    Parameters
    ----------
    effects : (k,) array
        At least two.
    variances : (k,) array
        Their sampling variances, above 0.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Pooled
        As metafor's ``rma(method = "REML", test = "knha")``, ``predict`` and ``confint`` give it. No Hartung-Knapp
        limits where all effects are equal.
    """
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    k = y.size
    tau = reml_tau_squared(y, v)
    w = 1 / (v + tau)
    mu = float(np.sum(w * y) / np.sum(w))
    error = math.sqrt(float(np.sum(w * (y - mu) ** 2)) / ((k - 1) * float(np.sum(w))))
    cut = float(stdtrit(k - 1, (1 + conf_level) / 2))
    t = mu / error if error > 0 else math.nan
    reach, further = (cut * error if error > 0 else math.nan), cut * math.sqrt(error**2 + tau)
    q = _q(y, v, 0.0)
    ends = _q_profile(y, v, conf_level)
    fixed = 1 / v
    typical = (k - 1) / float(np.sum(fixed) - np.sum(fixed**2) / np.sum(fixed))
    shares = [each / (each + typical) for each in (tau, *ends)]
    return Pooled(
        estimate=mu, std_error=error, low=mu - reach, high=mu + reach,
        statistic=t, df=k - 1.0, p_value=float(2 * stdtr(k - 1, -abs(t))),
        further_low=mu - further, further_high=mu + further,
        tau_squared=tau, tau_squared_low=ends[0], tau_squared_high=ends[1],
        i_squared=shares[0], i_squared_low=shares[1], i_squared_high=shares[2],
        q=q, q_df=k - 1.0, q_p_value=float(chdtrc(k - 1, q)),
    )  # fmt: skip


def reml_tau_squared(effects: Floats, variances: Floats) -> float:
    """Return the REML estimate of the variance of the true effects, 0 or above.

    The restricted likelihood is searched on a grid before its derivative is set to 0 near the best point: it may
    have two maxima where the variances differ much.
    """
    y, v = effects, variances
    spread = float(np.var(y, ddof=1))
    largest = 100 * max(spread, float(v.mean()))
    grid = np.concatenate([[0.0], np.geomspace(1e-8 * float(v.min()) + 1e-12 * largest, largest, _GRID)])
    best = int(np.argmax([_restricted(y, v, at) for at in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]

    def slope(at: float) -> float:
        w = 1 / (v + at)
        residual = y - np.sum(w * y) / np.sum(w)
        return float(np.sum((w * residual) ** 2) - np.sum(w) + np.sum(w**2) / np.sum(w))

    if slope(float(low)) <= 0:
        return float(low) if low > 0 and best > 0 else 0.0
    return _root(slope, float(low), float(high))


def _restricted(y: Floats, v: Floats, tau: float) -> float:
    """Restricted log likelihood, without its constant."""
    w = 1 / (v + tau)
    mu = np.sum(w * y) / np.sum(w)
    return float(np.sum(np.log(w)) - np.log(np.sum(w)) - np.sum(w * (y - mu) ** 2)) / 2


def _q(y: Floats, v: Floats, tau: float) -> float:
    w = 1 / (v + tau)
    return float(np.sum(w * (y - np.sum(w * y) / np.sum(w)) ** 2))


def _q_profile(y: Floats, v: Floats, conf_level: float) -> tuple[float, float]:
    """Return the limits of tau squared between which Q stays within its chi-square quantiles."""
    tail = (1 - conf_level) / 2
    found = []
    for share in (tail, 1 - tail):
        target = float(chdtri(y.size - 1, share))
        found.append(_q_crossing(y, v, target))
    return found[0], found[1]


def _q_crossing(y: Floats, v: Floats, target: float) -> float:
    """Return tau squared at which Q, which falls with it, meets the target; 0 where it starts below."""
    if _q(y, v, 0.0) <= target:
        return 0.0
    high = max(float(np.var(y, ddof=1)), float(v.mean()))
    while _q(y, v, high) > target:
        high *= 4
    return _root(lambda at: _q(y, v, at) - target, 0.0, high)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-15, rtol=1e-13))


def further_limits(effects: Floats, variances: Floats, *, conf_level: float) -> tuple[float, float]:
    """Return limits of a further effect that allow for not knowing how far effects differ.

    After Nagashima, Noma and Furukawa (2019): tau^2 is drawn from its confidence distribution, the solutions of
    Q(tau^2) = chi-square of k - 1 degrees of freedom (0 where there is none), and with each the mean, its Hartung-Knapp
    error with t of k - 1 degrees of freedom, and a normal deviation of tau. Here nothing is drawn: the mixture is integrated
    over quantiles of the chi-square and of t. Wider than the limits of :func:`pool_effects`, which take one tau^2 for known.

    Parameters
    ----------
    effects, variances : (k,) array
        As in :func:`pool_effects`.
    conf_level : float
        Nominal coverage.
    """
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    share = (np.arange(_MIXTURE) + 0.5) / _MIXTURE
    tau = _crossings(y, v, chdtri(y.size - 1, share))
    w = 1 / (v + tau[:, None])
    total = w.sum(axis=1)
    mean = (w @ y) / total
    error = np.sqrt(np.sum(w * (y - mean[:, None]) ** 2, axis=1) / ((y.size - 1) * total))
    centre = mean[:, None] + error[:, None] * stdtrit(y.size - 1, share)
    # A spread of 0 makes a step of the normal part; a thousandth of the error is as good and keeps it smooth.
    spread = np.maximum(np.sqrt(tau), 1e-3 * error + 1e-12 * np.max(np.abs(y)))[:, None]
    low, high = float(np.min(centre - 10 * spread)), float(np.max(centre + 10 * spread))
    if not high > low:
        return math.nan, math.nan

    def below(at: float) -> float:
        return float(np.mean(ndtr((at - centre) / spread)))

    tail = (1 - conf_level) / 2
    return _root(lambda at: below(at) - tail, low, high), _root(lambda at: below(at) - 1 + tail, low, high)


def _crossings(y: Floats, v: Floats, targets: Floats) -> Floats:
    """Return tau squared at which Q meets each target, by bisection of all at once; 0 where it starts below."""
    low = np.zeros(targets.size)
    high = np.full(targets.size, max(float(np.var(y, ddof=1)), float(v.mean())))

    def above(tau: Floats) -> NDArray[np.bool_]:
        w = 1 / (v + tau[:, None])
        mean = (w @ y) / w.sum(axis=1)
        return np.asarray(np.sum(w * (y - mean[:, None]) ** 2, axis=1) > targets)

    while above(high).any():
        high = np.where(above(high), 4 * high, high)
    positive = above(low)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        up = above(middle)
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    return np.where(positive, (low + high) / 2, 0.0)
