"""The key: which item belongs to which scale, in which direction, on which range of codes.

A key is written as TOML so that it can be reviewed and versioned beside the data::

    name = "BFI-44"
    source = "John, Donahue and Kentle (1991)"

    [[scale]]
    name = "Extraversion"
    low = 1
    high = 5
    items = ["bfi_1", "bfi_6", "bfi_11"]
    reversed = ["bfi_6"]

    [[scale]]
    name = "Sycophancy"
    low = 0
    high = 100
    items = ["sycophancy_rate"]
    scale_score = true          # the item is itself a score: no internal consistency is asked for

    [text]                      # optional: the wording, by item
    bfi_1 = "Is talkative."
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psychomet.errors import Fault, InputError
from psychomet.text import is_control, visible

_TOP = {"name", "source", "scale", "text"}
_SCALE = {"name", "low", "high", "items", "reversed", "scale_score"}
MAX_NAME = 1000


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale of a key.

    Parameters
    ----------
    name : str
        Name of the scale.
    items : tuple of str
        Item ids, in the order of the key.
    low, high : float
        Lowest and highest possible code; infinite where a score is unbounded.
    reversed : frozenset of str
        Items whose code counts the other way; keyed response = low + high - code.
    scale_score : bool
        True where the single item is a finished score rather than one question of many.
    """

    name: str
    items: tuple[str, ...]
    low: float
    high: float
    reversed: frozenset[str] = frozenset()
    scale_score: bool = False

    @property
    def directions(self) -> tuple[int, ...]:
        """+1 or -1 per item, in the order of :attr:`items`."""
        return tuple(-1 if item in self.reversed else 1 for item in self.items)


