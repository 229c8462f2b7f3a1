r"""The posterior density of a crossed mixed model of ordinal, binary or normal answers, with its gradient.

    \eta = \sum_j u_j,  u_j ~ N(0, \sigma_j^2 I)
    ordinal:  logit P(y >= c) = \eta + d_c,  d_1 > d_2 > ...      normal:  y ~ N(\eta + d, \sigma_e^2)

in coordinates without bounds: log standard deviations; the mean of the intercepts d and the logarithms of the gaps between
them; and the strata of :mod:`.crossed`, each coordinate in units of its standard deviation given \lambda, about:
z = x / (I + 1 / \lambda)^{1/2} with I the information of the answers at the start. Where they say little of a coordinate this is
the non-centred form, where they say much the centred one, and between as \lambda moves: neither end is a funnel. The means of the effects are integrated out: the intercepts sampled are d plus their sum, whose prior has
that sum's variance on all intercepts alike.

References
----------
Papaspiliopoulos, O., Roberts, G. O. and Sköld, M. (2007). A general framework for the parametrization of hierarchical
models. Statistical Science, 22(1), 59-73. https://doi.org/10.1214/088342307000000014
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln

from psychomet.numerics.crossed import Crossed, at_cells, at_coordinates
from psychomet.numerics.graded_cells import AnswerCells, cell_log_likelihood
from psychomet.numerics.strata_posterior import log_half_t

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2 * np.pi))
LARGEST = 150.0
"""Largest logarithm of a standard deviation or a gap, either sign: beyond it the density counts as 0."""


class Terms(NamedTuple):
    """Log-likelihood with its derivatives by predictors (cells,), intercepts (T,) and log residual sd."""

    value: float
    predictor: Floats
    intercept: Floats
    residual: float


class Likelihood(NamedTuple):
    """A family of answers collapsed to cells.

    Attributes
    ----------
    terms : callable
        Predictors (cells,), intercepts (T,), log residual sd -> Terms.
    information : callable
        The same -> minus the second derivatives by the predictors, (cells,).
    intercepts : int
        T: one less than the categories, or 1.
    residual : bool
        Whether there is a residual standard deviation.
    """

    terms: Callable[[Floats, Floats, float], Terms]
    information: Callable[[Floats, Floats, float], Floats]
    intercepts: int
    residual: bool


class CrossedPrior(NamedTuple):
    """Priors as numbers.

    Attributes
    ----------
    df : float
        Of the half-Student-t of standard deviations; infinite for the half-normal.
    scale : ndarray, shape (m,) or (m + 1,)
        Of the standard deviations, that of the residual last where there is one.
    location, spread : float
        The intercepts are a sorted sample of a normal law (one intercept: normal); the spread may be infinite for one.
    """

    df: float
    scale: Floats
    location: float
    spread: float


class Space(NamedTuple):
    """Where the numbers of a point stand: ``sd``, ``cut`` and ``effect``; and the ``information`` about coordinates."""

    sd: slice
    cut: slice
    effect: slice
    information: Floats


Density = Callable[[Floats], tuple[float, Floats]]


def ordinal_likelihood(cells: AnswerCells) -> Likelihood:
    """Return the cumulative logits of counts; binary answers are two categories."""

    def terms(predictor: Floats, intercept: Floats, _: float) -> Terms:
        found = cell_log_likelihood(cells, predictor, intercept=intercept[None])
        return Terms(found.value, found.predictor, found.intercept[0], 0.0)

    def information(predictor: Floats, intercept: Floats, _: float) -> Floats:
        passed = expit(predictor + intercept[:, None])
        return np.asarray((cells.touched * passed * (1 - passed)).sum(axis=0))

    return Likelihood(terms, information, cells.touched.shape[0], False)


def normal_likelihood(count: Floats, mean: Floats, *, within: float) -> Likelihood:
    """Return the likelihood of normal answers.

    Parameters
    ----------
    count, mean : (cells,) array
        Answers of every cell.
    within : float
        Sum of squares about the means of the cells.
    """
    rows = float(count.sum())

    def terms(predictor: Floats, intercept: Floats, residual: float) -> Terms:
        precision = np.exp(-2 * residual)
        rest = mean - intercept[0] - predictor
        pull = count * rest
        square = precision * (float(pull @ rest) + within)
        by_predictor = precision * pull
        value = -rows * (LOG_2PI / 2 + residual) - square / 2
        return Terms(value, by_predictor, np.array([by_predictor.sum()]), square - rows)

    def information(predictor: Floats, _: Floats, residual: float) -> Floats:
        return np.asarray(count * np.exp(-2 * residual))

    return Likelihood(terms, information, 1, True)


def space(plan: Crossed, likelihood: Likelihood, *, information: Floats) -> Space:
    """Return where the numbers of a point stand.

    Parameters
    ----------
    plan : Crossed
        The effects.
    likelihood : Likelihood
        Of the answers.
    information : (coordinates,) array
        Of the answers about every coordinate, roughly; zeros for the non-centred form.
    """
    first = len(plan.effects) + likelihood.residual
    second = first + likelihood.intercepts
    return Space(
        slice(0, first), slice(first, second), slice(second, second + plan.stratum.size), information
    )


def intercepts_at(cut: Floats) -> Floats:
    """Return falling intercepts, (..., T), of their mean and the logarithms of their gaps."""
    below = np.concatenate([np.zeros_like(cut[..., :1]), -np.cumsum(np.exp(cut[..., 1:]), axis=-1)], axis=-1)
    found = cut[..., :1] + below - below.mean(axis=-1, keepdims=True)
    return np.asarray(found)


def cuts_at(intercept: Floats) -> Floats:
    """The inverse of :func:`intercepts_at`."""
    gap = intercept[..., :-1] - intercept[..., 1:]
    return np.concatenate([intercept.mean(axis=-1, keepdims=True), np.log(gap)], axis=-1)


def strata_at(plan: Crossed, place: Space, x: Floats) -> Floats:
    """Return the coordinates z of the strata, (..., coordinates), of points (..., numbers)."""
    effects = len(plan.effects)
    spread = np.exp(2 * x[..., :effects]) @ plan.weight.T
    return np.asarray(x[..., place.effect] / np.sqrt(place.information + 1 / spread[..., plan.stratum]))


def mean_shift(
    intercept: Floats, mean_weight: Floats, variance: Floats, *, prior: CrossedPrior, rng: np.random.Generator
) -> Floats:
    """Draw the sum of the means of all effects, which the intercepts that were sampled hold, from its exact law.

    Parameters
    ----------
    intercept : (draws, T) array
        As sampled.
    mean_weight : (m,) array
        Of :class:`.crossed.Crossed`.
    variance : (draws, m) array
        Of the effects.
    prior : CrossedPrior
        The prior.
    rng : Generator
        Of the draws.

    Returns
    -------
    (draws,) array
    """
    own = variance @ mean_weight
    precision = 1 / own + intercept.shape[1] / prior.spread**2
    middle = (intercept - prior.location).sum(axis=1) / prior.spread**2 / precision
    return np.asarray(middle + rng.standard_normal(len(own)) / np.sqrt(precision))


def log_density(plan: Crossed, likelihood: Likelihood, *, prior: CrossedPrior, place: Space) -> Density:
    """Return the function that gives log density and gradient at a point.

    Parameters
    ----------
    plan : Crossed
        The effects.
    likelihood : Likelihood
        Of the answers.
    prior : CrossedPrior
        Of standard deviations and intercepts.
    place : Space
        Of :func:`space`.

    Returns
    -------
    callable
        (numbers,) array -> (log density, gradient); normalised where the spread is finite.
    """
    effects, size = len(plan.effects), plan.stratum.size
    constant = float(gammaln(likelihood.intercepts + 1)) - size * LOG_2PI / 2
    number = np.bincount(plan.stratum, minlength=len(plan.strata))

    def density(x: Floats) -> tuple[float, Floats]:
        logs, cut = x[place.sd], x[place.cut]
        # The negation catches NaN too; without gaps the second is the mean, which has no such bound.
        if not (np.abs(logs) < LARGEST).all() or not (cut[1:] < LARGEST).all():
            return -np.inf, np.zeros(x.size)
        variance = np.exp(2 * logs[:effects])
        spread = plan.weight @ variance
        precision = 1 / spread[plan.stratum]
        square_scale = 1 / (place.information + precision)
        scale = np.sqrt(square_scale)
        z = x[place.effect] * scale
        intercept = intercepts_at(cut)
        told = likelihood.terms(at_cells(plan, z), intercept, float(logs[-1]))
        if not np.isfinite(told.value):
            return -np.inf, np.zeros(x.size)
        back = at_coordinates(plan, told.predictor)
        pressed = z * precision
        square = z * pressed
        free = square_scale * precision  # from 0, centred, to 1, non-centred
        gradient = np.empty(x.size)
        gradient[place.effect] = scale * (back - pressed)
        weights = (free * z * back + (1 - free) * (square - 1)) / 2
        by_spread = np.bincount(plan.stratum, weights=weights, minlength=len(spread))
        value, by_intercept, by_mean = intercept_prior(intercept, float(plan.mean_weight @ variance), prior)
        value += told.value + constant - (square.sum() + number @ np.log(spread)) / 2 + cut[1:].sum()
        value += float(np.log(square_scale).sum()) / 2
        prior_value, by_log = sd_prior(logs, prior)
        by_log[:effects] += 2 * variance * (plan.weight.T @ (by_spread / spread) + plan.mean_weight * by_mean)
        if likelihood.residual:
            by_log[-1] += told.residual
        gradient[place.sd] = by_log
        gradient[place.cut] = by_cuts(cut, by_intercept + told.intercept)
        return float(value + prior_value), gradient

    return density


def sd_prior(logs: Floats, prior: CrossedPrior) -> tuple[float, Floats]:
    """Log prior density of log standard deviations, and its gradient."""
    sd = np.exp(logs)
    value = float(log_half_t(sd, df=prior.df, scale=prior.scale).sum() + logs.sum())
    square = (sd / prior.scale) ** 2
    if np.isinf(prior.df):
        return value, 1 - square
    return value, 1 - (prior.df + 1) * square / (prior.df + square)


def intercept_prior(intercept: Floats, mean: float, prior: CrossedPrior) -> tuple[float, Floats, float]:
    """Log density of intercepts that share a normal shift, by the intercepts and by the variance of the shift."""
    if np.isinf(prior.spread):
        return 0.0, np.zeros_like(intercept), 0.0
    count, own = intercept.size, prior.spread**2
    whole = own + count * mean
    rest = intercept - prior.location
    total = float(rest.sum())
    value = -(rest @ rest - mean * total**2 / whole) / (2 * own)
    value -= (count * LOG_2PI + (count - 1) * np.log(own) + np.log(whole)) / 2
    pull = -(rest - mean * total / whole) / own
    return float(value), pull, float(((total / whole) ** 2 - count / whole) / 2)


def by_cuts(cut: Floats, by_intercept: Floats) -> Floats:
    """Take derivatives by intercepts to those by their mean and log gaps, with the Jacobian's 1 for each gap."""
    found = np.empty_like(cut)
    total = by_intercept.sum()
    found[0] = total
    count = cut.size
    above = np.cumsum(by_intercept)[:-1]
    # A wider gap number t lifts the t intercepts above it by (count - t) / count and lowers those below.
    found[1:] = np.exp(cut[1:]) * (above - total * np.arange(1, count) / count) + 1
    return found
