"""How many items, prompts and repetitions does a reliable score need, and what does it cost?

A decision study: with the variance components of the answers at hand, the reliability of a score that
averages n'_i items under n'_f conditions is

    G(n') = s_p / (s_p + sum s_e / prod n'_a),

over the effects e of the respondent with conditions; Phi adds the effects of conditions alone. A score
costs prod n'_a answers per respondent. The recommended design is the cheapest one with G (or Phi) at the
target, of equally cheap ones the most reliable.

Misleads when new items or prompts would not be like those in the table (the best ones were taken first); when
a facet was not varied in the table, so that nothing is known of it; when respondents to come differ less
than those seen; and when the components rest on two or three levels: read the probability that the design
reaches the target, which says how sure the data make one, not the coefficient alone.

References
----------
Brennan, R. L. (2001). Generalizability Theory, chapter 4. Springer. https://doi.org/10.1007/978-1-4757-3456-0

Weerahandi, S. (1993). Generalized confidence intervals. Journal of the American Statistical Association,
88(423), 899-905. https://doi.org/10.1080/01621459.1993.10476355
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.dstudy import (
    Coefficient,
    Interval,
    bootstrap_interval,
    cheapest,
    designs,
    drawn_components,
    errors,
    ratio_interval,
)
from psychomet.numerics.dstudy import (
    coefficient as coefficient_of,
)
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key
from psychomet.scores.layout import ITEM, check_layout, layouts
from psychomet.scores.layout_study import Fitted, fit_layout, layout_notes, layout_settings, numbers_text
from psychomet.scores.request import held_table, table_notes
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

FEWEST_BOOT = 100
MOST_DESIGNS = 2_000_000
MOST_ITEMS = 40
MOST_LEVELS = 10
FEWEST_LIKELY = 0.5
ESTIMAND = {"g": "g_coefficient", "phi": "phi_coefficient"}
A_COUNT = "a count, not an estimate"
A_PROBABILITY = "a probability, which has no interval of its own"
NO_LIMITS = "the components give no limits"
NO_VALUE = "neither universe-score variance nor error is positive"


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """The design recommended for a scale: ``numbers`` is empty where none within the limits reaches the target."""

    one: Fitted
    numbers: tuple[int, ...]
    most: tuple[int, ...]
    value: float
    probability: float


def plan(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    target: float = 0.80,
    coefficient: Coefficient = "g",
    limits: Mapping[str, int] | None = None,
    cost: float = 1.0,
    facets: Sequence[str] | None = None,
    fixed: Sequence[str] = (),
    max_order: int | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
    non_negative: bool = True,
) -> Result:
    """Find the cheapest numbers of items and conditions at which each scale is reliable enough.

    Parameters
    ----------
    responses : ResponseTable
        A table in which the facets to plan were varied.
    seed : int
        Seed of the bootstrap and of the draws behind the probability.
    missing : {"available", "complete"}
        As in :func:`psychomet.generalizability`.
    key : Key, optional
        The instrument; default the one the table was read with.
    target : float
        Coefficient wanted, above 0 and below 1.
    coefficient : {"g", "phi"}
        ``g``: respondents are compared under the same conditions; ``phi``: a score is taken at its value.
    limits : mapping of facet to int, optional
        Most conditions of a facet (``item``, ``sample`` and the facets of the table). Default 40 items or
        twice those of the scale, 10 of every other facet. 1 fixes a facet at one condition.
    cost : float
        Cost of one answer.
    facets, fixed, max_order, non_negative
        As in :func:`psychomet.generalizability`.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents, and draws behind the probability; 0 for no bootstrap.

    Returns
    -------
    Result
        Per scale: ``g_coefficient`` and ``phi_coefficient`` (column ``level`` names the design) of the
        observed and of the recommended design, with modified large-sample (``mls``; ``delta`` where cells
        are missing) and bootstrap limits; ``calls``, the cost of the recommended design per respondent;
        ``probability_of_target``; and curves: the same coefficients with one facet (column
        ``facet``) varied, the others as recommended. Where no design within the limits reaches the target the
        curves start from the largest one. ``settings["plan"]`` holds the recommended numbers.

    Raises
    ------
    InputError
        If there is no key, a facet is unknown, or an argument is out of range.

    Notes
    -----
    The probability is the share of draws from the generalized pivotal distribution of the components (of a
    normal approximation where cells are missing) in which the recommended design reaches the target. It is
    near one half for the cheapest design: half of all studies promise too much. Ask for a higher target to be
    surer. Where replicate samples were not drawn their noise is part of the residual, which more samples alone
    would lower less than more items or prompts do: the plan then has no number of samples.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, target, coefficient, limits or {}, cost, n_boot)
    check_layout(table, facets=facets, fixed=fixed, by=None)
    scales = resolve_key(table, None).scales
    found = [
        fit_layout(
            layout, max_order=max_order, non_negative=non_negative, n_boot=n_boot, seed=seed, measured=True
        )
        for scale in scales
        for layout in layouts(table, scale=scale.name, missing=missing, facets=facets, fixed=fixed)
    ]
    choices = [
        _choose(one, target, coefficient, limits or {}, cost, max(n_boot, FEWEST_BOOT), seed) for one in found
    ]
    rows = [row for choice in choices for row in _rows(choice, cost, conf_level)]
    return make_result(
        "plan",
        rows,
        settings=settings(
            table, missing=missing, target=target, coefficient=coefficient,
            limits=None if limits is None else dict(limits), cost=cost,
            facets=None if facets is None else list(facets), fixed=list(fixed), max_order=max_order,
            conf_level=conf_level, n_boot=n_boot, seed=seed, non_negative=non_negative,
            scales={scale.name: list(scale.items) for scale in scales}, generalizability=layout_settings(found),
            plan={choice.one.layout.scale.name: _summary(choice, cost) for choice in choices},
        ),
        notes=[*_notes(choices, target, coefficient, cost), *layout_notes(found), *table_notes(table)],
    )  # fmt: skip


