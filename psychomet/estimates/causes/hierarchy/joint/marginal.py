r"""The likelihood of a unit's answers with its own latent numbers integrated out, at draws of the posterior.

What the others say of a respondent who was not asked is a law of its dimensions, not their value. The likelihood that leaving
it out is about is, therefore,

.. math:: p(y_u \mid \theta) = \sum_m \pi_m(q_u) \int p(y_u \mid z, \theta)\, N(z;\, \mu_m + B x_u + \gamma_{f(u)},\, S R S)\, dz

with everything in :math:`\theta` that units share: predictors and family of the unit are known, its profile is not (Merkle, Furr
and Rabe-Hesketh 2019). Given :math:`z` instead, a unit's answers weigh so much on its own dimensions that importance weights of
leaving it out have no variance. Random effects are part of :math:`\theta` where a level has answers of several units (raters,
prompts, items by prompts); levels that a unit has for itself (respondent by prompt) are integrated out with its dimensions, as
long as that are ``marginal_draws.MOST_DIMENSIONS`` numbers in all, at most.

The place of the nodes is that of the integrand, unit by unit and draw by draw: its mode and the curvature there, in units of
the law of z (Naylor and Smith 1982; Rabe-Hesketh, Skrondal and Pickles 2005). Normal answers are integrated exactly so. Up to
three numbers: a product rule of Gauss and Hermite, with nodes added until the next rule says the same. More: importance
sampling from a t law at the same place, by quasi-random points in pairs of opposite sign, with weights that sum to one;
``LANES`` independent shifts of them say how far it is off. Profiles are integrated one by one.

References
----------
Merkle, E. C., Furr, D. and Rabe-Hesketh, S. (2019). Bayesian comparison of latent variable models: conditional versus marginal
likelihoods. Psychometrika, 84(3), 802-829. https://doi.org/10.1007/s11336-019-09679-0

Naylor, J. C. and Smith, A. F. M. (1982). Applications of a method for the efficient computation of posterior distributions.
Applied Statistics, 31(3), 214-225. https://doi.org/10.2307/2347995

Rabe-Hesketh, S., Skrondal, A. and Pickles, A. (2005). Maximum likelihood estimation of limited and discrete dependent variable
models with nested random effects. Journal of Econometrics, 128(2), 301-323. https://doi.org/10.1016/j.jeconom.2004.08.017
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.scipy.linalg import cho_solve, solve_triangular
from jax.scipy.special import logsumexp
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.joint.density import double, likelihood_at
from psychomet.estimates.causes.hierarchy.joint.marginal_draws import Own, own_effects, parameters, start_of
from psychomet.estimates.causes.hierarchy.joint.marginal_rules import LANES, Rule, product, sampled
from psychomet.estimates.causes.hierarchy.joint.plan import Data, Plan, data_of, plan_of
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST, MOST = 400, 1000
"""Draws of the posterior that are looked at, evenly spaced: more where they cost little."""
LITTLE, MUCH = 3e8, 5e9
"""Answers times nodes times draws that are little, and that are not to be passed with the fewest draws by adding nodes."""
CHUNK = 16
"""Draws at a time; as many decide on the number of nodes."""
PRODUCT: dict[int, tuple[int, ...]] = {1: (5, 9, 15, 25), 2: (5, 7, 9, 13), 3: (5, 7, 9)}
"""Nodes for each number, by how many numbers there are."""
SAMPLED = (256, 1024, 4096)
"""Points of importance sampling."""
ENOUGH = 0.2
"""Error of the sum over units at which no nodes are added: differences of models below 4 are not told apart from none."""
STEPS, NEAR = 25, 0.05
"""Newton steps to the mode at most, and the distance, in standard deviations of the integrand, at which they end."""
LENGTHS = (1.0, 0.3, 0.05, 0.005)
"""Parts of a Newton step that are tried."""
ALL_AT_ONCE = 2_000_000
"""Answers times lanes up to which lanes are computed together."""
STARTS = 50
"""Draws whose mean is where the search for the mode begins."""


class Marginal(NamedTuple):
    """Log-likelihoods of units at draws, and how good they are.

    Attributes
    ----------
    log_likelihood : (draws, units) array
        Logarithm of the density of the unit's answers, its own latent numbers integrated out.
    error : float
        Of the sum over units of a mean over draws: how far another rule is off, or a standard error of Monte Carlo and the
        bias that it brings.
    by_unit : (units,) array
        The same for each unit.
    rule : str
        How it was integrated: "7 x 7 nodes", "1024 points".
    numbers : int
        Latent numbers of a unit that were integrated out.
    """

    log_likelihood: Floats
    error: float
    by_unit: Floats
    rule: str
    numbers: int


class _Evaluated(NamedTuple):
    """Log-likelihoods (draws, units); mean over draws of each lane's share of them, and of the variance between lanes."""

    value: Floats
    lanes: Floats
    noise: Floats


