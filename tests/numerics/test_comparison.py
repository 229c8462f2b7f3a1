"""Comparison of levels against R, SciPy and brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from psychomet.numerics.comparison import (
    huynh_feldt,
    independent_contrasts,
    independent_levels,
    independent_spread,
    level_test,
    repeated_contrasts,
    repeated_spread,
)
from psychomet.numerics.noncentral import sampling_variance

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "sensitivity.json").read_text())
WITHIN = np.array(REFERENCE["within"])
SCORES = np.array(REFERENCE["scores"])
GROUP = np.array(REFERENCE["group"]) - 1
# R prints 15 digits; its distribution functions and SciPy's agree to about 11.
R_TOLERANCE = 1e-10
# R prints the epsilons with three or four decimals.
PRINTED = 5e-4
SAME_NUMBER = 1e-11
# Mean of 40,000 draws of a variance: Monte Carlo error about 1 %, four times that allowed.
UNBIASED = 0.04


def test_repeated_f_equals_rs_anova() -> None:
    spread = repeated_spread(WITHIN)
    expected = REFERENCE["repeated"]
    statistic, p = level_test(spread)
    assert statistic == pytest.approx(expected["statistic"], rel=R_TOLERANCE)
    assert p == pytest.approx(expected["p_hf"], rel=R_TOLERANCE)
    assert spread.df / 3 == pytest.approx(expected["epsilon_hf"], abs=PRINTED)
    assert spread.df2 == pytest.approx(8 * spread.df)
    assert special.fdtrc(3, 24, statistic) == pytest.approx(expected["p_spherical"], rel=R_TOLERANCE)


def test_huynh_feldt_corrects_rs_greenhouse_geisser() -> None:
    rows = WITHIN - WITHIN.mean(axis=1, keepdims=True)
    covariance = np.cov(rows, rowvar=False)
    epsilon = np.trace(covariance) ** 2 / np.trace(covariance @ covariance) / 3
    expected = REFERENCE["repeated"]
    assert epsilon == pytest.approx(expected["epsilon_gg"], abs=PRINTED)
    statistic, _ = level_test(repeated_spread(WITHIN))
    assert special.fdtrc(3 * epsilon, 24 * epsilon, statistic) == pytest.approx(
        expected["p_gg"], rel=R_TOLERANCE
    )
    assert huynh_feldt(np.asarray(epsilon), 9, 4) == pytest.approx(expected["epsilon_hf"], abs=PRINTED)


@pytest.mark.parametrize(("epsilon", "n", "levels"), [(1 / 3, 2, 4), (1.0, 4, 4), (0.5, 5, 5), (1.0, 3, 2)])
def test_huynh_feldt_stays_between_its_bounds_where_the_formula_breaks(epsilon, n: int, levels: int) -> None:
    assert epsilon <= huynh_feldt(np.asarray(epsilon), n, levels) <= 1


def test_paired_contrasts_equal_r() -> None:
    found, expected = repeated_contrasts(WITHIN), REFERENCE["paired"]
    for name in ("estimate", "statistic", "df", "p_value"):
        np.testing.assert_allclose(getattr(found, name), expected[name], rtol=1e-9, atol=1e-12)
    reach = special.stdtrit(found.df, 0.975) * found.std_error
    np.testing.assert_allclose(found.estimate - reach, expected["low"], rtol=R_TOLERANCE)


def test_welch_contrasts_equal_r() -> None:
    found, expected = independent_contrasts(independent_levels(SCORES, GROUP)), REFERENCE["welch"]
    for name in ("estimate", "statistic", "df", "p_value"):
        np.testing.assert_allclose(getattr(found, name), expected[name], rtol=R_TOLERANCE)
    reach = special.stdtrit(found.df, 0.975) * found.std_error
    np.testing.assert_allclose(found.estimate + reach, expected["high"], rtol=R_TOLERANCE)


def test_independent_test_equals_the_published_formula_in_r() -> None:
    spread = independent_spread(independent_levels(SCORES, GROUP))
    statistic, p = level_test(spread)
    expected = REFERENCE["bdm"]
    found = {"statistic": statistic, "df": spread.df, "df2": spread.df2, "p_value": p}
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected, rel=R_TOLERANCE)


def test_independent_test_of_two_levels_is_rs_welch_test() -> None:
    two = GROUP < 2
    spread = independent_spread(independent_levels(SCORES[two], GROUP[two]))
    statistic, p = level_test(spread)
    expected = REFERENCE["two"]
    assert statistic == pytest.approx(expected["t_squared"], rel=R_TOLERANCE)
    assert spread.df == pytest.approx(1, rel=R_TOLERANCE)
    assert spread.df2 == pytest.approx(expected["df2"], rel=R_TOLERANCE)
    assert p == pytest.approx(expected["p_value"], rel=R_TOLERANCE)


def test_equal_groups_give_the_ordinary_f() -> None:
    scores = np.random.default_rng(1).normal(size=(5, 8))
    spread = independent_spread(independent_levels(scores.ravel(), np.repeat(np.arange(5), 8)))
    statistic, _ = level_test(spread)
    assert statistic == pytest.approx(stats.f_oneway(*scores).statistic, rel=SAME_NUMBER)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 9))
def test_order_of_respondents_levels_and_scale_do_not_matter(seed: int, levels: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, levels))
    noise = rng.random((n, levels))
    first = repeated_spread(scores, noise=noise)
    rows, columns = rng.permutation(n), rng.permutation(levels)
    turned = repeated_spread(3 * scores[rows][:, columns] + 10, noise=9 * noise[rows][:, columns])
    for name in ("between", "error", "total", "along"):
        assert getattr(turned, name) == pytest.approx(9 * getattr(first, name), rel=1e-8)
    for name in ("df", "df2", "df_total"):
        assert getattr(turned, name) == pytest.approx(getattr(first, name), rel=1e-6)


def test_many_data_sets_at_once_equal_one_by_one() -> None:
    rng = np.random.default_rng(3)
    many = rng.normal(size=(4, 7, 3))
    noise = rng.random((4, 7, 3))
    level = rng.permutation(np.repeat([0, 1, 2], [2, 3, 2]))
    for at in range(4):
        for all_at_once, one in (
            (repeated_spread(many, noise=noise), repeated_spread(many[at], noise=noise[at])),
            (repeated_contrasts(many), repeated_contrasts(many[at])),
            (
                independent_spread(independent_levels(many[..., 0], level, noise=noise[..., 0])),
                independent_spread(independent_levels(many[at, :, 0], level, noise=noise[at, :, 0])),
            ),
            (
                independent_contrasts(independent_levels(many[..., 0], level)),
                independent_contrasts(independent_levels(many[at, :, 0], level)),
            ),
        ):
            for left, right in zip(all_at_once, one, strict=True):
                np.testing.assert_allclose(left[at], right, rtol=SAME_NUMBER, atol=SAME_NUMBER)


def test_total_is_the_unbiased_variance_of_single_scores() -> None:
    # Three single scores per meeting: variance 0.5 between respondents, 0.3 x level, 0.2 within.
    rng = np.random.default_rng(4)
    shape = (40_000, 4, 2, 3)
    single = (
        rng.normal(size=(40_000, 4, 1, 1)) * np.sqrt(0.5)
        + rng.normal(size=(40_000, 4, 2, 1)) * np.sqrt(0.3)
        + rng.normal(size=shape) * np.sqrt(0.2)
    )
    mean, noise = single.mean(-1), single.var(-1)
    assert repeated_spread(mean, noise=noise).total.mean() == pytest.approx(1.0, abs=UNBIASED)
    level = np.repeat([0, 1], 4)
    first = np.concatenate([mean[..., 0], mean[..., 1]], axis=1)
    second = np.concatenate([noise[..., 0], noise[..., 1]], axis=1)
    found = independent_spread(independent_levels(first, level, noise=second))
    assert found.total.mean() == pytest.approx(1.0, abs=UNBIASED)


@pytest.mark.parametrize("design", ["repeated", "independent"])
def test_between_minus_error_is_unbiased_and_its_variance_is_right(design: str) -> None:
    rng = np.random.default_rng(6)
    mean = np.array([-0.5, 0.0, 0.8])
    sd = np.array([0.5, 1.0, 1.5])
    if design == "repeated":
        scores = rng.normal(size=(40_000, 12, 1)) + rng.normal(size=(40_000, 12, 3)) * sd + mean
        found = repeated_spread(scores)
    else:
        level = np.repeat([0, 1, 2], [9, 12, 15])
        scores = rng.normal(size=(40_000, 36)) * sd[level] + mean[level]
        found = independent_spread(independent_levels(scores, level))
    theta = np.mean((mean - mean.mean()) ** 2)
    assert (found.between - found.error).mean() == pytest.approx(theta, rel=UNBIASED)
    assert sampling_variance(found).mean() == pytest.approx(found.between.var(), rel=0.1)


def test_nothing_varies() -> None:
    alike = np.full((6, 3), 0.1 + 0.2)
    spread = repeated_spread(alike)
    assert spread.error == 0 and spread.total == 0
    assert np.isnan(level_test(spread)[0])
    assert np.isnan(repeated_contrasts(alike).statistic).all()
    moments = independent_levels(alike.ravel(), np.arange(18) % 3)
    assert independent_spread(moments).error == 0
    assert np.isnan(independent_contrasts(moments).p_value).all()


def test_a_level_that_moves_everyone_alike_leaves_no_error() -> None:
    person = np.random.default_rng(7).normal(size=(9, 1))
    spread = repeated_spread(person + np.array([0.0, 0.25, 0.5]))
    assert spread.error == 0 and spread.between == pytest.approx(np.var([0, 0.25, 0.5]))


def test_a_quiet_level_does_not_break_the_independent_test() -> None:
    scores = np.array([3.0, 3.0, 3.0, 4.0, 5.0, 3.5])
    spread = independent_spread(independent_levels(scores, np.repeat([0, 1], 3)))
    expected = stats.ttest_1samp(scores[3:], 3.0)
    assert level_test(spread)[1] == pytest.approx(expected.pvalue, rel=R_TOLERANCE)


def test_one_respondent_at_a_level_gives_no_test() -> None:
    moments = independent_levels(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0, 1, 1, 2, 2]))
    assert np.isnan(level_test(independent_spread(moments))[1])
    found = independent_contrasts(moments)
    assert np.isnan(found.statistic[0]) and np.isfinite(found.statistic[1:]).all()


def test_more_levels_than_respondents() -> None:
    scores = np.random.default_rng(8).normal(size=(4, 30))
    spread = repeated_spread(scores)
    rows = scores - scores.mean(axis=1, keepdims=True)
    covariance = np.cov(rows, rowvar=False)
    epsilon = np.trace(covariance) ** 2 / np.trace(covariance @ covariance) / 29
    assert spread.df == pytest.approx(29 * huynh_feldt(np.asarray(epsilon), 4, 30), rel=1e-9)
    assert 0 <= level_test(spread)[1] <= 1
