"""Traits by methods: the matrix, what converges and discriminates, models of trait and method."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.multitrait_tables import (
    correlation_table,
    criteria_table,
    delta_table,
    factor_table,
    fit_table,
    ratio_table,
    share_table,
    summary_table,
)
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Text
from psychomet.pages.figures.shares import Share, draw_shares
from psychomet.pages.figures.triangle import draw_triangle
from psychomet.pages.tables import confidence, interval, number, records, value
from psychomet.result.result import Result

_LEAD = (
    "Do different methods see the same traits, and do they tell different traits apart? Correlations of one trait by two methods "
    "(framed) should be high, all others low. What methods share beside the traits, such as one model's style of answering, "
    "raises both."
)
CONVERGENT, DELTA = 0.60, 0.40
_MAX_FIGURES = 4


def multitrait(result: Result, context: Context) -> Section:
    """Return the section on traits by methods."""
    frame = result.estimates
    for name in ("facet", "level", "other", "p_value", "p_adjusted", "statistic", "df"):
        if name not in frame.columns:
            empty: Any = math.nan if name in ("p_value", "p_adjusted", "statistic", "df") else ""
            frame = frame.assign(**{name: empty})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += [Paragraph(text) for text in _sentences(frame)]
    blocks += _figures(frame, result, context)
    parts = (
        ("", ("convergent_r", "discriminant_r", "validity_delta"), (summary_table, delta_table)),
        (
            "Criteria of Campbell and Fiske",
            ("criterion_met", "criterion_comparisons", "criterion_by_chance"),
            (criteria_table,),
        ),
        ("Heterotrait-monotrait ratios", ("htmt",), (ratio_table,)),
    )
    for heading, estimands, makers in parts:
        rows = frame[frame["estimand"].isin(estimands)]
        if rows.empty:
            continue
        if heading:
            blocks.append(Heading(heading))
        blocks += [table for make in makers if (table := make(rows)).rows]
    models = frame[frame["facet"] == "model"]
    if not models.empty:
        blocks.append(Heading("Models of trait and method"))
        blocks.append(fit_table(models))
        blocks += _share_figures(models, context)
        blocks += [table for make in (share_table, factor_table) if (table := make(models)).rows]
    pairs = frame[frame["estimand"].isin(["pearson_r", "spearman_rho", "disattenuated_r"])]
    if not pairs.empty:
        blocks.append(correlation_table(pairs))
    return Section(context.title, context.anchor, tuple(blocks))


def verdict(low: float, high: float, cut: float) -> str:
    """Return where an interval stands to a cut-point, in words."""
    if math.isnan(low) or math.isnan(high):
        return "not settled: no interval"
    if low >= cut:
        return "reached"
    return "missed" if high < cut else "not settled: the interval holds it"


def _sentences(frame: pd.DataFrame) -> list[Text]:
    """Say for the whole table whether convergent r and Delta reach what is asked of them."""
    rows = frame[(frame["group"] == "") & (frame["term"] == "all traits")]
    found = {}
    for name in ("convergent_r", "validity_delta"):
        own = rows[(rows["estimand"] == name) & rows["method"].str.startswith("delta")]
        whole = own[own["other"] == "all methods"]
        chosen = records(whole if not whole.empty else own)
        if len(chosen) == 1:
            found[name] = chosen[0]
    if len(found) < 2:
        return []
    conv, delta = found["convergent_r"], found["validity_delta"]
    pieces = []
    for row, words, cut in ((conv, "Convergent r", CONVERGENT), (delta, "Delta", DELTA)):
        low, high = value(row, "conf_low"), value(row, "conf_high")
        pieces.append(
            f"{words} is {number(value(row, 'estimate'), 2)} {interval(low, high, lambda x: number(x, 2))}; the {cut:.2f} that "
            f"Serapio-García et al. (2025) ask for is {verdict(low, high, cut)}."
        )
    return [(" ".join(pieces),)]


def _figures(frame: pd.DataFrame, result: Result, context: Context) -> list[Figure]:
    units = [
        (str(one[0]), str(one[1]))
        for one in result.settings.get("traits", ())
        if isinstance(one, list | tuple) and len(one) >= 2
    ]
    if len(units) < 2:
        return []
    place = {f"{trait} ({method})": at for at, (trait, method) in enumerate(units)}
    groups = list(dict.fromkeys(frame.loc[frame["facet"] == "block", "group"]))
    made = []
    for at, group in enumerate(groups[:_MAX_FIGURES]):
        here = frame[(frame["group"] == group) & (frame["facet"] == "block")]
        cells: dict[tuple[int, int], tuple[float, float, float]] = {}
        own = here["estimand"].eq("alpha") | (
            here["estimand"].eq("pearson_r") & ~here["method"].str.startswith("bootstrap")
        )
        for row in records(here[own]):
            first = place.get(str(row["term"]))
            second = first if row["estimand"] == "alpha" else place.get(str(row["other"]))
            if first is None or second is None:
                continue
            numbers = (value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"))
            cells.setdefault((max(first, second), min(first, second)), numbers)
        made.append(_figure(cells, units, group, at, len(groups), here, context))
    return made


_SOURCES = {
    "consistency": "trait",
    "method_specificity": "method",
    "unreliability": "error",
    "uniqueness": "method and error",
}


def _share_figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Bars of trait, method and error of each measure, for every proper model of the whole table."""
    made = []
    own = frame[frame["estimand"].isin(list(_SOURCES)) & (frame["group"] == "")]
    for at, model in enumerate(dict.fromkeys(own["level"])):
        here = own[own["level"] == model]
        if here["reason"].str.startswith("improper").any():
            continue
        shares = [
            Share(str(row["term"]), _SOURCES[str(row["estimand"])], value(row, "estimate"))
            for row in records(here)
        ]
        shares = [one for one in shares if math.isfinite(one.share)]
        if not shares:
            continue
        traits = [one for one in shares if one.source == "trait"]
        low = min(traits, key=lambda one: one.share)
        rest = "method and error" if model == "CT-CU" else "error"
        figure = draw_shares(
            shares,
            sources=[name for name in ("trait", "method") if any(one.source == name for one in shares)],
            rest=rest,
            name=f"{context.anchor}-shares-{at}",
            axis="Share of the variance",
            alt=f"Variance of {len(traits)} measures in {model}: the trait carries least of {low.row}, {number(low.share, 2)}.",
            caption=(f"What the variance of each measure is made of, {model}.",),
        )
        made.append(figure)
    return made


