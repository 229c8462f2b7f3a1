"""The answers of one scale in one group of the table, ready for covariances: one row, one look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.moments import Moments, correlation, covariance, group_means, moments
from psychomet.scores.key import Scale
from psychomet.scores.score import Answers, Missing, ScaleScores, Unit, answers
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Keyed answers after the rule for missing answers, with their pairwise moments.

    Parameters
    ----------
    scale : Scale
        The scale.
    group : str
        "facet = level", or empty for the whole table.
    values : (n_rows, k) array
        Keyed responses, NaN where there is none; rows of a respondent stand together.
    unit : (n_rows,) array of int
        Position in ``ids`` of the respondent of each row, ascending.
    ids : (n,) array of str
        The respondents who have a row.
    left_out : int
        Rows without any answer, or under ``missing="complete"`` without every answer.
    sums : Moments
        ``moments(values)``.
    cov, cor : (k, k) array
        Pairwise covariances and correlations.
    varies : (k,) array of bool
        Which items were not answered alike by everyone.
    """

    scale: Scale
    group: str
    values: Floats
    unit: NDArray[np.intp]
    ids: NDArray[Any]
    left_out: int
    sums: Moments
    cov: Floats
    cor: Floats
    varies: NDArray[np.bool_]

    @property
    def clustered(self) -> bool:
        """Whether a respondent has several rows, so that rows are not independent."""
        return bool(self.values.shape[0] > self.ids.size)

    @property
    def holes(self) -> bool:
        """Whether an answer is missing in a row that is kept."""
        return bool(np.isnan(self.values).any())

    @property
    def name(self) -> str:
        """Scale and group, for a sentence."""
        return f"{visible(self.scale.name)}{f' ({visible(self.group)})' if self.group else ''}"


def samples(
    responses: ResponseTable, *, scale: str, missing: Missing, unit: Unit, by: str | None = None
) -> Iterator[Sample]:
    """Yield the answers of a scale in the whole table, then at each level of a facet.

    Parameters
    ----------
    responses : ResponseTable
        The table, with the key to use.
    scale : str
        Name of the scale.
    missing : {"available", "complete"}
        Keep the rows with any answer, or those with every answer.
    unit : {"respondent", "administration"}
        What a row is. For ``respondent`` a cell is the mean of that respondent's answers to the item,
        over the administrations at the level.
    by : str, optional
        The facet.
    """
    block = answers(responses, scale=scale, unit="administration" if by else unit)
    yield from samples_of(block, missing=missing, unit=unit, by=by)


def samples_of(block: Answers, *, missing: Missing, unit: Unit, by: str | None = None) -> Iterator[Sample]:
    """Yield keyed answers that are already there as :func:`samples` does.

    Parameters
    ----------
    block : Answers
        One row per administration, or per respondent where ``by`` is not asked for.
    missing, unit, by
        As in :func:`samples`.
    """
    for group, here in groups_of(block, by=by):
        yield _sample(block, group, here, missing, unit)


def groups_of(block: Answers | ScaleScores, *, by: str | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name and the rows of the whole table, then of each level of a facet that has any."""
    yield "", np.ones(block.respondent.size, dtype=bool)
    if by is None:
        return
    column = block.cells[by].cat
    codes = column.codes.to_numpy()
    for code, level in enumerate(column.categories):
        here = codes == code
        if level != NOT_APPLICABLE and here.any():
            yield f"{by} = {level}", here


def _sample(block: Answers, group: str, here: NDArray[np.bool_], missing: Missing, unit: Unit) -> Sample:
    """Take some rows, average them to respondents if asked, apply the rule for missing answers."""
    values, respondent = block.values[here], block.respondent[here]
    if unit == "respondent":
        present, position = np.unique(respondent, return_inverse=True)
        values, respondent = group_means(values, position, present.size), present
    there = ~np.isnan(values)
    keep = there.all(axis=1) if missing == "complete" else there.any(axis=1)
    order = np.flatnonzero(keep)[np.argsort(respondent[keep], kind="stable")]
    values = values[order]
    kept, position = np.unique(respondent[order], return_inverse=True)
    sums = moments(values)
    cor = correlation(sums)
    return Sample(
        scale=block.scale,
        group=group,
        values=values,
        unit=position,
        ids=block.respondents[kept],
        left_out=int(np.count_nonzero(~keep)),
        sums=sums,
        cov=covariance(sums),
        cor=cor,
        varies=~np.isnan(np.diagonal(cor)),
    )
