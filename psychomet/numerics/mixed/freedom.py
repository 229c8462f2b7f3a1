r"""How far the fixed effects of a mixed model can be trusted: degrees of freedom, and a covariance for few levels.

Satterthwaite's degrees of freedom of an effect with variance v are 2 v^2 / (g' C g), g the gradient of v in the
variance parameters and C their covariance matrix, from the observed information.

Kenward and Roger's use the expected one, and the covariance matrix of the effects is made larger by what estimating the
components adds to it. With \Phi = (X'V^{-1}X)^{-1}, G_r the derivative of V in component r (V is linear in them),
P = V^{-1} - V^{-1}X \Phi X'V^{-1} and W the inverse of half the matrix of tr(P G_r P G_s),

    \Phi_A = \Phi + 2 \Phi [\sum_{rs} W_{rs} X'V^{-1} G_r P G_s V^{-1}X] \Phi

and for one effect df = 2 / (t' W t) with t_r = (\Phi X'V^{-1} G_r V^{-1}X \Phi)_{jj} / \Phi_{jj}. G_0 = V itself is taken
for the residual's derivative: it spans the same, and its terms in \Phi_A are zero.

References
----------
Kuznetsova, A., Brockhoff, P. B. and Christensen, R. H. B. (2017). lmerTest package: tests in linear mixed effects
models. Journal of Statistical Software, 82(13), 1-26. https://doi.org/10.18637/jss.v082.i13

Kenward, M. G. and Roger, J. H. (1997). Small sample inference for fixed effects from restricted maximum likelihood.
Biometrics, 53(3), 983-997. https://doi.org/10.2307/2533558

Halekoh, U. and Hojsgaard, S. (2014). A Kenward-Roger approximation and parametric bootstrap methods for tests in linear
mixed models: the R package pbkrtest. Journal of Statistical Software, 59(9), 1-32.
https://doi.org/10.18637/jss.v059.i09
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.mixed.dense import Point
from psychomet.numerics.mixed.likelihood import corner, spans, triangles
from psychomet.numerics.mixed.minimum import Found, curvature, degrees_left
from psychomet.numerics.mixed.system import System

Floats = NDArray[np.float64]
Places = list[tuple[NDArray[np.intp], NDArray[np.intp]]]

LEAST_KNOWN = 1e-8  # eigenvalue of an information matrix, as a share of the largest, that carries nothing
MOST_EFFECTS = 3000  # random effects up to which Kenward and Roger's matrices are made


def satterthwaite(system: System, found: Found, *, residual: float, restricted: bool) -> Floats:
    """Return Satterthwaite's degrees of freedom of each fixed effect, (p,)."""
    point, theta = found.point, found.theta
    degrees, m = degrees_left(system, restricted), found.theta.size
    hessian = np.empty((m + 1, m + 1))
    # The residual deviation is taken relative to its estimate, so that nothing here depends on the unit.
    cross = -2 * point.slopes[2] / residual
    # The profiled deviance has the Hessian of the deviance less what s at its optimum takes out of it.
    hessian[:m, :m] = curvature(system, theta, point, restricted)
    hessian[:m, :m] += np.outer(cross, cross) / (4 * degrees)
    hessian[m, :m] = hessian[:m, m] = cross
    hessian[m, m] = 4 * degrees
    values, vectors = np.linalg.eigh(hessian)
    kept = values > LEAST_KNOWN * values.max()
    back: Floats = np.linalg.inv(system.triangle).astype(float)
    variance = residual * np.einsum("ij,ji->i", back, np.linalg.solve(point.inner, back.T))
    slopes = np.concatenate([residual * _variance_slopes(system, point, back), 2 * variance[:, None]], axis=1)
    along = slopes @ vectors[:, kept]
    return np.asarray(2 * variance**2 / (2 * along**2 / values[kept]).sum(axis=1), dtype=float)


