"""Implied moments and their slopes, each slope of the covariance as two vectors.

Every derivative of Sigma in a free cell has the form c (u v' + v u'): for a loading u = e_a and
v = L Phi_b (Phi = A Psi A'), for a path u = L A_a and v = L Phi_b, for a factor covariance u = L A_a and
v = L A_b, for a residual covariance u = e_a and v = e_b, with c = 1/2 on a diagonal. Traces over pairs of
parameters, which information matrices are made of, then are products of p x q matrices; nothing of the size
of the p (p + 1) / 2 moments squared is built (Bollen 1989, chapter 4, gives the derivatives).

References
----------
Bollen, K. A. (1989). Structural equations with latent variables. Wiley.
https://doi.org/10.1002/9781118619179
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.model import KINDS, Matrices, Model, matrices

Floats = NDArray[np.float64]


class Implied(NamedTuple):
    """Moments of one group under the model.

    Attributes
    ----------
    covariance : (p, p) array
        Sigma.
    mean : (p,) array
        mu; zeros where means are not modelled.
    thresholds : (t,) array
        As in the model; empty for continuous variables.
    total : (p, m) array
        L A, the effect of each factor's own part on each variable.
    factor_cov : (m, m) array
        Phi = A Psi A'.
    factor_means : (m,) array
        A alpha.
    parts : Matrices
        The matrices themselves.
    """

    covariance: Floats
    mean: Floats
    thresholds: Floats
    total: Floats
    factor_cov: Floats
    factor_means: Floats
    parts: Matrices


class Slopes(NamedTuple):
    """Slopes of the moments of one group in its free cells.

    Attributes
    ----------
    left, right : (p, c) array
        u and v of each free cell.
    scale : (c,) array
        c of each free cell: 1/2 on a diagonal, else 1; 0 where the covariance does not depend on it.
    mean : (p, c) array
        Slope of the mean.
    free : (c,) array of int
        Place in x of each free cell.
    """

    left: Floats
    right: Floats
    scale: Floats
    mean: Floats
    free: NDArray[np.intp]


def implied(model: Model, x: Floats, *, group: int = 0) -> Implied:
    """Return the moments that the model implies at x.

    Parameters
    ----------
    model : Model
        The model.
    x : (n_free,) array
        Values of the free cells.
    group : int
        The group.

    Returns
    -------
    Implied
        For ordinal items Sigma has 1 on its diagonal under delta scaling; under theta scaling it is that of
        the latent answers, not yet rescaled.
    """
    parts = matrices(model, x, group=group)
    m = len(model.latent)
    if np.any(parts.paths):
        inverse = np.linalg.inv(np.eye(m) - parts.paths)
        total = parts.loadings @ inverse
        factor_cov = inverse @ parts.factor_cov @ inverse.T
        factor_means = inverse @ parts.factor_means
    else:
        total, factor_cov, factor_means = parts.loadings, parts.factor_cov, parts.factor_means
    covariance = parts.loadings @ factor_cov @ parts.loadings.T + parts.residual_cov
    covariance = (covariance + covariance.T) / 2
    if model.scaling == "delta":
        np.fill_diagonal(covariance, 1.0)
    mean = parts.intercepts + parts.loadings @ factor_means
    return Implied(covariance, mean, parts.thresholds, total, factor_cov, factor_means, parts)


def slopes(model: Model, moments: Implied, *, group: int = 0) -> Slopes:
    """Return the slopes of Sigma and mu in the free cells of a group, thresholds left out.

    Parameters
    ----------
    model : Model
        The model.
    moments : Implied
        Its moments where the slopes are wanted.
    group : int
        The group.
    """
    return cell_slopes(moments, model.blocks[group].cells)


def cell_slopes(moments: Implied, cells: tuple[tuple[NDArray[np.intp], ...], ...]) -> Slopes:
    """Return the slopes in any cells, free or not.

    Parameters
    ----------
    moments : Implied
        Where the slopes are wanted.
    cells : tuple of Cells
        Cells of each matrix, in order of ``KINDS``.
    """
    p = moments.covariance.shape[0]
    reach = moments.parts.loadings @ moments.factor_cov
    total, means = moments.total, moments.factor_means
    left, right, scale, mean, free = [], [], [], [], []
    for kind, (row, column, place) in zip(KINDS, cells, strict=True):
        c = row.size
        if c == 0 or kind == "thresholds":
            continue
        u, v, w, slope = np.zeros((p, c)), np.zeros((p, c)), np.ones(c), np.zeros((p, c))
        at = np.arange(c)
        if kind in {"loadings", "paths"}:
            if kind == "loadings":
                u[row, at] = 1.0
            else:
                u[:] = total[:, row]
            v[:] = reach[:, column]
            slope = u * means[column]
        elif kind == "factor_cov":
            u[:], v[:] = total[:, row], total[:, column]
            w = np.where(row == column, 0.5, 1.0)
        elif kind == "residual_cov":
            u[row, at], v[column, at] = 1.0, 1.0
            w = np.where(row == column, 0.5, 1.0)
        else:
            w = np.zeros(c)
            if kind == "intercepts":
                slope[row, at] = 1.0
            else:
                slope[:] = total[:, row]
        left.append(u)
        right.append(v)
        scale.append(w)
        mean.append(slope)
        free.append(place)
    if not free:
        return Slopes(np.zeros((p, 0)), np.zeros((p, 0)), np.zeros(0), np.zeros((p, 0)), np.zeros(0, np.intp))
    return Slopes(
        np.hstack(left), np.hstack(right), np.concatenate(scale), np.hstack(mean), np.concatenate(free)
    )


def trace_products(a: Slopes, b: Slopes, first: Floats, second: Floats) -> Floats:
    """Return tr(F dSigma_i S dSigma_j) for all i of ``a`` and j of ``b``, (c_a, c_b); F, S symmetric.

    Parameters
    ----------
    a, b : Slopes
        Slopes of c_a and c_b cells.
    first, second : (p, p) array
        F and S.
    """
    fu, fv = first @ b.left, first @ b.right
    same = second is first
    su, sv = (fu, fv) if same else (second @ b.left, second @ b.right)
    # tr(F (u v' + v u') S (r s' + s r')) = v'Sr s'Fu + v'Ss r'Fu + u'Sr s'Fv + u'Ss r'Fv
    ur, us, vr, vs = (a.left.T @ su, a.left.T @ sv, a.right.T @ su, a.right.T @ sv)
    if same:
        whole = 2 * (vr * us + vs * ur)
    else:
        whole = vr * (a.left.T @ fv) + vs * (a.left.T @ fu) + ur * (a.right.T @ fv) + us * (a.right.T @ fu)
    return np.asarray(whole * a.scale[:, None] * b.scale)


def pull(slope: Slopes, covariance: Floats, mean: Floats) -> Floats:
    """Return tr(G dSigma_i) + g' dmu_i of each cell, (c,).

    Parameters
    ----------
    slope : Slopes
        Slopes of c cells.
    covariance : (p, p) array
        G, symmetric.
    mean : (p,) array
        g.
    """
    inner = np.einsum("pc,pc->c", slope.left, covariance @ slope.right)
    return np.asarray(2 * slope.scale * inner + mean @ slope.mean)


def curvature(model: Model, moments: Implied, covariance: Floats, mean: Floats, *, group: int) -> Floats:
    """Return tr(G d2Sigma_ij) + g' d2mu_ij over the free cells of a group, (c, c), G and g held.

    Parameters
    ----------
    model : Model
        The model.
    moments : Implied
        Its moments.
    covariance, mean : (p, p) and (p,) array
        G and g.
    group : int
        The group.
    """
    parts, phi, eta = moments.parts, moments.factor_cov, moments.factor_means
    m = phi.shape[0]
    inverse: Floats = np.asarray(np.linalg.inv(np.eye(m) - parts.paths), dtype=np.float64)
    cells = model.blocks[group].cells
    columns = []
    for kind, (row, column, _) in zip(KINDS, cells, strict=True):
        if kind == "thresholds":
            continue
        for a, b in zip(row, column, strict=True):
            d_load: Floats = np.zeros_like(parts.loadings)
            d_inv: Floats = np.zeros((m, m))
            d_phi: Floats = np.zeros((m, m))
            d_eta: Floats = np.zeros(m)
            if kind == "loadings":
                d_load[a, b] = 1.0
            elif kind == "paths":
                d_inv = np.outer(inverse[:, a], inverse[b])
                half = np.outer(inverse[:, a], phi[b])
                d_phi, d_eta = half + half.T, inverse[:, a] * eta[b]
            elif kind == "factor_cov":
                half = np.outer(inverse[:, a], inverse[:, b])
                d_phi = half if a == b else half + half.T
            elif kind == "factor_means":
                d_eta = inverse[:, a]
            columns.append(_bend(cells, moments, inverse, covariance, mean, (d_load, d_inv, d_phi, d_eta)))
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0))


def _bend(
    cells: tuple[tuple[NDArray[np.intp], ...], ...],
    moments: Implied,
    inverse: Floats,
    g_cov: Floats,
    g_mean: Floats,
    change: tuple[Floats, Floats, Floats, Floats],
) -> Floats:
    """How the pull on each cell changes when the matrices change, G and g held."""
    d_load, d_inv, d_phi, d_eta = change
    load, phi, eta = moments.parts.loadings, moments.factor_cov, moments.factor_means
    weighted = g_cov @ load
    d_weighted = g_cov @ d_load
    d_total = d_load @ inverse + load @ d_inv
    # Slopes in loadings: 2 G L Phi + g eta'; in paths: A' L' (2 G L Phi + g eta'); in Psi: A' L' G L A.
    base = 2 * weighted @ phi + np.outer(g_mean, eta)
    d_base = 2 * (d_weighted @ phi + weighted @ d_phi) + np.outer(g_mean, d_eta)
    total = moments.total
    out = []
    for kind, (row, column, _) in zip(KINDS, cells, strict=True):
        if kind == "loadings":
            out.append(d_base[row, column])
        elif kind == "paths":
            whole = d_total.T @ base + total.T @ d_base
            out.append(whole[row, column])
        elif kind == "factor_cov":
            half = d_total.T @ g_cov @ total
            out.append((half + half.T)[row, column] * np.where(row == column, 1.0, 2.0))
        elif kind == "factor_means":
            out.append((d_total.T @ g_mean)[row])
        elif kind != "thresholds":
            out.append(np.zeros(row.size))
    return np.concatenate(out)


def tied(model: Model, cells: NDArray[np.intp], values: Floats) -> Floats:
    """Sum values of the cells of a group into the places of x: (c,) to (n_free,), (c, c) to square."""
    if values.ndim == 1:
        return np.bincount(cells, values, minlength=model.n_free).astype(np.float64)
    whole = np.zeros((model.n_free, model.n_free))
    np.add.at(whole, (cells[:, None], cells[None, :]), values)
    return whole
