"""Simulation-based calibration of the Gaussian model of balanced designs; ``calibrate.py`` makes the tables."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from rank_ecdf import LEVELS, RANKS, coverage, envelope, outside, p_value, ranks_of

from psychomet.numerics.strata import log_likelihood, mean_given, strata, true_scores
from psychomet.numerics.strata_posterior import log_posterior, start_at

SIZES = (12, 6, 4)
DF, SCALE, LOCATION, SPREAD = 3.0, np.array([1.0, 0.7, 0.5, 0.6, 0.4, 0.3, 1.0]), 4.0, 1.5
NEAR = 0.01  # bounds are whole numbers, p of 2,000 simulations
ERRORS = 4.0  # Monte Carlo errors of a share; 36 of them, fixed seed
WHAT = (
    *("sd of respondent", "item", "prompt", "respondent x item", "respondent x prompt", "item x prompt", "residual"),
    *("mean", "true score", "G", "Phi", "log likelihood"),
)  # fmt: skip


def drawn(values: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], int]:
    """Posterior draws of standard deviations, as `fit_gaussian` has them but without the tables around."""
    from psychomet.estimates.causes.hierarchy.sampling import Sampling, sample_density

    found = strata(values)
    density = log_posterior(found, df=DF, scale=SCALE, location=LOCATION, spread=SPREAD)
    got = sample_density(
        density, start=start_at(found), model=lambda: None, stacked=lambda _: np.empty(0),
        sampling=Sampling(draws=200, tune=200, chains=2), seed=seed,
    )  # fmt: skip
    return np.exp(got.x.reshape(-1, 7)), got.divergences


def quantities(
    values: NDArray[np.float64],
    sd: NDArray[np.float64],
    mean: NDArray[np.float64],
    score: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What is ranked, (draws, 12)."""
    variance = sd**2
    n_item, n_prompt = SIZES[1:]
    relative = variance[:, 3] / n_item + variance[:, 4] / n_prompt + variance[:, 6] / (n_item * n_prompt)
    absolute = (
        relative + variance[:, 1] / n_item + variance[:, 2] / n_prompt + variance[:, 5] / (n_item * n_prompt)
    )
    top = variance[:, 0]
    value = log_likelihood(strata(values), variance, location=LOCATION, spread=SPREAD)
    return np.column_stack([sd, mean, score, top / (top + relative), top / (top + absolute), value])


def replicate(seed: int) -> tuple[NDArray[np.int_], int]:
    """Draw from the prior, answer, fit: ranks of the truth, and divergences."""
    rng = np.random.default_rng([seed, 1])
    sd = np.abs(rng.standard_t(DF, 7)) * SCALE
    mean = LOCATION + SPREAD * rng.standard_normal()
    person = sd[0] * rng.standard_normal((SIZES[0], 1, 1))
    shapes = [(1, 6, 1), (1, 1, 4), (12, 6, 1), (12, 1, 4), (1, 6, 4), (12, 6, 4)]
    values = (
        mean + person + sum(s * rng.standard_normal(shape) for s, shape in zip(sd[1:], shapes, strict=True))
    )
    draws, divergences = drawn(values, seed)
    found, variance = strata(values), draws**2
    middle, left = mean_given(found, variance, location=LOCATION, spread=SPREAD)
    centre = middle + np.sqrt(left) * rng.standard_normal(middle.shape)
    relative = variance[:, 3] / 6 + variance[:, 4] / 4 + variance[:, 6] / 24
    shared = variance[:, 1] / 6 + variance[:, 2] / 4 + variance[:, 5] / 24
    score = true_scores(
        values.mean((1, 2)), universe=variance[:, 0], relative=relative, shared=shared, mean=centre, rng=rng
    )
    posterior = quantities(values, draws, centre, score[:, 0])
    truth = quantities(values, sd[None], np.array([mean]), np.array([mean + person[0, 0, 0]]))[0]
    return ranks_of(posterior, truth), divergences


@pytest.mark.slow
def test_ranks_are_uniform() -> None:
    pytest.importorskip("nutpie")
    replicates = 200
    found = [replicate(1_000_000 + at) for at in range(replicates)]
    ranks = np.array([one[0] for one in found])
    # Twelve quantities: each envelope at 1 - 0.05 / 12 makes 5 % for all.
    bounds = envelope(replicates, ranks=RANKS, conf=1 - 0.05 / len(WHAT))
    out = {name: outside(ranks[:, at], bounds, ranks=RANKS) for at, name in enumerate(WHAT)}
    assert not any(out.values()), out
    held, level = coverage(ranks), np.array(LEVELS)[:, None]
    assert (np.abs(held - level) < ERRORS * np.sqrt(level * (1 - level) / replicates)).all(), held
    assert sum(one[1] for one in found) <= replicates  # of 400 transitions each


def test_the_envelope_holds_what_it_says_and_finds_what_it_should() -> None:
    bounds = envelope(200, ranks=RANKS, conf=0.95, simulations=2000)
    rng = np.random.default_rng(2)
    wrong = [outside(rng.integers(0, RANKS, 200), bounds, ranks=RANKS) > 0 for _ in range(1000)]
    assert 0.03 < np.mean(wrong) < 0.075  # 0.05 with 1,000 tries and a bound found from 2,000
    narrow = np.clip(np.rint(rng.normal(RANKS / 2, RANKS / 5, 200)), 0, RANKS - 1).astype(int)
    shifted = np.minimum(rng.integers(0, RANKS, 200), rng.integers(0, RANKS, 200))
    assert outside(narrow, bounds, ranks=RANKS) and outside(shifted, bounds, ranks=RANKS)
    assert max(p_value(one, ranks=RANKS) for one in (narrow, shifted)) < 0.001
    # An ECDF leaves the band of 95 % where its p is below 5 %.
    for found in rng.integers(0, RANKS, (20, 200)):
        p = p_value(found, ranks=RANKS, simulations=2000)
        assert (p < 0.05) == bool(outside(found, bounds, ranks=RANKS)) or abs(p - 0.05) < NEAR
    # Central intervals of uniform ranks hold exactly what they say.
    np.testing.assert_allclose(coverage(np.arange(RANKS)), LEVELS)
