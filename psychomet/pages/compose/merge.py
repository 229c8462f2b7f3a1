"""Rows of one estimate that differ only in their interval become one row of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from psychomet.pages.tables import Row, Show, interval, interval_name, number, records, value

_LAST = "delta method"
_FIRST = ("p_value", "p_adjusted", "statistic", "df", "df2", "reference")


def merged(frame: pd.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    """Put the rows of one estimate that differ only in their interval into one row.

    Parameters
    ----------
    frame : DataFrame
        Estimates.
    by : sequence of str
        Columns that name an estimate apart from its method.

    Returns
    -------
    list of dict
        The first row of each estimate, with ``intervals`` (name -> (low, high)), ``conf_low`` and
        ``conf_high`` replaced by the widest limits, and ``reason`` by all the reasons.
    """
    columns = [name for name in by if name in frame.columns]
    whole = []
    for _, part in frame.groupby(columns, sort=False, dropna=False):
        rows = records(part)
        row = dict(rows[0])
        row["intervals"] = {
            interval_name(str(each["method"])): (value(each, "conf_low"), value(each, "conf_high"))
            for each in rows
        }
        ends = [end for end in row["intervals"].values() if math.isfinite(end[0]) and math.isfinite(end[1])]
        row["conf_low"] = min((low for low, _ in ends), default=math.nan)
        row["conf_high"] = max((high for _, high in ends), default=math.nan)
        row["reason"] = "; ".join(dict.fromkeys(str(each["reason"]) for each in rows if each["reason"]))
        for name in _FIRST:
            if name in row:
                found = (value(each, name) for each in rows)
                row[name] = next((each for each in found if not math.isnan(each)), math.nan)
        whole.append(row)
    return whole


def interval_columns(rows: Sequence[Row], level: str, form: Callable[[float], str] = number) -> list[Show]:
    """Return one column per kind of interval that any row has."""
    names = dict.fromkeys(
        name for row in rows for name, (low, high) in row["intervals"].items() if not math.isnan(low + high)
    )
    return [
        Show(f"{level} interval ({name})" if name else f"{level} interval", _picker(name, form))
        for name in names
    ]


def _picker(name: str, form: Callable[[float], str]) -> Callable[[Row], str]:
    def pick(row: Row) -> str:
        low, high = row["intervals"].get(name, (math.nan, math.nan))
        return interval(low, high, form)

    return pick


def beside(frame: pd.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    """Put the estimands of one thing side by side.

    Parameters
    ----------
    frame : DataFrame
        Estimates.
    by : sequence of str
        Columns that name the thing.

    Returns
    -------
    list of dict
        The columns of ``by``, ``n``, ``reason`` (all of them) and ``parts``: estimand -> its row of
        :func:`merged`.
    """
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in merged(frame, ("estimand", *by)):
        names = tuple(str(one.get(name) or "") for name in by)
        entry = rows.setdefault(
            names, {**dict(zip(by, names, strict=True)), "n": value(one, "n"), "reason": "", "parts": {}}
        )
        entry["parts"][str(one["estimand"])] = one
        if one["reason"] and one["reason"] not in entry["reason"]:
            entry["reason"] = "; ".join(filter(None, (entry["reason"], one["reason"])))
    return list(rows.values())


def part(row: Row, estimand: str) -> Row:
    """Return one estimand of a row of :func:`beside`; nothing where it is not there."""
    found = row["parts"].get(estimand)
    return found if isinstance(found, dict) else {}


def limits(row: Row) -> tuple[float, float]:
    """Return the interval that stands for a row of :func:`merged` where there is room for one only.

    The first that is there, but the delta method's, which covers too rarely in small samples, last.
    """
    found = [
        (name == _LAST, at, ends)
        for at, (name, ends) in enumerate(row.get("intervals", {}).items())
        if math.isfinite(ends[0]) and math.isfinite(ends[1])
    ]
    return min(found)[2] if found else (math.nan, math.nan)


def part_columns(
    estimand: str, heading: str, level: str, form: Callable[[float], str] = number
) -> list[Show]:
    """Return two columns for one estimand of rows of :func:`beside`: the estimate and its interval."""
    return [
        Show(heading, lambda row: form(value(part(row, estimand), "estimate"))),
        Show(
            f"{level} interval",
            lambda row: interval(*limits(part(row, estimand)), form),
        ),
    ]
