"""Reliability coefficients other than alpha, and tests about alpha, as tables."""

from __future__ import annotations

import pandas as pd

from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import Block, Heading, Paragraph
from psychomet.pages.tables import (
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
)

_NAMES = {
    "alpha_ordinal": "Ordinal alpha (polychoric)",
    "lambda1": "Guttman lambda 1",
    "lambda2": "Guttman lambda 2",
    "lambda3": "Guttman lambda 3",
    "lambda4": "Guttman lambda 4",
    "lambda5": "Guttman lambda 5",
    "lambda6": "Guttman lambda 6",
    "split_half_max": "Split-half, highest",
    "split_half_mean": "Split-half, mean",
    "split_half_min": "Split-half, lowest (beta)",
    "glb": "Greatest lower bound",
    "sem": "Standard error of measurement",
}
_RELATED = {
    "equal_alphas": "Test of equal alphas",
    "reliability_of_difference": "Reliability of the difference",
    "test_retest": "Test-retest correlation",
}
_HOW = (
    "Lambda 2 and lambda 6 are lower bounds of the reliability that are seldom far from it; the highest split-half and "
    "the greatest lower bound pick the best case and are too high in small samples; the lowest split-half is small "
    "where the items form clusters. The standard error of measurement is in units of the score."
)


def further(frame: pd.DataFrame) -> list[Block]:
    """Return the tables of the rows that are neither alpha nor about one item.

    Parameters
    ----------
    frame : DataFrame
        Rows of a ``reliability`` result.
    """
    related = frame["estimand"].isin(_RELATED)
    blocks: list[Block] = []
    if (~related).any():
        part = frame[~related]
        blocks += [Heading("Other coefficients"), Paragraph((_HOW,))]
        blocks.append(_table(part, "Other coefficients of internal consistency.", folded=len(part) > 18))
    if related.any():
        part = frame[related]
        blocks.append(
            _table(part, "Groups, differences and repeated administrations.", folded=len(part) > 18)
        )
    return blocks


def _table(frame: pd.DataFrame, caption: str, *, folded: bool) -> Block:
    rows = merged(frame, ("term", "other", "facet", "group", "estimand"))
    for row in rows:
        name = str(row["estimand"])
        row["name"] = _NAMES.get(name) or _RELATED.get(name) or name.replace("_", " ")
    columns = [
        label_column("term", "Scale"),
        label_column("other", "Other scale"),
        label_column("facet", "Facet"),
        label_column("group", "Group"),
        label_column("name", "Coefficient"),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        *interval_columns(rows, confidence(frame)),
        number_column("statistic", "Statistic", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    return build(rows, columns, (caption,), folded=folded, remarks=True)
