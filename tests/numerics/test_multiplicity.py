"""Adjusted p values against R's p.adjust and against their definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychomet.numerics.multiplicity import benjamini_hochberg, holm

ADJUST = json.loads((Path(__file__).parents[1] / "reference" / "sensitivity.json").read_text())["adjust"]
# R prints 15 digits.
R_TOLERANCE = 1e-12
SAME_NUMBER = 1e-12

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


def test_both_equal_r() -> None:
    p = np.array(ADJUST["p"])
    np.testing.assert_allclose(holm(p), ADJUST["holm"], rtol=R_TOLERANCE)
    np.testing.assert_allclose(benjamini_hochberg(p), ADJUST["bh"], rtol=R_TOLERANCE)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_missing_tests_do_not_count(adjust) -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03])
    found = adjust(p)
    assert np.isnan(found[1])
    np.testing.assert_array_equal(found[[0, 2, 3]], adjust(p[[0, 2, 3]]))
    assert adjust(np.array([])).shape == (0,)
    assert np.isnan(adjust(np.array([np.nan]))).all()


@given(p_values, st.floats(0.001, 0.999))
def test_holm_rejects_as_the_stepwise_procedure_does(p: np.ndarray, alpha: float) -> None:
    order = np.argsort(p, kind="stable")
    rejected = np.zeros(p.size, dtype=bool)
    for step, at in enumerate(order):
        if p[at] * (p.size - step) > alpha:
            break
        rejected[at] = True
    np.testing.assert_array_equal(holm(p) <= alpha, rejected)


@given(p_values)
def test_adjusted_values_keep_the_order_and_the_bounds(p: np.ndarray) -> None:
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert (adjusted >= p - SAME_NUMBER).all() and (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (benjamini_hochberg(p) <= holm(p) + SAME_NUMBER).all()
