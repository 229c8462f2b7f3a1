"""Intervals from the noncentral F against R, and the share of variance against its textbook forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from psychomet.numerics.comparison import (
    LevelSpread,
    independent_levels,
    independent_spread,
    level_test,
    repeated_spread,
)
from psychomet.numerics.noncentral import noncentrality_limits, variance_share

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "sensitivity.json").read_text())
# R's pf(ncp) sums its series to about 1e-9.
R_TOLERANCE = 1e-7
SAME_NUMBER = 1e-10
# Where the numerator is held constant the limits are off by about 1 / sqrt(noncentrality).
LIMIT_TOLERANCE = 2e-4
SEED = 20261121
REPLICATES = 2000
# 95 % intervals over 2,000 replicates: Monte Carlo error 0.5 %.
LEAST_COVERED = 0.93


@pytest.mark.parametrize("at", range(5))
def test_limits_equal_r(at: int) -> None:
    statistic, df, df2, level = REFERENCE["noncentral"]["cases"][at]
    found = noncentrality_limits(statistic, df, df2, conf_level=level)
    assert [float(value) for value in found] == pytest.approx(
        REFERENCE["noncentral"]["limits"][at], rel=R_TOLERANCE
    )


@given(st.floats(0.01, 500), st.floats(1, 12), st.floats(3, 500), st.floats(0.5, 0.99))
def test_limits_solve_their_equations(statistic: float, df: float, df2: float, level: float) -> None:
    low, high = (float(v) for v in noncentrality_limits(statistic, df, df2, conf_level=level))
    assert 0 <= low <= high
    for limit, share in ((low, (1 + level) / 2), (high, (1 - level) / 2)):
        below = special.ncfdtr(df, df2, limit, statistic)
        assert below == pytest.approx(share, abs=1e-6) or (limit == 0 and below <= share)


def test_lower_limit_leaves_zero_where_the_test_rejects_at_half_the_level() -> None:
    edge = float(stats.f.ppf(0.975, 4, 60))
    low, _ = noncentrality_limits([edge * 0.999, edge * 1.001], 4.0, 60.0, conf_level=0.95)
    assert low[0] == 0 and low[1] > 0


def test_enormous_statistics_have_the_limit_of_a_constant_numerator() -> None:
    for df2 in (7.0, 300.0):
        low, high = noncentrality_limits([2e7, 4e9], 3.0, df2, conf_level=0.95)
        np.testing.assert_allclose(
            low / np.array([2e7, 4e9]), (low / np.array([2e7, 4e9]))[0], rtol=LIMIT_TOLERANCE
        )
        np.testing.assert_allclose(high[1] / 12e9, stats.chi2.ppf(0.975, df2) / df2, rtol=LIMIT_TOLERANCE)


def test_no_statistic_no_limits() -> None:
    low, high = noncentrality_limits([np.nan, np.inf, 2.0], 2.0, 9.0, conf_level=0.95)
    assert np.isnan(low[:2]).all() and np.isnan(high[:2]).all() and np.isfinite(high[2])


def test_balanced_independent_levels_give_omega_squared_and_steigers_interval() -> None:
    groups = np.random.default_rng(2).normal(size=(4, 25)) + np.array([[0.0], [0.3], [0.5], [0.9]])
    # Spread made equal, so that nothing is left to Welch-like degrees of freedom.
    centred = groups - groups.mean(axis=1, keepdims=True)
    groups = groups.mean(axis=1, keepdims=True) + centred / centred.std(axis=1, ddof=1, keepdims=True)
    spread = independent_spread(independent_levels(groups.ravel(), np.repeat(np.arange(4), 25)))
    found = variance_share(spread, conf_level=0.9)
    f, n = float(stats.f_oneway(*groups).statistic), 100
    assert found.estimate == pytest.approx(3 * (f - 1) / (3 * (f - 1) + n), rel=SAME_NUMBER)
    lower, upper = (float(v) for v in noncentrality_limits(f, 3.0, 96.0, conf_level=0.9))
    textbook = LevelSpread(*spread)._replace(df_total=np.asarray(96.0))
    limits = variance_share(textbook, conf_level=0.9)
    assert limits.low == pytest.approx(lower / (lower + n), rel=1e-8)
    assert limits.high == pytest.approx(upper / (upper + n), rel=1e-8)


def test_repeated_levels_give_generalised_omega_squared() -> None:
    scores = np.array(REFERENCE["within"])
    found = variance_share(repeated_spread(scores), conf_level=0.95)
    n, levels = scores.shape
    grand = scores.mean()
    effect = n * np.sum((scores.mean(0) - grand) ** 2)
    people = levels * np.sum((scores.mean(1) - grand) ** 2)
    rest = np.sum((scores - grand) ** 2) - effect - people
    error = rest / ((n - 1) * (levels - 1))
    theta = (effect - (levels - 1) * error) / (n * levels)
    person = (people / (n - 1) - error) / levels
    # sigma^2 of a single score: between persons, plus person x level with levels fixed.
    assert found.estimate == pytest.approx(theta / (theta + person + error), rel=SAME_NUMBER)


def test_negative_estimates_are_kept_and_the_interval_is_not() -> None:
    scores = np.random.default_rng(1).normal(size=(30, 3))
    scores -= scores.mean(0)
    found = variance_share(repeated_spread(scores), conf_level=0.95)
    assert found.estimate < 0 and found.low == 0 and found.high == 0
    assert np.isfinite(found.std_error)


def test_no_error_no_interval() -> None:
    person = np.random.default_rng(7).normal(size=(9, 1))
    found = variance_share(repeated_spread(person + np.array([0.0, 0.5])), conf_level=0.95)
    assert found.estimate > 0 and np.isnan(found.low) and np.isnan(found.high)
    nothing = variance_share(repeated_spread(np.ones((5, 2))), conf_level=0.95)
    assert np.isnan(nothing.estimate)


@pytest.mark.parametrize(("between", "share"), [(0.2, 0.1), (0.8, 0.3)])
def test_interval_covers_when_respondents_differ(between: float, share: float) -> None:
    """Taking error for a known part of the total would cover 70 % in the second case."""
    rng = np.random.default_rng(SEED)
    n, levels = 20, 5
    mean = np.linspace(-1, 1, levels)
    mean = mean / np.sqrt(np.mean(mean**2)) * np.sqrt(share / (1 - share))
    scores = mean + rng.normal(size=(REPLICATES, n, 1)) * np.sqrt(between)
    scores = scores + rng.normal(size=(REPLICATES, n, levels)) * np.sqrt(1 - between)
    spread = repeated_spread(scores)
    found = variance_share(spread, conf_level=0.95)
    assert np.mean((found.low <= share) & (share <= found.high)) >= LEAST_COVERED
    known = variance_share(spread._replace(df_total=np.full(REPLICATES, 1e9)), conf_level=0.95)
    if between > 0.5:
        assert np.mean((known.low <= share) & (share <= known.high)) < LEAST_COVERED - 0.1


def test_stretch_follows_the_levels_that_deviate() -> None:
    """Levels that deviate and are measured badly make the interval wider, and measured well narrower."""
    plain = LevelSpread(*(np.asarray(value) for value in (1.0, 0.1, 4.0, 60.0, 3.0, 60.0, 0.025)))
    widths = []
    for factor in (0.3, 1.0, 3.0):
        found = variance_share(plain._replace(along=plain.along * factor), conf_level=0.95)
        widths.append(float(found.high - found.low))
    assert widths[0] < 0.9 * widths[1] < 0.9 * 0.9 * widths[2]


def test_interval_covers_where_the_noisy_level_deviates() -> None:
    rng = np.random.default_rng(SEED)
    sd = np.array([0.5, 0.5, 0.5, 0.5, 2.0])
    mean = np.array([0.0, 0.0, 0.0, 0.0, 1.2])
    theta = np.var(mean)
    truth = theta / (theta + np.mean(sd**2))
    spread = repeated_spread(mean + rng.normal(size=(REPLICATES, 60, 5)) * sd)
    found = variance_share(spread, conf_level=0.95)
    assert np.mean((found.low <= truth) & (truth <= found.high)) >= LEAST_COVERED
    round_noise = spread._replace(along=spread.error / spread.df)
    found = variance_share(round_noise, conf_level=0.95)
    assert np.mean((found.low <= truth) & (truth <= found.high)) < LEAST_COVERED


def test_standard_error_is_that_of_the_estimate() -> None:
    rng = np.random.default_rng(SEED)
    scores = (
        rng.normal(size=(REPLICATES, 40, 1)) + rng.normal(size=(REPLICATES, 40, 3)) + np.array([0, 0.4, 1])
    )
    found = variance_share(repeated_spread(scores), conf_level=0.95)
    assert np.mean(found.std_error) == pytest.approx(found.estimate.std(), rel=0.08)


def test_p_value_and_interval_tell_the_same_story() -> None:
    rng = np.random.default_rng(9)
    spread = repeated_spread(rng.normal(size=(500, 15, 4)) + np.array([0, 0.1, 0.2, 0.4]))
    found = variance_share(spread, conf_level=0.95)
    # At a noncentrality of 0 the degrees of freedom are those of the test.
    np.testing.assert_array_equal(found.low > 0, level_test(spread)[1] < 0.025)
