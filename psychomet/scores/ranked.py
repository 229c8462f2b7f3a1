"""Answers as category numbers, one row per look: what tables of ordered answers are counted from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.ordinal.tables import item_codes
from psychomet.scores.joint import joint_samples
from psychomet.scores.key import Scale
from psychomet.scores.score import Missing, Unit
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.reduce import Ranks, item_ranks
from psychomet.table.responses import ResponseTable


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Ordered answers to the items of some scales, after the rule for missing answers.

    Parameters
    ----------
    group : str
        "facet = level", or empty for the whole table.
    items : tuple of str
        The columns.
    codes : (n_rows, k) array of int
        Category numbers in the keyed direction, -1 where there is no answer.
    unit : (n_rows,) array of int
        Position in ``ids`` of the respondent of each row.
    ids : (n,) array of str
        The respondents who have a row.
    left_out : int
        Rows without any answer, or under ``missing="complete"`` without every answer.
    averaged : bool
        Whether the categories are means of several answers.
    """

    group: str
    items: tuple[str, ...]
    codes: NDArray[np.integer]
    unit: NDArray[np.intp]
    ids: NDArray[Any]
    left_out: int
    averaged: bool

    @property
    def clustered(self) -> bool:
        """Whether a respondent has several rows, so that rows are not independent."""
        return bool(self.codes.shape[0] > self.ids.size)


def ranked_samples(
    responses: ResponseTable, *, scales: Sequence[Scale], missing: Missing, unit: Unit, by: str | None = None
) -> Iterator[Ranked]:
    """Yield the ordered answers in the whole table, then at each level of a facet.

    Parameters
    ----------
    responses : ResponseTable
        The table, with the key to use.
    scales : sequence of Scale
        Scales of that key; their items in this order are the columns.
    missing : {"available", "complete"}
        Keep the rows with any answer, or those with an answer to every item of every scale.
    unit : {"respondent", "administration"}
        What a row is. A respondent who was asked several times counts with the mean of the answers to an
        item, and the different means are the categories.
    by : str, optional
        The facet.
    """
    items = tuple(item for scale in scales for item in scale.items)
    ranks = item_ranks(responses, items=items)
    who = responses.administrations["respondent"].cat.codes.to_numpy()[ranks.administration]
    if unit == "respondent" and np.unique(who).size < who.size:
        for sample in joint_samples(responses, scales=scales, missing=missing, unit=unit, by=by):
            means = item_codes(sample.values)[0]
            yield Ranked(sample.group, items, means, sample.unit, sample.ids, sample.left_out, True)
        return
    codes = _keyed(ranks, scales)
    ids = np.asarray(responses.administrations["respondent"].cat.categories, dtype=object)
    yield _ranked("", items, codes, who, ids, missing)
    if by is None:
        return
    column = responses.administrations[by].cat
    at = column.codes.to_numpy()[ranks.administration]
    for code, level in enumerate(column.categories):
        if level != NOT_APPLICABLE and (at == code).any():
            yield _ranked(f"{by} = {level}", items, codes[at == code], who[at == code], ids, missing)


def _keyed(ranks: Ranks, scales: Sequence[Scale]) -> NDArray[np.integer]:
    """Turn the categories of the items that the key reverses."""
    turned = np.array([item in scale.reversed for scale in scales for item in scale.items], dtype=bool)
    codes = ranks.codes
    for j in np.flatnonzero(turned):
        codes[:, j] = np.where(codes[:, j] < 0, -1, ranks.levels[j].size - 1 - codes[:, j])
    return codes


def _ranked(
    group: str,
    items: tuple[str, ...],
    codes: NDArray[np.integer],
    who: NDArray[np.integer],
    ids: NDArray[Any],
    missing: Missing,
) -> Ranked:
    """Apply the rule for missing answers to some rows."""
    there = codes >= 0
    keep = np.flatnonzero(there.all(axis=1) if missing == "complete" else there.any(axis=1))
    order = keep[np.argsort(who[keep], kind="stable")]
    present, unit = np.unique(who[order], return_inverse=True)
    return Ranked(group, items, codes[order], unit, ids[present], len(codes) - keep.size, False)
