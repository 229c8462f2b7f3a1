"""Sizes of effects and their pooling against R, and against the equations that define them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from psychomet.numerics.effects.differences import (
    cohen_d,
    cohen_d_average,
    cohen_dz,
    glass_delta,
    hedges_g,
    mean_difference,
    paired_difference,
    small_sample_factor,
)
from psychomet.numerics.effects.dominance import (
    cliff_delta,
    matched_rank_biserial,
    paired_superiority,
    superiority,
)
from psychomet.numerics.effects.influence import (
    of_generalized_share,
    of_glass,
    of_independent_share,
    of_kendall,
    of_matched_order,
    of_paired_d,
    of_pooled_d,
    of_repeated_share,
    omega_slope,
)
from psychomet.numerics.effects.monotone import independent_trend, repeated_trend
from psychomet.numerics.effects.noncentral_t import noncentral_t_cdf, noncentral_t_limits
from psychomet.numerics.effects.pooling import further_limits, pool_effects, reml_tau_squared
from psychomet.numerics.effects.shares import (
    Shares,
    epsilon,
    generalized_share,
    independent_shares,
    repeated_shares,
    sphericity,
)

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "effects.json").read_text())
X, Y, A, B = (np.array(REFERENCE[name], dtype=float) for name in "xyab")
DIFFERENCE = B - A
SAME_NUMBER = 1e-10
# R's pt(ncp) warns that its series may stop at less than full precision, and uniroot at 1e-13 of the root.
NONCENTRAL = 1e-7
# metafor's root of tau squared stops at 1e-12, its Q profile at about 1e-10.
META = 1e-7
LEVEL = 0.95


@pytest.mark.parametrize("at", range(5))
def test_noncentral_t_equals_r(at: int) -> None:
    found = noncentral_t_cdf(*REFERENCE["nct"]["cases"][at])
    assert found == pytest.approx(REFERENCE["nct"]["cdf"][at], abs=NONCENTRAL)


@given(st.floats(-60, 60), st.floats(1, 500), st.floats(0.5, 0.99))
def test_noncentral_limits_solve_their_equations(t: float, df: float, level: float) -> None:
    low, high = noncentral_t_limits(t, df, conf_level=level)
    assert low < high
    assert noncentral_t_cdf(t, df, low) == pytest.approx((1 + level) / 2, abs=1e-8)
    assert noncentral_t_cdf(t, df, high) == pytest.approx((1 - level) / 2, abs=1e-8)


@pytest.mark.parametrize(
    ("t", "df", "delta"), [(0.4, 1.5, 2.0), (80.0, 12.0, 70.0), (-3.0, 7.0, -2.5), (5.0, 900.0, 4.0)]
)
def test_noncentral_t_is_the_share_of_draws(t: float, df: float, delta: float) -> None:
    rng = np.random.default_rng(4)
    drawn = (rng.normal(size=200_000) + delta) / np.sqrt(rng.chisquare(df, 200_000) / df)
    # Standard error of a share of 200,000 draws: 0.0011 at most.
    assert noncentral_t_cdf(t, df, delta) == pytest.approx(float(np.mean(drawn <= t)), abs=0.005)


def test_differences_equal_r() -> None:
    welch = mean_difference(X, Y, conf_level=LEVEL)
    expected = REFERENCE["welch"]
    assert [welch.low, welch.high] == pytest.approx(expected["ci"], rel=SAME_NUMBER)
    assert welch[4:] == pytest.approx((expected["t"], expected["df"], expected["p"]), rel=SAME_NUMBER)
    paired = paired_difference(DIFFERENCE, conf_level=LEVEL)
    expected = REFERENCE["paired"]
    assert [paired.low, paired.high] == pytest.approx(expected["ci"], rel=SAME_NUMBER)
    assert [paired.statistic, paired.p_value] == pytest.approx(
        [expected["t"], expected["p"]], rel=SAME_NUMBER
    )


def test_standardised_differences_equal_r() -> None:
    d = cohen_d(X, Y, conf_level=LEVEL)
    assert d.estimate == pytest.approx(REFERENCE["d"]["estimate"], rel=SAME_NUMBER)
    assert [d.low, d.high] == pytest.approx(REFERENCE["d"]["ci"], rel=NONCENTRAL)
    g = hedges_g(X, Y, conf_level=LEVEL)
    assert [g.estimate, g.std_error] == pytest.approx(
        [REFERENCE["g"]["estimate"], REFERENCE["g"]["se"]], rel=SAME_NUMBER
    )
    dz = cohen_dz(DIFFERENCE, conf_level=LEVEL)
    assert dz.estimate == pytest.approx(REFERENCE["dz"]["estimate"], rel=SAME_NUMBER)
    assert [dz.low, dz.high] == pytest.approx(REFERENCE["dz"]["ci"], rel=NONCENTRAL, abs=1e-8)
    glass = glass_delta(X, Y, conf_level=LEVEL)
    assert glass.estimate == pytest.approx(REFERENCE["glass"], rel=SAME_NUMBER)
    assert glass.low < glass.estimate < glass.high


def test_the_other_divisor_is_the_published_formula() -> None:
    found = cohen_d(X, Y, conf_level=LEVEL, divisor="n")
    pooled = math.sqrt((8 * X.var() + 6 * Y.var()) / 14)
    assert found.estimate == pytest.approx((X.mean() - Y.mean()) / pooled, rel=SAME_NUMBER)
    alike = (
        cohen_d(X[:7], Y, conf_level=LEVEL, divisor="n").estimate
        / cohen_d(X[:7], Y, conf_level=LEVEL).estimate
    )
    assert alike == pytest.approx(math.sqrt(7 / 6), rel=SAME_NUMBER)


def test_average_d_is_bonetts_formula() -> None:
    found = cohen_d_average(B, A, conf_level=LEVEL)
    s = math.sqrt((A.var(ddof=1) + B.var(ddof=1)) / 2)
    r = np.corrcoef(A, B)[0, 1]
    d = DIFFERENCE.mean() / s
    a, b, n = A.var(ddof=1), B.var(ddof=1), A.size
    variance = d**2 * (a**2 + b**2 + 2 * r**2 * a * b) / (8 * s**4 * (n - 1)) + DIFFERENCE.var(ddof=1) / (
        s**2 * (n - 1)
    )
    assert [found.estimate, found.std_error] == pytest.approx([d, math.sqrt(variance)], rel=SAME_NUMBER)


@pytest.mark.parametrize("df", [1.5, 8.0, 300.0])
def test_small_sample_factor_is_the_mean_of_the_inverse_scale(df: float) -> None:
    mean = stats.chi2(df).expect(lambda v: math.sqrt(df / v))
    assert small_sample_factor(df) == pytest.approx(1 / mean, rel=1e-4)


def test_dominance_equals_r_and_scipy() -> None:
    found, newcombe = superiority(X, Y, conf_level=LEVEL)
    assert found.estimate == pytest.approx(REFERENCE["superiority"], rel=SAME_NUMBER) and not newcombe
    test = stats.brunnermunzel(Y, X)
    assert [found.statistic, found.p_value] == pytest.approx([test.statistic, test.pvalue], rel=SAME_NUMBER)
    assert cliff_delta(found).estimate == pytest.approx(2 * REFERENCE["superiority"] - 1)
    matched = matched_rank_biserial(DIFFERENCE, conf_level=LEVEL)
    v, total = REFERENCE["wilcoxon_v"], 55
    assert matched.estimate == pytest.approx((2 * v - total) / total, rel=SAME_NUMBER)


def test_jackknife_of_the_matched_rank_biserial_is_leave_one_out() -> None:
    found = matched_rank_biserial(DIFFERENCE, conf_level=LEVEL)
    without = [
        matched_rank_biserial(np.delete(DIFFERENCE, i), conf_level=LEVEL).estimate
        for i in range(DIFFERENCE.size)
    ]
    error = math.sqrt((len(without) - 1) * np.var(without))
    assert found.std_error == pytest.approx(error, rel=SAME_NUMBER)


def test_without_overlap_newcombes_limits_stand_in() -> None:
    found, newcombe = superiority(np.array([5.0, 6, 7, 8]), np.array([1.0, 2, 3]), conf_level=LEVEL)
    assert newcombe and found.estimate == 1 == found.high and 0.4 < found.low < 0.9
    turned, _ = superiority(np.array([1.0, 2, 3]), np.array([5.0, 6, 7, 8]), conf_level=LEVEL)
    assert turned.low == 0 and turned.high == pytest.approx(1 - found.low, abs=1e-10)


def test_paired_superiority_counts_ties_half() -> None:
    found = paired_superiority(np.array([1.0, 2, 0, -1]), conf_level=LEVEL)
    assert found.estimate == 0.625 and found.low < 0.625 < found.high


def test_shares_of_variance_equal_r() -> None:
    expected = REFERENCE["anova"]
    found = independent_shares(np.array(expected["scores"]), np.array(expected["group"]), conf_level=LEVEL)
    assert [found.eta, found.omega, found.statistic, found.p_value] == pytest.approx(
        [expected["eta2"], expected["omega2"], expected["F"], expected["p"]], rel=1e-9
    )
    assert 0 == found.low < found.eta < found.high


def test_two_repeated_levels_are_the_paired_t() -> None:
    found = repeated_shares(np.stack([A, B], axis=1), conf_level=LEVEL)
    t = REFERENCE["paired"]["t"]
    assert [found.statistic, found.df2, found.p_value] == pytest.approx(
        [t * t, 9, REFERENCE["paired"]["p"]], rel=1e-9
    )
    assert found.eta == pytest.approx(t * t / (t * t + 9))


@pytest.mark.parametrize("at", range(2))
def test_pooling_equals_metafor(at: int) -> None:
    expected = REFERENCE["pooled"][at]
    found = pool_effects(np.array(expected["effects"]), np.array(expected["variances"]), conf_level=LEVEL)
    got = [
        found.estimate, found.std_error, found.low, found.high, found.statistic, found.p_value, found.further_low,
        found.further_high, found.tau_squared, found.tau_squared_low, found.tau_squared_high, found.i_squared,
        found.i_squared_low, found.i_squared_high, found.q, found.q_p_value,
    ]  # fmt: skip
    wanted = [expected[name] for name in ("estimate", "se", "ci", "t", "p", "pi", "tau2", "I2", "Q", "Qp")]
    flat = np.concatenate([np.atleast_1d(value) for value in wanted])
    assert got == pytest.approx(flat.tolist(), rel=META, abs=1e-10)


def test_equal_variances_have_a_closed_form() -> None:
    y = np.array([0.1, 0.5, 0.9, 0.2])
    assert reml_tau_squared(y, np.full(4, 0.03)) == pytest.approx(y.var(ddof=1) - 0.03, rel=1e-9)
    equal = pool_effects(np.full(3, 0.4), np.array([0.1, 0.2, 0.3]), conf_level=LEVEL)
    assert equal.tau_squared == 0


def test_limits_of_a_further_effect() -> None:
    y, v = (np.array(REFERENCE["pooled"][0][name]) for name in ("effects", "variances"))
    low, high = further_limits(y, v, conf_level=LEVEL)
    moved = further_limits(3 * y - 1, 9 * v, conf_level=LEVEL)
    assert moved == pytest.approx((3 * low - 1, 3 * high - 1), rel=1e-8)
    plain = pool_effects(y, v, conf_level=LEVEL)
    assert low < plain.further_low and high > plain.further_high
    # Very many effects measured without error: the quantiles of their own normal distribution.
    many = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    assert further_limits(many, np.full(2000, 1e-9), conf_level=LEVEL) == pytest.approx(
        (-1.96, 1.96), abs=0.01
    )


def test_isotonic_trend() -> None:
    means = np.array([2.0, 2.4, 2.2, 3.1, 3.0, 3.9])
    scores = means + np.array([[-0.5], [0.0], [0.5]])
    found = repeated_trend(scores, n_boot=199, seed=1)
    np.testing.assert_allclose(found.fitted, REFERENCE["isotonic"])
    assert found.rising and found.p_value == 1 / 200 and 0.98 < found.of_means < 1
    falling = independent_trend(-scores.ravel(), np.tile(np.arange(6), 3), n_boot=199, seed=1)
    assert not falling.rising and falling.p_value == 1 / 200
    np.testing.assert_allclose(falling.fitted, -np.array(REFERENCE["isotonic"]))
    assert falling.share < found.share


def test_test_of_the_trend_holds_its_level() -> None:
    rng = np.random.default_rng(20261121)
    level = np.repeat(np.arange(4), 5)
    p = [independent_trend(rng.normal(size=20), level, n_boot=39, seed=s).p_value for s in range(150)]
    # 150 tests at .10: standard error 0.024.
    assert np.mean(np.array(p) <= 0.1) < 0.1 + 3 * 0.0245


def test_sphericity_equals_r() -> None:
    expected = REFERENCE["repeated"]
    scores = np.array(expected["scores"])
    shares = repeated_shares(scores, conf_level=LEVEL)
    found = sphericity(scores, shares)
    assert [shares.statistic, shares.p_value, found.p_value] == pytest.approx(
        [expected["F"], expected["p"], expected["p_gg"]], rel=1e-9
    )
    # R prints four decimals.
    assert found.epsilon == pytest.approx(expected["epsilon4"], abs=5.1e-5)
    assert epsilon(np.stack([A, B], axis=1)) == pytest.approx(1)


def test_generalized_share_leaves_respondents_in() -> None:
    scores = np.array(REFERENCE["repeated"]["scores"])
    level = np.tile(np.arange(4), scores.shape[0])
    # Without the knowledge of who answered it is the one-way share.
    assert generalized_share(scores) == pytest.approx(
        independent_shares(scores.ravel(), level, conf_level=LEVEL).eta
    )
    moved = scores + 5 * np.arange(scores.shape[0])[:, None]
    assert repeated_shares(moved, conf_level=LEVEL).eta == pytest.approx(
        repeated_shares(scores, conf_level=LEVEL).eta
    )
    assert generalized_share(moved) < generalized_share(scores) / 2


JACKKNIFE = 0.15
"""Influence and jackknife agree to about 1 / n in groups of 30 to 180."""


def leave_one_out(estimate: Callable[[NDArray[np.intp]], float], n: int) -> NDArray[np.float64]:
    """The jackknife's influence: (n - 1) times what leaving respondents out changes."""
    without = np.array([estimate(np.delete(np.arange(n), at)) for at in range(n)])
    return (n - 1) * (without.mean() - without)


