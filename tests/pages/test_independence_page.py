"""The section on independence: figures and tables of what was tested, and names that try to break out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.estimates.causes.independence import independence as ask
from psychomet.estimates.causes.independence import p_table
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.independence import independence
from psychomet.pages.document import Document, Figure, Paragraph, Section, Table
from psychomet.pages.figures.dependence import Mark, draw_dependence
from psychomet.pages.html import render_html
from psychomet.result.result import Result
from psychomet.result.store import load, save
from psychomet.table.codebook import Codebook, Feature
from psychomet.table.features import FeatureTable

HOSTILE = "<script>alert(1)</script>$\\frac$"
PLACE = Context(title="Independence", anchor="independence")


@cache
def made(other: str = "height", **options: Any) -> Result:
    rng = np.random.default_rng(1)
    n = 120
    s = rng.normal(size=n)
    features = [
        Feature(other, "number"),
        Feature("day", "circular", period=31.0),
        Feature("sex", "nominal", levels=("f", "m")),
        *(Feature(f"O {r}", "ordinal", "openness", r, levels=("1", "2", "3")) for r in "ab"),
    ]
    values = {
        other: s + 0.4 * rng.normal(size=n),
        "day": rng.integers(1, 32, n).astype(float),
        "sex": rng.integers(0, 2, n),
        "O a": np.digitize(s, [-0.5, 0.5]),
        "O b": np.digitize(s + 2 * rng.normal(size=n), [-0.5, 0.5]),
    }
    ids = np.array([f"r{i}" for i in range(n)], dtype=object)
    table = FeatureTable(ids, Codebook(tuple(features)), values)
    asked = {"traits": "openness", "controls": "day", "seed": 1} | options
    return ask(table, **{k: list(v) if isinstance(v, tuple) else v for k, v in asked.items()})


def section(result: Result) -> Section:
    return independence(result, PLACE)


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def text(cell: Any) -> str:
    return cell if isinstance(cell, str) else cell.text


def test_summary_names_rules_and_controls() -> None:
    table = blocks(section(made()), Table)[0]
    heads = [text(column.name) for column in table.columns]
    assert heads == ["Test", "Tests", "Not adjusted", "Holm", "Benjamini–Hochberg", "Controls rejected"]
    row = [text(cell) for cell in table.rows[0]]
    counts = made().estimates.query("estimand == 'dependent_pairs'").set_index("level")["estimate"]
    assert row[1:5] == ["9", *(f"{counts[rule]:.0f}" for rule in ("none", "holm", "bh"))]
    assert "of 3 = " in row[5]


def test_one_figure_of_sizes_and_one_of_p_values_for_each_test() -> None:
    found = section(made(test=("hsic", "rcit")))
    names = [figure.name for figure in blocks(found, Figure)]
    assert [name.rsplit("-", 1)[0] for name in names] == [
        "independence-hsic-size", "independence-hsic-p", "independence-rcit-size", "independence-rcit-p",
    ]  # fmt: skip
    assert len(set(names)) == 4
    assert "3 features with 3 trait scores" in blocks(found, Figure)[0].alt


def test_table_has_every_test_smallest_p_first() -> None:
    table = blocks(section(made()), Table)[1]
    heads = [text(column.name) for column in table.columns]
    assert len(table.rows) == 9
    assert {"p, Holm", "p, Benjamini–Hochberg"} <= set(heads)
    first = dict(zip(heads, map(text, table.rows[0]), strict=True))
    best = made().estimates.dropna(subset=["other"]).query("other != ''").sort_values("p_value").iloc[0]
    assert (first["Feature"], first["Measurement"]) == (best["other"], best["level"])


def test_raters_that_disagree_are_counted() -> None:
    page = render_html(Document("t", (), (section(made()),)))
    assert "of 3 pairs of a trait and a feature some" in page


def test_what_is_given_is_said_and_groups_are_told_apart() -> None:
    page = render_html(Document("t", (), (section(made(given="sex", others=("height",))),)))
    assert "hold these features constant" in page
    grouped = section(made(by="sex"))
    said = [text(block.text[0]) for block in blocks(grouped, Paragraph) if block.role == "small"]
    assert said == ["sex = f", "sex = m"]


def test_names_from_data_do_not_become_markup() -> None:
    page = render_html(Document("t", (), (section(made(HOSTILE)),)))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_page_of_a_stored_result_is_the_same(tmp_path: Any) -> None:
    save(made(), tmp_path / "r")
    again = load(tmp_path / "r")[0]
    pages = [render_html(Document("t", (), (section(result),))) for result in (made(), again)]
    assert pages[0] == pages[1]


def test_published_p_values_make_a_page() -> None:
    matrix = pd.DataFrame(
        np.linspace(0.001, 0.9, 20).reshape(4, 5), index=list("abcd"), columns=list("OCEAN")
    )
    found = section(p_table(matrix, controls=["d"]))
    assert len(blocks(found, Table)) == 1
    (figure,) = blocks(found, Figure)
    assert (
        "4 features with 5 trait scores" in figure.alt and b">d (control)<" in figure.svg
    ) or b"d (control)" in figure.svg
    raters = pd.DataFrame(matrix.to_numpy()[:, :4], index=matrix.index)
    raters.columns = pd.MultiIndex.from_product([["O", "C"], ["gpt", "gemini"]])
    result = p_table(raters)
    assert result.arrays["p_value"].sel(feature="a", trait="C gpt") == pytest.approx(matrix.iloc[0, 2])
    assert result.settings["columns"] == [["O", "gpt"], ["O", "gemini"], ["C", "gpt"], ["C", "gemini"]]


@pytest.mark.parametrize("shape", [(1, 1), (23, 15), (40, 20)])
def test_figures_of_any_size_fit(shape: tuple[int, int]) -> None:
    rows = [f"feature {at}" for at in range(shape[0])]
    columns = [(f"trait {at // 3}", f"rater {at % 3}") for at in range(shape[1])]
    cells = {(row, x): Mark(".12", 0.12, x % 2 == 0) for row in rows for x in range(shape[1])}
    options = {
        "rows": rows,
        "columns": columns,
        "controls": rows[:1],
        "darkest": 0.3,
        "name": "n",
        "alt": "a",
    }
    first, again = (draw_dependence(cells, caption=("c",), **options) for _ in range(2))
    assert first.svg == again.svg
    assert first.width <= 9.6
