"""The truth of a simulated study against closed forms, against enumeration, and against a large draw."""

from __future__ import annotations

import dataclasses
import importlib.util
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm, rankdata

from psychomet.errors import InputError
from psychomet.schema import RESPONSE_COLUMNS, STATUSES
from psychomet.scores.key import read_key
from psychomet.table.simulate import Population, draw_frame, known_truth, make_population, simulate_study
from psychomet.table.simulate import truth as truth_module
from psychomet.table.simulate.draw import ANSWERED, REFUSED, draw_codes, draw_tasks, draw_traits
from psychomet.table.simulate.moments import (
    available_weights,
    cell_moments,
    expected_inverse,
    item_moments,
    score_moments,
    task_moments,
)

EXACT = 1e-10  # closed forms: rounding, and the quadrature's error for the loadings used here
RECTANGLE = 1e-7  # SciPy's bivariate normal probabilities are themselves accurate to about 1e-8
CONVERGED = 1e-6  # 64 against 128 nodes at the default parameters; 1.4e-8 measured (spearman_rho)
MANY_SE = 5.0  # Monte Carlo errors allowed to each of about 900 values of the large draw, seed fixed
SPEARMAN_BIAS = 1e-3  # spearman_rho takes a respondent's mean as normal given the trait
ALONE = {
    **{"models": 1, "traits": 1, "prompts": 1, "orders": 1, "samples": 1, "tasks": 0},
    **{"refusal": 0.0, "unparsed": 0.0},
}


def reference(truth: pd.DataFrame, estimand: str, **identity: str) -> float:
    chosen = truth[truth["estimand"] == estimand]
    for name in ("term", "other", "facet", "level", "group"):
        if name in identity or name == "group":
            chosen = chosen[chosen[name] == identity.get(name, "")]
    assert len(chosen) == 1, (estimand, identity, len(chosen))
    return float(chosen["reference"].iloc[0])


def rectangle_covariance(p: Population, j: int, other: int, r: float, shift: float = 0.0) -> float:
    """Covariance of two codes from bivariate normal probabilities: code = 1 + sum of exceedances."""
    law = multivariate_normal([0, 0], [[1, r], [r, 1]])
    cuts = p.thresholds[0] - shift
    return sum(law.cdf([-a, -b]) - norm.sf(a) * norm.sf(b) for a, b in product(cuts[j], cuts[other]))


def variance_of_code(p: Population, j: int, shift: float = 0.0) -> float:
    above = norm.sf(p.thresholds[0][j] - shift)
    # Exceedances are nested: Cov(1[y > a], 1[y > b]) = P(y > max) - P(y > a) P(y > b).
    return float(np.minimum.outer(above, above).sum() - above.sum() ** 2)


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize("categories", [2, 5])
@pytest.mark.parametrize("transient", [0.0, 0.2])
def test_alpha_of_two_items_from_bivariate_normal_probabilities(categories: int, transient: float) -> None:
    p = make_population(**ALONE, items_per_trait=2, categories=categories, transient=transient)
    r = float(np.prod(p.loadings[0])) + transient
    covariance = rectangle_covariance(p, 0, 1, r)
    total = variance_of_code(p, 0) + variance_of_code(p, 1) + 2 * covariance
    truth = known_truth(p)
    assert reference(truth, "alpha", term="Openness") == pytest.approx(4 * covariance / total, abs=RECTANGLE)
    sd = np.sqrt([variance_of_code(p, 0), variance_of_code(p, 1)])
    correlation = covariance / np.prod(sd)
    standardized = 2 * correlation / (1 + correlation)
    assert reference(truth, "alpha_standardized", term="Openness") == pytest.approx(
        standardized, abs=RECTANGLE
    )
    assert reference(truth, "item_sd", term="openness_1") == pytest.approx(sd[0], abs=EXACT)
    assert reference(truth, "item_rest_r", term="openness_2") == pytest.approx(correlation, abs=RECTANGLE)
    np.testing.assert_allclose(
        reference(truth, "item_mean", term="openness_1"), 1 + norm.sf(p.thresholds[0][0]).sum(), atol=EXACT
    )


def test_units_agree_when_there_is_one_administration() -> None:
    p = make_population(**ALONE)
    pd.testing.assert_frame_equal(known_truth(p), known_truth(p, unit="administration"), rtol=EXACT)


