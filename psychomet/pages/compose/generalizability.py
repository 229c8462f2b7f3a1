"""Generalizability: where the variance of an answer comes from, and how far a score reaches beyond its conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import beside, interval_columns, limits, merged, part, part_columns
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
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.figures.shares import MOST, Share, draw_shares
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    interval,
    known_columns,
    label_column,
    number_column,
    percent,
    value,
)
from psychomet.pages.words import span
from psychomet.result.result import Result

_LEAD = (
    "Where does the variance of a single answer come from? Each answer is taken apart into the respondent, each "
    "condition and their interplay. What belongs to the respondents is what a score is meant to show; a large part "
    "for respondent x condition means that conditions put the respondents in another order."
)
_LEAD_SCORES = (
    "Where does the variance of the score of one administration come from? It is taken apart into the respondent, "
    "each condition and their interplay. What belongs to the respondents is what a score is meant to show; a large "
    "part for respondent x condition means that conditions put the respondents in another order."
)
_LEAD_CONDITIONS = (
    "Where does the variance of {what} come from? It is taken apart into each condition and their interplay. Nobody is "
    "measured here: every respondent is one way of asking, and what differs between them is the way of asking."
)
_HOW = (
    "Read the G coefficient where respondents are compared with each other under the same conditions, and Phi where a "
    "score is taken at its face value. Both are for scores averaged over the conditions of this table, as the design "
    "says, and for conditions drawn from all that might have been used."
)
_COEFFICIENTS = (
    "g_coefficient",
    "phi_coefficient",
    "error_relative",
    "error_absolute",
    "universe_score_variance",
)
_RESPONDENT, _RESIDUAL = "respondent", "residual"
_PLACE = ("term", "group", "facet")
_MAX_ROWS, _MAX_PANELS = 30, 6


def generalizability(result: Result, context: Context) -> Section:
    """Return the section on variance components and generalizability coefficients."""
    frame = with_columns(result.estimates, ("facet", "level"))
    shares = frame[frame["estimand"] == "variance_share"]
    components = frame[frame["estimand"].isin(["variance_component", "variance_share"])]
    coefficients = frame[frame["estimand"].isin(_COEFFICIENTS)]
    between = frame[frame["estimand"] == "universe_correlation"]
    blocks: list[Block] = [Paragraph((_lead(result),), "lead")]
    blocks += _bars(shares, context)
    blocks += _dots(shares, context)
    if not components.empty:
        blocks.append(_component_table(components))
    if not coefficients.empty:
        blocks += [Heading("Generalizability of the scores"), Paragraph((_HOW,))]
        rows = beside(coefficients, ("term", "group", "facet", "level"))
        blocks.append(_coefficient_table(rows, confidence(coefficients), context))
        blocks.append(_error_table(rows, confidence(coefficients)))
    if not between.empty:
        blocks.append(_correlation_table(between))
    return Section(context.title, context.anchor, tuple(blocks))


def _lead(result: Result) -> str:
    """Return what is taken apart, and into what."""
    if result.settings.get("object") == "none":
        return _LEAD_CONDITIONS.format(what=_taken_apart(result))
    return _LEAD if of_answers(result) else _LEAD_SCORES


def _taken_apart(result: Result) -> str:
    return "a single answer" if of_answers(result) else "the score of one administration"


def with_columns(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the frame with these text columns, empty where it had none."""
    return frame.assign(**{name: "" for name in names if name not in frame.columns})


def of_answers(result: Result) -> bool:
    """Say whether items are among the conditions, so that single answers, not scores, were taken apart."""
    if "facet" not in result.estimates.columns:
        return False
    return any("item" in str(effect).split(" x ") for effect in result.estimates["facet"].unique())


