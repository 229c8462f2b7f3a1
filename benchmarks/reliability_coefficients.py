"""Promise: every coefficient of a scale costs a small part of what a loop or an optimiser over the same data costs.

Ours takes the covariances once and is then a function of them. Rivals that give the same numbers:

- lambda 1 to 6 as they are defined on rows of answers (NumPy): lambda 6 by regressing each item on the
  others, lambda 3 from variances of columns and of the sum;
- all splits into halves one by one, each from the scores of the two halves (NumPy): a few splits are timed,
  and the time of one is multiplied by their number, since every split costs the same;
- the greatest lower bound by a general optimiser (SciPy's SLSQP, smallest eigenvalue not below 0).

Alpha without each item is compared with a loop over pingouin.cronbach_alpha where that is installed. (Alpha
alone costs both the same: one pass over the answers.)
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from itertools import combinations, islice
from math import comb
from statistics import median

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from psychomet.numerics.consistency import alpha_if_dropped
from psychomet.numerics.lower_bounds import greatest_lower_bound, guttman_lambda
from psychomet.numerics.moments import covariance, moments
from psychomet.numerics.split_half import split_coefficient, split_extremes

SEED = 20261121
N = 10_000
LAMBDAS = (1, 2, 3, 5, 6)
REPEATS = 5
SPLITS_TIMED = 50
RATIOS = {"lambdas": 25.0, "splits": 250.0, "glb": 15.0, "pingouin": 10.0}
SAME = 1e-9  # the order of summation differs
SAME_GLB = 1e-6  # SLSQP stops near the bound, not at it


def answers(n: int, k: int) -> np.ndarray:
    """Answers on five codes to items that share a trait unequally."""
    rng = np.random.default_rng(SEED)
    latent = rng.standard_normal((n, 1)) * np.linspace(0.5, 1.5, k) + rng.standard_normal((n, k))
    return np.clip(np.round(latent + 3), 1, 5)


def seconds(work: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """Median CPU seconds of some calls."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken)


def our_lambdas(values: np.ndarray) -> np.ndarray:
    """All of them from one covariance matrix."""
    cov = covariance(moments(values))
    return np.array([float(guttman_lambda(cov, number=number).value) for number in LAMBDAS])


def row_lambdas(values: np.ndarray) -> np.ndarray:
    """The definitions, from the rows."""
    n, k = values.shape
    total = values.sum(axis=1).var(ddof=1)
    own = values.var(axis=0, ddof=1)
    squares = np.zeros(k)
    for first, second in combinations(range(k), 2):
        shared = np.cov(values[:, first], values[:, second])[0, 1] ** 2
        squares[[first, second]] += shared
    error = 0.0
    for item in range(k):
        others = np.column_stack([np.ones(n), np.delete(values, item, axis=1)])
        weights = np.linalg.lstsq(others, values[:, item], rcond=None)[0]
        error += np.sum((values[:, item] - others @ weights) ** 2) / (n - 1)
    first_bound = 1 - own.sum() / total
    return np.array([
        first_bound, first_bound + np.sqrt(k / (k - 1) * squares.sum()) / total, k / (k - 1) * first_bound,
        first_bound + 2 * np.sqrt(squares.max()) / total, 1 - error / total,
    ])  # fmt: skip


def our_splits(values: np.ndarray) -> tuple[float, float]:
    """The best and the worst of all splits into halves."""
    cov = covariance(moments(values))
    ends = split_extremes(cov[None], seed=SEED)
    return tuple(float(split_coefficient(cov, signs=signs[0]).value) for signs in (ends.high, ends.low))


