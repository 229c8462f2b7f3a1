"""The correlation that fits each pair of items, ordered or continuous, and what each unit does to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.ordinal.moments import (
    OrdinalFit,
    fit_counts,
    moments_of_counts,
    row_influence,
)
from psychomet.numerics.ordinal.polychoric import normality_test
from psychomet.numerics.ordinal.polyserial import polyserial
from psychomet.numerics.ordinal.tables import Ints, PairCounts, count_pairs, item_codes, ranked

Floats = NDArray[np.float64]


class PairEstimates(NamedTuple):
    """Correlations of all pairs of k items, in the order of ``numpy.triu_indices(k, 1)``.

    Attributes
    ----------
    r : (p,) array
        NaN where an item does not vary in the rows that have both.
    error : (p,) array
        Standard error, whatever the distribution (the influence values are derivatives).
    at_limit : (p,) array of bool
        Where the likelihood rises up to the largest correlation looked for.
    rows : (p,) array
        Rows that have both items.
    empty : (p,) array of int
        Empty cells of the tables of ordered items; 0 for other pairs.
    normality : (p, 2) array
        Likelihood ratio statistic of a bivariate normal behind the table, and its degrees of freedom; NaN for
        pairs that are not both ordered.
    thresholds : (k, c - 1) array
        Of the ordered items; NaN beyond the last.
    influence : (u, p) array or None
        Influence of each unit, for as many values as were asked for: error = root of the sum of squares / u.
    """

    r: Floats
    error: Floats
    at_limit: NDArray[np.bool_]
    rows: Floats
    empty: Ints
    normality: Floats
    thresholds: Floats
    influence: Floats | None


def ordered_pairs(
    codes: NDArray[np.integer], *, unit: Ints | None, correct: float, most_influences: int
) -> PairEstimates:
    """Return the polychoric correlation of every pair of ordered items.

    Parameters
    ----------
    codes : (n, k) array of int
        Categories, -1 where there is no answer.
    unit : (n,) array of int or None
        Number 0, 1, ... of the unit of each row, where rows are not independent.
    correct : float
        Put into empty cells of a table before its correlation is sought.
    most_influences : int
        Influence values that may be held at most.
    """
    places, categories = ranked(codes)
    counts = count_pairs([places], np.maximum(categories, 1))
    fit = fit_counts(counts, correct=correct, exact=True)
    found = moments_of_counts(counts, fit)
    t, n = found.thresholds.size, len(codes)
    pairs = np.triu_indices(codes.shape[1], 1)
    variance = found.variance[t:]
    units = n if unit is None else int(unit.max(initial=-1)) + 1
    influence = None
    if units * fit.r.size <= most_influences:
        blocks = [block[t:] for block in row_influence(places, fit, unit=unit)]
        influence = np.concatenate(blocks, axis=1).T * (units / max(counts.n, 1))
        variance = np.square(influence).sum(axis=0) * counts.n / max(units, 1) ** 2
    elif unit is not None:
        sums = [np.square(block[t:]).sum(axis=1) for block in row_influence(places, fit, unit=unit)]
        variance = np.sum(sums, axis=0) / max(counts.n, 1)
    return PairEstimates(
        r=fit.r,
        error=np.sqrt(variance / max(counts.n, 1)),
        at_limit=fit.at_limit,
        rows=found.pairs[pairs],
        empty=found.empty_cells[pairs],
        normality=_normality(counts, fit),
        thresholds=np.where(fit.real, fit.cuts, np.nan),
        influence=influence,
    )


def mixed_pairs(
    values: Floats, *, ordered: NDArray[np.bool_], unit: Ints | None, correct: float, most_influences: int
) -> PairEstimates:
    """Return polychoric, polyserial or Pearson correlations, by what the two items are.

    Parameters
    ----------
    values : (n, k) array
        Answers, NaN where there is none.
    ordered : (k,) array of bool
        Which items are ordered categories; the others are taken as continuous.
    unit, correct, most_influences
        As in :func:`ordered_pairs`.
    """
    n, k = values.shape
    rows, columns = np.triu_indices(k, 1)
    number = np.zeros((k, k), dtype=np.intp)
    number[rows, columns] = number[columns, rows] = np.arange(rows.size)
    units = n if unit is None else int(unit.max(initial=-1)) + 1
    there = ~np.isnan(values)
    both = there.T.astype(np.float64) @ there
    felt = np.zeros((units, rows.size)) if units * rows.size <= most_influences else None
    out = PairEstimates(
        r=np.full(rows.size, np.nan), error=np.full(rows.size, np.nan),
        at_limit=np.zeros(rows.size, dtype=bool), rows=both[rows, columns],
        empty=np.zeros(rows.size, dtype=np.intp), normality=np.full((rows.size, 2), np.nan),
        thresholds=np.full((k, 0), np.nan), influence=felt,
    )  # fmt: skip
    items = np.flatnonzero(ordered)
    codes = item_codes(values[:, items])[0]
    if items.size:
        out = _put_ordered(out, items, codes, number, unit, correct, most_influences)
    rest = np.flatnonzero(~ordered)
    for at, item in enumerate(items):
        if rest.size:
            found = polyserial(values[:, rest], codes[:, at])
            where = number[item, rest]
            out.r[where], out.at_limit[where] = found.r, found.at_limit
            _put_influence(out, where, found.influence, unit, units)
    for at, other in enumerate(rest[:-1]):
        r, influence = _pearson(values[:, other], values[:, rest[at + 1 :]])
        where = number[other, rest[at + 1 :]]
        out.r[where] = r
        _put_influence(out, where, influence, unit, units)
    return out


def _put_ordered(
    out: PairEstimates,
    items: Ints,
    codes: Ints,
    number: Ints,
    unit: Ints | None,
    correct: float,
    most_influences: int,
) -> PairEstimates:
    """Put what is estimated of the ordered items in its place."""
    here = ordered_pairs(codes, unit=unit, correct=correct, most_influences=most_influences)
    first, second = np.triu_indices(items.size, 1)
    where = number[items[first], items[second]]
    out.r[where], out.error[where], out.at_limit[where] = here.r, here.error, here.at_limit
    out.empty[where], out.normality[where] = here.empty, here.normality
    if out.influence is not None and here.influence is not None:
        out.influence[:, where] = here.influence
    thresholds = np.full((out.thresholds.shape[0], here.thresholds.shape[1]), np.nan)
    thresholds[items] = here.thresholds
    return out._replace(thresholds=thresholds)


def _put_influence(out: PairEstimates, where: Ints, influence: Floats, unit: Ints | None, units: int) -> None:
    """Sum the influence (n, m) over units and put it, and its standard error, in its place."""
    if unit is not None:
        total = np.zeros((units, influence.shape[1]))
        np.add.at(total, unit, influence)
        influence = total * (units / len(unit))
    out.error[where] = np.sqrt(np.square(influence).sum(axis=0)) / max(units, 1)
    if out.influence is not None:
        out.influence[:, where] = influence


def _pearson(x: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Pearson's correlation over the rows that have both, and its influence values (n, m)."""
    there = ~np.isnan(x)[:, None] & ~np.isnan(others)
    count = np.maximum(there.sum(axis=0), 1)
    sides = []
    for side in (np.broadcast_to(x[:, None], others.shape), others):
        mean = np.where(there, side, 0.0).sum(axis=0) / count
        centred = np.where(there, side - mean, 0.0)
        sd = np.sqrt((centred**2).sum(axis=0) / count)
        sides.append(centred / np.where(sd > 0, sd, np.nan))
    a, b = sides
    r = (a * b).sum(axis=0) / count
    influence = np.where(there, a * b - r * (a**2 + b**2) / 2, 0.0) * (len(x) / count)
    return r, np.where(np.isnan(r), np.nan, influence)


def _normality(counts: PairCounts, fit: OrdinalFit) -> Floats:
    """Likelihood ratio tests of the bivariate normal, (p, 2); the degrees of freedom of each pair's shape."""
    out = np.full((fit.r.size, 2), np.nan)
    if not fit.r.size:
        return out
    tables = counts.tables[fit.rows, fit.columns]
    statistic, _ = normality_test(tables, (fit.cuts[fit.rows], fit.cuts[fit.columns]), fit.r)
    a, b = counts.categories[fit.rows], counts.categories[fit.columns]
    out[:, 0], out[:, 1] = statistic, a * b - a - b
    return out
