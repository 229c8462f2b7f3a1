"""Rows of the coefficients of a scale beside alpha: a part of ``reliability``.

Every one is a smooth function of a matrix (covariances, correlations or polychoric correlations): value,
gradient, influence values and resamples come from one place, whatever the coefficient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.alpha_rows import (
    RESAMPLED,
    SCALES,
    Row,
    delta_limits,
    obstacle,
)
from psychomet.numerics.alpha_influence import by_unit, influence_error
from psychomet.numerics.covariance_bootstrap import (
    correlation_influence,
    covariance_influence,
    quadratic_errors,
    resampled_moments,
)
from psychomet.numerics.lower_bounds import (
    Bound,
    greatest_lower_bound,
    guttman_lambda,
    measurement_error,
    through_correlation,
)
from psychomet.numerics.moments import moments
from psychomet.numerics.ordinal.answers import correlation_influence as polychoric_influence
from psychomet.numerics.ordinal.answers import polychoric, resampled_correlations
from psychomet.numerics.ordinal.tables import item_codes
from psychomet.numerics.resample import bca_interval, percentile_interval, studentized_interval
from psychomet.numerics.split_half import EXACT_ITEMS, mean_split, split_coefficient, split_extremes
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]

MANY_CODES = 20
CHOSEN = (
    "the best or worst of many is biased in samples and no interval covers: normal, percentile, basic, bias-corrected and "
    "m-out-of-n bootstrap limits all fail somewhere (docs/validation/reliability.md)"
)
TOO_MANY_CODES = (
    f"an item has more than {MANY_CODES} different values; ordinal alpha is for answers on few codes"
)
NO_RESAMPLES = (
    "too many tables to solve again in every resample: use intervals = ('delta',) or a smaller n_boot"
)
MANY_CELLS, MANY_PRODUCTS = 10_000_000, 3e10
NOT_POSITIVE_DEFINITE = "the matrix is singular, not positive definite, or gives the total no variance"
NO_INTERVAL = "the coefficient is 1, or too few resamples have a value"
NOT_ABOVE_ZERO = "alpha is 1: there is no error of measurement"

_SPLITS = {"lambda4": "high", "split_half_max": "high", "split_half_min": "low"}
_LAMBDAS = {f"lambda{number}": number for number in (1, 2, 3, 5, 6)}
SELECTED = frozenset({*_SPLITS, "glb"})
"""Coefficients that are the result of a search: no interval."""
BOUNDS = (
    "alpha_ordinal", "lambda1", "lambda2", "lambda3", "lambda4", "lambda5", "lambda6",
    "split_half_max", "split_half_min", "split_half_mean", "glb", "sem",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A coefficient in a sample; ``bound`` computes it from any stack of matrices of its kind."""

    estimand: str
    bound: Callable[[Floats], Bound]
    value: float
    influence: Floats
    scale: str
    matrix: str
    note: str = ""
    reason: str = ""


def bound_rows(
    sample: Sample,
    names: Sequence[str],
    suffix: str,
    *,
    intervals: Sequence[str],
    standardized: bool,
    conf_level: float,
    n_boot: int,
    seed: int,
) -> tuple[list[Row], dict[int, Floats]]:
    """Rows of the coefficients asked for, one per interval that each of them has, and influence by row."""
    found = [_estimate(sample, name, standardized, seed) for name in names]
    boot = _resample(sample, found, n_boot, seed) if set(intervals) & set(RESAMPLED) and n_boot else {}
    rows: list[Row] = []
    influence: dict[int, Floats] = {}
    for one in found:
        shared: Row = {"estimand": one.estimand, "term": sample.scale.name, "group": sample.group,
                       "estimate": one.value, "conf_level": conf_level, "n": sample.ids.size}  # fmt: skip
        if one.influence.size:
            shared |= {"std_error": influence_error(one.influence)}
        for interval, part in _intervals(one, sample, intervals, boot, conf_level, n_boot):
            if one.influence.size:
                influence[len(rows)] = one.influence
            how = "respondents resampled, " if interval in RESAMPLED else ""
            method = f"{interval}; {how}{one.note}{one.matrix}, {suffix}"
            rows.append(shared | {"method": method} | part)
    return rows, influence