def agree(moved: NDArray[np.float64], jackknife: NDArray[np.float64]) -> None:
    assert abs(moved.mean()) < 1e-12
    assert np.corrcoef(moved, jackknife)[0, 1] > 0.93
    assert np.sum(jackknife**2) / np.sum(moved**2) == pytest.approx(1, abs=2 * JACKKNIFE)


def test_influence_of_independent_groups_is_the_jackknife() -> None:
    rng = np.random.default_rng(1)
    z, group = np.concatenate([rng.gamma(2, 1, 180), rng.normal(0, 1, 120)]), np.repeat([0, 1], [180, 120])
    x, y = z[:180], z[180:]

    def d(kept: NDArray[np.intp]) -> float:
        return cohen_d(z[kept][group[kept] == 0], z[kept][group[kept] == 1], conf_level=LEVEL).estimate

    def glass(kept: NDArray[np.intp]) -> float:
        return glass_delta(z[kept][group[kept] == 0], z[kept][group[kept] == 1], conf_level=LEVEL).estimate

    agree(np.concatenate(of_pooled_d(x, y, d(np.arange(300)))), leave_one_out(d, 300))
    agree(np.concatenate(of_glass(x, y)), leave_one_out(glass, 300))
    level = rng.integers(0, 3, 90)
    scores = 0.6 * level + rng.normal(size=90)

    def shares(kept: NDArray[np.intp]) -> Shares:
        return independent_shares(scores[kept], level[kept], conf_level=LEVEL)

    moved, whole = of_independent_share(scores, level), shares(np.arange(90))
    agree(moved, leave_one_out(lambda kept: shares(kept).eta, 90))
    slope = omega_slope(whole.eta, whole.df, whole.df2)
    agree(slope * moved, leave_one_out(lambda kept: shares(kept).omega, 90))
    step = 1e-6
    f = [eta / (1 - eta) * whole.df2 / whole.df for eta in (whole.eta, whole.eta + step)]
    omega = [whole.df * (each - 1) / (whole.df * (each - 1) + whole.df + whole.df2 + 1) for each in f]
    assert slope == pytest.approx((omega[1] - omega[0]) / step, rel=1e-4)


