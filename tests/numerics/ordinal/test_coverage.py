"""Bias of polychoric correlations and coverage of their intervals, by simulation.

As a program it prints the table of docs/validation/ordinal_correlations.md:

    python tests/numerics/ordinal/test_coverage.py 4000
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import ndtri

from psychomet.numerics.ordinal.influence import cell_influence, pair_variance, threshold_influence
from psychomet.numerics.ordinal.polychoric import cells, table_correlations, thresholds
from psychomet.numerics.ordinal.polyserial import polyserial

SEED = 20261121
LEVEL = 0.95
SHARES = {
    "2 even": ([0.5, 0.5], [0.5, 0.5]),
    "2 skewed": ([0.8, 0.2], [0.2, 0.8]),
    "5 even": ([0.1, 0.2, 0.4, 0.2, 0.1], [0.1, 0.2, 0.4, 0.2, 0.1]),
    "5 skewed": ([0.5, 0.26, 0.13, 0.07, 0.04], [0.04, 0.07, 0.13, 0.26, 0.5]),
}
RHOS = (0.0, 0.3, 0.6, 0.9)
SIZES = (100, 300, 1000)


class Cover(NamedTuple):
    """What came out of one condition."""

    bias: float
    spread: float
    error: float  # mean standard error, second derivatives
    coverage: float
    low: float  # share of intervals wholly below the truth
    products: float  # coverage with products of scores, as lavaan's covariance has it
    none: float  # share of samples without an interval


def estimates(tables: np.ndarray, n: int, *, exact: bool, correct: float) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and standard error of each table; NaN for one at the limit."""
    margins = tables.sum(axis=2), tables.sum(axis=1)
    cuts = thresholds(margins[0]), thresholds(margins[1])
    found = table_correlations(tables, cuts=cuts, correct=correct)
    felt = threshold_influence(margins[0], cuts[0], n), threshold_influence(margins[1], cuts[1], n)
    size = np.full(len(tables), float(n))
    change = cell_influence(tables, cuts, np.nan_to_num(found.r), felt, size, exact=exact)
    error = np.sqrt(pair_variance(tables, margins, change, size) / n)
    return found.r, np.where(found.at_limit | np.isnan(found.r), np.nan, error)


def cover(
    population: np.ndarray, truth: float, *, n: int, samples: int, seed: int, correct: float = 0.0
) -> Cover:
    """Draw tables of n answers and hold their intervals against the truth."""
    rng = np.random.default_rng(seed)
    tables = (
        rng.multinomial(n, population.ravel(), size=samples).reshape(samples, *population.shape).astype(float)
    )
    shares = []
    for exact in (True, False):
        r, error = estimates(tables, n, exact=exact, correct=correct)
        there = np.isfinite(error)
        if not there.any():
            return Cover(*[np.nan] * 6, 1.0)
        z, half = np.arctanh(r[there]), ndtri((1 + LEVEL) / 2) * error[there] / (1 - r[there] ** 2)
        low, high = np.tanh(z - half), np.tanh(z + half)
        shares.append(((low <= truth) & (truth <= high)).mean())
        if exact:
            first = (
                r[there].mean() - truth,
                r[there].std(),
                error[there].mean(),
                shares[0],
                (high < truth).mean(),
            )
    return Cover(*first, shares[1], 1 - there.mean())


def population(name: str, rho: float) -> np.ndarray:
    """Cell probabilities of a bivariate normal cut at the shares."""
    a, b = (thresholds(np.array(share))[:, None] for share in SHARES[name])
    return np.moveaxis(cells(a, b, np.array([rho])).share, 2, 0)[0]


def heavy_tails(name: str, rho: float) -> tuple[np.ndarray, float]:
    """Cells of a bivariate t with 4 degrees of freedom, and the correlation that fits them best."""
    rng = np.random.default_rng(1)
    total = np.zeros((len(SHARES[name][0]), len(SHARES[name][1])))
    for _ in range(8):
        x = rng.normal(size=(500_000, 2)) @ np.array([[1, rho], [0, np.sqrt(1 - rho**2)]])
        x /= np.sqrt(rng.chisquare(4, size=(500_000, 1)) / 4)
        codes = [
            np.searchsorted(np.quantile(x[:, j], np.cumsum(SHARES[name][j])[:-1]), x[:, j]) for j in (0, 1)
        ]
        np.add.at(total, (codes[0], codes[1]), 1)
    share = total / total.sum()
    return share, float(table_correlations(share[None]).r[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SHARES))
