r"""Fit a mixed model: fixed effects, variance components, and how far the fixed effects can be trusted.

Standard errors are those of generalised least squares at the estimated components, as in lme4: they take the
components as known. Satterthwaite's degrees of freedom say how well they are known; Wald's z ignores it and is too
sure where a factor has few levels.

Misleads where a grouping factor has few levels (three temperatures say little of the variance between
temperatures), where the effect of a column differs between the levels of a factor and no random slope says so (its
standard error is then too small), and where within- and between-level effects of a column differ: the slope
is a mixture of the two.

References
----------
Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
Journal of Statistical Software, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01

Kuznetsova, A., Brockhoff, P. B. and Christensen, R. H. B. (2017). lmerTest package: tests in linear mixed effects
models. Journal of Statistical Software, 82(13), 1-26. https://doi.org/10.18637/jss.v082.i13
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from psychomet.numerics.mixed.likelihood import Point, corner, evaluate, spans, start, triangles
from psychomet.numerics.mixed.system import RandomTerm, System, set_up

Floats = NDArray[np.float64]

ROUGH = 1e-3  # gradient at which the quasi-Newton steps give way to Newton's
STEP = 1e-4  # half-width of the difference that makes second derivatives of exact gradients
POLISH = 8  # Newton steps after the quasi-Newton ones
SETTLED = 1e-13  # predicted fall of the deviance at which the iterations stop
ACCEPTED = 1e-5  # predicted fall at which a fit counts as converged when no step goes further down
ZERO = 1e-4  # triangle diagonal below which a term is at the boundary (lme4's rule)
SNAP = 1e-8  # fall of the deviance below which a diagonal near zero is put to zero
LEAST_SPREAD = (
    1e-20  # residual sum of squares, as a share of that of the response, that is nothing but rounding
)


class Mixed(NamedTuple):
    """A fitted mixed model.

    Attributes
    ----------
    coefficient : ndarray, shape (p,)
        Fixed effects, in the unit of the response per unit of the column.
    covariance : ndarray, shape (p, p)
        Their covariance matrix, the components taken as known.
    df : ndarray, shape (p,)
        Satterthwaite's degrees of freedom of each.
    components : tuple of ndarray, shape (r, r)
        Covariance matrix of the effects of each term, in the order given.
    residual : float
        Residual variance.
    effects : tuple of ndarray, shape (levels, r)
        Predicted effects (conditional means) of the sorted levels of each term.
    deviance : float
        -2 log restricted likelihood (or likelihood).
    at_boundary : ndarray of bool, shape (number of terms,)
        Terms whose covariance matrix is singular.
    converged : bool
        False where the iterations stopped before the deviance was at a minimum.
    """

    coefficient: Floats
    covariance: Floats
    df: Floats
    components: tuple[Floats, ...]
    residual: float
    effects: tuple[Floats, ...]
    deviance: float
    at_boundary: NDArray[np.bool_]
    converged: bool


def mixed(y: ArrayLike, *, fixed: ArrayLike, random: Sequence[RandomTerm], restricted: bool = True) -> Mixed:
    """Return fixed effects and variance components of a linear mixed model.

    Parameters
    ----------
    y : (N,) array
        Response; rows with a missing number are left out by the caller.
    fixed : (N, p) array
        Columns of the fixed effects; the intercept is one of them.
    random : sequence of RandomTerm
        Random effects; their factors may be crossed or nested.
    restricted : bool
        True for REML, False for maximum likelihood.

    Returns
    -------
    Mixed

    Raises
    ------
    ValueError
        If numbers are missing, fixed columns depend on each other, the fixed effects reproduce the response, or a
        term cannot be told from the residual or the intercept.

    Notes
    -----
    Equal to ``lme4::lmer`` and ``lmerTest`` to where their optimiser stops.
    """
    system = set_up(y, fixed=fixed, random=random)
    if system.total <= LEAST_SPREAD * (system.total + float(system.ordinary @ system.ordinary)):
        raise ValueError("the fixed effects reproduce the response: no variance is left")
    theta, converged = _minimise(system, restricted)
    point = evaluate(system, theta)
    residual = point.squares / _degrees(system, restricted)
    back: Floats = np.linalg.inv(system.triangle).astype(float)
    within = np.linalg.inv(point.inner)
    lower = triangles(system, theta)
    p = point.shift.size
    rest = point.weighted[:, p] - point.weighted[:, :p] @ point.shift
    components, effects, singular = [], [], []
    for place in np.argsort([block.place for block in system.blocks]):
        block, span = system.blocks[place], spans(system)[place]
        components.append(residual * lower[place] @ lower[place].T)
        effects.append(rest[span].reshape(block.levels, block.width) @ lower[place].T)
        singular.append(bool((np.abs(np.diag(lower[place])) < ZERO).any()))
    return Mixed(
        back @ (system.ordinary + point.shift),
        residual * back @ within @ back.T,
        _satterthwaite(system, theta, point, residual, restricted),
        tuple(components),
        residual,
        tuple(effects),
        _deviance(system, point, restricted),
        np.array(singular),
        converged,
    )


def _degrees(system: System, restricted: bool) -> int:
    """Rows, less the fixed effects by REML."""
    return system.rows - system.triangle.shape[0] if restricted else system.rows


def _deviance(system: System, point: Point, restricted: bool) -> float:
    """The profiled deviance."""
    degrees = _degrees(system, restricted)
    fitted = degrees * (1 + np.log(2 * np.pi * point.squares / degrees))
    if not restricted:
        return float(fitted + point.log_det)
    scale = 2 * np.log(np.abs(np.diag(system.triangle))).sum()
    return float(fitted + point.log_det + point.log_inner + scale)


def _gradient(system: System, point: Point, restricted: bool) -> Floats:
    """Gradient of the profiled deviance."""
    out = point.slopes[0] + _degrees(system, restricted) * point.slopes[2] / point.squares
    return out + point.slopes[1] if restricted else out


def _minimise(system: System, restricted: bool) -> tuple[Floats, bool]:
    """Quasi-Newton steps, then Newton's; no bounds, because the sign of a triangle's column does not matter."""

    def target(theta: Floats) -> tuple[float, Floats]:
        point = evaluate(system, theta)
        return _deviance(system, point, restricted), _gradient(system, point, restricted)

    found = minimize(target, start(system), jac=True, method="BFGS", options={"gtol": ROUGH})
    theta, here, gain = np.asarray(found.x, dtype=float), float(found.fun), np.inf
    for _ in range(POLISH):
        slope = target(theta)[1]
        change = _newton(slope, _curvature(system, theta, restricted, here=slope))
        gain = float(-slope @ change) / 2
        if gain < SETTLED:
            break
        for shorter in 0.5 ** np.arange(12):
            value = target(theta + shorter * change)[0]
            if value < here:
                theta, here = theta + shorter * change, value
                break
        else:
            break
    return _snapped(system, theta, here, restricted), gain < ACCEPTED


def _newton(slope: Floats, curvature: Floats) -> Floats:
    """Newton's step; directions that curve down or not at all are taken as curving up."""
    values, vectors = np.linalg.eigh(curvature)
    size = np.maximum(np.abs(values), 1e-6 * max(float(np.abs(values).max()), 1e-6))
    return -(vectors @ ((vectors.T @ slope) / size))


