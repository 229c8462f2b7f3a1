"""Shares of variance that go with the levels of a condition: eta and omega squared with their F test.

eta^2 = SS_levels / (SS_levels + SS_error); omega^2 = df (F - 1) / (df (F - 1) + df + df2 + 1), which for independent
levels is (SS_between - (L - 1) MS_within) / (SS_total + MS_within). The error is the variation within levels
where each level has its own respondents, and levels x respondents where every respondent met every level: the shares
are then partial ones, in which differences between respondents are taken out. Generalized eta^2 leaves them in:
SS_levels / (SS_levels + SS_error + SS_respondents), so that it can be compared with the eta^2 of independent levels.

References
----------
Steiger, J. H. (2004). Beyond the F test: effect size confidence intervals and tests of close fit in the analysis of
variance and contrast analysis. Psychological Methods, 9(2), 164-182. https://doi.org/10.1037/1082-989X.9.2.164

Olejnik, S. and Algina, J. (2000). Measures of effect size for comparative studies: applications, interpretations,
and limitations. Contemporary Educational Psychology, 25(3), 241-286. https://doi.org/10.1006/ceps.2000.1040

Olejnik, S. and Algina, J. (2003). Generalized eta and omega squared statistics: measures of effect size for some common
research designs. Psychological Methods, 8(4), 434-447. https://doi.org/10.1037/1082-989X.8.4.434

Greenhouse, S. W. and Geisser, S. (1959). On methods in the analysis of profile data. Psychometrika, 24(2), 95-112.
https://doi.org/10.1007/BF02289823
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from psychomet.numerics.noncentral import noncentrality_limits

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


class Shares(NamedTuple):
    """Both shares, the interval of the true one, and the F test; NaN where nothing varies within levels.

    ``low`` and ``high`` are limits of the share in the population, which both estimate: eta squared with a
    bias upwards, omega squared nearly without.
    """

    eta: float
    omega: float
    low: float
    high: float
    statistic: float
    df: float
    df2: float
    p_value: float


def independent_shares(scores: Floats, level: Codes, *, conf_level: float) -> Shares:
    """Return eta and omega squared of independent levels (one-way analysis of variance).

    Limits are l / (l + N), l the limits of the noncentrality of F (Steiger 2004). Misleads where spreads or sizes
    of the levels differ much: the F test and the interval take one variance for all.

    Parameters
    ----------
    scores : (n,) array
        One score per respondent.
    level : (n,) array of int
        Code 0 ... L - 1; each occurs, L >= 2.
    conf_level : float
        Nominal coverage.
    """
    count = np.bincount(level)
    centred = scores - scores.mean()
    means = np.bincount(level, centred) / count
    between = float(np.sum(count * means**2))
    within = float(np.sum((centred - means[level]) ** 2))
    df, df2 = float(count.size - 1), float(scores.size - count.size)
    if df2 < 1 or not within > _rounding(scores):
        return _nothing(df, df2)
    return _shares(between, within, df, df2, conf_level)


def repeated_shares(scores: Floats, *, conf_level: float) -> Shares:
    """Return partial eta and omega squared of levels that every respondent met.

    Limits are l / (l + df + df2 + 1). They take the differences between any two levels as equally variable
    (sphericity), as the F test does; where they are not, both are too sure.

    Parameters
    ----------
    scores : (n, L) array
        Respondents by levels, n >= 2, L >= 2.
    conf_level : float
        Nominal coverage.
    """
    n, levels = scores.shape
    centred = scores - scores.mean()
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    between = float(n * np.sum(columns**2))
    within = float(np.sum((centred - rows[:, None] - columns) ** 2))
    df, df2 = levels - 1.0, (levels - 1.0) * (n - 1.0)
    if df2 < 1 or not within > _rounding(scores):
        return _nothing(df, df2)
    return _shares(between, within, df, df2, conf_level)


class Sphericity(NamedTuple):
    """Greenhouse and Geisser's epsilon with the F test whose degrees of freedom are multiplied by it."""

    epsilon: float
    df: float
    df2: float
    p_value: float


def epsilon(scores: Floats) -> float:
    """Return Greenhouse and Geisser's epsilon of (n, L) scores; NaN where the levels do not differ within respondents.

    (tr S)^2 / ((L - 1) sum of squares of S), S the covariances of the levels centred by row and column: 1 under
    sphericity, 1 / (L - 1) at the least. As an estimate it is biased downwards in small samples.
    """
    levels = scores.shape[1]
    centre = np.eye(levels) - 1 / levels
    cov = centre @ np.cov(scores.T) @ centre
    squares = float(np.sum(cov**2))
    enough = squares > (_rounding(scores) / scores.size) ** 2
    return float(np.trace(cov)) ** 2 / ((levels - 1) * squares) if enough else math.nan


def sphericity(scores: Floats, found: Shares) -> Sphericity:
    """Return epsilon and the test of equal levels whose degrees of freedom are multiplied by it.

    Parameters
    ----------
    scores : (n, L) array
        Respondents by levels, L >= 2.
    found : Shares
        Of :func:`repeated_shares`.
    """
    at = epsilon(scores)
    df, df2 = at * found.df, at * found.df2
    return Sphericity(at, df, df2, float(fdtrc(df, df2, found.statistic)))


def generalized_share(scores: Floats) -> float:
    """Return generalized eta squared of (n, L) scores of levels that every respondent met; NaN where all are alike."""
    columns = scores.mean(axis=0)
    between = float(scores.shape[0] * np.sum((columns - columns.mean()) ** 2))
    within = float(np.sum((scores - columns) ** 2))
    return between / (between + within) if within > _rounding(scores) else math.nan


def _shares(between: float, within: float, df: float, df2: float, conf_level: float) -> Shares:
    f = (between / df) / (within / df2)
    limits = noncentrality_limits(np.array(f), np.array(df), np.array(df2), conf_level=conf_level)
    low, high = (float(limit) / (float(limit) + df + df2 + 1) for limit in limits)
    beyond = df * (f - 1)
    omega = beyond / (beyond + df + df2 + 1)
    return Shares(between / (between + within), omega, low, high, f, df, df2, float(fdtrc(df, df2, f)))


def _nothing(df: float, df2: float) -> Shares:
    nan = math.nan
    return Shares(nan, nan, nan, nan, nan, df, df2, nan)


def _rounding(scores: Floats) -> float:
    """Sum of squares that is no more than rounding of the scores."""
    return scores.size * (10 * float(np.finfo(np.float64).eps) * float(np.max(np.abs(scores)))) ** 2
