"""Parts of the section on a joint model: features and families, growth, profiles, raters and effects, items."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.merge import beside, part_columns
from psychomet.pages.document import Block, Heading, data
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    build,
    confidence,
    count,
    interval_column,
    label_column,
    number,
    number_column,
    percent,
    records,
    value,
)

_MOST_ROWS, _MOST_SERIES, _FOLDED = 40, 6, 16
_PREDICTED = {
    "predictor_coefficient": "feature",
    "between_coefficient": "between respondents",
    "within_coefficient": "within respondents",
}


def _finite(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [row for row in records(frame) if math.isfinite(value(row, "estimate"))]


def groups(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Traits by features, by what varies within respondents, and by families."""
    return [*_predictors(frame, context), *_families(frame, context)]


def _predictors(frame: pd.DataFrame, context: Context) -> list[Block]:
    told = frame[frame["estimand"].isin(_PREDICTED)]
    if told.empty:
        return []
    standard = {
        (row["term"], row["other"], row["group"]): value(row, "estimate")
        for row in records(frame[frame["estimand"] == "predictor_coefficient_standardized"])
    }
    rows = [
        {**row, "kind": _PREDICTED[str(row["estimand"])], "standard": standard.get((row["term"], row["other"], row["group"]), math.nan)}
        for row in records(told)
    ]  # fmt: skip
    columns = [
        label_column("term", "Of"), label_column("other", "on"), label_column("kind", "Kind"), label_column("group", "Group"),
        number_column("n", "n", count), number_column("estimate", "Coefficient"), interval_column(f"{confidence(told)} interval"),
        number_column("standard", "Standardised", lambda x: number(x, 2)),
    ]  # fmt: skip
    caption = (
        "Traits and behaviour on features, all at once. Coefficient: for one unit of the feature, in latent standard deviations of respondents who "
        "are alike in all features. Standardised: for one standard deviation of the feature, in those of all respondents. Within: when a respondent is "
        "asked under another condition; between: respondents who were asked under others on the whole."
    )
    blocks: list[Block] = [Heading("What traits and behaviour go with")]
    drawn = _finite(frame[frame["estimand"] == "predictor_coefficient_standardized"])[:_MOST_ROWS]
    if drawn:
        series = list(dict.fromkeys(str(row["term"]) for row in drawn))
        dots = [
            Dot(in_group(row["other"], row["group"]), str(row["term"]), value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
            for row in drawn
            if str(row["term"]) in series[:_MOST_SERIES]
        ]  # fmt: skip
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-predictors", axis="standardised coefficient", reach=(-0.5, 0.5),
                alt=f"Standardised coefficients of {len({dot.row for dot in dots})} features.",
                caption=(f"Traits and behaviour on features: standardised coefficients with {confidence(frame)} intervals.",),
            )
        )  # fmt: skip
    blocks.append(build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True))
    return blocks


def _families(frame: pd.DataFrame, context: Context) -> list[Block]:
    told = frame[frame["estimand"].isin(["family_mean", "family_sd"])]
    if told.empty:
        return []
    drawn = _finite(told[told["estimand"] == "family_mean"])
    blocks: list[Block] = [Heading("Families")]
    series = list(dict.fromkeys(str(row["term"]) for row in drawn))[:_MOST_SERIES]
    dots = [
        Dot(in_group(row["level"], row["group"]), str(row["term"]), value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in drawn
        if str(row["term"]) in series
    ][: _MOST_ROWS * len(series)]  # fmt: skip
    if dots:
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-families", axis="mean of the family, in standard deviations within families",
                alt=f"Means of {len({dot.row for dot in dots})} families on {', '.join(series)}.", reach=(-1.0, 1.0),
                caption=(f"Means of families, drawn to one another as far as they are alike: posterior medians and {confidence(told)} intervals.",),
            )
        )  # fmt: skip
    rows = [{**row, "level": row["level"] or "standard deviation over families"} for row in records(told)]
    columns = [
        label_column("term", "Of"), label_column("facet", "Families"), label_column("level", "Family"), label_column("group", "Group"),
        number_column("estimate", "Mean", lambda x: number(x, 2)), interval_column(f"{confidence(told)} interval"),
    ]  # fmt: skip
    blocks.append(build(rows, columns, ("Means of families in standard deviations of respondents within them; they add up to 0.",), folded=len(rows) > _FOLDED, remarks=True))  # fmt: skip
    return blocks


