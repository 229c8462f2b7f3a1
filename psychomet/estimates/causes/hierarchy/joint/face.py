"""A joint model of several scales, behaviour and features, as a part of the result.

References
----------
Fox, J.-P. and Glas, C. A. W. (2001). Bayesian estimation of a multilevel IRT model using Gibbs sampling. Psychometrika, 66,
271-288. https://doi.org/10.1007/BF02294839

Lewandowski, D., Kurowicka, D. and Joe, H. (2009). Generating random correlation matrices based on vines and extended onion
method. Journal of Multivariate Analysis, 100(9), 1989-2001. https://doi.org/10.1016/j.jmva.2009.04.008

Piironen, J. and Vehtari, A. (2017). Sparsity information and regularization in the horseshoe and other shrinkage priors.
Electronic Journal of Statistics, 11(2), 5018-5051. https://doi.org/10.1214/17-EJS1337SI
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.checks import moved_rows, predictive_note
from psychomet.estimates.causes.hierarchy.face_contrasts import MOST_AUTO, Contrasts, contrast_part
from psychomet.estimates.causes.hierarchy.face_parts import (
    MOST_STORED,
    Part,
    Row,
    draw_row,
    gate_note,
    judged,
    refused,
    withheld,
)
from psychomet.estimates.causes.hierarchy.joint.face_input import JointTable, joint_table
from psychomet.estimates.causes.hierarchy.joint.face_numbers import (
    Number,
    item_numbers,
    line_array,
    structure_numbers,
)
from psychomet.estimates.causes.hierarchy.joint.face_predictive import (
    by_unit,
    left_out,
    left_out_rows,
    predictive_rows,
    prior_rows,
)
from psychomet.estimates.causes.hierarchy.joint.face_structure import Structure, joint_prior_faults
from psychomet.estimates.causes.hierarchy.joint.fit import JointPosterior, joint_posterior
from psychomet.estimates.causes.hierarchy.joint.spec import JointPriors
from psychomet.estimates.causes.hierarchy.sampling import Sampling
from psychomet.notes import Note
from psychomet.scores.key import Scale
from psychomet.scores.score import Missing
from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]

JOINT = "joint"
"""Name of the whole model, as the term of rows that belong to no scale, and in names of arrays."""
LATENT = ("z", "membership")
"""Variables with a number for every respondent, kept in single precision and thinned where there are very many."""


def joint_part(
    table: ResponseTable, *, scales: Sequence[Scale], features: FeatureTable | None, structure: Structure,
    joint_priors: JointPriors, sampling: Sampling, conf_level: float, seed: int, group: str = "",
    missing: Missing = "available", contrasts: Contrasts = "none", here: NDArray[np.bool_] | None = None,
) -> Part:  # fmt: skip
    """Fit a joint model and say everything about it.

    Parameters
    ----------
    table : ResponseTable
        The answers, with their key.
    scales : sequence of Scale
        One dimension each: a trait, or behaviour where the answers are of that source.
    features : FeatureTable or None
        Predictors, covariates, families and behaviour of the same respondents.
    structure : Structure
        What there is beside the traits.
    joint_priors : JointPriors
        Scales of the priors.
    sampling : Sampling
        Chains and draws.
    conf_level : float
        Posterior probability of the intervals.
    seed : int
        Of everything drawn.
    group : str
        "facet = level", or empty for the whole table.
    missing : {"available", "complete"}
        ``complete`` leaves out administrations of a scale with an unanswered item.
    contrasts : {"auto", "all", "none"} or sequence of pairs of str
        Respondents whose traits are compared; families are always compared.
    here : (administrations,) array of bool, optional
        Administrations of the group.

    Returns
    -------
    Part

    Raises
    ------
    InputError
        Naming every fault of structure, priors and what they name. A group that cannot be fitted has a row with the
        reason instead.
    MissingEngineError
        If JAX, a sampler or ArviZ is not installed.
    """
    faults = joint_prior_faults(joint_priors)
    try:
        made = joint_table(
            table, scales=scales, features=features, structure=structure, missing=missing, here=here
        )
    except InputError as error:
        if not group or faults:
            raise InputError(error.subject, [*faults, *error.faults]) from None
        # What the whole table allows a group may not: it says so in its row, and the others are fitted.
        return refused(
            JOINT, group=group, estimand="trait_correlation", reason=str(error.faults[0]), conf_level=conf_level, model=JOINT
        )  # fmt: skip
    if faults:
        raise InputError("the call", faults)
    posterior = joint_posterior(made.joint, priors=joint_priors, sampling=sampling, seed=seed)
    return _part(made, posterior, joint_priors, conf_level, seed, group, contrasts)


def _part(
    table: JointTable, posterior: JointPosterior, priors: JointPriors, conf_level: float, seed: int, group: str, contrasts: Contrasts
) -> Part:  # fmt: skip
    """Rows, arrays and notes of a posterior."""
    gate, joint = posterior.gate, table.joint
    label = f"{JOINT}{f' ({group})' if group else ''}"
    name = f"joint model{f' ({visible(group)})' if group else ''}"
    shared: Row = {
        "term": JOINT, "group": group, "conf_level": conf_level, "n": len(joint.units),
        "method": f"posterior; median of draws, equal tails; joint model, {posterior.sampler.split()[0]}",
    }  # fmt: skip
    structural = [*structure_numbers(posterior.draws, table)]
    numbers = [*structural, *item_numbers(posterior.draws, table)]
    told = _diagnosed(numbers, posterior)
    rows = [
        {**shared, **one.name, **draw_row(one.draws, conf_level=conf_level), **more}
        for one, more in zip(numbers, told, strict=True)
    ]
    compared, notes = _compared(table, posterior, contrasts, shared, conf_level)
    left = left_out(posterior, joint) if gate.passed else None
    outside, more_notes = left_out_rows(left, shared=shared, conf_level=conf_level)
    seen = predictive_rows(posterior, table, shared=shared, conf_level=conf_level, seed=seed)
    moved, moved_notes = _moved(structural, posterior, shared, name)
    every = [
        *withheld([*rows, *compared, *outside, *seen, *moved], gate),
        *prior_rows(table, priors=priors, shared=shared, conf_level=conf_level, seed=seed),
    ]
    arrays = _stored(posterior.draws, label)
    arrays |= _scores(posterior.draws, conf_level, label)
    arrays |= line_array(posterior.draws, table, conf_level=conf_level, label=label)
    if left is not None:
        arrays[f"{label} / loo"] = by_unit(left.left, units=joint.units, label=label)
    fit_notes = [*posterior.notes, *more_notes, *predictive_note(seen, name=name), *moved_notes] if gate.passed else []  # fmt: skip
    notes = [gate_note(gate, name=name, sampler=posterior.sampler), *fit_notes, *notes, *table.notes]
    return Part(every, arrays, notes, _told(table, posterior))


def _diagnosed(numbers: Sequence[Number], posterior: JointPosterior) -> list[dict[str, float]]:
    """R-hat and effective draws of every number; of one that does not vary they are NaN."""
    every = np.stack([one.draws for one in numbers], axis=-1)
    found = judged(xr.Dataset({"number": (("chain", "draw", "place"), every)}), posterior.gate)["number"]
    names = [str(one) for one in found["diagnostic"].to_numpy()]
    values = found.transpose("place", "diagnostic").to_numpy()
    return [dict(zip(names, map(float, row), strict=True)) for row in values]


def _compared(
    table: JointTable, posterior: JointPosterior, contrasts: Contrasts, shared: Row, conf_level: float
) -> tuple[list[Row], list[Note]]:
    """Differences of traits between respondents, and between families."""
    rows: list[Row] = []
    notes: list[Note] = []
    for at, one in enumerate(table.joint.dimensions):
        if one.role != "trait":
            continue
        base = {**shared, "term": one.name}
        scores = posterior.draws["z"].isel(dimension=at, drop=True).rename(unit="respondent")
        more, said = contrast_part(
            scores, contrasts=contrasts, shared=base, gate=posterior.gate, name=visible(one.name), conf_level=conf_level
        )  # fmt: skip
        rows, notes = [*rows, *more], [*notes, *said]
        if table.joint.family is not None and len(table.joint.families) <= MOST_AUTO:
            means = posterior.draws["family_mean"].isel(dimension=at, drop=True).rename(family="respondent")
            more, _ = contrast_part(
                means, contrasts="all", shared={**base, "facet": str(table.structure.family)}, gate=posterior.gate,
                name=visible(one.name), conf_level=conf_level,
            )  # fmt: skip
            rows = [*rows, *more]
    return rows, notes


def _moved(
    numbers: Sequence[Number], posterior: JointPosterior, shared: Row, name: str
) -> tuple[list[Row], list[Note]]:
    """Sensitivity of what is said of respondents in general."""
    prior = posterior.log_prior.transpose("chain", "draw").to_numpy().ravel()
    likelihood = posterior.log_likelihood.sum("unit").transpose("chain", "draw").to_numpy().ravel()
    varying = [one for one in numbers if np.ptp(one.draws) > 0]
    names = [
        {**one.name, "other": ", ".join(filter(None, [str(one.name["estimand"]), str(one.name.get("other", ""))]))}
        for one in varying
    ]  # fmt: skip
    values = np.stack([one.draws.ravel() for one in varying])
    return moved_rows(names, values, prior, likelihood, shared=shared, name=name)


def _stored(draws: xr.Dataset, label: str) -> dict[str, xr.DataArray]:
    """Draws as arrays of the result."""
    found = {}
    for name, array in draws.data_vars.items():
        values = array.drop_attrs()
        if name in LATENT or values.size > MOST_STORED:
            step = -(-values.size // MOST_STORED)
            values = values.isel(draw=slice(None, None, step)).astype(np.float32)
        values.attrs = {"of": label, "variable": str(name)}
        found[f"{label} / {name}"] = values.rename(str(name))
    return found


def _scores(draws: xr.Dataset, conf_level: float, label: str) -> dict[str, xr.DataArray]:
    """Median, standard deviation and limits of every respondent on every dimension; means of membership."""
    z = draws["z"].stack(one=("chain", "draw")).transpose("unit", "dimension", "one").to_numpy()
    tails = [(1 - conf_level) / 2, 0.5, (1 + conf_level) / 2]
    low, middle, high = np.quantile(z, tails, axis=-1)
    values = np.stack([middle, z.std(axis=-1, ddof=1), low, high], axis=-1)
    units = [str(one) for one in draws["unit"].to_numpy()]
    coords = {"respondent": units, "dimension": draws["dimension"].to_numpy(), "statistic": ["median", "sd", "low", "high"]}  # fmt: skip
    attrs = {"of": label, "variable": "scores", "conf_level": conf_level}
    found = {f"{label} / scores": xr.DataArray(values, dims=("respondent", "dimension", "statistic"), coords=coords, attrs=attrs)}  # fmt: skip
    if "membership" in draws:
        mean = draws["membership"].mean(("chain", "draw")).transpose("unit", "profile")
        found[f"{label} / memberships"] = xr.DataArray(
            mean.to_numpy(), dims=("respondent", "profile"), coords={"respondent": units, "profile": draws["profile"].to_numpy()},
            attrs={"of": label, "variable": "memberships"},
        )  # fmt: skip
    return found


def _told(table: JointTable, posterior: JointPosterior) -> dict[str, Any]:
    """How it was fitted, as JSON values."""
    joint, gate = table.joint, posterior.gate
    return {
        "model": "joint", "fitted": True, "sampler": posterior.sampler, "converged": gate.passed,
        "divergences": gate.divergences, "respondents": len(joint.units),
        "dimensions": {one.name: one.role for one in joint.dimensions},
        "blocks": {
            block.name: {"family": block.family, "link": block.link, "items": list(block.items), "rows": int(block.answer.size),
                         "answers": int(block.weight.sum())}
            for block in joint.blocks
        },
        "predictors": {name: float(spread) for name, spread in zip(joint.predictor_names, table.spread, strict=True)},
        "time": None if table.span is None else list(table.span),
    }  # fmt: skip
