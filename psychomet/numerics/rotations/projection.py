"""Gradient projection: any rotation criterion, orthogonal or oblique, for many solutions at once.

Orthogonal: L = A T, T'T = I. Oblique: L = A (T')^-1, columns of T of length 1, Phi = T'T. A step goes along
the projected slope and is brought back by the polar factor (orthogonal) or by columns of length 1 (oblique).
Its length is that of Barzilai and Borwein, halved until the criterion falls (below the worst of its last
values: Grippo, Lampariello and Lucidi 1986), which takes tens of steps where steepest descent takes hundreds.

References
----------
Jennrich, R. I. (2001). A simple general procedure for orthogonal rotation. Psychometrika, 66, 289-306.
https://doi.org/10.1007/BF02294840

Jennrich, R. I. (2002). A simple general method for oblique rotation. Psychometrika, 67, 7-19.
https://doi.org/10.1007/BF02294706

Barzilai, J. and Borwein, J. M. (1988). Two-point step size gradient methods. IMA Journal of Numerical Analysis,
8, 141-148. https://doi.org/10.1093/imanum/8.1.141

Grippo, L., Lampariello, F. and Lucidi, S. (1986). A nonmonotone line search technique for Newton's method. SIAM
Journal on Numerical Analysis, 23, 707-716. https://doi.org/10.1137/0723046
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Criterion = Callable[[Floats, NDArray[np.intp]], tuple[Floats, Floats]]
"""Rotated loadings (b, k, m) and the positions of these solutions in the stack -> value (b,), slope (b, k, m)."""

MOST_ITERATIONS = 3000
CONVERGED = 1e-5
"""Length of the projected slope below which a rotation counts as converged (the default of GPArotation)."""
_HALVINGS = 20
_MEMORY = 4
_ARMIJO = 1e-4
_SHORTEST, _LONGEST = 1e-8, 1e6
_ROUNDING = 1e-14


class Turned(NamedTuple):
    """Where the descent of b solutions ended.

    Attributes
    ----------
    transform : (b, m, m) array
        T.
    value : (b,) array
        The criterion.
    slope : (b,) array
        Length of the projected slope.
    """

    transform: Floats
    value: Floats
    slope: Floats


class _State(NamedTuple):
    """T, criterion and projected slope of b solutions; rows are overwritten as they move."""

    turn: Floats
    value: Floats
    slope: Floats


def apply(loadings: Floats, turn: Floats, *, oblique: bool) -> Floats:
    """Return the loadings rotated by T, (b, k, m)."""
    return loadings @ (np.linalg.inv(turn).swapaxes(1, 2) if oblique else turn)


def descend(
    loadings: Floats,
    turn: Floats,
    criterion: Criterion,
    *,
    oblique: bool,
    tolerance: float,
    iterations: int = MOST_ITERATIONS,
) -> Turned:
    """Minimise a criterion over T for every solution of a stack.

    Parameters
    ----------
    loadings : (b, k, m) array
        Orthogonal loadings, finite.
    turn : (b, m, m) array
        Where to start.
    criterion : callable
        Value and slope in the rotated loadings.
    oblique : bool
        Whether factors may correlate.
    tolerance : float
        Length of the projected slope at which a solution is done.
    iterations : int
        Most steps; what is not done by then stays where it is.
    """
    everyone = np.arange(len(turn))
    state = _State(*(np.array(part) for part in _evaluate(loadings, turn, criterion, oblique, everyone)))
    length = _length(state.slope)
    step = np.clip(1 / np.maximum(length, 1e-12), _SHORTEST, 1.0)
    worst = np.full((_MEMORY, len(turn)), -np.inf)
    done = np.zeros(len(turn), dtype=bool)
    for number in range(iterations):
        done |= length < tolerance
        work = np.flatnonzero(~done)
        if work.size == 0:
            break
        worst[number % _MEMORY] = state.value
        before = state.turn[work], state.slope[work]
        stuck = _line_search(loadings, criterion, oblique, state, step, worst.max(axis=0), length, work)
        done[stuck] = True
        length[work] = _length(state.slope[work])
        step[work] = _next_step(state.turn[work] - before[0], state.slope[work] - before[1], number)
    return Turned(state.turn, state.value, length)


def _line_search(
    loadings: Floats,
    criterion: Criterion,
    oblique: bool,
    state: _State,
    step: Floats,
    worst: Floats,
    length: Floats,
    work: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Move the solutions in ``work``; return those that no step lowers, which stay."""
    slack = _ROUNDING * np.maximum(np.abs(worst), 1e-2)
    for _ in range(_HALVINGS):
        trial = _retract(state.turn[work] - step[work, None, None] * state.slope[work], oblique)
        found = _evaluate(loadings[work], trial, criterion, oblique, work)
        good = found.value <= worst[work] - _ARMIJO * step[work] * length[work] ** 2 + slack[work]
        moved = work[good]
        for old, new in zip(state, found, strict=True):
            old[moved] = new[good]
        work = work[~good]
        if work.size == 0:
            break
        step[work] /= 3
    return work


def _next_step(moved: Floats, change: Floats, number: int) -> Floats:
    """The two step lengths of Barzilai and Borwein in turn."""
    along = np.abs((moved * change).sum(axis=(1, 2)))
    across = (change**2 if number % 2 else moved**2).sum(axis=(1, 2))
    found = along / np.maximum(across, 1e-300) if number % 2 else across / np.maximum(along, 1e-300)
    return np.clip(found, _SHORTEST, _LONGEST)


def _length(slope: Floats) -> Floats:
    return np.asarray(np.sqrt((slope**2).sum(axis=(1, 2))))


def _retract(turn: Floats, oblique: bool) -> Floats:
    """Bring T back to columns of length 1, or to the nearest orthogonal matrix."""
    if oblique:
        return np.asarray(turn / np.sqrt((turn**2).sum(axis=1, keepdims=True)))
    left, _, right = np.linalg.svd(turn)
    return np.asarray(left @ right)


def _evaluate(
    loadings: Floats, turn: Floats, criterion: Criterion, oblique: bool, places: NDArray[np.intp]
) -> _State:
    """Criterion and its slope in T, projected on the directions in which T may move."""
    if not oblique:
        value, slope = criterion(loadings @ turn, places)
        slope = loadings.swapaxes(1, 2) @ slope
        inner = turn.swapaxes(1, 2) @ slope
        return _State(turn, value, slope - turn @ (0.5 * (inner + inner.swapaxes(1, 2))))
    inverse = np.linalg.inv(turn)
    rotated = loadings @ inverse.swapaxes(1, 2)
    value, slope = criterion(rotated, places)
    slope = -((rotated.swapaxes(1, 2) @ slope) @ inverse).swapaxes(1, 2)
    return _State(turn, value, slope - turn * (turn * slope).sum(axis=1, keepdims=True))
