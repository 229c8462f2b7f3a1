r"""The profiled likelihood of a mixed model, and its exact gradient.

    y = X \beta + Z b + e,  b ~ N(0, s^2 \Lambda \Lambda'),  e ~ N(0, s^2 I)

\Lambda is block-diagonal with one lower triangle T per term, repeated over its levels. With
A = \Lambda'Z'Z\Lambda + I and V_0 = I + Z \Lambda \Lambda' Z', the deviance with \beta and s at their optimum is

    log|A| + log|X'V_0^{-1}X| + (N - p) (1 + log(2 \pi r^2 / (N - p)))

where r^2 = min over \beta of (y - X\beta)'V_0^{-1}(y - X\beta); without the second term, and with N for N - p, by
maximum likelihood.

References
----------
Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
Journal of Statistical Software, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.mixed.dense import Point, evaluate_whole, start_whole
from psychomet.numerics.mixed.system import Block, System

Floats = NDArray[np.float64]


@cache
def corner(width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the lower triangle of a (width, width) matrix, row by row."""
    rows, columns = np.tril_indices(width)
    return rows, columns


def triangles(system: System, theta: Floats) -> list[Floats]:
    """Return the lower triangle of every block, theta filling them row by row."""
    out, at = [], 0
    for block in system.blocks:
        rows, columns = corner(block.width)
        triangle = np.zeros((block.width, block.width))
        triangle[rows, columns] = theta[at : at + rows.size]
        out.append(triangle)
        at += rows.size
    return out


def start(system: System) -> Floats:
    """Return theta from moments where the random effects are few, with unit triangles elsewhere."""
    if system.whole.size:
        return start_whole(system)
    return equal(system)


def equal(system: System) -> Floats:
    """Return theta with unit triangles."""
    return np.concatenate([np.eye(block.width)[corner(block.width)] for block in system.blocks])


def evaluate(system: System, theta: Floats) -> Point:
    """Evaluate the likelihood and its gradient.

    Parameters
    ----------
    system : System
        The table.
    theta : (m,) array
        Triangles in the order of ``system.blocks``. The sign of a column of a triangle does not matter.

    Returns
    -------
    Point
    """
    if system.whole.size:
        return evaluate_whole(system, theta)
    lower = triangles(system, theta)
    blocks, own = system.blocks[1:], lower[0]
    levels, width = system.first.shape[:2]
    a11 = own.T @ system.first @ own + np.eye(width)
    inverse: Floats = np.linalg.inv(a11).astype(float)
    over = _scaled(system.between, blocks, lower[1:])
    over = (own.T @ over.reshape(levels, width, -1)).reshape(over.shape)
    through = (inverse @ over.reshape(levels, width, -1)).reshape(over.shape)
    rest = _scaled(_scaled(system.rest, blocks, lower[1:]).T, blocks, lower[1:])
    schur = rest + np.eye(rest.shape[0]) - over.T @ through
    schur = (schur + schur.T) / 2
    last: Floats = np.linalg.inv(schur).astype(float)
    log_det = float(np.linalg.slogdet(a11)[1].sum() + np.linalg.slogdet(schur)[1])
    q1 = levels * width
    scaled = _lowered(system, lower, system.right)
    half = (inverse @ scaled[:q1].reshape(levels, width, -1)).reshape(q1, -1)
    second = last @ (scaled[q1:] - over.T @ half)
    effect = np.concatenate([half - through @ second, second])
    raised = _raised(system, lower, effect)
    whitened = system.right - _crossed(system, raised)
    weighted = _lowered(system, lower, whitened)
    p = system.right.shape[1] - 1
    gram = -(scaled.T @ effect)
    gram[:p, :p] += np.eye(p)
    gram = (gram + gram.T) / 2
    inner, beside = gram[:p, :p], gram[:p, p]
    shift = np.linalg.solve(inner, beside)
    squares = system.total + gram[p, p] - beside @ shift
    slopes = _slopes(system, lower, inverse, through, last, inner, shift, whitened, weighted)
    return Point(
        log_det, float(np.linalg.slogdet(inner)[1]), float(squares), slopes, inner, shift, whitened, weighted,
        np.empty((0, 0)), np.empty((0, 0)),
    )  # fmt: skip


