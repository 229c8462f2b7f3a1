"""The sections on precision: omega, raters, generalizability, plan, and the further coefficients."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from psychomet.pages.compose.assemble import compose
from psychomet.pages.compose.merge import beside, part
from psychomet.pages.compose.omega import denominator
from psychomet.pages.compose.plan import parse_design
from psychomet.pages.document import Bullets, Document, Figure, Inline, Paragraph, Section, Table
from psychomet.pages.figures.curves import Point, draw_curves
from psychomet.pages.figures.shares import MOST, Share, draw_shares
from psychomet.pages.glossary import ESTIMANDS, INTERVALS
from psychomet.pages.terminal import estimates_text
from psychomet.result.result import Result, make_result

NAN = float("nan")

# Lightness of two fills on a scale from 0 to 1: at less than this a greyscale print may merge them,
# unless a hatch tells them apart.
LIGHTNESS = 0.10


def plain(text: Iterable[Inline]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


@cache
def composed(*results: Result) -> Document:
    return compose(results, title="t")


def section(results: list[Result], anchor: str) -> Section:
    return next(found for found in composed(*results).sections if found.anchor == anchor)


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def figures(found: Section) -> list[Figure]:
    return [block for block in found.blocks if isinstance(block, Figure)]


def column(table: Table, name: str, nth: int = 0) -> list[str]:
    at = [i for i, head in enumerate(table.columns) if plain((head.name,)) == name][nth]
    return [plain((row[at],)) for row in table.rows]


def sentence(results: list[Result], begins: str) -> str:
    (bullets,) = section(results, "in-short").blocks
    assert isinstance(bullets, Bullets)
    said = [plain(entry) for entry in bullets.entries]
    return next(text for text in said if text.startswith(begins))


def grey(content: bytes) -> np.ndarray:
    pixels = mpl.image.imread(io.BytesIO(content), format="png")[..., :3]
    return pixels @ np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def document(precision, example) -> Document:
    return composed(example.reliability(), *precision.everything())


def test_every_question_of_precision_has_its_section_guidance_and_figure(document: Document) -> None:
    titles = {found.anchor: found.title for found in document.sections}
    assert titles["omega"] == "Omega"
    assert titles["rater-agreement"] == "Agreement of raters"
    for anchor in ("omega", "rater-agreement", "generalizability", "plan"):
        found = next(one for one in document.sections if one.anchor == anchor)
        assert isinstance(found.blocks[0], Paragraph)
        assert found.blocks[0].role == "lead"
        assert plain(found.blocks[0].text).count("?") >= 1, "guidance begins with the question"
        assert figures(found), anchor
    order = [found.anchor for found in document.sections]
    assert order == ["in-short", "reliability", "omega", "rater-agreement", "generalizability", "plan", "caveats",
                     "computed", "glossary"]  # fmt: skip


def test_every_estimand_of_precision_is_explained(precision) -> None:
    wanted = {name for result in precision.everything() for name in result.estimates["estimand"]}
    wanted |= {f"lambda{number}" for number in range(1, 7)}
    wanted |= {"alpha_ordinal", "split_half_max", "split_half_min", "split_half_mean", "glb", "sem", "equal_alphas",
               "reliability_of_difference", "test_retest", "maximal_reliability", "weighted_kappa", "light_kappa",
               "gwet_ac1", "concordance_correlation"}  # fmt: skip
    assert wanted <= set(ESTIMANDS)
    assert INTERVALS["satterthwaite"] == "Satterthwaite"


# --- omega -----------------------------------------------------------------------------------------


def test_omega_says_which_variance_is_in_the_denominator(precision) -> None:
    headline, table, _ = tables(section([precision.omega()], "omega"))
    assert column(headline, "Omega total")[:2] == ["0.880", "0.830"], "the first model of each scale"
    assert column(headline, "Omega hierarchical")[0] == "0.680"
    assert column(headline, "Note")[-1] == "a", "a scale without a model has its reason"
    assert column(table, "Share of")[:5] == ["model-implied variance"] * 2 + ["observed variance"] * 2 + [""]
    assert column(table, "Estimate")[:3] == ["0.880", "0.680", "0.900"]
    assert column(table, "In words")[0] == "good to excellent"
    assert column(table, "In words")[1] == "", "omega hierarchical has no conventions of its own"
    assert column(table, "Note")[-1] == "a"
    assert denominator("delta; x, observed variance in the denominator") == "observed variance"
    assert denominator("delta; x") == ""


def test_two_methods_of_one_omega_are_told_apart(precision) -> None:
    result = precision.omega()
    twin = result.estimates.iloc[:1].assign(
        method="delta; confirmatory, model-implied variance in the denominator, row = respondent"
    )
    both = make_result("omega", [*result.estimates.to_dict("records"), *twin.to_dict("records")])
    table = tables(section([both], "omega"))[1]
    assert "confirmatory" in column(table, "Computed by")
    assert len(table.rows) == len(tables(section([result], "omega"))[1].rows) + 1


def test_group_factors_have_a_table_of_their_own(precision) -> None:
    groups = tables(section([precision.omega()], "omega"))[2]
    assert column(groups, "Group factor")[:2] == ["F1", "F2"]


def test_omega_is_drawn_beside_alpha_only_where_alpha_is_known(precision, example) -> None:
    alone = figures(section([precision.omega()], "omega"))[0]
    beside_alpha = figures(section([precision.omega(), example.reliability()], "omega"))[0]
    assert alone.svg != beside_alpha.svg
    assert "0.73 (Neuroticism) to 0.88 (Extraversion)" in alone.alt


# --- raters ----------------------------------------------------------------------------------------


def test_raters_have_tables_of_coefficients_pairs_limits_and_severity(precision) -> None:
    found = section([precision.rater_agreement()], "rater-agreement")
    whole, pairs, limits, raters = tables(found)
    assert column(whole, "Coefficient")[:2] == ["Krippendorff's alpha", "Gwet's AC2"]
    assert "Answers are taken as ordinal; weights of weighted kappa and AC2: quadratic." in plain(
        whole.caption
    )
    assert pairs.folded
    assert column(pairs, "Raters")[0] == "judge-a ~ judge-b"
    assert column(limits, "Lower limit of agreement")[0] == "−1.400"
    assert column(raters, "Rater")[:4] == ["judge-a", "judge-b", "judge-c", "judge-d"]
    assert len(column(raters, "Discrimination")) == 12
    names = [figure.name for figure in figures(found)]
    assert names == [
        "rater-agreement-coefficients",
        "rater-agreement-severity",
        "rater-agreement-discrimination",
    ]


def test_pairs_are_drawn_where_there_is_no_coefficient_of_all_raters(precision) -> None:
    result = precision.rater_agreement()
    frame = result.estimates[result.estimates["estimand"] == "cohen_kappa"]
    (figure,) = figures(section([replace(result, estimates=frame)], "rater-agreement"))
    assert "Cohen's kappa" in figure.alt
    assert "judge-a ~ judge-b" in figure.alt


# --- generalizability ------------------------------------------------------------------------------


def test_components_and_coefficients_stand_side_by_side(precision) -> None:
    components, coefficients, errors = tables(section([precision.generalizability()], "generalizability"))
    assert column(components, "Source")[:3] == ["respondent", "item", "prompt"]
    assert column(components, "Variance")[0] == "0.476"
    assert column(components, "Share")[0] == "34.0 %"
    assert column(components, "Known variance")[0] == "0.500 inside"
    assert column(coefficients, "G")[0] == "0.860"
    assert column(coefficients, "95 % interval", 1)[0] == "[0.770, 0.870]"
    assert column(coefficients, "Design")[0] == "item = 6, prompt = 3"
    assert column(errors, "Absolute error")[0] == "0.070"


def test_the_headline_says_how_much_belongs_to_the_respondents(precision) -> None:
    said = sentence([precision.generalizability()], "Generalizability")
    assert (
        "of the variance of a single answer, 21 % (Openness) to 34 % (Extraversion) belongs to the respondents"
        in said
    )
    assert "the largest other source is respondent x item, 30 % on average, and 22 % is residual." in said
    one = sentence([precision.generalizability(scales=("Extraversion",))], "Generalizability")
    assert "34 % [28 %, 40 %] belongs to the respondents" in one


def test_without_items_it_is_the_variance_of_an_administration(precision) -> None:
    result = precision.generalizability(items=False)
    assert "of the variance of the score of one administration" in sentence([result], "Generalizability")
    found = section([result], "generalizability")
    assert "score of one administration" in plain(found.blocks[0].text)  # type: ignore[union-attr]
    assert "negative estimate takes no room" in plain(figures(found)[0].caption)


def test_neighbouring_parts_differ_in_lightness_or_hatch() -> None:
    """Without colour: where two parts meet, lightness must jump or one of them carries a hatch."""
    names = [f"s{at}" for at in range(MOST)]
    shares = [Share("row", name, 1 / (MOST + 1)) for name in [*names, "rest"]]
    figure = draw_shares(shares, sources=names, rest="rest", name="a", axis="x", alt="", caption=())
    picture = grey(figure.png)
    dark = np.flatnonzero((picture < 0.9).mean(axis=1) > 0.5)
    line = picture[dark[len(dark) // 4] : dark[len(dark) // 4] + 12]
    left, right = np.flatnonzero((line < 0.45).mean(axis=0) > 0.9)[[0, -1]]
    width = (right - left) / (MOST + 1)
    middles = [
        slice(int(left + (at + 0.25) * width), int(left + (at + 0.75) * width)) for at in range(MOST + 1)
    ]
    light = [float(line[:, piece].mean()) for piece in middles]
    rough = [float(line[:, piece].std()) for piece in middles]
    for at in range(MOST):
        apart = abs(light[at] - light[at + 1]) > LIGHTNESS or abs(rough[at] - rough[at + 1]) > LIGHTNESS / 2
        assert apart, (at, light, rough)


def test_more_sources_than_fills_are_added_up(precision) -> None:
    effects = ["respondent", *(f"e{at}" for at in range(MOST + 3)), "residual"]
    rows = [{"estimand": "variance_share", "term": "S", "facet": name, "estimate": 1 / len(effects),
             "conf_low": 0.0, "conf_high": 0.2, "conf_level": 0.95} for name in effects]  # fmt: skip
    found = section([make_result("generalizability", rows)], "generalizability")
    assert [figure.name for figure in figures(found)] == [
        "generalizability-shares",
        "generalizability-intervals",
    ]
    assert len(tables(found)[0].rows) == len(effects)


def test_ways_of_asking_are_not_called_respondents(precision) -> None:
    result = precision.generalizability(items=False)
    frame = result.estimates[
        result.estimates["estimand"].isin(["variance_component", "variance_share"])
        & (result.estimates["facet"] != "respondent")
    ].reset_index(drop=True)
    whole = replace(result, estimates=frame, settings=result.settings | {"object": "none"})
    found = section([whole], "generalizability")
    assert "Nobody is measured here" in str(found.blocks[0])
    said = sentence([whole], "Generalizability")
    assert "over the ways of asking" in said
    assert "belongs to prompt, the largest source beside the residual" in said


# --- plan ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "design"),
    [
        ("item = 6, prompt = 2, sample = 1", {"item": 6, "prompt": 2, "sample": 1}),
        ("label format = 3", {"label format": 3}),
        ("a, b = 2, c = 10", {"a, b": 2, "c": 10}),
        ("nothing", {}),
        ("", {}),
    ],
)
def test_designs_are_read_back_from_their_text(text: str, design: dict[str, float]) -> None:
    assert parse_design(text) == design


def test_the_recommended_design_is_said_ringed_and_first(precision) -> None:
    result = precision.plan()
    said = sentence([result], "Plan")
    assert (
        "Extraversion reaches a G coefficient of 0.80 with item = 4, prompt = 1 (expected 0.80, cost 4 per"
        in said
    )
    assert "with probability 0.55" in said
    assert "Agreeableness with item = 6, prompt = 1" in said
    found = section([result], "plan")
    best, first, second = tables(found)
    chosen = [
        cell
        for cell, which in zip(column(best, "Design"), column(best, ""), strict=True)
        if which == "recommended"
    ]
    assert chosen == ["item = 4, prompt = 1", "item = 6, prompt = 1"]
    assert column(best, "Cost")[:2] == ["–", "4"]
    assert column(best, "Probability")[:2] == ["–", "0.55"]
    assert len(first.rows) == len(second.rows) == 20
    targets = column(first, "Target")
    assert targets[column(first, "Design").index("item = 4, prompt = 1")] == "reached; recommended"
    assert targets[0] == "not reached"
    assert targets[-1] == "reached (interval above)"
    (figure,) = figures(found)
    without = figures(section([precision.plan(recommend=False)], "plan"))[0]
    assert figure.svg != without.svg


def test_a_target_out_of_reach_is_said(precision) -> None:
    said = sentence([precision.plan(target=0.99)], "Plan")
    assert (
        "no design within the limits reaches a G coefficient of 0.99 for Extraversion and Agreeableness"
        in said
    )


def test_small_costs_are_not_rounded_away_and_large_ones_are_whole(precision) -> None:
    result = precision.plan()
    frame = result.estimates.copy()
    calls = frame["estimand"] == "calls"
    frame.loc[calls, "estimate"] = [0.09933, 12345.678]
    best = tables(section([replace(result, estimates=frame)], "plan"))[0]
    assert [cell for cell in column(best, "Cost") if cell != "–"] == ["0.0993", "12,346"]


def test_groups_have_their_own_recommended_design(precision) -> None:
    result = precision.plan(scales=("Extraversion",))
    frame = result.estimates.assign(group="model = a")
    plans = {
        "Extraversion": {"numbers": {"item": 8, "prompt": 4}},
        "Extraversion / model = a": {"numbers": {"item": 4, "prompt": 1}},
    }
    both = replace(
        result,
        estimates=pd.concat([result.estimates, frame], ignore_index=True),
        settings=result.settings | {"plan": plans},
    )
    best = tables(section([both], "plan"))[0]
    found = set(zip(column(best, "Group"), column(best, "Design"), column(best, ""), strict=True))
    assert ("model = a", "item = 4, prompt = 1", "recommended") in found
    assert ("", "item = 4, prompt = 1", "recommended") not in {(g.strip("–"), d, w) for g, d, w in found}


def test_lines_run_through_one_common_design() -> None:
    rows = [
        {"estimand": "phi_coefficient", "term": "S", "level": f"item = {items}, prompt = {prompts}",
         "estimate": 0.5 + 0.05 * items + 0.01 * prompts, "reason": "no interval"}
        for items, prompts in ((1, 2), (2, 2), (3, 2), (2, 1), (2, 3))
    ]  # fmt: skip
    (figure,) = figures(section([make_result("plan", rows)], "plan"))
    assert figure.alt.startswith("Phi coefficient of 1 scales")
    assert "from 0.57 to 0.67" in figure.alt


def test_many_scales_are_planned_over_several_figures(precision) -> None:
    found = section([precision.plan(scales=tuple(f"S{at}" for at in range(8)))], "plan")
    assert [figure.name for figure in figures(found)] == ["plan-curves-1", "plan-curves-2"]
    assert all(table.folded for table in tables(found)[1:])


@pytest.mark.parametrize(
    "settings", [{"plan": "x"}, {"plan": {"S": 3}}, {"target": "high"}, {"coefficient": "omega"}]
)
def test_settings_of_a_plan_of_the_wrong_shape_are_survived(precision, settings: dict[str, object]) -> None:
    result = precision.plan()
    found = section([replace(result, settings=settings)], "plan")
    assert len(figures(found)) == 1


def test_odd_curves_can_be_drawn() -> None:
    for points in (
        [Point(1, NAN)],
        [Point(1, 0.5)],
        [Point(1, 0.5, 0.4, 0.6), Point(2, -0.2, -3.0, 1.4, True)],
    ):
        figure = draw_curves({"S": {"item": points}}, name="a", axis="G", alt="", caption=(), target=0.8)
        assert figure.svg.startswith(b"<?xml")


# --- further coefficients, side by side, terminal --------------------------------------------------


def test_further_coefficients_of_reliability_have_their_tables() -> None:
    base = {"term": "S", "estimate": 0.7, "conf_low": 0.6, "conf_high": 0.8, "conf_level": 0.95, "n": 40}
    rows = [
        {"estimand": "alpha", **base, "method": "feldt; x"},
        {"estimand": "lambda2", **base, "method": "bootstrap; x"},
        {"estimand": "glb", **base, "method": "bootstrap; x"},
        {
            "estimand": "equal_alphas",
            "term": "S",
            "method": "chi_squared; x",
            "statistic": 4.2,
            "df": 2,
            "p_value": 0.12,
            "reason": "a test",
        },
        {
            "estimand": "equal_alphas",
            "term": "S",
            "method": "jackknife; x",
            "statistic": 1.3,
            "df": 2,
            "df2": 37,
            "p_value": 0.28,
            "reason": "a test",
        },
        {"estimand": "equal_alphas", "term": "T", "method": "none", "reason": "too few"},
        {"estimand": "test_retest", **base, "facet": "prompt", "method": "fisher_z; x"},
    ]
    found = section([make_result("reliability", rows)], "reliability")
    _, equal, internal, related = tables(found)
    assert column(internal, "Coefficient") == ["Guttman lambda 2", "Greatest lower bound"]
    assert column(equal, "Test") == ["Feldt, Woodruff and Salih", "Hotelling, jackknife", ""]
    assert column(equal, "Statistic")[:2] == ["4.20", "1.30"]
    assert column(equal, "df")[:2] == ["2", "2, 37"]
    assert column(equal, "Note") == ["", "", "a"]
    assert column(related, "Coefficient") == ["Test-retest correlation"]
    assert column(related, "Facet") == ["prompt"]


def test_estimands_of_one_thing_become_one_row() -> None:
    rows = [
        {"estimand": "a", "term": "S", "estimate": 1.0, "reason": "first"},
        {"estimand": "b", "term": "S", "estimate": 2.0, "reason": "second"},
        {"estimand": "a", "term": "T", "estimate": 3.0, "reason": "first"},
    ]
    made = beside(make_result("x", rows).estimates, ("term",))
    assert [row["term"] for row in made] == ["S", "T"]
    assert made[0]["reason"] == "first; second"
    assert part(made[0], "b")["estimate"] == 2.0
    assert part(made[1], "b") == {}


def test_the_terminal_shows_names_numbers_and_notes(precision) -> None:
    text = estimates_text(precision.generalizability(), most=5)
    lines = text.splitlines()
    assert lines[0].split() == ["estimand", "term", "facet", "n", "estimate", "interval"]
    assert lines[1].split()[:5] == ["variance_component", "Extraversion", "respondent", "60", "0.476"]
    assert len({line.index("]") for line in lines[1:6]}) == 1, "the columns stand in line"
    assert lines[6] == "... and 90 more rows"
    assert lines[7].startswith("caution: 1 of 35")


def test_the_terminal_shows_no_control_characters(hostile_texts: tuple[str, ...]) -> None:
    rows = [{"estimand": "x", "term": text, "level": text, "reason": text} for text in hostile_texts]
    text = estimates_text(make_result("x", rows))
    assert not any(ord(character) < 32 and character != "\n" for character in text)
    assert len(text.splitlines()) == len(hostile_texts) + 1
