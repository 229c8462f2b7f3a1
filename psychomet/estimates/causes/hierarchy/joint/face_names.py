"""Names of effects and raters by which draws could not be told apart."""

from __future__ import annotations

from collections.abc import Sequence

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.joint.face_blocks import ITEM, REFUSALS
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure
from psychomet.scores.key import Scale
from psychomet.text import visible

PARAMETERS = (
    "loading", "threshold", "intercept", "slope", "residual", "dispersion", "coefficient", "discrimination",
)  # fmt: skip
"""What a variable "block: parameter" of the draws may be, beside effects."""
PLACES = ("item", "boundary", "category", "rater", "regressor")
"""What a dimension "block place" of the draws may be, beside effects."""
RATER = "rater"


def name_faults(scales: Sequence[Scale], structure: Structure) -> list[Fault]:
    """Return the faults of effects and raters whose draws would have the name of something else.

    Parameters
    ----------
    scales : sequence of Scale
        Each is a block of answers.
    structure : Structure
        Its shape is without faults; blocks have names of their own.

    Notes
    -----
    In the dataset of draws a number of a block is called "block: parameter", an effect "block: effect", with a standard
    deviation "block: sd of effect" and a dimension "block effect". Variables and dimensions share one space of names.
    """
    blocks = [scale.name for scale in scales]
    others = [REFUSALS] if structure.refusals else []
    others += [one.column for one in structure.outcomes if isinstance(one, Outcome)]
    taken = {f"{block}: {name}" for block in (*blocks, *others) for name in PARAMETERS}
    taken |= {f"{block} {name}" for block in (*blocks, *others) for name in PLACES}
    effects = dict.fromkeys(" x ".join(one) for one in structure.effects if one != (ITEM,))
    named = [(effect, "structure.effects") for effect in effects]
    joined = [" x ".join(one) for one in structure.effects]
    twice = [name for name in effects if joined.count(name) > 1]
    faults = [
        Fault("structure.effects", f"two effects are named '{visible(name)}'", "Rename a column") for name in twice
    ]  # fmt: skip
    if structure.rater is not None and structure.rater not in effects:
        named.append((structure.rater, "structure.rater"))
    for effect, where in named:
        clash: list[str] = []
        for block in blocks:
            own = [f"{block}: {effect}", f"{block}: sd of {effect}"]
            # The levels of the rater are those of its discrimination, which has the dimension "block rater".
            own += [] if effect == structure.rater == RATER else [f"{block} {effect}"]
            clash += [name for name in own if name in taken]
            taken |= set(own)
        if clash:
            what = f"'{visible(effect)}' gives the draws a name that others have: '{visible(clash[0])}'"
            faults.append(Fault(where, what, "Rename the column"))
    return faults
