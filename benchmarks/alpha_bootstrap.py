"""Promise: alpha with 1,000 bootstrap replicates costs a small part of refitting it 1,000 times.

Two rivals, the same resamples, the same numbers:

- a loop over pingouin.cronbach_alpha, at 10,000 x 120: a few resamples are timed, in turn with ours, and
  the time of one is multiplied by the number of replicates, since every resample costs the same;
- a plain NumPy loop (draw the rows, covariance matrix, alpha), at 300 x 44, all replicates timed.

Ours is bootstrap_alpha for raw alpha, its drawing of the resamples included. The rivals are given the
rows of the same resamples; the NumPy loop draws them itself with the same generator.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from statistics import median

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np
import pandas as pd

from psychomet.numerics.alpha_bootstrap import bootstrap_alpha

SEED = 20261121
N_BOOT = 1000
REPEATS = 5
PINGOUIN_REPLICATES = 20
PINGOUIN_RATIO = 50.0
NUMPY_RATIO = 8.0
SAME = 1e-10  # largest difference of a replicate: the order of summation differs


def likert(n: int, k: int) -> np.ndarray:
    """Answers on five codes to items that share a trait."""
    rng = np.random.default_rng(SEED)
    latent = rng.standard_normal((n, 1)) + 1.2 * rng.standard_normal((n, k))
    return np.clip(np.round(latent + 3), 1, 5)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def drawn_rows(n: int, n_boot: int) -> list[np.ndarray]:
    """The rows of each resample: the draws of the same generator, one resample at a time."""
    rng = np.random.default_rng(SEED)
    return [rng.integers(0, n, n) for _ in range(n_boot)]


def ours(values: np.ndarray) -> np.ndarray:
    """All replicates by resample counts."""
    return bootstrap_alpha(values, n_boot=N_BOOT, seed=SEED, standardized=False, errors=False).raw


def numpy_loop(values: np.ndarray) -> np.ndarray:
    """All replicates by a plain loop."""
    k = values.shape[1]
    rng = np.random.default_rng(SEED)
    found = np.empty(N_BOOT)
    for number in range(N_BOOT):
        cov = np.cov(values[rng.integers(0, len(values), len(values))], rowvar=False)
        found[number] = k / (k - 1) * (1 - np.trace(cov) / cov.sum())
    return found


def against_numpy(n: int, k: int) -> dict[str, float]:
    """Ours and the loop in turn; medians."""
    values = likert(n, k)
    difference = float(np.abs(ours(values) - numpy_loop(values)).max())
    both = [(seconds(lambda: ours(values)), seconds(lambda: numpy_loop(values))) for _ in range(REPEATS)]
    mine, theirs = median(a for a, _ in both), median(b for _, b in both)
    return {
        "n": n,
        "k": k,
        "ours_s": mine,
        "rival_s": theirs,
        "ratio": theirs / mine,
        "difference": difference,
    }


def against_pingouin(n: int, k: int, replicates: int) -> dict[str, float]:
    """Ours in full, and some of pingouin's replicates between; medians, the rival's times N_BOOT."""
    import pingouin

    values = likert(n, k)
    frame = pd.DataFrame(values)
    rows = drawn_rows(n, replicates)
    found = ours(values)
    theirs = []

    def one(number: int) -> float:
        return seconds(lambda: theirs.append(pingouin.cronbach_alpha(data=frame.iloc[rows[number]])[0]))

    mine, single = [], []
    for number in range(replicates):
        single.append(one(number))
        if number % max(1, replicates // REPEATS) == 0:
            mine.append(seconds(lambda: ours(values)))
    difference = float(np.abs(found[:replicates] - np.array(theirs)).max())
    rival = median(single) * N_BOOT
    return {
        "n": n, "k": k, "ours_s": median(mine), "rival_s": rival, "ratio": rival / median(mine),
        "difference": difference, "rival_replicates_timed": replicates,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of pingouin's replicates")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {"numpy loop": against_numpy(300, 44)}
    bounds = {"numpy loop": NUMPY_RATIO}
    try:
        import pingouin  # noqa: F401
    except ModuleNotFoundError:
        print("pingouin is not installed: that half was not measured (pip install 'psychomet[crosscheck]')")
    else:
        replicates = 5 if options.quick else PINGOUIN_REPLICATES
        results["pingouin loop"] = against_pingouin(10_000, 120, replicates)
        bounds["pingouin loop"] = PINGOUIN_RATIO
    print(
        "| rival | n x k | ours, CPU s | rival, CPU s | ratio | largest difference |\n|---|---|---|---|---|---|"
    )
    for name, found in results.items():
        timed = found.get("rival_replicates_timed")
        how = f" ({timed} replicates timed, x {N_BOOT})" if timed else ""
        print(
            f"| {name}{how} | {found['n']} x {found['k']} | {found['ours_s']:.4f} | {found['rival_s']:.3f} "
            f"| {found['ratio']:.1f} | {found['difference']:.1e} |"
        )
    print(json.dumps(results))
    promises = [
        Promise(
            f"{name} / ours, {N_BOOT} replicates of alpha, CPU",
            found["ratio"],
            bounds[name],
            "x",
            at_least=True,
        )
        for name, found in results.items()
    ]
    promises += [
        Promise(f"{name}: the same numbers, largest difference", found["difference"], SAME, "")
        for name, found in results.items()
    ]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
