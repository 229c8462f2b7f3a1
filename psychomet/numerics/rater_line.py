"""How a rater's numbers follow what the other raters share: slope and scatter, free of the others' errors.

With a rater's ratings x, the mean r of the other raters of the same unit, and C the mean covariance of the others
among themselves, a congeneric model (x = location + loading * trait + error, errors independent) gives

    slope = cov(x, r) / C,      residual variance = var(x) - slope * cov(x, r).

cov(x, r) / var(r), the plain regression on the mean of the others, is too flat: var(r) holds their errors too, while C
holds what they share and nothing else. The slope is the rater's loading over that of the others, which is 1 for a rater
who stretches the scale as they do. With three raters and equal others the residual variance is Grubbs' and that of the one-factor model.
C needs two others for each unit, so a pair of raters has no slope.

Where the others' loadings differ among themselves, C is a little below the variance of their common part: the slope
is too steep by about v / q of itself, and the rater's common variance with it, with q others whose loadings have the
squared coefficient of variation v (three others of .8, 1, 1.2: 1.3 per cent; two of .5 and 1: 12 per cent).

References
----------
Grubbs, F. E. (1948). On estimating precision of measuring instruments and product variability. Journal of the American
Statistical Association, 43(242), 243-264. https://doi.org/10.1080/01621459.1948.10483261

Jöreskog, K. G. (1971). Statistical analysis of sets of congeneric tests. Psychometrika, 36(2), 109-133.
https://doi.org/10.1007/BF02291393
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.cluster_sums import Codes, Fit, by_cluster
from psychomet.numerics.concordance import deviations

Floats = NDArray[np.float64]

# A variance below this share of the squares is rounding.
_FLAT = 1e-12


def shared_units(values: Floats, rater: int) -> NDArray[np.bool_]:
    """Return which units the rater and two others at least have rated."""
    there = ~np.isnan(values)
    return np.asarray(there[:, rater] & (there.sum(axis=1) > 2))


def line_sums(values: Floats, rater: int, *, cluster: Codes, n_clusters: int) -> Floats:
    """Return n, the sums of x, r, xx, xr and p of a rater, one row per cluster.

    x is the rating less the rater's severity, r the mean of the others, p the mean product of two of the others, each
    less their severities. That these are estimated does not move slope or residual to first order.

    Parameters
    ----------
    values : (n_units, m) array
        Units of :func:`shared_units`, NaN where there is no rating.
    rater : int
        The column.
    cluster : (n_units,) array of int
    n_clusters : int
    """
    there = ~np.isnan(values)
    apart = np.where(there, deviations(values), 0.0)
    rated = there.sum(axis=0)
    severity = np.divide(apart.sum(axis=0), rated, out=np.zeros(rated.size), where=rated > 0)
    centre = float(values[there].mean()) if there.any() else 0.0
    level = np.where(there, values - severity - centre, 0.0)
    x = level[:, rater]
    total, squares = level.sum(axis=1) - x, (level**2).sum(axis=1) - x**2
    others = there.sum(axis=1) - 1.0
    r = total / others
    p = (total**2 - squares) / (others * (others - 1))
    return by_cluster(np.column_stack([np.ones_like(x), x, r, x * x, x * r, p]), cluster, n_clusters)


def covariance_with(sums: Floats) -> Fit:
    """cov(x, r) of ``line_sums``, divisor n."""
    n, x, r, _, xr, _ = sums.T
    zero = np.zeros_like(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = [(2 * x * r / n - xr) / n**2, -r / n**2, -x / n**2, zero, 1 / n, zero]
        return Fit(xr / n - x * r / n**2, np.stack(slope, axis=1))


def covariance_among(sums: Floats) -> Fit:
    """Mean covariance of the other raters among themselves, of ``line_sums``, divisor n."""
    n, _, r, _, _, p = sums.T
    zero = np.zeros_like(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = [(2 * r**2 / n - p) / n**2, zero, -2 * r / n**2, zero, zero, 1 / n]
        return Fit(p / n - r**2 / n**2, np.stack(slope, axis=1))


def rater_slope(sums: Floats) -> Fit:
    """Slope of a rater on what the others share, of ``line_sums``; NaN where they share nothing."""
    with_, among = covariance_with(sums), covariance_among(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        bottom = np.where(among.value > _FLAT * np.abs(sums[:, 5] / sums[:, 0]), among.value, np.nan)
        value = with_.value / bottom
        return Fit(value, (with_.slope - value[:, None] * among.slope) / bottom[:, None])


def log_residual_sd(sums: Floats) -> Fit:
    """Log standard deviation of a rater about its line, of ``line_sums``; NaN where its square is not positive."""
    n, x, _, xx, _, _ = sums.T
    with_, line = covariance_with(sums), rater_slope(sums)
    zero = np.zeros_like(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = xx / n - x**2 / n**2
        by_own = np.stack([(2 * x**2 / n - xx) / n**2, -2 * x / n**2, zero, 1 / n, zero, zero], axis=1)
        left = own - line.value * with_.value
        left = np.where(left > _FLAT * np.abs(own), left, np.nan)
        slope = by_own - line.value[:, None] * with_.slope - with_.value[:, None] * line.slope
        return Fit(np.log(left) / 2, slope / (2 * left[:, None]))
