"""Latent causes: the parts hold what they promise, and one small fit goes the whole way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("jax", reason="representation needs the extra jax")
pytest.importorskip("optax", reason="representation needs the extra jax")

import jax
import jax.numpy as jnp

from psychomet.errors import InputError
from psychomet.estimates.causes.representation import autoencoder, counts, flow, graph
from psychomet.estimates.causes.representation.counts import smallest
from psychomet.estimates.causes.representation.fitting import idle_of
from psychomet.estimates.causes.representation.looks import groups_of, prepare
from psychomet.estimates.causes.representation.representation import representation
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.estimates.causes.representation.training import CHUNK, Run, train
from psychomet.result.result import Result
from psychomet.table.codebook import Codebook, Feature
from psychomet.table.features import FeatureTable
from psychomet.table.simulate.modalities import simulate_modalities

SINGLE = 2e-4
"""Networks work in single precision; log-densities of order 10 keep four digits."""
SHORT = Training(steps=60, flow_steps=40, restarts=2, batch=64, flow_batch=64, hidden=8, flow_hidden=4)


def shaken(shape: flow.Shape) -> flow.Params:
    """Parameters away from their start, so that no part of the map is the identity."""
    rng = np.random.default_rng(9)
    begun = jax.tree.map(lambda leaf: leaf[0], flow.start(0, shape, 1))
    return jax.tree.map(lambda leaf: np.asarray(leaf + 0.3 * rng.normal(size=leaf.shape), np.float32), begun)


# --- the flow --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [flow.Shape((1, 3), 4), flow.Shape((2, 1), 4, shared=True)])
def test_the_log_determinant_is_that_of_the_map(shape: flow.Shape) -> None:
    params = shaken(shape)
    z = np.random.default_rng(1).normal(size=(3, sum(shape.sizes))).astype(np.float32)
    log_det = jax.jit(lambda z: flow.components(params, shape, z)[1])(z)
    slope = jax.vmap(jax.jacfwd(lambda row: flow.components(params, shape, row[None])[0][0]))
    slopes = np.asarray(jax.jit(slope)(z), dtype=float)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(slopes)[1], rtol=SINGLE, atol=SINGLE)
    # Nothing mixes modalities; they may depend on what is shared, not the other way round.
    other = shape.blocks[:, None] != shape.blocks[None, :]
    down = other & (shape.blocks == 1) & shape.shared
    assert np.abs(slopes[:, other & ~down]).max() == 0
    assert not shape.shared or np.abs(slopes[:, down]).min() > 0


def test_a_density_of_one_latent_integrates_to_one() -> None:
    shape = flow.Shape((1, 1), 4)
    params = shaken(shape)
    line = np.linspace(-40, 40, 20001)
    z = np.column_stack([np.full(line.size, 0.3), line]).astype(np.float32)
    gates = np.array([[0.0, 1.0], [0.0, 0.0]])
    density = jax.jit(lambda z: flow.mechanism(params, flow.components(params, shape, z)[0], gates)[0])(z)
    turn = abs(float(params["turn"][0][1, 0, 0]))
    total = np.trapezoid(np.exp(np.asarray(density[:, 1], dtype=float)) * turn, line)
    assert total == pytest.approx(1.0, abs=1e-3)


def test_a_shut_gate_lets_nothing_through_and_the_likelihood_reaches_an_open_one() -> None:
    params = shaken(flow.Shape((1, 1), 4))
    u = np.array([[0.5, 1.0], [-2.0, 1.0]], np.float32)
    shut, open_ = np.zeros((2, 2), np.float32), np.array([[0.0, 1.0], [0.0, 0.0]], np.float32)
    density = jax.jit(lambda gates: flow.mechanism(params, u, gates)[0][:, 1])
    assert density(shut)[0] == density(shut)[1]
    assert density(open_)[0] != density(open_)[1]
    assert jax.jit(jax.grad(lambda gates: density(gates).sum()))(open_)[0, 1] != 0


def test_orders_decide_which_edges_may_be_there() -> None:
    masks = flow.masks_of(flow.Shape((1, 2), 4), (1, 0))
    np.testing.assert_array_equal(masks.allowed, [[0, 0, 0], [1, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(masks.share[1, [0, 2]], [1, flow.WITHIN_PRICE])


def test_shared_latents_may_cause_all_and_are_caused_by_none() -> None:
    masks = flow.masks_of(flow.Shape((1, 1, 1), 4, shared=True), (1, 0))
    np.testing.assert_array_equal(masks.allowed, [[0, 0, 0], [1, 0, 0], [1, 1, 0]])
    assert (masks.share[2, :2] == flow.WITHIN_PRICE).all()
    assert masks.share[1, 0] == 1


def test_gates_are_open_as_often_as_their_price_says() -> None:
    logit = jnp.array([-1.0, 0.0, 1.5])
    draw = jax.jit(jax.vmap(lambda key: flow.soft_gates(logit, key)))
    drawn = draw(jax.random.split(jax.random.key(0), 4000))
    # Three standard errors of a share of 4,000 draws are .024.
    np.testing.assert_allclose((np.asarray(drawn) > 0).mean(axis=0), flow.chance_open(logit), atol=0.024)


# --- the graph -------------------------------------------------------------------------------------


def test_nested_graphs_lose_the_least_edges_first_and_keep_those_beyond_doubt(monkeypatch) -> None:
    worth = np.array([[0, 0.30, 0.02], [0, 0, 0.90], [0, 0, 0]])

    def densities(params, shape, z, gates):
        return np.repeat((gates * worth).sum(axis=(1, 2))[:, None], len(z), axis=1)

    monkeypatch.setattr(graph, "densities", densities)
    one = {"at": np.zeros(1)}
    graphs = graph.nested(
        one, flow.Shape((3,), 4), np.zeros((5, 3)), (worth > 0) * 1.0, price=np.full((3, 3), 0.01)
    )
    assert [int(edges.sum()) for edges in graphs] == [3, 2, 1]
    assert graphs[1][0, 1] and not graphs[1][0, 2]
    assert graphs[2][1, 2]


def test_the_price_of_an_edge_grows_where_few_choose() -> None:
    asked = Training(least_gain=0.02)
    assert graph.edge_price(asked, 10_000) == 0.02
    assert graph.edge_price(asked, 100) == pytest.approx(0.1)


# --- the autoencoder -------------------------------------------------------------------------------


def test_the_mean_of_measurements_is_weighted_and_leaves_out_what_is_not_there() -> None:
    means = jnp.array([[[1.0]], [[4.0]], [[100.0]]])
    precisions = jnp.array([[[2.0]], [[1.0]], [[5.0]]])
    there = jnp.array([[1.0], [1.0], [0.0]])
    assert float(autoencoder.fuse(means, precisions, there)[0, 0]) == pytest.approx(2.0)


def test_of_every_row_some_measurement_that_is_there_is_kept() -> None:
    seen = jnp.array(np.random.default_rng(0).random((3, 500)) < 0.5, jnp.float32)
    draws = np.random.default_rng(1).random((3, 500), np.float32)
    kept = np.asarray(jax.jit(autoencoder._some)(draws, seen))
    assert (kept <= np.asarray(seen)).all()
    assert ((kept.sum(axis=0) > 0) == (np.asarray(seen).sum(axis=0) > 0)).all()
    assert kept.sum() < np.asarray(seen).sum()


def test_the_chances_of_ordered_levels_sum_to_one_and_rise_with_the_place() -> None:
    steps, place = jnp.array([0.2, -1.0, 0.5]), jnp.array([-3.0, 0.0, 3.0])
    chances = np.exp(
        [np.asarray(autoencoder.ordinal_log(place, steps, jnp.tile(row, (3, 1)))) for row in jnp.eye(4)]
    )
    np.testing.assert_allclose(chances.sum(axis=0), 1, atol=1e-5)
    assert (np.diff(chances.T @ np.arange(4)) > 0).all()


# --- training --------------------------------------------------------------------------------------


def quadratic(one: dict, rows: jax.Array, key: jax.Array, done: jax.Array) -> jax.Array:
    return ((one["at"] - rows) ** 2).mean()


def toy(folder: str | None, steps: int = 3 * CHUNK, stamp: str = "a"):
    data = jnp.asarray(np.random.default_rng(0).normal(2.0, 1.0, (200, 1)), jnp.float32)
    run = Run("toy", steps, 32, 0.1, 0.2, folder, False, stamp)
    return train(quadratic, {"at": jnp.array([[0.0], [9.0]])}, data, run=run, seed=3), data


def test_training_finds_the_minimum_of_every_copy() -> None:
    (params, trace), data = toy(None)
    np.testing.assert_allclose(params["at"], float(data.mean()), atol=0.1)
    assert trace.shape == (3, 2)
    assert (trace[-1] < trace[0]).all()


def test_a_broken_training_goes_on_from_its_checkpoint(tmp_path, monkeypatch) -> None:
    whole = np.asarray(toy(None)[0][0]["at"])
    from psychomet.estimates.causes.representation import training

    keep, kept = training._keep, []

    def break_off(run, carry, done, trace):
        keep(run, carry, done, trace)
        kept.append(done)
        if done == 2 * CHUNK and len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "_keep", break_off)
    with pytest.raises(KeyboardInterrupt):
        toy(str(tmp_path))
    (params, trace), _ = toy(str(tmp_path))
    assert kept == [CHUNK, 2 * CHUNK, 3 * CHUNK]
    np.testing.assert_array_equal(params["at"], whole)
    assert trace.shape == (3, 2)
    with pytest.raises(InputError, match="another"):
        toy(str(tmp_path), stamp="b")
    (tmp_path / "toy.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        toy(str(tmp_path))


# --- the whole way ---------------------------------------------------------------------------------


def mixed(n: int = 400) -> FeatureTable:
    """Two vector modalities, one with missing measurements, and one of levels; a trait that a latent carries."""
    sim = simulate_modalities(seed=1, n=n, latents=1, measurements=2, width=4, missing=0.3)
    rng = np.random.default_rng(0)
    features, values = list(sim.features.features), dict(sim.features.values)
    s = sim.latents[:, 1]
    for rater in "ab":
        features.append(Feature(f"O {rater}", "ordinal", "openness", rater, levels=("1", "2", "3")))
        values[f"O {rater}"] = np.digitize(s + 0.3 * rng.normal(size=n), [-0.5, 0.5])
    features.append(Feature("sex", "nominal", "openness", "sex", levels=("f", "m")))
    values["sex"] = (s + rng.normal(size=n) > 0).astype(int)
    features.append(Feature("trait", "number"))
    values["trait"] = s + 0.1 * rng.normal(size=n)
    values["O a"][:5] = values["O b"][:5] = values["sex"][:5] = -1
    return FeatureTable(sim.features.respondents, Codebook(tuple(features)), values)


ASKED = {
    "seed": 1,
    "latents": 1,
    "shared": 1,
    "modalities": ["m1", "m2", "openness"],
    "traits": ["trait"],
    "training": SHORT,
}


@pytest.fixture(scope="module")
def result() -> Result:
    return representation(mixed(), **ASKED, n_boot=10)


def test_the_result_has_every_part(result: Result) -> None:
    frame = result.estimates
    assert set(frame["estimand"]) == {
        "edge_gain", "edge_stability", "reconstruction_r2", "noise_dependence", "latent_trait_rho",
    }  # fmt: skip
    shares = frame[frame["estimand"] == "edge_stability"]
    assert len(shares) == 6
    assert shares["estimate"].between(0, 1).all()
    looks = frame[frame["estimand"] == "reconstruction_r2"].set_index("term")
    assert looks.loc["openness / a", "reason"] == "it has levels, no variance"
    assert looks.loc[["m1 / k1", "m2 / k2"], "estimate"].between(-0.2, 1).all()
    assert (frame["estimand"] == "latent_trait_rho").sum() == 4
    named = list(result.arrays["latents"].coords["latent"].to_numpy())
    assert named == ["m1.1", "m2.1", "openness.1", "shared.1"]
    assert not result.arrays["edges"].sel(with_latent="shared.1").to_numpy().any()
    assert result.settings["shared"] == 1


def test_numbers_reported_are_of_respondents_held_out(result: Result) -> None:
    part = result.arrays["part"].to_numpy()
    counts = {name: int((part == name).sum()) for name in ("train", "validation", "test")}
    assert counts == {"train": 280, "validation": 40, "test": 80}
    held = result.estimates[
        result.estimates["estimand"].isin(["edge_gain", "latent_trait_rho", "noise_dependence"])
    ]
    assert (held["n"] <= 80).all()


def test_a_missing_modality_is_missing_in_its_latent_and_said(result: Result) -> None:
    latents = result.arrays["latents"]
    assert np.isnan(latents.sel(latent="openness.1").to_numpy()[:5]).all()
    assert np.isfinite(latents.sel(latent="m1.1").to_numpy()).all()
    assert "missing_modality" in {note.code for note in result.notes}


def test_latents_and_noise_are_at_unit_scale_among_the_fitted(result: Result) -> None:
    fitted = result.arrays["part"].to_numpy() == "train"
    for name in ("latents", "noise"):
        np.testing.assert_allclose(np.nanstd(result.arrays[name].to_numpy()[fitted], axis=0), 1, atol=0.05)


def test_the_same_seed_gives_the_same_result(result: Result) -> None:
    again = representation(mixed(), **ASKED)
    np.testing.assert_array_equal(again.arrays["latents"], result.arrays["latents"])
    np.testing.assert_array_equal(again.arrays["edges"], result.arrays["edges"])


def test_shared_latents_are_a_block_of_all_measurements() -> None:
    sim = simulate_modalities(seed=2, n=300, latents=1, shared=1, measurements=2, width=4)
    groups, _ = groups_of(sim.features, None)
    made = prepare(sim.features, groups, seed=1, shared=True)
    plan = autoencoder.Plan((1, 1, 1), made.looks, 4)
    # Neighbours are of different modalities: those are told from each other.
    assert [made.looks[at].blocks[0] for at in autoencoder.carriers(plan, 2)] == [0, 1, 0, 1]
    assert autoencoder.carriers(plan, 1) == [2, 3]


def test_the_only_measurement_of_a_modality_has_its_nuisance_in_the_second_stage() -> None:
    sim = simulate_modalities(seed=2, n=300, latents=2, measurements=1, width=4)
    groups, _ = groups_of(sim.features, None)
    made = prepare(sim.features, {**groups, "m1": {"a": ["m1 k1"], "b": ["m2 k1"]}}, seed=1)
    assert idle_of(made, (2, 2), 3) == (0, 3)
    shape = flow.Shape((2, 3), 4, idle=(0, 1))
    assert not flow.masks_of(shape, (0, 1)).allowed[4].any()
    assert not flow.masks_of(shape, (0, 1)).allowed[:, 4].any()
    assert flow.masks_of(shape, (0, 1)).allowed[0, 2:4].all()


# --- numbers of latents ----------------------------------------------------------------------------


def test_the_smallest_number_within_one_standard_error_is_taken() -> None:
    mean, error = np.array([-9.0, -3.04, -3.01, -3.0]), np.array([0.5, 0.05, 0.02, 0.0])
    assert smallest(mean, error, 0.0) == 2
    assert smallest(mean, 0.1 * error, 0.0) == 4


def test_a_gain_below_the_price_of_a_latent_is_none() -> None:
    mean, error = np.array([-9.0, -3.04, -3.01, -3.0]), np.array([0.5, 0.005, 0.002, 0.0])
    assert smallest(mean, error, 0.05) == 2
    assert smallest(mean, error, 0.02) == 3
    assert smallest(mean, error, 7.0) == 1


def test_a_latent_of_others_knows_nothing_of_the_measurement_itself() -> None:
    sim = simulate_modalities(seed=2, n=300, latents=1, measurements=2, width=4)
    groups, _ = groups_of(sim.features, None)
    looks = tuple(look._replace(nuisance=0) for look in prepare(sim.features, groups, seed=1).looks)
    plan = autoencoder.Plan((1, 1), looks, 4)
    params = jax.tree.map(lambda leaf: leaf[0], autoencoder.start(0, plan, 1))
    data = [np.random.default_rng(at).normal(size=(5, 4)).astype(np.float32) for at in range(4)]
    there = np.ones((4, 5), np.float32)
    there[1, 0] = 0
    found, whole = counts._of_others(params, plan, data, there)
    moved = [data[0] + 1, *data[1:]]
    again, _ = counts._of_others(params, plan, moved, there)
    np.testing.assert_array_equal(found[0], again[0])
    assert np.abs(found[1] - again[1]).min() > 0
    np.testing.assert_array_equal([whole[0][0], whole[1][0], whole[0][1]], [0, 0, 1])


@pytest.mark.slow
@pytest.mark.parametrize("latents", [2, 3])
def test_the_number_of_latents_is_found(latents: int) -> None:
    sim = simulate_modalities(seed=100 + latents, n=6000, latents=latents)
    groups, _ = groups_of(sim.features, None)
    made = prepare(sim.features, groups, seed=1)
    got = counts.choose(made, most=4, training=Training(), seed=1, stamp="")
    assert got.sizes == (latents, latents)
    # One less is far worse, more are no better by much.
    assert (got.held_out[:, latents - 1] - got.held_out[:, latents - 2] > 1).all()


@pytest.mark.slow
def test_a_chosen_number_is_a_row_and_one_measurement_is_said() -> None:
    sim = simulate_modalities(seed=100, n=400, latents=1, measurements=1, width=4)
    got = representation(sim.features, seed=1, latents="chosen", most_latents=3, training=SHORT)
    rows = got.estimates[got.estimates["estimand"] == "latent_number"]
    assert list(rows["term"]) == ["m1", "m2"]
    assert got.arrays["held_out"].shape == (2, 3)
    assert "number_of_one_measurement" in {note.code for note in got.notes}
    assert got.arrays["latents"].shape[1] == int(rows["estimate"].sum())


@pytest.mark.slow
def test_groups_are_fits_of_their_own_and_small_ones_are_said(tmp_path) -> None:
    sim = simulate_modalities(seed=5, n=500, width=6).features
    codes = np.where(np.arange(500) < 250, 0, np.where(np.arange(500) < 480, 1, 2))
    book = dataclasses.replace(
        sim.codebook, features=(*sim.features, Feature("site", "nominal", levels=("a", "b", "c")))
    )
    table = dataclasses.replace(sim, codebook=book, values={**sim.values, "site": codes})
    training = dataclasses.replace(SHORT, checkpoint=str(tmp_path / "fit"))
    got = representation(table, seed=1, by="site", training=training)
    assert set(got.estimates["group"]) == {"", "site = a", "site = b"}
    assert "site" not in got.settings["modalities"]
    (note,) = [note for note in got.notes if note.code == "group_left_out"]
    assert note.text.startswith("site = c: 20 respondents")
    here = codes == 0
    alone = representation(
        dataclasses.replace(
            sim, respondents=sim.respondents[here], values={name: v[here] for name, v in sim.values.items()}
        ),
        seed=1,
        training=SHORT,
    )
    mine = got.estimates[got.estimates["group"] == "site = a"]
    np.testing.assert_array_equal(mine["estimate"], alone.estimates["estimate"])
    with pytest.raises(InputError, match="no nominal or ordinal feature"):
        representation(table, seed=1, by="nowhere", training=SHORT)


def test_clusters_are_split_whole() -> None:
    table = dataclasses.replace(mixed(), cluster=np.repeat(np.arange(40), 10))
    groups, _ = groups_of(table, ["m1", "m2"])
    part = prepare(table, groups, seed=1).part.reshape(40, 10)
    assert (part == part[:, :1]).all()
    assert len(np.unique(part)) == 3


def test_numbers_are_scaled_by_the_training_respondents_alone() -> None:
    table = mixed()
    groups, _ = groups_of(table, ["m1", "m2"])
    made = prepare(table, groups, seed=1)
    there = made.there[:, 0] > 0
    fitted = (made.part == "train") & there
    np.testing.assert_allclose(made.data[0][fitted].mean(axis=0), 0, atol=1e-12)
    assert np.abs(made.data[0][there & ~fitted].mean(axis=0)).max() > 1e-3
    assert (made.data[0][~there] == 0).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"latents": 0}, "no number of latents"),
        ({"latents": "chosen", "most_latents": 1}, "nothing to choose"),
        ({"latents": {"m1": 1}}, "no number for 'm2'"),
        ({"modalities": ["m1", "face"]}, "no modality 'face'"),
        ({"modalities": ["m1"]}, "not enough"),
        ({"modalities": {"m1": {"a": ["m1 k1"]}, "x": {"a": ["m1 k1", "lost"]}}}, "no feature 'lost'"),
        ({"modalities": {"m1": {"a": "m1 k1"}, "x": {"a": "m1 k1"}}}, "is in two measurements"),
        ({"order": "random"}, "is no order"),
        ({"shared": -1}, "no number of latents"),
        ({"order": ["m1", "m2"]}, "is no order"),
        ({"traits": ["sex"]}, "no number or ordinal"),
        ({"n_boot": 3}, "3 resamples"),
        ({"seed": -1}, "seed"),
        ({"training": Training(rate=0.0, restarts=0)}, "restarts"),
    ],
)
def test_faults_are_told(wrong: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        representation(mixed(220), **{**ASKED, **wrong})


@pytest.mark.slow
def test_components_and_edges_of_a_simulation_are_found() -> None:
    from psychomet.numerics.representation_scores import graph_scores, latent_scores

    sim = simulate_modalities(seed=100, n=4000)
    got = representation(sim.features, seed=100)
    part = got.arrays["part"].to_numpy()
    scores = latent_scores(
        sim.latents, got.arrays["latents"].to_numpy(), blocks=sim.blocks,
        train=np.flatnonzero(part == "train"), test=np.flatnonzero(part == "test"),
    )  # fmt: skip
    assert scores.spearman > 0.95
    edges = got.arrays["edges"].to_numpy()
    assert graph_scores(sim.adjacency, edges, blocks=sim.blocks, match=scores.match).shd == 0
