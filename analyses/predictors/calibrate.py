"""Coverage of intervals over simulated studies whose truth is drawn from the prior.

Run it as ``python analyses/predictors/calibrate.py --replicates 60 --seed 1``.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import calibration
import numpy as np
import urns
from scipy.special import expit

import psychomet as pm
from psychomet.estimates.causes.hierarchy.predictors import predictor_posterior
from psychomet.numerics.predictor_posterior import (
    Conditions,
    Odds,
    PredictorPrior,
    Probes,
    middle_steps,
    observe,
    tradeoff,
)

PRIOR = PredictorPrior()
TASKS, RUNS, PROBES = (4, 16, 64, 256), 4, 12
STEPS = np.geomspace(500, 500_000, 6)
SAMPLING = pm.Sampling(draws=300, tune=300, chains=2)


def draw(rng: np.random.Generator) -> tuple[Conditions, Probes, Odds]:
    """Draw a study: urns, a law, runs, conditions and noise from the prior, and what models say."""
    gaps, pairs = [], []
    for count in TASKS:
        known = rng.dirichlet(np.ones(urns.COLOURS), count)
        gaps.append(urns.loss_gap(known, rng))
        pairs.append(urns.probe(known, PROBES, rng))
    size = np.repeat(urns.CODE + urns.BITS * (urns.COLOURS - 1) * np.array(TASKS, dtype=float), len(STEPS))
    conditions = Conditions(
        np.tile(STEPS, len(TASKS)), np.repeat(gaps, len(STEPS)), size, np.full(len(size), urns.CODE)
    )
    law = np.array(PRIOR.location) + np.array(PRIOR.scale) * rng.standard_normal(3)
    medians = np.array([PRIOR.run_median, PRIOR.condition_median, PRIOR.noise_median])
    sd = medians * np.exp(PRIOR.sd_scale * rng.standard_normal(3))
    run = sd[0] * rng.standard_normal(RUNS)
    parts = tradeoff(law, conditions, middle=middle_steps(conditions))
    own = sd[1] * rng.standard_normal((RUNS, len(size)))
    truth = Odds(law, sd, run, np.exp(run)[:, None] * parts.evidence - parts.cost + own)
    one, other = (np.repeat([pair[at] for pair in pairs], len(STEPS), axis=0) for at in (0, 1))
    empty = Probes(one, other, np.zeros((RUNS, len(size), PROBES)))
    return conditions, empty._replace(observed=observe(truth.log_odds, empty, noise=sd[2], rng=rng)), truth


def ranks(seed: int) -> dict[str, np.ndarray]:
    """Return, for one study, the posterior probability below the truth of every kind of number."""
    conditions, probes, truth = draw(np.random.default_rng([seed, 0]))
    found = predictor_posterior(
        probes,
        conditions=conditions,
        runs=[str(at) for at in range(RUNS)],
        prior=PRIOR,
        sampling=SAMPLING,
        seed=seed,
    )
    known = {
        "law": truth.law, "sd": truth.sd, "deviation": truth.run, "log_odds": truth.log_odds,
        "alpha": expit(truth.law[1]), "beta": expit(truth.law[2]),
    }  # fmt: skip
    return {
        name: (found.posterior[name].to_numpy() < value).mean(axis=(0, 1)) for name, value in known.items()
    }


if __name__ == "__main__":
    calibration.main(ranks, about=__doc__, replicates=60)
