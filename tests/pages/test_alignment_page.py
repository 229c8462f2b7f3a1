"""The section on directions: shares against one half, the clustered interval first, many respondents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from psychomet.pages.compose.alignment import alignment, alignment_sentence
from psychomet.pages.compose.context import gather
from psychomet.pages.document import Figure, Heading, Section, Table
from psychomet.pages.words import RULES
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$ \u202e | '; DROP"


def share(estimate: float, half: float, clustered: bool = False, **more: Any) -> dict[str, Any]:
    kind = "clustered by respondent; t test" if clustered else "signs taken as independent; exact sign test"
    numbers = (
        {"statistic": 2.1, "df": 11.0, "p_value": 0.04} if clustered else {"statistic": 30.0, "p_value": 0.01}
    )
    return {"estimand": "alignment", "term": "", "other": "", "group": "", "estimate": estimate,
            "conf_low": max(0.0, estimate - half), "conf_high": min(1.0, estimate + half), "conf_level": 0.95, "n": 12,
            "method": f"wilson; {kind}", "reason": ""} | numbers | more  # fmt: skip


def made(respondents: int = 3, name: str = "", groups: int = 0) -> Result:
    rows: list[dict[str, Any]] = []
    for group in ["", *(f"phase = {name}{i}" for i in range(groups))]:
        for where in ({}, {"term": f"trait{name}"}, {"other": f"task{name}"}):
            rows += [share(0.6, 0.05, group=group, **where), share(0.6, 0.2, True, group=group, **where)]
    rows.append(
        share(
            np.nan, np.nan, term="flat", p_value=np.nan, statistic=np.nan, reason="no link with a direction"
        )
    )
    rows += [
        share(i / max(1, respondents - 1), 0.1, group=f"respondent = r{i}{name}") for i in range(respondents)
    ]
    return make_result("alignment", rows, settings={})


def section(result: Result) -> Section:
    return alignment(result, replace(gather([result], RULES), title="Directions", anchor="alignment"))


def figures(found: Section) -> list[Figure]:
    return [block for block in found.blocks if isinstance(block, Figure)]


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def named(table: Table) -> list[dict[str, Any]]:
    return [dict(zip([str(column.name) for column in table.columns], row, strict=True)) for row in table.rows]


def test_both_intervals_stand_side_by_side_and_the_words_go_by_the_clustered() -> None:
    whole = named(tables(section(made()))[0])[0]
    assert whole["95 % interval, signs independent"] == "[55.0 %, 65.0 %]"
    assert whole["95 % interval, clustered by respondent"] == "[40.0 %, 80.0 %]"
    assert whole["One half"] == "not excluded"
    assert (whole["p, sign test"], whole["p, clustered"], whole["Signs as expected"]) == (
        ".010",
        ".040",
        "30",
    )


def test_every_part_has_a_heading_and_respondents_are_folded() -> None:
    found = section(made())
    heads = [block.text for block in found.blocks if isinstance(block, Heading)]
    assert heads == [
        "Shares over everything",
        "Shares by self-report",
        "Shares by behaviour",
        "Shares by respondent",
    ]
    last = tables(found)[-1]
    assert last.folded and [row["One half"] for row in named(last)] == [
        "less than chance", "not excluded", "more than chance",
    ]  # fmt: skip


def test_a_share_without_signs_has_its_reason() -> None:
    assert "no link with a direction" in str(tables(section(made()))[1].notes)


def test_of_many_respondents_both_ends_are_drawn() -> None:
    (figure,) = figures(section(made(respondents=90)))
    assert "By respondent: both ends of many are drawn." in str(figure.caption)
    assert len(tables(section(made(respondents=90)))[-1].rows) == 90


def test_groups_are_series_and_those_beyond_the_styles_are_counted() -> None:
    (figure,) = figures(section(made(groups=7)))
    assert "Of 8 groups the first 6 are drawn." in str(figure.caption)


def test_hostile_names_stay_text() -> None:
    found = section(made(name=HOSTILE, groups=1))
    assert b"<script" not in figures(found)[0].svg
    cell = named(tables(found)[-1])[0]["Respondent"]
    assert "\\u202e" in cell.text


def test_nothing_to_draw_gives_no_figure() -> None:
    rows = [share(np.nan, np.nan, p_value=np.nan, statistic=np.nan, reason="no link with a direction")]
    found = section(make_result("alignment", rows, settings={}))
    assert figures(found) == [] and len(tables(found)) == 1


def test_the_sentence_takes_the_clustered_interval() -> None:
    result = made()
    text = "".join(
        p if isinstance(p, str) else p.text for p in alignment_sentence(result, gather([result], RULES))
    )
    assert text == (
        "Expected directions: 60 % [40 %, 80 %] of the signs within respondents are those known from people (one half not "
        "excluded), p = .040 against one half."
    )
