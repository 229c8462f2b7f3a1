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
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

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
    ``between`` is Z'V0^{-1}Z and ``projected`` is Z'PZ where the random effects are few, else empty.
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
    projected: Floats


@lru_cache(maxsize=32)
def _patterns(shape: tuple[tuple[int, int], ...]) -> tuple[Floats, Floats]:
    """Where every element of theta stands in Lambda, (m, q, q); where every column of a term stands, (q, c)."""
    q = sum(levels * width for levels, width in shape)
    found: list[Floats] = []
    at = 0
    own = np.zeros((q, sum(width for _, width in shape)))
    column = 0
    for levels, width in shape:
        place = at + np.arange(levels) * width
        for i, j in zip(*np.tril_indices(width), strict=True):
            one = np.zeros((q, q))
            one[place + i, place + j] = 1.0
            found.append(one)
        for each in range(width):
            own[place + each, column + each] = 1.0
        column += width
        at += levels * width
    return np.stack(found), own


def _shape(blocks: tuple[Block, ...]) -> tuple[tuple[int, int], ...]:
    """Levels and columns of every term."""
    return tuple((block.levels, block.width) for block in blocks)


def evaluate_whole(system: System, theta: Floats) -> Point:
    """Evaluate the likelihood and its gradient in whole matrices."""
    shape = _shape(system.blocks)
    patterns, own = _patterns(shape)
    z = system.whole
    m, q = patterns.shape[:2]
    alone = all(width == 1 for _, width in shape)
    if alone:
        spread = own @ theta
        toward = spread[:, None] * z
        a, low = toward * spread, spread[:, None] * system.right
    else:
        spread = (theta @ patterns.reshape(m, -1)).reshape(q, q)
        toward = spread.T @ z
        a, low = toward @ spread, spread.T @ system.right
    a.flat[:: q + 1] += 1.0
    root = _root(a)
    half = dtrtrs(root, np.concatenate([toward, low], axis=1), lower=1)[0]
    over, down = half[:, :q], half[:, q:]
    p = system.right.shape[1] - 1
    gram = -(down.T @ down)
    gram.flat[: p * (p + 1) : p + 2] += 1.0
    inner, beside = gram[:p, :p], gram[:p, p]
    inner_root = _root(inner)
    both = np.concatenate([np.eye(p), beside[:, None]], axis=1)
    solved = dpotrs(inner_root, both, lower=1)[0]
    within, shift = solved[:, :p], solved[:, p]
    squares = system.total + gram[p, p] - beside @ shift
    between = z - over.T @ over
    whitened = system.right - over.T @ down
    weighted = spread[:, None] * whitened if alone else spread.T @ whitened
    fixed, rest = whitened[:, :p], whitened[:, p] - whitened[:, :p] @ shift
    carried = fixed @ within
    if alone:
        sources = np.stack([np.diagonal(between), -(carried * fixed).sum(axis=1), -(rest**2)])
        slopes = 2 * (sources * spread) @ own
    else:
        # Each gradient is the sum over the places of an element of theta of one (q, q) matrix.
        rest_low = weighted[:, p] - weighted[:, :p] @ shift
        wide = np.stack([between @ spread, -carried @ weighted[:, :p].T, -np.outer(rest, rest_low)])
        slopes = 2 * wide.reshape(3, -1) @ patterns.reshape(m, -1).T
    return Point(
        2 * float(np.log(np.diagonal(root)).sum()), 2 * float(np.log(np.diagonal(inner_root)).sum()),
        float(squares), slopes, inner, shift, whitened, weighted, between, between - carried @ fixed.T,
    )  # fmt: skip


def _root(matrix: Floats) -> Floats:
    """Lower Cholesky factor; LAPACK is called by name, because the matrices are small and the calls many."""
    root, failed = dpotrf(matrix, lower=1, clean=1)
    if failed:
        raise ValueError("the fixed effects cannot be told from the random effects")
    return np.asarray(root, dtype=float)


