"""Moments: equal to NumPy and R, mergeable, and steady under a large offset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from psychomet.numerics.moments import correlation, covariance, means, merge, moments, negligible

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "reliability.json").read_text())
# R prints 15 digits; sums of 30 products of two-digit integers lose nothing more.
R_TOLERANCE = 1e-12
# Sums in another order: a few units in the last place.
ORDER_TOLERANCE = 1e-12


def with_holes(share: float = 0.2, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 1, size=(60, 1)) + rng.normal(size=(60, 5))
    values[rng.random(values.shape) < share] = np.nan
    return values


def attitude(holes: bool) -> np.ndarray:
    values = np.array(REFERENCE["data"], dtype=float)
    if holes:
        for row, column in REFERENCE["holes"]:
            values[row - 1, column - 1] = np.nan
    return values


@pytest.mark.parametrize(("holes", "name"), [(False, "attitude"), (True, "attitude_holes")])
def test_covariance_and_correlation_equal_r_pairwise(holes: bool, name: str) -> None:
    sums = moments(attitude(holes))
    np.testing.assert_allclose(covariance(sums), REFERENCE[name]["cov"], rtol=R_TOLERANCE)
    np.testing.assert_allclose(correlation(sums), REFERENCE[name]["cor"], rtol=R_TOLERANCE)
    np.testing.assert_allclose(means(sums), REFERENCE[name]["mean"], rtol=R_TOLERANCE)


def test_the_pairwise_correlation_is_not_the_scaled_pairwise_covariance() -> None:
    cov = covariance(moments(with_holes()))
    scaled = cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    assert np.abs(scaled - correlation(moments(with_holes()))).max() > 0.01


def test_two_parts_with_other_origins_add_up_to_the_whole() -> None:
    values = with_holes()
    whole = moments(values)
    parts = merge(moments(values[:23]), moments(values[23:], origin=np.full(5, 7.0)))
    np.testing.assert_array_equal(parts.count, whole.count)
    np.testing.assert_allclose(covariance(parts), covariance(whole), rtol=ORDER_TOLERANCE)
    np.testing.assert_allclose(correlation(parts), correlation(whole), rtol=ORDER_TOLERANCE)
    np.testing.assert_allclose(means(parts), means(whole), rtol=ORDER_TOLERANCE)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = covariance(moments(with_holes()))
    monkeypatch.setattr("psychomet.numerics.moments._BLOCK_CELLS", 35)
    np.testing.assert_allclose(covariance(moments(with_holes())), whole, rtol=ORDER_TOLERANCE)


def test_a_large_offset_costs_no_digits() -> None:
    values = np.round(with_holes(0.0), 3)
    near = covariance(moments(values))
    # 2^33 + x keeps about 6 decimals of x; the textbook formula would keep none.
    far = covariance(moments(np.round(values * 1024) / 1024 + 2.0**33))
    np.testing.assert_allclose(far, covariance(moments(np.round(values * 1024) / 1024)), rtol=1e-12)
    assert np.abs(far - near).max() < 0.01


def test_pairs_with_too_few_rows_have_no_covariance() -> None:
    values = np.array([[1.0, np.nan], [2.0, np.nan], [4.0, 1.0], [np.nan, 3.0]])
    cov = covariance(moments(values))
    assert np.isnan(cov[0, 1])
    assert cov[0, 0] == pytest.approx(np.var([1, 2, 4], ddof=1))


def test_a_constant_column_has_no_correlation_even_where_its_mean_is_rounded() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([np.full(49, 0.1), rng.normal(size=49), rng.normal(size=49)])
    found = correlation(moments(values))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:, 1:]).all()


def test_negligible_tells_rounding_from_variance() -> None:
    assert negligible(np.array(1e-17), np.array(1.0), np.array(10.0))
    assert not negligible(np.array(1e-12), np.array(1.0), np.array(10.0))
    assert negligible(np.array(0.0), np.array(0.0), np.array(10.0))


def test_no_rows_and_all_holes_give_nan_not_an_error() -> None:
    assert np.isnan(covariance(moments(np.empty((0, 3))))).all()
    assert np.isnan(means(moments(np.full((4, 2), np.nan)))).all()
