"""A multitrait-multimethod matrix in its classical layout: the lower half, method by method.

Reliabilities stand on the diagonal in brackets; the diagonals of one trait by two methods are framed; the triangles
within a method have a solid outline, the blocks of two methods a dashed one. Colour says sign and size, the printed
number says both again, and italics say that the interval holds 0: nothing is lost in greyscale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Polygon, Rectangle

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import SOFT, WIDTH, drawing, finish, label, settings

Cell = tuple[float, float, float]
# Vermillion to white to blue (Okabe and Ito); the darkest shades still carry dark or white print.
_COLOURS = LinearSegmentedColormap.from_list(
    "signed", ["#B04A00", "#F0B78F", "#FFFFFF", "#8DBFE0", "#005A8F"]
)
_INK = "#1D2329"
_PRINTED = 24
"""More units than this are drawn without numbers: they could not be read."""


def draw_triangle(
    cells: Mapping[tuple[int, int], Cell],
    *,
    units: Sequence[tuple[str, str]],
    name: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw the lower half of a multitrait-multimethod matrix.

    Parameters
    ----------
    cells : mapping of (row, column) to (estimate, low, high)
        Rows at or below the diagonal; on the diagonal reliabilities. Absent or NaN: a dash.
    units : sequence of (trait, method)
        In order; the units of a method stand together.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    u = len(units)
    with settings():
        side = min(WIDTH, max(4.4, 2.2 + 0.5 * u))
        made = drawing(side, max(3.0, 0.82 * side))
        axes = made.add_subplot()
        size = min(9.0, max(4.5, 90 / u))
        for row in range(u):
            for column in range(row + 1):
                found = cells.get((row, column), (math.nan, math.nan, math.nan))
                _cell(axes, row, column, found, size if u <= _PRINTED else 0.0)
        _outlines(axes, units)
        _frame(axes, units, min(8.5, max(5.5, 110 / u)))
        return finish(made, name=name, alt=alt, caption=caption)


def _cell(axes: Axes, row: int, column: int, found: Cell, size: float) -> None:
    """One correlation, or a reliability on the diagonal, which has no colour."""
    estimate, low, high = found
    corner = (column - 0.5, row - 0.5)
    if math.isnan(estimate):
        axes.text(column, row, "–", ha="center", va="center", color=SOFT, fontsize=size or 5)
        return
    if row == column:
        axes.add_patch(Rectangle(corner, 1, 1, facecolor="#EEF1F3", edgecolor="white", linewidth=0.8))
        if size:
            text = f"({_plain(estimate)})"
            axes.text(column, row, text, ha="center", va="center", color=_INK, fontsize=size * 0.92)
        return
    shade = _COLOURS(Normalize(-1.0, 1.0)(estimate))
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=shade, edgecolor="white", linewidth=0.8))
    if not size:
        return
    dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.5
    unsure = math.isfinite(low) and low <= 0 <= high
    axes.text(
        column, row, _plain(estimate), ha="center", va="center", color="white" if dark else "black", fontsize=size,
        style="italic" if unsure else "normal",
    )  # fmt: skip


def _plain(value: float) -> str:
    """Two decimals without a leading zero, as correlations are printed."""
    text = f"{value:.2f}".replace("-0.", "-.")
    text = text.removeprefix("0") if text.startswith("0.") else text
    return {"-.00": ".00"}.get(text, text).replace("-", "−")


def _runs(units: Sequence[tuple[str, str]]) -> list[tuple[str, int, int]]:
    """Name, first and last-but-one position of each method."""
    found: list[tuple[str, int, int]] = []
    for at, (_, method) in enumerate(units):
        if found and found[-1][0] == method:
            found[-1] = (method, found[-1][1], at + 1)
        else:
            found.append((method, at, at + 1))
    return found


def _outlines(axes: Axes, units: Sequence[tuple[str, str]]) -> None:
    """Frames of validities, triangles within methods, blocks of two methods."""
    runs = _runs(units)
    for place, (_, first, last) in enumerate(runs):
        steps = [(first - 0.5, first - 0.5)]
        for at in range(first, last):
            steps += [(at + 0.5, at - 0.5), (at + 0.5, at + 0.5)]
        steps.append((first - 0.5, last - 0.5))
        axes.add_patch(Polygon(steps, closed=True, fill=False, edgecolor=_INK, linewidth=1.0))
        for _, left, right in runs[:place]:
            corner = (left - 0.5, first - 0.5)
            axes.add_patch(
                Rectangle(corner, right - left, last - first, fill=False, edgecolor=SOFT, linewidth=0.9, linestyle=(0, (3, 2)))
            )  # fmt: skip
    for row, (trait, method) in enumerate(units):
        for column in range(row):
            if units[column][0] == trait and units[column][1] != method:
                axes.add_patch(
                    Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor="black", linewidth=1.8)
                )  # fmt: skip


def _frame(axes: Axes, units: Sequence[tuple[str, str]], size: float) -> None:
    u = len(units)
    axes.set_xlim(-0.6, u - 0.4)
    axes.set_ylim(u - 0.4, -0.6)
    axes.set_yticks(range(u), [label(trait, 22) for trait, _ in units], fontsize=size)
    axes.set_xticks(range(u), [label(trait, 18) for trait, _ in units], rotation=90, fontsize=size)
    axes.tick_params(axis="x", length=0, labelcolor=_INK)
    for name in ("left", "bottom"):
        axes.spines[name].set_visible(False)
    for method, first, last in _runs(units):
        # Beside the first step of the stair: the empty half of the picture has room for names.
        beyond = first + 0.65 if last - first > 1 else first + 0.5
        axes.text(
            beyond, first, label(method, 26), ha="left", va="center", fontsize=size + 1.0, weight="bold"
        )
