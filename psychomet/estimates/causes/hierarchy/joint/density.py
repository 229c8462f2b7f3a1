r"""The log density of a joint model and its gradient, in JAX. For the coordinates of units see ``dimensions``.

Thresholds are in units of sqrt(1 + loading^2 / latent variance), for answers tell those of the margins whatever the loading is:
together with the middle threshold first, three times the effective draws of thresholds, twice those of loadings.

Thresholds and intercepts are sampled relative to the mean predictor of their item, which the answers tell whatever the
level of traits, effects and styles is. That is a shear: its Jacobian is 1, and the model is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import experimental
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.joint import laws
from psychomet.estimates.causes.hierarchy.joint.dimensions import weights_of
from psychomet.estimates.causes.hierarchy.joint.parameters import Terms, constrained, layout, length
from psychomet.estimates.causes.hierarchy.joint.plan import ORDERED, BlockPlan, Data, Plan, Rows
from psychomet.estimates.causes.hierarchy.joint.priors import normal

Floats = NDArray[np.float64]

LATENT = {"logit": np.pi**2 / 3, "probit": 1.0}
"""Variance of a latent answer given the predictor."""


class Found(NamedTuple):
    """A point of the model: parameters, log densities, and the log-likelihood of each unit."""

    parameters: dict[str, Any]
    terms: Terms
    by_unit: Any


@contextmanager
def double() -> Iterator[None]:
    """Double precision in this context and nowhere else."""
    # Older versions of JAX have it elsewhere.
    switch: Any = getattr(jax if hasattr(jax, "enable_x64") else experimental, "enable_x64")  # noqa: B009
    with switch(True):
        yield


def model_at(x: Any, plan: Plan, data: Data) -> Found:
    """Return parameters and log densities at a vector.

    Parameters
    ----------
    x : (m,) array
        As in ``parameters.layout``.
    plan : Plan
        Shape of the model.
    data : Data
        Its arrays.
    """
    found, terms = constrained(x, plan, data)
    prior, jacobian, by_unit = terms.prior, terms.jacobian, jnp.zeros(plan.units)
    growing = _growing(found["z"], plan)
    for block, rows, values in zip(plan.blocks, data.blocks, found["blocks"], strict=True):
        eta = _predictor(block, rows, values, found, growing)
        more = _placed(block, rows, values, eta, data.priors.threshold)
        prior, jacobian = prior + more[0], jacobian + more[1]
        each = _answers(block, rows, values, eta, found["z"]) + rows.constant
        by_unit = by_unit + _by_unit(block, rows, rows.weight * each, plan.units)
    return Found(found, terms._replace(prior=prior, jacobian=jacobian), by_unit)


def likelihood_at(found: dict[str, Any], plan: Plan, data: Data) -> Any:
    """Return the log-likelihood of each unit given its dimensions, where thresholds and intercepts are in their places.

    Parameters
    ----------
    found : dict
        Parameters as in ``Found``.
    plan : Plan
        Shape of the model.
    data : Data
        Its arrays.
    """
    by_unit, growing = jnp.zeros(plan.units), _growing(found["z"], plan)
    for block, rows, values in zip(plan.blocks, data.blocks, found["blocks"], strict=True):
        eta = _predictor(block, rows, values, found, growing)
        each = _answers(block, rows, values, eta, found["z"]) + rows.constant
        by_unit = by_unit + _by_unit(block, rows, rows.weight * each, plan.units)
    return by_unit


def _growing(z: Any, plan: Plan) -> Any:
    """The growth of every trait that grows, in its column."""
    growing = jnp.zeros_like(z)
    for dimension, trait in plan.growth:
        growing = growing.at[:, trait].set(z[:, dimension])
    return growing


def density_of(plan: Plan, data: Data) -> Callable[[Floats], tuple[float, Floats]]:
    """Return a function of the vector that gives the log density and its gradient.

    Parameters
    ----------
    plan : Plan
        Shape of the model: one compilation for each.
    data : Data
        Arrays of NumPy.
    """
    compiled = _compiled(plan)
    with double():
        placed = jax.device_put(data)

    def density(x: Floats) -> tuple[float, Floats]:
        with double():
            value, slope = compiled(np.asarray(x, dtype=np.float64), placed)
        return float(value), np.asarray(slope)

    return density


@lru_cache(maxsize=32)
def _compiled(plan: Plan) -> Any:
    def total(x: Any, data: Data) -> Any:
        found = model_at(x, plan, data)
        return sum(found.terms) + jnp.sum(found.by_unit)

    return jax.jit(jax.value_and_grad(total))


def points_of(plan: Plan, data: Data) -> Callable[[Floats], Found]:
    """Return a function of vectors (draws, m) that gives parameters, log densities and log-likelihoods, as NumPy arrays."""
    compiled = _mapped(plan)
    with double():
        placed = jax.device_put(data)

    def points(x: Floats) -> Found:
        with double():
            found: Found = jax.tree.map(np.asarray, compiled(np.asarray(x, dtype=np.float64), placed))
        return found

    return points


@lru_cache(maxsize=32)
def _mapped(plan: Plan) -> Any:
    return jax.jit(lambda x, data: jax.lax.map(lambda one: model_at(one, plan, data), x))


def size_of(plan: Plan) -> int:
    """Return how many numbers are sampled."""
    return length(layout(plan))


def _predictor(
    block: BlockPlan, rows: Rows, values: dict[str, Any], found: dict[str, Any], growing: Any
) -> Any:
    """The predictor of each row, before thresholds and intercepts."""
    weights = weights_of(block, rows, values, found["z"].shape[1])
    eta = _cells(block, rows, found["z"] @ weights.T)
    if block.time:
        eta = eta + rows.time * _cells(block, rows, growing @ weights.T)
    if block.within:
        changes = found["within_effect"] @ weights.T
        eta = eta + (
            jnp.einsum("ruiw,wi->rui", rows.within, changes)
            if block.repeats
            else jnp.sum(rows.within * changes.T[rows.item], axis=-1)
        )
    if block.raters:
        eta = eta * values["discrimination"][rows.rater]
    for style in block.acquiescence:
        eta = eta + _units(block, rows, found["z"][:, style])
    for level, effect in zip(rows.levels, values["effects"], strict=True):
        eta = eta + effect[level]
    return jnp.broadcast_to(eta, rows.weight.shape)


def _cells(block: BlockPlan, rows: Rows, table: Any) -> Any:
    """Values of rows from a table (units, items)."""
    return table[None] if block.repeats else table.reshape(-1)[rows.cell]


def _units(block: BlockPlan, rows: Rows, values: Any) -> Any:
    return values[None, :, None] if block.repeats else values[rows.unit]


def _items(block: BlockPlan, rows: Rows, values: Any) -> Any:
    """Values of rows from an array whose first dimension is the items."""
    return values[None, None] if block.repeats else values[rows.item]


def _by_item(block: BlockPlan, rows: Rows, values: Any) -> Any:
    """Sums of rows by item."""
    if block.repeats:
        return jnp.sum(values, axis=(0, 1))
    return jax.ops.segment_sum(values, rows.item, num_segments=block.items)


def _by_unit(block: BlockPlan, rows: Rows, values: Any, units: int) -> Any:
    if block.repeats:
        return jnp.sum(values, axis=(0, 2))
    return jax.ops.segment_sum(values, rows.unit, num_segments=units)


def _placed(block: BlockPlan, rows: Rows, values: dict[str, Any], eta: Any, scale: Any) -> tuple[Any, Any]:
    """Give thresholds and intercepts their place in ``values``; return their log prior and the Jacobian."""
    mean = _by_item(block, rows, rows.weight * eta) / jnp.maximum(_by_item(block, rows, rows.weight), 1e-9)
    if block.family in ORDERED:
        return _thresholds(block, values, mean, scale)
    if block.family != "choice":
        values["intercept"] = values["intercept"] - mean
        return normal(values["intercept"], scale), 0.0
    slope = _padded(values["slope"], block, 0.0, first=True)
    inside = _inside(block, first=True)
    level = jnp.where(
        inside, _padded(values["intercept"], block, 0.0, first=True) - slope * mean[:, None], 0.0
    )
    values["slope"], values["intercept"] = slope, level
    return _masked_normal(level, inside, scale), 0.0


def _thresholds(block: BlockPlan, values: dict[str, Any], mean: Any, scale: Any) -> tuple[Any, Any]:
    """Thresholds (items, boundaries), far away beyond the categories of an item; a sorted sample of a normal law."""
    inside = _inside(block)
    if block.link == "adjacent":
        place, jacobian, constant = _padded(values["step"], block, 0.0) + mean[:, None], 0.0, 0.0
    else:
        place, jacobian = _sorted_thresholds(block, values, mean)
        constant = float(sum(np.log(np.arange(1, c)).sum() for c in block.categories))
    values["threshold"] = jnp.where(inside, place, laws.FAR)
    return _masked_normal(place, inside, scale) + constant, jacobian


def _sorted_thresholds(block: BlockPlan, values: dict[str, Any], mean: Any) -> tuple[Any, Any]:
    """Thresholds from the middle one and differences, in units of the spread of answers; and the Jacobian."""
    inside = _inside(block)
    count = inside.sum(axis=1)
    spread = jnp.sqrt(1 + jnp.square(values.get("loading", jnp.zeros(block.items))) / LATENT[block.link])
    place = values["first"][:, None]
    if "gap" in values:
        steps = jnp.cumsum(jnp.exp(_padded(values["gap"], block, 0.0, short=True)), axis=1)
        steps = jnp.pad(steps, ((0, 0), (1, 0)))
        place = place + steps - steps[np.arange(block.items), (count - 1) // 2][:, None]
    return mean[:, None] + spread[:, None] * place, jnp.sum(count * jnp.log(spread))


def _masked_normal(values: Any, inside: Any, scale: Any) -> Any:
    kept = jnp.where(inside, values, 0.0)
    return -0.5 * jnp.sum(jnp.square(kept / scale)) - inside.sum() * (jnp.log(scale) + 0.5 * laws.LOG_2PI)


def _inside(block: BlockPlan, *, first: bool = False) -> NDArray[np.bool_]:
    """Which boundaries an item has, or which categories but the first, in a table with a column for the first."""
    count = np.array(block.categories)
    if first:
        column = np.arange(count.max())
        return (column[None] < count[:, None]) & (column[None] > 0)
    return np.asarray(np.arange(count.max() - 1)[None] < count[:, None] - 1)


def _padded(flat: Any, block: BlockPlan, spare: float, *, short: bool = False, first: bool = False) -> Any:
    """A table by item from numbers that stand one item after the other; ``short`` for differences, one fewer."""
    inside = _inside(block, first=first)
    if short:
        inside = inside[:, 1:]
    return jnp.full(inside.shape, spare).at[np.nonzero(inside)].set(flat)


def _answers(block: BlockPlan, rows: Rows, values: dict[str, Any], eta: Any, z: Any) -> Any:
    """Log probability of each row."""
    if block.family in ORDERED:
        return _ordered(block, rows, values, eta, z)
    if block.family == "choice":
        level, slope = (_items(block, rows, values[name]) for name in ("intercept", "slope"))
        known = np.arange(max(block.categories))[None] < np.array(block.categories)[:, None]
        logits = jnp.where(_items(block, rows, jnp.asarray(known)), level + slope * eta[..., None], -laws.FAR)
        return laws.categories_law(rows.answer, logits)
    eta = eta + _items(block, rows, values["intercept"])
    if block.family == "normal":
        return laws.normal_law(rows.answer, eta, _items(block, rows, values["residual"]))
    if block.family == "count":
        log_mean = eta if rows.trials is None else eta + jnp.log(rows.trials)
        return laws.negative_binomial(rows.answer, log_mean, _items(block, rows, values["dispersion"]))
    if block.family == "binomial":
        return laws.binomial(rows.answer, rows.trials, eta)
    return laws.beta_binomial(rows.answer, rows.trials, eta, _items(block, rows, values["dispersion"]))


def _ordered(block: BlockPlan, rows: Rows, values: dict[str, Any], eta: Any, z: Any) -> Any:
    threshold = values["threshold"]
    stretch = None if block.extremity < 0 else jnp.exp(-_units(block, rows, z[:, block.extremity]))
    if block.link == "adjacent":
        inside = np.pad(_inside(block), ((0, 0), (1, 0)), constant_values=True)
        total = jnp.cumsum(jnp.where(inside[:, 1:], threshold, 0.0), axis=1)
        total = _items(block, rows, jnp.pad(total, ((0, 0), (1, 0))))
        total = total if stretch is None else total * stretch[..., None]
        logits = eta[..., None] * np.arange(inside.shape[1]) - total
        return laws.categories_law(
            rows.answer, jnp.where(_items(block, rows, jnp.asarray(inside)), logits, -laws.FAR)
        )
    edge = jnp.pad(threshold, ((0, 0), (1, 1)), constant_values=laws.FAR).at[:, 0].set(-laws.FAR)
    lower, upper = _picked(block, rows, edge[:, :-1]), _picked(block, rows, edge[:, 1:])
    if stretch is not None:
        lower, upper = lower * stretch, upper * stretch
    if block.link == "probit":
        return laws.cumulative_probit(eta - lower, eta - upper)
    if stretch is None:
        gap = _picked(block, rows, laws.log1mexp(edge[:, 1:] - edge[:, :-1]))
    else:
        gap = laws.log1mexp(upper - lower)
    return laws.cumulative_logit(eta - lower, eta - upper, gap)


def _picked(block: BlockPlan, rows: Rows, table: Any) -> Any:
    """Value of each row from a table (items, categories)."""
    if not block.repeats:
        return table.reshape(-1)[rows.item * table.shape[1] + rows.answer]
    value = jnp.broadcast_to(table[:, 0], rows.answer.shape)
    for code in range(1, table.shape[1]):
        value = jnp.where(rows.answer == code, table[:, code], value)
    return value
