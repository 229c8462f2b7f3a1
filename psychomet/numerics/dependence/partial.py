"""Partial correlations and Fisher's z, many at once.

References
----------
Fisher, R. A. (1924). The distribution of the partial correlation coefficient. Metron, 3, 329-332.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


def partial_correlations(correlation: Floats, first: Codes, second: Codes, given: Codes) -> Floats:
    """Return partial correlations of many pairs of columns.

    Parameters
    ----------
    correlation : (k, k) array
        Correlations of the columns.
    first, second : (m,) array of int
        The two columns of each pair.
    given : (m, q) array of int
        The columns that are held constant; q may be 0.

    Returns
    -------
    (m,) array
        NaN where the columns that are held constant determine one of the two.
    """
    r = correlation[first, second]
    q = given.shape[1]
    if q == 0:
        return np.clip(r, -1.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if q == 1:
            a, b = correlation[first, given[:, 0]], correlation[second, given[:, 0]]
            room = (1 - a * a) * (1 - b * b)
            return np.clip(np.where(room > 1e-12, (r - a * b) / np.sqrt(room), np.nan), -1.0, 1.0)
        inner = correlation[given[:, :, None], given[:, None, :]]
        sides = np.stack([correlation[first[:, None], given], correlation[second[:, None], given]], axis=2)
        solved = np.linalg.solve(inner, sides)
        rest = np.einsum("mqa,mqb->mab", sides, solved)
        room = (1 - rest[:, 0, 0]) * (1 - rest[:, 1, 1])
        return np.clip(np.where(room > 1e-12, (r - rest[:, 0, 1]) / np.sqrt(room), np.nan), -1.0, 1.0)


def fisher_p(r: Floats, *, n: int, given: int) -> Floats:
    """Return two-sided p values of partial correlations: sqrt(n - q - 3) atanh(r) is standard normal."""
    limited = np.clip(r, -1 + 2**-53, 1 - 2**-53)
    z = np.sqrt(max(n - given - 3, 0)) * np.abs(np.arctanh(limited))
    return np.asarray(erfc(z / np.sqrt(2)))
