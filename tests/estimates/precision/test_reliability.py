"""Reliability: psych's values, groups and units, and what is said where a number misleads."""

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
from psychomet.estimates.precision.reliability import reliability
from psychomet.numerics.consistency import alpha
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses

# psych works on the same covariances; R prints 15 digits.
R_TOLERANCE = 1e-10
ITEM_TOLERANCE = 1e-8
# F quantiles of R and SciPy agree to about 11 digits.
QUANTILE_TOLERANCE = 1e-9
PUBLISHED = 5e-5  # printed to 4 decimals

BFI = {
    "agree": ("A", ["A1"], 0.7030),
    "conscientious": ("C", ["C4", "C5"], 0.7267),
    "extraversion": ("E", ["E1", "E2"], 0.7617),
    "neuroticism": ("N", [], 0.8140),
    "openness": ("O", ["O2", "O5"], 0.6002),
}  # psych's five scales: items, those reversed, and alpha as published


def pick(result: Result, estimand: str, method: str = "", group: str = "") -> pd.DataFrame:
    frame = result.estimates
    chosen = frame[(frame["estimand"] == estimand) & (frame["group"] == group)]
    return chosen[chosen["method"].str.startswith(method)]


def one(result: Result, estimand: str, method: str = "feldt", group: str = "") -> pd.Series:
    chosen = pick(result, estimand, method, group)
    assert len(chosen) == 1
    return chosen.iloc[0]


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


def text(result: Result, code: str) -> str:
    return next(note.text for note in result.notes if note.code == code)


def trait(n: int = 60, k: int = 5, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)) + rng.normal(size=(n, k))


def attitude(r_values: dict[str, Any], holes: bool) -> np.ndarray:
    values = np.array(r_values["data"], dtype=float)
    if holes:
        for row, column in r_values["holes"]:
            values[row - 1, column - 1] = np.nan
    return values


@pytest.mark.parametrize(
    ("holes", "missing", "name"),
    [
        (False, "available", "attitude"),
        (True, "available", "attitude_holes"),
        (True, "complete", "attitude_complete"),
    ],
)
def test_every_number_is_psychs(
    holes: bool, missing: str, name: str, r_values: dict[str, Any], wide: Callable[..., Any]
) -> None:
    expected = r_values[name]
    result = reliability(wide(attitude(r_values, holes)), missing=missing, seed=1, n_boot=0)
    raw = one(result, "alpha")
    assert raw["estimate"] == pytest.approx(expected["raw"], rel=R_TOLERANCE)
    assert (raw["conf_low"], raw["conf_high"]) == pytest.approx(expected["feldt"], rel=QUANTILE_TOLERANCE)
    assert one(result, "alpha_standardized")["estimate"] == pytest.approx(
        expected["standardized"], rel=R_TOLERANCE
    )
    for estimand, column in (
        ("item_mean", "mean"),
        ("item_sd", "sd"),
        ("item_rest_r", "r_drop"),
        ("alpha_if_dropped", "alpha_drop"),
    ):
        found = pick(result, estimand)
        assert found["term"].tolist() == [f"i{item}" for item in range(1, 8)]
        np.testing.assert_allclose(found["estimate"], expected[column], rtol=ITEM_TOLERANCE)
    assert pick(result, "item_mean")["n"].tolist() == expected["n"]
    rule = "all available pairs" if missing == "available" else "complete rows"
    assert rule in raw["method"]
    assert (result.estimates["reason"] == "").all()


