"""Estimates of one set of ratings with their intervals: delta, jackknife, and t over respondents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    by_cluster,
    delta_interval,
    jackknife_error,
    leave_one_out,
    linear,
)
from psychomet.numerics.krippendorff import Level

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

PERFECT = "agreement is perfect: nothing to estimate an error from"
ALIKE = "the ratings do not vary"
NO_UNIT = "no unit was rated by both"
ONE_RESPONDENT = "one respondent: no interval"
NO_ERROR = "without one of the respondents there is no value, or all of them are alike"

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
class Sums:
    """A coefficient, its sums by respondent, and who these are."""

    sums: Floats
    coefficient: Coefficient
    who: Codes


def local(ratings: Ratings, there: NDArray[np.bool_]) -> tuple[Codes, Codes]:
    """Respondents who have one of some units, and the position of each unit's respondent among them."""
    who, cluster = np.unique(ratings.respondent[there], return_inverse=True)
    return who, cluster


def twice(
    estimand: str, made: Sums, options: Options, *, said: str, other: str = "", ddof: int
) -> Iterator[Measure]:
    """A coefficient with the interval that R prints and with the one that covers."""
    found = linear(made.sums, made.coefficient, ddof=ddof)
    low, high = delta_interval(found.estimate, found.std_error, df=NORMAL, conf_level=options.conf_level)
    reason = no_limits(found, low)
    yield Measure(estimand, f"delta; {said}", other, found.estimate, found.std_error, low, high, reason,
                  made.who, found.influence)  # fmt: skip
    yield jackknifed(estimand, made, found, options, other=other, scale="log_one_minus")


def jackknifed(
    estimand: str, made: Sums, found: Linear, options: Options, *, other: str = "", scale: Scale
) -> Measure:
    """A coefficient with the t interval of its jackknife standard error on a scale of its own."""
    error = jackknife_error(leave_one_out(made.sums, made.coefficient))
    return with_error(estimand, found, error, made.who, options, other=other, scale=scale)


SCALES: dict[Scale, str] = {"log_one_minus": "log(1 - x)", "atanh": "atanh x", "logit": "logit x"}


def with_error(
    estimand: str, found: Linear, error: float, who: Codes, options: Options, *, other: str = "", scale: Scale
) -> Measure:
    """Return a coefficient with the t interval of a given error on a scale of its own."""
    low, high = delta_interval(
        found.estimate, error, df=who.size - 1, conf_level=options.conf_level, scale=scale
    )
    reason = no_limits(found, low)
    return Measure(estimand, f"jackknife; t on {SCALES[scale]}", other, found.estimate,
                   error, low, high, reason, who, found.influence)  # fmt: skip


def no_limits(found: Linear, low: float) -> str:
    """Why an estimate or its interval is missing."""
    if np.isnan(found.estimate):
        return ALIKE if found.influence.size else NO_UNIT
    if np.isfinite(low):
        return ""
    if found.influence.size < 2:
        return ONE_RESPONDENT
    return PERFECT if not 1 - found.estimate > ONE else NO_ERROR


def mean_over_units(
    estimand: str, values: Floats, cluster: Codes, who: Codes, options: Options, *, other: str
) -> Measure:
    """A mean over units with the t interval over respondents."""
    sums = by_cluster(np.stack([np.ones_like(values), values], axis=1), cluster, who.size)
    found = linear(sums, numbers.mean)
    low, high = delta_interval(
        found.estimate, found.std_error, df=who.size - 1, conf_level=options.conf_level
    )
    reason = "" if np.isfinite(low) else ("no unit was rated by others too" if not who.size else NO_ERROR)
    return Measure(estimand, "t; over respondents", other, found.estimate, found.std_error, low, high, reason,
                   who, found.influence)  # fmt: skip
