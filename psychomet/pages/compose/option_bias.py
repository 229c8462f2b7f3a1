"""Options: chosen for what they say, or for where they stand and how they are labelled."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
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
    "Is an option chosen for what it says, or for where it stands and how it is labelled? A conditional logit takes the three apart, as "
    "far as the orders that were asked allow. A contrast of 0 means that two places are equally attractive; exp of it is how many times as "
    "likely the same answer is at the one as at the other."
)
_NAMES = {"position_contrast": "position", "label_contrast": "label"}
_SERIES = {"choice_share": "as observed", "choice_share_debiased": "without position and label"}
_PANELS, _FOLDED = 18, 40


def option_bias(result: Result, context: Context) -> Section:
    """Return the section on position and label."""
    frame = result.estimates
    for name in ("level", "other"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    contrasts = frame[frame["estimand"].isin(list(_NAMES))]
    if not contrasts.empty:
        blocks.append(_contrasts(contrasts))
    shares = frame[frame["estimand"].isin(list(_SERIES))]
    if not shares.empty:
        blocks.append(Heading("Answers without position and label"))
        blocks += _figures(shares, context)
        blocks.append(_shares(shares))
    return Section(context.title, context.anchor, tuple(blocks))


def _contrasts(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        Show("Of", lambda row: _NAMES[str(row["estimand"])], numeric=False),
        label_column("other", "First ~ second"),
        number_column("n", "n", count),
        number_column("estimate", "Log odds"),
        interval_column(f"{confidence(frame)} interval"),
        Show("Odds", lambda row: number(_odds(value(row, "estimate")), 2)),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    caption = (
        "How much more attractive the first place or label is than the second, the answer being the same."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _odds(logarithm: float) -> float:
    return math.exp(min(logarithm, 700.0)) if math.isfinite(logarithm) else math.nan


def _figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw the shares of the answers, a panel per scale."""
    panels: dict[str, list[Dot]] = {}
    rows = [row for row in records(frame) if math.isfinite(value(row, "estimate"))]
    for row in rows:
        dot = Dot(
            row=str(row["level"]),
            series=_SERIES[str(row["estimand"])],
            estimate=100 * value(row, "estimate"),
            low=100 * value(row, "conf_low"),
            high=100 * value(row, "conf_high"),
            known=100 * value(row, "reference"),
        )
        panels.setdefault(in_group(row["term"], row["group"]), []).append(dot)
    if not panels:
        return []
    cut = f" The first {_PANELS} of {len(panels)} scales are drawn." if len(panels) > _PANELS else ""
    far = max(_moved(rows), key=lambda pair: pair[1], default=("", 0.0))
    return [
        draw_panels(
            dict(list(panels.items())[:_PANELS]),
            name=f"{context.anchor}-shares",
            axis="answers (%)",
            alt=f"Shares of the answers as observed and without position and label; the largest difference is {percent(far[1])}, "
            f"{far[0]}.",
            caption=(
                "Share of each answer as observed (dots) and without position and label (squares), mean over items, with "
                f"{confidence(frame)} interval.{cut}",
            ),
            same_limits=True,
            most=3,
        )
    ]


def _moved(rows: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Name of each answer, and how far its share moves."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        name = f"answer {row['level']} of {in_group(row['term'], row['group'])}"
        found.setdefault(name, {})[str(row["estimand"])] = value(row, "estimate")
    return [
        (name, abs(parts["choice_share"] - parts["choice_share_debiased"]))
        for name, parts in found.items()
        if len(parts) == len(_SERIES)
    ]


def _shares(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("level", "Answer"),
        Show("Share", lambda row: _SERIES[str(row["estimand"])], numeric=False),
        number_column("n", "n", count),
        number_column("estimate", "Estimate", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        *known_columns(rows, percent),
    ]
    return build(
        rows, columns, ("Shares of the answers, mean over items.",), folded=len(rows) > _FOLDED, remarks=True
    )
