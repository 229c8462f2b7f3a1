"""Behaviour regressed on self-reports, with what respondents and conditions share held apart."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group, plural
from psychomet.pages.document import (
    Block,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
    data,
)
from psychomet.pages.figures.dots import STYLES, Dot
from psychomet.pages.figures.forest import draw_forest
from psychomet.pages.figures.shares import MOST, Share, draw_shares
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    degrees,
    interval,
    interval_column,
    interval_name,
    known_columns,
    label_column,
    number,
    number_column,
    p_phrase,
    p_value,
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "Does behaviour follow what respondents say? Each slope is the change of a behaviour, in its own unit, when a self-report "
    "rises by one point and the other self-reports of the model stand still. What all answers of one respondent share, and what all "
    "answers under one condition share, is held apart as a random intercept, so that many answers of few respondents do not pass "
    "for many respondents."
)
_MIXTURE = (
    "A slope without a split mixes two questions: whether respondents that say more do more, and whether one respondent does more "
    "when it says more. With many answers per respondent it is nearly the second alone."
)
_APART = (
    "Within: what happens in one respondent when its self-report moves from condition to condition. Between: what tells "
    "respondents with a higher mean from those with a lower one. The two may differ in sign; between respondents only the number of "
    "respondents counts, however many answers each gave."
)
_TITLES = {
    "mixed_slope": "Slope",
    "within_slope": "Slope within respondents",
    "between_slope": "Slope between respondents",
}
_SERIES = {"within_slope": "within", "between_slope": "between"}
_RESIDUAL = "residual"
_ROWS, _PANELS, _FIGURES, _BARS, _FOLDED = 30, 12, 6, 40, 60


def mixed_link(result: Result, context: Context) -> Section:
    """Return the section on slopes of behaviour on self-reports."""
    frame = result.estimates
    for name in ("other", "facet"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    slopes = frame[frame["estimand"].isin(list(_TITLES))]
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    apart = bool((slopes["estimand"] != "mixed_slope").any())
    if not slopes.empty:
        blocks.append(Paragraph((_APART if apart else _MIXTURE,)))
        blocks += _figures(slopes, context, apart=apart)
    for estimand in (name for name in _TITLES if (slopes["estimand"] == name).any()):
        blocks.append(_table(slopes[slopes["estimand"] == estimand]))
    parts = frame[frame["estimand"] == "variance_component"]
    if not parts.empty:
        blocks.append(Heading("What slopes leave: respondents, conditions, the rest"))
        blocks += [*_share_figures(parts, context), _component_table(parts)]
    return Section(context.title, context.anchor, tuple(blocks))


def mixed_link_sentence(result: Result, context: Context) -> Text:
    """Return how many slopes are not zero after the correction for their number, and the clearest."""
    frame = result.estimates
    rows = [row for row in records(frame[frame["estimand"].isin(list(_TITLES)) & (frame["group"] == "")])
            if math.isfinite(value(row, "estimate"))]  # fmt: skip
    if not rows:
        return ()
    level = 1 - value(rows[0], "conf_level")
    clear = [row for row in rows if value(row, "p_adjusted") < level]
    pieces: list[Inline] = [
        Strong("Behaviour on self-report"),
        f": {len(clear)} of {plural(len(rows), 'slope')} differ from zero after the correction for their number",
    ]
    tested = [row for row in rows if math.isfinite(value(row, "p_value"))]
    if tested:
        top = min(tested, key=lambda row: value(row, "p_value"))
        limits = interval(value(top, "conf_low"), value(top, "conf_high"))
        pieces += [
            "; the clearest is that of ", data(top["other"]), " on ", data(top["term"]),
            f"{_place(top)}, {number(value(top, 'estimate'))} {limits}, {p_phrase(value(top, 'p_value'))}",
        ]  # fmt: skip
    return (*pieces, ".")


def _place(row: Row) -> str:
    """Return where the slope was taken, for a sentence; nothing for one that mixes."""
    where = _SERIES.get(str(row["estimand"]))
    return f" ({where} respondents)" if where else ""


def _direction(row: Row) -> str:
    """Return the direction of a slope, or that zero is not excluded."""
    low, high = value(row, "conf_low"), value(row, "conf_high")
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return "zero not excluded" if low <= 0 <= high else "positive" if low > 0 else "negative"


def _table(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    estimand = str(frame["estimand"].iloc[0])
    wald = interval_name(str(frame["method"].iloc[0])) == "Wald"
    columns = [
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", _TITLES[estimand]),
        interval_column(f"{confidence(frame)} interval"),
        Show("Direction", _direction, numeric=False),
        number_column("statistic", "z" if wald else "t", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    tail = (
        "The normal distribution takes the variances of respondents and conditions as known and is too sure where there are few of them."
        if wald
        else "The degrees of freedom say how much evidence a slope rests on: near the number of respondents where it compares them."
    )
    caption = (
        f"{_TITLES[estimand]}: change of the behaviour, in its unit, for one point of the self-report. n counts respondents. "
        f"The adjusted p value allows for all slopes of its group. {tail}"
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _figures(frame: pd.DataFrame, context: Context, *, apart: bool) -> list[Figure]:
    """Return the forests: all groups as series of one; where within and between stand apart, one for each group."""
    there = frame[frame["estimate"].notna()]
    if there.empty:
        return []
    groups = list(dict.fromkeys(there["group"].tolist()))
    if not apart:
        return [
            _forest(there[there["group"].isin(groups[: len(STYLES)])], context, 1, len(groups), apart=False)
        ]
    return [
        _forest(there[there["group"] == group], context, at, len(groups), apart=True)
        for at, group in enumerate(groups[:_FIGURES], 1)
    ]


def _forest(frame: pd.DataFrame, context: Context, at: int, groups: int, *, apart: bool) -> Figure:
    rows = records(frame)
    terms = list(dict.fromkeys(str(row["term"]) for row in rows))
    others = list(dict.fromkeys(str(row["other"]) for row in rows))
    kept = set(terms[:_ROWS])
    most = _PANELS // 2 if apart else _PANELS
    panels: dict[str, list[Dot]] = {}
    for other in others[:most]:
        for kind in ("within_slope", "between_slope") if apart else ("mixed_slope",):
            title = f"{_SERIES[kind]}: {other}" if apart else other
            mine = [row for row in rows if row["estimand"] == kind and str(row["other"]) == other]
            dots = [_dot(row, apart) for row in mine if str(row["term"]) in kept]
            if dots:
                panels[title] = dots
    cut = _cut(len(terms) > _ROWS or len(others) > most, groups, apart)
    top = max(rows, key=lambda row: abs(value(row, "estimate")) / _width(row))
    group = f" Group: {frame['group'].iloc[0] or 'the whole table'}." if apart and groups > 1 else ""
    clear = sum(_direction(row) in ("positive", "negative") for row in rows)
    return draw_forest(
        panels,
        name=f"{context.anchor}-slopes-{at}",
        axis="change of the behaviour, in its unit, for one point of the self-report",
        alt=f"Slopes of {plural(len(others), 'behaviour')} on {plural(len(terms), 'self-report')}.{group} In {clear} of {len(rows)} the "
        f"interval leaves out zero. Clearest: {top['other']} on {in_group(top['term'], top['group'])}, {number(value(top, 'estimate'))}.",
        caption=(
            f"Slopes with {confidence(frame)} interval, one panel per behaviour"
            f"{', within respondents (left) and between them (right)' if apart else ''}. Every panel has the unit of its "
            "behaviour: compare rows within a panel, not panels. Where self-reports differ in their range of points, the wider range has the "
            "smaller slopes. The line is no slope.",
            *((" Group: ", data(frame["group"].iloc[0] or "the whole table"), ".") if group else ()),
            cut,
        ),
        most=2 if apart else 3,
    )  # fmt: skip


def _cut(many: bool, groups: int, apart: bool) -> str:
    """Say what the figure leaves out."""
    text = " The first of many are drawn; the table has all." if many else ""
    if not apart and groups > len(STYLES):
        text += f" Of {groups} groups the first {len(STYLES)} are drawn."
    if apart and groups > _FIGURES:
        text += f" Of {groups} groups the first {_FIGURES} are drawn."
    return text


def _dot(row: dict[str, Any], apart: bool) -> Dot:
    series = _SERIES[str(row["estimand"])] if apart else str(row["group"] or "all")
    return Dot(
        str(row["term"]), "" if apart else series, value(row, "estimate"), value(row, "conf_low"),
        value(row, "conf_high"), value(row, "reference"),
    )  # fmt: skip


def _width(row: Row) -> float:
    width = value(row, "conf_high") - value(row, "conf_low")
    return width if width > 0 else math.inf


def _models(frame: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return one entry per model: its names, n, and the components by what they belong to."""
    models: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in records(frame):
        names = (str(row["other"]), str(row["term"]), str(row["group"]))
        model = models.setdefault(
            names, {"other": names[0], "term": names[1], "group": names[2], "n": value(row, "n"), "parts": {}}
        )
        model["parts"][str(row["facet"])] = value(row, "estimate")
    return models


