"""Permutation tests of a correlation and of a difference of means, exact in size, without compiled code.

Every rearrangement is uniform over the permutations, and the test is exact: under exchangeability the p value
(b + 1) / (B + 1) is at most a with probability at most a, for any B. What makes it fast: one random permutation s is not used
once but g times, as a^0 s, a^1 s, ..., a^(g-1) s, where a moves blocks of n // g positions round a circle; the g
statistics are then one matrix product of the permuted values with g rearranged copies of the other variable. The
observed order has its own circle, so all circles are exchangeable and the observed order is a uniform member of a uniform
circle (Hemerik and Goeman 2018 on random subsets of groups of permutations). The rows are first put in random order, so
that neighbours in the table mean nothing.

The price: statistics of one circle are not independent. Their correlation is near -1 / (n - 1), that of their squares
near 4 / n, so that B of them are worth B / (1 + (g - 1) c) independent ones; g is the largest power of two for which that
loss stays under two per cent (n = 1,000: g = 16; up to n = 55: g = 1).

References
----------
Phipson, B. and Smyth, G. K. (2010). Permutation P-values should never be zero. Statistical Applications in Genetics and
Molecular Biology, 9(1), 39. https://doi.org/10.2202/1544-6115.1585

Hemerik, J. and Goeman, J. (2018). Exact testing with random permutations. TEST, 27(4), 811-825.
https://doi.org/10.1007/s11749-017-0571-1

DiCiccio, C. J. and Romano, J. P. (2017). Robust permutation tests for correlation and regression coefficients.
Journal of the American Statistical Association, 112(519), 1211-1220. https://doi.org/10.1080/01621459.2016.1202117
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from psychomet.numerics.association import without_noise
from psychomet.numerics.rearrangements import arranged, finite, labels_of, shared_by, shuffles, turns

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Statistic = Callable[..., Floats]
"""``statistic(values, *partners)``: (b, n) permuted values and (n, g) rearranged partners -> (b, g)."""

_ROUNDING = 1e-12


class PermutationTest(NamedTuple):
    """A statistic against its permutation distribution.

    Attributes
    ----------
    statistic : float
        Of the observed order.
    p_value : float
        Two-sided, (b + 1) / (B + 1), b the rearrangements whose statistic is at least as far from 0; NaN where
        the statistic has no value.
    null : (B,) array
        Statistics of the rearrangements.
    shared : int
        How many of them come from one random permutation (g).
    """

    statistic: float
    p_value: float
    null: Floats
    shared: int


def pearson_test(
    x: ArrayLike,
    y: ArrayLike,
    *,
    n_permutations: int,
    seed: int,
    strata: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    studentized: bool = False,
) -> PermutationTest:
    """Test that two variables are independent by their product-moment correlation.

    Parameters
    ----------
    x, y : (n,) array
        Pairs.
    n_permutations : int
        Rearrangements; the observed order counts as one more.
    seed : int
        Seed of the permutations.
    strata : (n,) array, optional
        Labels; y is permuted within strata only. The statistic is then the correlation of the deviations from the
        means of the strata.
    clusters : (n,) array, optional
        Labels; x must be the same in all rows of a cluster, and clusters exchange it as wholes. Not with strata.
    studentized : bool
        Divide by the root of mean(x^2 y^2) / (mean x^2 mean y^2), deviations from the means: right in large samples where x and y are
        uncorrelated but not independent, as with unequal variances (DiCiccio and Romano 2017). ``statistic`` is
        then that ratio. Not with clusters.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, x varies within a cluster, fewer than one permutation is asked for, or
        options exclude each other.

    Notes
    -----
    Tests independence: without ``studentized`` a dependence that leaves the correlation at 0 is rejected too often.
    With few clusters few rearrangements differ, and small p values cannot be reached.
    """
    return _test(x, y, n_permutations, seed, strata, clusters, studentized, slope=False)


def spearman_test(
    x: ArrayLike,
    y: ArrayLike,
    *,
    n_permutations: int,
    seed: int,
    strata: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    studentized: bool = False,
) -> PermutationTest:
    """Test that two variables are independent by their rank correlation.

    Parameters, errors and notes as in :func:`pearson_test`, which is handed the midranks of all rows.
    """
    first, second = finite(x, "x"), finite(y, "y")
    return _test(
        rankdata(without_noise(first)),
        rankdata(without_noise(second)),
        n_permutations,
        seed,
        strata,
        clusters,
        studentized,
        slope=False,
    )


def mean_difference_test(
    values: ArrayLike,
    group: ArrayLike,
    *,
    n_permutations: int,
    seed: int,
    strata: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    studentized: bool = False,
) -> PermutationTest:
    """Test that two groups have the same distribution by the difference of their means.

    Parameters
    ----------
    values : (n,) array
        The variable.
    group : (n,) array of bool
        True for the first group; the statistic is its mean minus the mean of the others.
    n_permutations, seed, clusters, studentized
        As in :func:`pearson_test`; clusters are of one group each.
    strata : (n,) array, optional
        As there; the statistic is then the mean over strata of the differences within them, weighted by
        n_1 n_0 / (n_1 + n_0).

    Raises
    ------
    ValueError
        As in :func:`pearson_test`, or if ``group`` is not of truth values.
    """
    labels = np.asarray(group)
    if labels.dtype != np.bool_:
        raise ValueError("group must be an array of bool")
    return _test(
        labels.astype(np.float64), values, n_permutations, seed, strata, clusters, studentized, slope=True
    )


def permutation_test(
    values: ArrayLike,
    partners: Sequence[ArrayLike],
    *,
    statistic: Statistic,
    n_permutations: int,
    seed: int,
    strata: ArrayLike | None = None,
) -> PermutationTest:
    """Compare any statistic with its distribution over rearrangements of ``values`` against ``partners``.

    Parameters
    ----------
    values : (n,) array
        What is rearranged.
    partners : sequence of (n,) array
        What stays together.
    statistic : callable
        ``statistic(values, *partners)`` takes (b, n) rearranged values and each partner in g orders, (n, g), and
        returns (b, g): for a sum of products ``lambda y, x: y @ x``. It should be near 0 where values and partners
        are independent; the test is two-sided by its size.
    n_permutations, seed, strata
        As in :func:`pearson_test`.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or fewer than one permutation is asked for.
    """
    moved = finite(values, "values")
    kept = [finite(partner, "partners") for partner in partners]
    if any(partner.size != moved.size for partner in kept):
        raise ValueError("values and partners must have the same length")
    if n_permutations < 1:
        raise ValueError("n_permutations must be at least 1")
    rng = np.random.default_rng(seed)
    plan = arranged(moved.size, strata, rng)
    shared = shared_by(plan.sizes, n_copies=len(kept))
    turned = turns(plan.sizes, shared)
    copies = [np.ascontiguousarray(partner[plan.order][turned].T) for partner in kept]
    start = moved[plan.order]
    n_circles = -(-(n_permutations + 1) // shared)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [statistic(start[None], *copies)]
        parts += [statistic(block, *copies) for block in shuffles(start, plan.sizes, n_circles - 1, rng)]
    found = np.concatenate(parts).ravel()
    # What is too many is left out at random: the observed order stays exchangeable with what is kept.
    kept_null = rng.permutation(found[1:])[:n_permutations] if found.size - 1 > n_permutations else found[1:]
    return PermutationTest(float(found[0]), _p_value(float(found[0]), kept_null), kept_null, shared)


def _p_value(observed: float, null: Floats) -> float:
    if not (np.isfinite(observed) and np.isfinite(null).all()):
        return float("nan")
    size = np.abs(null)
    # Rounding must not break ties with the observed order.
    reach = abs(observed) - _ROUNDING * max(abs(observed), float(size.max()))
    return (int(np.count_nonzero(size >= reach)) + 1) / (null.size + 1)


def _test(
    x: ArrayLike,
    y: ArrayLike,
    n_permutations: int,
    seed: int,
    strata: ArrayLike | None,
    clusters: ArrayLike | None,
    studentized: bool,
    *,
    slope: bool,
) -> PermutationTest:
    """Test by the product of deviations; its scale is that of a correlation, or of a slope of y on x."""
    first, second = finite(x, "x"), finite(y, "y")
    if first.size != second.size:
        raise ValueError("x and y must have the same length")
    if clusters is not None:
        if strata is not None or studentized:
            raise ValueError("clusters go neither with strata nor with studentized")
        labels = labels_of(clusters, first.size, "clusters")
        return _cluster_test(first, second, labels, n_permutations, seed, slope)
    first, second = _deviations(first, strata), _deviations(second, strata)
    xx, yy = float(first @ first), float(second @ second)
    if studentized:
        squared = first**2

        def statistic(block: Floats, one: Floats, two: Floats) -> Floats:
            return np.asarray((block @ one) / np.sqrt((block**2) @ two))

        partners = [first, squared]
    else:
        scale = (xx if slope else np.sqrt(xx * yy)) or float("nan")

        def statistic(block: Floats, one: Floats) -> Floats:  # type: ignore[misc]
            return np.asarray(block @ one)

        partners = [first / scale]
    if not (xx > 0 and yy > 0):
        # A variable that does not vary has no distribution to compare with.
        return PermutationTest(float("nan"), float("nan"), np.full(n_permutations, np.nan), 1)
    return permutation_test(
        second, partners, statistic=statistic, n_permutations=n_permutations, seed=seed, strata=strata
    )


def _cluster_test(
    x: Floats, y: Floats, labels: Codes, n_permutations: int, seed: int, slope: bool
) -> PermutationTest:
    """Clusters exchange their x: sums over rows become products of the clusters' x with sums by cluster."""
    first_row = np.unique(labels, return_index=True)[1]
    assigned = x[first_row]
    if not np.array_equal(assigned[labels], x):
        raise ValueError("x must be the same in all rows of a cluster")
    deviation = _deviations(y, None)
    yy, n = float(deviation @ deviation), x.size
    assigned = assigned - x.mean()
    sums, sizes = np.bincount(labels, deviation), np.bincount(labels).astype(np.float64)
    if not (yy > 0 and assigned.any()):
        return PermutationTest(float("nan"), float("nan"), np.full(n_permutations, np.nan), 1)

    def statistic(block: Floats, cross: Floats, rows: Floats) -> Floats:
        # The variance of x over rows changes with the sizes of the clusters that hold its values.
        xx = (block**2) @ rows - (block @ rows) ** 2 / n
        return np.asarray((block @ cross) / (xx if slope else np.sqrt(xx * yy)))

    return permutation_test(
        assigned, [sums, sizes], statistic=statistic, n_permutations=n_permutations, seed=seed
    )


def _deviations(values: Floats, strata: ArrayLike | None) -> Floats:
    """Subtract the mean, or that of the stratum; what is only rounding becomes 0."""
    if strata is None:
        mean: Floats = np.full(values.size, values.mean())
    else:
        labels = labels_of(strata, values.size, "strata")
        mean = (np.bincount(labels, values) / np.bincount(labels))[labels]
    deviation = values - mean
    largest = float(np.abs(values).max())
    return np.where(np.abs(deviation) <= 4 * np.finfo(np.float64).eps * largest, 0.0, deviation)
