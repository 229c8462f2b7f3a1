"""Rows that need more than one sample: equal alphas, differences of scales, retest: a part of ``reliability``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.alpha_rows import RESAMPLED, Alpha, Row, delta_limits, nothing
from psychomet.estimates.precision.bound_rows import resampled_limits
from psychomet.numerics.alpha_influence import by_unit, influence_error
from psychomet.numerics.alpha_tests import Equality, cube_root_test, w_test, wald_test
from psychomet.numerics.covariance_bootstrap import (
    covariance_influence,
    quadratic_errors,
    resampled_moments,
)
from psychomet.numerics.left_out import (
    ROUNDING,
    alpha_left_out,
    correlation_limits,
    correlations_left_out,
    left_out,
    pseudo_influence,
)
from psychomet.numerics.lower_bounds import Bound, one_minus_share
from psychomet.numerics.moments import covariance, moments
from psychomet.scores.request import respondent_means
from psychomet.scores.sample import Sample
from psychomet.scores.score import Missing, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable

Floats = NDArray[np.float64]

A_TEST = "a test of several alphas: no interval"
TOO_FEW_GROUPS = "fewer than two groups have an alpha below 1"
NO_TEST = "too few respondents for so many groups, or alphas that do not vary apart"
OTHER_RANGE = "the two scales are answered on different codes, so that their difference has no meaning"
OTHER_ROWS = "the rows of the two scales are not those of the same respondents"
NO_RETEST_LIMITS = (
    "fewer than four respondents, r is 1, or without one of them everyone scored alike at a level"
)
NO_DIFFERENCE = "the difference of the two scores does not vary"


def equal_alphas(groups: Sequence[tuple[Sample, Alpha]], *, facet: str, conf_level: float) -> list[Row]:
    """Rows of the tests that raw alpha is the same at all levels of a facet.

    Groups of different respondents: W (two groups) or the chi-square of Feldt, Woodruff and Salih, and
    Hotelling's test with the jackknife over respondents. Groups that share respondents: the latter alone,
    since it alone has their covariance.
    """
    used = [(sample, kind) for sample, kind in groups if not kind.reason and kind.value < 1]
    ids = [sample.ids for sample, _ in used]
    everyone = np.unique(np.concatenate(ids)) if ids else np.empty(0, dtype=object)
    shared: Row = {"estimand": "equal_alphas", "term": groups[0][0].scale.name, "facet": facet,
                   "conf_level": conf_level, "n": everyone.size, "reason": A_TEST}  # fmt: skip
    if len(used) < 2:
        return [shared | {"method": "none", "reason": TOO_FEW_GROUPS}]
    value = np.array([kind.value for _, kind in used])
    size = np.array([float(sample.values.shape[0]) for sample, _ in used])
    shared |= {"estimate": float(value.max() - value.min())}
    apart = sum(part.size for part in ids) == everyone.size
    rows: list[Row] = []
    if apart and not any(sample.clustered for sample, _ in used):
        k = used[0][1].k
        test = w_test(value, n=size, k=k) if value.size == 2 else cube_root_test(value, n=size, k=k)
        name = "f; Feldt's W of two" if value.size == 2 else "chi_squared; Feldt, Woodruff and Salih, of"
        rows.append(shared | {"method": f"{name} independent groups, range of the alphas"} | _tested(test))
    influence = np.zeros((everyone.size, len(used)))
    for column, (sample, kind) in enumerate(used):
        place = np.searchsorted(everyone, sample.ids)
        influence[place, column] = alpha_jackknife(sample, kind) * everyone.size / sample.ids.size
    test = wald_test(value, influence)
    how = "independent groups" if apart else "the same respondents, with their covariance"
    row = shared | {"method": f"jackknife; Hotelling on log(1 - alpha), {how}, range of the alphas"}
    return [*rows, row | (_tested(test) if np.isfinite(test.statistic) else {"reason": NO_TEST})]


def alpha_jackknife(sample: Sample, kind: Alpha) -> Floats:
    """Return the influence of every respondent on alpha as the jackknife on log(1 - alpha) sees it.

    It keeps the test's size in small groups, where the derivative makes errors too small. The derivative is
    used where a respondent has several rows, or alpha without one of them has no value.
    """
    if sample.clustered:
        return kind.influence
    without = alpha_left_out(left_out(sample.values, sample.sums, sample.cov))
    if not (without < 1).all():
        return kind.influence
    return pseudo_influence(np.log1p(-without)) * (kind.value - 1)


def _tested(test: Equality) -> Row:
    """The columns of a test."""
    return {"statistic": test.statistic, "df": test.df, "df2": test.df2, "p_value": test.p_value}


def difference_rows(
    wholes: Sequence[Sample],
    suffix: str,
    *,
    intervals: Sequence[str],
    conf_level: float,
    n_boot: int,
    seed: int,
) -> list[Row]:
    """Rows of the reliability of the difference of two mean scores, for every pair of scales.

    (V_D - E_1 - E_2) / V_D, V_D the variance of the difference and E the squared standard error of
    measurement of each mean score, V (1 - alpha).
    """
    kinds = [name for name in intervals if name == "delta" or (name in RESAMPLED and n_boot)] or ["delta"]
    rows: list[Row] = []
    for first, second in combinations(wholes, 2):
        values, reason = _together(first, second)
        k = first.values.shape[1]
        shared: Row = {"estimand": "reliability_of_difference", "term": first.scale.name,
                       "other": second.scale.name, "conf_level": conf_level,
                       "n": np.intersect1d(first.ids, second.ids).size}  # fmt: skip
        bound = Bound(np.asarray(np.nan), np.empty(0))
        if not reason:
            sums = moments(values)
            cov = covariance(sums)
            bound = difference_reliability(cov, k=k)
            reason = "" if np.isfinite(bound.value) else NO_DIFFERENCE
        if reason:
            rows.append(shared | {"method": f"none; {suffix}"} | nothing(reason))
            continue
        unit = first.unit if first.clustered else None
        felt = by_unit(covariance_influence(values, sums, cov, bound.gradient), first.unit)
        shared |= {"estimate": float(bound.value), "std_error": influence_error(felt)}
        boot = (np.empty(0), np.empty(0))
        if set(kinds) & set(RESAMPLED):
            boot = difference_replicates(values, k=k, n_boot=n_boot, seed=seed, unit=unit)
        for name in kinds:
            if name == "delta":
                part = delta_limits(float(bound.value), felt, conf_level)
            else:
                part = resampled_limits(float(bound.value), felt, *boot, name, conf_level, scale="complement")
            rows.append(
                shared | {"method": f"{name}; of the mean scores, complete pairs of rows, {suffix}"} | part
            )
    return rows


def difference_reliability(cov: Floats, *, k: int) -> Bound:
    """Return the reliability of the difference of two mean scores from the covariances of all items.

    The first ``k`` of the rows and columns of ``cov``, (..., k + l, k + l), belong to the first scale.
    """
    sizes = np.array([k, cov.shape[-1] - k])
    weight = np.repeat([1.0, -1.0] / sizes, sizes)
    scaled = cov * weight[:, None] * weight
    slope = np.zeros((cov.shape[-1], cov.shape[-1]))
    for size, part in zip(sizes, (slice(0, k), slice(k, None)), strict=True):
        slope[part, part] = (size * np.eye(size) - 1.0) / (size - 1)
    here = one_minus_share(scaled, (slope * scaled).sum(axis=(-2, -1)), np.broadcast_to(slope, scaled.shape))
    return Bound(here.value, here.gradient * weight[:, None] * weight)


def _together(first: Sample, second: Sample) -> tuple[Floats, str]:
    """The answers to both scales side by side, or why they cannot be."""
    empty = np.empty((0, 0))
    if (first.scale.low, first.scale.high) != (second.scale.low, second.scale.high):
        return empty, OTHER_RANGE
    if first.values.shape[0] != second.values.shape[0] or not np.array_equal(first.ids, second.ids):
        return empty, OTHER_ROWS
    if not np.array_equal(first.unit, second.unit):
        return empty, OTHER_ROWS
    if first.ids.size < 3:
        return empty, "fewer than three respondents have answers"
    return np.concatenate([first.values, second.values], axis=1), ""


def difference_replicates(
    values: Floats, *, k: int, n_boot: int, seed: int, unit: NDArray[np.intp] | None
) -> tuple[Floats, Floats]:
    """The reliability of the difference in each resample, and its standard error there."""
    found, errors = [], []
    holes = bool(np.isnan(values).any())
    for block in resampled_moments(values, n_boot=n_boot, seed=seed, unit=unit, keep_flat=True):
        bound = difference_reliability(block.cov, k=k)
        found.append(bound.value)
        blank = np.full(bound.value.shape, np.nan)
        errors.append(blank if holes else quadratic_errors(values, block, bound.gradient, unit=unit))
    return np.concatenate(found), np.concatenate(errors)


def retest_facets(table: ResponseTable, by: str | None) -> list[str]:
    """Return the facets over which scores may be correlated, first choice first: the one asked for, occasion, sample."""
    found = [by] if by is not None else []
    found += ["occasion"] if "occasion" in table.facets and by != "occasion" else []
    return found + (["sample"] if table.has_sample and by != "sample" else [])


def retest_row(
    table: ResponseTable, scale: str, *, facets: Sequence[str], missing: Missing, conf_level: float
) -> Row:
    """Row of the mean correlation between levels of a facet, from respondent by level means.

    Of the first of ``facets`` at several levels of which some respondents were asked: a facet that tells
    respondents apart has no scores that were repeated over it.

    Pearson's r of two levels, the mean over all pairs of more, with the jackknife over respondents on the scale
    atanh: it needs no normal scores. Only respondents with a score at every level.
    """
    block = scale_scores(table, scale=scale, missing=missing)
    known = [facet for facet in facets if facet in block.cells.columns]
    row: Row = {"estimand": "test_retest", "term": scale, "facet": known[0] if known else "",
                "conf_level": conf_level, "method": "none", "n": 0}  # fmt: skip
    if not known:
        return row | {"reason": "the table has no facet over which scores were repeated"}
    made = {facet: _level_means(block, facet) for facet in known}
    facet = next((facet for facet, (scores, _) in made.items() if scores.shape[0] > 2), known[0])
    scores, n_levels = made[facet]
    row |= {"facet": facet, "n": scores.shape[0]}
    if n_levels < 2 or scores.shape[0] < 3:
        few = (
            "fewer than two levels"
            if n_levels < 2
            else "fewer than three respondents have a score at every level"
        )
        return row | {"reason": few}
    spread = np.abs(scores - scores[0]).max(axis=0)
    if not (spread > ROUNDING * np.abs(scores).max()).all():
        return row | {"reason": "at a level everyone scored alike"}
    found = np.atleast_2d(np.corrcoef(scores.T))[np.triu_indices(scores.shape[1], 1)]
    value = np.array([found.mean()])
    error, low, high = (float(part[0]) for part in mean_correlation_limits(scores, value, conf_level))
    how = f"mean of {found.size} correlations of {n_levels} levels" if found.size > 1 else "two levels"
    row |= {"method": f"jackknife; {how}, t on atanh", "estimate": float(value[0]), "std_error": error}
    limits = {"conf_low": low, "conf_high": high}
    return row | (limits if np.isfinite(low) else {"reason": NO_RETEST_LIMITS})


def mean_correlation_limits(
    scores: Floats, value: Floats, conf_level: float
) -> tuple[Floats, Floats, Floats]:
    """Return standard error and jackknife limits of the mean correlation of all pairs of columns, each (1,).

    Parameters
    ----------
    scores : (n, m) array
        Scores of n respondents at m levels, without holes.
    value : (1,) array
        The mean correlation.
    conf_level : float
        Nominal coverage.
    """
    without = correlations_left_out(scores).mean(axis=1, keepdims=True)
    return correlation_limits(value, without, n=np.array([float(len(scores))]), conf_level=conf_level)


def _level_means(block: Any, facet: str) -> tuple[Floats, int]:
    """Scores of the respondents that have one at every level, (n, levels)."""
    column = block.cells[facet].astype("category").cat
    codes = column.codes.to_numpy()
    columns = []
    for code, level in enumerate(column.categories):
        if level != NOT_APPLICABLE and (codes == code).any():
            columns.append(dict(zip(*respondent_means(block, codes == code), strict=True)))
    if len(columns) < 2:
        return np.empty((0, 0)), len(columns)
    everywhere = sorted(set(columns[0]).intersection(*columns[1:]))
    return np.array([[column[who] for column in columns] for who in everywhere]), len(columns)
