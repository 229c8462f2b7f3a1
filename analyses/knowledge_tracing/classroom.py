"""Simulated learners on a graph of prerequisites, and predictions that know no time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp

from psychomet.estimates.causes.hierarchy.tracing import answers_to_visits
from psychomet.numerics.knowledge_tracing import (
    Graph,
    Learned,
    TracingPrior,
    Visits,
    graph_of,
    learned_at,
    places_of,
    with_population,
)
from psychomet.numerics.knowledge_tracing_answers import answer

SKILLS = ("counting", "addition", "subtraction", "multiplication", "division")
EDGES = (
    ("counting", "addition"), ("counting", "subtraction"), ("addition", "multiplication"),
    ("subtraction", "division"), ("multiplication", "division"),
)  # fmt: skip
STRENGTH = (0.8, 0.5, 0.6, 0.0, 0.5)
"""Of the edges; subtraction does nothing for division."""
POPULATION = (-2.0, 0.3, 0.0, 0.5, 0.8, 0.3, 0.4)
"""Means of log rate, level and log spread; standard deviations of these and of transfer. Time in days."""
GAP, QUESTIONS = 4.0, 1.5
"""Mean days between visits, mean questions on a skill at a visit."""
NODES = 41


class Study(NamedTuple):
    """A simulated class.

    Attributes
    ----------
    table : DataFrame
        One row per answer: learner, day, skill, correct.
    learners : list of str
        Names.
    shown : Visits
        What is fitted.
    later : Visits
        The visits after; their first gap is that since the last visit shown.
    truth : Learned
        With the states at all visits.
    graph : Graph
        Prerequisites.
    """

    table: pd.DataFrame
    learners: list[str]
    shown: Visits
    later: Visits
    truth: Learned
    graph: Graph


def simulate(*, learners: int, visits: int, later: int, seed: int, population=POPULATION) -> Study:
    """Simulate a class; the last ``later`` visits of everyone are held out."""
    rng = np.random.default_rng(seed)
    whole, truth, graph = simulated(learners, visits + later, rng, population)
    names = [f"learner {at + 1:02d}" for at in range(learners)]
    shown = Visits(whole.gaps[:, :visits], whole.tries[..., :visits], whole.correct[..., :visits])
    rest = Visits(whole.gaps[:, visits:], whole.tries[..., visits:], whole.correct[..., visits:])
    table = answers(shown, names, rng)
    counted = answers_to_visits(
        learner=table["learner"].tolist(),
        time=table["day"].to_numpy(),
        skill=table["skill"].tolist(),
        correct=table["correct"].to_numpy(),
        learners=names,
        skills=SKILLS,
    )
    return Study(table, names, counted, rest, truth, graph)


def simulated(
    learners: int, visits: int, rng: np.random.Generator, population=POPULATION, strength=STRENGTH
) -> tuple[Visits, Learned, Graph]:
    """Draw learners from a population, and their answers at visits of which none is without a question."""
    prior = TracingPrior()
    graph = graph_of([(SKILLS.index(a), SKILLS.index(b)) for a, b in EDGES], skills=len(SKILLS))
    gaps = rng.exponential(GAP, (learners, visits))
    gaps[:, 0] = 0.0
    tries = rng.poisson(QUESTIONS, (len(SKILLS), learners, visits)).astype(float)
    tries[0][tries.sum(axis=0) == 0] = 1.0
    empty = Visits(gaps, tries, np.zeros_like(tries))
    places = places_of(empty, graph=graph)
    x = with_population(
        rng.standard_normal(places.size), told=np.array(population), places=places, prior=prior
    )
    x[places.strength] = np.array(strength) / prior.strength_scale
    truth = learned_at(x, visits=empty, graph=graph, places=places, prior=prior)
    return empty._replace(correct=answer(truth, tries=tries, rng=rng)), truth, graph


def answers(visits: Visits, names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per answer, in random order."""
    days = np.cumsum(visits.gaps, axis=1)
    rows = [
        (names[learner], days[learner, visit], SKILLS[skill], int(number < visits.correct[skill, learner, visit]))
        for (skill, learner, visit), tries in np.ndenumerate(visits.tries)
        for number in range(int(tries))
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["learner", "day", "skill", "correct"])
    return table.iloc[rng.permutation(len(table))].reset_index(drop=True)


def true_chance(study: Study) -> np.ndarray:
    """Return the probabilities of right answers at all visits."""
    return expit(study.truth.states - study.truth.difficulty[:, None, None])


def share_right(study: Study) -> np.ndarray:
    """Predict by the share of right answers to a skill."""
    right, tries = (values.sum(axis=(1, 2)) for values in (study.shown.correct, study.shown.tries))
    return np.broadcast_to(((right + 1) / (tries + 2))[:, None, None], study.later.tries.shape)


def rasch(study: Study) -> np.ndarray:
    """Predict by ability and difficulty, the same at all times: marginal likelihood, abilities normal, posterior means."""
    right, tries = study.shown.correct.sum(axis=2), study.shown.tries.sum(axis=2)
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight = np.log(weight / weight.sum())
    ease, sd = np.zeros(len(right)), 1.0
    # EM: the posterior of abilities on nodes, then one Newton step of the easiness and the moment of the ability.
    for _ in range(100):
        chance = expit(ease[:, None] + sd * node)
        fit = weight + right.T @ np.log(chance) + (tries - right).T @ np.log1p(-chance)
        mass = np.exp(fit - logsumexp(fit, axis=1, keepdims=True))
        count = tries @ mass
        ease = ease + (right.sum(axis=1) - (count * chance).sum(axis=1)) / (
            count * chance * (1 - chance)
        ).sum(axis=1)
        sd *= np.sqrt((mass @ node**2).mean())
    found = mass @ expit(ease[:, None] + sd * node).T
    return np.broadcast_to(found.T[:, :, None], study.later.tries.shape)


def last_answer(study: Study) -> np.ndarray:
    """Predict by whether the last answer of the learner on the skill was right: shares after right, wrong and none."""
    counts = np.ones((3, 2))
    now = np.full(study.shown.tries.shape[:2], 2)
    for row in study.table.sort_values("day", kind="stable").itertuples():
        at = (SKILLS.index(row.skill), study.learners.index(row.learner))
        counts[now[at], row.correct] += 1
        now[at] = row.correct
    return np.broadcast_to((counts[:, 1] / counts.sum(axis=1))[now][:, :, None], study.later.tries.shape)


def log_scores(chance: np.ndarray, later: Visits) -> np.ndarray:
    """Return the mean log probability of the answers held out, by learner."""
    whole = later.correct * np.log(chance) + (later.tries - later.correct) * np.log1p(-chance)
    return whole.sum(axis=(0, 2)) / later.tries.sum(axis=(0, 2))
