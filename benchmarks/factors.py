"""Promise: 5 factors of 120 items cost a small part of what factor_analyzer takes, and give the same numbers.

Rivals, on one correlation matrix of 10,000 simulated answers to 120 items:

- factor_analyzer, minres and ml without rotation, timed in this run in turn with ours. factor_analyzer 0.5.1 needs
  scikit-learn below 1.8; without it (or with a newer one) that half is not measured;
- R's psych::fa(fm = "minres") and stats::factanal, where Rscript with psych is there: the time within R of one fit of
  the same matrix, R's start left out.

Also timed, without a rival: the standard errors of all 600 rotated loadings by exact derivatives.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

from psychomet.numerics.factors import extract, rotated_slopes, unrotated_slopes
from psychomet.numerics.rotations import rotate, rule
from psychomet.numerics.rotations.rules import criterion

SEED = 20261121
K, M, N = 120, 5, 10_000
REPEATS, QUICK_REPEATS = 7, 3
FACTOR_ANALYZER_RATIO = 40.0
R_RATIO = 3.0
SAME = 1e-4  # largest difference of a reproduced correlation: their optimisers stop at 1e-5 or so


def correlations() -> np.ndarray:
    """Five correlated factors with cross-loadings, 24 items each."""
    rng = np.random.default_rng(SEED)
    loadings = rng.normal(0, 0.1, (K, M))
    loadings[np.arange(K), np.arange(K) // 24] = rng.uniform(0.4, 0.8, K)
    phi = 0.3 + 0.7 * np.eye(M)
    unique = np.maximum(1 - np.einsum("km,mf,kf->k", loadings, phi, loadings), 0.1)
    latent = rng.standard_normal((N, M)) @ np.linalg.cholesky(phi).T
    return np.corrcoef((latent @ loadings.T + rng.standard_normal((N, K)) * np.sqrt(unique)).T)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def reproduced(loadings: np.ndarray) -> np.ndarray:
    """What the factors say of the correlations, whichever way they are rotated."""
    return loadings @ loadings.T


def against_factor_analyzer(cor: np.ndarray, method: str, repeats: int) -> dict[str, float]:
    """Ours and the rival in turn; medians."""
    from factor_analyzer import FactorAnalyzer

    def rival() -> Any:
        return FactorAnalyzer(n_factors=M, method=method, rotation=None, is_corr_matrix=True).fit(cor)

    mine = extract(cor[None], M, method=method).loadings[0]  # type: ignore[arg-type]
    difference = float(np.abs(reproduced(mine) - reproduced(np.asarray(rival().loadings_))).max())
    both = [
        (seconds(lambda: extract(cor[None], M, method=method)), seconds(rival))  # type: ignore[arg-type]
        for _ in range(repeats)
    ]
    ours, theirs = median(a for a, _ in both), median(b for _, b in both)
    return {"ours_s": ours, "rival_s": theirs, "ratio": theirs / ours, "difference": difference}


R_SCRIPT = """
r <- as.matrix(read.csv("cor.csv", header = FALSE)); colnames(r) <- rownames(r) <- paste0("i", 1:nrow(r))
cpu <- function(f, times) { f(); t <- replicate(times, sum(system.time(f())[c(1, 2)])); median(t) }
quiet <- function(e) suppressWarnings(suppressMessages(e))
minres <- function() quiet(psych::fa(r, 5, n.obs = 10000, fm = "minres", rotate = "none"))
ml <- function() stats::factanal(covmat = r, factors = 5, n.obs = 10000, rotation = "none")
write.table(unclass(minres()$loadings), "minres.csv", sep = ",", row.names = FALSE, col.names = FALSE)
write.table(unclass(ml()$loadings), "ml.csv", sep = ",", row.names = FALSE, col.names = FALSE)
cat(cpu(minres, %d), cpu(ml, %d))
"""


def against_r(cor: np.ndarray, repeats: int) -> dict[str, dict[str, float]]:
    """Psych's minres and factanal; empty where R or psych is missing."""
    program = shutil.which("Rscript")
    if program is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        np.savetxt(Path(folder) / "cor.csv", cor, delimiter=",", fmt="%.17g")
        script = R_SCRIPT % (repeats, repeats)
        done = subprocess.run(
            [program, "-e", script], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return {}
        times = [float(word) for word in done.stdout.split()]
        found = {}
        for method, theirs in zip(("minres", "ml"), times, strict=True):
            mine = extract(cor[None], M, method=method).loadings[0]  # type: ignore[arg-type]
            other = np.loadtxt(Path(folder) / f"{method}.csv", delimiter=",")
            ours = median(seconds(lambda: extract(cor[None], M, method=method)) for _ in range(repeats))  # type: ignore[arg-type]  # noqa: B023
            found[method] = {
                "ours_s": ours, "rival_s": theirs, "ratio": theirs / ours,
                "difference": float(np.abs(reproduced(mine) - reproduced(other)).max()),
            }  # fmt: skip
    return found


def standard_errors(cor: np.ndarray) -> float:
    """CPU seconds of the derivatives of all rotated loadings in all correlations."""
    found = extract(cor[None], M)
    chosen = rule("oblimin")
    turned = rotate(found.loadings, chosen=chosen)
    slope = criterion(chosen, K, M)

    def work() -> object:
        first = unrotated_slopes(cor, found.loadings[0], found.uniqueness[0], method="minres")
        return rotated_slopes(
            first,
            turned.transform[0],
            criterion=lambda stack: slope(stack, np.arange(len(stack))),
            oblique=True,
        )

    return seconds(work)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    repeats = QUICK_REPEATS if options.quick else REPEATS
    cor = correlations()
    results: dict[str, dict[str, float]] = {}
    bounds: dict[str, float] = {}
    try:
        for method in ("minres", "ml"):
            results[f"factor_analyzer {method}"] = against_factor_analyzer(cor, method, repeats)
            bounds[f"factor_analyzer {method}"] = FACTOR_ANALYZER_RATIO
    except (ModuleNotFoundError, TypeError):
        print("factor_analyzer is not installed, or scikit-learn is too new for it: not measured")
    for method, found in against_r(cor, repeats).items():
        name = f"R {'psych::fa' if method == 'minres' else 'factanal'} {method}"
        results[name], bounds[name] = found, R_RATIO
    print("| rival | ours, CPU s | rival, CPU s | ratio | largest difference |\n|---|---|---|---|---|")
    for name, found in results.items():
        print(
            f"| {name} | {found['ours_s']:.4f} | {found['rival_s']:.3f} | {found['ratio']:.1f} "
            f"| {found['difference']:.1e} |"
        )
    print(
        f"derivatives of {K * M} rotated loadings in {K * (K - 1) // 2} correlations: {standard_errors(cor):.2f} CPU s"
    )
    print(json.dumps(results))
    promises = [
        Promise(
            f"{name} / ours, {M} factors of {K} items, CPU", found["ratio"], bounds[name], "x", at_least=True
        )
        for name, found in results.items()
    ]
    promises += [
        Promise(
            f"{name}: the same reproduced correlations, largest difference", found["difference"], SAME, ""
        )
        for name, found in results.items()
    ]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
