"""How many items, prompts and repetitions does a reliable score need, and what does it cost?

A decision study: with the variance components of the answers at hand, the reliability of a score that
averages n'_i items under n'_f conditions is

    G(n') = s_p / (s_p + sum s_e / prod n'_a),

over the effects e of the respondent with conditions; Phi adds the effects of conditions alone. With N
respondents a design costs, per respondent,

    cost(n') = c_call prod n'_a + sum_a c_a L_a / N,   L_a = n'_a prod of n'_b over the facets b that a is nested in,

that is its calls, and its share of what is paid once for each level that must be made (an item written, a
language translated to). The levels of a facet that is nested in respondents (own raters, replicate samples)
are made for each respondent and are not shared: c_a L_a. The recommended design is the cheapest one with G
(or Phi) at the target, of equally cheap ones the most reliable.

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
from math import prod
from typing import Any

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.estimates.precision.plan_costs import CALL, cost_faults, costs_of, design_cost
from psychomet.estimates.precision.plan_rows import ESTIMAND, Choice, plan_rows
from psychomet.notes import Note
from psychomet.numerics.dstudy import Coefficient, cheapest, designs, drawn_components, errors
from psychomet.numerics.dstudy import (
    coefficient as coefficient_of,
)
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.layout import ITEM, check_layout, layouts
from psychomet.scores.layout_study import Fitted, fit_layout, layout_notes, layout_settings, numbers_text
from psychomet.scores.request import FEWEST_BOOT, boot_faults, held_table, seed_faults, table_notes
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

MOST_DESIGNS = 2_000_000
MOST_ITEMS = 40
MOST_LEVELS = 10
FEWEST_LIKELY = 0.5


@declared
def plan(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    target: float = 0.80,
    coefficient: Coefficient = "g",
    limits: Mapping[str, int] | None = None,
    cost: float | Mapping[str, float] = 1.0,
    respondents: int | None = None,
    by: str | None = None,
    facets: Sequence[str] | None = None,
    fixed: Sequence[str] = (),
    max_order: int | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
    n_boot_missing: int = 0,
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
    cost : float or mapping of str to float
        Cost of one call (one answer of one respondent), or costs by name: ``call`` (default 1), and what one
        level of a facet costs once: ``{"call": 0.002, "item": 5.0, "language": 20.0}``. See the formula above.
        A facet that a scale does not vary adds nothing.
    respondents : int, optional
        Number N of respondents of the study to come, who share what is paid once for a level. Default those
        of the table, scale by scale.
    by : str, optional
        A facet: a plan at each of its levels too, beside the whole table (column ``group``).
    facets, fixed, max_order, n_boot_missing, non_negative
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
        are missing) and bootstrap limits; ``calls``, the cost of the recommended design per respondent, in the unit of ``cost``;
        ``probability_of_target``; and curves: the same coefficients with one facet (column
        ``facet``) varied, the others as recommended. Where no design within the limits reaches the target the
        curves start from the largest one. ``settings["plan"]`` holds the recommended numbers, by scale, and by
        "scale / facet = level" with ``by``.

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
    price = costs_of(cost)
    _check(
        table,
        target,
        coefficient,
        limits or {},
        (n_boot, n_boot_missing),
        [*seed_faults(seed), *cost_faults(table, price, respondents)],
    )
    check_layout(table, facets=facets, fixed=fixed, by=by)
    scales = resolve_key(table, None).scales
    found = [
        fit_layout(
            layout,
            max_order=max_order,
            non_negative=non_negative,
            n_boot=n_boot,
            seed=seed,
            measured=True,
            n_boot_missing=n_boot_missing,
        )
        for scale in scales
        for layout in layouts(table, scale=scale.name, missing=missing, facets=facets, fixed=fixed, by=by)
    ]
    choices = [
        _choose(
            one,
            target,
            coefficient,
            limits or {},
            price,
            respondents or one.n,
            max(n_boot, FEWEST_BOOT),
            seed,
        )
        for one in found
    ]
    rows = [row for choice in choices for row in plan_rows(choice, conf_level=conf_level)]
    return make_result(
        "plan",
        rows,
        settings=settings(
            table, missing=missing, target=target, coefficient=coefficient,
            limits=None if limits is None else dict(limits), cost=dict(cost) if isinstance(cost, Mapping) else cost,
            respondents=respondents, by=by,
            facets=None if facets is None else list(facets), fixed=list(fixed), max_order=max_order,
            conf_level=conf_level, n_boot=n_boot, n_boot_missing=n_boot_missing, seed=seed, non_negative=non_negative,
            scales={scale.name: list(scale.items) for scale in scales}, generalizability=layout_settings(found),
            plan={_place(choice): _summary(choice) for choice in choices},
        ),
        notes=[*_notes(choices, target, coefficient), *_not_planned(found, {**(limits or {}), **price}), *layout_notes(found), *table_notes(table)],
    )  # fmt: skip


def _check(
    table: ResponseTable, target: float, coefficient: str, limits: Mapping[str, int], n_boot: tuple[int, int],
    faults: list[Fault],
) -> None:  # fmt: skip
    """Tell every fault of the arguments that this question alone has, beside those of the costs."""
    if not 0 < target < 1:
        faults.append(Fault("target", f"{target} is not between 0 and 1", "Use 0.8, say"))
    if coefficient not in ESTIMAND:
        faults.append(
            Fault("coefficient", f"{visible(coefficient)!r} is not a coefficient", "Use 'g' or 'phi'")
        )
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
    for name, number in zip(("n_boot", "n_boot_missing"), n_boot, strict=True):
        faults += boot_faults(number, name=name)
    if faults:
        raise InputError("the call", faults)


def _choose(
    one: Fitted, target: float, kind: Coefficient, limits: Mapping[str, int], price: Mapping[str, float],
    respondents: int, n_boot: int, seed: int,
) -> Choice:  # fmt: skip
    """Search the grid of designs of one layout."""
    if one.study is None:
        return Choice(one)
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
    cost = design_cost(one.layout, grid, price=price, respondents=respondents)
    best = cheapest(np.nan_to_num(values, nan=-1.0), cost, target)
    if best.at < 0:
        return Choice(one, most=most)
    drawn = coefficient_of(drawn_components(one.study, n_boot=n_boot, seed=seed), weights[[best.at]], at=at)
    probability = float(np.mean(np.nan_to_num(drawn[:, 0], nan=-1.0) >= target))
    numbers = tuple(int(number) for number in grid[best.at])
    return Choice(one, numbers, most, best.value, best.cost, probability)


def _place(choice: Choice) -> str:
    """The scale, and the group where there is one."""
    layout = choice.one.layout
    return f"{layout.scale.name}{f' / {layout.group}' if layout.group else ''}"


def _summary(choice: Choice) -> dict[str, Any]:
    """The recommendation for one scale, as JSON values."""
    numbers = dict(zip(choice.one.facets, choice.numbers, strict=False))
    return {
        "numbers": numbers,
        "reached": bool(numbers),
        "value": choice.value if numbers else None,
        "calls": choice.cost if numbers else None,
        "probability": choice.probability if numbers else None,
        "limits": dict(zip(choice.one.facets, choice.most, strict=False)),
        "reason": choice.one.reason,
    }


def _notes(choices: Sequence[Choice], target: float, kind: str) -> list[Note]:
    """Say what is recommended, where nothing is, and where the data leave it open."""
    name = "G" if kind == "g" else "Phi"
    notes = []
    for choice in choices:
        one = choice.one
        if choice.numbers:
            design = numbers_text(one.facets, choice.numbers)
            text = (
                f"{one.layout.name}: {visible(design, 200)} reaches {name} = {choice.value:.3f} (target {target:g}) for "
                f"{_money(choice.cost)} per respondent; the data give it a probability of {choice.probability:.2f}."
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
    bare = [
        f"{choice.one.layout.name}: {', '.join(map(visible, names))}"
        for choice in choices
        if (names := _at_zero(choice))
    ]
    if bare:
        text = (
            "One condition of a facet is recommended because the component of the respondent with it is held at 0, which "
            f"is an estimate and no knowledge; set no less than two where you can. {'; '.join(bare[:6])}"
            f"{' and more' if len(bare) > 6 else ''}."
        )
        notes.append(Note("planned_on_zero", text))
    if any(choice.one.study is not None and "sample" not in choice.one.facets for choice in choices):
        text = "Replicate samples were not told apart, so their noise is part of the residual and is not planned."
        notes.append(Note("no_samples", text, "info"))
    return notes


def _at_zero(choice: Choice) -> list[str]:
    """Facets of which one condition is recommended and whose interaction with the respondent is held at 0."""
    study = choice.one.study
    if study is None:
        return []
    zero = {effect for effect, held in zip(study.effects, study.at_boundary, strict=True) if held}
    return [
        name
        for axis, (name, number) in enumerate(zip(choice.one.facets, choice.numbers, strict=False), start=1)
        if number == 1 and (0, axis) in zero
    ]


def _money(cost: float) -> str:
    """A cost in a sentence: three digits, whole numbers from 1,000."""
    return f"{cost:,.0f}" if cost >= 1000 or cost == int(cost) else f"{cost:.3g}"


def _not_planned(found: Sequence[Fitted], named: Mapping[str, Any]) -> list[Note]:
    """Say which facets were given a limit or a cost and are not among the conditions of any scale."""
    planned = {name for one in found for name in one.facets}
    left = [name for name in named if name not in planned and name != CALL]
    if not left or not planned:
        return []
    text = f"Not planned, because no scale was asked under several levels of it: {', '.join(map(visible, left))}."
    return [Note("not_planned", text)]
