"""The crossed models of one scale in one group: which effects there are, and the fit as a part of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.checks import moved_rows, predictive_note
from psychomet.estimates.causes.hierarchy.crossed import CrossedPosterior, crossed_posterior
from psychomet.estimates.causes.hierarchy.crossed_checks import left_out_part, predictive_rows, prior_rows
from psychomet.estimates.causes.hierarchy.crossed_input import MOST_CATEGORIES, Family, unknowable
from psychomet.estimates.causes.hierarchy.crossed_rows import (
    Named,
    beside,
    error_weights,
    method_of,
    named_draws,
    score_draws,
    targets,
)
from psychomet.estimates.causes.hierarchy.face_contrasts import Contrasts, contrast_part
from psychomet.estimates.causes.hierarchy.face_parts import (
    Part,
    Row,
    draw_row,
    gate_note,
    refused,
    respondent_notes,
    score_array,
    stored,
    withheld,
)
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, prior_faults
from psychomet.estimates.causes.hierarchy.sampling import Gate, Sampling
from psychomet.estimates.causes.hierarchy.summary import score_summary
from psychomet.notes import Note
from psychomet.numerics.dstudy import kept_effects
from psychomet.numerics.variance import Effect
from psychomet.numerics.variance.cells import combined
from psychomet.scores.layout import Layout
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE
from psychomet.scores.layout_study import ORDER, RESIDUAL, effect_name, numbers_text
from psychomet.text import visible

Floats = NDArray[np.float64]

FIRST = "variance_component"
MOST_NAMED = 6


class CrossedPlan(NamedTuple):
    """What is fitted.

    Attributes
    ----------
    layout : Layout
        Answers by the axes that were varied.
    family : {"ordinal", "binary", "gaussian"}
        Law of an answer given the effects.
    effects : tuple of Effect
        Axes of every random effect.
    effect_names : tuple of str
        The same in words.
    left : tuple of str
        Effects that cannot be told from others, and why.
    measured : bool
        Whether respondents are the object of measurement.
    """

    layout: Layout
    family: Family
    effects: tuple[Effect, ...]
    effect_names: tuple[str, ...]
    left: tuple[str, ...]
    measured: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Components that have a prior."""
        return (*self.effect_names, *((RESIDUAL,) if self.family == "gaussian" else ()))

    @property
    def n(self) -> int:
        """Respondents, or observations where none is measured."""
        return int(self.layout.ids.size if self.measured else self.layout.values.size)


def crossed_plan(
    layout: Layout, *, ordinal: bool, max_order: int | None, measured: bool, priors: Priors
) -> tuple[CrossedPlan | None, str]:
    """Return what is fitted to a layout, or None and why there is nothing and what to do.

    Parameters
    ----------
    layout : Layout
        Answers by the axes that were varied.
    ordinal : bool
        Whether answers are categories; else they are normal.
    max_order : int or None
        Highest order of the interactions with a component; None for 3, or 2 where respondents are not measured.
    measured : bool
        Whether respondents are the object of measurement.
    priors : Priors
        Of which a scale without a range needs more.
    """
    reason = _obstacle(layout, measured) or (_not_ordinal(layout) if ordinal else _no_priors(layout, priors))
    if reason:
        return None, reason
    replicate = layout.axes.index(SAMPLE) if SAMPLE in layout.axes else None
    effects = kept_effects(
        len(layout.axes), nested=layout.nested, max_order=max_order or ORDER[measured], replicate=replicate
    )
    names = [effect_name(layout, effect) for effect in effects]
    level = [combined([layout.codes[axis] for axis in effect]) for effect in effects]
    bad = dict(unknowable(names, level))
    if measured and (not effects or effects[0] != (0,) or 0 in bad):
        return None, "respondents cannot be told apart from the conditions they met"
    kept = [at for at in range(len(effects)) if at not in bad]
    if not kept:
        return None, "no effect can be told from the others"
    family: Family = "gaussian"
    if ordinal:
        family = "binary" if layout.scale.high - layout.scale.low == 1 else "ordinal"
    left = tuple(f"{visible(names[at])} ({fault.what})" for at, fault in bad.items())
    return CrossedPlan(
        layout, family, tuple(effects[at] for at in kept), tuple(names[at] for at in kept), left, measured
    ), ""


