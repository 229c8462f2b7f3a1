"""How well factors reproduce correlations: the likelihood-ratio statistic and the indices made from it.

F = log|S| - log|R| + tr(R S^-1) - k with S the model; X = F (n - 1 - (2k + 5)/6 - 2m/3), Bartlett's correction,
on df = ((k - m)^2 - k - m) / 2 degrees of freedom. With F0 of uncorrelated items and c the factor of F in X:
TLI = (F0/df0 - F/df) / (F0/df0 - 1/c), RMSEA = sqrt(max(X - df, 0) / (df (n - 1))), BIC = X - df log n.

References
----------
Bartlett, M. S. (1950). Tests of significance in factor analysis. British Journal of Statistical Psychology, 3,
77-85. https://doi.org/10.1111/j.2044-8317.1950.tb00285.x

Tucker, L. R. and Lewis, C. (1973). A reliability coefficient for maximum likelihood factor analysis.
Psychometrika, 38, 1-10. https://doi.org/10.1007/BF02291170

Browne, M. W. (1984). Asymptotically distribution-free methods for the analysis of covariance structures. British
Journal of Mathematical and Statistical Psychology, 37, 62-83. https://doi.org/10.1111/j.2044-8317.1984.tb00789.x

Asparouhov, T. and Muthén, B. (2010). Simple second order chi-square correction. Mplus technical appendix.

Steiger, J. H. (1990). Structural model evaluation and modification: an interval estimation approach.
Multivariate Behavioral Research, 25, 173-180. https://doi.org/10.1207/s15327906mbr2502_4
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

Floats = NDArray[np.float64]


class Fit(NamedTuple):
    """Fit of one solution; NaN where it is not defined.

    Attributes
    ----------
    objective, null_objective : float
        F of the model and of uncorrelated items.
    statistic, df, p_value : float
        X, its degrees of freedom and the probability of a larger one.
    null_statistic, null_df : float
        The same of uncorrelated items.
    rmsea, rmsea_low, rmsea_high : float
        With its interval.
    tli, bic : float
        Tucker-Lewis index; X - df log n.
    rmsr, rmsr_corrected : float
        Root mean square of the residual correlations, over the k (k - 1) / 2 pairs and over df.
    """

    objective: float
    null_objective: float
    statistic: float
    df: float
    p_value: float
    null_statistic: float
    null_df: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    tli: float
    bic: float
    rmsr: float
    rmsr_corrected: float


def degrees_of_freedom(k: int, m: int) -> int:
    """Return ((k - m)^2 - k - m) / 2: correlations less free parameters of m factors of k items."""
    return ((k - m) ** 2 - k - m) // 2


def most_factors(k: int) -> int:
    """Return the largest m with at least 0 degrees of freedom (Ledermann's bound); 0 for fewer than 3 items."""
    return max((m for m in range(1, k) if degrees_of_freedom(k, m) >= 0), default=0)


def fit(cor: Floats, loadings: Floats, *, n: float, conf_level: float = 0.95) -> Fit:
    """Return the fit of a solution.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    loadings : (k, m) array
        Orthogonal loadings; rotated ones fit alike and Phi would be needed.
    n : float
        Respondents.
    conf_level : float
        Of the interval of RMSEA.

    Notes
    -----
    The indices of ``psych::fa``, but for the RMSEA, for which psych divides X by n instead of n - 1 (its interval
    does not). X is distributed as chi-squared for ``ml`` and ``gls`` with normal answers; for least squares it is
    somewhat too large, for answers in categories it may be far off: see :func:`adjusted_fit`.
    """
    k, m = loadings.shape
    df, null_df = degrees_of_freedom(k, m), k * (k - 1) // 2
    model = loadings @ loadings.T
    residual = (cor - model)[np.triu_indices(k, 1)]
    np.fill_diagonal(model, 1.0)
    objective, null = _discrepancy(cor, model), _discrepancy(cor, np.eye(k))
    factor = n - 1 - (2 * k + 5) / 6 - 2 * m / 3
    statistic = max(objective, 0.0) * factor
    low, high = rmsea_limits(statistic, df, n, conf_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, worst = np.divide(objective, df or np.nan), null / null_df
        tli = (worst - ratio) / (worst - 1 / factor)
    return Fit(
        objective=objective,
        null_objective=null,
        statistic=statistic,
        df=df,
        p_value=float(chi2.sf(statistic, df)) if df > 0 else np.nan,
        null_statistic=null * (n - 1 - (2 * k + 5) / 6),
        null_df=null_df,
        rmsea=float(np.sqrt(max(statistic - df, 0.0) / (df * (n - 1)))) if df > 0 else np.nan,
        rmsea_low=low,
        rmsea_high=high,
        tli=float(tli),
        bic=statistic - df * np.log(n),
        rmsr=float(np.sqrt((residual**2).mean())),
        rmsr_corrected=float(np.sqrt((residual**2).sum() / df)) if df > 0 else np.nan,
    )


def _discrepancy(cor: Floats, model: Floats) -> float:
    """Normal maximum likelihood discrepancy; NaN where a matrix is not positive definite."""
    sign, size = np.linalg.slogdet(model)
    other_sign, other = np.linalg.slogdet(cor)
    if sign <= 0 or other_sign <= 0 or np.linalg.eigvalsh(cor)[0] < 1e-12:
        return float("nan")
    return float(size - other + np.trace(np.linalg.solve(model, cor)) - len(cor))


def rmsea_limits(statistic: float, df: float, n: float, conf_level: float) -> tuple[float, float]:
    """Return the limits of RMSEA: noncentralities under which the statistic is at either tail."""
    if not (np.isfinite(statistic) and df > 0):
        return float("nan"), float("nan")
    limits = []
    for tail in ((1 - conf_level) / 2, (1 + conf_level) / 2):
        # The probability of a smaller statistic falls as the noncentrality grows.
        target = 1 - tail
        if chi2.cdf(statistic, df) <= target:
            limits.append(0.0)
            continue
        top = max(statistic, 1.0) * 2 + 100
        found = brentq(lambda ncp, goal=target: ncx2.cdf(statistic, df, ncp) - goal, 1e-10, top, xtol=1e-10)
        limits.append(float(np.sqrt(found / (df * (n - 1)))))
    return limits[0], limits[1]


def adjusted_fit(residual: Floats, influence: Floats, *, df: float) -> tuple[float, float]:
    """Return the residual statistic with mean and variance adjusted to those of chi-squared, and its p value.

    Parameters
    ----------
    residual : (q,) array
        Residual correlations above the diagonal, e.
    influence : (n, q) array
        Influence of each respondent on e, of mean 0.
    df : float
        Degrees of freedom.

    Notes
    -----
    With U n times the covariance matrix of e, T = n e'e has the mean tr U and the variance 2 tr U^2 whatever the
    distribution of the answers and the extraction were; a T + df - a tr U with a = sqrt(df / tr U^2) has those of
    chi-squared. With polychoric correlations and least squares it is the statistic that Mplus and lavaan print for
    ULSMV, but that tr U^2 is estimated from pairs of different respondents only (Chen, Zhang and Zhong 2010): with
    fewer respondents than pairs of items the plain estimate is so large that nothing is ever rejected.

    References
    ----------
    Chen, S. X., Zhang, L.-X. and Zhong, P.-S. (2010). Tests for high-dimensional covariance matrices. Journal of the
    American Statistical Association, 105, 810-819. https://doi.org/10.1198/jasa.2010.tm09560
    """
    n, q = influence.shape
    own = (influence**2).sum(axis=1)
    mean = float(own.mean())
    gram = influence.T @ influence if q <= n else influence @ influence.T
    square = float(((gram**2).sum() - (own**2).sum()) / (n * (n - 1)))
    if not (df > 0 and square > 0):
        return float("nan"), float("nan")
    scale = np.sqrt(df / square)
    statistic = float(scale * n * (residual**2).sum() + df - scale * mean)
    return statistic, float(chi2.sf(max(statistic, 0.0), df))


class Shape(NamedTuple):
    """What describes a rotated solution, item by item and factor by factor.

    Attributes
    ----------
    communality : (k,) array
        diag(L Phi L').
    complexity : (k,) array
        Hofmann's index (sum l^2)^2 / sum l^4: how many factors an item loads on.
    carried : (m,) array
        Variance that each factor carries, diag(Phi L'L); shares divide it by k.
    structure : (k, m) array
        Correlations of items and factors, L Phi.
    """

    communality: Floats
    complexity: Floats
    carried: Floats
    structure: Floats


def shape(loadings: Floats, phi: Floats) -> Shape:
    """Describe pattern loadings (k, m) with correlations (m, m) of the factors.

    References
    ----------
    Hofmann, R. J. (1978). Complexity and simplicity as objective indices descriptive of factor solutions.
    Multivariate Behavioral Research, 13, 247-250. https://doi.org/10.1207/s15327906mbr1302_9
    """
    structure = loadings @ phi
    square = loadings**2
    fourth = (square**2).sum(axis=1)
    complexity = np.divide(
        square.sum(axis=1) ** 2, fourth, out=np.full(len(loadings), np.nan), where=fourth > 0
    )
    return Shape(
        (structure * loadings).sum(axis=1),
        complexity,
        np.diagonal(phi @ loadings.T @ loadings).copy(),
        structure,
    )
