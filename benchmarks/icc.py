"""Promise: the six intraclass correlations with intervals cost a small part of pingouin's time and little memory.

100,000 respondents x 10 looks. Ours is `mean_squares` and `intraclass`; the rival is pingouin.intraclass_corr on the same
scores as a long frame, which is made outside the time taken. Memory is the peak of what Python and
NumPy hold during our call, the scores included, as a multiple of the scores.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from statistics import median

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np
import pandas as pd

from psychomet.numerics.icc import Intraclass, intraclass, mean_squares
from psychomet.numerics.variance.intraclass import intraclass_by_reml, looks_by_reml

SEED = 20261121
N, K = 100_000, 10
REPEATS = 5
RATIO = 50.0
MEMORY = 2.0
SAME = 1e-10  # the order of summation differs


def scores() -> np.ndarray:
    """Respondents, looks and noise."""
    rng = np.random.default_rng(SEED)
    return rng.standard_normal((N, 1)) + 0.3 * rng.standard_normal(K) + rng.standard_normal((N, K))


def ours(values: np.ndarray) -> tuple[Intraclass, ...]:
    """All six forms."""
    return intraclass(mean_squares(values), conf_level=0.95)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def memory(values: np.ndarray) -> float:
    """Peak of what is held, as a multiple of the scores."""
    tracemalloc.start()
    ours(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak + values.nbytes) / values.nbytes


def against_pingouin(values: np.ndarray) -> list[Promise]:
    """Ours and theirs in turn; medians."""
    try:
        import pingouin
    except ModuleNotFoundError:
        print("pingouin is not installed: no ratio (pip install 'psychomet[crosscheck]')")
        return []
    frame = pd.DataFrame(
        {"target": np.repeat(np.arange(N), K), "look": np.tile(np.arange(K), N), "score": values.ravel()}
    )

    def theirs() -> pd.DataFrame:
        return pingouin.intraclass_corr(frame, targets="target", raters="look", ratings="score")

    found = theirs()["ICC"].to_numpy(float)
    difference = float(np.abs(found - [one.estimate for one in ours(values)]).max())
    both = [(seconds(lambda: ours(values)), seconds(theirs)) for _ in range(REPEATS)]
    mine, rival = median(a for a, _ in both), median(b for _, b in both)
    print(f"ours {mine:.4f} CPU s, pingouin {rival:.3f} CPU s, largest difference {difference:.1e}")
    return [
        Promise(f"pingouin / ours, six forms at {N} x {K}, CPU", rival / mine, RATIO, "x", at_least=True),
        Promise("the same numbers, largest difference", difference, SAME, ""),
    ]


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore")
    values = scores()
    ours(values)
    promises = [Promise("peak memory, scores included", memory(values), MEMORY, " x the scores")]
    promises += against_pingouin(values)
    holes = np.where(np.random.default_rng(SEED).random(values.shape) < 0.05, np.nan, values)

    def kept() -> None:
        found = looks_by_reml(holes)
        if isinstance(found, str):
            raise SystemExit(found)
        intraclass_by_reml(found, conf_level=0.95)

    print(f"with 5 % of the cells missing, by REML from every score: {seconds(kept):.2f} CPU s")
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
