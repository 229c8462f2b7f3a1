"""A binary outcome from scores: log odds, probabilities, and whether the outcomes were told apart."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group, mapping, plural
from psychomet.pages.document import Block, Figure, Paragraph, Section, Table, Text, data
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    degrees,
    interval_column,
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
    "Can the outcome be told from the scores? A slope is a change of log odds with one unit of the score, 0 where it tells nothing; an average "
    "marginal effect says the same in points of probability. Rows of one respondent resemble each other: the intervals clustered by "
    "respondent allow for that, the others do not. Firth's slopes stay finite where the scores tell the outcomes apart."
)
_HOW = {
    "wald": "independent rows, Wald",
    "profile": "independent rows, profile",
    "jackknife": "clustered by respondent",
    "penalised_profile": "Firth, independent rows",
}
_DRAWN = ("jackknife", "profile", "penalised_profile")
_ROWS, _FOLDED = 24, 40
_WIDEST = 12.0
"""Log odds at which the axis ends at the latest: odds of 160,000 to 1."""
_BEYOND = 1e3
"""An infinite limit is drawn up to here, far outside the frame."""


def logistic_link(result: Result, context: Context) -> Section:
    """Return the section on a binary outcome."""
    frame = result.estimates
    for name in ("other", "p_value"):
        if name not in frame.columns:
            frame = frame.assign(**{name: "" if name == "other" else math.nan})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), *_outcome(result), *_apart(result)]
    slopes = frame[frame["estimand"] == "log_odds_slope"]
    if not slopes.empty:
        blocks += _figure(slopes, result, context)
        blocks.append(_slopes(slopes, frame))
    effects = frame[frame["estimand"] == "average_marginal_effect"]
    if not effects.empty:
        blocks.append(_effects(effects))
    models = frame[frame["estimand"].isin(["event_share", "mcfadden_r_squared"])]
    if not models.empty:
        blocks.append(_models(models))
    return Section(context.title, context.anchor, tuple(blocks))


def _outcome(result: Result) -> list[Block]:
    """Say what counts as 1, and what one unit is."""
    outcome, event = result.settings.get("outcome"), result.settings.get("event")
    if not (outcome and event):
        return []
    reference = result.settings.get("reference")
    other = data(reference, 60) if reference else "every other level"
    unit = (
        "A unit is a standard deviation."
        if result.settings.get("standardized")
        else "A unit is one point of the score."
    )
    return [
        Paragraph(
            ("Outcome ", data(outcome, 60), ": ", data(event, 60), " counts as 1, ", other, " as 0. ", unit)
        )
    ]


def _apart(result: Result) -> list[Block]:
    """Say which models have outcomes that are told apart."""
    found = []
    for name, entry in mapping(result.settings.get("rows")).items():
        state = mapping(entry).get("separation", "none")
        if state in ("complete", "quasi-complete"):
            found.append((name, state))
    return [
        Paragraph(
            (
                "In ", data(name, 80), f" the outcomes are separated ({state}): the scores tell them apart, and maximum likelihood has no "
                "finite slope. Only Firth's rows are to be read.",
            )
        )
        for name, state in found[:6]
    ]  # fmt: skip


def _how(row: Any) -> str:
    return str(row["method"]).partition(";")[0]


def _figure(frame: pd.DataFrame, result: Result, context: Context) -> list[Figure]:
    """Draw the slopes, clustered, profile and Firth."""
    rows = [row for row in records(frame) if _how(row) in _DRAWN and math.isfinite(value(row, "estimate"))]
    names = list(dict.fromkeys(in_group(row["term"], row["group"]) for row in rows))
    if not rows:
        return []
    dots = [
        Dot(
            row=in_group(row["term"], row["group"]),
            series=_HOW[_how(row)],
            estimate=value(row, "estimate"),
            low=max(value(row, "conf_low"), -_BEYOND),
            high=min(value(row, "conf_high"), _BEYOND),
            known=value(row, "reference"),
        )
        for how in _DRAWN
        for row in rows
        if _how(row) == how and in_group(row["term"], row["group"]) in names[:_ROWS]
    ]
    far = max(rows, key=lambda row: abs(value(row, "estimate")))
    unit = "standard deviation" if result.settings.get("standardized") else "point"
    cut = f" The first {_ROWS} of {len(names)} are drawn." if len(names) > _ROWS else ""
    return [
        draw_dots(
            dots,
            name=f"{context.anchor}-slopes",
            axis=f"change of log odds with one {unit}",
            alt=f"Slopes of {len(names)} predictors with intervals; the largest is {number(value(far, 'estimate'), 2)}, of "
            f"{in_group(far['term'], far['group'])}.",
            caption=(
                f"Slopes with {confidence(frame)} interval; 0: the score tells nothing. What leaves the frame goes on.{cut}",
            ),
            floor=-_WIDEST,
            ceiling=_WIDEST,
            reach=(-0.2, 0.2),
        )
    ]


def _slopes(frame: pd.DataFrame, everything: pd.DataFrame) -> Table:
    odds = {
        (row["term"], row["group"], row["method"]): row
        for row in records(everything[everything["estimand"] == "odds_ratio"])
    }
    rows = records(frame)

    def ratio(row: Any) -> str:
        found = odds.get((row["term"], row["group"], row["method"]))
        return number(value(found, "estimate"), 2) if found else number(math.nan)

    columns = [
        label_column("term", "Predictor"),
        label_column("group", "Group"),
        Show("Interval", lambda row: _HOW.get(_how(row), _how(row)), numeric=False),
        number_column("n", "n", count),
        number_column("estimate", "Log odds"),
        interval_column(f"{confidence(frame)} interval"),
        Show("Odds ratio", ratio),
        number_column("statistic", "Statistic", lambda cell: number(cell, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    caption = "Change of log odds with one unit of the predictor, and exp of it. Adjusted p values: Holm, over the predictors of a group."
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _effects(frame: pd.DataFrame) -> Table:
    rows = records(frame)

    def how(row: Any) -> str:
        firth = "Firth" in str(row["method"])
        return "Firth, independent rows" if firth else _HOW.get(_how(row), _how(row))

    columns = [
        label_column("term", "Predictor"),
        label_column("group", "Group"),
        Show("Interval", how, numeric=False),
        number_column("n", "n", count),
        number_column("estimate", "Change of probability", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        *known_columns(rows, percent),
    ]
    caption = (
        "Average marginal effects: mean change of the probability with one unit of the predictor, in points."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _models(frame: pd.DataFrame) -> Table:
    """One line per model: the share of events and the fit."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in records(frame):
        line = found.setdefault(
            (str(row["term"]), str(row["group"])), {"term": row["term"], "group": row["group"]}
        )
        if row["estimand"] == "event_share":
            line |= {name: row.get(name) for name in ("estimate", "conf_low", "conf_high", "n")}
        else:
            line |= {"fit": value(row, "estimate"), "test": value(row, "p_value")}

    def tested(row: Any) -> str:
        return p_phrase(value(row, "test")) if math.isfinite(value(row, "test")) else ""

    columns = [
        label_column("term", "Model"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "Share of 1", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        Show("McFadden R²", lambda row: number(value(row, "fit"))),
        Show("All slopes 0", tested, numeric=False),
    ]
    caption = "Models: share of rows that count as 1, and fit (likelihood ratio test, rows independent)."
    return build(list(found.values()), columns, (caption,), folded=len(found) > _FOLDED)


def logistic_link_sentence(result: Result, _context: Context) -> Text:
    """Return one sentence for the top of a page: how many scores tell the outcome, respondents counted as clusters."""
    frame = result.estimates
    chosen = frame[(frame["estimand"] == "log_odds_slope") & (frame["group"] == "")]
    rows = [row for row in records(chosen) if _how(row) == "jackknife"]
    if not rows:
        return ()
    tested = [row for row in rows if math.isfinite(value(row, "conf_low"))]
    clear = sum(value(row, "conf_low") > 0 or value(row, "conf_high") < 0 for row in tested)
    outcome = data(result.settings.get("outcome", "the outcome"), 60)
    lost = len(rows) - len(tested)
    rest = f"; {plural(lost, 'score')} had no such interval (see there)" if lost else ""
    return (
        f"{clear} of {plural(len(tested), 'score')} tell the outcome ", outcome,
        f" with a {confidence(chosen)} interval clustered by respondent that leaves out zero{rest}.",
    )  # fmt: skip
