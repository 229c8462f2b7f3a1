"""First stage: what the measurements of a modality have in common, told apart from what each has alone.

Every measurement has an encoder, to the latents of the blocks that it carries and to a nuisance of its own, and a
decoder from both. The latents of a block are the precision-weighted mean of what its measurements say. In
training a random part of the measurements is left out of that mean for every row, and all are decoded from what
is left: what only one measurement knows cannot help to decode the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.networks import forward, mlp
from psychomet.estimates.causes.representation.parts import Look

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


class Plan(NamedTuple):
    """Sizes of the first stage: latents of every block, measurements, hidden width."""

    sizes: tuple[int, ...]
    looks: tuple[Look, ...]
    hidden: int


def alike(plan: Plan) -> list[list[int]]:
    """Measurements whose networks have the same sizes: they are computed side by side."""
    sizes = [
        (look.width, sum(plan.sizes[b] for b in look.blocks), outputs_of(look), look.nuisance)
        for look in plan.looks
    ]
    return [[at for at, size in enumerate(sizes) if size == one] for one in dict.fromkeys(sizes)]


def outputs_of(look: Look) -> int:
    """Numbers that a decoder returns."""
    return sum(1 if p.kind == "ordinal" else p.stop - p.start for p in look.parts)


def carriers(plan: Plan, block: int) -> list[int]:
    """Measurements that carry a block; of a shared one so that neighbours are of different modalities."""
    mine = [at for at, look in enumerate(plan.looks) if block in look.blocks]
    homes = [plan.looks[at].blocks[0] for at in mine]
    turn = [homes[:at].count(home) for at, home in enumerate(homes)]
    return [at for _, _, at in sorted(zip(turn, homes, mine, strict=True))]


def start(seed: int, plan: Plan, copies: int) -> Params:
    """Draw the parameters of all copies, along the first axis."""
    rng = np.random.default_rng([seed, 10])
    groups = []
    for members in alike(plan):
        look = plan.looks[members[0]]
        inner, lead = sum(plan.sizes[b] for b in look.blocks), (copies, len(members))
        groups.append({
            "in": mlp(rng, [look.width, plan.hidden, plan.hidden, 2 * inner + look.nuisance], lead),
            "out": mlp(rng, [inner + look.nuisance, plan.hidden, plan.hidden, outputs_of(look)], lead),
        })  # fmt: skip
    steps = [
        [np.zeros((copies, p.stop - p.start - 1), np.float32) for p in look.parts if p.kind == "ordinal"]
        for look in plan.looks
    ]
    heat = np.full((copies, len(plan.sizes)), np.log(5.0), np.float32)
    return {"groups": groups, "steps": steps, "heat": heat}


def _through(params: Params, way: str, plan: Plan, inputs: Sequence[jax.Array]) -> list[jax.Array]:
    """Pass the inputs of every measurement through its encoder ("in") or decoder ("out")."""
    found: list[Any] = [None] * len(plan.looks)
    for networks, members in zip(params["groups"], alike(plan), strict=True):
        out = jax.vmap(forward)(networks[way], jnp.stack([inputs[at] for at in members]))
        for row, at in enumerate(members):
            found[at] = out[row]
    return found


def decode(params: Params, plan: Plan, inner: Sequence[jax.Array]) -> list[jax.Array]:
    """Return what the decoders make of latents and nuisance of every measurement, (n, outputs)."""
    return _through(params, "out", plan, inner)


def encode(params: Params, plan: Plan, data: Sequence[jax.Array]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return per block the means (its carriers, n, size) and precisions, and per look the nuisance (n, nuisance)."""
    outs = _through(params, "in", plan, data)
    inner = [sum(plan.sizes[b] for b in look.blocks) for look in plan.looks]
    means, precisions = [], []
    for b, size in enumerate(plan.sizes):
        mine = carriers(plan, b)
        first = [
            sum(plan.sizes[o] for o in plan.looks[at].blocks[: plan.looks[at].blocks.index(b)]) for at in mine
        ]
        means.append(jnp.stack([outs[at][:, f : f + size] for at, f in zip(mine, first, strict=True)]))
        log = jnp.stack(
            [outs[at][:, inner[at] + f : inner[at] + f + size] for at, f in zip(mine, first, strict=True)]
        )
        precisions.append(jnp.exp(MOST_LOG_PRECISION * jnp.tanh(log / MOST_LOG_PRECISION)))
    return means, precisions, [out[:, 2 * n :] for out, n in zip(outs, inner, strict=True)]


def fuse(means: jax.Array, precisions: jax.Array, there: jax.Array) -> jax.Array:
    """Return the precision-weighted mean over the measurements that are there: (looks, n, size), (looks, n)."""
    weights = precisions * there[:, :, None]
    return (weights * means).sum(axis=0) / (weights.sum(axis=0) + 1e-12)


@functools.lru_cache(maxsize=8)
def loss_of(plan: Plan) -> Callable[[Params, Any, jax.Array, jax.Array], jax.Array]:
    """Return the loss of a plan: the same function for the same plan, so that it is compiled once."""

    def of_copy(params: Params, rows: Any, key: jax.Array, done: jax.Array) -> jax.Array:
        return loss(params, rows, key, plan)

    return of_copy


