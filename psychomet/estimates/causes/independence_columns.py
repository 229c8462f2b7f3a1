"""Features as the columns of a test: which are asked for, and how each enters a kernel, a table or a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.numerics.dependence.conditional import published_width
from psychomet.numerics.dependence.kernels import (
    APART,
    Kernel,
    indicators,
    median_distance,
    on_circle,
    standardised,
)
from psychomet.table.codebook import Feature, Kind, measurement_of, modality_of
from psychomet.table.features import FeatureTable, present
from psychomet.text import visible

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Mask = NDArray[np.bool_]

MOST_TABLE_LEVELS = 200
"""Up to so many distinct values a number or a circular feature may stand in a table of counts."""
FEW_COORDINATES = 3
"""Up to so many coordinates the published kernel widths are meant for."""


class Column(NamedTuple):
    """One look at one feature.

    Attributes
    ----------
    term : str
        The modality for traits, the feature for others.
    level : str
        Which measurement of a trait, or how they were put together; empty for others.
    kind : Kind
    values : (n,) or (n, d) array
    there : (n,) array of bool
    period : float
        Of a circular feature.
    """

    term: str
    level: str
    kind: Kind
    values: NDArray[Any]
    there: Mask
    period: float = 0.0

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.term} ({self.level})" if self.level else self.term


def named_features(
    table: FeatureTable, names: Sequence[str] | str | None, where: str
) -> tuple[list[Feature], list[Fault]]:
    """Return the features of that name or modality, each once, in the order asked for."""
    if names is None:
        return [], []
    if isinstance(names, str):
        names = [names]
    by_name = {feature.name: feature for feature in table.features}
    found: dict[str, Feature] = {}
    faults = []
    for name in names:
        looks = table.modalities.get(name, {})
        if len(looks) > 1 or name not in by_name:
            found |= {feature.name: feature for feature in looks.values()}
        else:
            found[name] = by_name[name]
        if not looks and name not in by_name:
            there = ", ".join(visible(feature.name, 40) for feature in table.features[:30])
            what = f"there is no feature or modality '{visible(name)}'"
            faults.append(Fault(where, what, f"The features are: {there}"))
    return list(found.values()), faults


def column(table: FeatureTable, feature: Feature) -> Column:
    """Return a feature as a column of its own name."""
    return Column(
        feature.name, "", feature.kind, table.values[feature.name], present(table, feature.name),
        feature.period or 0.0,
    )  # fmt: skip


def trait_columns(table: FeatureTable, features: Iterable[Feature], *, aggregate: bool) -> list[Column]:
    """Return the looks at each trait, and after them their median where there are several.

    The median is over the measurements that a respondent has: a code for "no answer" is no vote.
    """
    looks: dict[str, list[Feature]] = {}
    for feature in features:
        looks.setdefault(modality_of(feature), []).append(feature)
    made = []
    for modality, several in looks.items():
        alone = len(several) == 1
        for feature in several:
            level = "" if alone and feature.name == modality else measurement_of(feature)
            made.append(column(table, feature)._replace(term=modality, level=level))
        if aggregate and not alone and {feature.kind for feature in several} <= {"number", "ordinal"}:
            made.append(_median(table, modality, several))
    return made


def _median(table: FeatureTable, modality: str, several: list[Feature]) -> Column:
    """The median of the measurements of a trait."""
    stacked = np.column_stack(
        [np.where(present(table, f.name), table.values[f.name], np.nan).astype(np.float64) for f in several]
    )
    there = np.asarray(~np.isnan(stacked).all(axis=1))
    values = np.full(len(stacked), np.nan)
    values[there] = np.nanmedian(stacked[there], axis=1)
    kind: Kind = "ordinal" if all(f.kind == "ordinal" for f in several) else "number"
    return Column(modality, f"median of {len(several)}", kind, values, there)


def points(one: Column, rows: Mask) -> Floats:
    """Return a column as points: standardised, on the circle, its own units, or indicators."""
    values = one.values[rows]
    if one.kind == "nominal":
        return indicators(values)
    if one.kind == "circular":
        return on_circle(values, one.period)
    return values.astype(np.float64) if one.kind == "vector" else standardised(values)


def kernel(one: Column, rows: Mask, test: str) -> Kernel:
    """Return the kernel of a column for a test: "hsic", "kci" or "dcor"."""
    where = points(one, rows)
    if one.kind == "nominal":
        return Kernel(where, "linear")
    if test == "dcor":
        return Kernel(where, "distance")
    d = where.shape[1]
    if test == "kci" and d <= FEW_COORDINATES:
        width = published_width(len(where), conditional=False) / d**0.5
        return Kernel(standardised(where), "gaussian", width)
    return Kernel(where, "gaussian", median_distance(where))


def conditional_points(one: Column, rows: Mask) -> Floats:
    """Return a column as points for a conditional kernel: levels of a nominal feature are far apart."""
    where = points(one, rows)
    if one.kind == "nominal":
        return where * APART
    return standardised(where) / (where.shape[1] ** 0.5 if one.kind == "vector" else 1.0)


def line(one: Column, rows: Mask) -> Floats:
    """Return a number or ordinal column as deviations."""
    values = one.values[rows].astype(np.float64)
    return np.asarray(values - values.mean())


def levels(one: Column, rows: Mask) -> Codes | None:
    """Return a column as levels 0, 1, ... for a table of counts; None where it has too many values."""
    if one.kind == "vector":
        return None
    values = one.values[rows]
    if one.kind == "circular":
        values = np.mod(values, one.period)
    there, codes = np.unique(values, return_inverse=True)
    most = MOST_TABLE_LEVELS if one.kind in ("number", "circular") else there.size
    if there.size > most or (one.kind in ("number", "circular") and there.size > codes.size / 2):
        return None
    return np.asarray(codes.reshape(-1))


def strata(given: Sequence[Column], rows: Mask) -> Codes | None:
    """Return which combination of levels each row has; None where a given column has too many values."""
    out = np.zeros(int(rows.sum()), dtype=np.int64)
    for one in given:
        codes = levels(one, rows)
        if codes is None:
            return None
        out = np.unique(out * (int(codes.max()) + 1) + codes, return_inverse=True)[1].reshape(-1)
    return out
