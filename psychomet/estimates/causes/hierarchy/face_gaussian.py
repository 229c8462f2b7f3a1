"""The Gaussian model of one scale in one group, as a part of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import xarray as xr

from psychomet.estimates.causes.hierarchy.checks import (
    predictive_note,
    predictive_rows,
    prior_rows,
    sensitivity_rows,
)
from psychomet.estimates.causes.hierarchy.face_contrasts import Contrasts, contrast_part
from psychomet.estimates.causes.hierarchy.face_parts import (
    Part,
    Row,
    gate_note,
    refused,
    respondent_notes,
    score_array,
    stored,
    withheld,
)
from psychomet.estimates.causes.hierarchy.gaussian import (
    Design,
    Posterior,
    design_of,
    fit_gaussian,
    score_draws,
)
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, prior_faults
from psychomet.estimates.causes.hierarchy.sampling import Sampling
from psychomet.estimates.causes.hierarchy.summary import item_effects, posterior_rows, score_summary
from psychomet.notes import Note
from psychomet.scores.layout import ITEM, Layout
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE
from psychomet.scores.layout_study import numbers_text
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEWEST_LEVELS = 5
"""Fewer levels of a facet leave its component to the prior."""
FIRST = "variance_component"


def gaussian_design(
    layout: Layout, *, priors: Priors, max_order: int | None, measured: bool
) -> tuple[Design | None, str]:
    """Return the design of a layout, or None and why there is none and what to do.

    Parameters
    ----------
    layout : Layout
        Answers by the axes that were varied.
    priors : Priors
        Of which a scale without a range needs more.
    max_order : int or None
        Highest order of the interactions with a component.
    measured : bool
        Whether respondents are the object of measurement.
    """
    found, reason = design_of(layout, max_order=max_order, measured=measured)
    if found is None:
        return None, reason
    faults = prior_faults(
        replace(priors, sd_scale_by={}), low=layout.scale.low, high=layout.scale.high, names=found.names
    )
    if faults:
        needed = ", ".join(fault.where.removeprefix("priors.") for fault in faults)
        return None, f"the key gives the scale no range, from which default priors come: give priors {needed}"
    return found, ""


def gaussian_part(
    layout: Layout,
    *,
    design: Design | None,
    reason: str,
    levels: Mapping[str, Sequence[str]],
    contrasts: Contrasts,
    priors: Priors,
    sampling: Sampling,
    conf_level: float,
    seed: int,
) -> Part:
    """Fit the Gaussian model and say everything about it.

    Parameters
    ----------
    layout : Layout
        The scale in the group.
    design : Design or None
        Of :func:`gaussian_design`.
    reason : str
        Why there is no design.
    levels : mapping of str to sequence of str
        Axis -> labels of its levels.
    contrasts, priors, sampling, conf_level, seed
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    """
    scale, label = layout.scale.name, f"{layout.scale.name}{f' ({layout.group})' if layout.group else ''}"
    if design is None:
        return refused(scale, group=layout.group, estimand=FIRST, reason=reason, conf_level=conf_level, model="gaussian")  # fmt: skip
    own = {name: value for name, value in priors.sd_scale_by.items() if name in design.names}
    found = fit_gaussian(design, priors=replace(priors, sd_scale_by=own), sampling=sampling, seed=seed)
    rows = posterior_rows(found, conf_level=conf_level)
    shared: Row = {name: rows[0][name] for name in ("term", "group", "conf_level", "n", "method")}
    checks = predictive_rows(found, labels=levels, shared=shared, conf_level=conf_level, seed=seed)
    level = numbers_text(design.fitted.facets, layout.numbers)
    moved, notes = sensitivity_rows(found, shared=shared, level=level)
    prior = prior_rows(found, shared=shared, conf_level=conf_level, seed=seed)
    scores = score_draws(found, seed=seed) if design.relative is not None else None
    differences: list[Row] = []
    more: list[Note] = []
    if scores is not None:
        differences, more = contrast_part(
            scores,
            contrasts=contrasts,
            shared=shared,
            gate=found.gate,
            name=layout.name,
            conf_level=conf_level,
        )
    notes = [
        gate_note(found.gate, name=layout.name, sampler=found.sampler),
        *(predictive_note(checks, name=layout.name) + notes if found.gate.passed else []),
        *more,
        *_few_levels(layout),
        *respondent_notes(layout),
    ]
    told = {
        "model": "gaussian", "fitted": True, "sampler": found.sampler, "converged": found.gate.passed,
        "divergences": found.gate.divergences, "components": list(design.names),
        "sd_scale": dict(zip(design.names, map(float, found.priors.scale), strict=True)),
        "mean_prior": [float(found.priors.location), float(found.priors.spread)],
    }  # fmt: skip
    every = [*withheld([*rows, *differences, *checks, *moved], found.gate), *prior]
    arrays = _arrays(found, scores, label=label, conf_level=conf_level)
    arrays |= stored(item_effects(found, labels=levels.get(ITEM, ()), seed=seed), label=label)
    return Part(every, arrays, notes, told)


def _arrays(
    found: Posterior, scores: xr.DataArray | None, *, label: str, conf_level: float
) -> dict[str, xr.DataArray]:
    """Draws, and the true scores where respondents are measured."""
    arrays = stored(found.draws, label=label)
    if scores is None:
        return arrays
    arrays |= stored(scores.to_dataset(), label=label)
    return arrays | score_array(score_summary(scores, conf_level=conf_level), label=label)


def level_labels(table: ResponseTable, layout: Layout) -> dict[str, list[str]]:
    """Return the labels of the levels of every axis but respondents; numbers where they cannot be told.

    Parameters
    ----------
    table : ResponseTable
        Where the layout is from.
    layout : Layout
        The layout.
    """
    found = {}
    for axis, (name, size) in enumerate(zip(layout.axes, layout.sizes, strict=True)):
        if name in (RESPONDENT, SAMPLE):
            continue
        if axis in layout.nested:  # its levels are numbered anew within each cell of the others
            found[name] = [str(at + 1) for at in range(size)]
            continue
        known = list(layout.scale.items if name == ITEM else table.design.levels.get(name, ()))
        found[name] = (
            [str(one) for one in known] if len(known) == size else [str(at + 1) for at in range(size)]
        )
    return found


def _few_levels(layout: Layout) -> list[Note]:
    """Say that a component with few levels is the prior's."""
    few = [
        f"{visible(name)} ({size})"
        for name, size in zip(layout.axes, layout.sizes, strict=True)
        if size < FEWEST_LEVELS and name != SAMPLE
    ]
    if not few:
        return []
    text = (
        f"{layout.name}: fewer than {FEWEST_LEVELS} levels of {', '.join(few)}. Their components, and what depends on "
        "them, are largely what the prior says: see the prior sensitivity."
    )
    return [Note("few_levels", text)]
