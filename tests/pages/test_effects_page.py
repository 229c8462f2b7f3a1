"""The section on sizes of effects: figures, tables, what is told apart, names that try to break out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from psychomet.pages.compose.context import gather
from psychomet.pages.compose.effects import effects
from psychomet.pages.document import Figure, Section, Table
from psychomet.pages.figures.curves import Point
from psychomet.pages.figures.doses import draw_doses
from psychomet.pages.figures.dots import draw_dots
from psychomet.pages.words import RULES
from psychomet.result.result import Result, make_result

HOSTILE = "<script>alert(1)</script>$\\frac$"


def row(estimand: str, estimate: float, half: float = 0.3, **more: Any) -> dict[str, Any]:
    return {"estimand": estimand, "term": "warmth", "facet": "dose", "estimate": estimate, "conf_low": estimate - half,
            "conf_high": estimate + half, "conf_level": 0.95, "n": 40, "method": "t; x", "reason": ""} | more  # fmt: skip


@cache
def made(groups: int = 2, scale: str = "warmth", doses: bool = True) -> Result:
    rows: list[dict[str, Any]] = []
    for group in ["", *(f"model = m{i}" for i in range(groups))]:
        here = {"group": group, "term": scale}
        for at, level in enumerate(("1", "2", "10")):
            rows.append(row("level_mean", 1.0 + at, level=level, **here))
            if at:
                pair = here | {"level": level, "other": "1"}
                rows += [
                    row(
                        "mean_difference",
                        float(at),
                        statistic=3.0,
                        df=38.0,
                        p_value=0.004,
                        p_adjusted=0.01,
                        **pair,
                    ),
                    row("cohen_d", 0.8 * at, method="noncentral_t; pooled, divisor n - 1", **pair),
                    row("cohen_d", 0.81 * at, method="noncentral_t; pooled, divisor n", **pair),
                    row("probability_of_superiority", 0.75, 0.1, **pair),
                    row("cliff_delta", 0.5, **pair),
                ]
        rows.append(row("eta_squared", 0.3, statistic=9.0, df=2.0, df2=100.0, p_value=0.001, **here))
        rows.append(row("omega_squared", 0.28, **here))
        rows.append(row("dose_rho", 0.7, 0.1, **here))
        rows.append(row("median_range", 2.0, level="10", other="1", **here))
        rows.append(row("monotone_share", 0.3, np.nan, p_value=0.001, **here | {"reason": "a test"}))
    pooled = {"group": "over model", "term": scale, "level": "10", "other": "1", "n": groups}
    rows += [row("pooled_effect", 1.5, **pooled), row("further_effect", 1.5, 0.9, **pooled)]
    rows += [row("effect_sd", 0.2, **pooled), row("i_squared", 0.4, **pooled)]
    return make_result(
        "effects", rows, settings={"doses": {"1": 1.0, "2": 2.0, "10": 10.0} if doses else None}
    )


def section(result: Result) -> Section:
    return effects(result, replace(gather([result], RULES), title="Effects", anchor="effects"))


def figures(found: Section) -> dict[str, Figure]:
    return {block.name: block for block in found.blocks if isinstance(block, Figure)}


def heads(found: Section) -> list[list[str]]:
    return [
        [str(column.name) for column in block.columns] for block in found.blocks if isinstance(block, Table)
    ]


def test_figures_and_every_table_are_there() -> None:
    found = section(made())
    drawn = figures(found)
    assert set(drawn) == {"effects-doses", "effects-differences"}
    assert "warmth, 2.00 points." in drawn["effects-doses"].alt
    assert "Largest: 10 minus 1 on warmth, 1.60." in drawn["effects-differences"].alt
    points, sizes, doses, shares, pooled = heads(found)
    assert "Difference in points" in points and "Probability of a higher score" in points
    assert {"Cohen d", "Cohen d (divisor n)", "Cliff delta"} <= set(sizes) and "Glass delta" not in sizes
    assert "Spearman rho of dose" in doses and "Median, highest minus lowest dose" in doses
    assert "Omega squared" in shares and "95 % interval of a further group" in pooled


def test_the_two_divisors_stand_in_columns_of_their_own() -> None:
    table = [block for block in section(made()).blocks if isinstance(block, Table)][1]
    names = [str(column.name) for column in table.columns]
    first = table.rows[0]
    assert (first[names.index("Cohen d")], first[names.index("Cohen d (divisor n)")]) == ("0.800", "0.810")


def test_the_range_of_medians_joins_its_scales_row() -> None:
    table = [block for block in section(made()).blocks if isinstance(block, Table)][2]
    assert len(table.rows) == 3


def test_without_doses_nothing_is_drawn_over_them() -> None:
    assert set(figures(section(made(doses=False)))) == {"effects-differences"}


def test_groups_beyond_the_line_styles_are_counted() -> None:
    caption = "".join(map(str, figures(section(made(groups=9)))["effects-doses"].caption))
    assert "Of 10 groups the first 6 are drawn." in caption


def test_hostile_names_stay_text() -> None:
    found = section(made(scale=HOSTILE))
    for figure in figures(found).values():
        assert b"<script" not in figure.svg


@pytest.mark.parametrize("panels", [1, 2, 7])
def test_equal_input_gives_equal_bytes(panels: int) -> None:
    points = {"": [Point(1, 2.0, 1.5, 2.5), Point(2, np.nan), Point(4, 3.0)]}
    one, two = (
        draw_doses({f"s{i}": points for i in range(panels)}, name="a", axis="dose", alt="1.", caption=())
        for _ in range(2)
    )
    assert one.svg == two.svg and one.png == two.png


def pair(term: str, group: str = "", **more: Any) -> dict[str, Any]:
    return row("cohen_d", 1.2, method="noncentral_t; pooled, divisor n - 1", level="high", other="low") | {
        "term": term, "group": group,
    } | more  # fmt: skip


def test_one_pair_of_levels_is_one_drawing_with_a_marker_per_group(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def kept(dots: Any, **given: Any) -> Figure:
        drawn.append((dots, given))
        return draw_dots(dots, **given)

    monkeypatch.setattr("psychomet.pages.compose.effects.draw_dots", kept)
    groups = ("", "model = a", "model = b")
    found = section(
        make_result("effects", [pair(term, group) for term in ("warmth", "order") for group in groups])
    )
    assert set(figures(found)) == {"effects-differences"}
    dots, given = drawn.pop()
    assert {dot.row for dot in dots} == {"warmth", "order"}
    assert [dot.series for dot in dots[:3]] == ["all", "model = a", "model = b"]
    # Zero is always in sight.
    assert given["reach"] == (0.0, 0.0) and given["axis"] == "Cohen d, high against low"
    # More groups than there are markers get rows of their own.
    section(make_result("effects", [pair("warmth", f"model = m{at}") for at in range(9)]))
    dots, _ = drawn.pop()
    assert {dot.series for dot in dots} == {"d"} and dots[8].row == "warmth | model = m8"


def test_stability_has_its_tables_and_names_from_data_stay_data() -> None:
    rows = [pair("warmth")]
    shared = {"term": "", "group": "over way", "other": "base", "n": 30}
    rows += [
        row("effect_share", share, 0.05, method="fieller; x") | shared | {"facet": facet}
        for facet, share in (("way", 0.6), ("scale", 0.3), (f"way x {HOSTILE}", 0.1))
    ]
    rows += [
        row(name, 0.5, method="region; x") | shared | {"facet": "way"}
        for name in ("effect_consistency", "effect_order_rho")
    ]
    rows += [
        row("stability_score", 0.8, 0.1, method="draws; x") | shared | {"group": group, "level": level}
        for group, level in (("way = prompt", ""), ("over way", HOSTILE), ("way = prompt", "up"))
    ]
    tables = [block for block in section(make_result("effects", rows)).blocks if isinstance(block, Table)]
    captions = ["".join(map(str, table.caption)) for table in tables]
    assert any("sampling error is taken out" in caption for caption in captions)
    assert any("Handa" in caption for caption in captions)
    without = section(make_result("effects", [pair("warmth")]))
    assert not any("Handa" in "".join(map(str, b.caption)) for b in without.blocks if isinstance(b, Table))


def test_within_respondents_the_corrected_test_stands_beside_the_share() -> None:
    rows = [
        pair("warmth"),
        row("eta_squared", 0.3, statistic=9.0, df=2.0, df2=58.0, p_value=0.001),
        row("omega_squared", 0.28),
        row("generalized_eta_squared", 0.12, 0.05, method="delta; x"),
        row("sphericity_epsilon", 0.61, np.nan, p_value=0.012, reason="a correction", method="none; x"),
    ]
    names = {name for table in heads(section(make_result("effects", rows))) for name in table}
    assert {"Generalized eta squared", "Epsilon", "p corrected"} <= names
