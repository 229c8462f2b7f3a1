"""Rotation: GPArotation's loadings, minima, and a Schmid-Leiman solution that keeps the correlations."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.factoring import extract
from psychomet.numerics.rotation import (
    Rotation,
    best_oblimin,
    oblimin,
    schmid_leiman,
    towards,
)

# GPArotation was stopped at a projected gradient of 1e-9, or after 5000 steps just above it.
R_TOLERANCE = 1e-5
# psych rotates to a projected gradient of 1e-5, and its extraction stops at 1e-5 in a loading.
PSYCH_TOLERANCE = 1e-4
EXACT = 1e-10


@pytest.fixture(scope="module")
def thurstone() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "reference" / "omega.json").read_text())["thurstone"]


def aligned(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The columns in the order and with the signs of what is expected."""
    m = expected.shape[1]
    order = max(
        permutations(range(m)), key=lambda p: np.abs((found[:, list(p)] * expected).sum(axis=0)).sum()
    )
    part = found[:, list(order)]
    return part * np.sign((part * expected).sum(axis=0))


@pytest.mark.parametrize(
    ("name", "gamma", "kaiser"), [("raw", 0.0, False), ("kaiser", 0.0, True), ("gamma_minus_1", -1.0, False)]
)
def test_oblimin_is_gparotations(name: str, gamma: float, kaiser: bool, thurstone: dict[str, Any]) -> None:
    loadings = np.array(thurstone["unrotated"])
    found = oblimin(loadings[None], gamma=gamma, kaiser=kaiser, tolerance=1e-9)
    expected = np.array(thurstone[name])
    np.testing.assert_allclose(aligned(found.loadings[0], expected), expected, atol=R_TOLERANCE)
    assert found.converged.all()


def test_rotation_keeps_the_model_and_columns_of_t_have_length_one(thurstone: dict[str, Any]) -> None:
    loadings = np.array(thurstone["unrotated"])
    found = oblimin(loadings[None])
    np.testing.assert_allclose(
        found.loadings[0] @ found.phi[0] @ found.loadings[0].T, loadings @ loadings.T, atol=EXACT
    )
    np.testing.assert_allclose(np.diagonal(found.phi[0]), 1.0, atol=EXACT)


def test_random_starts_find_the_lower_of_two_minima() -> None:
    """Independent clusters: the simple structure is the minimum; a bad start may end elsewhere."""
    pattern = np.kron(np.eye(4), np.full((4, 1), 0.7))
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    best, plain = best_oblimin(pattern @ turn, seed=5)
    assert best.value[0] == pytest.approx(0.0, abs=1e-12)
    assert plain.value[0] >= best.value[0]
    np.testing.assert_allclose(aligned(best.loadings[0], pattern), pattern, atol=1e-5)


def test_a_resample_is_turned_to_the_factors_of_the_sample(thurstone: dict[str, Any]) -> None:
    cor = np.array(thurstone["cor"])
    whole = extract(cor[None], 3)
    sample = oblimin(whole.loadings)
    rng = np.random.default_rng(4)
    cors = np.array([np.corrcoef(rng.multivariate_normal(np.zeros(9), cor, 400).T) for _ in range(30)])
    parts = extract(cors, 3)
    found = oblimin(parts.loadings, start=towards(parts.loadings, whole.loadings[0], sample.transform[0]))
    agreement = (found.loadings * sample.loadings).sum(axis=1) / np.sqrt(
        (found.loadings**2).sum(axis=1) * (sample.loadings**2).sum(axis=1)
    )
    assert agreement.min() > 0.85


@pytest.mark.parametrize("groups", ["two", "three"])
def test_schmid_leiman_is_psychs(groups: str, thurstone: dict[str, Any]) -> None:
    expected = thurstone[groups]
    sl = np.array(expected["sl"])
    found = extract(np.array(thurstone["cor"])[None], sl.shape[1] - 1)
    tree = schmid_leiman(oblimin(found.loadings))
    np.testing.assert_allclose(tree.general[0], sl[:, 0], atol=PSYCH_TOLERANCE)
    np.testing.assert_allclose(aligned(tree.group[0], sl[:, 1:]), sl[:, 1:], atol=PSYCH_TOLERANCE)


def test_schmid_leiman_with_three_groups_keeps_the_correlations(thurstone: dict[str, Any]) -> None:
    found = extract(np.array(thurstone["cor"])[None], 3)
    tree = schmid_leiman(oblimin(found.loadings))
    model = np.outer(tree.general[0], tree.general[0]) + tree.group[0] @ tree.group[0].T
    np.testing.assert_allclose(model, found.loadings[0] @ found.loadings[0].T, atol=1e-6)


def test_turning_a_group_factor_changes_no_general_loading(thurstone: dict[str, Any]) -> None:
    found = oblimin(extract(np.array(thurstone["cor"])[None], 3).loadings)
    turn = np.diag([1.0, -1.0, 1.0])
    turned = Rotation(
        found.loadings @ turn, turn @ found.phi @ turn, found.transform @ turn, found.value, found.converged
    )
    np.testing.assert_allclose(schmid_leiman(turned).general, schmid_leiman(found).general, atol=1e-6)


def test_missing_loadings_stay_missing() -> None:
    stack = np.stack([np.full((6, 2), np.nan), np.kron(np.eye(2), np.full((3, 1), 0.6))])
    found = oblimin(stack)
    assert np.isnan(found.loadings[0]).all()
    np.testing.assert_allclose(found.loadings[1], stack[1], atol=1e-6)
