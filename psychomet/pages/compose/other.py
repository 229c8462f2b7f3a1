"""A question that this page has no section of its own for: its estimates as a table."""

from __future__ import annotations

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Paragraph, Section
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    degrees,
    interval_column,
    interval_name,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    records,
)
from psychomet.result.result import Result

_LEAD = (
    "Every estimate of this question, one per line. The glossary says what the columns and estimands mean."
)


def _either(value: float) -> str:
    """Return a whole number as a count, any other with decimals."""
    return count(value) if value.is_integer() else number(value)


def other(result: Result, context: Context) -> Section:
    """Return a plain section for any result."""
    rows = records(result.estimates)
    for row in rows:
        row["interval"] = interval_name(str(row["method"]))
    columns = [
        label_column("estimand", "Estimand"),
        label_column("term", "Term"),
        label_column("other", "Other"),
        label_column("facet", "Facet"),
        label_column("level", "Level"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "Estimate", _either),
        number_column("std_error", "Standard error"),
        interval_column(f"{confidence(result.estimates)} interval"),
        label_column("interval", "Kind of interval"),
        number_column("statistic", "Statistic"),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        number_column("rhat", "R-hat"),
        number_column("ess_bulk", "Bulk ESS", lambda x: number(x, 0)),
        number_column("ess_tail", "Tail ESS", lambda x: number(x, 0)),
        *known_columns(rows),
    ]
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks.append(
        build(
            rows,
            columns,
            ("One estimate per row; n is the number of independent units behind it.",),
            folded=len(rows) > 60,
            remarks=True,
        )
    )
    return Section(context.title, context.anchor, tuple(blocks))
