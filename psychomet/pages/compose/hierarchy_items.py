"""What sets the items of a scale apart: posterior densities, a ridge for each item."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.pages.compose.context import Context, in_group, plural
from psychomet.pages.document import Block, Figure, Heading, Inline, Paragraph, data
from psychomet.pages.figures.ridges import Ridges, draw_ridges
from psychomet.pages.tables import (
    build,
    confidence,
    interval_column,
    label_column,
    number,
    number_column,
    records,
    value,
)
from psychomet.result.result import Result
from psychomet.text import visible

Floats = NDArray[np.float64]

TITLE = "What sets the items apart"
_MOST_DRAWN, _FOLDED = 40, 16
MOST_FIGURES = 6
"""Ridges drawn of one kind of model."""
JOINT = "joint"
"""Name of the whole model in names of arrays."""
_GIVEN = ", as given"
"""In the name of a code of an item keyed in reverse, where the model takes it as it was given."""
_STEEPEST, _HARDEST = (0.05, 20.0), (-6.0, 6.0)
_STEEP = "discrimination (logarithmic axis)"
_RIDGES = " Each ridge is a posterior density, all drawn to one height; the line below it is the {level} interval, the dot the median."


class Panel(NamedTuple):
    """One number of every item.

    Attributes
    ----------
    axis : str
        Its name and unit.
    draws : mapping of str to (S,) array
        By item.
    log : bool
        Whether it is positive.
    centre : float
        Where nothing is; NaN for nowhere.
    reach : tuple of float
        Where the axis ends at the latest.
    """

    axis: str
    draws: Mapping[str, Floats]
    log: bool = False
    centre: float = math.nan
    reach: tuple[float, float] = (-math.inf, math.inf)


def effect_blocks(result: Result, frame: pd.DataFrame, context: Context) -> list[Block]:
    """Effects of items of Gaussian and ordinal models: how far the answers to each lie from those to the others.

    Parameters
    ----------
    result : Result
        With the draws of the effects.
    frame : DataFrame
        Its estimates, with the columns facet, level and other.
    context : Context
        Title and anchor of the section.
    """
    told = frame[frame["estimand"] == "variance_component"]
    figures: list[Block] = []
    rows: list[dict[str, Any]] = []
    drawn = left = 0
    for (term, group), one in told.groupby(["term", "group"], sort=False):
        effects = _draws(result, draws_label(term, group), "effect of item", "item")
        if len(effects) < 2 or not np.isfinite(one["estimate"]).any():
            continue
        own = _apart(effects)
        logits = bool(one["method"].str.contains("logit").any())
        level = float(one["conf_level"].iloc[0])
        rows += _effect_rows(own, str(term), str(group), "logits" if logits else "points", level)
        if drawn == MOST_FIGURES:
            left += 1
            continue
        drawn += 1
        axis = f"effect of the item, less the mean of the items ({'logits' if logits else 'points of the answers'})"
        said: tuple[Inline, ...] = (
            "How much higher or lower each item of ", data(in_group(term, group), 80), " is answered than the mean of its items"
            f"{', in logits of a higher code' if logits else ''}; items keyed in reverse are turned.",
        )  # fmt: skip
        figures.append(
            _figure([Panel(axis, own, centre=0.0)], f"{context.anchor}-items-{drawn}", in_group(term, group), said, level)
        )  # fmt: skip
    if not rows:
        return []
    if left:
        figures.append(Paragraph((f"The first {drawn} are drawn; {plural(left, 'other is', 'others are')} in the table.",), "small"))  # fmt: skip
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("item", "Item"), label_column("unit", "Unit"),
        number_column("estimate", "Less the mean of the items", lambda x: number(x, 2)), interval_column(f"{confidence(told)} interval", lambda x: number(x, 2)),
    ]  # fmt: skip
    caption = "Items, the highest first: posterior median and interval of the effect of each less the mean effect of all items of the scale."
    return [Heading(TITLE), *figures, build(rows, columns, (caption,), folded=len(rows) > _FOLDED)]


def graded_ridges(result: Result, one: pd.DataFrame, name: str) -> list[Figure]:
    """Discrimination and middle difficulty of the items of a graded response model.

    Parameters
    ----------
    result : Result
        With the draws.
    one : DataFrame
        Rows ``discrimination`` and ``difficulty`` of one scale in one group.
    name : str
        Of the figure.
    """
    steep, hard = _finite(one, "discrimination"), _finite(one, "difficulty")
    if not steep:
        return []
    label = draws_label(steep[0]["term"], steep[0]["group"])
    slopes = _draws(result, label, "slope", "item")
    places = _draws(result, label, "difficulty", "threshold")
    found = {item: slopes[item] for item in (str(row["level"]) for row in steep) if item in slopes}
    middle = {
        item: (place, places[f"{item} {at + 1}"])
        for item, (at, place, _) in _middle(hard).items()
        if f"{item} {at + 1}" in places
    }
    panels = _panels(found, middle)
    if not panels:
        return []
    scale = in_group(steep[0]["term"], steep[0]["group"])
    return [_figure(panels, name, scale, _said(panels, scale), float(one["conf_level"].iloc[0]))]


def joint_ridges(result: Result, frame: pd.DataFrame, context: Context) -> list[Block]:
    """Discrimination and middle difficulty of the items of every scale of a joint model.

    Parameters
    ----------
    result, frame, context
        As in :func:`effect_blocks`.
    """
    told = frame[frame["estimand"].isin(["discrimination", "difficulty"])]
    blocks: list[Block] = []
    left = 0
    for (term, group), one in told.groupby(["term", "group"], sort=False):
        panels = _joint_panels(result, one, str(term), draws_label(JOINT, group))
        if not panels:
            continue
        if len(blocks) == MOST_FIGURES:
            left += 1
            continue
        name, level = f"{context.anchor}-items-{len(blocks) + 1}", float(one["conf_level"].iloc[0])
        scale = in_group(term, group)
        blocks.append(_figure(panels, name, scale, _said(panels, scale), level))
    if left:
        blocks.append(Paragraph((f"The first {MOST_FIGURES} are drawn; {plural(left, 'other is', 'others are')} in the CSV file.",), "small"))  # fmt: skip
    rows = records(frame[frame["estimand"] == "difficulty"])
    if rows:
        columns = [
            label_column("term", "Scale"), label_column("group", "Group"), label_column("level", "Item"), label_column("other", "Code"),
            number_column("estimate", "Difficulty", lambda x: number(x, 2)), interval_column(f"{confidence(told)} interval", lambda x: number(x, 2)),
        ]  # fmt: skip
        caption = "Where on the trait half of the respondents give the code named, in standard deviations of respondents alike in predictors, family and profile."
        blocks.append(build(rows, columns, (caption,), folded=True, remarks=True))
    return [Heading(TITLE), *blocks] if blocks else []


def _joint_panels(result: Result, one: pd.DataFrame, term: str, model: str) -> list[Panel]:
    """The numbers of the items of one scale in one group, in the unit of their rows; ``model`` as in names of arrays."""
    loading = _draws(result, model, f"{term}: loading", f"{term} item")
    slopes: dict[str, Floats] = {}
    for row in _finite(one, "discrimination"):
        item = str(row["level"])
        if item in loading:
            # The draws are in the unit of the model, the row in that of the answers; they differ by this factor alone.
            slopes[item] = loading[item] * (value(row, "estimate") / float(np.median(loading[item])))
    found = result.arrays.get(f"{model} / {term}: threshold")
    middle: dict[str, tuple[str, Floats]] = {}
    if found is not None:
        items = [str(name) for name in found[f"{term} item"].to_numpy()]
        values = found.transpose("chain", "draw", f"{term} item", f"{term} boundary").to_numpy()
        values = values.reshape(-1, *values.shape[2:]).astype(float)
        for item, (at, place, sign) in _middle(_finite(one, "difficulty")).items():
            if item in items and item in loading:
                middle[item] = (place, sign * values[:, items.index(item), at] / loading[item])
    return _panels(slopes, middle)


def _middle(hard: Sequence[dict[str, Any]]) -> dict[str, tuple[int, str, float]]:
    """Return by item the number of its middle threshold (the lower of two), its name as keyed, and the sign of the item.

    Codes of an item keyed in reverse are as given: what is "2 or more" of four thresholds there is "5 or more" when turned.
    """
    by_item: dict[str, list[str]] = {}
    for row in hard:
        by_item.setdefault(str(row["level"]), []).append(str(row["other"]))
    found = {}
    for item, places in by_item.items():
        at = (len(places) - 1) // 2
        turned = places[at].endswith(_GIVEN)
        found[item] = (len(places) - 1 - at if turned else at, places[at].removesuffix(_GIVEN), -1.0 if turned else 1.0)  # fmt: skip
    return found


def _panels(slopes: Mapping[str, Floats], middle: Mapping[str, tuple[str, Floats]]) -> list[Panel]:
    """Discrimination where items differ in it, and the middle difficulty."""
    panels = [Panel(_STEEP, slopes, log=True, reach=_STEEPEST)] if slopes else []
    if middle:
        places = {place for place, _ in middle.values()}
        which = places.pop() if len(places) == 1 else "middle threshold"
        panels.append(
            Panel(f"difficulty, {which} (SD of the trait)", {item: draws for item, (_, draws) in middle.items()}, centre=0.0, reach=_HARDEST)
        )  # fmt: skip
    return panels


def _said(panels: Sequence[Panel], scale: object) -> tuple[Inline, ...]:
    """What the panels of a scale hold."""
    hard = "where on the trait half of the respondents give the middle code or more (further right: given by fewer); items keyed in reverse are turned"
    if len(panels) == 2:
        return (
            "Items of ", data(scale, 80), ", the most discriminating first. Left: discrimination, how steeply answers rise with the trait. "
            f"Right: {hard}.",
        )  # fmt: skip
    if panels[0].log:
        return ("Items of ", data(scale, 80), ", the most discriminating first: how steeply answers rise with the trait.")  # fmt: skip
    return ("Items of ", data(scale, 80), f", the hardest first: {hard}.")


def _figure(
    panels: Sequence[Panel], name: str, scale: str, said: Sequence[Inline], conf_level: float
) -> Figure:
    """The ridges, sorted by the first panel; of very many items those at both ends."""
    first = panels[0]
    middles = {item: float(np.nanmedian(draws)) for item, draws in first.draws.items()}
    items = sorted(middles, key=lambda item: -middles[item])
    left_out, more = None, ""
    if len(items) > _MOST_DRAWN:
        half, gone = _MOST_DRAWN // 2, len(items) - _MOST_DRAWN
        more = f" Of {len(items)} items the {half} highest and the {half} lowest are drawn; the {gone} between them are in the table."
        left_out = (half, f"{plural(gone, 'item')} between not drawn")
        items = [*items[:half], *items[-half:]]
    what = first.axis.partition(" (")[0]
    ends = f"Highest: {visible(items[0])}, {number(middles[items[0]], 2)}"
    ends += f"; lowest: {visible(items[-1])}, {number(middles[items[-1]], 2)}." if len(items) > 1 else "."
    return draw_ridges(
        items,
        [
            Ridges(panel.axis, [panel.draws.get(item, np.empty(0)) for item in items], panel.log, panel.centre, panel.reach)
            for panel in panels
        ],
        name=name, conf_level=conf_level, left_out=left_out,
        alt=f"Posterior densities of the items of {visible(scale)}: {what}. {ends}",
        caption=(*said, _RIDGES.format(level=f"{100 * conf_level:g} %") + more),
    )  # fmt: skip


def _effect_rows(
    draws: Mapping[str, Floats], term: str, group: str, unit: str, conf_level: float
) -> list[dict[str, Any]]:
    """Median and limits by item, the highest first."""
    tails = [(1 - conf_level) / 2, 0.5, (1 + conf_level) / 2]
    rows = []
    for item, values in draws.items():
        low, middle, high = map(float, np.quantile(values, tails))
        rows.append({
            "term": term, "group": group, "item": item, "unit": unit, "estimate": middle, "conf_low": low, "conf_high": high,
        })  # fmt: skip
    return sorted(rows, key=lambda row: -row["estimate"])


def _apart(effects: Mapping[str, Floats]) -> dict[str, Floats]:
    """Effects less their mean: what the level of all items shares says nothing of one of them."""
    every = np.stack(list(effects.values()))
    return dict(zip(effects, every - every.mean(axis=0), strict=True))


def _draws(result: Result, label: str, variable: str, dim: str) -> dict[str, Floats]:
    """Draws of a variable by the labels of one dimension; nothing where the result has none."""
    found = result.arrays.get(f"{label} / {variable}")
    if found is None:
        return {}
    values = found.transpose("chain", "draw", dim).to_numpy()
    values = values.reshape(-1, values.shape[-1]).astype(float)
    return {str(name): values[:, at] for at, name in enumerate(found[dim].to_numpy())}


def _finite(frame: pd.DataFrame, estimand: str) -> list[dict[str, Any]]:
    return [row for row in records(frame[frame["estimand"] == estimand]) if math.isfinite(value(row, "estimate"))]  # fmt: skip


def draws_label(term: object, group: object) -> str:
    """As the arrays of a scale in a group are named."""
    return f"{term}{f' ({group})' if group else ''}"
