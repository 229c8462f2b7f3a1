"""How often the gate is wrong: the same respondents answer twice, with and without a true change.

``python -m pytest -m slow -s tests/result/test_gate_simulation.py`` prints the tables of
``docs/validation/gate.md``.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from psychomet.result.gate import gate
from psychomet.result.result import Result, make_result

pytestmark = pytest.mark.slow

SEED = 20261121
REPLICATIONS = 10_000
ITEMS = 10
ALPHA = 0.79
ALLOWED = (0.02, 0.05)

# Rates are held against bounds with this many Monte Carlo standard errors of slack.
SLACK = 3.0


class Condition(NamedTuple):
    """A cell of the design: respondents, true alpha of the second run, normal or five-point answers."""

    n: int
    alpha: float
    five_point: bool


CONDITIONS = [
    *(Condition(n, alpha, False) for n in (50, 200) for alpha in (0.79, 0.745, 0.655)),
    *(Condition(n, ALPHA, True) for n in (50, 200)),
    Condition(12, ALPHA, True),
]


def answers(trait: np.ndarray, alpha: float, five_point: bool, rng: np.random.Generator) -> np.ndarray:
    """Draw parallel items with the given alpha, (replications, n, k); five points span 0.6 per unit."""
    between = alpha / (ITEMS - alpha * (ITEMS - 1))
    noise = rng.normal(scale=math.sqrt((1 - between) / between), size=(*trait.shape, ITEMS))
    values = trait[..., None] + noise
    return np.clip(np.round(3 + 0.6 * values), 1, 5) if five_point else values


def alpha_and_influence(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return alpha = k/(k-1) (1 - D/T) and its derivative with respect to each respondent's weight."""
    centred = values - values.mean(axis=1, keepdims=True)
    of_total = centred.sum(axis=2) ** 2
    of_items = (centred**2).sum(axis=2)
    total, items = of_total.mean(axis=1), of_items.mean(axis=1)
    scale = ITEMS / (ITEMS - 1)
    slope = (items / total**2)[:, None]
    influence = -scale * ((of_items - items[:, None]) / total[:, None] - slope * (of_total - total[:, None]))
    return scale * (1 - items / total), influence


def a_result(values: np.ndarray, *, keep: bool = True) -> Result:
    """Return one row per replication; replications share the names of their respondents."""
    replications, n, _ = values.shape
    estimate, influence = alpha_and_influence(values)
    frame = pd.DataFrame(
        {
            "estimand": "alpha",
            "term": [str(number) for number in range(replications)],
            "estimate": estimate,
            "std_error": np.sqrt((influence**2).sum(axis=1) / (n * (n - 1))),
            "n": n,
            "reason": "only its standard error",
        }
    )
    arrays = {}
    if keep:
        coords = {"respondent": np.arange(n), "row": np.arange(replications)}
        arrays["influence"] = xr.DataArray(influence.T, dims=("respondent", "row"), coords=coords)
    return make_result("reliability", frame, arrays=arrays)


RULES = {
    "rule": [
        {"name": f"{allowed}", "estimand": "alpha", "on": "difference", "max_drop": allowed}
        for allowed in ALLOWED
    ]
}


@functools.cache
def campaign(condition: Condition) -> Mapping[str, float]:
    """Return, over replications, the share of each verdict and of drops beyond a fixed tolerance."""
    rng = np.random.default_rng([SEED, CONDITIONS.index(condition)])
    trait = rng.normal(size=(REPLICATIONS, condition.n))
    before = answers(trait, ALPHA, condition.five_point, rng)
    run = a_result(answers(trait, condition.alpha, condition.five_point, rng))
    rates: dict[str, float] = {}
    for name, keep in (("paired", True), ("unpaired", False)):
        rows = gate(run, rules=RULES, baseline=a_result(before, keep=keep)).rows
        for allowed in ALLOWED:
            chosen = rows[rows["rule"] == str(allowed)]
            for word in ("pass", "inconclusive", "fail"):
                rates[f"{name} {allowed} {word}"] = float((chosen["verdict"] == word).mean())
            rates[f"fixed {allowed}"] = float((chosen["difference"] < -allowed).mean())
            rates["sd"] = float(chosen["difference"].std(ddof=1))
    return rates


def error_of(share: float) -> float:
    return math.sqrt(share * (1 - share) / REPLICATIONS)


def test_the_tables_of_the_documentation() -> None:
    heads = ["n", "answers", "true drop", "sd of the difference"]
    lines = [[*heads, *(f"fixed {allowed}" for allowed in ALLOWED)]]
    for kind in ("paired", "unpaired"):
        lines[0].extend(f"{kind}, allowed {allowed}: fail / ? / pass" for allowed in ALLOWED)
    lines.append(["---"] * len(lines[0]))
    for condition in CONDITIONS:
        rates = campaign(condition)
        cells = [str(condition.n), "five-point" if condition.five_point else "normal"]
        cells += [f"{ALPHA - condition.alpha:.3f}", f"{rates['sd']:.3f}"]
        cells += [f"{100 * rates[f'fixed {allowed}']:.1f} %" for allowed in ALLOWED]
        for kind in ("paired", "unpaired"):
            for allowed in ALLOWED:
                words = (rates[f"{kind} {allowed} {word}"] for word in ("fail", "inconclusive", "pass"))
                cells.append(" / ".join(f"{100 * share:.1f}" for share in words))
        lines.append(cells)
    sys.stdout.write("\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n")
    sys.stdout.write(f"{REPLICATIONS} replications, seed {SEED}\n")
    assert len(lines) == len(CONDITIONS) + 2


UNCHANGED = [condition for condition in CONDITIONS if condition.alpha == ALPHA]


@pytest.mark.parametrize("condition", UNCHANGED, ids=str)
@pytest.mark.parametrize("allowed", ALLOWED)
def test_an_unchanged_run_fails_at_most_one_time_in_twenty(condition: Condition, allowed: float) -> None:
    rate = campaign(condition)[f"paired {allowed} fail"]
    assert rate <= 0.05 + SLACK * error_of(0.05)


def test_a_fixed_tolerance_fails_a_third_of_unchanged_runs_of_fifty_respondents() -> None:
    rates = campaign(Condition(50, ALPHA, False))
    assert rates["fixed 0.02"] >= 1 / 3 - 0.03 - SLACK * error_of(1 / 3)
    assert rates["fixed 0.02"] >= 5 * rates["paired 0.02 fail"]


@pytest.mark.parametrize(
    ("condition", "allowed", "least"),
    [
        (Condition(50, 0.655, False), 0.05, 0.65),
        (Condition(200, 0.655, False), 0.05, 0.98),
        (Condition(200, 0.745, False), 0.02, 0.50),
    ],
    ids=str,
)
def test_a_true_drop_is_found(condition: Condition, allowed: float, least: float) -> None:
    rates = campaign(condition)
    assert rates[f"paired {allowed} fail"] >= least - SLACK * error_of(least)
    assert rates[f"paired {allowed} fail"] > rates[f"unpaired {allowed} fail"]


@pytest.mark.parametrize("n", [50, 200])
def test_an_intolerable_drop_passes_at_most_one_time_in_twenty(n: int) -> None:
    for alpha, allowed in ((0.655, 0.05), (0.655, 0.02), (0.745, 0.02)):
        rate = campaign(Condition(n, alpha, False))[f"paired {allowed} pass"]
        assert rate <= 0.05 + SLACK * error_of(0.05)
