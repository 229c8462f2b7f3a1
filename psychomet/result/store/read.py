"""From files to results; what is damaged is refused, never guessed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.result.result import VOCABULARY, Result, make_result
from psychomet.result.store.arrays import read_variables, restore
from psychomet.result.store.layout import (
    ARRAYS_FILE,
    INFINITIES,
    RESULT_FILE,
    SCHEMA,
    TEXT_COLUMNS,
)
from psychomet.text import visible

_AGAIN = "Restore the folder from its source, or make it again"
_PICKLES = (".pkl", ".pickle", ".joblib", ".dill")
# What a damaged file makes NumPy, SciPy, xarray or our own look-ups raise.
_DAMAGE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError)


def load(folder: str | os.PathLike[str]) -> tuple[Result, ...]:
    """Read the results of a folder that :func:`psychomet.result.store.save` wrote.

    Parameters
    ----------
    folder : path
        The folder, or the ``result.json`` in it.

    Returns
    -------
    tuple of Result
        Equal to what was saved: estimates to the last bit, settings, notes and arrays (none where
        the folder was saved with ``summary_only``).

    Raises
    ------
    InputError
        If there is no stored result, its layout is of an unknown version, or a file is damaged or
        missing. A pickle is refused: reading one runs whatever code it names.
    """
    subject = f"stored result {visible(folder, 200)}"
    path = _result_file(folder, subject)
    document = _parse(path, subject)
    schema = document.get("schema")
    if isinstance(schema, bool) or schema != SCHEMA:
        what = f"its layout has version {visible(schema)}, this psychomet reads {SCHEMA}"
        _refuse(subject, "schema", what, "Use the psychomet that wrote it, or make the result again")
    entries, labels = _objects(document.get("results")), _label_lists(document.get("labels"))
    if not entries or labels is None:
        _refuse(subject, path.name, "it has no list of results or of labels", _AGAIN)
    variables = _variables(path.with_name(ARRAYS_FILE), document.get("arrays_sha256"), subject)
    faults: list[Fault] = []
    results = [_result(entry, number, variables, labels, faults) for number, entry in enumerate(entries, 1)]
    if faults:
        raise InputError(subject, faults)
    return tuple(result for result in results if result is not None)


def _refuse(subject: str, where: str, what: str, todo: str) -> NoReturn:
    raise InputError(subject, [Fault(where, what, todo)]) from None


def _result_file(folder: str | os.PathLike[str], subject: str) -> Path:
    path = Path(folder)
    try:
        if path.suffix.lower() in _PICKLES:
            _refuse(
                subject,
                "path",
                "it is a pickle, and reading one runs the code in it",
                "Save results with psychomet",
            )
        if path.is_dir():
            path = path / RESULT_FILE
        if not path.is_file():
            _refuse(subject, "path", f"there is no {RESULT_FILE}", "Give a folder that psychomet wrote")
    except (OSError, ValueError) as error:
        _refuse(subject, "path", f"it cannot be read ({visible(error, 100)})", "Check the path")
    return path


def _parse(path: Path, subject: str) -> dict[str, Any]:
    """Return the JSON object of a file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        _refuse(subject, path.name, f"it cannot be read ({error.strerror})", "Check its permissions")
    # Protocol 2 and later start with this byte, which no UTF-8 text does.
    if content.startswith(b"\x80"):
        _refuse(
            subject,
            path.name,
            "it is a pickle, and reading one runs the code in it",
            "Save results with psychomet",
        )
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(subject, path.name, f"it is damaged: {visible(error, 200)}", _AGAIN)
    if not isinstance(document, dict) or not isinstance(document.get("psychomet"), str):
        _refuse(subject, path.name, "it was not written by psychomet", "Give a folder that psychomet wrote")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return a list of objects, or an empty one where the value is anything else."""
    return value if isinstance(value, list) and all(isinstance(part, dict) for part in value) else []


def _label_lists(value: Any) -> list[list[str]] | None:
    """Return a list of lists of text, or None where the value is anything else."""
    if isinstance(value, list) and all(isinstance(part, list) for part in value):
        return value if all(isinstance(label, str) for part in value for label in part) else None
    return None


def _variables(path: Path, digest: Any, subject: str) -> Mapping[str, np.ndarray]:
    """Read the NetCDF file, once it is known to be the one that was written."""
    if digest is None:
        return {}
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        todo = "Restore it; a result without arrays is saved with summary_only=True"
        _refuse(subject, path.name, "the file is missing", todo)
    except OSError as error:
        _refuse(subject, path.name, f"it cannot be read ({error.strerror})", "Check its permissions")
    if hashlib.sha256(content).hexdigest() != digest:
        _refuse(subject, path.name, f"it is not the file that {RESULT_FILE} names (SHA-256 differs)", _AGAIN)
    try:
        return read_variables(path)
    except _DAMAGE as error:
        _refuse(subject, path.name, f"it is damaged: {visible(error, 200)}", _AGAIN)


def _result(
    entry: Mapping[str, Any],
    number: int,
    variables: Mapping[str, np.ndarray],
    labels: list[list[str]],
    faults: list[Fault],
) -> Result | None:
    """Read one result; append its faults and return None when it has any."""
    where = f"result {number}"
    question, settings = entry.get("question"), entry.get("settings")
    if not isinstance(question, str) or not isinstance(settings, dict):
        faults.append(Fault(where, "it has no question or no settings", _AGAIN))
        return None
    before = len(faults)
    where = f"{where} ({visible(question)})"
    frame = _frame(entry.get("columns"), entry.get("rows"), where, faults)
    notes = _notes(entry.get("notes"), where, faults)
    arrays = {}
    arrays_there = entry.get("arrays")
    for described in arrays_there if isinstance(arrays_there, list) else [{}]:
        try:
            arrays[str(described["name"])] = restore(described, variables=variables, labels=labels)
        except _DAMAGE as error:
            faults.append(Fault(f"{where}, arrays", f"one is damaged: {visible(error, 200)}", _AGAIN))
    if frame is None or len(faults) > before:
        return None
    try:
        return make_result(question, frame, arrays=arrays, settings=settings, notes=notes)
    except InputError as error:
        faults.extend(error.faults)
        return None


def _frame(columns: Any, rows: Any, where: str, faults: list[Fault]) -> pd.DataFrame | None:
    """Rebuild the estimates, cell by cell of the right type."""
    if (
        not isinstance(columns, list)
        or not isinstance(rows, list)
        or len(set(map(str, columns))) < len(columns)
    ):
        faults.append(Fault(where, "it has no columns or no rows, or a column twice", _AGAIN))
        return None
    if any(not isinstance(name, str) or name not in VOCABULARY for name in columns):
        faults.append(Fault(where, "a column is not in the glossary", _AGAIN))
        return None
    bad = [
        position
        for position, row in enumerate(rows, 1)
        if not isinstance(row, list) or len(row) != len(columns)
    ]
    if bad:
        faults.append(Fault(where, f"row {bad[0]} has not {len(columns)} cells", _AGAIN))
        return None
    series: dict[str, pd.Series] = {}
    for position, name in enumerate(columns):
        cells = [row[position] for row in rows]
        values = cells if name in TEXT_COLUMNS else list(map(_number, cells))
        wrong = [
            row
            for row, value in enumerate(values, 1)
            if not isinstance(value, str if name in TEXT_COLUMNS else float)
        ]
        if wrong:
            faults.append(Fault(where, f"{name} in row {wrong[0]} is {visible(cells[wrong[0] - 1])}", _AGAIN))
        else:
            series[name] = pd.Series(values, dtype=object if name in TEXT_COLUMNS else float)
    return pd.DataFrame(series)


def _number(cell: Any) -> float | None:
    """Return the float that a cell stands for; None where it stands for none."""
    if cell is None:
        return float("nan")
    if isinstance(cell, str):
        return INFINITIES.get(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    try:
        return float(cell)
    except OverflowError:
        return None


def _notes(entries: Any, where: str, faults: list[Fault]) -> tuple[Note, ...]:
    notes = []
    for entry in entries if isinstance(entries, list) else [None]:
        fields = entry if isinstance(entry, dict) else {}
        if set(fields) != {"code", "text", "level"} or not all(
            isinstance(part, str) for part in fields.values()
        ):
            faults.append(Fault(f"{where}, notes", "one is damaged", _AGAIN))
        elif fields["level"] not in ("info", "caution", "problem"):
            faults.append(
                Fault(f"{where}, notes", f"the level {visible(fields['level'])} is unknown", _AGAIN)
            )
        else:
            notes.append(Note(**fields))
    return tuple(notes)
