"""Common factors of many correlation matrices at once, by five criteria.

All but principal axis minimise a function of the uniquenesses Psi alone, the loadings being eigenvectors
(Jöreskog 1977). With w the k - m smallest eigenvalues of R - Psi and t those of Psi^-1/2 R Psi^-1/2:

- ``minres``: half the sum of w^2, which is that of the squared residuals above the diagonal;
- ``wls``: the same with residuals weighted by d_i d_j, d = diag(R^-1) = 1 / (1 - squared multiple correlation);
- ``ml``: the sum of t - log t - 1, normal maximum likelihood;
- ``gls``: half the sum of (1/t - 1)^2, which is tr (I - R^-1 S)^2 / 2 with S the model (Jöreskog and Goldberger).

Gradient and Hessian are in closed form, so a fit takes some five Newton steps, and a stack of matrices
(resamples) is one program. ``pa`` iterates communalities until they stand still; where no uniqueness is at
its bound that is the minres solution.

References
----------
Harman, H. H. and Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). Psychometrika,
31, 351-368. https://doi.org/10.1007/BF02289468

Jöreskog, K. G. and Goldberger, A. S. (1972). Factor analysis by generalized least squares. Psychometrika, 37,
243-260. https://doi.org/10.1007/BF02306782

Jöreskog, K. G. (1977). Factor analysis by least-squares and maximum-likelihood methods. In K. Enslein,
A. Ralston and H. S. Wilf (eds), Statistical methods for digital computers, 125-153. Wiley.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Extraction = Literal["minres", "ml", "pa", "wls", "gls"]

LEAST_UNIQUENESS = 0.005
"""Bound of the uniqueness of a standardised item, the one of psych::fa and stats::factanal."""
MOST_STEPS = 200
MOST_PASSES = 5000
_GRADIENT = 1e-9
_SMALL_STEP = 1e-12
_DAMPING = 1e-6
_WORST_DAMPING = 1e12
_STANDSTILL = 1e-9
_SCALED = ("ml", "gls")


class Factoring(NamedTuple):
    """Factors of a stack of b correlation matrices of k items.

    Attributes
    ----------
    loadings : (b, k, m) array
        Unrotated, largest factor first, each column with a sum that is not negative; NaN where the
        matrix cannot be factored (an entry is missing; for ``ml``, ``gls`` and ``wls`` also where it is not
        positive definite).
    uniqueness : (b, k) array
        Within [0.005, 1]; principal axis knows no bounds.
    heywood : (b, k) array of bool
        Where the uniqueness stands at its lower bound, or beyond.
    converged : (b,) array of bool
        Whether the projected gradient is 0 to 1e-9, or no step lowers the criterion further; for ``pa``
        whether the communalities move by less than 1e-9.
    """

    loadings: Floats
    uniqueness: Floats
    heywood: Bools
    converged: Bools


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
    method : {"minres", "ml", "pa", "wls", "gls"}
        Least squares of the off-diagonal residuals; normal maximum likelihood (with one factor the
        confirmatory one-factor model); principal axis; weighted and generalised least squares.
    start : (k,) or (b, k) array, optional
        Uniquenesses to start from; default 1 / diag(R^-1), less m / 2k of it for ``ml`` and ``gls``.

    Returns
    -------
    Factoring

    Notes
    -----
    psych::fa(fm = "minres") and stats::factanal use the same criteria and bounds, and lavaan::efa the same
    ML and GLS. psych's "wls" and "gls" are other criteria, minimised with the slope of maximum likelihood: they
    differ. psych's "pa" stops after 50 passes or once the sum of the communalities moves by less than .001. Where
    an item reaches the bound (Heywood case) its communality is .995 by decree, and what is made of it is not to
    be trusted.
    """
    size, k, _ = cor.shape
    uniqueness = np.full((size, k), np.nan)
    loadings = np.full((size, k, n_factors), np.nan)
    converged = np.zeros(size, dtype=bool)
    usable = np.asarray(np.isfinite(cor).all(axis=(1, 2)))
    if method in ("ml", "gls", "wls") and usable.any():
        places = np.flatnonzero(usable)
        usable[places] = np.linalg.eigvalsh(cor[places])[:, 0] > 1e-10
    places = np.flatnonzero(usable)
    if places.size:
        used = cor[places]
        first = _start(used, n_factors, method) if start is None else np.broadcast_to(start, (places.size, k))
        weight = np.sqrt(_inverse_diagonal(used)) if method == "wls" else np.ones_like(first)
        weighted = used if method != "wls" else used * weight[:, :, None] * weight[:, None, :]
        if method == "pa":
            psi, converged[places] = _principal_axis(used, n_factors, first)
        else:
            psi, converged[places] = _minimise(weighted, n_factors, method, first, weight**2)
        uniqueness[places] = psi
        found = _loadings(weighted, psi * weight**2, n_factors, method) / weight[:, :, None]
        sign = np.where(found.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
        loadings[places] = found * sign
    return Factoring(loadings, uniqueness, uniqueness <= LEAST_UNIQUENESS * (1 + 1e-6), converged)


def _inverse_diagonal(cor: Floats) -> Floats:
    """Diagonals of the inverses, (b, k); halfway where a matrix is all but singular."""
    values, vectors = np.linalg.eigh(cor)
    return np.asarray(np.einsum("bir,br->bi", vectors**2, 1 / np.maximum(values, 1e-6)))


def _start(cor: Floats, m: int, method: Extraction) -> Floats:
    """Uniquenesses from the squared multiple correlations."""
    share = 1 - m / (2 * cor.shape[1]) if method in _SCALED else 1.0
    return np.asarray(np.clip(share / _inverse_diagonal(cor), 0.05, 0.95))


def _principal_axis(cor: Floats, m: int, start: Floats) -> tuple[Floats, Bools]:
    """Communalities put in the diagonal and taken from the m largest factors, over and over."""
    psi = start.copy()
    done = np.zeros(len(psi), dtype=bool)
    for _ in range(MOST_PASSES):
        work = np.flatnonzero(~done)
        if work.size == 0:
            break
        values, vectors, _ = _eigen(cor[work], psi[work], "pa")
        common = np.einsum("bir,br->bi", vectors[:, :, -m:] ** 2, np.maximum(values[:, -m:], 0.0))
        done[work] = np.abs(1 - common - psi[work]).max(axis=1) < _STANDSTILL
        psi[work] = 1 - common
    return psi, done


def _minimise(cor: Floats, m: int, method: Extraction, start: Floats, weight: Floats) -> tuple[Floats, Bools]:
    """Damped Newton steps within the bounds, on those matrices that have not converged."""
    if method in _SCALED:
        low, high = np.full_like(start, np.log(LEAST_UNIQUENESS)), np.zeros_like(start)
        x = np.clip(np.log(np.clip(start, LEAST_UNIQUENESS, 1.0)), low, high)
    else:
        low, high = LEAST_UNIQUENESS * weight, weight
        x = np.clip(start * weight, low, high)
    done = np.zeros(len(x), dtype=bool)
    damping = np.full(len(x), _DAMPING)
    state = _evaluate(cor, x, m, method)
    for _ in range(MOST_STEPS):
        held = ((x <= low) & (state.gradient > 0)) | ((x >= high) & (state.gradient < 0))
        done |= np.abs(np.where(held, 0.0, state.gradient)).max(axis=1) < _GRADIENT
        work = np.flatnonzero(~done)
        if work.size == 0:
            break
        trial = np.clip(x[work] - _step(state, held, damping, work), low[work], high[work])
        found = _evaluate(cor[work], trial, m, method)
        better = found.value <= state.value[work]
        moved = np.abs(trial - x[work]).max(axis=1)
        damping[work] = np.where(better, damping[work] / 10, damping[work] * 20)
        done[work[(moved < _SMALL_STEP) | (damping[work] > _WORST_DAMPING)]] = True
        taken = work[better]
        x[taken] = trial[better]
        for old, new in zip(state, found, strict=True):
            old[taken] = new[better]
    return (np.exp(x) if method in _SCALED else x / weight), done


def _step(state: _State, held: Bools, damping: Floats, work: NDArray[np.intp]) -> Floats:
    """Newton steps; parameters held at a bound stay, and directions that curve downwards are turned."""
    free = ~held[work]
    hessian = state.hessian[work] * (free[:, :, None] & free[:, None, :])
    at = np.arange(hessian.shape[1])
    hessian[:, at, at] += np.where(free, 0.0, 1.0)
    gradient = np.where(free, state.gradient[work], 0.0)
    lifted = hessian.copy()
    lifted[:, at, at] += damping[work, None] * np.abs(hessian[:, at, at]).max(axis=1, keepdims=True)
    try:
        # One factorisation tells that all are positive definite, at a tenth of the price of eigenvalues.
        root = np.linalg.cholesky(lifted)
    except np.linalg.LinAlgError:
        return _turned_step(hessian, gradient, damping[work])
    half = np.linalg.solve(root, gradient[:, :, None])
    return np.asarray(np.linalg.solve(root.swapaxes(1, 2), half)[:, :, 0])


def _turned_step(hessian: Floats, gradient: Floats, damping: Floats) -> Floats:
    """Newton steps with the absolute values of the eigenvalues."""
    values, vectors = np.linalg.eigh(hessian)
    scale = np.abs(values).max(axis=1, keepdims=True)
    values = np.maximum(np.abs(values), 1e-10 * scale) + damping[:, None] * scale
    along = np.einsum("bir,bi->br", vectors, gradient) / values
    return np.asarray(np.einsum("bir,br->bi", vectors, along))


def _evaluate(cor: Floats, x: Floats, m: int, method: Extraction) -> _State:
    """Criterion, gradient and Hessian in psi (least squares) or log psi (ml, gls)."""
    values, vectors, _ = _eigen(cor, np.exp(x) if method in _SCALED else x, method)
    return evaluate(values, vectors, m, method)


def evaluate(values: Floats, vectors: Floats, m: int, method: Extraction) -> _State:
    """Criterion, gradient and Hessian from the eigenvalues (b, k) and eigenvectors of one of the two matrices."""
    rest = values.shape[1] - m
    w, v = values[:, :rest], vectors[:, :, :rest]
    t, u = values[:, rest:], vectors[:, :, rest:]
    gap = t[:, None, :] - w[:, :, None]
    gap = np.where(np.abs(gap) < 1e-12, 1e-12, gap)
    project = v @ v.swapaxes(1, 2)
    if method not in _SCALED:
        value = 0.5 * (w**2).sum(axis=1)
        pull = -w
        hessian = project**2
        bend = -2 * w[:, :, None] / gap
    else:
        w = np.maximum(w, 1e-300)
        if method == "ml":
            value = (w - np.log(w) - 1).sum(axis=1)
            pull = 1 - w
            hessian = project * ((v * w[:, None, :]) @ v.swapaxes(1, 2))
        else:
            a = 1 / w
            value = 0.5 * ((a - 1) ** 2).sum(axis=1)
            pull = a**2 - a
            hessian = project * ((v * pull[:, None, :]) @ v.swapaxes(1, 2))
            hessian = hessian + ((v * a[:, None, :]) @ v.swapaxes(1, 2)) ** 2
        bend = pull[:, :, None] * (w[:, :, None] + t[:, None, :]) / gap
    gradient = np.einsum("br,bir->bi", pull, v**2)
    for s in range(m):
        inner = (v * bend[:, None, :, s]) @ v.swapaxes(1, 2)
        hessian = hessian + u[:, :, None, s] * u[:, None, :, s] * inner
    return _State(value, gradient, hessian)


def _eigen(cor: Floats, psi: Floats, method: Extraction) -> tuple[Floats, Floats, Floats]:
    """Eigenvalues (ascending), eigenvectors and the item scale sqrt(psi) (1 for least squares)."""
    k = cor.shape[1]
    if method not in _SCALED:
        reduced = cor.copy()
        reduced[:, np.arange(k), np.arange(k)] -= psi
        values, vectors = np.linalg.eigh(reduced)
        return values, vectors, np.ones_like(psi)
    scale = np.sqrt(psi)
    values, vectors = np.linalg.eigh(cor / (scale[:, :, None] * scale[:, None, :]))
    return values, vectors, scale


def _loadings(cor: Floats, psi: Floats, m: int, method: Extraction) -> Floats:
    """Loadings from the m largest eigenvalues, largest first."""
    values, vectors, scale = _eigen(cor, psi, method)
    root = np.sqrt(np.maximum(values[:, -m:] - (method in _SCALED), 0.0))
    return np.asarray((scale[:, :, None] * vectors[:, :, -m:] * root[:, None, :])[:, :, ::-1])
