"""Confirmatory factor models of one scale, and the reliability of its sum that follows from them.

With loadings l, uniquenesses p and observed covariance matrix C of the items: omega total = (sum l)^2 / V,
where V is the observed variance 1'C1 of the sum or the model's (sum l)^2 + sum p. In a bifactor model omega
hierarchical takes (sum g)^2 of the general factor alone, omega total (sum g)^2 + sum over groups (sum f)^2.

References
----------
McDonald, R. P. (1999). Test Theory: A Unified Treatment. Erlbaum.

Zinbarg, R. E., Revelle, W., Yovel, I. and Li, W. (2005). Cronbach's alpha, Revelle's beta, and McDonald's
omega H. Psychometrika, 70, 123-133. https://doi.org/10.1007/s11336-003-0974-7

Hancock, G. R. and Mueller, R. O. (2001). Rethinking construct reliability within latent variable systems. In
R. Cudeck, S. du Toit and D. Sörbom (eds), Structural equation modeling: present and future, 195-216. SSI.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factoring import LEAST_UNIQUENESS, Factoring, extract

Floats = NDArray[np.float64]

MOST_STEPS = 300
_GRADIENT = 1e-7
_WORST_DAMPING = 1e10


class Bifactor(NamedTuple):
    """Bifactor models of a stack of b covariance matrices.

    Attributes
    ----------
    general : (b, k) array
        Loadings on the general factor, in the unit of the items; NaN where there is no fit.
    group : (b, k, m) array
        Loadings on the group factors, 0 where an item does not belong.
    uniqueness : (b, k) array
        Unique variances, at least 0.005 of the item's variance.
    converged : (b,) array of bool
        Whether the gradient vanishes.
    """

    general: Floats
    group: Floats
    uniqueness: Floats
    converged: NDArray[np.bool_]


def item_sds(cov: Floats) -> Floats:
    """Return the (b, k) standard deviations on the diagonals of a stack of covariance matrices."""
    return np.sqrt(np.diagonal(cov, axis1=1, axis2=2))


def one_factor(cov: Floats, *, start: Floats | None = None) -> tuple[Floats, Factoring]:
    """Fit the confirmatory one-factor model by normal maximum likelihood.

    Parameters
    ----------
    cov : (b, k, k) array
        Covariance matrices of k >= 3 items.
    start : (k,) array, optional
        Uniquenesses of the standardised items to start from.

    Returns
    -------
    loadings : (b, k) array
        In the unit of the items.
    standardized : Factoring
        The same model of the correlations.

    Notes
    -----
    Maximum likelihood does not depend on the unit of an item, so the model of the covariances is that of
    the correlations scaled back. lavaan's estimates, except that a uniqueness cannot fall below .005.
    """
    sd = item_sds(cov)
    found = extract(cov / (sd[:, :, None] * sd[:, None, :]), 1, method="ml", start=start)
    return found.loadings[:, :, 0] * sd, found


def maximal_reliability(found: Factoring) -> Floats:
    """Return coefficient H of one-factor solutions: the reliability of the best weighted sum, (b,).

    H = s / (1 + s), s the sum of l^2 / (1 - l^2) over standardised loadings; signs do not matter.
    """
    ratio = (found.loadings[:, :, 0] ** 2 / found.uniqueness).sum(axis=1)
    return np.asarray(ratio / (1 + ratio))


def bifactor(
    cov: Floats, *, belongs: NDArray[np.intp], general: Floats, group: Floats, uniqueness: Floats
) -> Bifactor:
    """Fit the bifactor model with orthogonal factors by normal maximum likelihood.

    Fisher scoring with damping on loadings and log uniquenesses; gradient of log|S| + tr(C S^-1) with
    S = L L' + Psi is 2 W L for the loadings and diag(W) for Psi, W = S^-1 (S - C) S^-1.

    Parameters
    ----------
    cov : (b, k, k) array
        Covariance matrices.
    belongs : (k,) array of int
        Group factor 0 ... m - 1 of each item; every group needs three items to be identified.
    general, group, uniqueness : (k,), (k,) and (k,) array
        Standardised values to start from: loadings on the general and on the item's own group factor.

    Returns
    -------
    Bifactor
    """
    size, k, _ = cov.shape
    m = int(belongs.max()) + 1
    sd = item_sds(cov)
    cor = cov / (sd[:, :, None] * sd[:, None, :])
    out = np.full((size, 3 * k), np.nan)
    converged = np.zeros(size, dtype=bool)
    usable = np.asarray(np.isfinite(cor).all(axis=(1, 2)))
    places = np.flatnonzero(usable)
    if places.size:
        usable[places] = np.linalg.eigvalsh(cor[places])[:, 0] > 1e-10
        places = np.flatnonzero(usable)
    first = np.concatenate([general, group, np.log(np.clip(uniqueness, 0.02, 1.0))])
    if places.size:
        begin = np.tile(first, (places.size, 1))
        out[places], converged[places] = _score(cor[places], begin, belongs, m)
    spread = np.zeros((size, k, m))
    spread[:, np.arange(k), belongs] = out[:, k : 2 * k] * sd
    sign = np.where(out[:, :k].sum(axis=1) < 0, -1.0, 1.0)[:, None]
    return Bifactor(out[:, :k] * sd * sign, spread, np.exp(out[:, 2 * k :]) * sd**2, converged)


def _score(cor: Floats, x: Floats, belongs: NDArray[np.intp], m: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Damped Fisher scoring on those matrices that have not converged."""
    k = cor.shape[1]
    least = np.log(LEAST_UNIQUENESS)
    damping = np.full(len(x), 1e-3)
    done = np.zeros(len(x), dtype=bool)
    value, gradient, information = _discrepancy(cor, x, belongs, m)
    for _ in range(MOST_STEPS):
        held = np.zeros(x.shape, dtype=bool)
        held[:, 2 * k :] = (x[:, 2 * k :] <= least) & (gradient[:, 2 * k :] > 0)
        done |= np.abs(np.where(held, 0.0, gradient)).max(axis=1) < _GRADIENT
        work = np.flatnonzero(~done & (damping < _WORST_DAMPING))
        if work.size == 0:
            break
        free = ~held[work]
        matrix = information[work] * (free[:, :, None] & free[:, None, :])
        at = np.arange(3 * k)
        matrix[:, at, at] += np.where(free, damping[work, None] * (matrix[:, at, at] + 1e-3), 1.0)
        step = np.linalg.solve(matrix, np.where(free, gradient[work], 0.0)[:, :, None])[:, :, 0]
        trial = x[work] - np.clip(step, -1.0, 1.0)
        trial[:, 2 * k :] = np.maximum(trial[:, 2 * k :], least)
        found = _discrepancy(cor[work], trial, belongs, m)
        better = found[0] <= value[work]
        damping[work] = np.where(better, damping[work] / 10, damping[work] * 10)
        taken = work[better]
        x[taken], value[taken], gradient[taken], information[taken] = (
            trial[better], *(part[better] for part in found)
        )  # fmt: skip
    return x, done | (np.abs(np.where(held, 0.0, gradient)).max(axis=1) < 1e-4)


