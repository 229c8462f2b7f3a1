"""The items of scales: how each goes with the others, and where its answers lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

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


@dataclass(frozen=True, slots=True)
class ItemDot:
    """One item: its scale, its correlation with the rest, its mean and standard deviation."""

    scale: str
    item: str
    rest: float
    mean: float
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan


def draw_items(items: Sequence[ItemDot], *, name: str, alt: str, caption: Text) -> Figure:
    """Draw item-rest correlations (left) and means (right), scale under scale.

    Parameters
    ----------
    items : sequence of ItemDot
        In the order of the page; items of one scale stand together.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    scales = list(dict.fromkeys(item.scale for item in items))
    blocks = [[item for item in items if item.scale == scale] for scale in scales]
    with settings():
        made = drawing(WIDTH, 0.85 + 0.36 * len(blocks) + 0.21 * len(items))
        grid = made.subplots(
            len(blocks), 2, squeeze=False, height_ratios=[len(block) + 0.6 for block in blocks]
        )
        rest = [part for item in items for part in (item.rest, item.low, item.high) if math.isfinite(part)]
        left = min([*rest, 0.0]) - 0.05
        spans = [_span(block) for block in blocks]
        shared = (min(low for low, _ in spans), max(high for _, high in spans))
        # Scales on other units (0 to 100 beside 1 to 5) keep an axis of their own.
        same = shared[1] - shared[0] <= 3 * min(high - low for low, high in spans)
        for at, block in enumerate(blocks):
            last = at == len(blocks) - 1
            _rest(grid[at][0], block, (max(left, -1.02), 1.02), last)
            _means(grid[at][1], block, shared if same else spans[at], last)
            for axes in grid[at] if same and not last else grid[at][:1] if not last else ():
                axes.set_xticklabels([])
        _key(made, any(item.rest < 0 for item in items))
        return finish(made, name=name, alt=alt, caption=caption)


def _rest(axes: Axes, block: Sequence[ItemDot], limits: tuple[float, float], last: bool) -> None:
    tidy(axes, names=[item.item for item in block], limits=limits)
    axes.set_title(label(block[0].scale, 44))
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.grid(axis="x", color=GRID, linewidth=0.4)
    for y, item in enumerate(block):
        negative = item.rest < 0
        colour = VERMILLION if negative else BLUE
        if math.isfinite(item.low) and math.isfinite(item.high):
            axes.plot([item.low, item.high], [y, y], color=colour, linewidth=1.2)
        if math.isfinite(item.rest):
            axes.plot([item.rest], [y], marker="X" if negative else "o", color=colour, linestyle="none",
                      markersize=7 if negative else 5)  # fmt: skip
        else:
            axes.annotate("none", (0, y), xytext=(5, 0), textcoords="offset points", va="center",
                          fontsize=7.5, color=SOFT, style="italic")  # fmt: skip
    if last:
        axes.set_xlabel("item-rest correlation")


def _span(block: Sequence[ItemDot]) -> tuple[float, float]:
    """Return the range of the bars of one scale, with a margin."""
    bars = [
        (item.mean, item.sd if math.isfinite(item.sd) else 0.0) for item in block if math.isfinite(item.mean)
    ]
    if not bars:
        return (0.0, 1.0)
    low, high = min(mean - sd for mean, sd in bars), max(mean + sd for mean, sd in bars)
    pad = 0.05 * (high - low) or 0.5
    return (low - pad, high + pad)


def _means(axes: Axes, block: Sequence[ItemDot], limits: tuple[float, float], last: bool) -> None:
    tidy(axes, names=[item.item for item in block], limits=limits)
    axes.set_yticklabels([])
    axes.grid(axis="x", color=GRID, linewidth=0.4)
    for y, item in enumerate(block):
        if math.isfinite(item.mean) and math.isfinite(item.sd):
            axes.plot([item.mean - item.sd, item.mean + item.sd], [y, y], color="#9AA5AE", linewidth=3.2,
                      solid_capstyle="butt")  # fmt: skip
        if math.isfinite(item.mean):
            axes.plot([item.mean], [y], marker="|", color="#000000", markersize=8, markeredgewidth=1.8)
    if last:
        axes.set_xlabel("mean response (bar: one SD to either side)")


def _key(made: Drawing, negative: bool) -> None:
    handles = [Line2D([], [], marker="o", linestyle="none", color=BLUE, label="goes with the scale")]
    if negative:
        handles.append(
            Line2D([], [], marker="X", linestyle="none", color=VERMILLION, markersize=7,
                   label="negative: pulls the other way")
        )  # fmt: skip
    made.legend(handles=handles, loc="outside lower center", ncols=2)
