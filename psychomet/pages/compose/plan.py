"""Plan: how many items, prompts and repetitions a score needs, and what that costs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group, joined, mapping
from psychomet.pages.compose.generalizability import with_columns
from psychomet.pages.compose.merge import beside, limits, part, part_columns
from psychomet.pages.document import Block, Figure, Inline, Paragraph, Section, Strong, Text, data
from psychomet.pages.figures.curves import Point, draw_curves
from psychomet.pages.tables import (
    NOTHING,
    Show,
    build,
    confidence,
    count,
    label_column,
    number,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "How many items, prompts and repetitions does a score need? From the variance components: the coefficient that a "
    "design with other numbers of conditions would have. It holds if further conditions are like those of this table, "
    "and no design is better than the components it is computed from: read the intervals."
)
_NAMES = {"g_coefficient": "G coefficient", "phi_coefficient": "Phi coefficient"}
_SHORT = {"g": "g_coefficient", "phi": "phi_coefficient"}
_PIECE = re.compile(r"(.+?) = ([0-9]+(?:\.[0-9]+)?)(?:, |$)")
_PER_FIGURE, _MAX_FIGURES, _MAX_LINES, _SHOWN_WHOLE, _MAX_SAID = 6, 3, 6, 25, 2
Design = dict[str, float]


def plan(result: Result, context: Context) -> Section:
    """Return the section on designs."""
    frame = with_columns(result.estimates, ("level", "facet"))
    named = beside(frame[frame["facet"] == ""], ("term", "group", "level"))
    rows = beside(frame, ("term", "group", "level"))
    for row in (*named, *rows):
        row["recommended"] = is_recommended(row, recommended(result))
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _recommendation(named, result)
    blocks += _figures(rows, result, frame, context)
    blocks += _tables(rows, result, frame)
    return Section(context.title, context.anchor, tuple(blocks))


def parse_design(text: str) -> Design:
    """Return numbers of conditions by facet from text such as ``item = 6, prompt = 2``."""
    return {name.strip(): float(number) for name, number in _PIECE.findall(text)}


def coefficient_of(result: Result) -> str:
    """Return the estimand that the plan is made for."""
    name = str(result.settings.get("coefficient", "g"))
    return _SHORT.get(name, name if name in _NAMES else "g_coefficient")


def target_of(result: Result) -> float:
    """Return the coefficient to be reached; NaN where there is none."""
    found = result.settings.get("target")
    return float(found) if isinstance(found, int | float) else math.nan


def recommended(result: Result) -> dict[str, Design]:
    """Return the design recommended for each scale (and group: "scale / group"), as far as the settings name one."""
    found = {}
    for scale, entry in mapping(result.settings.get("plan")).items():
        design = {
            name: float(many)
            for name, many in mapping(mapping(entry).get("numbers")).items()
            if isinstance(many, int | float) and not isinstance(many, bool)
        }
        if design:
            found[scale] = design
    return found


def is_recommended(row: Mapping[str, Any], chosen: Mapping[str, Design]) -> bool:
    """Say whether a row of the table is the design recommended for its scale."""
    design = chosen.get(_place(row))
    mine = parse_design(str(row["level"]))
    return bool(mine) and design is not None and all(design.get(name) == many for name, many in mine.items())


def _place(row: Mapping[str, Any]) -> str:
    """Return the name under which the settings hold the plan of a row's scale and group."""
    return f"{row['term']} / {row['group']}" if row["group"] else str(row["term"])


def plan_sentence(result: Result, context: Context) -> Text:
    """Return the headline: the cheapest design that reaches the target, by scale."""
    frame = with_columns(result.estimates, ("level", "group"))
    chosen, target, estimand = recommended(result), target_of(result), coefficient_of(result)
    rows = [
        row
        for row in beside(frame[frame["group"] == ""], ("term", "group", "level"))
        if is_recommended(row, chosen)
    ]
    scales = list(dict.fromkeys(str(name) for name in frame["term"] if name))
    if not math.isfinite(target) or not scales:
        return ()
    goal = f"a {_NAMES[estimand]} of {number(target, 2)}"
    pieces: list[Inline] = [Strong("Plan"), ": "]
    met = {str(row["term"]): row for row in rows}
    shown = list(met.values())[:_MAX_SAID]
    for at, row in enumerate(shown):
        cost = value(part(row, "calls"), "estimate")
        pieces += [
            "; " if at else "", data(row["term"], 60), f" reaches {goal} " if not at else " with ",
            *(["with "] if not at else []), data(row["level"], 80),
            f" (expected {number(value(part(row, estimand), 'estimate'), 2)}"
            f"{f', cost {_cost(cost)} per respondent' if math.isfinite(cost) else ''}{_likely(row)})",
        ]  # fmt: skip
    if len(met) > len(shown):
        pieces.append(f"; {len(met) - len(shown)} more are in the table")
    without = [name for name in scales if name not in met]
    if without and met:
        pieces += ["; no design within the limits reaches it for ", *joined(without, most=4)]
    elif without:
        pieces += [f"no design within the limits reaches {goal} for ", *joined(without, most=4)]
    return (*pieces, ".")


