"""What goes into a regression of criteria on predictors: who, which scores, in which blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.scores.request import respondent_means
from psychomet.scores.sample import groups_of
from psychomet.scores.score import Missing, ScaleScores, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]
Steps = Sequence[str | Sequence[str]]

LONGEST_LABEL = 44


class Plan(NamedTuple):
    """Which scales are predicted, from what, in which order.

    Attributes
    ----------
    criteria, predictors : tuple of str
        Scales; every predictor of any block, in the order of the blocks.
    blocks : tuple of tuple of str
        Scales and facets entered together, the first first.
    labels : tuple of str
        Name of each block.
    facets : tuple of str
        The facets among the blocks.
    """

    criteria: tuple[str, ...]
    predictors: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    facets: tuple[str, ...]


class Cell(NamedTuple):
    """One criterion in one group: the respondents who have it and every predictor.

    Attributes
    ----------
    criterion, group : str
    ids : (n,) array of str
        Respondents, sorted.
    y : (n,) array
        The criterion.
    scores : (n, p) array
        The predictors, in the order of the plan.
    columns : (n, m) array
        All columns, block by block: scores, and 0 or 1 for every level of a facet.
    place : (p,) array of int
        Column of each predictor.
    steps : tuple of int
        Columns up to each block.
    unit : (n,) array of int
        Code of what is drawn and left out as one.
    left_out : int
        Respondents who have the criterion but lack a predictor.
    """

    criterion: str
    group: str
    ids: NDArray[Any]
    y: Floats
    scores: Floats
    columns: Floats
    place: NDArray[np.intp]
    steps: tuple[int, ...]
    unit: NDArray[np.intp]
    left_out: int


def make_plan(
    table: ResponseTable,
    *,
    criteria: Sequence[str] | None,
    predictors: Sequence[str] | None,
    over: Steps | None,
) -> Plan:
    """Settle criteria, predictors and blocks, with the defaults of :func:`criterion_validity`.

    Raises
    ------
    InputError
        Naming everything that is no scale, stands twice, or is not there.
    """
    source = table.design.scale_source
    scales = [scale.name for scale in resolve_key(table, None).scales]
    wanted = _names(criteria, [name for name in scales if source[name] != "self_report"])
    said = _names(
        predictors, [name for name in scales if source[name] == "self_report" and name not in wanted]
    )
    earlier = _blocks(over)
    entered = [name for block in earlier for name in block]
    faults = [
        *_unknown("criteria", wanted, scales, "scale"),
        *_unknown("predictors", said, scales, "scale"),
        *_unknown("over", entered, [*scales, *table.facets], "scale or facet"),
    ]
    if not wanted:
        todo = "Mark the rows of the criteria with source = behaviour or observer, or name them: criteria=['anxiety']"
        faults.append(
            Fault("criteria", "no scale of the table is from another source than self-report", todo)
        )
    last = tuple(name for name in said if name not in entered)
    if wanted and not last:
        faults.append(
            Fault("predictors", "no scale is left to predict with", "Name some that are not in over")
        )
    both = [name for name in wanted if name in said or name in entered]
    if both:
        what = f"both criterion and predictor: {', '.join(map(visible, both))}"
        faults.append(Fault("criteria", what, "A scale predicts itself perfectly: name it once"))
    twice = sorted({name for name in entered if entered.count(name) > 1})
    if twice:
        faults.append(Fault("over", f"named twice: {', '.join(map(visible, twice))}", "Name each once"))
    if faults:
        raise InputError("the call", faults)
    blocks = (*earlier, last)
    facets = tuple(name for name in entered if name not in scales)
    names = tuple(name for block in blocks for name in block if name not in facets)
    return Plan(tuple(wanted), names, blocks, tuple(map(_label, blocks)), facets)


def levels_of(table: ResponseTable, *, facet: str, where: str) -> dict[str, str]:
    """Return the level of a facet that each respondent has.

    Raises
    ------
    InputError
        If it varies within a respondent.
    """
    frame = table.administrations[["respondent", facet]].astype(str).drop_duplicates()
    frame = frame[frame[facet] != NOT_APPLICABLE]
    varies = frame.loc[frame["respondent"].duplicated(), "respondent"].unique()
    if varies.size:
        what = f"'{visible(facet)}' varies within {varies.size} respondents, '{visible(varies[0])}' first"
        todo = "A respondent is one row here, with mean scores: use a facet that says who answered, or by="
        raise InputError("the call", [Fault(where, what, todo)])
    return dict(zip(frame["respondent"], frame[facet], strict=True))


def cells_of(
    table: ResponseTable, *, plan: Plan, missing: Missing, by: str | None, together: str | None
) -> tuple[list[Cell], Mapping[str, ScaleScores]]:
    """Return every criterion in the whole table and then at each level of a facet, with the scores used."""
    blocks = {
        name: scale_scores(table, scale=name, missing=missing) for name in (*plan.criteria, *plan.predictors)
    }
    levels = {facet: levels_of(table, facet=facet, where="over") for facet in plan.facets}
    kept = None if together is None else levels_of(table, facet=together, where="together")
    ids = np.unique(np.concatenate([block.respondents for block in blocks.values()]))
    return list(_cells(plan, blocks, ids, levels, kept, by)), blocks


def _cells(
    plan: Plan,
    blocks: Mapping[str, ScaleScores],
    ids: NDArray[Any],
    levels: Mapping[str, Mapping[str, str]],
    kept: Mapping[str, str] | None,
    by: str | None,
) -> Iterator[Cell]:
    rows = {name: dict(groups_of(block, by=by)) for name, block in blocks.items()}
    groups = list(dict.fromkeys(group for found in rows.values() for group in found))
    facets = {facet: np.array([level.get(who, "") for who in ids]) for facet, level in levels.items()}
    for group in groups:
        means = {}
        for name, block in blocks.items():
            means[name] = np.full(ids.size, np.nan)
            if group in rows[name]:
                who, values = respondent_means(block, rows[name][group])
                means[name][np.searchsorted(ids, who)] = values
        known = np.ones(ids.size, dtype=bool)
        for name in plan.predictors:
            known &= np.isfinite(means[name])
        for column in facets.values():
            known &= column != ""
        for criterion in plan.criteria:
            there = np.isfinite(means[criterion])
            yield _cell(
                plan, criterion, group, ids, means, facets, kept, known & there, int((there & ~known).sum())
            )


def _cell(
    plan: Plan,
    criterion: str,
    group: str,
    ids: NDArray[Any],
    means: Mapping[str, Floats],
    facets: Mapping[str, NDArray[Any]],
    kept: Mapping[str, str] | None,
    used: NDArray[np.bool_],
    left_out: int,
) -> Cell:
    columns: list[Floats] = []
    place, steps = [], []
    for block in plan.blocks:
        for name in block:
            if name in facets:
                mine = facets[name][used]
                columns += [(mine == level).astype(np.float64) for level in np.unique(mine)]
            else:
                place.append(len(columns))
                columns.append(means[name][used])
        steps.append(len(columns))
    who = ids[used]
    unit = np.arange(who.size)
    if kept is not None:
        # Who has no level of the facet stands alone.
        shared = [f"level {kept[each]}" if each in kept else f"respondent {each}" for each in who]
        unit = np.unique(np.array(shared), return_inverse=True)[1].reshape(-1) if shared else unit
    matrix = np.column_stack(columns) if columns else np.zeros((who.size, 0))
    return Cell(
        criterion, group, who, means[criterion][used], matrix[:, place], matrix, np.array(place, dtype=np.intp),
        tuple(steps), unit, left_out,
    )  # fmt: skip


def _names(given: Sequence[str] | None, default: list[str]) -> list[str]:
    if given is None:
        return default
    return [given] if isinstance(given, str) else list(dict.fromkeys(given))


def _blocks(over: Steps | None) -> tuple[tuple[str, ...], ...]:
    """Names alone are one block; where any entry is a sequence, every entry is a block of its own."""
    if over is None or len(over) == 0:
        return ()
    if isinstance(over, str):
        return ((over,),)
    if all(isinstance(entry, str) for entry in over):
        return (tuple(str(entry) for entry in over),)
    blocks = [(entry,) if isinstance(entry, str) else tuple(entry) for entry in over]
    return tuple(block for block in blocks if block)


def _unknown(where: str, names: Sequence[str], there: Sequence[str], what: str) -> list[Fault]:
    unknown = [name for name in names if name not in there]
    if not unknown:
        return []
    shown = f"not a {what}: {', '.join(map(visible, unknown))}"
    return [Fault(where, shown, f"There are: {', '.join(map(visible, there))}")]


def _label(block: Sequence[str]) -> str:
    """Name of a block: its names, or the first and the last with their number."""
    whole = " + ".join(block)
    return (
        whole
        if len(whole) <= LONGEST_LABEL or len(block) < 3
        else f"{block[0]} ... {block[-1]} ({len(block)})"
    )
