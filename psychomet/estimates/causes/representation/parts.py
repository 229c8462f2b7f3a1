"""What a measurement is made of."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """Some coordinates of a measurement and the likelihood they have.

    ``kind`` is "gaussian" (as many decoder outputs as coordinates), "categorical" (one-hot coordinates, as many
    outputs) or "ordinal" (one-hot coordinates of ordered levels, one output).
    """

    kind: str
    start: int
    stop: int


class Look(NamedTuple):
    """One measurement: the blocks of latents that it carries, its parts, and latents of its own."""

    name: str
    blocks: tuple[int, ...]
    parts: tuple[Part, ...]
    width: int
    nuisance: int = 1
