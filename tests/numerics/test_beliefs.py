"""Agreement beyond chance by brute force, distances, profiles, and comparisons of correlations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway, wasserstein_distance

from psychomet.numerics.association import fisher_interval
from psychomet.numerics.beliefs import (
    Distance,
    agreement_beyond_chance,
    correlation_difference,
    exchanged_p_value,
    omega_squared,
    profile_correlations,
    shuffled_p_value,
    wasserstein,
)

SAME = 1e-10
TOLERANCE = 0.5


def draw(seed: int, n: int = 30, c: int = 3, *, tie: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Beliefs and behaviours; one cell is missing on each side."""
    rng = np.random.default_rng(seed)
    belief = rng.normal(size=(n, c))
    act = tie * belief + rng.normal(size=(n, c))
    belief[2, 0], act[3, 1] = np.nan, np.nan
    return belief, act


def apart(b: float, y: float, distance: Distance) -> float:
    if distance == "within":
        return float(abs(b - y) > TOLERANCE)
    return abs(b - y) if distance == "absolute" else (b - y) ** 2


@pytest.mark.parametrize("distance", ["absolute", "squared", "within"])
def test_agreement_is_one_minus_own_over_others(distance: Distance) -> None:
    belief, act = draw(1)
    both = np.isfinite(belief) & np.isfinite(act)
    own = np.mean([apart(belief[i, c], act[i, c], distance) for i, c in np.argwhere(both)])
    chance = []
    for c in range(3):
        there = np.flatnonzero(both[:, c])
        chance += [
            np.mean([apart(belief[i, c], act[k, c], distance) for k in there if k != i]) for i in there
        ]
    found = agreement_beyond_chance(belief, act, distance=distance, tolerance=TOLERANCE)
    assert found.estimate == pytest.approx(1 - own / np.mean(chance), rel=SAME)
    left = np.array([
        agreement_beyond_chance(np.delete(belief, i, 0), np.delete(act, i, 0), distance=distance, tolerance=TOLERANCE).estimate
        for i in range(30)
    ])  # fmt: skip
    jackknife = np.sqrt(29 / 30 * ((left - left.mean()) ** 2).sum())
    assert found.std_error == pytest.approx(jackknife, rel=0.06)
    assert np.corrcoef(found.influence, -left)[0, 1] > 0.99
    assert found.low < found.estimate < found.high < 1


def test_squared_distance_is_lins_concordance() -> None:
    rng = np.random.default_rng(2)
    b = rng.normal(size=(400, 1))
    y = 0.5 + 0.7 * b + 0.4 * rng.normal(size=(400, 1))
    x, z = b[:, 0], y[:, 0]
    lin = 2 * np.cov(x, z, ddof=0)[0, 1] / (x.var() + z.var() + (x.mean() - z.mean()) ** 2)
    found = agreement_beyond_chance(b, y, distance="squared")
    # Chance is over others only, Lin's over all.
    assert found.estimate == pytest.approx(lin, abs=2 / 400)


def test_perfect_agreement_and_none_possible() -> None:
    b = np.arange(8.0)[:, None]
    found = agreement_beyond_chance(b, b.copy(), distance="absolute")
    assert found.estimate == 1 and np.isnan(found.low)
    alike = agreement_beyond_chance(np.ones((8, 1)), np.ones((8, 1)), distance="absolute")
    assert np.isnan(alike.estimate)


def test_a_tolerance_is_met_where_rounding_alone_exceeds_it() -> None:
    b = np.array([[0.1], [0.2], [0.9]])
    y = np.array([[0.3], [0.4], [0.1]])
    # 0.3 - 0.1 exceeds 0.2 in floating point.
    assert agreement_beyond_chance(b, y, distance="within", tolerance=0.2).observed == pytest.approx(1 / 3)


def test_shuffling_finds_a_tie_and_only_a_tie() -> None:
    tied = shuffled_p_value(*draw(3), distance="absolute", tolerance=0, n_boot=400, seed=1)
    assert tied == pytest.approx(1 / 401)
    loose = [
        shuffled_p_value(*draw(10 + at, tie=0.0), distance="absolute", tolerance=0, n_boot=199, seed=1)
        for at in range(60)
    ]
    assert np.mean(loose) == pytest.approx(0.5, abs=0.13)
    assert np.mean(np.array(loose) < 0.05) < 0.15


def test_wasserstein_is_scipys_and_exchange_tests_it() -> None:
    rng = np.random.default_rng(4)
    b, y = rng.normal(size=25), rng.normal(size=25) * 2
    assert float(wasserstein(b, y)) == pytest.approx(wasserstein_distance(b, y), rel=SAME)
    assert exchanged_p_value(b, b + 1.5, n_boot=399, seed=1) < 0.01
    assert exchanged_p_value(b, rng.permutation(b), n_boot=399, seed=1) > 0.9


def test_profiles() -> None:
    b = np.array([[1.0, 2, 3, np.nan], [1, 2, np.nan, np.nan], [5, 5, 5, 5], [1, 2, 3, 4]])
    y = np.array([[2.0, 4, 6, 1], [1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1.5]])
    found = profile_correlations(b, y)
    assert found[0] == pytest.approx(1) and np.isnan(found[1:3]).all()
    assert found[3] == pytest.approx(np.corrcoef(b[3], y[3])[0, 1])


def test_omega_squared_is_the_textbooks() -> None:
    rng = np.random.default_rng(5)
    groups = [rng.normal(loc, size=size) for loc, size in ((0, 8), (1, 11), (0.5, 9))]
    sums = np.array([[g.sum(), (g**2).sum(), g.size] for g in groups]).T
    f = f_oneway(*groups).statistic
    known = 2 * (f - 1) / (2 * (f - 1) + 28)
    assert float(omega_squared(*sums)) == pytest.approx(known, rel=SAME)


def test_a_published_comparison_of_correlations() -> None:
    # The example of Zou (2007): r = .396 and .179, the others correlate .088, 66 cases; limits -.093 and .517.
    limits = [fisher_interval(r, n=66, conf_level=0.95, kind="pearson")[1:] for r in (0.396, 0.179)]
    found = correlation_difference((0.396, 0.179), (limits[0], limits[1]), between=0.088, n=66)
    assert (found.low, found.high) == pytest.approx((-0.093, 0.517), abs=6e-4)


def test_the_test_of_equal_correlations_has_its_distribution() -> None:
    rng = np.random.default_rng(6)
    root = np.linalg.cholesky([[1, 0.5, 0.5], [0.5, 1, 0.6], [0.5, 0.6, 1]])
    found = []
    for _ in range(600):
        r = np.corrcoef(root @ rng.normal(size=(3, 50)))
        limits = [
            fisher_interval(one, n=50, conf_level=0.95, kind="pearson")[1:] for one in (r[0, 1], r[0, 2])
        ]
        found.append(
            correlation_difference(
                (r[0, 1], r[0, 2]), (limits[0], limits[1]), between=r[1, 2], n=50
            ).statistic
        )
    # Standard error of the mean .04, of the standard deviation .03.
    assert np.mean(found) == pytest.approx(0, abs=0.13)
    assert np.std(found) == pytest.approx(1, abs=0.1)
