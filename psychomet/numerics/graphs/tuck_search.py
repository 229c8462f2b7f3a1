"""Greedy relaxation of the sparsest permutation (GRaSP) over blocks of columns, with background knowledge.

Given an order, each feature takes its parents from those before it (:mod:`.order_scores`). A tuck takes an edge x -> y and moves y,
and what of y's ancestors stands between the two, before x. The search makes tucks that raise the score; where none does, it looks up
to some tucks deep through orders of the same score: first any tuck, then such that turn a covered edge (all other parents of y are
parents of x), which leave the class of the graph as it is where the score is consistent. An order in which a required cause does not
stand before its effect has the score minus infinity, and is never entered.

References
----------
Lam, W.-Y., Andrews, B. and Ramsey, J. (2022). Greedy relaxations of the sparsest permutation algorithm. Uncertainty in Artificial
Intelligence, 1052-1062. https://doi.org/10.48550/arXiv.2206.05421
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psychomet.numerics.graphs.marks import Bools
from psychomet.numerics.graphs.order_scores import Scores, grown
from psychomet.numerics.graphs.order_search import graph_of

Flips = frozenset[tuple[int, int]]
Local = list[tuple[float, tuple[int, ...]]]

DEPTH = 3
_GAIN = 1e-6


def tucked_order(
    search: Scores, *, starts: Sequence[Sequence[int]], rng: np.random.Generator, depth: int = DEPTH
) -> Bools:
    """Return the graph (children) of the best order found from several starts.

    Parameters
    ----------
    search : Scores
        The table, the penalty and what must and must not be.
    starts : sequences of int
        First orders. Required causes stand before their effects.
    rng : numpy.random.Generator
        For the order in which edges are tried.
    depth : int
        Tucks made one after the other without a gain, at the most, before a gain.
    """
    best, best_score = list(starts[0]), -np.inf
    for start in starts:
        order = list(start)
        while (better := _improved(search, order, depth, frozenset(), [], rng)) is not None:
            order = better
        score = sum(one[0] for one in _local(search, order, 0, len(order)))
        if score > best_score + _GAIN:
            best, best_score = order, score
    return graph_of(search, best)


def _local(search: Scores, order: Sequence[int], start: int, end: int) -> Local:
    """Return score and parents of the features at some places of an order."""
    prefix = set(order[:start])
    found = []
    for one in order[start:end]:
        found.append(grown(search, one, frozenset(prefix)))
        prefix.add(one)
    return found


def _improved(
    search: Scores, order: list[int], depth: int, flipped: Flips, seen: list[Flips], rng: np.random.Generator
) -> list[int] | None:
    """Return a better order that some tucks lead to; None where there is none."""
    local = _local(search, order, 0, len(order))
    place = {one: at for at, one in enumerate(order)}
    for end in rng.permutation(len(order)).tolist():
        parents = local[end][1]
        for cause in rng.permutation(np.array(parents, dtype=np.intp)).tolist():
            start = place[cause]
            if seen and {cause, *local[start][1]} != set(parents):
                continue
            made = _tucked(order, local, start, end)
            after = _local(search, made, start, end + 1)
            gain = sum(one[0] for one in after) - sum(one[0] for one in local[start : end + 1])
            if gain > _GAIN:
                return made
            if gain < -_GAIN or depth <= 1:
                continue
            now = flipped ^ _turned(order, local, made, after, start)
            if not now or now in seen:
                continue
            deeper = _improved(search, made, depth - 1, now, [*seen, now], rng)
            if deeper is not None:
                return deeper
    return None


def _tucked(order: list[int], local: Local, start: int, end: int) -> list[int]:
    """Move the feature at a place, and its ancestors on the way, before the one at an earlier place."""
    above = {order[end]}
    for at in range(end, start, -1):
        if order[at] in above:
            above.update(local[at][1])
    between = order[start + 1 : end + 1]
    moved = [one for one in between if one in above]
    return [
        *order[:start], *moved, order[start], *(one for one in between if one not in above), *order[end + 1 :]
    ]  # fmt: skip


def _turned(order: list[int], local: Local, made: list[int], after: Local, start: int) -> Flips:
    """Return the pairs whose edge points the other way than before."""
    old = {
        (cause, one)
        for one, (_, parents) in zip(order[start:], local[start:], strict=True)
        for cause in parents
    }
    return frozenset(
        (min(cause, one), max(cause, one))
        for one, (_, parents) in zip(made[start:], after, strict=False)
        for cause in parents
        if (one, cause) in old
    )
