"""How often intervals of traits by methods cover, and how often its tests err, when the truth is known.

Run as a program it prints the tables of docs/validation/multitrait.md:

    PYTHONPATH=. python tests/estimates/validity/test_multitrait_coverage.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.estimates.validity.multitrait_measures import criterion_rows, measure_rows
from psychomet.estimates.validity.multitrait_models import model_rows, solve
from psychomet.estimates.validity.multitrait_rows import correlation_rows, facts
from psychomet.estimates.validity.multitrait_units import Matrix, Unit
from psychomet.numerics.covariance_bootstrap import correlation_influence, resampled_moments
from psychomet.numerics.moments import correlation, moments
from psychomet.numerics.multitrait import convergent, discriminant, less, method_pairs, value_of
from psychomet.numerics.multitrait_models import Kind
from psychomet.numerics.multitrait_tests import ratio, ratio_interval
from psychomet.numerics.resample import bca_interval, percentile_interval

SEED = 20261121
LEVEL = 0.95
Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def codes(t: int, m: int) -> tuple[Codes, Codes]:
    return np.tile(np.arange(t), m).astype(np.intp), np.repeat(np.arange(m), t).astype(np.intp)


def population(t: int, m: int, *, share: float, common: float, between: Floats) -> Floats:
    """Correlations of units: trait variance, variance shared within a method, correlations of the traits."""
    trait, method = codes(t, m)
    cor = share * between[np.ix_(trait, trait)] + common * (method[:, None] == method)
    np.fill_diagonal(cor, 1.0)
    return cor


def equal(t: int, rho: float) -> Floats:
    found = np.full((t, t), rho)
    np.fill_diagonal(found, 1.0)
    return found


def mixed(t: int) -> Floats:
    """Two pairs of traits that correlate, all others not at all."""
    found = np.eye(t)
    found[0, 1] = found[1, 0] = 0.6
    found[2, 3] = found[3, 2] = -0.5
    return found


def draw(rng: np.random.Generator, n: int, cor: Floats, *, heavy: bool = False) -> Floats:
    x = rng.standard_normal((n, len(cor))) @ np.linalg.cholesky(cor).T
    return x / np.sqrt(rng.chisquare(5, (n, 1)) / 5) if heavy else x


def matrix(scores: Floats, t: int, m: int, items: tuple[Floats, ...] | None = None) -> Matrix:
    trait, method = codes(t, m)
    units = tuple(Unit(f"t{a}", f"m{b}", f"s{a}{b}") for a, b in zip(trait, method, strict=True))
    sums = moments(scores)
    cor = correlation(sums)
    return Matrix(
        "", units, tuple(f"t{a}" for a in range(t)), tuple(f"m{b}" for b in range(m)), np.arange(len(scores)).astype(str),
        scores, items or tuple(scores[:, [at]] for at in range(t * m)), sums, cor, cor,
    )  # fmt: skip


def measures(n: int, cor: Floats, *, heavy: bool = False, reps: int = 500) -> dict[str, float]:
    """Coverage of convergent r, discriminant r, Delta and Delta of one trait; 5 traits, 2 methods."""
    rng = np.random.default_rng(SEED)
    known = {
        (row["estimand"], row["term"]): row["estimate"]
        for row in (one.row for one in measure_rows(with_truth(cor), facts(with_truth(cor), n_boot=0, seed=1), LEVEL, 1))
        if math.isfinite(row.get("estimate", math.nan))
    }  # fmt: skip
    hits: dict[str, float] = {}
    for _ in range(reps):
        here = matrix(draw(rng, n, cor, heavy=heavy), 5, 2)
        for one in measure_rows(here, facts(here, n_boot=0, seed=1), LEVEL, 1):
            row = one.row
            if row["method"].startswith("delta") and row["term"] in ("all traits", "t0"):
                name = f"{row['estimand']} {row['term']}"
                truth = known[row["estimand"], row["term"]]
                hits[name] = hits.get(name, 0) + (row["conf_low"] <= truth <= row["conf_high"]) / reps
    return hits


def with_truth(cor: Floats) -> Matrix:
    """Scores whose correlations are exactly those of the population."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, len(cor)))
    z -= z.mean(axis=0)
    z = np.linalg.solve(np.linalg.cholesky(z.T @ z / len(z)), z.T).T
    return matrix(z @ np.linalg.cholesky(cor).T, 5, 2)


