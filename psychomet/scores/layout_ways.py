"""How the components of a layout with missing cells are computed: by REML, in closed form, or from a part.

REML is the most precise, and its work grows with the number of respondents times the cube of the conditions each of
them met. Beyond ``MOST_WORK`` (two to ten seconds) the components are those of the closed form of
:func:`psychomet.numerics.variance.nearly_balanced` where at least ``FILLED`` of the cells have an answer. Where fewer have,
REML is fitted to as many respondents, drawn at random, as the bound allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from psychomet.notes import Note
from psychomet.numerics.dstudy import Study
from psychomet.numerics.variance import Effect, reml_work
from psychomet.numerics.variance.cells import combined
from psychomet.scores.layout import Layout

Floats = NDArray[np.float64]

MOST_WORK = 5e8
"""Multiplications of one evaluation of the restricted likelihood up to which REML is fitted to the whole layout."""
FILLED = 0.80
"""Share of the cells with an answer from which the closed form is used; below it its intervals have not been measured."""
FEWEST = 50
"""Respondents that a part has at least."""


class _Fit(Protocol):
    """A layout with its components."""

    @property
    def layout(self) -> Layout: ...

    @property
    def study(self) -> Study | None: ...

    @property
    def whole(self) -> int: ...


def too_large(layout: Layout, effects: Sequence[Effect]) -> float:
    """Return how many times the work of REML is more than its bound; 1 or less where REML is used.

    Parameters
    ----------
    layout : Layout
        A layout with missing or unequal cells.
    effects : sequence of Effect
        Effects with a component.
    """
    return reml_work(effects, sizes=layout.sizes, rows=layout.values.size) / MOST_WORK


def filled_cells(layout: Layout) -> Floats | None:
    """Return the answers as an array with NaN in the empty cells; None where fewer than ``FILLED`` are filled.

    Parameters
    ----------
    layout : Layout
        The layout. None also where a cell has two answers.
    """
    size = prod(layout.sizes)
    if layout.values.size < FILLED * size:
        return None
    flat = np.ravel_multi_index(tuple(layout.codes), layout.sizes)
    cells = np.full(size, np.nan)
    cells[flat] = layout.values
    if np.count_nonzero(np.isfinite(cells)) != layout.values.size:
        return None
    return cells.reshape(layout.sizes)


def part_of(layout: Layout, *, number: int, seed: int) -> Layout:
    """Return the layout of some respondents drawn at random.

    Parameters
    ----------
    layout : Layout
        A layout of respondents.
    number : int
        Respondents to draw.
    seed : int
        Seed of :func:`numpy.random.default_rng`.
    """
    chosen = np.sort(np.random.default_rng(seed).choice(layout.ids.size, number, replace=False))
    drawn = np.zeros(layout.ids.size, dtype=bool)
    drawn[chosen] = True
    keep = drawn[layout.codes[0]]
    codes = layout.codes[:, keep]
    for axis in range(codes.shape[0]):
        # Levels of a nested axis are numbered within its containers, so none of those below the last is gone.
        if axis not in layout.nested:
            codes[axis] = combined([codes[axis]])
    sizes = tuple(int(level.max()) + 1 for level in codes)
    return replace(layout, values=layout.values[keep], codes=codes, ids=layout.ids[chosen], sizes=sizes)


def way_notes(found: Sequence[_Fit]) -> list[Note]:
    """Say for which layouts the components are not those of REML of all respondents, and why.

    Parameters
    ----------
    found : sequence
        Layouts with their components.
    """
    closed = [
        one.layout.name for one in found
        if one.study is not None and one.study.squares is not None and one.layout.cells is None
    ]  # fmt: skip
    notes = []
    if closed:
        text = (
            f"Cells are missing in {_some(closed)}, and REML of so many answers would take too long: components in "
            "closed form, from mean squares of the condition means and of the deviations from them, with modified large-sample "
            "limits; numbers of conditions are harmonic means over respondents, and errors are those of the answers that each has"
        )
        notes.append(Note("closed_form", f"{text}.", "info"))
    parts = [
        f"{one.layout.name} {one.layout.ids.size:,} of {one.whole:,} respondents"
        for one in found
        if one.study is not None and one.whole
    ]
    if parts:
        text = (
            f"Fewer than {FILLED:.0%} of the cells have an answer (or a condition has almost none), and REML of all respondents "
            "would take too long: it is fitted to a part drawn at random"
        )
        notes.append(Note("part_of_respondents", f"{text}: {_some(parts)}."))
    return notes


def _some(names: Sequence[str]) -> str:
    """Join names, cut to the first ones."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
