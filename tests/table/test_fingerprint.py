"""The fingerprint: blind to the order of rows, sensitive to every single answer and label."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import psychomet as pm
from psychomet.table import fingerprint as module
from psychomet.table.fingerprint import fingerprint_items


def answers(n: int = 5, k: int = 4) -> pd.DataFrame:
    """Answers of n respondents to k items under two prompts, one of them refused."""
    rng = np.random.default_rng(8)
    rows = [
        (f"r{i}", f"i{j}", prompt, float(rng.integers(1, 6)), "answered")
        for i in range(n) for j in range(k) for prompt in ("p", "q")
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["respondent", "item", "prompt", "response", "status"])
    frame.loc[5, ["response", "status"]] = [np.nan, "refused"]
    return frame


def mark(frame: pd.DataFrame) -> str:
    """Return the fingerprint of a table."""
    return str(pm.read_responses(frame).contract["fingerprint"])


@cache
def original() -> str:
    """Return the fingerprint of the unchanged table."""
    return mark(answers())


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    frame = answers()
    assert mark(frame.iloc[np.random.default_rng(seed).permutation(len(frame))]) == original()


@settings(max_examples=25)
@given(
    row=st.integers(0, 39).filter(lambda row: row != 5),
    change=st.one_of(st.integers(-3, 3).map(float), st.floats(-1e12, 1e12, allow_nan=False)).filter(
        lambda change: abs(change) >= 1e-5
    ),
)
def test_any_single_changed_answer_changes_it(row: int, change: float) -> None:
    frame = answers()
    frame.loc[row, "response"] += change
    assert mark(frame) != original()


@settings(max_examples=12)
@given(pair=st.lists(st.integers(0, 39).filter(lambda row: row != 5), min_size=2, max_size=2, unique=True))
def test_two_answers_that_change_places_change_it(pair: list[int]) -> None:
    frame = answers()
    first, second = frame.loc[pair, "response"]
    frame.loc[pair, "response"] = [second, first]
    assert (mark(frame) == original()) == (first == second)


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [(5, "status", "unparsed"), (0, "respondent", "r9"), (0, "prompt", ""), (39, "prompt", "z")],
)
def test_any_label_changes_it(row: int, column: str, value: str) -> None:
    frame = answers()
    frame.loc[row, column] = value
    assert mark(frame) != original()


def test_what_is_missing_is_not_a_zero() -> None:
    frame = answers()
    frame.loc[5, ["response", "status"]] = [0.0, "answered"]
    assert mark(frame) != original()
    assert mark(answers().drop(index=5)) != original()


def test_renaming_all_respondents_changes_it_and_a_zero_has_no_sign() -> None:
    assert mark(answers().replace({"respondent": {"r0": "s0"}})) != original()
    frame = answers()
    frame.loc[0, "response"] = 0.0
    other = frame.copy()
    other.loc[0, "response"] = -0.0
    assert mark(frame) == mark(other)


def test_decimals_lost_on_the_way_through_text_do_not_matter() -> None:
    frame = answers()
    frame["response"] += 1 / 3
    assert mark(frame.assign(response=frame["response"].round(12))) == mark(frame)
    assert mark(frame.assign(response=frame["response"].round(4))) != mark(frame)


def test_slices_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1, 7, 39, 40, 41):
        monkeypatch.setattr(module, "SLICE", size)
        assert mark(answers()) == original()


def test_it_is_the_same_on_every_machine() -> None:
    # A change of this value means that results saved before can no longer be recognised.
    assert original() == "eabf5b03828a2907b3d446c3a6eca6b0613854ca8626120d46c556ec7ce7334f"


def test_items_have_a_mark_of_their_own() -> None:
    assert fingerprint_items(["b", "a"]) == fingerprint_items(["a", "b"])
    assert fingerprint_items(["ab"]) != fingerprint_items(["a", "b"])
    assert fingerprint_items([]) == hashlib.sha256().hexdigest()
    assert pm.read_responses(answers()).contract["items"] == fingerprint_items(["i0", "i1", "i2", "i3"])
