"""Correlation of two scores over respondents: estimates, intervals, tests and resamples.

References
----------
Fisher, R. A. (1915). Frequency distribution of the values of the correlation coefficient in samples from an
indefinitely large population. Biometrika, 10(4), 507-521. https://doi.org/10.1093/biomet/10.4.507

Bonett, D. G. and Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall and
Spearman correlations. Psychometrika, 65(1), 23-28. https://doi.org/10.1007/BF02294183

Devlin, S. J., Gnanadesikan, R. and Kettenring, J. R. (1975). Robust estimation and outlier detection with
correlation coefficients. Biometrika, 62(3), 531-545. https://doi.org/10.1093/biomet/62.3.531

Croux, C. and Dehon, C. (2010). Influence functions of the Spearman and Kendall correlation measures.
Statistical Methods and Applications, 19, 497-515. https://doi.org/10.1007/s10260-010-0142-z

Hesterberg, T. C. (2015). What teachers should know about the bootstrap: resampling in the undergraduate
statistics curriculum. The American Statistician, 69(4), 371-386. https://doi.org/10.1080/00031305.2015.1089789
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit
from scipy.stats import rankdata

from psychomet.numerics.resample import percentile_interval, resample_weights

Floats = NDArray[np.float64]
Kind = Literal["pearson", "spearman"]

EXACT_MAX_N = 9
"""Largest number of pairs for which the rank test goes through all permutations (9! = 362,880)."""

# Cells of the largest array of one block of resamples: 16 MB.
_MAX_CELLS = 2_000_000
# Steps between neighbours, as a share of the largest value, that rounding makes: 4,500 units in the last place.
_ROUNDING = 1e-12


class Replicates(NamedTuple):
    """Correlations in each resample, shape (n_boot, pairs); NaN where a score did not vary."""

    pearson: Floats
    spearman: Floats


def pearson(x: Floats, y: Floats) -> float:
    """Return the product-moment correlation of two (n,) arrays; NaN where one does not vary."""
    first, second = _deviation(x), _deviation(y)
    scale = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.clip(first @ second / scale, -1.0, 1.0)) if scale > 0 else float("nan")


def spearman(x: Floats, y: Floats) -> float:
    """Return the rank correlation of two (n,) arrays: Pearson's r of their midranks."""
    return pearson(rankdata(without_noise(x)), rankdata(without_noise(y)))


def without_noise(values: Floats) -> Floats:
    """Return values in which those that differ by rounding alone are equal, so that they share a rank.

    Means of the same answers may differ in their last digit by the order of summation; which of them is
    the higher is then an accident of the machine and of the unit.

    Parameters
    ----------
    values : (n,) array
        No missing value.
    """
    values = np.asarray(values, dtype=float)
    order = np.argsort(values, kind="stable")
    steps = np.diff(values[order])
    heads = np.concatenate([[True], steps > _ROUNDING * np.abs(values).max(initial=0.0)])
    out = np.empty_like(values, dtype=float)
    out[order] = values[order][np.flatnonzero(heads)[np.cumsum(heads) - 1]]
    return out


def fisher_interval(r: float, *, n: int, conf_level: float, kind: Kind) -> tuple[float, float, float]:
    """Return standard error and limits of a correlation from Fisher's z = atanh(r).

    The variance of z is 1 / (n - 3) for Pearson's r (Fisher 1915, bivariate normal scores) and
    (1 + r^2 / 2) / (n - 3) for Spearman's (Bonett and Wright 2000). The standard error is that of r,
    (1 - r^2) times that of z.

    Parameters
    ----------
    r : float
        The correlation.
    n : int
        Number of respondents.
    conf_level : float
        Nominal coverage.
    kind : {"pearson", "spearman"}

    Returns
    -------
    std_error, low, high : float
        NaN where n < 4 or the correlation is perfect.
    """
    if n < 4 or not abs(r) < 1:
        return float("nan"), float("nan"), float("nan")
    widened = 1 + r * r / 2 if kind == "spearman" else 1.0
    error = float(np.sqrt(widened / (n - 3)))
    reach = float(ndtri((1 + conf_level) / 2)) * error
    z = float(np.arctanh(r))
    return (1 - r * r) * error, float(np.tanh(z - reach)), float(np.tanh(z + reach))


