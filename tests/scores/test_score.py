"""Reversal, the two rules for missing answers, and the two units, against brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import psychomet as pm
from psychomet.scores.score import answers, check_missing, scale_scores

# A mean of a few codes, added in another order.
ROUNDING = 1e-12

KEY = {
    "name": "t",
    "scale": [
        {"name": "A", "low": 1, "high": 7, "items": ["a3", "a1", "a2"], "reversed": ["a1"]},
        {"name": "B", "low": 0, "high": math.inf, "items": ["b"], "scale_score": True},
    ],
}


def study(seed: int = 1, n: int = 6) -> pd.DataFrame:
    """Answers under two prompts, with holes in scale A; scale B is behaviour without a prompt."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for i in range(n):
        for prompt in ("p", "q"):
            for item in ("a1", "a2", "a3"):
                # The last respondent refuses everything under the second prompt.
                refused = rng.random() < 0.25 or (i, prompt) == (n - 1, "q")
                status = "refused" if refused else "answered"
                value = float(rng.integers(1, 8)) if status == "answered" else np.nan
                rows.append((f"r{i}", item, value, status, "self_report", prompt))
        rows.append((f"r{i}", "b", float(rng.exponential(50)), "answered", "behaviour", None))
    return pd.DataFrame(rows, columns=["respondent", "item", "response", "status", "source", "prompt"])


def read(frame: pd.DataFrame, key: dict[str, Any] | None = None) -> pm.ResponseTable:
    """Read a table with its key."""
    return pm.read_responses(frame, key=pm.read_key(key or KEY))


def keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """Keyed responses of scale A, one row per administration, columns as in the key."""
    mine = frame[frame["item"].isin(["a1", "a2", "a3"])].copy()
    mine.loc[mine["item"] == "a1", "response"] = 8 - mine["response"]
    return mine.pivot(index=["respondent", "prompt"], columns="item", values="response")[["a3", "a1", "a2"]]


def test_keyed_answers_by_administration() -> None:
    frame = study()
    block = answers(read(frame), scale="A")
    wanted = keyed(frame)
    np.testing.assert_array_equal(block.values, wanted.to_numpy())
    assert block.respondents[block.respondent].tolist() == wanted.index.get_level_values(0).tolist()
    assert block.cells["prompt"].tolist() == wanted.index.get_level_values(1).tolist()
    assert list(block.cells) == ["prompt"]
    assert (block.source, block.scale.name) == ("self_report", "A")


def test_keyed_answers_by_respondent_are_means_over_administrations() -> None:
    frame = study()
    block = answers(read(frame), scale="A", unit="respondent")
    np.testing.assert_allclose(block.values, keyed(frame).groupby(level=0).mean().to_numpy(), atol=ROUNDING)
    assert block.respondent.tolist() == list(range(6))
    assert block.cells.shape == (6, 0)


def test_a_cell_nobody_answered_is_nothing_in_either_unit() -> None:
    frame = study()
    frame.loc[(frame["respondent"] == "r0") & (frame["item"] == "a2"), ["response", "status"]] = [
        np.nan,
        "unparsed",
    ]
    assert np.isnan(answers(read(frame), scale="A").values[:2, 2]).all()
    assert np.isnan(answers(read(frame), scale="A", unit="respondent").values[0, 2])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("missing", ["available", "complete"])
def test_scale_scores_by_administration(missing: Any, seed: int) -> None:
    frame = study(seed)
    scores = scale_scores(read(frame), scale="A", missing=missing)
    wanted = keyed(frame)
    given_answers = wanted.notna().sum(axis=1).to_numpy()
    mean = wanted.mean(axis=1).to_numpy()
    if missing == "complete":
        mean = np.where(given_answers == 3, mean, np.nan)
    np.testing.assert_allclose(scores.values, mean, atol=ROUNDING)
    np.testing.assert_array_equal(scores.answered, given_answers)
    assert np.isnan(scores.values).any()


@pytest.mark.parametrize("missing", ["available", "complete"])
def test_a_respondent_scores_the_mean_of_the_administrations_that_have_a_score(missing: Any) -> None:
    frame = study()
    by_administration = scale_scores(read(frame), scale="A", missing=missing)
    by_respondent = scale_scores(read(frame), scale="A", missing=missing, unit="respondent")
    grouped = pd.Series(by_administration.values).groupby(by_administration.respondent)
    np.testing.assert_allclose(by_respondent.values, grouped.mean().to_numpy(), atol=ROUNDING)
    total = pd.Series(by_administration.answered).groupby(by_administration.respondent).sum()
    np.testing.assert_array_equal(by_respondent.answered, total)


def test_an_administration_weighs_the_same_however_many_items_it_answered() -> None:
    frame = pd.DataFrame(
        [
            ("x", "a1", 7, "p"),
            ("x", "a2", 7, "p"),
            ("x", "a3", 7, "p"),
            ("x", "a2", 1, "q"),
            ("y", "a2", 4, "p"),
        ],
        columns=["respondent", "item", "response", "prompt"],
    )
    key = {"name": "t", "scale": [{"name": "A", "low": 1, "high": 7, "items": ["a1", "a2", "a3"]}]}
    scores = scale_scores(read(frame, key), scale="A", missing="available", unit="respondent")
    assert scores.values.tolist() == [4.0, 4.0]
    assert scores.answered.tolist() == [4, 1]


