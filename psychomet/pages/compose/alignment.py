"""How often behaviour moves with self-report in the direction that people show."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Strong, Table, Text
from psychomet.pages.figures.dots import STYLES, Dot
from psychomet.pages.figures.forest import draw_forest
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    degrees,
    interval,
    known_columns,
    label_column,
    number,
    p_phrase,
    p_value,
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "When a respondent's self-report moves from condition to condition, does its behaviour move in the direction that is known from "
    "people? Every respondent gives one sign per pair of self-report and behaviour; the share counts those that are as expected. One "
    "half is what coin tosses give."
)
_CAUTION = (
    "A sign counts the same whether the slope behind it is large or next to nothing. Where conditions hardly moved the scores, "
    "signs are noise and every share is pulled towards one half: a share near one half does not show that respondents contradict "
    "themselves. Signs of one respondent come from the same answers and are not independent: where the two intervals differ, "
    "believe the one clustered by respondent."
)
_WHOLE = "everything"
_RESPONDENT = "respondent = "
_PARTS = ("over everything", "by self-report", "by behaviour", "by self-report and behaviour", "by respondent")
_SINGLE, _CLUSTERED = "single", "clustered"
_ROWS, _FOLDED = 40, 60


def alignment(result: Result, context: Context) -> Section:
    """Return the section on directions."""
    frame = result.estimates
    frame = frame.assign(**{name: "" for name in ("term", "other", "group") if name not in frame.columns})
    rows = _rows(frame[frame["estimand"] == "alignment"])
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), Paragraph((_CAUTION,))]
    blocks += _figure(rows, frame, context)
    for part in _PARTS:
        mine = [row for row in rows if row["part"] == part]
        if mine:
            blocks += [Heading(f"Shares {part}"), _table(mine, confidence(frame), part)]
    return Section(context.title, context.anchor, tuple(blocks))


def alignment_sentence(result: Result, context: Context) -> Text:
    """Return the share over everything with its interval clustered by respondent, against one half."""
    frame = result.estimates
    frame = frame.assign(**{name: "" for name in ("term", "other", "group") if name not in frame.columns})
    rows = [row for row in _rows(frame[frame["estimand"] == "alignment"])
            if row["part"] == _PARTS[0] and math.isfinite(row["estimate"])]  # fmt: skip
    if not rows:
        return ()
    row = rows[0]
    low, high = _limits(row)
    p = value(_best(row), "p_value")
    words = {"": "", "chance": ": no more than chance would give"}.get(_verdict(row), f": {_verdict(row)}")
    return (
        Strong("Expected directions"),
        f": {percent(row['estimate'], 0)} {interval(low, high, lambda x: percent(x, 0))} of the signs within respondents are those "
        f"known from people{words}{f', {p_phrase(p)} against one half' if math.isfinite(p) else ''}.",
    )


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per share, with its independent and its clustered version side by side."""
    out: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in records(frame):
        names = (str(one["term"] or ""), str(one["other"] or ""), str(one["group"] or ""))
        part, row_name, series = _place(*names)
        row = out.setdefault(
            names,
            {"term": names[0], "other": names[1], "group": names[2], "n": value(one, "n"), "reason": "",
             "part": part, "name": row_name, "series": series, "estimate": value(one, "estimate"),
             "reference": value(one, "reference"), "parts": {}},
        )  # fmt: skip
        kind = _CLUSTERED if "clustered" in str(one["method"]) else _SINGLE
        row["parts"][kind] = one
        if one.get("reason") and str(one["reason"]) not in row["reason"]:
            row["reason"] = "; ".join(filter(None, (row["reason"], str(one["reason"]))))
    return list(out.values())


def _place(term: str, other: str, group: str) -> tuple[str, str, str]:
    """Return the part of the section, the name of the row in the figure, and its series (the group)."""
    if group.startswith(_RESPONDENT):
        who, _, rest = group.removeprefix(_RESPONDENT).partition(", ") if False else (
            group.removeprefix(_RESPONDENT), "", ""
        )  # fmt: skip
        return _PARTS[4], who, rest
    if term and other:
        return _PARTS[3], f"{term} | {other}", group
    if term:
        return _PARTS[1], term, group
    if other:
        return _PARTS[2], other, group
    return _PARTS[0], _WHOLE, group


def _best(row: dict[str, Any]) -> dict[str, Any]:
    """Return the clustered version where it has an interval, else the other."""
    for kind in (_CLUSTERED, _SINGLE):
        found = row["parts"].get(kind)
        if found is not None and math.isfinite(value(found, "conf_low")):
            return dict(found)
    return {}


def _limits(row: dict[str, Any]) -> tuple[float, float]:
    best = _best(row)
    return value(best, "conf_low"), value(best, "conf_high")


def _verdict(row: dict[str, Any]) -> str:
    """Return where the interval lies against one half."""
    low, high = _limits(row)
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return "chance" if low <= 0.5 <= high else "more than chance" if low > 0.5 else "less than chance"


def _table(rows: list[dict[str, Any]], level: str, part: str) -> Table:
    words = {"chance": "one half not excluded"}
    single, clustered = ({"row": kind} for kind in (_SINGLE, _CLUSTERED))

    def limits(kind: str) -> Show:
        heading = "signs independent" if kind == _SINGLE else "clustered by respondent"
        return Show(
            f"{level} interval, {heading}",
            lambda row: interval(
                value(row["parts"].get(kind, {}), "conf_low"), value(row["parts"].get(kind, {}), "conf_high"),
                percent,
            ),
        )  # fmt: skip

    def test(kind: str) -> Show:
        heading = "p, sign test" if kind == _SINGLE else "p, clustered"
        return Show(heading, lambda row: p_value(value(row["parts"].get(kind, {}), "p_value")))

    columns = [
        Show("Respondent", lambda row: row["name"] if part == _PARTS[4] else "", numeric=False),
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        Show("Group", lambda row: row["series"], numeric=False),
        Show("n", lambda row: count(row["n"])),
        Show("As expected", lambda row: count(value(row["parts"].get(_SINGLE, {}), "statistic"))),
        Show("Share", lambda row: percent(row["estimate"])),
        limits(single["row"]),
        test(single["row"]),
        limits(clustered["row"]),
        Show("t", lambda row: number(value(row["parts"].get(_CLUSTERED, {}), "statistic"), 2)),
        Show("df", lambda row: degrees(row["parts"].get(_CLUSTERED, {}))),
        test(clustered["row"]),
        Show("Against one half", lambda row: words.get(_verdict(row), _verdict(row)), numeric=False),
        *known_columns(rows, percent),
    ]
    return build(rows, columns, ("",), folded=len(rows) > _FOLDED, remarks=True)


def _figure(rows: list[dict[str, Any]], frame: pd.DataFrame, context: Context) -> list[Figure]:
    return []