def row_splits(values: np.ndarray, most: int | None) -> list[float]:
    """Rulon's coefficient of one split after the other, from the scores of the halves."""
    k = values.shape[1]
    found = []
    for half in islice(combinations(range(1, k), k // 2 - 1), most):
        mine = values[:, [0, *half]].sum(axis=1)
        other = values.sum(axis=1) - mine
        found.append(1 - np.var(mine - other) / np.var(mine + other))
    return found


def slsqp_glb(cov: np.ndarray) -> float:
    """The least reliability, by a general optimiser."""
    own = np.diag(cov)

    def least(d: np.ndarray) -> float:
        return float(np.linalg.eigvalsh(cov - np.diag(d))[0])

    start = np.full(own.size, np.linalg.eigvalsh(cov)[0] / 2)
    found = minimize(
        lambda d: -d.sum(), start, jac=lambda d: -np.ones_like(d), method="SLSQP", bounds=[(0, x) for x in own],
        constraints={"type": "ineq", "fun": least}, options={"maxiter": 500, "ftol": 1e-10},
    )  # fmt: skip
    return float(1 - found.x.sum() / cov.sum())


def lambdas(k: int) -> list[Promise]:
    """Lambda 1, 2, 3, 5 and 6 of one table."""
    values = answers(N, k)
    apart = float(np.abs(our_lambdas(values) - row_lambdas(values)).max())
    rival = seconds(lambda: row_lambdas(values), repeats=1)
    return promises(
        "lambdas",
        f"lambda 1 to 6, {N} x {k}, loop over rows",
        seconds(lambda: our_lambdas(values)),
        rival,
        apart,
    )


def splits(k: int, small: int) -> list[Promise]:
    """Best and worst split: the same as all of them by hand in a small scale, timed in a larger."""
    little = answers(N, small)
    every = row_splits(little, None)
    apart = max(abs(a - b) for a, b in zip(our_splits(little), (max(every), min(every)), strict=True))
    values = answers(N, k)
    many = comb(k - 1, k // 2 - 1)
    rival = seconds(lambda: row_splits(values, SPLITS_TIMED), repeats=1) * many / SPLITS_TIMED
    what = f"all {many} splits, {N} x {k}, loop ({SPLITS_TIMED} timed)"
    return promises("splits", what, seconds(lambda: our_splits(values)), rival, apart)


def glb(k: int) -> list[Promise]:
    """Greatest lower bound of one matrix."""
    cov = covariance(moments(answers(N, k)))
    rival = seconds(lambda: slsqp_glb(cov), repeats=1)
    apart = abs(slsqp_glb(cov) - float(greatest_lower_bound(cov).value))
    return promises(
        "glb", f"glb, {k} items, SLSQP", seconds(lambda: greatest_lower_bound(cov)), rival, apart, SAME_GLB
    )


def against_pingouin(k: int) -> list[Promise]:
    """Alpha without each item."""
    try:
        import pingouin
    except ModuleNotFoundError:
        print("pingouin is not installed: that ratio was not measured (pip install 'psychomet[crosscheck]')")
        return []
    values = answers(N, k)
    frame = pd.DataFrame(values)

    def loop() -> np.ndarray:
        return np.array([pingouin.cronbach_alpha(data=frame.drop(columns=item))[0] for item in range(k)])

    def ours() -> np.ndarray:
        return alpha_if_dropped(covariance(moments(values)))

    apart = float(np.abs(loop() - ours()).max())
    what = f"alpha without each item, {N} x {k}, pingouin loop"
    return promises("pingouin", what, seconds(ours), seconds(loop, repeats=1), apart)


def promises(
    name: str, what: str, ours: float, rival: float, apart: float, same: float = SAME
) -> list[Promise]:
    """A line of the table, the ratio and the difference."""
    print(f"| {what} | {ours:.5f} | {rival:.3f} | {rival / ours:.1f} | {apart:.1e} |")
    return [
        Promise(f"{what} / ours, CPU", rival / ours, RATIOS[name], "x", at_least=True),
        Promise(f"{what}: the same numbers, largest difference", apart, same, ""),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller scales")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    print("| what, rival | ours, CPU s | rival, CPU s | ratio | largest difference |\n|---|---|---|---|---|")
    found = lambdas(44) + splits(16 if quick else 20, 8 if quick else 10) + glb(10 if quick else 20)
    if not quick:
        found += lambdas(100)
    return close(found + against_pingouin(44))


if __name__ == "__main__":
    sys.exit(main())