def _figure(
    cells: dict[tuple[int, int], tuple[float, float, float]],
    units: list[tuple[str, str]],
    group: str,
    at: int,
    groups: int,
    frame: pd.DataFrame,
    context: Context,
) -> Figure:
    validities = {
        cell: found
        for cell, found in cells.items()
        if cell[0] != cell[1] and units[cell[0]][0] == units[cell[1]][0] and math.isfinite(found[0])
    }
    gist = "No correlation of one trait by two methods could be had."
    if validities:
        low = min(validities, key=lambda cell: validities[cell][0])
        high = max(validities, key=lambda cell: validities[cell][0])
        gist = (
            f"Correlations of one trait by two methods run from {number(validities[low][0], 2)} ({units[low[0]][0]}) to "
            f"{number(validities[high][0], 2)} ({units[high[0]][0]})."
        )
    where = f" Group: {group}." if group else ""
    cut = (
        f" The first {_MAX_FIGURES} of {groups} groups are drawn."
        if groups > _MAX_FIGURES and at == 0
        else ""
    )
    return draw_triangle(
        cells,
        units=units,
        name=f"{context.anchor}-matrix" + (f"-{at}" if at else ""),
        alt=f"Correlations of {len(units)} measures.{where} {gist}",
        caption=(
            "Correlations, method by method. Framed: one trait by two methods. Solid outline: different traits by one method. "
            "Dashed: two methods. In brackets: Cronbach's alpha, a dash where there is none. Italics: the "
            f"{confidence(frame)} interval holds 0.{where}{cut}",
        ),
    )
