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
Counts = NDArray[np.integer]

_STEPS, _NEAR = 60, 1e-10
# A step moves no probability by more than this factor.
_MOST = 8.0
# Cells of an array of distributions that stays in a processor's cache.
_CELLS = 50_000
# Numbers up to which they are ranked without sorting.
_SMALL = 1_000_000


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
    return _tested(estimate, pull, naive, conf_level)


def counted_superiority(x: Counts, y: Counts, *, conf_level: float) -> Superiority:
    """Return what :func:`clustered_superiority` does, from how often each cluster gave each code.

    Parameters
    ----------
    x, y : (n, c) array of int
        Answers to both sets by cluster and code, codes ascending; at least one answer each.
    conf_level : float
        Nominal coverage.
    """
    total_x, total_y = x.sum(axis=0, dtype=np.float64), y.sum(axis=0, dtype=np.float64)
    n_x, n_y = total_x.sum(), total_y.sum()
    below_x, below_y = ((np.cumsum(among) - among / 2) / among.sum() for among in (total_y, total_x))
    estimate = float(total_x @ below_x / n_x)
    pull = x @ (below_x - estimate) / n_x - y @ (below_y - (1 - estimate)) / n_y
    return _tested(estimate, pull, _mann_whitney(estimate, total_x, total_y), conf_level)


def _mann_whitney(estimate: float, x: Floats, y: Floats) -> float:
    """Return the two-sided p value with corrections for ties and continuity; 1 where all answers are alike."""
    n_x, n_y = float(x.sum()), float(y.sum())
    n, ties = n_x + n_y, x + y
    spread = n + 1 - float((ties**3 - ties).sum()) / (n * (n - 1))
    if np.count_nonzero(ties) < 2:
        return 1.0
    away = n_x * n_y * (max(estimate, 1 - estimate) - 0.5) - 0.5
    return min(1.0, float(2 * stats.norm.sf(away / np.sqrt(n_x * n_y / 12 * spread))))


def _tested(estimate: float, pull: Floats, naive: float, conf_level: float) -> Superiority:
    """Add error, interval and test over clusters; ``pull`` is what each adds to the estimate, (n,)."""
    n_units = pull.size
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
    low = high = nan
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

    Where c is positive, the slope of the mean divergence by c_j is (log c_j - mean_i log((p_ij + c_j) / 2)) / 2, and its second
    derivatives stand on the diagonal alone: 1 / c_j - mean_i 1 / (p_ij + c_j), halved. Newton's step under sum c = 1
    therefore costs what one of the fixed-point iteration (Nielsen 2020) does, and a handful of them are enough.

    Parameters
    ----------
    p : (..., m, c) array
        m distributions over c categories.

    Returns
    -------
    (..., c) array
    """
    m, c = p.shape[-2:]
    found = _centroids(np.ascontiguousarray(p.reshape(-1, m, c).transpose(1, 2, 0)))
    return np.ascontiguousarray(found.T).reshape(*p.shape[:-2], c)


def _centroids(p: Floats) -> Floats:
    """Return the centroids, (c, n), of n sets of distributions, (m, c, n): sums run over the leading axes, which is quick."""
    found = p.mean(axis=0)
    left = np.arange(found.shape[1])
    parts = p
    for _ in range(_STEPS):
        centre = found[:, left]
        nothing = centre <= 0
        inside = centre + nothing
        both = parts + inside
        slope = np.log(inside) - np.log(both / 2).mean(axis=0)
        # A distance of zero from all distributions leaves rounding in place of a curvature.
        bend = np.maximum(1 / inside - (1 / both).mean(axis=0), np.finfo(np.float64).eps)
        give = np.where(nothing, 0.0, 1 / bend)
        price = (slope * give).sum(axis=0) / give.sum(axis=0)
        new = np.clip(centre - (slope - price) * give, centre / _MOST, centre * _MOST)
        new /= new.sum(axis=0)
        found[:, left] = new
        far = np.abs(new - centre).max(axis=0) >= _NEAR
        if not far.any():
            break
        if not far.all():
            left, parts = left[far], parts[:, :, far]
    return found


def mean_js_distance(counts: Counts) -> Floats:
    """Return the mean Jensen-Shannon distance of some distributions of counts to their centroid.

    Tables that differ in the order of the distributions only are looked at once.

    Parameters
    ----------
    counts : (n, m, c) array of int
        m distributions over c categories, each with at least one count.

    Returns
    -------
    (n,) array
    """
    _, m, c = counts.shape
    first, place = _alike(counts)
    out = np.empty(first.size)
    step = max(1, _CELLS // (m * c))
    for start in range(0, first.size, step):
        block = counts[first[start : start + step]]
        p = np.ascontiguousarray(block.transpose(1, 2, 0), dtype=np.float64)
        p /= p.sum(axis=1, keepdims=True)
        centre = _centroids(p)
        twice = _entropies(p) + _entropies(centre) - 2 * _entropies((p + centre) / 2)
        out[start : start + step] = np.sqrt(np.maximum(twice / 2, 0.0)).mean(axis=0)
    return np.asarray(out[place])


def _entropies(p: Floats) -> Floats:
    """Sum of p log p over the last axis but one."""
    return np.asarray((p * np.log(p + (p <= 0))).sum(axis=-2))


def _alike(counts: Counts) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first of each set of tables with the same distributions, and the set of every table."""
    n, m, c = counts.shape
    kind = _dense(_joined(counts.reshape(n * m, c))).reshape(n, m)
    return tuple(np.unique(_joined(np.sort(kind, axis=1)), return_index=True, return_inverse=True)[1:])  # type: ignore[return-value]


def _joined(columns: Counts) -> NDArray[np.int64]:
    """Return one number per row of (n, c) counts, the same for the same rows only."""
    found = np.zeros(columns.shape[0], dtype=np.int64)
    most = 1
    for column in columns.T.astype(np.int64):
        base = int(column.max(initial=0)) + 1
        if most > np.iinfo(np.int64).max // base:
            found = _dense(found)
            most = int(found.max(initial=0)) + 1
        found, most = found * base + column, most * base
    return found


def _dense(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rank of each number among those that occur; small numbers are not sorted."""
    if numbers.max(initial=0) < _SMALL:
        return np.asarray(np.cumsum(np.bincount(numbers) > 0) - 1)[numbers]
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)
