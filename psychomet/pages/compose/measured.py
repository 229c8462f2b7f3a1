"""What was measured: sizes, facets, what is missing and why, what was dropped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from psychomet.pages.compose.context import Context, joined, mapping, plural
from psychomet.pages.document import Block, Inline, Paragraph, Section, Text, data
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
from psychomet.pages.words import STATUSES
from psychomet.result.result import Result

_LEAD = (
    "Who answered what, under which conditions, and which answers are missing. Conclusions below hold "
    "for these respondents, items and conditions; nothing was left out without being counted here."
)
_RELATIONS = {
    "within": "every respondent met every level",
    "between": "each respondent met one level only",
    "mixed": "respondents met some of the levels",
    "constant": "one level only: it was not varied",
}
_COUNTS = ("respondents", "items", "administrations", "cells", "answers")


def measured(result: Result, context: Context) -> Section:
    """Return the section on the design."""
    design = mapping(result.settings.get("design"))
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _sizes(result)
    blocks += _facets(design)
    blocks += _pairs(design)
    blocks += _statuses(result, design)
    blocks += _rows(design)
    blocks += _scales(context)
    return Section(context.title, context.anchor, tuple(blocks))


def source_name(group: object) -> str:
    """Return the source that a group names: "source = behaviour" and "behaviour" are the same."""
    return str(group or "").removeprefix("source = ")


def facets_of(design: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return levels and relation by facet from the settings of a design."""
    found = {}
    for name, entry in mapping(design.get("facets")).items():
        facet = mapping(entry)
        levels = facet.get("levels")
        found[name] = (
            tuple(map(str, levels)) if isinstance(levels, list | tuple) else (),
            str(facet.get("relation", "")),
        )
    return found


def statuses_of(result: Result) -> dict[str, dict[str, int]]:
    """Return answers by source and status from the settings of a design result."""
    status = mapping(mapping(result.settings.get("design")).get("status"))
    return {
        source: {
            name: int(number) for name, number in mapping(entry).items() if isinstance(number, int | float)
        }
        for source, entry in status.items()
    }


def _sizes(result: Result) -> list[Block]:
    frame = result.estimates
    frame = frame[frame["estimand"].isin(_COUNTS)]
    if frame.empty:
        return []
    rows = []
    only = frame["group"].nunique() == 1
    for group, part in frame.groupby("group", sort=False):
        sizes = {str(row["estimand"]): value(row, "estimate") for row in records(part)}
        rows.append({"group": source_name(group) or ("" if only else "whole table"), **sizes})
    columns = [label_column("group", "Source of the answers")]
    columns += [number_column(name, name.capitalize(), count) for name in _COUNTS]
    return [
        build(
            rows,
            columns,
            ("Sizes. An administration is one respondent asked under one combination of conditions.",),
        )
    ]


def _facets(design: Mapping[str, Any]) -> list[Block]:
    facets = facets_of(design)
    if not facets:
        return [Paragraph(("No condition was varied: the table has no facet.",))]
    rows = [
        {
            "facet": name,
            "number": float(len(levels)),
            "levels": joined(levels, last="and", most=12),
            "relation": _RELATIONS.get(relation, relation),
            "role": "says who answered" if is_identity(design, name) else "condition",
        }
        for name, (levels, relation) in facets.items()
    ]
    table = build(
        rows,
        [
            label_column("facet", "Facet"),
            number_column("number", "Levels", count),
            Show(
                "Names of the levels",
                lambda row: data("".join(map(_plain, row["levels"])), 500),
                numeric=False,
            ),
            label_column("relation", "How respondents met it"),
            label_column("role", "Role"),
        ],
        ("Facets: what differed between answers to the same item.",),
    )
    return [table, *_balance(design)]


def is_identity(design: Mapping[str, Any], facet: str) -> bool:
    """Say whether a facet tells who answered rather than how they were asked."""
    return mapping(mapping(design.get("facets")).get(facet)).get("identity") is True


