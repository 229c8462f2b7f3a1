"""Read answers: loose at the edge, strict inside. Every fault of a source is told at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.schema import (
    RESPONSE_COLUMNS,
    STANDARD_FACETS,
    STATUSES,
    check_columns,
    check_facet_names,
)
from psychomet.table.assemble import KeyLike, assemble
from psychomet.table.files import open_files
from psychomet.table.intake import Normal, code_rows, intake_faults, normalise, type_faults
from psychomet.table.responses import Intake, ResponseTable
from psychomet.table.source import Opened, Source, arrow_columns, discard, fresh, open_frame, row_name
from psychomet.text import visible


def read_responses(
    source: Source,
    *,
    key: KeyLike | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
) -> ResponseTable:
    """Read a tidy table of answers, one row per answer, and check all of it.

    Parameters
    ----------
    source : path, glob, list of paths, frame, relation
        CSV, TSV, JSON lines, Parquet, Arrow or Feather (gzip or zstd CSV and JSON lines too); a
        pandas, Polars or Arrow table; a DuckDB relation; an Ibis table.
    key : Key, optional
        The instrument (:func:`psychomet.read_key`). With it items and codes are checked; most
        estimates need it.
    facets : sequence of str
        Names of further columns that were varied, beside instrument, model, persona, prompt, order,
        language, rater and occasion.
    columns : mapping of str to str, optional
        Your column name -> the name used here.

    Returns
    -------
    ResponseTable

    Raises
    ------
    InputError
        Naming every fault: missing or doubled columns, text where a number belongs, a missing
        response without status, doubled answers, unknown items, codes outside the range, one
        respondent, an empty, damaged or wrongly encoded file.

    Notes
    -----
    Identifiers are text: an item ``1`` and an item ``"1"`` are the same. An empty cell in a facet
    column means that the facet does not apply to the row. Columns that are neither in the schema nor
    named as facets are not used, and a note says so.
    """
    return _from_opened(_open(source), key=key, facets=facets, columns=columns or {})


def _open(source: Source) -> Opened:
    """Open a path, several paths, or what is held in memory."""
    if isinstance(source, str | os.PathLike):
        return open_files([source], visible(os.fspath(source), 200))
    if isinstance(source, Sequence) and source and all(isinstance(s, str | os.PathLike) for s in source):
        return open_files(source, f"{len(source)} files" if len(source) > 1 else visible(source[0], 200))
    return open_frame(source)


def _from_opened(
    opened: Opened, *, key: KeyLike | None, facets: Sequence[str], columns: Mapping[str, str]
) -> ResponseTable:
    """Check the columns of a source, then its rows."""
    layouts = [tuple(columns.get(name, name) for name in part.columns) for part in opened.parts]
    faults = _column_faults(opened, layouts, columns, facets)
    if faults:
        raise InputError(opened.subject, faults)
    try:
        return _read(opened, layouts, facets, key)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise opened.explain(error) from None


def _column_faults(
    opened: Opened, layouts: Sequence[Sequence[str]], renamed: Mapping[str, str], facets: Sequence[str]
) -> list[Fault]:
    """Return what is wrong with the column names of a source, and with those that the caller gave."""
    faults = []
    for part, names in zip(opened.parts, layouts, strict=True):
        for fault in check_columns(names, RESPONSE_COLUMNS):
            if len(opened.parts) > 1:
                more = f" and {len(part.files) - 1} more files" if len(part.files) > 1 else ""
                fault = fault._replace(where=f"columns of {visible(part.files[0], 200)}{more}")
            faults.append(fault)
    faults += check_facet_names(facets)
    given = {name for part in opened.parts for name in part.columns}
    there = {name for names in layouts for name in names}
    absent = [name for name in renamed if name not in given] + [name for name in facets if name not in there]
    if absent:
        shown = ", ".join(f"'{visible(name, 40)}'" for name in absent)
        faults.append(
            Fault(
                "columns", f"named but not in the table: {shown}", "Mend the names given as columns or facets"
            )
        )
    return faults


def _read(
    opened: Opened, layouts: Sequence[Sequence[str]], facets: Sequence[str], key: KeyLike | None
) -> ResponseTable:
    """Normalise, check, code and assemble."""
    there = list(dict.fromkeys(name for names in layouts for name in names))
    present = tuple(name for name in dict.fromkeys((*STANDARD_FACETS, *facets)) if name in there)
    used = {column.name for column in RESPONSE_COLUMNS} | set(present)
    relations = [
        part.take({old: new for old, new in zip(part.columns, names, strict=True) if new in used})
        for part, names in zip(opened.parts, layouts, strict=True)
    ]
    faults = [fault for relation in relations for fault in type_faults(relation, present)]
    if faults:
        raise InputError(opened.subject, dict.fromkeys(faults))
    blocks = [normalise(relation, present, has_sample="sample" in there) for relation in relations]
    rows = ibis.union(*blocks) if len(blocks) > 1 else blocks[0]
    name = fresh("rows")
    if opened.once:
        rows = opened.engine.create_table(name, rows)
    normal = Normal(rows, present, "sample" in there)
    faults, notes, n_rows = intake_faults(normal, opened)
    if n_rows == 0:
        raise InputError(
            opened.subject, [Fault("rows", "the table has no rows", "Write at least one answer")]
        )
    coded, administrations, items, more, alike = code_rows(normal, opened.engine)
    if opened.once:
        discard(opened.engine, name)
    unused = tuple(name for name in there if name not in used)
    notes += [*_number_notes(relations), *alike, *_intake_notes(unused, there)]
    intake = Intake(subject=opened.subject, rows_read=n_rows, rows_kept=n_rows, unused_columns=unused)
    return assemble(
        coded, administrations, items, present, key=key, intake=intake, notes=notes, faults=[*faults, *more]
    )


def _number_notes(relations: Sequence[ibis.Table]) -> list[Note]:
    """Say which identifiers were numbers."""
    names = [
        name for name in ("respondent", "item")
        if any(relation[name].type().is_numeric() for relation in relations)
    ]  # fmt: skip
    text = f"Numeric identifiers taken as text: {', '.join(names)}."
    return [Note("numeric_identifiers", text, "info")] if names else []


def _intake_notes(unused: Sequence[str], names: Sequence[str]) -> list[Note]:
    """Say which columns were not used."""
    notes = []
    if unused:
        shown = ", ".join(visible(name, 40) for name in unused[:10])
        more = f" and {len(unused) - 10} more" if len(unused) > 10 else ""
        notes.append(
            Note(
                "unused_columns",
                f"Columns not used: {shown}{more}. Name them as facets if they were varied.",
                "info",
            )
        )
    if "weight" in names:
        notes.append(
            Note(
                "weights_unused",
                "The table has a weight column; the estimates of this version do not use it.",
                "caution",
            )
        )
    return notes


def from_wide(
    frame: Any,
    *,
    respondent: str,
    items: Sequence[str],
    key: KeyLike | None = None,
    facets: Sequence[str] = (),
    sample: str | None = None,
    missing_status: str | None = None,
) -> ResponseTable:
    """Read a wide table, one row per respondent (or administration) and one column per item.

    Parameters
    ----------
    frame : pandas, Polars or Arrow table, DuckDB relation, Ibis table
        The wide table.
    respondent : str
        Column that names the respondent.
    items : sequence of str
        Columns that hold the answers; their names become the item ids.
    key : Key, optional
        As in :func:`read_responses`.
    facets : sequence of str
        Columns that say what was varied from row to row; standard facets too are named here.
    sample : str, optional
        Column that tells rows under identical conditions apart.
    missing_status : {"refused", "unparsed", "truncated", "not_administered"}, optional
        What an empty cell means. There is no default: with empty cells and no status the table is
        refused.

    Returns
    -------
    ResponseTable

    Raises
    ------
    InputError
        As :func:`read_responses`.

    Examples
    --------
    >>> import pandas as pd
    >>> from psychomet import from_wide
    >>> wide = pd.DataFrame({"id": ["a", "b"], "x1": [1, 2], "x2": [3, 4]})
    >>> from_wide(wide, respondent="id", items=["x1", "x2"]).design.n_rows
    4
    """
    faults = _wide_faults(frame, [respondent, *facets, *([sample] if sample else [])], items, missing_status)
    if faults:
        raise InputError("the wide table", faults)
    roles = {respondent: "respondent"} | {name: name for name in facets}
    roles |= {sample: "sample"} if sample else {}
    arrow = arrow_columns(frame, roles | {name: f"_{at}" for at, name in enumerate(items)})
    strange = [name for at, name in enumerate(items) if not _is_answer(arrow.column(f"_{at}").type)]
    if strange:
        shown = ", ".join(f"'{visible(name, 40)}'" for name in strange[:8])
        raise InputError(
            "the wide table",
            [Fault("items", f"these hold neither numbers nor text: {shown}", "Put a number in each cell")],
        )
    tidy = _melted(arrow, list(roles.values()), items, missing_status)
    rows = arrow.num_rows
    opened = open_frame(tidy)._replace(
        subject="the wide table",
        place=lambda row: f"{row_name(row % rows)}, column '{visible(items[row // rows], 40)}'",
    )
    return _from_opened(opened, key=key, facets=facets, columns={})


def _wide_faults(
    frame: Any, roles: Sequence[str], items: Sequence[str], missing_status: str | None
) -> list[Fault]:
    """Return what is wrong with the columns named for a wide table."""
    there = Counter(name for part in open_frame(frame).parts for name in part.columns)
    named = Counter([*roles, *items])
    faults = []
    for names, what, todo in (
        ([name for name in named if name not in there], "not in the table", "Mend the names"),
        ([name for name in named if there[name] > 1], "twice in the table", "Rename one of each"),
        ([name for name, times in named.items() if times > 1], "named twice", "Give each column one role"),
    ):
        if names:
            shown = ", ".join(f"'{visible(name, 40)}'" for name in names[:8])
            more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
            faults.append(Fault("columns", f"{what}: {shown}{more}", todo))
    if not items:
        faults.append(Fault("items", "there is none", "Name the columns that hold the answers"))
    if missing_status is not None and missing_status not in STATUSES[1:]:
        faults.append(
            Fault(
                "missing_status",
                f"'{visible(missing_status)}' does not say why an answer is missing",
                f"Use one of: {', '.join(STATUSES[1:])}",
            )
        )
    return faults


def _melted(
    arrow: pa.Table, roles: Sequence[str], items: Sequence[str], missing_status: str | None
) -> pa.Table:
    """Put the item columns under each other, the other columns beside each."""
    k = len(items)
    answers = [_values(arrow.column(f"_{at}")) for at in range(k)]
    kind = pa.float64()
    if not all(_is_number(column.type) for column in answers):
        kind = pa.string()
    response = pa.chunked_array([chunk for column in answers for chunk in column.cast(kind).chunks], kind)
    columns: dict[str, Any] = {name: pa.chunked_array(arrow.column(name).chunks * k) for name in roles}
    codes = pa.array(np.repeat(np.arange(k, dtype="int32"), arrow.num_rows))
    columns["item"] = pa.DictionaryArray.from_arrays(codes, pa.array(list(items), pa.string()))
    columns["response"] = response
    if missing_status is not None:
        nothing = pc.is_null(response, nan_is_null=True)
        if pa.types.is_string(kind):
            nothing = pc.or_(nothing, pc.fill_null(pc.equal(response, ""), False))
        columns["status"] = pc.if_else(nothing, missing_status, STATUSES[0])
    return pa.table(columns)


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without its dictionary."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def _is_number(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds numbers or booleans."""
    types = pa.types
    checks = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    return any(check(kind) for check in checks)


def _is_answer(kind: pa.DataType) -> bool:
    """Whether an Arrow type can hold answers: numbers or text."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return _is_number(inner) or any(check(inner) for check in texts)
