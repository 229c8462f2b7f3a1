"""Bootstrap of covariance matrices: against repeated rows, and against what exists for alpha."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.alpha_bootstrap import bootstrap_alpha
from psychomet.numerics.alpha_influence import alpha_influence, alpha_standardized_influence
from psychomet.numerics.covariance_bootstrap import (
    correlation_influence,
    covariance_influence,
    quadratic_errors,
    resampled_moments,
)
from psychomet.numerics.lower_bounds import guttman_lambda, through_correlation
from psychomet.numerics.moments import correlation, covariance, moments
from psychomet.numerics.resample import resample_weights

# The same sums in another order.
TOLERANCE = 1e-10


def values(holes: bool, n: int = 90) -> np.ndarray:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 1)) + rng.normal(size=(n, 5)) + 100
    x[rng.random(x.shape) < (0.08 if holes else 0)] = np.nan
    return x


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_moments_are_those_of_the_repeated_rows(holes: bool, clustered: bool) -> None:
    x = values(holes)
    unit = np.repeat(np.arange(45), 2) if clustered else None
    weights = np.concatenate(list(resample_weights(90, n_boot=6, seed=2, unit=unit)))
    blocks = list(resampled_moments(x, n_boot=6, seed=2, unit=unit))
    cov, cor = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("cov", "cor"))
    for number, times in enumerate(weights):
        sums = moments(np.repeat(x, times.astype(int), axis=0))
        np.testing.assert_allclose(cov[number], covariance(sums), rtol=TOLERANCE)
        np.testing.assert_allclose(cor[number], correlation(sums), rtol=TOLERANCE)


def test_an_item_that_does_not_vary_in_a_resample_has_no_correlation() -> None:
    x = np.zeros((6, 2))
    x[:, 0] = np.arange(6)
    x[0, 1] = 1.0
    block = next(resampled_moments(x, n_boot=50, seed=1))
    without = block.weights[:, 0] == 0
    assert without.any()
    assert np.isnan(block.cor[without, 0, 1]).all()
    assert np.isfinite(block.cor[~without, 0, 1]).all()


@pytest.mark.parametrize("holes", [False, True])
def test_influence_is_alphas(holes: bool) -> None:
    x = values(holes)
    sums = moments(x)
    cov, cor = covariance(sums), correlation(sums)
    found = covariance_influence(x, sums, cov, guttman_lambda(cov, number=3).gradient)
    np.testing.assert_allclose(found, alpha_influence(x, sums), atol=TOLERANCE)
    found = correlation_influence(x, sums, cor, guttman_lambda(cor, number=3).gradient)
    np.testing.assert_allclose(found, alpha_standardized_influence(x, sums, cor), atol=TOLERANCE)


@pytest.mark.parametrize("number", [2, 6])
def test_influence_is_the_change_when_a_row_is_left_out(number: int) -> None:
    x = values(False, n=2000)
    sums = moments(x)
    cov = covariance(sums)
    bound = guttman_lambda(cov, number=number)
    influence = covariance_influence(x, sums, cov, bound.gradient)
    for row in (0, 700, 1999):
        without = guttman_lambda(np.cov(np.delete(x, row, axis=0).T), number=number).value
        assert (bound.value - without) * 1999 == pytest.approx(influence[row], abs=0.02)


@pytest.mark.parametrize("clustered", [False, True])
def test_errors_in_resamples_are_alphas(clustered: bool) -> None:
    x = values(False)
    unit = np.repeat(np.arange(45), 2) if clustered else None
    expected = bootstrap_alpha(x, n_boot=40, seed=5, unit=unit)
    block = next(resampled_moments(x, n_boot=40, seed=5, unit=unit))
    raw = guttman_lambda(block.cov, number=3)
    np.testing.assert_allclose(raw.value, expected.raw, rtol=TOLERANCE)
    np.testing.assert_allclose(
        quadratic_errors(x, block, raw.gradient, unit=unit), expected.raw_error, rtol=1e-8
    )
    standard = guttman_lambda(block.cor, number=3)
    gradient = through_correlation(standard.gradient, block.cov)
    np.testing.assert_allclose(standard.value, expected.standardized, rtol=TOLERANCE)
    np.testing.assert_allclose(
        quadratic_errors(x, block, gradient, unit=unit), expected.standardized_error, rtol=1e-8
    )
