"""How factor loadings move with the correlations: exact derivatives, for standard errors of rotated loadings.

A solution is where the slope of the criterion in the uniquenesses is 0 and where the rotation's criterion cannot
fall. Both conditions are differentiated (implicit functions): uniquenesses by the Hessian, eigenvectors by the
divided differences of a spectral function, the rotation by its own conditions of a minimum. So the model need
not fit: what is told is the derivative of the estimator, not of a true model. With u the empirical influence of a
respondent on the correlations, J u is that on the loadings, and J Gamma J' / n their covariance matrix.

References
----------
Jennrich, R. I. (1973). Standard errors for obliquely rotated factor loadings. Psychometrika, 38, 593-604.
https://doi.org/10.1007/BF02291497

Browne, M. W., Cudeck, R., Tateneni, K. and Mels, G. (2008). CEFA: Comprehensive Exploratory Factor Analysis.
The Ohio State University.

Zhang, G. and Preacher, K. J. (2015). Factor rotation and standard errors in exploratory factor analysis. Journal
of Educational and Behavioral Statistics, 40(6), 579-603. https://doi.org/10.3102/1076998615606098
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factors.extraction import LEAST_UNIQUENESS, Extraction, evaluate

Floats = NDArray[np.float64]
Criterion = Callable[[Floats], tuple[Floats, Floats]]
"""Rotated loadings (b, k, m) -> value (b,) and derivative (b, k, m)."""

_NUDGE = 1e-5


class Unrotated(NamedTuple):
    """Derivatives of unrotated loadings in the q = k (k - 1) / 2 correlations above the diagonal, row by row.

    Attributes
    ----------
    loadings : (k, m) array
        The loadings that were differentiated, columns and signs as they were given.
    by_correlation : (k, m, q) array
        d loadings / d r.
    """

    loadings: Floats
    by_correlation: Floats


class Rotated(NamedTuple):
    """Derivatives of a rotated solution in the q correlations.

    Attributes
    ----------
    loadings : (k, m, q) array
        Of the pattern loadings.
    phi : (m, m, q) array
        Of the correlations of the factors.
    communality : (k, q) array
        Of the communalities.
    """

    loadings: Floats
    phi: Floats
    communality: Floats


class _Spectrum(NamedTuple):
    """Eigenvalues and vectors, the k - m small ones and the m large ones, and the scales of the items."""

    matrix: Floats
    w: Floats
    v: Floats
    t: Floats
    u: Floats
    scale: Floats


def unrotated_slopes(cor: Floats, loadings: Floats, uniqueness: Floats, *, method: Extraction) -> Unrotated:
    """Differentiate an extraction in each correlation.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    loadings, uniqueness : (k, m) and (k,) array
        The solution of :func:`~psychomet.numerics.factors.extraction.extract`, unrotated.
    method : {"minres", "ml", "pa", "wls", "gls"}
        How it was extracted. The weights of ``wls`` count as fixed.

    Returns
    -------
    Unrotated
        Uniquenesses at their bound stay there.
    """
    k, m = loadings.shape
    scaled = method in ("ml", "gls")
    part = _spectrum(cor, uniqueness, m, method)
    a, b = np.triu_indices(k, 1)
    pair = part.scale[a] * part.scale[b]
    held = uniqueness <= LEAST_UNIQUENESS * (1 + 1e-6) if method != "pa" else np.zeros(k, dtype=bool)
    move = _uniqueness_slopes(part, m, method, held, a, b) * pair
    root = np.sqrt(np.maximum(part.t - scaled, 1e-12))
    out = np.empty((k, m, a.size))
    for s in range(m):
        u, t = part.u[:, s], part.t[s]
        turned = np.zeros((k, a.size))
        at = np.arange(a.size)
        turned[a, at] += pair * u[b]
        turned[b, at] += pair * u[a]
        if scaled:
            turned -= 0.5 * (t * u[:, None] * move + part.matrix @ (u[:, None] * move))
        else:
            turned -= u[:, None] * move
        reach = (part.v * ((t - scaled) / (t - part.w))) @ (part.v.T @ turned)
        out[:, s] = (reach + 0.5 * part.u @ (part.u.T @ turned)) / root[s]
    # (I - UU'/2) halves what lies within the factors, so that A stays the symmetric root of its product.
    made = part.u * root
    if scaled:
        out += 0.5 * move[:, None, :] * made[:, :, None]
    out, made = out / part.scale[:, None, None], made / part.scale[:, None]
    out, made = out[:, ::-1], made[:, ::-1]
    sign = np.where((made * loadings).sum(axis=0) < 0, -1.0, 1.0)
    return Unrotated(made * sign, out * sign[:, None])


def _spectrum(cor: Floats, uniqueness: Floats, m: int, method: Extraction) -> _Spectrum:
    """Return the matrix whose eigenvectors the loadings are, taken apart."""
    if method in ("ml", "gls"):
        scale = 1 / np.sqrt(uniqueness)
        matrix = cor * scale[:, None] * scale
    else:
        weight = np.diagonal(np.linalg.inv(cor)) if method == "wls" else np.ones(len(cor))
        scale = np.sqrt(weight)
        matrix = cor * scale[:, None] * scale - np.diag(uniqueness * weight)
    values, vectors = np.linalg.eigh(matrix)
    rest = len(cor) - m
    return _Spectrum(matrix, values[:rest], vectors[:, :rest], values[rest:], vectors[:, rest:], scale)


def _uniqueness_slopes(
    part: _Spectrum,
    m: int,
    method: Extraction,
    held: NDArray[np.bool_],
    a: NDArray[np.intp],
    b: NDArray[np.intp],
) -> Floats:
    """Derivatives (k, q) of the parameters of extraction in the scaled correlations, by the Hessian."""
    w, v, t, u = part.w, part.v, part.t, part.u
    if method == "gls":
        inverse = 1 / w
        pull = inverse**2 - inverse
        first, second = (v * inverse) @ v.T, (v * inverse**2) @ v.T
        change = -2 * (second[:, a] * first[:, b] + first[:, a] * second[:, b] - first[:, a] * first[:, b])
    else:
        pull = 1 - w if method == "ml" else -w
        project = v @ v.T
        change = -2 * project[:, a] * project[:, b]
    for s in range(m):
        mixed = (v * (pull / (w - t[s]))) @ v.T * u[:, s, None]
        change += 2 * (mixed[:, a] * u[b, s] + mixed[:, b] * u[a, s])
    kind: Extraction = method if method in ("ml", "gls") else "minres"
    values, vectors = np.concatenate([w, t]), np.hstack([v, u])
    hessian = evaluate(values[None], vectors[None], m, kind).hessian[0].copy()
    free = ~held
    hessian *= free[:, None] & free
    hessian[held, held] = 1.0
    return np.asarray(-np.linalg.solve(hessian, np.where(free[:, None], change, 0.0)))


def rotated_slopes(
    found: Unrotated, transform: Floats, *, criterion: Criterion, oblique: bool, kaiser: bool = False
) -> Rotated:
    """Differentiate a rotated solution in each correlation.

    Parameters
    ----------
    found : Unrotated
        From :func:`unrotated_slopes`.
    transform : (m, m) array
        T: loadings A (T')^-1 with T'T = Phi if oblique, else A T.
    criterion : callable
        What the rotation minimises.
    oblique, kaiser : bool
        Whether factors correlate; whether items were scaled to a communality of 1 while rotating.
    """
    m = transform.shape[0]
    turn = np.linalg.inv(transform).T if oblique else transform
    loadings, phi = found.loadings @ turn, transform.T @ transform if oblique else np.eye(m)
    straight = np.einsum("kmq,mf->kfq", found.by_correlation, turn)
    communality = 2 * np.einsum("km,kmq->kq", found.loadings, found.by_correlation)
    bases = _directions(m, oblique)
    if not len(bases):
        return Rotated(straight, np.zeros((m, m, straight.shape[2])), communality)
    d_loadings, d_phi = _turned(loadings, phi, bases, oblique)
    along = _optimality_slopes(loadings, phi, d_loadings, d_phi, criterion, oblique, kaiser)
    every = np.eye(loadings.size).reshape(-1, *loadings.shape)
    still = np.zeros((len(every), m, m))
    across = _optimality_slopes(loadings, phi, every, still, criterion, oblique, kaiser)
    pulled = across.T @ straight.reshape(loadings.size, -1)
    system = along.T
    if oblique:
        # Columns of T keep their length: the diagonal of Phi stays 1.
        system = np.vstack([system, np.einsum("xjj->jx", d_phi)])
        pulled = np.vstack([pulled, np.zeros((m, pulled.shape[1]))])
    turned = -np.linalg.lstsq(system, pulled, rcond=None)[0]
    return Rotated(
        straight + np.einsum("xkm,xq->kmq", d_loadings, turned),
        np.einsum("xmf,xq->mfq", d_phi, turned),
        communality,
    )


def _directions(m: int, oblique: bool) -> Floats:
    """The directions X in which T (I + X) may turn."""
    if oblique:
        return np.eye(m * m).reshape(-1, m, m)
    first, second = np.triu_indices(m, 1)
    out = np.zeros((first.size, m, m))
    out[np.arange(first.size), first, second] = 1.0
    return out - out.swapaxes(1, 2)


def _turned(loadings: Floats, phi: Floats, bases: Floats, oblique: bool) -> tuple[Floats, Floats]:
    """How loadings and Phi move in each direction of T."""
    if oblique:
        return -(loadings @ bases.swapaxes(1, 2)), phi @ bases + bases.swapaxes(1, 2) @ phi
    return loadings @ bases, np.zeros_like(bases)


def _optimality_slopes(
    loadings: Floats,
    phi: Floats,
    d_loadings: Floats,
    d_phi: Floats,
    criterion: Criterion,
    oblique: bool,
    kaiser: bool,
) -> Floats:
    """Central differences (x, c) of the conditions of a minimum in x directions."""
    sides = [
        _optimality(loadings + sign * d_loadings, phi + sign * d_phi, criterion, oblique, kaiser)
        for sign in (_NUDGE, -_NUDGE)
    ]
    return np.asarray((sides[0] - sides[1]) / (2 * _NUDGE))


def _optimality(loadings: Floats, phi: Floats, criterion: Criterion, oblique: bool, kaiser: bool) -> Floats:
    """What is 0 at a minimum: Phi^-1 G'L off its diagonal if oblique, else what of L'G is not symmetric."""
    scale = np.ones_like(loadings[:, :, :1])
    if kaiser:
        common = np.einsum("xkm,xmf,xkf->xk", loadings, phi, loadings)
        scale = 1 / np.sqrt(np.maximum(common, 1e-12))[:, :, None]
    slope = scale * criterion(scale * loadings)[1]
    m = loadings.shape[2]
    if oblique:
        product = np.linalg.solve(phi, slope.swapaxes(1, 2) @ loadings)
        return np.asarray(product[:, ~np.eye(m, dtype=bool)])
    product = loadings.swapaxes(1, 2) @ slope
    first, second = np.triu_indices(m, 1)
    return np.asarray(product[:, first, second] - product[:, second, first])


def numeric_slopes(
    found: Unrotated, solve: Callable[[Floats], tuple[Floats, Floats]], *, step: float = 1e-5
) -> Rotated:
    """Differentiate a rotation that minimises nothing (promax), by central differences in each unrotated loading.

    Parameters
    ----------
    found : Unrotated
        From :func:`unrotated_slopes`.
    solve : callable
        Unrotated loadings (b, k, m) -> rotated loadings (b, k, m) and Phi (b, m, m), factors in one order.
    step : float
        Half the distance of the two loadings.
    """
    size = found.loadings.size
    every = step * np.eye(size).reshape(size, *found.loadings.shape)
    loadings, phi = solve(np.concatenate([found.loadings + every, found.loadings - every]))
    flat = found.by_correlation.reshape(size, -1)
    by_loading = (loadings[:size] - loadings[size:]) / (2 * step)
    by_phi = (phi[:size] - phi[size:]) / (2 * step)
    return Rotated(
        np.einsum("xkm,xq->kmq", by_loading, flat),
        np.einsum("xmf,xq->mfq", by_phi, flat),
        2 * np.einsum("km,kmq->kq", found.loadings, found.by_correlation),
    )
