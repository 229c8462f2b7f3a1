"""Lower bounds and split halves: psych's values, brute force, gradients, and the solver's own certificate."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.lower_bounds import (
    Bound,
    greatest_lower_bound,
    guttman_lambda,
    measurement_error,
    through_correlation,
)
from psychomet.numerics.split_half import (
    all_splits,
    mean_split,
    spearman_brown,
    split_coefficient,
    split_extremes,
)

# R prints 15 digits; the same sums in another order.
R_TOLERANCE = 1e-10
# Rcsdp stops at a relative gap of 1e-8; ours at 1e-10.
SDP_TOLERANCE = 1e-7
# Central differences with steps of 1e-5.
SLOPE_TOLERANCE = 1e-8
# The solution of the barrier problem is known to the gap, its slope to the root of it.
DUAL_TOLERANCE = 1e-5
SCALES = ["agree", "conscientious", "extraversion", "neuroticism", "openness"]


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    folder = Path(__file__).parents[1] / "reference"
    return json.loads((folder / "reliability_classical.json").read_text())


def correlations(cov: np.ndarray) -> np.ndarray:
    spread = np.sqrt(np.diagonal(cov))
    return cov / np.outer(spread, spread)


def sample_cov(k: int, n: int = 80, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cov((rng.normal(size=(n, 1)) + rng.normal(size=(n, k))).T)


def differences(function: Callable[[np.ndarray], Bound], cov: np.ndarray, size: float = 1e-5) -> np.ndarray:
    k = len(cov)
    out = np.zeros((k, k))
    for i in range(k):
        for j in range(i, k):
            step = np.zeros((k, k))
            step[i, j] = step[j, i] = size
            change = (function(cov + step).value - function(cov - step).value) / (2 * size)
            out[i, j] = out[j, i] = change / (1 if i == j else 2)
    return out


@pytest.mark.parametrize("scale", SCALES)
def test_bfi_equals_psych(scale: str, r: dict[str, Any]) -> None:
    expected = r["bfi"][scale]
    cov = np.array(expected["cov"])
    cor = correlations(cov)
    for number, value in expected["lambda"].items():
        assert guttman_lambda(cor, number=int(number)).value == pytest.approx(value, abs=R_TOLERANCE)
    assert greatest_lower_bound(cov).value == pytest.approx(expected["glb"], abs=SDP_TOLERANCE)
    assert measurement_error(cov).value * 5 == pytest.approx(expected["sem_of_the_sum"], abs=R_TOLERANCE)
    ends = split_extremes(cor[None], seed=1)
    assert split_coefficient(cor, signs=ends.high[0]).value == pytest.approx(expected["split_max"])
    assert split_coefficient(cor, signs=ends.low[0]).value == pytest.approx(expected["split_min"])
    assert mean_split(cor).value == pytest.approx(expected["split_mean"], abs=R_TOLERANCE)
    assert ends.exact


def test_psych_2_2_9_missed_the_best_split_of_an_odd_number(r: dict[str, Any]) -> None:
    expected = r["bfi"]["conscientious"]
    assert expected["split_max"] == pytest.approx(0.744147, abs=5e-7)
    assert expected["split_max_2.2.9"] == pytest.approx(0.729802, abs=5e-7)


def test_attitude_equals_psych_for_both_matrices(r: dict[str, Any], attitude: np.ndarray) -> None:
    expected = r["attitude"]
    cov, cor = np.cov(attitude.T), np.corrcoef(attitude.T)
    for number in (1, 2, 3, 5, 6):
        assert guttman_lambda(cor, number=number).value == pytest.approx(
            expected["guttman"][f"lambda.{number}"], abs=R_TOLERANCE
        )
        assert guttman_lambda(cov, number=number).value == pytest.approx(
            expected["covariance"][f"lambda{number}"], abs=R_TOLERANCE
        )
    for matrix, name in ((cor, "split_r"), (cov, "split_cov")):
        ends = split_extremes(matrix[None], seed=1)
        assert split_coefficient(matrix, signs=ends.high[0]).value == pytest.approx(expected[name]["max"])
        assert split_coefficient(matrix, signs=ends.low[0]).value == pytest.approx(expected[name]["min"])
        assert mean_split(matrix).value == pytest.approx(expected[name]["mean"], abs=R_TOLERANCE)


def test_sixteen_items_equal_psych(r: dict[str, Any]) -> None:
    cor = np.array(r["ability"]["cor"])
    ends = split_extremes(cor[None], seed=1)
    assert split_coefficient(cor, signs=ends.high[0]).value == pytest.approx(r["ability"]["max"])
    assert split_coefficient(cor, signs=ends.low[0]).value == pytest.approx(r["ability"]["min"])
    assert mean_split(cor).value == pytest.approx(r["ability"]["mean"], abs=R_TOLERANCE)


def test_thurstones_glb_equals_psych(r: dict[str, Any]) -> None:
    cor = np.array(r["thurstone"]["cor"])
    assert greatest_lower_bound(cor).value == pytest.approx(r["thurstone"]["glb"], abs=SDP_TOLERANCE)


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6])
def test_gradients_are_those_of_the_values(number: int) -> None:
    cov = sample_cov(6)
    found = guttman_lambda(cov, number=number)
    expected = differences(lambda c: guttman_lambda(c, number=number), cov)
    np.testing.assert_allclose(found.gradient, expected, atol=SLOPE_TOLERANCE)
    cor = guttman_lambda(correlations(cov), number=number).gradient
    expected = differences(lambda c: guttman_lambda(correlations(c), number=number), cov)
    np.testing.assert_allclose(through_correlation(cor, cov), expected, atol=SLOPE_TOLERANCE)


def test_gradients_of_the_others() -> None:
    cov = sample_cov(5)
    signs = all_splits(5)[3]
    for function, tolerance in (
        (measurement_error, SLOPE_TOLERANCE),
        (mean_split, SLOPE_TOLERANCE),
        (lambda c: split_coefficient(c, signs=signs), SLOPE_TOLERANCE),
        (greatest_lower_bound, DUAL_TOLERANCE),
    ):
        np.testing.assert_allclose(function(cov).gradient, differences(function, cov), atol=tolerance)


def test_a_stack_gives_what_its_matrices_give() -> None:
    stack = np.array([sample_cov(6, seed=seed) for seed in range(4)]).reshape(2, 2, 6, 6)
    for function in (
        *(lambda c, number=number: guttman_lambda(c, number=number) for number in (1, 2, 3, 5, 6)),
        measurement_error,
        mean_split,
        greatest_lower_bound,
    ):
        found = function(stack)
        for at in np.ndindex(2, 2):
            alone = function(stack[at])
            assert found.value[at] == pytest.approx(float(alone.value), abs=SDP_TOLERANCE)
            np.testing.assert_allclose(found.gradient[at], alone.gradient, atol=DUAL_TOLERANCE)


@pytest.mark.parametrize(("k", "n"), [(4, 10), (8, 30), (15, 200)])
def test_the_greatest_lower_bound_is_above_every_other(k: int, n: int) -> None:
    for seed in range(5):
        cov = sample_cov(k, n, seed)
        glb = float(greatest_lower_bound(cov).value)
        ends = split_extremes(cov[None], seed=1)
        others = [float(guttman_lambda(cov, number=number).value) for number in (1, 2, 3, 5, 6)]
        others.append(float(split_coefficient(cov, signs=ends.high[0]).value))
        assert glb >= max(others) - SDP_TOLERANCE
        assert glb <= 1 + SDP_TOLERANCE
        assert others[0] <= others[2] <= others[1]


def test_three_items_with_one_factor_reach_the_reliability() -> None:
    # A just identified factor model without a Heywood case: the glb is the reliability of the sum.
    loadings, errors = np.array([0.9, 0.7, 0.5]), np.array([0.3, 0.5, 0.8])
    cov = np.outer(loadings, loadings) + np.diag(errors)
    expected = loadings.sum() ** 2 / (loadings.sum() ** 2 + errors.sum())
    assert greatest_lower_bound(cov).value == pytest.approx(expected, abs=SDP_TOLERANCE)


def test_singular_and_impossible_matrices() -> None:
    cov = sample_cov(4)
    twice = np.block([[cov, cov[:, :1]], [cov[:1], cov[:1, :1]]])
    assert np.isnan(guttman_lambda(twice, number=6).value)
    assert 0 < greatest_lower_bound(twice).value <= 1
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    assert np.isnan(greatest_lower_bound(impossible).value)
    assert np.isnan(greatest_lower_bound(np.full((3, 3), np.nan)).value)
    assert np.isnan(guttman_lambda(np.array([[1.0, -1.0], [-1.0, 1.0]]), number=3).value)
    assert np.isnan(measurement_error(np.ones((3, 3))).value)


@pytest.mark.parametrize(("k", "count"), [(2, 1), (3, 3), (4, 3), (5, 10), (6, 10), (16, 6435)])
def test_all_splits_are_all_and_once(k: int, count: int) -> None:
    signs = all_splits(k)
    assert signs.shape == (count, k)
    halves = {frozenset([frozenset(np.flatnonzero(s > 0)), frozenset(np.flatnonzero(s < 0))]) for s in signs}
    assert len(halves) == count
    assert set(np.abs(signs.sum(axis=1))) == {k % 2}


def test_extremes_are_those_of_brute_force_and_of_the_search() -> None:
    for k in (5, 9, 14):
        cov = sample_cov(k)
        brute = [
            1 - (cov[np.ix_(a, a)].sum() + cov[np.ix_(b, b)].sum() - 2 * cov[np.ix_(a, b)].sum()) / cov.sum()
            for a in map(list, combinations(range(k), k // 2))
            for b in [[j for j in range(k) if j not in a]]
        ]
        for limit in (20, 2):
            ends = split_extremes(cov[None], seed=1, exact_items=limit)
            assert split_coefficient(cov, signs=ends.high[0]).value == pytest.approx(max(brute))
            assert split_coefficient(cov, signs=ends.low[0]).value == pytest.approx(min(brute))
            assert ends.exact == (limit == 20)


def test_the_mean_split_of_an_even_number_is_alpha() -> None:
    cov = sample_cov(8)
    assert mean_split(cov).value == pytest.approx(float(guttman_lambda(cov, number=3).value))


def test_spearman_brown() -> None:
    assert spearman_brown(0.6) == pytest.approx(0.75)
    assert spearman_brown(0.6, factor=1) == pytest.approx(0.6)
    cov = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert split_coefficient(cov, signs=np.array([1, -1])).value == pytest.approx(float(spearman_brown(0.5)))


@pytest.fixture(scope="module")
def attitude() -> np.ndarray:
    folder = Path(__file__).parents[1] / "reference"
    return np.array(json.loads((folder / "reliability.json").read_text())["data"], dtype=float)
