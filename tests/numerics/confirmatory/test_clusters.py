"""Rows in clusters: single rows, doubled rows, lavaan's numbers, and coverage by simulation.

``PSYCHOMET_REPLICATES=400 pytest -m slow -s tests/numerics/confirmatory/test_clusters.py`` prints the table of
docs/validation/confirmatory.md.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.clusters import cluster_sums, clustered
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.sample import table_sample
from psychomet.numerics.confirmatory.solution import standardised

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "reference" / "confirmatory_clusters.json").read_text(encoding="utf-8")
)
REPLICATES = int(os.environ.get("PSYCHOMET_REPLICATES", "200"))
ARITHMETIC = 1e-8
# lavaan stops at a gradient of about 1e-6.
MEASURE = 1e-4
MODEL = STORED["model"]
LOAD = np.array([[0.8, 0], [0.7, 0], [0.6, 0], [0.7, 0], [0, 0.7], [0, 0.8], [0, 0.6], [0, 0.5]])
SEED = 20261121


def fitted(values: np.ndarray, *, means: bool = True) -> Fit:
    return fit(build_model(MODEL, std_lv=True, means=means), table_sample(values), estimator="MLR")


@pytest.mark.parametrize(("name", "means"), [("x", True), ("x", False), ("holes", True)])
def test_single_rows_are_the_plain_sandwich(name: str, means: bool) -> None:
    values = np.array(STORED[name], dtype=float)
    n = len(values)
    plain = fitted(values, means=means)
    found = clustered(plain, np.arange(n))
    ratio = n / (n - 1)
    np.testing.assert_allclose(found.covariance, plain.covariance * ratio, rtol=1e-6, atol=ARITHMETIC)
    assert found.test.factor == pytest.approx(plain.test.factor * ratio, rel=1e-6)
    assert found.baseline.factor == pytest.approx(plain.baseline.factor * ratio, rel=1e-6)


@pytest.mark.parametrize("name", ["x", "holes"])
def test_rows_said_twice_bring_nothing(name: str) -> None:
    values = np.array(STORED[name], dtype=float)
    n = len(values)
    single = clustered(fitted(values), np.arange(n))
    doubled = clustered(fitted(np.repeat(values, 2, axis=0)), np.repeat(np.arange(n), 2))
    np.testing.assert_allclose(doubled.std_error, single.std_error, rtol=1e-5)
    # Twice the statistic, with twice the factor.
    assert doubled.test.scaled == pytest.approx(single.test.scaled, rel=1e-5)
    assert doubled.test.robust_factor == pytest.approx(2 * single.test.robust_factor, rel=1e-4)


@pytest.mark.parametrize(("name", "rule"), [("x", "complete"), ("holes", "available")])
def test_scaled_tests_are_those_of_lavaan(name: str, rule: str) -> None:
    found = clustered(fitted(np.array(STORED[name], dtype=float)), np.array(STORED["unit"]))
    stored = STORED[rule]["fit"]
    assert found.test.scaled == pytest.approx(stored["chisq.scaled"], rel=MEASURE)
    assert found.test.factor == pytest.approx(stored["chisq.scaling.factor"], rel=MEASURE)


def test_the_order_of_rows_does_not_matter() -> None:
    values, unit = np.array(STORED["x"]), np.array(STORED["unit"])
    order = np.random.default_rng(1).permutation(len(unit))
    one = clustered(fitted(values), unit)
    other = clustered(fitted(values[order]), unit[order])
    np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-6)
    assert one.test.factor == pytest.approx(other.test.factor, rel=1e-6)


def test_sums() -> None:
    rows = np.arange(8.0).reshape(4, 2)
    found = cluster_sums(rows, np.array([1, 0, 1, 1]))
    np.testing.assert_allclose(found, np.array([[2, 3], [10, 13]]) * np.sqrt(2))


def test_misuse() -> None:
    values = np.array(STORED["x"])
    plain = fit(build_model(MODEL), table_sample(values), estimator="ML")
    with pytest.raises(ValueError, match="MLR"):
        clustered(plain, np.arange(len(values)))
    with pytest.raises(ValueError, match="several"):
        clustered(fitted(values), np.zeros(len(values), dtype=int))
    with pytest.raises(ValueError, match="every row"):
        clustered(fitted(values), np.arange(3))


def drawn(rng: np.random.Generator, units: int, each: int) -> np.ndarray:
    """Rows of a two-factor population in which rows of a unit share half of factors and residuals."""
    half = np.sqrt(0.5)
    phi = np.linalg.cholesky(np.array([[1.0, 0.3], [0.3, 1.0]]))
    own = np.sqrt(1 - (LOAD**2).sum(axis=1))
    factors = half * rng.normal(size=(units, 1, 2)) + half * rng.normal(size=(units, each, 2))
    rest = half * rng.normal(size=(units, 1, 8)) + half * rng.normal(size=(units, each, 8))
    return np.asarray((factors @ phi.T @ LOAD.T + rest * own).reshape(-1, 8))


@pytest.mark.slow
@pytest.mark.parametrize("units", [40, 100, 300])
def test_coverage(units: int) -> None:
    """Standardised loadings held by 95 % intervals, and true models rejected at .05."""
    rng = np.random.default_rng([SEED, units])
    each, held, naive, rejected, plainly = 5, [], [], [], []
    truth = np.array([0.8, 0.7, 0.6, 0.7, 0.7, 0.8, 0.6, 0.5])
    unit = np.repeat(np.arange(units), each)
    for _ in range(REPLICATES):
        plain = fitted(drawn(rng, units, each))
        found = clustered(plain, unit)
        for one, kept in ((found, held), (plain, naive)):
            load = [p for p in standardised(one) if p.op == "=~"]
            off = np.abs(np.array([p.estimate for p in load]) - truth)
            kept.append(np.mean(off < 1.959964 * np.array([p.std_error for p in load])))
        rejected.append(found.test.scaled_p_value < 0.05)
        plainly.append(plain.test.scaled_p_value < 0.05)
    line = f"{units} respondents of {each} rows: loadings {np.mean(held):.3f} (rows taken as independent {np.mean(naive):.3f}), rejected {np.mean(rejected):.3f} ({np.mean(plainly):.3f})\n"
    sys.stdout.write(line)
    # Few clusters cover less; taking rows as independent is far off at any number.
    assert np.mean(held) > (0.90 if units < 100 else 0.925)
    assert np.mean(naive) < 0.9
    assert np.mean(rejected) < np.mean(plainly)
