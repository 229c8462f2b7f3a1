import numpy as np
import pytest
from scipy.special import digamma, polygamma

from psychomet.numerics.importance import GOOD_SHAPE
from psychomet.numerics.laplace import laplace

DRAWS = 20_000
ERRORS = 4.5
"""Standard errors: a right mean exceeds them in 1 of 150,000 cases."""


def _normal(centre: np.ndarray, precision: np.ndarray):
    def density(x):
        away = x - centre
        return float(-away @ precision @ away / 2), -precision @ away

    return density


def test_a_normal_law_is_its_own_approximation() -> None:
    rng = np.random.default_rng(0)
    centre = np.array([1.0, -30.0, 200.0])
    root = np.array([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [5.0, 2.0, 40.0]])
    found = laplace(_normal(centre, np.linalg.inv(root @ root.T)), start=np.zeros(3), draws=DRAWS, rng=rng)
    assert found.shape < 0
    assert found.effective == pytest.approx(DRAWS, rel=1e-3)
    np.testing.assert_allclose(found.mode, centre, rtol=1e-6)
    covariance = np.cov(found.x.T)
    np.testing.assert_allclose(covariance, root @ root.T, rtol=0.06)  # 4 sqrt(2 / 20,000)


def test_weights_move_the_draws_to_a_skewed_law() -> None:
    # log of a gamma variable with shape a: mean digamma(a), variance polygamma(1, a).
    shape = np.array([3.0, 8.0])

    def density(x):
        return float(shape @ x - np.exp(x).sum()), shape - np.exp(x)

    found = laplace(density, start=np.zeros(2), draws=DRAWS, rng=np.random.default_rng(1))
    assert found.shape < GOOD_SHAPE
    np.testing.assert_allclose(found.mode, np.log(shape), atol=1e-6)
    error = np.sqrt(polygamma(1, shape) / found.effective)
    assert (np.abs(found.x.mean(0) - digamma(shape)) < ERRORS * error).all()
    assert (np.abs(np.log(shape) - digamma(shape)) > ERRORS * error).all()  # the normal law alone misses it


def test_heavy_tails_are_told() -> None:
    # Cauchy in 4 dimensions: no normal law covers its tails.
    def density(x):
        size = 1 + x @ x
        return float(-2.5 * np.log(size)), -5.0 * x / size

    found = laplace(density, start=np.full(4, 0.3), draws=2000, rng=np.random.default_rng(2))
    assert found.shape > GOOD_SHAPE


def test_a_direction_that_does_not_bend_stays_finite() -> None:
    def density(x):
        return float(-(x[0] ** 2) / 2), np.array([-x[0], 0.0])

    found = laplace(density, start=np.ones(2), draws=200, rng=np.random.default_rng(3))
    assert np.isfinite(found.x).all()


def test_a_start_without_density_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite at the start"):
        laplace(
            lambda x: (-np.inf, np.zeros_like(x)),
            start=np.zeros(2),
            draws=100,
            rng=np.random.default_rng(0),
        )