def crossed_part(
    layout: Layout,
    *,
    plan: CrossedPlan | None,
    reason: str,
    model: str,
    levels: Mapping[str, Sequence[str]],
    contrasts: Contrasts,
    priors: Priors,
    sampling: Sampling,
    conf_level: float,
    seed: int,
) -> Part:
    """Fit the crossed model and say everything about it.

    Parameters
    ----------
    layout : Layout
        The scale in the group.
    plan : CrossedPlan or None
        Of :func:`crossed_plan`.
    reason : str
        Why there is none.
    model : {"gaussian", "ordinal"}
        What was asked for.
    levels : mapping of str to sequence of str
        Axis -> labels of its levels.
    contrasts, priors, sampling, conf_level, seed
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    """
    scale = layout.scale.name
    if plan is None:
        return refused(
            scale, group=layout.group, estimand=FIRST, reason=reason, conf_level=conf_level, model=model
        )
    own = {name: value for name, value in priors.sd_scale_by.items() if name in plan.names}
    try:
        found = crossed_posterior(
            layout.values, facets=_labels(layout, levels), effects=[[layout.axes[a] for a in e] for e in plan.effects],
            names=plan.effect_names, likelihood=plan.family, low=layout.scale.low, high=layout.scale.high,
            priors=replace(priors, sd_scale_by=own), sampling=sampling, seed=seed,
        )  # fmt: skip
    except InputError as error:
        why = "; ".join(f"{fault.where}: {fault.what}" for fault in error.faults)
        return refused(
            scale, group=layout.group, estimand=FIRST, reason=why, conf_level=conf_level, model=model
        )
    return _told(plan, found, model, levels, contrasts, conf_level, seed)


def _told(
    plan: CrossedPlan, found: CrossedPosterior, model: str, levels: Mapping[str, Sequence[str]], contrasts: Contrasts,
    conf_level: float, seed: int,
) -> Part:  # fmt: skip
    """Rows, arrays and notes of a fit."""
    layout = plan.layout
    label = f"{layout.scale.name}{f' ({layout.group})' if layout.group else ''}"
    level = numbers_text(layout.axes[1:] if plan.measured else layout.axes, layout.numbers)
    weights = error_weights(plan.effects, layout, plan.measured)
    draws, diagnostics, gate = beside(found, weights)
    named = list(targets(found, draws, diagnostics, level))
    shared: Row = {
        "term": layout.scale.name, "group": layout.group, "conf_level": conf_level, "n": plan.n,
        "method": method_of(plan.family, found),
    }  # fmt: skip
    rows = [_row(one, shared, conf_level) for one in named]
    checks = predictive_rows(found, layout, labels=levels, shared=shared, conf_level=conf_level, seed=seed)
    left, arrays, fit_notes, density = left_out_part(
        found, layout, measured=plan.measured, shared=shared, label=label, conf_level=conf_level, seed=seed
    )
    names = [{**one.name, "other": ", ".join(filter(None, [one.name["estimand"], one.name.get("other", "")]))} for one in named if one.diagnostics]  # fmt: skip
    values = np.stack([named_draws(one, density.at) for one in named if one.diagnostics])
    moved, notes = moved_rows(
        names, values, density.prior, density.likelihood, shared=shared, name=layout.name
    )
    prior = prior_rows(found, weights, layout, shared=shared, conf_level=conf_level, seed=seed)
    arrays |= stored(draws, label=label) | stored(_main_effects(plan, found), label=label)
    differences: list[Row] = []
    if plan.measured:
        scores = score_draws(found, layout)
        differences, contrast_notes = contrast_part(
            scores, contrasts=contrasts, shared=shared, gate=gate, name=layout.name, conf_level=conf_level
        )
        notes += contrast_notes
        arrays |= stored(scores.to_dataset(), label=label)
        arrays |= score_array(score_summary(scores, conf_level=conf_level), label=label)
    every = [*withheld([*rows, *differences, *checks, *left, *moved], gate), *prior]
    notes = [
        gate_note(gate, name=layout.name, sampler=found.sampler),
        *([*predictive_note(checks, name=layout.name), *fit_notes, *notes] if gate.passed else []),
        *_plan_notes(plan),
        *respondent_notes(layout),
        *(
            Note(note.code, f"{layout.name}: {note.text}", note.level)
            for note in found.notes
            if note.code != "not_converged"
        ),
    ]
    return Part(every, arrays, notes, _settings(plan, found, model, gate))


