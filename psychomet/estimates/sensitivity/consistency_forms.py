"""Answers of one scale to several forms of the same question, matched form by form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.scores.key import Scale
from psychomet.scores.score import Answers
from psychomet.table.design import NOT_APPLICABLE

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Places = NDArray[np.integer]

SAMPLE = "sample"
_SMALL = 127
"""Codes in a range of so many whole numbers are found without sorting, and stand in one byte each."""


class Coded(NamedTuple):
    """Answers as places in the list of codes.

    Attributes
    ----------
    codes : (c,) array
        The different answers, ascending.
    place : (...) array of int
        Place of each answer in ``codes``; -1 where there is none.
    """

    codes: Floats
    place: Places


def coded(values: Floats) -> Coded:
    """Return answers as places in the list of codes."""
    there = np.isfinite(values)
    if not there.any():
        return Coded(np.empty(0), np.full(values.shape, -1, dtype=np.int8))
    low, high = values.min(where=there, initial=np.inf), values.max(where=there, initial=-np.inf)
    if high - low < _SMALL:
        step = np.where(there, values - low, -1.0)
        whole = step.astype(np.int8)
        if np.array_equal(whole, step):
            seen = np.bincount(whole.ravel() + 1, minlength=2)[1:] > 0
            table = np.append(np.cumsum(seen) - 1, -1).astype(np.int8)
            return Coded(low + np.flatnonzero(seen), table[whole])
    codes, place = np.unique(values[there], return_inverse=True)
    found = np.full(values.shape, -1, dtype=np.int8 if codes.size <= _SMALL else np.int32)
    found[there] = place
    return Coded(codes, found)


def as_given(keyed: Coded, scale: Scale) -> Coded | None:
    """Return the answers before reversal; None where arithmetic would not give them back exactly."""
    turned = scale.low + scale.high
    exact = (
        np.isfinite(turned)
        and turned == np.floor(turned)
        and np.array_equal(keyed.codes, np.floor(keyed.codes))
    )
    if not scale.reversed:
        return keyed
    if not exact:
        return None
    codes = np.unique(np.concatenate([keyed.codes, turned - keyed.codes]))
    forward, backward = (
        np.append(np.searchsorted(codes, each), -1).astype(keyed.place.dtype)
        for each in (keyed.codes, turned - keyed.codes)
    )
    place = np.empty_like(keyed.place)
    for at, item in enumerate(scale.items):
        place[:, at] = (backward if item in scale.reversed else forward)[keyed.place[:, at]]
    seen = np.bincount(place.ravel() + 1, minlength=codes.size + 1)[1:] > 0
    table = np.append(np.cumsum(seen) - 1, -1).astype(place.dtype)
    return Coded(codes[seen], table[place])


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
    raw, keyed : Coded of (levels, k, units)
        Codes as given, and keyed. A unit is a respondent under one combination of the other facets.
    unit : (units,) array of int
        Respondent of each unit, 0 ... n - 1.
    who : (n,) array of int
        Position of each respondent in the answers' respondents.
    """

    scale: Scale
    facet: str
    levels: tuple[str, ...]
    raw: Coded
    keyed: Coded
    unit: Codes
    who: Codes

    @property
    def pairs(self) -> Iterator[tuple[int, int, str]]:
        """Positions and names ("a ~ b") of all pairs of levels."""
        for a, b in combinations(range(len(self.levels)), 2):
            yield a, b, f"{self.levels[a]} ~ {self.levels[b]}"

    @property
    def clusters(self) -> tuple[int, str]:
        """Number and kind of the clusters of answers: respondents, or items where there is one respondent."""
        if self.who.size > 1:
            return self.who.size, "respondent"
        return self.raw.place.shape[1], "item"


def by_cluster(found: Forms, cells: NDArray[np.bool_]) -> Floats:
    """Count cells, (k, units) array of bool, by cluster."""
    if found.clusters[1] == "item":
        return cells.sum(axis=1, dtype=np.float64)
    return by_respondent(found, cells)


def by_respondent(found: Forms, cells: NDArray[np.bool_]) -> Floats:
    """Count cells, (k, units) array of bool, by respondent."""
    most = np.int16 if cells.shape[0] < np.iinfo(np.int16).max else np.int64
    found_cells = np.bincount(found.unit, cells.sum(axis=0, dtype=most), minlength=found.who.size)
    return found_cells.astype(np.float64)


def code_counts(answers: Coded, owner: Codes, n: int) -> NDArray[np.int32]:
    """Return how often each owner gave each code, (n, k, levels, codes), of (levels, k, units) answers."""
    levels, k = answers.place.shape[:2]
    width = answers.codes.size + 1
    out = np.empty((n, k, levels, answers.codes.size), dtype=np.int32)
    for level, item in np.ndindex(levels, k):
        # The first column counts what is missing.
        cell = owner * width + (answers.place[level, item] + 1)
        out[:, item, level] = np.bincount(cell, minlength=n * width).reshape(n, width)[:, 1:]
    return out


def groups(cells: pd.DataFrame, by: str | None) -> Iterator[tuple[str, Codes]]:
    """Yield label and rows of all administrations, then of those at each level of a facet."""
    yield "", np.arange(len(cells))
    if by is None:
        return
    codes = cells[by].cat.codes.to_numpy()
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(cells[by].cat.categories) + 1))
    for code, level in enumerate(cells[by].cat.categories):
        rows = order[cuts[code] : cuts[code + 1]]
        if level != NOT_APPLICABLE and rows.size:
            yield f"{by} = {level}", rows


def forms(block: Answers, raw: Coded, keyed: Coded, *, facet: str, rows: Codes) -> Forms | None:
    """Match the answers over the levels of a facet; None where it has fewer than two.

    Parameters
    ----------
    block : Answers
        Keyed answers, a row per administration.
    raw, keyed : Coded of (n_rows, k)
        The same as given, and keyed.
    facet : str
        A facet, or "sample".
    rows : (m,) array of int
        Administrations to use.
    """
    column = block.cells[facet].cat
    codes = column.codes.to_numpy()
    names = np.asarray(column.categories, dtype=object)
    rows = rows[(names != NOT_APPLICABLE)[codes[rows]] & (keyed.place[rows] >= 0).any(axis=1)]
    present, level = np.unique(codes[rows], return_inverse=True)
    if present.size < 2:
        return None
    others = [name for name in block.cells.columns if name != facet]
    frame = pd.DataFrame({name: block.cells[name].cat.codes.to_numpy()[rows] for name in others})
    frame.insert(0, "\0respondent", block.respondent[rows])
    unit = frame.groupby(list(frame.columns), sort=True).ngroup().to_numpy()
    who, respondent = np.unique(block.respondent[rows], return_inverse=True)
    n_units = int(unit.max()) + 1
    filled = []
    for answers in (raw, keyed):
        out = np.full((present.size, answers.place.shape[1], n_units), -1, dtype=answers.place.dtype)
        for item in range(out.shape[1]):
            out[level, item, unit] = answers.place[rows, item]
        filled.append(Coded(answers.codes, out))
    owner = np.zeros(n_units, dtype=np.intp)
    owner[unit] = respondent
    return Forms(block.scale, facet, tuple(map(str, names[present])), filled[0], filled[1], owner, who)
