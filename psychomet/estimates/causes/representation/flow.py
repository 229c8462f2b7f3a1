"""Second stage: an exact likelihood of the latents as components that cause each other.

Within each block an invertible map turns the latents of the first stage into components u; nothing mixes blocks,
but where there are latents shared by all modalities, the map of a modality may depend on them.
A component given its parents is u_j = a_j(parents) + exp(s_j(parents)) e_j, with e_j a mixture of Gaussians. A gate
on every possible edge multiplies what comes through it, so that the likelihood reaches the graph; a price on open
gates across blocks chooses, among the rotations of a block that fit alike, the one with the fewest edges.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
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
"""Price of an edge within a block, or from the shared block to a modality, as a share of that across modalities:
it is the sparsity across modalities that identifies (Sun et al. 2025, conditions 4.3 and C.8)."""
SCALE = 1e-3
"""Weight of the pull of components to mean 0 and variance 1, which the likelihood leaves free."""
WARM = (0.2, 0.3)
"""The price is 0 up to the first share of the training and whole after the second more."""
BOUND = 2.0
"""Most that parents change the logarithm of the noise's scale."""
BLOCK = 1024
"""Rows that are read at a time."""
LOG_2PI = float(np.log(2 * np.pi))


class Shape(NamedTuple):
    """Latents of every block, the hidden width of the networks, and whether the last block is shared by all.

    ``idle``: how many of the latents of every block, its last ones, have no edges; none where it is empty.
    """

    sizes: tuple[int, ...]
    hidden: int
    shared: bool = False
    idle: tuple[int, ...] = ()

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Block of every component."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which components may have edges."""
        idle = self.idle or (0,) * len(self.sizes)
        return np.concatenate(
            [np.arange(size) < size - out for size, out in zip(self.sizes, idle, strict=True)]
        )


class Masks(NamedTuple):
    """Edges that may be there and the share of the price that each costs, shape (d, d) each, from row to column."""

    allowed: NDArray[np.bool_]
    share: Floats


def masks_of(shape: Shape, rank: tuple[int, ...]) -> Masks:
    """Return the edges that an order of the modalities allows; ``rank[b]`` is the place of block b.

    A shared block comes before all of them. Within a block the order is that of the components.
    """
    blocks = shape.blocks
    last = len(shape.sizes) - 1
    place = np.array([*rank, -1] if shape.shared else rank)[blocks]
    within = (blocks[:, None] == blocks) & (np.arange(blocks.size)[:, None] < np.arange(blocks.size))
    down = (blocks[:, None] == last) & (blocks != last) & shape.shared
    both = shape.active[:, None] & shape.active
    return Masks(((place[:, None] < place) | within) & both, np.where(within | down, WITHIN_PRICE, 1.0))


def start(seed: int, shape: Shape, copies: int) -> Params:
    """Draw the parameters of all copies, along the first axis; every block begins as a random rotation."""
    rng = np.random.default_rng([seed, 20])
    d, h = sum(shape.sizes), shape.hidden
    turns, couplings = [], []
    for size, extra, members in _alike(shape):
        frames = rng.standard_normal((copies, len(members), size, size))
        turns.append(np.linalg.qr(frames)[0].astype(np.float32))
        # A block of one latent has nothing to be coupled with.
        couplings.append([
            mlp(rng, [size - 1 + extra, h, h, 2], (copies, len(members)))
            for _ in range(LAYERS * size)
            if size - 1 + extra
        ])  # fmt: skip

    def normal(*sizes: int, scale: float = 1.0) -> NDArray[np.float32]:
        return (scale * rng.standard_normal((copies, *sizes))).astype(np.float32)

    def even(values: Any) -> NDArray[np.float32]:
        return np.tile(np.asarray(values, np.float32), (copies, *[1] * np.ndim(values)))

    return {
        "turn": turns,
        "coupling": couplings,
        "gate": even(np.ones((d, d))),
        "line": even(np.zeros((d, d))),
        "first": normal(d, d, h, scale=0.5),
        "first_bias": normal(d, h, scale=0.1),
        "second": normal(d, h, h, scale=1 / np.sqrt(h)),
        "second_bias": even(np.zeros((d, h))),
        "last": normal(d, h, 2, scale=0.02),
        "last_bias": even(np.zeros((d, 2))),
        "weight": even(np.zeros((d, MIXTURE))),
        "place": even(np.tile(np.linspace(-1.5, 1.5, MIXTURE), (d, 1))),
        "width": even(np.full((d, MIXTURE), -0.2)),
    }


