"""Thresholds, polychoric correlations and their covariance: lavaan's values, derivatives, and what is absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.ordinal import ordinal_moments
from psychomet.numerics.ordinal.polychoric import LIMIT
from psychomet.numerics.ordinal.smoothing import smoothed_correlation

# lavaan stops the search for a correlation at about 1e-8.
LAVAAN = 1e-6
# Its covariance feels that in the fourth decimal at worst.
LAVAAN_GAMMA = 1e-5
# psych searches each correlation to about 1e-5.
PSYCH = 3e-5
SAME = 1e-10


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "ordinal.json").read_text())


def codes_of(rows: list[list[int | None]]) -> np.ndarray:
    return np.array([[-1 if value is None else value for value in row] for row in rows])


def simulated(n: int = 300, k: int = 4, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    latent = 0.8 * rng.normal(size=(n, 1)) + rng.normal(size=(n, k))
    return np.searchsorted([-1.0, -0.2, 0.4, 1.2], latent)


@pytest.mark.parametrize(
    ("data", "values", "missing"), [("data", "complete", "complete"), ("holes", "pairwise", "available")]
)
def test_moments_and_gamma_are_lavaans(r: dict[str, Any], data: str, values: str, missing: Any) -> None:
    found = ordinal_moments(codes_of(r[data]), missing=missing)
    stored = r[values]
    lower = found.correlation.T[np.triu_indices(5, 1)]
    np.testing.assert_allclose(np.concatenate([found.thresholds, lower]), stored["observed"], atol=LAVAAN)
    np.testing.assert_allclose(found.gamma, stored["gamma"], atol=LAVAAN_GAMMA)
    assert found.n == stored["n"]
    assert found.item.tolist() == np.repeat(np.arange(5), [1, 2, 4, 3, 4]).tolist()


def test_correlations_are_psychs(r: dict[str, Any]) -> None:
    found = ordinal_moments(codes_of(r["data"]), gamma=False)
    np.testing.assert_allclose(found.correlation, r["psych"], atol=PSYCH)
    assert found.gamma is None


@pytest.mark.parametrize("missing", ["complete", "available"])
def test_the_diagonal_comes_from_the_counts_alone(r: dict[str, Any], missing: Any) -> None:
    with_gamma = ordinal_moments(codes_of(r["holes"]), missing=missing)
    without = ordinal_moments(codes_of(r["holes"]), missing=missing, gamma=False)
    assert with_gamma.gamma is not None
    np.testing.assert_allclose(without.variance, np.diagonal(with_gamma.gamma), rtol=SAME)
    np.testing.assert_array_equal(without.pairs, with_gamma.pairs)


def test_units_of_one_row_are_rows_and_doubled_rows_are_one_unit() -> None:
    values = simulated(200)
    alone = ordinal_moments(values)
    named = ordinal_moments(values, unit=np.arange(200)[::-1])
    np.testing.assert_allclose(named.gamma, alone.gamma, rtol=SAME)
    twice = ordinal_moments(np.repeat(values, 2, axis=0), unit=np.repeat(np.arange(200), 2))
    assert twice.gamma is not None and alone.gamma is not None
    # Covariance of the estimates = gamma / n must not shrink because every row stands twice.
    np.testing.assert_allclose(twice.gamma / 400, alone.gamma / 200, rtol=1e-8)
    light = ordinal_moments(np.repeat(values, 2, axis=0), unit=np.repeat(np.arange(200), 2), gamma=False)
    np.testing.assert_allclose(light.variance, np.diagonal(twice.gamma), rtol=SAME)


def test_reversal_changes_signs_alone() -> None:
    values = simulated()
    other = values.copy()
    other[:, 1] = 4 - values[:, 1]
    first, second = ordinal_moments(values), ordinal_moments(other)
    sign = np.array([1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(second.correlation, first.correlation * np.outer(sign, sign), atol=1e-8)
    np.testing.assert_allclose(second.thresholds[4:8], -first.thresholds[4:8][::-1], atol=SAME)
    np.testing.assert_allclose(second.variance[16:], first.variance[16:], rtol=1e-7)


def test_gaps_in_the_codes_do_not_matter() -> None:
    values = simulated()
    first, second = ordinal_moments(values), ordinal_moments(values * 3 + 2)
    np.testing.assert_allclose(second.gamma, first.gamma, rtol=SAME)


def test_items_that_do_not_vary_and_twins() -> None:
    values = simulated(80)
    values[:, 2] = 3
    values[:, 3] = values[:, 0]
    found = ordinal_moments(values)
    assert np.isnan(found.correlation[2, [0, 1, 3]]).all()
    assert np.isfinite(found.correlation[0, 1])
    assert found.correlation[0, 3] == pytest.approx(LIMIT, abs=1e-6)
    assert found.at_limit[0, 3] and not found.at_limit[0, 1]
    assert 2 not in found.item


def test_nothing_at_all() -> None:
    found = ordinal_moments(np.full((10, 3), -1), missing="available")
    assert found.n == 0
    assert found.thresholds.size == 0
    assert np.isnan(found.correlation[np.triu_indices(3, 1)]).all()


def test_empty_cells_are_counted_and_corrected() -> None:
    table = np.array([[200, 0, 5], [20, 30, 10], [1, 9, 25]])
    rows = np.array([(i, j) for i in range(3) for j in range(3) for _ in range(table[i, j])])
    plain, corrected = ordinal_moments(rows), ordinal_moments(rows, correct=0.5)
    assert plain.empty_cells[0, 1] == 1 and plain.empty_cells[0, 0] == 0
    assert corrected.correlation[0, 1] < plain.correlation[0, 1]
    full = rows[rows.sum(axis=1) != 1]
    np.testing.assert_array_equal(plain.thresholds, corrected.thresholds)
    assert ordinal_moments(full).n == len(full)


def test_smoothing_is_psychs(r: dict[str, Any]) -> None:
    found, changed = smoothed_correlation(np.array(r["smooth"]["before"]))
    assert changed
    np.testing.assert_allclose(found, r["smooth"]["after"], atol=1e-10)
    same, changed = smoothed_correlation(np.eye(3))
    assert not changed and (same == np.eye(3)).all()


def test_smoothing_on_request() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(0, 3, size=(40, 12))
    values[rng.random(values.shape) < 0.5] = -1
    raw = ordinal_moments(values, missing="available", gamma=False)
    assert np.linalg.eigvalsh(raw.correlation)[0] < 0 and not raw.smoothed
    near = ordinal_moments(values, missing="available", gamma=False, smooth=True)
    assert near.smoothed and np.linalg.eigvalsh(near.correlation)[0] > 0


def test_a_hundred_items_have_the_values_of_single_pairs() -> None:
    rng = np.random.default_rng(8)
    widths = rng.integers(2, 8, size=30)
    latent = rng.normal(size=(500, 1)) + rng.normal(size=(500, 30))
    values = np.stack(
        [
            np.searchsorted(np.quantile(x, np.arange(1, c) / c), x)
            for x, c in zip(latent.T, widths, strict=True)
        ],
        axis=1,
    )
    whole = ordinal_moments(values, gamma=False)
    for j, other in ((0, 1), (3, 17), (28, 29)):
        pair = ordinal_moments(values[:, [j, other]], gamma=False)
        assert whole.correlation[j, other] == pytest.approx(pair.correlation[0, 1], abs=1e-9)