@pytest.mark.parametrize("missing", ["available", "complete"])
def test_the_five_scales_of_bfi_equal_psych(missing: str, shared: Path) -> None:
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :25]
    stored = json.loads((shared / "reference" / "02_reliability.json").read_text())["results"]
    frame = (
        wide.rename_axis("respondent")
        .reset_index()
        .melt("respondent", var_name="item", value_name="response")
    )
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    scales = [
        {
            "name": name,
            "low": 1,
            "high": 6,
            "items": [f"{letter}{i}" for i in range(1, 6)],
            "reversed": reverse,
        }
        for name, (letter, reverse, _) in BFI.items()
    ]
    table = read_responses(frame, key=read_key({"name": "bfi", "scale": scales}))
    result = reliability(table, missing=missing, seed=1, n_boot=0)
    raw = pick(result, "alpha").set_index("term")
    for name, (letter, _, published) in BFI.items():
        expected = stored[f"alpha.bfi.{name}.{'pairwise' if missing == 'available' else 'complete'}"]
        assert raw.at[name, "estimate"] == pytest.approx(expected["total"]["raw_alpha"], abs=R_TOLERANCE)
        feldt = expected["feldt"]
        limits = (raw.at[name, "conf_low"], raw.at[name, "conf_high"])
        assert limits == pytest.approx((feldt["lower.ci"], feldt["upper.ci"]), abs=QUANTILE_TOLERANCE)
        assert raw.at[name, "n"] == expected["n_rows"]
        if missing == "available":
            assert raw.at[name, "estimate"] == pytest.approx(published, abs=PUBLISHED)
        else:
            standardized = pick(result, "alpha_standardized").set_index("term").at[name, "estimate"]
            assert standardized == pytest.approx(expected["total"]["std.alpha"], abs=R_TOLERANCE)
        stats, drop = expected["item_stats"]["columns"], expected["alpha_drop"]["columns"]["raw_alpha"]
        for estimand, values in (("item_mean", stats["mean"]), ("item_sd", stats["sd"]),
                                 ("item_rest_r", stats["r.drop"]), ("alpha_if_dropped", drop)):  # fmt: skip
            found = pick(result, estimand)
            found = found[found["term"].str.startswith(letter)]
            np.testing.assert_allclose(found["estimate"], values, atol=ITEM_TOLERANCE)


def test_standardised_alpha_with_holes_uses_pairwise_correlations(shared: Path) -> None:
    # psych 2.5.3 on bfi agreeableness prints .712659, psych 2.2.9 .713029 (scaled covariances).
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :5]
    wide["A1"] = 7 - wide["A1"]
    frame = (
        wide.rename_axis("respondent")
        .reset_index()
        .melt("respondent", var_name="item", value_name="response")
    )
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    key = read_key({"name": "A", "scale": [{"name": "A", "low": 1, "high": 6, "items": list(wide.columns)}]})
    result = reliability(read_responses(frame, key=key), missing="available", seed=1, n_boot=0)
    assert one(result, "alpha_standardized")["estimate"] == pytest.approx(0.712659, abs=5e-7)


def test_reversed_items_are_keyed_before_anything_is_estimated(wide: Callable[..., Any]) -> None:
    values = np.clip(np.round(trait() + 3), 1, 5)
    turned = values.copy()
    turned[:, [1, 3]] = 6 - turned[:, [1, 3]]
    plain = reliability(wide(values, low=1, high=5), missing="complete", seed=1, n_boot=0)
    keyed = reliability(wide(turned, low=1, high=5, reversed=[1, 3]), missing="complete", seed=1, n_boot=0)
    pd.testing.assert_frame_equal(plain.estimates, keyed.estimates)


def test_interval_rows_name_their_method_and_hold_the_estimate(wide: Callable[..., Any]) -> None:
    result = reliability(wide(trait()), missing="complete", seed=4)
    for estimand in ("alpha", "alpha_standardized"):
        found = pick(result, estimand)
        assert [method.split(";")[0] for method in found["method"]] == ["feldt", "bootstrap"]
        assert (found["conf_low"] < found["estimate"]).all()
        assert (found["estimate"] < found["conf_high"]).all()
        assert found["estimate"].nunique() == 1
        # Distribution-free error and the spread of 1,000 replicates: both estimate the same.
        assert found["std_error"].iloc[0] == pytest.approx(found["std_error"].iloc[1], rel=0.25)
    assert one(result, "alpha")["conf_level"] == 0.95
    narrow = reliability(wide(trait()), missing="complete", seed=4, conf_level=0.8)
    assert one(narrow, "alpha", "bootstrap")["conf_low"] > one(result, "alpha", "bootstrap")["conf_low"]


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(wide: Callable[..., Any]) -> None:
    table = wide(trait())
    first, again, other = (reliability(table, missing="complete", seed=seed) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first.estimates, again.estimates)
    assert one(first, "alpha", "bootstrap")["conf_low"] != one(other, "alpha", "bootstrap")["conf_low"]
    assert first.settings["seed"] == 4


