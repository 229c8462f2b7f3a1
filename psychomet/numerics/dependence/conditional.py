"""Kernel-based conditional independence: what is left of two kernels after a third.

With Kx the kernel of (x, z / 2), Ky that of y, Kz that of z, all centred, and R = e (Kz + e I)^-1 the statistic is
T = sum of M, M = (R Kx R) times (R Ky R), element by element. Kz is smooth: with Kz = F F' (pivoted Cholesky),
R = I - F (F'F + e I)^-1 F', and R Kx R = A A' with A = R Fx. The null distribution of Zhang et
al. is the gamma with mean tr(M) and variance 2 sum(M^2), here without any eigenvector. The diagonal of M does not
vary when the signs of the residuals do: without it the variance is that of random signs, and the test is not
conservative where a feature has many rare levels; and residuals are smaller than errors
(:func:`residual_scale`).

References
----------
Zhang, K., Peters, J., Janzing, D. and Schölkopf, B. (2011). Kernel-based conditional independence test and
application in causal discovery. Proceedings of UAI, 804-813. https://arxiv.org/abs/1202.3775
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dependence.kernels import Kernel, factor
from psychomet.numerics.dependence.null import gamma_p
from psychomet.numerics.dependence.sides import TILE, Moments, cluster_moments, factored

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

RIDGE = 1e-3
"""e of R, as published."""
MOST_RANK = 1500
LEFT = 1e-8
"""Diagonal of a kernel, as a share of the largest, at which its factor ends."""


class Conditional(NamedTuple):
    """A conditional kernel test.

    Attributes
    ----------
    statistic : float
        T.
    moments : Moments
        Of T under conditional independence; where rows are not clustered each row is a cluster.
    p_value : float
        Of the gamma distribution with the mean and the variance of random signs, for errors instead of residuals.
    published_p : float
        With the variance of the paper, 2 times the whole sum of squares.
    correlation : float
        T over the norms of R Kx R and R Ky R, between 0 and 1.
    left : float
        Largest share of the trace of a kernel that its factor leaves out; 0 up to rounding for exact tests.
    """

    statistic: float
    moments: Moments
    p_value: float
    published_p: float
    correlation: float
    left: float


class Residual(NamedTuple):
    """What of a kernel is left after what is given.

    Attributes
    ----------
    factor : (n, r) array
        A with R K R = A A'.
    left : float
        Share of the trace of a kernel that its factor leaves out.
    scale : float
        By how much R makes the mean of T larger than its estimate, at least 1.
    """

    factor: Floats
    left: float
    scale: float


def published_width(n: int, *, conditional: bool) -> float:
    """Return the kernel width that Zhang et al. chose by sample size, for standardised features."""
    widths = (1.2, 0.7, 0.4) if conditional else (0.8, 0.5, 0.3)
    return widths[0] if n < 200 else widths[1] if n < 1200 else widths[2]


def residual_factor(points: Floats, given: Floats, *, width: float, joined: bool) -> Residual:
    """Return A with R K R = A A'.

    Parameters
    ----------
    points : (n, d) array
        The feature, standardised.
    given : (n, q) array
        What is given, standardised.
    width : float
        Of the kernels of both.
    joined : bool
        Whether the kernel is that of (x, z / 2), as for the first of the two features, or that of the
        feature alone.
    """
    n = len(points)
    most = min(n, MOST_RANK)
    condition, lost = factor(Kernel(given, "gaussian", width), most=most)
    condition = condition - condition.mean(0)
    where = np.hstack([points, 0.5 * given]) if joined else points
    columns, left = factor(Kernel(where, "gaussian", width), most=most, tolerance=LEFT)
    columns = columns - columns.mean(0)
    values, axes = np.linalg.eigh(condition.T @ condition)
    kept = values > 1e-14 * max(values[-1], RIDGE)
    values, axes = values[kept], condition @ (axes[:, kept] / np.sqrt(values[kept]))
    taken = values / (values + RIDGE)
    columns -= axes @ (taken[:, None] * (axes.T @ columns))
    return Residual(_shortened(columns), max(lost, left), residual_scale(axes, 1 - taken))


def residual_scale(axes: Floats, kept: Floats) -> float:
    """Return tr(R^4) / sum_i ((R^2)_ii)^2 for R = I - axes diag(1 - kept) axes'.

    Residuals are smaller than the errors for which they stand. The mean of (e'f)^2 of two independent residuals is
    tr(R^4) times their variances, that of sum_i e_i^2 f_i^2 only sum_i ((R^2)_ii)^2 times: n / (n - q) for a
    regression on q columns.

    Parameters
    ----------
    axes : (n, r) array
        Orthonormal columns.
    kept : (r,) array
        Share of each that R leaves.
    """
    n = len(axes)
    alone = 1 - (axes * axes) @ (1 - kept**2)
    return float((n - kept.size + (kept**4).sum()) / (alone @ alone))


def conditional_test(first: Residual, second: Residual, cluster: Codes | None = None) -> Conditional:
    """Test two features whose residual factors are given.

    Parameters
    ----------
    first, second : Residual
        From :func:`residual_factor`, with the same features given.
    cluster : (n,) array of int, optional
        Rows of one cluster are not independent of each other.
    """
    a, b = first.factor, second.factor
    statistic = float(((a.T @ b) ** 2).sum())
    if cluster is None:
        found = row_moments(a, b)
    else:
        found = cluster_moments(factored(a), factored(b), cluster)
    norms = float(((a.T @ a) ** 2).sum() * ((b.T @ b) ** 2).sum())
    return Conditional(
        statistic,
        found,
        gamma_p(statistic / first.scale, found.trace, found.variance),
        gamma_p(statistic, found.trace, 2 * found.square),
        statistic / norms**0.5 if norms > 0 else float("nan"),
        max(first.left, second.left),
    )


def row_moments(a: Floats, b: Floats) -> Moments:
    """Return the moments of M_ij = a_i'a_j b_i'b_j over the rows of two arrays."""
    n = len(a)
    diagonal = (a * a).sum(1) * (b * b).sum(1)
    trace, alone = float(diagonal.sum()), float((diagonal**2).sum())
    width = a.shape[1] * b.shape[1]
    if width**2 < n * (a.shape[1] + b.shape[1]) / 2 and width * n < 2e7:
        products = np.einsum("ia,ib->iab", a, b).reshape(n, -1)
        return Moments(trace, float(((products.T @ products) ** 2).sum()), alone)
    square = 0.0
    for start in range(0, n, TILE):
        rows = slice(start, start + TILE)
        tile = a[rows] @ a[start:].T
        tile *= b[rows] @ b[start:].T
        tile *= tile
        own = float(tile[:, : tile.shape[0]].sum())
        square += 2 * float(tile.sum()) - own
    return Moments(trace, square, alone)


def _shortened(columns: Floats) -> Floats:
    """Turn a factor to its principal axes and leave out those that are rounding."""
    values, axes = np.linalg.eigh(columns.T @ columns)
    kept = values > 1e-12 * values[-1]
    return np.asarray(columns @ axes[:, kept])
