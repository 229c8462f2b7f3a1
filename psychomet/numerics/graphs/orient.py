"""Equivalence classes of directed acyclic graphs, and what background knowledge adds to them.

References
----------
Meek, C. (1995). Causal inference and causal explanation with background knowledge. Proceedings of the Eleventh Conference
on Uncertainty in Artificial Intelligence, 403-410. https://doi.org/10.48550/arXiv.1302.4972

Dor, D. and Tarsi, M. (1992). A simple algorithm to construct a consistent extension of a partially oriented graph.
Technical Report R-185, Cognitive Systems Laboratory, UCLA.
"""

from __future__ import annotations

import numpy as np

from psychomet.numerics.graphs.marks import Bools, Marks, adjacent, directed, from_children, undirected


def equivalence_class(dag: Marks) -> Marks:
    """Return the class of a directed acyclic graph: directed where all its members agree, two tails elsewhere.

    Parameters
    ----------
    dag : (k, k) array of marks
        A directed acyclic graph.
    """
    children = directed(dag)
    joined = adjacent(dag)
    kept = np.zeros_like(children)
    for node in range(len(dag)):
        parents = np.flatnonzero(children[:, node])
        for cause in parents:
            # An edge is fixed by a collider: another cause that is not joined to this one.
            kept[cause, node] = any(other != cause and not joined[cause, other] for other in parents)
    return meek(kept, joined & ~kept & ~kept.T)


def meek(arrows: Bools, lines: Bools) -> Marks:
    """Direct the lines that must be directed (Meek's four rules), and return the graph.

    Parameters
    ----------
    arrows : (k, k) array of bool
        i causes j.
    lines : (k, k) array of bool
        Symmetric: joined, direction open.
    """
    arrows, lines = arrows.copy(), lines.copy()
    changed = True
    while changed:
        changed = False
        for a, b in zip(*np.nonzero(lines), strict=True):
            if lines[a, b] and _must_point(arrows, lines, int(a), int(b)):
                arrows[a, b] = True
                lines[a, b] = lines[b, a] = False
                changed = True
    marks = from_children(arrows)
    marks[lines] = 1
    return marks


def _must_point(arrows: Bools, lines: Bools, a: int, b: int) -> bool:
    """Say whether a - b must be a -> b."""
    joined = arrows | arrows.T | lines
    if np.any(arrows[:, a] & ~joined[:, b] & (np.arange(len(arrows)) != b)):
        return True
    if np.any(arrows[a] & arrows[:, b]):
        return True
    sides = np.flatnonzero(lines[a] & arrows[:, b])
    if any(not joined[c, d] for at, c in enumerate(sides) for d in sides[at + 1 :]):
        return True
    # d -> c -> b, a - d and a joined to c, d not joined to b.
    for c in np.flatnonzero(joined[a] & arrows[:, b]):
        if np.any(lines[a] & arrows[:, c] & ~joined[:, b] & (np.arange(len(arrows)) != b)):
            return True
    return False


def with_knowledge(marks: Marks, forbidden: Bools) -> tuple[Marks, int]:
    """Direct the lines of which one direction is forbidden, and what follows from them.

    Parameters
    ----------
    marks : (k, k) array of marks
        Directed edges and lines.
    forbidden : (k, k) array of bool
        i must not cause j.

    Returns
    -------
    tuple
        The graph, and the number of its directed edges that the knowledge forbids (they are left as they are).
    """
    arrows, lines = directed(marks), undirected(marks)
    against = int(np.sum(arrows & forbidden & ~forbidden.T))
    turned = lines & forbidden.T & ~forbidden
    return meek(arrows | turned, lines & ~turned & ~turned.T), against


def extension(marks: Marks) -> Bools | None:
    """Return a directed acyclic graph of the class (children), or None if it has none (Dor and Tarsi 1992).

    Parameters
    ----------
    marks : (k, k) array of marks
        Directed edges and lines.
    """
    arrows, lines = directed(marks), undirected(marks)
    children = arrows.copy()
    left = np.ones(len(marks), dtype=bool)
    for _ in range(len(marks)):
        joined = arrows | arrows.T | lines
        for node in np.flatnonzero(left):
            if np.any(arrows[node]):
                continue
            near, all_near = np.flatnonzero(lines[node]), np.flatnonzero(joined[node])
            if all(joined[a, b] for a in near for b in all_near if a != b):
                break
        else:
            return None
        children[near, node] = True
        left[node] = False
        for matrix in (arrows, lines):
            matrix[node, :] = matrix[:, node] = False
    return children
