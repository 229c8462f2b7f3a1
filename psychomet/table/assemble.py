"""Put a response table together from its coded parts, and hold it against its key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.schema import STATUSES
from psychomet.table.design import make_design
from psychomet.table.fingerprint import fingerprint, fingerprint_items
from psychomet.table.responses import Intake, ResponseTable
from psychomet.table.source import fresh, keep, let_go
from psychomet.text import visible


class ScaleLike(Protocol):
    """What a table needs to know of a scale (``psychomet.scores.key.Scale`` has it)."""

    @property
    def name(self) -> str:
        """The name of the scale."""
        ...

    @property
    def items(self) -> tuple[str, ...]:
        """Item ids."""
        ...

    @property
    def low(self) -> float:
        """The lowest possible code."""
        ...

    @property
    def high(self) -> float:
        """The highest possible code."""
        ...


class KeyLike(Protocol):
    """What a table needs to know of a key (``psychomet.scores.key.Key`` has it)."""

    @property
    def name(self) -> str:
        """The name of the instrument."""
        ...

    @property
    def scales(self) -> Sequence[ScaleLike]:
        """The scales."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the scoring rules."""
        ...


def assemble(
    coded: ibis.Table,
    administrations: pd.DataFrame,
    items: Sequence[str],
    facets: Sequence[str],
    *,
    key: Any,
    intake: Intake,
    notes: Iterable[Note] = (),
    faults: Iterable[Fault] = (),
) -> ResponseTable:
    """Make a :class:`ResponseTable` from coded parts; tell every fault at once.

    Parameters
    ----------
    coded, administrations, items, facets, key, intake, notes
        As in :class:`ResponseTable`.
    faults : iterable of Fault
        Faults already found while reading.

    Raises
    ------
    InputError
        If there is any fault: those given, fewer than two respondents, or a table and a key that do
        not fit (unknown item, item without answers, code outside the range, mixed sources).
    """
    found = list(faults)
    respondents = administrations["respondent"].cat.categories
    if len(respondents) < 2:
        found.append(
            Fault(
                "respondent",
                f"there is only one respondent ('{visible(respondents[0])}')",
                "Reliability and intervals need several independent respondents; if each administration "
                "is one, name them so in the respondent column",
            )
        )
    tally = _tally(coded, administrations, items)
    scale_source: dict[str, str] = {}
    if key is not None:
        found += _key_faults(key, tally, coded, administrations, items)
        source_of = dict(zip(tally["item"], tally["source"], strict=True))
        scale_source = {scale.name: source_of.get(scale.items[0], "") for scale in key.scales}
    if found:
        raise InputError(intake.subject, found)
    status = {
        str(source): {name: int(group.loc[group["status"] == name, "rows"].sum()) for name in STATUSES}
        for source, group in tally.groupby("source", sort=True)
    }
    design = make_design(
        administrations, facets, n_items=len(items), status=status, scale_source=scale_source
    )
    contract = {
        "fingerprint": fingerprint(coded, administrations, items),
        "items": fingerprint_items(items),
        "key": key.fingerprint if key is not None else "",
        "key_name": key.name if key is not None else "",
        "n_respondents": design.n_respondents,
        "n_answers": int(sum(counts["answered"] for counts in status.values())),
    }
    return ResponseTable(
        coded=coded,
        administrations=administrations,
        items=tuple(items),
        facets=tuple(facets),
        key=key,
        design=design,
        intake=intake,
        contract=contract,
        notes=tuple(dict.fromkeys(notes)),
    )


def with_key(responses: ResponseTable, *, key: KeyLike) -> ResponseTable:
    """Return the table held against another key.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key
        The instrument.

    Raises
    ------
    InputError
        If table and key do not fit; every fault is listed.
    """
    if responses.key is not None and responses.key.fingerprint == key.fingerprint:
        return responses
    return assemble(
        responses.coded, responses.administrations, responses.items, responses.facets,
        key=key, intake=responses.intake, notes=responses.notes,
    )  # fmt: skip


def _tally(coded: ibis.Table, administrations: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    """Count rows by source, item and status, with the range of the responses."""
    sources = administrations["source"].cat
    engine, name = coded.get_backend(), fresh("sources")
    numbers = np.arange(len(administrations), dtype="int32")
    codes = sources.codes.to_numpy().astype("int32")
    lookup = keep(engine, name, pa.table({"number": numbers, "source": codes}))
    joined = coded.join(lookup, coded.administration == lookup.number)
    grouped = joined.group_by(["source", "item", "status"]).aggregate(
        rows=joined.count(), low=joined.response.min(), high=joined.response.max()
    )
    frame = grouped.order_by(["source", "item", "status"]).to_pandas()
    let_go(engine, name)
    frame["source"] = np.asarray(sources.categories, dtype=object)[frame["source"].to_numpy()]
    frame["item"] = np.asarray(items, dtype=object)[frame["item"].to_numpy()]
    frame["status"] = np.asarray(STATUSES, dtype=object)[frame["status"].to_numpy()]
    return frame


def _key_faults(
    key: KeyLike,
    tally: pd.DataFrame,
    coded: ibis.Table,
    administrations: pd.DataFrame,
    items: Sequence[str],
) -> list[Fault]:
    """Every way in which the table does not fit the key."""
    faults = []
    wanted = {item: scale for scale in key.scales for item in scale.items}
    there = set(items)
    for names, what, todo in (
        (sorted(there - set(wanted) - {""}), "in the table but not in the key", "Add them to a scale of the key, or leave their rows out of the table"),
        (sorted(set(wanted) - there), "in the key but not in the table", "Take them out of the key, or add their rows (status = not_administered where they were not asked)"),
    ):  # fmt: skip
        if names:
            shown = ", ".join(f"'{visible(name, 40)}'" for name in names[:8])
            more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
            faults.append(Fault("item", f"{len(names):,} {what}: {shown}{more}", todo))
    for scale in key.scales:
        mine = tally[tally["item"].isin(scale.items)]
        outside = mine[(mine["low"] < scale.low) | (mine["high"] > scale.high)]["item"].unique().tolist()
        if outside:
            faults.append(_range_fault(scale, outside, coded, administrations, items))
        sources = sorted(mine["source"].unique())
        if len(sources) > 1:
            faults.append(
                Fault(
                    f"scale '{visible(scale.name)}'",
                    f"its answers come from several sources ({', '.join(sources)})",
                    "Give the items of each source ids and a scale of their own",
                )
            )
    return faults


def _range_fault(
    scale: ScaleLike,
    outside: Sequence[str],
    coded: ibis.Table,
    administrations: pd.DataFrame,
    items: Sequence[str],
) -> Fault:
    """Say how many codes of a scale are out of range, and show the first."""
    position = {name: number for number, name in enumerate(items)}
    bad = coded.filter(
        coded.item.isin([position[name] for name in outside])
        & ((coded.response < scale.low) | (coded.response > scale.high))
    )
    count = int(bad.count().execute())
    first = bad.order_by(["administration", "item"]).limit(3).to_pandas()
    respondents = administrations["respondent"]
    shown = "; ".join(
        f"{_code(row.response)} by '{visible(respondents.iloc[int(row.administration)], 40)}' "
        f"on '{visible(items[int(row.item)], 40)}'"
        for row in first.itertuples()
    )
    return Fault(
        f"scale '{visible(scale.name)}'",
        f"{count:,} response{'s' if count > 1 else ''} outside {scale.low:g} to {scale.high:g}: {shown}",
        "Mend low and high in the key, or mark the answers as missing with a status",
    )


def _code(value: float) -> str:
    """Return a code in its short form where that is the same number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
