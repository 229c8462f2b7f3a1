r"""Henderson's method 1: variance components of an unbalanced table from sums over its levels.

For each effect S let T_S = \sum_s n_s \bar y_s^2, and T_0 that of the grand mean. In the random-effects model

    E[T_S - T_0] = \sum_T (k_{ST} - k_{0T}) \sigma^2_T + (q_S - 1) \sigma^2_e,  k_{ST} = \sum_s \sum_t n_{st}^2 / n_s,

which is a linear system in the components: unbiased, not iterated, and on a balanced table the
analysis of variance. Components may be negative; on badly unbalanced tables REML is more precise.

References
----------
Henderson, C. R. (1953). Estimation of variance and covariance components. Biometrics, 9(2), 226-252.
https://doi.org/10.2307/3001853
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psychomet.numerics.variance.cells import Cells, combined, gather
from psychomet.numerics.variance.layout import Effect

Floats = NDArray[np.float64]


def henderson(y: ArrayLike, *, codes: Sequence[ArrayLike], effects: Sequence[Effect]) -> Floats:
    """Return the components by Henderson's method 1, the residual last.

    Parameters
    ----------
    y : (N,) array
        Observations.
    codes : sequence of (N,) arrays of int
        Level of each factor.
    effects : sequence of Effect
        Each a tuple of factor positions; an effect of all factors is dropped as the residual when no cell
        holds two rows.

    Returns
    -------
    ndarray, shape (m,)
        In the order of ``effects``, then the residual; may be negative.

    Raises
    ------
    ValueError
        If the effects cannot be told apart in this table, see :func:`.cells.gather`.
    """
    return henderson_cells(gather(y, codes=codes, effects=effects))


def henderson_cells(cells: Cells) -> Floats:
    """Return the components from rows already gathered into cells.

    Parameters
    ----------
    cells : Cells
        From :func:`.cells.gather`.

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    ValueError
        If the sums of squares do not determine the components.
    """
    weight, rows = cells.weight, float(cells.rows)
    counts = [np.bincount(cells.level[:, j], weight).astype(float) for j in range(cells.size.size)]
    at_mean = np.array([(count**2).sum() / rows for count in counts])
    grand = (weight * cells.mean).sum() ** 2 / rows
    m = len(counts) + 1
    left, right = np.empty((m, m)), np.empty(m)
    for j, count in enumerate(counts):
        total = np.bincount(cells.level[:, j], weight * cells.mean)
        right[j] = (total**2 / count).sum() - grand
        left[j, :-1] = [_expected(cells, j, other, counts) for other in range(m - 1)] - at_mean
        left[j, -1] = count.size - 1
    right[-1] = (weight * cells.mean**2).sum() + cells.within - grand
    left[-1] = rows - np.append(at_mean, 1.0)
    if np.linalg.matrix_rank(left) < m:
        raise ValueError("the sums of squares of these effects do not determine their components")
    return np.asarray(np.linalg.solve(left, right), dtype=float)


def _expected(cells: Cells, row: int, column: int, counts: list[Floats]) -> float:
    """Coefficient k of the component of ``column`` in the expected sum of squares of ``row``."""
    inner, outer = set(cells.effects[column]), set(cells.effects[row])
    if inner <= outer:
        return float(cells.rows)
    if outer < inner:
        host = np.empty(counts[column].size, dtype=np.intp)
        host[cells.level[:, column]] = cells.level[:, row]
        return float((counts[column] ** 2 / counts[row][host]).sum())
    pair = combined([cells.level[:, row], cells.level[:, column]])
    together = np.bincount(pair, cells.weight)
    host = np.empty(together.size, dtype=np.intp)
    host[pair] = cells.level[:, row]
    return float((together**2 / counts[row][host]).sum())