def test_without_bootstrap_there_is_no_bootstrap_row(wide: Callable[..., Any]) -> None:
    result = reliability(wide(trait()), missing="complete", seed=1, n_boot=0)
    assert pick(result, "alpha", "bootstrap").empty


def test_groups_are_the_tables_cut_by_the_facet(wide: Callable[..., Any]) -> None:
    values = trait(80)
    models = np.repeat(["a", "b"], 40)
    result = reliability(wide(values, facets={"model": models}), missing="complete", seed=1, by="model")
    assert set(result.estimates["group"]) == {"", "model = a", "model = b"}
    for group, rows in (("", values), ("model = a", values[:40]), ("model = b", values[40:])):
        assert one(result, "alpha", group=group)["estimate"] == pytest.approx(
            alpha(np.cov(rows.T)), rel=R_TOLERANCE
        )
    assert one(result, "alpha", group="model = a")["n"] == 40
    whole = reliability(wide(values, facets={"model": models}), missing="complete", seed=1)
    rows = result.estimates[result.estimates["estimand"] != "equal_alphas"]
    pd.testing.assert_frame_equal(
        rows.loc[rows["group"] == "", whole.estimates.columns].reset_index(drop=True), whole.estimates
    )


def repeated(
    n: int = 40, looks: int = 3, k: int = 4, seed: int = 2
) -> tuple[np.ndarray, list[str], list[str]]:
    """Rows of respondents who were asked several times, in mixed order."""
    rng = np.random.default_rng(seed)
    values = (
        rng.normal(size=(n, 1, 1)) + 0.5 * rng.normal(size=(n, looks, 1)) + rng.normal(size=(n, looks, k))
    )
    order = rng.permutation(n * looks)
    who = np.repeat([f"r{i:03d}" for i in range(n)], looks)[order]
    prompt = np.tile([f"p{i}" for i in range(looks)], n)[order]
    return values.reshape(-1, k)[order], list(who), list(prompt)


def test_a_respondent_counts_once_with_the_mean_of_the_answers(wide: Callable[..., Any]) -> None:
    values, who, prompt = repeated()
    table = wide(values, respondents=who, facets={"prompt": prompt})
    result = reliability(table, missing="complete", seed=1)
    means = pd.DataFrame(values).groupby(np.array(who)).mean().to_numpy()
    found = one(result, "alpha")
    assert found["estimate"] == pytest.approx(alpha(np.cov(means.T)), rel=R_TOLERANCE)
    assert found["n"] == 40
    assert "row = respondent" in found["method"]


def test_levels_of_a_facet_within_respondents_take_the_answers_at_that_level(
    wide: Callable[..., Any],
) -> None:
    values, who, prompt = repeated()
    result = reliability(
        wide(values, respondents=who, facets={"prompt": prompt}),
        missing="complete",
        seed=1,
        by="prompt",
        n_boot=0,
    )
    rows = values[np.array(prompt) == "p1"]
    assert one(result, "alpha", group="prompt = p1")["estimate"] == pytest.approx(
        alpha(np.cov(rows.T)), rel=R_TOLERANCE
    )


