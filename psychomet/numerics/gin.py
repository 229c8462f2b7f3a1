"""Clusters of indicators of one unseen cause, and their order (generalized independent noise, GIN).

For linear non-Gaussian models in which each unseen cause has at least two pure indicators. A set Y of columns satisfies the
condition with respect to Z where w'Y, with w'cov(Y, Z) = 0, is independent of every column of Z. Indicators of one unseen cause do so
with respect to all other columns; an unseen cause comes first where the condition holds between its indicators and those of every other.
The independence of w'Y and the columns of Z is judged by Fisher's sum of log p values, as published; the p values are not
independent, so the rate of false clusters is not the nominal one.

References
----------
Xie, F., Cai, R., Huang, B., Glymour, C., Hao, Z. and Zhang, K. (2020). Generalized independent noise condition for estimating
latent variable causal graphs. Advances in Neural Information Processing Systems, 33. https://doi.org/10.48550/arXiv.2010.04917

Gretton, A., Fukumizu, K., Teo, C. H., Song, L., Schölkopf, B. and Smola, A. J. (2008). A kernel statistical test of independence.
Advances in Neural Information Processing Systems, 20, 585-592.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

_SMALLEST = 1e-5  # a p value below counts as this: one column must not decide alone


class Clusters(NamedTuple):
    """Unseen causes.

    Attributes
    ----------
    ordered : list of list of int
        Indicators of each unseen cause, causes before effects.
    unordered : list of list of int
        Those whose place was not found.
    """

    ordered: list[list[int]]
    unordered: list[list[int]]


class _Kernel(NamedTuple):
    """A centred kernel with the two numbers of its null distribution."""

    matrix: Floats
    trace: float
    square: float


def clusters(values: Floats, *, significance: float) -> Clusters:
    """Return clusters of indicators and the order of their unseen causes.

    Parameters
    ----------
    values : (n, k) array
        Columns that vary, at least four.
    significance : float
        Of the tests of independence.
    """
    centred = (values - values.mean(axis=0)) / values.std(axis=0)
    covariance = centred.T @ centred / len(centred)
    kernels = [_kernel(column) for column in centred.T]
    found: list[list[int]] = []
    left = list(range(centred.shape[1]))
    size = 2
    while size < len(left):
        passed = [
            list(chosen)
            for chosen in combinations(left, size)
            if _holds(
                centred,
                covariance,
                kernels,
                list(chosen),
                [one for one in left if one not in chosen],
                significance,
            )
        ]
        merged = _merged(passed)
        found += merged
        taken = {one for cluster in merged for one in cluster}
        left = [one for one in left if one not in taken]
        size += 1
    return _ordered(centred, covariance, kernels, found, significance)


def _ordered(
    centred: Floats,
    covariance: Floats,
    kernels: Sequence[_Kernel],
    found: list[list[int]],
    significance: float,
) -> Clusters:
    """Take the clusters out one by one, each the root of those that are left."""
    order: list[list[int]] = []
    left = list(found)
    while left:
        known_y = [one for cluster in order for one in cluster[: len(cluster) // 2]]
        known_z = [one for cluster in order for one in cluster[len(cluster) // 2 :]]
        for root in left:
            first, second = root[: len(root) // 2], root[len(root) // 2 :]
            if all(
                _holds(
                    centred, covariance, kernels,
                    [*known_y, *first, *other[: len(other) // 2]], [*known_z, *second], significance,
                )
                for other in left if other is not root
            ):  # fmt: skip
                break
        else:
            break
        order.append(root)
        left.remove(root)
    return Clusters(order, left)


def _holds(
    centred: Floats,
    covariance: Floats,
    kernels: Sequence[_Kernel],
    y: list[int],
    z: list[int],
    significance: float,
) -> bool:
    """Say whether Y satisfies the condition with respect to Z."""
    _, _, right = np.linalg.svd(covariance[np.ix_(z, y)])
    noise = _kernel(centred[:, y] @ right[-1])
    p_values = np.array([_independence_p(noise, kernels[one]) for one in z])
    statistic = -2 * np.log(np.maximum(p_values, _SMALLEST)).sum()
    return bool(special.chdtrc(2 * len(z), statistic) >= significance)


def _kernel(column: Floats) -> _Kernel:
    """Return the centred Gaussian kernel of a column, its width the median distance."""
    distance = np.abs(column[:, None] - column[None, :])
    step = max(1, column.size // 500)
    some = distance[::step, ::step]
    width = float(np.median(some[some > 0])) if (some > 0).any() else 1.0
    matrix = np.exp(-(distance**2) / (2 * width**2))
    matrix -= matrix.mean(axis=0)
    matrix -= matrix.mean(axis=1, keepdims=True)
    return _Kernel(matrix, float(np.trace(matrix)), float(np.sum(matrix**2)))


def _independence_p(first: _Kernel, second: _Kernel) -> float:
    """Return the p value of HSIC by the gamma distribution with the moments of its null."""
    n = first.matrix.shape[0]
    statistic = float(np.sum(first.matrix * second.matrix))
    mean = first.trace * second.trace / n
    variance = 2 * first.square * second.square / n**2
    return float(special.gammaincc(mean**2 / variance, max(statistic, 0.0) * mean / variance))


def _merged(sets: Sequence[Sequence[int]]) -> list[list[int]]:
    """Join sets that share a member."""
    found: list[set[int]] = []
    for one in sets:
        new = set(one)
        apart = []
        for other in found:
            if other & new:
                new |= other
            else:
                apart.append(other)
        found = [*apart, new]
    return sorted(sorted(one) for one in found)
