"""KMO and Bartlett's test: psych's values, derivatives, and matrices that have no inverse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from psychomet.numerics.dimensions import bartlett_sphericity, kmo, kmo_slopes

EXACT = 1e-9
STEP = 1e-6
# Central differences of step 1e-6.
DIFFERENCE = 1e-7


@pytest.fixture(scope="module")
def harman() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "dimensions.json").read_text())


def one_factor(k: int = 6, n: int = 60, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.corrcoef((rng.normal(size=(n, 1)) + rng.normal(size=(n, k))).T)


def test_kmo_and_bartlett_are_psychs(harman: dict[str, Any]) -> None:
    cor = np.array(harman["cor"])
    found = kmo(cor[None])
    assert found.overall[0] == pytest.approx(harman["kmo"], abs=EXACT)
    np.testing.assert_allclose(found.item[0], harman["kmo_item"], atol=EXACT)
    test = bartlett_sphericity(cor, 145)
    statistic, p_value, df = harman["bartlett"]
    assert test.statistic == pytest.approx(statistic, rel=EXACT)
    assert test.df == df
    assert test.p_value == pytest.approx(p_value, rel=1e-6)


def test_kmo_of_two_items_is_one_half() -> None:
    """With no other item to hold fixed, the partial correlation is the correlation."""
    found = kmo(np.array([[[1.0, 0.6], [0.6, 1.0]]]))
    assert found.overall[0] == pytest.approx(0.5)
    np.testing.assert_allclose(found.item, 0.5)


def test_kmo_is_missing_where_the_matrix_has_no_inverse() -> None:
    singular = np.ones((4, 4))
    holes = np.eye(4)
    holes[0, 1] = holes[1, 0] = np.nan
    sound = one_factor(4)
    found = kmo(np.stack([singular, sound, holes]))
    assert np.isnan(found.overall[[0, 2]]).all() and np.isnan(found.item[[0, 2]]).all()
    assert found.overall[1] == pytest.approx(kmo(sound[None]).overall[0])
    assert np.isnan(bartlett_sphericity(singular, 50).statistic)


def test_the_slopes_of_kmo_are_its_derivatives() -> None:
    cor = one_factor()
    slopes = kmo_slopes(cor)
    for pair, (a, b) in enumerate(zip(*np.triu_indices(6, 1), strict=True)):
        up, down = cor.copy(), cor.copy()
        up[[a, b], [b, a]] += STEP
        down[[a, b], [b, a]] -= STEP
        high, low = kmo(up[None]), kmo(down[None])
        change = np.concatenate([high.overall - low.overall, (high.item - low.item)[0]]) / (2 * STEP)
        np.testing.assert_allclose(change, slopes[:, pair], atol=DIFFERENCE)


def test_bartletts_test_keeps_its_level_without_correlation() -> None:
    rng = np.random.default_rng(2)
    p = [bartlett_sphericity(np.corrcoef(rng.normal(size=(80, 8)).T), 80).p_value for _ in range(400)]
    # p values of a true null are uniform; the test of that has a level of its own.
    assert kstest(p, "uniform").pvalue > 0.001
