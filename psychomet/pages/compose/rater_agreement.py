"""Agreement of raters: would another rater have given the same rating, and who is severe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.generalizability import with_columns
from psychomet.pages.compose.merge import beside, interval_columns, limits, merged, part, part_columns
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    known_columns,
    label_column,
    number,
    number_column,
    value,
)
from psychomet.result.result import Result
from psychomet.text import visible

_LEAD = (
    "Would another rater have given the same rating? Each coefficient is 1 when all raters agree and 0 when they agree "
    "no more than chance would make them. They differ in what they call chance and in what they forgive: where nearly "
    "all ratings are one category, kappa and Krippendorff's alpha fall although the raters seldom differ."
)
_SEVERITY = (
    "Severity is how far a rater lies above or below the mean of all raters of the same answers. It moves every score "
    "that the rater gives; it does not change the order of the respondents within one rater. Discrimination is the "
    "correlation with the mean of the other raters. The slope says why it is high or low: a rater below 1 compresses the "
    "scale, one above 1 stretches it, as far as the other raters agree; the residual standard deviation is the rater's "
    "own scatter about that line."
)
_NAMES = {
    "percent_agreement": "Percent agreement",
    "cohen_kappa": "Cohen's kappa",
    "weighted_kappa": "Weighted kappa",
    "fleiss_kappa": "Fleiss' kappa",
    "light_kappa": "Light's kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
    "gwet_ac1": "Gwet's AC1",
    "gwet_ac2": "Gwet's AC2",
    "kendall_w": "Kendall's W",
    "concordance_correlation": "Concordance correlation",
}
_DRAWN = ("krippendorff_alpha", "gwet_ac1", "gwet_ac2", "fleiss_kappa", "light_kappa", "kendall_w",
          "cohen_kappa", "weighted_kappa", "concordance_correlation")  # fmt: skip
_LIMITS = ("mean_difference", "limit_of_agreement_low", "limit_of_agreement_high")
_RATERS = ("rater_severity", "rater_discrimination", "rater_slope", "rater_residual_sd")
_WHOLE = "whole table"
_READ = ("jackknife", "Wilson")
_FURTHER = (("rater_slope", "Slope"), ("rater_residual_sd", "Residual SD"))
_AXES = {
    "rater_severity": ("severity (units of the score)", "right of zero a rater gives more than the others, left of it less"),
    "rater_discrimination": (
        "discrimination", "the further to the right, the more a rater tells respondents apart as the others do",
    ),
    "rater_slope": ("slope", "below 1 a rater uses less of the scale than the others do, above 1 more"),
    "rater_residual_sd": (
        "residual standard deviation (units of the score)", "the further to the right, the less consistent a rater is",
    ),
}  # fmt: skip
_EVERYONE = "all raters"
"""Units on which not two but all raters agree."""
_PER_FIGURE, _MAX_SERIES, _MAX_RATERS, _MAX_PANELS, _MAX_LINES = 20, 6, 40, 10, 24


def rater_agreement(result: Result, context: Context) -> Section:
    """Return the section on raters."""
    frame = with_columns(result.estimates, ("other", "facet"))
    differences, raters = frame["estimand"].isin(_LIMITS), frame["estimand"].isin(_RATERS)
    whole = frame["other"].isin(["", _EVERYONE])
    coefficients = ~differences & ~raters
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    drawn = frame[coefficients & (frame["other"] == "")]
    blocks += _figure(drawn if not drawn.empty else frame[coefficients], context)
    if (coefficients & whole).any():
        blocks.append(
            _table(frame[coefficients & whole], f"All raters together.{_taken(result)}", folded=False)
        )
    if (coefficients & ~whole).any():
        blocks.append(_table(frame[coefficients & ~whole], "Pairs of raters.", folded=True))
    if differences.any():
        blocks.append(_limit_table(frame[differences]))
    if raters.any():
        blocks += [Heading("The raters one by one"), Paragraph((_SEVERITY,))]
        for estimand in _RATERS:
            blocks += _rater_figure(frame[frame["estimand"] == estimand], estimand, context)
        blocks.append(_rater_table(frame[raters]))
    return Section(context.title, context.anchor, tuple(blocks))


def _taken(result: Result) -> str:
    """Return what the answers are taken as, where the settings say so."""
    measurement, weights = result.settings.get("measurement"), result.settings.get("weights")
    across = result.settings.get("across")
    said = f" The raters are the levels of {visible(across, 60)}." if isinstance(across, str) else ""
    if isinstance(measurement, str):
        said += f" Answers are taken as {visible(measurement, 20)}"
        said += (
            f"; weights of weighted kappa and AC2: {visible(weights, 20)}."
            if isinstance(weights, str)
            else "."
        )
    return said


def _table(frame: pd.DataFrame, title: str, *, folded: bool) -> Table:
    rows = merged(frame, ("facet", "term", "group", "other", "estimand"))
    for row in rows:
        row["intervals"] = _columns(row["intervals"])
        row["name"] = _NAMES.get(str(row["estimand"]), str(row["estimand"]).replace("_", " "))
    columns = [
        *([label_column("facet", "Raters are")] if len({row.get("facet") for row in rows}) > 1 else []),
        label_column("term", "Ratings"),
        label_column("group", "Group"),
        label_column("name", "Coefficient"),
        label_column("other", "Raters"),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        *interval_columns(rows, confidence(frame)),
        *known_columns(rows),
    ]  # fmt: skip
    caption = (
        f"{title} n is the number of respondents whose ratings enter. The first interval is the one to read: "
        "Wilson's for percent agreement, the jackknife's otherwise."
    )
    return build(rows, columns, (caption,), folded=folded or len(rows) > 60, remarks=True)


def _columns(intervals: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Return the intervals of a row by column: the one to read has no name, the others keep theirs."""
    first = next((name for name in intervals if name in _READ), next(iter(intervals)))
    return {"": intervals[first]} | {name: ends for name, ends in intervals.items() if name != first}


