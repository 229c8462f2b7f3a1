"""The posterior of a hierarchical model: components and coefficients, items, what is predicted, what the prior moves."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group, plural
from psychomet.pages.compose.generalizability import with_columns
from psychomet.pages.compose.hierarchy_answers import (
    SINGLE,
    contrast_blocks,
    left_out_blocks,
    threshold_blocks,
)
from psychomet.pages.compose.hierarchy_checks import chains, predictions, prior_table, sensitivity
from psychomet.pages.compose.hierarchy_items import MOST_FIGURES, effect_blocks, graded_ridges
from psychomet.pages.compose.hierarchy_joint import hierarchy_joint, hierarchy_joint_sentence, is_joint
from psychomet.pages.compose.merge import beside, part_columns
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
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    build,
    confidence,
    count,
    interval,
    interval_column,
    label_column,
    number,
    number_column,
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "What the answers say about respondents and conditions, everything uncertain at once: the posterior of a hierarchical model. "
    "An estimate is a posterior median; its interval holds the number with the probability named, given the model and the priors. "
    "Every number comes with a check that the chains which drew it agree."
)
_COEFFICIENTS = (
    "g_coefficient",
    "phi_coefficient",
    "universe_score_variance",
    "error_relative",
    "error_absolute",
)
_MAX_ROWS, _MAX_ITEMS, _MAX_SERIES = 40, 40, 6


def hierarchy(result: Result, context: Context) -> Section:
    """Return the section on posteriors."""
    if is_joint(result):
        return hierarchy_joint(result, context)
    frame = with_columns(result.estimates, ("facet", "level", "other"))
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += chains(frame)
    blocks += _gaussian(frame, context)
    blocks += effect_blocks(result, frame, context)
    blocks += threshold_blocks(frame, context)
    blocks += _graded(result, frame, context)
    blocks += left_out_blocks(frame)
    blocks += contrast_blocks(frame, context)
    blocks += predictions(frame, context)
    blocks += sensitivity(frame)
    blocks += prior_table(frame)
    return Section(context.title, context.anchor, tuple(blocks))


def hierarchy_sentence(result: Result, context: Context) -> Text:
    """Return the headline: reliability with its posterior interval, or that the chains did not converge."""
    if is_joint(result):
        return hierarchy_joint_sentence(result, context)
    frame = result.estimates
    main = frame[frame["estimand"].isin(["g_coefficient", "marginal_reliability"]) & (frame["group"] == "")]
    drawn = [row for row in records(main) if math.isfinite(value(row, "conf_low"))]
    failed = [note for note in result.notes if note.code == "not_converged"]
    if not drawn:
        return (
            (Strong("Posterior"), ": the chains did not converge; there are no estimates.") if failed else ()
        )
    pieces: list[Inline] = [Strong("Posterior"), ": the reliability of "]
    low = min(drawn, key=lambda row: value(row, "estimate"))
    pieces += [
        data(low["term"], 60), f" is {number(value(low, 'estimate'), 2)} ",
        interval(value(low, "conf_low"), value(low, "conf_high"), lambda x: number(x, 2)),
    ]  # fmt: skip
    if len(drawn) > 1:
        pieces.append(f", the lowest of {len(drawn)} scales")
    return (*pieces, "; its chains did not converge everywhere." if failed else ".")


def _gaussian(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Components and coefficients."""
    components = frame[frame["estimand"].isin(["variance_component", "variance_share"])]
    if components.empty:
        return []
    blocks: list[Block] = [Heading("Where the variance of answers comes from")]
    blocks += _forest(frame[frame["estimand"] == "variance_share"], context)
    blocks.append(_component_table(components))
    coefficients = frame[frame["estimand"].isin([*_COEFFICIENTS, "grand_mean"])]
    if not coefficients.empty:
        blocks += [Heading("How far scores generalize"), *_coefficient_forest(coefficients, context)]
        blocks.append(_coefficient_table(coefficients))
    return blocks


