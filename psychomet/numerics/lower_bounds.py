"""Lower bounds of the reliability of a sum score: Guttman's lambdas and the greatest lower bound.

Every one is 1 - E / V with V = 1'C1 the variance of the sum and E an upper bound of its error variance
that is homogeneous of degree one in the covariance matrix C. All functions take one matrix or a stack of
them, and return the gradient beside the value: influence values, delta intervals and studentised
bootstraps of all of them are then the same few lines.

References
----------
Guttman, L. (1945). A basis for analyzing test-retest reliability. Psychometrika, 10(4), 255-282.
https://doi.org/10.1007/BF02288892

Jackson, P. H. and Agunwamba, C. C. (1977). Lower bounds for the reliability of the total score on a test
composed of non-homogeneous items: I. Psychometrika, 42(4), 567-578. https://doi.org/10.1007/BF02295979

Ten Berge, J. M. F. and Socan, G. (2004). The greatest lower bound to the reliability of a test and the
hypothesis of unidimensionality. Psychometrika, 69(4), 613-625. https://doi.org/10.1007/BF02289858

Boyd, S. and Vandenberghe, L. (2004). Convex Optimization, chapter 11. Cambridge University Press.
https://doi.org/10.1017/CBO9780511804441
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SINGULAR = 1e-10
"""A smallest eigenvalue below this share of the largest counts as 0."""
GAP = 1e-10
"""The error variance of the greatest lower bound is found to this share of the items' variance."""
_STEPS = 40
_SHRINK = 0.1


class Bound(NamedTuple):
    """A coefficient and its derivative.

    Attributes
    ----------
    value : (...) array
        The coefficient; NaN where it has none.
    gradient : (..., k, k) array
        Symmetric; a change dC of the covariances changes the coefficient by sum(gradient * dC).
    """

    value: Floats
    gradient: Floats


def guttman_lambda(cov: Floats, *, number: int) -> Bound:
    """Return one of Guttman's lower bounds 1, 2, 3, 5 or 6 (4 is the best split into halves).

    With T the trace, c_jl the covariances and V = 1'C1: lambda 1 = 1 - T / V; lambda 2 adds
    sqrt(k / (k - 1) sum_{j != l} c_jl^2) / V; lambda 3 is Cronbach's alpha; lambda 5 adds
    2 sqrt(max_j sum_{l != j} c_jl^2) / V to lambda 1; lambda 6 = 1 - sum_j e_j^2 / V with e_j^2 the
    variance of item j that the other items do not predict.

    Parameters
    ----------
    cov : (..., k, k) array
        Covariances; of correlations these are the numbers of ``psych::guttman(x)`` in R, whose lambda 3
        is standardised alpha. ``psych::alpha`` prints lambda 6 of correlations as ``G6(smc)``.
    number : {1, 2, 3, 5, 6}

    Notes
    -----
    lambda 1 <= lambda 3 <= lambda 2 in every matrix. lambda 6 is above alpha only where an item is well
    predicted by few others; in short scales it is often below. It needs a matrix that can be inverted.
    """
    parts = {1: _trace, 2: _second, 3: _third, 5: _fifth, 6: _sixth}
    return one_minus_share(cov, *parts[number](cov))


def one_minus_share(cov: Floats, error: Floats, slope: Floats) -> Bound:
    """Return 1 - E / V and its gradient from an error variance E and the gradient of E.

    Parameters
    ----------
    cov : (..., k, k) array
    error : (...) array
        The error variance of the sum.
    slope : (..., k, k) array
        Its gradient.
    """
    total = cov.sum(axis=(-2, -1))
    varies = total > 64 * np.finfo(np.float64).eps * np.abs(cov).sum(axis=(-2, -1))
    total = np.where(varies, total, np.nan)
    gradient = -slope / total[..., None, None] + (error / total**2)[..., None, None]
    return Bound(1 - error / total, gradient)


