"""The section on traits by methods: the matrix as a picture, words for cut-points, tables, hostile names."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from psychomet.estimates.validity.multitrait import multitrait
from psychomet.pages.compose.context import gather
from psychomet.pages.compose.multitrait import multitrait as section_of
from psychomet.pages.compose.multitrait import verdict
from psychomet.pages.document import Figure, Heading, Paragraph, Section, Table
from psychomet.pages.figures.triangle import draw_triangle
from psychomet.pages.words import RULES
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses

HOSTILE = "<script>alert(1)</script>"


@cache
def made(first: str = "E", models: tuple[str, ...] = (), n: int = 120) -> Result:
    rng = np.random.default_rng(1)
    traits, methods = (first, "N", "C"), ("one", "two", "three")
    trait = rng.standard_normal((n, 3))
    rows, scales = [], []
    for m in range(3):
        habit = 0.5 * rng.standard_normal(n)
        for t in range(3):
            items = tuple(f"i{m}{t}{k}" for k in range(3))
            scales.append(Scale(f"s{m}{t}", items, -99, 99))
            for item in items:
                value = trait[:, t] + habit + 0.8 * rng.standard_normal(n)
                rows += [(f"r{i}", item, v, "ab"[i % 2]) for i, v in enumerate(value)]
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "model"])
    table = read_responses(frame, key=Key("k", tuple(scales)), facets=["model"])
    design = [(traits[t], methods[m], f"s{m}{t}") for m in range(3) for t in range(3)]
    return multitrait(
        table, missing="available", seed=1, traits=design, models=models or "none", by="model", n_boot=100
    )  # fmt: skip


def section(result: Result) -> Section:
    return section_of(
        result, replace(gather([result], RULES), title="Traits by methods", anchor="multitrait")
    )


def figures(found: Section) -> dict[str, Figure]:
    return {block.name: block for block in found.blocks if isinstance(block, Figure)}


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def heads(table: Table) -> list[str]:
    return [str(column.name) for column in table.columns]


def test_a_matrix_for_the_whole_and_each_group() -> None:
    drawn = figures(section(made()))
    assert set(drawn) == {"multitrait-matrix", "multitrait-matrix-1", "multitrait-matrix-2"}
    assert "Correlations of 9 measures." in drawn["multitrait-matrix"].alt
    assert "Group: model = a." in drawn["multitrait-matrix-1"].alt
    assert "Cronbach's alpha" in "".join(map(str, drawn["multitrait-matrix"].caption))


def test_tables_of_measures_criteria_ratios_and_correlations() -> None:
    found = section(made())
    summary, deltas, criteria, ratios, pairs = tables(found)
    assert heads(summary)[0] == "Methods" and {
        "Convergent r",
        "Discriminant r",
        "Delta",
        "p of matching",
    } <= set(heads(summary))
    assert len(summary.rows) == 3 * 4
    assert len(deltas.rows) == 3 * 3 * 3
    assert heads(criteria)[-4:] == ["Met", "Of", "Share", "By chance"]
    assert criteria.rows[1][-1] == "50.0 %" and criteria.rows[2][-1] == "none, but for errors of the test"
    assert heads(ratios)[-1] == "Distinct" and {row[-1] for row in ratios.rows} <= {
        "below .85",
        "below .90",
        "not settled",
    }
    assert pairs.folded and len(pairs.rows) == 3 * 36


def test_cut_points_are_named_with_their_source() -> None:
    (said,) = (
        block for block in section(made()).blocks if isinstance(block, Paragraph) and block.role == "plain"
    )
    text = "".join(map(str, said.text))
    assert "Convergent r is" in text and "the 0.60 that" in text and "the 0.40 that" in text
    assert text.count("Serapio-García et al. (2025)") == 2


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.61, 0.7, "reached"), (0.6, 0.7, "reached"), (0.5, 0.59, "missed"), (0.5, 0.7, "not settled: the interval holds it"),
     (math.nan, math.nan, "not settled: no interval")],
)  # fmt: skip
def test_words_follow_the_interval(low: float, high: float, words: str) -> None:
    assert verdict(low, high, 0.6) == words


def test_models_have_tables_and_a_picture() -> None:
    found = section(made(models=("ctc_m1", "ct_cu")))
    assert any(
        isinstance(block, Heading) and block.text == "Models of trait and method" for block in found.blocks
    )
    fits = next(table for table in tables(found) if "Chi-squared" in heads(table))
    assert [str(row[0].text) for row in fits.rows[:2]] == ["CT-CU", "CTC(M-1)"]  # type: ignore[union-attr]
    shares = next(table for table in tables(found) if "Trait" in heads(table) and "Measure" in heads(table))
    assert {"Method", "Error", "Method and error"} <= set(heads(shares))
    assert any(name.startswith("multitrait-shares") for name in figures(found))


def test_an_improper_solution_is_not_called_a_good_fit() -> None:
    result = made(models=("ctc_m1", "ct_cu"))
    frame = result.estimates.copy()
    spoiled = (frame["estimand"] == "consistency") & (frame["level"] == "CT-CU") & (frame["group"] == "")
    frame.loc[spoiled, "reason"] = "improper solution: negative residual variance of E (one)"
    found = section(replace(result, estimates=frame))
    fits = next(table for table in tables(found) if "Chi-squared" in heads(table))
    assert fits.rows[0][-1] == "improper solution" and fits.rows[1][-1] != "improper solution"
    assert len([name for name in figures(found) if name.startswith("multitrait-shares")]) == 1


def test_hostile_names_stay_text() -> None:
    for figure in figures(section(made(HOSTILE))).values():
        assert b"<script" not in figure.svg


@pytest.mark.parametrize("u", [4, 15, 30])
def test_equal_input_gives_equal_bytes(u: int) -> None:
    units = [(f"trait {at % 2}", f"method {at // 2}") for at in range(u)]
    cells = {
        (a, b): (0.5 - 0.03 * (a - b), 0.1, 0.8) for a in range(u) for b in range(a + 1) if (a, b) != (3, 1)
    }
    one, two = (draw_triangle(cells, units=units, name="m", alt="1.", caption=()) for _ in range(2))
    assert one.svg == two.svg and one.png == two.png
