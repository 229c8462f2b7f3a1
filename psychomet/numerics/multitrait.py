"""Correlations of several traits by several methods: blocks, convergent and discriminant measures.

Units are pairs of a trait and a method. Every measure here is a weighted sum of correlations and of absolute
correlations, so that its value in all resamples is one product and its influence follows from its slope.

References
----------
Campbell, D. T. and Fiske, D. W. (1959). Convergent and discriminant validation by the multitrait-multimethod
matrix. Psychological Bulletin, 56(2), 81-105. https://doi.org/10.1037/h0046016

Serapio-Garcia, G. et al. (2025). A psychometric framework for evaluating and shaping personality traits in large
language models. Nature Machine Intelligence, 7, 1954-1968. https://doi.org/10.1038/s42256-025-01115-6
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, stdtrit

from psychomet.numerics.covariance_bootstrap import correlation_influence
from psychomet.numerics.moments import correlation, moments

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Block = Literal["reliability", "monotrait-heteromethod", "heterotrait-monomethod", "heterotrait-heteromethod"]

PLAUSIBLE = 2.0
"""Standard errors by which a true correlation may well lie nearer to 0 than the one observed."""


class MethodPair(NamedTuple):
    """Two methods and the units of the traits that both measure, in one order of traits.

    Attributes
    ----------
    first, second : int
        The methods.
    traits : (t,) array of int
        Traits that both measure.
    rows, columns : (t,) array of int
        Units of these traits by the first and by the second method.
    """

    first: int
    second: int
    traits: Ints
    rows: Ints
    columns: Ints


class Measure(NamedTuple):
    """Weights of a sum over a matrix of correlations.

    Attributes
    ----------
    plain, absolute : (u, u) array
        Symmetric weights of the correlations and of their absolute values; both triangles count.
    """

    plain: Floats
    absolute: Floats


def block_of(trait: Ints, method: Ints, one: int, two: int) -> Block:
    """Return the kind of block in which the correlation of two units stands."""
    if trait[one] == trait[two]:
        return "reliability" if method[one] == method[two] else "monotrait-heteromethod"
    return "heterotrait-monomethod" if method[one] == method[two] else "heterotrait-heteromethod"


def method_pairs(trait: Ints, method: Ints) -> list[MethodPair]:
    """Return every pair of methods that share a trait, with the units of their common traits.

    Parameters
    ----------
    trait, method : (u,) array of int
        Codes of each unit; no pair of them stands twice.
    """
    found = []
    for first, second in combinations(np.unique(method).tolist(), 2):
        place = [{int(trait[u]): int(u) for u in np.flatnonzero(method == m)} for m in (first, second)]
        common = sorted(place[0].keys() & place[1].keys())
        if common:
            rows, columns = (np.array([one[t] for t in common], dtype=np.intp) for one in place)
            found.append(MethodPair(first, second, np.array(common, dtype=np.intp), rows, columns))
    return found


def convergent(pair: MethodPair, u: int) -> Measure:
    """Mean of the monotrait-heteromethod correlations of two methods."""
    made = _empty(u)
    _add(made.plain, pair.rows, pair.columns, 1 / pair.traits.size)
    return made


def discriminant(pair: MethodPair, u: int) -> Measure:
    """Mean absolute heterotrait-heteromethod correlation of two methods; needs two common traits."""
    made = _empty(u)
    t = pair.traits.size
    row, column = np.nonzero(~np.eye(t, dtype=bool))
    _add(made.absolute, pair.rows[row], pair.columns[column], 1 / (t * (t - 1)))
    return made


def trait_delta(pair: MethodPair, place: int, u: int) -> Measure:
    """Delta of one trait: its validity less the mean absolute value of the other cells of its row and column.

    Parameters
    ----------
    pair : MethodPair
        Two methods with t >= 2 common traits.
    place : int
        Place of the trait in ``pair.traits``.
    u : int
        Number of units.
    """
    made = _empty(u)
    others = np.flatnonzero(np.arange(pair.traits.size) != place)
    _add(made.plain, pair.rows[[place]], pair.columns[[place]], 1.0)
    share = -1 / (2 * others.size)
    _add(made.absolute, np.repeat(pair.rows[place], others.size), pair.columns[others], share)
    _add(made.absolute, pair.rows[others], np.repeat(pair.columns[place], others.size), share)
    return made


def mean_of(measures: Sequence[Measure]) -> Measure:
    """Return the mean of some measures."""
    return Measure(
        np.mean([one.plain for one in measures], axis=0), np.mean([one.absolute for one in measures], axis=0)
    )


def less(one: Measure, two: Measure) -> Measure:
    """Return one measure minus another."""
    return Measure(one.plain - two.plain, one.absolute - two.absolute)


def value_of(measure: Measure, cor: Floats) -> Floats:
    """Return a measure of one or many matrices of correlations, (...); NaN where one that counts is.

    Parameters
    ----------
    measure : Measure
        The weights.
    cor : (..., u, u) array
        Correlations.
    """
    row, column = np.nonzero((measure.plain != 0) | (measure.absolute != 0))
    r = cor[..., row, column]
    return np.asarray(r @ measure.plain[row, column] + np.abs(r) @ measure.absolute[row, column])


def weights_of(measure: Measure, pairs: Ints, r: Floats) -> Floats:
    """Return the slope of a measure at each correlation, (c,); at 0 that of the absolute value is taken as 0.

    Parameters
    ----------
    measure : Measure
        The weights.
    pairs : (c, 2) array of int
        Units of each correlation; each pair stands once.
    r : (c,) array
        The correlations.
    """
    row, column = pairs.T
    return np.asarray(2 * (measure.plain[row, column] + measure.absolute[row, column] * np.sign(r)))


class Correlations(NamedTuple):
    """Every correlation of two units.

    Attributes
    ----------
    pairs : (c, 2) array of int
        Units, the smaller number second.
    r : (c,) array
        Pearson's correlations.
    influence : (n, c) array
        Influence of every respondent on each; mean 0; NaN where a unit does not vary.
    std_error : (c,) array
        Standard errors that do not assume normal scores.
    """

    pairs: Ints
    r: Floats
    influence: Floats
    std_error: Floats


def correlations(scores: Floats) -> Correlations:
    """Return every correlation of the columns of (n, u) scores, NaN where there is none, with its influences."""
    n, u = scores.shape
    pairs = np.array([(a, b) for a in range(u) for b in range(a)], dtype=np.intp).reshape(-1, 2)
    r, felt = np.full(len(pairs), np.nan), np.full((n, len(pairs)), np.nan)
    if not np.isnan(scores).any():
        _complete(scores, pairs, r, felt)
    else:
        half = np.array([[0.0, 0.5], [0.5, 0.0]])
        for at, pair in enumerate(pairs):
            values = scores[:, pair]
            sums = moments(values)
            found = correlation(sums)
            r[at] = found[0, 1]
            if np.isfinite(r[at]):
                felt[:, at] = correlation_influence(values, sums, found, half)
    return Correlations(
        pairs, r, felt, np.sqrt(np.sum(felt**2, axis=0) / (n * (n - 1))) if n > 1 else r * np.nan
    )


def _complete(scores: Floats, pairs: Ints, r: Floats, felt: Floats) -> None:
    """Fill in correlations and influences of scores without holes: z_a z_b - r (z_a^2 + z_b^2) / 2."""
    whole = correlation(moments(scores))
    row, column = pairs.T
    r[:] = whole[row, column]
    deviation = scores - scores.mean(axis=0)
    spread = np.sqrt((deviation**2).mean(axis=0))
    z = deviation / np.where(np.isfinite(np.diag(whole)), spread, np.nan)
    square = z**2
    felt[:] = z[:, row] * z[:, column] - r * (square[:, row] + square[:, column]) / 2


class Interval(NamedTuple):
    """A measure with its interval.

    Attributes
    ----------
    std_error, low, high : float
        Standard error and limits; NaN where there are none.
    influence : (n,) array
        Influence of every respondent; mean 0.
    down, up : float
        By how much the limits were moved outwards for the bias of absolute correlations.
    """

    std_error: float
    low: float
    high: float
    influence: Floats
    down: float
    up: float


def measure_interval(
    measure: Measure, found: Correlations, *, estimate: float, conf_level: float
) -> Interval:
    """Return the interval of a measure: t, with the limit widened to which absolute correlations are biased.

    |r| lies above |rho| on average, by s sqrt(2 / pi) where rho = 0 and s is the standard error of r, and by less the
    farther rho is from 0. The limit on that side moves out by the largest bias that the data allow, that at
    max(0, |r| - 2 s) for each correlation. Resampling repeats this bias instead of removing it: percentile and BCa
    limits of a mean absolute correlation hardly ever cover a small one.

    Parameters
    ----------
    measure : Measure
        The weights.
    found : Correlations
        The correlations.
    estimate : float
        Its value.
    conf_level : float
        Nominal coverage; attained or exceeded.
    """
    used = (measure.plain != 0) | (measure.absolute != 0)
    here = used[found.pairs[:, 0], found.pairs[:, 1]]
    slope = weights_of(measure, found.pairs[here], found.r[here])
    felt = found.influence[:, here] @ slope
    n = felt.size
    error = float(np.sqrt(np.sum(felt**2) / (n * (n - 1)))) if n > 1 else math.nan
    if not error > 0:
        return Interval(math.nan, math.nan, math.nan, felt, 0.0, 0.0)
    reach = float(stdtrit(n - 1, (1 + conf_level) / 2)) * error
    size, s = np.abs(found.r[here]), found.std_error[here]
    bias = folded_bias(np.maximum(size - PLAUSIBLE * s, 0.0), s)
    share = 2 * measure.absolute[found.pairs[here, 0], found.pairs[here, 1]]
    down, up = float(bias @ np.maximum(share, 0.0)), float(bias @ np.maximum(-share, 0.0))
    return Interval(error, estimate - reach - down, estimate + reach + up, felt, down, up)


def folded_bias(size: Floats, error: Floats) -> Floats:
    """Return E|z| - size for z normal about ``size`` >= 0 with standard deviation ``error``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = size / error
    bias = error * math.sqrt(2 / math.pi) * np.exp(-(apart**2) / 2) - 2 * size * ndtr(-apart)
    return np.where(error > 0, bias, 0.0)


def expected_absolute(n: float) -> float:
    """Return the mean of |r| over samples of n rows where two normal scores do not correlate.

    Gamma((n - 1) / 2) / (sqrt(pi) Gamma(n / 2)), about sqrt(2 / (pi n)): the value of a mean absolute
    correlation that chance alone gives.
    """
    return math.exp(float(gammaln((n - 1) / 2) - gammaln(n / 2))) / math.sqrt(math.pi) if n > 2 else math.nan


def _empty(u: int) -> Measure:
    return Measure(np.zeros((u, u)), np.zeros((u, u)))


def _add(weights: Floats, rows: Ints, columns: Ints, share: float) -> None:
    """Add a share to each of some cells, half in each triangle."""
    np.add.at(weights, (rows, columns), share / 2)
    np.add.at(weights, (columns, rows), share / 2)
