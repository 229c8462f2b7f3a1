"""The draws of a joint model by name and label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.joint.plan import ORDERED, BlockPlan, Plan
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Joint

Floats = NDArray[np.float64]

STRUCTURE: dict[str, tuple[str, ...]] = {
    "z": ("unit", "dimension"),
    "sd": ("dimension",),
    "mean": ("dimension",),
    "coefficient": ("predictor", "dimension"),
    "global_scale": ("dimension",),
    "local_scale": ("predictor", "dimension"),
    "slab": ("dimension",),
    "family_mean": ("family", "dimension"),
    "family_sd": ("dimension",),
    "profile_mean": ("profile", "dimension"),
    "share": ("profile",),
    "membership_intercept": ("profile",),
    "membership_slope": ("covariate", "profile"),
    "membership": ("unit", "profile"),
    "within_effect": ("within", "dimension"),
}
SCALES = frozenset({"global_scale", "local_scale", "slab"})
MOST_JUDGED = 200
"""Units, or levels of an effect, that the gate judges one by one."""
STILL = 1e-12
"""Standard deviation over draws below which a number is a constant of the model."""


def dataset(joint: Joint, plan: Plan, found: Sequence[dict[str, Any]], shape: tuple[int, int]) -> xr.Dataset:
    """Return parameters by name.

    Parameters
    ----------
    joint : Joint
        The model, for labels.
    plan : Plan
        Its shape.
    found : sequence of dict
        Parameters of parts of the draws, one after the other; more draws than ``shape`` holds are left out.
    shape : tuple of int
        Chains and draws.
    """
    made: dict[str, Any] = {}
    everywhere = ("chain", "draw")

    def put(name: str, dims: tuple[str, ...], parts: Sequence[Any]) -> None:
        values = np.concatenate(parts)[: shape[0] * shape[1]]
        made[name] = ((*everywhere, *dims), values.reshape(*shape, *values.shape[1:]))

    for name, dims in STRUCTURE.items():
        used = name in found[0] and not (name == "membership_intercept" and not plan.covariates)
        if used and (name != "within_effect" or plan.within):
            put(name, dims, [_scattered(name, one[name], plan) for one in found])
    put("correlation", ("dimension", "other"), [_correlation(one["cholesky"], plan) for one in found])
    for at, block in enumerate(joint.blocks):
        for name, (dims, values) in block_variables(
            block, plan.blocks[at], [one["blocks"][at] for one in found]
        ).items():
            put(name, dims, values)
    coords = {
        name: labels for name, labels in labels_of(joint).items() if any(name in v[0] for v in made.values())
    }
    return xr.Dataset(made, coords=coords)


def turned(found: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Return parameters of draws with mirrored dimensions turned one way, and profiles sorted.

    A mirrored dimension is turned so that its last slopes have a positive sum; profiles are sorted by their means of the
    first correlated dimension.

    Parameters
    ----------
    found : dict
        Parameters of draws.
    plan : Plan
        Shape of the model.

    Notes
    -----
    Turned and sorted, they describe the same law of answers and have the same prior.
    """
    made = _sorted(found, plan) | {"blocks": [dict(values) for values in found["blocks"]]}
    for k in plan.mirrored:
        total = np.zeros(len(found["z"]))
        mine = [[at for at, other in enumerate(block.dimension) if other == k] for block in plan.blocks]
        for block, values, items in zip(plan.blocks, made["blocks"], mine, strict=True):
            if block.family == "choice":
                last = np.array(block.categories)[items] - 1
                total += values["slope"][:, items, last].sum(axis=1)
        turn = np.where(total < 0, -1.0, 1.0)
        sign = np.ones((len(turn), plan.size))
        sign[:, [k, *(g for g, trait in plan.growth if trait == k)]] = turn[:, None]
        made["cholesky"] = made["cholesky"] * sign[:, list(plan.correlated), None]
        made["mean"] = made["mean"] * sign
        for name in ("z", "coefficient", "family_mean", "within_effect"):
            if name in made:
                made[name] = made[name] * sign[:, None]
        for block, values, items in zip(plan.blocks, made["blocks"], mine, strict=True):
            if block.family == "choice":
                flip = np.ones((len(turn), block.items))
                flip[:, items] = turn[:, None]
                values["slope"] = values["slope"] * flip[..., None]
                if items:  # effects add to the dimension, and a block with effects has one
                    values["effects"] = [one * turn[:, None] for one in values.get("effects", [])]
            if block.regress:
                values["coefficient"] = values["coefficient"] * sign[:, None, list(block.regress)]
    return made


