"""Density of the parameters of a graded response model on the whole real space, its mode and its curvature.

Coordinates: the logarithm of every slope (the slope itself where no prior is given); then, item by item, the first
threshold and the logarithms of the distances to the next ones. The thresholds kappa are the intercepts with their
sign turned, and rise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from psychomet.numerics.graded import (
    Graded,
    Layout,
    Nodes,
    Patterns,
    log_likelihood,
    nodes_needed,
    trait_nodes,
)

Floats = NDArray[np.float64]

STEEPEST = 30.0  # a slope as of a step function; guards the search, not the answer
ROOM = 1.05  # slopes may grow a little after their nodes were chosen


class GradedPrior(NamedTuple):
    """Prior of slopes and thresholds.

    Attributes
    ----------
    slope_location, slope_scale : float
        Of the normal log slope.
    threshold_scale : float
        The thresholds of an item are a sorted sample of a normal law with mean 0 and this standard deviation.
    """

    slope_location: float = 0.3
    slope_scale: float = 0.6
    threshold_scale: float = 3.0


class Mode(NamedTuple):
    """Highest point of the density.

    Attributes
    ----------
    x : ndarray, shape (k + thresholds,)
        Where, in the coordinates of this module.
    value : float
        The density there; the log-likelihood where no prior was given.
    slope, intercept : ndarray
        What x means.
    nodes : Nodes
        Of the integral over the trait.
    converged : bool
        Whether the search ended by its own rule.
    """

    x: Floats
    value: float
    slope: Floats
    intercept: Floats
    nodes: Nodes
    converged: bool


def _place(layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[int, int]]:
    """Row and column of every threshold in a table of items by thresholds, and its shape."""
    column = np.arange(len(layout.item)) - layout.start[layout.item]
    return layout.item, column, (len(layout.categories), int(layout.categories.max()) - 1)


def item_parameters(x: Floats, *, layout: Layout, signed: bool = False) -> tuple[Floats, Floats]:
    """Slopes and intercepts of a point.

    Parameters
    ----------
    x : (..., k + thresholds) array
        Coordinates of this module.
    layout : Layout
        Of the thresholds.
    signed : bool
        Whether the first k coordinates are slopes and not their logarithms.
    """
    k = len(layout.categories)
    row, column, shape = _place(layout)
    steps = np.zeros((*x.shape[:-1], *shape))
    free = x[..., k:]
    # A sampler's first steps may go anywhere; the likelihood says minus infinity where these overflow.
    with np.errstate(over="ignore"):
        steps[..., row, column] = np.where(column == 0, free, np.exp(np.where(column == 0, 0, free)))
        kappa = np.cumsum(steps, -1)[..., row, column]
        return (x[..., :k].copy() if signed else np.exp(x[..., :k])), -kappa


def coordinates(slope: Floats, intercept: Floats, *, layout: Layout, signed: bool = False) -> Floats:
    """The point of slopes and intercepts, the inverse of :func:`item_parameters`.

    Parameters
    ----------
    slope : (k,) array
        Discriminations; positive unless ``signed``.
    intercept : (thresholds,) array
        Falling within each item.
    layout : Layout
        Of the thresholds.
    signed : bool
        As in :func:`item_parameters`.
    """
    kappa = -intercept
    free = kappa.copy()
    free[layout.lower] = np.log(kappa[layout.lower] - kappa[layout.upper])
    return np.concatenate([slope if signed else np.log(slope), free])


def log_density(
    x: Floats, *, patterns: Patterns, nodes: Nodes, prior: GradedPrior | None
) -> tuple[float, Floats]:
    """Log posterior density at a point, up to a constant, and its gradient.

    Parameters
    ----------
    x : (k + thresholds,) array
        Coordinates of this module.
    patterns : Patterns
        Answers.
    nodes : Nodes
        Of the integral over the trait.
    prior : GradedPrior or None
        None: the log-likelihood alone, with slopes of either sign.
    """
    layout = patterns.layout
    k = len(layout.categories)
    slope, intercept = item_parameters(x, layout=layout, signed=prior is None)
    found = log_likelihood(patterns, slope, intercept, nodes=nodes)
    if found.value == -np.inf:
        return -np.inf, np.zeros_like(x)
    if prior is None:
        return found.value, np.concatenate(
            [found.slope, _by_free(x[k:], -found.intercept, layout, jacobian=0.0)]
        )
    return _with_prior(x, found, slope, -intercept, layout, prior)


def _with_prior(
    x: Floats, found: Graded, slope: Floats, kappa: Floats, layout: Layout, prior: GradedPrior
) -> tuple[float, Floats]:
    """Likelihood, prior and the logarithm of the Jacobian."""
    k = len(slope)
    away = (x[:k] - prior.slope_location) / prior.slope_scale
    scaled = kappa / prior.threshold_scale
    value = found.value - 0.5 * (away @ away + scaled @ scaled) + x[k:][layout.lower].sum()
    by_kappa = -found.intercept - scaled / prior.threshold_scale
    by_free = _by_free(x[k:], by_kappa, layout, jacobian=1.0)
    return float(value), np.concatenate([found.slope * slope - away / prior.slope_scale, by_free])


def _by_free(free: Floats, by_kappa: Floats, layout: Layout, *, jacobian: float) -> Floats:
    """Chain rule from thresholds to the first of them and the log distances."""
    row, column, shape = _place(layout)
    table = np.zeros(shape)
    table[row, column] = by_kappa
    onwards = np.cumsum(table[:, ::-1], 1)[:, ::-1][row, column]
    onwards[layout.lower] = onwards[layout.lower] * np.exp(free[layout.lower]) + jacobian
    return np.asarray(onwards)


def starting_point(patterns: Patterns, *, signed: bool) -> Floats:
    """Slopes of 1 and thresholds at the logits of the cumulative shares, half an answer added to each category.

    Parameters
    ----------
    patterns : Patterns
        Answers.
    signed : bool
        As in :func:`item_parameters`.
    """
    layout, count = patterns.layout, patterns.people
    intercept = np.empty(len(layout.item))
    for item, categories in enumerate(layout.categories):
        here = patterns.codes[:, item]
        share = np.bincount(here[here >= 0], weights=count[here >= 0], minlength=categories) + 0.5
        below = np.cumsum(share)[:-1] / share.sum()
        # Integrating a standard normal trait flattens a logistic curve by about this much.
        intercept[layout.start[item] : layout.start[item + 1]] = 1.2 * np.log((1 - below) / below)
    return coordinates(np.ones(len(layout.categories)), intercept, layout=layout, signed=signed)


def mode(patterns: Patterns, *, prior: GradedPrior | None, count: int | None = None) -> Mode:
    """Highest point of the posterior density, or of the likelihood.

    Parameters
    ----------
    patterns : Patterns
        Answers.
    prior : GradedPrior or None
        None: maximum of the likelihood, which exists only where every category was used.
    count : int, optional
        Nodes of the integral; without it as many as the slopes found need.

    Notes
    -----
    L-BFGS with the exact gradient; marginal maximum likelihood without EM. The sign of the trait is free without a
    prior; the start has positive slopes.
    """
    layout = patterns.layout
    k = len(layout.categories)
    signed = prior is None
    x = starting_point(patterns, signed=signed)
    slope = np.full(k, 1.5)
    nodes = trait_nodes(count or nodes_needed(slope))
    limit = (-STEEPEST, STEEPEST) if signed else (-np.log(1e4), np.log(STEEPEST))
    bounds = [limit] * k + [(None, None)] * len(layout.item)

    def turned(at: Floats) -> tuple[float, Floats]:
        value, gradient = log_density(at, patterns=patterns, nodes=nodes, prior=prior)
        return -value, -gradient

    while True:
        found = minimize(
            turned, x, jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": 5000, "maxfun": 20000, "maxcor": 30, "ftol": 1e-14, "gtol": 1e-6},
        )  # fmt: skip
        x = found.x
        slope, intercept = item_parameters(x, layout=layout, signed=signed)
        needed = nodes_needed(ROOM * slope)
        if count is not None or needed <= len(nodes.theta):
            break
        nodes = trait_nodes(needed)
    return Mode(x, -float(found.fun), slope, intercept, nodes, bool(found.success))


def curvature(x: Floats, *, patterns: Patterns, nodes: Nodes, prior: GradedPrior | None) -> Floats:
    """Minus the second derivatives of the log density, by central differences of the gradient.

    Parameters
    ----------
    x : (k + thresholds,) array
        Where.
    patterns : Patterns
        Answers.
    nodes : Nodes
        Of the integral over the trait.
    prior : GradedPrior or None
        As in :func:`log_density`.
    """
    step = 1e-5
    rows = np.empty((len(x), len(x)))
    for at in range(len(x)):
        move = np.zeros(len(x))
        move[at] = step
        up, down = (
            log_density(x + sign * move, patterns=patterns, nodes=nodes, prior=prior)[1] for sign in (1, -1)
        )
        rows[at] = (down - up) / (2 * step)
    return np.asarray((rows + rows.T) / 2)
