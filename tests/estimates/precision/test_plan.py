"""The cheapest design by hand, what its probability means, and the faults of a call."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.precision.generalizability import generalizability
from psychomet.estimates.precision.plan import plan
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable, to_frame

EXACT = 1e-10
SEED = 4
# The median of the draws is the estimate up to the skewness of few degrees of freedom.
HALF = 0.1


def made(seed: int = 1, *, n: int = 60, samples: int = 1) -> ResponseTable:
    """Respondents x 6 items x 4 prompts, with samples if asked."""
    rng = np.random.default_rng(seed)
    cells = (
        rng.normal(size=(n, 1, 1, 1)) + 0.6 * rng.normal(size=(1, 6, 1, 1)) + 0.8 * rng.normal(size=(n, 6, 1, 1))
        + 0.7 * rng.normal(size=(n, 1, 4, 1)) + 0.3 * rng.normal(size=(1, 1, 4, 1)) + rng.normal(size=(n, 6, 4, samples))
    )  # fmt: skip
    respondent, item, prompt, sample = (axis.ravel() for axis in np.indices(cells.shape))
    frame = pd.DataFrame({
        "respondent": [f"r{code:03d}" for code in respondent], "item": [f"i{code}" for code in item],
        "prompt": [f"p{code}" for code in prompt], "response": cells.ravel(),
    })  # fmt: skip
    if samples > 1:
        frame["sample"] = [f"s{code}" for code in sample]
    scale = {"name": "S", "low": -1e9, "high": 1e9, "items": [f"i{code}" for code in range(6)]}
    return read_responses(frame, key=read_key({"name": "made", "scale": [scale]}))


def components(table: ResponseTable) -> dict[str, float]:
    rows = generalizability(table, missing="complete", seed=SEED, n_boot=0).estimates
    rows = rows[rows["estimand"] == "variance_component"]
    return dict(zip(rows["facet"], rows["estimate"], strict=True))


@pytest.mark.parametrize("kind", ["g", "phi"])
def test_recommended_design_is_the_cheapest_of_all(kind: str) -> None:
    table = made()
    s = components(table)
    best = None
    for item, prompt in product(range(1, 13), range(1, 9)):
        error = (
            s["respondent x item"] / item
            + s["respondent x prompt"] / prompt
            + s["residual"] / (item * prompt)
        )
        if kind == "phi":
            error += s["item"] / item + s["prompt"] / prompt + s["item x prompt"] / (item * prompt)
        value = s["respondent"] / (s["respondent"] + error)
        if value >= 0.8 and (best is None or (item * prompt, -value) < best[:2]):
            best = (item * prompt, -value, item, prompt)
    assert best is not None
    result = plan(
        table, missing="complete", seed=SEED, coefficient=kind, limits={"item": 12, "prompt": 8}, n_boot=0
    )
    found = result.settings["plan"]["S"]
    assert found["numbers"] == {"item": best[2], "prompt": best[3]}
    assert found["value"] == pytest.approx(-best[1], abs=EXACT)
    assert found["calls"] == best[0]


def test_rows_name_designs_and_follow_one_facet_at_a_time() -> None:
    result = plan(
        made(samples=3),
        missing="complete",
        seed=SEED,
        limits={"item": 10, "prompt": 5, "sample": 4},
        cost=0.5,
    )
    rows = result.estimates
    numbers = result.settings["plan"]["S"]["numbers"]
    curve = rows[(rows["estimand"] == "g_coefficient") & (rows["facet"] == "prompt")]
    assert list(curve["level"]) == [
        f"item = {numbers['item']}, prompt = {prompt}, sample = {numbers['sample']}" for prompt in range(1, 6)
    ]
    assert curve["estimate"].is_monotonic_increasing
    calls = rows[rows["estimand"] == "calls"].iloc[0]
    assert calls["estimate"] == numbers["item"] * numbers["prompt"] * numbers["sample"] * 0.5
    assert ((rows["conf_low"] <= rows["estimate"]) | (rows["reason"] != "")).all()
    assert "recommended_design" in {note.code for note in result.notes}


def test_observed_design_has_the_coefficients_of_generalizability() -> None:
    table = made()
    mine = plan(table, missing="complete", seed=SEED, limits={"item": 8, "prompt": 4}).estimates
    theirs = generalizability(table, missing="complete", seed=SEED).estimates
    for estimand, method in product(("g_coefficient", "phi_coefficient"), ("mls", "bootstrap")):
        one, two = (
            rows[(rows["estimand"] == estimand) & (rows["level"] == "item = 6, prompt = 4")
                 & rows["method"].str.startswith(method) & (rows["facet"] == "")].iloc[0]
            for rows in (mine, theirs)
        )  # fmt: skip
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            assert one[column] == pytest.approx(two[column], abs=EXACT)


def test_target_out_of_reach_is_said() -> None:
    result = plan(
        made(), missing="complete", seed=SEED, target=0.99, limits={"item": 3, "prompt": 2}, n_boot=0
    )
    assert result.settings["plan"]["S"] == {
        "numbers": {}, "reached": False, "value": None, "calls": None, "probability": None,
        "limits": {"item": 3, "prompt": 2}, "reason": "",
    }  # fmt: skip
    assert "no_design" in {note.code for note in result.notes}
    assert "calls" not in set(result.estimates["estimand"])


def test_missing_cells_are_planned_too() -> None:
    table = made()
    whole = plan(table, missing="complete", seed=SEED, n_boot=0).settings["plan"]["S"]
    coded = table.coded.to_pandas()
    assert len(coded) == 60 * 24
    frame = pd.DataFrame(_rows(table)).drop(index=[5, 700])
    thin = plan(read_responses(frame, key=table.key), missing="available", seed=SEED, n_boot=0)
    assert thin.settings["plan"]["S"]["value"] == pytest.approx(whole["value"], abs=0.02)
    assert set(thin.estimates.query("estimand == 'g_coefficient'")["method"].str.split(";").str[0]) == {
        "delta"
    }


def _rows(table: ResponseTable) -> pd.DataFrame:
    return to_frame(table).drop(columns=["source", "status"])


def test_probability_is_near_one_half_where_the_target_is_the_estimate() -> None:
    table = made()
    observed = generalizability(table, missing="complete", seed=SEED, n_boot=0).estimates
    target = float(observed[observed["estimand"] == "g_coefficient"]["estimate"].iloc[0])
    limits = {"item": 6, "prompt": 4}
    found = plan(table, missing="complete", seed=SEED, target=target, limits=limits).settings["plan"]["S"]
    assert found["numbers"] == limits
    assert found["probability"] == pytest.approx(0.5, abs=HALF)
    lower = plan(table, missing="complete", seed=SEED, target=target - 0.2, limits={"item": 6, "prompt": 4})
    assert lower.settings["plan"]["S"]["calls"] < found["calls"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"target": 1.0}, "target"),
        ({"coefficient": "alpha"}, "coefficient"),
        ({"cost": 0.0}, "cost"),
        ({"limits": {"colour": 3}}, "colour"),
        ({"limits": {"item": 0}}, "item = 0"),
        ({"limits": {"item": 5000, "prompt": 5000}}, "designs"),
        ({"n_boot": 7}, "n_boot"),
        ({"fixed": ("colour",)}, "colour"),
    ],
)
def test_faults_are_told(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        plan(made(), **({"missing": "complete", "seed": SEED} | arguments))
