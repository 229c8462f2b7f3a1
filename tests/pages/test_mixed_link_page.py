"""The section on mixed models: forests, components, groups, names that try to break out, models that failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from psychomet.pages.compose.context import gather
from psychomet.pages.compose.mixed_link import mixed_link, mixed_link_sentence
from psychomet.pages.document import Figure, Paragraph, Section, Table
from psychomet.pages.words import RULES
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$ \u202e | '; DROP"
NOTHING: dict[str, Any] = dict.fromkeys(
    ("estimate", "conf_low", "conf_high", "p_value", "p_adjusted", "statistic", "df"), np.nan
) | {"reason": "no model: the columns depend on each other"}
METHOD = "satterthwaite; REML, random intercepts: respondent, prompt"


def slope(estimand: str, term: str, other: str, estimate: float, half: float, **more: Any) -> dict[str, Any]:
    return {"estimand": estimand, "term": term, "other": other, "estimate": estimate, "conf_low": estimate - half,
            "conf_high": estimate + half, "conf_level": 0.95, "n": 12, "method": METHOD, "reason": "", "statistic": 2.5,
            "df": 9.5, "p_value": 0.03, "p_adjusted": 0.4} | more  # fmt: skip


def made(
    terms: int = 2,
    others: int = 2,
    groups: int = 0,
    *,
    split: bool = False,
    prefix: str = "trait",
    fail: bool = False,
) -> Result:
    rows: list[dict[str, Any]] = []
    kinds = ("within_slope", "between_slope") if split else ("mixed_slope",)
    for group in ["", *(f"model = m{i}" for i in range(groups))]:
        for b in range(others):
            done = f"task {b}"
            for kind in kinds:
                for a in range(terms):
                    one = slope(kind, f"{prefix} {a}", done, (a - 1) * 10.0**b, 0.6 * 10.0**b, group=group)
                    rows.append(one | (NOTHING if fail and b == 0 else {}))
            if not (fail and b == 0):
                rows += [
                    {"estimand": "variance_component", "term": "", "other": done, "group": group, "facet": facet,
                     "estimate": size, "conf_level": 0.95, "n": 12, "method": "none; REML", "reason": "a by-product"}
                    for facet, size in (("respondent", 9.0), ("prompt", 0.0), ("residual", 4.0))
                ]  # fmt: skip
    return make_result("mixed_link", rows, settings={})


def section(result: Result) -> Section:
    return mixed_link(result, replace(gather([result], RULES), title="Mixed model", anchor="mixed-link"))


def figures(found: Section) -> list[Figure]:
    return [block for block in found.blocks if isinstance(block, Figure)]


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def caption(block: Figure | Table) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in block.caption)


def sentence(result: Result) -> str:
    pieces = mixed_link_sentence(result, gather([result], RULES))
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)


def test_slopes_are_drawn_and_tabled_with_what_they_leave() -> None:
    found = section(made())
    forest, bars = figures(found)
    assert (forest.name, bars.name) == ("mixed-link-slopes-1", "mixed-link-shares")
    assert "In 2 of 4 the interval leaves out zero." in forest.alt
    assert "respondent, 69.2 %" in bars.alt
    slopes, parts = tables(found)
    heads = [str(column.name) for column in slopes.columns]
    cells = [dict(zip(heads, row, strict=True)) for row in slopes.rows]
    assert [cell["Direction"] for cell in cells] == ["negative", "zero not excluded"] * 2
    assert cells[0]["t"] == "2.50" and cells[0]["df"] == "9.5"
    assert [row[-1] for row in parts.rows] == ["69.2 %"] * 2
    assert "3.000" in parts.rows[0] and "2.000" in parts.rows[0]


def test_walds_test_is_named_as_such() -> None:
    result = made()
    wald = replace(result, estimates=result.estimates.assign(method="wald; REML", df=np.nan))
    slopes = tables(section(wald))[0]
    assert "z" in [str(column.name) for column in slopes.columns]
    assert "too sure" in caption(slopes)


def test_within_and_between_stand_apart() -> None:
    found = section(made(split=True, groups=2))
    assert [figure.name for figure in figures(found)[:-1]] == [f"mixed-link-slopes-{at}" for at in (1, 2, 3)]
    assert [caption(table).partition(":")[0] for table in tables(found)[:2]] == [
        "Slope within respondents", "Slope between respondents",
    ]  # fmt: skip
    lead = [block for block in found.blocks if isinstance(block, Paragraph)][1]
    assert str(lead.text[0]).startswith("Within: what happens in one respondent")
    assert "Group: model = m1." in caption(figures(found)[2])


def test_many_slopes_and_groups_are_cut_in_the_figure_and_whole_in_the_table() -> None:
    found = section(made(terms=33, others=13, groups=6))
    assert "The first of many are drawn" in caption(figures(found)[0])
    assert "Of 7 groups the first 6 are drawn." in caption(figures(found)[0])
    slopes = tables(found)[0]
    assert len(slopes.rows) == min(2000, 33 * 13 * 7) and slopes.folded


def test_one_behaviour_alone_fills_the_width() -> None:
    assert figures(section(made(others=1)))[0].width > 8


def test_a_model_that_failed_gives_its_reason() -> None:
    found = section(made(fail=True))
    assert "no model: the columns depend on each other" in str(tables(found)[0].notes)
    assert "In 1 of 2 the interval" in figures(found)[0].alt
    nothing = section(made(others=1, fail=True))
    assert figures(nothing) == [] and len(tables(nothing)) == 1
    assert sentence(made(others=1, fail=True)) == ""


def test_hostile_names_stay_text() -> None:
    for figure in figures(section(made(prefix=HOSTILE, groups=1))):
        assert b"<script" not in figure.svg


def test_equal_input_gives_equal_bytes() -> None:
    assert [f.svg for f in figures(section(made()))] == [f.svg for f in figures(section(made()))]


def test_the_sentence_counts_what_holds_after_the_correction() -> None:
    assert sentence(made()).startswith(
        "Behaviour on self-report: 0 of 4 slopes differ from zero after the correction for their number; the clearest"
    )
    assert "(within respondents), −1.000 [−1.600, −0.400], p = .030" in sentence(made(split=True))