def test_agreement_of_two_samples_from_bivariate_normal_probabilities() -> None:
    p = make_population(**{**ALONE, "samples": 2}, items_per_trait=2, transient=0.15)
    one, two = p.loadings[0]
    within = variance_of_code(p, 0) + variance_of_code(p, 1)
    within += 2 * rectangle_covariance(p, 0, 1, one * two + 0.15)
    between = rectangle_covariance(p, 0, 0, one**2) + rectangle_covariance(p, 1, 1, two**2)
    between += 2 * rectangle_covariance(p, 0, 1, one * two)
    r = between / within
    truth = known_truth(p)
    for form in ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)"):
        assert reference(truth, form, term="Openness") == pytest.approx(r, abs=RECTANGLE)
    for form in ("ICC(1,k)", "ICC(2,k)", "ICC(3,k)"):
        assert reference(truth, form, term="Openness") == pytest.approx(2 * r / (1 + r), abs=RECTANGLE)


def test_facet_rows_from_normal_probabilities() -> None:
    p = make_population(
        **{**ALONE, "prompts": 2, "orders": 2}, items_per_trait=3, prompt_effect=0.3, order_effect=0.4
    )
    assert p.directions[0].tolist() == [1, 1, -1]
    mean = np.empty((2, 2))
    for prompt, order in product(range(2), range(2)):
        shift = p.prompt_shift[prompt, 0] + p.directions[0] * p.order_shift[order]
        mean[prompt, order] = (1 + norm.sf(p.thresholds[0] - shift[:, None]).sum(axis=1)).mean()
    truth = known_truth(p)
    at = {"term": "Openness", "facet": "order", "level": "descending"}
    assert reference(truth, "level_mean", **at) == pytest.approx(mean[:, 1].mean(), abs=EXACT)
    gap = mean[:, 1].mean() - mean[:, 0].mean()
    assert reference(truth, "level_contrast", **at) == pytest.approx(gap, abs=EXACT)
    moments = score_moments(p, trait=0, moments=item_moments(p, trait=0))
    whole = moments.variance.mean() + mean.var()
    share = reference(truth, "facet_share", term="Openness", facet="order")
    assert share == pytest.approx((gap / 2) ** 2 / whole, abs=EXACT)
    assert reference(truth, "mean_score", term="Openness") == pytest.approx(mean.mean(), abs=EXACT)


def test_pearson_with_a_linear_task() -> None:
    p = make_population(**{**ALONE, "traits": 2, "tasks": 3}, items_per_trait=2)
    # E[y 1(y > c)] = phi(c): the covariance of a code with eta is cov(y, eta) times a sum of densities.
    slope = norm.pdf(p.thresholds[1]).sum(axis=1) * p.loadings[1]
    weights = p.task_weights[2]
    covariance = slope.mean() * (p.within[1] @ weights)
    law = multivariate_normal([0, 0], [[1, np.prod(p.loadings[1]) + 0.1], [np.prod(p.loadings[1]) + 0.1, 1]])
    pairs = sum(
        law.cdf([-a, -b]) - norm.sf(a) * norm.sf(b)
        for a, b in product(p.thresholds[1][0], p.thresholds[1][1])
    )
    codes = dataclasses.replace(p, thresholds=p.thresholds[1:])
    variance = (variance_of_code(codes, 0) + variance_of_code(codes, 1) + 2 * pairs) / 4
    expected = covariance / np.sqrt(variance * (1 + p.task_noise[2]))
    found = reference(known_truth(p), "pearson_r", term="Conscientiousness", other="Persistence")
    assert found == pytest.approx(expected, abs=RECTANGLE)


def test_bounded_task_by_the_arcsine_law() -> None:
    p = make_population(**{**ALONE, "tasks": 1, "samples": 2})
    noise = p.task_noise[0]
    moments = task_moments(p, task=0)
    spread = 1 + noise
    single = 1e4 * np.arcsin(spread / (1 + spread)) / (2 * np.pi)
    shared = 1e4 * np.arcsin(1 / (1 + spread)) / (2 * np.pi)
    assert moments.mean[0, 0] == pytest.approx(50, abs=EXACT)
    assert moments.variance[0, 0] == pytest.approx(single, rel=EXACT)
    assert moments.between[0, 0, 0] == pytest.approx(shared, rel=EXACT)
    truth = known_truth(p)
    assert reference(truth, "ICC(1,1)", term="Sycophancy") == pytest.approx(shared / single, abs=EXACT)
    sd = np.sqrt((single + shared) / 2)
    assert reference(truth, "sd_score", term="Sycophancy") == pytest.approx(sd, rel=EXACT)


