"""All omegas at once: influence against deletion, resamples against drawn rows, and the interval."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from psychomet.numerics.covariance_bootstrap import resampled_moments
from psychomet.numerics.moments import correlation, covariance, moments
from psychomet.numerics.omegas import logit_interval, omega_influence, omegas, settle
from psychomet.numerics.resample import resample_weights

# The influence is the derivative; deleting one of 400 rows differs from it by terms of 1 / n.
DELETION = 0.2
EXACT = 1e-10
NAMES = {
    "ml_observed", "ml_implied", "minres", "H", "sl_total", "sl_hierarchical",
    "sl_group_0", "sl_group_1", "sl_group_2", "bifactor_total", "bifactor_hierarchical",
    "bifactor_group_0", "bifactor_group_1", "bifactor_group_2",
}  # fmt: skip


def three_groups(n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    group = np.repeat(rng.normal(size=(n, 3)), 3, axis=1)
    return 0.6 * rng.normal(size=(n, 1)) + 0.45 * group + 0.66 * rng.normal(size=(n, 9))


def matrices(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sums = moments(values)
    return covariance(sums), correlation(sums)


@pytest.mark.parametrize("holes", [False, True])
def test_influence_is_what_deleting_a_row_does(holes: bool) -> None:
    values = three_groups(400)
    if holes:
        values[np.random.default_rng(2).random(values.shape) < 0.05] = np.nan
    cov, cor = matrices(values)
    whole = settle(cov, cor, group_factors=3, seed=1)
    influence = omega_influence(values, cov, cor, whole)
    assert set(influence) == NAMES
    at = omegas(cov[None], cor[None], whole, tolerance=1e-9)
    rows = range(0, 400, 10)
    left = [matrices(np.delete(values, row, axis=0)) for row in rows]
    without = omegas(
        np.array([cov for cov, _ in left]), np.array([cor for _, cor in left]), whole, tolerance=1e-9
    )
    # Weighting by pairs is a derivative of the covariances only: with holes the correlations differ a little.
    allowed = 0.4 if holes else DELETION
    for name in NAMES:
        deleted = -399 * (without[name] - at[name])
        scale = np.std(deleted)
        # A row may carry the solution over a kink (a uniqueness leaves its bound): one in twenty may differ.
        assert np.quantile(np.abs(influence[name][list(rows)] - deleted), 0.95) < allowed * scale, name
        assert influence[name].mean() == pytest.approx(0.0, abs=1e-9)
        assert np.corrcoef(influence[name][list(rows)], deleted)[0, 1] > 0.97


@pytest.mark.parametrize("holes", [False, True])
def test_matrices_of_resamples_are_those_of_the_rows_drawn(holes: bool) -> None:
    values = np.random.default_rng(3).normal(100, 2, size=(60, 4))
    if holes:
        values[::7, 1] = np.nan
        values[3::9, 2] = np.nan
    weights = next(resample_weights(60, n_boot=4, seed=9))
    made = next(resampled_moments(values, n_boot=4, seed=9))
    np.testing.assert_array_equal(made.weights, weights)
    for row in range(4):
        cov, cor = matrices(np.repeat(values, weights[row].astype(int), axis=0))
        np.testing.assert_allclose(made.cov[row], cov, rtol=1e-9, atol=EXACT)
        np.testing.assert_allclose(made.cor[row], cor, rtol=1e-9, atol=EXACT)


@pytest.mark.parametrize("holes", [False, True])
def test_an_item_that_does_not_vary_in_a_resample_is_missing_there(holes: bool) -> None:
    values = np.random.default_rng(4).normal(size=(12, 3))
    values[1:, 2] = 5.3
    if holes:
        values[4, 0] = np.nan
    made = next(resampled_moments(values, n_boot=50, seed=1))
    flat = made.weights[:, 0] == 0
    assert 0 < flat.sum() < 50
    assert np.isnan(made.cor[flat][:, 2]).all()
    assert np.isfinite(made.cor[flat][:, :2, :2]).all()
    assert np.isfinite(made.cor[~flat]).all()


def test_thurstone_has_the_omegas_of_psych() -> None:
    stored = json.loads((Path(__file__).parents[1] / "reference" / "omega.json").read_text())["thurstone"]
    cor = np.array(stored["cor"])
    for groups, m in (("two", 2), ("three", 3)):
        expected = stored[groups]
        found = omegas(cor[None], cor[None], settle(cor, cor, group_factors=m, seed=1), tolerance=1e-8)
        assert found["sl_hierarchical"][0] == pytest.approx(expected["hierarchical"], abs=1e-4)
        assert found["sl_total"][0] == pytest.approx(expected["total"], abs=1e-5)
        own = sorted(found[f"sl_group_{f}"][0] for f in range(m))
        assert own == pytest.approx(sorted(expected["of_group"]), abs=1e-4)


def test_the_interval_is_symmetric_on_the_logit_scale_and_is_not_moved_by_a_few_heywood_cases() -> None:
    rng = np.random.default_rng(5)
    logit = rng.normal(1.2, 0.3, size=4000)
    replicates = 1 / (1 + np.exp(-logit))
    estimate = 1 / (1 + np.exp(-1.2))
    low, high = logit_interval(replicates, estimate, 0.95)
    assert np.log(low / (1 - low)) == pytest.approx(1.2 - 1.96 * 0.3, abs=0.03)
    assert np.log(high / (1 - high)) == pytest.approx(1.2 + 1.96 * 0.3, abs=0.03)
    spoilt = replicates.copy()
    spoilt[:40] = 1.0
    assert logit_interval(spoilt, estimate, 0.95) == pytest.approx((low, high), abs=0.02)
    assert logit_interval(np.array([0.9, 1.0, 1.1, 1.2]), 1.05, 0.5) == pytest.approx((0.975, 1.125))


def test_the_corrected_interval_is_moved_by_the_bias_of_the_resamples() -> None:
    logit = np.random.default_rng(6).normal(0.8, 0.3, size=4000)
    replicates = 1 / (1 + np.exp(-logit))
    low, high = logit_interval(replicates, 1 / (1 + np.exp(-1.0)), 0.95, bias_corrected=True)
    middle = (np.log(low / (1 - low)) + np.log(high / (1 - high))) / 2
    assert middle == pytest.approx(1.2, abs=0.02)
