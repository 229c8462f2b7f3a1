"""Does the score rise or fall steadily with the dose: isotonic fit of level means and its test.

The isotonic fit is the sequence of level means closest to those observed, weighted by their n, that never turns back;
E^2 = its sum of squares about the mean / total sum of squares (Barlow et al. 1972). Of the rising and the falling fit the
better one counts, in the data and in every reordering, so the test is two-sided.

References
----------
Barlow, R. E., Bartholomew, D. J., Bremner, J. M. and Brunk, H. D. (1972). Statistical Inference under Order
Restrictions. Wiley.

Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical Applications in Genetics and
Molecular Biology, 9(1), Article 39. https://doi.org/10.2202/1544-6115.1585
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


class Trend(NamedTuple):
    """Monotone trend of level means.

    Attributes
    ----------
    fitted : (L,) array
        Level means of the better monotone fit.
    rising : bool
        Whether that fit rises.
    share : float
        E^2: share of the variance of the scores that it carries; NaN where scores do not vary.
    of_means : float
        Share of the spread of the level means that it carries: 1 where they never turn back.
    p_value : float
        Share of reorderings with an E^2 at least as large, the data counted among them.
    """

    fitted: Floats
    rising: bool
    share: float
    of_means: float
    p_value: float


def independent_trend(scores: Floats, level: Codes, *, n_boot: int, seed: int) -> Trend:
    """Return the monotone trend over independent levels; scores are reordered over respondents.

    Parameters
    ----------
    scores : (n,) array
        One score per respondent.
    level : (n,) array of int
        Code 0 ... L - 1 in the order of the dose; each occurs.
    n_boot : int
        Reorderings.
    seed : int
        Seed of the reorderings.
    """
    rng = np.random.default_rng(seed)
    count = np.bincount(level).astype(np.float64)
    centred = scores - scores.mean()
    drawn = (np.bincount(level, rng.permutation(centred)) / count for _ in range(n_boot))
    return _trend(np.bincount(level, centred) / count, count, float(np.sum(centred**2)), drawn, scores)


def repeated_trend(scores: Floats, *, n_boot: int, seed: int) -> Trend:
    """Return the monotone trend over levels that every respondent met.

    Differences between respondents are taken out first; scores are reordered within respondents, whatever
    the others do.

    Parameters
    ----------
    scores : (n, L) array
        Respondents by levels in the order of the dose.
    n_boot, seed : int
        As in :func:`independent_trend`.
    """
    rng = np.random.default_rng(seed)
    centred = scores - scores.mean(axis=1, keepdims=True)
    weights = np.full(scores.shape[1], float(scores.shape[0]))
    drawn = (rng.permuted(centred, axis=1).mean(axis=0) for _ in range(n_boot))
    return _trend(centred.mean(axis=0), weights, float(np.sum(centred**2)), drawn, scores)


def _trend(means: Floats, weights: Floats, total: float, drawn: Iterator[Floats], scores: Floats) -> Trend:
    middle = float(scores.mean())
    least = scores.size * (10 * float(np.finfo(np.float64).eps) * float(np.max(np.abs(scores)))) ** 2
    if not total > least:
        return Trend(means + middle, True, np.nan, np.nan, np.nan)
    square, fitted, rising = _best(means, weights)
    spread = float(np.sum(weights * means**2))
    # Sums in another order differ in their last digits: what equals the data must count as equal.
    floor = square * (1 - 1e-10)
    squares = [_best(each, weights)[0] for each in drawn]
    reached = sum(each >= floor for each in squares)
    p = (1 + reached) / (1 + len(squares))
    return Trend(fitted + middle, rising, square / total, square / spread if spread > least else np.nan, p)


def _best(means: Floats, weights: Floats) -> tuple[float, Floats, bool]:
    """Sum of squares, fit and direction of the better monotone fit to means about 0."""
    up = isotonic_regression(means, weights=weights).x
    down = isotonic_regression(means, weights=weights, increasing=False).x
    squares = [float(np.sum(weights * fit**2)) for fit in (up, down)]
    return (squares[0], up, True) if squares[0] >= squares[1] else (squares[1], down, False)
