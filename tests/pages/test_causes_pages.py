"""The sections on discovered graphs, mediation and adjusted effects, and texts that must stay texts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from psychomet.pages.compose.adjustment import adjustment
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.discovery import discovery
from psychomet.pages.compose.mediation import mediation
from psychomet.pages.document import Document, Figure, Section, Table
from psychomet.pages.figures.causes import Edge, _ring, draw_graph
from psychomet.pages.html import render_html
from psychomet.result.result import make_result

SHARED = {"n": 100, "conf_level": 0.95, "method": "wilson; x"}


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def edge(a: str, b: str, words: str, share: float = 0.8) -> dict[str, Any]:
    return {**SHARED, "estimand": "edge", "term": a, "other": b, "facet": "relation", "level": words, "estimate": share,
            "conf_low": share - 0.1, "conf_high": share + 0.1}  # fmt: skip


def graph(rows: list[dict[str, Any]], **settings: Any) -> Section:
    return discovery(
        make_result("discovery", rows, settings=settings), Context(title="Causes", anchor="causes")
    )


def test_edges_in_words_and_a_figure() -> None:
    rows = [
        edge("a", "b", "a causes b"), edge("b", "c", "b and c: direction not determined", 0.5),
        edge("c", "d", "c and d share an unseen cause", 0.4), edge("a", "d", "a causes d, or they share an unseen cause", 0.3),
    ]  # fmt: skip
    found = graph(rows, names=["a", "b", "c", "d", "lonely"])
    (figure,) = blocks(found, Figure)
    assert "5 features with 4 edges, 1 of them directed: a causes b" in figure.alt
    table = blocks(found, Table)[0]
    shown = [[cell if isinstance(cell, str) else cell.text for cell in line] for line in table.rows]
    assert shown[0][0] == "a causes b" and "80.0 %" in shown[0]
    assert b"<svg" in figure.svg


def test_agreement_paths_and_the_bound() -> None:
    rows = [
        edge("a", "b", "a causes b"),
        {**SHARED, "estimand": "shd", "term": "graph", "other": "expert", "estimate": 2.0, "reason": "one graph"},
        {**SHARED, "estimand": "path_coefficient", "term": "a", "other": "b", "level": "a causes b", "estimate": 0.5, "conf_low": 0.4, "conf_high": 0.6},
        {**SHARED, "estimand": "false_adjacencies_bound", "term": "graph", "facet": "frequency", "level": "at least 0.75", "estimate": 1.5, "reason": "bound"},
    ]  # fmt: skip
    html = render_html(Document(title="x", opening=(), sections=(graph(rows),)), files_beside=False)
    assert (
        "Structural Hamming distance" in html and "0.500" in html and "at most 1.5" in html and "75 %" in html
    )


def test_unseen_causes_are_drawn_above_their_indicators() -> None:
    one = {**SHARED, "estimand": "unseen_cause", "facet": "relation", "reason": "one graph"}
    rows = [
        edge("a", "b", "a and b share an unseen cause"),
        {**one, "term": "unseen cause 1", "other": "a, b", "level": "unseen cause 1 causes a, b"},
        {
            **one,
            "term": "unseen cause 1",
            "other": "unseen cause 2",
            "level": "unseen cause 1 stands before unseen cause 2",
        },
        {**one, "term": "unseen cause 2", "other": "c, d", "level": "unseen cause 2 causes c, d"},
    ]
    (figure,) = blocks(graph(rows, names=["a", "b", "c", "d"]), Figure)
    assert "6 features with 5 edges" in figure.alt


def test_no_edges_is_said() -> None:
    found = graph(
        [
            {
                **SHARED,
                "estimand": "adjacency",
                "term": "a",
                "other": "b",
                "estimate": 0.1,
                "conf_low": 0.0,
                "conf_high": 0.2,
            }
        ]
    )
    assert not blocks(found, Figure)
    assert "No edge was found" in render_html(
        Document(title="x", opening=(), sections=(found,)), files_beside=False
    )


def test_joined_nodes_stand_together_round_the_ring() -> None:
    names = list("abcdef")
    order = _ring(names, [Edge(x, y, "tail", "arrow", 1.0) for x, y in ("ad", "de", "eb", "bf", "fc")])
    place = {name: at for at, name in enumerate(order)}
    gaps = [
        min(abs(place[x] - place[y]), 6 - abs(place[x] - place[y])) for x, y in ("ad", "de", "eb", "bf", "fc")
    ]
    assert gaps == [1] * 5


def test_the_figure_is_the_same_bytes_twice() -> None:
    made = [
        draw_graph(
            ["a", "b"], [Edge("a", "b", "circle", "arrow", math.nan)], name="g", alt="g", caption=("g",)
        )
        for _ in range(2)
    ]
    assert made[0].svg == made[1].svg


def effect(estimand: str, value: float, **more: Any) -> dict[str, Any]:
    return {**SHARED, "estimand": estimand, "term": "x", "other": "y", "level": "m", "estimate": value, "conf_low": value - 0.1,
            "conf_high": value + 0.1, "p_value": 0.01, "method": "percentile; linear; from 0 to 1", **more}  # fmt: skip


def test_mediation() -> None:
    rows = [
        effect("total_effect", 0.5), effect("natural_direct_effect", 0.2), effect("natural_indirect_effect", 0.3),
        effect("proportion_mediated", 0.6), effect("sensitivity_rho", 0.4),
        effect("e_value", 1.8, facet="total effect", conf_low=math.nan, conf_high=math.nan, reason="beside"),
    ]  # fmt: skip
    curve = xr.DataArray(
        np.zeros((3, 3)),
        dims=("rho", "value"),
        coords={"rho": [-0.5, 0.0, 0.5], "value": ["estimate", "conf_low", "conf_high"]},
    )
    found = mediation(
        make_result("mediation", rows, arrays={"indirect_by_rho": curve}), Context(title="M", anchor="m")
    )
    assert len(blocks(found, Figure)) == 2 and len(blocks(found, Table)) == 2
    html = render_html(Document(title="x", opening=(), sections=(found,)), files_beside=False)
    assert "from 0 to 1" in html and "0.600" in html and "1.80" in html


def test_adjustment() -> None:
    rows = [
        effect("effect", 0.5, level="c", statistic=3.0, df=90.0), effect("unadjusted_effect", 0.7, level="nothing"),
        effect("robustness_value", 0.2, level="c", conf_low=math.nan, conf_high=math.nan, reason="t"),
        effect("bounded_effect", 0.4, level="c"),
    ]  # fmt: skip
    settings = {
        "graph": [["c", "x"], ["c", "y"], ["x", "y"], ["u", "c"]],
        "lines": [],
        "unseen": ["u"],
        "cause": "x",
        "outcome": "y",
    }
    found = adjustment(make_result("adjustment", rows, settings=settings), Context(title="A", anchor="a"))
    assert len(blocks(found, Figure)) == 2 and len(blocks(found, Table)) == 3
    html = render_html(Document(title="x", opening=(), sections=(found,)), files_beside=False)
    assert "20.0 %" in html and "As strong as" in html


@pytest.mark.parametrize("maker", ["discovery", "mediation", "adjustment"])
def test_texts_from_data_stay_texts(maker: str, hostile_texts: tuple[str, ...]) -> None:
    for text in hostile_texts:
        name = text or "empty"
        if maker == "discovery":
            made = graph([edge(name, "b", f"{name} causes b") | {"group": f"g = {name}"}], names=[name, "b"])
        elif maker == "mediation":
            rows = [effect("total_effect", 0.5, term=name, level=name, other=name, group=name)]
            made = mediation(make_result("mediation", rows), Context(title="M", anchor="m"))
        else:
            rows = [effect("effect", 0.5, term=name, level=name, other=name, group=name)]
            settings = {"graph": [[name, "y"]], "lines": [], "unseen": [], "cause": name, "outcome": "y"}
            made = adjustment(
                make_result("adjustment", rows, settings=settings), Context(title="A", anchor="a")
            )
        html = render_html(Document(title="x", opening=(), sections=(made,)), files_beside=False)
        assert "<script>alert" not in html and "<img src=x" not in html
