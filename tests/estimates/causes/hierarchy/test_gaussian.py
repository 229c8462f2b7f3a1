"""The posterior of a balanced layout: against an independent sampler, PyMC, and the chapter on precision."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.gaussian import (
    Posterior,
    design_of,
    fit_gaussian,
    gaussian_model,
    prior_components,
    score_draws,
)
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, settle
from psychomet.estimates.causes.hierarchy.sampling import Gate, Sampling
from psychomet.estimates.causes.hierarchy.summary import gate_notes, posterior_rows, score_summary
from psychomet.estimates.precision.generalizability import generalizability
from psychomet.numerics.dstudy.limits import pivotal_components
from psychomet.numerics.strata_posterior import log_half_t, log_posterior
from psychomet.result.result import make_result
from psychomet.scores.layout import layouts

from .tables import answers, design, table

pytest.importorskip("nutpie")

SD = np.array([1.0, 0.8, 0.3, 0.6, 0.3, 0.2, 0.9])
PRIORS = Priors(sd_scale=1.0, mean_location=4.0, mean_scale=2.0)
SHORT = Sampling(draws=1000, tune=500, chains=4)
# Difference of two Monte Carlo quantiles in standard errors; a few dozen are compared.
ERRORS = 4.5
SAME = 1e-9
# PyMC rounds the constant of a half-Student-t to single precision.
CONSTANT = 1e-6
# Of a posterior median and a point estimate, in posterior standard deviations: with 200 respondents and 30 items the
# prior and the skewness of the posterior move it by less.
APART = 0.25


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit_gaussian(design(answers((30, 8, 5), SD, 4.0, 1)), priors=PRIORS, sampling=SHORT, seed=1)


def weighted_quantiles(
    values: NDArray[np.float64], weight: NDArray[np.float64], levels: list[float]
) -> NDArray[np.float64]:
    order = np.argsort(values)
    return np.interp(levels, np.cumsum(weight[order]) / weight.sum(), values[order])


def test_draws_have_the_distribution_of_an_importance_sample(posterior: Posterior) -> None:
    # Expected mean squares given the data alone are independent scaled inverse chi-squares: the components that
    # solve them, weighted by the prior and kept where none is negative, are the posterior found without a chain.
    found = posterior.design.strata
    n = 2_000_000
    proposal = pivotal_components(found.square / found.df, found.df, found.expected, n_boot=n, seed=5)
    proposal = proposal[(proposal > 0).all(axis=1)]
    level = proposal @ found.expected.T
    # The pivotal density of the mean squares is the likelihood over their product; the Jacobian is constant.
    grand = proposal @ found.grand + found.rows * PRIORS.mean_scale**2
    weight = np.log(level).sum(axis=1) - 0.5 * np.log(grand)
    weight -= found.rows * (found.mean - 4.0) ** 2 / (2 * grand)
    weight += log_half_t(np.sqrt(proposal), df=3.0, scale=np.ones(7)).sum(axis=1) - 0.5 * np.log(
        proposal
    ).sum(axis=1)
    weight = np.exp(weight - weight.max())
    effective = weight.sum() ** 2 / (weight**2).sum()
    assert effective > 5000
    levels = [0.1, 0.5, 0.9]
    bulk = posterior.diagnostics["sd"].sel(diagnostic="ess_bulk").to_numpy()
    tail = posterior.diagnostics["sd"].sel(diagnostic="ess_tail").to_numpy()
    for number in range(7):
        ours = posterior.draws["sd"].to_numpy()[..., number].ravel()
        cut = weighted_quantiles(np.sqrt(proposal[:, number]), weight, levels)
        share = [(ours < at).mean() for at in cut]
        size = min(bulk[number], tail[number], ours.size)
        error = np.sqrt(np.multiply(levels, np.subtract(1, levels)) * (1 / size + 1 / effective))
        assert (np.abs(np.subtract(share, levels)) < ERRORS * error).all(), posterior.design.names[number]


def test_pymc_model_is_the_same_density(posterior: Posterior) -> None:
    pytest.importorskip("pymc")
    for spread, family in ((2.0, "half_student_t"), (np.inf, "half_normal")):
        priors = replace(PRIORS, sd_family=family, mean_scale=spread)
        settled = settle(priors, low=1, high=7, names=posterior.design.names)
        model = gaussian_model(posterior.design, priors=settled)
        density = log_posterior(
            posterior.design.strata, df=settled.df, scale=settled.scale, location=4.0, spread=spread
        )
        compiled = model.compile_logp(mode="FAST_COMPILE")
        points = np.random.default_rng(1).normal(size=(3, 7)) * 0.5
        apart = np.array([float(compiled({"sd_log__": x})) - density(x)[0] for x in points])
        np.testing.assert_allclose(apart, 0.0, atol=CONSTANT)
        np.testing.assert_allclose(apart, apart[0], atol=SAME)


def test_everything_is_told_and_the_result_takes_it(posterior: Posterior) -> None:
    rows = posterior_rows(posterior, conf_level=0.9)
    frame = make_result("hierarchy", rows).estimates
    assert posterior.gate == Gate(True, (), *posterior.gate[2:])
    assert gate_notes(posterior) == []
    assert (frame["rhat"] < 1.01).all() and (frame["ess_bulk"] > 400).all()
    assert frame["estimand"].value_counts().to_dict() == {
        "variance_component": 7, "variance_share": 7, "grand_mean": 1, "universe_score_variance": 1,
        "error_relative": 1, "error_absolute": 1, "g_coefficient": 1, "phi_coefficient": 1,
    }  # fmt: skip
    assert (frame["conf_low"] < frame["estimate"]).all() and (frame["estimate"] < frame["conf_high"]).all()
    draws = posterior.draws
    by = {name: draws["variance"].sel(component=name) for name in posterior.design.names}
    relative = by["respondent x item"] / 8 + by["respondent x prompt"] / 5 + by["residual"] / 40
    absolute = relative + by["item"] / 8 + by["prompt"] / 5 + by["item x prompt"] / 40
    for name, error in (("g_coefficient", relative), ("phi_coefficient", absolute)):
        np.testing.assert_allclose(draws[name], by["respondent"] / (by["respondent"] + error), rtol=1e-12)
    np.testing.assert_allclose(draws["share"].sum("component"), 1.0, rtol=1e-12)


def test_draws_are_those_of_the_seed(posterior: Posterior) -> None:
    once, twice, other = (
        fit_gaussian(posterior.design, priors=PRIORS, sampling=Sampling(100, 100, 2), seed=seed)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(once.draws["sd"], twice.draws["sd"])
    np.testing.assert_array_equal(once.draws["mean"], twice.draws["mean"])
    assert not np.array_equal(once.draws["sd"], other.draws["sd"])
    np.testing.assert_array_equal(score_draws(once, seed=1), score_draws(twice, seed=1))


def test_medians_agree_with_the_chapter_on_precision() -> None:
    values = answers((200, 30, 12), SD, 4.0, 2)
    held = table(values, low=-94.0, high=106.0)
    classical = generalizability(held, seed=1, missing="available", n_boot=0).estimates
    found = fit_gaussian(design(values), priors=Priors(sd_scale=2.0), sampling=SHORT, seed=1)
    rows = pd.DataFrame(posterior_rows(found, conf_level=0.95)).fillna({"facet": "", "level": ""})
    seen = 0
    for row in rows.itertuples():
        same = classical[
            (classical["estimand"] == row.estimand) & (classical["facet"].fillna("") == row.facet)
        ]
        if row.estimand == "grand_mean":
            continue
        assert len(same) == 1
        one = same.iloc[0]
        # A few levels of prompts leave its component, and what holds it, to the prior and the skewness.
        if row.facet == "prompt" or row.estimand in ("variance_share", "error_absolute", "phi_coefficient"):
            assert one["conf_low"] < row.estimate < one["conf_high"]
            continue
        assert abs(row.estimate - one["estimate"]) < APART * row.std_error, row.estimand
        assert row.conf_low == pytest.approx(one["conf_low"], abs=0.3 * row.std_error)
        assert row.conf_high == pytest.approx(one["conf_high"], abs=0.3 * row.std_error)
        seen += 1
    assert seen >= 8


def test_true_scores_shrink_and_cover(posterior: Posterior) -> None:
    scores = score_draws(posterior, seed=2)
    assert scores.dims == ("chain", "draw", "respondent") and scores.sizes["respondent"] == 30
    summary = score_summary(scores, conf_level=0.95)
    means = posterior.design.respondent
    own = summary["median"].to_numpy() - float(summary["median"].mean())
    ratio = float(posterior.draws["g_coefficient"].median())
    slope = float(own @ (means - means.mean()) / ((means - means.mean()) ** 2).sum())
    assert slope == pytest.approx(ratio, abs=0.02)
    assert (summary["low"] < summary["median"]).all() and (summary["median"] < summary["high"]).all()


def test_prior_draws_are_those_of_the_prior(posterior: Posterior) -> None:
    priors = replace(PRIORS, sd_scale_by={"residual": 3.0})
    settled = settle(priors, low=1, high=7, names=posterior.design.names)
    found = prior_components(posterior.design, priors=settled, draws=20_000, seed=1)
    # The median of a half-Student-t with 3 degrees of freedom.
    middle = found["sd"].median(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(middle, 0.7649 * settled.scale, rtol=0.03)
    assert settled.scale[-1] == 3.0 and settled.scale[0] == 1.0
    assert float(found["mean"].std()) == pytest.approx(2.0, rel=0.03)


def test_conditions_alone() -> None:
    found = design(answers((6, 8, 5), SD, 4.0, 3), measured=False)
    fit = fit_gaussian(found, priors=PRIORS, sampling=Sampling(200, 200, 2), seed=1)
    assert "g_coefficient" not in fit.draws and "mean" in fit.draws
    with pytest.raises(ValueError, match="not the object"):
        score_draws(fit, seed=1)


def test_layouts_without_a_closed_form_say_why() -> None:
    values = answers((10, 5, 3), SD, 4.0, 4)
    constant = np.broadcast_to(np.arange(10.0)[:, None, None] / 5 + 2, values.shape).copy()
    holes = values.copy()
    holes[2, 3, 1] = np.nan
    for wrong, words in (
        (holes, "missing or unequal"),
        (constant, "residual is 0"),
        (np.full_like(values, 3.0), "every answer is the same"),
    ):
        layout = next(iter(layouts(table(wrong, low=-94.0, high=106.0), scale="S", missing="available")))
        found, reason = design_of(layout, max_order=None, measured=True)
        assert found is None and words in reason


def test_all_faults_at_once(posterior: Posterior) -> None:
    priors = Priors(sd_family="flat", sd_df=-1, sd_scale=0, sd_scale_by={"<b>": 1}, mean_location=np.nan)  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        fit_gaussian(posterior.design, priors=priors, sampling=Sampling(10, 10, 1, 0.2, 0), seed=-1)
    text = str(caught.value)
    for word in ("sd_family", "sd_df", "sd_scale", "sd_scale_by", "mean_location", "draws", "tune", "chains",
                 "target_accept", "cores", "seed"):  # fmt: skip
        assert word in text


def test_a_scale_without_a_range_needs_its_priors(posterior: Posterior) -> None:
    layout = posterior.design.fitted.layout
    free = replace(layout, scale=replace(layout.scale, low=-np.inf, high=np.inf))
    open_ended = posterior.design._replace(fitted=replace(posterior.design.fitted, layout=free))
    with pytest.raises(InputError, match="mean_scale"):
        fit_gaussian(open_ended, priors=Priors(sd_scale=1.0), sampling=SHORT, seed=1)
    assert (
        fit_gaussian(open_ended, priors=PRIORS, sampling=Sampling(100, 100, 2), seed=1).draws.sizes["draw"]
        == 100
    )


def test_without_nutpie_and_pymc_says_what_to_install(
    posterior: Posterior, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nutpie", None)
    monkeypatch.setitem(sys.modules, "pymc", None)
    with pytest.raises(InputError, match="bayes"):
        fit_gaussian(posterior.design, priors=PRIORS, sampling=SHORT, seed=1)


@pytest.mark.slow
def test_pymc_alone_samples_the_same(posterior: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymc")
    monkeypatch.setitem(sys.modules, "nutpie", None)
    found = fit_gaussian(posterior.design, priors=PRIORS, sampling=SHORT, seed=1)
    assert found.sampler.startswith("PyMC") and found.gate.passed
    least = min(
        one.diagnostics["sd"].sel(diagnostic=["ess_bulk", "ess_tail"]).min() for one in (posterior, found)
    )
    levels = np.array([0.1, 0.5, 0.9])
    error = np.sqrt(2 * levels * (1 - levels) / float(least))
    for number in range(7):
        ours, theirs = (
            np.sort(one.draws["sd"].to_numpy()[..., number].ravel()) for one in (posterior, found)
        )
        share = np.searchsorted(theirs, np.quantile(ours, levels)) / theirs.size
        assert (np.abs(share - levels) < ERRORS * error).all()
