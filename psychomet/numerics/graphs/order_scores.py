r"""The best parents of a feature among those that stand before it, and the score that they give it (grow and shrink).

Parents are added one by one, each time the one that raises the score the most, until none does; then those whose loss raises it are
taken out. The score is BIC of jointly normal blocks,

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


@dataclass(slots=True)
class _Branch:
    """What was grown after some parents: the next ones from best to worst, and what shrinking left."""

    score: float
    branches: list[tuple[int, _Branch]] | None = None
    kept: tuple[int, ...] | None = None
    kept_score: float = 0.0


@dataclass(slots=True)
class Scores:
    """What stays the same while orders are searched, and what was scored already.

    Attributes
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
    """

    moments: Floats
    blocks: Blocks
    n: int
    penalty: float
    forbidden: Bools
    required: Bools
    known: dict[tuple[int, frozenset[int]], float] = field(default_factory=dict)
    roots: dict[int, _Branch] = field(default_factory=dict)


def grown(search: Scores, feature: int, prefix: frozenset[int]) -> tuple[float, tuple[int, ...]]:
    """Return the score and the parents of a feature when some stand before it.

    Parameters
    ----------
    search : Scores
        What was scored so far; it grows.
    feature : int
        The feature.
    prefix : frozenset of int
        Features that stand before it.

    Returns
    -------
    tuple
        The score, minus infinity where a required parent does not stand before; and the parents.
    """
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


def _score(search: Scores, feature: int, parents: frozenset[int]) -> float:
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


def _branches(
    search: Scores, feature: int, parents: list[int], closed: set[int], score: float
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
    search: Scores, feature: int, parents: list[int], needed: tuple[int, ...]
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
