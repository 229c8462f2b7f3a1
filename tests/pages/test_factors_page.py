"""The section on factors: what is drawn, what is told, and names that try to break out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from psychomet.pages.compose.context import Context, gather
from psychomet.pages.compose.factors import factors
from psychomet.pages.document import Figure, Heading, Section, Table
from psychomet.pages.figures.loadings import Line, draw_loadings
from psychomet.pages.words import RULES
from psychomet.result.result import Result, make_result

SCALES = ("Warmth", "Boldness", "Calm")
HOSTILE = "<script>alert(1)</script>$\\frac$"


def row(estimand: str, term: str, estimate: float, half: float = 0.1, **more: Any) -> dict[str, Any]:
    return {"estimand": estimand, "term": term, "estimate": estimate, "conf_low": estimate - half, "n": 200,
            "conf_high": estimate + half, "conf_level": 0.95, "method": "delta; 3 factors"} | more  # fmt: skip


@cache
def made(k: int = 12, hostile: bool = False) -> Result:
    """Three factors in another order than the key has them, with two intervals each."""
    items = [HOSTILE if hostile and j == 0 else f"item_{j}" for j in range(k)]
    names = ("Boldness", "Calm", "Warmth")
    rng = np.random.default_rng(1)
    rows: list[dict[str, Any]] = []
    for j, item in enumerate(items):
        for name in names:
            size = 0.7 if SCALES[j * 3 // k] == name else float(rng.normal(0, 0.05))
            rows.append(row("loading", item, size, other=name, std_error=0.05))
            rows.append(row("loading", item, size, 0.12, other=name, method="percentile; 200 resamples"))
        rows += [row("communality", item, 0.5), row("uniqueness", item, 0.5)]
        rows.append(row("complexity", item, 1.1, np.nan, method="none", reason="an index"))
    for name in names:
        rows += [row("variance_accounted", name, 0.17, 0.02)]
        rows.append(row("score_determinacy", name, 0.91, np.nan, method="none", reason="an index"))
    rows.append(row("factor_correlation", "Boldness", 0.25, other="Calm"))
    fit = {"statistic": 46.0, "df": 33, "p_value": 0.066, "reason": "a test statistic"}
    for kind in (
        "likelihood ratio with Bartlett's correction",
        "residual statistic, mean and variance adjusted",
    ):
        rows.append(row("chi_squared", "all items", 46.0, np.nan, method=f"chi_squared; {kind}", **fit))
    rows.append(row("rmsea", "all items", 0.04, 0.02, method="chi_squared; likelihood ratio"))
    scales = {scale: items[f * k // 3 : (f + 1) * k // 3] for f, scale in enumerate(SCALES)}
    return make_result("factors", rows, settings={"scales": scales, "text": {items[1]: "Is kind to others."}})


def section(result: Result) -> Section:
    context = replace(gather([result], RULES), title="Factors", anchor="factors")
    return factors(result, context)


def tables(found: Section) -> dict[str, Table]:
    return {str(block.caption[0])[:12]: block for block in found.blocks if isinstance(block, Table)}


def test_the_chart_and_every_table_are_there() -> None:
    found = section(made())
    (chart,) = [block for block in found.blocks if isinstance(block, Figure)]
    assert chart.name == "factors-loadings"
    assert chart.alt == "Loadings of 12 items on 3 factors; the highest of all is 0.70 (item_0 on Warmth)."
    assert {
        block.text if hasattr(block, "text") else "" for block in found.blocks if isinstance(block, Heading)
    }
    heads = [[str(column.name) for column in table.columns] for table in tables(found).values()]
    assert len(heads) == 5
    assert "Determinacy of scores" in heads[0]
    assert "95 % interval (percentile bootstrap)" in heads[-1]


def test_fit_names_which_statistic_each_row_is() -> None:
    fit = next(table for name, table in tables(section(made())).items() if name.startswith("Fit"))
    names = [str(getattr(line[0], "text", line[0])) for line in fit.rows]
    assert names == ["Chi-squared, likelihood ratio", "Chi-squared, adjusted", "RMSEA, likelihood ratio"]


def test_many_items_make_several_charts_and_no_items_none() -> None:
    figures = [block for block in section(made(132)).blocks if isinstance(block, Figure)]
    assert [figure.name for figure in figures] == [
        "factors-loadings",
        "factors-loadings-2",
        "factors-loadings-3",
    ]
    empty = make_result(
        "factors",
        [
            {
                "estimand": "variance_accounted",
                "term": "all factors",
                "method": "none; 3 factors",
                "reason": "too few",
            }
        ],
    )
    assert not [block for block in section(empty).blocks if isinstance(block, Figure)]


def test_hostile_names_are_drawn_as_they_are() -> None:
    figure = next(block for block in section(made(hostile=True)).blocks if isinstance(block, Figure))
    assert b"<script" not in figure.svg
    assert figure.svg.startswith(b"<?xml")


def test_equal_input_gives_equal_bytes_and_missing_loadings_are_drawn() -> None:
    lines = [Line("a", "S", [0.5, float("nan")], [True, False]), Line("b", "", [-0.8, 0.01], [True, False])]

    def draw() -> Figure:
        return draw_loadings(lines, factors=["F1", "F2"], wording={}, name="x", alt="a", caption=("c",))

    assert draw().svg == draw().svg


@pytest.mark.parametrize("group", ["", "model = a"])
def test_groups_stay_apart(group: str) -> None:
    result = made()
    frame = result.estimates.assign(group=group)
    found = section(replace(result, estimates=frame))
    drawn = [block for block in found.blocks if isinstance(block, Figure)]
    assert len(drawn) == (1 if group == "" else 0)


def test_context_is_a_plain_value() -> None:
    assert factors(made(), Context(title="T", anchor="t")).title == "T"
