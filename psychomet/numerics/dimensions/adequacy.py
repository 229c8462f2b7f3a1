"""Whether correlations are worth factoring: sampling adequacy and the test that there are none.

References
----------
Kaiser, H. F. (1974). An index of factorial simplicity. Psychometrika, 39, 31-36. https://doi.org/10.1007/BF02291575

Bartlett, M. S. (1951). The effect of standardization on a chi-squared approximation in factor analysis.
Biometrika, 38, 337-344. https://doi.org/10.1093/biomet/38.3-4.337
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

SINGULAR = 1e-10
"""Smallest eigenvalue from which on a correlation matrix counts as positive definite."""


class Adequacy(NamedTuple):
    """Kaiser's measure of sampling adequacy of a stack of matrices.

    Attributes
    ----------
    overall : (b,) array
        Sum r^2 / (sum r^2 + sum q^2) over the pairs of items; NaN where the matrix is singular.
    item : (b, k) array
        The same over the pairs of one item.
    """

    overall: Floats
    item: Floats


class Sphericity(NamedTuple):
    """Bartlett's test that the items do not correlate at all: statistic, degrees of freedom, p value."""

    statistic: float
    df: int
    p_value: float


def kmo(cor: Floats) -> Adequacy:
    """Return the Kaiser-Meyer-Olkin measure of each matrix of a stack.

    Parameters
    ----------
    cor : (b, k, k) array
        Correlation matrices. q are the partial correlations of two items given all others.
    """
    k = cor.shape[1]
    partial = _partial(cor)
    off = ~np.eye(k, dtype=bool)
    r, q = (cor * off) ** 2, (partial * off) ** 2
    item = _ratio(r.sum(axis=2), (r + q).sum(axis=2))
    return Adequacy(_ratio(r.sum(axis=(1, 2)), (r + q).sum(axis=(1, 2))), item)


def kmo_slopes(cor: Floats) -> Floats:
    """Return the derivatives of overall and item-wise KMO in the correlations above the diagonal.

    Parameters
    ----------
    cor : (k, k) array
        Correlations, positive definite.

    Returns
    -------
    (k + 1, k (k - 1) / 2) array
        Overall first; pairs in the order of ``numpy.triu_indices(k, 1)``.
    """
    k = len(cor)
    inverse = np.linalg.inv(cor)
    own = np.diagonal(inverse)
    share = inverse**2 / np.outer(own, own)
    np.fill_diagonal(share, 0.0)
    at = np.arange(k)
    # Derivative of B_i = sum_j S_ij^2 / (S_ii S_jj) in S, then of S = R^-1 in R: dS = -S dR S.
    inner = np.zeros((k, k, k))
    row = inverse / np.outer(own, own)
    np.fill_diagonal(row, 0.0)
    inner[at, at, :] += row
    inner[at, :, at] += row
    inner[at[:, None], at, at] -= share / own
    inner[at, at, at] -= share.sum(axis=1) / own
    q_slope = -2 * (inverse @ inner @ inverse)
    r_slope = np.zeros((k, k, k))
    off = cor - np.diag(np.diagonal(cor))
    r_slope[at, at, :] += 2 * off
    r_slope[at, :, at] += 2 * off
    r, q = (off**2).sum(axis=1), share.sum(axis=1)
    slopes = [_share_slope(r.sum(), q.sum(), r_slope.sum(axis=0), q_slope.sum(axis=0))]
    slopes += [_share_slope(r[i], q[i], r_slope[i], q_slope[i]) for i in range(k)]
    return np.array(slopes)[:, *np.triu_indices(k, 1)]


def _share_slope(r: float, q: float, r_slope: Floats, q_slope: Floats) -> Floats:
    """Derivative of r / (r + q)."""
    return np.asarray((q * r_slope - r * q_slope) / (r + q) ** 2)


def bartlett_sphericity(cor: Floats, n: float) -> Sphericity:
    """Test that the population's correlation matrix is the identity.

    Parameters
    ----------
    cor : (k, k) array
        Sample correlations.
    n : float
        Respondents.

    Notes
    -----
    -(n - 1 - (2k + 5)/6) log det R on k(k - 1)/2 degrees of freedom. With the sample sizes in use it is all but
    always significant: it says that there is something to factor, not that factors describe it well.
    """
    k = len(cor)
    sign, size = np.linalg.slogdet(cor)
    df = k * (k - 1) // 2
    if sign <= 0 or np.linalg.eigvalsh(cor)[0] < SINGULAR:
        return Sphericity(float("nan"), df, float("nan"))
    statistic = float(-(n - 1 - (2 * k + 5) / 6) * size)
    return Sphericity(statistic, df, float(chi2.sf(statistic, df)))


def _partial(cor: Floats) -> Floats:
    """Partial correlations of all pairs given the other items; NaN where a matrix is singular."""
    out = np.full_like(cor, np.nan)
    usable = np.isfinite(cor).all(axis=(1, 2))
    places = np.flatnonzero(usable)
    if places.size:
        places = places[np.linalg.eigvalsh(cor[places])[:, 0] > SINGULAR]
    if places.size:
        inverse = np.linalg.inv(cor[places])
        scale = np.sqrt(np.diagonal(inverse, axis1=1, axis2=2))
        out[places] = -inverse / (scale[:, :, None] * scale[:, None, :])
    return out


def _ratio(part: Floats, whole: Floats) -> Floats:
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
