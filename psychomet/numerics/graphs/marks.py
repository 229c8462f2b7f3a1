"""A graph as a matrix of marks at the ends of its edges.

``marks[i, j]`` is the mark at the end of j of the edge between i and j; :data:`NONE` where there is no edge. A directed
edge from i to j has a tail at i and an arrow at j. A circle says that the mark is not known.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.int8]
Bools = NDArray[np.bool_]

NONE, TAIL, ARROW, CIRCLE = 0, 1, 2, 3


def from_edges(k: int, directed: Iterable[tuple[int, int]]) -> Marks:
    """Return the graph of k nodes with the given directed edges."""
    marks = np.zeros((k, k), dtype=np.int8)
    for cause, effect in directed:
        marks[cause, effect], marks[effect, cause] = ARROW, TAIL
    return marks


def from_children(children: Bools) -> Marks:
    """Return the graph with an edge from i to j where ``children[i, j]``."""
    return np.where(children, ARROW, np.where(children.T, TAIL, NONE)).astype(np.int8)


def adjacent(marks: Marks) -> Bools:
    """Say which nodes are joined, whatever the marks."""
    return np.asarray(marks != NONE)


def directed(marks: Marks) -> Bools:
    """Say where i causes j: a tail at i and an arrow at j."""
    return np.asarray((marks == ARROW) & (marks.T == TAIL))


def undirected(marks: Marks) -> Bools:
    """Say where the edge has two tails."""
    return np.asarray((marks == TAIL) & (marks.T == TAIL))


def only_lines(marks: Marks) -> bool:
    """Say whether every edge is directed or has two tails: no circle, no two arrows."""
    return bool(np.array_equal(adjacent(marks), directed(marks) | directed(marks).T | undirected(marks)))


def reach(steps: Bools) -> Bools:
    """Return which node is reached from which by any number of steps, itself included."""
    found = steps | np.eye(len(steps), dtype=bool)
    while True:
        wider = (found.astype(np.uint8) @ found.astype(np.uint8)) > 0
        if np.array_equal(wider, found):
            return found
        found = wider


def topological_order(children: Bools) -> list[int]:
    """Return an order in which causes stand before effects; shorter than the graph if there is a cycle."""
    waiting = children.sum(axis=0)
    ready = [int(node) for node in np.flatnonzero(waiting == 0)]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for child in np.flatnonzero(children[node]):
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(int(child))
    return order


def is_dag(marks: Marks) -> bool:
    """Say whether every edge is directed and there is no cycle."""
    children = directed(marks)
    whole = np.array_equal(adjacent(marks), children | children.T)
    return bool(whole) and len(topological_order(children)) == len(marks)
