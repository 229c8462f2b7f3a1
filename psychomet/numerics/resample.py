"""Bootstrap by resample counts: how often each row was drawn, instead of the rows themselves.

A statistic that is a function of weighted sums is then one matrix product per block of resamples,
``weights @ row_statistics``, and nothing is ever refitted.

References
----------
Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical
Association, 82(397), 171-185. https://doi.org/10.1080/01621459.1987.10478410

Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, chapters 2 and 5.
Cambridge University Press. https://doi.org/10.1017/CBO9780511802843
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]

# Weights of one block: at most 16 MB, and as much again for the draws from which they are counted.
MAX_CELLS = 2_000_000
# Within that, blocks that stay in the cache, but with rows enough for a matrix product to be quick.
_CACHE_CELLS = 100_000
_PRODUCT_ROWS = 128
# Units from which on counting resample by resample is quicker: its arrays stay in the cache.
_LONG = 2000


def resample_weights(
    n_rows: int,
    *,
    n_boot: int,
    seed: int,
    unit: NDArray[np.integer] | None = None,
    max_cells: int = MAX_CELLS,
) -> Iterator[Floats]:
    """Yield blocks of bootstrap weights: how often each row stands in each resample.

    Parameters
    ----------
    n_rows : int
        Rows of the data.
    n_boot : int
        Number of resamples in all.
    seed : int
        Seed of :func:`numpy.random.default_rng`. The same seed gives the same resamples, whatever
        the block size.
    unit : (n_rows,) array of int, optional
        Code 0, 1, ... of the unit to which each row belongs: units are drawn, and all rows of a unit
        are drawn together. By default each row is a unit.
    max_cells : int
        Largest number of weights in a block.

    Yields
    ------
    (b, n_rows) array
        One row per resample.
    """
    rng = np.random.default_rng(seed)
    n_units = n_rows if unit is None else int(unit.max()) + 1
    width = max(n_rows, n_units)
    step = max(1, min(n_boot, max_cells // width, max(_PRODUCT_ROWS, _CACHE_CELLS // width)))
    for start in range(0, n_boot, step):
        size = min(step, n_boot - start)
        weights = _counts(rng, n_units, size)
        yield weights if unit is None else weights[:, unit]


def _counts(rng: np.random.Generator, n_units: int, size: int) -> Floats:
    """Count the draws of some resamples: long ones one by one, short ones all in one call."""
    if n_units >= _LONG:
        counts = np.empty((size, n_units))
        for row in counts:
            row[:] = np.bincount(rng.integers(0, n_units, n_units), minlength=n_units)
        return counts
    drawn = rng.integers(0, n_units, size=(size, n_units))
    drawn += np.arange(size)[:, None] * n_units
    return np.bincount(drawn.ravel(), minlength=size * n_units).reshape(size, n_units).astype(np.float64)


def percentile_interval(replicates: Floats, conf_level: float) -> tuple[float, float]:
    """Return the percentile interval; replicates that are not finite are left out.

    Parameters
    ----------
    replicates : (n_boot,) array
        The statistic in each resample.
    conf_level : float
        Nominal coverage.
    """
    tail = (1 - conf_level) / 2
    return _quantiles(replicates, tail, 1 - tail)


def bca_interval(
    replicates: Floats, estimate: float, influence: Floats, conf_level: float
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval (Efron 1987).

    Parameters
    ----------
    replicates : (n_boot,) array
        The statistic in each resample.
    estimate : float
        The statistic in the data.
    influence : (n,) array
        Empirical influence of each unit; its skewness is the acceleration.
    conf_level : float
        Nominal coverage.
    """
    finite = replicates[np.isfinite(replicates)]
    below = (np.count_nonzero(finite < estimate) + np.count_nonzero(finite <= estimate)) / 2
    spread = float(np.sum(influence**2))
    if finite.size == 0 or spread == 0 or not 0 < below < finite.size:
        return float("nan"), float("nan")
    bias = ndtri(below / finite.size)
    acceleration = float(np.sum(influence**3)) / (6 * spread**1.5)
    z = ndtri(np.array([(1 - conf_level) / 2, (1 + conf_level) / 2]))
    shifted = bias + z
    low, high = ndtr(bias + shifted / (1 - acceleration * shifted))
    return _quantiles(finite, float(low), float(high))


def studentized_interval(
    replicates: Floats, errors: Floats, estimate: float, std_error: float, conf_level: float
) -> tuple[float, float]:
    """Return the bootstrap-t interval (Davison and Hinkley 1997, section 5.2).

    Use it on a scale on which the standard error hardly depends on the value.

    Parameters
    ----------
    replicates, errors : (n_boot,) array
        The statistic and its standard error in each resample.
    estimate, std_error : float
        The same in the data.
    conf_level : float
        Nominal coverage.
    """
    good = np.isfinite(replicates) & (errors > 0)
    distance = (replicates[good] - estimate) / errors[good]
    low, high = _quantiles(distance, (1 - conf_level) / 2, (1 + conf_level) / 2)
    return estimate - high * std_error, estimate - low * std_error


def _quantiles(replicates: Floats, low: float, high: float) -> tuple[float, float]:
    """Two quantiles of the finite replicates; NaN when there are none."""
    finite = replicates[np.isfinite(replicates)]
    if finite.size == 0:
        return float("nan"), float("nan")
    lower, upper = np.quantile(finite, [low, high])
    return float(lower), float(upper)
