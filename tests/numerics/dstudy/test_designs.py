"""Coefficients as functions of the numbers of conditions, and the search for the cheapest."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.dstudy import cheapest, coefficient, designs, errors, kept_effects

EFFECTS = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
SIGMA = np.array([1.0, 0.3, 0.1, 0.4, 0.2, 0.05, 0.8])


def test_errors_divide_each_component_by_its_conditions() -> None:
    numbers = np.array([[8.0, 4.0]])
    assert (errors(EFFECTS, numbers, coefficient="g") @ SIGMA)[0] == pytest.approx(
        0.4 / 8 + 0.2 / 4 + 0.8 / 32
    )
    absolute = 0.3 / 8 + 0.1 / 4 + 0.4 / 8 + 0.2 / 4 + 0.05 / 32 + 0.8 / 32
    assert (errors(EFFECTS, numbers, coefficient="phi") @ SIGMA)[0] == pytest.approx(absolute)


def test_one_facet_follows_spearman_and_brown() -> None:
    effects, sigma = ((0,), (1,), (0, 1)), np.array([1.0, 0.5, 3.0])
    values = coefficient(sigma, errors(effects, designs([20]), coefficient="g"))
    k = np.arange(1, 21)
    single = 1 / 4
    np.testing.assert_allclose(values, k * single / (1 + (k - 1) * single))


def test_cheapest_takes_the_most_reliable_of_equal_cost() -> None:
    values, cost = np.array([0.7, 0.81, 0.85, 0.9]), np.array([1.0, 4.0, 4.0, 9.0])
    assert cheapest(values, cost, 0.8).at == 2
    assert cheapest(values, cost, 0.95).at == -1


def test_coefficient_of_nothing_is_not_a_number() -> None:
    assert np.isnan(coefficient(np.zeros(7), errors(EFFECTS, np.array([[1.0, 1.0]]), coefficient="g")))[0]


def test_designs_hold_every_combination_once() -> None:
    grid = designs([3, 2])
    assert grid.shape == (6, 2)
    assert {tuple(row) for row in grid} == {(a, b) for a in (1.0, 2.0, 3.0) for b in (1.0, 2.0)}


def test_replicates_keep_what_they_contain() -> None:
    nested = {4: (0, 2, 3)}
    found = kept_effects(5, nested=nested, max_order=2, replicate=4)
    assert (0, 2, 3, 4) in found
    assert (0, 2, 3) in found
    assert (0, 1, 2) not in found
