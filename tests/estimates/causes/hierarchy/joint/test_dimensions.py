"""The coordinates of units: what they are where answers tell all, where they tell nothing, and with a correlation near 1."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
sys.path.insert(0, str(Path(__file__).parent))

import designs  # noqa: E402

from psychomet.estimates.causes.hierarchy.joint.density import density_of, double, size_of  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.dimensions import dimensions  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.parameters import layout  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.plan import data_of, plan_of  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.priors import reflected  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors  # noqa: E402

UNITS = 12


def placed(joint: Joint, x: Any, correlation: float, loading: float, middle: Any = 0.0) -> Any:
    """Dimensions of the units at coordinates x."""
    plan = plan_of(joint)
    root = np.linalg.cholesky([[1.0, correlation], [correlation, 1.0]])
    blocks = [{"loading": np.full(block.items, loading)} for block in plan.blocks]
    found = {"mean": np.zeros(2) + middle, "sd": np.ones(2), "cholesky": root, "blocks": blocks}
    with double():
        dimensions(x, found, plan, data_of(joint, plan, JointPriors()))
        return np.asarray(found["z"])


def two_traits(trials: float) -> Joint:
    """A rate for each of two dimensions."""
    blocks = [designs.block(name, "binomial", UNITS, 1, at, trials=np.full(UNITS, trials), sign=np.ones(1))
              for at, name in enumerate("ab")]  # fmt: skip
    half = [block._replace(answer=0.5 * block.trials) for block in blocks]
    return designs.joint(UNITS, (designs.A, designs.RATE), half)


def test_innovations_where_answers_tell_nothing() -> None:
    x = np.random.default_rng(1).standard_normal((UNITS, 2))
    z = placed(two_traits(1e-9), x, 0.8, 1.0)
    # Whatever root of the covariance is taken, the sums of squares are those of independent numbers.
    inverse = np.linalg.inv([[1.0, 0.8], [0.8, 1.0]])
    rows = np.asarray(reflected(z))
    np.testing.assert_allclose(np.einsum("ua,ab,ub->u", rows, inverse, rows), (x**2).sum(axis=1), rtol=1e-6)


def test_dimensions_in_units_of_the_answers_where_they_tell_all() -> None:
    x = np.random.default_rng(2).standard_normal((UNITS, 2))
    once, twice = (placed(two_traits(1e9), x, 0.3, loading) for loading in (1.0, 2.0))
    rows = np.asarray(reflected(once))[1:]
    # 1e9 trials at one half: information of 1e9 / 4 for each unit.
    np.testing.assert_allclose(rows, x[1:] / np.sqrt(2.5e8), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(reflected(twice))[1:], rows / 2, rtol=1e-6)


def test_what_predictors_say_is_left_to_the_answers_where_they_tell_all() -> None:
    x = np.zeros((UNITS, 2))
    means = np.random.default_rng(3).standard_normal((UNITS, 2))
    little, much = (placed(two_traits(trials), x, 0.3, 1.0, means) for trials in (1e-9, 1e9))
    np.testing.assert_allclose(little, means, atol=1e-6)
    np.testing.assert_allclose(np.asarray(reflected(much))[1:], 0.0, atol=1e-6)


def test_each_direction_has_its_own_coordinates() -> None:
    """With a correlation near 1 the sum is what answers make of it, the difference an innovation."""
    correlation = 0.999999
    x = np.random.default_rng(4).standard_normal((UNITS, 2))
    rows = np.asarray(reflected(placed(two_traits(400.0), x, correlation, 1.0)))[1:]
    # The second coordinate moves both dimensions, the first what one has beyond the other: none of it is large.
    difference = rows[:, 0] - rows[:, 1]
    assert np.abs(difference).max() < 5 * np.sqrt(2 * (1 - correlation))
    assert 0.02 < rows.std() < 0.3  # 800 trials at one half: 1 / sqrt(200) = .07


def test_an_exact_block_leaves_standard_normal_numbers() -> None:
    """Given everything else, the density of a whole table of normal answers falls by half the square of each coordinate."""
    block = designs.block(
        "a", "normal", UNITS, 3, 0, answer=np.random.default_rng(5).standard_normal(3 * UNITS)
    )
    joint = designs.joint(UNITS, (designs.A,), (block,))
    plan = plan_of(joint)
    assert plan.blocks[0].exact
    density = density_of(plan, data_of(joint, plan, JointPriors()))
    part = layout(plan)["z"]
    at = np.random.default_rng(6).standard_normal(size_of(plan))
    at[layout(plan)["0.log_residual"].start] = np.log(0.01)  # one item is nearly the trait
    moved = at.copy()
    # The first is the mean of the units, which the prior of the intercepts sees.
    moved[part.start + 1 :] = 0.0
    squares = float((at[part.start + 1 :] ** 2).sum())
    assert density(moved)[0] - density(at)[0] == pytest.approx(squares / 2, rel=1e-8)
    late = joint._replace(blocks=(block._replace(weight=np.full(3 * UNITS, 2.0)),))
    assert not plan_of(late).blocks[0].exact


@pytest.mark.slow
@pytest.mark.parametrize("units", [pytest.param(40, marks=pytest.mark.long), 160])
def test_a_correlation_near_one_does_not_diverge(units: int) -> None:
    pytest.importorskip("nutpie")
    arviz = pytest.importorskip("arviz")
    import lanes

    from psychomet.estimates.causes.hierarchy.joint.density import points_of
    from psychomet.estimates.causes.hierarchy.joint.fit import joint_posterior
    from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw, simulated
    from psychomet.estimates.causes.hierarchy.joint.variables import dataset, turned
    from psychomet.estimates.causes.hierarchy.sampling import Sampling

    rng = np.random.default_rng(5)
    joint = designs.ordinal_behaviour(units, 4)
    rate = joint.blocks[2]._replace(trials=np.full(units, 100.0))
    joint = joint._replace(blocks=(*joint.blocks[:2], rate))
    truth = prior_draw(joint, JointPriors(threshold=1.0, loading_scale=0.2), rng)
    truth["correlation"] = np.array([[1, 0.3, 1], [0.3, 1, 0.3], [1, 0.3, 1.0]])
    truth["z"][:, 2] = truth["z"][:, 0]
    made = simulated(joint, truth, rng)
    posterior = joint_posterior(
        made,
        priors=JointPriors(),
        sampling=Sampling(draws=400, tune=400, chains=2),
        seed=1,
    )
    assert posterior.gate.divergences == 0
    ours = posterior.draws["correlation"][..., 2, 0].to_numpy()
    if units > 100:
        assert ours.mean() > 0.8
        return
    # Of 40 units the prior holds the posterior back, how far differs between tables: the other sampler says where it is.
    plan = plan_of(made)
    data = data_of(made, plan, JointPriors())
    moved = lanes.sample(plan, [data] * 4, draws=150, thin=8, seed=2)
    x = moved.x.transpose(1, 0, 2)
    point = points_of(plan, data)(x.reshape(-1, x.shape[-1]))
    found = dataset(made, plan, [turned(point.parameters, plan)], x.shape[:2])
    theirs = found["correlation"][..., 2, 0].to_numpy()
    errors = [one.std() / np.sqrt(float(arviz.ess(one))) for one in (ours, theirs)]
    assert abs(ours.mean() - theirs.mean()) < 4 * np.hypot(*errors)
    assert max(errors) < 0.02
