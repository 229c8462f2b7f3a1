"""Rows of Cronbach's alpha and of the items of a scale: a part of ``reliability``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.numerics import consistency as ctt
from psychomet.numerics.alpha_bootstrap import Replicates, alpha_interval, bootstrap_alpha
from psychomet.numerics.alpha_influence import (
    alpha_influence,
    alpha_standardized_influence,
    by_unit,
    influence_error,
)
from psychomet.numerics.alpha_tests import bonett_interval
from psychomet.numerics.left_out import ROUNDING, correlation_limits, item_rest_left_out, left_out
from psychomet.numerics.moments import moments
from psychomet.numerics.resample import bca_interval, percentile_interval
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]
Row = dict[str, Any]

ONE = 1 + 1e-9  # alpha of items that are equal, with its rounding
RESAMPLED = ("bootstrap", "bca", "percentile")

CLUSTERED = "rows of one respondent are not independent"
ALIKE = "everyone answered alike"
NO_PAIRS = "some items were answered together by fewer than two respondents"
NO_TOTAL = "the total score does not vary"
NOT_POSITIVE = "the pairwise covariances do not give the total score a positive variance"
ABOVE_ONE = "the pairwise covariances are those of no complete table"
ALONE = "without one of the respondents the item or the others would not vary, or a pair would be too short"
NO_LIMITS = "alpha is 1, or too few resamples have a value"

SCALES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "complement": (lambda x: np.log(np.maximum(1 - x, 0.0)), lambda u: 1 - np.exp(u), lambda x: 1 / (1 - x)),
    "log": (lambda x: np.log(np.maximum(x, 0.0)), np.exp, lambda x: 1 / x),
    "fisher": (np.arctanh, np.tanh, lambda x: 1 / (1 - x**2)),
}
"""The scale on which an interval is made: there, back, and the derivative there."""


@dataclass(frozen=True, slots=True, eq=False)
class Alpha:
    """One kind of alpha of a sample, of k items; ``reason`` says why it has no value."""

    estimand: str
    k: int
    value: float
    influence: Floats
    reason: str = ""


def alphas(sample: Sample) -> tuple[Alpha, Alpha]:
    """Raw and standardised alpha with the influence of every respondent on each."""
    found = []
    for estimand, items, matrix in (
        ("alpha", np.ones_like(sample.varies), sample.cov),
        ("alpha_standardized", sample.varies, sample.cor[np.ix_(sample.varies, sample.varies)]),
    ):
        k = int(items.sum())
        reason = obstacle(sample, matrix)
        if reason:
            found.append(Alpha(estimand, k, float("nan"), np.empty(0), reason))
            continue
        values = sample.values[:, items]
        if estimand == "alpha":
            change = alpha_influence(values, sample.sums)
        else:
            change = alpha_standardized_influence(values, moments(values), matrix)
        found.append(Alpha(estimand, k, ctt.alpha(matrix), by_unit(change, sample.unit)))
    return found[0], found[1]


def obstacle(sample: Sample, matrix: Floats) -> str:
    """Say why alpha of a matrix has no value; empty when it has one."""
    if sample.ids.size < 2:
        return "fewer than two respondents have answers"
    if np.isnan(matrix).any():
        return NO_PAIRS
    if not sample.varies.any():
        return ALIKE
    if matrix.shape[0] < 2:
        return "fewer than two items vary"
    if np.isnan(ctt.alpha(matrix)):
        return NOT_POSITIVE if sample.holes else NO_TOTAL
    return ""


def alpha_rows(
    sample: Sample,
    kinds: Sequence[Alpha],
    suffix: str,
    *,
    intervals: Sequence[str],
    conf_level: float,
    n_boot: int,
    seed: int,
) -> tuple[list[Row], dict[int, Floats], int]:
    """Rows of the alphas, the influence by row, and the number of resamples without a value."""
    boot: Replicates | None = None
    if n_boot and set(intervals) & set(RESAMPLED) and any(not kind.reason for kind in kinds):
        unit = sample.unit if sample.clustered else None
        boot = bootstrap_alpha(sample.values, n_boot=n_boot, seed=seed, unit=unit)
    rows: list[Row] = []
    influence: dict[int, Floats] = {}
    empty = 0
    for kind in kinds:
        shared = {"estimand": kind.estimand, "term": sample.scale.name, "group": sample.group,
                  "estimate": kind.value, "conf_level": conf_level, "n": sample.ids.size, "reason": kind.reason}  # fmt: skip
        for interval in intervals:
            if interval in RESAMPLED and not n_boot:
                continue
            how = f"respondents resampled, {suffix}" if interval in RESAMPLED else suffix
            row = shared | {"method": f"{interval}; {how}"}
            if not kind.reason:
                influence[len(rows)] = kind.influence
                row |= {"std_error": influence_error(kind.influence)}
                row |= _limits(kind, sample, interval, boot, conf_level)
            rows.append(row)
        if not kind.reason and boot is not None:
            empty = max(empty, int(np.count_nonzero(~np.isfinite(_replicates(kind, boot)[0]))))
    return rows, influence, empty


def _limits(kind: Alpha, sample: Sample, interval: str, boot: Replicates | None, conf_level: float) -> Row:
    """One interval of alpha, or why there is none."""
    if interval == "feldt":
        return _feldt(kind.value, sample, kind.k, conf_level)
    if interval == "bonett":
        return _bonett(kind.value, sample, kind.k, conf_level)
    if interval == "delta":
        return delta_limits(kind.value, kind.influence, conf_level)
    if boot is None:
        return {"reason": NO_LIMITS}
    return _bootstrap(kind, *_replicates(kind, boot), conf_level, interval)


def _replicates(kind: Alpha, boot: Replicates) -> tuple[Floats, Floats]:
    """The replicates of one kind of alpha and their standard errors."""
    raw = kind.estimand == "alpha"
    return (boot.raw, boot.raw_error) if raw else (boot.standardized, boot.standardized_error)


def delta_limits(value: float, influence: Floats, conf_level: float, *, scale: str = "complement") -> Row:
    """Return t limits from the distribution-free standard error, or why there are none.

    On log(1 - value), where the sampling distribution of a reliability is nearly symmetric and no limit
    passes 1; ``scale = "log"`` for what is positive, ``"fisher"`` for a correlation.
    """
    forward, back, slope = SCALES[scale]
    error = influence_error(influence)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = bool(np.isfinite(forward(value))) and np.isfinite(error)
    if influence.size < 3 or not known:
        return {"reason": NO_LIMITS if influence.size > 2 else "too few respondents for an interval"}
    half = float(stdtrit(influence.size - 1, (1 + conf_level) / 2)) * error * slope(value)
    with np.errstate(over="ignore"):
        ends = back(forward(value) - half), back(forward(value) + half)
    return (
        {"conf_low": float(min(ends)), "conf_high": float(max(ends))}
        if np.isfinite(ends).all()
        else {"reason": NO_LIMITS}
    )


def _feldt(value: float, sample: Sample, k: int, conf_level: float) -> Row:
    """Feldt's interval, or why there is none."""
    if sample.clustered or value > ONE:
        return {"reason": CLUSTERED if sample.clustered else ABOVE_ONE}
    low, high = ctt.feldt_interval(value, n=sample.values.shape[0], k=k, conf_level=conf_level)
    return {"conf_low": low, "conf_high": high}


