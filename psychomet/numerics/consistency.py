"""Internal consistency: Cronbach's alpha with its exact interval, and the items one by one.

Arrays in, arrays out; everything about the items follows from the covariance matrix in O(k^2).

References
----------
Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika, 16,
297-334. https://doi.org/10.1007/BF02310555

Feldt, L. S., Woodruff, D. J. and Salih, F. A. (1987). Statistical inference for coefficient alpha.
Applied Psychological Measurement, 11(1), 93-103. https://doi.org/10.1177/014662168701100107
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import f as f_distribution

from psychomet.numerics.location import ROUNDING, Estimates, sd_interval
from psychomet.numerics.moments import centred, column_means, negligible

Floats = NDArray[np.float64]
Units = NDArray[np.integer]


def alpha(cov: Floats) -> float:
    """Return raw alpha, k / (k - 1) (1 - tr C / 1'C1); NaN where the total score does not vary.

    Parameters
    ----------
    cov : (k, k) array
        Covariances of the keyed responses.
    """
    k = cov.shape[0]
    total = float(cov.sum())
    if k < 2 or not total > 64 * np.finfo(np.float64).eps * float(np.abs(cov).sum()):
        return float("nan")
    return k / (k - 1) * (1 - float(np.trace(cov)) / total)


def alpha_standardized(cor: Floats) -> float:
    """Return standardised alpha, k r / (1 + (k - 1) r) with r the mean inter-item correlation."""
    return alpha(cor)


def feldt_interval(estimate: float, *, n: int, k: int, conf_level: float) -> tuple[float, float]:
    """Return Feldt's interval of alpha, from F with n - 1 and (n - 1)(k - 1) degrees of freedom.

    Exact for normal scores with equal covariances; it needs independent rows.
    """
    tail = (1 - conf_level) / 2
    freedom = (n - 1, (n - 1) * (k - 1))
    return (
        1 - (1 - estimate) * float(f_distribution.isf(tail, *freedom)),
        1 - (1 - estimate) * float(f_distribution.ppf(tail, *freedom)),
    )


def alpha_if_dropped(cov: Floats) -> Floats:
    """Return alpha of the other k - 1 items, for each item; NaN where it has no value."""
    k = cov.shape[0]
    own = np.diagonal(cov)
    rest = _rest_variance(cov)
    if k < 3:
        return np.full(k, np.nan)
    share = np.divide(np.trace(cov) - own, rest, out=np.full(k, np.nan), where=rest > 0)
    return (k - 1) / (k - 2) * (1 - share)


def item_rest_correlation(cov: Floats) -> Floats:
    """Return the correlation of each item with the sum of the others; NaN where one does not vary."""
    own = np.diagonal(cov)
    rest = _rest_variance(cov)
    square = np.where((own > 0) & (rest > 0), own * rest, np.nan)
    return (cov.sum(axis=0) - own) / np.sqrt(square)


def item_means(values: Floats, unit: Units, conf_level: float) -> Estimates:
    """Return item means with t intervals; rows of one unit count as one observation.

    Parameters
    ----------
    values : (n_rows, k) array
        Keyed responses, NaN where there is none.
    unit : (n_rows,) array of int
        Code of the unit (respondent) of each row.
    conf_level : float
        Nominal coverage.
    """
    origin = column_means(values)
    deviation, there = centred(values, origin)
    std_error, freedom = _unit_error(deviation, there, unit)
    half = _t_quantile(freedom, conf_level) * std_error
    return Estimates(origin, std_error, origin - half, origin + half)


def item_sds(values: Floats, unit: Units, conf_level: float) -> Estimates:
    """Return item standard deviations with distribution-free intervals of log s.

    Responses on a few codes are far from normal, and the chi-square interval of a variance stands
    and falls with normal kurtosis. Where each row is a unit this is Bonett's interval
    (:func:`psychomet.numerics.location.sd_interval`); otherwise the delta interval of log s with
    the rows of a unit added, s exp(-+ t se).

    Parameters
    ----------
    values, unit, conf_level
        As in :func:`item_means`.
    """
    if np.unique(unit).size == unit.size:
        columns = [sd_interval(column[~np.isnan(column)], conf_level) for column in values.T]
        found = Estimates(*(np.array(part) for part in zip(*columns, strict=True)))
        flat = found.estimate <= ROUNDING * np.nan_to_num(np.abs(values)).max(axis=0)
        return found._replace(estimate=np.where(flat, 0.0, found.estimate))
    origin = column_means(values)
    deviation, there = centred(values, origin)
    count = np.full(values.shape[1], float(values.shape[0])) if there is None else there.sum(axis=0)
    squares = (deviation**2).sum(axis=0)
    varies = (count > 1) & ~negligible(squares, squares, count, origin)
    sd = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
    influence = (deviation**2 / np.where(varies, squares / np.maximum(count, 1), np.nan) - 1) / 2
    if there is not None:
        influence *= there
    error, freedom = _unit_error(influence, there, unit)
    factor = np.exp(_t_quantile(freedom, conf_level) * error)
    return Estimates(np.where(varies | np.isnan(sd), sd, 0.0), sd * error, sd / factor, sd * factor)


def _rest_variance(cov: Floats) -> Floats:
    """Variance of the sum of the other items, per item; 0 where it is rounding error."""
    rest = cov.sum() - 2 * cov.sum(axis=0) + np.diagonal(cov)
    return np.where(rest > 64 * np.finfo(np.float64).eps * np.abs(cov).sum(), rest, 0.0)


def _unit_error(influence: Floats, there: Floats | None, unit: Units) -> tuple[Floats, Floats]:
    """Standard error of a mean-like statistic per column, and its degrees of freedom.

    ``influence`` sums to 0 in each column and is 0 in holes; the rows of a unit are added first, so
    that what they share counts once.
    """
    n_rows, k = influence.shape
    size = int(unit.max()) + 1
    seen = np.ones_like(influence) if there is None else there
    added, answered = influence, seen
    if size < n_rows:
        cell = (unit[:, None] * k + np.arange(k)).ravel()
        added, answered = (
            np.asarray(np.bincount(cell, part.ravel(), minlength=size * k), dtype=np.float64).reshape(size, k)
            for part in (influence, seen)
        )
    units = (answered > 0).sum(axis=0).astype(float)
    rows = seen.sum(axis=0)
    inflate = np.divide(units, units - 1, out=np.full(k, np.nan), where=units > 1)
    return np.sqrt(inflate * (added**2).sum(axis=0)) / np.maximum(rows, 1), units - 1


def _t_quantile(freedom: Floats, conf_level: float) -> Floats:
    """Upper quantile of Student's t; NaN without degrees of freedom."""
    return np.asarray(stdtrit(np.where(freedom > 0, freedom, np.nan), (1 + conf_level) / 2))
