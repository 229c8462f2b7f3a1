r"""Knowledge states that drift between visits, along a graph of prerequisites: traits and states.

A learner l visits at times :math:`t_{l0} \le t_{l1} \le \dots` and answers questions on skills. The state of skill k follows an
Ornstein-Uhlenbeck process: with :math:`\tau` the time since the last visit and :math:`e = \exp(-\alpha_l \tau)`,

.. math:: z_{lkv} = e\, z_{lk,v-1} + (1 - e)\Big(\mu_l + \gamma_l \sum_{j \to k} a_{jk} z_{lj,v-1}\Big)
          + \varsigma_l \sqrt{1 - e^2}\; \epsilon_{lkv}, \qquad y \sim \mathrm{Bernoulli}(\mathrm{logit}^{-1}(z_{lkv} - b_k))

with forgetting rate alpha, long-term mean mu, transfer gamma, strengths a of the edges, difficulties b, and stationary standard
deviation varsigma; the volatility is :math:`\sigma = \varsigma \sqrt{2 \alpha}`. What prerequisites add to the mean is held between
two visits at its value at the first of them, which makes the law of the states exact at the times of visits. States start from
their stationary law without transfer. Source of the dynamics: Zhou, Bamler, Wu and Tejero-Cantero (2024, ICLR;
arXiv 2403.13179). There the traits drift too, and inference is variational; here they are constant and nothing is approximated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dtbtrs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TRAITS = ("rate", "level", "spread", "transfer")
"""Forgetting rate, long-term mean, stationary standard deviation, transfer."""
LOG_TRAITS = (True, False, True, False)
"""Which of them are positive, and have a lognormal law; the others have a normal one."""
RATE, LEVEL, SPREAD, TRANSFER = range(4)


class Visits(NamedTuple):
    """Answers as counts.

    Attributes
    ----------
    gaps : ndarray, shape (l, v)
        Time since the last visit; 0 at the first. Visits that a learner does not have stand at the end, with gap and tries 0.
    tries, correct : ndarray of float, shape (k, l, v)
        Answers given, and right ones, by skill.
    """

    gaps: Floats
    tries: Floats
    correct: Floats


class Graph(NamedTuple):
    """Prerequisites without a cycle.

    Attributes
    ----------
    source, target : ndarray of int, shape (m,)
        Edge by edge: the prerequisite, and the skill that builds on it.
    layers : tuple of ndarray of int
        Skills, such that all prerequisites of a skill stand in earlier layers.
    into : tuple of list of int
        For each layer, the edges that end in it.
    """

    source: Ints
    target: Ints
    layers: tuple[Ints, ...]
    into: tuple[list[int], ...]


class TracingPrior(NamedTuple):
    """Prior of the population; the unit of time is that of the gaps.

    Attributes
    ----------
    mean_location, mean_scale : tuple of float
        Normal law of the population means of log rate, level and log spread. The mean of transfer is 1: strengths
        carry the scale.
    sd_median : tuple of float
        Lognormal law of the standard deviations over learners of log rate, level, log spread and transfer: medians.
    sd_scale : float
        Standard deviation of their logarithms. Learners differ: 0 is no possible value.
    strength_scale : float
        Normal law of the strengths around 0.
    difficulty_scale : float
        Normal law of the difficulties, of which the sum is 0.
    """

    mean_location: tuple[float, float, float] = (-2.0, 0.0, 0.0)
    mean_scale: tuple[float, float, float] = (0.7, 1.0, 0.5)
    sd_median: tuple[float, float, float, float] = (0.4, 0.8, 0.3, 0.4)
    sd_scale: float = 0.4
    strength_scale: float = 0.5
    difficulty_scale: float = 1.0


class Places(NamedTuple):
    """Where the coordinates of a point lie.

    Attributes
    ----------
    mean, sd : slice
        Population: three means and four log standard deviations.
    strength, contrast : slice
        Edges, and what the difficulties are made of.
    learner : slice
        Four for each learner.
    shock : slice
        One for each skill, learner and visit.
    size : int
        Of a point.
    """

    mean: slice
    sd: slice
    strength: slice
    contrast: slice
    learner: slice
    shock: slice
    size: int


class Learned(NamedTuple):
    """A point of the model in its own terms.

    Attributes
    ----------
    traits : ndarray, shape (4, l)
        Rate, level, spread and transfer of every learner.
    strength : ndarray, shape (m,)
        Of the edges.
    difficulty : ndarray, shape (k,)
        Sum 0.
    states : ndarray, shape (k, l, v)
        At the visits.
    """

    traits: Floats
    strength: Floats
    difficulty: Floats
    states: Floats


def graph_of(edges: Sequence[tuple[int, int]], *, skills: int) -> Graph:
    """Order skills by their prerequisites.

    Parameters
    ----------
    edges : sequence of pairs of int
        Prerequisite and skill.
    skills : int
        Their number.

    Raises
    ------
    ValueError
        If the edges form a cycle.
    """
    depth = np.zeros(skills, dtype=np.int64)
    for _ in range(skills):
        before = depth.copy()
        for source, target in edges:
            depth[target] = max(depth[target], depth[source] + 1)
        if np.array_equal(before, depth):
            break
    else:
        raise ValueError("the prerequisites form a cycle")
    pairs = np.array(list(edges), dtype=np.int64).reshape(-1, 2)
    layers = tuple(np.flatnonzero(depth == at) for at in range(int(depth.max(initial=0)) + 1))
    into = tuple(np.flatnonzero(np.isin(pairs[:, 1], layer)).tolist() for layer in layers)
    return Graph(pairs[:, 0], pairs[:, 1], layers, into)


def visits_of(learner: Ints, time: Floats, skill: Ints, correct: Ints, *, shape: tuple[int, int]) -> Visits:
    """Count answers by visit: answers of a learner at the same time are one visit.

    Parameters
    ----------
    learner, skill : (n,) array of int
        From 0.
    time : (n,) array
        Of the answers, in any order.
    correct : (n,) array of int
        0 or 1.
    shape : tuple of int
        Numbers of learners and skills.

    Returns
    -------
    Visits
        As many visits as the busiest learner has.
    """
    people, skills = shape
    moments = [np.unique(time[learner == one]) for one in range(people)]
    most = max(len(found) for found in moments)
    gaps = np.zeros((people, most))
    tries, right = np.zeros((2, skills, people, most))
    for one, found in enumerate(moments):
        gaps[one, 1 : len(found)] = np.diff(found)
        mine = learner == one
        at = (skill[mine], one, np.searchsorted(found, time[mine]))
        np.add.at(tries, at, 1.0)
        np.add.at(right, at, correct[mine].astype(np.float64))
    return Visits(gaps, tries, right)


def places_of(visits: Visits, *, graph: Graph) -> Places:
    """Return where the coordinates lie.

    Parameters
    ----------
    visits : Visits
        The answers.
    graph : Graph
        The prerequisites.
    """
    skills, people, count = visits.tries.shape
    sizes = (3, 4, len(graph.source), skills - 1, 4 * people, skills * people * count)
    ends = np.cumsum((0, *sizes)).tolist()
    mean, sd, strength, contrast, learner, shock = (slice(start, stop) for start, stop in pairwise(ends))
    return Places(mean, sd, strength, contrast, learner, shock, ends[-1])


def contrasts(count: int) -> Floats:
    """Return an orthonormal basis, (count, count - 1), of the numbers that sum to 0.

    Parameters
    ----------
    count : int
        At least 1.
    """
    basis = np.zeros((count, max(count - 1, 0)))
    for at in range(1, count):
        basis[:at, at - 1] = 1 / math.sqrt(at * (at + 1))
        basis[at, at - 1] = -math.sqrt(at / (at + 1))
    return basis


class Steps(NamedTuple):
    """What a point says of the way from visit to visit; arrays of shape (l, v)."""

    keep: Floats
    move: Floats
    noise: Floats
    band: Floats


def steps_of(rate: Floats, gaps: Floats) -> Steps:
    """Share kept, share moved to the mean, and size of the shock; the first visit keeps nothing."""
    keep = np.exp(-rate[:, None] * gaps)
    noise = np.sqrt(-np.expm1(-2 * rate[:, None] * gaps))
    keep[:, 0], noise[:, 0] = 0.0, 1.0
    band = np.ones((2, keep.size), order="F")
    band[1, :-1] = -keep.ravel()[1:]
    return Steps(keep, 1 - keep, noise, band)


def solved(drive: Floats, steps: Steps, *, trans: str) -> Floats:
    """Solve the bidiagonal system that takes states to what drives them, or its transpose, for some skills."""
    found, _ = dtbtrs(steps.band, drive.reshape(len(drive), -1).T, uplo="L", trans=trans, diag="U")
    return np.asarray(found.T.reshape(drive.shape), dtype=np.float64)


def before(states: Floats) -> Floats:
    """States one visit earlier; 0 before the first."""
    earlier = np.zeros_like(states)
    earlier[..., 1:] = states[..., :-1]
    return earlier


def states_of(
    traits: Floats, strength: Floats, shocks: Floats, steps: Steps, graph: Graph
) -> tuple[Floats, Floats]:
    """States of all skills, layer by layer, each layer one banded solve; and what prerequisites send, by skill."""
    states, sent = np.zeros_like(shocks), np.zeros_like(shocks)
    level, spread, transfer = (traits[at][:, None] for at in (LEVEL, SPREAD, TRANSFER))
    for layer, edges in zip(graph.layers, graph.into, strict=True):
        for edge in edges:
            sent[graph.target[edge]] += strength[edge] * before(states[graph.source[edge]])
        drive = steps.move * (level + transfer * sent[layer]) + spread * steps.noise * shocks[layer]
        states[layer] = solved(drive, steps, trans="N")
    return states, sent


def learned_at(x: Floats, *, visits: Visits, graph: Graph, places: Places, prior: TracingPrior) -> Learned:
    """Return traits, strengths, difficulties and states at a point.

    Parameters
    ----------
    x : (size,) array
        Coordinates.
    visits, graph, places
        Of the model.
    prior : TracingPrior
        The prior, on whose scale some coordinates lie.
    """
    traits = traits_of(x, places, prior)
    shocks = x[places.shock].reshape(visits.tries.shape)
    strength = prior.strength_scale * x[places.strength]
    states, _ = states_of(traits, strength, shocks, steps_of(traits[RATE], visits.gaps), graph)
    return Learned(traits, strength, difficulty_of(x, places, prior), states)


def population_at(x: Floats, *, places: Places, prior: TracingPrior) -> Floats:
    """Return the means of log rate, level and log spread, then the standard deviations of the four traits.

    Parameters
    ----------
    x : (..., size) array
        Coordinates.
    places : Places
        Where they lie.
    prior : TracingPrior
        The prior.

    Returns
    -------
    ndarray, shape (..., 7)
    """
    mean = np.array(prior.mean_location) + np.array(prior.mean_scale) * x[..., places.mean]
    sd = np.array(prior.sd_median) * np.exp(prior.sd_scale * x[..., places.sd])
    return np.concatenate([mean, sd], axis=-1)


def traits_of(x: Floats, places: Places, prior: TracingPrior) -> Floats:
    """Return rate, level, spread and transfer of every learner, (4, l)."""
    told = population_at(x, places=places, prior=prior)
    raw = np.append(told[:3], 1.0)[:, None] + told[3:, None] * x[places.learner].reshape(4, -1)
    logged = list(LOG_TRAITS)
    raw[logged] = np.exp(raw[logged])
    return raw


def difficulty_of(x: Floats, places: Places, prior: TracingPrior) -> Floats:
    """Return the difficulties of the skills, which sum to 0."""
    free = x[places.contrast]
    return np.asarray(prior.difficulty_scale * (contrasts(len(free) + 1) @ free), dtype=np.float64)


def with_population(x: Floats, *, told: Floats, places: Places, prior: TracingPrior) -> Floats:
    """Return a point with another population; its learners stay as many standard deviations from the mean.

    Parameters
    ----------
    x : (size,) array
        A point.
    told : (7,) array
        Means of log rate, level and log spread, and four standard deviations.
    places : Places
        Where coordinates lie.
    prior : TracingPrior
        The prior.
    """
    found = x.copy()
    found[places.mean] = (told[:3] - np.array(prior.mean_location)) / np.array(prior.mean_scale)
    found[places.sd] = np.log(told[3:] / np.array(prior.sd_median)) / prior.sd_scale
    return found
