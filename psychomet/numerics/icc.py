"""Intraclass correlations of a complete table (targets x repeated looks), from its mean squares.

Closed form: one pass for the means, one for the squares about them, nothing iterated.

References
----------
Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability.
Psychological Bulletin, 86(2), 420-428. https://doi.org/10.1037/0033-2909.86.2.420

McGraw, K. O. and Wong, S. P. (1996). Forming inferences about some intraclass correlation
coefficients. Psychological Methods, 1(1), 30-46. https://doi.org/10.1037/1082-989X.1.1.30
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

Floats = NDArray[np.float64]

FORMS: tuple[str, ...] = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
"""The six forms of Shrout and Fleiss, in the order in which they are returned."""

BLOCK = 1 << 16  # scores held at a time: what a processor keeps at hand

NO_VARIANCE = "every score is the same"
NO_RESIDUAL = "the residual mean square is zero, so there is no F to build an interval on"
NO_TARGETS = "the means of the targets do not differ, so there is no interval"
NO_AVERAGE = "the targets differ less than chance alone would make them: the average form has no value"
UNBOUNDED = "the lower limit is unbounded"


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Mean squares of a complete n x k table without replication.

    Parameters
    ----------
    n, k : int
        Targets (rows) and looks (columns).
    targets, looks, residual : float
        Mean squares of the two-way table, on n - 1, k - 1 and (n - 1)(k - 1) degrees of freedom.
    within : float
        Mean square within targets, on n (k - 1) degrees of freedom.
    """

    n: int
    k: int
    targets: float
    looks: float
    residual: float
    within: float


@dataclass(frozen=True, slots=True)
class Intraclass:
    """One intraclass correlation with its F test and interval; ``reason`` says what is missing."""

    form: str
    estimate: float
    statistic: float
    df: float
    df2: float
    p_value: float
    low: float
    high: float
    reason: str = ""


