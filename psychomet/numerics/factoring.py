"""Common factors of many correlation matrices at once: minres (unweighted least squares) and maximum likelihood.

Both minimise a function of the uniquenesses alone, the loadings being eigenvectors (Jöreskog 1977). With
V, w the eigenvectors and eigenvalues of R - Psi and m factors, minres minimises half the sum of the squares
of the k - m smallest w; maximum likelihood minimises the sum of t - log t - 1 over the k - m smallest
eigenvalues t of Psi^-1/2 R Psi^-1/2. Gradient and Hessian are in closed form, so a fit takes some five
Newton steps, and a stack of matrices (resamples) is one program.

References
----------
Harman, H. H. and Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). Psychometrika,
31, 351-368. https://doi.org/10.1007/BF02289468

Jöreskog, K. G. (1977). Factor analysis by least-squares and maximum-likelihood methods. In K. Enslein,
A. Ralston and H. S. Wilf (eds), Statistical methods for digital computers, 125-153. Wiley.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Extraction = Literal["minres", "ml"]

LEAST_UNIQUENESS = 0.005
"""Bound of the uniqueness of a standardised item, the one of psych::fa and stats::factanal."""
MOST_STEPS = 200
_GRADIENT = 1e-9
_SMALL_STEP = 1e-12
_DAMPING = 1e-6
_WORST_DAMPING = 1e12


class Factoring(NamedTuple):
    """Factors of a stack of b correlation matrices of k items.

    Attributes
    ----------
    loadings : (b, k, m) array
        Unrotated, largest factor first, each column with a sum that is not negative; NaN where the
        matrix cannot be factored (an entry is missing; for ``ml`` also where it is not positive definite).
    uniqueness : (b, k) array
        Within [0.005, 1].
    heywood : (b, k) array of bool
        Where the uniqueness stands at its lower bound.
    converged : (b,) array of bool
        Whether the projected gradient is 0 to 1e-9, or no step lowers the criterion further.
    """

    loadings: Floats
    uniqueness: Floats
    heywood: NDArray[np.bool_]
    converged: NDArray[np.bool_]


class _State(NamedTuple):
    """Criterion, gradient and Hessian in the parameters, (b,), (b, k) and (b, k, k)."""

    value: Floats
    gradient: Floats
    hessian: Floats


def extract(
    cor: Floats, n_factors: int, *, method: Extraction = "minres", start: Floats | None = None
) -> Factoring:
    """Extract m factors from every matrix of a stack.

    Parameters
    ----------
    cor : (b, k, k) array
        Correlation matrices.
    n_factors : int
        m, with (k - m)^2 >= k + m for a solution that is determined (3 items are enough for one factor).
    method : {"minres", "ml"}
        Least squares of the off-diagonal residuals, or normal maximum likelihood. With one factor the
        latter is the confirmatory one-factor model.
    start : (k,) or (b, k) array, optional
        Uniquenesses to start from; default 1 / diag(R^-1), less m / 2k of it for ``ml``.

    Returns
    -------
    Factoring

    Notes
    -----
    psych::fa(fm = "minres") and stats::factanal use the same criteria and bounds. Where an item reaches
    the bound (Heywood case) its communality is .995 by decree, and what is made of it is not to be trusted.
    """
    size, k, _ = cor.shape
    uniqueness = np.full((size, k), np.nan)
    loadings = np.full((size, k, n_factors), np.nan)
    converged = np.zeros(size, dtype=bool)
    usable = np.asarray(np.isfinite(cor).all(axis=(1, 2)))
    if method == "ml" and usable.any():
        places = np.flatnonzero(usable)
        usable[places] = np.linalg.eigvalsh(cor[places])[:, 0] > 1e-10
    places = np.flatnonzero(usable)
    if places.size:
        used = cor[places]
        first = _start(used, n_factors, method) if start is None else np.broadcast_to(start, (places.size, k))
        uniqueness[places], converged[places] = _minimise(used, n_factors, method, first)
        loadings[places] = _loadings(used, uniqueness[places], n_factors, method)
    return Factoring(loadings, uniqueness, uniqueness <= LEAST_UNIQUENESS * (1 + 1e-6), converged)


def _start(cor: Floats, m: int, method: Extraction) -> Floats:
    """Uniquenesses from the squared multiple correlations; halfway where the matrix is all but singular."""
    values, vectors = np.linalg.eigh(cor)
    inverse = np.einsum("bir,br->bi", vectors**2, 1 / np.maximum(values, 1e-6))
    share = 1 - m / (2 * cor.shape[1]) if method == "ml" else 1.0
    return np.asarray(np.clip(share / inverse, 0.05, 0.95))


def _minimise(cor: Floats, m: int, method: Extraction, start: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Damped Newton steps within the bounds, on those matrices that have not converged."""
    low, high = (LEAST_UNIQUENESS, 1.0) if method == "minres" else (np.log(LEAST_UNIQUENESS), 0.0)
    x = np.clip(start if method == "minres" else np.log(np.clip(start, LEAST_UNIQUENESS, 1.0)), low, high)
    x = np.array(x)
    done = np.zeros(len(x), dtype=bool)
    damping = np.full(len(x), _DAMPING)
    state = _evaluate(cor, x, m, method)
    for _ in range(MOST_STEPS):
        held = ((x <= low) & (state.gradient > 0)) | ((x >= high) & (state.gradient < 0))
        done |= np.abs(np.where(held, 0.0, state.gradient)).max(axis=1) < _GRADIENT
        work = np.flatnonzero(~done)
        if work.size == 0:
            break
        trial = np.clip(x[work] - _step(state, held, damping, work), low, high)
        found = _evaluate(cor[work], trial, m, method)
        better = found.value <= state.value[work]
        moved = np.abs(trial - x[work]).max(axis=1)
        damping[work] = np.where(better, damping[work] / 10, damping[work] * 20)
        done[work[(moved < _SMALL_STEP) | (damping[work] > _WORST_DAMPING)]] = True
        taken = work[better]
        x[taken] = trial[better]
        for old, new in zip(state, found, strict=True):
            old[taken] = new[better]
    return (x if method == "minres" else np.exp(x)), done


