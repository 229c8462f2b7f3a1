"""Polychoric correlations of all pairs of items at once: two-step maximum likelihood.

Each item is a normal variable seen through thresholds. Step one takes the thresholds of a pair from the
margins of its own table, step two maximises the likelihood of the table in the correlation alone (Olsson
1979). The bivariate normal distribution function comes from its derivative in the correlation, integrated
over the angle asin(rho) by Gauss and Legendre's rule (Drezner and Wesolowsky 1990), the root of the score
from Fisher's steps inside a bracket; both for all pairs together.

References
----------
Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. Psychometrika,
44(4), 443-460. https://doi.org/10.1007/BF02296207

Drezner, Z. and Wesolowsky, G. O. (1990). On the computation of the bivariate normal integral. Journal of
Statistical Computation and Simulation, 35, 101-107. https://doi.org/10.1080/00949659008811236

Zumbo, B. D., Gadermann, A. M. and Zeisser, C. (2007). Ordinal versions of coefficients alpha and theta for
Likert rating scales. Journal of Modern Applied Statistical Methods, 6(1), 21-29.
https://doi.org/10.22237/jmasm/1177992180
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from psychomet.numerics.resample import resample_weights

Floats = NDArray[np.float64]

LIMIT = 0.9999
"""Largest size of a correlation looked for; a table without a root in between gets this one."""
NODES = 48
_FAR = 40.0
_STEPS = 60
_BLOCK_CELLS = 4_000_000


class Polychoric(NamedTuple):
    """Polychoric correlations of all pairs.

    Attributes
    ----------
    correlation : (k, k) array
        Ones on the diagonal; NaN for a pair without two categories of both items in common rows.
    at_limit : (k, k) array of bool
        Where the likelihood rises up to the largest correlation looked for.
    """

    correlation: Floats
    at_limit: NDArray[np.bool_]


def item_codes(values: Floats) -> tuple[NDArray[np.intp], int]:
    """Return each value's rank among the distinct values of its column (-1 in a hole), and the most ranks."""
    codes = np.full(values.shape, -1, dtype=np.intp)
    most = 0
    for j, column in enumerate(values.T):
        there = ~np.isnan(column)
        levels, place = np.unique(column[there], return_inverse=True)
        codes[there, j] = place
        most = max(most, levels.size)
    return codes, most


def pair_tables(codes: NDArray[np.intp], n_codes: int, *, weights: Floats | None = None) -> Floats:
    """Return the contingency table of every pair of columns, over the rows that have both.

    Parameters
    ----------
    codes : (n, k) array of int
        From :func:`item_codes`.
    n_codes : int
        Categories c of a table.
    weights : (b, n) array, optional
        Weights of the rows, for b sets of tables.

    Returns
    -------
    (p, c, c) or (b, p, c, c) array
        Pairs in the order of ``numpy.triu_indices(k, 1)``.
    """
    rows, columns = np.triu_indices(codes.shape[1], 1)
    tables = []
    for j, other in zip(rows, columns, strict=True):
        there = (codes[:, j] >= 0) & (codes[:, other] >= 0)
        cell = codes[there, j] * n_codes + codes[there, other]
        if weights is None:
            tables.append(np.bincount(cell, minlength=n_codes**2).astype(np.float64))
            continue
        member = np.zeros((cell.size, n_codes**2))
        member[np.arange(cell.size), cell] = 1.0
        tables.append(weights[:, there] @ member)
    found = np.stack(tables, axis=-2)
    return found.reshape(*found.shape[:-1], n_codes, n_codes)


