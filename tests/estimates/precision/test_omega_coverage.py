"""How often the intervals of omega hold the truth: the table in docs/validation/omega.md.

Run as a program with the number of samples per row to print the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy.special import ndtri

from psychomet.numerics.alpha_influence import influence_error
from psychomet.numerics.moments import correlation, covariance, moments
from psychomet.numerics.omegas import logit_interval, omega_influence, omegas, settle
from psychomet.numerics.resample import bca_interval, percentile_interval
from psychomet.numerics.resampled_moments import resampled_moments

SEED = 20261121
N_BOOT = 300
CUTS = ndtri(np.cumsum([0.50, 0.26, 0.13, 0.08]))
ONE = ("ml_observed", "ml_implied", "minres", "H")
MANY = ("sl_total", "sl_hierarchical", "bifactor_total", "bifactor_hierarchical")
FLOOR = 0.91
"""Lowest coverage of omega total with 100 rows or more that the table shows, less three standard errors."""


def one_factor(rng: np.random.Generator, n: int) -> np.ndarray:
    loadings = np.linspace(0.4, 0.8, 6)
    return rng.normal(size=(n, 1)) * loadings + rng.normal(size=(n, 6)) * np.sqrt(1 - loadings**2)


def three_groups(rng: np.random.Generator, n: int) -> np.ndarray:
    own = np.tile([0.5, 0.4, 0.45], 3)
    group = np.repeat(rng.normal(size=(n, 3)), 3, axis=1)
    return 0.6 * rng.normal(size=(n, 1)) + own * group + np.sqrt(0.64 - own**2) * rng.normal(size=(n, 9))


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda x: x,
    "skewed": lambda x: np.exp(0.7 * x),
    "five codes": lambda x: np.digitize(x, CUTS).astype(float),
}


def matrices(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sums = moments(values)
    return covariance(sums), correlation(sums)


def campaign(shape: str, n: int, n_samples: int, groups: int) -> Iterator[tuple[str, float, str, np.ndarray]]:
    """Yield name, truth, kind of interval and (coverage, too high, too low, width)."""
    draw, names = (three_groups, MANY) if groups else (one_factor, ONE)
    rng = np.random.default_rng([SEED, n, groups, list(SHAPES).index(shape)])
    large = matrices(SHAPES[shape](draw(np.random.default_rng(SEED), 1_000_000)))
    whole = settle(*large, group_factors=groups, seed=1)
    truth = {name: float(value[0]) for name, value in omegas(large[0][None], large[1][None], whole).items()}
    held: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for number in range(n_samples):
        values = SHAPES[shape](draw(rng, n))
        cov, cor = matrices(values)
        settled = settle(cov, cor, group_factors=groups, seed=1)
        found = omegas(cov[None], cor[None], settled, tolerance=1e-7)
        change = omega_influence(values, cov, cor, settled)
        blocks = [
            omegas(b.cov, b.cor, settled) for b in resampled_moments(values, n_boot=N_BOOT, seed=number)
        ]
        for name in names:
            if name not in found or not np.isfinite(found[name][0]):
                continue
            estimate = float(found[name][0])
            replicates = np.concatenate([block[name] for block in blocks])
            replicates = replicates[np.isfinite(replicates)]
            for kind, (low, high) in {
                "logit": logit_interval(replicates, estimate, 0.95),
                "percentile": percentile_interval(replicates, 0.95),
                "BCa": bca_interval(replicates, estimate, change[name], 0.95),
                "delta": tuple(estimate + z * 1.959964 * influence_error(change[name]) for z in (-1, 1)),
            }.items():
                held.setdefault((name, kind), []).append(
                    (low <= truth[name] <= high, low > truth[name], high < truth[name], high - low)
                )
    for (name, kind), seen in held.items():
        yield name, truth[name], kind, np.append(np.mean(seen, axis=0), len(seen))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_omega_total_is_held_as_often_as_the_table_says(shape: str) -> None:
    for name, _, kind, seen in campaign(shape, 100, 400, 0):
        if kind == "logit" and name in {"ml_observed", "ml_implied", "minres"}:
            assert seen[0] > FLOOR - 3 * np.sqrt(FLOOR * (1 - FLOOR) / 400), name


def main(n_samples: int) -> Iterator[str]:
    for groups, sizes in ((0, (30, 100, 1000)), (3, (100, 1000))):
        for n in sizes:
            for shape in SHAPES:
                wanted = n_samples if groups == 0 else n_samples * 2 // 5
                for name, truth, kind, seen in campaign(shape, n, wanted, groups):
                    cells = " | ".join(f"{value:.3f}" for value in seen[:4])
                    yield f"| {shape} | {n} | {name} | {truth:.3f} | {kind} | {cells} | {seen[4]:.0f} |"


if __name__ == "__main__":
    for line in main(int(sys.argv[1])):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
