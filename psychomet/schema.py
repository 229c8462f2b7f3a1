"""A table is described by a list of columns; what does not fit is told all at once."""

from __future__ import annotations

from collections import Counter
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

RESERVED: frozenset[str] = frozenset({"rows", "administration", "scale", "score", "answered", "items"})
"""Names of columns that stand beside the facets in frames made from a table."""


def check_columns(there: Sequence[str], columns: Iterable[Column]) -> list[Fault]:
    """Return the faults of a table's column names: missing or doubled.

    Parameters
    ----------
    there : sequence of str
        Column names found, in order.
    columns : iterable of Column
        The columns wanted.

    Returns
    -------
    list of Fault
        Empty when every required column is there, and every name is there once.
    """
    times = Counter(there)
    faults: list[Fault] = []
    missing = [column.name for column in columns if column.required and column.name not in times]
    if missing:
        shown = ", ".join(f"'{visible(name, 60)}'" for name in list(there)[:12])
        more = f" and {len(there) - 12:,} more" if len(there) > 12 else ""
        faults.append(
            Fault("columns", f"missing {', '.join(missing)}; the table has {shown}{more}", _mend(there))
        )
    doubled = [name for name, count in times.items() if count > 1]
    if doubled:
        shown = ", ".join(f"'{visible(name, 30)}'" for name in doubled[:5])
        more = f" and {len(doubled) - 5:,} more" if len(doubled) > 5 else ""
        faults.append(Fault("columns", f"named twice: {shown}{more}", "Rename one of each"))
    return faults


def _mend(there: Sequence[str]) -> str:
    """Say what to do about missing columns, from what is there."""
    if len(there) == 1 and any(sign in there[0] for sign in ",;\t|"):
        return (
            "The columns are separated by another sign than the file's suffix says: .csv is commas, .tsv tabs"
        )
    if len(there) > MANY_COLUMNS:
        return (
            f"With {len(there):,} columns this looks like a wide table (one column per item): "
            "turn it into one row per answer, in Python with psychomet.from_wide(...)"
        )
    return "Rename the columns, or pass columns={'your name': 'respondent', ...} (--column OLD=NEW)"


def check_facet_names(names: Iterable[str]) -> list[Fault]:
    """Return the faults of facet names given by the caller: taken, doubled, empty or unprintable."""
    if isinstance(names, str):
        return [Fault("facets", f"'{visible(names)}' is one text", "Pass a list of column names")]
    taken = ({column.name for column in RESPONSE_COLUMNS} - set(STANDARD_FACETS)) | RESERVED
    alike = {name.casefold(): name for name in (*STANDARD_FACETS, *taken)}
    faults = []
    for name in names:
        twin = alike.setdefault(name.casefold(), name)
        if name in taken or name.startswith("_"):
            what = f"'{visible(name)}' has a meaning of its own and cannot be a facet"
        elif not name.strip() or len(name) > 60 or any(map(is_control, name)):
            what = (
                f"the name '{visible(name)}' is empty, longer than 60 characters, or holds control or "
                "invisible characters"
            )
        elif twin != name:
            what = f"'{visible(name)}' and '{visible(twin)}' differ only in upper and lower case"
        else:
            continue
        faults.append(Fault("facets", what, "Rename the column"))
    return faults
