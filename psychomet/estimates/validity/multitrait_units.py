"""Which scale measures which trait by which method, and the scores of every respondent on all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.numerics.association import spearman
from psychomet.numerics.moments import Moments, correlation, group_means, moments
from psychomet.scores.key import Key, Scale
from psychomet.scores.score import Answers, Missing, ScaleScores, answers, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]
Traits = Mapping[str, Mapping[str, str]] | Mapping[str, str] | Sequence[tuple[str, str, str]] | Sequence[str]

HOW = "Use {'trait': {'method': 'scale'}}, or [('trait', 'method', 'scale'), ...]"
HOW_FACET = "With method_facet use {'trait': 'scale'}, or leave traits out: every scale is then a trait"
MIN_N = 4


class Unit(NamedTuple):
    """A trait measured by a method.

    Attributes
    ----------
    trait, method : str
        Their names.
    scale : str
        The scale of the key.
    """

    trait: str
    method: str
    scale: str

    @property
    def name(self) -> str:
        """Trait and method, as they stand in a result."""
        return f"{self.trait} ({self.method})"


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The scores of one group of the table.

    Attributes
    ----------
    group : str
        "facet = level", or empty for the whole table.
    units : tuple of Unit
        Methods one after the other, traits in one order within them.
    traits, methods : tuple of str
        Their names, in order.
    ids : (n,) array of str
        Respondents with any score.
    scores : (n, u) array
        Mean score over administrations; NaN where there is none.
    items : tuple of (n, k) array
        Answers behind each unit, keyed and averaged over administrations.
    sums : Moments
        ``moments(scores)``.
    cor, rank : (u, u) array
        Pearson's and Spearman's correlations, each pair over its own respondents; NaN where these are too few.
    """

    group: str
    units: tuple[Unit, ...]
    traits: tuple[str, ...]
    methods: tuple[str, ...]
    ids: NDArray[Any]
    scores: Floats
    items: tuple[Floats, ...]
    sums: Moments
    cor: Floats
    rank: Floats

    @property
    def trait(self) -> NDArray[np.intp]:
        """Code of the trait of each unit."""
        return np.array([self.traits.index(unit.trait) for unit in self.units], dtype=np.intp)

    @property
    def method(self) -> NDArray[np.intp]:
        """Code of the method of each unit."""
        return np.array([self.methods.index(unit.method) for unit in self.units], dtype=np.intp)

    @property
    def n(self) -> int:
        """Respondents."""
        return int(self.ids.size)


def chosen_units(
    key: Key, traits: Traits | None, *, method_facet: str | None, levels: Sequence[str]
) -> tuple[Unit, ...]:
    """Return the units that a call names, method by method.

    Parameters
    ----------
    key : Key
        The instrument.
    traits : mapping or sequence, optional
        As the question takes it.
    method_facet : str, optional
        The facet whose levels are the methods.
    levels : sequence of str
        Its levels.

    Raises
    ------
    InputError
        With every fault: scales that are not there, a trait measured twice by one method, too few traits or methods.
    """
    if method_facet is None:
        found = _named(traits)
    else:
        scales = _trait_scales(key, traits)
        found = [
            Unit(trait, level, scale)
            for trait, scale in scales
            for level in levels
            if level != NOT_APPLICABLE
        ]
    faults = _faults(key, found, by_facet=method_facet is not None)
    if faults:
        raise InputError("the call", faults)
    methods, order = _order(unit.method for unit in found), _order(unit.trait for unit in found)
    return tuple(sorted(found, key=lambda unit: (methods.index(unit.method), order.index(unit.trait))))


