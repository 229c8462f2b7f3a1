"""Small networks as plain arrays, so that restarts can be trained side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

Params = Any


def mlp(key: jax.Array, sizes: Sequence[int]) -> Params:
    """Weights and biases of a fully connected network; the last layer starts small."""
    keys = jax.random.split(key, len(sizes) - 1)
    layers = []
    for at, (one, rows, columns) in enumerate(zip(keys, sizes[:-1], sizes[1:], strict=True)):
        scale = jnp.sqrt(2.0 / rows) * (0.1 if at == len(sizes) - 2 else 1.0)
        layers.append((scale * jax.random.normal(one, (rows, columns)), jnp.zeros(columns)))
    return layers


def forward(layers: Params, x: jax.Array) -> jax.Array:
    """Pass a batch of rows through; smooth, so that its derivative has no corners."""
    for weight, bias in layers[:-1]:
        x = jax.nn.silu(x @ weight + bias)
    weight, bias = layers[-1]
    return x @ weight + bias
