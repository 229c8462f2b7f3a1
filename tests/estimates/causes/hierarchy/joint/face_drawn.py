"""Joint results made of draws of the prior, without a sampler: what rows, arrays and pages are tested on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import psychomet as pm
from psychomet.estimates.causes.hierarchy.face_parts import Part
from psychomet.estimates.causes.hierarchy.joint import face
from psychomet.estimates.causes.hierarchy.joint.face_structure import Structure
from psychomet.estimates.causes.hierarchy.joint.fit import JointPosterior
from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors
from psychomet.estimates.causes.hierarchy.sampling import Gate
from psychomet.result.result import Result, make_result

from .face_tables import features, frame_of_features, table

N = 24
CHAINS, DRAWS = 2, 150
OWN_DIMS: dict[str, tuple[str, ...]] = {
    "z": ("unit", "dimension"), "sd": ("dimension",), "correlation": ("dimension", "other"), "mean": ("dimension",),
    "coefficient": ("predictor", "dimension"), "family_mean": ("family", "dimension"), "family_sd": ("dimension",),
    "profile_mean": ("profile", "dimension"), "share": ("profile",), "membership_intercept": ("profile",),
    "membership_slope": ("covariate", "profile"), "within_effect": ("within", "dimension"),
}  # fmt: skip
BLOCK_DIMS: dict[str, tuple[str, ...]] = {
    "loading": ("item",), "threshold": ("item", "boundary"), "intercept": ("item",), "residual": ("item",), "dispersion": ("item",),
    "coefficient": ("item", "regressor"), "slope": ("item", "category"), "discrimination": ("rater",),
}  # fmt: skip


def labels_of(joint: Joint) -> dict[str, list[str]]:
    names = [one.name for one in joint.dimensions]
    return {
        "unit": list(joint.units), "dimension": names, "other": names, "predictor": list(joint.predictor_names), "family": list(joint.families),
        "profile": [str(at + 1) for at in range(joint.profiles)], "covariate": list(joint.covariate_names), "within": list(joint.within_names),
    }  # fmt: skip


def drawn_from_prior(joint: Joint, *, priors: JointPriors, sampling: Any, seed: int, passed: bool = True) -> JointPosterior:  # fmt: skip
    """Independent draws of the prior under the names and dimensions of a posterior."""
    rng = np.random.default_rng(seed)
    every = [prior_draw(joint, priors, rng) for _ in range(CHAINS * DRAWS)]
    made: dict[str, Any] = {}
    for name in every[0]:
        values = np.stack([np.asarray(one[name], dtype=float) for one in every])
        values = values.reshape(CHAINS, DRAWS, *values.shape[1:])
        block, _, what = name.partition(": ")
        if name in OWN_DIMS:
            dims = OWN_DIMS[name]
        elif what:
            inner = BLOCK_DIMS.get(what, () if what.startswith("sd of ") else (what,))
            # An intercept of a choice is one for each level.
            inner = ("item", "category") if values.ndim == 4 and what == "intercept" else inner
            dims = tuple(f"{block} {one}" for one in inner)
        else:
            continue
        made[name] = (("chain", "draw", *dims), values)
    labels = labels_of(joint)
    if joint.profiles > 1:
        made["membership"] = (("chain", "draw", "unit", "profile"), rng.dirichlet(np.ones(joint.profiles), (CHAINS, DRAWS, len(joint.units))))  # fmt: skip
    used = {dim for dims, _ in made.values() for dim in dims}
    draws = xr.Dataset(made, coords={name: values for name, values in labels.items() if name in used})
    words = () if passed else ("The chains disagree.",)
    gate = Gate(passed, words, 1.0 if passed else 1.5, 300.0, 300.0, 0)
    likelihood = rng.normal(-10, 0.3, (CHAINS, DRAWS, len(joint.units)))
    return JointPosterior(
        draws, xr.Dataset(), gate, xr.DataArray(likelihood, dims=("chain", "draw", "unit")),
        xr.DataArray(rng.normal(size=(CHAINS, DRAWS)), dims=("chain", "draw")), "drawn 1", (),
    )  # fmt: skip


def part(
    structure: Structure, frame: pd.DataFrame, *, scales: tuple[str, ...] = ("N", "E"), **how: Any
) -> Part:
    held = table(frame)
    given: dict[str, Any] = {
        "features": features(frame_of_features(N)), "joint_priors": JointPriors(), "sampling": pm.Sampling(), "conf_level": 0.9, "seed": 1,
    }  # fmt: skip
    return face.joint_part(held, scales=[held.key.scale(name) for name in scales], structure=structure, **given | how)  # fmt: skip


def result_of(found: Part) -> Result:
    return make_result("hierarchy", found.rows, arrays=found.arrays, notes=found.notes, settings={"hierarchy": {"joint": found.told}})  # fmt: skip