def loss(params: Params, rows: Any, key: jax.Array, plan: Plan) -> jax.Array:
    """Mean negative log-likelihood of a coordinate (constants left out) plus the price of disagreement."""
    data, there = rows["data"], rows["there"].T
    means, precisions, nuisances = encode(params, plan, data)
    n, looks = data[0].shape[0], len(plan.looks)
    # All that is drawn in one call each: every call is long code to compile.
    one, two = jax.random.split(key)
    draws = jax.random.uniform(one, (looks + len(plan.sizes), n))
    jitter = JITTER * jax.random.normal(two, (n, sum(plan.sizes) + sum(look.nuisance for look in plan.looks)))
    total, at = jnp.zeros(()), 0
    latents: list[jax.Array] = []
    for b, size in enumerate(plan.sizes):
        mine = carriers(plan, b)
        seen = there[np.array(mine)]
        z = fuse(means[b], precisions[b], _some(draws[np.array(_lots(plan, mine))], seen))
        centre, spread = moments(z, seen.max(axis=0))
        apart = ((means[b] - z) / spread) ** 2
        total += AGREE * (apart.mean(axis=2) * seen).sum() / (seen.sum() + 1e-12)
        total += CONTRAST * _contrast(
            (means[b] - centre) / spread, seen, jnp.exp(jnp.minimum(params["heat"][b], MOST_HEAT))
        )
        latents.append((z - centre) / spread + jitter[:, at : at + size])
        at += size
    inner = []
    for k, (look, own) in enumerate(zip(plan.looks, nuisances, strict=True)):
        centre, spread = moments(own, there[k])
        own = (own - centre) / spread + jitter[:, at : at + look.nuisance]
        at += look.nuisance
        inner.append(jnp.concatenate([*[latents[b] for b in look.blocks], own], axis=1))
    outs = decode(params, plan, inner)
    fits = [
        _misfit(params["steps"][k], look, outs[k], data[k], there[k]) for k, look in enumerate(plan.looks)
    ]
    return total + sum(fits, jnp.zeros(())) / len(fits)


def _lots(plan: Plan, mine: Sequence[int]) -> list[int]:
    """Which draw decides on a measurement: its own, or, of a shared block, that of its modality.

    A shared latent is thus found in some modalities and has to decode the others.
    """
    homes = [plan.looks[at].blocks[0] for at in mine]
    return list(mine) if len(set(homes)) == 1 else [len(plan.looks) + home for home in homes]


def moments(values: jax.Array, there: jax.Array) -> tuple[jax.Array, jax.Array]:
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
    pairs = looks if looks > 2 else 1
    a, there = means[:, :CROWD], seen[:, :CROWD]
    b = jnp.roll(a, -1, axis=0)[:pairs]
    both = (there * jnp.roll(there, -1, axis=0))[:pairs]
    a = a[:pairs]
    apart = (a**2).sum(axis=2)[:, :, None] + (b**2).sum(axis=2)[:, None] - 2 * a @ b.transpose(0, 2, 1)
    near = -apart * heat + 30.0 * (both[:, :, None] * both[:, None] - 1.0)
    own = jnp.diagonal(near, axis1=1, axis2=2)
    miss = jax.nn.logsumexp(near, axis=2) + jax.nn.logsumexp(near, axis=1) - 2 * own
    return (0.5 * (miss * both).sum(axis=1) / (both.sum(axis=1) + 1e-12)).mean()


def _some(draws: jax.Array, seen: jax.Array) -> jax.Array:
    """Keep a random part of the measurements of every row that has some, at least one; draws are even."""
    draws = draws + 10.0 * (1.0 - seen)
    first = draws == draws.min(axis=0, keepdims=True)
    return jnp.where((draws < 0.5) | first, seen, 0.0)


def _misfit(
    steps: Sequence[jax.Array], look: Look, out: jax.Array, x: jax.Array, there: jax.Array
) -> jax.Array:
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
            log = (jax.nn.log_softmax(out[:, at : at + width]) * values).sum(axis=1)
            total -= (log * there).sum() / count
            at, units = at + width, units + 1
        else:
            total -= (ordinal_log(out[:, at], steps[ordinal], values) * there).sum() / count
            at, units, ordinal = at + 1, units + 1, ordinal + 1
    return total / units


def ordinal_log(place: jax.Array, steps: jax.Array, values: jax.Array) -> jax.Array:
    """Log-probability of a level under the cumulative logit model, thresholds kept in order."""
    first = -0.5 * steps.size
    cuts = first + steps[0] + jnp.concatenate([jnp.zeros(1), jnp.cumsum(jax.nn.softplus(steps[1:] + 0.54))])
    below = jax.nn.sigmoid(cuts[None, :] - place[:, None])
    edge = jnp.zeros((place.size, 1))
    chance = jnp.concatenate([below, edge + 1.0], axis=1) - jnp.concatenate([edge, below], axis=1)
    return jnp.log((chance * values).sum(axis=1) + 1e-9)
