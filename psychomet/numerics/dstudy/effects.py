"""Which effects of a layout get a component of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psychomet.numerics.variance import Effect, layout_effects


def kept_effects(
    n_axes: int, *, nested: Mapping[int, Sequence[int]], max_order: int, replicate: int | None = None
) -> tuple[Effect, ...]:
    """Return the effects to estimate, without the residual; all others are pooled into it.

    Parameters
    ----------
    n_axes : int
        Number of axes.
    nested : mapping of int to sequence of int
        Axis -> the axes in which it is nested.
    max_order : int
        Most axes in an interaction.
    replicate : int, optional
        The axis of replicates: its effect is kept whatever its order, and so is every effect that it
        contains, without which its mean square would have no place.
    """
    every = layout_effects(n_axes, nested=nested)
    inside = {replicate, *nested.get(replicate, ())} if replicate is not None else set()
    return tuple(effect for effect in every[:-1] if len(effect) <= max_order or set(effect) <= inside)
