"""Reductions against brute force over the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.schema import SOURCES, STATUSES
from psychomet.table import reduce
from psychomet.table.reduce import item_block, item_ranks, pair_counts, status_counts

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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("slice_rows", [1, 20, 4_000_000])
def test_ranks_are_those_of_the_block_whatever_the_slices(
    seed: int, slice_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reduce, "_SLICE", slice_rows)
    table = pm.read_responses(answers(seed))
    block, ranks = item_block(table, items=["c", "a"]), item_ranks(table, items=["c", "a"])
    np.testing.assert_array_equal(ranks.administration, block.administration)
    for column, levels in enumerate(ranks.levels):
        np.testing.assert_array_equal(
            levels, np.unique(block.values[:, column][~np.isnan(block.values[:, column])])
        )
        there = ranks.codes[:, column] >= 0
        np.testing.assert_array_equal(there, ~np.isnan(block.values[:, column]))
        np.testing.assert_array_equal(levels[ranks.codes[there, column]], block.values[there, column])


@pytest.mark.parametrize("slice_rows", [1, 4_000_000])
def test_pairs_are_counted_over_administrations(slice_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce, "_SLICE", slice_rows)
    table = pm.read_responses(answers(2))
    counts, levels = pair_counts(table, items=["a", "c", "b"])
    values = item_block(table, items=["a", "c", "b"]).values
    for j in range(3):
        for other in range(3):
            for i, first in enumerate(levels[j]):
                for m, second in enumerate(levels[other]):
                    both = (values[:, j] == first) & (values[:, other] == second)
                    assert counts.tables[j, other, i, m] == both.sum()
    assert counts.n == (~np.isnan(values)).any(axis=1).sum()


def test_many_different_answers_have_wider_numbers() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"respondent": np.arange(400).astype(str), "item": "a", "response": rng.normal(size=400)}
    )
    ranks = item_ranks(pm.read_responses(frame), items=["a"])
    assert ranks.codes.max() == 399
    np.testing.assert_array_equal(np.sort(ranks.codes[:, 0]), np.arange(400))


def test_items_without_any_answer() -> None:
    frame = pd.DataFrame({"respondent": ["x", "y"], "item": "a", "response": np.nan, "status": "refused"})
    ranks = item_ranks(pm.read_responses(frame), items=["a"])
    assert (ranks.codes == -1).all() and ranks.codes.shape == (2, 1)
