"""Promise: polychoric correlations of all pairs cost less than reading the answers, with no compiler to wait for.

Ours is `ordinal_moments`: thresholds, correlations and their variances, in NumPy and SciPy alone. No package
that pip installs computes polychoric matrices of this size; the rivals are R's, with times that were measured
once on an AMD EPYC virtual machine with two shared cores (R 4.2.2, psych 2.2.9, lavaan 0.6-14, one BLAS
thread) and are typed in below. With `--r` the same answers are given to Rscript, where it has those packages,
and the ratio is that of this run. "Cold" is the first call of a fresh process, our import included.

    python benchmarks/polychoric.py [--quick] [--r]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import ONE_THREAD, Promise, close, environment

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

SEED = 20261121
PSYCH_100 = 32.4  # CPU seconds of psych::polychoric, 100 items x 10,000 rows, 5 categories
LAVCOR_25 = 0.454  # CPU seconds of lavaan::lavCor, 25 items x 2,800 rows, 6 categories
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


def in_r(codes: np.ndarray, folder: Path, *, with_psych: bool) -> dict[str, float]:
    """CPU seconds of R's functions on the same answers, and the largest difference from lavaan."""
    from psychomet.numerics.ordinal import ordinal_moments

    np.savetxt(folder / "codes.csv", codes, fmt="%d", delimiter=",")
    psych = "t <- system.time(psych::polychoric(x, correct = 0)); cat('psych', t[1] + t[2], '\\n')\n"
    program = (
        f'x <- read.csv("{folder}/codes.csv", header = FALSE)\n'
        "suppressPackageStartupMessages({library(lavaan); library(psych)}); options(mc.cores = 1)\n"
        "y <- as.data.frame(lapply(x, ordered))\n"
        "t <- system.time(m <- lavCor(y, ordered = names(y), output = 'cor')); cat('lavaan', t[1] + t[2], '\\n')\n"
        f'write.table(unclass(m), "{folder}/lavaan.csv", sep = ",", row.names = FALSE, col.names = FALSE)\n'
        + (psych if with_psych else "")
    )
    said = subprocess.run(
        ["Rscript", "-e", program], env=environment(), check=True, capture_output=True, text=True
    )
    found = {line.split()[0]: float(line.split()[1]) for line in said.stdout.splitlines() if line[:1] in "lp"}
    theirs = np.loadtxt(folder / "lavaan.csv", delimiter=",")
    return found | {
        "difference": float(np.abs(theirs - ordinal_moments(codes, gamma=False).correlation).max())
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no R, under 30 seconds (the default)")
    parser.add_argument(
        "--r", action="store_true", help="run R on the same answers; psych takes some 40 seconds"
    )
    given = parser.parse_args()
    small, large = answers(2800, 25, 6), answers(10_000, 100, 5)
    promises = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, again = cold(large, folder), warm(large)
        start = cold(small, folder)
        print(
            f"100 x 10,000: {first:.3f} s cold, {again:.3f} s warm; 25 x 2,800: {start:.3f} s cold, {warm(small):.4f} s warm"
        )
        promises += [
            Promise("100 items x 10,000 rows, warm, CPU", again, SECONDS_100, " s"),
            Promise("25 items x 2,800 rows, CPU", warm(small), SECONDS_25, " s"),
            Promise("psych (stored) / ours warm, 100 items", PSYCH_100 / again, WARM, "x", at_least=True),
            Promise("psych (stored) / ours cold, 100 items", PSYCH_100 / first, COLD, "x", at_least=True),
            Promise(
                "lavCor (stored) / ours cold, 25 items", LAVCOR_25 / start, NO_SLOWER, "x", at_least=True
            ),
        ]
        if given.r and not given.quick:
            theirs = in_r(small, folder, with_psych=False)
            ratio = theirs["lavaan"] / start
            promises += [
                Promise("lavCor (this run) / ours cold, 25 items", ratio, NO_SLOWER, "x", at_least=True),
                Promise("the same numbers, largest difference", theirs["difference"], SAME, ""),
            ]
            both = in_r(large, folder, with_psych=True)
            print(f"100 items in R: lavCor {both['lavaan']:.1f} s, psych {both['psych']:.1f} s CPU")
            promises.append(
                Promise(
                    "psych (this run) / ours warm, 100 items", both["psych"] / again, WARM, "x", at_least=True
                )
            )
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
