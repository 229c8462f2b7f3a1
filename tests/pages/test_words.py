from __future__ import annotations

import math

import pytest

from psychomet.pages.glossary import INTERVALS
from psychomet.pages.words import (
    ALPHA,
    CORRELATION,
    ICC,
    RULES,
    SHARE,
    Scheme,
    band,
    correlation_words,
    span,
)


@pytest.mark.parametrize(
    ("scheme", "value", "word"),
    [
        (ALPHA, -0.3, "unacceptable"), (ALPHA, 0.5, "poor"), (ALPHA, 0.6999, "questionable"),
        (ALPHA, 0.7, "acceptable"), (ALPHA, 0.8, "good"), (ALPHA, 0.9, "excellent"),
        (ICC, 0.49, "poor"), (ICC, 0.5, "moderate"), (ICC, 0.75, "good"), (ICC, 0.9, "excellent"),
        (SHARE, 0.009, "negligible"), (SHARE, 0.01, "small"), (SHARE, 0.06, "medium"), (SHARE, 0.14, "large"),
        (CORRELATION, 0.09, "negligible"), (CORRELATION, 0.1, "small"), (CORRELATION, 0.3, "medium"),
        (CORRELATION, 0.5, "large"),
    ],
)  # fmt: skip
def test_a_value_on_an_edge_belongs_to_the_band_above(scheme: Scheme, value: float, word: str) -> None:
    assert scheme.words[band(scheme, value)] == word


def test_words_come_from_the_interval_not_from_the_estimate() -> None:
    assert span(ALPHA, 0.65, 0.85, 0.79) == "questionable to good"
    assert span(ALPHA, 0.81, 0.85, 0.79) == "good"
    assert span(ALPHA, math.nan, math.nan, 0.79) == "acceptable (no interval)"
    assert span(ALPHA, math.nan, math.nan, math.nan) == ""


@pytest.mark.parametrize(
    ("low", "high", "estimate", "words"),
    [
        (0.12, 0.45, 0.3, "positive, small to medium"),
        (-0.45, -0.31, -0.4, "negative, medium"),
        (-0.05, 0.35, 0.15, "zero not excluded; at most medium"),
        (-0.6, 0.0, -0.3, "zero not excluded; at most large"),
        (math.nan, math.nan, -0.2, "negative, small (no interval)"),
        (math.nan, math.nan, math.nan, ""),
    ],
)
def test_correlation_words_say_direction_or_that_zero_is_not_excluded(
    low: float, high: float, estimate: float, words: str
) -> None:
    assert correlation_words(CORRELATION, low, high, estimate) == words


def test_a_scheme_must_ascend_and_have_one_word_more_than_edges() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Scheme("x", (0.5, 0.4), ("a", "b", "c"), "me")
    with pytest.raises(ValueError, match="one more word"):
        Scheme("x", (0.5,), ("a",), "me")


def test_every_scheme_names_its_source() -> None:
    assert all(len(scheme.source) > 20 and scheme.doi.startswith("10.") for scheme in RULES.schemes)


def test_every_interval_word_of_the_conventions_has_a_name() -> None:
    words = {"feldt", "bootstrap", "fisher_z", "wilson", "t", "f", "noncentral_f", "delta", "none"}
    assert words <= set(INTERVALS)
