"""What stands out in the items of the samples that covariances are made from, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from psychomet.notes import Note
from psychomet.numerics.consistency import alpha, item_rest_correlation
from psychomet.scores.sample import Sample
from psychomet.scores.score import Missing
from psychomet.text import visible

FEW_RESPONDENTS = 30
SHORT_PAIR = 0.95
"""Share of the rows that the poorest pair of items should have, for n = rows to be fair."""
DUPLICATE_R = 0.95
"""Two items that correlate above it share more than 90 % of their variance."""
NEGATIVE_EIGENVALUE = -1e-10
"""Relative to the trace; a smaller one is rounding."""


def sample_notes(samples: Sequence[Sample], *, missing: Missing) -> Iterator[Note]:
    """Yield what a reader must know of some samples beside any number made from them.

    Parameters
    ----------
    samples : sequence of Sample
        Answers of the scales, in the groups asked for.
    missing : {"available", "complete"}
        The rule by which rows were kept.

    Yields
    ------
    Note
        Rows left out, few respondents, items that do not vary, negative alphas, items that correlate
        negatively with the rest (never reversed here), near-duplicates, short or impossible pairwise
        covariances.
    """
    left_out = [f"{one.name} {one.left_out}" for one in samples if one.left_out]
    if left_out:
        what = "no answer" if missing == "available" else "an answer missing"
        yield Note("rows_left_out", f"Rows with {what} are left out: {listed(left_out)}.", "info")
    few: dict[str, int] = {}
    for one in samples:
        if 1 < one.ids.size < FEW_RESPONDENTS:
            label = visible(one.group) if one.group else one.name
            few[label] = min(one.ids.size, few.get(label, one.ids.size))
    if few:
        shown = listed([f"{label} ({n})" for label, n in few.items()])
        text = f"Fewer than {FEW_RESPONDENTS} respondents: {shown}. Intervals from so few cover less often than they say."
        yield Note("few_respondents", text)
    usable = [one for one in samples if one.ids.size > 1 and not np.isnan(one.cov).any()]
    yield from _alike(usable)
    yield from _directions(usable)
    yield from _duplicates([one for one in usable if not one.group])
    yield from _pairwise([one for one in usable if one.holes])


def _alike(samples: Sequence[Sample]) -> Iterator[Note]:
    """Items that everyone answered alike, and what raw alpha would be without them."""
    found, without = [], []
    for one in samples:
        if not one.varies.all():
            found.append(f"{one.name}: {listed(_items(one, ~one.varies), 4)}")
            value = alpha(one.cov[np.ix_(one.varies, one.varies)])
            if np.isfinite(value):
                without.append(f"{one.name} {value:.3f}")
    if found:
        text = (
            f"Everyone answered alike in {listed(found, sep='; ')}. Such items count in raw alpha as they count in the "
            "score; standardised alpha leaves them out, and they have no correlations."
        )
        if without:
            text += f" Raw alpha without them, which other programs print: {listed(without)}."
        yield Note("zero_variance", text)


def _directions(samples: Sequence[Sample]) -> Iterator[Note]:
    """Scales and items that do not point one way."""
    negative, against = [], []
    for one in samples:
        value = alpha(one.cov)
        if value < 0:
            negative.append(f"{one.name} ({value:.2f})")
        rest = item_rest_correlation(one.cov)
        wrong = [f"{item} ({r:.2f})" for item, r in zip(_items(one), rest, strict=True) if r < 0]
        if wrong:
            against.append(f"{one.name}: {listed(wrong, 4)}")
    if negative:
        text = (
            f"Alpha is negative: {listed(negative)}. The items do not agree on a direction; check which of "
            "them the key should reverse."
        )
        yield Note("negative_alpha", text, "problem")
    if against:
        text = (
            f"Correlated negatively with the rest of their scale: {listed(against, sep='; ')}. They are scored as the "
            "key says, never reversed silently; check whether it should reverse them."
        )
        yield Note("negative_item_rest", text)


def _duplicates(samples: Sequence[Sample]) -> Iterator[Note]:
    """Pairs of items that are all but one item."""
    found = []
    for one in samples:
        items = _items(one)
        high = np.argwhere(np.triu(np.nan_to_num(np.abs(one.cor)) > DUPLICATE_R, 1))
        if high.size:
            found.append(f"{one.name}: {listed([f'{items[j]} and {items[other]}' for j, other in high], 3)}")
    if found:
        text = f"Items that correlate above {DUPLICATE_R} say one thing twice and raise alpha: {listed(found, sep='; ')}."
        yield Note("duplicate_items", text)


def _pairwise(samples: Sequence[Sample]) -> Iterator[Note]:
    """What pairwise covariances of a table with holes bring with them."""
    short, impossible = [], []
    for one in samples:
        fewest, total = int(one.sums.count.min()), one.values.shape[0]
        if fewest < SHORT_PAIR * total:
            short.append(f"{one.name} {fewest} of {total}")
        if np.linalg.eigvalsh(one.cov)[0] < NEGATIVE_EIGENVALUE * np.trace(one.cov):
            impossible.append(one.name)
    if short:
        text = (
            f"Rows in which the poorest pair of items was answered together: {listed(short)}. Feldt's interval "
            "counts all rows and is too narrow there."
        )
        yield Note("short_pairs", text)
    if impossible:
        text = f"Pairwise covariances that are not positive semi-definite, as those of no complete table: {listed(impossible)}."
        yield Note("not_positive", text)


def _items(sample: Sample, chosen: np.ndarray | None = None) -> list[str]:
    """Names of the items of a sample, fit for a sentence."""
    items = sample.scale.items
    return [visible(items[j], 30) for j in range(len(items)) if chosen is None or chosen[j]]


def listed(names: Sequence[str], most: int = 8, *, sep: str = ", ") -> str:
    """Join names for a sentence, cut to the first ones."""
    return sep.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
