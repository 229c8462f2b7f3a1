"""Scores against the dose: one panel per scale, one line per group, means with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import GRID, WIDTH, drawing, finish, label, minus, settings
from psychomet.pages.figures.curves import Point
from psychomet.pages.figures.dots import STYLES


def draw_doses(
    panels: Mapping[str, Mapping[str, Sequence[Point]]],
    *,
    name: str,
    axis: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw mean scores over doses, at most as many groups as there are line styles.

    Parameters
    ----------
    panels : mapping of str to mapping of str to sequence of Point
        Scale, then group (empty for all), then the doses in ascending order. At least one point.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis : str
        Title of the horizontal axes.
    """
    lines = list(dict.fromkeys(line for curves in panels.values() for line in curves))[: len(STYLES)]
    columns = min(3, len(panels))
    deep = math.ceil(len(panels) / columns)
    with settings():
        made = drawing(WIDTH, (3.2 if columns == 1 else 2.4) * deep + 0.5)
        grid = made.subplots(deep, columns, squeeze=False, sharex=True)
        for at, (title, curves) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            axes.set_title(label(title, 84 // columns))
            for line, points in curves.items():
                if line not in lines:
                    continue
                shape, dash, filled, colour = STYLES[lines.index(line)]
                drawn = [point for point in points if math.isfinite(point.estimate)]
                # An interval that is not there has length 0 and is not seen.
                reach = [
                    [end if math.isfinite(end) else 0.0 for end in side]
                    for side in (
                        [max(point.estimate - point.low, 0.0) for point in drawn],
                        [max(point.high - point.estimate, 0.0) for point in drawn],
                    )
                ]
                axes.errorbar(
                    [point.number for point in drawn], [point.estimate for point in drawn], yerr=reach, marker=shape,
                    linestyle=dash, color=colour, linewidth=1.3, elinewidth=1.0, markersize=4.5, capsize=2.0,
                    markerfacecolor=colour if filled else "white",
                )  # fmt: skip
            axes.grid(color=GRID, linewidth=0.5)
            if at + columns >= len(panels):
                axes.set_xlabel(label(axis, 84 // columns))
            axes.xaxis.set_major_formatter(FuncFormatter(minus))
            axes.yaxis.set_major_formatter(FuncFormatter(minus))
            axes.locator_params(axis="x", nbins=9 if columns == 1 else 6)
        for spare in range(len(panels), deep * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        made.supylabel("mean score", fontsize=9)
        if len(lines) > 1:
            handles = [
                Line2D([], [], marker=STYLES[at][0], linestyle=STYLES[at][1], color=STYLES[at][3],
                       markerfacecolor=STYLES[at][3] if STYLES[at][2] else "white", label=label(line or "all", 40))
                for at, line in enumerate(lines)
            ]  # fmt: skip
            made.legend(
                handles=handles, loc="outside lower center", ncols=min(4, len(handles)), handlelength=3.2
            )
        return finish(made, name=name, alt=alt, caption=caption)