def table_correlations(
    tables: Floats, *, start: Floats | None = None, tolerance: float = 1e-10, nodes: int = NODES
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the two-step polychoric correlation of each table, and which lie at the limit.

    Parameters
    ----------
    tables : (p, c, c) array
        Counts; categories without any are no categories.
    start : (p,) array, optional
        Where to start; default 0.
    tolerance : float
        Size of the last step.
    nodes : int
        Nodes of the integral; 48 give rectangle probabilities to 1e-10 up to a correlation of .98.
    """
    out, limit = np.full(tables.shape[0], np.nan), np.zeros(tables.shape[0], dtype=bool)
    step = max(1, _BLOCK_CELLS // (nodes * tables.shape[1] * tables.shape[2]))
    for first in range(0, tables.shape[0], step):
        part = slice(first, first + step)
        origin = None if start is None else start[part]
        out[part], limit[part] = _solve(tables[part], origin, tolerance, nodes)
    return out, limit


def polychoric(values: Floats, *, correct: float = 0.0) -> Polychoric:
    """Return the polychoric correlations of all pairs of columns.

    Parameters
    ----------
    values : (n, k) array
        Ordered codes, NaN where there is none; each pair uses the rows that have both.
    correct : float
        Put into empty cells of a table before it is used; 0 leaves them empty.

    Returns
    -------
    Polychoric

    Notes
    -----
    On complete rows the numbers of ``psych::polychoric(x, correct = 0)`` and
    ``lavaan::lavCor(x, ordered = names(x))`` in R. With holes psych takes thresholds from all rows of an
    item (``global = TRUE``); here they belong to the pair.
    """
    k = values.shape[1]
    codes, most = item_codes(values)
    tables = pair_tables(codes, most)
    if correct:
        used = (tables.sum(axis=2, keepdims=True) > 0) & (tables.sum(axis=1, keepdims=True) > 0)
        tables = np.where(used & (tables == 0), correct, tables)
    found, limit = table_correlations(tables)
    return Polychoric(as_matrix(found, k, 1.0), as_matrix(limit, k, 0.0).astype(bool))


def as_matrix(pairs: Floats | NDArray[np.bool_], k: int, own: float) -> Floats:
    """Put (..., p) values of pairs into symmetric (..., k, k) matrices with a given diagonal."""
    out = np.full((*pairs.shape[:-1], k, k), own, dtype=np.float64)
    rows, columns = np.triu_indices(k, 1)
    out[..., rows, columns] = out[..., columns, rows] = pairs
    return out


def correlation_influence(values: Floats, *, correlations: Floats, size: float = 1e-4) -> Floats:
    """Return the empirical influence of each row on each pair's correlation; its mean is 0.

    The correlation is a function of the table alone, so that all rows of a cell have one influence: the
    derivative in the weight of the cell, by central differences of the solved correlation.

    Parameters
    ----------
    values : (n, k) array
        Ordered codes, NaN where there is none.
    correlations : (k, k) array
        From :func:`polychoric` with ``correct = 0``.
    size : float
        Share of the table by which the weight of a cell is moved.

    Returns
    -------
    (n, p) array
        Pairs in the order of ``numpy.triu_indices(k, 1)``; 0 for a row that lacks one of the two.
    """
    n, k = values.shape
    codes, most = item_codes(values)
    tables = pair_tables(codes, most)
    rows, columns = np.triu_indices(k, 1)
    total = tables.sum(axis=(1, 2))
    pair, first, second = np.nonzero(tables)
    ends = []
    for sign in (1.0, -1.0):
        moved = tables[pair] / total[pair, None, None]
        moved[np.arange(pair.size), first, second] += sign * np.minimum(
            size, moved[np.arange(pair.size), first, second] / 2
        )
        ends.append(table_correlations(moved, start=correlations[rows, columns][pair], tolerance=1e-12)[0])
    share = tables[pair, first, second] / total[pair]
    change = np.zeros(tables.shape)
    change[pair, first, second] = (ends[0] - ends[1]) / (2 * np.minimum(size, share / 2))
    out = np.zeros((n, rows.size))
    for at, (j, other) in enumerate(zip(rows, columns, strict=True)):
        there = (codes[:, j] >= 0) & (codes[:, other] >= 0)
        felt = change[at][codes[there, j], codes[there, other]]
        out[there, at] = (felt - felt.mean()) * n / felt.size
    return out


def resampled_correlations(
    values: Floats, *, start: Floats, n_boot: int, seed: int, unit: NDArray[np.integer] | None = None
) -> Iterator[Floats]:
    """Yield polychoric correlations of bootstrap resamples of the rows, or of units of rows.

    Parameters
    ----------
    values : (n, k) array
        Ordered codes, NaN where there is none.
    start : (k, k) array
        The correlations of the data.
    n_boot, seed, unit
        As in :func:`psychomet.numerics.resample.resample_weights`.

    Yields
    ------
    (b, k, k) array
        NaN for a pair whose items do not both vary in the resample. Solved to 1e-6 with 16 nodes.
    """
    k = values.shape[1]
    codes, most = item_codes(values)
    origin = start[np.triu_indices(k, 1)]
    for weights in resample_weights(values.shape[0], n_boot=n_boot, seed=seed, unit=unit):
        tables = pair_tables(codes, most, weights=weights)
        b, p = tables.shape[:2]
        found, _ = table_correlations(
            tables.reshape(b * p, most, most), start=np.tile(origin, b), tolerance=1e-6, nodes=16
        )
        yield as_matrix(found.reshape(b, p), k, 1.0)


def normal_rectangle(low: Floats, high: Floats, rho: Floats, *, nodes: int = NODES) -> Floats:
    """Return P(X < low, Y < high) of two standard normal variables with correlation rho.

    Parameters
    ----------
    low, high, rho : arrays that broadcast
        Limits, which may be infinite, and correlations between -1 and 1.
    nodes : int
        Nodes of the integral over asin(rho).
    """
    a, b = np.clip(low, -_FAR, _FAR), np.clip(high, -_FAR, _FAR)
    place, weight = np.polynomial.legendre.leggauss(nodes)
    top = np.arcsin(rho)
    total = ndtr(a) * ndtr(b)
    squares, product = (a**2 + b**2) / 2, a * b
    for x, w in zip((place + 1) / 2, weight / 2, strict=True):
        angle = top * x
        sine = np.sin(angle)
        total = total + w * top / (2 * np.pi) * np.exp((product * sine - squares) / (1 - sine**2))
    return np.asarray(total)


def _solve(
    tables: Floats, start: Floats | None, tolerance: float, nodes: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Root of the score of each table: Fisher's steps, or halving where a step leaves the bracket."""
    total = tables.sum(axis=(1, 2))
    counts = tables / np.where(total > 0, total, 1.0)[:, None, None]
    margins = counts.sum(axis=2), counts.sum(axis=1)
    known = ((margins[0] > 0).sum(axis=1) > 1) & ((margins[1] > 0).sum(axis=1) > 1)
    counts = counts[known]
    a, b = (_thresholds(margin[known]) for margin in margins)
    grid = a[:, :, None], b[:, None, :]
    rho = np.zeros(counts.shape[0]) if start is None else np.clip(start[known], -LIMIT, LIMIT)
    rho = np.nan_to_num(rho)
    low, high = np.full(rho.shape, -LIMIT), np.full(rho.shape, LIMIT)
    moving = np.arange(rho.size)
    for _ in range(_STEPS):
        if moving.size == 0:
            break
        now = rho[moving]
        score, information = _score(counts[moving], grid[0][moving], grid[1][moving], now, nodes)
        low[moving] = np.where(score > 0, now, low[moving])
        high[moving] = np.where(score > 0, high[moving], now)
        step = now + score / information
        inside = (step > low[moving]) & (step < high[moving])
        after = np.where(inside, step, (low[moving] + high[moving]) / 2)
        rho[moving] = after
        moving = moving[np.abs(after - now) > tolerance]
    out, limit = np.full(tables.shape[0], np.nan), np.zeros(tables.shape[0], dtype=bool)
    out[known] = rho
    limit[known] = np.abs(rho) > LIMIT - 1e-6
    return out, limit


def _thresholds(margin: Floats) -> Floats:
    """Limits of the categories, (p, c + 1), the outer ones far away."""
    inner = np.clip(ndtri(np.clip(np.cumsum(margin, axis=1)[:, :-1], 0.0, 1.0)), -_FAR, _FAR)
    # The last sums are 1 less a rounding error where the upper categories are empty.
    inner[np.cumsum(margin[:, ::-1], axis=1)[:, ::-1][:, 1:] <= 0] = _FAR
    edge = np.full((margin.shape[0], 1), _FAR)
    return np.concatenate([-edge, inner, edge], axis=1)


def _score(counts: Floats, a: Floats, b: Floats, rho: Floats, nodes: int) -> tuple[Floats, Floats]:
    """First derivative of the mean log likelihood, and Fisher's information of one row."""
    r = rho[:, None, None]
    inner = slice(1, -1)
    below = np.zeros((rho.size, a.shape[1], b.shape[2]))
    below[:, inner, inner] = normal_rectangle(a[:, inner], b[:, :, inner], r, nodes=nodes)
    below[:, -1:, :] = ndtr(b)
    below[:, :, -1:] = ndtr(a)
    share = np.maximum(np.diff(np.diff(below, axis=1), axis=2), 1e-15)
    rest = 1 - r**2
    density = np.exp(-(a**2 - 2 * r * a * b + b**2) / (2 * rest)) / (2 * np.pi * np.sqrt(rest))
    slope = np.diff(np.diff(density, axis=1), axis=2)
    ratio = slope / share
    return (counts * ratio).sum(axis=(1, 2)), np.maximum((ratio * slope).sum(axis=(1, 2)), 1e-12)