def _bonett(value: float, sample: Sample, k: int, conf_level: float) -> Row:
    """Bonett's interval, or why there is none."""
    n = sample.values.shape[0]
    if sample.clustered or value > ONE or n < 3 or not value < 1:
        return {"reason": CLUSTERED if sample.clustered else ABOVE_ONE if value > ONE else NO_LIMITS}
    low, high = bonett_interval(value, n=n, k=k, conf_level=conf_level)
    return {"conf_low": low, "conf_high": high}


def _bootstrap(kind: Alpha, replicates: Floats, errors: Floats, conf_level: float, interval: str) -> Row:
    """Standard error and interval from the resamples, or why there is none."""
    finite = replicates[np.isfinite(replicates)]
    if kind.value > ONE or finite.size < replicates.size // 2:
        return {"reason": ABOVE_ONE if kind.value > ONE else NO_LIMITS}
    if interval == "percentile":
        low, high = percentile_interval(replicates, conf_level)
    elif interval == "bca":
        low, high = bca_interval(replicates, kind.value, kind.influence, conf_level)
    else:
        low, high, _ = alpha_interval(
            replicates, errors, estimate=kind.value, influence=kind.influence, conf_level=conf_level
        )
    found = {"std_error": float(finite.std(ddof=1)), "conf_low": low, "conf_high": high}
    return found if np.isfinite([low, high]).all() else found | nothing(NO_LIMITS)


