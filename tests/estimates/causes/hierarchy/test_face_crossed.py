"""Crossed models through the question: rows, checks, agreement with the balanced model, and tables that are odd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import psychomet as pm
from psychomet.estimates.causes.hierarchy import crossed as crossed_module
from psychomet.estimates.causes.hierarchy import crossed_checks
from psychomet.estimates.causes.hierarchy.crossed_rows import error_weights
from psychomet.estimates.causes.hierarchy.face_crossed import crossed_part, crossed_plan
from psychomet.estimates.causes.hierarchy.face_gaussian import level_labels
from psychomet.estimates.causes.hierarchy.sampling import Drawn
from psychomet.numerics.crossed_answers import normal_log_density, ordinal_log_density
from psychomet.numerics.importance import leave_one_out
from psychomet.pages.glossary import ESTIMANDS
from psychomet.scores.layout import layouts
from psychomet.scores.layout_study import fit_layout

from .tables import answers, table

pytest.importorskip("arviz")
pytest.importorskip("nutpie")

SD = np.array([1.0, 0.8, 0.5, 0.6, 0.4, 0.4, 0.9])
QUICK = pm.Sampling(draws=100, tune=100, chains=2)
SAME = 1e-9
# Posterior median and REML estimate, in posterior standard deviations: prior and skewness.
APART = 0.6


def coded(values: NDArray[np.float64], low: float = 1.0, high: float = 7.0) -> NDArray[np.float64]:
    return np.clip(np.rint(values), low, high)


def holed(values: NDArray[np.float64], share: float = 0.15, seed: int = 1) -> NDArray[np.float64]:
    found = values.copy()
    found[np.random.default_rng(seed).random(values.shape) < share] = np.nan
    return found


def of(result: pm.Result, estimand: str) -> pd.DataFrame:
    return result.estimates[result.estimates["estimand"] == estimand]


def codes(result: pm.Result) -> set[str]:
    return {note.code for note in result.notes}


@pytest.fixture
def drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent draws about the start in the place of a chain: for what is done with draws, whatever they are."""

    def instead(density: Any, *, start: Any, sampling: Any, seed: int, **_: Any) -> Drawn:
        noise = np.random.default_rng(seed).standard_normal((2, max(sampling.draws, 1000), len(start)))
        return Drawn(start + 0.1 * noise, 0, "drawn 1")

    monkeypatch.setattr(crossed_module, "sample_density", instead)


@pytest.fixture(scope="module")
def held() -> pm.ResponseTable:
    return table(holed(answers((9, 5, 4), SD, 4.0, 1)), low=-10.0, high=18.0)


@pytest.fixture(scope="module")
def fitted(held: pm.ResponseTable) -> pm.Result:
    """All effects integrated out: 128 levels."""
    sampling = pm.Sampling(draws=800, tune=200, chains=2, target_accept=0.8)
    priors = pm.Priors(sd_scale=2.0)
    return pm.hierarchy(held, seed=1, missing="available", sampling=sampling, priors=priors)


def test_a_table_with_gaps_is_answered_and_near_to_reml(fitted: pm.Result, held: pm.ResponseTable) -> None:
    assert fitted.settings["hierarchy"]["S"]["converged"], [note.text for note in fitted.notes]
    classical = pm.generalizability(held, seed=1, missing="available", n_boot=0)
    for estimand in ("error_relative", "g_coefficient", "universe_score_variance"):
        (ours,), (theirs,) = (of(one, estimand).to_dict("records") for one in (fitted, classical))
        assert abs(ours["estimate"] - theirs["estimate"]) < APART * ours["std_error"], estimand
        assert ours["level"] == theirs["level"]
        assert ours["method"].startswith("posterior; ") and "crossed Gaussian" in ours["method"]
    both = (set(of(one, "variance_component")["facet"]) for one in (fitted, classical))
    assert next(both) == next(both)
    assert set(fitted.estimates["estimand"]) <= set(ESTIMANDS)


