"""A verdict as text, JSON, JUnit XML, annotations and a step summary; each escaped for its reader."""

from __future__ import annotations

import json as json_format
import math
import os
import re
import string
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psychomet.result.gate.rules import method_word
from psychomet.result.gate.verdict import COLUMNS, TEXT_COLUMNS, Verdict
from psychomet.result.store import write_files
from psychomet.result.store.layout import number_cell
from psychomet.text import visible

_MARKS = {"pass": "ok  ", "fail": "FAIL", "inconclusive": "?   "}
_LONG = 400
# Two characters that XML 1.0 forbids and that are no control characters; surrogates are controls.
_NOT_XML = re.compile("[\ufffe\uffff]")
_PUNCTUATION = frozenset(string.punctuation)


def verdict_table(verdict: Verdict) -> str:
    """Return one line per row and the counts, as plain text for a terminal.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    str
        No control, bidirectional or invisible character of any name gets through.
    """
    lines = [
        f"{_MARKS[row['verdict']]}  {_label(row)}: {_sentence(row)} | {visible(row['rule'])}"
        for row in _rows(verdict)
    ]
    lines.extend(f"note: {visible(note.text, _LONG)}" for note in verdict.notes)
    lines.append(_counts(verdict))
    return "\n".join(lines)


def verdict_json(verdict: Verdict) -> str:
    """Return the verdict as one JSON object: ``exit_code``, ``strict``, ``counts``, ``rows``, ``notes``.

    NaN is null and infinity a word, as in ``result.json``; texts are as they were given.
    """
    rows = [
        {name: row[name] if name in TEXT_COLUMNS else number_cell(row[name]) for name in COLUMNS}
        for row in _rows(verdict)
    ]
    content = {
        "schema": 1,
        "exit_code": verdict.exit_code,
        "strict": verdict.strict,
        "counts": verdict.counts,
        "rows": rows,
        "notes": [{"code": note.code, "text": note.text, "level": note.level} for note in verdict.notes],
    }
    return json_format.dumps(content, indent=1, allow_nan=False) + "\n"


def verdict_junit(verdict: Verdict) -> str:
    """Return the verdict as JUnit XML: one test case per row, inconclusive rows as skipped.

    Characters that XML 1.0 cannot hold are spelled out.
    """
    rows = _rows(verdict)
    counts = verdict.counts
    attributes = {
        "name": "psychomet gate",
        "tests": str(len(rows)),
        "failures": str(counts["fail"]),
        "errors": "0",
        "skipped": str(counts["inconclusive"]),
        "time": "0",
    }
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", attributes)
    for row in rows:
        names = {"classname": _xml(row["rule"]), "name": _xml(_label(row)), "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", names)
        if row["verdict"] != "pass":
            kind = "failure" if row["verdict"] == "fail" else "skipped"
            element = ElementTree.SubElement(case, kind, {"message": _xml(row["why"])})
            element.text = _xml(f"{_label(row)}: {_sentence(row)}")
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def github_annotations(verdict: Verdict) -> str:
    """Return workflow commands for GitHub Actions: an error per failure, a warning per inconclusive row.

    Names cannot end the command or start another one: ``%``, CR, LF, and in properties ``:`` and
    ``,`` are escaped. Empty text when everything passed.
    """
    lines = []
    for row in _rows(verdict):
        if row["verdict"] == "pass":
            continue
        kind = "error" if row["verdict"] == "fail" else "warning"
        title = _command(f"{row['verdict']}: {visible(row['rule'])}").replace(":", "%3A").replace(",", "%2C")
        lines.append(f"::{kind} title={title}::{_command(f'{_label(row)}: {_sentence(row)}')}")
    return "\n".join(lines)


