"""Promise: parallel analysis under a normal null costs a small part of resampling normal answers.

The rival draws n x k normal answers, takes their correlations (``numpy.corrcoef``) and the eigenvalues
(``numpy.linalg.eigvalsh``), replicate by replicate. Ours draws the correlations as Wishart matrices by Bartlett's
decomposition. Both give the 95th percentile of every eigenvalue; they agree within the error that so many replicates
have.

A second rival is psych::fa.parallel of R on answers of the same size, one call with 20 iterations divided by its 40
matrices (each iteration draws one and resamples one), where Rscript with psych is there; without it there is no ratio
and the script says so. R fits one minres factor to every matrix, so the ratio is given twice: to our components alone,
and with our minres factor and its eigenvalues. The second cannot reach the bound of the first: two eigenvalue
decompositions of every matrix alone take that time.

All sides are timed in turn, several times, and the medians compared: one short timing measures the machine's other
guests.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median

from measure import ONE_THREAD, Promise, close, said_by_r

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

from psychomet.numerics.dimensions import Eigen, normal_correlations, null_eigenvalues

SEED = 20261121
N, K = 10_000, 120
REPLICATES = 100
PERCENTILE = 0.95
ROUNDS = 7
RATIO = 15.0
R_RATIO = 200.0
R_ITERATIONS = 20
R_RATIO_MINRES = 100.0
# Largest of 120 standardised differences of percentiles, themselves from 100 replicates each.
ERRORS = 5.0

R_SCRIPT = """
suppressPackageStartupMessages(library(psych)); options(mc.cores = 1); set.seed(20261121)
x <- matrix(rnorm(%d * %d), %d)
cpu <- function(n) {
  t <- system.time(invisible(capture.output(suppressWarnings(suppressMessages(
    fa.parallel(x, n.iter = n, fm = "minres", fa = "both", plot = FALSE))))))
  sum(t[c(1, 2, 4, 5)], na.rm = TRUE)
}
invisible(cpu(1))
cat(cpu(%d) / %d, as.character(packageVersion("psych")))
"""


def per_matrix_in_r() -> tuple[float, str] | None:
    """CPU seconds of fa.parallel for one matrix, and psych's version; None where R or psych is missing."""
    said = said_by_r(R_SCRIPT % (N, K, N, R_ITERATIONS, 2 * R_ITERATIONS), ["psych"])
    if said is None:
        return None
    took, version = said.split()
    return float(took), version


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def ours(n_replicates: int, seed: int, kinds: tuple[Eigen, ...] = ("pca",)) -> np.ndarray:
    """Eigenvalues of chance, (n_replicates, k)."""
    blocks = normal_correlations(N, K, n_replicates=n_replicates, seed=seed)
    return null_eigenvalues(blocks, kinds)["pca"]


def resimulated(n_replicates: int, seed: int) -> np.ndarray:
    """The same by drawing answers."""
    rng = np.random.default_rng(seed)
    found = np.empty((n_replicates, K))
    for number in range(n_replicates):
        cor = np.corrcoef(rng.standard_normal((N, K)), rowvar=False)
        found[number] = np.linalg.eigvalsh(cor)[::-1]
    return found


def percentile_error(values: np.ndarray) -> np.ndarray:
    """Bootstrap standard error of the percentile of every eigenvalue."""
    rng = np.random.default_rng(SEED)
    rows = rng.integers(0, len(values), (200, len(values)))
    return np.quantile(values[rows], PERCENTILE, axis=1).std(axis=0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of NumPy's replicates")
    options = parser.parse_args()
    share = 4 if options.quick else 1
    ours(4, SEED, ("pca", "minres")), resimulated(1, SEED)
    mine, theirs, whole = [], [], []
    for _ in range(ROUNDS):
        mine.append(seconds(lambda: ours(REPLICATES, SEED)))
        theirs.append(share * seconds(lambda: resimulated(REPLICATES // share, SEED)))
        whole.append(seconds(lambda: ours(REPLICATES, SEED, ("pca", "minres"))))
    in_r = per_matrix_in_r()
    first, second = ours(REPLICATES, SEED), resimulated(REPLICATES // share, SEED)
    both = [np.quantile(values, PERCENTILE, axis=0) for values in (first, second)]
    error = np.hypot(percentile_error(first), percentile_error(second))
    off = np.abs(both[0] - both[1]) / error
    found = {
        "n": N, "k": K, "replicates": REPLICATES, "ours_s": median(mine), "rival_s": median(theirs),
        "ratio": median(theirs) / median(mine), "largest_standardised_difference": float(off.max()),
        "mean_standardised_difference": float(off.mean()),
        "first_reference": [float(one[0]) for one in both],
        "ours_with_minres_s": median(whole),
    }  # fmt: skip
    print("| rival | n x k | replicates | ours, CPU s | rival, CPU s | ratio |\n|---|---|---|---|---|---|")
    print(
        f"| NumPy, answers drawn anew | {N} x {K} | {REPLICATES} | {found['ours_s']:.3f} | {found['rival_s']:.2f} "
        f"| {found['ratio']:.1f} |"
    )
    print(json.dumps(found))
    promises = [
        Promise(f"NumPy / ours, {REPLICATES} matrices of {N} x {K}, CPU", found["ratio"], RATIO, "x", at_least=True),
        Promise("the same percentiles, largest difference in standard errors", float(off.max()), ERRORS, ""),
    ]  # fmt: skip
    if in_r is None:
        print("Rscript with psych is not installed: no ratio to fa.parallel")
    else:
        took, version = in_r
        name = f"psych {version} fa.parallel ({took:.3f} s per matrix)"
        promises += [
            Promise(f"{name} / our components", took * REPLICATES / median(mine), R_RATIO, "x", at_least=True),
            Promise(f"{name} / our components and one minres factor with its eigenvalues, as R does",
                    took * REPLICATES / median(whole), R_RATIO_MINRES, "x", at_least=True),
        ]  # fmt: skip
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
