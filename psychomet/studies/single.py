"""One question, or a plan, as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from psychomet.pages.page import write_page
from psychomet.result.result import Result
from psychomet.scores.key import Key
from psychomet.scores.score import Missing
from psychomet.studies.questions import ask, takes, takes_missing
from psychomet.studies.whole import Report, settle, table_of
from psychomet.table.responses import ResponseTable
from psychomet.table.source import Source

TITLES: Mapping[str, str] = {"plan": "Plan", "rater_agreement": "Agreement of raters"}


def estimate(
    source: Source | ResponseTable,
    *,
    question: str,
    seed: int,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    conf_level: float = 0.95,
    n_boot: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Answer one question, by its name.

    Parameters
    ----------
    source : path, glob, frame, relation or ResponseTable
        What to read, see :func:`psychomet.read_responses`.
    question : str
        A name of ``psychomet.studies.QUESTIONS``: design, profile, reliability ...
    seed, missing, conf_level
        As in :func:`psychomet.study`.
    n_boot : int, optional
        Bootstrap replicates; default that of the question's own function.
    key, facets, columns
        As in :func:`psychomet.report`.
    options : mapping, optional
        Further arguments of the question's own function, for instance ``{"by": "model"}``. A second table
        (``other`` of congruence) may be a path, read as the first is.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If there is no such question or option, or the table cannot answer it.
    """
    responses = table_of(source, key=key, facets=facets, columns=columns)
    # A question that takes no rule for missing answers does not ask for one.
    rule = missing if missing is not None or takes_missing(question) else "available"
    asked = settle(responses, missing=rule, seed=seed, conf_level=conf_level, n_boot=n_boot)
    own = dict(options or {})
    if isinstance(own.get("other"), (str, PathLike)):
        own["other"] = table_of(own["other"], key=key, facets=facets, columns=columns)
    return ask(responses, question=question, asked=asked, options=own)


def question_report(
    source: Source | ResponseTable,
    *,
    question: str,
    out: str | PathLike[str],
    seed: int,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    conf_level: float = 0.95,
    n_boot: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Answer one question and write its page, figures and numbers.

    Parameters
    ----------
    source, question, seed, key, missing, facets, columns, conf_level, n_boot, options
        As in :func:`estimate`.
    out : path
        Folder to write, as in :func:`psychomet.report`.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        As :func:`estimate`; or if ``out`` holds other files. Nothing is written then.
    """
    made = estimate(
        source, question=question, seed=seed, key=key, missing=missing, facets=facets, columns=columns,
        conf_level=conf_level, n_boot=n_boot, options=options,
    )  # fmt: skip
    name = TITLES.get(question, question.capitalize())
    return _written((made,), out, f"{name}: {made.settings['table']['key_name']}")


def plan_report(
    source: Source | ResponseTable,
    *,
    out: str | PathLike[str],
    seed: int,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    conf_level: float = 0.95,
    n_boot: int | None = None,
) -> Report:
    """Plan a study from a table, and write the page: the components, then the designs.

    Parameters
    ----------
    source, seed, key, missing, facets, columns, conf_level, n_boot
        As in :func:`estimate`.
    out : path
        Folder to write, as in :func:`psychomet.report`.
    options : mapping, optional
        Further arguments of :func:`psychomet.plan`: target, coefficient, limits, cost ...

    Returns
    -------
    Report
        The last of its results is the plan.

    Raises
    ------
    InputError
        If the table cannot be read, an argument is out of range, or ``out`` holds other files.
    """
    responses = table_of(source, key=key, facets=facets, columns=columns)
    asked = settle(responses, missing=missing, seed=seed, conf_level=conf_level, n_boot=n_boot)
    shared = {name: value for name, value in (options or {}).items() if name in takes("generalizability")}
    results = (
        ask(responses, question="generalizability", asked=asked, options=shared),
        ask(responses, question="plan", asked=asked, options=options),
    )
    return _written(results, out, f"Plan: {responses.contract['key_name']}")


def _written(results: tuple[Result, ...], out: str | PathLike[str], title: str) -> Report:
    folder = write_page(results, out, title=title)
    return Report(title, folder, results, (folder / "index.html").read_text(encoding="utf-8"))
