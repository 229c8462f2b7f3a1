"""Text files, line by line: their header, and what is wrong with one that the engine refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from psychomet.errors import Fault, InputError
from psychomet.table.source import engine_words, memory_fault
from psychomet.text import visible

DELIMITERS = {"csv": ",", "tsv": "\t"}
TEXT_KINDS = frozenset({*DELIMITERS, "jsonl"})
MAX_LINE = 2_000_000
"""The longest line of delimited text that the engine reads, in bytes."""

SHOWN = 3
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class FileFormat(NamedTuple):
    """How a file is read.

    Attributes
    ----------
    kind : str
        ``csv``, ``tsv``, ``jsonl``, ``parquet`` or ``arrow``; "" where the suffix names none.
    compression : str or None
        ``gzip`` or ``zstd`` around a text file.
    """

    kind: str
    compression: str | None

    @property
    def is_text(self) -> bool:
        """Whether the file is read line by line."""
        return self.kind in TEXT_KINDS


@contextmanager
def opened_bytes(file: str, form: FileFormat) -> Iterator[io.BufferedReader]:
    """Open a text file as bytes, past its compression."""
    with pa.input_stream(file, compression=form.compression) as stream, io.BufferedReader(stream) as lines:
        yield lines


def header(file: str, form: FileFormat) -> tuple[str, ...]:
    """Return the cells of the first line of a delimited text file.

    Raises
    ------
    UnicodeDecodeError, OSError, csv.Error
        If the line cannot be read or is empty.
    """
    with opened_bytes(file, form) as lines, io.TextIOWrapper(lines, "utf-8-sig", newline="") as text:
        cells = next(csv.reader(text, delimiter=DELIMITERS[form.kind]), [])
    if not any(cells):
        raise csv.Error("its first line is empty")
    # pandas writes the row numbers in a column without a name.
    return tuple(cell or f"unnamed {number}" for number, cell in enumerate(cells, 1))


def damage(subject: str, files: Mapping[str, FileFormat], error: Exception) -> InputError:
    """Turn what the engine says of files into clear faults, as many as the files have."""
    return InputError(subject, damage_faults(files, error))


def damage_faults(files: Mapping[str, FileFormat], error: Exception) -> list[Fault]:
    """Return every fault of text files, found line by line; else what the engine says."""
    said = engine_words(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return [memory_fault(error)]
    faults = [fault for file, form in files.items() if form.is_text for fault in _text_faults(file, form)]
    if faults:
        return faults
    where = visible(next(iter(files)), 200) if len(files) == 1 else "file"
    if isinstance(error, csv.Error):
        return [
            Fault(
                where, f"it has no header ({visible(said, 80)})", "Write the column names in the first line"
            )
        ]
    return [
        Fault(
            where,
            f"it cannot be read ({visible(said, 220)})",
            "The file is damaged, cut short or of another format than its name says: write it again",
        )
    ]


def _text_faults(file: str, form: FileFormat) -> list[Fault]:
    """Return what is wrong with a text file: its encoding, else its lines."""
    where = visible(file, 200)
    try:
        encoding = _encoding_fault(file, form)
        if encoding is not None:
            what, todo = encoding
            return [Fault(where, what, todo)]
        scan: Callable[[str, FileFormat], list[tuple[str, str]]]
        scan = _json_lines if form.kind == "jsonl" else _delimited_lines
        return [Fault(where, what, todo) for what, todo in scan(file, form)]
    except (OSError, pa.ArrowException):
        return []  # what the decompressor refused; the engine has said so


def _encoding_fault(file: str, form: FileFormat) -> tuple[str, str] | None:
    """Say whether and where a file is not UTF-8."""
    wrong: list[str] = []
    with opened_bytes(file, form) as lines:
        start = lines.peek(4)[:4]
        if start[:2] in _MARKS:
            return "it is UTF-16", "Save it again as UTF-8"
        if form.kind == "jsonl" and start[:3] == b"\xef\xbb\xbf":
            return "it starts with a byte order mark", "Save it again as UTF-8 without the mark"
        for number, line in enumerate(lines, 1):
            if number == 1 and b"\0" in line:
                return (
                    "its first line holds NUL bytes, as UTF-16 without a mark does",
                    "Save it again as UTF-8",
                )
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                wrong.append(f"line {number:,} (byte {line[error.start]:#x})")
    if not wrong:
        return None
    return f"it is not UTF-8: {_first(wrong)}", "Save it again as UTF-8"


def _delimited_lines(file: str, form: FileFormat) -> list[tuple[str, str]]:
    """Say what is wrong with the lines of a delimited file."""
    found: list[tuple[str, str]] = []
    long, ends = [], set()
    with opened_bytes(file, form) as lines:
        for number, line in enumerate(lines, 1):
            ends.add("\\r\\n" if line.endswith(b"\r\n") else "\\n")
            if len(line) > MAX_LINE:
                long.append(f"line {number:,} ({len(line):,} bytes)")
    if long:
        return [(f"lines longer than {MAX_LINE:,} bytes: {_first(long)}", _CUT)]
    with opened_bytes(file, form) as lines, io.TextIOWrapper(lines, "utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=DELIMITERS[form.kind], strict=True)
        ragged, width, start = [], 0, 1
        try:
            for row in rows:
                width = width or len(row)
                if row and len(row) != width:
                    ragged.append(f"line {start:,} ({len(row)})")
                start = rows.line_num + 1
        except csv.Error as error:
            if "field larger" in str(error):
                what = f"line {start:,}: a quotation mark is opened and not closed, or a cell is longer than {csv.field_size_limit():,} characters"
            else:
                what = f"line {start:,}: a quotation mark is not closed, or stands inside a quoted cell"
            found.append((what, 'Write a quotation mark inside a quoted cell twice ("")'))
    if ragged:
        what = f"lines with another number of cells than the header ({width}): {_first(ragged)}"
        found.append(
            (what, "Put cells that hold the delimiter in quotation marks; give every line all cells")
        )
    if not found and len(ends) > 1:
        found.append((f"its lines end in different ways ({', '.join(sorted(ends))})", "Save it again"))
    return found


_CUT = "Leave the long text out, or cut it, before reading"


def _json_lines(file: str, form: FileFormat) -> list[tuple[str, str]]:
    """Say what is wrong with the lines of a file of JSON objects."""
    wrong: dict[str, list[str]] = {}
    with opened_bytes(file, form) as lines:
        for number, line in enumerate(lines, 1):
            what = _json_fault(line) if line.strip() else None
            if what is not None:
                wrong.setdefault(what, []).append(f"line {number:,}")
    return [
        (f"{what}: {_first(places)}", "Write one JSON object on each line") for what, places in wrong.items()
    ]


def _json_fault(line: bytes) -> str | None:
    """Say what is wrong with one line of JSON."""
    try:
        value = json.loads(line, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False).encode()
    except _DoubledName:
        return "lines that name a field twice"
    except UnicodeEncodeError:
        return "lines with half of a surrogate pair"
    except (ValueError, RecursionError):
        return "lines that are not valid JSON"
    return None if isinstance(value, dict) else "lines that are not JSON objects"


class _DoubledName(Exception):
    """A JSON object names a field twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of pairs, each name once."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _DoubledName
    return made


def _first(places: list[str]) -> str:
    """Show the first places and count all."""
    more = len(places) - SHOWN
    return ", ".join(places[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
