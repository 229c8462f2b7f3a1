"""Trait scores beside the features of the same respondents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.scores.feature_scores import with_scores
from psychomet.scores.key import Key, read_key
from psychomet.table.read import read_responses
from psychomet.table.read_features import from_arrays
from psychomet.table.responses import ResponseTable


def key() -> Key:
    return read_key(
        {"name": "two", "scale": [
            {"name": "calm", "items": ["a", "b"], "reversed": ["b"], "low": 1, "high": 5},
            {"name": "bold", "items": ["c"], "low": 1, "high": 5, "scale_score": True},
        ]}
    )  # fmt: skip


def responses() -> ResponseTable:
    rows = [
        {
            "respondent": f"r{r}",
            "item": item,
            "response": 1 + (r + at + (prompt == "p2")) % 5,
            "prompt": prompt,
        }
        for r in range(1, 6)
        for at, item in enumerate("abc")
        for prompt in ("p1", "p2")
    ]
    return read_responses(pd.DataFrame(rows), key=key())


def people(n: int = 5) -> object:
    return from_arrays({"height": np.arange(n) + 150.0}, respondents=[f"r{i}" for i in range(1, n + 1)])


def test_scores_are_means_of_administrations() -> None:
    made = with_scores(people(), responses=responses(), missing="complete")
    assert [(f.name, f.kind) for f in made.features] == [
        ("height", "number"), ("bold", "number"), ("calm", "number"),
    ]  # fmt: skip
    # Respondent 1: c is 4 under p1, 5 under p2; a 2 and 3, b reversed 3 and 2.
    assert made.values["bold"][0] == 4.5
    assert made.values["calm"][0] == 2.5
    assert not any(note.code == "unmatched_respondents" for note in made.notes)


def test_across_a_facet_each_level_is_a_measurement() -> None:
    made = with_scores(people(), responses=responses(), missing="complete", scales=["bold"], across="prompt")
    assert list(made.modalities["bold"]) == ["p1", "p2"]
    assert (made.values["bold p1"][0], made.values["bold p2"][0]) == (4, 5)


def test_respondents_are_matched_by_id_and_counted() -> None:
    made = with_scores(people(7), responses=responses(), missing="complete")
    assert np.isnan(made.values["calm"][5:]).all()
    assert not np.isnan(made.values["calm"][:5]).any()
    note = next(note for note in made.notes if note.code == "unmatched_respondents")
    assert note.text.startswith("2 respondents have no answers; 0 with answers")
    fewer = with_scores(people(3), responses=responses(), missing="complete")
    assert len(fewer.values["calm"]) == 3
    assert "2 with answers have no features" in fewer.notes[-1].text


@pytest.mark.parametrize(
    ("options", "words"),
    [({"scales": ["brave"]}, "no scale 'brave'"), ({"across": "rater"}, "no facet 'rater'")],
)
def test_faults(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        with_scores(people(), responses=responses(), missing="complete", **options)


def test_names_that_are_taken_and_nobody_in_both() -> None:
    taken = from_arrays({"calm": np.arange(5.0)}, respondents=[f"r{i}" for i in range(1, 6)])
    with pytest.raises(InputError, match="'calm' is a feature already"):
        with_scores(taken, responses=responses(), missing="complete")
    strangers = from_arrays({"height": np.arange(5.0)})
    with pytest.raises(InputError, match="none is in both"):
        with_scores(strangers, responses=responses(), missing="complete")
