"""Promise: 10,000 permutations of a rank correlation at n = 1,000 at least 50x scipy.stats.permutation_test, 3x a NumPy loop.

All start from the two raw variables and give a two-sided p value. SciPy calls ``spearmanr`` once per
permutation; the NumPy loop ranks once and multiplies ``rng.permutation`` of the ranks with the other ranks.
The p values agree within their Monte Carlo error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np
from scipy import stats

from psychomet.numerics.permutation import spearman_test

SEED = 20261121
N, PERMUTATIONS = 1_000, 10_000
REPEATS = 15
AGAINST_SCIPY, AGAINST_NUMPY = 50.0, 3.0
ERRORS = 4.0  # Monte Carlo errors between two p values


def data() -> tuple[np.ndarray, np.ndarray]:
    """Two variables that correlate weakly: a p value that is neither 0 nor 1."""
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal(N)
    return x, 0.07 * x + rng.standard_normal(N)


def ours(x: np.ndarray, y: np.ndarray, seed: int) -> float:
    return spearman_test(x, y, n_permutations=PERMUTATIONS, seed=seed).p_value


def numpy_loop(x: np.ndarray, y: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    first, second = (stats.rankdata(one) - (N + 1) / 2 for one in (x, y))
    first /= np.sqrt(first @ first) * np.sqrt(second @ second)
    observed = abs(second @ first)
    reached = sum(abs(rng.permutation(second) @ first) >= observed for _ in range(PERMUTATIONS))
    return (int(reached) + 1) / (PERMUTATIONS + 1)


def scipy_test(x: np.ndarray, y: np.ndarray, seed: int) -> float:
    found = stats.permutation_test(
        (x,),
        lambda one: stats.spearmanr(one, y).statistic,
        permutation_type="pairings",
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def timed(work: Callable[[np.ndarray, np.ndarray, int], float], repeats: int) -> tuple[float, float]:
    """Median CPU seconds of a call, and its p value at the first seed."""
    x, y = data()
    taken, first = [], work(x, y, 1)
    for seed in range(repeats):
        start = time.process_time()
        work(x, y, seed)
        taken.append(time.process_time() - start)
    return median(taken), first


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 5 if parser.parse_args().quick else REPEATS
    found = {
        "ours": timed(ours, repeats),
        "NumPy loop": timed(numpy_loop, repeats),
        "scipy.stats.permutation_test": timed(scipy_test, 1 if repeats < REPEATS else 3),
    }
    mine, p = found["ours"]
    print("| who | CPU ms | ours is faster | p value |\n|---|---|---|---|")
    for name, (taken, value) in found.items():
        print(f"| {name} | {1e3 * taken:.1f} | {taken / mine:.1f} | {value:.4f} |")
    print(json.dumps({name: {"cpu_s": taken, "p_value": value} for name, (taken, value) in found.items()}))
    promises = [
        Promise(f"{name} / ours, CPU", found[name][0] / mine, bound, "x", at_least=True)
        for name, bound in (("scipy.stats.permutation_test", AGAINST_SCIPY), ("NumPy loop", AGAINST_NUMPY))
    ]
    error = float(np.sqrt(2 * p * (1 - p) / PERMUTATIONS))
    promises += [
        Promise(f"{name}: the same p value", abs(value - p) / error, ERRORS, " Monte Carlo errors")
        for name, (_, value) in found.items()
        if name != "ours"
    ]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
