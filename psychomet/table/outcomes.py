"""What became of every answer that was asked for: one code per administration and item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.table.responses import ResponseTable


class Outcomes(NamedTuple):
    """Status of the answers to some items.

    Attributes
    ----------
    codes : (n_rows, k) array of int8
        Position in :data:`psychomet.schema.STATUSES`; -1 where the table has no row.
    administration : (n_rows,) array of int
        Which administration each row is: a position in ``responses.administrations``. The rows are those of
        :func:`psychomet.table.reduce.item_block` for the same items.
    """

    codes: NDArray[np.int8]
    administration: NDArray[np.intp]


def outcomes(responses: ResponseTable, *, items: Sequence[str]) -> Outcomes:
    """Return the status of every answer to some items as a dense block.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    items : sequence of str
        Item ids, in the order of the columns wanted; each must be in the table.

    Returns
    -------
    Outcomes
    """
    position = {name: number for number, name in enumerate(responses.items)}
    wanted = [position[item] for item in items]
    coded = responses.coded
    arrow = coded.filter(coded.item.isin(wanted)).select("administration", "item", "status").to_pyarrow()
    administration = arrow["administration"].to_numpy()
    asked = np.zeros(len(responses.administrations), dtype=bool)
    asked[administration] = True
    row = np.cumsum(asked) - 1
    column = np.full(len(responses.items), -1)
    column[wanted] = np.arange(len(wanted))
    codes = np.full((int(asked.sum()), len(wanted)), -1, dtype=np.int8)
    codes[row[administration], column[arrow["item"].to_numpy()]] = arrow["status"].to_numpy()
    return Outcomes(codes, np.flatnonzero(asked))
