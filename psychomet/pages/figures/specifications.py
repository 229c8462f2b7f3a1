"""A specification curve: estimates in ascending order above, the choices behind each below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

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

_LONGEST = 34
_ROW = 0.185


@dataclass(frozen=True, slots=True)
class Specification:
    """One estimate and the choices that led to it, one per family of choices."""

    estimate: float
    low: float
    high: float
    clear: bool
    choices: tuple[str, ...]


def draw_specifications(
    specifications: Sequence[Specification],
    *,
    families: Sequence[tuple[str, Sequence[str]]],
    name: str,
    axis: str,
    title: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw estimates from left to right in ascending order, and below them which choice each rests on.

    Parameters
    ----------
    specifications : sequence of Specification
        At least one, with finite estimates.
    families : sequence of (str, sequence of str)
        Families of choices in the order of ``Specification.choices``, each with the choices that have a line of
        their own; a specification with another one has no mark in that family. A family without any is not drawn.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    axis, title : str
        Of the upper drawing.
    """
    ordered = sorted(specifications, key=lambda one: one.estimate)
    lines = sum(len(choices) + 1 for _, choices in families if choices)
    with settings():
        below = 0.25 + _ROW * lines
        made = drawing(WIDTH, 2.7 + below)
        upper, lower = made.subplots(2, 1, sharex=True, height_ratios=(2.7, below))
        _curve(upper, ordered)
        upper.set_title(label(title, 66))
        upper.set_ylabel(axis)
        _choices(lower, ordered, families)
        lower.set_xlim(-0.015 * len(ordered) - 0.6, len(ordered) * 1.015 - 0.4)
        made.legend(handles=_key(), loc="outside lower center", ncols=2)
        return finish(made, name=name, alt=alt, caption=caption)


def _key() -> list[Any]:
    """Return what filled and empty marks mean."""
    return [
        Line2D([], [], marker="o", color=BLUE, markersize=4.5, label="interval leaves out zero"),
        Line2D(
            [], [], marker="o", color=VERMILLION, markerfacecolor="white", markersize=4.5,
            label="interval includes zero, or there is none",
        ),
    ]  # fmt: skip


def _curve(axes: Axes, ordered: Sequence[Specification]) -> None:
    """Draw the estimates; hollow where the interval includes zero."""
    size = max(2.0, min(5.0, 220 / len(ordered)))
    for clear, colour in ((True, BLUE), (False, VERMILLION)):
        mine = [(at, one) for at, one in enumerate(ordered) if one.clear == clear]
        known = [(at, one) for at, one in mine if math.isfinite(one.low) and math.isfinite(one.high)]
        axes.vlines(
            [at for at, _ in known], [one.low for _, one in known], [one.high for _, one in known],
            color=colour, linewidth=min(1.2, size / 3), alpha=0.55,
        )  # fmt: skip
        axes.plot(
            [at for at, _ in mine], [one.estimate for _, one in mine], marker="o", linestyle="none", color=colour,
            markersize=size, markerfacecolor=colour if clear else "white", markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
    axes.axhline(0, color=SOFT, linewidth=0.9, zorder=1)
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.yaxis.set_major_formatter(FuncFormatter(minus))
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines["bottom"].set_visible(False)


def _choices(
    axes: Axes, ordered: Sequence[Specification], families: Sequence[tuple[str, Sequence[str]]]
) -> None:
    """Draw a mark for the choice of each family under each estimate."""
    ticks: list[float] = []
    names: list[str] = []
    heads: list[int] = []
    y = 0
    for place, (family, choices) in enumerate(families):
        if not choices:
            continue
        ticks.append(y)
        names.append(label(family, _LONGEST))
        heads.append(len(names) - 1)
        for choice in choices:
            y += 1
            ticks.append(y)
            names.append(label(choice, _LONGEST))
            axes.axhline(y, color=GRID, linewidth=0.5, zorder=0)
            for clear in (True, False):
                where = [
                    at
                    for at, one in enumerate(ordered)
                    if one.choices[place] == choice and one.clear == clear
                ]
                axes.plot(
                    where, [y] * len(where), marker="|", linestyle="none", markersize=6.5,
                    color=BLUE if clear else VERMILLION, markeredgewidth=max(0.9, min(2.4, 140 / len(ordered))),
                )  # fmt: skip
        y += 1
    axes.set_yticks(ticks, names)
    for at in heads:
        axes.get_yticklabels()[at].set_fontweight("bold")
    axes.set_ylim(y - 0.4, -0.6)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("specifications, from the lowest to the highest estimate")
