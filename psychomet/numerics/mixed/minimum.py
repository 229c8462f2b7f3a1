r"""Where the deviance of a mixed model is least."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from psychomet.numerics.mixed.dense import Point, curvature_whole
from psychomet.numerics.mixed.likelihood import corner, equal, evaluate, start
from psychomet.numerics.mixed.system import System

Floats = NDArray[np.float64]

ROUGH = 1e-3  # gradient at which the quasi-Newton steps give way to Newton's
STEP = 1e-4  # half-width of the difference that makes second derivatives of exact gradients
POLISH = 8  # Newton steps after the quasi-Newton ones
MOST_STEPS = 60  # Newton steps from a start by moments
FARTHEST = 2.0  # step of an element of theta, as a multiple of 1/2 more than its size
ENOUGH = 1e-3  # share of the fall along the slope that a step must bring, or it may go back and forth
SETTLED = 1e-13  # predicted fall of the deviance at which the iterations stop
ACCEPTED = 1e-5  # predicted fall at which a fit counts as converged when no step goes further down
ZERO = 1e-4  # triangle diagonal below which a term is at the boundary (lme4's rule)
NEAR = 1e-2  # triangle diagonal from which a second descent is made
SNAP = 1e-8  # fall of the deviance below which a diagonal near zero is put to zero


class Found(NamedTuple):
    """Least deviance: theta, the likelihood there, and whether the iterations settled."""

    theta: Floats
    point: Point
    converged: bool


def degrees_left(system: System, restricted: bool) -> int:
    """Rows, less the fixed effects by REML."""
    return system.rows - system.triangle.shape[0] if restricted else system.rows


def deviance(system: System, point: Point, restricted: bool) -> float:
    """Return the profiled deviance."""
    degrees = degrees_left(system, restricted)
    fitted = degrees * (1 + np.log(2 * np.pi * point.squares / degrees))
    if not restricted:
        return float(fitted + point.log_det)
    scale = 2 * np.log(np.abs(np.diag(system.triangle))).sum()
    return float(fitted + point.log_det + point.log_inner + scale)


def gradient(system: System, point: Point, restricted: bool) -> Floats:
    """Return the gradient of the profiled deviance."""
    out = point.slopes[0] + degrees_left(system, restricted) * point.slopes[2] / point.squares
    return out + point.slopes[1] if restricted else out


def curvature(
    system: System, theta: Floats, point: Point, restricted: bool, *, rough: bool = False
) -> Floats:
    """Return second derivatives of the profiled deviance: exact, or from differences of its gradient.

    ``rough`` takes forward differences, which cost half as much.
    """
    if system.whole.size:
        return curvature_whole(system, theta, point, restricted=restricted)

    def slope(at: Floats) -> Floats:
        return gradient(system, evaluate(system, at), restricted)

    steps = STEP * np.maximum(1.0, np.abs(theta))
    if rough:
        here = gradient(system, point, restricted)
        out = np.stack([(slope(theta + h) - here) / h.max() for h in np.diag(steps)], axis=1)
    else:
        out = np.stack(
            [(slope(theta + h) - slope(theta - h)) / (2 * h.max()) for h in np.diag(steps)], axis=1
        )
    return np.asarray((out + out.T) / 2, dtype=float)


def least(system: System, *, restricted: bool) -> Found:
    """Go down by Newton's steps, after quasi-Newton ones where second derivatives are dear.

    There are no bounds: the sign of a triangle's column does not matter. A deviance with several minima has, as a
    rule, one of them at a component of zero: where the first descent ends there, a second starts from equal variances.
    """
    if not system.whole.size:
        theta = _quasi_newton(system, start(system), restricted)
        return _snapped(system, _descend(system, theta, restricted, steps=POLISH), restricted)
    found = _descend(system, start(system), restricted, steps=MOST_STEPS)
    if _any_at_zero(system, found.theta):
        other = _descend(system, equal(system), restricted, steps=MOST_STEPS)
        if deviance(system, other.point, restricted) < deviance(system, found.point, restricted):
            found = other
    return _snapped(system, found, restricted)


def _descend(system: System, theta: Floats, restricted: bool, *, steps: int) -> Found:
    """Newton's steps, shortened until they go down."""
    point, gain = evaluate(system, theta), np.inf
    here = deviance(system, point, restricted)
    for _ in range(steps):
        slope = gradient(system, point, restricted)
        change = _newton(slope, curvature(system, theta, point, restricted, rough=True))
        gain = float(-slope @ change) / 2
        if gain < SETTLED:
            break
        change = change / max(1.0, float((np.abs(change) / (FARTHEST * (0.5 + np.abs(theta)))).max()))
        downhill = -float(slope @ change)
        for shorter in 0.5 ** np.arange(12):
            trial = evaluate(system, theta + shorter * change)
            value = deviance(system, trial, restricted)
            if value < here - ENOUGH * shorter * downhill:
                theta, point, here = theta + shorter * change, trial, value
                break
        else:
            break
    return Found(theta, point, gain < ACCEPTED)


def _any_at_zero(system: System, theta: Floats) -> bool:
    """Whether a diagonal of a triangle is next to zero."""
    at = 0
    for block in system.blocks:
        rows, columns = corner(block.width)
        if (np.abs(theta[at : at + rows.size][rows == columns]) < NEAR).any():
            return True
        at += rows.size
    return False


def _quasi_newton(system: System, theta: Floats, restricted: bool) -> Floats:
    """BFGS to a rough gradient."""

    def target(at: Floats) -> tuple[float, Floats]:
        point = evaluate(system, at)
        return deviance(system, point, restricted), gradient(system, point, restricted)

    return np.asarray(
        minimize(target, theta, jac=True, method="BFGS", options={"gtol": ROUGH}).x, dtype=float
    )


def _newton(slope: Floats, second: Floats) -> Floats:
    """Newton's step; directions that curve down or not at all are taken as curving up."""
    values, vectors = np.linalg.eigh(second)
    size = np.maximum(np.abs(values), 1e-6 * max(float(np.abs(values).max()), 1e-6))
    return -(vectors @ ((vectors.T @ slope) / size))


def _snapped(system: System, found: Found, restricted: bool) -> Found:
    """Put random intercepts that are zero but for the optimiser's tolerance to zero."""
    at, here = 0, deviance(system, found.point, restricted)
    for block in system.blocks:
        if block.width == 1 and 0 < abs(found.theta[at]) < 10 * ZERO:
            theta = found.theta.copy()
            theta[at] = 0.0
            trial = evaluate(system, theta)
            if deviance(system, trial, restricted) <= here + SNAP:
                found = found._replace(theta=theta, point=trial)
        at += block.width * (block.width + 1) // 2
    return found
