"""Thresholds, polychoric correlations and their asymptotic covariance for all items at once.

Everything but the full covariance is a function of the pairwise counts, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.ordinal.influence import cell_influence, pair_variance, threshold_influence
from psychomet.numerics.ordinal.polychoric import OUTER, table_correlations, thresholds
from psychomet.numerics.ordinal.smoothing import smoothed_correlation
from psychomet.numerics.ordinal.tables import PairCounts, count_pairs, ranked

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_BLOCK_VALUES = 8_000_000


class OrdinalMoments(NamedTuple):
    """What models of ordered answers are fitted to.

    Attributes
    ----------
    thresholds : (t,) array
        Thresholds of all items, item by item, on the standard normal scale.
    item : (t,) array of int
        The item of each threshold.
    correlation : (k, k) array
        Polychoric correlations; NaN for a pair without two categories of both items in common rows.
    gamma : (q, q) array or None
        n times the asymptotic covariance of the thresholds and then of the correlations, the lower triangle
        by columns (2,1), (3,1) ... (3,2) ...; q = t + k (k - 1) / 2. None if it was not asked for.
    n : int
        Rows: those with every answer, or under ``missing="available"`` with any.
    pairs : (k, k) array
        Rows that have both items; on the diagonal those that have the item.
    empty_cells : (k, k) array of int
        Cells without an answer in the table of each pair, among the categories that occur in it.
    smoothed : bool
        Whether the correlations were made positive definite.
    variance : (q,) array
        The diagonal of gamma, from the counts alone.
    at_limit : (k, k) array of bool
        Pairs whose likelihood rises up to the largest correlation looked for (.9999).
    """

    thresholds: Floats
    item: Ints
    correlation: Floats
    gamma: Floats | None
    n: int
    pairs: Floats
    empty_cells: Ints
    smoothed: bool
    variance: Floats
    at_limit: NDArray[np.bool_]


class OrdinalFit(NamedTuple):
    """Estimates of all items and pairs, with the influence of every cell.

    Attributes
    ----------
    cuts : (k, c - 1) array
        Thresholds; 12 beyond the last category of an item.
    real : (k, c - 1) array of bool
        Which of them there are.
    rows, columns : (p,) arrays of int
        The pairs, in the order of ``numpy.triu_indices(k, 1)``.
    r : (p,) array
        Their correlations.
    at_limit : (p,) array of bool
        As in :class:`OrdinalMoments`.
    on_thresholds : (k, c + 1, c - 1) array
        Influence of an answer in each category on each threshold of the item; the last place for no answer.
    on_correlations : (p, c + 1, c + 1) array
        Influence of a row on the correlation, by the categories of the two items; the last place for no
        answer.
    """

    cuts: Floats
    real: NDArray[np.bool_]
    rows: Ints
    columns: Ints
    r: Floats
    at_limit: NDArray[np.bool_]
    on_thresholds: Floats
    on_correlations: Floats


def ordinal_moments(
    codes: NDArray[np.integer],
    *,
    missing: Literal["complete", "available"] = "complete",
    correct: float = 0.0,
    gamma: bool = True,
    smooth: bool = False,
    exact: bool = False,
    unit: NDArray[np.integer] | None = None,
) -> OrdinalMoments:
    """Estimate thresholds and polychoric correlations of all items, and n times their covariance.

    Parameters
    ----------
    codes : (n, k) array of int
        Ordered categories, -1 where there is no answer. Categories that do not occur are no categories.
    missing : {"complete", "available"}
        Only rows with every answer; or each threshold from all rows that have the item, each correlation from
        all rows that have both (lavaan: ``missing = "pairwise"``; psych: the default).
    correct : float
        Put into the empty cells of a table before its correlation is sought (psych: ``correct``).
    gamma : bool
        Whether to return the full covariance matrix (q x q); its diagonal comes in any case.
    smooth : bool
        Whether a correlation matrix that is not positive definite is made so, as ``psych::cor.smooth`` does.
    exact : bool
        False: the covariance that lavaan and Mplus use for weighted least squares (Muthén 1984), whose
        derivatives are products of scores. True: second derivatives, which give the covariance whatever the
        distribution behind the answers is. Where answers are not cut from a normal distribution the
        first is too small: on published answers to 25 items by 4 to 47 percent of a standard error.
    unit : (n,) array of int, optional
        Unit of each row, where rows of one unit are not independent; the covariance is then that of the sums
        over units.

    Returns
    -------
    OrdinalMoments

    Notes
    -----
    In R: ``lavaan::lavCor(x, ordered = names(x), output = "fit")``, ``lavInspect(fit, "gamma")``.
    Two-step maximum likelihood: not the joint maximum over thresholds and correlations, which differs by less
    than the sampling error. Items that are not bivariate normal underneath have a polychoric correlation, but
    no promise.
    """
    kept = codes[(codes >= 0).all(axis=1) if missing == "complete" else (codes >= 0).any(axis=1)]
    if unit is not None:
        unit = unit[(codes >= 0).all(axis=1) if missing == "complete" else (codes >= 0).any(axis=1)]
    places, categories = ranked(kept)
    counts = count_pairs([places], categories)
    fit = fit_counts(counts, correct=correct, exact=exact)
    found = moments_of_counts(counts, fit, smooth=smooth)
    if unit is None and not gamma:
        return found
    if gamma:
        full = covariance(places, fit, unit=unit)
        return found._replace(gamma=full, variance=np.diagonal(full).copy())
    sums = (np.square(block).sum(axis=1) for block in row_influence(places, fit, unit=unit))
    return found._replace(variance=np.sum(list(sums), axis=0) / max(counts.n, 1))


def fit_counts(counts: PairCounts, *, correct: float = 0.0, exact: bool = False) -> OrdinalFit:
    """Estimate thresholds, correlations and the influence of every cell from pairwise counts.

    Parameters
    ----------
    counts : PairCounts
        The counts.
    correct : float
        As in :func:`ordinal_moments`.
    exact : bool
        Influence as the derivative in the weight of a row, as in
        :func:`psychomet.numerics.ordinal.influence.cell_influence`.
    """
    k, _, most, _ = counts.tables.shape
    margins = counts.margins
    real = np.arange(most - 1) < counts.categories[:, None] - 1
    cuts = np.where(real, thresholds(margins), OUTER)
    rows, columns = np.triu_indices(k, 1)
    felt = threshold_influence(margins, cuts, max(counts.n, 1.0))
    r, limit = np.full(rows.size, np.nan), np.zeros(rows.size, dtype=bool)
    change = np.zeros((rows.size, most + 1, most + 1))
    for at, a, b in _shapes(counts.categories, rows, columns):
        j, other = rows[at], columns[at]
        tables = counts.tables[j, other, :a, :b]
        cut = cuts[j, : a - 1], cuts[other, : b - 1]
        r[at], limit[at] = table_correlations(tables, cuts=cut, correct=correct)
        sides = _with_hole(felt[j], a), _with_hole(felt[other], b)
        total = np.full(at.size, max(counts.n, 1.0))
        here = cell_influence(tables, cut, np.nan_to_num(r[at]), sides, total, exact=exact)
        here[np.isnan(r[at])] = np.nan
        for mine, its in ((slice(0, a), slice(0, a)), (slice(most, None), slice(a, None))):
            change[at, mine, :b] = here[:, its, :b]
            change[at, mine, most] = here[:, its, b]
    return OrdinalFit(cuts, real, rows, columns, r, limit, felt, change)


def moments_of_counts(counts: PairCounts, fit: OrdinalFit, *, smooth: bool = False) -> OrdinalMoments:
    """Return the moments without their full covariance, from the counts alone; rows count as independent."""
    k = counts.categories.size
    correlation, smoothed = matrix_of_pairs(fit.r, k), False
    if smooth and np.isfinite(correlation).all():
        correlation, smoothed = smoothed_correlation(correlation)
    both = counts.tables[fit.rows, fit.columns]
    margins = counts.margins
    n = np.full(fit.r.size, max(counts.n, 1.0))
    on_pairs = pair_variance(both, (margins[fit.rows], margins[fit.columns]), fit.on_correlations, n)
    on_cuts = (margins[:, :, None] * fit.on_thresholds[:, :-1] ** 2).sum(axis=1)[fit.real]
    used = (both.sum(axis=2)[:, :, None] > 0) & (both.sum(axis=1)[:, None, :] > 0)
    empty = (used & (both == 0)).sum(axis=(1, 2))
    return OrdinalMoments(
        thresholds=fit.cuts[fit.real],
        item=np.nonzero(fit.real)[0],
        correlation=correlation,
        gamma=None,
        n=counts.n,
        pairs=counts.tables.sum(axis=(2, 3)),
        empty_cells=matrix_of_pairs(empty, k, 0).astype(np.intp),
        smoothed=smoothed,
        variance=np.concatenate([on_cuts / max(counts.n, 1.0), on_pairs]),
        at_limit=matrix_of_pairs(fit.at_limit, k, 0).astype(bool),
    )


def matrix_of_pairs(pairs: NDArray[np.generic], k: int, own: float = 1.0) -> Floats:
    """Put (..., p) values of pairs into symmetric (..., k, k) matrices with a given diagonal."""
    out = np.full((*pairs.shape[:-1], k, k), own, dtype=np.float64)
    rows, columns = np.triu_indices(k, 1)
    out[..., rows, columns] = out[..., columns, rows] = pairs
    return out


def covariance(codes: Ints, fit: OrdinalFit, *, unit: NDArray[np.integer] | None = None) -> Floats:
    """Return n times the covariance of thresholds and correlations, (q, q), summed over blocks of rows."""
    q = int(fit.real.sum()) + fit.r.size
    total = np.zeros((q, q))
    for block in row_influence(codes, fit, unit=unit):
        total += block @ block.T
    return total / max(len(codes), 1)


def row_influence(
    codes: Ints, fit: OrdinalFit, *, unit: NDArray[np.integer] | None = None
) -> Iterator[Floats]:
    """Yield the influence of rows, or of the sums over units, on thresholds and correlations.

    Parameters
    ----------
    codes : (n, k) array of int
        The rows that were counted, -1 where there is no answer.
    fit : OrdinalFit
        What was estimated from them.
    unit : (n,) array of int, optional
        Unit of each row.

    Yields
    ------
    (q, m) array
        Thresholds, then correlations, by rows (or by units, in ascending order).
    """
    n = codes.shape[0]
    if unit is not None:
        order = np.argsort(unit, kind="stable")
        codes, unit = codes[order], unit[order]
    most = fit.on_correlations.shape[1] - 1
    place = np.where(codes < 0, most, codes).T.copy()
    on_pairs = fit.on_correlations.reshape(fit.r.size, (most + 1) ** 2)
    cut_item = np.nonzero(fit.real)
    t = cut_item[0].size
    for part in _blocks(n, max(1, _BLOCK_VALUES // (t + fit.r.size + 1)), unit):
        here = place[:, part]
        out = np.empty((t + fit.r.size, here.shape[1]))
        for at, (j, c) in enumerate(zip(*cut_item, strict=True)):
            out[at] = fit.on_thresholds[j, :, c][here[j]]
        scaled = here * (most + 1)
        for at, (j, other) in enumerate(zip(fit.rows, fit.columns, strict=True)):
            np.take(on_pairs[at], scaled[j] + here[other], out=out[t + at])
        if unit is not None and n:
            mine = unit[part]
            out = np.add.reduceat(out, np.flatnonzero(np.diff(mine, prepend=mine[0] - 1)), axis=1)
        yield out


def _blocks(n: int, size: int, unit: NDArray[np.integer] | None) -> Iterator[slice]:
    """Cut n rows into blocks; a unit is never cut."""
    if unit is None:
        ends = list(range(size, n, size))
    else:
        starts = np.flatnonzero(np.diff(unit)) + 1
        wanted = np.arange(size, n, size)
        wanted = wanted[wanted <= starts[-1]] if starts.size else wanted[:0]
        ends = np.unique(starts[np.searchsorted(starts, wanted)]).tolist() if wanted.size else []
    edges = [0, *ends, n]
    for first, last in pairwise(edges):
        if last > first or n == 0:
            yield slice(first, last)


def _shapes(categories: Ints, rows: Ints, columns: Ints) -> Iterator[tuple[Ints, int, int]]:
    """Yield the pairs of each shape of table; an item with one category has no table."""
    shape = np.stack([categories[rows], categories[columns]], axis=1)
    for a, b in np.unique(shape, axis=0) if shape.size else []:
        if min(a, b) > 1:
            yield np.flatnonzero((shape == (a, b)).all(axis=1)), int(a), int(b)


def _with_hole(felt: Floats, c: int) -> Floats:
    """Keep the places of c categories, with the last one for a missing answer."""
    return np.concatenate([felt[:, :c, : c - 1], felt[:, -1:, : c - 1]], axis=1)
