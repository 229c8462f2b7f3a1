"""Heavy tails: the excess kurtosis of what mean squares are made of, and whether it is more than chance.

A mean square of n independent deviations with excess kurtosis k has the variance 2 s^4 (1 + k / 2) / n about, of which
normal-theory limits see 2 s^4 / n. At k = 0.5 a 95 % interval covers .92, at 1 .89, at 6 (exponential) .67.

References
----------
Anscombe, F. J. and Glynn, W. J. (1983). Distribution of the kurtosis statistic b2 for normal samples. Biometrika,
70(1), 227-234. https://doi.org/10.1093/biomet/70.1.227
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kurtosis, kurtosistest, norm

from psychomet.numerics.variance.cells import combined

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

FEWEST = 20  # values below which the normal approximation of the test is poor
ROUNDING = 1e-12


class Tails(NamedTuple):
    """Excess kurtosis (0 for the normal) and the one-sided probability of more under normality."""

    excess: float
    p_value: float


def tails(values: Floats, *, df: float | None = None) -> Tails:
    """Return the excess kurtosis of some values and its one-sided test; NaN with fewer than 20 values.

    Parameters
    ----------
    values : (n,) array
        Deviations.
    df : float, optional
        Number of independent values among them. By default all are, and the test is that of Anscombe and
        Glynn; else the excess is held against its standard error, sqrt(24 / df).
    """
    largest = float(np.abs(values).max(initial=0.0))
    if values.size < FEWEST or float(np.ptp(values)) <= ROUNDING * largest:
        return Tails(float("nan"), float("nan"))
    excess = float(kurtosis(values, bias=False))
    if df is None:
        return Tails(excess, float(kurtosistest(values, alternative="greater").pvalue))
    return Tails(excess, float(norm.sf(excess / np.sqrt(24 / df))))


def cell_deviations(cells: Floats) -> tuple[Floats, Floats]:
    """Return the respondents' means, and what remains of complete cells without the means over any axis.

    Parameters
    ----------
    cells : (n_0, ..., n_d) array
        One observation per cell, axis 0 the respondents.

    Returns
    -------
    tuple of (n_0,) array and (N,) array
        The second has prod(n_a - 1) independent values.
    """
    rest = cells
    for axis in range(cells.ndim):
        rest = rest - rest.mean(axis=axis, keepdims=True)
    return cells.reshape(cells.shape[0], -1).mean(axis=1), rest.ravel()


def row_deviations(values: Floats, codes: Codes) -> tuple[Floats, Floats]:
    """Return the respondents' mean deviations from the means of their conditions, and what remains of the rows.

    Parameters
    ----------
    values : (N,) array
        Observations.
    codes : (d, N) array of int
        Level of each axis, numbered from 0 without gaps; axis 0 the respondents.
    """
    condition = combined(list(codes[1:]))
    rest = values - (np.bincount(condition, values) / np.bincount(condition))[condition]
    means = np.bincount(codes[0], rest) / np.bincount(codes[0])
    return np.asarray(means), np.asarray(rest - means[codes[0]])
