"""Confirmatory models: lavaan's estimates, units, and the coefficients that follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.one_factor import (
    _discrepancy,
    bifactor,
    item_sds,
    maximal_reliability,
    one_factor,
)

# lavaan's optimiser stops at a gradient of about 1e-6.
LAVAAN = 1e-5
BELONGS = np.repeat([0, 1, 2], 3)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "reference" / "omega.json").read_text())


def attitude(stored: dict[str, Any]) -> np.ndarray:
    return np.cov(np.array(stored["attitude"]["data"], dtype=float).T, bias=True)[None]


def test_the_one_factor_model_is_lavaans(stored: dict[str, Any]) -> None:
    cov, expected = attitude(stored), stored["attitude"]["one"]
    loadings, found = one_factor(cov)
    np.testing.assert_allclose(loadings[0], expected["loadings"], rtol=LAVAAN)
    common, unique = loadings.sum() ** 2, (found.uniqueness * item_sds(cov) ** 2).sum()
    assert common / cov.sum() == pytest.approx(expected["observed"], rel=LAVAAN)
    assert common / (common + unique) == pytest.approx(expected["implied"], rel=LAVAAN)
    assert maximal_reliability(found)[0] == pytest.approx(expected["H"], rel=LAVAAN)


def test_the_unit_of_an_item_changes_only_its_loading(stored: dict[str, Any]) -> None:
    cov = attitude(stored)
    scale = np.array([1, 10, 0.1, 1, 1, 1, 5.0])
    loadings, found = one_factor(cov)
    other, same = one_factor(cov * scale[:, None] * scale)
    np.testing.assert_allclose(other, loadings * scale, rtol=1e-6)
    assert maximal_reliability(same)[0] == pytest.approx(maximal_reliability(found)[0])


def start(cor: np.ndarray) -> dict[str, np.ndarray]:
    return {"general": np.full(9, 0.6), "group": np.full(9, 0.4), "uniqueness": np.full(9, 0.4)}


def test_the_bifactor_model_is_lavaans(stored: dict[str, Any]) -> None:
    expected = stored["thurstone"]["bifactor"]
    cor = np.array(stored["thurstone"]["cor"])[None]
    found = bifactor(cor, belongs=BELONGS, **start(cor))
    assert found.converged.all()
    np.testing.assert_allclose(found.general[0], expected["general"], rtol=LAVAAN * 10)
    np.testing.assert_allclose(found.group[0].sum(axis=1), expected["group"], rtol=LAVAAN * 10)
    assert found.general.sum() ** 2 / cor.sum() == pytest.approx(expected["hierarchical"], rel=LAVAAN)


def test_a_bifactor_model_that_holds_is_found_exactly_in_any_unit() -> None:
    general, group = np.linspace(0.5, 0.7, 9), np.linspace(0.5, 0.3, 9)
    loadings = np.zeros((9, 4))
    loadings[:, 0] = general
    loadings[np.arange(9), BELONGS + 1] = group
    cor = loadings @ loadings.T
    np.fill_diagonal(cor, 1.0)
    sd = np.arange(1.0, 10.0)
    found = bifactor((cor * sd[:, None] * sd)[None], belongs=BELONGS, **start(cor))
    np.testing.assert_allclose(found.general[0], general * sd, rtol=1e-5)
    np.testing.assert_allclose(found.group[0].sum(axis=1), group * sd, rtol=1e-5)
    np.testing.assert_allclose(found.uniqueness[0], (1 - general**2 - group**2) * sd**2, rtol=1e-5)


def test_the_gradient_is_the_derivative(stored: dict[str, Any]) -> None:
    cor = np.array(stored["thurstone"]["cor"])[None]
    x = np.random.default_rng(1).uniform(0.3, 0.6, size=(1, 27))
    x[:, 18:] = np.log(x[:, 18:])
    gradient = _discrepancy(cor, x, BELONGS, 3)[1][0]
    for place in range(27):
        move = np.zeros((1, 27))
        move[0, place] = 1e-6
        up, down = _discrepancy(cor, x + move, BELONGS, 3)[0], _discrepancy(cor, x - move, BELONGS, 3)[0]
        assert (up - down)[0] / 2e-6 == pytest.approx(gradient[place], rel=1e-5, abs=1e-6)


def test_a_matrix_that_is_not_positive_definite_has_no_fit() -> None:
    cor = np.full((1, 9, 9), 0.5)
    cor[0, np.arange(9), np.arange(9)] = 1.0
    cor[0, 0, 1] = cor[0, 1, 0] = 1.0
    found = bifactor(cor, belongs=BELONGS, **start(cor))
    assert np.isnan(found.general).all()
    assert not found.converged.any()
