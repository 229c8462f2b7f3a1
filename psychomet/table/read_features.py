"""Read features of respondents: loose at the edge, strict inside. Every fault of a source is told at once."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb
import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.table.codebook import Codebook, Feature, level_text, read_codebook
from psychomet.table.features import FeatureTable
from psychomet.table.files import open_files
from psychomet.table.source import Opened, Source, open_frame
from psychomet.text import is_control, visible

Floats = NDArray[np.float64]
MAX_LEVELS = 1000
MOST_ROWS = 3
"""Rows named in a message."""
_WHOLE = re.compile(r"[+-]?[0-9]+\.0+")
_NOTHING = frozenset({"", "nan", "na", "n/a", "null", "none"})
"""Text that stands for nothing in a column of numbers, whatever its case."""


def read_features(
    source: Source, *, codebook: Codebook | str | os.PathLike[str] | Mapping[str, Any]
) -> FeatureTable:
    """Read a table with one row per respondent and one or more columns per feature, and check all of it.

    Parameters
    ----------
    source : path, glob, frame, relation
        As in :func:`psychomet.read_responses`.
    codebook : Codebook, path or mapping
        What the features are (:func:`psychomet.read_codebook`); columns that it does not name are not read.

    Returns
    -------
    FeatureTable

    Raises
    ------
    InputError
        Naming every fault: missing or doubled columns, doubled or empty respondents, text where a number
        belongs, levels that the codebook does not have, vectors of different lengths, features that do
        not vary or that nobody has.

    Notes
    -----
    An empty cell, NaN, null or a code listed as ``missing`` is a missing value; a vector is missing when all
    its cells are, and a fault when only some are. Circular values are taken modulo the period when they are
    compared, not here.
    """
    book = read_codebook(codebook)
    opened = _open(source)
    there = [name for part in opened.parts for name in part.columns]
    if len(opened.parts) > 1:
        fault = Fault("columns", "the files do not have the same columns", "Read files of one layout")
        raise InputError(opened.subject, [fault])
    columns, faults = _columns(book, there)
    if faults:
        raise InputError(opened.subject, faults)
    wanted = dict.fromkeys([book.respondent, *([book.cluster] if book.cluster else [])])
    wanted |= dict.fromkeys(name for names in columns.values() for name in names)
    try:
        arrow = _arrow(opened.parts[0].take({name: name for name in wanted}))
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise opened.explain(error) from None
    return _table(arrow, book, columns, opened.subject)


def from_arrays(
    arrays: Mapping[str, Mapping[str, Any] | Any],
    *,
    respondents: Sequence[str] | None = None,
    name: str = "arrays",
) -> FeatureTable:
    """Make a feature table of arrays.

    Parameters
    ----------
    arrays : mapping
        Modality -> array, or modality -> measurement -> array; an array of shape (n,) is a number, one of
        shape (n, d) a vector. A row of NaN is missing.
    respondents : sequence of str, optional
        Ids; default the row numbers from 1.
    name : str
        What to call the table.

    Returns
    -------
    FeatureTable
        Features are named "modality" or "modality measurement".

    Raises
    ------
    InputError
        If there is nothing, lengths differ, or an array is not numeric.
    """
    faults: list[Fault] = []
    features, values = [], {}
    for modality, looks in arrays.items():
        several = looks if isinstance(looks, Mapping) else {"": looks}
        for measurement, given in several.items():
            label = f"{modality} {measurement}".strip()
            made = _numeric(given)
            if made is None or made.ndim not in (1, 2) or 0 in made.shape:
                what = "it is not an array of numbers with one or two dimensions and rows in it"
                faults.append(Fault(visible(label), what, "Pass shape (n,) or (n, d)"))
                continue
            features.append(
                Feature(label, "number" if made.ndim == 1 else "vector", str(modality), str(measurement))
            )
            values[label] = made
    sizes = {label: made.shape[0] for label, made in values.items()}
    n = max(sizes.values(), default=0) if respondents is None else len(respondents)
    odd = [label for label, size in sizes.items() if size != n]
    if odd:
        shown = ", ".join(f"{visible(label, 40)} ({sizes[label]})" for label in odd[:5])
        faults.append(Fault("arrays", f"not of {n} rows: {shown}", "Give every array one row per respondent"))
    if not values and not faults:
        faults.append(Fault("arrays", "there is none", "Pass modality -> array"))
    if faults:
        raise InputError("the arrays", faults)
    ids = np.array(
        [str(i + 1) for i in range(n)] if respondents is None else [str(r) for r in respondents], object
    )
    book = Codebook(tuple(features), name=name)
    faults = [*_id_faults(ids), *(fault for f in features for fault in _value_faults(f, values[f.name]))]
    if faults:
        raise InputError("the arrays", faults)
    return FeatureTable(ids, book, values, None, "the arrays")


def _numeric(given: Any) -> Floats | None:
    try:
        return np.array(given, dtype=float)
    except (TypeError, ValueError):
        return None


def _open(source: Source) -> Opened:
    if isinstance(source, str | os.PathLike):
        return open_files([source], visible(os.fspath(source), 200))
    return open_frame(source)


def _arrow(relation: ibis.Table) -> pa.Table:
    """Load a relation; JSON cells become what they say, so that a text has no quotes."""
    arrow = relation.to_pyarrow()
    for at, (name, kind) in enumerate(relation.schema().items()):
        if kind.is_json():
            cells = [None if cell is None else json.loads(cell) for cell in arrow[name].to_pylist()]
            lists = any(isinstance(cell, list) for cell in cells)
            plain = cells if lists else [None if cell is None else level_text(cell) for cell in cells]
            arrow = arrow.set_column(at, name, pa.chunked_array([pa.array(plain)]))
    return arrow


def _columns(book: Codebook, there: Sequence[str]) -> tuple[dict[str, list[str]], list[Fault]]:
    """Feature -> columns of the source; and what is wrong with them."""
    counts = Counter(there)
    faults: list[Fault] = []
    out: dict[str, list[str]] = {}
    for name in (book.respondent, book.cluster):
        if name and name not in counts:
            shown = ", ".join(visible(column, 40) for column in list(counts)[:20])
            faults.append(
                Fault("columns", f"there is no column '{visible(name)}'", f"The columns are: {shown}")
            )
    for feature in book.features:
        names: list[str] = []
        for wanted in feature.columns or (feature.name,):
            found = [c for c in counts if c.startswith(wanted[:-1])] if wanted.endswith("*") else [wanted]
            if not found or found[0] not in counts:
                what = f"there is no column '{visible(wanted)}'"
                faults.append(
                    Fault(f"feature '{visible(feature.name)}'", what, "Mend the codebook, or the table")
                )
            names += [name for name in found if name in counts]
        out[feature.name] = list(dict.fromkeys(names))
    used = {name for names in out.values() for name in names} | {book.respondent, book.cluster}
    for name in sorted(name for name in used if counts[name] > 1):
        faults.append(
            Fault("columns", f"'{visible(name)}' is there {counts[name]} times", "Rename one of them")
        )
    return out, faults


def _table(arrow: pa.Table, book: Codebook, columns: Mapping[str, list[str]], subject: str) -> FeatureTable:
    """Convert and check every column."""
    ids = _texts(arrow[book.respondent])
    faults = list(_id_faults(ids))
    values: dict[str, NDArray[Any]] = {}
    features: list[Feature] = []
    notes: list[Note] = []
    for feature in book.features:
        made = _read_feature(feature, [arrow[name] for name in columns[feature.name]])
        values[feature.name] = made.values
        features.append(made.feature)
        faults += made.faults or list(_value_faults(made.feature, made.values))
    cluster = None
    if book.cluster:
        labels = _texts(arrow[book.cluster])
        holes = [row for row, label in enumerate(labels) if not label]
        if holes:
            what = f"{len(holes)} respondents have no cluster ({_rows(holes)})"
            faults.append(Fault(visible(book.cluster), what, "Give each respondent one, its own if need be"))
        cluster = np.unique(labels.astype(str), return_inverse=True)[1].astype(np.int64)
    if faults:
        raise InputError(subject, faults)
    gaps = {f.name: int(_missing(values[f.name]).sum()) for f in features}
    if any(gaps.values()):
        worst = sorted((name for name in gaps if gaps[name]), key=lambda name: -gaps[name])[:5]
        shown = ", ".join(f"{visible(name, 40)} ({gaps[name]})" for name in worst)
        notes.append(Note("missing_features", f"Values are missing, most in: {shown}.", "info"))
    made_book = dataclasses.replace(book, features=tuple(features))
    return FeatureTable(ids, made_book, values, cluster, subject, tuple(notes))


class _Read(NamedTuple):
    feature: Feature
    values: NDArray[Any]
    faults: list[Fault]


def _read_feature(feature: Feature, columns: Sequence[pa.ChunkedArray]) -> _Read:
    """Turn the columns of a feature into its values."""
    if feature.kind == "vector":
        return _read_vector(feature, columns)
    if feature.kind in ("ordinal", "nominal"):
        return _read_levels(feature, _texts(columns[0]))
    values, strange = _numbers(columns[0], frozenset(feature.missing))
    return _Read(feature, values, _strange(feature, strange))


def _read_levels(feature: Feature, texts: NDArray[Any]) -> _Read:
    """Code texts by their level; ordinal levels that nobody named are in the order of their numbers."""
    plain = np.array([_whole(text) for text in texts], dtype=object)
    plain[np.isin(plain, list(feature.missing))] = ""
    there = sorted({text for text in plain if text})
    levels, faults = feature.levels, []
    if not levels and feature.kind == "ordinal":
        try:
            levels = tuple(sorted(there, key=float))
        except ValueError:
            what = f"its levels are texts ('{visible(there[0])}') and their order is not known"
            faults = [Fault(_where(feature), what, "Write levels = [...] from the lowest to the highest")]
    elif not levels:
        levels = tuple(there)
    if len(there) > MAX_LEVELS:
        what = f"it has {len(there)} levels, more than {MAX_LEVELS}"
        faults.append(Fault(_where(feature), what, "Take it as a number, or leave it out"))
    number = {level: at for at, level in enumerate(levels)}
    values = np.array([number.get(text, -1) for text in plain], dtype=np.int64)
    strange = [row for row, text in enumerate(plain) if text and text not in number]
    if strange and not faults:
        shown = ", ".join(dict.fromkeys(f"'{visible(plain[row], 40)}'" for row in strange[:50]))
        what = f"{len(strange)} values are no level ({shown[:200]}; {_rows(strange)})"
        faults.append(Fault(_where(feature), what, "Add them to levels, or to missing"))
    return _Read(dataclasses.replace(feature, levels=levels), values, faults)


def _read_vector(feature: Feature, columns: Sequence[pa.ChunkedArray]) -> _Read:
    """Stack the coordinates, from a column of lists or from one column each."""
    if len(columns) == 1 and _is_list(columns[0].type):
        rows = columns[0].to_pylist()
        lengths = Counter(len(row) for row in rows if row is not None)
        if len(lengths) > 1:
            what = f"its vectors have {len(lengths)} lengths ({', '.join(map(str, sorted(lengths)[:5]))})"
            fault = Fault(_where(feature), what, "Write vectors of one length")
            return _Read(feature, np.full((len(rows), 1), np.nan), [fault])
        width = next(iter(lengths), 1)
        try:
            values = np.array([[np.nan] * width if row is None else row for row in rows], dtype=float)
        except (TypeError, ValueError):
            fault = Fault(_where(feature), "its vectors hold what is not a number", "Write numbers")
            return _Read(feature, np.full((len(rows), 1), np.nan), [fault])
        return _Read(feature, values.reshape(len(rows), width), [])
    read = [_numbers(column, frozenset()) for column in columns]
    strange = sorted({row for _, rows in read for row in rows})
    return _Read(feature, np.column_stack([values for values, _ in read]), _strange(feature, strange))


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _numbers(column: pa.ChunkedArray, missing: frozenset[str]) -> tuple[Floats, list[int]]:
    """Return a column as numbers, and the rows that hold something else."""
    kind = column.type
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    ):
        values = (
            column.cast(pa.float64() if not pa.types.is_boolean(kind) else pa.int8()).to_numpy().astype(float)
        )
        if missing:
            values[np.isin(np.array([level_text(float(v)) for v in values]), list(missing))] = np.nan
        return values, []
    out, strange = np.full(len(column), np.nan), []
    for row, text in enumerate(_texts(column)):
        if text.lower() in _NOTHING or text in missing or _whole(text) in missing:
            continue
        try:
            out[row] = float(text)
        except ValueError:
            strange.append(row)
    return out, strange


def _texts(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column as texts; nothing is the empty text."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64()).to_pylist()
        return np.array(["" if v is None or v != v else level_text(v) for v in values], dtype=object)
    return np.array(
        ["" if value is None else str(value).strip() for value in column.to_pylist()], dtype=object
    )


def _whole(text: str) -> str:
    """Return "3" for "3.0"; other texts as they are: "007" and "7" are two levels, and so are "1e1" and "10"."""
    if text.lower() == "nan":
        return ""
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "i":
        return np.asarray(values < 0)
    holes = np.isnan(values)
    return np.asarray(holes.any(axis=1) if holes.ndim == 2 else holes)


def _id_faults(ids: NDArray[Any]) -> Iterator[Fault]:
    if ids.size < 2:
        yield Fault("respondents", f"there is {ids.size}", "Features need two respondents at the least")
    empty = [row for row, text in enumerate(ids) if not text]
    if empty:
        yield Fault("respondents", f"{len(empty)} have no id ({_rows(empty)})", "Give each an id")
    if any(any(map(is_control, str(text))) for text in ids):
        yield Fault("respondents", "an id holds control or invisible characters", "Use printable ids")
    doubled = [text for text, count in Counter(ids.tolist()).items() if count > 1 and text]
    if doubled:
        shown = ", ".join(f"'{visible(text, 40)}'" for text in doubled[:MOST_ROWS])
        todo = "Write one row per respondent; several looks at one modality are columns of their own"
        yield Fault("respondents", f"{len(doubled)} have several rows ({shown})", todo)


def _value_faults(feature: Feature, values: NDArray[Any]) -> Iterator[Fault]:
    """What is wrong with the values of a feature whose cells could be read."""
    gone = _missing(values)
    if gone.all():
        yield Fault(_where(feature), "nobody has a value", "Leave it out")
        return
    if values.dtype.kind == "f" and np.isinf(values).any():
        rows = np.flatnonzero(np.isinf(values).reshape(len(values), -1).any(axis=1)).tolist()
        yield Fault(_where(feature), f"{len(rows)} values are infinite ({_rows(rows)})", "Make them missing")
        return
    if values.ndim == 2:
        part = np.isnan(values).any(axis=1) & ~np.isnan(values).all(axis=1)
        if part.any():
            rows = np.flatnonzero(part).tolist()
            what = f"{len(rows)} vectors lack some coordinates ({_rows(rows)})"
            yield Fault(_where(feature), what, "Fill them, or empty the whole vector")
    first = values[~gone][0]
    if bool((values[~gone] == first).all()):
        yield Fault(_where(feature), "everybody has the same value", "Leave it out: it can go with nothing")


def _strange(feature: Feature, rows: list[int]) -> list[Fault]:
    if not rows:
        return []
    return [Fault(_where(feature), f"{len(rows)} values are no numbers ({_rows(rows)})", "Mend them, or list them under missing")]  # fmt: skip


def _where(feature: Feature) -> str:
    return f"feature '{visible(feature.name)}'"


def _rows(rows: Sequence[int]) -> str:
    """Name the first rows, from 1."""
    shown = ", ".join(str(row + 1) for row in rows[:MOST_ROWS])
    return f"row{'s' if len(rows) > 1 else ''} {shown}{' ...' if len(rows) > MOST_ROWS else ''}"
