"""Bars that split a whole into its sources; print, lightness and hatch say what colour says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import SOFT, WIDTH, drawing, finish, label, settings, tidy

# Neighbours differ in lightness and in hatch, so that a greyscale print keeps the borders.
_FILLS: tuple[tuple[str, str], ...] = (
    ("#0B4F7D", ""),
    ("#F3C98B", "////"),
    ("#8DBFE0", ""),
    ("#FFFFFF", "...."),
    ("#5FA88F", "\\\\\\\\"),
    ("#F2DCE9", ""),
    ("#C98BAF", "xxxx"),
)
_REST = ("#E6E9EC", "")
MOST = len(_FILLS)
_LEGIBLE = 0.055


@dataclass(frozen=True, slots=True)
class Share:
    """One source of one bar: a share of the whole between 0 and 1."""

    row: str
    source: str
    share: float


def draw_shares(
    shares: Sequence[Share],
    *,
    sources: Sequence[str],
    rest: str,
    name: str,
    axis: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw one bar per row, from left to right the sources in the order given, then the rest.

    Parameters
    ----------
    shares : sequence of Share
        At least one; a share that is not a number above 0 takes no room.
    sources : sequence of str
        At most :data:`MOST` sources with a fill of their own; what has none of them is the rest.
    rest : str
        Name of the last part.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis : str
        Title of the horizontal axis.
    """
    rows = list(dict.fromkeys(one.row for one in shares))
    named = tuple(sources)[:MOST]
    with settings():
        made = drawing(WIDTH, 1.25 + 0.42 * len(rows) + 0.17 * math.ceil((len(named) + 1) / 3))
        axes = made.add_subplot()
        tidy(axes, names=rows, limits=(0.0, 100.0), longest=40)
        axes.grid(visible=False)
        used: dict[str, tuple[str, str]] = {}
        for y, row in enumerate(rows):
            mine = _of_row(shares, row, named, rest)
            start = 0.0
            for at, (source, share) in enumerate(mine.items()):
                if share <= 0:
                    continue
                fill = _FILLS[at] if source != rest else _REST
                used[source] = fill
                _segment(axes, start, share, y, fill)
                start += share
        axes.set_xlabel(axis)
        handles = [
            Patch(facecolor=used[source][0], hatch=used[source][1], edgecolor=SOFT, linewidth=0.6, label=label(source, 44))
            for source in (*named, rest) if source in used
        ]  # fmt: skip
        made.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)), handlelength=2.4)
        return finish(made, name=name, alt=alt, caption=caption)


def _of_row(shares: Sequence[Share], row: str, named: Sequence[str], rest: str) -> Mapping[str, float]:
    """Return the shares of a row in the order of the drawing; what has no fill of its own is added up."""
    parts = dict.fromkeys((*named, rest), 0.0)
    for one in shares:
        if one.row == row and math.isfinite(one.share):
            parts[one.source if one.source in named else rest] += max(one.share, 0.0)
    return parts


def _segment(axes: Axes, start: float, share: float, y: float, fill: tuple[str, str]) -> None:
    """Draw one part and, where there is room, its percentage."""
    colour, hatch = fill
    axes.add_patch(
        Rectangle((100 * start, y - 0.36), 100 * share, 0.72, facecolor=colour, hatch=hatch,
                  edgecolor=SOFT, linewidth=0.6)
    )  # fmt: skip
    if share < _LEGIBLE:
        return
    dark = colour == _FILLS[0][0]
    axes.text(
        100 * (start + share / 2), y, f"{100 * share:.0f} %", ha="center", va="center", fontsize=8.0,
        color="white" if dark else "black",
        bbox={"facecolor": colour if dark else "white", "edgecolor": "none", "pad": 1.2} if hatch or not dark else None,
    )  # fmt: skip
