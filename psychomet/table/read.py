"""Read answers: loose at the edge, strict inside. Every fault of a source is told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import ibis
import narwhals as nw
import pyarrow as pa

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.schema import (
    RESPONSE_COLUMNS,
    STANDARD_FACETS,
    check_columns,
    check_facet_names,
)
from psychomet.table.assemble import KeyLike, assemble
from psychomet.table.intake import code_rows, intake_faults, normalise
from psychomet.table.responses import Intake, ResponseTable
from psychomet.table.source import Source, engine_error, open_source
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
    opened = open_source(source)
    renamed = dict(columns or {})
    names = [renamed.get(name, name) for name in opened.columns]
    faults = check_columns(names, RESPONSE_COLUMNS) + check_facet_names(facets)
    absent = [name for name in renamed if name not in opened.columns]
    absent += [name for name in facets if name not in names]
    if absent:
        faults.append(
            Fault(
                "columns",
                f"named but not in the table: {', '.join(visible(n, 40) for n in absent)}",
                "Mend the names given as columns or facets",
            )
        )
    if faults:
        raise InputError(opened.subject, faults)
    relation = opened.relation.rename({renamed[old]: old for old in renamed if renamed[old] != old})
    present = tuple(
        name for name in dict.fromkeys((*STANDARD_FACETS, *facets)) if name in names
    )  # fmt: skip
    try:
        return _read(relation, opened.engine, opened.subject, present, names, key)
    except (duckdb.Error, pa.ArrowException) as error:
        raise engine_error(opened.subject, error) from None


def _read(
    relation: ibis.Table,
    engine: Any,
    subject: str,
    facets: tuple[str, ...],
    names: Sequence[str],
    key: KeyLike | None,
) -> ResponseTable:
    """Normalise, check, code and assemble."""
    normal = normalise(relation, facets)
    faults, rows = intake_faults(normal)
    if rows == 0:
        raise InputError(subject, [Fault("rows", "the table has no rows", "Write at least one answer")])
    coded, administrations, items, more = code_rows(normal, engine)
    used = {column.name for column in RESPONSE_COLUMNS} | set(facets)
    unused = tuple(name for name in names if name not in used)
    notes = [*normal.notes, *_intake_notes(unused, names)]
    intake = Intake(subject=subject, rows_read=rows, rows_kept=rows, unused_columns=unused)
    return assemble(
        coded, administrations, items, facets, key=key, intake=intake, notes=notes, faults=[*faults, *more]
    )


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
    missing_status: str | None = None,
) -> ResponseTable:
    """Read a wide table, one row per respondent (or administration) and one column per item.

    Parameters
    ----------
    frame : pandas, Polars or Arrow table
        The wide table.
    respondent : str
        Column that names the respondent.
    items : sequence of str
        Columns that hold the answers; their names become the item ids.
    key, facets
        As in :func:`read_responses`.
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
    >>>     >>> wide = pd.DataFrame({"id": ["a", "b"], "x1": [1, 2], "x2": [3, 4]})
    >>> from_wide(wide, respondent="id", items=["x1", "x2"]).design.n_rows
    4
    """
    wide = nw.from_native(frame, eager_only=True)
    keep = [respondent, *facets]
    absent = [name for name in (*keep, *items) if name not in wide.columns]
    if absent:
        raise InputError(
            "the wide table",
            [
                Fault(
                    "columns",
                    f"not in the table: {', '.join(visible(n, 40) for n in absent)}",
                    "Mend the names",
                )
            ],
        )
    numeric = all(wide.schema[item].is_numeric() for item in items)
    kind = nw.Float64 if numeric else nw.String
    blocks = [
        wide.select(*keep, nw.col(item).alias("response").cast(kind)).with_columns(nw.lit(item).alias("item"))
        for item in items
    ]
    tidy = nw.concat(blocks).rename({respondent: "respondent"}).to_arrow()
    if missing_status is not None:
        response = tidy["response"].to_pandas()
        status = response.isna().map({True: missing_status, False: "answered"})
        tidy = tidy.append_column("status", pa.array(status, pa.string()))
    return read_responses(tidy, key=key, facets=facets)
