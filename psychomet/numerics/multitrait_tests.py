"""Campbell and Fiske's comparisons, the test of matchings, and heterotrait-monotrait ratios.

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
from scipy.special import stdtr, stdtrit

from psychomet.numerics.covariance_bootstrap import correlation_influence
from psychomet.numerics.moments import moments
from psychomet.numerics.multitrait import PLAUSIBLE, MethodPair, folded_bias

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Version = Literal["1", "2"]

MOST_TRAITS = 7
"""Up to so many traits all relabellings are gone through (7! = 5,040); beyond, as many are drawn."""
N_RELABELLINGS = 5_040
_SLACK = 1e-12
# Reach on the logarithm beyond which limits would be a factor of 20 and more away: no interval.
_FARTHEST = 3.0


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
        # n - 3, as for Fisher's z: influences vary less than correlations of small samples do.
        error = np.sqrt(np.sum(moved**2, axis=0) / (n * max(n - 3, 1)))
        t = (np.arctanh(r[first]) - np.arctanh(np.abs(r[second]))) / error
    return np.where(np.isfinite(t), stdtr(max(n - 3, 1), -t), np.nan)


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


class RatioInterval(NamedTuple):
    """Standard error, limits and influences of a ratio; NaN where there is no interval."""

    std_error: float
    low: float
    high: float
    influence: Floats


def ratio_interval(
    values: Floats, cor: Floats, first: Ints, second: Ints, *, version: Version, conf_level: float
) -> RatioInterval:
    """Return the interval of :func:`ratio`: t on the logarithm, widened for the bias of absolute correlations.

    Version 1: the lower limit, on the ratio's own scale so that it can reach 0, moves down by the largest bias of the
    mean between the sets that the data allow, the upper one up by that of the means within them. Version 2: a single
    true correlation of 0 makes the ratio 0, so that the lower limit is 0 where any observed one lies within two
    standard errors of it; where such correlations would put the upper limit many times away, it is that of version 1
    times the quotient of the means within the sets, arithmetic over geometric, which no ratio exceeds.

    Parameters
    ----------
    values : (n, k) array
        The indicators, NaN where there is no answer.
    cor : (k, k) array
        Their correlations.
    first, second : arrays of int
        The indicators of either trait.
    version : {"1", "2"}
    conf_level : float
        Nominal coverage.
    """
    sums = moments(values)
    n = values.shape[0]
    value = float(ratio(cor, first, second, version))
    felt = correlation_influence(values, sums, cor, log_ratio_slope(cor, first, second, version))
    error = float(np.sqrt(np.sum(felt**2) / (n * (n - 1))))
    reach = float(stdtrit(n - 1, (1 + conf_level) / 2)) * error
    if version == "2" and reach >= _FARTHEST:
        plain = ratio_interval(values, cor, first, second, version="1", conf_level=conf_level)
        within = [
            float(_centre(size, "1") / _centre(size, "2")) for size in map(np.abs, _cells(cor, first, second))
        ][1:]
        high = plain.high * math.sqrt(within[0] * within[1])
        return RatioInterval(math.nan, 0.0, high, value * felt)
    if not 0 < reach < _FARTHEST:
        return RatioInterval(math.nan, math.nan, math.nan, value * felt)
    errors = (1 - cor**2) / np.sqrt(np.maximum(sums.count - 1, 1))
    cells = [(np.abs(cor[place]), errors[place]) for place in _places(first, second)]
    if version == "2":
        size, s = cells[0]
        unsure = bool((size < PLAUSIBLE * s).any())
        low, high = 0.0 if unsure else value * math.exp(-reach), value * math.exp(reach)
        return RatioInterval(value * error, low, high, value * felt)
    share = [
        float(folded_bias(np.maximum(size - PLAUSIBLE * s, 0.0), s).mean() / size.mean()) for size, s in cells
    ]
    unbiased = math.sqrt((1 - min(share[1], 0.5)) * (1 - min(share[2], 0.5)))
    low = max(0.0, value * (1 - reach - share[0]))
    return RatioInterval(value * error, low, value * math.exp(reach) / unbiased, value * felt)


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
