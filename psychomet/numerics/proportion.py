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
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


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
    below 1, with the number of answers cut further by the ratio of the squared normal and t quantiles
    on n - 1 degrees of freedom (Korn and Graubard 1998, Survey Methodology 24, 193-201). Unlike a
    Wald interval it stays inside 0 and 1 and does not collapse when no answer is of the kind counted;
    in that case no clustering can be seen and the effective number is that of respondents.
    """
    n, total = successes.size, float(asked.sum())
    if not total:
        return Share(*[float("nan")] * 4)
    share = float(successes.sum() / total)
    binomial = share * (1 - share) / total
    if binomial == 0 or n < 2:
        effective = float(n)
        robust = 0.0
    else:
        residual = successes - share * asked
        robust = float(n / (n - 1) * (residual**2).sum() / total**2)
        effective = total / max(robust / binomial, 1.0)
        shrink = stats.norm.isf((1 - conf_level) / 2) / stats.t.isf((1 - conf_level) / 2, n - 1)
        effective *= float(shrink) ** 2
    low, high = wilson(share * effective, effective, conf_level)
    return Share(share, float(np.sqrt(max(robust, binomial))), low, high)
