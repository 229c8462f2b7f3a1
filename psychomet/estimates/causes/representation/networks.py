"""Small networks as plain arrays, so that restarts can be trained side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

Params = Any


def mlp(rng: np.random.Generator, sizes: Sequence[int], lead: tuple[int, ...] = ()) -> Params:
    """Weights and biases of a fully connected network, with leading axes; the last layer starts small.

    Drawn by NumPy: random numbers cost JAX seconds of compilation.
    """
    layers = []
    for at, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        scale = np.sqrt(2.0 / rows) * (0.1 if at == len(sizes) - 2 else 1.0)
        weight = scale * rng.standard_normal((*lead, rows, columns))
        layers.append((weight.astype(np.float32), np.zeros((*lead, columns), np.float32)))
    return layers


def forward(layers: Params, x: jax.Array) -> jax.Array:
    """Pass a batch of rows through; smooth, so that its derivative has no corners."""
    for weight, bias in layers[:-1]:
        x = jax.nn.silu(x @ weight + bias)
    weight, bias = layers[-1]
    return x @ weight + bias
