"""Weighted least squares on moments: covariances (ULS, GLS, WLS, DWLS), or thresholds and correlations.

F = (s - sigma(x))' V (s - sigma(x)). With Gamma the sampling covariance of sqrt(n) s and Delta the slope of
sigma, the estimates have covariance E^-1 Delta' V Gamma V Delta E^-1 / n, E = Delta' V Delta, and n F has the
mean tr(U Gamma), U = V - V Delta E^-1 Delta' V (Browne 1984; Muthén, du Toit and Spisic 1997).

References
----------
Browne, M. W. (1984). Asymptotically distribution-free methods for the analysis of covariance structures.
British Journal of Mathematical and Statistical Psychology, 37(1), 62-83.
https://doi.org/10.1111/j.2044-8317.1984.tb00789.x

Muthén, B., du Toit, S. H. C. and Spisic, D. (1997). Robust inference using weighted least squares and
quadratic estimating equations in latent variable modeling with categorical and continuous outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.estimate import Estimate, inverse_information
from psychomet.numerics.confirmatory.implied import Implied, cell_slopes, implied
from psychomet.numerics.confirmatory.minimise import lower as lower_of
from psychomet.numerics.confirmatory.minimise import minimise
from psychomet.numerics.confirmatory.model import KINDS, Cells, Model
from psychomet.numerics.confirmatory.sample import Sample
from psychomet.numerics.confirmatory.start import other_starts, overlapping, starting_values

Floats = NDArray[np.float64]
Weight = Literal["ULS", "GLS", "WLS", "DWLS"]

MOST_MOMENTS = 5000
"""Moments up to which a full weight matrix is built."""


class Statistics(NamedTuple):
    """What least squares fits in one group.

    Attributes
    ----------
    moments : (r,) array
        s: the lower triangle of a covariance by columns; or thresholds, then correlations below the
        diagonal by columns.
    weight : (r,) or (r, r) array
        V, or its diagonal.
    gamma : (r, r) array or None
        Sampling covariance of sqrt(n) s.
    covariance : (p, p) array
        The covariances or correlations as a matrix.
    n : int
        Rows.
    """

    moments: Floats
    weight: Floats
    gamma: Floats | None
    covariance: Floats
    n: int


class Traces(NamedTuple):
    """tr(U Gamma) and tr(U Gamma U Gamma)."""

    first: float
    second: float


def lower(matrix: Floats, *, diagonal: bool) -> Floats:
    """Return the lower triangle of a symmetric matrix by columns."""
    column, row = np.triu_indices(len(matrix), 0 if diagonal else 1)
    return np.asarray(matrix[row, column])


def continuous(sample: Sample, *, weight: Weight) -> Statistics:
    """Return the moments of complete continuous answers with the weight that a method gives them.

    Parameters
    ----------
    sample : Sample
        The answers; rows are needed for WLS and DWLS.
    weight : {"ULS", "GLS", "WLS", "DWLS"}
        The method.

    Raises
    ------
    ValueError
        When rows are needed and not there, or moments are too many for a full weight matrix.
    """
    covariance = sample.covariance * (sample.n / (sample.n - 1))
    moments = lower(covariance, diagonal=True)
    gamma = None
    if weight in {"WLS", "DWLS"}:
        gamma = fourth_moments(sample)
    if weight == "ULS":
        return Statistics(moments, np.ones(moments.size), gamma, covariance, sample.n)
    if weight == "DWLS" and gamma is not None:
        return Statistics(moments, 1 / np.diag(gamma), gamma, covariance, sample.n)
    if weight == "WLS" and gamma is not None:
        return Statistics(moments, np.asarray(np.linalg.inv(gamma)), gamma, covariance, sample.n)
    if moments.size > MOST_MOMENTS:
        raise ValueError(f"{moments.size} moments, more than {MOST_MOMENTS}")
    weights = normal_weight(np.asarray(np.linalg.inv(covariance)), diagonal=True)
    return Statistics(moments, weights, None, covariance, sample.n)


def fourth_moments(sample: Sample) -> Floats:
    """Return the sampling covariance of sqrt(n) times the covariances, whatever the distribution.

    Parameters
    ----------
    sample : Sample
        Complete answers, rows kept.

    Raises
    ------
    ValueError
        When there are no rows, or too many moments.
    """
    if sample.rows is None or not sample.complete:
        raise ValueError("the rows are needed, and complete")
    p = sample.mean.size
    column, row = np.triu_indices(p)
    if column.size > MOST_MOMENTS:
        raise ValueError(f"{column.size} moments, more than {MOST_MOMENTS}")
    centred = sample.rows - sample.mean
    products = centred[:, row] * centred[:, column]
    products -= products.mean(axis=0)
    return np.asarray(products.T @ products / sample.n)


def normal_weight(inverse: Floats, *, diagonal: bool) -> Floats:
    """Return V = D'(W x W)D / 2 of the lower triangle by columns, W an inverse covariance.

    Parameters
    ----------
    inverse : (p, p) array
        W.
    diagonal : bool
        Whether the diagonal belongs to the moments.
    """
    column, row = np.triu_indices(len(inverse), 0 if diagonal else 1)
    whole = inverse[np.ix_(row, row)] * inverse[np.ix_(column, column)]
    whole += inverse[np.ix_(row, column)] * inverse[np.ix_(column, row)]
    scale = np.where(row == column, 0.5, 1.0)
    return np.asarray(whole * np.outer(scale, scale))


def model_moments(model: Model, moments: Implied) -> Floats:
    """Return sigma(x) of one group, in the order of the statistics.

    Parameters
    ----------
    model : Model
        The model.
    moments : Implied
        Its moments.
    """
    if model.scaling == "none":
        return lower(moments.covariance, diagonal=True)
    deviation = np.sqrt(np.diag(moments.covariance))
    item = model.threshold_item
    cuts = (moments.thresholds - moments.mean[item]) / deviation[item]
    return np.concatenate([cuts, lower(moments.covariance / np.outer(deviation, deviation), diagonal=False)])


def jacobian(model: Model, moments: Implied, *, group: int) -> Floats:
    """Return the slope of sigma in x, (r, n_free).

    Parameters
    ----------
    model : Model
        The model.
    moments : Implied
        Its moments.
    group : int
        The group.
    """
    cells = model.blocks[group].cells
    inner = cells_jacobian(model, moments, cells)
    out = np.zeros((inner.shape[0], model.n_free))
    out[:, np.concatenate([part.free for part in cells])] = inner
    return out


def cells_jacobian(model: Model, moments: Implied, cells: tuple[Cells, ...]) -> Floats:
    """Return the slope of sigma in any cells, in order of ``KINDS``, (r, c).

    Parameters
    ----------
    model : Model
        The model.
    moments : Implied
        Its moments.
    cells : tuple of Cells
        Cells of each matrix.
    """
    slope = cell_slopes(moments, cells)
    p = len(model.observed)
    column, row = np.triu_indices(p, 0 if model.scaling == "none" else 1)
    inner = slope.left[row]
    inner *= slope.right[column]
    inner += slope.right[row] * slope.left[column]
    inner *= slope.scale
    if model.scaling == "none":
        return inner
    item = model.threshold_item
    deviation = np.sqrt(np.diag(moments.covariance))
    cut = -slope.mean[item] / deviation[item, None]
    if model.scaling == "theta":
        # The total variance moves with x: relative slope of the standard deviation of each item.
        own = slope.scale * slope.left * slope.right / deviation[:, None] ** 2
        inner /= (deviation[row] * deviation[column])[:, None]
        size = moments.covariance[row, column] / (deviation[row] * deviation[column])
        inner -= size[:, None] * (own[row] + own[column])
        level = (moments.thresholds - moments.mean[item]) / deviation[item]
        cut -= level[:, None] * own[item]
    place = cells[KINDS.index("thresholds")]
    last = np.zeros((item.size + row.size, place.row.size))
    last[place.row, np.arange(place.row.size)] = 1 / deviation[item[place.row]]
    return np.hstack([np.vstack([cut, inner]), last])


def weighted(weight: Floats, values: Floats) -> Floats:
    """Return V times values, V full or diagonal."""
    if weight.ndim == 2:
        return np.asarray(weight @ values)
    return np.asarray(weight * values if values.ndim == 1 else weight[:, None] * values)


def estimate_by_squares(
    model: Model, groups: Sequence[Statistics], *, start: Floats | None = None
) -> Estimate:
    """Fit by weighted least squares.

    Parameters
    ----------
    model : Model
        The model.
    groups : sequence of Statistics
        One per group.
    start : (n_free,) array, optional
        Where to begin.

    Returns
    -------
    Estimate
    """
    total = sum(group.n for group in groups)

    def slope(z: Floats) -> tuple[float, Floats]:
        x = model.ties @ z + model.shift
        value, gradient = 0.0, np.zeros(model.n_free)
        for place, group in enumerate(groups):
            moments = implied(model, x, group=place)
            if not np.all(np.diag(moments.covariance) > 0):
                return np.inf, np.zeros(z.size)
            off = group.moments - model_moments(model, moments)
            force = weighted(group.weight, off)
            value += group.n / total * float(off @ force)
            gradient -= 2 * group.n / total * (jacobian(model, moments, group=place).T @ force)
        return value, model.ties.T @ gradient

    def metric(z: Floats) -> Floats:
        x = model.ties @ z + model.shift
        return 2 * model.ties.T @ bread_of(model, groups, x) @ model.ties

    covariances = [group.covariance for group in groups]
    chosen = start
    if chosen is None:
        cuts = [group.moments[: model.threshold_item.size] for group in groups]
        chosen = starting_values(model, covariances, thresholds=cuts)
    found = minimise(reduced(model, chosen), slope, metric)
    if start is None and model.latent and (overlapping(model) or not found.converged):
        for other in other_starts(model, covariances, chosen):
            found = lower_of(found, minimise(reduced(model, other), slope, metric))
    x = model.ties @ found.point + model.shift
    every = tuple(implied(model, x, group=group) for group in range(len(groups)))
    return Estimate(x, every, found.value, found.n_steps, found.converged)


def reduced(model: Model, x: Floats) -> Floats:
    """Return z of x = K z + c, nearest where the ties do not hold."""
    z, *_ = np.linalg.lstsq(model.ties, x - model.shift, rcond=None)
    return np.asarray(z)


def bread_of(model: Model, groups: Sequence[Statistics], x: Floats) -> Floats:
    """Return E = Delta' V Delta in x, (n_free, n_free), groups weighted by their rows.

    Parameters
    ----------
    model : Model
        The model.
    groups : sequence of Statistics
        One per group.
    x : (n_free,) array
        Where it is wanted.
    """
    total = sum(group.n for group in groups)
    whole = np.zeros((model.n_free, model.n_free))
    for place, group in enumerate(groups):
        slope = jacobian(model, implied(model, x, group=place), group=place)
        whole += group.n / total * (slope.T @ weighted(group.weight, slope))
    return whole


def squares_traces(model: Model, groups: Sequence[Statistics], x: Floats) -> tuple[Traces, Floats, Floats]:
    """Return the traces of U Gamma, E^-1 in x and Delta' V Gamma V Delta in x.

    Parameters
    ----------
    model : Model
        The model.
    groups : sequence of Statistics
        One per group, with their gamma.
    x : (n_free,) array
        The estimates.

    Raises
    ------
    ValueError
        When gamma is missing.
    """
    total = sum(group.n for group in groups)
    bread, _ = inverse_information(model, bread_of(model, groups, x))
    meat = np.zeros_like(bread)
    parts = []
    for place, group in enumerate(groups):
        if group.gamma is None:
            raise ValueError("robust statistics need the sampling covariance of the moments")
        slope = jacobian(model, implied(model, x, group=place), group=place)
        pulled = weighted(group.weight, slope)
        across = pulled.T @ group.gamma
        meat += group.n / total * (across @ pulled)
        parts.append((pulled, across, group.n / total))
    first, second = 0.0, 0.0
    for place, (pulled, across, share) in enumerate(parts):
        gamma = groups[place].gamma
        if gamma is None:
            continue
        # U Gamma of this group; blocks between groups enter the second trace alone.
        whole = weighted(groups[place].weight, gamma) - share * (pulled @ (bread @ across))
        first += float(np.trace(whole))
        second += float(np.sum(whole * whole.T))
        for other in range(place):
            far, back, weight = parts[other]
            one = pulled @ (bread @ back)
            two = far @ (bread @ across)
            second += 2 * share * weight * float(np.sum(one * two.T))
    return Traces(first, second), bread, meat
