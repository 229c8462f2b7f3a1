"""Open whatever the caller has, a file, a glob, a frame or a relation, as one relation of the engine."""

from __future__ import annotations

import glob
import os
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import ibis
import narwhals as nw
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc

from psychomet.errors import Fault, InputError
from psychomet.text import visible

MEMORY_LIMIT = "1536MB"
"""What the engine may hold before it spills to disk; the rest of the process needs the other half."""

FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip

Source = Any
"""A path, a glob, a list of paths, a frame that Narwhals knows, a DuckDB relation or an Ibis table."""


class Opened(NamedTuple):
    """A source as a relation.

    Attributes
    ----------
    relation : ibis.Table
        The rows, untyped where the file has no types.
    engine : ibis.BaseBackend
        Where tables made on the way may be kept.
    subject : str
        What to call it in messages.
    columns : tuple of str
        Column names as they are in the source, before the engine made them unique.
    """

    relation: ibis.Table
    engine: Any
    subject: str
    columns: tuple[str, ...]


def open_source(source: Source) -> Opened:
    """Open a source.

    Parameters
    ----------
    source : path, glob, list of paths, frame, relation
        What to read.

    Raises
    ------
    InputError
        If nothing matches, the format is unknown, a file is empty, damaged or not UTF-8.
    """
    if isinstance(source, str | os.PathLike):
        return _open_files([source], visible(os.fspath(source), 200))
    if isinstance(source, Sequence) and source and all(isinstance(s, str | os.PathLike) for s in source):
        return _open_files(source, f"{len(source)} files")
    if isinstance(source, ibis.Table):
        return Opened(source, source.get_backend(), "the table", tuple(source.columns))
    return _open_frame(source)


def engine_error(subject: str, error: Exception) -> InputError:
    """Turn what the engine says of a damaged file into one clear fault."""
    text = " ".join(str(error).split())
    low = text.lower()
    if "unicode" in low or "utf-8" in low or "utf8" in low or "byte sequence" in low:
        return InputError(
            subject,
            [Fault("encoding", f"the file is not UTF-8 ({visible(text, 160)})", "Save it again as UTF-8")],
        )
    if "line size" in low or "maximum_object_size" in low or "max_line_size" in low:
        return InputError(
            subject,
            [
                Fault(
                    "size",
                    f"a cell is too long ({visible(text, 160)})",
                    "Leave the long text out, or cut it, before reading",
                )
            ],
        )
    return InputError(
        subject,
        [
            Fault(
                "file",
                f"it cannot be read ({visible(text, 220)})",
                "The file is damaged or cut short: write it again",
            )
        ],
    )


def connect() -> Any:
    """Return a new in-memory engine that spills to a temporary folder and shows no progress bar."""
    # A folder of its own for each engine; DuckDB makes it when it must spill and removes it after.
    spill = os.path.join(tempfile.gettempdir(), f"psychomet-{uuid.uuid4().hex}")
    engine = ibis.duckdb.connect(memory_limit=MEMORY_LIMIT, temp_directory=spill)
    engine.raw_sql("SET enable_progress_bar = false")
    return engine


