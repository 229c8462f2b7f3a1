"""Rows of a plan: the coefficients of designs with their limits, the cost and the probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dstudy import Interval, bootstrap_interval, errors, ratio_interval
from psychomet.numerics.dstudy import coefficient as coefficient_of
from psychomet.scores.layout_study import Fitted, numbers_text

Floats = NDArray[np.float64]
Row = dict[str, Any]

ESTIMAND = {"g": "g_coefficient", "phi": "phi_coefficient"}
A_COUNT = "a count, not an estimate"
A_PROBABILITY = "a probability, which has no interval of its own"
NO_LIMITS = "the components give no limits"
NO_VALUE = "neither universe-score variance nor error is positive"


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The design recommended for a layout.

    Parameters
    ----------
    one : Fitted
        The layout with its components.
    numbers : tuple of int
        Conditions of each facet; empty where no design within the limits reaches the target.
    most : tuple of int
        The limits.
    value, cost, probability : float
        Coefficient, cost per respondent, and probability of the target of the recommended design.
    """

    one: Fitted
    numbers: tuple[int, ...] = ()
    most: tuple[int, ...] = ()
    value: float = float("nan")
    cost: float = float("nan")
    probability: float = float("nan")


def plan_rows(choice: Choice, *, conf_level: float) -> list[Row]:
    """Return the rows of one layout: as observed, as recommended, and one facet varied at a time.

    Parameters
    ----------
    choice : Choice
        The layout and the design recommended for it.
    conf_level : float
        Nominal coverage.
    """
    one = choice.one
    shared: Row = {
        "term": one.layout.scale.name, "group": one.layout.group, "conf_level": conf_level, "n": one.n,
    }  # fmt: skip
    if one.study is None:
        return [
            {"estimand": name, **shared, "method": "none", "reason": one.reason} for name in ESTIMAND.values()
        ]
    start = choice.numbers or choice.most
    rows = _coefficients(one, np.array([one.layout.numbers]), "", shared, observed=True)
    if tuple(map(float, start)) != tuple(one.layout.numbers):
        rows += _coefficients(one, np.array([start], dtype=float), "", shared)
    if choice.numbers:
        level = numbers_text(one.facets, choice.numbers)
        rows.append({"estimand": "calls", **shared, "level": level, "estimate": choice.cost,
                     "method": "none; cost per respondent of the recommended design", "reason": A_COUNT})  # fmt: skip
        draws = "generalized pivotal draws" if one.study.squares is not None else "normal draws"
        rows.append({"estimand": "probability_of_target", **shared, "level": level, "estimate": choice.probability,
                     "method": f"none; {draws} of the components", "reason": A_PROBABILITY})  # fmt: skip
    for axis, name in enumerate(one.facets):
        curve = np.tile(np.array(start, dtype=float), (choice.most[axis], 1))
        curve[:, axis] = np.arange(1, choice.most[axis] + 1)
        rows += _coefficients(one, curve, name, shared, bootstrap=False)
    return rows


def _coefficients(
    one: Fitted, numbers: Floats, facet: str, shared: Row, *, bootstrap: bool = True, observed: bool = False
) -> list[Row]:
    """G and Phi of some designs, a row for each kind of limits."""
    study = one.study
    if study is None:
        return []
    universe = np.eye(study.component.size)[[study.effects.index((0,))] * numbers.shape[0]]
    conf_level = float(shared["conf_level"])
    rows: list[Row] = []
    for kind, estimand in ESTIMAND.items():
        rest = errors(study.effects, numbers, coefficient="g" if kind == "g" else "phi")
        if observed:
            rest = one.observed[0 if kind == "g" else 1]
        values = coefficient_of(study.component, rest, at=study.effects.index((0,)))
        word = (
            f"mls; {one.method}, conditions random"
            if study.squares is not None
            else "delta; on the logit, REML"
        )
        kinds: list[tuple[str, Interval]] = [
            (word, ratio_interval(study, universe, rest, conf_level=conf_level))
        ]
        if bootstrap and study.replicates.size:
            word = f"bootstrap; BCa, respondents resampled, {one.method}, conditions held"
            kinds.append((word, bootstrap_interval(study, universe, rest, conf_level=conf_level)))
        for method, limits in kinds:
            for number, value in enumerate(values):
                ends = [limits.low[number], limits.high[number]]
                good = bool(np.isfinite(ends).all()) and ends[0] < ends[1]
                reason = NO_VALUE if np.isnan(value) else "" if good else NO_LIMITS
                if reason:
                    ends = [np.nan, np.nan]
                rows.append({
                    "estimand": estimand, **shared, "facet": facet,
                    "level": numbers_text(one.facets, numbers[number]), "estimate": value,
                    "std_error": limits.std_error[number], "conf_low": ends[0], "conf_high": ends[1],
                    "method": method, "reason": reason,
                })  # fmt: skip
    return rows
