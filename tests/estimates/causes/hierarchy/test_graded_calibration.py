"""Simulation-based calibration of the graded response model; ``calibrate.py`` makes the tables."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from rank_ecdf import RANKS, envelope, outside, ranks_of

from psychomet.numerics.graded import layout_of, log_likelihood, patterns_of
from psychomet.numerics.graded_density import GradedPrior
from psychomet.numerics.graded_simulation import prior_draw, simulated_codes

PRIOR = GradedPrior()
CATEGORIES = np.array([3, 2, 3])
N = 25
CONF = 0.9999  # of one envelope; 12 of them, fixed seed
WHAT = (
    *(f"slope {item}" for item in range(3)),
    *(f"intercept {at}" for at in range(5)),
    *("trait of the first", "trait of the second", "greatest trait", "log likelihood"),
)


def replicate(seed: int) -> tuple[NDArray[np.int_], int]:
    """Draw from the prior, answer, fit: ranks of the truth, and divergences."""
    from psychomet.estimates.causes.hierarchy.graded import graded_posterior
    from psychomet.estimates.causes.hierarchy.sampling import Sampling

    rng = np.random.default_rng([seed, 1])
    layout = layout_of(CATEGORIES)
    slope, intercept = prior_draw(layout, prior=PRIOR, rng=rng)
    theta = rng.normal(size=N)
    codes = simulated_codes(slope, intercept, theta=theta, layout=layout, rng=rng)
    codes[rng.random(codes.shape) < 0.1] = -1
    found = graded_posterior(
        codes, categories=CATEGORIES, items=["a", "b", "c"], respondents=[str(at) for at in range(N)], prior=PRIOR,
        sampling=Sampling(draws=160, tune=200, chains=2, target_accept=0.9), seed=seed,
    )  # fmt: skip
    patterns, nodes = patterns_of(codes, categories=CATEGORIES), found.mode.nodes
    a, d, t = (found.posterior[name].to_numpy().reshape(320, -1) for name in ("slope", "intercept", "trait"))
    value = [log_likelihood(patterns, *both, nodes=nodes).value for both in zip(a, d, strict=True)]
    draws = np.column_stack([a, d, t[:, :2], t.max(1), value])
    true = np.concatenate(
        [
            slope,
            intercept,
            theta[:2],
            [theta.max()],
            [log_likelihood(patterns, slope, intercept, nodes=nodes).value],
        ]
    )
    return ranks_of(draws, true), found.gate.divergences


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform() -> None:
    pytest.importorskip("nutpie")
    replicates = 48
    ranks = np.stack([replicate(1_000_000 + at)[0] for at in range(replicates)])
    bounds = envelope(replicates, ranks=RANKS, conf=CONF)
    left = {name: outside(ranks[:, at], bounds, ranks=RANKS) for at, name in enumerate(WHAT)}
    assert not any(left.values()), left
    # The test can fail: posteriors too narrow by a half leave the envelope.
    narrow = np.clip(np.round((ranks[:, 0] - 19.5) * 2 + 19.5), 0, RANKS - 1).astype(int)
    assert outside(narrow, bounds, ranks=RANKS)
