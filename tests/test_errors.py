"""Errors carry every fault, and every error of the package has one base."""

from __future__ import annotations

import pytest

from psychomet import errors
from psychomet.errors import Fault, InputError, MissingEngineError, NotComparableError, PsychometError


def test_a_message_lists_every_fault_in_order() -> None:
    error = InputError("a.csv", (Fault(f"row {n}", "it is odd", "Mend it") for n in (1, 2)))
    assert str(error) == (
        "a.csv cannot be used: 2 faults.\n"
        "  1. row 1: it is odd. Mend it\n"
        "  2. row 2: it is odd. Mend it"
    )  # fmt: skip
    assert (error.subject, len(error.faults)) == ("a.csv", 2)
    assert error.faults[1].where == "row 2"


def test_one_fault_is_one_fault() -> None:
    assert "1 fault.\n" in str(InputError("x", [Fault("a", "b", "c")]))


@pytest.mark.parametrize("kind", [InputError, NotComparableError, MissingEngineError])
def test_one_except_catches_them_all(kind: type[Exception]) -> None:
    assert issubclass(kind, PsychometError)


def test_a_missing_engine_is_an_import_error_too() -> None:
    assert issubclass(MissingEngineError, ImportError)


def test_no_error_of_ours_hides_an_error_of_python() -> None:
    ours = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(ours) == 5
    assert not any(issubclass(kind, ValueError | KeyError | TypeError | OSError) for kind in ours)
