"""Agreement of ratings as numbers: Kendall's W, concordance, differences, and each rater's severity and line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.rater_intervals import (
    NO_ERROR,
    ONE_RESPONDENT,
    Measure,
    Options,
    Sums,
    jackknifed,
    local,
    mean_over_units,
    no_limits,
)
from psychomet.estimates.precision.rater_units import Ratings
from psychomet.numerics import concordance as numbers
from psychomet.numerics import rater_line as line
from psychomet.numerics.cluster_sums import Linear, delta_interval, jackknife_error, leave_one_out, linear

Floats = NDArray[np.float64]

TWO_OTHERS = (
    "no unit was rated by this rater and two others: with one other, that rater's error cannot be told from what the "
    "two share"
)
NOTHING_SHARED = "the other raters share nothing: their mean covariance is not positive"
NO_SCATTER = "the variance about the line is not positive, or the other raters share nothing"


def kendall(ratings: Ratings, options: Options) -> Measure:
    """Kendall's W over the units that all raters rated."""
    full = np.asarray(~np.isnan(ratings.values).any(axis=1))
    method = "delta; t on logit x, corrected for ties, units rated by all"
    who, cluster = local(ratings, full)
    if full.sum() < 2:
        return Measure("kendall_w", method, reason="fewer than two units were rated by all raters")
    found = numbers.kendall_w(ratings.values[full], cluster=cluster, n_clusters=who.size)
    low, high = delta_interval(
        found.estimate, found.std_error, df=who.size - 1, conf_level=options.conf_level, scale="logit"
    )
    value = Linear(found.estimate, found.std_error, found.influence)
    test = (found.statistic, found.df, found.p_value) if full.sum() == who.size else None
    return Measure("kendall_w", method, "", found.estimate, found.std_error, low, high, no_limits(value, low),
                   who, found.influence, test)  # fmt: skip


def numeric_pair(ratings: Ratings, first: int, second: int, options: Options) -> Iterator[Measure]:
    """Concordance, mean difference and limits of agreement of two raters."""
    other = f"{ratings.raters[first]} ~ {ratings.raters[second]}"
    x, y = ratings.values[:, first], ratings.values[:, second]
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    who, cluster = local(ratings, both)
    sums = numbers.moment_sums(x, y, cluster=cluster, n_clusters=who.size)
    made = Sums(sums, numbers.concordance, who)
    found = linear(sums, numbers.concordance)
    yield jackknifed("concordance_correlation", made, found, options, other=other, scale="atanh")
    yield mean_over_units("mean_difference", x - y, cluster, who, options, other=other)
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


def single(ratings: Ratings, rater: int, options: Options) -> Iterator[Measure]:
    """Severity, discrimination, slope and residual standard deviation of one rater."""
    name = ratings.raters[rater]
    deviation = numbers.deviations(ratings.values)[:, rater]
    there = ~np.isnan(deviation)
    who, cluster = local(ratings, there)
    yield mean_over_units("rater_severity", deviation[there], cluster, who, options, other=name)
    own, rest = ratings.values[there, rater], numbers.rest_means(ratings.values)[there, rater]
    sums = numbers.moment_sums(own, rest, cluster=cluster, n_clusters=who.size)
    made = Sums(sums, numbers.correlation, who)
    found = linear(sums, numbers.correlation)
    yield jackknifed("rater_discrimination", made, found, options, other=name, scale="atanh")
    yield from _line(ratings, rater, options)


def _line(ratings: Ratings, rater: int, options: Options) -> Iterator[Measure]:
    """Slope of one rater on what the others share, and the scatter about that line."""
    name = ratings.raters[rater]
    there = line.shared_units(ratings.values, rater)
    who, cluster = local(ratings, there)
    slope_method = "jackknife; t, on the common part of the other raters"
    spread_method = "jackknife; t on log x, about the line on the common part of the other raters"
    if not who.size:
        for estimand, method in (("rater_slope", slope_method), ("rater_residual_sd", spread_method)):
            yield Measure(estimand, method, name, reason=TWO_OTHERS)
        return
    sums = line.line_sums(ratings.values[there], rater, cluster=cluster, n_clusters=who.size)
    df, level = who.size - 1, options.conf_level
    found = linear(sums, line.rater_slope)
    error = jackknife_error(leave_one_out(sums, line.rater_slope))
    low, high = delta_interval(found.estimate, error, df=df, conf_level=level)
    reason = _why(found.estimate, low, who.size, NOTHING_SHARED)
    yield Measure(
        "rater_slope", slope_method, name, found.estimate, error, low, high, reason, who, found.influence
    )
    found = linear(sums, line.log_residual_sd)
    error = jackknife_error(leave_one_out(sums, line.log_residual_sd))
    low, high = delta_interval(found.estimate, error, df=df, conf_level=level)
    reason = _why(found.estimate, low, who.size, NO_SCATTER)
    value = float(np.exp(found.estimate))
    yield Measure("rater_residual_sd", spread_method, name, value, value * error, float(np.exp(low)),
                  float(np.exp(high)), reason, who, value * found.influence)  # fmt: skip


def _why(estimate: float, low: float, n: int, otherwise: str) -> str:
    """Why an estimate or its interval is missing; empty where both are there."""
    if np.isnan(estimate):
        return otherwise
    if np.isfinite(low):
        return ""
    return ONE_RESPONDENT if n < 2 else NO_ERROR
