"""G and Phi of the weighted sum of several scales under the same conditions.

Scales are averaged over their items and added with their weights: Z, a table of respondents by the conditions that
the scales share. Its mean squares, and those of each scale that belong to its items, are independent under
normality. With k_s items of scale s, weights w_s, and n_f shared conditions

- universe-score variance: s_p(Z) - sum w_s^2 s_pi(s) / k_s;
- relative error: sum w_s^2 s_pi(s) / k_s, and components of Z of the respondent with conditions over their numbers;
- absolute error: the same, sum w_s^2 s_i(s) / k_s, and components of Z of conditions alone over their numbers.

Without shared conditions G is stratified alpha.

References
----------
Brennan, R. L. (2001). Generalizability Theory, chapters 9-12. Springer.
https://doi.org/10.1007/978-1-4757-3456-0

Cronbach, L. J., Schoenemann, P. and McKie, D. (1965). Alpha coefficients for stratified-parallel tests.
Educational and Psychological Measurement, 25(2), 291-312. https://doi.org/10.1177/001316446502500201
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.generalizability_rows import Found
from psychomet.numerics.dstudy import (
    Interval,
    Study,
    bootstrap_interval,
    errors,
    kept_effects,
    ratio_interval,
    ratio_limits,
    study,
)
from psychomet.scores.layout import ITEM
from psychomet.scores.layout_study import Fitted

Floats = NDArray[np.float64]

COMPOSITE = "composite"
NO_BOOT = "no resamples were asked for"
NO_LIMITS = "there is no limit: too few degrees of freedom or resamples"


class _Pieces(NamedTuple):
    """Components of Z and of the scales side by side, with what they weigh in the coefficients (rows g, phi)."""

    whole: Study
    mean_square: Floats
    df: Floats
    inverse: Floats
    part: Floats
    rest: Floats


def composite_rows(
    alike: Sequence[Fitted],
    *,
    weights: Mapping[str, float],
    conf_level: float,
    n_boot: int,
    seed: int,
) -> list[Found]:
    """Return the rows of the composite: modified large-sample limits, and limits over resampled respondents.

    Parameters
    ----------
    alike : sequence of Fitted
        Scales with the same respondents and conditions, each complete.
    weights : mapping of scale to float
        1 where a scale is not named.
    conf_level : float
        Nominal coverage.
    n_boot, seed : int
        Resamples, the same as those of the scales.
    """
    weight = np.array([weights.get(one.layout.scale.name, 1.0) for one in alike])
    made = _pieces(alike, weight, n_boot, seed)
    delta = ratio_interval(made.whole, made.part, made.rest, conf_level=conf_level)
    ends = ratio_limits(
        made.part @ made.inverse, made.rest @ made.inverse, made.mean_square, made.df, conf_level
    )
    text = ", ".join(f"{one.layout.scale.name} {w:g}" for one, w in zip(alike, weight, strict=True))
    kinds: list[tuple[str, Interval | None]] = [
        (f"mls; mean squares, conditions random, weights {text}", Interval(delta.std_error, ends[:, 0], ends[:, 1])),
        (f"bootstrap; BCa, respondents resampled, conditions held, weights {text}", None),
    ]  # fmt: skip
    if made.whole.replicates.size:
        found = bootstrap_interval(made.whole, made.part, made.rest, conf_level=conf_level)
        kinds[1] = (kinds[1][0], found)
    total = (made.part + made.rest) @ made.whole.component
    value = np.divide(
        made.part @ made.whole.component, total, out=np.full(total.shape, np.nan), where=total > 0
    )
    shared = {
        "term": COMPOSITE, "group": alike[0].layout.group, "conf_level": conf_level, "n": alike[0].n,
    }  # fmt: skip
    return [
        Found(_row({"estimand": name, **shared, "estimate": value[number], "method": method}, limits, number))
        for method, limits in kinds
        for number, name in enumerate(("g_coefficient", "phi_coefficient"))
    ]


def _row(row: dict[str, Any], limits: Interval | None, number: int) -> dict[str, Any]:
    """Add limits, or why there are none."""
    if limits is None:
        return row | {"reason": NO_BOOT}
    low, high = float(limits.low[number]), float(limits.high[number])
    if not np.isfinite([low, high]).all() or low >= high:
        return row | {"reason": NO_LIMITS}
    return row | {"std_error": float(limits.std_error[number]), "conf_low": low, "conf_high": high}


def _pieces(alike: Sequence[Fitted], weight: Floats, n_boot: int, seed: int) -> _Pieces:
    """Put the components of Z and of the scales side by side."""
    z, numbers = _summed(alike, weight, n_boot, seed)
    studies = [z, *(one.study for one in alike if one.study is not None)]
    squares = [each.squares for each in studies if each.squares is not None]
    universe: list[Floats] = []
    relative: list[Floats] = []
    absolute: list[Floats] = []
    table = np.array([numbers], dtype=float)
    universe.append(np.array([float(effect == (0,)) for effect in z.effects]))
    relative.append(errors(z.effects, table, coefficient="g")[0])
    absolute.append(errors(z.effects, table, coefficient="phi")[0])
    for one, w in zip(alike, weight, strict=True):
        effects = one.study.effects if one.study is not None else ()
        item = one.layout.axes.index(ITEM) if ITEM in one.layout.axes else -1
        share = w**2 / (one.layout.sizes[item] if item > 0 else 1)
        with_item = np.array([share * (effect == (0, item)) for effect in effects])
        alone = np.array([share * (effect == (item,)) for effect in effects])
        universe.append(-with_item)
        relative.append(with_item)
        absolute.append(with_item + alone)
    covariance = np.zeros((sum(each.component.size for each in studies),) * 2)
    inverse = np.zeros_like(covariance)
    start = 0
    for each in squares:
        own = slice(start, start + each.df.size)
        covariance[own, own], inverse[own, own] = each.covariance, np.linalg.inv(each.expected)
        start = own.stop
    whole = Study(
        (), np.concatenate([each.raw for each in studies]), covariance, np.empty(0, dtype=bool), True, False,
        None, np.concatenate([each.replicates for each in studies], axis=1),
        np.concatenate([each.influence for each in studies], axis=1),
    )  # fmt: skip
    part = np.concatenate(universe)
    return _Pieces(
        whole, np.concatenate([each.mean_square for each in squares]), np.concatenate([each.df for each in squares]),
        inverse, np.array([part, part]), np.array([np.concatenate(relative), np.concatenate(absolute)]),
    )  # fmt: skip


def _summed(alike: Sequence[Fitted], weight: Floats, n_boot: int, seed: int) -> tuple[Study, list[float]]:
    """Analyse the weighted sum of the scales' means over items; also the numbers of its conditions."""
    total: Floats = np.zeros(())
    nested: dict[int, tuple[int, ...]] = {}
    for one, w in zip(alike, weight, strict=True):
        cells, nested = averaged(one)
        total = total + w * cells
    numbers = [
        number for name, number in zip(alike[0].facets, alike[0].layout.numbers, strict=True) if name != ITEM
    ]
    effects = kept_effects(total.ndim, nested=nested, max_order=total.ndim)
    made = study(
        total.ravel(), codes=np.empty((total.ndim, 0), dtype=np.intp), cells=total, nested=nested, effects=effects,
        non_negative=False, n_boot=n_boot, seed=seed,
    )  # fmt: skip
    return made, numbers


def averaged(one: Fitted) -> tuple[Floats, dict[int, tuple[int, ...]]]:
    """Return cells averaged over items, and the nesting of the axes that are left.

    Parameters
    ----------
    one : Fitted
        A complete layout.

    Raises
    ------
    ValueError
        If it is not complete.
    """
    cells = one.layout.cells
    if cells is None:
        raise ValueError("the layout is not complete")
    if ITEM not in one.layout.axes:
        return cells, dict(one.layout.nested)
    item = one.layout.axes.index(ITEM)
    nested = {
        axis - (axis > item): tuple(outer - (outer > item) for outer in outers if outer != item)
        for axis, outers in one.layout.nested.items()
    }
    return cells.mean(axis=item), nested
