"""Sizes of effects: how far a condition, a group or a dose moves the scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group, mapping
from psychomet.pages.compose.effects_stability import stability
from psychomet.pages.compose.merge import beside, part, part_columns
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.curves import Point
from psychomet.pages.figures.doses import draw_doses
from psychomet.pages.figures.dots import STYLES, Dot, draw_dots
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Row,
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
    "How large is the difference that a condition makes? Each level is compared with the reference: in points of the scale, in "
    "standard deviations, and as the probability that a score at the level exceeds one at the reference (50 % where there is no "
    "effect). A standardised difference is only as good as the spread it is divided by: where scores crowd at an end of the "
    "scale it overstates the effect."
)
_DIFFERENCES = (
    ("cohen_d", "Cohen d"),
    ("cohen_d_n", "Cohen d (divisor n)"),
    ("hedges_g", "Hedges g"),
    ("glass_delta", "Glass delta"),
    ("cohen_dz", "d of differences"),
)
_ORDERS = (("cliff_delta", "Cliff delta"), ("rank_biserial", "Rank-biserial"))
_KEPT = (("rank_preservation_rho", "Order kept, rho"), ("rank_preservation_tau", "Order kept, tau"))
_PAIR = ("term", "group", "facet", "level", "other")
_SHARES = (
    "eta_squared", "omega_squared", "generalized_eta_squared", "sphericity_epsilon", "rank_preservation_icc",
)  # fmt: skip
_MAX_PANELS, _MAX_ROWS, _MAX_DOSES = 8, 30, 12


def effects(result: Result, context: Context) -> Section:
    """Return the section on sizes of effects."""
    frame = result.estimates
    for name in ("facet", "level", "other"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    # Both divisors are one estimand told apart by the method: two columns of the table.
    by_n = (frame["estimand"] == "cohen_d") & frame["method"].str.endswith("divisor n")
    frame = frame.assign(estimand=frame["estimand"].mask(by_n, "cohen_d_n"))
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _dose_figures(frame, result, context)
    blocks += _difference_figures(frame, context)
    names = [
        "mean_difference",
        "probability_of_superiority",
        *(n for n, _ in (*_DIFFERENCES, *_ORDERS, *_KEPT)),
    ]
    pairs = frame[frame["estimand"].isin(names)]
    if not pairs.empty:
        blocks += [_point_table(pairs), _size_table(pairs)]
    doses = frame[frame["estimand"].str.startswith(("dose_", "median_range", "monotone_"))]
    if not doses.empty:
        blocks += [Heading("From dose to dose"), _dose_table(doses)]
    shares = frame[frame["estimand"].isin(_SHARES)]
    if not shares.empty:
        blocks.append(_share_table(shares))
    blocks += stability(frame)
    pooled = frame[frame["estimand"].isin(["pooled_effect", "further_effect", "effect_sd", "i_squared"])]
    if not pooled.empty:
        blocks += [Heading("Pooled over groups"), _pooled_table(pooled)]
    return Section(context.title, context.anchor, tuple(blocks))


def _labels(*columns: tuple[str, str]) -> list[Show]:
    return [label_column(name, heading) for name, heading in columns]


_WHICH = (("term", "Scale"), ("group", "Group"), ("level", "Level"), ("other", "Against"))


def _test_columns(estimand: str) -> list[Show]:
    """Return the columns of the test of one estimand of rows put side by side."""
    return [
        Show("df", lambda row: degrees(part(row, estimand))),
        Show("p", lambda row: p_value(value(part(row, estimand), "p_value"))),
        Show("p adjusted", lambda row: p_value(value(part(row, estimand), "p_adjusted"))),
    ]


def _known(rows: Sequence[Row], estimand: str) -> list[Show]:
    """Return the column of the known values of one estimand; none if no row has one."""
    shown = known_columns([part(row, estimand) for row in rows])
    if not shown:
        return []
    (column,) = shown
    return [Show(column.heading, lambda row: column.cell(part(row, estimand)))]


def _point_table(frame: pd.DataFrame) -> Table:
    level = confidence(frame)
    rows = beside(frame[frame["estimand"].isin(["mean_difference", "probability_of_superiority"])], _PAIR)
    columns = [
        *_labels(*_WHICH),
        number_column("n", "n", count),
        *part_columns("mean_difference", "Difference in points", level),
        Show("p adjusted", lambda row: p_value(value(part(row, "mean_difference"), "p_adjusted"))),
        *part_columns("probability_of_superiority", "Probability of a higher score", level, percent),
        *_known(rows, "mean_difference"),
    ]
    caption = (
        "Differences from the reference in points of the scale, and the probability that a score at the level is the higher "
        "one, ties counted half. The adjusted p value allows for all differences of the call."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True)


def _size_table(frame: pd.DataFrame) -> Table:
    level = confidence(frame)
    there = set(frame["estimand"])
    kinds = [(name, heading) for name, heading in (*_DIFFERENCES, *_ORDERS, *_KEPT) if name in there]
    names = ["mean_difference", *(name for name, _ in kinds)]
    rows = beside(frame[frame["estimand"].isin(names)], _PAIR)
    columns = [*_labels(*_WHICH), number_column("n", "n", count)]
    for name, heading in kinds:
        columns += [*part_columns(name, heading, level), *_known(rows, name)]
    columns += [
        Show("t of the difference", lambda row: number(value(part(row, "mean_difference"), "statistic"), 2)),
        Show("df", lambda row: degrees(part(row, "mean_difference"))),
        Show("p", lambda row: p_value(value(part(row, "mean_difference"), "p_value"))),
    ]
    caption = (
        "Standardised differences, effects of order, and the test of the difference in points. Cohen's d and Hedges' g divide by "
        "the pooled spread, Glass' delta by that of the reference; within respondents d divides by the average spread of both "
        "levels, and the d of differences by the spread of the differences."
    )
    return build(rows, columns, (caption,), folded=True, remarks=True)


def _dose_table(frame: pd.DataFrame) -> Table:
    level = confidence(frame)
    # The range of medians alone names two levels: without them it joins its scale's row.
    rows = beside(frame, ("term", "group"))
    columns = [
        *_labels(("term", "Scale"), ("group", "Group")),
        number_column("n", "n", count),
        *part_columns("dose_rho", "Spearman rho of dose", level),
        *part_columns("dose_slope", "Points per unit of dose", level),
        *part_columns("median_range", "Median, highest minus lowest dose", level),
        Show("Monotone share", lambda row: percent(value(part(row, "monotone_share"), "estimate"))),
        Show("p of it", lambda row: p_value(value(part(row, "monotone_share"), "p_value"))),
        Show("Of the means", lambda row: percent(value(part(row, "monotone_of_means"), "estimate"))),
        *_known(rows, "dose_rho"),
    ]
    caption = (
        "How the score follows the dose. Monotone share: variance of the scores that a function of the dose which never turns "
        "back carries, with its test by reordering; of the means: the same of the level means, 100 % where they never turn back."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True)


def _share_table(frame: pd.DataFrame) -> Table:
    level = confidence(frame)
    rows = beside(frame, ("term", "group", "facet"))
    there = set(frame["estimand"])
    columns = [
        *_labels(("term", "Scale"), ("group", "Group"), ("facet", "Facet")),
        number_column("n", "n", count),
        *part_columns("eta_squared", "Eta squared", level, percent),
        Show("Omega squared", lambda row: percent(value(part(row, "omega_squared"), "estimate"))),
        Show("F", lambda row: number(value(part(row, "eta_squared"), "statistic"), 2)),
        *_test_columns("eta_squared"),
    ]
    caption = (
        "Share of the variance that goes with the levels, all of them together. The "
        "interval is that of the true share, which omega squared estimates nearly without bias."
    )
    if "generalized_eta_squared" in there:
        columns += part_columns("generalized_eta_squared", "Generalized eta squared", level, percent)
        caption += (
            " Within respondents eta and omega squared are partial: differences between respondents are taken out; generalized "
            "eta squared leaves them in."
        )
    if "sphericity_epsilon" in there:
        columns += [
            Show("Epsilon", lambda row: number(value(part(row, "sphericity_epsilon"), "estimate"), 2)),
            Show("p corrected", lambda row: p_value(value(part(row, "sphericity_epsilon"), "p_value"))),
        ]
        caption += (
            " The F test takes differences between any two levels as equally variable; epsilon is 1 where they are, and the "
            "corrected p value allows for it."
        )
    if "rank_preservation_icc" in there:
        columns += part_columns("rank_preservation_icc", "Order kept, ICC of ranks", level)
        caption += (
            " The intraclass correlation of ranks says how far respondents keep their order over all levels."
        )
    return build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True)


def _pooled_table(frame: pd.DataFrame) -> Table:
    level = confidence(frame)
    rows = beside(frame, _PAIR)
    columns = [
        *_labels(*_WHICH),
        number_column("n", "Groups", count),
        *part_columns("pooled_effect", "Mean effect", level),
        *_test_columns("pooled_effect"),
        Show(f"{level} interval of a further group", part_columns("further_effect", "", level)[1].cell),
        *part_columns("effect_sd", "SD of effects", level),
        *part_columns("i_squared", "I squared", level, percent),
    ]
    caption = (
        "Standardised differences of the groups, pooled under random effects. A further group of the same kind is expected within "
        "the wider interval; I squared is the share of the variance between groups that is not sampling error."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True)


def _difference_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [
        row for row in records(frame[frame["estimand"] == "cohen_d"]) if math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return []
    pairs = list(dict.fromkeys(f"{row['level']} against {row['other']}" for row in rows))
    top = max(rows, key=lambda row: abs(value(row, "estimate")))
    shared: dict[str, Any] = {
        "name": f"{context.anchor}-differences",
        "alt": f"Standardised differences of {len({str(row['term']) for row in rows})} scales from the reference. Largest: "
        f"{top['level']} minus {top['other']} on {in_group(top['term'], top['group'])}, {number(value(top, 'estimate'), 2)}.",
    }
    if len(pairs) == 1:
        return [_one_pair(rows, frame, pairs[0], shared)]
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    kept, drawn = set(names[:_MAX_ROWS]), pairs[:_MAX_PANELS]
    panels: dict[str, list[Dot]] = {pair: [] for pair in drawn}
    for row in rows:
        name, pair = in_group(row["term"], row["group"]), f"{row['level']} against {row['other']}"
        if name in kept and pair in panels:
            panels[pair].append(_dot(row, name, "d"))
    cut = (
        " The first of many are drawn; the tables have all."
        if len(names) > _MAX_ROWS or len(pairs) > _MAX_PANELS
        else ""
    )
    figure = draw_panels(
        {pair: dots for pair, dots in panels.items() if dots},
        axis="Cohen d",
        caption=(
            f"Cohen's d of each level minus the reference, with {confidence(frame)} interval; 0 is no difference.{cut}",
        ),
        same_limits=True,
        most=4,
        **shared,
    )
    return [figure]


def _one_pair(rows: Sequence[Row], frame: pd.DataFrame, pair: str, shared: dict[str, Any]) -> Figure:
    """Draw the differences of one pair of levels: scales from top to bottom, groups side by side where they are few."""
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))
    few = len(groups) <= len(STYLES)
    dots = [
        _dot(row, str(row["term"]), str(row["group"]) or "all")
        if few
        else _dot(row, in_group(row["term"], row["group"]), "d")
        for row in rows
    ]
    names = list(dict.fromkeys(dot.row for dot in dots))[:_MAX_ROWS]
    return draw_dots(
        [dot for dot in dots if dot.row in names],
        axis=f"Cohen d, {pair}",
        caption=(
            f"Cohen's d with {confidence(frame)} interval; 0 is no difference."
            f"{' The first of many are drawn; the tables have all.' if len(names) == _MAX_ROWS else ''}",
        ),
        reach=(0.0, 0.0),
        **shared,
    )


def _dot(row: Row, name: str, series: str) -> Dot:
    ends = (value(row, "conf_low"), value(row, "conf_high"), value(row, "reference"))
    return Dot(name, series, value(row, "estimate"), *ends)


def _dose_figures(frame: pd.DataFrame, result: Result, context: Context) -> list[Figure]:
    doses = {
        level: float(dose)
        for level, dose in mapping(result.settings.get("doses")).items()
        if isinstance(dose, int | float)
    }
    rows: list[dict[str, Any]] = [
        row for row in records(frame[frame["estimand"] == "level_mean"]) if row["level"] in doses
    ]
    if not rows:
        return []
    panels: dict[str, dict[str, list[Point]]] = {}
    for row in sorted(rows, key=lambda row: doses[row["level"]]):
        point = Point(
            doses[row["level"]], value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high")
        )
        panels.setdefault(str(row["term"]), {}).setdefault(str(row["group"]), []).append(point)
    drawn = dict(list(panels.items())[:_MAX_DOSES])
    whole = {term: curves.get("", next(iter(curves.values()))) for term, curves in panels.items()}
    rise = {term: points[-1].estimate - points[0].estimate for term, points in whole.items()}
    widest = max(rise, key=lambda term: abs(rise[term]))
    cut = f" The first {_MAX_DOSES} of {len(panels)} scales are drawn." if len(panels) > _MAX_DOSES else ""
    groups = {group for curves in drawn.values() for group in curves}
    if len(groups) > len(STYLES):
        cut += f" Of {len(groups)} groups the first {len(STYLES)} are drawn."
    figure = draw_doses(
        drawn,
        name=f"{context.anchor}-doses",
        axis=str(frame["facet"].iloc[0]),
        alt=f"Mean scores of {len(panels)} scales over {len(doses)} doses; the widest way from the lowest to the highest dose is "
        f"that of {widest}, {number(rise[widest], 2)} points.",
        caption=(f"Mean score at each dose with {confidence(frame)} interval.{cut}",),
    )
    return [figure]
