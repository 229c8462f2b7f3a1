"""The cross-products of a mixed model: all that its likelihood needs of the rows.

The term with most columns is held as blocks, one per level, which are eliminated first; the columns of the other
terms are held densely. What a step of the optimiser costs does then not depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

MOST_DENSE = 4000  # columns of the terms that are not eliminated
MOST_WHOLE = 60_000  # elements of theta times squared random effects up to which whole matrices are quicker
MOST_FILLED = 2_000_000  # numbers in a Z that is held with its zeros
MOST_CROSS = 40_000_000  # numbers in the cross-product of the first term with the others
DEPENDENT = 1e-10  # length of a column after the others are taken out, as a share of its own


class RandomTerm(NamedTuple):
    """Random effects that share a grouping factor.

    Attributes
    ----------
    codes : (N,) array of int
        Level of the grouping factor; any whole numbers.
    columns : (N, r) array, optional
        What the effects multiply; None for a random intercept. With r > 1 the effects of one level have an
        unrestricted covariance matrix; two terms with the same codes are independent of each other.
    """

    codes: ArrayLike
    columns: ArrayLike | None = None


class Block(NamedTuple):
    """One random term: its position among those given, number of levels and of columns, and 0-based levels."""

    place: int
    levels: int
    width: int
    code: Codes
    columns: Floats


class System(NamedTuple):
    """Cross-products of a table.

    ``blocks`` are the terms, the one eliminated first at the front. ``first`` (L, r, r) is Z1'Z1 by level,
    ``between`` (L r, q2) is Z1'Z2, ``rest`` (q2, q2) is Z2'Z2, ``right`` (q, p + 1) is Z'[Q, e] where X = Q R and e
    are the residuals of least squares; ``total`` is e'e. Where the random effects are few ``whole`` is Z'Z and the first
    three are empty; elsewhere ``whole`` is empty.
    """

    blocks: tuple[Block, ...]
    first: Floats
    between: Floats
    rest: Floats
    right: Floats
    triangle: Floats
    ordinary: Floats
    total: float
    rows: int
    whole: Floats


def set_up(y: ArrayLike, *, fixed: ArrayLike, random: Sequence[RandomTerm]) -> System:
    """Return the cross-products of a table.

    Parameters
    ----------
    y : (N,) array
        Response.
    fixed : (N, p) array
        Columns of the fixed effects, the intercept among them.
    random : sequence of RandomTerm
        At least one.

    Raises
    ------
    ValueError
        If numbers are missing or infinite, the fixed columns depend on each other, a term has as many columns as
        there are rows, or the crossed levels are too many.
    """
    response, design = np.asarray(y, dtype=float), np.asarray(fixed, dtype=float)
    rows, p = design.shape
    if not (np.isfinite(response).all() and np.isfinite(design).all()):
        raise ValueError("the response and the fixed effects must be finite")
    if rows <= p:
        raise ValueError(f"{rows} rows cannot carry {p} fixed effects")
    q, triangle = np.linalg.qr(design)
    size = np.sqrt((design**2).sum(axis=0))
    if (np.abs(np.diag(triangle)) <= DEPENDENT * size).any():
        raise ValueError("the columns of the fixed effects depend on each other")
    ordinary = q.T @ response
    rest = response - q @ ordinary
    # Twice is enough: the second pass takes out what rounding of a far-off mean left in.
    again = q.T @ rest
    rest, ordinary = rest - q @ again, ordinary + again
    blocks = _blocks(random, rows)
    both = np.column_stack([q, rest])
    shared = (triangle, ordinary, float(rest @ rest), rows)
    if _few(blocks):
        whole, right = _products(blocks, both)
        none = np.empty((0, 0))
        return System(blocks, np.empty((0, 0, 0)), none, none, right, *shared, whole)
    z = [_columns(block) for block in blocks]
    others = sparse.hstack(z[1:]).tocsr() if z[1:] else sparse.csr_matrix((rows, 0))
    if others.shape[1] > MOST_DENSE or z[0].shape[1] * others.shape[1] > MOST_CROSS:
        raise ValueError(f"{others.shape[1]} columns of crossed random effects are more than fit")
    return System(
        blocks, _by_level(blocks[0]), (z[0].T @ others).toarray(), (others.T @ others).toarray(),
        np.concatenate([z[0].T @ both, others.T @ both]), *shared, np.empty((0, 0)),
    )  # fmt: skip


def _few(blocks: tuple[Block, ...]) -> bool:
    """Whether whole matrices with exact second derivatives are quicker than blocks."""
    q = sum(block.levels * block.width for block in blocks)
    return q**2 * sum(block.width * (block.width + 1) // 2 for block in blocks) <= MOST_WHOLE


def _products(blocks: tuple[Block, ...], both: Floats) -> tuple[Floats, Floats]:
    """Z'Z and Z' times a matrix; small tables need no sparse matrices, which cost more than the sums."""
    rows, q = both.shape[0], sum(block.levels * block.width for block in blocks)
    if rows * q > MOST_FILLED:
        z = sparse.hstack([_columns(block) for block in blocks]).tocsr()
        return (z.T @ z).toarray(), z.T @ both
    filled, at = np.zeros((rows, q)), 0
    for block in blocks:
        for j in range(block.width):
            filled[np.arange(rows), at + block.code * block.width + j] = block.columns[:, j]
        at += block.levels * block.width
    return filled.T @ filled, filled.T @ both


def _blocks(random: Sequence[RandomTerm], rows: int) -> tuple[Block, ...]:
    """Number the levels of every term, and put the one with most columns first."""
    if not random:
        raise ValueError("a mixed model needs a random term")
    found = []
    for place, term in enumerate(random):
        levels, code = np.unique(np.asarray(term.codes), return_inverse=True)
        columns = np.ones((rows, 1)) if term.columns is None else np.asarray(term.columns, dtype=float)
        if code.shape != (rows,) or columns.shape[0] != rows or columns.ndim != 2:
            raise ValueError(f"random term {place} has not one level and one row of columns for each row")
        if not np.isfinite(columns).all():
            raise ValueError(f"the columns of random term {place} must be finite")
        if levels.size * columns.shape[1] >= rows:
            raise ValueError(
                f"random term {place} has {levels.size * columns.shape[1]} effects for {rows} rows: "
                "it cannot be told from the residual"
            )
        if levels.size < 2:
            raise ValueError(f"random term {place} has one level: it cannot be told from the intercept")
        found.append(Block(place, levels.size, columns.shape[1], code.reshape(-1), columns))
    return tuple(sorted(found, key=lambda block: -block.levels * block.width))


def _columns(block: Block) -> sparse.csr_matrix:
    """Return Z of a term, level by level."""
    rows, width = block.columns.shape
    at = (block.code[:, None] * width + np.arange(width)).reshape(-1)
    start = np.arange(0, rows * width + 1, width)
    return sparse.csr_matrix((block.columns.reshape(-1), at, start), shape=(rows, block.levels * width))


def _by_level(block: Block) -> Floats:
    """Return the cross-product of the columns of a term within each of its levels."""
    out = np.zeros((block.levels, block.width, block.width))
    for i in range(block.width):
        for j in range(block.width):
            product = block.columns[:, i] * block.columns[:, j]
            out[:, i, j] = np.bincount(block.code, product, minlength=block.levels)
    return out
