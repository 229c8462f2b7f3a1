"""From rows as they came to coded rows: normalise the columns, count what is wrong, number what is there."""

from __future__ import annotations

import unicodedata
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
from psychomet.table.source import Opened, fresh, keep, let_go
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
        ``respondent``, ``item``, ``response`` (float), ``status``, ``source``, the facets, ``sample``
        where there is one; ``_given`` (whether there was a response), ``_text`` (the response as it
        came), ``_boolean`` (whether it was true or false), ``_nested`` (whether an identifier is an
        object or a list), ``_long`` (length of raw and choice).
    facets : tuple of str
        The facet columns.
    has_sample : bool
        Whether replicate draws are told apart.
    """

    rows: ibis.Table
    facets: tuple[str, ...]
    has_sample: bool

    @property
    def cell(self) -> list[str]:
        """The columns that name an administration."""
        return ["respondent", "source", *self.facets, *(["sample"] if self.has_sample else [])]


def normalise(relation: ibis.Table, facets: Sequence[str], *, has_sample: bool) -> ibis.Table:
    """Give the columns of a relation their types; nothing is dropped and no row is judged here.

    Parameters
    ----------
    relation : ibis.Table
        Rows with the columns of the schema that there are.
    facets : sequence of str
        The facet columns; one that is not there applies to no row.
    has_sample : bool
        Whether a column ``sample`` is wanted.

    Returns
    -------
    ibis.Table
        The rows of :class:`Normal`.
    """
    names = relation.columns
    identifiers = ["respondent", "item", *facets, *(["sample"] if has_sample else [])]
    there = [name for name in identifiers if name in names]
    columns: dict[str, Any] = {name: ibis.literal(NOT_APPLICABLE) for name in identifiers}
    columns |= {name: _text(relation[name]).fill_null(NOT_APPLICABLE) for name in there}
    columns |= _response(relation["response"])
    columns["status"] = _text(relation["status"]) if "status" in names else ibis.null("string")
    source = ibis.literal(SOURCES[0])
    columns["source"] = _text(relation["source"]).fill_null(source) if "source" in names else source
    nested = [_is_nested(relation[name]) for name in there]
    columns["_nested"] = ibis.or_(*nested)
    lengths = [_text(relation[name]).length().fill_null(0) for name in ("raw", "choice") if name in names]
    columns["_long"] = ibis.greatest(ibis.literal(0), *lengths).cast("int64")
    return relation.select(**columns)


def type_faults(relation: ibis.Table, facets: Sequence[str]) -> list[Fault]:
    """Columns whose type can be neither an identifier nor a response: lists, objects, bytes."""
    faults = []
    for name in ("respondent", "item", "response", "status", "source", *facets, "sample"):
        if name in relation.columns:
            kind = relation[name].type()
            fit = kind.is_numeric() or kind.is_string() or kind.is_boolean() or isinstance(kind, dt.JSON)
            fit = fit or (name != "response" and (kind.is_temporal() or kind.is_uuid()))
            if not fit:
                wanted = "a number" if name == "response" else "one text or number"
                faults.append(
                    Fault(
                        visible(name),
                        f"it holds values of type {visible(kind, 80)}",
                        f"Put {wanted} in each cell",
                    )
                )
    return faults


def _response(column: Any) -> dict[str, Any]:
    """Return a response as a number, and what must be known of the cell as it came."""
    kind = column.type()
    if kind.is_numeric() or kind.is_boolean():
        number = column.cast("float64")
        number = ibis.ifelse(number.isnan(), ibis.null("float64"), number)
        given, text = number.notnull(), column.cast("string")
        boolean = given if kind.is_boolean() else ibis.literal(False)
    else:
        text = _text(column)
        # The engine reads 1_000 as a thousand; here it is text.
        number = ibis.ifelse(text.contains("_"), ibis.null("float64"), text.try_cast("float64"))
        given, boolean = text.notnull(), ibis.literal(False)
        if isinstance(kind, dt.JSON):
            boolean = column.bool.notnull()
            number = ibis.coalesce(column.bool.cast("float64"), number)
    finite = ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number)
    return {"response": finite, "_given": given, "_text": text, "_boolean": boolean}


def _is_nested(column: Any) -> Any:
    """Whether a cell of JSON is an object or a list."""
    if not isinstance(column.type(), dt.JSON):
        return ibis.literal(False)
    return column.cast("string").left(1).isin(["{", "["]).fill_null(False)


def _text(column: Any) -> Any:
    """Return a column as text; an empty text is nothing, a whole number has no decimals."""
    kind = column.type()
    if isinstance(kind, dt.JSON):
        raw = column.cast("string").nullif("null").nullif("NaN").re_replace("^(-?[0-9]+)[.]0+$", r"\1")
        return ibis.ifelse(raw.startswith('"'), column.str, raw).nullif("")
    if kind.is_floating():
        clean = ibis.ifelse(column.isnan(), ibis.null(kind), column)
        whole = clean.try_cast("int64")
        return ibis.ifelse(clean == whole.cast("float64"), whole.cast("string"), clean.cast("string"))
    if kind.is_decimal():
        return column.cast("string").re_replace("[.]0+$", "")
    return (column if kind.is_string() else column.cast("string")).nullif("")


def intake_faults(normal: Normal, opened: Opened) -> tuple[list[Fault], list[Note], int]:
    """Count everything that is wrong with single rows, in one scan.

    Returns
    -------
    faults : list of Fault
        With counts and the first offending rows.
    notes : list of Note
        What was taken as what.
    rows : int
        Number of rows read.
    """
    rows = normal.rows
    checks = _checks(rows)
    counts = rows.aggregate(
        rows=rows.count(),
        boolean=rows["_boolean"].sum(),
        **{name: check.wrong.fill_null(False).sum() for name, check in checks.items()},
    ).to_pandas()
    number = {name: int(value) for name, value in counts.iloc[0].items() if pd.notna(value)}
    faults = []
    for name, check in checks.items():
        count = number.get(name, 0)
        if count:
            first = _first_rows(rows, check, opened)
            faults.append(
                Fault(
                    check.where,
                    f"{count:,} row{'s' if count > 1 else ''} {check.what}: {first}",
                    check.todo,
                )
            )
    notes = []
    if number.get("boolean"):
        text = f"{number['boolean']:,} responses were true or false; they count as 1 and 0."
        notes.append(Note("boolean_responses", text, "info"))
    return faults, notes, number["rows"]


class _Check(NamedTuple):
    """One thing that may be wrong with a row."""

    wrong: Any
    where: str
    what: str
    todo: str
    show: str


def _checks(rows: ibis.Table) -> Mapping[str, _Check]:
    """The checks of single rows."""
    has_number, has_status, given = rows.response.notnull(), rows.status.notnull(), rows["_given"]
    answered = rows.status == "answered"
    missing = " | ".join(STATUSES[1:])
    return {
        "no_respondent": _Check(rows.respondent == "", "respondent", "without a respondent", "Name who answered in every row", "item"),
        "no_item": _Check(rows.item == "", "item", "without an item", "Name the item in every row", "respondent"),
        "nested": _Check(rows["_nested"], "identifiers", "with an object or a list where a name belongs", "Write one text or number", "respondent"),
        "not_number": _Check(given & ~has_number, "response", "with text (or a number that is not finite) where a number belongs", f"Write the code as a number with a decimal point; leave it empty and say why in status ({missing})", "_text"),
        "bad_status": _Check(has_status & ~rows.status.isin(STATUSES), "status", "with an unknown status", f"Use one of: {', '.join(STATUSES)}", "status"),
        "bad_source": _Check(~rows.source.isin(SOURCES), "source", "with an unknown source", f"Use one of: {', '.join(SOURCES)}", "source"),
        "no_reason": _Check(~given & ~(has_status & ~answered), "response", "with no response and no status that says why", f"Add a status: {missing}", "respondent"),
        "contradiction": _Check(given & has_status & ~answered & rows.status.isin(STATUSES), "status", "with a response although the status says there is none", "Empty the response, or write status = answered", "status"),
        "long_text": _Check(rows["_long"] > MAX_TEXT, "raw", f"with a text longer than {MAX_TEXT:,} characters in raw or choice", "Cut the text before reading; scores need the code only", "respondent"),
    }  # fmt: skip


def _first_rows(rows: ibis.Table, check: _Check, opened: Opened) -> str:
    """Show the first offending rows, numbered from 1 without the header."""
    numbered = rows.mutate(_number=ibis.row_number(), _wrong=check.wrong.fill_null(False))
    wrong = numbered.filter(numbered["_wrong"]).order_by("_number").limit(SHOWN)
    first = wrong.select(number="_number", shown=check.show).to_pyarrow().to_pylist()
    return "; ".join(f"{opened.place(row['number'])} ('{visible(row['shown'], 40)}')" for row in first)


def code_rows(
    normal: Normal, engine: Any
) -> tuple[ibis.Table, pd.DataFrame, tuple[str, ...], list[Fault], list[Note]]:
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
    notes : list of Note
        Identifiers that look alike.
    """
    rows, cell = normal.rows, normal.cell
    cells = rows.group_by(cell).aggregate(_rows=rows.count()).order_by(cell).to_pyarrow()
    administrations = pd.DataFrame(
        {name: _categories(cells[name].combine_chunks()) for name in cell}
        | {"rows": cells["_rows"].to_numpy()}
    )
    items = tuple(rows.select("item").distinct().order_by("item").to_pyarrow()["item"].to_pylist())
    coded = _coded(rows, cells.drop_columns(["_rows"]), items, engine)
    labels = {"item": items} | {name: tuple(administrations[name].cat.categories) for name in cell}
    faults = _label_faults(labels) + _doubled(coded, administrations, items, cell)
    return coded, administrations, items, faults, _label_notes(labels)


