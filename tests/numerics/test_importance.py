"""Smoothed importance weights: against ArviZ, and against distributions whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from psychomet.numerics.importance import (
    cumulative_distance,
    leave_one_out,
    power_sensitivity,
    smoothed_weights,
)

SAME = 1e-10
# Monte Carlo error of a mean over 4,000 draws, a few times over.
SAMPLED = 0.05


def cases() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [
        rng.normal(size=1000),
        3 * rng.normal(size=1000),
        rng.standard_t(2, 4000),
        0.01 * rng.normal(size=200),
    ]


@pytest.mark.parametrize("number", range(4))
def test_weights_are_those_of_arviz(number: int) -> None:
    arviz = pytest.importorskip("arviz")
    if not hasattr(arviz, "psislw"):
        pytest.skip("this ArviZ has no function of that name")
    ratio = cases()[number]
    theirs, shape = arviz.psislw(ratio.copy())
    ours = smoothed_weights(ratio)
    np.testing.assert_allclose(ours.log_weight, theirs, atol=SAME)
    assert ours.shape == pytest.approx(float(shape), abs=SAME)
    assert logsumexp(ours.log_weight) == pytest.approx(0, abs=SAME)


def test_equal_and_few_weights() -> None:
    even = smoothed_weights(np.zeros(100))
    assert even.shape == -np.inf and np.allclose(even.log_weight, -np.log(100))
    assert smoothed_weights(np.array([0.0, 1.0, 2.0])).shape == np.inf


def test_sensitivity_is_that_of_arviz() -> None:
    arviz = pytest.importorskip("arviz")
    if not hasattr(arviz, "psens"):
        pytest.skip("this ArviZ has no function of that name")
    rng = np.random.default_rng(2)
    x = rng.normal(1.0, 0.7, (4, 500))
    log_prior = norm.logpdf(x)
    dims = ("chain", "draw")
    groups = {"posterior": xr.Dataset({"x": (dims, x)}), "log_prior": xr.Dataset({"x": (dims, log_prior)})}
    found = arviz.InferenceData(**groups)
    theirs = float(arviz.psens(found, component="prior")["x"])
    ours, _ = power_sensitivity(x.reshape(1, -1), log_prior.ravel())
    assert ours[0] == pytest.approx(theirs, rel=1e-6)


def test_a_weak_prior_moves_nothing_and_a_strong_one_does() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(2.0, 1.0, 4000)
    weak, _ = power_sensitivity(x[None], norm.logpdf(x, scale=100.0))
    strong, shape = power_sensitivity(x[None], norm.logpdf(x, scale=1.0))
    assert weak[0] < 0.01 < 0.05 < strong[0] and shape < 0.7
    assert cumulative_distance(x, np.full(4000, 1 / 4000)) == pytest.approx(0, abs=1e-6)


def test_left_out_density_of_a_normal_mean() -> None:
    """Known in closed form: with a flat prior a unit left out is normal about the mean of the others."""
    rng = np.random.default_rng(4)
    n = 30
    y = rng.normal(size=n)
    draws = y.mean() + rng.normal(size=4000) / np.sqrt(n)
    found = leave_one_out(norm.logpdf(y, loc=draws[:, None]))
    others = (y.sum() - y) / (n - 1)
    exact = norm.logpdf(y, loc=others, scale=np.sqrt(1 + 1 / (n - 1)))
    np.testing.assert_allclose(found.log_density, exact, atol=SAMPLED)
    assert found.total == pytest.approx(exact.sum(), abs=n * SAMPLED / 5)
    assert found.parameters == pytest.approx(1.0, abs=0.4)
    assert (found.shape < 0.7).all()


def test_counts_stand_for_equal_units() -> None:
    rng = np.random.default_rng(5)
    once = norm.logpdf(rng.normal(size=6), loc=0.2 * rng.normal(size=(500, 1)))
    count = np.array([1, 2, 3, 1, 1, 2])
    short, long = leave_one_out(once, count=count), leave_one_out(np.repeat(once, count, axis=1))
    assert short.total == pytest.approx(long.total, abs=SAME)
    assert short.std_error == pytest.approx(long.std_error, abs=SAME)
    assert short.parameters == pytest.approx(long.parameters, abs=SAME)
