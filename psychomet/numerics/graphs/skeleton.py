"""Which columns stay joined when others are held: the first half of the PC search, on correlations.

A pair is parted where Fisher's z test does not reject that its partial correlation given some of the neighbours of one of the two
is zero. Neighbours are those at the start of each size of the sets held, so that the result does not depend on the order of the columns.

References
----------
Colombo, D. and Maathuis, M. H. (2014). Order-independent constraint-based causal structure learning. Journal of Machine
Learning Research, 15, 3921-3962. https://www.jmlr.org/papers/v15/colombo14a.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dependence.partial import fisher_p, partial_correlations

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Tests in one call: a few MB of small matrices.
_BATCH = 20_000


def skeleton(correlation: Floats, *, n: int, significance: float, max_given: int) -> Bools:
    """Return which columns are joined.

    Parameters
    ----------
    correlation : (d, d) array
        Correlations; none may follow from the others.
    n : int
        Rows behind them.
    significance : float
        Level of each test.
    max_given : int
        Most columns held in one test. Pairs that only a larger set parts stay joined.

    Returns
    -------
    (d, d) array of bool
        Symmetric.

    Notes
    -----
    The number of tests grows as the number of neighbours to the power ``max_given``. Misleads where dependence is not
    that of a joint normal, and where columns carry errors: a common cause seen with error does not part its effects.
    """
    joined = ~np.eye(len(correlation), dtype=bool)
    for size in range(max_given + 1):
        before = joined.copy()
        if before.sum(axis=1).max(initial=0) <= size:
            break
        for pairs, given in _batches(before, size):
            open_ = joined[pairs[:, 0], pairs[:, 1]]
            pairs, given = pairs[open_], given[open_]
            r = partial_correlations(correlation, pairs[:, 0], pairs[:, 1], given)
            # Where what is held determines one of the two, nothing speaks against independence.
            kept = np.isfinite(r) & (fisher_p(np.nan_to_num(r), n=n, given=size) <= significance)
            apart = pairs[~kept]
            joined[apart[:, 0], apart[:, 1]] = joined[apart[:, 1], apart[:, 0]] = False
    return joined


def _batches(
    joined: Bools, size: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:  # fmt: skip
    """Yield pairs and the sets that are held for them, from the neighbours of either."""
    pairs: list[tuple[int, int]] = []
    sets: list[tuple[int, ...]] = []
    for i, j in np.argwhere(np.triu(joined, 1)).tolist():
        for one, other in ((i, j), (j, i)):
            others = [int(v) for v in np.flatnonzero(joined[one]) if v != other]
            for held in combinations(others, size):
                pairs.append((i, j))
                sets.append(held)
                if len(pairs) == _BATCH:
                    yield _arrays(pairs, sets, size)
                    pairs, sets = [], []
            if size == 0:
                break
    if pairs:
        yield _arrays(pairs, sets, size)


def _arrays(
    pairs: list[tuple[int, int]], sets: list[tuple[int, ...]], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.array(pairs, dtype=np.intp), np.array(sets, dtype=np.intp).reshape(len(pairs), size)