def _coded(rows: ibis.Table, cells: pa.Table, items: Sequence[str], engine: Any) -> ibis.Table:
    """Keep the rows as numbers: of the administration, of the item, of the status."""
    name_cells, name_items = fresh("administrations"), fresh("items")
    administration = pa.array(np.arange(cells.num_rows, dtype="int32"))
    numbered = keep(engine, name_cells, cells.append_column("_administration", administration))
    names = pa.table({"_name": pa.array(items, pa.string()), "_item": np.arange(len(items), dtype="int32")})
    item_numbers = keep(engine, name_items, names)
    status = ibis.cases(
        *[(rows.status == name, number) for number, name in enumerate(STATUSES)], else_=0
    ).cast("int8")
    slim = rows.mutate(_status=status)
    joined = slim.join(numbered, cells.column_names).join(item_numbers, slim.item == item_numbers["_name"])
    coded = joined.select(
        administration="_administration", item="_item", response="response", status="_status"
    )
    kept = engine.create_table(fresh("coded"), coded)
    let_go(engine, name_cells)
    let_go(engine, name_items)
    return kept


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
    """Identifiers that are too long, blank, or that hold characters which hide or reorder text."""
    faults = []
    for name, values in labels.items():
        long = [value for value in values if len(value) > MAX_IDENTIFIER]
        if long:
            faults.append(
                Fault(
                    visible(name),
                    f"{len(long)} identifier{'s' if len(long) > 1 else ''} longer than {MAX_IDENTIFIER:,} "
                    f"characters, the first {len(long[0]):,}: '{visible(long[0], 40)}'",
                    "Use short identifiers; long text belongs in raw",
                )
            )
        odd = [value for value in values if (value and not value.strip()) or _hides(value)]
        if odd:
            shown = ", ".join(f"'{visible(value, 40)}'" for value in odd[:SHOWN])
            faults.append(
                Fault(
                    visible(name),
                    f"{len(odd)} identifier{'s' if len(odd) > 1 else ''} of white space only, or with "
                    f"control, line-break or invisible characters: {shown}",
                    "Rename them with printable characters",
                )
            )
    return faults


