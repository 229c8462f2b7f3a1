"""Error rates of the facet tests and coverage of the variance share, by simulation.

Run as a program it prints the tables of docs/validation/sensitivity.md:
``python tests/estimates/sensitivity/test_calibration.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from scipy import special, stats

from psychomet.numerics.comparison import (
    LevelSpread,
    independent_levels,
    independent_spread,
    level_test,
    repeated_spread,
)
from psychomet.numerics.noncentral import variance_share

SEED = 20261121
REPLICATES = 2000
NULL_REPLICATES = 4000
# Rejections wanted: at most 7.5 % (Bradley's liberal criterion, 0.05 + 0.025), MC error below 0.4 %.
MOST_REJECTED = 0.075
# Coverage wanted of a 95 % interval, Monte Carlo error at most 0.6 %: for scores such as these.
LEAST_COVERED = {"normal": 0.93, "likert": 0.92, "unequal": 0.92, "drifting": 0.91, "skewed": 0.84}
# Draws held at once.
CELLS = 2_000_000
THRESHOLDS = np.array([-2.2, -1.6, -0.8, 0.3])
SHARES = (0.02, 0.2, 0.6)


class Setting(NamedTuple):
    """One set of conditions."""

    design: str
    kind: str
    n: int
    levels: int


def settings(with_sizes: bool) -> Iterator[Setting]:
    for design in ("within", "between", *(("between 1:3", "between 3:1") if with_sizes else ())):
        for kind in ("normal", "likert", "unequal", "drifting", "skewed"):
            for n in (20, 60, 500):
                for levels in (2, 5, 10):
                    if design.startswith("between") and (kind == "drifting" or n // levels < 4):
                        continue
                    if len(design) > 7 and n // levels < 10:
                        continue
                    yield Setting(design, kind, n, levels)


def level_sd(kind: str, levels: int) -> np.ndarray:
    """Spread at each level: 0.5 to 1.5 where unequal."""
    return np.linspace(0.5, 1.5, levels) if kind == "unequal" else np.ones(levels)


def sizes(setting: Setting) -> np.ndarray:
    """Respondents per level between respondents; in 1:3 the wide levels are the large ones."""
    share = np.linspace(1, 3, setting.levels) if len(setting.design) > 7 else np.ones(setting.levels)
    if setting.design.endswith("3:1"):
        share = share[::-1]
    return np.maximum(np.round(setting.n * share / share.sum()), 2).astype(int)


def draw(rng: np.random.Generator, kind: str, shape: tuple[int, int, int], mean: np.ndarray) -> np.ndarray:
    """Scores (replicates, n, L) of respondents at every level; correlation within respondents 0.5."""
    replicates, n, levels = shape
    if kind == "drifting":
        steps = rng.standard_normal(shape)
        scores = np.empty(shape)
        scores[..., 0] = steps[..., 0]
        for level in range(1, levels):
            scores[..., level] = 0.9 * scores[..., level - 1] + np.sqrt(1 - 0.81) * steps[..., level]
        return scores + mean
    person = rng.standard_normal((replicates, n, 1)) * np.sqrt(0.5)
    if kind == "skewed":
        half = np.sqrt(0.5)
        return mean + half * (rng.exponential(size=(replicates, n, 1)) + rng.exponential(size=shape) - 2)
    if kind == "likert":
        latent = (person + mean)[..., None] + rng.standard_normal((*shape, 3)) * np.sqrt(0.5)
        return np.digitize(latent, THRESHOLDS).mean(-1)
    return mean + (person + rng.standard_normal(shape) * np.sqrt(0.5)) * level_sd(kind, levels)


def moments_of_likert(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact mean and variance of the mean of three five-point items at each level."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    at = (mean[:, None] + np.sqrt(0.5) * nodes)[..., None]
    above = special.ndtr((at - THRESHOLDS) / np.sqrt(0.5))
    first = above.sum(-1)
    second = (above * (2 * np.arange(1, 5) - 1)).sum(-1)
    centre = first @ weights
    between = (first**2) @ weights - centre**2
    within = (second - first**2) @ weights
    return centre, between + within / 3


def spread(rng: np.random.Generator, setting: Setting, mean: np.ndarray, replicates: int) -> LevelSpread:
    if setting.design == "within":
        return repeated_spread(draw(rng, setting.kind, (replicates, setting.n, setting.levels), mean))
    scores, level = independent(rng, setting, mean, replicates)
    return independent_spread(independent_levels(scores, level))


def independent(
    rng: np.random.Generator, setting: Setting, mean: np.ndarray, replicates: int
) -> tuple[np.ndarray, np.ndarray]:
    counts = sizes(setting)
    level = np.repeat(np.arange(setting.levels), counts)
    scores = [
        draw(rng, setting.kind, (replicates, count, setting.levels), mean)[..., at]
        for at, count in enumerate(counts)
    ]
    return np.concatenate(scores, axis=1), level


def batches(setting: Setting, replicates: int) -> Iterator[int]:
    most = max(1, CELLS // (setting.n * setting.levels * (3 if setting.kind == "likert" else 1)))
    for start in range(0, replicates, most):
        yield min(most, replicates - start)


def rejected(setting: Setting, replicates: int = NULL_REPLICATES) -> float:
    """Share of tests below .05 when no level differs."""
    rng = np.random.default_rng([SEED, setting.n, setting.levels, *map(ord, setting.design + setting.kind)])
    none = np.zeros(setting.levels)
    p = [level_test(spread(rng, setting, none, size))[1] for size in batches(setting, replicates)]
    return float(np.mean(np.concatenate(p) < 0.05))


def rejected_by_peers(setting: Setting, replicates: int = NULL_REPLICATES) -> float:
    """The same for Greenhouse and Geisser (within) and Welch's F (between)."""
    rng = np.random.default_rng([SEED, setting.n, setting.levels, *map(ord, setting.design + setting.kind)])
    none = np.zeros(setting.levels)
    p = []
    for size in batches(setting, replicates):
        if setting.design == "within":
            scores = draw(rng, setting.kind, (size, setting.n, setting.levels), none)
            made = repeated_spread(scores)
            rows = scores - scores.mean(-1, keepdims=True)
            rows = rows - rows.mean(-2, keepdims=True)
            inner = np.swapaxes(rows, -1, -2) @ rows
            trace = np.trace(inner, axis1=-2, axis2=-1)
            df = trace**2 / (inner**2).sum((-1, -2))
            p.append(special.fdtrc(df, df * (setting.n - 1), made.between / made.error))
        else:
            scores, level = independent(rng, setting, none, size)
            groups = [scores[:, level == at] for at in range(setting.levels)]
            with np.errstate(invalid="ignore", divide="ignore"):
                p.append(stats.f_oneway(*groups, axis=1, equal_var=False).pvalue)
    return float(np.mean(np.concatenate(p) < 0.05))


