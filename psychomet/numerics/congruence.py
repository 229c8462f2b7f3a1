"""Do two groups of respondents show the same factors? Tucker's congruence with a bootstrap and two permutation tests.

Loadings of a group are brought to the factors of a common solution first (:class:`Target`). Sample loadings carry
sampling error, which lowers their congruence: d = 1 - phi is too large by about its noise, and in a resample by that
noise once more. The corrected value is therefore 2d - mean(d*), and the interval [2d - q_high, 2d - q_low] ("basic":
Davison and Hinkley 1997, section 5.2), both held within -1 and 1.

References
----------
Lorenzo-Seva, U. and ten Berge, J. M. F. (2006). Tucker's congruence coefficient as a meaningful index of factor
similarity. Methodology, 2(2), 57-64. https://doi.org/10.1027/1614-2241.2.2.57

Chan, W., Ho, R. M., Leung, K., Chan, D. K.-S. and Yung, Y.-F. (1999). An alternative method for evaluating congruence
coefficients with Procrustes rotation: a bootstrap procedure. Psychological Methods, 4(4), 378-402.
https://doi.org/10.1037/1082-989X.4.4.378

Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application. Cambridge University Press.
https://doi.org/10.1017/CBO9780511802843
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.alignment import congruence, matched, procrustes, towards
from psychomet.numerics.factors import Extraction, extract
from psychomet.numerics.moments import correlation, moments
from psychomet.numerics.rotations import Rule, rotate
from psychomet.numerics.rotations.projection import apply

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Alignment = Literal["procrustes", "own"]

_TOLERANCE = 1e-5
_STEPS = 300


class Target(NamedTuple):
    """The common solution to which every group is brought.

    Attributes
    ----------
    unrotated : (k, m) array
        Orthogonal loadings.
    transform : (m, m) array
        T of its rotation.
    rotated : (k, m) array
        Its pattern loadings.
    uniqueness : (k,) array
        Where extractions start.
    extraction : str
        As in :func:`~psychomet.numerics.factors.extract`.
    chosen : Rule
        The rotation.
    alignment : {"procrustes", "own"}
        Loadings of a group are rotated orthogonally towards ``unrotated`` and then as the common solution was; or each
        group gets the minimum of the rotation criterion next to that, its factors matched.
    """

    unrotated: Floats
    transform: Floats
    rotated: Floats
    uniqueness: Floats
    extraction: Extraction
    chosen: Rule
    alignment: Alignment


class Interval(NamedTuple):
    """Corrected congruences and their limits, (m + 1,) each: every factor, then all entries together."""

    corrected: Floats
    std_error: Floats
    low: Floats
    high: Floats
    used: int


class Pairing(NamedTuple):
    """Two groups that may share respondents.

    Attributes
    ----------
    first, second : (n, k) arrays
        Answers, NaN where there is none.
    common : (c, 2) array of int
        Rows of the same respondent in both.
    lone_first, lone_second : arrays of int
        The other rows.
    """

    first: Floats
    second: Floats
    common: Ints
    lone_first: Ints
    lone_second: Ints


def pairing(first: Floats, second: Floats, ids: NDArray[np.generic], others: NDArray[np.generic]) -> Pairing:
    """Return two groups with the respondents that they share; ids are unique within each."""
    _, here, there = np.intersect1d(ids, others, return_indices=True)
    return Pairing(
        first,
        second,
        np.stack([here, there], axis=1).astype(np.intp),
        np.setdiff1d(np.arange(len(ids)), here),
        np.setdiff1d(np.arange(len(others)), there),
    )


def correlations(values: Floats) -> Floats:
    """Return the pairwise correlations of the columns, NaN where an item does not vary."""
    return correlation(moments(values))


def brought(cors: Floats, target: Target, *, apart: bool = False) -> Floats:
    """Return the loadings of each matrix of a stack in the factors of the common solution, (b, k, m).

    With ``apart`` the extractions do not start at the uniquenesses of the common solution: where groups have nothing
    in common they would end in minima near each other, and look alike.
    """
    start = None if apart else target.uniqueness
    found = extract(cors, target.unrotated.shape[1], method=target.extraction, start=start)
    turn = towards(found.loadings, target.unrotated, target.transform)
    usable = np.isfinite(found.loadings).all(axis=(1, 2))
    if target.alignment == "own":
        turned = rotate(
            found.loadings, chosen=target.chosen, start=turn, tolerance=_TOLERANCE, iterations=_STEPS
        )
        return matched(turned.loadings, target.rotated)[0]
    out = np.full_like(found.loadings, np.nan)
    out[usable] = apply(found.loadings[usable], turn[usable], oblique=target.chosen.oblique)
    return out


def congruences(first: Floats, second: Floats) -> Floats:
    """Return Tucker's phi of each factor, and of all entries together, (b, m + 1)."""
    alike = np.diagonal(congruence(first, second), axis1=-2, axis2=-1)
    flat = (*first.shape[:-2], -1, 1)
    whole = congruence(first.reshape(flat), second.reshape(flat))[..., 0]
    return np.concatenate([alike, whole], axis=-1)


def resampled(pair: Pairing, target: Target, *, n_boot: int, seed: int) -> Floats:
    """Return the congruences in bootstrap resamples of respondents, (n_boot, m + 1).

    Respondents in both groups are drawn with all they said; the others within their group.
    """
    rng = np.random.default_rng(seed)
    return _stacked(_draws(pair, rng, n_boot), target, n_boot)


