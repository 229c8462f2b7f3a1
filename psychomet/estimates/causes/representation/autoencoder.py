"""First stage: what the measurements of a modality have in common, told apart from what each has alone.

Every measurement has an encoder, to the latents of the blocks that it carries and to a nuisance of its own, and a
decoder from both. The latents of a block are the precision-weighted mean of what its measurements say. In
training a random part of the measurements is left out of that mean for every row, and all are decoded from what
is left: what only one measurement knows cannot help to decode the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.networks import forward, mlp

Floats = NDArray[np.float64]
Params = Any
JITTER = 0.02
"""Standard deviation of the noise on unit-variance latents: without it a latent could hold two numbers."""
AGREE = 0.1
"""Weight of the squared distance between what a measurement says and the mean."""
CONTRAST = 0.5
"""Weight of telling a respondent from the others of a batch by what two measurements say of a block: without it
a latent may fold, and the nuisances of the measurements quietly say which side of the fold a respondent is on."""
CROWD = 128
"""Rows of a batch that are told from each other; the cost is their square."""
FLOOR = 1e-6
"""Of a residual variance: a decoder without error has no likelihood."""
MOST_LOG_PRECISION = 6.0
MOST_HEAT = 6.0


class Part(NamedTuple):
    """Some coordinates of a measurement and the likelihood they have.

    ``kind`` is "gaussian" (as many decoder outputs as coordinates), "categorical" (one-hot coordinates, as many
    outputs) or "ordinal" (one-hot coordinates of ordered levels, one output).
    """

    kind: str
    start: int
    stop: int


class Look(NamedTuple):
    """One measurement: the blocks of latents that it carries, and its parts."""

    name: str
    blocks: tuple[int, ...]
    parts: tuple[Part, ...]
    width: int


class Plan(NamedTuple):
    """Sizes of the first stage: latents of every block, measurements, nuisance latents, hidden width."""

    sizes: tuple[int, ...]
    looks: tuple[Look, ...]
    nuisance: int
    hidden: int


def start(key: jax.Array, plan: Plan) -> Params:
    """Draw the parameters of one copy."""
    made: list[Params] = []
    for at, look in enumerate(plan.looks):
        inner = sum(plan.sizes[b] for b in look.blocks)
        one, two = jax.random.split(jax.random.fold_in(key, at))
        outputs = sum(1 if p.kind == "ordinal" else p.stop - p.start for p in look.parts)
        steps = [jnp.zeros(p.stop - p.start - 1) for p in look.parts if p.kind == "ordinal"]
        made.append({
            "in": mlp(one, [look.width, plan.hidden, plan.hidden, 2 * inner + plan.nuisance]),
            "out": mlp(two, [inner + plan.nuisance, plan.hidden, plan.hidden, outputs]),
            "steps": steps,
        })  # fmt: skip
    return {"looks": made, "heat": jnp.full(len(plan.sizes), jnp.log(5.0))}


def encode(params: Params, plan: Plan, data: Sequence[jax.Array]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return per block the means (looks, n, size) and precisions, and per look the nuisance (n, nuisance)."""
    means: list[list[jax.Array]] = [[] for _ in plan.sizes]
    precisions: list[list[jax.Array]] = [[] for _ in plan.sizes]
    nuisances = []
    for one, look, x in zip(params["looks"], plan.looks, data, strict=True):
        out = forward(one["in"], x)
        inner = sum(plan.sizes[b] for b in look.blocks)
        at = 0
        for b in look.blocks:
            size = plan.sizes[b]
            means[b].append(out[:, at : at + size])
            log = MOST_LOG_PRECISION * jnp.tanh(out[:, inner + at : inner + at + size] / MOST_LOG_PRECISION)
            precisions[b].append(jnp.exp(log))
            at += size
        nuisances.append(out[:, 2 * inner :])
    return [jnp.stack(m) for m in means], [jnp.stack(p) for p in precisions], nuisances


def fuse(means: jax.Array, precisions: jax.Array, there: jax.Array) -> jax.Array:
    """Return the precision-weighted mean over the measurements that are there: (looks, n, size), (looks, n)."""
    weights = precisions * there[:, :, None]
    return (weights * means).sum(axis=0) / (weights.sum(axis=0) + 1e-12)


