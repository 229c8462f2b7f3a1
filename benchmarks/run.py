"""Run every benchmark, one after the other, and write what they say to benchmarks/results.md.

A benchmark is a script in this folder that prints what it measured and exits with 0 when its promises
are kept. Scripts that offer --quick are run with it on request: smaller tables, the same promises where
they hold at any size; results.md is then left as it is.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from measure import ROOT, environment

HERE = Path(__file__).resolve().parent
NOT_BENCHMARKS = {"run.py", "measure.py", "make_large_table.py"}
PACKAGES = ("numpy", "scipy", "pandas", "duckdb", "pingouin")


def scripts() -> list[Path]:
    """Return the benchmarks, in order of name."""
    return sorted(path for path in HERE.glob("*.py") if path.name not in NOT_BENCHMARKS)


def run_one(script: Path, *, quick: bool) -> tuple[int, str]:
    """Run one benchmark; return its exit code and what it printed, which is also shown at once."""
    flags = ["--quick"] if quick and "--quick" in script.read_text(encoding="utf-8") else []
    done = subprocess.run(
        [sys.executable, str(script), *flags],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    print(f"== {script.name}\n{done.stdout}", flush=True)
    return done.returncode, done.stdout.strip()


def about() -> str:
    """Say on what this was measured, without naming the machine."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return (
        f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores, one BLAS thread, {platform.machine()}, "
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(found)}"
    )


def write(results: dict[str, tuple[int, str]]) -> None:
    """Write results.md."""
    lines = [
        "# What the benchmarks measured",
        "",
        f"Written by `make bench`: {about()}.",
        "Ratios are of CPU seconds within one run. README.md beside this file says what each promises.",
    ]
    for name, (code, said) in results.items():
        # Where the package lies on this machine is nobody's business.
        said = re.sub(re.escape(str(ROOT)) + r"/?", "", said)
        lines += ["", f"## {name}: {'kept' if code == 0 else 'BROKEN'}", "", "```", said, "```"]
    (HERE / "results.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller tables; results.md is not written")
    parser.add_argument("names", nargs="*", help="only these, by name without .py")
    options = parser.parse_args()
    unknown = set(options.names) - {script.stem for script in scripts()}
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    chosen = [script for script in scripts() if not options.names or script.stem in options.names]
    results = {script.stem: run_one(script, quick=options.quick) for script in chosen}
    if not options.quick and not options.names:
        write(results)
    broken = [name for name, (code, _) in results.items() if code]
    print(
        f"benchmarks: {len(results) - len(broken)} kept, {len(broken)} broken{': ' + ', '.join(broken) if broken else ''}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
