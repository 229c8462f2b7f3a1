"""The section on confirmatory models: what is drawn, what is told, and names that try to break out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from psychomet.estimates.structure.confirmatory import confirmatory as question
from psychomet.pages.compose.confirmatory import confirmatory
from psychomet.pages.compose.context import gather
from psychomet.pages.document import Document, Figure, Paragraph, Section, Table
from psychomet.pages.figures.standing import Standing, draw_standing
from psychomet.pages.html import render_html
from psychomet.pages.words import CFI, RMSEA, RULES, SRMR, span
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses

HOSTILE = "<script>alert(1)</script>$\\frac$"


@cache
def made(k: int = 4, hostile: bool = False, by: str | None = None, **options: Any) -> Result:
    """Two factors of k items."""
    rng = np.random.default_rng(2)
    n = 200
    items = [f"item_{j:02d}" for j in range(2 * k)]
    if hostile:
        items[0] = HOSTILE
    f = rng.multivariate_normal(np.zeros(2), [[1, 0.4], [0.4, 1]], n)
    values = np.round(f.repeat(k, axis=1) + 0.9 * rng.normal(size=(n, 2 * k)), 2)
    values[:, 1] *= -1
    frame = pd.DataFrame(
        {
            "respondent": np.repeat([f"r{i}" for i in range(n)], 2 * k),
            "item": np.tile(items, n),
            "response": values.ravel(),
            "prompt": np.repeat(np.where(np.arange(n) % 2, "b", "a"), 2 * k),
        }
    )
    scales = [{"name": name, "low": -100, "high": 100, "items": part}
              for name, part in (("Warmth", items[:k]), ("<b>Calm</b>" if hostile else "Calm", items[k:]))]  # fmt: skip
    table = read_responses(frame, key=read_key({"name": "made", "scale": scales}))
    return question(table, missing="complete", by=by, **options)


def section(result: Result) -> Section:
    return confirmatory(
        result, replace(gather([result], RULES), title="Confirmatory model", anchor="confirmatory")
    )


def tables(found: Section) -> dict[str, Table]:
    return {
        str(block.caption[0]).partition(":")[0]: block for block in found.blocks if isinstance(block, Table)
    }


def test_the_figure_and_every_table_are_there() -> None:
    found = section(made())
    (figure,) = [block for block in found.blocks if isinstance(block, Figure)]
    assert figure.alt.startswith("Standardised loadings of 8 items on 2 factors, from −0.")
    assert list(tables(found)) == [
        "Fit of the model", "Variance extracted and reliability, factor by factor.", "Pairs of factors.",
        "The largest modification indices.", "The largest residual correlations", "Every loading.",
        "Variances, covariances and the other parameters; without a standard error",
        "Every index of fit, naive and corrected.",
    ]  # fmt: skip
    heads = [str(column.name) for column in tables(found)["Fit of the model"].columns]
    assert heads == [
        "n",
        "Chi-squared",
        "df",
        "p",
        "CFI",
        "TLI",
        "RMSEA",
        "90 % interval",
        "p (RMSEA ≤ .05)",
        "SRMR",
    ]


def test_the_sentence_reports_robust_indices_with_words_from_the_interval() -> None:
    result = made()
    words = next(
        str(block.text[0]) for block in section(result).blocks if isinstance(block, Paragraph) and "CFI =" in str(block.text[0])
    )  # fmt: skip
    frame = result.estimates
    robust = frame[(frame["estimand"] == "rmsea") & frame["method"].str.contains("; robust")].iloc[0]
    assert f"RMSEA = {robust['estimate']:.3f}" in words
    assert span(RMSEA, robust["conf_low"], robust["conf_high"]) in words
    assert words.endswith("(robust indices).")


def test_cut_points_name_their_bands() -> None:
    assert [span(CFI, x, x) for x in (0.89, 0.9, 0.95)] == ["poor", "acceptable", "good"]
    assert [span(RMSEA, x, x) for x in (0.04, 0.07, 0.09, 0.2)] == ["close", "fair", "mediocre", "poor"]
    assert [span(SRMR, x, x) for x in (0.05, 0.08)] == ["acceptable", "poor"]


def test_groups_are_rows_and_only_the_whole_table_is_drawn() -> None:
    found = section(made(by="prompt"))
    assert len([block for block in found.blocks if isinstance(block, Figure)]) == 1
    assert len(tables(found)["Fit of the model"].rows) == 3


def test_no_fit_is_told_with_its_reason() -> None:
    found = section(made(k=4, estimator="WLSMV"))
    assert not [block for block in found.blocks if isinstance(block, Figure)]
    (only,) = tables(found).values()
    assert "no ordered categories" in str(only.notes)


def test_exploratory_loadings_are_drawn_as_cells() -> None:
    text = 'efa("b")*u + efa("b")*v =~ ' + " + ".join(f"item_{j:02d}" for j in range(8))
    rotated = made(model=text, seed=1, rotation="oblimin", most_modifications=0)
    (figure,) = [block for block in section(rotated).blocks if isinstance(block, Figure)]
    assert figure.alt == "Standardised loadings of 8 items on 2 factors."


def test_many_items_make_several_figures() -> None:
    found = section(made(k=35, most_modifications=2))
    names = [block.name for block in found.blocks if isinstance(block, Figure)]
    assert names == ["confirmatory-loadings", "confirmatory-loadings-2"]


def test_hostile_names_stay_text() -> None:
    found = section(made(hostile=True))
    page = render_html(Document(title="t", opening=(), sections=(found,)))
    assert "<script>alert" not in page
    assert "<b>Calm" not in page
    figure = next(block for block in found.blocks if isinstance(block, Figure))
    assert b"<script" not in figure.svg


def test_equal_input_gives_equal_bytes_and_odd_values_are_drawn() -> None:
    given = [
        Standing("F", "a", 0.5, 0.3, 0.7),
        Standing("F", "b", float("nan")),
        Standing("G", "c", 2.4, -3.0, 9.0),
    ]

    def draw() -> Figure:
        return draw_standing(given, wording={"a": "Is kind."}, name="x", alt="a", caption=("c",))

    assert draw().svg == draw().svg
