"""Coefficients that rise with a number of conditions: one panel per scale, one line per facet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLACK, GRID, WIDTH, drawing, finish, label, settings
from psychomet.pages.figures.dots import STYLES


@dataclass(frozen=True, slots=True)
class Point:
    """One design on a line: how many conditions, and the coefficient with its interval."""

    number: float
    estimate: float
    low: float = math.nan
    high: float = math.nan
    chosen: bool = False


def draw_curves(
    panels: Mapping[str, Mapping[str, Sequence[Point]]],
    *,
    name: str,
    axis: str,
    alt: str,
    caption: Text,
    target: float = math.nan,
    lines: Sequence[str] | None = None,
) -> Figure:
    """Draw lines with their interval bands; the design chosen is ringed.

    Parameters
    ----------
    panels : mapping of str to mapping of str to sequence of Point
        Scale, then facet, then the points in ascending number. At least one line with a point.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis : str
        Title of the vertical axes.
    target : float
        The coefficient to be reached, drawn as a level line; NaN for none.
    lines : sequence of str, optional
        All facets, where several figures share their line styles.
    """
    drawn = list(dict.fromkeys(line for curves in panels.values() for line in curves))
    lines = list(lines) if lines is not None else drawn
    columns = min(2, len(panels))
    deep = math.ceil(len(panels) / columns)
    lowest = _lowest(panels, target)
    with settings():
        made = drawing(WIDTH, (3.3 if columns == 1 else 2.5) * deep + 0.5)
        grid = made.subplots(deep, columns, squeeze=False)
        for at, (title, curves) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            axes.set_title(label(title, 90 // columns))
            for line, points in curves.items():
                _curve(axes, points, style=lines.index(line))
            if math.isfinite(target):
                axes.axhline(target, color=BLACK, linewidth=1.0, linestyle=(0, (5, 2)), zorder=2)
            axes.set_ylim(lowest, 1.0)
            axes.grid(color=GRID, linewidth=0.5)
            if at + columns >= len(panels):
                axes.set_xlabel("number of conditions")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        for spare in range(len(panels), deep * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        made.supylabel(axis, fontsize=9)
        chosen = any(p.chosen for curves in panels.values() for points in curves.values() for p in points)
        handles = _key(lines, drawn, target=math.isfinite(target), chosen=chosen)
        made.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)), handlelength=3.2)
        return finish(made, name=name, alt=alt, caption=caption)


def _curve(axes: Axes, points: Sequence[Point], *, style: int) -> None:
    """Draw one line, its band as fill with thin borders, and a ring where the design was chosen."""
    shape, dash, filled, colour = STYLES[style % len(STYLES)]
    drawn = [point for point in points if math.isfinite(point.estimate)]
    x = [point.number for point in drawn]
    banded = [point for point in drawn if math.isfinite(point.low) and math.isfinite(point.high)]
    if len(banded) > 1:
        over = [point.number for point in banded]
        low, high = [point.low for point in banded], [point.high for point in banded]
        axes.fill_between(over, low, high, color=colour, alpha=0.10, linewidth=0)
        for edge in (low, high):
            axes.plot(over, edge, color=colour, linewidth=0.6, linestyle=dash, alpha=0.7)
    axes.plot(
        x, [point.estimate for point in drawn], marker=shape, linestyle=dash, color=colour, linewidth=1.5,
        markersize=4.5, markerfacecolor=colour if filled else "white", zorder=3,
    )  # fmt: skip
    for point in drawn:
        if point.chosen:
            axes.plot(
                [point.number], [point.estimate], marker="o", markersize=11, markerfacecolor="none",
                markeredgecolor=BLACK, markeredgewidth=1.3, linestyle="none", zorder=4,
            )  # fmt: skip


def _lowest(panels: Mapping[str, Mapping[str, Sequence[Point]]], target: float) -> float:
    """Return where the vertical axes begin: below all estimates and the target, at most .6, at least 0."""
    values = [
        point.estimate
        for curves in panels.values()
        for points in curves.values()
        for point in points
        if math.isfinite(point.estimate)
    ]
    values.append(target if math.isfinite(target) else 1.0)
    return max(0.0, min(0.6, math.floor(10 * (min(values) - 0.1)) / 10))


def _key(lines: Sequence[str], drawn: Sequence[str], *, target: bool, chosen: bool) -> list[Line2D]:
    handles = []
    for line in drawn:
        shape, dash, filled, colour = STYLES[lines.index(line) % len(STYLES)]
        handles.append(
            Line2D([], [], marker=shape, linestyle=dash, color=colour, label=label(line, 40),
                   markerfacecolor=colour if filled else "white", markersize=4.5)
        )  # fmt: skip
    if target:
        handles.append(Line2D([], [], linestyle=(0, (5, 2)), color=BLACK, linewidth=1.0, label="target"))
    if chosen:
        handles.append(
            Line2D([], [], marker="o", linestyle="none", markersize=9, markerfacecolor="none",
                   markeredgecolor=BLACK, markeredgewidth=1.3, label="recommended design")
        )  # fmt: skip
    return handles
