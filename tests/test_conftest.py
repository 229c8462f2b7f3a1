"""A skip fails where an environment variable says that nothing may be missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REASONS = {
    "PSYCHOMET_REQUIRE_SHARED": 'pytest.skip("the shared folder is not there")',
    "PSYCHOMET_REQUIRE_ALL": 'pytest.importorskip("no_such_package_anywhere")',
    "PSYCHOMET_REQUIRE_CHROMIUM": 'pytest.skip("Chromium is not on this machine")',
}


def run_pytest(folder: Path, **environment: str) -> list[str]:
    """Run pytest in a folder that holds a copy of our conftest; return what it prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PSYCHOMET_REQUIRE")}
    clean["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # half of the time of a run
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            "--rootdir",
            str(folder),
            str(folder),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean | environment,
    )
    return done.stdout.strip().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tests that skip for each of the reasons, one of them with its whole file."""
    made = tmp_path_factory.mktemp("skips")
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    (made / "conftest.py").write_text(conftest, encoding="utf-8")
    tests = [f"def test_{variable.lower()}():\n    {skip}\n" for variable, skip in REASONS.items()]
    (made / "test_each.py").write_text("import pytest\n" + "".join(tests), encoding="utf-8")
    source = 'import pytest\npytest.importorskip("no_such_package_anywhere")\ndef test_one():\n    pass\n'
    (made / "test_file.py").write_text(source, encoding="utf-8")
    return made


def test_skips_are_allowed(folder: Path) -> None:
    assert run_pytest(folder)[-1].startswith("4 skipped")


@pytest.mark.parametrize("variable", REASONS)
def test_a_forbidden_skip_fails_and_no_other(folder: Path, variable: str) -> None:
    lines = run_pytest(folder, **{variable: "1"})
    failed = [line.split()[1] for line in lines if line.startswith("FAILED")]
    assert failed == [f"test_each.py::test_{variable.lower()}"]
    whole_file = variable == "PSYCHOMET_REQUIRE_ALL"
    assert [line.split()[1] for line in lines if line.startswith("ERROR")] == ["test_file.py"] * whole_file
    assert f"{variable}=1 forbids this skip" in "\n".join(lines)
    assert lines[-1].startswith(f"1 failed, {2 if whole_file else 3} skipped")
