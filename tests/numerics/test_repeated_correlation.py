"""Within, between and corrected correlations: against regressions, closed forms and known truths."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from psychomet.numerics.repeated_correlation import (
    Correlations,
    partial_correlation,
    repeated_correlations,
    resampled_correlations,
    respondent_sums,
    within_interval,
)

SAME_NUMBER = 1e-10
# 4,000 respondents: four standard errors of a correlation.
CLOSE = 0.06

Floats = NDArray[np.float64]


def drawn(n: int = 20, seed: int = 1, occasions: int = 6) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Truth: within -0.5, between 0.8; some respondents have fewer occasions."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), rng.integers(2, occasions + 1, n))
    person = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], n)[who]
    noise = rng.multivariate_normal([0, 0], [[2, -1], [-1, 2]], who.size)
    both = person + noise
    return both[:, 0] + 5, 3 * both[:, 1], who


def found(x: Floats, y: Floats, who: NDArray[np.intp]) -> Correlations:
    return repeated_correlations(respondent_sums(x, y=y, who=who))


def test_within_is_the_analysis_of_covariance() -> None:
    x, y, who = drawn()
    dummies = (who[:, None] == np.arange(20)).astype(float)
    left = [c - dummies @ np.linalg.lstsq(dummies, c, rcond=None)[0] for c in (x, y)]
    result = found(x, y, who)
    assert result.within == pytest.approx(stats.pearsonr(*left).statistic, rel=SAME_NUMBER)
    assert result.df == who.size - 20 - 1
    design = np.column_stack([dummies, x])
    coefficient, rss, *_ = np.linalg.lstsq(design, y, rcond=None)
    error = np.sqrt(rss[0] / result.df / (left[0] @ left[0]))
    known = 2 * stats.t.sf(abs(coefficient[-1] / error), result.df)
    p = within_interval(float(result.within), df=float(result.df), conf_level=0.95)[3]
    assert p == pytest.approx(known, rel=1e-8)


def test_between_is_the_correlation_of_means() -> None:
    x, y, who = drawn()
    means = [np.bincount(who, c) / np.bincount(who) for c in (x, y)]
    assert found(x, y, who).between == pytest.approx(stats.pearsonr(*means).statistic, rel=SAME_NUMBER)


def test_corrected_recovers_the_truth_where_the_means_do_not() -> None:
    result = found(*drawn(4000, occasions=4))
    assert result.corrected == pytest.approx(0.8, abs=CLOSE)
    assert result.within == pytest.approx(-0.5, abs=CLOSE)
    assert result.between < 0.4


def test_corrected_in_a_balanced_table_is_mean_squares() -> None:
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(12), 5)
    x, y = rng.normal(size=(2, 60)) + rng.normal(size=12)[who] * 2
    cov = np.cov([c.reshape(12, 5).mean(axis=1) for c in (x, y)])
    inside = np.mean([np.cov(x[who == i], y[who == i]) for i in range(12)], axis=0)
    sigma = cov - inside / 5
    assert found(x, y, who).corrected == pytest.approx(
        sigma[0, 1] / np.sqrt(sigma[0, 0] * sigma[1, 1]), rel=SAME_NUMBER
    )


def test_weights_are_repeated_respondents() -> None:
    x, y, who = drawn(8)
    times = np.array([2, 0, 1, 1, 3, 0, 1, 2])
    rows = np.concatenate([np.flatnonzero(who == i) for i in range(8) for _ in range(times[i])])
    again = np.concatenate(
        [np.full((who == i).sum(), number) for number, i in enumerate(np.repeat(np.arange(8), times))]
    )
    weighted = repeated_correlations(respondent_sums(x, y=y, who=who), weights=times.astype(float))
    for ours, known in zip(weighted, found(x[rows], y[rows], again), strict=True):
        assert ours == pytest.approx(known, rel=1e-9)


def test_nothing_within_or_between() -> None:
    who = np.repeat(np.arange(5), 3)
    flat = np.arange(5.0)[who] + 1e6
    moving = np.tile([0.0, 1.0, 2.0], 5) + flat
    assert np.isnan(found(flat, moving, who).within)
    same = np.tile([0.0, 1.0, 2.0], 5)
    result = found(same, moving, who)
    assert np.isnan(result.between) and np.isnan(result.corrected)


def test_a_far_off_mean_costs_nothing() -> None:
    x, y, who = drawn()
    for ours, known in zip(found(x + 1e7, y, who), found(x, y, who), strict=True):
        assert ours == pytest.approx(known, rel=1e-7)


def test_resamples_scatter_like_new_samples() -> None:
    sums = respondent_sums(drawn(300)[0], y=drawn(300)[1], who=drawn(300)[2])
    resampled = resampled_correlations(sums, n_boot=400, seed=1)
    fresh = [found(*drawn(300, seed)).within for seed in range(2, 202)]
    assert resampled.within.std() == pytest.approx(np.std(fresh), rel=0.25)
    assert np.array_equal(resampled.within, resampled_correlations(sums, n_boot=400, seed=1).within)


def test_partial_correlation_is_that_of_the_inverse() -> None:
    values = np.random.default_rng(5).normal(size=(40, 4)) @ np.random.default_rng(6).normal(size=(4, 4))
    inverse = np.linalg.inv(np.cov(values.T))
    known = -inverse[0, 3] / np.sqrt(inverse[0, 0] * inverse[3, 3])
    assert partial_correlation(values[:, 0], y=values[:, 3], held=values[:, 1:3]) == pytest.approx(known)
    assert np.isnan(partial_correlation(values[:, 1] * 2, y=values[:, 3], held=values[:, 1:3]))


def test_interval_is_that_of_scipy() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2, 25))
    known = stats.pearsonr(x, y)
    _, low, high, p = within_interval(known.statistic, df=23, conf_level=0.9)
    assert (low, high) == pytest.approx(known.confidence_interval(0.9), rel=SAME_NUMBER)
    assert p == pytest.approx(known.pvalue, rel=1e-8)
    assert np.isnan(within_interval(1.0, df=23, conf_level=0.9)).all()
    assert np.isnan(within_interval(0.2, df=1, conf_level=0.9)).all()
