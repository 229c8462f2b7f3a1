"""Agreement: would the same respondent get the same score at another administration."""

from __future__ import annotations

import math

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import interval_columns, limits, merged
from psychomet.pages.document import Block, Figure, Paragraph, Section
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    degrees,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    value,
)
from psychomet.pages.words import span
from psychomet.result.result import Result

_LEAD = (
    "Would the same respondent get the same score at another administration? An intraclass correlation is the "
    "share of the score variance that belongs to the respondents; the rest comes with the administration."
)
_HOW = (
    "Read ICC(2,1) to judge one administration by its absolute score, ICC(3,1) if only the order of respondents "
    "matters, and the forms ending in k for the mean of all administrations. ICC(1,.) is for respondents who did "
    "not all meet the same conditions. F tests that respondents do not differ at all."
)
_DRAWN = ("ICC(2,1)", "ICC(2,k)")
_MCGRAW_WONG = {
    "ICC(1,1)": "ICC(1)", "ICC(2,1)": "ICC(A,1)", "ICC(3,1)": "ICC(C,1)",
    "ICC(1,k)": "ICC(k)", "ICC(2,k)": "ICC(A,k)", "ICC(3,k)": "ICC(C,k)",
}  # fmt: skip
_PER_FIGURE = 40
_COLUMN = {"F": "", "modified large-sample": ""}
"""Intervals of which no row has two stand in one column."""


def agreement(result: Result, context: Context) -> Section:
    """Return the section on intraclass correlations."""
    frame = result.estimates
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _figure(frame[frame["estimand"].isin(_DRAWN)], context)
    blocks.append(Paragraph((_HOW,)))
    rows = merged(frame, ("term", "group", "estimand"))
    for row in rows:
        row["intervals"] = {_COLUMN.get(name, name): ends for name, ends in row["intervals"].items()}
        row["words"] = span(
            context.rules.icc, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
        )
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        Show("Form", lambda row: _form(str(row["estimand"])), numeric=False),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        *interval_columns(rows, confidence(frame)),
        Show("In words", lambda row: row["words"], numeric=False),
        Show("F (df)", _test),
        number_column("p_value", "p", p_value),
        *known_columns(rows),
    ]
    caption = (
        "Intraclass correlations over repeated administrations, all six forms, by the names of Shrout and Fleiss and of "
        "McGraw and Wong; n is the number of respondents. The first interval supposes normal scores: it is F's, or, where "
        "incomplete respondents are kept, made from variance components."
    )
    blocks.append(build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True))
    return Section(context.title, context.anchor, tuple(blocks))


def _test(row: Row) -> str:
    """Return F with its degrees of freedom."""
    freedom = degrees(row)
    return f"{number(value(row, 'statistic'), 2)}{f' ({freedom})' if freedom else ''}"


def _form(name: str) -> str:
    """Return both names of a form."""
    other = _MCGRAW_WONG.get(name)
    return f"{name}, {other}" if other else name


def _figure(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [
        row for row in merged(frame, ("term", "group", "estimand")) if math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return []
    everyone = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    names = everyone[:_PER_FIGURE]
    kept = [row for row in rows if in_group(row["term"], row["group"]) in names]
    words = {"ICC(2,1)": "one administration, ICC(2,1)", "ICC(2,k)": "mean of all, ICC(2,k)"}
    dots = [
        Dot(
            row=in_group(row["term"], row["group"]),
            series=words[str(row["estimand"])],
            estimate=value(row, "estimate"),
            low=limits(row)[0],
            high=limits(row)[1],
            known=value(row, "reference"),
        )
        for row in kept
    ]
    single = sorted(
        (row for row in kept if row["estimand"] == kept[0]["estimand"]),
        key=lambda row: value(row, "estimate"),
    )
    alt = (
        f"{kept[0]['estimand']} of {len(names)} scales, from {number(value(single[0], 'estimate'), 2)} "
        f"({in_group(single[0]['term'], single[0]['group'])}) to {number(value(single[-1], 'estimate'), 2)} "
        f"({in_group(single[-1]['term'], single[-1]['group'])})."
    )
    caption = f"Absolute agreement with {confidence(frame)} intervals; dotted lines are the cut-points of the words."
    if len(everyone) > len(names):
        caption += f" The first {len(names)} of {len(everyone)} lines are drawn."
    figure = draw_dots(
        dots,
        name=f"{context.anchor}-icc",
        axis="intraclass correlation",
        alt=alt,
        caption=(caption,),
        scheme=context.rules.icc,
        floor=-1.0,
        ceiling=1.02,
        reach=(0.4, 1.0),
    )
    return [figure]
