"""Sizes of dependence: bias correction, influence, limits; and the randomised tests."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.dependence.conditional import conditional_test, residual_factor
from psychomet.numerics.dependence.effects import cramer_v, kernel_correlation, pooled_v
from psychomet.numerics.dependence.fourier import randomised_test
from psychomet.numerics.dependence.kernels import Kernel, indicators, standardised
from psychomet.numerics.dependence.sides import pair_rows, side

SAME = 1e-9  # factors leave out 1e-10 of a kernel
STEP = 1e-3  # a derivative by differences


def bias_corrected(x: np.ndarray, y: np.ndarray) -> float:
    """The bias-corrected distance correlation as Szekely and Rizzo define it: U-centred distances."""
    n = len(x)
    centred = []
    for values in (x, y):
        d = np.abs(values[:, None] - values)
        u = d - d.sum(0) / (n - 2) - d.sum(1)[:, None] / (n - 2) + d.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(u, 0)
        centred.append(u)
    a, b = centred
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def size(x: np.ndarray, y: np.ndarray, **options: object) -> object:
    first, second = (side(Kernel(v[:, None], "distance")) for v in (x, y))
    return kernel_correlation(first, second, pair_rows(first, second), conf_level=0.95, **options)


def pair(n: int, slope: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, slope * x + rng.normal(size=n)


def test_distance_correlation_is_that_of_u_centred_distances() -> None:
    x, y = pair(60, 0.8)
    found = size(x, y)
    assert found.estimate**2 == pytest.approx(bias_corrected(x, y), rel=1e-9)
    assert found.low < found.estimate < found.high


def test_below_zero_is_zero_with_a_limit() -> None:
    x, y = next(p for p in (pair(60, 0.0, seed) for seed in range(50)) if bias_corrected(*p) < -0.01)
    found = size(x, y)
    assert found.estimate == 0
    assert found.low == 0
    assert 0 < found.high < 0.5
    assert found.influence is None


def test_influence_is_the_derivative() -> None:
    x, y = pair(200, 1.0)
    found = size(x, y)
    heavier = np.concatenate(
        [np.repeat(np.arange(200), 20), np.zeros(4, dtype=int)]
    )  # respondent 0 weighs 24/20
    base = np.repeat(np.arange(200), 20)
    k, other = (np.abs(v[:, None] - v) for v in (x, y))

    def squared(rows: np.ndarray) -> float:
        w = np.bincount(rows, minlength=200) / rows.size
        out = []
        for a in (k, other):
            m = a @ w
            out.append(a - m - m[:, None] + w @ m)
        weight = np.outer(w, w)
        return float((weight * out[0] * out[1]).sum() / np.sqrt((weight * out[0] ** 2).sum() * (weight * out[1] ** 2).sum()))  # fmt: skip

    share = 4 / heavier.size
    slope = (np.sqrt(squared(heavier)) - np.sqrt(squared(base))) / share
    assert found.influence is not None
    assert found.influence.mean() == pytest.approx(0, abs=1e-3)
    assert found.influence[0] == pytest.approx(slope, rel=0.1)


def test_clusters_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    s = rng.normal(size=60)
    x, y = np.repeat(s, 5) + 0.3 * rng.normal(size=300), np.repeat(s, 5) + 0.3 * rng.normal(size=300)
    alone, together = size(x, y), size(x, y, cluster=np.repeat(np.arange(60), 5))
    assert together.estimate == alone.estimate
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_cramer_v_of_a_table_done_by_hand() -> None:
    # chi-square 20, n 100, 2 x 3: phi^2 = .2 - 2/99; r' = 2 - 1/99, c' = 3 - 4/99
    found = cramer_v(20.0, n=100, shape=(2, 3), conf_level=0.95)
    assert found.estimate == pytest.approx(np.sqrt((0.2 - 2 / 99) / (1 - 1 / 99)), rel=1e-12)
    assert found.low < found.estimate < found.high
    assert cramer_v(1.0, n=100, shape=(2, 3), conf_level=0.95).estimate == 0
    assert cramer_v(1.0, n=100, shape=(2, 3), conf_level=0.95).low == 0
    assert np.isnan(cramer_v(1.0, n=100, shape=(1, 3), conf_level=0.95).estimate)


def test_pooled_v_of_one_stratum_is_near_cramer_v() -> None:
    one = cramer_v(40.0, n=1000, shape=(3, 4), conf_level=0.9)
    pooled = pooled_v(40.0, df=6, room=2000, conf_level=0.9)
    assert pooled.estimate == pytest.approx(one.estimate, rel=2e-3)
    assert pooled.low == pytest.approx(one.low, rel=2e-3)


def test_residual_factor_is_that_of_full_matrices() -> None:
    rng = np.random.default_rng(1)
    n, width = 120, 1.2
    z = standardised(rng.normal(size=n))
    x = standardised(rng.normal(size=n) + z[:, 0])
    centre = np.eye(n) - 1 / n

    def gaussian(points: np.ndarray) -> np.ndarray:
        gaps = ((points[:, None] - points[None]) ** 2).sum(2)
        return centre @ np.exp(-gaps / (2 * width**2)) @ centre

    r = 1e-3 * np.linalg.inv(gaussian(z) + 1e-3 * np.eye(n))
    for joined in (True, False):
        made = residual_factor(x, z, width=width, joined=joined)
        wanted = r @ gaussian(np.hstack([x, z / 2]) if joined else x) @ r
        np.testing.assert_allclose(made.factor @ made.factor.T, wanted, atol=1e-6)
        squared = r @ r
        scale = np.trace(squared @ squared) / (np.diag(squared) ** 2).sum()
        assert made.scale == pytest.approx(scale, rel=1e-6)
        assert made.left < SAME * 100


def test_conditional_test_finds_what_is_left_and_no_more() -> None:
    rng = np.random.default_rng(1)
    n = 300
    z = rng.normal(size=n)
    x, y = np.sin(z) + 0.5 * rng.normal(size=n), z**2 + 0.5 * rng.normal(size=n)
    given = standardised(z)

    def p(first: np.ndarray, second: np.ndarray) -> float:
        parts = [
            residual_factor(standardised(v), given, width=0.7, joined=v is first) for v in (first, second)
        ]
        return conditional_test(parts[0], parts[1]).p_value

    assert p(x, y) > 0.05
    assert p(x, y + x) < 1e-6


def test_randomised_test_is_seeded_and_uses_every_draw() -> None:
    x, y = (standardised(v) for v in pair(300, 0.2))
    first, again, other = (randomised_test(x, y, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.low < first.p_value < first.high
    # Many features: draws agree where five features, as published, are a lottery.
    few = [
        randomised_test(x, y, rng=np.random.default_rng(s), features=5, draws=1).p_value for s in range(20)
    ]
    many = [randomised_test(x, y, rng=np.random.default_rng(s)).p_value for s in range(20)]
    assert np.std(np.log(few)) > 3 * np.std(np.log(many))


def test_randomised_test_given_a_common_cause() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=500)
    x, y = np.sin(z) + 0.5 * rng.normal(size=500), z + 0.5 * rng.normal(size=500)
    made = [standardised(v) for v in (x, y, z)]
    assert randomised_test(made[0], made[1], rng=rng).p_value < 1e-10
    assert randomised_test(made[0], made[1], given=made[2], rng=rng).p_value > 0.01


def test_indicators_are_no_lottery() -> None:
    rng = np.random.default_rng(1)
    x, y = indicators(rng.integers(0, 4, 200)), indicators(rng.integers(0, 3, 200))
    found = randomised_test(x, y, rng=rng, nominal=(True, True))
    assert found.low == found.high
