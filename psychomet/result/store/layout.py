"""The layout of a stored result: what writer and reader must agree on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from psychomet.errors import Fault
from psychomet.result.result import IDENTITY_COLUMNS
from psychomet.text import visible

SCHEMA = 1
"""Version of the layout; a reader refuses one that it does not know."""

RESULT_FILE = "result.json"
ARRAYS_FILE = "arrays.nc"

TEXT_COLUMNS = frozenset((*IDENTITY_COLUMNS, "reason"))
"""Columns of text; every other column of the vocabulary holds numbers."""

# JSON has no infinities; these stand for them in a column of numbers. NaN is null.
INFINITIES = {"Infinity": math.inf, "-Infinity": -math.inf}

NUMBER_TYPES = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
    | {"float16", "float32", "float64"}
)
"""Types of array that can be stored; text is stored beside them in ``result.json``."""


def number_cell(value: float) -> float | str | None:
    """Return a number as JSON can carry it: NaN as null, infinity as a word."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def json_faults(value: Any, where: str) -> Iterator[Fault]:
    """Yield what JSON would refuse or change in a value; a tuple passes and becomes a list."""
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            yield Fault(where, f"{value} is no JSON number", "Leave it out, or write it as text")
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from json_faults(part, f"{where}[{number}]")
    elif isinstance(value, dict):
        for name, part in value.items():
            if not isinstance(name, str):
                yield Fault(where, f"the name {visible(repr(name))} is not text", "Use text as names")
            else:
                yield from json_faults(part, f"{where}.{visible(name)}")
    else:
        yield Fault(where, f"a {type(value).__name__} is no JSON value", "Use text, numbers, lists or dicts")
