"""Rows of confirmatory models of traits and methods: shares of variance, correlations of factors, fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.estimates.validity.multitrait_rows import Row
from psychomet.estimates.validity.multitrait_units import Matrix
from psychomet.numerics.cluster_sums import delta_interval
from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.measures import fit_measures
from psychomet.numerics.confirmatory.sample import obstacles, table_sample
from psychomet.numerics.confirmatory.solution import Parameter, defined, problems, standardised
from psychomet.numerics.multitrait_models import Indicator, Kind, Outline, outline
from psychomet.text import visible

Floats = NDArray[np.float64]

TITLES: dict[Kind, str] = {"ct_cm": "CT-CM", "ct_cu": "CT-CU", "ctc_m1": "CTC(M-1)"}
FACET = "model"
TAIL = "MLR, row = respondent"
A_TEST = "a test statistic"
AN_INDEX = "an index of fit without a sampling theory of its own"
A_CRITERION = "a criterion for comparing models of the same answers"
NOT_APART = "this model leaves method and error together in the residual"
NO_METHOD = "no factor: what this method shares over traits is taken as trait"
TWO_METHODS = "CT-CU needs three methods: with two, the loadings of the one may grow as those of the other shrink, and nothing tells"
NOT_IDENTIFIED = "the model is not identified: these measures are too few for it"
EMPIRICALLY = "the model is not identified by these answers: several solutions fit equally well"
NO_CONVERGENCE = "the descent did not end in a minimum, so that there are no estimates"
FEWEST_UNITS = 3
_EDGE = 1e-9


class Solution(NamedTuple):
    """A model of one group, or why there is none.

    Attributes
    ----------
    kind : str
        Which model.
    matrix : Matrix
        The scores.
    text : Outline or None
        The model.
    names : mapping of str to str
        Name of each indicator in a result by its name in the text.
    fit : Fit or None
        The fit.
    reason : str
        Why there is no fit.
    improper : str
        What makes the solution improper.
    """

    kind: Kind
    matrix: Matrix
    text: Outline | None
    names: dict[str, str]
    fit: Fit | None
    reason: str
    improper: str


def solve(matrix: Matrix, kind: Kind, *, reference: str, parcels: int) -> Solution:
    """Fit a model to the scores of a group, or to parcels of items.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    kind : {"ct_cm", "ct_cu", "ctc_m1"}
        The model.
    reference : str
        The method without a factor in CTC(M-1).
    parcels : int
        Indicators of each unit: 1 for the score; 2, 3 ... for means of every second, third ... item.
    """
    short = [
        visible(unit.name)
        for unit, values in zip(matrix.units, matrix.items, strict=True)
        if values.shape[1] < parcels
    ]
    if short:
        return Solution(
            kind, matrix, None, {}, None, f"fewer than {parcels} items: {', '.join(short[:4])}", ""
        )
    values, indicators, names = _indicators(matrix, parcels)
    if kind == "ct_cu" and len(matrix.methods) < 3:
        return Solution(kind, matrix, None, names, None, TWO_METHODS, "")
    try:
        text = outline(kind, indicators, reference=matrix.methods.index(reference))
    except ValueError:
        why = f"the reference method {visible(reference)} does not measure every trait"
        return Solution(kind, matrix, None, names, None, why, "")
    return _fitted(
        Solution(kind, matrix, text, names, None, "", ""), values, [one.name for one in indicators]
    )


def _indicators(matrix: Matrix, parcels: int) -> tuple[Floats, list[Indicator], dict[str, str]]:
    columns, indicators, names = [], [], {}
    trait, method = matrix.trait, matrix.method
    for at, unit in enumerate(matrix.units):
        for part in range(parcels):
            name = f"y{at + 1}" if parcels == 1 else f"y{at + 1}_{part + 1}"
            indicators.append(Indicator(name, int(trait[at]), int(method[at])))
            names[name] = unit.name if parcels == 1 else f"{unit.name}, parcel {part + 1}"
            columns.append(
                matrix.scores[:, at] if parcels == 1 else _mean(matrix.items[at][:, part::parcels])
            )
    return np.stack(columns, axis=1), indicators, names


def _mean(values: Floats) -> Floats:
    """Mean of the values there are; NaN where there is none."""
    there = np.isfinite(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _fitted(asked: Solution, values: Floats, order: list[str]) -> Solution:
    """Fit, and say what hinders or spoils the solution."""
    if len(values) < FEWEST_UNITS or np.isnan(values).all(axis=0).any() or asked.text is None:
        return asked._replace(reason=f"fewer than {FEWEST_UNITS} respondents, or a measure without scores")
    data_full = table_sample(values)
    model = build_model(asked.text.text, std_lv=True, means=not data_full.complete)
    place = [order.index(name) for name in model.observed]
    data = table_sample(values[:, place])
    found = obstacles(data)
    if found.constant or found.apart or found.singular:
        return asked._replace(reason=_hindrance(found.constant, found.apart, model.observed, asked.names))
    moments = len(place) * (len(place) + 1) // 2 + (len(place) if model.means else 0)
    if model.n_reduced > moments:
        return asked._replace(reason=f"{NOT_IDENTIFIED} ({model.n_reduced} parameters, {moments} moments)")
    try:
        made = fit(model, data, estimator="MLR")
    except np.linalg.LinAlgError:
        return asked._replace(reason="a matrix that must be inverted is singular")
    trouble = problems(made)
    if trouble.not_converged:
        return asked._replace(reason=NO_CONVERGENCE)
    if trouble.not_identified:
        return asked._replace(reason=EMPIRICALLY)
    faults = []
    if trouble.negative_residuals:
        listed = ", ".join(visible(asked.names[name]) for name in trouble.negative_residuals[:4])
        faults.append(f"negative residual variance of {listed}")
    if trouble.factor_cov_not_positive:
        faults.append("factors that correlate at or beyond 1")
    return asked._replace(fit=made, improper=" and ".join(faults))


def _hindrance(constant: object, apart: object, observed: tuple[str, ...], names: dict[str, str]) -> str:
    if isinstance(constant, tuple) and constant:
        return f"does not vary: {', '.join(visible(names[observed[int(at)]]) for at in constant[:4])}"
    if apart:
        return "two of the measures were never taken of the same respondent"
    return "the covariances are singular: respondents are too few, or one measure is a sum of others"


def model_rows(solved: Solution, conf_level: float) -> Iterator[Row]:
    """Yield shares of variance, correlations of factors and the fit of a model.

    Parameters
    ----------
    solved : Solution
        The model.
    conf_level : float
        Nominal coverage.
    """
    shared: Row = {"group": solved.matrix.group, "n": solved.matrix.n, "facet": FACET, "level": TITLES[solved.kind],
                   "conf_level": conf_level, "method": f"none; {TAIL}", "reason": ""}  # fmt: skip
    if solved.fit is None or solved.text is None:
        yield shared | {"estimand": "chi_squared", "term": "all measures", "reason": solved.reason}
        return
    # Correlations of residuals beside a negative residual variance have no value.
    with np.errstate(invalid="ignore"):
        standard = standardised(solved.fit)
    bare = f"improper solution: {solved.improper}" if solved.improper else ""
    yield from _share_rows(solved, solved.text, standard, shared, bare)
    factors = {name: _factor_name(solved.matrix, *key) for name, key in solved.text.factors.items()}
    for one in standard:
        if one.op == "~~" and one.lhs != one.rhs and one.lhs in factors and one.free:
            row = shared | {
                "estimand": "factor_correlation",
                "term": factors[one.lhs],
                "other": factors[one.rhs],
            }
            yield row | _symmetric(one, conf_level, bare)
    yield from _fit_rows(solved.fit, shared)


def _factor_name(matrix: Matrix, trait: int, method: int) -> str:
    if method < 0:
        return matrix.traits[trait]
    own = f" for {matrix.traits[trait]}" if trait >= 0 else ""
    return f"method {matrix.methods[method]}{own}"


def _share_rows(
    solved: Solution, text: Outline, standard: tuple[Parameter, ...], shared: Row, bare: str
) -> Iterator[Row]:
    """Consistency, method specificity, unreliability and the trait's share of the true variance."""
    level = shared["conf_level"]
    load = {(one.lhs, one.rhs): one for one in standard if one.op == "=~"}
    own = {one.lhs: one for one in standard if one.op == "~~" and one.lhs == one.rhs}
    truth = {one.lhs.removeprefix("true_"): one for one in defined(solved.fit)} if solved.fit else {}
    for name, shown in solved.names.items():
        row = shared | {"term": shown}
        yield row | {"estimand": "consistency"} | _square(load[text.trait_of[name], name], level, bare)
        if name in text.method_of:
            found = _square(load[text.method_of[name], name], level, bare)
            yield row | {"estimand": "method_specificity"} | found
            yield row | {"estimand": "true_consistency"} | _logit(truth[name], level, bare)
        else:
            why = NOT_APART if solved.kind == "ct_cu" else NO_METHOD
            yield row | {"estimand": "method_specificity", "reason": why}
        found = _logit(own[name], level, bare)
        if solved.kind == "ct_cu":
            yield row | {"estimand": "uniqueness"} | found
        else:
            yield row | {"estimand": "unreliability"} | found


