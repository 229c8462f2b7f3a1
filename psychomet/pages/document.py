"""The page as data: built once from results, rendered twice (HTML and Quarto Markdown).

Nothing here holds markup. A piece of text is a plain string, or a :class:`Data`, :class:`Strong` or
:class:`Link`; the renderers escape all of them alike, so that no name in a table can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from psychomet.text import visible

MAX_CELL = 80
_TARGET = re.compile(r"#[A-Za-z0-9][A-Za-z0-9_-]*|https://[A-Za-z0-9][A-Za-z0-9./_%~:()-]*")


@dataclass(frozen=True, slots=True)
class Data:
    """Text that came from data; it is shown isolated, so that it cannot reorder its surroundings."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Text to be stressed."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link; a target that is neither ``#anchor`` nor a plain https address is shown as text."""

    text: str
    target: str


Inline = str | Data | Strong | Link
Text = tuple[Inline, ...]
Level = Literal["info", "caution", "problem"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title below that of the section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; ``role`` "lead" says what a section answers, "small" is a remark."""

    kind: ClassVar[str] = "paragraph"
    text: Text
    role: Literal["plain", "lead", "small"] = "plain"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    entries: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a table column, and whether it holds numbers (then it is set to the right)."""

    name: Inline
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; with ``folded`` it is closed until the reader opens it; ``notes`` stand below it."""

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[Inline, ...], ...]
    caption: Text
    folded: bool = False
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing in two formats, with a sentence that says the same without eyes."""

    kind: ClassVar[str] = "figure"
    name: str
    svg: bytes
    raster: Callable[[], bytes] = field(repr=False, compare=False)  # drawn when asked: many pages need none
    alt: str
    caption: Text
    width: float = 7.5

    @property
    def png(self) -> bytes:
        """The drawing in pixels; drawn anew at each call."""
        return self.raster()


@dataclass(frozen=True, slots=True)
class Callout:
    """A note set apart, with its level."""

    kind: ClassVar[str] = "callout"
    level: Level
    text: Text


Block = Heading | Paragraph | Bullets | Table | Figure | Callout


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a title and an address of its own."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole page."""

    title: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure of the page, in order."""
        blocks = [*self.opening, *(block for section in self.sections for block in section.blocks)]
        return tuple(block for block in blocks if isinstance(block, Figure))


def data(value: object, limit: int = MAX_CELL) -> Data:
    """Return text from data, its invisible characters spelled out, cut to ``limit`` characters."""
    return Data(visible(value, limit))


def is_safe_target(target: str) -> bool:
    """Say whether a link may be made: an anchor of this page or a plain https address."""
    return _TARGET.fullmatch(target) is not None


def spelled(text: object) -> str:
    """Return the whole text with control and invisible characters spelled out."""
    whole = str(text)
    return visible(whole, len(whole) + 1)
