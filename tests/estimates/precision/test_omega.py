"""Omega: psych's and semTools' values, what cannot be estimated, and what is said where a number misleads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.precision.omega import omega
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses

# lavaan's optimiser stops at a gradient of 1e-6, psych's at a relative change of 1e-8 of the criterion.
R_TOLERANCE = 1e-5
# psych rotates to a projected gradient of 1e-5 only.
ROTATION = 1e-4
ML = "one factor, maximum likelihood, covariances, observed"
REVERSED = ["A1", "C4", "C5", "E1", "E2", "O2", "O5"]
TURNED_BY_PSYCH = ["N1", "N2", "N3", "N4", "N5", "O4"]


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "omega.json").read_text())


@pytest.fixture(scope="module")
def bfi(shared: Path) -> pd.DataFrame:
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :25]
    frame = wide.rename_axis("respondent").reset_index()
    frame = frame.melt("respondent", var_name="item", value_name="response")
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    complete = wide.index[wide.notna().all(axis=1)]
    return frame[frame["respondent"].isin(complete)]


def scale_of(name: str, items: list[str], reverse: list[str]) -> dict[str, Any]:
    return {"name": name, "low": 1, "high": 6, "items": items, "reversed": [i for i in reverse if i in items]}


def one(result: Result, estimand: str, words: str = "", **where: str) -> pd.Series:
    frame = result.estimates
    chosen = frame[(frame["estimand"] == estimand) & frame["method"].str.contains(words, regex=False)]
    for column, value in ({"group": ""} | where).items():
        chosen = chosen[chosen[column] == value]
    assert len(chosen) == 1
    return chosen.iloc[0]


def text(result: Result, code: str) -> str:
    return next((note.text for note in result.notes if note.code == code), "")


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


def groups(n: int = 150, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    group = np.repeat(rng.normal(size=(n, 3)), 3, axis=1)
    return 0.6 * rng.normal(size=(n, 1)) + 0.5 * group + 0.6 * rng.normal(size=(n, 9))


def trait(n: int = 100, k: int = 5, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)) + rng.normal(size=(n, k))


def test_attitude_has_lavaans_and_psychs_omegas(wide: Callable[..., Any], stored: dict[str, Any]) -> None:
    expected = stored["attitude"]["one"]
    result = omega(wide(np.array(stored["attitude"]["data"], float)), seed=1, missing="complete", n_boot=0)
    found = {
        "observed": one(result, "omega_total", ML),
        "implied": one(result, "omega_total", "model-implied"),
        "minres": one(result, "omega_total", "one factor, minres"),
        "H": one(result, "maximal_reliability"),
    }
    for name, row in found.items():
        assert row["estimate"] == pytest.approx(expected[name], abs=R_TOLERANCE)
        assert row["reason"] == "no resamples were asked for"
        assert row["std_error"] > 0
    # 1 - (observed over implied) is the point of naming the denominator
    assert found["implied"]["estimate"] - found["observed"]["estimate"] > 0.02


def test_categorical_omega_is_green_and_yangs(wide: Callable[..., Any], stored: dict[str, Any]) -> None:
    table = wide(np.array(stored["ordinal"]["data"], float))
    result = omega(table, seed=1, missing="complete", n_boot=200)
    row = one(result, "omega_categorical")
    assert row["estimate"] == pytest.approx(stored["ordinal"]["omega"], abs=R_TOLERANCE)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert "200 resamples" in row["method"]


@pytest.mark.parametrize("letter", list("ACENO"))
def test_a_scale_of_bfi_has_the_omegas_of_semtools_and_psych(
    letter: str, bfi: pd.DataFrame, shared: Path
) -> None:
    lavaan = json.loads((shared / "reference" / "10_semtools.json").read_text())["results"]
    psych = json.loads((shared / "reference" / "03_omega.json").read_text())["results"]
    items = [f"{letter}{i}" for i in range(1, 6)]
    key = read_key({"name": "bfi", "scale": [scale_of(letter, items, REVERSED)]})
    table = read_responses(bfi[bfi["item"].isin(items)], key=key)
    result = omega(table, seed=1, missing="complete", n_boot=0)
    expected = lavaan[f"omega_1factor_ML.bfi.{letter}"]
    row = one(result, "omega_total", ML)
    assert row["estimate"] == pytest.approx(expected["compRelSEM"], abs=R_TOLERANCE)
    implied = expected["reliability"]["values"][expected["reliability"]["rows"].index("omega")][0]
    assert one(result, "omega_total", "model-implied")["estimate"] == pytest.approx(implied, abs=R_TOLERANCE)
    green_yang = lavaan[f"omega_1factor_WLSMV_GreenYang.bfi.{letter}"]["compRelSEM"]
    assert one(result, "omega_categorical")["estimate"] == pytest.approx(green_yang, abs=R_TOLERANCE)
    loadings = np.array(list(psych[f"omega_u.bfi.{letter}.1factor.minres.complete"]["loadings"].values()))
    found = result.arrays["loadings"].sel(group="", factor="one factor, minres").to_numpy()
    np.testing.assert_allclose(found, loadings, atol=ROTATION)
    if letter == "A":
        minres = one(result, "omega_total", "one factor, minres")["estimate"]
        assert minres == pytest.approx(psych["omega.agree.1.complete"]["omega_tot"], abs=R_TOLERANCE)


def test_twenty_five_items_have_psychs_hierarchy_when_the_key_reverses_what_psych_turned(
    bfi: pd.DataFrame, shared: Path
) -> None:
    expected = json.loads((shared / "reference" / "03_omega.json").read_text())["results"][
        "omega.bfi25.5.complete"
    ]
    items = [f"{letter}{i}" for letter in "ACENO" for i in range(1, 6)]
    key = read_key({"name": "bfi", "scale": [scale_of("all", items, [*REVERSED, *TURNED_BY_PSYCH])]})
    table = read_responses(bfi, key=key)
    result = omega(table, seed=1, missing="complete", group_factors=5, n_boot=0)
    hierarchical = one(result, "omega_hierarchical", "Schmid-Leiman")["estimate"]
    assert hierarchical == pytest.approx(expected["omega_h"], abs=ROTATION)
    total = one(result, "omega_total", "Schmid-Leiman")["estimate"]
    assert total == pytest.approx(expected["omega_tot"], abs=R_TOLERANCE)
    own = sorted(one(result, "omega_group", "Schmid-Leiman", other=f"F{f}")["estimate"] for f in range(1, 6))
    assert own == pytest.approx(sorted(expected["omega_group"]["columns"]["group"][1:]), abs=5 * ROTATION)


def test_every_row_has_an_interval_around_the_estimate(wide: Callable[..., Any]) -> None:
    result = omega(wide(groups()), seed=1, missing="complete", n_boot=200)
    frame = result.estimates[result.estimates["estimand"] != "omega_categorical"]
    assert (frame["reason"] == "").all()
    assert frame["method"].str.startswith("bootstrap; 200 resamples of respondents; ").all()
    assert ((frame["conf_low"] < frame["estimate"]) & (frame["estimate"] < frame["conf_high"])).all()
    assert frame["estimand"].value_counts().to_dict() == {
        "omega_total": 5, "omega_group": 6, "omega_hierarchical": 2, "maximal_reliability": 1,
    }  # fmt: skip
    assert not frame.duplicated(["estimand", "term", "other", "group", "method"]).any()
    assert "F1 = " in text(result, "group_factors")
    assert one(result, "omega_categorical")["reason"].startswith("an item has more than 12")
    tree = one(result, "omega_hierarchical", "Schmid-Leiman")["estimate"]
    model = one(result, "omega_hierarchical", "bifactor")["estimate"]
    assert tree == pytest.approx(model, abs=0.1)
    assert tree < one(result, "omega_total", "Schmid-Leiman")["estimate"]


def test_the_same_seed_gives_the_same_result(wide: Callable[..., Any]) -> None:
    table = wide(groups(60))
    first, second, third = (omega(table, seed=s, missing="complete", n_boot=100) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first.estimates, second.estimates)
    assert not first.estimates["conf_low"].equals(third.estimates["conf_low"])


def test_influence_gives_the_standard_error(wide: Callable[..., Any]) -> None:
    result = omega(wide(groups(400)), seed=1, missing="complete", n_boot=300)
    influence = result.arrays["influence"]
    assert influence.sizes["respondent"] == 400
    for row in influence.coords["row"].to_numpy():
        values = influence.sel(row=row).to_numpy()
        assert values.mean() == pytest.approx(0.0, abs=1e-9)
        error = np.sqrt((values**2).sum()) / 400
        assert result.estimates.loc[row, "std_error"] == pytest.approx(error, rel=0.25)


@pytest.mark.parametrize(("k", "m", "least"), [(5, 3, 9), (8, 3, 9), (5, 2, 6)])
def test_too_few_items_for_group_factors_have_a_reason(
    k: int, m: int, least: int, wide: Callable[..., Any]
) -> None:
    result = omega(wide(trait(k=k)), seed=1, missing="complete", group_factors=m, n_boot=0)
    reason = one(result, "omega_hierarchical")["reason"]
    assert reason.startswith(f"{m} group factors need {least} items, three each, and {k} vary")
    assert "omega_group" not in set(result.estimates["estimand"])
    assert not result.estimates["method"].str.contains("bifactor").any()


def constant_model(n: int = 300, k: int = 10) -> np.ndarray:
    """Answers of a model that answers all items of a scale alike: alpha .97, one dimension, few codes."""
    rng = np.random.default_rng(7)
    values = rng.normal(size=(n, 1)) + 0.45 * rng.normal(size=(n, k))
    return np.digitize(values, [-2.0, -1.2, 0.9, 1.8]).astype(float) + 1


def test_a_scale_of_one_dimension_has_a_reason_in_place_of_an_arbitrary_number(
    wide: Callable[..., Any],
) -> None:
    result = omega(wide(constant_model()), seed=1, missing="complete", n_boot=0)
    assert one(result, "omega_total", ML)["estimate"] > 0.95
    row = one(result, "omega_hierarchical")
    assert np.isnan(row["estimate"])
    assert "omega total of one factor" in row["reason"]
    assert "print a number all the same: S " in text(result, "no_hierarchy")
    assert "F1" not in result.arrays["loadings"].coords["factor"]


def test_a_group_factor_that_hardly_belongs_to_the_general_one_is_told(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(20)
    weight = np.array([0.8, 0.7, 0.12])
    factors = rng.normal(size=(3000, 1)) * weight + rng.normal(size=(3000, 3)) * np.sqrt(1 - weight**2)
    values = np.repeat(factors, 3, axis=1) + 0.7 * rng.normal(size=(3000, 9))
    result = omega(wide(values), seed=1, missing="complete", n_boot=0)
    assert np.isfinite(one(result, "omega_hierarchical", "Schmid-Leiman")["estimate"])
    assert "S: F1 0." in text(result, "weak_general_factor")


def test_clusters_that_one_factor_does_not_describe_are_told(wide: Callable[..., Any]) -> None:
    """What items keyed either way look like when a model takes no heed of the key: two unrelated clusters."""
    cluster = np.repeat(np.random.default_rng(8).normal(size=(300, 2)), 4, axis=1)
    values = cluster + np.random.default_rng(9).normal(size=(300, 8))
    assert "S 0.2" in text(omega(wide(values), seed=1, missing="complete", n_boot=0), "one_factor_misfit")
    assert "one_factor_misfit" not in codes(omega(wide(trait()), seed=1, missing="complete", n_boot=0))


def test_two_group_factors_are_said_to_be_ambiguous(wide: Callable[..., Any]) -> None:
    result = omega(wide(groups()), seed=1, missing="complete", group_factors=2, n_boot=0)
    assert "not determined" in text(result, "two_group_factors")


def test_two_items_have_no_omega(wide: Callable[..., Any]) -> None:
    result = omega(wide(trait(k=2)), seed=1, missing="complete")
    assert result.estimates["estimate"].isna().all()
    assert result.estimates["reason"].str.contains("one factor of two items").all()


def test_an_item_that_does_not_vary_is_left_to_the_score(wide: Callable[..., Any]) -> None:
    values = trait(k=5)
    values[:, 4] = 3.0
    found = omega(wide(values), seed=1, missing="complete", n_boot=0)
    without = omega(wide(values[:, :4]), seed=1, missing="complete", n_boot=0)
    for words in (ML, "model-implied"):
        assert one(found, "omega_total", words)["estimate"] == pytest.approx(
            one(without, "omega_total", words)["estimate"]
        )
    assert "zero_variance" in codes(found)


def test_no_item_is_turned_but_the_reader_is_told(wide: Callable[..., Any]) -> None:
    values = trait(n=200)
    values[:, 2] *= -1
    result = omega(wide(values), seed=1, missing="complete", n_boot=0)
    right = values.copy()
    right[:, 2] *= -1
    turned = one(omega(wide(right), seed=1, missing="complete", n_boot=0), "omega_total", ML)
    found = one(result, "omega_total", ML)
    assert found["estimate"] < turned["estimate"] - 0.2
    note = text(result, "negative_loadings")
    assert "i3 (-0." in note
    assert f"reversed {turned['estimate']:.2f}" in note


def test_alpha_below_zero_beside_omega_of_one_is_a_problem(wide: Callable[..., Any]) -> None:
    """Published for a language model: alpha -.55 with omega 1.00. Two items mirror each other, the rest is noise."""
    rng = np.random.default_rng(2)
    x = 3 * rng.normal(size=200)
    noise = 0.4 * rng.normal(size=(200, 5))
    values = np.column_stack([x, -x, x, -x, -0.5 * x]) + noise
    result = omega(wide(values), seed=1, missing="complete", n_boot=0)
    note = next(note for note in result.notes if note.code == "omega_against_alpha")
    assert note.level == "problem"
    assert "alpha -" in note.text


def test_heywood_cases_are_told(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)
    x, e = rng.normal(size=(2, 300))
    noise = 0.3 * rng.normal(size=(300, 4))
    values = np.column_stack([x, x + 0.8 * e, x - 0.8 * e, rng.normal(size=300) + 0.5 * x]) + noise * [
        0,
        1,
        1,
        1,
    ]
    result = omega(wide(values), seed=1, missing="complete", n_boot=0)
    assert "i1" in text(result, "heywood")


def test_equal_items_have_a_reason_or_an_omega_of_one(wide: Callable[..., Any]) -> None:
    values = np.repeat(np.random.default_rng(1).normal(size=(40, 1)), 4, axis=1)
    result = omega(wide(values), seed=1, missing="complete", n_boot=100)
    frame = result.estimates
    assert frame.loc[frame["estimate"].isna(), "reason"].ne("").all()
    assert one(result, "omega_total", ML)["reason"].startswith("the model has no")


def test_fewer_rows_than_items(wide: Callable[..., Any]) -> None:
    result = omega(wide(trait(n=5, k=8)), seed=1, missing="complete", n_boot=100)
    assert "positive definite" in one(result, "omega_total", "model-implied")["reason"]


def test_missing_answers(wide: Callable[..., Any]) -> None:
    values = groups(200)
    values[np.random.default_rng(1).random(values.shape) < 0.03] = np.nan
    pairs = omega(wide(values), seed=1, missing="available", n_boot=100)
    rows = omega(wide(values), seed=1, missing="complete", n_boot=100)
    assert one(pairs, "maximal_reliability")["n"] == 200
    assert one(rows, "maximal_reliability")["n"] == np.isfinite(values).all(axis=1).sum()
    assert "all available pairs" in one(pairs, "maximal_reliability")["method"]
    difference = one(pairs, "maximal_reliability")["estimate"] - one(rows, "maximal_reliability")["estimate"]
    assert 0 < abs(difference) < 0.05


def test_groups_and_administrations(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(4)
    person = np.repeat(rng.normal(size=(50, 1)), 2, axis=0)
    values = np.digitize(person + rng.normal(size=(100, 4)), [-1, 0, 1]).astype(float)
    names = [f"r{number // 2}" for number in range(100)]
    table = wide(values, respondents=names, facets={"prompt": ["a", "b"] * 50})
    looks = omega(table, seed=1, missing="complete", unit="administration", by="prompt", n_boot=100)
    assert set(looks.estimates["group"]) == {"", "prompt = a", "prompt = b"}
    assert one(looks, "omega_categorical")["n"] == 50
    assert one(looks, "omega_categorical", group="prompt = a")["reason"] == ""
    # two looks of one respondent are drawn together: the interval is wider than that of 100 respondents
    apart = omega(
        wide(values, respondents=[f"r{number}" for number in range(100)]),
        seed=1,
        missing="complete",
        n_boot=100,
    )
    words = ML
    assert one(looks, "omega_total", words)["estimate"] == pytest.approx(
        one(apart, "omega_total", words)["estimate"]
    )
    assert one(looks, "omega_total", words)["std_error"] > one(apart, "omega_total", words)["std_error"]


def test_bad_arguments_are_all_told(wide: Callable[..., Any]) -> None:
    with pytest.raises(InputError) as caught:
        omega(
            wide(trait()),
            seed=1,
            missing="complete",
            by="prompt",
            unit="row",
            group_factors=1,
            n_boot=5,  # type: ignore[arg-type]
        )
    assert len(caught.value.faults) == 4
    with pytest.raises(InputError, match="conf_level"):
        omega(wide(trait()), seed=1, missing="complete", conf_level=95)
