"""A result as plain text for a terminal; every text from the data is made visible first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psychomet.notes import Note
from psychomet.result.result import Result
from psychomet.text import visible

_RELATIONS = {
    "within": "every respondent met every level",
    "between": "each respondent met one level",
    "mixed": "respondents met some of the levels",
    "constant": "one level only",
}


def design_text(result: Result) -> str:
    """Return the design of a table as text.

    Parameters
    ----------
    result : Result
        A ``design`` result.

    Returns
    -------
    str
        Several lines, without a trailing newline.
    """
    frame = result.estimates
    made: dict[str, Any] = result.settings["design"]
    counts = frame[frame["reason"] != ""].drop_duplicates("estimand")
    size = dict(zip(counts["estimand"], counts["estimate"].astype(int), strict=True))
    lines = [
        f"{visible(made['subject'], 100)}: {made['rows_read']:,} rows read, {made['rows_kept']:,} kept",
        *(f"  left out: {rows:,} rows, {visible(why, 100)}" for why, rows in made["dropped"].items()),
        f"  respondents      {size['respondents']:,}",
        f"  items            {size['items']:,}",
        f"  administrations  {size['administrations']:,}",
        f"  balanced         {'yes' if made['balanced'] else 'no'}",
    ]
    if made["facets"]:
        lines.append("facets")
        for name, facet in made["facets"].items():
            levels = facet["levels"]
            shown = ", ".join(visible(level, 24) for level in levels[:6]) + (
                " ..." if len(levels) > 6 else ""
            )
            who = "; says who answered" if facet["identity"] else ""
            lines.append(
                f"  {visible(name, 20):<16} {len(levels)} levels ({shown}): {_RELATIONS[facet['relation']]}{who}"
            )
    if made["samples"]:
        lines.append(f"  {'sample':<16} up to {made['samples']} draws under identical conditions")
    for a, b, relation in made["pairs"]:
        lines.append(f"  {visible(a, 20)} x {visible(b, 20)}: {relation}")
    for source, counts in made["status"].items():
        parts = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
        lines.append(f"answers ({source}): {parts}")
    for scale, items in result.settings["scales"].items():
        lines.append(
            f"scale {visible(scale, 40)}: {len(items)} item{'s' if len(items) > 1 else ''}, {made_source(result, scale)}"
        )
    return "\n".join([*lines, *notes_text(result.notes)])


def made_source(result: Result, scale: str) -> str:
    """Return where the answers of a scale come from."""
    return str(result.settings.get("scale_source", {}).get(scale, "source unknown"))


def notes_text(notes: Iterable[Note]) -> list[str]:
    """Return notes as lines, the grave ones first."""
    order = {"problem": 0, "caution": 1, "info": 2}
    return [
        f"{note.level}: {visible(note.text, 400)}" for note in sorted(notes, key=lambda n: order[n.level])
    ]
