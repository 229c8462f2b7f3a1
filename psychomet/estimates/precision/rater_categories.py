"""Agreement of ratings as categories: percent agreement, the kappas, Gwet's coefficients, Krippendorff's alpha."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.rater_intervals import (
    Measure,
    Options,
    Sums,
    jackknifed,
    local,
    no_limits,
    twice,
    with_error,
)
from psychomet.estimates.precision.rater_units import Ratings
from psychomet.numerics import kappa as categories
from psychomet.numerics.cluster_sums import (
    Linear,
    bootstrap_limits,
    by_cluster,
    influence_error,
    jackknife_error,
    leave_one_out,
    linear,
)
from psychomet.numerics.krippendorff import MANY_CATEGORIES, alpha_parts, krippendorff_alpha
from psychomet.numerics.proportion import clustered_share

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

MANY_RATERS = 30
"""Raters above which their pairs, 435 of them, are not told one by one."""

ALL_RATERS = "all raters"
TOO_MANY = f"more than {MANY_CATEGORIES} different ratings: take measurement = 'interval' for an interval"
FCE = "Fleiss, Cohen and Everitt"


def categorical(ratings: Ratings, grades: Floats, codes: Codes, options: Options) -> Iterator[Measure]:
    """Percent agreement, the kappas and Gwet's coefficients."""
    plain = categories.agreement_weights(grades, "unweighted")
    chosen = categories.agreement_weights(grades, options.weights)
    weighted = options.level != "nominal" and options.weights != "unweighted"
    counts = np.stack([(codes == code).sum(axis=1) for code in range(grades.size)], axis=1).astype(float)
    yield from _percent(ratings, codes, counts, options)
    pairs: list[Sums] = []
    few = len(ratings.raters) <= MANY_RATERS
    for first, second in combinations(range(len(ratings.raters)), 2) if few else ():
        other = f"{ratings.raters[first]} ~ {ratings.raters[second]}"
        x, y = codes[:, first], codes[:, second]
        both = (x >= 0) & (y >= 0)
        who, cluster = local(ratings, both)
        for estimand, weight in (("cohen_kappa", plain), ("weighted_kappa", chosen)):
            if estimand == "weighted_kappa" and not weighted:
                continue
            sums = categories.pair_sums(
                x[both], y[both], cluster=cluster, n_clusters=who.size, weights=weight
            )
            made = Sums(sums, categories.kappa(weight), who)
            said = FCE if estimand == "cohen_kappa" else f"{FCE}, {options.weights} weights"
            yield from twice(estimand, made, options, said=said, other=other, ddof=0)
            if estimand == "cohen_kappa":
                pairs.append(made)
    yield (
        _light(ratings, pairs, options)
        if few
        else Measure("light_kappa", "none", reason=f"more than {MANY_RATERS} raters")
    )
    who = np.arange(ratings.ids.size)
    for estimand, weight, make in (("fleiss_kappa", plain, categories.fleiss), ("gwet_ac1", plain, categories.gwet),
                                   ("gwet_ac2", chosen, categories.gwet)):  # fmt: skip
        if estimand != "gwet_ac2" or weighted:
            sums = categories.pooled_sums(
                counts, cluster=ratings.respondent, n_clusters=who.size, weights=weight
            )
            said = "Gwet" if estimand != "gwet_ac2" else f"Gwet, {options.weights} weights"
            yield from twice(estimand, Sums(sums, make(weight), who), options, said=said, ddof=1)


def _light(ratings: Ratings, pairs: list[Sums], options: Options) -> Measure:
    """The mean of the kappas of all pairs, whose respondents need not be the same."""
    n, m = ratings.ids.size, len(ratings.raters)
    influence, without, total = np.zeros(n), np.zeros(n), 0.0
    for pair in pairs:
        found = linear(pair.sums, pair.coefficient)
        apart = np.full(n, found.estimate)
        if pair.who.size > 1:
            apart[pair.who] = leave_one_out(pair.sums, pair.coefficient)
        change = np.zeros(n)
        change[pair.who] = found.influence * (n / max(pair.who.size, 1))
        total, influence, without = total + found.estimate, influence + change, without + apart
    if np.isnan(total):
        reason = "kappa of some pair of raters has no value"
        return Measure("light_kappa", "jackknife; t on log(1 - x)", reason=reason)
    k = m * (m - 1) / 2
    found = Linear(total / k, influence_error(influence / k), influence / k)
    error = jackknife_error(without / k)
    return with_error("light_kappa", found, error, np.arange(n), options, scale="log_one_minus")


