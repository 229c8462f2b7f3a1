"""The standard bivariate normal distribution at many points at once.

Owen's T function gives the distribution function to the last digits at every correlation, so that no rule of
integration has to be chosen by how near the correlation is to 1 (Owen 1956, equation 2.1).

References
----------
Owen, D. B. (1956). Tables for computing bivariate normal probabilities. Annals of
Mathematical Statistics, 27(4), 1075-1090. https://doi.org/10.1214/aoms/1177728074
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t

Floats = NDArray[np.float64]

FURTHEST = 40.0
"""Limits further out are taken as this; the normal mass beyond is 0 in double precision."""
_NEAREST = 1e-200
_LARGEST = 1 - 1e-15


def normal_below(low: Floats, high: Floats, rho: Floats) -> Floats:
    """Return P(X < low, Y < high) of two standard normal variables with correlation rho.

    Parameters
    ----------
    low, high, rho : arrays that broadcast
        Limits, which may be infinite, and correlations between -1 and 1.

    Returns
    -------
    array
        Probabilities, with an absolute error of a few 1e-16.
    """
    a, b = _limit(low), _limit(high)
    r = np.clip(rho, -_LARGEST, _LARGEST)
    spread = np.sqrt((1 - r) * (1 + r))
    part = owens_t(a, (b / a - r) / spread) + owens_t(b, (a / b - r) / spread)
    # The T functions leave one half to take off where the limits lie on two sides of 0.
    half = np.where((a < 0) != (b < 0), 0.5, 0.0)
    return np.asarray(np.maximum(ndtr(a) / 2 + ndtr(b) / 2 - part - half, 0.0))


def normal_density(x: Floats, y: Floats, rho: Floats) -> Floats:
    """Return the density of two standard normal variables with correlation rho; arrays that broadcast."""
    rest = (1 - rho) * (1 + rho)
    return np.asarray(np.exp((rho * x * y - (x**2 + y**2) / 2) / rest) / (2 * np.pi * np.sqrt(rest)))


def normal_height(x: Floats) -> Floats:
    """Return the density of a standard normal variable."""
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _limit(x: Floats) -> Floats:
    """Bring limits within reach, and off 0, where the T function needs a side."""
    near = np.clip(x, -FURTHEST, FURTHEST)
    return np.where(near == 0, _NEAREST, near)