def _square(one: Parameter, conf_level: float, bare: str) -> Row:
    """The square of a standardised loading; its limits are those of the loading, squared."""
    row: Row = {"estimate": one.estimate**2}
    if bare or not one.std_error > 0:
        return row | {"reason": bare or "a variance is not positive"}
    reach = float(ndtri((1 + conf_level) / 2)) * one.std_error
    low, high = one.estimate - reach, one.estimate + reach
    ends = sorted((low**2, high**2))
    if low <= 0 <= high:
        ends[0] = 0.0
    return row | {"std_error": 2 * abs(one.estimate) * one.std_error, "conf_low": ends[0],
                  "conf_high": min(ends[1], 1.0), "method": f"delta; loading, squared; {TAIL}"}  # fmt: skip


def _logit(one: Parameter, conf_level: float, bare: str) -> Row:
    """A share with an interval on the logit."""
    row: Row = {"estimate": one.estimate}
    if bare:
        return row | {"reason": bare}
    low, high = delta_interval(one.estimate, one.std_error, df=math.inf, conf_level=conf_level, scale="logit")
    if math.isnan(low):
        return row | {"reason": "the share lies at an end of its scale: no interval"}
    return row | {"std_error": one.std_error, "conf_low": low, "conf_high": high,
                  "method": f"delta; logit; {TAIL}"}  # fmt: skip


