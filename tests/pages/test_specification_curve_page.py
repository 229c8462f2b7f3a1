"""The section on choices: curves of the links that choices move most, the matrix below them, words for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from psychomet.pages.compose.context import gather
from psychomet.pages.compose.specification_curve import (
    choices_of,
    specification_curve,
    specification_curve_sentence,
)
from psychomet.pages.document import Figure, Section, Table
from psychomet.pages.figures.specifications import Specification, draw_specifications
from psychomet.pages.words import RULES
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$ \u202e | '; DROP"
MEASURES = ("pearson_between", "within", "slope_alone")


def made(links: int = 2, levels: int = 3, name: str = "", group: str = "") -> Result:
    rows: list[dict[str, Any]] = []
    for at in range(links):
        pair = {"term": f"trait {at}{name}", "other": "task", "group": group, "conf_level": 0.95, "n": 20}
        own = []
        for measure, size in zip(MEASURES, (0.5, -0.1 * at, 0.2), strict=True):
            for kept in ["all rows", *(f"without prompt = p{i}{name}" for i in range(levels))]:
                estimate = size + 0.01 * len(own)
                own.append(estimate)
                rows.append(
                    {"estimand": "specification", **pair, "level": f"{measure}; {kept}; no answer missing",
                     "estimate": estimate, "conf_low": estimate - 0.3, "conf_high": estimate + 0.3, "p_value": 0.05,
                     "method": "fisher_z; x", "reason": ""}
                )  # fmt: skip
        middle = float(np.median(own))
        alike = float(np.mean(np.sign(own) == np.sign(middle)))
        numbers = {
            "median": middle,
            "lowest": min(own),
            "highest": max(own),
            "same_sign": alike,
            "significant": 0.0,
        }
        rows += [
            {
                "estimand": f"specification_{what}",
                **pair,
                "estimate": value,
                "method": "none; x",
                "reason": "describes",
            }
            for what, value in numbers.items()
        ]
    return make_result("specification_curve", rows, settings={})


def section(result: Result) -> Section:
    return specification_curve(
        result, replace(gather([result], RULES), title="Choices", anchor="specifications")
    )


def figures(found: Section) -> list[Figure]:
    return [block for block in found.blocks if isinstance(block, Figure)]


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


@pytest.mark.parametrize(
    ("level", "parts"),
    [
        ("within; all rows; complete", ("within respondents", "all rows", "complete")),
        ("mine; without a = b; c; d; available", ("mine", "without a = b; c; d", "available")),
        ("within", ("within respondents", "", "")),
    ],
)
def test_choices_are_read_whatever_the_levels_are_called(level: str, parts: tuple[str, str, str]) -> None:
    assert choices_of(level) == parts


def test_overview_curves_and_both_tables() -> None:
    found = section(made(links=3))
    assert [figure.name for figure in figures(found)] == [
        "specifications-ranges", *(f"specifications-curve-{at}" for at in (1, 2, 3)),
    ]  # fmt: skip
    assert "trait 2 with task: from" in figures(found)[1].alt  # that which choices move most comes first
    summary, every = tables(found)
    assert len(summary.rows) == 3 and len(every.rows) == 36 and every.folded
    at = [str(column.name) for column in summary.columns].index("In words")
    assert [line[at] for line in summary.rows] == [
        "positive under every choice, none clear of zero", "the sign depends on the choice", "the sign depends on the choice",
    ]  # fmt: skip


def test_one_link_needs_no_overview() -> None:
    assert [figure.name for figure in figures(section(made(links=1)))] == ["specifications-curve-1"]


def test_of_many_links_the_six_that_choices_move_most_are_drawn() -> None:
    found = section(made(links=40))
    assert len(figures(found)) == 7
    assert "Drawn are the 6 links of 40 whose estimates lie furthest apart." in str(found.blocks)


def test_choices_beyond_the_lines_are_counted() -> None:
    assert "7 further choices have no line." in str(figures(section(made(links=1, levels=30)))[0].caption)


def test_a_family_without_alternatives_takes_no_room() -> None:
    one = [Specification(0.1, 0.0, 0.2, False, ("a", "x")), Specification(0.2, 0.1, 0.3, True, ("b", "x"))]
    words = {"name": "n", "axis": "estimate", "title": "t", "alt": "a", "caption": ("c",)}
    figure = draw_specifications(one, families=[("Measure", ["a", "b"]), ("Missing", [])], **words)
    taller = draw_specifications(one, families=[("Measure", ["a", "b"]), ("Missing", ["x"])], **words)
    assert len(figure.svg) < len(taller.svg)
    assert (
        figure.svg
        == draw_specifications(one, families=[("Measure", ["a", "b"]), ("Missing", [])], **words).svg
    )


def test_hostile_names_stay_text() -> None:
    for figure in figures(section(made(name=HOSTILE, group=f"model = {HOSTILE}"))):
        assert b"<script" not in figure.svg


def test_links_without_a_value_are_said() -> None:
    rows = [
        {"estimand": name, "term": "A", "other": "b", "level": "within; all rows; x" if name == "specification" else "",
         "estimate": np.nan, "conf_level": 0.95, "n": 2, "method": "none; x", "reason": "no specification has a value"}
        for name in ("specification", "specification_median")
    ]  # fmt: skip
    result = make_result("specification_curve", rows, settings={})
    found = section(result)
    assert figures(found) == [] and "no specification has a value" in str(tables(found)[-1].notes)
    assert specification_curve_sentence(result, gather([result], RULES)) == ()


def test_the_sentence_names_the_link_that_choices_move_most() -> None:
    result = made(links=3)
    pieces = specification_curve_sentence(result, gather([result], RULES))
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    assert text == (
        "Choices of analysis: 1 of 3 links keep their sign under every specification; choices move that of trait 2 with task most, "
        "from −0.16 to 0.53."
    )
