"""What limits a factor solution, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from psychomet.estimates.structure.factor_solution import Solution
from psychomet.estimates.structure.factor_sureness import Plan
from psychomet.notes import Note
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import DUPLICATE_R, FEW_RESPONDENTS, SHORT_PAIR, listed
from psychomet.text import visible

SALIENT = 0.3
"""Size from which on a loading is customarily looked at; below it a factor has no item to be named by."""
FEWEST_ITEMS = 3
MERGED = 0.85
"""Factors that correlate above it are hardly two (Brown 2015, Confirmatory factor analysis, Guilford)."""
UNDETERMINED = 0.8
"""Below it two equally fitting sets of scores may correlate as low as 2 * 0.64 - 1 = .28 (Grice 2001)."""
FEW_PER_ITEM = 5


def factor_notes(solved: Sequence[Solution], seen: Sequence[Sample], plan: Plan) -> Iterator[Note]:
    """Yield what a reader must know of some factor solutions.

    Parameters
    ----------
    solved : sequence of Solution
        Those that were found.
    seen : sequence of Sample
        All samples.
    plan : Plan
        How they were treated.

    Yields
    ------
    Note
        Rows and items left out, few respondents, items that repeat each other, smoothed or impossible correlations,
        Heywood cases, other minima of the rotation, factors that are weak, merge or bear no name of a scale.
    """
    yield from _rows(seen)
    yield from _items(solved)
    yield from _extraction(solved)
    yield from _rotation(solved)
    yield from _factors(solved)
    yield from _names(solved, plan)
    if plan.hierarchical:
        yield from _hierarchy(solved, plan)


def _rows(seen: Sequence[Sample]) -> Iterator[Note]:
    """Rows left out, few respondents, items that do not vary, pairs that were seldom answered together."""
    out = [f"{one.name} {one.left_out}" for one in seen if one.left_out]
    if out:
        yield Note("rows_left_out", f"Rows left out because answers are missing: {listed(out)}.", "info")
    few = [
        f"{one.name} {one.ids.size} respondents, {len(one.scale.items)} items"
        for one in seen
        if one.ids.size < max(FEW_RESPONDENTS, FEW_PER_ITEM * len(one.scale.items))
    ]
    if few:
        text = f"Fewer than {FEW_PER_ITEM} respondents per item: {listed(few, sep='; ')}. Loadings vary much from sample to sample, and intervals by the delta method are too narrow there."
        yield Note("few_respondents", text)
    alike = []
    for one in seen:
        names = [
            visible(item, 30) for item, varies in zip(one.scale.items, one.varies, strict=True) if not varies
        ]
        if names and one.ids.size > 1:
            alike.append(f"{one.name}: {listed(names, 4)}")
    if alike:
        yield Note(
            "zero_variance",
            f"Everyone answered alike, so that there is nothing to correlate: {listed(alike, sep='; ')}. These items are left out.",
        )
    short = [
        f"{one.name} {int(one.sums.count.min())} of {len(one.values)}"
        for one in seen
        if one.ids.size > 1 and one.holes and one.sums.count.min() < SHORT_PAIR * len(one.values)
    ]
    if short:
        text = f"Rows in which the poorest pair of items was answered together: {listed(short)}. The fit statistics count all rows and are too large there; the intervals of loadings are not affected."
        yield Note("short_pairs", text)


def _items(solved: Sequence[Solution]) -> Iterator[Note]:
    """Items that say the same twice, and correlations that no complete table has."""
    twins, mended, impossible = [], [], []
    for one in solved:
        if not one.sample.group:
            high = np.argwhere(np.triu(np.abs(one.cor) > DUPLICATE_R, 1))
            twins += [f"{visible(one.items[a], 30)} and {visible(one.items[b], 30)}" for a, b in high]
        if one.smoothed:
            mended.append(one.sample.name)
        elif np.linalg.eigvalsh(one.cor)[0] < 1e-10:
            impossible.append(one.sample.name)
    if twins:
        text = f"Items that correlate above {DUPLICATE_R} say one thing twice and make a factor of their own: {listed(twins, 4, sep='; ')}."
        yield Note("duplicate_items", text)
    if mended:
        text = f"The correlations were not positive definite and were smoothed (negative eigenvalues made small and positive): {listed(mended)}."
        yield Note("smoothed", text)
    if impossible:
        text = f"The correlations are not positive definite: {listed(impossible)}. Least squares needs no more; fit by the likelihood and scores are not defined."
        yield Note("not_positive", text)


def _extraction(solved: Sequence[Solution]) -> Iterator[Note]:
    """Heywood cases and extractions that did not converge."""
    cases, failed = [], []
    for one in solved:
        bound = one.found.heywood[0]
        if bound.any():
            cases.append(
                f"{one.sample.name}: {listed([visible(one.items[j], 30) for j in np.flatnonzero(bound)], 4)}"
            )
        if not one.found.converged[0]:
            failed.append(one.sample.name)
    if cases:
        text = (
            f"Heywood cases, uniqueness at its bound of .005: {listed(cases, 6, sep='; ')}. The model takes the item to be "
            "free of error, which the data do not say; too many factors or too few respondents are the usual cause."
        )
        yield Note("heywood", text, "problem")
    if failed:
        yield Note("not_converged", f"The extraction did not converge: {listed(failed)}.", "problem")


def _rotation(solved: Sequence[Solution]) -> Iterator[Note]:
    """Rotations with several minima, or without one."""
    other, failed = [], []
    for one in solved:
        found = one.search
        if not found.best.converged[0]:
            failed.append(one.sample.name)
        if found.minima > 1:
            plain = float(found.plain.value[0] - found.best.value[0])
            tail = (
                f", {plain:.2g} below where a single start ends"
                if plain > 1e-6 * abs(found.best.value[0])
                else ""
            )
            other.append(
                f"{one.sample.name}: {found.minima} minima, {found.hits} of {len(found.values)} starts in the lowest{tail}"
            )
    if other:
        text = f"The rotation has several minima; the lowest is used. {listed(other, 4, sep='; ')}. Other programs may print another one."
        yield Note("rotation_minima", text)
    if failed:
        yield Note("rotation_not_converged", f"The rotation did not converge: {listed(failed)}.", "problem")


def _factors(solved: Sequence[Solution]) -> Iterator[Note]:
    """Factors that hardly are factors."""
    weak, merged, loose = [], [], []
    for one in solved:
        general = int(one.second_order is not None)
        leading = general + np.argmax(np.abs(one.loadings[:, general:]), axis=1)
        for f, name in enumerate(one.names):
            own = (
                len(one.items)
                if f < general
                else int(np.count_nonzero((leading == f) & (np.abs(one.loadings[:, f]) >= SALIENT)))
            )
            if own < FEWEST_ITEMS:
                weak.append(
                    f"{visible(name, 40)} ({own}{f', {one.sample.name}' if one.sample.group else ''})"
                )
            if one.determinacy[f] < UNDETERMINED:
                loose.append(f"{visible(name, 40)} {one.determinacy[f]:.2f}")
        for f, g in combinations(range(len(one.names)), 2):
            if abs(one.phi[f, g]) > MERGED:
                merged.append(
                    f"{visible(one.names[f], 40)} and {visible(one.names[g], 40)} {one.phi[f, g]:.2f}"
                )
    if weak:
        text = f"Factors on which fewer than {FEWEST_ITEMS} items load most and above {SALIENT} (items): {listed(weak)}. They are weakly determined; fewer factors may do."
        yield Note("weak_factor", text)
    if merged:
        yield Note(
            "merged_factors", f"Factors that correlate above {MERGED}: {listed(merged)}. They are hardly two."
        )
    if loose:
        text = f"Score determinacy below {UNDETERMINED}: {listed(loose)}. Scores of such factors that fit equally well rank respondents differently."
        yield Note("undetermined_scores", text)


def _names(solved: Sequence[Solution], plan: Plan) -> Iterator[Note]:
    """Factors that do not match a scale of the key."""
    if not solved or len(plan.scales) < 2:
        return
    known = {scale.name for scale in plan.scales}
    groups = solved[0].names[int(solved[0].second_order is not None) :]
    apart = [visible(name, 40) for name in groups if name not in known]
    if apart:
        unmatched = [visible(name, 40) for name in sorted(known - set(groups))]
        text = f"Factors that match no scale of the key: {listed(apart)}; scales without a factor of their own: {listed(unmatched) or 'none'}."
        yield Note("unnamed_factors", text, "info")


def _hierarchy(solved: Sequence[Solution], plan: Plan) -> Iterator[Note]:
    """What limits a general factor made of the correlations of group factors."""
    if plan.n_factors == 2:
        text = "Two group factors do not determine a general one: both are given the loading sqrt|r| on it. With three or more it is estimated."
        yield Note("two_group_factors", text)
    merged = [one.sample.name for one in solved if one.merged]
    if merged:
        text = f"A group factor is all but the general factor (loading on it at the bound of .9975): {listed(merged)}. Little is left for the group."
        yield Note("merged_general", text)
    below = [
        f"{visible(name, 40)} {value:.2f}{f', {one.sample.name}' if one.sample.group else ''}"
        for one in solved
        if one.second_order is not None
        for name, value in zip(one.names[1:], one.second_order, strict=True)
        if value < 0
    ]
    if below:
        text = f"Group factors that load negatively on the general one: {listed(below)}. It is then no sum of what the items share; look at how the scales are keyed."
        yield Note("negative_on_general", text)
