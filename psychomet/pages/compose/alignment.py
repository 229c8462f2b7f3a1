"""How often behaviour moves with self-report in the direction that people show."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Strong, Table, Text, data
from psychomet.pages.figures.dots import STYLES, Dot
from psychomet.pages.figures.forest import draw_forest
from psychomet.pages.tables import (
    Row,
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
_PARTS = (
    "over everything",
    "by self-report",
    "by behaviour",
    "by self-report and behaviour",
    "by respondent",
)
_SINGLE, _CLUSTERED = "single", "clustered"
_CHANCE = "one half not excluded"
_ROWS, _FOLDED = 40, 60


def alignment(result: Result, context: Context) -> Section:
    """Return the section on directions."""
    frame = result.estimates
    frame = frame.assign(**{name: "" for name in ("term", "other", "group") if name not in frame.columns})
    rows = _rows(frame[frame["estimand"] == "alignment"])
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), Paragraph((_CAUTION,))]
    blocks += _figures(rows, confidence(frame), context)
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
    verdict = _verdict(row)
    return (
        Strong("Expected directions"),
        f": {percent(row['estimate'], 0)} {interval(low, high, lambda x: percent(x, 0))} of the signs within respondents are those "
        f"known from people{f' ({verdict})' if verdict else ''}{f', {p_phrase(p)} against one half' if math.isfinite(p) else ''}.",
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
        return _PARTS[4], group.removeprefix(_RESPONDENT), ""
    if term and other:
        return _PARTS[3], f"{term} | {other}", group
    if term or other:
        return _PARTS[1] if term else _PARTS[2], term or other, group
    return _PARTS[0], _WHOLE, group


def _best(row: Row) -> dict[str, Any]:
    """Return the clustered version where it has an interval, else the other."""
    for kind in (_CLUSTERED, _SINGLE):
        found = row["parts"].get(kind)
        if found is not None and math.isfinite(value(found, "conf_low")):
            return dict(found)
    return {}


def _limits(row: Row) -> tuple[float, float]:
    best = _best(row)
    return value(best, "conf_low"), value(best, "conf_high")


def _verdict(row: Row) -> str:
    """Return where the interval lies against one half."""
    low, high = _limits(row)
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return _CHANCE if low <= 0.5 <= high else "more than chance" if low > 0.5 else "less than chance"


def _table(rows: list[dict[str, Any]], level: str, part: str) -> Table:
    columns = [
        Show("Respondent", lambda row: data(row["name"] if part == _PARTS[4] else ""), numeric=False),
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        Show("Group", lambda row: data(row["series"]), numeric=False),
        Show("n", lambda row: count(row["n"])),
        Show("Signs as expected", lambda row: count(value(_version(row, _SINGLE), "statistic"))),
        Show("Share", lambda row: percent(row["estimate"])),
        _interval_of(_SINGLE, f"{level} interval, signs independent"),
        Show("p, sign test", lambda row: p_value(value(_version(row, _SINGLE), "p_value"))),
        _interval_of(_CLUSTERED, f"{level} interval, clustered by respondent"),
        Show("t", lambda row: number(value(_version(row, _CLUSTERED), "statistic"), 2)),
        Show("df", lambda row: degrees(_version(row, _CLUSTERED))),
        Show("p, clustered", lambda row: p_value(value(_version(row, _CLUSTERED), "p_value"))),
        Show("One half", lambda row: _verdict(row).removeprefix("one half "), numeric=False),
        *known_columns(rows, percent),
    ]
    caption = (
        f"Share of the signs that are as expected, {part}. The sign test and the first interval take signs as independent, the second "
        "interval and its t test respondents. The words go by the clustered interval where there is one."
        if part != _PARTS[4]
        else "Share of a respondent's signs that are as expected. The intervals take its signs as independent, which they are not quite."
    )
    return build(rows, columns, (caption,), folded=part == _PARTS[4] or len(rows) > _FOLDED, remarks=True)


def _version(row: Row, kind: str) -> dict[str, Any]:
    """Return the independent or the clustered version of a share; nothing where there is none."""
    found = row["parts"].get(kind)
    return dict(found) if found else {}


def _interval_of(kind: str, heading: str) -> Show:
    def cell(row: Row) -> str:
        version = _version(row, kind)
        return interval(value(version, "conf_low"), value(version, "conf_high"), percent)

    return Show(heading, cell)


def _figures(rows: list[dict[str, Any]], level: str, context: Context) -> list[Figure]:
    """Return the shares of every part below each other; of many respondents those at both ends."""
    drawn = [row for row in rows if math.isfinite(row["estimate"])]
    series = list(dict.fromkeys(row["series"] for row in drawn))
    kept = set(series[: len(STYLES)])
    panels: dict[str, list[Dot]] = {}
    cut = f" Of {len(series)} groups the first {len(STYLES)} are drawn." if len(series) > len(STYLES) else ""
    for part in _PARTS:
        mine = [row for row in drawn if row["part"] == part and row["series"] in kept]
        names = list(dict.fromkeys(row["name"] for row in mine))
        if part == _PARTS[4]:
            mine.sort(key=lambda row: row["estimate"])
            names = [row["name"] for row in mine]
        if len(names) > _ROWS:
            ends = part == _PARTS[4]
            names = [*names[: _ROWS // 2], *names[-_ROWS // 2 :]] if ends else names[:_ROWS]
            cut += f" {part.capitalize()}: {'both ends' if ends else 'the first'} of many are drawn."
        if mine:
            panels[part.capitalize()] = [_dot(row) for row in mine if row["name"] in set(names)]
    if not panels:
        return []
    whole = next((row for row in drawn if row["part"] == _PARTS[0]), drawn[0])
    far = sum(_verdict(row) not in ("", _CHANCE) for row in drawn)
    return [
        draw_forest(
            {title: [_percent(dot) for dot in dots] for title, dots in panels.items()},
            name=f"{context.anchor}-shares",
            axis="signs as expected (%)",
            alt=f"Share of signs in the expected direction: {percent(whole['estimate'])} {whole['part']}. In {far} of {len(drawn)} shares the "
            "interval leaves out one half.",
            caption=(
                f"Share of the signs within respondents that are as expected, with {level} interval, clustered by respondent where there are several. "
                f"The line is one half, what coin tosses give.{cut}",
            ),
            centre=50.0,
            limits=(-2.0, 102.0),
            shared_rows=False,
        )
    ]  # fmt: skip


def _dot(row: dict[str, Any]) -> Dot:
    return Dot(row["name"], row["series"] or "all", row["estimate"], *_limits(row), row["reference"])


def _percent(dot: Dot) -> Dot:
    return Dot(dot.row, dot.series, 100 * dot.estimate, 100 * dot.low, 100 * dot.high, 100 * dot.known)
