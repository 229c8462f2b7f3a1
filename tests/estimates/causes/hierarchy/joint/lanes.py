"""Many posteriors of one shape at once, for simulation-based calibration of the joint model.

The shipped sampler takes one table at a time and spends its time on calling a small program, thousands of times. Here the
same density (``density.model_at``) is mapped over tables, and Hamiltonian Monte Carlo moves all of them together: every
table has its own step size and its own scales, learned before the draws are kept, and the number of steps of a trajectory is
drawn anew for each and is the same for all tables, so that none waits for another.

What is calibrated so is the density, its priors, the simulator and the names of the draws; that the shipped sampler finds the
same posterior is tested beside it (``test_calibration.py``).

Neal, R. M. (2011). MCMC using Hamiltonian dynamics. https://doi.org/10.1201/b10905-6
Hoffman, M. D. and Gelman, A. (2014). The No-U-Turn sampler (section 3.2, dual averaging). JMLR 15, 1593-1623.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.joint.density import density_of, double, model_at, size_of
from psychomet.estimates.causes.hierarchy.joint.fit import start_of
from psychomet.estimates.causes.hierarchy.joint.plan import Data, Plan

Floats = NDArray[np.float64]

WINDOWS = (100, 50, 75, 125, 200)
"""Moves; after all but the first the scales are learned anew from the window. A last one learns the step size alone."""
LAST = 100
STEPS = 20
"""Most steps of a trajectory; their number is uniform from 1 on."""
ACCEPTED = 0.9
FAR = 1000.0
"""Error of the energy from which a trajectory counts as diverged."""


class Lanes(NamedTuple):
    """State of all tables: position, log density, gradient, log step size and what adapts it, inverse masses, sums."""

    x: Any
    value: Any
    slope: Any
    log_step: Any
    averaged: Any
    bias: Any
    centre: Any
    count: Any
    inverse: Any
    mean: Any
    square: Any
    diverged: Any


class Moved(NamedTuple):
    """Draws (draws, tables, m), diverged trajectories and mean acceptance by table."""

    x: Floats
    diverged: NDArray[np.int_]


def sample(plan: Plan, data: Sequence[Data], *, draws: int, thin: int, seed: int) -> Moved:
    """Draw from the posteriors of tables of one plan."""
    starts = np.array([start_of(density_of(plan, one), plan) for one in data])
    with double():
        stacked = jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *data)
        state = _first(plan)(jnp.asarray(starts), stacked)
        keys = iter(jax.random.split(jax.random.key(seed), len(WINDOWS) + 2))
        for at, length in enumerate((*WINDOWS, LAST)):
            steps = STEPS // 2 if at < 2 else STEPS
            state = _warm(plan)(_fresh(state), stacked, next(keys), length, steps)
            if 0 < at < len(WINDOWS):
                state = _scaled(state, length)
        state = state._replace(log_step=state.averaged, diverged=jnp.zeros_like(state.diverged))
        found, state = _keep(plan, draws, thin)(state, stacked, next(keys))
        return Moved(np.asarray(found), np.asarray(state.diverged).astype(int))


def _total(plan: Plan) -> Any:
    def total(x: Any, data: Data) -> Any:
        found = model_at(x, plan, data)
        return sum(found.terms) + jnp.sum(found.by_unit)

    return jax.vmap(jax.value_and_grad(total))


@lru_cache(maxsize=4)
def _first(plan: Plan) -> Any:
    def first(x: Any, data: Data) -> Lanes:
        value, slope = _total(plan)(x, data)
        lanes = jnp.zeros(x.shape[0])
        return Lanes(
            x, value, slope, lanes + jnp.log(0.05), lanes, lanes, lanes, lanes, jnp.ones_like(x), jnp.zeros_like(x),
            jnp.zeros_like(x), lanes,
        )  # fmt: skip

    return jax.jit(first)


def _fresh(state: Lanes) -> Lanes:
    """Begin a window: the step size is learned anew from the one at hand."""
    lanes, wide = jnp.zeros_like(state.value), jnp.zeros_like(state.x)
    return state._replace(
        bias=lanes, count=lanes, averaged=state.log_step, centre=jnp.log(10.0) / 4 + state.log_step,
        mean=wide, square=wide,
    )  # fmt: skip


def _scaled(state: Lanes, length: int) -> Lanes:
    """Take the variances of the window, drawn towards a small one as in Stan."""
    variance = state.square / (length - 1)
    inverse = (length * variance + 5e-3) / (length + 5)
    # Steps are in units of the scales, which were all 1 at first.
    return state._replace(inverse=inverse, log_step=jnp.full_like(state.log_step, jnp.log(0.3)))


def _move(plan: Plan, state: Lanes, data: Data, key: Any, most: Any) -> tuple[Lanes, Any]:
    """One trajectory of all tables; the acceptance of each."""
    first, second, third = jax.random.split(key, 3)
    steps = jax.random.randint(first, (), 1, most + 1)
    momentum = jax.random.normal(second, state.x.shape) / jnp.sqrt(state.inverse)
    size = jnp.exp(state.log_step)[:, None]
    total = _total(plan)

    def step(_: Any, at: Any) -> Any:
        x, p, _value, slope = at
        p = p + 0.5 * size * slope
        x = x + size * state.inverse * p
        value, slope = total(x, data)
        return x, p + 0.5 * size * slope, value, slope

    start = (state.x, momentum, state.value, state.slope)
    x, p, value, slope = jax.lax.fori_loop(0, steps, step, start)
    kinetic = [0.5 * jnp.sum(state.inverse * jnp.square(m), axis=1) for m in (momentum, p)]
    gain = value - kinetic[1] - state.value + kinetic[0]
    gain = jnp.where(jnp.isfinite(gain), gain, -jnp.inf)
    accepted = jnp.exp(jnp.minimum(gain, 0.0))
    take = jnp.log(jax.random.uniform(third, gain.shape)) < gain
    return state._replace(
        x=jnp.where(take[:, None], x, state.x), value=jnp.where(take, value, state.value),
        slope=jnp.where(take[:, None], slope, state.slope), diverged=state.diverged + (gain < -FAR),
    ), accepted  # fmt: skip


@lru_cache(maxsize=4)
def _warm(plan: Plan) -> Any:
    def warm(state: Lanes, data: Data, key: Any, length: int, most: int) -> Lanes:
        def one(at: Any, state: Lanes) -> Lanes:
            state, accepted = _move(plan, state, data, jax.random.fold_in(key, at), most)
            count = state.count + 1
            part = 1 / (count + 10)
            bias = (1 - part) * state.bias + part * (ACCEPTED - accepted)
            log_step = state.centre - jnp.sqrt(count) / 0.05 * bias
            share = count**-0.75
            averaged = share * log_step + (1 - share) * state.averaged
            off = state.x - state.mean
            mean = state.mean + off / count[:, None]
            square = state.square + off * (state.x - mean)
            return state._replace(
                bias=bias, count=count, log_step=log_step, averaged=averaged, mean=mean, square=square
            )

        # A loop of any length: one compilation for all windows.
        return jax.lax.fori_loop(0, length, one, state)

    return jax.jit(warm)


@lru_cache(maxsize=4)
def _keep(plan: Plan, draws: int, thin: int) -> Any:
    def keep(state: Lanes, data: Data, key: Any) -> tuple[Any, Lanes]:
        def one(state: Lanes, keys: Any) -> tuple[Lanes, Any]:
            def move(state: Lanes, key: Any) -> tuple[Lanes, None]:
                return _move(plan, state, data, key, STEPS)[0], None

            state = jax.lax.scan(move, state, keys)[0]
            return state, state.x

        keys = jax.random.split(key, (draws, thin))
        state, x = jax.lax.scan(one, state, keys)
        return x, state

    return jax.jit(keep)


__all__ = ["Moved", "sample", "size_of"]