def test_nothing_answered_is_no_score_and_never_zero() -> None:
    frame = study()
    mine = (frame["respondent"] == "r0") & (frame["source"] == "self_report")
    frame.loc[mine, ["response", "status"]] = [np.nan, "refused"]
    table = read(frame)
    for missing in ("available", "complete"):
        assert np.isnan(scale_scores(table, scale="A", missing=missing).values[:2]).all()
        by_respondent = scale_scores(table, scale="A", missing=missing, unit="respondent")
        assert np.isnan(by_respondent.values[0])
        assert by_respondent.answered[0] == 0
        assert len(by_respondent.values) == 6


codes = st.lists(
    st.lists(st.one_of(st.none(), st.integers(-3, 9)), min_size=4, max_size=4), min_size=2, max_size=5
).filter(lambda rows: all(any(row[j] is not None for row in rows) for j in range(4)))


@settings(max_examples=15)
@given(rows=codes, reverse=st.sets(st.sampled_from(["i0", "i1", "i2", "i3"])))
def test_reversing_twice_is_reversing_never(rows: list[list[int | None]], reverse: set[str]) -> None:
    low, high = -3, 9
    tidy = pd.DataFrame(
        [(f"r{i}", f"i{j}", value, "answered" if value is not None else "truncated")
         for i, row in enumerate(rows) for j, value in enumerate(row)],
        columns=["respondent", "item", "response", "status"],
    ).astype({"response": float})  # fmt: skip
    turned = tidy.copy()
    mine = turned["item"].isin(reverse)
    turned.loc[mine, "response"] = low + high - turned.loc[mine, "response"]
    scale = {"name": "A", "low": low, "high": high, "items": ["i0", "i1", "i2", "i3"]}
    plain = answers(read(tidy, {"scale": [scale]}), scale="A")
    back = answers(read(turned, {"scale": [scale | {"reversed": sorted(reverse)}]}), scale="A")
    np.testing.assert_array_equal(plain.values, back.values)


def test_scores_stay_in_the_range_and_reversal_turns_them_round() -> None:
    frame = study()
    turned = {"name": "t", "scale": [KEY["scale"][0] | {"reversed": ["a2", "a3"]}, KEY["scale"][1]]}
    one = scale_scores(read(frame), scale="A", missing="available").values
    other = scale_scores(read(frame, turned), scale="A", missing="available").values
    assert np.nanmin(one) >= 1
    assert np.nanmax(one) <= 7
    finite = np.isfinite(one)
    np.testing.assert_allclose(one[finite] + other[finite], 8, atol=ROUNDING)


def test_a_finished_score_passes_through() -> None:
    frame = study()
    scores = scale_scores(read(frame), scale="B", missing="complete")
    np.testing.assert_array_equal(scores.values, frame.loc[frame["item"] == "b", "response"].to_numpy())
    assert (scores.source, scores.cells["prompt"].tolist()) == ("behaviour", [""] * 6)


def test_all_scores_as_one_tidy_frame() -> None:
    frame = study()
    scores = pm.score(read(frame), missing="available")
    assert list(scores) == ["respondent", "prompt", "source", "scale", "score", "answered", "items"]
    assert len(scores) == 12 + 6
    mine = scores[scores["scale"] == "A"]
    np.testing.assert_allclose(mine["score"].to_numpy(), keyed(frame).mean(axis=1).to_numpy(), atol=ROUNDING)
    assert (mine["items"] == 3).all()
    assert scores.loc[scores["scale"] == "B", "source"].unique().tolist() == ["behaviour"]


def test_a_key_may_come_later_and_must_fit() -> None:
    table = pm.read_responses(study())
    with pytest.raises(pm.InputError, match="scales are asked for and there is no key"):
        pm.score(table, missing="available")
    later = pm.score(table, missing="available", key=pm.read_key(KEY))
    pd.testing.assert_frame_equal(later, pm.score(read(study()), missing="available"))
    with pytest.raises(pm.InputError, match="in the table but not in the key"):
        pm.score(table, missing="available", key=pm.read_key({"scale": KEY["scale"][:1]}))


@pytest.mark.parametrize("rule", ["", "Available", "pairwise", "\x1b", None, 3])
def test_there_are_two_rules_and_no_default(rule: Any) -> None:
    assert check_missing("available") == "available"
    assert check_missing("complete") == "complete"
    with pytest.raises(pm.InputError, match="is not a rule for missing answers"):
        scale_scores(read(study()), scale="A", missing=rule)
    with pytest.raises(TypeError):
        pm.score(read(study()))


def test_a_scale_that_is_not_there() -> None:
    with pytest.raises(pm.InputError, match="there is no scale 'C'"):
        answers(read(study()), scale="C")
