"""Promise: a table of 10 million answers is checked, and reported on, in under 4 GB of memory.

The report is run whole: its reductions, its bootstrap and its page. Both run in processes of their own;
what counts is the most memory that was resident at any time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import ROOT, Promise, close, run

BOUND_GB = 4.0
ROWS = 10_000_000
N_BOOT = 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the table (default {ROWS:,})")
    rows = parser.parse_args().rows
    if not (ROOT / "psychomet" / "cli").exists():
        print("skipped: the command line is not there")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, key, out = folder / "answers.parquet", folder / "key.toml", folder / "report"
        maker = Path(__file__).with_name("make_large_table.py")
        run([sys.executable, str(maker), str(table), "--rows", str(rows), "--key", str(key)])
        psychomet = [sys.executable, "-m", "psychomet"]
        checked = run([*psychomet, "check", str(table), "--key", str(key)])
        reported = run([
            *psychomet, "report", str(table), "--key", str(key), "--out", str(out),
            "--missing", "available", "--n-boot", str(N_BOOT), "--seed", "1",
        ])  # fmt: skip
        size = table.stat().st_size / 1e6
    return close([
        Promise(
            f"psychomet {command}, {rows / 1e6:g} million rows, peak memory", cost.peak, BOUND_GB, " GB",
            detail=f"{cost.cpu:.0f} s CPU, {cost.wall:.0f} s; Parquet of {size:.0f} MB",
        )
        for command, cost in (("check", checked), ("report", reported))
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
