"""Congruence, matching and Procrustes: psych's values, and the transformation that was applied is found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.alignment import (
    congruence,
    item_congruence,
    matched,
    matching,
    oblique_procrustes,
    procrustes,
    towards,
)
from psychomet.numerics.rotations import haar

EXACT = 1e-12
# psych stops its varimax, of which these are congruences, as stats::varimax does at 1e-12.
PSYCH_TOLERANCE = 1e-7


@pytest.fixture(scope="module")
def harman() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "reference" / "rotations.json").read_text())


def some(k: int = 12, m: int = 4, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(k, m))


def test_congruence_is_psychs(harman: dict[str, Any]) -> None:
    found = congruence(np.array(harman["stats"]["varimax"]), np.array(harman["input"]))
    np.testing.assert_allclose(found, np.array(harman["psych"]["congruence"]), atol=PSYCH_TOLERANCE)


def test_congruence_of_a_worked_example() -> None:
    first, second = np.array([[0.8], [0.6], [0.0]]), np.array([[0.6], [0.8], [0.0]])
    assert congruence(first, second)[0, 0] == pytest.approx(0.96)
    assert congruence(first, -3 * first)[0, 0] == pytest.approx(-1.0)
    assert np.isnan(congruence(first, np.zeros((3, 1)))).all()
    np.testing.assert_allclose(item_congruence(first, -second), [-1.0, -1.0, np.nan])


@pytest.mark.parametrize("m", [3, 8])
def test_order_and_signs_are_found_again(m: int) -> None:
    wanted = some(m=m)
    rng = np.random.default_rng(3)
    order, sign = rng.permutation(m), rng.choice([-1.0, 1.0], m)
    found, places, signs = matched((wanted[:, order] * sign)[None], wanted)
    np.testing.assert_allclose(found[0], wanted, atol=EXACT)
    np.testing.assert_array_equal(order[places[0]], np.arange(m))
    np.testing.assert_array_equal(signs[0], sign[places[0]])


def test_matching_takes_the_best_sum_and_not_the_best_first() -> None:
    similar = np.array([[[0.9, 0.8], [0.85, 0.1]]])
    order, sign = matching(similar)
    np.testing.assert_array_equal(order, [[1, 0]])
    np.testing.assert_array_equal(sign, [[1.0, 1.0]])
    wide = np.array([[[0.1, 0.9, 0.2], [0.8, 0.9, np.nan]]])
    np.testing.assert_array_equal(matching(wide)[0], [[1, 0]])


def test_procrustes_finds_the_rotation_again() -> None:
    loadings = some()
    turn = haar(4, n=5, seed=2)
    found, used = procrustes(np.broadcast_to(loadings, (5, 12, 4)), loadings @ turn)
    np.testing.assert_allclose(used, turn, atol=1e-10)
    np.testing.assert_allclose(found, loadings @ turn, atol=1e-10)


def test_no_orthogonal_rotation_comes_nearer_than_procrustes() -> None:
    loadings, wanted = some(), some(seed=2)
    best = ((procrustes(loadings, wanted)[0] - wanted) ** 2).sum()
    others = ((loadings @ haar(4, n=2000, seed=4) - wanted) ** 2).sum(axis=(1, 2))
    assert (others >= best).all()


def test_missing_loadings_stay_missing() -> None:
    stack = np.stack([some(), np.full((12, 4), np.nan)])
    found, turn = procrustes(stack, some(seed=2))
    assert np.isfinite(found[0]).all() and np.isnan(found[1]).all() and np.isnan(turn[1]).all()


def test_oblique_procrustes_is_psychs_target_rotation(harman: dict[str, Any]) -> None:
    varimax, full = np.array(harman["stats"]["varimax"]), np.array(harman["full"], float)
    loadings, phi = oblique_procrustes(varimax, full)
    expected = harman["psych"]["target_rot"]
    np.testing.assert_allclose(loadings, np.array(expected["loadings"]), atol=PSYCH_TOLERANCE)
    np.testing.assert_allclose(phi, np.array(expected["phi"]), atol=PSYCH_TOLERANCE)


def test_a_start_is_where_the_whole_sample_stands() -> None:
    whole = some()
    transform = haar(4, n=1, seed=7)[0]
    turned = whole @ haar(4, n=3, seed=5)
    np.testing.assert_allclose(
        turned @ towards(turned, whole, transform),
        np.broadcast_to(whole @ transform, turned.shape),
        atol=1e-10,
    )