def through_correlation(gradient: Floats, cov: Floats) -> Floats:
    """Turn a gradient in the correlations into one in the covariances.

    Parameters
    ----------
    gradient : (..., k, k) array
        Gradient of a function of the correlation matrix; its diagonal is not used, as it is always 1.
    cov : (..., k, k) array
        The covariances.
    """
    own = np.eye(cov.shape[-1], dtype=bool)
    spread = np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))
    outer = spread[..., :, None] * spread[..., None, :]
    scaled = np.where(own, 0.0, gradient) / outer
    return scaled - np.where(own, (scaled * cov).sum(axis=-1)[..., None] / outer, 0.0)


def measurement_error(cov: Floats) -> Bound:
    """Return the standard error of measurement of the *mean* of the items, sqrt(V (1 - alpha)) / k.

    V (1 - alpha) = (k T - V) / (k - 1). Times k it is that of the sum score.

    Parameters
    ----------
    cov : (..., k, k) array
        Covariances of the keyed responses.
    """
    k = cov.shape[-1]
    trace, eye = _trace(cov)
    square = (k * trace - cov.sum(axis=(-2, -1))) / (k - 1)
    floor = 64 * np.finfo(np.float64).eps * k * trace
    root = np.sqrt(np.where(square > floor, square, np.nan))
    slope = (k * eye - 1) / (k - 1)
    return Bound(root / k, slope / (2 * k * root)[..., None, None])


def greatest_lower_bound(cov: Floats, *, gap: float = GAP) -> Bound:
    """Return the greatest lower bound: the least reliability that the covariances allow.

    glb = 1 - max tr D / 1'C1 over diagonal D with 0 <= D <= diag C and C - D positive semi-definite.
    A barrier method: Newton's steps for tr D + m (log det(C - D) + sum log d_j), m falling by a factor
    of ten until the duality gap 2 k m is below ``gap`` times the trace. ``psych::glb.algebraic(cov(x))``
    in R solves the same problem with Rcsdp.

    Parameters
    ----------
    cov : (..., k, k) array
        Covariances, positive semi-definite; NaN is returned for others.
    gap : float
        Tolerance, as a share of the trace.

    Notes
    -----
    It takes advantage of chance: in samples it lies above its population value, by .02 to .10 with some
    hundred respondents, and more with many items. Its gradient is that of the solution found, -Y / V + ...
    with Y = m (C - D)^-1 the dual.
    """
    k = cov.shape[-1]
    stack = cov.reshape(-1, k, k)
    trace = np.trace(stack, axis1=1, axis2=2)
    finite = np.isfinite(stack).all(axis=(1, 2)) & (trace > 0)
    safe = np.where(finite[:, None, None], stack, np.eye(k))
    scale = np.where(finite, trace / k, 1.0)
    unit = safe / scale[:, None, None]
    least = np.linalg.eigvalsh(unit)[:, 0]
    good = finite & (least > -SINGULAR * k)
    # An inner point is needed where C is singular; the shift moves tr D by no more than its own size.
    unit = np.where(good[:, None, None], unit, np.eye(k)) + 2 * SINGULAR * np.eye(k)
    error, dual = _max_trace(unit, gap)
    error = np.where(good, error * scale, np.nan)
    slope = np.where(good[:, None, None], dual, np.nan)
    return one_minus_share(cov, error.reshape(cov.shape[:-2]), slope.reshape(cov.shape))


def _max_trace(cov: Floats, gap: float) -> tuple[Floats, Floats]:
    """Largest tr D and the dual matrix, for a stack of matrices with trace k."""
    b, k = cov.shape[:2]
    own = np.arange(k)
    d = np.repeat((np.linalg.eigvalsh(cov)[:, :1] / 2), k, axis=1)
    weight = 1.0
    inverse = np.empty_like(cov)
    while True:
        moving = np.arange(b)
        for _ in range(_STEPS):
            here = cov[moving]
            here[:, own, own] -= d[moving]
            inverse[moving] = np.linalg.inv(here)
            decrement, step = _newton(inverse[moving], d[moving], weight)
            d[moving] += step * _reach(here, d[moving], step, decrement)[:, None]
            moving = moving[decrement > 1e-9]
            if moving.size == 0:
                break
        if 2 * weight * k <= gap * k:
            break
        weight = max(weight * _SHRINK, gap / 2)
    last = cov.copy()
    last[:, own, own] -= d
    return np.asarray(d.sum(axis=1)), np.asarray(weight * np.linalg.inv(last), dtype=np.float64)


