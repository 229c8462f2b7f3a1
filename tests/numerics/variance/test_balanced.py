"""The closed form: against R, against definition, and with REML under non-negativity against lme4."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from psychomet.numerics.variance import balanced, balanced_reml, layout_effects

from .reference import DOMAINS, VALUES, analysis, huang

# Sums of squares found by two orders of summation.
SAME = 1e-11
# lme4 stops where its optimiser does; ours is never above it by more than rounding of a deviance of 2,000.
DEVIANCE = 1e-6
# ... and below it by no more than what nloptwrap leaves undone at ftol_abs = 1e-10 with 16 components.
LME4_LEFT = 2e-5
# Components where lme4 stops, as a share of their sum (its deviance is the higher one in all five domains).
LME4_COMPONENT = 2e-4


def test_persons_by_items_by_occasions_equals_aov_and_lme4() -> None:
    expected = VALUES["pxio"]
    effects = [effect for size in (1, 2, 3) for effect in combinations(range(3), size)]
    table = analysis(effects, expected["sizes"], expected["mean_square"], expected["df"])
    found = balanced_reml(table)
    # lme4's optimiser stops about 1e-5 short.
    np.testing.assert_allclose(table.component, expected["component"], atol=LME4_COMPONENT)
    np.testing.assert_array_equal(found.component, table.component)
    assert -2 * found.log_restricted == pytest.approx(expected["deviance"], abs=DEVIANCE)


@pytest.mark.parametrize("name", ["penicillin", "sleepstudy"])
def test_tables_of_lme4(name: str) -> None:
    expected = VALUES["balanced"][name]
    effects = [(0,), (1,), (0, 1)] if name == "penicillin" else [(0,), (0, 1)]
    table = analysis(effects, expected["sizes"], expected["mean_square"], expected["df"])
    np.testing.assert_allclose(table.component, expected["component"], rtol=1e-6)
    assert -2 * balanced_reml(table).log_restricted == pytest.approx(expected["deviance"], abs=DEVIANCE)


@pytest.mark.parametrize("domain", DOMAINS)
def test_five_facets_with_components_on_the_boundary(domain: str) -> None:
    table, component, deviance = huang(domain)
    found = balanced_reml(table)
    assert (table.component < 0).any()
    assert found.converged and (found.component >= 0).all() and found.at_boundary.any()
    ours = -2 * found.log_restricted
    assert deviance - LME4_LEFT < ours < deviance + DEVIANCE
    np.testing.assert_allclose(found.component, component, atol=LME4_COMPONENT * component.sum())


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_boundary_is_a_maximum(domain: str) -> None:
    table, _, _ = huang(domain)
    found = balanced_reml(table)
    fitted = table.expected @ found.component
    score = table.expected.T @ (table.df * (table.mean_square - fitted) / fitted**2) / 2
    scaled = score * table.component[-1]
    assert np.abs(scaled[~found.at_boundary]).max() < 1e-6
    assert scaled[found.at_boundary].max() < 1e-6
    # Cutting the negative ones off and leaving the others is not the maximum.
    cut = np.maximum(table.component, 0)
    shifted = table.expected @ cut
    deviance = (table.df * (np.log(shifted) + table.mean_square / shifted)).sum()
    assert deviance > (table.df * (np.log(fitted) + table.mean_square / fitted)).sum() + 1e-3


def test_sums_of_squares_by_definition() -> None:
    x = np.random.default_rng(1).normal(size=(5, 4, 3)) + 100
    found = balanced(x)
    by_axis = {0: x.mean((1, 2)), 1: x.mean((0, 2)), 2: x.mean((0, 1))}
    for axis, means in by_axis.items():
        squares = x.size / means.size * ((means - x.mean()) ** 2).sum()
        place = found.effects.index((axis,))
        assert found.mean_square[place] * found.df[place] == pytest.approx(squares, rel=SAME)
    assert (found.mean_square * found.df).sum() == pytest.approx(((x - x.mean()) ** 2).sum(), rel=SAME)
    np.testing.assert_array_equal(found.df, [4, 3, 2, 12, 8, 6, 24])


def test_a_large_offset_costs_no_digits() -> None:
    x = np.random.default_rng(2).integers(0, 8, size=(6, 5, 4)).astype(float)
    np.testing.assert_allclose(balanced(x + 2.0**30).component, balanced(x).component, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("order", ["C", "F"])
def test_cells_are_left_as_they_were(order: str) -> None:
    # The sums are taken in place, of a copy.
    cells = np.asarray(np.random.default_rng(4).normal(size=(3, 4, 5)), order=order)
    before = cells.copy()
    found = balanced(cells)
    np.testing.assert_array_equal(cells, before)
    np.testing.assert_allclose(found.mean_square, balanced(before.copy()).mean_square, rtol=SAME)


def test_nested_axis_by_definition() -> None:
    # 4 languages (axis 2), 5 prompts within each (axis 1), 6 respondents.
    x = np.random.default_rng(3).normal(size=(6, 5, 4))
    found = balanced(x, nested={1: (2,)})
    assert found.effects == ((0,), (2,), (0, 2), (1, 2), (0, 1, 2))
    np.testing.assert_array_equal(found.df, [5, 3, 15, 16, 80])
    prompts = x.mean(axis=0)
    squares = 6 * ((prompts - prompts.mean(axis=0)) ** 2).sum()
    assert found.mean_square[3] * found.df[3] == pytest.approx(squares, rel=SAME)
    np.testing.assert_array_equal(found.expected[0], [20, 0, 5, 0, 1])
    np.testing.assert_array_equal(found.expected[1], [0, 30, 5, 6, 1])


def test_replicates_as_a_nested_axis_are_the_residual() -> None:
    x = np.random.default_rng(4).normal(size=(6, 5, 3))
    found = balanced(x, nested={2: (0, 1)})
    within = ((x - x.mean(axis=2, keepdims=True)) ** 2).sum() / (6 * 5 * 2)
    assert found.effects == ((0,), (1,), (0, 1), (0, 1, 2))
    assert found.component[-1] == pytest.approx(within, rel=SAME)


def test_effects_left_out_are_pooled_into_the_residual() -> None:
    x = np.random.default_rng(5).normal(size=(6, 5, 4))
    whole, pooled = balanced(x), balanced(x, effects=[(2,), (0,), (1,)])
    rest = slice(3, None)
    assert pooled.effects == ((0,), (1,), (2,), (0, 1, 2))
    assert pooled.df[-1] == whole.df[rest].sum()
    expected = (whole.df * whole.mean_square)[rest].sum() / whole.df[rest].sum()
    assert pooled.mean_square[-1] == pytest.approx(expected, rel=SAME)


def test_expectation_and_covariance_by_simulation() -> None:
    rng = np.random.default_rng(6)
    truth = np.array([1.0, 0.3, 0.5])
    found = [
        balanced(
            rng.normal(0, 1, (12, 1)) + rng.normal(0, 0.3**0.5, (1, 6)) + rng.normal(0, 0.5**0.5, (12, 6))
        )
        for _ in range(4000)
    ]
    component = np.array([one.component for one in found])
    # Four standard errors of a mean of 4,000; the covariance to a tenth.
    error = component.std(axis=0) / len(found) ** 0.5
    assert (np.abs(component.mean(axis=0) - truth) < 4 * error).all()
    expected = np.linalg.inv(found[0].expected)
    square = found[0].expected @ truth
    covariance = (expected * (2 * square**2 / found[0].df)) @ expected.T
    np.testing.assert_allclose(np.cov(component.T), covariance, rtol=0.15, atol=0.004)


def test_constant_cells_have_no_variance() -> None:
    found = balanced_reml(balanced(np.full((4, 3, 2), 7.1)))
    assert (found.component == 0).all() and found.at_boundary.all()


def test_no_residual_is_said() -> None:
    x = np.arange(5.0)[:, None] + np.array([0.0, 2.0, 7.0])
    assert not balanced_reml(balanced(x)).converged


def test_negative_components_are_kept_on_request() -> None:
    table, _, _ = huang(DOMAINS[0])
    found = balanced_reml(table, non_negative=False)
    np.testing.assert_array_equal(found.component, table.component)
    assert not found.at_boundary.any()


def test_effects_of_a_layout() -> None:
    assert layout_effects(2) == ((0,), (1,), (0, 1))
    assert layout_effects(3, nested={2: (1,), 1: (0,)}) == ((0,), (0, 1), (0, 1, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: balanced(np.ones((3, 1))), "two levels"),
        (lambda: balanced(np.array([[1.0, 2.0], [np.nan, 1.0]])), "not finite"),
        (lambda: balanced(np.ones((3, 3)), effects=[(2,)]), "not effects"),
        (lambda: balanced(np.ones((3, 3, 3)), effects=[(0, 1)]), "left out"),
        (lambda: layout_effects(2, nested={0: (5,)}), "axes 0 to 1"),
        (lambda: layout_effects(2, nested={0: (1,), 1: (0,)}), "nested in itself"),
    ],
)
def test_faults(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
