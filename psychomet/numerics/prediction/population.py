r"""What a multiple correlation says of the population: adjusted estimates and exact intervals.

With normal predictors drawn with the criterion (random X), the noncentrality of F is itself random, and R squared with p
predictors and n respondents is a mixture of beta variables with negative binomial weights (Fisher 1928; Lee 1971):

    P(R^2 <= x) = sum_k NB(k; (n - 1) / 2, rho^2) I_x(p / 2 + k, (n - p - 1) / 2).

Turning it round gives an interval of rho^2 that is exact under normality and stops at 0. The squared partial correlation of
a block beyond p_0 others has the same distribution with n - p_0 in place of n, independently of R_0^2; from both the
interval of Delta = pi (1 - rho_0^2) follows by their confidence distributions. Where the population value of Delta is 0 it lies on the
edge of what is possible: a standard error by the delta method is then 0 and every resampled value lies above 0, so that
neither Alf and Graf's interval nor a percentile bootstrap can hold it at its level; this interval reaches down to 0
just when the F test does not reject at half the level (one minus coverage over two).

References
----------
Fisher, R. A. (1928). The general sampling distribution of the multiple correlation coefficient. Proceedings of the Royal
Society A, 121(788), 654-673. https://doi.org/10.1098/rspa.1928.0224

Lee, Y.-S. (1971). Some results on the sampling distribution of the multiple correlation coefficient. Journal of the Royal
Statistical Society B, 33(1), 117-130. https://doi.org/10.1111/j.2517-6161.1971.tb00863.x

Olkin, I. and Pratt, J. W. (1958). Unbiased estimation of certain correlation coefficients. Annals of Mathematical Statistics,
29(1), 201-211. https://doi.org/10.1214/aoms/1177706717

Karch, J. (2020). Improving on adjusted R-squared. Collabra: Psychology, 6(1), 45. https://doi.org/10.1525/collabra.343

Alf, E. F. and Graf, R. G. (1999). Asymptotic confidence limits for the difference between two squared multiple correlations:
a simplified approach. Psychological Methods, 4(1), 70-75. https://doi.org/10.1037/1082-989X.4.1.70

Xie, M. and Singh, K. (2013). Confidence distribution, the frequentist distribution estimator of a parameter: a review.
International Statistical Review, 81(1), 3-39. https://doi.org/10.1111/insr.12000

Sackett, P. R. and Yang, H. (2000). Correction for range restriction: an expanded typology. Journal of Applied Psychology,
85(1), 112-118. https://doi.org/10.1037/0021-9010.85.1.112
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betainc, gammaln, hyp2f1, xlog1py, xlogy

from psychomet.numerics.noncentral import noncentrality_limits

Floats = NDArray[np.float64]

_REACH = 12.0
"""Standard deviations of the mixing distribution beyond which its weights are below rounding."""
_TOP = 1 - 1e-12
_MOST_TERMS = 4000
_NEARLY_SURE = 1 - 1e-4
_GRID = 160


def ezekiel(r_squared: float, *, n: int, p: int) -> float:
    """Return 1 - (1 - R^2)(n - 1) / (n - p - 1); may be negative; NaN without degrees of freedom."""
    return 1 - (1 - r_squared) * (n - 1) / (n - p - 1) if n - p - 1 > 0 else float("nan")


def olkin_pratt(r_squared: float, *, n: int, p: int) -> float:
    """Return the unbiased estimate of rho^2 under multivariate normality; may be negative.

    1 - (n - 3) / (n - p - 1) (1 - R^2) 2F1(1, 1; (n - p + 1) / 2; 1 - R^2), by the series itself and not its first
    terms; NaN without degrees of freedom.
    """
    if n - p - 1 <= 0:
        return float("nan")
    left = 1 - r_squared
    return float(1 - (n - 3) / (n - p - 1) * left * hyp2f1(1, 1, (n - p + 1) / 2, left))


def below(x: float, *, rho_squared: float, n: int, p: int) -> float:
    """Return P(R^2 <= x) with p random normal predictors, n respondents and a population value."""
    half = (n - 1) / 2
    mean = half * rho_squared / (1 - rho_squared)
    spread = np.sqrt(half * rho_squared) / (1 - rho_squared)
    low, high = max(0.0, np.floor(mean - _REACH * spread)), np.ceil(mean + _REACH * spread) + 60
    # So many terms change so slowly that every step-th stands for its neighbours.
    step = max(1.0, np.floor((high - low) / _MOST_TERMS))
    k = np.arange(low, high, step)
    weight = np.exp(
        gammaln(half + k)
        - gammaln(half)
        - gammaln(k + 1)
        + xlogy(k, rho_squared)
        + xlog1py(half, -rho_squared)
    )
    return float(step * weight @ betainc(p / 2 + k, (n - p - 1) / 2, x))


def random_limits(r_squared: float, *, n: int, p: int, conf_level: float) -> tuple[float, float]:
    """Return the limits of rho^2 when predictors are random and normal; NaN without degrees of freedom.

    Either limit is 0 where even rho^2 = 0 gives so small a value too rarely. Exact under multivariate normality;
    scores with heavy tails make it too short.
    """
    if n - p - 1 < 1 or p < 1 or not 0 <= r_squared < 1:
        return float("nan"), float("nan")
    tail = (1 - conf_level) / 2

    def solve(share: float) -> float:
        def gap(rho_squared: float) -> float:
            return below(r_squared, rho_squared=rho_squared, n=n, p=p) - share

        if gap(0.0) <= 0:
            return 0.0
        top = 1 - (1 - r_squared) / 4
        while top < _TOP and gap(top) > 0:
            top = 1 - (1 - top) / 4
        return float(brentq(gap, 0.0, top, xtol=1e-12)) if gap(top) < 0 else 1.0

    return solve(1 - tail), solve(tail)


def fixed_limits(statistic: float, df: float, df2: float, *, conf_level: float) -> tuple[float, float]:
    """Return the limits of the share of variance explained when predictors are fixed: noncentrality / (it + n).

    n = df + df2 + 1; speaks of further samples with the same predictor values.
    """
    arrays = (np.array(statistic), np.array(df), np.array(df2))
    low, high = noncentrality_limits(*arrays, conf_level=conf_level)
    n = df + df2 + 1
    return float(low / (low + n)), float(high / (high + n))


def rise_limits(
    r_squared: float, p: int, *, base: float, base_p: int, n: int, conf_level: float
) -> tuple[float, float]:
    """Return the limits of the rise of rho^2 from a part of the predictors to all of them.

    Delta = pi (1 - rho_0^2) with pi the squared partial correlation of the added block. The two estimates are
    independent; the limits are quantiles of the product of their confidence distributions.

    Parameters
    ----------
    r_squared, p : float, int
        Sample value with all predictors, and how many they are.
    base, base_p : float, int
        The same of the part.
    n : int
        Respondents.
    conf_level : float
        Nominal coverage.
    """
    if base_p == 0:
        return random_limits(r_squared, n=n, p=p, conf_level=conf_level)
    if not base < 1:
        return float("nan"), float("nan")
    partial = max((r_squared - base) / (1 - base), 0.0)
    own = _confidence_quantiles(partial, n=n - base_p, p=p - base_p)
    before = _confidence_quantiles(base, n=n, p=base_p)
    if own is None or before is None:
        return float("nan"), float("nan")
    product = np.sort(np.outer(own, 1 - before).ravel())
    tail = (1 - conf_level) / 2
    low, high = np.quantile(product, [tail, 1 - tail])
    # On the edge the share of zeros decides, without interpolation.
    return float(low if np.mean(product <= 0) < tail else 0.0), float(high)


def _confidence_quantiles(r_squared: float, *, n: int, p: int) -> Floats | None:
    """Quantiles of the confidence distribution of rho^2, P(R^2 > seen | rho^2), at the middles of equal steps."""
    low, high = random_limits(r_squared, n=n, p=p, conf_level=_NEARLY_SURE)
    if np.isnan(low):
        return None
    grid = np.tanh(np.linspace(np.arctanh(np.sqrt(low)), np.arctanh(min(np.sqrt(high), _TOP)), _GRID)) ** 2
    above = np.array([1 - below(r_squared, rho_squared=value, n=n, p=p) for value in grid])
    return np.interp((np.arange(_GRID) + 0.5) / _GRID, np.maximum.accumulate(above), grid)


def shrunk_twice(drawn: Floats, *, n: int, p: int) -> Floats:
    """Return resampled R squared without what chance adds, 1 - (1 - R^2) ((n - 1) / (n - p - 1))^2.

    Chance adds to R squared in every resample, as in every sample, and it has added to the sample from which resamples
    were drawn: Ezekiel's correction is due twice. Quantiles of the result then lie about the population's value.
    """
    return 1 - (1 - drawn) * ((n - 1) / (n - p - 1)) ** 2


def unrestricted(r: Floats | float, *, sd_ratio: float) -> Floats:
    """Return a correlation corrected for direct selection on the predictor (Thorndike's case 2).

    r U / sqrt(1 - r^2 + r^2 U^2) with U the standard deviation in the population over that in the sample. Rises with r,
    so that limits may be put through it. Misleads where selection was on something else, or the relation is not
    linear with equal scatter.
    """
    value = np.asarray(r, dtype=np.float64)
    return value * sd_ratio / np.sqrt(1 - value**2 + (value * sd_ratio) ** 2)
