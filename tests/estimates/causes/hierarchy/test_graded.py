"""The graded response model sampled: the PyMC model is the same density, draws agree with an importance sample."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from psychomet.estimates.causes.hierarchy.graded import (
    GradedPosterior,
    _stacked,
    graded_model,
    graded_posterior,
    threshold_labels,
)
from psychomet.estimates.causes.hierarchy.ordinal import cell_graph
from psychomet.estimates.causes.hierarchy.sampling import Sampling
from psychomet.numerics.graded import patterns_of, trait_nodes
from psychomet.numerics.graded_cells import answer_cells, cell_log_likelihood
from psychomet.numerics.graded_density import GradedPrior, coordinates, item_parameters, log_density
from psychomet.numerics.graded_simulation import prior_draw, simulated_codes
from psychomet.numerics.graded_traits import traits

pytest.importorskip("pymc")

SAME = 1e-9
PRIOR = GradedPrior()
CATEGORIES = np.array([3, 2, 4])
MONTE_CARLO = 5.0  # standard errors; 20 comparisons at a fixed seed
INTEGRAL = 0.02  # of the log-likelihood of 60 respondents at the steepest of slopes: the odds of a draw change by 2 %


def small_table(seed: int, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    patterns = patterns_of(np.zeros((1, 3), dtype=np.int64), categories=CATEGORIES)
    slope, intercept = prior_draw(patterns.layout, prior=GradedPrior(0.3, 0.3, 1.0), rng=rng)
    codes = simulated_codes(slope, intercept, theta=rng.normal(size=n), layout=patterns.layout, rng=rng)
    codes[rng.random(codes.shape) < 0.05] = -1
    return codes


def fitted(codes: np.ndarray, seed: int = 1, draws: int = 500) -> GradedPosterior:
    return graded_posterior(
        codes,
        categories=CATEGORIES,
        items=["a", "b", "c"],
        respondents=[f"r{at}" for at in range(len(codes))],
        prior=PRIOR,
        sampling=Sampling(draws=draws, tune=200, chains=4, target_accept=0.8),
        seed=seed,
    )


@pytest.fixture(scope="module")
def posterior() -> GradedPosterior:
    pytest.importorskip("nutpie")
    return fitted(small_table(2))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_pymc_model_is_the_same_density() -> None:
    """Value (up to one constant) and gradient at several points, items of unequal numbers of categories."""
    codes = small_table(1)
    patterns, nodes = patterns_of(codes, categories=CATEGORIES), trait_nodes(61)
    model = graded_model(patterns, nodes=nodes, prior=PRIOR, items=["a", "b", "c"])
    names = [value.name for value in model.value_vars]
    compiled = model.compile_fn(
        [model.logp(), model.dlogp()],
        inputs=model.value_vars,
        mode="FAST_COMPILE",
        point_fn=False,
    )
    rng = np.random.default_rng(3)
    layout = patterns.layout
    constants = []
    for _ in range(3):
        slope, intercept = prior_draw(layout, prior=PRIOR, rng=rng)
        x = coordinates(slope, intercept, layout=layout)
        value, gradient = log_density(x, patterns=patterns, nodes=nodes, prior=PRIOR)
        free, place = x[3:], {"slope_log__": (x[:3], np.arange(3))}
        for number in (2, 3, 4):
            item = int(np.flatnonzero(number == CATEGORIES)[0])
            at = np.arange(layout.start[item], layout.start[item + 1])
            name = f"threshold_{number}" + ("_ordered__" if number > 2 else "")
            place[name] = (free[at][None], 3 + at)
        theirs, their_gradient = compiled(*(place[name][0] for name in names))
        constants.append(float(theirs) - value)
        order = np.concatenate([place[name][1] for name in names])
        np.testing.assert_allclose(their_gradient, gradient[order], rtol=1e-8, atol=1e-8)
    assert np.ptp(constants) < SAME * 1e3


def test_draws_of_the_pymc_model_come_back_to_the_coordinates() -> None:
    layout = patterns_of(np.zeros((1, 3), dtype=np.int64), categories=CATEGORIES).layout
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 3, 9))
    slope, intercept = item_parameters(x, layout=layout)
    found = xr.Dataset({"slope": (("chain", "draw", "item"), slope)})
    for number in (2, 3, 4):
        item = int(np.flatnonzero(number == CATEGORIES)[0])
        here = -intercept[..., layout.start[item] : layout.start[item + 1]][..., None, :]
        found[f"threshold_{number}"] = (("chain", "draw", f"i{number}", f"t{number}"), here)
    np.testing.assert_allclose(_stacked(found, layout), x, atol=1e-10)
    assert threshold_labels(layout, items=["a", "b", "c"]) == ["a 1", "a 2", "b 1", "c 1", "c 2", "c 3"]


def test_the_chains_agree_and_the_integral_is_exact(posterior: GradedPosterior) -> None:
    assert posterior.gate.rhat < 1.02 and posterior.gate.divergences == 0
    assert posterior.gate.ess_bulk > 800
    assert posterior.integral_error < INTEGRAL
    sizes = dict(posterior.posterior.sizes)
    assert sizes == {"chain": 4, "draw": 500, "item": 3, "threshold": 6, "respondent": 60}
    b = posterior.posterior
    item = np.array([0, 0, 1, 2, 2, 2])
    np.testing.assert_allclose(
        b["difficulty"] * b["slope"].to_numpy()[..., item], -b["intercept"], rtol=1e-12
    )


def test_means_are_those_of_an_importance_sample(posterior: GradedPosterior) -> None:
    """Self-normalised importance sampling from a wide t about the draws, which knows nothing of NUTS."""
    patterns, nodes = patterns_of(small_table(2), categories=CATEGORIES), posterior.mode.nodes
    layout = patterns.layout
    slope, intercept = (posterior.posterior[name].to_numpy() for name in ("slope", "intercept"))
    x = np.stack([
        coordinates(a, d, layout=layout)
        for a, d in zip(slope.reshape(-1, 3), intercept.reshape(-1, 6), strict=True)
    ])  # fmt: skip
    centre, root = x.mean(0), np.linalg.cholesky(np.cov(x.T)) * 1.1
    rng = np.random.default_rng(11)
    df, size = 8, 8000
    z = rng.standard_normal((size, 9)) / np.sqrt(rng.chisquare(df, size) / df)[:, None]
    proposed = centre + z @ root.T
    log_q = -(df + 9) / 2 * np.log1p((z**2).sum(1) / df)
    log_p = np.array([log_density(at, patterns=patterns, nodes=nodes, prior=PRIOR)[0] for at in proposed])
    weight = np.exp(log_p - log_q - (log_p - log_q).max())
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    assert effective > 1000
    mean = weight @ proposed
    error = x.std(0) * np.sqrt(1 / effective + 1 / 1000)
    assert (np.abs(x.mean(0) - mean) < MONTE_CARLO * error).all()
    spread = np.sqrt(weight @ (proposed - mean) ** 2)
    np.testing.assert_allclose(x.std(0), spread, rtol=0.15)


def test_traits_are_drawn_given_their_own_draw_of_the_parameters(posterior: GradedPosterior) -> None:
    """Rao-Blackwell: the mean of drawn traits is the mean of conditional means, and so is the variance."""
    patterns = patterns_of(small_table(2), categories=CATEGORIES)
    b = posterior.posterior
    flat = [b[name].to_numpy().reshape(2000, -1)[::10] for name in ("slope", "intercept")]
    given = [traits(patterns, a, d, nodes=posterior.mode.nodes) for a, d in zip(*flat, strict=True)]
    mean = np.mean([one.mean for one in given], 0)
    variance = np.mean([one.sd**2 for one in given], 0) + np.var([one.mean for one in given], 0)
    drawn = b["trait"].to_numpy().reshape(2000, -1)
    assert (np.abs(drawn.mean(0) - mean) < MONTE_CARLO * np.sqrt(variance / 1000 + 0.2 / 200)).all()
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.25)


def test_a_seed_gives_the_same_draws_again() -> None:
    pytest.importorskip("nutpie")
    first, again, other = (fitted(small_table(4, 20), seed=s, draws=100).posterior for s in (3, 3, 4))
    assert first.equals(again) and not first.equals(other)


def test_hard_tables_are_sampled(posterior: GradedPosterior) -> None:
    """One respondent; an item that all answer alike; one nobody answered; perfect separation."""
    one = fitted(np.array([[0, 1, 3]]), draws=100)
    same = np.tile([2, -1, 0], (30, 1))
    split = np.repeat([[0, 0, 0], [2, 1, 3]], 15, axis=0)
    for found in (one, fitted(same, draws=100), fitted(split, draws=100)):
        assert all(np.isfinite(found.posterior[name]).all() for name in found.posterior)
        assert np.isfinite(found.integral_error)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("sets", [1, 3])
def test_the_graph_of_cells_is_the_function(sets: int) -> None:
    import pytensor
    from pytensor import tensor

    rng = np.random.default_rng(7)
    chosen = np.arange(12) % sets
    cells = answer_cells(rng.integers(-1, 4, 200), cell=rng.integers(0, 12, 200), categories=4, chosen=chosen)
    eta, d = tensor.vector("eta"), tensor.matrix("d")
    value = cell_graph(cells, eta, intercept=d)
    graph = pytensor.function([eta, d], [value, *pytensor.grad(value, [eta, d])], mode="FAST_COMPILE")
    at, intercept = rng.normal(size=12), -np.sort(rng.normal(size=(sets, 3)), axis=1)
    found = cell_log_likelihood(cells, at, intercept=intercept)
    for mine, theirs in zip(found, graph(at, intercept), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=SAME, atol=SAME)
