r"""A mixture of a memorising and a generalising predictor, the log odds of which follow a law of training: density and gradient.

Model (run) r, trained under condition c on :math:`N_c` units, gives outcome p of a probe the probability q with

.. math:: \mathrm{logit}\, q_{rcp} \sim N(\mathrm{logit}[w_{rc} M_{cp} + (1 - w_{rc}) G_{cp}],\; \tau^2), \quad
          \mathrm{logit}\, w_{rc} = \gamma_r N_c^{1-\alpha} \Delta L_c - (K_{Mc}^\beta - K_{Gc}^\beta) + s\,v_{rc}

with the probabilities M and G of the two predictors, the difference of their losses (generalising minus memorising) and their
complexities K. Source of the law: Wurgaft, Lubana, Park, Tanaka, Reddy and Goodman (2025), In-context learning strategies emerge
rationally (NeurIPS; arXiv 2506.17859). The hierarchy is ours: :math:`\log \gamma_r` varies between runs, and v, standard normal,
is what a single condition of a run has of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2 * np.pi))


class Conditions(NamedTuple):
    """What is known of the conditions of training.

    Attributes
    ----------
    steps : ndarray, shape (c,)
        Training units seen, N.
    loss_gap : ndarray, shape (c,)
        Loss of the generalising predictor minus that of the memorising one, on the training law, in nats.
    memorising_size, generalising_size : ndarray, shape (c,)
        Complexities, in bits, say.
    """

    steps: Floats
    loss_gap: Floats
    memorising_size: Floats
    generalising_size: Floats


class Probes(NamedTuple):
    """Predictions.

    Attributes
    ----------
    memorising, generalising : ndarray, shape (c, p)
        Log odds of an outcome by either predictor.
    observed : ndarray, shape (r, c, p)
        Log odds by the models; NaN where there is none.
    """

    memorising: Floats
    generalising: Floats
    observed: Floats


class Parts(NamedTuple):
    """A law at a point: log odds are evidence minus cost.

    Attributes
    ----------
    evidence, cost : ndarray, shape (c,)
        In nats.
    by_evidence, by_cost : ndarray, shape (m, c)
        Derivatives in the parameters of the law.
    """

    evidence: Floats
    cost: Floats
    by_evidence: Floats
    by_cost: Floats


Law = Callable[[Floats, Conditions], Parts]
"""Its first parameter is the logarithm of a factor of the evidence; runs differ in it."""


class PredictorPrior(NamedTuple):
    """Priors; the law has normal ones on its unbounded parameters.

    Attributes
    ----------
    location, scale : tuple of float
        Of the parameters of the law. For :func:`tradeoff`: log of gamma times the middle N to the power 1 - alpha, logit alpha,
        logit beta.
    run_median, condition_median, noise_median : float
        Lognormal laws of the standard deviations: of log gamma between runs, of conditions about the law (nats), and of what
        is observed (log odds).
    sd_scale : float
        Standard deviation of the logarithms of all three.
    """

    location: tuple[float, ...] = (4.0, 0.0, -0.5)
    scale: tuple[float, ...] = (1.5, 1.0, 1.0)
    run_median: float = 0.2
    condition_median: float = 0.5
    noise_median: float = 0.3
    sd_scale: float = 0.5


class Spots(NamedTuple):
    """Where coordinates lie.

    Attributes
    ----------
    law, sd, run, condition : slice
        Parameters of the law; log standard deviations of runs, conditions and noise; runs; conditions of runs.
    size : int
        Of a point.
    """

    law: slice
    sd: slice
    run: slice
    condition: slice
    size: int


class Odds(NamedTuple):
    """A point in the model's own terms.

    Attributes
    ----------
    law : ndarray, shape (m,)
        Unbounded parameters of the law.
    sd : ndarray, shape (3,)
        Of runs, conditions and noise.
    run : ndarray, shape (r,)
        Log gamma of the runs about its mean.
    log_odds : ndarray, shape (r, c)
        Memorising against generalising.
    """

    law: Floats
    sd: Floats
    run: Floats
    log_odds: Floats


def middle_steps(conditions: Conditions) -> float:
    """Return the geometric mean of the training units; at it the weight of the evidence is a parameter.

    Parameters
    ----------
    conditions : Conditions
        Of training.
    """
    return float(np.exp(np.log(conditions.steps).mean()))


def tradeoff(parameters: Floats, conditions: Conditions, *, middle: float) -> Parts:
    """Return loss against complexity: the law of Wurgaft and others.

    Parameters
    ----------
    parameters : (3,) array
        Log of gamma times ``middle`` to the power 1 - alpha; logit alpha; logit beta.
    conditions : Conditions
        Of training.
    middle : float
        A number of training units; see :func:`middle_steps`.
    """
    weight, alpha, beta = np.exp(parameters[0]), expit(parameters[1]), expit(parameters[2])
    distance = np.log(conditions.steps / middle)
    evidence = weight * np.exp((1 - alpha) * distance) * conditions.loss_gap
    large, small = conditions.memorising_size**beta, conditions.generalising_size**beta
    zero = np.zeros_like(evidence)
    by_alpha = -alpha * (1 - alpha) * distance * evidence
    by_beta = (
        beta
        * (1 - beta)
        * (large * np.log(conditions.memorising_size) - small * np.log(conditions.generalising_size))
    )
    return Parts(
        evidence,
        large - small,
        np.stack([evidence, by_alpha, zero]),
        np.stack([zero, zero, by_beta]),
    )


def spots_of(probes: Probes, *, parameters: int) -> Spots:
    """Return where the coordinates lie.

    Parameters
    ----------
    probes : Probes
        The data.
    parameters : int
        Of the law.
    """
    runs, conditions = probes.observed.shape[:2]
    ends = np.cumsum((0, parameters, 3, runs, runs * conditions)).tolist()
    law, sd, run, condition = (slice(start, stop) for start, stop in pairwise(ends))
    return Spots(law, sd, run, condition, ends[-1])


def odds_at(x: Floats, *, conditions: Conditions, law: Law, spots: Spots, prior: PredictorPrior) -> Odds:
    """Return parameters and log odds at a point.

    Parameters
    ----------
    x : (size,) array
        Coordinates: standard normal in the prior, but for those of the runs, which are sampled as they are.
    conditions, law, spots, prior
        Of the model.
    """
    parameters = np.array(prior.location) + np.array(prior.scale) * x[spots.law]
    sd = _sd(x, spots, prior)
    run = prior.run_median * x[spots.run]
    parts = law(parameters, conditions)
    own = sd[1] * x[spots.condition].reshape(len(run), -1)
    return Odds(parameters, sd, run, np.exp(run)[:, None] * parts.evidence - parts.cost + own)


def _sd(x: Floats, spots: Spots, prior: PredictorPrior) -> Floats:
    medians = np.array([prior.run_median, prior.condition_median, prior.noise_median])
    return np.asarray(medians * np.exp(prior.sd_scale * x[spots.sd]), dtype=np.float64)


class _Mixed(NamedTuple):
    """Log odds of an outcome under the mixture, and their derivative in the log odds of the predictors."""

    value: Floats
    slope: Floats


def mixed(log_odds: Floats, memorising: Floats, generalising: Floats) -> _Mixed:
    """Mix two predictors.

    Parameters
    ----------
    log_odds : (r, c) array
        Memorising against generalising.
    memorising, generalising : (c, p) array
        Log odds of an outcome.

    Returns
    -------
    tuple of two (r, c, p) arrays
        Log odds of the outcome, without loss of digits near 0 and 1, and their derivative in ``log_odds``.
    """
    weight = -np.logaddexp(0.0, -log_odds)[..., None]
    other = -np.logaddexp(0.0, log_odds)[..., None]
    yes_m, no_m = -np.logaddexp(0.0, -memorising), -np.logaddexp(0.0, memorising)
    yes_g, no_g = -np.logaddexp(0.0, -generalising), -np.logaddexp(0.0, generalising)
    a, b, c, d = weight + yes_m, other + yes_g, weight + no_m, other + no_g
    yes, no = np.logaddexp(a, b), np.logaddexp(c, d)
    # The share of the memorising predictor in an outcome, minus its weight, is the derivative of the log probability.
    return _Mixed(yes - no, np.exp(a - yes) - np.exp(c - no))


def log_density(
    x: Floats, *, probes: Probes, conditions: Conditions, law: Law, spots: Spots, prior: PredictorPrior
) -> tuple[float, Floats]:
    """Return the log posterior density at a point, up to a constant, and its gradient.

    Parameters
    ----------
    x : (size,) array
        Coordinates.
    probes, conditions, law, spots, prior
        Of the model.
    """
    at = odds_at(x, conditions=conditions, law=law, spots=spots, prior=prior)
    there = np.isfinite(probes.observed)
    found = mixed(at.log_odds, probes.memorising, probes.generalising)
    away = np.where(there, np.nan_to_num(probes.observed) - found.value, 0.0)
    noise, count = at.sd[2], int(there.sum())
    squares = float((away**2).sum()) / noise**2
    normal = x.copy()
    normal[spots.run] = at.run / at.sd[0]
    value = -0.5 * (float(normal @ normal) + squares)
    value -= count * float(np.log(noise)) + len(at.run) * float(np.log(at.sd[0]))
    pull = (away * found.slope).sum(2) / noise**2

    parts = law(at.law, conditions)
    by_run = np.exp(at.run) * (pull @ parts.evidence) - at.run / at.sd[0] ** 2
    share = (np.exp(at.run)[:, None] * pull).sum(0)
    own = x[spots.condition].reshape(pull.shape)
    spread = float(normal[spots.run] @ normal[spots.run]) - len(at.run)
    by_sd = np.array([spread, at.sd[1] * (pull * own).sum(), squares - count])
    gradient = -x
    gradient[spots.law] += np.array(prior.scale) * (parts.by_evidence @ share - parts.by_cost @ pull.sum(0))
    gradient[spots.sd] += prior.sd_scale * by_sd
    gradient[spots.run] = prior.run_median * by_run
    gradient[spots.condition] += (at.sd[1] * pull).ravel()
    return value, gradient


def observe(log_odds: Floats, probes: Probes, *, noise: float, rng: np.random.Generator) -> Floats:
    """Draw what models would say.

    Parameters
    ----------
    log_odds : (r, c) array
        Of the predictors.
    probes : Probes
        Of which the two predictors are used.
    noise : float
        Standard deviation, in log odds.
    rng : Generator
        Of the noise.
    """
    centre = mixed(log_odds, probes.memorising, probes.generalising).value
    return np.asarray(centre + noise * rng.standard_normal(centre.shape), dtype=np.float64)


def even_steps(law: Floats, *, conditions: Conditions, middle: float) -> Floats:
    """Return the training units at which both predictors weigh the same under :func:`tradeoff`.

    Parameters
    ----------
    law : (..., 3) array
        Its parameters.
    conditions : Conditions
        Of training; the units are not used.
    middle : float
        As in :func:`tradeoff`.

    Returns
    -------
    ndarray, shape (..., c)
        Infinite where memorising lowers no loss.
    """
    weight, alpha, beta = np.exp(law[..., :1]), expit(law[..., 1:2]), expit(law[..., 2:])
    cost = conditions.memorising_size**beta - conditions.generalising_size**beta
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = middle * (cost / (weight * conditions.loss_gap)) ** (1 / (1 - alpha))
    return np.asarray(np.where(conditions.loss_gap > 0, found, np.inf), dtype=np.float64)


def held_out_score(
    observed: Floats, log_odds: Floats, *, noise: Floats, memorising: Floats, generalising: Floats
) -> Floats:
    """Return the log predictive density of each run under each condition, all its probes together.

    Parameters
    ----------
    observed : (r, c, p) array
        Log odds; no NaN.
    log_odds : (s, r, c) array
        Draws of the predictive law.
    noise : (s,) array
        Draws.
    memorising, generalising : (c, p) array
        Log odds of the predictors.

    Returns
    -------
    ndarray, shape (r, c)
        Divided by the number of probes.
    """
    rows = []
    for odds, one in zip(log_odds, noise, strict=True):
        away = (observed - mixed(odds, memorising, generalising).value) / one
        rows.append((-0.5 * away**2 - np.log(one) - 0.5 * LOG_2PI).sum(2))
    return np.asarray((logsumexp(rows, axis=0) - np.log(len(rows))) / observed.shape[2], dtype=np.float64)
