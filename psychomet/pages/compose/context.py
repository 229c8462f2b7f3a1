"""What every section needs to know beside its own result: scales, wording, cut-points, place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psychomet.pages.document import Text, data
from psychomet.pages.words import RULES, Rules
from psychomet.result.result import Result


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one section.

    Parameters
    ----------
    scales : mapping of str to tuple of str
        Items by scale, as far as any result names them.
    wording : mapping of str to str
        Text of the items, where known.
    source : mapping of str to str
        Source (self_report, behaviour, observer) by scale.
    rules : Rules
        Cut-points and their words.
    alphas : mapping of (scale, group) to (estimate, low, high)
        Cronbach's alpha with its first interval, for coefficients that are read beside it.
    title, anchor : str
        Of the section; the anchor is also the stem of its figures' names.
    """

    scales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wording: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = RULES
    alphas: Mapping[tuple[str, str], tuple[float, float, float]] = field(default_factory=dict)
    title: str = ""
    anchor: str = ""


def gather(results: Sequence[Result], rules: Rules) -> Context:
    """Collect from the settings of all results what sections share; the first mention counts."""
    scales: dict[str, tuple[str, ...]] = {}
    wording: dict[str, str] = {}
    source: dict[str, str] = {}
    alphas: dict[tuple[str, str], tuple[float, float, float]] = {}
    for result in results:
        frame = result.estimates
        for row in frame[frame["estimand"] == "alpha"].to_dict("records"):
            numbers = (float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]))
            if result.question == "reliability" and math.isfinite(numbers[0]):
                alphas.setdefault((str(row["term"]), str(row["group"])), numbers)
        for name, items in mapping(result.settings.get("scales")).items():
            if isinstance(items, list | tuple):
                scales.setdefault(name, tuple(map(str, items)))
        for item, text in mapping(result.settings.get("text")).items():
            wording.setdefault(item, str(text))
        for scale, name in mapping(result.settings.get("scale_source")).items():
            source.setdefault(scale, str(name))
    return Context(scales=scales, wording=wording, source=source, rules=rules, alphas=alphas)


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping with text keys; an empty one for anything else (settings may come from a file)."""
    if not isinstance(value, Mapping):
        return {}
    return {str(key): entry for key, entry in value.items()}


def label_of(result: Result) -> str:
    """Return what tells this result from another answer to the same question, or nothing."""
    label = result.settings.get("label", "")
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=True, default=str)


def joined(names: Sequence[object], *, last: str = "and", most: int = 6) -> Text:
    """Return names from data as "a, b and c"; beyond ``most`` the rest is counted."""
    shown = [data(name, 60) for name in names[:most]]
    if len(names) > most:
        pieces: list[Any] = []
        for name in shown:
            pieces += [name, ", "]
        return (*pieces[:-1], f" and {len(names) - most} more")
    pieces = []
    for at, name in enumerate(shown):
        if at:
            pieces.append(f" {last} " if at == len(shown) - 1 else ", ")
        pieces.append(name)
    return tuple(pieces)


def plural(number: int, one: str, many: str = "") -> str:
    """Return "1 item" or "2,000 items"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def in_group(term: object, group: object) -> str:
    """Return the name of a row in a figure: the scale, and the group where there is one."""
    return f"{term} | {group}" if group else str(term)
