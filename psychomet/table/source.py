"""What the caller has, opened: the names of its columns first, then the columns that are used.

The engine is DuckDB behind Ibis, a new one in memory for every table. Here are the engine and the
frames and relations held in memory; files are in :mod:`psychomet.table.files`.
"""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
import os
import re
import tempfile
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import duckdb
import ibis
import narwhals as nw
import pyarrow as pa

from psychomet.errors import Fault, InputError
from psychomet.text import visible

MEMORY_LIMIT = "1536MB"
"""What the engine may hold before it spills to disk; the rest of the process needs the other half."""

Source = Any
"""A path, a glob, a list of paths, a frame that Narwhals knows, a DuckDB relation or an Ibis table."""

THE_TABLE = "the table"
"""What a source in memory is called in messages."""

_PLAIN = (str, bytes, numbers.Number, decimal.Decimal, datetime.date, datetime.time, uuid.UUID)
_KNOWN_EXTENSIONS = frozenset({"arrow.uuid", "arrow.bool8", "arrow.json"})


class Part(NamedTuple):
    """Rows that share their columns.

    Attributes
    ----------
    columns : tuple of str
        Column names as they are in the source, doubled names included.
    take : callable
        Called with {name in the source: name wanted}, returns those columns as a relation; the names
        are in the source once each.
    files : tuple of str
        The files of these rows, in the order of the rows; empty for a source in memory.
    count : callable
        Called with one of the files, returns its number of rows.
    """

    columns: tuple[str, ...]
    take: Callable[[Mapping[str, str]], ibis.Table]
    files: tuple[str, ...] = ()
    count: Callable[[str], int] = lambda file: 0


class Opened(NamedTuple):
    """A source of which the columns are known and no row has been judged.

    Attributes
    ----------
    parts : tuple of Part
        One for each set of columns found.
    engine : ibis.BaseBackend
        Where tables made on the way are kept.
    subject : str
        What to call the source in messages.
    once : bool
        Whether the rows are parsed or streamed, so that they should be gone through only once.
    explain : callable
        Turns what the engine says of the source into an :class:`InputError`.
    place : callable
        Called with a row number (from 0, over all parts), says where that row is, for a reader.
    """

    parts: tuple[Part, ...]
    engine: Any
    subject: str
    once: bool
    explain: Callable[[Exception], InputError]
    place: Callable[[int], str]


def row_name(row: int) -> str:
    """Name a row by its number from 1, the header not counted."""
    return f"row {row + 1:,}"


def connect() -> Any:
    """Return a new engine in memory that spills to a temporary folder and reaches for no network."""
    # A folder of its own for each engine; DuckDB makes it when it must spill and removes it after.
    spill = os.path.join(tempfile.gettempdir(), f"psychomet-{uuid.uuid4().hex}")
    engine = ibis.duckdb.connect(memory_limit=MEMORY_LIMIT, temp_directory=spill)
    engine.raw_sql("SET enable_progress_bar = false")
    engine.raw_sql("SET autoinstall_known_extensions = false")
    # A moment has one name, whatever the time zone of the machine.
    engine.raw_sql("SET TimeZone = 'UTC'")
    return engine


def keep(engine: Any, name: str, arrow: Any) -> ibis.Table:
    """Show an Arrow table or stream to the engine under a name; it is not copied."""
    # ibis 12's create_table(name, frame) sends broken SQL with current sqlglot, hence the engine's own register.
    engine.con.register(name, arrow)
    return engine.table(name)


def let_go(engine: Any, name: str) -> None:
    """Take back a name given with :func:`keep`."""
    engine.con.unregister(name)


def discard(engine: Any, name: str) -> None:
    """Drop a table that was made under a name from :func:`fresh`."""
    # ibis 12's drop_table sends broken SQL with current sqlglot; the name is ours, so no quoting is at risk.
    engine.raw_sql(f'DROP TABLE "{name}"')


def memory_fault(error: Exception) -> Fault:
    """Say that the engine ran out of memory."""
    return Fault(
        "memory",
        f"the engine has too little ({visible(engine_words(error), 160)})",
        "See that the temporary folder (TMPDIR names it) has space, or read fewer answers at a time",
    )


def engine_words(error: Exception) -> str:
    """Return the part of an engine's message that is about the data, on one line."""
    text = " ".join(str(error).split())
    text = re.sub(r"^[A-Z][A-Za-z ]{0,40} Error: ", "", text)
    return re.split(r" LINE \d+: | Possible | Try | You can | This can happen ", text)[0].rstrip(" .|")


def fresh(name: str) -> str:
    """Return a table name that the engine does not know yet."""
    return f"{name}_{uuid.uuid4().hex}"


def renamed(relation: ibis.Table, names: Mapping[str, str]) -> ibis.Table:
    """Return the columns of a relation that are keys of ``names``, under the names wanted."""
    return relation.select(**{wanted: relation[name] for name, wanted in names.items()})


def open_frame(source: Source) -> Opened:
    """Open a frame or a relation held in memory or in another engine.

    Raises
    ------
    InputError
        If it is no table, or has no columns.
    """
    engine = connect()
    columns, load = _door(source)
    if not columns:
        raise InputError(THE_TABLE, [Fault("columns", "it has none", "Pass a table with one row per answer")])

    def take(names: Mapping[str, str]) -> ibis.Table:
        return keep(engine, fresh("source"), load(names))

    def explain(error: Exception) -> InputError:
        fault = Fault(
            "columns",
            f"the engine cannot read them ({visible(engine_words(error), 160)})",
            "Give them plain text and number types",
        )
        is_memory = isinstance(error, duckdb.OutOfMemoryException)
        return InputError(THE_TABLE, [memory_fault(error) if is_memory else fault])

    return Opened((Part(columns, take),), engine, THE_TABLE, _is_stream(source), explain, row_name)


