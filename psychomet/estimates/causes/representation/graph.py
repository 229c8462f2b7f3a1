"""Fits of the second stage: restarts, the choice among them, and the edges that the held-out rows ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation import flow
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.estimates.causes.representation.training import Run, train

Floats = NDArray[np.float64]
Edges = NDArray[np.bool_]
Params = Any
REFIT = 0.25
"""Steps of a fit with a given graph as a share of those of the search: it begins where the search ended."""
REFIT_RATE = 1 / 3
OPEN = 0.5
MOST_CANDIDATES = 12
"""Nested graphs that are refitted; with more edges the spacing grows."""
DOUBT = 0.5
"""Nats per respondent that an edge is worth in the search from which on it is not tried to do without it."""
MOST_BY_CHANCE = 10.0
CHOSEN = 2
"""Restarts whose graphs are pruned."""


class Fit(NamedTuple):
    """One fit of the second stage.

    Attributes
    ----------
    params : pytree
        Of the flow, with ``edges`` in it.
    edges : ndarray of bool, shape (d, d)
        Edges across blocks.
    within : ndarray of bool, shape (d, d)
        Edges within blocks.
    held_out : ndarray, shape (n_validation,)
        Log-density of every validation row.
    restarts : ndarray, shape (restarts,)
        Penalised log-likelihood of every restart on the validation rows.
    rank : tuple of int
        Place of every block in the causal order.
    """

    params: Params
    edges: Edges
    within: Edges
    held_out: Floats
    restarts: Floats
    rank: tuple[int, ...]


def fit_graph(
    z: Floats,
    valid: Floats,
    *,
    shape: flow.Shape,
    ranks: Sequence[tuple[int, ...]],
    training: Training,
    seed: int,
    stamp: str,
) -> Fit:
    """Fit the flow from several starts, choose on the validation rows, prune, and choose again.

    Parameters
    ----------
    z, valid : ndarray, shape (n, d) and (n_validation, d)
        Whitened latents of the first stage: rows to fit on, rows to choose on.
    shape : Shape
        Sizes.
    ranks : sequence of tuple of int
        Causal orders of the blocks to try; each has all restarts.
    training : Training
        Steps and rates.
    seed : int
        Of the starts and the rows drawn.
    stamp : str
        Of the data and the call, for the checkpoint.

    Returns
    -------
    Fit
        The graph with the highest validation log-likelihood less :func:`edge_price` for every edge across.
    """
    fits = [_search(z, valid, shape, rank, training, seed, stamp) for rank in ranks]
    best = max(fits, key=lambda fit: _score(fit, edge_price(training, len(valid))))
    return best._replace(restarts=np.concatenate([fit.restarts for fit in fits]))


def edge_price(training: Training, n: int) -> float:
    """Nats per respondent that an edge has to be worth on n held-out respondents.

    A useless edge costs likelihood there, on average; ten nats in all are far beyond what chance gives it.
    """
    return max(training.least_gain, MOST_BY_CHANCE / n)


def _score(fit: Fit, price: float) -> float:
    return float(fit.held_out.mean() - price * (fit.edges.sum() + flow.WITHIN_PRICE * fit.within.sum()))


def _search(
    z: Floats,
    valid: Floats,
    shape: flow.Shape,
    rank: tuple[int, ...],
    training: Training,
    seed: int,
    stamp: str,
) -> Fit:
    """Search with soft gates, then refit nested hard graphs from the best starts."""
    masks = flow.masks_of(shape, rank)
    params = flow.start(seed, shape, training.restarts)
    for name, mask in (("allowed", masks.allowed), ("share", masks.share)):
        params[name] = np.repeat(mask[None].astype(np.float32), training.restarts, axis=0)
    tail = "".join(map(str, rank))
    run = Run(f"graph {tail}", training.flow_steps, training.flow_batch, training.flow_rate, 0.15,
              training.checkpoint, training.progress, stamp)  # fmt: skip
    rows = jnp.asarray(z, jnp.float32)
    params, _ = train(flow.soft_loss(shape, training.sparsity), params, rows, run=run, seed=seed)
    gates = np.asarray(flow.soft_gates(params["gate"], None)) * masks.allowed
    held = densities(params, shape, valid, gates)
    marks = held.mean(axis=1) - training.sparsity * ((gates > OPEN) * masks.share).sum(axis=(1, 2))
    best = np.argsort(-marks, kind="stable")[:CHOSEN]
    price = edge_price(training, len(valid)) * masks.share
    copies, graphs = [], []
    for copy in best:
        one = jax.tree.map(lambda leaf, at=copy: leaf[at], params)
        for edges in nested(one, shape, valid, gates[copy], price=price):
            copies.append(one)
            graphs.append(edges)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *copies)
    fitted, held = refit(
        stacked, np.stack(graphs), z=z, valid=valid, shape=shape, training=training, seed=seed + 1,
        name=f"prune {tail}", stamp=stamp,
    )  # fmt: skip
    score = held.mean(axis=1) - (np.stack(graphs) * price).sum(axis=(1, 2))
    chosen = int(np.argmax(score))
    across = shape.blocks[:, None] != shape.blocks
    return Fit(
        jax.tree.map(lambda leaf: leaf[chosen], fitted), graphs[chosen] & across, graphs[chosen] & ~across,
        held[chosen], marks, rank,
    )  # fmt: skip


def densities(params: Params, shape: flow.Shape, z: Floats, gates: Floats) -> Floats:
    """Log-density of every row under every copy, (copies, n)."""
    return np.stack([
        flow.read(jax.tree.map(lambda leaf, at=at: leaf[at], params), shape, z, gates[at])[0]
        for at in range(len(gates))
    ])  # fmt: skip


def nested(one: Params, shape: flow.Shape, z: Floats, gates: Floats, *, price: Floats) -> list[Edges]:
    """Return graphs from the one that is open downwards, the edge that matters least for its price leaving first.

    Edges beyond doubt are in all of them.
    """
    edges = gates > OPEN
    there = np.argwhere(edges)
    if not len(there):
        return [edges]
    trials = np.repeat(np.where(edges, gates, 0.0)[None], len(there) + 1, axis=0)
    for at, (i, j) in enumerate(there):
        trials[at + 1, i, j] = 0.0
    copies = jax.tree.map(lambda leaf: np.repeat(leaf[None], len(trials), axis=0), one)
    fits = densities(copies, shape, z, trials).mean(axis=1)
    worth = fits[0] - fits[1:]
    ranked = np.argsort(worth / price[there[:, 0], there[:, 1]], kind="stable")
    order = ranked[worth[ranked] < DOUBT]
    steps = np.linspace(0, len(order), min(MOST_CANDIDATES, len(order) + 1))
    removed = np.unique(steps.round().astype(int))
    out = []
    for count in removed:
        graph = edges.copy()
        for at in order[:count]:
            graph[tuple(there[at])] = False
        out.append(graph)
    return out


def refit(
    params: Params,
    graphs: Edges,
    *,
    z: Floats,
    valid: Floats,
    shape: flow.Shape,
    training: Training,
    seed: int,
    name: str,
    stamp: str,
) -> tuple[Params, Floats]:
    """Go on training with every copy's own graph; return the copies and their validation log-densities."""
    given = {**params, "edges": graphs.astype(np.float32)}
    steps = max(1, int(training.flow_steps * REFIT))
    run = Run(name, steps, training.flow_batch, training.flow_rate * REFIT_RATE, 0.1,
              training.checkpoint, training.progress, stamp)  # fmt: skip
    fitted, _ = train(flow.hard_loss(shape), given, jnp.asarray(z, jnp.float32), run=run, seed=seed)
    return fitted, densities(fitted, shape, valid, np.asarray(fitted["edges"], dtype=float))
