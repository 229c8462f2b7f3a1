"""A table of correlations as a heat map; the printed value, not the colour, carries the number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import WIDTH, drawing, finish, label, settings

Cell = tuple[float, float, float]
# Vermillion to white to blue (Okabe and Ito); the darkest shades still carry dark or white print.
_COLOURS = LinearSegmentedColormap.from_list(
    "signed", ["#B04A00", "#F0B78F", "#FFFFFF", "#8DBFE0", "#005A8F"]
)


def draw_heat(
    cells: Mapping[tuple[str, str], Cell],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    name: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw correlations; a cell whose interval includes zero is hatched and set in italics.

    Parameters
    ----------
    cells : mapping of (row, column) to (estimate, low, high)
        Pairs that are absent are left white.
    rows, columns : sequence of str
        Self-report scales downwards, behaviours across.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    with settings():
        wide = min(1.15, max(0.62, (WIDTH - 2.4) / len(columns)))
        made = drawing(max(4.2, min(16.0, 2.6 + wide * len(columns))), 1.5 + 0.42 * len(rows))
        axes = made.add_subplot()
        norm = Normalize(-1.0, 1.0)
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                estimate, low, high = cells.get((row, column), (math.nan, math.nan, math.nan))
                if math.isnan(estimate):
                    axes.text(x, y, "–", ha="center", va="center", color="#545F6A")
                    continue
                sure = math.isfinite(low) and math.isfinite(high) and not low <= 0 <= high
                shade = _COLOURS(norm(estimate))
                axes.add_patch(
                    Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor="#C9D0D6",
                              linewidth=0.0, hatch=None if sure else "////")
                )  # fmt: skip
                dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.5
                axes.text(
                    x, y, _signed(estimate), ha="center", va="center",
                    color="white" if dark else "black", weight="bold" if sure else "normal",
                    style="normal" if sure else "italic", fontsize=9,
                )  # fmt: skip
        _frame(axes, rows, columns)
        return finish(made, name=name, alt=alt, caption=caption)


def _signed(value: float) -> str:
    """Return two decimals with a sign; none where they are all zero."""
    text = f"{value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")


def _frame(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [label(column, 24) for column in columns])
    axes.set_yticks(range(len(rows)), [label(row) for row in rows])
    axes.tick_params(
        axis="x", length=0, labelcolor="#1D2329", top=True, labeltop=True, bottom=False, labelbottom=False
    )
    turned = len(columns) > 5 or max(len(label(column, 24)) for column in columns) > 11
    if turned:
        for text in axes.get_xticklabels():
            text.set(rotation=35, ha="left", rotation_mode="anchor")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    for at in range(1, max(len(columns), len(rows))):
        if at < len(columns):
            axes.axvline(at - 0.5, color="white", linewidth=1.5)
        if at < len(rows):
            axes.axhline(at - 0.5, color="white", linewidth=1.5)