def test_administrations_of_one_respondent_are_resampled_together(wide: Callable[..., Any]) -> None:
    values, who, prompt = repeated()
    table = wide(values, respondents=who, facets={"prompt": prompt})
    result = reliability(table, missing="complete", seed=1, unit="administration")
    feldt, boot = one(result, "alpha"), one(result, "alpha", "bootstrap")
    assert feldt["estimate"] == pytest.approx(alpha(np.cov(values.T)), rel=R_TOLERANCE)
    assert np.isnan(feldt["conf_low"])
    assert feldt["reason"] == "rows of one respondent are not independent"
    assert boot["conf_low"] < boot["estimate"] < boot["conf_high"]
    assert feldt["n"] == 40
    # As if the 120 rows were 120 respondents: the interval would be too narrow.
    naive = reliability(wide(values), missing="complete", seed=1)
    width = boot["conf_high"] - boot["conf_low"]
    naive_boot = one(naive, "alpha", "bootstrap")
    assert width > 1.15 * (naive_boot["conf_high"] - naive_boot["conf_low"])
    assert feldt["std_error"] > 1.15 * one(naive, "alpha")["std_error"]
    for estimand in ("item_rest_r", "alpha_if_dropped"):
        assert (pick(result, estimand)["reason"] == "rows of one respondent are not independent").all()
    assert np.isfinite(pick(result, "item_mean")["conf_low"]).all()
    assert np.isfinite(pick(result, "item_sd")["conf_low"]).all()


def test_one_administration_each_is_the_same_as_respondents(wide: Callable[..., Any]) -> None:
    table = wide(trait())
    rows = [
        reliability(table, missing="complete", seed=1, unit=unit).estimates
        for unit in ("respondent", "administration")
    ]
    pd.testing.assert_frame_equal(rows[0].drop(columns="method"), rows[1].drop(columns="method"))


def test_influence_belongs_to_the_rows_of_alpha(wide: Callable[..., Any]) -> None:
    models = np.repeat(["a", "b"], 30)
    result = reliability(wide(trait(), facets={"model": models}), missing="complete", seed=1, by="model")
    array = result.arrays["influence"]
    rows = array["row"].to_numpy()
    assert set(result.estimates.loc[rows, "estimand"]) == {"alpha", "alpha_standardized"}
    assert len(rows) == result.estimates["estimand"].isin(["alpha", "alpha_standardized"]).sum()
    for column, row in enumerate(rows):
        values = array.to_numpy()[:, column]
        part = values[np.isfinite(values)]
        estimate = result.estimates.loc[row]
        assert part.size == estimate["n"]
        assert part.mean() == pytest.approx(0, abs=1e-12)
        if estimate["method"].startswith("feldt"):
            assert estimate["std_error"] == pytest.approx(
                np.sqrt(np.sum(part**2) / (part.size * (part.size - 1)))
            )
    in_b = np.isfinite(array.to_numpy()[:, rows == pick(result, "alpha", "feldt", "model = b").index[0]])[
        :, 0
    ]
    assert array["respondent"].to_numpy()[in_b].tolist() == [f"r{i:04d}" for i in range(30, 60)]


def test_covariances_of_the_scales_are_kept(wide: Callable[..., Any]) -> None:
    values = trait()
    stored = reliability(wide(values), missing="complete", seed=1, n_boot=0).arrays["covariance"]
    np.testing.assert_allclose(stored.sel(group="").to_numpy(), np.cov(values.T), rtol=1e-12)
    assert stored["item"].to_numpy().tolist() == [f"i{i}" for i in range(1, 6)]


def test_an_item_that_everyone_answered_alike_is_kept_and_named(wide: Callable[..., Any]) -> None:
    values = trait()
    values[:, 2] = 0.1
    result = reliability(wide(values), missing="complete", seed=1)
    others = np.delete(values, 2, axis=1)
    assert one(result, "alpha")["estimate"] == pytest.approx(alpha(np.cov(values.T)), rel=R_TOLERANCE)
    without = alpha(np.cov(others.T))
    assert without > one(result, "alpha")["estimate"]
    assert f"S {without:.3f}" in text(result, "zero_variance")
    assert "i3" in text(result, "zero_variance")
    standardized = one(result, "alpha_standardized")["estimate"]
    assert standardized == pytest.approx(alpha(np.corrcoef(others.T)), rel=R_TOLERANCE)
    row = pick(result, "item_rest_r").iloc[2]
    assert np.isnan(row["estimate"])
    assert row["reason"] == "everyone answered alike"
    assert pick(result, "item_mean").iloc[2]["reason"] == "everyone answered alike"
    assert pick(result, "item_sd").iloc[2]["estimate"] == 0
    assert np.isfinite(pick(result, "alpha_if_dropped").iloc[2]["estimate"])


