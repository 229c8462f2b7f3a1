"""The graded response model: integrals by quad, derivatives by differences, mirt's values, exact draws of traits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import kstest, norm

from psychomet.numerics.graded import (
    difficulties,
    layout_of,
    log_likelihood,
    node_log_likelihood,
    nodes_needed,
    patterns_of,
    trait_nodes,
)
from psychomet.numerics.graded_density import (
    GradedPrior,
    coordinates,
    curvature,
    item_parameters,
    log_density,
    mode,
)
from psychomet.numerics.graded_simulation import prior_draw, simulated_codes
from psychomet.numerics.graded_traits import trait_draws, traits

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "graded.json").read_text())

INTEGRAL_TOLERANCE = 1e-8
GRADIENT_TOLERANCE = 1e-5  # central differences of step 1e-6: rounding of the value divided by the step
CURVATURE_TOLERANCE = 1e-4  # second differences against the spread of the maximum, relative
MIRT_LIKELIHOOD = 1e-5  # EM stops where parameters move less than TOL; the likelihood is flat there
MIRT_PARAMETERS = 2e-3  # and slopes and thresholds still have this far to go (TOL 1e-6 for bfi N)
MIRT_EAP = 2e-3
KS_LEVEL = 1e-3  # fixed seed: fails only when the code changes

CODES = np.array(
    [[0, 1, 2, 0], [3, 1, 4, 1], [3, 0, 0, -1], [-1, -1, -1, -1], [1, 1, 4, 1], [0, 1, 2, 0], [2, -1, 3, 0]]
)
CATEGORIES = np.array([4, 2, 5, 2])
SLOPE = np.array([1.7, 0.4, 2.9, 1.1])
INTERCEPT = np.array([2.0, 0.3, -1.9, 0.7, 4.1, 1.0, 0.9, -3.0, -0.2])


def by_hand(codes: np.ndarray, slope: np.ndarray, intercept: np.ndarray, categories: np.ndarray) -> float:
    """The log-likelihood by differences of logistic functions and quad."""
    start = np.concatenate([[0], np.cumsum(categories - 1)])

    def at(theta: float, row: np.ndarray) -> float:
        product = norm.pdf(theta)
        for item, code in enumerate(row):
            if code < 0:
                continue
            d = intercept[start[item] : start[item + 1]]
            passed = np.concatenate([[1], 1 / (1 + np.exp(-(slope[item] * theta + d))), [0]])
            product *= passed[code] - passed[code + 1]
        return float(product)

    return float(
        sum(np.log(quad(at, -9, 9, args=(row,), epsabs=0, epsrel=1e-12, limit=300)[0]) for row in codes)
    )


def differences(function: Any, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    moves = np.eye(len(x)) * step
    return np.array([(function(x + move) - function(x - move)) / (2 * step) for move in moves])


def table(seed: int, n: int, categories: np.ndarray, missing: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Answers from moderate parameters, and the traits."""
    rng = np.random.default_rng(seed)
    layout = layout_of(categories)
    slope, intercept = prior_draw(layout, prior=GradedPrior(0.2, 0.3, 1.5), rng=rng)
    theta = rng.normal(size=n)
    codes = simulated_codes(slope, intercept, theta=theta, layout=layout, rng=rng)
    codes[rng.random(codes.shape) < missing] = -1
    return codes, theta


def test_the_likelihood_is_the_integral() -> None:
    patterns = patterns_of(CODES, categories=CATEGORIES)
    assert len(patterns.people) == 6 and patterns.people.sum() == 7
    found = log_likelihood(patterns, SLOPE, INTERCEPT, nodes=trait_nodes(61))
    assert found.value == pytest.approx(by_hand(CODES, SLOPE, INTERCEPT, CATEGORIES), abs=INTEGRAL_TOLERANCE)


def test_negative_slopes_are_integrated_too() -> None:
    patterns = patterns_of(CODES, categories=CATEGORIES)
    turned = SLOPE * [1, -1, -1, 1]
    found = log_likelihood(patterns, turned, INTERCEPT, nodes=trait_nodes(61))
    assert found.value == pytest.approx(by_hand(CODES, turned, INTERCEPT, CATEGORIES), abs=INTEGRAL_TOLERANCE)


def test_the_gradient_is_that_of_finite_differences() -> None:
    patterns, nodes = patterns_of(CODES, categories=CATEGORIES), trait_nodes(61)
    found = log_likelihood(patterns, SLOPE, INTERCEPT, nodes=nodes)
    both = differences(
        lambda x: log_likelihood(patterns, x[:4], x[4:], nodes=nodes).value,
        np.concatenate([SLOPE, INTERCEPT]),
    )
    np.testing.assert_allclose(found.slope, both[:4], atol=GRADIENT_TOLERANCE)
    np.testing.assert_allclose(found.intercept, both[4:], atol=GRADIENT_TOLERANCE)


