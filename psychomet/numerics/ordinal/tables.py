"""Contingency tables of all pairs of items: what every estimate from ordered answers is made from.

Counts add up, so that tables of any length are counted block by block: the answers of a block are written as
indicators of (item, category), and all tables of the block are one product of that matrix with itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Indicators are held in single precision, which counts exactly up to 2^24.
_BLOCK_CELLS = 4_000_000


class PairCounts(NamedTuple):
    """Counts of the answers to each item and to each pair of items.

    Attributes
    ----------
    tables : (k, k, c, c) array
        Number of rows with category i of item j and category m of item l at ``[j, l, i, m]``; the answers to
        an item alone stand on the diagonal of ``[j, j]``. 0 beyond an item's categories.
    categories : (k,) array of int
        Categories of each item.
    n : int
        Rows with at least one answer.
    """

    tables: Floats
    categories: Ints
    n: int

    @property
    def margins(self) -> Floats:
        """Answers to each item in each category, (k, c)."""
        own = np.arange(self.tables.shape[0])
        return np.asarray(np.diagonal(self.tables[own, own], axis1=1, axis2=2))


def item_codes(values: Floats) -> tuple[Ints, int]:
    """Return each value's rank among the distinct values of its column (-1 in a hole), and the most ranks."""
    codes = np.full(values.shape, -1, dtype=np.intp)
    most = 0
    for j, column in enumerate(values.T):
        there = ~np.isnan(column)
        levels, place = np.unique(column[there], return_inverse=True)
        codes[there, j] = place
        most = max(most, levels.size)
    return codes, most


def ranked(codes: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Number the categories that occur in each column 0, 1, ... without gaps; -1 stays.

    Parameters
    ----------
    codes : (n, k) array of int
        Category numbers, -1 where there is no answer.

    Returns
    -------
    tuple of (n, k) array and (k,) array
        The new codes, and how many categories each column has.
    """
    k = codes.shape[1]
    width = int(codes.max(initial=0)) + 1
    flat = codes + np.arange(k) * (width + 1) + 1
    seen = np.bincount(flat.ravel(), minlength=k * (width + 1)).reshape(k, width + 1)[:, 1:] > 0
    if seen.all():
        return codes.astype(np.intp, copy=False), np.full(k, width)
    rank = np.concatenate([np.full((k, 1), -1), np.cumsum(seen, axis=1) - 1], axis=1)
    return rank.ravel()[flat], seen.sum(axis=1)


def count_pairs(blocks: Iterable[NDArray[np.integer]], categories: Ints) -> PairCounts:
    """Count all pairs over blocks of rows.

    Parameters
    ----------
    blocks : iterable of (m, k) array of int
        Codes 0, 1, ... below the item's number of categories; -1 where there is no answer.
    categories : (k,) array of int
        Categories of each item.
    """
    k, most = categories.size, int(categories.max(initial=1))
    total, n = np.zeros((k * most, k * most)), 0
    levels = np.arange(most, dtype=np.int16)
    step = max(1, _BLOCK_CELLS // max(1, k * most))
    for block in blocks:
        n += int((block >= 0).any(axis=1).sum())
        for first in range(0, block.shape[0], step):
            part = block[first : first + step].astype(np.int16, copy=False)
            marks = (part[:, :, None] == levels).astype(np.float32).reshape(part.shape[0], k * most)
            total += marks.T @ marks
    return PairCounts(total.reshape(k, most, k, most).transpose(0, 2, 1, 3), categories, n)


def pair_tables(codes: Ints, n_codes: int, *, weights: Floats) -> Floats:
    """Return the weighted table of every pair of columns, for b sets of weights of the rows.

    Parameters
    ----------
    codes : (n, k) array of int
        Codes, -1 where there is no answer.
    n_codes : int
        Categories c of a table.
    weights : (b, n) array
        Weights of the rows.

    Returns
    -------
    (b, p, c, c) array
        Pairs in the order of ``numpy.triu_indices(k, 1)``.
    """
    rows, columns = np.triu_indices(codes.shape[1], 1)
    out = np.empty((weights.shape[0], rows.size, n_codes**2))
    for at, (j, other) in enumerate(zip(rows, columns, strict=True)):
        there = (codes[:, j] >= 0) & (codes[:, other] >= 0)
        cell = codes[there, j] * n_codes + codes[there, other]
        member = np.zeros((cell.size, n_codes**2))
        member[np.arange(cell.size), cell] = 1.0
        out[:, at] = weights[:, there] @ member
    return out.reshape(*out.shape[:2], n_codes, n_codes)
