"""Limits of combinations and ratios of variance components, where they are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from psychomet.numerics.consistency import feldt_interval
from psychomet.numerics.dstudy import (
    errors,
    kept_effects,
    linear_limits,
    pivotal_components,
    ratio_limits,
    resampled_components,
    square_influence,
)
from psychomet.numerics.resample import resample_weights
from psychomet.numerics.variance import balanced, expected_mean_squares, layout_effects

EXACT = 1e-9
BISECTED = 1e-8
LEVEL = 0.95
TAIL = 0.025
DRAWS = 20_000
# Three standard errors of a coverage of .95 over 20,000 draws are .005; the limits are approximate, and the
# authors accept .935 to .965 for combinations of both signs.
APPROXIMATE = 0.02
RATIO_DRAWS = 2000
RATIO_ERROR = 0.01  # two standard errors of a coverage over so many draws


def test_limits_of_one_mean_square_are_the_chi_square_ones() -> None:
    low, high = linear_limits(np.array([[2.0]]), np.array([3.0]), np.array([9.0]), LEVEL)[0]
    assert low == pytest.approx(6 * 9 / chi2.isf(TAIL, 9), abs=EXACT)
    assert high == pytest.approx(6 * 9 / chi2.ppf(TAIL, 9), abs=EXACT)


def test_lower_limit_of_a_difference_is_zero_where_the_f_test_is_at_its_critical_value() -> None:
    critical = f_distribution.isf(TAIL, 12, 40)
    limits = linear_limits(np.array([[1.0, -1.0]]), np.array([critical, 1.0]), np.array([12.0, 40.0]), LEVEL)
    assert limits[0, 0] == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("ratio", [0.4, 1.0, 5.0, 60.0])
def test_ratio_of_two_mean_squares_has_feldts_limits(ratio: float) -> None:
    n, k = 30, 7
    expected = expected_mean_squares(((0,), (1,), (0, 1)), sizes=[n, k])
    inverse = np.linalg.inv(expected)
    part = inverse[[0]]
    rest = errors(((0,), (1,), (0, 1)), np.array([[float(k)]]), coefficient="g") @ inverse
    found = ratio_limits(
        part, rest, np.array([ratio, 3.0, 1.0]), np.array([n - 1.0, k - 1.0, (n - 1.0) * (k - 1)]), LEVEL
    )
    np.testing.assert_allclose(
        found[0], feldt_interval(1 - 1 / ratio, n=n, k=k, conf_level=LEVEL), rtol=BISECTED
    )


def test_ratio_of_nothing_has_no_limits() -> None:
    found = ratio_limits(np.eye(2)[[0]], np.eye(2)[[1]], np.zeros(2), np.array([3.0, 9.0]), LEVEL)
    assert np.isnan(found).all()


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_components_and_coefficients_are_covered_under_normality(n: int) -> None:
    effects = layout_effects(3)
    sigma = np.array([1.0, 0.3, 0.1, 0.4, 0.2, 0.05, 0.8])
    sizes = np.array([n, 10, 4])
    expected = expected_mean_squares(effects, sizes=sizes)
    df = np.array([np.prod(sizes[list(effect)] - 1.0) for effect in effects])
    inverse = np.linalg.inv(expected)
    squares = (expected @ sigma) * np.random.default_rng(1).chisquare(df, size=(DRAWS, df.size)) / df
    for number, truth in enumerate(sigma):
        limits = linear_limits(np.broadcast_to(inverse[number], squares.shape), squares, df, LEVEL)
        assert np.mean((limits[:, 0] <= truth) & (truth <= limits[:, 1])) == pytest.approx(
            LEVEL, abs=APPROXIMATE
        )


def test_pivotal_draws_centre_on_the_components() -> None:
    expected = expected_mean_squares(((0,), (1,), (0, 1)), sizes=[400, 50])
    sigma = np.array([1.0, 0.5, 2.0])
    df = np.array([399.0, 49.0, 399 * 49.0])
    drawn = pivotal_components(expected @ sigma, df, expected, n_boot=DRAWS, seed=2)
    np.testing.assert_allclose(np.median(drawn, axis=0), sigma, rtol=0.03)


def test_resamples_reproduce_the_analysis_of_the_resampled_table() -> None:
    """Crossed effects of the respondent are n / (n - 1) of the plain ones; within respondents nothing is to correct."""
    rng = np.random.default_rng(3)
    cells = rng.normal(size=(9, 4, 3, 2)) + 50
    nested = {3: (0, 2)}
    found = balanced(cells, nested=nested, effects=kept_effects(4, nested=nested, max_order=3, replicate=3))
    drawn = rng.integers(0, 9, size=9)
    weights = np.bincount(drawn, minlength=9)[None].astype(float)
    mine = next(resampled_components(cells, found, [weights], nested=nested))[0]
    plain = balanced(cells[drawn], nested=nested, effects=found.effects[:-1])
    squares = plain.mean_square.copy()
    with_respondent = np.array([0 in effect and 3 not in effect for effect in found.effects])
    squares[with_respondent] *= 9 / 8
    for number, effect in enumerate(found.effects):
        if 0 not in effect:
            squares[number] -= squares[found.effects.index((0, *effect))] * 8 / 9
    np.testing.assert_allclose(mine, np.linalg.solve(found.expected, squares), atol=EXACT)


def test_mean_of_the_resamples_is_the_estimate() -> None:
    cells = np.random.default_rng(4).normal(size=(15, 5, 3))
    found = balanced(cells)
    blocks = resample_weights(15, n_boot=DRAWS, seed=5)
    drawn = np.concatenate(list(resampled_components(cells, found, blocks, nested={})))
    error = drawn.std(axis=0) / np.sqrt(DRAWS)
    assert (np.abs(drawn.mean(axis=0) - found.component) < 4 * error).all()


def test_influence_is_the_derivative_of_the_mean_squares() -> None:
    cells = np.random.default_rng(6).normal(size=(12, 4, 3)) + np.arange(4)[:, None]
    found = balanced(cells)
    influence = square_influence(cells, found, nested={})
    assert np.abs(influence.mean(axis=0)).max() < EXACT
    # Doubling the weight of a respondent a little: sums of squares about the weighted mean, by hand.
    step, who, n = 1e-6, 7, 12
    weight = np.full(n, 1.0)
    weight[who] += step * n
    weight *= n / weight.sum()
    mean = np.tensordot(weight, cells, axes=1) / n
    spread = np.tensordot(weight, (cells - mean) ** 2, axes=1).sum()
    base = ((cells - cells.mean(axis=0)) ** 2).sum()
    crossed = [number for number, effect in enumerate(found.effects) if 0 in effect]
    change = sum(influence[who, number] * found.df[number] for number in crossed)
    assert (spread - base) / step == pytest.approx(change, rel=1e-4)
    main = found.effects.index((1,))
    items = n * 3 * ((mean.mean(axis=1) - mean.mean()) ** 2).sum()
    before = found.mean_square[main] * found.df[main]
    assert (items - before) / step == pytest.approx(influence[who, main] * found.df[main], rel=1e-3)
