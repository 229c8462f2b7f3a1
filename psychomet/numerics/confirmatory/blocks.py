"""Exploratory blocks in a confirmatory model (ESEM), and plain exploratory analysis by maximum likelihood.

``efa("b")*f1 + efa("b")*f2 =~ x1 + ... `` lets every item of a block load on every factor of it. The fit
takes one of the many equivalent solutions (upper triangle of the loadings 0, uncorrelated factors); here the
block is rotated, its loadings standardised to items of variance 1 first, as lavaan does. Standard errors of
the rotated loadings follow by the delta method: the rotation is solved again at each shifted solution, from
where it stands (Asparouhov and Muthén 2009; Jennrich 1973).

References
----------
Asparouhov, T. and Muthén, B. (2009). Exploratory structural equation modeling. Structural Equation Modeling,
16(3), 397-438. https://doi.org/10.1080/10705510903008204
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.fit import Fit
from psychomet.numerics.confirmatory.implied import implied
from psychomet.numerics.rotations import Rule, arranged, rotate, search

Floats = NDArray[np.float64]
_SHIFT = 1e-4


class RotatedBlock(NamedTuple):
    """One rotated block of one group.

    Attributes
    ----------
    factors : tuple of int
        Places of its factors in the model; the rotated ones come in order of the variance they carry.
    items : (k,) array of int
        Places of its items.
    loadings, loadings_error : (k, m) arrays
        Standardised pattern loadings and their standard errors.
    correlation, correlation_error : (m, m) arrays
        Correlations of the factors and their standard errors.
    with_others : (m, o) array
        Covariances of the rotated factors with the factors outside of the block.
    hits, minima : int
        Starts that ended in the lowest minimum of the criterion; different minima found.
    """

    factors: tuple[int, ...]
    items: NDArray[np.intp]
    loadings: Floats
    loadings_error: Floats
    correlation: Floats
    correlation_error: Floats
    with_others: Floats
    hits: int
    minima: int


def rotated_blocks(
    result: Fit, *, chosen: Rule, seed: int, n_starts: int = 30, group: int = 0
) -> tuple[RotatedBlock, ...]:
    """Rotate the exploratory blocks of a fit.

    Parameters
    ----------
    result : Fit
        The fit of a model with exploratory blocks.
    chosen : Rule
        The rotation, from :func:`psychomet.numerics.rotations.rule`.
    seed : int
        Seed of the random starts.
    n_starts : int
        Random starts beside the identity.
    group : int
        The group.

    Returns
    -------
    tuple of RotatedBlock
    """
    return tuple(
        _rotated(result, factors, chosen, seed, n_starts, group) for factors in result.model.exploratory
    )


def _standard_loadings(
    result: Fit, x: Floats, factors: list[int], items: NDArray[np.intp], group: int
) -> Floats:
    moments = implied(result.model, x, group=group)
    scale = np.sqrt(np.diag(moments.covariance))
    return np.asarray((moments.parts.loadings / scale[:, None])[items][:, factors])


def _rotated(
    result: Fit, factors: tuple[int, ...], chosen: Rule, seed: int, n_starts: int, group: int
) -> RotatedBlock:
    model, columns = result.model, list(factors)
    items = np.unique(
        [row.row for row in model.rows if row.kind == "loadings" and row.column in factors]
    ).astype(np.intp)
    plain = _standard_loadings(result, result.x, columns, items, group)
    found = search(plain, chosen=chosen, seed=seed, n_starts=n_starts)
    best = arranged(found.best)
    size = _SHIFT * np.maximum(np.abs(result.x), 0.1)
    shifts = np.concatenate([np.diag(size), -np.diag(size)])
    stack = np.stack(
        [_standard_loadings(result, result.x + shift, columns, items, group) for shift in shifts]
    )
    again = rotate(stack, chosen=chosen, start=best.transform[0], tolerance=1e-10)
    q = result.x.size
    by_load = (again.loadings[:q] - again.loadings[q:]) / (2 * size[:, None, None])
    by_phi = (again.phi[:q] - again.phi[q:]) / (2 * size[:, None, None])
    phi = result.estimate.implied[group].factor_cov
    others = [place for place in range(len(model.latent)) if place not in factors]
    return RotatedBlock(
        factors=factors,
        items=items,
        loadings=best.loadings[0],
        loadings_error=_errors(by_load, result.covariance),
        correlation=best.phi[0],
        correlation_error=_errors(by_phi, result.covariance),
        with_others=best.transform[0].T @ phi[np.ix_(columns, others)],
        hits=found.hits,
        minima=found.minima,
    )


def _errors(slope: Floats, covariance: Floats) -> Floats:
    """Delta-method standard errors from slopes (q, ...)."""
    flat = slope.reshape(slope.shape[0], -1)
    variance = np.einsum("qr,qs,sr->r", flat, covariance, flat)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)).reshape(slope.shape[1:]))