def nothing(reason: str) -> Row:
    """No interval, and why; an empty reason leaves the interval alone."""
    return {"conf_low": np.nan, "conf_high": np.nan, "reason": reason} if reason else {}


def item_rows(sample: Sample, suffix: str, *, conf_level: float) -> list[Row]:
    """Four rows per item: mean, standard deviation, item-rest correlation (jackknife), alpha without it."""
    if sample.ids.size == 0:
        return []
    there = ~np.isnan(sample.values)
    asked = np.array([np.unique(sample.unit[column]).size for column in there.T])
    few = np.where(asked < 2, "fewer than two respondents answered", np.where(sample.varies, "", ALIKE))
    found = {"item_mean": ("t", ctt.item_means(sample.values, sample.unit, conf_level)),
             "item_sd": ("delta; of the log standard deviation", ctt.item_sds(sample.values, sample.unit, conf_level))}  # fmt: skip
    rest, rest_limits = _item_rest(sample, asked, conf_level)
    dropped = ctt.alpha_if_dropped(sample.cov)
    left = len(sample.scale.items) - 1
    rows: list[Row] = []
    for j, item in enumerate(sample.scale.items):
        shared = {"term": item, "group": sample.group, "conf_level": conf_level, "n": asked[j]}
        for estimand, (method, part) in found.items():
            limits = {"std_error": part.std_error[j], "conf_low": part.low[j], "conf_high": part.high[j]}
            reason = str(few[j]) or (
                "" if np.isfinite(part.low[j]) else "too few respondents for an interval"
            )
            rows.append({"estimand": estimand, "method": method, "estimate": part.estimate[j], **shared, **limits}
                        | nothing(reason))  # fmt: skip
        error, low, high = (part[j] for part in rest_limits)
        reason = str(few[j]) or _item_reason(rest[j], low, sample, asked[j])
        rows.append({"estimand": "item_rest_r", "method": f"jackknife; t on atanh, {suffix}", "estimate": rest[j],
                     **shared, "std_error": error, "conf_low": low, "conf_high": high} | nothing(reason))  # fmt: skip
        row = {"estimand": "alpha_if_dropped", "method": f"feldt; {suffix}", "estimate": dropped[j], **shared}
        if left < 2 or np.isnan(dropped[j]):
            row["reason"] = (
                "one item would be left" if left < 2 else _item_reason(dropped[j], np.nan, sample, asked[j])
            )
        else:
            row |= _feldt(dropped[j], sample, left, conf_level)
        rows.append(row)
    return rows


def _item_rest(
    sample: Sample, asked: NDArray[np.intp], conf_level: float
) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Item-rest correlations with standard errors and limits; no limits where rows are not independent."""
    rest = ctt.item_rest_correlation(sample.cov)
    if sample.clustered:
        blank = np.full(rest.shape, np.nan)
        return rest, (blank, blank, blank)
    without = item_rest_left_out(left_out(sample.values, sample.sums, sample.cov))
    return rest, correlation_limits(rest, without, n=asked.astype(np.float64), conf_level=conf_level)


def _item_reason(value: float, low: float, sample: Sample, asked: int) -> str:
    """Say why a statistic of an item and the others has no value or no interval."""
    if np.isnan(value):
        return NO_PAIRS if np.isnan(sample.cov).any() else "the other items do not vary"
    if sample.clustered:
        return CLUSTERED
    if np.isfinite(low):
        return ""
    if abs(value) > ONE:
        return ABOVE_ONE
    if abs(value) > 1 - ROUNDING:
        return "the item and the others go together perfectly"
    return "too few respondents for an interval" if asked < 4 else ALONE
