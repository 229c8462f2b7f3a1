"""Coefficients as functions of the numbers of conditions, and the search for the cheapest."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.dstudy import (
    cheapest,
    coefficient,
    designs,
    errors,
    kept_effects,
    observed_errors,
)

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


def test_errors_of_complete_answers_are_those_of_the_design() -> None:
    codes = np.indices((5, 8, 4)).reshape(3, -1)
    relative, absolute = observed_errors(EFFECTS, codes)
    numbers = np.array([[8.0, 4.0]])
    np.testing.assert_allclose(relative, errors(EFFECTS, numbers, coefficient="g")[0], atol=1e-14)
    np.testing.assert_allclose(absolute, errors(EFFECTS, numbers, coefficient="phi")[0], atol=1e-14)


def test_errors_of_missing_cells_are_those_of_the_answers_there_are() -> None:
    # Respondent 0 answered items 0 and 1, respondent 1 item 1 twice as often as item 2.
    codes = np.array([[0, 0, 1, 1, 1], [0, 1, 1, 1, 2]])
    relative, absolute = observed_errors(((0,), (1,), (0, 1)), codes)
    own = (1 / 4 + 1 / 4 + 4 / 9 + 1 / 9) / 2
    np.testing.assert_allclose(absolute, [0, own, own])
    # Only item 1 is shared: shares 1/2 and 2/3.
    np.testing.assert_allclose(relative, [0, own - 1 / 2 * 2 / 3, own])


def test_relative_error_is_half_the_variance_of_a_difference() -> None:
    rng = np.random.default_rng(5)
    codes = np.indices((6, 5)).reshape(2, -1)[:, rng.random(30) < 0.7]
    item = rng.normal(size=(20_000, 5))
    share = np.zeros((6, 5))
    np.add.at(share, tuple(codes), 1)
    scores = item @ (share / share.sum(axis=1, keepdims=True)).T
    relative, _ = observed_errors(((0,), (1,), (0, 1)), codes)
    # 20,000 draws of five items: a standard error of 1 % of the variance.
    assert relative[1] == pytest.approx(scores.var(axis=1, ddof=1).mean(), rel=0.03)
