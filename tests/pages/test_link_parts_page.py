"""The section on the parts of a link: figure, every kind of correlation, the verdict of equivalence in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from psychomet.pages.compose.context import gather
from psychomet.pages.compose.link_parts import link_parts, link_parts_sentence, verdict
from psychomet.pages.document import Figure, Heading, Section, Table
from psychomet.pages.words import RULES
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$ \u202e | '; DROP"
KINDS = ("within_r", "between_r", "between_rho", "disattenuated_r", "partial_r", "polychoric_r")


def row(estimand: str, estimate: float, half: float, **more: Any) -> dict[str, Any]:
    return {"estimand": estimand, "estimate": estimate, "conf_low": estimate - half, "conf_high": estimate + half,
            "conf_level": 0.95, "n": 30, "method": "fisher_z; t test", "reason": "", "p_value": 0.02, "p_adjusted": 0.2,
            "df": 28.0, "statistic": 2.0} | more  # fmt: skip


def made(
    terms: int = 2, others: int = 2, groups: int = 0, *, name: str = "", bound: float | None = 0.2
) -> Result:
    rows: list[dict[str, Any]] = []
    for group in ["", *(f"model = m{i}" for i in range(groups))]:
        for a in range(terms):
            for b in range(others):
                pair = {"term": f"trait {a}{name}", "other": f"task {b}", "group": group}
                rows += [row(kind, 0.1 * (a + 1) * (-1) ** at, 0.05, **pair) for at, kind in enumerate(KINDS)]
                rows.append(
                    row(
                        "within_r", 0.1 * (a + 1), 0.3, **pair | {"method": "bootstrap; x", "p_value": np.nan}
                    )
                )
                if bound:
                    test = pair | {
                        "conf_level": 0.9,
                        "method": "fisher_z; two one-sided tests",
                        "p_value": 0.01,
                    }
                    rows.append(row("within_r_equivalence", 0.1 * (a + 1), 0.04, **test))
    return make_result("link_parts", rows, settings={"bound": bound})


def section(result: Result) -> Section:
    return link_parts(result, replace(gather([result], RULES), title="Parts", anchor="link-parts"))


def figures(found: Section) -> list[Figure]:
    return [block for block in found.blocks if isinstance(block, Figure)]


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def test_every_kind_has_a_table_and_the_two_that_matter_are_open() -> None:
    found = section(made())
    assert len(figures(found)) == 1
    assert [table.folded for table in tables(found)] == [False, False, True, True, True, True, False]
    heads = [str(column.name) for column in tables(found)[0].columns]
    assert {"95 % interval (Fisher z)", "95 % interval (bootstrap)", "In words"} <= set(heads)
    assert "rho" in [str(column.name) for column in tables(found)[2].columns]


def test_equivalence_is_said_in_words() -> None:
    found = section(made())
    assert [block.text for block in found.blocks if isinstance(block, Heading)] == ["Is there no link?"]
    last = tables(found)[-1]
    at = [str(column.name) for column in last.columns].index("Verdict")
    assert {line[at] for line in last.rows} == {"a link, but smaller than 0.20"}
    assert not any(isinstance(block, Heading) for block in section(made(bound=None)).blocks)


@pytest.mark.parametrize(
    ("p", "low", "high", "words"),
    [
        (0.01, -0.1, 0.15, "no link of 0.20 or more"),
        (0.01, 0.02, 0.19, "a link, but smaller than 0.20"),
        (0.30, -0.3, 0.25, "undecided"),
        (0.30, 0.05, 0.40, "a link; whether above 0.20 is open"),
        (0.99, 0.25, 0.60, "a link of more than 0.20"),
        (0.99, -0.60, -0.25, "a link of more than 0.20"),
        (np.nan, 0.1, 0.2, ""),
    ],
)
def test_verdicts(p: float, low: float, high: float, words: str) -> None:
    usual = {"conf_low": low, "conf_high": high}
    assert verdict({"p_value": p, "conf_level": 0.9}, usual, 0.2) == words


def test_groups_have_a_figure_each_and_the_rest_is_counted() -> None:
    found = section(made(groups=8))
    assert len(figures(found)) == 6
    assert "Of 9 groups the first 6 are drawn" in str(found.blocks)


def test_many_pairs_are_cut_in_the_figure_only() -> None:
    found = section(made(terms=45, others=3))
    assert "The first of many are drawn" in str(figures(found)[0].caption)
    assert len(tables(found)[0].rows) == 135 and tables(found)[0].folded


def test_reasons_in_place_of_estimates() -> None:
    reason = {"estimate": np.nan, "conf_low": np.nan, "conf_high": np.nan, "reason": "nothing within"}
    result = make_result("link_parts", [row("within_r", 0.0, 0.1, term="A", other="b") | reason], settings={})
    found = section(result)
    assert figures(found) == [] and "nothing within" in str(tables(found)[0].notes)
    assert link_parts_sentence(result, gather([result], RULES)) == ()


def test_hostile_names_stay_text() -> None:
    for figure in figures(section(made(name=HOSTILE, groups=1))):
        assert b"<script" not in figure.svg


def test_the_sentence_tells_both_parts_and_their_signs() -> None:
    result = made()
    text = "".join(
        p if isinstance(p, str) else p.text for p in link_parts_sentence(result, gather([result], RULES))
    )
    assert text == (
        "Parts of the link: every interval leaves out zero in 0 of 4 links within respondents and in 4 of 4 links between them; "
        "the two point in opposite directions in 4 of 4."
    )