def _step(state: _State, held: NDArray[np.bool_], damping: Floats, work: NDArray[np.intp]) -> Floats:
    """Newton steps; parameters held at a bound stay, and directions that curve downwards are turned."""
    free = ~held[work]
    hessian = state.hessian[work] * (free[:, :, None] & free[:, None, :])
    k = hessian.shape[1]
    at = np.arange(k)
    hessian[:, at, at] += np.where(free, 0.0, 1.0)
    values, vectors = np.linalg.eigh(hessian)
    scale = np.abs(values).max(axis=1, keepdims=True)
    values = np.maximum(np.abs(values), 1e-10 * scale) + damping[work, None] * scale
    gradient = np.where(free, state.gradient[work], 0.0)
    along = np.einsum("bir,bi->br", vectors, gradient) / values
    return np.asarray(np.einsum("bir,br->bi", vectors, along))


def _evaluate(cor: Floats, x: Floats, m: int, method: Extraction) -> _State:
    """Criterion, gradient and Hessian in psi (minres) or log psi (ml)."""
    values, vectors, _ = _eigen(cor, x if method == "minres" else np.exp(x), method)
    rest = cor.shape[1] - m
    w, v = values[:, :rest], vectors[:, :, :rest]
    t, u = values[:, rest:], vectors[:, :, rest:]
    gap = t[:, None, :] - w[:, :, None]
    gap = np.where(np.abs(gap) < 1e-12, 1e-12, gap)
    project = v @ v.swapaxes(1, 2)
    if method == "minres":
        value = 0.5 * (w**2).sum(axis=1)
        gradient = -np.einsum("br,bir->bi", w, v**2)
        hessian = project**2
        bend = -2 * w[:, :, None] / gap
    else:
        w = np.maximum(w, 1e-300)
        value = (w - np.log(w) - 1).sum(axis=1)
        gradient = np.einsum("br,bir->bi", 1 - w, v**2)
        hessian = project * ((v * w[:, None, :]) @ v.swapaxes(1, 2))
        bend = (1 - w)[:, :, None] * (w[:, :, None] + t[:, None, :]) / gap
    for s in range(m):
        inner = (v * bend[:, None, :, s]) @ v.swapaxes(1, 2)
        hessian = hessian + u[:, :, None, s] * u[:, None, :, s] * inner
    return _State(value, gradient, hessian)


def _eigen(cor: Floats, psi: Floats, method: Extraction) -> tuple[Floats, Floats, Floats]:
    """Eigenvalues (ascending), eigenvectors and the item scale sqrt(psi) (1 for minres)."""
    k = cor.shape[1]
    if method == "minres":
        reduced = cor.copy()
        reduced[:, np.arange(k), np.arange(k)] -= psi
        values, vectors = np.linalg.eigh(reduced)
        return values, vectors, np.ones_like(psi)
    scale = np.sqrt(psi)
    values, vectors = np.linalg.eigh(cor / (scale[:, :, None] * scale[:, None, :]))
    return values, vectors, scale


def _loadings(cor: Floats, psi: Floats, m: int, method: Extraction) -> Floats:
    """Loadings from the m largest eigenvalues, largest first, column sums not negative."""
    values, vectors, scale = _eigen(cor, psi, method)
    root = np.sqrt(np.maximum(values[:, -m:] - (method == "ml"), 0.0))
    found = (scale[:, :, None] * vectors[:, :, -m:] * root[:, None, :])[:, :, ::-1]
    sign = np.where(found.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return np.asarray(found * sign)
