"""The density of a crossed mixed model: against the rows, against integrals done by hand, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import multivariate_normal, norm

from psychomet.numerics.crossed import Crossed, at_cells, crossed
from psychomet.numerics.crossed_density import (
    CrossedPrior,
    Likelihood,
    cuts_at,
    intercepts_at,
    log_density,
    mean_shift,
    normal_likelihood,
    ordinal_likelihood,
    space,
    strata_at,
)
from psychomet.numerics.crossed_start import start_of
from psychomet.numerics.graded_cells import answer_cells
from psychomet.numerics.strata_posterior import log_half_t

SAME = 1e-9  # relative; the same numbers by another way
SLOPE = 2e-6  # of central differences with a step of 1e-6, relative to a gradient of hundreds
ERRORS = 4.5
EFFECTS = [(0,), (1,), (2,), (0, 1)]
CELLS = 60


def plan_and_rows(seed: int = 1) -> tuple[Crossed, np.ndarray, list[np.ndarray]]:
    """An incomplete table of 60 cells, and the cell of 240 rows."""
    codes = [code[:CELLS] for code in np.indices((4, 6, 3)).reshape(3, -1)]
    cell = np.random.default_rng(seed).integers(0, CELLS, 240)
    return crossed(codes, effects=EFFECTS), cell, codes


def answers(family: str, seed: int = 1) -> tuple[Crossed, Likelihood, np.ndarray, np.ndarray]:
    plan, cell, _ = plan_and_rows(seed)
    rng = np.random.default_rng(seed + 1)
    if family == "normal":
        y = 3 + rng.normal(size=cell.size)
        count = np.bincount(cell, minlength=CELLS).astype(float)
        mean = np.bincount(cell, y, minlength=CELLS) / np.maximum(count, 1)
        return plan, normal_likelihood(count, mean, within=float(((y - mean[cell]) ** 2).sum())), y, cell
    categories = {"ordinal": 4, "binary": 2}[family]
    y = rng.integers(0, categories, cell.size)
    cells = answer_cells(y, cell=cell, categories=categories, chosen=np.zeros(CELLS, dtype=np.int64))
    return plan, ordinal_likelihood(cells), y, cell


def prior_of(likelihood: Likelihood, df: float = 3.0, spread: float = 1.5) -> CrossedPrior:
    return CrossedPrior(df, np.linspace(0.5, 1.0, 4 + likelihood.residual), 0.4, spread)


@pytest.mark.parametrize("family", ["ordinal", "binary", "normal"])
@pytest.mark.parametrize("df", [3.0, np.inf])
def test_the_gradient_is_that_of_differences(family: str, df: float) -> None:
    plan, likelihood, _, _ = answers(family)
    rng = np.random.default_rng(2)
    place = space(plan, likelihood, information=rng.uniform(0, 3, plan.stratum.size))
    density = log_density(plan, likelihood, prior=prior_of(likelihood, df), place=place)
    x = 0.5 * rng.normal(size=place.effect.stop)
    differences = [(density(x + step)[0] - density(x - step)[0]) / 2e-6 for step in 1e-6 * np.eye(x.size)]
    np.testing.assert_allclose(density(x)[1], differences, rtol=SLOPE, atol=SLOPE)


@pytest.mark.parametrize("family", ["ordinal", "binary", "normal"])
def test_the_density_is_that_of_the_rows(family: str) -> None:
    """Rows one by one, the strata's normal law, sorted intercepts with a shared shift, and the Jacobians."""
    plan, likelihood, y, cell = answers(family)
    rng, prior = np.random.default_rng(4), prior_of(likelihood)
    information = rng.uniform(0, 3, plan.stratum.size)
    place = space(plan, likelihood, information=information)
    x = 0.5 * rng.normal(size=place.effect.stop)
    sd = np.exp(x[place.sd])
    variance = sd[:4] ** 2
    z = strata_at(plan, place, x)
    spread = (plan.weight @ variance)[plan.stratum]
    d = intercepts_at(x[place.cut])
    eta = at_cells(plan, z)[cell]
    if family == "normal":
        value = norm.logpdf(y, eta + d[0], sd[-1]).sum()
    else:
        passed = np.column_stack([np.ones(y.size), expit(eta[:, None] + d), np.zeros(y.size)])
        value = np.log(passed[np.arange(y.size), y] - passed[np.arange(y.size), y + 1]).sum()
    value += norm.logpdf(z, 0, np.sqrt(spread)).sum() - np.log(information + 1 / spread).sum() / 2
    covariance = prior.spread**2 * np.eye(d.size) + plan.mean_weight @ variance
    value += multivariate_normal(np.full(d.size, prior.location), covariance).logpdf(d)
    value += np.log(np.arange(1, d.size + 1)).sum() + x[place.cut][1:].sum()
    value += log_half_t(sd, df=prior.df, scale=prior.scale).sum() + x[place.sd].sum()
    found = log_density(plan, likelihood, prior=prior, place=place)(x)[0]
    assert found == pytest.approx(value, rel=SAME)


