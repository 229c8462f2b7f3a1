"""Extraction: derivatives against differences, R's solutions, bounds, and stacks that equal single fits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from psychomet.numerics.factors.extraction import LEAST_UNIQUENESS, _evaluate, extract

# psych stops its optimiser at a relative change of 1e-8 of the criterion, which leaves 1e-5 in a loading.
R_TOLERANCE = 1e-4
EXACT = 1e-6
# Central differences with a step of 1e-5 of quantities near 1.
DIFFERENCE = 1e-5
LOADINGS = np.array([0.8, 0.7, 0.6, 0.5, 0.4, 0.3])


def one_factor(loadings: np.ndarray = LOADINGS) -> np.ndarray:
    cor = np.outer(loadings, loadings)
    np.fill_diagonal(cor, 1.0)
    return cor


def sample_cor(seed: int, n: int = 80, k: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    two = rng.normal(size=(n, 2)) @ rng.uniform(-0.2, 1, size=(2, k))
    return np.corrcoef((two + rng.normal(size=(n, k))).T)


@pytest.mark.parametrize("method", ["minres", "ml"])
@pytest.mark.parametrize("m", [1, 2])
def test_gradient_and_hessian_are_the_derivatives(method: str, m: int) -> None:
    cor, step = sample_cor(3)[None], 1e-5
    psi = np.random.default_rng(1).uniform(0.3, 0.7, size=(1, 6))
    x = psi if method == "minres" else np.log(psi)
    state = _evaluate(cor, x, m, method)
    for j in range(6):
        move = np.zeros((1, 6))
        move[0, j] = step
        up, down = _evaluate(cor, x + move, m, method), _evaluate(cor, x - move, m, method)
        assert (up.value - down.value)[0] / (2 * step) == pytest.approx(state.gradient[0, j], abs=DIFFERENCE)
        np.testing.assert_allclose(
            (up.gradient - down.gradient)[0] / (2 * step), state.hessian[0, j], atol=DIFFERENCE
        )


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_a_model_that_holds_is_found_exactly(method: str) -> None:
    found = extract(one_factor()[None], 1, method=method)
    np.testing.assert_allclose(found.loadings[0, :, 0], LOADINGS, atol=EXACT)
    assert found.converged.all()
    assert not found.heywood.any()


def test_minres_leaves_residuals_that_no_other_loadings_lower() -> None:
    cor = sample_cor(5)
    loadings = extract(cor[None], 1).loadings[0]
    off = ~np.eye(6, dtype=bool)

    def misfit(values: np.ndarray) -> float:
        return float(((cor - values @ values.T)[off] ** 2).sum())

    best = misfit(loadings)
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert misfit(loadings + rng.normal(scale=0.01, size=loadings.shape)) > best


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_a_stack_is_its_parts(method: str) -> None:
    stack = np.array([sample_cor(seed) for seed in range(20)])
    together = extract(stack, 2, method=method)
    for row in range(20):
        np.testing.assert_allclose(
            together.loadings[row], extract(stack[[row]], 2, method=method).loadings[0], atol=EXACT
        )


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_the_start_does_not_matter(method: str) -> None:
    cor = sample_cor(8)[None]
    other = extract(cor, 2, method=method, start=np.full(6, 0.9))
    np.testing.assert_allclose(extract(cor, 2, method=method).uniqueness, other.uniqueness, atol=1e-5)


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_a_heywood_case_stops_at_the_bound_and_is_told(method: str) -> None:
    cor = np.array([[1, 0.8, 0.8], [0.8, 1, 0.55], [0.8, 0.55, 1]])  # l1^2 = .8 * .8 / .55 > 1
    found = extract(cor[None], 1, method=method)
    assert found.heywood.tolist() == [[True, False, False]]
    assert found.uniqueness[0, 0] == pytest.approx(LEAST_UNIQUENESS)


def test_what_cannot_be_factored_is_nan_and_leaves_the_others_alone() -> None:
    hole, twins = one_factor(), one_factor()
    hole[0, 1] = hole[1, 0] = np.nan
    twins[0, 1] = twins[1, 0] = 1.0
    found = extract(np.array([hole, twins, one_factor()]), 1, method="ml")
    assert np.isnan(found.loadings[:2]).all()
    assert found.converged.tolist() == [False, False, True]
    np.testing.assert_allclose(found.loadings[2, :, 0], LOADINGS, atol=EXACT)


@pytest.mark.parametrize("table", ["bfi25.5", "thurstone.3"])
@pytest.mark.parametrize("method", ["minres", "ml"])
def test_unrotated_loadings_are_psychs(table: str, method: str, shared: Path) -> None:
    stored = json.loads((shared / "reference" / "04_efa.json").read_text())["results"]
    expected = np.array(stored[f"fa.{table}.{method}.none"]["loadings"]["values"])
    m = expected.shape[1]
    if table == "bfi25.5":
        cor = np.array(stored["cor.bfi25.complete"]["values"])
    else:
        own = json.loads((Path(__file__).parents[1] / "reference" / "omega.json").read_text())
        cor = np.array(own["thurstone"]["cor"])
    found = extract(cor[None], m, method=method).loadings[0]
    sign = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * sign, expected, atol=R_TOLERANCE)
