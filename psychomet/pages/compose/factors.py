"""Factors: which few things the items share, and how strongly each item stands for each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, mapping, plural
from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.loadings import SALIENT, Line, draw_loadings
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
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "Which few things do the answers share? A loading is what an item gains, in standard deviations, when a factor "
    "rises by one and the others stand still. The key is borne out where each item loads on the factor of its own "
    "scale and hardly on others."
)
_FIT = (
    "Chi-squared tests whether this many factors explain the correlations exactly, which large samples always reject; "
    "RMSEA and RMSR say by how much they fail. The adjusted statistic holds for answers of any distribution, "
    "the likelihood ratio for normal ones."
)
_CARRIED = (
    "The share of the variance of all items that a factor carries, and how well scores can stand for it: determinacy "
    "is the correlation of the best possible score with the factor."
)
_PER_FIGURE = 60
_MOST_FIGURES = 3
_FITS = {
    "chi_squared": "Chi-squared",
    "rmsea": "RMSEA",
    "tli": "Tucker-Lewis index",
    "rmsr": "RMSR",
    "bic": "BIC",
}
_ITEMS = ("communality", "uniqueness", "complexity")


def factors(result: Result, context: Context) -> Section:
    """Return the section on factors."""
    frame = result.estimates
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    whole = frame[(frame["group"] == "") & (frame["estimand"] == "loading")]
    blocks += _figures(whole, result, context)
    carried = frame[frame["estimand"].isin(["variance_accounted", "score_determinacy"])]
    if not carried.empty:
        blocks += [Paragraph((_CARRIED,)), _carried_table(carried)]
    related = frame[frame["estimand"] == "factor_correlation"]
    if not related.empty:
        blocks.append(_correlation_table(related))
    fits = frame[frame["estimand"].isin(_FITS)]
    if not fits.empty:
        blocks += [Heading("Fit"), Paragraph((_FIT,)), _fit_table(fits)]
    items = frame[frame["estimand"].isin(_ITEMS)]
    if not items.empty:
        blocks += [Heading("Every loading and communality"), _item_table(items)]
    loadings = frame[frame["estimand"] == "loading"]
    if not loadings.empty:
        blocks.append(_loading_table(loadings))
    return Section(context.title, context.anchor, tuple(blocks))


def _figures(frame: pd.DataFrame, result: Result, context: Context) -> list[Figure]:
    """One chart per sixty items, of the whole table."""
    lines, names = _lines(frame, result)
    if not lines:
        return []
    highest = max(
        ((abs(loading), line.item, names[at]) for line in lines for at, loading in enumerate(line.loadings)),
        key=lambda found: found[0] if math.isfinite(found[0]) else -1.0,
    )
    parts = [lines[start : start + _PER_FIGURE] for start in range(0, len(lines), _PER_FIGURE)]
    figures = []
    for number_of, part in enumerate(parts[:_MOST_FIGURES], 1):
        several = f" Part {number_of} of {len(parts)}." if len(parts) > 1 else ""
        figures.append(
            draw_loadings(
                part, factors=names, wording=context.wording,
                name=f"{context.anchor}-loadings{'' if number_of == 1 else f'-{number_of}'}",
                alt=f"Loadings of {len(part)} items on {plural(len(names), 'factor')}; the highest of all is "
                f"{number(highest[0], 2)} ({highest[1]} on {highest[2]}).",
                caption=(
                    f"Pattern loadings of the keyed items; on the right the scale of the key. Blue is positive, "
                    f"vermillion negative; bold from {SALIENT} on, grey italics where the {confidence(frame)} interval "
                    f"includes 0.{several}",
                ),
            )
        )  # fmt: skip
    return figures


def _lines(frame: pd.DataFrame, result: Result) -> tuple[list[Line], list[str]]:
    """The items in the order of the key, with their loadings in the order of the factors."""
    rows = [row for row in merged(frame, ("term", "other")) if math.isfinite(value(row, "estimate"))]
    names = list(dict.fromkeys(str(row["other"]) for row in rows))
    scale_of = {
        str(item): scale
        for scale, items in mapping(result.settings.get("scales")).items()
        if isinstance(items, list | tuple)
        for item in items
    }
    # Factors that bear the name of a scale stand in the order of the key, so that a clean solution is a diagonal.
    known = list(dict.fromkeys(scale_of.values()))
    names.sort(key=lambda name: known.index(name) if name in known else len(known))
    found = {(str(row["term"]), str(row["other"])): row for row in rows}
    lines = []
    for item in dict.fromkeys(str(row["term"]) for row in rows):
        cells = [found.get((item, name), {}) for name in names]
        lines.append(
            Line(
                item=item,
                scale=scale_of.get(item, ""),
                loadings=[value(cell, "estimate") for cell in cells],
                sure=[value(cell, "conf_low") > 0 or value(cell, "conf_high") < 0 for cell in cells],
            )
        )
    return lines, names


def _carried_table(frame: pd.DataFrame) -> Table:
    """Shares of variance with the determinacy of scores beside them."""
    rows = merged(frame[frame["estimand"] == "variance_accounted"], ("group", "term"))
    scores = frame[frame["estimand"] == "score_determinacy"]
    by_factor = {(row["group"], row["term"]): value(row, "estimate") for row in records(scores)}
    for row in rows:
        row["determinacy"] = by_factor.get((row["group"], row["term"]), math.nan)
    columns = [
        label_column("group", "Group"),
        label_column("term", "Factor"),
        number_column("n", "n", count),
        number_column("estimate", "Variance carried", percent),
        *interval_columns(rows, confidence(frame), percent),
        *known_columns(rows),
        number_column("determinacy", "Determinacy of scores", lambda x: number(x, 2)),
    ]
    return build(rows, columns, ("Variance that the factors carry.",), folded=len(rows) > 24, remarks=True)


def _correlation_table(frame: pd.DataFrame) -> Table:
    rows = merged(frame, ("group", "term", "other"))
    columns = [
        label_column("group", "Group"),
        label_column("term", "Factor"),
        label_column("other", "Other factor"),
        number_column("estimate", "Correlation", lambda x: number(x, 2)),
        *interval_columns(rows, confidence(frame), lambda x: number(x, 2)),
        *known_columns(rows),
    ]
    return build(rows, columns, ("Correlations of the factors.",), folded=len(rows) > 15, remarks=True)


def _fit_table(frame: pd.DataFrame) -> Table:
    rows: list[dict[str, Any]] = records(frame)
    for row in rows:
        name, method = str(row["estimand"]), str(row["method"])
        kind = ", adjusted" if "mean and variance adjusted" in method else ""
        kind = ", likelihood ratio" if "likelihood ratio" in method else kind
        row["name"] = _FITS[name] + kind
        row["intervals"] = {"": (value(row, "conf_low"), value(row, "conf_high"))}
    columns = [
        label_column("group", "Group"),
        label_column("name", "Index"),
        Show(
            "Value",
            lambda row: number(value(row, "estimate"), 1 if row["estimand"] in ("chi_squared", "bic") else 3),
        ),
        *interval_columns(rows, confidence(frame)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
    ]
    return build(rows, columns, ("Fit of the factor model.",), folded=len(rows) > 21, remarks=False)


def _item_table(frame: pd.DataFrame) -> Table:
    """Communality and complexity, one line per item."""
    rows = merged(frame[frame["estimand"] == "communality"], ("group", "term"))
    complexity = {
        (row["group"], row["term"]): value(row, "estimate")
        for row in records(frame[frame["estimand"] == "complexity"])
    }
    for row in rows:
        row["complexity"] = complexity.get((row["group"], row["term"]), math.nan)
        row["unique"] = 1 - value(row, "estimate")
    columns = [
        label_column("group", "Group"),
        label_column("term", "Item"),
        number_column("estimate", "Communality", lambda x: number(x, 2)),
        *interval_columns(rows, confidence(frame), lambda x: number(x, 2)),
        number_column("unique", "Uniqueness", lambda x: number(x, 2)),
        number_column("complexity", "Complexity", lambda x: number(x, 1)),
    ]
    caption = "Communality: the share of an item's variance that the factors carry. Complexity: on how many factors it loads."
    return build(rows, columns, (caption,), folded=True, remarks=True)


def _loading_table(frame: pd.DataFrame) -> Table:
    rows: Sequence[dict[str, Any]] = merged(frame, ("group", "term", "other"))
    columns = [
        label_column("group", "Group"),
        label_column("term", "Item"),
        label_column("other", "Factor"),
        number_column("estimate", "Loading"),
        number_column("std_error", "Standard error"),
        *interval_columns(rows, confidence(frame)),
        *known_columns(rows),
    ]
    return build(rows, columns, ("Every loading with its interval.",), folded=True, remarks=True)
