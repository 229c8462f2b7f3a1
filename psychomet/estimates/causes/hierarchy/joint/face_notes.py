"""Conditions under which nothing was answered, effects that the answers cannot tell apart, levels that others stand beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from psychomet.estimates.causes.hierarchy.joint.face_blocks import ANSWERED, REFUSED
from psychomet.estimates.causes.hierarchy.joint.face_columns import (
    Levels,
    Source,
    levels_of,
    reference_level,
)
from psychomet.notes import Note
from psychomet.scores.key import Scale
from psychomet.table.outcomes import outcomes
from psychomet.text import visible

MOST_NAMED = 6


def refused_notes(source: Source, scales: Sequence[Scale]) -> list[Note]:
    """Return which respondents refused all of a scale under some condition, and conditions under which all did.

    Parameters
    ----------
    source : Source
        Table and units.
    scales : sequence of Scale
        The scales.
    """
    notes = []
    for scale in scales:
        found = outcomes(source.table, items=scale.items)
        mine = source.unit[found.administration] >= 0
        some = (found.codes == ANSWERED).any(axis=1)
        gone = mine & (found.codes == REFUSED).any(axis=1) & ~some
        if not gone.any():
            continue
        whole = [*_conditions(source, found.administration, mine & some, gone)]
        under = f"; among them all under {_listed(whole)}" if whole else ""
        units = np.unique(source.unit[found.administration[gone]]).size
        text = (
            f"{visible(scale.name)}: nothing was answered and something refused in {int(gone.sum())} administrations of {units} respondents{under}. What "
            "they would have answered there is told from their other answers."
        )
        notes.append(Note("refused_cells", text))
    return notes


def _conditions(source: Source, administration: np.ndarray, some: np.ndarray, gone: np.ndarray) -> Iterator[str]:  # fmt: skip
    """Levels of facets at which no administration has an answer."""
    for facet in source.table.facets:
        levels = levels_of(source, facet)
        code = levels.code[administration]
        for at in np.unique(code[gone & (code >= 0)]):
            if len(levels.labels) > 1 and not (some & (code == at)).any():
                yield f"{facet} = {levels.labels[at]}"


def alike_notes(scale: str, effects: Mapping[str, Levels]) -> list[Note]:
    """Return the note on effects that have the same levels in all answers of a scale.

    Parameters
    ----------
    scale : str
        Its name.
    effects : mapping of str to Levels
        Of every answer, by the name of the effect or of the rater.
    """
    alike = []
    for (first, one), (second, other) in combinations(effects.items(), 2):
        pairs = np.unique(np.stack([one.code, other.code]), axis=1).shape[1]
        if pairs == len(one.labels) == len(other.labels):
            alike.append(f"{visible(first)} and {visible(second)}")
    if not alike:
        return []
    text = f"{visible(scale)}: {', '.join(alike)} have the same levels in all answers: which of the two acts is what the prior says."
    return [Note("alike_effects", text)]


def reference_notes(source: Source, names: Sequence[str]) -> list[Note]:
    """Return the note on the level that the other levels of each column stand beside.

    Parameters
    ----------
    source : Source
        Table and features.
    names : sequence of str
        Predictors, covariates and facets that vary within respondents.
    """
    beside = {name: reference_level(source, name) for name in dict.fromkeys(names)}
    told = [f"{visible(name)} beside {visible(level)}" for name, level in beside.items() if level is not None]
    if not told:
        return []
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    return [
        Note("reference_levels", f"Coefficients of levels: {', '.join(told[:MOST_NAMED])}{more}.", "info")
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(visible(one, 40) for one in names[:MOST_NAMED])}{more}"