def test_effects_integrated_by_hand_leave_the_normal_law_of_the_rows() -> None:
    """The log density of normal answers is quadratic in mean and effects: its integral is exact."""
    plan, likelihood, y, cell = answers("normal")
    _, _, codes = plan_and_rows()
    prior = prior_of(likelihood)
    place = space(plan, likelihood, information=np.ones(plan.stratum.size))
    density = log_density(plan, likelihood, prior=prior, place=place)
    logs = np.log([0.7, 0.4, 0.5, 0.6, 0.9])
    size = place.effect.stop - 5

    def at(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = density(np.concatenate([logs, point]))
        return value, slope[5:]

    origin = at(np.zeros(size))[1]
    bent = np.array([origin - at(one)[1] for one in np.eye(size)])
    middle = np.linalg.solve(bent, origin)
    value = at(middle)[0] + size * np.log(2 * np.pi) / 2 - np.linalg.slogdet(bent)[1] / 2
    rows = np.arange(CELLS)[cell]
    covariance = np.exp(2 * logs[-1]) * np.eye(y.size) + prior.spread**2
    for log, effect in zip(logs[:4], EFFECTS, strict=True):
        same = np.all([codes[a][rows][:, None] == codes[a][rows] for a in effect], axis=0)
        covariance += np.exp(2 * log) * same
    expected = multivariate_normal(np.full(y.size, prior.location), covariance).logpdf(y)
    expected += log_half_t(np.exp(logs), df=3.0, scale=prior.scale).sum() + logs.sum()
    assert value == pytest.approx(expected, rel=SAME)


def test_intercepts_and_cuts_are_each_other() -> None:
    d = np.array([[2.0, 0.5, -3.0], [0.1, 0.0, -0.1]])
    np.testing.assert_allclose(intercepts_at(cuts_at(d)), d, atol=1e-14)


def test_the_prior_of_the_intercepts_integrates_to_one() -> None:
    """Without answers the density is the prior: of two sorted intercepts, on a grid."""
    plan = crossed([np.array([0, 1])], effects=[(0,)])
    codes = np.full(2, -1)
    cells = answer_cells(codes, cell=np.arange(2), categories=3, chosen=np.zeros(2, dtype=np.int64))
    likelihood = ordinal_likelihood(cells)
    place = space(plan, likelihood, information=np.zeros(1))
    prior = CrossedPrior(3.0, np.ones(1), 0.3, 1.5)
    density = log_density(plan, likelihood, prior=prior, place=place)
    mean, gap = np.linspace(-9, 9, 61), np.linspace(-12, 3.6, 53)
    values = np.array([[density(np.array([-0.2, m, g, 0.0]))[0] for g in gap] for m in mean])
    sd = np.exp(-0.2)
    values -= float(log_half_t(sd, df=3.0, scale=1.0)) - 0.2 + norm.logpdf(0)
    # The gaps are cut at exp(-12) and the grid has steps of 0.3: both change the sixth digit.
    assert np.exp(values).sum() * 0.3 * 0.3 == pytest.approx(1, abs=1e-4)


def test_the_shift_of_the_means_is_drawn_from_its_law() -> None:
    prior = CrossedPrior(3.0, np.ones(1), 0.5, 2.0)
    rng, draws = np.random.default_rng(1), 20_000
    own = 0.8
    shift = np.sqrt(own) * rng.standard_normal(draws)
    d = prior.location + prior.spread * rng.standard_normal((draws, 3)) + shift[:, None]
    again = mean_shift(d, np.ones(1), np.full((draws, 1), own), prior=prior, rng=rng)
    # Drawn given data from the model, it has the joint law with the data that the shift itself has.
    for first, second in ((again, shift), (again * d.sum(1), shift * d.sum(1)), (again**2, shift**2)):
        error = np.std(first - second) / np.sqrt(draws)
        assert abs(np.mean(first - second)) < ERRORS * error


def test_outside_the_model_the_density_is_zero() -> None:
    plan, likelihood, _, _ = answers("ordinal")
    place = space(plan, likelihood, information=np.full(plan.stratum.size, 2.0))
    density = log_density(plan, likelihood, prior=prior_of(likelihood), place=place)
    for at, bad in ((0, 200.0), (0, -200.0), (0, np.nan), (5, 200.0), (4, -1e4), (4, np.nan), (9, np.nan)):
        x = np.zeros(place.effect.stop)
        x[at] = bad
        value, slope = density(x)
        assert value == -np.inf and not slope.any()


@pytest.mark.parametrize("family", ["ordinal", "normal"])
def test_the_start_is_a_conditional_mode(family: str) -> None:
    """Effects and cuts at their mode given the standard deviations, but for the last change of these."""
    plan, likelihood, y, _ = answers(family)
    prior = prior_of(likelihood)
    intercept = np.array([1.0, 0.0, -1.0]) if family == "ordinal" else np.array([float(np.mean(y))])
    start = start_of(plan, likelihood, prior=prior, intercept=intercept, rows=y.size)
    density = log_density(plan, likelihood, prior=prior, place=start.place)
    slope = density(start.x)[1][start.place.effect] * start.unit
    assert np.abs(slope).max() < 0.1  # posterior standard deviations from the mode
    assert start.unit.shape == slope.shape and (start.unit > 0).all()
    assert (start.place.information >= 0).all()
