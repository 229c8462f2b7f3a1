"""Polychoric correlations of stacks of tables, given the thresholds: two-step maximum likelihood.

A table counts the answers to two items; behind each stands a normal variable cut at thresholds, which come
from the items' own margins (step one). Step two maximises sum n_ij log p_ij(rho). The first two derivatives
of every cell are differences of the bivariate density and of its slope at the corners of the cell, so that
Newton's steps cost little; a bracket keeps them. They start from the root of the covariance of the category
numbers written as a power series in rho (Hoeffding's identity and Mehler's expansion), which is near the
maximum.

References
----------
Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. Psychometrika,
44(4), 443-460. https://doi.org/10.1007/BF02296207
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_hermitenorm, gammaln, ndtr, ndtri, xlogy

from psychomet.numerics.ordinal.normal import normal_below, normal_density, normal_height

Floats = NDArray[np.float64]

LIMIT = 0.9999
"""Largest size of a correlation looked for; a table whose likelihood rises beyond gets this one."""
OUTER = 12.0
"""Threshold of an outer category without answers; the normal mass beyond is below 1e-32."""
LEAST_SHARE = 1e-15
# After a Newton step of this size the next would be about its square.
_SMALL_STEP = 1e-6
_SMALL_BRACKET = 1e-11
_STEPS = 80
_BLOCK_CELLS = 40_000
_SERIES = 7
# Information about atanh(rho) below which the maximum may be no maximum (its standard error is above .5), and
# the fall of the log likelihood that speaks for one.
_FLAT = 4.0
_NO_FALL = 1e-4


class Correlations(NamedTuple):
    """Polychoric correlations of p tables.

    Attributes
    ----------
    r : (p,) array
        NaN for a table without two categories of both items.
    at_limit : (p,) array of bool
        Where the likelihood rises up to the largest correlation looked for.
    """

    r: Floats
    at_limit: NDArray[np.bool_]


class Cells(NamedTuple):
    """Probability of each cell and its derivatives in the correlation; (a, b, p), the tables last."""

    share: Floats
    change: Floats
    bend: Floats


def table_correlations(
    tables: Floats,
    *,
    cuts: tuple[Floats, Floats] | None = None,
    start: Floats | None = None,
    correct: float = 0.0,
    tolerance: float = _SMALL_STEP,
) -> Correlations:
    """Return the two-step polychoric correlation of each table.

    Parameters
    ----------
    tables : (p, a, b) array
        Counts; of two dichotomous items a = b = 2, and the correlation is tetrachoric.
    cuts : pair of (p, a - 1) and (p, b - 1) arrays, optional
        Thresholds of the row and of the column variable; default those of the table's margins.
    start : (p,) array, optional
        Where to start.
    correct : float
        Put into the empty cells of categories that occur; 0 leaves them empty.
    tolerance : float
        Newton's step after which a correlation is not looked at again; its error is of the order of the
        square.

    Notes
    -----
    In R: ``psych::tetrachoric(table, correct = 0)``, ``psych::polychoric``,
    ``polycor::polychor``. With ``correct = 0.5`` the tetrachoric correlation of one table is psych's default;
    an empty cell of a two by two table without correction has its maximum at the limit.
    """
    counts = corrected(tables, correct)
    if cuts is None:
        cuts = thresholds(counts.sum(axis=2)), thresholds(counts.sum(axis=1))
    p = tables.shape[0]
    out = Correlations(np.full(p, np.nan), np.zeros(p, dtype=bool))
    known = ((tables.sum(axis=2) > 0).sum(axis=1) > 1) & ((tables.sum(axis=1) > 0).sum(axis=1) > 1)
    rows = np.flatnonzero(known)
    step = max(1, _BLOCK_CELLS // (tables.shape[1] * tables.shape[2]))
    for first in range(0, rows.size, step):
        part = rows[first : first + step]
        n = np.ascontiguousarray(np.moveaxis(counts[part], 0, 2))
        a, b = np.ascontiguousarray(cuts[0][part].T), np.ascontiguousarray(cuts[1][part].T)
        total = n.sum(axis=(0, 1))
        n /= total
        origin = _first_guess(n, a, b) if start is None else np.nan_to_num(start[part])
        r, curve = _solve(n, a, b, np.clip(origin, -0.98, 0.98), tolerance)
        flat = np.flatnonzero((np.abs(r) < LIMIT) & (-curve * total * (1 - r**2) ** 2 < _FLAT))
        r[flat] = _up_to_limit(n[:, :, flat] * total[flat], a[:, flat], b[:, flat], r[flat])
        out.r[part] = r
    out.at_limit[:] = np.abs(out.r) > LIMIT - 1e-6
    return out


def corrected(tables: Floats, correct: float) -> Floats:
    """Put a number into the empty cells of (..., a, b) tables, where both categories occur."""
    if not correct:
        return tables
    used = (tables.sum(axis=-1, keepdims=True) > 0) & (tables.sum(axis=-2, keepdims=True) > 0)
    return np.where(used & (tables == 0), correct, tables)


def thresholds(margin: Floats) -> Floats:
    """Return the thresholds (..., c - 1) of counts (..., c); +-OUTER beyond the outermost category with any."""
    total = margin.sum(axis=-1, keepdims=True)
    below = np.cumsum(margin, axis=-1)[..., :-1] / np.where(total > 0, total, 1.0)
    found = np.clip(ndtri(np.clip(below, 0.0, 1.0)), -OUTER, OUTER)
    # The last sums are 1 less a rounding error where the upper categories are empty.
    above = np.cumsum(margin[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    return np.where(above <= 0, OUTER, found)


def normality_test(tables: Floats, cuts: tuple[Floats, Floats], r: Floats) -> tuple[Floats, Floats]:
    """Return the likelihood ratio test of a bivariate normal behind each table: statistic, degrees of freedom.

    Parameters
    ----------
    tables : (p, a, b) array
        Counts.
    cuts : pair of (p, a - 1) and (p, b - 1) arrays
        Thresholds.
    r : (p,) array
        Correlations.

    Returns
    -------
    tuple of (p,) arrays
        G^2 = 2 sum n log(n / expected), and a b - a - b: 0 for a two by two table, which always fits. In R:
        ``polycor::polychor(x, y, std.err = TRUE)``.
    """
    a, b = tables.shape[1:]
    found = cells(cuts[0].T, cuts[1].T, np.nan_to_num(r))
    total = tables.sum(axis=(1, 2))
    expected = np.moveaxis(found.share, 2, 0) * total[:, None, None]
    statistic = 2 * xlogy(tables, np.where(tables > 0, tables / np.maximum(expected, 1e-300), 1.0)).sum(
        axis=(1, 2)
    )
    return np.where(np.isnan(r), np.nan, statistic), np.full(r.shape, float(a * b - a - b))


def cells(a: Floats, b: Floats, r: Floats) -> Cells:
    """Return the cells of tables with thresholds a (i, p) and b (m, p) at correlations r (p,)."""
    h, t = a[:, None, :], b[None, :, :]
    corner = np.zeros((a.shape[0] + 2, b.shape[0] + 2, r.size))
    corner[1:-1, 1:-1] = normal_below(h, t, r)
    corner[-1, 1:-1], corner[1:-1, -1], corner[-1, -1] = ndtr(b), ndtr(a), 1.0
    rest = (1 - r) * (1 + r)
    density = normal_density(h, t, r)
    slope = density * (r * rest + h * t * (1 + r**2) - r * (h**2 + t**2)) / rest**2
    edge = np.zeros((2, *corner.shape))
    edge[0, 1:-1, 1:-1], edge[1, 1:-1, 1:-1] = density, slope
    change, bend = np.diff(np.diff(edge, axis=1), axis=2)
    return Cells(np.maximum(np.diff(np.diff(corner, axis=0), axis=1), LEAST_SHARE), change, bend)


def _solve(n: Floats, a: Floats, b: Floats, start: Floats, tolerance: float) -> tuple[Floats, Floats]:
    """Root of the score and the curvature there.

    Newton's steps, Fisher's where the likelihood is not concave, halves of the bracket where they leave it.
    """
    r, curvature = start.copy(), np.zeros(start.shape)
    low, high = np.full(r.shape, -LIMIT), np.full(r.shape, LIMIT)
    work = np.arange(r.size)
    for _ in range(_STEPS):
        now = r[work]
        here = cells(a[:, work], b[:, work], now)
        ratio = here.change / here.share
        weight = n[:, :, work]
        score = (weight * ratio).sum(axis=(0, 1))
        curve = (weight * (here.bend / here.share - ratio**2)).sum(axis=(0, 1))
        curvature[work] = curve
        concave = curve < 0
        information = np.maximum((ratio * here.change).sum(axis=(0, 1)), 1e-12)
        low[work] = np.where(score > 0, now, low[work])
        high[work] = np.where(score > 0, high[work], now)
        step = score / np.where(concave, -curve, information)
        inside = (now + step > low[work]) & (now + step < high[work])
        r[work] = np.where(inside, now + step, (low[work] + high[work]) / 2)
        done = inside & concave & (np.abs(step) < tolerance)
        work = work[~(done | (high[work] - low[work] < _SMALL_BRACKET))]
        if work.size == 0:
            break
    return r, curvature


def _up_to_limit(counts: Floats, a: Floats, b: Floats, r: Floats) -> Floats:
    """Move a correlation to the limit where the likelihood does not fall on the way there.

    With an empty cell it can rise all the way, in the end by less than double precision shows.
    """
    ends = np.where(r < 0, -LIMIT, LIMIT)
    here, there = (xlogy(counts, cells(a, b, at).share).sum(axis=(0, 1)) for at in (r, ends))
    return np.where(there > here - _NO_FALL, ends, r)


def _first_guess(n: Floats, a: Floats, b: Floats) -> Floats:
    """Correlation that gives the covariance of the category numbers, by a power series."""
    rows, columns = n.sum(axis=1), n.sum(axis=0)
    x, y = np.arange(n.shape[0])[:, None], np.arange(n.shape[1])[:, None]
    product = (n * (x[:, :, None] * y.T[:, :, None])).sum(axis=(0, 1))
    target = product - (x * rows).sum(axis=0) * (y * columns).sum(axis=0)
    power = np.arange(1, _SERIES + 1)
    first, second = (
        np.stack([(eval_hermitenorm(m - 1, cut) * normal_height(cut)).sum(axis=0) for m in power])
        for cut in (a, b)
    )
    terms = first * second * np.exp(-gammaln(power + 1.0))[:, None]
    r = np.zeros(target.shape)
    for _ in range(4):
        value = (terms * r ** power[:, None]).sum(axis=0) - target
        slope = (terms * power[:, None] * r ** (power[:, None] - 1)).sum(axis=0)
        r = np.clip(r - value / np.where(slope > 1e-6, slope, 1.0), -0.95, 0.95)
    return np.asarray(r)