def _component_table(frame: pd.DataFrame) -> Table:
    models = list(_models(frame).values())
    factors = list(dict.fromkeys(name for model in models for name in model["parts"]))
    factors.sort(key=lambda name: name == _RESIDUAL)
    columns = [
        label_column("other", "Behaviour"),
        label_column("term", "Self-report"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        *(_factor_column(name) for name in factors),
        Show("Respondents' share", lambda row: percent(_share(row["parts"], "respondent"))),
    ]
    caption = (
        "Standard deviations of the random intercepts, in the unit of the behaviour: how far respondents lie apart at the same "
        "self-reports, how far conditions move all of them alike, and how far single scores scatter. The last column is the share of "
        "the remaining variance that belongs to respondents. No intervals: they are by-products of the slopes."
    )
    return build(models, columns, (caption,), folded=len(models) > _FOLDED)


def _factor_column(name: str) -> Show:
    heading = "SD, residual" if name == _RESIDUAL else data(f"SD, {name}", 60)
    return Show(heading, lambda row: number(math.sqrt(max(row["parts"].get(name, math.nan), 0.0))
                                            if name in row["parts"] else math.nan))  # fmt: skip


def _share(parts: dict[str, float], name: str) -> float:
    total = sum(part for part in parts.values() if math.isfinite(part))
    return parts.get(name, math.nan) / total if total > 0 else math.nan


def _share_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    models = _models(frame)
    shares = [
        Share(" | ".join(filter(None, names)), factor, _share(model["parts"], factor))
        for names, model in list(models.items())[:_BARS]
        for factor in model["parts"]
        if math.isfinite(_share(model["parts"], factor))
    ]
    if not shares:
        return []
    sources = list(dict.fromkeys(share.source for share in shares if share.source != _RESIDUAL))
    top = max(shares, key=lambda share: share.share)
    cut = f" The first {_BARS} of {len(models)} models are drawn." if len(models) > _BARS else ""
    if len(sources) > MOST:
        cut += f" Of {len(sources)} sources the first {MOST} have a fill of their own."
    figure = draw_shares(
        shares,
        sources=sources,
        rest=_RESIDUAL if len(sources) <= MOST else "the rest",
        name=f"{context.anchor}-shares",
        axis="share of the variance that the slopes leave (%)",
        alt=f"What the slopes leave of the variance of each behaviour, by source. Largest share: {top.source}, {percent(top.share)} of {top.row}.",
        caption=(
            f"Of the variance of each behaviour that its self-reports do not explain, what belongs to what.{cut}",
        ),
    )
    return [figure]
