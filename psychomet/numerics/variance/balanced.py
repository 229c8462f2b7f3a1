r"""Variance components of a balanced layout in closed form, from sums over cells.

With one observation in every cell the sum of squares of each effect is that of a table of cell means,
centred along the axes of the effect. In the random-effects model the expected mean square of effect S is

    E[MS_S] = \sum_{T \supseteq S} \sigma^2_T \prod_{a \notin T} n_a ,

so the components are the solution of one triangular system: nothing is iterated, and where no component
is negative they are also the REML estimates.

Misleads when the levels of a facet were not drawn from many (three languages are not a sample of languages),
and when a component is negative: the estimate is unbiased and its value is outside the parameter space.
See :func:`psychomet.numerics.variance.reml.balanced_reml` for components that may not be negative.

References
----------
Searle, S. R., Casella, G. and McCulloch, C. E. (1992). Variance Components. Wiley, chapter 4.
https://doi.org/10.1002/9780470316856

Brennan, R. L. (2001). Generalizability Theory. Springer, chapters 3 and 6.
https://doi.org/10.1007/978-1-4757-3456-0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psychomet.numerics.variance.layout import Effect, hosts, layout_effects

Floats = NDArray[np.float64]


class Balanced(NamedTuple):
    """Analysis of variance of a balanced layout with m effects; the last one is the residual.

    Attributes
    ----------
    effects : tuple of Effect
        The axes of each effect.
    df : ndarray, shape (m,)
        Degrees of freedom.
    mean_square : ndarray, shape (m,)
        Mean squares, in squared units of the observations.
    expected : ndarray, shape (m, m)
        ``expected @ component`` are the expected mean squares.
    component : ndarray, shape (m,)
        Variance components; may be negative.
    covariance : ndarray, shape (m, m)
        Sampling covariance of the components under normality, from Var(MS) = 2 MS^2 / df.
    """

    effects: tuple[Effect, ...]
    df: Floats
    mean_square: Floats
    expected: Floats
    component: Floats
    covariance: Floats


def balanced(
    cells: ArrayLike,
    *,
    nested: Mapping[int, Sequence[int]] | None = None,
    effects: Sequence[Effect] | None = None,
) -> Balanced:
    r"""Return mean squares and variance components of a complete layout, one observation per cell.

    Parameters
    ----------
    cells : (n_0, ..., n_d) array
        One finite observation per cell; at least two levels on every axis. Axis 0 is by convention the
        respondents. Where cells hold the same number of replicates, pass the replicates as a last axis
        nested in all others.
    nested : mapping of int to sequence of int, optional
        Axis -> the axes in which it is nested: ``{1: (2,)}`` says that level 3 of axis 1 is another thing
        within each level of axis 2.
    effects : sequence of Effect, optional
        The effects with a component of their own; all others are pooled into the residual. Default: every
        effect of the layout. The effect that holds all axes is the residual whether it is named or not.

    Returns
    -------
    Balanced
        Effects lower orders first, the residual last.

    Raises
    ------
    ValueError
        If an axis has one level, a cell is not finite, an effect is not one of the layout, or an effect is
        left out while one that contains it is kept (its sum of squares then has no place).

    Notes
    -----
    Sums of squares are taken from centred tables, so a large common offset costs no digits. The estimates are
    those of Henderson's method 1 and of ``lme4::lmer(y ~ 1 + (1|a) + ...)`` when all are positive.

    References
    ----------
    Searle, Casella and McCulloch (1992), see the module.
    """
    table = np.asarray(cells, dtype=float)
    sizes = np.array(table.shape)
    if table.ndim == 0 or (sizes < 2).any():
        raise ValueError(f"cells have the shape {table.shape}; every axis needs at least two levels")
    within = dict(nested or {})
    every = layout_effects(table.ndim, nested=within)
    kept = named_effects(every, effects)
    # Both are nan where any cell is.
    least, most = float(table.min()), float(table.max())
    if not (isfinite(least) and isfinite(most)):
        raise ValueError("cells hold values that are not finite; a balanced layout has no holes")
    # A sum of squares that is no more than the rounding of the observations is none.
    floor = table.size * (4 * np.finfo(np.float64).eps * max(most, -least)) ** 2
    squares = _sums_of_squares(table, every, within)
    squares = {effect: value if value > floor else 0.0 for effect, value in squares.items()}
    freedom = {effect: _freedom(effect, sizes, within) for effect in every}
    rest = [effect for effect in every if effect not in kept]
    df = np.array([freedom[effect] for effect in kept] + [sum(freedom[effect] for effect in rest)])
    total = np.array([squares[effect] for effect in kept] + [sum(squares[effect] for effect in rest)])
    mean_square = total / df
    expected = expected_mean_squares((*kept, every[-1]), sizes=sizes)
    inverse = np.linalg.inv(expected)
    return Balanced(
        (*kept, every[-1]),
        df,
        mean_square,
        expected,
        inverse @ mean_square,
        (inverse * (2 * mean_square**2 / df)) @ inverse.T,
    )


def expected_mean_squares(effects: Sequence[Effect], *, sizes: ArrayLike) -> Floats:
    """Return the coefficient of each component (column) in each expected mean square (row).

    Parameters
    ----------
    effects : sequence of Effect
        The m effects, the residual (all axes) last.
    sizes : (d,) array
        Number of levels of each axis; of a nested axis, within each level of its host.

    Returns
    -------
    ndarray, shape (m, m)
    """
    number = np.asarray(sizes, dtype=float)
    axes = set(range(number.size))
    repeats = [float(np.prod(number[sorted(axes - set(effect))])) for effect in effects]
    return np.array(
        [
            [
                times if set(row) <= set(column) else 0.0
                for column, times in zip(effects, repeats, strict=True)
            ]
            for row in effects
        ]
    )


def named_effects(every: tuple[Effect, ...], effects: Sequence[Effect] | None) -> tuple[Effect, ...]:
    """Return the effects with a component of their own, in the order of the layout, without the residual.

    Parameters
    ----------
    every : tuple of Effect
        All effects of the layout, the residual last.
    effects : sequence of Effect or None
        Those asked for; None for all.

    Raises
    ------
    ValueError
        If one is no effect of the layout, or is left out while one that contains it is kept.
    """
    if effects is None:
        return every[:-1]
    asked = {tuple(sorted(effect)) for effect in effects} - {every[-1]}
    strange = sorted(asked - set(every))
    if strange:
        raise ValueError(f"effects {strange} are not effects of this layout")
    kept = tuple(effect for effect in every if effect in asked)
    for effect in every[:-1]:
        over = [other for other in kept if set(effect) < set(other)]
        if effect not in asked and over:
            raise ValueError(f"effect {effect} is left out while {over[0]}, which contains it, is kept")
    return kept


def _freedom(effect: Effect, sizes: NDArray[np.int_], within: Mapping[int, Sequence[int]]) -> float:
    """Levels minus one for every axis, levels for an axis in which another of the effect is nested."""
    host = _hosts_inside(effect, within)
    return float(np.prod([sizes[axis] - (axis not in host) for axis in effect]))


def _hosts_inside(effect: Effect, within: Mapping[int, Sequence[int]]) -> frozenset[int]:
    """Axes of an effect in which another axis of the effect is nested."""
    return frozenset().union(*(hosts(within, axis) for axis in effect))


def _sums_of_squares(
    table: Floats, every: tuple[Effect, ...], within: Mapping[int, Sequence[int]]
) -> dict[Effect, float]:
    """Sum of squares of every effect, each from the smallest table of means that holds it."""
    # With the longest axis last, arithmetic along the others runs through memory in long strides.
    order = np.argsort(table.shape, kind="stable")
    place = {int(axis): position for position, axis in enumerate(order)}
    # One number far from zero in every cell would drown the differences: deviations first.
    means = {every[-1]: np.subtract(table.transpose(order), table.flat[0], order="C")}
    for effect in reversed(every[:-1]):
        means[effect] = _means(effect, means, place)
    found = {}
    for effect, centred in means.items():
        inside = _hosts_inside(effect, within)
        for axis in effect:
            if axis not in inside:
                # In place: to ask the system for a new table costs more than the arithmetic.
                np.subtract(centred, _mean_along(centred, place[axis]), out=centred)
        found[effect] = float(np.vdot(centred, centred)) * (table.size / centred.size)
    return found


def _means(effect: Effect, means: Mapping[Effect, Floats], place: Mapping[int, int]) -> Floats:
    """Means over the axes outside an effect, from the smallest table at hand."""
    parent = min((held for held in means if set(effect) < set(held)), key=lambda held: means[held].size)
    table = means[parent]
    for axis in set(parent) - set(effect):
        table = _mean_along(table, place[axis])
    return table


def _mean_along(table: Floats, axis: int) -> Floats:
    """Mean along one axis, which stays as an axis of one level; NumPy's own is slow on short inner axes."""
    before, levels = prod(table.shape[:axis]), table.shape[axis]
    block = table.reshape(before, levels, -1)
    mean = np.einsum("anb,n->ab", block, np.full(levels, 1 / levels))
    return mean.reshape(*table.shape[:axis], 1, *table.shape[axis + 1 :])
