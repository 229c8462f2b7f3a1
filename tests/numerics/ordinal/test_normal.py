"""The bivariate normal distribution at every correlation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from psychomet.numerics.ordinal.normal import normal_below, normal_density

EXACT = 1e-14
# SciPy's multivariate integral is asked for 1e-10 here.
SCIPY = 1e-9


def conditional(x: float, b: float, rho: float, spread: float) -> float:
    return float(norm.pdf(x) * ndtr((b - rho * x) / spread))


@pytest.mark.parametrize("rho", [-0.9999, -0.98, -0.5, 0.0, 0.3, 0.9, 0.999, 0.9999])
def test_probabilities_by_quadrature(rho: float) -> None:
    """P = integral of the density of x times the conditional probability of y, cut where it is steep."""
    for a in (-2.0, -0.3, 0.0, 1.1, 4.0):
        for b in (-1.5, 0.0, 0.06, 3.0):
            spread = np.sqrt(1 - rho**2)
            inner = np.clip([b / rho + step * spread for step in (-8, -2, 0, 2, 8)] if rho else [0.0], -9, a)
            edges = np.unique([-9.0, *inner, a])
            expected = sum(
                quad(conditional, low, high, args=(b, rho, spread), epsabs=1e-15)[0]
                for low, high in pairwise(edges)
            )
            found = normal_below(np.array(a), np.array(b), np.array(rho))
            assert found == pytest.approx(expected, abs=EXACT * 100)


def test_probabilities_equal_scipys() -> None:
    for a, b, rho in ((-1.0, 0.4, 0.7), (0.0, 0.0, -0.35), (2.0, -2.0, 0.95)):
        expected = multivariate_normal.cdf([a, b], cov=[[1, rho], [rho, 1]], abseps=1e-10)
        assert normal_below(np.array(a), np.array(b), np.array(rho)) == pytest.approx(expected, abs=SCIPY)


def test_known_values() -> None:
    rho = np.linspace(-0.9999, 0.9999, 41)
    zero = np.zeros(1)
    np.testing.assert_allclose(normal_below(zero, zero, rho), 0.25 + np.arcsin(rho) / (2 * np.pi), atol=EXACT)
    a = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(normal_below(a, np.array(np.inf), np.array(0.6)), ndtr(a), atol=EXACT)
    np.testing.assert_allclose(normal_below(a, np.array(-np.inf), np.array(0.6)), 0, atol=EXACT)
    np.testing.assert_allclose(normal_below(a, a + 0.5, np.array(1.0)), ndtr(a), atol=1e-8)
    np.testing.assert_allclose(normal_below(a, a, np.zeros(1)), ndtr(a) ** 2, atol=EXACT)


def test_the_density_is_the_derivative_in_the_correlation() -> None:
    a, b = np.array(0.4), np.array(-1.1)
    for rho in (-0.6, 0.1, 0.9):
        ends = [normal_below(a, b, np.array(rho + step)) for step in (1e-5, -1e-5)]
        density = normal_density(a, b, np.array(rho))
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(density, rel=1e-6)
        assert density == pytest.approx(multivariate_normal.pdf([0.4, -1.1], cov=[[1, rho], [rho, 1]]))
