"""The density of a knowledge tracing model and its gradient; the model is in :mod:`psychomet.numerics.knowledge_tracing`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.knowledge_tracing import (
    LEVEL,
    LOG_TRAITS,
    RATE,
    SPREAD,
    TRANSFER,
    Graph,
    Places,
    Steps,
    TracingPrior,
    Visits,
    before,
    contrasts,
    difficulty_of,
    population_at,
    solved,
    states_of,
    steps_of,
    traits_of,
)

Floats = NDArray[np.float64]


def log_density(
    x: Floats, *, visits: Visits, graph: Graph, places: Places, prior: TracingPrior
) -> tuple[float, Floats]:
    """Return the log posterior density at a point, up to a constant, and its gradient.

    Parameters
    ----------
    x : (size,) array
        Coordinates, all standard normal in the prior: a draw of them is a draw from it.
    visits, graph, places
        Answers, prerequisites, and where coordinates lie.
    prior : TracingPrior
        The prior.

    Notes
    -----
    States are a linear function of the shocks: a banded system for each layer of the graph, no loop over time. The gradient
    solves the transposed systems from the last layer to the first.
    """
    value, gradient = -0.5 * float(x @ x), -x
    traits = traits_of(x, places, prior)
    strength = prior.strength_scale * x[places.strength]
    difficulty = difficulty_of(x, places, prior)
    shocks = x[places.shock].reshape(visits.tries.shape)
    steps = steps_of(traits[RATE], visits.gaps)
    states, sent = states_of(traits, strength, shocks, steps, graph)
    at = states - difficulty[:, None, None]
    small = np.exp(-np.abs(at))
    value += float((visits.correct * at - visits.tries * (np.maximum(at, 0.0) + np.log1p(small))).sum())
    pull = visits.correct - visits.tries * np.where(at > 0, 1.0, small) / (1 + small)

    back, by_strength = _adjoint(pull, traits, strength, states, steps, graph)
    by_trait = _by_trait(back, traits, states, sent, shocks, steps, visits)
    by_trait[list(LOG_TRAITS)] *= traits[list(LOG_TRAITS)]
    _carry(gradient, by_trait, x, places, prior)
    gradient[places.strength] += prior.strength_scale * by_strength
    gradient[places.contrast] -= prior.difficulty_scale * (
        contrasts(len(difficulty)).T @ pull.sum(axis=(1, 2))
    )
    gradient[places.shock] += (traits[SPREAD][:, None] * steps.noise * back).ravel()
    return value, gradient


def _adjoint(
    pull: Floats, traits: Floats, strength: Floats, states: Floats, steps: Steps, graph: Graph
) -> tuple[Floats, Floats]:
    """Derivative of the log likelihood in what drives each state, and in the strengths."""
    pull, back = pull.copy(), np.zeros_like(pull)
    by_strength = np.zeros(len(strength))
    weight = traits[TRANSFER][:, None] * steps.move
    for layer, edges in zip(reversed(graph.layers), reversed(graph.into), strict=True):
        back[layer] = solved(pull[layer], steps, trans="T")
        for edge in edges:
            passed = weight * back[graph.target[edge]]
            source = graph.source[edge]
            by_strength[edge] = (passed[:, 1:] * states[source][:, :-1]).sum()
            pull[source][:, :-1] += strength[edge] * passed[:, 1:]
    return back, by_strength


def _by_trait(
    back: Floats, traits: Floats, states: Floats, sent: Floats, shocks: Floats, steps: Steps, visits: Visits
) -> Floats:
    """Derivative in the four traits, (4, l)."""
    level, spread, transfer = (traits[at][:, None] for at in (LEVEL, SPREAD, TRANSFER))
    moved, shaken = (back * steps.move).sum(0), (back * shocks).sum(0)
    by_keep = (back * (before(states) - level - transfer * sent)).sum(0)
    # d noise / d rate = gap keep^2 / noise, which goes to 0 with the gap.
    slope = np.divide(
        visits.gaps * steps.keep**2, steps.noise, out=np.zeros_like(steps.noise), where=steps.noise > 0
    )
    by_rate = (-visits.gaps * steps.keep * by_keep + spread * slope * shaken).sum(1)
    by_transfer = (back * sent * steps.move).sum(axis=(0, 2))
    return np.stack([by_rate, moved.sum(1), (steps.noise * shaken).sum(1), by_transfer])


def _carry(gradient: Floats, by_raw: Floats, x: Floats, places: Places, prior: TracingPrior) -> None:
    """Add the derivative in log rate, level, log spread and transfer to those in population and learners."""
    unit = x[places.learner].reshape(4, -1)
    sd = population_at(x, places=places, prior=prior)[3:]
    gradient[places.mean] += np.array(prior.mean_scale) * by_raw[:3].sum(1)
    gradient[places.sd] += prior.sd_scale * sd * (by_raw * unit).sum(1)
    gradient[places.learner] += (sd[:, None] * by_raw).ravel()
