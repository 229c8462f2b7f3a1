"""A document as one HTML file that needs nothing else: no script, no network, images inside."""

from __future__ import annotations

import base64
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from psychomet.pages.document import Data, Document, Figure, Inline, Link, Strong, is_safe_target, spelled

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_TEMPLATE = "page.html.j2"


def render_html(document: Document, *, files_beside: bool = True) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    document : Document
        What to say.
    files_beside : bool
        Whether the page lies in a folder with its numbers and figures, so that it may name them.

    Returns
    -------
    str
        A whole HTML document. Every text is escaped by the template engine; text from data is
        isolated in ``<bdi>``; a Content-Security-Policy forbids scripts and every request.
    """
    here = files("psychomet.pages")
    source = here.joinpath("templates", _TEMPLATE).read_text(encoding="utf-8")
    style = here.joinpath("style.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=DictLoader({_TEMPLATE: source}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    environment.filters["spelled"] = spelled
    environment.filters["short"] = _short
    environment.filters["image"] = _image
    template = environment.get_template(_TEMPLATE)
    return template.render(
        document=document,
        # The style sheet is a file of this package; an end tag in it would be a fault of ours.
        style=Markup(style),
        policy=Markup(POLICY),
        files_beside=files_beside,
    )


def _inline(text: Inline | tuple[Inline, ...]) -> Markup:
    """Return text as escaped HTML."""
    parts = text if isinstance(text, tuple) else (text,)
    return Markup("").join(_piece(part) for part in parts)


def _piece(part: Inline) -> Markup:
    if isinstance(part, str):
        return escape(spelled(part))
    shown = escape(spelled(part.text))
    if isinstance(part, Data):
        return Markup("<bdi>{}</bdi>").format(shown) if part.text else Markup("")
    if isinstance(part, Strong):
        return Markup("<strong><bdi>{}</bdi></strong>").format(shown)
    if isinstance(part, Link) and is_safe_target(part.target):
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(part.target, shown)
    return Markup("<bdi>{}</bdi>").format(shown)


def _short(cell: Inline) -> bool:
    """Say whether a cell is short enough to be kept on one line."""
    return len(cell if isinstance(cell, str) else cell.text) <= 20


def _image(figure: Figure) -> str:
    """Return the SVG as a data address; inside ``<img>`` no script of it could run."""
    return "data:image/svg+xml;base64," + base64.b64encode(figure.svg).decode("ascii")
