"""The gate on draws made by hand, and the settings."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from psychomet.estimates.causes.hierarchy.sampling import (
    Sampling,
    convergence,
    sample_density,
    sampling_faults,
    verdict,
)

pytest.importorskip("arviz")

CHAINS, DRAWS = 4, 500


def made(shift: float = 0.0, slow: float = 0.0) -> xr.Dataset:
    """Two numbers in each draw: the second moved in one chain, or slow to move."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((CHAINS, DRAWS, 2))
    for draw in range(1, DRAWS):
        x[:, draw, 1] = slow * x[:, draw - 1, 1] + np.sqrt(1 - slow**2) * x[:, draw, 1]
    x[0, :, 1] += shift
    coords = {"component": ["good", "bad"]}
    return xr.Dataset({"sd": (("chain", "draw", "component"), x)}, coords=coords)


def test_good_draws_pass() -> None:
    gate, found = convergence(made(), divergences=0)
    assert gate.passed and gate.words == () and gate.rhat < 1.01 and gate.ess_bulk > 400
    assert found["sd"].sel(diagnostic="ess_bulk", component="bad") > 1000


def test_chains_that_disagree_are_named() -> None:
    gate, _ = convergence(made(shift=2.0), divergences=0)
    assert not gate.passed and gate.rhat > 1.1
    assert "R-hat" in gate.words[0] and "sd[bad]" in gate.words[0] and "good" not in gate.words[0]


def test_few_effective_draws_are_named() -> None:
    gate, _ = convergence(made(slow=0.95), divergences=0)
    assert any("effective draws in the bulk: sd[bad]" in word for word in gate.words)


def test_divergences_are_told() -> None:
    gate, _ = convergence(made(), divergences=3)
    assert gate.words[0].startswith("3 of 2000 transitions diverged") and not gate.passed


def test_a_number_that_never_moves_does_not_pass() -> None:
    still = made()
    still["sd"][..., 1] = np.nan
    gate, _ = convergence(still, divergences=0)
    assert not gate.passed and "sd[bad] nan" in gate.words[0]


def test_a_normal_density_comes_back() -> None:
    pytest.importorskip("nutpie")
    centre, size = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    found = sample_density(
        lambda x: (float(-0.5 * (((x - centre) / size) ** 2).sum()), -(x - centre) / size**2),
        start=np.zeros(2), model=lambda: None, stacked=lambda _: np.empty(0), seed=1,
        sampling=Sampling(draws=1000, tune=300, chains=4),
    )  # fmt: skip
    assert found.x.shape == (4, 1000, 2) and found.divergences == 0
    # 4,000 draws, of which NUTS makes more effective ones than half: 5 standard errors.
    np.testing.assert_allclose(found.x.mean((0, 1)), centre, atol=5 * size.max() / np.sqrt(2000))
    np.testing.assert_allclose(found.x.std((0, 1)), size, rtol=5 / np.sqrt(2 * 2000))


def test_settings() -> None:
    assert sampling_faults(Sampling()) == []
    wrong = Sampling(draws=True, tune=1.5, chains=1, target_accept=1.0, cores=0)  # type: ignore[arg-type]
    assert len(sampling_faults(wrong)) == 5


def test_an_approximation_is_judged_by_its_weights() -> None:
    pytest.importorskip("arviz")

    def near(x):
        return float(-x @ x / 2), -x

    def far(x):
        size = 1 + x @ x
        return float(-2.5 * np.log(size)), -5.0 * x / size

    for density, good in ((near, True), (far, False)):
        drawn = sample_density(
            density, start=np.full(4, 0.1), model=lambda: None,
            stacked=lambda _: np.empty(0), sampling=Sampling(method="laplace", draws=500), seed=1,
        )  # fmt: skip
        assert drawn.x.shape == (4, 500, 4)
        assert drawn.sampler.startswith("Laplace approximation")
        dataset = xr.Dataset({"x": (("chain", "draw", "at"), drawn.x)}, coords={"at": list("abcd")})
        gate, told = verdict(dataset, drawn)
        assert gate.passed is good
        assert told["x"].dims == ("at", "diagnostic") and np.isnan(told["x"].sel(diagnostic="rhat")).all()
        if not good:
            assert "Pareto k" in gate.words[0] and "method='nuts'" in gate.words[0]
    assert "sampling.method" in [fault.where for fault in sampling_faults(Sampling(method="vi"))]
