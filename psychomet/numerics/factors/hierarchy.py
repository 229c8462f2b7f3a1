"""How a Schmid-Leiman solution moves with the oblique solution that it is made of: exact derivatives.

References
----------
Schmid, J. and Leiman, J. M. (1957). The development of hierarchical factor solutions. Psychometrika, 22, 53-61.
https://doi.org/10.1007/BF02289209
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factors.extraction import LEAST_UNIQUENESS, extract
from psychomet.numerics.factors.slopes import unrotated_slopes
from psychomet.numerics.rotation import Hierarchy
from psychomet.numerics.rotations import Rotation

Floats = NDArray[np.float64]

_LEAST_ROOT = 1e-6


class Moved(NamedTuple):
    """Changes of n Schmid-Leiman solutions.

    Attributes
    ----------
    general : (n, k) array
        Of the loadings on the general factor.
    group : (n, k, m) array
        Of those on the group factors.
    """

    general: Floats
    group: Floats


def hierarchy_change(best: Rotation, tree: Hierarchy, loadings: Floats, phi: Floats) -> Moved:
    """Carry small changes of an oblique solution over to the Schmid-Leiman solution.

    Parameters
    ----------
    best : Rotation
        Stack of one, oblique.
    tree : Hierarchy
        :func:`~psychomet.numerics.rotation.schmid_leiman` of it.
    loadings, phi : (n, k, m) and (n, m, m) array
        Changes of the pattern loadings and of the correlations of the factors.

    Notes
    -----
    With s the loadings of the group factors on the general one, g = L s and column f of the group loadings is
    L_f sqrt(1 - s_f^2). s moves with Phi as the minres factor that it is (:func:`unrotated_slopes`); with two group
    factors it is sqrt|r|, whose slope has no limit as r goes to 0. A loading at its bound stays there.
    """
    second, pattern = tree.second_order[0], best.loadings[0]
    m = second.size
    if m == 2:
        r = best.phi[0, 0, 1]
        slope = np.sign(r) / (2 * max(np.sqrt(abs(r)), _LEAST_ROOT)) if abs(r) < 1 - LEAST_UNIQUENESS else 0.0
        moved = phi[:, 0, 1, None] * slope * np.sign(second)
    else:
        unique = extract(best.phi, 1).uniqueness[0]
        by_phi = unrotated_slopes(best.phi[0], second[:, None], unique, method="minres").by_correlation[:, 0]
        moved = phi[:, *np.triu_indices(m, 1)] @ by_phi.T
    left = np.sqrt(np.maximum(1 - second**2, LEAST_UNIQUENESS))
    return Moved(
        loadings @ second + moved @ pattern.T,
        loadings * left - pattern * (second / left * moved)[:, None, :],
    )


def hierarchical_loadings(tree: Hierarchy) -> Floats:
    """Return the loadings of Schmid-Leiman solutions, the general factor first, (b, k, m + 1)."""
    return np.concatenate([tree.general[:, :, None], tree.group], axis=2)
