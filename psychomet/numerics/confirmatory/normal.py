"""The normal log likelihood of moments by pattern of missing answers: value, gradient, information, scores.

The discrepancy of a group is F = sum over patterns w [log|Sigma_o| + tr(Sigma_o^-1 (S + d d'))], d the mean
less the implied one, w the pattern's share of the rows: minus twice the mean log likelihood without its
constant. With complete rows that is the usual maximum likelihood discrepancy plus a constant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from psychomet.numerics.confirmatory.implied import Implied, Slopes, curvature, slopes, trace_products
from psychomet.numerics.confirmatory.model import Model
from psychomet.numerics.confirmatory.sample import Pattern, Sample

Floats = NDArray[np.float64]


class Pull(NamedTuple):
    """The discrepancy of a group and its slopes in the moments.

    Attributes
    ----------
    value : float
        F; infinite where an implied covariance is not positive definite.
    covariance : (p, p) array
        G: dF = tr(G dSigma) + g' dmu.
    mean : (p,) array
        g.
    """

    value: float
    covariance: Floats
    mean: Floats


class _Piece(NamedTuple):
    """One pattern at given moments: its share, inverse covariance, S + d d' and d."""

    share: float
    present: NDArray[np.intp]
    weight: Floats
    square: Floats
    off: Floats
    logdet: float


def discrepancy(sample: Sample, covariance: Floats, mean: Floats | None) -> Pull:
    """Return F and its slopes in the moments.

    Parameters
    ----------
    sample : Sample
        The answers.
    covariance : (p, p) array
        Sigma.
    mean : (p,) array or None
        mu; None leaves means free (complete rows only).
    """
    p = covariance.shape[0]
    value, g_cov, g_mean = 0.0, np.zeros((p, p)), np.zeros(p)
    for pattern in sample.patterns:
        piece = _piece(pattern, sample.n, covariance, mean)
        if piece is None:
            return Pull(np.inf, g_cov, g_mean)
        value += piece.share * (piece.logdet + float(np.sum(piece.weight * piece.square)))
        inner = piece.weight - piece.weight @ piece.square @ piece.weight
        if piece.present.size == p:
            g_cov += piece.share * inner
            g_mean -= 2 * piece.share * (piece.weight @ piece.off)
        else:
            g_cov[piece.present[:, None], piece.present] += piece.share * inner
            g_mean[piece.present] -= 2 * piece.share * (piece.weight @ piece.off)
    return Pull(value, g_cov, g_mean)


def saturated_value(sample: Sample) -> float:
    """Return F at the saturated moments, the least that any model can reach."""
    return discrepancy(sample, sample.covariance, sample.mean).value


def log_likelihood(sample: Sample, value: float) -> float:
    """Return the log likelihood whose discrepancy is ``value``."""
    cells = sum(pattern.n * pattern.present.size for pattern in sample.patterns)
    return -0.5 * (sample.n * value + cells * float(np.log(2 * np.pi)))


def _piece(pattern: Pattern, n: int, covariance: Floats, mean: Floats | None) -> _Piece | None:
    o = pattern.present
    whole = o.size == covariance.shape[0]
    inner = covariance if whole else covariance[o[:, None], o]
    # LAPACK itself: with many patterns of few variables, checks would cost more than the work.
    factor, failed = dpotrf(inner, lower=1)
    diagonal = np.diagonal(factor)
    if failed or not np.isfinite(diagonal).all():
        return None
    half, _ = dpotri(factor, lower=1)
    # The upper triangle of the factor was cleared, and that of its inverse with it.
    weight = half + half.T
    weight.flat[:: o.size + 1] /= 2
    off = np.zeros(o.size) if mean is None else pattern.mean - mean[o]
    square = pattern.covariance if mean is None else pattern.covariance + np.outer(off, off)
    return _Piece(pattern.n / n, o, weight, square, off, 2 * float(np.log(diagonal).sum()))


def _cut(slope: Slopes, present: NDArray[np.intp]) -> Slopes:
    if present.size == slope.left.shape[0]:
        return slope
    return slope._replace(left=slope.left[present], right=slope.right[present], mean=slope.mean[present])


def expected(sample: Sample, moments: Implied, slope: Slopes, *, means: bool) -> Floats:
    """Return the expected second derivative of F in c cells, (c, c); twice Fisher's information of a row.

    Parameters
    ----------
    sample : Sample
        The answers (their patterns).
    moments : Implied
        Where it is wanted.
    slope : Slopes
        Slopes of the cells there.
    means : bool
        Whether means are modelled.
    """
    return expected_between(sample, moments, slope, slope, means=means)


