"""The generator of modalities: what it promises about graph, noise, measurements and missing values."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.errors import InputError
from psychomet.numerics.representation_scores import kernel_r2
from psychomet.table.features import fingerprint_features, present
from psychomet.table.simulate.modalities import mechanism, simulate_modalities
from psychomet.table.simulate.pictures import simulate_pictures

N = 1500
RECOVERED = 0.9
"""R2 of a regression of the true latents on one measurement: below 1 because 1,000 rows smooth the kinks."""
NEAR_NOTHING = 0.1
"""R2 of predicting an independent variable: below 0 but for chance."""


def looks(sim, modality: str) -> list[np.ndarray]:
    return [sim.features.values[f.name] for f in sim.features.modalities[modality].values()]


def halves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return kernel_r2(x[:1000], y[:1000], x[1000:], y[1000:])


def test_the_same_seed_gives_the_same_table() -> None:
    one, two, other = (simulate_modalities(seed=s, n=50) for s in (1, 1, 2))
    assert fingerprint_features(one.features) == fingerprint_features(two.features)
    assert fingerprint_features(one.features) != fingerprint_features(other.features)


def test_every_measurement_carries_the_latents_of_its_modality_and_a_nuisance_of_its_own() -> None:
    sim = simulate_modalities(seed=3, n=N)
    for modality, block in (("m1", 0), ("m2", 1)):
        for x in looks(sim, modality):
            assert halves(x, sim.latents[:, sim.blocks == block]).min() > RECOVERED
    first, second = looks(sim, "m1")[:2]
    # Each has three causes; what the other measurement does not explain is its own nuisance.
    for x in (first, second):
        parts = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
        assert parts[2] > 0.1 * parts[0]
    assert halves(first, second).max() < 1 - 0.02


def test_aligned_edges_are_the_only_dependence_across_modalities() -> None:
    sim = simulate_modalities(seed=5, n=N)
    z = sim.latents
    assert sim.adjacency.sum() == 2
    assert sim.adjacency[0, 2] and sim.adjacency[1, 3]
    assert halves(z[:, [0]], z[:, [2]])[0] > NEAR_NOTHING
    assert halves(z[:, [0]], z[:, [3]])[0] < NEAR_NOTHING
    np.testing.assert_allclose(z.std(axis=0), 1)


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 1.0])
def test_a_random_graph_has_every_latent_in_an_edge_across(sparsity: float) -> None:
    sim = simulate_modalities(seed=4, n=20, modalities=4, graph="random", sparsity=sparsity)
    a, blocks = sim.adjacency, sim.blocks
    assert ((a + a.T).sum(axis=0) > 0).all()
    assert not a[blocks[:, None] >= blocks[None, :]].any()
    if sparsity == 0.0:
        assert a[blocks[:, None] < blocks[None, :]].all()


@pytest.mark.parametrize("cycle", ["within", "across"])
def test_a_cycle_is_in_the_graph_and_the_latents_are_finite(cycle: str) -> None:
    sim = simulate_modalities(seed=6, n=200, cycle=cycle)
    assert (sim.adjacency & sim.adjacency.T).sum() == 2
    assert np.isfinite(sim.latents).all()


def test_every_respondent_keeps_a_measurement_of_each_modality() -> None:
    sim = simulate_modalities(seed=7, n=500, missing=0.6)
    for modality in ("m1", "m2"):
        there = np.array([present(sim.features, f.name) for f in sim.features.modalities[modality].values()])
        assert there.any(axis=0).all()
        assert not there.all()


def test_laws_of_the_noise() -> None:
    tails = {}
    for law in ("uniform", "gaussian", "laplace"):
        e = simulate_modalities(seed=8, n=4000, noise=law, measurements=1).noise
        np.testing.assert_allclose(e.std(axis=0), 1, atol=0.1)
        tails[law] = float((e**4).mean())
    assert tails["uniform"] < 2.2 < tails["gaussian"] < 4 < tails["laplace"]


def test_noise_is_added_or_scaled_as_asked() -> None:
    """Of two respondents with the same parents, the distance is in proportion to that of their noise."""
    rng = np.random.default_rng(0)
    parents, noise = rng.standard_normal((200, 2)), rng.standard_normal(200)
    for additive in (True, False):
        move = mechanism(np.random.default_rng(1), 2, additive)
        scale = move(parents, noise + 1) - move(parents, noise)
        np.testing.assert_allclose(scale, move(parents, noise + 3) / 3 - move(parents, noise) / 3)
        assert (scale.std() < 1e-9) == additive
        assert (scale > 0).all()


def test_pictures_show_their_latents_and_have_the_promised_graph() -> None:
    sim = simulate_pictures(seed=1, n=N)
    assert [tuple(edge) for edge in np.argwhere(sim.adjacency)] == [(0, 1), (0, 2), (2, 3)]
    aligned = simulate_pictures(seed=1, n=20, graph="aligned")
    assert [tuple(edge) for edge in np.argwhere(aligned.adjacency)] == [(0, 2), (1, 3)]
    assert list(sim.features.modalities["ring"]) == ["red", "green", "blue"]
    for name, columns in (("ring red", [0, 1]), ("garment grey", [2, 3])):
        x = sim.features.values[name]
        assert x.min() >= 0 and x.max() <= 1
        # Pixels in the corners hardly move; twenty principal components keep what does.
        u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        assert halves((u * s)[:, :20], sim.latents[:, columns]).min() > RECOVERED


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 1}, {"width": 2}, {"sparsity": 2.0}, {"graph": "ring"}, {"noise": "cauchy"}, {"cycle": "odd"},
        {"modalities": 1, "graph": "random"}, {"modalities": 1, "cycle": "across"}, {"latents": 1, "cycle": "within"},
        {"measurement_noise": float("nan")},
    ],
)  # fmt: skip
def test_arguments_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError):
        simulate_modalities(seed=1, **{"n": 20, **wrong})
    with pytest.raises(InputError):
        simulate_pictures(seed=1, n=20, size=2)
    with pytest.raises(InputError, match="no tilt"):
        simulate_pictures(seed=1, n=20, turn=90)
    with pytest.raises(InputError, match="ring"):
        simulate_pictures(seed=1, n=20, graph="ring")
