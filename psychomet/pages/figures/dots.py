"""Point estimates with their intervals, one line per row, one marker shape per series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import (
    BLACK,
    BLUE,
    GREEN,
    PURPLE,
    SOFT,
    VERMILLION,
    WIDTH,
    drawing,
    finish,
    label,
    settings,
    tidy,
)
from psychomet.pages.words import Scheme

# Shape, line style, fill and colour change together: any one of them tells the series apart.
STYLES: tuple[tuple[str, str, bool, str], ...] = (
    ("o", "-", True, BLUE),
    ("s", "--", False, VERMILLION),
    ("^", "-.", True, GREEN),
    ("D", ":", False, PURPLE),
    ("v", "-", False, BLACK),
    ("P", "--", True, SOFT),
)


_LONGEST, _ONE_LINE = 40, 34
"""Characters of a line of a row's name, and of a name that needs no second line for its group."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One estimate to be drawn."""

    row: str
    series: str
    estimate: float
    low: float = math.nan
    high: float = math.nan
    known: float = math.nan


def draw_dots(
    dots: Sequence[Dot],
    *,
    name: str,
    axis: str,
    alt: str,
    caption: Text,
    scheme: Scheme | None = None,
    floor: float | None = None,
    ceiling: float | None = None,
    reach: tuple[float, float] | None = None,
) -> Figure:
    """Draw estimates and intervals, rows from top to bottom in the order given.

    Parameters
    ----------
    dots : sequence of Dot
        At least one.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis : str
        Title of the horizontal axis, with the unit.
    scheme : Scheme, optional
        Cut-points, drawn as light lines with their words.
    floor, ceiling : float, optional
        The axis ends here at the latest; what lies beyond is marked by an arrow at the edge.
    reach : tuple of float, optional
        The axis covers at least this, so that near-equal estimates do not look far apart.
    """
    rows = list(dict.fromkeys(dot.row for dot in dots))
    series = list(dict.fromkeys(dot.series for dot in dots))
    limits = _limits(dots, floor, ceiling, reach)
    with settings():
        height = 0.95 + max(0.3, 0.13 * (len(series) + 0.8)) * len(rows)
        made = drawing(WIDTH, height + (0.25 if scheme else 0.0))
        axes = made.add_subplot()
        tidy(axes, names=rows, limits=limits, longest=_LONGEST)
        axes.set_yticks(range(len(rows)), _names(rows))
        if scheme is not None:
            bands(axes, scheme)
        for at, one in enumerate(series):
            shift = (at - (len(series) - 1) / 2) * min(0.26, 0.62 / len(series))
            for dot in dots:
                if dot.series == one:
                    mark(axes, dot, y=rows.index(dot.row) + shift, style=at, limits=limits)
        axes.set_xlabel(axis)
        _legend(axes, series, any(math.isfinite(dot.known) for dot in dots))
        return finish(made, name=name, alt=alt, caption=caption)


def _names(rows: Sequence[str]) -> list[str]:
    """Return the names of the rows; where one is long, what follows the bar of each, its group, is on a second line."""
    split = [row.partition(" | ") for row in rows]
    if not any(bar and len(row) > _ONE_LINE for row, (_, bar, _) in zip(rows, split, strict=True)):
        return [label(row, _LONGEST) for row in rows]
    return [
        f"{label(name, _LONGEST)}\n{label(group, _LONGEST + 10)}" if bar else label(name, _LONGEST)
        for name, bar, group in split
    ]


def mark(
    axes: Axes, dot: Dot, *, y: float, style: int, limits: tuple[float, float], size: float = 5.5
) -> None:
    """Draw one estimate with its interval and, where there is one, its known value."""
    shape, line, filled, colour = STYLES[style % len(STYLES)]
    if math.isfinite(dot.low) and math.isfinite(dot.high):
        axes.plot([dot.low, dot.high], [y, y], linestyle=line, color=colour, linewidth=1.4)
        if line != "-":
            # The ends of a broken line would be uncertain by a dash.
            axes.plot([dot.low, dot.high], [y, y], linestyle="none", marker="|", color=colour, markersize=5)
    if math.isfinite(dot.estimate):
        inside = limits[0] <= dot.estimate <= limits[1]
        edge = limits[0] if dot.estimate < limits[0] else limits[1]
        axes.plot(
            [dot.estimate if inside else edge],
            [y],
            marker=shape if inside else ("<" if edge == limits[0] else ">"),
            color=colour,
            markerfacecolor=colour if filled else "white",
            markersize=size,
            linestyle="none",
            clip_on=False,
            zorder=3,
        )
    if math.isfinite(dot.known):
        axes.plot([dot.known], [y], marker="x", color=BLACK, markersize=size, linestyle="none", zorder=4)


def bands(axes: Axes, scheme: Scheme, *, words: bool = True) -> None:
    """Draw the cut-points of a scheme as light lines, and its words above where there is room."""
    left, right = axes.get_xlim()
    ends = [left, *(edge for edge in scheme.edges if left < edge < right), right]
    first = sum(edge <= left for edge in scheme.edges)
    parts = [
        ((start + stop) / 2, (stop - start) / (right - left), scheme.words[first + at])
        for at, (start, stop) in enumerate(pairwise(ends))
    ]
    for edge in ends[1:-1]:
        axes.axvline(edge, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    if not words:
        return
    turned = any(share < 0.0135 * len(word) for _, share, word in parts if share > 0.02)
    for middle, share, word in parts:
        if share > 0.02:
            axes.annotate(
                word,
                (middle, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(-2 if turned else 0, 3),
                textcoords="offset points",
                ha="left" if turned else "center",
                va="bottom",
                rotation=28 if turned else 0,
                rotation_mode="anchor",
                fontsize=7.5,
                color=SOFT,
                style="italic",
            )


def _limits(
    dots: Sequence[Dot],
    floor: float | None,
    ceiling: float | None,
    reach: tuple[float, float] | None,
) -> tuple[float, float]:
    """Return the ends of the axis: all values, at least ``reach``, at most floor to ceiling."""
    values = [
        part for dot in dots for part in (dot.estimate, dot.low, dot.high, dot.known) if math.isfinite(part)
    ]
    values = [*values, *(reach or ())] or [0.0, 1.0]
    low, high = min(values), max(values)
    pad = 0.04 * ((high - low) or max(abs(high), 1.0))
    low, high = low - pad, high + pad
    if floor is not None:
        low = max(low, floor)
    if ceiling is not None:
        high = min(high, ceiling)
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _legend(axes: Axes, series: Sequence[str], known: bool) -> None:
    """Put a key below the drawing when there is more than one thing to tell apart."""
    if len(series) < 2 and not known:
        return
    handles = []
    for at, one in enumerate(series):
        shape, line, filled, colour = STYLES[at % len(STYLES)]
        handles.append(
            Line2D(
                [], [], marker=shape, linestyle=line, color=colour, label=label(one, 40),
                markerfacecolor=colour if filled else "white", markersize=5.5,
            )
        )  # fmt: skip
    if known:
        handles.append(Line2D([], [], marker="x", linestyle="none", color=BLACK, label="known value"))
    figure = axes.get_figure()
    if figure is not None:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(4, len(handles)), handlelength=3.2
        )
