"""Mean and spread over respondents, against plain NumPy and SciPy and against a simulated truth."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.profile import profile
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale, read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable
from psychomet.table.simulate import simulate_study

SAME_NUMBER = 1e-12

KEY = Key(
    "two scales",
    (Scale("A", ("a1", "a2"), 1, 5, frozenset({"a2"})), Scale("B", ("b1",), 0, 10, scale_score=True)),
)


def frame(n: int = 12, seed: int = 3) -> pd.DataFrame:
    """Answers of n respondents under two orders, half of them model x."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"r{who:02d}", "xy"[who % 2], order, item, float(rng.integers(1, 6)))
        for who in range(n)
        for order in "fr"
        for item in ("a1", "a2", "b1")
    ]
    return pd.DataFrame(rows, columns=["respondent", "model", "order", "item", "response"])


def own_means(answers: pd.DataFrame) -> pd.DataFrame:
    """Mean scores of A and B by respondent, written out."""
    wide = answers.pivot_table(index=["respondent", "model", "order"], columns="item", values="response")
    scores = pd.DataFrame({"A": (wide["a1"] + 6 - wide["a2"]) / 2, "B": wide["b1"]})
    return scores.groupby(["respondent", "model"]).mean().reset_index()


def row(result: Result, **where: str) -> pd.Series:
    found = result.estimates
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture(scope="module")
def table() -> ResponseTable:
    return read_responses(frame(), key=KEY)


def test_mean_and_interval_are_those_of_the_respondents_means(table: ResponseTable) -> None:
    means = own_means(frame())
    result = profile(table, missing="available", by="model", conf_level=0.9)
    for group, part in (("", means), ("model = x", means[means["model"] == "x"])):
        for scale in "AB":
            found = row(result, estimand="mean_score", term=scale, group=group)
            low, high = stats.t.interval(0.9, len(part) - 1, part[scale].mean(), stats.sem(part[scale]))
            expected = (part[scale].mean(), stats.sem(part[scale]), low, high, len(part))
            columns = ["estimate", "std_error", "conf_low", "conf_high", "n"]
            assert found[columns].tolist() == pytest.approx(list(expected), rel=SAME_NUMBER)
            spread = row(result, estimand="sd_score", term=scale, group=group)
            assert spread["estimate"] == pytest.approx(part[scale].std(), rel=SAME_NUMBER)
            assert spread["conf_low"] < spread["estimate"] < spread["conf_high"]
            assert spread["method"].startswith("delta; ") and found["method"].startswith("t; ")


def test_by_a_facet_that_varies_within_respondents(table: ResponseTable) -> None:
    answers = frame()
    result = profile(table, missing="available", by="order")
    expected = own_means(answers[answers["order"] == "f"])
    found = row(result, estimand="mean_score", term="A", group="order = f")
    assert found["n"] == 12
    assert found["estimate"] == pytest.approx(expected["A"].mean(), rel=SAME_NUMBER)


def test_influence_gives_the_standard_error_and_belongs_to_its_row(table: ResponseTable) -> None:
    result = profile(table, missing="available", by="model")
    influence = result.arrays["influence"]
    assert influence.dims == ("respondent", "row")
    assert list(influence["respondent"].values) == sorted(set(frame()["respondent"]))
    rows = influence["row"].values
    assert (result.estimates["estimand"].iloc[rows] == "mean_score").all() and len(rows) == 6
    for at in rows:
        values = influence.sel(row=at).values
        there = values[np.isfinite(values)]
        estimate = result.estimates.iloc[at]
        assert there.size == estimate["n"] and there.mean() == pytest.approx(0, abs=SAME_NUMBER)
        error = np.sqrt(np.sum(there**2) / (there.size * (there.size - 1)))
        assert error == pytest.approx(estimate["std_error"], rel=1e-10)


