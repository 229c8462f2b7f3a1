"""Kernels, their factors and what two of them give, against full matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from psychomet.numerics.dependence import sides as module
from psychomet.numerics.dependence.kernels import (
    Kernel,
    block,
    factor,
    indicators,
    median_distance,
    on_circle,
    standardised,
)
from psychomet.numerics.dependence.null import gamma_p, permutation_moments, share_p
from psychomet.numerics.dependence.sides import (
    cluster_moments,
    pair_rows,
    pair_total,
    permuted_totals,
    side,
)

FACTOR = 1e-8  # a factor leaves out 1e-10 of the diagonal
EXACT = 1e-11  # the same sums in another order


def full(kernel: Kernel) -> np.ndarray:
    """The centred kernel, as written in the papers: H K H."""
    n = len(kernel.points)
    centre = np.eye(n) - 1 / n
    gaps = np.sqrt(((kernel.points[:, None] - kernel.points[None]) ** 2).sum(2))
    if kernel.form == "gaussian":
        matrix = np.exp(-(gaps**2) / (2 * kernel.width**2))
    elif kernel.form == "distance":
        matrix = -gaps
    else:
        matrix = kernel.points @ kernel.points.T
    return centre @ matrix @ centre


def kernels(n: int, seed: int = 1) -> dict[str, Kernel]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    wide = rng.normal(size=(n, 12))
    return {
        "number": Kernel(standardised(x), "gaussian", 0.7),
        "distance": Kernel(standardised(x), "distance"),
        "circle": Kernel(on_circle(rng.integers(0, 12, n), 12), "gaussian", 1.1),
        "vector": Kernel(wide, "gaussian", median_distance(wide)),
        "distant vector": Kernel(wide, "distance"),
        "nominal": Kernel(indicators(rng.integers(0, 5, n)), "linear"),
    }


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every kernel but the smooth and the nominal ones go by tiles, several of them."""
    monkeypatch.setattr(module, "LEVELS", 16)
    monkeypatch.setattr(module, "TILE", 37)


@pytest.mark.parametrize("pair", list(itertools.combinations_with_replacement(kernels(4), 2)), ids=" ".join)
def test_pairs_equal_full_matrices(pair: tuple[str, str], tiles: None) -> None:
    made = kernels(150)
    k, other = (full(made[name]) for name in pair)
    first, second = (side(made[name]) for name in pair)
    assert first.trace == pytest.approx(np.trace(k), rel=FACTOR)
    assert first.square == pytest.approx((k * k).sum(), rel=FACTOR)
    np.testing.assert_allclose(first.diagonal, np.diag(k), atol=FACTOR)
    np.testing.assert_allclose(
        pair_rows(first, second), (k * other).sum(1), atol=FACTOR * np.abs(k * other).sum()
    )
    assert pair_total(first, second) == pytest.approx((k * other).sum(), rel=FACTOR)


def test_which_kernels_have_a_factor(tiles: None) -> None:
    made = {name: side(kernel).factor is not None for name, kernel in kernels(150).items()}
    assert made == {
        "number": True, "distance": False, "circle": True, "vector": False, "distant vector": False,
        "nominal": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "pair", [("number", "nominal"), ("number", "vector"), ("vector", "distance")], ids=" ".join
)
def test_moments_of_clusters(pair: tuple[str, str], tiles: None) -> None:
    made = kernels(150)
    cluster = np.unique(np.random.default_rng(3).integers(0, 40, 150), return_inverse=True)[1]
    groups = int(cluster.max()) + 1
    sums = np.zeros((groups, groups))
    np.add.at(sums, (cluster[:, None], cluster[None]), full(made[pair[0]]) * full(made[pair[1]]))
    found = cluster_moments(side(made[pair[0]]), side(made[pair[1]]), cluster)
    assert found.trace == pytest.approx(np.trace(sums), rel=FACTOR)
    assert found.square == pytest.approx((sums**2).sum(), rel=FACTOR)
    assert found.own == pytest.approx((np.diag(sums) ** 2).sum(), rel=FACTOR)
    assert found.variance == pytest.approx(2 * ((sums**2).sum() - (np.diag(sums) ** 2).sum()), rel=FACTOR)


@pytest.mark.parametrize("pair", [("number", "nominal"), ("vector", "distance")], ids=" ".join)
def test_permuted_totals_are_those_of_permuted_rows(pair: tuple[str, str], tiles: None) -> None:
    made = kernels(80)
    orders = [np.random.default_rng(seed).permutation(80) for seed in range(3)]
    k, other = (full(made[name]) for name in pair)
    wanted = [(k[np.ix_(order, order)] * other).sum() for order in orders]
    found = list(permuted_totals(side(made[pair[0]]), side(made[pair[1]]), iter(orders)))
    np.testing.assert_allclose(found, wanted, rtol=FACTOR)


def test_permutation_moments_are_those_of_all_permutations() -> None:
    made = kernels(7)
    first, second = side(made["nominal"]), side(made["number"])
    orders = (np.array(order) for order in itertools.permutations(range(7)))
    totals = np.fromiter(permuted_totals(first, second, orders), float)
    mean, variance = permutation_moments(first, second)
    assert mean == pytest.approx(totals.mean(), rel=EXACT)
    assert variance == pytest.approx(totals.var(), rel=EXACT)


def test_factor_of_ties_stands_for_every_row() -> None:
    points = standardised(np.random.default_rng(1).integers(0, 9, 300))
    kernel = Kernel(points, "gaussian", 0.5)
    columns, left = factor(kernel, most=64)
    assert columns.shape[1] <= 9
    assert left < FACTOR
    np.testing.assert_allclose(columns @ columns.T, block(kernel, slice(None), slice(None)), atol=FACTOR)


def test_factor_that_is_cut_short_says_how_much_it_left() -> None:
    kernel = Kernel(np.random.default_rng(1).normal(size=(200, 10)), "gaussian", 1.0)
    columns, left = factor(kernel, most=20)
    assert columns.shape == (200, 20)
    assert left == pytest.approx(1 - (columns**2).sum() / 200, rel=1e-9)
    assert left > 0.5


def test_median_distance_and_constant_features() -> None:
    assert median_distance(np.array([[0.0], [0.0], [1.0], [3.0]])) == 2.0
    assert median_distance(np.zeros((5, 1))) == 1.0
    assert (standardised(np.full(5, 3.3)) == 0).all()
    december, january = on_circle(np.array([12, 1]), 12)
    june = on_circle(np.array([6]), 12)[0]
    assert np.linalg.norm(december - january) < np.linalg.norm(december - june)


def test_p_values() -> None:
    assert np.isnan(gamma_p(1.0, 0.0, 1.0))
    assert gamma_p(-1.0, 1.0, 1.0) == 1.0
    assert gamma_p(3.0, 1.0, 1.0) == pytest.approx(np.exp(-3.0), rel=1e-12)
    assert share_p(2.0, np.array([1.0, 2.0, 3.0])) == 0.75
    assert share_p(4.0, np.array([1.0, 2.0, 3.0])) == 0.25


def test_the_same_code_runs_on_another_array_library(tiles: None) -> None:
    jax = pytest.importorskip("jax", reason="needs the extra jax")
    made = kernels(150)
    with jax.enable_x64(True):
        there = [side(made[name], xp=jax.numpy) for name in ("vector", "distance")]
        rows = pair_rows(*there, xp=jax.numpy)
    here = [side(made[name]) for name in ("vector", "distance")]
    np.testing.assert_allclose(rows, pair_rows(*here), rtol=FACTOR, atol=FACTOR)
