"""Promises: tests of independence at the size of a paper's table, in the time of a coffee and not of a night.

Kernel tests go through low-rank factors that equal the kernels to rounding; tables of all pairs come from one
product; partial correlations from arrays. Rivals: hyppo's HSIC (where it is not installed a NumPy form of its
algorithm stands in, and the line says so) and causal-learn. Both sides must give the same numbers.

    python benchmarks/independence.py [--quick]

Needs causal-learn; hyppo is used where it can be imported.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from measure import ONE_THREAD, Promise, close, run

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

SEED = 20261121
SAME_EXACT = 1e-8  # factors leave out 1e-10 of a kernel
SAME_CONDITIONAL = 5e-4  # causal-learn drops eigenvalues below 1e-5 of the largest
SAME_COUNTS = 1e-10
TABLE_MINUTES, GIGABYTE = 15.0, 1.0


def cpu(task: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Least CPU seconds of some calls, and what the last returned."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        out = task()
        times.append(time.process_time() - start)
    return min(times), out


def same(what: str, first: float, second: float, tolerance: float) -> None:
    """End the run where two sides do not give the same number."""
    if not abs(first - second) <= tolerance * max(1.0, abs(first)):
        raise SystemExit(f"{what}: {first!r} and {second!r} are not the same number")


def numpy_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Hyppo's biased HSIC correlation: full kernels of median width, centred, and their products."""
    from scipy.spatial.distance import pdist, squareform

    kernels = []
    for values in (x, y):
        apart = pdist(values[:, None])
        kernel = squareform(np.exp(-(apart**2) / (2 * np.median(apart) ** 2)))
        np.fill_diagonal(kernel, 1.0)
        mean = kernel.mean(0)
        kernels.append(kernel - mean - mean[:, None] + mean.mean())
    k, other = kernels
    return float((k * other).sum() / np.sqrt((k * k).sum() * (other * other).sum()))


def hsic(rng: np.random.Generator) -> Promise:
    """HSIC with its gamma distribution, n = 2,000."""
    from psychomet.numerics.dependence.kernels import Kernel
    from psychomet.numerics.dependence.null import gamma_p
    from psychomet.numerics.dependence.sides import pair_total, side

    n = 2000
    x = rng.normal(size=n)
    y = 0.2 * x + rng.normal(size=n)
    try:
        from hyppo.independence import Hsic

        rival, name = (lambda: Hsic(bias=True).test(x, y, auto=True)), "hyppo"
    except ImportError:
        rival, name = (lambda: (numpy_hsic(x, y), 0.0)), "a NumPy form of hyppo's algorithm"
    slow, theirs = cpu(rival)
    widths = [float(np.median(np.abs(v[:, None] - v)[np.triu_indices(n, 1)])) for v in (x, y)]

    def ours() -> tuple[float, float]:
        a, b = (side(Kernel(v[:, None], "gaussian", w)) for v, w in zip((x, y), widths, strict=True))
        total = pair_total(a, b)
        p = gamma_p(total, a.trace * b.trace / n, 2 * a.square * b.square / n**2)
        return total / np.sqrt(a.square * b.square), p

    fast, mine = cpu(ours)
    # hyppo takes the median over all pairs, the zeros of the diagonal included, and so a slightly smaller width.
    same("HSIC correlation", float(theirs[0]), mine[0], 5e-3)
    return Promise(
        "HSIC and its gamma p, n = 2,000",
        slow / fast,
        4,
        "x",
        True,
        f"{name} {slow:.3f} s, ours {fast:.4f} s",
    )


def marginal(rng: np.random.Generator, n: int) -> Promise:
    """One unconditional pair of KCI."""
    from causallearn.utils.cit import CIT

    from psychomet.numerics.dependence.conditional import published_width
    from psychomet.numerics.dependence.kernels import Kernel, standardised
    from psychomet.numerics.dependence.null import gamma_p
    from psychomet.numerics.dependence.sides import pair_total, side

    x = rng.normal(size=n)
    y = 0.02 * x + rng.normal(size=n)

    def ours() -> float:
        width = published_width(n, conditional=False)
        a, b = (side(Kernel(standardised(v), "gaussian", width)) for v in (x, y))
        return gamma_p(pair_total(a, b), a.trace * b.trace / n, 2 * a.square * b.square / n**2)

    fast, mine = cpu(ours)
    slow, theirs = cpu(lambda: CIT(np.column_stack([x, y]), "kci")(0, 1), 1)
    same("KCI", theirs, mine, SAME_EXACT)
    return Promise(
        f"KCI of a pair, n = {n:,}",
        slow / fast,
        5,
        "x",
        True,
        f"causal-learn {slow:.2f} s, ours {fast:.4f} s",
    )


def conditional(rng: np.random.Generator, n: int) -> list[Promise]:
    """Conditional KCI."""
    from causallearn.utils.cit import CIT

    from psychomet.numerics.dependence.conditional import conditional_test, published_width, residual_factor
    from psychomet.numerics.dependence.kernels import standardised

    z = rng.normal(size=5000)
    x, y = z + rng.normal(size=5000), np.sin(z) + rng.normal(size=5000)

    def ours(size: int) -> float:
        width = published_width(size, conditional=True)
        given = standardised(z[:size])
        parts = [residual_factor(standardised(v[:size]), given, width=width, joined=v is x) for v in (x, y)]
        return conditional_test(parts[0], parts[1]).published_p

    fast, mine = cpu(lambda: ours(n))
    slow, theirs = cpu(lambda: CIT(np.column_stack([x, y, z])[:n], "kci")(0, 1, [2]), 1)
    same("conditional KCI", theirs, mine, SAME_CONDITIONAL)
    large, _ = cpu(lambda: ours(5000), 1)
    return [
        Promise(f"KCI given a third feature, n = {n:,}", slow / fast, 5, "x", True, f"causal-learn {slow:.2f} s, ours {fast:.3f} s"),
        Promise("KCI given a third feature, n = 5,000", large, 30, " s"),
    ]  # fmt: skip


