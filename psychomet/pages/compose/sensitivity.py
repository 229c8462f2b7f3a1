"""Sensitivity: does the way of asking move the score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import merged
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    degrees,
    interval,
    interval_column,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    percent,
    records,
    value,
)
from psychomet.pages.words import Scheme, span
from psychomet.result.result import Result

_LEAD = (
    "Does the way of asking move the score? For each facet: the share of the score variance that goes with its "
    "levels, with the test that all levels are equal, and the mean at each level. A score that moves with the "
    "wording or the order of options says something about the question, not only about the respondent."
)
_MAX_SCALES, _MAX_LEVELS, _MAX_LINES, _MAX_FACETS = 20, 30, 60, 12


def sensitivity(result: Result, context: Context) -> Section:
    """Return the section on facets."""
    frame = result.estimates
    if "facet" not in frame.columns:
        frame = frame.assign(facet="")
    if "level" not in frame.columns:
        frame = frame.assign(level="")
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    shares = frame[frame["estimand"] == "facet_share"]
    if not shares.empty:
        blocks += _share_figures(shares, context)
        blocks.append(_share_table(shares, context))
    for at, facet in enumerate(dict.fromkeys(frame["facet"].tolist()), 1):
        levels = frame[(frame["facet"] == facet) & frame["estimand"].isin(["level_mean", "level_contrast"])]
        if levels.empty:
            continue
        blocks.append(Heading(f"Facet: {facet}"))
        if at <= _MAX_FACETS:
            blocks += _level_figures(levels, shares[shares["facet"] == facet], context, at)
        blocks.append(_level_table(levels))
    return Section(context.title, context.anchor, tuple(blocks))


def _share_table(frame: pd.DataFrame, context: Context) -> Table:
    order = list(dict.fromkeys(frame["facet"].tolist()))
    rows = sorted(merged(frame, ("facet", "term", "group")), key=lambda row: order.index(row["facet"]))
    for row in rows:
        row["words"] = span(
            context.rules.share, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
        )
    columns = [
        label_column("facet", "Facet"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "Share of variance", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        Show("In words", lambda row: row["words"], numeric=False),
        number_column("statistic", "F", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows, percent),
    ]
    caption = (
        "Share of the score variance that each facet carries. The adjusted p value allows for all tests of this "
        "table; the words span the interval."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True)


def _share_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [row for row in records(frame) if math.isfinite(value(row, "estimate"))]
    if not rows:
        return []
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    facets = list(dict.fromkeys(str(row["facet"]) for row in rows))
    kept_names, kept_facets = set(names[:40]), set(facets[:_MAX_FACETS])
    panels: dict[str, list[Dot]] = {}
    for row in rows:
        name = in_group(row["term"], row["group"])
        if name in kept_names and row["facet"] in kept_facets:
            panels.setdefault(str(row["facet"]), []).append(
                Dot(
                    row=name,
                    series="share",
                    estimate=100 * value(row, "estimate"),
                    low=100 * value(row, "conf_low"),
                    high=100 * value(row, "conf_high"),
                    known=100 * value(row, "reference"),
                )
            )
    top = max(rows, key=lambda row: value(row, "estimate"))
    cut = (
        " The first of many are drawn; the table has all."
        if len(names) > 40 or len(facets) > _MAX_FACETS
        else ""
    )
    edges = ", ".join(percent(edge, 0) for edge in context.rules.share.edges)
    figure = draw_panels(
        panels,
        name=f"{context.anchor}-shares",
        axis="share of the score variance (%)",
        alt=f"Share of the score variance that each facet carries. Largest: {top['facet']} for "
        f"{in_group(top['term'], top['group'])}, {percent(value(top, 'estimate'))}.",
        caption=(
            f"Share of the score variance by facet, with {confidence(frame)} interval. Dotted lines: {edges}, the "
            f"cut-points of the words.{cut}",
        ),
        same_limits=True,
        scheme=_in_percent(context),
    )
    return [figure]


def _in_percent(context: Context) -> Scheme:
    scheme = context.rules.share
    return Scheme(scheme.quantity, tuple(100 * edge for edge in scheme.edges), scheme.words, scheme.source)


def _level_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per scale, group and level, with the mean and the contrast side by side."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in records(frame):
        key = (str(row["term"]), str(row["group"]), str(row["level"]))
        entry = rows.setdefault(key, {"term": key[0], "group": key[1], "level": key[2], "reason": ""})
        if row["estimand"] == "level_mean":
            entry |= {
                name: value(row, name) for name in ("n", "estimate", "conf_low", "conf_high", "reference")
            }
        else:
            entry |= {name: value(row, name) for name in ("statistic", "df", "df2", "p_value", "p_adjusted")}
            entry["difference"] = {
                name: value(row, name) for name in ("estimate", "conf_low", "conf_high", "reference")
            }
        if row["reason"] and str(row["reason"]) not in entry["reason"]:
            entry["reason"] = "; ".join(filter(None, (entry["reason"], str(row["reason"]))))
    return list(rows.values())


def _difference(row: Row) -> Row:
    """Return the contrast of a row of :func:`_level_rows`; nothing where there is none."""
    found = row.get("difference")
    return found if isinstance(found, dict) else {}


def _difference_interval(row: Row) -> str:
    return interval(value(_difference(row), "conf_low"), value(_difference(row), "conf_high"))


def _known_differences(rows: Sequence[Row]) -> list[Show]:
    """Return the column of the known differences; none if no row has one."""
    shown = known_columns([_difference(row) for row in rows])
    if not shown:
        return []
    (column,) = shown
    return [Show("Known difference", lambda row: column.cell(_difference(row)))]


def _level_table(frame: pd.DataFrame) -> Table:
    rows = _level_rows(frame)
    level = confidence(frame)
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("level", "Level"),
        number_column("n", "n", count),
        number_column("estimate", "Mean"),
        interval_column(f"{level} interval"),
        Show("Minus other levels", lambda row: number(value(_difference(row), "estimate"))),
        Show(f"{level} interval of it", _difference_interval),
        number_column("statistic", "t", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
        *_known_differences(rows),
    ]
    return build(
        rows,
        columns,
        ("Mean scores by level, and the difference from the other levels.",),
        folded=True,
        remarks=True,
    )


def _level_figures(frame: pd.DataFrame, shares: pd.DataFrame, context: Context, at: int) -> list[Figure]:
    rows = [row for row in _level_rows(frame) if math.isfinite(value(row, "estimate"))]
    if not rows:
        return []
    weight = {
        in_group(row["term"], row["group"]): value(row, "estimate")
        for row in records(shares)
        if math.isfinite(value(row, "estimate"))
    }
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    levels = list(dict.fromkeys(row["level"] for row in rows))
    cut, most = "", min(_MAX_SCALES, 5 * max(1, _MAX_LINES // min(len(levels), _MAX_LEVELS)))
    if len(names) > most:
        largest = sorted(names, key=lambda name: -weight.get(name, -1.0))[:most]
        cut = f" Of {len(names)} scales the {most} on which the facet carries most are drawn."
        names = [name for name in names if name in largest]
    if len(levels) > _MAX_LEVELS:
        cut += f" The first {_MAX_LEVELS} of {len(levels)} levels are drawn."
    drawn = set(levels[:_MAX_LEVELS])
    panels: dict[str, list[Dot]] = {name: [] for name in names}
    for row in rows:
        name = in_group(row["term"], row["group"])
        if name in panels and row["level"] in drawn:
            dot = Dot(row["level"], "mean", value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"),
                      value(row, "reference"))  # fmt: skip
            panels[name].append(dot)
    spread = {
        name: max(dot.estimate for dot in dots) - min(dot.estimate for dot in dots)
        for name, dots in panels.items() if dots
    }  # fmt: skip
    widest = max(spread, key=lambda name: spread[name])
    facet = str(frame["facet"].iloc[0])
    figure = draw_panels(
        {name: dots for name, dots in panels.items() if dots},
        name=f"{context.anchor}-levels-{at}",
        axis="mean score",
        alt=f"Mean scores at {len(levels)} levels of facet {facet}; the levels lie farthest apart for {widest}, "
        f"by {number(spread[widest], 2)}.",
        caption=(
            f"Mean score at each level with {confidence(frame)} interval. Panels are equally wide where their units "
            f"allow it, each around its own means.{cut}",
        ),
    )
    return [figure]
