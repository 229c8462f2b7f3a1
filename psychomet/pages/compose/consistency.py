"""Consistency: do equivalent forms of a question get the same answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile

import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    interval_column,
    known_columns,
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
    "Does the same question get the same answer in an equivalent form? Answers are matched by respondent, item and everything "
    "else; what changes then is due to the form, or to chance where answers are drawn at random. Repeated draws under identical "
    "conditions (facet sample) show how much is chance."
)
_ORDER = (
    "Are answers shifted as a whole? The value is the probability that a keyed answer under the first form lies above one under "
    "the second, ties counted half; one half is no shift. p naive is the Mann-Whitney test that papers report, which takes all answers "
    "as independent; p is the test over respondents (over items where there is one), adjusted for all pairs of the facet."
)
_SERIES = {"changed_answers": "changed", "reversed_answers": "on the other side of the middle"}
_NAMES = {
    "changed_answers": "changed answers",
    "reversed_answers": "answers on the other side of the middle",
    "changed_beyond_chance": "changed beyond repeated draws",
}
_NAIVE = "none; Mann"
_LINES, _FACETS, _FOLDED = 40, 12, 40
_WIDE, _SHARED = 28, 6
"""Characters of the name of a line in a panel; characters that long names must share at their start for it to be left out."""


def consistency(result: Result, context: Context) -> Section:
    """Return the section on equivalent forms."""
    frame = result.estimates
    for name in ("facet", "level", "other"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    shares = frame[frame["estimand"].isin(list(_NAMES))]
    if not shares.empty:
        blocks += _figures(shares[shares["level"] == ""], context)
        blocks.append(
            _shares(
                shares[shares["level"] == ""], "Answers that differ between two forms, all pairs of forms."
            )
        )
        pairs = shares[shares["level"] != ""]
        if not pairs.empty:
            blocks.append(_shares(pairs, "The same by pair of forms.", folded=True))
    order = frame[frame["estimand"] == "superiority"]
    if not order.empty:
        blocks += [Heading("Shifted distributions"), Paragraph((_ORDER,))]
        counts = frame[frame["estimand"] == "rejected_pairs"]
        if not counts.empty:
            blocks.append(_counts(counts))
        blocks.append(_order(order))
    moved = frame[frame["estimand"] == "choice_shift"]
    if not moved.empty:
        blocks += [Heading("Options that gain or lose"), _moved(moved)]
    spread = frame[frame["estimand"] == "entropy_shift"]
    if not spread.empty:
        blocks += [Heading("Answers that spread or gather"), _spread(spread)]
    distances = frame[frame["estimand"] == "js_distance"]
    if not distances.empty:
        blocks += [Heading("Distance of answer distributions"), _distances(distances)]
    return Section(context.title, context.anchor, tuple(blocks))


def _figures(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw the shares of changed answers, a panel per facet."""
    rows = [
        row for row in records(frame) if row["estimand"] in _SERIES and math.isfinite(value(row, "estimate"))
    ]
    panels: dict[str, list[Dot]] = {}
    names = row_names([(str(row["term"]), str(row["group"])) for row in rows])
    for row in rows:
        panels.setdefault(str(row["facet"]), []).append(
            Dot(
                row=names[str(row["term"]), str(row["group"])],
                series=_SERIES[str(row["estimand"])],
                estimate=100 * value(row, "estimate"),
                low=100 * value(row, "conf_low"),
                high=100 * value(row, "conf_high"),
                known=100 * value(row, "reference"),
            )
        )
    if not panels:
        return []
    top = max(rows, key=lambda row: value(row, "estimate"))
    long = len(panels) > _FACETS or any(len(dots) > 2 * _LINES for dots in panels.values())
    cut = " The first of many are drawn; the table has all." if long else ""
    kept = {facet: dots[: 2 * _LINES] for facet, dots in list(panels.items())[:_FACETS]}
    caption = (
        f"Pairs of answers that differ (dots) and that lie on opposite sides of the middle (squares), with {confidence(frame)} "
        f"interval, by what was varied.{cut}"
    )
    figure = draw_panels(
        kept,
        name=f"{context.anchor}-changed",
        axis="pairs of answers (%)",
        alt=f"Share of answers that change between forms; the highest is {top['term']} by {top['facet']} with "
        f"{percent(value(top, 'estimate'))}.",
        caption=(caption,),
        same_limits=True,
        most=3,
    )
    return [figure]


