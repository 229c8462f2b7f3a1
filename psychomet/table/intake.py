"""From rows as they came to coded rows: normalise the columns, count what is wrong, number what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd
import pyarrow as pa

from psychomet.errors import Fault
from psychomet.notes import Note
from psychomet.schema import SOURCES, STATUSES
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.source import keep
from psychomet.text import is_control, visible

MAX_IDENTIFIER = 1_000
MAX_TEXT = 1_000_000
"""Longest identifier, and longest raw text or choice, in characters."""

SHOWN = 3


class Normal(NamedTuple):
    """Rows with the columns of the schema under their right types.

    Attributes
    ----------
    rows : ibis.Table
        ``respondent``, ``item``, ``response_text``, ``response``, ``status``, ``source``, the facets,
        ``sample`` where there is one, ``long_text`` (length of raw and choice).
    facets : tuple of str
        The facet columns.
    has_sample : bool
        Whether replicate draws are told apart.
    notes : tuple of Note
        What was taken as what.
    """

    rows: ibis.Table
    facets: tuple[str, ...]
    has_sample: bool
    notes: tuple[Note, ...]

    @property
    def cell(self) -> list[str]:
        """The columns that name an administration."""
        return ["respondent", "source", *self.facets, *(["sample"] if self.has_sample else [])]


def normalise(relation: ibis.Table, facets: Sequence[str]) -> Normal:
    """Give the columns of a relation their types; nothing is dropped and no row is judged here."""
    names = relation.columns
    notes = []
    identifiers = ["respondent", "item", *facets, *(["sample"] if "sample" in names else [])]
    numeric = [name for name in ("respondent", "item") if relation[name].type().is_numeric()]
    if numeric:
        notes.append(
            Note("numeric_identifiers", f"Numeric identifiers taken as text: {', '.join(numeric)}.", "info")
        )
    columns: dict[str, Any] = {name: _text(relation[name]).fill_null(NOT_APPLICABLE) for name in identifiers}
    response = relation["response"]
    text = _text(response)
    number = response.cast("float64") if _is_number(response) else text.try_cast("float64")
    columns["response_text"] = text
    columns["response"] = ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number)
    nothing = ibis.null("string")
    columns["status"] = _text(relation["status"]) if "status" in names else nothing
    columns["source"] = (
        _text(relation["source"]).fill_null(SOURCES[0]) if "source" in names else ibis.literal(SOURCES[0])
    )
    lengths = [_text(relation[name]).length().fill_null(0) for name in ("raw", "choice") if name in names]
    columns["long_text"] = (
        ibis.greatest(*lengths) if len(lengths) > 1 else (lengths[0] if lengths else ibis.literal(0))
    )
    return Normal(relation.select(**columns), tuple(facets), "sample" in names, tuple(notes))


def _is_number(column: Any) -> bool:
    """Whether a column holds numbers or booleans already."""
    kind = column.type()
    return bool(kind.is_numeric() or kind.is_boolean())


def _text(column: Any) -> Any:
    """Return a column as text; an empty text is nothing, a whole float has no decimals."""
    kind = column.type()
    if isinstance(kind, dt.JSON):
        text = ibis.coalesce(column.str, column.cast("string"))
        return text.nullif("").nullif("null")
    if kind.is_floating():
        clean = ibis.ifelse(column.isnan(), ibis.null(kind), column)
        whole = (clean == clean.floor()) & (clean.abs() < 1e15)
        return ibis.ifelse(whole, clean.try_cast("int64").cast("string"), clean.cast("string"))
    return (column if kind.is_string() else column.cast("string")).nullif("")


def intake_faults(normal: Normal) -> tuple[list[Fault], int]:
    """Count everything that is wrong with single rows, in one scan.

    Returns
    -------
    faults : list of Fault
        With counts and the first offending rows.
    rows : int
        Number of rows read.
    """
    rows = normal.rows
    checks = _checks(rows)
    counts = rows.aggregate(
        rows=rows.count(), **{name: check.wrong.fill_null(False).sum() for name, check in checks.items()}
    ).to_pandas()
    faults = []
    for name, check in checks.items():
        count = counts[name].iloc[0]
        if pd.notna(count) and int(count):
            first = _first_rows(rows, check)
            faults.append(
                Fault(
                    check.where,
                    f"{int(count)} row{'s' if count > 1 else ''} {check.what}: {first}",
                    check.todo,
                )
            )
    return faults, int(counts["rows"].iloc[0])


class _Check(NamedTuple):
    """One thing that may be wrong with a row."""

    wrong: Any
    where: str
    what: str
    todo: str
    show: str


def _checks(rows: ibis.Table) -> Mapping[str, _Check]:
    """The checks of single rows."""
    has_number, has_status = rows.response.notnull(), rows.status.notnull()
    answered = rows.status == "answered"
    missing = " | ".join(STATUSES[1:])
    return {
        "no_respondent": _Check(rows.respondent == "", "respondent", "without a respondent", "Name who answered in every row", "item"),
        "no_item": _Check(rows.item == "", "item", "without an item", "Name the item in every row", "respondent"),
        "not_number": _Check(rows.response_text.notnull() & ~has_number, "response", "with text (or a number that is not finite) where a number belongs", f"Write the code as a number; leave it empty and say why in status ({missing})", "response_text"),
        "bad_status": _Check(has_status & ~rows.status.isin(STATUSES), "status", "with an unknown status", f"Use one of: {', '.join(STATUSES)}", "status"),
        "bad_source": _Check(~rows.source.isin(SOURCES), "source", "with an unknown source", f"Use one of: {', '.join(SOURCES)}", "source"),
        "no_reason": _Check(rows.response_text.isnull() & ~(has_status & ~answered), "response", "with no response and no status that says why", f"Add a status: {missing}", "respondent"),
        "contradiction": _Check(rows.response_text.notnull() & has_status & ~answered & rows.status.isin(STATUSES), "status", "with a response although the status says there is none", "Empty the response, or write status = answered", "status"),
        "long_text": _Check(rows.long_text > MAX_TEXT, "raw", f"with a text longer than {MAX_TEXT:,} characters in raw or choice", "Cut the text before reading; scores need the code only", "respondent"),
    }  # fmt: skip


def _first_rows(rows: ibis.Table, check: _Check) -> str:
    """Show the first offending rows, numbered from 1 without the header."""
    numbered = rows.mutate(row_number=ibis.row_number(), wrong=check.wrong.fill_null(False))
    wrong = numbered.filter(numbered.wrong)
    first = wrong.order_by("row_number").limit(SHOWN).select("row_number", shown=check.show).to_pandas()
    return "; ".join(f"row {int(r.row_number) + 1} ({visible(r.shown, 40)})" for r in first.itertuples())


def code_rows(normal: Normal, engine: Any) -> tuple[ibis.Table, pd.DataFrame, tuple[str, ...], list[Fault]]:
    """Number the administrations and the items, and keep the rows in coded form.

    Parameters
    ----------
    normal : Normal
        The rows.
    engine : ibis backend
        Where the coded rows are kept.

    Returns
    -------
    coded : ibis.Table
        ``administration``, ``item``, ``response``, ``status``.
    administrations : DataFrame
        See :class:`psychomet.table.responses.ResponseTable`.
    items : tuple of str
        Sorted item ids.
    faults : list of Fault
        Doubled answers, and identifiers that cannot be shown.
    """
    rows, cell = normal.rows, normal.cell
    cells = rows.group_by(cell).aggregate(rows=rows.count()).order_by(cell).to_pyarrow()
    administrations = pd.DataFrame(
        {name: _categories(cells[name].combine_chunks()) for name in cell}
        | {"rows": cells["rows"].to_numpy()}
    )
    items = tuple(rows.select("item").distinct().order_by("item").to_pyarrow()["item"].to_pylist())
    numbers = pa.array(np.arange(len(administrations), dtype="int32"))
    numbered = keep(
        engine, "administrations", cells.drop_columns(["rows"]).append_column("administration", numbers)
    )
    names = pa.table({"name": pa.array(items, pa.string()), "number": np.arange(len(items), dtype="int32")})
    item_numbers = keep(engine, "items", names)
    known = rows.status.isin(STATUSES)
    status = ibis.cases(
        *[(rows.status == name, number) for number, name in enumerate(STATUSES)], else_=0
    ).cast("int8")
    slim = rows.mutate(code=ibis.ifelse(known, status, 0).cast("int8"))
    coded = (
        slim.join(numbered, cell)
        .join(item_numbers, slim.item == item_numbers["name"])
        .select(administration="administration", item="number", response="response", status="code")
    )
    kept = engine.create_table("coded", coded)
    labels = {"item": items} | {name: tuple(administrations[name].cat.categories) for name in cell}
    faults = _label_faults(labels) + _doubled(kept, administrations, items, cell)
    return kept, administrations, items, faults


def _categories(column: Any) -> pd.Categorical:
    """Turn an Arrow text column into a categorical with sorted categories."""
    encoded = column.dictionary_encode()
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    codes = rank[encoded.indices.to_numpy()]
    return pd.Categorical.from_codes(codes, categories=pd.Index(names[order], dtype=object))


def _label_faults(labels: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Identifiers that are too long, or that hold characters which hide or reorder text."""
    faults = []
    for name, values in labels.items():
        long = [value for value in values if len(value) > MAX_IDENTIFIER]
        if long:
            faults.append(
                Fault(
                    name,
                    f"{len(long)} identifier(s) longer than {MAX_IDENTIFIER:,} characters, the first {len(long[0]):,}: {visible(long[0], 40)}",
                    "Use short identifiers; long text belongs in raw",
                )
            )
        odd = [value for value in values if not value.isprintable() and any(map(is_control, value))]
        if odd:
            shown = ", ".join(repr(visible(value, 40)) for value in odd[:SHOWN])
            faults.append(
                Fault(
                    name,
                    f"{len(odd)} identifier(s) with control, line-break or invisible characters: {shown}",
                    "Rename them with printable characters",
                )
            )
    return faults


def _doubled(
    coded: ibis.Table, administrations: pd.DataFrame, items: Sequence[str], cell: Sequence[str]
) -> list[Fault]:
    """Answers given twice to the same item in the same administration."""
    grouped = coded.group_by(["administration", "item"]).aggregate(times=coded.count())
    doubled = grouped.filter(grouped.times > 1)
    count = int(doubled.count().execute())
    if not count:
        return []
    first = doubled.order_by(["administration", "item"]).limit(SHOWN).to_pandas()
    shown = []
    for row in first.itertuples():
        where = administrations.iloc[int(row.administration)]
        label = ", ".join(
            f"{name} {visible(where[name], 30)}" for name in cell if where[name] != NOT_APPLICABLE
        )
        shown.append(f"item {visible(items[int(row.item)], 30)} {int(row.times)} times for {label}")
    return [
        Fault(
            "respondent, item, facets, sample",
            f"{count} doubled answer{'s' if count > 1 else ''}: {'; '.join(shown)}",
            "Number the draws in a column sample, or name the column that tells them apart as a facet",
        )
    ]
