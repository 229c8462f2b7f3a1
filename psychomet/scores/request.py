"""What every question about scores settles first: the key, the rule, the level, and who counts as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.scores.key import Key
from psychomet.scores.score import ScaleScores, check_missing, resolve_key
from psychomet.table.assemble import with_key
from psychomet.table.responses import ResponseTable
from psychomet.text import visible


def seed_faults(seed: int) -> list[Fault]:
    """Return the fault of a seed that no generator takes; the caller adds its own."""
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0:
        return []
    return [Fault("seed", f"'{visible(seed)}' is not a whole number of at least 0", "Use 1, say")]


FEWEST_BOOT = 100
"""Fewer resamples give no interval."""


def check_level(conf_level: float) -> None:
    """Refuse a nominal coverage that is none."""
    if not 0 < conf_level < 1:
        raise InputError(
            "the call", [Fault("conf_level", f"{conf_level} is not between 0 and 1", "Use 0.95, say")]
        )


def facet_faults(table: ResponseTable, facet: str | None, *, name: str = "by") -> list[Fault]:
    """Return the fault of a facet that the table has not; the caller adds its own."""
    if facet is None or facet in table.facets:
        return []
    there = ", ".join(map(visible, table.facets)) or "none"
    return [Fault(name, f"'{visible(facet)}' is not a facet of the table", f"The facets are: {there}")]


def unit_faults(unit: str) -> list[Fault]:
    """Return the fault of a unit that there is not; the caller adds its own."""
    if unit in ("respondent", "administration"):
        return []
    return [Fault("unit", f"'{visible(unit)}' is not a unit", "Use 'respondent' or 'administration'")]


def boot_faults(n_boot: int, *, name: str = "n_boot") -> list[Fault]:
    """Return the fault of resamples too few for an interval; the caller adds its own."""
    if n_boot == 0 or n_boot >= FEWEST_BOOT:
        return []
    todo = f"Use at least {FEWEST_BOOT}, or 0 for no bootstrap"
    return [Fault(name, f"{n_boot} resamples give no interval", todo)]


def held_table(
    responses: ResponseTable, *, key: Key | None, missing: str, conf_level: float
) -> ResponseTable:
    """Return the table held against the key, after a look at the other arguments.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key or None
        The instrument; None for the one the table was read with.
    missing : str
        The rule for missing answers.
    conf_level : float
        Nominal coverage of the intervals.

    Raises
    ------
    InputError
        If there is no key, it does not fit, or an argument is out of range.
    """
    check_missing(missing)
    check_level(conf_level)
    table = responses if key is None else with_key(responses, key=key)
    resolve_key(table, None)
    return table


def respondent_means(
    scores: ScaleScores, rows: NDArray[np.bool_] | None = None
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return ids and mean scores over administrations of the respondents that have a score.

    Parameters
    ----------
    scores : ScaleScores
        One row per administration.
    rows : (n_rows,) array of bool, optional
        Administrations to use; default all.
    """
    used = np.isfinite(scores.values) if rows is None else np.isfinite(scores.values) & rows
    present, position = np.unique(scores.respondent[used], return_inverse=True)
    total = np.bincount(position, scores.values[used], minlength=present.size)
    return scores.respondents[present], total / np.bincount(position, minlength=present.size)


def unscored_notes(scores: Iterable[ScaleScores], missing: str) -> list[Note]:
    """Return one note that counts the administrations without a score, by scale; none where all have one."""
    counts = [(block.scale.name, int(np.isnan(block.values).sum()), block.values.size) for block in scores]
    left_out = [f"{visible(name)} {without} of {of}" for name, without, of in counts if without]
    if not left_out:
        return []
    rule = "with no item answered" if missing == "available" else "with any item unanswered"
    return [
        Note(
            "no_score",
            f"Administrations {rule} have no score and are left out: {_listed(left_out)}.",
            "info",
        )
    ]


CARRIED = frozenset({"left_out", "weights_unused"})
"""Notes of the table that every estimate carries."""


def table_notes(table: ResponseTable) -> list[Note]:
    """Return what of the table limits every number made from it.

    Respondents left out, weights not used; and respondents who share a model or a persona, because
    intervals take them as independent.
    """
    made = table.design
    carried = [note for note in table.notes if note.code in CARRIED]
    shared = [
        f"{len(made.levels[facet])} levels of {visible(facet)}"
        for facet in made.identity
        if 1 < len(made.levels[facet]) < made.n_respondents and facet != "instrument"
    ]
    if not shared:
        return carried
    return [
        *carried,
        Note(
            "shared_identity",
            f"{made.n_respondents} respondents share {_listed(shared)}. Intervals take respondents as "
            "independent: they speak of further respondents with the same levels, not of further levels.",
        ),
    ]


def _listed(names: list[str], most: int = 8) -> str:
    """Join names, cut to the first ones."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
