"""Ridges: the posterior density of one number of every item, item under item, with its median and interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.mlab import GaussianKDE
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import (
    BLACK,
    BLUE,
    GRID,
    SKY,
    SOFT,
    WIDTH,
    drawing,
    finish,
    label,
    minus,
    settings,
)

Floats = NDArray[np.float64]

_LONGEST = 34
_HIGH = 1.25
"""Height of a ridge, in rows."""
_POINTS, _FEWER_POINTS, _MANY_ROWS = 72, 48, 20
_MOST_DRAWS = 4000
"""Draws behind one density; of more, evenly spaced ones. Median and interval are of all."""
_TAIL = 0.002
_MANY = 3.0
"""An interval this many times as wide as the medians reach does not widen the axis; an arrow marks its end."""
_NO_SPREAD = 1e-9
_TICKS = (
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 2.0, 5.0),
    (1.0, 3.0),
    (1.0,),
)
_MOST_TICKS = 7


class Ridges(NamedTuple):
    """One panel.

    Attributes
    ----------
    axis : str
        Title of the horizontal axis, with the unit.
    draws : sequence of (S,) array
        Of every row, in the order of the rows; an empty array leaves the row empty.
    log : bool
        Whether the numbers are positive: density and axis are then those of the logarithm, so that no density lies at or
        below 0.
    centre : float
        Where a line stands; NaN for none.
    reach : tuple of float
        The axis ends here at the latest; what lies beyond is marked by an arrow at the edge.
    """

    axis: str
    draws: Sequence[Floats]
    log: bool = False
    centre: float = math.nan
    reach: tuple[float, float] = (-math.inf, math.inf)


def draw_ridges(
    rows: Sequence[str],
    panels: Sequence[Ridges],
    *,
    name: str,
    alt: str,
    caption: Text,
    conf_level: float,
    left_out: tuple[int, str] | None = None,
) -> Figure:
    """Draw one ridge for every row, side by side for every panel.

    Parameters
    ----------
    rows : sequence of str
        Names from top to bottom; at least one.
    panels : sequence of Ridges
        One or two, each with draws for every row.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    conf_level : float
        Probability of the intervals, between tails of equal probability.
    left_out : tuple of int and str, optional
        After how many rows some are missing, and what stands there instead.
    """
    gap = left_out[0] if left_out else len(rows)
    places = [float(at + (at >= gap)) for at in range(len(rows))]
    last = places[-1]
    with settings():
        made = drawing(WIDTH, 0.85 + (0.34 if len(rows) <= 12 else 0.235) * (last + 1.4))
        grid = made.subplots(1, len(panels), squeeze=False)[0]
        for at, (axes, panel) in enumerate(zip(grid, panels, strict=True)):
            _panel(axes, panel, places, conf_level)
            axes.set_yticks(places, [label(one, _LONGEST) for one in rows] if not at else [""] * len(rows))
            axes.set_ylim(last + 0.6, -1.15 * _HIGH)
            if left_out and not at:
                axes.annotate(
                    left_out[1], (0.0, gap), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
                    va="center", fontsize=8, color=SOFT, style="italic", zorder=6, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
                )  # fmt: skip
        return finish(made, name=name, alt=alt, caption=caption)


def density(draws: Floats, *, log: bool, points: int = _POINTS) -> tuple[Floats, Floats] | None:
    """Return where a density is drawn and its height, the highest 1; None where the draws are all alike.

    Parameters
    ----------
    draws : (S,) array
        Finite; positive where ``log``.
    log : bool
        Whether the density is that of the logarithm.
    points : int
        Where it is taken.

    Notes
    -----
    A sum of normal densities (Scott's bandwidth), as matplotlib has it for its violins. That of the logarithm keeps all of
    it above 0.
    """
    values = np.log(draws) if log else np.asarray(draws, dtype=float)
    if values.size < 2 or np.ptp(values) <= _NO_SPREAD * max(1.0, float(np.abs(values).max())):
        return None
    kept = values[:: -(-values.size // _MOST_DRAWS)]
    if np.ptp(kept) <= 0:
        return None
    found = GaussianKDE(kept)
    reach = 2.0 * found.factor * float(kept.std(ddof=1))
    low, high = np.quantile(kept, [_TAIL, 1 - _TAIL])
    grid = np.linspace(low - reach, high + reach, points)
    height = np.asarray(found.evaluate(grid), dtype=float)
    return (np.exp(grid) if log else grid), height / height.max()


def _panel(axes: Axes, panel: Ridges, places: Sequence[float], conf_level: float) -> None:
    """Ridges from the top down, each before the one above it, and all marks before all ridges."""
    tails = [(1 - conf_level) / 2, 0.5, (1 + conf_level) / 2]
    known = [(y, one[np.isfinite(one) & ((one > 0) | (not panel.log))]) for y, one in zip(places, panel.draws, strict=True)]  # fmt: skip
    told = [(y, one, np.quantile(one, tails)) for y, one in known if one.size]
    if panel.log:
        axes.set_xscale("log")
    ends = _ends(np.array([ends for _, _, ends in told]), panel)
    axes.set_xlim(*ends)
    _ticks(axes, panel.log, ends)
    axes.grid(axis="x", color=GRID, linewidth=0.5)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(panel.axis)
    if math.isfinite(panel.centre):
        axes.axvline(panel.centre, color=SOFT, linewidth=0.9, zorder=1)
    for order, (y, one, three) in enumerate(told):
        curve = density(one, log=panel.log, points=_FEWER_POINTS if len(places) > _MANY_ROWS else _POINTS)
        if curve is not None:
            x, height = curve
            above = y - _HIGH * height
            axes.fill(
                np.concatenate([x[:1], x, x[-1:]]), np.concatenate([[y], above, [y]]), facecolor=SKY, edgecolor=BLUE,
                linewidth=0.8, alpha=0.55, zorder=2 + order / 100,
            )  # fmt: skip
        _mark(axes, y, three, ends)


def _mark(axes: Axes, y: float, three: Floats, ends: tuple[float, float]) -> None:
    """Interval and median on the line of the row; arrows where they leave the axis."""
    low, middle, high = map(float, three)
    if low < ends[1] and high > ends[0]:
        axes.plot([max(low, ends[0]), min(high, ends[1])], [y, y], color=BLACK, linewidth=1.5, solid_capstyle="butt", zorder=4)  # fmt: skip
    for beyond, edge, arrow in ((low < ends[0], ends[0], "<"), (high > ends[1], ends[1], ">")):
        if beyond:
            axes.plot([edge], [y], marker=arrow, markersize=4.5, color=BLACK, linestyle="none", clip_on=False, zorder=5)  # fmt: skip
    if ends[0] <= middle <= ends[1]:
        axes.plot(
            [middle], [y], marker="o", markersize=4.2, color="white", markeredgecolor=BLACK, markeredgewidth=1.1, linestyle="none",
            zorder=5,
        )  # fmt: skip


def _ends(three: Floats, panel: Ridges) -> tuple[float, float]:
    """Return the ends of the axis: all medians and, unless one is very wide, all intervals, as far as it may reach."""
    if not len(three):
        return (0.5, 2.0) if panel.log else (-1.0, 1.0)
    held = np.clip(three, *panel.reach)
    low, middle, high = (np.log(held) if panel.log else held).T
    room = _MANY * max(float(np.ptp(middle)), float(np.median(high - low)))
    left = min(float(middle.min()), max(float(low.min()), float(middle.min()) - room))
    right = max(float(middle.max()), min(float(high.max()), float(middle.max()) + room))
    if math.isfinite(panel.centre) and not panel.log:
        # Nothing is worth seeing only where it is near.
        wide = right - left
        left = min(left, panel.centre) if left - panel.centre < wide else left
        right = max(right, panel.centre) if panel.centre - right < wide else right
    pad = max(0.1 * ((right - left) or max(abs(right), 1.0)), 0.35 * float(np.median(high - low)))
    left, right = left - pad, right + pad
    left, right = (math.exp(left), math.exp(right)) if panel.log else (left, right)
    first, final = max(left, panel.reach[0]), min(right, panel.reach[1])
    # All of it beyond the reach: the axis is there all the same.
    return (first, final) if first < final else (left, right)


def _ticks(axes: Axes, log: bool, ends: tuple[float, float]) -> None:
    """Plain numbers; round ones on a logarithmic axis, as many as there is room for."""
    if log:
        first, final = (math.floor(math.log10(end)) for end in ends)
        found: list[float] = []
        for digits in _TICKS:
            every = [digit * 10.0**power for power in range(first, final + 1) for digit in digits]
            found = [tick for tick in every if ends[0] <= tick <= ends[1]]
            if len(found) <= _MOST_TICKS:
                break
        axes.xaxis.set_major_locator(FixedLocator(found))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.locator_params(axis="x", nbins=7)
    axes.xaxis.set_major_formatter(FuncFormatter(minus))
