"""Features of respondents as columns of numbers, and the groups in which they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.table.codebook import Feature
from psychomet.table.features import FeatureTable, present
from psychomet.text import visible

Floats = NDArray[np.float64]


class Columns(NamedTuple):
    """Features as blocks of columns.

    Attributes
    ----------
    names : tuple of str
        Of the features, one for each block.
    blocks : tuple of (n, d) array
        A number or ordinal feature is one column (an ordinal one as :func:`level_numbers`), a nominal one an indicator of
        each level but the first, a circular one cosine and sine, a vector its coordinates. Zero where ``there`` is false.
    codes : tuple of (n,) array of int, or None
        Levels of ordinal and nominal features; None for the others.
    there : (n, k) array of bool
        Who has which feature.
    """

    names: tuple[str, ...]
    blocks: tuple[Floats, ...]
    codes: tuple[NDArray[np.intp] | None, ...]
    there: NDArray[np.bool_]


def columns_of(table: FeatureTable, names: Sequence[str]) -> Columns:
    """Return features as blocks of columns.

    Parameters
    ----------
    table : FeatureTable
        The table.
    names : sequence of str
        Features of the table.
    """
    features = {feature.name: feature for feature in table.features}
    there = np.column_stack([present(table, name) for name in names])
    blocks, codes = [], []
    for at, name in enumerate(names):
        values, here = table.values[name], there[:, at]
        block = _block(features[name], values)
        blocks.append(np.where(here[:, None], block, 0.0))
        codes.append(np.where(here, values, 0).astype(np.intp) if values.dtype.kind == "i" else None)
    return Columns(tuple(names), tuple(blocks), tuple(codes), there)


def _block(feature: Feature, values: NDArray[np.generic]) -> Floats:
    """Return the columns of one feature."""
    if feature.kind == "ordinal":
        return level_numbers(feature)[np.maximum(values, 0).astype(np.intp)][:, None]
    numbers = np.asarray(values, dtype=np.float64)
    if feature.kind == "nominal":
        return np.asarray(numbers[:, None] == np.arange(1, max(len(feature.levels), 2)), dtype=np.float64)
    if feature.kind == "circular":
        turn = 2 * np.pi * numbers / (feature.period or 1.0)
        return np.column_stack([np.cos(turn), np.sin(turn)])
    return numbers if numbers.ndim == 2 else numbers[:, None]


def level_numbers(feature: Feature) -> Floats:
    """Return a number for each level: the levels themselves where all are rising numbers, their places otherwise.

    Parameters
    ----------
    feature : Feature
        An ordinal or nominal feature.
    """
    try:
        found = np.array([float(level) for level in feature.levels])
    except ValueError:
        found = np.full(len(feature.levels), np.nan)
    if np.isfinite(found).all() and np.all(np.diff(found) > 0) and feature.kind == "ordinal":
        return found
    return np.arange(len(feature.levels), dtype=np.float64)


def two_levels(table: FeatureTable, name: str) -> bool:
    """Say whether a feature is ordinal or nominal with two levels: it is then read as 0 and 1."""
    feature = next(one for one in table.features if one.name == name)
    return feature.kind in ("ordinal", "nominal") and len(feature.levels) == 2


def numbers_of(table: FeatureTable, name: str) -> Floats:
    """Return a feature of one column as numbers, NaN where there is none.

    Parameters
    ----------
    table : FeatureTable
        The table.
    name : str
        A number, an ordinal feature (:func:`level_numbers`), or one of two levels (0 and 1).
    """
    values = table.values[name]
    if values.dtype.kind != "i":
        return np.asarray(values, dtype=np.float64)
    feature = next(one for one in table.features if one.name == name)
    numbers = np.array([0.0, 1.0]) if len(feature.levels) == 2 else level_numbers(feature)
    return np.where(values >= 0, numbers[np.maximum(values, 0)], np.nan)


def feature_groups(table: FeatureTable, by: str | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name and the rows of the whole table, then of each level of a feature.

    Parameters
    ----------
    table : FeatureTable
        The table.
    by : str, optional
        An ordinal or nominal feature.
    """
    yield "", np.ones(table.respondents.size, dtype=bool)
    if by is None:
        return
    levels = next(feature.levels for feature in table.features if feature.name == by)
    for code, level in enumerate(levels):
        here = table.values[by] == code
        if here.any():
            yield f"{by} = {level}", here


def scalar_faults(table: FeatureTable, name: str, *, where: str) -> list[Fault]:
    """Return the faults of one feature that must be one column of numbers; the caller adds its own."""
    faults = name_faults(table, [name], where=where)
    if not faults and not scalar(table, name):
        todo = "Name a number, an ordinal feature, or one of two levels"
        faults.append(Fault(where, f"'{visible(name)}' is not one column of numbers", todo))
    return faults


def name_faults(table: FeatureTable, names: Sequence[str], *, where: str) -> list[Fault]:
    """Return the faults of names of features: unknown, or given twice; the caller adds its own."""
    there = {feature.name for feature in table.features}
    shown = (
        ", ".join(visible(name, 40) for name in list(there)[:20])
        if len(there) < 21
        else f"{len(there)} features"
    )
    faults = [
        Fault(where, f"there is no feature '{visible(name)}'", f"The features are: {shown}")
        for name in dict.fromkeys(names)
        if name not in there
    ]
    if len(set(names)) < len(names):
        faults.append(Fault(where, "a feature is named twice", "Name each once"))
    return faults


def by_faults(table: FeatureTable, by: str | None) -> list[Fault]:
    """Return the fault of a grouping that is not a feature with levels."""
    if by is None:
        return []
    kinds = {feature.name: feature.kind for feature in table.features}
    if by not in kinds:
        return name_faults(table, [by], where="by")
    if kinds[by] not in ("ordinal", "nominal"):
        return [Fault("by", f"'{visible(by)}' has no levels", "Group by an ordinal or nominal feature")]
    return []


def scalar(table: FeatureTable, name: str) -> bool:
    """Say whether a feature is one column with an order: a number, ordinal, or nominal with two levels."""
    feature = next(one for one in table.features if one.name == name)
    return feature.kind in ("number", "ordinal") or (feature.kind == "nominal" and len(feature.levels) == 2)
