"""The loop that trains stacked copies of a model, and the file from which it goes on."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.text import visible

Params = Any
Loss = Callable[[Params, Any, jax.Array, jax.Array], jax.Array]
"""Parameters of one copy, rows of the data, a random key and the share of the training done -> loss."""
CHUNK = 250
"""Steps between two looks at the clock and two checkpoints."""
CLIP = 5.0
"""Longest gradient of a copy: a flow that folds sends a single huge one."""


@dataclass(frozen=True, slots=True)
class Training:
    """How the two stages are trained; the defaults were set on simulated seeds that are not scored.

    Parameters
    ----------
    steps, batch, rate, hidden : int, int, float, int
        First stage (autoencoder): steps of Adam, rows of each, highest rate, width of the two hidden layers.
    nuisance : int
        Latents of each measurement alone.
    restarts : int
        Starts of the second stage, trained side by side.
    flow_steps, flow_batch, flow_rate, flow_hidden : int, int, float, int
        Second stage (flow and graph).
    sparsity : float
        Price of an edge across modalities, in nats of log-likelihood per respondent.
    checkpoint : str or None
        Folder for the state of the training; a call with the same data and arguments goes on from there.
    progress : bool
        Whether to write the share done to standard error.
    """

    steps: int = 3000
    batch: int = 256
    rate: float = 6e-3
    hidden: int = 64
    nuisance: int = 1
    restarts: int = 4
    flow_steps: int = 2000
    flow_batch: int = 512
    flow_rate: float = 3e-3
    flow_hidden: int = 16
    sparsity: float = 0.05
    checkpoint: str | None = None
    progress: bool = False


class Run(NamedTuple):
    """Length of one training and where its state is kept."""

    name: str
    steps: int
    batch: int
    rate: float
    warm_up: float
    folder: str | None
    progress: bool
    stamp: str


def train(
    loss: Loss, params: Params, data: Any, *, run: Run, seed: int
) -> tuple[Params, NDArray[np.float64]]:
    """Minimise the loss of every copy by Adam with a one-cycle rate.

    Parameters
    ----------
    loss : callable
        Loss of one copy.
    params : pytree
        Arrays with a leading axis, the copies.
    data : pytree
        Arrays with a leading axis, the rows.
    run : Run
        Steps, rows of a step, rate, and the checkpoint.
    seed : int
        Of the rows drawn and of the noise.

    Returns
    -------
    params : pytree
        Trained.
    trace : ndarray, shape (chunks, copies)
        Mean loss of every chunk of steps.
    """
    n = jax.tree.leaves(data)[0].shape[0]
    copies = jax.tree.leaves(params)[0].shape[0]
    rate = optax.cosine_onecycle_schedule(run.steps, run.rate, run.warm_up)
    rule = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(rate))
    state = jax.jit(jax.vmap(rule.init))(params)

    def move(one: Params, memory: Any, rows: Any, key: jax.Array, done: jax.Array) -> Any:
        value, slope = jax.value_and_grad(loss)(one, rows, key, done)
        change, memory = rule.update(slope, memory, one)
        return optax.apply_updates(one, change), memory, value

    def step(carry: Any, at: jax.Array, everything: Any) -> Any:
        one, memory = carry
        pick, noise = jax.random.split(jax.random.fold_in(jax.random.key(seed), at))
        chosen = jax.random.randint(pick, (run.batch,), 0, n)
        rows = jax.tree.map(lambda values: values[chosen], everything)
        one, memory, value = jax.vmap(move, (0, 0, None, 0, None))(
            one, memory, rows, jax.random.split(noise, copies), at / run.steps
        )
        return (one, memory), value

    @jax.jit
    def chunk(carry: Any, ats: jax.Array, everything: Any) -> Any:
        carry, values = jax.lax.scan(lambda c, at: step(c, at, everything), carry, ats)
        return carry, values.mean(axis=0)

    carry, first, trace = _resume(run, (params, state), copies)
    for start in range(first, run.steps, CHUNK):
        ats = np.arange(start, min(start + CHUNK, run.steps))
        carry, value = chunk(carry, ats, data)
        trace = np.vstack([trace, np.asarray(value, dtype=float)[None]])
        _keep(run, carry, int(ats[-1]) + 1, trace)
        if run.progress:
            done = (int(ats[-1]) + 1) / run.steps
            sys.stderr.write(f"\r{run.name}: {done:4.0%}, loss {trace[-1].min():.4f}" + "\n" * (done >= 1))
            sys.stderr.flush()
    # As NumPy arrays: taking copies apart then compiles nothing.
    return jax.tree.map(np.asarray, carry[0]), trace


def _file(run: Run) -> Path | None:
    return None if run.folder is None else Path(run.folder) / f"{run.name.replace(' ', '_')}.npz"


def _keep(run: Run, carry: Any, done: int, trace: NDArray[np.float64]) -> None:
    """Write the state beside the old one and put it in its place, so that a break leaves a whole file."""
    path = _file(run)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    kept: dict[str, Any] = {f"leaf_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(carry))}
    kept |= {"done": done, "trace": trace, "stamp": run.stamp}
    with part.open("wb") as file:
        np.savez(file, **kept)
    os.replace(part, path)


def _resume(run: Run, carry: Any, copies: int) -> tuple[Any, int, NDArray[np.float64]]:
    """Return the state of the checkpoint where there is one of this very training."""
    path = _file(run)
    nothing = np.zeros((0, copies))
    if path is None or not path.exists():
        return carry, 0, nothing
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["stamp"]) != run.stamp:
                what = f"'{visible(path.name)}' is of another table or another call"
                raise InputError("the call", [Fault("checkpoint", what, "Name an empty folder, or none")])
            leaves, shape = jax.tree.flatten(carry)
            found = [jnp.asarray(kept[f"leaf_{i}"], leaf.dtype) for i, leaf in enumerate(leaves)]
            return jax.tree.unflatten(shape, found), int(kept["done"]), kept["trace"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        what = f"'{visible(path.name)}' cannot be read"
        raise InputError(
            "the call", [Fault("checkpoint", what, "Remove it, or name another folder")]
        ) from None
