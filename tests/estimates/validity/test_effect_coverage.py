"""Do the intervals of sizes of effects cover? Run as a program for the table of docs/validation/effects.md.

``PYTHONPATH=. python tests/estimates/validity/test_effect_coverage.py`` (about a minute of one core).
"""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from psychomet.estimates.validity.effect_doses import dose_rows
from psychomet.estimates.validity.effect_rows import Compared
from psychomet.numerics.association import spearman
from psychomet.numerics.effects.differences import (
    Effect,
    cohen_d,
    cohen_d_average,
    cohen_dz,
    glass_delta,
    hedges_g,
)
from psychomet.numerics.effects.dominance import matched_rank_biserial, superiority
from psychomet.numerics.effects.pooling import further_limits, pool_effects
from psychomet.numerics.effects.shares import independent_shares

SEED = 20261121
LEVEL = 0.95
# 300 replicates at .95: standard error 0.0126; the program uses more.
REPLICATES = 300
LEAST, MOST = 0.91, 0.99

Floats = NDArray[np.float64]


def two_groups(rng: np.random.Generator, n: int, size: float, unequal: bool) -> tuple[Floats, Floats]:
    return rng.normal(size, 2.0 if unequal else 1.0, n), rng.normal(0.0, 1.0, n)


def inside(found: Effect, truth: float) -> bool:
    return found.low <= truth <= found.high


def independent(n: int, size: float, unequal: bool, replicates: int) -> dict[str, float]:
    """Coverage of the effects of two independent groups; the unit of d is the root mean variance."""
    rng = np.random.default_rng([SEED, n, round(10 * size), unequal])
    pooled = math.sqrt(((4.0 if unequal else 1.0) + 1) / 2)
    above = float(stats.norm.cdf(size / (pooled * math.sqrt(2))))
    hits = {"d": 0, "g": 0, "glass": 0, "superiority": 0}
    for _ in range(replicates):
        x, y = two_groups(rng, n, size, unequal)
        hits["d"] += inside(cohen_d(x, y, conf_level=LEVEL), size / pooled)
        hits["g"] += inside(hedges_g(x, y, conf_level=LEVEL), size / pooled)
        hits["glass"] += inside(glass_delta(x, y, conf_level=LEVEL), size)
        hits["superiority"] += inside(superiority(x, y, conf_level=LEVEL)[0], above)
    return {name: count / replicates for name, count in hits.items()}


def paired(n: int, size: float, r: float, replicates: int) -> dict[str, float]:
    rng = np.random.default_rng([SEED, n, round(10 * size), round(10 * r)])
    sd = math.sqrt(2 * (1 - r))
    both = 2 * float(stats.norm.cdf(size / sd * math.sqrt(2))) - 1
    hits = {"d average": 0, "dz": 0, "rank-biserial": 0}
    none = 0
    for _ in range(replicates):
        x, y = rng.multivariate_normal([size, 0.0], [[1, r], [r, 1]], n).T
        hits["d average"] += inside(cohen_d_average(x, y, conf_level=LEVEL), size)
        hits["dz"] += inside(cohen_dz(x - y, conf_level=LEVEL), size / sd)
        matched = matched_rank_biserial(x - y, conf_level=LEVEL)
        none += math.isnan(matched.low)
        hits["rank-biserial"] += inside(matched, both)
    found = {name: count / replicates for name, count in hits.items()}
    found["rank-biserial"] = hits["rank-biserial"] / max(replicates - none, 1)
    return found | {"without limits": none / replicates}


def share(n: int, eta: float, replicates: int) -> float:
    """Four levels, equally spaced means; the truth is the share of the variance of one score."""
    rng = np.random.default_rng([SEED, n, round(100 * eta)])
    means = np.array([-3.0, -1.0, 1.0, 3.0])
    means *= math.sqrt(eta / (1 - eta) / np.mean(means**2))
    level = np.repeat(np.arange(4), n)
    hits = 0
    for _ in range(replicates):
        made = independent_shares(means[level] + rng.normal(size=level.size), level, conf_level=LEVEL)
        hits += made.low <= eta <= made.high
    return hits / replicates


def pooled(k: int, tau: float, replicates: int) -> dict[str, float]:
    """Hedges' g of k studies with 10 to 40 per group; a further effect is drawn with each."""
    rng = np.random.default_rng([SEED, k, round(100 * tau)])
    hits = {"mean": 0, "plug-in": 0, "further": 0, "spread": 0}
    for _ in range(replicates):
        true = 0.5 + tau * rng.normal(size=k)
        found = []
        for at in range(k):
            x, y = two_groups(rng, int(rng.integers(10, 41)), true[at], False)
            found.append(hedges_g(x, y, conf_level=LEVEL))
        sizes, variances = np.array([(one.estimate, one.std_error**2) for one in found]).T
        made = pool_effects(sizes, variances, conf_level=LEVEL)
        hits["mean"] += made.low <= 0.5 <= made.high
        following = 0.5 + tau * rng.normal()
        hits["plug-in"] += made.further_low <= following <= made.further_high
        low, high = further_limits(sizes, variances, conf_level=LEVEL)
        hits["further"] += low <= following <= high
        hits["spread"] += made.tau_squared_low <= tau**2 <= made.tau_squared_high
    return {name: count / replicates for name, count in hits.items()}


