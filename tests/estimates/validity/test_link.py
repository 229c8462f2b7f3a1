"""Self-report against behaviour: coefficients, intervals, families and who is left out."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.validity.link import link
from psychomet.numerics.association import spearman
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale, read_key
from psychomet.table.read import read_responses
from psychomet.table.simulate import simulate_study

SAME_NUMBER = 1e-10

SAID = ("A", "B")
DONE = ("risk", "care")
KEY = Key(
    "said and done",
    tuple(Scale(name, (f"{name}_score",), -100, 100, scale_score=True) for name in (*SAID, *DONE)),
)


def scores(n: int = 30, seed: int = 1, ties: bool = True) -> pd.DataFrame:
    """Respondents x scales; care is tied."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(size=n)
    frame = pd.DataFrame({name: trait + rng.normal(size=n) for name in (*SAID, *DONE)})
    if ties:
        frame["care"] = frame["care"].round()
    frame.index = [f"r{who:02d}" for who in range(n)]
    return frame


def tidy(wide: pd.DataFrame, times: int = 1) -> pd.DataFrame:
    rows = [
        (who, f"{name}_score", value, "behaviour" if name in DONE else "self_report", str(draw))
        for who, row in wide.iterrows()
        for name, value in row.items()
        for draw in range(times)
        if np.isfinite(value)
    ]
    return pd.DataFrame(rows, columns=["respondent", "item", "response", "source", "sample"])


def ask(wide: pd.DataFrame, **arguments) -> Result:
    return link(
        read_responses(tidy(wide), key=KEY), **{"missing": "available", "seed": 1, "n_boot": 300, **arguments}
    )


def rows_of(result: Result, **where: str) -> pd.DataFrame:
    found = result.estimates
    for name, value in where.items():
        found = found[found[name].str.startswith(value) if name == "method" else found[name] == value]
    return found


def test_coefficients_and_tests_equal_scipy() -> None:
    wide = scores()
    result = ask(wide)
    assert len(result.estimates) == 2 * 4 * 2
    for a in SAID:
        for b in DONE:
            pearson = stats.pearsonr(wide[a], wide[b])
            found = rows_of(result, estimand="pearson_r", term=a, other=b, method="fisher_z").iloc[0]
            interval = pearson.confidence_interval(0.95)
            assert found[["estimate", "p_value", "conf_low", "conf_high", "n"]].tolist() == pytest.approx(
                [pearson.statistic, pearson.pvalue, interval.low, interval.high, 30], rel=SAME_NUMBER
            )
            rank = stats.spearmanr(wide[a], wide[b])
            found = rows_of(result, estimand="spearman_rho", term=a, other=b, method="fisher_z").iloc[0]
            assert found[["estimate", "p_value"]].tolist() == pytest.approx(list(rank), rel=SAME_NUMBER)


def test_each_coefficient_is_a_family_of_its_own() -> None:
    result = ask(scores())
    for estimand in ("pearson_r", "spearman_rho"):
        tested = rows_of(result, estimand=estimand, method="fisher_z")
        np.testing.assert_allclose(tested["p_adjusted"], holm(tested["p_value"].to_numpy()))
        other = rows_of(result, estimand=estimand, method="bootstrap")
        assert other["p_value"].isna().all() and other["conf_low"].notna().all()


