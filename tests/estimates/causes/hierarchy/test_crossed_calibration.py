"""Simulation-based calibration of crossed mixed models; ``calibrate.py`` makes the tables."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from rank_ecdf import RANKS, envelope, outside, ranks_of

SIZES = (8, 6, 4)
FACETS = ("model", "item", "order")
EFFECTS = ((0,), (1,), (2,), (0, 1))
DF, SCALE, LOCATION, SPREAD = 5.0, 0.7, 0.5, 1.5
CATEGORIES = {"ordinal": 4, "binary": 2}
FAMILIES = ("ordinal", "binary", "normal_sampled", "normal_integrated")
OFTEN = ("ordinal", "normal_integrated")
DRAWS = 160
CONF = 0.9999  # of one envelope; about 12 of them, fixed seed


def names(family: str) -> tuple[str, ...]:
    """What is ranked."""
    normal = family not in CATEGORIES
    sds = ("model", "item", "order", "model x item", *(("residual",) if normal else ()))
    own = ("mean",) if normal else tuple(f"threshold {at + 1}" for at in range(CATEGORIES[family] - 1))
    shown = ("first model", "first order", "first model x item", "level sd of order", "log likelihood")
    return (*(f"sd of {name}" for name in sds), *own, *shown)


def log_likelihood(
    family: str,
    answers: NDArray[np.float64],
    eta: NDArray[np.float64],
    own: NDArray[np.float64],
    residual: float,
) -> float:
    """Of the rows given effects."""
    if family not in CATEGORIES:
        return float(
            -answers.size * np.log(residual) - ((answers - own[0] - eta) ** 2).sum() / (2 * residual**2)
        )
    cuts = np.concatenate([[-np.inf], own, [np.inf]])
    code = answers.astype(int)
    passed = 1 / (1 + np.exp(np.clip(cuts - eta[:, None], -700, 700)))
    row = np.arange(code.size)
    return float(np.log(np.maximum(passed[row, code] - passed[row, code + 1], 1e-300)).sum())


def replicate(family: str, seed: int) -> tuple[NDArray[np.int_], int]:
    """Draw from the prior, answer, fit: ranks of the truth, and divergences."""
    from psychomet.estimates.causes.hierarchy import crossed as module
    from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
    from psychomet.estimates.causes.hierarchy.sampling import Sampling

    rng = np.random.default_rng([seed, 1])
    normal = family not in CATEGORIES
    sd = np.abs(rng.standard_t(DF, 4 + normal)) * SCALE
    own = np.sort(LOCATION + SPREAD * rng.standard_normal(1 if normal else CATEGORIES[family] - 1))
    codes = [np.repeat(code, 2) for code in np.indices(SIZES).reshape(3, -1)]
    keep = rng.random(codes[0].size) < 0.7
    codes = [code[keep] for code in codes]
    levels = [np.ravel_multi_index([codes[a] for a in e], [SIZES[a] for a in e]) for e in EFFECTS]
    effects = [s * rng.standard_normal(level.max() + 1) for s, level in zip(sd, levels, strict=False)]
    eta = np.sum([u[level] for u, level in zip(effects, levels, strict=True)], axis=0)
    if normal:
        answers = own[0] + eta + sd[-1] * rng.standard_normal(eta.size)
    else:
        answers = ((eta + rng.logistic(size=eta.size))[:, None] > own).sum(1).astype(float)
        if (
            np.unique(answers).size == 1
        ):  # refused; leaving tables out for what they hold changes no posterior
            return replicate(family, seed + 500_000)
    priors = Priors(sd_df=DF, sd_scale=SCALE, mean_location=LOCATION, mean_scale=SPREAD)
    labels = {name: np.array([f"{at:02d}" for at in code]) for name, code in zip(FACETS, codes, strict=True)}
    most = 0 if family == "normal_sampled" else 10_000
    with patch.object(module, "MOST_DENSE", most):
        found = module.crossed_posterior(
            answers, facets=labels, effects=[[FACETS[a] for a in e] for e in EFFECTS],
            likelihood="gaussian" if normal else "binary" if family == "binary" else "ordinal",
            low=0, high=1 if normal else CATEGORIES[family] - 1, priors=priors,
            sampling=Sampling(draws=DRAWS, tune=150, chains=2, target_accept=0.85), seed=seed,
        )  # fmt: skip
    draws = quantities(family, found, answers, codes)
    first = np.unique(levels[3])[0]
    truth = np.array([
        *sd, *own, effects[0][0], effects[2][0], effects[3][first], effects[2].std(ddof=1),
        log_likelihood(family, answers, eta, own, float(sd[-1])),
    ])  # fmt: skip
    return ranks_of(draws, truth), found.gate.divergences


def quantities(
    family: str, found: object, answers: NDArray[np.float64], codes: list[NDArray[np.int_]]
) -> NDArray[np.float64]:
    """Draws of what is ranked, (draws, names)."""
    draws, kept = found.draws, found.effects  # type: ignore[attr-defined]
    sd = draws["sd"].to_numpy().reshape(2 * DRAWS, -1)
    own = draws["threshold" if family in CATEGORIES else "mean"].to_numpy().reshape(2 * DRAWS, -1)
    effects = [
        kept[name].to_numpy().reshape(2 * DRAWS, -1) for name in ("model", "item", "order", "model x item")
    ]
    places = [np.unique(codes[a], return_inverse=True)[1] for a in range(3)]
    places.append(np.unique(codes[0] * SIZES[1] + codes[1], return_inverse=True)[1])
    eta = np.sum([u[:, place] for u, place in zip(effects, places, strict=True)], axis=0)
    value = [
        log_likelihood(family, answers, e, o, float(s[-1])) for e, o, s in zip(eta, own, sd, strict=True)
    ]
    spread = effects[2].std(axis=1, ddof=1)
    return np.column_stack([sd, own, effects[0][:, 0], effects[2][:, 0], effects[3][:, 0], spread, value])


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", [pytest.param(one, marks=[pytest.mark.long] * (one not in OFTEN)) for one in FAMILIES]
)
def test_ranks_of_the_truth_are_uniform(family: str) -> None:
    pytest.importorskip("nutpie")
    replicates = 32
    found = [replicate(family, 1_000_000 + at) for at in range(replicates)]
    ranks = np.stack([one[0] for one in found])
    bounds = envelope(replicates, ranks=RANKS, conf=CONF)
    left = {name: outside(ranks[:, at], bounds, ranks=RANKS) for at, name in enumerate(names(family))}
    assert ranks.shape[1] == len(left) and not any(left.values()), left
    assert sum(one[1] for one in found) <= replicates  # of 320 transitions each
    # The test can fail: posteriors too narrow by a half leave the envelope.
    narrow = np.clip(np.round((ranks[:, 0] - 19.5) * 3 + 19.5), 0, RANKS - 1).astype(int)
    assert outside(narrow, bounds, ranks=RANKS)
