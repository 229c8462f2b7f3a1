"""What a reader must know of refusals beside their rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.sensitivity.refusal_looks import ALL_ITEMS, ITEM, Looks
from psychomet.notes import Note
from psychomet.scores.sample_notes import listed
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEW = 30
SIGNIFICANT = 0.05
FREQUENT = 0.4
"""Share of refusals from which on a respondent or an item is named; Contreras (2026) leaves respondents out there."""

Row = dict[str, Any]


def refusal_notes(
    table: ResponseTable, rows: Sequence[Row], blocks: Sequence[Looks], statuses: Sequence[str]
) -> Iterator[Note]:
    """Yield notes: refusal that goes with the trait, unequal rates, those who refuse much, what is not counted."""
    yield from _tests(rows)
    yield from _much(table, blocks)
    missing: Counter[str] = Counter()
    for by_status in table.design.status.values():
        missing.update(dict(by_status))
    others = [
        f"{missing[name]} {name}"
        for name in ("refused", "unparsed", "truncated")
        if missing[name] and name not in statuses
    ]
    if others:
        text = f"Not counted as refusals: {listed(others)} answers. The means take them as missing, as refused ones."
        yield Note("other_missing", text, "info")
    if not any(block.counted.any() for block in blocks):
        yield Note(
            "no_refusal", "No answer was refused; the upper limits say how frequent refusals may be.", "info"
        )
    single = list(_single(rows))
    if single:
        text = (
            f"One respondent only: {listed(single)}. The interval speaks of further items for the same respondent, and says "
            "nothing of other respondents."
        )
        yield Note("one_respondent", text)
    few = {
        row["group"]: row["n"] for row in rows if row["estimand"] == "refusal_trait_r" and 1 < row["n"] < FEW
    }
    if few:
        shown = listed([f"{visible(name) or 'the table'} ({n})" for name, n in few.items()])
        text = f"Fewer than {FEW} respondents with a score: {shown}. Refusal that goes with the trait is seldom found in so few."
        yield Note("few_respondents", text)


def _single(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what one respondent alone was asked: the table, or groups, levels, scales and items in it."""
    rates = [row for row in rows if row["estimand"] == "refusal_rate" and row["n"]]
    alone = [row for row in rates if row["method"].startswith("wilson; one respondent")]
    whole = {row["group"] for row in alone if row["term"] == ALL_ITEMS and not row["facet"]}
    if "" in whole:
        yield "the table"
        return
    groups = dict.fromkeys(row["group"] for row in alone)
    inside = [row for row in alone if row["group"] not in whole]
    facets = [facet for facet in dict.fromkeys(row["facet"] for row in inside) if facet not in ("", ITEM)]
    for facet in facets:
        levels = [row["level"] for row in inside if row["facet"] == facet]
        if len(levels) == sum(row["facet"] == facet for row in rates):
            yield f"each level of {visible(facet)}"
        else:
            yield from (f"{visible(facet)} = {visible(level)}" for level in levels)
    seen = {f"{facet} = {row['level']}" for facet in facets for row in inside if row["facet"] == facet}
    yield from (visible(group) for group in groups if group in whole and group not in seen)
    scales = {(row["term"], row["group"]) for row in inside if not row["facet"]}
    for row in inside:
        if not row["facet"] or (row["facet"] == ITEM and (row["term"], row["group"]) not in scales):
            name = f"item {visible(row['level'])}" if row["facet"] else f"scale {visible(row['term'])}"
            yield f"{name} in {visible(row['group'])}" if row["group"] else name


def _tests(rows: Sequence[Row]) -> Iterator[Note]:
    """Flag what the tests reject."""
    found = [
        f"{' in '.join(filter(None, (visible(row['term']), visible(row['group']))))} (r = {row['estimate']:.2f})"
        for row in rows
        if row["estimand"] == "refusal_trait_r" and row.get("p_adjusted", 1.0) < SIGNIFICANT
    ]
    if found:
        text = (
            f"Refusal goes with the standing on {listed(found)}: answers are not missing at random, and scores from the "
            "answers given are biased. Read the means with every missing answer at its lowest and at its highest."
        )
        yield Note("informative_refusal", text)
    unequal = [
        visible(row["facet"])
        for row in rows
        if row["estimand"] == "equal_refusal_rates" and row.get("p_adjusted", 1.0) < SIGNIFICANT
    ]
    if unequal:
        text = (
            f"Refusals are not equally frequent at all levels of {listed(unequal)}: comparing scores across them mixes "
            "different answers with different selection."
        )
        yield Note("unequal_refusal", text)


def _much(table: ResponseTable, blocks: Sequence[Looks]) -> Iterator[Note]:
    """Name respondents and items with many refusals, and respondents without any answer to a scale."""
    column = table.administrations["respondent"].cat
    code, names = column.codes.to_numpy(), column.categories
    counted, asked = np.zeros(len(names)), np.zeros(len(names))
    items: list[str] = []
    silent: list[str] = []
    for block in blocks:
        who = code[block.administration]
        refused = _by(who, block.n_counted, len(names))
        given = _by(who, block.n_asked, len(names))
        counted, asked = counted + refused, asked + given
        share = block.counted.sum(axis=0) / np.maximum(block.asked.sum(axis=0), 1)
        items += [visible(block.items[at]) for at in np.flatnonzero(share > FREQUENT)]
        if block.scale is not None:
            heard = _by(who, np.isfinite(block.values).sum(axis=1), len(names))
            none = int(np.count_nonzero((given > 0) & (heard == 0)))
            if none:
                silent.append(f"{visible(block.name)} {none}")
    much = np.flatnonzero(counted > FREQUENT * asked)
    if much.size:
        shown = listed([visible(names[int(at)]) for at in much])
        text = f"{much.size} of {np.count_nonzero(asked)} respondents refused more than {FREQUENT:.0%} of the answers: {shown}."
        yield Note("frequent_refusers", text)
    if items:
        yield Note(
            "refused_items", f"Items refused in more than {FREQUENT:.0%} of the cases: {listed(items)}."
        )
    if silent:
        text = f"Respondents without an answer, who have no score and no part in the test of refusal and trait: {listed(silent)}."
        yield Note("no_score", text)


def _by(code: NDArray[Any], values: NDArray[Any], n: int) -> NDArray[np.float64]:
    return np.bincount(code, values.astype(np.float64), minlength=n).astype(np.float64)