def counts(rng: np.random.Generator) -> Promise:
    """G-square of all pairs of 50 columns of five levels."""
    from causallearn.utils.cit import CIT

    from psychomet.numerics.dependence.tables import all_pairs

    codes = rng.integers(0, 5, size=(10_000, 50))

    def theirs() -> list[float]:
        test = CIT(codes, "gsq")
        return [test(i, j) for i in range(50) for j in range(i + 1, 50)]

    slow, p = cpu(theirs)
    fast, mine = cpu(lambda: all_pairs(codes, power="gsq")[2], 5)
    same("G-square", float(np.abs(np.array(p) - mine[np.triu_indices(50, 1)]).max()), 0.0, SAME_COUNTS)
    return Promise(
        "G-square of 1,225 pairs, n = 10,000",
        slow / fast,
        6,
        "x",
        True,
        f"causal-learn {slow:.3f} s, ours {fast:.4f} s",
    )


def triples(rng: np.random.Generator) -> Promise:
    """Fisher's z of every pair of 50 columns given every third."""
    from causallearn.utils.cit import CIT

    from psychomet.numerics.dependence.partial import fisher_p, partial_correlations

    data = rng.normal(size=(10_000, 50)) @ rng.normal(size=(50, 50))
    chosen = np.array(
        [(a, b, c) for a in range(50) for b in range(a + 1, 50) for c in range(50) if c not in (a, b)]
    )
    test = CIT(data, "fisherz")
    slow, p = cpu(lambda: [fresh(test, a, b, c) for a, b, c in chosen.tolist()], 1)

    def ours() -> np.ndarray:
        return fisher_p(
            partial_correlations(np.corrcoef(data.T), chosen[:, 0], chosen[:, 1], chosen[:, 2:]),
            n=10_000,
            given=1,
        )

    fast, mine = cpu(ours, 5)
    same("Fisher z", float(np.abs(np.array(p) - mine).max()), 0.0, 1e-9)
    return Promise(
        f"Fisher z of {len(chosen):,} triples",
        slow / fast,
        100,
        "x",
        True,
        f"causal-learn {slow:.2f} s, ours {fast:.4f} s",
    )


def fresh(test: Any, a: int, b: int, c: int) -> float:
    """One p value, never from the cache."""
    return float(test(a, b, [c]))


TABLE = """
import sys
import numpy as np
from psychomet.estimates.causes.independence import independence
from psychomet.table.codebook import Codebook, Feature
from psychomet.table.features import FeatureTable
n, test = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(1)
s = rng.normal(size=n)
features, values = [], {}
def add(feature, column):
    features.append(feature); values[feature.name] = column
for at in range(4):
    add(Feature(f"number {at}", "number"), rng.normal(size=n) + 0.1 * s)
add(Feature("year", "number"), np.round(1975 + 14 * rng.normal(size=n) + 4 * s))
for at, period in enumerate((12.0, 31.0, 366.0, 360.0)):
    add(Feature(f"circular {at}", "circular", period=period), np.floor(rng.uniform(0, period, n)))
add(Feature("job", "nominal", levels=tuple(map(str, range(20)))), rng.integers(0, 20, n))
for at in range(13):
    add(Feature(f"face {at}", "nominal", levels=("0", "1")), (rng.normal(size=n) + 0.05 * at * s > 0.7).astype(int))
for trait in "OCEAN":
    for rater in "abc":
        codes = np.digitize(0.3 * s + rng.normal(size=n), [-0.8, 0.7])
        codes[rng.random(n) < 0.03] = -1
        add(Feature(f"{trait} {rater}", "ordinal", trait, rater, levels=("1", "2", "3")), codes)
table = FeatureTable(np.array([str(i) for i in range(n)], object), Codebook(tuple(features)), values)
found = independence(table, traits=list("OCEAN"), test=test, seed=1, aggregate=False)
rows = int((found.estimates["estimand"] == "hsic_correlation").sum())
if rows != 345:
    raise SystemExit(f"{rows} rows")
"""


def table(n: int) -> list[Promise]:
    """A whole table of 23 features by 15 trait scores, every pair with missing values of its own."""
    cost = run([sys.executable, "-c", TABLE, str(n), "kci"])
    return [
        Promise(
            f"KCI of a table of 345 pairs with sizes, n = {n:,}", cost.cpu / 60, TABLE_MINUTES, " minutes"
        ),
        Promise(f"memory of that table, n = {n:,}", cost.peak, GIGABYTE, " GB"),
    ]


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller tables, for a check that all runs")
    quick = parser.parse_args().quick
    rng = np.random.default_rng(SEED)
    # First: a child counts as its own what its parent holds when it begins.
    promises = table(2000 if quick else 9444)
    promises += [hsic(rng), counts(rng), triples(rng)]
    promises += [marginal(rng, 2000 if quick else 9444), *conditional(rng, 1000 if quick else 2000)]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
