"""Axes of a scale's rows: what is crossed, what is nested, what is a replicate, what is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.scores.key import read_key
from psychomet.scores.layout import Layout, check_layout, layouts
from psychomet.scores.layout_study import numbers_text
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable


def crossed(**facets: Sequence[str]) -> pd.DataFrame:
    """Every combination of 4 respondents, 2 items and the levels given, with a different answer in each row."""
    axes = {"respondent": list("abcd"), "item": ["i1", "i2"], **facets}
    frame = pd.MultiIndex.from_product(axes.values(), names=axes.keys()).to_frame(index=False)
    return frame.assign(response=np.arange(len(frame), dtype=float))


def held(frame: pd.DataFrame) -> ResponseTable:
    scale = {"name": "S", "low": 0, "high": 1e6, "items": ["i1", "i2"]}
    return read_responses(frame, key=read_key({"name": "made", "scale": [scale]}))


def one(frame: pd.DataFrame, **arguments: object) -> Layout:
    return next(iter(layouts(held(frame), scale="S", **({"missing": "available"} | arguments))))


def test_cells_hold_every_answer_in_its_place() -> None:
    frame = crossed(prompt=["p", "q", "r"])
    layout = one(frame.sample(frac=1, random_state=1))
    assert layout.axes == ("respondent", "item", "prompt")
    np.testing.assert_array_equal(layout.cells, np.arange(24.0).reshape(4, 2, 3))
    assert list(layout.ids) == list("abcd")


def test_samples_are_nested_in_the_administration() -> None:
    layout = one(crossed(prompt=["p", "q"], sample=["1", "2", "3"]))
    assert layout.axes[-1] == "sample"
    assert layout.nested == {3: (0, 2)}
    np.testing.assert_array_equal(layout.cells, np.arange(48.0).reshape(4, 2, 2, 3))


def test_a_hole_leaves_no_cells_and_conditions_are_harmonic_means() -> None:
    frame = crossed(prompt=["p", "q", "r"])
    thin = frame[~((frame["respondent"] == "a") & (frame["prompt"] != "p"))]
    layout = one(thin)
    assert layout.cells is None
    # Three respondents met 3 prompts and one met 1.
    assert layout.numbers == pytest.approx((2.0, 4 / (3 / 3 + 1 / 1)))
    whole = one(thin, missing="complete")
    assert whole.cells is not None
    assert list(whole.ids) == list("bcd")
    assert whole.left_out["respondents with a condition missing"] == 1


def test_rare_condition_is_left_out_before_respondents_are() -> None:
    frame = crossed(prompt=["p", "q"])
    rare = frame[(frame["respondent"] == "a") & (frame["prompt"] == "p")].assign(prompt="r", response=99.0)
    layout = one(pd.concat([frame, rare]), missing="complete")
    assert layout.sizes == (4, 2, 2)
    assert layout.left_out["conditions that fewer than half of the respondents have"] == 2


def test_without_an_object_respondents_are_cells() -> None:
    frame = pd.DataFrame({
        "respondent": np.repeat([f"a{number}" for number in range(6)], 2), "item": ["i1", "i2"] * 6,
        "prompt": np.repeat(["p", "q", "r"] * 2, 2), "order": np.repeat(["x", "y"], 6), "response": np.arange(12.0),
    })  # fmt: skip
    layout = one(frame, measured=False)
    assert layout.axes == ("item", "prompt", "order")
    assert layout.cells is not None
    assert layout.cells.shape == (2, 3, 2)
    averaged = one(frame, measured=False, fixed=("item",))
    np.testing.assert_array_equal(averaged.cells, [[0.5, 6.5], [2.5, 8.5], [4.5, 10.5]])


def test_partly_crossed_facets_are_said_to_be() -> None:
    frame = crossed(prompt=["p", "q", "r"], order=["x", "y", "z"])
    layout = one(frame[~((frame["prompt"] == "p") & (frame["order"] == "z"))])
    assert layout.found == {
        "prompt": "crossed",
        "order": "partly crossed with prompt, in 8 of 9 combinations",
    }


def test_unknown_names_are_all_told() -> None:
    with pytest.raises(InputError, match=r"(?s)colour.*shape"):
        check_layout(held(crossed(prompt=["p", "q"])), facets=("colour",), fixed=("shape",), by=None)


def latin() -> pd.DataFrame:
    """Three facets of three levels, the third settled by the other two."""
    frame = crossed(prompt=["p", "q", "r"], order=["x", "y", "z"])
    code = frame["prompt"].map({"p": 0, "q": 1, "r": 2}) + frame["order"].map({"x": 0, "y": 1, "z": 2})
    return frame.assign(language=(code % 3).map({0: "en", 1: "fr", 2: "it"}))


def test_latin_square_is_named() -> None:
    layout = one(latin())
    wanted = "crossed with prompt and with order, but only 9 of 27 combinations occur"
    assert layout.found["language"] == f"{wanted}, each settled by the other two (a Latin square)"
    assert layout.found["prompt"] == layout.found["order"] == "crossed"
    assert layout.doubts == ()


def many(**facets: Sequence[str]) -> pd.DataFrame:
    axes = {"respondent": [f"r{number:02d}" for number in range(50)], "item": ["i1", "i2"], **facets}
    frame = pd.MultiIndex.from_product(axes.values(), names=axes.keys()).to_frame(index=False)
    return frame.assign(response=np.arange(len(frame), dtype=float))


def test_few_answers_that_speak_against_a_nesting_are_told() -> None:
    frame = many(prompt=["p1", "p2", "q1", "q2"])
    frame["language"] = np.where(frame["prompt"].str[0] == "p", "en", "fr")
    assert one(frame).found == {"prompt": "nested in language", "language": "crossed"}
    assert one(frame).doubts == ()
    wrong = frame.index % 100 == 7
    frame.loc[wrong, "language"] = np.where(frame.loc[wrong, "language"] == "en", "fr", "en")
    layout = one(frame)
    assert layout.doubts == (
        f"prompt would be nested in language but for {wrong.sum()} of {len(frame)} answers",
    )
    assert "partly crossed" in layout.found["language"]


def test_few_answers_under_another_level_of_a_facet_between_respondents_are_told() -> None:
    frame = many(prompt=["p", "q", "r", "s"])
    frame["model"] = np.where(frame["respondent"] < "r25", "a", "b")
    assert one(frame).found["model"].startswith("respondents are nested in it")
    frame.loc[frame.index % 100 == 7, "model"] = "b"
    assert any("respondent would be nested in model" in doubt for doubt in one(frame).doubts)


def test_missing_cells_and_rare_levels_are_no_doubts() -> None:
    frame = many(prompt=["p", "q", "r"], order=["x", "y"])
    assert one(frame.sample(frac=0.5, random_state=1)).doubts == ()
    # Nearly all answers under one order say nothing of a nesting: every facet would be nested in it.
    rare = frame[(frame["order"] == "x") | (frame.index % 50 == 1)]
    assert one(rare).doubts == ()


def test_facet_named_and_never_varied_is_said() -> None:
    frame = crossed(prompt=["p", "q"]).assign(language="en")
    assert one(frame, facets=("prompt", "language")).found["language"].startswith("one level only")
    assert "language" not in one(frame).found


def test_equal_numbers_of_conditions_are_whole() -> None:
    frame = crossed(prompt=["p", "q", "r"], order=["x", "y", "z"])
    thin = frame[~((frame["prompt"] == "p") & (frame["order"] == "z"))]
    assert one(thin).numbers == (2.0, 3.0, 3.0)
    assert numbers_text(("item", "sample"), (6.0, 24 / 13)) == "item = 6, sample = 1.85"
    assert numbers_text(("item", "sample"), (1e6, 1.9996)) == "item = 1000000, sample = 2.00"


def test_items_of_their_own_under_each_level_are_told() -> None:
    frame = crossed(prompt=["x", "y"])
    apart = frame[(frame["item"] == "i1") == (frame["prompt"] == "x")]
    assert one(apart).found["item"] == "each under one level of prompt only"
    assert "item" not in one(frame).found
