"""Stability of effects: shares against their definition, limits against simulated draws, order over the joint region."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from psychomet.numerics.effects.stability import disturbance, effect_stability, order_kept

EXACT = 1e-10
EFFECTS = np.array([[0.50, 0.20, 0.40, -0.10], [0.70, 0.30, 0.45, 0.15], [0.30, 0.25, 0.10, 0.05]])


def two_way(effects: np.ndarray) -> tuple[float, float, float]:
    rows, columns = effects.mean(axis=1, keepdims=True), effects.mean(axis=0, keepdims=True)
    mean = effects.mean()
    rest = effects - rows - columns + mean
    m, t = effects.shape
    return (
        t * float(np.sum((rows - mean) ** 2)),
        m * float(np.sum((columns - mean) ** 2)),
        float(np.sum(rest**2)),
    )


def test_without_error_the_shares_are_those_of_the_sums_of_squares() -> None:
    found = effect_stability(EFFECTS, np.zeros((12, 12)), conf_level=0.95)
    squares = two_way(EFFECTS)
    total = sum(squares)
    shares = [found.methods.estimate, found.things.estimate, found.combinations.estimate]
    assert shares == pytest.approx([each / total for each in squares], rel=EXACT)
    msr, mse = squares[1] / 3, squares[2] / 6
    assert found.consistency.estimate == pytest.approx((msr - mse) / (msr + 2 * mse), rel=EXACT)
    # The grid of tried values has steps of 1 / 4000.
    assert found.things.low == pytest.approx(found.things.estimate, abs=3e-4)


def test_sampling_error_is_taken_out_of_every_sum_of_squares() -> None:
    rng = np.random.default_rng(1)
    root = 0.1 * rng.normal(size=(12, 12))
    cov = root @ root.T
    drawn = EFFECTS.ravel() + rng.normal(size=(40_000, 12)) @ root.T
    raw = np.array([two_way(each.reshape(3, 4)) for each in drawn])
    truth = np.array(two_way(EFFECTS))
    centre = [np.eye(size) - 1 / size for size in (3, 4)]
    forms = (
        np.kron(centre[0], np.full((4, 4), 0.25)), np.kron(np.full((3, 3), 1 / 3), centre[1]), np.kron(*centre)
    )  # fmt: skip
    bias = np.array([np.trace(form @ cov) for form in forms])
    error = raw.std(axis=0) / np.sqrt(len(raw))
    assert (np.abs(raw.mean(axis=0) - bias - truth) < 4 * error).all()
    found = effect_stability(EFFECTS, cov, conf_level=0.95)
    free = np.maximum(truth - bias, 0)
    assert found.methods.estimate == pytest.approx(free[0] / free.sum(), rel=EXACT)


def test_slopes_are_those_of_small_steps() -> None:
    cov = 1e-3 * np.eye(12)
    found = effect_stability(EFFECTS, cov, conf_level=0.95)
    step = 1e-6
    for name in ("methods", "things", "combinations", "consistency"):
        for at in ((0, 0), (2, 3)):
            moved = EFFECTS.copy()
            moved[at] += step
            after = getattr(effect_stability(moved, cov, conf_level=0.95), name).estimate
            slope = (after - getattr(found, name).estimate) / step
            assert getattr(found, name).slope[at] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_a_constant_between_methods_is_no_combination() -> None:
    additive = np.array([[0.1], [0.4]]) + np.array([0.2, 0.5, 0.9])
    found = effect_stability(additive, 1e-4 * np.eye(6), conf_level=0.95)
    assert found.combinations.estimate == 0 and found.combinations.low == 0
    assert found.consistency.estimate == pytest.approx(1) and found.consistency.high == 1
    order = order_kept(additive, 1e-4 * np.eye(6), conf_level=0.95, n_boot=500, seed=1)
    assert (order.rho[0], order.tau[0]) == pytest.approx((1, 1))


def test_equal_effects_have_no_shares() -> None:
    found = effect_stability(np.full((2, 3), 0.3), 1e-2 * np.eye(6), conf_level=0.95)
    assert np.isnan(found.methods.estimate) and (found.methods.low, found.methods.high) == (0, 1)


def test_rank_correlations_are_means_over_pairs_with_ties() -> None:
    effects = np.array([[1.0, 2, 3, 3], [2.0, 1, 4, 5], [0.0, 1, 1, 2]])
    found = order_kept(effects, np.eye(12), conf_level=0.95, n_boot=0, seed=1)
    pairs = [(0, 1), (0, 2), (1, 2)]
    rho = np.mean([stats.spearmanr(effects[a], effects[b]).statistic for a, b in pairs])
    tau = np.mean([stats.kendalltau(effects[a], effects[b]).statistic for a, b in pairs])
    assert (found.rho[0], found.tau[0]) == pytest.approx((rho, tau), rel=EXACT)
    assert np.isnan(found.rho[1])


def test_the_region_of_the_order_widens_with_the_error_and_holds_one_order() -> None:
    widths = []
    for error in (1e-4, 3e-3, 3e-2):
        low, high = order_kept(EFFECTS, error * np.eye(12), conf_level=0.95, n_boot=2000, seed=1).rho[1:]
        widths.append(high - low)
    assert widths[0] < widths[1] < widths[2]
    # With this error the nearest effects of one order lie within the region; random points alone miss them.
    assert order_kept(EFFECTS, 2e-2 * np.eye(12), conf_level=0.95, n_boot=50, seed=1).rho[2] == pytest.approx(
        1
    )


def test_disturbance_is_the_published_product() -> None:
    changes = np.array([0.2, -0.4, 0.6])
    expected = 1 / (1 + np.var(changes)) / (1 + np.mean(np.abs(changes)))
    assert disturbance(changes) == pytest.approx(expected, rel=EXACT)
    assert disturbance(np.zeros((2, 3))).tolist() == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "error"), [((0.3, 0.3, 0.2), 0.1), ((0.0, 0.5, 0.0), 0.2)])
def test_limits_cover(spread: tuple[float, float, float], error: float) -> None:
    rng = np.random.default_rng(20261121)
    m, t = 3, 5
    truth = sum(
        (size * rng.normal(size=shape) for size, shape in zip(spread, ((m, 1), (1, t), (m, t)), strict=True)),
        start=np.zeros((m, t)),
    )
    cov = error**2 * (0.7 * np.eye(m * t) + 0.3)
    root = np.linalg.cholesky(cov)
    wanted = effect_stability(truth, np.zeros_like(cov), conf_level=0.95)
    order = order_kept(truth, cov, conf_level=0.95, n_boot=0, seed=1)
    hits = np.zeros(6)
    replicates = 200
    for at in range(replicates):
        drawn = (truth.ravel() + root @ rng.normal(size=m * t)).reshape(m, t)
        found = effect_stability(drawn, cov, conf_level=0.95)
        kept = order_kept(drawn, cov, conf_level=0.95, n_boot=500, seed=at)
        hits[:4] += [
            one.low - 3e-4 <= real.estimate <= one.high + 3e-4
            for one, real in zip(found, wanted, strict=True)
        ]
        hits[4:] += [
            one[1] - EXACT <= real[0] <= one[2] + EXACT for one, real in zip(kept, order, strict=True)
        ]
    # 200 replicates at .95: standard error 0.015; the shares were found between .91 and 1, the order above.
    assert (hits / replicates > 0.88).all(), hits / replicates
