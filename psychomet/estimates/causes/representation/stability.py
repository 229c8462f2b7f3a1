"""How often resamples of the respondents ask for an edge."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation import flow
from psychomet.estimates.causes.representation.fitting import Fitted
from psychomet.estimates.causes.representation.graph import densities, edge_price, nested
from psychomet.estimates.causes.representation.looks import Prepared
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.estimates.causes.representation.training import Run, train

Floats = NDArray[np.float64]
SHARE = 0.1
"""Steps of a resample as a share of those of the search; it begins where the search ended."""
NEAR = 2
"""Graphs tried beside the one found: up to this many edges less, and the whole one."""


def edge_shares(
    found: Fitted, made: Prepared, *, training: Training, n_boot: int, seed: int
) -> Floats | None:
    """Return the share of resamples whose best graph has an edge, (d, d); None without resamples.

    In each resample of the respondents fitted on, graphs near the one found are fitted again, and the one with the best
    penalised likelihood among the respondents left out of the resample is taken.
    """
    if not n_boot:
        return None
    rows = (made.part != "test") & np.isfinite(found.whitened).all(axis=1)
    z = found.whitened[rows]
    rng = np.random.default_rng([seed, 1])
    counts = rng.multinomial(len(z), np.full(len(z), 1 / len(z)), size=n_boot)
    masks = flow.masks_of(found.shape, found.fit.rank)
    price = edge_price(training, int((made.part == "validation").sum())) * masks.share
    blocks = found.shape.blocks
    graphs = _near(found, z, price, masks.allowed & (blocks[:, None] != blocks))
    votes = np.zeros(price.shape)
    each = len(graphs)
    copies = n_boot * each
    params = jax.tree.map(lambda leaf: np.repeat(leaf[None], copies, axis=0), found.fit.params)
    params["edges"] = np.tile(graphs, (n_boot, 1, 1)).astype(np.float32)
    params["count"] = np.repeat(counts, each, axis=0).astype(np.float32)

    run = Run("stability", max(1, int(training.flow_steps * SHARE)), training.flow_batch // 2, training.flow_rate / 3,
              0.1, None, training.progress, "")  # fmt: skip
    data = {"z": jnp.asarray(z, jnp.float32), "at": jnp.arange(len(z))}
    fitted, _ = train(_loss(found.shape), params, data, run=run, seed=seed)
    del fitted["count"]
    fit = densities(fitted, found.shape, z, np.asarray(fitted["edges"], dtype=float))
    for b in range(n_boot):
        mine = slice(b * each, (b + 1) * each)
        score = fit[mine][:, counts[b] == 0].mean(axis=1) - (graphs * price).sum(axis=(1, 2))
        votes += graphs[int(np.argmax(score))]
    return votes / n_boot


@functools.lru_cache(maxsize=8)
def _loss(shape: flow.Shape) -> Callable[[flow.Params, Any, jax.Array, jax.Array], jax.Array]:
    """Return the negative log-likelihood of a resample, whose counts of respondents are not trained."""

    def loss(one: flow.Params, some: dict[str, jax.Array], key: jax.Array, done: jax.Array) -> jax.Array:
        weight = jax.lax.stop_gradient(one["count"])[some["at"]]
        return -(weight * flow.log_density(one, shape, some["z"], jax.lax.stop_gradient(one["edges"]))).mean()

    return loss


def _near(found: Fitted, z: Floats, price: Floats, across: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The graph found, those without its least edges, and the one with every edge that may be there."""
    graph = found.fit.edges | found.fit.within
    fewer = nested(found.fit.params, found.shape, z, graph.astype(float), price=price)[: NEAR + 1]
    singles = []
    for i, j in np.argwhere(across & ~found.fit.edges):
        more = graph.copy()
        more[i, j] = True
        singles.append(more)
    return np.unique(np.stack([*fewer, *singles]), axis=0)
