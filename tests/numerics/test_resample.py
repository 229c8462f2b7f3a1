"""Resample counts: right totals, whole units, the same whatever the block size, bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.stats import chisquare, norm

from psychomet.numerics.resample import (
    bca_interval,
    percentile_interval,
    resample_weights,
    studentized_interval,
)

# Smallest p of a true null that is not to fail more than once in ten thousand runs; seeds are fixed.
FAR = 1e-4


def all_weights(n_rows: int, n_boot: int, **options: object) -> np.ndarray:
    return np.concatenate(list(resample_weights(n_rows, n_boot=n_boot, seed=11, **options)))


def test_each_resample_draws_as_many_rows_as_there_are() -> None:
    weights = all_weights(37, 100)
    assert weights.shape == (100, 37)
    np.testing.assert_array_equal(weights.sum(axis=1), 37)
    np.testing.assert_array_equal(weights, np.round(weights))


def test_every_row_is_drawn_equally_often() -> None:
    drawn = all_weights(20, 5000).sum(axis=0)
    assert chisquare(drawn).pvalue > FAR


@pytest.mark.parametrize("max_cells", [1, 40, 333, 10_000])
def test_the_block_size_changes_no_weight(max_cells: int) -> None:
    np.testing.assert_array_equal(all_weights(37, 50, max_cells=max_cells), all_weights(37, 50))


def test_weights_are_those_of_the_same_draws_one_at_a_time() -> None:
    rng = np.random.default_rng(11)
    for row in all_weights(37, 8):
        np.testing.assert_array_equal(row, np.bincount(rng.integers(0, 37, 37), minlength=37))


def test_rows_of_a_unit_are_drawn_together() -> None:
    unit = np.array([0, 0, 0, 1, 2, 2])
    weights = all_weights(6, 200, unit=unit)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 4], weights[:, 5])
    np.testing.assert_array_equal(weights[:, [0, 3, 4]].sum(axis=1), 3)


def test_another_seed_gives_other_weights() -> None:
    other = np.concatenate(list(resample_weights(37, n_boot=5, seed=12)))
    assert (other != all_weights(37, 5)).any()


def test_a_thousand_resamples_of_ten_thousand_rows_stay_under_a_hundred_megabytes() -> None:
    tracemalloc.start()
    for _ in resample_weights(10_000, n_boot=1000, seed=1):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_percentiles_are_quantiles_of_the_finite_replicates() -> None:
    replicates = np.concatenate([np.arange(101.0), [np.nan, np.nan]])
    assert percentile_interval(replicates, 0.9) == pytest.approx((5.0, 95.0))
    assert np.isnan(percentile_interval(np.full(3, np.nan), 0.9)).all()


def test_bca_is_the_percentile_interval_without_bias_and_skewness() -> None:
    replicates = np.arange(1001.0)
    influence = np.array([-1.0, 1.0])
    found = bca_interval(replicates, 500.0, influence, 0.95)
    assert found == pytest.approx(percentile_interval(replicates, 0.95), abs=1e-9)


def test_bca_of_an_exponential_mean_follows_efron() -> None:
    # Bias z0 = Phi^-1(share below), acceleration from the influence x - mean: computed by hand.
    values = np.random.default_rng(4).exponential(size=40)
    weights = np.concatenate(list(resample_weights(40, n_boot=2000, seed=5)))
    replicates = weights @ values / 40
    influence = values - values.mean()
    z0 = norm.ppf(np.mean(replicates < values.mean()))
    a = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    z = norm.ppf([0.025, 0.975])
    share = norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
    expected = np.quantile(replicates, share)
    np.testing.assert_allclose(bca_interval(replicates, values.mean(), influence, 0.95), expected, rtol=1e-12)
    assert a > 0.04


def test_bca_has_no_limits_where_all_replicates_lie_on_one_side() -> None:
    assert np.isnan(bca_interval(np.arange(10.0), -1.0, np.array([-1.0, 1.0]), 0.95)).all()


def test_studentized_interval_turns_the_quantiles_round() -> None:
    replicates = 10 + np.linspace(-1, 3, 401)
    low, high = studentized_interval(replicates, np.full(401, 2.0), 10.0, 4.0, 0.95)
    assert (low, high) == pytest.approx((10 - 4 * 2.9 / 2, 10 + 4 * 0.9 / 2))


def test_long_resamples_are_counted_from_the_same_draws() -> None:
    rng = np.random.default_rng(11)
    for row in all_weights(2500, 3):
        np.testing.assert_array_equal(row, np.bincount(rng.integers(0, 2500, 2500), minlength=2500))