def _finite(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [row for row in records(frame) if math.isfinite(value(row, "estimate"))]


def _name(row: dict[str, Any]) -> str:
    return in_group(row["term"], row["group"])


def _forest(shares: pd.DataFrame, context: Context) -> list[Figure]:
    """Shares of the variance, a row for each source and a mark for each scale."""
    rows = _finite(shares)
    series = list(dict.fromkeys(map(_name, rows)))[:_MAX_SERIES]
    dots = [
        Dot(str(row["facet"]), _name(row), *(100 * value(row, name) for name in ("estimate", "conf_low", "conf_high")))
        for row in rows
        if _name(row) in series
    ]  # fmt: skip
    if not dots:
        return []
    top = max(rows, key=lambda row: value(row, "estimate"))
    cut = f" The first {_MAX_SERIES} are drawn." if len({_name(row) for row in rows}) > _MAX_SERIES else ""
    return [
        draw_dots(
            dots, name=f"{context.anchor}-shares", axis="share of the variance of a single answer (%)", reach=(0.0, 100.0),
            alt=f"Posterior shares of variance by source. Largest: {top['facet']} of {_name(top)}, {percent(value(top, 'estimate'), 0)}.",
            caption=(f"Shares of the variance: posterior medians and {confidence(shares)} intervals.{cut}",),
        )
    ]  # fmt: skip


def _component_table(frame: pd.DataFrame) -> Table:
    rows = beside(frame, ("term", "group", "facet"))
    level = confidence(frame)
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("facet", "Source"),
        number_column("n", "n", count), *part_columns("variance_component", "Variance", level),
        *part_columns("variance_share", "Share", level, percent),
    ]  # fmt: skip
    caption = (
        "Variance components of a single answer; an x joins sources that act together. A posterior keeps above 0 what has no "
        "evidence of being there: read such a component by its upper limit."
    )
    if frame["method"].str.contains("logit").any():
        caption += " Of answers taken as categories: on the logit scale, where the residual is that of the logistic law and not estimated."
    return build(rows, columns, (caption,), folded=len(rows) > 24, remarks=True)


def _coefficient_forest(frame: pd.DataFrame, context: Context) -> list[Figure]:
    rows = [row for row in _finite(frame) if row["estimand"] in _COEFFICIENTS[:2]]
    names = list(dict.fromkeys(map(_name, rows)))[:_MAX_ROWS]
    words = {"g_coefficient": "G, respondents compared", "phi_coefficient": "Phi, scores at their value"}
    dots = [
        Dot(_name(row), words[str(row["estimand"])], value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in rows
        if _name(row) in names
    ]  # fmt: skip
    if not dots:
        return []
    low = min(rows, key=lambda row: value(row, "estimate"))
    return [
        draw_dots(
            dots, name=f"{context.anchor}-coefficients", axis="coefficient", reach=(0.0, 1.0), ceiling=1.0,
            alt=f"Posterior G and Phi coefficients. Lowest: {_name(low)}, {number(value(low, 'estimate'), 2)}.",
            caption=(f"Coefficients of the scores under the conditions observed, with {confidence(frame)} posterior intervals.",),
        )
    ]  # fmt: skip


def _coefficient_table(frame: pd.DataFrame) -> Table:
    rows = beside(frame, ("term", "group"))
    level = confidence(frame)
    designs = {(row["term"], row["group"]): row["level"] for row in records(frame) if row["level"]}
    for row in rows:
        row["level"] = designs.get((row["term"], row["group"]), "")
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("level", "Design", 120),
        number_column("n", "n", count), *part_columns("g_coefficient", "G", level), *part_columns("phi_coefficient", "Phi", level),
        *part_columns("grand_mean", "Mean", level), *part_columns("universe_score_variance", "Universe-score variance", level),
        *part_columns("error_relative", "Relative error", level), *part_columns("error_absolute", "Absolute error", level),
    ]  # fmt: skip
    caption = "Coefficients, mean and variances of scores under the design named. They count that other conditions could have been drawn."
    return build(rows, columns, (caption,), remarks=True)


