"""Traits of respondents given the parameters of a graded response model: means, and exact draws.

Every category's log-probability is concave in the trait, and so is the normal prior: the log posterior lies above its
chords between neighbouring nodes, and by no more than (largest curvature) x spacing^2 / 8. Draws from the chords,
accepted with probability exp(log posterior - chord - that bound), are draws from the posterior itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, logsumexp

from psychomet.numerics.graded import Nodes, Patterns, node_log_likelihood

Floats = NDArray[np.float64]


class Traits(NamedTuple):
    """Posterior of the trait of every respondent at fixed parameters.

    Attributes
    ----------
    mean, sd : ndarray, shape (n,)
        Expected a posteriori, and its standard deviation.
    """

    mean: Floats
    sd: Floats


def traits(patterns: Patterns, slope: Floats, intercept: Floats, *, nodes: Nodes) -> Traits:
    """Means and standard deviations of the traits.

    Parameters
    ----------
    patterns : Patterns
        Answers.
    slope : (k,) array
        Discriminations.
    intercept : (thresholds,) array
        Falling within each item.
    nodes : Nodes
        Of the integral.
    """
    joint = node_log_likelihood(patterns, slope, intercept, theta=nodes.theta) + nodes.log_weight
    weight = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    mean = weight @ nodes.theta
    sd = np.sqrt(np.maximum(weight @ nodes.theta**2 - mean**2, 0))
    return Traits(mean[patterns.inverse], sd[patterns.inverse])


def trait_draws(
    patterns: Patterns, slope: Floats, intercept: Floats, *, nodes: Nodes, rng: np.random.Generator
) -> Floats:
    """Draw the trait of every respondent once for every draw of the parameters, shape (draws, n).

    Parameters
    ----------
    patterns : Patterns
        Answers.
    slope : (draws, k) array
        Discriminations.
    intercept : (draws, thresholds) array
        Falling within each item.
    nodes : Nodes
        Between the outermost of which the draws lie (2e-9 of the prior lies outside); their number changes
        the time and not the law of the draws.
    rng : Generator
        Source of randomness.

    References
    ----------
    Gilks, W. R. and Wild, P. (1992). Adaptive rejection sampling for Gibbs sampling. Applied Statistics, 41, 337-348.
    https://doi.org/10.2307/2347565
    """
    bounds = _Bounds(*_neighbours(patterns))
    return np.stack(
        [_one_draw(patterns, bounds, a, d, nodes, rng) for a, d in zip(slope, intercept, strict=True)]
    )


class _Bounds(NamedTuple):
    """Thresholds below and above every answer, by pattern; those that are not there point past the end."""

    below: NDArray[np.int64]
    above: NDArray[np.int64]


def _neighbours(patterns: Patterns) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    layout, codes = patterns.layout, patterns.codes
    none = len(layout.item)
    above = np.where((codes >= 0) & (codes < layout.categories - 1), layout.start[:-1] + codes, none)
    below = np.where(codes > 0, layout.start[:-1] + codes - 1, none)
    return below, above


def _one_draw(
    patterns: Patterns,
    bounds: _Bounds,
    slope: Floats,
    intercept: Floats,
    nodes: Nodes,
    rng: np.random.Generator,
) -> Floats:
    """One trait for every respondent."""
    grid = node_log_likelihood(patterns, slope, intercept, theta=nodes.theta) - nodes.theta**2 / 2
    grid -= grid.max(1, keepdims=True)
    h = nodes.theta[1] - nodes.theta[0]
    # Each threshold next to an answer bends the log posterior by a^2 / 4 at most.
    most = 1 + patterns.touched @ (slope**2)[patterns.layout.item] / 4
    slack = most * h * h / 8
    cumulative = np.cumsum(_chord_areas(grid[:, :-1], grid[:, 1:]), axis=1)
    theta = np.empty(len(patterns.inverse))
    waiting = np.arange(len(theta))
    while len(waiting):
        pattern = patterns.inverse[waiting]
        target = rng.random(len(waiting)) * cumulative[pattern, -1]
        cell = np.minimum((cumulative[pattern] < target[:, None]).sum(1), len(nodes.theta) - 2)
        low, high = grid[pattern, cell], grid[pattern, cell + 1]
        part = _within(high - low, rng.random(len(waiting)))
        at = nodes.theta[cell] + part * h
        exact = _log_posterior(patterns, bounds, slope, intercept, pattern, at)
        # The grid was shifted by its maximum; one node says by how much.
        exact -= _log_posterior(patterns, bounds, slope, intercept, pattern, nodes.theta[cell]) - low
        chord = low + part * (high - low)
        taken = np.log1p(-rng.random(len(waiting))) <= exact - chord - slack[pattern]
        theta[waiting[taken]] = at[taken]
        waiting = waiting[~taken]
    return theta


def _chord_areas(low: Floats, high: Floats) -> Floats:
    """Integral of exp of the straight line from low to high over a unit interval."""
    difference = high - low
    flat = np.abs(difference) < 1e-8
    safe = np.where(flat, 1.0, difference)
    # From the larger end, so that nothing overflows.
    return np.exp(np.maximum(low, high)) * np.where(flat, 1.0, -np.expm1(-np.abs(safe)) / np.abs(safe))


def _within(difference: Floats, uniform: Floats) -> Floats:
    """Inverse distribution function of a density proportional to exp(difference x) on the unit interval."""
    flat = np.abs(difference) < 1e-8
    size = np.where(flat, 1.0, np.abs(difference))
    from_top = np.minimum(-np.log1p(uniform * np.expm1(-size)) / size, 1.0)
    return np.where(flat, uniform, np.where(difference > 0, 1 - from_top, from_top))


def _log_posterior(
    patterns: Patterns,
    bounds: _Bounds,
    slope: Floats,
    intercept: Floats,
    pattern: NDArray[np.int64],
    theta: Floats,
) -> Floats:
    """Log posterior at one value per row, up to a constant of the pattern."""
    # A threshold that is not there has a probability of 1 of being passed, and none of being stopped at.
    shift = np.append(intercept, 0.0)
    at_below = slope * theta[:, None] + shift[bounds.below[pattern]]
    at_above = slope * theta[:, None] + shift[bounds.above[pattern]]
    end = len(intercept)
    total = np.where(bounds.below[pattern] < end, log_expit(at_below), 0.0)
    total += np.where(bounds.above[pattern] < end, log_expit(-at_above), 0.0)
    return np.asarray(total.sum(1) - theta**2 / 2)
