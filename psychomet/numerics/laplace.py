r"""A normal law at the mode of a density, draws from it, and how far they can stand for draws from the density.

With the mode :math:`\hat x` and the curvature H of minus the log density there, draws from :math:`N(\hat x, H^{-1})` have the
importance ratios :math:`p(x) / q(x)`. Smoothed, they are the weights of a resampling; the shape k of their tail says whether
the two laws are near enough for that (below 0.7; Vehtari and others 2024). In many dimensions they seldom are: a small
difference in each multiplies.

References
----------
Tierney, L. and Kadane, J. B. (1986). Accurate approximations for posterior moments and marginal densities. Journal of the
American Statistical Association, 81(393), 82-86. https://doi.org/10.1080/01621459.1986.10478240

Yao, Y., Vehtari, A., Simpson, D. and Gelman, A. (2018). Yes, but did it work? Evaluating variational inference. Proceedings of
Machine Learning Research, 80, 5581-5590. https://proceedings.mlr.press/v80/yao18a.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from psychomet.numerics.importance import smoothed_weights

Floats = NDArray[np.float64]
Density = Callable[[Floats], tuple[float, Floats]]

CANDIDATES = 4
"""Draws from the normal law for each one that is kept."""
STEP = 1e-4
"""Of the central differences of the gradient: their error is of the order of its square, that of rounding of 1e-16 / STEP."""
LEAST_CURVATURE = 1e-6
"""Of a direction, relative to the largest; where the density does not bend, the normal law is as wide as this permits."""
NEWTON = 50
"""Steps after the quasi-Newton search, which stops where the value, not the gradient, no longer changes."""
FLAT = 1e-12
"""A Newton step that gains less than this in the log density is the last."""


class Approximated(NamedTuple):
    """Draws that stand for draws from the density.

    Attributes
    ----------
    x : ndarray, shape (draws, m)
        Resampled by their weights, in random order.
    shape : float
        Of the tail of the weights: above 0.7 the draws are those of another law.
    effective : float
        Inverse of the sum of the squared weights, at most ``draws``.
    mode : ndarray, shape (m,)
        Of the density.
    """

    x: Floats
    shape: float
    effective: float
    mode: Floats


def laplace(density: Density, *, start: Floats, draws: int, rng: np.random.Generator) -> Approximated:
    """Draw from the normal law at the mode, and resample by importance.

    Parameters
    ----------
    density : callable
        (m,) array -> (log density up to a constant, gradient).
    start : (m,) array
        Where the search begins.
    draws : int
        How many to return.
    rng : Generator
        Of all draws.

    Raises
    ------
    ValueError
        If the log density is not finite at the start.
    """
    if not np.isfinite(density(start)[0]):
        raise ValueError("the log density is not finite at the start")
    mode, root = _mode(density, start)
    noise = rng.standard_normal((CANDIDATES * draws, mode.size))
    x = mode + noise @ root.T
    value = np.array([density(one)[0] for one in x])
    ratio = np.where(np.isfinite(value), value, -np.inf) + np.square(noise).sum(1) / 2
    found = smoothed_weights(ratio)
    weight = np.exp(found.log_weight)
    # Systematic resampling: no draw is kept more than one time more or less than its weight says.
    places = (rng.random() + np.arange(draws)) / draws
    taken = np.minimum(np.searchsorted(np.cumsum(weight), places), weight.size - 1)
    effective = min(float(1 / np.square(weight).sum()), float(draws))
    return Approximated(x[rng.permutation(taken)], found.shape, effective, mode)


def _mode(density: Density, start: Floats) -> tuple[Floats, Floats]:
    """The mode and a root of the inverse curvature there."""

    def minus(x: Floats) -> tuple[float, Floats]:
        value, slope = density(x)
        return -value, -slope

    x = np.asarray(minimize(minus, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x)
    for _ in range(NEWTON):
        root = _root(density, x)
        value, slope = density(x)
        step = root @ (root.T @ slope)
        length, gain = 1.0, -1.0
        while gain < 0 and length > 1e-6:
            gain = density(x + length * step)[0] - value
            length /= 2
        if not gain > FLAT:
            return x, root
        x = x + 2 * length * step
    return x, _root(density, x)


def _root(density: Density, x: Floats) -> Floats:
    """A matrix whose product with its transpose is the inverse of the curvature, made positive where it is not."""
    size = x.size
    bent = np.empty((size, size))
    for at in range(size):
        step = np.zeros(size)
        step[at] = STEP * max(1.0, abs(x[at]))
        bent[at] = (density(x - step)[1] - density(x + step)[1]) / (2 * step[at])
    found, axes = np.linalg.eigh((bent + bent.T) / 2)
    least = LEAST_CURVATURE * max(found[-1], 1.0)
    return axes / np.sqrt(np.maximum(np.abs(found), least))
