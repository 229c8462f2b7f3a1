r"""The profiled likelihood of a model with few random effects: whole matrices, and exact second derivatives.

With P = V_0^{-1} - V_0^{-1}X (X'V_0^{-1}X)^{-1} X'V_0^{-1}, M = Z'PZ, u = Z'Py and V_k, V_kl the derivatives of V_0,
the deviance d by REML with r^2 = y'Py and \nu degrees of freedom has

    d_k  = tr(P V_k) - \nu y'P V_k P y / r^2
    d_kl = tr(P V_kl) - tr(P V_k P V_l)
           - \nu ((y'P V_kl P y - 2 y'P V_k P V_l P y) / r^2 + y'P V_k P y y'P V_l P y / r^4)

and all of it is in M and u, which are as large as there are random effects, however many rows there are. By maximum
likelihood V_0^{-1} takes the place of P in the traces.

References
----------
Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
Journal of Statistical Software, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01

Rao, C. R. (1971). Estimation of variance and covariance components: MINQUE theory. Journal of Multivariate
Analysis, 1(3), 257-275. https://doi.org/10.1016/0047-259X(71)90001-7
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.mixed.system import Block, System

Floats = NDArray[np.float64]

LEAST_RESIDUAL = 0.02  # of the response's variance: residual variance that a start takes at least
LEAST_SHARE = (
    0.25  # of the residual's information on a level: variance of an effect that a start takes at least
)


class Point(NamedTuple):
    """The likelihood at one theta.

    ``slopes`` are the gradients of log|A|, of log|X'V0^{-1}X| and of r^2; ``inner`` is Q'V0^{-1}Q, ``shift`` what is
    added to the least-squares coefficients of Q, ``whitened`` is Z'V0^{-1}[Q, e], ``weighted`` Lambda' times it, and
    ``between`` is Z'V0^{-1}Z where the random effects are few, else empty.
    """

    log_det: float
    log_inner: float
    squares: float
    slopes: Floats
    inner: Floats
    shift: Floats
    whitened: Floats
    weighted: Floats
    between: Floats


@lru_cache(maxsize=32)
def _patterns(shape: tuple[tuple[int, int], ...]) -> tuple[Floats, Floats]:
    """Where every element of theta stands in Lambda, (m, q, q); where every column of a term stands, (q, c)."""
    q = sum(levels * width for levels, width in shape)
    found, at = [], 0
    own = np.zeros((q, sum(width for _, width in shape)))
    column = 0
    for levels, width in shape:
        place = at + np.arange(levels) * width
        for i, j in zip(*np.tril_indices(width), strict=True):
            one = np.zeros((q, q))
            one[place + i, place + j] = 1.0
            found.append(one)
        for i in range(width):
            own[place + i, column] = 1.0
            column += 1
        at += levels * width
    return np.stack(found), own


def _shape(blocks: tuple[Block, ...]) -> tuple[tuple[int, int], ...]:
    """Levels and columns of every term."""
    return tuple((block.levels, block.width) for block in blocks)


def evaluate_whole(system: System, theta: Floats) -> Point:
    """Evaluate the likelihood and its gradient in whole matrices."""
    patterns, z = _patterns(_shape(system.blocks))[0], system.whole
    m, q = patterns.shape[:2]
    spread = (theta @ patterns.reshape(m, -1)).reshape(q, q)
    toward = spread.T @ z
    a = toward @ spread
    a.flat[:: q + 1] += 1.0
    root = np.linalg.cholesky(a)
    half = np.linalg.solve(root, np.concatenate([toward, spread.T @ system.right], axis=1))
    over, down = half[:, :q], half[:, q:]
    p = system.right.shape[1] - 1
    gram = -(down.T @ down)
    gram.flat[: p * (p + 1) : p + 2] += 1.0
    inner, beside = gram[:p, :p], gram[:p, p]
    within = np.linalg.inv(inner)
    shift = within @ beside
    squares = system.total + gram[p, p] - beside @ shift
    between = z - over.T @ over
    whitened = system.right - over.T @ down
    weighted = spread.T @ whitened
    rest, rest_low = (part[:, p] - part[:, :p] @ shift for part in (whitened, weighted))
    # Each gradient is the sum over the places of an element of theta of one (q, q) matrix.
    sources = np.stack(
        [
            2 * between @ spread,
            -2 * (whitened[:, :p] @ within) @ weighted[:, :p].T,
            -2 * np.outer(rest, rest_low),
        ]
    )
    log_det = 2 * float(np.log(np.diagonal(root)).sum())
    slopes = sources.reshape(3, -1) @ patterns.reshape(m, -1).T
    return Point(
        log_det, float(np.linalg.slogdet(inner)[1]), float(squares), slopes, inner, shift, whitened, weighted,
        between,
    )  # fmt: skip


def curvature_whole(system: System, theta: Floats, point: Point, *, restricted: bool) -> Floats:
    """Return the second derivatives of the profiled deviance, (m, m)."""
    patterns = _patterns(_shape(system.blocks))[0]
    m, q = patterns.shape[:2]
    spread = (theta @ patterns.reshape(m, -1)).reshape(q, q)
    p = point.shift.size
    fixed = point.whitened[:, :p]
    projected = point.between - fixed @ np.linalg.solve(point.inner, fixed.T)
    rest = point.whitened[:, p] - fixed @ point.shift
    once = patterns @ spread.T
    once = once + once.transpose(0, 2, 1)
    traced = projected if restricted else point.between
    through, flat = traced @ once, patterns.reshape(m, -1)
    out: Floats = 2 * (traced @ patterns).reshape(m, -1) @ flat.T
    out -= through.reshape(m, -1) @ through.transpose(0, 2, 1).reshape(m, -1).T
    moved = once @ rest
    held = patterns.transpose(0, 2, 1) @ rest
    single = moved @ rest
    double = 2 * held @ held.T - 2 * moved @ projected @ moved.T
    degrees = system.rows - p if restricted else system.rows
    out -= degrees * (double / point.squares + np.outer(single, single) / point.squares**2)
    return (out + out.T) / 2


def start_whole(system: System) -> Floats:
    """Return theta from moments: unbiased quadratic estimators at equal weights (MINQUE), made positive."""
    own = _patterns(_shape(system.blocks))[1]
    p = system.right.shape[1] - 1
    fixed, rest = system.right[:, :p], system.right[:, p]
    projected = system.whole - fixed @ fixed.T
    degrees = system.rows - p
    information = own.T @ np.diagonal(projected)
    left = np.empty((own.shape[1] + 1, own.shape[1] + 1))
    left[0, 0] = degrees
    left[0, 1:] = left[1:, 0] = information
    left[1:, 1:] = own.T @ projected**2 @ own
    right = np.concatenate([[system.total], own.T @ rest**2])
    found = np.linalg.lstsq(left, right, rcond=None)[0]
    residual = max(float(found[0]), LEAST_RESIDUAL * system.total / degrees)
    size = own.T @ np.diagonal(system.whole)
    floor = LEAST_SHARE * own.sum(axis=0) / np.where(size > 0, size, 1.0)
    ratio = np.sqrt(np.maximum(found[1:] / residual, floor))
    theta, at, column = [], 0, 0
    for block in system.blocks:
        rows, columns = np.tril_indices(block.width)
        part = np.zeros(rows.size)
        part[rows == columns] = ratio[column : column + block.width]
        theta.append(part)
        column += block.width
        at += rows.size
    return np.concatenate(theta)