def marginal_likelihood(
    joint: Joint, draws: xr.Dataset, *, most: int | None = None, nodes: int | None = None
) -> Marginal:
    """Return the likelihood of each unit's answers with its own latent numbers integrated out.

    Parameters
    ----------
    joint : Joint
        The model and the answers whose likelihood is wanted.
    draws : Dataset
        Parameters by name, as of ``joint_posterior``; those of a fit to other answers of the same units and items do, too.
    most : int, optional
        Draws looked at, evenly spaced; by default ``FEWEST`` to ``MOST``.
    nodes : int, optional
        For each number (up to three) or in all; by default as many as are needed.

    Notes
    -----
    Costs about as much as that number of nodes, plus 40, times draws, evaluations of the likelihood. Misleads where the
    integrand has several modes far from one another, which no law of this family brings but choices with few answers.
    """
    plan = plan_of(joint)
    own = own_effects(joint, plan)
    size = plan.size + own.size
    flat = {
        str(name): one.transpose("chain", "draw", ...).to_numpy().reshape(-1, *one.shape[2:])
        for name, one in draws.data_vars.items()
    }
    total, rows = len(flat["z"]), sum(block.answer.size for block in joint.blocks) * joint.profiles
    evaluated = _evaluator(joint, plan, own, flat)
    some = _spaced(total, CHUNK)
    if size in PRODUCT:
        rule, error = _product_rule(size, nodes, lambda one: evaluated(some, one).value)
    else:
        rule, error = _sampled_rule(size, nodes, rows, lambda one: evaluated(some, one)), None
    many = int(np.clip(LITTLE / (rows * rule.chunks * LANES), FEWEST, MOST)) if most is None else most
    found = evaluated(_spaced(total, many), rule)
    whole, by_unit = _sampled_error(found) if error is None else (float(error.sum()), error)
    return Marginal(found.value, whole, by_unit, rule.name, size)


def _spaced(total: int, count: int) -> Ints:
    return np.linspace(0, total - 1, min(count, total)).astype(np.int64)


def _evaluator(
    joint: Joint, plan: Plan, own: Own, flat: dict[str, Any]
) -> Callable[[Ints, Rule], _Evaluated]:
    """The function of draws and a rule that evaluates the integral."""
    data = data_of(joint, plan, JointPriors())
    start = start_of(joint, plan, own, flat=flat, at=_spaced(len(flat["z"]), STARTS))
    rows = sum(one.weight.size for one in data.blocks)
    compiled = _compiled(plan, own.first, rows * LANES <= ALL_AT_ONCE)
    with double():
        placed = jax.device_put((data, (own.unit, own.column), start))

    def evaluated(at: Ints, rule: Rule) -> _Evaluated:
        value = np.empty((len(at), plan.units))
        lanes, noise = np.zeros((LANES, plan.units)), np.zeros(plan.units)
        for first in range(0, len(at), CHUNK):
            count = len(at[first : first + CHUNK])
            # The last part is filled up, that it has the shape of the others.
            part = parameters(joint, plan, own, flat=flat, at=np.resize(at[first : first + CHUNK], CHUNK))
            with double():
                found = compiled(part, *placed, rule.nodes, rule.log_weight, rule.chunks)
            value[first : first + count], shares = (np.asarray(one)[:count] for one in found)
            lanes += shares.sum(axis=0) / len(at)
            noise += np.square(shares - 1).sum(axis=(0, 1)) / len(at)
        return _Evaluated(value, lanes, noise)

    return evaluated