def step_summary(verdict: Verdict) -> str:
    """Return the verdict as a Markdown table, for ``GITHUB_STEP_SUMMARY`` or a merge request.

    Every punctuation mark of a name is escaped, so that no name becomes markup, a link or a cell.
    """
    lines = ["| verdict | rule | estimate | finding |", "|---|---|---|---|"]
    for row in _rows(verdict):
        cells = (row["verdict"], visible(row["rule"]), _label(row), _sentence(row))
        lines.append("| " + " | ".join(map(_markdown, cells)) + " |")
    notes = [f"- {_markdown(visible(note.text, _LONG))}" for note in verdict.notes]
    return "\n".join([*lines, "", *notes, *([""] if notes else []), _markdown(_counts(verdict)), ""])


def write_verdict(
    verdict: Verdict,
    *,
    json: str | os.PathLike[str] | None = None,
    junit: str | os.PathLike[str] | None = None,
) -> None:
    """Write the verdict to files; each appears whole or not at all, and an older one is replaced.

    Parameters
    ----------
    verdict : Verdict
    json, junit : path, optional
        Where :func:`verdict_json` and :func:`verdict_junit` go.

    Raises
    ------
    InputError
        If a file cannot be written; none of them is then new.
    """
    wanted = [(json, verdict_json), (junit, verdict_junit)]
    contents = [(Path(path), make(verdict)) for path, make in wanted if path is not None]
    write_files({path: content.encode("utf-8", "backslashreplace") for path, content in contents})


def _rows(verdict: Verdict) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in verdict.rows.to_dict("records")]


def _label(row: Mapping[str, Any]) -> str:
    """Return the name of an estimate on one line: ``reliability.alpha.Extraversion [feldt]``."""
    names = [row["question"], row["estimand"], row["term"], row["other"]]
    if row["facet"]:
        names.append(f"{visible(row['facet'])}={visible(row['level'])}" if row["level"] else row["facet"])
    elif row["level"]:
        names.append(row["level"])
    names.append(row["group"])
    method = f" [{visible(method_word(row['method']))}]" if row["method"] else ""
    return ".".join(visible(name, 130) for name in names if name) + method


def _sentence(row: Mapping[str, Any]) -> str:
    """Return the numbers that decided, and why; the reason alone where there are none."""
    why, how = visible(row["why"], _LONG), visible(row["how"], _LONG)
    level = row["conf_level"]
    if not math.isnan(row["difference"]):
        delta = f"delta {_figure(row['difference'], '+')}"
        head = f"{_figure(row['baseline'])} -> {_figure(row['estimate'])} ({delta}"
        interval = _interval(level, row["diff_low"], row["diff_high"], "+")
        # Without an interval the reason is all that there is to say about how.
        tail = f"; {how})" if interval else f") {how}"
        return f"{head}{interval}, allowed {row['allowed']}{tail}"
    if math.isnan(row["estimate"]) or not how:
        return f"{why} (wanted: {row['allowed']})"
    pointwise = how == "point estimate"
    interval = "" if pointwise else _interval(level, row["conf_low"], row["conf_high"], "")
    return f"{_figure(row['estimate'])}{interval}, wanted {row['allowed']}: {why}"


def _interval(conf_level: float, low: float, high: float, sign: str) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    level = "" if math.isnan(conf_level) else f"{100 * conf_level:g}% "
    return f", {level}CI [{_figure(low, sign)}, {_figure(high, sign)}]"


def _figure(value: float, sign: str = "") -> str:
    """Return a number for reading: three decimals, or three digits where those would not show it."""
    plain = value == 0 or 0.001 <= abs(value) < 1e6
    return format(value, f"{sign}.3f" if plain else f"{sign}.3g")


def _counts(verdict: Verdict) -> str:
    counts = verdict.counts
    shown = [f"{counts[word]} {word}" for word in ("fail", "inconclusive", "pass") if counts[word]]
    return f"{', '.join(shown)}; exit code {verdict.exit_code}{' (strict)' if verdict.strict else ''}"


def _xml(text: str) -> str:
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", visible(text, 2000))


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _markdown(text: str) -> str:
    return "".join(f"\\{character}" if character in _PUNCTUATION else character for character in text)
