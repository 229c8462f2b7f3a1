"""Point estimates by maximum likelihood, and the matrices that standard errors and tests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from psychomet.numerics.confirmatory.implied import Implied, implied, pull, slopes, tied
from psychomet.numerics.confirmatory.minimise import lower, minimise
from psychomet.numerics.confirmatory.model import Model, Row, blocks_of
from psychomet.numerics.confirmatory.normal import discrepancy, expected, observed, saturated_value, scores
from psychomet.numerics.confirmatory.sample import Sample
from psychomet.numerics.confirmatory.start import other_starts, overlapping, starting_values

Floats = NDArray[np.float64]
Information = Literal["expected", "observed", "first_order"]


class Estimate(NamedTuple):
    """A point estimate.

    Attributes
    ----------
    x : (n_free,) array
        Values of the free cells.
    implied : tuple of Implied
        Moments under the model, one per group.
    value : float
        Discrepancy less its least possible value; n times it is the test statistic.
    n_steps : int
        Steps of the descent.
    converged : bool
        Whether the descent ended in a minimum.
    """

    x: Floats
    implied: tuple[Implied, ...]
    value: float
    n_steps: int
    converged: bool


def shares(samples: Sequence[Sample]) -> list[float]:
    """Return each group's share of the rows."""
    total = sum(sample.n for sample in samples)
    return [sample.n / total for sample in samples]


def estimate(model: Model, samples: Sequence[Sample], *, start: Floats | None = None) -> Estimate:
    """Fit by maximum likelihood, full-information where answers are missing.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        One per group, variables in the order of ``model.observed``.
    start : (n_free,) array, optional
        Where to begin.

    Returns
    -------
    Estimate
    """
    weights = shares(samples)

    def slope(z: Floats) -> tuple[float, Floats]:
        x = model.ties @ z + model.shift
        value, gradient = 0.0, np.zeros(model.n_free)
        for group, (sample, weight) in enumerate(zip(samples, weights, strict=True)):
            moments = implied(model, x, group=group)
            force = discrepancy(sample, moments.covariance, moments.mean if model.means else None)
            if not np.isfinite(force.value):
                return np.inf, np.zeros(z.size)
            value += weight * force.value
            cells = slopes(model, moments, group=group)
            gradient += weight * tied(model, cells.free, pull(cells, force.covariance, force.mean))
        return value, model.ties.T @ gradient

    def metric(z: Floats) -> Floats:
        return model.ties.T @ hessian(model, samples, model.ties @ z + model.shift) @ model.ties

    covariances = [sample.covariance for sample in samples]
    chosen = start
    if chosen is None:
        chosen = starting_values(model, covariances, means=[sample.mean for sample in samples])
    found = minimise(_feasible(model, chosen, slope), slope, metric)
    if start is None and (overlapping(model) or not found.converged):
        for other in other_starts(model, covariances, chosen):
            found = lower(found, minimise(_feasible(model, other, slope), slope, metric))
    x = model.ties @ found.point + model.shift
    least = sum(w * saturated_value(sample) for w, sample in zip(weights, samples, strict=True))
    every = tuple(implied(model, x, group=group) for group in range(len(samples)))
    return Estimate(x, every, found.value - least, found.n_steps, found.converged)


def _feasible(model: Model, start: Floats, slope: object) -> Floats:
    """Reduced starting values; residual variances are raised until the covariance is positive definite."""
    x = np.array(start)
    own = [row.free for row in model.rows if row.kind == "residual_cov" and row.row == row.column]
    own = [place for place in own if place >= 0]
    off = [row.free for row in model.rows if row.kind in {"factor_cov"} and row.row != row.column]
    off = [place for place in off if place >= 0]
    for _ in range(20):
        z, *_ = np.linalg.lstsq(model.ties, x - model.shift, rcond=None)
        if not callable(slope) or np.isfinite(slope(z)[0]):
            return np.asarray(z)
        x[own] *= 1.5
        x[off] *= 0.7
    return np.asarray(z)


def hessian(
    model: Model, samples: Sequence[Sample], x: Floats, *, kind: Literal["expected", "observed"] = "expected"
) -> Floats:
    """Return the second derivative of the discrepancy in x, (n_free, n_free), or its expected value.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        One per group.
    x : (n_free,) array
        Where it is wanted.
    kind : {"expected", "observed"}
        Which.
    """
    whole = np.zeros((model.n_free, model.n_free))
    for group, (sample, weight) in enumerate(zip(samples, shares(samples), strict=True)):
        moments = implied(model, x, group=group)
        cells = slopes(model, moments, group=group)
        if kind == "expected":
            part = expected(sample, moments, cells, means=model.means)
        else:
            part = observed(model, sample, moments, group=group)
        whole += weight * tied(model, cells.free, part)
    return whole


