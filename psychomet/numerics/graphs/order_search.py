r"""Best order score search (BOSS) over blocks of columns, with background knowledge.

Given an order, each feature takes parents from those before it by adding the one that raises its score the most until none
does, and then taking out those whose loss raises it (grow and shrink). Features are moved one by one to the place of the order where the
sum of scores is highest, until no move helps. The score is BIC of jointly normal blocks,

.. math:: -\tfrac n2 \log|S_{vv \cdot pa}| - \tfrac{\lambda}{2} \log(n) \, d_v \, d_{pa}

which is the degenerate Gaussian score where blocks hold indicators. All orders of parents grown for a feature are kept in a tree, so
that nothing is scored twice. A forbidden parent is never offered, a required one is always there.

References
----------
Andrews, B., Ramsey, J., Sanchez Romero, R., Camchong, J. and Kummerfeld, E. (2023). Fast scalable and accurate discovery of DAGs
using the best order score search and grow shrink trees. Advances in Neural Information Processing Systems, 36.
https://doi.org/10.48550/arXiv.2310.17679
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.graphs.block_independence import log_determinant, partial_covariance
from psychomet.numerics.graphs.marks import Bools

Floats = NDArray[np.float64]
Blocks = Sequence[NDArray[np.intp]]

_RISE = 1e-9  # smallest gain that counts: rounding of a log determinant
_MOVE = 1e-6


@dataclass(slots=True)
class _Branch:
    """What was grown after some parents: the next ones from best to worst, and what shrinking left."""

    score: float
    branches: list[tuple[int, _Branch]] | None = None
    kept: tuple[int, ...] | None = None
    kept_score: float = 0.0


@dataclass(slots=True)
class _Search:
    """What stays the same while orders are searched, and what was scored already."""

    moments: Floats
    blocks: Blocks
    n: int
    penalty: float
    forbidden: Bools
    required: Bools
    known: dict[tuple[int, frozenset[int]], float] = field(default_factory=dict)
    roots: dict[int, _Branch] = field(default_factory=dict)


def best_order(
    moments: Floats,
    blocks: Blocks,
    *,
    n: int,
    penalty: float,
    forbidden: Bools,
    required: Bools,
    starts: Sequence[Sequence[int]],
    rng: np.random.Generator,
) -> Bools:
    """Return the graph (children) of the best order found from several starts.

    Parameters
    ----------
    moments : (d, d) array
        Covariances of all columns, divisor n.
    blocks : sequence of arrays of int
        Columns of each feature.
    n : int
        Rows behind the covariances.
    penalty : float
        Lambda; 1 is BIC.
    forbidden, required : (k, k) array of bool
        i must not, must cause j.
    starts : sequences of int
        First orders, from each of which is searched: moves that neither gain nor lose are not made, so that one start
        often ends beside the best order. Required causes stand before their effects.
    rng : numpy.random.Generator
        For the order in which features are moved.
    """
    search = _Search(moments, blocks, n, penalty, forbidden, required)
    best, best_score = list(starts[0]), -np.inf
    for start in starts:
        order = list(start)
        while True:
            moved = False
            for feature in rng.permutation(len(order)).tolist():
                moved |= _move(search, feature, order)
            if not moved:
                break
        score = sum(_grown(search, one, frozenset(order[:at]))[0] for at, one in enumerate(order))
        if score > best_score + _MOVE:
            best, best_score = order, score
    children = np.zeros((len(best), len(best)), dtype=bool)
    for at, feature in enumerate(best):
        children[list(_grown(search, feature, frozenset(best[:at]))[1]), feature] = True
    return children


def _move(search: _Search, feature: int, order: list[int]) -> bool:
    """Move a feature to its best place; say whether that is another one."""
    rest = [one for one in order if one != feature]
    here = order.index(feature)
    before = np.zeros(len(order))
    total = 0.0
    for at in range(len(order)):
        prefix = frozenset(rest[:at])
        before[at] = total + _grown(search, feature, prefix)[0]
        if at < len(rest):
            total += _grown(search, rest[at], prefix)[0]
    after = 0.0
    for at in range(len(rest) - 1, -1, -1):
        after += _grown(search, rest[at], frozenset([*rest[:at], feature]))[0]
        before[at] += after
    best = int(np.argmax(before))
    if not before[best] > before[here] + _MOVE:
        return False
    order.remove(feature)
    order.insert(best, feature)
    return True


def _score(search: _Search, feature: int, parents: frozenset[int]) -> float:
    """Return the local score of a feature with some parents."""
    found = search.known.get((feature, parents))
    if found is not None:
        return found
    own = search.blocks[feature]
    held = np.concatenate([search.blocks[one] for one in sorted(parents)]) if parents else own[:0]
    rest = partial_covariance(search.moments, own, held)
    logarithm, rank = log_determinant(rest.matrix, np.diagonal(search.moments)[own])
    cost = search.penalty * np.log(search.n) * own.size * rest.held
    # A direction that is known exactly counts as one with almost no variance left.
    found = -(search.n * (logarithm + (own.size - rank) * np.log(1e-9)) + cost) / 2
    search.known[feature, parents] = float(found)
    return float(found)


def _grown(search: _Search, feature: int, prefix: frozenset[int]) -> tuple[float, tuple[int, ...]]:
    """Return the score and the parents of a feature when some stand before it."""
    needed = tuple(np.flatnonzero(search.required[:, feature]).tolist())
    if not set(needed) <= prefix:
        return -np.inf, needed
    node = search.roots.get(feature)
    if node is None:
        node = search.roots[feature] = _Branch(_score(search, feature, frozenset(needed)))
    parents = list(needed)
    closed: set[int] = {feature, *needed}
    while True:
        if node.branches is None:
            node.branches = _branches(search, feature, parents, closed, node.score)
        for add, branch in node.branches:
            closed.add(add)
            if add in prefix:
                parents.append(add)
                node = branch
                break
        else:
            break
    if node.kept is None:
        node.kept, node.kept_score = _shrunk(search, feature, parents, needed)
    return node.kept_score, node.kept


def _branches(
    search: _Search, feature: int, parents: list[int], closed: set[int], score: float
) -> list[tuple[int, _Branch]]:
    """Return the features that raise the score when added, the best first."""
    found = []
    for add in range(len(search.blocks)):
        if add in closed or search.forbidden[add, feature]:
            continue
        gained = _score(search, feature, frozenset([*parents, add]))
        if gained > score + _RISE:
            found.append((add, _Branch(gained)))
    return sorted(found, key=lambda pair: -pair[1].score)


def _shrunk(
    search: _Search, feature: int, parents: list[int], needed: tuple[int, ...]
) -> tuple[tuple[int, ...], float]:
    """Take out parents while that raises the score."""
    left = set(parents)
    score = _score(search, feature, frozenset(left))
    while True:
        trials = [
            (_score(search, feature, frozenset(left - {one})), one) for one in sorted(left - set(needed))
        ]
        best = max(trials, default=(-np.inf, -1))
        if not best[0] > score + _RISE:
            return tuple(sorted(left)), score
        score = best[0]
        left.discard(best[1])