def generalizability_sentence(result: Result, context: Context) -> Text:
    """Return the headline: how much of the variance is the respondents', and what takes most of the rest."""
    frame = with_columns(result.estimates, ("facet",))
    frame = frame[(frame["estimand"] == "variance_share") & frame["estimate"].notna()]
    whole = frame[frame["group"] == ""]
    frame = frame if whole.empty else whole
    mine = [row for row in _drawn(frame) if row["facet"] == _RESPONDENT]
    if not mine:
        return _largest(result, frame)
    what = _taken_apart(result)
    pieces: list[Inline] = [Strong("Generalizability"), f": of the variance of {what}, "]
    if len(mine) == 1:
        only = mine[0]
        pieces += [f"{percent(value(only, 'estimate'), 0)} ", _range_of(only), " belongs to the respondents"]
    else:
        low = min(mine, key=lambda row: value(row, "estimate"))
        high = max(mine, key=lambda row: value(row, "estimate"))
        pieces += [
            f"{percent(value(low, 'estimate'), 0)} (", data(in_group(low["term"], low["group"]), 60), ") to ",
            f"{percent(value(high, 'estimate'), 0)} (", data(in_group(high["term"], high["group"]), 60),
            ") belongs to the respondents",
        ]  # fmt: skip
    means = frame.groupby("facet", sort=False)["estimate"].mean()
    other = means[[name for name in means.index if name not in (_RESPONDENT, _RESIDUAL)]]
    scope = "" if len(mine) == 1 else " on average"
    if len(other):
        name = str(other.idxmax())
        pieces += [
            "; the largest other source is ",
            data(name, 60),
            f", {percent(float(other.max()), 0)}{scope}",
        ]
    if _RESIDUAL in means.index:
        pieces.append(f"{', and' if len(other) else ';'} {percent(float(means[_RESIDUAL]), 0)} ")
        pieces.append("is residual" if len(other) else f"is residual{scope}")
    return (*pieces, ".")


def _largest(result: Result, frame: pd.DataFrame) -> Text:
    """Return the headline where no respondents are measured: the largest source beside the residual."""
    means = frame.groupby("facet", sort=False)["estimate"].mean()
    other = means[[name for name in means.index if name != _RESIDUAL]]
    if result.settings.get("object") != "none" or other.empty:
        return ()
    scope = " on average" if frame["term"].nunique() > 1 else ""
    rest = f"; {percent(float(means[_RESIDUAL]), 0)} is residual" if _RESIDUAL in means.index else ""
    return (
        Strong("Generalizability"), f": of the variance of {_taken_apart(result)} over the ways of asking, ",
        f"{percent(float(other.max()), 0)}{scope} belongs to ", data(str(other.idxmax()), 60),
        f", the largest source beside the residual{rest}.",
    )  # fmt: skip


def _range_of(row: dict[str, Any]) -> str:
    return interval(*limits(row), lambda x: percent(x, 0))


