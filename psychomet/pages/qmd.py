"""A document as Quarto Markdown: plain text, pipe tables, figures as files, no executable cell."""

from __future__ import annotations

import json
import re
import string

from psychomet.pages.document import (
    Block,
    Bullets,
    Callout,
    Document,
    Figure,
    Heading,
    Inline,
    Link,
    Paragraph,
    Strong,
    Table,
    is_safe_target,
    spelled,
)

# Every ASCII punctuation mark but those that mean nothing inside a line; the full stop is handled apart.
_MARKS = re.compile("[" + re.escape("".join(sorted(set(string.punctuation) - set(".,;?%")))) + "]")
_LIST_STOP = re.compile(r"^(\s*[0-9A-Za-z]{1,12})\.(?=\s|$)")
_ELLIPSIS = re.compile(r"\.(?=\.)|(?<=\.)\.")
_CALLOUTS = {"info": "note", "caution": "warning", "problem": "important"}


def escape_markdown(text: str) -> str:
    r"""Return text that Markdown, Pandoc and Quarto show as it is.

    Parameters
    ----------
    text : str
        Anything, also hostile.

    Returns
    -------
    str
        One line: control and invisible characters are spelled out, runs of white space are one
        space, and a backslash stands before each ASCII punctuation mark that could begin markup,
        an attribute, a shortcode, a citation, a formula, a table cell or raw HTML.

    Notes
    -----
    Pandoc takes any punctuation mark after a backslash literally (extension
    ``all_symbols_escapable``), and Quarto finds shortcodes by their two braces, which no longer
    stand together.
    """
    line = " ".join(spelled(text).split())
    line = _MARKS.sub(lambda mark: "\\" + mark.group(), line)
    line = _LIST_STOP.sub(r"\1\\.", line)
    return _ELLIPSIS.sub(r"\\.", line)


def render_qmd(document: Document) -> str:
    """Return the page as Quarto Markdown; figures are linked as ``figures/<name>.svg``.

    Parameters
    ----------
    document : Document
        What to say.

    Returns
    -------
    str
        YAML header and Markdown. Headings, tables, callouts and links are ours; every other text
        passes through :func:`escape_markdown`. ``engine: markdown`` tells Quarto to run no code.
    """
    title = json.dumps(escape_markdown(document.title), ensure_ascii=True)
    lines = [
        "---",
        f"title: {title}",
        "format:",
        "  html:",
        "    toc: true",
        "    embed-resources: true",
        "engine: markdown",
        "---",
        "",
    ]
    for block in document.opening:
        lines += _block(block)
    for section in document.sections:
        lines += [f"## {escape_markdown(section.title)} {{#{_anchor(section.anchor)}}}", ""]
        for block in section.blocks:
            lines += _block(block)
    return "\n".join(lines).rstrip("\n") + "\n"


def _anchor(anchor: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", anchor) or "section"


def _block(block: Block) -> list[str]:
    if isinstance(block, Heading):
        return [f"### {escape_markdown(block.text)}", ""]
    if isinstance(block, Paragraph):
        text = _inline(block.text)
        return [f"*{text}*" if block.role == "lead" and text else text, ""]
    if isinstance(block, Bullets):
        return [*(f"- {_inline(entry)}" for entry in block.entries), ""]
    if isinstance(block, Callout):
        return [f"::: {{.callout-{_CALLOUTS[block.level]}}}", _inline(block.text), ":::", ""]
    if isinstance(block, Figure):
        alt = escape_markdown(block.alt)
        return [f'![{_inline(block.caption)}](figures/{block.name}.svg){{fig-alt="{alt}"}}', ""]
    return _table(block)


def _table(table: Table) -> list[str]:
    """Return a pipe table; a folded one in a callout that Quarto shows closed."""
    head = [_cell(column.name) for column in table.columns]
    rule = ["---:" if column.numeric else ":---" for column in table.columns]
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    lines = ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]
    caption = _inline(table.caption)
    below = [line for note in table.notes for line in (_inline(note), "")]
    if not table.folded:
        return [*lines, "", *([f": {caption}", ""] if caption else []), *below]
    return [
        '::: {.callout-note collapse="true" icon="false"}',
        f"### {caption}",
        "",
        *lines,
        "",
        *below,
        ":::",
        "",
    ]


def _cell(cell: Inline) -> str:
    return _inline((cell,)) or " "


def _inline(text: tuple[Inline, ...]) -> str:
    """Return text as escaped Markdown on one line; spaces between its pieces are kept."""
    return "".join(_piece(part) for part in text).strip()


def _piece(part: Inline) -> str:
    if isinstance(part, str):
        before = " " if part[:1].isspace() else ""
        after = " " if part[-1:].isspace() and part.strip() else ""
        return before + escape_markdown(part) + after
    shown = escape_markdown(part.text)
    if isinstance(part, Strong) and shown:
        return f"**{shown}**"
    if isinstance(part, Link) and is_safe_target(part.target):
        return f"[{shown}]({part.target})"
    return shown
