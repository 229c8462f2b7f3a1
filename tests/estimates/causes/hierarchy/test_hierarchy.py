"""The question: rows, arrays and notes of both models, agreement with the precision chapter, bad input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import psychomet as pm
from psychomet.errors import MissingEngineError
from psychomet.estimates.causes.hierarchy import crossed as crossed_module
from psychomet.estimates.causes.hierarchy import gaussian, graded
from psychomet.estimates.causes.hierarchy.sampling import Drawn
from psychomet.numerics.graded import layout_of
from psychomet.numerics.graded_density import GradedPrior
from psychomet.numerics.graded_simulation import prior_draw, simulated_codes
from psychomet.pages.glossary import ESTIMANDS

from .tables import answers, table

arviz = pytest.importorskip("arviz")
pytest.importorskip("nutpie")

SD = np.array([1.0, 0.8, 0.5, 0.6, 0.4, 0.4, 0.9])
SHORT = pm.Sampling(draws=500, tune=200, chains=4)
QUICK = pm.Sampling(draws=100, tune=100, chains=2)
# Posterior median and point estimate, in posterior standard deviations: the prior and the skewness of the posterior.
APART = 0.4
SAME = 1e-12


def coded(values: NDArray[np.float64], low: float = 1.0, high: float = 7.0) -> NDArray[np.float64]:
    return np.clip(np.rint(values), low, high)


def graded_answers(
    n: int = 120, k: int = 4, categories: int = 3, seed: int = 1
) -> tuple[pd.DataFrame, pm.Key]:
    """Answers of a graded response model, codes from 1."""
    rng = np.random.default_rng(seed)
    layout = layout_of(np.full(k, categories))
    slope, intercept = prior_draw(layout, prior=GradedPrior(0.5, 0.2, 1.2), rng=rng)
    codes = simulated_codes(slope, intercept, theta=rng.normal(size=n), layout=layout, rng=rng) + 1
    rows = [(f"r{i:03d}", f"i{j}", int(codes[i, j])) for i in range(n) for j in range(k)]
    items = [f"i{j}" for j in range(k)]
    scale = {"name": "T", "low": 1, "high": categories, "items": items, "reversed": items[1:2]}
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response"])
    turned = frame["item"] == items[1]
    frame["response"] = frame["response"].where(~turned, categories + 1 - frame["response"])
    return frame, pm.read_key({"name": "made", "scale": [scale]})


@pytest.fixture
def drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent draws about the start in the place of a chain: for what is done with draws, whatever they are."""

    def instead(density: Any, *, start: Any, model: Any, stacked: Any, sampling: Any, seed: int) -> Drawn:
        rng = np.random.default_rng(seed)
        size = (sampling.chains, max(sampling.draws, 1000), len(start))
        return Drawn(start + 0.1 * rng.standard_normal(size), 0, "drawn 1")

    monkeypatch.setattr(gaussian, "sample_density", instead)
    monkeypatch.setattr(graded, "sample_density", instead)
    monkeypatch.setattr(crossed_module, "sample_density", instead)


@pytest.fixture(scope="module")
def crossed() -> pm.ResponseTable:
    return table(coded(answers((60, 10, 6), SD, 4.0, 1)))


@pytest.fixture(scope="module")
def fitted(crossed: pm.ResponseTable) -> pm.Result:
    return pm.hierarchy(
        crossed, seed=1, missing="available", sampling=pm.Sampling(draws=700, tune=500, chains=2)
    )


def of(result: pm.Result, estimand: str) -> pd.DataFrame:
    return result.estimates[result.estimates["estimand"] == estimand]


def test_coefficients_agree_with_generalizability(fitted: pm.Result, crossed: pm.ResponseTable) -> None:
    classical = pm.generalizability(crossed, seed=1, missing="available", n_boot=0)
    for estimand in ("g_coefficient", "error_relative", "universe_score_variance"):
        (ours,), (theirs,) = (of(one, estimand).to_dict("records") for one in (fitted, classical))
        assert abs(ours["estimate"] - theirs["estimate"]) < APART * ours["std_error"], estimand
        assert ours["level"] == theirs["level"] == "item = 10, prompt = 6"
    for estimand in ("phi_coefficient", "error_absolute"):
        # Six prompts: the prior and the skewness say much.
        (ours,), (theirs,) = (of(one, estimand).to_dict("records") for one in (fitted, classical))
        assert ours["conf_low"] < theirs["estimate"] < ours["conf_high"]
    assert fitted.settings["hierarchy"]["S"]["components"] == list(of(classical, "variance_share")["facet"])


