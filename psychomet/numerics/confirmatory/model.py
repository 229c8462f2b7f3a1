"""The types of a confirmatory model: its parameters, where each stands, and how they are tied.

In each group the observed variables have the covariance Sigma = L A Psi A' L' + Theta and the mean
nu + L A alpha, A = (I - B)^-1, with loadings L, paths B among the factors, (residual) factor covariances Psi
and residual covariances Theta. All free cells form the vector x; ties among them (equal labels, linear
constraints) make it x = K z + c with the reduced vector z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Scaling = Literal["none", "delta", "theta"]

KINDS = ("loadings", "paths", "factor_cov", "residual_cov", "intercepts", "factor_means", "thresholds")
SYMMETRIC = ("factor_cov", "residual_cov")


class Row(NamedTuple):
    """One line of the parameter table.

    Attributes
    ----------
    lhs, op, rhs : str
        The parameter in the notation of the text.
    group : int
        Group it belongs to, from 0.
    kind : str
        The matrix it stands in (one of ``KINDS``).
    row, column : int
        Its cell.
    free : int
        Its place in x; -1 where it is fixed or follows from the others.
    value : float
        The fixed value; a start asked for; NaN otherwise.
    label : str
        Its label, or "".
    """

    lhs: str
    op: str
    rhs: str
    group: int
    kind: str
    row: int
    column: int
    free: int
    value: float
    label: str


class Cells(NamedTuple):
    """The free cells of one matrix: row, column, and place in x; each (c,)."""

    row: Ints
    column: Ints
    free: Ints


class Matrices(NamedTuple):
    """The matrices of one group.

    Attributes
    ----------
    loadings : (p, m) array
    paths : (m, m) array
    factor_cov : (m, m) array
    residual_cov : (p, p) array
    intercepts : (p,) array
    factor_means : (m,) array
    thresholds : (t,) array
    """

    loadings: Floats
    paths: Floats
    factor_cov: Floats
    residual_cov: Floats
    intercepts: Floats
    factor_means: Floats
    thresholds: Floats


class Block(NamedTuple):
    """One group: fixed values (0 in the free cells) and the free cells of each matrix, in order of ``KINDS``."""

    fixed: Matrices
    cells: tuple[Cells, ...]


class Definition(NamedTuple):
    """A defined parameter: its name, its expression and the line of the text."""

    name: str
    expression: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A confirmatory model.

    Parameters
    ----------
    observed, latent : tuple of str
        Observed variables, in the order in which data must come, and factors.
    rows : tuple of Row
        All parameters, fixed ones too.
    n_free : int
        Length of x.
    blocks : tuple of Block
        One per group.
    ties : (n_free, n_reduced) array
        K of x = K z + c.
    shift : (n_free,) array
        c of x = K z + c.
    labels : tuple of (str, int)
        Places in x by label.
    definitions : tuple of Definition
        Defined parameters.
    means : bool
        Whether means are modelled.
    scaling : {"none", "delta", "theta"}
        "none" for continuous variables; for ordinal ones, whether the total variance of the latent answers
        is 1 (delta) or their residual variance (theta).
    threshold_item : (t,) array of int
        Observed variable of each threshold.
    exploratory : tuple of tuple of int
        Factors (places) of each exploratory block, to be rotated after the fit.
    std_lv : bool
        Whether factors were given variance 1 instead of a marker item.
    """

    observed: tuple[str, ...]
    latent: tuple[str, ...]
    rows: tuple[Row, ...]
    n_free: int
    blocks: tuple[Block, ...]
    ties: Floats
    shift: Floats
    labels: tuple[tuple[str, int], ...]
    definitions: tuple[Definition, ...]
    means: bool
    scaling: Scaling
    threshold_item: Ints
    exploratory: tuple[tuple[int, ...], ...]
    std_lv: bool

    @property
    def n_reduced(self) -> int:
        """Number of parameters that are estimated, ties counted."""
        return int(self.ties.shape[1])


def matrices(model: Model, x: NDArray[np.inexact], *, group: int = 0) -> Matrices:
    """Fill the matrices of a group with the values x; complex values pass through (complex-step slopes)."""
    block = model.blocks[group]
    filled = []
    for kind, fixed, cells in zip(KINDS, block.fixed, block.cells, strict=True):
        whole = np.array(fixed, dtype=x.dtype)
        if cells.free.size:
            values = x[cells.free]
            if whole.ndim == 1:
                whole[cells.row] = values
            else:
                whole[cells.row, cells.column] = values
                if kind in SYMMETRIC:
                    whole[cells.column, cells.row] = values
        filled.append(whole)
    return Matrices(*filled)


def blocks_of(rows: tuple[Row, ...], shapes: tuple[tuple[int, ...], ...], n_groups: int) -> tuple[Block, ...]:
    """Sort the rows of a parameter table into the matrices of each group.

    Parameters
    ----------
    rows : tuple of Row
        The table.
    shapes : tuple of tuple of int
        Shape of each matrix, in order of ``KINDS``.
    n_groups : int
        Number of groups.
    """
    blocks = []
    for group in range(n_groups):
        fixed = {kind: np.zeros(shape) for kind, shape in zip(KINDS, shapes, strict=True)}
        free: dict[str, list[tuple[int, int, int]]] = {kind: [] for kind in KINDS}
        for row in rows:
            if row.group != group:
                continue
            if row.free >= 0:
                free[row.kind].append((row.row, row.column, row.free))
                continue
            value = 0.0 if np.isnan(row.value) else row.value
            if fixed[row.kind].ndim == 1:
                fixed[row.kind][row.row] = value
            else:
                fixed[row.kind][row.row, row.column] = value
                if row.kind in SYMMETRIC:
                    fixed[row.kind][row.column, row.row] = value
        cells = tuple(Cells(*np.array(free[kind], dtype=np.intp).reshape(-1, 3).T.copy()) for kind in KINDS)
        blocks.append(Block(Matrices(*(fixed[kind] for kind in KINDS)), cells))
    return tuple(blocks)
