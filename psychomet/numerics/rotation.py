"""Oblimin rotation by gradient projection, and the Schmid-Leiman solution, for many solutions at once.

Oblimin minimises 1/4 sum L^2 * ((I - gamma/k 11') L^2 N), N = 11' - I, over pattern loadings L = A (T')^-1
with columns of T of length 1; Phi = T'T are the correlations of the factors. gamma = 0 is quartimin, the
default of GPArotation and of psych.

References
----------
Bernaards, C. A. and Jennrich, R. I. (2005). Gradient projection algorithms and software for arbitrary
rotation criteria in factor analysis. Educational and Psychological Measurement, 65(5), 676-696.
https://doi.org/10.1177/0013164404272507

Schmid, J. and Leiman, J. M. (1957). The development of hierarchical factor solutions. Psychometrika, 22,
53-61. https://doi.org/10.1007/BF02289209
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factoring import LEAST_UNIQUENESS, extract

Floats = NDArray[np.float64]

MOST_ITERATIONS = 3000
_HALVINGS = 12


class Rotation(NamedTuple):
    """Rotated loadings of a stack of b solutions with m factors.

    Attributes
    ----------
    loadings : (b, k, m) array
        Pattern loadings.
    phi : (b, m, m) array
        Correlations of the factors.
    transform : (b, m, m) array
        T, columns of length 1.
    value : (b,) array
        The criterion.
    converged : (b,) array of bool
        Whether the projected gradient fell below the tolerance.
    """

    loadings: Floats
    phi: Floats
    transform: Floats
    value: Floats
    converged: NDArray[np.bool_]


class Hierarchy(NamedTuple):
    """Schmid-Leiman solutions of a stack of b.

    Attributes
    ----------
    general : (b, k) array
        Loadings on the general factor.
    group : (b, k, m) array
        Loadings on the residualised group factors.
    second_order : (b, m) array
        Loadings of the group factors on the general factor.
    heywood : (b,) array of bool
        Whether a group factor is all but the general factor (loading at its bound).
    """

    general: Floats
    group: Floats
    second_order: Floats
    heywood: NDArray[np.bool_]


def oblimin(
    loadings: Floats,
    *,
    gamma: float = 0.0,
    kaiser: bool = False,
    start: Floats | None = None,
    tolerance: float = 1e-6,
    iterations: int = MOST_ITERATIONS,
) -> Rotation:
    """Rotate a stack of loadings obliquely.

    Parameters
    ----------
    loadings : (b, k, m) array
        Orthogonal loadings; solutions with NaN stay NaN.
    gamma : float
        0 (quartimin) to 1; negative values keep the factors closer to orthogonal.
    kaiser : bool
        Whether items are scaled to a communality of 1 while rotating (SPSS does, psych does not).
    start : (m, m) or (b, m, m) array, optional
        T to start from; default the identity.
    tolerance : float
        Length of the projected gradient at which to stop (GPArotation: 1e-5).
    iterations : int
        Most steps; what has not converged by then stays where it is.

    Returns
    -------
    Rotation
    """
    size, _, m = loadings.shape
    usable = np.isfinite(loadings).all(axis=(1, 2))
    scale = np.ones_like(loadings[:, :, :1])
    if kaiser:
        scale = np.sqrt((loadings**2).sum(axis=2, keepdims=True))
        scale = np.where(scale > 0, scale, 1.0)
    turn = np.array(np.broadcast_to(np.eye(m) if start is None else start, (size, m, m)))
    rotated = np.full_like(loadings, np.nan)
    value, converged = np.full(size, np.nan), np.zeros(size, dtype=bool)
    places = np.flatnonzero(usable)
    if places.size:
        found = _descend(loadings[places] / scale[places], turn[places], gamma, tolerance, iterations)
        turn[places], value[places], converged[places] = found
        inverse = np.linalg.inv(turn[places]).swapaxes(1, 2)
        rotated[places] = loadings[places] @ inverse
    turn[~usable] = np.nan
    return Rotation(rotated, turn.swapaxes(1, 2) @ turn, turn, value, converged)


def best_oblimin(
    loadings: Floats, *, seed: int, n_starts: int = 10, gamma: float = 0.0, kaiser: bool = False
) -> tuple[Rotation, Rotation]:
    """Rotate one solution from the identity and from random orthogonal starts.

    Parameters
    ----------
    loadings : (k, m) array
        Orthogonal loadings.
    seed : int
        Seed of the random starts.
    n_starts : int
        Random starts beside the identity.
    gamma, kaiser
        As in :func:`oblimin`.

    Returns
    -------
    best, plain : Rotation
        Stacks of one: the solution with the lowest criterion (the plain one unless another is lower by
        more than 1e-6 of it), and the one from the identity, where programs without random starts end.
    """
    m = loadings.shape[1]
    turns = np.linalg.qr(np.random.default_rng(seed).normal(size=(n_starts, m, m)))[0]
    starts = np.concatenate([np.eye(m)[None], turns])
    stack = np.broadcast_to(loadings, (len(starts), *loadings.shape))
    found = oblimin(stack, gamma=gamma, kaiser=kaiser, start=starts, tolerance=1e-8)
    least = int(np.argmin(np.where(np.isfinite(found.value), found.value, np.inf)))
    if not found.value[least] < found.value[0] - 1e-6 * abs(found.value[0]):
        least = 0
    return _pick(found, least), _pick(found, 0)


def _pick(found: Rotation, place: int) -> Rotation:
    """One solution of a stack, as a stack of one."""
    at = [place]
    return Rotation(
        found.loadings[at], found.phi[at], found.transform[at], found.value[at], found.converged[at]
    )


def towards(loadings: Floats, target: Floats, transform: Floats) -> Floats:
    """Start each rotation of a stack where the solution of the whole sample stands.

    Parameters
    ----------
    loadings : (b, k, m) array
        Orthogonal loadings, of resamples say.
    target : (k, m) array
        Orthogonal loadings of the whole sample.
    transform : (m, m) array
        Its T.

    Returns
    -------
    (b, m, m) array
        T with which each solution is nearest to the rotated whole: the same factors, order and signs.
    """
    clean = np.where(np.isfinite(loadings), loadings, 0.0)
    left, _, right = np.linalg.svd(clean.swapaxes(1, 2) @ target)
    return np.asarray(left @ right @ transform)


def schmid_leiman(rotation: Rotation) -> Hierarchy:
    """Split correlated group factors into a general factor and what is left of each.

    Parameters
    ----------
    rotation : Rotation
        Oblique solutions with m >= 2 factors.

    Returns
    -------
    Hierarchy
        The general factor is the minres factor of Phi; with m = 2 it is not determined, and both group
        factors get the loading sqrt|r| (psych's option "equal"). The sign makes its loadings sum to a
        value that is not negative.
    """
    m = rotation.phi.shape[1]
    if m == 2:
        r = rotation.phi[:, 0, 1]
        root = np.sqrt(np.minimum(np.abs(r), 1 - LEAST_UNIQUENESS))
        second = np.stack([root, np.where(r < 0, -root, root)], axis=1)
        heywood = np.asarray(np.abs(r) >= 1 - LEAST_UNIQUENESS)
    else:
        found = extract(rotation.phi, 1)
        second, heywood = found.loadings[:, :, 0], np.asarray(found.heywood.any(axis=1))
    general = np.einsum("bkm,bm->bk", rotation.loadings, second)
    sign = np.where(general.sum(axis=1) < 0, -1.0, 1.0)
    general, second = general * sign[:, None], second * sign[:, None]
    left = np.sqrt(np.maximum(1 - second**2, 0.0))
    return Hierarchy(general, rotation.loadings * left[:, None, :], second, heywood)


def _descend(
    loadings: Floats, turn: Floats, gamma: float, tolerance: float, iterations: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Gradient projection with step halving on those solutions that have not converged."""
    turn = turn.copy()
    value, slope = _criterion(loadings, turn, gamma)
    step = np.ones(len(turn))
    done = np.zeros(len(turn), dtype=bool)
    for _ in range(iterations):
        projected = slope - turn * (turn * slope).sum(axis=1, keepdims=True)
        length = np.sqrt((projected**2).sum(axis=(1, 2)))
        done |= length < tolerance
        work = np.flatnonzero(~done)
        if work.size == 0:
            break
        step[work] *= 2
        for _ in range(_HALVINGS):
            trial = turn[work] - step[work, None, None] * projected[work]
            trial /= np.sqrt((trial**2).sum(axis=1, keepdims=True))
            found, downhill = _criterion(loadings[work], trial, gamma)
            good = found < value[work] - 0.5 * length[work] ** 2 * step[work]
            took = work[good]
            turn[took], value[took], slope[took] = trial[good], found[good], downhill[good]
            work = work[~good]
            if work.size == 0:
                break
            step[work] /= 2
        # No step lowers it by more than rounding: a minimum to the precision of the arithmetic.
        done[work[length[work] < 1e-4]] = True
    projected = slope - turn * (turn * slope).sum(axis=1, keepdims=True)
    return turn, value, np.sqrt((projected**2).sum(axis=(1, 2))) < max(tolerance, 1e-5)


def _criterion(loadings: Floats, turn: Floats, gamma: float) -> tuple[Floats, Floats]:
    """Oblimin's criterion and its gradient in T."""
    inverse = np.linalg.inv(turn)
    rotated = loadings @ inverse.swapaxes(1, 2)
    square = rotated**2
    other = square.sum(axis=2, keepdims=True) - square
    if gamma:
        other = other - gamma * other.mean(axis=1, keepdims=True)
    value = 0.25 * (square * other).sum(axis=(1, 2))
    slope = -((rotated.swapaxes(1, 2) @ (rotated * other)) @ inverse).swapaxes(1, 2)
    return value, slope