def test_intervals_of_a_thousand_respondents_cover(name: str) -> None:
    for rho in RHOS:
        found = cover(population(name, rho), rho, n=1000, samples=2000, seed=SEED)
        # Monte Carlo standard error .005; two by two tables of rho = .9 with opposite skew are sparse even so.
        if found.none < 0.01:
            assert 0.925 < found.coverage < 0.97
            assert abs(found.bias) < 0.01
            assert found.error == pytest.approx(found.spread, rel=0.1)


@pytest.mark.slow
def test_second_derivatives_cover_where_the_answers_are_not_normal() -> None:
    share, truth = heavy_tails("5 even", 0.6)
    found = cover(share, truth, n=1000, samples=3000, seed=SEED)
    assert 0.94 < found.coverage < 0.96
    assert found.products < found.coverage - 0.01


def serial(shape: str, categories: int, rho: float, *, n: int, samples: int) -> tuple[float, Cover]:
    """The polyserial correlation of a normal or skewed variable with one that is cut at even shares."""
    rng = np.random.default_rng([SEED, n, categories])
    cuts = ndtri(np.arange(1, categories) / categories)

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(size, 2)) @ np.array([[1, rho], [0, np.sqrt(1 - rho**2)]])
        return (np.exp(0.7 * x[:, :1]) if shape == "skewed" else x[:, :1]), np.searchsorted(cuts, x[:, 1])

    truth = rho if shape == "normal" else float(polyserial(*draw(400_000)).r[0])
    r, error = np.empty(samples), np.empty(samples)
    for sample in range(samples):
        found = polyserial(*draw(n))
        r[sample], error[sample] = found.r[0], np.sqrt((found.influence[:, 0] ** 2).mean() / n)
    half = ndtri((1 + LEVEL) / 2) * error / (1 - r**2)
    low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    inside = ((low <= truth) & (truth <= high)).mean()
    return truth, Cover(r.mean() - truth, r.std(), error.mean(), inside, (high < truth).mean(), np.nan, 0.0)


@pytest.mark.slow
def test_polyserial_intervals_cover() -> None:
    for shape in ("normal", "skewed"):
        _, found = serial(shape, 5, 0.5, n=300, samples=600)
        assert 0.92 < found.coverage < 0.975


def main(samples: int) -> None:
    """Print the rows of the table."""
    for n in SIZES:
        for name in SHARES:
            for rho in RHOS:
                found = cover(population(name, rho), rho, n=n, samples=samples, seed=SEED)
                _line("normal", name, n, rho, found)
    for n in SIZES:
        for rho in RHOS:
            cells_of = population("2 skewed", rho)
            found = cover(cells_of, rho, n=n, samples=samples, seed=SEED, correct=0.5)
            _line("normal", "2 skewed, correct 0.5", n, rho, found)
    for name in ("5 even", "5 skewed"):
        for rho in (0.3, 0.6):
            share, truth = heavy_tails(name, rho)
            for n in (300, 1000):
                _line("t, 4 df", name, n, truth, cover(share, truth, n=n, samples=samples, seed=SEED))
    for shape in ("normal", "skewed"):
        for categories in (2, 5):
            for n in SIZES:
                truth, found = serial(shape, categories, 0.5, n=n, samples=samples // 4)
                _line(shape, f"polyserial, {categories} even", n, truth, found)


def _line(kind: str, name: str, n: int, truth: float, found: Cover) -> None:
    numbers = " | ".join("" if np.isnan(value) else f"{value:.3f}" for value in found)
    sys.stdout.write(f"| {kind} | {name} | {n} | {truth:.3f} | {numbers} |\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
