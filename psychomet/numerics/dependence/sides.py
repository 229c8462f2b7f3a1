"""The two sides of a kernel test, each worked out once, and what two of them give together.

T = sum over all pairs of rows of Kc times Lc, the doubly centred kernels of the two features: n^2 times the
Hilbert-Schmidt independence criterion (HSIC), and with kernels of distances n^2 times the squared distance
covariance. A side is a factor F with Kc = F F' where the kernel has low rank (then T = |F'G|^2), and
otherwise the kernel itself, evaluated in tiles: memory is of order n times the tile, never n^2.

References
----------
Gretton et al. (2007), see :mod:`.kernels`.

Székely, G. J., Rizzo, M. L. and Bakirov, N. K. (2007). Measuring and testing dependence by correlation of
distances. Annals of Statistics, 35(6), 2769-2794. https://doi.org/10.1214/009053607000000505
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dependence.kernels import Kernel, block, factor

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

TILE = 512
WIDER = 2
"""Tiles of another array library are so many times as wide: on a GPU each call costs more than small tiles do."""
MOST_RANK = 256
SMOOTH_COORDINATES = 3
"""Up to so many coordinates a Gaussian kernel is tried as a factor."""
LEVELS = 512
"""Up to so many distinct points any kernel is."""


class Side(NamedTuple):
    """One feature, centred.

    Attributes
    ----------
    factor : (n, r) array or None
        Centred columns F with Kc = F F'.
    kernel : Kernel or None
        Where there is no factor.
    means : (n,) array
        Means of the rows of the uncentred kernel; zeros for a factor.
    diagonal : (n,) array
        Diagonal of Kc.
    rows : (n,) array
        Row sums of Kc^2, element by element.
    """

    factor: Floats | None
    kernel: Kernel | None
    means: Floats
    diagonal: Floats
    rows: Floats

    @property
    def trace(self) -> float:
        """Trace of Kc."""
        return float(self.diagonal.sum())

    @property
    def square(self) -> float:
        """Sum of the squares of Kc."""
        return float(self.rows.sum())


def side(kernel: Kernel, *, xp: Any = np) -> Side:
    """Return a kernel as one side of a test.

    Parameters
    ----------
    kernel : Kernel
        At least 4 rows.
    xp : module
        numpy, or one with its functions, for kernels that are evaluated in tiles.
    """
    if _has_factor(kernel):
        columns, left = factor(kernel, most=max(MOST_RANK, LEVELS))
        if left < 1e-9:
            return factored(columns)
    n = len(kernel.points)
    means, diagonal = np.zeros(n), np.empty(n)
    for rows, columns_, tile in _tiles(kernel, xp):
        means[rows] += np.asarray(tile.sum(1))
        if rows == columns_:
            diagonal[rows] = np.asarray(xp.diagonal(tile))
        else:
            means[columns_] += np.asarray(tile.sum(0))
    means /= n
    made = Side(None, kernel, means, diagonal - 2 * means + means.mean(), np.zeros(n))
    return made._replace(rows=pair_rows(made, made, xp=xp))


def factored(columns: Floats) -> Side:
    """Return the side whose kernel is the product of some columns with their transpose."""
    centred = columns - columns.mean(0)
    return Side(
        centred,
        None,
        np.zeros(len(columns)),
        np.einsum("ij,ij->i", centred, centred),
        np.einsum("ij,ij->i", centred @ (centred.T @ centred), centred),
    )


def pair_rows(first: Side, second: Side, *, xp: Any = np) -> Floats:
    """Return the row sums of Kc times Lc, element by element; their sum is T. Shape (n,)."""
    f, g = first.factor, second.factor
    if f is not None and g is not None:
        return np.einsum("ij,ij->i", f @ (f.T @ g), g)
    if f is not None:
        return np.asarray((f * _applied(second, f, xp)).sum(1))
    if g is not None:
        return np.asarray((g * _applied(first, g, xp)).sum(1))
    out = np.zeros(len(first.diagonal))
    for rows, columns_, tile in _centred_tiles(first, xp):
        product = tile * _centred(second, rows, columns_, xp)
        out[rows] += np.asarray(product.sum(1))
        if rows != columns_:
            out[columns_] += np.asarray(product.sum(0))
    return out


def pair_total(first: Side, second: Side, *, xp: Any = np) -> float:
    """Return T alone, which for two factors costs less than its rows."""
    if first.factor is not None and second.factor is not None:
        return float(((first.factor.T @ second.factor) ** 2).sum())
    return float(pair_rows(first, second, xp=xp).sum())


class Moments(NamedTuple):
    """Sums of M, the sums of Kc times Lc over pairs of rows of two clusters.

    Attributes
    ----------
    trace : float
        tr(M): the mean of T under independence.
    square : float
        sum(M^2).
    own : float
        The part of ``square`` on the diagonal.
    """

    trace: float
    square: float
    own: float

    @property
    def variance(self) -> float:
        """2 (square - own): the variance of T when the sign of every cluster is a coin toss."""
        return 2 * (self.square - self.own)


def cluster_moments(first: Side, second: Side, cluster: Codes, *, xp: Any = np) -> Moments:
    """Return the moments of T when only clusters are independent.

    M = S S', S_g the sum over the rows of cluster g of the products of their feature vectors: T = |sum S_g|^2,
    and under independence the S_g have mean 0, whatever the dependence within a cluster. With every sign of
    an S_g as likely as the other, T has mean tr(M) and variance 2 (sum(M^2) - sum of M_gg^2).

    Parameters
    ----------
    first, second : Side
    cluster : (n,) array of int
        Cluster of each row, 0, 1, ...
    xp : module
    """
    f, g = first.factor, second.factor
    if f is not None and g is not None and f.shape[1] * g.shape[1] <= max(1024, int(cluster.max()) + 1):
        products = np.einsum("ia,ib->iab", f, g).reshape(len(f), -1)
        sums = np.zeros((int(cluster.max()) + 1, products.shape[1]))
        np.add.at(sums, cluster, products)
        own = np.einsum("ga,ga->g", sums, sums)
        small = sums.T @ sums if sums.shape[1] < sums.shape[0] else sums @ sums.T
        return Moments(float(own.sum()), float((small**2).sum()), float((own**2).sum()))
    order = np.argsort(cluster, kind="stable")
    ends = np.flatnonzero(np.diff(cluster[order])) + 1
    bounds = np.concatenate([[0], ends, [order.size]])
    one, two = (_reordered(made, order) for made in (first, second))
    trace = square = diagonal = 0.0
    # Other array libraries compile a kernel for each shape: strips of one height, of which some rows may be left out.
    height = 0 if xp is np else min(order.size, max(TILE, int(np.diff(bounds).max())))
    at = 0
    while at < bounds.size - 1:
        to = max(at + 1, int(np.searchsorted(bounds, bounds[at] + TILE, side="right")) - 1)
        start, end = int(bounds[at]), int(bounds[to])
        low = min(start, order.size - height)
        rows = slice(low, max(end, low + height))
        strip = np.asarray(_centred(one, rows, slice(None), xp) * _centred(two, rows, slice(None), xp))
        strip = np.add.reduceat(strip[start - low : end - low], bounds[:-1], axis=1)
        sums = np.add.reduceat(strip, bounds[at:to] - bounds[at], axis=0)
        own = sums[np.arange(to - at), np.arange(at, to)]
        trace += float(own.sum())
        diagonal += float((own**2).sum())
        square += float((sums**2).sum())
        at = to
    return Moments(trace, square, diagonal)


def permuted_totals(
    first: Side, second: Side, orders: Iterator[NDArray[np.intp]], *, xp: Any = np
) -> Iterator[float]:
    """Yield T with the rows of the first side in each of some orders."""
    if first.factor is None or second.factor is None:
        whole = slice(None)
        k, other = (np.asarray(_centred(made, whole, whole, xp)) for made in (first, second))
        for order in orders:
            yield float(np.vdot(k[np.ix_(order, order)], other))
        return
    # Rows of the smaller factor are moved: those of the second the other way round.
    turned = second.factor.shape[1] < first.factor.shape[1]
    for order in orders:
        if turned:
            cross = second.factor[np.argsort(order)].T @ first.factor
        else:
            cross = first.factor[order].T @ second.factor
        yield float((cross * cross).sum())


def _has_factor(kernel: Kernel) -> bool:
    n, d = kernel.points.shape
    if kernel.form == "linear":
        return d <= MOST_RANK
    if n <= LEVELS or (kernel.form == "gaussian" and d <= SMOOTH_COORDINATES):
        return True
    some = kernel.points[: 4 * LEVELS]
    return len(np.unique(some, axis=0)) <= LEVELS and len(np.unique(kernel.points, axis=0)) <= LEVELS


def _applied(made: Side, columns: Floats, xp: Any) -> Floats:
    """Product of the centred kernel with centred columns."""
    out = np.zeros(columns.shape)
    for rows, columns_, tile in _tiles_of(made, xp):
        out[rows] += np.asarray(tile @ columns[columns_])
        if rows != columns_:
            out[columns_] += np.asarray(tile.T @ columns[rows])
    # The columns are centred, so that of the centring only the means of the product are left.
    return out - out.mean(0)


def _tiles_of(made: Side, xp: Any) -> Iterator[tuple[slice, slice, Any]]:
    if made.kernel is None:
        raise ValueError("a factor has no tiles")
    return _tiles(made.kernel, xp)


def _tiles(kernel: Kernel, xp: Any) -> Iterator[tuple[slice, slice, Any]]:
    """Tiles of the upper half, those on the diagonal whole."""
    n = len(kernel.points)
    wide = TILE if xp is np else WIDER * TILE
    for a in range(0, n, wide):
        for b in range(a, n, wide):
            rows, columns = slice(a, min(a + wide, n)), slice(b, min(b + wide, n))
            yield rows, columns, block(kernel, rows, columns, xp)


def _centred_tiles(made: Side, xp: Any) -> Iterator[tuple[slice, slice, Any]]:
    grand = made.means.mean()
    for rows, columns, tile in _tiles_of(made, xp):
        yield rows, columns, tile - (made.means[rows, None] - grand) - made.means[columns]


def _centred(made: Side, rows: slice, columns: slice, xp: Any) -> Any:
    """A block of the centred kernel."""
    if made.kernel is None:
        return np.asarray(made.factor)[rows] @ np.asarray(made.factor)[columns].T
    tile = block(made.kernel, rows, columns, xp)
    return tile - (made.means[rows, None] - made.means.mean()) - made.means[columns]


def _reordered(made: Side, order: NDArray[np.intp]) -> Side:
    return Side(
        None if made.factor is None else made.factor[order],
        None if made.kernel is None else made.kernel._replace(points=made.kernel.points[order]),
        made.means[order],
        made.diagonal[order],
        made.rows[order],
    )