def _order(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _named(traits: Traits | None) -> list[Unit]:
    """Units of a call without a facet."""
    if isinstance(traits, Mapping) and all(isinstance(value, Mapping) for value in traits.values()):
        return [
            Unit(str(trait), str(method), str(scale))
            for trait, methods in traits.items()
            if isinstance(methods, Mapping)
            for method, scale in methods.items()
        ]
    if isinstance(traits, Sequence) and not isinstance(traits, str):
        rows = [tuple(row) for row in traits if isinstance(row, Sequence) and not isinstance(row, str)]
        if len(rows) == len(traits) and all(len(row) == 3 for row in rows):
            return [Unit(*map(str, row)) for row in rows]
    what = "it is not said" if traits is None else f"{visible(traits)} does not say"
    raise InputError(
        "the call", [Fault("traits", f"{what} which scale measures which trait by which method", HOW)]
    )


def _trait_scales(key: Key, traits: Traits | None) -> list[tuple[str, str]]:
    """Traits and their scales of a call whose methods are levels of a facet."""
    if traits is None:
        return [(scale.name, scale.name) for scale in key.scales]
    if isinstance(traits, Mapping) and all(isinstance(value, str) for value in traits.values()):
        return [(str(trait), str(scale)) for trait, scale in traits.items()]
    if (
        isinstance(traits, Sequence)
        and not isinstance(traits, str)
        and all(isinstance(n, str) for n in traits)
    ):
        return [(str(name), str(name)) for name in traits]
    raise InputError(
        "the call", [Fault("traits", f"{visible(traits)} does not name the scale of each trait", HOW_FACET)]
    )


def _faults(key: Key, units: Sequence[Unit], *, by_facet: bool) -> list[Fault]:
    there = {scale.name for scale in key.scales}
    unknown = _order(unit.scale for unit in units if unit.scale not in there)
    listed = ", ".join(map(visible, sorted(there)))
    faults = [
        Fault("traits", f"'{visible(name)}' is not a scale of the key", f"The scales are: {listed}")
        for name in unknown
    ]
    pairs = [(unit.trait, unit.method) for unit in units]
    for trait, method in dict.fromkeys(pair for pair in pairs if pairs.count(pair) > 1):
        what = f"{visible(trait)} is measured twice by {visible(method)}"
        faults.append(Fault("traits", what, "Give the second measure a method of its own"))
    scales = [unit.scale for unit in units]
    for name in dict.fromkeys(scale for scale in scales if scales.count(scale) > 1) if not by_facet else ():
        what = f"the scale '{visible(name)}' stands for several measures, which would correlate perfectly"
        faults.append(Fault("traits", what, "Name another scale, or use method_facet"))
    return faults + _count_faults(units)


def _count_faults(units: Sequence[Unit]) -> list[Fault]:
    """Too few traits or methods, or nothing that could converge."""
    faults = []
    n_traits, n_methods = len({unit.trait for unit in units}), len({unit.method for unit in units})
    if n_traits < 2 or n_methods < 2:
        what = f"{n_traits} trait(s) by {n_methods} method(s) make no multitrait-multimethod matrix"
        faults.append(Fault("traits", what, "Name at least two traits, and at least two methods"))
    elif len({(unit.trait, unit.method) for unit in units}) == n_traits:
        what = "no trait is measured by two methods, so that nothing could converge"
        faults.append(Fault("traits", what, "Give the same trait the same name in both methods"))
    return faults


def measured_units(
    table: ResponseTable, units: tuple[Unit, ...], *, missing: Missing, method_facet: str
) -> tuple[Unit, ...]:
    """Return the units that have a score at their level of the facet.

    Parameters
    ----------
    table : ResponseTable
        The table, held against the key.
    units : tuple of Unit
        Every scale at every level.
    missing : {"available", "complete"}
        The rule for missing answers.
    method_facet : str
        The facet.

    Raises
    ------
    InputError
        If too few are left, or no trait is measured at two levels.
    """
    blocks = {
        name: scale_scores(table, scale=name, missing=missing) for name in {unit.scale for unit in units}
    }
    kept = tuple(
        unit
        for unit in units
        if (np.isfinite(blocks[unit.scale].values) & _at(blocks[unit.scale], method_facet, unit.method)).any()
    )
    faults = _count_faults(kept)
    if faults:
        raise InputError(table.intake.subject, faults)
    return kept


def matrices(
    table: ResponseTable,
    units: tuple[Unit, ...],
    *,
    missing: Missing,
    by: str | None,
    method_facet: str | None,
) -> Iterator[Matrix]:
    """Yield the scores of the whole table, then of each level of a facet.

    Parameters
    ----------
    table : ResponseTable
        The table, held against the key.
    units : tuple of Unit
        What is measured.
    missing : {"available", "complete"}
        Each correlation over the respondents with both scores, or all over those with every score.
    by : str, optional
        The facet of the groups.
    method_facet : str, optional
        The facet whose levels are the methods.
    """
    blocks = {
        name: (scale_scores(table, scale=name, missing=missing), answers(table, scale=name))
        for name in dict.fromkeys(unit.scale for unit in units)
    }
    groups: list[tuple[str, str | None]] = [("", None)]
    if by is not None:
        groups += [(f"{by} = {level}", level) for level in table.design.levels[by] if level != NOT_APPLICABLE]
    for group, level in groups:
        parts = []
        for unit in units:
            scores, block = blocks[unit.scale]
            here = np.isfinite(scores.values)
            for facet, wanted in ((by, level), (method_facet, unit.method if method_facet else None)):
                if facet is not None and wanted is not None:
                    here &= _at(scores, facet, wanted)
            parts.append(_means(scores, block, here))
        made = _matrix(group, units, parts, missing)
        if made is not None:
            yield made


def _at(scores: ScaleScores, facet: str, level: str) -> NDArray[np.bool_]:
    column = scores.cells[facet].cat
    names = np.asarray(column.categories, dtype=object)[column.codes.to_numpy()]
    return np.asarray(names == level)


def _means(
    scores: ScaleScores, block: Answers, here: NDArray[np.bool_]
) -> tuple[NDArray[Any], Floats, Floats]:
    """Respondents, their mean scores and their mean answers over some administrations."""
    present, place = np.unique(scores.respondent[here], return_inverse=True)
    total = np.bincount(place, scores.values[here], minlength=present.size)
    means = total / np.bincount(place, minlength=present.size)
    return scores.respondents[present], means, group_means(block.values[here], place, present.size)


def _matrix(
    group: str,
    units: tuple[Unit, ...],
    parts: Sequence[tuple[NDArray[Any], Floats, Floats]],
    missing: Missing,
) -> Matrix | None:
    """Put the scores of all units side by side; None where nobody has any."""
    ids = np.unique(np.concatenate([names for names, _, _ in parts]))
    scores = np.full((ids.size, len(units)), np.nan)
    items = []
    for column, (names, means, values) in enumerate(parts):
        place = np.searchsorted(ids, names)
        scores[place, column] = means
        wide = np.full((ids.size, values.shape[1]), np.nan)
        wide[place] = values
        items.append(wide)
    if missing == "complete":
        keep = np.isfinite(scores).all(axis=1)
        ids, scores, items = ids[keep], scores[keep], [wide[keep] for wide in items]
    if not ids.size:
        return None
    sums = moments(scores)
    # Two or three respondents correlate perfectly or at random: no estimate.
    few = (sums.count < MIN_N) & ~np.eye(len(units), dtype=bool)
    cor, rank = (np.where(few, np.nan, found) for found in (correlation(sums), _ranks(scores)))
    traits, methods = (tuple(_order(getattr(unit, name) for unit in units)) for name in ("trait", "method"))
    return Matrix(group, units, traits, methods, ids, scores, tuple(items), sums, cor, rank)


def _ranks(scores: Floats) -> Floats:
    """Spearman's correlations, each pair ranked among its own respondents."""
    u = scores.shape[1]
    found = np.eye(u)
    for a in range(u):
        for b in range(a):
            both = np.isfinite(scores[:, a]) & np.isfinite(scores[:, b])
            found[a, b] = found[b, a] = (
                spearman(scores[both, a], scores[both, b]) if both.sum() > 1 else np.nan
            )
    return found


def scales_of(key: Key, units: Sequence[Unit]) -> tuple[Scale, ...]:
    """Return the scales that the units use, each once."""
    return tuple(key.scale(name) for name in dict.fromkeys(unit.scale for unit in units))
