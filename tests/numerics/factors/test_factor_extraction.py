"""Extraction, fit and scores against psych and lavaan, and against what the criteria demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.numerics.alignment import matched
from psychomet.numerics.factors import (
    LEAST_UNIQUENESS,
    adjusted_fit,
    degrees_of_freedom,
    determinacy,
    extract,
    fit,
    most_factors,
    score_weights,
    shape,
)
from psychomet.numerics.factors.fit import rmsea_limits
from psychomet.numerics.rotations import arranged, rotate, rule

Floats = NDArray[np.float64]

REFERENCE = Path(__file__).parents[2] / "reference" / "factors.json"
# psych minimises by L-BFGS-B to a relative change of 1e-8 of the criterion, which leaves 1e-6 to 1e-5 in a loading.
OPTIMISER = 2e-5
# psych's varimax and promax stop at a relative change of 1e-5, its oblimin at a projected gradient of 1e-5.
ROTATION = 1e-4
VARIMAX = 1e-3
# The criteria are flat at the minimum: statistics agree to the square of what loadings do.
STATISTIC = 1e-6
ARITHMETIC = 1e-9


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(REFERENCE.read_text())


@pytest.fixture(scope="module")
def answers(stored: dict[str, Any]) -> Floats:
    return np.array(stored["answers"], dtype=float)


@pytest.fixture(scope="module")
def cor(answers: Floats) -> Floats:
    return np.asarray(np.corrcoef(answers.T))


def aligned(loadings: Floats, wanted: list[list[float]]) -> tuple[Floats, Floats]:
    target = np.array(wanted)
    return matched(loadings[None], target)[0][0], target


@pytest.mark.parametrize("method", ["minres", "ml", "pa"])
def test_unrotated_loadings_are_those_of_psych(stored: dict[str, Any], cor: Floats, method: Any) -> None:
    found = extract(cor[None], 3, method=method)
    mine, theirs = aligned(found.loadings[0], stored[f"{method}.none"]["loadings"])
    np.testing.assert_allclose(mine, theirs, atol=OPTIMISER)
    assert found.converged[0] and not found.heywood.any()


@pytest.mark.parametrize("method", ["minres", "ml", "pa"])
@pytest.mark.parametrize("name", ["varimax", "promax", "oblimin"])
def test_rotated_loadings_are_those_of_psych(
    stored: dict[str, Any], cor: Floats, method: Any, name: Any
) -> None:
    found = extract(cor[None], 3, method=method)
    turned = arranged(rotate(found.loadings, chosen=rule(name)))
    mine, theirs = aligned(turned.loadings[0], stored[f"{method}.{name}"]["loadings"])
    np.testing.assert_allclose(mine, theirs, atol=ROTATION if name == "oblimin" else VARIMAX)


def test_principal_axis_ends_where_minres_does(cor: Floats) -> None:
    axis, least = (extract(cor[None], 3, method=method).loadings[0] for method in ("pa", "minres"))
    # The passes stop once communalities move by less than 1e-9, some hundred times nearer than that would say.
    np.testing.assert_allclose(axis, least, atol=1e-6)


def test_generalised_least_squares_are_those_of_lavaan(stored: dict[str, Any], cor: Floats) -> None:
    found = extract(cor[None], 3, method="gls")
    np.testing.assert_allclose(found.uniqueness[0], stored["gls"]["uniqueness"], atol=OPTIMISER)
    theirs = np.array(stored["gls"]["loadings"])
    np.testing.assert_allclose(found.loadings[0] @ found.loadings[0].T, theirs @ theirs.T, atol=OPTIMISER)


def gls(cor: Floats, loadings: Floats, uniqueness: Floats) -> float:
    part = np.eye(len(cor)) - np.linalg.solve(cor, loadings @ loadings.T + np.diag(uniqueness))
    return float(np.trace(part @ part) / 2)


def wls(cor: Floats, loadings: Floats, uniqueness: Floats) -> float:
    weight = np.diagonal(np.linalg.inv(cor))
    rest = (cor - loadings @ loadings.T) ** 2 * weight[:, None] * weight
    return float(np.triu(rest, 1).sum())


@pytest.mark.parametrize(("method", "criterion"), [("gls", gls), ("wls", wls)])
def test_no_neighbour_of_the_solution_is_better(cor: Floats, method: Any, criterion: Any) -> None:
    found = extract(cor[None], 3, method=method)
    least = criterion(cor, found.loadings[0], found.uniqueness[0])
    rng = np.random.default_rng(1)
    for _ in range(50):
        loadings = found.loadings[0] + 1e-3 * rng.standard_normal((12, 3))
        uniqueness = found.uniqueness[0] + (1e-3 * rng.standard_normal(12) if method == "gls" else 0)
        assert criterion(cor, loadings, uniqueness) > least


@pytest.mark.parametrize("method", ["minres", "ml", "wls", "gls", "pa"])
def test_exact_correlations_are_reproduced(method: Any) -> None:
    rng = np.random.default_rng(2)
    truth = rng.uniform(-0.5, 0.5, (10, 2))
    model = truth @ truth.T
    np.fill_diagonal(model, 1.0)
    found = extract(model[None], 2, method=method)
    # Principal axis creeps up to its limit.
    np.testing.assert_allclose(
        found.loadings[0] @ found.loadings[0].T, truth @ truth.T, atol=1e-6 if method == "pa" else 1e-8
    )


def test_heywood_case_is_flagged_and_principal_axis_goes_beyond() -> None:
    model = np.full((4, 4), 0.6)
    model[0, 1:] = model[1:, 0] = 0.85
    np.fill_diagonal(model, 1.0)
    found = extract(model[None], 1)
    assert found.heywood[0].tolist() == [True, False, False, False]
    assert found.uniqueness[0, 0] == pytest.approx(LEAST_UNIQUENESS)
    assert extract(model[None], 1, method="pa").uniqueness[0, 0] < 0


def test_a_stack_gives_what_each_matrix_gives_alone(answers: Floats) -> None:
    stack = np.stack([np.corrcoef(answers[start : start + 150].T) for start in (0, 75, 150)])
    for method in ("minres", "ml", "wls", "gls"):
        whole = extract(stack, 3, method=method)  # type: ignore[arg-type]
        for place in range(3):
            alone = extract(stack[[place]], 3, method=method)  # type: ignore[arg-type]
            np.testing.assert_allclose(whole.loadings[place], alone.loadings[0], atol=1e-7)


def test_matrices_that_cannot_be_factored_stay_empty(cor: Floats) -> None:
    holed = cor.copy()
    holed[0, 1] = holed[1, 0] = np.nan
    singular = np.ones((12, 12))
    assert np.isnan(extract(holed[None], 2).loadings).all()
    for method in ("ml", "gls", "wls"):
        assert np.isnan(extract(singular[None], 2, method=method).loadings).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["minres", "ml", "pa"])
def test_fit_is_that_of_psych(stored: dict[str, Any], cor: Floats, method: Any) -> None:
    theirs = stored[f"{method}.none"]["fit"]
    mine = fit(cor, extract(cor[None], 3, method=method).loadings[0], n=300, conf_level=0.9)
    for name, value in theirs.items():
        if name != "rmsea_psych":
            assert getattr(mine, name) == pytest.approx(value, rel=1e-4, abs=STATISTIC), name
    # psych divides the statistic by n where the formula has n - 1.
    psych = np.sqrt(max(mine.statistic / (mine.df * 300) - 1 / 299, 0))
    assert psych == pytest.approx(theirs["rmsea_psych"], rel=1e-4)
    assert mine.rmsea == pytest.approx(np.sqrt((mine.statistic - mine.df) / (mine.df * 299)))


def test_limits_of_rmsea_put_the_statistic_at_their_tails() -> None:
    from scipy.stats import ncx2

    low, high = rmsea_limits(80.0, 33, 300, 0.9)
    for limit, tail in ((low, 0.95), (high, 0.05)):
        assert ncx2.cdf(80.0, 33, limit**2 * 33 * 299) == pytest.approx(tail, abs=1e-6)
    assert rmsea_limits(20.0, 33, 300, 0.9)[0] == 0.0
    assert np.isnan(rmsea_limits(0.0, 0, 300, 0.9)).all()


def test_degrees_of_freedom_and_the_most_factors() -> None:
    assert degrees_of_freedom(12, 3) == 33
    assert [most_factors(k) for k in (2, 3, 4, 5, 6, 8)] == [0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize("n", [30, 400])
def test_adjusted_statistic_has_the_mean_of_chi_squared(n: int) -> None:
    """With 30 respondents as with 400, although there are 20 residuals."""
    rng = np.random.default_rng(3)
    root = rng.standard_normal((20, 20)) / 5
    seen = []
    for _ in range(600):
        felt = rng.standard_normal((n, 20)) @ root.T
        seen.append(adjusted_fit(felt.mean(axis=0), felt - felt.mean(axis=0), df=12))
    statistic, p_value = np.array(seen).T
    # 600 draws: the standard error of the mean is .2, that of a share of .05 is .009.
    assert statistic.mean() == pytest.approx(12, abs=0.8)
    assert 0.02 < (p_value < 0.05).mean() < 0.1
    assert np.isnan(adjusted_fit(felt[0], felt, df=0)).all()


def test_shape_of_an_oblique_solution_is_that_of_psych(stored: dict[str, Any], cor: Floats) -> None:
    theirs = stored["minres.oblimin"]
    loadings, phi = np.array(theirs["loadings"]), np.array(theirs["phi"])
    made = shape(loadings, phi)
    np.testing.assert_allclose(made.communality, theirs["communality"], atol=1e-8)
    np.testing.assert_allclose(made.complexity, theirs["complexity"], atol=1e-7)
    np.testing.assert_allclose(made.carried, theirs["carried"], atol=1e-7)
    np.testing.assert_allclose(determinacy(cor, loadings, phi) ** 2, theirs["determinacy2"], atol=1e-6)


@pytest.mark.parametrize(
    ("method", "name"), [("regression", "Thurstone"), ("bartlett", "Bartlett"), ("ten_berge", "tenBerge")]
)
def test_score_weights_are_those_of_psych(
    stored: dict[str, Any], answers: Floats, cor: Floats, method: Any, name: str
) -> None:
    theirs, solution = stored[f"scores.{name}"], stored["minres.oblimin"]
    loadings, phi = np.array(solution["loadings"]), np.array(solution["phi"])
    made = score_weights(cor, loadings, phi, 1 - shape(loadings, phi).communality, method=method)
    # psych refits for the scores, with its own stopping rule.
    np.testing.assert_allclose(made.weights, theirs["weights"], atol=ROTATION)
    np.testing.assert_allclose(made.correlation, theirs["correlation"], atol=ROTATION)
    z = (answers[:5] - answers.mean(axis=0)) / answers.std(axis=0, ddof=1)
    np.testing.assert_allclose(z @ made.weights, theirs["first"], atol=3 * ROTATION)


def test_ten_berge_keeps_the_correlations_of_the_factors(stored: dict[str, Any], cor: Floats) -> None:
    loadings, phi = (np.array(stored["minres.oblimin"][name]) for name in ("loadings", "phi"))
    unique = 1 - shape(loadings, phi).communality
    made = score_weights(cor, loadings, phi, unique, method="ten_berge")
    np.testing.assert_allclose(made.correlation, phi, atol=ARITHMETIC)
    best = score_weights(cor, loadings, phi, unique).validity
    np.testing.assert_allclose(best, determinacy(cor, loadings, phi), atol=ARITHMETIC)
    assert (made.validity < best).all()
