"""Confirmatory models: whether the answers have the structure they are said to have, and where they have not."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.confirmatory_tables import (
    fit_table,
    fit_versions,
    fit_words,
    loading_table,
    modification_table,
    other_table,
    pair_table,
    residual_table,
    scale_table,
)
from psychomet.pages.compose.context import Context, plural
from psychomet.pages.compose.merge import merged
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section
from psychomet.pages.figures.loadings import SALIENT, Line, draw_loadings
from psychomet.pages.figures.standing import Standing, draw_standing
from psychomet.pages.tables import confidence, number, value
from psychomet.result.result import Result

_LEAD = (
    "Do the answers have the structure that they are said to have? Each factor stands for what its items share. The model "
    "says which item belongs to which factor and nothing else; the fit says how far the correlations of the items "
    "bear it out."
)
_CAVEAT = (
    "Words for fit are conventions that come from simulations of a few models (Hu and Bentler 1999), not properties of "
    "these answers: the same error in a model shows less where loadings are low (McNeish, An and Hancock 2018), "
    "and RMSEA is harsh with few degrees of freedom. A model that fits is one of many that would."
)
_SCALES = (
    "Average variance extracted is the share of its items' variance that a factor explains; by custom at least .50 (Fornell "
    "and Larcker 1981). Composite reliability is that of the sum of the items if the model is right."
)
_PAIRS = (
    "Factors that correlate near 1 are hardly two. The heterotrait-monotrait ratio asks the same of the items without the "
    "model; by custom below .85 (Henseler, Ringle and Sarstedt 2015)."
)
_CHANGES = (
    "What the model leaves out, in order of how much the fit would gain. To follow such a list is to explore, not to "
    "confirm: a changed model needs new answers."
)
_PER_FIGURE = 60
_MOST_FIGURES = 3


def confirmatory(result: Result, context: Context) -> Section:
    """Return the section on a confirmatory model."""
    frame = result.estimates
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    tests = frame[frame["estimand"] == "chi_squared"]
    words = fit_words(frame)
    if words:
        blocks.append(Paragraph(words))
    blocks.append(fit_table(frame))
    if tests["estimate"].notna().any():
        blocks.append(Paragraph((_CAVEAT,), "small"))
    loadings = frame[frame["estimand"] == "loading_standardized"]
    blocks += _figures(loadings[loadings["group"] == ""], context)
    scales = frame[frame["estimand"].isin(["ave", "composite_reliability"])]
    if not scales.empty:
        blocks += [Heading("Factors"), Paragraph((_SCALES,)), scale_table(scales)]
    pairs = frame[frame["estimand"].isin(["factor_correlation", "htmt"])]
    if not pairs.empty:
        blocks += [Paragraph((_PAIRS,)), pair_table(pairs)]
    changes = frame[frame["estimand"].isin(["modification_index", "expected_change"])]
    if not changes.empty:
        blocks += [Heading("Where the model fails"), Paragraph((_CHANGES,)), modification_table(changes)]
    blocks += residual_table(result)
    if not loadings.empty:
        blocks += [Heading("Every parameter"), loading_table(frame)]
    blocks += other_table(frame)
    if tests["estimate"].notna().any():
        blocks.append(fit_versions(frame))
    return Section(context.title, context.anchor, tuple(blocks))


def _figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Loadings of the whole table: dots with intervals, or cells where most items load on several factors."""
    rows = merged(frame, ("term", "other"))
    if not any(math.isfinite(value(row, "estimate")) for row in rows):
        return []
    items = list(dict.fromkeys(str(row["term"]) for row in rows))
    if 2 * len(rows) > 3 * len(items):
        return _cells(rows, items, frame, context)
    factors = list(dict.fromkeys(str(row["other"]) for row in rows))
    rows = [row for factor in factors for row in rows if str(row["other"]) == factor]
    parts = [rows[start : start + _PER_FIGURE] for start in range(0, len(rows), _PER_FIGURE)]
    figures = []
    for at, part in enumerate(parts[:_MOST_FIGURES], 1):
        ends = sorted(value(row, "estimate") for row in part if math.isfinite(value(row, "estimate")))
        several = f" Part {at} of {len(parts)}." if len(parts) > 1 else ""
        span = f", from {number(ends[0], 2)} to {number(ends[-1], 2)}" if ends else ""
        figures.append(
            draw_standing(
                [
                    Standing(
                        str(row["other"]), str(row["term"]), value(row, "estimate"), value(row, "conf_low"),
                        value(row, "conf_high"),
                    )
                    for row in part
                ],
                wording=context.wording,
                name=f"{context.anchor}-loadings{'' if at == 1 else f'-{at}'}",
                alt=f"Standardised loadings of {plural(len(part), 'item')} on {plural(len(factors), 'factor')}{span}.",
                caption=(
                    f"Standardised loadings with {confidence(frame)} intervals, factor by factor. Hollow: below {SALIENT} in "
                    f"size; vermillion crosses: negative.{several}",
                ),
            )
        )  # fmt: skip
    return figures


def _cells(
    rows: list[dict[str, Any]], items: list[str], frame: pd.DataFrame, context: Context
) -> list[Figure]:
    """Loadings of an exploratory or bifactor model as a chart of cells."""
    factors = list(dict.fromkeys(str(row["other"]) for row in rows))
    found = {(str(row["term"]), str(row["other"])): row for row in rows}
    home = {item: scale for scale, members in context.scales.items() for item in members}
    lines = []
    for item in items:
        cells = [found.get((item, factor), {}) for factor in factors]
        sure = [value(cell, "conf_low") > 0 or value(cell, "conf_high") < 0 for cell in cells]
        lines.append(Line(item, home.get(item, ""), [value(cell, "estimate") for cell in cells], sure))
    order = list(dict.fromkeys(line.scale for line in lines))
    lines.sort(key=lambda line: order.index(line.scale))
    return [
        draw_loadings(
            part, factors=factors, wording=context.wording,
            name=f"{context.anchor}-loadings{'' if at == 1 else f'-{at}'}",
            alt=f"Standardised loadings of {plural(len(part), 'item')} on {plural(len(factors), 'factor')}.",
            caption=(
                f"Standardised loadings; bold from {SALIENT} on, grey italics where the {confidence(frame)} interval includes 0.",
            ),
        )
        for at, part in enumerate(
            [lines[start : start + _PER_FIGURE] for start in range(0, len(lines), _PER_FIGURE)][:_MOST_FIGURES], 1
        )
    ]  # fmt: skip
