"""Loadings of items on factors as a chart of coloured cells, items in the order of the key, scale by scale.

Colour says sign and size, the printed number says both again, and its weight says whether it is to be looked at:
nothing is lost in greyscale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import SOFT, drawing, finish, label, settings

SALIENT = 0.3
"""Size from which on a loading is printed in bold: what textbooks look at first."""
# Vermillion to white to blue (Okabe and Ito); the darkest shades still carry dark or white print.
_COLOURS = LinearSegmentedColormap.from_list(
    "signed", ["#B04A00", "#F0B78F", "#FFFFFF", "#8DBFE0", "#005A8F"]
)
_ROW = 0.205
_LONGEST = 44


@dataclass(frozen=True, slots=True)
class Line:
    """One item: its name, its scale in the key, its loadings in the order of the factors, and which differ from 0."""

    item: str
    scale: str
    loadings: Sequence[float]
    sure: Sequence[bool]


def draw_loadings(
    lines: Sequence[Line],
    *,
    factors: Sequence[str],
    wording: Mapping[str, str],
    name: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw loadings, items downwards, factors across.

    Parameters
    ----------
    lines : sequence of Line
        At least one; those of a scale stand together.
    factors : sequence of str
        Names of the columns.
    wording : mapping of str to str
        Text of the items, where known.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    scales = list(dict.fromkeys(line.scale for line in lines))
    with settings():
        width = max(0.62, min(1.05, 4.4 / len(factors)))
        made = drawing(3.9 + width * len(factors), 1.15 + _ROW * (len(lines) + 0.6 * (len(scales) - 1)))
        axes = made.add_subplot()
        norm = Normalize(-1.0, 1.0)
        places = _places(lines)
        for y, line in zip(places, lines, strict=True):
            for x, (loading, sure) in enumerate(zip(line.loadings, line.sure, strict=True)):
                _cell(
                    axes, x, y, loading, sure, _COLOURS(norm(loading)) if math.isfinite(loading) else "white"
                )
        _frame(axes, lines, places, factors, wording)
        return finish(made, name=name, alt=alt, caption=caption)


def _places(lines: Sequence[Line]) -> list[float]:
    """Heights of the lines, with a gap between scales."""
    places: list[float] = []
    at = 0.0
    for number, line in enumerate(lines):
        if number and line.scale != lines[number - 1].scale:
            at += 0.6
        places.append(at)
        at += 1.0
    return places


def _cell(axes: Axes, x: int, y: float, loading: float, sure: bool, shade: object) -> None:
    """One loading."""
    if not math.isfinite(loading):
        axes.text(x, y, "–", ha="center", va="center", color=SOFT, fontsize=7.5)
        return
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor="white", linewidth=0.8))
    strong = abs(loading) >= SALIENT
    dark = abs(loading) > 0.75
    text = f"{loading:+.2f}".replace("-", "−")
    axes.text(
        x, y, "0.00" if text[1:] == "0.00" else text, ha="center", va="center", fontsize=7.5,
        color="white" if dark else "black" if sure else SOFT,
        weight="bold" if strong and sure else "normal", style="normal" if sure else "italic",
    )  # fmt: skip


def _frame(
    axes: Axes,
    lines: Sequence[Line],
    places: Sequence[float],
    factors: Sequence[str],
    wording: Mapping[str, str],
) -> None:
    """Names of items, scales and factors."""
    names = []
    for line in lines:
        text = wording.get(line.item, "")
        names.append(label(f"{line.item}  {text}" if text else line.item, _LONGEST))
    axes.set_xlim(-0.5, len(factors) - 0.5)
    axes.set_ylim(places[-1] + 0.5, -0.5)
    axes.set_yticks(places, names, fontsize=7.5)
    axes.set_xticks(range(len(factors)), [label(factor, 24) for factor in factors])
    axes.tick_params(
        axis="x", length=0, labelcolor="#1D2329", top=True, labeltop=True, bottom=False, labelbottom=False
    )
    if len(factors) > 5 or max(len(label(factor, 24)) for factor in factors) > 11:
        for tick in axes.get_xticklabels():
            tick.set(rotation=35, ha="left", rotation_mode="anchor")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    for scale in dict.fromkeys(line.scale for line in lines):
        inside = [place for place, line in zip(places, lines, strict=True) if line.scale == scale]
        middle, edge = (inside[0] + inside[-1]) / 2, len(factors) - 0.5 + 0.06
        if scale:
            axes.plot(
                [edge, edge], [inside[0] - 0.4, inside[-1] + 0.4], color=SOFT, linewidth=1.2, clip_on=False
            )
            axes.annotate(
                label(scale, 26), (edge, middle), xytext=(5, 0), textcoords="offset points", va="center",
                ha="left", fontsize=8, color="#1D2329", rotation=0, annotation_clip=False,
            )  # fmt: skip
