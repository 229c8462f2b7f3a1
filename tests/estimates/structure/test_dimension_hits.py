"""How often each criterion finds the number of factors, where it is known.

The table in docs/validation/dimensions.md comes from ``python tests/estimates/structure/test_dimension_hits.py 200``,
that of comparison data from ``python tests/estimates/structure/test_dimension_hits.py 100 comparison``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pytest

from psychomet.estimates.structure.dimension_rules import KINDS, Request, _elect
from psychomet.numerics.dimensions import (
    compare_data,
    eigenvalues,
    normal_correlations,
    null_eigenvalues,
    parallel_analysis,
)

SEED = 20261121
REPLICATES = 200
MOST = 8
# Standard errors by which a rate may miss the bound that is asked of it.
ERRORS = 3.0


class Population(NamedTuple):
    """m factors of so many items, loadings evenly spaced, one correlation between all factors.

    ``minor`` is the share of each item's variance that thirty small factors of all items carry (Tucker, Koopman and
    Linn 1969): no real instrument is free of them.
    """

    factors: int
    items: int
    low: float
    high: float
    correlation: float
    codes: bool = False
    minor: float = 0.0

    def __str__(self) -> str:
        kind = (
            ", five skewed codes" if self.codes else f", minor factors {self.minor:.0%}" if self.minor else ""
        )
        if self.factors == 0:
            return f"0 factors, {self.items} items"
        return f"{self.factors} x {self.items}, loadings {self.low}-{self.high}, r = {self.correlation}{kind}"


POPULATIONS = (
    Population(0, 12, 0.0, 0.0, 0.0),
    Population(1, 10, 0.4, 0.7, 0.0),
    Population(3, 5, 0.5, 0.8, 0.0),
    Population(3, 5, 0.5, 0.8, 0.3),
    Population(3, 5, 0.5, 0.8, 0.6),
    Population(3, 5, 0.3, 0.6, 0.3),
    Population(5, 5, 0.5, 0.8, 0.3),
    Population(5, 3, 0.5, 0.8, 0.3),
    Population(3, 5, 0.5, 0.8, 0.3, True),
    Population(3, 5, 0.5, 0.8, 0.3, False, 0.1),
)
COMPARED = (3, 4, 8, 9)
"""Populations that comparison data, which take their time, are tried on."""


def draw(population: Population, n: int, rng: np.random.Generator) -> np.ndarray:
    """Answers of n respondents."""
    m, per = population.factors, population.items
    if m == 0:
        return rng.normal(size=(n, per))
    pattern = np.kron(np.eye(m), np.linspace(population.low, population.high, per)[:, None])
    phi = np.full((m, m), population.correlation) + (1 - population.correlation) * np.eye(m)
    common = rng.multivariate_normal(np.zeros(m), phi, n) @ pattern.T
    values = common + rng.normal(size=(n, m * per)) * np.sqrt(1 - (pattern**2).sum(axis=1) - population.minor)
    if population.minor:
        # The same small factors in every sample, each with four fifths of the loadings of the one before.
        small = np.random.default_rng(SEED).normal(size=(m * per, 30)) * 0.8 ** np.arange(30)
        small *= np.sqrt(population.minor / (small**2).sum(axis=1, keepdims=True))
        values += rng.normal(size=(n, 30)) @ small.T
    if population.codes:
        # Shares .50, .26, .13, .08, .04.
        values = np.digitize(values, [0.0, 0.7063, 1.1750, 1.7507]).astype(float)
    return values


def hit_rates(
    population: Population, n: int, n_samples: int, *, seed: int = SEED
) -> dict[str, tuple[float, float]]:
    """Share of the samples in which each criterion elects the true number, and its mean deviation from it."""
    rng = np.random.default_rng(seed)
    k = max(population.factors, 1) * population.items
    request = Request("pearson", "normal", REPLICATES, seed, 0.95, MOST, population.factors, 0.95)
    chance = null_eigenvalues(normal_correlations(n, k, n_replicates=REPLICATES, seed=seed), KINDS)
    off: dict[str, list[float]] = defaultdict(list)
    for _ in range(n_samples):
        cor = np.corrcoef(draw(population, n, rng).T)
        parallel = {kind: parallel_analysis(eigenvalues(cor[None], kind)[0], chance[kind]) for kind in KINDS}
        for name, number, _reason in _elect(cor, n, min(MOST, k // 2), parallel, request)[0]:
            off[name].append(np.nan if number is None else number - population.factors)
    return {
        name: (
            float(np.mean(np.array(values) == 0)),
            float(np.nanmean(values)) if np.isfinite(values).any() else np.nan,
        )
        for name, values in off.items()
    }


def comparison_hits(
    population: Population, n: int, n_samples: int, *, seed: int = SEED
) -> tuple[float, float]:
    """The same of comparison data."""
    rng = np.random.default_rng(seed)
    off = []
    for sample in range(n_samples):
        values = draw(population, n, rng)
        found = compare_data(values, np.corrcoef(values.T), n=n, most=MOST, seed=seed + sample)
        off.append(found.n_factors - population.factors)
    return float(np.mean(np.array(off) == 0)), float(np.mean(off))


@pytest.mark.slow
def test_comparison_data_find_three_plain_factors() -> None:
    """A test at .30 adds a factor that is not there in up to three of ten samples; Ruscio and Roche found fewer."""
    n_samples = 40
    share, mean = comparison_hits(Population(3, 5, 0.5, 0.8, 0.3), 300, n_samples)
    assert share > 0.7 - ERRORS * np.sqrt(0.7 * 0.3 / n_samples)
    assert mean > -0.1


@pytest.mark.slow
def test_criteria_that_are_called_steadier_find_three_plain_factors() -> None:
    found = hit_rates(Population(3, 5, 0.5, 0.8, 0.3), 1000, 40)
    bound = 0.95 - ERRORS * np.sqrt(0.95 * 0.05 / 40)
    for name in (
        "parallel analysis of components at the 95th percentile",
        "minimum average partial",
        "empirical Kaiser criterion",
        "hull by CAF",
    ):
        assert found[name][0] > bound, name


@pytest.mark.slow
def test_parallel_analysis_finds_nothing_in_nothing_as_often_as_it_says() -> None:
    """The first eigenvalue of chance exceeds its own 95th percentile in one sample of twenty."""
    found = hit_rates(Population(0, 12, 0.0, 0.0, 0.0), 300, 200)
    rate = found["parallel analysis of components at the 95th percentile"][0]
    # The reference itself comes from 200 draws.
    error = np.sqrt(0.95 * 0.05 / 200 + 0.95 * 0.05 / REPLICATES)
    assert abs(rate - 0.95) < ERRORS * error


def main(n_samples: int) -> None:
    for n in (100, 1000):
        sys.stdout.write(f"\n### n = {n}\n" + "\n")
        names: list[str] = []
        for place, population in enumerate(POPULATIONS):
            found = hit_rates(population, n, n_samples, seed=SEED + place)
            if not names:
                names = list(found)
                sys.stdout.write("| population | " + " | ".join(names) + " |" + "\n")
                sys.stdout.write("|---|" + "---|" * len(names) + "\n")
            cells = [f"{found[name][0]:.2f} ({found[name][1]:+.1f})" for name in names]
            sys.stdout.write(f"| {population} | " + " | ".join(cells) + " |" + "\n")


def comparison(n_samples: int) -> None:
    sys.stdout.write("| population | n | comparison data |\n|---|---|---|\n")
    for place in COMPARED:
        for n in (100, 1000):
            share, mean = comparison_hits(POPULATIONS[place], n, n_samples, seed=SEED + place)
            sys.stdout.write(f"| {POPULATIONS[place]} | {n} | {share:.2f} ({mean:+.1f}) |\n")
            sys.stdout.flush()


if __name__ == "__main__" and "comparison" in sys.argv:
    comparison(int(sys.argv[1]))
elif __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