def spans(system: System) -> list[slice]:
    """Return the rows of every block among the random effects."""
    ends = np.cumsum([0, *(block.levels * block.width for block in system.blocks)])
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def _slopes(
    system: System, lower: list[Floats], inverse: Floats, through: Floats, last: Floats, inner: Floats,
    shift: Floats, whitened: Floats, weighted: Floats,
) -> Floats:  # fmt: skip
    """Gradients of log|A|, log|X'V0^{-1}X| and r^2 in theta, (3, m)."""
    p, within = inner.shape[0], np.linalg.inv(inner)
    rest, rest_low = (part[:, p] - part[:, :p] @ shift for part in (whitened, weighted))
    out = []
    for block, span, trace in zip(
        system.blocks, spans(system), _traces(system, lower, inverse, through, last), strict=True
    ):
        shape = (block.levels, block.width, p)
        high, low = whitened[span, :p].reshape(shape), weighted[span, :p].reshape(shape)
        inside = np.einsum("lip,pq,ljq->ij", high, within, low)
        r, s = rest[span].reshape(shape[:2]), rest_low[span].reshape(shape[:2])
        rows, columns = corner(block.width)
        out.append(np.stack([2 * trace.T, -2 * inside, -2 * (r.T @ s)])[:, rows, columns])
    return np.concatenate(out, axis=1)


def _traces(
    system: System, lower: list[Floats], inverse: Floats, through: Floats, last: Floats
) -> list[Floats]:
    """Sum over the levels of the diagonal blocks of A^{-1} Lambda' Z'Z, one (r, r) matrix per term."""
    levels, width = system.first.shape[:2]
    blocks, own = system.blocks[1:], lower[0]
    # Rows of A^{-1}: the first term's are inverse + through last through', -through last.
    onward = through @ last
    down = _transposed(system.between, blocks, lower[1:])
    left = (own.T @ system.between.reshape(levels, width, -1)).reshape(system.between.shape)
    direct = np.einsum("lij,kj,lkm->im", inverse, own, system.first)
    lowered = np.einsum("ji,ljk->lik", own, system.first)
    folded = (through.T.reshape(-1, levels, width).transpose(1, 0, 2) @ lowered).transpose(1, 0, 2)
    folded = folded.reshape(last.shape[0], levels * width) - down
    first = direct + np.einsum(
        "liq,qlj->ij", onward.reshape(levels, width, -1), folded.reshape(-1, levels, width)
    )
    found = [first]
    rest = last @ (_transposed(system.rest, blocks, lower[1:]) - through.T @ left)
    at = 0
    for block in blocks:
        stop = at + block.levels * block.width
        own_part = rest[at:stop, at:stop].reshape(block.levels, block.width, block.levels, block.width)
        found.append(np.einsum("lilj->ij", own_part))
        at = stop
    return found


def _scaled(matrix: Floats, blocks: tuple[Block, ...], lower: list[Floats]) -> Floats:
    """Multiply by Lambda from the right, over the columns of the given blocks."""
    out, at = np.empty_like(matrix), 0
    for block, triangle in zip(blocks, lower, strict=True):
        stop = at + block.levels * block.width
        part = matrix[:, at:stop].reshape(-1, block.width) @ triangle
        out[:, at:stop] = part.reshape(matrix.shape[0], stop - at)
        at = stop
    return out


def _transposed(matrix: Floats, blocks: tuple[Block, ...], lower: list[Floats]) -> Floats:
    """Lambda' times the transpose of a matrix whose columns are those of the given blocks."""
    return _scaled(matrix, blocks, lower).T


def _lowered(system: System, lower: list[Floats], matrix: Floats) -> Floats:
    """Lambda' times a matrix with one row per random effect."""
    out = np.empty_like(matrix)
    for block, span, triangle in zip(system.blocks, spans(system), lower, strict=True):
        part = triangle.T @ matrix[span].reshape(block.levels, block.width, -1)
        out[span] = part.reshape(-1, matrix.shape[1])
    return out


def _raised(system: System, lower: list[Floats], matrix: Floats) -> Floats:
    """Lambda times a matrix with one row per random effect."""
    out = np.empty_like(matrix)
    for block, span, triangle in zip(system.blocks, spans(system), lower, strict=True):
        part = triangle @ matrix[span].reshape(block.levels, block.width, -1)
        out[span] = part.reshape(-1, matrix.shape[1])
    return out


def _crossed(system: System, matrix: Floats) -> Floats:
    """Z'Z times a matrix with one row per random effect."""
    levels, width = system.first.shape[:2]
    q1 = levels * width
    top = (system.first @ matrix[:q1].reshape(levels, width, -1)).reshape(q1, -1)
    return np.concatenate(
        [top + system.between @ matrix[q1:], system.between.T @ matrix[:q1] + system.rest @ matrix[q1:]]
    )
