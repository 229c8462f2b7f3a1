"""All correlations of many items at a glance: squares whose area is the size, filled or hollow by sign."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

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
)

PRINTED = 10
"""Up to so many items the number stands beside its square, in the other half."""
_LEGEND = (0.1, 0.3, 0.6, 1.0)


def draw_matrix(
    cells: Mapping[tuple[str, str], float],
    *,
    items: Sequence[str],
    parts: Sequence[tuple[str, int]],
    name: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw the correlations of items as the lower half of a matrix.

    Parameters
    ----------
    cells : mapping of (item, item) to float
        Correlations, each pair in either order; NaN where there is none; others are left white.
    items : sequence of str
        In the order of the page.
    parts : sequence of (str, int)
        Name and number of items of each scale, in that order; a line divides them.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    k = len(items)
    with settings():
        side = min(WIDTH, max(3.6, 1.6 + (0.42 if k <= PRINTED else 0.24) * k))
        made = drawing(side + 0.6, side)
        axes = made.add_subplot()
        _squares(axes, cells, items)
        if k <= PRINTED:
            _numbers(axes, cells, items)
        _divisions(axes, parts, k)
        _frame(axes, items)
        _legend(axes, k)
        return finish(made, name=name, alt=alt, caption=caption)


def _value(cells: Mapping[tuple[str, str], float], first: str, second: str) -> float | None:
    """The correlation of two items; None where it was not asked for."""
    return cells.get((first, second), cells.get((second, first)))


def _squares(axes: Axes, cells: Mapping[tuple[str, str], float], items: Sequence[str]) -> None:
    """Filled squares for positive, hollow ones for negative correlations; a dash where none could be had."""
    filled: list[Rectangle] = []
    hollow: list[Rectangle] = []
    for y, row in enumerate(items):
        for x, column in enumerate(items[:y]):
            found = _value(cells, row, column)
            if found is None:
                continue
            if math.isnan(found):
                axes.text(x, y, "–", ha="center", va="center", color=SOFT, fontsize=7)
                continue
            side = 0.94 * math.sqrt(min(abs(found), 1.0))
            place = Rectangle((x - side / 2, y - side / 2), side, side)
            (hollow if found < 0 else filled).append(place)
    axes.add_collection(PatchCollection(filled, facecolor=BLUE, edgecolor="none"))
    axes.add_collection(PatchCollection(hollow, facecolor="white", edgecolor=VERMILLION, linewidth=1.1))


def _numbers(axes: Axes, cells: Mapping[tuple[str, str], float], items: Sequence[str]) -> None:
    """Print the correlations in the upper half."""
    for y, row in enumerate(items):
        for x in range(y + 1, len(items)):
            found = _value(cells, row, items[x])
            if found is not None and not math.isnan(found):
                text = f"{found:.2f}".replace("-0.00", "0.00").replace("-", "−")
                axes.text(x, y, text, ha="center", va="center", fontsize=7.5)


def _divisions(axes: Axes, parts: Sequence[tuple[str, int]], k: int) -> None:
    """Lines between the items of two scales, and the name of each beside the diagonal."""
    ends = np.cumsum([0, *(size for _, size in parts)])
    for (title, _), first, last in zip(parts, ends[:-1], ends[1:], strict=True):
        if last < k:
            axes.plot([-0.5, last - 0.5], [last - 0.5, last - 0.5], color=SOFT, linewidth=0.7)
            axes.plot([last - 0.5, last - 0.5], [last - 0.5, k - 0.5], color=SOFT, linewidth=0.7)
        if k > PRINTED and len(parts) > 1:
            axes.text(
                first + 0.1 + (last - first) / 2, (first + last - 1) / 2 - 0.2, label(title, 24),
                ha="left", va="bottom", fontsize=8, weight="bold",
            )  # fmt: skip


def _frame(axes: Axes, items: Sequence[str]) -> None:
    k = len(items)
    axes.set_xlim(-0.6, k - 0.4)
    axes.set_ylim(k - 0.4, -0.6)
    axes.set_aspect("equal")
    size = 8.0 if k <= 30 else max(4.0, 240 / k)
    axes.set_xticks(range(k), [label(item, 16) for item in items], rotation=90, fontsize=size)
    axes.set_yticks(range(k), [label(item, 24) for item in items], fontsize=size)
    axes.tick_params(axis="x", length=0, labelcolor="#1D2329")
    for edge in range(1, k):
        axes.plot([-0.5, edge - 0.5], [edge - 0.5, edge - 0.5], color=GRID, linewidth=0.3, zorder=0)
        axes.plot([edge - 0.5, edge - 0.5], [edge - 0.5, k - 0.5], color=GRID, linewidth=0.3, zorder=0)
    for name in ("left", "bottom"):
        axes.spines[name].set_visible(False)


def _legend(axes: Axes, k: int) -> None:
    """Squares of known size in the empty corner."""
    if k <= PRINTED:
        return
    step = max(1.4, k / 16)
    top, right = 0.6, k - 0.6
    for at, size in enumerate(_LEGEND):
        x = right - (len(_LEGEND) - at) * step
        side = 0.94 * math.sqrt(size)
        for row, (face, edge) in enumerate(((BLUE, "none"), ("white", VERMILLION))):
            corner = (x - side / 2, top + row * step - side / 2)
            axes.add_patch(Rectangle(corner, side, side, linewidth=1.1 * row, facecolor=face, edgecolor=edge))
        axes.text(x, top + 1.9 * step, f"{size:g}", ha="center", va="center", fontsize=7.5)
    for row, word in enumerate(("positive", "negative")):
        x = right - (len(_LEGEND) + 0.6) * step
        axes.text(x, top + row * step, word, ha="right", va="center", fontsize=7.5)
