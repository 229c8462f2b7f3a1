"""Sizes of dependence with intervals: bias-corrected kernel and distance correlations, Cramer's V.

References
----------
Székely, G. J. and Rizzo, M. L. (2014). Partial distance correlation with methods for dissimilarities. Annals of
Statistics, 42(6), 2382-2412. https://doi.org/10.1214/14-AOS1255

Song, L., Smola, A., Gretton, A., Bedo, J. and Borgwardt, K. (2012). Feature selection via dependence
maximization. Journal of Machine Learning Research, 13, 1393-1434. https://www.jmlr.org/papers/v13/song12a.html

Bergsma, W. (2013). A bias-correction for Cramér's V and Tschuprow's T. Journal of the Korean Statistical
Society, 42(3), 323-328. https://doi.org/10.1016/j.jkss.2012.10.002

Smithson, M. (2003). Confidence Intervals. Sage. https://doi.org/10.4135/9781412983761
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chndtr, ndtri

from psychomet.numerics.dependence.sides import Side

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


class Size(NamedTuple):
    """A coefficient between 0 and 1.

    Attributes
    ----------
    estimate, std_error, low, high : float
    influence : (n,) array or None
        Influence of each row on the estimate; None where the estimate is 0 or near it.
    """

    estimate: float
    std_error: float
    low: float
    high: float
    influence: Floats | None = None


NOTHING = Size(float("nan"), float("nan"), float("nan"), float("nan"))


def kernel_correlation(
    first: Side, second: Side, rows: Floats, *, conf_level: float, cluster: Codes | None = None
) -> Size:
    """Return the square root of the bias-corrected squared correlation of two kernels.

    R^2 = U(x, y) / sqrt(U(x, x) U(y, y)) with U the unbiased estimate of the criterion (Song et al. 2012;
    for kernels of distances the bias-corrected distance correlation of Székely and Rizzo 2014), and the
    coefficient is R, 0 where R^2 is below 0.

    Parameters
    ----------
    first, second : Side
    rows : (n,) array
        From :func:`psychomet.numerics.dependence.sides.pair_rows`.
    conf_level : float
        Nominal coverage.
    cluster : (n,) array of int, optional
        Rows of one cluster are not independent of each other.

    Notes
    -----
    The limits are those values of R^2 from which the estimate is a normal quantile times a standard error away. The
    variance is that of the influence values, taken as proportional to R^2, plus that of U under independence.
    """
    n = len(rows)
    if n < 5:
        return NOTHING
    dx, dy = first.diagonal, second.diagonal
    cross = _unbiased(float(rows.sum()), dx, dy)
    own_x, own_y = _unbiased(first.square, dx, dx), _unbiased(second.square, dy, dy)
    if not (own_x > 0 and own_y > 0):
        return NOTHING
    norm = float(np.sqrt(own_x * own_y))
    squared = cross / norm
    parts = [2 * (each / n - each.sum() / n**2) for each in (rows, first.rows, second.rows)]
    moved = parts[0] / norm - squared / 2 * (parts[1] / own_x + parts[2] / own_y)
    summed = moved if cluster is None else np.asarray(np.bincount(cluster, moved), dtype=np.float64)
    scale = 1.0 if cluster is None else _design(summed, moved)
    chance = 2 * first.square * second.square / n**6 / norm**2 * scale**2
    moving = float((summed**2).sum()) / n**2
    error = float(np.sqrt(moving + chance))
    z = float(ndtri((1 + conf_level) / 2))
    # The variance of R^2 is about proportional to R^2: it is taken at the limit, not at the estimate.
    slope = z**2 * moving / (2 * squared) if squared > 0 else 0.0
    reach = float(np.sqrt(slope**2 + z**2 * (moving + chance)))
    ends = (squared + slope - reach, squared + slope + reach)
    low, high = (float(np.sqrt(min(max(end, 0.0), 1.0))) for end in ends)
    estimate = float(np.sqrt(min(max(squared, 0.0), 1.0)))
    spread = error / (2 * estimate) if estimate > 0 else float("nan")
    return Size(estimate, spread, low, high, moved / (2 * estimate) if low > 0 else None)


def cramer_v(
    statistic: float, *, n: int, shape: tuple[int, int], conf_level: float, scale: float = 1.0
) -> Size:
    """Return Bergsma's bias-corrected Cramer's V with limits from the noncentral chi-squared distribution.

    V^2 = max(0, X^2 / n - (r - 1)(c - 1) / (n - 1)) / min(r' - 1, c' - 1), r' = r - (r - 1)^2 / (n - 1) and c'
    alike; the limits are those noncentralities under which the statistic would be at a tail, over n times
    the same denominator.

    Parameters
    ----------
    statistic : float
        Pearson's chi-square (or the likelihood ratio).
    n : int
        Rows.
    shape : (int, int)
        Levels that are there.
    conf_level : float
        Nominal coverage.
    scale : float
        Mean of the statistic under independence over its degrees of freedom, where rows are clustered.

    Notes
    -----
    Misleads in sparse tables, where the statistic is not noncentral chi-squared.
    """
    r, c = shape
    if n < 5 or min(r, c) < 2:
        return NOTHING
    df = (r - 1) * (c - 1)
    room = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    if not room > 0:
        return NOTHING
    estimate = float(np.sqrt(min(max(statistic / n - scale * df / (n - 1), 0.0) / room, 1.0)))
    return _size(estimate, statistic, df, n * room, conf_level, scale)


def pooled_v(statistic: float, *, df: float, room: float, conf_level: float, scale: float = 1.0) -> Size:
    """Return Cramer's V pooled over strata: V^2 = max(0, X^2 - df) / sum over strata of n_s min(r_s - 1, c_s - 1).

    Parameters
    ----------
    statistic, df : float
        Sums over the strata.
    room : float
        The denominator: the largest value that the statistic can have.
    conf_level, scale : float
        As in :func:`cramer_v`.
    """
    estimate = float(np.sqrt(min(max(statistic - scale * df, 0.0) / room, 1.0)))
    return _size(estimate, statistic, df, room, conf_level, scale)


def _size(estimate: float, statistic: float, df: float, room: float, conf_level: float, scale: float) -> Size:
    """Limits of a coefficient from those of a noncentrality."""
    tail = (1 - conf_level) / 2
    ends = [_noncentrality(statistic / scale, df, target) * scale / room for target in (1 - tail, tail)]
    low, high = (float(np.sqrt(min(end, 1.0))) for end in ends)
    return Size(estimate, (high - low) / (2 * float(ndtri(1 - tail))), low, high)


def _unbiased(total: float, dx: Floats, dy: Floats) -> float:
    """Unbiased criterion from the sum over all pairs and the diagonals of the centred kernels."""
    n = dx.size
    both = float(dx @ dy)
    whole = total - both + float(dx.sum()) * float(dy.sum()) / ((n - 1) * (n - 2)) - 2 * both / (n - 2)
    return whole / (n * (n - 3))


def _design(summed: Floats, moved: Floats) -> float:
    """How much larger clustering makes the variance; at least 1."""
    plain = float((moved**2).sum())
    return max(float((summed**2).sum()) / plain, 1.0) if plain > 0 else 1.0


def _noncentrality(statistic: float, df: float, target: float) -> float:
    """Noncentrality under which the share ``target`` of the distribution is below the statistic."""
    if chndtr(statistic, df, 0.0) <= target:
        return 0.0
    high = max(statistic, 1.0)
    while chndtr(statistic, df, high) > target:
        high *= 2
    return float(brentq(lambda ncp: chndtr(statistic, df, ncp) - target, 0.0, high, xtol=1e-10))