def _likely(row: Mapping[str, Any]) -> str:
    """Return how sure the table makes one that a design reaches the target."""
    found = value(part(row, "probability_of_target"), "estimate")
    return f", with probability {number(found, 2)}" if math.isfinite(found) else ""


def _recommendation(rows: Sequence[dict[str, Any]], result: Result) -> list[Block]:
    chosen = recommended(result)
    if not chosen or not rows:
        return []
    estimand, target = coefficient_of(result), target_of(result)
    for row in rows:
        row["which"] = "recommended" if row["recommended"] else _other_design(row, rows, chosen)
    columns = [
        label_column("which", ""),
        *_columns(rows, "", estimand),
        Show("Probability", lambda row: number(value(part(row, "probability_of_target"), "estimate"), 2)),
    ]
    goal = f" reaches {number(target, 2)}" if math.isfinite(target) else " suffices"
    caption = (
        f"The design of this table, and the cheapest one whose expected {_NAMES[estimand]}{goal}. Cost is for one "
        "respondent. The probability that a design reaches the target is near one half for the cheapest: aim "
        "higher to be surer."
    )
    return [build(rows, [columns[1], columns[0], *columns[2:]], (caption,), remarks=False)]


def _other_design(
    row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], chosen: Mapping[str, Design]
) -> str:
    """Name a design that is not the recommended one: as observed, or the largest within the limits."""
    first = next(one for one in rows if (one["term"], one["group"]) == (row["term"], row["group"]))
    return "this table" if row is first or _place(row) in chosen else "largest allowed"


def _columns(rows: Sequence[Mapping[str, Any]], level: str, estimand: str) -> list[Show]:
    """Return the columns of a table of designs, the coefficient that is planned for first."""
    order = [estimand, *(name for name in _NAMES if name != estimand)]
    level = level or _level_of(rows, order)
    heads = {"g_coefficient": "G", "phi_coefficient": "Phi"}
    return [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        label_column("level", "Design", 120),
        Show("Cost", lambda row: _calls(row)),
        *(column for name in order for column in part_columns(name, heads[name], level)),
    ]


def _level_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    found = {value(part(row, name), "conf_level") for row in rows for name in names}
    return " and ".join(f"{100 * level:g} %" for level in sorted(found) if math.isfinite(level))


def _calls(row: Mapping[str, Any]) -> str:
    calls = value(part(row, "calls"), "estimate")
    return _cost(calls) if math.isfinite(calls) else NOTHING


def _cost(cost: float) -> str:
    """Return a cost with three digits, or as a whole number from 1,000."""
    return count(round(cost)) if cost >= 1000 or cost == int(cost) else f"{cost:.3g}"


def _tables(rows: Sequence[dict[str, Any]], result: Result, frame: pd.DataFrame) -> list[Block]:
    """Return all designs, scale by scale, closed where they are many."""
    target, estimand = target_of(result), coefficient_of(result)
    made: list[Block] = []
    for name in dict.fromkeys((row["term"], row["group"]) for row in rows):
        mine = sorted(
            (row for row in rows if (row["term"], row["group"]) == name),
            key=lambda row: math.prod(parse_design(str(row["level"])).values()),
        )
        for row in mine:
            row["reached"] = _reached(row, estimand, target)
        columns = [
            *_columns(mine, confidence(frame), estimand)[2:],
            Show("Target", lambda row: row["reached"], numeric=False),
        ]
        caption: Text = (data(in_group(*name)), f": {len(mine)} designs, the smallest first")
        made.append(build(mine, columns, caption, folded=len(rows) > _SHOWN_WHOLE, remarks=True))
    return made


