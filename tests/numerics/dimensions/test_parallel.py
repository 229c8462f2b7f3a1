"""Parallel analysis: Wishart draws are those of normal data, and the counts are EFAtools' and psych's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.dimensions import (
    eigenvalues,
    normal_correlations,
    null_eigenvalues,
    parallel_analysis,
    permuted_correlations,
    squared_multiple,
)

EXACT = 1e-9
# psych's minres stops at a relative change of 1e-8 of the criterion.
MINRES_TOLERANCE = 1e-4
# Monte Carlo error: standard errors by which two means may differ, of some hundred compared.
ERRORS = 4.5


@pytest.fixture(scope="module")
def harman() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "dimensions.json").read_text())


def stacked(n: int, k: int, many: int, seed: int = 1) -> np.ndarray:
    return np.concatenate(list(normal_correlations(n, k, n_replicates=many, seed=seed)))


def resimulated(n: int, k: int, many: int, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([np.corrcoef(rng.normal(size=(n, k)).T) for _ in range(many)])


@pytest.mark.parametrize(("n", "k"), [(40, 6), (7, 6), (5, 8)])
def test_wishart_draws_have_the_moments_of_correlations_of_normal_data(n: int, k: int) -> None:
    ours, theirs = stacked(n, k, 2000), resimulated(n, k, 2000)
    np.testing.assert_allclose(np.diagonal(ours, axis1=1, axis2=2), 1.0, atol=EXACT)
    np.testing.assert_allclose(ours, ours.swapaxes(1, 2), atol=EXACT)
    for function in (lambda x: x, np.square):
        a, b = function(ours[:, *np.triu_indices(k, 1)]), function(theirs[:, *np.triu_indices(k, 1)])
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / 2000)
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < ERRORS * error).all()
    # The variance of a correlation of uncorrelated normal variables is 1 / (n - 1).
    assert ours[:, 0, 1].var() == pytest.approx(1 / (n - 1), rel=ERRORS * np.sqrt(2 / 2000))


def test_eigenvalues_of_chance_are_those_of_resimulated_data() -> None:
    ours = null_eigenvalues([stacked(60, 8, 1000)], ("pca", "smc"))
    theirs = null_eigenvalues([resimulated(60, 8, 1000)], ("pca", "smc"))
    for kind in ("pca", "smc"):
        error = np.sqrt((ours[kind].var(axis=0) + theirs[kind].var(axis=0)) / 1000)
        assert (np.abs(ours[kind].mean(axis=0) - theirs[kind].mean(axis=0)) < ERRORS * error).all()


def test_a_seed_gives_the_same_draws() -> None:
    np.testing.assert_array_equal(stacked(30, 5, 10), stacked(30, 5, 10))
    assert not np.array_equal(stacked(30, 5, 10), stacked(30, 5, 10, seed=2))


def test_eigenvalues_are_psychs(harman: dict[str, Any]) -> None:
    cor = np.array(harman["cor"])[None]
    np.testing.assert_allclose(eigenvalues(cor, "pca")[0], harman["eigen"]["pca"], atol=EXACT)
    np.testing.assert_allclose(eigenvalues(cor, "smc")[0], harman["eigen"]["smc"], atol=EXACT)
    np.testing.assert_allclose(
        eigenvalues(cor, "minres")[0], harman["eigen"]["minres"], atol=MINRES_TOLERANCE
    )


def test_the_counts_are_those_of_efatools_and_psych(shared: Path) -> None:
    efa = json.loads((shared / "reference" / "04_efa.json").read_text())["results"]
    counts = json.loads((shared / "reference" / "05_nfactors.json").read_text())["results"]
    cor = np.array(efa["cor.bfi25.complete"]["values"])
    chance = null_eigenvalues(
        normal_correlations(2436, 25, n_replicates=200, seed=1), ("pca", "smc", "minres")
    )
    found = {
        kind: parallel_analysis(eigenvalues(cor[None], kind)[0], values) for kind, values in chance.items()
    }
    theirs = counts["EFAtools.PARALLEL.bfi25"]
    assert found["pca"].n_factors == theirs["n_fac_PCA"] == counts["fa_parallel.bfi25.iter200"]["ncomp"]
    assert found["smc"].n_factors == theirs["n_fac_SMC"] == counts["fa_parallel.bfi25.SMC"]["nfact"]
    assert found["minres"].n_factors == theirs["n_fac_EFA"] == counts["fa_parallel.bfi25.iter200"]["nfact"]
    assert found["pca"].n_factors_mean == counts["fa_parallel.bfi25.median"]["ncomp"]


def test_the_count_stops_at_the_first_eigenvalue_that_is_not_above() -> None:
    chance = np.array([[1.5, 1.2, 1.0, 0.3], [1.7, 1.2, 0.8, 0.3], [np.nan] * 4])
    found = parallel_analysis(np.array([2.0, 1.1, 1.0, 0.4]), chance, percentile=0.5)
    np.testing.assert_allclose(found.reference, [1.6, 1.2, 0.9, 0.3])
    assert found.n_factors == 1
    np.testing.assert_allclose(found.support, [1.0, 0.0, 0.5, 1.0])
    assert parallel_analysis(np.array([9.0, 8.0, 7.0, 6.0]), chance).n_factors == 4
    empty = parallel_analysis(np.array([2.0, 1.0]), np.full((3, 2), np.nan))
    assert empty.n_factors == 0 and np.isnan(empty.reference).all()


def test_permuted_answers_keep_their_margins_and_lose_their_correlation() -> None:
    rng = np.random.default_rng(5)
    values = np.exp(rng.normal(size=(300, 1)) + rng.normal(size=(300, 5)))
    cors = np.concatenate(list(permuted_correlations(values, n_replicates=200, seed=1)))
    off = cors[:, *np.triu_indices(5, 1)]
    assert np.abs(off.mean(axis=0)).max() < ERRORS * np.sqrt(1 / 299 / 200)
    # The permutation variance of a correlation is exactly 1 / (n - 1), whatever the margins.
    assert off.var() == pytest.approx(1 / 299, rel=ERRORS * np.sqrt(2 / 2000))
    assert np.corrcoef(values.T)[0, 1] > 0.2


def test_permuted_answers_with_holes_use_the_rows_of_each_pair() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(100, 4))
    values[:60, 0] = np.nan
    cors = np.concatenate(list(permuted_correlations(values, n_replicates=300, seed=1)))
    assert np.isfinite(cors).all()
    assert cors[:, 0, 1].var() == pytest.approx(1 / 39, rel=ERRORS * np.sqrt(2 / 300))
    assert cors[:, 2, 1].var() == pytest.approx(1 / 99, rel=ERRORS * np.sqrt(2 / 300))


def test_permuted_codes_have_polychoric_correlations_near_zero() -> None:
    rng = np.random.default_rng(7)
    codes = np.clip(np.round(rng.normal(size=(400, 1)) + rng.normal(size=(400, 3)) + 3), 1, 5)
    cors = np.concatenate(list(permuted_correlations(codes, n_replicates=20, seed=1, ordinal=True)))
    assert cors.shape == (20, 3, 3)
    assert np.abs(cors[:, *np.triu_indices(3, 1)]).max() < 0.3


def test_squared_multiple_correlations_are_those_of_regression() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(50, 1)) + rng.normal(size=(50, 4))
    z = values - values.mean(axis=0)
    fit = z[:, 1:] @ np.linalg.lstsq(z[:, 1:], z[:, 0], rcond=None)[0]
    found = squared_multiple(np.corrcoef(values.T)[None])[0, 0]
    assert found == pytest.approx((fit**2).sum() / (z[:, 0] ** 2).sum())
    # A singular matrix does not fail: an item that the others make up is explained in full.
    twin = np.corrcoef(np.column_stack([values, values[:, 0]]).T)
    assert squared_multiple(twin[None])[0, 0] == pytest.approx(1.0, abs=1e-5)
