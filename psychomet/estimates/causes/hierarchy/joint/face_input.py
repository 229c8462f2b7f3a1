"""From a table of answers and one of features to a joint model, with every fault told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.hierarchy.joint import face_checks as checks
from psychomet.estimates.causes.hierarchy.joint.face_blocks import (
    ANSWERED,
    ITEM,
    REFUSALS,
    REFUSED,
    RESPONDENT,
    Coding,
    Long,
    coding_of,
    collapsed,
    keyed,
    long_answers,
    refusal_block,
    row_levels,
    scale_block,
)
from psychomet.estimates.causes.hierarchy.joint.face_columns import (
    Levels,
    Source,
    Standard,
    group_of,
    level_numbers,
    levels_of,
    source_of,
    standard_columns,
    varies_within,
)
from psychomet.estimates.causes.hierarchy.joint.face_names import name_faults
from psychomet.estimates.causes.hierarchy.joint.face_notes import (
    alike_notes,
    reference_notes,
    refused_notes,
)
from psychomet.estimates.causes.hierarchy.joint.face_outcomes import outcome_blocks, outcome_faults
from psychomet.estimates.causes.hierarchy.joint.face_structure import (
    Outcome,
    Structure,
    named_outcomes,
    settled_structure,
)
from psychomet.estimates.causes.hierarchy.joint.face_within import (
    deviations,
    unit_means,
    within_columns,
    within_faults,
    within_spread,
)
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Dimension, Joint
from psychomet.notes import Note
from psychomet.scores.key import Scale
from psychomet.scores.score import Missing
from psychomet.table.features import FeatureTable
from psychomet.table.outcomes import outcomes
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]

BEHAVIOUR = "behaviour"
MOST_LEVELS = 40
"""A facet with more levels is not checked level by level."""


class JointTable(NamedTuple):
    """A joint model with what is needed to speak of its numbers.

    Attributes
    ----------
    joint : Joint
        Equal rows collapsed.
    full : Joint
        The same, one row for each answer.
    structure : Structure
        Without faults.
    coding : mapping of str to Coding
        By block, of scales and normal outcomes.
    levels : mapping of str to mapping of str to Levels
        By block and facet: level of every row of ``full``, for checks.
    spread : (P,) array
        Standard deviation of each predictor in its unit.
    within_spread : (W,) array
        Standard deviation of deviations within units.
    between : tuple of str
        Predictors that are means of what varies within units.
    span : tuple of float or None
        First and last time.
    labels : mapping of str to tuple of str
        By block: levels of an ordinal outcome or a choice.
    notes : tuple of Note
    """

    joint: Joint
    full: Joint
    structure: Structure
    coding: Mapping[str, Coding]
    levels: Mapping[str, Mapping[str, Levels]]
    spread: Floats
    within_spread: Floats
    between: tuple[str, ...]
    span: tuple[float, float] | None
    labels: Mapping[str, tuple[str, ...]]
    notes: tuple[Note, ...]


def joint_table(
    table: ResponseTable, *, scales: Sequence[Scale], features: FeatureTable | None, structure: Structure,
    missing: Missing = "available", here: NDArray[np.bool_] | None = None,
) -> JointTable:  # fmt: skip
    """Return the joint model of some scales, features and a structure.

    Parameters
    ----------
    table : ResponseTable
        The answers.
    scales : sequence of Scale
        A trait each; behaviour where their answers are of the source "behaviour".
    features : FeatureTable or None
        Of the same respondents.
    structure : Structure
        What there is beside the traits.
    missing : {"available", "complete"}
        ``complete`` leaves out administrations of a scale with an unanswered item.
    here : (administrations,) array of bool, optional
        Administrations to use; default all.

    Raises
    ------
    InputError
        Naming every fault of the structure and of what it names.
    """
    settled, faults = settled_structure(structure)
    used = np.ones(len(table.administrations), dtype=bool) if here is None else here
    long = {one.name: long_answers(table, scale=one, here=used, complete=missing == "complete") for one in scales}  # fmt: skip
    long = {
        one.name: long[one.name]
        if _as_given(one, settled, long[one.name])
        else keyed(long[one.name], scale=one)
        for one in scales
    }
    units, notes = _units(table, settled, scales, long, used)
    source = source_of(table, features=features, here=used, units=units)
    long = {name: _of_units(one, source) for name, one in long.items()}
    named = named_outcomes(settled)
    if not units:
        # No column has a value, and nothing else can be said of any.
        raise InputError("the call", [*faults, *checks.scale_faults(scales, long=long, structure=named, units=0)])  # fmt: skip
    faults += checks.facet_faults(source, settled)
    faults += [*checks.scale_faults(scales, long=long, structure=named, units=len(units)), *name_faults(scales, named)]  # fmt: skip
    faults += _effect_faults(source, settled, scales, long)
    predictors, more = standard_columns(source, settled.predictors, where="structure.predictors")
    covariates, also = standard_columns(source, settled.covariates, where="structure.covariates")
    family, families, third = (
        (None, (), [])
        if settled.family is None
        else group_of(source, settled.family, where="structure.family")
    )
    faults += [*more, *also, *third, *outcome_faults(source, settled), *within_faults(source, settled, predictors.names)]  # fmt: skip
    if faults:
        raise InputError("the call", faults)
    made = _made(source, settled, scales, long, predictors, covariates, family, families)
    compared = [*settled.predictors, *settled.covariates, *settled.within]
    notes += [
        *refused_notes(source, scales),
        *reference_notes(source, compared),
        *checks.table_notes(made, scales, long),
    ]
    return made._replace(notes=(*notes, *made.notes))


def _effect_faults(
    source: Source, structure: Structure, scales: Sequence[Scale], long: Mapping[str, Long]
) -> list[Fault]:
    """Faults of effects whose facets there are, in the scales that have answers."""
    known = {ITEM, RESPONDENT, *source.table.facets}
    effects = tuple(one for one in structure.effects if known.issuperset(one))
    asked = {scale.name: long[scale.name] for scale in scales if long[scale.name].answer.size}
    codings = {scale.name: coding_of(scale, asked[scale.name].answer) for scale in scales if scale.name in asked}  # fmt: skip
    return checks.effect_faults(source, replace(structure, effects=effects), asked, codings) if asked else []


def _as_given(scale: Scale, structure: Structure, long: Long) -> bool:
    """Whether answers to reversed items are left as they are: acquiescence acts on codes, whatever they mean."""
    return "acquiescence" in structure.styles and coding_of(scale, long.answer).family != "normal"


def _units(
    table: ResponseTable, structure: Structure, scales: Sequence[Scale], long: Mapping[str, Long], used: NDArray[np.bool_]
) -> tuple[list[str], list[Note]]:  # fmt: skip
    """Respondents with an answer, or a refusal where these count; a note on those without."""
    column = table.administrations["respondent"].cat
    codes = column.codes.to_numpy()
    there = np.zeros(len(column.categories), dtype=bool)
    for one in long.values():
        there[codes[one.administration]] = True
    if structure.refusals:
        found = outcomes(table, items=[item for scale in scales for item in scale.items])
        some = np.isin(found.codes, (ANSWERED, REFUSED)).any(axis=1) & used[found.administration]
        there[codes[found.administration[some]]] = True
    asked = np.unique(codes[used])
    gone = [visible(column.categories[at], 30) for at in asked if not there[at]]
    notes = []
    if gone:
        more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
        text = f"{len(gone)} respondents have no answer to the scales and are not in the joint model: {', '.join(gone[:5])}{more}."
        notes.append(Note("no_answers", text))
    notes += [
        Note(
            "rows_left_out", f"{visible(name)}: {one.left} administrations with an unanswered item left out."
        )
        for name, one in long.items()
        if one.left
    ]
    return [str(name) for name, one in zip(column.categories, there, strict=True) if one], notes


def _of_units(long: Long, source: Source) -> Long:
    """Rows of units alone; all are, but where a scale has answers that the group has not."""
    keep = source.unit[long.administration] >= 0
    return long._replace(answer=long.answer[keep], item=long.item[keep], administration=long.administration[keep])  # fmt: skip


def _made(
    source: Source, structure: Structure, scales: Sequence[Scale], long: Mapping[str, Long], predictors: Standard,
    covariates: Standard, family: NDArray[np.int64] | None, families: tuple[str, ...],
) -> JointTable:  # fmt: skip
    """Put the model together of parts without faults."""
    coding = {scale.name: coding_of(scale, long[scale.name].answer) for scale in scales}
    timed = {scale.name: _times(source, structure, long[scale.name]) for scale in scales}
    span = None if structure.time is None else _span(levels_of(source, structure.time).labels)
    dimensions, styles = _dimensions(source, structure, scales, timed)
    number = {one.name: at for at, one in enumerate(dimensions)}
    columns, within_names = within_columns(source, structure.within)
    means = unit_means(source, columns, within_names)
    apart = within_spread(source, columns)
    blocks: list[Block] = []
    levels: dict[str, dict[str, Levels]] = {}
    notes: list[Note] = []
    for scale in scales:
        rows = long[scale.name]
        effects, rater, more = _effects(source, structure, scale, rows)
        notes += more
        block = scale_block(
            rows, scale=scale, coding=coding[scale.name], source=source, dimension=number[scale.name],
            link=structure.link, loaded=structure.loadings == "free", effects=effects, rater=rater,
            time=timed[scale.name], within=deviations(source, rows, columns, apart),
            styles=_styles(coding[scale.name], styles if dimensions[number[scale.name]].role == "trait" else {}),
            as_given=_as_given(scale, structure, rows),
        )  # fmt: skip
        blocks.append(block)
        levels[scale.name] = _checked_levels(source, rows)
    if structure.refusals:
        blocks.append(refusal_block(source.table, scales=scales, source=source, dimension=number[REFUSALS], link=structure.link))  # fmt: skip
    made = outcome_blocks(
        source, structure, number, [at for at, one in enumerate(dimensions) if one.role == "trait"]
    )
    blocks += made.blocks
    every = np.concatenate([predictors.values, means.values], axis=1) if means.names else predictors.values
    full = Joint(
        units=source.units, dimensions=tuple(dimensions), blocks=tuple(blocks), predictors=every,
        predictor_names=(*predictors.names, *means.names), within_names=tuple(within_names),
        family=family, families=families, profiles=int(structure.profiles), covariates=covariates.values,
        covariate_names=covariates.names, shrinkage=structure.shrinkage,
    )  # fmt: skip
    return JointTable(
        joint=full._replace(blocks=tuple(map(collapsed, blocks))), full=full, structure=structure,
        coding={**coding, **made.coding}, levels=levels, spread=np.concatenate([predictors.spread, means.spread]),
        within_spread=apart, between=means.names, span=span, labels=made.labels, notes=(*notes, *made.notes),
    )  # fmt: skip


def _dimensions(
    source: Source, structure: Structure, scales: Sequence[Scale], timed: Mapping[str, Floats | None]
) -> tuple[list[Dimension], dict[str, int]]:
    """Traits, their growth, behaviour, refusal and styles, in this order; and the numbers of the styles."""
    behaviour = source.table.design.scale_source
    made = [
        Dimension(one.name, "behaviour" if behaviour.get(one.name) == BEHAVIOUR else "trait", -1, False)
        for one in scales
    ]
    made += [
        Dimension(f"growth of {scale.name}", "growth", at, True)
        for at, scale in enumerate(scales)
        if timed[scale.name] is not None
    ]
    made += [
        Dimension(one.column, "behaviour", -1, False)
        for one in structure.outcomes
        if isinstance(one, Outcome) and one.family == "binomial"
    ]
    made += [Dimension(REFUSALS, "refusal", -1, False)] if structure.refusals else []
    made += [Dimension(style, style, -1, True) for style in structure.styles]  # type: ignore[arg-type]
    return made, {one.name: at for at, one in enumerate(made) if one.role in ("acquiescence", "extremity")}


def _styles(coding: Coding, styles: Mapping[str, int]) -> list[int]:
    """Styles that act on a scale: none on numbers, extremity on three codes or more."""
    if coding.family == "normal":
        return []
    return [at for name, at in styles.items() if name != "extremity" or coding.family == "ordinal"]


def _effects(
    source: Source, structure: Structure, scale: Scale, long: Long
) -> tuple[dict[str, Levels], tuple[str, Levels] | None, list[Note]]:
    """Random effects and raters of a scale; where a facet has one level there is no effect, and a note says so."""
    found: dict[str, Levels] = {}
    still = []
    for facets in structure.effects:
        levels = row_levels(long, source, facets)
        varied = [one for one in facets if one not in (ITEM, RESPONDENT)]
        if varied and not all(_varies(row_levels(long, source, [one])) for one in varied):
            still.append(" x ".join(facets))
        else:
            found[" x ".join(facets)] = levels
    rater = None
    if structure.rater is not None:
        levels = row_levels(long, source, [structure.rater])
        if _varies(levels):
            rater = (structure.rater, levels)
        else:
            still.append(structure.rater)
    alike = alike_notes(scale.name, found if rater is None else {**found, rater[0]: rater[1]})
    if not still:
        return found, rater, alike
    text = f"{visible(scale.name)}: no effect of {', '.join(map(visible, still))}: its answers have one level of it."
    return found, rater, [Note("one_level", text, "info"), *alike]


def _varies(levels: Levels) -> bool:
    return len(levels.labels) > 1


def _times(source: Source, structure: Structure, long: Long) -> Floats | None:
    """Time of every row, 0 first and 1 last of all times; None where the scale was asked at one time."""
    if structure.time is None:
        return None
    levels = levels_of(source, structure.time)
    numbers = level_numbers(levels.labels)
    code = levels.code[long.administration]
    if numbers is None or np.unique(code[code >= 0]).size < 2:
        return None
    return np.where(code >= 0, (numbers[code] - numbers.min()) / np.ptp(numbers), 0.0)


def _span(labels: Sequence[str]) -> tuple[float, float] | None:
    numbers = level_numbers(labels)
    return None if numbers is None else (float(numbers.min()), float(numbers.max()))


def _checked_levels(source: Source, long: Long) -> dict[str, Levels]:
    """Facets whose levels are checked one by one: those that vary and have few levels."""
    found = {}
    for facet in source.table.facets:
        levels = row_levels(long, source, [facet])
        applies = [label for label in levels.labels if label != "not applicable"]
        if 1 < len(applies) <= MOST_LEVELS and varies_within(source, levels_of(source, facet)):
            found[facet] = levels
    return found
