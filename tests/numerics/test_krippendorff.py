"""Krippendorff's alpha: the published table, the package, slopes, levels, holes, and its interval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from psychomet.numerics.cluster_sums import bootstrap_limits, linear
from psychomet.numerics.krippendorff import (
    MANY_CATEGORIES,
    Level,
    alpha_parts,
    distances,
    krippendorff_alpha,
)

# The same closed form; R prints 15 digits.
TOLERANCE = 1e-12
# The vignette of irrCAC prints seven digits.
PRINTED = 1e-7
# Central differences of a smooth function with steps of 1e-6.
SLOPE = 1e-7
LEVELS = get_args(Level)

_ = np.nan
# Krippendorff (2011): four observers, twelve units.
OBSERVERS = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]).T  # fmt: skip


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "reference" / "agreement.json"
    return json.loads(path.read_text())


def from_pairs(values: np.ndarray, level: Level) -> float:
    """Alpha by its definition, pair by pair."""
    used = [row[~np.isnan(row)] for row in values]
    used = [row for row in used if row.size > 1]
    every = np.concatenate(used)
    if level == "ordinal":
        grades, count = np.unique(every, return_counts=True)
        rank = dict(zip(grades, np.cumsum(count) - count / 2, strict=True))
        used = [np.array([rank[v] for v in row]) for row in used]
        every = np.concatenate(used)
    inner: Level = "interval" if level == "ordinal" else level
    seen = sum(distances(row, inner).sum() / (row.size - 1) for row in used)
    if level == "nominal":
        seen = sum((row[:, None] != row).sum() / (row.size - 1) for row in used)
        return 1 - (every.size - 1) * seen / (every[:, None] != every).sum()
    return 1 - (every.size - 1) * seen / distances(every, inner).sum()


def some(rng: np.random.Generator, n: int = 40, m: int = 4, grades: int = 5) -> np.ndarray:
    values = np.round(rng.normal(size=(n, 1)) + 0.7 * rng.normal(size=(n, m))) + grades
    values[rng.random(values.shape) < 0.25] = np.nan
    return np.clip(values, 1, 2 * grades)


@pytest.mark.parametrize("level", LEVELS)
def test_the_published_table_equals_irr(level: Level, reference: dict[str, Any]) -> None:
    expected = reference["krippendorff_irr"][level]
    assert krippendorff_alpha(OBSERVERS, level=level) == pytest.approx(expected, abs=TOLERANCE)
    parts = alpha_parts(OBSERVERS, level=level, cluster=np.arange(12), n_clusters=12)
    assert parts is not None
    assert linear(parts.sums, parts.coefficient).estimate == pytest.approx(expected, abs=TOLERANCE)


def test_the_table_of_irrcac(reference: dict[str, Any]) -> None:
    printed = reference["abstractors_irrCAC"]
    table = np.array(printed["counts"])
    row, column = np.indices(table.shape)
    values = np.stack(
        [np.repeat(row.ravel(), table.ravel()), np.repeat(column.ravel(), table.ravel())], axis=1
    )
    assert krippendorff_alpha(values.astype(float), level="nominal") == pytest.approx(
        printed["krippendorff"], abs=PRINTED
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("factor", [1.0, 1 / 3, 37.0])
def test_every_way_equals_the_definition(level: Level, factor: float) -> None:
    """Whole numbers in a small range, any numbers, and numbers far apart are counted differently."""
    values = some(np.random.default_rng(1)) * factor
    expected = from_pairs(values, level)
    assert krippendorff_alpha(values, level=level) == pytest.approx(expected, abs=TOLERANCE)
    parts = alpha_parts(values, level=level, cluster=np.arange(40) // 4, n_clusters=10)
    assert parts is not None
    assert linear(parts.sums, parts.coefficient).estimate == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("level", LEVELS)
def test_values_that_are_all_different(level: Level) -> None:
    values = np.random.default_rng(2).lognormal(size=(60, 3))
    values[:5, 0] = np.nan
    assert krippendorff_alpha(values, level=level) == pytest.approx(from_pairs(values, level), abs=TOLERANCE)
    parts = alpha_parts(values, level=level, cluster=np.arange(60), n_clusters=60)
    assert (parts is None) == (level != "interval")
    assert np.unique(values).size > MANY_CATEGORIES


@pytest.mark.parametrize("level", LEVELS)
def test_the_package_gives_the_same_number(level: Level) -> None:
    package = pytest.importorskip("krippendorff")
    values = some(np.random.default_rng(3), n=200, m=6)
    theirs = package.alpha(reliability_data=values.T, level_of_measurement=level)
    assert krippendorff_alpha(values, level=level) == pytest.approx(theirs, abs=TOLERANCE)


@pytest.mark.parametrize("level", LEVELS)
def test_slopes_are_those_of_small_changes(level: Level) -> None:
    parts = alpha_parts(OBSERVERS, level=level, cluster=np.arange(12), n_clusters=12)
    assert parts is not None
    total, step = parts.sums.sum(axis=0), 1e-6
    moved = np.array([
        parts.coefficient((total + step * one)[None]).value[0]
        - parts.coefficient((total - step * one)[None]).value[0]
        for one in np.eye(total.size)
    ]) / (2 * step)  # fmt: skip
    np.testing.assert_allclose(parts.coefficient(total[None]).slope[0], moved, atol=SLOPE)


@pytest.mark.parametrize("level", LEVELS)
def test_the_bootstrap_interval_contains_alpha_and_shrinks(level: Level) -> None:
    """Issues of two other programs: an interval beside alpha, and one that did not shrink with n."""
    rng = np.random.default_rng(4)
    widths = []
    for n in (40, 160, 640):
        values = some(rng, n=n)
        parts = alpha_parts(values, level=level, cluster=np.arange(n), n_clusters=n)
        assert parts is not None
        found = linear(parts.sums, parts.coefficient)
        limits = bootstrap_limits(parts.sums, parts.coefficient, found, n_boot=500, seed=1, conf_level=0.95)
        assert limits.low < found.estimate < limits.high
        widths.append(limits.high - limits.low)
    # Fourfold units halve an interval; a quarter of slack for chance.
    assert widths[1] < 0.75 * widths[0]
    assert widths[2] < 0.75 * widths[1]


def test_resamples_equal_alpha_of_the_resampled_rows() -> None:
    rng = np.random.default_rng(5)
    values = some(rng, n=30)
    values[np.count_nonzero(~np.isnan(values), axis=1) < 2] = 3.0
    for level in LEVELS:
        parts = alpha_parts(values, level=level, cluster=np.arange(30), n_clusters=30)
        assert parts is not None
        drawn = rng.integers(0, 30, 30)
        weights = np.bincount(drawn, minlength=30).astype(float)
        found = parts.coefficient((weights @ parts.sums)[None]).value[0]
        assert found == pytest.approx(krippendorff_alpha(values[drawn], level=level), abs=TOLERANCE)


def test_turned_on_its_side_it_is_another_number() -> None:
    assert krippendorff_alpha(OBSERVERS, level="nominal") != pytest.approx(
        krippendorff_alpha(OBSERVERS.T, level="nominal"), abs=0.1
    )


def test_single_ratings_change_nothing() -> None:
    more = np.vstack([OBSERVERS, [5, _, _, _], [_, _, _, _]])
    for level in LEVELS:
        assert krippendorff_alpha(more, level=level) == pytest.approx(
            krippendorff_alpha(OBSERVERS, level=level), abs=TOLERANCE
        )


@pytest.mark.parametrize("level", LEVELS)
def test_without_disagreement_to_expect_there_is_no_alpha(level: Level) -> None:
    assert np.isnan(krippendorff_alpha(np.full((5, 3), 2.0), level=level))
    assert np.isnan(krippendorff_alpha(np.full((5, 3), 0.3), level=level))
    assert np.isnan(krippendorff_alpha(np.array([[1.0, np.nan], [np.nan, 2.0]]), level=level))
    assert np.isnan(krippendorff_alpha(np.empty((0, 2)), level=level))
