"""Scores: where respondents stand on each scale, and how far apart they are."""

from __future__ import annotations

import math

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.document import Block, Figure, Paragraph, Section
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    build,
    confidence,
    count,
    interval_column,
    known_columns,
    label_column,
    number,
    number_column,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "How high the respondents score on each scale. The mean is taken over respondents, each with the mean "
    "of all their answers; the interval says how far it could move with other respondents of the same kind."
)
_MAX_ROWS = 60
_NAMES = {"mean_score": "Mean score of each scale", "sd_score": "Standard deviation between respondents"}


def profile(result: Result, context: Context) -> Section:
    """Return the section on scores."""
    frame = result.estimates
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _figure(frame[frame["estimand"] == "mean_score"], context)
    for estimand in dict.fromkeys(frame["estimand"].tolist()):
        part = frame[frame["estimand"] == estimand]
        order = list(dict.fromkeys(part["term"].tolist()))
        rows = sorted(records(part), key=lambda row: order.index(row["term"]))
        columns = [
            label_column("term", "Scale"),
            label_column("group", "Group"),
            number_column("n", "n", count),
            number_column("estimate", {"mean_score": "Mean", "sd_score": "SD"}.get(estimand, "Estimate")),
            interval_column(f"{confidence(part)} interval"),
            *known_columns(rows),
        ]
        caption = f"{_NAMES.get(estimand, estimand)}; n is the number of respondents."
        blocks.append(build(rows, columns, (caption,), folded=len(rows) > 25, remarks=True))
    return Section(context.title, context.anchor, tuple(blocks))


def _figure(frame: pd.DataFrame, context: Context) -> list[Figure]:
    shown = records(frame[frame["estimate"].notna()])
    if not shown:
        return []
    groups = list(dict.fromkeys(str(row["group"]) for row in shown))
    panels: dict[str, list[Dot]] = {}
    scales = list(dict.fromkeys(str(row["term"]) for row in shown))
    for row in shown:
        term, group = str(row["term"]), str(row["group"])
        dot = Dot(
            row=(group or "all respondents") if len(groups) > 1 else term,
            series="mean",
            estimate=value(row, "estimate"),
            low=value(row, "conf_low"),
            high=value(row, "conf_high"),
            known=value(row, "reference"),
        )
        panels.setdefault(term, []).append(dot)
    cut = ""
    if len(scales) > (20 if len(groups) > 1 else _MAX_ROWS) or len(groups) > _MAX_ROWS:
        panels = {
            scale: panels[scale][:_MAX_ROWS] for scale in scales[: 20 if len(groups) > 1 else _MAX_ROWS]
        }
        cut = " The figure shows the first of them only; the table has all."
    alt = _alt(shown, len(scales))
    name = f"{context.anchor}-means"
    caption = (f"Mean score with {confidence(frame)} interval.{cut}",)
    if len(groups) > 1:
        caption = (
            f"Mean score by group with {confidence(frame)} interval; panels are equally wide where their "
            f"units allow it.{cut}",
        )
        return [draw_panels(panels, name=name, axis="mean score", alt=alt, caption=caption)]
    return [
        draw_dots(dots, name=f"{name}{f'-{at}' if at else ''}", axis="mean score", alt=alt, caption=caption)
        for at, dots in enumerate(_by_size(panels))
    ]


def _by_size(panels: dict[str, list[Dot]]) -> list[list[Dot]]:
    """Part scales whose scores are of another order of magnitude: they would flatten the rest."""
    kinds: dict[int, list[Dot]] = {}
    for dots in panels.values():
        largest = max(abs(dot.estimate) for dot in dots)
        kinds.setdefault(round(math.log10(largest) / 1.5) if largest > 0.05 else -1, []).extend(dots)
    return list(kinds.values())


def _alt(rows: list[dict], n_scales: int) -> str:
    top = max(rows, key=lambda row: value(row, "estimate"))
    low = min(rows, key=lambda row: value(row, "estimate"))
    return (
        f"Mean scores of {n_scales} scales: highest {in_group(top['term'], top['group'])} with "
        f"{number(value(top, 'estimate'), 2)}, lowest {in_group(low['term'], low['group'])} with "
        f"{number(value(low, 'estimate'), 2)}."
    )
