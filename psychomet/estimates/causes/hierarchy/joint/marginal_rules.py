"""Nodes and weights for integrals of a latent law, and a place of each among sums that are independent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri
from scipy.stats import qmc

Floats = NDArray[np.float64]

LANES = 8
"""Nodes at a time; sums of importance sampling that are independent."""
LEAST_ROOM = 32
"""Chunks for which there is always room: what is compiled for a few nodes serves more of them."""
TAIL = 8.0
"""Degrees of freedom of the t law."""


class Rule(NamedTuple):
    """Nodes and the logarithms of their weights, filled up to (chunks, LANES), and how many chunks are meant."""

    nodes: Floats
    log_weight: Floats
    chunks: int
    name: str


def product(size: int, count: int, most: int) -> Rule:
    """Return the product rule of Gauss and Hermite for integrals of exp(g(x)), x around 0 with unit spread.

    Parameters
    ----------
    size : int
        Numbers.
    count : int
        Nodes for each.
    most : int
        Nodes for which there is to be room.
    """
    x, weight = np.polynomial.hermite_e.hermegauss(count)
    grid = np.stack(np.meshgrid(*[x] * size, indexing="ij"), axis=-1).reshape(-1, size)
    one = np.log(weight) - 0.5 * np.log(2 * np.pi)
    log_weight = np.sum(np.meshgrid(*[one] * size, indexing="ij"), axis=0).ravel()
    return _filled(grid, log_weight, most, " x ".join([str(count)] * size) + " nodes")


def sampled(size: int, count: int, most: int) -> Rule:
    """Return points of a t law in pairs of opposite sign, and weights that make them stand for a normal law.

    Parameters
    ----------
    size : int
        Numbers.
    count : int
        Points, a power of two from 2 LANES on.
    most : int
        Points for which there is to be room.
    """
    half = count // (2 * LANES)
    shift = np.random.default_rng(0).random((LANES, 1, size + 1))
    base = qmc.Sobol(size + 1, scramble=False).random(half)
    # Shifts of one set of points, modulo 1; the middle of cells keeps 0 away.
    u = np.clip((base + shift) % 1.0, 1e-12, 1 - 1e-12)
    x = ndtri(u[..., :size]) * np.sqrt(TAIL / chdtri(TAIL, u[..., size:]))
    x = np.concatenate([x, -x], axis=1)
    length = np.square(x).sum(axis=-1)
    ratio = -0.5 * length + 0.5 * (TAIL + size) * np.log1p(length / TAIL)
    log_weight = ratio - np.log(np.exp(ratio - ratio.max()).sum(axis=1, keepdims=True)) - ratio.max()
    nodes = x.transpose(1, 0, 2).reshape(-1, size)
    return _filled(nodes, (log_weight - np.log(LANES)).T.ravel(), most, f"{count} points")


def _filled(nodes: Floats, log_weight: Floats, most: int, name: str) -> Rule:
    """Chunks of LANES nodes; those without weight are at 0. Weights hold what a normal law of the nodes has to be divided by."""
    count, size = nodes.shape
    room = LANES * max(LEAST_ROOM, 1 << (-(-most // LANES) - 1).bit_length())
    x, weight = np.zeros((room, size)), np.full(room, -np.inf)
    x[:count], weight[:count] = nodes, log_weight + 0.5 * np.square(nodes).sum(axis=1)
    return Rule(x.reshape(-1, LANES, size), weight.reshape(-1, LANES), -(-count // LANES), name)