@pytest.mark.parametrize("prior", [None, GradedPrior(), GradedPrior(0.0, 0.2, 0.7)])
def test_the_density_has_its_gradient(prior: GradedPrior | None) -> None:
    patterns, nodes = patterns_of(CODES, categories=CATEGORIES), trait_nodes(61)
    x = coordinates(SLOPE, INTERCEPT, layout=patterns.layout, signed=prior is None)
    _, gradient = log_density(x, patterns=patterns, nodes=nodes, prior=prior)
    by_steps = differences(lambda at: log_density(at, patterns=patterns, nodes=nodes, prior=prior)[0], x)
    np.testing.assert_allclose(gradient, by_steps, atol=GRADIENT_TOLERANCE)


def test_coordinates_and_parameters_are_inverse() -> None:
    layout = layout_of(CATEGORIES)
    for signed in (False, True):
        slope = SLOPE * [1, -1, 1, 1] if signed else SLOPE
        x = coordinates(slope, INTERCEPT, layout=layout, signed=signed)
        back = item_parameters(np.stack([x, x]), layout=layout, signed=signed)
        np.testing.assert_allclose(back[0], np.stack([slope, slope]), rtol=1e-12)
        np.testing.assert_allclose(back[1], np.stack([INTERCEPT, INTERCEPT]), atol=1e-12)


def test_a_respondent_without_answers_adds_nothing() -> None:
    nodes = trait_nodes(61)
    some = patterns_of(CODES[:3], categories=CATEGORIES)
    more = patterns_of(np.vstack([CODES[:3], np.full((5, 4), -1)]), categories=CATEGORIES)
    first, second = (log_likelihood(p, SLOPE, INTERCEPT, nodes=nodes) for p in (some, more))
    assert first.value == pytest.approx(second.value, abs=1e-12)
    np.testing.assert_allclose(first.intercept, second.intercept, atol=1e-12)


def test_collapsing_changes_nothing() -> None:
    codes, _ = table(3, 60, np.array([2, 3]), missing=0.1)
    nodes, layout = trait_nodes(41), layout_of(np.array([2, 3]))
    slope, intercept = np.array([1.2, 0.8]), np.array([0.3, 0.9, -0.4])
    together = log_likelihood(patterns_of(codes, categories=layout.categories), slope, intercept, nodes=nodes)
    alone = [
        log_likelihood(
            patterns_of(row[None], categories=layout.categories), slope, intercept, nodes=nodes
        ).value
        for row in codes
    ]
    assert together.value == pytest.approx(sum(alone), abs=1e-10)


