"""What limits correlations of ordered items, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.structure.correlation_rows import MANY_CATEGORIES, Block, normality_p
from psychomet.notes import Note
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.ordinal.moments import matrix_of_pairs
from psychomet.numerics.ordinal.smoothing import smoothed_correlation
from psychomet.scores.sample_notes import listed
from psychomet.scores.score import Missing
from psychomet.text import visible

FEW_ROWS = 100
FAMILY_ERROR = 0.05
"""Family-wise error rate of the tests of the bivariate normal."""


def correlation_notes(blocks: Sequence[Block], *, missing: Missing, correct: float) -> Iterator[Note]:
    """Yield what a reader must know of some correlations.

    Parameters
    ----------
    blocks : sequence of Block
        The groups.
    missing : {"available", "complete"}
        The rule by which rows were kept.
    correct : float
        What was put into empty cells.

    Yields
    ------
    Note
        Rows left out, few rows, items that do not vary or have too many answers, averaged categories, empty
        cells, correlations at the limit, pairs that are not bivariate normal, matrices that are not positive
        definite.
    """
    yield from _rows(blocks, missing)
    yield from _items(blocks)
    yield from _cells(blocks, correct)
    yield from _normality(blocks)
    yield from _matrices(blocks)


def _name(block: Block) -> str:
    return visible(block.group) if block.group else "the whole table"


def _rows(blocks: Sequence[Block], missing: Missing) -> Iterator[Note]:
    """Rows left out and tables with few."""
    left = [
        f"{_name(one)} {one.left_out} of {one.left_out + len(one.there)}" for one in blocks if one.left_out
    ]
    if left:
        lacking = "any answer" if missing == "available" else "every answer"
        yield Note("rows_left_out", f"Rows without {lacking} are left out: {listed(left)}.", "info")
    few = [f"{_name(one)} {one.ids.size}" for one in blocks if one.ids.size < FEW_ROWS]
    if few:
        text = (
            f"Fewer than {FEW_ROWS} respondents: {listed(few)}. Standard errors are those of large samples; "
            "tables of answers have empty cells, and correlations near 1 come out too easily."
        )
        yield Note("few_respondents", text)
    if any(one.averaged for one in blocks):
        text = (
            "Respondents were asked several times and count with the mean of their answers; the different means are "
            "taken as the categories. unit='administration' correlates single answers."
        )
        yield Note("averaged_categories", text)


def _items(blocks: Sequence[Block]) -> Iterator[Note]:
    """Items without a correlation."""
    flat = [f"{_name(one)}: {_listed(one, one.sizes < 2)}" for one in blocks if (one.sizes < 2).any()]
    if flat:
        text = f"Items answered alike by everyone have no correlation: {listed(flat, 4, sep='; ')}."
        yield Note("zero_variance", text, "problem")
    wide = [one.ordered & (one.sizes > MANY_CATEGORIES) for one in blocks]
    named = [
        f"{_name(one)}: {_listed(one, many)}" for one, many in zip(blocks, wide, strict=True) if many.any()
    ]
    if named:
        text = (
            f"More than {MANY_CATEGORIES} different answers are no ordered categories: {listed(named, 4, sep='; ')}. "
            "kind='mixed' takes such items as continuous."
        )
        yield Note("many_categories", text)


def _cells(blocks: Sequence[Block], correct: float) -> Iterator[Note]:
    """Empty cells and correlations at the limit."""
    empty = [
        f"{_name(one)} {int((one.pairs.empty > 0).sum())} of {one.pairs.r.size}"
        for one in blocks
        if one.ordered.any() and (one.pairs.empty > 0).any()
    ]
    if empty:
        done = "they were left empty (correct=0)"
        if correct:
            done = f"{correct:g} was put into them, which the intervals do not allow for"
        text = f"Pairs of items whose table has an empty cell: {listed(empty)}; {done}."
        yield Note("empty_cells", text, "info")
    limit = [f"{_name(one)}: {_pairs(one, one.pairs.at_limit)}" for one in blocks if one.pairs.at_limit.any()]
    if limit:
        text = (
            "The likelihood rises up to a correlation of 1, so that there is no interval: "
            f"{listed(limit, 4, sep='; ')}. More rows, or correct=0.5, may help."
        )
        yield Note("at_limit", text, "problem")


def _normality(blocks: Sequence[Block]) -> Iterator[Note]:
    """Pairs whose table is not one that a bivariate normal gives."""
    found = []
    for one in blocks:
        p = holm(normality_p(one))
        tested, rejected = int(np.isfinite(p).sum()), int((p < FAMILY_ERROR).sum())
        if rejected:
            found.append(f"{_name(one)} {rejected} of {tested}")
    if found:
        text = (
            f"Pairs whose answers are not cut from a bivariate normal (likelihood ratio, Holm at {FAMILY_ERROR}): "
            f"{listed(found)}. With many rows small departures show; with large ones the correlation depends on "
            "the assumption."
        )
        yield Note("not_bivariate_normal", text)


def _matrices(blocks: Sequence[Block]) -> Iterator[Note]:
    """Correlations that no complete set of variables could have."""
    found = []
    for one in blocks:
        matrix = matrix_of_pairs(one.pairs.r, len(one.items))
        if np.isfinite(matrix).all() and smoothed_correlation(matrix)[1]:
            found.append(f"{_name(one)} (smallest eigenvalue {np.linalg.eigvalsh(matrix)[0]:.3f})")
    if found:
        text = (
            f"Not positive definite: {listed(found)}. The rows of the table are as estimated; the array 'smoothed' has "
            "the nearest usable matrix: eigenvalues below 1e-12 raised to 1e-10 and rescaled (the rule of psych::cor.smooth)."
        )
        yield Note("not_positive", text)


def _listed(block: Block, chosen: NDArray[np.bool_]) -> str:
    """Names of some items."""
    return listed([visible(block.items[j], 30) for j in np.flatnonzero(chosen)])


def _pairs(block: Block, chosen: NDArray[np.bool_]) -> str:
    """Names of some pairs."""
    rows, columns = np.triu_indices(len(block.items), 1)
    names = [
        f"{visible(block.items[rows[at]], 30)} and {visible(block.items[columns[at]], 30)}"
        for at in np.flatnonzero(chosen)[:5]
    ]
    return listed(names, 4)
