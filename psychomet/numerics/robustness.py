r"""How strong an unseen cause would have to be to explain an effect away.

- Robustness value (Cinelli and Hazlett 2020): the share of the variance left of both cause and outcome that an unseen cause would have to
  explain to bring the estimate to zero (``bound = 0``) or into the interval. With :math:`f = |t| / \sqrt{df}` less the critical value's
  share, :math:`RV = \frac12(\sqrt{f^4 + 4 f^2} - f^2)`.
- E-value (VanderWeele and Ding 2017): the risk ratio with which an unseen cause would have to go with both cause and outcome,
  :math:`E = RR + \sqrt{RR (RR - 1)}`; a standardised difference d counts as RR = exp(.91 d).

Both say how strong, not whether there is such a cause.

References
----------
Cinelli, C. and Hazlett, C. (2020). Making sense of sensitivity: extending omitted variable bias. Journal of the Royal Statistical
Society B, 82(1), 39-67. https://doi.org/10.1111/rssb.12348

VanderWeele, T. J. and Ding, P. (2017). Sensitivity analysis in observational research: introducing the E-value. Annals of Internal
Medicine, 167(4), 268-274. https://doi.org/10.7326/M16-2607
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import stats

_TO_RATIO = 0.91  # VanderWeele and Ding: log risk ratio per standard deviation
MOST_POWER = 700.0
"""A ratio beyond its exponential is no number that a computer has."""


class Bounded(NamedTuple):
    """An estimate with an unseen cause of a given strength held.

    Attributes
    ----------
    estimate, std_error : float
        Moved towards zero by the bias that the unseen cause could have made.
    """

    estimate: float
    std_error: float


def partial_r2(t: float, df: float) -> float:
    """Return the share of the outcome's remaining variance that goes with the cause.

    Parameters
    ----------
    t, df : float
        Classical t statistic of the cause, and its degrees of freedom.
    """
    return t * t / (t * t + df)


def robustness_value(t: float, df: float, *, conf_level: float | None = None) -> float:
    """Return the robustness value.

    Parameters
    ----------
    t, df : float
        Classical t statistic of the cause, and its degrees of freedom.
    conf_level : float, optional
        Strength that brings zero into the interval of this level; by default the strength that makes the estimate zero.

    Returns
    -------
    float
        Between 0 and 1; 0 where the interval holds zero already.
    """
    f = abs(t) / math.sqrt(df)
    if conf_level is not None:
        # One unseen cause takes one degree of freedom.
        critical = float(stats.t.isf((1 - conf_level) / 2, df - 1)) / math.sqrt(df - 1)
        if f <= critical:
            return 0.0
        if f * critical >= 1:
            return (f**2 - critical**2) / (1 + f**2)
        f -= critical
    return (math.sqrt(f**4 + 4 * f**2) - f**2) / 2


def bounded(
    estimate: float, std_error: float, df: float, *, with_cause: float, with_outcome: float
) -> Bounded:
    """Return the estimate after an unseen cause of given strength is held.

    Parameters
    ----------
    estimate, std_error, df : float
        Of the regression without it, classical.
    with_cause, with_outcome : float
        Partial R^2 of the unseen cause with the cause, and with the outcome given the cause.
    """
    bias = std_error * math.sqrt(df * with_outcome * with_cause / (1 - with_cause))
    error = std_error * math.sqrt((1 - with_outcome) / (1 - with_cause) * df / (df - 1))
    return Bounded(estimate - math.copysign(bias, estimate), error)


def benchmark(r2_cause: float, r2_outcome: float) -> tuple[float, float]:
    """Return the strengths of an unseen cause that is as strong as an observed covariate.

    Parameters
    ----------
    r2_cause : float
        Partial R^2 of the covariate with the cause, given the other covariates.
    r2_outcome : float
        Its partial R^2 with the outcome, given the cause and the others.

    Returns
    -------
    tuple of float
        Partial R^2 with the cause and with the outcome (Cinelli and Hazlett, section 4.4, k = 1); cut at 1.
    """
    with_cause = min(r2_cause / (1 - r2_cause), 1 - 1e-12)
    if with_cause >= 1 - 1e-12:
        return with_cause, 1.0
    inside = r2_cause**2 / ((1 - r2_cause) * (1 - r2_cause))
    eta = (1 + math.sqrt(inside)) / math.sqrt(1 - inside) if inside < 1 else math.inf
    return with_cause, min(eta**2 * r2_outcome / (1 - r2_outcome), 1.0)


def e_value(ratio: float) -> float:
    """Return the E-value of a risk ratio, on either side of 1.

    Parameters
    ----------
    ratio : float
        Risk ratio, above 0.
    """
    if not math.isfinite(ratio) or ratio <= 0:
        return math.nan
    above = ratio if ratio >= 1 else 1 / ratio
    return above + math.sqrt(above * (above - 1))


def e_value_of_interval(low: float, high: float) -> float:
    """Return the E-value of the limit that is nearer to 1; 1 where the interval of the risk ratio holds 1."""
    if low <= 1 <= high:
        return 1.0
    return e_value(low if low > 1 else high)


def ratio_of_difference(d: float) -> float:
    """Return the risk ratio that a standardised difference is like, exp(.91 d)."""
    power = _TO_RATIO * d
    return math.exp(power) if power < MOST_POWER else math.inf