def test_no_variance_at_all_is_a_reason_not_an_error(wide: Callable[..., Any]) -> None:
    result = reliability(wide(np.full((20, 3), 4.0)), missing="available", seed=1)
    for estimand in ("alpha", "alpha_standardized"):
        found = pick(result, estimand)
        assert len(found) == 2
        assert found["estimate"].isna().all()
        assert (found["reason"] == "everyone answered alike").all()
    assert "influence" not in result.arrays


def test_items_that_cancel_have_no_alpha(wide: Callable[..., Any]) -> None:
    first = np.random.default_rng(1).normal(size=40)
    result = reliability(wide(np.column_stack([first, -first])), missing="complete", seed=1)
    assert one(result, "alpha")["reason"] == "the total score does not vary"


def test_a_negative_alpha_and_negative_items_are_flagged_and_never_turned(wide: Callable[..., Any]) -> None:
    values = trait(200, 4)
    values[:, [0, 1]] *= -1
    result = reliability(wide(values), missing="complete", seed=1)
    estimate = one(result, "alpha")
    assert estimate["estimate"] == pytest.approx(alpha(np.cov(values.T)), rel=R_TOLERANCE)
    assert estimate["estimate"] < 0
    assert estimate["conf_low"] < estimate["estimate"] < estimate["conf_high"]
    assert next(note.level for note in result.notes if note.code == "negative_alpha") == "problem"
    assert "never reversed silently" in text(result, "negative_item_rest")
    assert (pick(result, "item_rest_r")["estimate"] < 0).all()


def parroted(n: int = 500, seed: int = 3) -> np.ndarray:
    """Answers of a model that gives one answer to every item, whatever it says, on five codes; little noise."""
    rng = np.random.default_rng(seed)
    answer = rng.choice([1.0, 2.0, 4.0, 5.0], size=(n, 1))
    moved = rng.random((n, 6)) < 0.12
    return np.clip(answer + moved * rng.choice([-1.0, 1.0], size=(n, 6)), 1, 5)


def test_constant_answers_under_a_key_that_reverses_some_are_a_problem(wide: Callable[..., Any]) -> None:
    """Published for a language model: alpha -.55, lambda 6 .93, omega 1.00 (items reversed silently)."""
    table = wide(parroted(), low=1, high=5, reversed=[1, 4])
    result = reliability(
        table, missing="complete", seed=1, n_boot=0, coefficients=["alpha", "lambda6"], intervals=["delta"]
    )
    assert one(result, "alpha", "delta")["estimate"] == pytest.approx(-0.55, abs=0.1)
    assert one(result, "lambda6", "delta")["estimate"] == pytest.approx(0.93, abs=0.04)
    assert {"negative_alpha", "negative_item_rest", "bounds_against_alpha"} <= codes(result)
    assert "lambda6 0.9" in text(result, "bounds_against_alpha")
    related = omega(table, missing="complete", seed=1, n_boot=0)
    assert {"negative_alpha", "omega_against_alpha"} <= codes(related)
    assert "reversed 0.99" in text(related, "omega_against_alpha")
    assert next(note.level for note in related.notes if note.code == "omega_against_alpha") == "problem"
    # The same answers keyed one way: nothing contradicts anything.
    plain = wide(parroted(), low=1, high=5)
    fine = reliability(
        plain, missing="complete", seed=1, n_boot=0, coefficients=["alpha", "lambda6"], intervals=["delta"]
    )
    against = {"negative_alpha", "negative_item_rest", "bounds_against_alpha", "omega_against_alpha"}
    assert not against & (codes(fine) | codes(omega(plain, missing="complete", seed=1, n_boot=0)))


