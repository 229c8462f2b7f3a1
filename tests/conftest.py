"""What all tests share: one thread, no screen, and skips that fail where nothing may be missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

# Before NumPy and matplotlib are imported: tests measure numbers, not how threads share two cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples every time, and no time limit: a loaded machine must not make a test fail.
settings.register_profile("psychomet", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("psychomet")

MUST_NOT_SKIP = {
    "PSYCHOMET_REQUIRE_SHARED": re.compile(r"shared", re.IGNORECASE),
    "PSYCHOMET_REQUIRE_ALL": re.compile(
        r"could not import|not installed|needs the (package|extra)", re.IGNORECASE
    ),
    "PSYCHOMET_REQUIRE_CHROMIUM": re.compile(r"chromium", re.IGNORECASE),
}
"""Environment variable -> the reasons to skip that it forbids."""


def forbidden_skip(reason: str) -> str | None:
    """Name the environment variable that forbids skipping for this reason; None where none does."""
    for variable, pattern in MUST_NOT_SKIP.items():
        if os.environ.get(variable) == "1" and pattern.search(reason):
            return variable
    return None


def _fail_forbidden_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where an environment variable says that nothing may be missing."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    variable = forbidden_skip(reason)
    if variable is not None:
        report.outcome = "failed"
        report.longrepr = f"{variable}=1 forbids this skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hold the skip of one test against the variables above."""
    report = yield
    _fail_forbidden_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hold the skip of a whole file against the variables above."""
    report = yield
    _fail_forbidden_skip(report)
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the published data; a test that needs it skips where it is not."""
    folder = Path(os.environ.get("PSYCHOMET_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared folder with the published data is not there (PSYCHOMET_SHARED names it)")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; a test that needs a browser skips where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("Chromium is not on this machine")
