"""Tests of equal alphas: the published example, size by simulation, dependent groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from psychomet.numerics.alpha_influence import alpha_influence
from psychomet.numerics.alpha_tests import bonett_interval, cube_root_test, w_test, wald_test
from psychomet.numerics.consistency import alpha
from psychomet.numerics.moments import moments

PRINTED = 5e-4
SAMPLES = 600
# Three Monte Carlo standard errors of a share of .05 in 600 samples.
SIZE_TOLERANCE = 0.027


def test_the_example_of_feldt_woodruff_and_salih() -> None:
    found = cube_root_test(np.array([0.784, 0.875, 0.936]), n=np.array([51.0, 101.0, 151.0]), k=5)
    assert found.statistic == pytest.approx(22.926, abs=PRINTED)
    assert found.df == 2


def test_w_becomes_feldts_f_with_many_items() -> None:
    pair, n = np.array([0.784, 0.875]), np.array([51.0, 101.0])
    found = w_test(pair, n=n, k=100_000)
    w = 0.125 / 0.216
    assert found.statistic == pytest.approx(w)
    assert found.p_value == pytest.approx(2 * f_distribution.cdf(w, 50, 100), abs=1e-4)
    assert w_test(pair[::-1], n=n[::-1], k=5).p_value == pytest.approx(
        w_test(pair, n=n, k=5).p_value, abs=1e-5
    )


def pair_of_groups(rng: np.random.Generator, shared: bool) -> list[np.ndarray]:
    if not shared:
        return [rng.normal(size=(n, 1)) + rng.normal(size=(n, 5)) for n in (40, 80)]
    factor = rng.normal(size=(60, 1))
    return [factor + rng.normal(size=(60, 5)) for _ in range(2)]


@pytest.mark.parametrize("shared", [False, True])
def test_equal_alphas_are_rejected_as_often_as_they_should_be(shared: bool) -> None:
    rng = np.random.default_rng(7)
    rejected = np.zeros(3)
    for _ in range(SAMPLES):
        groups = pair_of_groups(rng, shared)
        sizes = np.array([float(len(group)) for group in groups])
        found = np.array([alpha(np.cov(group.T)) for group in groups])
        felt = [alpha_influence(group, moments(group)) for group in groups]
        if shared:
            influence = np.column_stack(felt)
        else:
            influence = np.zeros((120, 2))
            influence[:40, 0], influence[40:, 1] = felt[0] * 3, felt[1] * 1.5
        tests = (
            w_test(found, n=sizes, k=5),
            cube_root_test(found, n=sizes, k=5),
            wald_test(found, influence),
        )
        rejected += [test.p_value < 0.05 for test in tests]
    share = rejected / SAMPLES
    assert share[2] == pytest.approx(0.055, abs=SIZE_TOLERANCE)
    if shared:
        # Tests for independent groups hardly ever reject where respondents are the same.
        assert share[0] < 0.05
    else:
        assert share[0] == pytest.approx(0.05, abs=SIZE_TOLERANCE)
        # With few items the published chi-square is cautious: its variance has k + 1 where k would do.
        assert 0.005 < share[1] < 0.05


def test_what_cannot_be_tested() -> None:
    few = wald_test(np.array([0.5, 0.6, 0.7]), np.zeros((3, 3)))
    assert np.isnan(few.p_value)
    same = np.random.default_rng(1).normal(size=(40, 1))
    assert np.isnan(wald_test(np.array([0.5, 0.5]), np.repeat(same, 2, axis=1)).p_value)


def test_bonetts_interval() -> None:
    # 1 - exp(log(1 - .8) - log(50 / 49) -+ 1.959964 sqrt(2 x 5 / (4 x 48))).
    low, high = bonett_interval(0.8, n=50, k=5, conf_level=0.95)
    half = 1.959963984540054 * np.sqrt(10 / 192)
    assert low == pytest.approx(1 - 0.2 * 49 / 50 * np.exp(half))
    assert high == pytest.approx(1 - 0.2 * 49 / 50 * np.exp(-half))
