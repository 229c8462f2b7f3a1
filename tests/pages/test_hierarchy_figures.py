"""Ridges of items and planes of respondents, made of stored draws: what is drawn, said and left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from psychomet.pages.compose.context import Context
from psychomet.pages.compose.hierarchy import hierarchy
from psychomet.pages.compose.hierarchy_joint import is_joint
from psychomet.pages.document import Document, Figure, Heading, Section, Table
from psychomet.pages.figures.plane import Place, _ellipse, _principal, drawn_ellipses
from psychomet.pages.figures.ridges import Ridges, _ends, density, draw_ridges
from psychomet.pages.html import render_html
from psychomet.result.result import Result, make_result

PLACE = Context(title="Posterior", anchor="hierarchy")
CHAINS, DRAWS = 2, 200
CROSSED = "posterior; median of draws, equal tails; cumulative logit, crossed effects"
GAUSSIAN = "posterior; median of draws, equal tails; Gaussian, effects integrated out"
GRADED = "posterior; median of draws, equal tails; graded response"
JOINT = "posterior; median of draws, equal tails; joint model, nutpie"
LEVELS = (0.025, 0.5, 0.975)
# Of a density summed over the points it is drawn at: a trapezoid of 72 points, without tails of 0.2 % at each end.
AREA = 0.02
SAME = 1e-6
Arrays = dict[str, xr.DataArray]
Rows = list[dict[str, Any]]


def row(estimand: str, draws: Any, **more: Any) -> dict[str, Any]:
    low, middle, high = np.quantile(draws, LEVELS)
    return {"estimand": estimand, "estimate": middle, "conf_low": low, "conf_high": high, "conf_level": 0.95, "n": 30,
            "rhat": 1.001, "ess_bulk": 900.0, "ess_tail": 800.0, **more}  # fmt: skip


def items(k: int) -> list[str]:
    return [f"item {at + 1}" for at in range(k)]


def crossed(
    names: list[str], *, term: str = "C", group: str = "", method: str = CROSSED, spread: float = 0.3
) -> tuple[Rows, Arrays]:
    """Effects from the lowest to the highest item, with a level that all of them share."""
    rng = np.random.default_rng(1)
    k = len(names)
    shared = rng.normal(5.0, 2.0, (CHAINS, DRAWS, 1))
    draws = np.linspace(-1, 1, k) * (spread > 0) + shared + spread * rng.normal(size=(CHAINS, DRAWS, k))
    rows = [row("variance_component", [0.5, 1.0, 1.5], facet=f, term=term, group=group, method=method) for f in ("respondent", "item")]  # fmt: skip
    label = f"{term} ({group})" if group else term
    made = xr.DataArray(draws, dims=("chain", "draw", "item"), coords={"item": names})
    return rows, {f"{label} / effect of item": made}


def graded(names: list[str], *, term: str = "G", boundaries: int = 3, group: str = "") -> tuple[Rows, Arrays]:
    """Items of rising discrimination; the thresholds of each stand from -1 to 1."""
    rng = np.random.default_rng(2)
    k = len(names)
    slope = np.exp(np.linspace(-0.5, 1.0, k) + 0.2 * rng.normal(size=(CHAINS, DRAWS, k)))
    middle = np.linspace(-1, 1, boundaries) if boundaries > 1 else np.zeros(1)
    hard = middle + 0.05 * np.arange(k)[:, None] + 0.2 * rng.normal(size=(CHAINS, DRAWS, k, boundaries))
    same = {"term": term, "group": group, "method": GRADED, "facet": "item"}
    rows = [row("marginal_reliability", [0.7, 0.8, 0.9], term=term, group=group, method=GRADED)]
    for at, name in enumerate(names):
        rows.append(row("discrimination", slope[..., at], level=name, **same))
        rows += [row("difficulty", hard[..., at, b], level=name, other=f"{b + 2} or more", **same) for b in range(boundaries)]  # fmt: skip
    label = f"{term} ({group})" if group else term
    labels = [f"{name} {b + 1}" for name in names for b in range(boundaries)]
    return rows, {
        f"{label} / slope": xr.DataArray(slope, dims=("chain", "draw", "item"), coords={"item": names}),
        f"{label} / difficulty": xr.DataArray(
            hard.reshape(CHAINS, DRAWS, -1), dims=("chain", "draw", "threshold"), coords={"threshold": labels}
        ),
    }


def joint(
    n: int = 6, *, names: tuple[str, str] = ("E", "B"), lines: bool = True, spread: float = 0.4, units: list[str] | None = None,
    group: str = "",
) -> tuple[Rows, Arrays]:  # fmt: skip
    """A trait and a behaviour of n respondents, in steps along the diagonal."""
    rng = np.random.default_rng(3)
    who = units or [f"r{at}" for at in range(n)]
    at = np.linspace(-1, 1, n)[:, None]
    z = at + spread * rng.normal(size=(CHAINS, DRAWS, n, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    dims = ("chain", "draw", "unit", "dimension")
    label = f"joint ({group})" if group else "joint"
    arrays = {f"{label} / z": xr.DataArray(z, dims=dims, coords={"unit": who, "dimension": list(names)})}
    if lines:
        x = np.linspace(-2, 2, 5)
        arrays[f"{label} / lines"] = xr.DataArray(
            np.column_stack([x, x / 2, x / 2 - 1, x / 2 + 1])[None, None], dims=("trait", "behaviour", "point", "statistic"),
            coords={"trait": [names[0]], "behaviour": [names[1]], "statistic": ["at", "median", "low", "high"]},
        )  # fmt: skip
    told = row(
        "trait_behaviour_correlation",
        [0.1, 0.5, 0.9],
        term=names[0],
        other=names[1],
        group=group,
        method=JOINT,
    )
    return [told], arrays


def joint_items(
    names: list[str],
    *,
    reverse: str = "",
    family: str = "ordinal",
    unit: float = 1.0,
    boundaries: int = 3,
    group: str = "",
) -> tuple[Rows, Arrays]:
    """Loadings and thresholds of a scale of a joint model; the answers have another unit than the model."""
    rng = np.random.default_rng(4)
    k = len(names)
    loading = np.exp(np.linspace(-0.5, 0.5, k) + 0.2 * rng.normal(size=(CHAINS, DRAWS, k)))
    cut = np.linspace(-1, 1, boundaries) + 0.2 * rng.normal(size=(CHAINS, DRAWS, k, boundaries)) + 0.5
    same = {"term": "E", "group": group, "method": JOINT, "facet": "item"}
    label = f"joint ({group})" if group else "joint"
    rows = []
    for at, name in enumerate(names):
        rows.append(row("discrimination", unit * loading[..., at], level=name, **same))
        sign, given = (-1.0, ", as given") if name == reverse else (1.0, "")
        if family == "ordinal":
            rows += [row("difficulty", sign * cut[..., at, b] / loading[..., at], level=name, other=f"{b + 2} or more{given}", **same) for b in range(boundaries)]  # fmt: skip
    arrays = {
        f"{label} / E: loading": xr.DataArray(
            loading, dims=("chain", "draw", "E item"), coords={"E item": names}
        )
    }
    if family == "ordinal":
        arrays[f"{label} / E: threshold"] = xr.DataArray(
            cut, dims=("chain", "draw", "E item", "E boundary"), coords={"E item": names, "E boundary": [*range(1, boundaries + 1)]}
        )  # fmt: skip
    return rows, arrays


def result(*parts: tuple[Rows, Arrays]) -> Result:
    rows = [one for part, _ in parts for one in part]
    model = "joint" if any(row.get("method") == JOINT for row in rows) else "gaussian"
    return make_result(
        "hierarchy", rows, arrays={name: one for _, more in parts for name, one in more.items()},
        settings={"hierarchy": {rows[0]["term"]: {"model": model, "fitted": True}}},
    )  # fmt: skip


def test_a_scale_called_joint_is_no_joint_model() -> None:
    assert not is_joint(result(crossed(items(4), term="joint")))
    found = section(crossed(items(4), term="joint"))
    assert [one.name for one in found.blocks if isinstance(one, Figure)] == ["hierarchy-items-1"]
    assert any(isinstance(one, Table) and "Variance" in str(one.caption) for one in found.blocks)


def section(*parts: tuple[Rows, Arrays]) -> Section:
    return hierarchy(result(*parts), PLACE)


def kinds(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def figures(found: Section, stem: str) -> list[Figure]:
    return [figure for figure in kinds(found, Figure) if figure.name.startswith(f"hierarchy-{stem}")]


def text(caption: Any) -> str:
    return "".join(getattr(piece, "text", piece) for piece in caption)


def cells(table: Table) -> list[list[str]]:
    return [[getattr(cell, "text", str(cell)) for cell in one] for one in table.rows]


def table_of(found: Section, words: str) -> Table:
    (one,) = [table for table in kinds(found, Table) if words in text(table.caption)]
    return one


def test_effects_of_items_are_apart_from_their_mean_and_sorted() -> None:
    part = crossed(items(3), spread=0.1)
    found = section(part)
    (figure,) = figures(found, "items-")
    assert "Highest: item 3, 1.0" in figure.alt and "lowest: item 1, −1.0" in figure.alt
    assert "in logits" in text(figure.caption) and "95 % interval" in text(figure.caption)
    shown = cells(table_of(found, "Items, the highest first"))
    assert [one[1] for one in shown] == ["item 3", "item 2", "item 1"] and shown[0][2] == "logits"
    # What all items share is uncertain by 2; how far they lie apart is not.
    draws = part[1]["C / effect of item"]
    apart = (draws - draws.mean("item")).sel(item="item 3").to_numpy()
    low, _, high = np.quantile(apart, LEVELS)
    assert high - low < 1 and shown[0][4] == f"[{low:.2f}, {high:.2f}]"
    assert "What sets the items apart" in [heading.text for heading in kinds(found, Heading)]


def test_items_of_a_gaussian_model_are_in_points_and_each_group_has_its_own() -> None:
    found = section(crossed(items(4), method=GAUSSIAN), crossed(items(4), method=GAUSSIAN, group="prompt = a"))  # fmt: skip
    both = figures(found, "items-")
    assert [figure.name for figure in both] == ["hierarchy-items-1", "hierarchy-items-2"]
    assert "C | prompt = a" in text(both[1].caption) and "logits" not in text(both[1].caption)
    assert {one[3] for one in cells(table_of(found, "Items, the highest first"))} == {"points"}


def test_nothing_is_drawn_of_chains_that_disagree_or_without_draws() -> None:
    rows, arrays = crossed(items(3))
    gone = dict.fromkeys(("estimate", "conf_low", "conf_high"), math.nan)
    failed = [{**one, **gone, "reason": "the chains did not converge"} for one in rows]
    assert not figures(section((failed, arrays)), "items-")
    assert not figures(section((rows, {})), "items-")
    rows, arrays = graded(items(3))
    assert not figures(section((rows, {})), "items-of-")
    failed = [{**one, **gone, "reason": "the chains did not converge"} for one in rows]
    assert not figures(section((failed, arrays)), "items-of-")


def test_of_many_items_those_at_both_ends_are_drawn_and_the_rest_counted() -> None:
    found = section(crossed(items(60)))
    (figure,) = figures(found, "items-")
    assert "Of 60 items the 20 highest and the 20 lowest are drawn; the 20 between them are in the table" in text(figure.caption)  # fmt: skip
    assert len(cells(table_of(found, "Items, the highest first"))) == 60
    (whole,) = figures(section(crossed(items(40))), "items-")
    assert "are drawn" not in text(whole.caption)


def test_of_many_scales_the_first_are_drawn_and_all_listed() -> None:
    found = section(*(crossed(items(2), term=f"S{at}") for at in range(8)))
    assert len(figures(found, "items-")) == 6
    assert "The first 6 are drawn; 2 others are in the table" in str(found.blocks)
    assert len(cells(table_of(found, "Items, the highest first"))) == 16


def test_of_many_graded_scales_the_first_are_drawn() -> None:
    found = section(*(graded(items(1), term=f"S{at}", boundaries=1) for at in range(8)))
    assert len(figures(found, "items-of-")) == 6
    assert "drawn for the first 6; 2 others have their table alone" in str(found.blocks)


def test_graded_items_have_discrimination_and_the_middle_difficulty() -> None:
    found = section(graded(items(5)))
    (figure,) = figures(found, "items-of-")
    assert "discrimination. Highest: item 5, 2." in figure.alt and "lowest: item 1, 0.6" in figure.alt
    assert text(figure.caption).startswith("Items of G, the most discriminating first. Left: discrimination")
    assert b"<svg" in figure.svg and figure.width <= 8.4


def test_the_middle_threshold_is_named_where_it_is_one_code(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def kept(rows: Any, panels: Any, **more: Any) -> Figure:
        drawn.append((list(rows), panels))
        return draw_ridges(rows, panels, **more)

    monkeypatch.setattr("psychomet.pages.compose.hierarchy_items.draw_ridges", kept)
    section(graded(items(3), boundaries=4), graded(items(2), term="H", boundaries=1))
    (rows, (steep, hard)), (_, (_, other)) = drawn
    assert rows == ["item 3", "item 2", "item 1"] and steep.log and not hard.log
    assert "3 or more" in hard.axis and "2 or more" in other.axis
    held = graded(items(3), boundaries=4)[1]["G / difficulty"].sel(threshold="item 3 2").to_numpy().ravel()
    np.testing.assert_array_equal(hard.draws[0], held)


def test_joint_items_are_in_the_unit_of_the_answers_and_turned_as_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(
        "psychomet.pages.compose.hierarchy_items.draw_ridges",
        lambda rows, panels, **more: drawn.append((list(rows), panels)) or draw_ridges(rows, panels, **more),
    )
    rows, arrays = joint_items(items(3), reverse="item 2", unit=2.5, boundaries=4)
    found = section((rows, arrays))
    assert len(figures(found, "items-")) == 1
    order, (steep, hard) = drawn[0]
    told = {(one["estimand"], one["level"], one.get("other", "")): one["estimate"] for one in rows}
    for at, item in enumerate(order):
        # Codes 1 to 5: 3 or more, turned, is 3 or less as given, and stands where 4 or more as given begins.
        place = "4 or more, as given" if item == "item 2" else "3 or more"
        assert np.median(steep.draws[at]) == pytest.approx(told["discrimination", item, ""], abs=SAME)
        assert np.median(hard.draws[at]) == pytest.approx(told["difficulty", item, place], abs=SAME)  # fmt: skip
    assert len(cells(table_of(found, "Where on the trait half"))) == 12
    assert "3 or more" in hard.axis


def test_joint_items_of_numbers_have_one_panel_and_equal_loadings_the_difficulty_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(
        "psychomet.pages.compose.hierarchy_items.draw_ridges",
        lambda rows, panels, **more: drawn.append(panels) or draw_ridges(rows, panels, **more),
    )
    section(joint_items(items(3), family="normal"))
    assert [panel.log for panel in drawn[0]] == [True]
    rows, arrays = joint_items(items(3))
    equal = [one for one in rows if one["estimand"] == "difficulty"]
    equal.append({**rows[0], "level": "all items"})
    (figure,) = figures(section((equal, arrays)), "items-")
    assert [panel.log for panel in drawn[1]] == [False] and "the hardest first" in text(figure.caption)


def test_a_density_is_one_whatever_the_axis_and_never_reaches_zero() -> None:
    rng = np.random.default_rng(5)
    skewed = np.exp(rng.normal(-3.0, 1.0, 2000))
    for log in (False, True):
        found = density(skewed, log=log)
        assert found is not None
        x, height = found
        assert height.max() == 1.0 and (np.diff(x) > 0).all()
        if log:
            assert x.min() > 0
            # On the axis of the logarithm it is a normal law: half its height at 1.18 standard deviations.
            wide = np.ptp(np.log(x[height > 0.5]))
            assert wide == pytest.approx(2 * 1.177, rel=0.15)
        else:
            mean = float(np.trapezoid(x * height, x) / np.trapezoid(height, x))
            assert mean == pytest.approx(skewed.mean(), rel=0.1)
    assert density(np.full(50, 2.0), log=True) is None and density(np.array([1.0]), log=False) is None


def test_a_very_wide_item_does_not_set_the_axis() -> None:
    narrow = np.array([[-0.5, 0.0, 0.5]] * 9)
    wide = np.vstack([narrow, [[-50.0, -1.0, 3.0]]])
    low, high = _ends(wide, Ridges("x", []))
    assert -10 < low < -1.0 and 0.5 < high < 5
    beyond = np.vstack([narrow, [[-50.0, -40.0, -30.0]]])
    low, high = _ends(beyond, Ridges("x", [], reach=(-6.0, 6.0)))
    assert low == -6.0 and 0.5 < high < 6.0
    assert _ends(np.empty((0, 3)), Ridges("x", [], log=True))[0] > 0


def test_a_row_without_draws_stays_empty() -> None:
    panels = [Ridges("x", [np.empty(0), np.array([math.nan, math.nan])]), Ridges("y", [np.array([-1.0, 0.0]), np.empty(0)], log=True)]  # fmt: skip
    figure = draw_ridges(["a", "b"], panels, name="x", alt="a", caption=("c",), conf_level=0.9)
    assert b"<svg" in figure.svg


def test_ellipses_hold_the_draws_they_promise() -> None:
    rng = np.random.default_rng(6)
    covariance = np.array([[1.0, 0.6], [0.6, 0.5]])
    draws = rng.multivariate_normal([1.0, -2.0], covariance, 20_000)
    place = Place("r", (1.0, -2.0), (1.0, 0.6, 0.5))
    for level in (0.5, 0.95):
        path = _ellipse(place, level, inner=False, many=False)
        outline = path.get_path().vertices
        assert np.abs(outline).max() == pytest.approx(1.0)
        inside = path.get_patch_transform().inverted().transform(draws)
        share = float((np.square(inside).sum(axis=1) <= 1).mean())
        assert share == pytest.approx(level, abs=0.012)  # three binomial errors of 20,000 draws
    values, axes = _principal(place)
    np.testing.assert_allclose(axes @ np.diag(values) @ axes.T, covariance, atol=SAME)


def test_the_plane_says_the_correlation_and_lists_the_respondents() -> None:
    rows, arrays = joint()
    found = section((rows, arrays))
    (figure,) = figures(found, "planes")
    assert "6 in 1 panel. E and B correlate at 0.50 [0.12, 0.88]" in figure.alt
    said = text(figure.caption)
    assert "E and B 0.50 [0.12, 0.88]" in said and "Line: the behaviour expected" in said
    listed = cells(table_of(found, "Respondents on the traits and behaviours drawn"))
    z = arrays["joint / z"].sel(unit="r0", dimension="B").to_numpy()
    low, high = np.quantile(z, [0.025, 0.975])
    ends = f"{z.mean():.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    assert len(listed) == 6 and listed[0][0] == "r0" and listed[0][2] == ends
    assert "Line:" not in text(figures(section(joint(lines=False)), "planes")[0].caption)


def test_every_group_has_its_plane_of_its_own_draws() -> None:
    rows, arrays = joint(3, group="prompt = p", lines=False)
    far = {name: array + 10 for name, array in arrays.items()}
    found = section(joint(), (rows, far), joint(5, group="prompt = q"))
    whole, p, q = figures(found, "planes")
    assert [figure.name for figure in (whole, p, q)] == ["hierarchy-planes", "hierarchy-planes-2", "hierarchy-planes-3"]  # fmt: skip
    assert whole.alt.startswith("Respondents by trait") and "6 in 1 panel" in whole.alt
    assert p.alt.startswith("Respondents with prompt = p by trait") and "3 in 1 panel" in p.alt
    assert text(p.caption).startswith("prompt = p. Where respondents lie") and "Line:" not in text(p.caption)
    assert "5 in 1 panel" in q.alt and "Line:" in text(q.caption)
    tables = [
        block for block in kinds(found, Table) if "Respondents on the traits and" in text(block.caption)
    ]
    assert [len(table.rows) for table in tables] == [6, 3, 5]
    assert text(tables[1].caption).startswith("prompt = p. Respondents on")
    assert [float(cells(table)[-1][1].split()[0]) > 9 for table in tables] == [False, True, False]


def test_of_many_groups_the_first_have_planes() -> None:
    found = section(*(joint(2, group=f"prompt = {at}") for at in range(8)))
    assert len(figures(found, "planes")) == 6
    assert "Planes of the first 6 groups are drawn; 2 others have theirs in the draws" in str(found.blocks)


def test_ridges_of_a_joint_model_are_of_every_scale_in_every_group() -> None:
    rows, arrays = joint_items(items(3))
    more, other = joint_items(items(2), group="prompt = p")
    found = section((rows, arrays), (more, other))
    whole, p = figures(found, "items-")
    assert text(whole.caption).startswith("Items of E, the most") and "item 3" in whole.alt
    assert text(p.caption).startswith("Items of E | prompt = p, the most") and "item 3" not in p.alt
    # A group whose draws are not kept has none.
    assert len(figures(section((rows, arrays), (more, {})), "items-")) == 1


def test_pairs_without_an_estimate_or_without_draws_have_no_plane() -> None:
    rows, arrays = joint()
    gone = [{**rows[0], "estimate": math.nan, "conf_low": math.nan, "conf_high": math.nan, "reason": "the chains did not converge"}]  # fmt: skip
    assert not figures(section((gone, arrays)), "planes")
    assert not figures(section((rows, {})), "planes")


def test_of_many_respondents_some_have_ellipses_and_the_page_says_so() -> None:
    places = [Place(str(at), (float(at), 0.0), (1.0, 0.0, 1.0)) for at in range(300)]
    shown = drawn_ellipses(places)
    assert 5 <= len(shown) <= 12 and (shown[0].name, shown[-1].name) == ("0", "299")
    assert len(drawn_ellipses(places[:60])) == 60
    found = section(joint(301))
    assert "Of 301 respondents" in text(figures(found, "planes")[0].caption)
    listed = table_of(found, "Respondents on the traits")
    assert len(listed.rows) == 300 and "The first 300 of 301" in text(listed.caption)


@pytest.mark.parametrize(
    "part",
    [
        joint(1), joint(2), joint(3, spread=0.0), joint(14, units=["x" * 400] * 14), crossed(items(1)), crossed(items(2)),
        crossed(items(5), spread=0.0), graded(items(1), boundaries=1), graded(items(41)), joint_items(items(1), boundaries=1),
    ],
    ids=["one unit", "two units", "no spread", "equal long names", "one item", "two items", "equal items", "one threshold", "41 items", "one joint item"],
)  # fmt: skip
def test_small_and_odd_tables_have_a_page(part: tuple[Rows, Arrays]) -> None:
    found = section(part)
    assert "Posterior" in render_html(Document("t", (), (found,)))
    said = [figure.alt + text(figure.caption) for figure in kinds(found, Figure)]
    assert not any("nan" in one.lower() for one in said)


@pytest.mark.parametrize(
    "kind", ["crossed", "graded", "joint", "joint in a group", "joint items", "joint items in a group"]
)
def test_names_from_data_cannot_break_out(kind: str, hostile_texts: tuple[str, ...]) -> None:
    names = list(hostile_texts) if kind == "crossed" else list(hostile_texts[:8])
    parts = {
        "crossed": lambda: crossed(names, term=names[0]), "graded": lambda: graded(names, term=names[1], boundaries=1),
        "joint": lambda: joint(units=names[:6], names=(names[0], names[2])), "joint items": lambda: joint_items(names, boundaries=1),
        "joint in a group": lambda: joint(units=names[:6], group=f"prompt = {names[0]}"),
        "joint items in a group": lambda: joint_items(names, boundaries=1, group=f"prompt = {names[1]}"),
    }  # fmt: skip
    found = section(parts[kind]())
    page = render_html(Document("t", (), (found,)))
    assert "<script>alert" not in page and "<img src=x" not in page
    own = figures(found, "items-") + figures(found, "planes")
    assert own and all("\u202e" not in figure.alt and len(figure.alt) < 400 for figure in own)
