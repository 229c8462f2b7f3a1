"""Refusals: how often, by whom and where, whether they go with the trait, and what they may hide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import beside, merged, part, part_columns
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table, data
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.figures.ranked import draw_ranked
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
from psychomet.pages.words import correlation_words
from psychomet.result.result import Result

_LEAD = (
    "How often are answers refused, by whom and where, and what does that do to the scores? A score stands on the answers "
    "given. If those who refuse would have answered differently, it is biased, and no statistic of the answers given can "
    "tell by how much; it can only be bounded."
)
_TRAIT = (
    "Refusal and trait: the correlation over respondents of the share refused and the standing on the same scale (item means "
    "taken out). A correlation means that the answers are not missing at random; none does not prove that they are."
)
_MEANS = (
    "What the refused answers could change. Answers given: right if refusal has nothing to do with the answer. Expected: each "
    "missing answer at its item's mean plus the respondent's standing. Lowest and highest: every missing answer at the end of "
    "its range; no assumption is made. The last interval holds the mean whatever was refused."
)
_SERIES = {
    "mean_score_answered": "answers given",
    "mean_score_expected": "missing at their expected value",
    "mean_score_any": "whatever was refused",
}
_KEY = "dots, answers given; squares, missing ones at their expected value; triangles, whatever was refused"
_ITEM, _ALL = "item", "all items"
_LINES, _LEVELS, _FACETS, _ITEMS, _PANELS = 40, 30, 8, 25, 18
_ENDS = 10
"""Levels at each end that a table names, of facets with more than ``_LEVELS``."""


def refusal(result: Result, context: Context) -> Section:
    """Return the section on refusals."""
    frame = result.estimates
    for name in ("facet", "level"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    rates = frame[frame["estimand"] == "refusal_rate"]
    blocks += _overall(rates[rates["facet"] == ""], context)
    facets = rates[~rates["facet"].isin(["", _ITEM])]
    if not facets.empty:
        whole = rates[(rates["facet"] == "") & (rates["term"] == _ALL) & (rates["group"] == "")]
        level = float(whole["estimate"].iloc[0]) if len(whole) else math.nan
        blocks += _facets(facets, level, frame[frame["estimand"] == "equal_refusal_rates"], context)
    items = rates[rates["facet"] == _ITEM]
    if not items.empty:
        blocks.append(_items(items))
    traits = frame[frame["estimand"] == "refusal_trait_r"]
    if not traits.empty:
        blocks += [Heading("Refusal and trait"), Paragraph((_TRAIT,)), _traits(traits, context)]
    means = frame[frame["estimand"].str.startswith("mean_score_")]
    if not means.empty:
        blocks += [Heading("Scores under refusal"), Paragraph((_MEANS,))]
        blocks += _mean_figures(means, context)
        blocks.append(_means(means))
    return Section(context.title, context.anchor, tuple(blocks))


def _dot(row: dict[str, Any], name: str, series: str = "rate", unit: float = 100.0) -> Dot:
    return Dot(
        row=name,
        series=series,
        estimate=unit * value(row, "estimate"),
        low=unit * value(row, "conf_low"),
        high=unit * value(row, "conf_high"),
        known=unit * value(row, "reference"),
    )


def _overall(frame: pd.DataFrame, context: Context) -> list[Block]:
    """The rates of all items and of each scale, drawn and in a table."""
    rows = records(frame)
    drawn = [row for row in rows if math.isfinite(value(row, "estimate"))]
    blocks: list[Block] = []
    if drawn:
        top = max(drawn, key=lambda row: value(row, "estimate"))
        cut = f" The first {_LINES} of {len(drawn)} lines are drawn." if len(drawn) > _LINES else ""
        blocks.append(
            draw_dots(
                [_dot(row, in_group(row["term"], row["group"])) for row in drawn[:_LINES]],
                name=f"{context.anchor}-rates",
                axis="answers refused (%)",
                alt=f"Share of answers refused; the highest is {in_group(top['term'], top['group'])} with "
                f"{percent(value(top, 'estimate'))}.",
                caption=(
                    f"Refused answers as a share of those asked for, with {confidence(frame)} interval.{cut}",
                ),
                floor=0.0,
                ceiling=100.0,
            )
        )
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "Refused", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        *known_columns(rows, percent),
    ]
    caption = "Refused answers as a share of the answers asked for; n is the number of respondents."
    blocks.append(build(rows, columns, (caption,), folded=len(rows) > 40, remarks=True))
    return blocks


def _facets(frame: pd.DataFrame, whole: float, tests: pd.DataFrame, context: Context) -> list[Block]:
    """The rates at the levels of each facet, and the tests that they are equal; ``whole`` is the rate of all answers."""
    rows = records(frame)
    facets: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        facets.setdefault(str(row["facet"]), []).append(row)
    blocks: list[Block] = [Heading("By condition")]
    for at, (facet, mine) in enumerate(list(facets.items())[:_FACETS], 1):
        drawn = [row for row in mine if math.isfinite(value(row, "estimate"))]
        if len(drawn) > _LEVELS:
            blocks.append(_ranked_figure(drawn, whole, facet, at, context))
        elif drawn:
            blocks.append(_facet_figure(drawn, facet, at, context))
    columns = [
        label_column("facet", "Facet"),
        number_column("n", "n", count),
        number_column("estimate", "Largest minus smallest rate", percent),
        number_column("statistic", "F", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
    ]
    caption = "Test that refusals are equally frequent at all levels of a facet; the adjusted p value allows for all of them."
    blocks.append(build(records(tests), columns, (caption,), remarks=True))
    columns = [
        label_column("facet", "Facet"),
        label_column("level", "Level"),
        number_column("n", "n", count),
        number_column("estimate", "Refused", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        *known_columns(rows, percent),
    ]
    listed = [row for mine in facets.values() for row in _ends(mine)]
    caption = "Refused answers at each level."
    if len(listed) < len(rows):
        caption = (
            f"Refused answers at each level; of facets with more than {_LEVELS} levels at the {_ENDS} with the highest and the "
            f"{_ENDS} with the lowest rate. The file of estimates has all."
        )
    blocks.append(build(listed, columns, (caption,), folded=True, remarks=True))
    return blocks


def _ends(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all levels of a facet, or those with the highest and lowest rates, highest first, where they are many."""
    if len(rows) <= _LEVELS:
        return rows
    ordered = sorted(rows, key=lambda row: -value(row, "estimate"))
    return [*ordered[:_ENDS], *ordered[-_ENDS:]]


