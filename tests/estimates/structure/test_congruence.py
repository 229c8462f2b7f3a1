"""Congruence of factors between groups of a response table: what it finds, how it pairs, what it says and refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.structure.congruence import congruence
from psychomet.numerics.alignment import congruence as tucker
from psychomet.result.result import Result

spec = importlib.util.spec_from_file_location("tables", Path(__file__).with_name("structure_tables.py"))
assert spec and spec.loader
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)

MANY = {"n_boot": 100, "n_permutations": 100}
NONE = {"n_boot": 0, "n_permutations": 0}


def row(result: Result, estimand: str, term: str = "all factors", level: str | None = None) -> pd.Series:
    frame = result.estimates
    chosen = frame[(frame["estimand"] == estimand) & (frame["term"] == term)]
    if level is not None:
        chosen = chosen[chosen["level"] == level]
    assert len(chosen) == 1
    return chosen.iloc[0]


def notes(result: Result) -> dict[str, str]:
    return {note.code: note.text for note in result.notes}


@pytest.fixture(scope="module")
def equal() -> Result:
    values = np.concatenate([tables.drawn(250, 1), 4 + tables.drawn(200, 2)])
    table = tables.table(values, model=np.repeat(["one", "two"], [250, 200]))
    return congruence(table, seed=1, missing="complete", across="model", **MANY)


def test_one_structure_in_two_groups_is_found_equal(equal: Result) -> None:
    """Although their means differ by four standard deviations."""
    frame = equal.estimates
    assert set(frame["term"]) == {"warm", "bold", "calm", "all factors"}
    assert set(frame["level"]) == {"one ~ two"} and set(frame["facet"]) == {"model"}
    assert row(equal, "congruence")["estimate"] > 0.95
    assert row(equal, "congruence")["p_value"] > 0.05
    corrected = row(equal, "congruence_corrected")
    assert corrected["conf_low"] > 0.95 and corrected["conf_high"] == 1.0
    assert corrected["estimate"] > row(equal, "congruence")["estimate"]
    chance = row(equal, "congruence_by_chance")
    assert chance["p_value"] == pytest.approx(1 / 101)
    assert chance["p_adjusted"] == pytest.approx(4 / 101)
    assert 0.2 < chance["estimate"] < 0.8 < chance["statistic"]
    assert set(frame["n"]) == {450.0}


def test_another_structure_is_found_different() -> None:
    values = np.concatenate([tables.drawn(250, 1), tables.drawn(250, 2, tables.SWAPPED)])
    table = tables.table(values, model=np.repeat(["one", "two"], 250))
    result = congruence(table, seed=1, missing="complete", across="model", **MANY)
    assert row(result, "congruence")["p_value"] == pytest.approx(1 / 101)
    assert row(result, "congruence_corrected")["conf_high"] < 0.9


def test_loadings_and_the_whole_matrix_are_returned(equal: Result) -> None:
    loadings = equal.arrays["loadings"]
    assert list(loadings.coords["level"].values) == ["one", "two", "common solution"]
    matrix = equal.arrays["congruence"].sel(pair="one ~ two")
    found = tucker(loadings.sel(level="one").to_numpy(), loadings.sel(level="two").to_numpy())
    np.testing.assert_allclose(matrix.to_numpy(), found)
    assert matrix.sel(factor="warm", with_factor="warm") == pytest.approx(
        row(equal, "congruence", "warm")["estimate"]
    )
    # Keyed answers: every item loads positively on the scale it belongs to.
    for name, items in tables.SCALES.items():
        assert (loadings.sel(level="common solution", factor=name, item=items) > 0.3).all()


def test_the_same_respondents_are_kept_together() -> None:
    values = tables.drawn(150, 3)
    both = np.concatenate([values, values + 0.3 * tables.drawn(150, 4, np.zeros((15, 3)))])
    names = [f"r{i:04d}" for i in range(150)]
    prompts = np.repeat(["a", "b"], 150)
    paired = congruence(
        tables.table(both, respondents=names * 2, prompt=prompts),
        seed=1,
        missing="complete",
        across="prompt",
        **MANY,
    )
    apart = congruence(
        tables.table(both, prompt=prompts), seed=1, missing="complete", across="prompt", **MANY
    )
    assert row(paired, "congruence")["estimate"] == pytest.approx(row(apart, "congruence")["estimate"])
    assert (
        row(paired, "congruence_corrected")["std_error"]
        < 0.5 * row(apart, "congruence_corrected")["std_error"]
    )
    assert "shared_respondents" in notes(paired) and "shared_respondents" not in notes(apart)
    assert set(paired.estimates["n"]) == {150.0} and set(apart.estimates["n"]) == {300.0}


def test_two_tables_are_compared_whatever_the_ids() -> None:
    first, second = tables.table(tables.drawn(150, 5)), tables.table(tables.drawn(150, 6))
    result = congruence(first, seed=1, missing="complete", other=second, labels=("models", "people"), **MANY)
    assert set(result.estimates["level"]) == {"models ~ people"} and set(result.estimates["facet"]) == {
        "table"
    }
    assert set(result.estimates["n"]) == {300.0}
    assert "shared_respondents" not in notes(result)
    assert result.settings["other"]["n_respondents"] == 150


def test_many_levels_are_each_compared_with_the_others() -> None:
    values = np.concatenate([tables.drawn(60, seed) for seed in range(7)])
    table = tables.table(values, model=np.repeat([f"m{i}" for i in range(7)], 60))
    result = congruence(table, seed=1, missing="complete", across="model", **NONE)
    assert set(result.estimates["level"]) == {f"m{i} ~ the others" for i in range(7)}
    assert "many_levels" in notes(result)
    few = tables.table(values[:240], model=np.repeat([f"m{i}" for i in range(4)], 60))
    pairs = congruence(few, seed=1, missing="complete", across="model", **NONE)
    assert len(set(pairs.estimates["level"])) == 6


def test_without_resamples_there_are_reasons(equal: Result) -> None:
    values = np.concatenate([tables.drawn(80, 1), tables.drawn(80, 2)])
    table = tables.table(values, model=np.repeat(["one", "two"], 80))
    result = congruence(table, seed=1, missing="complete", across="model", **NONE)
    assert row(result, "congruence_corrected")["reason"] == "no resamples were asked for"
    assert "p_value" not in result.estimates.columns
    assert "congruence_by_chance" not in set(result.estimates["estimand"])
    assert np.isfinite(row(result, "congruence")["estimate"])
    assert {"p_value", "p_adjusted"} <= set(equal.estimates.columns)


def test_each_group_may_keep_its_own_rotation() -> None:
    other = tables.PATTERN.copy()
    other[:2] = [[0.1, 0.5, 0.0], [0.4, 0.3, 0.0]]
    values = np.concatenate([tables.drawn(300, 1), tables.drawn(300, 2, other)])
    table = tables.table(values, model=np.repeat(["one", "two"], 300))
    found = {
        alignment: congruence(table, seed=1, missing="complete", across="model", alignment=alignment, **NONE)
        for alignment in ("procrustes", "own")
    }
    own, procrustes = (row(found[name], "congruence")["estimate"] for name in ("own", "procrustes"))
    # Two ways to the same factors: near each other, and not the same.
    assert 0 < abs(own - procrustes) < 0.03
    assert "own alignment" in found["own"].estimates["method"].iloc[0]


def test_small_groups_and_items_without_variance_are_said() -> None:
    values = np.concatenate([tables.drawn(100, 1), tables.drawn(100, 2), tables.drawn(6, 3)])
    values[100:200, 4] = 1.0
    table = tables.table(values, model=np.repeat(["one", "two", "tiny"], [100, 100, 6]))
    result = congruence(table, seed=1, missing="complete", across="model", **NONE)
    tiny = result.estimates[result.estimates["level"] == "tiny"].iloc[0]
    assert "fewer than 10 respondents" in tiny["reason"] and tiny["n"] == 6
    assert "i05" in notes(result)["zero_variance"]
    assert "i05" not in result.arrays["loadings"].coords["item"].values
    lonely = tables.table(tables.drawn(100, 1), model=np.repeat(["one", "tiny"], [95, 5]))
    alone = congruence(lonely, seed=1, missing="complete", across="model", **NONE)
    assert alone.estimates["reason"].str.contains("fewer than two groups").any()


def test_too_many_factors_have_a_reason() -> None:
    table = tables.table(tables.drawn(100, 1), model=np.repeat(["one", "two"], 50))
    result = congruence(table, seed=1, missing="complete", across="model", n_factors=12, **NONE)
    assert "not identified" in result.estimates["reason"].iloc[0]


def test_a_seed_gives_the_same_answer(equal: Result) -> None:
    values = np.concatenate([tables.drawn(250, 1), 4 + tables.drawn(200, 2)])
    table = tables.table(values, model=np.repeat(["one", "two"], [250, 200]))
    again = congruence(table, seed=1, missing="complete", across="model", **MANY)
    pd.testing.assert_frame_equal(again.estimates, equal.estimates)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"across": None}, "across, other"),
        ({"across": "moon"}, "across"),
        ({"rotation": "target"}, "rotation"),
        ({"extraction": "pca"}, "extraction"),
        ({"alignment": "none"}, "alignment"),
        ({"n_factors": 0}, "n_factors"),
        ({"n_boot": 10}, "n_boot"),
        ({"n_permutations": 10}, "n_permutations"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], where: str) -> None:
    table = tables.table(tables.drawn(20, 1), model=np.repeat(["one", "two"], 10))
    with pytest.raises(InputError) as caught:
        congruence(table, **({"seed": 1, "missing": "complete", "across": "model"} | arguments))
    assert [fault.where for fault in caught.value.faults] == [where]
