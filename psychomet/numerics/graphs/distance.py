"""How far a graph is from another: edges, directions, and the effects that it would get wrong.

- structural Hamming distance: pairs whose edge differs in any way, each counted once;
- precision, recall and F1 of adjacencies, and of directed edges;
- adjustment identification distance: ordered pairs (t, y) for which the set that the graph tells to hold (the parents of t, or
  its ancestors) does not give the effect in the true graph, or for which it says wrongly that there is no effect. With the
  parents and two directed graphs it is the structural intervention distance.

References
----------
Tsamardinos, I., Brown, L. E. and Aliferis, C. F. (2006). The max-min hill-climbing Bayesian network structure learning
algorithm. Machine Learning, 65, 31-78. https://doi.org/10.1007/s10994-006-6889-7

Peters, J. and Bühlmann, P. (2015). Structural intervention distance for evaluating causal graphs. Neural Computation, 27(3),
771-799. https://doi.org/10.1162/NECO_a_00708

Henckel, L., Würtzen, T. and Weichwald, S. (2024). Adjustment identification distance: a gadjid for causal structure learning.
Uncertainty in Artificial Intelligence. https://doi.org/10.48550/arXiv.2402.08616
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from psychomet.numerics.graphs.backdoor import between, open_children
from psychomet.numerics.graphs.marks import Bools, Marks, adjacent, directed, reach
from psychomet.numerics.graphs.separation import d_separated


class Match(NamedTuple):
    """How one set of edges covers another.

    Attributes
    ----------
    precision, recall, f1 : float
        Share of the edges found that are true, of the true ones that are found, and their harmonic mean; NaN where there
        is nothing to divide by.
    """

    precision: float
    recall: float
    f1: float


def hamming(first: Marks, second: Marks) -> int:
    """Return the structural Hamming distance: pairs of nodes whose edge differs."""
    differs = first != second
    return int(np.triu(differs | differs.T, 1).sum())


def adjacency_match(found: Marks, truth: Marks) -> Match:
    """Return precision, recall and F1 of the pairs that are joined."""
    return _match(np.triu(adjacent(found), 1), np.triu(adjacent(truth), 1))


def orientation_match(found: Marks, truth: Marks) -> Match:
    """Return precision, recall and F1 of the directed edges."""
    return _match(directed(found), directed(truth))


def _match(found: Bools, truth: Bools) -> Match:
    hits = int((found & truth).sum())
    n_found, n_true = int(found.sum()), int(truth.sum())
    return Match(
        hits / n_found if n_found else float("nan"),
        hits / n_true if n_true else float("nan"),
        2 * hits / (n_found + n_true) if n_found + n_true else float("nan"),
    )


def adjustment_distance(guess: Marks, truth: Marks, *, strategy: Literal["parents", "ancestors"]) -> float:
    """Return the share of ordered pairs whose effect the guess gets wrong (adjustment identification distance).

    Parameters
    ----------
    guess : (k, k) array of marks
        Directed edges and lines. A pair whose effect the guess leaves open counts as wrong, because the true graph knows it.
    truth : (k, k) array of marks
        A directed acyclic graph.
    strategy : {"parents", "ancestors"}
        What the guess tells to hold.

    Returns
    -------
    float
        Mistakes over k (k - 1); 0 where the guess tells every effect.
    """
    k = len(truth)
    children = directed(truth)
    below = reach(children)
    parents = directed(guess)
    above = reach(parents)
    wrong = 0
    for cause in range(k):
        held = parents[:, cause] if strategy == "parents" else above[:, cause] & (np.arange(k) != cause)
        for outcome in range(k):
            if outcome == cause:
                continue
            claimed = between(guess, cause, outcome)
            none = bool(held[outcome]) if strategy == "parents" else not claimed.on_the_way.any()
            if none:
                wrong += bool(below[cause, outcome])
            elif not claimed.amenable:
                wrong += 1
            else:
                wrong += not _gives(children, truth, cause, outcome, held=held & (np.arange(k) != outcome))
    return wrong / (k * (k - 1)) if k > 1 else 0.0


def _gives(children: Bools, truth: Marks, cause: int, outcome: int, *, held: Bools) -> bool:
    """Say whether a set gives the effect in a directed acyclic graph."""
    there = between(truth, cause, outcome)
    given = np.flatnonzero(held)
    if there.forbidden[given].any():
        return False
    cut = open_children(children, cause, there.on_the_way)
    return d_separated(cut, [cause], y=[outcome], given=given.tolist())
