"""Correlations of several traits by several methods: blocks, convergent and discriminant measures, tests.

Units are pairs of a trait and a method. Every measure here is a weighted sum of correlations and of absolute
correlations, so that its value in all resamples is one product and its influence follows from its slope.

References
----------
Campbell, D. T. and Fiske, D. W. (1959). Convergent and discriminant validation by the multitrait-multimethod
matrix. Psychological Bulletin, 56(2), 81-105. https://doi.org/10.1037/h0046016

Hubert, L. J. and Baker, F. B. (1978). Analyzing the multitrait-multimethod matrix. Multivariate Behavioral
Research, 13(2), 163-179. https://doi.org/10.1207/s15327906mbr1302_4

Henseler, J., Ringle, C. M. and Sarstedt, M. (2015). A new criterion for assessing discriminant validity in
variance-based structural equation modeling. Journal of the Academy of Marketing Science, 43, 115-135.
https://doi.org/10.1007/s11747-014-0403-8

Roemer, E., Schuberth, F. and Henseler, J. (2021). HTMT2: an improved criterion for assessing discriminant
validity in structural equation modeling. Industrial Management & Data Systems, 121(12), 2637-2650.
https://doi.org/10.1108/IMDS-02-2021-0082
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, stdtrit

from psychomet.numerics.covariance_bootstrap import correlation_influence
from psychomet.numerics.moments import correlation, moments

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Block = Literal["reliability", "monotrait-heteromethod", "heterotrait-monomethod", "heterotrait-heteromethod"]
Version = Literal["1", "2"]

MOST_TRAITS = 7
"""Up to so many traits all relabellings are gone through (7! = 5,040); beyond, as many are drawn."""
N_RELABELLINGS = 5_040
_SLACK = 1e-12
# Standard errors by which a true correlation may plausibly lie nearer to 0 than the one observed.
_PLAUSIBLE = 2.0


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


class Comparisons(NamedTuple):
    """Validities held against other correlations.

    Attributes
    ----------
    validity : (c, 2) array of int
        Units of the validity of each comparison.
    other : (c, 2) array of int
        Units of the correlation that it should exceed.
    """

    validity: Ints
    other: Ints


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
    bias = folded_bias(np.maximum(size - _PLAUSIBLE * s, 0.0), s)
    share = 2 * measure.absolute[found.pairs[here, 0], found.pairs[here, 1]]
    down, up = float(bias @ np.maximum(share, 0.0)), float(bias @ np.maximum(-share, 0.0))
    return Interval(error, estimate - reach - down, estimate + reach + up, felt, down, up)


def folded_bias(size: Floats, error: Floats) -> Floats:
    """Return E|z| - size for z normal about ``size`` >= 0 with standard deviation ``error``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio_ = size / error
    bias = error * math.sqrt(2 / math.pi) * np.exp(-(ratio_**2) / 2) - 2 * size * ndtr(-ratio_)
    return np.where(error > 0, bias, 0.0)


def expected_absolute(n: float) -> float:
    """Return the mean of |r| over samples of n rows where two normal scores do not correlate.

    Gamma((n - 1) / 2) / (sqrt(pi) Gamma(n / 2)), about sqrt(2 / (pi n)): the value of a mean absolute
    correlation that chance alone gives.
    """
    return math.exp(float(gammaln((n - 1) / 2) - gammaln(n / 2))) / math.sqrt(math.pi) if n > 2 else math.nan


def heteromethod_comparisons(pair: MethodPair) -> Comparisons:
    """Each validity against the other cells of its row and column in the heteromethod block."""
    validity, other = [], []
    for d, s in permutations(range(pair.traits.size), 2):
        for a, b in ((d, s), (s, d)):
            validity.append((pair.rows[d], pair.columns[d]))
            other.append((pair.rows[a], pair.columns[b]))
    return _comparisons(validity, other)


def monomethod_comparisons(pair: MethodPair) -> Comparisons:
    """Each validity against the correlations of its trait with the other common traits within each method."""
    validity, other = [], []
    for d, s in permutations(range(pair.traits.size), 2):
        for units in (pair.rows, pair.columns):
            validity.append((pair.rows[d], pair.columns[d]))
            other.append((units[d], units[s]))
    return _comparisons(validity, other)


def exceeding(comparisons: Comparisons, cor: Floats) -> NDArray[np.bool_]:
    """Say of each comparison whether the validity exceeds the absolute value of the other correlation."""
    return np.asarray(
        cor[comparisons.validity[:, 0], comparisons.validity[:, 1]]
        > np.abs(cor[comparisons.other[:, 0], comparisons.other[:, 1]])
    )


def triangles(trait: Ints, method: Ints, cor: Floats) -> list[Floats]:
    """Return the heterotrait correlations of every block over the traits that all methods measure.

    The lower triangle within each method, and both triangles between each two methods, each with the pairs of
    traits in one order.
    """
    methods = np.unique(method).tolist()
    sets = [set(trait[method == m].tolist()) for m in methods]
    common = sorted(set.intersection(*sets)) if sets else []
    place = {(int(t), int(m)): u for u, (t, m) in enumerate(zip(trait, method, strict=True))}
    pairs = list(combinations(common, 2))
    found = []
    for a in methods:
        for b in methods:
            found.append(np.array([cor[place[s, a], place[t, b]] for s, t in pairs]))
    return found if len(pairs) > 1 else []


