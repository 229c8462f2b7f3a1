"""Reliability: do the items of a scale go together, and which of them do not."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.coefficients import further
from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import Block, Callout, Figure, Heading, Paragraph, Section, Table, Text, data
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.figures.items import ItemDot, draw_items
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    degrees,
    interval,
    interval_name,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    records,
    value,
)
from psychomet.pages.words import span
from psychomet.result.result import Result

_LEAD = (
    "Do the items of a scale measure one thing? Cronbach's alpha is 1 when all items move together and 0 when "
    "they have nothing in common. It does not say that the scale measures what its name promises; where all "
    "items are keyed alike, respondents who agree with everything raise it."
)
_ITEMS = (
    "Item-rest r is the correlation of an item with the sum of the other items of its scale. A negative value "
    "means that the item pulls the other way: check its direction in the key; it was not reversed here."
)
_COEFFICIENTS = {
    "alpha": "Cronbach's alpha.",
    "alpha_standardized": "Standardized alpha: as if every item had the same spread.",
}
_EQUAL = (
    "Is alpha the same in all groups? Feldt's tests take the answers as normal and reject too often where they are "
    "skewed; Hotelling's does not need that. Where the two disagree, believe the latter."
)
_TESTS = {
    "f": "Feldt's W",
    "chi_squared": "Feldt, Woodruff and Salih",
    "jackknife": "Hotelling, jackknife",
    "delta": "Hotelling",
}
_ITEM_ROWS = ("item_mean", "item_sd", "item_rest_r", "alpha_if_dropped")
_PER_FIGURE, _MAX_FIGURES, _PER_ITEM_FIGURE = 40, 6, 45


def reliability(result: Result, context: Context) -> Section:
    """Return the section on internal consistency and items."""
    frame = result.estimates
    scales = frame[frame["estimand"].isin(_COEFFICIENTS)]
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    if not scales.empty:
        blocks += _alpha_figures(scales[scales["estimand"] == "alpha"], context)
        for estimand in _COEFFICIENTS:
            part = scales[scales["estimand"] == estimand]
            if not part.empty:
                blocks.append(_alpha_table(part, context))
        blocks += _negative(scales)
    blocks += _equality(frame[frame["estimand"] == "equal_alphas"])
    blocks += further(frame[~frame["estimand"].isin([*_COEFFICIENTS, *_ITEM_ROWS, "equal_alphas"])])
    items = frame[frame["estimand"].isin(_ITEM_ROWS)]
    if not items.empty:
        blocks += [Heading("Items"), Paragraph((_ITEMS,))]
        table = _item_rows(items, context)
        blocks += _item_figures(table, context)
        blocks += _item_tables(table, items, context)
    return Section(context.title, context.anchor, tuple(blocks))


def _alpha_table(frame: pd.DataFrame, context: Context) -> Table:
    rows = merged(frame, ("term", "group"))
    name = str(frame["estimand"].iloc[0])
    for row in rows:
        row["k"] = float(len(context.scales.get(row["term"], ()))) or math.nan
        row["words"] = span(
            context.rules.alpha, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
        )
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("k", "Items", count),
        number_column("n", "n", count),
        number_column("estimate", "Alpha"),
        *interval_columns(rows, confidence(frame)),
        Show("In words", lambda row: row["words"], numeric=False),
        *known_columns(rows),
    ]
    caption: Text = (
        f"{_COEFFICIENTS[name]} The words span every interval of the row and follow cited conventions (see How it was "
        "computed); n is the number of respondents.",
    )
    return build(rows, columns, caption, folded=len(rows) > 60 or name != "alpha", remarks=True)


def _equality(frame: pd.DataFrame) -> list[Block]:
    """Return the tests that alpha is the same in all groups, one line per test: they have their own degrees of freedom."""
    if frame.empty:
        return []
    rows = records(frame)
    for row in rows:
        if math.isfinite(value(row, "p_value")):
            row["test"], row["reason"] = _TESTS.get(str(row["method"]).split(";")[0], str(row["method"])), ""
    columns = [
        label_column("term", "Scale"),
        label_column("facet", "Facet"),
        number_column("n", "n", count),
        number_column("estimate", "Range of the alphas"),
        label_column("test", "Test"),
        number_column("statistic", "Statistic", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
    ]
    return [build(rows, columns, (_EQUAL,), folded=len(rows) > 60, remarks=True)]


def _negative(frame: pd.DataFrame) -> list[Block]:
    below = frame[(frame["estimand"] == "alpha") & (frame["estimate"] < 0)]
    names = dict.fromkeys(in_group(row["term"], row["group"]) for row in records(below))
    return [
        Callout(
            "problem",
            ("Alpha of ", data(name), " is below zero: its items vary against each other. Most often an item is "
             "keyed in the wrong direction; the score of this scale should not be used before that is settled."),
        )
        for name in list(names)[:10]
    ]  # fmt: skip


def _alpha_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [row for row in records(frame) if math.isfinite(value(row, "estimate"))]
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    figures = []
    for at in range(0, min(len(names), _PER_FIGURE * _MAX_FIGURES), _PER_FIGURE):
        part = names[at : at + _PER_FIGURE]
        dots = [
            Dot(
                row=in_group(row["term"], row["group"]),
                series=f"{interval_name(str(row['method']))} interval",
                estimate=value(row, "estimate"),
                low=value(row, "conf_low"),
                high=value(row, "conf_high"),
                known=value(row, "reference"),
            )
            for row in rows
            if in_group(row["term"], row["group"]) in part
        ]
        inside = sorted(dots, key=lambda dot: dot.estimate)
        more = len(names) > _PER_FIGURE * _MAX_FIGURES
        figures.append(
            draw_dots(
                dots,
                name=f"{context.anchor}-alpha{f'-{at // _PER_FIGURE + 1}' if at else ''}",
                axis="Cronbach's alpha",
                alt=f"Cronbach's alpha of {len(part)} scales, from {number(inside[0].estimate, 2)} "
                f"({inside[0].row}) to {number(inside[-1].estimate, 2)} ({inside[-1].row}).",
                caption=(
                    f"Cronbach's alpha with {confidence(frame)} intervals; dotted lines are the cut-points of the "
                    "words above. An arrow at the edge stands for a value beyond it."
                    + (" Not all scales are drawn; the table has all." if more else ""),
                ),
                scheme=context.rules.alpha,
                floor=-1.0,
                ceiling=1.02,
                reach=(0.4, 1.0),
            )
        )
    return figures


def _item_rows(frame: pd.DataFrame, context: Context) -> list[dict[str, Any]]:
    """Return one row per item and group, with its statistics side by side and its scale."""
    owner = {item: scale for scale, items in context.scales.items() for item in items}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in records(frame):
        key = (str(row["term"]), str(row["group"]))
        entry = rows.setdefault(
            key,
            {
                "item": key[0],
                "group": key[1],
                "scale": owner.get(key[0], ""),
                "n": value(row, "n"),
                "reason": "",
            },
        )
        estimand = str(row["estimand"])
        entry[estimand] = value(row, "estimate")
        if estimand == "item_rest_r" and "low" not in entry:
            entry["low"], entry["high"] = value(row, "conf_low"), value(row, "conf_high")
        if math.isnan(entry[estimand]) and row["reason"] and str(row["reason"]) not in entry["reason"]:
            entry["reason"] = "; ".join(filter(None, (entry["reason"], str(row["reason"]))))
    order = {scale: at for at, scale in enumerate(context.scales)}
    return sorted(rows.values(), key=lambda row: (row["group"], order.get(row["scale"], len(order))))


def _item_tables(rows: list[dict[str, Any]], frame: pd.DataFrame, context: Context) -> list[Block]:
    tables: list[Block] = []
    for scale in dict.fromkeys(row["scale"] for row in rows):
        mine = [row for row in rows if row["scale"] == scale]
        columns = [
            label_column("item", "Item"),
            Show("Wording", lambda row: data(context.wording.get(row["item"], ""), 200), numeric=False),
            label_column("group", "Group"),
            number_column("n", "n", count),
            number_column("item_mean", "Mean"),
            number_column("item_sd", "SD"),
            number_column("item_rest_r", "Item-rest r"),
            Show(
                f"{confidence(frame)} interval", lambda row: interval(value(row, "low"), value(row, "high"))
            ),
            number_column("alpha_if_dropped", "Alpha if dropped"),
        ]
        negative = sum(value(row, "item_rest_r") < 0 for row in mine)
        groups = len({row["group"] for row in mine})
        remark = f" in {groups} groups" if groups > 1 else ""
        remark += f", {negative} with a negative item-rest r" if negative else ""
        many = len({row["item"] for row in mine})
        title: Text = (data(scale), f": {many} items{remark}") if scale else (f"Other items: {many}{remark}",)
        tables.append(build(mine, columns, title, folded=True, remarks=True))
    return tables


def _item_figures(rows: list[dict[str, Any]], context: Context) -> list[Figure]:
    """Draw the items of the first group, scales kept whole, as many to a figure as stay legible."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    first = [row for row in rows if row["group"] == groups[0]]
    pages: list[list[dict[str, Any]]] = []
    for scale in dict.fromkeys(row["scale"] for row in first):
        mine = [row for row in first if row["scale"] == scale]
        for at in range(0, len(mine), _PER_ITEM_FIGURE):
            piece = mine[at : at + _PER_ITEM_FIGURE]
            if pages and len(pages[-1]) + len(piece) <= _PER_ITEM_FIGURE:
                pages[-1] += piece
            else:
                pages.append(list(piece))
    figures = []
    for at, page in enumerate(pages[:_MAX_FIGURES]):
        negative = [row["item"] for row in page if value(row, "item_rest_r") < 0]
        alt = f"Item-rest correlation and mean of {len(page)} items; {len(negative)} item-rest correlations are negative."
        more = " Items beyond these figures are in the tables." if len(pages) > _MAX_FIGURES else ""
        group = f" Group: {groups[0]}." if groups[0] else ""
        dots = [
            ItemDot(
                scale=row["scale"] or "other items", item=row["item"],
                rest=value(row, "item_rest_r"), mean=value(row, "item_mean"), sd=value(row, "item_sd"),
                low=value(row, "low"), high=value(row, "high"),
            )
            for row in page
        ]  # fmt: skip
        caption: Text = (
            "Left: correlation of each item with the rest of its scale; a cross marks a negative one. Right: mean "
            f"keyed response.{more}", data(group) if group else "",
        )  # fmt: skip
        figures.append(draw_items(dots, name=f"{context.anchor}-items-{at + 1}", alt=alt, caption=caption))
    return figures
