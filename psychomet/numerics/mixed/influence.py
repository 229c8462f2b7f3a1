r"""How far every unit moves the fixed effects of a mixed model.

The infinitesimal jackknife: unit i enters the penalised least squares with weight w_i, its own random effects with it,
and the influence is n times the derivative of the fixed effects in w_i, the components held. With
\hat e = y - X\beta - Zb and Z_f the terms whose levels several units share,

    n (X'V_0^{-1}X)^{-1} \sum_{j \in i} (x_j - X'Z_f \Lambda_f A^{-1} \Lambda_f' z_{fj}) \hat e_j

less its mean. Fixed effects move little with the components, which are therefore held.

References
----------
Jaeckel, L. A. (1972). The infinitesimal jackknife. Memorandum MM 72-1215-11, Bell Laboratories.

Demidenko, E. and Stukel, T. A. (2005). Influence analysis for linear mixed-effects models. Statistics in Medicine,
24(6), 893-909. https://doi.org/10.1002/sim.1974
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.mixed.likelihood import spans, triangles
from psychomet.numerics.mixed.minimum import Found
from psychomet.numerics.mixed.system import System

Floats = NDArray[np.float64]


def influence(
    system: System, found: Found, *, response: Floats, design: Floats, units: NDArray[np.intp]
) -> Floats:
    """Return the influence of every unit on every fixed effect, (units, p); its mean is 0.

    Parameters
    ----------
    system, found
        The table, and where its deviance is least.
    response : (N,) array
    design : (N, p) array
    units : (N,) array of int
        Unit of every row, 0 to the number of units less one.
    """
    point, p, number = found.point, system.triangle.shape[0], int(units.max()) + 1
    back: Floats = np.linalg.inv(system.triangle).astype(float)
    toward = np.array(design @ back)
    left = response - toward @ (system.ordinary + point.shift)
    effects = point.weighted[:, p] - point.weighted[:, :p] @ point.shift
    for block, span, lower in zip(system.blocks, spans(system), triangles(system, found.theta), strict=True):
        shape = (block.levels, block.width)
        own = effects[span].reshape(shape) @ lower.T
        left -= (block.columns * own[block.code]).sum(axis=1)
        if _shared(block.code, units):
            pulled = np.einsum("ij,ljp->lip", lower, point.weighted[span, :p].reshape(*shape, p))
            toward -= np.einsum("ni,nip->np", block.columns, pulled[block.code])
    sums = np.stack([np.bincount(units, column * left, minlength=number) for column in toward.T], axis=1)
    moved = number * sums @ np.linalg.solve(point.inner, back.T)
    return np.asarray(moved - moved.mean(axis=0), dtype=float)


def _shared(code: NDArray[np.intp], units: NDArray[np.intp]) -> bool:
    """Whether a level of a factor holds rows of several units."""
    both = code.astype(np.int64) * (int(units.max()) + 1) + units
    return np.unique(both).size > int(code.max()) + 1
