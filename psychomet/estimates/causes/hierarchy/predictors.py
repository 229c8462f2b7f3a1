"""A posterior over predictors: how much of a model's predictions is memory, how much rule, and by which law of training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from psychomet.errors import Fault, InputError, MissingEngineError
from psychomet.estimates.causes.hierarchy.sampling import (
    Density,
    Gate,
    Sampling,
    convergence,
    sample_density,
)
from psychomet.numerics.predictor_posterior import (
    Conditions,
    Law,
    PredictorPrior,
    Probes,
    Spots,
    log_density,
    middle_steps,
    odds_at,
    spots_of,
    tradeoff,
)

Floats = NDArray[np.float64]

SD = ("runs", "conditions", "noise")
LEAST_CURVATURE = 0.1
"""Floor of the curvature at the mode, in units of the prior's: a direction that data flatten keeps a finite scale."""
SPREAD = 3.0
"""Posterior standard deviations in a unit of what is sampled: chains start within one and a half of the mode."""
STEP = 1e-4
"""Of the differences of gradients that give the curvature; it moves the speed of the sampler alone."""


class PredictorPosterior(NamedTuple):
    """Draws of the mixture of two predictors.

    Attributes
    ----------
    posterior : Dataset
        By chain and draw: ``law`` (parameter; unbounded), ``sd`` (source), ``deviation`` of log gamma (run), ``log_odds`` and ``memorising``,
        the weight (run, condition); ``gamma``, ``alpha`` and ``beta``.
    gate : Gate
        Whether the draws can be used; all are judged, weights by their log odds.
    diagnostics : Dataset
        R-hat and effective sample sizes.
    middle : float
        Training units at which the law is anchored.
    sampler : str
        Name and version of the program.
    """

    posterior: xr.Dataset
    gate: Gate
    diagnostics: xr.Dataset
    middle: float
    sampler: str


class _Space(NamedTuple):
    """Coordinates in which law and runs are nearly round: x = centre + root @ z there, x = z elsewhere."""

    centre: Floats
    root: Floats
    at: NDArray[np.int64]

    def there(self, z: Floats) -> Floats:
        x = z.copy()
        x[..., self.at] = self.centre[self.at] + z[..., self.at] @ self.root.T
        return x


def predictor_posterior(
    probes: Probes,
    *,
    conditions: Conditions,
    runs: Sequence[str],
    prior: PredictorPrior,
    sampling: Sampling,
    seed: int,
) -> PredictorPosterior:
    """Sample the weight of memory in every condition, and the law that it follows.

    Parameters
    ----------
    probes : Probes
        Log odds of outcomes by the two predictors and by the models; NaN where a model has none.
    conditions : Conditions
        Training units, difference of losses and complexities.
    runs : sequence of str
        Names of the models.
    prior : PredictorPrior
        The priors.
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of all random numbers.

    Raises
    ------
    InputError
        If arrays do not fit, or a condition has no positive training units or complexity.
    MissingEngineError
        If nutpie is not installed.

    Notes
    -----
    Model and density are in :mod:`psychomet.numerics.predictor_posterior`. The weight of a condition in which the two
    predictors agree, or which one of them rules, rests on the law: its interval says so by its width in log odds. That a
    mixture of these two predictors fits does not show that a model computes either.
    """
    _check(probes, conditions, runs, prior)
    try:
        import nutpie  # noqa: F401
    except ModuleNotFoundError:
        _missing()
    middle = middle_steps(conditions)
    law: Law = partial(tradeoff, middle=middle)
    spots = spots_of(probes, parameters=len(prior.location))

    def density(x: Floats) -> tuple[float, Floats]:
        return log_density(x, probes=probes, conditions=conditions, law=law, spots=spots, prior=prior)

    space = _space(density, spots)

    def rounded(z: Floats) -> tuple[float, Floats]:
        value, gradient = density(space.there(z))
        gradient[space.at] = space.root.T @ gradient[space.at]
        return value, gradient

    drawn = sample_density(
        rounded,
        start=np.where(np.isin(np.arange(spots.size), space.at), 0.0, space.centre),
        model=_missing,
        stacked=_missing,
        sampling=sampling,
        seed=seed,
    )
    posterior = _described(space.there(drawn.x), conditions, law, spots, prior, middle)
    posterior = posterior.assign_coords(run=list(runs))
    # A weight is its log odds on another scale; where it is 1 to the last digit, R-hat of it has no meaning.
    judged = posterior.drop_vars("memorising")
    gate, diagnostics = convergence(judged, divergences=drawn.divergences)
    return PredictorPosterior(posterior, gate, diagnostics, middle, drawn.sampler)


