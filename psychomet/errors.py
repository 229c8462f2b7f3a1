"""What goes wrong, said once and said whole.

Every failure that a user can cause is a :class:`PsychometError`. Bad input is one
:class:`InputError` that carries *all* faults found, each with where it is and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong with an input.

    Attributes
    ----------
    where : str
        The file, column, scale or rule in which it was found.
    what : str
        What was found, with counts and the first offending rows.
    todo : str
        What the user can do about it.
    """

    where: str
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.todo}"


class PsychometError(Exception):
    """Base of every error that psychomet raises on purpose."""


class InputError(PsychometError):
    """The input cannot be used as it is; every fault found is listed.

    Parameters
    ----------
    subject : str
        What was read (a file name, "the key", "the rules").
    faults : iterable of Fault
        All faults, in the order in which they should be mended.
    """

    def __init__(self, subject: str, faults: Iterable[Fault]) -> None:
        self.subject = subject
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"{subject} cannot be used: {count} fault{'s' if count != 1 else ''}."
        lines = [f"  {number}. {fault}" for number, fault in enumerate(self.faults, 1)]
        super().__init__("\n".join([head, *lines]))


class NotComparableError(PsychometError):
    """Two results answer different questions (other items, other key) and must not be compared."""


class MissingEngineError(PsychometError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""


class PsychometWarning(UserWarning):
    """The only warning class of the package: a number was returned, and it needs care."""
