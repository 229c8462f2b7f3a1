"""Reliability for any numbers of conditions, and the cheapest numbers that reach a target.

Axis 0 is the object of measurement. With components s_e and n'_a conditions of axis a, the universe-score
variance is s_0; the relative error is the sum of s_e / prod n'_a over the effects of the object with anything
else; the absolute error adds the effects without the object. G = s_0 / (s_0 + relative error),
Phi = s_0 / (s_0 + absolute error).

References
----------
Brennan, R. L. (2001). Generalizability Theory, chapter 4. Springer.
https://doi.org/10.1007/978-1-4757-3456-0

Cronbach, L. J., Gleser, G. C., Nanda, H. and Rajaratnam, N. (1972). The Dependability of Behavioral
Measurements. Wiley.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.variance import Effect
from psychomet.numerics.variance.cells import combined, grid_counts

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Coefficient = Literal["g", "phi"]

_REACHED = 1e-12  # a coefficient this little below the target is rounding


class Cheapest(NamedTuple):
    """The design found; ``at`` is its row in the grid, -1 where none reaches the target."""

    at: int
    cost: float
    value: float


def errors(effects: Sequence[Effect], numbers: Floats, *, coefficient: Coefficient) -> Floats:
    """Return the weights of the components in the error variance of each design.

    Parameters
    ----------
    effects : sequence of Effect
        Axes that take part in each component; axis 0 is the object of measurement.
    numbers : (r, d) array
        Conditions of axes 1 to d in each design.
    coefficient : {"g", "phi"}
        Relative or absolute error.

    Returns
    -------
    (r, m) array
        ``weights @ components`` is the error variance.
    """
    weights = np.zeros((numbers.shape[0], len(effects)))
    for column, effect in enumerate(effects):
        others = [axis - 1 for axis in effect if axis]
        if others and (coefficient == "phi" or 0 in effect):
            weights[:, column] = 1 / np.prod(numbers[:, others], axis=1)
    return weights


def observed_errors(effects: Sequence[Effect], codes: Codes) -> tuple[Floats, Floats]:
    """Return the weights of the components in the error variance of the respondents' actual mean answers.

    With a_pl the share of respondent p's answers that fall on level l of an effect, the absolute error holds the
    mean over respondents of sum_l a_pl^2. Relative error holds the same for effects of the respondent, and for
    effects of conditions alone what does not cancel between two respondents: mean sum_l a_pl^2 less the mean over
    pairs of sum_l a_pl a_ql, which is 0 where all met the same conditions.

    Parameters
    ----------
    effects : sequence of Effect
        Axes that take part in each component; axis 0 is the object of measurement.
    codes : (d, N) array of int
        Level of each axis, row by row.

    Returns
    -------
    tuple of (m,) array
        Weights in the relative and in the absolute error. Where every cell has one answer they are those of
        :func:`errors` for the numbers of levels.
    """
    grid = grid_counts(codes)
    n = int(np.count_nonzero(np.bincount(codes[0])))
    relative, absolute = np.zeros(len(effects)), np.zeros(len(effects))
    for column, effect in enumerate(effects):
        others = [axis for axis in effect if axis]
        if not others:
            continue
        own, total = _shares(codes, others) if grid is None else _grid_shares(grid, others)
        absolute[column] = relative[column] = own / n
        if 0 not in effect:
            # Rounding must not leave a trace of effects that cancel.
            apart = max(own / n - (float((total**2).sum()) - own) / (n * max(n - 1, 1)), 0.0)
            relative[column] = apart if apart > _REACHED else 0.0
    return relative, absolute


def _shares(codes: Codes, others: Sequence[int]) -> tuple[float, Floats]:
    """Sum of squared shares of respondents' answers on the levels of some axes, and the sums of shares by level."""
    respondent = combined([codes[0]])
    level = combined([codes[axis] for axis in others])
    pair = combined([respondent, level])
    of = np.empty((2, int(pair.max()) + 1), dtype=np.intp)
    of[0, pair], of[1, pair] = respondent, level
    share = np.bincount(pair) / np.bincount(respondent)[of[0]]
    return float(np.vdot(share, share)), np.asarray(np.bincount(of[1], share), dtype=float)


def _grid_shares(grid: Floats, others: Sequence[int]) -> tuple[float, Floats]:
    """The same from the number of answers in every cell of the grid, the respondents its last axis."""
    count = grid
    for axis in range(grid.ndim - 1, 0, -1):
        if axis not in others:
            count = count.sum(axis=axis - 1, keepdims=True)
    share = count / np.maximum(count.sum(axis=tuple(range(grid.ndim - 1)), keepdims=True), 1.0)
    return float(np.vdot(share, share)), share.sum(axis=-1)


def coefficient(component: Floats, weights: Floats, *, at: int = 0) -> Floats:
    """Return universe-score variance over itself plus error.

    Parameters
    ----------
    component : (..., m) array
        Variance components.
    weights : (r, m) array
        From :func:`errors`.
    at : int
        Position of the component of the object of measurement.

    Returns
    -------
    (..., r) array
        NaN where universe-score variance and error are 0 together, or negative.
    """
    universe = component[..., at, None]
    total = universe + component @ weights.T
    return np.asarray(np.divide(universe, total, out=np.full(total.shape, np.nan), where=total > 0))


def designs(most: Sequence[int]) -> Floats:
    """Return every design with 1 to ``most[a]`` conditions of each axis: (prod most, d) array."""
    axes = np.meshgrid(*(np.arange(1, limit + 1, dtype=float) for limit in most), indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1)


def cheapest(values: Floats, cost: Floats, target: float) -> Cheapest:
    """Return the design of least cost that reaches the target; of equal ones the most reliable.

    Parameters
    ----------
    values, cost : (r,) array
        Coefficient and cost of each design.
    target : float
        Coefficient wanted.
    """
    enough = np.flatnonzero(values >= target - _REACHED)
    if not enough.size:
        return Cheapest(-1, float("nan"), float("nan"))
    at = int(enough[np.lexsort((-values[enough], cost[enough]))[0]])
    return Cheapest(at, float(cost[at]), float(values[at]))
