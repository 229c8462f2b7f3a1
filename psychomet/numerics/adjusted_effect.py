r"""The effect of one variable on another with others held: regression, or doubly robust weighting.

Regression: y = b t + g'z + e by least squares; standard errors of HC3 (MacKinnon and White 1985), or CR1 where rows share clusters.
AIPW, for a cause with two levels: :math:`\psi_i = m_1(z_i) - m_0(z_i) + \frac{t_i (y_i - m_1)}{e(z_i)} - \frac{(1 - t_i)(y_i - m_0)}{1 - e(z_i)}`,
whose mean is the average effect if either the regressions m or the propensity e is right (logistic e; linear m, logistic for an outcome of
two levels).

References
----------
MacKinnon, J. G. and White, H. (1985). Some heteroskedasticity-consistent covariance matrix estimators with improved finite sample
properties. Journal of Econometrics, 29(3), 305-325. https://doi.org/10.1016/0304-4076(85)90158-7

Robins, J. M., Rotnitzky, A. and Zhao, L. P. (1994). Estimation of regression coefficients when some regressors are not always observed.
Journal of the American Statistical Association, 89(427), 846-866. https://doi.org/10.1080/01621459.1994.10476818
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from psychomet.numerics.weighted_fits import weighted_lines, weighted_logits

Floats = NDArray[np.float64]


class Slope(NamedTuple):
    """The coefficient of the cause.

    Attributes
    ----------
    estimate, std_error : float
        With the robust standard error.
    classical : float
        Standard error with even spread, for sensitivity formulas.
    df : float
        Rows less columns; clusters less one where there are clusters.
    df_classical : float
        Rows less columns.
    influence : (n,) array
        Of each row, mean about 0.
    """

    estimate: float
    std_error: float
    classical: float
    df: float
    df_classical: float
    influence: Floats


class Average(NamedTuple):
    """The average effect by AIPW.

    Attributes
    ----------
    estimate, std_error : float
        Mean over rows, and its standard error; NaN where a regression has no finite answer.
    influence : (n,) array
        Of each row, mean 0.
    propensity : (n,) array
        Probability of the second level of the cause.
    """

    estimate: float
    std_error: float
    influence: Floats
    propensity: Floats


def slope(outcome: Floats, *, cause: Floats, held: Floats, cluster: NDArray[np.intp] | None = None) -> Slope:
    """Return the least squares coefficient of the cause.

    Parameters
    ----------
    outcome, cause : (n,) array
        Numbers.
    held : (n, c) array
        Columns held beside the intercept.
    cluster : (n,) array of int, optional
        Code of the cluster of each row.
    """
    n = outcome.size
    others = np.column_stack([np.ones(n), held])
    basis, spread, _ = np.linalg.svd(others, full_matrices=False)
    basis = basis[:, spread > 1e-10 * spread[0]]
    own = cause - basis @ (basis.T @ cause)
    left = outcome - basis @ (basis.T @ outcome)
    size = float(own @ own)
    estimate = float(own @ left) / size
    rest = left - estimate * own
    df = n - basis.shape[1] - 1
    leverage = np.einsum("np,np->n", basis, basis) + own**2 / size
    influence = n * own * rest / size
    if cluster is None:
        error = float(np.sqrt(np.sum((own * rest / (1 - np.minimum(leverage, 1 - 1e-9))) ** 2))) / size
        free = float(df)
    else:
        sums = np.bincount(cluster, own * rest)
        groups = sums.size
        error = float(np.sqrt(groups / (groups - 1) * (n - 1) / df * np.sum(sums**2))) / size
        free = float(groups - 1)
    classical = float(np.sqrt(rest @ rest / df / size))
    return Slope(estimate, error, classical, free, float(df), influence)


def aipw(
    outcome: Floats,
    *,
    cause: Floats,
    held: Floats,
    binary_outcome: bool,
    cluster: NDArray[np.intp] | None = None,
) -> Average:
    """Return the average effect of a cause of two levels, doubly robust.

    Parameters
    ----------
    outcome : (n,) array
        Numbers; 0 and 1 where it has two levels.
    cause : (n,) array
        0 or 1.
    held : (n, c) array
        Covariates.
    binary_outcome : bool
        Whether the regressions of the outcome are logistic.
    cluster : (n,) array of int, optional
        Code of the cluster of each row.
    """
    n = outcome.size
    columns = np.column_stack([np.ones(n), held])
    propensity = expit(columns @ weighted_logits(columns, cause, np.ones((1, n)))[0])
    arms = np.stack([1.0 - cause, cause])
    if binary_outcome:
        means = expit(weighted_logits(columns, outcome, arms) @ columns.T)
    else:
        means = weighted_lines(columns, outcome, arms)[0] @ columns.T
    each = (
        means[1] - means[0]
        + cause * (outcome - means[1]) / propensity
        - (1 - cause) * (outcome - means[0]) / (1 - propensity)
    )  # fmt: skip
    estimate = float(each.mean())
    influence = each - estimate
    if cluster is None:
        error = float(np.sqrt(np.sum(influence**2) / (n * (n - 1))))
    else:
        sums = np.bincount(cluster, influence)
        error = float(np.sqrt(sums.size / (sums.size - 1) * np.sum(sums**2))) / n
    return Average(estimate, error, influence, propensity)
