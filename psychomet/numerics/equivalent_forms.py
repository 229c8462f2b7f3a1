"""Answers to equivalent forms of a question: stochastic order with clusters, and distances of distributions.

References
----------
Mann, H. B. and Whitney, D. R. (1947). On a test of whether one of two random variables is stochastically larger than
the other. Annals of Mathematical Statistics, 18(1), 50-60. https://doi.org/10.1214/aoms/1177730491

Obuchowski, N. A. (1997). Nonparametric analysis of clustered ROC curve data. Biometrics, 53(2), 567-578.
https://doi.org/10.2307/2533958

Endres, D. M. and Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Transactions on Information
Theory, 49(7), 1858-1860. https://doi.org/10.1109/TIT.2003.813506

Nielsen, F. (2020). On a generalization of the Jensen-Shannon divergence and the Jensen-Shannon centroid. Entropy,
22(2), 221. https://doi.org/10.3390/e22020221
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import xlogy

Floats = NDArray[np.float64]

_STEPS, _NEAR = 200, 1e-10


class Superiority(NamedTuple):
    """Probability that one answer is above another, with its cluster-robust error and two tests that it is one half.

    Attributes
    ----------
    estimate, std_error : float
        P(X > Y) + P(X = Y) / 2 and its error from sums over clusters.
    conf_low, conf_high : float
        Interval by t on the logit; NaN where there is no error.
    statistic, df, p_value : float
        t test over clusters.
    naive : float
        p value of the Mann-Whitney test that takes all answers as independent.
    influence : (n,) array
        Influence of each cluster on the estimate.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    statistic: float
    df: float
    p_value: float
    naive: float
    influence: Floats


def clustered_superiority(
    x: Floats,
    y: Floats,
    *,
    x_unit: NDArray[np.intp],
    y_unit: NDArray[np.intp],
    n_units: int,
    conf_level: float,
) -> Superiority:
    """Compare two sets of answers of which each cluster may have given several, to both sets.

    With G and F the distribution functions of x and y (ties counted half), P = mean of F(x_i), and cluster c has the
    influence n [sum_{i in c} (F(x_i) - P) / n_x - sum_{j in c} (G(y_j) - 1 + P) / n_y] (Obuchowski 1997). The test divides
    P - 1/2 by the standard error of its sum over clusters, with n - 1 degrees of freedom.

    Parameters
    ----------
    x, y : (n_x,), (n_y,) array
        Answers; at least one each.
    x_unit, y_unit : array of int
        Cluster of each answer, 0 ... n_units - 1.
    n_units : int
        Number of clusters.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Superiority
        Without error and test where there is one cluster or nothing varies between clusters.
    """
    below_x, below_y = _placements(x, y), _placements(y, x)
    estimate = float(below_x.mean())
    pull = np.bincount(x_unit, below_x - estimate, minlength=n_units) / x.size
    pull -= np.bincount(y_unit, below_y - (1 - estimate), minlength=n_units) / y.size
    naive = float(stats.mannwhitneyu(x, y, method="asymptotic").pvalue) if np.ptp([*x, *y]) > 0 else 1.0
    nan = float("nan")
    bare = Superiority(estimate, nan, nan, nan, nan, nan, nan, naive, pull * n_units)
    if n_units < 2:
        return bare
    error = float(np.sqrt(n_units / (n_units - 1) * np.sum(pull**2)))
    if error < _NEAR:
        return bare
    df = n_units - 1
    statistic = (estimate - 0.5) / error
    p = float(2 * stats.t.sf(abs(statistic), df))
    low = high = float("nan")
    if 0 < estimate < 1:
        middle = np.log(estimate / (1 - estimate))
        reach = float(stats.t.isf((1 - conf_level) / 2, df)) * error / (estimate * (1 - estimate))
        low, high = (float(1 / (1 + np.exp(-(middle + side)))) for side in (-reach, reach))
    return Superiority(estimate, error, low, high, statistic, df, p, naive, pull * n_units)


def _placements(values: Floats, among: Floats) -> Floats:
    """Share of ``among`` below each value, ties counted half."""
    ordered = np.sort(among)
    below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * among.size), dtype=np.float64)


def js_distance(p: Floats, q: Floats) -> Floats:
    """Return the Jensen-Shannon distance, the square root of the divergence in natural logarithms.

    Parameters
    ----------
    p, q : (..., c) array
        Distributions over c categories; they are broadcast.

    Returns
    -------
    (...) array
        From 0 to sqrt(log 2) = .8326; the metric of Endres and Schindelin (2003).
    """
    middle = (p + q) / 2
    parts = xlogy(p, p) + xlogy(q, q) - 2 * xlogy(middle, middle)
    return np.asarray(np.sqrt(np.maximum(parts.sum(axis=-1) / 2, 0.0)))


def js_centroid(p: Floats) -> Floats:
    """Return the distribution with the smallest mean Jensen-Shannon divergence to some distributions.

    The fixed point of c proportional to the geometric mean of (p_i + c) over i (Nielsen 2020: the divergence is a
    difference of convex functions, and each step lowers it).

    Parameters
    ----------
    p : (..., m, c) array
        m distributions over c categories.

    Returns
    -------
    (..., c) array
    """
    centre = p.mean(axis=-2)
    there = centre > 0
    for _ in range(_STEPS):
        both = p + centre[..., None, :]
        logs = np.log(np.where(both > 0, both, 1.0)).mean(axis=-2)
        new = np.where(there, np.exp(logs), 0.0)
        new /= new.sum(axis=-1, keepdims=True)
        moved = np.abs(new - centre).max(initial=0.0)
        centre = new
        if moved < _NEAR:
            break
    return np.asarray(centre)
