"""Agreement of categories beyond chance: Cohen, weighted kappa, Fleiss, Gwet's AC1 and AC2.

All are (p_a - p_e) / (1 - p_e): agreement seen and agreement by chance. Cohen's p_e multiplies the two
raters' own shares, Fleiss' squares the shares of all ratings, Gwet's is T / (q (q - 1)) times the sum of
pi (1 - pi) with q categories and T the sum of the weights. Weights are 1 - |a - b| / range (linear) or
1 - (a - b)^2 / range^2 (quadratic) of the codes themselves, not of their ranks: they differ from R's only
where a code between two others was never used.

References
----------
Cohen, J. (1968). Weighted kappa: nominal scale agreement provision for scaled disagreement or partial
credit. Psychological Bulletin, 70(4), 213-220. https://doi.org/10.1037/h0026256

Fleiss, J. L. (1971). Measuring nominal scale agreement among many raters. Psychological Bulletin, 76(5),
378-382. https://doi.org/10.1037/h0031619

Gwet, K. L. (2008). Computing inter-rater reliability and its variance in the presence of high agreement.
British Journal of Mathematical and Statistical Psychology, 61(1), 29-48.
https://doi.org/10.1348/000711006X126600
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.cluster_sums import Codes, Coefficient, Fit, by_cluster, code_counts

Floats = NDArray[np.float64]
Weights = Literal["quadratic", "linear", "unweighted"]

_SMALL_RANGE = 64
_NONE = 255


class Counts(NamedTuple):
    """How often each category was given to each unit.

    Attributes
    ----------
    categories : (c,) array
        Values that occur, ascending.
    counts : (n_units, c) array
    """

    categories: Floats
    counts: Floats


def coded(values: Floats) -> tuple[Floats, Codes]:
    """Return the values that occur, ascending, and the position of each value; -1 where it is NaN."""
    there = ~np.isnan(values)
    codes = np.full(values.shape, -1, dtype=np.intp)
    categories, codes[there] = np.unique(values[there], return_inverse=True)
    return categories, codes


def category_counts(values: Floats) -> Counts:
    """Count the categories of each unit.

    Parameters
    ----------
    values : (n_units, m) array
        One row per unit, one column per rater; NaN where there is no rating.
    """
    counted = small_counts(values)
    if counted is not None:
        return counted
    categories, codes = coded(values)
    there = codes >= 0
    row = np.broadcast_to(np.arange(values.shape[0])[:, None], values.shape)[there]
    return Counts(categories, code_counts(codes[there], row, values.shape[0], categories.size))


def small_counts(values: Floats) -> Counts | None:
    """Count categories as :func:`category_counts` does; None unless they are whole numbers in a small range."""
    small = _small_codes(values)
    if small is None:
        return None
    lowest, width, codes = small
    counts = np.empty((width, values.shape[0]))
    for code in range(width):
        counts[code] = np.add.reduce(codes == code, axis=0, dtype=np.uint16)
    used = counts.any(axis=1)
    categories = np.asarray(lowest + np.flatnonzero(used), dtype=np.float64)
    return Counts(categories, counts[used].T)


def _small_codes(values: Floats) -> tuple[float, int, NDArray[np.uint8]] | None:
    """Whole numbers of a small range as bytes (m, n_units), 255 where there is none; else None."""
    lowest, highest = (
        float(f.reduce(values, axis=None)) if values.size else np.nan for f in (np.fmin, np.fmax)
    )
    if not highest - lowest < _SMALL_RANGE or values.shape[1] > np.iinfo(np.uint16).max:
        return None
    shifted = values.T - lowest
    with np.errstate(invalid="ignore"):
        codes = shifted.astype(np.uint8)
    whole = codes == shifted
    if np.count_nonzero(whole) != np.count_nonzero(shifted == shifted):
        return None
    codes[~whole] = _NONE
    return lowest, int(highest - lowest) + 1, np.ascontiguousarray(codes)


def agreement_weights(categories: Floats, weights: Weights) -> Floats:
    """Return the (c, c) weights of agreement: 1 for equal codes, 0 for the two ends of the range."""
    if weights == "unweighted" or categories.size < 2:
        return np.eye(categories.size)
    distance = np.abs(np.subtract.outer(categories, categories)) / float(np.ptp(categories))
    return np.asarray(1 - (distance if weights == "linear" else distance**2))


def pair_sums(first: Codes, second: Codes, *, cluster: Codes, n_clusters: int, weights: Floats) -> Floats:
    """Return the sums from which kappa of two raters is made, one row per cluster.

    Columns: units rated by both, their disagreement 1 - w, the first rater's counts, the second's.

    Parameters
    ----------
    first, second : (n_units,) array of int
        Positions of the ratings in the categories, -1 where there is none.
    cluster : (n_units,) array of int
        Code of the cluster of each unit.
    n_clusters : int
    weights : (c, c) array
        Weights of agreement.
    """
    both = (first >= 0) & (second >= 0)
    x, y, where = first[both], second[both], cluster[both]
    c = weights.shape[0]
    unit = np.stack([np.ones(x.size), 1 - weights[x, y]], axis=1)
    return np.hstack([
        by_cluster(unit, where, n_clusters),
        code_counts(x, where, n_clusters, c),
        code_counts(y, where, n_clusters, c),
    ])  # fmt: skip


def kappa(weights: Floats) -> Coefficient:
    """Return Cohen's kappa, weighted by (c, c) weights of agreement, as a function of ``pair_sums``."""
    apart = 1 - weights
    c = weights.shape[0]

    def coefficient(sums: Floats) -> Fit:
        units, seen = sums[:, 0], sums[:, 1]
        rows, columns = sums[:, 2 : 2 + c], sums[:, 2 + c :]
        to_columns = columns @ apart.T
        expected = np.einsum("bi,bi->b", rows, to_columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(expected > 0, 1 / expected, np.nan)
        bend = (units * seen * ratio**2)[:, None]
        slope = np.hstack([
            (-seen * ratio)[:, None], (-units * ratio)[:, None], bend * to_columns, bend * (rows @ apart)
        ])  # fmt: skip
        return Fit(1 - units * seen * ratio, slope)

    return coefficient


def pooled_sums(counts: Floats, *, cluster: Codes, n_clusters: int, weights: Floats) -> Floats:
    """Return the sums from which Fleiss' kappa and Gwet's AC are made, one row per cluster.

    Columns: units with two ratings or more, their share of agreeing pairs, units with a rating, and their
    shares of each category (each unit counts once, however many ratings it has).

    Parameters
    ----------
    counts : (n_units, c) array
        From :func:`category_counts`.
    cluster : (n_units,) array of int
    n_clusters : int
    weights : (c, c) array
        Weights of agreement.
    """
    ratings = counts.sum(axis=1)
    pairs = ratings * (ratings - 1)
    agreeing = np.einsum("uc,uc->u", counts, counts @ weights) - ratings
    there = ratings > 0
    unit = np.column_stack([
        pairs > 0,
        np.divide(agreeing, pairs, out=np.zeros_like(pairs), where=pairs > 0),
        there,
        np.divide(counts, ratings[:, None], out=np.zeros_like(counts), where=there[:, None]),
    ])  # fmt: skip
    return by_cluster(unit, cluster, n_clusters)


def fleiss(weights: Floats) -> Coefficient:
    """Return Fleiss' kappa as a function of ``pooled_sums``: chance is pi'W pi."""

    def chance(shares: Floats) -> tuple[Floats, Floats]:
        to = shares @ weights
        return np.einsum("bc,bc->b", shares, to), 2 * to

    return lambda sums: _beyond_chance(sums, *chance(_shares(sums)))


def gwet(weights: Floats) -> Coefficient:
    """Return AC1 (identity weights) or AC2 as a function of ``pooled_sums``; NaN for one category."""
    c = weights.shape[0]
    factor = float(weights.sum()) / (c * (c - 1)) if c > 1 else float("nan")

    def chance(shares: Floats) -> tuple[Floats, Floats]:
        return factor * (shares * (1 - shares)).sum(axis=1), factor * (1 - 2 * shares)

    return lambda sums: _beyond_chance(sums, *chance(_shares(sums)))


def _shares(sums: Floats) -> Floats:
    """Share of each category in ``pooled_sums``; NaN without a rating."""
    units = sums[:, 2:3]
    return np.divide(sums[:, 3:], units, out=np.full_like(sums[:, 3:], np.nan), where=units > 0)


def _beyond_chance(sums: Floats, chance: Floats, chance_slope: Floats) -> Fit:
    """(p_a - p_e) / (1 - p_e) and its slope in ``pooled_sums``."""
    pairs, agreeing, units = sums[:, 0], sums[:, 1], sums[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = agreeing / pairs
        rest = np.where(1 - chance > 1e-12, 1 - chance, np.nan)
        value = (seen - chance) / rest
        by_share = -((1 - seen) / rest**2)[:, None] * chance_slope / units[:, None]
        by_units = -np.einsum("bc,bc->b", by_share, sums[:, 3:]) / units
        by_pairs = np.stack([-seen / pairs / rest, 1 / pairs / rest, by_units], axis=1)
    return Fit(value, np.hstack([by_pairs, by_share]))
