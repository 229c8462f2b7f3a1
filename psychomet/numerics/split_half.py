"""Split-half reliability over all splits of the items: the best, the worst and the mean.

A split gives each item a sign s_j; with halves A and B the coefficient is Guttman's (Rulon's)
4 cov(A, B) / V = 1 - s'Cs / V, V = 1'C1, which needs no equal variances of the halves. Halves have k / 2
items each, for an odd k one of them has one more. The best split is Guttman's lambda 4 restricted to such
halves; the worst is Revelle's beta.

References
----------
Guttman, L. (1945). A basis for analyzing test-retest reliability. Psychometrika, 10(4), 255-282.
https://doi.org/10.1007/BF02288892

Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika, 16, 297-334.
https://doi.org/10.1007/BF02310555

Revelle, W. (1979). Hierarchical cluster analysis and the internal structure of tests. Multivariate
Behavioral Research, 14(1), 57-74. https://doi.org/10.1207/s15327906mbr1401_4
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.lower_bounds import Bound, one_minus_share

Floats = NDArray[np.float64]
Signs = NDArray[np.int8]

EXACT_ITEMS = 20
"""Most items of which all splits are gone through (92,378 of them); beyond, starts and exchanges."""
STARTS = 200
_BLOCK_CELLS = 4_000_000


class Extremes(NamedTuple):
    """The best and the worst split of each of some matrices.

    Attributes
    ----------
    high, low : (b, k) array of int8
        The signs of the items, +1 in one half and -1 in the other.
    exact : bool
        Whether all splits were looked at.
    """

    high: Signs
    low: Signs
    exact: bool


@lru_cache(maxsize=8)
def all_splits(k: int) -> Signs:
    """Return every split of k items into halves, (m, k) signs; for an even k item 1 is always +1."""
    half = k // 2
    fixed = k % 2 == 0
    chosen = combinations(range(1, k), half - 1) if fixed else combinations(range(k), half)
    width = half - 1 if fixed else half
    count = comb(k - 1, half - 1) if fixed else comb(k, half)
    places = np.fromiter((j for split in chosen for j in split), dtype=np.intp, count=count * width)
    signs = np.full((count, k), -1, dtype=np.int8)
    signs[np.arange(count)[:, None], places.reshape(count, width)] = 1
    if fixed:
        signs[:, 0] = 1
    signs.flags.writeable = False
    return signs


def split_extremes(cov: Floats, *, seed: int, exact_items: int = EXACT_ITEMS) -> Extremes:
    """Return the splits with the highest and the lowest coefficient.

    Up to ``exact_items`` items by going through all splits; beyond, from 200 random splits by exchanging
    the pair of items that helps most until none does, which finds a local optimum.

    Parameters
    ----------
    cov : (b, k, k) array
        Covariances.
    seed : int
        Seed of the random splits; not used where all are gone through.
    exact_items : int
        Most items of which all splits are gone through.
    """
    k = cov.shape[-1]
    if k > exact_items:
        found = [(_exchange(one, seed), _exchange(-one, seed)) for one in cov]
        high, low = (np.array(part, dtype=np.int8) for part in zip(*found, strict=True))
        return Extremes(high, low, False)
    signs = all_splits(k)
    upper = np.triu_indices(k, 1)
    pairs = cov[:, *upper]
    b = cov.shape[0]
    best, worst = np.full(b, np.inf), np.full(b, -np.inf)
    at_best, at_worst = np.zeros(b, dtype=np.intp), np.zeros(b, dtype=np.intp)
    step = max(1, _BLOCK_CELLS // (b + len(upper[0])))
    for start in range(0, signs.shape[0], step):
        part = signs[start : start + step]
        form = (part[:, upper[0]] * part[:, upper[1]]).astype(np.float64) @ pairs.T
        places = form.argmin(axis=0), form.argmax(axis=0)
        lowest, highest = form[places[0], np.arange(b)], form[places[1], np.arange(b)]
        at_best[lowest < best] = start + places[0][lowest < best]
        at_worst[highest > worst] = start + places[1][highest > worst]
        best, worst = np.minimum(best, lowest), np.maximum(worst, highest)
    return Extremes(signs[at_best], signs[at_worst], True)


def split_coefficient(cov: Floats, *, signs: Signs) -> Bound:
    """Return 1 - s'Cs / V of given splits, with the gradient at the split.

    Parameters
    ----------
    cov : (..., k, k) array
        Covariances; of correlations this is what ``psych::splitHalf(x, check.keys = FALSE)`` prints.
        psych up to 2.2.9 looks at half of the splits of an odd number of items, 2.5.3 at all.
    signs : (..., k) array of int
        +1 for the items of one half, -1 for those of the other.
    """
    s = signs.astype(np.float64)
    slope = s[..., :, None] * s[..., None, :]
    return one_minus_share(cov, (slope * cov).sum(axis=(-2, -1)), slope)


def mean_split(cov: Floats) -> Bound:
    """Return the mean coefficient over all splits into halves, in closed form.

    Over all splits the mean of s_j s_l is -1 / (k - 1) for an even k and -1 / k for an odd one, so that
    the mean coefficient is alpha for an even k (Cronbach 1951), and (k + 1)(k - 1) / k^2 times alpha for
    an odd one.

    Parameters
    ----------
    cov : (..., k, k) array
        Covariances.
    """
    k = cov.shape[-1]
    together = -1 / (k - 1 if k % 2 == 0 else k)
    slope = np.broadcast_to(np.where(np.eye(k, dtype=bool), 1.0, together), cov.shape)
    return one_minus_share(cov, (slope * cov).sum(axis=(-2, -1)), slope)


def spearman_brown(r: Floats | float, *, factor: float = 2.0) -> Floats:
    """Return the reliability of a test ``factor`` times as long, factor r / (1 + (factor - 1) r).

    With ``factor = 2`` it steps the correlation of two halves up to the whole test, which is Rulon's
    coefficient where the halves have equal variances and above it otherwise.

    Parameters
    ----------
    r : float or array
        Reliability, or correlation of parallel parts.
    factor : float
        How many times as long the test becomes.
    """
    r = np.asarray(r, dtype=np.float64)
    return factor * r / (1 + (factor - 1) * r)


def _exchange(cov: Floats, seed: int) -> Signs:
    """Signs with a locally least s'Cs: from random splits, swap the best pair until none helps."""
    rng = np.random.default_rng(seed)
    k = cov.shape[0]
    start = np.where(np.arange(k) < k // 2, 1.0, -1.0)
    s = rng.permuted(np.tile(start, (STARTS, 1)), axis=1)
    moving = np.arange(STARTS)
    off = cov - np.diag(np.diagonal(cov))
    while moving.size:
        now = s[moving]
        pull = now * (now @ off)
        # Turning j and l, of unlike signs, changes s'Cs by -4 (pull_j + pull_l) + 8 s_j s_l c_jl.
        change = -4 * (pull[:, :, None] + pull[:, None, :]) - 8 * off
        change[now[:, :, None] * now[:, None, :] > 0] = np.inf
        flat = change.reshape(moving.size, -1)
        place = flat.argmin(axis=1)
        better = flat[np.arange(moving.size), place] < -1e-12 * np.abs(cov).sum()
        moving, place = moving[better], place[better]
        s[moving, place // k] *= -1
        s[moving, place % k] *= -1
    return s[np.einsum("sj,jl,sl->s", s, cov, s).argmin()].astype(np.int8)
