"""A layout with its variance components: what every question about conditions starts from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.notes import Note
from psychomet.numerics.dstudy import Study, errors, kept_effects, observed_errors, study
from psychomet.numerics.variance import Effect
from psychomet.scores.layout import ITEM, Layout
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE
from psychomet.scores.layout_tails import tail_notes
from psychomet.scores.layout_ways import FEWEST, filled_cells, part_of, too_large, way_notes
from psychomet.text import visible

Floats = NDArray[np.float64]

RESIDUAL = "residual"
NO_RESIDUAL = 1e-4  # a share of the variance; below it the iterations of REML stop anywhere
ORDER = {True: 3, False: 2}
"""Highest order of the interactions kept, with respondents measured and without."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A layout and its components.

    Parameters
    ----------
    layout : Layout
        The layout.
    study : Study or None
        The components; None where there are none.
    names : tuple of str
        Effects in words, the residual last.
    reason : str
        Why there are no components; empty where there are.
    aliased : tuple of str
        Effects that split these rows as another effect or the residual does, and have no component.
    whole : int
        Respondents of the whole layout where ``layout`` is a random part of it; else 0.
    """

    layout: Layout
    study: Study | None
    names: tuple[str, ...]
    reason: str
    aliased: tuple[str, ...] = ()
    whole: int = 0

    @property
    def measured(self) -> bool:
        """Whether respondents are the object of measurement."""
        return bool(self.layout.axes) and self.layout.axes[0] == RESPONDENT

    @property
    def n(self) -> int:
        """Respondents, or observations where none is measured."""
        return int(self.layout.ids.size) if self.measured else int(self.layout.values.size)

    @property
    def facets(self) -> tuple[str, ...]:
        """Axes that a score is averaged over."""
        return self.layout.axes[1:] if self.measured else self.layout.axes

    @property
    def observed(self) -> tuple[Floats, Floats]:
        """Weights of the components in relative and absolute error of the scores as they were observed, (1, m) each."""
        if self.study is None:
            raise ValueError("there are no components")
        effects = self.study.effects
        if self.layout.cells is None:
            relative, absolute = observed_errors(effects, self.layout.codes)
            return relative[None], absolute[None]
        numbers = np.array([self.layout.numbers])
        return errors(effects, numbers, coefficient="g"), errors(effects, numbers, coefficient="phi")

    @property
    def method(self) -> str:
        """How the components were computed, in words."""
        if self.study is None:
            return "not estimated"
        if self.study.squares is None:
            return f"REML of a part, {self.n:,} of {self.whole:,} respondents" if self.whole else "REML"
        if self.layout.cells is None:
            held = ", REML at the boundary" if self.study.at_boundary.any() else ""
            return f"mean squares of nearly complete cells in closed form{held}"
        return "mean squares" if not self.study.at_boundary.any() else "mean squares, REML at the boundary"


def fit_layout(
    layout: Layout, *, max_order: int | None, non_negative: bool, n_boot: int, seed: int, measured: bool,
    n_boot_missing: int = 0,
) -> Fitted:  # fmt: skip
    """Estimate the variance components of a layout.

    Parameters
    ----------
    layout : Layout
        The layout.
    max_order : int or None
        Highest order of the interactions kept; None for 3, or 2 where respondents are not measured.
    non_negative : bool
        Hold negative components at 0.
    n_boot, seed : int
        Resamples of respondents.
    measured : bool
        Whether respondents are the object of measurement.
    n_boot_missing : int
        Resamples where cells are missing, each of which costs a fit.

    Notes
    -----
    Where cells are missing: REML, or what :mod:`psychomet.scores.layout_ways` says where that would take too long.
    """
    reason = _obstacle(layout, measured)
    if reason:
        return Fitted(layout, None, (), reason)
    replicate = layout.axes.index(SAMPLE) if SAMPLE in layout.axes else None
    effects = kept_effects(
        len(layout.axes), nested=layout.nested, max_order=max_order or ORDER[measured], replicate=replicate
    )
    drawn = n_boot if layout.cells is not None else n_boot_missing
    try:
        layout, found, whole = _studied(layout, effects, non_negative, drawn, seed, measured)
    except ValueError as error:
        return Fitted(layout, None, (), f"the components cannot be told apart: {visible(error, 200)}")
    if found.squares is None and found.component[-1] <= NO_RESIDUAL * found.component.sum():
        return Fitted(
            layout,
            None,
            (),
            "cells are missing and the residual is 0, where REML cannot be used (missing='complete' can)",
        )
    if measured and (0,) not in found.effects:
        return Fitted(layout, None, (), "respondents cannot be told apart from the conditions they met")
    names = tuple(effect_name(layout, effect) for effect in found.effects[:-1])
    aliased = tuple(effect_name(layout, effect) for effect in effects if effect not in found.effects)
    return Fitted(layout, found, (*names, RESIDUAL), "", aliased, whole)


def _studied(
    layout: Layout, effects: Sequence[Effect], non_negative: bool, n_boot: int, seed: int, measured: bool
) -> tuple[Layout, Study, int]:
    """The components, the layout they are of, and its respondents before a part was drawn (0 where none was)."""

    def fitted(one: Layout, cells: Floats | None) -> Study:
        return study(
            one.values, codes=one.codes, cells=cells, nested=one.nested, effects=effects,
            non_negative=non_negative, n_boot=n_boot, seed=seed, respondents=measured,
        )  # fmt: skip

    times = too_large(layout, effects) if measured and layout.cells is None else 0.0
    if times <= 1:
        return layout, fitted(layout, layout.cells), 0
    cells = filled_cells(layout)
    if cells is not None:
        try:
            return layout, fitted(layout, cells), 0
        except ValueError:
            cells = None
    number = min(max(int(layout.ids.size / times), FEWEST), layout.ids.size)
    if number == layout.ids.size:
        return layout, fitted(layout, None), 0
    part = part_of(layout, number=number, seed=seed)
    return part, fitted(part, None), layout.ids.size


def effect_name(layout: Layout, effect: Effect) -> str:
    """Return an effect in words: ``respondent x prompt``, ``prompt in language``."""
    containers = {outer for axis in effect for outer in layout.nested.get(axis, ())}
    core = [layout.axes[axis] for axis in effect if axis not in containers]
    inside = [layout.axes[axis] for axis in effect if axis in containers]
    return " x ".join(core) + (f" in {' x '.join(inside)}" if inside else "")


def numbers_text(facets: Sequence[str], numbers: Iterable[float]) -> str:
    """Return a design in words: ``item = 6, prompt = 2, sample = 1.85``.

    Whole numbers are written as such, harmonic means with two decimals always, so that a mean of 1.998 is not
    taken for the design with 2.
    """
    return ", ".join(
        f"{name} = {int(number) if number == int(number) else format(number, '.2f')}"
        for name, number in zip(facets, numbers, strict=True)
    )


def layout_settings(found: Sequence[Fitted]) -> dict[str, Any]:
    """Return what the layouts are and how they were found, as JSON values."""
    return {
        f"{one.layout.scale.name}{f' / {one.layout.group}' if one.layout.group else ''}": {
            "axes": dict(zip(one.layout.axes, map(int, one.layout.sizes), strict=True)),
            "facets": dict(one.layout.found),
            "effects": list(one.names),
            "conditions": dict(zip(one.facets, map(float, one.layout.numbers), strict=True)),
            "complete": one.layout.cells is not None,
            "components": one.method,
            **({"respondents": {"part": one.n, "all": one.whole}} if one.whole else {}),
            "left_out": {what: count for what, count in one.layout.left_out.items() if count},
        }
        for one in found
    }


def layout_notes(found: Sequence[Fitted]) -> list[Note]:
    """Return what was found crossed and nested, what was left out, and which components are at 0."""
    by_text: dict[str, list[str]] = {}
    for one in found:
        by_text.setdefault(_described(one), []).append(one.layout.name)
    notes = [
        Note("layout", f"{_some(names)}: {text}", "info") for text, names in by_text.items()
    ]  # fmt: skip
    doubts: dict[str, list[str]] = {}
    for one in found:
        for doubt in one.layout.doubts:
            doubts.setdefault(doubt, []).append(one.layout.name)
    if doubts:
        text = _some([f"{doubt} ({_some(names)})" for doubt, names in doubts.items()], "; ")
        notes.append(
            Note(
                "doubtful_nesting", f"{text}. Are these answers labelled rightly? They are taken as they are."
            )
        )
    alike = [f"{one.layout.name}: {_some(one.aliased)}" for one in found if one.aliased]
    if alike:
        text = "Effects without a component, because in these rows they cannot be told from another effect or the residual"
        notes.append(Note("aliased_effects", f"{text}. {_some(alike, '; ')}."))
    left = [
        f"{one.layout.name} {count} {what}"
        for one in found for what, count in one.layout.left_out.items() if count
    ]  # fmt: skip
    if left:
        notes.append(Note("rows_left_out", f"Left out: {_some(left)}."))
    pooled = [one.layout.name for one in found if one.study is not None and _pooled(one)]
    if pooled:
        text = "Interactions of higher order than those listed are pooled into the residual"
        notes.append(Note("pooled_interactions", f"{text}: {_some(pooled)}.", "info"))
    zero = [
        f"{one.layout.name}: {_some(list(np.array(one.names)[one.study.at_boundary]), most=4)}"
        for one in found if one.study is not None and one.study.at_boundary.any()
    ]  # fmt: skip
    if zero:
        text = (
            "Components that would be negative are held at 0 and the others estimated again by restricted maximum "
            "likelihood; limits below 0 are given as 0 and those of shares above 1 as 1"
        )
        notes.append(Note("zero_components", f"{text}. {_some(zero, '; ')}."))
    stuck = [one.layout.name for one in found if one.study is not None and not one.study.converged]
    if stuck:
        notes.append(Note("not_converged", f"The components did not settle: {_some(stuck)}.", "problem"))
    few = [
        f"{one.layout.name}: {visible(axis)} ({size})"
        for one in found if one.study is not None
        for axis, size in zip(one.layout.axes, one.layout.sizes, strict=True)
        if size < 5 and axis not in (RESPONDENT, SAMPLE)
    ]  # fmt: skip
    if few:
        text = f"Facets with fewer than 5 levels, whose own components are known within a factor of several: {_some(few)}."
        notes.append(Note("few_levels", text, "info"))
    return [*notes, *way_notes(found), *tail_notes(found)]


def _obstacle(layout: Layout, measured: bool) -> str:
    """Say why a layout has no components; empty where it has."""
    if not layout.values.size:
        return "no respondent has an answer in every condition" if layout.left_out else "nobody answered"
    if measured and layout.ids.size < 2:
        return "fewer than two respondents"
    if len(layout.axes) < 2:
        return (
            "one observation per respondent: nothing to generalize over" if measured else "nothing was varied"
        )
    if np.ptp(layout.values) == 0:
        return "every answer is the same"
    return ""


def _described(one: Fitted) -> str:
    """The layout in a sentence."""
    sizes = " x ".join(
        f"{visible(name)} ({size})" for name, size in zip(one.layout.axes, one.layout.sizes, strict=True)
    )
    alike: dict[str, list[str]] = {}
    for name, text in one.layout.found.items():
        alike.setdefault(text, []).append(visible(name))
    how = "; ".join(f"{_some(names)}: {visible(text, 120)}" for text, names in alike.items())
    whole = "every cell has one answer" if one.layout.cells is not None else "cells are missing or unequal"
    return (
        f"{sizes or 'nothing varies'}, {whole}; found from the levels that occur together in the rows of the scale"
        f"{f' ({how})' if how else ''}."
    )


def _pooled(one: Fitted) -> bool:
    """Whether the layout has effects without a component of their own."""
    every = kept_effects(len(one.layout.axes), nested=one.layout.nested, max_order=len(one.layout.axes))
    return one.study is not None and len(every) > len(one.names) - 1


def _some(names: Sequence[str], sign: str = ", ", most: int = 6) -> str:
    """Join names, cut to the first ones."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return sign.join(names[:most]) + more


__all__ = [
    "ITEM", "RESIDUAL", "Fitted", "effect_name", "fit_layout", "layout_notes", "layout_settings", "numbers_text",
]  # fmt: skip
