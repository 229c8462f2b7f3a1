"""Parts of a table: what is left out is counted, and its reason travels to the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.table.assemble import assemble
from psychomet.table.responses import ResponseTable
from psychomet.table.source import fresh, keep
from psychomet.text import visible


def without(responses: ResponseTable, *, respondents: Iterable[str], reason: str) -> ResponseTable:
    """Return the table without some respondents; the reason travels to every page made from it.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    respondents : iterable of str
        Ids to leave out.
    reason : str
        Why, in words for the reader.

    Raises
    ------
    InputError
        If an id is not in the table, or fewer than two respondents would be left.
    """
    leave = set(respondents)
    known = set(responses.administrations["respondent"].cat.categories)
    strange = sorted(leave - known)
    faults = []
    if strange:
        shown = ", ".join(visible(name) for name in strange[:5])
        faults.append(Fault("respondents", f"{len(strange)} are not in the table: {shown}", "Mend the ids"))
    if len(known - leave) < 2:
        faults.append(Fault("respondents", "fewer than two would be left", "Leave out fewer"))
    if faults:
        raise InputError("without(...)", faults)
    gone = responses.administrations["respondent"].isin(leave).to_numpy()
    kept = np.flatnonzero(~gone)
    engine = responses.coded.get_backend()
    renumber = keep(
        engine,
        fresh("kept"),
        pa.table({"old": kept.astype("int32"), "new": np.arange(kept.size, dtype="int32")}),
    )
    joined = responses.coded.join(renumber, responses.coded.administration == renumber.old)
    coded = engine.create_table(
        fresh("coded"),
        joined.select(administration="new", item="item", response="response", status="status"),
    )
    administrations = responses.administrations.iloc[kept].reset_index(drop=True)
    for name in administrations.columns.drop("rows"):
        administrations[name] = administrations[name].cat.remove_unused_categories()
    dropped = dict(responses.intake.dropped)
    lost = int(responses.administrations["rows"].to_numpy()[gone].sum())
    dropped[reason] = dropped.get(reason, 0) + lost
    intake = dataclasses.replace(
        responses.intake, rows_kept=responses.intake.rows_kept - lost, dropped=dropped
    )
    note = Note("left_out", f"{len(leave)} respondents ({lost} rows) were left out: {reason}.", "caution")
    return assemble(
        coded, administrations, responses.items, responses.facets,
        key=responses.key, intake=intake, notes=(*responses.notes, note),
    )  # fmt: skip