def correlation_test(r: float, n: int) -> tuple[float, float, float]:
    """Return t = r sqrt((n - 2) / (1 - r^2)), n - 2 and the two-sided p value; NaN where n < 3."""
    if n < 3 or np.isnan(r):
        return float("nan"), float("nan"), float("nan")
    if abs(r) == 1:
        return float(np.copysign(np.inf, r)), n - 2.0, 0.0
    t = r * float(np.sqrt((n - 2) / (1 - r * r)))
    return t, n - 2.0, float(2 * stdtr(n - 2, -abs(t)))


def rank_test(x: Floats, y: Floats) -> float:
    """Return the exact two-sided p value of Spearman's correlation of at most nine pairs.

    The share of all orderings of y, its ties kept, whose correlation with x is at least as far from 0
    as the one observed. Without ties it is the p value of R's cor.test.

    Parameters
    ----------
    x, y : (n,) array
        2 <= n <= EXACT_MAX_N.
    """
    first, second = (_deviation(rankdata(without_noise(values))) for values in (x, y))
    if not (first.any() and second.any()):
        return float("nan")
    products = second[_orderings(x.size)] @ first
    seen = abs(float(first @ second))
    return float(np.mean(np.abs(products) >= seen * (1 - 1e-12)))


def influence(x: Floats, y: Floats, *, kind: Kind) -> Floats:
    """Return the empirical influence of each respondent on a correlation.

    For Pearson's r with u, v the standardised scores it is u v - r (u^2 + v^2) / 2 (Devlin et al. 1975);
    for Spearman's it is the same with the terms by which a respondent moves the ranks of all others
    (Croux and Dehon 2010, here with ties). Its mean is 0, and sqrt(sum of squares) / n is a standard
    error that does not assume normality, too small by about 1 / n.

    Parameters
    ----------
    x, y : (n,) array
    kind : {"pearson", "spearman"}
    """
    if kind == "pearson":
        u, v = (_deviation(values) for values in (x, y))
        u, v = u / np.sqrt(np.mean(u**2)), v / np.sqrt(np.mean(v**2))
        return u * v - np.mean(u * v) * (u**2 + v**2) / 2
    x, y = without_noise(x), without_noise(y)
    first, second = _deviation(rankdata(x)) / x.size, _deviation(rankdata(y)) / y.size
    products = ((first, second, x, y), (first, first, x, x), (second, second, y, y))
    moments = [float(np.mean(a * b)) for a, b, _, _ in products]
    moves = [
        a * b + _pull(at, b) + _pull(to, a) - 3 * moment
        for (a, b, at, to), moment in zip(products, moments, strict=True)
    ]
    scale = np.sqrt(moments[1] * moments[2])
    r = moments[0] / scale
    return moves[0] / scale - r / 2 * (moves[1] / moments[1] + moves[2] / moments[2])


