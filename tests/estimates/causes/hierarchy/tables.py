"""Balanced tables of normal answers with known components."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.gaussian import Design, design_of
from psychomet.scores.key import read_key
from psychomet.scores.layout import layouts
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

AXES = ("respondent", "item", "prompt")
LOW, HIGH = 1.0, 7.0


def answers(sizes: tuple[int, ...], sd: NDArray[np.float64], mean: float, seed: int) -> NDArray[np.float64]:
    """Draw a crossed table; standard deviations in the order of the effects, lower orders first."""
    rng = np.random.default_rng(seed)
    total = np.full(sizes, mean)
    every = [e for order in range(1, len(sizes) + 1) for e in combinations(range(len(sizes)), order)]
    for effect, size in zip(every, sd, strict=True):
        shape = [levels if axis in effect else 1 for axis, levels in enumerate(sizes)]
        total = total + size * rng.standard_normal(shape)
    return total


def table(values: NDArray[np.float64], *, low: float = LOW, high: float = HIGH) -> ResponseTable:
    """Read answers as a table with one scale; its declared range is that of the priors, answers may leave it."""
    grid = np.indices(values.shape).reshape(values.ndim, -1)
    frame = pd.DataFrame(
        {name: [f"{name}{level:03d}" for level in levels] for name, levels in zip(AXES, grid, strict=False)}
    )
    frame["response"] = values.ravel()
    frame = frame[np.isfinite(frame["response"])]
    scale = {"name": "S", "low": low, "high": high, "items": sorted(frame["item"].unique())}
    facets = [name for name in ("prompt",) if name in frame]
    return read_responses(frame, key=read_key({"name": "made", "scale": [scale]}), facets=facets)


def design(
    values: NDArray[np.float64], *, measured: bool = True, low: float = -94.0, high: float = 106.0
) -> Design:
    """The design of a complete table."""
    held = table(values, low=low, high=high)
    found, reason = design_of(
        next(iter(layouts(held, scale="S", missing="available", measured=measured))),
        max_order=None,
        measured=measured,
    )
    assert found is not None, reason
    return found
