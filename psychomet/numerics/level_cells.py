"""Scores arranged by respondent and level: who met what, and the mean of each meeting."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Relation = Literal["between", "within", "mixed"]


class LevelCells(NamedTuple):
    """One cell per respondent and level that met, ordered by respondent, then level; shapes (cells,).

    Attributes
    ----------
    respondent, level : array of int
        Codes.
    mean : array
        Mean of the single scores in the cell.
    noise : array
        Their variance, with their count as divisor.
    n_levels : int
        L; every level occurs.
    n_respondents, n_complete : int
        Respondents with any cell, and those with all L.
    relation : {"between", "within", "mixed"}
        ``between``: each respondent has one cell; ``within``: each has all L; ``mixed``: neither.
    """

    respondent: Codes
    level: Codes
    mean: Floats
    noise: Floats
    n_levels: int
    n_respondents: int
    n_complete: int
    relation: Relation


def level_cells(scores: Floats, *, respondent: Codes, level: Codes, n_levels: int) -> LevelCells:
    """Average single scores within respondents and levels.

    Parameters
    ----------
    scores : (n_rows,) array
        No missing value.
    respondent : (n_rows,) array of int
        Code of the respondent, from 0.
    level : (n_rows,) array of int
        Code 0 ... n_levels - 1; each occurs.
    n_levels : int
        L, at least 2.
    """
    codes, cell = np.unique(np.asarray(respondent, dtype=np.int64) * n_levels + level, return_inverse=True)
    count = np.bincount(cell)
    # Sums about one of the cell's own scores: a cell whose scores are equal has exactly no variance.
    first = np.empty(codes.size)
    first[cell] = scores
    offset = np.bincount(cell, scores - first[cell]) / count
    mean = first + offset
    noise = np.bincount(cell, (scores - first[cell] - offset[cell]) ** 2) / count
    who = codes // n_levels
    met = np.bincount(who)
    met = met[met > 0]
    n_complete = int(np.count_nonzero(met == n_levels))
    relation: Relation = "between" if (met == 1).all() else "within" if n_complete == met.size else "mixed"
    return LevelCells(who, codes % n_levels, mean, noise, n_levels, met.size, n_complete, relation)


def complete_cells(cells: LevelCells) -> tuple[Floats, Floats]:
    """Return means and noise of the respondents with all levels, each of shape (n_complete, L)."""
    complete = np.bincount(cells.respondent)[cells.respondent] == cells.n_levels
    shape = (cells.n_complete, cells.n_levels)
    return cells.mean[complete].reshape(shape), cells.noise[complete].reshape(shape)
