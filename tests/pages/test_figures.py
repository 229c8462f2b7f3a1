from __future__ import annotations

import io
import math
import warnings
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import Document
from psychomet.pages.figures.canvas import STANDIN, label
from psychomet.pages.figures.dots import STYLES, Dot, draw_dots
from psychomet.pages.figures.heat import draw_heat
from psychomet.pages.figures.items import ItemDot, draw_items
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.words import ALPHA

NAN = math.nan


def is_svg(content: bytes) -> bool:
    return ElementTree.fromstring(content).tag.endswith("}svg")


def pixels(content: bytes) -> np.ndarray:
    return mpl.image.imread(io.BytesIO(content), format="png")


def test_equal_input_gives_equal_bytes_whatever_the_caller_has_set(example) -> None:
    results = [example.reliability(), example.link(), example.profile()]
    first = compose(results, title="t").figures
    with mpl.rc_context(
        {"font.size": 20.0, "lines.linewidth": 5.0, "svg.fonttype": "none", "text.parse_math": True}
    ):
        second = compose(results, title="t").figures
        assert mpl.rcParams["font.size"] == 20.0
    assert [figure.name for figure in first] == [figure.name for figure in second]
    assert all(a.svg == b.svg and a.png == b.png for a, b in zip(first, second, strict=True))
    assert not any(b"<dc:date>" in figure.svg for figure in first)


def test_every_figure_has_two_formats_a_name_and_a_sentence(document: Document) -> None:
    figures = document.figures
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names)
    for stem in ("profile-means", "reliability-alpha", "reliability-items-1", "agreement-icc", "sensitivity-shares",
                 "sensitivity-levels-1", "sensitivity-2-levels-1", "link-heat-1"):  # fmt: skip
        assert stem in names
    for figure in figures:
        assert is_svg(figure.svg)
        assert figure.png.startswith(b"\x89PNG")
        assert figure.alt.endswith(".")
        assert any(character.isdigit() for character in figure.alt)


def test_labels_are_short_visible_and_in_the_fonts_glyphs(hostile_texts: tuple[str, ...]) -> None:
    for text in (*hostile_texts, "lone \ud800", "你" * 50):
        made = label(text, 20)
        assert len(text) <= 20 or "…" in made
        assert "\n" not in made
        assert "\u202e" not in made
    assert label("a你b") == f"a{STANDIN}b"


def test_hostile_labels_draw_without_a_warning(hostile_texts: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dots = [Dot(text, text, 0.5, 0.4, 0.6) for text in hostile_texts]
        assert is_svg(draw_dots(dots, name="a", axis="x", alt="", caption=(), scheme=ALPHA).svg)
        assert is_svg(
            draw_panels(
                dict.fromkeys(hostile_texts[:12], dots[:3]), name="a", axis="x", alt="", caption=()
            ).svg
        )
        items = [ItemDot(text, text, -0.2, 3.0, 1.0) for text in hostile_texts]
        assert is_svg(draw_items(items, name="a", alt="", caption=()).svg)
        cells = {(text, text): (0.2, -0.1, 0.5) for text in hostile_texts}
        made = draw_heat(cells, rows=hostile_texts, columns=hostile_texts, name="a", alt="", caption=())
        assert is_svg(made.svg)


@pytest.mark.parametrize(
    "dots",
    [
        [Dot("only", "s", NAN)],
        [Dot("only", "s", 0.5)],
        [Dot("equal", "s", 0.5, 0.5, 0.5)],
        [Dot("far", "s", -40.0, -90.0, -1.5), Dot("near", "s", 0.9, 0.8, 0.95)],
        [Dot("infinite", "s", math.inf, -math.inf, math.inf), Dot("near", "s", 0.9, 0.8, 0.95)],
        [Dot("known", "s", 0.5, 0.4, 0.6, known=0.45)],
    ],
)
def test_odd_values_can_be_drawn(dots: list[Dot]) -> None:
    assert is_svg(
        draw_dots(dots, name="a", axis="x", alt="", caption=(), scheme=ALPHA, floor=-1, ceiling=1.02).svg
    )
    assert is_svg(draw_panels({"one": dots}, name="a", axis="x", alt="", caption=()).svg)
    assert is_svg(draw_panels({"one": dots}, name="a", axis="x", alt="", caption=(), same_limits=True).svg)


def test_series_differ_in_shape_and_line_or_fill_so_that_grey_suffices() -> None:
    looks = [(shape, line, filled) for shape, line, filled, _ in STYLES]
    assert len(set(looks)) == len(looks)
    assert len({shape for shape, *_ in STYLES}) == len(STYLES)


def test_a_cell_whose_interval_includes_zero_looks_different_in_grey() -> None:
    """The same correlation, once sure and once not: hatch and slant, not colour, must tell."""

    def drawn(low: float) -> np.ndarray:
        cells = {("s", "b"): (0.3, low, 0.6)}
        figure = draw_heat(cells, rows=["s"], columns=["b"], name="a", alt="", caption=())
        return pixels(figure.png)[..., :3].mean(axis=-1)

    sure, unsure = drawn(0.1), drawn(-0.1)
    assert sure.shape == unsure.shape
    assert np.abs(sure - unsure).max() > 0.1


def test_a_negative_item_has_another_marker_than_a_positive_one() -> None:
    def drawn(rest: float) -> bytes:
        return draw_items([ItemDot("s", "i", rest, 3.0)], name="a", alt="", caption=()).svg

    assert b"pulls" not in drawn(0.3)  # letters are paths: the count of drawn paths tells
    assert drawn(-0.3).count(b"<use") > drawn(0.3).count(b"<use")


def test_many_scales_are_split_or_capped_and_said_so(example) -> None:
    scales = {f"Scale {at:02d}": [f"i{at}_{item}" for item in range(6)] for at in range(46)}
    result = example.reliability(scales=scales, alphas=dict.fromkeys(scales, 0.7))
    document = compose([result], title="t")
    names = [figure.name for figure in document.figures]
    assert names.count("reliability-alpha") == names.count("reliability-alpha-2") == 1
    items = [figure for figure in document.figures if "items" in figure.name]
    assert len(items) == 6
    assert "in the tables" in str(items[-1].caption)
    assert all(pixels(figure.png).shape[0] < 2600 for figure in document.figures)


def test_a_hundred_and_twenty_items_of_one_scale_stay_legible(example) -> None:
    result = example.reliability(scales={"Long": [f"q{at}" for at in range(120)]}, alphas={"Long": 0.93})
    items = [figure for figure in compose([result], title="t").figures if "items" in figure.name]
    assert [("45 items" in figure.alt, "30 items" in figure.alt) for figure in items] == [
        (True, False)
    ] * 2 + [(False, True)]
