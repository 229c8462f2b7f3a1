"""What limits the comparison of a facet's levels, one note per kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from psychomet.notes import Level, Note
from psychomet.numerics.level_cells import LevelCells
from psychomet.scores.sample_notes import listed
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEW = 10
CAUTIOUS_BELOW = 6
MANY_PAIRS = 3

FINDINGS: dict[str, tuple[str, Level]] = {
    "one_level": ("Facets with one level, of which nothing can be said", "info"),
    "between_respondents": (
        "Each respondent met one level, so that levels are compared over different respondents, whose "
        "differences, other facets included, count as error",
        "info",
    ),
    "few_per_level": (
        f"Levels with fewer than {CAUTIOUS_BELOW} respondents, where the test rejects too rarely",
        "caution",
    ),
    "incomplete_levels": (
        "Respondents who did not meet every level are left out of the comparisons",
        "caution",
    ),
    "few_respondents": (
        f"Compared over fewer than {FEW} respondents, where intervals and tests rest on normal scores",
        "caution",
    ),
}
"""Code of a note -> what it says before the facets are listed, and its level."""


class Seen(NamedTuple):
    """What was seen of one facet on one scale: its levels, and the cells when there are several."""

    scale: str
    facet: str
    levels: tuple[str, ...]
    cells: LevelCells | None


def facet_notes(table: ResponseTable, seen: Sequence[Seen]) -> list[Note]:
    """Return what limits the comparisons; scales are named where it is not all that have the facet.

    Parameters
    ----------
    table : ResponseTable
        The table.
    seen : sequence of Seen
        Every facet on every scale.

    Returns
    -------
    list of Note
        Facets with one level, levels met by different respondents, few respondents, respondents left
        out, facets that are not crossed, facets that say who answered.
    """
    scales: dict[tuple[str, str, str], list[str]] = {}
    for each in seen:
        for code, detail in _findings(each):
            scales.setdefault((code, each.facet, detail), []).append(each.scale)
    with_facet = Counter(each.facet for each in seen)
    entries: dict[str, list[str]] = {}
    for (code, facet, detail), names in scales.items():
        entry = f"{visible(facet)}{f' {detail}' if detail else ''}"
        if len(names) < with_facet[facet]:
            entry += f" on {', '.join(map(visible, names[:8]))}{' ...' if len(names) > 8 else ''}"
        entries.setdefault(code, []).append(entry)
    notes = [
        Note(code, f"{text}: {', '.join(entries[code])}.", level)
        for code, (text, level) in FINDINGS.items()
        if code in entries
    ]
    tested = {each.facet for each in seen if each.cells is not None}
    notes += _not_crossed(table, tested)
    for facet in sorted(tested & set(table.design.identity)):
        text = f"Facet {visible(facet)} says who answered: its share is a difference between respondents, not a sensitivity."
        notes.append(Note("identity_facet", text))
    if not tested:
        text = "No facet of the administration varies: nothing can be said about the way of asking."
        notes.append(Note("no_facet", text, "info"))
    return notes


def _not_crossed(table: ResponseTable, tested: set[str]) -> Iterator[Note]:
    """Yield a note for each pair of facets that are not crossed; one for all of a kind where they are many."""
    found: dict[str, list[tuple[str, str]]] = {}
    for a, b, relation in table.design.pairs:
        if relation not in ("crossed", "never together") and tested & {a, b}:
            code = "nested_facet" if "nested" in relation else "partly_crossed"
            found.setdefault(code, []).append((f"{visible(a)} and {visible(b)}", visible(relation)))
    for code, pairs in found.items():
        if len(pairs) <= MANY_PAIRS:
            for names, relation in pairs:
                text = (
                    f"Facets {names} are not crossed ({relation}): their effects cannot be fully told apart."
                )
                yield Note(code, text)
            continue
        text = f"Pairs of facets that are not crossed, so that their effects cannot be fully told apart: {listed([names for names, _ in pairs])}."
        yield Note(code, text)


def _findings(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield what limits the comparison of one facet on one scale: code, and the number that goes with it."""
    cells = seen.cells
    if cells is None:
        yield "one_level", f"({visible(seen.levels[0])})"
        return
    n = cells.n_complete
    if cells.relation == "between":
        n = cells.n_respondents
        yield "between_respondents", ""
        least = int(np.bincount(cells.level).min())
        if least < CAUTIOUS_BELOW:
            yield "few_per_level", f"({least})"
    if cells.relation == "mixed":
        left = cells.n_respondents - cells.n_complete
        yield "incomplete_levels", f"({left} of {cells.n_respondents})"
    if n < FEW:
        yield "few_respondents", f"({n})"
