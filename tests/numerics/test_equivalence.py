"""Two one-sided tests: the p value and the interval say the same, and the level holds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from psychomet.numerics.equivalence import equivalence, equivalence_of_correlation

SAME_NUMBER = 1e-10


def test_the_larger_of_two_one_sided_tests() -> None:
    x = np.random.default_rng(1).normal(0.1, 1, 30)
    error = x.std(ddof=1) / np.sqrt(30)
    found = equivalence(x.mean(), std_error=error, low=-0.5, high=0.4, conf_level=0.95, df=29)
    known = max(
        stats.ttest_1samp(x, -0.5, alternative="greater").pvalue,
        stats.ttest_1samp(x, 0.4, alternative="less").pvalue,
    )
    assert found.p_value == pytest.approx(known, rel=SAME_NUMBER)
    assert (found.low, found.high) == pytest.approx(
        stats.t.interval(0.9, 29, x.mean(), error), rel=SAME_NUMBER
    )


@pytest.mark.parametrize("r", [-0.4, -0.05, 0.0, 0.12, 0.19, 0.3])
def test_claimed_when_the_interval_lies_within_the_bounds(r: float) -> None:
    found = equivalence_of_correlation(r, df=198, bound=0.2, conf_level=0.95)
    assert (found.p_value < 0.05) == (found.low > -0.2 and found.high < 0.2)
    assert found.low < r < found.high


def test_the_level_holds_at_the_bound() -> None:
    # True correlation at the bound: claims at most 5 %, Monte Carlo error 0.5 %.
    rng = np.random.default_rng(2)
    n, times = 150, 2000
    x = rng.normal(size=(times, n))
    y = 0.2 * x + np.sqrt(1 - 0.04) * rng.normal(size=(times, n))
    a, b = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    claims = [equivalence_of_correlation(v, df=n - 2, bound=0.2, conf_level=0.95).p_value < 0.05 for v in r]
    assert 0.03 < np.mean(claims) < 0.065


def test_bounds_must_ascend() -> None:
    with pytest.raises(ValueError, match="not ascending"):
        equivalence(0.0, std_error=1.0, low=0.2, high=-0.2, conf_level=0.95)
