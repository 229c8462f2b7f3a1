"""Second stage: an exact likelihood of the latents as components that cause each other.

Within each block an invertible map turns the latents of the first stage into components u; nothing mixes blocks.
A component given its parents is u_j = a_j(parents) + exp(s_j(parents)) e_j, with e_j a mixture of Gaussians. A gate
on every possible edge multiplies what comes through it, so that the likelihood reaches the graph; a price on open
gates across blocks chooses, among the rotations of a block that fit alike, the one with the fewest edges.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.networks import mlp

Floats = NDArray[np.float64]
Params = Any
HEAT, LOW, HIGH = 0.5, -0.1, 1.1
"""Hard-concrete gate of Louizos, Welling and Kingma (2018): temperature and the stretch beyond 0 and 1."""
MIXTURE = 5
LAYERS = 2
WITHIN_PRICE = 0.3
"""Price of an edge within a block as a share of that across blocks: sparsity across them identifies, not within."""
SCALE = 1e-3
"""Weight of the pull of components to mean 0 and variance 1, which the likelihood leaves free."""
WARM = (0.2, 0.3)
"""The price is 0 up to the first share of the training and whole after the second more."""
BOUND = 2.0
"""Most that parents change the logarithm of the noise's scale."""
LOG_2PI = float(np.log(2 * np.pi))


class Shape(NamedTuple):
    """Latents of every block, in causal order of the blocks, and the hidden width of the networks."""

    sizes: tuple[int, ...]
    hidden: int

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Block of every component."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


class Masks(NamedTuple):
    """Edges that may be there, shape (d, d) each, from row to column: across blocks and within."""

    across: jax.Array
    within: jax.Array


def masks_of(sizes: tuple[int, ...], rank: tuple[int, ...]) -> Masks:
    """Return the edges that an order of the blocks allows; ``rank[b]`` is the place of block b."""
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    place = np.asarray(rank)[blocks]
    across = place[:, None] < place[None, :]
    within = (blocks[:, None] == blocks[None, :]) & (np.arange(blocks.size)[:, None] < np.arange(blocks.size))
    return Masks(jnp.asarray(across, jnp.float32), jnp.asarray(within, jnp.float32))


def start(key: jax.Array, shape: Shape) -> Params:
    """Draw the parameters of one copy; every block begins as a random rotation."""
    d, h = sum(shape.sizes), shape.hidden
    keys = jax.random.split(key, 6)
    turns, couplings = [], []
    for size, members in _alike(shape):
        frames = jax.random.normal(jax.random.fold_in(keys[0], size), (len(members), size, size))
        turns.append(jnp.linalg.qr(frames)[0])
        many = jax.random.split(jax.random.fold_in(keys[5], size), LAYERS * size * len(members))
        # A block of one latent has nothing to be coupled with.
        couplings.append([
            jax.vmap(lambda one, size=size: mlp(one, [size - 1, h, h, 2]))(part)
            for part in many.reshape(LAYERS * size, len(members))
            if size > 1
        ])  # fmt: skip
    return {
        "turn": turns,
        "coupling": couplings,
        "gate": jnp.ones((d, d)),
        "line": jnp.zeros((d, d)),
        "first": 0.5 * jax.random.normal(keys[1], (d, d, h)),
        "first_bias": 0.1 * jax.random.normal(keys[2], (d, h)),
        "second": jax.random.normal(keys[3], (d, h, h)) / jnp.sqrt(h),
        "second_bias": jnp.zeros((d, h)),
        "last": 0.02 * jax.random.normal(keys[4], (d, h, 2)),
        "last_bias": jnp.zeros((d, 2)),
        "weight": jnp.zeros((d, MIXTURE)),
        "place": jnp.tile(jnp.linspace(-1.5, 1.5, MIXTURE), (d, 1)),
        "width": jnp.full((d, MIXTURE), -0.2),
    }


