"""Tables that have exactly the covariances or the mean squares given: what a result holds, made into scores again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def waves(n: int, count: int) -> Floats:
    """Return (n, count) orthonormal columns, each of sum 0: cosines of growing frequency (the DCT-II basis)."""
    place = (np.arange(n) + 0.5)[:, None] * np.arange(1, count + 1)
    return np.sqrt(2 / n) * np.cos(np.pi * place / n)


def table_with_covariance(cov: Floats, n: int) -> Floats | None:
    """Return a table of n rows whose covariance matrix (divisor n - 1) is the one given.

    Parameters
    ----------
    cov : (k, k) array
        Covariances.
    n : int
        Rows wanted.

    Returns
    -------
    (n, k) array or None
        None where no table of n rows has these covariances: not positive semi-definite, or of a rank
        above n - 1.
    """
    values, vectors = np.linalg.eigh(cov)
    floor = 1e-12 * max(float(values[-1]), 0.0)
    keep = values > floor
    if values[0] < -floor or keep.sum() > n - 1 or not keep.any():
        return None
    root = vectors[:, keep] * np.sqrt(values[keep] * (n - 1))
    return waves(n, int(keep.sum())) @ root.T


def table_with_mean_squares(n: int, k: int, *, targets: float, looks: float, residual: float) -> Floats:
    """Return an n x k table with the mean squares given.

    Parameters
    ----------
    n, k : int
        Targets and looks.
    targets, looks, residual : float
        Mean squares of the two-way table.
    """
    rows, columns = waves(n, min(2, n - 1)), waves(k, min(2, k - 1))
    target, look = rows[:, 0] * np.sqrt((n - 1) * targets / k), columns[:, 0] * np.sqrt((k - 1) * looks / n)
    rest = np.outer(rows[:, -1], columns[:, -1]) * np.sqrt((n - 1) * (k - 1) * residual)
    return target[:, None] + look + rest
