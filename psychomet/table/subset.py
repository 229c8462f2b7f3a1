"""Parts of a table: what is left out is counted, and its reason travels to the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import ibis
import numpy as np
import pyarrow as pa

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.table.assemble import assemble
from psychomet.table.responses import ResponseTable
from psychomet.table.source import fresh, keep, let_go
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

    Returns
    -------
    ResponseTable
        Its intake counts the rows left out under the reason, and a note says so.

    Raises
    ------
    InputError
        If an id is not in the table, fewer than two respondents would be left, there is no reason, or
        an item of the key would be left without answers.
    """
    if isinstance(respondents, str):
        raise InputError(
            "without(...)", [Fault("respondents", "they are one text", "Pass a list of respondent ids")]
        )
    leave = set(respondents)
    known = set(responses.administrations["respondent"].cat.categories)
    strange = sorted(map(str, leave - known))
    faults = []
    if strange:
        shown = ", ".join(f"'{visible(name)}'" for name in strange[:5])
        faults.append(Fault("respondents", f"{len(strange)} are not in the table: {shown}", "Mend the ids"))
    if len(known - leave) < 2:
        faults.append(Fault("respondents", "fewer than two would be left", "Leave out fewer"))
    if not reason.strip():
        faults.append(Fault("reason", "it is empty", "Say why, in words for the reader"))
    if faults:
        raise InputError("without(...)", faults)
    if not leave:
        return responses
    gone = responses.administrations["respondent"].isin(leave).to_numpy()
    coded, items = _kept_rows(responses, np.flatnonzero(~gone))
    administrations = responses.administrations[~gone].reset_index(drop=True)
    for name in administrations.columns.drop("rows"):
        administrations[name] = administrations[name].cat.remove_unused_categories()
    lost = int(responses.administrations["rows"].to_numpy()[gone].sum())
    dropped = dict(responses.intake.dropped)
    dropped[reason] = dropped.get(reason, 0) + lost
    intake = dataclasses.replace(
        responses.intake, rows_kept=responses.intake.rows_kept - lost, dropped=dropped
    )
    plural = "s" if len(leave) > 1 else ""
    text = f"{len(leave)} respondent{plural} ({lost} rows) left out: {visible(reason, 300)}."
    return assemble(
        coded, administrations, items, responses.facets, key=responses.key, intake=intake,
        notes=(*responses.notes, Note("left_out", text, "caution")),
    )  # fmt: skip


def _kept_rows(responses: ResponseTable, kept: np.ndarray) -> tuple[ibis.Table, tuple[str, ...]]:
    """Return the coded rows of some administrations, both numbered anew, and the items that are left."""
    engine, coded = responses.coded.get_backend(), responses.coded
    numbers, codes = fresh("kept"), fresh("items")
    administration = keep(
        engine,
        numbers,
        pa.table({"old": kept.astype("int32"), "new": np.arange(kept.size, dtype="int32")}),
    )
    mine = coded.join(administration, coded.administration == administration.old)
    left = np.sort(mine.select("item").distinct().to_pyarrow()["item"].to_numpy())
    item = keep(engine, codes, pa.table({"was": left, "now": np.arange(left.size, dtype="int32")}))
    chosen = mine.join(item, mine.item == item.was).select(
        administration="new", item="now", response="response", status="status"
    )
    made = engine.create_table(fresh("coded"), chosen)
    let_go(engine, numbers)
    let_go(engine, codes)
    return made, tuple(responses.items[number] for number in left)