def row_names(rows: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return a short name, each another one, for every scale and group: the group alone where there is one scale.

    A group is named by its level. What is too long loses its middle: names of models differ at their ends.
    """
    alone = len({term for term, _ in rows}) == 1 and any(group for _, group in rows)
    made: dict[tuple[str, str], str] = {}
    levels = {group: group.partition(" = ")[2] or group for _, group in rows if group}
    # What all names begin with tells none of them apart.
    same_start = _same_start(list(levels.values()))
    if same_start > _SHARED and max(map(len, levels.values())) > _WIDE // 2:
        levels = {group: f"…{level[same_start:]}" for group, level in levels.items()}
    for term, group in dict.fromkeys(rows):
        level = levels.get(group, "")
        if alone:
            name = _cut(level, _WIDE) if group else "all together"
        elif group:
            kept = max(_WIDE - 3 - min(len(term), _WIDE // 2), _WIDE // 2 - 3)
            name = f"{_cut(term, _WIDE - 3 - min(len(level), kept))} | {_cut(level, kept)}"
        else:
            name = _cut(term, _WIDE)
        same, number = name, 1
        while same in made.values():
            number += 1
            same = f"{_cut(name, _WIDE - 2 - len(str(number)))} {number}"
        made[term, group] = same
    return made


def _same_start(names: Sequence[str]) -> int:
    """Return how many characters all names have in common at their start, leaving some of each."""
    if len(names) < 2:
        return 0
    alike = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False)))
    return min(alike, min(map(len, names)) - _SHARED // 2)


def _cut(text: str, most: int) -> str:
    """Return text of so many characters at the most, without its middle."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def _shares(frame: pd.DataFrame, caption: str, *, folded: bool = False) -> Table:
    rows = records(frame)
    columns = [
        label_column("facet", "Varied"),
        label_column("level", "Forms"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        Show("What", lambda row: _NAMES[str(row["estimand"])], numeric=False),
        number_column("n", "n", count),
        number_column("estimate", "Share", percent),
        interval_column(f"{confidence(frame)} interval", percent),
        *known_columns(rows, percent),
    ]
    return build(rows, columns, (caption,), folded=folded or len(rows) > _FOLDED, remarks=True)


def _counts(frame: pd.DataFrame) -> Table:
    """How many tests reject, as published and corrected."""
    lines: dict[tuple[str, str], dict[str, object]] = {}
    for row in records(frame):
        key = str(row["facet"]), str(row["group"])
        entry = lines.setdefault(key, {"facet": key[0], "group": key[1], "n": value(row, "n")})
        entry["naive" if _NAIVE in str(row["method"]) else "clustered"] = value(row, "estimate")
    columns = [
        label_column("facet", "Varied"),
        label_column("group", "Group"),
        number_column("n", "Tests", count),
        number_column("naive", "Rejected, answers as independent", count),
        number_column("clustered", "Rejected, clustered and adjusted", count),
    ]
    return build(
        list(lines.values()), columns, ("Tests, over scales and pairs of forms, that reject at .05.",)
    )


def _order(frame: pd.DataFrame) -> Table:
    """One line per pair of forms, both p values."""
    lines: dict[tuple[str, ...], dict[str, object]] = {}
    for row in records(frame):
        key = tuple(str(row[name]) for name in ("facet", "level", "term", "group"))
        if str(row["method"]).startswith(_NAIVE):
            lines.setdefault(key, dict(row))["naive"] = value(row, "p_value")
        else:
            lines[key] = {**row, "naive": lines.get(key, {}).get("naive", math.nan)}
    rows = list(lines.values())
    columns = [
        label_column("facet", "Varied"),
        label_column("level", "Forms"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "P(first above second)"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("naive", "p naive", p_value),
        number_column("p_value", "p clustered", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
    ]
    return build(rows, columns, ("Keyed answers under two forms.",), folded=len(rows) > _FOLDED, remarks=True)


def _moved(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("other", "Options"),
        label_column("facet", "Varied"),
        label_column("level", "Forms"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "Items", count),
        number_column("estimate", "Second minus first, points", lambda x: number(x, 1)),
        interval_column(f"{confidence(frame)} interval", lambda x: number(x, 1)),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows, lambda x: number(x, 1)),
    ]
    caption = "By how many percentage points the share of some options moves, mean over items."
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _spread(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("facet", "Varied"),
        label_column("level", "Forms"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "Items", count),
        number_column("estimate", "Entropy, second minus first"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    caption = (
        "Entropy of the answers to an item, 0 (one answer only) to 1 (all equally often), mean over items."
    )
    return build(rows, columns, (caption,), folded=True, remarks=True)


def _distances(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("facet", "Varied"),
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "Distance"),
        interval_column(f"{confidence(frame)} interval"),
        *known_columns(rows),
    ]
    caption = (
        "Mean Jensen-Shannon distance of the answer distributions under each form to their centroid, 0 to .833; varied = item: of "
        "the answers to the items of the scale. With few answers per form it is above 0 by chance alone."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)
