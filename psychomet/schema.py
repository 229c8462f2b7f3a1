"""A table is described by a list of columns; what does not fit is told all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from psychomet.errors import Fault
from psychomet.text import is_control, visible

DType = Literal["text", "number"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Its name in the table.
    dtype : {"text", "number"}
        What it holds; identifiers are text even when they look like numbers.
    required : bool
        Whether a table without it is refused.
    meaning : str
        One line for the reader of an error or of the documentation.
    """

    name: str
    dtype: DType
    required: bool
    meaning: str


RESPONSE_COLUMNS: tuple[Column, ...] = (
    Column("respondent", "text", True, "who answered, the unit that is resampled: a model, a persona, model x persona, a person"),
    Column("item", "text", True, "what was asked: an item id of the key"),
    Column("response", "number", True, "the code as given, not reversed; empty only with a status"),
    Column("status", "text", False, "answered, refused, unparsed, truncated or not_administered"),
    Column("source", "text", False, "self_report (default), behaviour or observer"),
    Column("instrument", "text", False, "facet: the questionnaire or task"),
    Column("model", "text", False, "facet: the language model"),
    Column("persona", "text", False, "facet: the persona or system prompt"),
    Column("prompt", "text", False, "facet: the prompt template or wording"),
    Column("order", "text", False, "facet: the order of the answer options"),
    Column("language", "text", False, "facet: the language of the questions"),
    Column("rater", "text", False, "facet: who judged"),
    Column("occasion", "text", False, "facet: when"),
    Column("sample", "text", False, "replicate draw under identical conditions: seed, epoch, repetition"),
    Column("weight", "number", False, "survey weight"),
    Column("raw", "text", False, "the text returned by the model"),
    Column("choice", "text", False, "the option chosen, by label"),
)  # fmt: skip
"""The columns of a response table; further facets may be named by the caller."""

STATUSES: tuple[str, ...] = ("answered", "refused", "unparsed", "truncated", "not_administered")
SOURCES: tuple[str, ...] = ("self_report", "behaviour", "observer")
STANDARD_FACETS: tuple[str, ...] = (
    "instrument", "model", "persona", "prompt", "order", "language", "rater", "occasion",
)  # fmt: skip

MANY_COLUMNS = 200


def check_columns(there: Sequence[str], columns: Iterable[Column]) -> list[Fault]:
    """Return the faults of a table's column names: missing, doubled, or not to be shown.

    Parameters
    ----------
    there : sequence of str
        Column names found, in order.
    columns : iterable of Column
        The columns wanted.

    Returns
    -------
    list of Fault
        Empty when every required column is there once.
    """
    faults: list[Fault] = []
    missing = [column for column in columns if column.required and column.name not in there]
    if missing:
        names = ", ".join(column.name for column in missing)
        shown = ", ".join(visible(name, 30) for name in list(there)[:12])
        more = f" and {len(there) - 12} more" if len(there) > 12 else ""
        todo = "Rename the columns, or pass columns={'your name': 'respondent', ...}"
        if len(there) > MANY_COLUMNS:
            todo = (
                f"With {len(there)} columns this looks like a wide table (one column per item): "
                "turn it into one row per answer, in Python with psychomet.from_wide(...)"
            )
        faults.append(Fault("columns", f"missing {names}; the table has {shown}{more}", todo))
    doubled = sorted({name for name in there if list(there).count(name) > 1}) if len(there) < 10_000 else []
    if doubled:
        faults.append(Fault("columns", f"named twice: {', '.join(visible(n, 30) for n in doubled[:5])}", "Rename one of each"))
    return faults


def check_facet_names(names: Iterable[str]) -> list[Fault]:
    """Return the faults of facet names given by the caller: taken, empty or unprintable."""
    taken = {column.name for column in RESPONSE_COLUMNS} - set(STANDARD_FACETS)
    faults = []
    for name in names:
        if name in taken:
            faults.append(Fault("facets", f"{visible(name)!r} has a fixed meaning and cannot be a facet", "Rename the column"))
        elif not name or len(name) > 60 or any(map(is_control, name)):
            faults.append(Fault("facets", f"the name {visible(name)!r} is empty, longer than 60 characters or holds control characters", "Rename the column"))
    return faults
