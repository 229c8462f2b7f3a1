"""Best order score search (BOSS) over blocks of columns, with background knowledge.

Given an order, each feature takes its parents from those before it (:mod:`.order_scores`). Features are moved one by one to the place
of the order where the sum of scores is highest, until no move helps.

References
----------
Andrews, B., Ramsey, J., Sanchez Romero, R., Camchong, J. and Kummerfeld, E. (2023). Fast scalable and accurate discovery of DAGs
using the best order score search and grow shrink trees. Advances in Neural Information Processing Systems, 36.
https://doi.org/10.48550/arXiv.2310.17679
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psychomet.numerics.graphs.marks import Bools
from psychomet.numerics.graphs.order_scores import Scores, grown

_MOVE = 1e-6


def best_order(search: Scores, *, starts: Sequence[Sequence[int]], rng: np.random.Generator) -> Bools:
    """Return the graph (children) of the best order found from several starts.

    Parameters
    ----------
    search : Scores
        The table, the penalty and what must and must not be.
    starts : sequences of int
        First orders, from each of which is searched: moves that neither gain nor lose are not made, so that one start
        often ends beside the best order. Required causes stand before their effects.
    rng : numpy.random.Generator
        For the order in which features are moved.
    """
    best, best_score = list(starts[0]), -np.inf
    for start in starts:
        order = list(start)
        while True:
            moved = False
            for feature in rng.permutation(len(order)).tolist():
                moved |= _move(search, feature, order)
            if not moved:
                break
        score = sum(grown(search, one, frozenset(order[:at]))[0] for at, one in enumerate(order))
        if score > best_score + _MOVE:
            best, best_score = order, score
    return graph_of(search, best)


def graph_of(search: Scores, order: Sequence[int]) -> Bools:
    """Return the graph (children) of an order."""
    children = np.zeros((len(order), len(order)), dtype=bool)
    for at, feature in enumerate(order):
        children[list(grown(search, feature, frozenset(order[:at]))[1]), feature] = True
    return children


def _move(search: Scores, feature: int, order: list[int]) -> bool:
    """Move a feature to its best place; say whether that is another one."""
    rest = [one for one in order if one != feature]
    here = order.index(feature)
    before = np.zeros(len(order))
    total = 0.0
    for at in range(len(order)):
        prefix = frozenset(rest[:at])
        before[at] = total + grown(search, feature, prefix)[0]
        if at < len(rest):
            total += grown(search, rest[at], prefix)[0]
    after = 0.0
    for at in range(len(rest) - 1, -1, -1):
        after += grown(search, rest[at], frozenset([*rest[:at], feature]))[0]
        before[at] += after
    best = int(np.argmax(before))
    if not before[best] > before[here] + _MOVE:
        return False
    order.remove(feature)
    order.insert(best, feature)
    return True
