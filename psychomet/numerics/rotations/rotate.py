"""Rotate a stack of solutions, search one from random starts, and put factors in order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.rotations.projection import CONVERGED, MOST_ITERATIONS, apply, descend
from psychomet.numerics.rotations.rules import Rule, criterion

Floats = NDArray[np.float64]

SAME_MINIMUM = 1e-6
"""Relative difference of the criterion from which on two starts count as having ended in different minima."""


class Rotation(NamedTuple):
    """Rotated loadings of a stack of b solutions with m factors.

    Attributes
    ----------
    loadings : (b, k, m) array
        Pattern loadings.
    phi : (b, m, m) array
        Correlations of the factors.
    transform : (b, m, m) array
        T: the loadings are A (T')^-1 and Phi = T'T (A T and I after an orthogonal rotation).
    value : (b,) array
        The criterion; NaN for ``none`` and ``promax``.
    converged : (b,) array of bool
        Whether the projected gradient fell below the tolerance.
    """

    loadings: Floats
    phi: Floats
    transform: Floats
    value: Floats
    converged: NDArray[np.bool_]


class Search(NamedTuple):
    """What a rotation from several starts found.

    Attributes
    ----------
    best : Rotation
        Stack of one: the lowest minimum (the one from the identity unless another is lower).
    plain : Rotation
        Stack of one: the minimum reached from the identity, where programs without random starts end.
    values : (n_starts + 1,) array
        The criterion at the end of each start, that from the identity first.
    hits : int
        Starts that ended in the lowest minimum.
    minima : int
        Different minima found, as told by the criterion.
    """

    best: Rotation
    plain: Rotation
    values: Floats
    hits: int
    minima: int


def rotate(
    loadings: Floats,
    *,
    chosen: Rule,
    start: Floats | None = None,
    tolerance: float = 1e-8,
    iterations: int = MOST_ITERATIONS,
) -> Rotation:
    """Rotate a stack of loadings.

    Parameters
    ----------
    loadings : (b, k, m) array
        Orthogonal loadings; solutions with NaN stay NaN. With one factor there is nothing to rotate.
    chosen : Rule
        From :func:`~psychomet.numerics.rotations.rules.rule`.
    start : (m, m) or (b, m, m) array, optional
        T to start from; default the identity. Promax, which is computed in one go, starts its varimax there.
    tolerance : float
        Length of the projected gradient at which to stop.
    iterations : int
        Most steps; what has not converged by then stays where it is and says so.

    Returns
    -------
    Rotation
        Factors in the order and with the signs in which the descent left them: see :func:`arranged`.

    Notes
    -----
    A criterion may have several minima: :func:`search` says how many were found. Solutions of resamples
    should start where the whole sample stands (:func:`psychomet.numerics.alignment.towards`).
    """
    size, k, m = loadings.shape
    usable = np.flatnonzero(np.isfinite(loadings).all(axis=(1, 2)))
    turn = np.array(np.broadcast_to(np.eye(m) if start is None else start, (size, m, m)), dtype=np.float64)
    rotated = np.full_like(loadings, np.nan)
    value, converged = np.full(size, np.nan), np.zeros(size, dtype=bool)
    if usable.size and chosen.name == "promax" and m > 1:
        rotated[usable], turn[usable], converged[usable] = _promax(
            loadings[usable], chosen, turn[usable], tolerance, iterations
        )
    elif usable.size and (m == 1 or chosen.name == "none"):
        rotated[usable], turn[usable], converged[usable] = loadings[usable], np.eye(m), True
    elif usable.size:
        scale = kaiser_scale(loadings[usable]) if chosen.kaiser else None
        scaled = loadings[usable] if scale is None else loadings[usable] / scale
        found = descend(
            scaled, turn[usable], criterion(chosen, k, m, scale), oblique=chosen.oblique,
            tolerance=tolerance, iterations=iterations,
        )  # fmt: skip
        turn[usable], value[usable] = found.transform, found.value
        converged[usable] = found.slope < max(tolerance, CONVERGED)
        rotated[usable] = apply(loadings[usable], found.transform, oblique=chosen.oblique)
    turn[np.isnan(rotated).any(axis=(1, 2))] = np.nan
    phi = turn.swapaxes(1, 2) @ turn if chosen.oblique else np.where(np.isnan(turn), np.nan, np.eye(m))
    return Rotation(rotated, phi, turn, value, converged)


def search(
    loadings: Floats, *, chosen: Rule, seed: int, n_starts: int = 10, tolerance: float = 1e-8
) -> Search:
    """Rotate one solution from the identity and from random orthogonal starts.

    Parameters
    ----------
    loadings : (k, m) array
        Orthogonal loadings.
    chosen : Rule
        The rotation.
    seed : int
        Seed of the random starts.
    n_starts : int
        Random starts beside the identity; none where there is nothing to minimise (one factor, ``none``,
        ``promax``).
    tolerance : float
        As in :func:`rotate`.

    Returns
    -------
    Search

    Notes
    -----
    Random starts are orthogonal matrices drawn uniformly (Haar). That all starts agree is no proof: report
    ``hits`` and ``minima``. Minima with the same criterion up to order and sign of factors are one.
    """
    m = loadings.shape[1]
    lone = m == 1 or chosen.name in ("none", "promax")
    turns = haar(m, n=0 if lone else n_starts, seed=seed)
    starts = np.concatenate([np.eye(m)[None], turns])
    stack = np.broadcast_to(loadings, (len(starts), *loadings.shape))
    found = rotate(stack, chosen=chosen, start=starts, tolerance=tolerance)
    values = np.where(found.converged & np.isfinite(found.value), found.value, np.inf)
    least = int(np.argmin(values))
    margin = SAME_MINIMUM * max(abs(float(np.nan_to_num(found.value[0]))), 1e-3)
    if lone or not values[least] < values[0] - margin:
        least = 0
    ended = np.sort(values[np.isfinite(values)])
    hits = 1 if lone else int(np.count_nonzero(values <= values[least] + margin))
    minima = 1 if lone else int(1 + np.count_nonzero(np.diff(ended) > margin))
    return Search(picked(found, least), picked(found, 0), found.value, hits, minima)


def picked(found: Rotation, place: int) -> Rotation:
    """Return one solution of a stack, as a stack of one."""
    at = [place]
    return Rotation(
        found.loadings[at], found.phi[at], found.transform[at], found.value[at], found.converged[at]
    )


def arranged(found: Rotation, *, keep_first: bool = False) -> Rotation:
    """Put the factors of each solution in order of the variance they carry, with sums that are not negative.

    Parameters
    ----------
    found : Rotation
        Any.
    keep_first : bool
        Whether the first factor stays first, as the general one of a bifactor rotation should.

    Returns
    -------
    Rotation
        The variance carried is diag(Phi L'L), as psych orders factors.
    """
    carried = np.einsum("bmn,bkn,bkm->bm", found.phi, found.loadings, found.loadings)
    if keep_first:
        carried[:, 0] = np.inf
    order = np.argsort(-np.nan_to_num(carried, posinf=np.inf), axis=1, kind="stable")
    loadings = np.take_along_axis(found.loadings, order[:, None, :], axis=2)
    turn = np.take_along_axis(found.transform, order[:, None, :], axis=2)
    phi = np.take_along_axis(found.phi, order[:, None, :], axis=2)
    phi = np.take_along_axis(phi, order[:, :, None], axis=1)
    sign = np.where(loadings.sum(axis=1) < 0, -1.0, 1.0)
    return Rotation(
        loadings * sign[:, None, :], phi * sign[:, None, :] * sign[:, :, None], turn * sign[:, None, :],
        found.value, found.converged,
    )  # fmt: skip


def haar(m: int, *, n: int, seed: int) -> Floats:
    """Return n orthogonal matrices (n, m, m), uniformly distributed."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, m, m)))
    return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :])


