"""What a respondent said about a behaviour and what it did, under the same conditions and in one unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.scores.key import Scale
from psychomet.scores.score import Missing, resolve_key
from psychomet.scores.side_by_side import SAMPLE, SCORE, WHO, shared_conditions, wide_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]
Pair = tuple[str, str]


class Block(NamedTuple):
    """One belief and its behaviour in one group of the table.

    Attributes
    ----------
    belief, behaviour : ndarray, shape (n, c)
        Means over samples, respondents by conditions; both finite or both NaN. Every respondent has one pair.
    ids : ndarray of str, shape (n,)
        Respondents, sorted.
    conditions : DataFrame
        Levels of the facets of each of the c conditions.
    middle : tuple of float
        Middles of the ranges of codes of both; NaN where unbounded.
    width : float
        Width of the range of the behaviour; NaN where unbounded.
    alone : int
        Conditions of respondents that have only one of the two.
    """

    belief: Floats
    behaviour: Floats
    ids: NDArray[np.object_]
    conditions: pd.DataFrame
    middle: tuple[float, float]
    width: float
    alone: int


def checked_pairs(table: ResponseTable, pairs: Sequence[Pair], rescale: bool) -> list[Fault]:
    """Return the faults of the pairs; the caller adds its own."""
    source = table.design.scale_source
    scales = {scale.name: scale for scale in resolve_key(table, None).scales}
    listed = ", ".join(map(visible, source))
    if isinstance(pairs, str) or not all(len(pair) == 2 and not isinstance(pair, str) for pair in pairs):
        return [Fault("pairs", "it is no list of pairs", "Pass [('belief', 'behaviour'), ...]")]
    if not pairs:
        return [Fault("pairs", "no pair is named", f"Name beliefs and behaviours. The scales are: {listed}")]
    faults = []
    for pair in dict.fromkeys(map(tuple, pairs)):
        where = f"pairs, {visible(pair[0])} and {visible(pair[1])}"
        wrong = [name for name in pair if name not in source]
        if wrong:
            faults.append(
                Fault(where, f"no scale {', '.join(map(visible, wrong))}", f"The scales are: {listed}")
            )
            continue
        if source[pair[0]] == "behaviour" or source[pair[1]] != "behaviour":
            what = f"their sources are {source[pair[0]]} and {source[pair[1]]}"
            faults.append(
                Fault(where, what, "First the belief (self_report or observer), then the behaviour")
            )
        open_ended = [name for name in pair if rescale and not math.isfinite(_width(scales[name]))]
        if open_ended:
            what = f"{', '.join(map(visible, open_ended))} has no finite range of codes"
            faults.append(Fault(where, what, "Give low and high in the key, or leave rescale out"))
    if len(set(map(tuple, pairs))) < len(pairs):
        faults.append(Fault("pairs", "a pair is named twice", "Name each once"))
    return faults


def blocks_of(
    table: ResponseTable, pair: Pair, *, missing: Missing, rescale: bool, by: str | None
) -> Iterator[tuple[str, Block]]:
    """Yield group and block of a pair: the whole table, then each level of a facet.

    Raises
    ------
    InputError
        If no respondent has both under one condition.
    """
    scales = {scale.name: scale for scale in resolve_key(table, None).scales}
    sides = [wide_scores(table, scales=[name], missing=missing) for name in pair]
    shared = [name for name in shared_conditions(table, *sides) if name != SAMPLE]
    means = [
        side.groupby([WHO, *shared])[SCORE + name].mean().dropna()
        for side, name in zip(sides, pair, strict=True)
    ]
    both = pd.concat(
        [means[0].rename("belief"), means[1].rename("behaviour")], axis=1, join="inner"
    ).reset_index()
    where = f"{visible(pair[0])} and {visible(pair[1])}"
    if both.empty:
        what = "no respondent has both under the same conditions"
        todo = "Give both sources the same respondents and the same names of the conditions"
        raise InputError(table.intake.subject, [Fault(where, what, todo)])
    if by is not None and by not in shared:
        what = f"belief and behaviour do not share {visible(by)}"
        raise InputError("the call", [Fault("by", f"{where}: {what}", "Use a facet that both have")])
    if rescale:
        for name, column in zip(pair, ("belief", "behaviour"), strict=True):
            both[column] = (both[column] - scales[name].low) / _width(scales[name])
    alone = sum(len(side) for side in means) - 2 * len(both)
    ends = [(0.0, 1.0) if rescale else (scales[name].low, scales[name].high) for name in pair]
    middle = tuple(sum(end) / 2 if all(map(math.isfinite, end)) else math.nan for end in ends)
    width = ends[1][1] - ends[1][0] if all(map(math.isfinite, ends[1])) else math.nan
    levels = [] if by is None else sorted(set(both[by]) - {NOT_APPLICABLE})
    for group, frame in [("", both), *((f"{by} = {level}", both[both[by] == level]) for level in levels)]:
        yield group, _block(frame, shared, (middle[0], middle[1]), width, alone if not group else 0)


def _block(
    frame: pd.DataFrame, shared: Sequence[str], middle: tuple[float, float], width: float, alone: int
) -> Block:
    """Respondents by conditions."""
    ids, who = np.unique(frame[WHO].astype(str).to_numpy(object), return_inverse=True)
    if shared:
        made = frame.groupby(list(shared), observed=True)
        cell, conditions = made.ngroup().to_numpy(), made.size().reset_index()[list(shared)]
    else:
        cell, conditions = np.zeros(len(frame), dtype=np.intp), pd.DataFrame(index=pd.RangeIndex(1))
    values = np.full((2, ids.size, len(conditions)), np.nan)
    for at, name in enumerate(("belief", "behaviour")):
        values[at, who.reshape(-1), cell] = frame[name].to_numpy(float)
    return Block(values[0], values[1], ids, conditions, middle, width, alone)


def trait_means(table: ResponseTable, name: str, *, missing: Missing, ids: NDArray[np.object_]) -> Floats:
    """Return the mean score of each respondent on a scale; NaN where there is none."""
    frame = wide_scores(table, scales=[name], missing=missing)
    return frame.groupby(WHO)[SCORE + name].mean().reindex(list(ids)).to_numpy(float)


def _width(scale: Scale) -> float:
    return float(scale.high - scale.low)
