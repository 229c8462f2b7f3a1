"""Ordered categories: variances of polychorics, and Green and Yang's omega."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.ordinal.influence import cell_influence, pair_variance, threshold_influence
from psychomet.numerics.ordinal.polychoric import table_correlations, thresholds
from psychomet.numerics.ordinal_omega import categorical_omega, categories, weighted_one_factor

# lavaan minimises the polychoric likelihood of each pair to about 1e-6.
LAVAAN = 2e-5
# Two samples of 400,000 answers: standard error of an omega below .001.
MONTE_CARLO = 4e-3


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "reference" / "omega.json").read_text())["ordinal"]


def test_omega_polychorics_and_loadings_are_lavaans(stored: dict[str, Any]) -> None:
    data = np.array(stored["data"], dtype=float)
    answers = categories(data)
    assert answers is not None
    found = categorical_omega(answers, np.ones((1, len(data))))
    np.testing.assert_allclose(found.cor[0], stored["polychoric"], atol=LAVAAN)
    np.testing.assert_allclose(found.loadings[0], stored["loadings"], atol=LAVAAN)
    assert found.omega[0] == pytest.approx(stored["omega"], abs=LAVAAN)


def test_the_variance_of_a_polychoric_is_lavaans(stored: dict[str, Any]) -> None:
    data = np.array(stored["data"], dtype=int) - 1
    place = 0
    for j in range(5):
        for other in range(j + 1, 5):
            table = np.zeros((1, 4, 4))
            np.add.at(table[0], (data[:, j], data[:, other]), 1)
            n = np.full(1, float(len(data)))
            margins = table.sum(axis=2), table.sum(axis=1)
            cuts = thresholds(margins[0]), thresholds(margins[1])
            felt = tuple(threshold_influence(m, cut, n[0]) for m, cut in zip(margins, cuts, strict=True))
            change = cell_influence(table, cuts, table_correlations(table).r, felt, n)
            assert pair_variance(table, margins, change, n)[0] == pytest.approx(
                stored["variance"][place], rel=1e-3
            )
            place += 1


def test_weights_choose_and_equal_weights_are_minres() -> None:
    loadings = np.array([0.9, 0.8, 0.7, 0.6])
    cor = np.outer(loadings, loadings)
    np.fill_diagonal(cor, 1.0)
    spoilt = cor.copy()
    spoilt[2, 3] = spoilt[3, 2] = 0.8
    weight = np.ones((4, 4))
    weight[2, 3] = weight[3, 2] = 1e-9
    found = weighted_one_factor(np.array([cor, spoilt]), np.array([np.ones((4, 4)), weight]))
    np.testing.assert_allclose(found, [loadings, loadings], atol=1e-6)


@pytest.mark.parametrize("scores", [np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0, 7.0])])
def test_omega_is_the_correlation_of_two_parallel_scores(scores: np.ndarray) -> None:
    """Two sets of answers with the same factor and own errors: their scores correlate by the reliability."""
    rng = np.random.default_rng(7)
    loadings = np.array([0.8, 0.7, 0.6, 0.5])
    factor = rng.normal(size=(400_000, 1))
    parts = [
        scores[
            np.digitize(
                factor * loadings + rng.normal(size=(400_000, 4)) * np.sqrt(1 - loadings**2), [-1, 0.3, 1.2]
            )
        ]
        for _ in range(2)
    ]
    truth = np.corrcoef(parts[0].sum(axis=1), parts[1].sum(axis=1))[0, 1]
    answers = categories(parts[0][:50_000])
    assert answers is not None
    found = categorical_omega(answers, np.ones((1, 50_000)))
    assert found.omega[0] == pytest.approx(truth, abs=MONTE_CARLO)


def test_weights_are_rows_drawn_so_often() -> None:
    rng = np.random.default_rng(3)
    values = np.digitize(rng.normal(size=(120, 1)) + rng.normal(size=(120, 4)), [-1, 0, 1]).astype(float)
    values[5, 2] = np.nan
    weights = rng.multinomial(120, np.full(120, 1 / 120), size=2).astype(float)
    answers = categories(values)
    assert answers is not None
    together = categorical_omega(answers, weights).omega
    for row, times in zip(together, weights, strict=True):
        drawn = categories(np.repeat(values, times.astype(int), axis=0))
        assert drawn is not None
        assert categorical_omega(drawn, np.ones((1, len(drawn.code)))).omega[0] == pytest.approx(
            row, abs=1e-6
        )


def test_a_category_of_an_item_that_a_resample_lacks() -> None:
    values = np.random.default_rng(5).integers(0, 3, size=(60, 3)).astype(float)
    values[0] = 3.0
    answers = categories(values)
    assert answers is not None
    weights = np.ones((1, 60))
    weights[0, 0] = 0
    without = categories(values[1:])
    assert without is not None
    expected = categorical_omega(without, np.ones((1, 59)))
    np.testing.assert_allclose(categorical_omega(answers, weights).cor, expected.cor, atol=1e-7)


def test_averages_are_no_categories() -> None:
    assert categories(np.random.default_rng(1).normal(size=(50, 3))) is None
    assert categories(np.ones((50, 3))) is None
