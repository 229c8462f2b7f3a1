"""Collapsed cumulative logits: the likelihood and gradient of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from psychomet.numerics.graded_cells import (
    AnswerCells,
    answer_cells,
    cell_log_likelihood,
    cells_in_effects,
    effects_in_cells,
)

SAME = 1e-9  # relative to the value; another order of the same sums
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def by_rows(
    codes: np.ndarray, eta: np.ndarray, intercept: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood of one answer per row by differences of logistic functions, and its gradient."""
    n = len(codes)
    passed = np.column_stack([np.ones(n), expit(eta[:, None] + intercept), np.zeros(n)])
    slope = passed * (1 - passed)
    row = np.arange(n)
    p = passed[row, codes] - passed[row, codes + 1]
    by_intercept = np.zeros((n, intercept.shape[1] + 2))
    by_intercept[row, codes] += slope[row, codes] / p
    by_intercept[row, codes + 1] -= slope[row, codes + 1] / p
    return float(np.log(p).sum()), by_intercept.sum(1), by_intercept[:, 1:-1]


def crossed(categories: int, sets: int, seed: int) -> tuple[Rows, list[np.ndarray], AnswerCells]:
    """A crossed table with unequal cells (some empty) and missing answers."""
    rng = np.random.default_rng(seed)
    models, items, prompts = 5, 6, 4
    model, item, prompt = (
        part.ravel() for part in np.meshgrid(*map(np.arange, (models, items, prompts)), indexing="ij")
    )
    levels = [model, item, prompt, model * items + item]
    effects = [rng.normal(0, 0.7, int(code.max()) + 1) for code in levels]
    intercept = -np.sort(rng.normal(0, 1.5, (sets, categories - 1)), axis=1)
    chosen = item % sets
    cell = rng.integers(0, len(model) - 7, 900)
    eta = effects_in_cells(effects, codes=levels)
    codes = (rng.random((900, 1)) < expit(eta[cell, None] + intercept[chosen][cell])).sum(1)
    codes[::11] = -1
    cells = answer_cells(codes, cell=cell, categories=categories, chosen=chosen)
    return (codes, cell, eta, intercept, chosen), [*levels, *effects], cells


@pytest.mark.parametrize(("categories", "sets"), [(5, 1), (5, 6), (2, 1), (3, 2), (2, 3)])
def test_the_cells_have_the_likelihood_and_gradient_of_the_rows(categories: int, sets: int) -> None:
    (codes, cell, eta, intercept, chosen), parts, cells = crossed(categories, sets, 10 * categories + sets)
    there = codes >= 0
    value, by_eta, by_intercept = by_rows(codes[there], eta[cell[there]], intercept[chosen[cell[there]]])
    found = cell_log_likelihood(cells, eta, intercept=intercept)
    assert found.value == pytest.approx(value, rel=SAME)
    np.testing.assert_allclose(
        found.predictor, np.bincount(cell[there], weights=by_eta, minlength=len(eta)), atol=SAME
    )
    expected = np.zeros_like(intercept)
    np.add.at(expected, chosen[cell[there]], by_intercept)
    np.testing.assert_allclose(found.intercept, expected, atol=SAME)
    levels = parts[:4]
    back = cells_in_effects(found.predictor, codes=levels, levels=[5, 6, 4, 30])
    for code, derivative in zip(levels, back, strict=True):
        by_level = np.zeros(len(derivative))
        np.add.at(by_level, code[cell[there]], by_eta)
        np.testing.assert_allclose(derivative, by_level, atol=SAME)


def test_far_from_the_thresholds_nothing_is_lost() -> None:
    """P = 1 - 1e-13 for one answer and 1e-13 for the other: the logs are right to rounding."""
    cells = answer_cells(
        np.array([0, 2]), cell=np.array([0, 0]), categories=3, chosen=np.zeros(1, dtype=np.int64)
    )
    intercept = np.array([[0.5, -0.5]])
    found = cell_log_likelihood(cells, np.array([-30.0]), intercept=intercept)
    lowest, highest = -np.exp(-29.5), -30.5
    assert found.value == pytest.approx(lowest + highest, rel=1e-12)


def test_outside_the_model_the_likelihood_is_zero() -> None:
    (_, _, eta, intercept, _), _, cells = crossed(4, 1, 1)
    for bad in (intercept[:, ::-1], np.full_like(intercept, np.nan), intercept - 5000):
        found = cell_log_likelihood(cells, eta, intercept=bad)
        assert found.value == -np.inf and not found.predictor.any() and not found.intercept.any()


def test_what_cannot_be_counted_is_refused() -> None:
    one = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="not a category"):
        answer_cells(np.array([3]), cell=one, categories=3, chosen=one)
    with pytest.raises(ValueError, match="no set"):
        answer_cells(np.array([1]), cell=one + 1, categories=3, chosen=one)
