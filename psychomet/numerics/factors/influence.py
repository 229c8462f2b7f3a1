"""Influence of each respondent on the correlations, pair by pair, carried on to what is made from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.moments import Moments, centred

Floats = NDArray[np.float64]

_CELLS = 4_000_000


def carried_influence(values: Floats, sums: Moments, cor: Floats, slopes: Floats) -> Floats:
    """Return the empirical influence of each row on p functions of the correlations; its mean is 0.

    With z the standardised row a correlation has the influence z_j z_l - r (z_j^2 + z_l^2) / 2. Where answers are
    missing every pair has its own rows, weighted by n / rows of the pair.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses of items that all vary, NaN where there is none.
    sums : Moments
        ``moments(values)``.
    cor : (k, k) array
        ``correlation(sums)``.
    slopes : (p, q) array
        Derivatives in the q = k (k - 1) / 2 correlations above the diagonal, row by row.

    Returns
    -------
    (n, p) array
    """
    n, k = values.shape
    first, second = np.triu_indices(k, 1)
    out = np.zeros((n, len(slopes)))
    step = max(1, _CELLS // n)
    for start in range(0, first.size, step):
        some = slice(start, start + step)
        out += correlation_influences(values, sums, cor, first[some], second[some]) @ slopes[:, some].T
    return out


def correlation_influences(
    values: Floats, sums: Moments, cor: Floats, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Floats:
    """Return the influence of each row on the correlations of some pairs of columns, (n, pairs).

    Parameters
    ----------
    values, sums, cor
        As in :func:`carried_influence`.
    first, second : (pairs,) array of int
        The columns of each pair.
    """
    deviation, there = centred(values, sums.origin)
    if there is None:
        z = (deviation - deviation.mean(axis=0)) / deviation.std(axis=0)
        a, b = z[:, first], z[:, second]
        return a * b - cor[first, second] * (a**2 + b**2) / 2
    mean = sums.total / sums.count
    sd = np.sqrt(sums.square / sums.count - mean**2)
    a = (deviation[:, first] - mean[first, second]) / sd[first, second]
    b = (deviation[:, second] - mean[second, first]) / sd[second, first]
    both = there[:, first] * there[:, second] * (len(values) / sums.count[first, second])
    return np.asarray(both * (a * b - cor[first, second] * (a**2 + b**2) / 2))