def _percent(ratings: Ratings, codes: Codes, counts: Floats, options: Options) -> Iterator[Measure]:
    """Share of agreeing pairs of ratings, of units on which two raters, or all of them, agree."""
    rated = counts.sum(axis=1)
    pairs = rated * (rated - 1)
    several = pairs > 0
    share = (counts**2).sum(axis=1) - rated
    share = share[several] / pairs[several]
    most = float(pairs.max(initial=2.0)) / 2
    yield _share(ratings, several, share, options, "", "pairs of ratings", trials=most)
    m = len(ratings.raters)
    if m > 2:
        full = rated == m
        alike = counts.max(axis=1)[full] == m
        yield _share(ratings, full, alike.astype(float), options, ALL_RATERS, "units rated by all")
    for first, second in combinations(range(m), 2) if m <= MANY_RATERS else ():
        x, y = codes[:, first], codes[:, second]
        both = (x >= 0) & (y >= 0)
        other = f"{ratings.raters[first]} ~ {ratings.raters[second]}"
        yield _share(ratings, both, (x == y)[both].astype(float), options, other, "units")


def _share(
    ratings: Ratings,
    there: NDArray[np.bool_],
    hits: Floats,
    options: Options,
    other: str,
    of: str,
    *,
    trials: float = 1.0,
) -> Measure:
    """A share of units with Wilson's interval on the effective number of units.

    A unit is ``trials`` answers at most, as the pairs of its raters are: its share of hits varies less than one answer.
    """
    who, cluster = local(ratings, there)
    if not who.size:
        return Measure("percent_agreement", f"wilson; {of}", other, reason="no unit was rated by all of these raters")  # fmt: skip
    sums = by_cluster(np.stack([np.ones_like(hits), hits], axis=1), cluster, who.size)
    found = clustered_share(trials * sums[:, 1], trials * sums[:, 0], options.conf_level)
    influence = (sums[:, 1] - found.estimate * sums[:, 0]) * who.size / sums[:, 0].sum()
    return Measure("percent_agreement", f"wilson; {of}", other, found.estimate, found.std_error,
                   found.conf_low, found.conf_high, "", who, influence)  # fmt: skip


def krippendorff(ratings: Ratings, options: Options) -> Iterator[Measure]:
    """Krippendorff's alpha with the jackknife and the bootstrap over respondents."""
    paired = np.count_nonzero(~np.isnan(ratings.values), axis=1) > 1
    who, cluster = local(ratings, paired)
    values = ratings.values[paired]
    if options.level == "ratio" and _opposed(values):
        yield Measure(
            "krippendorff_alpha", "none", reason="two different ratings sum to 0: no ratio distance"
        )
        return
    parts = alpha_parts(values, level=options.level, cluster=cluster, n_clusters=who.size)
    if parts is None:
        value = krippendorff_alpha(values, level=options.level) if options.level != "ratio" else float("nan")
        yield Measure("krippendorff_alpha", f"none; {options.level}", "", value, reason=TOO_MANY)
        return
    made = Sums(parts.sums, parts.coefficient, who)
    found = linear(parts.sums, parts.coefficient)
    first = jackknifed("krippendorff_alpha", made, found, options, scale="log_one_minus")
    yield replace(first, method=f"{first.method}, {options.level}")
    if options.n_boot:
        low = high = error = float("nan")
        if who.size > 1 and np.isfinite(found.estimate):
            limits = bootstrap_limits(
                parts.sums, parts.coefficient, found, n_boot=options.n_boot, seed=options.seed,
                conf_level=options.conf_level,
            )  # fmt: skip
            low, high, error = limits.low, limits.high, limits.std_error
        reason = no_limits(found, low)
        method = f"bootstrap; respondents resampled, {options.level}"
        yield Measure("krippendorff_alpha", method, "", found.estimate, error, low, high, reason, who,
                      found.influence)  # fmt: skip


def _opposed(values: Floats) -> bool:
    """Whether two different ratings sum to 0, where the ratio distance has no value."""
    used = np.unique(values[~np.isnan(values)])
    return bool(np.isin(-used[used > 0], used).any())
