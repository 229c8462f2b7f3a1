"""Small multiples: one panel per scale or facet, the same rows in each, intervals on the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import GRID, SOFT, WIDTH, drawing, finish, label, settings, tidy
from psychomet.pages.figures.dots import Dot, bands, mark
from psychomet.pages.words import Scheme

WIDE = 8.0
"""Panels whose ranges differ by more than this factor do not share the width of their axes."""


def draw_panels(
    panels: Mapping[str, Sequence[Dot]],
    *,
    name: str,
    axis: str,
    alt: str,
    caption: Text,
    same_limits: bool = False,
    scheme: Scheme | None = None,
    most: int = 5,
) -> Figure:
    """Draw one panel per entry; the rows are shared and named once per line of panels.

    Parameters
    ----------
    panels : mapping of str to sequence of Dot
        At least one panel, in the order of the page; the series of a dot is its marker.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis : str
        Title of the horizontal axes.
    same_limits : bool
        Whether all panels have one axis from the lowest to the highest limit; otherwise each is
        centred on its own values and, where the units allow it, all are equally wide.
    scheme : Scheme, optional
        Cut-points, drawn as light lines.
    most : int
        Panels in a line at the most: fewer leave room for long titles.
    """
    rows = list(dict.fromkeys(dot.row for dots in panels.values() for dot in dots))
    series = list(dict.fromkeys(dot.series for dots in panels.values() for dot in dots))
    columns = min(len(panels), most, 5 if max(len(label(row)) for row in rows) < 18 else 4)
    lines = math.ceil(len(panels) / columns)
    limits = _panel_limits(panels, same=same_limits)
    with settings():
        made = drawing(WIDTH, (0.62 + max(0.27, 0.14 * len(series)) * max(2, len(rows))) * lines + 0.35)
        grid = made.subplots(lines, columns, squeeze=False)
        for at, (title, dots) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            tidy(axes, names=rows, limits=limits[title])
            axes.set_title(
                label(title, 18 if columns > 4 else 78 // columns), fontsize=8.5 if columns > 3 else 9.5
            )
            axes.locator_params(axis="x", nbins=4 if columns > 3 else 6)
            if at % columns:
                axes.set_yticklabels([])
            if scheme is not None:
                bands(axes, scheme, words=columns == 1)
            _centre(axes, limits[title], same_limits)
            for dot in dots:
                place = series.index(dot.series)
                shift = (place - (len(series) - 1) / 2) * min(0.28, 0.6 / len(series))
                mark(axes, dot, y=rows.index(dot.row) + shift, style=place, limits=limits[title], size=5.0)
        for spare in range(len(panels), lines * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        made.supxlabel(axis, fontsize=9)
        return finish(made, name=name, alt=alt, caption=caption)


def _centre(axes: Axes, limits: tuple[float, float], same: bool) -> None:
    """Draw zero where the axis crosses it, else nothing."""
    if same and limits[0] < 0 < limits[1]:
        axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.grid(axis="x", color=GRID, linewidth=0.4)


def _panel_limits(panels: Mapping[str, Sequence[Dot]], *, same: bool) -> dict[str, tuple[float, float]]:
    """Return the limits of each panel; equal widths, so that a difference looks equal in all of them."""
    ranges = {}
    for title, dots in panels.items():
        values = [
            part
            for dot in dots
            for part in (dot.estimate, dot.low, dot.high, dot.known)
            if math.isfinite(part)
        ]
        ranges[title] = (min(values), max(values)) if values else (0.0, 1.0)
    if same:
        low = min(low for low, _ in ranges.values())
        high = max(high for _, high in ranges.values())
        pad = 0.05 * ((high - low) or 1.0)
        return dict.fromkeys(ranges, (low - pad, high + pad))
    widths = {title: (high - low) or 1e-9 for title, (low, high) in ranges.items()}
    widest = max(widths.values())
    limits = {}
    for title, (low, high) in ranges.items():
        width = widest if widest / widths[title] <= WIDE else widths[title]
        width = 1.15 * (width if width > 1e-8 else 1.0)
        middle = (low + high) / 2
        limits[title] = (middle - width / 2, middle + width / 2)
    return limits
