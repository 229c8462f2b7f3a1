"""One minres factor by Newton steps in its loadings: the minimum that extraction finds, and its bound."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.dimensions import eigenvalues, normal_correlations
from psychomet.numerics.dimensions.single import one_factor_communalities, reduced_eigenvalues
from psychomet.numerics.factors import LEAST_UNIQUENESS, extract

# Both stop at slopes of 1e-9 or less; the flattest direction of a null matrix is a hundred times less steep.
LOADING = 1e-6
EIGENVALUE = 1e-8
# Criteria that differ by less are one minimum.
EQUAL = 1e-9


def criterion(cor: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Half the sum of squared eigenvalues but the largest, of the reduced matrices."""
    reduced = cor.copy()
    at = np.arange(cor.shape[1])
    reduced[:, at, at] = common
    return 0.5 * (np.linalg.eigvalsh(reduced)[:, :-1] ** 2).sum(axis=1)


def structured(b: int, k: int, n: int, seed: int) -> np.ndarray:
    """Correlations of samples with two correlated factors, some items reversed."""
    rng = np.random.default_rng(seed)
    factors = rng.multivariate_normal(np.zeros(2), [[1, 0.4], [0.4, 1]], size=(b, n))
    pattern = rng.uniform(0.4, 0.8, k) * np.where(np.arange(k) % 3 == 2, -1, 1)
    own = np.arange(k) % 2
    values = factors[:, :, own] * pattern + rng.standard_normal((b, n, k)) * np.sqrt(1 - pattern**2)
    return np.array([np.corrcoef(one.T) for one in values])


@pytest.mark.parametrize(("n", "k", "b"), [(400, 12, 60), (2000, 40, 30), (10_000, 120, 8)])
def test_null_matrices_have_the_minimum_of_extract_or_a_lower_one(n: int, k: int, b: int) -> None:
    cor = np.concatenate(list(normal_correlations(n, k, n_replicates=b, seed=3)))
    common, other = one_factor_communalities(cor), 1 - extract(cor, 1).uniqueness
    ours, theirs = criterion(cor, common), criterion(cor, other)
    same = np.abs(ours - theirs) < EQUAL
    assert same.mean() > 0.85
    np.testing.assert_allclose(np.sqrt(common[same]), np.sqrt(other[same]), atol=LOADING)
    at = np.arange(k)
    reduced = cor.copy()
    reduced[:, at, at] = other
    np.testing.assert_allclose(
        reduced_eigenvalues(cor)[same], np.linalg.eigvalsh(reduced)[same], atol=EIGENVALUE
    )


@pytest.mark.parametrize(("n", "k"), [(150, 6), (300, 25), (1000, 60)])
def test_real_structure_has_the_minimum_of_extract(n: int, k: int) -> None:
    cor = structured(20, k, n, seed=k)
    found = extract(cor, 1)
    np.testing.assert_allclose(
        np.sqrt(one_factor_communalities(cor)), np.abs(found.loadings[:, :, 0]), atol=LOADING
    )
    at = np.arange(k)
    reduced = cor.copy()
    reduced[:, at, at] = 1 - found.uniqueness
    expected = np.linalg.eigvalsh(reduced)
    np.testing.assert_allclose(reduced_eigenvalues(cor), expected, atol=EIGENVALUE)
    np.testing.assert_allclose(eigenvalues(cor, "minres"), expected[:, ::-1], atol=EIGENVALUE)


def test_a_heywood_case_stands_at_the_bound_of_extract() -> None:
    cor = np.array([[1.0, 0.9, 0.8], [0.9, 1.0, 0.5], [0.8, 0.5, 1.0]])[None]
    found = extract(cor, 1)
    assert found.heywood.any()
    common = one_factor_communalities(cor)
    assert common.max() == pytest.approx(1 - LEAST_UNIQUENESS)
    np.testing.assert_allclose(common, 1 - found.uniqueness, atol=EQUAL)


def test_many_small_matrices_never_pass_the_bound_and_are_never_worse_than_extract() -> None:
    cor = np.concatenate(list(normal_correlations(60, 5, n_replicates=300, seed=9)))
    common = one_factor_communalities(cor)
    assert np.isfinite(common).all()
    assert common.max() <= 1 - LEAST_UNIQUENESS + EQUAL
    ours, theirs = reduced_eigenvalues(cor), 1 - extract(cor, 1).uniqueness
    # With several minima a start may end in a higher one; both do, about equally often.
    worse = (0.5 * (ours[:, :-1] ** 2).sum(axis=1) > criterion(cor, theirs) + EQUAL).mean()
    assert worse < 0.1


def test_items_without_any_correlation_have_no_communality() -> None:
    np.testing.assert_allclose(one_factor_communalities(np.eye(5)[None]), 0.0, atol=LOADING)
