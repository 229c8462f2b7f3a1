"""Reliability beyond alpha: psych's values through the public function, intervals, groups, pairs, retest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.precision.reliability import COEFFICIENTS, INTERVALS, reliability
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses

# psych works on the same covariances; R prints 15 digits.
R_TOLERANCE = 1e-10
# psych's polychoric correlations are found to about 1e-5.
POLYCHORIC_TOLERANCE = 1e-4
GLB_TOLERANCE = 1e-7
# The standard deviation of 400 replicates is known to about 4 %, the delta error to first order.
ERROR_TOLERANCE = 0.15


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    folder = Path(__file__).parents[2] / "reference"
    return json.loads((folder / "reliability_classical.json").read_text())


@pytest.fixture(scope="module")
def attitude(r_values: dict[str, Any]) -> np.ndarray:
    return np.array(r_values["data"], dtype=float)


def codes(n: int = 120, k: int = 6, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(np.round(3 + 0.7 * rng.normal(size=(n, 1)) + rng.normal(size=(n, k))), 1, 5)


def rows(result: Result, estimand: str, method: str = "", group: str | None = "") -> pd.DataFrame:
    frame = result.estimates
    chosen = frame[(frame["estimand"] == estimand) & frame["method"].str.startswith(method)]
    return chosen if group is None else chosen[chosen["group"] == group]


def value(result: Result, estimand: str, method: str = "") -> float:
    chosen = rows(result, estimand, method)
    assert chosen["estimate"].nunique() == 1
    return float(chosen["estimate"].iloc[0])


def ask(table: Any, *coefficients: str, **more: Any) -> Result:
    settings = {"missing": "complete", "seed": 1, "n_boot": 0, "intervals": ["delta"], **more}
    return reliability(table, coefficients=coefficients, **settings)


def test_attitude_equals_psych(wide: Callable[..., Any], r: dict[str, Any], attitude: np.ndarray) -> None:
    expected = r["attitude"]
    plain = ask(wide(attitude), "all")
    standard = ask(wide(attitude), "all", standardized=True)
    for number in (1, 2, 3, 5, 6):
        name = f"lambda{number}"
        assert value(plain, name) == pytest.approx(expected["covariance"][name], abs=R_TOLERANCE)
        assert value(standard, name) == pytest.approx(
            expected["guttman"][f"lambda.{number}"], abs=R_TOLERANCE
        )
    for result, name in ((plain, "split_cov"), (standard, "split_r")):
        assert value(result, "lambda4") == pytest.approx(expected[name]["max"], abs=R_TOLERANCE)
        for end in ("max", "min", "mean"):
            assert value(result, f"split_half_{end}") == pytest.approx(expected[name][end], abs=R_TOLERANCE)
    for result in (plain, standard):
        assert 7 * value(result, "sem") == pytest.approx(expected["sem_of_the_sum"], abs=R_TOLERANCE)
    assert "correlations" in rows(standard, "lambda2")["method"].iloc[0]
    assert standard.settings["standardized"] is True


def test_ordinal_alpha_equals_psych(wide: Callable[..., Any], r: dict[str, Any]) -> None:
    result = ask(wide(np.array(r["attitude"]["codes"], dtype=float), low=1, high=5), "alpha_ordinal")
    assert value(result, "alpha_ordinal") == pytest.approx(
        r["attitude"]["alpha_ordinal"], abs=POLYCHORIC_TOLERANCE
    )


def test_bfi_equals_psych(shared: Path, r: dict[str, Any]) -> None:
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :25]
    frame = wide.rename_axis("respondent").reset_index()
    frame = frame.melt("respondent", var_name="item", value_name="response")
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    turned = {"A": ["A1"], "C": ["C4", "C5"], "E": ["E1", "E2"], "N": [], "O": ["O2", "O5"]}
    scales = [
        {
            "name": name, "low": 1, "high": 6, "reversed": turned[name[0].upper()],
            "items": [f"{name[0].upper()}{i}" for i in range(1, 6)],
        }
        for name in r["bfi"]
    ]  # fmt: skip
    table = read_responses(frame, key=read_key({"name": "bfi", "scale": scales}))
    found = ask(table, "glb", "alpha_ordinal", "sem", "lambda6").estimates.set_index(["estimand", "term"])
    for name, expected in r["bfi"].items():
        assert found.at[("glb", name), "estimate"] == pytest.approx(expected["glb"], abs=GLB_TOLERANCE)
        assert found.at[("glb", name), "n"] == expected["n"]
        ordinal = found.at[("alpha_ordinal", name), "estimate"]
        assert ordinal == pytest.approx(expected["alpha_ordinal"], abs=POLYCHORIC_TOLERANCE)
        assert 5 * found.at[("sem", name), "estimate"] == pytest.approx(
            expected["sem_of_the_sum"], abs=R_TOLERANCE
        )


@pytest.mark.parametrize(
    ("fill", "alpha", "lambda6"),
    [("none", 0.70301845, 0.68227955), ("median", 0.70123746, 0.68072950), ("mean", 0.70071683, None)],
)
def test_score_items_of_psych_is_alpha_of_imputed_answers(
    shared: Path, wide: Callable[..., Any], fill: str, alpha: float, lambda6: float | None
) -> None:
    """psych 2.2.9: scoreItems(keys, x, impute = "none" / "median" / "mean") of bfi agreeableness, 8 digits."""
    frame = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :5]
    if fill != "none":
        frame = frame.fillna(frame.median() if fill == "median" else frame.mean())
    frame["A1"] = 7 - frame["A1"]
    table = wide(frame.to_numpy(float))
    assert value(ask(table, "alpha", missing="available"), "alpha") == pytest.approx(alpha, abs=5e-9)
    if lambda6 is not None:
        # Of median-imputed correlations this is psych::alpha(x)$total$"G6(smc)"; with holes psych takes .68276267.
        found = value(ask(table, "lambda6", missing="available", standardized=True), "lambda6")
        assert found == pytest.approx(lambda6, abs=5e-9)


def test_the_default_is_what_it_was(wide: Callable[..., Any]) -> None:
    plain = reliability(wide(codes()), missing="complete", seed=1, n_boot=100)
    more = reliability(wide(codes()), missing="complete", seed=1, n_boot=100, coefficients=["all"])
    assert not {"coefficients", "intervals", "standardized"} & set(plain.settings)
    assert more.settings["coefficients"] == ["all"]
    assert list(plain.estimates["estimand"].unique()) == [
        "alpha", "alpha_standardized", "item_mean", "item_sd", "item_rest_r", "alpha_if_dropped",
    ]  # fmt: skip
    kept = more.estimates[more.estimates["estimand"].isin(plain.estimates["estimand"])]
    pd.testing.assert_frame_equal(
        kept[plain.estimates.columns].reset_index(drop=True), plain.estimates, check_exact=True
    )


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("standardized", [False, True])
def test_every_coefficient_has_its_intervals_or_a_reason(
    holes: bool, standardized: bool, wide: Callable[..., Any]
) -> None:
    values = codes()
    if holes:
        values[np.random.default_rng(2).random(values.shape) < 0.05] = np.nan
    result = ask(wide(values, low=1, high=5), "all", intervals=INTERVALS, n_boot=400, missing="available",
                 standardized=standardized)  # fmt: skip
    for name in COEFFICIENTS[:2]:
        assert [m.split(";")[0] for m in rows(result, name)["method"]] == list(INTERVALS)
    for name in (
        "lambda1",
        "lambda2",
        "lambda3",
        "lambda5",
        "lambda6",
        "split_half_mean",
        "sem",
        "alpha_ordinal",
    ):
        found = rows(result, name)
        assert [m.split(";")[0] for m in found["method"]] == list(INTERVALS[2:])
        assert (found["conf_low"] < found["estimate"]).all()
        assert (found["conf_high"] > found["estimate"]).all()
        errors = found["std_error"].to_numpy()
        np.testing.assert_allclose(errors[1:], errors[0], rtol=ERROR_TOLERANCE)
    for name in ("lambda4", "split_half_max", "split_half_min", "glb"):
        found = rows(result, name)
        assert found["method"].str.startswith("none").all()
        assert found["reason"].str.contains("no interval covers").all()
    assert "selected_coefficients" in {note.code for note in result.notes}
    influence = result.arrays["influence"]
    at = result.estimates.index[(result.estimates["estimand"] == "lambda2")][0]
    column = influence.sel(row=at).to_numpy()
    error = np.sqrt((column**2).sum() / (column.size * (column.size - 1)))
    assert error == pytest.approx(result.estimates.at[at, "std_error"])


def test_bootstrap_of_lambda3_is_that_of_alpha(wide: Callable[..., Any]) -> None:
    for values in (codes(), np.where(np.arange(720).reshape(120, 6) % 37 == 0, np.nan, codes())):
        for unit in ("respondent", "administration"):
            table = wide(values, respondents=[f"r{i // 2:03d}" for i in range(120)],
                         facets={"sample": ["1", "2"] * 60})  # fmt: skip
            result = ask(
                table, "alpha", "lambda3", intervals=INTERVALS[2:], n_boot=200, missing="available", unit=unit
            )
            columns = ["estimate", "std_error", "conf_low", "conf_high"]
            np.testing.assert_allclose(
                rows(result, "lambda3")[columns], rows(result, "alpha")[columns], rtol=1e-8
            )


def test_intervals_that_a_coefficient_does_not_have_are_named(wide: Callable[..., Any]) -> None:
    found = rows(ask(wide(codes()), "lambda2", intervals=["feldt", "bonett"]), "lambda2").iloc[0]
    assert np.isfinite(found["estimate"])
    assert found["reason"].startswith("feldt, bonett: not for this coefficient")


def test_answers_on_many_codes_have_no_ordinal_alpha(wide: Callable[..., Any]) -> None:
    values = np.random.default_rng(1).normal(size=(60, 4))
    found = rows(ask(wide(values), "alpha_ordinal"), "alpha_ordinal").iloc[0]
    assert np.isnan(found["estimate"])
    assert "more than 20 different values" in found["reason"]


@pytest.mark.parametrize(
    "values", [np.full((20, 4), 3.0), np.repeat(codes(20, 1), 4, axis=1), codes(2, 4), codes(3, 4)]
)
def test_hopeless_tables_are_reasons_not_errors(values: np.ndarray, wide: Callable[..., Any]) -> None:
    frame = ask(wide(values), "all", intervals=INTERVALS, n_boot=100).estimates
    assert (frame["conf_low"].notna() | (frame["reason"] != "")).all()


def test_equal_alphas_of_different_respondents(wide: Callable[..., Any]) -> None:
    values = codes(120)
    values[60:, 1:] = np.random.default_rng(9).permuted(values[60:, 1:], axis=0)
    model = ["a"] * 60 + ["b"] * 60
    result = reliability(
        wide(values, facets={"model": model}), missing="complete", seed=1, n_boot=0, by="model"
    )
    found = rows(result, "equal_alphas")
    assert [m.split(";")[0] for m in found["method"]] == ["f", "jackknife"]
    alphas = rows(result, "alpha", group=None).set_index("group")["estimate"]
    a, b = alphas["model = a"], alphas["model = b"]
    assert found["estimate"].iloc[0] == pytest.approx(abs(a - b))
    assert found["statistic"].iloc[0] == pytest.approx((1 - b) / (1 - a))
    assert (found["p_value"] < 0.05).all()
    three = reliability(
        wide(values, facets={"model": ["a"] * 40 + ["b"] * 40 + ["c"] * 40}), missing="complete", seed=1, n_boot=0, by="model"
    )  # fmt: skip
    assert [m.split(";")[0] for m in rows(three, "equal_alphas")["method"]] == ["chi_squared", "jackknife"]
    assert rows(three, "equal_alphas")["df"].tolist() == [2, 2]


def test_equal_alphas_of_the_same_respondents_use_their_covariance(wide: Callable[..., Any]) -> None:
    first = codes(80)
    second = codes(80, seed=4)
    table = wide(
        np.vstack([first, second]), respondents=[f"r{i:03d}" for i in range(80)] * 2,
        facets={"prompt": ["x"] * 80 + ["y"] * 80},
    )  # fmt: skip
    found = rows(reliability(table, missing="complete", seed=1, n_boot=0, by="prompt"), "equal_alphas")
    assert len(found) == 1
    assert "the same respondents" in found["method"].iloc[0]
    assert (found["df"].iloc[0], found["df2"].iloc[0]) == (1, 79)
    assert found["n"].iloc[0] == 80
    assert 0 < found["p_value"].iloc[0] < 1


def two_scales(values: np.ndarray, high: tuple[int, int] = (100, 100)) -> Any:
    n, k = values.shape
    frame = pd.DataFrame({
        "respondent": np.repeat([f"r{i:03d}" for i in range(n)], k),
        "item": np.tile([f"i{j}" for j in range(k)], n), "response": values.ravel(),
    })  # fmt: skip
    scales = [
        {"name": name, "low": 0, "high": top, "items": [f"i{j}" for j in part]}
        for name, part, top in (("P", range(3), high[0]), ("Q", range(3, k), high[1]))
    ]
    return read_responses(frame, key=read_key({"name": "two", "scale": scales}))


def test_the_reliability_of_a_difference_equals_r(r: dict[str, Any], attitude: np.ndarray) -> None:
    result = ask(two_scales(attitude[:, :6]), "difference", intervals=["delta", "bootstrap"], n_boot=400)
    found = rows(result, "reliability_of_difference")
    assert found["other"].tolist() == ["Q", "Q"]
    np.testing.assert_allclose(found["estimate"], r["attitude"]["difference"], rtol=R_TOLERANCE)
    assert (found["conf_low"] < found["estimate"]).all()
    other = ask(two_scales(attitude[:, :6], high=(100, 120)), "difference")
    assert "different codes" in rows(other, "reliability_of_difference")["reason"].iloc[0]


def test_retest_is_the_correlation_of_two_occasions(wide: Callable[..., Any]) -> None:
    first = codes(50)
    second = np.clip(first + np.random.default_rng(5).integers(-1, 2, size=first.shape), 1, 5)
    table = wide(
        np.vstack([first, second]), respondents=[f"r{i:03d}" for i in range(50)] * 2,
        facets={"occasion": ["1"] * 50 + ["2"] * 50},
    )  # fmt: skip
    found = rows(ask(table, "test_retest"), "test_retest").iloc[0]
    expected = np.corrcoef(first.mean(axis=1), second.mean(axis=1))[0, 1]
    assert found["estimate"] == pytest.approx(expected)
    means = np.column_stack([first.mean(axis=1), second.mean(axis=1)])
    without = [np.arctanh(np.corrcoef(np.delete(means, row, axis=0).T)[0, 1]) for row in range(50)]
    half = 2.009575237 * np.sqrt(49 / 50 * np.sum((without - np.mean(without)) ** 2))
    limits = np.tanh(np.arctanh(expected) + np.array([-half, half]))
    assert (found["conf_low"], found["conf_high"]) == pytest.approx(tuple(limits))
    assert (found["facet"], found["n"]) == ("occasion", 50)


def test_retest_over_several_samples_is_the_mean_correlation(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(5)
    trait = rng.normal(size=(40, 1))
    parts = [trait + rng.normal(size=(40, 4)) for _ in range(3)]
    table = wide(
        np.vstack(parts), respondents=[f"r{i:03d}" for i in range(40)] * 3, facets={"sample": np.repeat(["1", "2", "3"], 40)}
    )  # fmt: skip
    found = rows(ask(table, "test_retest"), "test_retest").iloc[0]
    means = np.corrcoef([part.mean(axis=1) for part in parts])
    assert found["estimate"] == pytest.approx(means[np.triu_indices(3, 1)].mean())
    assert found["conf_low"] < found["estimate"] < found["conf_high"]
    assert found["method"].startswith("jackknife; mean of 3 correlations")


def test_retest_takes_the_samples_where_the_groups_are_different_respondents(
    wide: Callable[..., Any],
) -> None:
    first = codes(50)
    second = np.clip(first + np.random.default_rng(5).integers(-1, 2, size=first.shape), 1, 5)
    table = wide(
        np.vstack([first, second]), respondents=[f"r{i:03d}" for i in range(50)] * 2,
        facets={"model": ["a", "b"] * 50, "sample": ["1"] * 50 + ["2"] * 50},
    )  # fmt: skip
    found = rows(ask(table, "test_retest", by="model"), "test_retest").iloc[0]
    assert (found["facet"], found["n"]) == ("sample", 50)
    assert found["estimate"] == pytest.approx(np.corrcoef(first.mean(axis=1), second.mean(axis=1))[0, 1])


def test_retest_has_a_reason_where_one_respondent_makes_all_the_difference(wide: Callable[..., Any]) -> None:
    values = np.repeat(codes(20, 1), 3, axis=1)
    second = np.full_like(values, 3.0)
    second[4] = 5.0
    for looks, reason in (
        (second, "without one of them everyone scored alike"),
        (second * 0 + 3, "everyone scored alike"),
    ):
        table = wide(np.vstack([values, looks]), respondents=[f"r{i:03d}" for i in range(20)] * 2,
                     facets={"occasion": ["1"] * 20 + ["2"] * 20})  # fmt: skip
        found = rows(ask(table, "test_retest"), "test_retest").iloc[0]
        assert np.isnan(found["conf_low"])
        assert reason in found["reason"]


def test_retest_without_a_second_look_is_a_reason(wide: Callable[..., Any]) -> None:
    found = rows(ask(wide(codes()), "test_retest"), "test_retest").iloc[0]
    assert "no facet over which scores were repeated" in found["reason"]


def test_unknown_names_are_told_at_once(wide: Callable[..., Any]) -> None:
    with pytest.raises(InputError) as caught:
        ask(wide(codes()), "alpha", "lambda7", intervals=["exact"])
    assert [fault.where for fault in caught.value.faults] == ["coefficients", "intervals"]
    with pytest.raises(InputError, match="coefficients: 'alpha' is not"):
        reliability(wide(codes()), missing="complete", seed=1, coefficients="alpha")
    with pytest.raises(InputError, match="none asked for"):
        ask(wide(codes()))
