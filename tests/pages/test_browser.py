"""A real browser opens the hostile page: nothing runs, nothing is added, nothing is fetched."""

from __future__ import annotations

import subprocess
from html.parser import HTMLParser
from pathlib import Path

from psychomet.pages.document import Document
from psychomet.pages.html import render_html
from psychomet.text import visible

PATIENCE = 120
"""Seconds for one headless start on a loaded machine."""

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Tree(HTMLParser):
    """Names of elements, ids, and event attributes of a dumped document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.ids: set[str] = set()
        self.events: set[str] = set()
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.ids |= {value or "" for name, value in attrs if name == "id"}
        self.events |= {name for name, _ in attrs if name.startswith("on")}

    def handle_data(self, data: str) -> None:
        if self.names and self.names[-1] == "title" and not self.title:
            self.title = data


def dump(chromium: str, page: Path, profile: Path) -> Tree:
    """Return the document as the browser holds it after every script had its chance."""
    run = subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()],
        capture_output=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    tree = Tree()
    tree.feed(run.stdout.decode("utf-8"))
    return tree


def test_no_script_runs_and_no_element_is_injected(
    hostile_document: Document, chromium: str, tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text(render_html(hostile_document), encoding="utf-8")
    tree = dump(chromium, page, tmp_path / "profile")
    assert tree.title == visible(hostile_document.title)
    assert "content" in tree.ids
    assert "owned" not in tree.ids
    assert not {"script", "iframe", "object", "embed", "form", "link", "base"} & set(tree.names)
    assert tree.events == set()
    assert tree.names.count("h1") == 1
    assert tree.names.count("img") == len(hostile_document.figures)


def test_the_browser_would_have_run_such_a_script(chromium: str, tmp_path: Path) -> None:
    """The test above can fail: without escaping and policy the same text changes the title."""
    page = tmp_path / "open.html"
    page.write_text("<title>before</title><p><script>document.title='owned'</script>", encoding="utf-8")
    assert dump(chromium, page, tmp_path / "profile").title == "owned"
