"""Descent to a minimum from a metric: Fisher's steps, bent by what the gradients show between them.

The first steps use the inverse of the expected second derivative (Fisher scoring, Gauss-Newton for least
squares); between renewals of it, the BFGS update learns the rest. A step that does not descend is halved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Floats = NDArray[np.float64]

TOLERANCE = 1e-18
"""Largest g' H g over 1 + |F|, H the inverse metric: twice the fall of F that is still to be had."""
_ENOUGH = 1e-9
_ROUNDING = 1e-13
_RENEWED = (0, 2, 5, 10, 20, 40, 80, 160)


class Minimum(NamedTuple):
    """Where a descent ended.

    Attributes
    ----------
    point : (q,) array
        The minimum.
    value : float
        Its height.
    n_steps : int
        Steps taken.
    decrement : float
        g' H g at the end.
    converged : bool
        Whether the end is a minimum by its decrement.
    """

    point: Floats
    value: float
    n_steps: int
    decrement: float
    converged: bool


def minimise(
    start: Floats,
    slope: Callable[[Floats], tuple[float, Floats]],
    metric: Callable[[Floats], Floats],
    *,
    most: int = 400,
    tolerance: float = TOLERANCE,
) -> Minimum:
    """Return the minimum that descent reaches.

    Parameters
    ----------
    start : (q,) array
        Where to begin; F must be finite there.
    slope : callable
        Returns F and its gradient; F infinite where it does not exist.
    metric : callable
        Returns a (q, q) approximation of the second derivative.
    most : int
        Most steps.
    tolerance : float
        Size of g' H g, relative to 1 + |F|, at which to stop.

    Returns
    -------
    Minimum
    """
    point = np.array(start, dtype=np.float64)
    value, gradient = slope(point)
    inverse = np.eye(point.size)
    decrement = np.inf
    for step in range(most):
        if step in _RENEWED or (step > 160 and step % 80 == 0):
            inverse = _inverse(metric(point), inverse)
        direction = -inverse @ gradient
        decrement = float(-gradient @ direction)
        size = 1 + abs(value)
        if decrement < tolerance * size:
            return Minimum(point, value, step, decrement, True)
        if decrement < 0 or not np.isfinite(decrement):
            inverse = np.eye(point.size)
            direction = -gradient
            decrement = float(gradient @ gradient)
        found = _descend(point, value, direction, decrement, slope)
        if found is None:
            if step in _RENEWED or decrement < _ENOUGH * size:
                return Minimum(point, value, step, decrement, decrement < _ENOUGH * size)
            inverse = _inverse(metric(point), inverse)
            continue
        moved, after, turned = found
        inverse = _bent(inverse, moved - point, turned - gradient)
        point, value, gradient = moved, after, turned
    return Minimum(point, value, most, decrement, decrement < _ENOUGH * (1 + abs(value)))


def lower(one: Minimum, other: Minimum) -> Minimum:
    """Return the lower of two ends; of two alike, the one that converged, then the first."""
    margin = 1e-8 * (1 + abs(one.value))
    if abs(one.value - other.value) <= margin:
        return other if other.converged and not one.converged else one
    return one if one.value < other.value or not np.isfinite(other.value) else other


def _descend(
    point: Floats,
    value: float,
    direction: Floats,
    decrement: float,
    slope: Callable[[Floats], tuple[float, Floats]],
) -> tuple[Floats, float, Floats] | None:
    """Halve the step until F falls; near the minimum a rise within rounding counts as none."""
    length = 1.0
    slack = _ROUNDING * (1 + abs(value))
    for _ in range(30):
        moved = point + length * direction
        after, gradient = slope(moved)
        if after <= value - 1e-4 * length * decrement + slack:
            return moved, after, gradient
        length /= 2 if np.isfinite(after) else 4
    return None


def _inverse(matrix: Floats, otherwise: Floats) -> Floats:
    """Inverse of a metric; one that is not positive definite is lifted until it is."""
    if not np.isfinite(matrix).all():
        return otherwise
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-12))
    unit = matrix / np.outer(scale, scale)
    for lift in (0.0, 1e-8, 1e-5, 1e-3, 1e-1, 1.0):
        try:
            factor = cho_factor(unit + lift * np.eye(len(unit)), lower=True, check_finite=False)
        except LinAlgError:
            continue
        return np.asarray(cho_solve(factor, np.eye(len(unit)), check_finite=False) / np.outer(scale, scale))
    return otherwise


def _bent(inverse: Floats, step: Floats, change: Floats) -> Floats:
    """BFGS update of an inverse metric."""
    along = float(step @ change)
    if along <= 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return inverse
    turned = inverse @ change
    cross = np.outer(turned, step)
    return np.asarray(
        inverse
        + (along + float(change @ turned)) / along**2 * np.outer(step, step)
        - (cross + cross.T) / along
    )
