"""Eigenvalues in falling order beside those of chance: the scree, with the band of parallel analysis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

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
    minus,
    settings,
)

MOST_DRAWN = 30
"""Eigenvalues drawn; the rest of a long scree is rubble."""


@dataclass(frozen=True, slots=True)
class Scree:
    """Eigenvalues of one kind: observed, mean and percentile of chance, and how many are above the percentile."""

    observed: Sequence[float]
    mean: Sequence[float]
    percentile: Sequence[float]
    above: int


def draw_scree(panels: Mapping[str, Scree], *, name: str, percentile: str, alt: str, caption: Text) -> Figure:
    """Draw one panel per kind of eigenvalue; filled markers stand above chance, open ones do not.

    Parameters
    ----------
    panels : mapping of str to Scree
        By title; at least one.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    percentile : str
        Name of the upper border of the band ("95th percentile of chance").
    """
    columns = min(3, len(panels))
    deep = math.ceil(len(panels) / columns)
    with settings():
        made = drawing(WIDTH if columns > 1 else 5.2, 2.9 * deep + 0.5)
        grid = made.subplots(deep, columns, squeeze=False)
        for at, (title, scree) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            axes.set_title(label(title, 90 // columns))
            _panel(axes, scree)
            axes.set_xlabel("number")
            if at % columns == 0:
                axes.set_ylabel("eigenvalue")
        for spare in range(len(panels), deep * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        made.legend(handles=_key(percentile), loc="outside lower center", ncols=2, handlelength=2.6)
        return finish(made, name=name, alt=alt, caption=caption)


def _panel(axes: Axes, scree: Scree) -> None:
    """Draw the line of the data over the band of chance."""
    drawn = [value for value in scree.observed[:MOST_DRAWN] if math.isfinite(value)]
    x = list(range(1, len(drawn) + 1))
    low, high = list(scree.mean[: len(drawn)]), list(scree.percentile[: len(drawn)])
    if all(map(math.isfinite, (*low, *high))):
        axes.fill_between(x, low, high, color=VERMILLION, alpha=0.18, linewidth=0)
        axes.plot(x, high, color=VERMILLION, linewidth=1.1, linestyle=(0, (4, 2)))
        axes.plot(x, low, color=VERMILLION, linewidth=0.7, linestyle=(0, (1, 1.5)))
    axes.plot(x, drawn, color=BLUE, linewidth=1.3, zorder=3)
    for filled in (True, False):
        chosen = [number for number in x if (number <= scree.above) == filled]
        axes.plot(
            chosen, [drawn[number - 1] for number in chosen], linestyle="none", marker="o", markersize=5,
            color=BLUE, markerfacecolor=BLUE if filled else "white", zorder=4,
        )  # fmt: skip
    if 0 < scree.above < len(drawn):
        axes.axvline(scree.above + 0.5, color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(minus))
    axes.set_xlim(0.3, len(drawn) + 0.7)


def _key(percentile: str) -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=BLUE, marker="o", linewidth=1.3, label="answers, above chance"),
        Line2D(
            [], [], color=BLUE, marker="o", markerfacecolor="white", linewidth=1.3,
            label="answers, from the first that is not",
        ),
        Line2D([], [], color=VERMILLION, linestyle=(0, (4, 2)), linewidth=1.1, label=percentile),
        Patch(facecolor=VERMILLION, alpha=0.18, label="chance, from its mean to that percentile"),
    ]  # fmt: skip
