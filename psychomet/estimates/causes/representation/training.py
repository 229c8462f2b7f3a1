"""The loop that trains stacked copies of a model, and the file from which it goes on."""

from __future__ import annotations

import functools
import os
import sys
import zipfile
from collections.abc import Callable
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
    leaves, form = jax.tree.flatten(params)
    copies = leaves[0].shape[0]
    sizes = tuple(leaf.shape[1:] for leaf in leaves)
    # All parameters of a copy in one vector: the optimiser is then written, and compiled, once.
    flat = np.concatenate([np.asarray(leaf, np.float32).reshape(copies, -1) for leaf in leaves], axis=1)
    rule, chunk = _compiled(loss, run.steps, run.batch, run.rate, run.warm_up, form, sizes)
    # Adam starts from zeros; to have them computed would cost a compilation.
    state = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(jax.vmap(rule.init), flat)
    )
    key = jax.random.key(seed)
    carry, first, trace = _resume(run, (flat, state), copies)
    for start in range(first, run.steps, CHUNK):
        ats = np.arange(start, min(start + CHUNK, run.steps))
        carry, value = chunk(carry, ats, data, key)
        trace = np.vstack([trace, np.asarray(value, dtype=float)[None]])
        _keep(run, carry, int(ats[-1]) + 1, trace)
        if run.progress:
            done = (int(ats[-1]) + 1) / run.steps
            sys.stderr.write(f"\r{run.name}: {done:4.0%}, loss {trace[-1].min():.4f}" + "\n" * (done >= 1))
            sys.stderr.flush()
    # As NumPy arrays: taking copies apart then compiles nothing.
    return jax.tree.unflatten(form, _cut(np.asarray(carry[0]), sizes)), trace


def _cut(flat: Any, sizes: tuple[tuple[int, ...], ...]) -> list[Any]:
    """Cut the last axis of a vector of parameters into arrays."""
    ends = np.cumsum([0, *[int(np.prod(size)) for size in sizes]])
    return [
        flat[..., ends[at] : ends[at + 1]].reshape(*flat.shape[:-1], *size) for at, size in enumerate(sizes)
    ]


@functools.lru_cache(maxsize=16)
def _compiled(
    loss: Loss,
    steps: int,
    batch: int,
    rate: float,
    warm_up: float,
    form: Any,
    sizes: tuple[tuple[int, ...], ...],
) -> tuple[optax.GradientTransformation, Callable[..., Any]]:
    """Return the optimiser and the loop of a chunk; a second fit of the same sizes compiles nothing."""
    rule = optax.chain(
        optax.clip_by_global_norm(CLIP), optax.adam(optax.cosine_onecycle_schedule(steps, rate, warm_up))
    )

    def move(flat: jax.Array, memory: Any, rows: Any, key: jax.Array, done: jax.Array) -> Any:
        one = jax.tree.unflatten(form, _cut(flat, sizes))
        value, slope = jax.value_and_grad(loss)(one, rows, key, done)
        joined = jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(slope)])
        change, memory = rule.update(joined, memory, flat)
        return flat + change, memory, value

    def step(carry: Any, at: jax.Array, data: Any, key: jax.Array) -> Any:
        one, memory = carry
        first = jax.tree.leaves(data)[0]
        pick, noise = jax.random.split(jax.random.fold_in(key, at))
        chosen = jax.random.randint(pick, (batch,), 0, first.shape[0])
        rows = jax.tree.map(lambda values: values[chosen], data)
        copies = jax.tree.leaves(one)[0].shape[0]
        one, memory, value = jax.vmap(move, (0, 0, None, 0, None))(
            one, memory, rows, jax.random.split(noise, copies), at / steps
        )
        return (one, memory), value

    @jax.jit
    def chunk(carry: Any, ats: jax.Array, data: Any, key: jax.Array) -> Any:
        carry, values = jax.lax.scan(lambda c, at: step(c, at, data, key), carry, ats)
        return carry, values.mean(axis=0)

    return rule, chunk


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