def loss(params: Params, rows: Any, key: jax.Array, plan: Plan) -> jax.Array:
    """Mean negative log-likelihood of a coordinate (constants left out) plus the price of disagreement."""
    data, there = rows["data"], rows["there"].T
    means, precisions, nuisances = encode(params, plan, data)
    total = jnp.zeros(())
    latents: list[jax.Array] = []
    for b in range(len(plan.sizes)):
        mine = jnp.array([at for at, look in enumerate(plan.looks) if b in look.blocks])
        seen = there[mine]
        key, drop, jitter = jax.random.split(key, 3)
        kept = _some(drop, seen)
        z = fuse(means[b], precisions[b], kept)
        centre, spread = _moments(z, seen.max(axis=0))
        apart = ((means[b] - z) / spread) ** 2
        total += AGREE * (apart.mean(axis=2) * seen).sum() / (seen.sum() + 1e-12)
        total += CONTRAST * _contrast(
            (means[b] - centre) / spread, seen, jnp.exp(jnp.minimum(params["heat"][b], MOST_HEAT))
        )
        latents.append((z - centre) / spread + JITTER * jax.random.normal(jitter, z.shape))
    fits = []
    for at, (one, look, x) in enumerate(zip(params["looks"], plan.looks, data, strict=True)):
        key, jitter = jax.random.split(key)
        centre, spread = _moments(nuisances[at], there[at])
        own = (nuisances[at] - centre) / spread
        own = own + JITTER * jax.random.normal(jitter, own.shape)
        inner = jnp.concatenate([*[latents[b] for b in look.blocks], own], axis=1)
        fits.append(_misfit(one, look, forward(one["out"], inner), x, there[at]))
    return total + sum(fits, jnp.zeros(())) / len(fits)