def test_every_number_has_its_checks_once(fitted: pm.Result) -> None:
    frame = fitted.estimates
    identity = [c for c in ("estimand", "term", "other", "facet", "level", "group", "method") if c in frame]
    assert not frame.duplicated(identity).any()
    main = frame[frame["rhat"].notna()]
    assert (main["rhat"] < 1.011).all() and (main["conf_low"] <= main["conf_high"]).all()
    assert len(of(fitted, "posterior_predictive")) == 2 * (5 + 4) + 1
    numbers = 2 * 7 + 1 + 5
    assert len(of(fitted, "prior_sensitivity")) == numbers == len(of(fitted, "likelihood_sensitivity"))
    assert len(of(fitted, "score_difference")) == 36 == len(of(fitted, "probability_of_direction"))
    assert of(fitted, "prior_predictive")["other"].tolist() == [
        "g_coefficient", "phi_coefficient", "grand_mean", "outside_range",
    ]  # fmt: skip
    assert (of(fitted, "prior_sensitivity")["estimate"] < 1).all()


def test_scores_are_mean_and_effect(fitted: pm.Result, held: pm.ResponseTable) -> None:
    means = pm.score(held, missing="available").groupby("respondent")["score"].mean()
    middle = fitted.arrays["S / scores"].sel(statistic="median").to_series()
    assert np.corrcoef(middle, means.loc[middle.index])[0, 1] > 0.97
    draws = pm.posterior(fitted, scale="S")
    apart = draws["true_score"].sel(respondent="respondent003") - draws["true_score"].sel(
        respondent="respondent001"
    )
    row = of(fitted, "score_difference").query("level == 'respondent001' and other == 'respondent003'")
    assert row["estimate"].item() == pytest.approx(-float(apart.median()), abs=1e-5)
    sure = of(fitted, "probability_of_direction").query(
        "level == 'respondent001' and other == 'respondent003'"
    )
    assert sure["estimate"].item() == pytest.approx(max(float((apart > 0).mean()), float((apart < 0).mean())))
    # What all scores share does not blur their difference.
    spread = fitted.arrays["S / scores"].sel(statistic="sd").to_series()
    alone = np.hypot(spread["respondent001"], spread["respondent003"])
    assert row["std_error"].item() < alone


def test_leave_one_out_is_that_of_the_rows(fitted: pm.Result, held: pm.ResponseTable) -> None:
    """From the stored draws by hand: the answers of the first respondent."""
    loo = fitted.arrays["S / loo"]
    total = of(fitted, "elpd_loo")
    assert float(loo.sel(statistic="elpd").sum()) == pytest.approx(total["estimate"].item(), rel=SAME)
    assert "single answers given" in total["method"].item()
    assert 5 < of(fitted, "p_loo")["estimate"].item() < 128


def test_balanced_data_by_the_crossed_way_agree_with_the_closed_form() -> None:
    values = answers((7, 5, 3), SD, 4.0, 4)
    whole = table(values, low=-10.0, high=18.0)
    (layout,) = layouts(whole, scale="S", missing="available", measured=True)
    priors = pm.Priors(sd_scale=2.0)
    plan, reason = crossed_plan(layout, ordinal=False, max_order=None, measured=True, priors=priors)
    assert plan is not None and not reason
    study = fit_layout(layout, max_order=None, non_negative=True, n_boot=0, seed=0, measured=True)
    assert plan.names == study.names
    weights = error_weights(plan.effects, layout, True)
    assert weights is not None
    for own, theirs in zip(weights, study.observed, strict=True):
        np.testing.assert_allclose(own, theirs[0], rtol=SAME)
    sampling = pm.Sampling(draws=700, tune=200, chains=2, target_accept=0.8)
    part = crossed_part(
        layout, plan=plan, reason="", model="gaussian", levels=level_labels(whole, layout), contrasts="none",
        priors=priors, sampling=sampling, conf_level=0.95, seed=2,
    )  # fmt: skip
    other = pm.hierarchy(
        whole, seed=1, missing="available", model="gaussian", priors=priors, sampling=sampling
    )
    ours = {(row["estimand"], row.get("facet", "")): row for row in part.rows if "rhat" in row}
    for row in other.estimates[other.estimates["rhat"].notna()].to_dict("records"):
        if row["estimand"] in ("score_difference", "grand_mean"):
            continue
        own = ours[row["estimand"], row["facet"]]
        # Two medians of the same posterior, each from over 700 effective draws: 0.05 standard deviations each.
        assert abs(own["estimate"] - row["estimate"]) < 0.25 * row["std_error"], row


