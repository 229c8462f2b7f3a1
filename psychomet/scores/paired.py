"""Self-reports and behaviour of the same respondent under the same conditions, side by side.

A condition is a combination of the facets (and the sample number, where there is one) that both sources have. Scores of
one source that share a condition, because it was varied in something that the other was not, enter as their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.scores.score import Missing, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]

SAMPLE = "sample"


class Paired(NamedTuple):
    """Scores side by side.

    Attributes
    ----------
    said, done : tuple of str
        Names of the self-report (or observer) and of the behaviour scales.
    left, right : ndarray, shapes (rows, len(said)), (rows, len(done))
        Scores; NaN where there is none. Rows have at least one of each.
    respondent : ndarray of int, shape (rows,)
        Position in ``respondents``.
    respondents : ndarray of str
        Ids.
    cells : DataFrame
        The shared conditions of every row.
    alone : int
        Conditions of a respondent that only one source has.
    averaged : tuple of str
        Conditions that only one source has, over which its scores were averaged.
    """

    said: tuple[str, ...]
    done: tuple[str, ...]
    left: Floats
    right: Floats
    respondent: NDArray[np.intp]
    respondents: NDArray[Any]
    cells: pd.DataFrame
    alone: int
    averaged: tuple[str, ...]


def paired(table: ResponseTable, *, missing: Missing) -> Paired:
    """Pair the scores of both sources by respondent and condition.

    Raises
    ------
    InputError
        If the table lacks a scale of behaviour or of anything else, or no respondent has both under one condition.
    """
    source = table.design.scale_source
    names = [scale.name for scale in resolve_key(table, None).scales]
    said = tuple(name for name in names if source[name] != "behaviour")
    done = tuple(name for name in names if source[name] == "behaviour")
    if not (said and done):
        what = "no scale whose source is behaviour" if said else "no scale from another source than behaviour"
        todo = "A link needs both: mark the rows of the tasks with source = behaviour, and give them scales in the key"
        raise InputError(table.intake.subject, [Fault("source", f"the table has {what}", todo)])
    frames = [_frame(table, group, missing) for group in (said, done)]
    conditions = [*table.facets, *([SAMPLE] if table.has_sample else [])]
    shared = [name for name in conditions if all((f[name] != NOT_APPLICABLE).all() for f in frames)]
    by = ["respondent", *shared]
    sides = [f.groupby(by, observed=True)[list(g)].mean() for f, g in zip(frames, (said, done), strict=True)]
    both = sides[0].join(sides[1], how="inner").reset_index()
    if not len(both):
        what = "no respondent has self-report and behaviour under the same conditions"
        raise InputError(
            table.intake.subject,
            [Fault(", ".join(by), what, "Give both sources the same names of the conditions")],
        )
    respondents, who = np.unique(both["respondent"].astype(str).to_numpy(), return_inverse=True)
    averaged = tuple(
        name for name in conditions if name not in shared and any(f[name].nunique() > 1 for f in frames)
    )
    return Paired(
        said, done, both[list(said)].to_numpy(float), both[list(done)].to_numpy(float), who.reshape(-1),
        respondents, both[shared].astype(str), sum(len(side) for side in sides) - 2 * len(both), averaged,
    )  # fmt: skip


def _frame(table: ResponseTable, scales: Sequence[str], missing: Missing) -> pd.DataFrame:
    """One row per administration of a source, its scores as columns."""
    found: pd.DataFrame | None = None
    for name in scales:
        block = scale_scores(table, scale=name, missing=missing)
        frame = block.cells.astype(str).assign(respondent=block.respondents[block.respondent])
        keys = list(frame.columns)
        frame[name] = block.values
        frame["turn"] = frame.groupby(keys).cumcount()
        found = frame if found is None else found.merge(frame, on=[*keys, "turn"], how="outer")
    if found is None:
        raise ValueError("no scale was named")
    return found


def pairing_notes(pairs: Paired) -> list[Note]:
    """Say what was paired with what, and what was left out or averaged."""
    shared = ", ".join(visible(name) for name in pairs.cells.columns) or "nothing else"
    text = f"Scores are paired by respondent and {shared}: {pairs.left.shape[0]} pairs."
    if SAMPLE in pairs.cells.columns:
        text += " Samples are paired by their number, which is arbitrary where both sources were drawn apart."
    notes = [Note("paired_scores", text, "info")]
    if pairs.averaged:
        text = f"Only one source varied {', '.join(map(visible, pairs.averaged))}: its scores are averaged over it."
        notes.append(Note("averaged_conditions", text, "info"))
    if pairs.alone:
        text = (
            f"{pairs.alone} scores of a respondent under a condition lack the other source and are left out."
        )
        notes.append(Note("unpaired_scores", text, "info"))
    return notes
