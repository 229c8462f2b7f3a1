"""Influence values of respondents, gathered over the rows of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.notes import Note

Floats = NDArray[np.float64]

MANY_INFLUENCES = 50_000_000


class Pull(NamedTuple):
    """The influence of some respondents on a row.

    Attributes
    ----------
    row : int
        Position of the row.
    ids : (m,) array of str
        The respondents, each once.
    values : (m,) array
        Influence: the mean over them is 0, sqrt(sum(values^2)) / m about the standard error.
    """

    row: int
    ids: NDArray[Any]
    values: Floats


class Influences(NamedTuple):
    """Influence values as one block.

    Attributes
    ----------
    respondents : (n,) array of str
        Everybody who is in a row.
    rows : (m,) array of int
        Positions of the rows.
    values : (n, m) array
        NaN for respondents who are not in a row.
    """

    respondents: NDArray[Any]
    rows: NDArray[np.intp]
    values: Floats


def gathered(pulls: Sequence[Pull], notes: list[Note]) -> Influences | None:
    """Return the influence values as one block; None where there are none, or too many to keep.

    Parameters
    ----------
    pulls : sequence of Pull
        In the order of the rows; rows without influence are left out.
    notes : list of Note
        Gets a note where the block would be too large.
    """
    if not pulls:
        return None
    everyone = np.unique(np.concatenate([one.ids for one in pulls]))
    if everyone.size * len(pulls) > MANY_INFLUENCES:
        text = f"The influence of {everyone.size} respondents on {len(pulls)} estimates is not kept: a gate compares them unpaired."
        notes.append(Note("influence_not_kept", text, "info"))
        return None
    values = np.full((everyone.size, len(pulls)), np.nan)
    for column, one in enumerate(pulls):
        values[np.searchsorted(everyone, one.ids), column] = one.values
    return Influences(everyone, np.array([one.row for one in pulls], dtype=np.intp), values)
