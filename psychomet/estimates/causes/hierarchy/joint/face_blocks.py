"""Answers of scales, refusals and behaviour as blocks of a joint model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.joint.face_columns import Levels, Source, levels_of
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Effect, Family, Link
from psychomet.schema import STATUSES
from psychomet.scores.key import Scale
from psychomet.table.outcomes import outcomes
from psychomet.table.reduce import item_block
from psychomet.table.responses import ResponseTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_CATEGORIES = 10
REFUSED = STATUSES.index("refused")
ANSWERED = STATUSES.index("answered")
REFUSALS = "refusal"
ITEM, RESPONDENT = "item", "respondent"


class Long(NamedTuple):
    """Answers to the items of one scale, one row each.

    Attributes
    ----------
    answer : (rows,) array
        As given, not turned.
    item : (rows,) array of int
        Position in ``items``.
    administration : (rows,) array of int
    items : tuple of str
        Those with an answer.
    asked : tuple of str
        Those without.
    left : int
        Administrations left out because an item is unanswered.
    """

    answer: Floats
    item: Ints
    administration: Ints
    items: tuple[str, ...]
    asked: tuple[str, ...]
    left: int


class Coding(NamedTuple):
    """What the answers of a scale are to the model.

    Attributes
    ----------
    family : str
        "ordinal", "binary" or "normal".
    low : float
        Ordinal and binary: the lowest code. Normal: the mean, which is taken off.
    unit : float
        1; normal: the standard deviation of the answers, by which they are divided.
    categories : int
        Codes of an ordinal scale, else 0.
    """

    family: Family
    low: float
    unit: float
    categories: int


def long_answers(table: ResponseTable, *, scale: Scale, here: NDArray[np.bool_], complete: bool) -> Long:
    """Return the answers to a scale as rows.

    Parameters
    ----------
    table : ResponseTable
        The table.
    scale : Scale
        The scale.
    here : (administrations,) array of bool
        Administrations that are used.
    complete : bool
        Whether administrations with an unanswered item are left out.
    """
    block = item_block(table, items=scale.items)
    keep = here[block.administration]
    there = np.isfinite(block.values) & keep[:, None]
    whole = there.all(axis=1)
    left = int((there.any(axis=1) & ~whole).sum()) if complete else 0
    if complete:
        there &= whole[:, None]
    row, column = np.nonzero(there)
    used = there.any(axis=0)
    place = np.cumsum(used) - 1
    return Long(
        block.values[row, column], place[column], block.administration[row].astype(np.int64),
        tuple(item for item, one in zip(scale.items, used, strict=True) if one),
        tuple(item for item, one in zip(scale.items, used, strict=True) if not one), left,
    )  # fmt: skip


def keyed(long: Long, *, scale: Scale) -> Long:
    """Return answers with those to reversed items turned, so that raters and prompts act on what is measured.

    Parameters
    ----------
    long : Long
        As given.
    scale : Scale
        The scale.
    """
    turned = np.array([item in scale.reversed for item in long.items], dtype=bool)[long.item]
    return long._replace(answer=np.where(turned, scale.low + scale.high - long.answer, long.answer))


def coding_of(scale: Scale, answer: Floats) -> Coding:
    """Return whether answers are categories, two codes or numbers.

    Parameters
    ----------
    scale : Scale
        Its lowest and highest code.
    answer : (rows,) array
        The answers.
    """
    span = scale.high - scale.low
    if np.isfinite(span) and float(span).is_integer() and 1 <= span < MOST_CATEGORIES:
        shifted = answer - scale.low
        if (shifted == np.rint(shifted)).all():
            return Coding("binary" if span == 1 else "ordinal", float(scale.low), 1.0, 0 if span == 1 else round(span) + 1)  # fmt: skip
    spread = float(answer.std(ddof=1)) if answer.size > 1 else 0.0
    return Coding("normal", float(answer.mean()) if answer.size else 0.0, spread or 1.0, 0)


def scale_block(
    long: Long, *, scale: Scale, coding: Coding, source: Source, dimension: int, link: Link, loaded: bool,
    effects: Mapping[str, Levels], rater: tuple[str, Levels] | None, time: Floats | None, within: Floats | None,
    styles: Sequence[int], as_given: bool,
) -> Block:  # fmt: skip
    """Return the answers of a scale as a block, one row for each answer.

    Parameters
    ----------
    long : Long
        The answers.
    scale, coding : Scale, Coding
        What they are.
    source : Source
        Units by administration.
    dimension : int
        Of the trait.
    link : str
        Of ordered answers.
    loaded : bool
        Whether items have loadings of their own.
    effects : mapping of str to Levels
        Levels by row, by the name of the effect.
    rater : tuple of str and Levels or None
        Name of the facet, and the rater by row.
    time : (rows,) array or None
    within : (rows, columns) array or None
    styles : sequence of int
        Dimensions of styles.
    as_given : bool
        Whether answers to reversed items are not turned.
    """
    k = len(long.items)
    sign = np.array([-1.0 if as_given and item in scale.reversed else 1.0 for item in long.items])
    made = [Effect(name, levels.code, levels.labels) for name, levels in effects.items()]
    if rater is not None:
        made.append(Effect(rater[0], rater[1].code, rater[1].labels))
    plain = coding.family != "ordinal" and link == "adjacent"
    return Block(
        name=scale.name, family=coding.family, link="logit" if plain else link,
        answer=(long.answer - coding.low) / coding.unit, weight=np.ones(long.answer.size),
        unit=source.unit[long.administration], item=long.item, items=long.items,
        categories=np.full(k, coding.categories, dtype=np.int64), dimension=np.full(k, dimension, dtype=np.int64),
        sign=sign, effects=tuple(made), rater=None if rater is None else rater[1].code,
        raters=() if rater is None else rater[1].labels, time=time, within=within, loaded=loaded,
        styles=tuple(styles),
    )  # fmt: skip


def refusal_block(
    table: ResponseTable, *, scales: Sequence[Scale], source: Source, dimension: int, link: Link
) -> Block:
    """Return whether each answer was refused, one row for each that was answered or refused.

    Parameters
    ----------
    table : ResponseTable
        The table.
    scales : sequence of Scale
        The scales whose items count.
    source : Source
        Units by administration.
    dimension : int
        Of the tendency to refuse.
    link : str
        Of two-valued answers.
    """
    asked = [item for scale in scales for item in scale.items]
    found = outcomes(table, items=asked)
    there = np.isin(found.codes, (ANSWERED, REFUSED)) & (source.unit[found.administration] >= 0)[:, None]
    row, column = np.nonzero(there)
    used = np.asarray(there.any(axis=0))
    items = tuple(item for item, one in zip(asked, used, strict=True) if one)
    k = len(items)
    return Block(
        name=REFUSALS, family="binary", link="probit" if link == "probit" else "logit",
        answer=(found.codes[row, column] == REFUSED).astype(np.float64), weight=np.ones(row.size),
        unit=source.unit[found.administration[row]], item=(np.cumsum(used) - 1)[column], items=items,
        categories=np.zeros(k, dtype=np.int64), dimension=np.full(k, dimension, dtype=np.int64), sign=np.ones(k),
        loaded=False,
    )  # fmt: skip


def outcome_block(
    name: str, *, family: Family, answer: Floats, trials: Floats | None, categories: int, dimension: int,
    regress: Sequence[int], link: Link,
) -> Block:  # fmt: skip
    """Return behaviour of units as a block of one item.

    Parameters
    ----------
    name : str
        The column.
    family : str
        Its law.
    answer : (units,) array
        NaN where there is none.
    trials : (units,) array or None
    categories : int
        Levels of ordinal behaviour and choices, else 0.
    dimension : int
        The one that it measures; -1 where it is regressed.
    regress : sequence of int
        The dimensions on which it is regressed.
    link : str
        Of ordered and two-valued behaviour.
    """
    there = np.flatnonzero(np.isfinite(answer))
    return Block(
        name=name, family=family, link=link if family == "ordinal" or link == "probit" else "logit",
        answer=answer[there], weight=np.ones(there.size), unit=there.astype(np.int64),
        item=np.zeros(there.size, dtype=np.int64), items=(name,), categories=np.array([categories], dtype=np.int64),
        dimension=np.array([dimension], dtype=np.int64), sign=np.ones(1),
        trials=None if trials is None else trials[there], loaded=True, regress=tuple(regress),
    )  # fmt: skip


def collapsed(block: Block) -> Block:
    """Return a block with equal rows once, and how often each occurs.

    Parameters
    ----------
    block : Block
        Rows of weight 1.
    """
    parts = [block.unit, block.item, block.answer, *(effect.level for effect in block.effects)]
    parts += [part for part in (block.rater, block.time, block.trials) if part is not None]
    parts += [] if block.within is None else [*block.within.T]
    # A number for the distinct values of each column, so that the keys of a row can be one number or a few.
    every = np.stack([np.unique(part, return_inverse=True)[1].astype(np.int64) for part in parts], axis=1)
    _, first, count = np.unique(every, axis=0, return_index=True, return_counts=True)
    return taken(block, first)._replace(weight=count.astype(np.float64))


def taken(block: Block, rows: Ints) -> Block:
    """Return some rows of a block."""
    return block._replace(
        answer=block.answer[rows], weight=block.weight[rows], unit=block.unit[rows], item=block.item[rows],
        effects=tuple(effect._replace(level=effect.level[rows]) for effect in block.effects),
        rater=None if block.rater is None else block.rater[rows],
        time=None if block.time is None else block.time[rows],
        within=None if block.within is None else block.within[rows],
        trials=None if block.trials is None else block.trials[rows],
    )  # fmt: skip


def row_levels(long: Long, source: Source, facets: Sequence[str]) -> Levels:
    """Return the combination of items, respondents and facets of every row, those alone that occur.

    Parameters
    ----------
    long : Long
        The rows.
    source : Source
        Table and units.
    facets : sequence of str
        Facets of the table, "item", "respondent".
    """
    codes, labels = [], []
    for facet in facets:
        if facet == ITEM:
            code, names = long.item, long.items
        elif facet == RESPONDENT:
            code, names = source.unit[long.administration], source.units
        else:
            levels = levels_of(source, facet)
            # Rows to which a facet does not apply have a level of their own.
            code, names = levels.code[long.administration], (*levels.labels, "not applicable")
        codes.append(np.where(code < 0, len(names) - 1, code))
        labels.append(names)
    every = np.stack(codes, axis=1)
    found, at = np.unique(every, axis=0, return_inverse=True)
    if sum(any("," in name for name in names) for names in labels) > 1:
        # "a, b" with "c" is not "a" with "b, c".
        labels = [tuple(name.replace("\\", "\\\\").replace(",", "\\,") for name in names) for names in labels]
    said = tuple(", ".join(names[one] for names, one in zip(labels, row, strict=True)) for row in found)
    return Levels(at.reshape(-1).astype(np.int64), said)
