"""Congruences of every factor of one group with every factor of another; the diagonal should be dark alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLACK, WIDTH, drawing, finish, label, settings

_SHADES = LinearSegmentedColormap.from_list("size", ["#FFFFFF", "#8DBFE0", "#005A8F"])
_DARK = 0.62


def draw_likeness(
    panels: Mapping[str, Sequence[Sequence[float]]],
    *,
    names: Sequence[str],
    name: str,
    alt: str,
    caption: Text,
    alike: float = 0.95,
) -> Figure:
    """Draw one square of congruences per pair of groups; shade is size, the printed number carries the value.

    Parameters
    ----------
    panels : mapping of str to (m, m) numbers
        By title ("a ~ b"): rows are the factors of a, columns those of b.
    names : sequence of str
        Of the factors.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    alike : float
        From here on a diagonal cell gets a full frame, below a broken one.
    """
    m = len(names)
    columns = max(1, min(len(panels), 3 if m <= 3 else 2 if m <= 6 else 1))
    deep = math.ceil(len(panels) / columns)
    size = 0.55 * m + 1.5
    with settings():
        made = drawing(min(WIDTH, max(3.6, size * columns + 0.4)), 0.42 * m * deep + 1.1 * deep + 0.3)
        grid = made.subplots(deep, columns, squeeze=False)
        for at, (title, cells) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            axes.set_title(label(title, 80 // columns))
            _square(axes, cells, alike)
            axes.set_yticks(range(m), [label(one, 18) for one in names] if at % columns == 0 else [""] * m)
            axes.set_xticks(range(m), [label(one, 14) for one in names])
            axes.tick_params(axis="x", length=0, labelcolor="#1D2329")
            if m > 3 or max(len(label(one, 14)) for one in names) > 8:
                for text in axes.get_xticklabels():
                    text.set(rotation=35, ha="right", rotation_mode="anchor")
        for spare in range(len(panels), deep * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        return finish(made, name=name, alt=alt, caption=caption)


def _two(value: float) -> str:
    """Two decimals, a true minus sign and no negative zero."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _square(axes: Axes, cells: Sequence[Sequence[float]], alike: float) -> None:
    """Draw the cells of one pair."""
    m = len(cells)
    for y, row in enumerate(cells):
        for x, value in enumerate(row):
            known = math.isfinite(value)
            shade = _SHADES(min(abs(value), 1.0)) if known else "white"
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor="white", linewidth=1.0)
            )
            axes.text(
                x, y, _two(value) if known else "–", ha="center", va="center", fontsize=8,
                color="white" if known and abs(value) > _DARK else BLACK, weight="bold" if x == y else "normal",
            )  # fmt: skip
            if x == y and known:
                axes.add_patch(
                    Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor=BLACK, linewidth=1.2,
                              linestyle="solid" if value >= alike else (0, (2, 2)), zorder=3)
                )  # fmt: skip
    axes.set_xlim(-0.5, m - 0.5)
    axes.set_ylim(m - 0.5, -0.5)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
