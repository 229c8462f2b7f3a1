"""The section on posteriors, made of a stored result: no engine is needed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from psychomet.notes import Note
from psychomet.pages.compose.assemble import compose
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.hierarchy import hierarchy, hierarchy_sentence
from psychomet.pages.document import Document, Figure, Heading, Section, Table
from psychomet.pages.html import render_html
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$"
PLACE = Context(title="Posterior", anchor="hierarchy")
WHY = "the chains did not converge: The chains disagree (R-hat above 1.01): sd[item] 1.400. Raise draws and tune."


def row(estimand: str, estimate: float, **more: Any) -> dict[str, Any]:
    return {
        "estimand": estimand, "term": "E", "estimate": estimate, "conf_low": estimate - 0.1, "conf_high": estimate + 0.1,
        "conf_level": 0.95, "n": 40, "method": "posterior; Gaussian", "rhat": 1.002, "ess_bulk": 900.0, "ess_tail": 700.0, **more,
    }  # fmt: skip


def check(estimand: str, estimate: float, **more: Any) -> dict[str, Any]:
    none = {"rhat": math.nan, "ess_bulk": math.nan, "ess_tail": math.nan}
    return row(estimand, estimate, **none, **more)


def gaussian(term: str = "E") -> list[dict[str, Any]]:
    moved = {
        "other": "variance_component",
        "facet": "prompt",
        "reason": "a diagnostic",
        "conf_low": math.nan,
        "conf_high": math.nan,
    }
    rows = [
        *(row("variance_component", v, facet=f) for f, v in (("respondent", 0.8), ("prompt", 0.2), ("residual", 1.0))),
        *(row("variance_share", v, facet=f) for f, v in (("respondent", 0.4), ("prompt", 0.1), ("residual", 0.5))),
        row("grand_mean", 3.2),
        row("g_coefficient", 0.83, level="item = 6, prompt = 3"),
        row("phi_coefficient", 0.71, level="item = 6, prompt = 3"),
        *(
            check("posterior_predictive", 3.2, facet="prompt", level=f"p{at}", other="mean", statistic=seen, p_value=0.4)
            for at, seen in enumerate((3.15, 3.25, 3.9))
        ),
        check("posterior_predictive", 0.04, other="outside_range"),
        check("prior_predictive", 0.6, other="g_coefficient"),
        check("prior_sensitivity", 0.21, **moved),
        check("likelihood_sensitivity", 0.02, **moved),
    ]  # fmt: skip
    return [{**one, "term": term} for one in rows]


def graded(item: str = "i1") -> list[dict[str, Any]]:
    return [
        row("marginal_reliability", 0.78, term="T"),
        *(row("discrimination", 1.3, term="T", facet="item", level=name) for name in (item, "i2")),
        *(
            row("difficulty", b, term="T", facet="item", level=name, other=f"{code} or more")
            for name in (item, "i2") for code, b in ((2, -0.7), (3, 0.9))
        ),
        check("elpd_loo", -410.0, term="T"),
        check("p_loo", 11.0, term="T", reason="a diagnostic", conf_low=math.nan, conf_high=math.nan),
    ]  # fmt: skip


def crossed(term: str = "C") -> list[dict[str, Any]]:
    """Answers taken as categories: a fixed residual, thresholds, answers left out, respondents compared."""
    method = "posterior; median of draws, equal tails; cumulative logit, crossed effects"
    none = {"conf_low": math.nan, "conf_high": math.nan}
    left = {"method": f"normal; leave-one-out of single answers given their levels; {method}"}
    rows = [
        row("variance_component", 1.2, facet="respondent"),
        check("variance_component", 3.29, facet="residual", reason="fixed: the variance of the standard logistic law", **none),
        *(row("variance_share", v, facet=f) for f, v in (("respondent", 0.3), ("residual", 0.7))),
        row("g_coefficient", 0.81, level="item = 6"),
        *(row("threshold", t, other=f"{code} or more") for code, t in ((2, -1.5), (3, 0.7))),
        check("elpd_loo", -710.0, **left),
        check("p_loo", 55.0, reason="a diagnostic", **left, **none),
        *(row("score_difference", d, level="m1", other=other) for other, d in (("m2", 0.2), ("m3", -1.4), ("m4", 0.9))),
        *(
            check("probability_of_direction", p, level="m1", other=other, reason="a posterior probability", **none)
            for other, p in (("m2", 0.71), ("m3", 0.995), ("m4", 0.93))
        ),
    ]  # fmt: skip
    return [
        {**one, "term": term, "method": one["method"] if "leave" in one["method"] else method} for one in rows
    ]


def kinds(section: Section, kind: type) -> list[Any]:
    return [block for block in section.blocks if isinstance(block, kind)]


def cells(table: Table) -> list[list[str]]:
    return [[getattr(cell, "text", str(cell)) for cell in one] for one in table.rows]


def made(rows: list[dict[str, Any]], notes: tuple[Note, ...] = ()) -> Result:
    return make_result("hierarchy", rows, notes=notes)


def test_both_models_have_their_figures_and_tables() -> None:
    section = hierarchy(made([*gaussian(), *graded()]), PLACE)
    assert [figure.name for figure in kinds(section, Figure)] == [
        "hierarchy-shares", "hierarchy-coefficients", "hierarchy-thresholds-1", "hierarchy-predicted-1",
    ]  # fmt: skip
    first = cells(kinds(section, Table)[0])
    assert [one[0] for one in first] == ["E", "T"] and all("yes" in one for one in first)
    shown = " ".join(" ".join(one) for table in kinds(section, Table) for one in cells(table))
    for text in ("0.830", "0.710", "0.780", "1.300", "the prior decides", "item = 6, prompt = 3"):
        assert text in shown, text


def test_crossed_models_have_thresholds_and_respondents_by_the_size_of_their_difference() -> None:
    section = hierarchy(made(crossed()), PLACE)
    assert [figure.name for figure in kinds(section, Figure)] == [
        "hierarchy-shares", "hierarchy-coefficients", "hierarchy-cuts", "hierarchy-differences",
    ]  # fmt: skip
    tables = kinds(section, Table)
    assert any("yes" in one for one in cells(tables[0])), (
        "a residual that is fixed is no failure of the chains"
    )
    shown = " ".join(" ".join(one) for table in tables for one in cells(table))
    assert "-710" in shown.replace("\N{MINUS SIGN}", "-") and "0.810" in shown
    headings = [block.text for block in section.blocks if isinstance(block, Heading)]
    assert "Items and the trait behind them" not in str(headings)
    compared = cells(tables[-1])
    assert [one[1:3] for one in compared] == [["m3", "m1"], ["m1", "m4"], ["m1", "m2"]]
    assert "1.40" in compared[0] and "[1.300, 1.500]" in compared[0] and "99.5 %" in compared[0]
    assert "Largest: m3 less m1" in kinds(section, Figure)[-1].alt
    assert "on the logit scale" in str(tables[1].caption)


def test_a_comparison_that_could_not_be_made_is_no_failure_of_the_chains() -> None:
    gone = {
        "estimate": math.nan,
        "conf_low": math.nan,
        "conf_high": math.nan,
        "reason": "one of the two has no answer here",
    }
    rows = [*crossed(), {**crossed()[-6], "other": "m9", **gone}]
    section = hierarchy(made(rows), PLACE)
    assert any("yes" in one for one in cells(kinds(section, Table)[0]))
    assert "no answer here" in str(kinds(section, Table)[-1].notes)


def test_what_lies_outside_is_said_without_eyes() -> None:
    figure = kinds(hierarchy(made(gaussian()), PLACE), Figure)[-1]
    assert "Outside: p2." in figure.alt
    shares = kinds(hierarchy(made(gaussian()), PLACE), Figure)[0]
    assert "residual of E, 50 %" in shares.alt


def test_a_fit_that_did_not_converge_says_so_in_words() -> None:
    gone = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), math.nan)
    rows = [{**one, **gone, "reason": WHY} for one in gaussian()]
    result = made(rows, (Note("not_converged", f"E: {WHY}", "problem"),))
    section = hierarchy(result, PLACE)
    assert not kinds(section, Figure)
    assert any("the chains did not converge" in cell for cell in cells(kinds(section, Table)[0])[0])
    page = render_html(compose([result], title="t"))
    assert "the chains did not converge; there are no estimates" in page


def test_the_headline_names_the_lowest_reliability() -> None:
    said = "".join(
        getattr(piece, "text", str(piece))
        for piece in hierarchy_sentence(made([*gaussian(), *graded()]), PLACE)
    )
    assert "T" in said and "0.78 [0.68, 0.88]" in said and "the lowest of 2 scales" in said
    assert (
        hierarchy_sentence(made([{"estimand": "variance_component", "reason": "nobody answered"}]), PLACE)
        == ()
    )


@pytest.mark.parametrize("rows", [gaussian(HOSTILE), graded(HOSTILE), crossed(HOSTILE)])
def test_names_from_data_cannot_break_out(rows: list[dict[str, Any]]) -> None:
    page = render_html(Document("t", (), (hierarchy(made(rows), PLACE),)))
    assert "<script>alert" not in page


def test_a_scale_without_a_fit_has_its_reason() -> None:
    rows = [
        {
            "estimand": "variance_component",
            "term": "E",
            "method": "none",
            "reason": "cells are missing",
            "conf_level": 0.95,
        }
    ]
    section = hierarchy(made(rows), PLACE)
    assert any("cells are missing" in str(table.notes) for table in kinds(section, Table))
