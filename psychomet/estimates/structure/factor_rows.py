"""Rows of one factor solution: estimates with their intervals, or the reason why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.estimates.structure.factor_solution import Solution
from psychomet.estimates.structure.factor_sureness import Plan
from psychomet.numerics.factors import degrees_of_freedom
from psychomet.numerics.factors.fit import rmsea_limits

Floats = NDArray[np.float64]
Row = dict[str, Any]

ALL_FACTORS = "all factors"
INDEX = "an index of the solution, for which no interval is computed"
TEST = "a test statistic; its p value is what it is for"
SATURATED = "no degrees of freedom are left: the model fits any correlations"
SINGULAR = "the correlations are singular, so that it is not defined"
NOT_CHI = "the statistic is not distributed as chi-squared for polychoric correlations; see the adjusted one"
NOT_INDEPENDENT = (
    "rows of one respondent are not independent, as the statistic takes them to be; see the adjusted one"
)
TOO_LARGE = "the table is too large for the adjusted statistic (rows times pairs of items)"
ORTHOGONAL = "the rotation keeps factors uncorrelated"
TAKEN_APART = "the factors of a Schmid-Leiman solution do not correlate, by construction"
FEW_RESAMPLES = "fewer than half of the resamples have a solution"
LIKELIHOOD = "likelihood ratio with Bartlett's correction"
ADJUSTED = "residual statistic, mean and variance adjusted, no distribution assumed"


def solution_rows(one: Solution, plan: Plan, tail: str) -> tuple[list[Row], dict[int, Floats]]:
    """Return the rows of a solution, and the influence of each respondent by row.

    Parameters
    ----------
    one : Solution
        The solution.
    plan : Plan
        How it was made.
    tail : str
        What every method ends with.
    """
    rows: list[Row] = []
    felt: dict[int, Floats] = {}
    _item_rows(one, plan, rows, felt)
    _factor_rows(one, plan, rows, felt)
    rows += _fit_rows(one, plan)
    shared = {"group": one.sample.group, "n": one.sample.ids.size, "conf_level": plan.conf_level}
    return [{**shared, **row, "method": f"{row['method']}; {tail}"} for row in rows], felt


def _item_rows(one: Solution, plan: Plan, rows: list[Row], felt: dict[int, Floats]) -> None:
    """Loadings, communalities, uniquenesses and complexities."""
    boot = one.resampled
    for j, item in enumerate(one.items):
        for f, name in enumerate(one.names):
            felt[len(rows)] = one.influence["loadings"][:, j, f]
            head: Row = {"estimand": "loading", "term": item, "other": name}
            rows.append(head | _delta(one.loadings[j, f], felt[len(rows)], plan.conf_level))
            if boot is not None:
                rows.append(head | _percentile(one.loadings[j, f], boot.loadings[:, j, f], plan))
    for j, item in enumerate(one.items):
        common = float(one.shape.communality[j])
        felt[len(rows)] = one.influence["communality"][:, j]
        delta = _delta(common, felt[len(rows)], plan.conf_level, scale="logit")
        found = [delta]
        rows.append({"estimand": "communality", "term": item} | delta)
        if boot is not None:
            found.append(_percentile(common, boot.communality[:, j], plan))
            rows.append({"estimand": "communality", "term": item} | found[1])
        for row in found:
            mirrored = row | {"estimate": 1 - common}
            if "conf_low" in row:
                mirrored |= {"conf_low": 1 - row["conf_high"], "conf_high": 1 - row["conf_low"]}
            rows.append({"estimand": "uniqueness", "term": item} | mirrored)
    for item, value in zip(one.items, one.shape.complexity, strict=True):
        rows.append({"estimand": "complexity", "term": item} | _bare(value, INDEX))


def _factor_rows(one: Solution, plan: Plan, rows: list[Row], felt: dict[int, Floats]) -> None:
    """Correlations of the factors, the variance they carry, the determinacy of their scores."""
    boot, k = one.resampled, len(one.items)
    for f, name in enumerate(one.names):
        for g in range(f + 1, len(one.names)):
            head: Row = {"estimand": "factor_correlation", "term": name, "other": one.names[g]}
            if plan.hierarchical or not plan.rotation.oblique:
                rows.append(head | _bare(0.0, TAKEN_APART if plan.hierarchical else ORTHOGONAL))
                continue
            felt[len(rows)] = one.influence["phi"][:, f, g]
            rows.append(head | _delta(one.phi[f, g], felt[len(rows)], plan.conf_level, scale="fisher"))
            if boot is not None:
                rows.append(head | _fisher(one.phi[f, g], boot.phi[:, f, g], plan))
    carried = np.append(one.shape.carried, one.shape.communality.sum()) / k
    by_row = one.influence
    change = np.column_stack([by_row["carried"], by_row["communality"].sum(axis=1)]) / k
    for f, name in enumerate([*one.names, ALL_FACTORS]):
        felt[len(rows)] = change[:, f]
        head = {"estimand": "variance_accounted", "term": name}
        rows.append(head | _delta(carried[f], change[:, f], plan.conf_level, scale="logit"))
        if boot is not None:
            values = np.column_stack([boot.carried, boot.communality.sum(axis=1)])[:, f] / k
            rows.append(head | _percentile(carried[f], values, plan))
    for name, value in zip(one.names, one.determinacy, strict=True):
        rows.append(
            {"estimand": "score_determinacy", "term": name}
            | _bare(value, INDEX if np.isfinite(value) else SINGULAR)
        )


def _fit_rows(one: Solution, plan: Plan) -> list[Row]:
    """Test statistics and fit indices of the whole solution."""
    made, n = one.fit, one.sample.ids.size
    k, m = one.found.loadings.shape[1:]
    df = degrees_of_freedom(k, m)
    statistic, p_value = one.adjusted
    doubt = NOT_CHI if plan.correlation == "polychoric" else NOT_INDEPENDENT if one.sample.clustered else ""
    doubt = SATURATED if df == 0 else SINGULAR if not np.isfinite(made.statistic) else doubt
    lack = SATURATED if df == 0 else TOO_LARGE if not np.isfinite(statistic) else ""
    test: Row = {"estimand": "chi_squared", "estimate": made.statistic, "statistic": made.statistic, "df": df}
    rows = [
        test
        | {"p_value": np.nan if doubt else made.p_value, "reason": doubt or TEST}
        | {"method": f"chi_squared; {LIKELIHOOD}"},
        test
        | {"estimate": statistic, "statistic": statistic, "p_value": p_value, "reason": lack or TEST}
        | {"method": f"chi_squared; {ADJUSTED}"},
    ]
    rmsea: Row = {
        "estimand": "rmsea",
        "estimate": made.rmsea,
        "method": f"chi_squared; {LIKELIHOOD}",
    }
    limits = {"conf_low": made.rmsea_low, "conf_high": made.rmsea_high}
    rows.append(rmsea | ({"reason": doubt} if doubt else limits))
    low, high = rmsea_limits(statistic, df, n, plan.conf_level)
    value = np.sqrt(max(statistic - df, 0.0) / (df * (n - 1))) if not lack else np.nan
    rmsea = {"estimand": "rmsea", "estimate": value, "method": f"chi_squared; {ADJUSTED}"}
    rows.append(rmsea | ({"reason": lack} if lack else {"conf_low": low, "conf_high": high}))
    for name, number in (("tli", made.tli), ("rmsr", made.rmsr), ("bic", made.bic)):
        lacking = SATURATED if df == 0 else SINGULAR
        rows.append({"estimand": name} | _bare(number, INDEX if np.isfinite(number) else lacking))
    return [{"term": one.sample.scale.name} | row for row in rows]


def _bare(value: float, reason: str) -> Row:
    """A number without an interval."""
    return {"estimate": float(value), "method": "none", "reason": reason}


def _delta(value: float, influence: Floats, conf_level: float, *, scale: str = "") -> Row:
    """Estimate and interval by the delta method, on the scale on which the estimate is nearest to normal."""
    n = influence.size
    error = float(np.sqrt(np.sum(influence**2) / (n * (n - 1))))
    half = float(ndtri((1 + conf_level) / 2)) * error
    low, high = value - half, value + half
    if scale == "fisher" and abs(value) < 1:
        width = half / (1 - value**2)
        low, high = np.tanh(np.arctanh(value) - width), np.tanh(np.arctanh(value) + width)
    if scale == "logit" and 0 < value < 1:
        centre, width = np.log(value / (1 - value)), half / (value * (1 - value))
        low, high = 1 / (1 + np.exp(width - centre)), 1 / (1 + np.exp(-width - centre))
    return {
        "estimate": float(value), "std_error": error, "conf_low": float(low), "conf_high": float(high),
        "method": "delta",
    }  # fmt: skip


def _percentile(value: float, replicates: Floats, plan: Plan) -> Row:
    """Estimate and percentile interval of resamples."""
    finite = replicates[np.isfinite(replicates)]
    if finite.size < plan.n_boot / 2:
        return _bare(value, FEW_RESAMPLES)
    tail = (1 - plan.conf_level) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return {
        "estimate": float(value), "std_error": float(finite.std(ddof=1)), "conf_low": float(low),
        "conf_high": float(high), "method": f"percentile; {plan.n_boot} resamples of respondents",
    }  # fmt: skip


def _fisher(value: float, replicates: Floats, plan: Plan) -> Row:
    """Estimate and interval by the spread of Fisher's z over resamples.

    Factors of a resample correlate less than those of the sample, as those of the sample less than the
    population's: percentiles would count that bias twice.
    """
    finite = np.clip(replicates[np.isfinite(replicates)], -1 + 1e-9, 1 - 1e-9)
    if finite.size < plan.n_boot / 2 or abs(value) >= 1:
        return _bare(value, FEW_RESAMPLES)
    half = float(ndtri((1 + plan.conf_level) / 2) * np.arctanh(finite).std(ddof=1))
    low, high = np.tanh(np.arctanh(value) - half), np.tanh(np.arctanh(value) + half)
    return {
        "estimate": float(value), "std_error": float(finite.std(ddof=1)), "conf_low": float(low),
        "conf_high": float(high), "method": f"bootstrap; {plan.n_boot} resamples of respondents, Fisher's z",
    }  # fmt: skip
