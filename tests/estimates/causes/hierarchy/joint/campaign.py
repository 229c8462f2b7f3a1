"""Ranks of true values among posterior draws of joint models, many tables of a design at a time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from designs import DESIGNS
from rank_ecdf import RANKS, ranks_of

from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw, simulated
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors

# Mild where answers would else be all alike, which tells nothing of the code.
PRIORS = JointPriors(threshold=1.5, loading_scale=0.4, effect=0.7, coefficient=0.8, dispersion=0.5)
SKIPPED = ("profile_of_unit", "membership", "slab")
THIN = {"choice": 80, "horseshoe": 40}
"""Trajectories between the draws that are kept, where not ``USUAL``: enough for nearly independent draws."""
USUAL = 20
LIKELIHOOD = "log likelihood"


class Ranked(NamedTuple):
    """Of one table: ranks of all numbers, trajectories that diverged of those kept, and correlation of successive draws."""

    ranks: list[int]
    diverged: int
    successive: float


def drawn(family: str, seed: int) -> tuple[dict[str, Any], Joint]:
    """Parameters from the prior, and answers."""
    rng = np.random.default_rng([seed, 7])
    joint = DESIGNS[family]()
    truth = prior_draw(joint, PRIORS, rng)
    return truth, simulated(joint, truth, rng)


def chosen(joint: Joint, truth: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Numbers that are ranked: of every variable the first that is free, all dimensions of the first unit."""
    moving = [at for at, one in enumerate(joint.dimensions) if one.role in ("trait", "refusal", "behaviour")]
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, value in truth.items():
        shape = np.shape(value)
        if name in SKIPPED:
            continue
        if name == "z":
            found |= {f"z {joint.dimensions[k].name}": (name, (0, k)) for k in range(shape[1])}
        elif name == "correlation":
            rows = zip(*np.nonzero(np.tril(value, -1)), strict=True)
            found |= {f"correlation {i} {j}": (name, (int(i), int(j))) for i, j in rows}
        elif name == "sd":
            found |= {f"sd {d.name}": (name, (at,)) for at, d in enumerate(joint.dimensions) if d.free_sd}
        elif name == "mean":
            found |= {
                f"mean {d.name}": (name, (at,)) for at, d in enumerate(joint.dimensions) if d.role == "growth"
            }
        elif name in (
            "coefficient",
            "family_mean",
            "family_sd",
            "global_scale",
            "local_scale",
            "within_effect",
        ):
            place = (*([0] * (len(shape) - 1)), moving[0])
            found[name] = (name, place)
        elif name in ("membership_intercept", "share"):
            found[name] = (name, (1,))
        elif name == "membership_slope" or (name.endswith((": slope", ": intercept")) and len(shape) == 2):
            found[name] = (name, (0, 1))
        else:
            found[name] = (name, (0,) * len(shape))
    return found


@cache
def names(family: str) -> tuple[str, ...]:
    """What is ranked: of every variable one number, all dimensions of the first unit, and the likelihood of all answers."""
    truth, joint = drawn(family, 0)
    return (*chosen(joint, truth), LIKELIHOOD)


def ranked(family: str, seeds: Sequence[int], *, thin: int | None = None) -> list[Ranked]:
    """Fit the tables of these seeds together; ``thin`` in the place of that of the campaign."""
    import lanes
    from test_density import _block_likelihood

    from psychomet.estimates.causes.hierarchy.joint.density import points_of
    from psychomet.estimates.causes.hierarchy.joint.plan import data_of, plan_of
    from psychomet.estimates.causes.hierarchy.joint.variables import dataset, turned

    tables = [drawn(family, seed) for seed in seeds]
    plan = plan_of(tables[0][1])
    data = [data_of(joint, plan, PRIORS) for _, joint in tables]
    moved = lanes.sample(plan, data, draws=RANKS - 1, thin=thin or THIN.get(family, USUAL), seed=seeds[0])
    found = []
    for at, (truth, joint) in enumerate(tables):
        point = points_of(plan, data[at])(moved.x[:, at])
        named = dataset(joint, plan, [turned(point.parameters, plan)], (1, RANKS - 1))
        numbers = chosen(joint, truth)
        draws = [named[name].to_numpy()[(0, slice(None), *place)] for name, place in numbers.values()]
        true = [float(np.asarray(truth[name])[place]) for name, place in numbers.values()]
        draws.append(point.by_unit.sum(axis=1))
        true.append(sum(_block_likelihood(joint, block, truth) for block in joint.blocks))
        values = np.column_stack(draws)
        ranks = ranks_of(values, np.array(true))
        found.append(Ranked([int(one) for one in ranks], int(moved.diverged[at]), successive(values)))
    return found


def successive(draws: NDArray[np.float64]) -> float:
    """Mean correlation of successive draws; about -1 / draws where they are independent."""
    scaled = (draws - draws.mean(axis=0)) / np.maximum(draws.std(axis=0), 1e-300)
    return float((scaled[1:] * scaled[:-1]).mean())
