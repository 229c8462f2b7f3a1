"""Every estimate, standard error, standardised value and fit measure of lavaan 0.6-14, on tables drawn for this.

``tests/reference/confirmatory.R`` draws the tables and fits the models; no peer's table is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.confirmatory.fit import Fit
from psychomet.numerics.confirmatory.measures import fit_measures
from psychomet.numerics.confirmatory.modification import modification_indices
from psychomet.numerics.confirmatory.scores import factor_scores
from psychomet.numerics.confirmatory.solution import Parameter, defined, parameters, standardised

# lavaan's optimiser stops at a gradient of about 1e-6, and takes information by differences.
ESTIMATE, ERROR, MEASURE, INDEX = 2e-4, 1e-3, 1e-3, 1e-3
NAMES = (
    "ml", "ml_means", "ml_std_lv", "wishart", "tied_ml", "tied_mlr", "tied_mlm", "odd_ml", "path_mlr", "second_ml",
    "mlf", "gls", "uls", "wls", "dwls", "fiml", "fiml_mlr", "groups_ml", "groups_loadings", "groups_scalar_mlr",
    "wlsmv", "wlsmv_std_lv", "wlsmv_theta", "wlsm", "ulsmv", "dwls_ordinal", "wlsmv_tied", "wlsmv_gaps",
    "wlsmv_groups",
)  # fmt: skip
# What is otherwise here, on purpose (docs/validation/confirmatory.md says why).
GFI = {"gfi", "agfi", "pgfi"}
OTHERWISE = {
    "tied_mlr": {"scaling.factor.h0"},
    "fiml": GFI,
    "fiml_mlr": GFI | {"scaling.factor.h0"},
    "groups_scalar_mlr": {"scaling.factor.h0"},
    "wlsmv_groups": {"tli.robust", "nnfi.robust", "rni.robust", "wrmr"},
}
Get = Callable[[str], Fit]


def compare(found: tuple[Parameter, ...], expected: dict[str, Any]) -> int:
    """Hold every stored parameter against the one made here; return how many were held."""
    mine = {(p.lhs, p.op, p.rhs, p.group + 1): p for p in found}
    mine |= {(p.rhs, p.op, p.lhs, p.group + 1): p for p in found if p.op == "~~"}
    held = 0
    for lhs, op, rhs, group, value, error in zip(
        *(expected[name] for name in ("lhs", "op", "rhs", "group", "est", "se")), strict=True
    ):
        one = mine.get((lhs, op, rhs, max(group, 1)))
        if one is None:
            assert op == ":=", (lhs, op, rhs)
            continue
        assert one.estimate == pytest.approx(value, rel=ESTIMATE, abs=ESTIMATE), (lhs, op, rhs, group)
        # Where a residual variance follows from the others, lavaan leaves its error out of this table.
        if error is not None and not (one.kind == "residual_cov" and not one.free and error == 0):
            assert one.std_error == pytest.approx(error, rel=ERROR, abs=ERROR * 0.1), (lhs, op, rhs, group)
        held += 1
    return held


@pytest.mark.parametrize("name", NAMES)
def test_estimates_and_standard_errors(name: str, stored: dict[str, Any], made: Get) -> None:
    result = made(name)
    assert result.estimate.converged
    expected = stored["fits"][name]["est"]
    assert compare(parameters(result), expected) >= len(result.model.rows) - len(result.model.observed) * 3


@pytest.mark.parametrize("name", NAMES)
def test_standardised_solutions(name: str, stored: dict[str, Any], made: Get) -> None:
    assert compare(standardised(made(name)), stored["fits"][name]["std"]) > 20


@pytest.mark.parametrize("name", NAMES)
def test_fit_measures(name: str, stored: dict[str, Any], made: Get) -> None:
    result = made(name)
    mine = fit_measures(result)
    expected = {
        measure: value
        for measure, value in stored["fits"][name]["fit"].items()
        if value is not None and measure not in OTHERWISE.get(name, set())
    }
    assert len(expected) > 30
    for measure, value in expected.items():
        assert mine[measure] == pytest.approx(value, rel=MEASURE, abs=1e-5), measure


@pytest.mark.parametrize("name", ["tied_ml", "fiml_mlr"])
def test_defined_parameters(name: str, stored: dict[str, Any], made: Get) -> None:
    expected = stored["fits"][name]["est"]
    found = {one.lhs: one for one in defined(made(name))}
    places = [place for place, op in enumerate(expected["op"]) if op == ":="]
    assert len(places) == 2
    for place in places:
        one = found[expected["lhs"][place]]
        assert one.estimate == pytest.approx(expected["est"][place], rel=ESTIMATE)
        assert one.std_error == pytest.approx(expected["se"][place], rel=ERROR)


@pytest.mark.parametrize("name", ["odd_ml", "wlsmv", "fiml"])
def test_modification_indices(name: str, stored: dict[str, Any], made: Get) -> None:
    expected = stored["fits"][name]["mi"]
    result = made(name)
    every = modification_indices(result, most=None)
    mine = {(one.lhs, one.op, one.rhs): one for one in every}
    mine |= {(one.rhs, one.op, one.lhs): one for one in every if one.op == "~~"}
    # lavaan's statistic by least squares is (n - 1) F, its index that of (n - 1)^2 / n F; here both are the first.
    times = result.n / result.multiplier
    for lhs, op, rhs, index, change, lv, full in zip(*expected.values(), strict=True):
        if lhs == rhs:
            continue
        one = mine[lhs, op, rhs]
        assert one.statistic == pytest.approx(index * times, rel=INDEX)
        assert (one.change, one.change_lv, one.change_all) == pytest.approx(
            (change * times, lv * times, full * times), rel=INDEX
        )
    assert [one.statistic for one in every] == sorted((one.statistic for one in every), reverse=True)


@pytest.mark.parametrize("method", ["regression", "bartlett"])
def test_factor_scores(method: str, stored: dict[str, Any], made: Get) -> None:
    values = np.array(stored["x"])
    mine = factor_scores(made("ml"), values, method=method)  # type: ignore[arg-type]
    np.testing.assert_allclose(mine[:5], stored["scores"][method], atol=ESTIMATE)
