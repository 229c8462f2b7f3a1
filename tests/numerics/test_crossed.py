"""Random effects in strata: nothing is lost on the way from levels to cells and back."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.crossed import (
    Crossed,
    at_cells,
    at_coordinates,
    crossed,
    effect_draws,
    own_information,
)

SAME = 1e-10  # sums of a few dozen numbers of size 1 in another order
ERRORS = 4.5  # Monte Carlo standard errors; a few hundred moments are compared
VARIANCE = np.array([1.0, 2.0, 0.5, 0.7])
EFFECTS = [(0,), (1,), (2,), (0, 1)]


def grid(*sizes: int) -> list[np.ndarray]:
    return list(np.indices(sizes).reshape(len(sizes), -1))


def holed() -> list[np.ndarray]:
    """A table without a third of its cells, two combinations of the interaction among them."""
    codes = grid(4, 6, 3)
    keep = np.random.default_rng(3).random(72) < 0.67
    keep &= ~((codes[0] == 2) & (codes[1] < 2))
    keep[[0, -1]] = True
    return [code[keep] for code in codes]


def matrix(plan: Crossed) -> np.ndarray:
    return np.array([at_cells(plan, one) for one in np.eye(plan.stratum.size)]).T


@pytest.mark.parametrize("codes", [grid(4, 6, 3), holed()], ids=["complete", "holed"])
def test_strata_have_the_covariance_of_the_effects(codes: list[np.ndarray]) -> None:
    plan = crossed(codes, effects=EFFECTS)
    spread = (plan.weight @ VARIANCE)[plan.stratum]
    found = matrix(plan) * spread @ matrix(plan).T + plan.mean_weight @ VARIANCE
    expected = sum(
        v * np.all([codes[a][:, None] == codes[a] for a in effect], axis=0)
        for v, effect in zip(VARIANCE, EFFECTS, strict=True)
    )
    np.testing.assert_allclose(found, expected, atol=SAME)
    assert len(plan.tables) < len(plan.strata)


def test_derivatives_are_taken_back_by_the_transpose() -> None:
    plan = crossed(holed(), effects=EFFECTS)
    whole, rng = matrix(plan), np.random.default_rng(1)
    by_cell, information = rng.normal(size=len(whole)), rng.uniform(1, 2, len(whole))
    np.testing.assert_allclose(at_coordinates(plan, by_cell), whole.T @ by_cell, atol=SAME)
    np.testing.assert_allclose(own_information(plan, information), (whole**2).T @ information, atol=SAME)


def test_a_nested_facet_is_a_facet_of_its_own() -> None:
    """Items within scales: of 4 x 12 combinations 12 occur, and are not completed."""
    item, person = grid(12, 3)
    plan = crossed([item // 3, item, person], effects=[(0,), (0, 1), (2,)])
    assert plan.effects == ((0,), (3,), (2,))
    assert [stratum.axes for stratum in plan.strata] == [(0,), (2,), (3,)]
    assert plan.strata[2].shape == (12,)


def test_divided_effects_add_up_to_the_strata() -> None:
    codes = holed()
    plan = crossed(codes, effects=EFFECTS)
    rng = np.random.default_rng(2)
    z, shift = rng.normal(size=(5, plan.stratum.size)), rng.normal(size=5)
    found = effect_draws(plan, z, variance=np.tile(VARIANCE, (5, 1)), shift=shift, rng=rng)
    assert [part.shape[1] for part in found] == [4, 6, 3, 22]
    pair = np.unique(codes[0] * 6 + codes[1], return_inverse=True)[1]
    total = found[0][:, codes[0]] + found[1][:, codes[1]] + found[2][:, codes[2]] + found[3][:, pair]
    expected = np.array([at_cells(plan, one) for one in z]) + shift[:, None]
    np.testing.assert_allclose(total, expected, atol=SAME)


def test_effects_of_strata_from_their_prior_have_their_prior() -> None:
    plan = crossed(grid(3, 4, 2), effects=EFFECTS)
    rng, draws = np.random.default_rng(5), 20_000
    spread = (plan.weight @ VARIANCE)[plan.stratum]
    z = np.sqrt(spread) * rng.standard_normal((draws, spread.size))
    shift = np.sqrt(plan.mean_weight @ VARIANCE) * rng.standard_normal(draws)
    parts = effect_draws(plan, z, variance=np.tile(VARIANCE, (draws, 1)), shift=shift, rng=rng)
    flat = np.concatenate(parts, axis=1)
    own = np.repeat(VARIANCE, [3, 4, 2, 12])
    moments = flat.T @ flat / draws
    error = np.sqrt(np.outer(own, own) * (1 + np.eye(own.size)) / draws)
    assert (np.abs(moments - np.diag(own)) < ERRORS * error).all()