def _row(one: Named, shared: Row, conf_level: float) -> Row:
    """One number with its interval; a number that is fixed has a reason instead."""
    if not one.diagnostics:
        return {
            **shared,
            **one.name,
            "estimate": float(one.values.flat[0]),
            "conf_level": conf_level,
            "reason": one.reason,
        }
    return {**shared, **one.name, **draw_row(one.values, conf_level=conf_level), **one.diagnostics}


def _settings(plan: CrossedPlan, found: CrossedPosterior, model: str, gate: Gate) -> dict[str, object]:
    """How it was fitted, as JSON values."""
    return {
        "model": model, "likelihood": plan.family, "fitted": True, "sampler": found.sampler, "converged": gate.passed,
        "divergences": gate.divergences, "components": list(plan.names), "left_out": list(plan.left),
        "axes": dict(zip(plan.layout.axes, map(int, plan.layout.sizes), strict=True)),
        "sd_scale": dict(zip(plan.names, map(float, found.prior.scale), strict=True)),
        "mean_prior": [float(found.prior.location), float(found.prior.spread)],
    }  # fmt: skip


def _labels(layout: Layout, levels: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.str_]]:
    """Labels of the levels in every row, by axis."""
    found = {}
    for name, codes, size in zip(layout.axes, layout.codes, layout.sizes, strict=True):
        if name == RESPONDENT:
            known: Sequence[str] = [str(one) for one in layout.ids]
        else:
            known = levels.get(name, [str(at + 1) for at in range(size)])
        found[name] = np.asarray(known, dtype=str)[codes]
    return found


def _main_effects(plan: CrossedPlan, found: CrossedPosterior) -> xr.Dataset:
    """Draws of the effects of items and facets; those of respondents are their scores."""
    kept = {}
    for effect, name in zip(plan.effects, plan.effect_names, strict=True):
        if len(effect) == 1 and not (plan.measured and effect == (0,)):
            kept[f"effect of {name}"] = found.effects[name].rename({f"{name} level": name})
    return xr.Dataset(kept)


def _obstacle(layout: Layout, measured: bool) -> str:
    """Say why there is nothing to fit; empty where there is."""
    if not layout.values.size:
        return "no respondent has an answer in every condition" if layout.left_out else "nobody answered"
    if measured and layout.ids.size < 2:
        return "fewer than two respondents"
    if len(layout.axes) < 2:
        return (
            "one observation per respondent: nothing to generalize over" if measured else "nothing was varied"
        )
    return "every answer is the same" if np.ptp(layout.values) == 0 else ""


def _not_ordinal(layout: Layout) -> str:
    """Say why the answers are no categories."""
    low, high = layout.scale.low, layout.scale.high
    if not (np.isfinite([low, high]).all() and float(high - low).is_integer()):
        return "the key gives the scale no lowest and highest code: use model='gaussian'"
    if not 2 <= high - low + 1 <= MOST_CATEGORIES:
        return f"{high - low + 1:.0f} codes are not 2 to {MOST_CATEGORIES} categories: use model='gaussian'"
    shifted = layout.values - low
    return "answers are not whole codes: use model='gaussian'" if (shifted != np.round(shifted)).any() else ""


def _no_priors(layout: Layout, priors: Priors) -> str:
    """Name the priors that a scale without a range needs."""
    faults = prior_faults(replace(priors, sd_scale_by={}), low=layout.scale.low, high=layout.scale.high)
    needed = ", ".join(fault.where.removeprefix("priors.") for fault in faults)
    return (
        f"the key gives the scale no range, from which default priors come: give priors {needed}"
        if faults
        else ""
    )


def _plan_notes(plan: CrossedPlan) -> list[Note]:
    """What has no effect of its own."""
    notes = []
    if plan.left:
        more = f" and {len(plan.left) - MOST_NAMED} more" if len(plan.left) > MOST_NAMED else ""
        text = (
            f"{plan.layout.name}: effects without a component, because in these rows they cannot be told from others: "
            f"{', '.join(plan.left[:MOST_NAMED])}{more}."
        )
        notes.append(Note("aliased_effects", text, "info"))
    return notes
