"""A graph of causes: names in boxes on a ring, edges with the marks at their ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.textpath import TextPath

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLUE, ORANGE, SOFT, WIDTH, drawing, finish, label, settings

Mark = Literal["tail", "arrow", "circle"]

_LONGEST = 28
_RESTARTS = 60
_FONT = 8.5
_RADIUS, _AIR = 0.045, 0.03  # of the circle at an end, and between box and edge, in inches


class Edge(NamedTuple):
    """An edge of the graph.

    Attributes
    ----------
    first, second : str
        Names of the nodes.
    at_first, at_second : {"tail", "arrow", "circle"}
        Marks at their ends.
    share : float
        Share of resamples with this edge, for its width; NaN for none.
    """

    first: str
    second: str
    at_first: Mark
    at_second: Mark
    share: float


class _Box(NamedTuple):
    """The box of a node: its centre, half its width and half its height, in inches."""

    x: float
    y: float
    wide: float
    tall: float


def draw_graph(
    nodes: Sequence[str],
    edges: Sequence[Edge],
    *,
    unseen: frozenset[str] = frozenset(),
    name: str,
    alt: str,
    caption: Text,
) -> Figure:
    """Draw a graph of causes.

    Parameters
    ----------
    nodes : sequence of str
        Names; those without an edge are drawn, too.
    edges : sequence of Edge
        Blue where the direction is known, orange and dashed where it is open, with the share of resamples beside it.
    unseen : frozenset of str
        Nodes that were not observed: dotted boxes.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    with settings():
        k = len(nodes)
        height = min(9.0, max(2.8, 1.6 + 0.42 * k))
        made = drawing(WIDTH, height)
        # One unit of the axes is one inch, so that edges can end where boxes begin.
        made.set_layout_engine("none")
        axes = made.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(-WIDTH / 2, WIDTH / 2)
        axes.set_ylim(-height / 2, height / 2)
        axes.axis("off")
        texts = {node: label(node, _LONGEST) for node in nodes}
        sizes = {node: _size(texts[node]) for node in nodes}
        widest = max(wide for wide, _ in sizes.values())
        across, up = WIDTH / 2 - widest - 0.1, height / 2 - 0.35
        # An offset of half a step keeps boxes from standing exactly above each other at top and bottom.
        turn = [math.pi / 2 - 2 * math.pi * (at + 0.5) / k for at in range(k)]
        order = _ring(nodes, edges)
        boxes = {
            node: _Box(across * math.cos(angle), up * math.sin(angle), *sizes[node])
            for node, angle in zip(order, turn, strict=True)
        }
        for edge in edges:
            _edge(axes, edge, boxes, numbered=len(edges) <= 30)
        for node, box in boxes.items():
            _box(axes, texts[node], box, dotted=node in unseen)
        return finish(made, name=name, alt=alt, caption=caption)


def _size(text: str) -> tuple[float, float]:
    """Return half the width and half the height of a box round a text, in inches."""
    extent = TextPath((0, 0), text, size=_FONT).get_extents()
    return float(extent.width) / 144 + 0.09, _FONT / 144 + 0.07


def _box(axes: Axes, text: str, box: _Box, *, dotted: bool) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.wide, box.y - box.tall), 2 * box.wide, 2 * box.tall, boxstyle="round,pad=0,rounding_size=0.05",
            facecolor="#F4F6F8", edgecolor=SOFT, linewidth=1.1 if dotted else 0.8, linestyle=":" if dotted else "-", zorder=3,
        )
    )  # fmt: skip
    axes.text(box.x, box.y, text, ha="center", va="center_baseline", fontsize=_FONT, zorder=4)


def _edge(axes: Axes, edge: Edge, boxes: dict[str, _Box], *, numbered: bool) -> None:
    """Draw one edge between the boxes of its nodes."""
    first, second = boxes[edge.first], boxes[edge.second]
    ends = {edge.at_first, edge.at_second}
    known = "circle" not in ends and ends != {"tail"}
    share = edge.share if math.isfinite(edge.share) else 0.5
    start, end = _outside(first, second), _outside(second, first)
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    step = ((end[0] - start[0]) / max(length, 1e-9), (end[1] - start[1]) / max(length, 1e-9))
    colour = BLUE if known else ORANGE
    for mark, place, sign in ((edge.at_first, start, 1), (edge.at_second, end, -1)):
        if mark == "circle":
            centre = (place[0] + sign * _RADIUS * step[0], place[1] + sign * _RADIUS * step[1])
            axes.add_patch(
                Circle(centre, _RADIUS, facecolor="white", edgecolor=colour, linewidth=1.2, zorder=2.5)
            )
    look = ("<|-" if edge.at_first == "arrow" else "-") + ("|>" if edge.at_second == "arrow" else "")
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle={"<|-|>": "<|-|>", "<|-": "<|-", "-|>": "-|>"}.get(look, "-"), mutation_scale=12, shrinkA=0,
            shrinkB=0, linewidth=0.7 + 1.9 * share, color=colour, linestyle="-" if known else (0, (4, 2)), zorder=2,
        )
    )  # fmt: skip
    if numbered and math.isfinite(edge.share):
        # Not in the middle, where edges cross.
        at = (start[0] + 0.42 * (end[0] - start[0]), start[1] + 0.42 * (end[1] - start[1]))
        axes.text(
            *at, f"{100 * edge.share:.0f} %", ha="center", va="center", fontsize=7, color="#1D2329", zorder=2.8,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )  # fmt: skip


def _outside(own: _Box, other: _Box) -> tuple[float, float]:
    """Return where the way to another box leaves this one, with a little air."""
    dx, dy = other.x - own.x, other.y - own.y
    part = min((own.wide + _AIR) / max(abs(dx), 1e-9), (own.tall + _AIR) / max(abs(dy), 1e-9), 0.5)
    return own.x + part * dx, own.y + part * dy


def _ring(nodes: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """Return an order round the ring in which joined nodes stand near each other: exchanges while they help."""
    k = len(nodes)
    at = {node: place for place, node in enumerate(nodes)}
    pairs = np.array([(at[edge.first], at[edge.second]) for edge in edges], dtype=np.intp).reshape(-1, 2)
    place = np.arange(k)

    def cost(where: np.ndarray) -> float:
        gap = np.abs(where[pairs[:, 0]] - where[pairs[:, 1]])
        return float(np.minimum(gap, k - gap).sum())

    best = cost(place)
    for _ in range(_RESTARTS):
        helped = False
        for i in range(k):
            for j in range(i + 1, k):
                place[[i, j]] = place[[j, i]]
                now = cost(place)
                if now < best - 1e-9:
                    best, helped = now, True
                else:
                    place[[i, j]] = place[[j, i]]
        if not helped:
            break
    return [nodes[one] for one in np.argsort(place)]