def test_a_clean_table_has_no_flag(wide: Callable[..., Any]) -> None:
    flags = {"zero_variance", "negative_alpha", "negative_item_rest", "bounds_against_alpha",
             "duplicate_items", "few_respondents", "short_pairs", "not_positive", "rows_left_out"}  # fmt: skip
    result = reliability(
        wide(np.clip(np.round(trait(60) + 3), 1, 5), low=1, high=5), missing="complete", seed=1, n_boot=0,
        coefficients=["alpha", "lambda6", "sem"], intervals=["delta"],
    )  # fmt: skip
    assert not flags & codes(result)


def test_item_rest_limits_are_the_jackknife_over_respondents(wide: Callable[..., Any]) -> None:
    values = trait(25, 3)
    found = pick(reliability(wide(values), missing="complete", seed=1, n_boot=0), "item_rest_r").iloc[1]

    def r(x: np.ndarray) -> float:
        return float(np.corrcoef(x[:, 1], x[:, 0] + x[:, 2])[0, 1])

    without = np.array([np.arctanh(r(np.delete(values, row, axis=0))) for row in range(25)])
    half = 2.063898562 * np.sqrt(24 / 25 * np.sum((without - without.mean()) ** 2))
    assert found["estimate"] == pytest.approx(r(values))
    expected = np.tanh(np.arctanh(r(values)) + np.array([-half, half]))
    assert (found["conf_low"], found["conf_high"]) == pytest.approx(tuple(expected))


def test_item_rest_limits_that_hang_on_one_respondent_are_a_reason(wide: Callable[..., Any]) -> None:
    values = trait(25, 3)
    values[1:, 0] = 2.0
    found = pick(reliability(wide(values), missing="complete", seed=1, n_boot=0), "item_rest_r")
    assert np.isnan(found["conf_low"].iloc[0])
    assert "would not vary" in found["reason"].iloc[0]


def test_one_item_the_wrong_way_round_is_named(wide: Callable[..., Any]) -> None:
    values = trait(200, 6)
    values[:, 3] *= -1
    result = reliability(wide(values), missing="complete", seed=1, n_boot=0)
    assert "i4 (-" in text(result, "negative_item_rest")
    assert "i1" not in text(result, "negative_item_rest")
    assert "negative_alpha" not in codes(result)


def test_near_duplicates_are_named(wide: Callable[..., Any]) -> None:
    values = trait(100)
    values[:, 4] = values[:, 0] + 0.01 * values[:, 1]
    result = reliability(wide(values), missing="complete", seed=1, n_boot=0)
    assert "i1 and i5" in text(result, "duplicate_items")
    assert "duplicate_items" not in codes(reliability(wide(trait(100)), missing="complete", seed=1, n_boot=0))


def test_few_respondents_are_counted(wide: Callable[..., Any]) -> None:
    assert "(12)" in text(reliability(wide(trait(12)), missing="complete", seed=1), "few_respondents")
    assert "few_respondents" not in codes(reliability(wide(trait(60)), missing="complete", seed=1))


def test_holes_are_counted_and_their_rule_is_named(wide: Callable[..., Any]) -> None:
    values = trait(100)
    values[:12, 0] = np.nan
    values[0] = np.nan
    available = reliability(wide(values), missing="available", seed=1)
    assert one(available, "alpha")["n"] == 99
    assert "88 of 99" in text(available, "short_pairs")
    assert text(available, "rows_left_out").startswith("Rows with no answer are left out: S 1.")
    assert "BCa" in text(available, "bootstrap_kind")
    complete = reliability(wide(values), missing="complete", seed=1)
    assert one(complete, "alpha")["n"] == 88
    assert "S 12" in text(complete, "rows_left_out")
    assert not {"short_pairs", "bootstrap_kind"} & codes(complete)


