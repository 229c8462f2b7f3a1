"""Respondents in the plane of a trait and a behaviour, with what is not known about each and about the line between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.pages.compose.context import Context, plural
from psychomet.pages.compose.hierarchy_items import JOINT, draws_label
from psychomet.pages.document import Block, Inline, Paragraph, Table, data
from psychomet.pages.figures.plane import MANY, SHOWN, Place, Plane, draw_planes
from psychomet.pages.tables import Show, build, interval, number, records, value
from psychomet.result.result import Result
from psychomet.text import visible

Floats = NDArray[np.float64]

_MOST_PLANES, _MOST_LISTED, _MOST_COLUMNS, _MOST_GROUPS = 6, 300, 6, 6


def plane_blocks(result: Result, frame: pd.DataFrame, context: Context) -> list[Block]:
    """Planes of the pairs that go together most, and the respondents as a table.

    Parameters
    ----------
    result : Result
        With the draws of the latent numbers.
    frame : DataFrame
        Its estimates, with the column other.
    context : Context
        Title and anchor of the section.
    """
    told = frame[frame["estimand"] == "trait_behaviour_correlation"]
    blocks: list[Block] = []
    drawn = left = 0
    for group, one in told.groupby("group", sort=False):
        every = [row for row in records(one) if math.isfinite(value(row, "estimate"))]
        if not every or f"{draws_label(JOINT, group)} / z" not in result.arrays:
            continue
        if drawn == _MOST_GROUPS:
            left += 1
            continue
        drawn += 1
        name = f"{context.anchor}-planes{f'-{drawn}' if drawn > 1 else ''}"
        blocks += _planes(result, every, str(group), name)
    if left:
        blocks.append(Paragraph((f"Planes of the first {drawn} groups are drawn; {plural(left, 'other has', 'others have')} theirs in the draws of the result.",), "small"))  # fmt: skip
    return blocks


def _planes(result: Result, every: Sequence[dict[str, Any]], group: str, name: str) -> list[Block]:
    """The figure of one group, and its respondents as a table."""
    pairs = sorted(every, key=lambda row: -abs(value(row, "estimate")))[:_MOST_PLANES]
    latent = result.arrays[f"{draws_label(JOINT, group)} / z"]
    names = [str(one) for one in latent["dimension"].to_numpy()]
    z = latent.transpose("chain", "draw", "unit", "dimension").to_numpy().astype(float)
    z = z.reshape(-1, *z.shape[2:])
    who = [str(one) for one in latent["unit"].to_numpy()]
    level = float(pairs[0]["conf_level"])
    panels = {}
    for row in pairs:
        pair = (str(row["term"]), str(row["other"]))
        a, b = (names.index(one) for one in pair)
        panels[pair] = Plane(
            _places(z[..., a], z[..., b], who), _line(result, group, *pair), f"r = {_told(row)}"
        )
    first = pairs[0]
    figure = draw_planes(
        panels, name=name, conf_level=level,
        alt=(
            f"Respondents{f' with {visible(group, 60)}' if group else ''} by trait and behaviour, {len(who)} in {plural(len(panels), 'panel')}. "
            f"{visible(first['term'])} and {visible(first['other'])} correlate at {_told(first)} without errors of measurement."
        ),
        caption=_caption(pairs, len(every), len(who), level, any(plane.line is not None for plane in panels.values()), group),
    )  # fmt: skip
    used = list(dict.fromkeys(one for pair in panels for one in pair))
    return [
        figure,
        _table(z[..., [names.index(one) for one in used[:_MOST_COLUMNS]]], used, who, level, group),
    ]


def _places(x: Floats, y: Floats, who: Sequence[str]) -> list[Place]:
    """Mean and covariance of the draws of every respondent; x and y are (draws, respondents)."""
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    rest = max(len(x) - 1, 1)
    xx, xy, yy = (np.sum(one * other, axis=0) / rest for one, other in ((a, a), (a, b), (b, b)))
    return [
        Place(name, (float(x[:, at].mean()), float(y[:, at].mean())), (float(xx[at]), float(xy[at]), float(yy[at])))
        for at, name in enumerate(who)
    ]  # fmt: skip


def _line(result: Result, group: str, trait: str, behaviour: str) -> Floats | None:
    """Where across, median, lower and upper end of the regression line; None where the result does not tell it."""
    found = result.arrays.get(f"{draws_label(JOINT, group)} / lines")
    if found is None or trait not in found["trait"].to_numpy() or behaviour not in found["behaviour"].to_numpy():  # fmt: skip
        return None
    one = found.sel(trait=trait, behaviour=behaviour, statistic=["at", "median", "low", "high"])
    return np.asarray(one.transpose("point", "statistic").to_numpy(), dtype=float)


def _told(row: dict[str, Any]) -> str:
    """The correlation with its interval."""
    ends = interval(value(row, "conf_low"), value(row, "conf_high"), lambda x: number(x, 2))
    return f"{number(value(row, 'estimate'), 2)} {ends}"


def _caption(
    pairs: Sequence[dict[str, Any]], pairs_in_all: int, n: int, level: float, banded: bool, group: str
) -> tuple[Inline, ...]:
    """What is drawn, and the correlations."""
    per = f"{100 * level:g} %"
    pieces: list[Inline] = [
        *((data(group, 80), ". ") if group else ()),
        "Where respondents lie on trait and behaviour, in standard deviations of respondents alike in predictors, family and profile: posterior means, with ellipses that hold a respondent's two "
        "numbers with the probability named (from the posterior covariance). ",
    ]
    if n > MANY:
        pieces.append(
            f"Of {n} respondents {SHOWN}, spread over the trait, have their ellipses (black dots). "
        )
    if banded:
        pieces.append(f"Line: the behaviour expected at each level of the trait, among respondents in general, with its {per} band. ")  # fmt: skip
    pieces.append("Correlation without errors of measurement, with its " + per + " interval: ")
    for at, row in enumerate(pairs):
        pieces += [
            "; " if at else "",
            data(row["term"], 40),
            " and ",
            data(row["other"], 40),
            f" {_told(row)}",
        ]
    if pairs_in_all > len(pairs):
        pieces.append(f"; {pairs_in_all - len(pairs)} weaker pairs are in the table above")
    pieces.append(". Means are drawn to the middle, the more so the less is known: the correlation is not that of the dots.")  # fmt: skip
    return tuple(pieces)


def _table(z: Floats, names: Sequence[str], who: Sequence[str], level: float, group: str) -> Table:
    """Means and intervals of the respondents, as drawn."""
    shown = min(len(who), _MOST_LISTED)
    low, high = np.quantile(z[:, :shown], [(1 - level) / 2, (1 + level) / 2], axis=0)
    middle = z[:, :shown].mean(axis=0)
    rows = [{"at": at, "name": who[at]} for at in range(shown)]

    def form(one: float) -> str:
        return number(one, 2)

    def column(place: int, name: str) -> Show:
        return Show(
            data(name, 40),
            lambda row: (
                f"{form(middle[row['at'], place])} {interval(low[row['at'], place], high[row['at'], place], form)}"
            ),
        )

    columns = [Show("Respondent", lambda row: data(row["name"], 60), numeric=False)]
    columns += [column(place, name) for place, name in enumerate(names[:_MOST_COLUMNS])]
    more = (
        f" The first {shown} of {len(who):,}; all are in the draws of the result." if shown < len(who) else ""
    )
    caption = f"Respondents on the traits and behaviours drawn, in standard deviations: posterior mean and {100 * level:g} % interval.{more}"
    return build(rows, columns, (*((data(group, 80), ". ") if group else ()), caption), folded=True)