def curvature_whole(system: System, theta: Floats, point: Point, *, restricted: bool) -> Floats:
    """Return the second derivatives of the profiled deviance, (m, m)."""
    p = point.shift.size
    fixed = point.whitened[:, :p]
    rest = point.whitened[:, p] - fixed @ point.shift
    traced = point.projected if restricted else point.between
    parts = _second_alone if all(block.width == 1 for block in system.blocks) else _second
    out, single, double = parts(system, theta, traced, point.projected, rest)
    degrees = system.rows - p if restricted else system.rows
    out = out - degrees * (double / point.squares + np.outer(single, single) / point.squares**2)
    return (out + out.T) / 2


def _second_alone(
    system: System, theta: Floats, traced: Floats, projected: Floats, rest: Floats
) -> tuple[Floats, Floats, Floats]:
    """Traces, y'P V_k P y, and the other quadratic forms, of random intercepts."""
    own = _patterns(_shape(system.blocks))[1]
    squared, scale = rest**2 @ own, 2 * theta
    scales = np.outer(scale, scale)
    out = np.diag(2 * np.diagonal(traced) @ own) - scales * (own.T @ traced**2 @ own)
    moved = rest[:, None] * own
    return out, scale * squared, np.diag(2 * squared) - 2 * scales * (moved.T @ projected @ moved)


def _second(
    system: System, theta: Floats, traced: Floats, projected: Floats, rest: Floats
) -> tuple[Floats, Floats, Floats]:
    """The same of any terms."""
    patterns = _patterns(_shape(system.blocks))[0]
    m, q = patterns.shape[:2]
    spread, flat = (theta @ patterns.reshape(m, -1)).reshape(q, q), patterns.reshape(m, -1)
    once = patterns @ spread.T
    once = once + once.transpose(0, 2, 1)
    through = traced @ once
    out = 2 * (traced @ patterns).reshape(m, -1) @ flat.T
    out -= through.reshape(m, -1) @ through.transpose(0, 2, 1).reshape(m, -1).T
    moved, held = once @ rest, patterns.transpose(0, 2, 1) @ rest
    return out, moved @ rest, 2 * held @ held.T - 2 * moved @ projected @ moved.T


def start_whole(system: System) -> Floats:
    """Return theta from moments: quadratic estimators (MINQUE) at equal weights, then at what they found."""
    own = _patterns(_shape(system.blocks))[1]
    p = system.right.shape[1] - 1
    fixed, rest = system.right[:, :p], system.right[:, p]
    size = own.T @ np.diagonal(system.whole)
    floor = LEAST_SHARE * own.sum(axis=0) / np.where(size > 0, size, 1.0)
    nothing = np.zeros(own.shape[1])
    found = _moments(system, own, nothing, system.whole - fixed @ fixed.T, rest, system.total)
    ratio = np.maximum(found, floor)
    if all(block.width == 1 for block in system.blocks):
        point = evaluate_whole(system, np.sqrt(ratio))
        rest = point.whitened[:, p] - point.whitened[:, :p] @ point.shift
        ratio = np.maximum(_moments(system, own, ratio, point.projected, rest, point.squares), floor)
    theta, column = [], 0
    for block in system.blocks:
        part = np.diag(np.sqrt(ratio[column : column + block.width]))
        theta.append(part[np.tril_indices(block.width)])
        column += block.width
    return np.concatenate(theta)


def _moments(
    system: System, own: Floats, ratio: Floats, projected: Floats, rest: Floats, squares: float
) -> Floats:
    """Variances of the effects of every column over that of the residual, from a first guess of them.

    With G_0 = V_0 at the guess, tr(P G_r P G_s) c_s = y'P G_r P y, and V = c_0 V_0 + sum of c_r G_r.
    """
    degrees, information = system.rows - system.triangle.shape[0], np.diagonal(projected) @ own
    left = np.empty((ratio.size + 1, ratio.size + 1))
    left[0, 0] = degrees
    left[0, 1:] = left[1:, 0] = information
    left[1:, 1:] = own.T @ projected**2 @ own
    found = np.linalg.lstsq(left, np.concatenate([[squares], rest**2 @ own]), rcond=None)[0]
    return ratio + found[1:] / max(float(found[0]), LEAST_RESIDUAL * squares / degrees)
