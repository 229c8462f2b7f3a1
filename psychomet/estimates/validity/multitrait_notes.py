"""What a reader of a multitrait-multimethod matrix must know beside the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from psychomet.estimates.validity.multitrait_models import TITLES, Solution
from psychomet.estimates.validity.multitrait_rows import Facts
from psychomet.estimates.validity.multitrait_units import Matrix
from psychomet.notes import Note
from psychomet.numerics.multitrait import (
    expected_absolute,
)
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEW = 50


def multitrait_notes(
    made: Sequence[tuple[Matrix, Facts]],
    solved: Sequence[Solution],
    flat: Sequence[str],
    table: ResponseTable,
) -> Iterator[Note]:
    """Yield the notes of the question.

    Parameters
    ----------
    made : sequence of (Matrix, Facts)
        The matrices.
    solved : sequence of Solution
        The models.
    flat : sequence of str
        Indicators left out because they do not vary, in words, by group.
    table : ResponseTable
        The table.
    """
    if made:
        yield _bias(made[0][0])
    for matrix, known in made:
        yield from _matrix_notes(matrix, known)
    listed = "; ".join(words for words in flat if words)
    if listed:
        yield Note("constant_items", f"Answered alike by everyone and left out of HTMT: {listed}.")
    yield from _model_notes(solved)
    most = max((high for _, high in table.design.administrations_per_respondent.values()), default=1)
    if most > 1:
        text = "Respondents were asked several times and enter with their means: correlations are between respondents."
        yield Note("between_respondents", text, "info")


def _bias(matrix: Matrix) -> Note:
    chance = expected_absolute(matrix.n)
    size = f"{chance:.3f}" if math.isfinite(chance) else "not known"
    return Note(
        "absolute_bias",
        f"A mean of absolute correlations is never 0: with {matrix.n} respondents and nothing in common it would be about "
        f"{size}. Discriminant r is too high and Delta too low by up to that much; their intervals are widened for it "
        "on that side, the estimates are as published studies compute them.",
    )


def _matrix_notes(matrix: Matrix, known: Facts) -> Iterator[Note]:
    where = f" ({visible(matrix.group)})" if matrix.group else ""
    flat = [
        visible(unit.name)
        for at, unit in enumerate(matrix.units)
        if np.isnan(matrix.cor[at, at]) and matrix.sums.count[at, at] > 1
    ]
    if flat:
        text = f"No variation in {', '.join(flat[:6])}{where}: nothing correlates with it."
        yield Note("zero_variance", text, "problem")
    counts = matrix.sums.count
    if matrix.n < FEW:
        yield Note("few_respondents", f"{matrix.n} respondents{where}: even the intervals say little.")
    if counts.min() < counts.max():
        text = f"Pairs of scores rest on {int(counts.min())} to {int(counts.max())} respondents{where}."
        yield Note("pairwise", text, "info")
    turned = [
        (matrix.units[b].name, matrix.units[a].name)
        for (a, b), r, p in zip(known.found.pairs.tolist(), known.found.r, known.p_adjusted, strict=True)
        if matrix.trait[a] == matrix.trait[b] and r < 0 and p < 0.05
    ]
    for one, two in turned[:4]:
        text = f"{visible(one)} and {visible(two)} correlate negatively{where}: is one of them scored the other way?"
        yield Note("opposite_keys", text, "problem")
    over = [
        (matrix.units[b].name, matrix.units[a].name)
        for (a, b), r in zip(known.found.pairs.tolist(), known.found.r, strict=True)
        if known.alphas[a] > 0
        and known.alphas[b] > 0
        and abs(r) > math.sqrt(known.alphas[a] * known.alphas[b])
    ]
    if over:
        pair = f"{visible(over[0][0])} and {visible(over[0][1])}"
        text = (
            f"{len(over)} correlations without measurement error lie beyond 1{where}, {pair} for one: alpha "
            "understates the reliability there, or their errors correlate. They are left as they are."
        )
        yield Note("beyond_one", text)


def _model_notes(solved: Sequence[Solution]) -> Iterator[Note]:
    for one in solved:
        where = f" ({visible(one.matrix.group)})" if one.matrix.group else ""
        if one.reason:
            yield Note("model_failed", f"{TITLES[one.kind]}{where} has no solution: {one.reason}.", "problem")
        elif one.improper:
            text = (
                f"{TITLES[one.kind]}{where} ended in an improper solution ({one.improper}): its shares of variance mean "
                "nothing and have no intervals."
            )
            yield Note("improper_solution", text, "problem")
    if any(one.kind == "ct_cm" for one in solved):
        text = (
            "CT-CM often fails to converge or ends in improper solutions even where it is true; CTC(M-1) answers much the "
            "same question and does so far less often."
        )
        yield Note("ct_cm", text, "info")