def _check(
    table: ResponseTable, target: float, coefficient: str, limits: Mapping[str, int], cost: float, n_boot: int
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = []
    if not 0 < target < 1:
        faults.append(Fault("target", f"{target} is not between 0 and 1", "Use 0.8, say"))
    if coefficient not in ESTIMAND:
        faults.append(
            Fault("coefficient", f"{visible(coefficient)!r} is not a coefficient", "Use 'g' or 'phi'")
        )
    if not (isfinite(cost) and cost > 0):
        faults.append(Fault("cost", f"{cost} is not a cost", "Give the cost of one answer"))
    known = {ITEM, "sample", *table.facets}
    for name, most in limits.items():
        if name not in known:
            todo = f"The facets are: {', '.join(map(visible, sorted(known)))}"
            faults.append(Fault("limits", f"no facet of the table: '{visible(name)}'", todo))
        elif isinstance(most, bool) or int(most) != most or most < 1:
            faults.append(
                Fault(
                    "limits", f"{visible(name)} = {visible(most)} is no number of conditions", "Use 1 or more"
                )
            )
    if n_boot != 0 and n_boot < FEWEST_BOOT:
        todo = f"Use at least {FEWEST_BOOT}, or 0 for no bootstrap"
        faults.append(Fault("n_boot", f"{n_boot} resamples give no interval", todo))
    if faults:
        raise InputError("the call", faults)


def _choose(
    one: Fitted,
    target: float,
    kind: Coefficient,
    limits: Mapping[str, int],
    cost: float,
    n_boot: int,
    seed: int,
) -> _Choice:
    """Search the grid of designs of one scale."""
    nothing = _Choice(one, (), (), float("nan"), float("nan"))
    if one.study is None:
        return nothing
    k = one.layout.sizes[one.layout.axes.index(ITEM)] if ITEM in one.facets else 0
    most = tuple(
        int(limits.get(name, max(MOST_ITEMS, 2 * k) if name == ITEM else MOST_LEVELS)) for name in one.facets
    )
    if prod(most) > MOST_DESIGNS:
        what = f"{prod(most):,} designs ({numbers_text(one.facets, most)}) are more than {MOST_DESIGNS:,}"
        raise InputError("the call", [Fault("limits", what, "Give smaller limits for some facets")])
    grid = designs(most)
    at = one.study.effects.index((0,))
    weights = errors(one.study.effects, grid, coefficient=kind)
    values = coefficient_of(one.study.component, weights, at=at)
    best = cheapest(np.nan_to_num(values, nan=-1.0), grid.prod(axis=1) * cost, target)
    if best.at < 0:
        return _Choice(one, (), most, float("nan"), float("nan"))
    drawn = coefficient_of(drawn_components(one.study, n_boot=n_boot, seed=seed), weights[[best.at]], at=at)
    probability = float(np.mean(np.nan_to_num(drawn[:, 0], nan=-1.0) >= target))
    return _Choice(one, tuple(int(number) for number in grid[best.at]), most, best.value, probability)


def _rows(choice: _Choice, cost: float, conf_level: float) -> list[Row]:
    """Rows of one scale: as observed, as recommended, and one facet varied at a time."""
    one = choice.one
    shared: Row = {"term": one.layout.scale.name, "group": "", "conf_level": conf_level, "n": one.n}
    if one.study is None:
        return [
            {"estimand": name, **shared, "method": "none", "reason": one.reason} for name in ESTIMAND.values()
        ]
    start = choice.numbers or choice.most
    rows = _coefficients(one, np.array([one.layout.numbers]), "", shared)
    if tuple(map(float, start)) != tuple(one.layout.numbers):
        rows += _coefficients(one, np.array([start], dtype=float), "", shared)
    if choice.numbers:
        level = numbers_text(one.facets, choice.numbers)
        rows.append({"estimand": "calls", **shared, "level": level, "estimate": prod(choice.numbers) * cost,
                     "method": "none; cost per respondent of the recommended design", "reason": A_COUNT})  # fmt: skip
        draws = "generalized pivotal draws" if one.study.squares is not None else "normal draws"
        rows.append({"estimand": "probability_of_target", **shared, "level": level, "estimate": choice.probability,
                     "method": f"none; {draws} of the components", "reason": A_PROBABILITY})  # fmt: skip
    for axis, name in enumerate(one.facets):
        curve = np.tile(np.array(start, dtype=float), (choice.most[axis], 1))
        curve[:, axis] = np.arange(1, choice.most[axis] + 1)
        rows += _coefficients(one, curve, name, shared, bootstrap=False)
    return rows


def _coefficients(
    one: Fitted, numbers: Floats, facet: str, shared: Row, *, bootstrap: bool = True
) -> list[Row]:
    """G and Phi of some designs, a row for each kind of limits."""
    study = one.study
    if study is None:
        return []
    universe = np.eye(study.component.size)[[study.effects.index((0,))] * numbers.shape[0]]
    conf_level = float(shared["conf_level"])
    rows: list[Row] = []
    for kind, estimand in ESTIMAND.items():
        rest = errors(study.effects, numbers, coefficient="g" if kind == "g" else "phi")
        values = coefficient_of(study.component, rest, at=study.effects.index((0,)))
        word = (
            f"mls; {one.method}, conditions random"
            if study.squares is not None
            else "delta; on the logit, REML"
        )
        kinds: list[tuple[str, Interval]] = [
            (word, ratio_interval(study, universe, rest, conf_level=conf_level))
        ]
        if bootstrap and study.replicates.size:
            word = f"bootstrap; BCa, respondents resampled, {one.method}, conditions held"
            kinds.append((word, bootstrap_interval(study, universe, rest, conf_level=conf_level)))
        for method, limits in kinds:
            for number, value in enumerate(values):
                ends = [limits.low[number], limits.high[number]]
                good = bool(np.isfinite(ends).all()) and ends[0] < ends[1]
                reason = NO_VALUE if np.isnan(value) else "" if good else NO_LIMITS
                if reason:
                    ends = [np.nan, np.nan]
                rows.append({
                    "estimand": estimand, **shared, "facet": facet,
                    "level": numbers_text(one.facets, numbers[number]), "estimate": value,
                    "std_error": limits.std_error[number], "conf_low": ends[0], "conf_high": ends[1],
                    "method": method, "reason": reason,
                })  # fmt: skip
    return rows


def _summary(choice: _Choice, cost: float) -> dict[str, Any]:
    """The recommendation for one scale, as JSON values."""
    numbers = dict(zip(choice.one.facets, choice.numbers, strict=False))
    return {
        "numbers": numbers,
        "reached": bool(numbers),
        "value": choice.value if numbers else None,
        "calls": prod(choice.numbers) * cost if numbers else None,
        "probability": choice.probability if numbers else None,
        "limits": dict(zip(choice.one.facets, choice.most, strict=False)),
        "reason": choice.one.reason,
    }


def _notes(choices: Sequence[_Choice], target: float, kind: str, cost: float) -> list[Note]:
    """Say what is recommended, where nothing is, and where the data leave it open."""
    name = "G" if kind == "g" else "Phi"
    notes = []
    for choice in choices:
        one = choice.one
        if choice.numbers:
            design = numbers_text(one.facets, choice.numbers)
            text = (
                f"{one.layout.name}: {visible(design, 200)} reaches {name} = {choice.value:.3f} (target {target:g}) for "
                f"{prod(choice.numbers) * cost:g} per respondent; the data give it a probability of {choice.probability:.2f}."
            )
            notes.append(Note("recommended_design", text, "info"))
        elif one.study is not None:
            text = (
                f"{one.layout.name}: no design up to {visible(numbers_text(one.facets, choice.most), 200)} reaches "
                f"{name} = {target:g}."
            )
            notes.append(Note("no_design", text))
    unsure = [
        choice.one.layout.name for choice in choices if choice.numbers and choice.probability < FEWEST_LIKELY
    ]
    if unsure:
        text = (
            f"The recommended design reaches the target with a probability below {FEWEST_LIKELY:g}: {', '.join(unsure)}. "
            "The components are not known well enough; vary more conditions or take more respondents, or aim higher."
        )
        notes.append(Note("unsure_design", text))
    if any(choice.one.study is not None and "sample" not in choice.one.facets for choice in choices):
        text = "Replicate samples were not told apart, so their noise is part of the residual and is not planned."
        notes.append(Note("no_samples", text, "info"))
    return notes
