r"""What each respondent does to the correlations within, between and corrected of repeated measures.

The empirical influence of respondent i on a coefficient T is n times the derivative of T in the weight of i, where
the weights keep their sum: its mean is 0, and the root of the sum of squares, divided by n, is a standard error that
asks for no distribution. With products p, q, s that a respondent adds to the numerator and both sums of squares

    d(P / sqrt(Q S)) = p / sqrt(Q S) - (P / sqrt(Q S)) (q / Q + s / S) / 2.

References
----------
Efron, B. (1982). The Jackknife, the Bootstrap and Other Resampling Plans. SIAM.
https://doi.org/10.1137/1.9781611970319
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.repeated_correlation import Sums, repeated_correlations

Floats = NDArray[np.float64]


class Influences(NamedTuple):
    """Influence of each respondent, each (n,); NaN where the correlation has no value."""

    within: Floats
    between: Floats
    corrected: Floats


def repeated_influence(sums: Sums) -> Influences:
    """Return the influence of each respondent on the three correlations.

    Parameters
    ----------
    sums : Sums
        From :func:`~psychomet.numerics.repeated_correlation.respondent_sums`.
    """
    found = repeated_correlations(sums)
    inside = (sums.xx, sums.yy, sums.xy)
    plain = _products(sums, np.ones_like(sums.number))
    weighted = _products(sums, sums.number)
    n, rows = sums.number.size, float(sums.number.sum())
    changes, levels = [], []
    for within, between in zip(inside, weighted, strict=True):
        # A component is MSB - MSW, up to a factor that cancels in the ratio; a weight moves the counts of both, too.
        msb, msw = between.sum() / (n - 1), within.sum() / max(rows - n, 1.0)
        levels.append(msb - msw)
        by_count = (within - msw * (sums.number - 1)) / max(rows - n, 1.0)
        changes.append((between - msb) / (n - 1) - by_count)
    return Influences(
        _ratio(inside, [part.sum() for part in inside], bool(np.isfinite(found.within))),
        _ratio(plain, [part.sum() for part in plain], bool(np.isfinite(found.between))),
        _ratio(changes, levels, bool(np.isfinite(found.corrected))),
    )


def _products(sums: Sums, weight: Floats) -> list[Floats]:
    """Squares and products of the respondents' means about their weighted mean, by respondent."""
    x, y = (part - (weight @ part) / weight.sum() for part in (sums.x, sums.y))
    return [weight * x * x, weight * y * y, weight * x * y]


def _ratio(changes: list[Floats] | tuple[Floats, ...], levels: list[float], there: bool) -> Floats:
    """Influence on P / sqrt(Q S) from the changes of Q, S and P."""
    if not there:
        return np.full(changes[0].size, np.nan)
    scale = float(np.sqrt(levels[0] * levels[1]))
    r = levels[2] / scale
    moved = changes[2] / scale - r / 2 * (changes[0] / levels[0] + changes[1] / levels[1])
    return np.asarray(changes[0].size * (moved - moved.mean()))