def permuted(pair: Pairing, target: Target, *, n_permutations: int, seed: int) -> Floats:
    """Return the congruences when the groups mean nothing, (n_permutations, m + 1).

    Answers are standardised within each group, so that differences in mean and spread are no difference in structure.
    Respondents in both groups change sides with probability 1/2, the others are dealt anew into groups of the old
    sizes.
    """
    rng = np.random.default_rng(seed)
    standard = pair._replace(first=_standardized(pair.first), second=_standardized(pair.second))
    return _stacked(_deals(standard, rng, n_permutations), target, n_permutations)


def by_chance(first: Floats, second: Floats, *, n_permutations: int, seed: int) -> tuple[Floats, Floats]:
    """Return congruences after Procrustes rotation, and what items in random order give.

    Parameters
    ----------
    first : (k, m) array
        Loadings of one group, the target.
    second : (k, m) array
        Loadings of the other, rotated towards it by least squares.
    n_permutations : int
        Orders of the items.
    seed : int
        Seed.

    Returns
    -------
    observed : (m + 1,) array
    chance : (n_permutations, m + 1) array
        With the rows of ``second`` shuffled before it is rotated: the rotation fits noise as well (Paunonen 1997).
    """
    rng = np.random.default_rng(seed)
    base = np.linalg.svd(second, full_matrices=False)
    orthogonal = base[0] * base[1]
    observed = congruences(first, procrustes(orthogonal, first)[0])
    order = rng.permuted(np.broadcast_to(np.arange(len(second)), (n_permutations, len(second))), axis=1)
    shuffled = orthogonal[order]
    wanted = np.broadcast_to(first, shuffled.shape)
    return observed, congruences(wanted, procrustes(shuffled, wanted)[0])


def basic_interval(observed: Floats, replicates: Floats, conf_level: float) -> Interval:
    """Return corrected congruences with their intervals, as the module says.

    Parameters
    ----------
    observed : (m + 1,) array
        In the data.
    replicates : (n_boot, m + 1) array
        In resamples; rows with NaN are left out.
    conf_level : float
        Nominal coverage.
    """
    finite = replicates[np.isfinite(replicates).all(axis=1)]
    if len(finite) < 2:
        nothing = np.full(observed.shape, np.nan)
        return Interval(nothing, nothing, nothing, nothing, len(finite))
    tail = (1 - conf_level) / 2
    lower, upper = np.quantile(finite, [tail, 1 - tail], axis=0)
    return Interval(
        corrected=np.clip(2 * observed - finite.mean(axis=0), -1.0, 1.0),
        std_error=finite.std(axis=0, ddof=1),
        low=np.clip(2 * observed - upper, -1.0, 1.0),
        high=np.clip(2 * observed - lower, -1.0, 1.0),
        used=len(finite),
    )


def share_at_most(null: Floats, observed: Floats) -> Floats:
    """Return the permutation p value that a congruence is as small as observed, (m + 1,), itself counted."""
    finite = null[np.isfinite(null).all(axis=1)]
    return np.asarray((1 + (finite <= observed + 1e-12).sum(axis=0)) / (1 + len(finite)))


def share_at_least(null: Floats, observed: Floats) -> Floats:
    """Return the permutation p value that a congruence is as large as observed, (m + 1,), itself counted."""
    return share_at_most(-null, -observed)


def _stacked(draws: Iterator[tuple[Floats, Floats]], target: Target, many: int) -> Floats:
    """Congruences of pairs of groups drawn one after the other, extracted all at once."""
    k, m = target.unrotated.shape
    both = np.empty((2, many, k, k))
    for place, (first, second) in enumerate(draws):
        both[0, place], both[1, place] = correlations(first), correlations(second)
    loadings = brought(both.reshape(2 * many, k, k), target).reshape(2, many, k, m)
    return congruences(loadings[0], loadings[1])


def _draws(pair: Pairing, rng: np.random.Generator, many: int) -> Iterator[tuple[Floats, Floats]]:
    for _ in range(many):
        shared = rng.integers(0, max(len(pair.common), 1), len(pair.common))
        here = rng.integers(0, max(pair.lone_first.size, 1), pair.lone_first.size)
        there = rng.integers(0, max(pair.lone_second.size, 1), pair.lone_second.size)
        yield (
            pair.first[np.concatenate([pair.common[shared, 0], pair.lone_first[here]])],
            pair.second[np.concatenate([pair.common[shared, 1], pair.lone_second[there]])],
        )


def _deals(pair: Pairing, rng: np.random.Generator, many: int) -> Iterator[tuple[Floats, Floats]]:
    lone = np.concatenate([pair.first[pair.lone_first], pair.second[pair.lone_second]])
    shared = np.stack([pair.first[pair.common[:, 0]], pair.second[pair.common[:, 1]]])
    row = np.arange(len(pair.common))
    cut = pair.lone_first.size
    for _ in range(many):
        side = rng.integers(0, 2, row.size)
        order = rng.permutation(len(lone))
        yield (
            np.concatenate([shared[side, row], lone[order[:cut]]]),
            np.concatenate([shared[1 - side, row], lone[order[cut:]]]),
        )


def _standardized(values: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1 over their answers."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=0), 1)
    centre = np.where(there, values, 0.0).sum(axis=0) / count
    deviation = values - centre
    spread = np.sqrt(np.where(there, deviation**2, 0.0).sum(axis=0) / count)
    return np.asarray(deviation / np.where(spread > 0, spread, 1.0))
