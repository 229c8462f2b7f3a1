"""Adjusted effects: sets told by graphs, estimates, sensitivity, and what is refused."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from psychomet.errors import InputError
from psychomet.estimates.causes.adjustment import adjustment
from psychomet.estimates.causes.discovery import discovery
from psychomet.table.features import FeatureTable
from psychomet.table.read_features import from_arrays

sys.path.insert(0, str(Path(__file__).parent))
from recovery import effect_coverage, two_level

GRAPH = [("c", "t"), ("c", "y"), ("w", "y"), ("t", "m"), ("m", "y")]


def table(n: int = 500, seed: int = 1) -> FeatureTable:
    rng = np.random.default_rng(seed)
    c, w = rng.normal(size=(2, n))
    t = 0.8 * c + rng.normal(size=n)
    m = 0.7 * t + rng.normal(size=n)
    return from_arrays(
        {"c": c, "w": w, "t": t, "m": m, "y": 0.5 * m + 0.6 * c + 0.5 * w + rng.normal(size=n)}
    )


def test_the_set_follows_from_the_graph_and_the_effect_from_the_set() -> None:
    result = adjustment(table(20_000), cause="t", outcome="y", graph=GRAPH)
    first, raw = result.estimates.iloc[0], result.estimates.iloc[1]
    assert first["estimand"] == "effect" and first["level"] == "c, w"
    assert first["estimate"] == pytest.approx(0.35, abs=0.04)  # four standard errors
    assert raw["estimate"] > 0.5 and raw["level"] == "nothing"
    moved = result.arrays["influence"].values
    assert np.sqrt((moved[:, 0] ** 2).sum()) / len(moved) == pytest.approx(first["std_error"], rel=0.01)


def test_a_discovered_graph_is_taken_with_its_lines() -> None:
    found = discovery(table(3000), method="boss", n_boot=0, tiers=[["c", "w"], ["t"], ["m"], ["y"]])
    result = adjustment(table(3000), cause="t", outcome="y", graph=found)
    assert result.estimates["level"].iloc[0] == "c, w"
    pair = discovery(table(), method="boss", n_boot=0, names=["c", "t"])
    with pytest.raises(InputError, match="leaves open whether"):
        adjustment(table(), cause="c", outcome="t", graph=pair)


def test_a_set_that_does_not_do_is_said() -> None:
    result = adjustment(table(), cause="t", outcome="y", graph=GRAPH, adjust=["m"])
    assert any(note.code == "not_valid" and note.level == "problem" for note in result.notes)
    fine = adjustment(table(), cause="t", outcome="y", graph=GRAPH, adjust=["c"])
    assert not any(note.code == "not_valid" for note in fine.notes)
    blind = adjustment(table(), cause="t", outcome="y", adjust=[])
    assert (
        any(note.code == "no_graph" for note in blind.notes) and blind.estimates["level"].iloc[0] == "nothing"
    )


def test_no_effect_by_the_graph_is_a_test_of_it() -> None:
    result = adjustment(table(), cause="w", outcome="c", graph=GRAPH)
    assert any(note.code == "no_path" for note in result.notes)
    assert result.estimates["conf_low"].iloc[0] < 0 < result.estimates["conf_high"].iloc[0]


def test_aipw_beside_regression() -> None:
    rng = np.random.default_rng(3)
    c = rng.normal(size=4000)
    t = (rng.random(4000) < 1 / (1 + np.exp(-c))).astype(float)
    y = 0.4 * t + c + 0.5 * t * c + rng.normal(size=4000)
    data = two_level(from_arrays({"c": c, "t": t, "y": y}), ["t"])
    graph = [("c", "t"), ("c", "y"), ("t", "y")]
    first = adjustment(data, cause="t", outcome="y", graph=graph, estimator="aipw").estimates.iloc[0]
    assert first["method"].startswith("t; AIPW")
    assert first["estimate"] == pytest.approx(0.4, abs=4 * first["std_error"])
    # With half the respondents treated the average effect is at c = 0; the regression is unbiased for another average.
    assert first["n"] == 4000


def test_clusters_widen_the_interval() -> None:
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(40), 10)
    shared_t, shared_y = rng.normal(size=40)[group], rng.normal(size=40)[group]
    t = shared_t + 0.3 * rng.normal(size=400)
    y = shared_y + 0.3 * rng.normal(size=400)
    plain = from_arrays({"t": t, "y": y})
    clustered = dataclasses.replace(plain, cluster=group)
    errors = [
        adjustment(one, cause="t", outcome="y", graph=[("t", "y")]).estimates["std_error"].iloc[0]
        for one in (plain, clustered)
    ]
    assert errors[1] > 2 * errors[0]


def test_missing_values_and_groups() -> None:
    whole = table(300)
    values = {name: given.copy() for name, given in whole.values.items()}
    values["w"][:40] = np.nan
    values["side"] = np.arange(300) % 2 + 0.0
    holed = dataclasses.replace(from_arrays(values), values=values)
    data = two_level(
        dataclasses.replace(holed, values={**values, "side": values["side"].astype(int)}), ["side"]
    )
    result = adjustment(data, cause="t", outcome="y", graph=GRAPH, by="side")
    frame = result.estimates
    assert set(frame["group"]) == {"", "side = 0", "side = 1"} and frame["n"].iloc[0] == 260
    assert any(note.code == "missing_values" and "40 of 300" in note.text for note in result.notes)


def test_e_value_of_a_risk_ratio() -> None:
    rng = np.random.default_rng(5)
    t = np.repeat([0.0, 1.0], 500)
    y = (rng.random(1000) < 0.1 + 0.2 * t).astype(float)
    data = two_level(from_arrays({"t": t, "y": y}), ["t", "y"])
    frame = adjustment(data, cause="t", outcome="y", graph=[("t", "y")]).estimates.set_index("estimand")
    ratio = y[500:].mean() / y[:500].mean()
    assert frame.loc["e_value", "estimate"] == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cause": "q"}, "no feature 'q'"),
        ({"cause": "y"}, "the cause, too"),
        ({}, "no graph and nothing to hold"),
        ({"graph": [("t", "y"), ("y", "t")]}, "joined twice"),
        ({"graph": [("t", "y"), ("y", "c"), ("c", "t")]}, "round in a circle"),
        ({"graph": [("u", "t"), ("u", "y"), ("t", "y")]}, "an unseen cause"),
        ({"graph": [("c", "t")]}, "not in the graph"),
        ({"graph": [("y", "t")]}, "exchange them"),
        ({"graph": [("t",)]}, "not a pair"),
        ({"adjust": ["t"]}, "cannot be held"),
        ({"graph": GRAPH, "estimator": "magic"}, "not an estimator"),
        ({"graph": GRAPH, "estimator": "aipw"}, "two levels"),
        ({"graph": GRAPH, "by": "c"}, "has no levels"),
        ({"graph": GRAPH, "conf_level": 2}, "not between 0 and 1"),
    ],
)
def test_what_is_refused(options: dict[str, object], words: str) -> None:
    call = {"cause": "t", "outcome": "y", **options}
    with pytest.raises(InputError, match=words):
        adjustment(table(100), **call)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["regression", "aipw"])
def test_coverage(estimator: str) -> None:
    """Within three Monte Carlo errors at 400 samples."""
    assert effect_coverage(300, 400, estimator=estimator) == pytest.approx(0.95, abs=0.033)
