"""Features by traits as a heat map: the printed number carries the cell, the shade only helps the eye."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import SOFT, WIDTH, drawing, finish, label, settings

_SHADES = LinearSegmentedColormap.from_list("size", ["#FFFFFF", "#BFDDF0", "#5BA6D0", "#005A8F"])
_FEWEST_SHADES = 0.3
"""The darkest shade is at least for this size: small sizes stay pale."""


class Mark(NamedTuple):
    """One cell.

    Attributes
    ----------
    text : str
        What is printed.
    shade : float
        0 for white; NaN for no cell.
    sure : bool
        Whether the adjusted test says "dependent".
    """

    text: str
    shade: float
    sure: bool


def draw_dependence(
    cells: Mapping[tuple[str, int], Mark],
    *,
    rows: Sequence[str],
    columns: Sequence[tuple[str, str]],
    controls: Sequence[str],
    darkest: float,
    name: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw tests of features (down) with traits (across).

    Parameters
    ----------
    cells : mapping of (row, position of the column) to Mark
    rows : sequence of str
        Features.
    columns : sequence of (str, str)
        Trait and measurement; columns of one trait stand together under its name.
    controls : sequence of str
        Rows that are negative controls; they are named so.
    darkest : float
        Shade that is drawn darkest.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    with settings():
        names = [label(f"{row} (control)" if row in controls else row, 26) for row in rows]
        margin = 0.35 + 0.075 * max(len(text) for text in names)
        wide = min(0.75, max(0.36, (WIDTH - margin) / len(columns)))
        made = drawing(max(4.2, margin + wide * len(columns)), 1.45 + 0.25 * len(rows))
        axes = made.add_subplot()
        norm = Normalize(0.0, max(darkest, _FEWEST_SHADES))
        for y, row in enumerate(rows):
            for x in range(len(columns)):
                _cell(axes, x, y, cells.get((row, x)), norm)
        _frame(axes, names, columns)
        return finish(made, name=name, alt=alt, caption=caption)


def _cell(axes: Axes, x: int, y: int, mark: Mark | None, norm: Normalize) -> None:
    if mark is None or math.isnan(mark.shade):
        axes.text(x, y, "–", ha="center", va="center", color=SOFT, fontsize=8)
        return
    shade = _SHADES(norm(mark.shade))
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, linewidth=0.0))
    dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.5
    axes.text(
        x, y, mark.text, ha="center", va="center", fontsize=8,
        color="white" if dark else "black" if mark.sure else SOFT,
        weight="bold" if mark.sure else "normal", style="normal" if mark.sure else "italic",
    )  # fmt: skip


def _frame(axes: Axes, rows: Sequence[str], columns: Sequence[tuple[str, str]]) -> None:
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xticks(range(len(columns)), [label(look or trait, 16) for trait, look in columns])
    axes.tick_params(axis="x", length=0, labelcolor="#1D2329", top=True, labeltop=True, bottom=False,
                     labelbottom=False)  # fmt: skip
    for text in axes.get_xticklabels():
        text.set(rotation=45, ha="left", rotation_mode="anchor", fontsize=8)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    for at in range(1, len(rows)):
        axes.axhline(at - 0.5, color="white", linewidth=1.2)
    start = 0
    for at in range(1, len(columns) + 1):
        if at == len(columns) or columns[at][0] != columns[start][0]:
            if any(look for _, look in columns[start:at]):
                axes.text((start + at - 1) / 2, len(rows) - 0.35, label(columns[start][0], 3 + 7 * (at - start)),
                          ha="center", va="top", fontsize=8.5, weight="bold")  # fmt: skip
            if at < len(columns):
                axes.axvline(at - 0.5, color="#1D2329", linewidth=0.9, linestyle=(0, (4, 2)))
            start = at
        elif at < len(columns):
            axes.axvline(at - 0.5, color="white", linewidth=1.2)
