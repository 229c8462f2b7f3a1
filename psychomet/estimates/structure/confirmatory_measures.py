"""Rows of the fit of a confirmatory model: test, indices, what would improve it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from psychomet.estimates.structure.confirmatory_fit import Solved
from psychomet.estimates.structure.confirmatory_plan import UNSURE, Plan
from psychomet.estimates.structure.confirmatory_rows import DEPENDENT, NO_ERROR
from psychomet.numerics.confirmatory.measures import fit_measures
from psychomet.numerics.confirmatory.modification import Modification, modification_indices
from psychomet.numerics.multiplicity import holm
from psychomet.scores.joint import ALL_ITEMS

Row = dict[str, Any]

A_TEST = "a test statistic"
AN_INDEX = "an index of fit without a sampling theory of its own"
A_CRITERION = "a criterion for comparing models of the same answers"
A_SCORE_TEST = "a score test"
EXPECTED = "expected if this parameter alone is freed"
JUST_IDENTIFIED = "just identified: the model has no degrees of freedom and fits whatever the answers are"
SCALED = {
    "MLR": "scaled (Yuan and Bentler)",
    "MLM": "scaled (Satorra and Bentler)",
    "WLSMV": "scaled and shifted",
    "ULSMV": "scaled and shifted",
    "WLSM": "scaled (Satorra and Bentler)",
    "ULSM": "scaled (Satorra and Bentler)",
}
_INDICES = ("cfi", "tli")
_CRITERIA = {"aic": "aic", "bic": "bic", "bic_adjusted": "bic2", "log_likelihood": "logl"}


def measure_rows(one: Solved, plan: Plan, tail: str) -> list[Row]:
    """Return the rows of the fit of one group.

    Parameters
    ----------
    one : Solved
        The fit.
    plan : Plan
        How it was made.
    tail : str
        Last words of the method.
    """
    found = fit_measures(one.fit, rmsea_level=plan.rmsea_level)
    bare = ""
    if one.fit.model.scaling == "none" and one.fit.estimator in UNSURE:
        bare = NO_ERROR.replace("standard errors", "test")
    elif not one.independent:
        bare = DEPENDENT
    versions = {"naive": ""} | {"scaled": ".scaled"} | {"robust": ".robust"}
    if one.part.clustered and one.independent:
        del versions["naive"]
    rows: list[Row] = []
    for version, suffix in versions.items():
        words = f"{SCALED.get(plan.estimator, 'scaled') if version == 'scaled' else version}; {tail}"
        if f"chisq{suffix}" in found:
            rows.append(_test(one, found, suffix, words, bare))
        for name in _INDICES:
            if f"{name}{suffix}" in found:
                rows.append(_index(one, name, found[f"{name}{suffix}"], AN_INDEX, f"none; {words}"))
        if f"rmsea{suffix}" in found:
            rows.append(_rmsea(one, found, suffix, plan, words, bare))
    if "chisq.scaling.factor" in found:
        factor = found["chisq.scaling.factor"]
        words = f"none; {SCALED.get(plan.estimator, 'scaled')}; {tail}"
        rows.append(_index(one, "scaling_factor", factor, "divides the naive statistic", words))
    rows.append(_index(one, "srmr", found["srmr"], AN_INDEX, f"none; {tail}"))
    for name, known in _CRITERIA.items():
        if known in found:
            rows.append(_criterion(one, name, found[known], tail))
    return rows


def _start(one: Solved, name: str) -> Row:
    return {"estimand": name, "term": ALL_ITEMS, "group": one.part.group, "n": one.part.n}


def _index(one: Solved, name: str, value: float, reason: str, method: str) -> Row:
    missing = JUST_IDENTIFIED if one.fit.test.df == 0 and name != "srmr" else reason
    return _start(one, name) | {"estimate": value, "reason": missing, "method": method}


def _criterion(one: Solved, name: str, value: float, tail: str) -> Row:
    """A function of the likelihood, which rows that are not independent do not have."""
    if one.part.clustered:
        why = "rows of one respondent are not independent, so that their likelihoods do not multiply"
        return _start(one, name) | {"reason": why, "method": f"none; {tail}"}
    return _start(one, name) | {"estimate": value, "reason": A_CRITERION, "method": f"none; {tail}"}


def _test(one: Solved, found: dict[str, float], suffix: str, words: str, bare: str) -> Row:
    statistic, df = found[f"chisq{suffix}"], found["df"]
    row = _start(one, "chi_squared") | {
        "estimate": statistic, "statistic": statistic, "df": df, "p_value": math.nan, "method": f"chi_squared; {words}",
    }  # fmt: skip
    if df == 0:
        return row | {"reason": JUST_IDENTIFIED}
    if bare:
        return row | {"reason": bare}
    return row | {"p_value": found[f"pvalue{suffix}"], "reason": A_TEST}


def _rmsea(one: Solved, found: dict[str, float], suffix: str, plan: Plan, words: str, bare: str) -> Row:
    value = found[f"rmsea{suffix}"]
    row = _start(one, "rmsea") | {"estimate": value, "conf_level": plan.rmsea_level}
    if one.fit.test.df == 0 or bare or not math.isfinite(value):
        reason = JUST_IDENTIFIED if one.fit.test.df == 0 else bare or "the statistic could not be corrected"
        return row | {"reason": reason, "method": f"none; {words}"}
    return row | {
        "conf_low": found[f"rmsea.ci.lower{suffix}"],
        "conf_high": found[f"rmsea.ci.upper{suffix}"],
        "p_value": found[f"rmsea.pvalue{suffix}"],
        "method": f"chi_squared; {words}; p of RMSEA at most .05",
        "reason": "",
    }


def modification_rows(one: Solved, plan: Plan, tail: str) -> list[Row]:
    """Return the largest modification indices, each with the value the parameter would take.

    Parameters
    ----------
    one : Solved
        The fit.
    plan : Plan
        How it was made.
    tail : str
        Last words of the method.
    """
    if not plan.most_modifications or one.fit.test.df == 0:
        return []
    found = modification_indices(one.fit, most=None)
    adjusted = holm(np.array([each.p_value for each in found]))
    latent = frozenset(one.fit.model.latent)
    rows: list[Row] = []
    for each, p in zip(found[: plan.most_modifications], adjusted, strict=False):
        term, other, kind = _freed(each, latent)
        start = {"term": term, "other": other, "group": one.part.group, "n": one.part.n}
        index: Row = {"estimand": "modification_index", "estimate": each.statistic, "statistic": each.statistic,
                      "df": 1, "method": f"chi_squared; {kind}; naive, p adjusted by Holm over {len(found)}; {tail}"}  # fmt: skip
        if one.part.clustered or (one.fit.model.scaling == "none" and one.fit.estimator in UNSURE):
            index["reason"] = (
                DEPENDENT.partition(",")[0] if one.part.clustered else NO_ERROR.partition(":")[0]
            )
        else:
            index |= {"p_value": each.p_value, "p_adjusted": float(p), "reason": A_SCORE_TEST}
        rows.append(start | index)
        change = {"estimand": "expected_change", "estimate": each.change_all, "reason": EXPECTED}
        rows.append(start | change | {"method": f"none; {kind}, standardised; {tail}"})
    return rows


def _freed(found: Modification, latent: frozenset[str]) -> tuple[str, str, str]:
    if found.op == "=~":
        return found.rhs, found.lhs, "loading"
    kind = "factor covariance" if {found.lhs, found.rhs} <= latent else "residual covariance"
    return found.lhs, found.rhs, kind
