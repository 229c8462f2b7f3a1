"""What the integrated likelihood of a joint model is given: parameters at draws, and which effects a unit has for itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from psychomet.estimates.causes.hierarchy.joint import laws
from psychomet.estimates.causes.hierarchy.joint.plan import ORDERED, BlockPlan, Plan
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Joint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_DIMENSIONS = 24
"""Latent numbers of a unit, up to which effects of its own are among them."""
LEAST = 1e-10
"""Eigenvalue of a correlation matrix, and standard deviation, that smaller ones are taken for."""


class Own(NamedTuple):
    """Effects whose levels belong to one unit each: column of the first for each block and effect, -1 for shared ones.

    ``unit`` and ``column`` tell where each level stands among the latent numbers of units, by block and effect.
    """

    first: tuple[tuple[int, ...], ...]
    unit: tuple[tuple[Ints, ...], ...]
    column: tuple[tuple[Ints, ...], ...]
    size: int


def own_effects(joint: Joint, plan: Plan) -> Own:
    """Return which effects have levels of one unit each, and where these stand.

    Parameters
    ----------
    joint : Joint
        The model.
    plan : Plan
        Its shape.
    """
    first, units, columns, used = [], [], [], 0
    for block in joint.blocks:
        own = []
        for effect in block.effects:
            unit, column, count = _levels_of_one(block, effect.level, len(effect.labels))
            if not count or plan.size + used + count > MOST_DIMENSIONS:
                own.append((-1, unit, column))
                continue
            own.append((used, unit, used + column))
            used += count
        first.append(tuple(one[0] for one in own))
        units.append(tuple(one[1] for one in own))
        columns.append(tuple(one[2] for one in own))
    return Own(tuple(first), tuple(units), tuple(columns), used)


def _levels_of_one(block: Block, level: Ints, levels: int) -> tuple[Ints, Ints, int]:
    """Unit of each level, its number among the levels of the unit, and most levels of a unit; 0 where units share one."""
    pairs = np.unique(np.stack([block.unit, level]), axis=1)
    unit, column = np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64)
    if np.unique(pairs[1]).size < pairs.shape[1]:
        return unit, column, 0
    unit[pairs[1]] = pairs[0]
    column[pairs[1]] = np.arange(pairs.shape[1]) - np.searchsorted(pairs[0], pairs[0])
    return unit, column, int(column.max(initial=-1)) + 1


def parameters(joint: Joint, plan: Plan, own: Own, *, flat: dict[str, Any], at: Ints) -> dict[str, Any]:
    """Return what the likelihood is given, at some of the draws.

    Parameters
    ----------
    joint : Joint
        The model.
    plan : Plan
        Its shape.
    own : Own
        Effects that are integrated out: their standard deviations stand in place of their levels.
    flat : dict
        Parameters by name, draws first.
    at : array of int
        Which draws.

    Returns
    -------
    dict
        ``middle`` (draws, units, D), ``scale`` (draws, D, D) with scale scale' = S R S, ``profile`` (draws, M, D), ``log_share``
        (draws, units, M), ``within_effect``, and ``blocks`` as in ``parameters.constrained``.
    """
    blocks = [
        _block(block, shape, first, flat, at)
        for block, shape, first in zip(joint.blocks, plan.blocks, own.first, strict=True)
    ]
    middle, scale, _ = _law(joint, flat, at)
    profile, share = np.zeros((len(at), 1, plan.size)), np.zeros((len(at), plan.units, 1))
    if joint.profiles > 1:
        profile = flat["profile_mean"][at]
        if joint.covariates.shape[1]:
            logits = (
                flat["membership_intercept"][at][:, None] + joint.covariates @ flat["membership_slope"][at]
            )
            share = log_softmax(logits, axis=-1)
        else:
            share = np.repeat(np.log(flat["share"][at])[:, None], plan.units, axis=1)
    within = flat["within_effect"][at] if "within_effect" in flat else np.zeros((len(at), 0, plan.size))
    return {
        "middle": middle, "scale": scale, "profile": profile, "log_share": share, "within_effect": within, "blocks": blocks,
    }  # fmt: skip


def _law(joint: Joint, flat: dict[str, Any], at: Ints) -> tuple[Floats, Floats, Floats]:
    """Means of the dimensions of units, profiles aside, and a symmetric root of their covariance in units of sd, with inverse."""
    middle = np.repeat(flat["mean"][at][:, None], len(joint.units), axis=1)
    if "coefficient" in flat:
        middle = middle + joint.predictors @ flat["coefficient"][at]
    if joint.family is not None:
        middle = middle + flat["family_mean"][at][:, joint.family]
    value, vector = np.linalg.eigh(flat["correlation"][at])
    root = np.sqrt(np.maximum(value, LEAST))
    sd = flat["sd"][at]
    scale = sd[:, :, None] * ((vector * root[:, None]) @ vector.swapaxes(1, 2))
    return middle, scale, (vector / root[:, None]) @ vector.swapaxes(1, 2) / sd[:, None]


def _block(block: Block, shape: BlockPlan, own: tuple[int, ...], flat: dict[str, Any], at: Ints) -> dict[str, Any]:  # fmt: skip
    """Parameters of one block, in the shapes of the density."""

    def of(what: str) -> Any:
        return flat[f"{block.name}: {what}"][at]

    wanted = ("loading", "residual", "dispersion", "coefficient", "intercept", "slope")
    found = {name: np.nan_to_num(of(name)) for name in wanted if f"{block.name}: {name}" in flat}
    if shape.family in ORDERED:
        threshold = of("threshold")
        found["threshold"] = np.where(np.isnan(threshold), laws.FAR, threshold)
    if shape.raters:
        found["discrimination"] = of("discrimination")
    found["effects"] = [
        of(one.name) if first < 0 else of(f"sd of {one.name}")
        for one, first in zip(block.effects, own, strict=True)
    ]
    return found


def start_of(joint: Joint, plan: Plan, own: Own, *, flat: dict[str, Any], at: Ints) -> Floats:
    """Return the mean over draws of the latent numbers of units in units of their law, (profiles, units, numbers).

    Parameters
    ----------
    joint : Joint
        The model.
    plan : Plan
        Its shape.
    own : Own
        Effects that are integrated out.
    flat : dict
        Parameters by name, draws first.
    at : array of int
        Which draws.
    """
    middle, _, inverse = _law(joint, flat, at)
    away = flat["z"][at] - middle
    mean = np.einsum("suk,slk->uls", away, inverse).mean(axis=-1)
    start = np.zeros((joint.profiles, plan.units, plan.size + own.size))
    start[:, :, : plan.size] = mean
    if joint.profiles > 1:
        start[:, :, : plan.size] -= np.einsum("smk,slk->mls", flat["profile_mean"][at], inverse).mean(
            axis=-1
        )[:, None]
    for block, first, unit, column in zip(joint.blocks, own.first, own.unit, own.column, strict=True):
        for one, offset, who, where in zip(block.effects, first, unit, column, strict=True):
            if offset >= 0:
                sd = np.maximum(flat[f"{block.name}: sd of {one.name}"][at], LEAST)
                value = flat[f"{block.name}: {one.name}"][at] / sd[:, None]
                start[:, who, plan.size + where] = value.mean(axis=0)
    return start
