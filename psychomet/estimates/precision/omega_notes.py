"""What limits an omega, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from psychomet.notes import Note
from psychomet.numerics.consistency import alpha
from psychomet.numerics.omegas import FEWEST_OF_A_GROUP, Whole
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

HIGH = 0.9
SAME = 5e-4
"""Two rotations whose omega hierarchical differs by less print the same three digits."""


class Fitted(NamedTuple):
    """One sample and what was fitted to those of its items that vary."""

    sample: Sample
    items: tuple[str, ...]
    whole: Whole
    values: dict[str, float]
    empty: int


def omega_notes(found: Sequence[Fitted], *, group_factors: int, n_boot: int) -> Iterator[Note]:
    """Yield what a reader must know of some omegas.

    Parameters
    ----------
    found : sequence of Fitted
        The samples with a model.
    group_factors, n_boot : int
        As asked for.

    Yields
    ------
    Note
        Alpha below 0 beside an omega near 1, negative loadings (never turned here), Heywood cases, an omega
        above 1, several minima of the rotation, groups that are too small or merge with the general factor,
        resamples left out, and which items form each group factor.
    """
    yield from _against_alpha(found)
    yield from _negative(found)
    yield from _heywood(found)
    yield from _rotation(found)
    yield from _groups(found, group_factors)
    empty = [f"{one.sample.name} {one.empty}" for one in found if one.empty]
    if empty:
        text = f"Of {n_boot} resamples those in which a model has no solution are left out: {listed(empty)}."
        yield Note("empty_resamples", text)


def _against_alpha(found: Sequence[Fitted]) -> Iterator[Note]:
    """Alpha and omega that contradict each other, and omegas above 1."""
    against, above = [], []
    for one in found:
        highest = max((value for name, value in one.values.items() if _total(name)), default=np.nan)
        low = alpha(one.sample.cov)
        if low < 0 and (highest > HIGH or _turned(one) > HIGH):
            against.append(
                f"{one.sample.name}: alpha {low:.2f}, omega total {highest:.2f}, with items reversed {_turned(one):.2f}"
            )
        if highest > 1 + 1e-9:
            above.append(f"{one.sample.name} {highest:.3f}")
    if against:
        text = (
            f"Alpha is negative and omega near 1: {listed(against, 4, sep='; ')}. The answers hardly vary or the items point "
            "both ways; neither number describes the score."
        )
        yield Note("omega_against_alpha", text, "problem")
    if above:
        text = (
            f"Omega total above 1: {listed(above)}. The model's common variance is larger than the observed "
            "variance of the score: the one-factor model does not fit."
        )
        yield Note("omega_above_one", text, "problem")


def _negative(found: Sequence[Fitted]) -> Iterator[Note]:
    """Items that load negatively on the one factor."""
    against = []
    for one in found:
        loading = one.whole.ml.loadings[0, :, 0]
        wrong = [
            f"{visible(item, 30)} ({value:.2f})"
            for item, value in zip(one.items, loading, strict=True)
            if value < 0
        ]
        if wrong:
            against.append(f"{one.sample.name}: {listed(wrong, 4)} (with them reversed {_turned(one):.2f})")
    if against:
        text = (
            f"Negative loadings on the one factor: {listed(against, 6, sep='; ')}. The items are scored as the key says; "
            "psych::omega reverses such items silently and prints the value in parentheses."
        )
        yield Note("negative_loadings", text)


def _heywood(found: Sequence[Fitted]) -> Iterator[Note]:
    """Items with a uniqueness at its bound."""
    cases = []
    for one in found:
        bound = one.whole.ml.heywood[0] | one.whole.minres.heywood[0]
        if one.whole.hierarchical is not None:
            bound = bound | one.whole.hierarchical.heywood
        if bound.any():
            names = [visible(one.items[j], 30) for j in np.flatnonzero(bound)]
            cases.append(f"{one.sample.name}: {listed(names, 4)}")
    if cases:
        text = (
            f"Heywood cases, uniqueness at its bound of .005: {listed(cases, 6, sep='; ')}. The model takes the item to be "
            "free of error, which the data do not say; too many factors or too few respondents are the usual cause."
        )
        yield Note("heywood", text)


def _rotation(found: Sequence[Fitted]) -> Iterator[Note]:
    """Rotations with several minima, and extractions that did not converge."""
    other, failed = [], []
    for one in found:
        tree, value = one.whole.hierarchical, one.values.get("sl_hierarchical", np.nan)
        if tree is not None and abs(tree.plain - value) > SAME:
            other.append(f"{one.sample.name} {value:.3f} against {tree.plain:.3f}")
        if not (one.whole.minres.converged[0] and (tree is None or tree.converged)):
            failed.append(one.sample.name)
    if other:
        text = (
            "Oblimin has several minima; the lowest of eleven starts is used. Programs that start once print another omega "
            f"hierarchical: {listed(other)}."
        )
        yield Note("rotation_minima", text)
    if failed:
        yield Note("not_converged", f"The factor solution did not converge: {listed(failed)}.", "problem")


def _groups(found: Sequence[Fitted], group_factors: int) -> Iterator[Note]:
    """Which items form each group factor, and groups that cannot be told apart."""
    trees = [(one, one.whole.hierarchical) for one in found if one.whole.hierarchical is not None]
    if trees and group_factors == 2:
        text = (
            "With two group factors the general factor is not determined: both are given the same loading on it (psych's "
            "option equal), and omega hierarchical rests on that choice."
        )
        yield Note("two_group_factors", text)
    merged = [one.sample.name for one, tree in trees if tree is not None and tree.merged]
    if merged:
        text = (
            f"A group factor is all but the general factor: {listed(merged)}. Fewer group factors would do."
        )
        yield Note("merged_group_factor", text)
    small, members = [], []
    for one, tree in trees:
        if tree is None:
            continue
        sets = [np.flatnonzero(tree.belongs == factor) for factor in range(group_factors)]
        if min(group.size for group in sets) < FEWEST_OF_A_GROUP:
            small.append(f"{one.sample.name} ({', '.join(str(group.size) for group in sets)})")
        parts = [
            f"F{number} = {listed([visible(one.items[j], 30) for j in group], 6) or 'none'}"
            for number, group in enumerate(sets, 1)
        ]
        members.append(f"{one.sample.name}: {'; '.join(parts)}")
    if small:
        text = (
            f"Group factors with fewer than {FEWEST_OF_A_GROUP} items each (items per factor): {listed(small)}. They are weakly "
            "determined, and the confirmatory bifactor model is not fitted."
        )
        yield Note("small_group_factors", text)
    if members:
        yield Note(
            "group_factors",
            f"Items by the group factor on which they load most. {listed(members, 12, sep='. ')}.",
            "info",
        )


def _total(name: str) -> bool:
    """Whether a value is an omega total."""
    return name in {"ml_observed", "ml_implied", "minres", "sl_total", "bifactor_total"}


def _turned(one: Fitted) -> float:
    """Omega total of the one-factor model if items with negative loadings were reversed, observed variance."""
    sign = np.where(one.whole.ml.loadings[0, :, 0] < 0, -1.0, 1.0)
    place = [one.sample.scale.items.index(item) for item in one.items]
    cov = one.sample.cov[np.ix_(place, place)] * sign[:, None] * sign
    loading = np.abs(one.whole.ml.loadings[0, :, 0]) * np.sqrt(np.diagonal(cov))
    variance = float(cov.sum())
    return float(loading.sum() ** 2 / variance) if variance > 0 else float("nan")
