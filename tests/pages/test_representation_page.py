"""The section on latent causes, made of a stored result: no engine is needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.representation import representation
from psychomet.pages.document import Document, Figure, Section, Table
from psychomet.pages.html import render_html
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$"
PLACE = Context(title="Latent causes", anchor="representation")


def made(first: str = "face", *, edges: bool = True, stable: bool = True) -> Result:
    names = [f"{first}.1", f"{first}.2", "text.1", "text.2"]
    base: dict[str, Any] = {"conf_level": 0.95, "n": 2000}
    rows: list[dict[str, Any]] = []
    if edges:
        rows += [
            {**base, "estimand": "edge_gain", "term": names[i], "other": names[i + 2], "estimate": gain,
             "conf_low": gain - 0.05, "conf_high": gain + 0.05, "method": "normal"}
            for i, gain in ((0, 0.61), (1, 0.34))
        ]  # fmt: skip
    else:
        rows.append(
            {
                **base,
                "estimand": "edge_gain",
                "term": "all latents",
                "reason": "no edge across modalities was found",
            }
        )
    if stable:
        rows += [
            {**base, "estimand": "edge_stability", "term": names[i], "other": names[j], "estimate": share,
             "conf_low": max(0, share - 0.1), "conf_high": min(1, share + 0.1), "method": "wilson"}
            for i, j, share in ((0, 2, 1.0), (0, 3, 0.08), (1, 2, 0.0), (1, 3, 0.96))
        ]  # fmt: skip
    rows += [
        {**base, "estimand": "reconstruction_r2", "term": f"{first} / k1", "estimate": 0.98, "conf_low": 0.97, "conf_high": 0.99},
        {**base, "estimand": "reconstruction_r2", "term": "text / rater", "reason": "it has levels, no variance"},
        {**base, "estimand": "noise_dependence", "term": names[0], "other": names[1], "estimate": 0.02,
         "conf_low": 0.0, "conf_high": 0.05, "p_value": 0.4},
        {**base, "estimand": "latent_trait_rho", "term": names[0], "other": "openness", "estimate": -0.7,
         "conf_low": -0.75, "conf_high": -0.64},
    ]  # fmt: skip
    graph = np.zeros((4, 4), bool)
    if edges:
        graph[0, 2] = graph[1, 3] = True
    within = np.zeros((4, 4), bool)
    within[2, 3] = edges
    coords = {"latent": np.array(names, object), "with_latent": np.array(names, object)}
    arrays = {
        name: xr.DataArray(values, dims=("latent", "with_latent"), coords=coords)
        for name, values in (("edges", graph), ("within", within))
    }
    return make_result("representation", rows, arrays=arrays)


def kinds(section: Section, kind: type) -> list[Any]:
    return [block for block in section.blocks if isinstance(block, kind)]


def cells(table: Table) -> list[list[str]]:
    return [[getattr(cell, "text", str(cell)) for cell in row] for row in table.rows]


def test_edges_stand_with_gain_and_stability_and_those_not_found_with_their_reason() -> None:
    table = kinds(representation(made(), PLACE), Table)[0]
    shown = cells(table)
    assert [row[:2] for row in shown] == [
        ["face.1", "text.1"], ["face.2", "text.2"], ["face.1", "text.2"], ["face.2", "text.1"],
    ]  # fmt: skip
    assert "0.610" in shown[0] and any("100" in cell for cell in shown[0])
    assert "0.610" not in shown[2] and any("8" in cell for cell in shown[2])
    assert any("not in the graph" in str(note) for note in table.notes)


def test_the_graph_says_its_edges_without_eyes() -> None:
    figure = kinds(representation(made(), PLACE), Figure)[0]
    assert "3 edges" in figure.alt
    assert "face.1 causes text.1" in figure.alt
    assert "text.1 causes text.2" in figure.alt


def test_without_edges_there_is_no_graph_and_the_reason_stands() -> None:
    section = representation(made(edges=False, stable=False), PLACE)
    assert len(kinds(section, Figure)) == 1  # that of the traits
    table = kinds(section, Table)[0]
    assert any("no edge across modalities" in str(note) for note in table.notes)


@pytest.mark.parametrize("stable", [True, False])
def test_names_from_data_cannot_break_out(stable: bool) -> None:
    section = representation(made(HOSTILE, stable=stable), PLACE)
    page = render_html(Document("t", (), (section,)))
    assert "<script>alert" not in page
    assert math.isfinite(len(page))


def test_numbers_and_graphs_of_the_latents() -> None:
    base: dict[str, Any] = {"conf_level": 0.95, "n": 400}
    rows = [
        {**base, "estimand": "reconstruction_r2", "term": "face / k1", "estimate": 0.98, "conf_low": 0.97, "conf_high": 0.99},
        {**base, "estimand": "latent_number", "term": "face", "estimate": 2.0, "reason": "a choice among whole numbers"},
        {**base, "estimand": "latent_partial_r", "term": "face.1", "other": HOSTILE, "estimate": 0.5, "conf_low": 0.4, "conf_high": 0.6, "p_value": 0.001},
        *(
            {**base, "estimand": "latent_adjacency", "term": "face.1", "other": HOSTILE, "facet": "significance", "level": level, "estimate": share, "conf_low": share, "conf_high": share}
            for level, share in (("0.01", 0.84), ("0.05", 0.91))
        ),
        {**base, "estimand": "false_adjacencies_bound", "term": "latent graph", "other": "pairs without an edge", "level": "0.01; at least 0.9 of the halves", "estimate": 0.0125, "reason": "a bound"},
    ]  # fmt: skip
    held = xr.DataArray(
        [[-5.25, -4.125, -4.5]],
        dims=("modality", "number"),
        coords={"modality": ["face"], "number": [1, 2, 3]},
    )
    found = representation(make_result("representation", rows, arrays={"held_out": held}, settings={}), PLACE)
    html = render_html(Document(title="x", opening=(), sections=(found,)), files_beside=False)
    for said in (
        "How many latents",
        "−4.125",
        "with 3",
        "Joined at 0.01",
        "84.0 %",
        "91.0 %",
        "at most 0.013 of the pairs",
    ):
        assert said in html, said
    assert "<script>alert" not in html
