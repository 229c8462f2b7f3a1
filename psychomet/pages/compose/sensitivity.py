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
_RATIO = (
    "Does who is played move the score more than mere rewording does? The ratio of the two variances: above 1 personas "
    "move it more, below 1 rewordings do. With a control the yardstick is the spread of its mean scores over the "
    "rewordings; without one, every persona met every form. A handful of forms leaves the ratio uncertain."
)
_LEVEL_ROWS = ("level_mean", "level_contrast", "level_sd")
_LONG = 18
"""A panel title of more characters is cut where five panels stand side by side."""
_MAX_SCALES, _MAX_LEVELS, _MAX_LINES, _MAX_FACETS = 20, 30, 60, 12


def sensitivity(result: Result, context: Context) -> Section:
    """Return the section on facets."""
    frame = result.estimates
    if "facet" not in frame.columns:
        frame = frame.assign(facet="")
    if "level" not in frame.columns:
        frame = frame.assign(level="")
    alone = set(frame["estimand"]) == {"persona_ratio"}
    blocks: list[Block] = [] if alone else [Paragraph((_LEAD,), "lead")]
    shares = frame[frame["estimand"] == "facet_share"]
    if not shares.empty:
        blocks += _share_figures(shares, context)
        blocks.append(_share_table(shares, context))
    for at, facet in enumerate(dict.fromkeys(frame["facet"].tolist()), 1):
        levels = frame[(frame["facet"] == facet) & frame["estimand"].isin(_LEVEL_ROWS)]
        if levels.empty:
            continue
        blocks.append(Heading(f"Facet: {facet}"))
        if at <= _MAX_FACETS:
            blocks += _level_figures(levels, shares[shares["facet"] == facet], context, at)
        blocks.append(_level_table(levels))
        against = frame[(frame["facet"] == facet) & (frame["estimand"] == "level_difference")]
        if not against.empty:
            blocks.append(_reference_table(against))
    ratios = frame[frame["estimand"] == "persona_ratio"]
    if not ratios.empty:
        blocks += (
            [Paragraph((_RATIO,), "lead")]
            if alone
            else [Heading("Personas against rewordings"), Paragraph((_RATIO,))]
        )
        blocks += [*_ratio_figures(ratios, context), _ratio_table(ratios)]
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
        elif row["estimand"] == "level_sd":
            entry["sd"] = value(row, "estimate")
            entry["sd_interval"] = interval(value(row, "conf_low"), value(row, "conf_high"))
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
        *_sd_columns(rows, level),
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


def _sd_columns(rows: Sequence[Row], level: str) -> list[Show]:
    """Return the columns of the standard deviations; none if no row has one."""
    if not any("sd" in row for row in rows):
        return []
    return [
        Show("SD", lambda row: number(value(row, "sd"))),
        Show(f"{level} interval of SD", lambda row: str(row.get("sd_interval", ""))),
    ]


def _reference_table(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("level", "Level"),
        label_column("other", "Minus"),
        number_column("n", "n", count),
        number_column("estimate", "Difference"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("statistic", "t", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    pretest = frame["method"].str.contains("F test").any()
    how = (
        " The test was chosen by an F test of the spreads, as in print; its error rate is not exactly the nominal one."
        if pretest
        else ""
    )
    return build(
        rows,
        columns,
        (f"Mean score at each level minus that at the reference.{how}",),
        folded=len(rows) > 20,
        remarks=True,
    )


def _ratio_table(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("facet", "Reworded"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("other", "Personas"),
        label_column("level", "Control"),
        number_column("n", "Personas met", count),
        number_column("estimate", "Ratio of variances"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    return build(
        rows,
        columns,
        ("Variance over personas divided by variance over rewordings.",),
        folded=len(rows) > 40,
        remarks=True,
    )


def _ratio_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw the ratios on a scale of powers of ten, a panel per facet."""
    rows = [row for row in records(frame) if value(row, "conf_low") > 0]
    panels: dict[str, list[Dot]] = {}
    for row in rows:
        if len(panels) < _MAX_FACETS or row["facet"] in panels:
            values = [value(row, name) for name in ("estimate", "conf_low", "conf_high")]
            middle, low, high = (math.log10(each) for each in values)
            panels.setdefault(str(row["facet"]), []).append(
                Dot(in_group(row["term"], row["group"]), "ratio", middle, low, high)
            )
    panels = {facet: dots[:40] for facet, dots in panels.items()}
    if not panels:
        return []
    above = sum(value(row, "conf_low") > 1 for row in rows)
    caption = (
        f"Ratio of variances with {confidence(frame)} interval, as a power of ten: at 0 both variances are equal, at 1 that over "
        "personas is ten times as large."
    )
    figure = draw_panels(
        panels,
        name=f"{context.anchor}-personas",
        axis="variance over personas / over rewordings (power of ten)",
        alt=f"Ratio of the variance over personas to that over rewordings; {above} of {len(rows)} intervals lie above 1.",
        caption=(caption,),
        same_limits=True,
    )
    return [figure]


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
        most=3 if max(map(len, names)) > _LONG else 5,
    )
    return [figure]
