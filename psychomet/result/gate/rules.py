"""Rules as they are written in ``gate.toml``, checked all at once.

::

    [[rule]]
    name = "reliable enough"
    estimand = "alpha"
    method = "feldt"
    minimum = 0.70
    tolerance = 0.02

    [[rule]]
    name = "no loss of reliability"
    on = "difference"
    estimand = "alpha"
    method = "feldt"
    max_drop = 0.05
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, get_args

from psychomet.errors import Fault, InputError
from psychomet.text import visible

On = Literal["estimate", "interval", "difference"]

SELECTORS: tuple[str, ...] = (
    "question", "estimand", "term", "other", "facet", "level", "group", "method",
)  # fmt: skip
_BOUNDS: dict[str, tuple[str, ...]] = {
    "estimate": ("minimum", "maximum"),
    "interval": ("minimum", "maximum", "max_width"),
    "difference": ("max_drop", "max_rise", "max_change"),
}
_SETTINGS: dict[str, tuple[str, ...]] = {
    "estimate": (),
    "interval": ("tolerance",),
    "difference": ("conf_level",),
}
_NUMBERS = (
    "minimum",
    "maximum",
    "max_width",
    "max_drop",
    "max_rise",
    "max_change",
    "tolerance",
    "conf_level",
)
_GREATEST = 1e300
CONF_LEVEL = 0.90
"""Two-sided level of the interval of a difference: 5 % on each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One demand on the estimates that it selects.

    Parameters
    ----------
    name : str
        Its name in the verdict.
    estimand : str
        Which estimand; exact text or a shell-style pattern (``*``, ``?``, ``[seq]``).
    on : {"interval", "estimate", "difference"}
        What decides: the interval of the estimate, the point estimate alone, or the interval of its
        difference to the baseline.
    question, term, other, facet, level, group, method : str, optional
        Narrow the selection, as text or pattern; ``""`` selects estimates where the column is
        empty. ``method`` is held against the first part of the method, before the semicolon.
    minimum, maximum : float, optional
        Bounds of the estimate (``on`` estimate or interval).
    max_width : float, optional
        Greatest width of its interval (``on`` interval).
    max_drop, max_rise, max_change : float, optional
        Greatest change allowed against the baseline (``on`` difference): downwards, upwards, both.
    tolerance : float, optional
        How far beyond ``minimum`` or ``maximum`` is still tolerable (``on`` interval); default 0.
    conf_level : float, optional
        Two-sided level of the interval of the difference; default 0.90.

    Raises
    ------
    InputError
        Naming every fault of the rule.
    """

    name: str
    estimand: str
    on: On = "interval"
    question: str | None = None
    term: str | None = None
    other: str | None = None
    facet: str | None = None
    level: str | None = None
    group: str | None = None
    method: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_width: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    max_change: float | None = None
    tolerance: float | None = None
    conf_level: float | None = None

    def __post_init__(self) -> None:
        faults = list(_type_faults({field.name: getattr(self, field.name) for field in fields(self)}))
        faults = faults or list(_faults(self))
        if faults:
            raise InputError("the rule", faults)


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Rule))
"""Every field that a rule may have."""


def read_rules(source: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Rule]) -> tuple[Rule, ...]:
    """Read rules from a TOML file, a mapping of the same shape, or return rules as they are.

    Parameters
    ----------
    source : path, mapping or sequence of Rule
        See the module's docstring and ``docs/gate.md`` for the shape.

    Returns
    -------
    tuple of Rule
        At least one; names are unique.

    Raises
    ------
    InputError
        If the file cannot be read or any rule has a fault; all of them are listed.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source, "the rules")
    if isinstance(source, str | os.PathLike):
        subject = f"rules {visible(source, 200)}"
        return _from_mapping(_read_toml(Path(source), subject), subject)
    rules = tuple(source)
    if not rules or not all(isinstance(rule, Rule) for rule in rules):
        what = "some are not of type Rule" if rules else "there is none"
        raise InputError("the rules", [Fault("rules", what, "Pass a path, a mapping or Rules")])
    faults = _doubled([rule.name for rule in rules])
    if faults:
        raise InputError("the rules", faults)
    return rules


def selects(rule: Rule, question: str, identity: Mapping[str, str]) -> bool:
    """Say whether a rule is about an estimate, given its question and identity columns."""
    for name in SELECTORS:
        pattern = getattr(rule, name)
        if pattern is None:
            continue
        value = question if name == "question" else identity[name]
        if name == "method" and ";" not in pattern:
            value = method_word(value)
        # Exact text first: a scale may be called "Trust [self]".
        if value != pattern and not fnmatchcase(value, pattern):
            return False
    return True


def method_word(method: str) -> str:
    """Return the part of a method that names the interval: what stands before the semicolon."""
    return method.split(";", 1)[0].strip()


