"""The joint model in the one call: which arguments it takes, and its parts by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.hierarchy.face_parts import Part
from psychomet.estimates.causes.hierarchy.joint.face_input import joint_table
from psychomet.estimates.causes.hierarchy.joint.face_structure import Structure, joint_prior_faults
from psychomet.estimates.causes.hierarchy.joint.spec import JointPriors
from psychomet.scores.key import Scale
from psychomet.scores.score import Missing
from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

RESPONDENT = "respondent"
JOINT = "joint"


def takes_joint(model: str, features: object, structure: object) -> bool:
    """Whether the joint model is that of the call."""
    return model == JOINT or (model == "auto" and (features is not None or structure != Structure()))


def joint_faults(
    model: str,
    *,
    features: object,
    structure: object,
    joint_priors: object,
    object_: str,
    max_order: int | None,
) -> list[Fault]:
    """Return what does not go together with the joint model, or with any other.

    Parameters
    ----------
    model, features, structure, joint_priors, max_order
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    object_ : str
        Its argument ``object``.
    """
    faults = []
    if features is not None and not isinstance(features, FeatureTable):
        what = f"a {visible(type(features).__name__)} is no table of features"
        faults.append(Fault("features", what, "Read it with pm.read_features"))
    if not isinstance(structure, Structure):
        what = f"a {visible(type(structure).__name__)} is no structure"
        faults.append(Fault("structure", what, "Use pm.Structure(...)"))
    if not isinstance(joint_priors, JointPriors):
        what = f"a {visible(type(joint_priors).__name__)} is not of that kind"
        faults.append(Fault("joint_priors", what, "Use pm.JointPriors(...)"))
    if faults:
        return faults
    if not takes_joint(model, features, structure):
        for name, given in (
            ("features", features is not None),
            ("structure", structure != Structure()),
            ("joint_priors", joint_priors != JointPriors()),
        ):
            if given:
                what = f"model='{visible(model)}' does not take it"
                faults.append(Fault(name, what, "Use model='joint', or leave it out"))
        return faults
    if object_ != RESPONDENT:
        faults.append(Fault("object", "the joint model measures respondents", "Leave it out"))
    if max_order is not None:
        what = "the joint model has the effects that are named"
        faults.append(Fault("max_order", what, "Name them: structure.effects"))
    return faults


def structure_faults(
    table: ResponseTable, scales: Sequence[Scale], *, features: FeatureTable | None, structure: Structure, joint_priors: JointPriors
) -> list[Fault]:  # fmt: skip
    """Return what is wrong with a structure, its priors, and what they name in a table.

    Parameters
    ----------
    table : ResponseTable
        The answers.
    scales : sequence of Scale
        A dimension each.
    features, structure, joint_priors
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    """
    faults = joint_prior_faults(joint_priors)
    try:
        joint_table(table, scales=scales, features=features, structure=structure)
    except InputError as error:
        faults += error.faults
    return faults


def joint_parts(
    table: ResponseTable, scales: Sequence[Scale], *, features: FeatureTable | None, structure: Structure,
    joint_priors: JointPriors, facets: Sequence[str] | None, missing: Missing, by: str | None, how: Mapping[str, Any],
) -> dict[str, Part]:  # fmt: skip
    """Fit the joint model to the whole table and to every group.

    Parameters
    ----------
    table : ResponseTable
        The answers.
    scales : sequence of Scale
        A dimension each.
    features, structure, joint_priors, missing, by
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    facets : sequence of str or None
        Each is an effect, and so is its interaction with respondents.
    how : mapping
        The other arguments.
    """
    from psychomet.estimates.causes.hierarchy.joint.face import joint_part

    more = [effect for name in facets or () for effect in ((name,), (RESPONDENT, name))]
    wanted = replace(structure, effects=(*(structure.effects or ()), *more)) if more else structure
    groups: list[tuple[str, Any]] = [("", None)]
    if by is not None:
        column = table.administrations[by].cat
        groups += [
            (f"{by} = {level}", (column.codes == at).to_numpy()) for at, level in enumerate(column.categories)
        ]
    found = {}
    for group, here in groups:
        found[f"{JOINT}{f' / {group}' if group else ''}"] = joint_part(
            table, scales=scales, features=features, structure=wanted, joint_priors=joint_priors,
            sampling=how["sampling"], conf_level=how["conf_level"], seed=how["seed"], group=group, missing=missing,
            contrasts=how["contrasts"], here=here,
        )  # fmt: skip
    return found
