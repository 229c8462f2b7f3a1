"""What a reader must know beside a number: notes are made where the fact is seen and travel to the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "caution", "problem"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing a reader must know; it travels with the number to the page.

    Parameters
    ----------
    code : str
        Short stable name of the kind of note (``"zero_variance"``, ``"nested_facet"`` ...).
    text : str
        One or two sentences: what was seen, and what was done about it.
    level : {"info", "caution", "problem"}
        ``info`` for bookkeeping, ``caution`` for what limits a conclusion, ``problem`` for what
        makes a number unusable.
    """

    code: str
    text: str
    level: Level = "caution"
