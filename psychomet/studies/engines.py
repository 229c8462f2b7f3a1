"""Settings of an engine as tables of a TOML file, or as NAME=VALUE pairs: turned into the values that questions take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from inspect import Parameter
from typing import Any

from psychomet.errors import Fault, InputError
from psychomet.table.read_features import read_features
from psychomet.text import visible


def engine_settings(given: Mapping[str, Any], declared: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return those options that are settings of an engine and were given as mappings, as their own type.

    Parameters
    ----------
    given : mapping
        Options of a question by name.
    declared : mapping
        What the question takes; a parameter whose default is a frozen value (``training``, ``sampling``, ``priors``) is
        a setting.

    Raises
    ------
    InputError
        Naming every entry that the settings do not have.
    """
    found: dict[str, Any] = {}
    faults = []
    for name, value in given.items():
        default = declared[name].default if name in declared else None
        known = entries_of(default)
        if not isinstance(value, Mapping) or not known:
            continue
        unknown = [entry for entry in value if entry not in known]
        todo = f"There are: {', '.join(known)}"
        faults += [Fault(name, f"it has no {visible(entry)!r}", todo) for entry in unknown]
        if not unknown:
            kind: Any = type(default)
            found[name] = kind(**value)
    if faults:
        raise InputError("the call", faults)
    return found


def features_given(value: Any) -> Any:
    """Return the table of features that an option names by two files; anything else as it is.

    Parameters
    ----------
    value : Any
        Of the option ``features``; a mapping must be ``{"table": file, "codebook": file}``.

    Raises
    ------
    InputError
        If the mapping has other entries, or the files cannot be read as features.
    """
    if not isinstance(value, Mapping):
        return value
    if set(value) != {"table", "codebook"}:
        what = f"it has the entries {', '.join(map(visible, value)) or 'none'}"
        raise InputError("the call", [Fault("features", what, "Give table and codebook, two files")])
    return read_features(value["table"], codebook=value["codebook"])


def entries_of(default: Any) -> tuple[str, ...]:
    """Return the names of the entries of a frozen value that is a default; none of anything else.

    Parameters
    ----------
    default : Any
        Default of a parameter.
    """
    if is_dataclass(default) and not isinstance(default, type):
        return tuple(field.name for field in fields(default))
    return tuple(default._fields) if isinstance(default, tuple) and hasattr(default, "_fields") else ()
