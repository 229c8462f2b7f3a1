"""Answers of one scale to several forms of the same question, matched form by form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.scores.key import Scale
from psychomet.scores.score import Answers
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.reduce import Block

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

SAMPLE = "sample"


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Answers matched over the levels of a facet, everything else the same.

    Parameters
    ----------
    scale : Scale
        The scale.
    facet : str
        What differs: a facet, or "sample" for repeated draws under identical conditions.
    levels : tuple of str
        The forms.
    raw, keyed : (units, levels, k) array
        Codes as given, and keyed; NaN where there is none. A unit is a respondent under one combination of the
        other facets.
    unit : (units,) array of int
        Respondent of each unit, 0 ... n - 1.
    who : (n,) array of int
        Position of each respondent in the answers' respondents.
    """

    scale: Scale
    facet: str
    levels: tuple[str, ...]
    raw: Floats
    keyed: Floats
    unit: Codes
    who: Codes

    @property
    def pairs(self) -> Iterator[tuple[int, int, str]]:
        """Positions and names ("a ~ b") of all pairs of levels."""
        for a, b in combinations(range(len(self.levels)), 2):
            yield a, b, f"{self.levels[a]} ~ {self.levels[b]}"

    @property
    def clusters(self) -> tuple[NDArray[np.intp], int, str]:
        """Cluster of every answer, (units, k), their number and kind: respondents, or items where there is one respondent."""
        units, _, k = self.raw.shape
        if self.who.size > 1:
            return np.broadcast_to(self.unit[:, None], (units, k)), self.who.size, "respondent"
        return np.broadcast_to(np.arange(k), (units, k)), k, "item"


def groups(cells: pd.DataFrame, by: str | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield label and rows of all administrations, then of those at each level of a facet."""
    yield "", np.ones(len(cells), dtype=bool)
    if by is None:
        return
    codes = cells[by].cat.codes.to_numpy()
    for code, level in enumerate(cells[by].cat.categories):
        if level != NOT_APPLICABLE and (codes == code).any():
            yield f"{by} = {level}", codes == code


def forms(keyed: Answers, raw: Block, facet: str, inside: NDArray[np.bool_]) -> Forms | None:
    """Match the answers over the levels of a facet; None where it has fewer than two.

    Parameters
    ----------
    keyed : Answers
        Keyed answers, a row per administration.
    raw : Block
        The same as given.
    facet : str
        A facet, or "sample".
    inside : (n_rows,) array of bool
        Administrations to use.
    """
    column = keyed.cells[facet].cat
    codes = column.codes.to_numpy().astype(np.intp)
    names = np.asarray(column.categories, dtype=object)
    applies = inside & (names[codes] != NOT_APPLICABLE) & np.isfinite(keyed.values).any(axis=1)
    present, level = np.unique(codes[applies], return_inverse=True)
    if present.size < 2:
        return None
    others = [name for name in keyed.cells.columns if name != facet]
    frame = pd.DataFrame({name: keyed.cells[name].cat.codes.to_numpy()[applies] for name in others})
    frame.insert(0, "\0respondent", keyed.respondent[applies])
    unit = frame.groupby(list(frame.columns), sort=True).ngroup().to_numpy()
    who, respondent = np.unique(keyed.respondent[applies], return_inverse=True)
    shape = (int(unit.max()) + 1, present.size, keyed.values.shape[1])
    filled = [np.full(shape, np.nan) for _ in range(2)]
    for out, values in zip(filled, (raw.values, keyed.values), strict=True):
        out[unit, level] = values[applies]
    owner = np.zeros(shape[0], dtype=np.intp)
    owner[unit] = respondent
    return Forms(keyed.scale, facet, tuple(map(str, names[present])), filled[0], filled[1], owner, who)
