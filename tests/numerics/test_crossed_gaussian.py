"""Normal answers with the effects integrated out: against the dense normal law, REML, and conditional moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from psychomet.numerics.crossed_density import CrossedPrior
from psychomet.numerics.crossed_gaussian import Normal, draw_effects, log_posterior, mode_of, normal_table
from psychomet.numerics.strata_posterior import log_half_t
from psychomet.numerics.variance.cells import gather
from psychomet.numerics.variance.reml import reml

SAME = 1e-9
SLOPE = 2e-6
ERRORS = 4.5
FLAT = 2e-3  # of the score at the REML estimate, in units of log-likelihood per log sd: where its climb stops
EFFECTS = [(0,), (1,), (2,), (0, 1)]
ROWS = 150


def made(seed: int = 1) -> tuple[np.ndarray, list[np.ndarray], Normal]:
    """An unbalanced table with effects of size 1, 0.7, 0.5, 0.6 and a residual of 1."""
    rng = np.random.default_rng(seed)
    codes = [rng.integers(0, n, ROWS) for n in (5, 6, 3)]
    y = 3 + rng.normal(size=ROWS)
    for size, effect in zip((1.0, 0.7, 0.5, 0.6), EFFECTS, strict=True):
        level = np.unique(np.stack([codes[a] for a in effect]), axis=1, return_inverse=True)[1].ravel()
        y = y + size * rng.normal(size=level.max() + 1)[level]
    return y, codes, normal_table(gather(y, codes=codes, effects=EFFECTS))


def covariance(codes: list[np.ndarray], sd: np.ndarray) -> np.ndarray:
    found = sd[-1] ** 2 * np.eye(ROWS)
    for size, effect in zip(sd, EFFECTS, strict=False):
        found += size**2 * np.all([codes[a][:, None] == codes[a] for a in effect], axis=0)
    return found


def prior_of(spread: float, scale: float = 1.0) -> CrossedPrior:
    return CrossedPrior(3.0, scale * np.linspace(0.5, 1.0, 5), 2.5, spread)


@pytest.mark.parametrize("spread", [1.3, np.inf])
def test_the_density_is_the_normal_law_of_the_rows(spread: float) -> None:
    y, codes, table = made()
    prior, x = prior_of(spread), np.array([0.2, -0.5, -1.0, -0.3, 0.1])
    value, slope = log_posterior(table, prior=prior)(x)
    whole = covariance(codes, np.exp(x))
    if np.isfinite(spread):
        expected = multivariate_normal(np.full(ROWS, prior.location), whole + spread**2).logpdf(y)
    else:
        solved = np.linalg.solve(whole, np.column_stack([np.ones(ROWS), y]))
        precision = solved[:, 0].sum()
        mean = solved[:, 1].sum() / precision
        expected = (
            multivariate_normal(np.full(ROWS, mean), whole).logpdf(y) + np.log(2 * np.pi / precision) / 2
        )
    expected += log_half_t(np.exp(x), df=3.0, scale=prior.scale).sum() + x.sum()
    assert value == pytest.approx(expected, rel=SAME)
    density = log_posterior(table, prior=prior)
    differences = [(density(x + step)[0] - density(x - step)[0]) / 2e-6 for step in 1e-6 * np.eye(5)]
    np.testing.assert_allclose(slope, differences, rtol=SLOPE, atol=SLOPE)


def test_with_flat_priors_the_mode_is_that_of_reml() -> None:
    """The score of the likelihood alone (the prior's scale is huge, the Jacobian's 1 taken off) is 0 at REML, and so is
    that of lme4, to which REML agrees."""
    y, codes, table = made(2)
    found = reml(y, codes=codes, effects=EFFECTS)
    assert (found.component > 0).all()
    prior = CrossedPrior(np.inf, np.full(5, 1e8), 0.0, np.inf)
    x = np.log(found.component) / 2
    slope = log_posterior(table, prior=prior)(x)[1] - 1
    assert np.abs(slope).max() < FLAT
    # Elsewhere it is not.
    assert np.abs(log_posterior(table, prior=prior)(x + 0.1)[1] - 1).max() > 1


def test_the_mode_is_one() -> None:
    _, _, table = made()
    prior = prior_of(2.0)
    best, root = mode_of(table, prior=prior, start=np.zeros(5))
    density = log_posterior(table, prior=prior)
    assert np.abs(density(best)[1] @ root).max() < 1e-2  # posterior standard deviations
    assert all(density(best)[0] >= density(best + s * step)[0] for step in root.T for s in (-0.5, 0.5))


@pytest.mark.parametrize("spread", [1.3, np.inf])
def test_mean_and_effects_have_their_conditional_moments(spread: float) -> None:
    y, codes, table = made()
    prior, x, draws = prior_of(spread), np.array([0.2, -0.5, -1.0, -0.3, 0.1]), 2000
    rng = np.random.default_rng(1)
    found = [draw_effects(table, x, prior=prior, rng=rng) for _ in range(draws)]
    values = np.array([[one.mean, *one.effects] for one in found])
    sd = np.exp(x)
    z = np.column_stack([
        np.unique(np.stack([codes[a] for a in effect]), axis=1, return_inverse=True)[1].ravel()[:, None]
        == np.arange(size)
        for effect, size in zip(EFFECTS, table.size, strict=True)
    ])  # fmt: skip
    design = np.column_stack([np.ones(ROWS), z]) / sd[-1]
    own = np.concatenate([[0.0 if np.isinf(spread) else spread**-2.0], np.repeat(sd[:4] ** -2.0, table.size)])
    left = np.linalg.inv(design.T @ design + np.diag(own))
    pull = design.T @ (y / sd[-1])
    pull[0] += own[0] * prior.location
    error = np.sqrt(np.diag(left) / draws)
    assert (np.abs(values.mean(0) - left @ pull) < ERRORS * error).all()
    spreads = np.sqrt((np.outer(np.diag(left), np.diag(left)) + left**2) / draws)
    assert (np.abs(np.cov(values.T) - left) < ERRORS * spreads).all()
    both = log_posterior(table, prior=prior)(x)[0] - log_half_t(sd, df=3.0, scale=prior.scale).sum() - x.sum()
    assert found[0].log_likelihood == pytest.approx(both, rel=SAME)


def test_where_a_component_vanishes_the_density_is_finite() -> None:
    _, _, table = made()
    density = log_posterior(table, prior=prior_of(1.3))
    for x in (np.full(5, -20.0), np.array([-60.0, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 30.0])):
        value, slope = density(x)
        assert np.isfinite(value) and np.isfinite(slope).all()
    assert density(np.array([0, 0, 0, 0, 120.0]))[0] == -np.inf
    assert density(np.full(5, np.nan))[0] == -np.inf


def test_little_information_about_the_mean_is_not_lost_in_rounding() -> None:
    """Effects of 50 and a residual of .002: the information about the mean is a difference of near equals."""
    _, _, table = made()
    x = np.array([4.0, 3.0, 0.5, 1.0, -6.0])
    prior = prior_of(np.inf)
    value, slope = log_posterior(table, prior=prior)(x)
    density = log_posterior(table, prior=prior)
    differences = [(density(x + step)[0] - density(x - step)[0]) / 2e-4 for step in 1e-4 * np.eye(5)]
    assert np.isfinite(value)
    # The density is -8e6: its rounding over the step.
    np.testing.assert_allclose(slope, differences, rtol=1e-5, atol=0.02)
    drawn = [draw_effects(table, x, prior=prior, rng=np.random.default_rng(at)) for at in range(20)]
    assert np.isfinite([one.mean for one in drawn]).all()