def mean_squares(scores: Floats) -> MeanSquares:
    """Return the mean squares of a complete table.

    Deviations are taken from the first score before anything is averaged, so that a large common
    offset costs no digits; they are held for a block of rows at a time. A sum of squares that is no more than the rounding of the scores is 0.

    Parameters
    ----------
    scores : (n, k) array
        No NaN; n and k at least 2.
    """
    n, k = scores.shape
    first = scores[0, 0]
    rows = max(1, BLOCK // k)
    blocks = [slice(start, start + rows) for start in range(0, n, rows)]
    centre = sum(float((scores[block] - first).sum()) for block in blocks) / (n * k)
    target, look = np.empty(n), np.zeros(k)
    for block in blocks:
        deviation = scores[block] - first
        deviation -= centre
        target[block] = deviation.mean(axis=1)
        look += deviation.sum(axis=0)
    target -= target.mean()
    look /= n
    look -= look.mean()
    left = 0.0
    for block in blocks:
        deviation = scores[block] - first
        deviation -= centre
        deviation -= target[block, None]
        deviation -= look
        left += float(np.vdot(deviation, deviation))
    largest = max(float(scores.max()), -float(scores.min()))
    floor = n * k * (4 * np.finfo(np.float64).eps * largest) ** 2
    between = k * float(target @ target)
    across = n * float(look @ look)
    between, across, left = (0.0 if part <= floor else part for part in (between, across, left))
    return MeanSquares(
        n=n,
        k=k,
        targets=between / (n - 1),
        looks=across / (k - 1),
        residual=left / ((n - 1) * (k - 1)),
        within=(across + left) / (n * (k - 1)),
    )


def intraclass(squares: MeanSquares, *, conf_level: float) -> tuple[Intraclass, ...]:
    """Return the six forms of Shrout and Fleiss with F tests against 0 and intervals.

    Limits of ICC(2,1) use Satterthwaite's degrees of freedom; those of ICC(2,k) are these limits
    stepped up by Spearman and Brown, as psych and pingouin do. McGraw and Wong (1996) give ICC(2,k)
    degrees of freedom of its own, as irr does; their limits are a little wider (.039 to .929 instead
    of .071 to .927 on the table of Shrout and Fleiss).

    Parameters
    ----------
    squares : MeanSquares
        From :func:`mean_squares`.
    conf_level : float
        Nominal coverage.
    """
    n, k = squares.n, squares.k
    tail = (1 - conf_level) / 2
    one_way = _by_ratio(squares.targets, squares.within, k, (n - 1, n * (k - 1)), tail)
    two_way = _by_ratio(squares.targets, squares.residual, k, (n - 1, (n - 1) * (k - 1)), tail)
    agreement = _absolute(squares, two_way[0], tail)
    single, average = zip(one_way, agreement, two_way, strict=True)
    return tuple(Intraclass(form, *values) for form, values in zip(FORMS, (*single, *average), strict=True))


class _Row(NamedTuple):
    """The fields of Intraclass after the form."""

    estimate: float
    statistic: float
    df: float
    df2: float
    p_value: float
    low: float
    high: float
    reason: str = ""


def _by_ratio(
    targets: float, error: float, k: int, freedom: tuple[int, int], tail: float
) -> tuple[_Row, _Row]:
    """Single and average form where both are functions of F = MS targets / MS error."""
    nan = float("nan")
    if targets == 0 and error == 0:
        row = _Row(nan, nan, *freedom, nan, nan, nan, NO_VARIANCE)
        return row, row
    if error == 0:
        row = _Row(1.0, nan, *freedom, nan, nan, nan, NO_RESIDUAL)
        return row, row
    ratio = targets / error
    test = (ratio, *freedom, float(f_distribution.sf(ratio, *freedom)))
    if targets == 0:
        return _Row(-1 / (k - 1), *test, nan, nan, NO_TARGETS), _Row(nan, *test, nan, nan, NO_AVERAGE)
    low = ratio / float(f_distribution.isf(tail, *freedom))
    high = ratio * float(f_distribution.isf(tail, *freedom[::-1]))
    single = [(value - 1) / (value + k - 1) for value in (ratio, low, high)]
    average = [1 - 1 / value for value in (ratio, low, high)]
    return _Row(single[0], *test, single[1], single[2]), _Row(average[0], *test, average[1], average[2])


def _absolute(squares: MeanSquares, consistency: _Row, tail: float) -> tuple[_Row, _Row]:
    """ICC(2,1) and ICC(2,k): differences between the looks count as disagreement."""
    n, k = squares.n, squares.k
    targets, looks, residual = squares.targets, squares.looks, squares.residual
    nan = float("nan")
    test = (consistency.statistic, consistency.df, consistency.df2, consistency.p_value)
    bottom = targets + (k - 1) * residual + k * (looks - residual) / n
    bottom_average = targets + (looks - residual) / n
    if bottom <= 0:
        row = _Row(nan, *test, nan, nan, NO_VARIANCE)
        return row, row
    single = (targets - residual) / bottom
    average = (targets - residual) / bottom_average if bottom_average > 0 else nan
    if residual == 0 or targets == 0:
        reason = NO_RESIDUAL if residual == 0 else NO_TARGETS
        reason_average = NO_AVERAGE if np.isnan(average) else reason
        return _Row(single, *test, nan, nan, reason), _Row(average, *test, nan, nan, reason_average)
    low, high = _satterthwaite(squares, single, tail)
    stepped_low, stepped_high = (
        value * k / (1 + value * (k - 1)) if 1 + value * (k - 1) > 0 else nan for value in (low, high)
    )
    if np.isnan(average):
        return _Row(single, *test, low, high), _Row(nan, *test, nan, nan, NO_AVERAGE)
    unbounded = UNBOUNDED if np.isnan(stepped_low) else ""
    return _Row(single, *test, low, high), _Row(average, *test, stepped_low, stepped_high, unbounded)


def _satterthwaite(squares: MeanSquares, single: float, tail: float) -> tuple[float, float]:
    """Limits of ICC(2,1) after Shrout and Fleiss (1979, p. 424)."""
    n, k = squares.n, squares.k
    targets, looks, residual = squares.targets, squares.looks, squares.residual
    ratio = looks / residual
    share = n * (1 + (k - 1) * single) - k * single
    freedom = (
        (k - 1) * (n - 1) * (k * single * ratio + share) ** 2
        / ((n - 1) * (k * single * ratio) ** 2 + share**2)
    )  # fmt: skip
    lower = float(f_distribution.isf(tail, n - 1, freedom))
    upper = float(f_distribution.isf(tail, freedom, n - 1))
    rest = k * looks + (k * n - k - n) * residual
    return (
        n * (targets - lower * residual) / (lower * rest + n * targets),
        n * (upper * targets - residual) / (rest + n * upper * targets),
    )
