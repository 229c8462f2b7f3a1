"""Rules for the number of factors that fit models of 0, 1, 2 ... factors: sequential tests and the hull.

References
----------
Lorenzo-Seva, U., Timmerman, M. E. and Kiers, H. A. L. (2011). The hull method for selecting the number of common
factors. Multivariate Behavioral Research, 46(2), 340-364. https://doi.org/10.1080/00273171.2011.564527

Auerswald, M. and Moshagen, M. (2019). How to determine the number of factors to retain in exploratory factor
analysis. Psychological Methods, 24(4), 468-491. https://doi.org/10.1037/met0000200

Hayashi, K., Bentler, P. M. and Yuan, K.-H. (2007). On the likelihood ratio test for the number of factors in
exploratory factor analysis. Structural Equation Modeling, 14(3), 505-526.
https://doi.org/10.1080/10705510701301891
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from psychomet.numerics.dimensions.adequacy import SINGULAR, kmo
from psychomet.numerics.factoring import LEAST_UNIQUENESS, extract

Floats = NDArray[np.float64]

SIGNIFICANT = 0.05
_EQUAL = 1e-10


class Models(NamedTuple):
    """Maximum likelihood models of 0 to ``most`` factors.

    Attributes
    ----------
    df : (most + 1,) array
        ((k - m)^2 - k - m) / 2.
    statistic, p_value : (most + 1,) array
        Likelihood ratio with Bartlett's correction, n - 1 - (2k + 5)/6 - 2m/3 times the discrepancy.
    cfi, rmsea, caf : (most + 1,) array
        Comparative fit, root mean square error of approximation, and 1 - KMO of the residual correlations
        (common part accounted for).
    heywood : (most + 1,) array of bool
        Whether a uniqueness stands at its bound.
    """

    df: Floats
    statistic: Floats
    p_value: Floats
    cfi: Floats
    rmsea: Floats
    caf: Floats
    heywood: NDArray[np.bool_]


def most_factors(k: int) -> int:
    """Return the largest number of factors of k items that leaves degrees of freedom."""
    return max((m for m in range(k) if (k - m) ** 2 - k - m > 0), default=0)


def fit_models(cor: Floats, n: float, most: int) -> Models | None:
    """Fit 0 to ``most`` factors by maximum likelihood; None where the matrix is not positive definite.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    n : float
        Respondents.
    most : int
        At most :func:`most_factors`.
    """
    k = len(cor)
    if not np.isfinite(cor).all() or np.linalg.eigvalsh(cor)[0] < SINGULAR:
        return None
    number = np.arange(most + 1)
    df = ((k - number) ** 2 - k - number) / 2
    discrepancy, caf = np.empty(most + 1), np.empty(most + 1)
    heywood = np.zeros(most + 1, dtype=bool)
    for m in number:
        model, residual, heywood[m] = _model(cor, int(m))
        discrepancy[m] = max(
            np.linalg.slogdet(model)[1] - np.linalg.slogdet(cor)[1]
            + np.trace(np.linalg.solve(model, cor)) - k, 0.0,
        )  # fmt: skip
        caf[m] = 1 - kmo(residual[None]).overall[0]
    statistic = discrepancy * np.maximum(n - 1 - (2 * k + 5) / 6 - 2 * number / 3, 1.0)
    excess = np.maximum(statistic - df, 0.0)
    cfi = 1 - excess / max(excess[0], _EQUAL) if excess[0] > 0 else np.ones(most + 1)
    rmsea = np.sqrt(excess / (np.maximum(df, 1) * max(n - 1, 1)))
    return Models(df, statistic, chi2.sf(statistic, df), cfi, rmsea, caf, heywood)


def _model(cor: Floats, m: int) -> tuple[Floats, Floats, bool]:
    """Implied correlations, residual correlations scaled by the uniquenesses, and whether one is at its bound."""
    if m == 0:
        return np.eye(len(cor)), cor, False
    found = extract(cor[None], m, method="ml")
    loadings, unique = found.loadings[0], found.uniqueness[0]
    common = loadings @ loadings.T
    residual = cor - common
    scale = np.sqrt(np.maximum(np.diagonal(residual), LEAST_UNIQUENESS))
    residual = residual / np.outer(scale, scale)
    np.fill_diagonal(residual, 1.0)
    return common + np.diag(unique), residual, bool(found.heywood[0].any())


def sequential_tests(models: Models) -> int | None:
    """Return the smallest number of factors that is not rejected at .05; None where all are.

    Beyond the true number the statistic is no longer distributed as chi-squared and is rejected too often
    (Hayashi, Bentler and Yuan 2007), and with large samples any minor factor is found.
    """
    fine = np.flatnonzero(models.p_value > SIGNIFICANT)
    return int(fine[0]) if fine.size else None


def hull(fit: Floats, df: Floats) -> int | None:
    """Return the number of factors at the elbow of the upper hull of fit against degrees of freedom.

    Parameters
    ----------
    fit : (m + 1,) array
        Larger is better: CAF, CFI, or 1 - RMSEA of 0, 1, ... factors.
    df : (m + 1,) array
        Falling.

    Returns
    -------
    int or None
        The solution with the largest ratio of the gain per degree of freedom before it to that after it. None
        where fewer than three solutions stand on the hull: there is no elbow, and that is no evidence for one.

    Notes
    -----
    A model that fits worse than one with fewer factors counts as no gain over it; the original procedure drops it,
    and then has no elbow where the fit peaks at the right number. Fit of 0 factors is that of uncorrelated items, and
    neither 0 nor the largest number can be elected. EFAtools 0.6.0 gives these another CFI and RMSEA and so may
    elect other numbers by them; by CAF it elects the same.
    """
    kept = [int(number) for number in np.flatnonzero(np.isfinite(fit))]
    fit = np.fmax.accumulate(fit)
    position = 1
    while position < len(kept) - 1:
        before, here, after = kept[position - 1], kept[position], kept[position + 1]
        share = (df[before] - df[here]) / (df[before] - df[after])
        if fit[here] <= fit[before] + share * (fit[after] - fit[before]) + _EQUAL:
            kept.pop(position)
            position = max(1, position - 1)
        else:
            position += 1
    if len(kept) < 3:
        return None
    gain = np.diff(fit[kept]) / -np.diff(df[kept])
    return kept[1 + int(np.argmax(gain[:-1] / np.maximum(gain[1:], _EQUAL)))]
