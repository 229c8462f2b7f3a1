"""Columns of respondents and of administrations: features and facets as numbers, groups and levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.scores.feature_columns import columns_of
from psychomet.table.codebook import Feature
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_NAMED = 5
SAME = 1e-12
"""A standard deviation of less, beside the size of the numbers, is rounding."""


class Source(NamedTuple):
    """Where columns come from.

    Attributes
    ----------
    table : ResponseTable
    features : FeatureTable or None
    here : (administrations,) array of bool
        Administrations that are used.
    units : tuple of str
        Respondents of the model, in its order.
    unit : (administrations,) array of int
        Number of the unit of each administration; -1 where it is none.
    """

    table: ResponseTable
    features: FeatureTable | None
    here: NDArray[np.bool_]
    units: tuple[str, ...]
    unit: Ints


class Levels(NamedTuple):
    """A facet: number of the level of every administration, -1 where it does not apply, and labels of the levels."""

    code: Ints
    labels: tuple[str, ...]


class Standard(NamedTuple):
    """Standardised columns of units.

    Attributes
    ----------
    values : (units, P) array
        Mean 0 and standard deviation 1.
    names : tuple of str
        "age", "league = NBA", "face [3]".
    spread : (P,) array
        Standard deviation in the unit of the column.
    """

    values: Floats
    names: tuple[str, ...]
    spread: Floats


NOTHING = Standard(np.zeros((0, 0)), (), np.zeros(0))


def source_of(table: ResponseTable, *, features: FeatureTable | None, here: NDArray[np.bool_], units: Sequence[str]) -> Source:  # fmt: skip
    """Return where columns come from, for some units.

    Parameters
    ----------
    table : ResponseTable
        The answers.
    features : FeatureTable or None
        Features of the same respondents.
    here : (administrations,) array of bool
        Administrations that are used.
    units : sequence of str
        Respondents of the model.
    """
    column = table.administrations["respondent"].cat
    number = {name: at for at, name in enumerate(units)}
    place = np.array([number.get(str(name), -1) for name in column.categories], dtype=np.int64)
    return Source(table, features, here, tuple(units), np.where(here, place[column.codes.to_numpy()], -1))


def levels_of(source: Source, facet: str) -> Levels:
    """Return the levels of a facet of the table, those alone that occur in the administrations used."""
    column = source.table.administrations[facet].cat
    names = [str(name) for name in column.categories]
    code = np.where(source.unit >= 0, column.codes.to_numpy(), -1)
    there = [at for at in np.unique(code[code >= 0]) if names[at] != NOT_APPLICABLE]
    number = np.full(len(names) + 1, -1, dtype=np.int64)
    number[there] = np.arange(len(there))
    return Levels(number[code], tuple(names[at] for at in there))


def facet_fault(source: Source, facet: str, *, where: str, also: Sequence[str] = ()) -> list[Fault]:
    """Return the fault of a name that is no facet; the caller adds its own."""
    allowed = (*source.table.facets, *also)
    if facet in allowed:
        return []
    there = ", ".join(map(visible, allowed)) or "none"
    return [Fault(where, f"'{visible(facet)}' is not a facet of the table", f"The facets are: {there}")]


def varies_within(source: Source, levels: Levels) -> bool:
    """Whether any unit has more than one level of a facet."""
    used = levels.code >= 0
    pairs = np.unique(np.stack([source.unit[used], levels.code[used]]), axis=1)
    return bool(np.unique(pairs[0]).size < pairs.shape[1])


def level_numbers(labels: Sequence[str]) -> Floats | None:
    """Return levels as numbers, or None where one is no finite number."""
    try:
        found = np.array([float(label) for label in labels])
    except ValueError:
        return None
    return found if np.isfinite(found).all() else None


def group_of(source: Source, name: str, *, where: str) -> tuple[Ints, tuple[str, ...], list[Fault]]:
    """Return the group of every unit by a facet or nominal feature, the labels, and the faults.

    Parameters
    ----------
    source : Source
        Table and features.
    name : str
        The column.
    where : str
        The argument, for messages.
    """
    none = np.zeros(0, dtype=np.int64)
    if name in source.table.facets:
        levels = levels_of(source, name)
        if varies_within(source, levels):
            todo = "Name a column that is the same in all answers of a respondent"
            return none, (), [Fault(where, f"'{visible(name)}' varies within respondents", todo)]
        code = np.full(len(source.units), -1, dtype=np.int64)
        used = levels.code >= 0
        code[source.unit[used]] = levels.code[used]
        labels = levels.labels
    else:
        feature = _feature(source, name)
        if feature is None:
            return none, (), [_unknown(source, name, where)]
        if feature.kind not in ("nominal", "ordinal"):
            return none, (), [Fault(where, f"'{visible(name)}' has no levels", "Name a facet or a nominal feature")]  # fmt: skip
        found = np.full(len(source.units), -1, dtype=np.int64)
        at, there = _rows(source)
        found[there] = np.asarray(source.features.values[name])[at[there]]  # type: ignore[union-attr]
        present = np.unique(found[found >= 0])
        number = np.full(len(feature.levels) + 1, -1, dtype=np.int64)
        number[present] = np.arange(present.size)
        code, labels = number[found], tuple(feature.levels[one] for one in present)
    faults = _missing(source, name, code < 0, where)
    if not faults and len(labels) < 2:
        faults = [Fault(where, f"all respondents have one level of '{visible(name)}'", "Leave it out")]
    if not faults and len(labels) == len(source.units):
        what = f"every respondent has a level of '{visible(name)}' of its own: it cannot be told from respondents"
        faults = [Fault(where, what, "Leave it out")]
    return code, labels, faults


def standard_columns(source: Source, names: Sequence[str], *, where: str) -> tuple[Standard, list[Fault]]:
    """Return columns of units, standardised, and every fault: unknown, missing, constant.

    Parameters
    ----------
    source : Source
        Table and features.
    names : sequence of str
        Features, or facets that do not vary within respondents.
    where : str
        The argument, for messages.
    """
    values: list[Floats] = []
    labels: list[str] = []
    faults: list[Fault] = []
    for name in names:
        found, called, more = _raw(source, name, where)
        faults += more
        if more:
            continue
        still = np.flatnonzero(found.std(axis=0) <= SAME * (1 + np.abs(found).max(axis=0)))
        if still.size:
            what = f"'{visible(called[still[0]])}' is the same for all {len(source.units)} respondents of the model"
            faults.append(Fault(where, what, "Leave it out"))
            continue
        values.append(found)
        labels += called
    faults += twice_faults(labels, where=where)
    if faults or not values:
        return Standard(np.zeros((len(source.units), 0)), (), np.zeros(0)), faults
    every = np.concatenate(values, axis=1)
    spread = every.std(axis=0, ddof=1)
    return Standard((every - every.mean(axis=0)) / spread, tuple(labels), spread), []


def reference_level(source: Source, name: str) -> str | None:
    """Return the level that the other levels of a column stand beside; None where the column is a number.

    Parameters
    ----------
    source : Source
        Table and features.
    name : str
        A feature or facet that is there.
    """
    feature = _feature(source, name)
    if feature is not None:
        return feature.levels[int(np.nanmin(unit_numbers(source, name)))] if feature.kind == "nominal" else None  # fmt: skip
    labels = levels_of(source, name).labels
    return labels[0] if level_numbers(labels) is None else None


def twice_faults(names: Sequence[str], *, where: str) -> list[Fault]:
    """Return the fault of columns that have one name, as a feature called "a = b" and level b of feature a.

    Parameters
    ----------
    names : sequence of str
        Of columns.
    where : str
        The argument, for messages.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    return [Fault(where, f"two columns are named '{visible(name)}'", "Rename one of them") for name in twice]


