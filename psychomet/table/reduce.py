"""Reductions of a response table: the only place that asks the engine for answers.

Everything that an estimator needs is a block of one scale's answers, administrations x items; the
engine filters and sends three narrow columns, and the block is filled by index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from psychomet.schema import STATUSES
from psychomet.table.responses import ResponseTable


class Block(NamedTuple):
    """Answers to some items.

    Attributes
    ----------
    values : ndarray, shape (n_rows, k)
        Responses as given; NaN where there is none.
    administration : ndarray of int, shape (n_rows,)
        Which administration each row is: a position in ``responses.administrations``.
    """

    values: np.ndarray
    administration: np.ndarray


def item_block(responses: ResponseTable, *, items: Sequence[str]) -> Block:
    """Return the answers to some items as a dense block.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    items : sequence of str
        Item ids, in the order of the columns wanted; each must be in the table.

    Returns
    -------
    Block
        One row for every administration in which at least one of the items was asked, in the order
        of ``responses.administrations``.
    """
    position = {name: number for number, name in enumerate(responses.items)}
    codes = [position[item] for item in items]
    coded = responses.coded
    arrow = (
        coded.filter(coded.item.isin(codes)).select("administration", "item", "response").to_pyarrow()
    )  # fmt: skip
    administration = arrow["administration"].to_numpy()
    asked = np.zeros(len(responses.administrations), dtype=bool)
    asked[administration] = True
    row = np.cumsum(asked) - 1
    column = np.full(len(responses.items), -1)
    column[codes] = np.arange(len(codes))
    values = np.full((int(asked.sum()), len(codes)), np.nan)
    values[row[administration], column[arrow["item"].to_numpy()]] = arrow["response"].to_numpy()
    return Block(values, np.flatnonzero(asked))


def status_counts(responses: ResponseTable) -> dict[str, dict[str, np.ndarray]]:
    """Count the answers of every respondent by source and status.

    Parameters
    ----------
    responses : ResponseTable
        The table.

    Returns
    -------
    dict of source to dict of status to ndarray, shape (n_respondents,)
        In the order of the respondents' categories; statuses that do not occur are left out.
    """
    coded = responses.coded
    counted = coded.group_by(["administration", "status"]).aggregate(rows=coded.count()).to_pyarrow()
    administration = counted["administration"].to_numpy()
    status, rows = counted["status"].to_numpy(), counted["rows"].to_numpy()
    respondent = responses.administrations["respondent"].cat.codes.to_numpy()[administration]
    source = responses.administrations["source"].to_numpy()[administration]
    n = len(responses.administrations["respondent"].cat.categories)
    return {
        name: {
            STATUSES[code]: np.bincount(respondent[mine], rows[mine], minlength=n)
            for code in np.unique(status[source == name])
            for mine in [(source == name) & (status == code)]
        }
        for name in sorted(set(source))
    }
