"""Arguments of the wrong type or shape, told all at once and before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import cache, wraps
from inspect import signature
from types import UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.scores.key import Key
from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

P = ParamSpec("P")
R = TypeVar("R")

_NUMBER = (int, float, np.integer, np.floating)
_WORDS: Mapping[Any, tuple[str, str]] = {
    str: ("a text", "Put it in quotes"),
    bool: ("True or False", "Use True or False"),
    int: ("a whole number", "Use 3, say"),
    float: ("a finite number", "Use 0.5, say"),
    type(None): ("None", "Leave it out"),
    ResponseTable: ("a table of responses", "Read it with read_responses"),
    FeatureTable: ("a table of features", "Read it with read_features"),
    Key: ("a key", "Read it with read_key"),
}
_SEED = ("a whole number of at least 0", "Use 1, say")
MOST = 1_000_000
"""Counts beyond it (resamples, folds) are slips of the hand that no machine comes to the end of."""


def declared(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse arguments that are not of the type which the function declares.

    Parameters
    ----------
    function : callable
        A question: every argument annotated, as text or as types.

    Returns
    -------
    callable
        The same with the look at its arguments first. What it raises is one :class:`InputError` that names every
        argument of the wrong type or shape, what was given, what is meant and what to write. Which texts and numbers
        are allowed is for the function itself to say.
    """

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given = signature(function).bind(*args, **kwargs).arguments
        hints = _hints(function)
        faults = [
            _fault(name, value, hints[name]) for name, value in given.items() if not _fits(value, hints[name])
        ]
        faults += [
            Fault(name, f"{value} is more than {MOST}", "Use a smaller number")
            for name, value in given.items()
            if name != "seed"
            and _is(value, int)
            and int in (hints[name], *get_args(hints[name]))
            and value > MOST
        ]
        if faults:
            raise InputError("the call", faults)
        return function(*args, **kwargs)

    return checked


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Types of the arguments, read once."""
    return get_type_hints(function)


def _fault(name: str, value: object, kind: Any) -> Fault:
    """Say what was given and what is meant; a number that is one but for its value is not called by its type."""
    what, todo = _SEED if name == "seed" else _words(kind)
    shown = visible(value if isinstance(value, str) else repr(value))
    return Fault(name, f"'{shown}' is not {what}", todo)


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is of a type, down to the entries of lists and mappings."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return isinstance(value, str)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(name, parts[0]) and _fits(entry, parts[1]) for name, entry in value.items()
        )
    if origin is tuple:
        entries = _entries(value)
        return (
            entries is not None
            and len(entries) == len(parts)
            and all(_fits(entry, part) for entry, part in zip(entries, parts, strict=True))
        )
    if origin is not None:
        entries = _entries(value)
        return entries is not None and all(_fits(entry, parts[0]) for entry in entries)
    return _is(value, kind)


def _is(value: object, kind: Any) -> bool:
    """Whether a value is of a type without parts."""
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind in (int, float):
        if isinstance(value, bool | np.bool_) or not isinstance(value, _NUMBER):
            return False
        return isinstance(value, int | np.integer) if kind is int else math.isfinite(value)
    return kind is Any or not isinstance(kind, type) or isinstance(value, kind)


def _entries(value: object) -> tuple[object, ...] | None:
    """Entries of a list; None of a text, of a mapping and of what is no list."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
        return None
    if getattr(value, "ndim", 1) != 1:
        return None
    return tuple(value)


def _words(kind: Any) -> tuple[str, str]:
    """What a type is called in a sentence, and what to write."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        said = [_words(part) for part in parts if part is not type(None)]
        what = " or ".join(dict.fromkeys(what for what, _ in said))
        todo = "; ".join(dict.fromkeys(todo for _, todo in said))
        return what, f"{todo}, or leave it out" if type(None) in parts else todo
    if origin is Literal:
        return "a text", f"Use one of: {', '.join(repr(part) for part in parts)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a mapping of texts to {_several(parts[1])}", f'Use {{"name": {_example(parts[1])}}}, say'
    if origin is tuple:
        return f"a list of {len(parts)} {_several(parts[0])}", f"Use {_example(kind)}, say"
    if origin is not None:
        return f"a list of {_several(parts[0])}", f"Use [{_example(parts[0])}], say"
    return _WORDS.get(kind, (f"a {getattr(kind, '__name__', 'value')}", "See the documentation"))


def _several(kind: Any) -> str:
    """What several of a type are called."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_several(part) for part in parts))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mappings of texts to {_several(parts[1])}"
    if origin is tuple:
        return f"lists of {len(parts)} {_several(parts[0])}"
    if origin is not None and origin is not Literal:
        return f"lists of {_several(parts[0])}"
    return {int: "whole numbers", float: "finite numbers", Any: "values"}.get(kind, "texts")


def _example(kind: Any) -> str:
    """A value of a type, as it is written."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _example(parts[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f'{{"name": {_example(parts[1])}}}'
    if origin is tuple:
        return f"({', '.join(_example(part) for part in parts)})"
    if origin is not None and origin is not Literal:
        return f"[{_example(parts[0])}]"
    return {int: "2", float: "0.5", Any: "1"}.get(kind, '"name"')