def first_order(model: Model, samples: Sequence[Sample], x: Floats) -> Floats:
    """Return the mean cross-product of the rows' scores in x, (n_free, n_free).

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        One per group, rows kept.
    x : (n_free,) array
        Where it is wanted.
    """
    whole = np.zeros((model.n_free, model.n_free))
    total = sum(sample.n for sample in samples)
    for group, sample in enumerate(samples):
        moments = implied(model, x, group=group)
        cells = slopes(model, moments, group=group)
        rows = scores(sample, moments.covariance, moments.mean if model.means else None, cells)
        whole += tied(model, cells.free, rows.T @ rows / total)
    return whole


def inverse_information(model: Model, information: Floats) -> tuple[Floats, bool]:
    """Invert information in x where x moves freely, K (K' I K)^-1 K', and say whether that was possible.

    Parameters
    ----------
    model : Model
        The model.
    information : (n_free, n_free) array
        Information in x, ties left out.

    Returns
    -------
    inverse, whole
        The inverse has NaN where the information is singular: the model is not identified there.
    """
    reduced = model.ties.T @ information @ model.ties
    scale = np.sqrt(np.maximum(np.abs(np.diag(reduced)), np.finfo(float).tiny))
    unit = reduced / np.outer(scale, scale)
    try:
        factor = cho_factor(unit, lower=True)
    except (LinAlgError, ValueError):
        return np.full_like(information, np.nan), False
    if np.diag(factor[0]).min() < 1e-6:
        return np.full_like(information, np.nan), False
    inner = cho_solve(factor, np.eye(len(unit))) / np.outer(scale, scale)
    return np.asarray(model.ties @ inner @ model.ties.T), True


def independence(model: Model) -> Model:
    """Return the model in which the observed variables have no covariances: the baseline of fit indices.

    Parameters
    ----------
    model : Model
        A model of the same variables.
    """
    p, n_groups = len(model.observed), len(model.blocks)
    rows: list[Row] = []
    for group in range(n_groups):
        for place, name in enumerate(model.observed):
            rows.append(Row(name, "~~", name, group, "residual_cov", place, place, len(rows), np.nan, ""))
        if model.means:
            for place, name in enumerate(model.observed):
                rows.append(Row(name, "~1", "", group, "intercepts", place, 0, len(rows), np.nan, ""))
    table = tuple(rows)
    shapes = ((p, 0), (0, 0), (0, 0), (p, p), (p,), (0,), (0,))
    return replace(
        model,
        latent=(),
        rows=table,
        n_free=len(table),
        blocks=blocks_of(table, shapes, n_groups),
        ties=np.eye(len(table)),
        shift=np.zeros(len(table)),
        labels=(),
        definitions=(),
        exploratory=(),
    )


def independent(model: Model, samples: Sequence[Sample]) -> Estimate:
    """Fit the baseline, whose solution is each variable's own mean and variance.

    Parameters
    ----------
    model : Model
        From :func:`independence`.
    samples : sequence of Sample
        One per group.
    """
    x = np.zeros(model.n_free)
    moments = [_own(sample) for sample in samples]
    for row in model.rows:
        mean, variance = moments[row.group]
        x[row.free] = variance[row.row] if row.kind == "residual_cov" else mean[row.row]
    value = 0.0
    every = tuple(implied(model, x, group=group) for group in range(len(samples)))
    for sample, part, weight in zip(samples, every, shares(samples), strict=True):
        there = discrepancy(sample, part.covariance, part.mean if model.means else None).value
        value += weight * (there - saturated_value(sample))
    return Estimate(x, every, value, 0, True)


def _own(sample: Sample) -> tuple[Floats, Floats]:
    if sample.complete:
        return sample.mean, np.diag(sample.covariance)
    p = sample.mean.size
    count, total, square = np.zeros(p), np.zeros(p), np.zeros(p)
    for pattern in sample.patterns:
        count[pattern.present] += pattern.n
        total[pattern.present] += pattern.n * pattern.mean
    mean = total / count
    for pattern in sample.patterns:
        off = pattern.mean - mean[pattern.present]
        square[pattern.present] += pattern.n * (np.diag(pattern.covariance) + off**2)
    return mean, square / count