def _discrepancy(cor: Floats, x: Floats, belongs: NDArray[np.intp], m: int) -> tuple[Floats, Floats, Floats]:
    """Half the ML discrepancy, its gradient and its expected Hessian, (b,), (b, 3k) and (b, 3k, 3k)."""
    k = cor.shape[1]
    item = np.arange(k)
    loadings = np.zeros((len(x), k, m + 1))
    loadings[:, :, 0] = x[:, :k]
    loadings[:, item, belongs + 1] = x[:, k : 2 * k]
    psi = np.exp(x[:, 2 * k :])
    model = loadings @ loadings.swapaxes(1, 2)
    model[:, item, item] += psi
    inverse = np.linalg.inv(model)
    inside = inverse @ cor
    value = 0.5 * (np.linalg.slogdet(model)[1] + np.trace(inside, axis1=1, axis2=2))
    weight = inverse - inside @ inverse
    by_loading = weight @ loadings
    along = inverse @ loadings
    both = loadings.swapaxes(1, 2) @ along
    row = np.concatenate([item, item])
    column = np.concatenate([np.zeros(k, dtype=int), belongs + 1])
    gradient = np.concatenate([by_loading[:, row, column], 0.5 * weight[:, item, item] * psi], axis=1)
    information = np.empty((len(x), 3 * k, 3 * k))
    across = along[:, row[:, None], column[None, :]]
    information[:, : 2 * k, : 2 * k] = inverse[:, row[:, None], row[None, :]] * both[
        :, column[:, None], column[None, :]
    ] + across * across.swapaxes(1, 2)
    mixed = inverse[:, row[:, None], item[None, :]] * along[:, :, :].swapaxes(1, 2)[:, column, :]
    information[:, : 2 * k, 2 * k :] = mixed * psi[:, None, :]
    information[:, 2 * k :, : 2 * k] = (mixed * psi[:, None, :]).swapaxes(1, 2)
    information[:, 2 * k :, 2 * k :] = 0.5 * inverse**2 * psi[:, :, None] * psi[:, None, :]
    return value, gradient, information