def bootstrap_correlations(
    columns: Floats, pairs: Sequence[tuple[int, int]], *, n_boot: int, seed: int
) -> Replicates:
    """Return both correlations of chosen pairs of columns in resamples of the rows.

    Resampling is by counts (how often each respondent was drawn). Pearson's r then comes from weighted
    sums, one matrix product per block. Spearman's is ranked afresh within each resample: a value's
    midrank is the number drawn below it plus half of one more than the number drawn with it, from
    cumulative sums of the counts in the order of the values, so nothing is sorted twice.

    Parameters
    ----------
    columns : (n, k) array
        No missing value.
    pairs : sequence of (int, int)
        Positions of the two columns of each pair.
    n_boot : int
        Number of resamples.
    seed : int
        Seed; the same seed and n give the same resamples.

    Returns
    -------
    Replicates
    """
    n, k = columns.shape
    scores = columns - columns.mean(0)
    sizes = np.abs(scores).max(0)
    scores = scores / np.where(sizes > 0, sizes, 1.0)
    first, second = np.array(pairs, dtype=np.intp).T
    used = np.unique(np.concatenate([first, second]))
    orders = {int(column): _tied_order(without_noise(columns[:, column])) for column in used}
    products = scores[:, first] * scores[:, second]
    blocks: list[Replicates] = []
    for weights in resample_weights(n, n_boot=n_boot, seed=seed, max_cells=max(n, _MAX_CELLS // (k + 1))):
        mean = weights @ scores / n
        square = weights @ scores**2 / n - mean**2
        cross = weights @ products / n - mean[:, first] * mean[:, second]
        ranks = {column: _weighted_midranks(weights, *order) for column, order in orders.items()}
        blocks.append(
            Replicates(
                _ratio(cross, square[:, first], square[:, second]),
                _rank_correlations(weights, ranks, first, second),
            )
        )
    return Replicates(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def resample_limits(replicates: Floats, *, n: int, conf_level: float) -> tuple[float, float, float]:
    """Return standard error and expanded percentile limits from resampled correlations.

    The tails are Phi(-sqrt(n / (n - 1)) t) with t the quantile of Student's distribution with n - 1
    degrees of freedom in place of the nominal ones (Hesterberg 2015): plain percentile limits are those
    of a mean with the normal quantile and the divisor n, and cover too rarely when n is small. Where
    scores have heavy tails they cover better than the bias-corrected and accelerated limits.

    Parameters
    ----------
    replicates : (n_boot,) array
        NaN entries are left out.
    n : int
        Number of respondents.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    std_error, low, high : float
        NaN with fewer than two replicates.
    """
    finite = replicates[np.isfinite(replicates)]
    if finite.size < 2 or n < 2:
        return float("nan"), float("nan"), float("nan")
    tail = float(ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - conf_level) / 2)))
    return float(finite.std(ddof=1)), *percentile_interval(finite, 1 - 2 * tail)


def _rank_correlations(
    weights: Floats, ranks: dict[int, Floats], first: NDArray[np.intp], second: NDArray[np.intp]
) -> Floats:
    """Weighted correlations of ranks that are given as deviations from their mean."""
    n = weights.shape[1]
    weighted = {column: weights * rank for column, rank in ranks.items()}
    square = {column: np.einsum("bn,bn->b", weighted[column], ranks[column]) / n**3 for column in ranks}
    found = [
        _ratio(np.einsum("bn,bn->b", weighted[a], ranks[b]) / n**3, square[a], square[b])
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    return np.stack(found, axis=1)


def _weighted_midranks(
    weights: Floats, order: NDArray[np.intp], starts: NDArray[np.intp], tie: NDArray[np.intp]
) -> Floats:
    """Midranks within each resample as deviations from (n + 1) / 2, in the order of the respondents."""
    drawn = np.add.reduceat(weights[:, order], starts, axis=1)
    below = np.cumsum(drawn, axis=1) - drawn
    return (below + (drawn - weights.shape[1]) / 2)[:, tie]


def _tied_order(values: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Sorting order, where each run of equal values starts in it, and each respondent's run."""
    order = np.argsort(values, kind="stable")
    new = np.concatenate([[True], np.diff(values[order]) != 0])
    tie = np.empty(values.size, dtype=np.intp)
    tie[order] = np.cumsum(new) - 1
    return order, np.flatnonzero(new), tie


def _pull(values: Floats, partner: Floats) -> Floats:
    """By how much each respondent raises the ranks of those above, summed with the partner's score."""
    order, starts, tie = _tied_order(values)
    by_run = np.add.reduceat(partner[order], starts)
    above = by_run[::-1].cumsum()[::-1] - by_run / 2
    return above[tie] / values.size


def _ratio(cross: Floats, first: Floats, second: Floats) -> Floats:
    """Correlation from (co)variances; NaN where a variance is no more than rounding."""
    least = 1e-14
    with np.errstate(invalid="ignore", divide="ignore"):
        r = cross / np.sqrt(first * second)
    return np.where((first > least) & (second > least), np.clip(r, -1.0, 1.0), np.nan)


def _deviation(values: Floats) -> Floats:
    """Deviations from the mean; all 0 where they are no more than rounding."""
    deviation = values - values.mean()
    eps = 10 * float(np.finfo(np.float64).eps)
    return deviation if np.abs(deviation).max() > eps * np.abs(values).max() else np.zeros_like(deviation)


@lru_cache(maxsize=EXACT_MAX_N)
def _orderings(n: int) -> NDArray[np.int8]:
    """Return all n! orderings of n positions."""
    flat = np.fromiter((at for order in permutations(range(n)) for at in order), dtype=np.int8)
    return flat.reshape(-1, n)
