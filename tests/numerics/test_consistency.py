"""Alpha, its intervals, influence and resamples, and item statistics against psych and brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from psychomet.numerics import consistency
from psychomet.numerics.alpha_bootstrap import alpha_interval, bootstrap_alpha
from psychomet.numerics.alpha_influence import (
    alpha_influence,
    alpha_standardized_influence,
    by_unit,
    influence_error,
)
from psychomet.numerics.moments import correlation, covariance, moments
from psychomet.numerics.resample import resample_weights

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "reliability.json").read_text())
# psych computes from the same covariances; 15 digits are printed.
R_TOLERANCE = 1e-12
# The F quantiles of R and SciPy agree to about 11 digits.
QUANTILE_TOLERANCE = 1e-9
# One resample by counts and by repeated rows: the order of summation differs.
SAME_NUMBER = 1e-10
# Central differences with step 1e-5: truncation and rounding of about 1e-9 each.
DIFFERENCE_TOLERANCE = 1e-7

CASES = ["attitude", "attitude_holes", "attitude_complete"]


def table(name: str) -> np.ndarray:
    values = np.array(REFERENCE["data"], dtype=float)
    if name != "attitude":
        for row, column in REFERENCE["holes"]:
            values[row - 1, column - 1] = np.nan
    return values[~np.isnan(values).any(axis=1)] if name == "attitude_complete" else values


def small(holes: float, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=(40, 1)) + rng.normal(size=(40, 6))) + 5
    values[rng.random(values.shape) < holes] = np.nan
    return values


@pytest.mark.parametrize("name", CASES)
def test_alpha_equals_psych(name: str) -> None:
    sums = moments(table(name))
    expected = REFERENCE[name]
    assert consistency.alpha(covariance(sums)) == pytest.approx(expected["raw"], rel=R_TOLERANCE)
    standardized = consistency.alpha(correlation(sums))
    assert standardized == pytest.approx(expected["standardized"], rel=R_TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_feldt_limits_equal_psych(name: str) -> None:
    expected = REFERENCE[name]
    for level, limits in ((0.95, "feldt"), (0.90, "feldt90")):
        found = consistency.feldt_interval(expected["raw"], n=expected["rows"], k=7, conf_level=level)
        assert found == pytest.approx(expected[limits], rel=QUANTILE_TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_item_statistics_equal_psych(name: str) -> None:
    values, expected = table(name), REFERENCE[name]
    cov = covariance(moments(values))
    unit = np.arange(values.shape[0])
    np.testing.assert_allclose(consistency.item_rest_correlation(cov), expected["r_drop"], rtol=R_TOLERANCE)
    np.testing.assert_allclose(consistency.alpha_if_dropped(cov), expected["alpha_drop"], rtol=R_TOLERANCE)
    means = consistency.item_means(values, unit, 0.95)
    sds = consistency.item_sds(values, unit, 0.95)
    np.testing.assert_allclose(means.estimate, expected["mean"], rtol=R_TOLERANCE)
    np.testing.assert_allclose(sds.estimate, expected["sd"], rtol=R_TOLERANCE)


def test_two_items_correlate_with_each_other_and_cannot_be_dropped() -> None:
    values = table("attitude")[:, [1, 5]]
    cov = covariance(moments(values))
    expected = REFERENCE["two_items"]
    assert consistency.alpha(cov) == pytest.approx(expected["raw"], rel=R_TOLERANCE)
    np.testing.assert_allclose(consistency.item_rest_correlation(cov), expected["r"], rtol=R_TOLERANCE)
    assert np.isnan(consistency.alpha_if_dropped(cov)).all()


def test_item_mean_interval_is_students_where_every_row_is_a_unit() -> None:
    values = table("attitude_holes")
    found = consistency.item_means(values, np.arange(30), 0.9)
    for column in range(7):
        there = values[~np.isnan(values[:, column]), column]
        expected = stats.t.interval(0.9, there.size - 1, loc=there.mean(), scale=stats.sem(there))
        assert (found.low[column], found.high[column]) == pytest.approx(expected, rel=1e-10)


def test_doubling_every_row_as_one_unit_leaves_the_item_errors_alone() -> None:
    values = small(0.0)
    once = consistency.item_means(values, np.arange(40), 0.95)
    twice = consistency.item_means(np.repeat(values, 2, axis=0), np.repeat(np.arange(40), 2), 0.95)
    naive = consistency.item_means(np.repeat(values, 2, axis=0), np.arange(80), 0.95)
    np.testing.assert_allclose(twice.std_error, once.std_error, rtol=1e-12)
    assert (naive.std_error < 0.75 * once.std_error).all()


def test_item_sd_interval_covers_where_the_chi_square_interval_does_not() -> None:
    # Three codes with shares .05 .90 .05: kurtosis 10, against the 3 that chi-square assumes.
    rng = np.random.default_rng(8)
    n, repeats, truth = 200, 2000, np.sqrt(0.1)
    values = rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=(n, repeats))
    found = consistency.item_sds(values, np.arange(n), 0.95)
    cover = np.mean((found.low <= truth) & (truth <= found.high))
    wide = np.sqrt((n - 1) / stats.chi2.ppf([[0.975], [0.025]], n - 1))
    chi_square = np.mean((found.estimate * wide[0] <= truth) & (truth <= found.estimate * wide[1]))
    assert cover > 0.92  # Monte Carlo standard error .005
    assert chi_square < 0.75


def test_an_item_without_variance_has_sd_zero_and_no_interval_or_correlation() -> None:
    values = small(0.0)
    values[:, 2] = 0.1
    sds = consistency.item_sds(values, np.arange(40), 0.95)
    assert sds.estimate[2] == 0
    assert np.isnan([sds.low[2], sds.high[2]]).all()
    assert np.isfinite(np.delete(sds.low, 2)).all()


@given(
    st.integers(2, 8), st.integers(0, 2**31), st.floats(0.1, 50), st.floats(-100, 100)
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_alpha_is_invariant_to_scale_shift_and_order(k: int, seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(30, 1)) + rng.normal(size=(30, k))
    first = consistency.alpha(covariance(moments(values)))
    second = consistency.alpha(covariance(moments(scale * values[:, rng.permutation(k)] + shift)))
    assert second == pytest.approx(first, rel=1e-8, abs=1e-8)
    assert first <= 1


def test_alpha_has_no_value_where_the_total_does_not_vary() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=20)
    assert np.isnan(consistency.alpha(covariance(moments(np.column_stack([first, -first])))))
    assert np.isnan(consistency.alpha(np.zeros((3, 3))))
    assert np.isnan(consistency.alpha(np.ones((1, 1))))


def weighted_alpha(values: np.ndarray, weights: np.ndarray, standardized: bool) -> float:
    """Pairwise alpha of weighted rows, written out pair by pair."""
    k = values.shape[1]
    cov = np.empty((k, k))
    for j in range(k):
        for item in range(k):
            there = ~np.isnan(values[:, j]) & ~np.isnan(values[:, item])
            w, x, y = weights[there], values[there, j], values[there, item]
            x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
            cov[j, item] = np.average(x * y, weights=w)
            if standardized:
                cov[j, item] /= np.sqrt(np.average(x**2, weights=w) * np.average(y**2, weights=w))
            else:
                cov[j, item] *= there.sum() / (there.sum() - 1)
    return consistency.alpha(cov)


@pytest.mark.parametrize("holes", [0.0, 0.2])
@pytest.mark.parametrize("standardized", [False, True])
def test_influence_is_the_derivative_by_the_weight_of_a_row(holes: float, standardized: bool) -> None:
    values = small(holes)
    n = values.shape[0]
    sums = moments(values)
    if standardized:
        influence = alpha_standardized_influence(values, sums, correlation(sums))
    else:
        influence = alpha_influence(values, sums)
    step = 1e-5
    for row in range(0, n, 7):
        up, down = np.ones(n), np.ones(n)
        up[row] += step
        down[row] -= step
        slope = weighted_alpha(values, up, standardized) - weighted_alpha(values, down, standardized)
        assert influence[row] == pytest.approx(n * slope / (2 * step), abs=DIFFERENCE_TOLERANCE)
    assert influence.mean() == pytest.approx(0, abs=1e-14)


def test_influence_error_is_the_spread_of_alpha_over_samples() -> None:
    rng = np.random.default_rng(20261121)
    found, errors = [], []
    for _ in range(1500):
        values = rng.normal(size=(150, 1)) + rng.normal(size=(150, 5))
        sums = moments(values)
        found.append(consistency.alpha(covariance(sums)))
        errors.append(influence_error(alpha_influence(values, sums)))
    # 1,500 samples: the relative Monte Carlo error of a standard deviation is 2 %.
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.07)


def repeated_rows(
    values: np.ndarray, n_boot: int, unit: np.ndarray | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows of each resample, and which drawn copy of a unit each row belongs to."""
    out = []
    for weights in resample_weights(values.shape[0], n_boot=n_boot, seed=5, unit=unit):
        for row in weights.astype(int):
            index = np.repeat(np.arange(values.shape[0]), row)
            copy = np.concatenate([np.arange(times) for times in row])
            owner = index if unit is None else unit[index]
            out.append((values[index], np.unique(owner * 1000 + copy, return_inverse=True)[1]))
    return out


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_replicates_are_alpha_of_the_repeated_rows(clustered: bool, holes: float) -> None:
    values = small(holes)
    unit = np.repeat(np.arange(10), 4) if clustered else None
    found = bootstrap_alpha(values, n_boot=40, seed=5, unit=unit)
    for number, (rows, copy) in enumerate(repeated_rows(values, 40, unit)):
        sums = moments(rows)
        assert found.raw[number] == pytest.approx(consistency.alpha(covariance(sums)), abs=SAME_NUMBER)
        cor = correlation(sums)
        assert found.standardized[number] == pytest.approx(consistency.alpha(cor), abs=SAME_NUMBER)
        if holes:
            assert np.isnan(found.raw_error[number])
            continue
        influence = by_unit(alpha_influence(rows, sums), copy)
        assert found.raw_error[number] == pytest.approx(influence_error(influence), abs=SAME_NUMBER)
        influence = by_unit(alpha_standardized_influence(rows, sums, cor), copy)
        assert found.standardized_error[number] == pytest.approx(influence_error(influence), abs=SAME_NUMBER)


