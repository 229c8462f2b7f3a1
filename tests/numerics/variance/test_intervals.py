"""Intervals: exact where the theory is exact, the formulas by hand, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from psychomet.numerics.icc import intraclass, mean_squares
from psychomet.numerics.variance import (
    balanced,
    delta_share,
    mean_square_weights,
    modified_large_sample,
    ratio_interval,
    satterthwaite,
)

# Bisection to 2^-60 of the range, and quantiles found by inversion.
SAME = 1e-9
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def weights(*component: float) -> np.ndarray:
    return mean_square_weights(balanced(SHROUT_FLEISS), component=component)


def test_one_mean_square_has_the_chi_square_interval() -> None:
    found = balanced(SHROUT_FLEISS)
    got = modified_large_sample(found.mean_square, df=found.df, weight=weights(0, 0, 1), conf_level=0.9)
    exact = found.df[2] * found.mean_square[2] / chi2.ppf([0.95, 0.05], found.df[2])
    np.testing.assert_allclose([got.low, got.high], exact, rtol=SAME)
    same = satterthwaite(found.component[2], variance=found.covariance[2, 2], conf_level=0.9)
    np.testing.assert_allclose([same.low, same.high], exact, rtol=SAME)
    assert got.std_error == pytest.approx(found.covariance[2, 2] ** 0.5, rel=SAME)


def test_ratio_of_two_mean_squares_is_the_exact_f_interval() -> None:
    found = balanced(SHROUT_FLEISS)
    expected = intraclass(mean_squares(SHROUT_FLEISS), conf_level=0.95)
    for place, share in ((2, 1.0), (5, 0.25)):
        got = ratio_interval(
            found.mean_square, df=found.df, top=weights(1, 0, 0), bottom=weights(1, 0, share), conf_level=0.95
        )
        assert got.estimate == pytest.approx(expected[place].estimate, rel=SAME)
        np.testing.assert_allclose(
            [got.low, got.high], [expected[place].low, expected[place].high], rtol=SAME
        )


def test_a_difference_crosses_zero_where_f_does() -> None:
    # The limits of MS1 - MS2 are zero exactly when F = MS1 / MS2 is the quantile.
    df = np.array([7.0, 20.0])
    quantile = f_distribution.isf(0.025, *df)
    got = modified_large_sample([quantile, 1.0], df=df, weight=[1.0, -1.0], conf_level=0.95)
    assert got.low == pytest.approx(0, abs=1e-8)
    got = modified_large_sample(
        [1 / f_distribution.isf(0.025, *df[::-1]), 1.0], df=df, weight=[1, -1], conf_level=0.95
    )
    assert got.high == pytest.approx(0, abs=1e-8)


def test_sums_follow_graybill_and_wang() -> None:
    df, square, weight = np.array([4.0, 9.0]), np.array([3.0, 2.0]), np.array([0.5, 2.0])
    got = modified_large_sample(square, df=df, weight=weight, conf_level=0.95)
    below = 1 - df / chi2.isf(0.025, df)
    above = df / chi2.ppf(0.025, df) - 1
    total = weight @ square
    assert got.low == pytest.approx(total - np.sqrt(((below * weight * square) ** 2).sum()), rel=SAME)
    assert got.high == pytest.approx(total + np.sqrt(((above * weight * square) ** 2).sum()), rel=SAME)


def test_ting_and_others_by_hand() -> None:
    # Two positive terms and a negative one: the formula written out as in Burdick and Graybill.
    df, square = np.array([5.0, 8.0, 20.0]), np.array([6.0, 3.0, 1.0])
    g = 1 - 1 / (chi2.isf(0.025, df) / df)
    h = 1 / (chi2.ppf(0.025, df) / df) - 1
    v = (g[0] * 6) ** 2 + (g[1] * 3) ** 2 + (h[2] * 1) ** 2
    for q in (0, 1):
        f = f_distribution.isf(0.025, df[q], df[2])
        v += ((f - 1) ** 2 - (g[q] * f) ** 2 - h[2] ** 2) / f * square[q] * square[2]
    both = df[0] + df[1]
    star = (1 - both / chi2.isf(0.025, both)) ** 2 * both**2 / (df[0] * df[1])
    star += -(g[0] ** 2) * df[0] / df[1] - g[1] ** 2 * df[1] / df[0]
    v += star * 6 * 3
    got = modified_large_sample(square, df=df, weight=[1, 1, -1], conf_level=0.95)
    assert got.low == pytest.approx(8 - np.sqrt(v), rel=SAME)


def test_a_stack_of_tables_is_done_at_once() -> None:
    rng = np.random.default_rng(1)
    df = np.array([9.0, 3.0, 27.0])
    square = rng.chisquare(df, size=(4, 3)) / df
    top, bottom = np.array([0.25, 0, -0.25]), np.array([0.25, 0.1, 0.65])
    many = ratio_interval(square, df=df, top=top, bottom=bottom, conf_level=0.9)
    one = ratio_interval(square[2], df=df, top=top, bottom=bottom, conf_level=0.9)
    assert many.low.shape == (4,)
    np.testing.assert_allclose([many.low[2], many.high[2]], [one.low, one.high])


def test_limits_stay_in_the_range_asked_for() -> None:
    got = ratio_interval([0.5, 1.0], df=[4, 40], top=[0.25, -0.25], bottom=[0.25, 0.75], conf_level=0.95)
    assert got.estimate < 0 and got.low == 0 and got.high > 0


def test_delta_share() -> None:
    component, covariance = np.array([2.0, 1.0]), np.diag([0.04, 0.01])
    got = delta_share(component, covariance=covariance, top=[1, 0], bottom=[1, 1], conf_level=0.95)
    # d share / d components = (1/9, -2/9).
    assert got.std_error == pytest.approx(np.sqrt(0.04 / 81 + 4 * 0.01 / 81))
    assert 0 < got.low < got.estimate < got.high < 1
    none = delta_share([0.0, 1.0], covariance=covariance, top=[1, 0], bottom=[1, 1], conf_level=0.95)
    assert none.estimate == 0 and np.isnan(none.low)
    empty = delta_share([0.0, 0.0], covariance=covariance, top=[1, 0], bottom=[1, 1], conf_level=0.95)
    assert np.isnan(empty.estimate)


def test_satterthwaite_needs_a_positive_estimate() -> None:
    got = satterthwaite([0.0, 2.0], variance=[1.0, 0.5], conf_level=0.95)
    assert np.isnan(got.low[0]) and 0 < got.low[1] < 2 < got.high[1]
