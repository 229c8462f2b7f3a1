"""Rows of a logistic regression: a binary outcome, and the scores that are to tell it, from whichever source.

A row is one answer of the behaviour that is the outcome; where the outcome is a facet, one administration. Scores of the
same source come from the same administration. Scores of another source are those of the respondent under the conditions that both
sources have, averaged over what only they varied; samples are paired by number where both sources have the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.scores.score import Missing, answers
from psychomet.scores.side_by_side import SCORE, WHO, beside, wide_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]

OUTCOME = "_outcome"


class Data(NamedTuple):
    """Rows of one set of predictors.

    Attributes
    ----------
    outcome : ndarray, shape (N,)
        0 or 1.
    scores : ndarray, shape (N, p)
        Predictors as scored, no gaps.
    respondent : ndarray of str, shape (N,)
        Ids.
    cells : DataFrame
        Conditions of every row.
    left_out : int
        Rows with an outcome that lack a predictor.
    """

    outcome: Floats
    scores: Floats
    respondent: NDArray[np.object_]
    cells: pd.DataFrame
    left_out: int


class Outcome(NamedTuple):
    """What is 1 and what is 0.

    Attributes
    ----------
    name : str
        Scale or facet.
    facet : bool
        Whether it is a facet.
    event, reference : str
        In words: level or code.
    frame : DataFrame
        For a scale: conditions of every answer, with the column :data:`OUTCOME`. For a facet: empty.
    """

    name: str
    facet: bool
    event: str
    reference: str
    frame: pd.DataFrame


def outcome_of(
    table: ResponseTable, name: str, *, event: str | None, reference: str | None, cut: float | None
) -> Outcome:
    """Settle what the outcome is.

    Raises
    ------
    InputError
        If it is neither a scale nor a facet, or has not two kinds.
    """
    scales = list(table.design.scale_source)
    if (name in scales) == (name in table.facets):
        there = f"The scales are: {', '.join(map(visible, scales))}; the facets: {', '.join(map(visible, table.facets)) or 'none'}"
        what = "is a scale and a facet" if name in scales else "is neither a scale nor a facet"
        raise InputError("the call", [Fault("outcome", f"'{visible(name)}' {what}", there)])
    if name in table.facets:
        return _of_facet(table, name, event, reference, cut)
    if event is not None or reference is not None:
        todo = "Use cut= for a scale: codes of at least that count as 1"
        raise InputError("the call", [Fault("event", "levels are named, and the outcome is a scale", todo)])
    return _of_scale(table, name, cut)


def _of_facet(
    table: ResponseTable, name: str, event: str | None, reference: str | None, cut: float | None
) -> Outcome:
    levels = table.design.levels[name]
    todo = f"The levels are: {', '.join(map(visible, levels[:12]))}"
    faults = []
    if cut is not None:
        faults.append(
            Fault("cut", "the outcome is a facet, which has levels and no codes", "Use event and reference")
        )
    if event is None or event not in levels:
        said = "is not said" if event is None else f"'{visible(event)}' is no level of {visible(name)}"
        faults.append(Fault("event", f"the level that counts as 1 {said}", todo))
    if reference is not None and (reference not in levels or reference == event):
        faults.append(
            Fault("reference", f"'{visible(reference)}' is no other level of {visible(name)}", todo)
        )
    if len(levels) < 2:
        faults.append(Fault("outcome", f"{visible(name)} has one level", "An outcome needs two"))
    if faults or event is None:
        raise InputError("the call", faults)
    others = [level for level in levels if level != event]
    return Outcome(name, True, event, reference or (others[0] if len(others) == 1 else ""), pd.DataFrame())


def _of_scale(table: ResponseTable, name: str, cut: float | None) -> Outcome:
    block = answers(table, scale=name)
    codes = np.unique(block.values[np.isfinite(block.values)])
    if cut is None and codes.size != 2:
        what = f"{visible(name)} has {codes.size} different keyed codes, and an outcome has two"
        raise InputError(
            "the call", [Fault("outcome", what, "Say with cut= from which code on it counts as 1")]
        )
    bound = float(codes[1]) if cut is None else cut
    if not (codes.size and codes[0] < bound <= codes[-1]):
        what = f"no answers on both sides of {bound:g}"
        raise InputError(
            "the call", [Fault("cut", what, "Use a number between the lowest and the highest code")]
        )
    k = block.values.shape[1]
    frame = block.cells.astype(str).assign(**{WHO: block.respondents[block.respondent].astype(str)})
    frame = frame.loc[frame.index.repeat(k)].reset_index(drop=True)
    flat = block.values.reshape(-1)
    frame[OUTCOME] = np.where(np.isfinite(flat), (flat >= bound).astype(float), np.nan)
    frame = frame[np.isfinite(flat)].reset_index(drop=True)
    words = (f"{codes[1]:g}", f"{codes[0]:g}") if cut is None else (f"at least {bound:g}", f"below {bound:g}")
    return Outcome(name, False, *words, frame)


def data_of(table: ResponseTable, outcome: Outcome, *, predictors: Sequence[str], missing: Missing) -> Data:
    """Put the outcome beside some predictors.

    Raises
    ------
    InputError
        If no row has both.
    """
    source = table.design.scale_source
    kinds = dict.fromkeys(source[name] for name in predictors)
    own = {kind: [name for name in predictors if source[name] == kind] for kind in kinds}
    wide = [wide_scores(table, scales=own[kind], missing=missing) for kind in kinds]
    frames = sorted(wide, key=len, reverse=True)
    target = frames[0] if outcome.facet else outcome.frame
    found = target
    for frame in frames:
        if frame is not target:
            found = beside(table, found, other=frame)
    if outcome.facet:
        level = found[outcome.name]
        is_other = level == outcome.reference if outcome.reference else level != NOT_APPLICABLE
        found = found[(level == outcome.event) | is_other]
        found = found.assign(**{OUTCOME: (found[outcome.name] == outcome.event).astype(float)})
    scores = found[[SCORE + name for name in predictors]].to_numpy(float)
    there = np.isfinite(scores).all(axis=1)
    if not there.any():
        what = f"no row has the outcome and {', '.join(map(visible, predictors))}"
        todo = "Give both sources the same respondents and the same names of the conditions"
        raise InputError(table.intake.subject, [Fault("outcome", what, todo)])
    kept = found[there]
    return Data(
        kept[OUTCOME].to_numpy(float), scores[there], kept[WHO].astype(str).to_numpy(object),
        kept[[name for name in table.facets if name in kept]].reset_index(drop=True), int((~there).sum()),
    )  # fmt: skip


def groups_of_rows(data: Data, by: str | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield all rows, then those at each level of a facet."""
    yield "", np.ones(data.outcome.size, dtype=bool)
    if by is not None:
        for level in sorted(set(data.cells[by]) - {NOT_APPLICABLE}):
            yield f"{by} = {level}", (data.cells[by] == level).to_numpy()