def _product_rule(size: int, nodes: int | None, evaluated: Callable[[Rule], Floats]) -> tuple[Rule, Floats]:
    """The smallest rule that the next one agrees with, and how far they are apart by unit."""
    ladder = PRODUCT[size] if nodes is None else (nodes, nodes + 2)
    most = ladder[-1] ** size
    before = product(size, ladder[0], most)
    value = evaluated(before)
    error = np.zeros(value.shape[1])
    for count in ladder[1:]:
        rule = product(size, count, most)
        finer = evaluated(rule)
        error = np.abs((finer - value).mean(axis=0))
        # Not "more than enough": what is no number does not get better.
        if nodes is not None or not error.sum() > ENOUGH:
            return before, error
        before, value = rule, finer
    return before, error


def _sampled_rule(size: int, nodes: int | None, rows: int, evaluated: Callable[[Rule], _Evaluated]) -> Rule:
    """As many points as are needed, and as can be paid for."""
    paid = tuple(one for one in SAMPLED if one * rows * FEWEST <= MUCH) or SAMPLED[:1]
    sizes = paid if nodes is None else (nodes,)
    for count in sizes[:-1]:
        rule = sampled(size, count, sizes[-1])
        if not _sampled_error(evaluated(rule))[0] > ENOUGH:
            return rule
    return sampled(size, sizes[-1], sizes[-1])


def _sampled_error(found: _Evaluated) -> tuple[float, Floats]:
    """Standard error of the sum over units and of each, with the bias of logarithms."""
    freedom = LANES * (LANES - 1)
    bias = 0.5 * found.noise / freedom
    by_unit = np.sqrt(np.square(found.lanes - 1).sum(axis=0) / freedom)
    total = found.lanes.sum(axis=1)
    return float(np.sqrt(np.square(total - total.mean()).sum() / freedom) + bias.sum()), by_unit + bias


@lru_cache(maxsize=16)
def _compiled(plan: Plan, first: tuple[tuple[int, ...], ...], together: bool) -> Any:
    """The integral at several draws: logarithms (draws, units), and lanes relative to their mean (draws, LANES, units)."""

    def many(part: Any, data: Data, places: Any, start: Any, nodes: Any, log_weight: Any, chunks: Any) -> Any:
        def one(draw: dict[str, Any]) -> tuple[Any, Any]:
            def component(of: tuple[Any, Any]) -> Any:
                middle = draw["middle"] + of[0]

                def target(eps: Any) -> Any:
                    return _answers(eps, middle, draw, plan, data, first, places) - 0.5 * jnp.sum(
                        eps**2, axis=-1
                    )

                return _sums(target, of[1], nodes, log_weight, chunks, together)

            lanes = jax.lax.map(component, (draw["profile"], start))
            lanes = logsumexp(draw["log_share"].T[:, None] + lanes, axis=0)
            total = logsumexp(lanes, axis=0)
            return total, LANES * jnp.exp(lanes - total)

        return jax.lax.map(one, part)

    return jax.jit(many)


