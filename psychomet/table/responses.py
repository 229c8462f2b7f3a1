"""The response table: one row = one answer of a respondent to an item under some conditions.

The answers stay in the engine (DuckDB behind Ibis) in coded form: the number of the administration,
the number of the item, the response and its status. Who and under which conditions is one small
frame beside it. Everything downstream reduces from these two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import numpy as np
import pandas as pd

from psychomet.notes import Note
from psychomet.schema import STATUSES
from psychomet.table.design import Design
from psychomet.text import visible


@dataclass(frozen=True, slots=True)
class Intake:
    """What happened to the rows on the way in: read = kept + the sum of dropped.

    Parameters
    ----------
    subject : str
        What was read.
    rows_read, rows_kept : int
        Rows in the source, and rows in the table now.
    dropped : mapping of reason to int
        Rows left out on the caller's word, by reason.
    unused_columns : tuple of str
        Columns of the source that the table does not use.
    """

    subject: str
    rows_read: int
    rows_kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    unused_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResponseTable:
    """Answers of respondents to items; read one with :func:`psychomet.read_responses`.

    Parameters
    ----------
    coded : ibis.Table
        Columns ``administration`` (int), ``item`` (int), ``response`` (float, null when missing) and
        ``status`` (int, position in :data:`psychomet.schema.STATUSES`).
    administrations : pandas.DataFrame
        Row number = administration; categorical columns ``respondent``, ``source``, the facets and,
        if the table has it, ``sample``; ``rows`` counts the answers asked for.
    items : tuple of str
        Position = item code.
    facets : tuple of str
        The facet columns.
    key : Key or None
        The instrument that the table was checked against.
    design : Design
        What the table is made of.
    intake : Intake
        What happened to the rows on the way in.
    contract : mapping
        What must agree before two results may be compared, and the fingerprint of the answers.
    notes : tuple of Note
        What a reader must know.
    """

    coded: ibis.Table
    administrations: pd.DataFrame
    items: tuple[str, ...]
    facets: tuple[str, ...]
    key: Any
    design: Design
    intake: Intake
    contract: Mapping[str, Any]
    notes: tuple[Note, ...] = ()

    @property
    def has_sample(self) -> bool:
        """Whether replicate draws under identical conditions are told apart."""
        return "sample" in self.administrations.columns

    def __repr__(self) -> str:
        design = self.design
        facets = ", ".join(f"{visible(f, 20)} ({len(design.levels[f])})" for f in self.facets)
        return (
            f"<ResponseTable {visible(self.intake.subject)}: {design.n_rows} rows, "
            f"{design.n_respondents} respondents, {design.n_items} items; facets: {facets or 'none'}>"
        )


def to_frame(responses: ResponseTable) -> pd.DataFrame:
    """Return the table as a tidy pandas frame, one row per answer, labels instead of codes.

    Parameters
    ----------
    responses : ResponseTable
        The table.

    Returns
    -------
    pandas.DataFrame
        Columns ``respondent``, ``item``, ``response``, ``status``, ``source``, the facets and
        ``sample`` where there is one; ordered by respondent, administration and item.
    """
    arrow = responses.coded.order_by(["administration", "item"]).to_pyarrow()
    rows = arrow["administration"].to_numpy()
    frame = responses.administrations.drop(columns="rows").iloc[rows].reset_index(drop=True)
    items = np.asarray(responses.items, dtype=object)
    frame.insert(1, "item", items[arrow["item"].to_numpy()])
    frame.insert(2, "response", arrow["response"].to_numpy(zero_copy_only=False))
    frame.insert(3, "status", np.asarray(STATUSES, dtype=object)[arrow["status"].to_numpy()])
    return frame
