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
TELLS = {"logit": 0.25, "probit": 0.6}
"""Information of one ordered answer about its predictor, roughly: its largest for two categories."""
LEAST_RATE = 0.05
"""Shares of successes are taken to be this far from 0 and 1 when it is asked what answers tell."""


class EffectPlan(NamedTuple):
    """Levels of a random effect, and how it is sampled.

    ``split``: its mean apart, in units of its standard deviation, for answers tell the mean of a few levels from the
    intercepts only through its prior.
    """

    levels: int
    split: bool


class BlockPlan(NamedTuple):
    """Shape of a block.

    ``repeats`` is 0 where rows stand in a list; else they stand in a table (repeats, units, items). ``anchored`` are the
    items of a choice block whose last slope is positive. ``categories`` has 2 for binary items. ``exact``: given the
    other parameters, its answers have a normal law in which all units are alike. The styles are numbers of
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
    exact: bool


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
    mirrored: tuple[int, ...]
    blocks: tuple[BlockPlan, ...]


class Rows(NamedTuple):
    """Arrays of a block, as a list or as a table; ``constant`` is what an answer adds whatever the parameters.

    ``told`` is what the answers of a unit to each item tell about their predictor, in the mean and roughly; ``moments`` are
    the means of time and of its square. ``pull`` are sums over repeats of the answers of an exact block, (units, items).
    """

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
    told: Any
    moments: Any
    pull: Any


class Data(NamedTuple):
    """Arrays of a model, and its priors."""

    blocks: tuple[Rows, ...]
    predictors: Any
    family: Any
    covariates: Any
    priors: JointPriors


def plan_of(joint: Joint) -> Plan:
    """Return the shape of a model.

    Parameters
    ----------
    joint : Joint
        The model.
    """
    roles = [one.role for one in joint.dimensions]
    correlated = tuple(at for at, role in enumerate(roles) if role in CORRELATED)
    on = sorted({k for block in joint.blocks if block.within is not None for k in measured(block)})
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
        mirrored=() if joint.profiles > 1 else _unsigned(joint),
        blocks=tuple(_block_plan(joint, block) for block in joint.blocks),
    )


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
        effects=tuple(
            EffectPlan(len(one.labels), 1 < len(one.labels) <= MOST_SPLIT) for one in block.effects
        ),
        raters=len(block.raters) if block.rater is not None else 0,
        time=block.time is not None,
        within=block.within.shape[1] if block.within is not None else 0,
        acquiescence=styles["acquiescence"] if block.family != "choice" else (),
        extremity=extremity[0] if extremity else -1,
        anchored=_anchored(joint, block),
        exact=_exact(joint, block),
    )


def _exact(joint: Joint, block: Block) -> bool:
    """Whether the block is a whole table of normal answers, and nothing but dimensions moves them."""
    plain = block.rater is None and block.time is None and block.within is None and not block.effects
    whole = block.answer.size == _repeats(joint, block) * len(joint.units) * len(block.items)
    return bool(
        block.family == "normal" and plain and whole and block.answer.size and (block.weight == 1).all()
    )


def _unsigned(joint: Joint) -> tuple[int, ...]:
    """Dimensions that choices alone measure, so that nothing says which way is up.

    Where a block of choices has random effects and items of several dimensions, no one of these can be turned by itself.
    """
    by_kind = [
        {int(k) for block in joint.blocks if not block.regress and (block.family == "choice") is chosen
         for k in block.dimension}
        for chosen in (True, False)
    ]  # fmt: skip
    shared = {
        int(k)
        for block in joint.blocks
        if block.family == "choice" and block.effects and len(set(block.dimension)) > 1
        for k in block.dimension
    }
    return tuple(sorted(by_kind[0] - by_kind[1] - shared))


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
    by_item = {"sign": sign, "told": _told(block, shape, units), "moments": _moments(block), "pull": None}
    if shape.exact:
        sums = np.bincount(cell, weights=answer, minlength=units * shape.items)
        by_item["pull"] = sums.reshape(units, shape.items)
    if not shape.repeats:
        return Rows(**columns, **by_item, levels=tuple(levels), unit=block.unit, item=block.item, cell=cell)
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
        **made, **by_item, levels=tuple(table(one, 0) for one in levels), unit=None, item=None, cell=None
    )


def _told(block: Block, shape: BlockPlan, units: int) -> Floats:
    """What the answers of a unit to each item tell about their predictor, in the mean and roughly, (items,).

    It is used for the choice of coordinates alone. It is of the data, not of residuals or dispersions at hand: dimensions that
    answers pin would else move with these.
    """
    answer = np.asarray(block.answer, dtype=float)
    rows = np.maximum(_by_item(block, shape, 1.0), 1e-9)
    if block.family == "normal":
        each = 1 / _residual_variance(block, shape, units)
    elif block.family == "count":
        mean = np.maximum(_by_item(block, shape, answer) / rows, LEAST_RATE)
        spread = _by_item(block, shape, np.square(answer - mean[block.item])) / rows
        # Half of what is beyond a Poisson law is taken for dispersion, the other half for differences of units.
        each = np.square(mean) / (mean + 0.5 * np.maximum(spread - mean, 0.0))
    elif block.family in RATES and block.trials is not None:
        each = _of_rates(block, shape, rows)
    elif block.family in ORDERED and block.link == "adjacent":
        mean = _by_item(block, shape, answer) / rows
        spread = _by_item(block, shape, np.square(answer - mean[block.item])) / rows
        each = np.maximum(spread, TELLS["logit"])
    else:
        each = np.full(shape.items, TELLS[block.link] if block.family in ORDERED else 1.0)
    return np.asarray(rows * each / units)


def _by_item(block: Block, shape: BlockPlan, values: Any) -> Floats:
    found = np.bincount(block.item, weights=block.weight * values, minlength=shape.items)
    return np.asarray(found, dtype=np.float64)


def _of_rates(block: Block, shape: BlockPlan, rows: Floats) -> Floats:
    trials = np.asarray(block.trials, dtype=float)
    whole = np.maximum(_by_item(block, shape, trials), 1e-9)
    rate = np.clip(_by_item(block, shape, block.answer) / whole, LEAST_RATE, 1 - LEAST_RATE)
    binomial = trials * (rate * (1 - rate))[block.item]
    if block.family == "binomial":
        return np.asarray(_by_item(block, shape, binomial) / rows)
    spread = _by_item(block, shape, np.square(np.asarray(block.answer) - trials * rate[block.item]))
    beyond = np.maximum(spread - _by_item(block, shape, binomial), 0.0) / rows
    mean = _by_item(block, shape, binomial) / rows
    return np.asarray(np.square(mean) / (mean + 0.5 * beyond))


def _residual_variance(block: Block, shape: BlockPlan, units: int) -> Floats:
    """Variance of each item that the other items of the block do not explain; half of it where that cannot be said."""
    items = shape.items
    cells = units * items
    cell = block.unit * items + block.item
    count = np.bincount(cell, weights=block.weight, minlength=cells)
    total = np.bincount(cell, weights=block.weight * block.answer, minlength=cells)
    mean = _by_item(block, shape, block.answer) / np.maximum(_by_item(block, shape, 1.0), 1e-9)
    table = np.where(
        count.reshape(units, items) > 0,
        (total / np.where(count > 0, count, 1.0)).reshape(units, items) - mean,
        0.0,
    )
    within = _by_item(block, shape, np.square(block.answer - (table + mean).reshape(-1)[cell]))
    within = within / np.maximum(_by_item(block, shape, 1.0), 1e-9)
    covariance = table.T @ table / max(units, 1)
    found = 0.5 * np.diagonal(covariance)
    if units > 2 * items and items > 1:
        # The diagonal of the inverse: variances given the other items.
        least = 1e-6 * np.eye(items) * max(float(np.trace(covariance)) / items, 1e-12)
        found = np.minimum(found, 1 / np.diagonal(np.linalg.inv(covariance + least)))
    return np.asarray(np.maximum(found + within, 1e-6 * (np.diagonal(covariance) + within) + 1e-12))


def _moments(block: Block) -> Floats:
    if block.time is None:
        return np.zeros(2)
    weight = block.weight / max(float(block.weight.sum()), 1e-9)
    return np.array([weight @ block.time, weight @ np.square(block.time)])


def _constant(family: Family, answer: Floats, trials: Floats | None) -> Floats:
    """Logarithm of a binomial coefficient, or of 1 / y!."""
    if family == "count":
        return -np.asarray(gammaln(answer + 1))
    if family in RATES and trials is not None:
        return np.asarray(gammaln(trials + 1) - gammaln(answer + 1) - gammaln(trials - answer + 1))
    return np.zeros(answer.size)
