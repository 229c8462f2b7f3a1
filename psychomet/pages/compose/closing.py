"""The end of the page: caveats, how the numbers were computed, and the glossary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psychomet.pages.compose.context import Context, label_of, mapping
from psychomet.pages.document import (
    Block,
    Bullets,
    Callout,
    Data,
    Heading,
    Inline,
    Level,
    Link,
    Paragraph,
    Section,
    Text,
    data,
)
from psychomet.pages.glossary import ESTIMANDS
from psychomet.pages.tables import Show, build, label_column
from psychomet.pages.words import Scheme
from psychomet.result.result import VOCABULARY, Result

_LEVELS: tuple[tuple[Level, str], ...] = (
    ("problem", "Problems: numbers that should not be used as they are"),
    ("caution", "Cautions: what limits a conclusion"),
    ("info", "For the record"),
)
_ELSEWHERE = frozenset(
    {
        "design",
        "scales",
        "text",
        "scale_source",
        "table",
        "label",
        "version",
        "versions",
        "expected",
        "reference",
    }
)
_MAX_NOTES = 60


def caveats(pairs: Sequence[tuple[Result, Section]]) -> Section:
    """Return the section of all notes: by level, each once, with links to the sections it is about."""
    places: dict[tuple[str, str, str], list[Section]] = {}
    for result, section in pairs:
        for note in result.notes:
            places.setdefault((note.level, note.code, note.text), [])
            if section not in places[note.level, note.code, note.text]:
                places[note.level, note.code, note.text].append(section)
    lead = "What was noticed while computing, and what was done about it. Each note links to the numbers it is about."
    blocks: list[Block] = [Paragraph((lead,), "lead")]
    if not places:
        blocks.append(Paragraph(("Nothing was noticed: no estimate carries a note.",)))
    for level, title in _LEVELS:
        mine = [(text, sections) for (kind, _, text), sections in places.items() if kind == level]
        if not mine:
            continue
        blocks.append(Heading(f"{title} ({len(mine)})"))
        entries = [_entry(text, sections) for text, sections in mine[:_MAX_NOTES]]
        blocks += (
            [Callout(level, entry) for entry in entries] if level == "problem" else [Bullets(tuple(entries))]
        )
        if len(mine) > _MAX_NOTES:
            blocks.append(
                Paragraph((f"{len(mine) - _MAX_NOTES} more notes of this level are in result.json.",))
            )
    return Section("Caveats", "caveats", tuple(blocks))


def _entry(text: str, sections: Sequence[Section]) -> Text:
    """Return a note and the links to what it is about."""
    links: list[Inline] = []
    for section in sections:
        links += [", " if links else " In: ", Link(section.title, f"#{section.anchor}")]
    return (data(text, 1200), *links, ".")


def computed(pairs: Sequence[tuple[Result, Section]], context: Context) -> Section:
    """Return the section that lets a reader repeat the numbers."""
    lead = "What a second person needs to get the same numbers: the table's fingerprint, versions, seeds and methods."
    blocks: list[Block] = [Paragraph((lead,), "lead")]
    facts = _facts([result for result, _ in pairs])
    if facts:
        columns = [label_column("what", "What"), label_column("value", "Value", 200)]
        blocks.append(build(facts, columns, ("The table and the software.",)))
    methods = _methods(pairs)
    columns = [
        label_column("section", "Section"),
        label_column("estimand", "Estimand"),
        label_column("method", "Interval; method", 400),
    ]
    blocks.append(
        build(methods, columns, ("Methods, as each estimate carries them.",), folded=len(methods) > 15)
    )
    rows = _settings(pairs)
    if rows:
        columns = [
            label_column("section", "Section"),
            label_column("name", "Setting"),
            label_column("value", "Value", 300),
        ]
        blocks.append(build(rows, columns, ("Settings of every question.",), folded=True))
    blocks += _cut_points(context.rules.schemes)
    return Section("How it was computed", "computed", tuple(blocks))


def glossary(results: Sequence[Result]) -> Section:
    """Return the section that explains the estimands and columns that occur."""
    estimands = dict.fromkeys(name for result in results for name in result.estimates["estimand"].tolist())
    columns = [name for name in VOCABULARY if any(name in result.estimates for result in results)]
    terms = [{"name": name, "meaning": ESTIMANDS.get(name, "")} for name in estimands]
    known = [row for row in terms if row["meaning"]]
    lead = "The words of this page and the column names of the CSV files."
    shown = [label_column("name", "Name"), label_column("meaning", "Meaning", 400)]
    fields = [{"name": name, "meaning": VOCABULARY[name]} for name in columns]
    blocks: list[Block] = [Paragraph((lead,), "lead")]
    if known:
        blocks.append(build(known, shown, ("Estimands.",)))
    blocks.append(build(fields, shown, ("Columns of the CSV files.",), folded=True))
    return Section("Glossary", "glossary", tuple(blocks))


def _facts(results: Sequence[Result]) -> list[dict[str, str]]:
    found: dict[str, dict[str, None]] = {}

    def add(name: str, value: object) -> None:
        if value not in (None, "", [], {}):
            found.setdefault(name, {})[value if isinstance(value, str) else _compact(value)] = None

    for result in results:
        table = mapping(result.settings.get("table"))
        add("Fingerprint of the table (SHA-256)", table.get("fingerprint"))
        add("Key", table.get("key_name"))
        add("Fingerprint of the key", table.get("key"))
        add("Fingerprint of the items", table.get("items"))
        add("psychomet", result.settings.get("version"))
        for name, version in mapping(result.settings.get("versions")).items():
            add(name, version)
        add("Seed", result.settings.get("seed"))
    return [{"what": name, "value": "; ".join(values)} for name, values in found.items()]


def _methods(pairs: Sequence[tuple[Result, Section]]) -> list[dict[str, str]]:
    rows: dict[tuple[str, str], dict[str, None]] = {}
    for result, section in pairs:
        frame = result.estimates[["estimand", "method"]].drop_duplicates()
        for estimand, method in frame.itertuples(index=False):
            if method and method != "none":
                rows.setdefault((section.title, str(method)), {})[str(estimand)] = None
    return [
        {"section": title, "estimand": ", ".join(estimands), "method": method}
        for (title, method), estimands in rows.items()
    ]


def _settings(pairs: Sequence[tuple[Result, Section]]) -> list[dict[str, str]]:
    rows = []
    for result, section in pairs:
        for name, value in result.settings.items():
            if name not in _ELSEWHERE:
                rows.append({"section": section.title, "name": str(name), "value": _compact(value)})
        if label_of(result):
            rows.append({"section": section.title, "name": "label", "value": label_of(result)})
    return rows


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut_points(schemes: Sequence[Scheme]) -> list[Block]:
    """Return the conventions behind the words, with their sources."""
    rows: list[Mapping[str, Any]] = [{"scheme": scheme} for scheme in schemes]
    columns = [
        Show("Quantity", lambda row: row["scheme"].quantity, numeric=False),
        Show("Words", lambda row: _bands(row["scheme"]), numeric=False),
        Show("Source", lambda row: row["scheme"].source, numeric=False),
        Show("DOI", lambda row: _doi(row["scheme"].doi), numeric=False),
    ]
    text = (
        "Cut-points are conventions, not properties of a number. They are applied to the limits of an interval, "
        "never to the estimate alone, and can be exchanged without computing anything again."
    )
    return [
        Heading("Words for numbers"),
        Paragraph((text,)),
        build(rows, columns, ("Cut-points used on this page.",)),
    ]


def _bands(scheme: Scheme) -> str:
    parts = [f"below {scheme.edges[0]:g} {scheme.words[0]}"]
    parts += [f"from {edge:g} {word}" for edge, word in zip(scheme.edges, scheme.words[1:], strict=True)]
    return ", ".join(parts)


def _doi(doi: str) -> Inline:
    return Link(doi, f"https://doi.org/{doi}") if doi else Data("")
