"""What each respondent does to alpha: empirical influence in closed form, and the error it implies.

References
----------
Maydeu-Olivares, A., Coffman, D. L. and Hartmann, W. M. (2007). Asymptotically distribution-free
interval estimation of coefficient alpha. Psychological Methods, 12(2), 157-176.
https://doi.org/10.1037/1082-989X.12.2.157
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.moments import Moments, centred, covariance

Floats = NDArray[np.float64]


def alpha_influence(values: Floats, sums: Moments) -> Floats:
    """Return the empirical influence of each row on raw alpha; its mean is 0.

    With complete rows this is k / (k - 1) (T t_i^2 / V^2 - q_i / V), where T = tr C, V = 1'C1, and
    t_i, q_i are the sum and the sum of squares of the centred row. With holes every pair of items
    adds its own part, weighted by n / rows of the pair.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses, NaN where there is none.
    sums : Moments
        ``moments(values)``.

    Returns
    -------
    (n,) array
    """
    n, k = values.shape
    deviation, there = centred(values, sums.origin)
    if there is None:
        squares, total = (deviation**2).sum(axis=1), deviation.sum(axis=1) ** 2
        trace, variance = float(squares.mean()), float(total.mean())
        return k / (k - 1) * (trace / variance**2 * total - squares / variance)
    cov = covariance(sums)
    mean = sums.total / sums.count
    # R's divisor (rows - 1) stays in the weight, so that this is the influence on R's covariance.
    weight = n / (sums.count - 1)
    form = _PairForm(
        cross=weight,
        square=np.zeros_like(weight),
        linear=-2 * weight * mean.T,
        constant=weight * (mean * mean.T - cov * (sums.count - 1) / sums.count),
    )
    own = np.eye(k, dtype=bool)
    on_total = _pair_influence(deviation, there, form)
    on_trace = _pair_influence(deviation, there, _PairForm(*(np.where(own, part, 0.0) for part in form)))
    variance = float(cov.sum())
    return k / (k - 1) * (float(np.trace(cov)) * on_total / variance**2 - on_trace / variance)


def alpha_standardized_influence(values: Floats, sums: Moments, cor: Floats) -> Floats:
    """Return the empirical influence of each row on standardised alpha; its mean is 0.

    With z the standardised row, a correlation has the influence z_j z_l - r (z_j^2 + z_l^2) / 2, and
    standardised alpha that of the sum W of all correlations times k^2 / ((k - 1) W^2).

    Parameters
    ----------
    values : (n, k) array
        Keyed responses of items that all vary, NaN where there is none.
    sums : Moments
        ``moments(values)``.
    cor : (k, k) array
        ``correlation(sums)``.
    """
    n, k = values.shape
    slope = k**2 / ((k - 1) * float(cor.sum()) ** 2)
    deviation, there = centred(values, sums.origin)
    if there is None:
        z = deviation / np.sqrt((deviation**2).mean(axis=0))
        return slope * (z.sum(axis=1) ** 2 - (z**2) @ cor.sum(axis=0))
    mean = sums.total / sums.count
    variance = sums.square / sums.count - mean**2
    scale = n / sums.count / np.sqrt(variance * variance.T)
    bend = n / sums.count * cor / variance
    form = _PairForm(
        cross=scale,
        square=-bend,
        linear=2 * (bend * mean - scale * mean.T),
        constant=scale * mean * mean.T - bend * mean**2,
    )
    return slope * _pair_influence(deviation, there, form)


class _PairForm(NamedTuple):
    """Coefficients, per ordered pair (j, l), of x_j x_l, x_j^2, x_j and 1; each (k, k)."""

    cross: Floats
    square: Floats
    linear: Floats
    constant: Floats


def _pair_influence(deviation: Floats, there: Floats, form: _PairForm) -> Floats:
    """Sum a quadratic form over the pairs of columns that each row has."""
    return (
        (deviation * (deviation @ form.cross.T)).sum(axis=1)
        + (deviation**2 * (there @ form.square.T)).sum(axis=1)
        + (deviation * (there @ form.linear.T)).sum(axis=1)
        + (there * (there @ form.constant.T)).sum(axis=1)
    )


def by_unit(influence: Floats, unit: NDArray[np.integer]) -> Floats:
    """Add the influence of the rows of each unit; the mean over units stays 0.

    Parameters
    ----------
    influence : (n_rows,) array
        Influence of each row.
    unit : (n_rows,) array of int
        Code of the unit of each row; every code from 0 to the largest occurs.

    Returns
    -------
    (n_units,) array
    """
    added = np.bincount(unit, weights=influence)
    return np.asarray(added * (added.size / influence.size))


def influence_error(influence: Floats) -> float:
    """Return the standard error sqrt(sum IF^2 / (n (n - 1))) that follows from influence values."""
    n = influence.size
    return float(np.sqrt(np.sum(influence**2) / (n * (n - 1)))) if n > 1 else float("nan")
