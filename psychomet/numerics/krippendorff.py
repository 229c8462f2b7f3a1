"""Krippendorff's alpha: 1 - D_o / D_e, disagreement within units over disagreement of all ratings.

With n_uc ratings of unit u in category c, m_u ratings of the unit (two at least) and n ratings in all, the
coincidences are o_ck = sum over units of n_uc (n_uk - [c = k]) / (m_u - 1), and

    alpha = 1 - (n - 1) sum_ck o_ck d_ck / sum_ck n_c n_k d_ck

with d = [c != k] (nominal), (c - k)^2 (interval), ((c - k) / (c + k))^2 (ratio). The ordinal distance, the
ratings between two categories and half of those in them, squared, is the squared difference of their
midranks among all ratings: ordinal alpha is interval alpha of the midranks. Missing cells need no rule.

References
----------
Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of Pennsylvania.
https://repository.upenn.edu/asc_papers/43

Hayes, A. F. and Krippendorff, K. (2007). Answering the call for a standard reliability measure for coding
data. Communication Methods and Measures, 1(1), 77-89. https://doi.org/10.1080/19312450709336664
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from psychomet.numerics.cluster_sums import Codes, Coefficient, Fit, by_cluster
from psychomet.numerics.kappa import Counts, category_counts, small_counts

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]

MANY_CATEGORIES = 100
"""Different values above which ordinal and ratio alpha have no resampled interval."""

# Cells of the largest array of unit by pair of categories.
_MAX_CELLS = 4_000_000


class Parts(NamedTuple):
    """Sums by cluster (n, p) and alpha as a function of their totals."""

    sums: Floats
    coefficient: Coefficient


def krippendorff_alpha(values: Floats, *, level: Level) -> float:
    """Return Krippendorff's alpha.

    Parameters
    ----------
    values : (n_units, m) array
        One row per unit, one column per rater; NaN where there is no rating. Turned on its side the same
        numbers give another alpha, and no error.
    level : {"nominal", "ordinal", "interval", "ratio"}
        Which distance. For ``ratio`` no two ratings may sum to 0 unless both are 0.

    Returns
    -------
    float
        NaN where no unit has two ratings or all ratings are equal.
    """
    counted = small_counts(values)
    if counted is None:
        return _alpha_of_many(values[np.count_nonzero(~np.isnan(values), axis=1) > 1], level)
    counts, ratings = _paired(counted.counts)
    if counts.size == 0:
        return float("nan")
    total = counts.sum(axis=0)
    if level == "nominal":
        within = float(((ratings**2 - np.einsum("uc,uc->u", counts, counts)) / (ratings - 1)).sum())
        return _alpha(within, float(total.sum() ** 2 - total @ total), float(total.sum()))
    if level == "ratio":
        apart = distances(counted.categories, level)
        within = float(np.einsum("uc,uc->", counts @ apart, counts / (ratings - 1)[:, None]))
        return _alpha(within, float(total @ apart @ total), float(total.sum()))
    score = counted.categories if level == "interval" else np.cumsum(total) - total / 2
    score = score - total @ score / total.sum()
    # Twice the ratings times the squares about the mean: of each unit, and of all.
    spread = 2 * (ratings * (counts @ score**2) - (counts @ score) ** 2) / (ratings - 1)
    return _alpha(float(spread.sum()), float(2 * total.sum() * (total @ score**2)), float(total.sum()))


def alpha_parts(values: Floats, *, level: Level, cluster: Codes, n_clusters: int) -> Parts | None:
    """Return the sums by cluster from which alpha and its resamples are made.

    Parameters
    ----------
    values : (n_units, m) array
        As in :func:`krippendorff_alpha`.
    level : {"nominal", "ordinal", "interval", "ratio"}
    cluster : (n_units,) array of int
        Code of the cluster of each unit.
    n_clusters : int

    Returns
    -------
    Parts or None
        None where the level is not ``interval`` and there are more than ``MANY_CATEGORIES`` values.
    """
    paired = np.count_nonzero(~np.isnan(values), axis=1) > 1
    values, cluster = values[paired], cluster[paired]
    if level == "interval":
        return _interval_parts(values, cluster, n_clusters)
    if np.unique(values[~np.isnan(values)]).size > MANY_CATEGORIES:
        return None
    found = category_counts(values)
    if level == "ordinal":
        return _ordinal_parts(found, cluster, n_clusters)
    counts, ratings = found.counts, found.counts.sum(axis=1)
    apart = distances(found.categories, level)
    within = np.einsum("uc,uc->u", counts @ apart, counts) / (ratings - 1)
    return Parts(by_cluster(np.column_stack([within, counts]), cluster, n_clusters), _fixed(apart))


def distances(categories: Floats, level: Level) -> Floats:
    """Return the (c, c) squared distances of nominal, interval or ratio categories."""
    if level == "nominal":
        return 1 - np.eye(categories.size)
    difference = np.subtract.outer(categories, categories)
    if level == "ratio":
        total = np.add.outer(categories, categories)
        difference = np.divide(difference, total, out=np.zeros_like(difference), where=difference != 0)
    return np.asarray(difference**2)


def _paired(counts: Floats) -> tuple[Floats, Floats]:
    """Counts and ratings of the units with two ratings or more."""
    ratings = counts.sum(axis=1)
    paired = ratings > 1
    return (counts, ratings) if paired.all() else (counts[paired], ratings[paired])


def _alpha(within: float, all_pairs: float, ratings: float) -> float:
    """Alpha from the disagreement within units and that of all pairs of ratings."""
    return 1 - (ratings - 1) * within / all_pairs if all_pairs > 0 else float("nan")


def _alpha_of_many(values: Floats, level: Level) -> float:
    """Alpha of units with two ratings or more, whose values are many or no whole numbers."""
    there = ~np.isnan(values)
    if not there.any():
        return float("nan")
    row = np.broadcast_to(np.arange(values.shape[0])[:, None], values.shape)[there]
    if level in ("interval", "ordinal"):
        score = values.copy()
        if level == "ordinal":
            score[there] = rankdata(values[there])
        parts = _interval_parts(score, np.zeros(values.shape[0], dtype=np.intp), 1)
        return float(parts.coefficient(parts.sums).value[0])
    categories, codes = np.unique(values[there], return_inverse=True)
    ratings = np.bincount(row, minlength=values.shape[0]).astype(np.float64)
    total = np.bincount(codes).astype(np.float64)
    if level == "nominal":
        cell, same = np.unique(row * categories.size + codes, return_counts=True)
        alike = np.bincount(cell // categories.size, same.astype(np.float64) ** 2)
        within = float(((ratings**2 - alike) / (ratings - 1)).sum())
        return _alpha(within, float(total.sum() ** 2 - total @ total), float(total.sum()))
    apart = distances(categories, level)
    within = 0.0
    for first, second in combinations(range(values.shape[1]), 2):
        x, y = values[:, first], values[:, second]
        both = ~(np.isnan(x) | np.isnan(y))
        seen = apart[np.searchsorted(categories, x[both]), np.searchsorted(categories, y[both])]
        within += 2 * float((seen / (ratings[both] - 1)).sum())
    return _alpha(within, float(total @ apart @ total), float(total.sum()))


def _fixed(apart: Floats) -> Coefficient:
    """Alpha where distances do not depend on the ratings, of sums (within, n_1 ... n_c)."""

    def coefficient(sums: Floats) -> Fit:
        within, total = sums[:, 0], sums[:, 1:]
        to = total @ apart
        return _ratio(within, total.sum(axis=1), np.einsum("bc,bc->b", total, to),
                      by_within=np.ones_like(within)[:, None], by_total=2 * to)  # fmt: skip

    return coefficient


def _ratio(within: Floats, ratings: Floats, every: Floats, *, by_within: Floats, by_total: Floats) -> Fit:
    """1 - (n - 1) within / every; slopes in what makes ``within``, then in the counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(every > 0, (ratings - 1) / every, np.nan)
        by_count = (scale * within / every)[:, None] * by_total - (within / every)[:, None]
    return Fit(1 - scale * within, np.hstack([-scale[:, None] * by_within, by_count]))


