"""Omega: how much of a score comes from what all items of the scale share."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import beside, interval_columns, limits, merged, part, part_columns
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table, data
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    known_columns,
    label_column,
    number,
    number_column,
    records,
    value,
)
from psychomet.pages.words import span
from psychomet.result.result import Result

_LEAD = (
    "How much of the score of a scale comes from what its items share? Omega total counts every common factor of its "
    "model, omega hierarchical only the one that all items share. A high total with a low hierarchical omega means that "
    "the sum mixes several things; a total above alpha means that the items share unequally. Omega hierarchical is "
    "given only where the items show group factors beside the general one."
)
_GROUPS = (
    "A group factor is what some of the items share beyond the general factor. Its omega is the share of the sum of "
    "these items, the ones that load on it most, that the group factor alone explains. It says how much a score of "
    "those items would tell beyond the score of the whole scale. The caveats list the items of each."
)
_NAMES = {
    "omega_total": "omega total",
    "omega_hierarchical": "omega hierarchical",
    "omega_categorical": "categorical omega",
    "maximal_reliability": "maximal reliability",
}
_DRAWN = ("omega_total", "omega_hierarchical", "omega_categorical")
_COMMON = re.compile(r"resamples|variance in the denominator|available pairs|complete rows|row = ")
_PER_FIGURE = 25


def omega(result: Result, context: Context) -> Section:
    """Return the section on omega."""
    frame = result.estimates
    groups = frame["estimand"] == "omega_group"
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _figure(frame[frame["estimand"].isin(_DRAWN)], context)
    if (~groups).any():
        blocks += [_headline(frame[~groups], context), _table(frame[~groups], context)]
    if groups.any():
        blocks += [Heading("Group factors"), Paragraph((_GROUPS,)), _group_table(frame[groups])]
    return Section(context.title, context.anchor, tuple(blocks))


def _headline(frame: pd.DataFrame, context: Context) -> Table:
    """One line per scale: of several models of a coefficient the first that has an estimate."""
    first = frame.sort_values("estimate", key=lambda column: column.isna(), kind="stable")
    first = first.drop_duplicates(["term", "group", "estimand"]).sort_index()
    named = first["estimand"].map(_NAMES).fillna(first["estimand"]) + ": " + first["reason"]
    first = first.assign(reason=named.where(first["reason"] != "", ""))
    shown = [name for name in _DRAWN if (first["estimand"] == name).any()]
    rows = beside(first[first["estimand"].isin(shown)], ("term", "group"))
    for row in rows:
        total = part(row, "omega_total")
        row["words"] = span(context.rules.alpha, *limits(total), value(total, "estimate")) if total else ""
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
    ]
    for name in shown:
        columns += part_columns(name, _NAMES[name].capitalize(), confidence(frame))
        if name == "omega_total":
            columns.append(Show("Omega total in words", lambda row: str(row["words"]), numeric=False))
    models = dict.fromkeys(
        f"{_NAMES[name]}: {_how(str(method)) or 'as named'}"
        for name, method, found in zip(first["estimand"], first["method"], first["estimate"], strict=True)
        if name in shown and math.isfinite(found)
    )
    caption = (
        f"Omega by scale, of several models the first that has an estimate. By model: {'; '.join(models)}."
    )
    return build(rows, columns, (data(caption, 1000),), folded=len(rows) > _PER_FIGURE, remarks=True)


def denominator(method: str) -> str:
    """Return which variance an omega is a share of, as its method says; empty where it does not."""
    for name in ("model-implied", "observed"):
        if f"{name} variance" in method.lower():
            return f"{name} variance"
    return ""


def _how(method: str) -> str:
    """Return the model that a method names, without what has a column of its own or is alike in all rows."""
    pieces = re.split(r"[;,] ", method.partition(";")[2].strip())
    return ", ".join(piece for piece in pieces if not _COMMON.search(piece))


def _table(frame: pd.DataFrame, context: Context) -> Table:
    named = frame.assign(how=frame["method"].map(_how), denominator=frame["method"].map(denominator))
    rows = merged(named, ("term", "group", "estimand", "how", "denominator"))
    for row in rows:
        row["name"] = _NAMES.get(str(row["estimand"]), str(row["estimand"]))
        row["words"] = span(
            context.rules.alpha, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
        )
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("name", "Coefficient"),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        *interval_columns(rows, confidence(frame)),
        Show("In words", lambda row: _judged(row), numeric=False),
        label_column("denominator", "Share of"),
        *known_columns(rows),
        *([label_column("how", "Computed by", 120)] if _ambiguous(rows) else []),
    ]
    caption = (
        "Every omega by scale and model, as a share of the variance of the sum that was observed or that "
        "the model implies: the two can differ by several hundredths, so compare like with like. The words are those "
        "of alpha and say nothing about omega hierarchical."
    )
    return build(rows, columns, (caption,), folded=True, remarks=True)


def _ambiguous(rows: list[dict[str, Any]]) -> bool:
    """Say whether two rows differ in nothing but how they were computed."""
    names = [tuple(row[name] for name in ("term", "group", "estimand", "denominator")) for row in rows]
    return len(set(names)) < len(names)


def _judged(row: Any) -> str:
    """Return the words of a reliability; omega hierarchical has no conventions of its own."""
    return "" if row["estimand"] == "omega_hierarchical" else str(row["words"])


def _group_table(frame: pd.DataFrame) -> Table:
    rows = merged(frame.assign(how=frame["method"].map(_how)), ("term", "group", "other", "how"))
    places = [(row["term"], row["group"], row["other"]) for row in rows]
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("other", "Group factor"),
        number_column("n", "n", count),
        number_column("estimate", "Omega"),
        *interval_columns(rows, confidence(frame)),
        *known_columns(rows),
        *([label_column("how", "Computed by", 120)] if len(set(places)) < len(places) else []),
    ]
    return build(rows, columns, ("Omega of the group factors.",), folded=len(rows) > 15, remarks=True)


def _figure(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [row for row in records(frame) if math.isfinite(value(row, "estimate"))]
    if not rows:
        return []
    names = list(dict.fromkeys((str(row["term"]), str(row["group"])) for row in rows))
    shown = names[:_PER_FIGURE]
    dots = [
        Dot(in_group(*name), "Cronbach's alpha", *context.alphas[name]) for name in shown if name in context.alphas
    ]  # fmt: skip
    seen: dict[tuple[object, ...], dict[str, Any]] = {}
    for row in rows:
        name, place = str(row["estimand"]), (row["term"], row["group"], row["estimand"])
        # One marker per coefficient: of several models the first; the folded table has all.
        if (str(row["term"]), str(row["group"])) not in shown or place in seen:
            continue
        seen[place] = row
        dots.append(
            Dot(
                row=in_group(row["term"], row["group"]),
                series=_NAMES[name],
                estimate=value(row, "estimate"),
                low=value(row, "conf_low"),
                high=value(row, "conf_high"),
                known=value(row, "reference"),
            )
        )
    first = str(rows[0]["estimand"])
    same = sorted(
        (row for row in seen.values() if row["estimand"] == first), key=lambda row: value(row, "estimate")
    )
    more = f" The first {_PER_FIGURE} of {len(names)} are drawn." if len(names) > _PER_FIGURE else ""
    beside_alpha = ", beside alpha" if context.alphas else ""
    distance = ""
    if any(row["estimand"] == "omega_hierarchical" for row in seen.values()):
        distance = (
            " The distance from total to hierarchical is what the factors of single clusters of items add."
        )
    figure = draw_dots(
        _by_row(dots),
        name=f"{context.anchor}-coefficients",
        axis="share of the variance of the scale's sum",
        alt=f"{_NAMES[first].capitalize()} of {len(same)} scales, from {number(value(same[0], 'estimate'), 2)} "
        f"({in_group(same[0]['term'], same[0]['group'])}) to {number(value(same[-1], 'estimate'), 2)} "
        f"({in_group(same[-1]['term'], same[-1]['group'])}).",
        caption=(f"Omega with {confidence(frame)} intervals{beside_alpha}.{distance}{more}",),
        floor=-1.0,
        ceiling=1.02,
        reach=(0.4, 1.0),
    )
    return [figure]


def _by_row(dots: list[Dot]) -> list[Dot]:
    """Keep the rows in the order of the scales, whichever coefficient came first."""
    order = list(dict.fromkeys(dot.row for dot in dots))
    return sorted(dots, key=lambda dot: order.index(dot.row))
