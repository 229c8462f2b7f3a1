"""Functions of sums over clusters: errors, the jackknife, scales, and resamples."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.cluster_sums import (
    Linear,
    bootstrap_limits,
    by_cluster,
    code_counts,
    delta_interval,
    jackknife_error,
    leave_one_out,
    linear,
)
from psychomet.numerics.concordance import concordance, mean, moment_sums

# Closed forms of the same number.
SAME = 1e-12


def pairs(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=n)
    return x, x + 0.5 * rng.normal(size=n)


def test_a_mean_of_single_values_has_the_usual_error() -> None:
    x, _ = pairs()
    sums = np.stack([np.ones_like(x), x], axis=1)
    found = linear(sums, mean)
    assert found.estimate == pytest.approx(x.mean(), rel=SAME)
    assert found.std_error == pytest.approx(x.std(ddof=1) / np.sqrt(50), rel=SAME)
    assert jackknife_error(leave_one_out(sums, mean)) == pytest.approx(found.std_error, rel=1e-9)
    assert found.influence.mean() == pytest.approx(0, abs=SAME)


def test_clusters_are_summed() -> None:
    values = np.arange(12.0).reshape(6, 2)
    cluster = np.array([2, 0, 0, 1, 2, 2])
    found = by_cluster(values, cluster, 4)
    np.testing.assert_array_equal(found, [[6, 8], [6, 7], [18, 21], [0, 0]])
    np.testing.assert_array_equal(
        code_counts(np.array([0, 1, 1, 0, 0, 1]), cluster, 3, 2), [[0, 2], [1, 0], [2, 1]]
    )


def test_leaving_one_out_is_a_refit() -> None:
    x, y = pairs(20)
    sums = moment_sums(x, y, cluster=np.arange(20) // 2, n_clusters=10)
    found = leave_one_out(sums, concordance)
    kept = np.arange(20) // 2 != 3
    again = moment_sums(x[kept], y[kept], cluster=np.zeros(18, dtype=int), n_clusters=1)
    assert found[3] == pytest.approx(concordance(again).value[0], rel=1e-10)


@pytest.mark.parametrize("scale", ["log_one_minus", "atanh", "logit"])
def test_intervals_stay_inside_their_scale(scale: str) -> None:
    low, high = delta_interval(0.95, 0.2, df=9, conf_level=0.95, scale=scale)  # type: ignore[arg-type]
    assert low < 0.95 < high <= 1


def test_the_identity_interval_is_students() -> None:
    low, high = delta_interval(2.0, 0.5, df=9, conf_level=0.95)
    assert (low, high) == pytest.approx((2 - 0.5 * 2.262157162740992, 2 + 0.5 * 2.262157162740992), rel=1e-9)
    low, high = delta_interval(2.0, 0.5, df=np.inf, conf_level=0.95)
    assert (low, high) == pytest.approx((2 - 0.5 * 1.959963984540054, 2 + 0.5 * 1.959963984540054), rel=1e-9)


@pytest.mark.parametrize(
    ("estimate", "error", "df", "scale"),
    [(1.0, 0.1, 9, "log_one_minus"), (1.0, 0.1, 9, "atanh"), (0.0, 0.1, 9, "logit"), (0.5, 0.0, 9, "identity"),
     (0.5, np.nan, 9, "identity"), (0.5, 0.1, 0, "identity")],
)  # fmt: skip
def test_no_interval_where_there_is_none(estimate: float, error: float, df: float, scale: str) -> None:
    assert np.isnan(delta_interval(estimate, error, df=df, conf_level=0.95, scale=scale)).all()  # type: ignore[arg-type]


def test_bootstrap_is_seeded_and_its_spread_is_the_error() -> None:
    x, y = pairs(300)
    sums = moment_sums(x, y, cluster=np.arange(300), n_clusters=300)
    found = linear(sums, concordance)
    first, again = (
        bootstrap_limits(sums, concordance, found, n_boot=800, seed=3, conf_level=0.9) for _ in range(2)
    )
    assert first == again
    assert first.kind == "studentised"
    # 800 replicates: the standard deviation of their spread is 2.5 per cent.
    assert first.std_error == pytest.approx(found.std_error, rel=0.12)
    assert first.low < found.estimate < first.high


def test_resamples_in_full_agreement_are_not_studentised() -> None:
    x = np.arange(12.0)
    y = x.copy()
    y[0] = 1.0
    sums = moment_sums(x, y, cluster=np.arange(12), n_clusters=12)
    found = linear(sums, concordance)
    limits = bootstrap_limits(sums, concordance, found, n_boot=400, seed=1, conf_level=0.95)
    assert limits.kind == "BCa"


def test_perfect_agreement_has_no_bootstrap() -> None:
    x = np.arange(12.0)
    sums = moment_sums(x, x, cluster=np.arange(12), n_clusters=12)
    limits = bootstrap_limits(
        sums, concordance, linear(sums, concordance), n_boot=200, seed=1, conf_level=0.95
    )
    assert np.isnan(limits.low)


def test_one_cluster_has_no_error() -> None:
    assert np.isnan(linear(np.array([[3.0, 6.0]]), mean).std_error)
    assert np.isnan(jackknife_error(np.array([1.0])))
    assert isinstance(linear(np.empty((0, 2)), mean), Linear)
