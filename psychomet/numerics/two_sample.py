"""Each of several levels against one of them: t tests of independent and of paired scores.

References
----------
Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances are involved.
Biometrika, 34(1-2), 28-35. https://doi.org/10.1093/biomet/34.1-2.28

Zimmerman, D. W. (2004). A note on preliminary tests of equality of variances. British Journal of Mathematical and
Statistical Psychology, 57(1), 173-181. https://doi.org/10.1348/000711004849222
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtr

from psychomet.numerics.location import ROUNDING

Floats = NDArray[np.float64]


class Differences(NamedTuple):
    """Level minus reference with its t test, each of shape (L,); NaN where nothing varies.

    Attributes
    ----------
    estimate, std_error, df, statistic, p_value : array
    pooled : array of bool
        Where the variances were pooled (Student).
    """

    estimate: Floats
    std_error: Floats
    df: Floats
    statistic: Floats
    p_value: Floats
    pooled: NDArray[np.bool_]


def independent_differences(
    n: Floats, mean: Floats, square: Floats, *, reference: int, pretest: float | None = None
) -> Differences:
    """Compare levels met by different respondents with one of them.

    Without ``pretest`` Welch's test, variances with divisor n - 1. With it the procedure of some papers on language
    models: variances s^2 with divisor n; F = larger s^2 / smaller s^2 with degrees of freedom n - 1 of each and two-sided
    p; where p > pretest Student's t with ((n1 - 1) s1^2 + (n2 - 1) s2^2) / (n1 + n2 - 2), else Welch's with s^2 / n. The
    divisor makes |t| too large by about 1 / (2 n), and a test chosen by another test does not keep its level
    (Zimmerman 2004): it is there to reproduce published values.

    Parameters
    ----------
    n, mean, square : (L,) array
        Respondents, their mean and sum of squared deviations, by level.
    reference : int
        Position of the level that is subtracted.
    pretest : float, optional
        Level of the F test.
    """
    divisor = n - 1 if pretest is None else n
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = square / divisor
        own, other = variance, variance[reference]
        welch = own / n + other / n[reference]
        df = welch**2 / ((own / n) ** 2 / (n - 1) + (other / n[reference]) ** 2 / (n[reference] - 1))
        together = n + n[reference] - 2
        student = ((n - 1) * own + (n[reference] - 1) * other) / together * (1 / n + 1 / n[reference])
        pooled = np.zeros(n.size, dtype=bool)
        if pretest is not None:
            pooled = _equal_spread(n, variance, reference) > pretest
        error = np.sqrt(np.where(pooled, student, welch))
    return _tested(
        mean - mean[reference], error, np.where(pooled, together, df), pooled, float(np.abs(mean).max())
    )


def _equal_spread(n: Floats, variance: Floats, reference: int) -> Floats:
    """Two-sided p value of the larger over the smaller variance."""
    larger = variance > variance[reference]
    top, bottom = (
        np.where(larger, variance, variance[reference]),
        np.where(larger, variance[reference], variance),
    )
    df, df2 = np.where(larger, n, n[reference]) - 1, np.where(larger, n[reference], n) - 1
    return np.asarray(np.minimum(2 * fdtrc(df, df2, top / bottom), 1.0))


def paired_differences(scores: Floats, *, reference: int) -> Differences:
    """Compare levels met by the same respondents with one of them, by paired t tests.

    Parameters
    ----------
    scores : (n, L) array
        One mean score per respondent and level.
    reference : int
        Position of the level that is subtracted.
    """
    n, levels = scores.shape
    difference = scores - scores[:, [reference]]
    error = difference.std(axis=0, ddof=1) / np.sqrt(n)
    df = np.full(levels, n - 1.0)
    return _tested(
        difference.mean(axis=0), error, df, np.zeros(levels, dtype=bool), float(np.abs(scores).max())
    )


def _tested(
    estimate: Floats, error: Floats, df: Floats, pooled: NDArray[np.bool_], size: float
) -> Differences:
    """Finish t tests; a standard error that is rounding noise is no standard error."""
    error = np.where(error > ROUNDING * size, error, np.nan)
    statistic = estimate / error
    return Differences(estimate, error, df, statistic, 2 * stdtr(df, -np.abs(statistic)), pooled)
