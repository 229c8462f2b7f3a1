"""The gate: rules and results in, one verdict out."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from psychomet.errors import Fault, InputError, NotComparableError
from psychomet.notes import Note
from psychomet.result.gate.decide import judge
from psychomet.result.gate.difference import read_estimates
from psychomet.result.gate.rules import Rule, read_rules
from psychomet.result.result import IDENTITY_COLUMNS, Result
from psychomet.result.store import load
from psychomet.text import visible

COLUMNS: tuple[str, ...] = (
    "rule", "verdict", "question", *IDENTITY_COLUMNS, "estimate", "conf_low", "conf_high", "conf_level",
    "baseline", "difference", "diff_low", "diff_high", "allowed", "how", "why",
)  # fmt: skip
"""Columns of the table of verdicts. ``conf_level`` belongs to the interval that decided."""

TEXT_COLUMNS = frozenset({"rule", "verdict", "question", *IDENTITY_COLUMNS, "allowed", "how", "why"})
"""Those of them that hold text; the others hold numbers."""

# Differences in these settings do not change what is estimated.
_INCIDENTAL = frozenset({"table", "seed", "version", "versions"})


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the rules say about a run.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row per rule and estimate, columns :data:`COLUMNS`; ``verdict`` is pass, fail or
        inconclusive.
    strict : bool
        Whether inconclusive rows keep the gate shut.
    notes : tuple of Note
        Settings in which run and baseline differ.
    """

    rows: pd.DataFrame
    strict: bool = False
    notes: tuple[Note, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by verdict: pass, fail, inconclusive."""
        seen = Counter(self.rows["verdict"].tolist())
        return {word: seen[word] for word in ("pass", "fail", "inconclusive")}

    @property
    def exit_code(self) -> int:
        """0 passed; 1 a rule failed; 3 nothing failed, something is inconclusive, and strict."""
        if self.counts["fail"]:
            return 1
        return 3 if self.strict and self.counts["inconclusive"] else 0


def gate(
    results: Sequence[Result] | Result,
    *,
    rules: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Rule],
    baseline: str | os.PathLike[str] | Sequence[Result] | Result | None = None,
    strict: bool = False,
) -> Verdict:
    """Hold results against rules, and against a baseline where a rule is about change.

    Parameters
    ----------
    results : sequence of Result, or Result
        The run.
    rules : path, mapping or sequence of Rule
        As for :func:`read_rules`.
    baseline : path, sequence of Result, or Result, optional
        An earlier run, or the folder it was saved in.
    strict : bool
        Whether an inconclusive row makes :attr:`Verdict.exit_code` 3.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        If the rules or the baseline cannot be read, a rule on a difference has no baseline, or an
        estimate cannot be told from another.
    NotComparableError
        If run and baseline are about other items or another key.

    Notes
    -----
    A rule that selects nothing, a selected estimate that is NaN and an estimate that the baseline
    has and the run has not all fail. An estimate without an interval is inconclusive where an
    interval decides, and so is one that the baseline does not have.

    Each row is decided by itself. With many rows and no change, some fail by chance: about one in
    twenty at most at the default level, and far fewer where the allowed change is wide against the
    interval (``docs/validation/gate.md``).
    """
    chosen = read_rules(rules)
    run = _results(results)
    before = None if baseline is None else _results(baseline)
    needing = [rule.name for rule in chosen if rule.on == "difference"]
    if before is None and needing:
        todo = "Give a baseline, or set on to interval or estimate"
        faults = [
            Fault(f"rule '{visible(name)}'", "it is about the difference to a baseline", todo)
            for name in needing
        ]
        raise InputError("the gate", faults)
    if before is not None:
        _refuse_other_tables(run, before)
    here = [estimate for result in run for estimate in read_estimates(result)]
    there = [estimate for result in before or () for estimate in read_estimates(result)]
    rows = [row for rule in chosen for row in judge(rule, here, there)]
    return Verdict(
        rows=_frame(rows),
        strict=strict,
        notes=tuple(_settings_notes(run, before or ())),
    )


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows as a frame, text as plain objects and every number a float."""
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in rows], dtype=object)
            if name in TEXT_COLUMNS
            else pd.Series([row.get(name, math.nan) for row in rows], dtype=float)
            for name in COLUMNS
        }
    )


def _results(source: str | os.PathLike[str] | Sequence[Result] | Result) -> tuple[Result, ...]:
    if isinstance(source, Result):
        return (source,)
    if isinstance(source, str | os.PathLike):
        return load(source)
    return tuple(source)


def _refuse_other_tables(run: Sequence[Result], baseline: Sequence[Result]) -> None:
    """Raise where a question was asked about other items or with another key."""
    here, there = _contracts(run), _contracts(baseline)
    lines = []
    for question in here:
        if question not in there or here[question] == there[question]:
            continue
        for position, name in enumerate(("items", "key")):
            sides = [{contract[position] for contract in side[question]} for side in (here, there)]
            if sides[0] != sides[1]:
                shown = [", ".join(sorted(visible(value, 20) for value in side)) for side in sides]
                lines.append(
                    f"  {visible(question)}: {name} {shown[0]} in the run, {shown[1]} in the baseline"
                )
    if lines:
        head = "run and baseline cannot be compared, because they are about other items or another key:"
        tail = "Make the baseline again from a table with the same items and key."
        raise NotComparableError("\n".join([head, *lines, tail]))


def _contracts(results: Sequence[Result]) -> dict[str, set[tuple[str, str]]]:
    """Return by question the hashes of items and key; "unknown" where a result does not say."""
    found: dict[str, set[tuple[str, str]]] = {}
    for result in results:
        table = result.settings.get("table")
        known = table if isinstance(table, Mapping) else {}
        contract = (str(known.get("items", "unknown")), str(known.get("key", "unknown")))
        found.setdefault(result.question, set()).add(contract)
    return found


def _settings_notes(run: Sequence[Result], baseline: Sequence[Result]) -> Iterator[Note]:
    """Say in which settings a question was asked otherwise than before."""
    for question in dict.fromkeys(result.question for result in run):
        here = [result.settings for result in run if result.question == question]
        there = [result.settings for result in baseline if result.question == question]
        if not there:
            continue
        for name in dict.fromkeys(name for settings in (*here, *there) for name in settings):
            sides = [{_as_text(settings.get(name)) for settings in side} for side in (here, there)]
            if name not in _INCIDENTAL and sides[0] != sides[1]:
                shown = [" / ".join(sorted(visible(value) for value in side)) for side in sides]
                words = f"is {shown[0]} in the run and {shown[1]} in the baseline."
                yield Note("settings_differ", f"{visible(question)}: {visible(name)} {words}")


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
