"""Mean and standard deviation of independent values, with intervals.

References
----------
Bonett, D. G. (2006). Approximate confidence interval for standard deviation of nonnormal distributions.
Computational Statistics and Data Analysis, 50, 775-782. https://doi.org/10.1016/j.csda.2004.10.003
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]

# A standard error below this share of the values themselves is rounding, not variation.
ROUNDING = 10 * float(np.finfo(np.float64).eps)


class Estimates(NamedTuple):
    """Estimates with their intervals, each an array of one shape."""

    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats


def t_interval(mean: Floats, variance: Floats, n: Floats, conf_level: float) -> Estimates:
    """Return the t interval of a mean of n independent values, mean +- t sqrt(variance / n).

    Parameters
    ----------
    mean, variance, n : array
        Of one shape; variance with divisor n - 1.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Estimates
        NaN limits where n < 2. Where nothing varies the interval has no width: the caller says so.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(n > 1, np.sqrt(variance / n), np.nan)
        reach = stdtrit(np.maximum(n - 1, 1), (1 + conf_level) / 2) * error
    return Estimates(np.asarray(mean), error, mean - reach, mean + reach)


def sd_interval(values: Floats, conf_level: float) -> Estimates:
    """Return the standard deviation with Bonett's interval, which does not assume normality.

    With c = n / (n - z) the limits of log variance are log(c s^2) -+ z c sqrt((g - (n - 3) / n) / (n - 1)),
    where g = n sum (x - m)^4 / (sum (x - mean)^2)^2 and m is the mean trimmed by 1 / (2 sqrt(n - 4)) at
    each end: a delta interval of the log standard deviation with a fourth moment that is not biased
    towards zero. The chi-square interval would cover too rarely for heavy tails at any n, and too often
    for bounded scores.

    Parameters
    ----------
    values : (n,) array
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Estimates
        ``std_error`` is the delta one, s sqrt((g - (n - 3) / n) / (n - 1)) / 2. Limits are NaN for n < 5
        or where nothing varies.
    """
    n = values.size
    if n < 2:
        return _estimates(np.nan)
    mean = values.mean()
    square = float(np.sum((values - mean) ** 2))
    sd = np.sqrt(square / (n - 1))
    if n < 5 or sd <= ROUNDING * np.abs(values).max():
        return _estimates(sd)
    cut = int(n / (2 * np.sqrt(n - 4)))
    cut = min(cut, (n - 1) // 2)
    centre = np.sort(values)[cut : n - cut].mean()
    kurtosis = n * float(np.sum((values - centre) ** 4)) / square**2
    spread = np.sqrt((kurtosis - (n - 3) / n) / (n - 1))
    z = ndtri((1 + conf_level) / 2)
    factor = n / (n - z)
    low, high = (sd * np.sqrt(factor * np.exp(sign * z * factor * spread)) for sign in (-1, 1))
    return _estimates(sd, sd * spread / 2, low, high)


def _estimates(
    estimate: float, error: float = np.nan, low: float = np.nan, high: float = np.nan
) -> Estimates:
    """Put single numbers into the record."""
    return Estimates(*(np.asarray(value, dtype=np.float64) for value in (estimate, error, low, high)))
