"""Correlations of single tables: psych's tetrachorics, the likelihood itself, empty cells and high correlations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from psychomet.numerics.ordinal.normal import normal_below
from psychomet.numerics.ordinal.polychoric import (
    LIMIT,
    cells,
    normality_test,
    table_correlations,
    thresholds,
)

# psych searches each correlation to about 1e-5.
PSYCH = 3e-5
# The two maximise the same likelihood; that of SciPy's search stops at the root of the precision of a number.
SEARCH = 1e-7
POLYCOR = 1e-5


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "ordinal.json").read_text())


def population(a: np.ndarray, b: np.ndarray, rho: float) -> np.ndarray:
    """Cells of a bivariate normal, (1, c, d), one rectangle after the other."""
    edges = [np.concatenate([[-np.inf], side, [np.inf]]) for side in (a, b)]
    corner = normal_below(edges[0][:, None], edges[1][None, :], np.array(rho))
    return np.diff(np.diff(corner, axis=0), axis=1)[None]


def test_tetrachorics_are_psychs(r: dict[str, Any]) -> None:
    for one in r["tetrachoric"]:
        table = np.array([one["table"]], dtype=float)
        found = table_correlations(table, correct=0.5).r[0]
        assert found == pytest.approx(one["correct_half"], abs=PSYCH)
        if one["correct_0"] is not None:
            assert table_correlations(table).r[0] == pytest.approx(one["correct_0"], abs=PSYCH)


def test_an_empty_cell_of_a_two_by_two_table_has_no_maximum() -> None:
    """The famous table of psych's help: without correction the likelihood rises to a correlation of -1."""
    table = np.array(
        [[[44268.0, 14.0], [193.0, 0.0]], [[50.0, 0.0], [10.0, 40.0]], [[80.0, 0.0], [2.0, 18.0]]]
    )
    found = table_correlations(table)
    assert found.at_limit.all()
    np.testing.assert_allclose(found.r, [-LIMIT, LIMIT, LIMIT], atol=1e-6)
    assert not table_correlations(table, correct=0.5).at_limit.any()


@pytest.mark.parametrize("rho", [-0.999, -0.97, -0.3, 0.0, 0.6, 0.95, 0.995, 0.9995])
@pytest.mark.parametrize("cut", [[0.05], [-1.0, 0.2, 1.1], [-1.5, -0.6, 0.0, 0.5, 1.4]])
def test_the_correlation_behind_exact_cells_is_found(rho: float, cut: list[float]) -> None:
    table = population(np.array(cut), np.array([0.1, 0.9]), rho) * 1e6
    assert table_correlations(table).r[0] == pytest.approx(rho, abs=1e-8)


def test_the_maximum_of_the_likelihood() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        share = population(np.array([-0.8, 0.1, 1.0]), np.array([-0.2, 0.7]), rng.uniform(-0.9, 0.9))[0]
        table = rng.multinomial(150, share.ravel()).reshape(1, 4, 3).astype(float)
        cuts = thresholds(table.sum(axis=2)), thresholds(table.sum(axis=1))

        def loss(rho: float, table: np.ndarray = table, cuts: tuple[np.ndarray, np.ndarray] = cuts) -> float:
            return -float((table[0] * np.log(population(cuts[0][0], cuts[1][0], rho)[0].clip(1e-300))).sum())

        found = table_correlations(table)
        best = minimize_scalar(loss, bounds=(-0.9999, 0.9999), method="bounded", options={"xatol": 1e-10})
        assert loss(found.r[0]) <= best.fun + 1e-8
        assert found.r[0] == pytest.approx(best.x, abs=1e-5)


def test_derivatives_of_the_cells() -> None:
    a, b = np.array([[-0.7], [0.2], [1.5]]), np.array([[-0.1], [0.8]])
    here = cells(a, b, np.array([0.55]))
    ends = [cells(a, b, np.array([0.55 + step])) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose((ends[0].share - ends[1].share) / 2e-5, here.change, atol=1e-9)
    np.testing.assert_allclose((ends[0].change - ends[1].change) / 2e-5, here.bend, atol=1e-8)
    assert here.share.sum() == pytest.approx(1, abs=1e-14)


def test_a_start_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    tables = rng.integers(1, 40, size=(50, 4, 4)).astype(float)
    cold = table_correlations(tables).r
    np.testing.assert_allclose(
        table_correlations(tables, start=rng.uniform(-1, 1, size=50)).r, cold, atol=1e-8
    )


def test_the_test_of_the_bivariate_normal_is_polycors(r: dict[str, Any]) -> None:
    data = np.array(r["data"])
    table = np.zeros((1, 5, 5))
    np.add.at(table[0], (data[:, 2], data[:, 4]), 1)
    cuts = thresholds(table.sum(axis=2)), thresholds(table.sum(axis=1))
    found = table_correlations(table).r
    statistic, df = normality_test(table, cuts, found)
    assert found[0] == pytest.approx(r["normality"]["rho"], abs=POLYCOR)
    assert statistic[0] == pytest.approx(r["normality"]["chisq"], abs=1e-3)
    assert df[0] == r["normality"]["df"]


def test_tables_without_two_categories_have_none() -> None:
    tables = np.array([[[5.0, 3.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = table_correlations(tables)
    assert np.isnan(found.r).all() and not found.at_limit.any()
