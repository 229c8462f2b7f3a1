"""A result as plain text for a terminal; every text from the data is made visible first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from psychomet.notes import Note
from psychomet.pages.tables import count, interval, number, records, value
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


_NAMES = ("estimand", "term", "other", "facet", "level", "group")
_MOST_LINES = 100


def estimates_text(result: Result, *, most: int = _MOST_LINES) -> str:
    """Return the estimates of a result as an aligned table, and its notes.

    Parameters
    ----------
    result : Result
        Any result.
    most : int
        Rows shown at the most; the rest is counted.

    Returns
    -------
    str
        Several lines, without a trailing newline. Columns that are empty throughout are left out.
    """
    rows = records(result.estimates.iloc[:most])
    cells: dict[str, list[str]] = {
        name: [visible(row.get(name) or "", 48) for row in rows] for name in _NAMES
    }
    cells["method"] = _told_apart(rows)
    cells["n"] = [count(value(row, "n")) for row in rows]
    cells["estimate"] = [_number(value(row, "estimate")) for row in rows]
    cells["interval"] = [interval(value(row, "conf_low"), value(row, "conf_high")) for row in rows]
    cells["remark"] = [visible(row.get("reason") or "", 60) for row in rows]
    shown = {name: column for name, column in cells.items() if any(cell not in ("", "–") for cell in column)}
    right = {"n", "estimate", "interval"}
    wide = {name: max(len(name), *map(len, column)) for name, column in shown.items()}

    def line(parts: list[str]) -> str:
        pairs = zip(parts, shown, strict=True)
        set_out = [
            part.rjust(wide[name]) if name in right else part.ljust(wide[name]) for part, name in pairs
        ]
        return "  ".join(set_out).rstrip()

    lines = [line(list(shown)), *(line([column[at] for column in shown.values()]) for at in range(len(rows)))]
    more = len(result.estimates) - len(rows)
    if more > 0:
        lines.append(f"... and {more:,} more rows")
    return "\n".join([*lines, *notes_text(result.notes)])


_MOST_HAVE_IT = 0.75


def _told_apart(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Of rows that bear the same names, the parts of the method that few of them have; else nothing."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(rows):
        alike.setdefault(tuple(str(row.get(name) or "") for name in _NAMES), []).append(at)
    texts = [""] * len(rows)
    for places in alike.values():
        parts = [re.split(r"[;,] ", str(rows[at].get("method") or "")) for at in places]
        often = Counter(part for mine in parts for part in set(mine))
        shared = {part for part, times in often.items() if times > _MOST_HAVE_IT * len(parts)}
        for at, mine in zip(places, parts, strict=True):
            texts[at] = visible(", ".join(part for part in mine if part not in shared), 100)
    return texts


def plan_text(result: Result) -> str:
    """Return what a plan recommends, one line per scale, and its notes.

    Parameters
    ----------
    result : Result
        A ``plan`` result.

    Returns
    -------
    str
        Several lines, without a trailing newline.
    """
    lines = []
    name = {"g": "G", "phi": "Phi"}.get(str(result.settings.get("coefficient")), "coefficient")
    for scale, chosen in result.settings["plan"].items():
        if chosen["reached"]:
            design = ", ".join(f"{visible(facet, 40)} = {many}" for facet, many in chosen["numbers"].items())
            lines.append(
                f"{visible(scale, 40)}: {design} ({name} {number(chosen['value'], 2)}, cost {_cost(chosen['calls'])} "
                f"per respondent, probability {number(chosen['probability'], 2)})"
            )
        else:
            why = visible(chosen["reason"] or "no design within the limits reaches the target", 200)
            lines.append(f"{visible(scale, 40)}: none; {why}")
    told = [note for note in result.notes if note.code != "recommended_design"]
    return "\n".join([*lines, *notes_text(told)])


def _cost(calls: float) -> str:
    """Return a cost, which may be far below 1, with four digits that count."""
    return count(calls) if calls >= 1000 or float(calls).is_integer() else f"{calls:.4g}"


def _number(estimate: float) -> str:
    """Return a whole number as a count, any other with decimals."""
    return count(estimate) if estimate.is_integer() and abs(estimate) > 1 else number(estimate)


def made_source(result: Result, scale: str) -> str:
    """Return where the answers of a scale come from."""
    return str(result.settings.get("scale_source", {}).get(scale, "source unknown"))


def notes_text(notes: Iterable[Note]) -> list[str]:
    """Return notes as lines, the grave ones first."""
    order = {"problem": 0, "caution": 1, "info": 2}
    return [
        f"{note.level}: {visible(note.text, 400)}" for note in sorted(notes, key=lambda n: order[n.level])
    ]
