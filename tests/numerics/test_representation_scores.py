"""Scores of latents and graphs, at truths where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from psychomet.numerics.representation_scores import (
    graph_scores,
    kernel_r2,
    latent_scores,
    noise_floor,
    rotation_floor,
    supervised_ceiling,
)

BLOCKS = np.array([0, 0, 1, 1])
TRAIN, TEST = np.arange(800), np.arange(800, 1400)
EXACT = 0.985
"""Scores of the truth itself, or of increasing functions of it: below 1 by the smoothing of the ridge alone."""
SMOOTHED = 0.97
"""R2 through a bend of heavy-tailed latents from 800 rows: the tails are smoothed."""
CHANCE = 0.12
"""Scores of noise: R2 near 0, correlations of 600 rows near sqrt(2 / (pi 600)) = .03, and the larger of two."""


def truth(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).laplace(size=(1400, 4))


def scores(z: np.ndarray, h: np.ndarray):
    return latent_scores(z, h, blocks=BLOCKS, train=TRAIN, test=TEST)


def test_components_in_another_order_and_bent_are_found_wholly() -> None:
    z = truth()
    h = np.column_stack(
        [-np.arcsinh(z[:, 1]), z[:, 0] * (1 + np.abs(z[:, 0]) / 10), z[:, 2], np.arctan(z[:, 3] / 2)]
    )
    got = scores(z, h)
    np.testing.assert_array_equal(got.match, [1, 0, 2, 3])
    assert got.spearman == pytest.approx(1.0)
    assert got.block > SMOOTHED
    assert got.component > SMOOTHED
    assert got.pearson < 1 - 1e-3


def test_spearman_mcc_is_that_of_scipy() -> None:
    z = truth()
    h = z + 0.7 * truth(1)
    got = scores(z, h)
    expected = np.mean([abs(spearmanr(z[TEST, j], h[TEST, j]).statistic) for j in range(4)])
    assert got.spearman == pytest.approx(expected)
    assert got.pearson == pytest.approx(
        np.mean([abs(np.corrcoef(z[TEST, j], h[TEST, j])[0, 1]) for j in range(4)])
    )


def test_the_right_blocks_turned_have_a_full_block_score_and_not_the_components() -> None:
    z = truth()
    turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    got = scores(z, np.hstack([z[:, :2] @ turn, z[:, 2:] @ turn]))
    assert got.block > EXACT
    assert got.component < 0.65
    assert 0.6 < got.pearson < 0.8


def test_floors_lie_where_they_should() -> None:
    z = truth()
    noise = noise_floor(z, blocks=BLOCKS, train=TRAIN, test=TEST, seed=1, times=2)
    assert max(noise.block, noise.component, noise.pearson, noise.spearman) < CHANCE
    turned = rotation_floor(z, blocks=BLOCKS, train=TRAIN, test=TEST, seed=1, times=2)
    assert turned.block > EXACT
    assert noise.pearson < turned.pearson < 1


def test_noise_is_not_that_of_a_simulation_of_the_same_seed() -> None:
    """Latents that are the first numbers of a seed, as those of Gaussian simulations are."""
    z = np.random.default_rng(1).standard_normal(truth().shape)
    got = noise_floor(z, blocks=BLOCKS, train=TRAIN, test=TEST, seed=1, times=1)
    assert max(got.block, got.pearson) < CHANCE


def test_only_blocks_are_matched_within() -> None:
    z = truth()
    got = scores(z, z[:, [2, 3, 0, 1]])
    assert got.block < CHANCE
    assert got.pearson < CHANCE


def test_scores_do_not_see_the_rows_they_are_fitted_on() -> None:
    """A latent that agrees on the training rows alone has no score."""
    z = truth()
    h = truth(5)
    h[TRAIN] = z[TRAIN]
    assert scores(z, h).block < CHANCE


def test_kernel_r2_of_a_function_and_of_noise() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((1500, 2))
    y = np.column_stack([np.sin(x[:, 0]) * x[:, 1], rng.standard_normal(1500), np.full(1500, 3.0)])
    got = kernel_r2(x[:1000], y[:1000], x[1000:], y[1000:])
    assert got[0] > 0.98
    assert got[1] < CHANCE
    assert np.isnan(got[2])


def test_the_ceiling_is_what_measurements_tell() -> None:
    z = truth()
    rng = np.random.default_rng(3)
    clear = [z[:, :2] @ rng.standard_normal((2, 5)), z[:, 2:] @ rng.standard_normal((2, 5))]
    half = [x + 2 * rng.standard_normal(x.shape) for x in clear]
    ceilings = [supervised_ceiling(z, x, blocks=BLOCKS, train=TRAIN, test=TEST) for x in (clear, half)]
    assert ceilings[0] > 0.98 > ceilings[1] > CHANCE


def test_graphs() -> None:
    true = np.zeros((4, 4), bool)
    true[0, 2] = true[1, 3] = true[0, 1] = True
    match = np.array([1, 0, 2, 3])
    found = np.zeros((4, 4), bool)
    found[1, 2] = found[0, 3] = True  # the same edges, in the order of the estimates
    assert graph_scores(true, found, blocks=BLOCKS, match=match) == (0, 1.0, 1.0, 1.0)
    found[0, 3], found[3, 0] = False, True  # turned round: one wrong edge, one hit of two
    assert graph_scores(true, found, blocks=BLOCKS, match=match) == (1, 0.5, 0.5, 0.5)
    found[1, 3] = True
    assert graph_scores(true, found, blocks=BLOCKS, match=match)[0] == 2
    none = np.zeros((4, 4), bool)
    assert graph_scores(true, none, blocks=BLOCKS, match=match) == (2, 1.0, 0.0, 0.0)
