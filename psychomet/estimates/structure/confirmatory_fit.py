"""One group of the table and the model fitted to it, or the reason why there is no fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.confirmatory_plan import FULL_INFORMATION, Plan
from psychomet.estimates.structure.correlation_rows import MANY_CATEGORIES
from psychomet.numerics.confirmatory.clusters import clustered
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.ordinal import fit_ordinal
from psychomet.numerics.confirmatory.sample import Obstacles, obstacles, table_sample
from psychomet.numerics.confirmatory.solution import Problems, problems
from psychomet.numerics.ordinal import ordinal_moments
from psychomet.scores.joint import joint_samples
from psychomet.scores.ranked import Ranked, ranked_samples
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import listed
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]

FEWEST_UNITS = 3
AVERAGED = (
    "a respondent was asked several times, and the mean of answers is no category: unit='administration' takes single "
    "answers, estimator='MLR' takes means"
)
NO_CONVERGENCE = "the descent did not end in a minimum, so that there are no estimates"
MARKER = "the first item of a factor, whose loading is fixed to 1, may not belong to it: std_lv=True"
NOT_IDENTIFIED = "the model is not identified: several values fit these answers equally well"


class Part(NamedTuple):
    """Who stands behind a fit: group, respondents, rows, and rows left out."""

    group: str
    n: int
    rows: int
    left_out: int

    @property
    def name(self) -> str:
        """The group, for a sentence."""
        return visible(self.group) if self.group else "the whole table"

    @property
    def clustered(self) -> bool:
        """Whether a respondent has several rows."""
        return self.rows > self.n


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A group with its fit.

    Attributes
    ----------
    part : Part
        Who stands behind it.
    fit : Fit
        The fit.
    trouble : Problems
        What makes it improper.
    correlation : (p, p) array
        Correlations of the items, in the order of the model.
    values : (n, p) array or None
        The answers, NaN in holes; None where they are ordered categories.
    unit : (n,) array of int
        Respondent of each row.
    """

    part: Part
    fit: Fit
    trouble: Problems
    correlation: Floats
    values: Floats | None
    unit: NDArray[np.intp]

    @property
    def items(self) -> tuple[str, ...]:
        """Items of the model."""
        return self.fit.model.observed

    @property
    def independent(self) -> bool:
        """Whether rows are independent, or standard errors and tests allow for their not being so."""
        return not self.part.clustered or self.fit.estimator == "MLR" or self.fit.model.scaling != "none"


class Failed(NamedTuple):
    """A group without a fit."""

    part: Part
    reason: str


def solutions(table: ResponseTable, plan: Plan) -> Iterator[Solved | Failed]:
    """Fit the model to the whole table, then at each level of a facet.

    Raises
    ------
    InputError
        If answers are missing and the estimator needs complete rows.
    """
    if plan.ordinal:
        for ranked in ranked_samples(
            table, scales=plan.scales, missing=plan.missing, unit="administration", by=plan.by
        ):
            yield _ordinal(ranked, plan)
        return
    for sample in joint_samples(table, scales=plan.scales, missing=plan.missing, unit=plan.unit, by=plan.by):
        if sample.holes and plan.estimator not in FULL_INFORMATION:
            what = f"{plan.estimator} needs complete rows, and answers are missing"
            todo = "Use missing='complete', or an estimator of full information: ML, MLR or MLF"
            raise InputError("the call", [Fault("missing", what, todo)])
        yield _continuous(sample, plan)


def _order(items: tuple[str, ...], wanted: tuple[str, ...]) -> NDArray[np.intp]:
    place = {item: at for at, item in enumerate(items)}
    return np.array([place[item] for item in wanted], dtype=np.intp)


def _continuous(sample: Sample, plan: Plan) -> Solved | Failed:
    part = Part(sample.group, sample.ids.size, len(sample.values), sample.left_out)
    if part.n < FEWEST_UNITS:
        return Failed(part, f"fewer than {FEWEST_UNITS} respondents")
    robust = plan.estimator == "MLR" and sample.clustered
    full = plan.missing == "available" and plan.estimator in FULL_INFORMATION
    model = plan.model(means=full or robust)
    order = _order(sample.scale.items, model.observed)
    values = sample.values[:, order]
    empty = np.isnan(values).all(axis=0)
    if empty.any():
        return Failed(part, f"without an answer: {_names(model.observed, np.flatnonzero(empty))}")
    data = table_sample(values)
    hindrance = _hindrance(obstacles(data), model.observed, part)
    p = len(model.observed)
    if not hindrance and plan.estimator == "WLS" and part.rows <= p * (p + 1) // 2 + p:
        hindrance = f"WLS needs more rows than the {p * (p + 1) // 2} moments of {p} items"
    if hindrance:
        return Failed(part, hindrance)
    try:
        found = fit(model, data, estimator=plan.estimator, likelihood=plan.likelihood)
        if robust and found.identified:
            found = clustered(found, sample.unit)
    except np.linalg.LinAlgError:
        return Failed(part, "a matrix that must be inverted is singular")
    return _checked(part, found, sample.cor[np.ix_(order, order)], values, sample.unit, plan)


