"""Parameters drawn from the prior, and answers drawn given parameters: in NumPy, on its own, to hold the density against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit, softmax
from scipy.stats import norm

from psychomet.estimates.causes.hierarchy.joint.plan import CORRELATED, MOVED, plan_of
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Joint, JointPriors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Parameters = dict[str, Any]

SLAB_DF = 4.0
MOST_RATE = 1e15
"""Largest mean of a count that is drawn: NumPy's Poisson generator goes no further than 2^63."""


def prior_draw(joint: Joint, priors: JointPriors, rng: np.random.Generator) -> Parameters:
    """Draw all parameters, and the dimensions of every unit, from the prior.

    Parameters
    ----------
    joint : Joint
        The model; its answers are not looked at.
    priors : JointPriors
        Scales of the priors.
    rng : Generator
        Of the random numbers.

    Returns
    -------
    dict of str to array
        Named as the draws of a posterior, without chain and draw.
    """
    roles = np.array([one.role for one in joint.dimensions])
    size = roles.size
    free = np.array([one.free_sd for one in joint.dimensions])
    chosen = np.flatnonzero(np.isin(roles, CORRELATED))
    made: Parameters = {"sd": np.where(free, np.abs(priors.effect * rng.standard_normal(size)), 1.0)}
    made["correlation"] = np.eye(size)
    made["correlation"][np.ix_(chosen, chosen)] = correlation_draw(chosen.size, priors.correlation, rng)
    made["mean"] = np.where(roles == "growth", priors.coefficient * rng.standard_normal(size), 0.0)
    _draw_structure(joint, priors, made, np.isin(roles, MOVED), rng)
    middle = unit_means(joint, made)
    if joint.profiles > 1:
        _draw_profiles(joint, priors, made, chosen, rng)
        shares = membership_shares(joint, made)
        which = np.array([rng.choice(joint.profiles, p=row) for row in shares])
        made["profile_of_unit"], made["share"] = which, shares.mean(axis=0)
        middle = middle + made["profile_mean"][which]
    root = np.linalg.cholesky(made["correlation"])
    made["z"] = middle + made["sd"] * (rng.standard_normal((len(joint.units), size)) @ root.T)
    plan = plan_of(joint)
    if plan.within:
        made["within_effect"] = np.zeros((plan.within, size))
        made["within_effect"][:, list(plan.within_on)] = priors.coefficient * rng.standard_normal(
            (plan.within, len(plan.within_on))
        )
    for block, shape in zip(joint.blocks, plan.blocks, strict=True):
        _draw_block(block, shape.anchored, priors, made, rng)
    for k in plan.mirrored:
        _turn_slopes(joint, made, k)
    return made


def _turn_slopes(joint: Joint, made: Parameters, k: int) -> None:
    """The prior is the same either way: kept is the way in which the last slopes of choices have a positive sum."""
    chosen = [block for block in joint.blocks if block.family == "choice"]
    total = sum(
        made[f"{block.name}: slope"][at, block.categories[at] - 1]
        for block in chosen
        for at in np.flatnonzero(block.dimension == k)
    )
    if total < 0:
        for block in chosen:
            made[f"{block.name}: slope"][block.dimension == k] *= -1


def correlation_draw(size: int, shape: float, rng: np.random.Generator) -> Floats:
    """Draw a correlation matrix of the LKJ law by the onion method (Lewandowski, Kurowicka and Joe 2009).

    Parameters
    ----------
    size : int
        Order.
    shape : float
        1 is uniform.
    rng : Generator
        Of the random numbers.
    """
    found = np.eye(size)
    if size < 2:
        return found
    b = shape + (size - 2) / 2
    found[0, 1] = found[1, 0] = 2 * rng.beta(b, b) - 1
    for k in range(2, size):
        b -= 0.5
        direction = rng.standard_normal(k)
        w = np.sqrt(rng.beta(k / 2, b)) * direction / np.linalg.norm(direction)
        found[:k, k] = found[k, :k] = np.linalg.cholesky(found[:k, :k]) @ w
    return found