def unit_numbers(source: Source, name: str) -> Floats:
    """Return a feature of one column by unit: NaN where there is none; levels as their numbers from 0."""
    found = np.full(len(source.units), np.nan)
    at, there = _rows(source)
    raw = np.asarray(source.features.values[name])[at[there]]  # type: ignore[union-attr]
    numbers = raw.astype(np.float64)
    found[there] = np.where(raw < 0, np.nan, numbers) if raw.dtype.kind == "i" else numbers
    return found


def _raw(source: Source, name: str, where: str) -> tuple[Floats, list[str], list[Fault]]:
    """Columns of one name in their own units."""
    n = len(source.units)
    none: tuple[Floats, list[str]] = (np.zeros((n, 0)), [])
    feature = _feature(source, name)
    if feature is not None and source.features is not None:
        block = columns_of(source.features, [name])
        at, there = _rows(source)
        there = there & block.there[np.maximum(at, 0), 0]
        faults = _missing(source, name, ~there, where)
        if faults:
            return *none, faults
        made = block.blocks[0][at]
        labels = [*_labels(feature, made.shape[1])]
        # A level that no respondent of the model has is no column; a feature of one level is a fault, told later.
        every = feature.kind != "nominal" or not made.any()
        kept = np.asarray(made.any(axis=0) | every)
        # Where nobody has the first level, the first of those that are there takes its place: all of them add up to one.
        if not every and kept.sum() > 1 and made.any(axis=1).all():
            kept[np.flatnonzero(kept)[0]] = False
        return made[:, kept], [label for label, one in zip(labels, kept, strict=True) if one], []
    if name not in source.table.facets:
        return *none, [_unknown(source, name, where)]
    levels = levels_of(source, name)
    numbers = level_numbers(levels.labels)
    code, _, faults = group_of(source, name, where=where)
    # One number for each respondent is as many levels as respondents, and no fault here.
    faults = [fault for fault in faults if numbers is None or "of its own" not in fault.what]
    if faults:
        return *none, faults
    if numbers is not None:
        return numbers[code][:, None], [name], []
    indicators = (code[:, None] == np.arange(1, len(levels.labels))).astype(np.float64)
    return indicators, [f"{name} = {label}" for label in levels.labels[1:]], []