def _newton(inverse: Floats, d: Floats, weight: float) -> tuple[Floats, Floats]:
    """Newton decrement (squared, in units of the barrier) and direction."""
    k = d.shape[1]
    slope = 1 / weight - np.diagonal(inverse, axis1=1, axis2=2) + 1 / d
    # d_j scales its own row, so that the system stays well conditioned at the bounds.
    bend = inverse**2 * d[:, :, None] * d[:, None, :] + np.eye(k)
    scaled = np.linalg.solve(bend, (slope * d)[:, :, None])[:, :, 0]
    return np.asarray((slope * d * scaled).sum(axis=1)), scaled * d


def _reach(here: Floats, d: Floats, step: Floats, decrement: Floats) -> Floats:
    """Step length: the damped Newton length, shortened until the point stays inside."""
    length = 1 / (1 + np.where(decrement > 0.0625, np.sqrt(decrement), 0.0))
    own = np.arange(d.shape[1])
    for _ in range(60):
        trial = here.copy()
        trial[:, own, own] -= length[:, None] * step
        outside = (d + length[:, None] * step <= 0).any(axis=1) | (np.linalg.eigvalsh(trial)[:, 0] <= 0)
        if not outside.any():
            break
        length = np.where(outside, length / 2, length)
    return np.where(outside, 0.0, length)


def _trace(cov: Floats) -> tuple[Floats, Floats]:
    """T, and its gradient."""
    trace = np.trace(cov, axis1=-2, axis2=-1)
    return np.asarray(trace), np.broadcast_to(np.eye(cov.shape[-1]), cov.shape)


def _second(cov: Floats) -> tuple[Floats, Floats]:
    """T less the root of the mean-like square of the covariances, and its gradient."""
    k = cov.shape[-1]
    trace, eye = _trace(cov)
    off = np.where(np.eye(k, dtype=bool), 0.0, cov)
    root = np.sqrt((off**2).sum(axis=(-2, -1)))
    factor = np.sqrt(k / (k - 1))
    return trace - factor * root, eye - factor * off / _positive(root)


def _third(cov: Floats) -> tuple[Floats, Floats]:
    """V (1 - alpha), and its gradient."""
    k = cov.shape[-1]
    trace, eye = _trace(cov)
    return (k * trace - cov.sum(axis=(-2, -1))) / (k - 1), (k * eye - 1.0) / (k - 1)


def _fifth(cov: Floats) -> tuple[Floats, Floats]:
    """T less twice the root of the largest sum of squared covariances of an item, and its gradient."""
    k = cov.shape[-1]
    trace, eye = _trace(cov)
    off = np.where(np.eye(k, dtype=bool), 0.0, cov)
    squares = (off**2).sum(axis=-1)
    best = squares.argmax(axis=-1)
    root = np.sqrt(squares.max(axis=-1))
    chosen = np.where(np.arange(k) == best[..., None], 1.0, 0.0)
    row = off * chosen[..., :, None]
    return trace - 2 * root, eye - (row + np.swapaxes(row, -2, -1)) / _positive(root)


def _sixth(cov: Floats) -> tuple[Floats, Floats]:
    """Sum of the variances that the other items do not predict, and its gradient."""
    known = np.asarray(np.isfinite(cov).all(axis=(-2, -1)))
    roots, axes = np.linalg.eigh(np.where(known[..., None, None], cov, np.eye(cov.shape[-1])))
    known = known & (roots[..., 0] > SINGULAR * roots[..., -1])
    roots = np.where(known[..., None], roots, np.nan)
    inverse = (axes / roots[..., None, :]) @ np.swapaxes(axes, -2, -1)
    own = np.diagonal(inverse, axis1=-2, axis2=-1)
    return (1 / own).sum(axis=-1), (inverse / own[..., None, :] ** 2) @ inverse


def _positive(root: Floats) -> Floats:
    """A divisor per matrix; NaN instead of 0."""
    return np.where(root > 0, root, np.nan)[..., None, None]
