"""The section on equivalent forms: figure, tables, two tests in one line, and texts that must stay texts."""

from __future__ import annotations

from typing import Any

from psychomet.pages.compose.consistency import consistency as section_of
from psychomet.pages.compose.consistency import row_names
from psychomet.pages.compose.context import Context
from psychomet.pages.document import Figure, Section, Table
from psychomet.result.result import Result, make_result


def rows(scale: str, *, facet: str = "prompt", level: str = "p ~ q") -> list[dict[str, Any]]:
    shared = {"term": scale, "facet": facet, "conf_level": 0.95, "n": 40}
    ends = {"estimate": 0.2, "conf_low": 0.1, "conf_high": 0.4}
    naive = {"method": "none; Mann-Whitney, answers as independent", "reason": "published", "p_value": 0.001}
    count = {
        "term": "all scales",
        "estimand": "rejected_pairs",
        "n": 15,
        "reason": "a count",
        "conf_level": 0.95,
    }
    return [
        *({"estimand": name, **shared, **ends, "method": "wilson; x"} for name in ("changed_answers", "reversed_answers")),
        {"estimand": "changed_answers", **shared, **ends, "level": level, "method": "wilson; x"},
        {"estimand": "changed_beyond_chance", **shared, **ends, "method": "t; x"},
        {"estimand": "superiority", **shared, "level": level, "estimate": 0.6, **naive},
        {"estimand": "superiority", **shared, "level": level, "method": "t; x", "p_value": 0.04, "p_adjusted": 0.08,
         "estimate": 0.6, "conf_low": 0.5, "conf_high": 0.7},
        {**count, "facet": facet, "estimate": 9, "method": "none; Mann-Whitney at .05"},
        {**count, "facet": facet, "estimate": 4, "method": "none; clustered test"},
        {"estimand": "choice_shift", **shared, "level": level, "other": "agree", "method": "t; x", "estimate": 12.5,
         "conf_low": 3.0, "conf_high": 22.0, "p_value": 0.01, "p_adjusted": 0.02},
        {"estimand": "entropy_shift", **shared, "level": level, "method": "t; x", "estimate": -0.07, "conf_low": -0.3,
         "conf_high": 0.2, "p_value": 0.5, "p_adjusted": 0.5},
        {"estimand": "js_distance", **shared, **ends, "method": "t; x"},
    ]  # fmt: skip


def section(result: Result) -> Section:
    return section_of(result, Context(title="Consistency", anchor="consistency"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def text(table: Table) -> str:
    return " ".join(cell if isinstance(cell, str) else cell.text for line in table.rows for cell in line)


def test_every_part_has_its_place() -> None:
    found = section(make_result("consistency", rows("A")))
    (figure,) = blocks(found, Figure)
    assert figure.name == "consistency-changed" and "20.0 %" in figure.alt
    shares, pairs, counts, order, moved, spread, distances = blocks(found, Table)
    assert len(shares.rows) == 3 and len(pairs.rows) == 1 and pairs.folded
    assert [cell if isinstance(cell, str) else cell.text for cell in counts.rows[0]] == [
        "prompt",
        "15",
        "9",
        "4",
    ]
    assert len(order.rows) == 1 and ".001" in text(order) and ".040" in text(order) and ".080" in text(order)
    assert "12.5" in text(moved) and "[3.0, 22.0]" in text(moved)
    assert "0.200" in text(distances) and "−0.070" in text(spread)


def test_parts_that_are_not_there_are_left_out() -> None:
    only = [row for row in rows("A") if row["estimand"] == "js_distance"]
    found = section(make_result("consistency", only))
    assert not blocks(found, Figure) and len(blocks(found, Table)) == 1


def test_texts_from_data_stay_texts(hostile_texts: tuple[str, ...]) -> None:
    everything = [
        row | {"group": hostile}
        for hostile in hostile_texts
        for row in rows(hostile, facet=hostile, level=hostile)
    ]
    found = section(make_result("consistency", everything))
    assert len(blocks(found, Table)) == 7


def test_lines_of_one_scale_are_named_by_their_group() -> None:
    long = "model = a-model-with-a-very-long-name-"
    found = row_names([("E", ""), ("E", f"{long}8b"), ("E", f"{long}70b")])
    assert list(found.values()) == ["all together", "…-8b", "…-70b"]
    assert list(row_names([("E", ""), ("C", "")]).values()) == ["E", "C"]


def test_long_names_lose_their_middle_and_stay_apart() -> None:
    terms = ["a" * 30 + "x", "a" * 30 + "y"]
    groups = ["", "model = " + "b" * 40, "model = c" + "b" * 40]
    found = row_names([(term, group) for term in terms for group in groups])
    assert len(set(found.values())) == 6 and max(map(len, found.values())) <= 28
    assert found[terms[0], ""].endswith("x") and "…" in found[terms[0], ""]
    alike = row_names([("d" * 14 + middle + "d" * 14, "") for middle in "xyz"])
    assert len(set(alike.values())) == 3
