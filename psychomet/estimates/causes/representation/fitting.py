"""Both stages on one table, and what the held-out respondents say of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation import autoencoder, flow
from psychomet.estimates.causes.representation.graph import Fit, fit_graph
from psychomet.estimates.causes.representation.looks import Prepared
from psychomet.estimates.causes.representation.reading import read
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.estimates.causes.representation.training import Run, train

Floats = NDArray[np.float64]


class Fitted(NamedTuple):
    """What both stages found.

    Attributes
    ----------
    components, noise : ndarray, shape (n, d)
        Latents (those that may have edges) and their exogenous noise, standardised by the training rows; NaN where a modality is missing.
    rebuilt : list of ndarray
        By measurement: what its decoder makes of the latents and its own nuisance, NaN for other kinds than numbers.
    fit : Fit
        Of the second stage.
    shape : Shape
        Sizes of the second stage.
    whitened : ndarray, shape (n, d')
        What the second stage was given: d' counts the nuisances of modalities with one measurement in, as do the
        edges of ``fit``.
    """

    components: Floats
    noise: Floats
    rebuilt: list[Floats]
    fit: Fit
    shape: flow.Shape
    whitened: Floats


def fit_both(
    made: Prepared, sizes: tuple[int, ...], ranks: Sequence[tuple[int, ...]], *, training: Training, seed: int
) -> Fitted:
    """Fit the autoencoder, freeze its latents, and fit the flow to them.

    Parameters
    ----------
    made : Prepared
        Measurements.
    sizes : tuple of int
        Latents of every modality.
    ranks : sequence of tuple of int
        Causal orders of the modalities to try.
    training : Training
        Steps and rates.
    seed : int
        Of everything drawn.
    """
    stamp = stamp_of(made, sizes, ranks, training=training, seed=seed)
    idle = idle_of(made, sizes, training.nuisance)
    looks = tuple(
        look._replace(nuisance=0 if idle[look.blocks[0]] else training.nuisance) for look in made.looks
    )
    wide = tuple(size + out for size, out in zip(sizes, idle, strict=True))
    plan = autoencoder.Plan(wide, looks, training.hidden)
    fitted = made.part == "train"
    rows = {
        "data": [jnp.asarray(x[fitted], jnp.float32) for x in made.data],
        "there": jnp.asarray(made.there[fitted], jnp.float32),
    }
    begun = autoencoder.start(seed, plan, 1)
    run = Run("measurements", training.steps, training.batch, training.rate, 0.1, training.checkpoint,
              training.progress, stamp)  # fmt: skip
    params, _ = train(autoencoder.loss_of(plan), begun, rows, run=run, seed=seed)
    one = jax.tree.map(lambda leaf: leaf[0], params)
    latents, rebuilt = read(one, plan, made.data, made.there, fitted=fitted)
    whitened = np.hstack([_whiten(z, fitted) for z in latents])
    whole = np.isfinite(whitened).all(axis=1)
    shape = flow.Shape(wide, training.flow_hidden, len(sizes) > len(made.modalities), idle)
    fit = fit_graph(
        whitened[fitted & whole], whitened[(made.part == "validation") & whole], shape=shape, ranks=ranks,
        training=training, seed=seed, stamp=stamp,
    )  # fmt: skip
    u, e = (out[:, shape.active] for out in _out(fit, shape, whitened, fitted & whole))
    return Fitted(u, e, rebuilt, fit, shape, whitened)


def idle_of(made: Prepared, sizes: Sequence[int], nuisance: int) -> tuple[int, ...]:
    """How many latents without edges every block has in the second stage.

    The only measurement of a modality gives the first stage nothing to tell its nuisance from the latents by; the
    second can, because the nuisance alone depends on nothing.
    """
    looks = [look.blocks[0] for look in made.looks]
    return tuple(nuisance if looks.count(b) == 1 else 0 for b in range(len(sizes)))


def _out(fit: Fit, shape: flow.Shape, whitened: Floats, fitted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Components and noise of every respondent; a block that is missing does not harm the others."""
    _, u, e = flow.read(fit.params, shape, np.nan_to_num(whitened), fit.params["edges"])
    found = []
    gone = ~np.isfinite(whitened)
    parents = np.asarray(fit.params["edges"]) > 0
    for out, missing in ((u, gone), (e, gone | (gone @ parents))):
        out = (out - out[fitted].mean(axis=0)) / out[fitted].std(axis=0)
        found.append(np.where(missing, np.nan, out))
    return found[0], found[1]


def _whiten(z: Floats, fitted: NDArray[np.bool_]) -> Floats:
    """Latents of a block with mean 0 and unit covariance among the training rows."""
    some = z[fitted & np.isfinite(z).all(axis=1)]
    cov = np.atleast_2d(np.cov(some.T)) + 1e-9 * np.eye(z.shape[1])
    return np.asarray((z - some.mean(axis=0)) @ np.linalg.cholesky(np.linalg.inv(cov)))


def stamp_of(made: Prepared, sizes: Any, ranks: Any, *, training: Training, seed: int) -> str:
    """What tells the training of one table and call from any other."""
    digest = hashlib.sha256()
    for x in made.data:
        digest.update(np.ascontiguousarray(x).tobytes())
    digest.update(made.there.tobytes())
    how = {
        name: getattr(training, name)
        for name in Training.__dataclass_fields__
        if name not in ("checkpoint", "progress")
    }
    looks = [[look.name, look.blocks, look.parts] for look in made.looks]
    digest.update(json.dumps([sizes, list(ranks), how, seed, looks], default=int).encode())
    return digest.hexdigest()


def edge_gains(found: Fitted, rows: NDArray[np.bool_]) -> tuple[list[tuple[int, int]], Floats]:
    """Return the edges across blocks and, per row, the log-density each is worth: whole graph less graph without it.

    Parameters
    ----------
    found : Fitted
        Both stages.
    rows : ndarray of bool, shape (n,)
        Held-out rows, without missing blocks.
    """
    edges = [(int(i), int(j)) for i, j in np.argwhere(found.fit.edges)]
    z = found.whitened[rows]
    whole = np.asarray(found.fit.params["edges"])
    full = flow.read(found.fit.params, found.shape, z, whole)[0]
    gains = []
    for i, j in edges:
        less = whole.copy()
        less[i, j] = 0.0
        gains.append(full - flow.read(found.fit.params, found.shape, z, less)[0])
    return edges, np.array(gains).reshape(len(edges), full.size)
