"""Axes of a scale's rows: what is crossed, what is nested, what is a replicate, what is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.scores.key import read_key
from psychomet.scores.layout import Layout, check_layout, layouts
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
    assert layout.found == {"prompt": "crossed", "order": "partly crossed with prompt"}


def test_unknown_names_are_all_told() -> None:
    with pytest.raises(InputError, match=r"(?s)colour.*shape"):
        check_layout(held(crossed(prompt=["p", "q"])), facets=("colour",), fixed=("shape",), by=None)