def test_rank_correlation_of_two_linear_tasks_is_the_normal_one() -> None:
    p = make_population(**{**ALONE, "traits": 5, "tasks": 3})
    latent = 0.6
    risk, persistence = task_moments(p, task=1), task_moments(p, task=2)
    found = 12 * truth_module._covariance(truth_module._ranks(risk), truth_module._ranks(persistence), latent)
    observed = latent / (1 + p.task_noise[1])
    assert found == pytest.approx(6 / np.pi * np.arcsin(observed / 2), abs=EXACT)


def test_agreement_equals_the_analysis_of_variance_of_a_sample_at_the_expected_mean_squares() -> None:
    p = make_population(models=1, prompts=2, orders=2, samples=2, prompt_effect=0.5)
    moments = score_moments(p, trait=1, moments=item_moments(p, trait=1))
    each = np.repeat(np.arange(4), 2)
    covariance = moments.between[0][np.ix_(each, each)]
    np.fill_diagonal(covariance, moments.variance[0, each])
    n, k = 50, 8
    raw = np.random.default_rng(0).standard_normal((n, k))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    mean = moments.mean[0, each]
    error = (np.trace(covariance) - covariance.sum() / k) / (k - 1)
    # Sampled column means vary by MSE / n more than the population's: widen them by as much.
    widened = mean.mean() + (mean - mean.mean()) * np.sqrt(1 + error / n / mean.var(ddof=1))
    found = agreement("Conscientiousness", widened + white @ np.linalg.cholesky(covariance).T)
    truth = known_truth(p)
    assert len(found) == 6
    for (form, term, *_), value in found.items():
        assert value == pytest.approx(reference(truth, form, term=term), abs=EXACT), form


# ---------------------------------------------------------------- refusals


def test_expected_inverse_by_enumeration() -> None:
    chance, size = 0.7, 4
    worth = weight = 0.0
    for given in product((0, 1), repeat=size):
        if sum(given):
            probability = np.prod([chance if g else 1 - chance for g in given])
            worth, weight = worth + probability / sum(given), weight + probability
    assert expected_inverse(size, np.array(chance)) == pytest.approx(worth / weight, abs=EXACT)
    assert expected_inverse(12, np.array(1.0)) == pytest.approx(1 / 12, abs=EXACT)


def test_available_weights_by_enumeration() -> None:
    chance = np.array([[0.9, 0.5, 0.7, 0.95]])
    one, two, weight = np.zeros(4), np.zeros((4, 4)), 0.0
    for given in product((0, 1), repeat=4):
        if sum(given):
            there = np.array(given)
            probability = np.prod(np.where(there, chance[0], 1 - chance[0]))
            one += probability * there / there.sum()
            two += probability * np.outer(there, there) / there.sum() ** 2
            weight += probability
    found_one, found_two = available_weights(chance)
    np.testing.assert_allclose(found_one[0], one / weight, atol=EXACT)
    np.testing.assert_allclose(found_two[0], two / weight, atol=EXACT)


def test_cell_covariance_under_refusal_by_enumeration() -> None:
    p = make_population(
        **{**ALONE, "prompts": 2, "samples": 2, "refusal": 0.3}, items_per_trait=2, prompt_effect=0.4
    )
    moments = item_moments(p, trait=0)
    _, found = cell_moments(p, trait=0, moments=moments)
    looks = [(f, s) for f in range(2) for s in range(2)]
    item = 1
    chance = 1 - p.refusal[0, 0, item]
    second = first = weight = 0.0
    for given in product((0, 1), repeat=4):
        chosen = [look for look, g in zip(looks, given, strict=True) if g]
        if not chosen:
            continue
        probability = np.prod([chance if g else 1 - chance for g in given])
        mean = np.mean([moments.mean[0, f, item] for f, _ in chosen])
        variance = np.mean(
            [
                moments.within[0, f, item, item] if (f, s) == (g, u) else moments.between[0, f, item, g, item]
                for (f, s), (g, u) in product(chosen, repeat=2)
            ]
        )
        first, weight = first + probability * mean, weight + probability
        second += probability * (variance + mean**2)
    expected = second / weight - (first / weight) ** 2
    assert found[0, item, item] == pytest.approx(expected, abs=EXACT)


