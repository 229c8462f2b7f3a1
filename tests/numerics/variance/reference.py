"""The values from R, and the tables on which they were found."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np

from psychomet.numerics.variance import Balanced, Effect, expected_mean_squares

VALUES = json.loads((Path(__file__).parents[2] / "reference" / "variance.json").read_text())
DOMAINS = tuple(VALUES["huang"]["domains"])
UNBALANCED = tuple(VALUES["unbalanced"])


def analysis(effects: list[Effect], sizes: list[int], mean_square: list[float], df: list[float]) -> Balanced:
    """An analysis of variance from mean squares that R printed."""
    expected = expected_mean_squares(effects, sizes=sizes)
    square, freedom = np.array(mean_square), np.array(df, dtype=float)
    inverse = np.linalg.inv(expected)
    covariance = (inverse * (2 * square**2 / freedom)) @ inverse.T
    return Balanced(tuple(effects), freedom, square, expected, inverse @ square, covariance)


def huang(domain: str) -> tuple[Balanced, np.ndarray, float]:
    """Five crossed facets, main effects and all two-way interactions."""
    found = VALUES["huang"]["domains"][domain]
    effects = [(i,) for i in range(5)] + list(combinations(range(5), 2)) + [(0, 1, 2, 3, 4)]
    table = analysis(effects, VALUES["huang"]["sizes"], found["mean_square"], found["df"])
    return table, np.array(found["component"]), found["deviance"]


def rows(name: str) -> tuple[np.ndarray, list[np.ndarray], list[Effect]]:
    """Observations, codes and effects of one of the unbalanced tables."""
    found = VALUES["unbalanced"][name]
    factors = sorted(set(found["rows"]) - {"y"})
    codes = [np.array(found["rows"][factor]) - 1 for factor in factors]
    effects = [tuple(factors.index(part) for part in term.split(":")) for term in found["terms"]]
    return np.array(found["rows"]["y"]), codes, effects
