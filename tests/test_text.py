"""Hostile text made harmless for terminals, messages and CSV."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychomet.text import csv_cell, is_control, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\ttab\r", r"two\nlines\ttab\r"),
        ("\x00\x1b[31m\x7f", r"\x00\x1b[31m\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202eabc", r"\u202eabc"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("👩‍💻 é שלום", "👩‍💻 é שלום"),
        (3.5, "3.5"),
        (None, "None"),
    ],
)
def test_hidden_characters_are_spelled_out_and_the_rest_is_left(text: object, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(), st.integers(2, 80))
def test_what_is_shown_fits_one_line_and_hides_nothing(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown.splitlines()) <= 1
    assert not any(map(is_control, shown))
    if not any(map(is_control, text)):
        assert len(shown) <= limit


@pytest.mark.parametrize(
    ("length", "shown"), [(60, "x" * 60), (61, "x" * 59 + "…"), (10_000_000, "x" * 59 + "…")]
)
def test_long_text_is_cut(length: int, shown: str) -> None:
    assert visible("x" * length) == shown


def test_every_code_point_that_is_hidden_is_of_a_kind_that_hides() -> None:
    hidden = [chr(code) for code in range(sys.maxunicode + 1) if is_control(chr(code))]
    kinds = {unicodedata.category(character) for character in hidden}
    # Lo: Hangul fillers, which are letters of no width.
    assert kinds == {"Cc", "Cf", "Cn", "Cs", "Lo", "Zl", "Zp"}
    assert [f"{ord(c):x}" for c in hidden if unicodedata.category(c) == "Lo"] == [
        "115f",
        "1160",
        "3164",
        "ffa0",
    ]


def test_controls_surrogates_separators_and_bidirectional_marks_are_all_hidden() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        bidirectional = unicodedata.bidirectional(character) in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }
        if bidirectional or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            assert is_control(character)


@pytest.mark.parametrize(
    "character", ["\u200c", "\u200d", "\ufe0f", " ", "\u00a0", "\u3000", "é", "\u0301", "\ue000", "😀"]
)
def test_joiners_selectors_and_spaces_are_spelling(character: str) -> None:
    assert not is_control(character)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("a","b")'])
def test_a_formula_is_disarmed(text: str) -> None:
    assert csv_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["plain", "", "a=b", "'x", -1, -1.5, None, True, float("inf")])
def test_other_cells_pass_unchanged(value: object) -> None:
    assert csv_cell(value) is value