def _facet_figure(rows: Sequence[dict[str, Any]], facet: str, at: int, context: Context) -> Figure:
    """Draw the rates at the levels of one facet."""
    top = max(rows, key=lambda row: value(row, "estimate"))
    return draw_dots(
        [_dot(row, str(row["level"])) for row in rows],
        name=f"{context.anchor}-facet-{at}",
        axis="answers refused (%)",
        alt=f"Share of answers refused by {facet}; the highest is {top['level']} with {percent(value(top, 'estimate'))}.",
        caption=("Refused answers by level of ", data(facet), ", with interval."),
        floor=0.0,
        ceiling=100.0,
    )


def _ranked_figure(
    rows: Sequence[dict[str, Any]], whole: float, facet: str, at: int, context: Context
) -> Figure:
    """Draw the rates at the many levels of one facet, from the lowest to the highest."""
    ends = [function(rows, key=lambda row: value(row, "estimate")) for function in (min, max)]
    told = [f"{row['level']} with {percent(value(row, 'estimate'))}" for row in ends]
    return draw_ranked(
        [_dot(row, str(row["level"])) for row in rows],
        name=f"{context.anchor}-facet-{at}",
        axis="answers refused (%)",
        below=f"{len(rows)} levels, from the lowest rate to the highest",
        alt=f"Share of answers refused by {facet}, {len(rows)} levels: from {told[0]} to {told[1]}.",
        caption=(
            "Refused answers by level of ", data(facet), ", in the order of the rates, with interval; broken line, all answers. Rates "
            "in order rise by chance alone: the test below says whether they differ.",
        ),
        level=100 * whole,
    )  # fmt: skip


