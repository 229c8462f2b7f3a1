"""Factors of a response table: psych's numbers, names, alignment of groups, intervals, notes and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from psychomet.errors import InputError
from psychomet.estimates.structure.factor_scores import factor_scores
from psychomet.estimates.structure.factors import factors
from psychomet.numerics.rotations import rule
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

Floats = NDArray[np.float64]

# psych's minres and oblimin stop at 1e-5 or so.
R_TOLERANCE = 1e-4
ARITHMETIC = 1e-9
ITEMS = [f"i{j}" for j in range(1, 13)]
SCALES = {"warm": ITEMS[:4], "bold": ITEMS[4:8], "calm": ITEMS[8:]}


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "factors.json").read_text())


@pytest.fixture(scope="module")
def answers(stored: dict[str, Any]) -> Floats:
    return np.array(stored["answers"], dtype=float)


def table(values: Floats, *, reverse: tuple[str, ...] = (), **columns: Any) -> ResponseTable:
    """A table of these keyed answers; reversed items are given as they would be asked."""
    given = values.copy()
    for item in reverse:
        given[:, ITEMS.index(item)] = 6 - given[:, ITEMS.index(item)]
    n = len(values)
    frame = pd.DataFrame(
        {
            "respondent": np.repeat([f"r{i:04d}" for i in range(n)], 12),
            "item": np.tile(ITEMS, n),
            "response": given.ravel(),
            **{name: np.repeat(column, 12) for name, column in columns.items()},
        }
    )
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    scales = [
        {"name": name, "low": 1, "high": 5, "items": items, "reversed": [i for i in items if i in reverse]}
        for name, items in SCALES.items()
    ]
    return read_responses(frame, key=read_key({"name": "made", "scale": scales}))


@pytest.fixture(scope="module")
def plain(answers: Floats) -> Result:
    return factors(table(answers), seed=1, missing="complete", n_boot=200)


def loadings_of(result: Result, group: str = "") -> Floats:
    found = result.arrays["loadings"].sel(group=group, item=ITEMS, factor=list(SCALES))
    return np.asarray(found.to_numpy())


def rows(result: Result, estimand: str, begins: str = "", **where: str) -> pd.DataFrame:
    frame = result.estimates
    chosen = frame[(frame["estimand"] == estimand) & frame["method"].str.startswith(begins)]
    for column, value in ({"group": ""} | where).items():
        chosen = chosen[chosen[column] == value]
    return chosen


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


def text(result: Result, code: str) -> str:
    return next((note.text for note in result.notes if note.code == code), "")


def in_key_order(loadings: Any, phi: Any) -> tuple[Floats, Floats]:
    """psych's factors in the order of the scales, each with its scale's sign."""
    found, between = np.array(loadings), np.array(phi)
    order = [int(np.argmax((found[4 * f : 4 * f + 4] ** 2).sum(axis=0))) for f in range(3)]
    sign = np.sign([found[4 * f : 4 * f + 4, order[f]].sum() for f in range(3)])
    return found[:, order] * sign, between[np.ix_(order, order)] * sign * sign[:, None]


@pytest.mark.parametrize("reverse", [(), ("i2", "i9")])
def test_loadings_are_those_of_psych_whatever_is_reversed(
    stored: dict[str, Any], answers: Floats, reverse: tuple[str, ...]
) -> None:
    result = factors(table(answers, reverse=reverse), seed=1, missing="complete")
    wanted, phi = in_key_order(stored["minres.oblimin"]["loadings"], stored["minres.oblimin"]["phi"])
    np.testing.assert_allclose(loadings_of(result), wanted, atol=R_TOLERANCE)
    between = result.arrays["factor_correlation"].sel(group="", factor=list(SCALES), with_factor=list(SCALES))
    np.testing.assert_allclose(between, phi, atol=R_TOLERANCE)
    first = rows(result, "loading", term="i1", other="warm").iloc[0]
    assert first["estimate"] == loadings_of(result)[0, 0]


def test_polychoric_and_pairwise_loadings_are_those_of_psych(stored: dict[str, Any], answers: Floats) -> None:
    result = factors(table(answers), seed=1, missing="complete", correlation="polychoric")
    wanted, _ = in_key_order(stored["polychoric"]["loadings"], stored["polychoric"]["phi"])
    np.testing.assert_allclose(loadings_of(result), wanted, atol=R_TOLERANCE)
    holed = answers.copy()
    places = np.arange(0, 300, 7)
    holed[places, np.arange(places.size) % 12] = np.nan
    result = factors(table(holed), seed=1, missing="available")
    wanted, _ = in_key_order(stored["pairwise"]["loadings"], stored["pairwise"]["phi"])
    np.testing.assert_allclose(loadings_of(result), wanted, atol=R_TOLERANCE)


def test_fit_rows_are_those_of_psych(stored: dict[str, Any], plain: Result) -> None:
    theirs = stored["minres.none"]["fit"]
    likelihood = rows(plain, "chi_squared").iloc[0]
    assert likelihood["statistic"] == pytest.approx(theirs["statistic"], rel=1e-4)
    assert likelihood["p_value"] == pytest.approx(theirs["p_value"], rel=1e-3)
    assert likelihood["df"] == 33
    for name in ("tli", "rmsr", "bic"):
        assert rows(plain, name).iloc[0]["estimate"] == pytest.approx(theirs[name], rel=1e-4)


def test_intervals_by_both_methods_agree_and_say_which(plain: Result) -> None:
    delta, percentile = rows(plain, "loading", "delta"), rows(plain, "loading", "percentile; 200 resamples")
    assert len(delta) == len(percentile) == 36
    ratio = percentile["std_error"].to_numpy() / delta["std_error"].to_numpy()
    # 200 resamples: a standard error of 5 % each; small samples spread more than the delta method says.
    assert 0.95 < np.median(ratio) < 1.25
    for row in delta.itertuples():
        assert row.conf_low < row.estimate < row.conf_high


def test_polychoric_errors_hold_where_the_variables_behind_are_not_normal() -> None:
    rng = np.random.default_rng(5)
    latent = np.repeat(rng.standard_normal((1500, 3)), 4, axis=1) + 0.8 * rng.standard_normal((1500, 12))
    codes = 1 + np.digitize(np.exp(latent) + rng.exponential(1, latent.shape), [0.8, 1.4, 2.2, 4])
    result = factors(
        table(codes.astype(float)), seed=1, missing="complete", correlation="polychoric", n_boot=200
    )
    delta, percentile = rows(result, "loading", "delta"), rows(result, "loading", "percentile")
    ratio = percentile["std_error"].to_numpy() / delta["std_error"].to_numpy()
    # 200 resamples: 5 % each. The errors of a model that takes normality for granted are up to a third smaller.
    assert 0.95 < np.median(ratio) < 1.05
    phi = rows(result, "factor_correlation", "bootstrap")
    assert phi["method"].str.contains("Fisher's z").all() and len(phi) == 3


def test_shares_and_uniquenesses_add_up(plain: Result) -> None:
    common = rows(plain, "communality", "delta")
    unique = rows(plain, "uniqueness", "delta")
    np.testing.assert_allclose(
        common["estimate"].to_numpy() + unique["estimate"].to_numpy(), 1, atol=ARITHMETIC
    )
    np.testing.assert_allclose(
        common["conf_low"].to_numpy() + unique["conf_high"].to_numpy(), 1, atol=ARITHMETIC
    )
    shares = rows(plain, "variance_accounted", "delta").set_index("term")["estimate"]
    assert shares[list(SCALES)].sum() == pytest.approx(shares["all factors"], abs=ARITHMETIC)
    assert shares["all factors"] == pytest.approx(common["estimate"].mean(), abs=ARITHMETIC)


def test_influence_reproduces_the_standard_errors(plain: Result) -> None:
    felt = plain.arrays["influence"]
    for place in felt["row"].to_numpy()[::9]:
        values = felt.sel(row=place).to_numpy()
        row = plain.estimates.loc[int(place)]
        assert row["method"].startswith("delta")
        assert abs(values.mean()) < 1e-8
        assert row["std_error"] == pytest.approx(np.sqrt((values**2).sum() / (300 * 299)), rel=1e-9)


def test_groups_are_aligned_to_the_whole_and_keep_its_names(answers: Floats) -> None:
    mirrored = np.concatenate([answers, answers[:, [*range(8, 12), *range(8)]][::-1]])
    model = np.repeat(["a", "b"], 300)
    result = factors(table(mirrored[:, :], model=model), seed=1, missing="complete", by="model")
    assert set(result.estimates["group"]) == {"", "model = a", "model = b"}
    names = rows(result, "loading")["other"].unique()
    assert set(rows(result, "loading", group="model = b")["other"]) == set(names)


def test_several_rows_of_a_respondent_count_once(answers: Floats) -> None:
    twice = table(np.repeat(answers, 2, axis=0))
    frame = pd.DataFrame(
        {
            "respondent": np.repeat([f"r{i:04d}" for i in range(300)], 24),
            "occasion": np.tile(np.repeat(["o1", "o2"], 12), 300),
            "item": np.tile(ITEMS, 600),
            "response": np.repeat(answers, 2, axis=0).ravel(),
        }
    )
    repeated = factors(
        read_responses(frame, key=twice.key), seed=1, missing="complete", unit="administration"
    )
    once = factors(table(answers), seed=1, missing="complete")
    for estimand in ("loading", "communality", "factor_correlation"):
        mine, theirs = rows(repeated, estimand, "delta"), rows(once, estimand, "delta")
        np.testing.assert_allclose(mine["std_error"], theirs["std_error"], rtol=1e-6)
        assert (mine["n"] == 300).all()
    likelihood = rows(repeated, "chi_squared").iloc[0]
    assert np.isnan(likelihood["p_value"]) and "not independent" in likelihood["reason"]
    adjusted = [rows(one, "chi_squared").iloc[1]["p_value"] for one in (repeated, once)]
    assert adjusted[0] == pytest.approx(adjusted[1], rel=1e-6)


@pytest.mark.parametrize("name", ["none", "varimax", "promax", "geomin", "quartimax", "bifactor"])
def test_every_rotation_reproduces_the_same_correlations(answers: Floats, name: Any) -> None:
    result = factors(table(answers), seed=1, missing="complete", rotation=name)
    loadings = result.arrays["loadings"].isel(group=0).to_numpy()
    phi = result.arrays["factor_correlation"].isel(group=0).to_numpy()
    plain = factors(table(answers), seed=1, missing="complete")
    other, between = (plain.arrays[x].isel(group=0).to_numpy() for x in ("loadings", "factor_correlation"))
    np.testing.assert_allclose(loadings @ phi @ loadings.T, other @ between @ other.T, atol=1e-8)
    assert rows(result, "loading", "delta")["std_error"].gt(0).all()
    common = [rows(one, "communality", "delta")["std_error"].to_numpy() for one in (result, plain)]
    np.testing.assert_allclose(common[0], common[1], rtol=1e-6)


def test_a_target_is_aimed_at_and_its_columns_stay(answers: Floats) -> None:
    target = np.where(np.arange(12)[:, None] // 4 == np.array([2, 0, 1]), np.nan, 0.0)
    result = factors(table(answers), seed=1, missing="complete", rotation=rule("target", target=target))
    found = result.arrays["loadings"].isel(group=0).to_numpy()
    assert np.abs(found[np.isnan(target)]).min() > np.abs(found[target == 0]).mean()
    assert result.settings["rotation"]["target"][0] == [0.0, None, 0.0]


def test_one_factor_of_several_scales_has_no_scale_to_its_name(answers: Floats) -> None:
    result = factors(table(answers), seed=1, missing="complete", n_factors=1)
    assert set(rows(result, "loading")["other"]) == {"F1"}
    assert "scales without a factor of their own: bold, calm, warm" in text(result, "unnamed_factors")
    assert rows(result, "factor_correlation").empty


def test_scales_choose_the_items(answers: Floats) -> None:
    result = factors(table(answers), seed=1, missing="complete", scales=["warm", "calm"])
    assert set(rows(result, "loading")["term"]) == {*SCALES["warm"], *SCALES["calm"]}
    assert set(rows(result, "loading")["other"]) == {"warm", "calm"}


def test_what_cannot_be_factored_has_a_reason(answers: Floats) -> None:
    result = factors(table(answers), seed=1, missing="complete", n_factors=8)
    (row,) = result.estimates.to_dict("records")
    assert "8 factors of 12 items that vary are not identified; at most 7" in row["reason"]
    few = factors(table(answers[:10]), seed=1, missing="complete", extraction="ml")
    assert "positive definite" in few.estimates["reason"].iloc[0]
    many = answers + np.random.default_rng(1).uniform(-0.4, 0.4, answers.shape)
    result = factors(table(np.clip(many, 1, 5)), seed=1, missing="complete", correlation="polychoric")
    assert "not categories" in result.estimates["reason"].iloc[0]


def test_constant_items_are_left_out_and_told(answers: Floats) -> None:
    held = answers.copy()
    held[:, 5] = 3
    result = factors(table(held), seed=1, missing="complete")
    assert "i6" not in set(rows(result, "loading")["term"])
    assert "i6" in text(result, "zero_variance")


def test_notes_tell_heywood_cases_few_respondents_and_weak_factors(answers: Floats) -> None:
    result = factors(table(answers[:40]), seed=1, missing="complete", n_factors=6)
    assert {"few_respondents", "weak_factor"} <= codes(result)
    assert "uniqueness at its bound" in text(result, "heywood")
    twin = answers.copy()
    twin[:, 1] = twin[:, 0]
    result = factors(table(twin), seed=1, missing="complete")
    assert "i1 and i2" in text(result, "duplicate_items")
    assert "not positive definite" in text(result, "not_positive")
    assert rows(result, "score_determinacy")["reason"].str.contains("singular").all()
    with pytest.raises(InputError, match="singular"):
        factor_scores(table(twin), seed=1, missing="complete")


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"extraction": "alpha"}, "extraction"),
        ({"rotation": "target"}, "rotation"),
        ({"rotation": "varimin"}, "rotation"),
        ({"correlation": "kendall"}, "correlation"),
        ({"unit": "item"}, "unit"),
        ({"by": "model"}, "by"),
        ({"n_factors": 0}, "n_factors"),
        ({"n_boot": 5}, "n_boot"),
        ({"n_starts": -1}, "n_starts"),
        ({"seed": -1}, "seed"),
        ({"scales": ["hot"]}, "scales"),
        ({"rotation": rule("target", target=np.zeros((3, 2)))}, "rotation"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_faults_of_the_call_are_told(answers: Floats, wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as caught:
        factors(table(answers), **({"seed": 1, "missing": "complete"} | wrong))
    assert {fault.where for fault in caught.value.faults} == {where}


@pytest.mark.parametrize(
    ("method", "name"), [("regression", "Thurstone"), ("bartlett", "Bartlett"), ("ten_berge", "tenBerge")]
)
def test_factor_scores_are_those_of_psych(
    stored: dict[str, Any], answers: Floats, method: Any, name: str
) -> None:
    found = factor_scores(table(answers), seed=1, missing="complete", method=method)
    assert list(found.columns) == ["respondent", "factor", "score", "validity", "answered"]
    wide = found.pivot(index="respondent", columns="factor", values="score")[list(SCALES)]
    solution = stored["minres.oblimin"]
    order = [
        int(np.argmax((np.array(solution["loadings"])[4 * f : 4 * f + 4] ** 2).sum(axis=0))) for f in range(3)
    ]
    theirs = np.array(stored[f"scores.{name}"]["first"])[:, order]
    np.testing.assert_allclose(wide.to_numpy()[:5], theirs, atol=5 * R_TOLERANCE)
    assert found["validity"].between(0.5, 1).all()


def test_scores_of_holed_rows_use_the_answers_there_are(answers: Floats) -> None:
    holed = answers.copy()
    holed[3, :4] = np.nan
    holed[4, 1:] = np.nan
    found = factor_scores(table(holed), seed=1, missing="available").set_index(["respondent", "factor"])
    full = found.loc[("r0000", "warm"), "validity"]
    assert found.loc[("r0003", "warm"), "validity"] < full
    assert found.loc[("r0004", "warm"), "answered"] == 1
    assert np.isfinite(found["score"]).all()
    other = factor_scores(table(holed), seed=1, missing="available", method="bartlett")
    other = other.set_index(["respondent", "factor"])
    # What is left for "warm" are cross-loadings; one answer cannot tell three factors apart at all.
    assert other.loc[("r0003", "warm"), "validity"] < 0.5
    assert other.loc["r0004", "score"].isna().all()
    with pytest.raises(InputError, match="method"):
        factor_scores(table(answers), seed=1, missing="complete", method="sum")  # type: ignore[arg-type]