def test_bootstrap_is_reproducible_and_near_fisher() -> None:
    wide = scores(200)
    one, two, three = (ask(wide, seed=seed, n_boot=2000).estimates for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not one["conf_low"].equals(three["conf_low"])
    pearson = one[one["estimand"] == "pearson_r"]
    fisher = pearson[pearson["method"].str.startswith("fisher")]
    boot = pearson[pearson["method"].str.startswith("bootstrap")]
    np.testing.assert_allclose(fisher["conf_low"].to_numpy(), boot["conf_low"].to_numpy(), atol=0.06)
    np.testing.assert_allclose(fisher["std_error"].to_numpy(), boot["std_error"].to_numpy(), atol=0.02)


def test_respondents_enter_with_their_means() -> None:
    wide = scores()
    answers = tidy(wide, times=2)
    noise = np.random.default_rng(3).normal(size=len(answers))
    answers["response"] += noise
    result = link(read_responses(answers, key=KEY), missing="available", seed=1, n_boot=100)
    answers["name"] = answers["item"].str.removesuffix("_score")
    means = answers.pivot_table(index="respondent", columns="name", values="response")
    found = rows_of(result, estimand="pearson_r", term="B", other="care", method="fisher_z").iloc[0]
    assert found["estimate"] == pytest.approx(means["B"].corr(means["care"]), rel=SAME_NUMBER)
    assert "between_respondents" in {note.code for note in result.notes}


def test_respondents_with_one_side_are_left_out_and_counted() -> None:
    wide = scores(20)
    wide.iloc[:3, 2:] = np.nan
    wide.iloc[3:5, :2] = np.nan
    wide.iloc[5, 3] = np.nan
    result = ask(wide)
    sizes = rows_of(result, estimand="pearson_r", method="fisher_z").set_index(["term", "other"])["n"]
    assert sizes["A", "risk"] == 15 and sizes["B", "care"] == 14
    text = next(note.text for note in result.notes if note.code == "one_side_only")
    assert "3 respondents have no behaviour and 2 have nothing but behaviour" in text
    both = wide.dropna()
    found = rows_of(result, estimand="spearman_rho", term="A", other="care", method="fisher_z").iloc[0]
    assert found["estimate"] == pytest.approx(stats.spearmanr(both["A"], both["care"]).statistic)
    influence = result.arrays["influence"]
    assert influence.sizes == {"respondent": 20, "row": 16}
    assert np.isnan(influence.sel(respondent="r00").values).all()


def test_pairs_over_the_same_respondents_do_not_depend_on_the_others() -> None:
    wide = scores(20)
    whole = ask(wide).estimates
    wide.iloc[4, 3] = np.nan
    part = ask(wide).estimates
    same = whole["other"] == "risk"
    pd.testing.assert_frame_equal(
        whole.loc[same].drop(columns="p_adjusted"), part.loc[same].drop(columns="p_adjusted")
    )


def test_influence_gives_the_standard_error() -> None:
    result = ask(scores(200), n_boot=2000)
    influence = result.arrays["influence"]
    boot = result.estimates["method"].str.startswith("bootstrap").to_numpy()
    errors = np.sqrt((influence.values**2).sum(axis=0)) / 200
    np.testing.assert_allclose(errors[boot], result.estimates.loc[boot, "std_error"], rtol=0.1)
    np.testing.assert_allclose(influence.values.mean(axis=0), 0, atol=1e-12)


def test_small_samples() -> None:
    exact = ask(scores(6, ties=False))
    found = rows_of(exact, estimand="spearman_rho", term="A", other="risk", method="fisher_z").iloc[0]
    wide = scores(6, ties=False)
    rho = stats.spearmanr(wide["A"], wide["risk"]).statistic
    assert found["estimate"] == pytest.approx(rho)
    every = [spearman(wide["A"], wide["risk"].to_numpy()[list(order)]) for order in permutations(range(6))]
    assert found["p_value"] == pytest.approx(np.mean(np.abs(every) >= abs(rho) - 1e-12))
    assert np.isnan(found["statistic"])
    assert "few_respondents" in {note.code for note in exact.notes}
    three = ask(scores(3))
    assert three.estimates["reason"].str.contains("fewer than 4").all()
    assert three.estimates["estimate"].isna().all() and "influence" not in three.arrays


def test_scales_that_do_not_vary_or_agree_perfectly() -> None:
    wide = scores()
    wide["A"] = 0.3
    wide["care"] = 2 * wide["B"] + 1
    result = ask(wide)
    flat = result.estimates[result.estimates["term"] == "A"]
    assert flat["estimate"].isna().all() and flat["reason"].str.contains("does not vary").all()
    perfect = rows_of(result, term="B", other="care")
    assert perfect["estimate"].tolist() == pytest.approx([1] * 4)
    assert perfect["reason"].str.contains("perfect").all()
    assert "A" in next(note.text for note in result.notes if note.code == "zero_variance")
    tested = rows_of(result, estimand="pearson_r", method="fisher_z")
    assert tested["p_adjusted"].notna().sum() == 2


def test_resamples_in_which_a_side_does_not_vary_are_counted() -> None:
    wide = scores(6)
    wide["care"] = [0, 0, 0, 0, 0, 1.0]
    result = ask(wide)
    text = next(note.text for note in result.notes if note.code == "undefined_resamples")
    assert "care" in text
    found = rows_of(result, estimand="pearson_r", term="A", other="care", method="bootstrap").iloc[0]
    assert np.isfinite(found["conf_low"])


@pytest.mark.parametrize(
    ("drop", "word"), [(DONE, "no scale whose source is behaviour"), (SAID, "another source")]
)
def test_one_source_is_refused(drop: tuple[str, ...], word: str) -> None:
    wide = scores().drop(columns=list(drop))
    key = Key("half", tuple(scale for scale in KEY.scales if scale.name not in drop))
    with pytest.raises(InputError, match=word):
        link(read_responses(tidy(wide), key=key), missing="available", seed=1)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"n_boot": 0}, "n_boot"), ({"conf_level": 1.0}, "conf_level"), ({"missing": ""}, "missing")],
)
def test_wrong_arguments_are_refused(arguments: dict, word: str) -> None:
    with pytest.raises(InputError, match=word):
        ask(scores(), **arguments)


def test_settings_are_plain_and_whole() -> None:
    settings = json.loads(json.dumps(ask(scores()).settings))
    assert settings["seed"] == 1 and settings["n_boot"] == 300 and settings["missing"] == "available"
    assert list(settings["scales"]) == [*SAID, *DONE]


def test_truth_of_a_simulated_study_is_covered() -> None:
    study = simulate_study(seed=7, models=1, personas=150)
    result = link(read_responses(study.frame, key=read_key(study.key)), missing="available", seed=1)
    both = result.estimates.merge(study.truth, on=["estimand", "term", "other"])
    assert len(both) == len(result.estimates) == 60
    inside = (both["conf_low"] <= both["reference"]) & (both["reference"] <= both["conf_high"])
    # 60 dependent intervals of 95 %.
    assert inside.mean() >= 0.85