def _limit_table(frame: pd.DataFrame) -> Table:
    rows = beside(frame, ("facet", "term", "group", "other"))
    level = confidence(frame)
    columns = [
        label_column("term", "Ratings"),
        label_column("group", "Group"),
        label_column("other", "Raters"),
        number_column("n", "n", count),
        *part_columns("mean_difference", "Mean difference", level),
        *part_columns("limit_of_agreement_low", "Lower limit of agreement", level),
        *part_columns("limit_of_agreement_high", "Upper limit of agreement", level),
    ]
    caption = "Differences of two raters: 95 of 100 should lie between the limits of agreement, in units of the score."
    return build(rows, columns, (caption,), folded=len(rows) > 10, remarks=True)


def _rater_table(frame: pd.DataFrame) -> Table:
    rows = beside(frame, ("term", "group", "other"))
    level = confidence(frame)
    columns = [
        label_column("term", "Ratings"),
        label_column("group", "Group"),
        label_column("other", "Rater"),
        number_column("n", "n", count),
        *part_columns("rater_severity", "Severity", level),
        *part_columns("rater_discrimination", "Discrimination", level),
        *(
            column
            for name, heading in _FURTHER
            if any(part(row, name) for row in rows)
            for column in part_columns(name, heading, level)
        ),
        *_known(rows),
    ]
    return build(
        rows, columns, ("Raters one by one, in units of the score.",), folded=len(rows) > 30, remarks=True
    )


def _known(rows: Sequence[dict[str, Any]]) -> list[Show]:
    shown = known_columns([part(row, "rater_severity") for row in rows])
    return [Show("Known severity", lambda row: shown[0].cell(part(row, "rater_severity")))] if shown else []


def _name(row: dict[str, Any]) -> str:
    """Return the name of a line: the scale, its group and, for a pair, the raters."""
    name = in_group(row["term"], row["group"])
    return f"{name}: {row['other']}" if row["other"] else name