def kaiser_scale(loadings: Floats) -> Floats:
    """Return the root of each item's communality, (b, k, 1); 1 for an item without any."""
    scale = np.sqrt((loadings**2).sum(axis=2, keepdims=True))
    return np.where(scale > 0, scale, 1.0)


def _promax(
    loadings: Floats, chosen: Rule, start: Floats, tolerance: float, iterations: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Varimax, then the least squares rotation to its loadings raised to a power, signs kept.

    Hendrickson, A. E. and White, P. O. (1964). Promax: a quick method for rotation to oblique simple structure.
    British Journal of Statistical Psychology, 17, 65-70. https://doi.org/10.1111/j.2044-8317.1964.tb00244.x
    """
    scale = kaiser_scale(loadings)
    first = Rule("varimax", kaiser=chosen.promax_kaiser != "none")
    found = rotate(loadings, chosen=first, start=start, tolerance=tolerance, iterations=iterations)
    varimaxed = found.loadings / scale if chosen.promax_kaiser == "both" else found.loadings
    aim = varimaxed * np.abs(varimaxed) ** (chosen.power - 1)
    across = varimaxed.swapaxes(1, 2)
    regression = np.linalg.solve(across @ varimaxed, across @ aim)
    spread = np.diagonal(np.linalg.inv(regression.swapaxes(1, 2) @ regression), axis1=1, axis2=2)
    whole = found.transform @ (regression * np.sqrt(spread)[:, None, :])
    # L = A U = A (T')^-1, so that T = (U')^-1.
    turn = np.linalg.inv(whole).swapaxes(1, 2)
    return loadings @ whole, turn, found.converged
