"""The columns of a table and the names that facets may have."""

from __future__ import annotations

import time

import pytest

from psychomet.schema import (
    RESERVED,
    RESPONSE_COLUMNS,
    SOURCES,
    STANDARD_FACETS,
    STATUSES,
    Column,
    check_columns,
    check_facet_names,
)

WANTED = (
    Column("a", "text", True, "first"),
    Column("b", "number", True, "second"),
    Column("c", "text", False, "third"),
)

# Seconds for ten thousand names; counting each name over the whole list takes minutes.
SOON = 2.0


def test_required_columns_in_any_order_are_enough() -> None:
    assert check_columns(["b", "x", "a"], WANTED) == []


def test_missing_columns_are_told_with_those_there_are() -> None:
    (fault,) = check_columns(["x", "c"], WANTED)
    assert fault.where == "columns"
    assert fault.what == "missing a, b; the table has 'x', 'c'"
    assert "Rename the columns" in fault.todo


def test_of_many_columns_a_dozen_are_shown() -> None:
    (fault,) = check_columns([f"x{i}" for i in range(100)], WANTED)
    assert fault.what.endswith("'x11' and 88 more")
    assert "Rename" in fault.todo


def test_a_wide_table_is_recognised_by_its_width() -> None:
    (fault,) = check_columns([f"x{i}" for i in range(201)], WANTED)
    assert "With 201 columns this looks like a wide table" in fault.todo


@pytest.mark.parametrize("sign", [";", "\t", "|", ","])
def test_another_delimiter_is_recognised(sign: str) -> None:
    (fault,) = check_columns([sign.join("abc")], WANTED)
    assert "separated by another sign" in fault.todo
    (fault,) = check_columns(["d"], WANTED)
    assert "separated by another sign" not in fault.todo


def test_doubled_names_are_told_beside_missing_ones() -> None:
    missing, doubled = check_columns(["a", "x", "x", "y", "y"], WANTED)
    assert missing.what.startswith("missing b;")
    assert doubled.what == "named twice: 'x', 'y'"


def test_hostile_names_are_made_visible() -> None:
    (fault,) = check_columns(["\x1b[31m", "a\u202e"], WANTED)
    assert str(fault).isprintable()
    assert r"'\x1b[31m'" in fault.what


def test_ten_thousand_names_are_checked_at_once() -> None:
    start = time.process_time()
    faults = check_columns([*(f"x{i}" for i in range(10_000)), "x7"], WANTED)
    assert time.process_time() - start < SOON
    assert len(faults) == 2


def test_facets_may_be_standard_or_new() -> None:
    assert check_facet_names([*STANDARD_FACETS, "tone", "temperature (°C)", "<b>"]) == []


@pytest.mark.parametrize(
    "name", [*sorted(RESERVED), "respondent", "item", "sample", "status", "weight", "_x"]
)
def test_names_that_mean_something_else(name: str) -> None:
    (fault,) = check_facet_names([name])
    assert "has a meaning of its own" in fault.what


def test_every_unfit_name_is_told() -> None:
    faults = check_facet_names(["", "a\u200bb", "x" * 61, "MODEL", "tone", "TONE"])
    assert len(faults) == 5
    assert r"a\u200bb" in faults[1].what
    assert "'MODEL' and 'model' differ only in upper and lower case" in faults[3].what


def test_the_schema_names_each_column_once_and_says_what_it_means() -> None:
    names = [column.name for column in RESPONSE_COLUMNS]
    assert len(set(names)) == len(names)
    assert all(column.meaning for column in RESPONSE_COLUMNS)
    assert [column.name for column in RESPONSE_COLUMNS if column.required] == [
        "respondent",
        "item",
        "response",
    ]
    assert set(STANDARD_FACETS) < set(names)
    assert not RESERVED & set(names)
    assert (STATUSES[0], SOURCES[0]) == ("answered", "self_report")
