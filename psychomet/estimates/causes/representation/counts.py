"""How many latents a modality has: how well its measurements are predicted from latents of one another.

A measurement is decoded from latents that only the other measurements of its modality were asked for. What is
peculiar to one measurement helps nowhere, so that the likelihood stops to rise at the number of latents that
they have in common. All candidates are trained side by side, as copies with some latents set to 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.autoencoder import (
    FLOOR,
    JITTER,
    Params,
    Plan,
    carriers,
    decode,
    encode,
    fuse,
    moments,
    ordinal_log,
    start,
)
from psychomet.estimates.causes.representation.looks import Prepared
from psychomet.estimates.causes.representation.parts import Look
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.estimates.causes.representation.training import Run, train

Floats = NDArray[np.float64]
SHARE = 1 / 3
"""Steps as a share of those of the first stage: candidates are compared, not used."""
PRICE = 0.01
"""Log-likelihood that a latent must add, per number measured: 2 % of what is left of each number's variance.

More latents also help or hinder the networks to fit: that moved the likelihood by up to .003 per number on the
seeds on which this was set, often by several standard errors, where a latent that is there added .049 or more.
"""
LOG_2PI = float(np.log(2 * np.pi))


class Counts(NamedTuple):
    """Numbers of latents, and what they were chosen by.

    Attributes
    ----------
    sizes : tuple of int
        Chosen number of every modality.
    held_out : ndarray, shape (modalities, most)
        Mean log-likelihood per validation respondent with 1, 2 ... latents.
    std_error : ndarray, shape (modalities, most)
        Standard error of the distance to the best number; 0 for that itself.
    n : tuple of int
        Validation respondents of every modality.
    """

    sizes: tuple[int, ...]
    held_out: Floats
    std_error: Floats
    n: tuple[int, ...]


def choose(made: Prepared, *, most: int, training: Training, seed: int, stamp: str) -> Counts:
    """Take for every modality the smallest number whose held-out likelihood is as good as the best.

    As good: less than a standard error below it, or than what latents must be worth (`PRICE`).

    Parameters
    ----------
    made : Prepared
        Measurements, without a shared block.
    most : int
        Largest number tried.
    training : Training
        Rates and sizes; a third of the steps is made.
    seed : int
        Of starts and rows drawn.
    stamp : str
        Of the call, for the checkpoint.
    """
    blocks = len(made.modalities)
    looks = tuple(look._replace(blocks=look.blocks[:1], nuisance=0) for look in made.looks)
    plan = Plan((most,) * blocks, looks, training.hidden)
    params = start(seed, plan, most)
    params["mask"] = np.tril(np.ones((most, most), np.float32))
    params["spread"] = [np.zeros((most, look.width), np.float32) for look in looks]
    fitted, valid = made.part == "train", made.part == "validation"
    rows = {
        "data": [jnp.asarray(x[fitted], jnp.float32) for x in made.data],
        "there": jnp.asarray(made.there[fitted], jnp.float32),
    }
    run = Run("numbers", max(1, int(training.steps * SHARE)), training.batch, training.rate, 0.1,
              training.checkpoint, training.progress, stamp)  # fmt: skip
    params, _ = train(_loss_of(plan), params, rows, run=run, seed=seed)
    held = np.stack(
        [
            _held_out(jax.tree.map(lambda leaf, at=copy: leaf[at], params), plan, made, fitted, valid)
            for copy in range(most)
        ],
        axis=2,
    )
    sizes, means, errors, counts = [], [], [], []
    for b in range(blocks):
        mine = held[b][np.isfinite(held[b]).all(axis=1)]
        mean = mine.mean(axis=0)
        best = int(np.argmax(mean))
        error = (mine[:, [best]] - mine).std(axis=0, ddof=1) / np.sqrt(len(mine))
        width = sum(look.width for look in looks if look.blocks[0] == b)
        sizes.append(smallest(mean, error, PRICE * width))
        means.append(mean)
        errors.append(error)
        counts.append(len(mine))
    return Counts(tuple(sizes), np.array(means), np.array(errors), tuple(counts))


def smallest(mean: Floats, error: Floats, price: float) -> int:
    """Return the smallest number (from 1) that is no more than its standard error or the price below the best."""
    return int(np.flatnonzero(mean >= mean.max() - np.maximum(error, price))[0]) + 1


def _of_others(
    params: Params, plan: Plan, data: Sequence[jax.Array], there: jax.Array
) -> tuple[list[Any], list[Any]]:
    """Return for every measurement the latents found in the others of its modality, and who has both.

    The only measurement of a modality is predicted from itself.
    """
    means, precisions, _ = encode(params, plan, data)
    found: list[Any] = [None] * len(plan.looks)
    whole: list[Any] = [None] * len(plan.looks)
    for b in range(len(plan.sizes)):
        mine = carriers(plan, b)
        for row, at in enumerate(mine):
            others = np.array([o for o in range(len(mine)) if o != row] or [row])
            seen = there[np.array(mine)[others]]
            found[at] = fuse(means[b][others], precisions[b][others], seen)
            whole[at] = there[at] * seen.max(axis=0)
    return found, whole


@functools.lru_cache(maxsize=4)
def _loss_of(plan: Plan) -> Callable[[Params, Any, jax.Array, jax.Array], jax.Array]:
    def loss(params: Params, rows: Any, key: jax.Array, done: jax.Array) -> jax.Array:
        data, there = rows["data"], rows["there"].T
        mask = jax.lax.stop_gradient(params["mask"])
        found, whole = _of_others(params, plan, data, there)
        n, looks = data[0].shape[0], len(plan.looks)
        jitter = JITTER * jax.random.normal(key, (looks, n, plan.sizes[0]))
        inner = []
        for z, seen, noise in zip(found, whole, jitter, strict=True):
            centre, spread = moments(z, seen)
            inner.append(((z - centre) / spread + noise) * mask)
        total = jnp.zeros(())
        for k, (look, out) in enumerate(zip(plan.looks, decode(params, plan, inner), strict=True)):
            log = _log_likelihood(look, out, data[k], params["steps"][k], params["spread"][k])
            total -= (log * whole[k]).sum() / (whole[k].sum() + 1e-12) / look.width
        return total / looks

    return loss


def _log_likelihood(
    look: Look, out: jax.Array, x: jax.Array, steps: Sequence[jax.Array], spread: jax.Array
) -> jax.Array:
    """Log-likelihood of every row of one measurement, (n,)."""
    total, at, ordinal = jnp.zeros(x.shape[0]), 0, 0
    for part in look.parts:
        values, width = x[:, part.start : part.stop], part.stop - part.start
        if part.kind == "gaussian":
            variance = jnp.exp(spread[part.start : part.stop]) + FLOOR
            residual = (out[:, at : at + width] - values) ** 2 / variance
            total -= 0.5 * (residual + jnp.log(variance) + LOG_2PI).sum(axis=1)
            at += width
        elif part.kind == "categorical":
            total += (jax.nn.log_softmax(out[:, at : at + width]) * values).sum(axis=1)
            at += width
        else:
            total += ordinal_log(out[:, at], steps[ordinal], values)
            at, ordinal = at + 1, ordinal + 1
    return total


_found = functools.partial(jax.jit, static_argnums=1)(_of_others)


@functools.partial(jax.jit, static_argnums=1)
def _logs(params: Params, plan: Plan, inner: list[jax.Array], data: list[jax.Array]) -> list[jax.Array]:
    return [
        _log_likelihood(look, out, data[k], params["steps"][k], params["spread"][k])
        for k, (look, out) in enumerate(zip(plan.looks, decode(params, plan, inner), strict=True))
    ]


def _held_out(
    params: Params, plan: Plan, made: Prepared, fitted: NDArray[np.bool_], valid: NDArray[np.bool_]
) -> Floats:
    """Log-likelihood of every modality and validation respondent, (modalities, n); NaN where there is none."""
    data = [jnp.asarray(x, jnp.float32) for x in made.data]
    found, whole = (
        [np.asarray(part, dtype=float) for part in some]
        for some in _found(params, plan, data, jnp.asarray(made.there.T, jnp.float32))
    )
    inner = []
    for z, seen in zip(found, whole, strict=True):
        some = z[fitted & (seen > 0)]
        scaled = (z - some.mean(axis=0)) / (some.std(axis=0) + 1e-6) * params["mask"]
        inner.append(jnp.asarray(scaled[valid], jnp.float32))
    logs = _logs(params, plan, inner, [x[valid] for x in data])
    out = np.full((len(plan.sizes), int(valid.sum())), np.nan)
    for b in range(len(plan.sizes)):
        mine = carriers(plan, b)
        seen = np.stack([whole[at][valid] for at in mine])
        total = (np.stack([np.asarray(logs[at], dtype=float) for at in mine]) * seen).sum(axis=0)
        out[b] = np.where(seen.sum(axis=0) > 0, total, np.nan)
    return out
