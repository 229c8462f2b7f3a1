"""Options of a question: as text, NAME=VALUE, read by the type that its function declares, or as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

from psychomet.errors import Fault, InputError
from psychomet.studies.engines import entries_of
from psychomet.studies.questions import takes
from psychomet.text import visible

_TRUE, _FALSE = ("true", "yes"), ("false", "no")


def read_options(
    pairs: Sequence[tuple[str, str]], *, question: str, declared: Mapping[str, Parameter] | None = None
) -> dict[str, Any]:
    """Return the options that these texts stand for.

    Parameters
    ----------
    pairs : sequence of (name, value)
        As given; a list has commas between its values, numbers by name are ``item=5,prompt=2``.
    question : str
        The question that they are for.
    declared : mapping, optional
        What the question takes; default that of a question about answers.

    Raises
    ------
    InputError
        Naming every option that the question does not have, or whose value is not of its type.
    """
    own = takes(question) if declared is None else declared
    faults, found = [], {}
    for name, text in pairs:
        if name not in own:
            todo = f"It takes: {', '.join(own)}" if own else "It takes no options"
            faults.append(Fault("options", f"{question} has no option {visible(name)!r}", todo))
            continue
        kind = _kind(own[name])
        try:
            found[name] = _value(text, kind)
        except ValueError:
            faults.append(Fault(name, f"{visible(text)!r} is not {_WORDS[kind]}", _ADVICE[kind]))
    if faults:
        raise InputError("the call", faults)
    return found


def read_options_text(
    text: str, *, question: str, subject: str, declared: Mapping[str, Parameter] | None = None
) -> dict[str, Any]:
    """Return the options in a TOML text; for what NAME=VALUE cannot say, such as lists of lists.

    Parameters
    ----------
    text : str
        TOML; every name is an argument of the question's function.
    question : str
        The question that they are for.
    subject : str
        Where the text is from, for messages.
    declared : mapping, optional
        As in :func:`read_options`.

    Raises
    ------
    InputError
        If the text is not TOML, or names options that the question does not have.
    """
    own = takes(question) if declared is None else declared
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = Fault("TOML", visible(str(error), 200), "Write NAME = VALUE lines, texts in quotes")
        raise InputError(visible(subject), [fault]) from None
    todo = f"It takes: {', '.join(own)}" if own else "It takes no options"
    faults = [
        Fault("options", f"{question} has no option {visible(name)!r}", todo)
        for name in found
        if name not in own
    ]
    if faults:
        raise InputError(visible(subject), faults)
    return found


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "map": "a list of NAME=NUMBER",
    "texts": "a list of NAME=VALUE",
    "map_or_float": "a number or a list of NAME=NUMBER",
    "settings": "a list of NAME=VALUE",
}
_ADVICE = {
    "int": "Use 3, say",
    "float": "Use 0.8, say",
    "bool": "Use true or false",
    "map": "Use item=5,prompt=2, say",
    "texts": "Use persona=none, say",
    "map_or_float": "Use 2, or item=5,prompt=2",
    "settings": "Use draws=2000,chains=4, say; mappings go into a file for --options",
}


def _kind(parameter: Parameter) -> str:
    """Which of the kinds of value an argument takes, from its annotation."""
    if entries_of(parameter.default):
        return "settings"
    declared = str(parameter.annotation)
    if declared.startswith("Mapping[str, str]"):
        return "texts"
    for kind, start in (("map", "Mapping"), ("list", "Sequence"), ("bool", "bool"), ("int", "int")):
        if declared.startswith(start):
            return kind
    return ("map_or_float" if "Mapping" in declared else "float") if declared.startswith("float") else "text"


def _value(text: str, kind: str) -> Any:
    """Read one value; ValueError if it is not of the kind."""
    if kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind == "texts":
        return _pairs(text)
    if kind == "settings":
        return {name: _plain(entry) for name, entry in _pairs(text).items()}
    if kind in ("map", "map_or_float"):
        return _numbers(text) if kind == "map" or "=" in text else float(text)
    if kind == "bool":
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ValueError(text)
        return text.lower() in _TRUE
    return {"int": int, "float": float}.get(kind, str)(text)


def _numbers(text: str) -> dict[str, float | int]:
    pairs = {}
    for name, number in _pairs(text).items():
        value = float(number)
        pairs[name] = int(value) if value.is_integer() else value
    return pairs


def _plain(text: str) -> int | float | str:
    """A number where the text is one."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in text.split(","):
        name, sep, value = part.rpartition("=")
        if not sep or not name.strip():
            raise ValueError(part)
        pairs[name.strip()] = value.strip()
    return pairs
