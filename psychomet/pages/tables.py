"""Numbers as text, and estimates as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from psychomet.pages.document import Column, Inline, Table, Text, data
from psychomet.pages.glossary import INTERVALS

Row = Mapping[str, Any]
NOTHING = "–"
MAX_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Show:
    """One column of a table to be: its heading, how a row fills it, and whether that is a number."""

    heading: Inline
    cell: Callable[[Row], Inline]
    numeric: bool = True


def number(value: float, digits: int = 3) -> str:
    """Return a number with a true minus sign and fixed decimals; an en dash where there is none."""
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    places = digits if abs(value) < 1000 else 1
    if abs(value) >= 1e9:
        return f"{value:.3e}".replace("-", "−")
    text = f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def count(value: float) -> str:
    """Return a whole number with commas; decimals only where it is not whole."""
    if not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if value == round(value) else number(value, 1)


def percent(value: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return NOTHING if not math.isfinite(value) else f"{number(100 * value, digits)} %"


def p_value(value: float) -> str:
    """Return a p value as journals print it: no leading zero, ``< .001`` at the least."""
    if math.isnan(value):
        return NOTHING
    if value < 0.001:
        return "< .001"
    return "> .999" if value > 0.999 else f"{value:.3f}".removeprefix("0")


def p_phrase(value: float) -> str:
    """Return ``p < .001`` or ``p = .012`` for running text."""
    text = p_value(value)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"


def interval(low: float, high: float, form: Callable[[float], str] = number) -> str:
    """Return ``[low, high]``; an en dash where there is none."""
    if math.isnan(low) and math.isnan(high):
        return NOTHING
    return f"[{form(low)}, {form(high)}]"


def degrees(row: Row) -> str:
    """Return the degrees of freedom, both of an F test."""
    parts = [value(row, name) for name in ("df", "df2")]
    shown = [number(part, 1).removesuffix(".0") for part in parts if math.isfinite(part)]
    return ", ".join(shown)


def value(row: Row, name: str) -> float:
    """Return a number of a row; NaN where the frame has no such column or it is empty."""
    found = row.get(name, math.nan)
    return math.nan if found is None else float(found)


def interval_name(method: str) -> str:
    """Return the name of the interval that a method string begins with."""
    word = method.partition(";")[0].strip()
    return INTERVALS.get(word, word.replace("_", " "))


def confidence(frame: pd.DataFrame) -> str:
    """Return "95 %" or "90 % and 95 %": the nominal coverage of the intervals of a frame."""
    levels = sorted({level for level in frame["conf_level"].tolist() if math.isfinite(level)})
    return " and ".join(f"{100 * level:g} %" for level in levels)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries with text keys."""
    return [{str(key): cell for key, cell in row.items()} for row in frame.to_dict("records")]


def label_column(name: str, heading: str, limit: int = 80) -> Show:
    """Return a column of text from the data."""
    return Show(heading, lambda row: data(row.get(name) or "", limit), numeric=False)


def number_column(name: str, heading: str, form: Callable[[float], str] = number) -> Show:
    """Return a column of numbers."""
    return Show(heading, lambda row: form(value(row, name)))


def interval_column(heading: str, form: Callable[[float], str] = number) -> Show:
    """Return the column of the interval of each row."""
    return Show(heading, lambda row: interval(value(row, "conf_low"), value(row, "conf_high"), form))


def known_columns(rows: Sequence[Row], form: Callable[[float], str] = number) -> list[Show]:
    """Return the column of the known value and whether the interval holds it; none if no row has one."""
    if not any(math.isfinite(value(row, "reference")) for row in rows):
        return []
    words = {"yes": " inside", "no": " outside", "": ""}
    return [Show("Known value", lambda row: form(value(row, "reference")) + words[holds(row)])]


def holds(row: Row) -> str:
    """Return "yes", "no" or nothing: whether the interval of a row contains its known value."""
    low, high, known = value(row, "conf_low"), value(row, "conf_high"), value(row, "reference")
    if math.isnan(low) or math.isnan(high) or math.isnan(known):
        return ""
    return "yes" if low <= known <= high else "no"


def build(
    rows: Sequence[Row],
    columns: Sequence[Show],
    caption: Text,
    *,
    folded: bool = False,
    remarks: bool = False,
) -> Table:
    """Return a table of rows; a column that is empty in every row is left out.

    Parameters
    ----------
    rows : sequence of mappings
        One per line.
    columns : sequence of Show
        In the order of the page.
    caption : Text
        Says what the table holds.
    folded : bool
        Whether it is closed at first.
    remarks : bool
        Whether the reasons for what is missing are told: a letter in the row, the reason below.
    """
    if len(rows) > MAX_ROWS:
        extra = f" The first {MAX_ROWS:,} of {len(rows):,} rows; all are in the CSV files."
        caption, rows = (*caption, extra), rows[:MAX_ROWS]
    letters = _letters(rows) if remarks else {}
    if letters:
        columns = [
            *columns,
            Show("Note", lambda row: letters.get(row.get("reason") or "", ""), numeric=False),
        ]
    cells = [[column.cell(row) for row in rows] for column in columns]
    kept = [at for at, column in enumerate(cells) if not all(map(_is_empty, column))]
    return Table(
        columns=tuple(Column(columns[at].heading, columns[at].numeric) for at in kept),
        rows=tuple(tuple(cells[at][line] for at in kept) for line in range(len(rows))),
        caption=caption,
        folded=folded,
        notes=tuple((f"{letter}: ", data(reason, 400), ".") for reason, letter in letters.items()),
    )


def _letters(rows: Sequence[Row]) -> dict[str, str]:
    """Give each different reason a letter: a, b ... z, then a1, b1 ..."""
    reasons = dict.fromkeys(str(row["reason"]) for row in rows if row.get("reason"))
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return {
        reason: alphabet[at % 26] + (str(at // 26) if at >= 26 else "") for at, reason in enumerate(reasons)
    }


def _is_empty(cell: Inline) -> bool:
    text = cell if isinstance(cell, str) else cell.text
    return text in ("", NOTHING)