def test_refusal_inflates_the_noise_of_cells_and_leaves_their_means() -> None:
    full = make_population(refusal=0.0, unparsed=0.0, models=1)
    gaps = make_population(refusal=0.5, unparsed=0.0, models=1)
    means, covariances = [], []
    for p in (full, gaps):
        mean, covariance = cell_moments(p, trait=0, moments=item_moments(p, trait=0))
        means.append(mean)
        covariances.append(covariance[0])
    np.testing.assert_allclose(means[0], means[1], atol=EXACT)
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(covariances[0][off], covariances[1][off], atol=EXACT)
    assert (np.diag(covariances[1]) > np.diag(covariances[0])).all()


def test_a_model_that_refuses_more_counts_less_among_administrations() -> None:
    p = make_population(models=2, refusal=0.5, model_share=0.5, prompts=1, orders=1)
    moments = item_moments(p, trait=0)
    chance = 1 - p.refusal[:, 0] - p.unparsed
    j, other = 0, 3
    weight = chance[:, j] * chance[:, other]
    weight = weight / weight.sum()
    assert abs(weight[0] - 0.5) > 0.1
    mean = moments.mean[:, 0]
    centre = weight @ mean
    inside = weight @ moments.within[:, 0, j, other]
    expected = inside + weight @ ((mean[:, j] - centre[j]) * (mean[:, other] - centre[other]))
    _, covariance, correlation = truth_module._available(
        mean, moments.within[:, 0] + mean[:, :, None] * mean[:, None, :], chance
    )
    assert covariance[j, other] == pytest.approx(expected, abs=EXACT)
    spread = [weight @ (moments.within[:, 0, i, i] + (mean[:, i] - centre[i]) ** 2) for i in (j, other)]
    assert correlation[j, other] == pytest.approx(expected / np.sqrt(np.prod(spread)), abs=EXACT)
    truth = known_truth(p, unit="administration")
    found = reference(truth, "item_mean", term="openness_1")
    assert found == pytest.approx(np.average(mean[:, j], weights=chance[:, j]), abs=EXACT)


def test_refused_samples_of_a_task_add_noise_to_its_mean() -> None:
    p = make_population(models=1, samples=3, refusal=0.4, unparsed=0.0)
    moments = task_moments(p, task=2)
    spread = p.task_spread[2] ** 2
    noise = p.task_noise[2] * expected_inverse(3, np.array(0.6))
    assert moments.own_variance[0] == pytest.approx(spread * (1 + noise), rel=EXACT)


# ---------------------------------------------------------------- the truth as a frame


def test_truth_is_converged_complete_and_unique() -> None:
    p = make_population()
    truth = known_truth(p)
    columns = ["estimand", "term", "other", "facet", "level", "group"]
    assert list(truth.columns) == [*columns, "reference"]
    assert not truth.duplicated(columns).any()
    assert np.isfinite(truth["reference"]).all()
    assert truth[columns].map(lambda cell: isinstance(cell, str)).all(axis=None)
    finer = known_truth(p, nodes=128)
    np.testing.assert_allclose(truth["reference"], finer["reference"], atol=CONVERGED)
    counts = truth["estimand"].value_counts()
    assert counts["pearson_r"] == counts["spearman_rho"] == 15
    assert counts["alpha"] == 5 * 5 and counts["mean_score"] == 8 * 5
    assert counts["level_mean"] == counts["level_contrast"] == 5 * 5
    assert counts["facet_share"] == 10 and counts["ICC(2,k)"] == 8 + 5 and counts["status_share"] == 6


def test_groups_average_to_the_whole() -> None:
    truth = known_truth(make_population(models=3, model_share=0.3))
    means = truth[(truth["estimand"] == "mean_score") & (truth["term"] == "Agreeableness")]
    whole = means.loc[means["group"] == "", "reference"].item()
    by_model = means.loc[means["group"] != "", "reference"]
    assert list(means["group"])[1:] == ["model = model_1", "model = model_2", "model = model_3"]
    assert by_model.mean() == pytest.approx(whole, abs=EXACT)
    assert by_model.std() > 0.1


def test_a_single_level_has_no_facet_rows() -> None:
    truth = known_truth(make_population(prompts=1, orders=1, samples=1))
    assert not set(truth["estimand"]) & {"level_mean", "facet_share", "ICC(1,1)"}


def test_samples_alone_agree_better_than_samples_under_other_prompts() -> None:
    truth = known_truth(make_population(samples=2))
    alone = {"term": "Openness", "group": "sample replicates"}
    # Averaging over six conditions leaves a sixth of the noise of one draw.
    assert reference(truth, "ICC(1,1)", **alone) > reference(truth, "ICC(3,1)", term="Openness")
    assert reference(truth, "ICC(1,k)", **alone) == pytest.approx(
        reference(truth, "ICC(3,k)", term="Openness"), abs=0.02
    )


