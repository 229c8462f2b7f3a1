"""Promise: variance components by closed form and by REML cost a small part of lme4's time, for the same numbers.

Two tables of 100,000 rows with four crossed random factors and a residual:

- balanced (100 x 10 x 10 x 10): `balanced`, which iterates nothing and here equals REML;
- unbalanced (every factor's level drawn for every row, 1,000, 50, 20 and 10 levels): `reml`.

The rival is lme4::lmer(y ~ 1 + (1|a) + (1|b) + (1|c) + (1|d)), its CPU seconds taken in R around the fit alone, one BLAS
thread. Without R or lme4 there is no ratio and the script says so. Peak memory is that of a process that
makes the unbalanced table and fits it.
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
from collections.abc import Callable
from pathlib import Path
from statistics import median

from measure import ONE_THREAD, Promise, close, environment, run

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

from psychomet.numerics.variance import balanced, balanced_reml, reml

SEED = 20261121
REPEATS = 7
BALANCED = (100, 10, 10, 10)
LEVELS = (1000, 50, 20, 10)
ROWS = 100_000
SPREAD = (1.0, 0.6, 0.3, 0.2)
EFFECTS = [(0,), (1,), (2,), (3,)]
BALANCED_RATIO = 1000.0
UNBALANCED_RATIO = 3.0
MEMORY_GB = 2.0
# lme4 stops where its optimiser does: the components agree to this share of their sum, the deviance to this much.
SAME_SHARE = 1e-4
SAME_DEVIANCE = 1e-4

FIT = """
suppressPackageStartupMessages({library(lme4); library(jsonlite)})
d <- read.csv(commandArgs(TRUE)[1])
for (k in c("a", "b", "c", "d")) d[[k]] <- factor(d[[k]])
t <- system.time(m <- lmer(y ~ 1 + (1|a) + (1|b) + (1|c) + (1|d), d))
v <- as.data.frame(VarCorr(m)); v <- setNames(v$vcov, v$grp)
cat(toJSON(list(cpu = unname(t[1] + t[2]), deviance = REMLcrit(m),
                component = unname(v[c("a", "b", "c", "d", "Residual")]),
                lme4 = as.character(packageVersion("lme4"))), digits = I(15), auto_unbox = TRUE))
"""


def table(*, crossed: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rows and codes; every cell once where crossed, drawn levels otherwise."""
    rng = np.random.default_rng(SEED)
    sizes = BALANCED if crossed else LEVELS
    codes = [code.ravel() for code in np.indices(BALANCED)] if crossed else [
        rng.integers(0, size, ROWS) for size in LEVELS
    ]  # fmt: skip
    y = 3 + rng.standard_normal(codes[0].size)
    for size, code, spread in zip(sizes, codes, SPREAD, strict=True):
        y = y + spread * rng.standard_normal(size)[code]
    return y, codes


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median CPU seconds of one call; the first fills the caches."""
    work()
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return median(found)


def lme4(y: np.ndarray, codes: list[np.ndarray]) -> dict[str, object] | str:
    """What lme4 finds and what it costs, or why it cannot be asked."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder) / "table.csv", Path(folder) / "fit.R"
        np.savetxt(
            data, np.column_stack([y, *codes]), delimiter=",", header="y,a,b,c,d", comments="", fmt="%.17g"
        )
        script.write_text(FIT, encoding="utf-8")
        done = subprocess.run(
            ["Rscript", str(script), str(data)], capture_output=True, text=True, env=environment()
        )
    if done.returncode:
        return f"R could not fit it: {done.stderr.strip().splitlines()[-1] if done.stderr else 'no message'}"
    return json.loads(done.stdout)


def compared(name: str, ours: float, component: np.ndarray, deviance: float, rival: dict) -> list[Promise]:
    """Print one row of the table and return its promises."""
    theirs = np.array(rival["component"])
    share = float(np.abs(component - theirs).max() / theirs.sum())
    apart = abs(deviance - rival["deviance"])
    ratio = rival["cpu"] / ours
    print(f"| {name} | {ours:.5f} | {rival['cpu']:.2f} | {ratio:.0f} | {share:.1e} | {apart:.1e} |")
    bound = BALANCED_RATIO if name == "balanced" else UNBALANCED_RATIO
    return [
        Promise(f"lme4 {rival['lme4']} / ours, {name}, CPU", ratio, bound, "x", at_least=True),
        Promise(f"{name}: components apart, share of their sum", share, SAME_SHARE, ""),
        Promise(f"{name}: deviances apart", apart, SAME_DEVIANCE, ""),
    ]


def alone() -> None:
    """Make the unbalanced table and fit it: what a process needs for that."""
    y, codes = table(crossed=False)
    reml(y, codes=codes, effects=EFFECTS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    repeats = 3 if options.quick else REPEATS
    if options.alone:
        alone()
        return 0
    peak = run([sys.executable, __file__, "--alone"]).peak
    promises = [Promise("unbalanced, peak memory of the process", peak, MEMORY_GB, " GB")]
    y, codes = table(crossed=True)
    cells = y.reshape(BALANCED)
    closed = balanced_reml(balanced(cells, effects=EFFECTS))
    quick = seconds(lambda: balanced(cells, effects=EFFECTS), repeats)
    whole = seconds(lambda: balanced(cells), repeats)
    loose, levels = table(crossed=False)
    fitted = reml(loose, codes=levels, effects=EFFECTS)
    slow = seconds(lambda: reml(loose, codes=levels, effects=EFFECTS), repeats)
    rivals = {"balanced": lme4(y, codes), "unbalanced": lme4(loose, levels)}
    print("| table | ours, CPU s | lme4, CPU s | ratio | components apart | deviances apart |")
    print("|---|---|---|---|---|---|")
    for name, ours, found in (("balanced", quick, closed), ("unbalanced", slow, fitted)):
        rival = rivals[name]
        if isinstance(rival, str):
            print(f"{name}: no ratio, {rival}; ours took {ours:.5f} CPU s")
        else:
            promises += compared(name, ours, found.component, -2 * found.log_restricted, rival)
    print(f"balanced with all 14 interactions, ours: {whole:.5f} CPU s (lme4 was not asked)")
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
