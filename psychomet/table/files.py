"""Open files, a glob or a list of them: every file says its columns before a row is read.

Nothing about a text file is guessed. Its first line is the header, every cell is text, every line
has as many cells as the header; what does not fit is an error and never a line left out. Columns come
from the files and not from the names of folders.
"""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from psychomet.errors import Fault, InputError
from psychomet.table.source import Opened, Part, connect, fresh, keep, renamed, row_name, select
from psychomet.table.text_file import DELIMITERS, FileFormat, damage, damage_faults, header
from psychomet.text import visible

FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Compressions of text files; Parquet and Arrow files compress inside."""

_DAMAGE = (duckdb.Error, pa.ArrowException, OSError, UnicodeDecodeError, csv.Error)

Layout = tuple[Any, ...]
"""What files must share to be read as one: their columns, with types where the format has them."""


def open_files(paths: Sequence[str | os.PathLike[str]], subject: str) -> Opened:
    """Open files of one format.

    Parameters
    ----------
    paths : sequence of paths or globs
        What to open; a path that exists is never taken as a glob.
    subject : str
        What to call them in messages.

    Raises
    ------
    InputError
        If nothing matches, a file is a folder, empty, unreadable, of unknown format, damaged or not
        UTF-8, or the formats differ.
    """
    found, faults = _find(paths)
    forms: dict[str, FileFormat] = {}
    for path in found:
        form = _format(path)
        fault = _path_fault(path, form)
        if fault is None:
            forms[str(path)] = form
        else:
            faults.append(fault)
    kinds = {form.kind for form in forms.values()}
    if len(kinds) > 1:
        shown = ", ".join(sorted(kinds))
        faults.append(Fault(subject, f"the files are of several formats ({shown})", "Read one at a time"))
    groups: dict[tuple[Layout, FileFormat], list[str]] = {}
    for file, form in forms.items():
        try:
            groups.setdefault((_LAYOUT[form.kind](file, form), form), []).append(file)
        except _DAMAGE as error:
            faults += damage_faults({file: form}, error)
    if faults:
        raise InputError(subject, faults)

    def explain(error: Exception) -> InputError:
        return damage(subject, forms, error)

    engine = connect()
    try:
        parts = tuple(
            _PART[form.kind](engine, layout, form, tuple(group)) for (layout, form), group in groups.items()
        )
    except _DAMAGE as error:
        raise explain(error) from None
    is_text = any(form.is_text for form in forms.values())
    return Opened(parts, engine, subject, is_text, explain, partial(_place, parts))


def _place(parts: Sequence[Part], row: int) -> str:
    """Say in which row of which file row number ``row`` (from 0, over all parts) is."""
    files = [(part, file) for part in parts for file in part.files]
    if len(files) == 1:
        return row_name(row)
    for part, file in files:
        rows = part.count(file)
        if row < rows:
            return f"{row_name(row)} of {visible(os.path.basename(file), 60)}"
        row -= rows
    return row_name(row)


def _find(paths: Sequence[str | os.PathLike[str]]) -> tuple[list[Path], list[Fault]]:
    """Return the files that are meant, and a fault for every path that matches none or one seen before."""
    found: dict[str, Path] = {}
    faults = []
    for given in paths:
        path = os.fspath(given)
        matches: list[str] = []
        if "\0" not in path:
            matches = [path] if os.path.lexists(path) else sorted(glob.glob(path, recursive=True))
        if not matches:
            faults.append(Fault(visible(path, 200), "no such file, and no file matches", "Check the path"))
        for match in matches:
            real = os.path.realpath(match)
            if real in found:
                what = f"it is the same file as {visible(found[real], 200)}"
                faults.append(Fault(visible(match, 200), what, "Name each file once"))
            found.setdefault(real, Path(match))
    return list(found.values()), faults


def _format(path: Path) -> FileFormat:
    """Return the format that the suffixes name."""
    compression = COMPRESSIONS.get(path.suffix.lower())
    plain = path.with_suffix("") if compression else path
    form = FileFormat(FORMATS.get(plain.suffix.lower(), ""), compression)
    return form if form.is_text or not compression else FileFormat("", compression)


def _path_fault(path: Path, form: FileFormat) -> Fault | None:
    """Say why a path cannot be read as a file of a known format."""
    where = visible(path, 200)
    try:
        if path.is_dir():
            return Fault(where, "it is a folder", "Name a file, or a glob such as folder/*.parquet")
        if path.exists() and not path.is_file():
            return Fault(where, "it is not a regular file", "Write the answers to a file first")
        if not form.kind:
            suffix = visible("".join(path.suffixes[-2:] if form.compression else path.suffixes[-1:]), 40)
            return Fault(
                where,
                f"unknown file format {suffix or '(no suffix)'}",
                f"Known: {', '.join(sorted(FORMATS))}; text files also with {' or '.join(COMPRESSIONS)}",
            )
        with path.open("rb") as handle:
            if not handle.read(1):
                return Fault(where, "the file is empty", "Write it again")
    except OSError as error:
        return Fault(where, f"it cannot be opened ({error.strerror})", "Check the path and its permissions")
    return None


def _delimited_part(engine: Any, layout: Layout, form: FileFormat, files: Sequence[str]) -> Part:
    """Open delimited text of one header; the engine knows the columns by position only."""
    names = tuple(layout)

    def relation(group: Sequence[str]) -> ibis.Table:
        return engine.read_csv(
            _literal(group), columns={f"c{at}": "VARCHAR" for at in range(len(names))}, header=True,
            auto_detect=False, delim=DELIMITERS[form.kind], quote='"', escape='"', strict_mode=True,
            compression=form.compression or "none", hive_partitioning=False,
        )  # fmt: skip

    def take(wanted: Mapping[str, str]) -> ibis.Table:
        return renamed(relation(files), {f"c{names.index(name)}": to for name, to in wanted.items()})

    return Part(names, take, tuple(files), lambda file: int(relation([file]).count().execute()))


def _json_part(engine: Any, layout: Layout, form: FileFormat, files: Sequence[str]) -> Part:
    """Open JSON lines; values stay JSON, so that no text is taken for a date or a number."""

    def relation(group: Sequence[str]) -> ibis.Table:
        return engine.read_json(
            _literal(group), format="newline_delimited", sample_size=-1, union_by_name=len(group) > 1,
            maximum_depth=1, map_inference_threshold=-1, hive_partitioning=False,
            compression=form.compression or "none",
        )  # fmt: skip

    whole = relation(files)
    if whole.columns == ("json",):
        raise pa.ArrowInvalid("no line holds an object with named fields")
    return Part(
        tuple(whole.columns),
        lambda wanted: renamed(whole, wanted),
        tuple(files),
        lambda file: int(relation([file]).count().execute()),
    )


def _parquet_layout(file: str, form: FileFormat) -> Layout:
    """Return names and types of the columns of a Parquet file."""
    return tuple((field.name, str(field.type)) for field in pyarrow.parquet.read_schema(file))


def _parquet_part(engine: Any, layout: Layout, form: FileFormat, files: Sequence[str]) -> Part:
    """Open Parquet of one schema; the engine may have changed a name, so columns go by position."""
    relation = engine.read_parquet(_literal(files), hive_partitioning=False)
    names, there = tuple(name for name, _ in layout), relation.columns

    def take(wanted: Mapping[str, str]) -> ibis.Table:
        return renamed(relation, {there[names.index(name)]: to for name, to in wanted.items()})

    return Part(names, take, tuple(files), lambda file: int(pyarrow.parquet.read_metadata(file).num_rows))


def _arrow_layout(file: str, form: FileFormat) -> Layout:
    """Return names and types of the columns of an Arrow file or stream."""
    with _arrow_reader(file, ()) as reader:
        return tuple((field.name, str(field.type)) for field in reader.schema)


def _arrow_part(engine: Any, layout: Layout, form: FileFormat, files: Sequence[str]) -> Part:
    """Open Arrow files (also called Feather, version 2) or streams of one schema."""
    names = tuple(name for name, _ in layout)

    def read(file: str, wanted: Mapping[str, str]) -> pa.Table:
        with _arrow_reader(file, tuple(names.index(name) for name in wanted)) as reader:
            arrow = reader.read_all()
        # A damaged file may hold offsets that point outside it; the engine would follow them.
        arrow.validate(full=True)
        return select(arrow, wanted)

    def take(wanted: Mapping[str, str]) -> ibis.Table:
        return keep(engine, fresh("source"), pa.concat_tables([read(file, wanted) for file in files]))

    return Part(names, take, tuple(files), lambda file: int(read(file, {names[0]: "first"}).num_rows))


@contextmanager
def _arrow_reader(file: str, columns: Sequence[int]) -> Iterator[Any]:
    """Open an Arrow file or stream to read some columns, by position; all when none is named."""
    options = pa.ipc.IpcReadOptions(included_fields=list(columns))
    with pa.memory_map(file) as handle:
        magic = handle.read(6)
        handle.seek(0)
        if magic[:4] == b"FEA1":
            raise pa.ArrowInvalid("it is Feather version 1, which came before Arrow files; write version 2")
        opener = pa.ipc.open_file if magic == b"ARROW1" else pa.ipc.open_stream
        with opener(handle, options=options) as reader:
            yield reader


def _literal(files: Sequence[str]) -> list[str]:
    """Return the names so that the engine takes none for a glob."""
    return [glob.escape(file) for file in files]


_LAYOUT: Mapping[str, Callable[[str, FileFormat], Layout]] = {
    "csv": header, "tsv": header, "jsonl": lambda file, form: (),
    "parquet": _parquet_layout, "arrow": _arrow_layout,
}  # fmt: skip

_PART: Mapping[str, Callable[[Any, Layout, FileFormat, Sequence[str]], Part]] = {
    "csv": _delimited_part, "tsv": _delimited_part, "jsonl": _json_part,
    "parquet": _parquet_part, "arrow": _arrow_part,
}  # fmt: skip
