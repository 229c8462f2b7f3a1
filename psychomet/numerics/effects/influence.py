"""Empirical influence of respondents on sizes of effects.

The influence of respondent i on an estimate is n times what the estimate would move by if i weighed a little more;
its mean over the respondents is 0, and sqrt(sum of squares) / n is a standard error that takes no shape of the scores for
granted. The standard errors of :mod:`differences` take normal scores, so the two differ where scores are not normal.

References
----------
Hampel, F. R. (1974). The influence curve and its role in robust estimation. Journal of the American Statistical
Association, 69(346), 383-393. https://doi.org/10.1080/01621459.1974.10482962
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from psychomet.numerics.effects.dominance import settled

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
# Pairs of one block of Kendall's signs: 32 MB.
_MAX_PAIRS = 4_000_000


def of_pooled_d(x: Floats, y: Floats, d: float) -> tuple[Floats, Floats]:
    """Return the influence on Cohen's d of independent groups, of those at x and of those at y.

    Parameters
    ----------
    x, y : (n_x,) and (n_y,) array
        Scores.
    d : float
        The estimate, with either divisor: its unit is the difference of means over d.
    """
    difference = float(x.mean() - y.mean())
    n, df = x.size + y.size, x.size + y.size - 2
    if d == 0:
        squares = float(np.sum((x - x.mean()) ** 2) + np.sum((y - y.mean()) ** 2))
        unit = math.sqrt(squares / df)
    else:
        unit = difference / d
    parts = []
    for values, sign in ((x, 1.0), (y, -1.0)):
        away = values - values.mean()
        spread = (values.size - 1) / df * (away**2 - np.mean(away**2))
        parts.append(n / values.size * (sign * away / unit - d / (2 * unit**2) * spread))
    return parts[0], parts[1]


def of_glass(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the influence on Glass' delta, of those at x and of those at y, the reference."""
    n, unit = x.size + y.size, float(y.std(ddof=1))
    away, other = x - x.mean(), y - y.mean()
    delta = float(x.mean() - y.mean()) / unit
    spread = other**2 - np.mean(other**2)
    return n / x.size * away / unit, -n / y.size * (other / unit + delta / (2 * unit**2) * spread)


def of_paired_d(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the influence of (n,) respondents on d with the average variance, and on d_z."""
    a, b = x - x.mean(), y - y.mean()
    away, mean = a - b, float(x.mean() - y.mean())
    square = float(x.var(ddof=1) + y.var(ddof=1)) / 2
    spread = (a**2 - np.mean(a**2) + b**2 - np.mean(b**2)) / 2
    average = (
        away / math.sqrt(square) - mean / (2 * square**1.5) * spread
        if square > 0
        else np.full(x.size, np.nan)
    )
    own = float(np.var(x - y, ddof=1))
    within = away / math.sqrt(own) - mean / (2 * own**1.5) * (away**2 - np.mean(away**2)) if own > 0 else None
    return average, np.full(x.size, np.nan) if within is None else within


def of_matched_order(differences: Floats) -> tuple[Floats, Floats]:
    """Return the influence on the share of differences above 0 (ties half), and on the matched rank-biserial.

    A difference of 0 has no part in the rank-biserial: NaN.

    Parameters
    ----------
    differences : (n,) array
    """
    kept = settled(differences)
    wins = np.where(kept > 0, 1.0, np.where(kept < 0, 0.0, 0.5))
    order = np.full(kept.size, np.nan)
    nonzero = kept != 0
    if np.count_nonzero(nonzero) > 1:
        values = kept[nonzero]
        ordered = np.sort(values)
        above = values.size - np.searchsorted(ordered, -values, side="right")
        tied = np.searchsorted(ordered, -values, side="right") - np.searchsorted(
            ordered, -values, side="left"
        )
        share = (above + tied / 2) / values.size
        order[nonzero] = 4 * (share - share.mean())
    return wins - wins.mean(), order


def of_kendall(x: Floats, y: Floats) -> Floats:
    """Return the influence of (n,) respondents on Kendall's tau-b.

    With c_i the mean over j of sign(x_i - x_j) sign(y_i - y_j), and t_i, u_i the shares of j that are not tied with i on x
    and on y: 2 c_i / sqrt(t u) - tau (t_i / t + u_i / u), t and u being their means.
    """
    n = x.size
    first, second = rankdata(x), rankdata(y)
    sums = np.zeros((3, n))
    step = max(1, _MAX_PAIRS // n)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        a = np.sign(first[rows, None] - first)
        b = np.sign(second[rows, None] - second)
        sums[:, rows] = np.sum(a * b, axis=1), np.sum(np.abs(a), axis=1), np.sum(np.abs(b), axis=1)
    c, t, u = sums / n
    scale = math.sqrt(float(t.mean() * u.mean()))
    if not scale > 0:
        return np.full(n, np.nan)
    return np.asarray(2 * c / scale - float(c.mean()) / scale * (t / t.mean() + u / u.mean()))


def of_independent_share(scores: Floats, level: Codes) -> Floats:
    """Return the influence of (n,) respondents on eta squared of independent levels."""
    count = np.bincount(level)
    means = np.bincount(level, scores) / count
    mean = float(scores.mean())
    away = scores - means[level]
    within = float(np.mean(away**2))
    between = float(np.sum(count * (means - mean) ** 2)) / scores.size
    spread = (np.bincount(level, away**2) / count)[level]
    moved_between, moved_within = 2 * (means[level] - mean) * away, away**2 - spread
    total = between + within
    return np.asarray((moved_between * within - between * moved_within) / total**2)


def of_repeated_share(scores: Floats) -> Floats:
    """Return the influence of the respondents of (n, L) scores on partial eta squared."""
    columns = scores.mean(axis=0) - scores.mean()
    rest = scores - scores.mean(axis=1, keepdims=True) - columns
    own = np.sum(rest**2, axis=1)
    within, between = float(own.mean()), float(np.sum(columns**2))
    return np.asarray((2 * rest @ columns * within - between * (own - within)) / (between + within) ** 2)


def of_generalized_share(scores: Floats) -> Floats:
    """Return the influence of the respondents of (n, L) scores on generalized eta squared."""
    columns = scores.mean(axis=0) - scores.mean()
    away = scores - scores.mean(axis=0)
    own = np.sum(away**2, axis=1)
    within, between = float(own.mean()), float(np.sum(columns**2))
    moved = 2 * (away - away.mean(axis=1, keepdims=True)) @ columns
    return np.asarray((moved * within - between * (own - within)) / (between + within) ** 2)


def omega_slope(eta: float, df: float, df2: float) -> float:
    """Return by how much omega squared changes with eta squared, of which it is a function."""
    f = eta / (1 - eta) * df2 / df
    return (df2 / df / (1 - eta) ** 2) * df * (df + df2 + 1) / (df * f + df2 + 1) ** 2