def _check(probes: Probes, conditions: Conditions, runs: Sequence[str], prior: PredictorPrior) -> None:
    faults = []
    shape = np.shape(probes.memorising)
    count = len(conditions.steps)
    if (
        probes.observed.shape != (len(runs), *shape)
        or probes.generalising.shape != shape
        or shape[0] != count
    ):
        found = f"observed {probes.observed.shape}, predictors {shape}, {len(runs)} runs, {count} conditions"
        faults.append(Fault("probes", f"the shapes do not fit: {found}", "Give run x condition x probe"))
    if not (np.isfinite(probes.memorising).all() and np.isfinite(probes.generalising).all()):
        todo = "A probability of 0 or 1 has no log odds: choose other outcomes"
        faults.append(Fault("probes", "a log odds of a predictor is not finite", todo))
    if np.isinf(probes.observed).any():
        faults.append(Fault("probes", "a model gives a probability of 0 or 1", "Leave the outcome out (NaN)"))
    for name in ("steps", "memorising_size", "generalising_size"):
        values = getattr(conditions, name)
        if len(values) != count or not np.isfinite(values).all() or (values <= 0).any():
            faults.append(
                Fault(f"conditions.{name}", "it is not one positive number per condition", "Mend it")
            )
    if len(conditions.loss_gap) != count or not np.isfinite(conditions.loss_gap).all():
        faults.append(Fault("conditions.loss_gap", "it is not one finite number per condition", "Mend it"))
    if len(prior.location) != 3 or len(prior.scale) != 3:
        faults.append(Fault("prior", "the law has three parameters", "Give three locations and scales"))
    if faults:
        raise InputError("predictors", faults)


def _space(density: Density, spots: Spots) -> _Space:
    """The mode with the standard deviations at their medians, and a root of the inverse curvature of law and runs there."""
    held = np.arange(spots.sd.start, spots.sd.stop)

    def minus(x: Floats) -> tuple[float, Floats]:
        y = x.copy()
        y[held] = 0.0
        value, gradient = density(y)
        gradient[held] = 0.0
        return -value, -gradient

    best = minimize(minus, np.zeros(spots.size), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    bent = np.empty((spots.size, spots.size))
    for at in range(spots.size):
        step = np.zeros(spots.size)
        step[at] = STEP
        bent[at] = (minus(best + step)[1] - minus(best - step)[1]) / (2 * STEP)
    bent[held, held] = 1.0
    found, axes = np.linalg.eigh((bent + bent.T) / 2)
    covariance = (axes / np.maximum(found, LEAST_CURVATURE)) @ axes.T
    block = np.r_[spots.law, spots.run]
    root = SPREAD * np.linalg.cholesky(covariance[np.ix_(block, block)])
    return _Space(best, root, block)


def _described(
    x: Floats, conditions: Conditions, law: Law, spots: Spots, prior: PredictorPrior, middle: float
) -> xr.Dataset:
    """Draws in the model's own terms."""
    flat = [
        odds_at(point, conditions=conditions, law=law, spots=spots, prior=prior)
        for point in x.reshape(-1, spots.size)
    ]

    def shaped(values: list[Floats]) -> Floats:
        return np.reshape(np.array(values), (*x.shape[:2], *values[0].shape))

    one = ("chain", "draw")
    parameters, odds = shaped([at.law for at in flat]), shaped([at.log_odds for at in flat])
    variables: dict[str, Any] = {
        "law": ((*one, "parameter"), parameters),
        "sd": ((*one, "source"), shaped([at.sd for at in flat])),
        "deviation": ((*one, "run"), shaped([at.run for at in flat])),
        "log_odds": ((*one, "run", "condition"), odds),
        "memorising": ((*one, "run", "condition"), expit(odds)),
    }
    alpha, beta = expit(parameters[..., 1]), expit(parameters[..., 2])
    gamma = np.exp(parameters[..., 0] - (1 - alpha) * np.log(middle))
    variables |= {key: (one, value) for key, value in (("gamma", gamma), ("alpha", alpha), ("beta", beta))}
    coords = {"chain": np.arange(x.shape[0]), "draw": np.arange(x.shape[1]), "source": list(SD)}
    return xr.Dataset(variables, coords=coords)


def _missing(*_: object) -> NoReturn:
    raise MissingEngineError(
        "predictors needs the package nutpie, which is not installed. Install it with: pip install 'psychomet[bayes]'"
    )
