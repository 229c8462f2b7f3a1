"""A table of answers becomes a study, and a study becomes a page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from psychomet.errors import Fault, InputError
from psychomet.estimates.design import design
from psychomet.pages.page import write_page
from psychomet.result.reference import with_reference
from psychomet.result.result import Result
from psychomet.scores.key import Key, read_key
from psychomet.scores.score import Missing, resolve_key
from psychomet.studies.questions import Asked, ask, asked_of, default_options, missing_rule, try_to_ask
from psychomet.table.assemble import with_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable
from psychomet.table.simulate import simulate_study
from psychomet.table.source import Source
from psychomet.text import visible

STUDY_BOOT = {"omega": 200, "factors": 0}
"""The most resamples within a study for questions that fit a model in each; ask them by name for more."""
ALWAYS = ("design", "profile", "reliability", "agreement", "sensitivity", "link")
"""Questions whose failure is bad input; the others then carry a note that says why they have no answer."""


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A written report.

    Parameters
    ----------
    title : str
        Its title.
    folder : Path
        Where index.html, report.qmd, the figures, result.json and the CSV files are.
    results : tuple of Result
        The numbers on the page.
    page : str
        The page itself.
    """

    title: str
    folder: Path
    results: tuple[Result, ...]
    page: str

    def __repr__(self) -> str:
        estimates = sum(len(result.estimates) for result in self.results)
        return f"<Report '{visible(self.title)}': {estimates} estimates in {self.folder}>"

    def _repr_html_(self) -> str:
        """Show the page in a notebook, sealed off from it: no script of either can reach the other."""
        source = html.escape(self.page, quote=True)
        return f'<iframe sandbox srcdoc="{source}" style="width:100%;height:80vh;border:1px solid #ccc"></iframe>'


def check(
    source: Source | ResponseTable,
    *,
    key: Key | str | PathLike[str] | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Result:
    """Say what is in a table, or raise everything that is wrong with it at once.

    Parameters
    ----------
    source : path, glob, frame, relation or ResponseTable
        What to read, see :func:`psychomet.read_responses`.
    key : Key or path, optional
        The instrument; without one items and codes are not checked.
    facets, columns
        As in :func:`psychomet.read_responses`.

    Returns
    -------
    Result
        The ``design`` of the table.

    Raises
    ------
    InputError
        Naming every fault of the table and of its fit to the key.
    """
    return design(table_of(source, key=key, facets=facets, columns=columns))


def study(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing | None = None,
    key: Key | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> tuple[Result, ...]:
    """Answer every question that this table can answer.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the bootstrap.
    missing : {"available", "complete"}, optional
        The rule for missing answers; may be left out only when every item was answered every time.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet: every question that can be is answered at each of its levels too. Without it only the
        scores are, by model, where there are several models.
    conf_level : float
        Nominal coverage of all intervals.
    n_boot : int
        Bootstrap replicates; of omega 200 at the most, none of factors, whose intervals are in closed form.

    Returns
    -------
    tuple of Result
        design, profile, reliability, agreement and sensitivity; omega where a scale has three items,
        generalizability where respondents gave several answers to a scale, rater_agreement where there
        are raters, dimensions, factors and confirmatory where scales and respondents are enough, link where
        there are self-reports and behaviour. Where one that not every table can answer has no answer after
        all, its result says why.

    Raises
    ------
    InputError
        If there is no key, or answers are missing and no rule was given.
    """
    asked = settle(responses, key=key, missing=missing, seed=seed, conf_level=conf_level, n_boot=n_boot)
    options = default_options(responses, by=by)
    results = []
    for question in asked_of(responses, key=asked.key):
        answer = ask if question in ALWAYS else try_to_ask
        results.append(
            answer(
                responses,
                question=question,
                asked=replace(asked, n_boot=min(n_boot, STUDY_BOOT.get(question, n_boot))),
                options=options.get(question),
            )
        )
    return tuple(results)


def settle(
    responses: ResponseTable,
    *,
    missing: Missing | None,
    seed: int,
    conf_level: float,
    n_boot: int | None,
    key: Key | None = None,
) -> Asked:
    """Settle what every question is asked with.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing, seed, conf_level, n_boot, key
        As in :func:`study`.

    Raises
    ------
    InputError
        If there is no key, a rule for missing answers is needed, or the level is out of range.
    """
    chosen = resolve_key(responses, key)
    if not 0 < conf_level < 1:
        raise InputError(
            "the call", [Fault("conf_level", f"{conf_level} is not between 0 and 1", "Use 0.95, say")]
        )
    rule = missing_rule(responses, chosen, missing)
    return Asked(key=chosen, missing=rule, seed=seed, conf_level=conf_level, n_boot=n_boot)


def report(
    source: Source | ResponseTable,
    *,
    out: str | PathLike[str],
    seed: int,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    by: str | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    title: str | None = None,
    intro: str = "",
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Report:
    """Turn a table of answers into one self-contained page, its Quarto source, figures and numbers.

    Parameters
    ----------
    source : path, glob, frame, relation or ResponseTable
        What to read, see :func:`psychomet.read_responses`.
    out : path
        Folder to write; it is written whole or not at all, and replaced only if it holds a report.
    seed : int
        Seed of the bootstrap.
    key : Key or path, optional
        The instrument; needed unless ``source`` is a table that was read with one.
    missing, by, conf_level, n_boot
        As in :func:`study`.
    facets, columns
        As in :func:`psychomet.read_responses`.
    title, intro : str, optional
        Heading of the page, and a paragraph under it.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        Naming every fault of the input; nothing is written then.
    """
    responses = table_of(source, key=key, facets=facets, columns=columns)
    results = study(responses, missing=missing, by=by, conf_level=conf_level, n_boot=n_boot, seed=seed)
    heading = title or f"Measurement report: {responses.contract['key_name']}"
    folder = write_page(results, out, title=heading, intro=intro)
    page = (folder / "index.html").read_text(encoding="utf-8")
    return Report(title=heading, folder=folder, results=results, page=page)


def demo(*, out: str | PathLike[str], seed: int) -> Report:
    """Simulate a small study of language models with known truth, and report on it.

    Parameters
    ----------
    out : path
        Folder to write.
    seed : int
        Seed of the simulation and of the bootstrap.

    Returns
    -------
    Report
        Each estimate stands beside the value that a study of the whole population would give.

    Raises
    ------
    InputError
        If ``out`` holds something else.
    """
    simulated = simulate_study(seed=seed)
    responses = read_responses(simulated.frame, key=read_key(simulated.key))
    results = tuple(
        with_reference(result, known=simulated.truth, kind="truth")
        for result in study(responses, missing="available", seed=seed)
    )
    title = "A simulated study of language models, with known truth"
    folder = write_page(results, out, title=title, intro=simulated.about)
    return Report(title, folder, results, (folder / "index.html").read_text(encoding="utf-8"))


def table_of(
    source: Source | ResponseTable,
    *,
    key: Key | str | PathLike[str] | None,
    facets: Sequence[str],
    columns: Mapping[str, str] | None,
) -> ResponseTable:
    """Read the source unless it is a table already.

    Parameters
    ----------
    source, key, facets, columns
        As in :func:`report`.
    """
    chosen = read_key(key) if key is not None else None
    if isinstance(source, ResponseTable):
        return with_key(source, key=chosen) if chosen is not None else source
    return read_responses(source, key=chosen, facets=facets, columns=columns)