def _moments(values: jax.Array, there: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and standard deviation of every column over the rows that are there."""
    weight = there[:, None] / (there.sum() + 1e-12)
    centre = (weight * values).sum(axis=0)
    # The slope of a root at 0 is not finite: a latent that does not vary yet would break the training.
    return centre, jnp.sqrt((weight * (values - centre) ** 2).sum(axis=0) + 1e-12)


def _contrast(means: jax.Array, seen: jax.Array, heat: jax.Array) -> jax.Array:
    """Mean cross-entropy of finding one's own row by another measurement of the same block (InfoNCE)."""
    looks = means.shape[0]
    if looks < 2:
        return jnp.zeros(())
    total = jnp.zeros(())
    for i in range(looks if looks > 2 else 1):
        j = (i + 1) % looks
        a, b = means[i, :CROWD], means[j, :CROWD]
        near = -((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T) * heat
        both = seen[i, :CROWD] * seen[j, :CROWD]
        near = near + 30.0 * (both[None, :] - 1.0)
        own = jnp.diagonal(near)
        miss = jax.nn.logsumexp(near, axis=1) + jax.nn.logsumexp(near, axis=0) - 2 * own
        total += 0.5 * (miss * both).sum() / (both.sum() + 1e-12)
    return total / (looks if looks > 2 else 1)


def _some(key: jax.Array, seen: jax.Array) -> jax.Array:
    """Keep a random part of the measurements of every row that has some, at least one."""
    draws = jax.random.uniform(key, seen.shape) + 10.0 * (1.0 - seen)
    first = draws == draws.min(axis=0, keepdims=True)
    return jnp.where((draws < 0.5) | first, seen, 0.0)


def _misfit(one: Params, look: Look, out: jax.Array, x: jax.Array, there: jax.Array) -> jax.Array:
    """Negative log-likelihood per coordinate of one measurement, over the rows that have it."""
    count = there.sum() + 1e-12
    total, units, at, ordinal = jnp.zeros(()), 0, 0, 0
    for part in look.parts:
        values, width = x[:, part.start : part.stop], part.stop - part.start
        if part.kind == "gaussian":
            residual = ((out[:, at : at + width] - values) ** 2).mean(axis=1)
            total += 0.5 * width * jnp.log((residual * there).sum() / count + FLOOR)
            at, units = at + width, units + width
        elif part.kind == "categorical":
            total -= (
                (jax.nn.log_softmax(out[:, at : at + width]) * values).sum(axis=1) * there
            ).sum() / count
            at, units = at + width, units + 1
        else:
            total -= (_ordinal(out[:, at], one["steps"][ordinal], values) * there).sum() / count
            at, units, ordinal = at + 1, units + 1, ordinal + 1
    return total / units


def _ordinal(place: jax.Array, steps: jax.Array, values: jax.Array) -> jax.Array:
    """Log-probability of a level under the cumulative logit model, thresholds kept in order."""
    first = -0.5 * steps.size
    cuts = first + steps[0] + jnp.concatenate([jnp.zeros(1), jnp.cumsum(jax.nn.softplus(steps[1:] + 0.54))])
    below = jax.nn.sigmoid(cuts[None, :] - place[:, None])
    edge = jnp.zeros((place.size, 1))
    chance = jnp.concatenate([below, edge + 1.0], axis=1) - jnp.concatenate([edge, below], axis=1)
    return jnp.log((chance * values).sum(axis=1) + 1e-9)


def latents_of(params: Params, plan: Plan, data: Sequence[Floats], there: Floats) -> list[Floats]:
    """Return the fused latents of every block; NaN for a row without any measurement of it.

    Parameters
    ----------
    params : pytree
        One copy, without the leading axis.
    plan : Plan
        Sizes.
    data : sequence of ndarray, shape (n, width)
        The measurements, 0 where there is none.
    there : ndarray, shape (n, looks)
        1 where a respondent has a measurement.
    """
    carriers = [
        [at for at, look in enumerate(plan.looks) if b in look.blocks] for b in range(len(plan.sizes))
    ]

    @jax.jit
    def fused(values: list[jax.Array], seen: jax.Array) -> list[jax.Array]:
        means, precisions, _ = encode(params, plan, values)
        return [fuse(means[b], precisions[b], seen[np.array(mine)]) for b, mine in enumerate(carriers)]

    found = fused([jnp.asarray(x, jnp.float32) for x in data], jnp.asarray(there.T, jnp.float32))
    out = [np.array(z, dtype=float) for z in found]
    for z, mine in zip(out, carriers, strict=True):
        z[there[:, mine].sum(axis=1) == 0] = np.nan
    return out


def rebuilt(
    params: Params,
    plan: Plan,
    data: Sequence[Floats],
    latents: Sequence[Floats],
    *,
    fitted: NDArray[np.bool_],
) -> list[Floats]:
    """Return what the decoders make of the latents and the nuisances, (n, width); NaN where it is no number.

    Parameters
    ----------
    params : pytree
        One copy.
    plan : Plan
        Sizes.
    data : sequence of ndarray, shape (n, width)
        The measurements.
    latents : sequence of ndarray
        From :func:`latents_of`.
    fitted : ndarray of bool, shape (n,)
        Training rows: latents are standardised by them, as batches are in training.
    """
    nuisances = jax.jit(lambda values: encode(params, plan, values)[2])(
        [jnp.asarray(x, jnp.float32) for x in data]
    )
    scaled = [_unit(z, fitted) for z in latents]
    out = []
    for at, (one, look) in enumerate(zip(params["looks"], plan.looks, strict=True)):
        own = _unit(np.asarray(nuisances[at], dtype=float), fitted)
        inner = np.hstack([*[scaled[b] for b in look.blocks], own])
        raw = np.asarray(
            jax.jit(forward)(one["out"], jnp.asarray(np.nan_to_num(inner), jnp.float32)), dtype=float
        )
        values = np.full(data[at].shape, np.nan)
        place = 0
        for part in look.parts:
            width = part.stop - part.start
            if part.kind == "gaussian":
                values[:, part.start : part.stop] = raw[:, place : place + width]
            place += 1 if part.kind == "ordinal" else width
        values[~np.isfinite(inner).all(axis=1)] = np.nan
        out.append(values)
    return out


def _unit(z: Floats, fitted: NDArray[np.bool_]) -> Floats:
    some = z[fitted & np.isfinite(z).all(axis=1)]
    return np.asarray((z - some.mean(axis=0)) / (some.std(axis=0) + 1e-6))
