"""Where the sampler of a crossed mixed model starts, and in which units: a Laplace step.

The joint mode of effects and their standard deviations does not exist (all go to zero together), therefore EM: the
effects at their mode given the standard deviations, their squares with the curvature's variance, standard deviations
from these. Only diagonals of curvature are used: strata are nearly independent given the rest, which is what they are for.
Nothing of this enters the posterior: it moves the start and the units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from psychomet.numerics.crossed import Crossed, at_cells, at_coordinates, own_information
from psychomet.numerics.crossed_density import (
    CrossedPrior,
    Likelihood,
    Space,
    by_cuts,
    cuts_at,
    intercept_prior,
    intercepts_at,
    sd_prior,
    space,
)

Floats = NDArray[np.float64]

ROUNDS = 25
SETTLED = 0.02  # change of a log standard deviation at which the rounds end: the sampler's step is larger
INNER = 60  # steps to the mode of the effects in a round; the next round goes on from there
FLATTEST = 0.5  # least curvature of the density of a log standard deviation, for its unit


class Start(NamedTuple):
    """A point and its units.

    Attributes
    ----------
    place : Space
        Where the numbers stand, with the information about coordinates.
    x : ndarray, shape (numbers,)
        Near the middle of the posterior.
    root : ndarray, shape (head, head)
        Of the covariance of log standard deviations and cuts, about.
    unit : ndarray, shape (coordinates,)
        Standard deviations of the other numbers, about.
    rounds : int
        Of EM.
    """

    place: Space
    x: Floats
    root: Floats
    unit: Floats
    rounds: int


def start_of(
    plan: Crossed, likelihood: Likelihood, *, prior: CrossedPrior, intercept: Floats, rows: int
) -> Start:
    """Find a start.

    Parameters
    ----------
    plan : Crossed
        The effects.
    likelihood : Likelihood
        Of the answers.
    prior : CrossedPrior
        The prior.
    intercept : (T,) array
        Falling; those of all answers together, say.
    rows : int
        Number of answers.

    Returns
    -------
    Start
    """
    m = len(plan.effects)
    logs, cut, z = np.log(prior.scale / 2), cuts_at(intercept), np.zeros(plan.stratum.size)
    information = z
    rounds = 0
    for rounds in range(1, ROUNDS + 1):
        variance = np.exp(2 * logs[:m])
        spread = plan.weight @ variance
        residual = float(logs[-1])
        if rounds == 1:
            information = own_information(
                plan, likelihood.information(at_cells(plan, z), intercept, residual)
            )
        cut, z = _effects_at(plan, likelihood, prior, logs, cut, z, information)
        by_cell = likelihood.information(at_cells(plan, z), intercepts_at(cut), residual)
        information = own_information(plan, by_cell)
        left = 1 / (information + 1 / spread[plan.stratum])
        square = np.asarray(np.bincount(plan.stratum, weights=z**2 + left), dtype=np.float64)
        before = logs
        logs = _sds_at(plan, prior, logs, square)
        if likelihood.residual:
            told = likelihood.terms(at_cells(plan, z), intercepts_at(cut), residual)
            spent = float(information @ left)
            logs[-1] = residual + np.log((told.residual + rows + spent) / rows) / 2
        if np.abs(logs - before).max() < SETTLED:
            break
    return _measured(plan, likelihood, prior, logs, cut, z, information, rounds, rows)


def _effects_at(
    plan: Crossed,
    likelihood: Likelihood,
    prior: CrossedPrior,
    logs: Floats,
    cut: Floats,
    z: Floats,
    information: Floats,
) -> tuple[Floats, Floats]:
    """Mode of cuts and effects given the standard deviations, in units in which it is nearly round."""
    variance = np.exp(2 * logs[: len(plan.effects)])
    spread = (plan.weight @ variance)[plan.stratum]
    unit = 1 / np.sqrt(information + 1 / spread)
    mean = float(plan.mean_weight @ variance)
    count = cut.size

    def loss(point: Floats) -> tuple[float, Floats]:
        now, at = point[:count], point[count:] * unit
        intercept = intercepts_at(now)
        told = likelihood.terms(at_cells(plan, at), intercept, float(logs[-1]))
        if not np.isfinite(told.value):
            return 1e300, np.zeros_like(point)
        value, by_intercept, _ = intercept_prior(intercept, mean, prior)
        value += told.value + now[1:].sum() - (at**2 / spread).sum() / 2
        slope = unit * (at_coordinates(plan, told.predictor) - at / spread)
        return -value, -np.concatenate([by_cuts(now, told.intercept + by_intercept), slope])

    found = minimize(
        loss, np.concatenate([cut, z / unit]), jac=True, method="L-BFGS-B", options={"maxiter": INNER}
    )
    return found.x[:count], found.x[count:] * unit


def _sds_at(plan: Crossed, prior: CrossedPrior, logs: Floats, square: Floats) -> Floats:
    """Log standard deviations of effects whose strata have these expected sums of squares."""
    m = len(plan.effects)
    number = np.bincount(plan.stratum)
    own = prior._replace(scale=prior.scale[:m])

    def loss(point: Floats) -> tuple[float, Floats]:
        variance = np.exp(2 * point)
        spread = plan.weight @ variance
        value, slope = sd_prior(point, own)
        value -= (number @ np.log(spread) + (square / spread).sum()) / 2
        slope = slope + variance * (plan.weight.T @ ((square / spread - number) / spread))
        return -value, -slope

    bounds = [(-20.0, 20.0)] * m
    found = minimize(loss, logs[:m], jac=True, method="L-BFGS-B", bounds=bounds)
    return np.concatenate([found.x, logs[m:]])


def _measured(
    plan: Crossed, likelihood: Likelihood, prior: CrossedPrior, logs: Floats, cut: Floats, z: Floats,
    information: Floats, rounds: int, rows: int,
) -> Start:  # fmt: skip
    """The point in the coordinates that are sampled, with units."""
    m = len(plan.effects)
    variance = np.exp(2 * logs[:m])
    spread = plan.weight @ variance
    own = spread[plan.stratum]
    known = information * own / (1 + information * own)
    by_spread = np.bincount(plan.stratum, weights=known**2) / 2
    slope = 2 * plan.weight * variance / spread[:, None]
    bent = np.zeros((logs.size + cut.size, logs.size + cut.size))
    bent[:m, :m] = slope.T @ (by_spread[:, None] * slope) + FLATTEST * np.eye(m)
    if likelihood.residual:
        bent[m, m] = 2 * max(rows - known.sum(), 1.0)
    bent[logs.size :, logs.size :] = _cut_curvature(plan, likelihood, prior, logs, cut, z)
    found, axes = np.linalg.eigh(bent)
    root = axes / np.sqrt(np.where(found > 1e-6, found, 1.0))
    x = np.concatenate([logs, cut, z * np.sqrt(information + 1 / own)])
    return Start(space(plan, likelihood, information=information), x, root, np.ones(z.size), rounds)


def _cut_curvature(
    plan: Crossed, likelihood: Likelihood, prior: CrossedPrior, logs: Floats, cut: Floats, z: Floats
) -> Floats:
    """Curvature of the log density of the cuts given the rest, by differences of the gradient."""
    predictor = at_cells(plan, z)
    mean = float(plan.mean_weight @ np.exp(2 * logs[: len(plan.effects)]))

    def slope(now: Floats) -> Floats:
        intercept = intercepts_at(now)
        told = likelihood.terms(predictor, intercept, float(logs[-1]))
        return by_cuts(now, told.intercept + intercept_prior(intercept, mean, prior)[1])

    step = 1e-4
    bent = [(slope(cut - step * one) - slope(cut + step * one)) / (2 * step) for one in np.eye(cut.size)]
    return (np.array(bent) + np.array(bent).T) / 2
