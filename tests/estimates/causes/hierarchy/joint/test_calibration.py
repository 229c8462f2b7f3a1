"""Simulation-based calibration of the joint model, and its sampler against the shipped one.

Parameters and answers are drawn in NumPy (``simulation``), the posterior comes from the density in JAX: neither knows the other.
The long campaigns are run by ``calibrate.py`` in the folder above.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("nutpie")
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

import campaign
import lanes
from designs import DESIGNS
from rank_ecdf import RANKS, envelope, outside

from psychomet.estimates.causes.hierarchy.joint.density import points_of
from psychomet.estimates.causes.hierarchy.joint.fit import joint_posterior
from psychomet.estimates.causes.hierarchy.joint.plan import data_of, plan_of
from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw
from psychomet.estimates.causes.hierarchy.joint.variables import dataset, turned
from psychomet.estimates.causes.hierarchy.sampling import Sampling

SAMPLING = Sampling(draws=300, tune=300, chains=2, target_accept=0.9)
ERRORS = 5.0
"""Monte Carlo standard errors of some ten means that may lie between two samplers."""
REPLICATES = 48
THIN = 10
"""Fewer trajectories between draws than in the campaign: what is looked for here is gross."""
SEED = 1_000_000
OFTEN = ("ordinal", "raters", "growth", "mixture")
"""Designs of every push: answers and a rate, ratings by raters, growth with what varies within units, profiles."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", ["ordinal", *(pytest.param(one, marks=pytest.mark.long) for one in ("growth", "mixture"))]
)
def test_both_samplers_find_one_posterior(family: str) -> None:
    arviz = pytest.importorskip("arviz")
    truth, joint = campaign.drawn(family, 3)
    plan = plan_of(joint)
    data = data_of(joint, plan, campaign.PRIORS)
    moved = lanes.sample(plan, [data] * 4, draws=150, thin=8, seed=2)
    x = moved.x.transpose(1, 0, 2)
    point = points_of(plan, data)(x.reshape(-1, x.shape[-1]))
    ours = dataset(joint, plan, [turned(point.parameters, plan)], x.shape[:2])
    theirs = joint_posterior(joint, priors=campaign.PRIORS, sampling=SAMPLING, seed=4).draws
    for label, (name, place) in campaign.chosen(joint, truth).items():
        values = [one[name].to_numpy()[(slice(None), slice(None), *place)] for one in (ours, theirs)]
        errors = [one.std() / np.sqrt(float(arviz.ess(one))) for one in values]
        assert abs(values[0].mean() - values[1].mean()) < ERRORS * np.hypot(*errors), label


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", [pytest.param(one, marks=[pytest.mark.long] * (one not in OFTEN)) for one in DESIGNS]
)
def test_ranks_are_uniform(family: str) -> None:
    found = campaign.ranked(family, [SEED + at for at in range(REPLICATES)], thin=THIN)
    names = campaign.names(family)
    # All numbers of a design together at 95 %.
    bounds = envelope(REPLICATES, ranks=RANKS, conf=1 - 0.05 / len(names))
    ranks = np.array([one.ranks for one in found])
    out = {name: outside(ranks[:, at], bounds, ranks=RANKS) for at, name in enumerate(names)}
    assert not any(out.values()), out


def test_successive_draws() -> None:
    rng = np.random.default_rng(1)
    independent = rng.standard_normal((4000, 3))
    assert campaign.successive(independent) == pytest.approx(0.0, abs=0.03)
    assert campaign.successive(np.cumsum(independent, axis=0)) > 0.9


def test_what_is_ranked_is_there() -> None:
    rng = np.random.default_rng(1)
    for family, design in DESIGNS.items():
        joint = design()
        truth = prior_draw(joint, campaign.PRIORS, rng)
        numbers = campaign.chosen(joint, truth)
        assert len(numbers) >= 5, family
        for name, place in numbers.values():
            assert np.isfinite(np.asarray(truth[name])[place]) and np.asarray(truth[name])[place] != 0, name


def test_faults_leave_the_envelope() -> None:
    """What the slow test sees nearly always: posteriors beside the truth by .8 of their spread, or of .4 of the right one.

    Of 200 simulated campaigns it found 98 and 99.5 %; .5 of the spread in 45 %, half the spread in 90 %.
    """
    rng = np.random.default_rng(2)
    bounds = envelope(REPLICATES, ranks=RANKS, conf=1 - 0.05 / 12)
    draws, truth = rng.standard_normal((REPLICATES, RANKS - 1)), rng.standard_normal(REPLICATES)

    def ranks(shift: float, width: float) -> int:
        return outside((draws * width + shift < truth[:, None]).sum(axis=1), bounds, ranks=RANKS)

    assert ranks(0.0, 1.0) == 0
    assert ranks(0.8, 1.0) > 0 and ranks(0.0, 0.4) > 0
