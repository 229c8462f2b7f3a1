"""Congruence over many samples: how often its tests reject what is true, and its intervals hold the truth.

The table in docs/validation/dimensions.md comes from ``python tests/numerics/test_congruence_rates.py 100``.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

from psychomet.numerics.congruence import (
    Target,
    basic_interval,
    brought,
    by_chance,
    congruences,
    correlations,
    pairing,
    permuted,
    resampled,
    share_at_least,
    share_at_most,
)
from psychomet.numerics.factors import extract
from psychomet.numerics.rotations import arranged, rule, search

SEED = 20261121
FACTORS, PER = 3, 5
REPLICATES = 150
ERRORS = 3.0
PHI = np.full((FACTORS, FACTORS), 0.3) + 0.7 * np.eye(FACTORS)


def patterns(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Loadings of the two groups."""
    first = np.kron(np.eye(FACTORS), np.linspace(0.5, 0.8, PER)[:, None])
    second = first.copy()
    if kind == "different":
        # The first item of each factor belongs to the next one, the second to both.
        for factor in range(FACTORS):
            other = (factor + 1) % FACTORS
            second[factor * PER, [factor, other]] = 0.1, 0.5
            second[factor * PER + 1, [factor, other]] = 0.4, 0.3
    if kind == "unrelated":
        second = first[rng.permutation(len(first))]
    if kind == "nothing in common":
        first, second = np.zeros_like(first), np.zeros_like(first)
    return first, second


def implied(pattern: np.ndarray) -> np.ndarray:
    cor = pattern @ PHI @ pattern.T
    np.fill_diagonal(cor, 1.0)
    return cor


def target_of(cor: np.ndarray) -> Target:
    found = extract(cor[None], FACTORS)
    best = arranged(search(found.loadings[0], chosen=rule("oblimin"), seed=1).best)
    return Target(
        found.loadings[0], best.transform[0], best.loadings[0], found.uniqueness[0], "minres",
        rule("oblimin"), "procrustes",
    )  # fmt: skip


def truth(kind: str) -> np.ndarray:
    """Congruences of the populations, factors in no particular order, all entries last."""
    both = np.array([implied(pattern) for pattern in patterns(kind, np.random.default_rng(1))])
    loadings = brought(both, target_of(both.mean(axis=0)))
    return congruences(loadings[0], loadings[1])


def rates(kind: str, n: int, n_samples: int, *, crossed: bool, seed: int = SEED) -> dict[str, float]:
    """Coverage of factors and of all entries, rejection of equality and of chance at .05, mean phi."""
    rng = np.random.default_rng(seed)
    known = truth(kind) if kind in ("equal", "different") else np.full(FACTORS + 1, np.nan)
    held, held_all, unequal, above, seen, corrected = [], [], [], [], [], []
    for sample in range(n_samples):
        values = []
        scores = rng.multivariate_normal(np.zeros(FACTORS), PHI, n)
        for pattern in patterns(kind, rng):
            if not crossed:
                scores = rng.multivariate_normal(np.zeros(FACTORS), PHI, n)
            unique = np.sqrt(1 - np.diagonal(pattern @ PHI @ pattern.T))
            values.append(scores @ pattern.T + unique * rng.normal(size=(n, len(pattern))))
        cors = np.array([correlations(one) for one in values])
        target = target_of(cors.mean(axis=0))
        loadings = brought(cors, target)
        observed = congruences(loadings[0], loadings[1])
        pair = pairing(*values, np.arange(n), np.arange(n) + (0 if crossed else n))
        interval = basic_interval(observed, resampled(pair, target, n_boot=REPLICATES, seed=sample), 0.95)
        # The factors of the different population have the same congruence, so that order does not matter.
        inside = (interval.low <= known + 1e-9) & (known <= interval.high + 1e-9)
        held.append(inside[:FACTORS].mean())
        held_all.append(inside[-1])
        null = permuted(pair, target, n_permutations=REPLICATES, seed=sample)
        unequal.append(share_at_most(null, observed) <= 0.05)
        alone = brought(cors, target, apart=True)
        found, chance = by_chance(*alone, n_permutations=REPLICATES, seed=sample)
        above.append(share_at_least(chance, found) <= 0.05)
        seen.append(observed[-1])
        corrected.append(interval.corrected[-1])
    rejected, exceeded = np.mean(unequal, axis=0), np.mean(above, axis=0)
    return {
        "truth": known[-1],
        "phi": float(np.mean(seen)),
        "corrected": float(np.mean(corrected)),
        "covers (factor)": float(np.mean(held)) if np.isfinite(known).all() else np.nan,
        "covers (all)": float(np.mean(held_all)) if np.isfinite(known).all() else np.nan,
        "equality rejected (factor)": float(rejected[:FACTORS].mean()),
        "equality rejected (all)": float(rejected[-1]),
        "chance rejected (factor)": float(exceeded[:FACTORS].mean()),
        "chance rejected (all)": float(exceeded[-1]),
    }


@pytest.mark.slow
@pytest.mark.parametrize("crossed", [False, True], ids=["other respondents", "the same respondents"])
def test_equal_structures_are_called_unequal_one_time_in_twenty(crossed: bool) -> None:
    found = rates("equal", 100, 100, crossed=crossed)
    error = np.sqrt(0.05 * 0.95 / 100)
    assert found["equality rejected (all)"] < 0.05 + ERRORS * error
    assert found["covers (all)"] > 0.95 - ERRORS * error


@pytest.mark.slow
def test_unrelated_structures_exceed_chance_one_time_in_twenty_and_are_called_unequal() -> None:
    found = rates("unrelated", 100, 100, crossed=False)
    assert found["chance rejected (all)"] < 0.05 + ERRORS * np.sqrt(0.05 * 0.95 / 100)
    assert found["equality rejected (all)"] > 0.95


@pytest.mark.slow
def test_nothing_in_common_exceeds_chance_one_time_in_twenty() -> None:
    """Extractions that start at a common solution end near each other: then it would be one in seven."""
    rejected = []
    rng = np.random.default_rng(SEED)
    for sample in range(300):
        values = rng.normal(size=(2, 1000, FACTORS * PER))
        cors = np.array([correlations(one) for one in values])
        alone = brought(cors, target_of(cors.mean(axis=0)), apart=True)
        found, chance = by_chance(*alone, n_permutations=199, seed=sample)
        rejected.append(share_at_least(chance, found)[-1] <= 0.05)
    assert np.mean(rejected) < 0.05 + ERRORS * np.sqrt(0.05 * 0.95 / 300)


def main(n_samples: int) -> None:
    names: list[str] = []
    for n in (100, 1000):
        for kind, crossed in (
            ("equal", False), ("equal", True), ("different", False), ("unrelated", False),
            ("nothing in common", False),
        ):  # fmt: skip
            found = rates(kind, n, n_samples, crossed=crossed)
            if not names:
                names = list(found)
                sys.stdout.write("| structures | n | respondents | " + " | ".join(names) + " |" + "\n")
                sys.stdout.write("|---|---|---|" + "---|" * len(names) + "\n")
            cells = [f"{found[name]:.3f}" for name in names]
            who = "the same" if crossed else "others"
            sys.stdout.write(f"| {kind} | {n} | {who} | " + " | ".join(cells) + " |" + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