@dataclass(frozen=True, slots=True)
class Key:
    """An instrument: its scales, checked at birth.

    Parameters
    ----------
    name : str
        Name of the instrument.
    scales : tuple of Scale
        The scales; an item belongs to one scale only.
    source : str
        Where the instrument was published.
    text : mapping of str to str
        Wording by item id, where known.

    Raises
    ------
    InputError
        Naming every fault of the key at once.
    """

    name: str
    scales: tuple[Scale, ...]
    source: str = ""
    text: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise InputError(f"key '{visible(self.name)}'", faults)

    @property
    def items(self) -> tuple[str, ...]:
        """All item ids, scale by scale."""
        return tuple(item for scale in self.scales for item in scale.items)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the scoring rules (not of the wording or the source)."""
        rules = [
            [scale.name, list(scale.items), scale.low, scale.high, sorted(scale.reversed)]
            for scale in self.scales
        ]
        return hashlib.sha256(json.dumps(rules, ensure_ascii=True).encode()).hexdigest()

    def scale(self, name: str) -> Scale:
        """Return the scale of that name; raise :class:`InputError` naming those there are."""
        for scale in self.scales:
            if scale.name == name:
                return scale
        there = ", ".join(visible(scale.name) for scale in self.scales)
        raise InputError(
            f"key '{visible(self.name)}'",
            [Fault("scale", f"there is no scale '{visible(name)}'", f"The scales are: {there}")],
        )


def read_key(source: str | os.PathLike[str] | Mapping[str, Any] | Key) -> Key:
    """Read a key from a TOML file, a mapping of the same shape, or return a key as it is.

    Parameters
    ----------
    source : path, mapping or Key
        See the module's docstring for the shape.

    Returns
    -------
    Key

    Raises
    ------
    InputError
        If the file cannot be read or the key has any fault; all of them are listed.
    """
    if isinstance(source, Key):
        return source
    if isinstance(source, Mapping):
        return _from_mapping(source, "the key")
    path = Path(source)
    subject = f"key {visible(path)}"
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise InputError(
            subject, [Fault("file", "there is no such file", "Check the path given as --key")]
        ) from None
    except (OSError, IsADirectoryError) as error:
        raise InputError(
            subject, [Fault("file", f"it cannot be read ({error.strerror})", "Check the path given as --key")]
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            subject, [Fault(f"byte {error.start}", "the file is not UTF-8", "Save the key as UTF-8")]
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            subject, [Fault("file", f"it is not valid TOML: {visible(error, 200)}", "Mend the line named")]
        ) from None
    return _from_mapping(content, subject)


def _from_mapping(content: Mapping[str, Any], subject: str) -> Key:
    """Turn the loose mapping into a strict Key, telling every fault of shape at once."""
    faults: list[Fault] = []
    for name in sorted(map(str, set(content) - _TOP)):
        faults.append(
            Fault(visible(name), "not a field of a key", f"The fields are: {', '.join(sorted(_TOP))}")
        )
    tables = content.get("scale")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, Mapping) for t in tables):
        faults.append(
            Fault(
                "scale",
                "the key has no [[scale]] table",
                "Add one [[scale]] with name, low, high and items for each scale",
            )
        )
        tables = []
    scales = []
    for number, table in enumerate(tables, 1):
        scale = _scale(table, number, faults)
        if scale is not None:
            scales.append(scale)
    text = content.get("text", {})
    if not isinstance(text, Mapping) or not all(isinstance(v, str) for v in text.values()):
        faults.append(
            Fault(
                "text",
                "it is not a table of item = wording",
                'Write [text] and lines such as bfi_1 = "Is talkative."',
            )
        )
        text = {}
    for name in ("name", "source"):
        if not isinstance(content.get(name, ""), str):
            faults.append(Fault(name, "it is not text", "Put it in quotes"))
    if faults:
        raise InputError(subject, faults)
    return Key(
        name=content.get("name") or "unnamed instrument",
        scales=tuple(scales),
        source=content.get("source", ""),
        text=dict(text),
    )


def _scale(table: Mapping[str, Any], number: int, faults: list[Fault]) -> Scale | None:
    """Read one [[scale]] table; append its faults and return None when it has any."""
    before = len(faults)
    name = table.get("name")
    where = f"scale '{visible(name)}'" if isinstance(name, str) else f"scale number {number}"
    if not isinstance(name, str):
        faults.append(Fault(where, "it has no name", 'Add name = "..."'))
    for extra in sorted(map(str, set(table) - _SCALE)):
        faults.append(
            Fault(
                where,
                f"'{visible(extra)}' is not a field of a scale",
                f"The fields are: {', '.join(sorted(_SCALE))}",
            )
        )
    for bound in ("low", "high"):
        value = table.get(bound)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            faults.append(
                Fault(
                    where,
                    f"{bound} is not a number",
                    f"Add {bound} = the {bound}est code that can be given (inf is allowed for a score)",
                )
            )
    for field_name in ("items", "reversed"):
        value = table.get(field_name, [] if field_name == "reversed" else None)
        if not isinstance(value, list | tuple | set | frozenset) or not all(
            isinstance(item, str) for item in value
        ):
            faults.append(
                Fault(
                    where,
                    f"{field_name} is not a list of item ids in quotes",
                    f'Write {field_name} = ["id1", "id2"]',
                )
            )
    if not isinstance(table.get("scale_score", False), bool):
        faults.append(Fault(where, "scale_score is not true or false", "Write scale_score = true"))
    if len(faults) > before:
        return None
    return Scale(
        name=str(name),
        items=tuple(table["items"]),
        low=float(table["low"]),
        high=float(table["high"]),
        reversed=frozenset(table.get("reversed", ())),
        scale_score=table.get("scale_score", False),
    )


def _faults(key: Key) -> list[Fault]:
    """Every fault of meaning in a key whose shape is right."""
    faults: list[Fault] = []
    owner: dict[str, str] = {}
    seen: set[str] = set()
    if len(key.name) > MAX_NAME or any(map(is_control, key.name)):
        what = f"it is longer than {MAX_NAME} characters or holds control or invisible characters"
        faults.append(Fault("name", what, "Use a short printable name"))
    if not key.scales:
        faults.append(Fault("scale", "the key has no scale", "Add at least one"))
    for scale in key.scales:
        where = f"scale '{visible(scale.name)}'"
        if scale.name in seen:
            faults.append(Fault(where, "the name is used twice", "Give each scale a name of its own"))
        seen.add(scale.name)
        for label in (scale.name, *scale.items):
            if not label or len(label) > MAX_NAME or any(map(is_control, label)):
                faults.append(
                    Fault(
                        where,
                        f"the name '{visible(label)}' is empty, longer than {MAX_NAME} characters or holds control or invisible characters",
                        "Use printable names",
                    )
                )
        if not scale.items:
            faults.append(Fault(where, "it has no item", "List its items"))
        twice = sorted({item for item in scale.items if scale.items.count(item) > 1})
        if twice:
            faults.append(
                Fault(where, f"items listed twice: {', '.join(map(visible, twice))}", "List each item once")
            )
        for item in dict.fromkeys(scale.items):
            if item in owner:
                faults.append(
                    Fault(
                        where,
                        f"item '{visible(item)}' also belongs to scale '{visible(owner[item])}'",
                        "An item may belong to one scale only: give the second use an item id of its own",
                    )
                )
            owner[item] = scale.name
        strange = sorted(scale.reversed - set(scale.items))
        if strange:
            faults.append(
                Fault(
                    where,
                    f"reversed names items that are not in the scale: {', '.join(map(visible, strange))}",
                    "Add them to items, or mend the name",
                )
            )
        if not scale.low < scale.high:
            faults.append(
                Fault(
                    where,
                    f"low = {scale.low:g} is not below high = {scale.high:g}",
                    "Give the range of codes of one item",
                )
            )
        if scale.reversed and not (math.isfinite(scale.low) and math.isfinite(scale.high)):
            faults.append(
                Fault(
                    where,
                    "an item is reversed on an unbounded range",
                    "Reversal is low + high - code: give both bounds",
                )
            )
        if scale.scale_score and len(scale.items) != 1:
            faults.append(
                Fault(
                    where, f"scale_score = true with {len(scale.items)} items", "A finished score is one item"
                )
            )
        if len(scale.items) == 1 and not scale.scale_score:
            faults.append(
                Fault(
                    where,
                    "it has one item, so its internal consistency cannot be estimated",
                    "Add its other items; or, if the item is itself a finished score, write scale_score = true",
                )
            )
    return faults
