"""Reductions against brute force over the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.schema import SOURCES, STATUSES
from psychomet.table.reduce import item_block, status_counts

ITEMS = ("a", "b", "c", "act")


def answers(seed: int) -> pd.DataFrame:
    """Sparse answers: any item may be missing from any administration, any answer refused."""
    rng = np.random.default_rng(seed)
    rows = []
    for respondent in range(7):
        for prompt in "pqs":
            for item in ITEMS:
                if rng.random() < 0.3:
                    continue
                status = STATUSES[rng.choice(5, p=[0.6, 0.1, 0.1, 0.1, 0.1])]
                value = float(rng.integers(1, 6)) if status == "answered" else np.nan
                source = "behaviour" if item == "act" else "self_report"
                rows.append((f"r{respondent}", prompt, item, value, status, source))
    frame = pd.DataFrame(rows, columns=["respondent", "prompt", "item", "response", "status", "source"])
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_block_holds_every_answer_in_its_place(seed: int) -> None:
    frame = answers(seed)
    table = pm.read_responses(frame)
    chosen = ["c", "a"]
    block = item_block(table, items=chosen)
    cells = table.administrations.iloc[block.administration]
    mine = frame[frame["item"].isin(chosen)]
    assert len(cells) == len(mine[["respondent", "prompt"]].drop_duplicates())
    assert (np.diff(block.administration) > 0).all()
    wanted = mine.pivot(index=["respondent", "prompt"], columns="item", values="response")
    for row, (respondent, prompt) in enumerate(zip(cells["respondent"], cells["prompt"], strict=True)):
        np.testing.assert_array_equal(block.values[row], wanted.loc[(respondent, prompt), chosen].to_numpy())


def test_an_administration_without_any_answer_is_a_row_of_nothing() -> None:
    frame = pd.DataFrame(
        {
            "respondent": ["x", "x", "y", "y"],
            "item": ["a", "b", "a", "b"],
            "response": [1.0, 2.0, None, None],
            "status": ["answered", "answered", "refused", "truncated"],
        }
    )
    block = item_block(pm.read_responses(frame), items=["a", "b"])
    np.testing.assert_array_equal(block.values, [[1, 2], [np.nan, np.nan]])


@pytest.mark.parametrize("seed", range(4))
def test_statuses_are_counted_by_respondent_and_source(seed: int) -> None:
    frame = answers(seed)
    table = pm.read_responses(frame)
    counts = status_counts(table)
    names = table.administrations["respondent"].cat.categories
    assert list(counts) == sorted(frame["source"].unique())
    for source in counts:
        assert source in SOURCES
        for status in STATUSES:
            mine = frame[(frame["source"] == source) & (frame["status"] == status)]
            wanted = mine["respondent"].value_counts().reindex(names, fill_value=0).to_numpy()
            assert (status in counts[source]) == bool(wanted.sum())
            if status in counts[source]:
                np.testing.assert_array_equal(counts[source][status], wanted)
        assert table.design.status[source] == {
            status: int((frame["source"].eq(source) & frame["status"].eq(status)).sum())
            for status in STATUSES
        }