def test_the_nodes_asked_for_are_enough_and_fewer_are_not() -> None:
    codes, _ = table(4, 20, np.full(40, 4))
    patterns = patterns_of(codes, categories=np.full(40, 4))
    slope = np.full(40, 2.5)
    intercept = np.tile([1.5, 0.0, -1.5], 40)
    fine = log_likelihood(patterns, slope, intercept, nodes=trait_nodes(1001)).value
    needed = nodes_needed(slope)
    found = log_likelihood(patterns, slope, intercept, nodes=trait_nodes(needed)).value
    assert found == pytest.approx(fine, abs=20 * INTEGRAL_TOLERANCE)
    coarse = log_likelihood(patterns, slope, intercept, nodes=trait_nodes(needed // 3)).value
    assert abs(coarse - fine) > 1e-3


def test_outside_the_model_the_likelihood_is_zero() -> None:
    patterns, nodes = patterns_of(CODES, categories=CATEGORIES), trait_nodes(31)
    for bad in (INTERCEPT[::-1].copy(), np.full(9, np.inf)):
        found = log_likelihood(patterns, SLOPE, bad, nodes=nodes)
        assert found.value == -np.inf and not found.slope.any() and not found.intercept.any()
    wild = np.full(13, 800.0)
    value, gradient = log_density(wild, patterns=patterns, nodes=nodes, prior=GradedPrior())
    assert value == -np.inf and not gradient.any()


@pytest.mark.parametrize("codes", [[[4, 0, 0, 0]], [[0, 2, 0, 0]], [[-2, 0, 0, 0]]])
def test_codes_outside_their_item_are_refused(codes: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="not a category"):
        patterns_of(np.array(codes), categories=CATEGORIES)
    with pytest.raises(ValueError, match="two categories"):
        layout_of(np.array([3, 1]))
    with pytest.raises(ValueError, match="3 or more"):
        trait_nodes(2)


@pytest.mark.parametrize("name", ["science", "bfiN"])
def test_the_maximum_is_mirts(shared: Path, name: str) -> None:
    if name == "science":
        frame = pd.read_csv(shared / "reference" / "data" / "ltm_science.csv")
        codes = frame[["Comfort", "Work", "Future", "Benefit"]].to_numpy() - 1
    else:
        frame = pd.read_csv(shared / "reference" / "data" / "bfiN_gender_complete.csv", index_col=0)
        codes = frame[["N1", "N2", "N3", "N4", "N5"]].to_numpy() - 1
    stored = REFERENCE[name]
    patterns = patterns_of(codes, categories=codes.max(0) + 1)
    found = mode(patterns, prior=None)
    assert found.converged
    assert found.value == pytest.approx(stored["log_likelihood"], abs=MIRT_LIKELIHOOD)
    shape = np.shape(stored["d"])
    np.testing.assert_allclose(found.slope, stored["a"], atol=MIRT_PARAMETERS)
    np.testing.assert_allclose(found.intercept.reshape(shape), stored["d"], atol=MIRT_PARAMETERS)
    b = difficulties(found.slope, found.intercept, layout=patterns.layout)
    np.testing.assert_allclose(b.reshape(shape), stored["b"], atol=MIRT_PARAMETERS)
    if "eap" in stored:
        eap = traits(patterns, found.slope, found.intercept, nodes=found.nodes)
        np.testing.assert_allclose(eap.mean[:10], [row[0] for row in stored["eap"]], atol=MIRT_EAP)
        np.testing.assert_allclose(eap.sd[:10], [row[1] for row in stored["eap"]], atol=MIRT_EAP)


def test_at_mirts_values_the_likelihood_is_mirts(shared: Path) -> None:
    frame = pd.read_csv(shared / "reference" / "data" / "ltm_science.csv")
    codes = frame[["Comfort", "Work", "Future", "Benefit"]].to_numpy() - 1
    stored = REFERENCE["science"]
    patterns = patterns_of(codes, categories=np.full(4, 4))
    found = log_likelihood(patterns, np.array(stored["a"]), np.ravel(stored["d"]), nodes=trait_nodes(61))
    assert found.value == pytest.approx(stored["log_likelihood"], abs=1e-7)


def test_the_mode_with_a_prior_exists_where_a_category_is_empty() -> None:
    codes, _ = table(5, 80, np.full(3, 4))
    codes[codes == 2] = 1
    codes[:, 2] = 3  # an item without variance
    patterns, prior = patterns_of(codes, categories=np.full(3, 4)), GradedPrior()
    found = mode(patterns, prior=prior)
    assert np.isfinite(found.x).all() and np.isfinite(found.value)
    _, gradient = log_density(found.x, patterns=patterns, nodes=found.nodes, prior=prior)
    assert np.abs(gradient).max() < 1e-3
    bent = curvature(found.x, patterns=patterns, nodes=found.nodes, prior=prior)
    assert np.linalg.eigvalsh(bent).min() > 0


def test_the_curvature_is_that_of_the_density() -> None:
    codes, _ = table(6, 200, np.array([3, 2, 4]))
    patterns, prior = patterns_of(codes, categories=np.array([3, 2, 4])), GradedPrior()
    found = mode(patterns, prior=prior)
    bent = curvature(found.x, patterns=patterns, nodes=found.nodes, prior=prior)
    move = np.random.default_rng(0).normal(size=len(found.x)) * 1e-3
    ends = [
        log_density(found.x + s * move, patterns=patterns, nodes=found.nodes, prior=prior)[0] for s in (1, -1)
    ]
    assert 2 * found.value - sum(ends) == pytest.approx(move @ bent @ move, rel=CURVATURE_TOLERANCE)


def test_draws_of_traits_follow_their_posterior() -> None:
    """Kolmogorov-Smirnov against the distribution function by quad, coarse nodes on purpose."""
    patterns = patterns_of(CODES, categories=CATEGORIES)
    rng = np.random.default_rng(8)
    draws = trait_draws(
        patterns, np.tile(SLOPE, (4000, 1)), np.tile(INTERCEPT, (4000, 1)), nodes=trait_nodes(13), rng=rng
    )
    assert draws.shape == (4000, 7)
    fine = np.linspace(-6, 6, 6001)
    joint = node_log_likelihood(patterns, SLOPE, INTERCEPT, theta=fine) - fine**2 / 2
    density = np.exp(joint - joint.max(1, keepdims=True))
    cumulative = np.cumsum(density, 1) / density.sum(1, keepdims=True)
    for person, pattern in enumerate(patterns.inverse):
        p = kstest(draws[:, person], lambda t, at=pattern: np.interp(t, fine, cumulative[at])).pvalue
        assert p > KS_LEVEL
    assert abs(np.corrcoef(draws[:, 0], draws[:, 5])[0, 1]) < 0.06  # same pattern, separate draws


def test_simulated_answers_have_the_models_shares() -> None:
    layout = layout_of(CATEGORIES)
    rng = np.random.default_rng(9)
    codes = simulated_codes(SLOPE, INTERCEPT, theta=np.full(20000, 0.5), layout=layout, rng=rng)
    passed = 1 / (1 + np.exp(-(0.5 * SLOPE[layout.item] + INTERCEPT)))
    for at, item in enumerate(layout.item):
        rank = at - layout.start[item]
        assert (codes[:, item] > rank).mean() == pytest.approx(passed[at], abs=0.02)
    slope, intercept = prior_draw(layout, prior=GradedPrior(), rng=rng)
    assert (slope > 0).all() and (intercept[layout.upper] > intercept[layout.lower]).all()
