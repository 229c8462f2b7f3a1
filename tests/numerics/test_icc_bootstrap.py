"""Bootstrap of the intraclass correlations: the same estimates, derivatives, influences, edges."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics import icc_bootstrap as boot
from psychomet.numerics.cluster_sums import linear
from psychomet.numerics.icc import FORMS, intraclass, mean_squares

# The same sums in another order.
EXACT = 1e-10
# A difference quotient of step 1e-5.
NUMERICAL = 1e-6
# The jackknife and the influence function differ by one part in n.
FIRST_ORDER = 0.05


def scores(n: int = 60, k: int = 4, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 100 + rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal(k) + rng.standard_normal((n, k))


@pytest.mark.parametrize("two_way", [True, False])
def test_the_average_form_is_that_of_the_mean_squares(two_way: bool) -> None:
    x = scores()
    form = "ICC(3,k)" if two_way else "ICC(1,k)"
    expected = {one.form: one.estimate for one in intraclass(mean_squares(x), conf_level=0.95)}[form]
    coefficient = boot.average_form(60, 4, two_way=two_way)
    sums = boot.icc_sums(x)
    assert linear(sums, coefficient).estimate == pytest.approx(expected, rel=EXACT)
    total, steps = sums.sum(axis=0), np.eye(6) * 1e-5
    difference = (coefficient(total + steps).value - coefficient(total - steps).value) / 2e-5
    np.testing.assert_allclose(coefficient(total[None]).slope[0], difference, atol=NUMERICAL)


def test_influences_are_what_leaving_a_target_out_changes() -> None:
    x = scores(200)
    squares = mean_squares(x)
    found = boot.influences(x, squares)
    assert set(found) == set(FORMS)
    for form in FORMS:
        whole = {one.form: one.estimate for one in intraclass(squares, conf_level=0.95)}[form]
        without = []
        for left in range(200):
            part = mean_squares(np.delete(x, left, axis=0))
            without.append({one.form: one.estimate for one in intraclass(part, conf_level=0.95)}[form])
        jackknife = 199 * (whole - np.array(without))
        spread = np.sqrt((found[form] ** 2).sum())
        assert np.abs(found[form] - (jackknife - jackknife.mean())).max() < FIRST_ORDER * spread, form


def test_intervals_hold_the_estimates_and_step_up() -> None:
    x = scores()
    squares = mean_squares(x)
    found = boot.bootstrap_intraclass(x, squares, n_boot=500, seed=3, conf_level=0.9)
    limits = {one.form: one for one in found}
    for one in intraclass(squares, conf_level=0.9):
        assert limits[one.form].low < one.estimate < limits[one.form].high
        assert limits[one.form].std_error > 0
    for family in "123":
        single, average = limits[f"ICC({family},1)"], limits[f"ICC({family},k)"]
        assert average.low == pytest.approx(4 * single.low / (1 + 3 * single.low), rel=EXACT)
    assert found == boot.bootstrap_intraclass(x, squares, n_boot=500, seed=3, conf_level=0.9)
    assert found != boot.bootstrap_intraclass(x, squares, n_boot=500, seed=4, conf_level=0.9)


def test_neither_unit_nor_origin_matters() -> None:
    x = scores()
    moved = 1e6 + 0.01 * x
    one, other = (
        boot.bootstrap_intraclass(y, mean_squares(y), n_boot=200, seed=1, conf_level=0.95) for y in (x, moved)
    )
    # The offset costs eight of the sixteen digits.
    np.testing.assert_allclose([row.low for row in one], [row.low for row in other], rtol=1e-5)


def test_the_spread_of_log_f_tells_long_tails_from_normal_scores() -> None:
    rng = np.random.default_rng(5)
    normal = rng.standard_normal((2000, 1)) + rng.standard_normal((2000, 5))
    tails = rng.standard_exponential((2000, 1)) + rng.standard_exponential((2000, 5))
    ratio = [free / expected for free, expected in map(boot.log_f_errors, (normal, tails))]
    # Over samples of this size the ratio of normal scores has a standard error of .03.
    assert ratio[0] == pytest.approx(1, abs=0.1)
    assert ratio[1] > 1.4


def test_too_few_targets_have_a_reason() -> None:
    x = scores(3)
    found = boot.bootstrap_intraclass(x, mean_squares(x), n_boot=200, seed=1, conf_level=0.95)
    assert all(np.isnan(one.low) and one.reason == boot.NO_RESAMPLES for one in found)
