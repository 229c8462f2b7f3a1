"""The closed form of nearly complete layouts against the analysis of variance, REML and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from psychomet.numerics.variance import Effect, balanced, layout_effects, nearly_balanced, reml, reml_work

EXACT = 1e-10  # sums of squares of some hundred numbers near 1
SAME = 0.5  # difference to REML in standard errors: 5 % of the cells are empty, and both use nearly the same information
Z = 4.0  # standard errors of a mean over tables, for seven components: one false alarm in 2,000

LAYOUTS: list[tuple[tuple[int, ...], Mapping[int, Sequence[int]], Sequence[Effect] | None]] = [
    ((12, 5), {}, None),
    ((12, 5, 3), {}, None),
    ((12, 5, 3, 2), {}, [(0,), (1,), (2,), (3,), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]),
    ((9, 4, 3, 2), {2: (3,)}, None),
    ((9, 4, 3, 2), {2: (3,)}, [(0,), (1,), (3,), (2, 3)]),
    ((9, 4, 3, 2, 2), {4: (0, 2, 3)}, None),
    ((9, 4, 3), {1: (0,)}, None),
    ((9, 4), {1: (0,)}, None),
]  # fmt: skip


def drawn(seed: int, sizes: tuple[int, ...], nested: Mapping[int, Sequence[int]]) -> np.ndarray:
    """A sum of independent normal effects, each with variance 1."""
    rng = np.random.default_rng(seed)
    cells = np.full(sizes, 5.0)
    for effect in layout_effects(len(sizes), nested=nested):
        cells = cells + rng.normal(size=[size if axis in effect else 1 for axis, size in enumerate(sizes)])
    return cells


@pytest.mark.parametrize(("sizes", "nested", "effects"), LAYOUTS)
def test_complete_cells_give_the_analysis_of_variance(
    sizes: tuple[int, ...], nested: Mapping[int, Sequence[int]], effects: Sequence[Effect] | None
) -> None:
    cells = drawn(1, sizes, nested)
    found = nearly_balanced(cells, nested=nested, effects=effects)
    wanted = balanced(cells, nested=nested, effects=effects)
    assert found.effects == wanted.effects
    for name in ("df", "mean_square", "expected", "component", "covariance"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("nested", [{}, {3: (0, 2)}])
def test_a_few_empty_cells_give_nearly_the_components_of_reml(nested: Mapping[int, Sequence[int]]) -> None:
    sizes = (60, 6, 5, 3)
    effects = [e for e in layout_effects(4, nested=nested) if len(e) < 3 or e == (0, 2, 3)]
    cells = drawn(5, sizes, nested)
    cells[np.random.default_rng(6).random(sizes) < 0.05] = np.nan
    there = np.isfinite(cells)
    found = nearly_balanced(cells, nested=nested, effects=effects)
    wanted = reml(cells[there], codes=list(np.nonzero(there)), effects=effects, non_negative=False)
    by_name = dict(zip(wanted.effects[:-1], wanted.component, strict=False))
    target = np.array([*(by_name[effect] for effect in found.effects[:-1]), wanted.component[-1]])
    error = np.sqrt(np.diag(found.covariance))
    assert np.abs((found.component - target) / error).max() < SAME


def test_components_are_unbiased_with_cells_missing() -> None:
    tables, truth = 400, np.array([4.0, 2.0, 0.5, 1.0, 0.5, 0.3, 0.8])
    rng = np.random.default_rng(11)
    effects, sizes = layout_effects(3), (50, 6, 4)
    drawn_components = np.empty((tables, truth.size))
    for number in range(tables):
        cells = sum(
            np.sqrt(variance) * rng.normal(size=[s if a in effect else 1 for a, s in enumerate(sizes)])
            for effect, variance in zip(effects, truth, strict=True)
        )
        cells = np.where(rng.random(sizes) < 0.15, np.nan, cells)
        drawn_components[number] = nearly_balanced(cells).component
    z = (drawn_components.mean(axis=0) - truth) / (drawn_components.std(axis=0, ddof=1) / np.sqrt(tables))
    assert np.abs(z).max() < Z


def test_an_offset_and_a_unit_of_measurement_go_through() -> None:
    cells = drawn(2, (20, 5, 3), {})
    cells[np.random.default_rng(3).random(cells.shape) < 0.1] = np.nan
    found, other = nearly_balanced(cells), nearly_balanced(1000 + 3 * cells)
    np.testing.assert_allclose(other.component, 9 * found.component, rtol=1e-8)


def test_empty_cells_cost_degrees_of_freedom() -> None:
    cells = drawn(2, (20, 5, 3), {})
    whole = nearly_balanced(cells).df
    cells[0, 0, 0] = cells[1, 2, 1] = np.nan
    fewer = nearly_balanced(cells).df
    assert fewer[-1] < whole[-1] - 1
    assert fewer[-1] > whole[-1] - 5


def test_a_condition_that_one_respondent_met_is_refused() -> None:
    cells = drawn(2, (20, 5, 3), {})
    cells[1:, 2, 1] = np.nan
    with pytest.raises(ValueError, match="fewer than 2 respondents"):
        nearly_balanced(cells)


def test_an_axis_of_one_level_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two levels"):
        nearly_balanced(np.ones((5, 1)))


def test_the_work_of_reml_grows_with_respondents_and_with_the_cube_of_their_conditions() -> None:
    effects = layout_effects(3)

    def work(n: int, k: int) -> float:
        return reml_work(effects, sizes=(n, k, 4), rows=n * k * 4)

    assert work(8000, 10) / work(4000, 10) == pytest.approx(2, rel=0.01)
    # 1 + k + 4 unknowns of each respondent, and k + 4 + 4 k of the conditions: beyond k = 100 about cubic.
    assert 6 < work(100_000, 400) / work(100_000, 200) < 8.5
