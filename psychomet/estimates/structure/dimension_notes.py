"""What limits a count of factors, one note per kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from psychomet.estimates.structure.dimension_rules import Examined, Request
from psychomet.notes import Note
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import DUPLICATE_R, FEW_RESPONDENTS, listed
from psychomet.text import visible

FEW_PER_ITEM = 5
POOR_KMO = 0.5
"""Below it Kaiser called correlations unacceptable for factoring."""
FEW_RATHER = ("parallel analysis of components at the 95th percentile", "minimum average partial")
MANY_RATHER = (
    "parallel analysis of common factors (one minres factor) at the 95th percentile",
    "empirical Kaiser criterion",
)
"""Criteria named first: the steadier ones of those that err on either side (docs/validation/dimensions.md)."""


def dimension_notes(found: Sequence[Examined], seen: Sequence[Sample], request: Request) -> Iterator[Note]:
    """Yield what a reader must know of some counts of factors.

    Parameters
    ----------
    found : sequence of Examined
        Samples about which the criteria were asked.
    seen : sequence of Sample
        All samples.
    request : Request
        How they were treated.

    Yields
    ------
    Note
        That the criteria disagree, and by how much; rows and items left out, few respondents, twins, matrices that
        are not positive definite, rows that are not independent, poor sampling adequacy.
    """
    whole = [one for one in found if not one.sample.group] or list(found[:1])
    for one in whole:
        yield from _disagreement(one, request)
    yield from _groups([one for one in found if one not in whole])
    yield from _data(found, seen)
    yield from _matrix(found, request)


def _disagreement(one: Examined, request: Request) -> Iterator[Note]:
    """Which numbers are in dispute, or that all agree."""
    by_number: dict[int, list[str]] = defaultdict(list)
    for name, number, _ in one.elections:
        if number is not None:
            by_number[number].append(name)
    if len(by_number) == 1:
        number = next(iter(by_number))
        yield Note("dimensions_agree", f"{one.sample.name}: every criterion elects {number}.", "info")
        return
    if not by_number:
        return
    parts = [f"{number} by {len(names)}" for number, names in sorted(by_number.items())]
    known = f" The key has {request.n_scales} scales." if request.n_scales > 1 else ""
    text = (
        f"{one.sample.name}: the criteria disagree, from {min(by_number)} to {max(by_number)} factors "
        f"({', '.join(parts)} criteria). Steadier ones that rather find too few: {_named(one, FEW_RATHER)}; that rather "
        f"find too many, trifles included: {_named(one, MANY_RATHER)}.{known} No rule decides this: fit the numbers in "
        "dispute and compare what the factors mean."
    )
    yield Note("dimensions_disagree", text)


def _groups(found: Sequence[Examined]) -> Iterator[Note]:
    """What the criteria elect in groups, in one note."""
    ranges = []
    for one in found:
        numbers = [number for _, number, _ in one.elections if number is not None]
        if numbers:
            same = min(numbers) == max(numbers)
            ranges.append(f"{one.sample.name} {min(numbers)}{'' if same else f' to {max(numbers)}'}")
    if ranges:
        text = f"Factors elected in groups, over the criteria: {listed(ranges, sep='; ')}. Smaller groups show fewer factors by that alone."
        yield Note("dimensions_by_group", text, "info")


def _named(one: Examined, names: tuple[str, ...]) -> str:
    """Some criteria with the numbers that they elect."""
    return ", ".join(
        f"{name} {'none' if number is None else number}" for name, number, _ in one.elections if name in names
    )


def _data(found: Sequence[Examined], seen: Sequence[Sample]) -> Iterator[Note]:
    """Rows left out, few respondents, items that do not vary, twins."""
    out = [f"{one.name} {one.left_out}" for one in seen if one.left_out]
    if out:
        yield Note("rows_left_out", f"Rows left out because answers are missing: {listed(out)}.", "info")
    few = [
        f"{one.name} {one.ids.size} respondents, {len(one.scale.items)} items"
        for one in seen
        if one.ids.size < max(FEW_RESPONDENTS, FEW_PER_ITEM * len(one.scale.items))
    ]
    if few:
        text = f"Fewer than {FEW_PER_ITEM} respondents per item: {listed(few, sep='; ')}. The number of factors is hardly determined there."
        yield Note("few_respondents", text)
    alike = []
    for one in seen:
        names = [
            visible(item, 30) for item, varies in zip(one.scale.items, one.varies, strict=True) if not varies
        ]
        if names and one.ids.size > 1:
            alike.append(f"{one.name}: {listed(names, 4)}")
    if alike:
        text = f"Everyone answered alike, so that there is nothing to correlate: {listed(alike, sep='; ')}. These items are left out."
        yield Note("zero_variance", text)
    twins = []
    for examined in found:
        if not examined.sample.group:
            high = np.argwhere(np.triu(np.abs(examined.cor) > DUPLICATE_R, 1))
            twins += [
                f"{visible(examined.items[a], 30)} and {visible(examined.items[b], 30)}" for a, b in high
            ]
    if twins:
        text = f"Items that correlate above {DUPLICATE_R} say one thing twice and may count as a factor: {listed(twins, 4, sep='; ')}."
        yield Note("duplicate_items", text)


def _matrix(found: Sequence[Examined], request: Request) -> Iterator[Note]:
    """Matrices that are not positive definite, dependent rows, poor adequacy."""
    mended = [one.sample.name for one in found if one.smoothed]
    if mended:
        text = f"The correlations were not positive definite and were smoothed (negative eigenvalues made small and positive): {listed(mended)}."
        yield Note("smoothed", text)
    singular = [one.sample.name for one in found if not one.smoothed and np.isnan(one.kmo[0])]
    if singular:
        text = f"The correlations are not positive definite: {listed(singular)}. KMO, Bartlett's test, the hull and the sequential tests need that."
        yield Note("not_positive", text)
    clustered = [one.sample.name for one in found if one.sample.clustered]
    if clustered:
        text = (
            f"Rows of one respondent are not independent: {listed(clustered)}. Sample sizes are taken as the number of "
            "respondents, which makes chance look larger than it is; factors may also come from what varies within "
            "respondents."
        )
        if request.null == "permuted":
            text = (
                f"Rows of one respondent are not independent: {listed(clustered)}. Shuffling treats them as if they "
                "were, so that chance looks smaller than it is and too many factors may be found."
            )
        yield Note("dependent_rows", text)
    poor = [f"{one.sample.name} {one.kmo[0]:.2f}" for one in found if one.kmo[0] < POOR_KMO]
    if poor:
        yield Note("poor_adequacy", f"KMO below {POOR_KMO}: {listed(poor)}. There is little to factor.")
