"""How much work a fit by REML is, before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from psychomet.numerics.variance.layout import Effect


def elimination_cost(left: float, own: float, block: float) -> float:
    """Return the multiplications of one evaluation, roughly: ``own`` levels taken out in blocks, ``left`` remain."""
    return left**3 + own * left**2 + own * block**2


def reml_work(effects: Sequence[Effect], *, sizes: Sequence[int], rows: int) -> float:
    """Return roughly how many multiplications one evaluation of the restricted likelihood takes.

    Parameters
    ----------
    effects : sequence of Effect
        Random effects, the residual among them or not.
    sizes : sequence of int
        Levels of each axis; of a nested one within each level of its hosts.
    rows : int
        Number of observations.

    Returns
    -------
    float
        For blocks that are all different, as they are where cells are missing here and there. A fit takes ten to thirty
        evaluations.
    """
    everything = tuple(range(len(sizes)))
    levels = {
        effect: float(min(prod(sizes[axis] for axis in effect), rows))
        for effect in effects
        if effect != everything
    }
    total = sum(levels.values())
    costs = [elimination_cost(total - own, own, 1.0) for own in levels.values()]
    for axis in everything:
        own = sum(number for effect, number in levels.items() if axis in effect)
        costs.append(elimination_cost(total - own, own, own / sizes[axis]))
    return min(costs)