def test_words_about_the_study() -> None:
    about = simulate_study(seed=3, models=1, personas=2, tasks=0).about
    assert "1 model, each under 2 personas" in about and "12 administrations" in about
    assert "task" not in about and about.count("\n\n") == 1


def test_truth_does_not_depend_on_the_seed() -> None:
    one, two = simulate_study(seed=1, personas=2), simulate_study(seed=2, personas=2)
    pd.testing.assert_frame_equal(one.truth, two.truth)
    assert not one.frame["response"].equals(two.frame["response"])


# ---------------------------------------------------------------- the table


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return simulate_study(seed=11).frame


def test_frame_is_a_response_table(frame: pd.DataFrame) -> None:
    known = [column.name for column in RESPONSE_COLUMNS if column.name in set(frame.columns)]
    assert list(frame.columns) == known
    assert len(frame) == 60 * (30 * 12 + 3 * 2)
    assert frame["respondent"].is_monotonic_increasing
    assert frame["respondent"].nunique() == 60
    assert (frame["respondent"] == frame["model"] + "/" + frame["persona"]).all()
    identity = ["respondent", "item", "prompt", "order", "sample"]
    assert not frame.duplicated(identity).any()
    assert set(frame["status"]) <= set(STATUSES)
    assert (frame["response"].notna() == (frame["status"] == "answered")).all()


def test_tasks_have_samples_and_no_prompt(frame: pd.DataFrame) -> None:
    tasks = frame[frame["source"] == "behaviour"]
    assert tasks[["prompt", "order"]].isna().all(axis=None)
    assert frame.loc[frame["source"] == "self_report", ["prompt", "order"]].notna().all(axis=None)
    assert set(tasks["sample"]) == {"1", "2"}
    bounded = tasks.loc[tasks["item"] == "task_sycophancy", "response"]
    assert bounded.min() >= 0 and bounded.max() <= 100


def test_codes_stay_in_the_keys_range(frame: pd.DataFrame) -> None:
    study = simulate_study(seed=11, personas=1)
    key = read_key(study.key)
    assert set(key.items) == set(frame["item"])
    assert [scale.scale_score for scale in key.scales] == [False] * 5 + [True] * 3
    codes = frame.loc[frame["source"] == "self_report", "response"].dropna()
    assert set(codes) == {1.0, 2.0, 3.0, 4.0, 5.0}


def test_raw_text_agrees_with_the_status(frame: pd.DataFrame) -> None:
    asked = frame[frame["source"] == "self_report"]
    given = asked[asked["status"] == "answered"]
    digits = given["raw"].str.extract(r"(\d)")[0].astype(float)
    assert (digits == given["response"]).all()
    refused = asked.loc[asked["status"] == "refused", "raw"]
    assert len(refused) and not refused.str.contains(r"\d").any()


def test_reversed_items_run_against_the_others() -> None:
    study = simulate_study(seed=5, models=1, personas=400, prompts=1, orders=1, samples=1, refusal=0.0)
    cells = study.frame.pivot(index="respondent", columns="item", values="response")
    r = cells[["openness_1", "openness_2", "openness_3"]].corr()
    assert study.key["scale"][0]["reversed"] == ["openness_3", "openness_6"]
    assert r.loc["openness_1", "openness_2"] > 0.2 > -0.2 > r.loc["openness_1", "openness_3"]


def test_same_seed_same_table() -> None:
    p = make_population(models=2)
    pd.testing.assert_frame_equal(draw_frame(p, personas=3, seed=9), draw_frame(p, personas=3, seed=9))