def test_every_row_has_its_checks_and_every_estimand_its_words(fitted: pm.Result) -> None:
    frame = fitted.estimates
    assert set(frame["estimand"]) <= set(ESTIMANDS)
    main = frame[
        frame["method"].str.startswith("posterior")
        & (frame["reason"] == "")
        & ~frame["estimand"].str.contains("predictive")
    ]
    assert (main["rhat"] < 1.02).all() and (main["ess_bulk"] > 100).all()
    assert (main["conf_low"] <= main["estimate"]).all() and (main["estimate"] <= main["conf_high"]).all()
    identity = [c for c in ("estimand", "term", "other", "facet", "level", "group", "method") if c in frame]
    assert not frame.duplicated(identity).any()
    assert len(of(fitted, "posterior_predictive")) == 2 * (10 + 6) + 1
    assert len(of(fitted, "prior_sensitivity")) == len(main) == len(of(fitted, "likelihood_sensitivity"))
    assert {note.code for note in fitted.notes} >= {"converged"}


def test_the_posterior_is_read_by_arviz_and_survives_the_store(fitted: pm.Result, tmp_path: Path) -> None:
    draws = pm.posterior(fitted, scale="S")
    assert (
        draws["sd"].dims == ("chain", "draw", "component") and draws["true_score"].sizes["respondent"] == 60
    )
    summary = arviz.summary(draws[["g_coefficient", "sd"]], kind="diagnostics")
    assert summary.loc["g_coefficient", "r_hat"] == pytest.approx(
        of(fitted, "g_coefficient")["rhat"].item(), abs=0.01
    )
    pm.save(fitted, tmp_path / "kept")
    (again,) = pm.load(tmp_path / "kept")
    back = pm.posterior(again, scale="S")
    for name in draws:
        np.testing.assert_array_equal(back[name], draws[name])
    assert back["component"].to_numpy().tolist() == draws["component"].to_numpy().tolist()
    with pytest.raises(pm.InputError, match="There are: S"):
        pm.posterior(fitted, scale="nothing")


def test_true_scores_are_in_the_unit_of_the_answers(fitted: pm.Result, crossed: pm.ResponseTable) -> None:
    scores = fitted.arrays["S / scores"]
    means = pm.score(crossed, missing="available").groupby("respondent")["score"].mean()
    middle = scores.sel(statistic="median").to_series()
    assert np.corrcoef(middle, means.loc[middle.index])[0, 1] > 0.999
    assert 0.5 < middle.std() / means.std() < 1, "scores are drawn to the mean"
    assert (scores.sel(statistic="low") < scores.sel(statistic="high")).all()


def test_the_same_seed_gives_the_same_numbers(crossed: pm.ResponseTable) -> None:
    one, two, other = (
        pm.hierarchy(crossed, seed=seed, missing="available", sampling=QUICK) for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one.arrays["S / sd"], two.arrays["S / sd"])
    pd.testing.assert_frame_equal(one.estimates, two.estimates)
    assert not np.array_equal(one.arrays["S / sd"], other.arrays["S / sd"])


