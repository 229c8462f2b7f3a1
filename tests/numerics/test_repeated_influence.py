"""Influence on correlations of repeated measures: against the change that a weight makes, and against a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.repeated_correlation import (
    repeated_correlations,
    resampled_correlations,
    respondent_sums,
)
from psychomet.numerics.repeated_influence import repeated_influence

SAME_SLOPE = 1e-5  # central differences with a step of 1e-5
STEP = 1e-5
KINDS = ("within", "between", "corrected")


def drawn(n: int, m: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), rng.integers(max(1, m - 2), m + 1, size=n))
    person = rng.normal(size=n)[who]
    x = person + rng.normal(size=who.size)
    return x, 0.6 * person + 0.3 * x + rng.normal(size=who.size), who


@pytest.mark.parametrize("kind", KINDS)
def test_influence_is_the_slope_in_the_weight_of_a_respondent(kind: str) -> None:
    x, y, who = drawn(14, 5)
    sums = respondent_sums(x, y=y, who=who)
    n = sums.number.size
    moved = np.eye(n) - 1 / n
    up, down = (
        getattr(repeated_correlations(sums, weights=1 + sign * STEP * moved), kind) for sign in (1, -1)
    )
    expected = n * (up - down) / (2 * STEP)
    found = getattr(repeated_influence(sums), kind)
    np.testing.assert_allclose(found, expected, rtol=SAME_SLOPE, atol=SAME_SLOPE)
    assert found.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_spread_of_the_influence_is_the_standard_error(kind: str) -> None:
    x, y, who = drawn(400, 5)
    sums = respondent_sums(x, y=y, who=who)
    felt = getattr(repeated_influence(sums), kind)
    error = np.sqrt(np.sum(felt**2)) / felt.size
    resampled = getattr(resampled_correlations(sums, n_boot=1000, seed=1), kind).std(ddof=1)
    assert error == pytest.approx(
        resampled, rel=0.12
    )  # four Monte Carlo errors of 1,000 resamples, and 1 / n


def test_without_a_correlation_there_is_no_influence() -> None:
    rng = np.random.default_rng(1)
    sums = respondent_sums(rng.normal(size=8), y=rng.normal(size=8), who=np.arange(8))
    found = repeated_influence(sums)
    assert np.isnan(found.within).all() and np.isfinite(found.between).all()
