"""Rows of one self-report with one behaviour: a part of ``link_parts``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.numerics.association import (
    EXACT_MAX_N,
    bootstrap_correlations,
    correlation_test,
    fisher_interval,
    influence,
    pearson,
    rank_test,
    resample_limits,
    spearman,
)
from psychomet.numerics.equivalence import equivalence_of_correlation
from psychomet.numerics.ordinal.pairs import mixed_pairs
from psychomet.numerics.repeated_correlation import (
    partial_correlation,
    repeated_correlations,
    resampled_correlations,
    respondent_sums,
    within_interval,
)
from psychomet.numerics.repeated_influence import repeated_influence

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Row = dict[str, Any]
Made = tuple[Row, Floats | None]
"""A row, and the influence of each of its respondents on the estimate."""

FISHER = {
    "within_r": "fisher_z; t test; conditions of a respondent taken as independent; Holm over all pairs",
    "between_r": "fisher_z; t test; means of respondents; Holm over all pairs",
    "between_rho": f"fisher_z; Bonett and Wright; means of respondents; exact test to n = {EXACT_MAX_N}, then t; "
    "Holm over all pairs",
    "partial_r": "fisher_z; t test; means of respondents, the other self-reports held; Holm over all pairs",
}
BOOTSTRAP = "bootstrap; expanded percentile, over respondents"
LATENT = "fisher_z; two-step maximum likelihood over all rows; influence summed by respondent, t quantile"
NO_WITHIN = "no two conditions of a respondent in which both change: nothing within"
NO_BETWEEN = "one of the two does not vary between respondents beyond the scatter within"
FLAT = "one of the two does not vary between respondents"
PERFECT = "too few degrees of freedom, or a perfect correlation: no interval"
AT_LIMIT = "the likelihood rises up to a correlation of 1, as with empty cells or too few rows: no interval"
FEW_RESAMPLES = "too few resamples with a value: no interval"
MANY_INFLUENCES = 5_000_000


class Side(NamedTuple):
    """One of the two: its scores row by row, and how many different values make it ordered (0: continuous)."""

    values: Floats
    categories: int


class Call(NamedTuple):
    """What was asked for."""

    bound: float | None
    n_boot: int
    seed: int


def repeated_rows(x: Floats, *, y: Floats, who: Codes, shared: Row, call: Call) -> list[Made]:
    """Return the rows of the correlations within, between and corrected, with the equivalence tests asked for."""
    sums = respondent_sums(x, y=y, who=who)
    found = repeated_correlations(sums)
    drawn = resampled_correlations(sums, n_boot=call.n_boot, seed=call.seed)
    moved = repeated_influence(sums)
    within, between, corrected = float(found.within), float(found.between), float(found.corrected)
    made: list[Made] = []
    for estimand, r, df, felt, reason in (
        ("within_r", within, float(found.df), moved.within, NO_WITHIN),
        ("between_r", between, sums.number.size - 2.0, moved.between, FLAT),
    ):
        row = fisher_row(shared, estimand=estimand, r=r, df=df, reason=reason)
        made.append((row, felt))
        if call.bound is not None and row["reason"] == "":
            made.append((_equivalence(shared, estimand, r, df, call.bound), felt))
    for estimand, r, values, felt, reason in (
        ("within_r", within, drawn.within, moved.within, NO_WITHIN),
        ("between_r", between, drawn.between, moved.between, FLAT),
        ("disattenuated_r", corrected, drawn.corrected, moved.corrected, NO_BETWEEN),
    ):
        made.append((_resampled(shared, estimand, r, values, reason), felt))
    return [(row, felt if np.isfinite(row["estimate"]) else None) for row, felt in made]


def rank_rows(x: Floats, *, y: Floats, shared: Row, call: Call) -> list[Made]:
    """Return the rows of the rank correlation of respondents' means, both (n,)."""
    rho = spearman(x, y)
    row: Row = {
        **shared,
        "estimand": "between_rho",
        "estimate": rho,
        "method": FISHER["between_rho"],
        "reason": "",
    }
    boot = row | {"method": BOOTSTRAP}
    if np.isnan(rho):
        return [(each | {"reason": FLAT}, None) for each in (row, boot)]
    error, low, high = fisher_interval(rho, n=x.size, conf_level=shared["conf_level"], kind="spearman")
    row |= {"std_error": error, "conf_low": low, "conf_high": high}
    if np.isnan(low):
        row["reason"] = PERFECT
    if x.size <= EXACT_MAX_N:
        row["p_value"] = rank_test(x, y)
    else:
        t, df, p = correlation_test(rho, x.size)
        row |= {"p_value": p} | ({"statistic": t, "df": df} if np.isfinite(t) else {})
    columns = np.column_stack([x, y])
    drawn = bootstrap_correlations(columns, [(0, 1)], n_boot=call.n_boot, seed=call.seed).spearman[:, 0]
    felt = influence(x, y, kind="spearman")
    return [(row, felt), (_resampled(shared, "between_rho", rho, drawn, FLAT), felt)]