def doses(n: int, step: float, within: bool, replicates: int) -> dict[str, float]:
    """Coverage of the row of Spearman's correlation of dose and score; the truth from half a million respondents.

    Four doses; within respondents, who differ by an sd of 1 beside noise of 1, between them noise of sqrt 2.
    """
    rng = np.random.default_rng([SEED, n, round(100 * step), within])

    def draw(count: int) -> Floats:
        base = rng.normal(size=(count, 1)) if within else rng.normal(size=(count, 4))
        return base + step * np.arange(4) + rng.normal(size=(count, 4))

    many = draw(125_000)
    truth = spearman(np.tile(np.arange(4.0), 125_000), many.ravel())
    names, ids = ("a", "b", "c", "d"), np.arange(4 * n).astype(str)
    hits = 0
    for _ in range(replicates):
        scores = draw(n)
        if not within:
            # One level each: 4 n respondents, n at every level.
            wide = np.full((4 * n, 4), np.nan)
            wide[np.arange(4 * n), np.tile(np.arange(4), n)] = scores.ravel()
            scores = wide
        one = Compared("s", "", names, np.arange(4.0), 0, scores, ids[: len(scores)], within, (-99.0, 99.0))
        row = next(dose_rows(one, conf_level=LEVEL, n_boot=0, seed=1)).row
        hits += row["conf_low"] <= truth <= row["conf_high"]
    return {"rho": hits / replicates}


@pytest.mark.slow
def test_rank_correlation_with_the_dose_covers() -> None:
    for within in (True, False):
        assert LEAST <= doses(20, 0.5, within, REPLICATES)["rho"] <= MOST


@pytest.mark.slow
def test_intervals_of_independent_groups_cover() -> None:
    found = independent(20, 0.8, False, REPLICATES)
    assert all(LEAST <= share <= MOST for share in found.values()), found
    found = independent(20, 0.8, True, REPLICATES)
    assert LEAST <= found["glass"] <= MOST and LEAST <= found["superiority"] <= MOST, found


@pytest.mark.slow
def test_intervals_of_pairs_cover() -> None:
    found = paired(20, 0.5, 0.5, REPLICATES)
    assert all(LEAST <= found[name] <= MOST for name in ("d average", "dz", "rank-biserial")), found


@pytest.mark.slow
def test_shares_and_pooled_effects_cover() -> None:
    assert LEAST <= share(10, 0.2, REPLICATES) <= MOST
    found = pooled(8, 0.3, REPLICATES)
    assert LEAST <= found["mean"] <= MOST and LEAST <= found["spread"] <= MOST and found["further"] > 0.88, (
        found
    )


def main(replicates: int = 1000) -> None:
    """Write the tables."""
    lines = [
        "| n per group | size | spreads | d | g | Glass | superiority |",
        "|--:|--:|---|--:|--:|--:|--:|",
    ]
    for unequal in (False, True):
        for n, size in ((8, 0.0), (8, 1.0), (20, 0.8), (20, 3.0), (100, 0.8)):
            got = independent(n, size, unequal, replicates)
            cells = " | ".join(f"{value:.3f}" for value in got.values())
            lines.append(f"| {n} | {size} | {'2 to 1' if unequal else 'equal'} | {cells} |")
    lines += ["", "| n pairs | size | r | d average | d of differences | rank-biserial | without limits |"]
    lines.append("|--:|--:|--:|--:|--:|--:|--:|")
    for n, size, r in ((10, 0.0, 0.5), (10, 0.8, 0.5), (20, 0.5, 0.5), (20, 0.5, 0.9), (60, 0.5, 0.5)):
        cells = " | ".join(f"{value:.3f}" for value in paired(n, size, r, replicates).values())
        lines.append(f"| {n} | {size} | {r} | {cells} |")
    lines += ["", "| n per level | share | coverage |", "|--:|--:|--:|"]
    for n, eta in ((5, 0.2), (10, 0.0), (10, 0.2), (40, 0.5)):
        lines.append(f"| {n} | {eta} | {share(n, eta, replicates):.3f} |")
    lines += [
        "",
        "| groups | SD of effects | mean effect | further (t) | further (confidence distribution) | SD |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for k, tau in ((4, 0.0), (4, 0.3), (8, 0.3), (20, 0.3)):
        cells = " | ".join(f"{value:.3f}" for value in pooled(k, tau, 3 * replicates // 10).values())
        lines.append(f"| {k} | {tau} | {cells} |")
    lines += ["", "| n (per dose) | step | design | rho of dose |", "|--:|--:|---|--:|"]
    for n, step, within in (
        (10, 0.5, True),
        (20, 0.0, True),
        (20, 0.5, True),
        (20, 1.5, True),
        (20, 0.5, False),
    ):
        got = doses(n, step, within, replicates)["rho"]
        lines.append(f"| {n} | {step} | {'within' if within else 'between'} | {got:.3f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
