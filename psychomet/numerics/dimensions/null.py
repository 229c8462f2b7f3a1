"""Correlation matrices of items that have nothing in common: what eigenvalues chance alone gives.

Under normality the sums of squares and products of n rows about their means are Wishart with n - 1 degrees of
freedom, and Bartlett's decomposition draws them without any rows: T T' with T lower triangular, normal below
the diagonal and chi on it. That costs k^2 / 2 numbers per matrix instead of n k, whatever n.

References
----------
Smith, W. B. and Hocking, R. R. (1972). Algorithm AS 53: Wishart variate generator. Journal of the Royal
Statistical Society C, 21(3), 341-345. https://doi.org/10.2307/2346290

Horn, J. L. (1965). A rationale and test for the number of factors in factor analysis. Psychometrika, 30,
179-185. https://doi.org/10.1007/BF02289447

Buja, A. and Eyuboglu, N. (1992). Remarks on parallel analysis. Multivariate Behavioral Research, 27(4), 509-540.
https://doi.org/10.1207/s15327906mbr2704_2
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.ordinal.answers import polychoric

Floats = NDArray[np.float64]

_BLOCK_CELLS = 1_000_000


def normal_correlations(n: int, k: int, *, n_replicates: int, seed: int) -> Iterator[Floats]:
    """Yield correlation matrices of k uncorrelated normal items in n rows.

    Parameters
    ----------
    n, k : int
        Rows (at least 3) and items.
    n_replicates : int
        Matrices in all.
    seed : int
        Seed of the draws.

    Yields
    ------
    (b, k, k) array
    """
    rng = np.random.default_rng(seed)
    step = max(1, _BLOCK_CELLS // k**2)
    low = np.tril_indices(k, -1)
    at = np.arange(k)
    for first in range(0, n_replicates, step):
        size = min(step, n_replicates - first)
        if n - 1 < k:
            rows = rng.standard_normal((size, n, k))
            rows -= rows.mean(axis=1, keepdims=True)
            rows /= np.sqrt((rows**2).sum(axis=1, keepdims=True))
            yield rows.swapaxes(1, 2) @ rows
            continue
        root = np.zeros((size, k, k))
        root[:, low[0], low[1]] = rng.standard_normal((size, low[0].size))
        root[:, at, at] = np.sqrt(rng.chisquare(n - 1 - at, size=(size, k)))
        root /= np.sqrt((root**2).sum(axis=2, keepdims=True))
        yield root @ root.swapaxes(1, 2)


def permuted_correlations(
    values: Floats, *, n_replicates: int, seed: int, ordinal: bool = False
) -> Iterator[Floats]:
    """Yield correlation matrices of the answers, those of every item shuffled among the rows that have one.

    Parameters
    ----------
    values : (n, k) array
        NaN where there is none; holes stay where they are.
    n_replicates : int
        Matrices in all.
    seed : int
        Seed of the shuffles.
    ordinal : bool
        Whether to yield polychoric correlations of the codes.

    Yields
    ------
    (b, k, k) array
        Each item keeps its distribution, and nothing else. A pair that lacks common rows has NaN.
    """
    rng = np.random.default_rng(seed)
    there = ~np.isnan(values)
    if ordinal:
        for _ in range(n_replicates):
            yield polychoric(_shuffled(values, there, rng)).correlation[None]
        return
    count = there.sum(axis=0)
    centre = np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    z = np.where(there, values - centre, 0.0)
    complete = bool(there.all())
    z = z / np.sqrt(np.maximum((z**2).sum(axis=0), 1e-300))
    for _ in range(n_replicates):
        moved = rng.permuted(z, axis=0) if complete else _shuffled(z, there, rng)
        cross = moved.T @ moved
        if not complete:
            cross = _pairwise(moved, there)
        np.fill_diagonal(cross, 1.0)
        yield cross[None]


def _shuffled(values: Floats, there: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Shuffle every column among its own answers."""
    out = values.copy()
    for column in range(values.shape[1]):
        mine = there[:, column]
        out[mine, column] = rng.permutation(values[mine, column])
    return out


def _pairwise(z: Floats, there: NDArray[np.bool_]) -> Floats:
    """Correlations of each pair in its common rows; z is 0 in a hole."""
    has = there.astype(np.float64)
    count = np.maximum(has.T @ has, 1)
    total, square = z.T @ has, (z**2).T @ has
    products = z.T @ z - total * total.T / count
    squares = square - total**2 / count
    lengths = np.sqrt(np.maximum(squares * squares.T, 0.0))
    out = np.full(products.shape, np.nan)
    np.divide(products, lengths, out=out, where=lengths > 0)
    return np.clip(out, -1.0, 1.0)
