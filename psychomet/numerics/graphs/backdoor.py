"""Sets of covariates that make an effect known: which are valid, and which is best.

A set Z is valid for the total effect of t on y where (the adjustment criterion) the graph says where t's causal paths start
(amenable), Z holds nothing that t's effects on the way to y cause (forbidden), and Z blocks every other path.
The optimal set O = parents of the nodes between t and y, without the forbidden ones, has the smallest asymptotic variance of
all valid sets in linear models (and among regular estimators without a model).

For a graph with lines, paths that no arrow points back on count as possibly causal. For equivalence classes that is the
definition; with background knowledge it can call an effect not identified that is.

References
----------
Perković, E., Textor, J., Kalisch, M. and Maathuis, M. H. (2018). Complete graphical characterization and construction of
adjustment sets in Markov equivalence classes of ancestral graphs. Journal of Machine Learning Research, 18(220), 1-62.
https://doi.org/10.48550/arXiv.1606.06903

Henckel, L., Perković, E. and Maathuis, M. H. (2022). Graphical criteria for efficient total effect estimation via adjustment
in causal linear models. Journal of the Royal Statistical Society B, 84(2), 579-599. https://doi.org/10.1111/rssb.12451
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.graphs.marks import Bools, Marks, directed, reach, undirected
from psychomet.numerics.graphs.orient import extension
from psychomet.numerics.graphs.separation import d_separated


class Between(NamedTuple):
    """What lies between a cause and an outcome.

    Attributes
    ----------
    on_the_way : (k,) array of bool
        Nodes on possibly causal paths from the cause to the outcome, the cause left out.
    forbidden : (k,) array of bool
        The cause, and what the nodes on the way possibly cause.
    amenable : bool
        Whether each of those paths starts with an arrow out of the cause.
    """

    on_the_way: NDArray[np.bool_]
    forbidden: NDArray[np.bool_]
    amenable: bool


def between(marks: Marks, cause: int, outcome: int) -> Between:
    """Return the nodes on the way from a cause to an outcome, and those that must not be held.

    Parameters
    ----------
    marks : (k, k) array of marks
        Directed edges and lines.
    cause, outcome : int
        Two different nodes.
    """
    arrows, lines = directed(marks), undirected(marks)
    steps = arrows | lines
    proper = steps.copy()
    proper[:, cause] = False
    onward = reach(proper)
    # A proper path leaves the cause once.
    first = np.flatnonzero(steps[cause])
    way = np.asarray(onward[first].any(axis=0) & onward[:, outcome])
    way[cause] = False
    amenable = not bool((lines[cause] & onward[:, outcome] & way).any())
    forbidden = np.asarray(reach(steps)[np.flatnonzero(way)].any(axis=0))
    forbidden[cause] = True
    return Between(way, forbidden, amenable)


def valid(marks: Marks, cause: int, outcome: int, *, held: Iterable[int]) -> bool:
    """Say whether holding a set makes the total effect known (the adjustment criterion).

    Parameters
    ----------
    marks : (k, k) array of marks
        Directed edges and lines.
    cause, outcome : int
        Two different nodes.
    held : iterable of int
        The set.
    """
    given = list(held)
    there = between(marks, cause, outcome)
    if not there.amenable or there.forbidden[given].any() or outcome in given:
        return False
    children = extension(marks)
    if children is None:
        return False
    open_back = children.copy()
    open_back[cause, there.on_the_way] = False
    return d_separated(open_back, [cause], y=[outcome], given=given)


def optimal_set(marks: Marks, cause: int, outcome: int) -> list[int] | None:
    """Return the optimal adjustment set; None where no set is valid.

    Parameters
    ----------
    marks : (k, k) array of marks
        Directed edges and lines; every node observed.
    cause, outcome : int
        The outcome is possibly an effect of the cause.
    """
    there = between(marks, cause, outcome)
    parents = directed(marks)[:, there.on_the_way].any(axis=1)
    chosen = [int(node) for node in np.flatnonzero(parents & ~there.forbidden & ~there.on_the_way)]
    return chosen if valid(marks, cause, outcome, held=chosen) else None


def observed_set(marks: Marks, cause: int, outcome: int, *, observed: NDArray[np.bool_]) -> list[int] | None:
    """Return a valid set of observed nodes from which none can be left out; None where there is none.

    The set of all observed ancestors of cause and outcome that are not forbidden is valid if any set is; nodes are then
    left out one by one, those nearest the cause first, because they cost precision.

    Parameters
    ----------
    marks : (k, k) array of marks
        A directed acyclic graph.
    cause, outcome : int
        Two observed nodes.
    observed : (k,) array of bool
        Which nodes are in the table.
    """
    there = between(marks, cause, outcome)
    upward = reach(directed(marks))
    wanted = (upward[:, cause] | upward[:, outcome]) & observed & ~there.forbidden
    wanted[[cause, outcome]] = False
    chosen = [int(node) for node in np.flatnonzero(wanted)]
    if not valid(marks, cause, outcome, held=chosen):
        return None
    for node in sorted(chosen, key=lambda one: (not directed(marks)[one, cause], one)):
        rest = [one for one in chosen if one != node]
        if valid(marks, cause, outcome, held=rest):
            chosen = rest
    return chosen


def open_children(children: Bools, cause: int, way: NDArray[np.bool_]) -> Bools:
    """Return the graph without the first edges of the causal paths (the proper back-door graph)."""
    cut = children.copy()
    cut[cause, way] = False
    return cut
