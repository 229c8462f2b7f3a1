from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest

from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import Data, Document, Link, Paragraph, Strong, spelled
from psychomet.pages.html import POLICY, render_html
from psychomet.pages.page import page_html

ELEMENTS = {
    "a", "bdi", "body", "caption", "details", "div", "figcaption", "figure", "footer", "h1", "h2", "h3", "head", "header",
    "html", "img", "li", "main", "meta", "nav", "ol", "p", "section", "span", "strong", "style", "summary", "table",
    "tbody", "td", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "alt", "aria-label", "aria-labelledby", "charset", "class", "content", "href", "http-equiv", "id", "lang", "name",
    "role", "scope", "src", "style", "tabindex",
}  # fmt: skip
VOID = {"meta", "img"}


class Checker(HTMLParser):
    """Collect elements, attributes, addresses; insist that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        self.sources += [found["src"] or ""] if "src" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def page(document: Document) -> str:
    return render_html(document, files_beside=False)


def test_the_page_is_self_contained_and_holds_no_script(page: str) -> None:
    found = checked(page)
    assert found.names <= ELEMENTS
    assert found.attributes <= ATTRIBUTES
    assert found.sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in found.sources)
    assert all(link.startswith(("#", "https://doi.org/10.")) for link in found.links), found.links
    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">' in page
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert not re.search(r"@import|url\(", page)


def test_every_link_of_the_page_has_its_target_once(page: str) -> None:
    found = checked(page)
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)


def test_svg_images_hold_no_script_and_no_foreign_address(page: str) -> None:
    for source in checked(page).sources:
        svg = base64.b64decode(source.partition(",")[2]).decode()
        assert "<script" not in svg
        assert not re.search(r"""href=["'](?!#)""", svg)
        assert "<text" not in svg  # letters are drawn as paths, so no font is needed


def test_a_hostile_page_has_no_element_of_others(
    hostile_document: Document, hostile_texts: tuple[str, ...]
) -> None:
    page = render_html(hostile_document, files_beside=False)
    found = checked(page)
    assert found.names <= ELEMENTS
    assert found.attributes <= ATTRIBUTES
    assert "owned" not in found.ids
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b\ud800]", page)
    shown = "".join(found.text)
    for text in hostile_texts:
        assert spelled(text)[:40].strip() in shown, text


def test_text_from_data_is_isolated_and_unsafe_links_are_text() -> None:
    text = (
        Data("a<b"),
        Strong("c&d"),
        Link("e", "javascript:alert(1)"),
        Link("f", "#g"),
        Link("h", 'https://x"y'),
    )
    page = render_html(Document("t", (Paragraph(text),), ()))
    wanted = (
        "<bdi>a&lt;b</bdi><strong><bdi>c&amp;d</bdi></strong><bdi>e</bdi>"
        '<a href="#f"><bdi>f</bdi></a><bdi>h</bdi>'
    ).replace("#f", "#g")
    assert wanted in page


def test_the_page_for_a_notebook_names_no_files(example) -> None:
    assert "result.json" not in page_html([example.profile()], title="t")
    assert 'href="result.json"' in render_html(compose([example.profile()], title="t"))
