"""Intraclass correlations of a table with holes, and McGraw and Wong's limits of the average form."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.icc import intraclass, mean_squares
from psychomet.numerics.variance.intraclass import (
    NO_FREEDOM,
    Looks,
    average_agreement_limits,
    intraclass_by_reml,
    looks_by_reml,
)

from .reference import VALUES

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
# psych asks lme4 with its default tolerances, which stop 1e-6 short.
PSYCH = 5e-6
# irr prints 15 digits; F quantiles with fractional degrees of freedom agree to ten.
QUANTILE = 1e-8
SAME = 1e-7


def with_holes() -> np.ndarray:
    table = SHROUT_FLEISS.copy()
    table[1, 2] = table[4, 0] = np.nan
    return table


def test_two_holes_equal_psych() -> None:
    looks = looks_by_reml(with_holes())
    assert isinstance(looks, Looks) and looks.scores == 22
    found = intraclass_by_reml(looks, conf_level=0.95)
    expected = VALUES["shrout_fleiss_holes"]["icc"]
    np.testing.assert_allclose([one.estimate for one in found], expected, atol=PSYCH)
    assert all(one.low < one.estimate < one.high and one.reason == "" for one in found)


def test_a_whole_table_has_the_classical_values() -> None:
    looks = looks_by_reml(SHROUT_FLEISS)
    assert isinstance(looks, Looks) and (looks.per_target, looks.per_look) == (4, 6)
    for ours, classical in zip(
        intraclass_by_reml(looks, conf_level=0.95),
        intraclass(mean_squares(SHROUT_FLEISS), conf_level=0.95),
        strict=True,
    ):
        assert ours.estimate == pytest.approx(classical.estimate, abs=SAME)
        assert ours.statistic == pytest.approx(classical.statistic, rel=SAME)
        assert (ours.df, ours.df2) == (classical.df, classical.df2)
        # ICC(2, .) has limits by another approximation here.
        if not ours.form.startswith("ICC(2"):
            assert [ours.low, ours.high] == pytest.approx([classical.low, classical.high], abs=SAME)


def test_rows_and_columns_without_a_score_do_not_count() -> None:
    table = np.full((8, 5), np.nan)
    table[:6, :4] = with_holes()
    bare, full = looks_by_reml(table), looks_by_reml(with_holes())
    assert bare == full


def test_too_few_shared_scores_are_a_reason() -> None:
    assert looks_by_reml(np.diag([1.0, 2.0, 3.0]) + np.where(np.eye(3), 0, np.nan)) == NO_FREEDOM
    assert looks_by_reml(np.empty((0, 0))) == NO_FREEDOM
    assert looks_by_reml(np.ones((4, 1))) == NO_FREEDOM


def test_targets_that_do_not_differ_have_no_agreement() -> None:
    table = np.array([[1, 5, 3], [5, 1, 3], [3, 4, 2], [2, 3, 5], [4, np.nan, 1]], dtype=float)
    looks = looks_by_reml(table)
    assert isinstance(looks, Looks)
    found = {one.form: one for one in intraclass_by_reml(looks, conf_level=0.95)}
    assert found["ICC(3,1)"].estimate == pytest.approx(0, abs=SAME)
    assert found["ICC(3,1)"].low < 0 < found["ICC(3,1)"].high


def test_average_agreement_equals_irr() -> None:
    found = average_agreement_limits(mean_squares(SHROUT_FLEISS), conf_level=0.95)
    assert found == pytest.approx(VALUES["shrout_fleiss_holes"]["average_agreement"], rel=QUANTILE)


def test_average_agreement_without_value_has_no_limits() -> None:
    low, high = average_agreement_limits(mean_squares(np.arange(8.0).reshape(4, 2)), conf_level=0.95)
    assert np.isnan(low) and np.isnan(high)
