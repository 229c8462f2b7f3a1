from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import (
    Bullets,
    Callout,
    Column,
    Data,
    Document,
    Link,
    Paragraph,
    Section,
    Strong,
    Table,
    spelled,
)
from psychomet.pages.qmd import escape_markdown, render_qmd

ALLOWED = {
    "a", "caption", "col", "colgroup", "div", "em", "figcaption", "figure", "h2", "h3", "img", "li", "p", "section",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
"""What the Markdown of a page may become: no script, span, code, raw block or formula."""


class Elements(HTMLParser):
    """Collect the names and links of all elements, and all text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: set[str] = set()
        self.targets: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.targets |= {value or "" for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def to_html(markdown: str) -> str:
    pypandoc = pytest.importorskip("pypandoc", reason="needs the package pypandoc_binary")
    converted: str = pypandoc.convert_text(
        markdown, "html", format="markdown+autolink_bare_uris+emoji", extra_args=["--wrap=none"]
    )
    return converted


def test_hostile_text_is_escaped_on_one_line(hostile_texts: tuple[str, ...]) -> None:
    for text in hostile_texts:
        line = escape_markdown(text)
        assert "\n" not in line
        assert not re.search(r"(?<!\\)(?:\\\\)*[<>{}\[\]|`$*_#@:~^]", line), line
        assert "{{<" not in line


def test_pandoc_shows_every_hostile_text_as_it_is(hostile_texts: tuple[str, ...]) -> None:
    """In a paragraph, a list, a table cell and a callout."""
    texts = [text[:300] for text in hostile_texts]
    blocks = (
        *(Paragraph((Data(text),)) for text in texts),
        Bullets(tuple((Data(text),) for text in texts)),
        Table(
            (Column("A"), Column("B", numeric=True)), tuple((Data(text), "1") for text in texts), ("Caption",)
        ),
        *(Callout("caution", (Data(text),)) for text in texts),
    )
    page = to_html(render_qmd(Document("t", (), (Section("S", "s", blocks),))))
    found = Elements()
    found.feed(page)
    assert found.names <= ALLOWED
    assert found.targets == set()
    shown = " ".join("".join(found.text).split())
    for text in texts:
        wanted = " ".join(spelled(text).split())
        assert shown.count(wanted) >= 4, wanted


@given(st.text(max_size=60))
def test_escaped_text_never_keeps_bare_punctuation(text: str) -> None:
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", escape_markdown(text))
    assert not re.search(r"[<>{}\[\]|`$*_#@:~^\\\"'()+=&!/-]", bare)


def test_a_whole_hostile_page_holds_no_markup_of_others(hostile_document: Document) -> None:
    source = render_qmd(hostile_document)
    assert "{{<" not in source
    found = Elements()
    found.feed(to_html(source))
    assert found.names <= ALLOWED
    assert all(
        target.startswith(("#", "https://doi.org/10.")) or re.fullmatch(r"figures/[a-z0-9-]+\.svg", target)
        for target in found.targets
    ), found.targets
    assert "<script>alert(1)</script>" in "".join(found.text)


def test_the_header_is_json_quoted_and_runs_no_code() -> None:
    source = render_qmd(Document('x"\n---\nengine: knitr {{< a >}}', (), ()))
    head = source.split("---\n")[1]
    (title,) = [line.removeprefix("title: ") for line in head.splitlines() if line.startswith("title: ")]
    assert json.loads(title) == escape_markdown('x"\n---\nengine: knitr {{< a >}}')
    assert head.count("engine:") == 1
    assert "engine: markdown" in head
    assert "```" not in source


def test_inline_pieces_keep_their_spaces_and_unsafe_links_are_text() -> None:
    text = (
        Strong("Bold"),
        " word ",
        Data("a*b"),
        ", ",
        Link("go", "#there"),
        " ",
        Link("no", "javascript:alert(1)"),
    )
    source = render_qmd(Document("t", (Paragraph(text),), ()))
    assert r"**Bold** word a\*b, [go](#there) no" in source


def test_figures_are_relative_links_to_files_of_the_folder(example) -> None:
    document = compose([example.link()], title="t")
    (figure,) = document.figures
    line = next(line for line in render_qmd(document).splitlines() if line.startswith("!["))
    assert f"](figures/{figure.name}.svg){{fig-alt=" in line
    alt = re.search(r'alt="([^"]*)"', to_html(line))
    assert alt is not None
    assert html.unescape(alt.group(1)) == figure.alt
