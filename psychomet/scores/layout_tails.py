"""Whether the tails of respondents and residuals let normal-theory limits of their components be believed."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

from psychomet.notes import Note
from psychomet.numerics.dstudy import Study, Tails, cell_deviations, row_deviations, tails
from psychomet.scores.layout import Layout
from psychomet.scores.layout_facets import RESPONDENT

HEAVY = 0.5  # excess kurtosis from which a 95 % interval covers .92 or less, whatever n
SURE = 0.01  # probability of the excess under normality below which it is believed


class _Fit(Protocol):
    """A layout with its components."""

    @property
    def layout(self) -> Layout: ...

    @property
    def study(self) -> Study | None: ...


def heavy_tails(layout: Layout) -> dict[str, float]:
    """Return the excess kurtosis of what is heavier than normal: ``respondents``, ``residuals``.

    Parameters
    ----------
    layout : Layout
        A layout of respondents.

    Notes
    -----
    Named where the excess is above 0.5 and has a probability below .01 under normality, each of the two by
    itself. How often that happens by chance, and how often it is seen, is in
    ``docs/validation/generalizability.md``. Respondents who differ in how much they vary look heavy-tailed too,
    and mislead the limits in the same way.
    """
    if not layout.axes or layout.axes[0] != RESPONDENT:
        return {}
    if layout.cells is not None:
        means, rest = cell_deviations(layout.cells)
        df = float(prod(size - 1 for size in layout.sizes))
    else:
        means, rest = row_deviations(layout.values, layout.codes)
        # Rows of one respondent under one level of a facet share an interaction: they are not independent.
        df = float(layout.sizes[0] * max(layout.sizes[1:], default=1))
    found = {"respondents": tails(means), "residuals": tails(rest, df=df)}
    return {name: one.excess for name, one in found.items() if _heavy(one)}


def _heavy(one: Tails) -> bool:
    """Whether an excess is large and more than chance; not where it is NaN."""
    return one.excess > HEAVY and one.p_value < SURE


def tail_notes(found: Sequence[_Fit]) -> list[Note]:
    """Say where normal-theory limits are too short, and what to read in their place.

    Parameters
    ----------
    found : sequence
        Layouts with their components.
    """
    heavy = {
        one.layout.name: (heavy_tails(one.layout), one.layout.cells is not None)
        for one in found
        if one.study is not None
    }
    said = [
        f"{name} ({', '.join(f'{what} {excess:.1f}' for what, excess in kinds.items())})"
        for name, (kinds, _) in heavy.items()
        if kinds
    ]
    if not said:
        return []
    whole = any(kinds and complete for kinds, complete in heavy.values())
    holes = any(kinds and not complete for kinds, complete in heavy.values())
    read = [
        *(["read the bootstrap rows in place of mls"] if whole else []),
        *(["where cells are missing ask for n_boot_missing"] if holes else []),
    ]
    text = (
        f"Heavier tails than normal (excess kurtosis): {', '.join(said[:6])}{' and more' if len(said) > 6 else ''}. "
        f"Limits from normal theory are too short there, and more respondents do not help: {'; '.join(read)}."
    )
    return [Note("heavy_tails", text)]
