"""A joint model: how traits, behaviour and features go together, with everything uncertain at once."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.generalizability import with_columns
from psychomet.pages.compose.hierarchy_checks import predictions, prior_table, sensitivity
from psychomet.pages.compose.hierarchy_items import joint_ridges
from psychomet.pages.compose.hierarchy_joint_parts import groups, growth, items, profiles, raters
from psychomet.pages.compose.hierarchy_planes import plane_blocks
from psychomet.pages.compose.merge import beside, part_columns
from psychomet.pages.document import Block, Figure, Heading, Inline, Paragraph, Section, Strong, Text, data
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
    records,
    value,
)
from psychomet.result.result import Result

METHOD = "joint model"
_LEAD = (
    "How traits, behaviour and features of the same respondents go together: one model for all answers, whose latent numbers are "
    "correlated with one another. These correlations have no errors of measurement in them, and what is not known about each "
    "respondent is in their intervals. An estimate is a posterior median; its interval holds the number with the probability named, "
    "given the model and the priors."
)
CORRELATIONS = {
    "trait_behaviour_correlation": "trait and behaviour",
    "trait_correlation": "traits",
    "behaviour_correlation": "behaviours",
    "refusal_correlation": "with refusing",
    "growth_correlation": "with growth",
}
_OF_THE_MODEL = ("posterior_predictive", "prior_predictive", "prior_sensitivity", "likelihood_sensitivity", "p_loo", "elpd_loo")  # fmt: skip
_MOST_ROWS = 40


def is_joint(result: Result) -> bool:
    """Return whether a result holds a joint model.

    Parameters
    ----------
    result : Result
        Of ``hierarchy``.
    """
    parts = result.settings.get("hierarchy", {})
    return any(part.get("model") == "joint" for part in parts.values())


def hierarchy_joint(result: Result, context: Context) -> Section:
    """Return the section on a joint model."""
    frame = with_columns(result.estimates, ("facet", "level", "other"))
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _chains(frame)
    blocks += _correlations(frame, context)
    blocks += plane_blocks(result, frame, context)
    blocks += _regressions(frame, context)
    for part in (groups, growth, profiles, raters, items):
        blocks += part(frame, context)
    blocks += joint_ridges(result, frame, context)
    blocks += predictions(frame, context)
    blocks += sensitivity(frame)
    blocks += prior_table(frame)
    return Section(context.title, context.anchor, tuple(blocks))


def hierarchy_joint_sentence(result: Result, context: Context) -> Text:
    """Return the headline: the largest correlation of a trait with behaviour, or of two traits."""
    frame = with_columns(result.estimates, ("other",))
    for estimand in ("trait_behaviour_correlation", "trait_correlation"):
        rows = [row for row in records(frame[(frame["estimand"] == estimand) & (frame["group"] == "")]) if math.isfinite(value(row, "estimate"))]  # fmt: skip
        if rows:
            top = max(rows, key=lambda row: abs(value(row, "estimate")))
            pieces: list[Inline] = [
                Strong("Joint model"), ": ", data(top["term"], 60), " and ", data(top["other"], 60),
                f" correlate at {number(value(top, 'estimate'), 2)} ",
                interval(value(top, "conf_low"), value(top, "conf_high"), lambda x: number(x, 2)),
                " without errors of measurement", f", the largest of {len(rows)}." if len(rows) > 1 else ".",
            ]  # fmt: skip
            return tuple(pieces)
    failed = any(note.code == "not_converged" for note in result.notes)
    return ((Strong("Joint model"), ": the chains did not converge; there are no estimates.")) if failed else ()  # fmt: skip


def _finite(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [row for row in records(frame) if math.isfinite(value(row, "estimate"))]


def _chains(frame: pd.DataFrame) -> list[Block]:
    """Say of each group whether its chains agree, and how well respondents are predicted."""
    rows: list[dict[str, Any]] = []
    for group, one in frame.groupby("group", sort=False):
        own = one[one["method"].str.contains(METHOD) | (one["term"] == "joint")]
        drawn = own[~own["estimand"].isin(_OF_THE_MODEL)]
        if drawn.empty:
            continue
        first = drawn.iloc[0]
        # A probability and a diagnostic have a reason in a fit that is sound; a number of the model has none.
        bare = drawn[drawn["estimate"].isna()]
        row = {"group": group or "all respondents", "n": first["n"], "said": str(bare["reason"].iloc[0]) if len(bare) else "yes"}  # fmt: skip
        row |= {"rhat": math.nan, "ess": math.nan}
        if not len(bare) and "rhat" in drawn:
            row |= {"rhat": float(drawn["rhat"].max()), "ess": float(drawn[["ess_bulk", "ess_tail"]].min().min())}  # fmt: skip
        for name in ("elpd_loo", "p_loo"):
            found = own[own["estimand"] == name]
            row[name] = float(found["estimate"].iloc[0]) if len(found) else math.nan
        rows.append(row)
    if not rows:
        return []
    columns = [
        label_column("group", "Respondents"), number_column("n", "n", count), label_column("said", "Do the chains agree?", 300),
        number_column("rhat", "Largest R-hat"), number_column("ess", "Fewest effective draws", lambda x: number(x, 0)),
        number_column("elpd_loo", "Log predictive density", lambda x: number(x, 1)),
        number_column("p_loo", "Effective parameters", lambda x: number(x, 1)),
    ]  # fmt: skip
    caption = (
        "Chains begin apart and must come to the same: R-hat compares them (1.01 at most), effective draws say how many independent ones "
        "theirs are worth. Log predictive density is that of respondents predicted from the others; higher is better, for the same answers "
        "only. An en dash: it cannot be had from these draws."
    )
    return [build(rows, columns, (caption,))]


def _correlations(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Forest and table of all correlations."""
    told = frame[frame["estimand"].isin(CORRELATIONS)]
    if told.empty:
        return []
    beyond = {
        (row["term"], row["other"], row["group"]): row
        for row in records(frame[frame["estimand"] == "residual_trait_correlation"])
    }
    rows = _finite(told)
    blocks: list[Block] = [Heading("What goes together")]
    if rows:
        blocks.append(_forest(rows, told, context))
    listed = []
    for row in records(told):
        held = beyond.get((row["term"], row["other"], row["group"]))
        listed.append({
            **row, "kind": CORRELATIONS[str(row["estimand"])],
            "held": math.nan if held is None else value(held, "estimate"),
            "held_low": math.nan if held is None else value(held, "conf_low"),
            "held_high": math.nan if held is None else value(held, "conf_high"),
        })  # fmt: skip
    columns = [
        label_column("kind", "Kind"), label_column("term", "Of"), label_column("other", "and"), label_column("group", "Group"),
        number_column("n", "n", count), number_column("estimate", "r", lambda x: number(x, 2)), interval_column(f"{confidence(told)} interval"),
    ]  # fmt: skip
    if beyond:
        columns.append(number_column("held", "beside predictors", lambda x: number(x, 2)))
    caption = (
        "Correlations of latent numbers over respondents, without errors of measurement on either side. Beside predictors: of respondents "
        "who are alike in predictors, family and profile."
    )
    blocks.append(build(listed, columns, (caption,), folded=len(listed) > 16, remarks=True))
    return blocks


