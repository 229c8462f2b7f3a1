"""Smooth functions of sums over clusters: estimate, influence, standard error, intervals.

A coefficient of agreement is a function f of sums T = t_1 + ... + t_n over respondents. With the slope
g = f'(T) the influence of respondent i is n g't_i, whatever the number of ratings behind t_i, so that
ratings of one respondent may depend on each other. The variance is the sum of the squared g't_i: where
every respondent gives one unit it is Fleiss, Cohen and Everitt's for kappa and Gwet's for AC1 and AC2.

References
----------
Fleiss, J. L., Cohen, J. and Everitt, B. S. (1969). Large sample standard errors of kappa and weighted
kappa. Psychological Bulletin, 72(5), 323-327. https://doi.org/10.1037/h0028106

Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, sections 2.7 and 5.2.
Cambridge University Press. https://doi.org/10.1017/CBO9780511802843
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from psychomet.numerics.resample import bca_interval, resample_weights, studentized_interval

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Scale = Literal["identity", "log_one_minus", "atanh", "logit"]

# A coefficient nearer to 1 than this is 1, with its rounding.
ONE = 1e-12
# Share of resamples without a standard error above which resamples are not studentised.
_DEGENERATE = 0.01
# Units per block of the resampled standard errors.
_MAX_CELLS = 2_000_000


class Fit(NamedTuple):
    """A coefficient of several vectors of sums: values (b,), slopes (b, p)."""

    value: Floats
    slope: Floats


Coefficient = Callable[[Floats], Fit]


class Linear(NamedTuple):
    """An estimate, its standard error and the influence (n,) of every cluster on it."""

    estimate: float
    std_error: float
    influence: Floats


class Limits(NamedTuple):
    """A bootstrap interval, the spread of the replicates and how many had no value."""

    low: float
    high: float
    std_error: float
    empty: int
    kind: str


def by_cluster(values: Floats, cluster: Codes, n_clusters: int) -> Floats:
    """Return the sums of each column of (n_rows, p) values within each cluster, (n_clusters, p)."""
    columns = [np.bincount(cluster, column, minlength=n_clusters) for column in values.T]
    return np.stack(columns, axis=1) if columns else np.empty((n_clusters, 0))


def code_counts(codes: Codes, cluster: Codes, n_clusters: int, n_codes: int) -> Floats:
    """Return how often each code stands in each cluster, (n_clusters, n_codes)."""
    flat = np.bincount(cluster * n_codes + codes, minlength=n_clusters * n_codes)
    return flat.reshape(n_clusters, n_codes).astype(np.float64)


def linear(sums: Floats, coefficient: Coefficient, *, ddof: int = 1) -> Linear:
    """Return a coefficient of the total sums with its influences and standard error.

    Parameters
    ----------
    sums : (n, p) array
        One row per cluster.
    coefficient : callable
        From (b, p) sums to values and slopes.
    ddof : {0, 1}
        Divisor n or n - 1 in the variance of the influences.
    """
    n = sums.shape[0]
    fit = coefficient(sums.sum(axis=0)[None])
    influence = n * (sums @ fit.slope[0])
    influence -= influence.mean() if n else 0.0
    return Linear(float(fit.value[0]), influence_error(influence, ddof=ddof), influence)


def influence_error(influence: Floats, *, ddof: int = 1) -> float:
    """Return the standard error of an estimate from the influences on it; NaN for one cluster."""
    n = influence.size
    if n <= ddof or n == 0:
        return float("nan")
    return float(np.sqrt(np.sum(influence**2) / (n * (n - ddof))))


def leave_one_out(sums: Floats, coefficient: Coefficient) -> Floats:
    """Return the coefficient without each cluster in turn, (n,); NaN where it then has no value."""
    total = sums.sum(axis=0)
    step = max(1, _MAX_CELLS // max(1, 4 * sums.shape[1]))
    parts = [coefficient(total - sums[i : i + step]).value for i in range(0, sums.shape[0], step)]
    return np.concatenate(parts) if parts else np.empty(0)


def jackknife_error(without: Floats) -> float:
    """Return the jackknife standard error from ``leave_one_out``; NaN where any value is."""
    n = without.size
    return float(np.sqrt((n - 1) * without.var())) if n > 1 else float("nan")


def delta_interval(
    estimate: float, std_error: float, *, df: float, conf_level: float, scale: Scale = "identity"
) -> tuple[float, float]:
    """Return the t interval of an estimate on a scale on which its spread hardly depends on its value.

    Parameters
    ----------
    estimate, std_error : float
        The estimate and its standard error.
    df : float
        Degrees of freedom of Student's t, clusters less one; infinite for the normal quantile.
    conf_level : float
        Nominal coverage.
    scale : {"identity", "log_one_minus", "atanh", "logit"}
        Where the interval is symmetric.

    Returns
    -------
    low, high : float
        NaN where df < 1, the error is 0, or the estimate lies on the edge of the scale.
    """
    nan = float("nan")
    if df < 1 or not np.isfinite([estimate, std_error]).all() or not std_error > 0:
        return nan, nan
    quantile = ndtri((1 + conf_level) / 2) if np.isinf(df) else stdtrit(df, (1 + conf_level) / 2)
    reach = float(quantile) * std_error
    if scale == "identity":
        return estimate - reach, estimate + reach
    if scale == "log_one_minus":
        if not 1 - estimate > ONE:
            return nan, nan
        share = reach / (1 - estimate)
        return 1 - (1 - estimate) * float(np.exp(min(share, 700.0))), 1 - (1 - estimate) * float(
            np.exp(-share)
        )
    if scale == "atanh":
        if not 1 - abs(estimate) > ONE:
            return nan, nan
        centre, share = np.arctanh(estimate), reach / (1 - estimate**2)
        return float(np.tanh(centre - share)), float(np.tanh(centre + share))
    if not ONE < estimate < 1 - ONE:
        return nan, nan
    centre, share = logit(estimate), reach / (estimate * (1 - estimate))
    return float(expit(centre - share)), float(expit(centre + share))


def resampled(sums: Floats, coefficient: Coefficient, *, n_boot: int, seed: int) -> tuple[Floats, Floats]:
    """Return a coefficient and its standard error in each resample of the clusters, both (n_boot,).

    Parameters
    ----------
    sums : (n, p) array
        One row per cluster.
    coefficient : callable
        From (b, p) sums to values and slopes.
    n_boot, seed
        As in :func:`psychomet.numerics.resample.resample_weights`.
    """
    n = sums.shape[0]
    replicates, errors = np.full(n_boot, np.nan), np.full(n_boot, np.nan)
    start = 0
    for weights in resample_weights(n, n_boot=n_boot, seed=seed, max_cells=_MAX_CELLS):
        rows = slice(start, start + weights.shape[0])
        fit = coefficient(weights @ sums)
        replicates[rows] = fit.value
        change = fit.slope @ sums.T
        change -= (np.einsum("bi,bi->b", weights, change) / n)[:, None]
        change *= change
        errors[rows] = np.sqrt(np.einsum("bi,bi->b", weights, change) * n / (n - 1))
        start = rows.stop
    return replicates, errors


def bootstrap_limits(
    sums: Floats, coefficient: Coefficient, found: Linear, *, n_boot: int, seed: int, conf_level: float
) -> Limits:
    """Return the bootstrap interval of a coefficient that is at most 1, clusters resampled.

    Studentised on the scale log(1 - f), with the standard error of each resample from its own slope;
    where more than one resample in a hundred has none (all of it agrees), bias-corrected and accelerated.

    Parameters
    ----------
    sums : (n, p) array
        One row per cluster.
    coefficient : callable
        From (b, p) sums to values and slopes.
    found : Linear
        The coefficient of the data.
    n_boot, seed
        As in :func:`psychomet.numerics.resample.resample_weights`.
    conf_level : float
        Nominal coverage.
    """
    replicates, errors = resampled(sums, coefficient, n_boot=n_boot, seed=seed)
    finite = np.isfinite(replicates)
    spread = float(replicates[finite].std(ddof=1)) if finite.sum() > 1 else float("nan")
    empty = int(n_boot - finite.sum())
    good = finite & (errors > 0) & (1 - replicates > ONE)
    if not 1 - found.estimate > ONE or finite.sum() < n_boot / 2:
        return Limits(float("nan"), float("nan"), spread, empty, "none")
    if good.sum() < (1 - _DEGENERATE) * n_boot:
        low, high = bca_interval(replicates, found.estimate, found.influence, conf_level)
        return Limits(low, high, spread, empty, "BCa")
    rest = 1 - replicates[good]
    low, high = studentized_interval(
        np.log(rest), errors[good] / rest, float(np.log(1 - found.estimate)),
        found.std_error / (1 - found.estimate), conf_level,
    )  # fmt: skip
    return Limits(float(1 - np.exp(min(high, 700.0))), float(1 - np.exp(low)), spread, empty, "studentised")
