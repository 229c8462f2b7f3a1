"""Junk arguments and hard tables of features: every question answers, or says in one error what is wrong."""

from __future__ import annotations

import inspect
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.errors import MissingEngineError
from psychomet.pages.glossary import ESTIMANDS
from psychomet.pages.page import write_page
from psychomet.studies import CAUSES, ask_features, features_of, features_report, takes_of_features

HOSTILE = "<script>alert(1)</script>=cmd|' /C calc'!A0"
JUNK: tuple[Any, ...] = (
    None, 3, -1, 0, 2.5, float("nan"), float("inf"), 10**15, True, "", "x", "a", HOSTILE, b"x", [], [[1]], [None], ["x"], ["a", "a"],
    [("a", "b")], [("a", "a")], [("a", "b"), ("b", "a")], [["a"], ["b"]], {}, {"a": "b"}, {"a": 2}, {1: 2}, object(), {"x"}, np.arange(3.0), pd.DataFrame({"a": [1]}),
)  # fmt: skip
NEEDED: dict[str, dict[str, Any]] = {
    "independence": {"traits": ["a"], "seed": 1, "n_permutations": 99},
    "discovery": {"method": "boss", "names": ["a", "b", "c"], "n_boot": 0, "seed": 1},
    "mediation": {"cause": "a", "mediator": "b", "outcome": "c", "n_boot": 100, "seed": 1},
    "adjustment": {"cause": "a", "outcome": "c", "graph": [("a", "c"), ("b", "a"), ("b", "c")]},
}
"""Of each question what it must be told, and what makes it cheap; latent causes have tests of their own."""


def table(
    n: int = 60, *, levels: bool = False, names: tuple[str, str, str] = ("a", "b", "c"), change: Any = None
) -> pm.FeatureTable:
    """Three features that go together and a group."""
    rng = np.random.default_rng(2)
    a = rng.normal(size=n)
    b = 0.7 * a + rng.normal(size=n)
    c = 0.5 * b + 0.3 * a + rng.normal(size=n)
    frame = pd.DataFrame(
        {names[0]: a, names[1]: b, names[2]: c, "group": np.where(np.arange(n) % 2, "x", "y")}
    )
    frame.insert(0, "respondent", [f"r{i}" for i in range(n)])
    if levels:
        for name in names:
            frame[name] = np.where(frame[name] > 0, "high", "low")
    if change is not None:
        change(frame)
    kind = "nominal" if levels else "number"
    book = {
        "name": "hard",
        "feature": [*({"name": name, "kind": kind} for name in names), {"name": "group", "kind": "nominal"}],
    }
    return pm.read_features(frame, codebook=book)


def collinear(frame: pd.DataFrame) -> None:
    frame["b"] = 2 * frame["a"]


def huge(frame: pd.DataFrame) -> None:
    frame["a"] *= 1e150


def tiny(frame: pd.DataFrame) -> None:
    frame["a"] *= 1e-150


def mostly_missing(frame: pd.DataFrame) -> None:
    frame.loc[5:, "b"] = np.nan