def _hides(value: str) -> bool:
    """Whether a text holds characters that hide or reorder text."""
    return not (value.isascii() and value.isprintable()) and any(map(is_control, value))


def _label_notes(labels: Mapping[str, Sequence[str]]) -> list[Note]:
    """Identifiers that differ only in case, white space or Unicode form: probably one and the same."""
    notes = []
    for name, values in labels.items():
        alike: dict[str, list[str]] = {}
        for value in values:
            plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
            alike.setdefault(plain, []).append(value)
        twins = [group for group in alike.values() if len(group) > 1]
        if twins:
            shown = ", ".join(f"'{visible(value, 40)}'" for value in twins[0][:SHOWN])
            notes.append(
                Note(
                    "alike_identifiers",
                    f"Column {visible(name)} holds identifiers that differ only in case, white space or Unicode "
                    f"form ({shown}); they are kept apart.",
                )
            )
    return notes


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
            f"{visible(name, 30)} '{visible(where[name], 30)}'"
            for name in cell
            if where[name] != NOT_APPLICABLE
        )
        shown.append(f"item '{visible(items[int(row.item)], 30)}' {int(row.times)} times for {label}")
    return [
        Fault(
            "respondent, item, facets, sample",
            f"{count:,} doubled answer{'s' if count > 1 else ''}: {'; '.join(shown)}",
            "Number the draws in a column sample, or name the column that tells them apart as a facet",
        )
    ]
