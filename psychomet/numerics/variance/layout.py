"""The effects of a crossed or nested layout, and the names of what is estimated about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

Effect = tuple[int, ...]
"""The axes (or factors) that take part in an effect, ascending: ``(0,)`` respondents, ``(0, 1)`` their
interaction with the first facet."""


def hosts(nested: Mapping[int, Sequence[int]], axis: int) -> frozenset[int]:
    """Return every axis that ``axis`` lies in, directly or through another.

    Raises
    ------
    ValueError
        If an axis is nested in itself.
    """
    found: set[int] = set()
    waiting = list(nested.get(axis, ()))
    while waiting:
        host = waiting.pop()
        if host == axis:
            raise ValueError(f"axis {axis} is nested in itself")
        if host not in found:
            found.add(host)
            waiting.extend(nested.get(host, ()))
    return frozenset(found)


def layout_effects(n_axes: int, *, nested: Mapping[int, Sequence[int]] | None = None) -> tuple[Effect, ...]:
    """Return every effect that a layout of ``n_axes`` axes has, lower orders first, the residual last.

    An effect that holds an axis holds the axes in which it is nested: with prompts (1) nested in languages
    (2) there is an effect ``(1, 2)``, prompts within languages, and no effect ``(1,)``.

    Parameters
    ----------
    n_axes : int
        Number of axes.
    nested : mapping of int to sequence of int, optional
        Axis -> the axes in which it is nested.

    Raises
    ------
    ValueError
        If an axis that is named does not exist, or is nested in itself.
    """
    within = dict(nested or {})
    named = set(within) | {host for listed in within.values() for host in listed}
    if not named <= set(range(n_axes)):
        raise ValueError(f"nested names axes {sorted(named)}; the layout has axes 0 to {n_axes - 1}")
    above = [hosts(within, axis) for axis in range(n_axes)]
    return tuple(
        effect
        for size in range(1, n_axes + 1)
        for effect in combinations(range(n_axes), size)
        if all(above[axis] <= set(effect) for axis in effect)
    )
