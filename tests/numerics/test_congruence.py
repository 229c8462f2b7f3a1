"""Congruence of two groups: brought to common factors, resampled, permuted, and set against chance."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.congruence import (
    Alignment,
    Target,
    basic_interval,
    brought,
    by_chance,
    congruences,
    correlations,
    pairing,
    permuted,
    resampled,
    share_at_least,
    share_at_most,
)
from psychomet.numerics.factors import extract
from psychomet.numerics.rotations import arranged, haar, rule, search

EXACT = 1e-10
# Bootstrap rotations stop at a projected gradient of 1e-5.
ROTATED = 1e-3
PATTERN = np.kron(np.eye(3), np.linspace(0.5, 0.8, 5)[:, None])


def population(pattern: np.ndarray) -> np.ndarray:
    cor = pattern @ (0.3 + 0.7 * np.eye(3)) @ pattern.T
    np.fill_diagonal(cor, 1.0)
    return cor


def target_of(cor: np.ndarray, alignment: Alignment = "procrustes") -> Target:
    found = extract(cor[None], 3)
    best = arranged(search(found.loadings[0], chosen=rule("oblimin"), seed=1).best)
    return Target(
        found.loadings[0], best.transform[0], best.loadings[0], found.uniqueness[0], "minres",
        rule("oblimin"), alignment,
    )  # fmt: skip


def answers(n: int, seed: int, pattern: np.ndarray = PATTERN) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(np.zeros(15), population(pattern), n)


@pytest.mark.parametrize("alignment", ["procrustes", "own"])
def test_the_common_solution_is_brought_to_itself(alignment: Alignment) -> None:
    cor = population(PATTERN)
    target = target_of(cor, alignment)
    found = brought(np.stack([cor, np.full_like(cor, np.nan)]), target)
    np.testing.assert_allclose(found[0], target.rotated, atol=ROTATED if alignment == "own" else 1e-6)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(congruences(found[0], found[0]), 1.0, atol=EXACT)


def test_own_rotation_keeps_a_different_pattern_apart_at_least_as_much() -> None:
    other = PATTERN.copy()
    other[0] = [0.1, 0.6, 0.0]
    cors = np.stack([population(PATTERN), population(other)])
    phi = {}
    for alignment in ("procrustes", "own"):
        found = brought(cors, target_of(cors.mean(axis=0), alignment))
        phi[alignment] = congruences(found[0], found[1])[-1]
    assert 0.8 < phi["own"] <= phi["procrustes"] + 0.01 < 1.0


def test_all_entries_together_come_last() -> None:
    first, second = np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[1.0, 1.0], [0.0, 2.0]])
    np.testing.assert_allclose(congruences(first, second), [1 / np.sqrt(2), 2 / np.sqrt(5), 5 / 6])


def test_shared_respondents_are_paired() -> None:
    pair = pairing(np.zeros((3, 2)), np.ones((3, 2)), np.array(["a", "c", "d"]), np.array(["d", "b", "a"]))
    assert {tuple(row) for row in pair.common} == {(0, 2), (2, 0)}
    np.testing.assert_array_equal(pair.lone_first, [1])
    np.testing.assert_array_equal(pair.lone_second, [1])


def test_respondents_with_the_same_answers_twice_are_congruent_in_every_resample() -> None:
    """Only if both of their answers are drawn together."""
    values = answers(150, 1)
    target = target_of(correlations(values))
    same = pairing(values, values, np.arange(150), np.arange(150))
    np.testing.assert_allclose(resampled(same, target, n_boot=20, seed=1), 1.0, atol=EXACT)
    apart = pairing(values, values, np.arange(150), np.arange(150) + 150)
    assert resampled(apart, target, n_boot=20, seed=1).max() < 0.999


def test_permutations_do_not_see_means_and_spreads() -> None:
    first, second = answers(200, 1), 5 + 3 * answers(200, 2)
    cors = np.stack([correlations(first), correlations(second)])
    target = target_of(cors.mean(axis=0))
    observed = congruences(*brought(cors, target))
    pair = pairing(first, second, np.arange(200), np.arange(200) + 200)
    null = permuted(pair, target, n_permutations=100, seed=1)
    assert null.shape == (100, 4)
    assert share_at_most(null, observed)[-1] > 0.01
    # Without standardising, 5 against 0 would make one big factor of the difference in means.
    assert null[:, -1].mean() > 0.9


def test_a_permutation_within_respondents_leaves_the_lot_as_it_is() -> None:
    values = answers(120, 3)
    target = target_of(correlations(values))
    same = pairing(values, values, np.arange(120), np.arange(120))
    np.testing.assert_allclose(permuted(same, target, n_permutations=10, seed=1), 1.0, atol=EXACT)


def test_holes_are_used_pairwise() -> None:
    first, second = answers(200, 4), answers(200, 5)
    first[:50, 0] = np.nan
    target = target_of(population(PATTERN))
    pair = pairing(first, second, np.arange(200), np.arange(200) + 200)
    assert np.isfinite(resampled(pair, target, n_boot=10, seed=1)).all()
    assert np.isfinite(permuted(pair, target, n_permutations=10, seed=1)).all()


def test_chance_is_far_above_zero_after_rotation_and_far_below_one() -> None:
    loadings = np.stack([PATTERN, PATTERN @ haar(3, n=1, seed=1)[0]])
    observed, chance = by_chance(loadings[0], loadings[1], n_permutations=500, seed=1)
    np.testing.assert_allclose(observed, 1.0, atol=EXACT)
    assert 0.3 < chance[:, -1].mean() < 0.8
    assert share_at_least(chance, observed)[-1] == pytest.approx(1 / 501)


def test_p_values_count_the_observed_value_itself() -> None:
    null = np.array([[0.9], [0.8], [0.95], [np.nan]])
    np.testing.assert_allclose(share_at_most(null, np.array([0.85])), [2 / 4])
    np.testing.assert_allclose(share_at_least(null, np.array([0.99])), [1 / 4])


def test_the_interval_takes_the_sampling_error_out() -> None:
    """Where resamples lie .02 below the data, the data lie about .02 below the population."""
    rng = np.random.default_rng(1)
    replicates = 0.94 + 0.01 * rng.normal(size=(4000, 1))
    found = basic_interval(np.array([0.96]), replicates, 0.95)
    assert found.corrected[0] == pytest.approx(0.98, abs=1e-3)
    assert found.low[0] == pytest.approx(0.98 - 0.0196, abs=2e-3)
    assert found.high[0] == pytest.approx(0.98 + 0.0196, abs=2e-3)
    held = basic_interval(np.array([0.99]), replicates, 0.95)
    assert held.corrected[0] == held.high[0] == 1.0
    assert np.isnan(basic_interval(np.array([0.9]), np.full((5, 1), np.nan), 0.95).low[0])
