"""Oblimin rotation and the Schmid-Leiman solution, for many solutions at once.

Oblimin minimises 1/4 sum L^2 * ((I - gamma/k 11') L^2 N), N = 11' - I, over pattern loadings L = A (T')^-1
with columns of T of length 1; Phi = T'T are the correlations of the factors. gamma = 0 is quartimin, the
default of GPArotation and of psych. The descent and the other criteria are in ``psychomet.numerics.rotations``.

References
----------
Bernaards, C. A. and Jennrich, R. I. (2005). Gradient projection algorithms and software for arbitrary
rotation criteria in factor analysis. Educational and Psychological Measurement, 65(5), 676-696.
https://doi.org/10.1177/0013164404272507

Schmid, J. and Leiman, J. M. (1957). The development of hierarchical factor solutions. Psychometrika, 22,
53-61. https://doi.org/10.1007/BF02289209
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.alignment import towards
from psychomet.numerics.factoring import LEAST_UNIQUENESS, extract
from psychomet.numerics.rotations import MOST_ITERATIONS, Rotation, rotate, rule, search

__all__ = ["Hierarchy", "Rotation", "best_oblimin", "oblimin", "schmid_leiman", "towards"]

Floats = NDArray[np.float64]


class Hierarchy(NamedTuple):
    """Schmid-Leiman solutions of a stack of b.

    Attributes
    ----------
    general : (b, k) array
        Loadings on the general factor.
    group : (b, k, m) array
        Loadings on the residualised group factors.
    second_order : (b, m) array
        Loadings of the group factors on the general factor.
    heywood : (b,) array of bool
        Whether a group factor is all but the general factor (loading at its bound).
    """

    general: Floats
    group: Floats
    second_order: Floats
    heywood: NDArray[np.bool_]


def oblimin(
    loadings: Floats,
    *,
    gamma: float = 0.0,
    kaiser: bool = False,
    start: Floats | None = None,
    tolerance: float = 1e-6,
    iterations: int = MOST_ITERATIONS,
) -> Rotation:
    """Rotate a stack of loadings obliquely.

    Parameters
    ----------
    loadings : (b, k, m) array
        Orthogonal loadings; solutions with NaN stay NaN.
    gamma : float
        0 (quartimin) to 1; negative values keep the factors closer to orthogonal.
    kaiser : bool
        Whether items are scaled to a communality of 1 while rotating (SPSS does, psych does not).
    start : (m, m) or (b, m, m) array, optional
        T to start from; default the identity.
    tolerance : float
        Length of the projected gradient at which to stop (GPArotation: 1e-5).
    iterations : int
        Most steps; what has not converged by then stays where it is.

    Returns
    -------
    Rotation
    """
    chosen = rule("oblimin", gamma=gamma, kaiser=kaiser)
    return rotate(loadings, chosen=chosen, start=start, tolerance=tolerance, iterations=iterations)


def best_oblimin(
    loadings: Floats, *, seed: int, n_starts: int = 10, gamma: float = 0.0, kaiser: bool = False
) -> tuple[Rotation, Rotation]:
    """Rotate one solution from the identity and from random orthogonal starts.

    Parameters
    ----------
    loadings : (k, m) array
        Orthogonal loadings.
    seed : int
        Seed of the random starts.
    n_starts : int
        Random starts beside the identity.
    gamma, kaiser
        As in :func:`oblimin`.

    Returns
    -------
    best, plain : Rotation
        Stacks of one: the solution with the lowest criterion (the plain one unless another is lower by
        more than 1e-6 of it), and the one from the identity, where programs without random starts end.
    """
    found = search(loadings, chosen=rule("oblimin", gamma=gamma, kaiser=kaiser), seed=seed, n_starts=n_starts)
    return found.best, found.plain


def schmid_leiman(rotation: Rotation) -> Hierarchy:
    """Split correlated group factors into a general factor and what is left of each.

    Parameters
    ----------
    rotation : Rotation
        Oblique solutions with m >= 2 factors.

    Returns
    -------
    Hierarchy
        The general factor is the minres factor of Phi; with m = 2 it is not determined, and both group
        factors get the loading sqrt|r| (psych's option "equal"). The sign makes its loadings sum to a
        value that is not negative.
    """
    m = rotation.phi.shape[1]
    if m == 2:
        r = rotation.phi[:, 0, 1]
        root = np.sqrt(np.minimum(np.abs(r), 1 - LEAST_UNIQUENESS))
        second = np.stack([root, np.where(r < 0, -root, root)], axis=1)
        heywood = np.asarray(np.abs(r) >= 1 - LEAST_UNIQUENESS)
    else:
        found = extract(rotation.phi, 1)
        second, heywood = found.loadings[:, :, 0], np.asarray(found.heywood.any(axis=1))
    general = np.einsum("bkm,bm->bk", rotation.loadings, second)
    sign = np.where(general.sum(axis=1) < 0, -1.0, 1.0)
    general, second = general * sign[:, None], second * sign[:, None]
    left = np.sqrt(np.maximum(1 - second**2, 0.0))
    return Hierarchy(general, rotation.loadings * left[:, None, :], second, heywood)
