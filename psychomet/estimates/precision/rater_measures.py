"""Every measure of agreement of one scale: estimate, standard error, interval and influences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.rater_units import Ratings
from psychomet.numerics import concordance as numbers
from psychomet.numerics import kappa as categories
from psychomet.numerics.cluster_sums import (
    ONE,
    Coefficient,
    Linear,
    Scale,
    bootstrap_limits,
    by_cluster,
    delta_interval,
    influence_error,
    jackknife_error,
    leave_one_out,
    linear,
)
from psychomet.numerics.krippendorff import MANY_CATEGORIES, Level, alpha_parts, krippendorff_alpha
from psychomet.numerics.proportion import clustered_share

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

MANY_RATERS = 30
"""Raters above which their pairs, 435 of them, are not told one by one."""

ALL_RATERS = "all raters"
MANY_VALUES = f"more than {MANY_CATEGORIES} different ratings: no coefficient for categories"
TOO_MANY = f"more than {MANY_CATEGORIES} different ratings: take level = 'interval' for an interval"
PERFECT = "agreement is perfect: nothing to estimate an error from"
ALIKE = "the ratings do not vary"
NO_UNIT = "no unit was rated by both"
ONE_RESPONDENT = "one respondent: no interval"
NO_ERROR = "without one of the respondents there is no value, or all of them are alike"
FCE = "Fleiss, Cohen and Everitt"

NORMAL = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """What the caller asked for."""

    level: Level
    weights: categories.Weights
    conf_level: float
    n_boot: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """One estimate with one interval; ``who`` are the positions of the respondents behind it."""

    estimand: str
    method: str
    other: str = ""
    estimate: float = float("nan")
    std_error: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    reason: str = ""
    who: Codes = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    influence: Floats = field(default_factory=lambda: np.empty(0))
    test: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """A coefficient, its sums by respondent, and who these are."""

    sums: Floats
    coefficient: Coefficient
    who: Codes


def measures(ratings: Ratings, options: Options) -> Iterator[Measure]:
    """Yield every measure of a scale that fits the level of its answers."""
    reason = ratings.obstacle
    if reason:
        for estimand in _estimands(options):
            yield Measure(estimand, "none", reason=reason)
        return
    values = ratings.values
    grades, codes = categories.coded(values)
    if grades.size <= MANY_CATEGORIES:
        yield from _categorical(ratings, grades, codes, options)
    else:
        for estimand in _categorical_estimands(options):
            yield Measure(estimand, "none", reason=MANY_VALUES)
    yield from _krippendorff(ratings, options)
    if options.level != "nominal":
        yield _kendall(ratings, options)
        if len(ratings.raters) <= MANY_RATERS:
            for first, second in combinations(range(len(ratings.raters)), 2):
                yield from _numeric_pair(ratings, first, second, options)
        for rater in range(len(ratings.raters)):
            yield from _single(ratings, rater, options)


def _categorical_estimands(options: Options) -> tuple[str, ...]:
    weighted = options.level != "nominal" and options.weights != "unweighted"
    return (
        "percent_agreement", "cohen_kappa", *(["weighted_kappa"] if weighted else []), "light_kappa",
        "fleiss_kappa", "gwet_ac1", *(["gwet_ac2"] if weighted else []),
    )  # fmt: skip


def _estimands(options: Options) -> tuple[str, ...]:
    numeric = (
        "kendall_w", "concordance_correlation", "mean_difference", "limit_of_agreement_low",
        "limit_of_agreement_high", "rater_severity", "rater_discrimination",
    )  # fmt: skip
    found = (*_categorical_estimands(options), "krippendorff_alpha")
    return found if options.level == "nominal" else found + numeric


def _local(ratings: Ratings, there: NDArray[np.bool_]) -> tuple[Codes, Codes]:
    """Respondents who have one of some units, and the position of each unit's respondent among them."""
    who, cluster = np.unique(ratings.respondent[there], return_inverse=True)
    return who, cluster


def _categorical(ratings: Ratings, grades: Floats, codes: Codes, options: Options) -> Iterator[Measure]:
    """Percent agreement, the kappas and Gwet's coefficients."""
    plain = categories.agreement_weights(grades, "unweighted")
    chosen = categories.agreement_weights(grades, options.weights)
    weighted = options.level != "nominal" and options.weights != "unweighted"
    counts = np.stack([(codes == code).sum(axis=1) for code in range(grades.size)], axis=1).astype(float)
    yield from _percent(ratings, codes, counts, options)
    pairs: list[_Sums] = []
    few = len(ratings.raters) <= MANY_RATERS
    for first, second in combinations(range(len(ratings.raters)), 2) if few else ():
        other = f"{ratings.raters[first]} ~ {ratings.raters[second]}"
        x, y = codes[:, first], codes[:, second]
        both = (x >= 0) & (y >= 0)
        who, cluster = _local(ratings, both)
        for estimand, weight in (("cohen_kappa", plain), ("weighted_kappa", chosen)):
            if estimand == "weighted_kappa" and not weighted:
                continue
            sums = categories.pair_sums(
                x[both], y[both], cluster=cluster, n_clusters=who.size, weights=weight
            )
            made = _Sums(sums, categories.kappa(weight), who)
            said = FCE if estimand == "cohen_kappa" else f"{FCE}, {options.weights} weights"
            yield from _twice(estimand, made, options, said=said, other=other, ddof=0)
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
            yield from _twice(estimand, _Sums(sums, make(weight), who), options, said=said, ddof=1)


