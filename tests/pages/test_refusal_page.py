"""The section on refusals: figures, tables, words, and texts that must stay texts."""

from __future__ import annotations

from typing import Any

import pytest

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.refusal import refusal as section_of
from psychomet.pages.document import Figure, Section, Table
from psychomet.result.result import Result, make_result


def rows(scale: str, *, group: str = "", shift: float = 0.0) -> list[dict[str, Any]]:
    shared = {"group": group, "conf_level": 0.95, "n": 40, "method": "wilson; x"}
    rate = {"estimand": "refusal_rate", "estimate": 0.2 + shift, "conf_low": 0.1, "conf_high": 0.4, **shared}
    mean = {"conf_low": 2.5, "conf_high": 3.9, "estimate": 3.2, "term": scale, **shared, "method": "t; x"}
    return [
        {**rate, "term": scale},
        {**rate, "term": scale, "facet": "item", "level": f"{scale}1"},
        {**rate, "term": "all items", "facet": "prompt", "level": "p"},
        {**rate, "term": "all items", "facet": "prompt", "level": "q", "estimate": 0.35},
        {"estimand": "equal_refusal_rates", "term": "all items", "facet": "prompt", "estimate": 0.15, "statistic": 7.0,
         "df": 1, "df2": 39, "p_value": 0.01, "p_adjusted": 0.02, "reason": "a range", **shared},
        {"estimand": "refusal_trait_r", "term": scale, "estimate": 0.5, "p_value": 0.001, "p_adjusted": 0.002,
         **shared, "conf_low": 0.35, "conf_high": 0.6, "method": "bootstrap; x"},
        *({**mean, "estimand": f"mean_score_{name}"} for name in ("answered", "expected", "lowest", "highest", "any")),
    ]  # fmt: skip


def section(result: Result) -> Section:
    return section_of(result, Context(title="Refusals", anchor="refusal"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def text(table: Table) -> str:
    return " ".join(cell if isinstance(cell, str) else cell.text for line in table.rows for cell in line)


def test_every_part_has_its_place() -> None:
    found = section(make_result("refusal", rows("A")))
    names = [figure.name for figure in blocks(found, Figure)]
    assert names == ["refusal-rates", "refusal-facet-1", "refusal-means"]
    overall, tests, levels, items, traits, means = blocks(found, Table)
    assert "20.0 %" in text(overall) and "40" in text(overall)
    assert "15.0 %" in text(tests) and ".020" in text(tests)
    assert "35.0 %" in text(levels) and levels.folded
    assert "A1" in text(items)
    assert "positive" in text(traits) and ".002" in text(traits)
    assert "3.200" in text(means) and "[2.500, 3.900]" in text(means)
    assert "q with 35.0 %" in blocks(found, Figure)[1].alt


def test_rates_alone_make_a_section() -> None:
    only = [row for row in rows("A") if row["estimand"] == "refusal_rate" and "facet" not in row]
    found = section(make_result("refusal", only))
    assert len(blocks(found, Figure)) == 1 and len(blocks(found, Table)) == 1


def test_texts_from_data_stay_texts(hostile_texts: tuple[str, ...]) -> None:
    everything = [row for hostile in hostile_texts for row in rows(hostile, group=hostile)]
    for row in everything:
        if row.get("facet") == "prompt":
            row |= {"facet": hostile_texts[0], "level": hostile_texts[4]}
    found = section(make_result("refusal", everything))
    assert len(blocks(found, Table)) == 6


@pytest.mark.parametrize("missing", ["refusal_trait_r", "equal_refusal_rates"])
def test_a_missing_part_is_left_out(missing: str) -> None:
    found = section(make_result("refusal", [row for row in rows("A") if row["estimand"] != missing]))
    assert blocks(found, Table)


def test_a_facet_of_many_levels_is_drawn_in_order_and_named_at_its_ends() -> None:
    rate = {
        "estimand": "refusal_rate",
        "term": "all items",
        "conf_level": 0.95,
        "n": 40,
        "method": "wilson; x",
    }
    levels = [
        {**rate, "facet": "persona", "level": f"p{at:03d}", "estimate": at / 100, "conf_low": at / 200, "conf_high": at / 90}
        for at in range(1, 61)
    ]  # fmt: skip
    whole = {**rate, "estimate": 0.3, "conf_low": 0.2, "conf_high": 0.4}
    few = [{**one, "facet": "prompt", "level": f"w{at}"} for at, one in enumerate(levels[:2])]
    found = section(make_result("refusal", [whole, *levels, *few]))
    first, second = blocks(found, Figure)[1:]
    assert "60 levels: from p001 with 1.0 % to p060 with 60.0 %" in first.alt and "w1 with" in second.alt
    table = blocks(found, Table)[-1]
    assert (
        len(table.rows) == 22
        and "p060" in text(table)
        and "p001" in text(table)
        and "p030" not in text(table)
    )
