"""Leaving respondents out: counted, noted, and the rest is the table that it would have been."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.table.responses import to_frame

KEY = {"name": "t", "scale": [{"name": "A", "low": 1, "high": 5, "items": ["a", "b"]}]}


def answers() -> pd.DataFrame:
    """Four respondents, two items, two prompts."""
    rng = np.random.default_rng(2)
    rows = [(r, i, p, int(rng.integers(1, 6))) for r in "wxyz" for p in "pq" for i in "ab"]
    return pd.DataFrame(rows, columns=["respondent", "item", "prompt", "response"])


@pytest.fixture(scope="module")
def whole() -> pm.ResponseTable:
    return pm.read_responses(answers(), key=pm.read_key(KEY))


def test_the_rest_is_the_table_of_the_rest(whole: pm.ResponseTable) -> None:
    left = pm.without(whole, respondents=["x"], reason="answered in verse")
    other = pm.read_responses(answers()[answers()["respondent"] != "x"], key=pm.read_key(KEY))
    assert left.contract == other.contract
    assert left.design == other.design
    pd.testing.assert_frame_equal(to_frame(left).astype(str), to_frame(other).astype(str))
    assert left.contract["fingerprint"] != whole.contract["fingerprint"]
    assert (left.contract["n_respondents"], left.contract["n_answers"]) == (3, 12)


def test_rows_are_counted_and_the_reason_is_noted(whole: pm.ResponseTable) -> None:
    once = pm.without(whole, respondents=["x"], reason="answered in verse")
    assert (once.intake.rows_read, once.intake.rows_kept, dict(once.intake.dropped)) == (
        16,
        12,
        {"answered in verse": 4},
    )
    assert [(note.code, note.text) for note in once.notes] == [
        ("left_out", "1 respondent (4 rows) left out: answered in verse.")
    ]
    twice = pm.without(once, respondents=["w"], reason="outlier")
    again = pm.without(once, respondents=["w"], reason="answered in verse")
    assert dict(twice.intake.dropped) == {"answered in verse": 4, "outlier": 4}
    assert dict(again.intake.dropped) == {"answered in verse": 8}
    assert twice.intake.rows_read == twice.intake.rows_kept + sum(twice.intake.dropped.values())
    assert len(twice.notes) == 2


def test_the_table_it_came_from_is_as_before(whole: pm.ResponseTable) -> None:
    before = dict(whole.contract)
    pm.without(whole, respondents=["x", "w"], reason="r")
    gc.collect()
    assert pm.read_responses(answers(), key=pm.read_key(KEY)).contract == before == whole.contract
    assert len(to_frame(whole)) == 16


def test_scores_of_the_rest_are_unchanged(whole: pm.ResponseTable) -> None:
    left = pm.without(whole, respondents=["w", "y"], reason="r")
    scores = pm.score(whole, missing="complete")
    kept = scores[scores["respondent"].isin(["x", "z"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        pm.score(left, missing="complete").astype(kept.dtypes), kept, check_categorical=False
    )


def test_leaving_nobody_out_is_the_same_table(whole: pm.ResponseTable) -> None:
    assert pm.without(whole, respondents=[], reason="r") is whole


def test_an_item_that_only_those_left_out_were_asked_is_gone() -> None:
    extra = pd.DataFrame({"respondent": ["w"], "item": ["A first"], "prompt": ["s"], "response": [5]})
    table = pm.read_responses(pd.concat([extra, answers()]))
    left = pm.without(table, respondents=["w"], reason="r")
    assert left.items == ("a", "b")
    assert left.design.levels["prompt"] == ("p", "q")
    assert left.contract == pm.read_responses(answers()[answers()["respondent"] != "w"]).contract


def test_an_item_of_the_key_cannot_lose_all_its_answers() -> None:
    frame = answers()
    frame = frame[(frame["item"] == "a") | (frame["respondent"] == "w")]
    table = pm.read_responses(frame, key=pm.read_key(KEY))
    with pytest.raises(pm.InputError, match="1 in the key but not in the table: 'b'"):
        pm.without(table, respondents=["w"], reason="r")


@pytest.mark.parametrize(
    ("respondents", "reason", "wanted"),
    [
        (["x", "q"], "r", ["1 are not in the table: 'q'"]),
        (["w", "x", "y"], "r", ["fewer than two would be left"]),
        (["w", "x", "y", "z", "\x1b"], " ", [r"'\x1b'", "fewer than two", "reason: it is empty"]),
        ("x", "r", ["they are one text"]),
    ],
)
def test_what_cannot_be_left_out(
    whole: pm.ResponseTable, respondents: Any, reason: str, wanted: list[str]
) -> None:
    with pytest.raises(pm.InputError) as caught:
        pm.without(whole, respondents=respondents, reason=reason)
    for part in wanted:
        assert part in str(caught.value)
    assert len(caught.value.faults) == len(wanted)
