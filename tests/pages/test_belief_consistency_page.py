"""The section on belief and behaviour: both levels, the scatter, the sentence, and texts that must stay texts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from psychomet.pages.compose.belief_consistency import belief_consistency as section_of
from psychomet.pages.compose.belief_consistency import belief_consistency_sentence
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.logistic_link import logistic_link_sentence
from psychomet.pages.document import Figure, Heading, Section, Table
from psychomet.pages.figures.against import draw_against
from psychomet.result.result import Result, make_result


def rows(belief: str, act: str = "does") -> list[dict[str, Any]]:
    shared = {
        "term": belief,
        "other": act,
        "conf_level": 0.95,
        "n": 20,
        "method": "t; x",
        "conf_low": 0.1,
        "conf_high": 0.9,
    }
    return [
        {**shared, "estimand": "mean_absolute_error", "estimate": 0.5},
        {**shared, "estimand": "agreement_beyond_chance", "level": "absolute error", "estimate": 0.4, "p_value": 0.002,
         "p_adjusted": 0.004},
        {**shared, "estimand": "wasserstein_distance", "estimate": 0.3},
        {**shared, "estimand": "condition_r", "facet": "stake", "estimate": 0.8},
    ]  # fmt: skip


def arrays(*pairs: str) -> dict[str, xr.DataArray]:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(20, len(pairs), 4))
    values[0] = np.nan
    return {
        "respondents": xr.DataArray(
            values, dims=("respondent", "pair", "measure"),
            coords={"respondent": [str(at) for at in range(20)], "pair": list(pairs),
                    "measure": ["belief", "behaviour", "absolute_error", "squared_error"]},
        )
    }  # fmt: skip


def section(result: Result) -> Section:
    return section_of(result, Context(title="Belief", anchor="belief-consistency"))


def blocks(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def words(table: Table) -> list[list[str]]:
    return [[cell if isinstance(cell, str) else cell.text for cell in line] for line in table.rows]


def test_both_levels_and_the_scatter() -> None:
    found = section(make_result("belief_consistency", rows("says"), arrays=arrays("says ~ does")))
    assert [heading.text for heading in blocks(found, Heading)] == ["One by one", "As a population"]
    single, many = blocks(found, Table)
    assert "agreement beyond chance (absolute error)" in words(single)[1] and ".004" in words(single)[1]
    assert "Wasserstein distance" in words(many)[0] and "stake" in words(many)[1]
    (figure,) = blocks(found, Figure)
    assert "of 19 do more than believed" in figure.alt


def test_a_stored_result_without_arrays_has_tables_only() -> None:
    found = section(make_result("belief_consistency", rows("says")[:1]))
    assert not blocks(found, Figure) and len(blocks(found, Table)) == 1


def test_the_sentences() -> None:
    (text,) = belief_consistency_sentence(
        make_result("belief_consistency", [*rows("a"), *rows("b")]), Context()
    )
    assert text.startswith("Belief lies nearer to the own behaviour than to that of others in 2 of 2 pairs")
    assert belief_consistency_sentence(make_result("belief_consistency", rows("a")[:1]), Context()) == ()
    slope = {"estimand": "log_odds_slope", "conf_level": 0.95, "method": "jackknife; x"}
    given = [
        {**slope, "term": "a", "estimate": 1.0, "conf_low": 0.2, "conf_high": 1.8},
        {**slope, "term": "b", "estimate": 1.0, "conf_low": -0.2, "conf_high": 1.8},
        {**slope, "term": "c", "estimate": math.nan, "reason": "complete separation"},
    ]
    pieces = logistic_link_sentence(
        make_result("logistic_link", given, settings={"outcome": "gives"}), Context()
    )
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    assert text.startswith("1 of 2 scores tell the outcome gives") and "1 score had no such interval" in text


def test_a_figure_of_many_and_of_one_point_is_drawn_alike_each_time() -> None:
    rng = np.random.default_rng(2)
    panels = {
        "many": (rng.normal(size=500).tolist(), rng.normal(size=500).tolist()),
        "one": ([1.0, math.nan], [1.0, 2.0]),
    }
    first, second = (
        draw_against(panels, name="x", across="belief", up="behaviour", alt="", caption=()) for _ in range(2)
    )
    assert first.svg == second.svg and first.png.startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="zip"):
        draw_against({"bad": ([1.0], [1.0, 2.0])}, name="x", across="", up="", alt="", caption=())


def test_texts_from_data_stay_texts(hostile_texts: tuple[str, ...]) -> None:
    everything = [row for hostile in hostile_texts for row in rows(hostile, hostile)]
    result = make_result("belief_consistency", everything, arrays=arrays(*hostile_texts))
    assert len(blocks(section(result), Table)) == 2
