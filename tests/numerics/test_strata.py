"""The closed form against the multivariate normal density, lme4's REML and exact conditional distributions."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime, minimize
from scipy.stats import halfnorm, multivariate_normal, t

from psychomet.numerics.strata import (
    Strata,
    log_likelihood,
    mean_given,
    strata,
    strata_of,
    strata_of_cells,
    true_scores,
)
from psychomet.numerics.strata_posterior import log_half_t, log_posterior, start_at
from psychomet.numerics.variance import Balanced, Effect, balanced, balanced_reml, expected_mean_squares

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "variance.json").read_text(encoding="utf-8")
)

# Sixty observations: the determinant of their covariance is rounded in the thirteenth digit.
SAME = 1e-9
# Forward differences of a function of size 100 with steps of 1e-7.
SLOPE = 1e-4
# lme4 stops about 1e-5 short of its maximum.
LME4 = 2e-4
# Moments of 100,000 draws, in standard errors; there are 36 of them.
ERRORS = 4.5
DRAWS = 100_000


def covariance(
    sizes: tuple[int, ...], effects: tuple[Effect, ...], variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Observation by observation: the variances of the effects that two share."""
    axes = np.indices(sizes).reshape(len(sizes), -1)
    total = np.zeros((axes.shape[1],) * 2)
    for effect, size in zip(effects, variance, strict=True):
        total += size * np.all([axes[a][:, None] == axes[a] for a in effect], axis=0)
    return total


def made(seed: int = 1, sizes: tuple[int, ...] = (5, 4, 3)) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=sizes) * 1.3 + 3


@pytest.mark.parametrize("effects", [None, [(0,), (1,), (0, 1)], [(0,), (1,), (2,)]])
@pytest.mark.parametrize("spread", [0.4, 3.0])
def test_likelihood_is_the_normal_density(effects: list[Effect] | None, spread: float) -> None:
    y = made()
    found = strata(y, effects=effects)
    for seed in range(3):
        variance = np.random.default_rng(seed).uniform(0, 2, len(found.effects))
        whole = covariance(y.shape, found.effects, variance) + spread**2
        expected = multivariate_normal(np.full(y.size, 2.0), whole).logpdf(y.ravel())
        assert log_likelihood(found, variance, location=2.0, spread=spread) == pytest.approx(
            expected, abs=SAME
        )


def test_likelihood_of_nested_samples_is_the_normal_density() -> None:
    # Samples (axis 2) within respondent x prompt, each with all items (axis 3).
    y = made(2, (4, 3, 2, 3))
    found = strata(y, nested={2: (0, 1)})
    assert (0, 1, 2) in found.effects and (2,) not in found.effects
    variance = np.random.default_rng(3).uniform(0.1, 2, len(found.effects))
    whole = covariance(y.shape, found.effects, variance) + 1.5**2
    expected = multivariate_normal(np.full(y.size, 1.0), whole).logpdf(y.ravel())
    assert log_likelihood(found, variance, location=1.0, spread=1.5) == pytest.approx(expected, abs=SAME)


def test_many_components_at_once_are_each_alone() -> None:
    found = strata(made())
    variance = np.random.default_rng(4).uniform(0.1, 2, (2, 3, len(found.effects)))
    together = log_likelihood(found, variance, location=1.0, spread=2.0)
    assert together.shape == (2, 3)
    assert together[1, 2] == log_likelihood(found, variance[1, 2], location=1.0, spread=2.0)
    assert log_likelihood(found, np.zeros(len(found.effects)), spread=2.0) == -np.inf


def test_cells_with_means_squares_and_counts_are_the_rows() -> None:
    rows = made(5, (4, 3, 2, 5))
    mean = rows.mean(axis=-1)
    within = float(((rows - mean[..., None]) ** 2).sum())
    for effects in (None, [(0,), (1,), (0, 1)]):
        whole = strata(rows, nested={3: (0, 1, 2)}, effects=effects)
        found = strata_of_cells(mean, within=within, count=5, effects=effects)
        assert found.effects == whole.effects and found.rows == whole.rows
        for name in ("df", "square", "expected", "grand", "mean"):
            np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=1e-12)


@pytest.mark.parametrize(
    "wrong", [{"count": 1, "within": 1.0}, {"count": 5, "within": -1.0}, {"count": 5, "within": 1.0, "effects": [(0, 1)]}]
)  # fmt: skip
def test_cells_that_are_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"effects|observations"):
        strata_of_cells(made(), **wrong)  # type: ignore[arg-type]


def pxio() -> tuple[Strata, dict[str, list[float]]]:
    """Persons x items x occasions: mean squares of aov, components of lme4."""
    expected = REFERENCE["pxio"]
    every = tuple(e for size in (1, 2, 3) for e in combinations(range(3), size))
    coefficients = expected_mean_squares(every, sizes=expected["sizes"])
    square, df = np.array(expected["mean_square"]), np.array(expected["df"], dtype=float)
    inverse = np.linalg.inv(coefficients)
    table = Balanced(every, df, square, coefficients, inverse @ square, np.eye(7))
    return strata_of(table, mean=0.3), expected


def test_restricted_likelihood_is_that_of_lme4() -> None:
    found, expected = pxio()
    value = log_likelihood(found, np.array(expected["component"]))
    assert -2 * value == pytest.approx(expected["deviance"], abs=1e-6)