def expected_between(sample: Sample, moments: Implied, a: Slopes, b: Slopes, *, means: bool) -> Floats:
    """Return the expected second derivative of F between two sets of cells, (c_a, c_b).

    Parameters
    ----------
    sample : Sample
        The answers (their patterns).
    moments : Implied
        Where it is wanted.
    a, b : Slopes
        Slopes of the cells there.
    means : bool
        Whether means are modelled.
    """
    whole = np.zeros((a.scale.size, b.scale.size))
    for pattern in sample.patterns:
        piece = _piece(pattern, sample.n, moments.covariance, moments.mean if means else None)
        if piece is None:
            return np.full(whole.shape, np.nan)
        one, other = _cut(a, piece.present), _cut(b, piece.present)
        inner = trace_products(one, other, piece.weight, piece.weight)
        if means:
            inner += 2 * one.mean.T @ piece.weight @ other.mean
        whole += piece.share * inner
    return whole


def observed(model: Model, sample: Sample, moments: Implied, *, group: int) -> Floats:
    """Return the second derivative of F in the free cells of a group, (c, c), exactly.

    Parameters
    ----------
    model : Model
        The model.
    sample : Sample
        The answers of the group.
    moments : Implied
        Where it is wanted.
    group : int
        The group.
    """
    slope = slopes(model, moments, group=group)
    mean = moments.mean if model.means else None
    whole = second_derivative(sample, moments.covariance, mean, slope)
    force = discrepancy(sample, moments.covariance, mean)
    return whole + curvature(model, moments, force.covariance, force.mean, group=group)


def second_derivative(sample: Sample, covariance: Floats, mean: Floats | None, slope: Slopes) -> Floats:
    """Return the second derivative of F in cells in which the moments are linear, (c, c).

    Parameters
    ----------
    sample : Sample
        The answers.
    covariance, mean : (p, p) array, (p,) array or None
        Where it is wanted.
    slope : Slopes
        Slopes of the cells.
    """
    c = slope.scale.size
    whole = np.zeros((c, c))
    for pattern in sample.patterns:
        piece = _piece(pattern, sample.n, covariance, mean)
        if piece is None:
            return np.full((c, c), np.nan)
        part = _cut(slope, piece.present)
        weight = piece.weight
        mixed = trace_products(part, part, weight, weight @ piece.square @ weight)
        inner = mixed + mixed.T - trace_products(part, part, weight, weight)
        if mean is not None:
            along = weight @ part.mean
            turned = weight @ piece.off
            cross = (part.scale * (part.right.T @ turned))[:, None] * (part.left.T @ along)
            cross += (part.scale * (part.left.T @ turned))[:, None] * (part.right.T @ along)
            inner += 2 * (cross + cross.T + part.mean.T @ along)
        whole += piece.share * inner
    return whole


def scores(sample: Sample, covariance: Floats, mean: Floats | None, slope: Slopes) -> Floats:
    """Return the derivative of each row's log likelihood in c cells, (n, c).

    Parameters
    ----------
    sample : Sample
        The answers, rows kept.
    covariance, mean : (p, p) array, (p,) array or None
        Where it is wanted; None takes the sample's mean.
    slope : Slopes
        Slopes of the cells.

    Raises
    ------
    ValueError
        When the sample holds no rows.
    """
    if sample.rows is None:
        raise ValueError("the scores of rows need the rows")
    out = np.empty((sample.n, slope.scale.size))
    centre = sample.mean if mean is None else mean
    for pattern in sample.patterns:
        piece = _piece(pattern, sample.n, covariance, mean)
        if piece is None:
            raise ValueError("an implied covariance is not positive definite")
        part = _cut(slope, piece.present)
        if pattern.rows is None:
            answers = sample.rows
        else:
            answers = sample.rows[np.ix_(pattern.rows, piece.present)]
        turned = (answers - centre[piece.present]) @ piece.weight
        level = np.einsum("pc,pc->c", part.left, piece.weight @ part.right)
        found = turned @ part.left
        found *= turned @ part.right
        found -= level
        found *= part.scale
        if mean is not None:
            found += turned @ part.mean
        if pattern.rows is None:
            return found
        out[pattern.rows] = found
    return out
