"""What of a joint model is fixed when its density is compiled, and what is handed to it: shapes, and arrays.

Two studies of the same shape share one compiled density: the plan is its name, the arrays are its arguments.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from psychomet.estimates.causes.hierarchy.joint.spec import Block, Family, Joint, JointPriors, Link, Shrinkage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CORRELATED = ("trait", "growth", "refusal", "behaviour")
MOVED = ("trait", "refusal", "behaviour")
"""Roles that predictors and families act on."""
RATES = ("binomial", "beta_binomial")
ORDERED = ("ordinal", "binary")
"""Families with thresholds."""
SPARE = 1.5
"""Cells of the table units x items x repetitions, for each row, up to which rows are put into that table."""
MOST_SPLIT = 200
"""Levels of an effect up to which its mean is sampled apart, through a table of their square."""
MANY_ANSWERS = 8.0
"""Answers (trials count) of a unit for each correlated dimension from which dimensions are sampled as they stand."""
OF_NUMBERS = 4.0
"""Answers that a normal one counts for: it says more than a category does."""
MANY_ROWS = 20.0
"""Answers for each level from which a random effect is sampled as it stands, not in units of its standard deviation."""


class EffectPlan(NamedTuple):
    """Levels of a random effect, and how it is sampled.

    ``centred``: as it stands, not in units of its standard deviation. ``split``: its mean apart and always in those units,
    for answers tell the mean of a few levels from the intercepts only through its prior.
    """

    levels: int
    centred: bool
    split: bool


class BlockPlan(NamedTuple):
    """Shape of a block.

    ``repeats`` is 0 where rows stand in a list; else they stand in a table (repeats, units, items). ``anchored`` are the
    items of a choice block whose last slope is positive. ``categories`` has 2 for binary items. The styles are numbers of
    dimensions, -1 for none.
    """

    family: Family
    link: Link
    rows: int
    repeats: int
    items: int
    categories: tuple[int, ...]
    dimension: tuple[int, ...]
    loaded: bool
    regress: tuple[int, ...]
    effects: tuple[EffectPlan, ...]
    raters: int
    time: bool
    within: int
    acquiescence: tuple[int, ...]
    extremity: int
    anchored: tuple[int, ...]


class Plan(NamedTuple):
    """Shape of a joint model.

    ``correlated``, ``moved`` and ``free`` are numbers of dimensions: those of the law with correlations, those that
    predictors and families act on, those with a standard deviation of their own. ``growth`` has pairs (dimension, trait).
    ``mirrored`` are the dimensions that choices alone measure: draws are turned afterwards so that the last slopes of their
    items have a positive sum. With profiles, which are sorted, the last slope of one item is positive instead.
    """

    units: int
    size: int
    correlated: tuple[int, ...]
    moved: tuple[int, ...]
    free: tuple[int, ...]
    growth: tuple[tuple[int, int], ...]
    predictors: int
    families: int
    profiles: int
    covariates: int
    within: int
    within_on: tuple[int, ...]
    shrinkage: Shrinkage
    centred: bool
    mirrored: tuple[int, ...]
    blocks: tuple[BlockPlan, ...]


class Rows(NamedTuple):
    """Arrays of a block, as a list or as a table; ``constant`` is what an answer adds whatever the parameters."""

    answer: Any
    weight: Any
    constant: Any
    sign: Any
    unit: Any
    item: Any
    cell: Any
    levels: tuple[Any, ...]
    rater: Any
    time: Any
    within: Any
    trials: Any


class Data(NamedTuple):
    """Arrays of a model, and its priors."""

    blocks: tuple[Rows, ...]
    predictors: Any
    family: Any
    covariates: Any
    priors: JointPriors


def plan_of(joint: Joint, *, centred: bool | None = None) -> Plan:
    """Return the shape of a model.

    Parameters
    ----------
    joint : Joint
        The model.
    centred : bool, optional
        Whether the dimensions are sampled as they stand; by default as the density's docstring says.
    """
    roles = [one.role for one in joint.dimensions]
    correlated = tuple(at for at, role in enumerate(roles) if role in CORRELATED)
    on = sorted({k for block in joint.blocks if block.within is not None for k in measured(block)})
    chosen = joint.profiles > 1 or (_many(joint, len(correlated)) if centred is None else centred)
    return Plan(
        units=len(joint.units),
        size=len(roles),
        correlated=correlated,
        moved=tuple(at for at, role in enumerate(roles) if role in MOVED),
        free=tuple(at for at, one in enumerate(joint.dimensions) if one.free_sd),
        growth=tuple((at, one.of) for at, one in enumerate(joint.dimensions) if one.role == "growth"),
        predictors=joint.predictors.shape[1],
        families=len(joint.families) if joint.family is not None else 0,
        profiles=joint.profiles,
        covariates=joint.covariates.shape[1] if joint.profiles > 1 else 0,
        within=len(joint.within_names) if on else 0,
        within_on=tuple(on),
        shrinkage=joint.shrinkage,
        centred=chosen,
        mirrored=() if joint.profiles > 1 else _unsigned(joint),
        blocks=tuple(_block_plan(joint, block) for block in joint.blocks),
    )


def _many(joint: Joint, correlated: int) -> bool:
    answers = 0.0
    for block in joint.blocks:
        each = (
            block.trials if block.family in RATES and block.trials is not None else np.ones(block.answer.size)
        )
        answers += float(block.weight @ each) * (OF_NUMBERS if block.family == "normal" else 1.0)
    return answers >= MANY_ANSWERS * len(joint.units) * max(correlated, 1)


def measured(block: Block) -> tuple[int, ...]:
    """Return the dimensions that a block depends on, styles aside."""
    return block.regress or tuple(sorted({int(k) for k in block.dimension}))


def _block_plan(joint: Joint, block: Block) -> BlockPlan:
    categories = {"ordinal": block.categories, "choice": block.categories}.get(
        block.family, np.full(len(block.items), 2)
    )
    styles = {role: tuple(k for k in block.styles if joint.dimensions[k].role == role) for role in
              ("acquiescence", "extremity")}  # fmt: skip
    extremity = styles["extremity"] if block.family in ORDERED else ()
    return BlockPlan(
        family=block.family,
        link=block.link if block.family in ORDERED else "logit",
        rows=block.answer.size,
        repeats=_repeats(joint, block),
        items=len(block.items),
        categories=tuple(int(c) for c in categories),
        dimension=tuple(int(k) for k in block.dimension),
        loaded=block.loaded,
        regress=tuple(int(k) for k in block.regress),
        effects=tuple(_effect_plan(block, len(one.labels)) for one in block.effects),
        raters=len(block.raters) if block.rater is not None else 0,
        time=block.time is not None,
        within=block.within.shape[1] if block.within is not None else 0,
        acquiescence=styles["acquiescence"] if block.family != "choice" else (),
        extremity=extremity[0] if extremity else -1,
        anchored=_anchored(joint, block),
    )


def _effect_plan(block: Block, levels: int) -> EffectPlan:
    centred = bool(block.weight.sum() >= MANY_ROWS * levels)
    return EffectPlan(levels, centred, centred and 1 < levels <= MOST_SPLIT)


def _unsigned(joint: Joint) -> tuple[int, ...]:
    """Dimensions that choices alone measure, so that nothing says which way is up."""
    by_kind = [
        {int(k) for block in joint.blocks if not block.regress and (block.family == "choice") is chosen
         for k in block.dimension}
        for chosen in (True, False)
    ]  # fmt: skip
    return tuple(sorted(by_kind[0] - by_kind[1]))


def _anchored(joint: Joint, block: Block) -> tuple[int, ...]:
    """First item of each such dimension, where there are profiles."""
    if block.family != "choice" or joint.profiles == 1:
        return ()
    first: dict[int, tuple[str, int]] = {}
    for one in joint.blocks:
        if one.family == "choice":
            for at, k in enumerate(one.dimension):
                first.setdefault(int(k), (one.name, at))
    unsigned = _unsigned(joint)
    return tuple(sorted(at for k, (name, at) in first.items() if name == block.name and k in unsigned))


def _repeats(joint: Joint, block: Block) -> int:
    """Most rows of a unit and item, where a table of them is not much larger than the list; else 0."""
    units, items = len(joint.units), len(block.items)
    if not block.answer.size:
        return 0
    most = int(np.bincount(block.unit * items + block.item).max())
    return most if most * units * items <= SPARE * block.answer.size else 0


def data_of(joint: Joint, plan: Plan, priors: JointPriors) -> Data:
    """Return the arrays of a model.

    Parameters
    ----------
    joint : Joint
        The model.
    plan : Plan
        Its shape.
    priors : JointPriors
        Scales of its priors.
    """
    return Data(
        tuple(
            _rows(block, shape, plan.units) for block, shape in zip(joint.blocks, plan.blocks, strict=True)
        ),
        np.asarray(joint.predictors, dtype=float),
        None if joint.family is None else np.asarray(joint.family, dtype=np.int64),
        np.asarray(joint.covariates, dtype=float) if plan.covariates else None,
        JointPriors(*(float(value) for value in priors)),
    )


def _rows(block: Block, shape: BlockPlan, units: int) -> Rows:
    answer = np.asarray(block.answer, dtype=float)
    trials = None if block.trials is None else np.asarray(block.trials, dtype=float)
    coded = answer.astype(np.int64) if block.family in (*ORDERED, "choice") else answer
    cell = block.unit * shape.items + block.item
    columns: dict[str, Any] = {
        "answer": coded,
        "weight": np.asarray(block.weight, dtype=float),
        "constant": _constant(block.family, answer, trials),
        "rater": block.rater,
        "time": block.time,
        "within": block.within,
        "trials": trials,
    }
    levels = [one.level for one in block.effects]
    sign = np.asarray(block.sign, dtype=float)
    if not shape.repeats:
        return Rows(**columns, sign=sign, levels=tuple(levels), unit=block.unit, item=block.item, cell=cell)
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], cell[order])
    place = np.empty((2, cell.size), dtype=np.int64)
    place[:, order] = np.arange(cell.size) - first, cell[order]

    def table(values: Any, spare: float) -> Any:
        if values is None:
            return None
        found = np.full((shape.repeats, units * shape.items, *values.shape[1:]), spare, dtype=values.dtype)
        found[place[0], place[1]] = values
        return found.reshape(shape.repeats, units, shape.items, *values.shape[1:])

    # A cell without an answer has weight 0; one trial keeps its logarithms finite.
    made = {name: table(values, 1.0 if name == "trials" else 0.0) for name, values in columns.items()}
    return Rows(
        **made, sign=sign, levels=tuple(table(one, 0) for one in levels), unit=None, item=None, cell=None
    )


def _constant(family: Family, answer: Floats, trials: Floats | None) -> Floats:
    """Logarithm of a binomial coefficient, or of 1 / y!."""
    if family == "count":
        return -np.asarray(gammaln(answer + 1))
    if family in RATES and trials is not None:
        return np.asarray(gammaln(trials + 1) - gammaln(answer + 1) - gammaln(trials - answer + 1))
    return np.zeros(answer.size)
