"""Comparison data: populations that have the margins and the correlations asked of them, and a plain answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import skew

from psychomet.numerics.dimensions import compare_data
from psychomet.numerics.dimensions.comparison_data import _errors, _margins, _population

# Root mean square of 105 residual correlations; a population of 10,000 alone scatters by .01 before it is adjusted.
REPRODUCED = 0.02
SMALL = 4000
SAMPLES = 100
# A standard deviation of 400 rows has an error of 4 %; the mean error of eigenvalues of 200 draws has less.
CHANCE = 0.15


def answers(n: int, seed: int, *, skewed: bool = True) -> np.ndarray:
    """Three factors of five items, r = .3, in five skewed codes."""
    rng = np.random.default_rng(seed)
    pattern = np.kron(np.eye(3), np.linspace(0.6, 0.8, 5)[:, None])
    phi = 0.3 + 0.7 * np.eye(3)
    values = rng.multivariate_normal(np.zeros(3), phi, n) @ pattern.T
    values += rng.standard_normal((n, 15)) * np.sqrt(1 - (pattern**2).sum(axis=1))
    return np.digitize(values, [0.0, 0.7, 1.2, 1.8]).astype(float) if skewed else values


def test_a_population_has_the_margins_of_the_items_and_their_correlations() -> None:
    values = answers(800, 1)
    cor = np.corrcoef(values.T)
    rng = np.random.default_rng(2)
    margins = _margins(values, 10_000, rng)
    rows, misfit = _population(margins, cor, 3, rng)
    np.testing.assert_allclose(np.sort(rows, axis=0).T, margins)
    np.testing.assert_allclose(skew(rows), skew(values), atol=0.05)
    upper = np.triu_indices(15, 1)
    found = np.corrcoef(rows.T)
    assert np.sqrt(((found - cor)[upper] ** 2).mean()) == pytest.approx(misfit, abs=1e-9)
    assert misfit < REPRODUCED
    assert _population(margins, cor, 1, rng)[1] > 3 * REPRODUCED


def test_errors_are_those_of_samples_of_that_size() -> None:
    values = answers(10_000, 3, skewed=False)
    observed = np.linalg.eigvalsh(np.corrcoef(values.T))
    rng = np.random.default_rng(4)
    ours = _errors(values, observed, 400, 200, rng)
    theirs = []
    for seed in range(200):
        cor = np.corrcoef(answers(400, 100 + seed, skewed=False).T)
        theirs.append(np.sqrt(((np.linalg.eigvalsh(cor) - observed) ** 2).mean()))
    assert ours.mean() == pytest.approx(np.mean(theirs), rel=CHANCE)


def test_three_factors_are_found_and_the_search_stops_after_them() -> None:
    values = answers(500, 5)
    found = compare_data(
        values, np.corrcoef(values.T), n=500, most=8, seed=1, population=SMALL, n_samples=SAMPLES
    )
    assert found.n_factors == 3
    assert found.error.shape == (4, SAMPLES)
    assert (np.diff(found.error.mean(axis=1))[:2] < 0).all()


def test_answers_that_are_missing_do_not_count() -> None:
    values = answers(500, 6)
    holed = values.copy()
    holed[::7, 2] = np.nan
    margins = _margins(holed, 5000, np.random.default_rng(1))
    there = holed[np.isfinite(holed[:, 2]), 2]
    lowest = np.isclose(margins[2], margins[2].min()).mean()
    assert lowest == pytest.approx((there == there.min()).mean(), abs=1e-3)


def test_the_seed_is_all_that_is_random() -> None:
    values = answers(200, 7)
    cor = np.corrcoef(values.T)
    one, two = (
        compare_data(values, cor, n=200, most=2, seed=9, population=1000, n_samples=20) for _ in range(2)
    )
    np.testing.assert_array_equal(one.error, two.error)
