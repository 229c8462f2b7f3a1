"""The page as files: HTML, Quarto source, figures and every number, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from psychomet.errors import Fault, InputError
from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import Section
from psychomet.pages.html import render_html
from psychomet.pages.qmd import render_qmd
from psychomet.pages.words import RULES, Rules
from psychomet.result.result import Result
from psychomet.result.store import whole_folder, write_results
from psychomet.text import visible


def write_page(
    results: Sequence[Result],
    out: str | os.PathLike[str],
    *,
    title: str,
    intro: str = "",
    about: Mapping[str, str] | None = None,
    extra: Sequence[Section] | None = None,
    rules: Rules = RULES,
    summary_only: bool = False,
) -> Path:
    """Write the report of some results into a folder.

    Parameters
    ----------
    results : sequence of Result
        What the questions answered; the same question may occur twice, told apart by
        ``settings["label"]``. Questions unknown to the page become plain tables.
    out : path
        The folder: absent, empty, or written by psychomet before (then it is replaced as a whole).
    title, intro : str
        Plain text, never markup; a blank line in the introduction starts a paragraph.
    about : mapping of str to str, optional
        Facts about the study (source of the data, licence ...), shown under the introduction.
    extra : sequence of Section, optional
        Further sections, put before the caveats.
    rules : Rules
        Cut-points and the words between them.
    summary_only : bool
        Leave the arrays, which hold values of single respondents, out of the stored results.

    Returns
    -------
    pathlib.Path
        The folder. It holds ``index.html`` (self-contained), ``report.qmd`` (its Quarto source),
        ``figures/`` (SVG and PNG), ``result.json`` and one CSV per question.

    Raises
    ------
    InputError
        If there is no result, or the folder cannot be written or holds other files. Then nothing
        is left behind.
    """
    if not results:
        raise InputError("report", [Fault("results", "there is none", "Ask at least one question")])
    document = compose(results, title=title, intro=intro, about=about, extra=extra, rules=rules)
    page, source = render_html(document), render_qmd(document)
    with whole_folder(out) as folder:
        write_results(results, folder=folder, summary_only=summary_only)
        try:
            (folder / "index.html").write_bytes(page.encode("utf-8"))
            (folder / "report.qmd").write_bytes(source.encode("utf-8"))
            if document.figures:
                (folder / "figures").mkdir()
            for figure in document.figures:
                (folder / "figures" / f"{figure.name}.svg").write_bytes(figure.svg)
                (folder / "figures" / f"{figure.name}.png").write_bytes(figure.png)
        except OSError as error:
            what = f"it cannot be written ({error.strerror or type(error).__name__})"
            fault = Fault("disk", what, "Make room or give another folder")
            raise InputError(f"folder {visible(out, 200)}", [fault]) from None
    return Path(out)


def page_html(
    results: Sequence[Result],
    *,
    title: str,
    intro: str = "",
    about: Mapping[str, str] | None = None,
    extra: Sequence[Section] | None = None,
    rules: Rules = RULES,
) -> str:
    """Return the report of some results as one self-contained HTML text.

    Parameters
    ----------
    results, title, intro, about, extra, rules
        As in :func:`write_page`.

    Returns
    -------
    str
        The page; it needs no other file.
    """
    document = compose(results, title=title, intro=intro, about=about, extra=extra, rules=rules)
    return render_html(document, files_beside=False)