def _intervals(
    one: Found,
    sample: Sample,
    intervals: Sequence[str],
    boot: dict[str, tuple[Floats, Floats]],
    conf_level: float,
    n_boot: int,
) -> Iterator[tuple[str, Row]]:
    """Yield each interval that the coefficient has, or ``none`` with the reason."""
    if one.reason or one.estimand in SELECTED:
        yield "none", {"reason": one.reason or CHOSEN}
        return
    usable = [name for name in intervals if name == "delta" or (name in RESAMPLED and n_boot)]
    if not usable:
        asked = ", ".join(intervals)
        reason = f"{asked}: not for this coefficient, or without resamples; ask for 'delta' or 'bootstrap'"
        yield "none", {"reason": reason}
    for name in usable:
        if name == "delta":
            yield name, delta_limits(one.value, one.influence, conf_level, scale=one.scale)
        else:
            yield name, _resampled(one, boot.get(one.estimand), name, conf_level)


def _estimate(sample: Sample, name: str, standardized: bool, seed: int) -> Found:
    """Value and influence of one coefficient, or why it has none."""
    if name == "alpha_ordinal":
        return _ordinal(sample)
    correlated = standardized and name != "sem"
    items = sample.varies if correlated else np.ones_like(sample.varies)
    matrix = sample.cor[np.ix_(items, items)] if correlated else sample.cov
    kind = "correlations" if correlated else "covariances"
    scale = "log" if name == "sem" else "complement"
    nothing = np.empty(0)
    reason = obstacle(sample, matrix)
    if reason:
        return Found(name, guttman, np.nan, nothing, scale, kind, reason=reason)
    bound, note = _function(name, matrix, seed)
    here = bound(matrix)
    if not np.isfinite(here.value):
        reason = NOT_ABOVE_ZERO if name == "sem" else NOT_POSITIVE_DEFINITE
        return Found(name, bound, np.nan, nothing, scale, kind, note, reason)
    values = sample.values[:, items]
    if not np.isfinite(here.gradient).all():
        felt = nothing
    elif correlated:
        felt = by_unit(correlation_influence(values, moments(values), matrix, here.gradient), sample.unit)
    else:
        felt = by_unit(covariance_influence(values, sample.sums, matrix, here.gradient), sample.unit)
    return Found(name, bound, float(here.value), felt, scale, kind, note)


def guttman(matrix: Floats) -> Bound:
    """Return lambda 3, which every sample with an alpha has."""
    return guttman_lambda(matrix, number=3)


def _function(name: str, matrix: Floats, seed: int) -> tuple[Callable[[Floats], Bound], str]:
    """The coefficient as a function of a stack of matrices, and what its method must say."""
    if name in _LAMBDAS:
        return lambda cov: guttman_lambda(cov, number=_LAMBDAS[name]), ""
    if name in _SPLITS:
        k = matrix.shape[0]
        ends = split_extremes(matrix[None], seed=seed)
        signs = (ends.high if _SPLITS[name] == "high" else ends.low)[0]
        how = "all splits, " if k <= EXACT_ITEMS else "search over splits, a local optimum, "
        return lambda cov: split_coefficient(cov, signs=signs), how
    if name == "split_half_mean":
        return mean_split, "all splits, "
    if name == "glb":
        return greatest_lower_bound, ""
    return measurement_error, "of the mean score, "


def _ordinal(sample: Sample) -> Found:
    """Standardised alpha of the polychoric correlations, or why it has none."""
    kind = "two-step polychoric correlations"
    items = sample.varies
    values = sample.values[:, items]
    reason = obstacle(sample, sample.cor[np.ix_(items, items)])
    if not reason and item_codes(values)[1] > MANY_CODES:
        reason = TOO_MANY_CODES
    nothing = Found("alpha_ordinal", guttman, np.nan, np.empty(0), "complement", kind, reason=reason)
    if reason:
        return nothing
    found = polychoric(values)
    here = guttman(found.correlation)
    if not np.isfinite(here.value):
        return Found(
            "alpha_ordinal", guttman, np.nan, np.empty(0), "complement", kind, reason=NOT_POSITIVE_DEFINITE
        )
    pairs = np.triu_indices(values.shape[1], 1)
    felt = polychoric_influence(values) @ (2 * here.gradient[pairs])
    limit = "some at their limit, " if found.at_limit.any() else ""
    return Found(
        "alpha_ordinal", guttman, float(here.value), by_unit(felt, sample.unit), "complement", kind, limit
    )