def _graded(result: Result, frame: pd.DataFrame, context: Context) -> list[Block]:
    """Reliability and items of the graded response models."""
    whole = frame[frame["estimand"].isin(["marginal_reliability", "elpd_loo", "p_loo"])]
    whole = whole[~whole["method"].str.contains(SINGLE)]
    if whole.empty:
        return []
    rows = beside(whole, ("term", "group"))
    level = confidence(whole)
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), number_column("n", "n", count),
        *part_columns("marginal_reliability", "Reliability of the trait", level),
        *part_columns("elpd_loo", "Log predictive density", level),
        *part_columns("p_loo", "Effective parameters", level)[:1],
    ]  # fmt: skip
    caption = (
        "Graded response models: how well the trait is known, and how well a respondent's answers are predicted from those of the "
        "others (leave-one-out; higher is better, for the same answers only)."
    )
    blocks: list[Block] = [
        Heading("Items and the trait behind them"),
        build(rows, columns, (caption,), remarks=True),
    ]
    items = frame[frame["estimand"].isin(["discrimination", "difficulty"])]
    for at, ((term, group), one) in enumerate(items.groupby(["term", "group"], sort=False)):
        name = in_group(term, group)
        blocks += _threshold_figure(
            one[one["estimand"] == "difficulty"], name, f"{context.anchor}-thresholds-{at + 1}"
        )
        if at < MOST_FIGURES:
            blocks += graded_ridges(result, one, f"{context.anchor}-items-of-{at + 1}")
        blocks.append(_item_table(one, name))
    more = len(items.groupby(["term", "group"])) - MOST_FIGURES
    if more > 0:
        said = f"Posterior densities of items are drawn for the first {MOST_FIGURES}; {plural(more, 'other has its', 'others have their')} table alone."
        blocks.append(Paragraph((said,), "small"))
    return blocks


def _threshold_figure(frame: pd.DataFrame, scale: str, name: str) -> list[Figure]:
    """Difficulties of every item, a mark for each threshold."""
    rows = _finite(frame)
    series = list(dict.fromkeys(str(row["other"]) for row in rows))
    items = list(dict.fromkeys(str(row["level"]) for row in rows))
    if not rows or len(series) > _MAX_SERIES or len(items) > _MAX_ITEMS:
        return []
    dots = [
        Dot(str(row["level"]), str(row["other"]), value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in rows
    ]  # fmt: skip
    return [
        draw_dots(
            dots, name=name, axis="trait (standard deviations)", floor=-6.0, ceiling=6.0,
            alt=f"Difficulties of the {len(items)} items of {scale}, {len(series)} for each.",
            caption=("Where on the trait half of the respondents give the code named, or more, to each item of ", data(scale, 80),
                     f": posterior medians and {confidence(frame)} intervals."),
        )
    ]  # fmt: skip


def _item_table(frame: pd.DataFrame, scale: str) -> Table:
    slopes = frame[frame["estimand"] == "discrimination"]
    hard = frame[frame["estimand"] == "difficulty"]
    places = list(dict.fromkeys(hard["other"].tolist()))
    found = {(row["level"], row["other"]): value(row, "estimate") for row in records(hard)}
    rows = [
        {**row, **{f"at_{at}": found.get((row["level"], place), math.nan) for at, place in enumerate(places)}}
        for row in records(slopes)
    ]
    columns = [
        label_column("level", "Item"), number_column("n", "n", count), number_column("estimate", "Discrimination"),
        interval_column(f"{confidence(slopes)} interval"),
        *(number_column(f"at_{at}", str(place), lambda x: number(x, 2)) for at, place in enumerate(places)),
    ]  # fmt: skip
    caption: Text = (
        "Items of ", data(scale, 80), ": discrimination, and where on the trait half of the respondents give the code named or more. The "
        "intervals of the difficulties are in the figure and the CSV file.",
    )  # fmt: skip
    return build(rows, columns, caption, folded=len(rows) > 30, remarks=True)
