"""Adjusted effects: with and without what is held, the graph they follow from, and unseen causes."""

from __future__ import annotations

import math

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.document import Block, Figure, Paragraph, Section, Table
from psychomet.pages.figures.causes import Edge, draw_graph
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    degrees,
    interval_column,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "The effect of a feature on another with those held that a graph of causes says must be held. It is an effect if the graph is right; "
    "how strong an unseen cause would have to be to explain it away stands below."
)
_EFFECTS = {"effect": "held", "unadjusted_effect": "nothing held"}
_SHARES = {
    "partial_r2": "Share of the outcome's remaining variance that goes with the cause",
    "robustness_value": "Robustness value: unseen share of both that would bring the estimate to zero",
    "robustness_value_interval": "Robustness value of the interval",
}
_RATIOS = {"e_value": "E-value of the estimate", "e_value_interval": "E-value of the interval"}
_MOST = 30


def adjustment(result: Result, context: Context) -> Section:
    """Return the section on adjusted effects."""
    frame = result.estimates
    for name in ("other", "level"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), *_graph(result, context)]
    effects = frame[frame["estimand"].isin(list(_EFFECTS))]
    blocks += _figure(frame, context)
    blocks.append(_table(effects))
    strong = frame[frame["estimand"].isin([*_SHARES, *_RATIOS])]
    if not strong.empty:
        blocks.append(_strong(strong))
    left = frame[frame["estimand"] == "bounded_effect"]
    if not left.empty:
        blocks.append(_left(left))
    return Section(context.title, context.anchor, tuple(blocks))


def _graph(result: Result, context: Context) -> list[Figure]:
    """Draw the graph the set follows from."""

    def pairs(name: str) -> list[tuple[str, str]]:
        found = result.settings.get(name)
        return [(str(a), str(b)) for a, b in found] if isinstance(found, list) else []

    arrows, lines = pairs("graph"), pairs("lines")
    nodes = list(dict.fromkeys(name for pair in (*arrows, *lines) for name in pair))
    if not nodes or len(nodes) > _MOST:
        return []
    unseen = result.settings.get("unseen")
    edges = [Edge(a, b, "tail", "arrow", math.nan) for a, b in arrows]
    edges += [Edge(a, b, "tail", "tail", math.nan) for a, b in lines]
    cause, outcome = result.settings.get("cause"), result.settings.get("outcome")
    return [
        draw_graph(
            nodes, edges, unseen=frozenset(map(str, unseen)) if isinstance(unseen, list) else frozenset(),
            name=f"{context.anchor}-graph", alt=f"Graph of {len(nodes)} features with {len(edges)} edges, from which follows what is held for the "
            f"effect of {cause} on {outcome}.",
            caption=("The graph that was given. Dotted boxes were not observed; dashed edges have no known direction.",),
        )
    ]  # fmt: skip


def _figure(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw the effect held, with nothing held, and with unseen causes as strong as each feature held."""
    panels: dict[str, list[Dot]] = {}
    rows = [
        row for row in records(frame)
        if row["estimand"] in (*_EFFECTS, "bounded_effect") and math.isfinite(value(row, "conf_low"))
    ]  # fmt: skip
    for row in rows:
        title = in_group(f"{row['term']} on {row['other']}", row["group"])
        words = _EFFECTS.get(str(row["estimand"]), f"and one unseen like {row['level']}")
        if row["estimand"] == "effect" and row["level"] == "nothing":
            words = "nothing need be held"
        ends = (value(row, "conf_low"), value(row, "conf_high"), value(row, "reference"))
        panels.setdefault(title, []).append(Dot(words, "effect", value(row, "estimate"), *ends))
    if not panels:
        return []
    first = rows[0]
    return [
        draw_panels(
            dict(list(panels.items())[:6]), name=f"{context.anchor}-effects", axis="change of the outcome with one unit of the cause",
            alt=f"Effect of {first['term']} on {first['other']}: {number(value(first, 'estimate'), 2)} with features held.",
            caption=(f"Effects with {confidence(frame)} interval: held as the graph tells, with nothing held, and what would be left if an unseen "
                     "cause were as strong as a feature held. A line, where it is in sight, is no effect.",), same_limits=True, most=1,
        )
    ]  # fmt: skip


def _table(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("group", "Group"),
        label_column("term", "Cause"),
        label_column("other", "Outcome"),
        label_column("level", "Held"),
        number_column("n", "n", count),
        number_column("estimate", "Effect"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("statistic", "t", lambda one: number(one, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        *known_columns(rows),
    ]
    return build(rows, columns, ("Change of the outcome with one unit of the cause.",), remarks=True)


def _strong(frame: pd.DataFrame) -> Table:
    names = {**_SHARES, **_RATIOS}
    columns = [
        label_column("group", "Group"),
        Show("How strong", lambda row: names[str(row["estimand"])], numeric=False),
        Show("Value", lambda row: percent(value(row, "estimate")) if row["estimand"] in _SHARES else number(value(row, "estimate"), 2)),
    ]  # fmt: skip
    text = "How strong an unseen cause of both would have to be. A robustness value of 0 % or an E-value of 1 means that none is needed."
    return build(records(frame), columns, (text,), remarks=True)


def _left(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("group", "Group"),
        label_column("level", "As strong as"),
        number_column("estimate", "Effect that is left"),
        interval_column(f"{confidence(frame)} interval"),
    ]
    text = "The effect if there were an unseen cause as strong as a feature held, in the worst direction."
    return build(records(frame), columns, (text,), remarks=True)