def _answers(
    eps: Any, middle: Any, draw: dict[str, Any], plan: Plan, data: Data, first: tuple[tuple[int, ...], ...], places: Any
) -> Any:  # fmt: skip
    """Log-likelihood of units given latent numbers in units of their law, (units, numbers)."""
    blocks = []
    for values, own, unit, column in zip(draw["blocks"], first, *places, strict=True):
        effects = [
            given if offset < 0 else given * eps[who, plan.size + where]
            for given, offset, who, where in zip(values["effects"], own, unit, column, strict=True)
        ]
        blocks.append(values | {"effects": effects})
    z = middle + eps[:, : plan.size] @ draw["scale"].T
    found = {"z": z, "within_effect": draw["within_effect"], "blocks": blocks}
    return likelihood_at(found, plan, data)


def _sums(
    target: Callable[[Any], Any], start: Any, nodes: Any, log_weight: Any, chunks: Any, together: bool
) -> Any:
    """Logarithm of the integral of exp(target) over a normal constant, by unit: sums over nodes in lanes."""
    middle, root = _mode(target, start)
    size = middle.shape[-1]
    unit = jnp.broadcast_to(jnp.eye(size), root.shape)
    spread = solve_triangular(root, unit, trans="T", lower=True)
    volume = -jnp.sum(jnp.log(jnp.diagonal(root, axis1=-2, axis2=-1)), axis=-1)

    def at(x: Any) -> Any:
        return target(middle + spread @ x)

    lanes: Any = jax.vmap(at) if together else lambda points: jax.lax.map(at, points)

    def add(chunk: Any, sums: Any) -> Any:
        return jnp.logaddexp(sums, log_weight[chunk][:, None] + lanes(nodes[chunk]))

    empty = jnp.full((LANES, middle.shape[0]), -jnp.inf)
    return volume + jax.lax.fori_loop(0, chunks, add, empty)


def _mode(target: Callable[[Any], Any], start: Any) -> tuple[Any, Any]:
    """Where the integrand of each unit is highest, and the Cholesky factor of its curvature there."""
    slope_of = jax.grad(lambda eps: jnp.sum(target(eps)))
    units, size = start.shape
    basis = jnp.broadcast_to(jnp.eye(size)[:, None], (size, units, size))

    def looked(eps: Any) -> tuple[Any, Any, Any, Any]:
        slope, push = jax.linearize(slope_of, eps)
        curvature = -jnp.moveaxis(jax.vmap(push)(basis), 0, -1)
        root = jnp.linalg.cholesky(curvature)
        good = jnp.isfinite(root).all(axis=(-2, -1), keepdims=True)
        # Where it is not concave a step is short, and the law of the latent numbers itself is the place.
        shift = jnp.sqrt(jnp.sum(jnp.square(curvature), axis=(-2, -1), keepdims=True)) * jnp.eye(size)
        safe = jnp.where(good, root, jnp.linalg.cholesky(curvature + 2 * shift))
        step = cho_solve((safe, True), slope[..., None])[..., 0]
        fall = jnp.sum(step * slope, axis=-1)
        far = jnp.sqrt(jnp.max(jnp.where(jnp.isfinite(fall), fall, 0.0)))
        return eps, jnp.where(good, root, jnp.eye(size)), step, far

    def onward(state: tuple[Any, Any]) -> tuple[Any, Any]:
        count, (eps, _, step, _) = state
        tried = jnp.stack([eps, *(eps + part * step for part in LENGTHS)])
        value = jax.lax.map(target, tried)
        best = jnp.argmax(jnp.where(jnp.isfinite(value), value, -jnp.inf), axis=0)
        return count + 1, looked(jnp.take_along_axis(tried, best[None, :, None], axis=0)[0])

    def away(state: tuple[Any, Any]) -> Any:
        return (state[0] < STEPS) & (state[1][3] > NEAR)

    # The first round looks only: what is compiled holds the second derivatives once.
    nothing = (start, jnp.zeros((units, size, size)), jnp.zeros_like(start), jnp.inf)
    _, (eps, root, _, _) = jax.lax.while_loop(away, onward, (0, nothing))
    return eps, root