def _reached(row: Mapping[str, Any], estimand: str, target: float) -> str:
    """Return whether a design reaches the target: by its whole interval, by its estimate, or not."""
    found = part(row, estimand)
    if not math.isfinite(target) or math.isnan(value(found, "estimate")):
        return ""
    if limits(found)[0] >= target:
        return "reached (interval above)"
    words = "reached" if value(found, "estimate") >= target else "not reached"
    return f"{words}; recommended" if row["recommended"] else words


def _figures(
    rows: Sequence[Mapping[str, Any]], result: Result, frame: pd.DataFrame, context: Context
) -> list[Figure]:
    estimand, chosen = coefficient_of(result), recommended(result)
    if not any(math.isfinite(value(part(row, estimand), "estimate")) for row in rows):
        other = [name for name in _NAMES if name != estimand]
        estimand = other[0]
    panels: dict[str, Mapping[str, Sequence[Point]]] = {}
    for name in dict.fromkeys((str(row["term"]), str(row["group"])) for row in rows):
        mine = [row for row in rows if (row["term"], row["group"]) == name]
        curves = _curves(mine, estimand, chosen.get(_place(mine[0])))
        if curves:
            panels[in_group(*name)] = curves
    target = target_of(result)
    figures = []
    for at in range(0, min(len(panels), _PER_FIGURE * _MAX_FIGURES), _PER_FIGURE):
        piece = dict(list(panels.items())[at : at + _PER_FIGURE])
        ends = [point.estimate for curves in piece.values() for points in curves.values() for point in points]
        goal = f" The target is {number(target, 2)}." if math.isfinite(target) else ""
        figures.append(
            draw_curves(
                piece,
                name=f"{context.anchor}-curves-{at // _PER_FIGURE + 1}",
                axis=_NAMES[estimand],
                alt=f"{_NAMES[estimand]} of {len(piece)} scales against the number of conditions, from "
                f"{number(min(ends), 2)} to {number(max(ends), 2)}.{goal}",
                caption=(
                    f"{_NAMES[estimand]} with {confidence(frame)} bands as one facet gets more conditions and the others "
                    f"stay as in the design that the lines have in common.{goal}"
                    + (" Not all scales are drawn." if len(panels) > _PER_FIGURE * _MAX_FIGURES else ""),
                ),
                target=target,
                lines=list(dict.fromkeys(line for curves in panels.values() for line in curves)),
            )
        )
    return figures


def _curves(
    rows: Sequence[Mapping[str, Any]], estimand: str, chosen: Design | None
) -> dict[str, list[Point]]:
    """Return one line per facet through a common design: the recommended one, else the best connected."""
    found: dict[tuple[tuple[str, float], ...], Mapping[str, Any]] = {}
    for row in rows:
        design = parse_design(str(row["level"]))
        whole = all(many == int(many) for many in design.values())
        if design and whole and math.isfinite(value(part(row, estimand), "estimate")):
            found[tuple(design.items())] = part(row, estimand)
    designs = [dict(key) for key in found]
    if not designs:
        return {}
    names = list(dict.fromkeys(name for design in designs for name in design))
    centre = _centre(designs, chosen)
    curves = {}
    for name in names[:_MAX_LINES]:
        line = [
            (design, row)
            for design, row in zip(designs, found.values(), strict=True)
            if name in design and all(design.get(other) == centre.get(other) for other in names if other != name)
        ]  # fmt: skip
        if len(line) < 2:
            continue
        curves[name] = [
            Point(
                design[name], value(row, "estimate"), *limits(row),
                chosen=chosen is not None and all(chosen.get(key) == many for key, many in design.items()),
            )
            for design, row in sorted(line, key=lambda pair: pair[0][name])
        ]  # fmt: skip
    return curves


def _centre(designs: Sequence[Design], chosen: Design | None) -> Design:
    """Return the design through which the lines are drawn."""
    if chosen is not None and any(
        all(chosen.get(name) == many for name, many in design.items()) for design in designs
    ):
        return {name: many for name, many in chosen.items() if name in designs[0]}
    compared = designs[:200]

    def near(design: Design) -> int:
        return sum(sum(one.get(name) != many for name, many in design.items()) <= 1 for one in compared)

    return max(compared, key=near)
