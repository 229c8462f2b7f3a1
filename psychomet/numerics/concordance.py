"""Agreement of numbers: concordance, differences and their limits, severity, discrimination, Kendall's W.

References
----------
Lin, L. I. (1989). A concordance correlation coefficient to evaluate reproducibility. Biometrics, 45(1),
255-268. https://doi.org/10.2307/2532051

Bland, J. M. and Altman, D. G. (1999). Measuring agreement in method comparison studies. Statistical
Methods in Medical Research, 8(2), 135-160. https://doi.org/10.1177/096228029900800204

Carkeet, A. (2015). Exact parametric confidence intervals for Bland-Altman limits of agreement. Optometry
and Vision Science, 92(3), e71-e80. https://doi.org/10.1097/OPX.0000000000000513

Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal mean and
standard deviation. Statistical Methods in Medical Research, 21(4), 347-359.
https://doi.org/10.1177/0962280210383082

Kendall, M. G. and Babington Smith, B. (1939). The problem of m rankings. Annals of Mathematical
Statistics, 10(3), 275-287. https://doi.org/10.1214/aoms/1177732186
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, nctdtrit, ndtri
from scipy.stats import rankdata

from psychomet.numerics.cluster_sums import (
    Codes,
    Coefficient,
    Fit,
    Linear,
    by_cluster,
    delta_interval,
    influence_error,
    linear,
)

Floats = NDArray[np.float64]

LIMIT = float(ndtri(0.975))
"""Limits of agreement are for 95 of 100 differences, whatever the level of their intervals."""

# Above it Student's noncentral quantiles lose digits, and MOVER equals them to three.
_MANY = 2000
# A variance below this share of the squares about the common centre is rounding.
_FLAT = 1e-12


class RankConcordance(NamedTuple):
    """Kendall's W with its test against 0 and the influence of every cluster on it."""

    estimate: float
    std_error: float
    influence: Floats
    statistic: float
    df: float
    p_value: float


class Limit(NamedTuple):
    """A limit of agreement, its interval, and how that was made (``exact`` or ``mover``)."""

    found: Linear
    low: float
    high: float
    kind: str


def moment_sums(x: Floats, y: Floats, *, cluster: Codes, n_clusters: int) -> Floats:
    """Return n and the sums of x, y, xx, yy and xy about the common mean, one row per cluster.

    Parameters
    ----------
    x, y : (n_units,) array
        Two ratings of each unit; units with a NaN are left out.
    cluster : (n_units,) array of int
        Code of the cluster of each unit.
    n_clusters : int
    """
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    centre = (x.mean() + y.mean()) / 2 if x.size else 0.0
    x, y = x - centre, y - centre
    unit = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    return by_cluster(unit, cluster[both], n_clusters)


def concordance(sums: Floats) -> Fit:
    """Lin's 2 s_xy / (s_x^2 + s_y^2 + (mean_x - mean_y)^2) of ``moment_sums``, divisor n throughout."""
    n, x, y, xx, yy, xy = sums.T
    # n^2 times the covariance and the denominator.
    top = 2 * (n * xy - x * y)
    bottom = n * (xx + yy) - 2 * x * y
    with np.errstate(divide="ignore", invalid="ignore"):
        bottom = np.where(bottom > _FLAT * n * (xx + yy), bottom, np.nan)
        value = top / bottom
        slope = [2 * xy - value * (xx + yy), 2 * y * (value - 1), 2 * x * (value - 1),
                 -value * n, -value * n, 2 * n]  # fmt: skip
        return Fit(value, np.stack(slope, axis=1) / bottom[:, None])