def latent_row(x: Side, *, y: Side, who: Codes, shared: Row) -> Made:
    """Return the row of the correlation of the normal variables behind ordered scores, over all rows."""
    ordered = np.array([x.categories > 0, y.categories > 0])
    two = 2 in (x.categories, y.categories)
    kinds = ("tetrachoric_r", "polychoric_r") if ordered.all() else ("biserial_r", "polyserial_r")
    both_two = x.categories == y.categories == 2
    estimand = kinds[0] if (both_two if ordered.all() else two) else kinds[1]
    found = mixed_pairs(
        np.column_stack([x.values, y.values]), ordered=ordered, unit=who, correct=0.0,
        most_influences=MANY_INFLUENCES,
    )  # fmt: skip
    r, error = float(found.r[0]), float(found.error[0])
    row: Row = {**shared, "estimand": estimand, "estimate": r, "method": LATENT, "reason": ""}
    if np.isnan(r):
        return row | {"reason": "one of the two does not vary in the rows that have both"}, None
    if found.at_limit[0] or not error > 0:
        return row | {"method": f"none; {LATENT.partition('; ')[2]}", "reason": AT_LIMIT}, None
    arm = float(stdtrit(shared["n"] - 1.0, (1 + shared["conf_level"]) / 2)) * error / (1 - r * r)
    z = float(np.arctanh(r))
    row |= {"std_error": error, "conf_low": float(np.tanh(z - arm)), "conf_high": float(np.tanh(z + arm))}
    return row, None if found.influence is None else found.influence[:, 0]


def partial_row(x: Floats, *, y: Floats, held: Floats, shared: Row) -> Made:
    """Return the row of the correlation of respondents' means with other means held, all with n rows."""
    df = x.size - 2.0 - held.shape[1]
    r = partial_correlation(x, y=y, held=held) if df > 0 else np.nan
    reason = "too few respondents for the self-reports held, or nothing is left"
    row = fisher_row(shared, estimand="partial_r", r=r, df=df, reason=reason)
    if np.isnan(r):
        return row, None
    base = np.column_stack([np.ones(x.size), held])
    left = [column - base @ np.linalg.lstsq(base, column, rcond=None)[0] for column in (x, y)]
    return row, influence(left[0], left[1], kind="pearson") if np.isfinite(
        pearson(left[0], left[1])
    ) else None


def fisher_row(shared: Row, *, estimand: str, r: float, df: float, reason: str) -> Row:
    """Return a correlation with Fisher's interval and its test."""
    row: Row = {**shared, "estimand": estimand, "estimate": r, "method": FISHER[estimand], "reason": ""}
    if np.isnan(r):
        return row | {"reason": reason}
    error, low, high, p = within_interval(r, df=df, conf_level=shared["conf_level"])
    if np.isnan(low):
        return row | {"reason": PERFECT}
    return row | {
        "std_error": error, "conf_low": low, "conf_high": high, "p_value": p, "df": df,
        "statistic": r * np.sqrt(df / (1 - r * r)),
    }  # fmt: skip


def _equivalence(shared: Row, estimand: str, r: float, df: float, bound: float) -> Row:
    """Two one-sided tests of a correlation."""
    conf_level = shared["conf_level"]
    found = equivalence_of_correlation(r, df=df, bound=bound, conf_level=conf_level)
    return {
        **shared, "estimand": f"{estimand}_equivalence", "estimate": r, "conf_low": found.low,
        "conf_high": found.high, "conf_level": 2 * conf_level - 1, "p_value": found.p_value, "reason": "",
        "method": f"fisher_z; two one-sided tests against -{bound:g} and {bound:g}",
    }  # fmt: skip


def _resampled(shared: Row, estimand: str, r: float, values: Floats, reason: str) -> Row:
    """A correlation with its bootstrap interval."""
    row: Row = {**shared, "estimand": estimand, "estimate": r, "method": BOOTSTRAP, "reason": ""}
    if np.isnan(r):
        return row | {"reason": reason}
    error, low, high = resample_limits(values, n=shared["n"], conf_level=shared["conf_level"])
    row |= {"std_error": error, "conf_low": low, "conf_high": high}
    return row | ({} if np.isfinite(low) else {"reason": FEW_RESAMPLES})