def _figure(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [
        row
        for row in merged(frame, ("facet", "term", "group", "other", "estimand"))
        if row["estimand"] in _DRAWN and math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return []
    names = list(dict.fromkeys(map(_name, rows)))
    there = {str(row["estimand"]) for row in rows}
    series = [name for name in _DRAWN if name in there][:_MAX_SERIES]
    dots = []
    for row in sorted(rows, key=lambda row: (names.index(_name(row)), _DRAWN.index(row["estimand"]))):
        if row["estimand"] not in series or names.index(_name(row)) >= _PER_FIGURE:
            continue
        dots.append(
            Dot(
                row=_name(row),
                series=_NAMES[str(row["estimand"])],
                estimate=value(row, "estimate"),
                low=limits(row)[0],
                high=limits(row)[1],
                known=value(row, "reference"),
            )
        )
    same = sorted((dot for dot in dots if dot.series == dots[0].series), key=lambda dot: dot.estimate)
    cut = f" The first {_PER_FIGURE} of {len(names)} lines are drawn." if len(names) > _PER_FIGURE else ""
    figure = draw_dots(
        dots,
        name=f"{context.anchor}-coefficients",
        axis="agreement beyond chance (0 = chance, 1 = full agreement)",
        alt=f"{same[0].series} of {len(same)} sets of ratings, from {number(same[0].estimate, 2)} ({same[0].row}) to "
        f"{number(same[-1].estimate, 2)} ({same[-1].row}).",
        caption=(f"Agreement of raters with {confidence(frame)} intervals.{cut}",),
        floor=-1.0,
        ceiling=1.02,
        reach=(0.0, 1.0),
    )
    return [figure]


def _rater_figure(frame: pd.DataFrame, estimand: str, context: Context) -> list[Figure]:
    rows = [
        row
        for row in merged(frame, ("facet", "term", "group", "other"))
        if math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return []
    raters = list(dict.fromkeys(str(row["other"]) for row in rows))
    axis, reading = _AXES[estimand]
    word = axis.partition(" (")[0]
    order = sorted(rows, key=lambda row: value(row, "estimate"))
    alt = (
        f"{word.capitalize()} of {len(raters)} raters, from {number(value(order[0], 'estimate'), 2)} "
        f"({order[0]['other']}, {in_group(order[0]['term'], order[0]['group'])}) to "
        f"{number(value(order[-1], 'estimate'), 2)} "
        f"({order[-1]['other']}, {in_group(order[-1]['term'], order[-1]['group'])})."
    )
    name = f"{context.anchor}-{estimand.removeprefix('rater_').replace('_', '-')}"
    caption = f"{word.capitalize()} with {confidence(frame)} intervals: {reading}."
    if any(row["group"] for row in rows):
        return [_grouped_figure(rows, name=name, axis=axis, alt=alt, caption=caption)]
    scales = list(dict.fromkeys(str(row["term"]) for row in rows))
    panels: dict[str, list[Dot]] = {scale: [] for scale in scales[:_MAX_PANELS]}
    for row in rows:
        if row["term"] in panels and str(row["other"]) in raters[:_MAX_RATERS]:
            panels[str(row["term"])].append(Dot(str(row["other"]), "rater", *_numbers(row)))
    cut = " The first of many are drawn." if len(raters) > _MAX_RATERS or len(scales) > _MAX_PANELS else ""
    figure = draw_panels(
        {scale: dots for scale, dots in panels.items() if dots},
        name=name,
        axis=axis,
        alt=alt,
        caption=(caption + cut,),
        same_limits=True,
    )
    return [figure]


def _numbers(row: Row) -> tuple[float, float, float, float]:
    return (value(row, "estimate"), *limits(row), value(row, "reference"))


def _grouped_figure(rows: Sequence[Row], *, name: str, axis: str, alt: str, caption: str) -> Figure:
    """Draw the raters of all scales one below the other, the groups of the table beside each other."""
    one = len({row["term"] for row in rows}) == 1
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))
    lines = list(dict.fromkeys((str(row["term"]), str(row["other"])) for row in rows))
    dots = [
        Dot(
            str(row["other"]) if one else f"{row['term']} | {row['other']}",
            str(row["group"]) or _WHOLE,
            *_numbers(row),
        )
        for group in groups[:_MAX_SERIES]
        for row in rows
        if row["group"] == group and (str(row["term"]), str(row["other"])) in lines[:_MAX_LINES]
    ]
    cut = ""
    if len(groups) > _MAX_SERIES:
        cut += f" The first {_MAX_SERIES} of {len(groups)} groups are drawn."
    if len(lines) > _MAX_LINES:
        cut += f" The first {_MAX_LINES} of {len(lines)} lines are drawn."
    return draw_dots(dots, name=name, axis=axis, alt=alt, caption=(caption + cut,))
