"""What limits an omega, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from psychomet.notes import Note
from psychomet.numerics.consistency import alpha
from psychomet.numerics.factoring import LEAST_UNIQUENESS
from psychomet.numerics.hierarchical import Hierarchical, residual_of_one
from psychomet.numerics.omegas import Whole
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

HIGH = 0.9
SAME = 5e-4
"""Two rotations whose omega hierarchical differs by less print the same three digits."""
WEAK = 0.2
"""Loading of a group factor on the general factor below which it is said to hardly belong to it."""


MISFIT = 0.1
"""Root mean square residual correlation from which one factor is said to describe a scale badly."""


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
        Alpha below 0 beside an omega near 1, negative loadings (never turned here), a factor that does not describe the
        correlations, Heywood cases, an omega above 1, several minima of the rotation, scales without the group factors asked for, group factors that hardly
        belong to the general factor, resamples left out, and which items form each group factor.
    """
    yield from _against_alpha(found)
    yield from _negative(found)
    yield from _misfit(found)
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


def _misfit(found: Sequence[Fitted]) -> Iterator[Note]:
    """Scales whose correlations one factor does not describe."""
    bad = []
    for one in found:
        place = [one.sample.scale.items.index(item) for item in one.items]
        residual = residual_of_one(one.sample.cor[np.ix_(place, place)], one.whole.minres)
        if residual > MISFIT:
            bad.append(f"{one.sample.name} {residual:.2f}")
    if bad:
        text = (
            f"One factor describes these scales badly (root mean square residual correlation above {MISFIT}): {listed(bad)}. "
            "Omegas of one factor then depend on how it was fitted, and can differ widely; the items fall into clusters."
        )
        yield Note("one_factor_misfit", text)


def _heywood(found: Sequence[Fitted]) -> Iterator[Note]:
    """Items with a uniqueness at its bound."""
    cases = []
    for one in found:
        bound = one.whole.ml.heywood[0] | one.whole.minres.heywood[0]
        if one.whole.hierarchical is not None:
            bound = bound | one.whole.hierarchical.heywood
        if one.whole.confirmed is not None:
            bound = bound | (one.whole.confirmed[2] <= LEAST_UNIQUENESS * (1 + 1e-6))
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
    """Samples without group factors, those that hardly belong together, and which items form each."""
    printed = [
        f"{one.sample.name} {one.whole.refused.printed:.2f}"
        for one in found
        if one.whole.refused is not None and np.isfinite(one.whole.refused.printed)
    ]
    if printed:
        text = (
            "Omega hierarchical is not given where the items do not show the group factors asked for; each row has its reason. "
            f"Programs without that rule, psych::omega for one, print a number all the same: {listed(printed)}."
        )
        yield Note("no_hierarchy", text)
    trees = [(one, one.whole.hierarchical) for one in found if one.whole.hierarchical is not None]
    if trees and group_factors == 2:
        text = (
            "With two group factors the general factor is not determined: both are given the same loading on it (psych's "
            "option equal), and omega hierarchical rests on that choice."
        )
        yield Note("two_group_factors", text)
    yield from _weak(trees)
    members = []
    for one, tree in trees:
        sets = [np.flatnonzero(tree.belongs == factor) for factor in range(group_factors)]
        parts = [
            f"F{number} = {listed([visible(one.items[j], 30) for j in group], 6)}"
            for number, group in enumerate(sets, 1)
        ]
        members.append(f"{one.sample.name}: {'; '.join(parts)}")
    if members:
        yield Note(
            "group_factors",
            f"Items by the group factor on which they load most. {listed(members, 12, sep='. ')}.",
            "info",
        )


def _weak(trees: Sequence[tuple[Fitted, Hierarchical]]) -> Iterator[Note]:
    """Group factors that hardly belong to the general factor."""
    weak = []
    for one, tree in trees:
        alone = [f"F{f} {value:.2f}" for f, value in enumerate(tree.second_order, 1) if value < WEAK]
        if alone:
            weak.append(f"{one.sample.name}: {', '.join(alone)}")
    if weak:
        text = (
            f"Group factors that load below {WEAK} on the general factor: {listed(weak, 6, sep='; ')}. The items measure things "
            "that hardly go together, or some point the wrong way; the general factor is then weakly determined, and "
            "omega hierarchical tends to be too high."
        )
        yield Note("weak_general_factor", text)


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
