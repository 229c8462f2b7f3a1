"""Kappas and Gwet's coefficients: R's values and variances, slopes, invariances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.cluster_sums import linear
from psychomet.numerics.kappa import (
    agreement_weights,
    category_counts,
    coded,
    fleiss,
    gwet,
    kappa,
    pair_sums,
    pooled_sums,
)

# The same closed form; R prints 15 digits.
TOLERANCE = 1e-10
# The vignette of irrCAC prints seven digits.
PRINTED = 1e-7
# Central differences of a smooth function with steps of 1e-5.
SLOPE = 1e-7


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "reference" / "agreement.json"
    return json.loads(path.read_text())


def spread(counts: Any) -> tuple[np.ndarray, np.ndarray]:
    """The two raters' codes behind a table of counts."""
    table = np.array(counts)
    row, column = np.indices(table.shape)
    return np.repeat(row.ravel(), table.ravel()), np.repeat(column.ravel(), table.ravel())


def of_pair(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, cluster: np.ndarray | None = None, ddof: int = 0
):
    where = np.arange(x.size) if cluster is None else cluster
    sums = pair_sums(x, y, cluster=where, n_clusters=int(where.max()) + 1, weights=weights)
    return linear(sums, kappa(weights), ddof=ddof)


def of_pool(values: np.ndarray, make: Any, weights: np.ndarray, ddof: int = 1):
    n = len(values)
    counts = category_counts(values).counts
    return linear(
        pooled_sums(counts, cluster=np.arange(n), n_clusters=n, weights=weights), make(weights), ddof=ddof
    )


@pytest.mark.parametrize("weights", ["unweighted", "linear", "quadratic"])
def test_kappa_of_vision_has_the_variance_of_fleiss_cohen_and_everitt(
    weights: Any, reference: dict[str, Any]
) -> None:
    x, y = spread(reference["vision"]["counts"])
    found = of_pair(x, y, agreement_weights(np.arange(4.0), weights))
    expected = reference["vision"][f"{weights}_fce"]
    assert found.estimate == pytest.approx(expected["kappa"], rel=TOLERANCE)
    assert found.std_error**2 == pytest.approx(expected["var"], rel=TOLERANCE)


def test_weighted_kappa_does_not_have_the_variance_of_the_old_psych(reference: dict[str, Any]) -> None:
    x, y = spread(reference["vision"]["counts"])
    found = of_pair(x, y, agreement_weights(np.arange(4.0), "quadratic"))
    assert f"{found.std_error**2:.3e}" == "7.026e-05"
    assert found.estimate == pytest.approx(reference["vision"]["weighted"], rel=TOLERANCE)


def test_the_example_of_psych(reference: dict[str, Any]) -> None:
    values = np.stack([reference["help"]["x"], reference["help"]["y"]], axis=1).astype(float)
    grades, codes = coded(values)
    for weights, name in (("unweighted", "kappa"), ("quadratic", "weighted")):
        found = of_pair(codes[:, 0], codes[:, 1], agreement_weights(grades, weights))  # type: ignore[arg-type]
        assert found.estimate == pytest.approx(reference["help"][name], abs=TOLERANCE)


def test_the_table_of_irrcac(reference: dict[str, Any]) -> None:
    printed = reference["abstractors_irrCAC"]
    x, y = spread(printed["counts"])
    values = np.stack([x, y], axis=1).astype(float)
    plain = np.eye(3)
    for name, found in (
        ("kappa", of_pair(x, y, plain)),
        ("ac1", of_pool(values, gwet, plain, ddof=0)),
        ("pi", of_pool(values, fleiss, plain, ddof=0)),
    ):
        assert found.estimate == pytest.approx(printed[name], abs=PRINTED)
        assert found.std_error == pytest.approx(printed[f"{name}_se"], abs=PRINTED)


