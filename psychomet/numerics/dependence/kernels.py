"""Kernels of features, their bandwidths, and factors of smooth ones.

A Gaussian kernel of one or two coordinates is a matrix of low rank up to rounding: a pivoted Cholesky
factor of a few dozen columns stands for it, and what a test needs costs n r^2 instead of n^2.

References
----------
Gretton, A., Fukumizu, K., Teo, C. H., Song, L., Schölkopf, B. and Smola, A. (2007). A kernel statistical
test of independence. Advances in Neural Information Processing Systems 20, 585-592.

Fine, S. and Scheinberg, K. (2001). Efficient SVM training using low-rank kernel representations. Journal of
Machine Learning Research, 2, 243-264. https://www.jmlr.org/papers/v2/fine01a.html

Sejdinovic, D., Sriperumbudur, B., Gretton, A. and Fukumizu, K. (2013). Equivalence of distance-based and
RKHS-based statistics in hypothesis testing. Annals of Statistics, 41(5), 2263-2291.
https://doi.org/10.1214/13-AOS1140
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

Floats = NDArray[np.float64]
Form = Literal["gaussian", "distance", "linear"]

MOST_FOR_MEDIAN = 1000
"""Rows, evenly spaced, from which a median distance is taken."""
TOLERANCE = 1e-10
"""A factor ends where no diagonal element of what is left of the kernel is larger."""
APART = 30.0
"""Coordinates of different levels of a nominal feature: exp(-APART^2) is 0 in double precision."""


class Kernel(NamedTuple):
    """A kernel and where its rows are.

    Attributes
    ----------
    points : (n, d) array
    form : {"gaussian", "distance", "linear"}
        exp(-|a - b|^2 / (2 width^2)); |a| + |b| - |a - b|, the kernel of which the distance covariance is
        the independence criterion; a'b.
    width : float
        Of the Gaussian.
    """

    points: Floats
    form: Form
    width: float = 1.0


def standardised(values: Floats) -> Floats:
    """Return columns with mean 0 and standard deviation 1 (divisor n - 1); constant ones become 0."""
    points = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    centred = points - points.mean(0)
    spread = centred.std(0, ddof=1)
    tiny = spread <= 1e-12 * np.maximum(np.abs(points).max(0), np.finfo(float).tiny)
    return np.where(tiny, 0.0, centred / np.where(tiny, 1.0, spread))


def on_circle(values: Floats, period: float) -> Floats:
    """Return cosine and sine of values that return after a period, shape (n, 2)."""
    turn = 2 * np.pi * np.asarray(values, dtype=np.float64) / period
    return np.column_stack([np.cos(turn), np.sin(turn)])


def indicators(codes: NDArray[np.integer]) -> Floats:
    """Return one column for each level that is there, 1 where a row has it."""
    levels, position = np.unique(codes, return_inverse=True)
    return np.eye(levels.size)[position]


def median_distance(points: Floats) -> float:
    """Return the median distance above 0 between at most 1,000 evenly spaced rows; 1 where there is none."""
    n = len(points)
    if n > MOST_FOR_MEDIAN:
        points = points[np.linspace(0, n - 1, MOST_FOR_MEDIAN).astype(np.intp)]
    distances = pdist(points)
    apart = distances[distances > 0]
    return float(np.median(apart)) if apart.size else 1.0


def block(kernel: Kernel, rows: slice, columns: slice, xp: Any = np) -> Any:
    """Return a block of the kernel matrix; ``xp`` is numpy or a module with its functions."""
    a, b = xp.asarray(kernel.points[rows]), xp.asarray(kernel.points[columns])
    if kernel.form == "linear":
        return a @ b.T
    if kernel.points.shape[1] == 1:
        gap = a - b[:, 0]
        if kernel.form == "distance":
            return xp.abs(a) + xp.abs(b[:, 0]) - xp.abs(gap)
        gap = gap * gap
    else:
        gap = xp.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T), 0.0)
        if kernel.form == "distance":
            size = xp.sqrt((a * a).sum(1))[:, None] + xp.sqrt((b * b).sum(1))
            return size - xp.sqrt(gap)
    return xp.exp(gap * (-0.5 / kernel.width**2))


def factor(kernel: Kernel, *, most: int, tolerance: float = TOLERANCE) -> tuple[Floats, float]:
    """Return F of shape (n, r) with F F' = K, by pivoted Cholesky over the distinct points.

    Parameters
    ----------
    kernel : Kernel
    most : int
        Columns at the most.
    tolerance : float
        Largest diagonal element of K - F F' at which to stop, as a share of the largest of K.

    Returns
    -------
    factor : (n, r) array
    left : float
        Share of the trace of K that F F' leaves out; 0 up to rounding unless ``most`` was reached.
    """
    points, position, times = _distinct(kernel.points)
    whole = kernel._replace(points=points)
    m = len(points)
    rest = _diagonal(whole)
    total, largest = float(rest @ times), float(rest.max())
    columns = np.empty((min(64, m, most), m))
    rank = 0
    while rank < min(m, most):
        pivot = int(rest.argmax())
        if rest[pivot] <= tolerance * largest:
            break
        if rank == len(columns):
            columns = np.concatenate([columns, np.empty((min(rank, min(m, most) - rank), m))])
        new = block(whole, slice(pivot, pivot + 1), slice(None))[0]
        new -= columns[:rank, pivot] @ columns[:rank]
        new /= np.sqrt(rest[pivot])
        columns[rank] = new
        rest -= new * new
        rest[pivot] = 0.0
        np.maximum(rest, 0.0, out=rest)
        rank += 1
    left = float(rest @ times) / total if total > 0 else 0.0
    return columns[:rank].T[position], left


def _diagonal(kernel: Kernel) -> Floats:
    if kernel.form == "gaussian":
        return np.ones(len(kernel.points))
    if kernel.form == "linear":
        return np.asarray((kernel.points**2).sum(1))
    return 2 * np.sqrt((kernel.points**2).sum(1))


def _distinct(points: Floats) -> tuple[Floats, NDArray[np.intp] | slice, Floats]:
    """Distinct rows, where each row is among them, and how often each stands; all rows where most differ."""
    n, d = points.shape
    if d == 1:
        values, position, times = np.unique(points[:, 0], return_inverse=True, return_counts=True)
        values = values[:, None]
    elif d <= 3 or n <= 2000:
        values, position, times = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    else:
        return points, slice(None), np.ones(n)
    if len(values) > n / 2:
        return points, slice(None), np.ones(n)
    return values, position.reshape(-1), times.astype(np.float64)