def test_replicates_survive_an_item_that_does_not_vary_in_a_resample() -> None:
    values = small(0.0)
    values[:, 0] = 4.0
    values[7, 0] = 5.0
    found = bootstrap_alpha(values, n_boot=60, seed=5)
    constant = [
        number for number, (rows, _) in enumerate(repeated_rows(values, 60, None)) if np.ptp(rows[:, 0]) == 0
    ]
    assert constant
    for number in constant:
        rows = repeated_rows(values, 60, None)[number][0]
        expected = consistency.alpha(np.corrcoef(rows[:, 1:], rowvar=False))
        assert found.standardized[number] == pytest.approx(expected, abs=SAME_NUMBER)
    holed = values.copy()
    holed[0, 1] = np.nan
    pairwise = bootstrap_alpha(holed, n_boot=60, seed=5)
    assert np.isfinite(pairwise.standardized).all()
    np.testing.assert_allclose(pairwise.standardized, found.standardized, atol=0.1)


def test_only_what_is_asked_for_is_computed() -> None:
    found = bootstrap_alpha(small(0.0), n_boot=5, seed=1, standardized=False, errors=False)
    assert np.isfinite(found.raw).all()
    assert np.isnan([found.raw_error, found.standardized, found.standardized_error]).all()


def test_interval_names_its_kind_and_holds_the_estimate() -> None:
    for holes, kind in ((0.0, "studentised on log(1 - alpha)"), (0.2, "BCa")):
        values = small(holes)
        sums = moments(values)
        estimate = consistency.alpha(covariance(sums))
        boot = bootstrap_alpha(values, n_boot=500, seed=2)
        low, high, named = alpha_interval(
            boot.raw, boot.raw_error, estimate=estimate,
            influence=alpha_influence(values, sums), conf_level=0.95,
        )  # fmt: skip
        assert named == kind
        assert low < estimate < high < 1


def test_perfect_items_have_no_bootstrap_interval() -> None:
    values = np.repeat(np.arange(10.0)[:, None], 3, axis=1)
    boot = bootstrap_alpha(values, n_boot=50, seed=2)
    sums = moments(values)
    low, high, _ = alpha_interval(
        boot.raw, boot.raw_error, estimate=1.0, influence=alpha_influence(values, sums), conf_level=0.95
    )
    assert np.isnan([low, high]).all()