def _labels(feature: Feature, width: int) -> Iterator[str]:
    """Names of the columns of a feature."""
    if width == 1 and feature.kind != "nominal":
        yield feature.name
    elif feature.kind == "nominal":
        yield from (f"{feature.name} = {level}" for level in feature.levels[1:])
    elif feature.kind == "circular":
        yield from (f"{feature.name} (cosine)", f"{feature.name} (sine)")
    else:
        yield from (f"{feature.name} [{at + 1}]" for at in range(width))


def _feature(source: Source, name: str) -> Feature | None:
    every = () if source.features is None else source.features.features
    return next((one for one in every if one.name == name), None)


def _rows(source: Source) -> tuple[Ints, NDArray[np.bool_]]:
    """Row of the features of every unit, and whether there is one."""
    ids = [] if source.features is None else source.features.respondents.astype(str).tolist()
    place = {name: at for at, name in enumerate(ids)}
    at = np.array([place.get(unit, -1) for unit in source.units], dtype=np.int64)
    return at, at >= 0


def _missing(source: Source, name: str, gone: NDArray[np.bool_], where: str) -> list[Fault]:
    if not gone.any():
        return []
    who = [visible(source.units[at], 30) for at in np.flatnonzero(gone)[:MOST_NAMED]]
    more = f" and {int(gone.sum()) - MOST_NAMED} more" if gone.sum() > MOST_NAMED else ""
    what = f"{int(gone.sum())} of {len(source.units)} respondents have no value of '{visible(name)}': {', '.join(who)}{more}"
    todo = "Fill it in, leave these respondents out of the table (without), or leave the column out"
    return [Fault(where, what, todo)]


def _unknown(source: Source, name: str, where: str) -> Fault:
    features = () if source.features is None else source.features.features
    there = [*(one.name for one in features), *source.table.facets]
    shown = ", ".join(visible(one, 40) for one in there[:20]) or "none"
    more = f" and {len(there) - 20} more" if len(there) > 20 else ""
    what = f"'{visible(name)}' is neither a feature nor a facet"
    given = "" if source.features is not None else "Give the table of features (features=...). "
    return Fault(where, what, f"{given}There are: {shown}{more}")
