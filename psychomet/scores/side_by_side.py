"""Scores of two sources beside each other, by respondent and the conditions that both have.

Scores of one source stand in one row per administration. A score of another source belongs to such a row if it is of the same
respondent under the same levels of the facets that both have; over what only the other source varied, it is averaged. Samples are
paired by their number where both sources have the same numbers, and averaged otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from psychomet.scores.score import Missing, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable

SAMPLE, WHO = "sample", "respondent"
SCORE = "_score "
"""Before the name of a scale in a column; no facet begins like that."""


def wide_scores(table: ResponseTable, *, scales: Sequence[str], missing: Missing) -> pd.DataFrame:
    """Return one row per administration of a source, the scores as columns.

    Parameters
    ----------
    table : ResponseTable
        With its key.
    scales : sequence of str
        Scales of one source.
    missing : {"available", "complete"}
        The rule for missing answers.

    Returns
    -------
    DataFrame
        ``respondent``, the facets, ``sample`` where there is one, and :data:`SCORE` + name of each scale; NaN where
        there is no score.
    """
    parts = []
    for name in scales:
        block = scale_scores(table, scale=name, missing=missing)
        keys = block.cells.astype(str).assign(**{WHO: block.respondents[block.respondent].astype(str)})
        frame = keys.assign(**{SCORE + name: block.values})
        parts.append(frame.groupby(list(keys.columns))[SCORE + name].mean())
    return pd.concat(parts, axis=1).reset_index()


def shared_conditions(table: ResponseTable, first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """Return the conditions by which rows of two frames are paired: facets that all rows of both have, and samples."""
    shared = [
        name for name in table.facets if all((side[name] != NOT_APPLICABLE).all() for side in (first, second))
    ]
    if table.has_sample and set(first[SAMPLE]) == set(second[SAMPLE]):
        shared.append(SAMPLE)
    return shared


def beside(table: ResponseTable, target: pd.DataFrame, *, other: pd.DataFrame) -> pd.DataFrame:
    """Put scores of another frame beside the rows of a frame; NaN where there is none.

    Parameters
    ----------
    table : ResponseTable
        The table of both.
    target : DataFrame
        ``respondent`` and conditions; its rows and their order are kept.
    other : DataFrame
        From :func:`wide_scores`.
    """
    by = [WHO, *shared_conditions(table, target, other)]
    scores = [name for name in other.columns if name.startswith(SCORE)]
    means = other.groupby(by)[scores].mean().reset_index()
    return target.merge(means, on=by, how="left")
