"""Rotation criteria: value and slope in the rotated loadings, for a stack of solutions.

Every function takes loadings (b, k, m) and returns the criterion (b,) and its derivative in the loadings
(b, k, m). Constants are those of the literature and of GPArotation, so that values can be compared.

References
----------
Bernaards, C. A. and Jennrich, R. I. (2005). Gradient projection algorithms and software for arbitrary rotation
criteria in factor analysis. Educational and Psychological Measurement, 65(5), 676-696.
https://doi.org/10.1177/0013164404272507

Crawford, C. B. and Ferguson, G. A. (1970). A general rotation criterion and its use in orthogonal rotation.
Psychometrika, 35, 321-332. https://doi.org/10.1007/BF02310792

Yates, A. (1987). Multivariate exploratory data analysis: a perspective on exploratory factor analysis (geomin).
State University of New York Press.

Bentler, P. M. (1977). Factor simplicity index and transformations. Psychometrika, 42, 277-295.
https://doi.org/10.1007/BF02294054

Jennrich, R. I. and Bentler, P. M. (2011). Exploratory bi-factor analysis. Psychometrika, 76, 537-549.
https://doi.org/10.1007/s11336-011-9218-4

Browne, M. W. (1972). Orthogonal rotation to a partially specified target. British Journal of Mathematical and
Statistical Psychology, 25, 115-120. https://doi.org/10.1111/j.2044-8317.1972.tb00482.x
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Slope = tuple[Floats, Floats]


def oblimin(loadings: Floats, gamma: float) -> Slope:
    """1/4 sum of L^2 * ((I - gamma/k 11') L^2 N), N = 11' - I; gamma = 0 is quartimin."""
    square = loadings**2
    other = square.sum(axis=2, keepdims=True) - square
    if gamma:
        other = other - gamma * other.mean(axis=1, keepdims=True)
    return 0.25 * (square * other).sum(axis=(1, 2)), loadings * other


def quartimax(loadings: Floats) -> Slope:
    """-1/4 sum of L^4."""
    square = loadings**2
    return -0.25 * (square**2).sum(axis=(1, 2)), -square * loadings


def varimax(loadings: Floats) -> Slope:
    """-1/4 sum of the squares of L^2 about its column means."""
    square = loadings**2
    spread = square - square.mean(axis=1, keepdims=True)
    return -0.25 * (spread**2).sum(axis=(1, 2)), -loadings * spread


def crawford_ferguson(loadings: Floats, kappa: float) -> Slope:
    """(1 - kappa)/4 times the complexity of rows plus kappa/4 times that of columns."""
    square = loadings**2
    rows = square.sum(axis=2, keepdims=True) - square
    columns = square.sum(axis=1, keepdims=True) - square
    mixed = (1 - kappa) * rows + kappa * columns
    return 0.25 * (square * mixed).sum(axis=(1, 2)), loadings * mixed


def geomin(loadings: Floats, delta: float) -> Slope:
    """Sum over items of the geometric mean of L^2 + delta; delta > 0 keeps the slope finite at 0."""
    square = loadings**2 + delta
    mean = np.exp(np.log(square).mean(axis=2, keepdims=True))
    return mean.sum(axis=(1, 2)), (2 / loadings.shape[2]) * loadings / square * mean


def bentler(loadings: Floats) -> Slope:
    """-1/4 (log det M - log det diag M), M = L^2' L^2: Bentler's invariant pattern simplicity."""
    square = loadings**2
    gram = square.swapaxes(1, 2) @ square
    diagonal = np.diagonal(gram, axis1=1, axis2=2)
    value = -0.25 * (np.linalg.slogdet(gram)[1] - np.log(diagonal).sum(axis=1))
    apart = np.linalg.inv(gram)
    at = np.arange(gram.shape[1])
    apart[:, at, at] -= 1 / diagonal
    return value, -loadings * (square @ apart)


def bifactor(loadings: Floats) -> Slope:
    """Sum of L^2 * (L^2 N) over all factors but the first, the general one."""
    square = loadings[:, :, 1:] ** 2
    other = square.sum(axis=2, keepdims=True) - square
    slope = np.zeros_like(loadings)
    slope[:, :, 1:] = 4 * loadings[:, :, 1:] * other
    return (square * other).sum(axis=(1, 2)), slope


def target(loadings: Floats, wanted: Floats) -> Slope:
    """Sum of the squares of L - target over the entries that the target specifies (not NaN)."""
    apart = np.where(np.isnan(wanted), 0.0, loadings - np.nan_to_num(wanted))
    return (apart**2).sum(axis=(1, 2)), 2 * apart