def _twice(
    estimand: str, made: _Sums, options: Options, *, said: str, other: str = "", ddof: int
) -> Iterator[Measure]:
    """A coefficient with the interval that R prints and with the one that covers."""
    found = linear(made.sums, made.coefficient, ddof=ddof)
    low, high = delta_interval(found.estimate, found.std_error, df=NORMAL, conf_level=options.conf_level)
    reason = _no_limits(found, low)
    yield Measure(estimand, f"delta; {said}", other, found.estimate, found.std_error, low, high, reason,
                  made.who, found.influence)  # fmt: skip
    yield _jackknifed(estimand, made, found, options, other=other, scale="log_one_minus")


def _jackknifed(
    estimand: str, made: _Sums, found: Linear, options: Options, *, other: str = "", scale: Scale
) -> Measure:
    """A coefficient with the t interval of its jackknife standard error on a scale of its own."""
    error = jackknife_error(leave_one_out(made.sums, made.coefficient))
    return _with_error(estimand, found, error, made.who, options, other=other, scale=scale)


SCALES: dict[Scale, str] = {"log_one_minus": "log(1 - x)", "atanh": "atanh x", "logit": "logit x"}


def _with_error(
    estimand: str, found: Linear, error: float, who: Codes, options: Options, *, other: str = "", scale: Scale
) -> Measure:
    low, high = delta_interval(
        found.estimate, error, df=who.size - 1, conf_level=options.conf_level, scale=scale
    )
    reason = _no_limits(found, low)
    return Measure(estimand, f"jackknife; t on {SCALES[scale]}", other, found.estimate,
                   error, low, high, reason, who, found.influence)  # fmt: skip


def _no_limits(found: Linear, low: float) -> str:
    """Why an estimate or its interval is missing."""
    if np.isnan(found.estimate):
        return ALIKE if found.influence.size else NO_UNIT
    if np.isfinite(low):
        return ""
    if found.influence.size < 2:
        return ONE_RESPONDENT
    return PERFECT if not 1 - found.estimate > ONE else NO_ERROR


def _light(ratings: Ratings, pairs: list[_Sums], options: Options) -> Measure:
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
    return _with_error("light_kappa", found, error, np.arange(n), options, scale="log_one_minus")


def _percent(ratings: Ratings, codes: Codes, counts: Floats, options: Options) -> Iterator[Measure]:
    """Share of agreeing pairs of ratings, of units on which two raters, or all of them, agree."""
    rated = counts.sum(axis=1)
    pairs = rated * (rated - 1)
    several = pairs > 0
    share = (counts**2).sum(axis=1) - rated
    share = share[several] / pairs[several]
    yield _share(ratings, several, share, options, "", "pairs of ratings")
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
    ratings: Ratings, there: NDArray[np.bool_], hits: Floats, options: Options, other: str, of: str
) -> Measure:
    """A share of units with Wilson's interval on the effective number of units."""
    who, cluster = _local(ratings, there)
    if not who.size:
        return Measure("percent_agreement", f"wilson; {of}", other, reason="no unit was rated by all of these raters")  # fmt: skip
    sums = by_cluster(np.stack([np.ones_like(hits), hits], axis=1), cluster, who.size)
    found = clustered_share(sums[:, 1], sums[:, 0], options.conf_level)
    influence = (sums[:, 1] - found.estimate * sums[:, 0]) * who.size / sums[:, 0].sum()
    return Measure("percent_agreement", f"wilson; {of}", other, found.estimate, found.std_error,
                   found.conf_low, found.conf_high, "", who, influence)  # fmt: skip


