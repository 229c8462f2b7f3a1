"""How well estimated latents and their graph agree with the true ones, and how well nothing at all would.

Every score is computed on rows that no fit has seen: regressions are fitted on ``train`` and scored on ``test``.
Beside each stand two floors, what noise and what the right blocks turned at random would get, and a ceiling, what
regression of the true latents on the measurements themselves reaches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_ROWS = 1500
"""Rows a kernel ridge regression is fitted on; it costs their cube."""
RIDGES = (1e-3, 1e-2, 1e-1)
"""Ridge penalties tried, the best by the last fifth of the fitted rows."""
FLOORS = 1_718_579_058
"""Joins the seed of the floors, whose numbers would else be those of a simulation with that seed."""


class Scores(NamedTuple):
    """Agreement with the truth on held-out rows.

    Attributes
    ----------
    block : float
        Mean over blocks of R2 of the true latents of a block by kernel ridge regression on its estimates.
    pearson, spearman : float
        Mean absolute correlation of true and matched estimated components (MCC).
    component : float
        Mean R2 of a true component by one-dimensional kernel ridge regression on its matched estimate.
    match : ndarray of int, shape (d,)
        Estimated component of each true one, by Spearman correlation, within blocks.
    """

    block: float
    pearson: float
    spearman: float
    component: float
    match: Ints


class GraphScores(NamedTuple):
    """Edges across blocks against the true ones: wrong or missing edges, precision, recall and their mean F1."""

    shd: int
    precision: float
    recall: float
    f1: float


def kernel_r2(x: Floats, y: Floats, x_test: Floats, y_test: Floats, *, most: int = MOST_ROWS) -> Floats:
    """Return R2 of each column of ``y_test``, predicted by Gaussian kernel ridge regression.

    Parameters
    ----------
    x, y : ndarray, shape (n, p) and (n, q)
        Rows to fit on; the first ``most`` are used.
    x_test, y_test : ndarray, shape (n_test, p) and (n_test, q)
        Rows to score.
    most : int
        Most rows of the fit.

    Returns
    -------
    ndarray, shape (q,)
        1 - residual sum of squares / sum of squares about the mean, of the test rows; it may be below 0.

    Notes
    -----
    x is standardised by the fitted rows, kernel exp(-|a - b|^2 / (2 p)). The ridge is chosen on the last fifth of
    the fitted rows. Where ``y_test`` does not vary, NaN.
    """
    x, y = x[:most], y[:most]
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    a, b = (x - centre) / spread, (x_test - centre) / spread
    middle = y.mean(axis=0)
    kernel = _gauss(a, a)
    cut = max(1, (4 * len(x)) // 5)
    errors = []
    for ridge in RIDGES:
        weights = _solve(kernel[:cut, :cut], y[:cut] - middle, ridge)
        errors.append(float(((y[cut:] - middle - kernel[cut:, :cut] @ weights) ** 2).sum()))
    weights = _solve(kernel, y - middle, RIDGES[int(np.argmin(errors))])
    left = ((y_test - middle - _gauss(b, a) @ weights) ** 2).sum(axis=0)
    whole = ((y_test - y_test.mean(axis=0)) ** 2).sum(axis=0)
    return np.where(whole > 0, 1.0 - left / np.where(whole > 0, whole, 1.0), np.nan)


def _gauss(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.exp(-cdist(a, b, "sqeuclidean") / (2 * a.shape[1])))


def _solve(kernel: Floats, y: Floats, ridge: float) -> Floats:
    return np.asarray(cho_solve(cho_factor(kernel + ridge * np.eye(len(kernel))), y))


def latent_scores(
    truth: Floats, estimate: Floats, *, blocks: Ints, train: NDArray[Any], test: NDArray[Any]
) -> Scores:
    """Score estimated latents whose columns stand block by block like the true ones.

    Parameters
    ----------
    truth, estimate : ndarray, shape (n, d)
        True and estimated latents.
    blocks : ndarray of int, shape (d,)
        Block of each column, the same in both.
    train, test : ndarray
        Rows, as positions or as a mask; the two must not meet.

    Returns
    -------
    Scores

    Notes
    -----
    The matching is an assignment within each block, on the test rows: with d components of a block and n rows its
    optimism is of order d / sqrt(n). MCC matched by Pearson and by Spearman each have their own assignment; the
    component R2 uses that of Spearman, because a component is identified only up to a monotone map.
    """
    pearson = _matched(truth[test], estimate[test], blocks)
    ranks = [rankdata(values[test], axis=0) for values in (truth, estimate)]
    spearman = _matched(ranks[0], ranks[1], blocks)
    block = [
        kernel_r2(
            estimate[train][:, mine], truth[train][:, mine], estimate[test][:, mine], truth[test][:, mine]
        )
        for mine in (blocks == b for b in np.unique(blocks))
    ]
    component = [
        kernel_r2(estimate[train][:, [j]], truth[train][:, [i]], estimate[test][:, [j]], truth[test][:, [i]])[
            0
        ]
        for i, j in enumerate(spearman[1])
    ]
    return Scores(
        float(np.mean([one.mean() for one in block])),
        pearson[0],
        spearman[0],
        float(np.mean(component)),
        spearman[1],
    )


def _matched(truth: Floats, estimate: Floats, blocks: Ints) -> tuple[float, Ints]:
    """Mean absolute correlation of the best assignment within blocks, and the assignment."""
    match = np.zeros(blocks.size, np.int64)
    sizes = np.zeros(blocks.size)
    for b in np.unique(blocks):
        mine = np.flatnonzero(blocks == b)
        a = truth[:, mine] - truth[:, mine].mean(axis=0)
        c = estimate[:, mine] - estimate[:, mine].mean(axis=0)
        norms = np.sqrt(np.outer((a**2).sum(axis=0), (c**2).sum(axis=0)))
        found = np.abs(a.T @ c) / np.where(norms > 0, norms, np.inf)
        rows, columns = linear_sum_assignment(-found)
        match[mine[rows]] = mine[columns]
        sizes[mine[rows]] = found[rows, columns]
    return float(sizes.mean()), match


def graph_scores(
    truth: NDArray[np.bool_], estimate: NDArray[np.bool_], *, blocks: Ints, match: Ints
) -> GraphScores:
    """Score the edges across blocks after the components are matched.

    Parameters
    ----------
    truth, estimate : ndarray of bool, shape (d, d)
        ``[i, j]``: an edge from i to j.
    blocks : ndarray of int, shape (d,)
        Block of each component.
    match : ndarray of int, shape (d,)
        Estimated component of each true one.

    Returns
    -------
    GraphScores
        SHD counts an edge turned round once; precision is 1 where no edge is claimed, recall where none is true.
    """
    found = estimate[np.ix_(match, match)]
    across = blocks[:, None] != blocks[None, :]
    true, claimed = truth & across, found & across
    hits = int((true & claimed).sum())
    differ = (true != claimed) | (true != claimed).T
    shd = int(np.triu(differ, 1).sum())
    precision = hits / claimed.sum() if claimed.any() else 1.0
    recall = hits / true.sum() if true.any() else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return GraphScores(shd, float(precision), float(recall), float(f1))


def noise_floor(
    truth: Floats, *, blocks: Ints, train: NDArray[Any], test: NDArray[Any], seed: int, times: int = 5
) -> Scores:
    """Return the mean scores of estimates that are pure Gaussian noise; the match is that of the last draw.

    A simulation of the same seed does not hold the same noise.
    """
    rng = np.random.default_rng([seed, FLOORS])
    draws = [rng.standard_normal(truth.shape) for _ in range(times)]
    return _mean([latent_scores(truth, d, blocks=blocks, train=train, test=test) for d in draws])


def rotation_floor(
    truth: Floats, *, blocks: Ints, train: NDArray[Any], test: NDArray[Any], seed: int, times: int = 5
) -> Scores:
    """Return the mean scores of the true latents turned at random within each block.

    That is what finding the blocks and nothing within them would give. A score above it, not above 0, is evidence
    that components were found.
    """
    rng = np.random.default_rng([seed, FLOORS])
    found = []
    for _ in range(times):
        turned = truth.copy()
        for b in np.unique(blocks):
            mine = np.flatnonzero(blocks == b)
            turn = np.linalg.qr(rng.standard_normal((mine.size, mine.size)))[0]
            turned[:, mine] = truth[:, mine] @ turn
        found.append(latent_scores(truth, turned, blocks=blocks, train=train, test=test))
    return _mean(found)


def supervised_ceiling(
    truth: Floats, measured: list[Floats], *, blocks: Ints, train: NDArray[Any], test: NDArray[Any]
) -> float:
    """Return mean R2 of the true latents by kernel ridge regression on the measurements of their own block.

    Parameters
    ----------
    truth : ndarray, shape (n, d)
        True latents.
    measured : list of ndarray, shape (n, p_b)
        By block: all measurements that carry it, side by side, without missing values.
    blocks : ndarray of int, shape (d,)
        Block of each latent, counted from 0.
    train, test : ndarray
        Rows.
    """
    return float(
        np.mean(
            [
                kernel_r2(x[train], truth[train][:, blocks == b], x[test], truth[test][:, blocks == b]).mean()
                for b, x in enumerate(measured)
            ]
        )
    )


def _mean(found: list[Scores]) -> Scores:
    values = np.mean([one[:4] for one in found], axis=0)
    block, pearson, spearman, component = (float(v) for v in values)
    return Scores(block, pearson, spearman, component, found[-1].match)
