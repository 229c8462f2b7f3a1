"""Covariances without one row: against the table with the row deleted."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.consistency import alpha, item_rest_correlation
from psychomet.numerics.left_out import (
    alpha_left_out,
    correlation_limits,
    correlations_left_out,
    item_rest_left_out,
    left_out,
    pseudo_influence,
)
from psychomet.numerics.moments import covariance, moments

# The same sums in another order, after a shift by 100.
TOLERANCE = 1e-9


def table(holes: bool, n: int = 40, k: int = 5) -> np.ndarray:
    rng = np.random.default_rng(8)
    x = 100 + rng.normal(size=(n, 1)) + rng.normal(size=(n, k)) * [1.0, 2.0, 0.5, 1.0, 3.0]
    x[rng.random(x.shape) < (0.15 if holes else 0)] = np.nan
    return x


def limits(r: np.ndarray, without: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, ...]:
    return correlation_limits(r, without, n=np.full(r.shape, float(len(without))), conf_level=level)


@pytest.mark.parametrize("holes", [False, True])
def test_they_are_those_of_the_table_without_the_row(holes: bool) -> None:
    x = table(holes)
    sums = moments(x)
    left = left_out(x, sums, covariance(sums))
    alphas, rest = alpha_left_out(left), item_rest_left_out(left)
    for row in range(len(x)):
        cov = covariance(moments(np.delete(x, row, axis=0)))
        np.testing.assert_allclose(left.own[row], np.diagonal(cov), rtol=TOLERANCE)
        np.testing.assert_allclose(left.row[row], cov.sum(axis=1), rtol=TOLERANCE)
        assert left.total[row] == pytest.approx(cov.sum(), rel=TOLERANCE)
        assert alphas[row] == pytest.approx(alpha(cov), rel=TOLERANCE)
        np.testing.assert_allclose(rest[row], item_rest_correlation(cov), rtol=TOLERANCE)


def test_correlations_are_those_of_the_columns_without_the_row() -> None:
    x = table(False)[:, :3]
    found = correlations_left_out(x)
    for row in range(len(x)):
        expected = np.corrcoef(np.delete(x, row, axis=0).T)[np.triu_indices(3, 1)]
        np.testing.assert_allclose(found[row], expected, rtol=TOLERANCE)


def test_the_jackknife_error_of_a_mean_is_the_usual_one() -> None:
    x = table(False)[:, 0]
    without = (x.sum() - x) / (x.size - 1)
    felt = pseudo_influence(without)
    error = np.sqrt((felt**2).sum() / (x.size * (x.size - 1)))
    assert error == pytest.approx(x.std(ddof=1) / np.sqrt(x.size))
    np.testing.assert_allclose(felt, x - x.mean(), atol=TOLERANCE)


def test_limits_lie_around_the_correlation_and_are_named_missing_where_there_are_none() -> None:
    x = table(False)
    without = correlations_left_out(x[:, :2])
    r = np.array([np.corrcoef(x[:, 0], x[:, 1])[0, 1]])
    error, low, high = limits(r, without)
    assert (low < r).all()
    assert (high > r).all()
    assert (limits(r, without, 0.8)[1] > low).all()
    # Half the width on the scale atanh is t times the error there.
    assert np.arctanh(high) - np.arctanh(low) == pytest.approx(2 * 2.022690920 * error / (1 - r**2), rel=1e-6)
    for bad in (np.array([1.0]), np.array([np.nan])):
        assert np.isnan(limits(bad, without)).all()
    assert np.isnan(limits(r, without[:3])).all()


def test_one_row_that_alone_makes_a_column_vary_leaves_no_limits() -> None:
    x = table(False)
    x[1:, 0] = 3.0
    without = correlations_left_out(x[:, :2])
    assert np.isnan(without[0]).all()
    assert np.isnan(limits(np.array([0.2]), without)[1]).all()
    sums = moments(x)
    assert np.isnan(item_rest_left_out(left_out(x, sums, covariance(sums)))[0, 0])


def test_two_rows_leave_nothing() -> None:
    x = table(False, n=2)
    sums = moments(x)
    assert np.isnan(left_out(x, sums, covariance(sums)).total).all()
