"""Rows of the parameters of a confirmatory model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtri

from psychomet.estimates.structure.confirmatory_fit import Solved
from psychomet.estimates.structure.confirmatory_plan import UNSURE, Plan
from psychomet.numerics.confirmatory.blocks import RotatedBlock
from psychomet.numerics.confirmatory.solution import Parameter, defined, parameters, standardised

Row = dict[str, Any]

FIXED = "fixed by the model"
NO_ROOT = "a variance is not positive, so that there is no standardised value"
DEPENDENT = (
    "several rows of a respondent are not independent, which this estimator supposes: estimator='MLR' or 'WLSMV' allows "
    "for it"
)
NO_ERROR = (
    "least squares without corrections has no standard errors that hold: estimator='MLR' or 'WLSMV' has"
)
UNKNOWN = "the standard error of a rotated factor's covariance with others is not computed"
NO_VALUE = "the expression has no value at the estimates"


def no_error(one: Solved) -> str:
    """Return why the parameters of a fit have no interval; nothing where they have."""
    if one.fit.model.scaling == "none" and one.fit.estimator in UNSURE:
        return NO_ERROR
    return "" if one.independent else DEPENDENT


def parameter_rows(one: Solved, plan: Plan, blocks: tuple[RotatedBlock, ...], tail: str) -> list[Row]:
    """Return a row per parameter, as estimated and standardised.

    Parameters
    ----------
    one : Solved
        The fit.
    plan : Plan
        How it was made.
    blocks : tuple of RotatedBlock
        Exploratory blocks, rotated; their loadings stand in for those of the fit.
    tail : str
        Last words of the method.
    """
    model = one.fit.model
    bare = no_error(one)
    latent = frozenset(model.latent)
    moved = frozenset(row.lhs for row in model.rows if row.kind == "paths" and row.op == "~")
    moved |= frozenset(row.rhs for row in model.rows if row.kind == "paths" and row.op == "=~")
    loose = frozenset(model.latent[place] for block in model.exploratory for place in block)
    rows: list[Row] = []
    for estimates, standard in ((parameters(one.fit), False), (standardised(one.fit), True)):
        for found in estimates:
            if _of_block(found, loose):
                continue
            name, term, other = _identity(found, latent, moved, standard)
            if name:
                words = f"{'standardised' if standard else 'as scaled by the model'}; {tail}"
                kind = "delta" if standard else "normal"
                rows.append(
                    _row(name, term, other, found.estimate, found.std_error, kind, words, one, plan, bare)
                )
            if standard and _is_residual(found, latent, moved):
                rows.append(
                    _row(
                        "r_squared",
                        found.lhs,
                        "",
                        1 - found.estimate,
                        found.std_error,
                        "delta",
                        tail,
                        one,
                        plan,
                        bare,
                    )
                )
    for found in defined(one.fit):
        rows.append(
            _row("defined_parameter", found.lhs, found.rhs, found.estimate, found.std_error, "delta", tail, one, plan,
                 bare, missing=NO_VALUE)
        )  # fmt: skip
    for block in blocks:
        rows += _block_rows(block, one, plan, tail, bare)
    return rows


def _of_block(found: Parameter, loose: frozenset[str]) -> bool:
    """Whether a parameter belongs to an exploratory block before its rotation."""
    return (found.op == "=~" and found.lhs in loose) or (
        found.op == "~~" and (found.lhs in loose or found.rhs in loose)
    )


def _is_residual(found: Parameter, latent: frozenset[str], moved: frozenset[str]) -> bool:
    return found.op == "~~" and found.lhs == found.rhs and (found.lhs not in latent or found.lhs in moved)


def _identity(
    found: Parameter, latent: frozenset[str], moved: frozenset[str], standard: bool
) -> tuple[str, str, str]:
    """Return estimand, term and other of a parameter; no estimand where it has no row."""
    lhs, rhs = found.lhs, found.rhs
    if found.op == "=~":
        return ("loading_standardized" if standard else "loading", rhs, lhs)
    if found.op == "~":
        return ("path_standardized" if standard else "path", lhs, rhs)
    if found.op == "~~" and lhs == rhs:
        own = "factor_variance" if lhs in latent and lhs not in moved else "residual_variance"
        return ("" if standard else own, lhs, "")
    if found.op == "~~":
        outer = {lhs, rhs} <= latent and not {lhs, rhs} & moved
        kind = "factor" if outer else "residual"
        return (f"{kind}_correlation" if standard else f"{kind}_covariance", lhs, rhs)
    if standard:
        return ("", lhs, rhs)
    if found.op == "~1":
        return ("factor_mean" if lhs in latent else "intercept", lhs, "")
    return ("threshold", lhs, rhs)


def _row(
    name: str,
    term: str,
    other: str,
    estimate: float,
    error: float,
    kind: str,
    words: str,
    one: Solved,
    plan: Plan,
    bare: str,
    *,
    missing: str = NO_ROOT,
) -> Row:
    """One row, with an interval of estimate +- z error where the error means something."""
    row: Row = {
        "estimand": name, "term": term, "other": other, "group": one.part.group, "n": one.part.n,
        "estimate": estimate, "conf_level": plan.conf_level, "method": f"{kind}; {words}", "reason": "",
    }  # fmt: skip
    reason = ""
    if not math.isfinite(estimate):
        reason = missing
    elif bare and error != 0:
        reason = bare
    elif error == 0:
        reason = FIXED
    elif not math.isfinite(error):
        reason = NO_ROOT
    if reason:
        return row | {"reason": reason, "method": f"none; {words}"}
    reach = float(ndtri((1 + plan.conf_level) / 2)) * error
    return row | {
        "std_error": error,
        "conf_low": estimate - reach,
        "conf_high": estimate + reach,
        "statistic": estimate / error,
        "p_value": float(2 * np.exp(log_ndtr(-abs(estimate / error)))),
    }


def _block_rows(block: RotatedBlock, one: Solved, plan: Plan, tail: str, bare: str) -> list[Row]:
    """Rotated loadings and correlations of an exploratory block."""
    model = one.fit.model
    words = f"standardised, {plan.rotation.name} rotation; {tail}"
    names = [model.latent[place] for place in block.factors]
    rows = []
    for j, item in enumerate(block.items):
        for f, factor in enumerate(names):
            value, error = float(block.loadings[j, f]), float(block.loadings_error[j, f])
            rows.append(
                _row(
                    "loading_standardized",
                    model.observed[item],
                    factor,
                    value,
                    error,
                    "delta",
                    words,
                    one,
                    plan,
                    bare,
                )
            )
    for f in range(len(names)):
        for g in range(f):
            value, error = float(block.correlation[f, g]), float(block.correlation_error[f, g])
            rows.append(
                _row("factor_correlation", names[g], names[f], value, error, "delta", words, one, plan, bare)
            )
    others = [name for place, name in enumerate(model.latent) if place not in block.factors]
    for f, factor in enumerate(names):
        for g, other in enumerate(others):
            rows.append(
                _row("factor_covariance", factor, other, float(block.with_others[f, g]), math.nan, "delta", words, one,
                     plan, UNKNOWN)
            )  # fmt: skip
    return rows
