"""The section on sensitivity: what is asked for besides means and shares has its table, and personas their figure."""

from __future__ import annotations

from typing import Any

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.sensitivity import sensitivity as section_of
from psychomet.pages.document import Figure, Heading, Section, Table
from psychomet.result.result import make_result


def level(estimand: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "estimand": estimand, "term": "A", "facet": "persona", "level": name, "n": 20, "conf_level": 0.95,
        "estimate": 3.0, "conf_low": 2.5, "conf_high": 3.5, "method": "t; x", **more,
    }  # fmt: skip


def ratio(facet: str = "prompt", **more: Any) -> dict[str, Any]:
    return {
        "estimand": "persona_ratio", "term": "A", "facet": facet, "other": "persona", "level": "none", "n": 10,
        "conf_level": 0.95, "estimate": 100.0, "conf_low": 10.0, "conf_high": 1000.0, "p_value": 0.001,
        "p_adjusted": 0.002, "method": "mover; x", **more,
    }  # fmt: skip


def section(rows: list[dict[str, Any]]) -> Section:
    return section_of(make_result("sensitivity", rows), Context(title="Sensitivity", anchor="sensitivity"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def text(table: Table) -> str:
    return " ".join(cell if isinstance(cell, str) else cell.text for line in table.rows for cell in line)


ROWS = [level("level_mean", name) for name in ("none", "p1")] + [
    level("level_contrast", name, p_value=0.01, statistic=2.0, df=30.0) for name in ("none", "p1")
]


def test_spread_and_differences_are_shown_where_they_were_asked_for() -> None:
    (plain,) = blocks(section(ROWS), Table)
    spread = [level("level_sd", name, estimate=0.77, conf_low=0.6, conf_high=0.9) for name in ("none", "p1")]
    against = level("level_difference", "p1", other="none", estimate=1.25, statistic=4.5, df=37.0, p_value=0.02,
                    method="t; between respondents, Student after an F test at 0.001: x")  # fmt: skip
    levels, differences = blocks(section([*ROWS, *spread, against]), Table)
    assert "0.77" in text(levels) and "[0.60" in text(levels) and "0.77" not in text(plain)
    assert "1.25" in text(differences) and "none" in text(differences) and "4.50" in text(differences)
    assert "chosen by an F test" in str(differences.caption)


def test_ratios_have_a_table_and_a_figure_of_powers_of_ten() -> None:
    found = section([*ROWS, ratio(), ratio("wording", estimate=0.5, conf_low=0.1, conf_high=2.5)])
    figure = blocks(found, Figure)[-1]
    assert figure.name == "sensitivity-personas" and "1 of 2 intervals lie above 1" in figure.alt
    table = blocks(found, Table)[-1]
    assert "100" in text(table) and "wording" in text(table) and "none" in text(table)


def test_ratios_alone_do_without_the_other_parts() -> None:
    found = section([ratio()])
    assert not blocks(found, Heading) and len(blocks(found, Table)) == len(blocks(found, Figure)) == 1


def test_a_ratio_without_interval_is_in_the_table_only() -> None:
    bare = ratio(
        reason="scores do not vary over forms",
        estimate=float("nan"),
        conf_low=float("nan"),
        conf_high=float("nan"),
    )
    found = section([bare])
    assert not blocks(found, Figure) and len(blocks(found, Table)) == 1
