"""Parameters of a fit with standard errors: as estimated, standardised, and defined by the text.

Standardised values are functions of the free cells; their standard errors follow by the delta method with
exact slopes (complex steps). A standardised residual covariance is the correlation of the two residuals.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.expression import ExpressionError, evaluate
from psychomet.numerics.confirmatory.fit import Fit
from psychomet.numerics.confirmatory.model import KINDS, Matrices, Model, matrices

Floats = NDArray[np.float64]
Standard = Literal["all", "lv"]
_STEP = 1e-30


class Parameter(NamedTuple):
    """One parameter with its value.

    Attributes
    ----------
    lhs, op, rhs : str
        In the notation of the text; ``:=`` for a defined one.
    group : int
        The group.
    kind : str
        The matrix it stands in; "defined" for a defined one.
    free : bool
        Whether it was estimated.
    estimate : float
        Its value.
    std_error : float
        0 for a fixed value; NaN where the model is not identified.
    label : str
        Its label, or "".
    """

    lhs: str
    op: str
    rhs: str
    group: int
    kind: str
    free: bool
    estimate: float
    std_error: float
    label: str


class Problems(NamedTuple):
    """What makes a solution improper.

    Attributes
    ----------
    not_converged, not_identified : bool
        Whether descent did not end in a minimum; whether the information is singular.
    negative_residuals : tuple of str
        Items with a negative residual variance (Heywood cases).
    negative_factors : tuple of str
        Factors with a negative variance.
    factor_cov_not_positive : bool
        Whether the covariances of the factors are not positive definite (a correlation at or past 1).
    """

    not_converged: bool
    not_identified: bool
    negative_residuals: tuple[str, ...]
    negative_factors: tuple[str, ...]
    factor_cov_not_positive: bool


class _Scales(NamedTuple):
    """Parts of one group, with variances of items and factors."""

    parts: Matrices
    item: NDArray[np.inexact]
    factor: NDArray[np.inexact]


def _scales(model: Model, x: NDArray[np.inexact], group: int) -> _Scales:
    parts = matrices(model, x, group=group)
    m = len(model.latent)
    phi = parts.factor_cov
    if np.any(parts.paths):
        inverse = np.linalg.inv(np.eye(m) - parts.paths)
        phi = inverse @ phi @ inverse.T
    common = np.einsum("pi,ij,pj->p", parts.loadings, phi, parts.loadings)
    if model.scaling == "delta":
        residual = np.array(parts.residual_cov)
        np.fill_diagonal(residual, 1.0 - common)
        parts = parts._replace(residual_cov=residual)
    return _Scales(parts, common + np.diag(parts.residual_cov), np.diag(phi))


def _root(values: NDArray[np.inexact]) -> NDArray[np.inexact]:
    """Square roots; NaN of what is not positive."""
    return np.sqrt(np.where(values.real > 0, values, np.nan))


def _values(
    model: Model,
    x: NDArray[np.inexact],
    standard: Standard | None,
    index: dict[str, tuple[NDArray[np.intp], ...]],
) -> NDArray[np.inexact]:
    """Values of all rows of the table, standardised or not."""
    out = np.zeros(len(model.rows), dtype=x.dtype)
    for group in range(len(model.blocks)):
        found = _scales(model, x, group)
        item = _root(found.item) if standard == "all" else np.ones(found.item.size)
        factor = _root(found.factor) if standard else np.ones(found.factor.size)
        for kind, matrix in zip(KINDS, found.parts, strict=True):
            at, row, column = index[f"{group} {kind}"]
            if not at.size:
                continue
            value: NDArray[np.inexact] = matrix[row] if matrix.ndim == 1 else matrix[row, column]
            if kind == "loadings":
                value = value * factor[column] / item[row]
            elif kind == "paths":
                value = value * factor[column] / factor[row]
            elif kind in {"factor_cov", "residual_cov"} and standard:
                value = _standard_cov(kind, value, matrix, row, column, item, factor, standard)
            elif kind == "intercepts":
                value = value / item[row]
            elif kind == "factor_means":
                value = value / factor[row]
            elif kind == "thresholds":
                value = value / item[model.threshold_item[row]]
            out[at] = value
    return out


def _standard_cov(
    kind: str,
    value: NDArray[np.inexact],
    matrix: NDArray[np.inexact],
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    item: NDArray[np.inexact],
    factor: NDArray[np.inexact],
    standard: Standard,
) -> NDArray[np.inexact]:
    """(Co)variances: shares of variance on the diagonal, correlations (of residuals) off it."""
    if kind == "residual_cov" and standard == "lv":
        return value
    scale = item if kind == "residual_cov" else factor
    own = _root(np.diag(matrix))
    apart = np.where(row == column, scale[row] ** 2, own[row] * own[column])
    # A negative variance leaves NaN in ``apart``; complex division by it would warn, and say nothing more.
    there = np.isfinite(apart)
    out = np.full(apart.shape, np.nan, dtype=np.result_type(value, apart))
    return np.divide(value, apart, out=out, where=there)


def _index(model: Model) -> dict[str, tuple[NDArray[np.intp], ...]]:
    lists: dict[str, list[tuple[int, int, int]]] = {
        f"{group} {kind}": [] for group in range(len(model.blocks)) for kind in KINDS
    }
    for at, row in enumerate(model.rows):
        lists[f"{row.group} {row.kind}"].append((at, row.row, row.column))
    return {
        name: tuple(np.array(part, dtype=np.intp).reshape(-1, 3).T.copy()) for name, part in lists.items()
    }


def _with_errors(result: Fit, standard: Standard | None) -> tuple[Parameter, ...]:
    model, x = result.model, result.x
    index = _index(model)
    values = _values(model, x, standard, index)
    slope = np.zeros((values.size, x.size))
    for place in range(x.size):
        moved = x.astype(complex)
        moved[place] += 1j * _STEP
        slope[:, place] = _values(model, moved, standard, index).imag / _STEP
    variance = np.einsum("rq,qs,rs->r", slope, result.covariance, slope)
    moving = np.abs(slope).max(axis=1, initial=0.0) > 1e-12 * np.maximum(1.0, np.abs(values))
    error = np.where(moving, np.sqrt(np.maximum(variance, 0.0)), np.where(np.isfinite(values), 0.0, np.nan))
    return tuple(
        Parameter(
            row.lhs, row.op, row.rhs, row.group, row.kind, row.free >= 0, float(value), float(se), row.label
        )
        for row, value, se in zip(model.rows, values, error, strict=True)
    )


def parameters(result: Fit) -> tuple[Parameter, ...]:
    """Return every parameter of a fit, fixed ones too, in the order of the model's table.

    Parameters
    ----------
    result : Fit
        The fit.
    """
    model, x, error = result.model, result.x, result.std_error
    if model.scaling == "delta":
        return _with_errors(result, None)
    return tuple(
        Parameter(
            row.lhs, row.op, row.rhs, row.group, row.kind, row.free >= 0,
            float(x[row.free]) if row.free >= 0 else float(row.value),
            float(error[row.free]) if row.free >= 0 else 0.0, row.label,
        )
        for row in model.rows
    )  # fmt: skip


def standardised(result: Fit, *, kind: Standard = "all") -> tuple[Parameter, ...]:
    """Return every parameter standardised, with delta-method standard errors.

    Parameters
    ----------
    result : Fit
        The fit.
    kind : {"all", "lv"}
        Both items and factors have variance 1; or factors only.

    Returns
    -------
    tuple of Parameter
        NaN where a variance is not positive.
    """
    return _with_errors(result, kind)


def defined(result: Fit) -> tuple[Parameter, ...]:
    """Return the parameters that the text defines (``:=``), with delta-method standard errors.

    Parameters
    ----------
    result : Fit
        The fit.

    Returns
    -------
    tuple of Parameter
        NaN where the expression has no value at the estimates.
    """
    model, x = result.model, result.x
    places = dict(model.labels)
    values, slopes = list(x), [np.eye(x.size)[place] for place in range(x.size)]
    for row in model.rows:
        if row.label and row.label not in places:
            places[row.label] = len(values)
            values.append(row.value)
            slopes.append(np.zeros(x.size))
    found = []
    for definition in model.definitions:
        try:
            result_value = evaluate(definition.expression, places, np.array(values))
            value, slope = result_value.value, result_value.slope @ np.array(slopes)
        except ExpressionError:
            value, slope = float("nan"), np.full(x.size, np.nan)
        error = float(np.sqrt(max(slope @ result.covariance @ slope, 0.0)))
        found.append(
            Parameter(definition.name, ":=", definition.expression, 0, "defined", False, value, error, "")
        )
        places[definition.name] = len(values)
        values.append(value)
        slopes.append(slope)
    return tuple(found)


def problems(result: Fit) -> Problems:
    """Say what makes a solution improper.

    Parameters
    ----------
    result : Fit
        The fit.
    """
    model = result.model
    items: list[str] = []
    factors: list[str] = []
    bent = False
    for group in range(len(model.blocks)):
        found = _scales(model, result.x, group)
        residual, own = np.diag(found.parts.residual_cov), np.diag(found.parts.factor_cov)
        items += [model.observed[place] for place in np.flatnonzero(residual < 0)]
        factors += [model.latent[place] for place in np.flatnonzero(own < 0)]
        phi = result.estimate.implied[group].factor_cov
        scale = np.sqrt(np.maximum(np.diag(phi), np.finfo(float).tiny))
        bent = bent or bool(np.linalg.eigvalsh(phi / np.outer(scale, scale))[0] < 1e-8)
    return Problems(
        not result.estimate.converged,
        not result.identified,
        tuple(dict.fromkeys(items)),
        tuple(dict.fromkeys(factors)),
        bent,
    )
