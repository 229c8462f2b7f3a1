"""How the benchmarks measure: CPU seconds and peak memory of a child process, and a promise kept or not.

CPU seconds rather than wall time, one BLAS thread, both sides of a ratio in the same run: on a shared
machine wall time measures the neighbours, and two threads on two cores spend their time waiting.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
NO_PACKAGE = 77
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Cost:
    """What one child process took."""

    cpu: float  # seconds, user and system
    wall: float  # seconds
    peak: float  # GB of resident memory at the most


@dataclass(frozen=True)
class Promise:
    """One measured number against its bound."""

    name: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False  # a ratio that must be at least the bound; otherwise at most
    detail: str = ""

    @property
    def kept(self) -> bool:
        """Whether the bound holds."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def __str__(self) -> str:
        word = "at least" if self.at_least else "at most"
        verdict = "kept" if self.kept else "BROKEN"
        line = f"{verdict:6} {self.name}: {self.measured:.3g}{self.unit} ({word} {self.bound:g}{self.unit})"
        return f"{line}; {self.detail}" if self.detail else line


def environment() -> Mapping[str, str]:
    """The environment of every child: one thread, and the package found where it is not installed."""
    return os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}


def run(command: Sequence[str], *, cwd: Path = ROOT) -> Cost:
    """Run a command to its end and say what it took; its failure is ours."""
    start = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    stderr = child.stderr.read() if child.stderr else b""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.stderr:
        child.stderr.close()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{stderr.decode('utf-8', 'replace')[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, peak_gb(usage))


def peak_gb(usage: resource.struct_rusage) -> float:
    """Peak resident memory in GB (10^9 bytes); Linux counts KiB, macOS bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def said_by_r(program: str, packages: Sequence[str], *, cwd: Path = ROOT) -> str | None:
    """Run an R program and return what it prints; None where R or one of the packages is missing.

    A program that fails for another reason ends the benchmark: a promise that was not measured is not kept.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    there = " && ".join(f"requireNamespace('{one}', quietly = TRUE)" for one in packages)
    guarded = f"if (!({there})) quit(status = {NO_PACKAGE})\n{program}"
    done = subprocess.run(
        [rscript, "-e", guarded], cwd=cwd, env=environment(), capture_output=True, text=True
    )
    if done.returncode == NO_PACKAGE:
        return None
    if done.returncode:
        raise SystemExit(f"R failed:\n{done.stderr[-2000:]}")
    return done.stdout


def paired_cpu(first: Sequence[str], second: Sequence[str], *, pairs: int) -> tuple[float, float]:
    """Median CPU seconds of two commands run in turn, after one run of each that fills the caches."""
    run(first), run(second)
    both = [(run(first).cpu, run(second).cpu) for _ in range(pairs)]
    return median(a for a, _ in both), median(b for _, b in both)


def close(promises: Sequence[Promise]) -> int:
    """Print the promises and return the exit code: 0 when all are kept."""
    for promise in promises:
        print(promise)
    return 0 if all(promise.kept for promise in promises) else 1