def disjoint(frame: pd.DataFrame) -> None:
    frame.loc[: len(frame) // 2, "a"] = np.nan
    frame.loc[len(frame) // 2 :, "b"] = np.nan


def two_values(frame: pd.DataFrame) -> None:
    frame["a"] = (np.arange(len(frame)) == 0).astype(float)


HARD: dict[str, dict[str, Any]] = {
    "two respondents": {"n": 2}, "three respondents": {"n": 3}, "six respondents": {"n": 6},
    "two levels": {"levels": True}, "two levels, few": {"n": 4, "levels": True},
    "collinear": {"change": collinear}, "huge": {"change": huge}, "tiny": {"change": tiny},
    "mostly missing": {"change": mostly_missing}, "never both": {"change": disjoint}, "one respondent apart": {"change": two_values},
}  # fmt: skip


def answered(question: str, features: pm.FeatureTable, **more: Any) -> pm.Result | None:
    """The answer, None where there is one clear error; anything else fails."""
    function = CAUSES[question]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return function(features, **NEEDED[question] | more)
        except pm.InputError as error:
            assert all(fault.where and fault.what and fault.todo for fault in error.faults)
            return None


@pytest.mark.parametrize("question", NEEDED)
@pytest.mark.parametrize("hard", HARD)
def test_hard_tables_are_answered_or_refused(question: str, hard: str) -> None:
    result = answered(question, table(**HARD[hard]))
    if result is not None:
        rows = result.estimates
        bare = rows["estimate"].isna() & (rows["reason"].fillna("") == "")
        assert not bare.any(), "an estimate that is not there has a reason"
        both = rows[["conf_low", "conf_high"]].isna().all(axis=1)
        assert (rows.loc[both, "reason"].fillna("") != "").all(), "no interval, and no reason why"


@pytest.mark.parametrize("question", NEEDED)
def test_junk_is_answered_or_named(question: str) -> None:
    features = table(30)
    bad = []
    for name in list(inspect.signature(CAUSES[question]).parameters)[1:]:
        for junk in JUNK:
            try:
                answered(question, features, **{name: junk})
            except Exception as error:  # noqa: BLE001 - whatever comes is what is looked for
                bad.append(f"{name} = {junk!r}: {type(error).__name__} {str(error)[:150]}")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("question", NEEDED)
def test_the_page_shows_names_and_runs_nothing(question: str, tmp_path: Path) -> None:
    names = (HOSTILE, "b | **x**", "c'\"&<b>")
    features = table(60, names=names)
    swapped = {"a": names[0], "b": names[1], "c": names[2]}

    def rename(value: Any) -> Any:
        if isinstance(value, str):
            return swapped.get(value, value)
        return [rename(one) for one in value] if isinstance(value, list | tuple) else value

    asked = {name: rename(value) for name, value in NEEDED[question].items()}
    result = CAUSES[question](features, **asked)
    assert not set(result.estimates["estimand"]) - set(ESTIMANDS)
    page = (write_page((result,), tmp_path / "out", title=HOSTILE) / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "&<b>" not in page
    for written in (tmp_path / "out").glob("*.csv"):
        assert not any(
            cell.startswith("=")
            for line in written.read_text(encoding="utf-8").splitlines()
            for cell in line.split(",")
        )


@pytest.mark.parametrize("question", NEEDED)
def test_groups_are_the_tables_of_their_own(question: str) -> None:
    features = table(80)
    whole = CAUSES[question](features, **NEEDED[question] | {"by": "group"}).estimates
    frame = pd.DataFrame({name: features.values[name] for name in ("a", "b", "c")})
    frame.insert(0, "respondent", features.respondents)
    mine = frame[np.array(features.features[-1].levels)[features.values["group"]] == "x"]
    book = {"name": "hard", "feature": [{"name": name, "kind": "number"} for name in ("a", "b", "c")]}
    alone = CAUSES[question](pd_features(mine, book), **NEEDED[question]).estimates
    part = whole[
        (whole["group"] == "group = x")
        & (whole["other"].isin(["", "a", "b", "c"]) if "other" in whole else True)
    ]
    tested = ["hsic_correlation", "adjacency", "edge", "natural_indirect_effect", "effect"]
    kept = [
        one[one["estimand"].isin(tested) & (one["estimand"] != "dependent_pairs")] for one in (part, alone)
    ]
    assert len(kept[1]) and len(kept[0]) == len(kept[1])
    np.testing.assert_allclose(kept[0]["estimate"], kept[1]["estimate"], rtol=1e-9)


def pd_features(frame: pd.DataFrame, book: dict[str, Any]) -> pm.FeatureTable:
    return pm.read_features(frame.reset_index(drop=True), codebook=book)


def test_every_question_of_features_is_found_and_told_apart() -> None:
    assert list(CAUSES) == ["independence", "discovery", "mediation", "adjustment", "representation"]
    features = table()
    with pytest.raises(pm.InputError, match=r"no question 'alpha'.*independence, discovery"):
        ask_features(features, question="alpha", seed=1)
    with pytest.raises(pm.InputError, match="no option 'colour'"):
        ask_features(features, question="independence", seed=1, options={"traits": ["a"], "colour": 1})
    with pytest.raises(pm.InputError, match="mediation must be told") as told:
        ask_features(features, question="mediation", seed=1, options={"cause": "a"})
    assert [fault.where for fault in told.value.faults] == ["mediator", "outcome"]
    assert "seed" not in takes_of_features("discovery") and "tiers" in takes_of_features("discovery")


def test_scores_of_answers_become_features(tmp_path: Path) -> None:
    features = table(40)
    rng = np.random.default_rng(4)
    rows = [
        (name, item, int(rng.integers(1, 6)), rater)
        for name in features.respondents
        for item in ("t1", "t2")
        for rater in ("p", "q")
    ]
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "rater"])
    key = {"name": "k", "scale": [{"name": "T", "low": 1, "high": 5, "items": ["t1", "t2"]}]}
    joined = features_of(features, answers=frame, key=pm.read_key(key))
    expected = frame.groupby("respondent", sort=False)["response"].mean()
    np.testing.assert_allclose(joined.values["T"], expected.loc[features.respondents])
    apart = features_of(features, answers=frame, key=pm.read_key(key), across="rater")
    assert [f.name for f in apart.features][-2:] == ["T p", "T q"]
    made = features_report(
        features, question="independence", out=tmp_path / "out", seed=1, answers=frame, key=pm.read_key(key), across="rater",
        options={"traits": ["T"], "n_permutations": 99},
    )  # fmt: skip
    assert set(made.results[0].estimates["level"]) >= {"p", "q", "median of 2"}
    with pytest.raises(pm.InputError, match="codebook"):
        features_of(tmp_path / "x.csv")
    with pytest.raises(pm.InputError, match="key"):
        features_of(features, answers=frame)


def test_latent_causes_without_their_engine_say_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name loads and arguments are judged without JAX; what fits then says what is missing."""
    engines = ("jax", "optax")
    for name in {*engines, *(name for name in sys.modules if name.partition(".")[0] in engines)}:
        monkeypatch.setitem(sys.modules, name, None)
    for name in [
        name for name in sys.modules if name.startswith("psychomet.estimates.causes.representation.")
    ]:
        if name.rpartition(".")[2] != "representation":
            monkeypatch.delitem(sys.modules, name)
    simulated = pm.simulate_modalities(seed=1, n=300, latents=1, width=3).features
    with pytest.raises(pm.InputError, match="latents"):
        pm.representation(simulated, seed=1, latents=0)
    with pytest.raises(MissingEngineError, match=r"pip install 'psychomet\[jax\]'"):
        pm.representation(simulated, seed=1, latents=1, training=pm.Training(steps=10))
