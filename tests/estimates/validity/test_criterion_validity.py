"""Prediction of criteria: against R's lm, out of sample, defaults, blocks, groups and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.validity.criterion_validity import criterion_validity
from psychomet.numerics.multiplicity import benjamini_hochberg, holm
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

R = json.loads((Path(__file__).resolve().parents[2] / "reference" / "criterion.json").read_text())
SAME_NUMBER = 1e-9
"""The same closed form on the same table; R prints 15 digits."""

SAID, DONE = ("a", "b", "c"), ("y", "z")
QUICK = {"missing": "available", "seed": 1, "n_boot": 200, "n_permutations": 199, "repeats": 5}


def key_of(names: tuple[str, ...]) -> Key:
    return Key(
        "scores", tuple(Scale(name, (f"{name}_score",), -1000, 1000, scale_score=True) for name in names)
    )


def table(
    wide: pd.DataFrame, done: tuple[str, ...] = DONE, times: int = 1, **facets: list[str]
) -> ResponseTable:
    long = wide.rename_axis("respondent").reset_index()
    for name, levels in facets.items():
        long[name] = levels
    long = long.melt(["respondent", *facets], var_name="scale", value_name="response").dropna(
        subset="response"
    )
    long["item"] = long["scale"] + "_score"
    long["source"] = np.where(long["scale"].isin(done), "behaviour", "self_report")
    long = pd.concat([long.assign(sample=str(draw)) for draw in range(times)], ignore_index=True)
    extra = tuple(name for name in facets if name not in ("model", "persona"))
    return read_responses(long.drop(columns="scale"), key=key_of(tuple(wide.columns)), facets=extra)


@pytest.fixture(scope="module")
def wide() -> pd.DataFrame:
    frame = pd.DataFrame(R["rows"])
    return frame.set_axis([f"r{at:02d}" for at in range(len(frame))])


@pytest.fixture(scope="module")
def result(wide: pd.DataFrame) -> Result:
    return criterion_validity(table(wide), over=["a"], **QUICK)


def rows(result: Result, estimand: str, other: str, method: str = "", **where: str) -> pd.DataFrame:
    frame = result.estimates
    keep = (
        (frame["estimand"] == estimand) & (frame["other"] == other) & frame["method"].str.startswith(method)
    )
    for name, value in where.items():
        keep &= frame[name] == value
    return frame[keep]


@pytest.mark.parametrize("criterion", DONE)
def test_equals_r(result: Result, criterion: str) -> None:
    known = R[criterion]
    whole = rows(result, "r_squared", criterion, "random_x", level="step 2").iloc[0]
    assert whole[["estimate", "statistic", "df", "df2"]].tolist() == pytest.approx(
        [known["r_squared"], *known["f"]], rel=SAME_NUMBER
    )
    step = rows(result, "r_squared", criterion, "random_x", level="step 1").iloc[0]
    assert step["estimate"] == pytest.approx(known["base"], rel=SAME_NUMBER)
    adjusted = rows(result, "r_squared_adjusted", criterion, "random_x; Ezekiel", level="step 2").iloc[0]
    assert adjusted["estimate"] == pytest.approx(known["adjusted"], rel=SAME_NUMBER)
    rise = rows(result, "delta_r_squared", criterion, "confidence").iloc[0]
    assert rise[["estimate", "statistic", "p_value", "df", "df2"]].tolist() == pytest.approx(
        [known["r_squared"] - known["base"], known["added_f"], known["added_p"], *known["added_df"]],
        rel=SAME_NUMBER,
    )
    alone = rows(result, "cv_r_squared", criterion, "none", level="step 2").iloc[0]
    assert alone["estimate"] == pytest.approx(known["left_one_out"], rel=SAME_NUMBER)
    for estimand, name, method in (
        ("criterion_r", "correlation", "fisher_z"), ("standardized_slope", "slope", "delta"),
        ("semipartial_r", "semipartial", "delta"), ("vif", "vif", "none"),
    ):  # fmt: skip
        found = rows(result, estimand, criterion, method).set_index("term")["estimate"]
        np.testing.assert_allclose(found[list(SAID)], known[name], rtol=SAME_NUMBER)
    slopes = rows(result, "standardized_slope", criterion, "delta").set_index("term")
    np.testing.assert_allclose(slopes.loc[list(SAID), "p_value"], known["p"], rtol=SAME_NUMBER)


def test_dominance_adds_up_and_adjustments_are_families(result: Result) -> None:
    for criterion in DONE:
        share = rows(result, "general_dominance", criterion)["estimate"].sum()
        assert share == pytest.approx(R[criterion]["r_squared"], rel=SAME_NUMBER)
    tested = result.estimates[
        (result.estimates["estimand"] == "criterion_r") & result.estimates["p_value"].notna()
    ]
    np.testing.assert_allclose(tested["p_adjusted"], holm(tested["p_value"].to_numpy()))
    other = criterion_validity(table(pd.DataFrame(R["rows"]).set_axis([f"r{at:02d}" for at in range(40)])),
                               adjust="benjamini_hochberg", **QUICK).estimates  # fmt: skip
    tested = other[(other["estimand"] == "r_squared") & other["p_value"].notna()]
    np.testing.assert_allclose(tested["p_adjusted"], benjamini_hochberg(tested["p_value"].to_numpy()))


def test_influence_gives_the_standard_error(result: Result) -> None:
    influence = result.arrays["influence"]
    at = rows(result, "r_squared", "y", "bootstrap", level="step 2").index[0]
    values = influence.sel(row=at).to_numpy()
    n = values.size
    assert abs(values.mean()) < SAME_NUMBER
    error = np.sqrt(np.sum(values**2) / (n * (n - 1)))
    assert result.estimates.loc[at, "std_error"] == pytest.approx(error, rel=SAME_NUMBER)


def test_rows_of_a_respondent_are_one(wide: pd.DataFrame, result: Result) -> None:
    again = criterion_validity(table(wide, times=3), over=["a"], **QUICK)
    pd.testing.assert_frame_equal(again.estimates, result.estimates, rtol=SAME_NUMBER)


def test_defaults_and_blocks(wide: pd.DataFrame) -> None:
    plain = criterion_validity(table(wide), **QUICK)
    assert set(plain.estimates["other"]) == set(DONE)
    assert set(rows(plain, "criterion_r", "y")["term"]) == set(SAID)
    assert not (plain.estimates["estimand"] == "delta_r_squared").any()
    model = ["m1", "m2"] * 20
    steps = criterion_validity(table(wide, model=model), criteria=["y"], over=[["model"], "a"], **QUICK)
    whole = rows(steps, "r_squared", "y", "random_x").set_index("level")
    assert whole["term"].tolist() == ["model", "a", "b + c"] and whole["df"].tolist() == [1.0, 2.0, 4.0]
    groups = wide["y"].groupby(model).mean()
    between = ((groups - wide["y"].mean()) ** 2).mean() / wide["y"].var(ddof=0)
    assert whole.loc["step 1", "estimate"] == pytest.approx(between, rel=1e-6)
    assert "facet_as_predictor" in {note.code for note in steps.notes}


def test_groups_stand_alone(wide: pd.DataFrame) -> None:
    model = np.array(["m1", "m2"] * 20)
    together = criterion_validity(table(wide, model=list(model)), by="model", **QUICK)
    alone = criterion_validity(table(wide[model == "m2"]), **QUICK)
    mine = together.estimates[together.estimates["group"] == "model = m2"].drop(columns="group")
    pd.testing.assert_frame_equal(
        mine.reset_index(drop=True), alone.estimates.drop(columns="group"), rtol=SAME_NUMBER
    )


def test_levels_kept_together_are_never_split(wide: pd.DataFrame) -> None:
    """A criterion that a level fixes is foretold from its twin only where twins may be parted."""
    twin = np.repeat(np.arange(20), 2)
    rng = np.random.default_rng(3)
    frame = wide.copy()
    for name in (*SAID, "y"):
        frame[name] = rng.normal(size=20)[twin]
    model = [f"m{at:02d}" for at in twin]
    arguments = {**QUICK, "criteria": ["y"], "repeats": 20}
    kept = criterion_validity(table(frame, model=model), together="model", **arguments)
    parted = criterion_validity(table(frame, model=model), **arguments)
    first, second = (rows(each, "cv_r_squared", "y", "nested").iloc[0]["estimate"] for each in (kept, parted))
    assert first < second
    assert "tests_ignore_levels" in {note.code for note in kept.notes}
    assert rows(kept, "cv_r_squared", "y", "none").iloc[0]["reason"] != ""


def test_few_respondents_are_a_problem_that_is_said() -> None:
    rng = np.random.default_rng(4)
    names = tuple("abcdef")
    frame = pd.DataFrame(
        rng.normal(size=(12, 7)), columns=[*names, "y"], index=[f"r{at:02d}" for at in range(12)]
    )
    found = criterion_validity(table(frame, done=("y",)), **QUICK)
    notes = {note.code: note for note in found.notes}
    assert notes["few_respondents"].level == "problem" and "55 %" in notes["few_respondents"].text
    assert rows(found, "r_squared_by_chance", "y").iloc[0]["estimate"] == pytest.approx(6 / 11)
    few = criterion_validity(table(frame.iloc[:7], done=("y",)), **QUICK)
    assert (rows(few, "r_squared", "y")["reason"] != "").all() and rows(few, "r_squared", "y")[
        "conf_low"
    ].isna().all()
    none = criterion_validity(table(frame.iloc[:3], done=("y",)), **QUICK)
    assert (none.estimates["reason"] != "").all()


def test_collinear_and_constant_predictors_are_said(wide: pd.DataFrame) -> None:
    frame = wide.assign(c=wide["a"] * 2 + 1)
    found = criterion_validity(table(frame), **QUICK)
    assert rows(found, "r_squared", "y", "random_x").iloc[0]["df"] == 2
    slopes = rows(found, "standardized_slope", "y", "delta").set_index("term")
    assert slopes.loc[["a", "c"], "estimate"].isna().all() and np.isfinite(slopes.loc["b", "estimate"])
    plain = criterion_validity(table(wide.drop(columns="c")), **QUICK)
    names = ("cv_r_squared", "y", "nested")
    assert rows(found, *names).iloc[0]["estimate"] == pytest.approx(
        rows(plain, *names).iloc[0]["estimate"], rel=1e-6
    )
    fixed = criterion_validity(table(wide.assign(z=3.0)), **QUICK)
    assert "same score" in rows(fixed, "r_squared", "z").iloc[0]["reason"]


def test_disattenuated_and_unrestricted(wide: pd.DataFrame) -> None:
    found = criterion_validity(table(wide), reliabilities={"a": 0.8, "y": 0.5}, sd_ratio={"a": 1.5}, **QUICK)
    r = R["y"]["correlation"][0]
    corrected = rows(found, "criterion_r_disattenuated", "y")
    assert corrected["term"].tolist() == ["a"]
    assert corrected.iloc[0]["estimate"] == pytest.approx(r / np.sqrt(0.4), rel=SAME_NUMBER)
    wider = rows(found, "criterion_r_unrestricted", "y").iloc[0]
    assert wider["estimate"] == pytest.approx(1.5 * r / np.sqrt(1 - r**2 + 2.25 * r**2), rel=SAME_NUMBER)
    assert wider["conf_low"] < wider["estimate"] < wider["conf_high"]


def test_alpha_corrects_scales_of_items() -> None:
    rng = np.random.default_rng(6)
    trait = rng.normal(size=300)
    items = {f"i{at}": trait + rng.normal(size=300) for at in range(4)}
    frame = pd.DataFrame({**items, "y_score": trait + rng.normal(size=300)})
    long = frame.set_axis([f"r{at:03d}" for at in range(300)]).rename_axis("respondent").reset_index()
    long = long.melt("respondent", var_name="item", value_name="response")
    long["source"] = np.where(long["item"] == "y_score", "behaviour", "self_report")
    key = Key(
        "k", (Scale("x", tuple(items), -100, 100), Scale("y", ("y_score",), -100, 100, scale_score=True))
    )
    found = criterion_validity(read_responses(long, key=key), reliabilities={"y": 0.5}, **QUICK)
    row = rows(found, "criterion_r_disattenuated", "y").iloc[0]
    # True scores are one trait: their correlation is 1.
    assert abs(row["estimate"] - 1) < 3 * row["std_error"] and row["conf_low"] < 1 < row["conf_high"] + 0.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"criteria": ["nothing"]}, ["criteria: not a scale: nothing"]),
        ({"predictors": ["y"], "criteria": ["y"]}, ["both criterion and predictor"]),
        ({"over": ["a", "b", "c"]}, ["no scale is left"]),
        ({"over": [["a"], ["a"]]}, ["named twice"]),
        ({"folds": 1, "repeats": 0, "n_boot": 5}, ["folds", "repeats", "n_boot"]),
        (
            {"adjust": "none", "sd_ratio": -1.0, "reliabilities": {"a": 2.0}},
            ["adjust", "sd_ratio", "reliabilities"],
        ),
        ({"reliabilities": {"q": 0.5}}, ["not in the analysis: q"]),
        ({"by": "persona", "together": "rater"}, ["by: 'persona'", "together: 'rater'"]),
        ({"over": ["model"], "together": "model"}, ["also in over"]),
    ],
)
def test_faults_are_all_named(wide: pd.DataFrame, arguments: dict, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        criterion_validity(table(wide, model=["m1", "m2"] * 20), **{**QUICK, **arguments})
    for word in words:
        assert word in str(caught.value)


def test_anxiety_and_depression_over_eysenck(shared: Path) -> None:
    """psych's epi.bfi: the Big Five beyond Eysenck's scales, against lm."""
    frame = pd.read_csv(shared / "data" / "psych_bfi" / "epi_bfi.csv")
    five, epi = ["bfagree", "bfcon", "bfext", "bfneur", "bfopen"], ["epiE", "epiNeur"]
    done = ("stateanx", "traitanx", "bdi")
    frame = frame[[*epi, *five, *done]].set_axis([f"p{at:03d}" for at in range(len(frame))])
    found = criterion_validity(table(frame, done=done), over=epi, **{**QUICK, "repeats": 30})
    for criterion in done:
        known = R["epi"][criterion]
        whole = rows(found, "r_squared", criterion, "random_x", level="step 2").iloc[0]
        rise = rows(found, "delta_r_squared", criterion, "confidence").iloc[0]
        assert [whole["estimate"], rise["statistic"], rise["p_value"]] == pytest.approx(
            [known["r_squared"], known["added_f"], known["added_p"]], rel=1e-8
        )
        alone = rows(found, "cv_r_squared", criterion, "none", level="step 2").iloc[0]["estimate"]
        assert alone == pytest.approx(known["left_one_out"], rel=1e-8)
        ahead = rows(found, "cv_r_squared", criterion, "nested", level="step 2").iloc[0]
        assert ahead["conf_low"] > 0 and ahead["estimate"] < whole["estimate"]


def test_twelve_models_predict_nothing(shared: Path) -> None:
    """The Personality Illusion: a high R squared in the sample, and nothing out of it."""
    folder = shared / "data" / "personality_illusion" / "data" / "baseline_responses"
    done = {"CCT_cold_avg": "risk", "IAT_Overall": "stereotype", "sycophancy_rate": "sycophancy"}
    said = ["openeness", "consciencienes", "extraversion", "agreeableness", "neuroticism", "self_regulation"]
    parts = [
        pd.read_csv(folder / file).groupby("Model")[columns].mean()
        for file, columns in (
            ("instruct_models_selfreport.csv", said), ("instruct_models_behavioral_tasks.csv", list(done)),
        )
    ]  # fmt: skip
    frame = parts[0].join(parts[1], how="inner").rename(columns=done)
    assert len(frame) == 12
    found = criterion_validity(table(frame, done=tuple(done.values())), **{**QUICK, "repeats": 30})
    sample = rows(found, "r_squared", "risk", "random_x").iloc[0]
    design = np.column_stack([np.ones(12), frame[said]])
    residual = frame["risk"] - design @ np.linalg.lstsq(design, frame["risk"], rcond=None)[0]
    expected = 1 - (residual**2).sum() / ((frame["risk"] - frame["risk"].mean()) ** 2).sum()
    # The predictors nearly determine each other: least squares by two routes agree to fewer digits.
    assert sample["estimate"] == pytest.approx(expected, rel=1e-6) and sample["estimate"] > 0.9
    ahead = rows(found, "cv_r_squared", "risk", "nested").iloc[0]
    assert ahead["estimate"] < 0.5 and ahead["conf_low"] < -1
    assert {"few_respondents", "collinear", "worse_than_mean"} <= {note.code for note in found.notes}


def test_without_resamples_and_shuffles_the_rest_stands(wide: pd.DataFrame, result: Result) -> None:
    found = criterion_validity(table(wide), over=["a"], **{**QUICK, "n_boot": 0, "n_permutations": 0})
    boot = found.estimates["method"].str.startswith("bootstrap")
    assert (found.estimates.loc[boot, "reason"] != "").all() and found.estimates.loc[
        boot, "conf_low"
    ].isna().all()
    assert rows(found, "r_squared_by_chance", "y")["p_value"].isna().all()
    mine, theirs = (rows(each, "cv_r_squared", "y", "nested") for each in (found, result))
    assert mine["conf_low"].tolist() == theirs["conf_low"].tolist()
