"""Quadrature and Hermite expansion against what is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from psychomet.numerics.quadrature import hermite_coefficients, normal_nodes

EXACT = 1e-12  # rounding only: the integrands are polynomials, or entire and slowly varying


@pytest.mark.parametrize("count", [1, 2, 5, 64, 150])
def test_even_moments_of_the_normal_law(count: int) -> None:
    nodes, weights = normal_nodes(count)
    double_factorial = 1.0
    for half in range(min(count, 8)):
        assert np.sum(weights * nodes ** (2 * half)) == pytest.approx(double_factorial, rel=EXACT)
        double_factorial *= 2 * half + 1


def test_mean_of_a_normal_probability() -> None:
    nodes, weights = normal_nodes(64)
    assert np.sum(weights * ndtr(0.4 + 0.9 * nodes)) == pytest.approx(ndtr(0.4 / np.sqrt(1.81)), abs=EXACT)


@pytest.mark.parametrize("r", [-0.9, 0.0, 0.35])
def test_covariance_by_expansion(r: float) -> None:
    # Two normal probabilities: Cov[Phi(X), Phi(Y)] = asin(r / 2) / (2 pi).
    nodes, _ = normal_nodes(64)
    f = hermite_coefficients(ndtr(nodes))
    covariance = np.sum(f[1:] ** 2 * r ** np.arange(1, f.size))
    assert covariance == pytest.approx(np.arcsin(r / 2) / (2 * np.pi), abs=EXACT)


def test_coefficients_of_polynomials() -> None:
    nodes, _ = normal_nodes(16)
    found = hermite_coefficients(np.stack([nodes, nodes**2]), terms=4)
    np.testing.assert_allclose(found, [[0, 1, 0, 0], [1, 0, np.sqrt(2), 0]], atol=EXACT)


@pytest.mark.parametrize("count", [0, -1, 151])
def test_count_out_of_range(count: int) -> None:
    with pytest.raises(ValueError, match="must be 1 to 150"):
        normal_nodes(count)


def test_nodes_cannot_be_written_to() -> None:
    nodes, _ = normal_nodes(8)
    with pytest.raises(ValueError, match="read-only"):
        nodes[0] = 1.0
