"""MAP, VSS, the empirical Kaiser criterion, sequential tests and the hull: psych's, factanal's and EFAtools' values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.dimensions import (
    empirical_kaiser,
    fit_models,
    hull,
    kaiser,
    minimum_average_partial,
    most_factors,
    sequential_tests,
    very_simple_structure,
)

EXACT = 1e-9
# psych's varimax stops at a relative gain of 1e-5, its minres at 1e-8.
VSS_TOLERANCE = 2e-3
# factanal stops at a relative change of 1e-8 or so of the criterion.
ML_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def harman() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "dimensions.json").read_text())


@pytest.fixture(scope="module")
def tables(shared: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = shared / "reference"
    return tuple(
        json.loads((folder / name).read_text())["results"] for name in ("04_efa.json", "05_nfactors.json")
    )  # type: ignore[return-value]


def groups(m: int, per: int, loading: float = 0.7) -> np.ndarray:
    """Population correlations of m uncorrelated factors."""
    cor = np.kron(np.eye(m), np.full((per, per), loading**2))
    np.fill_diagonal(cor, 1.0)
    return cor


def test_map_is_psychs(harman: dict[str, Any]) -> None:
    found = minimum_average_partial(np.array(harman["cor"]), 6)
    np.testing.assert_allclose(found.square[1:], harman["map"], atol=EXACT)
    assert found.original == int(np.argmin(harman["map"])) + 1


def test_map_finds_nothing_in_nothing_and_groups_where_they_are() -> None:
    assert minimum_average_partial(np.eye(6), 3).original == 0
    for m in (1, 2, 3):
        found = minimum_average_partial(groups(m, 6), 5)
        assert (found.original, found.revised) == (m, m)


def test_map_stops_where_a_component_takes_all_of_an_item() -> None:
    found = minimum_average_partial(np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]]), 2)
    assert np.isfinite(found.square[0]) and np.isnan(found.square[2])


def test_very_simple_structure_is_psychs(harman: dict[str, Any]) -> None:
    found = very_simple_structure(np.array(harman["cor"]), 6)
    np.testing.assert_allclose(found.first, harman["vss1"], atol=VSS_TOLERANCE)
    np.testing.assert_allclose(found.second[1:], harman["vss2"][1:], atol=VSS_TOLERANCE)
    assert np.isnan(found.second[0])
    assert found.complexity_1 == int(np.argmax(harman["vss1"])) + 1
    assert found.complexity_2 == int(np.argmax(harman["vss2"])) + 1


def test_the_empirical_kaiser_criterion_is_efatools(tables: tuple[dict[str, Any], dict[str, Any]]) -> None:
    efa, counts = tables
    values = np.linalg.eigvalsh(np.array(efa["cor.bfi25.complete"]["values"]))[::-1]
    expected = [row["BvA2017"] for row in counts["EFAtools.EKC.bfi25"]["ref"]]
    found = empirical_kaiser(values, 2436)
    np.testing.assert_allclose(found.reference, expected, atol=EXACT)
    assert kaiser(values) == counts["eigen.bfi25"]["kaiser"]


def test_the_empirical_kaiser_criterion_of_uncorrelated_items_is_the_bound_of_chance() -> None:
    found = empirical_kaiser(np.ones(10), 90)
    np.testing.assert_allclose(found.reference[0], (1 + 1 / 3) ** 2)
    assert found.n_factors == 0
    assert empirical_kaiser(np.array([3.0, 0.5, 0.5]), 1000).n_factors == 1


def test_statistics_of_models_are_factanals(harman: dict[str, Any]) -> None:
    found = fit_models(np.array(harman["cor"]), 145, 4)
    assert found is not None
    np.testing.assert_allclose(found.statistic[1:], harman["chi"][:4], rtol=ML_TOLERANCE)
    np.testing.assert_allclose(found.df[1:], harman["df"][:4])
    np.testing.assert_allclose(found.p_value[4], harman["p"][3], rtol=1e-2)
    assert found.cfi[0] == 0
    assert (np.diff(found.rmsea) < 0).all()


def test_sequential_tests_and_hull_elect_what_efatools_elects(
    tables: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    efa, counts = tables
    cor = np.array(efa["cor.bfi25.complete"]["values"])
    found = fit_models(cor, 2436, 13)
    assert found is not None
    assert sequential_tests(found) == counts["EFAtools.SMT.bfi25"]["chi"]
    # Up to one more than parallel analysis by squared multiple correlations finds, as EFAtools does.
    top = counts["EFAtools.PARALLEL.bfi25"]["n_fac_SMC"] + 2
    assert hull(found.caf[:top], found.df[:top]) == counts["EFAtools.HULL.bfi25"]["CAF"]


def test_models_of_a_population_find_its_factors() -> None:
    found = fit_models(groups(3, 4), 500, 5)
    assert found is not None
    assert sequential_tests(found) == 3
    for fit in (found.caf, found.cfi, 1 - found.rmsea):
        assert hull(fit, found.df) == 3


def test_models_need_an_inverse() -> None:
    assert fit_models(np.ones((5, 5)), 100, 1) is None


@pytest.mark.parametrize(("k", "most"), [(3, 0), (4, 1), (6, 2), (9, 5), (25, 18)])
def test_models_leave_degrees_of_freedom(k: int, most: int) -> None:
    assert most_factors(k) == most


def test_the_hull_passes_over_models_below_it() -> None:
    df = np.array([45.0, 35.0, 26.0, 18.0, 11.0])
    # Steep to 2, flat afterwards; the model with 1 lies below the line from 0 to 2.
    assert hull(np.array([0.0, 0.2, 0.8, 0.82, 0.83]), df) == 2
    # A model that fits worse than a smaller one is no gain over it.
    assert hull(np.array([0.0, 0.5, 0.9, 0.85, 0.88]), df) == 2
    assert hull(np.array([0.0, 0.5]), df[:2]) is None
    assert hull(np.array([0.0, 0.1, 0.3]), df[:3]) is None
