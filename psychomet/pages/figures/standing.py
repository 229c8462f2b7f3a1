"""Standardised loadings with their intervals, factor under factor, on one axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import (
    BLUE,
    GRID,
    SOFT,
    VERMILLION,
    WIDTH,
    drawing,
    finish,
    label,
    settings,
    tidy,
)

_LONGEST = 46
_SALIENT = 0.3


@dataclass(frozen=True, slots=True)
class Standing:
    """One loading: its factor, its item, and its interval where it has one."""

    factor: str
    item: str
    estimate: float
    low: float = math.nan
    high: float = math.nan


def draw_standing(
    loadings: Sequence[Standing], *, wording: Mapping[str, str], name: str, alt: str, caption: Text
) -> Figure:
    """Draw loadings, items downwards, the factors below each other.

    Parameters
    ----------
    loadings : sequence of Standing
        At least one; those of a factor stand together.
    wording : mapping of str to str
        Text of the items, where known.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    factors = list(dict.fromkeys(one.factor for one in loadings))
    blocks = [[one for one in loadings if one.factor == factor] for factor in factors]
    ends = [end for one in loadings for end in (one.estimate, one.low, one.high) if math.isfinite(end)]
    limits = (max(min([*ends, 0.0]) - 0.05, -1.55), min(max([*ends, 1.0]) + 0.03, 1.55))
    with settings():
        made = drawing(WIDTH, 0.6 + 0.34 * len(blocks) + 0.2 * len(loadings))
        grid = made.subplots(
            len(blocks), 1, squeeze=False, height_ratios=[len(block) + 0.5 for block in blocks]
        )
        for at, block in enumerate(blocks):
            _block(grid[at][0], block, wording, limits)
            if at < len(blocks) - 1:
                grid[at][0].set_xticklabels([])
        grid[-1][0].set_xlabel("standardised loading")
        return finish(made, name=name, alt=alt, caption=caption)


def _block(
    axes: Axes, block: Sequence[Standing], wording: Mapping[str, str], limits: tuple[float, float]
) -> None:
    """One factor."""
    names = [f"{one.item}  {wording[one.item]}" if wording.get(one.item) else one.item for one in block]
    tidy(axes, names=names, limits=limits, longest=_LONGEST)
    axes.set_title(label(block[0].factor, 60))
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.axvline(1, color=SOFT, linewidth=0.5, linestyle=(0, (1, 2)))
    axes.grid(axis="x", color=GRID, linewidth=0.4)
    for y, one in enumerate(block):
        colour = VERMILLION if one.estimate < 0 else BLUE
        if math.isfinite(one.low) and math.isfinite(one.high):
            low, high = max(one.low, limits[0]), min(one.high, limits[1])
            axes.plot([low, high], [y, y], color=colour, linewidth=1.4)
        if not math.isfinite(one.estimate):
            axes.annotate(
                "none", (0, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7.5, color=SOFT,
                style="italic",
            )  # fmt: skip
            continue
        inside = limits[0] <= one.estimate <= limits[1]
        at = min(max(one.estimate, limits[0]), limits[1])
        shape = ("X" if one.estimate < 0 else "o") if inside else ("<" if at == limits[0] else ">")
        weak = abs(one.estimate) < _SALIENT
        axes.plot(
            [at], [y], marker=shape, color=colour, markersize=6.5 if shape == "X" else 5, linestyle="none",
            markerfacecolor="white" if weak else colour, clip_on=False, zorder=3,
        )  # fmt: skip