def _items(frame: pd.DataFrame) -> Table:
    """The items, most refused first."""
    rows = sorted(records(frame), key=lambda row: -value(row, "estimate"))
    columns = [
        label_column("term", "Scale"),
        label_column("level", "Item"),
        number_column("n", "n", count),
        number_column("estimate", "Refused", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        *known_columns(rows, percent),
    ]
    caption = "Refused answers by item, the most refused first."
    return build(rows, columns, (caption,), folded=len(rows) > _ITEMS, remarks=True)


def _traits(frame: pd.DataFrame, context: Context) -> Table:
    rows = merged(frame, ("term", "group"))
    for row in rows:
        ends = value(row, "conf_low"), value(row, "conf_high")
        # Without an interval the words would say more than is known.
        known = math.isfinite(ends[0]) and math.isfinite(ends[1])
        row["words"] = correlation_words(context.rules.correlation, *ends) if known else ""
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "r"),
        interval_column(f"{confidence(frame)} interval"),
        Show("In words", lambda row: row["words"], numeric=False),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    caption = "Correlation of the share refused with the standing on the scale; n is the number of respondents with an answer."
    return build(rows, columns, (caption,), folded=len(rows) > 40, remarks=True)


def _mean_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw the mean from the answers given beside what it may be."""
    rows = [
        row for row in records(frame) if row["estimand"] in _SERIES and math.isfinite(value(row, "estimate"))
    ]
    panels: dict[str, list[Dot]] = {}
    for row in rows:
        name = str(row["group"]) or "all respondents"
        dot = _dot(row, name, _SERIES[str(row["estimand"])], 1.0)
        panels.setdefault(str(row["term"]), []).append(dot)
    if not panels:
        return []
    cut = f" The first {_PANELS} of {len(panels)} scales are drawn." if len(panels) > _PANELS else ""
    panels = {name: dots[: 3 * _LEVELS] for name, dots in list(panels.items())[:_PANELS]}
    widest = max(
        (row for row in rows if row["estimand"] == "mean_score_any"),
        key=lambda row: value(row, "conf_high") - value(row, "conf_low"),
        default=None,
    )
    alt = "Mean scores from the answers given and whatever was refused."
    if widest is not None:
        alt += (
            f" Least is known of {in_group(widest['term'], widest['group'])}: from {number(value(widest, 'conf_low'), 2)} to "
            f"{number(value(widest, 'conf_high'), 2)}."
        )
    caption = (
        f"Mean score with {confidence(frame)} interval, by what is made of the missing answers: {_KEY}.{cut}"
    )
    name = f"{context.anchor}-means"
    return [draw_panels(panels, name=name, axis="mean score", alt=alt, caption=(caption,), most=3)]


def _means(frame: pd.DataFrame) -> Table:
    rows = beside(frame, ("term", "group"))
    level = confidence(frame)
    known = {in_group(row["term"], row["group"]) for row in rows}
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        *part_columns("mean_score_answered", "Answers given", level),
        Show("Expected", lambda row: number(value(part(row, "mean_score_expected"), "estimate"))),
        Show("Lowest", lambda row: number(value(part(row, "mean_score_lowest"), "estimate"))),
        Show("Highest", lambda row: number(value(part(row, "mean_score_highest"), "estimate"))),
        Show(f"{level} interval, whatever was refused", part_columns("mean_score_any", "", level)[1].cell),
    ]
    caption = "Mean scores by what is made of the missing answers, in units of the keyed answer."
    return build(rows, columns, (caption,), folded=len(known) > 40, remarks=True)
