"""Log densities of single answers, and new answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from psychomet.numerics.crossed_answers import (
    level_moments,
    new_codes,
    new_predictors,
    normal_log_density,
    ordinal_log_density,
)

SAME = 1e-12
ERRORS = 4.5


def test_categories_have_the_probabilities_of_the_cumulative_logit() -> None:
    rng = np.random.default_rng(1)
    threshold = np.sort(rng.normal(size=(3, 4)), axis=1)
    eta, code = rng.normal(size=(3, 10)), np.arange(10) % 5
    passed = np.concatenate(
        [np.ones((3, 10, 1)), expit(eta[..., None] - threshold[:, None]), np.zeros((3, 10, 1))], axis=2
    )
    expected = np.log(passed[:, np.arange(10), code] - passed[:, np.arange(10), code + 1])
    np.testing.assert_allclose(ordinal_log_density(eta, code, threshold=threshold), expected, rtol=1e-10)
    every = np.stack([ordinal_log_density(eta[:, :1], np.array([c]), threshold=threshold) for c in range(5)])
    np.testing.assert_allclose(np.exp(every).sum(axis=0), 1, rtol=SAME)


def test_far_from_all_thresholds_no_digit_is_lost() -> None:
    """At eta = 60 the difference of the two probabilities is 0 in double precision; its logarithm is about -59."""
    found = ordinal_log_density(np.array([[60.0]]), np.array([1]), threshold=np.array([[0.0, 1.0]]))
    assert found.item() == pytest.approx(-59 + np.log(1 - np.exp(-1)), rel=1e-9)


def test_normal_answers() -> None:
    rng = np.random.default_rng(2)
    eta, y, mean, sd = rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=4), rng.uniform(0.5, 2, 4)
    found = normal_log_density(eta, y, mean=mean, residual=sd)
    np.testing.assert_allclose(found, norm.logpdf(y, eta + mean[:, None], sd[:, None]), rtol=SAME)


def test_new_answers_have_the_law_of_the_model() -> None:
    """Correlation of rows that share a level, and shares of the categories."""
    rng, draws = np.random.default_rng(3), 20_000
    level = [np.array([0, 0, 1]), np.array([0, 1, 1])]
    sd = np.array([1.0, 0.5])
    eta = np.stack([new_predictors(level, sd, rng=rng) for _ in range(draws)])
    expected = np.array([[1.25, 1.0, 0.0], [1.0, 1.25, 0.25], [0.0, 0.25, 1.25]])
    found = eta.T @ eta / draws
    spread = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / draws)
    assert (np.abs(found - expected) < ERRORS * spread).all()
    threshold = np.array([-1.0, 0.5])
    codes = new_codes(np.full(draws, 0.3), threshold=threshold, rng=rng)
    above = expit(0.3 - threshold)
    for at, p in enumerate(above):
        assert abs((codes > at).mean() - p) < ERRORS * np.sqrt(p * (1 - p) / draws)


def test_moments_by_level() -> None:
    found = level_moments(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 2]), levels=3)
    np.testing.assert_allclose(found, [[2.0, 2.0], [0.0, 0.0], [5.0, 0.0]])
