"""Correlations of items: do the items of a scale belong together, and apart from the others?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from psychomet.pages.compose.context import Context, mapping
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.matrix import PRINTED, draw_matrix
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
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "Which items go together? Answers in a few ordered categories are taken as cut from something continuous, and "
    "the correlation is that of the continuous things: larger than the plain correlation of the category numbers, the "
    "more so the fewer the categories. Items of one scale should correlate with each other more than with the items "
    "of other scales."
)
_PLAIN = (
    "Which items go together? Items of one scale should correlate with each other more than with the items of other "
    "scales."
)
NAMES = {
    "polychoric_r": "polychoric",
    "tetrachoric_r": "tetrachoric",
    "polyserial_r": "polyserial",
    "biserial_r": "biserial",
    "pearson_r": "Pearson",
}
_MOST_ITEMS, _MAX_FIGURES, _MOST_ROWS = 60, 4, 200


def correlations(result: Result, context: Context) -> Section:
    """Return the section on the correlations of items."""
    frame = result.estimates
    if "other" not in frame.columns:
        frame = frame.assign(other="")
    scales = _scales(result, frame)
    cut = (frame["estimand"] != "pearson_r").any()
    blocks: list[Block] = [Paragraph((_LEAD if cut else _PLAIN,), "lead")]
    groups = list(dict.fromkeys(frame["group"].tolist()))
    for at, group in enumerate(groups[:_MAX_FIGURES], 1):
        part = frame[frame["group"] == group]
        if len(groups) > 1:
            blocks.append(Heading(str(group) or "All respondents"))
        blocks += _figure(part, scales, context, at)
    blocks.append(_summary(frame, scales))
    blocks.append(_table(frame))
    return Section(context.title, context.anchor, tuple(blocks))


def _scales(result: Result, frame: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Items by scale, of those that have a row; one nameless scale where the settings tell nothing."""
    there = dict.fromkeys([*frame["term"].tolist(), *frame["other"].tolist()])
    found: dict[str, tuple[str, ...]] = {}
    left = dict(there)
    for name, items in mapping(result.settings.get("scales")).items():
        if isinstance(items, list | tuple):
            mine = tuple(str(item) for item in items if str(item) in left)
            if mine:
                found[name] = mine
            for item in mine:
                del left[item]
    return found | ({"": tuple(map(str, left))} if left else {})


def _figure(
    frame: pd.DataFrame, scales: dict[str, tuple[str, ...]], context: Context, number_of: int
) -> list[Figure]:
    """The matrix of one group."""
    cells = {
        (str(row["term"]), str(row["other"])): value(row, "estimate") for row in records(frame)
    }  # fmt: skip
    known = [found for found in cells.values() if math.isfinite(found)]
    if not known:
        return []
    items = [item for part in scales.values() for item in part]
    shown = items[:_MOST_ITEMS]
    parts = [(name, len([item for item in part if item in shown])) for name, part in scales.items()]
    most = max(cells, key=lambda pair: -1.0 if math.isnan(cells[pair]) else abs(cells[pair]))
    more = f" The first {_MOST_ITEMS} of {len(items)} items are drawn." if len(items) > len(shown) else ""
    half = " The upper half has the numbers." if len(shown) <= PRINTED else ""
    return [
        draw_matrix(
            cells,
            items=shown,
            parts=[part for part in parts if part[1]],
            name=f"{context.anchor}-matrix-{number_of}",
            alt=f"Correlations of {len(shown)} items from {number(min(known), 2)} to {number(max(known), 2)}; "
            f"the largest is that of {most[0][:60]} and {most[1][:60]}.",
            caption=(
                "Correlations of the items. The area of a square is the size of the correlation; filled squares are "
                f"positive, hollow ones negative. Lines divide the scales.{half}{more}",
            ),
        )
    ]


def _summary(frame: pd.DataFrame, scales: dict[str, tuple[str, ...]]) -> Table:
    """Mean correlation within each scale, and with the items of the others."""
    home = {item: name for name, items in scales.items() for item in items}
    rows: list[dict[str, Any]] = []
    for group, part in frame.groupby("group", sort=False):
        first, second = part["term"].map(home).to_numpy(), part["other"].map(home).to_numpy()
        r = part["estimate"].to_numpy(dtype=float)
        for name in scales:
            inside = r[(first == name) & (second == name)]
            across = r[(first == name) != (second == name)]
            if inside.size or across.size:
                rows.append(
                    {"scale": name, "group": group, "pairs": inside.size}
                    | _spread("inside", inside)
                    | _spread("across", across)
                    | {"size": float(np.nanmean(np.abs(across))) if np.isfinite(across).any() else math.nan}
                )
    columns = [
        label_column("scale", "Scale"),
        label_column("group", "Group"),
        number_column("pairs", "Pairs", count),
        number_column("inside_mean", "Mean"),
        Show("Lowest to highest", lambda row: _range(row, "inside")),
        number_column("size", "Mean size with items of other scales"),
        Show("Lowest to highest with others", lambda row: _range(row, "across")),
    ]
    caption = (
        "Correlations within a scale, and with the items of other scales (the mean there without regard to the "
        "sign). A low mean within is a scale of items that do not "
        "belong together; a negative lowest is an item that points the other way, or a key to be mended."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 20)


def _spread(name: str, r: np.ndarray) -> dict[str, float]:
    """Mean, lowest and highest of what is there."""
    known = r[np.isfinite(r)]
    if not known.size:
        return dict.fromkeys((f"{name}_mean", f"{name}_low", f"{name}_high"), math.nan)
    return {
        f"{name}_mean": float(known.mean()),
        f"{name}_low": float(known.min()),
        f"{name}_high": float(known.max()),
    }


def _range(row: Any, name: str) -> str:
    """Return "low to high"; nothing where there is none."""
    low, high = value(row, f"{name}_low"), value(row, f"{name}_high")
    return "" if math.isnan(low) else f"{number(low, 2)} to {number(high, 2)}"


def _table(frame: pd.DataFrame) -> Table:
    """Single correlations with their intervals, the largest of many first."""
    chosen: Sequence[dict[str, Any]] = records(frame)
    caption = f"Correlations of single pairs with {confidence(frame)} intervals."
    if len(chosen) > _MOST_ROWS:
        size = frame["estimate"].abs().fillna(2.0).to_numpy()
        order = np.argsort(-size, kind="stable")[:_MOST_ROWS]
        chosen = records(frame.iloc[order])
        caption += f" The {_MOST_ROWS} largest of {len(frame):,}, those without an estimate first; all are in the CSV files."
    for row in chosen:
        row["kind"] = NAMES.get(str(row["estimand"]), str(row["estimand"]))
    columns = [
        label_column("term", "Item"),
        label_column("other", "Item"),
        label_column("group", "Group"),
        label_column("kind", "Correlation"),
        number_column("n", "n", count),
        number_column("estimate", "r"),
        number_column("std_error", "Standard error"),
        interval_column(f"{confidence(frame)} interval"),
        *known_columns(chosen),
    ]
    return build(chosen, columns, (caption,), folded=len(chosen) > 15, remarks=True)