def test_refusal_differs_by_model_and_item_around_its_mean() -> None:
    p = make_population(refusal=0.2)
    assert p.refusal.mean() == pytest.approx(0.2, abs=EXACT)
    assert p.refusal.min() == pytest.approx(0.1) and p.refusal.max() == pytest.approx(0.3)
    frame = draw_frame(p, personas=60, seed=4)
    refused = (frame["status"] == "refused") & (frame["source"] == "self_report")
    by_model = refused.groupby(frame["model"]).mean()
    assert by_model.is_monotonic_increasing and by_model.iloc[-1] > 1.3 * by_model.iloc[0]
    by_item = refused.groupby(frame["item"]).mean()
    order = np.argsort(p.refusal[0, 0])
    assert by_item[p.items[0][order[-1]]] > 1.3 * by_item[p.items[0][order[0]]]


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_a_persona_carries_its_share_to_every_model(share: float) -> None:
    p = make_population(models=2, persona_share=share)
    traits = draw_traits(p, personas=4_000, rng=np.random.default_rng(1)).reshape(2, 4_000, 5)
    r = [np.corrcoef(traits[0, :, t], traits[1, :, t])[0, 1] for t in range(5)]
    # Standard error at most 1 / sqrt(4000) = 0.016 for each trait.
    assert np.abs(np.array(r) - share).max() < 0.06
    np.testing.assert_allclose(np.cov(traits[0].T), p.within, atol=0.1)


