"""In short: what a reader is told of refusals, forms, effects, and traits by methods."""

from __future__ import annotations

import re

import pytest

import psychomet as pm
from psychomet.pages.compose.assemble import compose
from psychomet.pages.html import render_html

CORE = {"conf_low": 0.2, "conf_high": 0.4, "conf_level": 0.95, "n": 20, "method": "t"}


def in_short(result: pm.Result) -> str:
    page = render_html(compose([result], title="x"))
    start = page.index('id="in-short"')
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page[start : page.index("</section>", start)]))


@pytest.mark.parametrize(
    ("adjusted", "said"), [(0.01, "stands elsewhere on Calm"), (0.4, "does not demonstrably")]
)
def test_refusals_are_said_with_what_they_depend_on(adjusted: float, said: str) -> None:
    rows = [
        {"estimand": "refusal_rate", "term": "all items", "facet": "", "level": "", "estimate": 0.3, **CORE},
        {"estimand": "refusal_rate", "term": "all items", "facet": "item", "level": "i", "estimate": 0.9, **CORE},
        {"estimand": "refusal_trait_r", "term": "Calm", "facet": "", "level": "", "estimate": 0.3, "p_adjusted": adjusted, **CORE},
    ]  # fmt: skip
    text = in_short(pm.make_result("refusal", rows))
    assert "30.0 % of the answers [20.0 %, 40.0 %]" in text
    assert said in text


def test_the_form_that_changes_most_is_named_beside_repeated_draws() -> None:
    rows = [
        {"estimand": "changed_answers", "term": "Calm", "facet": facet, "level": level, "estimate": value, **CORE}
        for facet, level, value in (("prompt", "", 0.3), ("order", "", 0.35), ("order", "a ~ b", 0.9), ("sample", "", 0.25))
    ]  # fmt: skip
    text = in_short(pm.make_result("consistency", rows))
    assert "up to 35 % of the answers change with another order (Calm [20.0 %, 40.0 %])" in text
    assert "repeated draws alone change 25 %" in text


def test_the_largest_standardised_difference_is_told_in_points() -> None:
    shared = {"facet": "persona", "other": "none"}
    rows = [
        {"estimand": "mean_difference", "term": "A", "level": "x", "estimate": 0.3, "p_adjusted": 0.01, **shared, **CORE},
        {"estimand": "mean_difference", "term": "B", "level": "x", "estimate": 30.0, "p_adjusted": 0.5, **shared, **CORE},
        {"estimand": "cohen_d", "term": "A", "level": "x", "estimate": -2.0, **shared, **CORE},
        {"estimand": "cohen_d", "term": "B", "level": "x", "estimate": 0.1, **shared, **CORE},
    ]  # fmt: skip
    text = in_short(pm.make_result("effects", rows))
    assert "the largest is A 0.30 points [0.20, 0.40] (x against none)" in text
    assert "1 of 2 differences are clear of chance" in text


def test_methods_agree_and_keep_traits_apart() -> None:
    rows = [
        {"estimand": name, "term": "all traits", "other": "all methods", "estimate": value, **CORE}
        for name, value in (("convergent_r", 0.3), ("validity_delta", 0.35))
    ]
    text = in_short(pm.make_result("multitrait", rows))
    assert "agree on a trait with r = 0.30 [0.20, 0.40]" in text
    assert "above the correlation of different traits by 0.35" in text


@pytest.mark.parametrize("question", ["refusal", "consistency", "effects", "multitrait"])
def test_without_an_estimate_nothing_is_said(question: str) -> None:
    row = {"estimand": "mean_difference", "term": "A", "method": "none", "reason": "nobody answered"}
    row |= {"facet": "", "level": "", "other": "x"} if question != "multitrait" else {"other": "x"}
    assert "nobody" not in in_short(pm.make_result(question, [row]))