def _resample(
    sample: Sample, found: Sequence[Found], n_boot: int, seed: int
) -> dict[str, tuple[Floats, Floats]]:
    """Replicates of the coefficients and, where rows are complete, their standard errors."""
    usable = [one for one in found if not one.reason and one.estimand not in SELECTED]
    unit = sample.unit if sample.clustered else None
    ordinal = [one for one in usable if one.estimand == "alpha_ordinal"]
    whole = {one.estimand: _resampled_ordinal(sample, n_boot, seed, unit) for one in ordinal}
    asked = [one for one in usable if one.estimand != "alpha_ordinal"]
    if not asked:
        return whole
    parts: dict[str, list[tuple[Floats, Floats]]] = {one.estimand: [] for one in asked}
    for block in resampled_moments(sample.values, n_boot=n_boot, seed=seed, unit=unit, keep_flat=True):
        varying = np.ix_(np.arange(block.cor.shape[0]), sample.varies, sample.varies)
        cor = block.cor[varying]
        lost = np.isnan(cor).any(axis=(1, 2))
        cor = np.where(lost[:, None, None], np.eye(cor.shape[-1]), cor)
        for one in asked:
            if one.matrix == "covariances":
                here = one.bound(block.cov)
                value, gradient = here.value, here.gradient
            else:
                here = one.bound(cor)
                value = np.where(lost, np.nan, here.value)
                gradient = np.where(lost[:, None, None], np.nan, here.gradient)
                gradient = _all_items(through_correlation(gradient, block.cov[varying]), sample.varies)
            error = np.full(value.shape, np.nan)
            if not sample.holes:
                error = quadratic_errors(sample.values, block, gradient, unit=unit)
            parts[one.estimand].append((value, error))
    return whole | {
        name: (np.concatenate([v for v, _ in pieces]), np.concatenate([e for _, e in pieces]))
        for name, pieces in parts.items()
    }


def _resampled_ordinal(
    sample: Sample, n_boot: int, seed: int, unit: NDArray[np.intp] | None
) -> tuple[Floats, Floats]:
    """Ordinal alpha in each resample, without standard errors; empty where that would take too long."""
    values = sample.values[:, sample.varies]
    n, k = values.shape
    cells = n_boot * k * (k - 1) / 2 * item_codes(values)[1] ** 2
    if cells > MANY_CELLS or cells * n > MANY_PRODUCTS:
        return np.empty(0), np.empty(0)
    start = polychoric(values).correlation
    blocks = resampled_correlations(values, start=start, n_boot=n_boot, seed=seed, unit=unit)
    found = np.concatenate([guttman(block).value for block in blocks])
    return found, np.full(found.shape, np.nan)


def _all_items(gradient: Floats, varies: NDArray[np.bool_]) -> Floats:
    """Put gradients of the varying items among all items; 0 elsewhere."""
    out = np.zeros((gradient.shape[0], varies.size, varies.size))
    out[np.ix_(np.arange(gradient.shape[0]), varies, varies)] = gradient
    return out


def _resampled(one: Found, boot: tuple[Floats, Floats] | None, interval: str, conf_level: float) -> Row:
    """Standard error and one interval from the resamples, or why there are none."""
    if boot is None or not boot[0].size:
        return {"reason": NO_RESAMPLES}
    return resampled_limits(one.value, one.influence, *boot, interval, conf_level, scale=one.scale)


def resampled_limits(
    value: float,
    influence: Floats,
    replicates: Floats,
    errors: Floats,
    interval: str,
    conf_level: float,
    *,
    scale: str,
) -> Row:
    """Return standard error and limits from resamples.

    ``bootstrap`` is studentised on the scale of the delta interval where resamples have standard errors,
    otherwise bias-corrected and accelerated.
    """
    finite = replicates[np.isfinite(replicates)]
    if finite.size < max(2, replicates.size // 2) or not influence.size:
        return {"reason": NO_INTERVAL}
    if interval == "percentile":
        low, high = percentile_interval(replicates, conf_level)
    elif interval == "bca" or not np.isfinite(errors).any():
        low, high = bca_interval(replicates, value, influence, conf_level)
    else:
        forward, back, slope = SCALES[scale]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            there = forward(replicates)
            distance = np.where(np.isfinite(there), there, np.nan)
            error = influence_error(influence) * slope(np.float64(value))
            ends = studentized_interval(
                distance, errors * slope(replicates), forward(value), error, conf_level
            )
            low, high = sorted(float(back(end)) for end in ends)
    found: Row = {"std_error": float(finite.std(ddof=1)), "conf_low": low, "conf_high": high}
    return found if np.isfinite([low, high]).all() else {"reason": NO_INTERVAL}
