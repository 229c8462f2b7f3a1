"""Modification indices: by how much the test would fall, and what a parameter now fixed would become.

A score test of each loading, residual covariance and factor covariance that is not in the model (Sörbom
1989): with score s and information I, index = s^2 / (I_cc - I_cz I_zz^-1 I_zc), expected change = s / (the
same). Candidates are taken in blocks, so that the covariances among candidates are never built. For robust
fits index and change are the naive ones.

References
----------
Sörbom, D. (1989). Model modification. Psychometrika, 54(3), 371-384. https://doi.org/10.1007/BF02294623
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from psychomet.numerics.confirmatory.estimate import hessian, inverse_information
from psychomet.numerics.confirmatory.fit import Fit, weights_of
from psychomet.numerics.confirmatory.implied import Slopes, cell_slopes, implied, pull, slopes
from psychomet.numerics.confirmatory.least_squares import (
    bread_of,
    cells_jacobian,
    jacobian,
    model_moments,
    weighted,
)
from psychomet.numerics.confirmatory.model import KINDS, Cells
from psychomet.numerics.confirmatory.normal import discrepancy, expected_between

Floats = NDArray[np.float64]
_BLOCK = 1000


class Modification(NamedTuple):
    """A parameter that is not in the model.

    Attributes
    ----------
    lhs, op, rhs : str
        In the notation of the text.
    group : int
        The group.
    statistic : float
        Expected fall of the naive chi-squared, 1 degree of freedom.
    p_value : float
        Of the index.
    change : float
        Expected value of the parameter when it is freed.
    change_lv, change_all : float
        The same for standardised factors, and for standardised factors and items.
    """

    lhs: str
    op: str
    rhs: str
    group: int
    statistic: float
    p_value: float
    change: float
    change_lv: float
    change_all: float


def modification_indices(result: Fit, *, most: int | None = 25) -> tuple[Modification, ...]:
    """Return the largest modification indices, in descending order.

    Parameters
    ----------
    result : Fit
        The fit.
    most : int, optional
        How many; None for all.

    Returns
    -------
    tuple of Modification
        Empty where the model is not identified.
    """
    if not result.identified:
        return ()
    model = result.model
    if result.statistics:
        bread, _ = inverse_information(model, bread_of(model, result.statistics, result.x))
    else:
        bread, _ = inverse_information(model, hessian(model, result.samples, result.x) / 2)
    found: list[tuple[float, float, int, str, int, int]] = []
    for group in range(len(model.blocks)):
        for cells, kind in _candidates(result, group):
            score, across, own = _score(result, group, cells)
            left = own - np.einsum("zc,zy,yc->c", across, bread, across)
            # What the model already explains exactly (a reparametrisation of it) has nothing left.
            able = left > 1e-8 * np.maximum(own, np.finfo(float).tiny)
            index = np.where(able, result.multiplier * score**2 / np.where(able, left, 1.0), 0.0)
            change = np.where(able, score / np.where(able, left, 1.0), 0.0)
            at = KINDS.index(kind)
            rows, columns = cells[at].row, cells[at].column
            found += [
                (float(i), float(c), group, kind, int(r), int(s))
                for i, c, r, s in zip(index, change, rows, columns, strict=True)
                if i > 0
            ]
    found.sort(key=lambda one: -one[0])
    return tuple(_named(result, *one) for one in found[:most])


def _candidates(result: Fit, group: int) -> list[tuple[tuple[Cells, ...], str]]:
    """Cells that are fixed and might be free, in blocks of one matrix each."""
    model = result.model
    p, m = len(model.observed), len(model.latent)
    taken = {
        "loadings": np.zeros((p, m), dtype=bool),
        "residual_cov": np.eye(p, dtype=bool),
        "factor_cov": np.eye(m, dtype=bool),
    }
    absent = np.ones((m, m), dtype=bool)
    for row in model.rows:
        if row.group != group:
            continue
        if row.kind == "factor_cov":
            absent[row.row, row.column] = absent[row.column, row.row] = False
        if row.kind in taken and row.free >= 0:
            taken[row.kind][row.row, row.column] = True
            if row.kind != "loadings":
                taken[row.kind][row.column, row.row] = True
    # Covariances of factors that a path explains are no candidates unless the text fixed them.
    taken["factor_cov"] |= absent
    blocks = []
    for kind, there in taken.items():
        rows, columns = np.nonzero(~there)
        if kind != "loadings":
            rows, columns = rows[rows > columns], columns[rows > columns]
        for first in range(0, rows.size, _BLOCK):
            part = slice(first, first + _BLOCK)
            empty = Cells(*(np.zeros(0, dtype=np.intp) for _ in range(3)))
            own = Cells(rows[part], columns[part], np.arange(rows[part].size))
            blocks.append((tuple(own if name == kind else empty for name in KINDS), kind))
    return blocks


def _score(result: Fit, group: int, cells: tuple[Cells, ...]) -> tuple[Floats, Floats, Floats]:
    """Score of candidates, their information with x (n_free, c) and their own (c,), per row of the table."""
    model, share = result.model, weights_of(result)[group]
    moments = implied(model, result.x, group=group)
    if result.statistics:
        part = result.statistics[group]
        slope = cells_jacobian(model, moments, cells)
        mine = jacobian(model, moments, group=group)
        force = weighted(part.weight, part.moments - model_moments(model, moments))
        pulled = weighted(part.weight, slope)
        return (
            share * (slope.T @ force),
            share * (mine.T @ pulled),
            share * np.einsum("rc,rc->c", slope, pulled),
        )
    sample = result.samples[group]
    candidate, own = cell_slopes(moments, cells), slopes(model, moments, group=group)
    mean = moments.mean if model.means else None
    force_of = discrepancy(sample, moments.covariance, mean)
    score = -0.5 * pull(candidate, force_of.covariance, force_of.mean)
    across = np.zeros((model.n_free, candidate.scale.size))
    np.add.at(across, own.free, expected_between(sample, moments, own, candidate, means=model.means) / 2)
    return share * score, share * across, share * _diagonal(result, group, candidate)


def _diagonal(result: Fit, group: int, cells: Slopes) -> Floats:
    """Half tr(W dSigma W dSigma) of each candidate, and the mean's part; over patterns of missing answers."""
    sample, moments = result.samples[group], result.estimate.implied[group]
    out = np.zeros(cells.scale.size)
    for pattern in sample.patterns:
        o = pattern.present
        weight = np.linalg.inv(moments.covariance[np.ix_(o, o)])
        u, v = cells.left[o], cells.right[o]
        uu, uv, vv = (np.einsum("pc,pc->c", a, weight @ b) for a, b in ((u, u), (u, v), (v, v)))
        part = cells.scale**2 * (uu * vv + uv**2)
        if result.model.means:
            part = part + np.einsum("pc,pc->c", cells.mean[o], weight @ cells.mean[o])
        out += pattern.n / sample.n * part
    return out


def _named(
    result: Fit, index: float, change: float, group: int, kind: str, row: int, column: int
) -> Modification:
    model, moments = result.model, result.estimate.implied[group]
    variance, spread = np.diag(moments.covariance), np.diag(moments.factor_cov)
    lv = full = change
    with np.errstate(invalid="ignore"):
        if kind == "loadings":
            lhs, op, rhs = model.latent[column], "=~", model.observed[row]
            lv = change * float(np.sqrt(spread[column]))
            full = lv / float(np.sqrt(variance[row]))
        elif kind == "factor_cov":
            lhs, op, rhs = model.latent[column], "~~", model.latent[row]
            lv = full = change / float(np.sqrt(spread[row] * spread[column]))
        else:
            lhs, op, rhs = model.observed[column], "~~", model.observed[row]
            common = np.einsum(
                "pi,ij,pj->p", moments.parts.loadings, moments.factor_cov, moments.parts.loadings
            )
            own = variance - common
            full = change / float(np.sqrt(own[row] * own[column])) if own[row] * own[column] > 0 else np.nan
    return Modification(lhs, op, rhs, group, index, float(chi2.sf(index, 1)), change, float(lv), float(full))