def test_gwet_and_fleiss_with_many_raters(reference: dict[str, Any]) -> None:
    values = np.array(reference["gwet"]["ratings"], dtype=float)
    grades = category_counts(values).categories
    for name, weights in (("ac1", "unweighted"), ("ac2", "quadratic")):
        found = of_pool(values, gwet, agreement_weights(grades, weights))  # type: ignore[arg-type]
        assert found.estimate == pytest.approx(reference["gwet"][name]["value"], rel=TOLERANCE)
        assert found.std_error == pytest.approx(reference["gwet"][name]["se"], rel=TOLERANCE)
    found = of_pool(values, fleiss, np.eye(grades.size))
    assert found.estimate == pytest.approx(reference["gwet"]["ac1"]["fleiss"], rel=TOLERANCE)


def test_raters_of_the_anxiety_table_equal_irr(shared: Path) -> None:
    expected = json.loads((shared / "reference" / "07_agreement.json").read_text())["results"]
    values = np.loadtxt(shared / "reference" / "data" / "irr_anxiety.csv", delimiter=",", skiprows=1)
    grades, codes = coded(values)
    for weights, theirs in (("unweighted", "unweighted"), ("linear", "equal"), ("quadratic", "squared")):
        found = of_pair(codes[:, 0], codes[:, 1], agreement_weights(grades, weights))  # type: ignore[arg-type]
        assert found.estimate == pytest.approx(
            expected[f"irr_kappa2.anxiety12.{theirs}"]["value"], rel=TOLERANCE
        )


@pytest.mark.parametrize("weights", ["unweighted", "linear", "quadratic"])
def test_slopes_are_those_of_small_changes(weights: Any) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(1, 6, (60, 5)).astype(float)
    values[rng.random(values.shape) < 0.2] = np.nan
    grades, codes = coded(values)
    weight = agreement_weights(grades, weights)
    cluster, n = np.arange(60) // 2, 30
    counts = category_counts(values).counts
    pair = pair_sums(codes[:, 0], codes[:, 1], cluster=cluster, n_clusters=n, weights=weight)
    pool = pooled_sums(counts, cluster=cluster, n_clusters=n, weights=weight)
    for sums, make in ((pair, kappa(weight)), (pool, fleiss(weight)), (pool, gwet(weight))):
        total, step = sums.sum(axis=0), 1e-5
        moved = np.array([
            make((total + step * one)[None]).value[0] - make((total - step * one)[None]).value[0]
            for one in np.eye(total.size)
        ]) / (2 * step)  # fmt: skip
        np.testing.assert_allclose(make(total[None]).slope[0], moved, atol=SLOPE)


def test_counts_of_whole_numbers_and_of_any_numbers_are_the_same() -> None:
    rng = np.random.default_rng(2)
    values = rng.integers(-3, 4, (50, 4)).astype(float)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[7] = np.nan
    whole, other = category_counts(values), category_counts(values / 7)
    np.testing.assert_array_equal(whole.counts, other.counts)
    np.testing.assert_allclose(whole.categories / 7, other.categories)
    assert whole.counts[7].sum() == 0


def test_a_far_apart_code_takes_the_general_way() -> None:
    found = category_counts(np.array([[0.0, 1000.0], [0.5, 0.5]]))
    np.testing.assert_array_equal(found.categories, [0.0, 0.5, 1000.0])
    np.testing.assert_array_equal(found.counts, [[1, 0, 1], [0, 2, 0]])


def test_weights_follow_the_codes_not_their_ranks() -> None:
    weights = agreement_weights(np.array([1.0, 2.0, 5.0]), "linear")
    np.testing.assert_allclose(weights[0], [1, 0.75, 0])


def test_kappa_is_not_defined_where_both_raters_use_one_category() -> None:
    codes = np.zeros(10, dtype=np.intp)
    assert np.isnan(of_pair(codes, codes, np.eye(2)).estimate)
    assert np.isnan(of_pool(np.ones((10, 2)), fleiss, np.eye(1)).estimate)


def test_clusters_of_one_answer_repeated_count_once() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 3, 50), rng.integers(0, 3, 50)
    single = of_pair(x, y, np.eye(3))
    repeated = of_pair(np.repeat(x, 4), np.repeat(y, 4), np.eye(3), cluster=np.repeat(np.arange(50), 4))
    assert repeated.estimate == pytest.approx(single.estimate, rel=TOLERANCE)
    assert repeated.std_error == pytest.approx(single.std_error, rel=TOLERANCE)
