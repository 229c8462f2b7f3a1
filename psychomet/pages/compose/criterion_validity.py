"""Criteria predicted from self-reports: what holds in the sample, and what is left for respondents not yet seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from psychomet.pages.compose.context import Context, in_group, joined
from psychomet.pages.compose.merge import beside, limits, part, part_columns
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table, Text, data
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.figures.heat import draw_heat
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
    value,
)
from psychomet.pages.words import correlation_words
from psychomet.result.result import Result

_LEAD = (
    "How well do the self-reports, taken together, predict each criterion? R squared is the share of its variance that they "
    "explain. In the sample it rises with every predictor, also with a useless one, so three values stand side by side: "
    "that of the sample, an estimate for the population, and the cross-validated one, in which respondents are predicted "
    "from the others. The last may be negative: then the mean of the others predicts better than the regression does."
)
_SAMPLE, _ADJUSTED, _AHEAD = "in the sample", "population, adjusted", "cross-validated"
_STEP = ("other", "group", "level", "term")
_PAIR = ("term", "other", "group")
_FLOOR, _MOST_DRAWN, _HEAT_ROWS, _HEAT_COLUMNS, _MAX_HEATS, _FOLDED = -1.0, 36, 25, 12, 4, 40


def criterion_validity(result: Result, context: Context) -> Section:
    """Return the section on the prediction of criteria."""
    frame = _told_apart(result.estimates)
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    steps = frame[frame["estimand"].isin(_WHOLE)]
    if not steps.empty:
        rows = beside(steps, _STEP)
        blocks += [*_share_figure(rows, context, confidence(steps)), _share_table(rows, frame)]
        if steps["estimand"].eq("delta_r_squared").any():
            blocks += [Heading("What each block adds"), _rise_table(rows, confidence(steps))]
    pairs = frame[frame["estimand"].isin(_SINGLE)]
    if not pairs.empty:
        blocks += [
            Heading("Single predictors"), *_heats(frame, context), _correlation_table(pairs, context), *_own_table(pairs),
        ]  # fmt: skip
    return Section(context.title, context.anchor, tuple(blocks))


def criterion_sentence(result: Result, _context: Context) -> Text:
    """Return the sentence for the top of the page: which criteria are predicted for respondents not yet seen."""
    frame = _told_apart(result.estimates)
    rows = [row for row in beside(frame[frame["estimand"].isin(_WHOLE)], _STEP) if not row["group"]]
    last = {str(row["other"]): row for row in rows}
    known = {name: limits(part(row, "cv_r_squared")) for name, row in last.items()}
    known = {name: ends for name, ends in known.items() if math.isfinite(ends[0])}
    if not known:
        return ()
    good = [name for name, ends in known.items() if ends[0] > 0]
    best = max(known, key=lambda name: value(part(last[name], "cv_r_squared"), "estimate"))
    row = last[best]
    tail = (
        data(best, 60), f": R squared {number(value(part(row, 'r_squared'), 'estimate'), 2)} in the sample, "
        f"{number(value(part(row, 'cv_r_squared'), 'estimate'), 2)} cross-validated.",
    )  # fmt: skip
    if not good:
        what = "the one criterion" if len(known) == 1 else f"none of {len(known)} criteria"
        verb = "is not predicted" if len(known) == 1 else "is predicted"
        return (
            f"Out of sample {what} {verb} from the self-reports better than from its mean. The closest is ",
            *tail,
        )
    whole = f" ({len(good)} of {len(known)} criteria). The best is "
    return ("Out of sample the self-reports predict ", *joined(good), whole, *tail)


_WHOLE = (
    "r_squared", "r_squared_adjusted", "cv_r_squared", "loo_r_squared", "delta_r_squared", "cv_delta_r_squared",
    "r_squared_by_chance",
)  # fmt: skip
_SINGLE = (
    "criterion_r", "criterion_r_disattenuated", "criterion_r_unrestricted", "standardized_slope", "semipartial_r",
    "general_dominance", "vif",
)  # fmt: skip


def _told_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every column that is used, and a name of its own to what only the method tells apart."""
    for name in ("other", "level"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    alone = (frame["estimand"] == "cv_r_squared") & frame["method"].str.startswith("none")
    by_ezekiel = (frame["estimand"] == "r_squared_adjusted") & frame["method"].str.contains("Ezekiel")
    return frame.assign(estimand=frame["estimand"].mask(alone, "loo_r_squared"))[~by_ezekiel]


def _verdict(low: float, high: float, better: str, worse: str, open_: str) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return better if low > 0 else worse if high < 0 else open_


def _share_figure(rows: Sequence[Row], context: Context, level: str) -> list[Figure]:
    """Draw the three R squared of every criterion and step."""
    stepped = len({str(row["level"]) for row in rows}) > 1
    dots: list[Dot] = []
    drawn = [row for row in rows if math.isfinite(value(part(row, "r_squared"), "estimate"))]
    for row in drawn[:_MOST_DRAWN]:
        name = in_group(row["other"], row["group"])
        if stepped:
            first = row["level"] == "step 1"
            name = f"{name}{', ' if ' | ' in name else ' | '}{'' if first else '+ '}{row['term']}"
        for series, estimand, has in (
            (_SAMPLE, "r_squared", False), (_ADJUSTED, "r_squared_adjusted", True), (_AHEAD, "cv_r_squared", True),
        ):  # fmt: skip
            one = part(row, estimand)
            low, high = limits(one) if has else (math.nan, math.nan)
            dots.append(
                Dot(name, series, value(one, "estimate"), max(low, _FLOOR) if low < _FLOOR else low, high)
            )
    if not dots:
        return []
    cut = f" The first {_MOST_DRAWN} of {len(drawn)} rows are drawn." if len(drawn) > _MOST_DRAWN else ""
    below = any(limits(part(row, "cv_r_squared"))[0] < _FLOOR for row in drawn[:_MOST_DRAWN])
    ends = " The axis ends at −1: intervals and arrows at that edge go on." if below else ""
    ahead = [(value(part(row, "cv_r_squared"), "estimate"), str(row["other"])) for row in drawn]
    best = max((pair for pair in ahead if math.isfinite(pair[0])), default=(math.nan, ""))
    return [
        draw_dots(
            dots,
            name=f"{context.anchor}-shares",
            axis="R squared",
            alt=f"R squared in the sample, adjusted and cross-validated for {len({str(r['other']) for r in rows})} criteria. "
            f"The best cross-validated value is {number(best[0], 2)}{', ' + best[1] if best[1] else ''}.",
            caption=(
                f"Share of the variance of each criterion that the predictors explain, with {level} interval.{ends}"
                f"{' Each row adds its block to those above it.' if stepped else ''}{cut}",
            ),
            floor=_FLOOR,
            ceiling=1.02,
            reach=(0.0, 1.0),
        )
    ]


def _share_table(rows: Sequence[Row], frame: pd.DataFrame) -> Table:
    level = confidence(frame)
    shown = [{**row, "reason": _reason(row, "cv_r_squared")} for row in rows]

    stepped = len({str(row["level"]) for row in rows}) > 1

    def verdict(row: Row) -> str:
        return _verdict(
            *limits(part(row, "cv_r_squared")), "predicts better than the mean", "predicts worse than the mean",
            "not shown to beat the mean",
        )  # fmt: skip

    columns = [
        label_column("other", "Criterion"),
        label_column("group", "Group"),
        *([label_column("level", "Step"), label_column("term", "Predictors")] if stepped else []),
        Show("Out of sample", verdict, numeric=False),
        number_column("n", "n", count),
        Show("R² in the sample", lambda row: number(value(part(row, "r_squared"), "estimate"))),
        Show("By chance", lambda row: number(value(part(row, "r_squared_by_chance"), "estimate"))),
        *part_columns("r_squared_adjusted", "Population", level),
        *part_columns("cv_r_squared", "Cross-validated", level),
        Show("One left out", lambda row: number(value(part(row, "loo_r_squared"), "estimate"))),
        Show("p (F)", lambda row: p_value(value(part(row, "r_squared"), "p_value"))),
        Show("p adjusted", lambda row: p_value(value(part(row, "r_squared"), "p_adjusted"))),
        Show("p (shuffled)", lambda row: p_value(value(part(row, "r_squared_by_chance"), "p_value"))),
        *_known(rows, "r_squared"),
    ]
    caption = (
        "R squared of all predictors up to the step. By chance: what unrelated predictors would explain on average. "
        "Population: Olkin and Pratt's estimate, with the exact interval for normal scores. The words read the "
        "cross-validated interval. Shuffled: the criterion dealt out anew among respondents."
    )
    return build(shown, columns, (caption,), folded=len(shown) > _FOLDED, remarks=True)


def _rise_table(rows: Sequence[Row], level: str) -> Table:
    later = [row for row in rows if part(row, "delta_r_squared")]
    later = [{**row, "reason": _reason(row, "delta_r_squared")} for row in later]

    def verdict(row: Row) -> str:
        return _verdict(*limits(part(row, "cv_delta_r_squared")), "adds", "takes away", "not shown to add")

    columns = [
        label_column("other", "Criterion"),
        label_column("group", "Group"),
        label_column("level", "Step"),
        label_column("term", "Block"),
        number_column("n", "n", count),
        *part_columns("delta_r_squared", "Rise of R²", level),
        Show("df", lambda row: degrees(part(row, "delta_r_squared"))),
        Show("p", lambda row: p_value(value(part(row, "delta_r_squared"), "p_value"))),
        Show("p adjusted", lambda row: p_value(value(part(row, "delta_r_squared"), "p_adjusted"))),
        *part_columns("cv_delta_r_squared", "Rise, cross-validated", level),
        Show("Out of sample", verdict, numeric=False),
        *_known(later, "delta_r_squared"),
    ]
    caption = (
        "What a block explains beyond those before it. In the sample the rise is never below 0, and its interval ends there; "
        "cross-validated it may be negative: the block then costs more precision than it brings."
    )
    return build(later, columns, (caption,), folded=len(later) > _FOLDED, remarks=True)


def _correlation_table(frame: pd.DataFrame, context: Context) -> Table:
    level, rows = confidence(frame), beside(frame, _PAIR)
    there = set(frame["estimand"])
    rows = [{**row, "reason": _reason(row, "criterion_r")} for row in rows]

    def words(row: Row) -> str:
        one = part(row, "criterion_r")
        return correlation_words(context.rules.correlation, *limits(one), value(one, "estimate"))

    columns = [
        label_column("other", "Criterion"),
        label_column("term", "Predictor"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        *part_columns("criterion_r", "r", level),
        Show("In words", words, numeric=False),
        Show("p", lambda row: p_value(value(part(row, "criterion_r"), "p_value"))),
        Show("p adjusted", lambda row: p_value(value(part(row, "criterion_r"), "p_adjusted"))),
    ]
    for name, heading in (
        ("criterion_r_disattenuated", "r of true scores"), ("criterion_r_unrestricted", "r without selection"),
    ):  # fmt: skip
        if name in there:
            columns += part_columns(name, heading, level)
    columns += _known(rows, "criterion_r")
    caption = (
        "Correlation of each predictor with each criterion over the respondents of the regression. The adjusted p value allows "
        "for all pairs."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _own_table(frame: pd.DataFrame) -> list[Table]:
    rows = [row for row in beside(frame, _PAIR) if part(row, "standardized_slope")]
    if not rows:
        return []
    level = confidence(frame)
    rows = [{**row, "reason": _reason(row, "standardized_slope")} for row in rows]
    columns = [
        label_column("other", "Criterion"),
        label_column("term", "Predictor"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        *part_columns("standardized_slope", "Standardised slope", level),
        Show("p", lambda row: p_value(value(part(row, "standardized_slope"), "p_value"))),
        Show("p adjusted", lambda row: p_value(value(part(row, "standardized_slope"), "p_adjusted"))),
        *part_columns("semipartial_r", "Semi-partial r", level),
        Show("Share of R²", lambda row: percent(value(part(row, "general_dominance"), "estimate"))),
        Show("Inflation", lambda row: number(value(part(row, "vif"), "estimate"), 1)),
    ]
    caption = (
        "Each predictor beside all others. The squared semi-partial correlation is what R squared loses without it; the share is its "
        "general dominance (average over all subsets; the shares add up to R squared). Inflation: how many times as variable "
        "the slope is as with unrelated predictors."
    )
    return [build(rows, columns, (caption,), folded=True, remarks=True)]


def _reason(row: Row, estimand: str) -> str:
    """Why there is no interval; that one of two is missing is not worth a mark."""
    one = part(row, estimand)
    return "" if math.isfinite(limits(one)[0]) else str(one.get("reason") or "")


def _known(rows: Sequence[Row], estimand: str) -> list[Show]:
    """Return the column of the known values of one estimand; none if no row has one."""
    shown = known_columns([part(row, estimand) for row in rows])
    if not shown:
        return []
    (column,) = shown
    return [Show(column.heading, lambda row: column.cell(part(row, estimand)))]


def _heats(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw the correlations of predictors with criteria, group by group."""
    figures: list[Figure] = []
    pairs = frame[frame["estimand"] == "criterion_r"]
    for at, (group, mine) in enumerate(pairs.groupby("group", sort=False), 1):
        rows = [row for row in beside(mine, ("term", "other")) if len(figures) < _MAX_HEATS]
        cells = {
            (str(row["term"]), str(row["other"])): (value(one, "estimate"), *limits(one))
            for row in rows
            if math.isfinite(value(one := part(row, "criterion_r"), "estimate"))
        }
        if not cells:
            continue
        terms = list(dict.fromkeys(term for term, _ in cells))[:_HEAT_ROWS]
        others = list(dict.fromkeys(other for _, other in cells))[:_HEAT_COLUMNS]
        strongest = max(cells, key=lambda pair: abs(cells[pair][0]))
        figures.append(
            draw_heat(
                cells,
                rows=terms,
                columns=others,
                name=f"{context.anchor}-heat-{at}",
                alt=f"Correlations of {len(terms)} predictors with {len(others)} criteria. Strongest: {strongest[0]} with "
                f"{strongest[1]}, {number(cells[strongest][0], 2)}.",
                caption=(
                    "Correlations of predictors (down) with criteria (across)", *((": ", data(group)) if group else ()),
                    ". Bold: the interval excludes zero. Italic and hatched: it does not, or there is none.",
                ),
            )
        )  # fmt: skip
    return figures
