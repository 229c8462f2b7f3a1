"""The section on correlations of items: figure, summary, table, and texts that must stay texts."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from psychomet.pages.compose import correlations as section_of
from psychomet.pages.compose.context import Context
from psychomet.pages.document import Figure, Section, Table
from psychomet.pages.figures.matrix import draw_matrix
from psychomet.result.result import Result, make_result


def made(scales: dict[str, list[str]], *, estimand: str = "polychoric_r", group: str = "") -> Result:
    rng = np.random.default_rng(1)
    home = {item: name for name, items in scales.items() for item in items}
    rows: list[dict[str, Any]] = []
    for first, second in combinations(home, 2):
        r = float(rng.uniform(0.4, 0.7) if home[first] == home[second] else rng.uniform(-0.3, 0.2))
        rows.append({"estimand": estimand, "term": first, "other": second, "group": group, "estimate": r,
                     "std_error": 0.03, "conf_low": r - 0.06, "conf_high": r + 0.06, "conf_level": 0.95, "n": 500,
                     "method": "fisher_z; two-step maximum likelihood"})  # fmt: skip
    rows[0] |= {
        "estimate": np.nan,
        "conf_low": np.nan,
        "conf_high": np.nan,
        "reason": "an item does not vary",
    }
    return make_result("correlations", rows, settings={"scales": scales})


def section(result: Result) -> Section:
    return section_of.correlations(result, Context(title="Correlations", anchor="correlations"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def words(table: Table, row: int) -> list[str]:
    return [cell if isinstance(cell, str) else cell.text for cell in table.rows[row]]


SCALES = {"A": ["a1", "a2", "a3"], "B": ["b1", "b2"]}


def test_a_figure_a_summary_and_a_table() -> None:
    result = made(SCALES)
    found = section(result)
    (figure,) = blocks(found, Figure)
    assert "5 items" in figure.alt and figure.name == "correlations-matrix-1"
    summary, table = blocks(found, Table)
    rows = result.estimates
    inside = rows[rows["term"].str[0].eq("a") & rows["other"].str[0].eq("a")]["estimate"]
    across = rows[rows["term"].str[0] != rows["other"].str[0]]["estimate"]
    assert words(summary, 0)[:3] == ["A", "3", f"{inside.mean():.3f}"]
    assert f"{across.abs().mean():.3f}" in words(summary, 0)
    assert len(table.rows) == 10
    assert words(table, 0)[-1] == "a" and "does not vary" in table.notes[0][1].text
    assert "polychoric" in words(table, 1)


def test_plain_correlations_are_not_called_latent() -> None:
    lead = section(made(SCALES, estimand="pearson_r")).blocks[0]
    assert "continuous" not in str(lead)
    assert "continuous" in str(section(made(SCALES)).blocks[0])


def test_many_pairs_are_cut_to_the_largest_and_many_items_to_the_first() -> None:
    result = made({"A": [f"a{i}" for i in range(40)], "B": [f"b{i}" for i in range(30)]})
    found = section(result)
    (figure,) = blocks(found, Figure)
    assert "The first 60 of 70 items are drawn" in str(figure.caption)
    table = blocks(found, Table)[1]
    assert len(table.rows) == 200 and table.folded
    # The row without an estimate is told first, then the largest.
    largest = result.estimates["estimate"].abs().max()
    assert f"{largest:.3f}" in words(table, 1)


def test_groups_have_headings_and_figures_of_their_own() -> None:
    first, second = made(SCALES), made(SCALES, group="model = x")
    rows = [*first.estimates.to_dict("records"), *second.estimates.to_dict("records")]
    found = section(make_result("correlations", rows, settings={"scales": SCALES}))
    assert [figure.name for figure in blocks(found, Figure)] == [
        "correlations-matrix-1",
        "correlations-matrix-2",
    ]


def test_settings_that_say_nothing_leave_one_nameless_scale() -> None:
    result = made(SCALES)
    bare = make_result("correlations", result.estimates)
    assert len(blocks(section(bare), Table)[0].rows) == 1


def test_hostile_names(hostile_texts: tuple[str, ...]) -> None:
    scales = {text: [f"{text} a", f"{text} b"] for text in hostile_texts[:8]}
    found = section(made(scales))
    (figure,) = blocks(found, Figure)
    assert b"<script>alert" not in figure.svg


@pytest.mark.parametrize("k", [2, 10, 11, 60])
def test_equal_input_gives_equal_bytes(k: int) -> None:
    items = [f"i{j}" for j in range(k)]
    cells = {pair: (-1.0) ** at * 0.5 for at, pair in enumerate(combinations(items, 2))}
    cells[items[0], items[1]] = float("nan")
    drawn = [
        draw_matrix(cells, items=items, parts=[("A", k - 1), ("B", 1)], name="m", alt="1.", caption=())
        for _ in range(2)
    ]
    assert drawn[0].svg == drawn[1].svg and drawn[0].png == drawn[1].png
