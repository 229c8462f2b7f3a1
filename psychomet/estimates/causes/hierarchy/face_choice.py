"""Which model a scale is given, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.hierarchy.crossed_input import MOST_CATEGORIES
from psychomet.estimates.causes.hierarchy.face_crossed import CrossedPlan, crossed_part, crossed_plan
from psychomet.estimates.causes.hierarchy.face_gaussian import gaussian_design, gaussian_part, level_labels
from psychomet.estimates.causes.hierarchy.face_graded import graded_part
from psychomet.estimates.causes.hierarchy.face_graded_table import (
    AUTO_RESPONDENTS,
    GradedTable,
    graded_tables,
)
from psychomet.estimates.causes.hierarchy.face_parts import Part, refused
from psychomet.estimates.causes.hierarchy.gaussian import Design
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
from psychomet.notes import Note
from psychomet.scores.key import Scale
from psychomet.scores.layout import Layout, layouts
from psychomet.scores.score import Missing
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEW_CODES = 4
ONE_END = 0.7
"""Codes in use, and share of the answers in the lowest or the highest one, at which normal answers are doubtful."""


class Planned(NamedTuple):
    """A layout with the model it is given, or why it is given none."""

    layout: Layout
    plan: Design | CrossedPlan | None
    crossed: bool
    reason: str


class Chosen(NamedTuple):
    """The model of one scale in every group.

    Attributes
    ----------
    graded : list of (str, GradedTable or str)
        Groups for the graded model, or why it cannot take them; empty where another is taken.
    planned : list of Planned
        Layouts for the others.
    notes : list of Note
        Why this one, and what speaks against it.
    """

    graded: Sequence[tuple[str, GradedTable | str]]
    planned: Sequence[Planned]
    notes: Sequence[Note]


def chosen_model(
    table: ResponseTable, scale: Scale, *, model: str, missing: Missing, measured: bool, facets: Sequence[str] | None,
    by: str | None, max_order: int | None, priors: Priors,
) -> Chosen:  # fmt: skip
    """Return the model of a scale in every group.

    Parameters
    ----------
    table : ResponseTable
        The table.
    scale : Scale
        The scale.
    measured : bool
        Whether respondents are the object of measurement.
    model, missing, facets, by, max_order, priors
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    """
    graded = (
        list(graded_tables(table, scale=scale, missing=missing, by=by)) if model in ("auto", "graded") else []
    )
    if model == "graded" or _takes_graded(graded):
        return Chosen(graded, [], [])
    planned = []
    for layout in layouts(table, scale=scale.name, missing=missing, measured=measured, facets=facets, by=by):
        gaps = layout.cells is None and layout.values.size > 0
        if model == "ordinal" or gaps:
            plan, reason = crossed_plan(
                layout, ordinal=model == "ordinal", max_order=max_order, measured=measured, priors=priors
            )
            planned.append(Planned(layout, plan, True, reason))
        else:
            design, reason = gaussian_design(layout, priors=priors, max_order=max_order, measured=measured)
            planned.append(Planned(layout, design, False, reason))
    notes = [] if model == "ordinal" else [*_auto_note(scale, graded), *_doubts(planned)]
    return Chosen([], planned, notes)


def planned_part(
    table: ResponseTable, one: Planned, *, model: str, how: Mapping[str, Any]
) -> tuple[str, Part]:
    """Fit a layout; return its name and what it gives.

    Parameters
    ----------
    table : ResponseTable
        Where the layout is from.
    one : Planned
        Of :func:`chosen_model`.
    model : str
        As asked for.
    how : mapping
        The shared arguments of the fits.
    """
    layout = one.layout
    name = f"{layout.scale.name}{f' / {layout.group}' if layout.group else ''}"
    levels = level_labels(table, layout)
    if one.crossed:
        plan = one.plan if isinstance(one.plan, CrossedPlan) else None
        asked = "ordinal" if model == "ordinal" else "gaussian"
        return name, crossed_part(layout, plan=plan, reason=one.reason, model=asked, levels=levels, **how)
    design = one.plan if isinstance(one.plan, Design) else None
    return name, gaussian_part(layout, design=design, reason=one.reason, levels=levels, **how)


def graded_parts(
    scale: Scale, tables: Sequence[tuple[str, GradedTable | str]], *, how: Mapping[str, Any]
) -> dict[str, Part]:
    """Fit the graded model in every group, or say why not.

    Parameters
    ----------
    scale : Scale
        The scale.
    tables : sequence of (str, GradedTable or str)
        Of :func:`chosen_model`.
    how : mapping
        The shared arguments of the fits.
    """
    found = {}
    for group, table in tables:
        name = f"{scale.name}{f' / {group}' if group else ''}"
        if isinstance(table, str):
            found[name] = refused(
                scale.name, group=group, estimand="marginal_reliability", reason=table, conf_level=how["conf_level"],
                model="graded",
            )  # fmt: skip
        else:
            found[name] = graded_part(table, **how)
    return found


def check_components(priors: Priors, chosen: Sequence[Chosen]) -> None:
    """Refuse priors of components that are nowhere.

    Parameters
    ----------
    priors : Priors
        As given.
    chosen : sequence of Chosen
        The models of all scales.

    Raises
    ------
    InputError
        Naming the components that there are.
    """
    there = {
        name for models in chosen for one in models.planned if one.plan is not None for name in one.plan.names
    }
    strange = [name for name in priors.sd_scale_by if name not in there]
    if strange:
        shown = ", ".join(f"'{visible(name)}'" for name in strange)
        todo = f"The components are: {', '.join(map(visible, sorted(there))) or 'none'}"
        raise InputError("the call", [Fault("priors.sd_scale_by", f"no component: {shown}", todo)])


def _takes_graded(tables: Sequence[tuple[str, GradedTable | str]]) -> bool:
    """Whether the graded model is that of model="auto": the whole table can be taken, and is large enough."""
    whole = tables[0][1] if tables else ""
    return isinstance(whole, GradedTable) and len(whole.respondents) >= AUTO_RESPONDENTS


def _auto_note(scale: Scale, tables: Sequence[tuple[str, GradedTable | str]]) -> Iterator[Note]:
    """Say why the Gaussian model was taken of answers in categories."""
    whole = tables[0][1] if tables else ""
    if isinstance(whole, GradedTable):
        text = (
            f"{visible(scale.name)}: {len(whole.respondents)} respondents are fewer than {AUTO_RESPONDENTS}: the Gaussian model "
            "was taken; model='graded' takes the other."
        )
        yield Note("model_chosen", text, "info")


def _doubts(planned: Sequence[Planned]) -> Iterator[Note]:
    """Say where answers in categories are far from normal."""
    for one in planned[:1]:
        layout, values = one.layout, one.layout.values
        if one.plan is None or not np.isfinite([layout.scale.low, layout.scale.high]).all():
            continue
        if (values != np.round(values)).any() or layout.scale.high - layout.scale.low >= MOST_CATEGORIES:
            continue
        used = np.unique(values).size
        ends = {end: float((values == end).mean()) for end in (layout.scale.low, layout.scale.high)}
        end = max(ends, key=lambda one: ends[one])
        said = []
        if used <= FEW_CODES:
            said.append(f"{used} codes are in use")
        if ends[end] > ONE_END:
            said.append(f"{ends[end]:.0%} of the answers are {end:g}, an end of the scale")
        if said:
            text = (
                f"{layout.name}: {' and '.join(said)}: answers like these are far from normal, and effects on their means differ "
                "by where on the scale they act. model='ordinal' takes them as categories."
            )
            yield Note("doubtful_normal", text)
