"""Kurtosis as SciPy and by hand, and deviations that respondents and residuals are made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kurtosistest

from psychomet.numerics.dstudy import cell_deviations, row_deviations, tails

EXACT = 1e-10


def test_excess_is_the_unbiased_one_and_its_test_that_of_anscombe_and_glynn() -> None:
    values = np.random.default_rng(1).exponential(size=50)
    centred = values - values.mean()
    n, m2, m4 = 50, np.mean(centred**2), np.mean(centred**4)
    unbiased = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)
    found = tails(values)
    assert found.excess == pytest.approx(unbiased, abs=EXACT)
    assert found.p_value == pytest.approx(kurtosistest(values, alternative="greater").pvalue, abs=EXACT)


def test_fewer_independent_values_make_less_sure() -> None:
    values = np.random.default_rng(2).exponential(size=400)
    assert tails(values, df=20).p_value > tails(values, df=400).p_value
    assert tails(values, df=20).excess == tails(values).excess


@pytest.mark.parametrize("values", [np.arange(19.0), np.full(40, 3.0), np.full(40, 0.1), np.empty(0)])
def test_few_or_equal_values_have_no_kurtosis(values: np.ndarray) -> None:
    assert np.isnan(tails(values)).all()


def test_respondents_and_residuals_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    respondent, item, noise = (
        rng.normal(size=(30, 1, 1)),
        rng.normal(size=(1, 5, 1)),
        rng.normal(size=(30, 5, 2)),
    )
    means, rest = cell_deviations(respondent + item + noise)
    _, alone = cell_deviations(noise)
    np.testing.assert_allclose(rest, alone, atol=EXACT)
    assert means.shape == (30,)
    cells = respondent[:, :, 0] + item[:, :, 0] + noise[:, :, 0]
    codes = np.indices(cells.shape).reshape(2, -1)
    by_row, within = row_deviations(cells.ravel(), codes)
    np.testing.assert_allclose(by_row, cells.mean(axis=1) - cells.mean(), atol=EXACT)
    np.testing.assert_allclose(within, cell_deviations(cells)[1], atol=EXACT)