def correlation(sums: Floats) -> Fit:
    """Pearson's r of ``moment_sums``; NaN where one of the two does not vary."""
    n, x, y, xx, yy, xy = sums.T
    own, other, cross = n * xx - x * x, n * yy - y * y, n * xy - x * y
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(own > _FLAT * n * xx, own, np.nan)
        other = np.where(other > _FLAT * n * yy, other, np.nan)
        scale = 1 / np.sqrt(own * other)
        r = cross * scale
        half, second = r / (2 * own), r / (2 * other)
        slope = [scale * xy - half * xx - second * yy, -scale * y + 2 * half * x,
                 -scale * x + 2 * second * y, -half * n, -second * n, scale * n]  # fmt: skip
        return Fit(r, np.stack(slope, axis=1))


def mean(sums: Floats) -> Fit:
    """Total over number, of sums (n, total)."""
    n, total = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return Fit(total / n, np.stack([-total / n**2, 1 / n], axis=1))


def _log_sd(sums: Floats) -> Fit:
    """Log standard deviation, divisor n - 1, of sums (n, total, squares)."""
    n, total, squares = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        about = squares - total**2 / n
        about = np.where(about > _FLAT * squares, about, np.nan)
        slope = [total**2 / n**2 / about - 1 / (n - 1), -2 * total / n / about, 1 / about]
        return Fit(np.log(about / (n - 1)) / 2, np.stack(slope, axis=1) / 2)


def _limit(sign: float) -> Coefficient:
    """Mean and ``sign`` times 1.96 standard deviations, of sums (n, total, squares)."""

    def coefficient(sums: Floats) -> Fit:
        centre, spread = mean(sums[:, :2]), _log_sd(sums)
        sd = sign * LIMIT * np.exp(spread.value)
        slope = sd[:, None] * spread.slope
        slope[:, :2] += centre.slope
        return Fit(centre.value + sd, slope)

    return coefficient


def limits_of_agreement(
    difference: Floats, *, cluster: Codes, n_clusters: int, conf_level: float
) -> tuple[Limit, Limit]:
    """Return mean -+ 1.96 standard deviations of the differences of two raters, each with an interval.

    One difference per cluster: exact for normal differences, from the noncentral t distribution (Carkeet
    2015; by MOVER above 2,000). Several: MOVER from the cluster-robust intervals of the mean and of the log
    standard deviation (Donner and Zou 2012).

    Parameters
    ----------
    difference : (n_units,) array
        First rater minus second; NaN where one is missing.
    cluster : (n_units,) array of int
    n_clusters : int
        Clusters with a difference.
    conf_level : float
        Nominal coverage of the intervals of the limits.
    """
    there = ~np.isnan(difference)
    d, where = difference[there], cluster[there]
    origin = float(d.mean()) if d.size else 0.0
    d = d - origin
    sums = by_cluster(np.stack([np.ones_like(d), d, d * d], axis=1), where, n_clusters)
    found = []
    for sign in (-1.0, 1.0):
        value = linear(sums, _limit(sign))
        single = d.size == n_clusters
        if single and 1 < d.size <= _MANY and np.isfinite(value.estimate):
            sd = (value.estimate) / (sign * LIMIT)
            tails = np.array([(1 - conf_level) / 2, (1 + conf_level) / 2])
            reach = nctdtrit(d.size - 1, LIMIT * np.sqrt(d.size), tails) * sd / np.sqrt(d.size)
            low, high = sorted(sign * reach)
            kind = "exact"
        else:
            low, high = _mover(sums, value.estimate, sign, single, conf_level)
            kind = "mover"
        moved = value._replace(estimate=value.estimate + origin)
        found.append(Limit(moved, float(low) + origin, float(high) + origin, kind))
    return found[0], found[1]