def _drawn(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per scale and source, whichever kinds of intervals it has."""
    return [row for row in merged(frame, _PLACE) if math.isfinite(value(row, "estimate"))]


def _sources(rows: list[dict[str, Any]], most: int) -> list[str]:
    """Return the effects that get a part of their own: in the order of the result, the small ones left out."""
    total: dict[str, float] = {}
    for row in rows:
        total[str(row["facet"])] = total.get(str(row["facet"]), 0.0) + value(row, "estimate")
    kept = sorted(total, key=lambda name: (name != _RESPONDENT, -total[name]))[:most]
    return sorted(kept, key=lambda name: (name != _RESPONDENT, list(total).index(name)))


def _cut(rows: list[dict[str, Any]]) -> bool:
    """Say whether there are more sources than panels."""
    return len({row["facet"] for row in rows}) > _MAX_PANELS


def _bars(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = _drawn(frame)
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    kept = set(names[:_MAX_ROWS])
    if not kept:
        return []
    shares = [
        Share(in_group(row["term"], row["group"]), str(row["facet"]), value(row, "estimate"))
        for row in rows
        if in_group(row["term"], row["group"]) in kept
    ]
    below = any(one.share < 0 for one in shares)
    mine = sorted((one for one in shares if one.source == _RESPONDENT), key=lambda one: one.share)
    said = (
        f" The respondents' part runs from {percent(mine[0].share, 0)} ({mine[0].row}) to "
        f"{percent(mine[-1].share, 0)} ({mine[-1].row})."
        if mine
        else ""
    )
    caption = "Sources of variance as parts of the whole; the intervals are below."
    caption += " A negative estimate takes no room here." if below else ""
    caption += f" The first {_MAX_ROWS} of {len(names)} are drawn." if len(names) > _MAX_ROWS else ""
    sources = [name for name in dict.fromkeys(str(row["facet"]) for row in rows) if name != _RESIDUAL]
    figure = draw_shares(
        shares,
        sources=_sources([row for row in rows if row["facet"] != _RESIDUAL], MOST),
        rest=_RESIDUAL if len(sources) <= MOST else f"{_RESIDUAL} and other sources",
        name=f"{context.anchor}-shares",
        axis="share of the variance (%)",
        alt=f"Sources of the variance of {len(names)} scales.{said}",
        caption=(caption,),
    )
    return [figure]


def _dots(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = _drawn(frame)
    if not any(math.isfinite(value(row, "conf_low")) for row in rows):
        return []
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))[:_MAX_ROWS]
    panels: dict[str, list[Dot]] = {source: [] for source in _sources(rows, _MAX_PANELS)}
    for row in rows:
        name, source = in_group(row["term"], row["group"]), str(row["facet"])
        if name in names and source in panels:
            numbers = (value(row, "estimate"), *limits(row), value(row, "reference"))
            panels[source].append(Dot(name, "share", *(100 * number for number in numbers)))
    top = max(rows, key=lambda row: value(row, "estimate"))
    figure = draw_panels(
        {source: dots for source, dots in panels.items() if dots},
        name=f"{context.anchor}-intervals",
        axis="share of the variance (%)",
        alt=f"Shares of variance with intervals, one panel per source. Largest: {top['facet']} for "
        f"{in_group(top['term'], top['group'])}, {percent(value(top, 'estimate'), 0)}.",
        caption=(
            f"The same shares with {confidence(frame)} intervals; all panels have one axis."
            + (f" The {_MAX_PANELS} largest sources are drawn." if _cut(rows) else ""),
        ),
        same_limits=True,
        most=4 if max(map(len, panels)) <= 20 else 3,
    )
    return [figure]


def _component_table(frame: pd.DataFrame) -> Table:
    rows = beside(frame, ("term", "group", "facet"))
    level = confidence(frame)
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("facet", "Source"),
        number_column("n", "n", count),
        *part_columns("variance_component", "Variance", level),
        *part_columns("variance_share", "Share", level, percent),
        *_known(rows, "variance_component", "Known variance"),
    ]
    caption = (
        "Variance components of a single observation. An x joins sources that act together; the residual holds the "
        "highest such interplay and chance."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 24, remarks=True)


def _correlation_table(frame: pd.DataFrame) -> Table:
    rows = merged(frame, ("term", "other", "group"))
    columns = [
        label_column("term", "Scale"),
        label_column("other", "Other scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "Correlation"),
        *interval_columns(rows, confidence(frame)),
        *known_columns(rows),
    ]
    caption = (
        "Correlations of the universe scores of scales met under the same conditions: what would be seen without "
        "error. Sampling error can carry them beyond 1."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 10, remarks=True)


def _known(rows: list[dict[str, Any]], estimand: str, heading: str) -> list[Show]:
    """Return the column of the known values of one estimand; none if no row has one."""
    shown = known_columns([part(row, estimand) for row in rows])
    return [Show(heading, lambda row: shown[0].cell(part(row, estimand)))] if shown else []


def _error_table(rows: list[dict[str, Any]], level: str) -> Table:
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("level", "Design", 120),
        *part_columns("universe_score_variance", "Universe-score variance", level),
        *part_columns("error_relative", "Relative error", level),
        *part_columns("error_absolute", "Absolute error", level),
    ]
    caption = "Variance of respondents' universe scores, and error variances, in squared units of the score."
    return build(rows, columns, (caption,), folded=True)


def _coefficient_table(rows: list[dict[str, Any]], level: str, context: Context) -> Table:
    for row in rows:
        g = part(row, "g_coefficient")
        row["words"] = span(context.rules.alpha, *limits(g), value(g, "estimate"))
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("facet", "Universe"),
        label_column("level", "Design", 120),
        number_column("n", "n", count),
        *part_columns("g_coefficient", "G", level),
        Show("G in words", lambda row: row["words"], numeric=False),
        *part_columns("phi_coefficient", "Phi", level),
        *_known(rows, "g_coefficient", "Known G"),
        *_known(rows, "phi_coefficient", "Known Phi"),
    ]
    caption = (
        "Coefficients of the mean score under the design named. The intervals count that other "
        "conditions could have been drawn; where cells are complete the CSV file also has those over resampled "
        "respondents alone. The words are those of alpha, which is the G of a scale when items are the only condition."
    )
    return build(rows, columns, (caption,), folded=len(rows) > 60, remarks=True)
