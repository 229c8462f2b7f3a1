"""What limits a comparison of factors, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from psychomet.estimates.structure.congruence_groups import MOST_PAIRED, Common, Group
from psychomet.notes import Note
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

FEW_PER_ITEM = 5


def congruence_notes(
    seen: Sequence[tuple[str, Sample]], groups: Sequence[Group], items: Sequence[str], common: Common | None
) -> Iterator[Note]:
    """Yield what a reader must know of a comparison of factors.

    Parameters
    ----------
    seen : sequence of (str, Sample)
        All groups.
    groups : sequence of Group
        Those compared.
    items : sequence of str
        Items compared.
    common : Common or None
        The common solution.

    Yields
    ------
    Note
        Rows and items left out, few respondents, shared respondents, other minima, Heywood cases, many levels.
    """
    out = [f"{visible(name, 30)} {one.left_out}" for name, one in seen if one.left_out]
    if out:
        yield Note(
            "rows_left_out", f"Respondents left out because answers are missing: {listed(out)}.", "info"
        )
    few = [
        f"{visible(name, 30)} ({one.ids.size})"
        for name, one in seen
        if one.ids.size < FEW_PER_ITEM * len(one.scale.items)
    ]
    if few:
        text = f"Fewer than {FEW_PER_ITEM} respondents per item: {listed(few)}. Loadings of so few vary much, and congruences are low by that alone."
        yield Note("few_respondents", text)
    if groups:
        dropped = [item for item in seen[0][1].scale.items if item not in set(items)]
        if dropped:
            text = f"Items that everyone answered alike in some group have no loading there and are left out everywhere: {listed([visible(item, 30) for item in dropped])}."
            yield Note("zero_variance", text)
    everyone = np.concatenate([np.empty(0, dtype=object), *(group.ids for group in groups)])
    if np.unique(everyone).size < everyone.size:
        yield Note(
            "shared_respondents",
            "Respondents who stand in several groups are resampled with all their answers, and change sides "
            "in the permutation test.",
            "info",
        )
    if len(groups) > MOST_PAIRED:
        text = f"{len(groups)} levels: each is compared with all others together, not with each other."
        yield Note("many_levels", text, "info")
    if common is not None:
        yield from _solution(common)


def _solution(common: Common) -> Iterator[Note]:
    """What limits the common solution."""
    if common.heywood:
        text = "A uniqueness of the common solution is at its bound (Heywood case): fewer factors may be in order."
        yield Note("heywood", text, "problem")
    if common.search.minima > 1:
        text = (
            f"The rotation of the common solution has {common.search.minima} minima; the lowest is used, in which "
            f"{common.search.hits} of {len(common.search.values)} starts ended."
        )
        yield Note("rotation_minima", text)
    unnamed = [name for name in common.names if name.startswith("F") and name[1:].isdigit()]
    if unnamed:
        text = f"Factors that meet no single scale of the key: {listed(unnamed)}. Check the number of factors before their congruence."
        yield Note("unnamed_factors", text)
