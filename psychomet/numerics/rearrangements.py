"""Uniform rearrangements of rows, within strata or not: independent ones, and circles that share one of them.

A circle is a^0 s, a^1 s, ..., a^(g-1) s of a uniform permutation s, where a moves blocks of positions round. Its members are
uniform each, and form with other circles an exchangeable set; :mod:`psychomet.numerics.permutation` says what for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_LOSS = 0.02
_TAIL = 1.1
_MOST_SHARED = 32
# Cells of the largest array: 16 MB.
_CELLS = 2_000_000
# Rows of a block that stay in a processor's cache between shuffling and product.
_BLOCK_CELLS = 125_000


class Strata(NamedTuple):
    """Rows in random order, strata side by side: ``order`` (n,), and sizes of the strata, ascending."""

    order: Codes
    sizes: Codes


def permuted_rows(
    values: ArrayLike, *, n_permutations: int, seed: int, strata: ArrayLike | None = None
) -> Iterator[Floats]:
    """Yield independent uniform permutations of (n,) values, block by block, for statistics that are no products.

    Parameters
    ----------
    values : (n,) array
        What is permuted.
    n_permutations : int
        How many rows all blocks have together.
    seed : int
        Seed of the permutations.
    strata : (n,) array, optional
        Labels; permuted within strata only.

    Yields
    ------
    (b, n) array
        Overwritten by the next block.
    """
    moved = finite(values, "values")
    rng = np.random.default_rng(seed)
    plan = arranged(moved.size, strata, rng)
    back = np.argsort(plan.order)
    for block in shuffles(moved[plan.order], plan.sizes, n_permutations, rng):
        yield block if strata is None else block[:, back]


def shared_by(sizes: Codes, *, n_copies: int = 1) -> int:
    """Return how many rearrangements may share a random permutation: a power of two.

    Parameters
    ----------
    sizes : (s,) array
        Sizes of the strata.
    n_copies : int
        How many partners are kept in so many orders.
    """
    n = int(sizes.sum())
    moving = sizes[sizes > 1]
    shared = 1
    for g in 2 ** np.arange(1, int(np.log2(_MOST_SHARED)) + 1):
        if not moving.size or g * n * n_copies > _CELLS:
            break
        # Positions that a turn leaves in place make members alike; one that moves all makes them slightly unlike.
        alike = (moving % g) / moving - 1 / (moving - 1)
        if moving.min() >= g and (g - 1) * (np.max(alike**2) + _TAIL / n) <= _LOSS:
            shared = int(g)
    return shared


def turns(sizes: Codes, shared: int) -> Codes:
    """Return the orders a^0, a^1, ..., (shared, n): within each stratum blocks of m // shared positions move round.

    They form a group: any two of them after another are a third. Positions beyond the last whole block stay.
    """
    n = int(sizes.sum())
    orders = np.tile(np.arange(n), (shared, 1))
    start = 0
    for size in sizes.tolist():
        width = size // shared
        circle = np.arange(start, start + width * shared).reshape(shared, width)
        for turn in range(shared):
            orders[turn, start : start + width * shared] = np.roll(circle, turn, axis=0).ravel()
        start += size
    return orders


def shuffles(start: Floats, sizes: Codes, n_rows: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield (b, n) blocks of independent uniform permutations within the strata; the array is used again."""
    step = max(1, min(n_rows, _BLOCK_CELLS // max(start.size, 1)))
    block = np.empty((step, start.size))
    unequal, counts = np.unique(sizes, return_counts=True)
    for done in range(0, n_rows, step):
        rows = block[: min(step, n_rows - done)]
        rows[:] = start
        left = 0
        for size, count in zip(unequal.tolist(), counts.tolist(), strict=True):
            if size > 1:
                here = rows[:, left : left + size * count]
                # Strata of one size are shuffled in one call.
                held = here.reshape(len(rows), count, size)
                here[:] = rng.permuted(held, axis=2).reshape(here.shape)
            left += size * count
        yield rows


def arranged(n: int, strata: ArrayLike | None, rng: np.random.Generator) -> Strata:
    """Put the rows in random order, strata side by side, those of one size next to each other."""
    order = rng.permutation(n).astype(np.intp)
    if strata is None:
        return Strata(order, np.array([n], dtype=np.intp))
    labels = labels_of(strata, n, "strata")
    sizes = np.bincount(labels)
    place = np.empty_like(sizes)
    place[np.argsort(sizes, kind="stable")] = np.arange(sizes.size)
    return Strata(
        order[np.argsort(place[labels[order]], kind="stable")], np.sort(sizes, kind="stable").astype(np.intp)
    )


def finite(values: ArrayLike, name: str) -> Floats:
    """Return the values as (n,) floats; ValueError where they are fewer than two, not in a row, or not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < 2 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be two finite numbers or more in one dimension")
    return array


def labels_of(labels: ArrayLike, n: int, name: str) -> Codes:
    """Return labels as codes from 0, (n,); ValueError where there is not one per row."""
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"{name} must have one label per row")
    return np.asarray(np.unique(array, return_inverse=True)[1], dtype=np.intp)
