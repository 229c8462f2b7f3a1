"""From results to files."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from psychomet.errors import Fault, InputError
from psychomet.result.result import VOCABULARY, Result
from psychomet.result.store.arrays import Shelf, describe, write_arrays
from psychomet.result.store.folder import whole_folder, write_files
from psychomet.result.store.layout import (
    ARRAYS_FILE,
    RESULT_FILE,
    SCHEMA,
    TEXT_COLUMNS,
    json_faults,
    number_cell,
)
from psychomet.text import csv_cell, visible

_QUESTION = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")


def save(
    results: Sequence[Result] | Result, folder: str | os.PathLike[str], *, summary_only: bool = False
) -> Path:
    """Write results into a folder: ``result.json``, one CSV per question, ``arrays.nc``.

    Parameters
    ----------
    results : sequence of Result, or Result
        What to keep; several results may answer the same question.
    folder : path
        Absent, empty, or made by psychomet before (then it is replaced).
    summary_only : bool
        Leave out the arrays, which are where values of single respondents and their ids stand, so
        that the folder can be published; a gate can then no longer pair a run with it.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If a result holds what cannot be stored (all faults are listed), or the folder cannot be
        written or holds other files. Nothing is left half-written.

    Notes
    -----
    Numbers keep every bit in ``result.json``; NaN is null there and an empty cell in a CSV file.
    Tuples in ``settings`` come back as lists. A text cell that a spreadsheet would run as a
    formula starts with an apostrophe in the CSV file and is untouched in ``result.json``.
    """
    with whole_folder(folder, marker=RESULT_FILE) as temporary:
        write_results(results, folder=temporary, summary_only=summary_only)
    return Path(folder)


def write_results(results: Sequence[Result] | Result, *, folder: Path, summary_only: bool = False) -> None:
    """Write the files of :func:`save` into an existing folder, as they are: for use in ``whole_folder``.

    Parameters
    ----------
    results, summary_only
        As in :func:`save`.
    folder : pathlib.Path
        Usually the one that :func:`psychomet.result.store.whole_folder` yields.

    Raises
    ------
    InputError
        As in :func:`save`.
    """
    kept = (results,) if isinstance(results, Result) else tuple(results)
    faults = [fault for result in kept for fault in _faults(result)]
    shelf = Shelf()
    described: list[list[dict[str, Any]]] = [[] for _ in kept]
    if not summary_only:
        described = [describe(result.arrays, question=result.question, shelf=shelf) for result in kept]
    if not kept:
        faults.append(Fault("results", "there is none", "Ask at least one question"))
    if faults or shelf.faults:
        raise InputError("results", [*faults, *shelf.faults])
    try:
        digest = None
        if shelf.variables:
            write_arrays(shelf, path=folder / ARRAYS_FILE)
            digest = hashlib.sha256((folder / ARRAYS_FILE).read_bytes()).hexdigest()
        document = _document(kept, described, labels=list(map(list, shelf.labels)), digest=digest)
        (folder / RESULT_FILE).write_bytes(document.encode("ascii"))
        for question in dict.fromkeys(result.question for result in kept):
            frame = _joined(result for result in kept if result.question == question)
            (folder / f"{question}.csv").write_bytes(csv_bytes(frame))
    except OSError as error:
        what = f"it cannot be written ({error.strerror or type(error).__name__})"
        raise InputError("the results", [Fault("disk", what, "Make room or give another folder")]) from None


def _faults(result: Result) -> Iterable[Fault]:
    """Yield what keeps a result from being stored as it is."""
    where = f"result '{visible(result.question)}'"
    if not _QUESTION.match(result.question):
        yield Fault(where, "the question is not a short lower-case name", "Use letters, digits and _")
    for name in result.estimates.columns:
        if name not in VOCABULARY:
            yield Fault(
                f"{where}, column '{visible(name)}'",
                "it is not in the glossary",
                "Build results with make_result",
            )
        elif name in TEXT_COLUMNS and not all(isinstance(cell, str) for cell in result.estimates[name]):
            yield Fault(
                f"{where}, column {name}",
                "it holds something else than text",
                "Build results with make_result",
            )
        elif name not in TEXT_COLUMNS and result.estimates[name].dtype != float:
            yield Fault(
                f"{where}, column {name}", "it is not a column of floats", "Build results with make_result"
            )
    if not isinstance(result.settings, dict):
        yield Fault(f"{where}, settings", "they are not a dict", "Pass a dict")
    yield from json_faults(dict(result.settings), f"{where}, settings")


def _document(
    results: Sequence[Result],
    described: list[list[dict[str, Any]]],
    *,
    labels: list[list[str]],
    digest: str | None,
) -> str:
    """Lay the JSON out so that a version-control system shows one changed estimate as one line."""
    head = {"psychomet": _version(), "schema": SCHEMA, "arrays_sha256": digest}
    lines = [f"{_dump(name)}: {_dump(value)}" for name, value in head.items()]
    entries = [_entry(result, arrays) for result, arrays in zip(results, described, strict=True)]
    lines.append('"results": [\n' + ",\n".join(entries) + "\n]")
    lines.append('"labels": [' + ",\n".join(map(_dump, labels)) + "]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _entry(result: Result, described: list[dict[str, Any]]) -> str:
    columns = list(result.estimates.columns)
    cells = [
        column.tolist() if name in TEXT_COLUMNS else [number_cell(value) for value in column.tolist()]
        for name, column in result.estimates.items()
    ]
    rows = list(zip(*cells, strict=True))
    notes = [{"code": note.code, "text": note.text, "level": note.level} for note in result.notes]
    lines = [
        f'"question": {_dump(result.question)}',
        f'"settings": {json.dumps(result.settings, indent=1, allow_nan=False)}',
        '"notes": [' + ",\n".join(map(_dump, notes)) + "]",
        f'"columns": {_dump(columns)}',
        '"rows": [\n' + ",\n".join(map(_dump, rows)) + "\n]",
        '"arrays": [' + ",\n".join(map(_dump, described)) + "]",
    ]
    return "{" + ",\n".join(lines) + "}"


def _dump(value: Any) -> str:
    # Pure ASCII: a right-to-left override or a lone surrogate is spelled out and comes back exactly.
    return json.dumps(value, allow_nan=False, ensure_ascii=True)


def _version() -> str:
    try:
        return importlib.metadata.version("psychomet")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _joined(results: Iterable[Result]) -> pd.DataFrame:
    """Return every estimate of one question in one frame, columns in the order of the glossary."""
    frames = [result.estimates for result in results]
    columns = [name for name in VOCABULARY if any(name in frame for frame in frames)]
    cells = {
        name: [
            cell
            for frame in frames
            for cell in (frame[name].tolist() if name in frame else [""] * len(frame))
        ]
        for name in columns
    }
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in cells.items()})


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a frame as one CSV file, whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its index is left out.
    path : path
        Where to; an older file of that name is replaced.

    Raises
    ------
    InputError
        If the file cannot be written.

    Notes
    -----
    RFC 4180, UTF-8: lines end in CR LF, a cell with a comma, quote or line break is quoted. Numbers
    keep every bit; a missing value is an empty cell. A text that a spreadsheet would run as a
    formula starts with an apostrophe; a lone surrogate, which UTF-8 cannot hold, is spelled out.
    """
    write_files({Path(path): csv_bytes(frame)})


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as :func:`write_csv` writes it."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([csv_cell(str(name)) for name in frame.columns])
    columns = [
        ["" if gone else csv_cell(cell) for cell, gone in zip(column.tolist(), column.isna(), strict=True)]
        for _, column in frame.items()
    ]
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue().encode("utf-8", "backslashreplace")
