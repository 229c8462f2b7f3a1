"""What was measured? Sizes, facets, balance, and what became of every answer asked for.

Counts are counts; only the shares of answers by status (answered, refused, unparsed ...) are
estimates, with an interval that allows for several answers of one respondent
(:func:`psychomet.numerics.proportion.clustered_share`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from psychomet.notes import Note
from psychomet.numerics.proportion import clustered_share
from psychomet.result.result import Result, make_result
from psychomet.schema import STATUSES
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import check_level
from psychomet.table.reduce import status_counts
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings

COUNT = "a count, not an estimate"
WILSON = "wilson; effective number of answers after clustering by respondent"


@declared
def design(responses: ResponseTable, *, key: Key | None = None, conf_level: float = 0.95) -> Result:
    """Say what is in the table.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key, optional
        The instrument; default the one the table was read with. None is needed.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``respondents``, ``items``, ``answers``, ``administrations`` (counts) and ``status_share`` by
        source; ``settings["design"]`` holds the facets with their levels and relations.

    Raises
    ------
    InputError
        If a key is given that does not fit the table.
    """
    check_level(conf_level)
    chosen = key or responses.key
    made = responses.design
    rows: list[dict[str, Any]] = [
        {"estimand": name, "estimate": value, "n": made.n_respondents, "method": "none", "reason": COUNT}
        for name, value in (
            ("respondents", made.n_respondents),
            ("items", made.n_items),
            ("administrations", made.n_administrations),
            ("answers", made.n_rows),
        )
    ]
    rows += [
        {
            "estimand": "levels",
            "facet": facet,
            "estimate": len(levels),
            "n": made.n_respondents,
            "method": "none",
            "reason": COUNT,
        }
        for facet, levels in made.levels.items()
    ]
    rows += _status_rows(responses, conf_level)
    scales = {scale.name: list(scale.items) for scale in chosen.scales} if chosen else {}
    text = {item: chosen.text[item] for item in chosen.items if item in chosen.text} if chosen else {}
    intake = responses.intake
    return make_result(
        "design",
        rows,
        settings=settings(
            responses,
            conf_level=conf_level,
            scales=scales,
            text=text,
            scale_source=dict(made.scale_source),
            design={
                "subject": intake.subject,
                "facets": {
                    facet: {
                        "levels": list(made.levels[facet]),
                        "relation": made.relation[facet],
                        "identity": facet in made.identity,
                    }
                    for facet in responses.facets
                },
                "pairs": [list(pair) for pair in made.pairs],
                "balanced": made.balanced,
                "administrations_per_respondent": _lists(made.administrations_per_respondent),
                "rows_per_administration": _lists(made.rows_per_administration),
                "rows_read": intake.rows_read,
                "rows_kept": intake.rows_kept,
                "dropped": dict(intake.dropped),
                "status": {source: dict(counts) for source, counts in made.status.items()},
                "unused_columns": list(intake.unused_columns[:50]),
                "samples": _n_samples(responses),
            },
        ),
        notes=[*responses.notes, *_notes(responses)],
    )


def _status_rows(responses: ResponseTable, conf_level: float) -> list[dict[str, Any]]:
    """Shares of the answers asked for by what became of them, source by source."""
    rows = []
    for source, by_status in status_counts(responses).items():
        asked = sum(by_status.values(), np.zeros(1))
        shown = asked > 0
        for status in STATUSES:
            given = by_status.get(status)
            if given is None and status != "answered":
                continue
            counts = np.zeros_like(asked) if given is None else given
            share = clustered_share(counts[shown], asked[shown], conf_level)
            group = f"source = {source}"
            rows.append(
                {"estimand": "status_share", "level": status, "group": group, **share._asdict(),
                 "conf_level": conf_level, "n": int(shown.sum()), "method": WILSON}
            )  # fmt: skip
    return rows


def _spread(ends: tuple[int, int]) -> str:
    """Return the smallest and the largest count in words."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _lists(pairs: Mapping[str, tuple[int, int]]) -> dict[str, list[int]]:
    """Turn pairs into lists, as JSON will."""
    return {name: list(pair) for name, pair in pairs.items()}


def _n_samples(responses: ResponseTable) -> int:
    """Number of distinct sample labels; 0 when the table does not tell samples apart."""
    return len(responses.administrations["sample"].cat.categories) if responses.has_sample else 0


def _notes(responses: ResponseTable) -> list[Note]:
    """What is legitimate but must be known: imbalance, nested facets, facets with one level."""
    made = responses.design
    notes = []
    for facet in responses.facets:
        if made.relation[facet] == "constant" and facet not in made.identity:
            text = f"Facet {facet} applies to no answer."
            for level in made.levels[facet]:
                text = f"Facet {facet} has one level ({level}): nothing can be said about its effect."
            notes.append(Note("one_level", text, "info"))
    for a, b, relation in made.pairs:
        if relation not in ("crossed", "never together") and not {a, b} & set(made.identity):
            notes.append(
                Note(
                    "nested_facet" if "nested" in relation else "partly_crossed",
                    f"Facets {a} and {b} are not crossed ({relation}): their effects cannot be fully told apart.",
                )
            )
    if not made.balanced:
        parts = [
            f"{source}: {_spread(made.administrations_per_respondent[source])} administrations per respondent, "
            f"{_spread(made.rows_per_administration[source])} answers each"
            for source in made.administrations_per_respondent
        ]
        notes.append(Note("unbalanced", f"The design is not balanced ({'; '.join(parts)}).", "caution"))
    refused = sum(counts.get("refused", 0) for counts in made.status.values())
    if refused:
        notes.append(
            Note(
                "refusals",
                f"{refused} of {made.n_rows} answers were refused. Scores stand on the answers given; if refusal "
                "depends on the trait they are biased.",
                "caution",
            )
        )
    return notes
