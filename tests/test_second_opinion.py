"""The second opinion: other packages are asked about exactly the sums that the result holds."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError, MissingEngineError
from psychomet.estimates.precision.agreement import agreement
from psychomet.estimates.precision.reliability import reliability
from psychomet.estimates.structure.factors import factors
from psychomet.estimates.validity.effects import effects
from psychomet.numerics.icc import mean_squares
from psychomet.numerics.rebuilt import table_with_covariance, table_with_mean_squares
from psychomet.result.result import Result, make_result
from psychomet.scores.key import read_key
from psychomet.second_opinion import crosscheck
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

# A table rebuilt from its covariances: eigenvectors, and pingouin's own summation.
REBUILT = 1e-10
# pingouin rounds limits of alpha to 3 decimals and those of ICC to 2.
ALPHA_ROUNDED = 0.5e-3 + 1e-9
ICC_ROUNDED = 0.5e-2 + 1e-9


def table(holes: float = 0.0, looks: int = 1, scales: int = 2) -> ResponseTable:
    rng = np.random.default_rng(6)
    n, k = 50, 4
    rows = []
    for scale in range(scales):
        values = (
            rng.normal(size=(n, 1, 1)) + 0.3 * rng.normal(size=(n, looks, 1)) + rng.normal(size=(n, looks, k))
        )
        values[rng.random(values.shape) < holes] = np.nan
        who, look, item = np.indices(values.shape).reshape(3, -1)
        rows.append(pd.DataFrame({
            "respondent": [f"r{i:02d}" for i in who], "occasion": [f"o{i}" for i in look],
            "item": [f"s{scale}i{i}" for i in item], "response": values.ravel(),
            "model": np.where(who % 2, "a", "b"),
        }))  # fmt: skip
    frame = pd.concat(rows)
    frame["status"] = np.where(frame["response"].isna(), "refused", "answered")
    key = [
        {"name": f"S{scale}", "low": -99, "high": 99, "items": [f"s{scale}i{i}" for i in range(k)]}
        for scale in range(scales)
    ]
    return read_responses(frame, key=read_key({"name": "made", "scale": key}))


def check(result: Result) -> pd.DataFrame:
    pytest.importorskip("pingouin")
    return crosscheck(result)


@pytest.mark.parametrize("holes", [0.0, 0.05])
def test_alpha_agrees_in_every_scale_and_group(holes: float) -> None:
    found = check(reliability(table(holes), missing="available", seed=1, n_boot=0, by="model"))
    assert list(found.columns) == [
        "estimand", "term", "group", "quantity", "ours", "theirs", "difference", "package", "version", "remark",
    ]  # fmt: skip
    assert len(found) == 2 * 3 * 3
    assert set(found["group"]) == {"", "model = a", "model = b"}
    values = found[found["quantity"] == "estimate"]
    assert (values["difference"].abs() < REBUILT).all()
    limits = found[found["quantity"] != "estimate"]
    assert (limits["difference"].abs() < ALPHA_ROUNDED).all()
    assert limits["remark"].str.contains("rounds its limits").all()


def test_six_correlations_agree() -> None:
    found = check(agreement(table(looks=3), missing="available"))
    values = found[found["quantity"] == "estimate"]
    assert len(values) == 12
    assert (values["difference"].abs() < REBUILT).all()
    limits = found[found["quantity"] != "estimate"]
    assert len(limits) == 24
    assert (limits["difference"].abs() < ICC_ROUNDED).all()
    assert (found["package"] == "pingouin").all()


def test_limits_at_another_level_are_not_compared() -> None:
    found = check(agreement(table(looks=3), missing="available", conf_level=0.9))
    assert set(found["quantity"]) == {"estimate"}


def test_a_wrong_value_would_show() -> None:
    result = reliability(table(), missing="available", seed=1, n_boot=0)
    frame = result.estimates.copy()
    frame.loc[frame["estimand"] == "alpha", "estimate"] += 0.01
    wrong = make_result("reliability", frame, arrays=result.arrays, settings=result.settings)
    found = check(wrong)
    assert (found.loc[found["quantity"] == "estimate", "difference"] < -0.009).all()


def test_covariances_of_no_table_are_named() -> None:
    result = reliability(table(), missing="available", seed=1, n_boot=0)
    broken = result.arrays["covariance"].copy(deep=True)
    broken.loc[{"item": "s0i0", "with_item": "s0i1"}] = 9.0
    broken.loc[{"item": "s0i1", "with_item": "s0i0"}] = 9.0
    changed = make_result(
        "reliability", result.estimates, arrays={"covariance": broken}, settings=result.settings
    )
    found = check(changed)
    row = found[found["term"] == "S0"].iloc[0]
    assert np.isnan(row["theirs"])
    assert "no complete table" in row["remark"]


def test_other_questions_are_refused() -> None:
    with pytest.raises(InputError, match="reliability, agreement, factors, effects"):
        crosscheck(make_result("design", []))


def test_without_pingouin_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pingouin", None)
    with pytest.raises(MissingEngineError, match=r"psychomet\[crosscheck\]"):
        crosscheck(make_result("agreement", []))


@pytest.mark.parametrize(("n", "k"), [(50, 4), (5, 4), (200, 1)])
def test_the_rebuilt_table_has_the_covariances(n: int, k: int) -> None:
    cov = np.atleast_2d(np.cov(np.random.default_rng(k).normal(size=(60, k)).T))
    rebuilt = table_with_covariance(cov, n)
    assert rebuilt is not None
    np.testing.assert_allclose(np.atleast_2d(np.cov(rebuilt.T)), cov, atol=1e-12)


def test_no_table_is_built_with_too_few_rows() -> None:
    assert table_with_covariance(np.eye(5), 5) is None
    assert table_with_covariance(np.array([[1.0, 2.0], [2.0, 1.0]]), 50) is None


@pytest.mark.parametrize(("n", "k"), [(6, 4), (40, 2), (2, 3), (2, 2)])
def test_the_rebuilt_table_has_the_mean_squares(n: int, k: int) -> None:
    rebuilt = mean_squares(table_with_mean_squares(n, k, targets=5.0, looks=0.7, residual=2.0))
    assert [rebuilt.targets, rebuilt.looks, rebuilt.residual] == pytest.approx([5.0, 0.7, 2.0], rel=1e-12)


FACTOR_OPTIMISER = 5e-5
"""Both stop at a slope, and loadings of a flat minimum differ by more than the criterion does."""


@pytest.mark.parametrize(("extraction", "rotation"), [("minres", "oblimin"), ("ml", "quartimax")])
def test_factors_agree_but_for_the_faults_that_are_told(extraction: str, rotation: str) -> None:
    pytest.importorskip("factor_analyzer")
    result = factors(
        table(), seed=1, missing="complete", extraction=extraction, rotation=rotation, unit="respondent"
    )  # type: ignore[arg-type]
    found = crosscheck(result)
    assert set(found["package"]) == {"factor_analyzer"}
    loadings = found[found["estimand"] == "loading"]
    assert len(loadings) == 16
    assert loadings["difference"].abs().max() < FACTOR_OPTIMISER
    common = found[found["estimand"] == "communality"]
    if rotation == "quartimax":
        assert common["difference"].abs().max() < FACTOR_OPTIMISER
    else:
        assert common["remark"].str.contains("leaves out the correlations of the factors").all()
        assert common["difference"].abs().max() > FACTOR_OPTIMISER


def test_factors_that_the_peer_cannot_make_stay_empty_and_say_so() -> None:
    pytest.importorskip("factor_analyzer")
    found = crosscheck(factors(table(), seed=1, missing="complete", extraction="pa"))
    assert found["theirs"].isna().all()
    assert found["remark"].str.contains("not principal axis").all()


def test_an_unusable_scikit_learn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("factor_analyzer")

    def fit(*_: object) -> None:
        raise TypeError("check_array() got an unexpected keyword argument")

    monkeypatch.setattr(package.FactorAnalyzer, "fit", fit)
    with pytest.raises(MissingEngineError, match=r"scikit-learn<1\.8"):
        crosscheck(factors(table(), seed=1, missing="complete"))


def steering(within: bool, spread: float = 0.4, seed: int = 8) -> Result:
    """Effects of two scales in five models, 12 to 16 respondents at each of two levels."""
    rng = np.random.default_rng(seed)
    rows = []
    for at, model in enumerate("abcde"):
        for i in range(12 + at):
            base = rng.normal()
            for level in ("off", "on"):
                who = f"{model}{i}" if within else f"{model}{level}{i}"
                shift = (level == "on") * (0.5 + spread * at)
                rows += [
                    {"respondent": who, "model": model, "steering": level, "item": item,
                     "response": (base if within else rng.normal()) + shift + rng.normal()}
                    for item in ("s", "t")
                ]  # fmt: skip
    key = [
        {"name": name, "low": -99, "high": 99, "items": [name], "scale_score": True} for name in ("s", "t")
    ]
    made = read_responses(
        pd.DataFrame(rows), key=read_key({"name": "made", "scale": key}), facets=["steering"]
    )
    return effects(made, facet="steering", reference="off", by="model", missing="complete", seed=1, n_boot=0)


@pytest.mark.parametrize("within", [True, False])
def test_sizes_of_effects_agree_but_for_what_is_told(within: bool) -> None:
    found = check(steering(within))
    values = found[found["quantity"].str.startswith("estimate")]
    names = {"cohen_d", "cohen_dz"} if within else {"cohen_d", "hedges_g"}
    assert set(values["estimand"]) == names | {"pooled_effect", "effect_sd"}
    exact = values[values["remark"].str.startswith("the same formula")]
    assert len(exact) == (2 * 2 * 6 if within else 2 * 6)
    assert (exact["difference"].abs() < REBUILT).all()
    if not within:
        g = values[values["estimand"] == "hedges_g"]
        # The approximation of the factor is good to 1e-3 from 24 respondents on.
        assert 0 < (g["difference"] / g["ours"]).abs().max() < 1e-3
    limits = found[found["quantity"].str.startswith("conf")]
    assert limits["remark"].str.contains("noncentral|Paule|correlation").all()
    assert set(found.loc[found["estimand"].isin(["pooled_effect", "effect_sd"]), "package"]) == {
        "statsmodels"
    }


def test_pooled_effects_agree_where_the_variance_is_estimated_alike() -> None:
    found = check(steering(within=False))
    q = found[found["quantity"].str.startswith("statistic")]
    assert len(q) == 2 and (q["difference"].abs() < REBUILT).all()
    pooled = found[(found["estimand"] == "pooled_effect") & found["quantity"].str.startswith("estimate")]
    # Paule and Mandel against REML: another weight, hardly another mean.
    assert (pooled["difference"].abs() < 0.02).all() and (pooled["difference"] != 0).all()
    # Without any spread between effects both estimate 0: everything is the same.
    alike = steering(within=False, spread=0.0, seed=5)
    spread = alike.estimates.query("estimand == 'effect_sd'").set_index("term")["estimate"]
    zero = check(alike)
    for term in spread.index[spread == 0]:
        rows = zero[(zero["estimand"] == "pooled_effect") & (zero["term"] == term)]
        assert len(rows) == 3 and (rows["difference"].abs() < 1e-8).all()
    assert (spread == 0).any()


def test_levels_met_by_other_respondents_cannot_be_rebuilt() -> None:
    result = steering(within=True)
    frame = result.estimates.copy()
    frame.loc[(frame["estimand"] == "level_mean") & (frame["level"] == "on"), "n"] += 1
    found = check(make_result("effects", frame, settings=result.settings))
    mine = found[found["estimand"] == "cohen_d"]
    assert mine["theirs"].isna().all() and mine["remark"].str.contains("cannot be rebuilt").all()
