"""Polychoric correlations: R's values, probabilities, influence by weights, and what cannot be estimated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.numerics.lower_bounds import guttman_lambda
from psychomet.numerics.ordinal.answers import correlation_influence, polychoric, resampled_correlations
from psychomet.numerics.ordinal.polychoric import LIMIT, table_correlations
from psychomet.numerics.resample import resample_weights

# psych maximises with a tolerance of about 1e-5; lavaan to the last digits.
PSYCH_TOLERANCE = 3e-5
LAVAAN_TOLERANCE = 1e-6
ALPHA_TOLERANCE = 1e-4
# Differences of 1/24,000 of the weights.
INFLUENCE_TOLERANCE = 1e-4
RESAMPLE_TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    folder = Path(__file__).parents[2] / "reference"
    return json.loads((folder / "reliability_classical.json").read_text())


def codes(n: int, k: int = 4, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    latent = 0.8 * rng.normal(size=(n, 1)) + rng.normal(size=(n, k))
    return np.searchsorted([-1.0, -0.2, 0.4, 1.2], latent).astype(float)


def test_attitude_in_five_codes_equals_psych(r: dict[str, Any]) -> None:
    values = np.array(r["attitude"]["codes"], dtype=float)
    found = polychoric(values)
    np.testing.assert_allclose(found.correlation, r["attitude"]["polychoric"], atol=PSYCH_TOLERANCE)
    ordinal = guttman_lambda(found.correlation, number=3).value
    assert ordinal == pytest.approx(r["attitude"]["alpha_ordinal"], abs=ALPHA_TOLERANCE)
    assert not found.at_limit.any()


def test_bfi_equals_lavaan_and_psych(shared: Path) -> None:
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :25].dropna()
    stored = json.loads((shared / "reference" / "06_correlations.json").read_text())["results"]
    found = polychoric(wide.to_numpy(dtype=float)).correlation
    np.testing.assert_allclose(found, stored["lavCor.bfi25.complete"]["values"], atol=LAVAAN_TOLERANCE)
    psych = stored["polychoric.bfi25.complete.correct0.globalTRUE"]["rho"]["values"]
    np.testing.assert_allclose(found, psych, atol=PSYCH_TOLERANCE)


def test_a_median_split_has_sheppards_correlation() -> None:
    # P(both below their medians) = 1/4 + asin(rho) / (2 pi).
    for rho in (-0.7, 0.2, 0.95):
        same = 0.25 + np.arcsin(rho) / (2 * np.pi)
        table = np.array([[[same, 0.5 - same], [0.5 - same, same]]]) * 1000
        assert table_correlations(table).r[0] == pytest.approx(rho, abs=1e-9)


def test_the_truth_is_recovered() -> None:
    found = polychoric(codes(40_000)).correlation[np.triu_indices(4, 1)]
    np.testing.assert_allclose(found, 0.64 / 1.64, atol=0.02)


def test_labels_of_the_codes_do_not_matter_and_reversal_changes_the_sign() -> None:
    values = codes(300)
    other = values.copy()
    other[:, 0] = np.array([1.0, 5.0, 6.0, 20.0, 21.0])[values[:, 0].astype(int)]
    other[:, 1] = -values[:, 1]
    first, second = polychoric(values).correlation, polychoric(other).correlation
    sign = np.array([1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(second, first * np.outer(sign, sign), atol=1e-8)


def test_holes_leave_each_pair_the_rows_that_have_both() -> None:
    """Thresholds come from all rows of an item: rows that lack the other item move the correlation through them."""
    values = codes(300)
    values[:40, 0] = np.nan
    found = polychoric(values).correlation
    assert found[2, 3] == pytest.approx(polychoric(values[:, 2:]).correlation[0, 1], abs=1e-9)
    pair = polychoric(values[40:, :2]).correlation[0, 1]
    assert found[0, 1] != pair
    assert found[0, 1] == pytest.approx(pair, abs=0.01)


def test_what_cannot_be_estimated() -> None:
    values = codes(60)
    values[:, 2] = 3
    found = polychoric(values)
    assert np.isnan(found.correlation[2, [0, 1, 3]]).all()
    assert np.isfinite(found.correlation[0, 1])
    twice = polychoric(values[:, [0, 0]])
    assert twice.correlation[0, 1] == pytest.approx(LIMIT, abs=1e-6)
    assert twice.at_limit[0, 1]


def test_a_correction_moves_tables_with_empty_cells_alone() -> None:
    empty = np.repeat([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [200, 20, 5], axis=0)
    assert polychoric(empty).correlation[0, 1] < polychoric(empty, correct=0.5).correlation[0, 1]
    full = codes(4000)[:, :2]
    assert polychoric(full).correlation[0, 1] == polychoric(full, correct=0.5).correlation[0, 1]


@pytest.mark.parametrize("hole", [False, True])
def test_influence_is_the_derivative_in_the_weight_of_a_row(hole: bool) -> None:
    """Rows are repeated 200 times and one of them once more: a change of weight by 1/200."""
    values = codes(120)
    if hole:
        values[5, 1] = np.nan
    influence = correlation_influence(values)
    np.testing.assert_allclose(influence.mean(axis=0), 0, atol=1e-9)
    many = np.tile(values, (200, 1))
    for row in (0, 5, 77):
        more, fewer = np.concatenate([many, values[[row]]]), np.delete(many, row, axis=0)
        change = (polychoric(more).correlation - polychoric(fewer).correlation) / 2
        expected = change[np.triu_indices(4, 1)] * 200 * 120
        scale = np.abs(influence).max()
        np.testing.assert_allclose(influence[row], expected, atol=INFLUENCE_TOLERANCE * scale)


def test_resamples_are_those_of_the_repeated_rows() -> None:
    values = codes(90)
    start = polychoric(values).correlation
    found = np.concatenate(list(resampled_correlations(values, start=start, n_boot=5, seed=3)))
    weights = np.concatenate(list(resample_weights(90, n_boot=5, seed=3)))
    for matrix, times in zip(found, weights, strict=True):
        expected = polychoric(np.repeat(values, times.astype(int), axis=0)).correlation
        np.testing.assert_allclose(matrix, expected, atol=RESAMPLE_TOLERANCE)