def _forest(rows: list[dict[str, Any]], frame: pd.DataFrame, context: Context) -> Figure:
    """Every correlation with its interval, behaviour first."""
    order = list(CORRELATIONS)
    rows = sorted(rows, key=lambda row: order.index(str(row["estimand"])))[:_MOST_ROWS]
    dots = [
        Dot(in_group(f"{row['term']} ~ {row['other']}", row["group"]), CORRELATIONS[str(row["estimand"])],
            value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in rows
    ]  # fmt: skip
    top = max(rows, key=lambda row: abs(value(row, "estimate")))
    return draw_dots(
        dots, name=f"{context.anchor}-correlations", axis="correlation without errors of measurement", reach=(-1.0, 1.0),
        alt=f"Latent correlations with intervals. Largest: {top['term']} and {top['other']}, {number(value(top, 'estimate'), 2)}.",
        caption=(f"Correlations of latent numbers: posterior medians and {confidence(frame)} intervals.",),
    )  # fmt: skip


def _regressions(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Behaviour on all traits at once."""
    told = frame[frame["estimand"].isin(["behaviour_coefficient", "behaviour_coefficient_standardized"])]
    if told.empty:
        return []
    rows = beside(told, ("term", "other", "level", "group"))
    level = confidence(told)
    explained = {
        (row["term"], row["group"]): value(row, "estimate")
        for row in records(frame[frame["estimand"] == "behaviour_r2"])
    }
    for row in rows:
        row["r2"] = explained.get((row["term"], row["group"]), math.nan)
    columns = [
        label_column("term", "Behaviour"), label_column("level", "Level"), label_column("other", "Trait"), label_column("group", "Group"), number_column("n", "n", count),
        *part_columns("behaviour_coefficient", "Coefficient", level), *part_columns("behaviour_coefficient_standardized", "Standardised", level),
        number_column("r2", "R squared of all traits", lambda x: number(x, 2)),
    ]  # fmt: skip
    caption = (
        "Behaviour on all traits at once, errors of measurement taken out. Coefficient: for one latent standard deviation of the trait, in the "
        "unit of the behaviour or on the scale of its link (log odds, logarithm of a count). Standardised: in standard deviations of the "
        "behaviour, or of the continuous variable behind it."
    )
    blocks: list[Block] = [Heading("Behaviour from all traits")]
    dots = [
        Dot(in_group(f"{row['term']} on {row['other']}", row["group"]), "standardised coefficient",
            value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
        for row in _finite(frame[frame["estimand"] == "behaviour_coefficient_standardized"])[:_MOST_ROWS]
    ]  # fmt: skip
    if dots:
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-behaviour", axis="standardised coefficient", reach=(-0.5, 0.5),
                alt=f"Standardised coefficients of behaviour on {len(dots)} traits.",
                caption=(f"Behaviour on all traits at once: standardised coefficients with {confidence(frame)} intervals.",),
            )
        )  # fmt: skip
    blocks.append(build(rows, columns, (caption,), folded=len(rows) > 16, remarks=True))
    return blocks
