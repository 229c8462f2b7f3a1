"""Crossed models of answers on the page: thresholds, single answers left out, and respondents compared two by two."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import beside, part_columns
from psychomet.pages.document import Block, Heading, Paragraph
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    build,
    confidence,
    count,
    interval_column,
    label_column,
    number,
    number_column,
    percent,
    records,
    value,
)

SINGLE = "single answers"
"""In the method of rows on answers left out one by one."""
_MAX_SERIES, _MAX_DRAWN, _MAX_ROWS = 6, 20, 66


def threshold_blocks(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Where the answers pass from one code into the next, a row for each threshold and a mark for each scale."""
    found = frame[frame["estimand"] == "threshold"]
    rows = [row for row in records(found) if math.isfinite(value(row, "estimate"))]
    if not rows:
        return []
    series = list(dict.fromkeys(map(_name, rows)))
    drawn = series[:_MAX_SERIES]
    dots = [
        Dot(str(row["other"]), _name(row), value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in rows
        if _name(row) in drawn
    ]  # fmt: skip
    cut = f" The first {_MAX_SERIES} are drawn." if len(series) > _MAX_SERIES else ""
    return [
        Heading("Where one code passes into the next"),
        draw_dots(
            dots, name=f"{context.anchor}-cuts", axis="logit",
            alt=f"Posterior thresholds of {', '.join(drawn)}, {len({dot.row for dot in dots})} places.",
            caption=(
                "Thresholds: with every effect at 0, half of the answers are the code named or more where the latent variable is here; "
                f"posterior medians and {confidence(found)} intervals. Close together: few answers between.{cut}",
            ),
        ),
    ]  # fmt: skip


def left_out_blocks(frame: pd.DataFrame) -> list[Block]:
    """How well single answers are predicted."""
    found = frame[frame["estimand"].isin(["elpd_loo", "p_loo"]) & frame["method"].str.contains(SINGLE)]
    if found.empty:
        return []
    level = confidence(found)
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), number_column("n", "n", count),
        *part_columns("elpd_loo", "Log predictive density", level), *part_columns("p_loo", "Effective parameters", level)[:1],
    ]  # fmt: skip
    caption = (
        "How well each answer is predicted from all others, its respondent, item and conditions known (leave-one-out; higher is better, "
        "for the same answers only). It says nothing about new respondents or items."
    )
    return [
        Heading("How well single answers are predicted"),
        build(beside(found, ("term", "group")), columns, (caption,), remarks=True),
    ]


def contrast_blocks(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Respondents two by two, the largest differences first."""
    found = frame[frame["estimand"] == "score_difference"]
    if found.empty:
        return []
    sure = {
        _pair(row): value(row, "estimate")
        for row in records(frame[frame["estimand"] == "probability_of_direction"])
    }
    rows = [_upright({**row, "sure": sure.get(_pair(row), math.nan)}) for row in records(found)]
    rows.sort(
        key=lambda row: -abs(value(row, "estimate")) if math.isfinite(value(row, "estimate")) else math.inf
    )
    blocks: list[Block] = [
        Heading("Respondents compared"),
        Paragraph((
            "Differences of true scores, or of traits, from their joint draws: what all scores share does not blur them. Scores are drawn "
            "to their mean before they are compared. An interval without 0 says which is higher.",
        )),
    ]  # fmt: skip
    scales = list(dict.fromkeys(map(_name, rows)))
    drawn = [row for row in rows if math.isfinite(value(row, "estimate"))][:_MAX_DRAWN]
    if drawn:
        dots = [
            Dot(
                f"{row['level']} \N{MINUS SIGN} {row['other']}", _name(row),
                value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"),
            )
            for row in drawn
            if _name(row) in scales[:_MAX_SERIES]
        ]  # fmt: skip
        top = drawn[0]
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-differences", axis="difference of scores", reach=(0.0, 0.0),
                alt=f"The {len(dots)} largest differences between respondents. Largest: {top['level']} less {top['other']} on {_name(top)}, {number(value(top, 'estimate'), 2)}.",
                caption=(f"The largest differences: posterior medians and {confidence(found)} intervals.",),
            )
        )  # fmt: skip
    shown = rows[:_MAX_ROWS]
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("level", "Respondent"), label_column("other", "less"),
        number_column("estimate", "Difference", lambda x: number(x, 2)), interval_column(f"{confidence(found)} interval"),
        number_column("sure", "Probability of the sign", lambda x: percent(x, 1)),
    ]  # fmt: skip
    cut = (
        f" The {_MAX_ROWS} largest of {len(rows)}; all are in the CSV file." if len(rows) > _MAX_ROWS else ""
    )
    caption = f"Differences by size, the higher respondent first, in the unit of the scores.{cut}"
    return [*blocks, build(shown, columns, (caption,), folded=len(shown) > 24, remarks=True)]


def _upright(row: dict[str, Any]) -> dict[str, Any]:
    """A difference the way round in which it is positive."""
    if not value(row, "estimate") < 0:
        return row
    turned = {
        "estimate": -value(row, "estimate"),
        "conf_low": -value(row, "conf_high"),
        "conf_high": -value(row, "conf_low"),
    }
    return {**row, **turned, "level": row["other"], "other": row["level"]}


def _name(row: dict[str, Any]) -> str:
    return in_group(row["term"], row["group"])


def _pair(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("term", "group", "level", "other"))
