"""Which nodes of a directed acyclic graph are independent given others.

References
----------
Lauritzen, S. L., Dawid, A. P., Larsen, B. N. and Leimer, H.-G. (1990). Independence properties of directed Markov fields.
Networks, 20(5), 491-505. https://doi.org/10.1002/net.3230200503
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from psychomet.numerics.graphs.marks import Bools, reach


def d_separated(children: Bools, x: Iterable[int], *, y: Iterable[int], given: Iterable[int]) -> bool:
    """Say whether two sets are d-separated by a third: no path in the moral graph of their ancestors.

    Parameters
    ----------
    children : (k, k) array of bool
        i causes j, without cycles.
    x, y, given : iterable of int
        Disjoint sets of nodes.
    """
    first, second, held = list(x), list(y), list(given)
    upward = reach(children)
    inside = np.asarray(upward[:, [*first, *second, *held]].any(axis=1))
    arrows = children & inside[:, None] & inside[None, :]
    # Causes of a common effect are married.
    married = (arrows.astype(np.uint8) @ arrows.T.astype(np.uint8)) > 0
    joined = arrows | arrows.T | married
    joined[held, :] = joined[:, held] = False
    seen = np.zeros(len(children), dtype=bool)
    seen[first] = True
    edge = seen.copy()
    while edge.any():
        edge = joined[edge].any(axis=0) & ~seen
        seen |= edge
    return not bool(seen[second].any())