def _symmetric(one: Parameter, conf_level: float, bare: str) -> Row:
    row: Row = {"estimate": one.estimate}
    if bare or not (one.std_error > 0 and math.isfinite(one.std_error)):
        return row | {"reason": bare or "a variance is not positive"}
    reach = float(ndtri((1 + conf_level) / 2)) * one.std_error
    return row | {"std_error": one.std_error, "conf_low": one.estimate - reach, "conf_high": one.estimate + reach,
                  "method": f"delta; standardised; {TAIL}"}  # fmt: skip


def _fit_rows(made: Fit, shared: Row) -> Iterator[Row]:
    """Scaled test, robust indices, criteria."""
    found = fit_measures(made)
    start = shared | {"term": "all measures"}
    statistic, df = found["chisq.scaled"], found["df"]
    if df == 0:
        yield start | {"estimand": "chi_squared", "estimate": statistic, "df": 0.0,
                       "reason": "just identified: the model fits whatever the scores are"}  # fmt: skip
        return
    yield start | {
        "estimand": "chi_squared", "estimate": statistic, "statistic": statistic, "df": df, "p_value": found["pvalue.scaled"],
        "reason": A_TEST, "method": f"chi_squared; scaled (Yuan and Bentler); {TAIL}",
    }  # fmt: skip
    for name in ("cfi", "tli"):
        value = found.get(f"{name}.robust", math.nan)
        yield start | {
            "estimand": name,
            "estimate": value,
            "reason": AN_INDEX,
            "method": f"none; robust; {TAIL}",
        }
    low, high = found.get("rmsea.ci.lower.robust", math.nan), found.get("rmsea.ci.upper.robust", math.nan)
    rmsea = start | {"estimand": "rmsea", "estimate": found.get("rmsea.robust", math.nan), "conf_level": 0.9}
    if math.isfinite(low) and math.isfinite(high):
        yield rmsea | {"conf_low": low, "conf_high": high, "method": f"chi_squared; robust; {TAIL}"}
    else:
        yield rmsea | {"reason": "the statistic could not be corrected"}
    yield start | {"estimand": "srmr", "estimate": found["srmr"], "reason": AN_INDEX}
    for name in ("aic", "bic"):
        yield start | {"estimand": name, "estimate": found[name], "reason": A_CRITERION}