def level_means(setting: Setting, share: float) -> tuple[np.ndarray, float]:
    """Evenly spaced level means whose true share is about ``share``, and the exact share."""
    sd = level_sd(setting.kind, setting.levels)
    shape = np.linspace(-1, 1, setting.levels)
    shape = shape / np.sqrt(np.mean(shape**2))
    mean = shape * np.sqrt(share / (1 - share) * np.mean(sd**2))
    if setting.kind == "likert":
        centre, variance = moments_of_likert(mean)
        return mean, float(centre.var() / (centre.var() + variance.mean()))
    return mean, share


def covered(setting: Setting, share: float, replicates: int = REPLICATES) -> tuple[float, float, float]:
    """Share of intervals that lie above and below the truth, and the mean error of the estimate."""
    rng = np.random.default_rng([SEED, setting.n, setting.levels, int(share * 1000), *map(ord, setting.kind)])
    mean, truth = level_means(setting, share)
    above = below = error = 0.0
    for size in batches(setting, replicates):
        found = variance_share(spread(rng, setting, mean, size), conf_level=0.95)
        above += float(np.sum(found.low > truth))
        below += float(np.sum(found.high < truth))
        error += float(np.sum(found.estimate - truth))
    return above / replicates, below / replicates, error / replicates


@pytest.mark.slow
@pytest.mark.parametrize("setting", list(settings(with_sizes=True)), ids=lambda s: "-".join(map(str, s)))
def test_facet_test_keeps_its_level(setting: Setting) -> None:
    assert rejected(setting) <= MOST_REJECTED


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("setting", list(settings(with_sizes=False)), ids=lambda s: "-".join(map(str, s)))
def test_share_interval_covers(setting: Setting, share: float) -> None:
    above, below, error = covered(setting, share)
    assert 1 - above - below >= LEAST_COVERED[setting.kind]
    # The numerator is unbiased; the ratio is off by the order of 1 / n, and 0.002 is Monte Carlo error.
    assert abs(error) < 0.5 / setting.n + 0.002


def main() -> None:
    """Print the tables: rejections with those of the peer in brackets, then coverage."""
    say = sys.stdout.write
    sizes_asked = (20, 60, 500)
    say("| design | scores | L | n = 20 | n = 60 | n = 500 |\n|---|---|--:|--:|--:|--:|\n")
    tests = {s: f"{rejected(s):.3f} ({rejected_by_peers(s):.3f})" for s in settings(with_sizes=True)}
    for design, kind, levels in dict.fromkeys((s.design, s.kind, s.levels) for s in tests):
        cells = [tests.get(Setting(design, kind, n, levels), "") for n in sizes_asked]
        say(f"| {design} | {kind} | {levels} | {' | '.join(cells)} |\n")
    heads = [f"n = {n}, {share:g}" for n in sizes_asked for share in SHARES]
    say(f"\n| design | scores | L | {' | '.join(heads)} |\n|---|---|--:|{'--:|' * len(heads)}\n")
    shares = {
        (s, share): f"{1 - sum(covered(s, share)[:2]):.3f}"
        for s in settings(with_sizes=False)
        for share in SHARES
    }
    for design, kind, levels in dict.fromkeys((s.design, s.kind, s.levels) for s, _ in shares):
        cells = [shares.get((Setting(design, kind, n, levels), v), "") for n in sizes_asked for v in SHARES]
        say(f"| {design} | {kind} | {levels} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
