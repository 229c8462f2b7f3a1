"""Rotation criteria: each slope is the derivative of its value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from psychomet.numerics.rotations import criteria

Criterion = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
STEP = 1e-6
# Central differences of step 1e-6 lose half the digits of a value near 1.
DIFFERENCE = 1e-6

WANTED = np.where(np.arange(21).reshape(7, 3) % 4 == 0, np.nan, 0.1)
CRITERIA: dict[str, Criterion] = {
    "quartimin": lambda loadings: criteria.oblimin(loadings, 0.0),
    "oblimin": lambda loadings: criteria.oblimin(loadings, -0.7),
    "quartimax": criteria.quartimax,
    "varimax": criteria.varimax,
    "equamax": lambda loadings: criteria.crawford_ferguson(loadings, 0.2),
    "geomin": lambda loadings: criteria.geomin(loadings, 0.01),
    "bentler": criteria.bentler,
    "bifactor": criteria.bifactor,
    "target": lambda loadings: criteria.target(loadings, WANTED),
}


@pytest.mark.parametrize("name", CRITERIA)
def test_the_slope_is_the_derivative(name: str) -> None:
    loadings = np.random.default_rng(2).normal(size=(2, 7, 3))
    value, slope = CRITERIA[name](loadings)
    assert value.shape == (2,)
    for place in np.ndindex(7, 3):
        move = np.zeros_like(loadings)
        move[1][place] = STEP
        up, down = CRITERIA[name](loadings + move)[0], CRITERIA[name](loadings - move)[0]
        assert (up - down)[1] / (2 * STEP) == pytest.approx(slope[1][place], rel=DIFFERENCE, abs=DIFFERENCE)
        assert up[0] == value[0]


def test_simple_structure_is_what_the_criteria_seek() -> None:
    simple = np.kron(np.eye(3), np.full((3, 1), 0.7))[None]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    for name in set(CRITERIA) - {"bifactor", "target"}:
        assert CRITERIA[name](simple)[0] < CRITERIA[name](simple @ turn)[0], name
