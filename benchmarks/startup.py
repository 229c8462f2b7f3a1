"""Promise: importing psychomet costs less than two further starts of Python, and --help is prompt."""

from __future__ import annotations

import sys
from statistics import median

from measure import Promise, close, paired_cpu, run

IMPORT_RATIO = 3.0
HELP_SECONDS = 0.3
PAIRS = 15


def main() -> int:
    python = sys.executable
    bare, face = paired_cpu([python, "-c", "pass"], [python, "-c", "import psychomet"], pairs=PAIRS)
    command = [python, "-m", "psychomet", "--help"]
    run(command)
    helped = median(run(command).cpu for _ in range(PAIRS))
    return close([
        Promise(
            "import psychomet / bare Python, CPU", face / bare, IMPORT_RATIO, "x",
            detail=f"{face * 1000:.1f} ms / {bare * 1000:.1f} ms, medians of {PAIRS} pairs",
        ),
        Promise("psychomet --help, CPU", helped, HELP_SECONDS, " s", detail=f"median of {PAIRS} runs"),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
