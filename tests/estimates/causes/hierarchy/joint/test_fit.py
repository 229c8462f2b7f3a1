"""Posteriors: against quadrature, against the truth of a simulated table, and what is read off the draws."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit
from scipy.stats import norm

pytest.importorskip("jax")
pytest.importorskip("nutpie")
sys.path.insert(0, str(Path(__file__).parent))

import designs

from psychomet.estimates.causes.hierarchy.joint.fit import JointPosterior, joint_posterior
from psychomet.estimates.causes.hierarchy.joint.plan import plan_of
from psychomet.estimates.causes.hierarchy.joint.quantities import (
    contrasts,
    expected_membership,
    regression,
    reliability,
    total_correlation,
    total_covariance,
)
from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw, simulated
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors
from psychomet.estimates.causes.hierarchy.joint.variables import turned
from psychomet.estimates.causes.hierarchy.sampling import Sampling

SHORT = Sampling(draws=250, tune=300, chains=2, target_accept=0.8)
ERRORS = 5.0
"""Monte Carlo standard errors that a mean may be off."""


@pytest.fixture(scope="module")
def found() -> tuple[Joint, dict[str, np.ndarray], JointPosterior]:
    """Two traits, predictors and families, with a rate of behaviour; and what it was simulated from."""
    rng = np.random.default_rng(11)
    joint = designs.ordinal_behaviour(50, 5)._replace(
        predictors=designs.columns(50, 1, 5), predictor_names=("size",), family=np.arange(50) % 3,
        families=("f", "g", "h"),
    )  # fmt: skip
    truth = prior_draw(joint, JointPriors(threshold=1.0, loading_scale=0.2), rng)
    for name in ("a: loading", "b: loading", "rate: loading"):
        truth[name] = 1.5 * truth[name]
    posterior = joint_posterior(simulated(joint, truth, rng), priors=JointPriors(), sampling=SHORT, seed=1)
    return joint, truth, posterior


def test_a_posterior_known_by_quadrature() -> None:
    """One unit, one binomial answer: dimension, intercept and loading, on a grid."""
    joint = designs.joint(1, (designs.RATE,), (designs.block("y", "binomial", 1, 1, 0),))
    joint = joint._replace(blocks=(joint.blocks[0]._replace(answer=np.array([9.0])),))
    priors = JointPriors(threshold=0.8, loading_scale=0.3)
    posterior = joint_posterior(
        joint, priors=priors, sampling=Sampling(draws=1000, tune=300, chains=2), seed=3
    )
    line = np.linspace(-5, 5, 121)
    z, b, a = line[:, None, None], 0.8 * line[None, :, None], np.exp(0.3 * line[None, None])
    weight = norm.pdf(line)[:, None, None] * norm.pdf(line)[:, None] * norm.pdf(line)
    rate = expit(b + a * z)
    weight = weight * rate**9 * (1 - rate) ** 3
    weight /= weight.sum()
    for name, value in (("z", z), ("y: intercept", b), ("y: loading", a)):
        draws = posterior.draws[name].to_numpy().ravel()
        mean = (weight * value).sum()
        spread = np.sqrt((weight * (value - mean) ** 2).sum())
        # A quarter of the draws is effective, or more.
        error = spread / np.sqrt(draws.size / 4)
        assert abs(draws.mean() - mean) < ERRORS * error, name
        assert draws.std() == pytest.approx(spread, rel=ERRORS / np.sqrt(2 * draws.size / 4)), name


@pytest.mark.slow
def test_truth_is_recovered(found: tuple[Joint, dict[str, np.ndarray], JointPosterior]) -> None:
    _, truth, posterior = found
    draws = posterior.draws
    for name in ("a: loading", "a: threshold", "b: threshold", "correlation", "coefficient", "family_mean"):
        mean, sd = (
            draws[name].mean(("chain", "draw")).to_numpy(),
            draws[name].std(("chain", "draw")).to_numpy(),
        )
        moves = sd > 1e-9
        far = (mean - truth[name])[moves] / sd[moves]
        # Of some twenty numbers; posteriors are wider than the normal law in which 4 would be rare.
        assert np.abs(far).max() < 4, name
    z = draws["z"].mean(("chain", "draw")).to_numpy()
    for k in range(3):
        assert np.corrcoef(z[:, k], truth["z"][:, k])[0, 1] > 0.75


@pytest.mark.slow
def test_what_comes_back(found: tuple[Joint, dict[str, np.ndarray], JointPosterior]) -> None:
    joint, truth, posterior = found
    draws = posterior.draws
    assert set(truth) == set(draws.data_vars)
    for name, values in truth.items():
        assert draws[name].shape == (2, 250, *np.shape(values)), name
    assert posterior.log_likelihood.shape == (2, 250, 50) and posterior.log_prior.shape == (2, 250)
    assert list(draws["unit"].to_numpy()) == list(joint.units)
    assert posterior.sampler.startswith("nutpie") and posterior.gate.divergences < 25
    np.testing.assert_allclose(draws["family_mean"].sum("family"), 0.0, atol=1e-12)


@pytest.mark.slow
def test_what_is_read_off(found: tuple[Joint, dict[str, np.ndarray], JointPosterior]) -> None:
    joint, _, posterior = found
    draws = posterior.draws
    total = total_covariance(draws, joint).to_numpy()
    one = draws.isel(chain=0, draw=0)
    middle = joint.predictors @ one["coefficient"].to_numpy() + one["family_mean"].to_numpy()[joint.family]
    np.testing.assert_allclose(total[0, 0], one["correlation"] + np.cov(middle.T, bias=True), atol=1e-12)
    np.testing.assert_allclose(np.diagonal(total_correlation(draws, joint).to_numpy(), 0, 2, 3), 1.0)
    fit = regression(draws, joint, outcome="rate", on=["A", "B"])
    slope = np.linalg.solve(total[0, 0][:2, :2], total[0, 0][:2, 2])
    np.testing.assert_allclose(fit.coefficient[0, 0], slope)
    assert fit.r2[0, 0] == pytest.approx(slope @ total[0, 0][:2, 2] / total[0, 0][2, 2])
    scaled = slope * np.sqrt(np.diag(total[0, 0])[:2] / total[0, 0][2, 2])
    np.testing.assert_allclose(fit.standardised[0, 0], scaled)
    share = reliability(draws).mean(("chain", "draw")).to_numpy()
    z = draws["z"]
    other = 1 - z.var(("chain", "draw")).mean("unit") / z.var("unit").mean(("chain", "draw"))
    # Two definitions of one thing, 50 units.
    np.testing.assert_allclose(share, other, atol=0.05)
    pairs = contrasts(draws, joint, between="family", dimension="A")
    assert list(pairs["pair"].to_numpy()) == ["f - g", "f - h", "g - h"]
    wanted = z[..., joint.family == 0, 0].mean("unit") - z[..., joint.family == 1, 0].mean("unit")
    np.testing.assert_allclose(pairs["difference"][..., 0], wanted)
    units = contrasts(draws, joint, between="unit", dimension="B", pairs=[("u1", "u0")])
    assert units["probability"][0] == pytest.approx(float((z[:, :, 1, 1] > z[:, :, 0, 1]).mean()))


def test_profiles_of_a_covariance() -> None:
    """Covariance and membership of a mixture, by simulation of many units."""
    joint = designs.mixture(4000, 1)
    truth = prior_draw(joint, JointPriors(coefficient=1.0), np.random.default_rng(5))
    draws = xr.Dataset(
        {name: ((), value) if np.ndim(value) == 0 else (tuple(f"{name}{i}" for i in range(np.ndim(value))), value)
         for name, value in truth.items() if name in ("sd", "membership_intercept", "membership_slope", "share")}
    ).expand_dims(["chain", "draw"])  # fmt: skip
    draws["correlation"] = (("chain", "draw", "dimension", "other"), truth["correlation"][None, None])
    draws["profile_mean"] = (("chain", "draw", "profile", "dimension"), truth["profile_mean"][None, None])
    found = total_covariance(draws, joint).to_numpy()[0, 0]
    # Moments of 4,000 units.
    np.testing.assert_allclose(found, np.cov(truth["z"].T), atol=0.12)
    draws["membership"] = (("chain", "draw", "unit", "profile"), np.full((1, 1, 3, 2), 0.5))
    assert expected_membership(draws).shape == (3, 2)


def test_choices_are_turned_one_way() -> None:
    joint = designs.choices(5, 3)
    plan = plan_of(joint)
    assert plan.mirrored == (0,)
    rng = np.random.default_rng(6)
    slope, coefficient = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 2, 1))
    slope[0] = -np.abs(slope[0])
    slope[1] = np.abs(slope[1])
    z = rng.standard_normal((2, 5, 1))
    effect = rng.standard_normal((2, 6))
    blocks = [{"slope": slope, "effects": [effect]}, {"coefficient": coefficient}]
    made = turned({"z": z, "mean": np.zeros((2, 1)), "cholesky": np.ones((2, 1, 1)), "blocks": blocks}, plan)
    np.testing.assert_array_equal(made["z"], np.stack([-z[0], z[1]]))
    np.testing.assert_array_equal(made["blocks"][0]["slope"], np.abs(slope))
    np.testing.assert_array_equal(made["blocks"][1]["coefficient"][0], -coefficient[0])
    # The predictor of every answer is slope times the sum of dimension and effects.
    np.testing.assert_array_equal(made["blocks"][0]["effects"][0], np.stack([-effect[0], effect[1]]))
    assert (slope[0] < 0).all()  # what was given is as it was


def test_the_same_density_in_pymc() -> None:
    pytest.importorskip("pymc")
    from psychomet.estimates.causes.hierarchy.joint.pymc_model import flat_model

    centre = np.array([1.0, -2.0])
    model = flat_model(lambda x: (float(-0.5 * ((x - centre) ** 2).sum()), -(x - centre)), np.zeros(2))
    point = {"x": np.array([0.5, 0.5])}
    assert model.compile_logp()(point) == pytest.approx(-0.5 * (0.25 + 6.25))
    np.testing.assert_allclose(model.compile_dlogp()(point), centre - 0.5)


def test_profiles_are_sorted() -> None:
    joint = designs.mixture(5, 2)._replace(profiles=3)
    plan = plan_of(joint)
    rng = np.random.default_rng(7)
    found = {
        "profile_mean": np.array([[[0.5, 1.0], [-0.7, 0.0], [0.2, -1.0]]]), "share": np.array([[0.5, 0.3, 0.2]]),
        "membership_intercept": np.array([[1.0, 0.4, 0.0]]), "membership_slope": np.array([[[2.0, 1.0, 0.0]]]),
        "membership": rng.dirichlet(np.ones(3), (1, 5)), "mean": np.zeros((1, 2)), "cholesky": np.ones((1, 2, 2)),
        "z": np.zeros((1, 5, 2)), "blocks": [],
    }  # fmt: skip
    made = turned(found, plan)
    np.testing.assert_array_equal(made["profile_mean"][0, :, 1], [0.0, -1.0, 1.0])
    np.testing.assert_array_equal(made["share"], [[0.3, 0.2, 0.5]])
    np.testing.assert_array_equal(made["membership"], found["membership"][:, :, [1, 2, 0]])
    # Logits against the profile that is now the first.
    np.testing.assert_allclose(made["membership_intercept"], [[0.0, -0.4, 0.6]])
    np.testing.assert_allclose(made["membership_slope"], [[[0.0, -1.0, 1.0]]])
