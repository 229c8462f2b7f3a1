"""Self-report against behaviour: do respondents do what they say."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, mapping
from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.heat import draw_heat
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    value,
)
from psychomet.pages.words import correlation_words
from psychomet.result.result import Result

_LEAD = (
    "Do respondents do what they say? Each number is a correlation over respondents between a self-reported scale "
    "and a behaviour: 1 when those who score higher do more, 0 when the one says nothing of the other. Agreement "
    "with behaviour is evidence that a self-report means what it says; its absence is not proof of the contrary."
)
_NAMES = {"pearson_r": "Pearson r", "spearman_rho": "Spearman rho"}
_ROWS, _COLUMNS, _MAX_FIGURES = 25, 12, 6


def link(result: Result, context: Context) -> Section:
    """Return the section on correlations of self-report with behaviour."""
    frame = result.estimates
    if "other" not in frame.columns:
        frame = frame.assign(other="")
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    groups = list(dict.fromkeys(frame["group"].tolist()))
    shown = "pearson_r" if (frame["estimand"] == "pearson_r").any() else frame["estimand"].iloc[0]
    for at, group in enumerate(groups[:_MAX_FIGURES], 1):
        part = frame[(frame["group"] == group) & (frame["estimand"] == shown)]
        if len(groups) > 1:
            blocks.append(Heading(str(group) or "All respondents"))
        blocks += _heat(part, context, at)
    for estimand in dict.fromkeys(frame["estimand"].tolist()):
        blocks.append(_table(frame[frame["estimand"] == estimand], context, result))
    return Section(context.title, context.anchor, tuple(blocks))


def expected_sign(result: Result) -> dict[tuple[str, str], int]:
    """Return the direction that theory expects by (self-report, behaviour), where the settings say."""
    found: dict[tuple[str, str], int] = {}
    entries = result.settings.get("expected")
    if isinstance(entries, list | tuple):
        for entry in entries:
            if isinstance(entry, list | tuple) and len(entry) == 3:
                sign = {"+": 1, "-": -1, "positive": 1, "negative": -1}.get(str(entry[2]).strip(), 0)
                if isinstance(entry[2], int | float):
                    sign = (entry[2] > 0) - (entry[2] < 0)
                found[str(entry[0]), str(entry[1])] = sign
    for term, others in mapping(entries).items():
        for other, sign in mapping(others).items():
            if isinstance(sign, int | float):
                found[term, other] = (sign > 0) - (sign < 0)
    return {pair: sign for pair, sign in found.items() if sign}


def links(result: Result) -> list[dict[str, Any]]:
    """Return one row per pair with its Pearson correlation and widest interval."""
    frame = result.estimates
    if "other" not in frame.columns or not (frame["estimand"] == "pearson_r").any():
        return []
    return merged(frame[frame["estimand"] == "pearson_r"], ("term", "other", "group"))


def _table(frame: pd.DataFrame, context: Context, result: Result) -> Table:
    rows = merged(frame, ("term", "other", "group"))
    signs = expected_sign(result)
    for row in rows:
        row["words"] = correlation_words(
            context.rules.correlation, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
        )
        sign = signs.get((row["term"], row["other"]), 0)
        row["expected"] = {1: "positive", -1: "negative", 0: ""}[sign]
    name = str(frame["estimand"].iloc[0])
    columns = [
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", _NAMES.get(name, name)),
        *interval_columns(rows, confidence(frame)),
        Show("In words", lambda row: row["words"], numeric=False),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        Show("Expected", lambda row: row["expected"], numeric=False),
        *known_columns(rows),
    ]
    caption = (
        f"{_NAMES.get(name, name)} of self-report and behaviour over respondents. The adjusted p value allows for "
        "all tests of its family; the words span every interval of the row."
    )
    return build(rows, columns, (caption,), folded=name != "pearson_r" or len(rows) > 60, remarks=True)


def _heat(frame: pd.DataFrame, context: Context, at: int) -> list[Figure]:
    rows = [row for row in merged(frame, ("term", "other")) if math.isfinite(value(row, "estimate"))]
    if not rows:
        return []
    cells = {
        (str(row["term"]), str(row["other"])): (
            value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"),
        )
        for row in rows
    }  # fmt: skip
    terms = list(dict.fromkeys(term for term, _ in cells))
    others = list(dict.fromkeys(other for _, other in cells))
    strongest = max(cells, key=lambda pair: abs(cells[pair][0]))
    include = sum(not (low > 0 or high < 0) for _, low, high in cells.values())
    figures: list[Figure] = []
    for down in range(0, len(terms), _ROWS):
        for across in range(0, len(others), _COLUMNS):
            if len(figures) == _MAX_FIGURES:
                break
            name = f"{context.anchor}-heat-{at}{f'-{len(figures) + 1}' if figures else ''}"
            figures.append(
                draw_heat(
                    cells,
                    rows=terms[down : down + _ROWS],
                    columns=others[across : across + _COLUMNS],
                    name=name,
                    alt=f"Correlations of {len(terms)} self-report scales with {len(others)} behaviours. Strongest: "
                    f"{strongest[0]} with {strongest[1]}, {number(cells[strongest][0], 2)}. In {include} of "
                    f"{len(cells)} pairs the interval includes zero.",
                    caption=(
                        "Correlations of self-report (down) with behaviour (across). Bold: the interval excludes "
                        "zero. Italic and hatched: it does not, or there is none.",
                    ),
                )
            )
    return figures
