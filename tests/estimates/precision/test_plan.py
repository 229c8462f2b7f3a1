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
        ({"cost": 0.0}, "call = 0"),
        ({"cost": {"call": 0}}, "call = 0"),
        ({"cost": {"item": -1.0}}, "item = -1"),
        ({"cost": {"item": True}}, "cost: '{'item': True}' is not"),
        ({"cost": {"item": float("nan")}}, "cost: '{'item': nan}' is not"),
        ({"cost": {"colour": 1.0}}, "colour"),
        ({"respondents": 0}, "respondents"),
        ({"n_boot_missing": 7}, "n_boot_missing"),
        ({"by": "colour"}, "colour"),
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


def test_all_faults_of_the_costs_are_told_at_once() -> None:
    with pytest.raises(InputError, match=r"(?s)colour.*item = -1.*respondents"):
        plan(
            made(),
            missing="complete",
            seed=SEED,
            cost={"colour": 1.0, "item": -1.0},
            respondents=0,
        )


@pytest.mark.parametrize("respondents", [None, 3, 1000])
def test_dear_levels_change_the_cheapest_design(respondents: int | None) -> None:
    table = made(n=30)
    s = components(table)
    price, many = {"call": 0.2, "item": 5.0, "prompt": 1.0}, respondents or 30
    best = None
    for item, prompt in product(range(1, 25), range(1, 25)):
        error = (
            s["respondent x item"] / item
            + s["respondent x prompt"] / prompt
            + s["residual"] / (item * prompt)
        )
        value = s["respondent"] / (s["respondent"] + error)
        cost = 0.2 * item * prompt + (5.0 * item + 1.0 * prompt) / many
        if value >= 0.8 and (best is None or (cost, -value) < best[:2]):
            best = (cost, -value, item, prompt)
    assert best is not None
    found = plan(
        table, missing="complete", seed=SEED, cost=price, respondents=respondents, n_boot=0,
        limits={"item": 24, "prompt": 24},
    ).settings["plan"]["S"]  # fmt: skip
    assert found["numbers"] == {"item": best[2], "prompt": best[3]}
    assert found["calls"] == pytest.approx(best[0], abs=EXACT)


def test_levels_that_are_nested_are_paid_for_in_each_container() -> None:
    frame = _rows(made(n=30))
    frame["language"] = frame["prompt"].map({"p0": "en", "p1": "en", "p2": "fr", "p3": "fr"})
    table = read_responses(frame, key=made().key)
    price = {"call": 1.0, "prompt": 3.0, "language": 20.0}
    found = plan(table, missing="complete", seed=SEED, cost=price, respondents=10, n_boot=0).settings["plan"][
        "S"
    ]
    numbers = found["numbers"]
    calls = numbers["item"] * numbers["prompt"] * numbers["language"]
    once = 3.0 * numbers["prompt"] * numbers["language"] + 20.0 * numbers["language"]
    assert found["calls"] == pytest.approx(calls + once / 10, abs=EXACT)


def test_samples_are_paid_for_by_every_respondent() -> None:
    price = {"call": 1.0, "sample": 2.0}
    arguments = {"missing": "complete", "seed": SEED, "n_boot": 0, "cost": price}
    for respondents in (1, 500):
        found = plan(made(samples=3), respondents=respondents, **arguments).settings["plan"]["S"]
        n = found["numbers"]
        assert found["calls"] == n["item"] * n["prompt"] * n["sample"] + 2 * n["prompt"] * n["sample"]


def test_one_number_is_the_cost_of_a_call() -> None:
    one = plan(made(), missing="complete", seed=SEED, cost=0.5, n_boot=0)
    two = plan(made(), missing="complete", seed=SEED, cost={"call": 0.5}, n_boot=0)
    pd.testing.assert_frame_equal(one.estimates, two.estimates)


def test_levels_of_a_facet_get_plans_of_their_own() -> None:
    frame = _rows(made())
    frame["model"] = np.where(frame["respondent"].astype(str) < "r030", "a", "b")
    table = read_responses(frame, key=made().key)
    result = plan(table, missing="complete", seed=SEED, by="model", n_boot=0)
    assert set(result.settings["plan"]) == {"S", "S / model = a", "S / model = b"}
    half = read_responses(frame[frame["model"] == "a"], key=made().key)
    alone = plan(half, missing="complete", seed=SEED, n_boot=0)
    assert result.settings["plan"]["S / model = a"] == alone.settings["plan"]["S"]
    mine = result.estimates[result.estimates["group"] == "model = a"]
    np.testing.assert_array_equal(mine["estimate"], alone.estimates["estimate"])


def test_facet_that_was_not_varied_is_said_to_be_left_out() -> None:
    frame = _rows(made()).assign(language="en")
    table = read_responses(frame, key=made().key)
    result = plan(
        table, missing="complete", seed=SEED, n_boot=0, cost={"language": 20.0}, limits={"prompt": 8}
    )
    note = next(note for note in result.notes if note.code == "not_planned")
    assert "language" in note.text
    assert "prompt" not in note.text


def test_missing_cells_get_bootstrap_rows_on_request() -> None:
    frame = _rows(made(n=20)).drop(index=[5, 70])
    table = read_responses(frame, key=made().key)
    limits = {"item": 6, "prompt": 4}
    rows = plan(
        table, missing="available", seed=SEED, n_boot=0, n_boot_missing=100, target=0.5, limits=limits
    ).estimates
    found = rows[(rows["estimand"] == "g_coefficient") & rows["method"].str.startswith("bootstrap")]
    assert (found["facet"] == "").all()
    assert len(found) == 2
    assert ((found["conf_low"] < found["estimate"]) & (found["estimate"] < found["conf_high"])).all()


def test_one_condition_on_the_word_of_a_zero_is_told() -> None:
    rng = np.random.default_rng(9)
    respondent, item = rng.normal(size=(40, 1, 1)), rng.normal(size=(40, 6, 1))
    noise = rng.normal(size=(40, 6, 4))
    # Prompts do not act on respondents at all: what is left is made less than chance.
    noise -= noise.mean(axis=1, keepdims=True)
    axes = [axis.ravel() for axis in np.indices((40, 6, 4))]
    frame = pd.DataFrame({
        "respondent": [f"r{code:03d}" for code in axes[0]], "item": [f"i{code}" for code in axes[1]],
        "prompt": [f"p{code}" for code in axes[2]], "response": (respondent + item + noise).ravel(),
    })  # fmt: skip
    result = plan(read_responses(frame, key=made().key), missing="complete", seed=SEED, n_boot=0)
    assert result.settings["plan"]["S"]["numbers"]["prompt"] == 1
    note = next(note for note in result.notes if note.code == "planned_on_zero")
    assert note.text.endswith("S: prompt.")
    assert "planned_on_zero" not in {
        note.code for note in plan(made(), missing="complete", seed=SEED, n_boot=0).notes
    }