def _curvature(system: System, theta: Floats, restricted: bool, *, here: Floats | None = None) -> Floats:
    """Second derivatives of the profiled deviance, from differences of its gradient.

    Forward ones, half as dear, where the gradient ``here`` is given.
    """

    def gradient(at: Floats) -> Floats:
        return _gradient(system, evaluate(system, at), restricted)

    steps = STEP * np.maximum(1.0, np.abs(theta))
    if here is not None:
        out = np.stack([(gradient(theta + h) - here) / h.max() for h in np.diag(steps)], axis=1)
    else:
        out = np.stack(
            [(gradient(theta + h) - gradient(theta - h)) / (2 * h.max()) for h in np.diag(steps)], axis=1
        )
    return np.asarray((out + out.T) / 2, dtype=float)


def _snapped(system: System, theta: Floats, here: float, restricted: bool) -> Floats:
    """Put random intercepts that are zero but for the optimiser's tolerance to zero."""
    at = 0
    for block in system.blocks:
        if block.width == 1 and 0 < abs(theta[at]) < 10 * ZERO:
            trial = theta.copy()
            trial[at] = 0.0
            if _deviance(system, evaluate(system, trial), restricted) <= here + SNAP:
                theta = trial
        at += block.width * (block.width + 1) // 2
    return theta


def _satterthwaite(system: System, theta: Floats, point: Point, residual: float, restricted: bool) -> Floats:
    """Satterthwaite's degrees of freedom of each fixed effect.

    2 v^2 / (g' C g), v the variance of the effect, g its gradient in (theta, s) and C twice the inverse of
    the Hessian of the deviance there.
    """
    sigma, degrees = np.sqrt(residual), _degrees(system, restricted)
    m = theta.size

    hessian = np.empty((m + 1, m + 1))
    cross = -2 * point.slopes[2] / sigma**3
    # The profiled deviance has the Hessian of the deviance less what s at its optimum takes out of it.
    hessian[:m, :m] = _curvature(system, theta, restricted) + np.outer(cross, cross) * residual / (
        4 * degrees
    )
    hessian[m, :m] = hessian[:m, m] = cross
    hessian[m, m] = 4 * degrees / residual
    values, vectors = np.linalg.eigh(hessian)
    kept = values > 1e-8 * values.max()
    back: Floats = np.linalg.inv(system.triangle).astype(float)
    variance = residual * np.einsum("ij,jk,ik->i", back, np.linalg.inv(point.inner), back)
    slopes = np.concatenate(
        [residual * _variance_slopes(system, point, back), 2 * variance[:, None] / sigma], axis=1
    )
    along = slopes @ vectors[:, kept]
    return np.asarray(2 * variance**2 / (2 * along**2 / values[kept]).sum(axis=1), dtype=float)


def _variance_slopes(system: System, point: Point, back: Floats) -> Floats:
    """Gradient in theta of the diagonal of (X'V0^{-1}X)^{-1}, (p, m)."""
    p = back.shape[0]
    toward = np.linalg.solve(point.inner, back.T)
    out = []
    for block, span in zip(system.blocks, spans(system), strict=True):
        high, low = (
            (part[span, :p] @ toward).reshape(block.levels, block.width, p)
            for part in (point.whitened, point.weighted)
        )
        rows, columns = corner(block.width)
        out.append(2 * np.einsum("lip,ljp->pij", high, low)[:, rows, columns])
    return np.concatenate(out, axis=1)
