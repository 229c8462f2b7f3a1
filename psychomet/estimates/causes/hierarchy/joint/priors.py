"""Log densities of priors, and what turns unbounded numbers into a correlation matrix or into numbers that sum to zero."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2 * np.pi))


def zero_sum(count: int) -> Floats:
    """Return an orthonormal basis of the vectors of that length that sum to zero, (count, count - 1)."""
    basis = np.zeros((count, count - 1))
    for at in range(1, count):
        basis[:at, at - 1], basis[at, at - 1] = 1.0, -at
        basis[:, at - 1] /= np.sqrt(at * (at + 1))
    return basis


def reflected(y: Any) -> Any:
    """Turn rows so that the first is sqrt(n) times their mean: a Householder reflection, its own inverse.

    Parameters
    ----------
    y : (n, ...) array
        Rows. Independent normal rows with one covariance stay so.
    """
    count = y.shape[0]
    if count < 2:
        return y
    away = np.full(count, -1 / np.sqrt(count))
    away[0] += 1
    away /= np.linalg.norm(away)
    return y - 2 * away[:, None] * (away @ y)[None]


def normal(x: Any, scale: Any = 1.0) -> Any:
    """Return the sum of log densities of N(0, scale^2)."""
    spread = jnp.broadcast_to(scale, jnp.shape(x))
    return -0.5 * jnp.sum(jnp.square(x / spread)) - jnp.sum(jnp.log(spread)) - 0.5 * LOG_2PI * jnp.size(x)


def half_normal(log_x: Any, scale: Any) -> tuple[Any, Any]:
    """Return the log density of exp(log_x) under half of N(0, scale^2), and the Jacobian."""
    return normal(jnp.exp(log_x), scale) + jnp.size(log_x) * np.log(2.0), jnp.sum(log_x)


def gamma_of_two(log_x: Any, mean: Any) -> tuple[Any, Any]:
    """Return the log density of exp(log_x) under a gamma law of shape 2, and the Jacobian."""
    rate = 2 / mean
    return jnp.sum(2 * jnp.log(rate) + log_x - rate * jnp.exp(log_x)), jnp.sum(log_x)


def half_cauchy(log_x: Any, log_scale: Any) -> tuple[Any, Any]:
    """Return the log density of exp(log_x) under a half-Cauchy law, and the Jacobian."""
    ratio = 2 * (log_x - log_scale)
    density = np.log(2 / np.pi) - log_scale - jnp.logaddexp(0.0, ratio)
    return jnp.sum(jnp.broadcast_to(density, jnp.shape(log_x))), jnp.sum(log_x)


def cholesky_of(partial: Any, count: int, shape: Any) -> tuple[Any, Any, Any]:
    """Return the Cholesky factor of a correlation matrix, the LKJ log density of it, and the Jacobian.

    Parameters
    ----------
    partial : (count (count - 1) / 2,) array
        Inverse hyperbolic tangents of partial correlations, row by row.
    count : int
        Order of the matrix.
    shape : float
        Of the LKJ law.

    Notes
    -----
    The partial correlation of row i and column j given the columns before has the law of 2 b - 1 with b of
    Beta(s, s), s = shape + (count - 2 - j) / 2.
    """
    if count < 2:
        return jnp.eye(count), 0.0, 0.0
    value = jnp.tanh(partial)
    # log(1 - tanh(y)^2), without a difference of near equals.
    left = 2 * (np.log(2.0) + partial - jnp.logaddexp(0.0, 2 * partial))
    column = np.concatenate([np.arange(i) for i in range(1, count)])
    size = shape + (count - 2 - column) / 2
    density = jnp.sum((size - 1) * left - betaln(size, size) - (2 * size - 1) * np.log(2.0))
    rows, at = [], 0
    for i in range(count):
        root: Any = jnp.asarray(1.0)
        row: list[Any] = []
        for _ in range(i):
            row.append(value[at] * root)
            root = root * jnp.exp(0.5 * left[at])
            at += 1
        rows.append(jnp.stack([*row, root, *([jnp.zeros(())] * (count - 1 - i))]))
    return jnp.stack(rows), density, jnp.sum(left)


def inverse_of(root: Any, count: int) -> Any:
    """Inverse of a small lower triangular matrix, by forward substitution written out."""
    rows: list[Any] = []
    for i in range(count):
        row = jnp.eye(count)[i]
        for j in range(i):
            row = row - root[i, j] * rows[j]
        rows.append(row / root[i, i])
    return jnp.stack(rows) if rows else jnp.zeros((0, 0))