def test_more_than_nine_levels_keep_their_order() -> None:
    frame = simulate_study(
        seed=1, models=11, personas=10, traits=6, prompts=1, orders=4, samples=1, tasks=0
    ).frame
    assert frame["respondent"].is_monotonic_increasing
    assert set(frame["order"]) == {"ascending", "descending", "shuffled_1", "shuffled_2"}
    assert frame["item"].str.startswith("trait_6").any()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"models": 0}, "models"),
        ({"personas": 0}, "personas"),
        ({"personas": True}, "personas"),
        ({"seed": -1}, "seed"),
        ({"items_per_trait": 1}, "items_per_trait"),
        ({"tasks": 4}, "tasks"),
        ({"categories": 1}, "categories"),
        ({"refusal": 0.7}, "refusal"),
        ({"refusal": float("nan")}, "refusal"),
        ({"model_share": 1.0}, "model_share"),
        ({"loading": (0.5, 1.0)}, "loading"),
        ({"loading": (0.5, 0.96), "transient": 0.1}, "no room for error"),
        ({"refusal_on_trait": float("inf")}, "refusal_on_trait"),
    ],
)
def test_arguments_out_of_range(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        simulate_study(**{"seed": 1, **wrong})  # type: ignore[arg-type]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        simulate_study(seed=1, models=0, traits=0, transient=-1.0)
    assert [fault.where for fault in caught.value.faults] == ["models", "traits", "transient"]


# ---------------------------------------------------------------- a large draw


def mean_of_given(values: np.ndarray, axis: int) -> np.ndarray:
    count = (~np.isnan(values)).sum(axis=axis)
    return np.where(count > 0, np.nansum(values, axis=axis) / np.maximum(count, 1), np.nan)


def observed(p: Population, keyed: np.ndarray, scores: np.ndarray, model: np.ndarray, unit: str) -> dict:
    """Every estimand, by plain NumPy, from keyed responses (n, T, k, P, O, S) and task scores."""
    found: dict[tuple[str, ...], float] = {}
    by_look = mean_of_given(keyed, 2)
    own = mean_of_given(by_look.reshape(len(keyed), keyed.shape[1], -1), 2)
    doing = mean_of_given(scores, 2)
    groups = {"": np.ones(len(keyed), dtype=bool)}
    groups |= {f"model = {name}": model == m for m, name in enumerate(p.models)}
    for group, mine in groups.items():
        for t, name in enumerate(p.traits):
            values = keyed[mine, t].reshape(mine.sum(), keyed.shape[2], -1)
            rows = mean_of_given(values, 2) if unit == "respondent" else values.swapaxes(1, 2).reshape(-1, 6)
            found |= reliability(name, p.items[t], rows, group)
            found |= profile(name, own[mine, t], group)
        for b, name in enumerate(p.tasks):
            values = doing[mine, b]
            found |= profile(name, values[~np.isnan(values)], group)
    for t, name in enumerate(p.traits):
        cells = by_look[:, t].reshape(len(keyed), -1, len(p.samples))
        cells = cells[~np.isnan(cells).any(axis=(1, 2))]
        found |= agreement(name, cells.reshape(len(cells), -1))
        found |= agreement(name, cells.mean(axis=1), group="sample replicates")
        found |= sensitivity(p, name, by_look[:, t])
        for b, other in enumerate(p.tasks):
            there = ~np.isnan(doing[:, b])
            x, y = own[there, t], doing[there, b]
            found["pearson_r", name, other, "", "", ""] = np.corrcoef(x, y)[0, 1]
            found["spearman_rho", name, other, "", "", ""] = np.corrcoef(rankdata(x), rankdata(y))[0, 1]
    for b, name in enumerate(p.tasks):
        found |= agreement(name, scores[:, b][~np.isnan(scores[:, b]).any(axis=1)])
    return found


def reliability(name: str, items: tuple[str, ...], rows: np.ndarray, group: str) -> dict:
    there = ~np.isnan(rows)
    filled = np.where(there, rows, 0.0)
    number = there.T.astype(float) @ there
    mean = filled.T @ there / number  # entry (j, l): mean of j where l is answered too
    covariance = (filled.T @ filled / number - mean * mean.T) * number / (number - 1)
    sd = np.sqrt(np.diag(covariance))
    spread = np.sqrt(((filled**2).T @ there / number - mean**2) * number / (number - 1))
    average = (covariance / (spread * spread.T))[np.triu_indices(len(sd), 1)].mean()
    k = len(sd)
    found = {("alpha", name): k / (k - 1) * (1 - np.trace(covariance) / covariance.sum())}
    found["alpha_standardized", name] = k * average / (1 + (k - 1) * average)
    for j, item in enumerate(items):
        rest = np.delete(covariance, j, axis=0)
        left = np.delete(rest, j, axis=1)
        found["item_mean", item] = mean[j, j]
        found["item_sd", item] = sd[j]
        found["item_rest_r", item] = rest[:, j].sum() / np.sqrt(covariance[j, j] * left.sum())
        found["alpha_if_dropped", item] = (k - 1) / (k - 2) * (1 - np.trace(left) / left.sum())
    return {(estimand, term, "", "", "", group): value for (estimand, term), value in found.items()}


def profile(name: str, values: np.ndarray, group: str) -> dict:
    return {
        ("mean_score", name, "", "", "", group): values.mean(),
        ("sd_score", name, "", "", "", group): values.std(ddof=1),
    }


def agreement(name: str, x: np.ndarray, group: str = "") -> dict:
    n, k = x.shape
    if k == 1:
        return {}
    total = x - x.mean()
    ssr = k * (total.mean(axis=1) ** 2).sum()
    ssc = n * (total.mean(axis=0) ** 2).sum()
    sse = (total**2).sum() - ssr - ssc
    msr, msc, mse = ssr / (n - 1), ssc / (k - 1), sse / ((n - 1) * (k - 1))
    msw = (ssc + sse) / (n * (k - 1))
    found = {
        "ICC(1,1)": (msr - msw) / (msr + (k - 1) * msw),
        "ICC(2,1)": (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n),
        "ICC(3,1)": (msr - mse) / (msr + (k - 1) * mse),
        "ICC(1,k)": (msr - msw) / msr,
        "ICC(2,k)": (msr - mse) / (msr + (msc - mse) / n),
        "ICC(3,k)": (msr - mse) / msr,
    }
    return {(estimand, name, "", "", "", group): value for estimand, value in found.items()}


def sensitivity(p: Population, name: str, by_look: np.ndarray) -> dict:
    found = {}
    for axis, facet, levels in ((1, "prompt", p.prompts), (2, "order", p.orders)):
        means = np.nanmean(by_look, axis=tuple(a for a in range(4) if a != axis))
        for position, level in enumerate(levels):
            found["level_mean", name, "", facet, level, ""] = means[position]
            gap = means[position] - np.delete(means, position).mean()
            found["level_contrast", name, "", facet, level, ""] = gap
        found["facet_share", name, "", facet, "", ""] = means.var() / np.nanvar(by_look)
    return found


def shares(status: np.ndarray, source: str) -> dict:
    return {
        ("status_share", "", "", "", level, f"source = {source}"): float((status == code).mean())
        for code, level in ((0, "answered"), (1, "refused"), (2, "unparsed"))
    }


def draw_keyed(p: Population, personas: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    theta = draw_traits(p, personas=personas, rng=rng)
    model = np.repeat(np.arange(len(p.models)), personas)
    codes, status = draw_codes(p, traits=theta, model=model, rng=rng)
    back = p.directions[:, :, None, None, None] < 0
    keyed = np.where(back, p.categories + 1 - codes, codes).astype(float)
    keyed[status != ANSWERED] = np.nan
    scores, task_status = draw_tasks(p, traits=theta, model=model, rng=rng)
    scores[task_status != ANSWERED] = np.nan
    return keyed, status, scores, task_status, model


def worst(
    p: Population, truth: pd.DataFrame, personas: int, parts: int, unit: str, seed: int
) -> pd.DataFrame:
    """Distance of a large draw from the truth, in Monte Carlo errors found from parts of the draw."""
    keyed, status, scores, task_status, model = draw_keyed(p, personas, seed)
    whole = observed(p, keyed, scores, model, unit)
    whole |= shares(status, "self_report") | shares(task_status, "behaviour")
    pieces = []
    position = np.tile(np.arange(personas), len(p.models)) % parts
    for part in range(parts):
        mine = position == part
        piece = observed(p, keyed[mine], scores[mine], model[mine], unit)
        pieces.append(piece | shares(status[mine], "self_report") | shares(task_status[mine], "behaviour"))
    error = pd.DataFrame(pieces).std(ddof=1) / np.sqrt(parts)
    table = truth.set_index(["estimand", "term", "other", "facet", "level", "group"])
    assert set(table.index) == set(whole)
    table["found"] = pd.Series(whole)
    table["error"] = error
    slack = np.where(table.index.get_level_values("estimand") == "spearman_rho", SPEARMAN_BIAS, 0.0)
    distance = (table["found"] - table["reference"]).abs()
    table["z"] = np.maximum(distance - slack, 0.0) / table["error"]
    assert table["z"].notna().all()
    return table


def test_a_middling_draw_agrees_with_the_truth() -> None:
    p = make_population(models=2, prompts=2, samples=1, model_share=0.2)
    table = worst(p, known_truth(p), personas=500, parts=10, unit="respondent", seed=3)
    # Errors from ten parts: a t law on 9 degrees of freedom, 450 values, allowed out to 8.
    assert table["z"].max() < 8
    assert table["z"].median() < 1.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "changes"),
    [
        ("respondent", {}),
        ("administration", {"refusal": 0.15, "model_share": 0.2}),
        ("respondent", {"refusal": 0.25, "samples": 1, "prompts": 2, "transient": 0.2}),
    ],
)
def test_a_large_draw_agrees_with_the_truth(unit: str, changes: dict) -> None:
    p = make_population(**changes)
    truth = known_truth(p, unit=unit)  # type: ignore[arg-type]
    table = worst(p, truth, personas=5_000, parts=40, unit=unit, seed=20_000)
    assert table["z"].max() < MANY_SE, table.sort_values("z").tail(5).to_string()
    # If the truth is right, |z| is half-normal: its median is 0.674 (values within a scale correlate).
    assert table["z"].median() < 1.1


