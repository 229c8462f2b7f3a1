"""A correlation matrix made positive definite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST = 1e-12
"""Eigenvalues below this are replaced by 100 times it (psych::cor.smooth's rule)."""


def smoothed_correlation(correlation: Floats) -> tuple[Floats, bool]:
    """Make a correlation matrix positive definite by the rule of ``psych::cor.smooth``.

    Parameters
    ----------
    correlation : (k, k) array
        Correlations, all known.

    Returns
    -------
    tuple of (k, k) array and bool
        The matrix, and whether it was changed: eigenvalues below 1e-12 become 1e-10, all are scaled to sum to
        k, and the matrix they give is scaled to ones on the diagonal.
    """
    values, vectors = np.linalg.eigh(correlation)
    if values.min() >= np.finfo(np.float64).eps:
        return correlation, False
    values = np.where(values < SMALLEST, 100 * SMALLEST, values)
    values *= values.size / values.sum()
    near = (vectors * values) @ vectors.T
    scale = np.sqrt(np.diagonal(near))
    near = near / scale[:, None] / scale
    np.fill_diagonal(near, 1.0)
    return near, True
