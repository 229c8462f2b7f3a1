"""Every measure of agreement of one set of ratings that fits the level of its answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from psychomet.estimates.precision.rater_categories import MANY_RATERS, categorical, krippendorff
from psychomet.estimates.precision.rater_intervals import Measure, Options
from psychomet.estimates.precision.rater_numbers import kendall, numeric_pair, single
from psychomet.estimates.precision.rater_units import Ratings
from psychomet.numerics.kappa import coded
from psychomet.numerics.krippendorff import MANY_CATEGORIES

MANY_VALUES = f"more than {MANY_CATEGORIES} different ratings: no coefficient for categories"


def measures(ratings: Ratings, options: Options) -> Iterator[Measure]:
    """Yield every measure of a scale that fits the level of its answers."""
    reason = ratings.obstacle
    if reason:
        for estimand in _estimands(options):
            yield Measure(estimand, "none", reason=reason)
        return
    grades, codes = coded(ratings.values)
    if grades.size <= MANY_CATEGORIES:
        yield from categorical(ratings, grades, codes, options)
    else:
        for estimand in _categorical_estimands(options):
            yield Measure(estimand, "none", reason=MANY_VALUES)
    yield from krippendorff(ratings, options)
    if options.level != "nominal":
        yield kendall(ratings, options)
        if len(ratings.raters) <= MANY_RATERS:
            for first, second in combinations(range(len(ratings.raters)), 2):
                yield from numeric_pair(ratings, first, second, options)
        for rater in range(len(ratings.raters)):
            yield from single(ratings, rater, options)


def _categorical_estimands(options: Options) -> tuple[str, ...]:
    weighted = options.level != "nominal" and options.weights != "unweighted"
    return (
        "percent_agreement", "cohen_kappa", *(["weighted_kappa"] if weighted else []), "light_kappa",
        "fleiss_kappa", "gwet_ac1", *(["gwet_ac2"] if weighted else []),
    )  # fmt: skip


def _estimands(options: Options) -> tuple[str, ...]:
    numeric = (
        "kendall_w", "concordance_correlation", "mean_difference", "limit_of_agreement_low",
        "limit_of_agreement_high", "rater_severity", "rater_discrimination", "rater_slope", "rater_residual_sd",
    )  # fmt: skip
    found = (*_categorical_estimands(options), "krippendorff_alpha")
    return found if options.level == "nominal" else found + numeric
