"""Do the intervals of all rows of `effects` cover, as they come out? Run as a program for docs/validation/effects.md.

``PYTHONPATH=. python tests/estimates/validity/test_effect_row_coverage.py`` (some three minutes of one core).
"""

from __future__ import annotations

import math
import sys
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.estimates.validity.effect_doses import dose_rows, mean_rows
from psychomet.estimates.validity.effect_rows import Compared, Row, level_rows, order_row
from psychomet.estimates.validity.effect_shares import share_rows
from psychomet.estimates.validity.effect_stability import Grid, stability_rows
from psychomet.numerics.effects.stability import effect_stability, order_kept

SEED = 20261121
LEVEL = 0.95
LEVELS = 4
STEP = 0.4
MANY = 6_000
# The truth is the mean of this many samples of MANY: off by 0.005 standard deviations.
LARGE = 6
N_BOOT = 200

Floats = NDArray[np.float64]


def scores(rng: np.random.Generator, n: int, within: bool, spread: float) -> Floats:
    """Scores of n respondents at four doses (n at each between respondents); the last level has its own sd."""
    sd = np.array([1.0, 1.0, 1.0, spread])
    noise = sd * rng.normal(size=(n, LEVELS)) + STEP * np.arange(LEVELS)
    if within:
        return noise + rng.normal(size=(n, 1))
    wide = np.full((n * LEVELS, LEVELS), np.nan)
    wide[np.arange(n * LEVELS), np.tile(np.arange(LEVELS), n)] = noise.ravel()
    return wide


def rows_of(found: Floats, within: bool, *, n_boot: int, seed: int) -> dict[tuple[str, str], Row]:
    """Rows by estimand and the first word of the method; of the levels the last against the first."""
    names, ids = tuple("abcd"), np.arange(len(found)).astype(str)
    one = Compared("s", "", names, np.arange(float(LEVELS)), 0, found, ids, within, (-99.0, 99.0))
    made = [
        *mean_rows(one, LEVEL),
        *level_rows(one, LEVELS - 1, LEVEL),
        *share_rows(one, LEVEL),
        *order_row(one, LEVEL),
    ]
    made += dose_rows(one, conf_level=LEVEL, n_boot=n_boot, seed=seed)
    kept = {}
    for each in made:
        row = each.row
        divisor = ", divisor n" if row["method"].endswith("divisor n") else ""
        if row.get("level", "d") == "d":
            kept[row["estimand"] + divisor, row["method"].partition(";")[0]] = row
    return kept


def coverage(n: int, within: bool, spread: float, replicates: int) -> dict[str, tuple[float, float]]:
    """Share of intervals that hold the truth, and of samples without an interval, by estimand."""
    rng = np.random.default_rng([SEED, n, within, round(10 * spread)])
    truth: Counter[str] = Counter()
    for _ in range(LARGE):
        for (name, _), row in rows_of(scores(rng, MANY, within, spread), within, n_boot=0, seed=1).items():
            truth[name] += row.get("estimate", math.nan) / LARGE
    hits: Counter[str] = Counter()
    there: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for at in range(replicates):
        found = rows_of(scores(rng, n, within, spread), within, n_boot=N_BOOT, seed=at)
        for (name, _), row in found.items():
            seen[name] += 1
            if math.isfinite(row.get("conf_low", math.nan)):
                there[name] += 1
                hits[name] += row["conf_low"] <= truth[name] <= row["conf_high"]
    return {name: (hits[name] / there[name], 1 - there[name] / seen[name]) for name in seen if there[name]}


def stable(spread: tuple[float, float, float], error: float, replicates: int) -> list[float]:
    """Coverage of the shares of methods, things and combinations, of consistency, and of the order (rho, tau)."""
    rng = np.random.default_rng([SEED, *(round(100 * size) for size in spread), round(100 * error)])
    m, t = 3, 5
    parts = ((m, 1), (1, t), (m, t))
    truth = np.sum(
        [
            np.broadcast_to(size * rng.normal(size=shape), (m, t))
            for size, shape in zip(spread, parts, strict=True)
        ],
        axis=0,
    )
    cov = error**2 * (0.7 * np.eye(m * t) + 0.3)
    root = np.linalg.cholesky(cov)
    wanted = [one.estimate for one in effect_stability(truth, np.zeros_like(cov), conf_level=LEVEL)]
    wanted += [one[0] for one in order_kept(truth, cov, conf_level=LEVEL, n_boot=0, seed=1)]
    hits = np.zeros(6)
    for at in range(replicates):
        drawn = (truth.ravel() + root @ rng.normal(size=m * t)).reshape(m, t)
        limits = [(one.low, one.high) for one in effect_stability(drawn, cov, conf_level=LEVEL)]
        limits += [one[1:] for one in order_kept(drawn, cov, conf_level=LEVEL, n_boot=1000, seed=at)]
        hits += [low - 3e-4 <= real <= high + 3e-4 for (low, high), real in zip(limits, wanted, strict=True)]
    return (hits / replicates).tolist()


