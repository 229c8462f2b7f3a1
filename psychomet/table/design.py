"""What a table is made of: who answered what under which conditions, crossed or nested, how balanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

Relation = Literal["within", "between", "mixed", "constant"]

NOT_APPLICABLE = ""
"""The level of a facet that a row does not have (a behavioural task has no option order)."""

_WHO = ("instrument", "model", "persona")


@dataclass(frozen=True, slots=True)
class Design:
    """The design of a response table.

    Parameters
    ----------
    n_respondents, n_items, n_administrations, n_rows : int
        Sizes. An administration is one respondent under one combination of facet levels and sample.
    levels : mapping of facet to tuple of str
        Levels of each facet, sorted; rows to which the facet does not apply are not counted.
    relation : mapping of facet to {"within", "between", "mixed", "constant"}
        ``within``: every respondent met every level; ``between``: every respondent met exactly one;
        ``mixed``: neither; ``constant``: the facet has one level.
    identity : tuple of str
        Facets that say who answered (model, persona, instrument) and do not vary within a
        respondent; a difference between their levels is a difference between respondents, not a
        sensitivity of the measurement.
    pairs : tuple of (str, str, str)
        For each pair of facets with two or more levels: ``crossed``, ``a nested in b`` (every level of a
        comes with one level of b), ``a nested in b and b nested in a`` (they change together),
        ``partly crossed`` or ``never together``.
    balanced : bool
        Every respondent of a source has the same number of administrations, each with the same
        number of rows.
    administrations_per_respondent, rows_per_administration : mapping of source to (int, int)
        Smallest and largest count.
    status : mapping of source to mapping of status to int
        Rows by what became of the answer.
    scale_source : mapping of scale to source
        Empty when the table was read without a key.
    """

    n_respondents: int
    n_items: int
    n_administrations: int
    n_rows: int
    levels: Mapping[str, tuple[str, ...]]
    relation: Mapping[str, Relation]
    identity: tuple[str, ...]
    pairs: tuple[tuple[str, str, str], ...]
    balanced: bool
    administrations_per_respondent: Mapping[str, tuple[int, int]]
    rows_per_administration: Mapping[str, tuple[int, int]]
    status: Mapping[str, Mapping[str, int]]
    scale_source: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the design as plain values that JSON can hold."""
        return asdict(self)


def make_design(
    administrations: pd.DataFrame,
    facets: Sequence[str],
    *,
    n_items: int,
    status: Mapping[str, Mapping[str, int]],
    scale_source: Mapping[str, str],
) -> Design:
    """Work out the design from the list of administrations.

    Parameters
    ----------
    administrations : DataFrame
        One row per administration: ``respondent``, ``source``, the facets (categorical), ``rows``.
    facets : sequence of str
        The facet columns.
    n_items : int
        Number of items.
    status, scale_source
        As in :class:`Design`.
    """
    respondent = administrations["respondent"].cat.codes.to_numpy()
    levels: dict[str, tuple[str, ...]] = {}
    relation: dict[str, Relation] = {}
    for facet in facets:
        column = administrations[facet]
        codes = column.cat.codes.to_numpy()
        names = np.asarray(column.cat.categories, dtype=object)
        applies = names[codes] != NOT_APPLICABLE
        levels[facet] = tuple(sorted({str(name) for name in names[np.unique(codes[applies])]}))
        relation[facet] = _relation(respondent[applies], codes[applies], len(levels[facet]))
    sources = administrations["source"].to_numpy()
    per_respondent, per_administration = {}, {}
    for source in sorted(set(sources)):
        mine = sources == source
        counts = np.bincount(respondent[mine])
        per_respondent[source] = (int(counts[counts > 0].min()), int(counts.max()))
        rows = administrations["rows"].to_numpy()[mine]
        per_administration[source] = (int(rows.min()), int(rows.max()))
    spread = [*per_respondent.values(), *per_administration.values()]
    varied = [facet for facet in facets if len(levels[facet]) > 1]
    return Design(
        n_respondents=int(np.unique(respondent).size),
        n_items=n_items,
        n_administrations=len(administrations),
        n_rows=int(administrations["rows"].sum()),
        levels=levels,
        relation=relation,
        identity=tuple(
            facet for facet in facets
            if facet in _WHO and (facet == "instrument" or relation[facet] in ("between", "constant"))
        ),
        pairs=tuple((a, b, _pair(administrations, a, b)) for a, b in combinations(varied, 2)),
        balanced=all(low == high for low, high in spread),
        administrations_per_respondent=per_respondent,
        rows_per_administration=per_administration,
        status=status,
        scale_source=scale_source,
    )  # fmt: skip


def _relation(respondent: np.ndarray, level: np.ndarray, n_levels: int) -> Relation:
    """Say whether levels vary within respondents, between them, or both."""
    if n_levels <= 1:
        return "constant"
    met = np.unique(np.stack([respondent, level]), axis=1)
    counts = np.bincount(met[0])
    counts = counts[counts > 0]
    if (counts == n_levels).all():
        return "within"
    return "between" if (counts == 1).all() else "mixed"


def _pair(administrations: pd.DataFrame, a: str, b: str) -> str:
    """Name the relation of two facets from the combinations of levels that occur."""
    first, second = administrations[a].cat, administrations[b].cat
    applies = (administrations[a] != NOT_APPLICABLE) & (administrations[b] != NOT_APPLICABLE)
    width = len(second.categories)
    together = np.unique(first.codes[applies].to_numpy().astype(np.int64) * width + second.codes[applies])
    if not together.size:
        return "never together"
    n_a, n_b = np.unique(together // width).size, np.unique(together % width).size
    if together.size == n_a * n_b:
        return "crossed"
    nested = [f"{x} nested in {y}" for x, y, n in ((a, b, n_a), (b, a, n_b)) if together.size == n]
    return " and ".join(nested) or "partly crossed"
