"""Which administrations a published rule takes for outliers: noise of DBSCAN on two principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.density import NOISE, dbscan, principal_scores
from psychomet.scores.score import ScaleScores

COMPONENTS = 2


class Kept(NamedTuple):
    """What the rule keeps.

    Attributes
    ----------
    rows : tuple of (n_rows,) array of bool
        By scale, which of its rows.
    note : Note
        How many were left out.
    """

    rows: tuple[NDArray[np.bool_], ...]
    note: Note


def without_outliers(blocks: Sequence[ScaleScores], *, radius: float, min_points: int) -> Kept:
    """Find the administrations whose scores on all scales lie in thin air.

    Parameters
    ----------
    blocks : sequence of ScaleScores
        The scores of all scales.
    radius, min_points
        As in :func:`psychomet.numerics.density.dbscan`.

    Raises
    ------
    InputError
        If nothing would be left.
    """
    keys = []
    for block in blocks:
        frame = pd.DataFrame({name: block.cells[name].cat.codes.to_numpy() for name in block.cells.columns})
        frame.insert(0, "\0respondent", block.respondents[block.respondent])
        keys.append(frame)
    whole = pd.concat(keys, ignore_index=True)
    # A column that one scale lacks (sample, say) is not a number there.
    number = whole.groupby(list(whole.columns), dropna=False, sort=False).ngroup().to_numpy()
    ends = np.cumsum([len(frame) for frame in keys])
    places = np.split(number, ends[:-1])
    scores = np.full((int(number.max()) + 1, len(blocks)), np.nan)
    for column, (block, place) in enumerate(zip(blocks, places, strict=True)):
        scores[place, column] = block.values
    judged = np.isfinite(scores).all(axis=1)
    out = np.zeros(len(scores), dtype=bool)
    if judged.any():
        points = principal_scores(scores[judged], count=COMPONENTS)
        out[judged] = dbscan(points, radius=radius, min_points=min_points) == NOISE
    n, gone = int(judged.sum()), int(out.sum())
    if gone == n:
        what = f"all {n} administrations with a score on every scale would be outliers"
        raise InputError("the call", [Fault("eps", what, "Use a larger eps, or a smaller min_points")])
    skipped = len(scores) - n
    more = f" {skipped} without a score on every scale are not judged and stay." if skipped else ""
    text = (
        f"{gone} of {n} administrations ({100 * gone / n:.2f} %) are left out as outliers: noise of DBSCAN (radius {radius:g}, "
        f"{min_points} points) on the first {COMPONENTS} principal components of the scores.{more} Intervals and tests take the "
        "rule as given: what it leaves out was chosen by looking at the scores."
    )
    return Kept(tuple(~out[place] for place in places), Note("outliers_left_out", text))