def _mover(sums: Floats, value: float, sign: float, single: bool, conf_level: float) -> tuple[float, float]:
    """Limits from the distances of the limits of the mean and of 1.96 standard deviations."""
    n = sums.shape[0]
    centre, spread = linear(sums[:, :2], mean), linear(sums, _log_sd)
    if n < 2 or not np.isfinite(spread.estimate):
        return float("nan"), float("nan")
    reach = (
        centre.estimate
        - delta_interval(centre.estimate, centre.std_error, df=n - 1, conf_level=conf_level)[0]
    )
    if single:
        tails = np.array([(1 - conf_level) / 2, (1 + conf_level) / 2])
        logs = spread.estimate + np.log((n - 1) / chdtri(n - 1, tails)) / 2
    else:
        logs = np.array(delta_interval(spread.estimate, spread.std_error, df=n - 1, conf_level=conf_level))
    sd = LIMIT * float(np.exp(spread.estimate))
    low, high = (LIMIT * float(np.exp(one)) for one in sorted(logs))
    down, up = np.hypot(reach, sd - low), np.hypot(reach, high - sd)
    return (value - down, value + up) if sign > 0 else (value - up, value + down)


def deviations(values: Floats) -> Floats:
    """Return each rating less the mean of its unit; NaN where a unit has one rating or none."""
    return values - _row_means(values, ~np.isnan(values))


def rest_means(values: Floats) -> Floats:
    """Return for each rating the mean of the other ratings of its unit; NaN where there is none."""
    there = ~np.isnan(values)
    total, count = np.where(there, values, 0.0).sum(axis=1), there.sum(axis=1)
    out = np.full(values.shape, np.nan)
    rest = count[:, None] - 1
    return np.divide(total[:, None] - values, rest, out=out, where=there & (rest > 0))


def _row_means(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """Means of the rows with two values or more, (n, 1)."""
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 1)[:, None]


def kendall_w(values: Floats, *, cluster: Codes, n_clusters: int) -> RankConcordance:
    """Return Kendall's coefficient of concordance, corrected for ties.

    W is the variance of the units' rank sums over its largest value: with R_j the midranks that rater j
    gives, W = Var(R_1 + ... + R_m) / (m (Var R_1 + ... + Var R_m)). The test takes m (n - 1) W as chi-square
    with n - 1 degrees of freedom, as irr::kendall(correct = TRUE) does; it holds for independent units. The
    influences include that a unit moves the ranks of the others.

    Parameters
    ----------
    values : (n_units, m) array
        Complete: no NaN.
    cluster : (n_units,) array of int
    n_clusters : int
        Clusters with a unit.
    """
    n, m = values.shape
    ranks = rankdata(values, axis=0) - (n + 1) / 2
    spread = ranks.var(axis=0)
    total = ranks.sum(axis=1)
    top, bottom = float(total.var()), m * float(spread.sum())
    if bottom == 0:
        nan = float("nan")
        return RankConcordance(nan, nan, np.full(n_clusters, nan), nan, n - 1.0, nan)
    w = top / bottom
    above_total, above_own = np.zeros(n), np.zeros(n)
    for column, rank in zip(values.T, ranks.T, strict=True):
        above_total += _above(column, total)
        above_own += _above(column, rank)
    # In units of n: a rank is n times a distribution function, which a further unit moves.
    by_top = total**2 - 3 * top + 2 * above_total
    by_bottom = m * ((ranks**2).sum(axis=1) - 3 * spread.sum() + 2 * above_own)
    unit = (by_top - w * by_bottom) / bottom / n
    influence = np.bincount(cluster, unit, minlength=n_clusters).astype(np.float64) * n_clusters
    influence -= influence.mean()
    statistic = m * (n - 1) * w
    p_value = float(chdtrc(n - 1, statistic))
    return RankConcordance(w, influence_error(influence), influence, statistic, n - 1.0, p_value)


def _above(column: Floats, weight: Floats) -> Floats:
    """For each unit the weights of the units that a rater puts above it, half of those level with it.

    ``weight`` sums to 0, so that the unit's own share of the ranks cancels.
    """
    _, place = np.unique(column, return_inverse=True)
    level = np.bincount(place, weight)
    return np.asarray((level.sum() - np.cumsum(level) + level / 2)[place])
