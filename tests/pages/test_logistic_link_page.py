"""The section on a binary outcome: slopes, probabilities, separation said, and texts that must stay texts."""

from __future__ import annotations

import math
from typing import Any

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.logistic_link import logistic_link as section_of
from psychomet.pages.document import Figure, Paragraph, Section, Table
from psychomet.result.result import Result, make_result

METHODS = ("wald; x", "profile; x", "jackknife; x", "penalised_profile; x")


def rows(term: str, group: str = "", *, separated: bool = False) -> list[dict[str, Any]]:
    shared = {"term": term, "other": "gives", "group": group, "conf_level": 0.95, "n": 40}
    out: list[dict[str, Any]] = []
    for method in METHODS:
        if separated and "penalised" not in method:
            out += [{**shared, "estimand": name, "method": method, "reason": "complete separation: none"}
                    for name in ("log_odds_slope", "odds_ratio")]  # fmt: skip
            continue
        ends = {"conf_low": 0.1, "conf_high": math.inf if separated else 0.9}
        out.append({**shared, **ends, "estimand": "log_odds_slope", "method": method, "estimate": math.log(2), "statistic": 3.0,
                    "df": 39.0, "p_value": 0.01, "p_adjusted": 0.04})  # fmt: skip
        out.append({**shared, **ends, "estimand": "odds_ratio", "method": method, "estimate": 2.0})
    out.append({**shared, "conf_low": 0.05, "conf_high": 0.3, "estimand": "average_marginal_effect",
                "method": "wald; Firth", "estimate": 0.125})  # fmt: skip
    out.append(
        {
            **shared,
            "conf_low": 0.3,
            "conf_high": 0.6,
            "estimand": "event_share",
            "method": "wilson",
            "estimate": 0.45,
        }
    )
    out.append(
        {
            **shared,
            "estimand": "mcfadden_r_squared",
            "method": "none",
            "estimate": 0.2,
            "p_value": 0.002,
            "reason": "index",
        }
    )
    return out


def section(result: Result) -> Section:
    return section_of(result, Context(title="Outcome", anchor="logistic-link"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def words(table: Table) -> list[list[str]]:
    return [[cell if isinstance(cell, str) else cell.text for cell in line] for line in table.rows]


def test_slopes_effects_and_models() -> None:
    found = section(
        make_result("logistic_link", rows("A"), settings={"outcome": "gives", "event": "1", "reference": "0"})
    )
    slopes, effects, models = blocks(found, Table)
    assert [line[1] for line in words(slopes)] == [
        "independent rows, Wald", "independent rows, profile", "clustered by respondent", "Firth, independent rows",
    ]  # fmt: skip
    assert "2.00" in words(slopes)[0] and ".040" in words(slopes)[0]
    assert "12.5 %" in words(effects)[0]
    assert "45.0 %" in words(models)[0] and "p = .002" in words(models)[0]
    (figure,) = blocks(found, Figure)
    assert "0.69" in figure.alt and "A" in figure.alt
    said = "".join(
        piece if isinstance(piece, str) else piece.text for piece in blocks(found, Paragraph)[1].text
    )
    assert said == "Outcome gives: 1 counts as 1, 0 as 0. A unit is one point of the score."


def test_separation_is_said_before_the_figure() -> None:
    settings = {"rows": {"A": {"rows": 10, "wrong_side": 0, "separation": "complete"}}}
    found = section(make_result("logistic_link", rows("A", separated=True), settings=settings))
    paragraph = blocks(found, Paragraph)[1]
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in paragraph.text)
    assert text.startswith("In A the outcomes are separated (complete)")
    table = blocks(found, Table)[0]
    assert words(table)[0][-1] == "a" and any("∞" in cell for cell in words(table)[3])
    assert len(blocks(found, Figure)) == 1


def test_without_any_model_there_is_no_figure() -> None:
    row = {
        "estimand": "log_odds_slope",
        "term": "A",
        "method": "penalised_profile",
        "reason": "the outcome has one value",
    }
    found = section(make_result("logistic_link", [row]))
    assert not blocks(found, Figure) and len(blocks(found, Table)) == 1


def test_texts_from_data_stay_texts(hostile_texts: tuple[str, ...]) -> None:
    everything = [row for hostile in hostile_texts for row in rows(hostile, hostile)]
    settings = {
        "outcome": hostile_texts[0],
        "event": hostile_texts[1],
        "rows": {hostile_texts[0]: {"separation": "complete"}},
    }
    assert len(blocks(section(make_result("logistic_link", everything, settings=settings)), Table)) == 3