def resampled(n: int, cor: Floats, *, reps: int = 200, n_boot: int = 300) -> dict[str, float]:
    """Coverage that percentile and BCa limits would have: why they are not given."""
    rng = np.random.default_rng(SEED)
    pair = method_pairs(*codes(5, 2))[0]
    u = len(cor)
    asked = {"discriminant": discriminant(pair, u)}
    asked["delta"] = less(convergent(pair, u), asked["discriminant"])
    hits = dict.fromkeys([f"{name} {kind}" for name in asked for kind in ("percentile", "bca")], 0.0)
    for rep in range(reps):
        x = draw(rng, n, cor)
        sums = moments(x)
        r = correlation(sums)
        drawn = np.concatenate([block.cor for block in resampled_moments(x, n_boot=n_boot, seed=rep)])
        for name, one in asked.items():
            truth, replicates = float(value_of(one, cor)), value_of(one, drawn)
            felt = correlation_influence(x, sums, r, one.plain + one.absolute * np.sign(r))
            for kind, (low, high) in (
                ("percentile", percentile_interval(replicates, LEVEL)),
                ("bca", bca_interval(replicates, float(value_of(one, r)), felt, LEVEL)),
            ):
                hits[f"{name} {kind}"] += (low <= truth <= high) / reps
    return hits


def ratios(n: int, load: float, phi: float, *, reps: int = 500) -> dict[str, float]:
    """Coverage of HTMT and HTMT2 of two traits of four items."""
    rng = np.random.default_rng(SEED)
    cor = np.full((8, 8), load**2 * phi)
    cor[:4, :4] = cor[4:, 4:] = load**2
    np.fill_diagonal(cor, 1.0)
    a, b = np.arange(4), np.arange(4, 8)
    hits = {"htmt": 0.0, "htmt2": 0.0}
    for _ in range(reps):
        x = draw(rng, n, cor)
        r = correlation(moments(x))
        for name, version in (("htmt", "1"), ("htmt2", "2")):
            found = ratio_interval(x, r, a, b, version=version, conf_level=LEVEL)  # type: ignore[arg-type]
            truth = float(ratio(cor, a, b, version))  # type: ignore[arg-type]
            hits[name] += (found.low <= truth <= found.high) / reps
    return hits


def disattenuated(
    n: int, k: int, load: float, rho: float, *, reps: int = 300, n_boot: int = 300
) -> dict[str, float]:
    """Coverage of a correlation without measurement error, k parallel items each."""
    rng = np.random.default_rng(SEED)
    between = np.array(
        [[1.0, 0.2, rho, 0.1], [0.2, 1.0, 0.1, rho], [rho, 0.1, 1.0, 0.2], [0.1, rho, 0.2, 1.0]]
    )
    hits = lost = 0.0
    for rep in range(reps):
        true = draw(rng, n, between)
        items = tuple(
            load * true[:, [u]] + math.sqrt(1 - load**2) * rng.standard_normal((n, k)) for u in range(4)
        )
        here = matrix(np.stack([one.mean(axis=1) for one in items], axis=1), 2, 2, items)
        for one in correlation_rows(here, facts(here, n_boot=n_boot, seed=rep), LEVEL):
            row = one.row
            if row["estimand"] == "disattenuated_r" and (row["term"], row["other"]) == ("t0 (m0)", "t0 (m1)"):
                lost += math.isnan(row.get("conf_low", math.nan)) / reps
                hits += (row.get("conf_low", math.nan) <= rho <= row.get("conf_high", math.nan)) / reps
    return {"coverage": hits, "without": lost}


def errors(n: int, t: int, shared: float, *, reps: int = 500) -> dict[str, float]:
    """How often tests reject at .05 where every correlation between measures is the same: nothing discriminates."""
    rng = np.random.default_rng(SEED)
    cor = np.full((2 * t, 2 * t), shared)
    np.fill_diagonal(cor, 1.0)
    hits = dict.fromkeys(["matching", "heteromethod", "monomethod", "convergent"], 0.0)
    words = {"the same, by a test (Holm)": "heteromethod", "the same within methods, by a test (Holm)": "monomethod",
             "validity above 0 (Holm)": "convergent"}  # fmt: skip
    for _ in range(reps):
        here = matrix(draw(rng, n, cor), t, 2)
        known = facts(here, n_boot=0, seed=1)
        for one in (*measure_rows(here, known, LEVEL, 1), *criterion_rows(here, known, LEVEL)):
            row = one.row
            if "p_value" in row:
                hits["matching"] += (row["p_value"] <= 1 - LEVEL) / reps
            elif row["estimand"] == "criterion_met" and row["term"] in words:
                hits[words[row["term"]]] += (row["estimate"] > 0) / reps
    return hits


