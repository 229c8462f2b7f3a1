"""Respondents in the plane of two latent numbers, each an ellipse of what is not known about it, and the regression line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Patch
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import (
    BLACK,
    BLUE,
    GRID,
    SKY,
    SOFT,
    VERMILLION,
    WIDTH,
    drawing,
    finish,
    label,
    minus,
    settings,
)

Floats = NDArray[np.float64]

INNER = 0.5
"""Probability of the inner ellipse."""
MANY = 60
"""Respondents up to which each has its ellipses; of more, as many as ``SHOWN`` spread evenly over the first number."""
SHOWN = 9
_PER_LINE = 3
_MANY_NAMES = 14
_OUTLINED = 20
_EDGE = 0.06
_CORNERS = (
    (4, 3, "left"),
    (-4, 3, "right"),
    (4, -9, "left"),
    (-4, -9, "right"),
    (0, 8, "center"),
    (0, -14, "center"),
)
"""Where the name of a respondent may stand beside its dot, in points, the best first."""


class Place(NamedTuple):
    """One respondent.

    Attributes
    ----------
    name : str
        Its name.
    middle : tuple of float
        Posterior means of the number across and of the number up.
    covariance : tuple of float
        Posterior variance across, covariance, and variance up.
    """

    name: str
    middle: tuple[float, float]
    covariance: tuple[float, float, float]


class Plane(NamedTuple):
    """One panel.

    Attributes
    ----------
    places : sequence of Place
        Respondents.
    line : (points, 4) array or None
        Where across, and median, lower and upper end of the regression line there.
    title : str
        Above the panel.
    """

    places: Sequence[Place]
    line: Floats | None = None
    title: str = ""


def draw_planes(
    panels: Mapping[tuple[str, str], Plane], *, name: str, alt: str, caption: Text, conf_level: float
) -> Figure:
    """Draw one panel per pair of numbers: a dot and ellipses per respondent, and the regression line with its band.

    Parameters
    ----------
    panels : mapping of (str, str) to Plane
        By what stands across and what stands up. At least one panel.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    conf_level : float
        Probability of the outer ellipses and of the bands.
    """
    columns = min(len(panels), _PER_LINE)
    lines = math.ceil(len(panels) / columns)
    alone = columns == 1
    with settings():
        made = drawing(6.6 if alone else WIDTH, (5.2 if alone else {2: 4.1, 3: 3.2}[columns]) * lines + 0.35)
        grid = made.subplots(lines, columns, squeeze=False)
        banded = outlined = False
        for at, ((across, up), plane) in enumerate(panels.items()):
            axes = grid[at // columns][at % columns]
            outlined |= _plane(axes, plane, conf_level, named=columns < 3, large=alone)
            banded |= plane.line is not None
            axes.set_title(label(plane.title, 60), fontsize=9.5 if alone else 8.5)
            axes.set_xlabel(label(across, 60 if alone else 34))
            axes.set_ylabel(label(up, 60 if alone else 34))
        for spare in range(len(panels), lines * columns):
            grid[spare // columns][spare % columns].set_visible(False)
        handles = _key(conf_level, outlined, banded)
        made.legend(handles=handles, loc="outside lower center", ncols=len(handles) if not alone else 2)
        return finish(made, name=name, alt=alt, caption=caption)


def drawn_ellipses(places: Sequence[Place]) -> list[Place]:
    """Return the respondents whose ellipses are drawn.

    Parameters
    ----------
    places : sequence of Place
        Respondents with finite numbers.
    """
    if len(places) <= MANY:
        return list(places)
    order = sorted(places, key=lambda one: one.middle[0])
    return [order[at] for at in np.unique(np.linspace(0, len(order) - 1, SHOWN).round().astype(int))]


def _plane(axes: Axes, plane: Plane, conf_level: float, *, named: bool, large: bool) -> bool:
    """Line, ellipses, dots, and names where there is room; say whether outer ellipses are drawn."""
    known = [one for one in plane.places if all(map(math.isfinite, (*one.middle, *one.covariance)))]
    shown = drawn_ellipses(known)
    outlined = len(shown) <= _OUTLINED
    if plane.line is not None:
        x, middle, low, high = plane.line.T
        axes.fill_between(x, low, high, color=VERMILLION, alpha=0.13, linewidth=0, zorder=1.2)
        for edge in (low, high):
            axes.plot(x, edge, color=VERMILLION, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2.4)
        axes.plot(x, middle, color=VERMILLION, linewidth=1.6, zorder=2.5)
    for one in shown:
        for level in (conf_level, INNER) if outlined else (INNER,):
            axes.add_patch(_ellipse(one, level, inner=level == INNER, many=not outlined))
    many = len(known) > MANY
    axes.plot(
        [one.middle[0] for one in known], [one.middle[1] for one in known], linestyle="none", marker="o", color=BLUE,
        markersize=2.6 if many else 3.8 if large else 3.2, markeredgewidth=0, alpha=0.55 if many else 1.0, zorder=3,
    )  # fmt: skip
    if many:
        axes.plot(
            [one.middle[0] for one in shown], [one.middle[1] for one in shown], linestyle="none", marker="o", color=BLACK, markersize=3.4,
            markeredgewidth=0, zorder=3.2,
        )  # fmt: skip
    _limits(axes, known, shown, conf_level if outlined else INNER)
    if named and len(known) <= _MANY_NAMES:
        _names(axes, known, large=large)
    axes.axhline(0, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
    axes.axvline(0, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
    axes.grid(color=GRID, linewidth=0.5)
    axes.locator_params(nbins=6 if large else 5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(minus))
    return outlined


def _names(axes: Axes, known: Sequence[Place], *, large: bool) -> None:
    """Put each name where it covers no dot and no name before it, as far as there is such a place."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    # The panel in points, about: where it comes to stand is known only after it is drawn.
    wide, tall = (400.0, 310.0) if large else (250.0, 230.0)
    size = 7.5 if large else 6.5
    dots = [((one.middle[0] - left) / (right - left) * wide, (one.middle[1] - low) / (high - low) * tall) for one in known]  # fmt: skip
    taken = [(x - 2.5, y - 2.5, x + 2.5, y + 2.5) for x, y in dots]
    for one, (x, y) in zip(known, dots, strict=True):
        text = label(one.name, 20 if large else 12)
        long = 0.58 * size * len(text)
        boxes = []
        for right_by, up_by, side in _CORNERS:
            start = x + right_by - {"left": 0.0, "center": long / 2, "right": long}[side]
            boxes.append((start, y + up_by, start + long, y + up_by + size))
        crossed = [sum(_overlap(box, other) for other in taken) + 1e4 * (box[0] < 0 or box[2] > wide) for box in boxes]  # fmt: skip
        at = crossed.index(min(crossed))
        taken.append(boxes[at])
        right_by, up_by, side = _CORNERS[at]
        axes.annotate(text, one.middle, xytext=(right_by, up_by), textcoords="offset points", fontsize=size, ha=side, zorder=4)  # fmt: skip


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return wide * tall if wide > 0 and tall > 0 else 0.0


