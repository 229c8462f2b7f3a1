"""Factors compared between groups: congruences with intervals, tests against equality and against chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.likeness import draw_likeness
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    label_column,
    number,
    number_column,
    p_value,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "Is it the same structure? Tucker's congruence compares the loadings of a factor in two groups: by custom .85 to "
    ".94 is fair similarity, and from .95 on factors are taken for equal. Sampling error alone keeps it below 1, so the "
    "corrected value, with its interval, is the one to read."
)
_TESTS = (
    "The first p value asks whether the congruence is smaller than two groups of one structure would give; the second "
    "whether it is larger than items in random order give after the same rotation, which alone reaches .4 to .6. Equal "
    "patterns of loadings do not make mean scores comparable."
)
_FAIR, _EQUAL = 0.85, 0.95
_MOST_PANELS = 6


def congruence(result: Result, context: Context) -> Section:
    """Return the section on the congruence of factors."""
    frame = result.estimates
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _figure(result, context)
    blocks.append(_table(frame))
    tested = frame["p_value"].notna() if "p_value" in frame.columns else pd.Series(False, index=frame.index)
    if tested.any():
        blocks += [
            Heading("Against equality, and against chance"),
            Paragraph((_TESTS,)),
            _tests(frame[tested]),
        ]
    return Section(context.title, context.anchor, tuple(blocks))


def likeness_words(low: float, high: float) -> str:
    """Return what an interval of a congruence says by the customary bounds, or nothing without one."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    words = [
        "equal" if edge >= _EQUAL else "fairly similar" if edge >= _FAIR else "not similar"
        for edge in (low, high)
    ]
    return words[0] if words[0] == words[1] else f"{words[0]} to {words[1]}"


def _table(frame: pd.DataFrame) -> Table:
    raw = {
        (row["level"], row["term"]): value(row, "estimate")
        for row in merged(frame[frame["estimand"] == "congruence"], ("level", "term"))
    }
    shown = frame[frame["estimand"] == "congruence_corrected"]
    if shown.empty:
        shown = frame[frame["estimand"] == "congruence"]
    rows: list[dict[str, Any]] = merged(shown, ("facet", "level", "term"))
    for row in rows:
        row["raw"] = raw.get((row["level"], row["term"]), math.nan)
        row["words"] = likeness_words(value(row, "conf_low"), value(row, "conf_high"))
    columns = [
        label_column("facet", "Facet"),
        label_column("level", "Groups"),
        label_column("term", "Factor"),
        number_column("n", "n", count),
        number_column("raw", "As observed"),
        number_column("estimate", "Corrected"),
        *interval_columns(rows, confidence(shown)),
        Show("In words", lambda row: str(row["words"]), numeric=False),
    ]
    caption = "Tucker's congruence of every factor, as observed and corrected for sampling error."
    return build(rows, columns, (caption,), folded=len(rows) > 30, remarks=True)


def _tests(frame: pd.DataFrame) -> Table:
    by_chance = {
        (row["level"], row["term"]): row
        for row in merged(frame[frame["estimand"] == "congruence_by_chance"], ("level", "term"))
    }
    rows = merged(frame[frame["estimand"] == "congruence"], ("level", "term"))
    for row in rows:
        other = by_chance.get((row["level"], row["term"]), {})
        row["chance"] = value(other, "estimate")
        row["chance_p"], row["chance_adjusted"] = value(other, "p_value"), value(other, "p_adjusted")
    columns = [
        label_column("level", "Groups"),
        label_column("term", "Factor"),
        number_column("estimate", "As observed"),
        number_column("p_value", "p of equality", p_value),
        number_column("p_adjusted", "adjusted", p_value),
        number_column("chance", "By chance", lambda x: number(x, 2)),
        number_column("chance_p", "p of chance", p_value),
        number_column("chance_adjusted", "adjusted ", p_value),
    ]
    caption = "Permutation tests, p values adjusted by Holm over all factors and pairs of groups."
    return build(rows, columns, (caption,), folded=len(rows) > 30)


def _figure(result: Result, context: Context) -> list[Figure]:
    array = result.arrays.get("congruence")
    if array is None or array.dims != ("pair", "factor", "with_factor") or not array.size:
        return []
    names = [str(name) for name in array.coords["factor"].to_numpy()]
    pairs = [str(name) for name in array.coords["pair"].to_numpy()]
    cells = np.asarray(array.to_numpy(), dtype=float)
    shown = pairs[:_MOST_PANELS]
    panels = {pair: cells[at].tolist() for at, pair in enumerate(shown)}
    diagonal = np.diagonal(cells, axis1=1, axis2=2)
    finite = diagonal[np.isfinite(diagonal)]
    if not finite.size:
        return []
    more = f" The first {_MOST_PANELS} of {len(pairs)} pairs are drawn." if len(pairs) > _MOST_PANELS else ""
    return [
        draw_likeness(
            panels,
            names=names,
            name=f"{context.anchor}-matrix",
            alt=f"Congruences of {len(names)} factors in {len(pairs)} pairs of groups; those of the same factor run from "
            f"{number(float(finite.min()), 2)} to {number(float(finite.max()), 2)}.",
            caption=(
                "Congruence of every factor of the first group (rows) with every factor of the second (columns), as "
                f"observed. Framed: the same factor; a broken frame is below {_EQUAL}.{more}",
            ),
            alike=_EQUAL,
        )
    ]