def unit_means(joint: Joint, parameters: Mapping[str, Any]) -> Floats:
    """Return the means of the dimensions of every unit, profiles aside."""
    middle = np.tile(parameters["mean"], (len(joint.units), 1))
    if "coefficient" in parameters:
        middle = middle + joint.predictors @ parameters["coefficient"]
    if joint.family is not None:
        middle = middle + parameters["family_mean"][joint.family]
    return middle


def membership_shares(joint: Joint, parameters: Mapping[str, Any]) -> Floats:
    """Return the probability of every profile for every unit before its answers, (units, profiles)."""
    if not joint.covariates.shape[1]:
        return np.tile(parameters["share"], (len(joint.units), 1))
    logits = parameters["membership_intercept"] + joint.covariates @ parameters["membership_slope"]
    return np.asarray(softmax(logits, axis=1))


def _draw_structure(
    joint: Joint, priors: JointPriors, made: Parameters, moved: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    predictors, size = joint.predictors.shape[1], moved.size
    if predictors and joint.shrinkage == "horseshoe":
        active = min(priors.active, predictors / 2)
        level = active / (predictors - active) / np.sqrt(len(joint.units))
        wide = np.abs(level * rng.standard_cauchy(size))
        local = np.abs(rng.standard_cauchy((predictors, size)))
        slab = np.sqrt(SLAB_DF / 2 * priors.coefficient**2 / rng.gamma(SLAB_DF / 2, size=size))
        scale = slab * wide * local / np.sqrt(slab**2 + (wide * local) ** 2)
        made |= {"global_scale": wide * moved, "local_scale": local * moved, "slab": slab * moved}
        made["coefficient"] = moved * scale * rng.standard_normal((predictors, size))
    elif predictors:
        made["coefficient"] = moved * priors.coefficient * rng.standard_normal((predictors, size))
    if joint.family is not None:
        count = len(joint.families)
        raw = rng.standard_normal((count, size))
        made["family_sd"] = moved * np.abs(priors.effect * rng.standard_normal(size)) * (count > 1)
        made["family_mean"] = made["family_sd"] * (raw - raw.mean(axis=0))


def _draw_profiles(
    joint: Joint, priors: JointPriors, made: Parameters, chosen: Ints, rng: np.random.Generator
) -> None:
    count, size = joint.profiles, made["sd"].size
    raw = priors.coefficient * rng.standard_normal((count, chosen.size))
    raw -= raw.mean(axis=0)
    raw[:, 0] = np.sort(raw[:, 0])
    made["profile_mean"] = np.zeros((count, size))
    made["profile_mean"][:, chosen] = raw
    covariates = joint.covariates.shape[1]
    if covariates:
        # The same law whichever profile comes first: differences of two logits have the scale of the prior.
        logits = priors.coefficient / np.sqrt(2.0) * rng.standard_normal((covariates + 1, count))
        logits -= logits[:, :1]
        made["membership_intercept"], made["membership_slope"] = logits[0], logits[1:]
    else:
        made["share"] = rng.dirichlet(np.full(count, priors.concentration))


def _draw_block(
    block: Block, anchored: tuple[int, ...], priors: JointPriors, made: Parameters, rng: np.random.Generator
) -> None:
    items, name = len(block.items), f"{block.name}: "
    if block.regress:
        made[f"{name}coefficient"] = priors.coefficient * rng.standard_normal((items, len(block.regress)))
    elif block.family != "choice":
        draw = rng.normal(priors.loading_location, priors.loading_scale, items if block.loaded else 1)
        made[f"{name}loading"] = np.broadcast_to(np.exp(draw), (items,))
    if block.family in ("ordinal", "binary"):
        count = block.categories if block.family == "ordinal" else np.full(items, 2)
        found = np.full((items, int(max(count)) - 1), np.nan)
        for row, categories in zip(found, count, strict=True):
            draw = priors.threshold * rng.standard_normal(categories - 1)
            row[: categories - 1] = draw if block.link == "adjacent" else np.sort(draw)
        made[f"{name}threshold"] = found
    elif block.family == "choice":
        shape = (items, int(max(block.categories)))
        column = np.arange(shape[1])[None]
        slope = priors.coefficient * rng.standard_normal(shape)
        last = block.categories[list(anchored)] - 1
        slope[list(anchored), last] = np.abs(slope[list(anchored), last])
        for what, values in (("intercept", priors.threshold * rng.standard_normal(shape)), ("slope", slope)):
            known = np.where(column < np.asarray(block.categories)[:, None], values, np.nan)
            made[f"{name}{what}"] = np.where(column == 0, 0.0, known)
    else:
        made[f"{name}intercept"] = priors.threshold * rng.standard_normal(items)
    if block.family == "normal":
        made[f"{name}residual"] = rng.gamma(2.0, priors.residual / 2, items)
    if block.family in ("count", "beta_binomial"):
        made[f"{name}dispersion"] = np.abs(priors.dispersion * rng.standard_normal(items))
    if block.rater is not None:
        raw = priors.loading_scale * rng.standard_normal(len(block.raters))
        made[f"{name}discrimination"] = np.exp(raw - raw.mean())
    for effect in block.effects:
        sd = abs(priors.effect * rng.standard_normal())
        made[f"{name}sd of {effect.name}"] = np.asarray(sd)
        made[f"{name}{effect.name}"] = sd * rng.standard_normal(len(effect.labels))


def simulated(joint: Joint, parameters: Mapping[str, Any], rng: np.random.Generator) -> Joint:
    """Return the same design with answers drawn given parameters.

    Parameters
    ----------
    joint : Joint
        The design. A row of weight w stands for w answers: it is repeated, and every row has weight 1.
    parameters : mapping of str to array
        Named as the draws of a posterior, without chain and draw.
    rng : Generator
        Of the random numbers.
    """
    whole = tuple(_repeated(block) for block in joint.blocks)
    answered = tuple(block._replace(answer=_answers(joint, block, parameters, rng)) for block in whole)
    return joint._replace(blocks=answered)


def _repeated(block: Block) -> Block:
    times = np.rint(block.weight).astype(np.int64)
    if (times == 1).all():
        return block
    rows = np.repeat(np.arange(times.size), times)

    def of(values: Any) -> Any:
        return None if values is None else values[rows]

    return block._replace(
        answer=block.answer[rows], weight=np.ones(rows.size), unit=block.unit[rows], item=block.item[rows],
        effects=tuple(one._replace(level=one.level[rows]) for one in block.effects), rater=of(block.rater),
        time=of(block.time), within=of(block.within), trials=of(block.trials),
    )  # fmt: skip


def predictor(joint: Joint, block: Block, parameters: Mapping[str, Any]) -> Floats:
    """Return the predictor of every row, before thresholds and intercepts."""
    z, name = np.asarray(parameters["z"]), f"{block.name}: "
    growth = {one.of: at for at, one in enumerate(joint.dimensions) if one.role == "growth"}

    def state(k: int, rows: Any) -> Floats:
        value = z[block.unit[rows], k]
        if block.time is not None and k in growth:
            value = value + block.time[rows] * z[block.unit[rows], growth[k]]
        if block.within is not None:
            value = value + block.within[rows] @ parameters["within_effect"][:, k]
        return np.asarray(value)

    eta = np.zeros(block.answer.size)
    for item in range(len(block.items)):
        rows = block.item == item
        if block.regress:
            own = parameters[f"{name}coefficient"][item]
            eta[rows] = sum(b * state(k, rows) for b, k in zip(own, block.regress, strict=True))
        else:
            loading = 1.0 if block.family == "choice" else parameters[f"{name}loading"][item]
            eta[rows] = block.sign[item] * loading * state(int(block.dimension[item]), rows)
    if block.rater is not None:
        eta = eta * parameters[f"{name}discrimination"][block.rater]
    if block.family != "choice":
        for k in block.styles:
            if joint.dimensions[k].role == "acquiescence":
                eta = eta + z[block.unit, k]
    for effect in block.effects:
        eta = eta + parameters[f"{name}{effect.name}"][effect.level]
    return eta


def probabilities(joint: Joint, block: Block, parameters: Mapping[str, Any], eta: Floats) -> Floats:
    """Return the probability of every category of ordinal, binary and choice answers, (rows, categories)."""
    name = f"{block.name}: "
    if block.family == "choice":
        intercept, slope = (parameters[f"{name}{what}"][block.item] for what in ("intercept", "slope"))
        logits = np.where(np.isnan(slope), -np.inf, intercept + slope * eta[:, None])
        return np.asarray(softmax(logits, axis=1))
    threshold = np.asarray(parameters[f"{name}threshold"])[block.item]
    for k in block.styles:
        if joint.dimensions[k].role == "extremity":
            threshold = threshold * np.exp(-np.asarray(parameters["z"])[block.unit, k])[:, None]
    missing = np.isnan(threshold)
    if block.link == "adjacent":
        steps = np.where(missing, -np.inf, eta[:, None] - threshold)
        return np.asarray(softmax(np.column_stack([np.zeros(eta.size), np.cumsum(steps, axis=1)]), axis=1))
    law = norm.cdf if block.link == "probit" else expit
    above = np.where(missing, 0.0, law(eta[:, None] - threshold))
    ends = np.column_stack([np.ones(eta.size), above, np.zeros(eta.size)])
    return np.asarray(-np.diff(ends, axis=1))


def _answers(joint: Joint, block: Block, parameters: Mapping[str, Any], rng: np.random.Generator) -> Floats:
    eta, name = predictor(joint, block, parameters), f"{block.name}: "
    if block.family in ("ordinal", "binary", "choice"):
        chance = np.cumsum(probabilities(joint, block, parameters, eta), axis=1)
        chosen = (rng.random(eta.size)[:, None] > chance[:, :-1]).sum(axis=1)
        return np.asarray(chosen, dtype=float)
    eta = eta + parameters[f"{name}intercept"][block.item]
    if block.family == "normal":
        return eta + parameters[f"{name}residual"][block.item] * rng.standard_normal(eta.size)
    if block.family == "count":
        size = parameters[f"{name}dispersion"][block.item] ** -2.0
        exposure = 1.0 if block.trials is None else block.trials
        mean = np.minimum(np.exp(eta) * exposure, MOST_RATE)
        return np.asarray(rng.poisson(rng.gamma(size) * mean / size), dtype=float)
    trials = np.ones(eta.size) if block.trials is None else block.trials
    rate = np.asarray(expit(eta))
    if block.family == "beta_binomial":
        size = parameters[f"{name}dispersion"][block.item] ** -2.0
        # Of two gamma numbers: a beta generator fails where both shapes are tiny.
        yes, no = rng.gamma(size * rate), rng.gamma(size * expit(-eta))
        rate = np.where(
            yes + no > 0, yes / np.where(yes + no > 0, yes + no, 1.0), rng.random(eta.size) < rate
        )
    return np.asarray(rng.binomial(trials.astype(np.int64), rate), dtype=float)


def parameters_at(draws: xr.Dataset, chain: int, draw: int) -> dict[str, Floats]:
    """Return the parameters of one draw, as ``simulation.simulated`` takes them.

    Parameters
    ----------
    draws : Dataset
        Of a posterior.
    chain, draw : int
        Which, from 0.
    """
    one = draws.isel(chain=chain, draw=draw)
    return {str(name): values.to_numpy() for name, values in one.data_vars.items()}