def _variance_slopes(system: System, point: Point, back: Floats) -> Floats:
    """Gradient in theta of the diagonal of (X'V0^{-1}X)^{-1}, (p, m)."""
    p = back.shape[0]
    toward = np.linalg.solve(point.inner, back.T)
    both = point.whitened[:, :p] @ toward, point.weighted[:, :p] @ toward
    out = []
    for block, span in zip(system.blocks, spans(system), strict=True):
        high, low = (part[span].reshape(block.levels, block.width, p) for part in both)
        if block.width == 1:
            out.append(2 * (high * low).sum(axis=0).T)
            continue
        rows, columns = corner(block.width)
        out.append(2 * np.einsum("lip,ljp->pij", high, low)[:, rows, columns])
    return np.concatenate(out, axis=1)


def kenward_roger(system: System, found: Found, *, residual: float) -> tuple[Floats, Floats]:
    """Return the adjusted covariance matrix of the fixed effects, (p, p), and their degrees of freedom, (p,).

    Raises
    ------
    ValueError
        If the random effects are too many for the matrices.
    """
    q, p = system.right.shape[0], system.triangle.shape[0]
    if q > MOST_EFFECTS:
        raise ValueError(f"{q} random effects are more than Kenward and Roger's matrices are made for")
    point = found.point
    fixed = point.whitened[:, :p]
    projected = point.projected
    if not projected.size:
        projected = _between(system, found.theta) - fixed @ np.linalg.solve(point.inner, fixed.T)
    places = [place for block_places in _places(system) for place in block_places]
    m = len(places)
    information = np.empty((m + 1, m + 1))
    information[0, 0] = system.rows - p
    for r, first in enumerate(places):
        information[0, r + 1] = information[r + 1, 0] = sum(projected[a, b].sum() for a, b in first)
        for s, second in enumerate(places):
            # tr(M E_r M E_s), where E_r has ones at (a, b) of every level.
            information[r + 1, s + 1] = sum(
                (projected[np.ix_(b, c)] * projected[np.ix_(a, d)]).sum() for a, b in first for c, d in second
            )
    known = 2 * np.linalg.pinv(information, rcond=LEAST_KNOWN, hermitian=True)
    moved = np.zeros((m, q, p))
    for r, place in enumerate(places):
        for a, b in place:
            moved[r, a] += fixed[b]
    added = np.einsum("rs,rai,ab,sbj->ij", known[1:, 1:], moved, projected, moved, optimize=True)
    back: Floats = np.linalg.inv(system.triangle).astype(float)
    toward = np.linalg.solve(point.inner, back.T)
    plain = back @ toward
    covariance = residual * (plain + 2 * toward.T @ added @ toward)
    high = fixed @ toward
    slopes = np.stack([np.einsum("ai,ai->i", high, part @ toward) for part in moved], axis=1)
    ratio = np.column_stack([np.ones(p), slopes / np.diag(plain)[:, None]])
    return covariance, 2 / np.einsum("ir,rs,is->i", ratio, known, ratio)


def _places(system: System) -> list[list[Places]]:
    """Rows and columns of the ones of every component's matrix, by term."""
    out = []
    for block, span in zip(system.blocks, spans(system), strict=True):
        at = span.start + np.arange(block.levels) * block.width
        rows, columns = corner(block.width)
        out.append(
            [
                [(at + i, at + j), (at + j, at + i)] if i != j else [(at + i, at + i)]
                for i, j in zip(rows, columns, strict=True)
            ]
        )
    return out


def _between(system: System, theta: Floats) -> Floats:
    """Z'V0^{-1}Z from the blocks."""
    levels, width = system.first.shape[:2]
    q1, q = levels * width, system.right.shape[0]
    products = np.zeros((q, q))
    for level, part in enumerate(system.first):
        at = level * width
        products[at : at + width, at : at + width] = part
    products[:q1, q1:], products[q1:, :q1] = system.between, system.between.T
    products[q1:, q1:] = system.rest
    spread = np.zeros((q, q))
    for block, span, lower in zip(system.blocks, spans(system), triangles(system, theta), strict=True):
        spread[span, span] = np.kron(np.eye(block.levels), lower)
    toward = spread.T @ products
    inside = toward @ spread + np.eye(q)
    out: Floats = products - toward.T @ np.linalg.solve(inside, toward)
    return (out + out.T) / 2
