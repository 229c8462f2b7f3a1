"""Two numbers of every respondent against each other, with the line on which they are equal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLUE, GRID, SOFT, WIDTH, drawing, finish, label, minus, settings

_PER_LINE = 3
_MANY = 400
"""Points from which on they are drawn small and see-through."""

Points = tuple[Sequence[float], Sequence[float]]


def draw_against(
    panels: Mapping[str, Points], *, name: str, across: str, up: str, alt: str, caption: Text
) -> Figure:
    """Draw one square per entry: a dot per respondent, a broken line where both numbers are equal.

    Parameters
    ----------
    panels : mapping of str to two sequences of numbers
        By title: horizontal and vertical coordinates, of one length and in one unit. At least one panel.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    across, up : str
        Titles of the axes.
    """
    columns = min(len(panels), _PER_LINE)
    lines = math.ceil(len(panels) / columns)
    with settings():
        made = drawing(WIDTH if columns > 1 else 4.6, (3.0 if columns > 1 else 4.2) * lines + 0.3)
        grid = made.subplots(lines, columns, squeeze=False)
        for at, (title, (first, second)) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            axes.set_title(label(title, 120 // (columns + 1)), fontsize=8.0)
            _square(axes, first, second)
        for spare in range(len(panels), lines * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        made.supxlabel(across, fontsize=9)
        made.supylabel(up, fontsize=9)
        return finish(made, name=name, alt=alt, caption=caption)


def _square(axes: Axes, first: Sequence[float], second: Sequence[float]) -> None:
    """Draw dots on equal axes."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if math.isfinite(a) and math.isfinite(b)]
    values = [part for pair in pairs for part in pair] or [0.0, 1.0]
    low, high = min(values), max(values)
    pad = 0.06 * ((high - low) or 1.0)
    limits = (low - pad, high + pad)
    many = len(pairs) > _MANY
    axes.plot(limits, limits, color=SOFT, linewidth=0.9, linestyle="--", zorder=1)
    axes.plot(
        [a for a, _ in pairs], [b for _, b in pairs], linestyle="none", marker="o", color=BLUE,
        markersize=2.5 if many else 4.0, alpha=0.35 if many else 0.75, markeredgewidth=0, zorder=2,
    )  # fmt: skip
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.set_aspect("equal")
    axes.grid(color=GRID, linewidth=0.5)
    axes.locator_params(nbins=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(minus))
