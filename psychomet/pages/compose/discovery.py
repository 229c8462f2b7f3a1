"""Discovered graphs: the figure, the edges in words, and agreement with an expert."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.causes import Edge, Mark, draw_graph
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    interval_column,
    label_column,
    number_column,
    percent,
    records,
    value,
)
from psychomet.result.result import Result
from psychomet.text import visible

_LEAD = (
    "Which features cause which, as far as the method's assumptions and the data tell. An edge is a claim of the method, not an "
    "observation: its share says how often the same relation was found again in parts of the table, which is stability, not the "
    "probability that it is true."
)
# Ends of the sentences about a pair, and the marks they stand for.
_OPEN: tuple[tuple[str, Mark, Mark], ...] = (
    (": direction not determined", "tail", "tail"),
    (" share an unseen cause", "arrow", "arrow"),
    (", or they share an unseen cause", "circle", "arrow"),
    (": cause, effect or unseen cause not determined", "circle", "circle"),
)
_AGREEMENT = {
    "shd": "Structural Hamming distance (edges that differ)",
    "adjacency_precision": "Adjacencies found that the expert has",
    "adjacency_recall": "The expert's adjacencies that were found",
    "adjacency_f1": "F1 of adjacencies",
    "orientation_precision": "Directed edges found that the expert has",
    "orientation_recall": "The expert's directed edges that were found",
    "orientation_f1": "F1 of directed edges",
    "parent_adjustment_distance": "Effects it would get wrong, holding parents",
    "ancestor_adjustment_distance": "Effects it would get wrong, holding ancestors",
}
_NODES, _FOLDED = 40, 40


def discovery(result: Result, context: Context) -> Section:
    """Return the section on discovered graphs."""
    frame = result.estimates
    for name in ("other", "level"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    groups = list(dict.fromkeys(frame["group"])) or [""]
    for at, group in enumerate(groups):
        own = frame[frame["group"] == group]
        if group:
            blocks.append(Heading(f"Where {visible(group)}"))
        blocks += _figure(own, result, context, at)
        edges = own[own["estimand"] == "edge"]
        if edges.empty:
            blocks.append(
                Paragraph(("No edge was found: nothing speaks against independence of all features.",))
            )
        else:
            blocks.append(_edges(edges))
        blocks += _others(own)
    return Section(context.title, context.anchor, tuple(blocks))


def _marks(row: dict[str, Any]) -> tuple[Mark, Mark]:
    """Return the marks of an edge from its sentence."""
    words = str(row["level"])
    if words == f"{row['term']} causes {row['other']}":
        return "tail", "arrow"
    return next(
        ((first, second) for end, first, second in _OPEN if words.endswith(end)), ("circle", "circle")
    )


def _figure(frame: pd.DataFrame, result: Result, context: Context, at: int) -> list[Figure]:
    """Draw the graph of a group."""
    rows = records(frame[frame["estimand"] == "edge"])
    latent = records(frame[frame["estimand"] == "unseen_cause"])
    known = result.settings.get("names")
    nodes = list(dict.fromkeys([*(map(str, known) if isinstance(known, list | tuple) else ()),
                                *(str(row[side]) for row in rows for side in ("term", "other"))]))  # fmt: skip
    edges = [Edge(str(row["term"]), str(row["other"]), *_marks(row), value(row, "estimate")) for row in rows]
    unseen: list[str] = []
    if latent:
        # Indicators of an unseen cause are drawn below it, not joined to each other.
        unseen = list(dict.fromkeys(str(row["term"]) for row in latent))
        edges = []
        for row in latent:
            members = [name for name in nodes if name in str(row["other"]).split(", ")]
            if str(row["other"]) in unseen:
                open_ = str(row["level"]).endswith(_OPEN[0][0])
                edges.append(
                    Edge(str(row["term"]), str(row["other"]), "tail", "tail" if open_ else "arrow", math.nan)
                )
            else:
                edges += [Edge(str(row["term"]), name, "tail", "arrow", math.nan) for name in members]
    joined = {name for edge in edges for name in (edge.first, edge.second)}
    everything = [*nodes, *unseen]
    if not edges:
        return []
    cut = ""
    if len(everything) > _NODES:
        left = len(everything) - len(joined)
        everything = [name for name in everything if name in joined][:_NODES]
        cut = f" Features without an edge ({left}) are left out."
        edges = [edge for edge in edges if edge.first in everything and edge.second in everything]
    directed = [row for row in rows if _marks(row) == ("tail", "arrow")]
    return [
        draw_graph(
            everything, edges, unseen=frozenset(unseen), name=f"{context.anchor}-graph-{at + 1}",
            alt=f"Graph of {len(everything)} features with {len(edges)} edges, {len(directed)} of them directed"
            + (f": {'; '.join(str(row['level']) for row in directed[:6])}." if directed else "."),
            caption=(
                "The graph found. Blue arrows: the direction is told. Orange, dashed: it is open; a circle is an end of which nothing is "
                "known. Arrows at both ends: an unseen cause is shared. Width and number: share of resamples with this relation." + cut,
            ),
        )
    ]  # fmt: skip


def _edges(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("level", "Relation", 160),
        number_column("n", "n", count),
        number_column("estimate", "Share of resamples", percent),
        interval_column(f"{confidence(frame)} interval", percent),
    ]
    rows = sorted(
        records(frame),
        key=lambda row: -value(row, "estimate") if math.isfinite(value(row, "estimate")) else 0.0,
    )
    caption = "Edges of the graph. The interval is that of the share over ever more resamples, not over ever more respondents."
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _others(frame: pd.DataFrame) -> list[Block]:
    """Return the tables beside the edges."""
    blocks: list[Block] = []
    latent = frame[frame["estimand"] == "unseen_cause"]
    if not latent.empty:
        text = "Unseen causes, told from features that share nothing else, and their order."
        blocks.append(build(records(latent), [label_column("level", "Unseen causes", 200)], (text,)))
    agreed = frame[frame["estimand"].isin(list(_AGREEMENT))]
    if not agreed.empty:
        columns = [
            Show("Agreement with the expert", lambda row: _AGREEMENT[str(row["estimand"])], numeric=False),
            number_column("estimate", "Value"),
        ]
        text = "The graph beside the expert's. Effects it would get wrong: ordered pairs of features whose effect, held as the graph tells, is another by the expert's graph."
        blocks += [
            Heading("Agreement with the expert"),
            build(records(agreed), columns, (text,), remarks=True),
        ]
    paths = frame[frame["estimand"] == "path_coefficient"]
    if not paths.empty:
        columns = [
            label_column("level", "Path", 160), number_column("estimate", "Coefficient"),
            interval_column(f"{confidence(paths)} interval"),
        ]  # fmt: skip
        text = "Change of the effect with one unit of the cause, its other causes held."
        blocks += [Heading("Linear effects"), build(records(paths), columns, (text,), remarks=True)]
    rest = frame[frame["estimand"].isin(["edge_alternative", "adjacency"])]
    if not rest.empty and rest["estimate"].notna().any():
        names = {"edge_alternative": "another relation", "adjacency": "joined at all"}
        columns = [
            label_column("term", "First"), label_column("other", "Second"),
            Show("What", lambda row: names[str(row["estimand"])], numeric=False),
            label_column("level", "Relation", 160), number_column("estimate", "Share of resamples", percent),
            interval_column(f"{confidence(rest)} interval", percent),
        ]  # fmt: skip
        text = "What resamples found beside the graph: other relations of a pair, and how often it was joined at all."
        blocks.append(build(records(rest), columns, (text,), folded=True, remarks=True))
    bound = frame[frame["estimand"] == "false_adjacencies_bound"]
    for row in records(bound):
        blocks.append(
            Paragraph(
                (f"Of the pairs that are joined in {row['level'].replace('0.75', '75 %')} of the half-samples, at most {value(row, 'estimate'):.1f} are expected to be "
                 "joined falsely, if false pairs are found alike.",), "small",
            )
        )  # fmt: skip
    return blocks