def _ordinal(ranked: Ranked, plan: Plan) -> Solved | Failed:
    part = Part(ranked.group, ranked.ids.size, len(ranked.codes), ranked.left_out)
    if part.clustered and plan.unit == "respondent":
        return Failed(part, AVERAGED)
    if part.n < FEWEST_UNITS:
        return Failed(part, f"fewer than {FEWEST_UNITS} respondents")
    items = plan.outline().observed
    codes = ranked.codes[:, _order(ranked.items, items)].astype(np.intp)
    sizes = np.array([np.unique(column[column >= 0]).size for column in codes.T])
    if (sizes < 2).any():
        return Failed(part, f"answered alike by everyone: {_names(items, np.flatnonzero(sizes < 2))}")
    wide = np.flatnonzero(sizes > MANY_CATEGORIES)
    if wide.size:
        return Failed(
            part,
            f"more than {MANY_CATEGORIES} different answers, which are no ordered categories: {_names(items, wide)}; "
            "estimator='MLR' takes them as continuous",
        )
    moments = ordinal_moments(codes, missing=plan.missing, unit=ranked.unit if part.clustered else None)
    unknown = ~np.isfinite(moments.correlation)
    if unknown.any():
        a, b = np.argwhere(np.triu(unknown))[0]
        return Failed(
            part,
            f"no polychoric correlation of {visible(items[a], 30)} and {visible(items[b], 30)}: too few rows have both",
        )
    if moments.gamma is None or not (np.diag(moments.gamma) > 0).all():
        return Failed(
            part, "a threshold or correlation has no sampling variance, so that it cannot be weighted"
        )
    counts = dict(zip(items, (sizes - 1).tolist(), strict=True))
    try:
        model = plan.model(n_thresholds=counts)
        found = fit_ordinal(model, moments, estimator=plan.estimator)  # type: ignore[arg-type]
    except InputError as error:
        # The answers of this group have fewer categories than the text has thresholds.
        return Failed(part, f"the model does not suit these answers: {error.faults[0].what}")
    except np.linalg.LinAlgError:
        return Failed(part, "a matrix that must be inverted is singular")
    return _checked(part, found, moments.correlation, None, ranked.unit, plan)


def _checked(
    part: Part, found: Fit, correlation: Floats, values: Floats | None, unit: NDArray[Any], plan: Plan
) -> Solved | Failed:
    trouble = problems(found)
    if found.test.df < 0:
        more = found.model.n_reduced
        return Failed(part, f"{NOT_IDENTIFIED} ({more} parameters, {more + found.test.df} moments)")
    if trouble.not_identified:
        return Failed(part, NOT_IDENTIFIED)
    if trouble.not_converged:
        return Failed(part, NO_CONVERGENCE if plan.std_lv else f"{NO_CONVERGENCE}; {MARKER}")
    return Solved(part, found, trouble, correlation, values, unit)


def _hindrance(found: Obstacles, items: tuple[str, ...], part: Part) -> str:
    """Say what keeps answers from being fitted; nothing where nothing does."""
    if found.constant:
        return f"answered alike by everyone: {_names(items, found.constant)}"
    if found.apart:
        a, b = found.apart[0]
        more = f" and {len(found.apart) - 1} more pairs" if len(found.apart) > 1 else ""
        return f"never answered together: {visible(items[a], 30)} and {visible(items[b], 30)}{more}"
    if found.singular and part.rows <= len(items):
        return f"{part.rows} rows are too few for {len(items)} items"
    if found.singular:
        return "the covariances are singular: an item is a sum of others, or two items are one"
    return ""


def _names(items: tuple[str, ...], places: Any) -> str:
    return listed([visible(items[int(at)], 30) for at in places], 4)