def test_influence_within_respondents_is_the_jackknife() -> None:
    rng = np.random.default_rng(2)
    n = 60
    x = np.round(rng.normal(size=n), 1)
    y = np.round(x + rng.gamma(1, 1, n) - 0.7, 1)
    average, within = of_paired_d(x, y)
    wins, order = of_matched_order(x - y)
    nonzero = np.isfinite(order)
    assert nonzero.sum() < n
    agree(average, leave_one_out(lambda k: cohen_d_average(x[k], y[k], conf_level=LEVEL).estimate, n))
    agree(within, leave_one_out(lambda k: cohen_dz((x - y)[k], conf_level=LEVEL).estimate, n))
    agree(wins, leave_one_out(lambda k: paired_superiority((x - y)[k], conf_level=LEVEL).estimate, n))
    kept = (x - y)[nonzero]
    agree(
        order[nonzero],
        leave_one_out(lambda k: matched_rank_biserial(kept[k], conf_level=LEVEL).estimate, kept.size),
    )
    coarse = np.round(x)
    agree(of_kendall(coarse, y), leave_one_out(lambda k: stats.kendalltau(coarse[k], y[k]).statistic, n))
    many = rng.normal(size=(n, 1)) + rng.normal(size=(n, 4)) * [1, 1, 2, 1] + 0.4 * np.arange(4)
    agree(of_repeated_share(many), leave_one_out(lambda k: repeated_shares(many[k], conf_level=LEVEL).eta, n))
    agree(of_generalized_share(many), leave_one_out(lambda k: generalized_share(many[k]), n))


def test_kendalls_influence_does_not_depend_on_the_size_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 37))
    whole = of_kendall(x, y)
    monkeypatch.setattr("psychomet.numerics.effects.influence._MAX_PAIRS", 100)
    np.testing.assert_allclose(of_kendall(x, y), whole, rtol=1e-12)
