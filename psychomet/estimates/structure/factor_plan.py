"""What every sample is put through in search of factors, and what is wrong with a request for them."""

from __future__ import annotations

from typing import Literal, get_args

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.factor_sureness import Plan
from psychomet.numerics.factors import Extraction
from psychomet.numerics.rotations import NAMES, Name, Rule, rule
from psychomet.scores.joint import Correlation
from psychomet.scores.key import Scale
from psychomet.scores.request import boot_faults, facet_faults, seed_faults
from psychomet.scores.score import Unit
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEWEST_GROUPS = 2
SCHMID_LEIMAN = "schmid_leiman"
"""The rotation that takes an oblimin solution apart; it minimises nothing of its own."""

RotationName = Name | Literal["schmid_leiman"]


def make_plan(
    table: ResponseTable,
    scales: tuple[Scale, ...],
    *,
    n_factors: int | None,
    extraction: Extraction,
    rotation: RotationName | Rule,
    correlation: Correlation,
    unit: str,
    by: str | None,
    conf_level: float,
    n_boot: int,
    n_starts: int,
    seed: int,
) -> Plan:
    """Return what every sample is put through.

    Parameters
    ----------
    table : ResponseTable
        The table.
    scales : tuple of Scale
        Whose items are taken.
    n_factors, extraction, rotation, correlation, unit, by, conf_level, n_boot, n_starts, seed
        As in :func:`psychomet.factors`.

    Raises
    ------
    InputError
        Naming every fault of the arguments at once.
    """
    faults = seed_faults(seed)
    named = (
        ("extraction", extraction, get_args(Extraction)),
        ("correlation", correlation, get_args(Correlation)),
        ("unit", unit, get_args(Unit)),
    )
    for name, value, known in named:
        if value not in known:
            faults.append(
                Fault(name, f"'{visible(value)}' is none of them", f"Use one of {', '.join(known)}")
            )
    hierarchical = rotation == SCHMID_LEIMAN
    named_alone = isinstance(rotation, Rule) or hierarchical
    if not named_alone and (rotation not in NAMES or rotation.startswith("target")):
        usable = ", ".join([*(name for name in NAMES if not name.startswith("target")), SCHMID_LEIMAN])
        todo = f"Use one of {usable}; a target is passed as rotations.rule('target', target=...)"
        faults.append(Fault("rotation", f"'{visible(rotation)}' is no rotation with a name alone", todo))
    faults += facet_faults(table, by)
    m = len(scales) if n_factors is None else n_factors
    if m < 1:
        faults.append(Fault("n_factors", f"{m} factors explain nothing", "Use 1 or more"))
    elif m < FEWEST_GROUPS and hierarchical:
        what = f"{m} group factor has no correlations for a general factor to explain"
        faults.append(Fault("n_factors", what, "Use 3 or more, or 2 at least"))
    faults += boot_faults(n_boot)
    if n_starts < 0:
        faults.append(Fault("n_starts", f"{n_starts} is less than 0", "Use 10, say"))
    target = rotation.target if isinstance(rotation, Rule) else None
    shape = (sum(len(scale.items) for scale in scales), m)
    if target is not None and target.shape != shape:
        what = f"the target has {target.shape[0]} rows and {target.shape[-1]} columns"
        faults.append(
            Fault("rotation", what, f"{shape[0]} items and {shape[1]} factors need {shape[0]} x {shape[1]}")
        )
    if faults:
        raise InputError("the call", faults)
    chosen = rotation if isinstance(rotation, Rule) else rule(_oblique(rotation))
    return Plan(m, extraction, chosen, correlation, scales, conf_level, n_boot, n_starts, seed, hierarchical)


def _oblique(rotation: RotationName) -> Name:
    """The rotation that is carried out."""
    return "oblimin" if rotation == "schmid_leiman" else rotation
