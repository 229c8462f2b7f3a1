"""Put the factors of one solution beside those of another: congruence, matching, Procrustes.

Tucker's congruence of two columns x and y of loadings is sum xy / sqrt(sum x^2 sum y^2): a correlation that
does not take out means, so that the size of loadings counts, not their pattern about their mean alone.

References
----------
Tucker, L. R. (1951). A method for synthesis of factor analysis studies (Personnel Research Section Report 984).
Department of the Army.

Lorenzo-Seva, U. and ten Berge, J. M. F. (2006). Tucker's congruence coefficient as a meaningful index of factor
similarity. Methodology, 2(2), 57-64. https://doi.org/10.1027/1614-2241.2.2.57

Schönemann, P. H. (1966). A generalized solution of the orthogonal Procrustes problem. Psychometrika, 31, 1-10.
https://doi.org/10.1007/BF02289451

Paunonen, S. V. (1997). On chance and factor congruence following orthogonal Procrustes rotation. Educational and
Psychological Measurement, 57(1), 33-59. https://doi.org/10.1177/0013164497057001003
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_LISTED = 6
"""Factors up to which all orders are tried at once; more are matched one solution at a time."""


def congruence(first: Floats, second: Floats) -> Floats:
    """Return Tucker's congruence of every column of one solution with every column of another.

    Parameters
    ----------
    first : (..., k, m) array
        Loadings.
    second : (..., k, l) array
        Loadings of the same items.

    Returns
    -------
    (..., m, l) array
        Between -1 and 1; NaN where a column is 0 throughout.
    """
    products = np.swapaxes(first, -1, -2) @ second
    lengths = np.sqrt((first**2).sum(axis=-2)[..., :, None] * (second**2).sum(axis=-2)[..., None, :])
    out = np.full(products.shape, np.nan)
    np.divide(products, lengths, out=out, where=lengths > 0)
    return out


def item_congruence(first: Floats, second: Floats) -> Floats:
    """Return the congruence of the loadings of every item (row) in two aligned solutions, (..., k)."""
    lengths = np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1))
    out = np.full(lengths.shape, np.nan)
    np.divide((first * second).sum(axis=-1), lengths, out=out, where=lengths > 0)
    return out


def matching(similar: Floats) -> tuple[Ints, Floats]:
    """Return which column belongs to which row, one to one, and with which sign.

    Parameters
    ----------
    similar : (b, m, l) array
        Similarities, l >= m; the sum of their sizes is made as large as possible. NaN counts as 0.

    Returns
    -------
    order : (b, m) array of int
        Column of each row.
    sign : (b, m) array
        1 or -1.
    """
    size = np.abs(np.nan_to_num(similar))
    b, m, wide = size.shape
    if m == wide and m <= MOST_LISTED:
        orders = np.array(list(permutations(range(m))), dtype=np.intp)
        total = sum(size[:, row, orders[:, row]] for row in range(m))
        order = orders[np.argmax(total, axis=1)]
    else:
        order = np.array([linear_sum_assignment(-one)[1] for one in size], dtype=np.intp).reshape(b, m)
    chosen = np.take_along_axis(np.nan_to_num(similar), order[:, :, None], axis=2)[:, :, 0]
    return order, np.where(chosen < 0, -1.0, 1.0)


def matched(loadings: Floats, wanted: Floats) -> tuple[Floats, Ints, Floats]:
    """Return loadings with their factors in the order and with the signs that suit another solution best.

    Parameters
    ----------
    loadings : (b, k, m) array
        Solutions.
    wanted : (k, m) array
        The solution whose factors set order and signs.

    Returns
    -------
    loadings : (b, k, m) array
        Reordered and reflected, nothing else: angles between factors stay as they are.
    order : (b, m) array of int
        Which old factor stands at each place.
    sign : (b, m) array
        By which it was multiplied.
    """
    order, sign = matching(congruence(np.broadcast_to(wanted, loadings.shape), loadings))
    return np.take_along_axis(loadings, order[:, None, :], axis=2) * sign[:, None, :], order, sign


def procrustes(loadings: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Rotate orthogonally towards a target, by least squares over all entries.

    Parameters
    ----------
    loadings : (..., k, m) array
        Solutions with orthogonal factors.
    wanted : (..., k, m) array
        Target.

    Returns
    -------
    loadings : (..., k, m) array
        A T.
    transform : (..., m, m) array
        T = U V' of the singular value decomposition of A' target; NaN where an entry is NaN.

    Notes
    -----
    Rotation towards a target capitalises on chance, the more so the more factors and the fewer items there are:
    the congruence of random loadings after it is not 0 (Paunonen 1997). Compare with what chance gives.
    """
    cross = np.swapaxes(loadings, -1, -2) @ wanted
    usable = np.asarray(np.isfinite(cross).all(axis=(-1, -2)))
    left, _, right = np.linalg.svd(np.where(usable[..., None, None], cross, 0.0))
    turn = np.where(usable[..., None, None], left @ right, np.nan)
    return loadings @ turn, turn


def oblique_procrustes(loadings: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Regress a target on the loadings and scale the factors to a variance of 1.

    Parameters
    ----------
    loadings, wanted : (k, m) array
        Orthogonal solution and target.

    Returns
    -------
    loadings : (k, m) array
        Pattern loadings.
    phi : (m, m) array
        Correlations of the factors.

    Notes
    -----
    The shortcut of Hendrickson and White (1964), as in ``psych::target.rot``: the scaling comes after the least
    squares. The rotation ``target`` minimises the distance itself under that constraint.
    """
    regression = np.linalg.lstsq(loadings, wanted, rcond=None)[0]
    spread = np.diagonal(np.linalg.inv(regression.T @ regression))
    whole = regression * np.sqrt(spread)
    inverse = np.linalg.inv(whole)
    return loadings @ whole, inverse @ inverse.T


def towards(loadings: Floats, whole: Floats, transform: Floats) -> Floats:
    """Start each rotation of a stack where the solution of the whole sample stands.

    Parameters
    ----------
    loadings : (b, k, m) array
        Orthogonal loadings, of resamples say.
    whole : (k, m) array
        Orthogonal loadings of the whole sample.
    transform : (m, m) array
        Its T.

    Returns
    -------
    (b, m, m) array
        T with which each solution is nearest to the rotated whole: the same factors, order and signs.
    """
    clean = np.where(np.isfinite(loadings), loadings, 0.0)
    return np.asarray(procrustes(clean, whole)[1] @ transform)
