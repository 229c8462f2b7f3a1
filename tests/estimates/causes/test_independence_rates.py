"""Do the tests hold their level, find what is there, and do intervals cover? Also a program for the tables of
docs/validation/independence.md:

``PYTHONPATH=. python tests/estimates/causes/test_independence_rates.py null 400 600`` (kind, n, replicates), with the
kinds ``null``, ``given``, ``given-nominal``, ``clusters``, ``power`` and ``cover``. Tests may follow, and then pairs, which
are run with fresh replicates: ``null 400 2000 kci,hsic "trait x rare,month x job"``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.estimates.causes.independence_columns import Column
from psychomet.estimates.causes.independence_pairs import TESTS, Cache, Plan, pair_test
from psychomet.table.codebook import Kind

SEED = 20261121
LEVEL = 0.05
MARGIN = 0.015
DRAWS = 499
AGAIN = 1_000_000
"""First replicate of pairs that are looked at again."""

Floats = NDArray[np.float64]
Only = frozenset[tuple[str, str]]


def column(name: str, kind: Kind, values: NDArray[np.generic], period: float = 0.0) -> Column:
    return Column(name, "", kind, values, np.ones(len(values), dtype=bool), period)


def features(rng: np.random.Generator, s: Floats, *, sparse: bool = True) -> list[Column]:
    """One feature of each kind, every one made from the same latent values (mean 0, standard deviation about 1)."""
    spread = s.std()
    turn = np.argsort(np.argsort(s)) / len(s)
    made = [
        column("number", "number", s),
        column("trait", "ordinal", np.searchsorted(np.array([-1.3, 0.3]) * spread, s)),
        column("year", "number", np.round(1985 + 8 * s)),
        column("month", "circular", np.floor(12 * turn) + 1, 12.0),
        column("rare", "nominal", (s > 1.2 * spread).astype(int)),
        column("job", "nominal", np.searchsorted(np.array([-0.25, 0.4, 0.85, 1.3, 1.6, 2.0]) * spread, s)),
    ]
    if sparse:
        made.append(column("place", "nominal", rng.integers(0, 40, len(s))))
    return made


def rates(
    kind: str, n: int, replicates: int, tests: tuple[str, ...], *, first: int = 0, only: Only = frozenset()
) -> dict[tuple[str, str, str], tuple[float, int]]:
    """Share of rejections by test and pair of kinds, and of how many; of some pairs alone where these are named."""
    hits: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    rows = np.ones(n, dtype=bool)
    for replicate in range(first, first + replicates):
        rng = np.random.default_rng([SEED, n, replicate, len(kind)])
        given: tuple[Column, ...] = ()
        cluster = None
        cause = np.zeros(n)
        if kind == "given":
            cause = rng.normal(size=n)
            given = (column("z", "number", cause),)
        elif kind == "given-nominal":
            codes = rng.integers(0, 4, n)
            cause = np.array([-1.0, 0.0, 0.5, 1.0])[codes]
            given = (column("z", "nominal", codes),)
        sides = []
        for _ in range(2):
            noise = rng.normal(size=n)
            if kind == "clusters":
                cluster = np.arange(n) // 4
                noise = 0.7 * noise + 0.7 * rng.normal(size=n // 4 + 1)[cluster]
            sides.append(features(rng, cause + noise, sparse=not given))
        plan = Plan(0.95, replicate, DRAWS, "auto", given, cluster)
        cache: Cache = {}
        for i, j in combinations_with_replacement(range(len(sides[0])), 2):
            x, y = sides[0][i], sides[1][j]._replace(term=f"other {sides[1][j].term}")
            if only and (x.term, sides[1][j].term) not in only:
                continue
            for test in tests:
                p = pair_test(test, x, y, plan=plan, rows=rows, cache=cache).p_value
                if np.isfinite(p):
                    hits[test, x.term, sides[1][j].term].append(p <= LEVEL)
    return {cell: (float(np.mean(found)), len(found)) for cell, found in hits.items()}


def power(n: int, replicates: int, r: float) -> dict[tuple[str, str], float]:
    """Share of rejections for a trait in five steps that goes with a feature at a correlation of about r."""
    hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
    rows = np.ones(n, dtype=bool)
    for replicate in range(replicates):
        rng = np.random.default_rng([SEED, n, replicate, round(100 * r)])
        s = rng.normal(size=n)
        made = {
            "birth year": np.round(1990 + 6 * s),
            "height": np.round(185 + 9 * s),
            "longitude": -90 + 40 * s,
        }
        latent = r * s + np.sqrt(1 - r * r) * rng.normal(size=n)
        trait = column("trait", "ordinal", np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent))
        plan = Plan(0.95, replicate, DRAWS, "auto", (), None)
        for name, values in made.items():
            for test in ("hsic", "kci", "dcor", "rcit", "fisherz"):
                p = pair_test(
                    test, trait, column(name, "number", values), plan=plan, rows=rows, cache={}
                ).p_value
                hits[name, test].append(p <= LEVEL)
    return {cell: float(np.mean(found)) for cell, found in hits.items()}


def truths(draw: Callable[[np.random.Generator, int], tuple[Column, Column]]) -> dict[str, float]:
    """Sizes in a sample so large that its estimate stands for the truth."""
    return {test: size for test, size, *_ in _sizes(draw, 20_000, 10**6)}


def _sizes(
    draw: Callable[[np.random.Generator, int], tuple[Column, Column]], n: int, seed: int
) -> Iterator[tuple[str, float, float, float]]:
    x, y = draw(np.random.default_rng([SEED, seed]), n)
    plan = Plan(0.95, seed, DRAWS, "gamma", (), None)
    for test in ("hsic", "dcor", "chisq"):
        found = pair_test(test, x, y, plan=plan, rows=np.ones(n, dtype=bool), cache={}).size
        if np.isfinite(found.low):
            yield test, found.estimate, found.low, found.high


def linear(r: float) -> Callable[[np.random.Generator, int], tuple[Column, Column]]:
    """A number in steps and a trait of five levels, correlated r before they were cut."""

    def draw(rng: np.random.Generator, n: int) -> tuple[Column, Column]:
        s = rng.normal(size=n)
        t = r * s + np.sqrt(1 - r * r) * rng.normal(size=n)
        steps = np.round(np.clip(s, -2, 2) * 2)
        return column("x", "ordinal", (steps + 4).astype(int)), column("y", "ordinal", np.searchsorted([-1.5, -0.5, 0.5, 1.5], t))  # fmt: skip

    return draw


def coverage(r: float, n: int, replicates: int) -> dict[str, float]:
    """Share of intervals that hold the truth, by test."""
    draw = linear(r)
    known = truths(draw)
    inside: dict[str, list[bool]] = defaultdict(list)
    for replicate in range(replicates):
        for test, _, low, high in _sizes(draw, n, replicate):
            inside[test].append(low <= (known[test] if r else 0.0) <= high)
    return {test: float(np.mean(found)) for test, found in inside.items()}


# Few replicates: bounds are the margin and three and a half Monte Carlo errors.
REPLICATES = 150
MOST = LEVEL + MARGIN + 3.5 * (LEVEL * (1 - LEVEL) / REPLICATES) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "tests"), [
    ("null", TESTS), ("given", ("kci", "rcit", "fisherz")), ("clusters", ("hsic", "dcor", "chisq", "fisherz")),  # G-square refuses tables as sparse as these
])  # fmt: skip
def test_level_is_held(kind: str, tests: tuple[str, ...]) -> None:
    numbers = {"number", "trait", "year"}
    found = rates(kind, 100 if kind == "null" else 200, REPLICATES, tests)
    if (
        kind == "given"
    ):  # Fisher's z takes out a straight line, which leaves cut features a little of the cause
        found = {
            cell: rate for cell, rate in found.items() if cell[0] != "fisherz" or set(cell[1:]) == {"number"}
        }
    assert len(found) > 20
    bad = {cell: rate for cell, (rate, _) in found.items() if rate > MOST}
    assert not bad
    for test in tests:
        cells = [rate for cell, (rate, _) in found.items() if cell[0] == test and (test != "fisherz" or set(cell[1:]) <= numbers)]  # fmt: skip
        assert abs(float(np.mean(cells)) - LEVEL) < MARGIN + 0.01


@pytest.mark.slow
def test_random_features_of_clusters_hold_their_level() -> None:
    """Some pairs: each costs as much as all tests of another kind."""
    some = frozenset({("number", "number"), ("number", "trait"), ("trait", "job"), ("month", "job")})
    found = rates("clusters", 200, REPLICATES, ("rcit",), only=some)
    shares = [rate for rate, _ in found.values()]
    assert len(shares) == 4 and max(shares) <= MOST
    assert abs(float(np.mean(shares)) - LEVEL) < MARGIN + 0.01


@pytest.mark.slow
def test_power_is_that_of_standardised_columns() -> None:
    found = power(1000, 100, 0.2)
    # Measured on such data with standardised HSIC: .97, 1.0 and .99; 100 replicates.
    for name, least in (("birth year", 0.92), ("height", 0.95), ("longitude", 0.94)):
        assert found[name, "hsic"] >= least


@pytest.mark.slow
@pytest.mark.parametrize("r", [0.0, 0.3])
def test_intervals_cover(r: float) -> None:
    for share in coverage(r, 400, 200).values():
        assert share > 0.90


def main() -> None:
    kind, n, replicates = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    write = sys.stdout.write
    if kind == "power":
        for r in (0.1, 0.2):
            for (name, test), rate in power(n, replicates, r).items():
                write(f"| {name} | {r} | {test} | {rate:.2f} |\n")
        return
    if kind == "cover":
        for r in (0.0, 0.1, 0.3, 0.6):
            shares = coverage(r, n, replicates)
            write(
                f"| {r} | {n} | "
                + " | ".join(f"{test} {share:.3f}" for test, share in shares.items())
                + " |\n"
            )
        return
    tests = tuple(sys.argv[4].split(",")) if len(sys.argv) > 4 else TESTS
    pairs = sys.argv[5].split(",") if len(sys.argv) > 5 else []
    only = frozenset((one.split(" x ")[0], one.split(" x ")[1]) for one in pairs)
    found = rates(kind, n, replicates, tests, first=AGAIN if only else 0, only=only)
    for test in tests:
        cells = {cell[1:]: rate for cell, (rate, _) in found.items() if cell[0] == test}
        if cells:
            low, high = min(cells, key=cells.__getitem__), max(cells, key=cells.__getitem__)
            outside = sum(abs(rate - LEVEL) > MARGIN for rate in cells.values())
            error = (LEVEL * (1 - LEVEL) / replicates) ** 0.5
            far = sum(abs(rate - LEVEL) > MARGIN + 2 * error for rate in cells.values())
            write(
                f"| {test} | {n} | {len(cells)} | {np.mean(list(cells.values())):.3f} | {cells[low]:.3f} ({' x '.join(low)}) "
                f"| {cells[high]:.3f} ({' x '.join(high)}) | {outside} | {far} |\n"
            )
    for cell, (rate, count) in sorted(found.items()):
        if only or abs(rate - LEVEL) > MARGIN:
            write(f"  {cell} {rate:.3f} of {count}\n")


if __name__ == "__main__":
    main()
