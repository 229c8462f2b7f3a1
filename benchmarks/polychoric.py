"""Promise: polychoric correlations of all pairs cost less than reading the answers, with no compiler to wait for.

Ours is `ordinal_moments`: thresholds, correlations and their variances, in NumPy and SciPy alone. No package
that pip installs computes polychoric matrices of this size; the rivals are R's `psych::polychoric` and
`lavaan::lavCor` on the same answers in the same run, where Rscript with both is there (psych takes some 30
seconds); without them there is no ratio and the script says so. "Cold" is the first call of a fresh process, our
import included.

    python benchmarks/polychoric.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from measure import ONE_THREAD, Promise, close, environment, said_by_r

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

SEED = 20261121
WARM, COLD, NO_SLOWER = 100.0, 8.0, 1.0
SECONDS_100, SECONDS_25 = 0.3, 0.1
SAME = 1e-6  # lavaan stops its search at about 1e-8
REPEATS = 5


def answers(n: int, k: int, categories: int) -> np.ndarray:
    """Five factors, cut into categories of equal size."""
    rng = np.random.default_rng(SEED)
    loadings = rng.uniform(0.3, 0.9, size=(5, k)) * (rng.random((5, k)) < 0.5)
    latent = rng.normal(size=(n, 5)) @ loadings + 0.7 * rng.normal(size=(n, k))
    cuts = np.quantile(latent, np.linspace(0, 1, categories + 1)[1:-1])
    return np.searchsorted(cuts, latent)


def warm(codes: np.ndarray) -> float:
    """Least CPU seconds of a call; the first does not count."""
    from psychomet.numerics.ordinal import ordinal_moments

    times = []
    for _ in range(REPEATS + 1):
        start = time.process_time()
        ordinal_moments(codes, gamma=False)
        times.append(time.process_time() - start)
    return min(times[1:])


def cold(codes: np.ndarray, folder: Path) -> float:
    """CPU seconds of import and first call in a fresh process that has read the answers with NumPy."""
    path = folder / "codes.npy"
    np.save(path, codes)
    program = (
        "import sys, time, numpy as np\n"
        "codes = np.load(sys.argv[1])\n"
        "start = time.process_time()\n"
        "from psychomet.numerics.ordinal import ordinal_moments\n"
        "ordinal_moments(codes, gamma=False)\n"
        "sys.stdout.write(str(time.process_time() - start))\n"
    )
    found = [
        float(
            subprocess.run(
                [sys.executable, "-c", program, str(path)], env=environment(), check=True, capture_output=True
            ).stdout
        )
        for _ in range(3)
    ]
    return sorted(found)[1]


def in_r(codes: np.ndarray, folder: Path, functions: Sequence[str]) -> dict[str, float]:
    """CPU seconds of R's functions on the same answers, and the largest difference from lavaan; empty without R."""
    from psychomet.numerics.ordinal import ordinal_moments

    np.savetxt(folder / "codes.csv", codes, fmt="%d", delimiter=",")
    calls = {
        "lavaan": (
            "t <- system.time(m <- lavCor(y, ordered = names(y), output = 'cor')); cat('lavaan', t[1] + t[2], '\\n')\n"
            "write.table(unclass(m), 'lavaan.csv', sep = ',', row.names = FALSE, col.names = FALSE)\n"
        ),
        "psych": "t <- system.time(psych::polychoric(x, correct = 0)); cat('psych', t[1] + t[2], '\\n')\n",
    }
    program = (
        "suppressPackageStartupMessages({library(lavaan); library(psych)}); options(mc.cores = 1)\n"
        "x <- read.csv('codes.csv', header = FALSE); y <- as.data.frame(lapply(x, ordered))\n"
        + "".join(calls[name] for name in functions)
    )
    said = said_by_r(program, ["lavaan", "psych"], cwd=folder)
    if said is None:
        return {}
    found = {line.split()[0]: float(line.split()[1]) for line in said.splitlines() if line[:1] in "lp"}
    if "lavaan" in functions:
        theirs = np.loadtxt(folder / "lavaan.csv", delimiter=",")
        mine = ordinal_moments(codes, gamma=False).correlation
        found["difference"] = float(np.abs(theirs - mine).max())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="lavaan only on the small answers")
    given = parser.parse_args()
    small, large = answers(2800, 25, 6), answers(10_000, 100, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, again = cold(large, folder), warm(large)
        start, second = cold(small, folder), warm(small)
        print(
            f"100 x 10,000: {first:.3f} s cold, {again:.3f} s warm; 25 x 2,800: {start:.3f} s cold, {second:.4f} s warm"
        )
        promises = [
            Promise("100 items x 10,000 rows, warm, CPU", again, SECONDS_100, " s"),
            Promise("25 items x 2,800 rows, CPU", second, SECONDS_25, " s"),
        ]
        few = in_r(small, folder, ["lavaan"])
        many = in_r(large, folder, ["psych"] if given.quick else ["lavaan", "psych"])
    if not few or not many:
        print("Rscript with psych and lavaan is not installed: no ratio")
        return close(promises)
    seconds = ", ".join(f"{name} {many[name]:.1f} s" for name in ("lavaan", "psych") if name in many)
    print(f"R, CPU: 25 items, lavaan {few['lavaan']:.2f} s; 100 items, {seconds}")
    differences = [one["difference"] for one in (few, many) if "difference" in one]
    promises += [
        Promise("psych / ours warm, 100 items", many["psych"] / again, WARM, "x", at_least=True),
        Promise("psych / ours cold, 100 items", many["psych"] / first, COLD, "x", at_least=True),
        Promise("lavCor / ours cold, 25 items", few["lavaan"] / start, NO_SLOWER, "x", at_least=True),
        Promise("the same numbers as lavaan, largest difference", max(differences), SAME, ""),
    ]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