def _interval_parts(values: Floats, cluster: Codes, n_clusters: int) -> Parts:
    """Interval alpha from four sums: within, ratings, their total and their squares."""
    there = ~np.isnan(values)
    centre = float(values[there].mean()) if there.any() else 0.0
    filled = np.where(there, values - centre, 0.0)
    ratings, total = there.sum(axis=1).astype(np.float64), filled.sum(axis=1)
    own = np.divide(total, ratings, out=np.zeros_like(total), where=ratings > 0)
    about = np.where(there, filled - own[:, None], 0.0)
    within = ratings * np.einsum("um,um->u", about, about) / (ratings - 1)
    unit = np.column_stack([within, ratings, total, np.einsum("um,um->u", filled, filled)])

    def coefficient(sums: Floats) -> Fit:
        inside, count, first, second = sums.T
        every = count * second - first**2
        with np.errstate(divide="ignore", invalid="ignore"):
            every = np.where(every > 1e-12 * count * second, every, np.nan)
            bend = (count - 1) * inside / every**2
            slope = [-(count - 1) / every, bend * second - inside / every, -2 * bend * first, bend * count]
        return Fit(1 - (count - 1) * inside / every, np.stack(slope, axis=1))

    return Parts(by_cluster(unit, cluster, n_clusters), coefficient)


def _ordinal_parts(found: Counts, cluster: Codes, n_clusters: int) -> Parts:
    """Ordinal alpha from the coincidences: its distances follow the counts, also in a resample."""
    counts, ratings = found.counts, found.counts.sum(axis=1)
    c = counts.shape[1]
    low, high = np.triu_indices(c, 1)
    pairs = np.zeros((n_clusters, low.size))
    step = max(1, _MAX_CELLS // max(low.size, 1))
    for start in range(0, counts.shape[0], step):
        part = slice(start, start + step)
        both = 2 * counts[part][:, low] * counts[part][:, high] / (ratings[part, None] - 1)
        pairs += by_cluster(both, cluster[part], n_clusters)
    sums = np.hstack([pairs, by_cluster(counts, cluster, n_clusters)])
    below = np.tril(np.ones((c, c)), -1) + np.eye(c) / 2
    ends = np.eye(c)[high] - np.eye(c)[low]

    def coefficient(sums: Floats) -> Fit:
        seen, total = sums[:, : low.size], sums[:, low.size :]
        rank = total @ below.T
        apart = rank[:, high] - rank[:, low]
        square = apart**2
        within, count = (seen * square).sum(axis=1), total.sum(axis=1)
        first, second = (np.einsum("bc,bc->b", total, rank**power)[:, None] for power in (1, 2))
        to = rank**2 * count[:, None] - 2 * rank * first + second
        # Ranks follow the counts: through them both disagreements have a second slope.
        push = 4 * total * (rank * count[:, None] - first)
        fit = _ratio(within, count, np.einsum("bc,bc->b", total, to), by_within=square,
                     by_total=2 * to + push @ below)  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(within > 0, (1 - fit.value) / within, 0.0)
        fit.slope[:, low.size :] -= scale[:, None] * ((2 * seen * apart) @ ends @ below)
        return fit

    return Parts(sums, coefficient)
