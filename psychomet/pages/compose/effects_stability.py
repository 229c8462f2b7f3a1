"""Stability of effects: over methods, over what they were applied to, and over combinations of both."""

from __future__ import annotations

import pandas as pd

from psychomet.pages.document import Block, Heading, Paragraph, Table
from psychomet.pages.tables import (
    build,
    confidence,
    count,
    interval_column,
    label_column,
    number_column,
    percent,
    records,
)

_LEAD = (
    "Do methods (groups, or levels of the facet) have the same effects? Effects are differences in points over the range of the scale. "
    "Of the differences between effects, a part goes with the method (one works more strongly throughout), a part with what it was "
    "applied to, and a part with the combination of both. Consistency is 1 where the methods differ by a constant at most; the order is kept "
    "where they rank the effects alike."
)
_WORDS = {
    "effect_consistency": "consistency of the effects, ICC(3,1)",
    "effect_order_rho": "order kept, mean Spearman rho",
    "effect_order_tau": "order kept, mean Kendall tau",
}


def stability(frame: pd.DataFrame) -> list[Block]:
    """Return the blocks on the stability of effects; none where it was not estimated."""
    blocks: list[Block] = []
    shares = frame[frame["estimand"] == "effect_share"]
    if not shares.empty:
        blocks += [Heading("Stability of the effects"), Paragraph((_LEAD,)), _shares(shares), _order(frame)]
    scores = frame[frame["estimand"] == "stability_score"]
    if not scores.empty:
        blocks.append(_scores(scores))
    return blocks


def _shares(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("facet", "Goes with"),
        number_column("n", "n", count),
        number_column("estimate", "Share", percent),
        interval_column(f"{confidence(frame)} interval", percent),
    ]
    caption = "Shares of the differences between effects; sampling error is taken out, and a part below 0 counts as 0."
    return build(records(frame), columns, (caption,), remarks=True)


def _order(frame: pd.DataFrame) -> Table:
    rows = [
        {**row, "what": _WORDS[str(row["estimand"])]}
        for row in records(frame[frame["estimand"].isin(list(_WORDS))])
    ]
    columns = [
        label_column("what", "Over the methods"),
        label_column("facet", "Methods"),
        number_column("estimate", "Estimate"),
        interval_column(f"{confidence(frame)} interval"),
    ]
    caption = (
        "How far methods agree about the effects. The interval of a rank correlation is its range over all effects that the data allow "
        "together; it is wide where effects are close to each other."
    )
    return build(rows, columns, (caption,), remarks=True)


def _scores(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("group", "Method"),
        label_column("level", "Level"),
        number_column("estimate", "Stability score"),
        interval_column(f"{confidence(frame)} interval"),
    ]
    caption = (
        "Stability scores after Handa et al. (2025), by method, by level and by combination: 1 / (1 + variance) x 1 / (1 + mean size) "
        "of the changes of all scales, each over its range in all cells. High where a condition moves all scales little and alike. "
        "The score depends on which cells are in the table and is drawn down by sampling error."
    )
    return build(records(frame), columns, (caption,), folded=len(frame) > 30, remarks=True)
