"""The section on position and label: contrasts, shares, and texts that must stay texts."""

from __future__ import annotations

import math
from typing import Any

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.option_bias import option_bias as section_of
from psychomet.pages.document import Figure, Section, Table
from psychomet.result.result import Result, make_result


def rows(scale: str, code: str = "1") -> list[dict[str, Any]]:
    shared = {"term": scale, "facet": "order", "conf_level": 0.95, "n": 40, "method": "t; x"}
    ends = {"conf_low": 0.1, "conf_high": 0.9}
    return [
        {"estimand": "position_contrast", **shared, **ends, "other": "1 ~ 3", "estimate": math.log(2), "p_value": 0.01,
         "p_adjusted": 0.03},
        {"estimand": "position_contrast", **shared, "other": "1 ~ 2", "reason": "not told apart"},
        {"estimand": "label_contrast", **shared, **ends, "other": "A ~ B", "estimate": 0.4},
        {"estimand": "choice_share", **shared, **ends, "level": code, "estimate": 0.6},
        {"estimand": "choice_share_debiased", **shared, **ends, "level": code, "estimate": 0.45},
    ]  # fmt: skip


def section(result: Result) -> Section:
    return section_of(result, Context(title="Options", anchor="option-bias"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def words(table: Table) -> list[list[str]]:
    return [[cell if isinstance(cell, str) else cell.text for cell in line] for line in table.rows]


def test_contrasts_odds_and_shares() -> None:
    found = section(make_result("option_bias", rows("A")))
    contrasts, shares = blocks(found, Table)
    assert "2.00" in words(contrasts)[0] and ".030" in words(contrasts)[0]
    assert words(contrasts)[1][-1] == "a" and "not told apart" in contrasts.notes[0][1].text
    assert "60.0 %" in words(shares)[0] and "45.0 %" in words(shares)[1]
    (figure,) = blocks(found, Figure)
    assert "15.0 %, answer 1 of A" in figure.alt


def test_without_shares_there_is_no_figure() -> None:
    found = section(make_result("option_bias", rows("A")[:2]))
    assert not blocks(found, Figure) and len(blocks(found, Table)) == 1


def test_texts_from_data_stay_texts(hostile_texts: tuple[str, ...]) -> None:
    everything = [row | {"group": hostile} for hostile in hostile_texts for row in rows(hostile, hostile)]
    assert len(blocks(section(make_result("option_bias", everything)), Table)) == 2