def components(params: Params, shape: Shape, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the components (n, d) and the log-determinant of the map (n,)."""
    first = np.concatenate([[0], np.cumsum(shape.sizes)])
    columns: list[Any] = [None] * sum(shape.sizes)
    across = z.T  # respondents last: the small matrices of all components then work on whole vectors
    log_det = jnp.zeros(z.shape[0])
    for (size, members), turn, networks in zip(
        _alike(shape), params["turn"], params["coupling"], strict=True
    ):
        mine = np.array([first[b] + np.arange(size) for b in members])
        turned = jnp.einsum("gin,gij->gjn", across[mine], turn)
        log_det += jnp.linalg.slogdet(turn)[1].sum()
        parts = [turned[:, i] for i in range(size)]
        for at, network in enumerate(networks):
            i = at % size
            change = _side_by_side(network, jnp.stack([p for j, p in enumerate(parts) if j != i], axis=1))
            log_scale = jnp.tanh(change[:, 0])
            parts[i] = parts[i] * jnp.exp(log_scale) + change[:, 1]
            log_det += log_scale.sum(axis=0)
        for row, block in enumerate(mine):
            for i, column in enumerate(block):
                columns[column] = parts[i][row]
    return jnp.stack(columns, axis=1), log_det


def _alike(shape: Shape) -> list[tuple[int, list[int]]]:
    """Blocks of one size, which are mapped side by side."""
    return [(size, [b for b, s in enumerate(shape.sizes) if s == size]) for size in sorted(set(shape.sizes))]


def _side_by_side(layers: Params, x: jax.Array) -> jax.Array:
    """Pass (blocks, inputs, n) through one network for each block."""
    for weight, bias in layers[:-1]:
        x = jax.nn.silu(jnp.einsum("gih,gin->ghn", weight, x) + bias[:, :, None])
    weight, bias = layers[-1]
    return jnp.einsum("gih,gin->ghn", weight, x) + bias[:, :, None]


def mechanism(params: Params, u: jax.Array, gates: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the log-density of every component given its parents and its noise, both (n, d)."""
    across = u.T
    # A gate on an input is a gate on the weights of that input.
    into = params["first"] * gates[:, :, None]
    hidden = jax.nn.silu(jnp.einsum("ijh,in->jhn", into, across) + params["first_bias"][:, :, None])
    hidden = jax.nn.silu(
        jnp.einsum("jhk,jhn->jkn", params["second"], hidden) + params["second_bias"][:, :, None]
    )
    out = jnp.einsum("jho,jhn->jon", params["last"], hidden) + params["last_bias"][:, :, None]
    middle = out[:, 0] + (params["line"] * gates).T @ across
    log_scale = BOUND * jnp.tanh(out[:, 1] / BOUND)
    noise = (across - middle) * jnp.exp(-log_scale)
    weight = jax.nn.log_softmax(params["weight"], axis=1)[:, :, None]
    away = (noise[:, None] - params["place"][:, :, None]) * jnp.exp(-params["width"])[:, :, None]
    each = weight - 0.5 * away**2 - params["width"][:, :, None] - 0.5 * LOG_2PI
    return (jax.scipy.special.logsumexp(each, axis=1) - log_scale).T, noise.T


def soft_gates(logit: jax.Array, key: jax.Array | None) -> jax.Array:
    """Hard-concrete gates: drawn with a key, else their deterministic value."""
    if key is None:
        drawn = jax.nn.sigmoid(logit)
    else:
        even = jax.random.uniform(key, logit.shape, minval=1e-6, maxval=1 - 1e-6)
        drawn = jax.nn.sigmoid((jnp.log(even) - jnp.log1p(-even) + logit) / HEAT)
    return jnp.clip(drawn * (HIGH - LOW) + LOW, 0.0, 1.0)


def chance_open(logit: jax.Array) -> jax.Array:
    """Probability that a gate is not 0."""
    return jax.nn.sigmoid(logit - HEAT * jnp.log(-LOW / HIGH))


def log_density(params: Params, shape: Shape, z: jax.Array, gates: jax.Array) -> jax.Array:
    """Log-density of every row, (n,)."""
    u, log_det = components(params, shape, z)
    return mechanism(params, u, gates)[0].sum(axis=1) + log_det


def _pull(params: Params, shape: Shape, z: jax.Array, gates: jax.Array) -> jax.Array:
    u, log_det = components(params, shape, z)
    fit = -(mechanism(params, u, gates)[0].sum(axis=1) + log_det).mean()
    return fit + SCALE * ((u.mean(axis=0) ** 2).sum() + ((u.var(axis=0) - 1) ** 2).sum())


def soft_loss(
    params: Params, z: jax.Array, key: jax.Array, done: jax.Array, *, shape: Shape, masks: Masks, price: float
) -> jax.Array:
    """Negative log-likelihood with drawn gates plus the price of those that are open."""
    gates = soft_gates(params["gate"], key) * (masks.across + masks.within)
    ramp = price * jnp.clip((done - WARM[0]) / WARM[1], 0.0, 1.0)
    chance = chance_open(params["gate"])
    cost = (chance * (masks.across + WITHIN_PRICE * masks.within)).sum()
    return _pull(params, shape, z, gates) + ramp * cost


def hard_loss(params: Params, z: jax.Array, *, shape: Shape) -> jax.Array:
    """Negative log-likelihood with the edges that ``params["edges"]`` names, not trained."""
    return _pull(params, shape, z, jax.lax.stop_gradient(params["edges"]))