def models(n: int, kind: Kind, *, method: float, reps: int = 200) -> dict[str, float]:
    """Coverage of shares of the second method's first measure; and how often a solution is improper or lacking.

    Three traits, three methods; the first method has no factor in ``ctc_m1``.
    """
    rng = np.random.default_rng(SEED)
    between = np.array([[1.0, 0.4, -0.2], [0.4, 1.0, 0.1], [-0.2, 0.1, 1.0]])
    trait, home = codes(3, 3)
    own = np.where((home == 0) & (kind == "ctc_m1"), 0.0, method)
    cor = 0.5 * between[np.ix_(trait, trait)] + np.sqrt(np.outer(own, own)) * (home[:, None] == home)
    np.fill_diagonal(cor, 1.0)
    truth = {"consistency": 0.5, "method_specificity": method, "unreliability": 0.5 - method,
             "uniqueness": 0.5, "true_consistency": 0.5 / (0.5 + method)}  # fmt: skip
    hits: dict[str, float] = {}
    proper = 0
    for _ in range(reps):
        solved = solve(matrix(draw(rng, n, cor), 3, 3), kind, reference="m0", parcels=1)
        if solved.fit is None or solved.improper:
            continue
        proper += 1
        for row in model_rows(solved, LEVEL):
            if row["estimand"] in truth and row["term"] == "t0 (m1)" and not row["reason"]:
                known = truth[row["estimand"]]
                inside = row.get("conf_low", math.nan) <= known <= row.get("conf_high", math.nan)
                hits[row["estimand"]] = hits.get(row["estimand"], 0) + inside
    return {name: count / max(proper, 1) for name, count in hits.items()} | {"proper": proper / reps}


SITUATIONS: dict[str, Callable[[], Floats]] = {
    "traits correlate .3": lambda: population(5, 2, share=0.6, common=0.1, between=equal(5, 0.3)),
    "traits correlate .1": lambda: population(5, 2, share=0.6, common=0.1, between=equal(5, 0.1)),
    "traits do not correlate": lambda: population(5, 2, share=0.6, common=0.1, between=np.eye(5)),
    "two pairs of traits do": lambda: population(5, 2, share=0.6, common=0.1, between=mixed(5)),
    "nothing correlates": lambda: np.eye(10),
}

# Nominal .95 less three Monte Carlo errors of 300 replicates, .038.
LEAST = 0.91


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SITUATIONS))
def test_measures_cover(name: str) -> None:
    found = measures(200, SITUATIONS[name](), reps=300)
    assert min(found.values()) > LEAST, found


@pytest.mark.slow
def test_percentile_and_bca_limits_of_absolute_correlations_do_not_cover() -> None:
    found = resampled(200, SITUATIONS["traits do not correlate"](), reps=60, n_boot=200)
    assert found["discriminant percentile"] < 0.05 and found["discriminant bca"] < 0.05


@pytest.mark.slow
def test_ratios_cover() -> None:
    for phi in (0.0, 0.2, 0.85):
        assert min(ratios(300, 0.7, phi, reps=300).values()) > LEAST


@pytest.mark.slow
def test_tests_keep_their_level() -> None:
    found = errors(150, 5, 0.3, reps=300)
    # Three Monte Carlo errors above .05; the tests of comparisons are conservative.
    assert found["matching"] < 0.09 and found["heteromethod"] < 0.09 and found["monomethod"] < 0.09
    assert errors(150, 5, 0.0, reps=300)["convergent"] < 0.09


@pytest.mark.slow
def test_shares_of_ctc_m1_cover() -> None:
    found = models(300, "ctc_m1", method=0.2, reps=120)
    # Three Monte Carlo errors of 120 replicates, .06.
    assert found["proper"] > 0.95
    assert min(found[name] for name in ("consistency", "method_specificity", "unreliability")) > 0.88


def _line(*cells: Any) -> str:
    return "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def _report() -> Iterator[str]:
    yield "measures"
    for n in (50, 200, 1000):
        for name, make in SITUATIONS.items():
            yield (_line(n, name, *measures(n, make()).values()))
    yield (
        _line(
            100,
            "traits correlate .3, heavy tails",
            *measures(100, SITUATIONS["traits correlate .3"](), heavy=True).values(),
        )
    )
    yield ("resampled")
    for n in (50, 200):
        for name, make in SITUATIONS.items():
            yield (_line(n, name, *resampled(n, make()).values()))
    yield ("ratios")
    for n in (100, 300):
        for load in (0.5, 0.7):
            for phi in (0.0, 0.2, 0.5, 0.85):
                yield (_line(n, load, phi, *ratios(n, load, phi).values()))
    yield ("disattenuated")
    for n in (60, 200):
        for k, load in ((4, 0.6), (10, 0.6)):
            for rho in (0.3, 0.8):
                yield (_line(n, k, load, rho, *disattenuated(n, k, load, rho).values()))
    yield ("errors: matching, heteromethod, monomethod, convergent")
    for n in (50, 200):
        for t in (3, 5):
            for shared in (0.0, 0.3, 0.6):
                yield (_line(n, t, shared, *errors(n, t, shared).values()))
    yield ("models")
    for kind in ("ctc_m1", "ct_cu", "ct_cm"):
        for n in (150, 500):
            found = models(n, kind, method=0.2)  # type: ignore[arg-type]
            yield (_line(kind, n, *(f"{name} {value:.3f}" for name, value in found.items())))


if __name__ == "__main__":
    import sys

    for line in _report():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
