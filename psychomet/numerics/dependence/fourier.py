"""Randomised tests: random Fourier features stand for the kernels.

The features of a Gaussian kernel are sqrt(2) cos(w'x + u) with w normal and u uniform. RIT compares n |C|^2, C
the covariances of standardised features of x and y, with its null distribution, a sum of weighted chi-squared
variables; RCIT first takes out the regression of the features on features of z, with y joined by z. One draw
of features is a lottery: the p value returned is the median over several.

References
----------
Strobl, E. V., Zhang, K. and Visweswaran, S. (2019). Approximate kernel-based conditional independence tests
for fast non-parametric causal discovery. Journal of Causal Inference, 7(1), 20180017.
https://doi.org/10.1515/jci-2018-0017

Rahimi, A. and Recht, B. (2007). Random features for large-scale kernel machines. Advances in Neural
Information Processing Systems 20, 1177-1184.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dependence.conditional import residual_scale, row_moments
from psychomet.numerics.dependence.kernels import median_distance
from psychomet.numerics.dependence.null import gamma_p, permutation_moments
from psychomet.numerics.dependence.sides import cluster_moments, factored

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

FEATURES = 25
"""Random features of x and of y."""
MOST_GIVEN = 100
"""Random features of z at the most."""
ROWS_PER_GIVEN = 10
"""And no more than one for so many rows: each costs a degree of freedom."""
RIDGE = 1e-6
"""Ridge of the regression on the features of z, as a share of their variance."""
DRAWS = 11
"""Draws of features over which the median is taken."""


class Randomised(NamedTuple):
    """A randomised test.

    Attributes
    ----------
    statistic : float
        Median of n |C|^2 over the draws.
    p_value : float
        Median of the p values.
    low, high : float
        Smallest and largest p value of a draw.
    """

    statistic: float
    p_value: float
    low: float
    high: float


def randomised_test(
    x: Floats,
    y: Floats,
    *,
    rng: np.random.Generator,
    given: Floats | None = None,
    cluster: Codes | None = None,
    features: int = FEATURES,
    draws: int = DRAWS,
    nominal: tuple[bool, bool] = (False, False),
) -> Randomised:
    """Test two features by random Fourier features.

    Parameters
    ----------
    x, y : (n, d) array
        Standardised features.
    rng : numpy.random.Generator
        Draws the features.
    given : (n, q) array, optional
        What is given.
    cluster : (n,) array of int, optional
        Rows of one cluster are not independent of each other.
    features, draws : int
        Features of x and of y, and how often they are drawn.
    nominal : (bool, bool)
        Whether x and y are indicators of levels: without anything given these are taken as they are, since
        they stand for the kernel exactly.
    """
    n = len(x)
    second = y if given is None else np.hstack([y, given])
    widths = [median_distance(points) for points in (x, second)]
    wide = 1.0 if given is None else median_distance(given)
    found = np.empty((draws, 2))
    for draw in range(draws):
        f = _features(x, widths[0], features, rng, exact=nominal[0])
        g = _features(second, widths[1], features, rng, exact=nominal[1] and given is None)
        scale = 1.0
        if given is not None:
            count = max(5, min(MOST_GIVEN, n // ROWS_PER_GIVEN))
            h = _features(given, wide, count, rng)
            f, g, scale = _residuals(f, g, h)
        found[draw] = _statistic(f, g, cluster, plain=given is None, scale=scale)
    p_values = found[:, 1]
    return Randomised(
        float(np.median(found[:, 0])),
        float(np.median(p_values)),
        float(p_values.min()),
        float(p_values.max()),
    )


def _features(
    points: Floats, width: float, count: int, rng: np.random.Generator, *, exact: bool = False
) -> Floats:
    """Standardised random features without those that do not vary; or the points, centred."""
    if exact:
        return np.asarray(points - points.mean(0))
    frequencies = rng.standard_normal((points.shape[1], count)) / width
    made = np.cos(points @ frequencies + rng.uniform(0, 2 * np.pi, count))
    made -= made.mean(0)
    spread = made.std(0)
    return np.asarray(made[:, spread > 1e-8] / spread[spread > 1e-8])


def _residuals(f: Floats, g: Floats, h: Floats) -> tuple[Floats, Floats, float]:
    """What of two sets of features a third does not explain, and by how much that is too small."""
    values, axes = np.linalg.eigh(h.T @ h)
    kept = values > 1e-8 * values[-1]
    axes = h @ (axes[:, kept] / np.sqrt(values[kept]))
    taken = values[kept] / (values[kept] + RIDGE * len(h))
    f, g = (each - axes @ (taken[:, None] * (axes.T @ each)) for each in (f, g))
    return f, g, residual_scale(axes, 1 - taken)


def _statistic(
    f: Floats, g: Floats, cluster: Codes | None, *, plain: bool, scale: float
) -> tuple[float, float]:
    """N |C|^2 and its p value."""
    n = len(f)
    if not f.shape[1] or not g.shape[1]:
        return float("nan"), float("nan")
    statistic = float(((f.T @ g) ** 2).sum()) / n
    if plain and cluster is None:
        mean, variance = permutation_moments(factored(f), factored(g))
        return statistic, gamma_p(statistic * n, mean, variance)
    moments = row_moments(f, g) if cluster is None else cluster_moments(factored(f), factored(g), cluster)
    return statistic, gamma_p(statistic * n / scale, moments.trace, moments.variance)
