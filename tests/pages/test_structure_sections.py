"""Sections on the number of factors and on their congruence: tables, figures, words, and odd input."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from psychomet.pages.compose.congruence import congruence, likeness_words
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.dimensions import criterion, dimensions
from psychomet.pages.document import Document, Figure, Inline, Paragraph, Section, Table
from psychomet.pages.figures.likeness import draw_likeness
from psychomet.pages.figures.scree import Scree, draw_scree
from psychomet.pages.html import render_html
from psychomet.result.result import Result, make_result

CONTEXT = Context(title="Structure", anchor="structure")
PNG = b"\x89PNG"


def plain(text: Iterable[Inline]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def figures(section: Section) -> list[Figure]:
    return [block for block in section.blocks if isinstance(block, Figure)]


def column(table: Table, name: str) -> list[str]:
    at = [plain([one.name]) for one in table.columns].index(name)
    return [plain([row[at]]) for row in table.rows]


def counted(groups: tuple[str, ...] = ("",), term: str = "all items") -> Result:
    """Three criteria, adequacy of two items, eigenvalues of one kind."""
    rows: list[dict[str, Any]] = []
    for at, group in enumerate(groups):
        shared = {"term": term, "group": group, "n": 200, "conf_level": 0.95}
        for name, value, reason in (
            ("parallel analysis of components at the 95th percentile", 3.0, "elected"),
            ("minimum average partial", 3.0 + at, "elected"),
            ("sequential chi-squared tests", math.nan, "every model is rejected"),
        ):
            rows.append(shared | {"estimand": "n_factors", "estimate": value, "reason": reason,
                                  "method": f"none; {name}, normal null, pearson correlations"})  # fmt: skip
        rows.append(shared | {"estimand": "n_factors", "estimate": 5.0, "reason": "a count of the key",
                              "method": "none; scales of the key"})  # fmt: skip
        rows.append(shared | {"estimand": "bartlett_sphericity", "estimate": 900.0, "statistic": 900.0, "df": 10,
                              "p_value": 0.0, "reason": "a test", "method": "chi_squared; x"})  # fmt: skip
        for name in (term, "A1", "<b>A2</b>"):
            rows.append(shared | {"estimand": "kmo", "term": name, "estimate": 0.8, "conf_low": 0.7,
                                  "conf_high": 0.86, "method": "delta; x"})  # fmt: skip
    values = np.array([[[[3.0, 1.5, 1.2, 0.5], [1.2, 1.1, 1.0, 0.9], [1.3, 1.2, 1.1, 1.0]]]] * len(groups))
    eigen = xr.DataArray(
        values, dims=("group", "kind", "value", "number"),
        coords={"group": np.array(groups, dtype=object), "kind": np.array(["pca"], dtype=object),
                "value": np.array(["observed", "mean", "percentile"], dtype=object), "number": np.arange(1, 5)},
    )  # fmt: skip
    return make_result("dimensions", rows, arrays={"eigenvalues": eigen}, settings={"percentile": 0.95})


def compared(pairs: tuple[str, ...] = ("a ~ b",), *, tested: bool = True) -> Result:
    """Two factors in some pairs of groups."""
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        for term, phi in (("Warmth", 0.97), ("F2", 0.81), ("all factors", 0.9)):
            shared = {"term": term, "facet": "model", "level": pair, "n": 300, "conf_level": 0.95}
            test = {"p_value": 0.4, "p_adjusted": 1.0} if tested else {}
            rows.append(shared | test | {"estimand": "congruence", "estimate": phi, "reason": "as observed",
                                         "method": "none; x"})  # fmt: skip
            if tested:
                rows.append(shared | {"estimand": "congruence_corrected", "estimate": phi + 0.01,
                                      "conf_low": phi - 0.02, "conf_high": phi + 0.02, "method": "bootstrap; x"})  # fmt: skip
                rows.append(shared | {"estimand": "congruence_by_chance", "estimate": 0.5, "statistic": phi,
                                      "p_value": 0.001, "p_adjusted": 0.003, "reason": "random order",
                                      "method": "none; y"})  # fmt: skip
    names = np.array(["Warmth", "F2"], dtype=object)
    cells = np.array([[[0.97, -0.2], [0.1, 0.81]]] * len(pairs))
    array = xr.DataArray(
        cells, dims=("pair", "factor", "with_factor"),
        coords={"pair": np.array(pairs, dtype=object), "factor": names, "with_factor": names},
    )  # fmt: skip
    return make_result("congruence", rows, arrays={"congruence": array})


def test_the_criterion_is_read_from_the_method() -> None:
    assert criterion("none; hull by CAF, pearson correlations") == "hull by CAF"
    assert criterion("none; scales of the key") == "scales of the key"
    assert criterion("none") == ""


def test_every_criterion_is_a_line_and_every_group_a_column() -> None:
    section = dimensions(counted(("", "model = x")), CONTEXT)
    table = tables(section)[0]
    assert column(table, "Criterion") == [
        "parallel analysis of components at the 95th percentile", "minimum average partial",
        "sequential chi-squared tests", "scales of the key",
    ]  # fmt: skip
    assert column(table, "All") == ["3", "3", "–", "5"]
    assert column(table, "model = x") == ["3", "4", "–", "5"]
    assert column(table, "Note") == ["", "", "a", ""]
    said = [plain(block.text) for block in section.blocks if isinstance(block, Paragraph)]
    assert "3 factors by 2 of 2 criteria." in said
    assert "all items | model = x: 3 factors by 1 of 2 criteria, 4 by 1." in said


def test_adequacy_and_items_have_tables_of_their_own() -> None:
    section = dimensions(counted(), CONTEXT)
    whole, items = tables(section)[1:]
    assert column(whole, "Measure") == ["Bartlett's test", "KMO"]
    assert column(whole, "Estimate") == ["–", "0.800"]
    assert column(whole, "p") == ["< .001", "–"]
    assert column(items, "Item") == ["A1", "<b>A2</b>"]
    assert items.folded


def test_the_scree_says_how_many_are_above_chance() -> None:
    found = figures(dimensions(counted(), CONTEXT))
    assert len(found) == 1
    assert found[0].name == "structure-scree"
    assert "components: 3 above chance" in found[0].alt
    assert found[0].png.startswith(PNG) and b"<svg" in found[0].svg


def test_without_eigenvalues_there_is_no_scree() -> None:
    bare = counted()
    for arrays in ({}, {"eigenvalues": xr.DataArray(np.ones(3), dims=("group",))}):
        result = make_result("dimensions", bare.estimates, arrays=arrays)
        assert figures(dimensions(result, CONTEXT)) == []


def test_a_sample_without_any_count_still_has_its_reason() -> None:
    rows = [{"estimand": name, "term": "all items", "method": "none; pearson", "reason": "too few"}
            for name in ("n_factors", "kmo")]  # fmt: skip
    section = dimensions(make_result("dimensions", rows), CONTEXT)
    assert any("too few" in plain(note) for table in tables(section) for note in table.notes)


def test_congruences_are_shown_observed_and_corrected_with_words() -> None:
    section = congruence(compared(), CONTEXT)
    main, tests = tables(section)
    assert column(main, "As observed") == ["0.970", "0.810", "0.900"]
    assert column(main, "Corrected") == ["0.980", "0.820", "0.910"]
    assert column(main, "In words") == ["equal", "not similar", "fairly similar"]
    assert column(tests, "p of equality") == [".400"] * 3
    assert column(tests, "By chance") == ["0.50"] * 3
    assert column(tests, "p of chance") == [".001"] * 3


def test_congruences_without_resamples_have_no_tests() -> None:
    section = congruence(compared(tested=False), CONTEXT)
    assert len(tables(section)) == 1
    assert column(tables(section)[0], "As observed") == ["0.970", "0.810", "0.900"]


def test_the_matrix_of_congruences_is_drawn() -> None:
    found = figures(congruence(compared(), CONTEXT))
    assert "from 0.81 to 0.97" in found[0].alt
    assert found[0].png.startswith(PNG)
    many = figures(congruence(compared(tuple(f"a ~ {i}" for i in range(8))), CONTEXT))
    assert "The first 6 of 8 pairs are drawn." in plain(many[0].caption)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.96, 1.0, "equal"), (0.9, 0.99, "fairly similar to equal"), (0.5, 0.86, "not similar to fairly similar"),
        (0.1, 0.2, "not similar"), (math.nan, 0.2, ""),
    ],
)  # fmt: skip
def test_words_follow_the_customary_bounds(low: float, high: float, words: str) -> None:
    assert likeness_words(low, high) == words


def test_odd_numbers_can_be_drawn() -> None:
    scree = Scree([2.0, 1.0, math.nan], [math.nan] * 3, [math.nan] * 3, 0)
    panels = {f"kind {at}": scree for at in range(4)} | {
        "long": Scree(list(range(60, 0, -1)), [1.0] * 60, [2.0] * 60, 60)
    }
    assert draw_scree(panels, name="x", percentile="95th", alt="x", caption=("x",)).png.startswith(PNG)
    cells = {"one": [[math.nan]], "two": [[-0.9]]}
    assert draw_likeness(cells, names=["only"], name="x", alt="x", caption=("x",)).png.startswith(PNG)
    wide = {"many": np.eye(9).tolist()}
    names = [f"a rather long name {at}" for at in range(9)]
    assert draw_likeness(wide, names=names, name="x", alt="x", caption=("x",)).png.startswith(PNG)


def test_equal_input_gives_equal_bytes() -> None:
    first, second = (figures(congruence(compared(), CONTEXT))[0] for _ in range(2))
    assert (first.svg, first.png) == (second.svg, second.png)


def test_names_from_data_stay_text(hostile_texts: tuple[str, ...]) -> None:
    for text in hostile_texts:
        document = Document(
            title="x", opening=(), sections=(
                dimensions(counted(("", text), term=text), CONTEXT), congruence(compared((text,)), CONTEXT),
            ),
        )  # fmt: skip
        page = render_html(document)
        assert "<script>alert" not in page and "<b>A2</b>" not in page