@pytest.mark.usefixtures("drawn_at_once")
def test_an_ordinal_table_has_thresholds_and_a_latent_residual() -> None:
    values = coded(answers((8, 4, 3), SD, 2.5, 2), 1, 4)
    result = pm.hierarchy(
        table(values, low=1, high=4), seed=1, missing="available", model="ordinal", sampling=QUICK
    )
    assert result.settings["hierarchy"]["S"]["likelihood"] == "ordinal"
    hard = of(result, "threshold")
    assert (
        hard["other"].tolist() == ["2 or more", "3 or more", "4 or more"]
        and hard["estimate"].is_monotonic_increasing
    )
    residual = of(result, "variance_component").query("facet == 'residual'")
    assert residual["estimate"].item() == pytest.approx(np.pi**2 / 3) and residual[
        "reason"
    ].item().startswith("fixed")
    draws = pm.posterior(result, scale="S")
    variance = draws["variance"]
    fixed = np.pi**2 / 3
    relative = (
        variance.sel(component="respondent x item") / 4
        + variance.sel(component="respondent x prompt") / 3
        + fixed / 12
    )
    top = variance.sel(component="respondent")
    assert of(result, "g_coefficient")["estimate"].item() == pytest.approx(
        float((top / (top + relative)).median())
    )
    absolute = (
        relative
        + variance.sel(component="item") / 4
        + variance.sel(component="prompt") / 3
        + variance.sel(component="item x prompt") / 12
    )
    assert of(result, "phi_coefficient")["estimate"].item() == pytest.approx(
        float((top / (top + absolute)).median())
    )
    shares = of(result, "variance_share").set_index("facet")["estimate"]
    assert shares["residual"] == pytest.approx(float((fixed / (fixed + variance.sum("component"))).median()))
    assert "latent logit scale with the residual pi^2/3" in hard["method"].iloc[0]
    assert set(result.estimates["estimand"]) <= set(ESTIMANDS)
    assert "trait" in draws and "effect of prompt" in draws
    assert {"threshold, 3 or more", "g_coefficient"} <= set(of(result, "prior_sensitivity")["other"])


