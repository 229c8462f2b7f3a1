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


def run_pytest(folder: Path, **environment: str) -> str:
    """Run pytest in a folder that holds a copy of our conftest; return its closing line."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PSYCHOMET_REQUIRE")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            str(folder),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean | environment,
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("variable", REASONS)
def test_a_forbidden_skip_fails(tmp_path: Path, variable: str) -> None:
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    skip = REASONS[variable]
    (tmp_path / "test_one.py").write_text(f"import pytest\ndef test_one():\n    {skip}\n", encoding="utf-8")
    assert run_pytest(tmp_path).startswith("1 skipped")
    assert run_pytest(tmp_path, **{variable: "1"}).startswith("1 failed")
    others = {name: "1" for name in REASONS if name != variable}
    assert run_pytest(tmp_path, **others).startswith("1 skipped")


def test_a_forbidden_skip_of_a_file_fails(tmp_path: Path) -> None:
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    source = 'import pytest\npytest.importorskip("no_such_package_anywhere")\ndef test_one():\n    pass\n'
    (tmp_path / "test_one.py").write_text(source, encoding="utf-8")
    assert "1 skipped" in run_pytest(tmp_path)
    assert "1 error" in run_pytest(tmp_path, PSYCHOMET_REQUIRE_ALL="1")
