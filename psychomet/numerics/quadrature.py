"""Expectations under the normal law, by Gauss-Hermite quadrature and Hermite expansion.

For smooth integrands both converge faster than any power of the number of nodes, so that moments of
a simulated population can be had to ten digits without simulating it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_hermitenorm

Array = NDArray[np.float64]

MOST_NODES = 150


@lru_cache(maxsize=16)
def normal_nodes(count: int) -> tuple[Array, Array]:
    """Return the nodes and weights of Gauss-Hermite quadrature for a standard normal variable.

    ``sum(weights * f(nodes))`` is E[f(Z)], exactly when f is a polynomial of degree below
    ``2 * count``.

    Parameters
    ----------
    count : int
        Number of nodes, 1 to 150 (beyond that the outer weights underflow).

    Returns
    -------
    nodes, weights : ndarray, shape (count,)
        Read-only; the weights sum to 1.

    Raises
    ------
    ValueError
        If ``count`` is out of range.

    References
    ----------
    Golub, G. H. and Welsch, J. H. (1969). Calculation of Gauss quadrature rules. Mathematics of
    Computation, 23, 221-230. https://doi.org/10.1090/S0025-5718-69-99647-1
    """
    if not 1 <= count <= MOST_NODES:
        raise ValueError(f"count is {count}; it must be 1 to {MOST_NODES}")
    nodes, weights = roots_hermitenorm(count)
    weights = weights / weights.sum()
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


@lru_cache(maxsize=16)
def _hermite_basis(count: int, terms: int) -> Array:
    """Orthonormal Hermite polynomials at the nodes, shape (terms, count)."""
    nodes, _ = normal_nodes(count)
    basis = np.zeros((terms, count))
    basis[0] = 1.0
    if terms > 1:
        basis[1] = nodes
    for n in range(1, terms - 1):
        basis[n + 1] = (nodes * basis[n] - np.sqrt(n) * basis[n - 1]) / np.sqrt(n + 1)
    return basis


def hermite_coefficients(values: Array, *, terms: int = 40) -> Array:
    """Return the coefficients of a function of a standard normal variable on Hermite polynomials.

    With coefficients f_n and g_n of two functions, and a correlation r between two jointly normal
    variables, Mehler's formula gives Cov[f(X), g(Y)] = sum over n >= 1 of r^n f_n g_n.

    Parameters
    ----------
    values : ndarray, shape (..., nodes)
        The function at the nodes of :func:`normal_nodes`.
    terms : int
        Number of coefficients, at most the number of nodes.

    Returns
    -------
    ndarray, shape (..., terms)
        Coefficient n belongs to He_n(z) / sqrt(n!); coefficient 0 is the mean.

    References
    ----------
    Kibble, W. F. (1945). An extension of a theorem of Mehler's on Hermite polynomials. Mathematical
    Proceedings of the Cambridge Philosophical Society, 41, 12-15.
    https://doi.org/10.1017/S0305004100022313
    """
    count = values.shape[-1]
    _, weights = normal_nodes(count)
    return np.asarray(values * weights) @ _hermite_basis(count, min(terms, count)).T
