"""What varies within respondents: deviations from their means, and the means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.joint.face_blocks import Long
from psychomet.estimates.causes.hierarchy.joint.face_columns import (
    SAME,
    Source,
    Standard,
    level_numbers,
    levels_of,
    twice_faults,
    varies_within,
)
from psychomet.estimates.causes.hierarchy.joint.face_structure import Structure
from psychomet.text import visible

Floats = NDArray[np.float64]
BETWEEN = "mean of "


def within_columns(source: Source, names: Sequence[str]) -> tuple[Floats, list[str]]:
    """Return what varies within units as columns by administration, and their names; NaN where it does not apply.

    Parameters
    ----------
    source : Source
        Table and units.
    names : sequence of str
        Facets. Levels that are numbers are one column, others one for each but the first.
    """
    parts: list[Floats] = []
    labels: list[str] = []
    for name in names:
        levels = levels_of(source, name)
        numbers = level_numbers(levels.labels)
        if numbers is not None:
            made = numbers[levels.code][:, None]
            labels.append(name)
        else:
            made = (levels.code[:, None] == np.arange(1, len(levels.labels))).astype(np.float64)
            labels += [f"{name} = {label}" for label in levels.labels[1:]]
        parts.append(np.where(levels.code[:, None] >= 0, made, np.nan))
    return np.concatenate(parts, axis=1) if parts else np.zeros((source.unit.size, 0)), labels


def within_faults(source: Source, structure: Structure, predictors: Sequence[str]) -> list[Fault]:
    """Return the faults of columns of what varies within units: two of one name, and one that does not vary.

    Parameters
    ----------
    source : Source
        Table and units.
    structure : Structure
        What varies within units; names that are no facets are passed over.
    predictors : sequence of str
        Names of columns beside which the means will stand.
    """
    known = [name for name in structure.within if name in source.table.facets]
    names = within_columns(source, known)[1]
    faults = twice_faults(names, where="structure.within")
    means = [f"{BETWEEN}{name}" for name in dict.fromkeys(names)]
    faults += twice_faults([*predictors, *means], where="structure.predictors")
    for facet in known:
        columns, names = within_columns(source, [facet])
        # Of a facet that never varies this is told elsewhere; of others a level may be all that its respondents met.
        if varies_within(source, levels_of(source, facet)):
            faults += [
                Fault(
                    "structure.within",
                    f"'{visible(name)}' is the same in all answers of a respondent, though other levels are not",
                    "Leave the respondents with this level out (without)",
                )
                for name, spread in zip(names, within_spread(source, columns), strict=True)
                if spread <= SAME
            ]
    return faults


def unit_means(source: Source, columns: Floats, names: Sequence[str]) -> Standard:
    """Means of units of what varies within them, standardised, where they differ between units."""
    parts, called, spread = [], [], []
    for at, name in enumerate(names):
        mean = _mean_by(source.unit, columns[:, at], len(source.units))
        mean = np.where(np.isfinite(mean), mean, np.nanmean(mean))
        wide = float(mean.std(ddof=1))
        if wide > SAME * (1 + np.abs(mean).max()):
            parts.append((mean - mean.mean()) / wide)
            called.append(f"{BETWEEN}{name}")
            spread.append(wide)
    values = np.stack(parts, axis=1) if parts else np.zeros((len(source.units), 0))
    return Standard(values, tuple(called), np.array(spread))


def _mean_by(unit: NDArray[np.int64], values: Floats, units: int) -> Floats:
    """Mean by unit of what there is; NaN where there is nothing."""
    keep = (unit >= 0) & np.isfinite(values)
    count = np.bincount(unit[keep], minlength=units)
    total = np.bincount(unit[keep], values[keep], minlength=units)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _centred(source: Source, at: NDArray[np.int64], columns: Floats) -> Floats:
    """Columns at some administrations, less the mean of the unit there; 0 where they do not apply."""
    unit, values = source.unit[at], columns[at]
    made = []
    for column in values.T:
        less = column - _mean_by(unit, column, len(source.units))[unit]
        made.append(np.where(np.isfinite(less), less, 0.0))
    return np.stack(made, axis=1) if made else np.zeros((at.size, 0))


def within_spread(source: Source, columns: Floats) -> Floats:
    """Standard deviation of each column within units."""
    every = np.flatnonzero(source.unit >= 0).astype(np.int64)
    return np.asarray(_centred(source, every, columns).std(axis=0))


def deviations(source: Source, long: Long, columns: Floats, spread: Floats) -> Floats | None:
    """What varies within units by row of a scale, standardised."""
    return None if not spread.size else _centred(source, long.administration, columns) / spread
