"""Coverage of posterior intervals over simulated truths, for the programs ``calibrate.py`` of the analyses."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.5, 0.8, 0.95)
Below = Mapping[str, NDArray[np.float64]]
"""Of one simulated table: by name, the posterior probability below each true number."""


def coverage(made: Sequence[Below]) -> list[tuple[str, float, float, float]]:
    """Return name, level, coverage and its standard error, replicates being the units."""
    rows = []
    for name in made[0]:
        for level in LEVELS:
            inside = np.array([np.mean(np.abs(one[name] - 0.5) <= level / 2) for one in made])
            rows.append((name, level, inside.mean(), inside.std(ddof=1) / np.sqrt(len(inside))))
    return rows


def main(below: Callable[[int], Below], *, about: str, replicates: int) -> None:
    """Simulate and fit as many tables as asked for on the command line, and print a row for each number and level.

    Parameters
    ----------
    below : callable
        Seed -> posterior probabilities below the truth.
    about : str
        The program's docstring.
    replicates : int
        Where the command line says nothing.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=replicates)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    made = [below(1000 * asked.seed + at) for at in range(asked.replicates)]
    for name, level, share, error in coverage(made):
        print(f"{name:12s} {level:.2f} {share:.3f} +- {error:.3f}")
