"""Cumulative logits of answers collapsed to cells: what the likelihood needs of repeated answers is one count per
threshold.

Answers in one cell share a linear predictor eta. An answer in category c touches the thresholds below and above it, and

    log P(c) = log sigma(eta + d_c) + log sigma(eta + d_(c+1)) - (eta + d_(c+1)) + log(1 - exp(-(d_c - d_(c+1))))

for intercepts d_1 > d_2 > ...: with G the number of answers that touch a threshold, the likelihood is the sum over cells
and thresholds of -G log(1 + exp(-eta) exp(-d)), and terms linear in eta and d. One exponential per cell, one logarithm
and one division per cell and threshold; no logarithm of a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class AnswerCells(NamedTuple):
    """Counts of collapsed answers; cells are numbered from 0.

    Attributes
    ----------
    touched : ndarray, shape (thresholds, cells)
        Answers next to the threshold, from below or from above.
    stopped : ndarray, shape (cells,)
        Answers in another than the highest category.
    above : ndarray, shape (sets, thresholds)
        Answers with the threshold next above them.
    middle : ndarray, shape (sets, thresholds - 1)
        Answers in the category between two thresholds.
    chosen : ndarray, shape (cells,)
        The set of thresholds of every cell.
    """

    touched: Floats
    stopped: Floats
    above: Floats
    middle: Floats
    chosen: Ints


class CellLikelihood(NamedTuple):
    """Log-likelihood and its gradient.

    Attributes
    ----------
    value : float
        Sum over answers.
    predictor : ndarray, shape (cells,)
        Derivative by the linear predictors.
    intercept : ndarray, shape (sets, thresholds)
        Derivative by the intercepts.
    """

    value: float
    predictor: Floats
    intercept: Floats


def answer_cells(codes: Ints, *, cell: Ints, categories: int, chosen: Ints) -> AnswerCells:
    """Collapse answers to the counts of their cells.

    Parameters
    ----------
    codes : (rows,) array of int
        Categories 0, 1, ..., -1 where an answer is missing: it contributes nothing.
    cell : (rows,) array of int
        Cell of every answer.
    categories : int
        Number of categories, 2 or more.
    chosen : (cells,) array of int
        Set of thresholds of every cell (by item, say; zeros where all share one).

    Raises
    ------
    ValueError
        If a code is not a category, or a cell has no set.
    """
    codes, cell, chosen = (np.asarray(part, dtype=np.int64) for part in (codes, cell, chosen))
    if categories < 2 or (codes < -1).any() or (codes >= categories).any():
        raise ValueError("a code is not a category")
    if cell.size and (cell.min() < 0 or cell.max() >= len(chosen)):
        raise ValueError("a cell has no set of thresholds")
    there = codes >= 0
    flat = cell[there] * categories + codes[there]
    count = np.bincount(flat, minlength=len(chosen) * categories).reshape(-1, categories).astype(float)
    by_set = np.zeros((int(chosen.max(initial=0)) + 1, categories))
    np.add.at(by_set, chosen, count)
    touched = np.ascontiguousarray((count[:, :-1] + count[:, 1:]).T)
    return AnswerCells(touched, count[:, :-1].sum(1), by_set[:, :-1], by_set[:, 1:-1], chosen)


def cell_log_likelihood(cells: AnswerCells, predictor: Floats, *, intercept: Floats) -> CellLikelihood:
    """Log-likelihood of linear predictors and intercepts, and its gradient.

    Parameters
    ----------
    cells : AnswerCells
        Of :func:`answer_cells`.
    predictor : (cells,) array
        eta; larger for higher categories.
    intercept : (sets, thresholds) array
        Falling along each row (elsewhere, or where eta + d is below -700, the value is minus infinity and the gradient 0).

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B, 42, 109-142.
    https://doi.org/10.1111/j.2517-6161.1980.tb01109.x
    """
    gap = intercept[:, :-1] - intercept[:, 1:]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        inverse_odds = np.exp(-intercept)
        one = len(intercept) == 1
        work = inverse_odds.T if one else np.take(np.ascontiguousarray(inverse_odds.T), cells.chosen, axis=1)
        work = work * np.exp(-predictor)
        work += 1
        value = -np.vdot(cells.touched, np.log(work)) - cells.stopped @ predictor
        value += float(np.sum(cells.middle * np.log(-np.expm1(-gap)))) - np.sum(cells.above * intercept)
    if not np.isfinite(value) or not (gap > 0).all():
        return CellLikelihood(-np.inf, np.zeros_like(predictor), np.zeros_like(intercept))
    pull = np.subtract(cells.touched, cells.touched / work, out=work)
    if one:
        by_intercept = pull.sum(1)[None] - cells.above
    else:
        sets = len(intercept)
        by_set = [np.bincount(cells.chosen, weights=row, minlength=sets) for row in pull]
        by_intercept = np.stack(by_set, axis=1) - cells.above
    step = cells.middle * np.exp(-gap) / -np.expm1(-gap)
    by_intercept[:, :-1] += step
    by_intercept[:, 1:] -= step
    return CellLikelihood(float(value), pull.sum(0) - cells.stopped, by_intercept)


def effects_in_cells(effects: Sequence[Floats], *, codes: Sequence[Ints]) -> Floats:
    """Sum, for every cell, the effects of its levels; shape (cells,).

    Parameters
    ----------
    effects : sequence of (levels,) array
        One per facet or interaction.
    codes : sequence of (cells,) array of int
        The level of every cell, for each.
    """
    total = effects[0][codes[0]]
    for effect, code in zip(effects[1:], codes[1:], strict=True):
        total += effect[code]
    return total


def cells_in_effects(
    by_predictor: Floats, *, codes: Sequence[Ints], levels: Sequence[int]
) -> tuple[Floats, ...]:
    """Take derivatives by linear predictors to derivatives by effects, one array per facet or interaction.

    Parameters
    ----------
    by_predictor : (cells,) array
        Of :func:`cell_log_likelihood`.
    codes : sequence of (cells,) array of int
        As in :func:`effects_in_cells`.
    levels : sequence of int
        Number of levels of each.
    """
    return tuple(
        np.asarray(np.bincount(code, weights=by_predictor, minlength=size), dtype=np.float64)
        for code, size in zip(codes, levels, strict=True)
    )