@pytest.mark.slow
def test_refusal_that_depends_on_the_trait_has_the_share_it_should() -> None:
    p = make_population(refusal=0.1, refusal_on_trait=0.8, model_share=0.2)
    truth = known_truth(p)
    _, status, _, _, _ = draw_keyed(p, 4_000, seed=8)
    share = (status == REFUSED).mean(axis=(1, 2, 3, 4, 5))
    error = share.std() / np.sqrt(len(share))
    expected = reference(truth, "status_share", level="refused", group="source = self_report")
    assert abs(share.mean() - expected) < MANY_SE * error
    assert abs(expected - 0.1) > 1e-4  # the models' means move it away from its nominal value


# ---------------------------------------------------------------- the benchmark's table


def test_large_table_is_the_same_population_in_row_groups(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "make_large_table.py"
    if not script.exists():
        pytest.skip("benchmarks/ is not part of the source distribution")
    spec = importlib.util.spec_from_file_location("make_large_table", script)
    assert spec is not None and spec.loader is not None
    large = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(large)
    path = tmp_path / "large.parquet"
    assert large.write_large_table(path, rows=60_000, seed=2) == 60_000
    large.write_key(tmp_path / "key.toml", large.large_population())
    frame = pd.read_parquet(path)
    assert frame["respondent"].is_monotonic_increasing and frame["respondent"].nunique() == 60
    assert not frame.duplicated(["respondent", "item", "prompt", "order", "sample"]).any()
    assert (frame["response"].notna() == (frame["status"] == "answered")).all()
    key = read_key(tmp_path / "key.toml")
    assert set(key.items) == set(frame["item"])
    truth = known_truth(large.large_population(), unit="administration")
    means = frame.groupby("item")["response"].agg(["mean", "sem"])
    for item, row in means.iterrows():
        backwards = any(item in scale.reversed for scale in key.scales)
        expected = reference(truth, "item_mean", term=str(item))
        expected = 6 - expected if backwards else expected
        # sem takes 1,000 rows as independent; the 20 of a respondent are not: allow 20 times its square.
        assert abs(row["mean"] - expected) < MANY_SE * np.sqrt(20) * row["sem"]