def test_chains_that_disagree_give_no_estimates(
    crossed: pm.ResponseTable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def apart(density: Any, *, start: Any, model: Any, stacked: Any, sampling: Any, seed: int) -> Drawn:
        x = start + 0.1 * np.random.default_rng(seed).standard_normal((2, 500, len(start)))
        x[1] += 1.0
        return Drawn(x, 3, "stuck 1")

    monkeypatch.setattr(gaussian, "sample_density", apart)
    result = pm.hierarchy(crossed, seed=1, missing="available")
    main = result.estimates[result.estimates["estimand"] != "prior_predictive"]
    assert main[["estimate", "std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert main["reason"].str.startswith("the chains did not converge").all()
    (note,) = [note for note in result.notes if note.code == "not_converged"]
    assert note.level == "problem" and "disagree" in note.text and "3 of" in note.text
    rules = tmp_path / "gate.toml"
    rules.write_text(
        '[[rule]]\nname = "g"\nquestion = "hierarchy"\nestimand = "g_coefficient"\nminimum = 0.1\non = "estimate"\n'
    )
    verdict = pm.gate([result], rules=pm.read_rules(rules))
    assert verdict.counts["fail"] == 1, "a rule on the point estimate alone must not pass either"
    assert "S / sd" in result.arrays, "the draws can be looked at"


@pytest.mark.usefixtures("drawn_at_once")
def test_groups_and_the_model_that_is_chosen() -> None:
    values = coded(answers((20, 5, 3), SD, 4.0, 2))
    values[:, :, 2] = np.clip(values[:, :, 2] + 2, 1, 7)
    held = table(values)
    result = pm.hierarchy(held, seed=1, missing="available", by="prompt", sampling=QUICK)
    assert set(result.estimates["group"]) == {"", *(f"prompt = prompt{at:03d}" for at in range(3))}
    assert set(of(result, "variance_share").query("group == 'prompt = prompt001'")["facet"]) == {
        "respondent", "item", "residual"
    }  # fmt: skip
    seen = of(result, "posterior_predictive").query("group == '' and facet == 'prompt' and other == 'mean'")
    np.testing.assert_allclose(
        seen.set_index("level")["statistic"].loc[[f"prompt{at:03d}" for at in range(3)]],
        values.mean(axis=(0, 1)), atol=SAME,
    )  # fmt: skip
    assert pm.posterior(result, scale="S", group="prompt = prompt001").sizes["component"] == 3
    graded_too = pm.hierarchy(held, seed=1, missing="available", by="prompt", model="graded", sampling=QUICK)
    whole = graded_too.estimates[graded_too.estimates["group"] == ""]
    assert len(whole) == 1 and "several times" in whole["reason"].item() and "by=" in whole["reason"].item()
    assert len(of(graded_too, "discrimination")) == 3 * 5
    assert {"few_respondents", "no_fit"} <= {note.code for note in graded_too.notes}


def test_the_graded_model_of_answers_in_categories() -> None:
    frame, key = graded_answers()
    held = pm.read_responses(frame, key=key)
    result = pm.hierarchy(held, seed=1, missing="available", sampling=SHORT)
    assert result.settings["hierarchy"]["T"]["model"] == "graded"
    assert result.settings["hierarchy"]["T"]["converged"], [note.text for note in result.notes]
    slopes, hard = of(result, "discrimination"), of(result, "difficulty")
    assert slopes["level"].tolist() == [f"i{j}" for j in range(4)] and (slopes["estimate"] > 0).all()
    assert hard["other"].tolist() == ["2 or more", "3 or more"] * 4
    by_item = hard["estimate"].to_numpy().reshape(4, 2)
    assert (by_item[:, 0] < by_item[:, 1]).all()
    assert 0.3 < of(result, "marginal_reliability")["estimate"].item() < 0.95
    # An item in three categories seen by 120 respondents is predicted by a model with a threshold for each of them.
    tested = of(result, "posterior_predictive")
    assert (tested["p_value"] > 0.01).all()
    scores = result.arrays["T / scores"].sel(statistic="median").to_series()
    keyed = pm.score(held, missing="available").set_index("respondent")["score"]
    assert np.corrcoef(scores, keyed.loc[scores.index])[0, 1] > 0.95, "reversed items are turned"
    pointwise = result.arrays["T / loo"].sel(statistic="elpd")
    assert float(pointwise.sum()) == pytest.approx(of(result, "elpd_loo")["estimate"].item(), rel=1e-9)
    assert 0 < of(result, "p_loo")["estimate"].item() < 40


@pytest.mark.usefixtures("drawn_at_once")
def test_categories_nobody_chose_constant_items_and_holes_are_told() -> None:
    frame, key = graded_answers()
    frame["response"] = frame["response"].astype(float)
    frame.loc[frame["item"] == "i2", "response"] = 3.0
    frame["status"] = "answered"
    frame.loc[[3, 40], ["response", "status"]] = [np.nan, "refused"]
    held = pm.read_responses(frame, key=key)
    result = pm.hierarchy(held, seed=1, missing="available", sampling=QUICK)
    assert {"empty_categories", "constant_items"} <= {note.code for note in result.notes}
    assert (of(result, "discrimination")["n"] == 120).all()
    whole = pm.hierarchy(held, seed=1, missing="complete", sampling=QUICK)
    assert (of(whole, "discrimination")["n"] == 118).all()
    assert "rows_left_out" in {note.code for note in whole.notes}


@pytest.mark.parametrize(
    ("change", "model", "words"),
    [
        ("hole", "gaussian", ""),
        ("one item", "graded", "a trait needs 3"),
        ("one item", "gaussian", "nothing to generalize over"),
        ("constant", "graded", "every answer is the same"),
        ("constant", "gaussian", "every answer is the same"),
        ("halves", "graded", "not whole codes"),
        ("halves", "ordinal", "not whole codes"),
        ("constant", "ordinal", "every answer is the same"),
        ("two respondents", "gaussian", ""),
    ],
)
@pytest.mark.usefixtures("drawn_at_once")
def test_tables_that_a_model_cannot_take_say_why(change: str, model: str, words: str) -> None:
    frame, key = graded_answers(30)
    frame["response"] = frame["response"].astype(float)
    if change == "hole":
        frame = frame.drop(index=[7])
    elif change == "one item":
        asked = frame["item"] == "i0"
        frame["status"] = np.where(asked, "answered", "not_administered")
        frame["response"] = frame["response"].where(asked)
    elif change == "constant":
        frame["response"] = 2.0
    elif change == "halves":
        frame.loc[0, "response"] = 1.5
    else:
        frame = frame[frame["respondent"].isin(["r000", "r001"])]
    result = pm.hierarchy(
        pm.read_responses(frame, key=key), seed=1, missing="available", model=model, sampling=QUICK
    )  # type: ignore[arg-type]
    if words:
        (row,) = result.estimates.to_dict("records")
        assert words in row["reason"] and np.isnan(row["estimate"])
        assert [note.code for note in result.notes if note.code == "no_fit"] == ["no_fit"]
    else:
        assert "few_levels" in {note.code for note in result.notes}
        assert len(of(result, "g_coefficient")) == 1


def test_a_scale_without_a_range_asks_for_its_priors() -> None:
    frame = pd.DataFrame(
        [(f"r{i}", "a", 100.0 * i + 7 * p + (i * p) % 3, f"p{p}") for i in range(8) for p in range(3)],
        columns=["respondent", "item", "response", "prompt"],
    )
    free = {"name": "X", "items": ["a"], "low": -np.inf, "high": np.inf, "scale_score": True}
    held = pm.read_responses(frame, key=pm.read_key({"name": "free", "scale": [free]}))
    (row,) = pm.hierarchy(held, seed=1, missing="available").estimates.to_dict("records")
    assert "sd_scale, mean_location, mean_scale" in row["reason"]


def test_all_faults_of_the_call_at_once(crossed: pm.ResponseTable) -> None:
    with pytest.raises(pm.InputError) as caught:
        pm.hierarchy(
            crossed, seed=1, missing="available", model="probit", object="model", max_order=0,  # type: ignore[arg-type]
            priors=pm.Priors(sd_scale=-1, slope_scale=0), sampling=pm.Sampling(draws=3),
        )  # fmt: skip
    for word in ("model", "object", "max_order", "priors.sd_scale", "priors.slope_scale", "sampling.draws"):
        assert word in str(caught.value)
    with pytest.raises(pm.InputError, match=r"sampling\.draws: .*many.* is not a number"):
        pm.hierarchy(crossed, seed=1, missing="available", sampling=pm.Sampling(draws="many"))  # type: ignore[arg-type]
    with pytest.raises(pm.InputError, match=r"no component: 'itme'(.|\n)*item x prompt"):
        pm.hierarchy(crossed, seed=1, missing="available", priors=pm.Priors(sd_scale_by={"itme": 1.0}))


def test_missing_engines_name_the_extra(crossed: pm.ResponseTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(MissingEngineError, match=r"needs the package arviz.*psychomet\[bayes\]"):
        pm.hierarchy(crossed, seed=1, missing="available")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "nutpie", None)
    monkeypatch.setitem(sys.modules, "pymc", None)
    with pytest.raises(MissingEngineError, match=r"needs the package nutpie.*psychomet\[bayes\]"):
        pm.hierarchy(crossed, seed=1, missing="available")


@pytest.mark.usefixtures("drawn_at_once")
def test_respondents_are_compared_from_their_joint_draws() -> None:
    held = table(coded(answers((13, 4, 3), SD, 4.0, 2)))
    pairs = [
        ("respondent003", "respondent001"),
        ("respondent001", "respondent003"),
        ("respondent002", "respondent000"),
    ]
    result = pm.hierarchy(
        held, seed=1, missing="available", model="gaussian", contrasts=pairs, sampling=QUICK
    )
    rows = of(result, "score_difference")
    assert list(zip(rows["level"], rows["other"], strict=True)) == pairs
    one, other = rows.iloc[0], rows.iloc[1]
    assert one["conf_low"] == pytest.approx(-other["conf_high"]) and one["estimate"] == pytest.approx(
        -other["estimate"]
    )
    sure = of(result, "probability_of_direction")["estimate"].to_numpy()
    assert sure[0] == sure[1] >= 0.5
    draws = pm.posterior(result, scale="S")["true_score"]
    apart = draws.sel(respondent="respondent003") - draws.sel(respondent="respondent001")
    assert one["std_error"] == pytest.approx(float(apart.std(ddof=1)), rel=1e-5)
    assert sure[0] == pytest.approx(max(float((apart > 0).mean()), float((apart < 0).mean())))
    many = pm.hierarchy(held, seed=1, missing="available", model="gaussian", sampling=QUICK)
    assert of(many, "score_difference").empty and "no_contrasts" in {note.code for note in many.notes}
    every = pm.hierarchy(held, seed=1, missing="available", model="gaussian", contrasts="all", sampling=QUICK)
    assert len(of(every, "score_difference")) == 13 * 12 // 2
    none = pm.hierarchy(held, seed=1, missing="available", model="gaussian", contrasts="none", sampling=QUICK)
    assert of(none, "score_difference").empty and "no_contrasts" not in {note.code for note in none.notes}


@pytest.mark.usefixtures("drawn_at_once")
def test_traits_are_compared_and_who_is_not_there_has_a_reason() -> None:
    frame, key = graded_answers(30)
    frame["status"] = np.where(frame["respondent"] == "r003", "refused", "answered")
    frame["response"] = frame["response"].astype(float).where(frame["status"] == "answered")
    held = pm.read_responses(frame, key=key)
    pairs = [("r000", "r001"), ("r003", "r001")]
    result = pm.hierarchy(held, seed=1, missing="available", model="graded", contrasts=pairs, sampling=QUICK)
    rows = of(result, "score_difference").set_index("level")
    trait = pm.posterior(result, scale="T")["trait"]
    assert rows.loc["r000", "estimate"] == pytest.approx(
        float((trait.sel(respondent="r000") - trait.sel(respondent="r001")).median()), abs=1e-5
    )
    assert "no answer" in rows.loc["r003", "reason"] and np.isnan(rows.loc["r003", "estimate"])


@pytest.mark.parametrize(
    ("contrasts", "measured", "words"),
    [
        ("some", "respondent", "'some' is none of them"),
        ([["respondent001", "nobody"]], "respondent", "no respondent 'nobody'"),
        ([["respondent001"]], "respondent", "is no pair"),
        ([["respondent001", "respondent001"]], "respondent", "is no pair"),
        ("all", "none", "respondents are not measured"),
    ],
)
def test_contrasts_that_cannot_be(
    crossed: pm.ResponseTable, contrasts: Any, measured: Any, words: str
) -> None:
    with pytest.raises(pm.InputError, match="contrasts") as caught:
        pm.hierarchy(crossed, seed=1, missing="available", contrasts=contrasts, object=measured)
    assert words in str(caught.value)


@pytest.mark.usefixtures("drawn_at_once")
def test_an_odd_item_is_named_by_its_check() -> None:
    values = answers((60, 8, 2), np.array([0.5, 0.05, 0.05, 0.1, 0.1, 0.05, 0.5]), 4.0, 3)
    values[:, 0] = np.random.default_rng(1).choice([1.0, 7.0], size=values[:, 0].shape)
    result = pm.hierarchy(table(coded(values)), seed=1, missing="available", sampling=QUICK)
    (note,) = [note for note in result.notes if note.code == "not_predicted"]
    assert "variance of item000" in note.text
    even = pm.hierarchy(
        table(coded(answers((60, 8, 2), SD, 4.0, 3))), seed=1, missing="available", sampling=QUICK
    )
    assert "not_predicted" not in {note.code for note in even.notes}