def _sorted(found: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Profiles in the order of their means of the first correlated dimension; the first is the one without logits."""
    made = dict(found)
    if plan.profiles == 1:
        return made
    order = np.argsort(made["profile_mean"][:, :, plan.correlated[0]], axis=1)
    made["profile_mean"] = np.take_along_axis(made["profile_mean"], order[:, :, None], axis=1)
    for name in ("share", "membership_intercept"):
        made[name] = np.take_along_axis(made[name], order, axis=1)
    made["membership_intercept"] = made["membership_intercept"] - made["membership_intercept"][:, :1]
    made["membership"] = np.take_along_axis(made["membership"], order[:, None, :], axis=2)
    if "membership_slope" in made:
        slope = np.take_along_axis(made["membership_slope"], order[:, None, :], axis=2)
        made["membership_slope"] = slope - slope[..., :1]
    return made


def labels_of(joint: Joint) -> dict[str, list[Any]]:
    """Return the coordinates of every dimension of the dataset."""
    names = [one.name for one in joint.dimensions]
    labels: dict[str, list[Any]] = {
        "unit": list(joint.units),
        "dimension": names,
        "other": names,
        "predictor": list(joint.predictor_names),
        "family": list(joint.families),
        "covariate": list(joint.covariate_names),
        "profile": [str(at + 1) for at in range(joint.profiles)],
        "within": list(joint.within_names),
    }
    for block in joint.blocks:
        most = int(max(block.categories)) if block.family in ("ordinal", "choice") else 2
        labels |= {
            f"{block.name} item": list(block.items),
            f"{block.name} boundary": list(range(1, most)),
            f"{block.name} category": list(range(most)),
            f"{block.name} rater": list(block.raters),
            f"{block.name} regressor": [names[k] for k in block.regress],
        }
        labels |= {f"{block.name} {one.name}": list(one.labels) for one in block.effects}
    return labels


def block_variables(
    block: Block, plan: BlockPlan, found: Sequence[dict[str, Any]]
) -> dict[str, tuple[tuple[str, ...], list[Floats]]]:
    """Return dimensions and values of the parameters of a block, by name.

    Parameters
    ----------
    block : Block
        For its names.
    plan : BlockPlan
        Its shape.
    found : sequence of dict
        Parameters of parts of the draws.
    """
    item, made = f"{block.name} item", {}
    count = np.array(plan.categories)
    for name, more in (
        ("loading", ()), ("residual", ()), ("dispersion", ()), ("coefficient", (f"{block.name} regressor",)),
    ):  # fmt: skip
        if name in found[0]:
            made[f"{block.name}: {name}"] = ((item, *more), [one[name] for one in found])
    if plan.family in ORDERED:
        known = np.arange(count.max() - 1)[None] < count[:, None] - 1
        values = [np.where(known, one["threshold"], np.nan) for one in found]
        made[f"{block.name}: threshold"] = ((item, f"{block.name} boundary"), values)
    elif plan.family == "choice":
        known = np.arange(count.max())[None] < count[:, None]
        for name in ("intercept", "slope"):
            values = [np.where(known, one[name], np.nan) for one in found]
            made[f"{block.name}: {name}"] = ((item, f"{block.name} category"), values)
    else:
        made[f"{block.name}: intercept"] = ((item,), [one["intercept"] for one in found])
    if plan.raters:
        made[f"{block.name}: discrimination"] = (
            (f"{block.name} rater",), [one["discrimination"] for one in found],
        )  # fmt: skip
    for at, effect in enumerate(block.effects):
        made[f"{block.name}: sd of {effect.name}"] = ((), [one["effect_sd"][at] for one in found])
        made[f"{block.name}: {effect.name}"] = (
            (f"{block.name} {effect.name}",), [one["effects"][at] for one in found],
        )  # fmt: skip
    return made


def judged(draws: xr.Dataset, joint: Joint) -> xr.Dataset:
    """Return what the gate judges: every number that moves, once, under one label.

    Parameters
    ----------
    draws : Dataset
        As ``dataset`` returns them.
    joint : Joint
        The model.

    Notes
    -----
    A loading that items share, and a correlation, which stands twice, are judged once. Scales of the horseshoe are not: nobody
    reads them, and the coefficients that they serve are judged. Where units or levels are more than
    ``MOST_JUDGED``, their mean and standard deviation at each draw are judged in their place: the largest R-hat of thousands
    of numbers says more of their number than of the chains.
    """
    shared = {f"{block.name}: loading" for block in joint.blocks if not block.loaded}
    kept: dict[str, Any] = {}
    for name, values in draws.data_vars.items():
        if name in SCALES:
            continue
        inner = values.dims[2:]
        if inner and values.sizes[inner[0]] > MOST_JUDGED:
            values = _summed_up(values)
            inner = values.dims[2:]
        flat = values.to_numpy().reshape(*values.shape[:2], -1)
        moves = np.isfinite(flat).all((0, 1)) & (np.ptp(flat, axis=(0, 1)) > STILL)
        if name == "correlation":
            moves &= np.tril(np.ones(values.shape[2:], dtype=bool), -1).ravel()
        if name in shared:
            moves &= np.arange(moves.size) == 0
        if not moves.any():
            continue
        labels = [", ".join(parts) for parts in _places(values)]
        chosen = [label for label, keep in zip(labels, moves, strict=True) if keep]
        if not inner:
            kept[str(name)] = (("chain", "draw"), flat[..., 0])
            continue
        place = f"{name} at"
        kept[str(name)] = xr.DataArray(
            flat[..., moves], dims=("chain", "draw", place), coords={place: chosen}
        )
    return xr.Dataset(kept)


def _summed_up(values: xr.DataArray) -> xr.DataArray:
    """Mean and standard deviation over the first inner dimension."""
    found = values.to_numpy()
    both = np.stack([found.mean(axis=2), found.std(axis=2)], axis=2)
    dims = ("chain", "draw", "of all", *values.dims[3:])
    coords = {dim: values[dim].to_numpy() for dim in values.dims[3:]} | {"of all": np.array(["mean", "sd"])}
    return xr.DataArray(both, dims=dims, coords=coords)


def _places(values: xr.DataArray) -> list[tuple[str, ...]]:
    inner = values.dims[2:]
    columns = [[str(label) for label in values[dim].to_numpy()] for dim in inner]
    shape = tuple(map(len, columns))
    return [
        tuple(column[at] for column, at in zip(columns, place, strict=True)) for place in np.ndindex(*shape)
    ]


def _scattered(name: str, values: Any, plan: Plan) -> Floats:
    """The scales of the horseshoe stand for the dimensions it acts on."""
    if name not in ("global_scale", "local_scale", "slab"):
        return np.asarray(values)
    full = np.zeros((*values.shape[:-1], plan.size))
    full[..., list(plan.moved)] = values
    return full


def _correlation(root: Any, plan: Plan) -> Floats:
    full = np.tile(np.eye(plan.size), (len(root), 1, 1))
    chosen = np.array(plan.correlated, dtype=int)
    full[:, chosen[:, None], chosen[None]] = root @ np.swapaxes(root, -1, -2)
    return full
