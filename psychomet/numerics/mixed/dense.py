"""Lambda of a mixed model as a whole matrix: quicker than blocks where the random effects are few."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.mixed.system import Block

Floats = NDArray[np.float64]


@cache
def _patterns(shape: tuple[tuple[int, int], ...]) -> Floats:
    """Where every element of theta stands in Lambda, (m, q, q)."""
    q = sum(levels * width for levels, width in shape)
    found, at = [], 0
    for levels, width in shape:
        for i, j in zip(*np.tril_indices(width), strict=True):
            one = np.zeros((q, q))
            place = at + np.arange(levels) * width
            one[place + i, place + j] = 1.0
            found.append(one)
        at += levels * width
    return np.stack(found)


def lambdas(blocks: tuple[Block, ...]) -> Floats:
    """Return where every element of theta stands in Lambda, (m, q, q)."""
    return _patterns(tuple((block.levels, block.width) for block in blocks))