def _balance(design: Mapping[str, Any]) -> list[Block]:
    balanced = design.get("balanced")
    if balanced is None:
        return []
    text = (
        "The design is balanced: every respondent of a source was asked equally often."
        if balanced
        else "The design is not balanced: respondents differ in how often they were asked."
    )
    pieces: list[Inline] = [text]
    answers = mapping(design.get("rows_per_administration"))
    for source, pair in mapping(design.get("administrations_per_respondent")).items():
        times, each = _from_to(pair, "administration"), _from_to(answers.get(source), "answer")
        if times:
            pieces += [" ", data(source.replace("_", " ").capitalize()), f": {times} per respondent"]
            pieces.append(f", {each} each." if each else ".")
    return [Paragraph(tuple(pieces))]


def _from_to(pair: object, unit: str) -> str:
    """Return "1 answer", "3 answers" or "4 to 6 answers"; nothing if there are no two counts."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return ""
    low, high = int(pair[0]), int(pair[1])
    return plural(high, unit) if low == high else f"{low:,} to {plural(high, unit)}"


def _plain(piece: Any) -> str:
    return piece if isinstance(piece, str) else piece.text


def _pairs(design: Mapping[str, Any]) -> list[Block]:
    pairs = design.get("pairs")
    if not isinstance(pairs, list | tuple):
        return []
    rows = [
        {"a": pair[0], "b": pair[1], "relation": pair[2]}
        for pair in pairs
        if isinstance(pair, list | tuple) and len(pair) == 3
    ]
    if not rows:
        return []
    if (
        len({str(row["relation"]) for row in rows}) == 1
        and len(rows) > 1
        and rows[0]["relation"] == "crossed"
    ):
        return [Paragraph(("Every pair of facets is crossed: all combinations of their levels occur.",))]
    caption: Text = ("Pairs of facets. Crossed: all combinations of levels occur; otherwise effects of the "
                     "two may be confused with one another.",)  # fmt: skip
    columns = [
        label_column("a", "Facet"),
        label_column("b", "and facet"),
        label_column("relation", "Relation"),
    ]
    return [build(rows, columns, caption, folded=len(rows) > 10)]


def _statuses(result: Result, design: Mapping[str, Any]) -> list[Block]:
    frame = result.estimates
    shares = records(frame[frame["estimand"] == "status_share"])
    counts = statuses_of(result)
    for row in shares:
        level = str(row.get("level", ""))
        row["status"] = STATUSES.get(level, level)
        row["source"] = source_name(row["group"])
        row["count"] = counts.get(row["source"], {}).get(level, math.nan)
    if not shares:
        shares = [
            {"source": source, "status": STATUSES.get(name, name), "count": number}
            for source, entry in counts.items()
            for name, number in entry.items()
        ]
    if not shares:
        return []
    level = confidence(frame[frame["estimand"] == "status_share"])
    columns = [
        Show("Source", lambda row: data(row["source"].replace("_", " ")), numeric=False),
        label_column("status", "What became of the answer"),
        number_column("count", "Answers", count),
        number_column("estimate", "Share", percent),
        interval_column(f"{level} interval", percent),
    ]
    return [build(shares, columns, ("Answers asked for, by what became of them.",))]


def _rows(design: Mapping[str, Any]) -> list[Block]:
    read, kept = design.get("rows_read"), design.get("rows_kept")
    if not isinstance(read, int | float) or not isinstance(kept, int | float):
        return []
    blocks: list[Block] = [Paragraph((f"{plural(int(read), 'row')} read, {int(kept):,} kept.",))]
    dropped = mapping(design.get("dropped"))
    if dropped:
        rows = [{"reason": reason, "count": float(number)} for reason, number in dropped.items()]
        columns = [label_column("reason", "Reason", 300), number_column("count", "Rows", count)]
        blocks.append(build(rows, columns, ("Rows left out.",)))
    unused = design.get("unused_columns")
    if isinstance(unused, list | tuple) and unused:
        blocks.append(
            Paragraph(("Columns of the table that were not used: ", *joined(unused, most=20), "."), "small")
        )
    return blocks


def _scales(context: Context) -> list[Block]:
    if not context.scales:
        return []
    rows = [
        {
            "scale": scale,
            "source": context.source.get(scale, "").replace("_", " "),
            "items": float(len(items)),
        }
        for scale, items in context.scales.items()
    ]
    columns = [
        label_column("scale", "Scale"),
        label_column("source", "Source"),
        number_column("items", "Items", count),
    ]
    return [build(rows, columns, ("Scales and the number of their items.",), folded=len(rows) > 12)]
