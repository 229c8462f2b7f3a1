"""Schmid-Leiman solutions: psych's loadings, and derivatives against differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.factors import extract
from psychomet.numerics.factors.hierarchy import hierarchical_loadings, hierarchy_change
from psychomet.numerics.rotation import oblimin, schmid_leiman
from psychomet.numerics.rotations import Rotation

# psych prints what optim and GPFoblq reached at their default tolerances.
PSYCH_TOLERANCE = 2e-4
STEP = 1e-5
# Central differences with this step err by its square; the extraction of Phi stops at slopes of 1e-9.
DIFFERENCE = 1e-4


@pytest.fixture(scope="module")
def thurstone() -> dict[str, Any]:
    stored = json.loads((Path(__file__).parents[2] / "reference" / "omega.json").read_text())
    return dict(stored["thurstone"])


def solution(cor: np.ndarray, m: int) -> Rotation:
    return oblimin(extract(cor[None], m).loadings, tolerance=1e-10)


@pytest.mark.parametrize(("groups", "m"), [("two", 2), ("three", 3)])
def test_loadings_are_those_of_psych(thurstone: dict[str, Any], groups: str, m: int) -> None:
    wanted = np.array(thurstone[groups]["sl"])
    ours = hierarchical_loadings(schmid_leiman(solution(np.array(thurstone["cor"]), m)))[0]
    np.testing.assert_allclose(ours[:, 0], wanted[:, 0], atol=PSYCH_TOLERANCE)
    order = [int(np.argmax(np.abs(ours[:, 1:].T @ wanted[:, f + 1]))) for f in range(m)]
    assert sorted(order) == list(range(m))
    np.testing.assert_allclose(np.abs(ours[:, 1:][:, order]), np.abs(wanted[:, 1:]), atol=PSYCH_TOLERANCE)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_changes_are_the_differences(m: int) -> None:
    rng = np.random.default_rng(m)
    pattern = np.kron(np.eye(m), np.full((4, 1), 0.65)) + 0.05 * rng.standard_normal((4 * m, m))
    phi = 0.45 + 0.05 * rng.standard_normal((m, m))
    phi = (phi + phi.T) / 2
    np.fill_diagonal(phi, 1.0)
    found = Rotation(pattern[None], phi[None], phi[None], np.zeros(1), np.ones(1, dtype=bool))
    d_loadings = rng.standard_normal((6, 4 * m, m))
    d_phi = rng.standard_normal((6, m, m))
    d_phi = d_phi + d_phi.swapaxes(1, 2)
    d_phi[:, np.arange(m), np.arange(m)] = 0.0
    change = hierarchy_change(found, schmid_leiman(found), d_loadings, d_phi)
    both = [
        hierarchical_loadings(
            schmid_leiman(
                Rotation(pattern + side * d_loadings, phi + side * d_phi, phi + side * d_phi,
                         np.zeros(6), np.ones(6, dtype=bool))
            )
        )
        for side in (STEP, -STEP)
    ]  # fmt: skip
    wanted = (both[0] - both[1]) / (2 * STEP)
    np.testing.assert_allclose(change.general, wanted[:, :, 0], atol=DIFFERENCE)
    np.testing.assert_allclose(change.group, wanted[:, :, 1:], atol=DIFFERENCE)
