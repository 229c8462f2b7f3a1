"""Simulation-based calibration: ranks of true values among posterior draws, and the envelope of their ECDF.

Talts, S., Betancourt, M., Simpson, D., Vehtari, A. and Gelman, A. (2018). Validating Bayesian inference algorithms
with simulation-based calibration. https://doi.org/10.48550/arXiv.1804.06788

Säilynoja, T., Bürkner, P.-C. and Vehtari, A. (2022). Graphical test for discrete uniformity and its applications in
goodness-of-fit evaluation and multiple sample comparison. Statistics and Computing, 32, 32.
https://doi.org/10.1007/s11222-022-10090-6
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

Floats = NDArray[np.float64]


RANKS = 40
"""Of 39 draws kept, far enough apart to be nearly independent: 1, 4 and 10 ranks at either end are 5, 20 and 50 %."""
LEVELS = (0.5, 0.8, 0.95)


class Envelope(NamedTuple):
    """Bounds of the number of ranks below each point, which all hold together with the probability asked for."""

    points: Floats
    low: Floats
    high: Floats


def ranks_of(draws: Floats, truth: Floats) -> NDArray[np.int_]:
    """Rank of each true value (numbers,) among draws (draws, numbers) thinned to ``RANKS`` - 1."""
    kept = draws[:: len(draws) // (RANKS - 1)][: RANKS - 1]
    return np.asarray((kept < truth).sum(axis=0))


def coverage(ranks: NDArray[np.int_]) -> Floats:
    """Share of central intervals that hold the truth, (levels, ...), of ranks (replicates, ...).

    An interval between order statistics holds the truth with exactly its level where the draws are independent. Between
    interpolated quantiles of S draws it does so too rarely, by about (2 - level) / S at either end: at S = 150 effective
    draws an interval of 95 % holds the truth in 93.7 %.
    """
    ends = [round(RANKS * (1 - level) / 2) for level in LEVELS]
    return np.array([((ranks >= end) & (ranks < RANKS - end)).mean(axis=0) for end in ends])


def envelope(n: int, *, ranks: int, conf: float, seed: int = 1, simulations: int = 20_000) -> Envelope:
    """Simultaneous bounds of the ECDF of ``n`` uniform ranks 0 ... ranks - 1, by simulation of the smallest tail."""
    points = np.arange(1, ranks) / ranks
    gamma = np.quantile(_simulated(n, ranks, seed, simulations), 1 - conf)
    return Envelope(points, binom.ppf(gamma / 2, n, points), binom.isf(gamma / 2, n, points))


def outside(found: NDArray[np.int_], bounds: Envelope, *, ranks: int) -> int:
    """Number of points at which the ECDF of ranks leaves its envelope."""
    count = np.cumsum(np.bincount(found, minlength=ranks))[:-1]
    return int(np.count_nonzero((count < bounds.low) | (count > bounds.high)))


def p_value(found: NDArray[np.int_], *, ranks: int, seed: int = 1, simulations: int = 20_000) -> float:
    """Share of simulated uniform ranks whose ECDF comes as near to leaving as this one: below 1 - conf, it leaves."""
    count = np.cumsum(np.bincount(found, minlength=ranks))[:-1]
    least = _least_tails(count[None], found.size)[0]
    told = _simulated(found.size, ranks, seed, simulations)
    return float((1 + np.count_nonzero(told <= least * (1 + 1e-9))) / (1 + simulations))


@cache
def _simulated(n: int, ranks: int, seed: int, simulations: int) -> Floats:
    """Smallest tails of ECDFs of uniform ranks."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(ranks, 1 / ranks), size=simulations)
    return _least_tails(np.cumsum(drawn, axis=1)[:, :-1], n)


def _least_tails(count: NDArray[np.int_], n: int) -> Floats:
    """Twice the smallest tail probability of the counts below each point, (rows, points), each binomial."""
    columns = np.arange(count.shape[1])
    points = (columns + 1) / (columns.size + 1)
    every = np.arange(n + 1)[:, None]
    both = np.minimum(binom.cdf(every, n, points), binom.sf(every - 1, n, points))
    return np.asarray(2 * both[count, columns].min(axis=1))
