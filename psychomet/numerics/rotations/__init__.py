"""Rotation of factors: all criteria by gradient projection, for stacks of solutions, with random starts."""

from psychomet.numerics.rotations.projection import MOST_ITERATIONS
from psychomet.numerics.rotations.rotate import Rotation, Search, arranged, haar, picked, rotate, search
from psychomet.numerics.rotations.rules import NAMES, ORTHOGONAL, Name, Rule, rule

__all__ = [
    "MOST_ITERATIONS", "NAMES", "ORTHOGONAL", "Name", "Rotation", "Rule", "Search", "arranged", "haar",
    "picked", "rotate", "rule", "search",
]  # fmt: skip
