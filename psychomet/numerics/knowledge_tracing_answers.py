"""Answers drawn from a knowledge tracing model, and its forecasts; the model is in :mod:`psychomet.numerics.knowledge_tracing`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from psychomet.numerics.knowledge_tracing import Graph, Learned

Floats = NDArray[np.float64]


def answer(learned: Learned, *, tries: Floats, rng: np.random.Generator) -> Floats:
    """Draw counts of right answers.

    Parameters
    ----------
    learned : Learned
        States and difficulties.
    tries : (k, l, v) array
        Answers given.
    rng : Generator
        Of the draw.
    """
    chance = expit(learned.states - learned.difficulty[:, None, None])
    return rng.binomial(tries.astype(np.int64), chance).astype(np.float64)


def forecast(learned: Learned, *, gaps: Floats, graph: Graph, rng: np.random.Generator) -> Floats:
    """Draw states at later visits, from those at the last column of the states.

    Parameters
    ----------
    learned : Learned
        A point.
    gaps : (l, w) array
        Time since the visit before; the first since the last visit known.
    graph : Graph
        The prerequisites.
    rng : Generator
        Of the shocks.

    Returns
    -------
    ndarray, shape (k, l, w)
        Probabilities of a right answer.
    """
    now = learned.states[:, :, -1]
    rate, level, spread, transfer = learned.traits
    found = np.empty((*now.shape, gaps.shape[1]))
    for at in range(gaps.shape[1]):
        keep = np.exp(-rate * gaps[:, at])
        sent = np.zeros_like(now)
        for edge, (source, target) in enumerate(zip(graph.source, graph.target, strict=True)):
            sent[target] += learned.strength[edge] * now[source]
        shock = spread * np.sqrt(1 - keep**2) * rng.standard_normal(now.shape)
        now = keep * now + (1 - keep) * (level + transfer * sent) + shock
        found[:, :, at] = now
    return np.asarray(expit(found - learned.difficulty[:, None, None]), dtype=np.float64)