def arrow_columns(source: Source, names: Mapping[str, str]) -> pa.Table:
    """Return columns of a source in memory as Arrow, under the names wanted."""
    made = _door(source)[1](names)
    return made.read_all() if isinstance(made, pa.RecordBatchReader) else made


def _is_stream(source: Source) -> bool:
    """Whether the rows are computed anew each time they are asked for."""
    return isinstance(source, duckdb.DuckDBPyRelation)


def _door(source: Source) -> tuple[tuple[str, ...], Callable[[Mapping[str, str]], Any]]:
    """Return the column names of a source and what loads some of them as Arrow."""
    if isinstance(source, ibis.Table):
        return tuple(source.columns), lambda names: plain_types(renamed(source, names).to_pyarrow())
    if isinstance(source, duckdb.DuckDBPyRelation):
        return tuple(source.columns), lambda names: _stream(source, names)
    if nw.dependencies.is_pandas_dataframe(source):
        frame = _with_index(source)
        return tuple(map(str, frame.columns)), lambda names: _from_pandas(frame, names)
    if isinstance(source, pa.Table | pa.RecordBatch | pa.RecordBatchReader):
        arrow = source if isinstance(source, pa.Table) else pa.table(source)
        return tuple(arrow.column_names), lambda names: select(arrow, names)
    try:
        other = nw.from_native(source)
    except TypeError:
        raise InputError(
            "the source",
            [
                Fault(
                    "type",
                    f"a {visible(type(source).__name__)} is neither a path nor a table",
                    "Pass a path, a pandas, Polars or Arrow table, a DuckDB relation or an Ibis table",
                )
            ],
        ) from None
    return tuple(other.collect_schema().names()), lambda names: _from_narwhals(other, names)


def _stream(relation: duckdb.DuckDBPyRelation, names: Mapping[str, str]) -> pa.RecordBatchReader:
    """Return columns of a DuckDB relation as a stream of Arrow batches."""
    chosen = [duckdb.ColumnExpression(name).alias(wanted) for name, wanted in names.items()]
    return pa.RecordBatchReader.from_stream(relation.select(*chosen))


def _from_narwhals(frame: Any, names: Mapping[str, str]) -> pa.Table:
    """Return columns of a frame that Narwhals knows."""
    chosen = frame.select(*[nw.col(name).alias(wanted) for name, wanted in names.items()])
    if isinstance(chosen, nw.LazyFrame):
        return plain_types(chosen.collect("pyarrow").to_native())
    return plain_types(chosen.to_arrow())


def _with_index(frame: Any) -> Any:
    """Make columns of the named levels of a pandas index."""
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return frame.reset_index(level=named) if named else frame


def _from_pandas(frame: Any, names: Mapping[str, str]) -> pa.Table:
    """Return columns of a pandas frame, found by position because a label need not be text."""
    labels = list(map(str, frame.columns))
    return plain_types(
        pa.table(
            {wanted: _from_series(name, frame.iloc[:, labels.index(name)]) for name, wanted in names.items()}
        )
    )


def _from_series(name: str, series: Any) -> Any:
    """Turn a pandas column into Arrow; a column of mixed types becomes text."""
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        strange = next((v for v in series if not (_is_nothing(v) or isinstance(v, _PLAIN))), None)
        if strange is not None:
            raise _no_text(name, f"values such as a {type(strange).__name__}") from None
    try:
        return pa.array([_as_text(value) for value in series], pa.string())
    except UnicodeEncodeError:
        raise InputError(
            THE_TABLE,
            [
                Fault(
                    visible(name),
                    "it holds text that is not valid Unicode (half of a surrogate pair)",
                    "Decode the text again, with errors='replace'",
                )
            ],
        ) from None


def _no_text(name: str, what: str) -> InputError:
    """Say that a column holds what is neither text nor numbers."""
    return InputError(
        THE_TABLE,
        [
            Fault(
                visible(name), f"it holds {visible(what, 100)}, neither text nor numbers", "Convert it before"
            )
        ],
    )


def _is_nothing(value: object) -> bool:
    """Whether a pandas cell is empty: None, NaN, NaT or NA."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in {"NAType", "NaTType"}


def _as_text(value: object) -> str | None:
    """Return a pandas cell as text; a whole float has no decimals."""
    if _is_nothing(value):
        return None
    if isinstance(value, bytes):
        return repr(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def select(arrow: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return the columns of an Arrow table that are keys of ``names``, under the names wanted."""
    there = arrow.column_names
    return plain_types(pa.table({wanted: arrow.column(there.index(name)) for name, wanted in names.items()}))


def plain_types(arrow: pa.Table) -> pa.Table:
    """Return a table in types that the engine reads.

    A column of nothing becomes a text column of nothing, half precision becomes single; a period or an
    interval of pandas is refused, because it would be read as its inner number.
    """
    fields = []
    for field in arrow.schema:
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType) and kind.extension_name not in _KNOWN_EXTENSIONS:
            raise _no_text(field.name, f"values of type {kind.extension_name}")
        if pa.types.is_null(kind):
            kind = pa.string()
        elif pa.types.is_float16(kind):
            kind = pa.float32()
        fields.append(field.with_type(kind))
    return arrow.cast(pa.schema(fields))
