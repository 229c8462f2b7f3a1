"""Null distributions: gamma distributions with given moments, and shares of permutations.

References
----------
Gretton et al. (2007), see :mod:`.kernels`; Zhang, K., Peters, J., Janzing, D. and Schölkopf, B. (2011).
Kernel-based conditional independence test and application in causal discovery. Proceedings of UAI, 804-813.
https://arxiv.org/abs/1202.3775

Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical Applications in
Genetics and Molecular Biology, 9(1), 39. https://doi.org/10.2202/1544-6115.1585
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from psychomet.numerics.dependence.sides import Side

Floats = NDArray[np.float64]


def gamma_p(statistic: float, mean: float, variance: float) -> float:
    """Return the upper tail of the gamma distribution with a mean and a variance.

    NaN where the mean or the variance is not above 0: then one of the two does not vary.
    """
    if not (mean > 0 and variance > 0):
        return float("nan")
    return float(gammaincc(mean**2 / variance, max(statistic, 0.0) * mean / variance))


def share_p(statistic: float, drawn: Floats) -> float:
    """Return (1 + how many drawn are at least as large) / (1 + their number), ties up to rounding."""
    return (1 + int(np.count_nonzero(drawn >= statistic * (1 - 1e-10)))) / (1 + drawn.size)


def permutation_moments(first: Side, second: Side) -> tuple[float, float]:
    """Return the exact mean and variance of T over all permutations of the rows of one side.

    Parameters
    ----------
    first, second : Side
        At least 4 rows.

    References
    ----------
    Kazi-Aoual, F., Hitier, S., Sabatier, R. and Lebreton, J.-D. (1995). Refined approximations to permutation
    tests for multivariate inference. Computational Statistics and Data Analysis, 20(6), 643-656.
    https://doi.org/10.1016/0167-9473(94)00064-2
    """
    n = first.diagonal.size
    mean = first.trace * second.trace / (n - 1)
    spread, tail = zip(*(_shape(made, n) for made in (first, second)), strict=True)
    variance = 2 * spread[0] * spread[1] / ((n + 1) * (n - 1) ** 2 * (n - 2))
    return mean, variance + tail[0] * tail[1] / (n * (n + 1) * (n - 1) * (n - 2) * (n - 3))


def _shape(made: Side, n: int) -> tuple[float, float]:
    """(n - 1) sum(Kc^2) - tr(Kc)^2, and how heavy the diagonal is."""
    spread = (n - 1) * made.square - made.trace**2
    heavy = n * (n + 1) * float(made.diagonal @ made.diagonal)
    return spread, heavy - (n - 1) * (made.trace**2 + 2 * made.square)
