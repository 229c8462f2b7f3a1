r"""Importance weights of draws, their largest ones smoothed, and what follows: sensitivity and leave-one-out.

Raw importance ratios r_s of draws can have tails without a variance. The M largest are replaced by the expected
order statistics of a generalised Pareto distribution fitted to them; its shape k says how far the weights can be
relied upon: below 0.7 the estimates converge at a practical rate.

Power-scaling: with the prior (or the likelihood) raised to the power a, draws of the posterior have the weights
p^(a - 1). The sensitivity of a quantity is the change of its distribution with log2 a at a = 1, in the cumulative
Jensen-Shannon distance (between 0 and 1).

References
----------
Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024). Pareto smoothed importance sampling. Journal of
Machine Learning Research, 25(72), 1-58. https://www.jmlr.org/papers/v25/19-556.html

Zhang, J. and Stephens, M. A. (2009). A new and efficient estimation method for the generalized Pareto distribution.
Technometrics, 51(3), 316-325. https://doi.org/10.1198/tech.2009.08017

Kallioinen, N., Paananen, T., Bürkner, P.-C. and Vehtari, A. (2024). Detecting and diagnosing prior and likelihood
sensitivity with power-scaling. Statistics and Computing, 34, 57. https://doi.org/10.1007/s11222-023-10366-5

Vehtari, A., Gelman, A. and Gabry, J. (2017). Practical Bayesian model evaluation using leave-one-out
cross-validation and WAIC. Statistics and Computing, 27, 1413-1432. https://doi.org/10.1007/s11222-016-9696-4
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]

GOOD_SHAPE = 0.7
"""Shape of the Pareto distribution beyond which weighted means cannot be relied upon."""
STEP = 0.01
"""Powers 1 / (1 + STEP) and 1 + STEP stand for the derivative."""
SHRUNK, SHRUNK_TO = 10.0, 0.5
"""Observations that the prior of the shape is worth, and its centre (Vehtari and others 2024)."""
EQUAL = 1e-12
"""Log ratios that differ by less are equal but for rounding."""
FEWEST_TAIL = 5
"""Fewer weights in the tail cannot be fitted."""


class Smoothed(NamedTuple):
    """Smoothed weights.

    Attributes
    ----------
    log_weight : ndarray, shape (draws,)
        Their exponentials sum to 1.
    shape : float
        Of the Pareto distribution of the largest; infinite where there are too few to tell, minus infinity where
        all weights are equal.
    """

    log_weight: Floats
    shape: float


class LeftOut(NamedTuple):
    """What the others predict of each unit.

    Attributes
    ----------
    log_density : ndarray, shape (n,)
        Log predictive density of each unit, given the others.
    total, std_error : float
        Their sum, and its standard error as a sum of n independent units.
    parameters : float
        Effective number of parameters: how far the log density of the units falls when they are left out.
    shape : ndarray, shape (n,)
        Of the weights of each.
    """

    log_density: Floats
    total: float
    std_error: float
    parameters: float
    shape: Floats


def smoothed_weights(log_ratio: Floats, *, efficiency: float = 1.0) -> Smoothed:
    """Smooth importance ratios.

    Parameters
    ----------
    log_ratio : (draws,) array
        Logarithms of the ratios, up to a constant.
    efficiency : float
        Effective draws over draws.
    """
    x = np.asarray(log_ratio, dtype=np.float64) - np.max(log_ratio)
    n = x.size
    if np.ptp(x) < EQUAL:
        return Smoothed(np.full(n, -np.log(n)), -np.inf)
    size = int(np.ceil(min(n / 5, 3 * np.sqrt(n / efficiency))))
    order = np.argsort(x)
    cut = max(x[order[-min(size + 1, n)]], np.log(np.finfo(float).tiny))
    tail = order[x[order] > cut]
    shape = np.inf
    if tail.size >= FEWEST_TAIL:
        excess = np.exp(x[tail]) - np.exp(cut)
        shape, scale = pareto_fit(excess)
        if np.isfinite(shape) and scale > 0:
            level = (np.arange(tail.size) + 0.5) / tail.size
            inverse = (
                np.expm1(-shape * np.log1p(-level)) / shape
                if abs(shape) > np.finfo(float).eps
                else -np.log1p(-level)
            )
            x[tail] = np.minimum(np.log(scale * inverse + np.exp(cut)), 0.0)
    return Smoothed(x - logsumexp(x), float(shape))


def pareto_fit(excess: Floats) -> tuple[float, float]:
    """Fit a generalised Pareto distribution to sorted positive numbers; return shape and scale.

    Parameters
    ----------
    excess : (n,) array
        Rising.

    Notes
    -----
    Zhang and Stephens' mean over a profile of the likelihood; the shape is then drawn a little to 0.5. Infinite where a
    quarter of the numbers is 0.
    """
    n = excess.size
    count = 30 + int(np.sqrt(n))
    quarter = excess[int(n / 4 + 0.5) - 1]
    if quarter <= 0:
        return float("inf"), float("nan")
    rate = 1 / excess[-1] + (1 - np.sqrt(count / (np.arange(1, count + 1) - 0.5))) / (3 * quarter)
    shape = np.log1p(-rate[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-rate / shape) - shape - 1)
    weight = np.exp(profile - logsumexp(profile))
    weight[weight < 10 * np.finfo(float).eps] = 0.0
    middle = float(weight @ rate / weight.sum())
    found = float(np.log1p(-middle * excess).mean())
    return (n * found + SHRUNK * SHRUNK_TO) / (n + SHRUNK), -found / middle


def cumulative_distance(draws: Floats, weight: Floats) -> float:
    """Return the cumulative Jensen-Shannon distance of draws and the same draws weighted.

    Parameters
    ----------
    draws : (draws,) array
        Of one quantity.
    weight : (draws,) array
        Not negative, summing to 1.
    """
    return max(_one_sided(draws, weight), _one_sided(-draws, weight))


def _one_sided(draws: Floats, weight: Floats) -> float:
    order = np.argsort(draws)
    width = np.diff(draws[order])
    n = draws.size
    plain = np.arange(1, n) / n
    other = np.clip(np.cumsum(weight[order])[:-1], np.finfo(float).tiny, None)
    middle = np.log2((plain + other) / 2)
    own, their = plain @ width, other @ width
    if own + their <= 0:
        return 0.0
    to_other = width @ (plain * (np.log2(plain) - middle)) + (their - own) / (2 * np.log(2))
    to_plain = width @ (other * (np.log2(other) - middle)) + (own - their) / (2 * np.log(2))
    return float(np.sqrt((max(to_other, 0.0) + max(to_plain, 0.0)) / (own + their)))


def power_sensitivity(draws: Floats, log_density: Floats) -> tuple[Floats, float]:
    """Return how far quantities move when the prior or the likelihood is raised to a power.

    Parameters
    ----------
    draws : (quantities, draws) array
        Of the posterior.
    log_density : (draws,) array
        Logarithm of what is raised to the power, at each draw.

    Returns
    -------
    tuple of (quantities,) array and float
        Derivative of the distance by log2 of the power, and the larger shape of the two sets of weights.
    """
    found = [smoothed_weights((power - 1) * log_density) for power in (1 / (1 + STEP), 1 + STEP)]
    weights = [np.exp(one.log_weight) for one in found]
    moved = [sum(cumulative_distance(row, weight) for weight in weights) for row in draws]
    return np.array(moved) / (2 * np.log2(1 + STEP)), max(one.shape for one in found)


def leave_one_out(log_likelihood: Floats, *, count: Floats | None = None) -> LeftOut:
    """Return the predictive density of each unit given the others, from draws given all.

    Parameters
    ----------
    log_likelihood : (draws, n) array
        Of each unit at each draw.
    count : (n,) array, optional
        Units that have each column; default 1. What is returned by unit stands once for each column.
    """
    many = np.ones(log_likelihood.shape[1]) if count is None else np.asarray(count, dtype=float)
    draws = log_likelihood.shape[0]
    density, shape = np.empty(many.size), np.empty(many.size)
    for at, column in enumerate(log_likelihood.T):
        weights = smoothed_weights(-column)
        density[at], shape[at] = logsumexp(weights.log_weight + column), weights.shape
    within = logsumexp(log_likelihood, axis=0) - np.log(draws)
    n = many.sum()
    centre = many @ density / n
    error = float(np.sqrt(n / (n - 1) * (many @ (density - centre) ** 2))) if n > 1 else float("nan")
    return LeftOut(density, float(many @ density), error, float(many @ (within - density)), shape)
