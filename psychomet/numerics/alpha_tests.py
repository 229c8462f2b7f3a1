"""Alphas beside each other: are they equal, in independent groups or in the same respondents.

References
----------
Feldt, L. S. (1969). A test of the hypothesis that Cronbach's alpha or Kuder-Richardson coefficient twenty
is the same for two tests. Psychometrika, 34(3), 363-373. https://doi.org/10.1007/BF02289364

Feldt, L. S., Woodruff, D. J. and Salih, F. A. (1987). Statistical inference for coefficient alpha.
Applied Psychological Measurement, 11(1), 93-103. https://doi.org/10.1177/014662168701100107

Bonett, D. G. (2002). Sample size requirements for testing and estimating coefficient alpha. Journal of
Educational and Behavioral Statistics, 27(4), 335-340. https://doi.org/10.3102/10769986027004335

Maydeu-Olivares, A., Coffman, D. L. and Hartmann, W. M. (2007). Asymptotically distribution-free interval
estimation of coefficient alpha. Psychological Methods, 12(2), 157-176.
https://doi.org/10.1037/1082-989X.12.2.157
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc, fdtri, ndtri

Floats = NDArray[np.float64]

_NODES = 200


class Equality(NamedTuple):
    """A statistic, its degrees of freedom (the second NaN where there is none) and its p value."""

    statistic: float
    df: float
    df2: float
    p_value: float


def bonett_interval(estimate: float, *, n: int, k: int, conf_level: float) -> tuple[float, float]:
    """Return Bonett's interval of alpha, normal on log(1 - alpha) with variance 2k / ((k - 1)(n - 2)).

    The centre is moved by log(n / (n - 1)), as in Bonett (2002). It needs independent rows, normal items
    with equal covariances, n > 2 and alpha < 1.
    """
    half = float(ndtri((1 + conf_level) / 2)) * float(np.sqrt(2 * k / ((k - 1) * (n - 2))))
    centre = float(np.log(1 - estimate) - np.log(n / (n - 1)))
    return 1 - float(np.exp(centre + half)), 1 - float(np.exp(centre - half))


def w_test(alpha: Floats, *, n: Floats, k: int) -> Equality:
    """Return Feldt's W = (1 - alpha_2) / (1 - alpha_1) of two independent groups, with a two-sided p value.

    Where alphas are equal W is the quotient of two independent F variables (Feldt 1969, normal items with
    equal covariances); its distribution is taken by quadrature, not by Feldt's single F. The degrees of
    freedom given, n_1 - 1 and n_2 - 1, are those of that F, which it approaches with many items.

    Parameters
    ----------
    alpha : (2,) array
        Both below 1.
    n : (2,) array
        Respondents.
    k : int
        Items.
    """
    w = float((1 - alpha[1]) / (1 - alpha[0]))
    place, weight = np.polynomial.legendre.leggauss(_NODES)
    first, second = n - 1
    # (1 - a) of a sample of n is F with (n - 1)(k - 1) and n - 1 degrees of freedom, in units of the truth.
    other = fdtri(first * (k - 1), first, (place + 1) / 2)
    above = float(np.sum(weight / 2 * fdtrc(second * (k - 1), second, w * other)))
    return Equality(w, float(first), float(second), min(1.0, 2 * min(above, 1 - above)))


def cube_root_test(alpha: Floats, *, n: Floats, k: int) -> Equality:
    """Return the chi-square test that alphas of independent groups are equal (Feldt et al. 1987, UX1).

    (1 - alpha)^(-1/3) is nearly normal with variance 2 / (9 (m - 1) (1 - alpha)^(2/3)), m = n (k - 1) / (k + 1);
    the sum of squares of these about their mean over the mean variance is chi-square.

    Parameters
    ----------
    alpha : (m,) array
        All below 1.
    n : (m,) array
        Respondents.
    k : int
        Items.
    """
    root = (1 - alpha) ** (-1 / 3)
    size = n * (k - 1) / (k + 1)
    variance = 2 / (9 * (size - 1) * (1 - alpha) ** (2 / 3))
    statistic = float(((root - root.mean()) ** 2).sum() / variance.mean())
    df = float(alpha.size - 1)
    return Equality(statistic, df, float("nan"), float(chdtrc(df, statistic)))


def wald_test(value: Floats, influence: Floats) -> Equality:
    """Return the distribution-free test that coefficients are equal, also those of the same respondents.

    On log(1 - value), with the covariance that follows from the influence values: T2 = d'S^-1 d of the
    m - 1 differences, and F = T2 (n - m + 1) / ((n - 1)(m - 1)) (Hotelling).

    Parameters
    ----------
    value : (m,) array
        The coefficients, all below 1.
    influence : (n, m) array
        Influence of each respondent on each; 0 for one who had no part in it. n counts all respondents, so
        that a coefficient of n_g of them has the influence n / n_g times its own.

    Returns
    -------
    Equality
        NaN where there are not more respondents than coefficients, or the differences have no variance.
    """
    n, m = influence.shape
    nothing = Equality(float("nan"), float(m - 1), float(n - m + 1), float("nan"))
    if n <= m or not (value < 1).all():
        return nothing
    scaled = -influence / (1 - value)
    cov = scaled.T @ scaled / (n * (n - 1))
    change = np.diff(np.eye(m), axis=0)
    gap, spread = change @ np.log(1 - value), change @ cov @ change.T
    if np.linalg.matrix_rank(spread) < m - 1:
        return nothing
    square = float(gap @ np.linalg.solve(spread, gap))
    statistic = square * (n - m + 1) / ((n - 1) * (m - 1))
    return Equality(statistic, float(m - 1), float(n - m + 1), float(fdtrc(m - 1, n - m + 1, statistic)))
