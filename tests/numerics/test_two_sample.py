"""Differences from a reference level against SciPy's tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from psychomet.numerics.comparison import independent_levels
from psychomet.numerics.two_sample import Differences, independent_differences, paired_differences

SAME = 1e-10
SIZES = (12, 30, 25, 9)


def sets(seed: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.normal(at, spread, n) for at, spread, n in zip((0, 0.4, 1, 2), (1, 1.1, 6, 1), SIZES, strict=True)
    ]


def compared(values: list[np.ndarray], pretest: float | None) -> Differences:
    moments = independent_levels(
        np.concatenate(values), np.repeat(np.arange(len(values)), [v.size for v in values])
    )
    return independent_differences(moments.n, moments.mean, moments.square, reference=1, pretest=pretest)


def test_without_pretest_it_is_welch() -> None:
    values = sets()
    found = compared(values, None)
    for at in (0, 2, 3):
        test = stats.ttest_ind(values[at], values[1], equal_var=False)
        assert [found.statistic[at], found.df[at], found.p_value[at]] == pytest.approx(
            [test.statistic, test.df, test.pvalue], rel=SAME
        )
    assert not found.pooled.any() and found.statistic[1] == 0


def test_with_pretest_variances_have_divisor_n_and_an_f_test_chooses() -> None:
    values = sets()
    found = compared(values, 0.001)
    for at in (0, 2, 3):
        first, second = values[at], values[1]
        larger, smaller = (first, second) if first.std() > second.std() else (second, first)
        p = 2 * stats.f.sf(larger.var() / smaller.var(), larger.size - 1, smaller.size - 1)
        test = stats.ttest_ind_from_stats(
            first.mean(),
            first.std(),
            first.size,
            second.mean(),
            second.std(),
            second.size,
            equal_var=p > 0.001,
        )
        assert found.pooled[at] == (p > 0.001)
        assert [found.statistic[at], found.p_value[at]] == pytest.approx(
            [test.statistic, test.pvalue], rel=SAME
        )
    assert found.pooled[[0, 2, 3]].tolist() == [True, False, True]


def test_paired_differences_are_paired_t_tests() -> None:
    scores = np.random.default_rng(5).normal([0, 0.5, 1], size=(20, 3))
    found = paired_differences(scores, reference=2)
    for at in (0, 1):
        test = stats.ttest_rel(scores[:, at], scores[:, 2])
        assert [found.statistic[at], found.df[at], found.p_value[at]] == pytest.approx(
            [test.statistic, 19, test.pvalue], rel=SAME
        )


def test_scores_that_do_not_vary_have_no_test() -> None:
    found = compared([np.full(5, 2.0), np.full(6, 3.0)], None)
    assert found.estimate[0] == -1 and np.isnan(found.statistic[0])
    assert np.isnan(paired_differences(np.tile([1.0, 2.0], (4, 1)), reference=0).statistic).all()
