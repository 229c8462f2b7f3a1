"""Promise: Krippendorff's ordinal alpha at least four times as quick as the package ``krippendorff``.

Ten raters by 10,000 and by 100,000 units, five codes, a tenth of the cells empty; both are handed the same
matrix of raters by units, both start from the raw ratings, and both give the same number.
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

from psychomet.numerics.krippendorff import krippendorff_alpha

SEED = 20261121
RATERS = 10
SIZES = (10_000, 100_000)
REPEATS = 15
RATIO = 4.0
SAME = 1e-11  # largest difference of alpha: the order of summation differs


def ratings(n_units: int) -> np.ndarray:
    """Ratings on five codes, raters by units; NaN in a tenth of the cells."""
    rng = np.random.default_rng(SEED)
    values = np.clip(
        np.round(3 + rng.standard_normal(n_units) + 0.7 * rng.standard_normal((RATERS, n_units))), 1, 5
    )
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def seconds(work: Callable[[], float], calls: int) -> float:
    """CPU seconds of one call, from several."""
    start = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - start) / calls


def against_package(n_units: int, repeats: int) -> dict[str, float]:
    """Ours and the package in turn; medians."""
    import krippendorff

    values = ratings(n_units)
    calls = max(1, 100_000 // n_units)

    def ours() -> float:
        return krippendorff_alpha(values.T, level="ordinal")

    def rival() -> float:
        return float(krippendorff.alpha(reliability_data=values, level_of_measurement="ordinal"))

    difference = abs(ours() - rival())
    both = [(seconds(ours, calls), seconds(rival, calls)) for _ in range(repeats)]
    mine, theirs = median(a for a, _ in both), median(b for _, b in both)
    return {
        "units": n_units,
        "ours_s": mine,
        "rival_s": theirs,
        "ratio": theirs / mine,
        "difference": difference,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    try:
        import krippendorff  # noqa: F401
    except ModuleNotFoundError:
        print("krippendorff is not installed: nothing was measured (pip install 'psychomet[crosscheck]')")
        return 0
    results = [against_package(size, 5 if options.quick else REPEATS) for size in SIZES]
    print(
        "| raters x units | ours, CPU ms | krippendorff, CPU ms | ratio | difference |\n|---|---|---|---|---|"
    )
    for found in results:
        print(
            f"| {RATERS} x {found['units']:,} | {1e3 * found['ours_s']:.2f} | {1e3 * found['rival_s']:.2f} "
            f"| {found['ratio']:.1f} | {found['difference']:.1e} |"
        )
    print(json.dumps(results))
    promises = [
        Promise(
            f"krippendorff / ours, {RATERS} x {found['units']:,}, CPU",
            found["ratio"],
            RATIO,
            "x",
            at_least=True,
        )
        for found in results
    ]
    promises += [
        Promise(f"{RATERS} x {found['units']:,}: the same number", found["difference"], SAME, "")
        for found in results
    ]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