def _ellipse(one: Place, level: float, *, inner: bool, many: bool) -> Ellipse:
    """The region of a bivariate normal law with this probability."""
    values, axes = _principal(one)
    reach = 2.0 * _radius(level) * np.sqrt(values)
    turned = math.degrees(math.atan2(axes[1, 1], axes[0, 1]))
    drawn = Ellipse(one.middle, float(reach[1]), float(reach[0]), angle=turned)
    drawn.set_zorder(2.0)
    if inner:
        drawn.set_facecolor((*_rgb(SKY), 0.14 if many else 0.3))
        drawn.set_edgecolor((*_rgb(BLUE), 0.25 if many else 0.0))
        drawn.set_linewidth(0.5)
    else:
        drawn.set_facecolor("none")
        drawn.set_edgecolor((*_rgb(BLUE), 0.4))
        drawn.set_linewidth(0.7)
    return drawn


def _principal(one: Place) -> tuple[Floats, Floats]:
    """Variances along the axes of the ellipse, the smaller first, and the axes."""
    xx, xy, yy = one.covariance
    values, axes = np.linalg.eigh(np.array([[xx, xy], [xy, yy]]))
    return np.maximum(values, 0.0), axes


def _radius(level: float) -> float:
    """Root of the quantile of chi-squared with two degrees of freedom."""
    return math.sqrt(-2.0 * math.log1p(-level))


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _limits(axes: Axes, known: Sequence[Place], shown: Sequence[Place], level: float) -> None:
    """All dots and all ellipses, with a margin; the line does not widen the panel."""
    for side, place in ((axes.set_xlim, 0), (axes.set_ylim, 1)):
        ends = [one.middle[place] for one in known]
        for one in shown:
            reach = _radius(level) * math.sqrt(max(one.covariance[2 * place], 0.0))
            ends += [one.middle[place] - reach, one.middle[place] + reach]
        low, high = (min(ends), max(ends)) if ends else (-1.0, 1.0)
        pad = _EDGE * ((high - low) or 1.0)
        side(low - pad, high + pad)


def _key(conf_level: float, outlined: bool, banded: bool) -> list[Line2D | Patch]:
    """What the shapes are."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], linestyle="none", marker="o", color=BLUE, markersize=4, label="posterior mean"),
        Patch(facecolor=(*_rgb(SKY), 0.4), edgecolor=(*_rgb(BLUE), 0.3), label=f"{100 * INNER:g} % ellipse"),
    ]
    if outlined:
        handles.append(Patch(facecolor="none", edgecolor=(*_rgb(BLUE), 0.7), label=f"{100 * conf_level:g} % ellipse"))  # fmt: skip
    if banded:
        handles.append(Patch(facecolor=(*_rgb(VERMILLION), 0.2), edgecolor=VERMILLION, linestyle="--", label=f"regression line, {100 * conf_level:g} % band"))  # fmt: skip
    return handles