def _open_files(paths: Sequence[str | os.PathLike[str]], subject: str) -> Opened:
    """Open files of one format as one relation."""
    faults: list[Fault] = []
    found: list[Path] = []
    for path in map(os.fspath, paths):
        matches = [path] if os.path.exists(path) else sorted(glob.glob(path, recursive=True))
        if not matches:
            faults.append(Fault(visible(path, 200), "no such file, and no file matches", "Check the path"))
        found += map(Path, matches)
    formats = {}
    for path in found:
        kind = FORMATS.get(_suffix(path))
        if path.is_dir():
            faults.append(
                Fault(visible(path, 200), "it is a folder", "Name a file, or a glob such as folder/*.parquet")
            )
        elif kind is None:
            faults.append(
                Fault(
                    visible(path, 200),
                    f"unknown file format {visible(_suffix(path)) or '(no suffix)'}",
                    f"Known: {', '.join(sorted(FORMATS))}",
                )
            )
        elif path.stat().st_size == 0:
            faults.append(Fault(visible(path, 200), "the file is empty", "Write it again"))
        formats[kind] = path
    if len(formats) > 1 and not faults:
        faults.append(Fault(subject, "the files are of several formats", "Read one format at a time"))
    if faults:
        raise InputError(subject, faults)
    (kind,) = formats
    engine = connect()
    names = [str(path) for path in found]
    try:
        relation, columns = _read(engine, kind, names)
    except (duckdb.Error, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise engine_error(subject, error) from None
    return Opened(relation, engine, subject, columns)


def _suffix(path: Path) -> str:
    """Return the suffix that names the format, past a compression suffix."""
    plain = path.with_suffix("") if path.suffix.lower() in {".gz", ".zst"} else path
    return plain.suffix.lower()


def _read(engine: Any, kind: str | None, names: list[str]) -> tuple[ibis.Table, tuple[str, ...]]:
    """Read files of one format; text formats are taken as text, so that no value is guessed."""
    if kind in {"csv", "tsv"}:
        relation = engine.read_csv(
            names, all_varchar=True, header=True, delim="," if kind == "csv" else "\t",
            quote='"', escape='"', sample_size=1, union_by_name=len(names) > 1,
        )  # fmt: skip
        # Kept whole: a view would read and parse the text again for every reduction.
        return engine.create_table("source", relation), tuple(relation.columns)
    if kind == "jsonl":
        relation = engine.read_json(
            names, format="newline_delimited", sample_size=-1, union_by_name=len(names) > 1
        )
        return engine.create_table("source", relation), tuple(relation.columns)
    if kind == "parquet":
        relation = engine.read_parquet(names, union_by_name=len(names) > 1)
        return relation, tuple(relation.columns)
    tables = [_read_arrow(name) for name in names]
    arrow = pa.concat_tables(tables, promote_options="permissive")
    return _register(engine, arrow)


def _read_arrow(name: str) -> pa.Table:
    """Read an Arrow file, a Feather file or an Arrow stream."""
    try:
        return pyarrow.feather.read_table(name)
    except pa.ArrowInvalid:
        with pa.OSFile(name) as handle, pyarrow.ipc.open_stream(handle) as stream:
            return stream.read_all()


def _register(engine: Any, arrow: pa.Table) -> tuple[ibis.Table, tuple[str, ...]]:
    """Put an Arrow table into the engine under column names that cannot clash."""
    columns = tuple(arrow.column_names)
    unique = list(columns)
    if len(set(columns)) < len(columns):
        unique = [
            f"{name}#{number}" if columns.count(name) > 1 else name for number, name in enumerate(columns)
        ]
    # The engine refuses columns without a type; a column of nothing is a text column of nothing.
    fields = [
        pa.field(name, pa.string() if pa.types.is_null(field.type) else field.type)
        for name, field in zip(unique, arrow.schema, strict=True)
    ]
    return keep(engine, "source", arrow.rename_columns(unique).cast(pa.schema(fields))), columns


def keep(engine: Any, name: str, arrow: pa.Table) -> ibis.Table:
    """Show an Arrow table to the engine under a name; it is not copied."""
    # ibis 12's create_table(name, frame) sends broken SQL with current sqlglot, hence the engine's own register.
    engine.con.register(name, arrow)
    return engine.table(name)


def fresh(name: str) -> str:
    """Return a table name that the engine does not know yet."""
    return f"{name}_{uuid.uuid4().hex}"


def _open_frame(source: Any) -> Opened:
    """Open a frame or relation held in memory."""
    if isinstance(source, pa.Table):
        arrow = source
    else:
        try:
            frame = nw.from_native(source)
        except TypeError:
            kind = type(source).__name__
            raise InputError(
                "the source",
                [
                    Fault(
                        "type",
                        f"a {visible(kind)} is neither a path nor a table",
                        "Pass a path, a pandas, Polars or Arrow table, a DuckDB relation or an Ibis table",
                    )
                ],
            ) from None
        arrow = _to_arrow(frame)
    if not arrow.num_columns:
        raise InputError(
            "the table", [Fault("columns", "it has none", "Pass a table with one row per answer")]
        )
    engine = connect()
    relation, columns = _register(engine, arrow)
    return Opened(relation, engine, "the table", columns)


def _to_arrow(frame: Any) -> pa.Table:
    """Turn a Narwhals frame into Arrow; a pandas object column of mixed types becomes text."""
    if isinstance(frame, nw.LazyFrame):
        return frame.collect("pyarrow").to_native()
    try:
        return frame.to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        columns = {}
        for name in frame.columns:
            values = frame[name].to_list()
            try:
                columns[name] = pa.array(values, from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
                columns[name] = pa.array(
                    [None if v is None or v != v else str(v) for v in values], pa.string()
                )
        return pa.table(columns)
