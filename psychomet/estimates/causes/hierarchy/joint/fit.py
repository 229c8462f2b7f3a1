"""The posterior of a joint model: start, draws, parameters by name, and whether the chains agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize

from psychomet.errors import MissingEngineError
from psychomet.estimates.causes.hierarchy.joint.plan import Plan, data_of, plan_of
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors
from psychomet.estimates.causes.hierarchy.joint.variables import dataset, judged, turned
from psychomet.estimates.causes.hierarchy.sampling import (
    Density,
    Drawn,
    Gate,
    Sampling,
    sample_density,
    verdict,
)
from psychomet.notes import Note

Floats = NDArray[np.float64]

STEPS = 100
"""Of the search for a start; the sampler goes on from there."""
CHUNK = 250
"""Draws whose parameters are computed at a time."""
START_SD, START_DISPERSION, START_PROFILE = 0.3, 0.3, 0.5
HELD = ("log_sd", "log_dispersion", "log_residual", "membership_slope")
STRUCTURE_HELD = frozenset({"partial", "log_global", "log_local", "log_slab", "profile", "share"})
"""Ends of names, and names, of what the search for a start leaves alone."""
WORSE = 1e10
"""Stands for a density that is not a number, in the search for a start."""


class JointPosterior(NamedTuple):
    """Draws of a joint model.

    Attributes
    ----------
    draws : Dataset
        Parameters by name, (chain, draw, ...); see ``variables.dataset``.
    diagnostics : Dataset
        R-hat and effective sample sizes of what the gate judges.
    gate : Gate
        Whether the draws can be used.
    log_likelihood : DataArray (chain, draw, unit)
        Of the answers of each unit given its dimensions.
    log_prior : DataArray (chain, draw)
        Of the parameters. The law of dimensions, effects and horseshoe coefficients given these is not part of it.
    sampler : str
        The program that drew.
    notes : tuple of Note
        What was seen on the way; the gate has its own words.
    """

    draws: xr.Dataset
    diagnostics: xr.Dataset
    gate: Gate
    log_likelihood: xr.DataArray
    log_prior: xr.DataArray
    sampler: str
    notes: tuple[Note, ...]


def joint_posterior(joint: Joint, *, priors: JointPriors, sampling: Sampling, seed: int) -> JointPosterior:
    """Sample the posterior of a joint model.

    Parameters
    ----------
    joint : Joint
        The model and its answers. Blocks have names of their own.
    priors : JointPriors
        Scales of the priors.
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of everything drawn.

    Returns
    -------
    JointPosterior
        Its gate says whether the chains agree; look before using the draws.

    Raises
    ------
    MissingEngineError
        If jax, or nutpie and PyMC, or arviz are not installed.
    """
    drawn, plan, points = _drawn(joint, priors, sampling, seed)
    shape = drawn.x.shape[:2]
    flat = drawn.x.reshape(-1, drawn.x.shape[-1])
    # The last part is filled up, that it has the shape of the others.
    whole = np.resize(flat, (-(-len(flat) // CHUNK) * CHUNK, flat.shape[1]))
    found = [points(part) for part in np.split(whole, len(whole) // CHUNK)]
    draws = dataset(joint, plan, [turned(one.parameters, plan) for one in found], shape)
    by_unit = np.concatenate([one.by_unit for one in found])[: len(flat)].reshape(*shape, plan.units)
    log_prior = np.concatenate([one.terms.prior for one in found])[: len(flat)].reshape(shape)
    gate, diagnostics = verdict(judged(draws, joint), drawn)
    draws.attrs |= {
        "sampler": drawn.sampler,
        "divergences": drawn.divergences,
        "converged": int(gate.passed),
    }
    unit = {"unit": draws["unit"].to_numpy()}
    return JointPosterior(
        draws,
        diagnostics,
        gate,
        xr.DataArray(by_unit, dims=("chain", "draw", "unit"), coords=unit),
        xr.DataArray(log_prior, dims=("chain", "draw")),
        drawn.sampler,
        (),
    )


def _drawn(joint: Joint, priors: JointPriors, sampling: Sampling, seed: int) -> tuple[Drawn, Plan, Any]:
    """Draws of the vector, the plan, and the function from vectors to parameters."""
    try:
        from psychomet.estimates.causes.hierarchy.joint.density import density_of, points_of
    except ModuleNotFoundError as error:
        raise MissingEngineError(
            f"The joint model needs the package {(error.name or '').partition('.')[0]}, which is not installed. "
            "Install it with: pip install 'psychomet[jax]'"
        ) from error
    plan = plan_of(joint)
    data = data_of(joint, plan, priors)
    density = density_of(plan, data)
    start = start_of(density, plan)

    def model() -> Any:
        from psychomet.estimates.causes.hierarchy.joint.pymc_model import flat_model

        return flat_model(density, start)

    drawn = sample_density(
        density, start=start, model=model,
        stacked=lambda posterior: posterior["x"].to_numpy(), sampling=sampling, seed=seed,
    )  # fmt: skip
    return drawn, plan, points_of(plan, data)


def start_of(density: Density, plan: Plan) -> Floats:
    """Return where chains start: the mode given standard deviations, correlations and shares.

    Parameters
    ----------
    density : callable
        (m,) array -> (log density, gradient).
    plan : Plan
        Shape of the model.

    Notes
    -----
    The mode of all numbers together need not exist: dimensions and their correlations run to a ridge.
    """
    from psychomet.estimates.causes.hierarchy.joint.parameters import layout

    fixed = _held(plan)
    start = np.zeros(fixed.size)
    for name, part in layout(plan).items():
        if name.endswith(("log_sd", "log_dispersion")):
            level = START_DISPERSION if name.endswith("dispersion") else START_SD
            start[part.start : part.start + int(np.prod(part.shape))] = np.log(level)
        if name == "profile":
            start[part.start : part.start + int(np.prod(part.shape))] = START_PROFILE

    def loss(free: Floats) -> tuple[float, Floats]:
        x = start.copy()
        x[~fixed] = free
        value, slope = density(x)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return WORSE, np.zeros(free.size)
        return -value, -slope[~fixed]

    found = minimize(loss, start[~fixed], jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    start[~fixed] = found.x
    return start


def _held(plan: Plan) -> NDArray[np.bool_]:
    """Which numbers a search for the mode leaves alone: with them it would run to a ridge without end."""
    from psychomet.estimates.causes.hierarchy.joint.parameters import layout, length

    parts = layout(plan)
    mask = np.zeros(length(parts), dtype=bool)
    for name, part in parts.items():
        if name in STRUCTURE_HELD or name.endswith(HELD):
            mask[part.start : part.start + int(np.prod(part.shape))] = True
    return mask