def components(params: Params, shape: Shape, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the components (n, d) and the log-determinant of the map (n,)."""
    first = np.concatenate([[0], np.cumsum(shape.sizes)])
    columns: list[Any] = [None] * sum(shape.sizes)
    across = z.T  # respondents last: the small matrices of all components then work on whole vectors
    log_det = jnp.zeros(z.shape[0])
    common = z[:, first[-2] :] if shape.shared else z[:, :0]
    for (size, extra, members), turn, networks in zip(
        _alike(shape), params["turn"], params["coupling"], strict=True
    ):
        given = [jnp.broadcast_to(common[:, at], (len(members), z.shape[0])) for at in range(extra)]
        mine = np.array([first[b] + np.arange(size) for b in members])
        turned = jnp.einsum("gin,gij->gjn", across[mine], turn)
        log_det += jnp.linalg.slogdet(turn)[1].sum()
        parts = [turned[:, i] for i in range(size)]
        for at, network in enumerate(networks):
            i = at % size
            others = [p for j, p in enumerate(parts) if j != i]
            change = _side_by_side(network, jnp.stack([*others, *given], axis=1))
            log_scale = jnp.tanh(change[:, 0])
            parts[i] = parts[i] * jnp.exp(log_scale) + change[:, 1]
            log_det += log_scale.sum(axis=0)
        for row, block in enumerate(mine):
            for i, column in enumerate(block):
                columns[column] = parts[i][row]
    return jnp.stack(columns, axis=1), log_det


def _alike(shape: Shape) -> list[tuple[int, int, list[int]]]:
    """Blocks with the same number of latents and of shared latents they depend on: they are mapped side by side."""
    last = len(shape.sizes) - 1
    kinds = [
        (size, shape.sizes[-1] if shape.shared and b != last else 0) for b, size in enumerate(shape.sizes)
    ]
    return [(*kind, [b for b, one in enumerate(kinds) if one == kind]) for kind in sorted(set(kinds))]


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


@functools.lru_cache(maxsize=8)
def soft_loss(shape: Shape, price: float) -> Callable[[Params, Any, jax.Array, jax.Array], jax.Array]:
    """Return the negative log-likelihood with drawn gates plus the price of those that are open.

    ``params["allowed"]`` and ``params["share"]``, the masks, are not trained. The same function for the same
    arguments, so that it is compiled once.
    """

    def loss(params: Params, z: jax.Array, key: jax.Array, done: jax.Array) -> jax.Array:
        allowed, share = (jax.lax.stop_gradient(params[name]) for name in ("allowed", "share"))
        ramp = price * jnp.clip((done - WARM[0]) / WARM[1], 0.0, 1.0)
        cost = (chance_open(params["gate"]) * allowed * share).sum()
        return _pull(params, shape, z, soft_gates(params["gate"], key) * allowed) + ramp * cost

    return loss


@functools.lru_cache(maxsize=8)
def hard_loss(shape: Shape) -> Callable[[Params, Any, jax.Array, jax.Array], jax.Array]:
    """Return the negative log-likelihood with the edges that ``params["edges"]`` names, not trained."""

    def loss(params: Params, z: jax.Array, key: jax.Array, done: jax.Array) -> jax.Array:
        return _pull(params, shape, z, jax.lax.stop_gradient(params["edges"]))

    return loss


@functools.partial(jax.jit, static_argnums=1)
def _everything(
    params: Params, shape: Shape, z: jax.Array, gates: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    u, log_det = components(params, shape, z)
    density, noise = mechanism(params, u, gates)
    return density.sum(axis=1) + log_det, u, noise


def read(params: Params, shape: Shape, z: Floats, gates: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log-density (n,), components (n, d) and noise (n, d) of every row under one copy.

    In blocks of equal size, so that any number of rows is compiled once.
    """
    found = []
    used = {name: leaf for name, leaf in params.items() if name not in ("allowed", "share", "edges")}
    for at in range(0, len(z), BLOCK):
        part = np.zeros((BLOCK, z.shape[1]), np.float32)
        part[: len(z) - at] = z[at : at + BLOCK]
        found.append(_everything(used, shape, part, np.asarray(gates, np.float32)))
    one, two, three = (
        np.concatenate([np.asarray(part, dtype=float) for part in parts])[: len(z)]
        for parts in zip(*found, strict=True)
    )
    return one, two, three
