"""Items of several scales side by side: the same keyed answers as scale by scale, joined by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.scores.joint import ALL_ITEMS, chosen_scales, joint_samples
from psychomet.scores.key import Key, read_key
from psychomet.scores.sample import samples
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable


def key() -> Key:
    return read_key(
        {
            "name": "made",
            "scale": [
                {"name": "A", "low": 1, "high": 5, "items": ["a1", "a2"], "reversed": ["a2"]},
                {"name": "B", "low": 0, "high": 10, "items": ["b1", "b2"], "reversed": ["b1"]},
                {"name": "C", "low": 0, "high": 1, "items": ["c"], "scale_score": True},
            ],
        }
    )


def table() -> ResponseTable:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        [
            (f"r{r}", item, float(rng.integers(1, 6)) if item != "c" else 0.5, "xy"[r % 2], f"o{o}")
            for r in range(12)
            for o in range(2)
            for item in ("a1", "a2", "b1", "b2", "c")
            if not (r == 3 and item == "b2")
        ],
        columns=["respondent", "item", "response", "model", "occasion"],
    )
    return read_responses(frame, key=key())


@pytest.mark.parametrize("unit", ["respondent", "administration"])
@pytest.mark.parametrize("by", [None, "model", "occasion"])
def test_columns_are_those_of_the_scales(unit: str, by: str | None) -> None:
    made = table()
    joint = list(
        joint_samples(made, scales=key().scales[:2], missing="available", unit=unit, by=by)  # type: ignore[arg-type]
    )
    apart = [
        list(samples(made, scale=name, missing="available", unit=unit, by=by))  # type: ignore[arg-type]
        for name in ("A", "B")
    ]
    for place, both in enumerate(joint):
        assert both.scale.name == ALL_ITEMS and both.scale.items == ("a1", "a2", "b1", "b2")
        assert both.group == apart[0][place].group
        side = np.hstack([one[place].values for one in apart])
        np.testing.assert_array_equal(both.values, side)


def test_complete_rows_are_complete_over_all_scales() -> None:
    (joint,) = joint_samples(table(), scales=key().scales[:2], missing="complete", unit="respondent")
    assert joint.left_out == 1 and "r3" not in joint.ids
    (alone,) = joint_samples(table(), scales=key().scales[:1], missing="complete", unit="respondent")
    assert alone.left_out == 0 and alone.scale.name == "A"


def test_finished_scores_are_taken_only_by_name() -> None:
    assert [scale.name for scale in chosen_scales(key(), None)] == ["A", "B"]
    assert [scale.name for scale in chosen_scales(key(), ["C", "A", "C"])] == ["C", "A"]
    with pytest.raises(InputError, match="not a scale of the key: D"):
        chosen_scales(key(), ["A", "D"])
    with pytest.raises(InputError, match="none is named"):
        chosen_scales(key(), [])
    finished = read_key(
        {"name": "m", "scale": [{"name": "C", "low": 0, "high": 1, "items": ["c"], "scale_score": True}]}
    )
    with pytest.raises(InputError, match="finished score"):
        chosen_scales(finished, None)
