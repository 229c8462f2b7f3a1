"""Coverage of intervals over simulated classes whose population is drawn from the prior.

Run it as ``python analyses/knowledge_tracing/calibrate.py --replicates 40 --seed 1``.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import calibration
import classroom
import numpy as np

import psychomet as pm
from psychomet.estimates.causes.hierarchy.tracing import tracing_posterior
from psychomet.numerics.knowledge_tracing import (
    TRAITS,
    TracingPrior,
    Visits,
    graph_of,
    learned_at,
    places_of,
    population_at,
)
from psychomet.numerics.knowledge_tracing_answers import answer

PRIOR = TracingPrior()
LEARNERS, VISITS = 12, 10
SAMPLING = pm.Sampling(draws=300, tune=300, chains=2, target_accept=0.8)


def ranks(seed: int) -> dict[str, np.ndarray]:
    """Return, for one class, the posterior probability below the truth of every kind of number."""
    rng = np.random.default_rng([seed, 0])
    graph = graph_of(
        [tuple(classroom.SKILLS.index(name) for name in edge) for edge in classroom.EDGES],
        skills=len(classroom.SKILLS),
    )
    gaps = rng.exponential(classroom.GAP, (LEARNERS, VISITS))
    gaps[:, 0] = 0.0
    tries = rng.poisson(classroom.QUESTIONS, (len(classroom.SKILLS), LEARNERS, VISITS)).astype(float)
    visits = Visits(gaps, tries, np.zeros_like(tries))
    places = places_of(visits, graph=graph)
    x = rng.standard_normal(places.size)
    truth = learned_at(x, visits=visits, graph=graph, places=places, prior=PRIOR)
    found = tracing_posterior(
        visits._replace(correct=answer(truth, tries=tries, rng=rng)),
        edges=classroom.EDGES,
        learners=[str(at) for at in range(LEARNERS)],
        skills=classroom.SKILLS,
        prior=PRIOR,
        sampling=SAMPLING,
        seed=seed,
    )
    known = dict(zip(TRAITS, truth.traits, strict=True)) | {
        "population": population_at(x, places=places, prior=PRIOR), "strength": truth.strength,
        "difficulty": truth.difficulty, "state": truth.states[:, :, -1],
    }  # fmt: skip
    return {
        name: (found.posterior[name].to_numpy() < value).mean(axis=(0, 1)) for name, value in known.items()
    }


if __name__ == "__main__":
    calibration.main(ranks, about=__doc__, replicates=40)
