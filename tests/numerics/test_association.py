"""Correlations against R, SciPy and brute force; intervals by coverage."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from psychomet.numerics.association import (
    Kind,
    bootstrap_correlations,
    correlation_test,
    fisher_interval,
    influence,
    pearson,
    rank_test,
    resample_limits,
    spearman,
)
from psychomet.numerics.resample import resample_weights

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "association.json").read_text())
X, Y = np.array(REFERENCE["x"]), np.array(REFERENCE["y"])
TIED_X, TIED_Y = np.array(REFERENCE["tied_x"]), np.array(REFERENCE["tied_y"])
# R prints 15 digits; quantiles of R and SciPy agree to about 11.
R_TOLERANCE = 1e-10
SAME_NUMBER = 1e-11
# Central differences of step 1e-6 in weights of order 1.
DIFFERENCE_TOLERANCE = 1e-7
SEED = 20261121
# 95 % intervals over 600 replicates: Monte Carlo error 0.9 %.
LEAST_COVERED = 0.92


@pytest.mark.parametrize(("x", "y", "name"), [(X, Y, "pearson"), (TIED_X, TIED_Y, "pearson_tied")])
def test_pearson_with_interval_and_test_equals_r(x: np.ndarray, y: np.ndarray, name: str) -> None:
    expected = REFERENCE[name]
    r = pearson(x, y)
    assert r == pytest.approx(expected["estimate"], rel=R_TOLERANCE)
    _, low, high = fisher_interval(r, n=x.size, conf_level=0.95, kind="pearson")
    assert (low, high) == pytest.approx((expected["low"], expected["high"]), rel=R_TOLERANCE)
    found = correlation_test(r, x.size)
    assert found == pytest.approx(
        (expected["statistic"], expected["df"], expected["p_value"]), rel=R_TOLERANCE
    )


def test_spearman_with_ties_equals_r() -> None:
    expected = REFERENCE["spearman_tied"]
    rho = spearman(TIED_X, TIED_Y)
    assert rho == pytest.approx(expected["estimate"], rel=R_TOLERANCE)
    t, _, p = correlation_test(rho, TIED_X.size)
    assert (t, p) == pytest.approx((expected["statistic"], expected["p_value"]), rel=R_TOLERANCE)
    _, low, high = fisher_interval(rho, n=TIED_X.size, conf_level=0.95, kind="spearman")
    assert (low, high) == pytest.approx((expected["low"], expected["high"]), rel=R_TOLERANCE)


@pytest.mark.parametrize("at", range(5))
def test_exact_rank_test_equals_r(at: int) -> None:
    expected = REFERENCE["exact"]
    n = expected["n"][at]
    assert spearman(X[:n], Y[:n]) == pytest.approx(expected["rho"][at], rel=R_TOLERANCE)
    assert rank_test(X[:n], Y[:n]) == pytest.approx(expected["p_value"][at], rel=R_TOLERANCE)


def test_exact_rank_test_with_ties_goes_through_all_orderings() -> None:
    x, y = np.array([1.0, 1, 2, 3, 3, 4]), np.array([2.0, 1, 1, 3, 5, 5])
    seen = abs(spearman(x, y))
    every = [abs(spearman(x, y[list(order)])) for order in permutations(range(6))]
    assert rank_test(x, y) == pytest.approx(np.mean(np.array(every) >= seen - 1e-12))
    assert np.isnan(rank_test(np.ones(5), np.arange(5.0)))


def test_means_that_differ_by_rounding_share_a_rank_whatever_the_unit() -> None:
    x = np.array([0.1 + 0.2, 0.3, 1.0, 2.0, 3.0])
    y = np.array([5.0, 1.0, 2.0, 4.0, 3.0])
    assert x[0] != x[1]
    tied = spearman(np.array([0.3, 0.3, 1.0, 2.0, 3.0]), y)
    for unit in (1.0, 1e-6, 1e6):
        assert spearman(x * unit, y) == tied
        assert rank_test(x * unit, y) == rank_test(np.array([0.3, 0.3, 1.0, 2.0, 3.0]), y)
    assert spearman(np.array([0.3, 0.3 + 1e-9, 1.0, 2.0, 3.0]), y) != tied


def test_perfect_and_undefined_correlations() -> None:
    x = np.array([0.1, 0.2, 0.3, 0.4, 0.7])
    assert pearson(x, 3 * x + 1) == pytest.approx(1)
    assert np.isnan(fisher_interval(1.0, n=5, conf_level=0.95, kind="pearson")).all()
    assert correlation_test(-1.0, 5) == (-np.inf, 3.0, 0.0)
    assert np.isnan(pearson(x, np.full(5, 0.1) * 3))
    assert np.isnan(spearman(x, np.ones(5)))
    assert np.isnan(fisher_interval(0.5, n=3, conf_level=0.95, kind="pearson")).all()
    assert np.isnan(correlation_test(float("nan"), 9)).all()


def weighted(x: np.ndarray, y: np.ndarray, w: np.ndarray, kind: Kind) -> float:
    """The correlation as a function of the weights of the respondents."""
    w = w / w.sum()
    if kind == "spearman":
        x, y = (
            np.array([w[values < at].sum() + w[values == at].sum() / 2 for at in values]) for values in (x, y)
        )
    x, y = x - w @ x, y - w @ y
    return float(w @ (x * y) / np.sqrt((w @ x**2) * (w @ y**2)))


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
@pytest.mark.parametrize(("x", "y"), [(X, Y), (TIED_X, TIED_Y)])
def test_influence_is_the_derivative(x: np.ndarray, y: np.ndarray, kind: Kind) -> None:
    found = influence(x, y, kind=kind)
    step = 1e-6
    for at in range(x.size):
        up, down = np.full((2, x.size), 1 / x.size)
        up, down = up * (1 - step), down * (1 + step)
        up[at] += step
        down[at] -= step
        slope = (weighted(x, y, up, kind) - weighted(x, y, down, kind)) / (2 * step)
        assert found[at] == pytest.approx(slope, abs=DIFFERENCE_TOLERANCE)
    assert found.mean() == pytest.approx(0, abs=SAME_NUMBER)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_influence_gives_a_standard_error(kind: Kind) -> None:
    rng = np.random.default_rng(SEED)
    draws = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=(600, 80))
    estimator = pearson if kind == "pearson" else spearman
    found = [estimator(*pair.T) for pair in draws]
    errors = [np.sqrt(np.sum(influence(*pair.T, kind=kind) ** 2)) / 80 for pair in draws]
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.1)


@given(st.integers(0, 1000), st.integers(3, 12), st.booleans())
def test_resamples_equal_recomputation(seed: int, n: int, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, 3)) + 50
    if tied:
        columns = np.round(columns)
    pairs = [(0, 1), (2, 1)]
    found = bootstrap_correlations(columns, pairs, n_boot=15, seed=seed)
    weights = np.concatenate(list(resample_weights(n, n_boot=15, seed=seed)))
    for drawn, by_pearson, by_spearman in zip(weights, found.pearson, found.spearman, strict=True):
        rows = columns[np.repeat(np.arange(n), drawn.astype(int))]
        for at, (a, b) in enumerate(pairs):
            for value, expected in (
                (by_pearson[at], pearson(rows[:, a], rows[:, b])),
                (by_spearman[at], spearman(rows[:, a], rows[:, b])),
            ):
                assert value == pytest.approx(expected, abs=SAME_NUMBER, nan_ok=True)


def test_blocks_do_not_change_the_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.random.default_rng(1).normal(size=(30, 2))
    whole = bootstrap_correlations(columns, [(0, 1)], n_boot=50, seed=4)
    monkeypatch.setattr("psychomet.numerics.association._MAX_CELLS", 200)
    parts = bootstrap_correlations(columns, [(0, 1)], n_boot=50, seed=4)
    np.testing.assert_allclose(parts.pearson, whole.pearson, rtol=SAME_NUMBER)
    np.testing.assert_allclose(parts.spearman, whole.spearman, rtol=SAME_NUMBER)


def test_resample_limits_are_wider_than_plain_percentiles_and_approach_them() -> None:
    replicates = np.random.default_rng(2).normal(size=100_000)
    wide = {n: resample_limits(replicates, n=n, conf_level=0.95) for n in (5, 20, 10_000)}
    tails = stats.norm.cdf(-np.sqrt(5 / 4) * stats.t.ppf(0.975, 4))
    assert wide[5][1] == pytest.approx(np.quantile(replicates, tails))
    assert wide[5][2] > wide[20][2] > wide[10_000][2]
    assert wide[10_000][1:] == pytest.approx(np.quantile(replicates, [0.025, 0.975]), abs=0.01)
    assert wide[20][0] == pytest.approx(1, abs=0.02)


def test_undefined_replicates_are_left_out() -> None:
    replicates = np.array([np.nan, 0.1, 0.2, np.nan, 0.3])
    assert resample_limits(replicates, n=5, conf_level=0.5) == resample_limits(
        replicates[[1, 2, 4]], n=5, conf_level=0.5
    )
    assert np.isnan(resample_limits(np.full(9, np.nan), n=5, conf_level=0.95)).all()


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_both_intervals_cover(kind: Kind) -> None:
    rng = np.random.default_rng(SEED)
    n, rho = 20, 0.5
    truth = rho if kind == "pearson" else 6 / np.pi * np.arcsin(rho / 2)
    estimator = pearson if kind == "pearson" else spearman
    inside = np.zeros(2)
    for at in range(600):
        pair = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
        drawn = bootstrap_correlations(pair, [(0, 1)], n_boot=500, seed=at)._asdict()[kind][:, 0]
        for which, (_, low, high) in enumerate(
            (
                fisher_interval(estimator(*pair.T), n=n, conf_level=0.95, kind=kind),
                resample_limits(drawn, n=n, conf_level=0.95),
            )
        ):
            inside[which] += low <= truth <= high
    assert (inside / 600 >= LEAST_COVERED).all()