def _krippendorff(ratings: Ratings, options: Options) -> Iterator[Measure]:
    """Krippendorff's alpha with the jackknife and the bootstrap over respondents."""
    paired = np.count_nonzero(~np.isnan(ratings.values), axis=1) > 1
    who, cluster = _local(ratings, paired)
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
    made = _Sums(parts.sums, parts.coefficient, who)
    found = linear(parts.sums, parts.coefficient)
    first = _jackknifed("krippendorff_alpha", made, found, options, scale="log_one_minus")
    yield _renamed(first, f"{first.method}, {options.level}")
    if options.n_boot:
        low = high = error = float("nan")
        if who.size > 1 and np.isfinite(found.estimate):
            limits = bootstrap_limits(
                parts.sums, parts.coefficient, found, n_boot=options.n_boot, seed=options.seed,
                conf_level=options.conf_level,
            )  # fmt: skip
            low, high, error = limits.low, limits.high, limits.std_error
        reason = _no_limits(found, low)
        method = f"bootstrap; respondents resampled, {options.level}"
        yield Measure("krippendorff_alpha", method, "", found.estimate, error, low, high, reason, who,
                      found.influence)  # fmt: skip


def _renamed(measure: Measure, method: str) -> Measure:
    return Measure(measure.estimand, method, measure.other, measure.estimate, measure.std_error, measure.low,
                   measure.high, measure.reason, measure.who, measure.influence)  # fmt: skip


def _opposed(values: Floats) -> bool:
    """Whether two different ratings sum to 0, where the ratio distance has no value."""
    used = np.unique(values[~np.isnan(values)])
    return bool(np.isin(-used[used > 0], used).any())


def _kendall(ratings: Ratings, options: Options) -> Measure:
    """Kendall's W over the units that all raters rated."""
    full = np.asarray(~np.isnan(ratings.values).any(axis=1))
    method = "delta; t on logit x, corrected for ties, units rated by all"
    who, cluster = _local(ratings, full)
    if full.sum() < 2:
        return Measure("kendall_w", method, reason="fewer than two units were rated by all raters")
    found = numbers.kendall_w(ratings.values[full], cluster=cluster, n_clusters=who.size)
    low, high = delta_interval(
        found.estimate, found.std_error, df=who.size - 1, conf_level=options.conf_level, scale="logit"
    )
    value = Linear(found.estimate, found.std_error, found.influence)
    test = (found.statistic, found.df, found.p_value) if full.sum() == who.size else None
    return Measure("kendall_w", method, "", found.estimate, found.std_error, low, high, _no_limits(value, low),
                   who, found.influence, test)  # fmt: skip


def _numeric_pair(ratings: Ratings, first: int, second: int, options: Options) -> Iterator[Measure]:
    """Concordance, mean difference and limits of agreement of two raters."""
    other = f"{ratings.raters[first]} ~ {ratings.raters[second]}"
    x, y = ratings.values[:, first], ratings.values[:, second]
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    who, cluster = _local(ratings, both)
    sums = numbers.moment_sums(x, y, cluster=cluster, n_clusters=who.size)
    made = _Sums(sums, numbers.concordance, who)
    found = linear(sums, numbers.concordance)
    yield _jackknifed("concordance_correlation", made, found, options, other=other, scale="atanh")
    yield _mean("mean_difference", x - y, cluster, who, options, other)
    limits = numbers.limits_of_agreement(
        x - y, cluster=cluster, n_clusters=who.size, conf_level=options.conf_level
    )
    for side, limit in zip(("low", "high"), limits, strict=True):
        reason = (
            "" if np.isfinite(limit.low) else "the differences do not vary, or one respondent has them all"
        )
        yield Measure(f"limit_of_agreement_{side}", f"{limit.kind}; 1.96 standard deviations", other,
                      limit.found.estimate, limit.found.std_error, limit.low, limit.high, reason, who,
                      limit.found.influence)  # fmt: skip


def _single(ratings: Ratings, rater: int, options: Options) -> Iterator[Measure]:
    """Severity and discrimination of one rater."""
    name = ratings.raters[rater]
    deviation = numbers.deviations(ratings.values)[:, rater]
    there = ~np.isnan(deviation)
    who, cluster = _local(ratings, there)
    yield _mean("rater_severity", deviation[there], cluster, who, options, name)
    own, rest = ratings.values[there, rater], numbers.rest_means(ratings.values)[there, rater]
    sums = numbers.moment_sums(own, rest, cluster=cluster, n_clusters=who.size)
    made = _Sums(sums, numbers.correlation, who)
    found = linear(sums, numbers.correlation)
    yield _jackknifed("rater_discrimination", made, found, options, other=name, scale="atanh")


def _mean(estimand: str, values: Floats, cluster: Codes, who: Codes, options: Options, other: str) -> Measure:
    """A mean over units with the t interval over respondents."""
    sums = by_cluster(np.stack([np.ones_like(values), values], axis=1), cluster, who.size)
    found = linear(sums, numbers.mean)
    low, high = delta_interval(
        found.estimate, found.std_error, df=who.size - 1, conf_level=options.conf_level
    )
    reason = "" if np.isfinite(low) else ("no unit was rated by others too" if not who.size else NO_ERROR)
    return Measure(estimand, "t; over respondents", other, found.estimate, found.std_error, low, high, reason,
                   who, found.influence)  # fmt: skip
