"""The main job: a table of answers becomes a study, and a study becomes a page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.estimates.design import design
from psychomet.estimates.precision.agreement import agreement
from psychomet.estimates.precision.reliability import reliability
from psychomet.estimates.profile import profile
from psychomet.estimates.sensitivity.sensitivity import sensitivity
from psychomet.estimates.validity.link import link
from psychomet.pages.page import write_page
from psychomet.result.reference import with_reference
from psychomet.result.result import Result
from psychomet.scores.key import Key, read_key
from psychomet.scores.score import Missing, answers, check_missing, resolve_key
from psychomet.table.assemble import with_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable
from psychomet.table.simulate import simulate_study
from psychomet.table.source import Source
from psychomet.text import visible


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
    return design(_table(source, key, facets, columns))


def study(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing | None = None,
    key: Key | None = None,
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
    conf_level : float
        Nominal coverage of all intervals.
    n_boot : int
        Bootstrap replicates.

    Returns
    -------
    tuple of Result
        design, profile, reliability, agreement, sensitivity and, where the table has self-reports
        and behaviour, link.

    Raises
    ------
    InputError
        If there is no key, or answers are missing and no rule was given.
    """
    chosen = resolve_key(responses, key)
    if not 0 < conf_level < 1:
        raise InputError(
            "the call", [Fault("conf_level", f"{conf_level} is not between 0 and 1", "Use 0.95, say")]
        )
    rule: Missing = missing_rule(responses, chosen, missing)
    made = responses.design
    by = "model" if "model" in made.identity and len(made.levels.get("model", ())) > 1 else None
    results = [
        design(responses, key=chosen, conf_level=conf_level),
        profile(responses, key=chosen, missing=rule, by=by, conf_level=conf_level),
        reliability(responses, key=chosen, missing=rule, conf_level=conf_level, n_boot=n_boot, seed=seed),
        agreement(responses, key=chosen, missing=rule, conf_level=conf_level),
        sensitivity(responses, key=chosen, missing=rule, conf_level=conf_level),
    ]
    sources = set(made.scale_source.values())
    if "behaviour" in sources and sources - {"behaviour"}:
        results.append(
            link(responses, key=chosen, missing=rule, conf_level=conf_level, n_boot=n_boot, seed=seed)
        )
    return tuple(results)


def report(
    source: Source | ResponseTable,
    *,
    out: str | PathLike[str],
    seed: int,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
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
    missing, conf_level, n_boot
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
    responses = _table(source, key, facets, columns)
    results = study(responses, missing=missing, conf_level=conf_level, n_boot=n_boot, seed=seed)
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


def _table(
    source: Source | ResponseTable,
    key: Key | str | PathLike[str] | None,
    facets: Sequence[str],
    columns: Mapping[str, str] | None,
) -> ResponseTable:
    """Read the source unless it is a table already."""
    chosen = read_key(key) if key is not None else None
    if isinstance(source, ResponseTable):
        return with_key(source, key=chosen) if chosen is not None else source
    return read_responses(source, key=chosen, facets=facets, columns=columns)


def missing_rule(responses: ResponseTable, key: Key, missing: str | None) -> Missing:
    """Return the rule for missing answers; refuse to choose one silently.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key
        The instrument.
    missing : {"available", "complete"} or None
        The rule, if one was given.

    Returns
    -------
    str
        The rule; ``available`` when nothing is missing, where both rules are the same.

    Raises
    ------
    InputError
        If answers are missing and no rule was given, or the rule is unknown.
    """
    if missing is not None:
        return check_missing(missing)
    holes = {
        scale.name: int(np.isnan(answers(responses, scale=scale.name, key=key).values).sum())
        for scale in key.scales
    }
    total = sum(holes.values())
    if total:
        worst = max(holes, key=lambda name: holes[name])
        raise InputError(
            responses.intake.subject,
            [
                Fault(
                    "missing",
                    f"{total} answers are missing (most in scale '{visible(worst)}': {holes[worst]}) and no "
                    "rule for them was given",
                    "Choose missing = available (mean of the items answered, covariances of all available "
                    "pairs) or missing = complete (only rows with every item answered)",
                )
            ],
        )
    return "available"
