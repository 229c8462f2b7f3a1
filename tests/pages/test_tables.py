from __future__ import annotations

import math

import pytest

from psychomet.pages.document import Data
from psychomet.pages.tables import (
    Show,
    build,
    count,
    degrees,
    holds,
    interval,
    interval_name,
    known_columns,
    label_column,
    number,
    number_column,
    p_phrase,
    p_value,
    percent,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.81249, "0.812"), (-0.2145, "−0.214"), (-0.0001, "0.000"), (0.0, "0.000"), (NAN, "–"),
        (math.inf, "∞"), (-math.inf, "−∞"), (12345.678, "12,345.7"), (1e12, "1.000e+12"), (-1e-12, "0.000"),
    ],
)  # fmt: skip
def test_numbers_have_three_decimals_and_a_true_minus(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "< .001"), (0.0, "< .001"), (0.001, ".001"), (0.0496, ".050"), (0.9995, "> .999"), (1.0, "> .999"), (NAN, "–")]
)  # fmt: skip
def test_p_values_are_never_zero_or_one(value: float, text: str) -> None:
    assert p_value(value) == text


def test_phrases_counts_shares_and_intervals() -> None:
    assert (p_phrase(0.0001), p_phrase(0.0123)) == ("p < .001", "p = .012")
    assert (count(12096.0), count(2.5), count(NAN)) == ("12,096", "2.5", "–")
    assert (percent(0.1234), percent(NAN)) == ("12.3 %", "–")
    assert interval(-0.1, 0.25) == "[−0.100, 0.250]"
    assert interval(NAN, NAN) == "–"
    assert degrees({"df": 4.0, "df2": 59.0}) == "4, 59"
    assert degrees({"df": 17.26}) == "17.3"
    assert degrees({}) == ""


def test_an_interval_is_named_by_the_first_word_of_the_method() -> None:
    assert interval_name("fisher_z; adjusted by Holm") == "Fisher z"
    assert interval_name("something; else") == "something"


@pytest.mark.parametrize(
    ("low", "high", "known", "said"),
    [(0, 1, 0.5, "yes"), (0, 1, 1.5, "no"), (0, 1, NAN, ""), (NAN, NAN, 1, "")],
)
def test_a_known_value_is_held_against_the_interval(low: float, high: float, known: float, said: str) -> None:
    assert holds({"conf_low": low, "conf_high": high, "reference": known}) == said


def test_known_values_have_a_column_only_where_there_are_any() -> None:
    row = {"conf_low": 0.0, "conf_high": 1.0, "reference": 0.5}
    (column,) = known_columns([row])
    assert column.cell(row) == "0.500 inside"
    assert known_columns([{"reference": NAN}]) == []


def test_an_empty_column_is_left_out_and_reasons_become_letters() -> None:
    rows = [
        {"term": "A", "estimate": 0.5, "reason": ""},
        {"term": "B", "estimate": NAN, "reason": "one item"},
        {"term": "C", "estimate": NAN, "reason": "no variance"},
        {"term": "D", "estimate": NAN, "reason": "one item"},
    ]
    columns = [
        label_column("term", "Scale"),
        label_column("group", "Group"),
        number_column("estimate", "Estimate"),
    ]
    table = build(rows, columns, ("Caption",), remarks=True)
    assert [column.name for column in table.columns] == ["Scale", "Estimate", "Note"]
    assert [row[2] for row in table.rows] == ["", "a", "b", "a"]
    assert [note[:2] for note in table.notes] == [("a: ", Data("one item")), ("b: ", Data("no variance"))]


def test_a_very_long_table_is_cut_and_says_so() -> None:
    rows = [{"term": str(at)} for at in range(2500)]
    table = build(rows, [Show("Scale", lambda row: Data(row["term"]), numeric=False)], ("Caption",))
    assert len(table.rows) == 2000
    assert "2,500" in str(table.caption[-1])