def scored(shape: tuple[int, int, int], spread: float, error: float, replicates: int) -> tuple[float, float]:
    """Coverage of the stability score of a combination, mean and lowest over all of them.

    Effects of methods on levels and scales, shape (M, T, S), with independent sampling errors.
    """
    rng = np.random.default_rng([SEED, *shape, round(100 * error)])
    names = [f"s{at}" for at in range(shape[2])]
    levels = [f"l{at}" for at in range(shape[1])]
    methods = tuple(f"way = m{at}" for at in range(shape[0]))
    things = tuple((scale, level) for level in levels for scale in names)
    size = math.prod(shape)
    truth = 0.1 + spread * rng.normal(size=(shape[0], len(things)))
    cov = error**2 * np.eye(size)

    def rows(effects: Floats, n_boot: int, seed: int) -> list[Row]:
        grid = Grid(methods, things, effects, np.array(["r"]), np.zeros((1, size)), cov)
        made = stability_rows(
            grid, facet="t", by="way", reference="b", conf_level=LEVEL, n_boot=n_boot, seed=seed
        )
        found = [each.row for each in made if each.row["estimand"] == "stability_score"]
        return [row for row in found if row["level"] and row["group"].startswith("way")]

    wanted = [row["estimate"] for row in rows(truth, 0, 1)]
    hits, there = np.zeros(len(wanted)), 0
    for at in range(replicates):
        found = rows(truth + error * rng.normal(size=truth.shape), N_BOOT, at)
        if "conf_low" in found[0]:
            there += 1
            hits += [
                row["conf_low"] <= real <= row["conf_high"] for row, real in zip(found, wanted, strict=True)
            ]
    return float(hits.mean() / there), float(hits.min() / there)


@pytest.mark.slow
@pytest.mark.parametrize("within", [True, False])
def test_rows_cover(within: bool) -> None:
    found = coverage(40, within, 1.0, 200)
    # 200 replicates at .95: standard error 0.015, and the intervals of shares and orders are approximate.
    assert all(share > 0.89 for share, _ in found.values()), found


def main(replicates: int = 600) -> None:
    """Write the tables."""
    lines = []
    for within in (True, False):
        designs = [(15, 1.0), (40, 1.0), (40, 2.0)]
        tables = [coverage(n, within, spread, replicates) for n, spread in designs]
        heads = [f"n = {n}, last level {'as the others' if spread == 1 else 'sd 2'}" for n, spread in designs]
        lines += [f"\n{'within' if within else 'between'} respondents\n", f"| row | {' | '.join(heads)} |"]
        lines.append("|---|" + "--:|" * len(designs))
        for name in tables[0]:
            cells = [
                f"{table[name][0]:.3f}"
                + (f" ({table[name][1]:.0%} without)" if table[name][1] > 0.005 else "")
                for table in tables
            ]
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
    lines += [
        "",
        "| sd of methods, things, combinations | error | methods | things | combinations | consistency | rho | tau |",
    ]
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|")
    for spread, error in (
        ((0.3, 0.3, 0.2), 0.1), ((0.3, 0.3, 0.2), 0.3), ((0.0, 0.5, 0.0), 0.2), ((0.5, 0.1, 0.1), 0.1)
    ):  # fmt: skip
        cells = " | ".join(f"{share:.3f}" for share in stable(spread, error, replicates))
        lines.append(f"| {', '.join(map(str, spread))} | {error} | {cells} |")
    lines += [
        "",
        "| methods, levels, scales | sd of effects | error | mean of combinations | lowest |",
        "|---|--:|--:|--:|--:|",
    ]
    for shape, error in (((3, 5, 3), 0.03), ((3, 5, 3), 0.08), ((2, 5, 5), 0.1)):
        mean, lowest = scored(shape, 0.2, error, replicates)
        lines.append(f"| {', '.join(map(str, shape))} | 0.2 | {error} | {mean:.3f} | {lowest:.3f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
