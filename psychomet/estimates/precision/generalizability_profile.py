"""Several scales under the same conditions: correlations of universe scores, and the composite.

The covariance component of two scales for an effect is the difference of the components of their sum and of
their difference, over 4. Items belong to one scale only, so scales are averaged over items first; conditions are
shared. Universe-score correlation of A and B = s_p(A, B) / sqrt(s_p(A) s_p(B)), free of error where the model
holds; sampling error can carry it beyond 1.

References
----------
Brennan, R. L. (2001). Generalizability Theory, chapters 9-12. Springer.
https://doi.org/10.1007/978-1-4757-3456-0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.generalizability_composite import NO_BOOT, averaged, composite_rows
from psychomet.estimates.precision.generalizability_rows import Found
from psychomet.notes import Note
from psychomet.numerics.dstudy import (
    kept_effects,
    resampled_components,
    square_influence,
)
from psychomet.numerics.resample import bca_interval, resample_weights
from psychomet.numerics.variance import balanced
from psychomet.scores.layout import ITEM
from psychomet.scores.layout_study import Fitted

Floats = NDArray[np.float64]

NO_UNIVERSE = "a scale has no universe-score variance"
NO_LIMITS = "too few resamples have a value"


class _Cross(NamedTuple):
    """Covariance components of two scales: effects without the residual's special place."""

    effects: tuple[tuple[int, ...], ...]
    component: Floats
    replicates: Floats
    influence: Floats


def profile_rows(
    found: Sequence[Fitted], *, weights: Mapping[str, float], conf_level: float, n_boot: int, seed: int
) -> list[Found]:
    """Return the rows of scales that share a complete layout, group by group.

    Parameters
    ----------
    found : sequence of Fitted
        Layouts with their components.
    weights : mapping of scale to float
        Weights of the composite; 1 where a scale is not named.
    conf_level : float
        Nominal coverage.
    n_boot, seed : int
        Resamples, the same as those of the scales.
    """
    rows: list[Found] = []
    for group in dict.fromkeys(one.layout.group for one in found):
        alike = _alike([one for one in found if one.layout.group == group])
        if len(alike) > 1:
            for a, b in combinations(alike, 2):
                rows.append(_correlation(a, b, _cross(a, b, n_boot=n_boot, seed=seed), conf_level))
            rows += composite_rows(alike, weights=weights, conf_level=conf_level, n_boot=n_boot, seed=seed)
    return rows


def profile_notes(found: Sequence[Fitted]) -> list[Note]:
    """Say that scales do not share a layout, where there are several."""
    whole = [one for one in found if not one.layout.group]
    alike = _alike(whole)
    if len(whole) < 2 or len(alike) == len(whole) or not any(one.measured for one in whole):
        return []
    text = (
        "Universe-score correlations and the composite need scales with the same respondents and conditions, each "
        f"complete: {len(alike) if len(alike) > 1 else 'none'} of {len(whole)} scales."
    )
    return [Note("layouts_differ", text, "info")]


def _alike(found: Sequence[Fitted]) -> list[Fitted]:
    """The scales whose layout, items apart, is that of the first complete one."""
    usable = [one for one in found if one.study is not None and one.layout.cells is not None and one.measured]
    if not usable:
        return []
    first = _conditions(usable[0])
    return [
        one for one in usable
        if _conditions(one) == first and np.array_equal(one.layout.ids, usable[0].layout.ids)
    ]  # fmt: skip


def _conditions(one: Fitted) -> list[tuple[str, int]]:
    """Axes and sizes without the items."""
    return [pair for pair in zip(one.layout.axes, one.layout.sizes, strict=True) if pair[0] != ITEM]


def _cross(a: Fitted, b: Fitted, *, n_boot: int, seed: int) -> _Cross:
    """Covariance components by polarisation, with their resamples and influence."""
    (left, nested), (right, _) = averaged(a), averaged(b)
    effects = kept_effects(left.ndim, nested=nested, max_order=left.ndim)
    parts = []
    for cells in (left + right, left - right):
        found = balanced(cells, nested=nested, effects=effects)
        inverse = np.linalg.inv(found.expected)
        drawn = np.empty((0, found.df.size))
        if n_boot:
            blocks = resample_weights(left.shape[0], n_boot=n_boot, seed=seed)
            drawn = np.concatenate(list(resampled_components(cells, found, blocks, nested=nested)))
        parts.append((found.component, drawn, square_influence(cells, found, nested=nested) @ inverse.T))
    component, replicates, influence = ((plus - minus) / 4 for plus, minus in zip(*parts, strict=True))
    return _Cross(found.effects, component, replicates, influence)


def _correlation(a: Fitted, b: Fitted, cross: _Cross, conf_level: float) -> Found:
    """Universe-score correlation of two scales."""
    row = {
        "estimand": "universe_correlation", "term": a.layout.scale.name, "other": b.layout.scale.name,
        "group": a.layout.group, "conf_level": conf_level, "n": a.n,
        "method": "bootstrap; BCa, respondents resampled, conditions held",
    }  # fmt: skip
    one, two = a.study, b.study
    if one is None or two is None:
        return Found(row | {"reason": NO_UNIVERSE})
    at = (one.effects.index((0,)), two.effects.index((0,)), cross.effects.index((0,)))
    variances = one.raw[at[0]], two.raw[at[1]]
    if min(variances) <= 0:
        return Found(row | {"reason": NO_UNIVERSE})
    covariance = cross.component[at[2]]
    value = float(covariance / np.sqrt(variances[0] * variances[1]))
    row["estimate"] = value
    if not cross.replicates.size:
        return Found(row | {"reason": NO_BOOT})
    product = one.replicates[:, at[0]] * two.replicates[:, at[1]]
    good = (one.replicates[:, at[0]] > 0) & (product > 0)
    drawn = cross.replicates[good, at[2]] / np.sqrt(product[good])
    scale = float(np.sqrt(variances[0] * variances[1]))
    influence = (
        cross.influence[:, at[2]] / scale
        - value * (one.influence[:, at[0]] / variances[0] + two.influence[:, at[1]] / variances[1]) / 2
    )
    if drawn.size < good.size / 2:
        return Found(row | {"reason": NO_LIMITS})
    low, high = bca_interval(drawn, value, influence, conf_level)
    if not np.isfinite([low, high]).all():
        return Found(row | {"reason": NO_LIMITS})
    found = {"std_error": float(drawn.std(ddof=1)), "conf_low": low, "conf_high": high}
    return Found(row | found, influence, a.layout.ids)
