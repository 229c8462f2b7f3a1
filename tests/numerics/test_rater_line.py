"""Slope and scatter of a rater: their definition by covariances, the slopes of the formulas, holes, edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from psychomet.numerics import rater_line
from psychomet.numerics.cluster_sums import Fit, linear

# The same numbers summed in another order.
EXACT = 1e-10
# A difference quotient of step 1e-5 on sums of some tens.
NUMERICAL = 1e-7


def congeneric(n: int, loading: list[float], seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 1)) * loading + 0.7 * rng.standard_normal((n, len(loading)))


def sums(values: np.ndarray, rater: int) -> np.ndarray:
    there = rater_line.shared_units(values, rater)
    n = int(there.sum())
    return rater_line.line_sums(values[there], rater, cluster=np.arange(n), n_clusters=n)


def test_slope_and_scatter_are_ratios_of_covariances() -> None:
    values = congeneric(60, [1.0, 1.4, 0.6, 0.9]) + np.array([0.0, 3.0, -1.0, 10.0])
    cov = np.cov(values.T, ddof=0)
    for rater in range(4):
        others = [other for other in range(4) if other != rater]
        among = cov[np.ix_(others, others)]
        slope = cov[rater, others].mean() / among[~np.eye(3, dtype=bool)].mean()
        left = cov[rater, rater] - slope * cov[rater, others].mean()
        made = sums(values, rater)
        assert linear(made, rater_line.rater_slope).estimate == pytest.approx(slope, rel=EXACT)
        assert linear(made, rater_line.log_residual_sd).estimate == pytest.approx(np.log(left) / 2, rel=EXACT)


def test_three_raters_give_grubbs_residual_variance() -> None:
    values = congeneric(80, [1.0, 1.3, 0.8])
    cov = np.cov(values.T, ddof=0)
    made = sums(values, 0)
    # Loadings of three congeneric raters follow from their covariances; with equal others the slope is their ratio.
    expected = cov[0, 0] - (cov[0, 1] + cov[0, 2]) ** 2 / 4 / cov[1, 2]
    assert np.exp(2 * linear(made, rater_line.log_residual_sd).estimate) == pytest.approx(expected, rel=EXACT)


def test_the_plain_regression_is_flatter_by_the_reliability_of_the_mean() -> None:
    values = congeneric(200_000, [1.0, 1.0, 1.0])
    rest = values[:, 1:].mean(axis=1)
    plain = np.cov(values[:, 0], rest)[0, 1] / rest.var()
    slope = linear(sums(values, 0), rater_line.rater_slope).estimate
    # Standard errors are .004; the reliability of the mean of two raters is 1 / (1 + .49 / 2).
    assert slope == pytest.approx(1, abs=0.02)
    assert plain == pytest.approx(1 / 1.245, abs=0.02)


@pytest.mark.parametrize(
    "function",
    [
        rater_line.rater_slope,
        rater_line.log_residual_sd,
        rater_line.covariance_with,
        rater_line.covariance_among,
    ],
)
def test_slopes_of_the_formulas_are_their_derivatives(function: Callable[[np.ndarray], Fit]) -> None:
    total = sums(congeneric(40, [1.0, 0.8, 1.2]), 1).sum(axis=0)
    steps = np.eye(6) * 1e-5
    difference = (function(total + steps).value - function(total - steps).value) / 2e-5
    np.testing.assert_allclose(function(total[None]).slope[0], difference, atol=NUMERICAL)


def test_holes_leave_the_slope_where_it_is() -> None:
    values = congeneric(40_000, [0.6, 1.0, 1.0, 1.0, 1.0]) + np.array([0.0, 2.0, -2.0, 1.0, 0.0])
    values[np.random.default_rng(2).random(values.shape) < 0.3] = np.nan
    # Standard error .006.
    assert linear(sums(values, 0), rater_line.rater_slope).estimate == pytest.approx(0.6, abs=0.03)


def test_two_raters_have_no_unit_for_a_slope() -> None:
    assert not rater_line.shared_units(congeneric(10, [1.0, 1.0]), 0).any()


def test_others_who_share_nothing_give_no_slope() -> None:
    values = np.array([[1.0, 1, 2], [2, 2, 1], [3, 1, 2], [4, 2, 1]])
    assert np.isnan(linear(sums(values, 0), rater_line.rater_slope).estimate)


def test_a_rater_without_spread_has_slope_zero_and_no_scatter() -> None:
    values = congeneric(30, [1.0, 1.0, 1.0])
    values[:, 0] = 3.0
    made = sums(values, 0)
    assert linear(made, rater_line.rater_slope).estimate == pytest.approx(0, abs=EXACT)
    assert np.isnan(linear(made, rater_line.log_residual_sd).estimate)
