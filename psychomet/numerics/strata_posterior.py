r"""The posterior of the standard deviations of a balanced Gaussian layout, with its gradient.

The density is that of x = log sigma, so that a sampler needs no bounds: to the marginal likelihood of
:mod:`.strata` it adds for each component the half-Student-t or half-normal prior of sigma and the Jacobian x.

Source of the half-Student-t prior: Gelman, A. (2006). Prior distributions for variance parameters in
hierarchical models. Bayesian Analysis, 1(3), 515-534. https://doi.org/10.1214/06-BA117A
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from psychomet.numerics.strata import LOG_2PI, Strata
from psychomet.numerics.variance import Balanced, balanced_reml

Floats = NDArray[np.float64]
Density = Callable[[Floats], tuple[float, Floats]]

LARGEST = 150.0
"""Beyond exp(150) a standard deviation has no finite fourth power: the density is 0 there."""
START_SHARE = 0.1
"""Of the residual standard deviation: where a component at the boundary is started."""


def log_half_t(sd: ArrayLike, *, df: float, scale: ArrayLike) -> Floats:
    """Return the log density of a half-Student-t, or half-normal where ``df`` is infinite.

    Parameters
    ----------
    sd : (..., m) array
        Standard deviations, positive.
    df : float
        Degrees of freedom.
    scale : (m,) array
        Scales, in units of the observations.
    """
    size = np.asarray(scale, dtype=float)
    square = (np.asarray(sd, dtype=float) / size) ** 2
    if np.isinf(df):
        return np.asarray(np.log(2 / size) - LOG_2PI / 2 - square / 2)
    constant = np.log(2) + gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(df * np.pi) / 2
    return np.asarray(constant - np.log(size) - (df + 1) / 2 * np.log1p(square / df))


def log_posterior(found: Strata, *, df: float, scale: ArrayLike, location: float, spread: float) -> Density:
    """Return the function that gives log density and gradient at the log standard deviations.

    Parameters
    ----------
    found : Strata
        The layout.
    df, scale
        Prior of the standard deviations, as in :func:`log_half_t`.
    location, spread : float
        Normal prior of the mean, which is integrated out; the spread may be infinite.

    Returns
    -------
    callable
        (m,) array -> (log density, (m,) gradient). Normalised: the integral over all x is the marginal
        likelihood of the observations (without an infinite spread).
    """
    size = np.broadcast_to(np.asarray(scale, dtype=float), found.df.shape)
    flat = bool(np.isinf(spread))
    # The direction of the mean is one stratum more; with a flat prior it carries no information.
    expected = found.expected if flat else np.vstack([found.expected, found.grand])
    offset = np.zeros(expected.shape[0])
    freedom, square = found.df, found.square
    if not flat:
        offset[-1] = found.rows * spread**2
        freedom = np.append(freedom, 1.0)
        square = np.append(square, found.rows * (found.mean - location) ** 2)
    rest = -0.5 * (found.rows * LOG_2PI + ((np.log(found.rows) - LOG_2PI) if flat else 0.0))
    constant = rest + float(log_half_t(np.zeros(size.size), df=df, scale=size).sum())
    back = np.ascontiguousarray(expected.T)
    inverse = 1 / size**2
    normal = bool(np.isinf(df))

    ones, log, exp = np.ones(offset.size), np.log, np.exp

    # Forty numbers or fewer: the time is that of the calls, hence few of them, and dot, the cheapest sum.
    def density(x: Floats) -> tuple[float, Floats]:
        variance = exp(2 * x) if x.max() < LARGEST else x * np.nan
        level = expected.dot(variance) + offset
        if not level.min() > 0:
            return -np.inf, np.zeros(x.size)
        part = square / level
        scaled = variance * inverse
        slope = variance * back.dot((part - freedom) / level) + 1
        value = constant - 0.5 * (freedom.dot(log(level)) + part.dot(ones)) + x.sum()
        if normal:
            return float(value - 0.5 * scaled.sum()), slope - scaled
        tail = df + scaled
        value -= (df + 1) / 2 * (log(tail).sum() - x.size * log(df))
        return float(value), slope - (df + 1) * scaled / tail

    return density


def start_at(found: Strata) -> Floats:
    """Return log standard deviations to start from: REML, off the boundary.

    Parameters
    ----------
    found : Strata
        The layout.

    Returns
    -------
    (m,) array
    """
    mean_square = found.square / found.df
    inverse = np.linalg.inv(found.expected)
    covariance = (inverse * (2 * mean_square**2 / found.df)) @ inverse.T
    table = Balanced(found.effects, found.df, mean_square, found.expected, inverse @ mean_square, covariance)
    component = balanced_reml(table).component
    size = np.sqrt(np.maximum(component, 0.0))
    floor = START_SHARE * (size[-1] if size[-1] > 0 else max(float(size.max()), 1.0))
    return np.log(np.maximum(size, floor))
