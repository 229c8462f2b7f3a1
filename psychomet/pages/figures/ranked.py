"""Many estimates of one kind, from the lowest to the highest, with their intervals as a band."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLACK, BLUE, GRID, SKY, WIDTH, drawing, finish, settings
from psychomet.pages.figures.dots import Dot

_MOST = 1000
"""Estimates that are drawn; of more, that many evenly spaced ranks."""


def draw_ranked(
    dots: Sequence[Dot], *, name: str, axis: str, below: str, alt: str, caption: Text, level: float = math.nan
) -> Figure:
    """Draw estimates over their rank, a point and an interval each.

    Parameters
    ----------
    dots : sequence of Dot
        At least one with an estimate; rows are not named.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis, below : str
        Titles of the vertical and of the horizontal axis.
    level : float
        A value drawn as a level line; NaN for none.
    """
    found = np.array([[dot.estimate, dot.low, dot.high] for dot in dots if math.isfinite(dot.estimate)])
    found = found[np.argsort(found[:, 0], kind="stable")]
    rank = np.unique(np.linspace(1, len(found), min(len(found), _MOST)).round().astype(int))
    middle, low, high = found[rank - 1].T
    with settings():
        made = drawing(WIDTH, 2.9)
        axes = made.add_subplot()
        there = np.isfinite(low) & np.isfinite(high)
        width = max(0.4, min(2.0, 300 / rank.size))
        axes.vlines(rank[there], low[there], high[there], color=SKY, linewidth=width, zorder=1)
        axes.plot(
            rank, middle, linestyle="none", marker="o", color=BLUE, markersize=min(4.0, 1.5 + 60 / rank.size)
        )
        if math.isfinite(level):
            axes.axhline(level, color=BLACK, linewidth=1.0, linestyle=(0, (5, 2)), zorder=2)
        axes.set_xlim(0, len(found) + 1)
        axes.grid(axis="y", color=GRID, linewidth=0.5)
        axes.set_xlabel(below)
        axes.set_ylabel(axis)
        return finish(made, name=name, alt=alt, caption=caption)
