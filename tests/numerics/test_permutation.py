"""Permutation tests: uniform rearrangements, exact size, and the numbers of their definitions."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy import stats

from psychomet.numerics.permutation import (
    mean_difference_test,
    pearson_test,
    permutation_test,
    spearman_test,
)
from psychomet.numerics.rearrangements import permuted_rows, shared_by, turns

# A chi-squared test of a fixed seed that fails at this level has found a fault, not chance.
UNLIKELY = 1e-4
# Monte Carlo errors that an estimate may be away from its expectation: 1 in 15,000 by chance.
ERRORS = 4.0
# Sums in another order.
SAME = 1e-12


def pairs(n, seed, r=0.0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, r * x + np.sqrt(1 - r * r) * rng.standard_normal(n)


def test_permuted_rows_are_uniform_over_all_orders():
    rows = np.concatenate(
        [block.copy() for block in permuted_rows(np.arange(4), n_permutations=24_000, seed=1)]
    )
    assert rows.shape == (24_000, 4)
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert counts.size == 24
    assert stats.chisquare(counts).pvalue > UNLIKELY


def test_permuted_rows_stay_within_strata_of_unequal_size():
    strata = np.array(["b", "a", "b", "c", "a", "b", "a"])
    values = np.array([10, 20, 11, 30, 21, 12, 22])
    rows = np.concatenate(
        [block.copy() for block in permuted_rows(values, n_permutations=3600, seed=2, strata=strata)]
    )
    for label in "abc":
        inside = np.sort(rows[:, strata == label], axis=1)
        assert np.array_equal(inside, np.broadcast_to(np.sort(values[strata == label]), inside.shape))
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert counts.size == 36  # 3! 3! 1!
    assert stats.chisquare(counts).pvalue > UNLIKELY


def test_every_rearrangement_of_a_circle_is_uniform():
    """Over seeds each of the g members is uniform: where a marked value lies is spread evenly over the positions."""
    n, draws, marked = 128, 60, np.zeros(128)
    marked[0] = 1.0
    assert shared_by(np.array([n])) == 2
    counts = np.zeros(n)
    for seed in range(draws):
        null = permutation_test(
            marked, [np.arange(n)], statistic=lambda y, x: y @ x, n_permutations=2 * n, seed=seed
        ).null
        counts += np.bincount(null.astype(int), minlength=n)
    assert stats.chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("sizes", [[1000], [128, 300, 512], [37]])
@pytest.mark.parametrize("shared", [1, 2, 8])
def test_turns_are_a_group_of_permutations_within_strata(sizes, shared):
    orders = turns(np.array(sizes), shared)
    ends = np.cumsum([0, *sizes])
    for order in orders:
        for start, stop in pairwise(ends):
            assert np.array_equal(np.sort(order[start:stop]), np.arange(start, stop))
    there = {order.tobytes() for order in orders}
    assert len(there) == shared
    assert all(first[second].tobytes() in there for first in orders for second in orders)


@pytest.mark.parametrize(
    ("sizes", "most"),
    [([30], 1), ([200], 4), ([1000], 16), ([50_000], 32), ([100_000], 16), ([3] * 400, 1), ([1] * 50, 1)],
)
def test_few_rows_or_small_strata_share_no_random_permutation(sizes, most):
    assert shared_by(np.array(sizes)) == most


def test_as_many_rearrangements_as_asked_for_and_the_same_again():
    x, y = pairs(1000, 3)
    for n_permutations in (1, 15, 16, 17, 9999):
        found = pearson_test(x, y, n_permutations=n_permutations, seed=5)
        assert found.null.size == n_permutations
        assert np.array_equal(found.null, pearson_test(x, y, n_permutations=n_permutations, seed=5).null)
    assert not np.array_equal(found.null, pearson_test(x, y, n_permutations=9999, seed=6).null)


@pytest.mark.parametrize("seed", range(3))
def test_p_values_of_all_permutations_of_a_small_sample(seed):
    x, y = pairs(6, seed, 0.6)
    every = np.array([stats.pearsonr(x, np.array(order)).statistic for order in permutations(y)])
    observed = stats.pearsonr(x, y).statistic
    exact = np.mean(np.abs(every) >= abs(observed) - SAME)
    found = pearson_test(x, y, n_permutations=20_000, seed=seed)
    assert found.statistic == pytest.approx(observed, abs=SAME)
    assert abs(found.p_value - exact) < ERRORS * np.sqrt(exact * (1 - exact) / 20_000) + 1 / 20_000


@pytest.mark.parametrize("n", [40, 300])
def test_spearman_against_scipy(n):
    x, y = pairs(n, 7, 1.9 / np.sqrt(n))
    x = np.round(x, 1)  # ties
    found = spearman_test(x, y, n_permutations=4000, seed=1)
    theirs = stats.permutation_test(
        (x,),
        lambda a: stats.spearmanr(a, y).statistic,
        permutation_type="pairings",
        n_resamples=999,
        rng=np.random.default_rng(2),
    )
    assert found.statistic == pytest.approx(theirs.statistic, abs=SAME)
    error = np.sqrt(found.p_value * (1 - found.p_value) * (1 / 4000 + 1 / 999))
    assert abs(found.p_value - theirs.pvalue) < ERRORS * error + 2 / 999


def test_mean_difference_against_scipy():
    rng = np.random.default_rng(4)
    values, group = rng.gamma(2.0, size=90), np.arange(90) < 30
    values[group] += 0.5
    found = mean_difference_test(values, group, n_permutations=5000, seed=1)
    assert found.statistic == pytest.approx(values[group].mean() - values[~group].mean(), abs=SAME)
    theirs = stats.permutation_test(
        (values[group], values[~group]),
        lambda a, b, axis: np.abs(a.mean(axis=axis) - b.mean(axis=axis)),
        vectorized=True, alternative="greater", n_resamples=4999, rng=np.random.default_rng(2),
    )  # fmt: skip
    error = np.sqrt(2 * found.p_value * (1 - found.p_value) / 5000)
    assert abs(found.p_value - theirs.pvalue) < ERRORS * error


def test_a_difference_between_strata_is_no_difference_of_the_groups():
    rng = np.random.default_rng(8)
    strata = np.repeat([0, 1], 60)
    group = rng.random(120) < np.where(strata, 0.8, 0.2)
    values = 3.0 * strata + rng.standard_normal(120)
    assert mean_difference_test(values, group, n_permutations=999, seed=1).p_value < 0.01
    within = mean_difference_test(values, group, n_permutations=999, seed=1, strata=strata)
    assert within.p_value > 0.05
    weights, differences = [], []
    for stratum in (0, 1):
        one, two = values[(strata == stratum) & group], values[(strata == stratum) & ~group]
        weights.append(one.size * two.size / 60)
        differences.append(one.mean() - two.mean())
    assert within.statistic == pytest.approx(np.average(differences, weights=weights), abs=SAME)


def test_clusters_are_exchanged_as_wholes():
    rng = np.random.default_rng(9)
    labels = np.repeat(np.arange(8), [3, 5, 4, 6, 2, 5, 7, 4])
    group = (np.arange(8) < 4)[labels]
    values = rng.standard_normal(8)[labels] + 0.3 * rng.standard_normal(labels.size)
    found = mean_difference_test(values, group, n_permutations=6000, seed=1, clusters=labels)
    every = []
    for treated in set(permutations([True] * 4 + [False] * 4)):
        inside = np.array(treated)[labels]
        every.append(abs(values[inside].mean() - values[~inside].mean()))
    assert len(every) == 70
    observed = values[group].mean() - values[~group].mean()
    exact = np.mean(np.array(every) >= abs(observed) - SAME)
    assert found.statistic == pytest.approx(observed, abs=SAME)
    assert abs(found.p_value - exact) < ERRORS * np.sqrt(exact * (1 - exact) / 6000) + 1 / 6000
    r = pearson_test(group.astype(float), values, n_permutations=100, seed=1, clusters=labels).statistic
    assert r == pytest.approx(stats.pearsonr(group, values).statistic, abs=SAME)


def test_studentized_statistic_is_that_of_diciccio_and_romano():
    x, y = pairs(50, 10, 0.3)
    dx, dy = x - x.mean(), y - y.mean()
    tau = np.sqrt(np.mean(dx**2 * dy**2) / (np.mean(dx**2) * np.mean(dy**2)))
    found = pearson_test(x, y, n_permutations=99, seed=1, studentized=True)
    # sqrt(n) r / tau
    assert found.statistic == pytest.approx(np.sqrt(50) * stats.pearsonr(x, y).statistic / tau, abs=1e-10)


def test_no_p_value_without_variation_and_none_is_zero():
    x, y = pairs(100, 11)
    assert np.isnan(pearson_test(np.full(100, 0.1), y, n_permutations=99, seed=1).p_value)
    assert np.isnan(spearman_test(x, np.ones(100), n_permutations=99, seed=1).p_value)
    assert pearson_test(x, x, n_permutations=99, seed=1).p_value == 0.01


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": [1.0, np.nan, 2.0]},
        {"x": [1.0, 2.0]},
        {"n_permutations": 0},
        {"strata": ["a", "b"]},
        {"clusters": [1, 1, 2]},
        {"clusters": [1, 2, 3], "strata": [1, 1, 1]},
        {"clusters": [1, 2, 3], "studentized": True},
    ],
)
def test_wrong_arguments_are_refused(arguments):
    given = {"x": [1.0, 2.0, 4.0], "y": [3.0, 1.0, 2.0], "n_permutations": 9, "seed": 1} | arguments
    with pytest.raises(ValueError):
        pearson_test(given.pop("x"), given.pop("y"), **given)


@pytest.mark.parametrize("kind", ["pearson", "spearman", "studentized", "strata", "clusters", "groups"])
def test_error_rate_is_the_nominal_one(kind):
    """Exact, so 5 of 100 whatever the distribution; 99 rearrangements, n = 130 where a random permutation serves two."""
    campaigns, hits = 1500, 0
    strata, labels = np.repeat([0, 1], 65), np.repeat(np.arange(26), 5)
    for seed in range(campaigns):
        rng = np.random.default_rng([20261121, seed])
        x, y = rng.standard_exponential(130) ** 2, rng.standard_cauchy(130)
        given = {"n_permutations": 99, "seed": seed}
        if kind == "spearman":
            p = spearman_test(x, y, **given).p_value
        elif kind == "strata":
            p = pearson_test(x + 9 * strata, y + 9 * strata, strata=strata, **given).p_value
        elif kind == "clusters":
            effect = rng.standard_normal(26)[labels]
            p = pearson_test(
                rng.standard_normal(26)[labels], x + 3 * effect, clusters=labels, **given
            ).p_value
        elif kind == "groups":
            p = mean_difference_test(x, np.arange(130) < 40, **given).p_value
        else:
            p = pearson_test(x, y, studentized=kind == "studentized", **given).p_value
        hits += p <= 0.05
    assert abs(hits / campaigns - 0.05) < ERRORS * np.sqrt(0.05 * 0.95 / campaigns)


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 200, 1000])
def test_error_rates_at_many_levels(n):
    """The p value is uniform on its grid, also where sixteen rearrangements share a random permutation."""
    campaigns, n_permutations = 10_000, 99
    found = np.empty(campaigns)
    for seed in range(campaigns):
        rng = np.random.default_rng([20261122, seed])
        x, y = rng.standard_exponential(n) ** 2, rng.standard_t(2, n)
        found[seed] = pearson_test(x, y, n_permutations=n_permutations, seed=seed).p_value
    for level in (0.01, 0.05, 0.10, 0.50):
        rate = np.mean(found <= level + SAME)
        assert abs(rate - level) < ERRORS * np.sqrt(level * (1 - level) / campaigns)


def test_sharing_a_permutation_costs_little_precision():
    """Over seeds the p value varies as that of so many independent permutations, within the two per cent and chance."""
    n, n_permutations, seeds = 1000, 999, 500
    x, y = pairs(n, 12, 0.055)
    found = [spearman_test(x, y, n_permutations=n_permutations, seed=seed) for seed in range(seeds)]
    assert found[0].shared == 16
    p = np.array([one.p_value for one in found])
    ratio = p.var(ddof=1) / (p.mean() * (1 - p.mean()) / n_permutations)
    assert 0.01 < p.mean() < 0.3
    assert abs(ratio - 1.02) < ERRORS * np.sqrt(2 / (seeds - 1))
