"""Correlations of ordered items: every row against its numbers, groups, looks, holes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.errors import InputError
from psychomet.estimates.structure.correlations import correlations
from psychomet.numerics.ordinal import ordinal_moments
from psychomet.numerics.ordinal.answers import correlation_influence
from psychomet.scores.key import Key, Scale

SAME = 1e-9
LAVAAN = 1e-6

KEY = Key(
    "small",
    (
        Scale("S", ("a", "b", "c"), 1, 5, frozenset({"b"})),
        Scale("T", ("d", "e"), 1, 5),
        Scale("done", ("rate",), 0, 100, scale_score=True),
    ),
)
ITEMS = ("a", "b", "c", "d", "e")


def wide(n: int = 200, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 1)) + rng.normal(size=(n, 5))
    codes = np.searchsorted([-1.5, -0.4, 0.4, 1.5], latent) + 1.0
    codes[:, 1] = 6 - codes[:, 1]
    codes[:, 3] = np.where(codes[:, 3] > 3, 2, 1)
    return pd.DataFrame(codes, columns=list(ITEMS), index=[f"r{i:03d}" for i in range(n)])


def long(frame: pd.DataFrame, **facets: Any) -> pd.DataFrame:
    out = (
        frame.rename_axis("respondent")
        .reset_index()
        .melt("respondent", var_name="item", value_name="response")
    )
    out["status"] = np.where(out["response"].isna(), "refused", "answered")
    rate = pd.DataFrame({"respondent": frame.index, "item": "rate", "response": 50.0, "status": "answered"})
    return pd.concat([out, rate], ignore_index=True).assign(**facets)


def keyed(frame: pd.DataFrame) -> np.ndarray:
    return frame.assign(b=6 - frame["b"]).to_numpy()


def codes(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -1, values).astype(int)


def matrix(result: pm.Result, group: str = "") -> np.ndarray:
    return result.arrays["correlation"].sel(group=group).to_numpy()


@pytest.mark.parametrize("missing", ["complete", "available"])
def test_rows_arrays_and_thresholds_are_those_of_the_keyed_codes(missing: Any) -> None:
    frame = wide()
    frame.iloc[:15, 2], frame.iloc[10:40, 0] = np.nan, np.nan
    result = correlations(pm.read_responses(long(frame), key=KEY), missing=missing)
    expected = ordinal_moments(codes(keyed(frame)), missing=missing, exact=True)
    np.testing.assert_allclose(matrix(result), expected.correlation, atol=SAME)
    cuts = result.arrays["thresholds"].sel(group="").to_numpy()
    np.testing.assert_allclose(cuts[np.isfinite(cuts)], expected.thresholds, atol=SAME)
    rows = result.estimates
    t = expected.thresholds.size
    np.testing.assert_allclose(rows["estimate"], expected.correlation[np.triu_indices(5, 1)], atol=SAME)
    np.testing.assert_allclose(rows["std_error"], np.sqrt(expected.variance[t:] / expected.n), rtol=SAME)
    np.testing.assert_array_equal(rows["n"], expected.pairs[np.triu_indices(5, 1)])
    assert rows[["term", "other"]].to_numpy().tolist()[:5] == [
        ["a", "b"], ["a", "c"], ["a", "d"], ["a", "e"], ["b", "c"],
    ]  # fmt: skip
    assert (rows["estimand"] == "polychoric_r").all()
    z = np.arctanh(rows["estimate"])
    np.testing.assert_allclose(z - np.arctanh(rows["conf_low"]), np.arctanh(rows["conf_high"]) - z, rtol=1e-6)


def test_influence_is_that_of_the_respondents() -> None:
    frame = wide()
    result = correlations(pm.read_responses(long(frame), key=KEY), missing="complete")
    felt = result.arrays["influence"]
    assert felt["respondent"].to_numpy().tolist() == frame.index.tolist()
    np.testing.assert_allclose(felt.to_numpy(), correlation_influence(keyed(frame)), atol=1e-7)
    error = np.sqrt(np.square(felt.to_numpy()).sum(axis=0)) / len(frame)
    np.testing.assert_allclose(error, result.estimates["std_error"], rtol=SAME)


def test_kinds_have_their_names() -> None:
    frame = wide()
    frame["a"] = np.where(frame["a"] > 3, 2.0, 1.0)
    frame["e"] = np.random.default_rng(1).normal(3, 0.4, size=len(frame)) + frame["c"] / 3
    key = Key("k", (Scale("S", ("a", "b", "c"), 1, 5), Scale("T", ("d", "e"), 0, 9)))
    table = pm.read_responses(long(frame).query("item != 'rate'"), key=key)
    rows = correlations(table, missing="complete", kind="mixed").estimates.set_index(["term", "other"])
    assert rows.loc[("a", "d"), "estimand"] == "tetrachoric_r"
    assert rows.loc[("a", "b"), "estimand"] == "polychoric_r"
    assert rows.loc[("a", "e"), "estimand"] == rows.loc[("d", "e"), "estimand"] == "biserial_r"
    assert rows.loc[("c", "e"), "estimand"] == "polyserial_r"
    pearson = correlations(table, missing="complete", kind="pearson")
    np.testing.assert_allclose(matrix(pearson), np.corrcoef(frame.to_numpy().T), atol=1e-12)
    # psych::corr.test: Fisher's z with 1 / (n - 3).
    one = pearson.estimates.iloc[0]
    half = 1.959963984540054 / np.sqrt(len(frame) - 3)
    assert one["conf_low"] == pytest.approx(np.tanh(np.arctanh(one["estimate"]) - half), abs=1e-12)
    wide_item = correlations(table, missing="complete").estimates.set_index(["term", "other"])
    assert wide_item.loc[("a", "e"), "reason"].startswith("an item has more than 20")


def test_groups_are_the_rows_of_that_level_alone() -> None:
    frame = wide(260)
    first, second = frame.iloc[:120], frame.iloc[120:]
    table = pm.read_responses(pd.concat([long(first, model="x"), long(second, model="y")]), key=KEY)
    result = correlations(table, missing="complete", by="model", scales=["S"])
    assert result.arrays["correlation"]["group"].to_numpy().tolist() == ["", "model = x", "model = y"]
    for group, part in (("", frame), ("model = x", first), ("model = y", second)):
        expected = ordinal_moments(codes(keyed(part)[:, :3]), gamma=False).correlation
        np.testing.assert_allclose(matrix(result, group), expected, atol=SAME)
    felt = result.arrays["influence"].to_numpy()
    assert np.isnan(felt[120:, 3]).all() and np.isfinite(felt[:120, 3]).all()


def test_looks_of_one_respondent_are_one_unit() -> None:
    frame = wide(100)
    table = pm.read_responses(pd.concat([long(frame, prompt="p"), long(frame, prompt="q")]), key=KEY)
    alone = correlations(pm.read_responses(long(frame), key=KEY), missing="complete")
    twice = correlations(table, missing="complete", unit="administration")
    np.testing.assert_allclose(twice.estimates["std_error"], alone.estimates["std_error"], rtol=1e-6)
    assert (twice.estimates["n"] == 100).all()
    averaged = correlations(table, missing="complete")
    np.testing.assert_allclose(averaged.estimates["estimate"], alone.estimates["estimate"], atol=SAME)
    assert {note.code for note in averaged.notes} - {note.code for note in alone.notes} == {
        "averaged_categories"
    }


def test_within_keeps_the_pairs_of_a_scale_and_the_whole_matrix() -> None:
    result = correlations(pm.read_responses(long(wide()), key=KEY), missing="complete", within=True)
    assert result.estimates[["term", "other"]].to_numpy().tolist() == [
        ["a", "b"],
        ["a", "c"],
        ["b", "c"],
        ["d", "e"],
    ]
    assert matrix(result).shape == (5, 5)
    assert result.arrays["influence"]["row"].to_numpy().tolist() == [0, 1, 2, 3]


def test_what_limits_the_numbers_is_said() -> None:
    frame = wide(40, seed=3)
    frame["a"], frame["c"] = 3.0, frame["b"]
    frame.iloc[0, 1] = np.nan
    result = correlations(pm.read_responses(long(frame), key=KEY), missing="complete")
    codes_of_notes = {note.code for note in result.notes}
    assert {"zero_variance", "at_limit", "few_respondents", "rows_left_out", "empty_cells"} <= codes_of_notes
    rows = result.estimates.set_index(["term", "other"])
    assert np.isnan(rows.loc[("a", "b"), "estimate"]) and rows.loc[("a", "b"), "reason"]
    assert np.isnan(rows.loc[("b", "c"), "std_error"]) and "no interval" in rows.loc[("b", "c"), "reason"]
    assert not any("normal" in note.code for note in result.notes)


def test_a_filled_cell_of_two_by_two_has_a_number_and_no_interval() -> None:
    frame = wide(60)
    frame["a"], frame["c"] = np.repeat([1.0, 2.0], 30), np.repeat([1.0, 2.0], [40, 20])
    table = pm.read_responses(long(frame), key=KEY)
    for correct, size in ((0.0, 0.99), (0.5, 0.6)):
        row = (
            correlations(table, missing="complete", correct=correct)
            .estimates.set_index(["term", "other"])
            .loc[("a", "c")]
        )
        assert row["estimand"] == "tetrachoric_r" and row["estimate"] > size
        assert np.isnan(row["conf_low"]) and row["reason"]
        assert ("put into it" in row["reason"]) == bool(correct)


def test_a_pair_that_is_not_bivariate_normal_is_noted() -> None:
    rng = np.random.default_rng(2)
    frame = wide(800)
    frame["c"] = np.clip(frame["a"] + rng.integers(0, 2, 800), 1, 5)
    frame["e"] = np.where(frame["d"] == 1, 3, rng.choice([1, 5], 800)).astype(float)
    frame["a"] = np.where(frame["e"] == 3, 3, np.where(frame["e"] == 5, 1, 5)).astype(float)
    result = correlations(pm.read_responses(long(frame), key=KEY), missing="complete")
    assert any(note.code == "not_bivariate_normal" for note in result.notes)
    assert float(result.arrays["normality"].sel(group="", item="a", with_item="c")) < 1e-6


def test_a_matrix_that_is_not_positive_definite_is_smoothed_beside_it() -> None:
    rng = np.random.default_rng(5)
    frame = wide(60, seed=9)
    frame = frame.mask(rng.random(frame.shape) < 0.5)
    frame["d"] = np.where(frame["a"].isna(), frame["b"], frame["a"])
    frame["e"] = np.where(frame["b"].isna(), frame["a"], 6 - frame["b"])
    result = correlations(pm.read_responses(long(frame), key=KEY), missing="available")
    assert np.linalg.eigvalsh(matrix(result))[0] < 0
    assert np.linalg.eigvalsh(result.arrays["smoothed"].sel(group="").to_numpy())[0] > 0
    assert any(note.code == "not_positive" for note in result.notes)


def test_faults_come_all_at_once() -> None:
    table = pm.read_responses(long(wide(20)), key=KEY)
    with pytest.raises(InputError) as caught:
        correlations(
            table, missing="complete", kind="spearman", unit="row", by="x", correct=2, most_categories=1
        )  # type: ignore[arg-type]
    assert len(caught.value.faults) == 5
    with pytest.raises(InputError, match="not a scale"):
        correlations(table, missing="complete", scales=["U"])


def test_a_finished_score_alone_has_no_pair() -> None:
    table = pm.read_responses(long(wide(20)), key=KEY)
    assert correlations(table, missing="complete", scales=["done"]).estimates.empty


def test_bfi_is_lavaans(shared: Path) -> None:
    frame = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :25]
    stored = json.loads((shared / "reference" / "06_correlations.json").read_text())["results"]
    key = Key("bfi", tuple(Scale(name, tuple(f"{name}{i}" for i in range(1, 6)), 1, 6) for name in "ACENO"))
    frame.index = frame.index.astype(str)
    table = pm.read_responses(long(frame).query("item != 'rate'"), key=key)
    result = correlations(table, missing="complete")
    np.testing.assert_allclose(matrix(result), stored["lavCor.bfi25.complete"]["values"], atol=LAVAAN)
