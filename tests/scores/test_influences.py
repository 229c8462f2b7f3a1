"""Influence values gathered over rows: who is not in a row has none, and too many are left out with a note."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.notes import Note
from psychomet.scores import influences
from psychomet.scores.influences import Pull, gathered

PULLS = [
    Pull(0, np.array(["b", "a"], dtype=object), np.array([1.0, -1.0])),
    Pull(4, np.array(["c", "a"], dtype=object), np.array([2.0, -2.0])),
]


def test_rows_and_respondents_are_labelled() -> None:
    notes: list[Note] = []
    found = gathered(PULLS, notes)
    assert found is not None and not notes
    assert found.respondents.tolist() == ["a", "b", "c"] and found.rows.tolist() == [0, 4]
    np.testing.assert_array_equal(found.values, [[-1, -2], [1, np.nan], [np.nan, 2]])


def test_nothing_gives_nothing() -> None:
    assert gathered([], []) is None


def test_too_many_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influences, "MANY_INFLUENCES", 5)
    notes: list[Note] = []
    assert gathered(PULLS, notes) is None
    assert [note.code for note in notes] == [
        "influence_not_kept"
    ] and "3 respondents on 2 estimates" in notes[0].text
