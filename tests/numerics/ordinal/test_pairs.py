"""The correlation that fits each pair, its standard error and its influence."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.ordinal import ordinal_moments
from psychomet.numerics.ordinal.pairs import mixed_pairs, ordered_pairs
from psychomet.numerics.ordinal.polyserial import polyserial
from psychomet.numerics.resample import resample_weights

MANY = 10**9
SAME = 1e-9
# 120 resamples: a standard error is known to 6.5 %.
BOOTSTRAP = 0.12


def answers(n: int = 300, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1)) + rng.normal(size=(n, 5))
    x[:, 0] = np.searchsorted([-0.5], x[:, 0])
    x[:, 1] = np.searchsorted([-1.0, 0.3, 1.2], x[:, 1])
    x[:, 3] = np.searchsorted([-0.2, 0.9], x[:, 3])
    return x


ORDERED = np.array([True, True, False, True, False])


def test_every_pair_has_the_correlation_that_fits_it() -> None:
    values = answers()
    found = mixed_pairs(values, ordered=ORDERED, unit=None, correct=0.0, most_influences=MANY)
    matrix = np.eye(5)
    matrix[np.triu_indices(5, 1)] = found.r
    codes = values[:, [0, 1, 3]].astype(int)
    expected = ordinal_moments(codes).correlation
    np.testing.assert_allclose(matrix[np.ix_([0, 0, 1], [1, 3, 3])][np.arange(3), np.arange(3)],
                               expected[[0, 0, 1], [1, 2, 2]], atol=SAME)  # fmt: skip
    for item in (0, 1, 3):
        serial = polyserial(values[:, [2, 4]], values[:, item].astype(int)).r
        for place, other in enumerate((2, 4)):
            assert matrix[min(item, other), max(item, other)] == pytest.approx(serial[place], abs=SAME)
    assert matrix[2, 4] == pytest.approx(np.corrcoef(values[:, 2], values[:, 4])[0, 1], abs=1e-12)
    assert np.isnan(found.thresholds[[2, 4]]).all()
    assert np.isfinite(found.thresholds[[0, 1, 3]]).sum() == 1 + 3 + 2


@pytest.mark.parametrize("clustered", [False, True])
def test_standard_errors_are_those_of_the_bootstrap(clustered: bool) -> None:
    values = answers(240)
    unit = np.repeat(np.arange(80), 3) if clustered else None
    if clustered:
        values = values[np.repeat(np.arange(80), 3)] + 0.0
        values[1::3, 1], values[2::3, 4] = answers(80, 5)[:, 1], answers(80, 6)[:, 4]
    found = mixed_pairs(values, ordered=ORDERED, unit=unit, correct=0.0, most_influences=MANY)
    draws = []
    for weights in resample_weights(240, n_boot=120, seed=2, unit=unit):
        for row in weights.astype(int):
            drawn = np.repeat(values, row, axis=0)
            one = mixed_pairs(drawn, ordered=ORDERED, unit=None, correct=0.0, most_influences=0)
            draws.append(one.r)
    np.testing.assert_allclose(found.error, np.std(draws, axis=0), rtol=3 * BOOTSTRAP)
    assert np.mean(found.error / np.std(draws, axis=0)) == pytest.approx(1, abs=BOOTSTRAP)
    assert found.influence is not None
    np.testing.assert_allclose(
        np.sqrt(np.square(found.influence).sum(axis=0)) / len(found.influence), found.error, rtol=SAME
    )


def test_influence_that_is_not_kept_changes_no_number() -> None:
    codes = answers()[:, [0, 1, 3]].astype(int)
    unit = np.repeat(np.arange(100), 3)
    for rows in (None, unit):
        kept = ordered_pairs(codes, unit=rows, correct=0.0, most_influences=MANY)
        left = ordered_pairs(codes, unit=rows, correct=0.0, most_influences=0)
        assert left.influence is None and kept.influence is not None
        np.testing.assert_allclose(left.error, kept.error, rtol=SAME)


def test_pearson_with_holes() -> None:
    values = answers()
    values[:50, 2] = np.nan
    values[40:70, 4] = np.nan
    found = mixed_pairs(values, ordered=np.zeros(5, dtype=bool), unit=None, correct=0.0, most_influences=MANY)
    both = np.isfinite(values[:, 2] * values[:, 4])
    at = list(zip(*np.triu_indices(5, 1), strict=True)).index((2, 4))
    assert found.r[at] == pytest.approx(np.corrcoef(values[both][:, [2, 4]].T)[0, 1], abs=1e-12)
    assert found.rows[at] == both.sum()
    constant = mixed_pairs(
        np.ones((20, 2)), ordered=np.zeros(2, dtype=bool), unit=None, correct=0.0, most_influences=0
    )
    assert np.isnan(constant.r).all()


def test_no_rows_and_one_item() -> None:
    for codes in (np.zeros((0, 3), dtype=int), np.zeros((5, 1), dtype=int)):
        found = ordered_pairs(codes, unit=None, correct=0.0, most_influences=MANY)
        assert np.isnan(found.r).all() and found.influence is not None
        assert found.influence.shape == (len(codes), found.r.size)
