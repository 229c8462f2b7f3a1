"""Balls and urns: what the two predictors say, what memory costs and saves, and models that mix them."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, logit, logsumexp

from psychomet.numerics.predictor_posterior import (
    Conditions,
    Odds,
    Probes,
    middle_steps,
    observe,
    tradeoff,
)

COLOURS = 6
LENGTH = 24
"""Balls in a training sequence."""
SEQUENCES = 2000
"""Over which the losses are averaged."""
BITS = 8
"""To store a share of a colour."""
CODE = 200.0
"""Bits of either predictor besides: the rule."""

GAMMA, ALPHA, BETA = 1.0, 0.40, 0.40
SD = (0.20, 0.50, 0.30)
"""Of log gamma between runs, of conditions about the law, of what is observed."""


class Study(NamedTuple):
    """Simulated models.

    Attributes
    ----------
    tasks, steps : ndarray, shape (c,)
        Urns in training, and sequences seen.
    conditions : Conditions
        What the law is about.
    probes : Probes
        All of them.
    held_out : ndarray of bool, shape (c,)
        Conditions that are not shown.
    truth : Odds
        Of the simulation.
    """

    tasks: np.ndarray
    steps: np.ndarray
    conditions: Conditions
    probes: Probes
    held_out: np.ndarray
    truth: Odds


def drawn(urns: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how often each colour was drawn, a row per sequence."""
    return np.array([rng.multinomial(length, urn) for length, urn in zip(lengths, urns, strict=True)])


def memorising(counts: np.ndarray, urns: np.ndarray) -> np.ndarray:
    """Return the probability of each colour for who knows the urns, and not which of them it is."""
    fit = counts @ np.log(urns).T
    return np.exp(fit - logsumexp(fit, axis=1, keepdims=True)) @ urns


def generalising(counts: np.ndarray) -> np.ndarray:
    """Return the probability of each colour for who knows the law of urns: Laplace's rule, Dirichlet prior of ones."""
    return (counts + 1) / (counts.sum(axis=1, keepdims=True) + COLOURS)


def loss_gap(urns: np.ndarray, rng: np.random.Generator) -> float:
    """Return the loss of the generalising predictor minus that of the memorising one, in nats per ball of training."""
    which = rng.integers(len(urns), size=SEQUENCES)
    counts = drawn(urns[which], np.full(SEQUENCES, LENGTH), rng)
    known = logsumexp(counts @ np.log(urns).T, axis=1) - np.log(len(urns))
    rule = gammaln(COLOURS) - gammaln(COLOURS + LENGTH) + gammaln(counts + 1).sum(axis=1)
    return float((known - rule).mean() / LENGTH)


def probe(urns: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the log odds that the two predictors give to the next ball, in sequences from new urns."""
    new = rng.dirichlet(np.ones(COLOURS), count)
    counts = drawn(new, rng.integers(2, LENGTH, size=count), rng)
    ball = np.array([rng.choice(COLOURS, p=urn) for urn in new])
    at = np.arange(count)
    return logit(memorising(counts, urns)[at, ball]), logit(generalising(counts)[at, ball])


def simulate(
    *, tasks: list[int], steps: np.ndarray, runs: int, probes: int, later: int, row: int, seed: int
) -> Study:
    """Simulate models by the law.

    Parameters
    ----------
    tasks, steps : list of int, ndarray
        Numbers of urns, and of sequences: every combination is a condition.
    runs, probes : int
        Models, and probes of each condition.
    later, row : int
        Held out are the last ``later`` numbers of sequences of all, and all of the urns number ``row``.
    seed : int
        Of everything.
    """
    rng = np.random.default_rng(seed)
    gaps, known, rules = [], [], []
    for count in tasks:
        urns = rng.dirichlet(np.ones(COLOURS), count)
        gaps.append(loss_gap(urns, rng))
        # The same balls for all numbers of sequences.
        one, other = probe(urns, probes, rng)
        known.append(one)
        rules.append(other)
    many = np.repeat(tasks, len(steps)).astype(float)
    sizes = CODE + BITS * (COLOURS - 1) * many
    conditions = Conditions(
        np.tile(steps, len(tasks)), np.repeat(gaps, len(steps)), sizes, np.full(len(many), CODE)
    )
    held = np.tile(np.arange(len(steps)) >= len(steps) - later, len(tasks)) | (many == tasks[row])
    pair = [np.repeat(values, len(steps), axis=0) for values in (known, rules)]
    truth = true_odds(conditions, runs, rng)
    empty = Probes(pair[0], pair[1], np.zeros((runs, len(many), probes)))
    seen = observe(truth.log_odds, empty, noise=SD[2], rng=rng)
    return Study(many, conditions.steps, conditions, empty._replace(observed=seen), held, truth)


def true_odds(conditions: Conditions, runs: int, rng: np.random.Generator) -> Odds:
    """Return log odds by the law, with what runs and conditions have of their own."""
    middle = middle_steps(conditions)
    law = np.array([np.log(GAMMA) + (1 - ALPHA) * np.log(middle), logit(ALPHA), logit(BETA)])
    parts = partial(tradeoff, middle=middle)(law, conditions)
    run = SD[0] * rng.standard_normal(runs)
    own = SD[1] * rng.standard_normal((runs, len(conditions.steps)))
    return Odds(law, np.array(SD), run, np.exp(run)[:, None] * parts.evidence - parts.cost + own)


def shown(study: Study) -> Probes:
    """Return the probes with those of held-out conditions blanked."""
    observed = study.probes.observed.copy()
    observed[:, study.held_out] = np.nan
    return study.probes._replace(observed=observed)
