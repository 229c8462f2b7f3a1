"""Forests: estimates with intervals in panels that each have a line where nothing is, and one legend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLACK, GRID, SOFT, WIDTH, drawing, finish, label, settings, tidy
from psychomet.pages.figures.dots import STYLES, Dot, mark

_LONGEST = 34
_TITLE = 74
_KEY, _ACROSS = 44, 115
"""Characters of a name in the key, and of a line of the key."""
_MANY = 3.0
"""An interval this many times as wide as the estimates reach does not widen the axis; an arrow marks its end."""


def draw_forest(
    panels: Mapping[str, Sequence[Dot]],
    *,
    name: str,
    axis: str,
    alt: str,
    caption: Text,
    centre: float = 0.0,
    limits: tuple[float, float] | None = None,
    most: int = 3,
    shared_rows: bool = True,
    edges: Sequence[float] = (),
) -> Figure:
    """Draw one panel per entry.

    Parameters
    ----------
    panels : mapping of str to sequence of Dot
        At least one panel with at least one dot, in the order of the page; the series of a dot is its marker.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis : str
        Title of the horizontal axes, with the unit.
    centre : float
        Where a line marks that there is nothing: no slope, no more than chance.
    limits : tuple of float, optional
        Ends of every axis; otherwise each panel has its own, the centre among them.
    most : int
        Panels in a line at the most.
    shared_rows : bool
        Whether all panels have the same rows; otherwise the panels stand below each other, each with its own.
    edges : sequence of float
        Light lines at these values.
    """
    series = list(dict.fromkeys(dot.series for dots in panels.values() for dot in dots))
    every = list(dict.fromkeys(dot.row for dots in panels.values() for dot in dots))
    rows = {
        title: every if shared_rows else list(dict.fromkeys(dot.row for dot in dots))
        for title, dots in panels.items()
    }
    columns = min(most, len(panels)) if shared_rows else 1
    lines = math.ceil(len(panels) / columns)
    kinds = {
        title: series if shared_rows else [one for one in series if any(dot.series == one for dot in dots)]
        for title, dots in panels.items()
    }
    heights = [
        0.75 + max(0.27, 0.15 * (len(kinds[title]) + 0.6)) * max(1, len(names))
        for title, names in rows.items()
    ][::columns]
    with settings():
        made = drawing(WIDTH, sum(heights) + (0.55 if len(series) > 1 else 0.3))
        grid = made.subplots(lines, columns, squeeze=False, height_ratios=heights)
        for at, (title, dots) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            ends = limits or _limits(dots, centre)
            _panel(axes, dots, rows[title], (series, kinds[title]), ends, centre, edges)
            axes.set_title(label(title, _TITLE // columns), fontsize=9.5 if columns < 3 else 8.5)
            axes.locator_params(axis="x", nbins={1: 9, 2: 6}.get(columns, 4))
            if at % columns:
                axes.set_yticklabels([])
        for spare in range(len(panels), lines * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        made.supxlabel(axis, fontsize=9)
        _legend(made, series, any(math.isfinite(dot.known) for dots in panels.values() for dot in dots))
        return finish(made, name=name, alt=alt, caption=caption)


def _panel(
    axes: Axes, dots: Sequence[Dot], rows: Sequence[str], series: tuple[Sequence[str], Sequence[str]], ends: tuple[float, float],
    centre: float, edges: Sequence[float],
) -> None:  # fmt: skip
    """Draw one panel; its series among all keep their marks; an interval that leaves the axis ends in an arrow."""
    tidy(axes, names=rows, limits=ends, longest=_LONGEST)
    axes.grid(axis="x", color=GRID, linewidth=0.4)
    axes.axvline(centre, color=SOFT, linewidth=0.9, zorder=1)
    for edge in edges:
        axes.axvline(edge, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    every, own = series
    step = min(0.26, 0.66 / max(1, len(own)))
    for dot in dots:
        at = every.index(dot.series)
        y = rows.index(dot.row) + (own.index(dot.series) - (len(own) - 1) / 2) * step
        mark(axes, dot, y=y, style=at, limits=ends, size=4.8)
        for end, beyond, arrow in ((dot.low, dot.low < ends[0], "<"), (dot.high, dot.high > ends[1], ">")):
            if math.isfinite(end) and beyond:
                axes.plot(
                    [ends[0] if arrow == "<" else ends[1]], [y], marker=arrow, markersize=4.0, linestyle="none",
                    color=STYLES[at % len(STYLES)][3], clip_on=False, zorder=3,
                )  # fmt: skip


def _limits(dots: Sequence[Dot], centre: float) -> tuple[float, float]:
    """Return the ends of one axis: centre, estimates and intervals, the very wide ones cut."""
    points = [part for dot in dots for part in (dot.estimate, dot.known) if math.isfinite(part)]
    ends = sorted(part for dot in dots for part in (dot.low, dot.high) if math.isfinite(part))
    low, high = min([centre, *points]), max([centre, *points])
    widths = sorted(dot.high - dot.low for dot in dots if math.isfinite(dot.high - dot.low))
    if ends:
        room = _MANY * max(high - low, widths[len(widths) // 2] if widths else 0.0)
        low, high = min(low, max(ends[0], low - room)), max(high, min(ends[-1], high + room))
    pad = 0.05 * ((high - low) or max(abs(high), 1.0))
    return low - pad, high + pad


def _legend(made: Drawing, series: Sequence[str], known: bool) -> None:
    """Put a key above the drawing where there is more than one thing to tell apart."""
    if len(series) < 2 and not known:
        return
    handles: list[Any] = []
    names = [label(one, _KEY) for one in series]
    room = max(len(name) for name in names) + 9
    for at in range(len(series)):
        shape, line, filled, colour = STYLES[at % len(STYLES)]
        handles.append(
            Line2D(
                [], [], marker=shape, linestyle=line, color=colour, label=names[at], markersize=5.0,
                markerfacecolor=colour if filled else "white",
            )
        )  # fmt: skip
    if known:
        handles.append(Line2D([], [], marker="x", linestyle="none", color=BLACK, label="known value"))
    made.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(max(1, _ACROSS // room), len(handles)),
        handlelength=3.2,
    )
