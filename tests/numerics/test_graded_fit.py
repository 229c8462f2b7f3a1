"""Likelihood of patterns, reliability and prior of draws: against what the other parts of the model say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from psychomet.numerics.graded import log_likelihood, patterns_of, trait_nodes
from psychomet.numerics.graded_density import GradedPrior
from psychomet.numerics.graded_fit import pattern_fit, prior_log_density
from psychomet.numerics.graded_simulation import prior_draw, simulated_codes
from psychomet.numerics.graded_traits import traits

SAME = 1e-10
PRIOR = GradedPrior(0.2, 0.4, 1.5)


def test_likelihood_and_reliability_are_those_of_the_model() -> None:
    rng = np.random.default_rng(1)
    categories = np.array([3, 2, 4, 3])
    layout = patterns_of(np.zeros((1, 4), dtype=np.int64), categories=categories).layout
    draws = [prior_draw(layout, prior=PRIOR, rng=rng) for _ in range(3)]
    codes = simulated_codes(*draws[0], theta=rng.normal(size=50), layout=layout, rng=rng)
    codes[3, 1] = -1
    patterns, nodes = patterns_of(codes, categories=categories), trait_nodes(81)
    slope, intercept = (np.stack(part) for part in zip(*draws, strict=True))
    found = pattern_fit(patterns, slope, intercept, nodes=nodes)
    assert found.log_likelihood.shape == (3, len(patterns.people))
    for at in range(3):
        whole = log_likelihood(patterns, slope[at], intercept[at], nodes=nodes).value
        assert found.log_likelihood[at] @ patterns.people == pytest.approx(whole, rel=SAME)
        spread = traits(patterns, slope[at], intercept[at], nodes=nodes).sd
        assert found.reliability[at] == pytest.approx(1 - np.mean(spread**2), abs=SAME)


def test_the_prior_is_normal_in_log_slopes_and_thresholds() -> None:
    slope, intercept = np.array([[0.8, 1.9], [1.0, 1.0]]), np.array([[1.0, -0.5, 0.3], [0.0, -1.0, 2.0]])
    found = prior_log_density(slope, intercept, prior=PRIOR)
    wanted = norm.logpdf(np.log(slope), 0.2, 0.4).sum(axis=1) + norm.logpdf(intercept, 0, 1.5).sum(axis=1)
    np.testing.assert_allclose(found, wanted, rtol=SAME)