def growth(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Change over time."""
    told = frame[frame["estimand"].isin(["growth_mean", "growth_sd"])]
    if told.empty:
        return []
    rows, level = beside(told, ("term", "facet", "level", "group")), confidence(told)
    columns = [
        label_column("term", "Of"), label_column("facet", "over"), label_column("level", "from"), label_column("group", "Group"), number_column("n", "n", count),
        *part_columns("growth_mean", "Mean change", level, lambda x: number(x, 2)),
        *part_columns("growth_sd", "Spread over respondents", level, lambda x: number(x, 2)),
    ]  # fmt: skip
    caption = "Change from the first time to the last, in standard deviations of respondents at the first, along a line; and how far respondents differ in it."
    return [Heading("Change over time"), build(rows, columns, (caption,), remarks=True)]


def profiles(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Kinds of respondents."""
    shares = frame[frame["estimand"] == "profile_share"]
    if shares.empty:
        return []
    means = frame[frame["estimand"] == "profile_mean"]
    blocks: list[Block] = [Heading("Profiles of respondents")]
    share = {(row["level"], row["group"]): value(row, "estimate") for row in records(shares)}
    dots = [
        Dot(in_group(row["term"], row["group"]), f"profile {row['level']} ({percent(share.get((row['level'], row['group']), math.nan), 0)})",
            value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in _finite(means)[: _MOST_ROWS * _MOST_SERIES]
    ]  # fmt: skip
    if dots:
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-profiles", axis="mean of the profile, in standard deviations within profiles", reach=(-1.0, 1.0),
                alt=f"Means of {shares['level'].nunique()} profiles.",
                caption=(f"Profiles: means about their middle, with {confidence(means)} intervals; in brackets the share of respondents.",),
            )
        )  # fmt: skip
    told = frame[frame["estimand"].isin(["profile_share", "profile_mean", "membership_coefficient"])]
    words = {"profile_share": "share of respondents", "profile_mean": "mean of", "membership_coefficient": "log odds of belonging, by"}  # fmt: skip
    rows = [
        {**row, "what": words[str(row["estimand"])], "of": "" if row["estimand"] == "profile_share" else row["other"] or row["term"]}
        for row in records(told)
    ]  # fmt: skip
    columns = [
        label_column("level", "Profile"), label_column("what", "Number"), label_column("of", ""), label_column("group", "Group"),
        number_column("estimate", "Estimate", lambda x: number(x, 2)), interval_column(f"{confidence(told)} interval"),
    ]  # fmt: skip
    caption = (
        "Profiles are normal laws that add up to that of the respondents; they need not be kinds. Log odds of belonging are for one standard "
        "deviation of the covariate. Compare the log predictive density with that of one profile before speaking of them."
    )
    blocks.append(build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True))
    return blocks


def raters(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Raters, random effects and response styles."""
    blocks: list[Block] = []
    told = frame[frame["estimand"].isin(["rater_severity", "rater_discrimination"])]
    if not told.empty:
        rows, level = beside(told, ("term", "facet", "other", "group")), confidence(told)
        columns = [
            label_column("term", "Scale"), label_column("other", "Rater"), label_column("group", "Group"), number_column("n", "n", count),
            *part_columns("rater_severity", "Level", level, lambda x: number(x, 2)),
            *part_columns("rater_discrimination", "Discrimination", level, lambda x: number(x, 2)),
        ]  # fmt: skip
        caption = "Raters: how far one lies above (lenient) or below (severe) the others, on the scale of the link, and how much it tells respondents apart; 1 is the middle of all."
        blocks += [Heading("Raters"), build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)]  # fmt: skip
    told = frame[frame["estimand"].isin(["random_effect_sd", "style_sd"])]
    if not told.empty:
        rows = [{**row, "facet": row["facet"] or "response style"} for row in records(told)]
        columns = [
            label_column("term", "Of"), label_column("facet", "Effect"), label_column("group", "Group"), number_column("estimate", "Standard deviation", lambda x: number(x, 2)),
            interval_column(f"{confidence(told)} interval"),
        ]  # fmt: skip
        caption = "Random effects and response styles: standard deviations on the scale of the link (of extremity: of the logarithm of the spread of the thresholds)."
        blocks += [Heading("Effects of conditions, and styles"), build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)]  # fmt: skip
    return blocks


def items(frame: pd.DataFrame, context: Context) -> list[Block]:
    """How well each dimension is known, and thresholds and discriminations of the items."""
    blocks: list[Block] = []
    told = frame[frame["estimand"] == "marginal_reliability"]
    if not told.empty:
        columns = [
            label_column("term", "Of"), label_column("group", "Group"), number_column("n", "n", count),
            number_column("estimate", "Reliability", lambda x: number(x, 2)), interval_column(f"{confidence(told)} interval"),
        ]  # fmt: skip
        caption = "How well respondents are known: squared correlation of a latent number with its best estimate from everything that was answered."
        blocks += [Heading("How well respondents are known"), build(records(told), columns, (caption,), remarks=True)]  # fmt: skip
    hard, steep = frame[frame["estimand"] == "difficulty"], frame[frame["estimand"] == "discrimination"]
    for at, (term, one) in enumerate(hard[hard["group"] == ""].groupby("term", sort=False)):
        rows = _finite(one)
        names = list(dict.fromkeys(str(row["level"]) for row in rows))
        codes = list(dict.fromkeys(str(row["other"]) for row in rows))
        if not rows or len(names) > _MOST_ROWS or len(codes) > 2 * _MOST_SERIES:
            continue
        dots = [
            Dot(str(row["level"]), str(row["other"]), value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
            for row in rows
        ]  # fmt: skip
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-thresholds-{at + 1}", axis="trait (standard deviations)", floor=-6.0, ceiling=6.0,
                alt=f"Difficulties of the {len(names)} items of {term}.",
                caption=("Where on the trait half of the respondents give the code named, or more, to each item of ", data(term, 80),
                         f": posterior medians and {confidence(one)} intervals."),
            )
        )  # fmt: skip
    if not steep.empty:
        columns = [
            label_column("term", "Scale"), label_column("level", "Item"), label_column("group", "Group"),
            number_column("estimate", "Discrimination", lambda x: number(x, 2)), interval_column(f"{confidence(steep)} interval"),
        ]  # fmt: skip
        caption = "How steeply answers rise with the trait: log odds (or the scale of the link) for one standard deviation; in points where answers are numbers."
        blocks.append(build(records(steep), columns, (caption,), folded=len(steep) > _FOLDED, remarks=True))
    return blocks
