"""The ratio of two variances: of scores over personas, and of the same scores over rewordings.

References
----------
Graybill, F. A. and Wang, C.-M. (1980). Confidence intervals on nonnegative linear combinations of variances. Journal
of the American Statistical Association, 75(372), 869-873. https://doi.org/10.1080/01621459.1980.10477565

Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal mean and standard
deviation. Statistical Methods in Medical Research, 21(4), 347-359. https://doi.org/10.1177/0962280210383082

Bonett, D. G. (2006). Approximate confidence interval for standard deviation of nonnormal distributions.
Computational Statistics and Data Analysis, 50(3), 775-782. https://doi.org/10.1016/j.csda.2004.10.003
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtri

from psychomet.numerics.location import ROUNDING

Floats = NDArray[np.float64]

_FEWEST_FOR_TAILS = 10
_SURE, _UNSURE = 1 - 1e-12, 1e-9


class VarianceRatio(NamedTuple):
    """A ratio of variances; NaN where the denominator does not vary.

    Attributes
    ----------
    first, second : float
        The two variances.
    estimate : float
        first / second.
    conf_low, conf_high : float
        Limits.
    p_value : float
        Two-sided, that the ratio is 1: one minus the confidence at which the interval just reaches 1.
    """

    first: float
    second: float
    estimate: float
    conf_low: float
    conf_high: float
    p_value: float


Part = tuple[float, float]
"""A mean square times its coefficient, and its degrees of freedom."""


def crossed_ratio(scores: Floats, *, conf_level: float) -> VarianceRatio:
    """Compare the variances over rows and over columns of a complete table.

    first = mean over columns of the variance over rows, second = mean over rows of the variance over columns (divisors
    P - 1 and W - 1). With MS_p, MS_w and MS_e of the two-way table first = (MS_p + (W - 1) MS_e) / W and second =
    (MS_w + (P - 1) MS_e) / P; both hold the same noise, so the ratio is above 1 if and only if rows move the score more
    than columns do. Each has Graybill and Wang's interval; the two are joined on the logarithm by MOVER. The degrees of
    freedom of MS_p and MS_w are cut where ten or more row (column) means have heavy tails, with the kurtosis of Bonett
    (2006); of fewer no tails can be seen, and they are taken as normal.

    Parameters
    ----------
    scores : (P, W) array
        At least 2 x 2, no missing value.
    conf_level : float
        Nominal coverage.
    """
    rows, columns = scores.shape
    by_row, by_column = scores.mean(axis=1), scores.mean(axis=0)
    rest = scores - by_row[:, None] - by_column + scores.mean()
    df = (rows - 1) * (columns - 1)
    noise = float((rest**2).sum()) / df
    first = [
        (float(by_row.var(ddof=1)), _degrees(by_row)),
        ((columns - 1) / columns * noise, float(df)),
    ]
    second = [
        (float(by_column.var(ddof=1)), _degrees(by_column)),
        ((rows - 1) / rows * noise, float(df)),
    ]
    return _ratio(first, second, float(np.abs(scores).max()), conf_level)


def separate_ratio(x: Floats, y: Floats, *, conf_level: float) -> VarianceRatio:
    """Compare the variances of two independent sets of scores.

    The interval as in :func:`crossed_ratio`, each variance with its own degrees of freedom, n - 1 or fewer.

    Parameters
    ----------
    x, y : (n,), (m,) array
        At least two values each.
    conf_level : float
        Nominal coverage.
    """
    size = float(max(np.abs(x).max(), np.abs(y).max()))
    parts = [[(float(values.var(ddof=1)), _degrees(values))] for values in (x, y)]
    return _ratio(parts[0], parts[1], size, conf_level)


def _degrees(values: Floats) -> float:
    """Degrees of freedom of the variance: n - 1, fewer where tails are heavy."""
    n = values.size
    square = float(np.sum((values - values.mean()) ** 2))
    if n < _FEWEST_FOR_TAILS or square <= n * (ROUNDING * np.abs(values).max()) ** 2:
        return n - 1.0
    cut = min(int(n / (2 * np.sqrt(n - 4))), (n - 1) // 2)
    centre = np.sort(values)[cut : n - cut].mean()
    kurtosis = n * float(np.sum((values - centre) ** 4)) / square**2
    of_log = (kurtosis - (n - 3) / n) / (n - 1)
    return min(n - 1.0, 2 / of_log) if of_log > 0 else n - 1.0


def _ratio(first: Sequence[Part], second: Sequence[Part], size: float, conf_level: float) -> VarianceRatio:
    values = [sum(part for part, _ in parts) for parts in (first, second)]
    none = (ROUNDING * size) ** 2
    nan = float("nan")
    if values[1] <= none or values[0] <= none:
        return VarianceRatio(values[0], values[1], 0.0 if values[1] > none else nan, nan, nan, nan)
    ratio = values[0] / values[1]
    low, high = _limits(first, second, conf_level)
    return VarianceRatio(values[0], values[1], ratio, low, high, _p_value(first, second, ratio))


def _limits(first: Sequence[Part], second: Sequence[Part], conf_level: float) -> tuple[float, float]:
    """MOVER on the logarithm of the ratio."""
    a, a_low, a_high = _sum_limits(first, conf_level)
    b, b_low, b_high = _sum_limits(second, conf_level)
    down = np.hypot(np.log(a / a_low), np.log(b_high / b))
    up = np.hypot(np.log(a_high / a), np.log(b / b_low))
    return float(a / b * np.exp(-down)), float(a / b * np.exp(up))


def _sum_limits(parts: Sequence[Part], conf_level: float) -> tuple[float, float, float]:
    """Graybill and Wang's limits of a sum of mean squares."""
    value, df = np.array([part for part, _ in parts]), np.array([df for _, df in parts])
    tail = (1 - conf_level) / 2
    # At hardly any confidence the quantiles lie on one side of the mean: no limit may pass the estimate.
    down = np.maximum(1 - df / chdtri(df, tail), 0.0) * value
    up = np.maximum(df / chdtri(df, 1 - tail) - 1, 0.0) * value
    total = float(value.sum())
    return total, total - float(np.hypot.reduce(down)), total + float(np.hypot.reduce(up))


def _p_value(first: Sequence[Part], second: Sequence[Part], ratio: float) -> float:
    """One minus the confidence at which the interval reaches 1; no smaller than 1e-12."""
    side = 0 if ratio > 1 else 1

    def beyond(conf_level: float) -> float:
        return float(np.log(_limits(first, second, conf_level)[side]))

    away = 1 if side == 0 else -1
    # With one or two degrees of freedom the estimate is beyond the median: no confidence is low enough to leave 1 out.
    if away * beyond(_UNSURE) <= 0:
        return 1.0
    if away * beyond(_SURE) >= 0:
        return 1 - _SURE
    return 1 - float(brentq(beyond, _UNSURE, _SURE, xtol=1e-15))