def test_one_respondent_in_a_group_has_a_reason() -> None:
    answers = frame()
    answers.loc[answers["respondent"] == "r03", "model"] = "alone"
    result = profile(read_responses(answers, key=KEY), missing="available", by="model")
    found = row(result, estimand="mean_score", term="A", group="model = alone")
    assert found["n"] == 1 and np.isfinite(found["estimate"]) and "one respondent" in found["reason"]
    assert "one respondent" in row(result, estimand="sd_score", term="A", group="model = alone")["reason"]


def test_four_respondents_have_a_spread_without_interval() -> None:
    result = profile(read_responses(frame(4), key=KEY), missing="available")
    found = row(result, estimand="sd_score", term="B")
    assert np.isfinite(found["estimate"]) and "fewer than 5" in found["reason"]
    assert np.isfinite(row(result, estimand="mean_score", term="B")["conf_low"])


def test_respondents_who_all_score_alike_are_noted() -> None:
    answers = frame()
    answers.loc[answers["item"] == "b1", "response"] = 0.1
    result = profile(read_responses(answers, key=KEY), missing="available")
    found = row(result, estimand="mean_score", term="B")
    assert found["estimate"] == pytest.approx(0.1) and "alike" in found["reason"]
    assert np.isnan(found["conf_low"])
    assert row(result, estimand="sd_score", term="B")["estimate"] == 0
    assert next(note.text for note in result.notes if note.code == "zero_variance").count("B") == 1


def test_missing_answers_follow_the_rule_and_are_counted() -> None:
    answers = frame()
    answers["status"] = "answered"
    gone = (answers["respondent"] == "r00") & answers["item"].isin(["a1", "a2"]) & (answers["order"] == "f")
    half = (answers["respondent"] == "r01") & (answers["item"] == "a2")
    answers.loc[gone | half, ["response", "status"]] = [np.nan, "refused"]
    read = read_responses(answers, key=KEY)
    available = profile(read, missing="available")
    complete = profile(read, missing="complete")
    assert row(available, estimand="mean_score", term="A")["n"] == 12
    assert row(complete, estimand="mean_score", term="A")["n"] == 11
    assert "A 1 of 24" in next(n.text for n in available.notes if n.code == "no_score")
    assert "A 3 of 24" in next(n.text for n in complete.notes if n.code == "no_score")
    values = complete.arrays["influence"].sel(respondent="r01").values
    assert np.isnan(values[0]) and np.isfinite(values[1])


def test_respondents_that_share_a_model_are_noted(table: ResponseTable) -> None:
    notes = [note for note in profile(table, missing="available").notes if note.code == "shared_identity"]
    assert len(notes) == 1 and "2" in notes[0].text and "model" in notes[0].text


def test_settings_are_plain_and_whole(table: ResponseTable) -> None:
    settings = profile(table, missing="complete", by="model").settings
    assert json.loads(json.dumps(settings))["scales"] == {"A": ["a1", "a2"], "B": ["b1"]}
    assert (settings["missing"], settings["by"], settings["conf_level"]) == ("complete", "model", 0.95)
    assert settings["table"] == dict(table.contract)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"missing": "mean"}, "missing"),
        ({"missing": "available", "by": "prompt"}, "prompt"),
        ({"missing": "available", "conf_level": 95}, "conf_level"),
    ],
)
def test_wrong_arguments_are_refused(table: ResponseTable, arguments: dict, word: str) -> None:
    with pytest.raises(InputError, match=word):
        profile(table, **arguments)


def test_no_key_is_refused() -> None:
    with pytest.raises(InputError, match="key"):
        profile(read_responses(frame()), missing="available")


def test_truth_of_a_simulated_study_is_covered() -> None:
    study = simulate_study(seed=5, models=2, personas=40)
    result = profile(read_responses(study.frame, key=read_key(study.key)), missing="available", by="model")
    both = result.estimates.merge(study.truth, on=["estimand", "term", "group"])
    assert len(both) == len(result.estimates)
    inside = (both["conf_low"] <= both["reference"]) & (both["reference"] <= both["conf_high"])
    # 48 dependent intervals of 95 %.
    assert inside.mean() >= 0.85
