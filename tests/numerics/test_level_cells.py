"""Cells of respondent by level against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psychomet.numerics.level_cells import complete_cells, level_cells

# The order of summation differs.
SAME_NUMBER = 1e-12


def rows(seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    respondent = rng.permutation(np.repeat(np.arange(12), 7))
    level = rng.integers(0, 3, respondent.size)
    return rng.normal(size=respondent.size) + 1000.0, respondent, level


def test_means_and_noise_equal_pandas() -> None:
    scores, respondent, level = rows()
    cells = level_cells(scores, respondent=respondent, level=level, n_levels=3)
    frame = pd.DataFrame({"score": scores, "respondent": respondent, "level": level})
    grouped = frame.groupby(["respondent", "level"])["score"]
    expected = grouped.mean()
    np.testing.assert_array_equal(cells.respondent, expected.index.get_level_values(0))
    np.testing.assert_array_equal(cells.level, expected.index.get_level_values(1))
    np.testing.assert_allclose(cells.mean, expected, rtol=SAME_NUMBER)
    np.testing.assert_allclose(cells.noise, grouped.var(ddof=0), atol=1e-9)
    met = frame.groupby("respondent")["level"].nunique()
    assert cells.n_complete == (met == 3).sum()
    means, noise = complete_cells(cells)
    wide = expected.unstack().dropna()
    np.testing.assert_allclose(means, wide, rtol=SAME_NUMBER)
    assert noise.shape == means.shape


@pytest.mark.parametrize(
    ("respondent", "level", "relation", "complete"),
    [
        ([0, 1, 2, 2], [0, 1, 0, 0], "between", 0),
        ([0, 0, 1, 1, 1], [0, 1, 1, 0, 0], "within", 2),
        ([0, 0, 1], [0, 1, 1], "mixed", 1),
        ([0, 0, 5], [0, 1, 1], "mixed", 1),
        ([3, 3, 5, 5], [0, 1, 1, 0], "within", 2),
    ],
)
def test_relation_is_read_off_the_rows(respondent, level, relation: str, complete: int) -> None:
    cells = level_cells(
        np.arange(len(level), dtype=float), respondent=np.array(respondent), level=np.array(level), n_levels=2
    )
    assert (cells.relation, cells.n_complete) == (relation, complete)
    assert cells.n_respondents == len(set(respondent))


def test_equal_scores_have_exactly_no_noise() -> None:
    cells = level_cells(
        np.full(30, 0.1 + 0.2), respondent=np.repeat(np.arange(3), 10), level=np.tile([0, 1], 15), n_levels=2
    )
    assert (cells.noise == 0).all()
