"""What is wrong with a joint model before it is fitted, and where the prior will decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.joint.face_blocks import (
    ITEM,
    REFUSALS,
    RESPONDENT,
    Coding,
    Long,
    coding_of,
    row_levels,
)
from psychomet.estimates.causes.hierarchy.joint.face_columns import (
    SAME,
    Levels,
    Source,
    facet_fault,
    level_numbers,
    levels_of,
    varies_within,
)
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Joint
from psychomet.notes import Note
from psychomet.scores.key import Scale
from psychomet.text import visible

FEW_UNITS = 10
FEWEST_ITEMS = 3
MOST_NAMED = 6
__all__ = ["SAME", "effect_faults", "facet_faults", "scale_faults", "table_notes"]


def facet_faults(source: Source, structure: Structure) -> list[Fault]:
    """Return the faults of facets: unknown, of one level, the same as respondents, not numbers.

    Parameters
    ----------
    source : Source
        Table and units.
    structure : Structure
        Its shape is without faults.
    """
    faults: list[Fault] = []
    for name in ("rater", "time"):
        facet = getattr(structure, name)
        if facet is not None:
            faults += facet_fault(source, facet, where=f"structure.{name}") or [
                *_varying(source, facet, f"structure.{name}", name == "rater")
            ]
    if structure.time in source.table.facets and structure.time is not None:
        labels = levels_of(source, structure.time).labels
        if level_numbers(labels) is None:
            shown = ", ".join(visible(label, 20) for label in labels[:MOST_NAMED])
            what = f"'{visible(structure.time)}' has levels that are no numbers: {shown}"
            faults.append(
                Fault("structure.time", what, "Write when as a number: 0, 1, 2, or steps of training")
            )
    for facet in structure.within:
        faults += facet_fault(source, facet, where="structure.within") or [
            *_varying(source, facet, "structure.within", False)
        ]
    for effect in structure.effects:
        for facet in effect:
            faults += facet_fault(source, facet, where="structure.effects", also=(ITEM, RESPONDENT))
    alone = {effect[0] for effect in structure.effects if len(effect) == 1}
    faults += [
        Fault("structure.effects", f"'{visible(name)}' is the rater already", "Leave the effect out")
        for name in sorted(alone)
        if name == structure.rater
    ]
    return faults


def _varying(source: Source, facet: str, where: str, rater: bool) -> Iterator[Fault]:
    """The fault of a facet that does not vary within respondents."""
    levels = levels_of(source, facet)
    if len(levels.labels) < 2:
        yield Fault(where, f"'{visible(facet)}' has one level", "Leave it out")
    elif not varies_within(source, levels) and (not rater or len(levels.labels) == len(source.units)):
        what = f"'{visible(facet)}' is the same in all answers of a respondent: it cannot be told from respondents"
        yield Fault(where, what, "Name it as family or among the predictors, or leave it out")


def scale_faults(
    scales: Sequence[Scale], *, long: Mapping[str, Long], structure: Structure, units: int, source: Source | None = None
) -> list[Fault]:  # fmt: skip
    """Return the faults of scales, and of what the structure asks of them.

    Parameters
    ----------
    scales : sequence of Scale
        The scales.
    long : mapping of str to Long
        Their answers.
    structure : Structure
        Its shape is without faults.
    units : int
        Respondents.
    source : Source, optional
        With it effects are looked at, too.
    """
    faults = []
    if units < 2:
        faults.append(Fault("respondents", f"{units} with answers", "A joint model needs two at least, and says little with fewer than ten"))  # fmt: skip
    if structure.profiles > 1 and structure.profiles * 2 > units:
        what = f"{structure.profiles} profiles of {units} respondents"
        faults.append(Fault("structure.profiles", what, "Ask for fewer, of two respondents each at least"))
    names = [scale.name for scale in scales]
    taken = [*names, *(f"growth of {name}" for name in names), *structure.styles, *([REFUSALS] if structure.refusals else [])]  # fmt: skip
    for one in structure.outcomes:
        if isinstance(one, Outcome) and one.column in taken:
            what = f"'{visible(one.column)}' is the name of another part of the model"
            faults.append(Fault("structure.outcomes", what, "Rename the feature"))
    if len(set(taken)) < len(taken):
        faults.append(
            Fault("scales", "a scale has the name of another part of the model", "Rename it in the key")
        )
    codings = {}
    for scale in scales:
        rows = long[scale.name]
        if not rows.answer.size:
            faults.append(
                Fault(f"scale '{visible(scale.name)}'", "it has no answers", "Leave it out of scales")
            )
        else:
            codings[scale.name] = coding_of(scale, rows.answer)
            if np.ptp(rows.answer) == 0:
                faults.append(Fault(f"scale '{visible(scale.name)}'", "every answer is the same", "Leave it out of scales"))  # fmt: skip
    faults += _style_faults(scales, long, structure, codings)
    if source is not None and not faults:
        faults += effect_faults(source, structure, long, codings)
    return faults


def _style_faults(
    scales: Sequence[Scale], long: Mapping[str, Long], structure: Structure, codings: Mapping[str, Coding]
) -> Iterator[Fault]:
    """Styles that nothing could tell from traits."""
    coded = [scale for scale in scales if scale.name in codings and codings[scale.name].family != "normal"]
    if "acquiescence" in structure.styles:
        ways = {item in scale.reversed for scale in coded for item in long[scale.name].items}
        if len(ways) < 2:
            what = "acquiescence cannot be told from the traits: all items are keyed one way"
            yield Fault("structure.styles", what, "Leave it out, or take scales with reversed items")
    if "extremity" in structure.styles and all(one.family != "ordinal" for one in codings.values()):
        what = "extremity needs three codes, and no scale has them"
        yield Fault("structure.styles", what, "Leave it out")


def effect_faults(
    source: Source, structure: Structure, long: Mapping[str, Long], codings: Mapping[str, Coding]
) -> list[Fault]:
    """Return the faults of random effects that are the same as something else.

    Parameters
    ----------
    source : Source
        Table and units.
    structure : Structure
        With the effects; its facets are known.
    long : mapping of str to Long
        Answers by scale.
    codings : mapping of str to Coding
        What they are.
    """
    faults: list[Fault] = []
    for effect in structure.effects:
        name = " x ".join(map(visible, effect))
        said: list[Fault] = []
        varied = 0
        for scale, rows in long.items():
            levels = row_levels(rows, source, effect)
            if len(levels.labels) < 2:
                continue
            varied += 1
            same = _same_as(effect, levels, rows, source, codings[scale].family)
            if same:
                what, todo = same
                said.append(Fault("structure.effects", f"{name} {what} in {visible(scale)}", todo))
        if not varied:
            said = [Fault("structure.effects", f"{name} has one level", "Leave it out")]
        faults += said
    return faults


def _same_as(
    effect: Sequence[str], levels: Levels, long: Long, source: Source, family: str
) -> tuple[str, str] | None:
    """What an effect cannot be told from, and what to do."""
    unit = source.unit[long.administration]
    if _function_of(levels.code, unit):
        if _function_of(unit, levels.code):
            return "cannot be told from respondents", "Leave it out: the trait is the effect of respondents"
        return "is the same in all answers of a respondent", "Name it as family or among the predictors"
    if _function_of(levels.code, long.item):
        return "cannot be told from items", "Leave it out: items have thresholds of their own"
    if len(levels.labels) == levels.code.size and family != "normal":
        return "has a level for each answer", "Leave it out, or ask each of them more than once"
    if len(levels.labels) == levels.code.size:
        return "cannot be told from the residual", "Leave it out: there is one answer of each"
    return None


def _function_of(code: NDArray[np.int64], of: NDArray[np.int64]) -> bool:
    """Whether the first is known from the second."""
    pairs = np.unique(np.stack([of, code]), axis=1)
    return bool(np.unique(pairs[0]).size == pairs.shape[1])


def table_notes(made: Any, scales: Sequence[Scale], long: Mapping[str, Long]) -> list[Note]:
    """Return where the prior says more than the answers, and what to know of them.

    Parameters
    ----------
    made : JointTable
        The model.
    scales : sequence of Scale
        The scales.
    long : mapping of str to Long
        Their answers.
    """
    joint: Joint = made.full
    n = len(joint.units)
    notes = []
    if n < FEW_UNITS:
        text = f"n = {n} respondents: about correlations, coefficients and whatever else is said of respondents in general the prior decides."
        notes.append(Note("few_units", text))
    columns = len(joint.predictor_names)
    if columns >= n and joint.shrinkage == "normal":
        text = f"{columns} predictors for {n} respondents: the prior decides which of them matter; shrinkage='horseshoe' says that few do."
        notes.append(Note("many_predictors", text))
    for block in joint.blocks:
        notes += [*_block_notes(block, joint.units, refusals=made.structure.refusals)]
    for scale in scales:
        rows = long[scale.name]
        if rows.asked:
            notes.append(Note("items_left_out", f"{visible(scale.name)}: items without an answer are left out: {_listed(rows.asked)}."))  # fmt: skip
        if len(rows.items) < FEWEST_ITEMS and _once(rows, made.full):
            text = f"{visible(scale.name)}: {len(rows.items)} item{'s' if len(rows.items) > 1 else ''}: how much of the answers is error is what the prior says."
            notes.append(Note("few_items", text))
    return [*notes, *_separation(made)]


def _once(long: Long, joint: Joint) -> bool:
    return long.answer.size <= len(joint.units) * len(long.items)


def _block_notes(block: Block, units: Sequence[str], *, refusals: bool) -> Iterator[Note]:
    """Items and units at an end, and categories that nobody chose."""
    name = visible(block.name)
    if refusals and block.name == REFUSALS:
        rate = _mean_by(block.item, block.answer, len(block.items))
        never = [item for item, one in zip(block.items, rate, strict=True) if one == 0]
        always = [item for item, one in zip(block.items, rate, strict=True) if one == 1]
        if len(never) == len(block.items):
            yield Note(
                "no_refusals", "No answer was refused: what is said of refusals is what the prior says."
            )
        if always:
            yield Note("all_refused", f"Every answer was refused to {_listed(always)}: how far beyond is what the prior says.")  # fmt: skip
        mine = _mean_by(block.unit, block.answer, len(units))
        gone = [unit for unit, one in zip(units, mine, strict=True) if one == 1]
        if gone:
            yield Note("all_refused", f"Respondents who refused everything: {_listed(gone)}. Their traits are told from the others and from what goes with refusing.")  # fmt: skip
        return
    if block.regress or block.family not in ("ordinal", "binary"):
        return
    wanted = np.where(block.family == "binary", 2, block.categories)
    given = [np.unique(block.answer[block.item == at]).size for at in range(len(block.items))]
    still = [item for item, one in zip(block.items, given, strict=True) if one < 2]
    empty = [item for item, one, most in zip(block.items, given, wanted, strict=True) if 1 < one < most]
    if empty:
        text = f"{name}: nobody chose one or more of the codes of {_listed(empty)}. About thresholds next to them the prior says most."
        yield Note("empty_categories", text, "info")
    if still:
        yield Note("constant_items", f"{name}: all answers are the same to {_listed(still)}: what is said of them is what the prior says.")  # fmt: skip


def _separation(made: Any) -> Iterator[Note]:
    """Two-valued behaviour that a trait's mean score tells without error."""
    joint: Joint = made.full
    by_name = {block.name: block for block in joint.blocks}
    n = len(joint.units)
    for outcome in joint.blocks:
        if outcome.family != "binary" or not outcome.regress:
            continue
        for at in outcome.regress:
            block = by_name[joint.dimensions[at].name]
            score = _mean_by(block.unit, block.answer * block.sign[block.item], n)[outcome.unit]
            one, other = score[outcome.answer == 1], score[outcome.answer == 0]
            one, other = one[np.isfinite(one)], other[np.isfinite(other)]
            if one.size and other.size and (one.min() > other.max() or one.max() < other.min()):
                text = (
                    f"{visible(outcome.name)} is told without error by {visible(block.name)} (separation): how steep the "
                    "relation is is what the prior says."
                )
                yield Note("separation", text)


def _mean_by(code: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    count = np.bincount(code, minlength=size)
    return np.where(count > 0, np.bincount(code, values, minlength=size) / np.maximum(count, 1), np.nan)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(visible(one, 30) for one in names[:MOST_NAMED])}{more}"
