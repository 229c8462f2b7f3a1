"""Behaviour in columns of the features as blocks of a joint model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.joint.face_blocks import Coding, outcome_block
from psychomet.estimates.causes.hierarchy.joint.face_columns import Source, unit_numbers
from psychomet.estimates.causes.hierarchy.joint.face_structure import COUNTED, Outcome, Structure
from psychomet.estimates.causes.hierarchy.joint.spec import Block
from psychomet.notes import Note
from psychomet.scores.feature_columns import name_faults
from psychomet.table.codebook import Feature
from psychomet.text import visible

Floats = NDArray[np.float64]
LEVELLED = ("ordinal", "choice")
WHOLE = ("binomial", "beta_binomial", "count")
FEWEST = 3


class Outcomes(NamedTuple):
    """Blocks of behaviour, the coding of normal ones, labels of levels, and notes."""

    blocks: list[Block]
    coding: dict[str, Coding]
    labels: dict[str, tuple[str, ...]]
    notes: list[Note]


def outcome_blocks(
    source: Source, structure: Structure, number: Mapping[str, int], traits: Sequence[int]
) -> Outcomes:
    """Return the blocks of outcomes without faults.

    Parameters
    ----------
    source : Source
        Features and units.
    structure : Structure
        With the outcomes.
    number : mapping of str to int
        Dimensions by name.
    traits : sequence of int
        Dimensions on which behaviour without one of its own is regressed.
    """
    made = Outcomes([], {}, {}, [])
    for one in structure.outcomes:
        if not isinstance(one, Outcome):
            continue
        answer, trials, labels = _values(source, one)
        gone = int(np.isnan(answer).sum())
        if gone:
            text = f"{visible(one.column)}: {gone} of {answer.size} respondents have no value; they are taken as missing at random."
            made.notes.append(Note("outcome_missing", text))
        if one.family == "normal":
            there = answer[np.isfinite(answer)]
            coding = Coding("normal", float(there.mean()), float(there.std(ddof=1)), 0)
            made.coding[one.column] = coding
            answer = (answer - coding.low) / coding.unit
        if labels:
            made.labels[one.column] = labels
        own = one.family == "binomial"
        made.blocks.append(
            outcome_block(
                one.column,
                family=one.family,
                answer=answer,
                trials=trials,
                categories=len(labels) if one.family in LEVELLED else 0,
                dimension=number[one.column] if own else -1,
                regress=() if own else traits,
                link=structure.link,
            )
        )
        made.notes.extend(_notes(one, answer, labels))
    return made


def outcome_faults(source: Source, structure: Structure) -> list[Fault]:
    """Return every fault of the columns of behaviour; the caller adds its own.

    Parameters
    ----------
    source : Source
        Features and units.
    structure : Structure
        With the outcomes.
    """
    if structure.outcomes and source.features is None:
        todo = "Give the table of features: features=read_features(...)"
        return [Fault("structure.outcomes", "outcomes are columns of the features, and there are none", todo)]
    faults = []
    for at, one in enumerate(structure.outcomes):
        where = f"structure.outcomes[{at}]"
        named = (one.column, one.trials) if isinstance(one, Outcome) else tuple(one.values())
        unknown = [*_name_faults(source, named, where)]
        faults += unknown
        if isinstance(one, Outcome) and not unknown:
            faults += _faults_of(source, one, where)
    return faults


def _name_faults(source: Source, names: Sequence[object], where: str) -> Iterator[Fault]:
    """Columns that are no features."""
    for name in names:
        if isinstance(name, str) and source.features is not None:
            yield from name_faults(source.features, [name], where=where)


def _faults_of(source: Source, one: Outcome, where: str) -> list[Fault]:
    """Faults of one outcome whose columns are there."""
    feature = _feature(source, one.column)
    if feature.kind in ("vector", "circular"):
        return [Fault(where, f"'{visible(one.column)}' is a {feature.kind} feature", "Name a number or a feature with levels")]  # fmt: skip
    levelled = feature.kind in ("ordinal", "nominal")
    if one.family in LEVELLED and not levelled:
        todo = f"Give it the kind '{'ordinal' if one.family == 'ordinal' else 'nominal'}' in the codebook"
        return [Fault(where, f"'{visible(one.column)}' has no levels", todo)]
    if one.family not in (*LEVELLED, "binary") and levelled:
        return [Fault(where, f"'{visible(one.column)}' has levels, and is no number", "Use family='ordinal' or 'choice'")]  # fmt: skip
    if isinstance(one.trials, str) and _feature(source, one.trials).kind != "number":
        return [Fault(where, f"'{visible(one.trials)}' is not a number of trials", "Name a number")]
    return _value_faults(source, one, where)


def _value_faults(source: Source, one: Outcome, where: str) -> list[Fault]:
    """Faults of the values of one outcome."""
    answer, trials, _ = _values(source, one)
    there = np.isfinite(answer)
    found, name = answer[there], visible(one.column)
    if found.size < FEWEST:
        return [Fault(where, f"{found.size} respondents have a value of '{name}'", "Leave it out, or give more values")]  # fmt: skip
    if np.ptp(found) == 0 and one.family not in ("binomial", "beta_binomial"):
        return [Fault(where, f"'{name}' is the same for all respondents", "Leave it out")]
    faults = []
    if one.family in WHOLE and ((found < 0) | (found != np.rint(found))).any():
        bad = _who(source, there & ((answer < 0) | (answer != np.rint(answer))))
        faults.append(Fault(where, f"'{name}' is not a whole number of at least 0 for {bad}", "Mend the values, or use family='normal'"))  # fmt: skip
    if one.family == "binary" and not set(np.unique(found)) <= {0.0, 1.0}:
        faults.append(Fault(where, f"'{name}' has values other than 0 and 1", "Give two levels, or 0 and 1"))
    if trials is None:
        return faults
    odd = there & ~((trials >= 1) & (trials == np.rint(trials)))
    if odd.any():
        faults.append(Fault(where, f"the trials of '{name}' are not a whole number of at least 1 for {_who(source, odd)}", "Mend them"))  # fmt: skip
    more = there & (answer > trials)
    if more.any():
        faults.append(Fault(where, f"'{name}' is above its number of trials for {_who(source, more)}", "Mend successes or trials"))  # fmt: skip
    return faults


def _values(source: Source, one: Outcome) -> tuple[Floats, Floats | None, tuple[str, ...]]:
    """Values by unit, trials, and labels of levels; levels that no unit has are left out."""
    answer = unit_numbers(source, one.column)
    feature = _feature(source, one.column)
    labels: tuple[str, ...] = ()
    if feature.kind in ("ordinal", "nominal"):
        present = np.unique(answer[np.isfinite(answer)]).astype(int)
        labels = tuple(feature.levels[at] for at in present)
        place = {at: number for number, at in enumerate(present)}
        answer = np.array([place[int(value)] if np.isfinite(value) else np.nan for value in answer])
    trials = None
    if one.family in COUNTED:
        own = isinstance(one.trials, str)
        trials = (
            unit_numbers(source, str(one.trials)) if own else np.full(answer.size, float(one.trials or 0))
        )
    return answer, trials, labels


def _notes(one: Outcome, answer: Floats, labels: tuple[str, ...]) -> list[Note]:
    """Levels that hardly anyone has."""
    if not labels:
        return []
    count = np.bincount(answer[np.isfinite(answer)].astype(int), minlength=len(labels))
    rare = [f"{visible(label, 30)} ({number})" for label, number in zip(labels, count, strict=True) if number < FEWEST]  # fmt: skip
    if not rare:
        return []
    text = f"{visible(one.column)}: levels of fewer than {FEWEST} respondents: {', '.join(rare[:5])}. About them the prior says most."
    return [Note("rare_levels", text)]


def _feature(source: Source, name: str) -> Feature:
    every = () if source.features is None else source.features.features
    return next(one for one in every if one.name == name)


def _who(source: Source, which: NDArray[np.bool_]) -> str:
    names = [visible(source.units[at], 30) for at in np.flatnonzero(which)]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
