"""Shares of answers, counted over answers that are clustered by respondent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats


class Share(NamedTuple):
    """A share with its uncertainty.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high : float
        The share, its standard error and its interval; NaN where there is nothing to count.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float


def wilson(successes: float, n: float, conf_level: float) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion.

    Parameters
    ----------
    successes, n : float
        Number of successes and of independent trials; ``n`` may be an effective number.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    tuple of float
        Lower and upper limit, inside [0, 1]; both NaN when ``n`` is 0.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953. Same limits as R's
    ``prop.test(correct = FALSE)``.
    """
    if n <= 0:
        return float("nan"), float("nan")
    z = float(stats.norm.isf((1 - conf_level) / 2))
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # At the ends one limit is the end itself; rounding would leave it a hair away.
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return float(low), float(high)


def clustered_share(successes: np.ndarray, asked: np.ndarray, conf_level: float) -> Share:
    """Estimate a share over answers of which each respondent gave several.

    Parameters
    ----------
    successes, asked : ndarray, shape (n,)
        Answers of the kind counted, and answers asked for (at least 1), by respondent.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Share
        ``estimate`` = sum(successes) / sum(asked).

    Notes
    -----
    Wilson's interval on the effective number of answers: those asked for divided by the design
    effect, the ratio of the cluster-robust (linearised ratio) variance to the binomial one, never
    below 1, with that number cut further by the squared ratio of the normal and the t quantile (Korn
    and Graubard 1998, Survey Methodology 24, 193-201). The degrees of freedom are Satterthwaite's for
    the robust variance, 2 (sum u^2)^2 / (sum u^4 - (sum u^2)^2 / n) with u the residual of a respondent,
    at most n - 1: where few respondents give all answers of a rare kind, their number limits what is
    known, not that of all respondents. Unlike a Wald interval it stays inside 0 and 1 and does not
    collapse when no answer is of the kind counted; in that case no clustering can be seen and the
    effective number is that of respondents.

    When it misleads: with few respondents, a rare kind of answer and strong clustering the upper limit
    is too low (docs/validation/proportion.md has the coverage).

    References
    ----------
    Satterthwaite (1946), doi:10.2307/3002019.
    """
    n, total = successes.size, float(asked.sum())
    if not total:
        return Share(*[float("nan")] * 4)
    share = float(successes.sum() / total)
    binomial = share * (1 - share) / total
    if binomial == 0 or n < 2:
        effective, robust = float(n), 0.0
    else:
        square = (successes - share * asked) ** 2
        robust = float(n / (n - 1) * square.sum() / total**2)
        effective = total / max(robust / binomial, 1.0) * _cut(square, conf_level)
    low, high = wilson(share * effective, effective, conf_level)
    return Share(share, float(np.sqrt(max(robust, binomial))), low, high)


def _cut(square: np.ndarray, conf_level: float) -> float:
    """Return the squared ratio of the normal to the t quantile, from the squared residuals of respondents."""
    n, total = square.size, float(square.sum())
    spread = float((square**2).sum()) - total**2 / n
    df = float(n - 1)
    if spread > 0:
        df = min(df, max(1.0, 2 * total**2 / spread))
    tail = (1 - conf_level) / 2
    return float(stats.norm.isf(tail) / stats.t.isf(tail, df)) ** 2
