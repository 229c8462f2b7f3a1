"""Answers of a scale as categories by respondent and item, and whether the graded response model can take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psychomet.notes import Note
from psychomet.scores.key import Scale
from psychomet.scores.score import Missing, answers
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEWEST_ITEMS = 3
MOST_CATEGORIES = 12
AUTO_RESPONDENTS = 100
"""With fewer respondents model="auto" does not take the graded model: slopes would be what the prior says."""
MOST_NAMED = 6


@dataclass(frozen=True, slots=True, eq=False)
class GradedTable:
    """One answer of every respondent to every item, items keyed alike.

    Parameters
    ----------
    scale, group : str
        Which.
    codes : (n, k) array of int
        Categories from 0; -1 where there is no answer.
    categories : int
        Codes from the lowest to the highest of the key.
    low : float
        Lowest code.
    items, respondents : tuple of str
        Labels.
    notes : tuple of Note
        What was left out and what is empty.
    """

    scale: str
    group: str
    codes: NDArray[np.int64]
    categories: int
    low: float
    items: tuple[str, ...]
    respondents: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def label(self) -> str:
        """Scale and group, for the name of an array."""
        return f"{self.scale}{f' ({self.group})' if self.group else ''}"

    @property
    def name(self) -> str:
        """Scale and group, for a sentence."""
        return f"{visible(self.scale)}{f' ({visible(self.group)})' if self.group else ''}"

    def from_code(self, category: int) -> str:
        """Return the place between two categories in words: that code or more."""
        return f"{self.low + category:g} or more"


def graded_tables(
    table: ResponseTable, *, scale: Scale, missing: Missing, by: str | None
) -> Iterator[tuple[str, GradedTable | str]]:
    """Yield group and categories of a scale, or why the model cannot take them and what to do.

    Parameters
    ----------
    table : ResponseTable
        The table, with its key.
    scale : Scale
        The scale.
    missing : {"available", "complete"}
        Keep every answer, or only respondents who answered every item.
    by : str or None
        The facet whose levels are taken one by one, after the whole.
    """
    block = answers(table, scale=scale.name)
    parts = [("", np.ones(block.respondent.size, dtype=bool))]
    if by is not None:
        column = block.cells[by].cat
        codes = column.codes.to_numpy()
        parts += [
            (f"{by} = {level}", codes == code)
            for code, level in enumerate(column.categories)
            if level != NOT_APPLICABLE and (codes == code).any()
        ]
    for group, here in parts:
        keep = here & ~np.isnan(block.values).all(axis=1)
        who = block.respondents[block.respondent[keep]]
        yield group, _checked(scale, group, block.values[keep], who, missing)


def _checked(
    scale: Scale, group: str, values: NDArray[np.float64], who: NDArray[np.object_], missing: Missing
) -> GradedTable | str:
    """Hold the answers against what the model needs."""
    if scale.scale_score:
        return "a finished score has no items: use model='gaussian'"
    if np.unique(who).size < who.size:
        return (
            "respondents answered several times, and the graded model takes one answer to each item: use model='ordinal' or "
            "'gaussian', or ask by the facet that was varied (by=...)"
        )
    if not (np.isfinite([scale.low, scale.high]).all() and float(scale.high - scale.low).is_integer()):
        return "the key gives the scale no lowest and highest code: use model='gaussian'"
    categories = round(scale.high - scale.low) + 1
    if not 2 <= categories <= MOST_CATEGORIES:
        return f"{categories} codes are not 2 to {MOST_CATEGORIES} categories: use model='gaussian'"
    asked = np.asarray(~np.isnan(values).all(axis=0))
    values = values[:, asked]
    items = tuple(item for item, there in zip(scale.items, asked, strict=True) if there)
    left = int(np.count_nonzero(np.isnan(values).any(axis=1))) if missing == "complete" else 0
    if missing == "complete":
        whole = ~np.isnan(values).any(axis=1)
        values, who = values[whole], who[whole]
    if len(who) < 2:
        return "fewer than two respondents"
    if len(items) < FEWEST_ITEMS:
        return f"{len(items)} item{'s' if len(items) != 1 else ''} with answers: a trait needs {FEWEST_ITEMS}"
    shifted = values - scale.low
    given = shifted[np.isfinite(shifted)]
    if (given != np.round(given)).any():
        return "answers are not whole codes: use model='gaussian'"
    if np.ptp(given) == 0:
        return "every answer is the same"
    codes = np.where(np.isnan(shifted), -1, shifted).astype(np.int64)
    name = f"{visible(scale.name)}{f' ({visible(group)})' if group else ''}"
    notes = _notes(name, codes, categories, items, [i for i, t in zip(scale.items, asked, strict=True) if not t], left)  # fmt: skip
    return GradedTable(
        scale.name, group, codes, categories, float(scale.low), items, tuple(map(str, who)), tuple(notes)
    )


def _notes(
    name: str,
    codes: NDArray[np.int64],
    categories: int,
    items: tuple[str, ...],
    unasked: list[str],
    left: int,
) -> list[Note]:
    """What was left out, and where the prior alone speaks."""
    notes = []
    if unasked:
        text = f"{name}: items without an answer are left out: {_listed(unasked)}."
        notes.append(Note("items_left_out", text))
    if left:
        notes.append(Note("rows_left_out", f"{name}: left out: {left} respondents with an item unanswered."))
    empty = [
        item for at, item in enumerate(items) if np.unique(codes[codes[:, at] >= 0, at]).size < categories
    ]
    if empty:
        text = (
            f"{name}: nobody chose one or more of the {categories} categories of {_listed(empty)}. About thresholds next to an "
            "empty category the prior says most."
        )
        notes.append(Note("empty_categories", text, "info"))
    constant = [item for at, item in enumerate(items) if np.unique(codes[codes[:, at] >= 0, at]).size < 2]
    if constant:
        text = f"{name}: all answers are the same to {_listed(constant)}: their discriminations are what the prior says."
        notes.append(Note("constant_items", text))
    return notes


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(visible(one, 30) for one in names[:MOST_NAMED])}{more}"
