"""What limits a comparison of equivalent forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from psychomet.estimates.sensitivity.consistency_rows import NO_PAIR, Row
from psychomet.notes import Note
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

FEW = 10
_ALONE = "one respondent, after"


def consistency_notes(rows: Sequence[Row], few: Mapping[str, int], *, replicates: bool) -> Iterator[Note]:
    """Yield notes: no replicate draws, few or single respondents, forms that nobody met together.

    Parameters
    ----------
    rows : sequence of Row
        All rows.
    few : mapping of str to int
        Facet -> the smallest number of clusters it was compared over.
    replicates : bool
        Whether the table has replicate draws.
    """
    if not replicates:
        text = (
            "The table has no replicate draws under identical conditions: how many answers change by themselves is not known, and "
            "changed answers are not all due to the form."
        )
        yield Note("no_replicates", text)
    small = [f"{visible(facet)} ({n})" for facet, n in few.items() if n < FEW]
    if small:
        yield Note(
            "few_respondents", f"Compared over fewer than {FEW} respondents (or items): {listed(small)}."
        )
    single = list(_single(rows))
    if single:
        text = f"One respondent only: {listed(single)}. Intervals and tests stand on items, and say nothing of other respondents."
        yield Note("one_respondent", text)
    apart = list(_apart(rows))
    if apart:
        text = f"Nobody gave an answer under both forms of {listed(apart, sep='; ')}: which answers change cannot be seen there."
        yield Note("between_respondents", text)


def _single(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what stands on one respondent: the table, else groups, else scales and facets."""
    clustered = [row for row in rows if row["estimand"] in ("changed_answers", "superiority")]
    alone = [row for row in clustered if _ALONE in row["method"]]
    shared = {row["group"] for row in clustered if "after clustering by respondent" in row["method"]}
    whole = [group for group in dict.fromkeys(row["group"] for row in alone) if group not in shared]
    if "" in whole:
        yield "the table"
        return
    by = whole[0].partition(" = ")[0] if whole else ""
    if len(whole) == len({row["group"] for row in clustered} - {""}) and len(whole) > 1:
        yield f"each level of {visible(by)}"
    else:
        yield from map(visible, whole)
    yield from dict.fromkeys(
        f"{_scale(row)} by {visible(row['facet'])}" for row in alone if row["group"] not in whole
    )


def _apart(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the forms that nobody met together, as widely as they are it: by facet, group, scale or pair."""
    looked = [row for row in rows if row["estimand"] == "changed_answers"]
    for facet in dict.fromkeys(row["facet"] for row in looked):
        mine = [row for row in looked if row["facet"] == facet]
        totals = [row for row in mine if not row["level"]]
        none = [row for row in totals if row.get("reason") == NO_PAIR]
        name = visible(facet)
        if len(none) == len(totals):
            yield name
            continue
        groups = dict.fromkeys(row["group"] for row in none)
        whole = [
            group
            for group in groups
            if all(row.get("reason") == NO_PAIR for row in totals if row["group"] == group)
        ]
        yield from (f"{name} ({visible(group) or 'the whole table'})" for group in whole)
        yield from (f"{name} ({_scale(row)})" for row in none if row["group"] not in whole)
        told = {(row["term"], row["group"]) for row in none}
        pairs: dict[str, list[Row]] = {}
        for row in mine:
            if row["level"] and row.get("reason") == NO_PAIR and (row["term"], row["group"]) not in told:
                pairs.setdefault(row["level"], []).append(row)
        for level, found in pairs.items():
            everywhere = len(found) == sum(row["level"] == level for row in mine)
            where = "" if everywhere else f", {listed([_scale(row) for row in found], 3)}"
            yield f"{name} ({visible(level)}{where})"


def _scale(row: Row) -> str:
    """Scale and group of a row, for a sentence."""
    inside = f" in {visible(row['group'])}" if row["group"] else ""
    return f"{visible(row['term'])}{inside}"