def concordant(patterns: Sequence[Floats]) -> tuple[int, int]:
    """Count over all two triangles the pairs of their cells that stand in one order; and all pairs without ties."""
    same = every = 0
    for one, two in combinations(patterns, 2):
        row, column = np.triu_indices(one.size, 1)
        order = np.sign(one[row] - one[column]) * np.sign(two[row] - two[column])
        same += int(np.count_nonzero(order > 0))
        every += int(np.count_nonzero(order != 0))
    return same, every


def relabelled(cor: Floats, pair: MethodPair, *, seed: int) -> tuple[float, int]:
    """Test whether convergent minus discriminant r is as large when the traits of one method are renamed.

    Hubert and Baker (1978): under arbitrary names every matching of the traits of two methods is as good as the
    one given. All t! of them up to seven traits, else so many drawn, the one given included.

    Returns
    -------
    p_value : float
        Share of matchings with a difference at least as large.
    count : int
        Matchings looked at.
    """
    t = pair.traits.size
    block = cor[np.ix_(pair.rows, pair.columns)]
    if t < 2 or np.isnan(block).any():
        return math.nan, 0
    orders = _orders(t, seed)
    matched = block[np.arange(t), orders]
    size = np.abs(matched).sum(axis=1)
    differences = matched.sum(axis=1) / t - (np.abs(block).sum() - size) / (t * (t - 1))
    seen = differences[0]
    return float(np.mean(differences >= seen - _SLACK * max(1.0, abs(seen)))), len(orders)


def exceeding_tests(r: Floats, influences: Floats, first: Ints, second: Ints) -> Floats:
    """Return one-sided p values that some correlations exceed the absolute values of others.

    Compared on Fisher's scale, with the standard error from the influence of every respondent on the difference,
    so that the two may share units and respondents.

    Parameters
    ----------
    r : (c,) array
        Correlations.
    influences : (n, c) array
        Influence of every respondent on each; mean 0.
    first, second : (m,) array of int
        Which exceeds which.

    Returns
    -------
    (m,) array
        NaN where a correlation is perfect or not there.
    """
    n = influences.shape[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 1 / (1 - r**2)
        moved = influences[:, first] * slope[first] - influences[:, second] * (slope * np.sign(r))[second]
        error = np.sqrt(np.sum(moved**2, axis=0) / (n * (n - 1)))
        z = (np.arctanh(r[first]) - np.arctanh(np.abs(r[second]))) / error
    return np.where(np.isfinite(z), ndtr(-z), np.nan)


def ratio(cor: Floats, first: Ints, second: Ints, version: Version) -> Floats:
    """Return the heterotrait-monotrait ratio of two sets of indicators, (...).

    Mean absolute correlation between the sets over the geometric mean of those within them; all means arithmetic
    (version 1) or geometric (version 2).

    Parameters
    ----------
    cor : (..., k, k) array
        Correlations of the indicators.
    first, second : arrays of int
        The indicators of either trait, two or more.
    version : {"1", "2"}
    """
    parts = [_centre(np.abs(cells), version) for cells in _cells(cor, first, second)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(parts[0] / np.sqrt(parts[1] * parts[2]))


def log_ratio_slope(cor: Floats, first: Ints, second: Ints, version: Version) -> Floats:
    """Return the symmetric gradient (k, k) of the logarithm of :func:`ratio`."""
    pull = np.zeros_like(cor)
    for cells, times in zip(_places(first, second), (1.0, -0.5, -0.5), strict=True):
        r = cor[cells]
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.sign(r) / np.abs(r).sum() if version == "1" else 1 / (r * r.size)
        pull[cells] += times * own
    return np.asarray((pull + pull.T) / 2)


def _places(first: Ints, second: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Rows and columns of the cells between two sets, within the first, within the second."""
    yield np.repeat(first, second.size), np.tile(second, first.size)
    for one in (first, second):
        row, column = np.triu_indices(one.size, 1)
        yield one[row], one[column]


def _cells(cor: Floats, first: Ints, second: Ints) -> Iterator[Floats]:
    for rows, columns in _places(first, second):
        yield cor[..., rows, columns]


def _centre(values: Floats, version: Version) -> Floats:
    if version == "1":
        return np.asarray(values.mean(axis=-1))
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.log(values).mean(axis=-1)))


def _orders(t: int, seed: int) -> Ints:
    """Orders of t traits, the one given first."""
    if t <= MOST_TRAITS:
        return np.array(list(permutations(range(t))), dtype=np.intp)
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(np.arange(t), (N_RELABELLINGS - 1, 1)), axis=1)
    return np.vstack([np.arange(t), drawn]).astype(np.intp)


def _comparisons(validity: list[tuple[int, int]], other: list[tuple[int, int]]) -> Comparisons:
    return Comparisons(
        np.array(validity, dtype=np.intp).reshape(-1, 2), np.array(other, dtype=np.intp).reshape(-1, 2)
    )


def _empty(u: int) -> Measure:
    return Measure(np.zeros((u, u)), np.zeros((u, u)))


def _add(weights: Floats, rows: Ints, columns: Ints, share: float) -> None:
    """Add a share to each of some cells, half in each triangle."""
    np.add.at(weights, (rows, columns), share / 2)
    np.add.at(weights, (columns, rows), share / 2)