def _read_toml(path: Path, subject: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        what, todo = "there is no such file", "Check the path given as --rules"
    except UnicodeDecodeError as error:
        what, todo = f"it is not UTF-8 (byte {error.start})", "Save the rules as UTF-8"
    except tomllib.TOMLDecodeError as error:
        what, todo = f"it is not valid TOML: {visible(error, 200)}", "Mend the line named"
    except (OSError, ValueError) as error:
        what, todo = f"it cannot be read ({visible(error, 100)})", "Check the path given as --rules"
    except RecursionError:
        what, todo = "it is nested too deeply", "Write one [[rule]] table per rule"
    raise InputError(subject, [Fault("file", what, todo)])


def _from_mapping(content: Mapping[str, Any], subject: str) -> tuple[Rule, ...]:
    """Turn the loose mapping into rules, telling every fault at once."""
    faults = [
        Fault(visible(name), "it is not a field of a rules file", "Write each rule as a [[rule]] table")
        for name in content
        if name != "rule"
    ]
    tables = content.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        faults.append(Fault("rule", "it is not a list of tables", "Write each rule as a [[rule]] table"))
        tables = []
    elif not tables:
        faults.append(Fault("rule", "there is no rule", "Add a [[rule]] with name, estimand and a bound"))
    rules = []
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        where = f"rule '{visible(name)}'" if isinstance(name, str) and name else f"rule number {number}"
        found = [*_field_faults(table), *_type_faults(table)]
        if not found:
            try:
                rules.append(Rule(**table))
            except InputError as error:
                found.extend(error.faults)
        faults.extend(Fault(f"{where}, {fault.where}", fault.what, fault.todo) for fault in found)
    faults.extend(_doubled([table["name"] for table in tables if isinstance(table.get("name"), str)]))
    if faults:
        raise InputError(subject, faults)
    return tuple(rules)


def _field_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    for name in table:
        if name not in FIELDS:
            yield Fault(visible(name), "it is not a field of a rule", f"The fields are: {', '.join(FIELDS)}")
    for name in ("name", "estimand"):
        if name not in table:
            yield Fault(name, "it is missing", f'Add {name} = "..."')


def _type_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what has the wrong type; None stands for a field that is not given."""
    for name in ("name", *SELECTORS):
        value = table.get(name)
        needed = name in ("name", "estimand") and name in table
        if not isinstance(value, str) and (value is not None or needed):
            yield Fault(name, f"{visible(value)} is not text", "Put it in quotes")
        elif value == "" and name in ("name", "estimand", "question"):
            yield Fault(name, "it is empty", f'Write {name} = "..."')
    if table.get("on", "interval") not in get_args(On):
        yield Fault(
            "on", f"{visible(table['on'])} is none of {', '.join(get_args(On))}", 'Write on = "interval"'
        )
    for name in _NUMBERS:
        value = table.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _GREATEST:
            yield Fault(
                name, f"{visible(value)} is not a finite number", f"Write {name} = 0.05, for instance"
            )


def _faults(rule: Rule) -> Iterator[Fault]:
    """Yield the faults of meaning in a rule whose types are right."""
    bounds = _BOUNDS[rule.on]
    given = [name for name in _NUMBERS if getattr(rule, name) is not None]
    for name in given:
        if name not in bounds and name not in _SETTINGS[rule.on]:
            todo = f"A rule on {rule.on} may have: {', '.join((*bounds, *_SETTINGS[rule.on]))}"
            yield Fault(name, f'it has no meaning with on = "{rule.on}"', todo)
        elif name not in ("minimum", "maximum", "conf_level") and getattr(rule, name) < 0:
            yield Fault(name, "it is negative", "Write the size of the change or width, without a sign")
    if not any(name in bounds for name in given):
        yield Fault("bound", "the rule demands nothing", f"Add one of: {', '.join(bounds)}")
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        yield Fault("minimum", f"{rule.minimum:g} is above maximum = {rule.maximum:g}", "Swap or mend them")
    if rule.max_change is not None and (rule.max_drop is not None or rule.max_rise is not None):
        yield Fault(
            "max_change", "it stands beside max_drop or max_rise", "Give max_change, or the other two"
        )
    if rule.tolerance is not None and rule.minimum is None and rule.maximum is None:
        yield Fault("tolerance", "there is no minimum or maximum that it could soften", "Leave it out")
    if rule.conf_level is not None and not 0 < rule.conf_level < 1:
        yield Fault("conf_level", f"{rule.conf_level:g} is not between 0 and 1", "Write conf_level = 0.90")


def _doubled(names: list[str]) -> list[Fault]:
    return [
        Fault(
            f"rule '{visible(name)}'",
            f"the name is used {names.count(name)} times",
            "Give each rule its own name",
        )
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