def test_flat_spread_is_the_limit_of_wide_ones() -> None:
    found, y = strata(made()), made()
    ours = balanced_reml(balanced(y), mean=float(y.mean()))
    flat = log_likelihood(found, ours.component)
    assert flat == pytest.approx(ours.log_restricted, abs=SAME)
    wide = log_likelihood(found, ours.component, spread=1e6) + np.log(1e6) + np.log(2 * np.pi) / 2
    assert wide == pytest.approx(flat, abs=1e-6)


def test_mode_with_flat_priors_is_lme4() -> None:
    found, expected = pxio()
    density = log_posterior(found, df=np.inf, scale=1e6, location=0.0, spread=np.inf)

    def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        # Without the Jacobian the density is that of the standard deviations themselves.
        value, slope = density(x)
        return x.sum() - value, 1 - slope

    start = start_at(found) + 0.3
    best = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(np.exp(2 * best.x), expected["component"], rtol=0, atol=LME4)


@pytest.mark.parametrize("df", [3.0, np.inf])
@pytest.mark.parametrize("spread", [2.0, np.inf])
def test_posterior_is_likelihood_prior_and_jacobian(df: float, spread: float) -> None:
    found = strata(made())
    scale = np.random.default_rng(1).uniform(0.5, 2, 7)
    density = log_posterior(found, df=df, scale=scale, location=1.0, spread=spread)
    x = np.random.default_rng(2).normal(size=7) * 0.7
    value, slope = density(x)
    sd = np.exp(x)
    law = halfnorm(scale=scale).logpdf(sd) if np.isinf(df) else t(df, scale=scale).logpdf(sd) + np.log(2)
    expected = log_likelihood(found, sd**2, location=1.0, spread=spread) + law.sum() + x.sum()
    assert value == pytest.approx(float(expected), abs=SAME)
    np.testing.assert_allclose(log_half_t(sd, df=df, scale=scale), law, rtol=1e-12)
    differences = approx_fprime(x, lambda at: density(at)[0], 1e-7)
    np.testing.assert_allclose(slope, differences, atol=SLOPE, rtol=SLOPE)


def test_posterior_where_it_ends() -> None:
    density = log_posterior(strata(made()), df=3.0, scale=1.0, location=0.0, spread=1.0)
    for x in (np.full(7, 400.0), np.full(7, -800.0), np.full(7, np.nan)):
        value, slope = density(x)
        assert value == -np.inf and np.isfinite(slope).all()


def test_start_is_off_the_boundary() -> None:
    rng = np.random.default_rng(8)
    y = made(8, (6, 3, 3)) + rng.normal(size=(6, 1, 1))
    found, held = strata(y), balanced_reml(balanced(y))
    assert held.at_boundary.any()
    start = np.exp(start_at(found))
    assert (start >= 0.0999 * start[-1]).all()
    np.testing.assert_allclose(start[~held.at_boundary] ** 2, held.component[~held.at_boundary], rtol=0.05)


def exact(
    y: NDArray[np.float64], found: Strata, variance: NDArray[np.float64], location: float, spread: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of (grand mean, true scores) given y, by conditioning one large normal vector."""
    n = y.shape[0]
    whole = covariance(y.shape, found.effects, variance) + spread**2
    person = np.indices(y.shape)[0].ravel()
    own = variance[found.effects.index((0,))]
    cross = np.vstack([np.full(y.size, spread**2), spread**2 + own * (np.arange(n)[:, None] == person)])
    prior = np.full((n + 1, n + 1), spread**2)
    prior[1:, 1:] += own * np.eye(n)
    gain = np.linalg.solve(whole, cross.T).T
    return location + gain @ (y.ravel() - location), prior - gain @ cross.T


@pytest.mark.parametrize("spread", [0.7, np.inf])
def test_mean_and_true_scores_have_their_exact_distribution(spread: float) -> None:
    y, rng = made(6), np.random.default_rng(7)
    found = strata(y)
    variance = rng.uniform(0.2, 1.5, 7)
    at = dict(zip(found.effects, variance, strict=True))
    relative = at[0, 1] / 4 + at[0, 2] / 3 + at[0, 1, 2] / 12
    shared = at[1,] / 4 + at[2,] / 3 + at[1, 2] / 12
    middle, left = mean_given(found, variance, location=1.0, spread=spread)
    expected, scatter = exact(y, found, variance, 1.0, spread if np.isfinite(spread) else 1e4)
    assert middle == pytest.approx(expected[0], abs=1e-6) and left == pytest.approx(scatter[0, 0], rel=1e-6)
    mean = middle + np.sqrt(left) * rng.standard_normal(DRAWS)
    score = true_scores(
        y.mean(axis=(1, 2)), universe=np.full(DRAWS, at[0,]), relative=np.full(DRAWS, relative),
        shared=np.full(DRAWS, shared), mean=mean, rng=rng,
    )  # fmt: skip
    drawn = np.column_stack([mean, score])
    error = np.sqrt(np.diag(scatter) / DRAWS)
    assert (np.abs(drawn.mean(axis=0) - expected) < ERRORS * error).all()
    spreads = np.sqrt((np.outer(np.diag(scatter), np.diag(scatter)) + scatter**2) / DRAWS)
    assert (np.abs(np.cov(drawn.T) - scatter) < ERRORS * spreads).all()


def test_true_scores_without_variance_are_the_mean() -> None:
    zero = np.zeros(2)
    found = true_scores(
        [1.0, 2.0, 6.0],
        universe=zero,
        relative=zero,
        shared=zero,
        mean=[3.0, 4.0],
        rng=np.random.default_rng(1),
    )
    np.testing.assert_array_equal(found, [[3.0] * 3, [4.0] * 3])