@pytest.mark.usefixtures("drawn_at_once")
@pytest.mark.parametrize("ordinal", [True, False])
def test_log_densities_behind_the_checks_are_those_of_the_rows(
    ordinal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pointwise densities by hand from the effects, where answers are collapsed and effects thinned."""
    seen: dict[str, Any] = {}
    original: Callable[..., Any] = crossed_checks.left_out_part

    def kept(found: Any, layout: Any, **rest: Any) -> Any:
        seen.update(found=found, layout=layout, out=original(found, layout, **rest))
        return seen["out"]

    from psychomet.estimates.causes.hierarchy import face_crossed

    monkeypatch.setattr(face_crossed, "left_out_part", kept)
    monkeypatch.setattr(crossed_module, "MOST_EFFECTS", 20_000)
    monkeypatch.setattr(crossed_module, "MOST_DENSE", 0)
    values = coded(holed(answers((6, 4, 3), SD, 2.5, 3)), 1, 4)
    pm.hierarchy(
        table(values, low=1, high=4), seed=1, missing="available", model="ordinal" if ordinal else "gaussian",
        sampling=QUICK,
    )  # fmt: skip
    found, layout, density = seen["found"], seen["layout"], seen["out"][3]
    assert 100 < density.at.size < 800, "every effect is kept at some draws only"
    eta = np.zeros((density.at.size, layout.values.size))
    chain, draw = np.divmod(density.at, found.draws.sizes["draw"])
    for name, own in zip(found.table.names, found.table.level, strict=True):
        place = np.searchsorted(found.effects["draw"].to_numpy(), draw)
        eta += found.effects[name].to_numpy()[chain, place][:, own]
    if ordinal:
        cuts = found.draws["threshold"].to_numpy()[chain, draw]
        rows = ordinal_log_density(eta, (layout.values - 1).astype(int), threshold=cuts)
    else:
        sd = found.draws["sd"].sel(component="residual").to_numpy()[chain, draw]
        rows = normal_log_density(
            eta, layout.values, mean=found.draws["mean"].to_numpy()[chain, draw], residual=sd
        )
    np.testing.assert_allclose(density.likelihood, rows.sum(axis=1), rtol=SAME)
    told = leave_one_out(rows)
    (elpd,) = [row for row in seen["out"][0] if row["estimand"] == "elpd_loo"]
    assert elpd["estimate"] == pytest.approx(told.total, rel=SAME)
    by = np.bincount(layout.codes[0], told.log_density)
    assert elpd["std_error"] == pytest.approx(np.sqrt(by.size) * by.std(ddof=1), rel=SAME)
    array = next(iter(seen["out"][1].values()))
    np.testing.assert_allclose(array.sel(statistic="elpd"), by, rtol=SAME)


@pytest.mark.usefixtures("drawn_at_once")
def test_of_many_answers_a_sample_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    held = table(coded(answers((8, 5, 4), SD, 4.0, 2)))
    whole = pm.hierarchy(held, seed=1, missing="available", model="ordinal", sampling=QUICK)
    monkeypatch.setattr(crossed_checks, "MOST_LEFT_OUT", 80)
    part = pm.hierarchy(held, seed=1, missing="available", model="ordinal", sampling=QUICK)
    assert "sampled_answers" in codes(part) and "sampled_answers" not in codes(whole)
    one, other = (of(result, "elpd_loo").to_dict("records")[0] for result in (whole, part))
    assert (
        abs(one["estimate"] - other["estimate"]) < 4 * other["std_error"]
        and one["estimate"] != other["estimate"]
    )
    assert "S / loo" not in part.arrays


@pytest.mark.usefixtures("drawn_at_once")
def test_two_codes_are_binary_and_reversed_items_are_turned() -> None:
    rng = np.random.default_rng(5)
    trait = np.linspace(-3, 3, 10)
    rows = [
        (f"r{i}", f"i{j}", int(trait[i] * (-1 if j == 1 else 1) + rng.logistic() > 0), f"p{p}")
        for i in range(10) for j in range(3) for p in range(4)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "prompt"])
    scale = {"name": "S", "low": 0, "high": 1, "items": ["i0", "i1", "i2"], "reversed": ["i1"]}
    held = pm.read_responses(frame, key=pm.read_key({"name": "k", "scale": [scale]}))
    result = pm.hierarchy(held, seed=1, missing="available", model="ordinal", sampling=QUICK)
    assert result.settings["hierarchy"]["S"]["likelihood"] == "binary"
    assert of(result, "threshold")["other"].tolist() == ["1 or more"]
    middle = result.arrays["S / scores"].sel(statistic="median").to_series()
    keyed = pm.score(held, missing="available").groupby("respondent")["score"].mean()
    assert np.corrcoef(middle, keyed.loc[middle.index])[0, 1] > 0.9
    gaussian = pm.hierarchy(held, seed=1, missing="complete", model="gaussian", sampling=QUICK)
    (note,) = [note for note in gaussian.notes if note.code == "doubtful_normal"]
    assert "2 codes are in use" in note.text and "model='ordinal'" in note.text


@pytest.mark.usefixtures("drawn_at_once")
def test_answers_in_one_end_are_doubtful_for_the_normal_model() -> None:
    values = coded(answers((8, 5, 4), SD, 4.0, 2))
    plain = pm.hierarchy(table(holed(values)), seed=1, missing="available", sampling=QUICK)
    assert "doubtful_normal" not in codes(plain)
    high = np.where(np.random.default_rng(1).random(values.shape) < 0.8, 7.0, values)
    (note,) = [
        note
        for note in pm.hierarchy(table(holed(high)), seed=1, missing="available", sampling=QUICK).notes
        if note.code == "doubtful_normal"
    ]
    assert "of the answers are 7" in note.text


@pytest.mark.usefixtures("drawn_at_once")
def test_without_respondents_there_are_components_alone() -> None:
    values = coded(answers((8, 5, 4), SD, 4.0, 2))
    result = pm.hierarchy(
        table(holed(values)), seed=1, missing="available", object="none", sampling=QUICK, contrasts="auto"
    )
    assert set(of(result, "variance_component")["facet"]) == {
        "item", "prompt", "item x prompt", "sample in prompt", "residual",
    }  # fmt: skip
    assert of(result, "g_coefficient").empty and of(result, "score_difference").empty
    assert "S / scores" not in result.arrays and not of(result, "elpd_loo").empty


@pytest.mark.usefixtures("drawn_at_once")
def test_groups_priors_and_effects_of_their_own() -> None:
    values = coded(holed(answers((8, 5, 4), SD, 4.0, 2)))
    result = pm.hierarchy(
        table(values), seed=1, missing="available", by="prompt", sampling=QUICK,
        priors=pm.Priors(sd_scale_by={"item x prompt": 0.3}), max_order=2,
    )  # fmt: skip
    assert set(result.estimates["group"]) == {"", *(f"prompt = prompt{at:03d}" for at in range(4))}
    assert result.settings["hierarchy"]["S"]["sd_scale"]["item x prompt"] == 0.3
    first = pm.hierarchy(table(values), seed=1, missing="available", max_order=1, sampling=QUICK)
    assert first.settings["hierarchy"]["S"]["components"] == ["respondent", "item", "prompt", "residual"]
    with pytest.raises(pm.InputError, match="no component: 'itme'"):
        pm.hierarchy(table(values), seed=1, missing="available", priors=pm.Priors(sd_scale_by={"itme": 1.0}))


def long(values: NDArray[np.float64], **more: Any) -> pd.DataFrame:
    grid = np.indices(values.shape).reshape(3, -1)
    frame = pd.DataFrame({
        "respondent": [f"r{at}" for at in grid[0]], "item": [f"i{at}" for at in grid[1]],
        "prompt": [f"p{at}" for at in grid[2]], "response": values.ravel(),
    })  # fmt: skip
    return frame.assign(**{name: one(frame) for name, one in more.items()})


def read(frame: pd.DataFrame, *, high: float = 5.0, facets: tuple[str, ...] = ()) -> pm.ResponseTable:
    items = sorted(frame["item"].unique())
    scale = {"name": "S", "low": 1, "high": high, "items": items, "scale_score": len(items) == 1}
    return pm.read_responses(frame, key=pm.read_key({"name": "k", "scale": [scale]}), facets=list(facets))


MADE = coded(answers((6, 4, 3), SD, 3.0, 7), 1, 5)


def separated() -> pd.DataFrame:
    values = MADE.copy()
    values[0], values[1:, 0] = 5.0, 1.0
    return long(values)


ODD: dict[str, tuple[Callable[[], pm.ResponseTable], str, str]] = {
    # What is odd -> the table, a word of the reason where there is no fit, the code of a note where there is one.
    "separated levels": (lambda: read(separated()), "", "separation"),
    "an empty category": (lambda: read(long(np.where(MADE == 2, 3.0, MADE))), "", "empty_category"),
    "an empty end": (lambda: read(long(MADE), high=6.0), "", "empty_category"),
    "two respondents": (lambda: read(long(MADE[:2])), "", "few_levels"),
    "one item": (lambda: read(long(MADE[:, :1])), "", "few_levels"),
    "one item, one prompt": (lambda: read(long(MADE[:, :1, :1])), "nothing to generalize over", "no_fit"),
    "all the same": (lambda: read(long(np.full_like(MADE, 3.0))), "every answer is the same", "no_fit"),
    "a facet of the respondents": (
        lambda: read(long(MADE, model=lambda f: "m" + f["respondent"].str[1:])), "", "facets_of_respondents",
    ),
    "a facet that goes with another": (
        lambda: read(long(MADE, order=lambda f: "o" + f["prompt"].str[1:])), "", "few_levels",
    ),
    "halves": (lambda: read(long(MADE - 0.5 * (MADE == 3))), "not whole codes", "no_fit"),
    "nested prompts": (
        lambda: read(long(MADE).assign(prompt=lambda f: f["respondent"] + f["prompt"])), "", "converged|not_converged",
    ),
    "own items": (
        lambda: read(long(MADE)[lambda f: f["respondent"].str[1:].astype(int) % 4 == f["item"].str[1:].astype(int)]),
        "", "converged|not_converged",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("drawn_at_once")
@pytest.mark.parametrize("odd", ODD)
def test_odd_tables_are_answered_or_say_why(odd: str) -> None:
    make, words, note = ODD[odd]
    result = pm.hierarchy(make(), seed=1, missing="available", model="ordinal", sampling=QUICK)
    assert codes(result) & set(note.split("|")), [one.text for one in result.notes]
    if words:
        (row,) = result.estimates.to_dict("records")
        assert words in row["reason"] and np.isnan(row["estimate"])
    else:
        assert of(result, "variance_component")["estimate"].notna().any() or "not_converged" in codes(result)


@pytest.mark.usefixtures("drawn_at_once")
def test_an_error_that_is_fixed_has_no_interval() -> None:
    """One item under three prompts: the relative error of a mean of three logits is a third of pi^2 / 3."""
    result = pm.hierarchy(
        read(long(MADE[:, :1])), seed=1, missing="available", model="ordinal", sampling=QUICK
    )
    (row,) = of(result, "error_relative").to_dict("records")
    assert row["estimate"] == pytest.approx(np.pi**2 / 9) and row["reason"].startswith("fixed")
    assert of(result, "error_absolute")["conf_high"].notna().all()


@pytest.mark.usefixtures("drawn_at_once")
def test_a_group_of_one_respondent_has_its_reason() -> None:
    frame = long(MADE)[lambda f: (f["prompt"] != "p2") | (f["respondent"] == "r0")]
    for model in ("ordinal", "gaussian"):
        result = pm.hierarchy(
            read(frame), seed=1, missing="available", model=model, by="prompt", sampling=QUICK
        )  # type: ignore[arg-type]
        (row,) = result.estimates.query("group == 'prompt = p2'").to_dict("records")
        assert "fewer than two respondents" in row["reason"]


@pytest.mark.usefixtures("drawn_at_once")
def test_normal_answers_without_error_are_refused() -> None:
    values = np.add.outer(np.add.outer(np.arange(6.0), np.arange(4.0)), np.arange(3.0))
    values[0, 0, 0] = np.nan
    result = pm.hierarchy(
        table(values, low=0, high=12), seed=1, missing="available", max_order=1, sampling=QUICK
    )
    (row,) = result.estimates.to_dict("records")
    assert "without error" in row["reason"]


@pytest.mark.usefixtures("drawn_at_once")
def test_effects_that_cannot_be_told_apart_are_named() -> None:
    """Every respondent saw each item under one prompt: respondent x item and the residual are one."""
    frame = long(MADE)
    number = frame["respondent"].str[1:].astype(int) + frame["item"].str[1:].astype(int)
    square = frame[frame["prompt"].str[1:].astype(int) == number % 3]
    result = pm.hierarchy(read(square), seed=1, missing="available", model="ordinal", sampling=QUICK)
    (note,) = [note for note in result.notes if note.code == "aliased_effects"]
    assert "respondent x item (one answer in every level)" in note.text
    assert "respondent x item" not in set(of(result, "variance_component")["facet"])


def test_a_posterior_from_a_tiny_table_is_that_of_quadrature() -> None:
    """Ordinal answers of five respondents to two items: all nine numbers but for one look integrated by hand.

    Standard deviations at the midpoints of equal parts of their half-normal prior; the two thresholds, effects of items
    and of respondents by Gauss and Hermite.
    """
    y = np.array([[0, 0], [0, 1], [1, 1], [2, 1], [2, 2], [0, 0], [1, 0], [1, 2], [2, 1], [2, 2]])
    who = np.repeat(np.arange(5), 2)
    expected = by_quadrature(y, who)
    facets = {"respondent": np.repeat(who, 2).astype(str), "item": np.tile(["a", "b"], 10)}
    found = crossed_module.crossed_posterior(
        y.ravel().astype(float), facets=facets, effects=[["respondent"], ["item"]], likelihood="ordinal", low=0, high=2,
        priors=pm.Priors(sd_family="half_normal", sd_scale=1.0, mean_location=0.0, mean_scale=1.5),
        sampling=pm.Sampling(draws=1000, tune=300, chains=2, target_accept=0.85), seed=3,
    )  # fmt: skip
    draws = np.concatenate([found.draws["sd"], found.draws["threshold"]], axis=-1).reshape(-1, 4)
    moments = np.stack([draws.mean(0), (draws**2).mean(0)])
    error = np.stack([draws.std(0), (draws**2).std(0)]) / np.sqrt(500)  # an effective draw in four, at least
    assert (np.abs(moments - expected) < 4 * error + 0.004).all(), (moments, expected)


def by_quadrature(y: NDArray[np.int_], who: NDArray[np.int_]) -> NDArray[np.float64]:
    """First and second moments of sd of respondents, of items, and of both thresholds."""
    from scipy.special import expit
    from scipy.stats import norm

    node, weight = np.polynomial.hermite_e.hermegauss(11)
    weight = weight / weight.sum()
    sd = norm.isf((1 - (np.arange(12) + 0.5) / 12) / 2)
    wide, mass = np.polynomial.hermite_e.hermegauss(24)
    first, second = np.meshgrid(1.5 * wide, 1.5 * wide, indexing="ij")
    keep = first < second
    cuts = np.stack([first[keep], second[keep]], axis=1)
    cut_mass = 2 * np.outer(mass, mass)[keep] / mass.sum() ** 2
    effect = np.multiply.outer(sd, node)  # (sd, node), for respondents and items
    eta = effect[:, :, None, None] + effect  # respondent sd, node, item sd, node
    at = (
        expit(eta[None] - cuts[:, 0, None, None, None, None]),
        expit(eta[None] - cuts[:, 1, None, None, None, None]),
    )
    p = (1 - at[0], at[0] - at[1], at[1])
    total = np.ones((len(cuts), 12, 12, 11, 11))  # cuts, respondent sd, item sd, nodes of both items
    for person in range(5):
        own = [np.prod([p[code] for code in y[who == person, item]], axis=0) for item in (0, 1)]
        total *= np.einsum("n,crniA,crniB->criAB", weight, *own, optimize=True)
    total = np.einsum("criAB,A,B->cri", total, weight, weight) * cut_mass[:, None, None]
    total /= total.sum()
    by = [
        (total.sum((0, 2)), sd),
        (total.sum((0, 1)), sd),
        *((total.sum((1, 2)), cuts[:, at]) for at in (0, 1)),
    ]
    return np.array([[chance @ value**power for chance, value in by] for power in (1, 2)])
