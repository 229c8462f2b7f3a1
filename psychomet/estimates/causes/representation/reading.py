"""What a trained first stage says of every respondent: latents, and measurements as they are rebuilt."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.autoencoder import (
    Params,
    Plan,
    carriers,
    decode,
    encode,
    fuse,
)

Floats = NDArray[np.float64]


@functools.partial(jax.jit, static_argnums=1)
def _encoded(
    params: Params, plan: Plan, data: list[jax.Array], there: jax.Array
) -> tuple[list[jax.Array], list[jax.Array]]:
    means, precisions, nuisances = encode(params, plan, data)
    fused = [
        fuse(means[b], precisions[b], there[np.array(carriers(plan, b))]) for b in range(len(plan.sizes))
    ]
    return fused, nuisances


_decoded = functools.partial(jax.jit, static_argnums=1)(decode)


def read(
    params: Params, plan: Plan, data: Sequence[Floats], there: Floats, *, fitted: NDArray[np.bool_]
) -> tuple[list[Floats], list[Floats]]:
    """Return the fused latents of every block and what the decoders make of every measurement.

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
    fitted : ndarray of bool, shape (n,)
        Training rows: latents are standardised by them before decoding, as batches are in training.

    Returns
    -------
    latents : list of ndarray, shape (n, size)
        NaN for a row without any measurement of the block.
    rebuilt : list of ndarray, shape (n, width)
        NaN where the latents are, and in coordinates that are no numbers.
    """
    found = _encoded(
        params, plan, [jnp.asarray(x, jnp.float32) for x in data], jnp.asarray(there.T, jnp.float32)
    )
    latents, nuisances = ([np.array(z, dtype=float) for z in some] for some in found)
    for b, z in enumerate(latents):
        z[there[:, carriers(plan, b)].sum(axis=1) == 0] = np.nan
    scaled = [_unit(z, fitted) for z in latents]
    inner = [
        np.hstack([*[scaled[b] for b in look.blocks], _unit(own, fitted)])
        for look, own in zip(plan.looks, nuisances, strict=True)
    ]
    raw = _decoded(params, plan, [jnp.asarray(np.nan_to_num(x), jnp.float32) for x in inner])
    rebuilt = []
    for look, x, out in zip(plan.looks, inner, raw, strict=True):
        values, place = np.full((len(x), look.width), np.nan), 0
        for part in look.parts:
            width = part.stop - part.start
            if part.kind == "gaussian":
                values[:, part.start : part.stop] = np.asarray(out)[:, place : place + width]
            place += 1 if part.kind == "ordinal" else width
        values[~np.isfinite(x).all(axis=1)] = np.nan
        rebuilt.append(values)
    return latents, rebuilt


def _unit(z: Floats, fitted: NDArray[np.bool_]) -> Floats:
    some = z[fitted & np.isfinite(z).all(axis=1)]
    return np.asarray((z - some.mean(axis=0)) / (some.std(axis=0) + 1e-6))
