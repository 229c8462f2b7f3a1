"""The groups whose factors are compared: levels of a facet, or two tables; and the solution common to them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.congruence import Alignment, Target, correlations
from psychomet.numerics.factors import Extraction, extract, most_factors
from psychomet.numerics.moments import column_means, group_means
from psychomet.numerics.rotations import Rule, Search, arranged, search
from psychomet.scores.key import Scale
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]

FEWEST_RESPONDENTS = 10
MOST_PAIRED = 5
"""Levels up to which every pair is compared; beyond, each level with all others."""
REST = "the others"
TOO_FEW = f"fewer than {FEWEST_RESPONDENTS} respondents have answers"
_HALF = 0.5


class Group(NamedTuple):
    """Answers at one level.

    Attributes
    ----------
    name : str
        The level.
    ids : (n,) array of str
        Respondents.
    values : (n, k) array
        Keyed answers to the items that vary at every level, averaged over a respondent's administrations.
    cor : (k, k) array
        Their correlations.
    """

    name: str
    ids: NDArray[Any]
    values: Floats
    cor: Floats


class Common(NamedTuple):
    """The solution to which every group is brought.

    Attributes
    ----------
    target : Target
        Loadings and rotation.
    names : tuple of str
        Of the factors.
    search : Search
        What the starts of its rotation found.
    heywood : bool
        Whether a uniqueness stands at its bound.
    """

    target: Target
    names: tuple[str, ...]
    search: Search
    heywood: bool


def groups_of(samples: Sequence[tuple[str, Sample]]) -> tuple[list[Group], dict[str, str], list[str]]:
    """Return the groups that can be compared, reasons for the others by name, and the items used.

    Parameters
    ----------
    samples : sequence of (str, Sample)
        Name and answers of each group, one row per respondent, the same items in the same order.
    """
    failed = {name: TOO_FEW for name, one in samples if one.ids.size < FEWEST_RESPONDENTS}
    kept = [(name, one) for name, one in samples if name not in failed]
    if not kept:
        return [], failed, []
    varies = np.logical_and.reduce([one.varies for _, one in kept])
    items = [item for item, there in zip(kept[0][1].scale.items, varies, strict=True) if there]
    groups = [
        Group(name, one.ids, one.values[:, varies], one.cor[np.ix_(varies, varies)]) for name, one in kept
    ]
    return groups, failed, items


def common_solution(
    groups: Sequence[Group],
    items: Sequence[str],
    *,
    scales: Sequence[Scale],
    n_factors: int,
    extraction: Extraction,
    chosen: Rule,
    alignment: Alignment,
    seed: int,
) -> Common | str:
    """Factor the mean of the groups' correlations, weighted by respondents; a reason where that cannot be done.

    The mean within groups, so that differences in the means of groups make no factor.
    """
    if n_factors > most_factors(len(items)):
        return (
            f"{n_factors} factors of {len(items)} items that vary in every group are not identified; at most "
            f"{most_factors(len(items))}"
        )
    weight = np.array([group.ids.size for group in groups], dtype=np.float64)
    pooled = np.einsum("g,gij->ij", weight / weight.sum(), np.array([group.cor for group in groups]))
    found = extract(pooled[None], n_factors, method=extraction)
    if not np.isfinite(found.loadings).all():
        return f"the pooled correlations are not positive definite, which {extraction} needs; minres does not"
    turned = search(found.loadings[0], chosen=chosen, seed=seed)
    best = arranged(turned.best, keep_first=chosen.name.startswith("bifactor"))
    names, sign = factor_names(best.loadings[0], items, scales)
    target = Target(
        unrotated=found.loadings[0],
        transform=best.transform[0] * sign,
        rotated=best.loadings[0] * sign,
        uniqueness=found.uniqueness[0],
        extraction=extraction,
        chosen=chosen,
        alignment=alignment,
    )
    return Common(target, names, turned, bool(found.heywood.any()))


def factor_names(
    loadings: Floats, items: Sequence[str], scales: Sequence[Scale]
) -> tuple[tuple[str, ...], Floats]:
    """Name factors after the scale that they and no other meet for more than half; give them its direction."""
    inside = np.array([[item in scale.items for item in items] for scale in scales], dtype=np.float64)
    square = inside @ loadings**2
    names, sign = [], np.ones(loadings.shape[1])
    for factor in range(loadings.shape[1]):
        scale = int(np.argmax(square[:, factor]))
        mine = square[scale, factor]
        plain = mine > _HALF * square[:, factor].sum() and mine > _HALF * square[scale].sum()
        names.append(scales[scale].name if plain else f"F{factor + 1}")
        if plain and inside[scale] @ loadings[:, factor] < 0:
            sign[factor] = -1.0
    return tuple(names), sign


def pairs_of(groups: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Return every pair of groups, or with many groups each beside all others together."""
    if len(groups) <= MOST_PAIRED:
        return list(combinations(groups, 2))
    return [(group, _rest([other for other in groups if other is not group])) for group in groups]


def _rest(groups: Sequence[Group]) -> Group:
    """Some groups as one: each centred, a respondent's rows averaged."""
    ids, place = np.unique(np.concatenate([group.ids for group in groups]), return_inverse=True)
    centred = np.concatenate([group.values - column_means(group.values) for group in groups])
    values = group_means(centred, place, ids.size)
    return Group(REST, ids, values, correlations(values))
