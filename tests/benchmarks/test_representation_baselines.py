"""Baselines of the table of latents: fitted on the training respondents alone, and the published loss as it is."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("jax", reason="representation needs the extra jax")
pytest.importorskip("optax", reason="representation needs the extra jax")
pytest.importorskip("sklearn", reason="the baselines need the package scikit-learn")

import jax
import jax.numpy as jnp

from psychomet.estimates.causes.representation import flow
from psychomet.estimates.causes.representation.looks import groups_of, prepare
from psychomet.table.simulate.modalities import Simulated, simulate_modalities

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "representation" / "baselines.py"
if not SCRIPT.exists():
    pytest.skip("benchmarks/ is not part of the source distribution", allow_module_level=True)
N = 1000
ROUNDING = 1e-9
"""Fits of the same rows are the same; a product of matrices of other rows beside them may round otherwise."""


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("representation_baselines", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    # A NamedTuple looks its own module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


baselines = loaded()
TINY = baselines.Setting(steps=2, batch=16, hidden=4)


def simulated(seed: int = 100, missing: float = 0.0) -> Simulated:
    return simulate_modalities(seed=seed, n=N, measurements=2, width=6, missing=missing)


def spoilt(sim: Simulated, part: np.ndarray) -> Simulated:
    """The same respondents, with other measurements for those held out."""
    rng = np.random.default_rng(0)
    values = {
        name: np.where((part == "train")[:, None], x, 100 * rng.normal(size=x.shape))
        for name, x in sim.features.values.items()
    }
    return sim._replace(features=dataclasses.replace(sim.features, values=values))


def published_at_start(sim: Simulated) -> tuple:
    """Parameters away from their start, rows, and the sizes of the published model."""
    groups, _ = groups_of(sim.features, None)
    made = prepare(sim.features, groups, seed=1)
    views, sizes = ((0, 1), (2, 3)), (2, 2)
    params = baselines.published_start(3, [x.shape[1] for x in made.data], views, sizes, 4)
    rng = np.random.default_rng(4)
    free = {name: part for name, part in params.items() if name != "A"}
    shaken = jax.tree.map(lambda leaf: np.asarray(leaf + 0.3 * rng.normal(size=leaf.shape), np.float32), free)
    rows = {
        "data": [jnp.asarray(x, jnp.float32) for x in made.data],
        "there": jnp.asarray(made.there, jnp.float32),
    }
    return {**shaken, "A": params["A"]}, rows, views, sizes


@pytest.mark.parametrize("method", baselines.METHODS)
def test_every_baseline_gives_latents_of_everybody(method: str) -> None:
    sim = simulated(missing=0.2)
    latents, edges, part = baselines.fit_baseline(sim, method, 1, TINY)
    assert latents.shape == (N, 4)
    counts = {name: int((part == name).sum()) for name in ("train", "validation", "test")}
    assert counts == {"train": 0.7 * N, "validation": 0.1 * N, "test": 0.2 * N}
    if method == "published loss":
        # It reads the first measurement of a modality; without it there is nothing.
        looks = [sim.features.values[f"{m} k1"] for m in ("m1", "m2")]
        seen = np.column_stack([np.isfinite(x).all(axis=1) for x in looks])
        np.testing.assert_array_equal(np.isfinite(latents), np.repeat(seen, 2, axis=1))
        assert edges.shape == (4, 4)
    else:
        assert np.isfinite(latents).all()
        assert edges is None
    assert (np.nanstd(latents, axis=0) > 0).all()


@pytest.mark.parametrize("method", baselines.METHODS)
def test_what_is_held_out_changes_no_fit_and_the_seed_is_all_that_is_drawn(method: str) -> None:
    sim = simulated()
    latents, edges, part = baselines.fit_baseline(sim, method, 1, TINY)
    again, edges_again, _ = baselines.fit_baseline(spoilt(sim, part), method, 1, TINY)
    fitted = part == "train"
    np.testing.assert_allclose(again[fitted], latents[fitted], rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_array_equal(edges_again, edges)
    assert np.abs(again[~fitted] - latents[~fitted]).max() > 0.01
    # The other split and start of another seed.
    other = baselines.fit_baseline(sim, method, 2, TINY)[0]
    assert np.abs(other - latents).max() > 1e-4


# --- the published loss ----------------------------------------------------------------------------


def test_the_data_do_not_reach_the_published_matrix() -> None:
    params, rows, views, sizes = published_at_start(simulated())

    def gap(one):
        return baselines.published_terms(one, rows, views, sizes)[1]

    value, slope = jax.jit(jax.value_and_grad(gap))(params)
    assert (np.asarray(slope["A"]) == 0).all()
    # Everything else in the term is reached.
    for name in ("noise", "coupling", "in"):
        assert max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(slope[name])) > 0
    # The term depends on the matrix all the same: an edge less is another value.
    less = {**params, "A": params["A"] * np.array([[1, 1, 1, 1]] * 3 + [[0, 0, 0, 1]], np.float32)}
    assert abs(float(jax.jit(gap)(less)) - float(value)) > 1e-4


def test_the_published_matrix_shrinks_by_the_price_alone() -> None:
    """The slope of the whole loss is the price of an entry, whatever the data."""
    params, first, views, sizes = published_at_start(simulated())
    second = published_at_start(simulated(7))[1]
    loss = baselines.published_loss(views, sizes)
    slope = jax.jit(jax.grad(lambda one, rows: loss(one, rows, None, None)))
    below = np.tril(np.ones((4, 4)), -1)
    for rows in (first, second):
        np.testing.assert_array_equal(slope(params, rows)["A"], np.float32(baselines.SPARSITY) * below)
    assert np.abs(slope(params, first)["in"][0][0][0] - slope(params, second)["in"][0][0][0]).max() > 0


def test_our_likelihood_reaches_the_gates() -> None:
    shape = flow.Shape((2, 2), 4)
    rng = np.random.default_rng(9)
    begun = jax.tree.map(lambda leaf: leaf[0], flow.start(0, shape, 1))
    params = jax.tree.map(
        lambda leaf: np.asarray(leaf + 0.3 * rng.normal(size=leaf.shape), np.float32), begun
    )
    z = rng.normal(size=(50, 4)).astype(np.float32)
    may_be = flow.masks_of(shape, (0, 1)).allowed

    def likelihood(logit):
        return flow.log_density(params, shape, z, flow.soft_gates(logit, None) * may_be).mean()

    slope = np.asarray(jax.jit(jax.grad(likelihood))(jnp.ones((4, 4))))
    assert (np.abs(slope[may_be]) > 0).all()
    assert (slope[~may_be] == 0).all()


def test_couplings_have_the_log_determinant_of_their_map() -> None:
    params, _, _, _ = published_at_start(simulated())
    gamma = np.random.default_rng(2).normal(size=(3, 6)).astype(np.float32)

    def out(row):
        """The map, read off the density: its square is what the density holds beside the determinant."""
        half = 3
        moved = row[half:]
        for at in range(baselines.COUPLINGS):
            one = jax.tree.map(lambda leaf, at=at: leaf[at], params["coupling"])
            change = baselines.bent(one, row[None, :half], jax.nn.leaky_relu)[0]
            moved = moved * jax.nn.sigmoid(change[:half] + 2) + change[half:]
        return jnp.concatenate([row[:half], moved])

    slopes = np.asarray(jax.jit(jax.vmap(jax.jacfwd(out)))(gamma), dtype=float)
    values = np.asarray(jax.jit(jax.vmap(out))(gamma), dtype=float)
    expected = 0.5 * (values**2 + np.log(2 * np.pi)).sum(axis=1) - np.linalg.slogdet(slopes)[1]
    got = jax.jit(baselines.divergence)(params["coupling"], gamma)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


# --- contrast --------------------------------------------------------------------------------------


def test_the_contrast_is_least_where_views_agree_and_rows_differ() -> None:
    rng = np.random.default_rng(5)
    z = rng.random((40, 2)).astype(np.float32)
    seen = np.ones(40, np.float32)
    nce = jax.jit(baselines.info_nce)
    agree = float(nce(z, z, seen))
    assert agree < float(nce(z, z[::-1], seen))
    assert agree < float(nce(z / 10, z / 10, seen))
    # Rows without one of the views do not count, neither as their own nor as others'.
    half = (np.arange(40) < 20).astype(np.float32)
    np.testing.assert_allclose(nce(z, z, half), nce(z[:20], z[:20], seen[:20]), rtol=1e-4)
