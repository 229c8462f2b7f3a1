"""The same link under every defensible choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, plural
from psychomet.pages.compose.merge import beside, part
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
from psychomet.pages.figures.specifications import Specification, draw_specifications
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    interval_column,
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
    "Does the conclusion depend on how the link was computed? Each link is computed under every defensible choice: the measure, "
    "the rule for missing answers where it matters, and the rows. A link that holds under all of them is no product of a choice; one that changes "
    "its sign needs the choice to be argued for."
)
_CAUTION = (
    "The specifications share their data. Their spread says what choices do, not what chance does: it is no interval, and "
    "counting how many leave out zero is no test. They do not all ask one question either: a link between respondents and one within them may "
    "differ in truth. Slopes are standardised; with other self-reports held they may exceed 1."
)
MEASURES = {
    "pearson_between": "Pearson, between",
    "spearman_between": "Spearman, between",
    "within": "within respondents",
    "slope_alone": "slope, alone",
    "slope_together": "slope, others held",
}
_FAMILIES = ("Measure", "Rows", "Missing answers")
_PAIR = ("term", "other", "group")
_SUMMARY = "specification_"
_CURVES, _LINES, _ROWS, _PANELS, _FOLDED = 6, 24, 30, 12, 60


def specification_curve(result: Result, context: Context) -> Section:
    """Return the section on specifications."""
    frame = result.estimates
    frame = frame.assign(**{name: "" for name in ("other", "group", "level") if name not in frame.columns})
    single = frame[frame["estimand"] == "specification"]
    summary = frame[frame["estimand"].str.startswith(_SUMMARY)]
    rows = beside(summary, _PAIR)
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), Paragraph((_CAUTION,))]
    blocks += _overview(rows, context)
    if rows:
        blocks.append(_summary_table(rows))
    curves = _curves(single, rows, context)
    if curves:
        blocks.append(Heading("From the lowest to the highest estimate"))
        if len(rows) > len(curves):
            text = f"Drawn are the {len(curves)} links of {len(rows)} whose estimates lie furthest apart."
            blocks.append(Paragraph((text,), "small"))
        blocks += curves
    if not single.empty:
        blocks.append(_table(single))
    return Section(context.title, context.anchor, tuple(blocks))


def specification_curve_sentence(result: Result, context: Context) -> Text:
    """Return in how many links every specification has one sign, and the link that choices move most."""
    frame = result.estimates
    if "other" not in frame.columns:
        return ()
    rows = [
        row for row in beside(frame[frame["estimand"].str.startswith(_SUMMARY) & (frame["group"] == "")], _PAIR)
        if math.isfinite(_of(row, "median"))
    ]  # fmt: skip
    if not rows:
        return ()
    same = sum(_of(row, "same_sign") >= 1 for row in rows)
    wide = max(rows, key=_reach)
    pieces: list[Inline] = [
        Strong("Choices of analysis"),
        f": {same} of {plural(len(rows), 'link')} keep their sign under every specification; choices move that of ",
        data(wide["term"]), " with ", data(wide["other"]),
        f" most, from {number(_of(wide, 'lowest'), 2)} to {number(_of(wide, 'highest'), 2)}.",
    ]  # fmt: skip
    return tuple(pieces)


def choices_of(level: str) -> tuple[str, str, str]:
    """Return measure, rows and rule of a specification; rows may hold any name, a semicolon included."""
    measure, _, rest = level.partition("; ")
    kept, bar, rule = rest.rpartition("; ")
    return MEASURES.get(measure, measure), kept if bar else rest, rule if bar else ""


def _of(row: Row, name: str) -> float:
    """Return one number of the summary of a link."""
    return value(part(row, _SUMMARY + name), "estimate")


def _reach(row: Row) -> float:
    reach = _of(row, "highest") - _of(row, "lowest")
    return reach if math.isfinite(reach) else -1.0


def _words(row: Row) -> str:
    """Return what the summary of a link says."""
    same, clear, middle = _of(row, "same_sign"), _of(row, "significant"), _of(row, "median")
    if not math.isfinite(middle):
        return ""
    if same < 1:
        return "the sign depends on the choice"
    sign = "positive" if middle > 0 else "negative"
    if clear >= 1:
        return f"{sign} under every choice, each clear of zero"
    return f"{sign} under every choice, {'none' if clear == 0 else 'not all'} clear of zero"


def _summary_table(rows: list[dict[str, Any]]) -> Table:
    columns = [
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        Show("Median", lambda row: number(_of(row, "median"))),
        Show("Lowest", lambda row: number(_of(row, "lowest"))),
        Show("Highest", lambda row: number(_of(row, "highest"))),
        Show("Sign of the median", lambda row: percent(_of(row, "same_sign"), 0)),
        Show("of these clear of zero", lambda row: percent(_of(row, "significant"), 0)),
        Show("In words", _words, numeric=False),
    ]
    caption = (
        "Median and range of the specifications of each link, the share with the sign of the median, and the share that has this sign "
        "and leaves out zero. No intervals: these numbers describe choices, not samples."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED)


def _overview(rows: list[dict[str, Any]], context: Context) -> list[Figure]:
    """Return one bar per link from its lowest to its highest estimate."""
    there = [row for row in rows if math.isfinite(_of(row, "median"))]
    if len(there) < 2:
        return []
    terms = list(dict.fromkeys(row["term"] for row in there))
    others = list(dict.fromkeys(row["other"] for row in there))
    groups = list(dict.fromkeys(row["group"] for row in there))
    kept, shown = set(terms[:_ROWS]), set(groups[: len(STYLES)])
    panels: dict[str, list[Dot]] = {}
    for other in others[:_PANELS]:
        for row in there:
            if row["other"] == other and row["term"] in kept and row["group"] in shown:
                dot = Dot(
                    row["term"],
                    row["group"] or "all",
                    _of(row, "median"),
                    _of(row, "lowest"),
                    _of(row, "highest"),
                )
                panels.setdefault(other, []).append(dot)
    ends = [end for row in there for end in (_of(row, "lowest"), _of(row, "highest"))]
    pad = 0.05 * (max(0.0, *ends) - min(0.0, *ends) or 1.0)
    many = len(terms) > _ROWS or len(others) > _PANELS or len(groups) > len(STYLES)
    cut = " The first of many are drawn; the table has all." if many else ""
    turned = sum(_of(row, "same_sign") < 1 for row in there)
    wide = max(there, key=_reach)
    return [
        draw_forest(
            panels,
            name=f"{context.anchor}-ranges",
            axis="correlation or standardised slope",
            alt=f"Range of the specifications of {plural(len(there), 'link')}: in {turned} of them the sign depends on the choice. Widest: "
            f"{wide['term']} with {wide['other']}, {number(_of(wide, 'lowest'), 2)} to {number(_of(wide, 'highest'), 2)}.",
            caption=(f"Median of the specifications; the lines reach from the lowest to the highest estimate and are no intervals.{cut}",),
            limits=(min(0.0, *ends) - pad, max(0.0, *ends) + pad),
        )
    ]  # fmt: skip


def _curves(frame: pd.DataFrame, rows: list[dict[str, Any]], context: Context) -> list[Figure]:
    """Return the curves of the links that choices move most."""
    there = frame[frame["estimate"].notna()]
    wanted = sorted(rows, key=_reach, reverse=True)[:_CURVES]
    figures = []
    for at, row in enumerate(wanted, 1):
        mine = there[
            (there["term"] == row["term"])
            & (there["other"] == row["other"])
            & (there["group"] == row["group"])
        ]
        if len(mine) > 1:
            figures.append(_curve(records(mine), row, context, at))
    return figures


def _curve(rows: list[dict[str, Any]], link: dict[str, Any], context: Context, at: int) -> Figure:
    found = [choices_of(str(row["level"])) for row in rows]
    specifications = [
        Specification(
            value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"),
            value(row, "conf_low") > 0 or value(row, "conf_high") < 0, choices,
        )
        for row, choices in zip(rows, found, strict=True)
    ]  # fmt: skip
    families, cut = _families(found)
    clear = sum(one.clear for one in specifications)
    low, high = _of(link, "lowest"), _of(link, "highest")
    group = f", {link['group']}" if link["group"] else ""
    return draw_specifications(
        specifications,
        families=families,
        name=f"{context.anchor}-curve-{at}",
        axis="estimate",
        title=f"{link['term']} with {link['other']}{group}",
        alt=f"{plural(len(rows), 'specification')} of the link of {link['term']} with {link['other']}{group}: from {number(low, 2)} to "
        f"{number(high, 2)}; in {clear} the interval leaves out zero.",
        caption=(
            data(link["term"]), " with ", data(link["other"]), *((", ", data(link["group"])) if link["group"] else ()),
            f". Above: every specification with its {_level(rows)} interval, in ascending order. Below: a mark for the choices it "
            f"rests on; a line whose marks crowd at one end is a choice that moves the estimate.{cut}",
        ),
    )  # fmt: skip


def _level(rows: list[dict[str, Any]]) -> str:
    return confidence(pd.DataFrame({"conf_level": [value(row, "conf_level") for row in rows]}))


def _families(found: Sequence[tuple[str, str, str]]) -> tuple[list[tuple[str, list[str]]], str]:
    """Return the choices of every family that have a line; a family without alternatives is left empty."""
    families, left = [], 0
    for place, family in enumerate(_FAMILIES):
        choices = list(dict.fromkeys(one[place] for one in found))
        left += max(0, len(choices) - _LINES)
        families.append((family, choices[:_LINES] if len(choices) > 1 else []))
    return families, f" {left} further choices have no line." if left else ""


def _table(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    for row in rows:
        row["measure"], row["kept"], row["rule"] = choices_of(str(row["level"]))
    columns = [
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        label_column("measure", "Measure"),
        label_column("kept", "Rows"),
        label_column("rule", "Missing answers"),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
    ]
    caption = "Every specification. The p values are not adjusted: they share their data and are read together, as a curve."
    return build(rows, columns, (caption,), folded=True, remarks=True)
