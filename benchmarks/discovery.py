"""Promise: DirectLiNGAM takes a small part of what causal-learn's takes, and gives the same order of causes.

Rival: causal-learn's DirectLiNGAM (pwling) on the same simulated table, in this run, in turn with ours: order and linear effects. The
strengths are not compared: causal-learn prunes by an adaptive lasso, ours by t tests with Holm's rule. Without causal-learn nothing is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from statistics import median

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

from psychomet.numerics.lingam import causal_order, strengths

SEED = 20261121
CELLS = ((50, 1_000, 10.0, 1), (20, 10_000, 2.0, 3))


def table(k: int, n: int) -> np.ndarray:
    """Random acyclic linear model, three edges a node at most, Laplace errors."""
    rng = np.random.default_rng(SEED)
    weights = np.triu(rng.random((k, k)) < 3 / k, 1) * rng.uniform(0.5, 1, (k, k))
    order = rng.permutation(k)
    return rng.laplace(size=(n, k)) @ np.linalg.inv(np.eye(k) - weights[np.ix_(order, order)])


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repeat")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    try:
        from causallearn.search.FCMBased.lingam import DirectLiNGAM
    except ModuleNotFoundError:
        print("causal-learn is not installed: not measured")
        return 0
    promises = []
    for k, n, bound, repeats in CELLS:
        values = table(k, n)
        rival = DirectLiNGAM()

        def ours(values: np.ndarray = values) -> object:
            return strengths(values, causal_order(values).order, significance=0.05)

        ours()
        both = [
            (seconds(ours), seconds(lambda: rival.fit(values)))  # noqa: B023
            for _ in range(1 if options.quick else repeats)
        ]
        mine, theirs = median(a for a, _ in both), median(b for _, b in both)
        same = causal_order(values).order == [int(one) for one in rival.causal_order_]
        name = f"DirectLiNGAM, {k} columns x {n:,} rows"
        print(f"{name}: ours {mine:.3f} CPU s, causal-learn {theirs:.2f} CPU s, same order: {same}")
        promises.append(
            Promise(f"causal-learn / ours, {name}, CPU", theirs / mine, bound, "x", at_least=True)
        )
        promises.append(Promise(f"{name}: orders that differ", float(not same), 0.0, ""))
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
