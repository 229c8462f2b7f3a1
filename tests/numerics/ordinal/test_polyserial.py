"""Polyserial and biserial correlations: polycor's and psych's values, influence as a derivative, holes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from psychomet.numerics.ordinal.polychoric import LIMIT, thresholds
from psychomet.numerics.ordinal.polyserial import closed_polyserial, polyserial

# polycor standardises with n - 1 (n = 400), and searches to about 1e-4.
POLYCOR_SEARCH = 2e-4
POLYCOR = 2e-3
CLOSED = 1e-10
# Differences of 1/15,000 of the weights.
DERIVATIVE = 1e-5


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "ordinal.json").read_text())


def sample(n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    factor = rng.normal(size=(n, 1))
    x = 0.8 * factor + 0.6 * rng.normal(size=(n, 3))
    return np.stack([x[:, 1], np.exp(x[:, 2] / 2)], axis=1), np.searchsorted([-1.0, 0.0, 0.8], x[:, 0])


def test_two_step_and_closed_form_are_rs(r: dict[str, Any]) -> None:
    items = {"a": 0, "e": 4}
    data = np.array(r["data"])
    for one in r["polyserial"]:
        values = np.array([row[one["continuous"]] for row in r["continuous"]])[:, None]
        codes = data[:, items[one["ordered"]]]
        assert polyserial(values, codes).r[0] == pytest.approx(one["two_step"], abs=POLYCOR)
        assert closed_polyserial(values, codes)[0] == pytest.approx(one["closed"], abs=CLOSED)


def test_n_in_the_variance_instead_of_n_less_1_is_all_that_differs_from_polycor(r: dict[str, Any]) -> None:
    """Standardised with n - 1 the values are smaller by sqrt((n - 1) / n): put that in by hand."""
    one = r["polyserial"][1]
    values = np.array([row[one["continuous"]] for row in r["continuous"]])
    codes = np.array(r["data"])[:, 4]
    z = (values - values.mean()) / values.std(ddof=1)
    cut = np.concatenate([[-np.inf], thresholds(np.bincount(codes).astype(float)), [np.inf]])

    def loss(rho: float) -> float:
        u, v = ((cut[place] - rho * z) / np.sqrt(1 - rho**2) for place in (codes + 1, codes))
        return -float(np.log(ndtr(u) - ndtr(v)).sum())

    best = minimize_scalar(loss, bounds=(-0.99, 0.99), method="bounded", options={"xatol": 1e-10}).x
    assert best == pytest.approx(one["two_step"], abs=POLYCOR_SEARCH)


def test_influence_is_the_derivative_in_the_weight_of_a_row() -> None:
    values, codes = sample()
    values[3, 0], codes[5], values[9] = np.nan, -1, np.nan
    found = polyserial(values, codes)
    np.testing.assert_allclose(found.influence.mean(axis=0), 0, atol=1e-12)
    many, often = np.tile(values, (100, 1)), np.tile(codes, 100)
    for row in (0, 3, 5, 9):
        more = polyserial(np.concatenate([many, values[[row]]]), np.append(often, codes[row])).r
        fewer = polyserial(np.delete(many, row, axis=0), np.delete(often, row)).r
        np.testing.assert_allclose((more - fewer) / 2 * 100 * 150, found.influence[row], atol=DERIVATIVE)


def test_the_truth_is_recovered_with_its_standard_error() -> None:
    rng = np.random.default_rng(1)
    found, errors = [], []
    for _ in range(300):
        x = rng.normal(size=(200, 2)) @ np.array([[1, 0.5], [0, np.sqrt(0.75)]])
        one = polyserial(x[:, :1], np.searchsorted([-0.5, 1.0], x[:, 1]))
        found.append(one.r[0])
        errors.append(np.sqrt((one.influence**2).mean() / 200))
    # Monte Carlo standard error of the mean .003, of the spread 4 %.
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.12)


def test_what_cannot_be_estimated_and_what_is_perfect() -> None:
    values, codes = sample(60)
    values[:, 1] = 2.0
    assert np.isnan(polyserial(values, codes).r[1])
    assert np.isnan(polyserial(values[:, :1], np.zeros(60, dtype=int)).r).all()
    perfect = polyserial(values[:, :1], (values[:, 0] > 0).astype(int))
    assert perfect.r[0] == pytest.approx(LIMIT, abs=1e-5) and perfect.at_limit[0]


def test_holes_and_shift_and_scale() -> None:
    values, codes = sample()
    moved = polyserial(7 - 3 * values[:, :1], codes)
    assert moved.r[0] == pytest.approx(-polyserial(values[:, :1], codes).r[0], abs=1e-9)
    values[:20, 0] = np.nan
    assert polyserial(values, codes).pairs.tolist() == [130, 150]
