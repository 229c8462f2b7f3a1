"""Made-up answers to the questions of precision: plausible numbers, no table and no estimator behind them."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np

from psychomet.notes import Note
from psychomet.result.result import Result, make_result

SCALES = ("Extraversion", "Agreeableness", "Conscientiousness", "Neuroticism", "Openness")
EFFECTS = (
    "respondent",
    "item",
    "prompt",
    "respondent x item",
    "respondent x prompt",
    "item x prompt",
    "residual",
)
WEIGHTS = (0.34, 0.08, 0.03, 0.27, 0.06, 0.02, 0.20)
SETTINGS = {"version": "0.1.0", "table": {"fingerprint": "9f2c" * 16, "key_name": "Example inventory"}}
RATERS = ("judge-a", "judge-b", "judge-c", "judge-d")


def _row(estimand: str, term: str, estimate: float, half: float, method: str, **more: Any) -> dict[str, Any]:
    return {"estimand": estimand, "term": term, "estimate": estimate, "conf_low": estimate - half, "n": 60,
            "conf_high": estimate + half, "conf_level": 0.95, "method": method} | more  # fmt: skip


@cache
def omega() -> Result:
    """Omega total and hierarchical with both denominators, two group factors; none for one scale."""
    rows: list[dict[str, Any]] = []
    model = "minres, oblimin, Schmid-Leiman"
    for at, scale in enumerate(SCALES[:4]):
        total = 0.88 - 0.05 * at
        for variance, extra in (("model-implied", 0.0), ("observed", 0.02)):
            method = f"bootstrap; {model}; {variance} variance in the denominator"
            rows.append(_row("omega_total", scale, total + extra, 0.05, method))
            rows.append(_row("omega_hierarchical", scale, total - 0.2 + extra, 0.09, method))
        rows.append(
            _row("omega_categorical", scale, total - 0.04, 0.05, "bootstrap; one factor of polychorics")
        )
        for group in ("F1", "F2"):
            method = f"bootstrap; {model}; model-implied variance in the denominator"
            rows.append(_row("omega_group", scale, 0.12, 0.05, method, other=group))
    rows.append({"estimand": "omega_total", "term": "Openness", "method": f"none; {model}", "n": 60,
                 "reason": "an item has no variance"})  # fmt: skip
    return make_result("omega", rows, settings=SETTINGS)


@cache
def rater_agreement() -> Result:
    """Coefficients for all raters, one pair with limits, severity and discrimination of four raters."""
    rng = np.random.default_rng(8)
    rows: list[dict[str, Any]] = []
    for at, scale in enumerate(SCALES[:3]):
        for name, value in (("krippendorff_alpha", 0.61), ("gwet_ac2", 0.72), ("fleiss_kappa", 0.48),
                            ("percent_agreement", 0.66), ("kendall_w", 0.8)):  # fmt: skip
            method = (
                "bootstrap; interval differences"
                if name == "krippendorff_alpha"
                else "bootstrap; by respondent"
            )
            rows.append(_row(name, scale, value - 0.08 * at, 0.09, method, facet="rater"))
        pair = {"facet": "rater", "other": "judge-a ~ judge-b"}
        rows.append(_row("cohen_kappa", scale, 0.5, 0.1, "delta; unweighted", **pair))
        for name, value in (
            ("mean_difference", -0.2),
            ("limit_of_agreement_low", -1.4),
            ("limit_of_agreement_high", 1.0),
        ):
            rows.append(_row(name, scale, value, 0.2, "t; Bland and Altman", **pair))
        for rater in RATERS:
            more = {"facet": "rater", "other": rater}
            rows.append(_row("rater_severity", scale, float(rng.normal(0, 0.3)), 0.12, "t; paired", **more))
            rows.append(
                _row("rater_discrimination", scale, float(rng.uniform(0.5, 0.9)), 0.1, "bootstrap; r", **more)
            )
    taken = {"across": "rater", "measurement": "ordinal", "weights": "quadratic"}
    return make_result("rater_agreement", rows, settings=SETTINGS | taken)


@cache
def generalizability(*, items: bool = True, scales: tuple[str, ...] = SCALES) -> Result:
    """Seven sources of variance per scale, or three where there are no items, one of them below zero."""
    rows: list[dict[str, Any]] = []
    effects = EFFECTS if items else ("respondent", "prompt", "residual")
    for at, scale in enumerate(scales):
        weights = np.array(WEIGHTS if items else (0.6, -0.01, 0.41))
        weights[0] *= 1 - 0.12 * at
        weights /= weights.sum()
        for effect, weight in zip(effects, weights, strict=True):
            known = 0.5 if (scale, effect) == ("Extraversion", "respondent") else np.nan
            rows.append(_row("variance_component", scale, 1.4 * weight, 0.1, "satterthwaite; mean squares",
                             facet=effect, reference=known))  # fmt: skip
            rows.append(_row("variance_share", scale, weight, 0.06, "bootstrap; mean squares", facet=effect))
        for name, value in (("g_coefficient", 0.86), ("phi_coefficient", 0.82), ("error_relative", 0.05),
                            ("error_absolute", 0.07), ("universe_score_variance", 0.42)):  # fmt: skip
            rows.append(_row(name, scale, value - 0.01 * at, 0.05, "bootstrap; mean squares",
                             level="item = 6, prompt = 3" if items else "prompt = 3"))  # fmt: skip
    note = Note("boundary", "1 of 35 variance components is estimated below zero and kept so.")
    return make_result("generalizability", rows, settings=SETTINGS, notes=[note])


@cache
def plan(*, target: float = 0.8, recommend: bool = True, scales: tuple[str, ...] = SCALES[:2]) -> Result:
    """G and Phi of a grid of items by prompts, with their cost, and the cheapest design that reaches .80."""
    rows: list[dict[str, Any]] = []
    chosen = {}
    for at, scale in enumerate(scales):
        best = (np.inf, "")
        for items, prompts in product(range(2, 11, 2), range(1, 5)):
            level = f"item = {items}, prompt = {prompts}"
            error = 0.5 / items + 0.12 / prompts
            g = 1 / (1 + error * (1 + 0.1 * at))
            method = "mls; components of the table"
            rows.append(_row("g_coefficient", scale, g, 0.04, method, level=level, facet="item"))
            rows.append(_row("phi_coefficient", scale, g - 0.03, 0.05, method, level=level, facet="item"))
            if g >= target and items * prompts < best[0]:
                best = (items * prompts, level)
        observed = {"level": "item = 6, prompt = 3", "facet": ""}
        rows.append(_row("g_coefficient", scale, 0.87, 0.05, "mls; components of the table", **observed))
        rows.append(
            _row("g_coefficient", scale, 0.87, 0.03, "bootstrap; components of the table", **observed)
        )
        if best[1]:
            more = {"level": best[1], "facet": ""}
            rows.append(
                _row("g_coefficient", scale, target + 0.003, 0.05, "mls; components of the table", **more)
            )
            for name, value in (("calls", best[0]), ("probability_of_target", 0.55)):
                rows.append({"estimand": name, "term": scale, "estimate": value, "method": "none",
                             "reason": "a count, not an estimate"} | more)  # fmt: skip
            chosen[scale] = {"numbers": {k: int(v) for k, v in (p.split(" = ") for p in best[1].split(", "))}}
    settings = SETTINGS | {"target": target, "coefficient": "g", "plan": chosen if recommend else {}}
    return make_result("plan", rows, settings=settings)


def everything() -> list[Result]:
    """One answer to each question of precision that has a section of its own."""
    return [omega(), rater_agreement(), generalizability(), plan()]
