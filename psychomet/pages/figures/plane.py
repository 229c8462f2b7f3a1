"""Respondents in the plane of two latent numbers, each a cross of what is not known about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLUE, GRID, SOFT, WIDTH, drawing, finish, label, minus, settings

_PER_LINE = 3
_MANY_CROSSES, _MANY_NAMES = 150, 14
"""Respondents up to which each has a cross, and a name."""


class Place(NamedTuple):
    """One respondent: its name, the middle of both numbers and their lower and upper ends."""

    name: str
    across: tuple[float, float, float]
    up: tuple[float, float, float]


def draw_planes(
    panels: Mapping[tuple[str, str], Sequence[Place]], *, name: str, alt: str, caption: Text
) -> Figure:
    """Draw one square per pair of numbers: a dot per respondent, with a cross from its lower to its upper ends.

    Parameters
    ----------
    panels : mapping of (str, str) to sequence of Place
        By what stands across and what stands up. At least one panel.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    columns = min(len(panels), _PER_LINE)
    lines = math.ceil(len(panels) / columns)
    with settings():
        made = drawing(WIDTH if columns > 1 else 5.0, (3.0 if columns > 1 else 4.6) * lines)
        grid = made.subplots(lines, columns, squeeze=False)
        for at, ((across, up), places) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            _plane(axes, places, named=columns == 1)
            axes.set_xlabel(label(across, 34 if columns > 1 else 60))
            axes.set_ylabel(label(up, 34 if columns > 1 else 60))
        for spare in range(len(panels), lines * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        return finish(made, name=name, alt=alt, caption=caption)


def _plane(axes: Axes, places: Sequence[Place], *, named: bool) -> None:
    """Dots, crosses, and names where there is room."""
    known = [one for one in places if all(map(math.isfinite, (*one.across, *one.up)))]
    if len(known) <= _MANY_CROSSES:
        for one in known:
            axes.plot(one.across[1:], [one.up[0]] * 2, color=BLUE, linewidth=0.8, alpha=0.4, zorder=2)
            axes.plot([one.across[0]] * 2, one.up[1:], color=BLUE, linewidth=0.8, alpha=0.4, zorder=2)
    axes.plot(
        [one.across[0] for one in known], [one.up[0] for one in known], linestyle="none", marker="o", color=BLUE,
        markersize=4.5 if len(known) <= _MANY_CROSSES else 2.5, markeredgewidth=0, alpha=0.9 if len(known) <= _MANY_CROSSES else 0.5, zorder=3,
    )  # fmt: skip
    if named and len(known) <= _MANY_NAMES:
        for one in known:
            axes.annotate(label(one.name, 20), (one.across[0], one.up[0]), xytext=(4, 4), textcoords="offset points", fontsize=7.5)  # fmt: skip
    axes.axhline(0, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
    axes.axvline(0, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
    axes.grid(color=GRID, linewidth=0.5)
    axes.locator_params(nbins=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(minus))
