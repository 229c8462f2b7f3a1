"""Components of an unbalanced table in resamples of its respondents: each is fitted again.

A respondent who is drawn twice stands for two respondents with the same answers. In such a world the respondents'
components are (n - 1) / n of what they are, and the mean of the respondents' reactions to a condition is part of
the condition itself: with s* from the resample

    s_e = s*_e n / (n - 1) for effects e of the respondent,
    s_e = s*_e - s_(e, respondent) / n for effects of conditions alone,

as in the balanced table (Wiley 2001).

References
----------
Brennan, R. L. (2001). Generalizability Theory, section 6.3. Springer.
https://doi.org/10.1007/978-1-4757-3456-0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.resample import resample_weights
from psychomet.numerics.variance import Effect, nearly_balanced, reml

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_SETTLED = 1e-4
"""Gain in log-likelihood at which a resample is done: a small part of what resampling changes."""


def refitted_components(
    values: Floats,
    codes: Codes,
    effects: Sequence[Effect],
    *,
    start: Floats,
    non_negative: bool,
    n_boot: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Return the components in resamples of axis 0, and the influence of its levels that follows from them.

    Parameters
    ----------
    values : (N,) array
        Observations.
    codes : (d, N) array of int
        Level of each axis; axis 0 the respondents, numbered from 0 without gaps.
    effects : sequence of Effect
        Effects with a component, the residual last.
    start : (m,) array
        Components from which the iterations start: those of the whole table.
    non_negative : bool
        Hold components at 0 or above.
    n_boot, seed : int
        Number of resamples, and their seed.

    Returns
    -------
    tuple of (n_boot, m) array and (n, m) array
        Components, NaN where a resample does not tell them apart; and their regression on how often each
        respondent was drawn, which is the influence up to noise of order sqrt(n / n_boot).
    """
    order = np.argsort(codes[0], kind="stable")
    y, levels = values[order], codes[:, order]
    n = int(levels[0, -1]) + 1
    first = np.searchsorted(levels[0], np.arange(n + 1))
    drawn = np.full((n_boot, len(effects)), np.nan)
    weights = np.concatenate(list(resample_weights(n, n_boot=n_boot, seed=seed)))
    for number, weight in enumerate(weights):
        who = np.repeat(np.arange(n), weight.astype(np.intp))
        rows = np.concatenate([np.arange(first[one], first[one + 1]) for one in who])
        again = levels[:, rows].copy()
        again[0] = np.repeat(np.arange(who.size), first[who + 1] - first[who])
        try:
            found = reml(
                y[rows], codes=list(again), effects=effects[:-1], non_negative=non_negative, start=start,
                settled=_SETTLED,
            )  # fmt: skip
        except ValueError:
            continue
        if found.effects[:-1] == tuple(effects[:-1]):
            drawn[number] = found.component
    return _with_influence(drawn, weights, effects, n)


def closed_components(
    cells: Floats,
    effects: Sequence[Effect],
    *,
    nested: Mapping[int, Sequence[int]],
    n_boot: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Return what :func:`refitted_components` does, by the closed form of nearly complete cells.

    Parameters
    ----------
    cells : (n_0, ..., n_d) array
        Observations, NaN where a cell is empty; axis 0 the respondents.
    effects : sequence of Effect
        Effects with a component, the residual last.
    nested : mapping of int to sequence of int
        Axis -> the axes in which it is nested.
    n_boot, seed : int
        Number of resamples, and their seed.
    """
    n = cells.shape[0]
    drawn = np.full((n_boot, len(effects)), np.nan)
    weights = np.concatenate(list(resample_weights(n, n_boot=n_boot, seed=seed)))
    for number, weight in enumerate(weights):
        again = cells[np.repeat(np.arange(n), weight.astype(np.intp))]
        try:
            drawn[number] = nearly_balanced(again, nested=nested, effects=effects).component
        except ValueError:
            continue
    return _with_influence(drawn, weights, effects, n)


def _with_influence(
    drawn: Floats, weights: Floats, effects: Sequence[Effect], n: int
) -> tuple[Floats, Floats]:
    """Components put right, and the influence of respondents that follows from them."""
    drawn = _corrected(drawn, effects, n)
    good = np.isfinite(drawn).all(axis=1)
    if not good.any():
        return drawn, np.full((n, len(effects)), np.nan)
    change = weights[good] - 1
    influence = n * change.T @ (drawn[good] - drawn[good].mean(axis=0)) / np.count_nonzero(good)
    return drawn, influence - influence.mean(axis=0)


def _corrected(drawn: Floats, effects: Sequence[Effect], n: int) -> Floats:
    """Take back what resampling does to the components."""
    place = {tuple(sorted(effect)): number for number, effect in enumerate(effects)}
    last = len(effects) - 1
    mine = [0 in effect for effect in effects]
    out = np.where(mine, drawn * n / (n - 1), drawn)
    for number, effect in enumerate(effects):
        if 0 not in effect:
            out[:, number] -= out[:, place.get(tuple(sorted((0, *effect))), last)] / n
    return np.asarray(out)
