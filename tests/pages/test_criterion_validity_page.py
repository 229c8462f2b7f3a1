"""The section on the prediction of criteria: what stands in it, and texts that must stay texts."""

from __future__ import annotations

from typing import Any

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.criterion_validity import criterion_sentence
from psychomet.pages.compose.criterion_validity import criterion_validity as section_of
from psychomet.pages.document import Figure, Section, Table
from psychomet.result.result import Result, make_result


def rows(
    criterion: str, predictor: str = "Openness", block: str = "Openness", ahead: float = -0.4
) -> list[dict[str, Any]]:
    shared = {"other": criterion, "conf_level": 0.95, "n": 12}
    step = {**shared, "term": block, "level": "step 1"}
    later = {**shared, "term": f"{block} more", "level": "step 2"}
    one = {**shared, "term": predictor}
    wide, ends = {"conf_low": ahead - 5, "conf_high": ahead + 0.2}, {"conf_low": 0.1, "conf_high": 0.9}
    return [
        {"estimand": "r_squared", **step, **ends, "estimate": 0.9, "p_value": 0.01, "p_adjusted": 0.04, "method": "random_x; F"},
        {"estimand": "r_squared", **later, **ends, "estimate": 0.95, "method": "random_x; F"},
        {"estimand": "r_squared_adjusted", **step, **ends, "estimate": 0.8, "method": "random_x; Olkin and Pratt"},
        {"estimand": "r_squared_adjusted", **step, **ends, "estimate": 0.777, "method": "random_x; Ezekiel"},
        {"estimand": "cv_r_squared", **step, **wide, "estimate": ahead, "method": "nested_cv; x"},
        {"estimand": "cv_r_squared", **later, "method": "nested_cv; x", "reason": "too few respondents"},
        {"estimand": "cv_r_squared", **step, "estimate": -0.333, "method": "none; left out", "reason": "the folds"},
        {"estimand": "r_squared_by_chance", **step, "estimate": 0.545, "p_value": 0.02, "method": "none; x", "reason": "chance"},
        {"estimand": "delta_r_squared", **later, **ends, "estimate": 0.05, "df": 1, "df2": 9, "p_value": 0.3, "method": "confidence_distribution; x"},
        {"estimand": "cv_delta_r_squared", **later, **ends, "estimate": 0.2, "method": "nested_cv; x"},
        {"estimand": "criterion_r", **one, **ends, "estimate": 0.5, "p_value": 0.02, "method": "fisher_z; t"},
        {"estimand": "standardized_slope", **one, **ends, "estimate": 0.6, "method": "delta; x"},
        {"estimand": "vif", **one, "estimate": 3.0, "method": "none", "reason": "an index"},
    ]  # fmt: skip


def section(result: Result) -> Section:
    return section_of(result, Context(title="Prediction", anchor="criterion-validity"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def words(table: Table) -> list[list[str]]:
    return [[cell if isinstance(cell, str) else cell.text for cell in line] for line in table.rows]


def test_the_three_values_stand_side_by_side() -> None:
    found = section(make_result("criterion_validity", rows("Risk")))
    shares, rise, correlations, own = blocks(found, Table)
    first = words(shares)[0]
    for text in ("0.900", "0.545", "0.800", "−0.400", "−0.333", "predicts worse than the mean"):
        assert text in first
    assert "0.777" not in first and "too few respondents" in shares.notes[0][1].text
    assert "adds" in words(rise)[0] and "1, 9" in words(rise)[0]
    assert "positive, small to large" in words(correlations)[0]
    assert "3.0" in words(own)[0]
    figure, heat = blocks(found, Figure)
    assert "−0.40, Risk" in figure.alt and "axis ends" in "".join(map(str, figure.caption))
    assert "Openness with Risk, 0.50" in heat.alt


def test_the_sentence_speaks_of_the_last_step_out_of_sample() -> None:
    context = Context()

    def sentence(made: list[dict[str, Any]]) -> str:
        said = criterion_sentence(make_result("criterion_validity", made), context)
        return "".join(part if isinstance(part, str) else part.text for part in said)

    assert sentence(rows("Risk")) == ""
    one = [row for row in rows("Risk") if row.get("level", "step 1") == "step 1"]
    assert "the one criterion is not predicted" in sentence(one)
    good = [
        {**row, "conf_low": 0.2, "estimate": 0.4} if row["method"].startswith("nested") else row
        for row in rows("Care")
        if row.get("level", "step 1") == "step 1"
    ]
    assert sentence([*one, *good]).startswith("Out of sample the self-reports predict Care (1 of 2 criteria)")


def test_a_result_without_estimates_has_tables_only() -> None:
    empty = {
        "estimand": "r_squared",
        "term": "a",
        "other": "y",
        "level": "step 1",
        "method": "none",
        "reason": "too few",
    }
    found = section(make_result("criterion_validity", [empty]))
    assert not blocks(found, Figure) and len(blocks(found, Table)) == 1


def test_texts_from_data_stay_texts(hostile_texts: tuple[str, ...]) -> None:
    everything = [
        row | {"group": hostile} for hostile in hostile_texts for row in rows(hostile, hostile, hostile)
    ]
    found = section(make_result("criterion_validity", everything))
    assert len(blocks(found, Table)) == 4 and blocks(found, Figure)