def test_impossible_pairwise_covariances_are_flagged(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(5)
    first = rng.normal(size=30)
    hole = np.full(30, np.nan)
    values = np.concatenate([
        np.column_stack([first, first + 0.1 * rng.normal(size=30), hole]),
        np.column_stack([hole, first, first + 0.1 * rng.normal(size=30)]),
        np.column_stack([first, hole, -0.5 * first + 0.1 * rng.normal(size=30)]),
    ])  # fmt: skip
    result = reliability(wide(values), missing="available", seed=1)
    assert "not_positive" in codes(result)


def test_pairs_that_nobody_answered_together_have_no_covariance(wide: Callable[..., Any]) -> None:
    values = trait(40, 3)
    values[:20, 0] = np.nan
    values[20:, 1] = np.nan
    result = reliability(wide(values), missing="available", seed=1)
    assert "fewer than two respondents" in one(result, "alpha")["reason"]
    assert np.isfinite(pick(result, "item_mean")["conf_low"]).all()


def test_two_items_have_no_alpha_without_one(wide: Callable[..., Any]) -> None:
    result = reliability(wide(trait(50, 2)), missing="complete", seed=1)
    assert (pick(result, "alpha_if_dropped")["reason"] == "one item would be left").all()
    r = pick(result, "item_rest_r")["estimate"]
    assert r.iloc[0] == pytest.approx(r.iloc[1])


def test_perfectly_equal_items_have_alpha_one_and_say_why_there_is_no_interval(
    wide: Callable[..., Any],
) -> None:
    values = np.repeat(np.random.default_rng(1).normal(size=(40, 1)), 3, axis=1)
    result = reliability(wide(values), missing="complete", seed=1)
    feldt = one(result, "alpha")
    assert (feldt["estimate"], feldt["conf_low"], feldt["conf_high"]) == pytest.approx((1, 1, 1))
    assert feldt["reason"] == ""
    assert one(result, "alpha", "bootstrap")["reason"] == "alpha is 1, or too few resamples have a value"


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_complete_row_is_a_reason_not_an_error(n: int, wide: Callable[..., Any]) -> None:
    values = trait(10, 4)
    values[n:, 0] = np.nan
    result = reliability(wide(values), missing="complete", seed=1)
    found = pick(result, "alpha")
    assert (found["n"] == n).all()
    assert ((found["reason"] != "") | found["conf_low"].notna()).all()
    if n < 2:
        assert (found["reason"] == "fewer than two respondents have answers").all()


def test_finished_scores_are_not_asked_for_their_consistency(wide: Callable[..., Any]) -> None:
    result = reliability(wide(trait(30, 1)), missing="complete", seed=1)
    assert result.estimates.empty
    assert "scale_score" in codes(result)


def test_every_fault_of_the_call_is_told_at_once(wide: Callable[..., Any]) -> None:
    with pytest.raises(InputError) as caught:
        reliability(wide(trait()), missing="complete", seed=1, unit="model", by="prompt", n_boot=10)  # type: ignore[arg-type]
    assert [fault.where for fault in caught.value.faults] == ["unit", "by", "n_boot"]
    with pytest.raises(InputError, match="conf_level"):
        reliability(wide(trait()), missing="complete", seed=1, conf_level=95)
    with pytest.raises(InputError, match="missing"):
        reliability(wide(trait()), missing="pairwise", seed=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="seed"):
        reliability(wide(trait()), missing="complete")  # type: ignore[call-arg]


def test_settings_hold_the_call(wide: Callable[..., Any]) -> None:
    settings = reliability(wide(trait()), missing="complete", seed=3, n_boot=200).settings
    assert settings["scales"] == {"S": ["i1", "i2", "i3", "i4", "i5"]}
    assert (settings["missing"], settings["unit"], settings["seed"], settings["n_boot"]) == (
        "complete",
        "respondent",
        3,
        200,
    )
    json.dumps(settings)
