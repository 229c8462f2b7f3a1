"""Stochastic order with clusters and Jensen-Shannon centroids, against SciPy and by direct search."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.spatial.distance import jensenshannon

from psychomet.numerics.equivalent_forms import (
    clustered_superiority,
    counted_superiority,
    js_centroid,
    js_distance,
    mean_js_distance,
)

SAME = 1e-10
# The search over two free probabilities stops near the minimum, not at it.
FOUND = 1e-5
SEED = 20261121
REPLICATES = 2000
# 5 % tests over 15 and 40 clusters at 2,000 replicates: Monte Carlo error .005.
ERROR = (0.035, 0.075)


def test_distance_is_scipys() -> None:
    p, q = np.random.default_rng(1).dirichlet(np.ones(5), size=(2, 7))
    q[0] = [1, 0, 0, 0, 0]
    assert js_distance(p, q) == pytest.approx(jensenshannon(p, q, axis=1), abs=SAME)
    ends = js_distance(np.array([1.0, 0]), np.array([0.0, 1]))
    assert float(ends) == pytest.approx(np.sqrt(np.log(2)), rel=SAME)


def test_centroid_has_the_least_mean_divergence() -> None:
    p = np.random.default_rng(2).dirichlet([0.5, 1, 2], size=4)

    def mean_divergence(free: np.ndarray) -> float:
        centre = np.exp([*free, 0.0])
        return float(np.mean(js_distance(p, centre / centre.sum()) ** 2))

    best = optimize.minimize(
        mean_divergence, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14}
    )
    centre = np.exp([*best.x, 0.0])
    assert js_centroid(p) == pytest.approx(centre / centre.sum(), abs=FOUND)


def test_centroid_of_two_is_symmetric_and_of_equal_ones_is_itself() -> None:
    assert js_centroid(np.eye(2)) == pytest.approx([0.5, 0.5], abs=SAME)
    one = np.array([0.2, 0.0, 0.8])
    assert js_centroid(np.stack([one, one])) == pytest.approx(one, abs=1e-8)


def test_superiority_is_mann_whitneys_and_its_error_delongs() -> None:
    """With one answer per cluster the variance is DeLong's up to the divisors."""
    rng = np.random.default_rng(3)
    x, y = rng.integers(1, 6, 40).astype(float), rng.integers(2, 6, 30).astype(float)
    found = clustered_superiority(
        x, y, x_unit=np.arange(40), y_unit=np.arange(40, 70), n_units=70, conf_level=0.95
    )
    u = stats.mannwhitneyu(x, y, method="asymptotic")
    assert found.estimate == pytest.approx(u.statistic / 1200, rel=SAME)
    assert found.naive == pytest.approx(u.pvalue, rel=SAME)
    above = [np.mean((value > y) + (value == y) / 2) for value in x]
    under = [np.mean((x > value) + (x == value) / 2) for value in y]
    delong = np.var(above) / 40 + np.var(under) / 30
    assert found.std_error**2 == pytest.approx(delong * 70 / 69, rel=SAME)
    assert found.influence.sum() == pytest.approx(0, abs=SAME)
    assert found.conf_low < found.estimate < found.conf_high


@pytest.mark.parametrize("codes", [1, 2, 5])
def test_counting_by_code_is_sorting(codes: int) -> None:
    rng = np.random.default_rng(4)
    values, units = rng.integers(0, codes, size=(2, 300)), rng.integers(0, 25, size=(2, 300))
    counts = np.zeros((2, 25, codes + 1), dtype=int)
    for side in range(2):
        np.add.at(counts[side], (units[side], values[side]), 1)
    one = counted_superiority(counts[0], counts[1], conf_level=0.9)
    other = clustered_superiority(
        values[0].astype(float), values[1].astype(float), x_unit=units[0], y_unit=units[1], n_units=25,
        conf_level=0.9,
    )  # fmt: skip
    for found, wanted in zip(one, other, strict=True):
        assert found == pytest.approx(wanted, rel=SAME, abs=1e-14, nan_ok=True)


def test_mean_distance_of_counts_is_that_of_each_table() -> None:
    rng = np.random.default_rng(5)
    counts = rng.multinomial(4, [0.6, 0.3, 0.1, 0], size=(400, 3))
    counts[7] = counts[7][[2, 0, 1]]
    wanted = []
    for one in counts:
        p = one / one.sum(axis=1, keepdims=True)
        wanted.append(js_distance(p, js_centroid(p)[None]).mean())
    # The square root of a divergence of 0 makes 1e-8 of rounding.
    assert mean_js_distance(counts) == pytest.approx(wanted, abs=1e-7)
    large = counts * 10**6
    assert mean_js_distance(large) == pytest.approx(wanted, abs=1e-7)
    assert mean_js_distance(np.empty((0, 3, 4), dtype=int)).size == 0


def test_centroids_have_no_slope_left() -> None:
    """At the least mean divergence log c - mean log((p + c) / 2) is the same for all categories."""
    p = np.random.default_rng(6).dirichlet([0.2, 0.5, 1, 3], size=(50, 6))
    centre = js_centroid(p)
    slope = np.log(centre) - np.log((p + centre[:, None]) / 2).mean(axis=1)
    assert np.ptp(slope, axis=1).max() < 1e-8
    assert centre.sum(axis=1) == pytest.approx(1, abs=SAME)


def test_one_cluster_and_constants_have_no_test() -> None:
    ones, units = np.ones(5), np.zeros(5, dtype=np.intp)
    found = clustered_superiority(ones, ones, x_unit=units, y_unit=units, n_units=1, conf_level=0.95)
    assert found.estimate == 0.5 and np.isnan(found.p_value) and found.naive == 1.0


def rejected(n: int, *, shared: bool, replicates: int = REPLICATES) -> tuple[float, float]:
    """Share of tests that reject equal forms: over clusters, and as if answers were independent.

    Each of n respondents answers ten items; where ``shared`` the same ones answer both forms, else half of them each.
    """
    rng = np.random.default_rng([SEED, n, shared])
    wrong = np.zeros(2)
    for _ in range(replicates):
        own = rng.normal(size=(n, 1))
        answers = np.round(own + rng.normal(size=(2, n, 10)))
        unit = np.repeat(np.arange(n), 10)
        first, second = (unit >= 0, unit >= 0) if shared else (unit < n // 2, unit >= n // 2)
        found = clustered_superiority(
            answers[0].ravel()[first], answers[1].ravel()[second],
            x_unit=unit[first], y_unit=unit[second], n_units=n, conf_level=0.95,
        )  # fmt: skip
        wrong += found.p_value < 0.05, found.naive < 0.05
    return float(wrong[0] / replicates), float(wrong[1] / replicates)


@pytest.mark.slow
@pytest.mark.parametrize("n", [15, 40])
@pytest.mark.parametrize("shared", [True, False])
def test_the_clustered_test_errs_as_often_as_it_says(n: int, shared: bool) -> None:
    clustered, naive = rejected(n, shared=shared)
    assert ERROR[0] <= clustered <= ERROR[1]
    # The same respondents: too cautious; different ones: far too bold.
    assert naive < 0.03 if shared else naive > 0.2
